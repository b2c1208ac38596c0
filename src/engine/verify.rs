//! Verification: reads the run's keys again and compares them with what was meant to be written.
//!
//! Each key that was written is *right* (it holds exactly that), *changed* (another client wrote or
//! removed it since), *lost* (the server acknowledged the write, and what stood before it stands
//! again) or *wrong*. Wrong is what no client's later write and no loss explains: a hash of which only
//! some fields were written, or something was written that the plan does not yield.

use std::panic::resume_unwind;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread;

use super::backoff::{connect_patiently, patiently};
use super::control::{Control, Gate};
use super::error::EngineError;
use super::judge::{Judge, Judged};
use super::newest::Newest;
use super::progress::{Progress, Verb};
use super::report::{Meter, Report, Verification, now, plan_of};
use super::rollback::part;
use super::run::{RunOptions, note_phase};
use super::sample::Sample;
use super::standing::read_now;
use super::summary;
use super::trouble::{Trouble, Troubles};
use super::whole::as_imaged;
use crate::journal::{ImageEntry, Journal, Mark, Note, Record, RunsFolder, UndoEntry};
use crate::model::{
    Content, Edit, Expiry, FieldChange, FieldWas, HashField, Key, Now, Outcome, Phase, RunId,
    Standing, Stands, Was,
};
use crate::store::{Address, Link};

/// Threads that read again, each over a connection of its own.
const CHECKERS: usize = 2;
/// The first frame after the header.
const FIRST_FRAME: u64 = 2;

/// How a verification is carried out.
#[derive(Clone, Copy, Debug, Default)]
pub struct VerifyOptions {
    /// Only some of the keys; `None` is all.
    pub sample: Option<Sample>,
}

/// Reads every key that a run changed again, or a sample of them, and computes anew what the plan
/// makes of each before-image. Blocks until the end.
pub fn verify(
    address: &Address,
    runs: &RunsFolder,
    run: &RunId,
    options: &VerifyOptions,
    control: &Control,
) -> Result<Report, EngineError> {
    let summary = summary(runs, run)?;
    let (mut journal, header) = Journal::open(runs.open(run)?, &mut |_| Ok(()))?;
    let plan = plan_of(header.plan)?;
    let judge = Judge::new(&plan)?;
    let mut progress = Progress::new(Verb::Verify, Some(run.clone()), false);
    progress.tally = summary.tally;
    control.report(progress);
    let sample =
        options.sample.map(|sample| (sample.of(summary.tally.migrated), summary.tally.migrated));
    let extent = Extent { sample, anew: true };
    let verified = of_journal(address, &mut journal, &judge, extent, control)?;
    let Verified { found, complete, .. } = verified;
    let rolled_back = summary.rollback.is_some();
    let phase = match (complete, found.differing()) {
        (false, _) => Phase::Stopped,
        (true, 1..) => Phase::Failed,
        (true, 0) if options.sample.is_some() => summary.phase,
        (true, 0) if rolled_back || summary.phase == Phase::Failed => Phase::Done,
        (true, 0) => summary.phase,
    };
    if !rolled_back && complete {
        note_phase(&mut journal, phase, summary.seconds, &summary.tally)?;
    }
    Ok(Report {
        run: Some(run.clone()),
        phase,
        dry_run: false,
        plan: plan.id(),
        tally: summary.tally,
        seconds: control.progress().seconds,
        duplicates: 0,
        errors: verified.troubles.groups(),
        followed: None,
        verification: Some(found),
        rollback: None,
        stopped_because: control.stop_reason(),
        undelivered: Vec::new(),
        external: None,
        forward: false,
        changed_keys: Vec::new(),
        without_scripts: false,
    })
}

/// How much is verified.
#[derive(Clone, Copy, Default)]
pub(super) struct Extent {
    /// Only this many of so many keys.
    sample: Option<(u64, u64)>,
    /// Whether what the plan makes of each before-image is computed anew. Without it, the digests
    /// that the run journalled are trusted where they agree with what stands there.
    anew: bool,
}

/// What a verification came to.
pub(super) struct Verified {
    pub found: Verification,
    /// Whether it came to its end.
    pub complete: bool,
    /// The keys that are lost or wrong.
    pub troubles: Troubles,
}

/// Verifies what stands in a journal, and notes the result there.
pub(super) fn of_journal(
    address: &Address,
    journal: &mut Journal,
    judge: &Judge,
    extent: Extent,
    control: &Control,
) -> Result<Verified, EngineError> {
    let patience = RunOptions::default().patience;
    let open = |_| connect_patiently(control, address, patience);
    let mut links = (0..CHECKERS).map(open).collect::<Result<Vec<_>, _>>()?;
    let keys_expire =
        patiently(control, &mut links[0], patience, &mut |_| {}, Link::has_expiring_keys)?;
    let last = journal.frames();
    let newest = Newest::of(journal)?;
    let frames = Frames { journal, newest, next: FIRST_FRAME, last, extent, passed: 0 };
    let frames = Mutex::new(frames);
    let tally = Mutex::new(Tally::new(control, last));
    thread::scope(|scope| {
        let (frames, tally) = (&frames, &tally);
        let checks = links.into_iter().map(|link| {
            let check = Check { control, link, judge, extent, keys_expire, frames, tally };
            scope.spawn(|| check.work())
        });
        let checks: Vec<_> = checks.collect();
        // All are waited for; the first error is the verification's.
        let ended = checks
            .into_iter()
            .map(|check| check.join().unwrap_or_else(|panic| resume_unwind(panic)));
        ended.collect::<Vec<_>>().into_iter().collect::<Result<(), EngineError>>()
    })?;
    let Tally { mut meter, mut progress, verified, .. } =
        tally.into_inner().unwrap_or_else(PoisonError::into_inner);
    if !verified.complete {
        return Ok(verified);
    }
    progress.verification = verified.found;
    progress.fraction = 1.0;
    meter.measure(&mut progress);
    control.report(progress);
    let Verification { checked, changed, lost, wrong, other_expiry, .. } = verified.found;
    let note = Note::Verified { at: now(), checked, changed, lost, wrong, other_expiry };
    let Frames { journal, .. } = frames.into_inner().unwrap_or_else(PoisonError::into_inner);
    journal.append(&Record::Note(note));
    journal.sync()?;
    Ok(verified)
}

/// The frames of a journal that are left to verify.
struct Frames<'j> {
    journal: &'j mut Journal,
    newest: Newest,
    next: u64,
    last: u64,
    extent: Extent,
    /// Keys that were written, so far, sampled or not.
    passed: u64,
}

impl Frames<'_> {
    /// The next keys that are to be read again, with their frame's number; `None` when there are no
    /// more.
    fn next(&mut self) -> Result<Option<(u64, Vec<WrittenKey>)>, EngineError> {
        while self.next <= self.last {
            let number = self.next;
            self.next += 1;
            let mut written = written(self.journal, number)?;
            written.retain(|written| !self.newest.supersedes(&written.entry.key, number));
            let written = self.sampled(written);
            if !written.is_empty() {
                return Ok(Some((number, written)));
            }
        }
        Ok(None)
    }

    /// The keys of the sample, which is spread evenly.
    fn sampled(&mut self, mut written: Vec<WrittenKey>) -> Vec<WrittenKey> {
        let Some((wanted, whole)) = self.extent.sample else { return written };
        let so_far =
            |passed: u64| u128::from(passed) * u128::from(wanted) / u128::from(whole.max(1));
        written.retain(|_| {
            self.passed += 1;
            so_far(self.passed) > so_far(self.passed - 1)
        });
        written
    }
}

/// What the threads of a verification came to so far.
struct Tally<'t> {
    control: &'t Control,
    frames: u64,
    progress: Progress,
    meter: Meter,
    verified: Verified,
}

impl<'t> Tally<'t> {
    fn new(control: &'t Control, frames: u64) -> Self {
        let mut progress = control.progress();
        progress.phase = Phase::Verifying;
        progress.verification = Verification::default();
        let verified = Verified {
            found: Verification::default(),
            complete: true,
            troubles: Troubles::default(),
        };
        Self { control, frames, progress, meter: Meter::new(0.0, 0), verified }
    }

    /// Counts one key; `until` is when it expires now.
    fn count(&mut self, entry: &ImageEntry, verdict: &Verdict, until: Expiry) {
        let found = &mut self.verified.found;
        found.checked += 1;
        let trouble = match verdict {
            Verdict::Right => {
                found.right += 1;
                // Neither a run nor a rollback changes an expiry unless it was told to, so that
                // another client has, or the key did not expire when the run read it.
                let is_other = until != entry.expiry && !entry.image.is_whole();
                found.other_expiry += u64::from(is_other);
                return;
            }
            Verdict::Changed => {
                found.changed += 1;
                return;
            }
            Verdict::Lost => {
                found.lost += 1;
                Trouble::new("verify", LOST)
            }
            Verdict::Wrong(reason) => {
                found.wrong += 1;
                Trouble::new("verify", *reason)
            }
        };
        self.verified.troubles.note(&entry.key, Outcome::Failed, &trouble);
    }

    /// Tells how far it is, after the frame of this number.
    fn report(&mut self, number: u64) {
        if self.meter.is_due(false) {
            let Self { control, frames, progress, meter, verified } = self;
            progress.verification = verified.found;
            progress.fraction = part(number, *frames);
            meter.measure(progress);
            // No pace slows a verification down.
            let stands = |phase: &Phase| *phase == Phase::Paused || control.is_stopped();
            progress.held =
                control.held().filter(|(phase, _)| stands(phase)).map(|(_, reason)| reason);
            control.report(progress.clone());
        }
    }
}

/// A key that was written, by the run or by a rollback of it.
struct WrittenKey {
    entry: ImageEntry,
    by: Writer,
}

/// Who wrote a key last.
enum Writer {
    Run,
    /// A rollback, which put the image back.
    Rollback,
    /// A rollback, which took what stood there back through the inverse chain.
    Inverse(UndoEntry),
}

impl WrittenKey {
    /// Whether what was written stands now, what that replaced, or something else.
    fn standing(&self, now: &Now) -> Standing {
        match &self.by {
            Writer::Run => self.entry.image.standing(now),
            Writer::Inverse(undo) => undo.standing(now),
            Writer::Rollback => match self.entry.image.standing(now) {
                Standing::Before => Standing::Ours,
                Standing::Ours | Standing::Copied => Standing::Before,
                other => other,
            },
        }
    }
}

/// The keys that were written as a frame says, and whose last write that was.
fn written(journal: &mut Journal, frame: u64) -> Result<Vec<WrittenKey>, EngineError> {
    let mut written = Vec::new();
    if let Some(entries) = journal.images(frame)? {
        let marks = journal.marks(frame)?.unwrap_or_default();
        for (entry, mark) in entries.into_iter().zip(marks) {
            let by = match mark {
                Mark::Settled(Outcome::Migrated) => Writer::Run,
                Mark::Restored | Mark::Overwritten => Writer::Rollback,
                // What was taken back through the inverse chain stands in the rollback's frames.
                _ => continue,
            };
            written.push(WrittenKey { entry, by });
        }
    } else if let Some(entries) = journal.undo(frame)? {
        let marks = journal.marks(frame)?.unwrap_or_default();
        let inverted = entries.into_iter().zip(marks).filter(|(_, mark)| *mark == Mark::Inverted);
        written.extend(inverted.map(|(undo, _)| {
            let entry = undo.entry.clone();
            WrittenKey { entry, by: Writer::Inverse(undo) }
        }));
    }
    Ok(written)
}

/// One thread of a verification.
struct Check<'c, 'j> {
    control: &'c Control,
    link: Link,
    judge: &'c Judge,
    extent: Extent,
    /// Whether any key of the server expires.
    keys_expire: bool,
    frames: &'c Mutex<Frames<'j>>,
    tally: &'c Mutex<Tally<'j>>,
}

/// A failover, or a crash of a server that does not keep every write on its disk.
const LOST: &str = "the server acknowledged the write and lost it: what stood there before stands \
                    there again; another run takes it up";

/// What is the matter with one key.
enum Verdict {
    Right,
    Changed,
    Lost,
    Wrong(&'static str),
}

impl Check<'_, '_> {
    /// Verifies frames until there are no more, or the verb is to end.
    fn work(mut self) -> Result<(), EngineError> {
        let ended = self.go_through();
        if ended.is_err() {
            // The others come to their end.
            let frames = &mut lock(self.frames);
            frames.next = frames.last + 1;
        }
        ended
    }

    fn go_through(&mut self) -> Result<(), EngineError> {
        loop {
            if self.control.gate(0) == Gate::Stop {
                lock(self.tally).verified.complete = false;
                return Ok(());
            }
            let next = lock(self.frames).next()?;
            let Some((number, written)) = next else { return Ok(()) };
            self.batch(number, &written)?;
        }
    }

    /// Reads the keys of one frame again and judges them.
    fn batch(&mut self, number: u64, written: &[WrittenKey]) -> Result<(), EngineError> {
        let entries: Vec<&ImageEntry> = written.iter().map(|written| &written.entry).collect();
        let needs_expiries =
            self.keys_expire || entries.iter().any(|entry| entry.expiry != Expiry::Never);
        let patience = RunOptions::default().patience;
        let read = patiently(self.control, &mut self.link, patience, &mut |_| {}, |link| {
            let stands = read_now(link, &entries)?;
            if !needs_expiries {
                return Ok((stands, Vec::new()));
            }
            let keys: Vec<Key> = entries.iter().map(|entry| entry.key.clone()).collect();
            Ok((stands, link.expiries(&keys)?))
        });
        let (stands, expiries) = read?;
        let verdicts = written.iter().zip(&stands).map(|(written, now)| self.verdict(written, now));
        let verdicts: Vec<Verdict> = verdicts.collect();
        let mut tally = lock(self.tally);
        for (at, (entry, verdict)) in entries.into_iter().zip(&verdicts).enumerate() {
            let until = expiries.get(at).copied().flatten().unwrap_or(Expiry::Never);
            tally.count(entry, verdict, until);
        }
        tally.report(number);
        Ok(())
    }

    fn verdict(&self, written: &WrittenKey, now: &Now) -> Verdict {
        let entry = &written.entry;
        let is_right = match written.standing(now) {
            Standing::Before | Standing::Copied => {
                return Verdict::Lost;
            }
            Standing::Missing => return Verdict::Changed,
            Standing::Ours => true,
            Standing::Changed => false,
        };
        let is_by_run = matches!(written.by, Writer::Run);
        if !is_by_run || (is_right && !self.extent.anew) {
            return if is_right { Verdict::Right } else { Verdict::Changed };
        }
        if let (Was::Hash(fields), Stands::Value(Content::Hash(now), _)) =
            (&entry.image.was, &now.here)
        {
            return self.hash_verdict(entry, fields, now, is_right);
        }
        let Some(content) = entry.image.content() else { return Verdict::Changed };
        match self.judge.judge(&entry.key, &content) {
            Judged::Edit { edit, .. }
                if as_imaged(edit.clone(), &entry.image).after_digest() == entry.image.after =>
            {
                if is_right {
                    Verdict::Right
                } else {
                    Verdict::Changed
                }
            }
            // What was answered then is not asked again to check it.
            Judged::Ask(_) if is_right => Verdict::Right,
            Judged::Ask(_) => Verdict::Changed,
            _ => Verdict::Wrong("what was written is not what the plan makes of it"),
        }
    }

    /// Of a hash only the fields that the run compared are kept. With them put back into what stands
    /// there now, the plan tells what each was to become.
    fn hash_verdict(
        &self,
        entry: &ImageEntry,
        was: &[FieldWas],
        now: &[HashField],
        is_right: bool,
    ) -> Verdict {
        if is_right {
            // Our fields stand; that the rest fits beside them is the work of whoever wrote it.
            let content = Content::Hash(now.to_vec());
            let document = content.document().expect("every hash is a document");
            let fits = self.judge.violations(&document).is_empty();
            return if fits { Verdict::Right } else { Verdict::Changed };
        }
        let kept = now.iter().filter(|field| !was.iter().any(|was| was.name == field.name));
        let before = was.iter().filter_map(|FieldWas { name, value, expires }| {
            Some(HashField { name: name.clone(), value: value.clone()?, expires: *expires })
        });
        let before = Content::Hash(kept.cloned().chain(before).collect());
        let Judged::Edit { edit: Edit::Hash(changes), .. } = self.judge.judge(&entry.key, &before)
        else {
            return Verdict::Changed;
        };
        let stands = |name: &[u8]| {
            now.iter().find(|field| field.name == name).map(|field| field.value.clone())
        };
        let (mut old, mut new) = (0, 0);
        for FieldChange { name, before, after, .. } in
            changes.iter().filter(|c| c.before != c.after)
        {
            let stands = stands(name);
            if stands == *after {
                new += 1;
            } else if stands == *before {
                old += 1;
            } else {
                return Verdict::Changed;
            }
        }
        if old > 0 && new > 0 {
            return Verdict::Wrong("only some of the hash's fields were written");
        }
        Verdict::Changed
    }
}

fn lock<T>(shared: &Mutex<T>) -> MutexGuard<'_, T> {
    shared.lock().unwrap_or_else(PoisonError::into_inner)
}
