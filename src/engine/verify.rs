//! Verification: reads the run's keys again and compares them with what was meant to be written.
//!
//! Each key that was written is *right* (it holds exactly that), *changed* (another client wrote or
//! removed it since), *lost* (the server acknowledged the write, and what stood before it stands
//! again) or *wrong*. Wrong is what no client's later write and no loss explains: a hash of which only
//! some fields were written, or something was written that the plan does not yield.

use std::str::FromStr;

use super::backoff::{connect_patiently, patiently};
use super::control::{Control, Gate};
use super::error::EngineError;
use super::judge::{Judge, Judged};
use super::newest::Newest;
use super::progress::{Progress, Verb};
use super::report::{Meter, Report, Verification, now, plan_of};
use super::rollback::part;
use super::run::{RunOptions, note_phase};
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

/// How a verification is carried out.
#[derive(Clone, Copy, Debug, Default)]
pub struct VerifyOptions {
    /// Only some of the keys; `None` is all.
    pub sample: Option<Sample>,
}

/// Some of a run's keys, spread evenly over it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Sample {
    /// This many.
    Keys(u64),
    /// This part, in percent.
    Percent(f64),
}

impl FromStr for Sample {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let sample = match text.strip_suffix('%') {
            Some(percent) => percent
                .trim()
                .parse()
                .ok()
                .filter(|percent| (0.0..=100.0).contains(percent))
                .map(Self::Percent),
            None => text.parse().ok().map(Self::Keys),
        };
        sample.ok_or_else(|| "expected a number of keys, or a percentage as in 5%".to_owned())
    }
}

impl Sample {
    /// How many of `whole` keys.
    #[expect(
        clippy::cast_precision_loss,
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a percentage of a count of keys"
    )]
    fn of(self, whole: u64) -> u64 {
        match self {
            Self::Keys(keys) => keys.min(whole),
            Self::Percent(percent) => (whole as f64 * percent / 100.0).ceil() as u64,
        }
    }
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
    let mut link = connect_patiently(control, address, patience)?;
    let keys_expire =
        patiently(control, &mut link, patience, &mut |_| {}, Link::has_expiring_keys)?;
    let mut progress = control.progress();
    progress.phase = Phase::Verifying;
    progress.verification = Verification::default();
    let mut meter = Meter::new(0.0, 0);
    let frames = journal.frames();
    let newest = Newest::of(journal)?;
    let verified =
        Verified { found: Verification::default(), complete: true, troubles: Troubles::default() };
    let mut check = Check { control, link, judge, extent, keys_expire, passed: 0, verified };
    for number in 2..=frames {
        let mut written = written(journal, number)?;
        written.retain(|written| !newest.supersedes(&written.entry.key, number));
        let written = check.sampled(written);
        if written.is_empty() {
            continue;
        }
        if control.gate(0) == Gate::Stop {
            check.verified.complete = false;
            return Ok(check.verified);
        }
        check.batch(&written)?;
        if meter.is_due(false) {
            progress.verification = check.verified.found;
            progress.fraction = part(number, frames);
            meter.measure(&mut progress);
            progress.held = control.held().map(|(_, reason)| reason);
            control.report(progress.clone());
        }
    }
    let verified = check.verified;
    progress.verification = verified.found;
    progress.fraction = 1.0;
    meter.measure(&mut progress);
    control.report(progress);
    let Verification { checked, changed, lost, wrong, other_expiry, .. } = verified.found;
    let note = Note::Verified { at: now(), checked, changed, lost, wrong, other_expiry };
    journal.append(&Record::Note(note));
    journal.sync()?;
    Ok(verified)
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

/// A verification at work.
struct Check<'c> {
    control: &'c Control,
    link: Link,
    judge: &'c Judge,
    extent: Extent,
    /// Whether any key of the server expires.
    keys_expire: bool,
    /// Keys that were written, so far, sampled or not.
    passed: u64,
    verified: Verified,
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

impl Check<'_> {
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

    /// Reads the keys of one frame again and judges them.
    fn batch(&mut self, written: &[WrittenKey]) -> Result<(), EngineError> {
        let entries: Vec<&ImageEntry> = written.iter().map(|written| &written.entry).collect();
        let keys: Vec<Key> = entries.iter().map(|entry| entry.key.clone()).collect();
        let needs_expiries =
            self.keys_expire || entries.iter().any(|entry| entry.expiry != Expiry::Never);
        let patience = RunOptions::default().patience;
        let read = patiently(self.control, &mut self.link, patience, &mut |_| {}, |link| {
            let stands = read_now(link, &entries)?;
            let expiries = if needs_expiries { link.expiries(&keys)? } else { Vec::new() };
            Ok((stands, expiries))
        });
        let (stands, expiries) = read?;
        for (at, (written, now)) in written.iter().zip(&stands).enumerate() {
            let verdict = self.verdict(written, now);
            let tally = &mut self.verified.found;
            tally.checked += 1;
            match verdict {
                Verdict::Right => {
                    tally.right += 1;
                    // Neither a run nor a rollback changes an expiry unless it was told to, so that
                    // another client has, or the key did not expire when the run read it.
                    let until = expiries.get(at).copied().flatten().unwrap_or(Expiry::Never);
                    let is_other = until != written.entry.expiry;
                    tally.other_expiry += u64::from(is_other && !written.entry.image.is_whole());
                }
                Verdict::Changed => tally.changed += 1,
                Verdict::Lost => {
                    tally.lost += 1;
                    self.note(&written.entry.key, LOST);
                }
                Verdict::Wrong(reason) => {
                    tally.wrong += 1;
                    self.note(&written.entry.key, reason);
                }
            }
        }
        Ok(())
    }

    fn note(&mut self, key: &Key, reason: &str) {
        let trouble = Trouble::new("verify", reason);
        self.verified.troubles.note(key, Outcome::Failed, &trouble);
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn samples_are_numbers_or_percentages() {
        assert_eq!("100".parse(), Ok(Sample::Keys(100)));
        assert_eq!("2.5%".parse(), Ok(Sample::Percent(2.5)));
        assert!("101%".parse::<Sample>().is_err());
        assert!("-1".parse::<Sample>().is_err());
        assert_eq!(Sample::Percent(2.5).of(1_001), 26);
        assert_eq!(Sample::Keys(10).of(3), 3);
    }
}
