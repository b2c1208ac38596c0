//! Rollback: takes a run back, newest batch first; and takes a rollback back, which is the same thing
//! once more with the rollback's own before-images.
//!
//! ```text
//! run        before ──────────────> after        Images frames hold `before`
//! rollback   before <────────────── after        Undo frames hold what stood before each write
//! forward    before ──────────────> after        puts those back
//! ```
//!
//! The order of writes is that of a run: image durable, compare-and-set, marks. So a rollback that
//! was cut short is called again and goes on: what has its mark is passed over, and what was written
//! without coming to its mark is recognised by its digest.

mod decide;
mod rehearsal;
mod round;

use std::str::FromStr;
use std::sync::mpsc::SyncSender;
use std::time::Instant;

use serde::Serialize;

pub use self::rehearsal::{Obstacle, Rehearsal, Rehearsing};
use self::round::{Group, Item};
use super::control::{Control, Gate};
use super::error::EngineError;
use super::inverse::Inverse;
use super::newest::Newest;
use super::observe::Observe;
use super::progress::{Progress, SAMPLE_INTERVAL, Verb};
use super::report::{Meter, Report, RollbackTally, now, plan_of};
use super::{remote, summary, watch};
use crate::journal::{Frame, Journal, Mark, Note, Record, RunsFolder};
use crate::model::limits::{BATCH_BYTES_MAX, GROUP_SAMPLE_KEYS_MAX};
use crate::model::{Key, Outcome, Phase, RunId};
use crate::planner::Plan;
use crate::store::{Address, Link};

/// Keys that share one sync of the disk.
const GROUP_KEYS: usize = 800;

/// How a rollback is carried out.
#[derive(Clone, Debug, Default)]
pub struct RollbackOptions {
    /// Whether to write. Without it, a dry run reads and counts.
    pub execute: bool,
    /// What becomes of keys that another client changed since.
    pub changed: OnChanged,
    /// Takes a rollback back instead of the run.
    pub forward: bool,
    /// Who is to see and hear of it.
    pub observe: Observe,
    /// Hears of every key that another client changed since.
    pub listener: Option<SyncSender<ChangedKey>>,
}

/// What becomes of keys that another client changed since the run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum OnChanged {
    /// They are left as they are.
    #[default]
    Keep,
    /// The before-image is put back whatever stands there, with the expiry of that time.
    Overwrite,
    /// What stands there is taken back through the inverse chain, so that the later write lives on.
    Invert,
}

impl FromStr for OnChanged {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "keep" => Ok(Self::Keep),
            "overwrite" => Ok(Self::Overwrite),
            "invert" => Ok(Self::Invert),
            _ => Err("expected keep, overwrite or invert".to_owned()),
        }
    }
}

/// A key that another client changed since the run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ChangedKey {
    /// The key.
    pub key: Key,
    /// What became of it (in a dry run: would become).
    pub done: Done,
    /// Why it was left, where it was.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub reason: String,
}

/// What became of a key that another client changed since the run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Done {
    /// It was left as it is.
    Kept,
    /// It is gone, and stays so.
    Gone,
    /// The before-image was put over it.
    Overwritten,
    /// It was taken back through the inverse chain.
    Inverted,
}

impl Done {
    /// The name in JSON and on screens.
    pub fn name(self) -> &'static str {
        match self {
            Self::Kept => "kept",
            Self::Gone => "gone",
            Self::Overwritten => "overwritten",
            Self::Inverted => "inverted",
        }
    }
}

/// Rolls a run back, or a rollback forward. Blocks until the end. May be called again after it was
/// stopped: what has been done is passed over.
///
/// # Errors
/// Whatever ended it before its end; what was written until then stands in the journal.
pub fn rollback(
    address: &Address,
    runs: &RunsFolder,
    run: &RunId,
    options: &RollbackOptions,
    control: &Control,
) -> Result<Report, EngineError> {
    let summary = summary(runs, run)?;
    if options.forward && summary.rollback.is_none() {
        return Err(EngineError::State(format!(
            "run {run} was not rolled back, or was rolled forward since: there is nothing to bring \
             forward"
        )));
    }
    let mut turns = Turns::default();
    let (journal, header) = Journal::open(runs.open(run)?, &mut |frame| {
        turns.take(frame);
        Ok(())
    })?;
    let plan = plan_of(header.plan)?;
    let mut progress = Progress::new(Verb::Rollback, Some(run.clone()), !options.execute);
    progress.phase = Phase::Running;
    progress.tally = summary.tally;
    let mut rollback = Rollback {
        journal,
        link: Link::open(address)?,
        inverse: match options.changed {
            OnChanged::Invert if !options.forward => Some(Inverse::new(&plan)?),
            _ => None,
        },
        plan,
        turned_at: turns.turned_at,
        newest: Newest::default(),
        options,
        control,
        tally: RollbackTally::default(),
        changed_keys: Vec::new(),
        progress,
        meter: Meter::new(0.0, 0),
        sampled: Instant::now(),
    };
    rollback.note(Note::RollbackBegan { at: now(), forward: options.forward })?;
    let complete = remote::controlled(&runs.peek(run), control, || {
        watch::beside(address, control, || rollback.work())
    })?;
    let RollbackTally { restored, overwritten, inverted, changed, missing, failed } =
        rollback.tally;
    rollback.note(Note::RollbackEnded {
        at: now(),
        forward: options.forward,
        restored,
        overwritten,
        inverted,
        changed,
        missing,
        failed,
        complete,
    })?;
    Ok(rollback.report(run, complete))
}

/// When the run was rolled back, as its notes tell.
#[derive(Default)]
struct Turns {
    is_back: bool,
    /// The frame at which the rollback began that has not been brought forward since.
    turned_at: u64,
}

impl Turns {
    fn take(&mut self, frame: &Frame) {
        match frame.note() {
            Some(Note::RollbackBegan { forward: false, .. }) if !self.is_back => {
                *self = Self { is_back: true, turned_at: frame.number };
            }
            Some(Note::RollbackEnded { forward: true, complete: true, .. }) => self.is_back = false,
            _ => {}
        }
    }
}

/// A rollback at work.
struct Rollback<'r> {
    journal: Journal,
    link: Link,
    plan: Plan,
    /// A roll-forward looks at what stands in the journal after this frame.
    turned_at: u64,
    /// Images that a later one of the same key has taken the place of.
    newest: Newest,
    /// The inverse chains, where they are asked for.
    inverse: Option<Inverse>,
    options: &'r RollbackOptions,
    control: &'r Control,
    tally: RollbackTally,
    /// Some of the keys that were changed since.
    changed_keys: Vec<ChangedKey>,
    progress: Progress,
    meter: Meter,
    /// When the journal last heard how the rollback fares.
    sampled: Instant,
}

impl Rollback<'_> {
    /// Walks over the journal, newest frame first: should a key stand in two batches, its oldest
    /// image is put back last. `false` when it was told to stop.
    fn work(&mut self) -> Result<bool, EngineError> {
        let frames = self.journal.frames();
        self.newest = Newest::of(&mut self.journal)?;
        self.settle_left(frames)?;
        let mut group = Group::default();
        let first = if self.options.forward { self.turned_at } else { 1 };
        for frame in (first + 1..=frames).rev() {
            let items = self.items(frame)?;
            if items.is_empty() {
                continue;
            }
            let control = self.control;
            let mut tell = || self.show(frames - frame, frames);
            if control.gate_telling(items.len(), &mut tell) == Gate::Stop {
                self.finish(&mut group)?;
                return Ok(false);
            }
            for item in items {
                if group.holds(&item.entry.key)
                    || group.len() == GROUP_KEYS
                    || group.bytes() >= BATCH_BYTES_MAX
                {
                    self.finish(&mut group)?;
                }
                group.add(item);
            }
            self.show(frames - frame, frames);
        }
        self.finish(&mut group)?;
        Ok(true)
    }

    /// What is to be taken back of a frame. What was so already is counted.
    fn items(&mut self, frame: u64) -> Result<Vec<Item>, EngineError> {
        if self.options.forward { self.items_forward(frame) } else { self.items_back(frame) }
    }

    fn items_back(&mut self, frame: u64) -> Result<Vec<Item>, EngineError> {
        let Some(entries) = self.journal.images(frame)? else { return Ok(Vec::new()) };
        let marks = self.journal.marks(frame)?;
        // A batch without marks was under way when the run ended: whether it was written shows in
        // what stands there.
        let marks = marks.unwrap_or_else(|| vec![Mark::Settled(Outcome::Migrated); entries.len()]);
        let mut items = Vec::new();
        for (at, (entry, mark)) in entries.into_iter().zip(marks).enumerate() {
            if self.newest.supersedes(&entry.key, frame) {
                continue;
            }
            match mark {
                Mark::Settled(Outcome::Migrated) => items.push(Item::back(frame, at, entry)),
                Mark::Settled(_) | Mark::Again | Mark::Forwarded => {}
                done => self.tally.take_back(done),
            }
        }
        Ok(items)
    }

    fn items_forward(&mut self, frame: u64) -> Result<Vec<Item>, EngineError> {
        let Some(entries) = self.journal.undo(frame)? else { return Ok(Vec::new()) };
        let marks = self.journal.marks(frame)?.unwrap_or_default();
        let mut items = Vec::new();
        for (at, (undo, mark)) in entries.into_iter().zip(marks).enumerate() {
            match mark {
                Mark::Restored | Mark::Overwritten | Mark::Inverted => {
                    items.push(Item::forward(frame, at, undo));
                }
                // By a call that was cut short.
                Mark::Forwarded => self.tally.restored += 1,
                Mark::Settled(_) | Mark::Again => {}
            }
        }
        Ok(items)
    }

    /// Works a group off and empties it.
    fn finish(&mut self, group: &mut Group) -> Result<(), EngineError> {
        let items = std::mem::take(group).into_items();
        if items.is_empty() { Ok(()) } else { self.take_back(items) }
    }

    fn note(&mut self, note: Note) -> Result<(), EngineError> {
        if self.options.execute {
            self.journal.append(&Record::Note(note));
            self.journal.sync()?;
        }
        Ok(())
    }

    /// Tells of a key that another client changed since.
    fn tell(&mut self, key: &Key, done: Done, reason: &str) {
        let changed = ChangedKey { key: key.clone(), done, reason: reason.to_owned() };
        if let Some(listener) = &self.options.listener {
            // Whoever stopped listening does not want to hear.
            let _ = listener.send(changed.clone());
        }
        if self.changed_keys.len() < GROUP_SAMPLE_KEYS_MAX {
            self.changed_keys.push(changed);
        }
    }

    fn show(&mut self, done: u64, whole: u64) {
        if !self.meter.is_due(false) {
            return;
        }
        self.progress.rollback = self.tally;
        self.progress.fraction = part(done, whole);
        self.meter.measure(&mut self.progress);
        let held = self.control.held();
        self.progress.phase = held.as_ref().map_or(Phase::Running, |(phase, _)| *phase);
        self.progress.held = held.map(|(_, reason)| reason);
        if self.options.execute && self.sampled.elapsed() >= SAMPLE_INTERVAL {
            self.sampled = Instant::now();
            // The next sync makes it durable.
            self.journal.append(&Record::Note(self.progress.sample(&self.control.readings())));
        }
        self.control.report(self.progress.clone());
    }

    fn report(mut self, run: &RunId, complete: bool) -> Report {
        self.progress.phase = if complete { Phase::Done } else { Phase::Stopped };
        self.progress.rollback = self.tally;
        self.progress.held = None;
        if complete {
            self.progress.fraction = 1.0;
        }
        self.meter.measure(&mut self.progress);
        self.control.report(self.progress.clone());
        Report {
            run: Some(run.clone()),
            phase: self.progress.phase,
            dry_run: !self.options.execute,
            plan: self.plan.id(),
            tally: self.progress.tally,
            seconds: self.meter.seconds(),
            duplicates: 0,
            errors: Vec::new(),
            followed: None,
            verification: None,
            rollback: Some(self.tally),
            forward: self.options.forward,
            changed_keys: self.changed_keys,
            without_scripts: self.control.is_without_scripts(),
            stopped_because: self.control.stop_reason(),
            undelivered: Vec::new(),
            external: None,
        }
    }
}

/// How much of `whole` is done.
#[expect(clippy::cast_precision_loss, reason = "a fraction for a gauge")]
pub(super) fn part(done: u64, whole: u64) -> f64 {
    if whole == 0 { 1.0 } else { done as f64 / whole as f64 }
}
