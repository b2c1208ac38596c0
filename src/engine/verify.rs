//! Verification: reads the run's keys again and compares them with what was meant to be written.

use std::collections::HashMap;

use super::backoff::patiently;
use super::control::{Control, Gate};
use super::error::EngineError;
use super::judge::{Judge, Judged};
use super::progress::{Progress, Verb};
use super::report::{Meter, Report, Verification, now, plan_of};
use super::rollback::part;
use super::run::{RunOptions, note_phase};
use super::standing::read_now;
use super::summary;
use crate::journal::{ImageEntry, Journal, Mark, Note, Record, RunsFolder};
use crate::model::{Outcome, Phase, RunId, Standing};
use crate::store::{Address, Link};

/// Reads every key that a run changed again. Blocks until the end.
pub fn verify(
    address: &Address,
    runs: &RunsFolder,
    run: &RunId,
    control: &Control,
) -> Result<Report, EngineError> {
    let summary = summary(runs, run)?;
    let (mut journal, header) = Journal::open(runs.open(run)?, &mut |_, _| {})?;
    let plan = plan_of(header.plan)?;
    let judge = Judge::new(&plan)?;
    let mut progress = Progress::new(Verb::Verify, Some(run.clone()), false);
    progress.tally = summary.tally;
    control.report(progress);
    let (found, complete) = of_journal(address, &mut journal, &judge, control)?;
    let rolled_back = summary.rollback.is_some();
    let phase = match (complete, found.wrong) {
        (false, _) => Phase::Stopped,
        (true, 0) if rolled_back || summary.phase == Phase::Failed => Phase::Done,
        (true, 0) => summary.phase,
        (true, _) => Phase::Failed,
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
        errors: Vec::new(),
        verification: Some(found),
        rollback: None,
        stopped_because: control.stop_reason(),
        external: None,
    })
}

/// The last mark of every entry of every batch, by the batch's frame.
pub(super) fn marks(journal: &mut Journal) -> Result<HashMap<u64, Vec<Mark>>, EngineError> {
    let mut marks: HashMap<u64, Vec<Mark>> = HashMap::new();
    for number in 2..=journal.frames() {
        if let Record::Marks { frame, marks: newer } = journal.read(number)? {
            marks.insert(frame, newer);
        }
    }
    Ok(marks)
}

/// Verifies what stands in a journal, and notes the result there. Answers what was found and
/// whether it came to its end.
pub(super) fn of_journal(
    address: &Address,
    journal: &mut Journal,
    judge: &Judge,
    control: &Control,
) -> Result<(Verification, bool), EngineError> {
    let mut link = Link::open(address)?;
    let marks = marks(journal)?;
    let mut progress = control.progress();
    progress.phase = Phase::Verifying;
    progress.verification = Verification::default();
    let mut meter = Meter::new(0.0, 0);
    let frames = journal.frames();
    let mut found = Verification::default();
    for number in 2..=frames {
        let Some(marks) = marks.get(&number) else { continue };
        let Record::Images(entries) = journal.read(number)? else { continue };
        if control.gate(0) == Gate::Stop {
            return Ok((found, false));
        }
        check(control, &mut link, judge, &entries, marks, &mut found)?;
        if meter.is_due(false) || number == frames {
            progress.verification = found;
            progress.fraction = part(number, frames);
            meter.measure(&mut progress);
            progress.held = control.held().map(|(_, reason)| reason);
            control.report(progress.clone());
        }
    }
    progress.verification = found;
    progress.fraction = 1.0;
    meter.measure(&mut progress);
    control.report(progress);
    let Verification { checked, changed, wrong, .. } = found;
    journal.append(&Record::Note(Note::Verified { at: now(), checked, changed, wrong }));
    journal.sync()?;
    Ok((found, true))
}

/// Reads the entries of one batch again and adds to `found`.
fn check(
    control: &Control,
    link: &mut Link,
    judge: &Judge,
    entries: &[ImageEntry],
    marks: &[Mark],
    found: &mut Verification,
) -> Result<(), EngineError> {
    let written: Vec<(&ImageEntry, bool)> = entries
        .iter()
        .zip(marks)
        .filter_map(|(entry, mark)| match mark {
            Mark::Settled(Outcome::Migrated) => Some((entry, false)),
            Mark::Restored => Some((entry, true)),
            _ => None,
        })
        .collect();
    let read: Vec<&ImageEntry> = written.iter().map(|(entry, _)| *entry).collect();
    let patience = RunOptions::default().patience;
    let stood = patiently(control, link, patience, &mut |_| {}, |link| read_now(link, &read))?;
    for ((entry, restored), now) in written.into_iter().zip(stood) {
        found.checked += 1;
        let standing = entry.image.standing(&now);
        let meant = if restored { Standing::Before } else { Standing::Ours };
        if standing == meant {
            found.right += 1;
        } else if is_wrong(judge, entry, standing, restored) {
            found.wrong += 1;
        } else {
            found.changed += 1;
        }
    }
    Ok(())
}

/// Whether a difference is ours: the write is lost (the value from before the run stands there), or
/// what was meant to be written is not what the plan yields.
fn is_wrong(judge: &Judge, entry: &ImageEntry, standing: Standing, restored: bool) -> bool {
    if restored {
        return standing == Standing::Ours;
    }
    if matches!(standing, Standing::Before | Standing::Copied) {
        return true;
    }
    let Some(content) = entry.image.content() else { return false };
    match judge.judge(&entry.key, &content) {
        Judged::Edit { edit, .. } => edit.after_digest() != entry.image.after,
        // What was answered then is not asked again to check it.
        Judged::Ask(_) => false,
        Judged::Outcome(..) => true,
    }
}
