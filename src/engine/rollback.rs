//! Rollback: puts the before-images back, newest first, only where our value still stands.

use super::backoff::patiently;
use super::control::{Control, Gate};
use super::error::EngineError;
use super::progress::{Progress, Verb};
use super::report::{Meter, Report, RollbackTally, now, plan_of};
use super::run::RunOptions;
use super::standing::read_now;
use super::summary;
use super::verify::marks;
use crate::journal::{ImageEntry, Journal, Mark, Note, Record, RunsFolder, crash_point};
use crate::model::{Edit, Key, Now, Outcome, Phase, RunId, Standing};
use crate::store::{Address, Link, StoreError, Written};

/// How a rollback is carried out.
#[derive(Clone, Debug, Default)]
pub struct RollbackOptions {
    /// Whether to write. Without it, a dry run reads and counts.
    pub execute: bool,
}

/// Rolls a run back. Blocks until the end. May be called again after it was stopped: what was put
/// back is passed over.
pub fn rollback(
    address: &Address,
    runs: &RunsFolder,
    run: &RunId,
    options: &RollbackOptions,
    control: &Control,
) -> Result<Report, EngineError> {
    let summary = summary(runs, run)?;
    let (mut journal, header) = Journal::open(runs.open(run)?, &mut |_, _| {})?;
    let plan = plan_of(header.plan)?;
    let mut link = Link::open(address)?;
    let marks = marks(&mut journal)?;
    if options.execute {
        journal.append(&Record::Note(Note::RollbackBegan { at: now() }));
        journal.sync()?;
    }
    let mut progress = Progress::new(Verb::Rollback, Some(run.clone()), !options.execute);
    progress.phase = Phase::Running;
    progress.tally = summary.tally;
    let mut meter = Meter::new(0.0, 0);
    let mut tally = RollbackTally::default();
    let frames = journal.frames();
    let mut complete = true;
    // Newest first: should a key stand in two batches, its oldest image is put back last.
    for number in (2..=frames).rev() {
        let Record::Images(entries) = journal.read(number)? else { continue };
        if control.gate(entries.len()) == Gate::Stop {
            complete = false;
            break;
        }
        // A batch without marks was under way when the run ended: whether it was written shows in
        // what stands there.
        let unknown = vec![Mark::Settled(Outcome::Migrated); entries.len()];
        let known = marks.get(&number).unwrap_or(&unknown);
        let batch = Batch { control, link: &mut link, execute: options.execute };
        let newer = batch.put_back(&entries, known, &mut tally)?;
        if options.execute && newer.as_slice() != known.as_slice() {
            journal.append(&Record::Marks { frame: number, marks: newer });
            journal.flush()?;
        }
        if meter.is_due(false) {
            progress.rollback = tally;
            progress.fraction = part(frames - number, frames);
            meter.measure(&mut progress);
            let held = control.held();
            progress.phase = held.as_ref().map_or(Phase::Running, |(phase, _)| *phase);
            progress.held = held.map(|(_, reason)| reason);
            control.report(progress.clone());
        }
    }
    if options.execute {
        note_end(&mut journal, tally, complete)?;
    }
    progress.phase = if complete { Phase::Done } else { Phase::Stopped };
    progress.rollback = tally;
    progress.held = None;
    if complete {
        progress.fraction = 1.0;
    }
    meter.measure(&mut progress);
    let phase = progress.phase;
    control.report(progress);
    Ok(Report {
        run: Some(run.clone()),
        phase,
        dry_run: !options.execute,
        plan: plan.id(),
        tally: summary.tally,
        seconds: meter.seconds(),
        duplicates: 0,
        errors: Vec::new(),
        verification: None,
        rollback: Some(tally),
        stopped_because: control.stop_reason(),
        external: None,
    })
}

fn note_end(
    journal: &mut Journal,
    tally: RollbackTally,
    complete: bool,
) -> Result<(), EngineError> {
    let RollbackTally { restored, changed, missing, failed } = tally;
    let at = now();
    let ended = Note::RollbackEnded { at, restored, changed, missing, failed, complete };
    journal.append(&Record::Note(ended));
    Ok(journal.sync()?)
}

/// How much of `whole` is done.
#[expect(clippy::cast_precision_loss, reason = "a fraction for a gauge")]
pub(super) fn part(done: u64, whole: u64) -> f64 {
    if whole == 0 { 1.0 } else { done as f64 / whole as f64 }
}

struct Batch<'b> {
    control: &'b Control,
    link: &'b mut Link,
    execute: bool,
}

/// What is to be done about one entry.
enum Plan {
    Restore(Edit),
    /// The image stands there already.
    Stands,
    Changed,
    Missing,
}

impl Batch<'_> {
    /// Puts one batch back. Answers its marks as they are now.
    fn put_back(
        mut self,
        entries: &[ImageEntry],
        known: &[Mark],
        tally: &mut RollbackTally,
    ) -> Result<Vec<Mark>, EngineError> {
        let mut marks = known.to_vec();
        let at: Vec<usize> = (0..entries.len())
            .filter(|at| matches!(known[*at], Mark::Settled(Outcome::Migrated) | Mark::Restored))
            .collect();
        let values = self.read(entries, &at)?;
        let mut edits = Vec::new();
        for (at, value) in at.into_iter().zip(values) {
            match decide(&entries[at], &value) {
                Plan::Restore(edit) => edits.push((at, edit)),
                Plan::Stands => {
                    tally.restored += 1;
                    marks[at] = Mark::Restored;
                }
                Plan::Changed => tally.changed += 1,
                Plan::Missing => tally.missing += 1,
            }
        }
        if !self.execute {
            tally.restored += edits.len() as u64;
            return Ok(marks);
        }
        let pairs: Vec<(&Key, &Edit)> =
            edits.iter().map(|(at, edit)| (&entries[*at].key, edit)).collect();
        // Doing it again is safe: what was put back the first time differs from `before` by now,
        // and is recognised below by reading it.
        crash_point();
        let written = self.patiently(|link| link.compare_and_set(&pairs))?;
        crash_point();
        let mut unclear = Vec::new();
        for (written, (at, _)) in written.into_iter().zip(&edits) {
            match written {
                Written::Replaced => {
                    tally.restored += 1;
                    marks[*at] = Mark::Restored;
                }
                Written::Differs => unclear.push(*at),
            }
        }
        let values = self.read(entries, &unclear)?;
        for (at, value) in unclear.into_iter().zip(values) {
            match decide(&entries[at], &value) {
                Plan::Stands => {
                    tally.restored += 1;
                    marks[at] = Mark::Restored;
                }
                Plan::Missing => tally.missing += 1,
                // Somebody wrote between our read and our write: theirs stands.
                Plan::Restore(_) | Plan::Changed => tally.changed += 1,
            }
        }
        Ok(marks)
    }

    fn read(&mut self, entries: &[ImageEntry], at: &[usize]) -> Result<Vec<Now>, EngineError> {
        let read: Vec<&ImageEntry> = at.iter().map(|at| &entries[*at]).collect();
        self.patiently(|link| read_now(link, &read))
    }

    fn patiently<T>(
        &mut self,
        attempt: impl FnMut(&mut Link) -> Result<T, StoreError>,
    ) -> Result<T, EngineError> {
        let patience = RunOptions::default().patience;
        Ok(patiently(self.control, self.link, patience, &mut |_| {}, attempt)?)
    }
}

fn decide(entry: &ImageEntry, now: &Now) -> Plan {
    match entry.image.standing(now) {
        Standing::Ours | Standing::Copied => {
            entry.image.restoring(now).map_or(Plan::Changed, Plan::Restore)
        }
        Standing::Before => Plan::Stands,
        Standing::Changed => Plan::Changed,
        Standing::Missing => Plan::Missing,
    }
}
