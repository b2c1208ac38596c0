//! Going on with a run that was stopped, or that a crash ended.

use std::collections::{BTreeMap, HashSet};
use std::sync::Mutex;

use super::control::Control;
use super::error::EngineError;
use super::external::Services;
use super::follow::Follow;
use super::judge::Judge;
use super::pipeline::{KeptAnswers, Unsettled};
use super::report::{Report, plan_of};
use super::run::{Begun, Found, RunOptions};
use super::settle::Settled;
use super::trouble::Trouble;
use crate::journal::{
    AnswerEntry, Checkpoint, ImageEntry, Journal, Mark, Note, Record, RunsFolder, SeenKeys,
};
use crate::model::{Key, Phase, RunId};
use crate::store::Address;
use crate::transform::external::Answer;

/// Goes on with a run: reads its journal, settles by reading back what was under way, and scans on
/// from the checkpoint (from the start, when the server was restarted since), passing over every key
/// that has its outcome.
pub fn resume(
    address: &Address,
    runs: &RunsFolder,
    run: &RunId,
    options: &RunOptions,
    control: &Control,
) -> Result<Report, EngineError> {
    let mut replayed = Replayed::default();
    let (journal, header) = Journal::open(runs.open(run)?, &mut |frame| {
        replayed.take(frame.number, frame.record()?);
        Ok(())
    })?;
    if replayed.rolled_back {
        return Err(EngineError::State(format!(
            "run {run} was rolled back, at least in part: start a new run, or bring the rollback \
             forward first with `remold rollback {run} --forward`"
        )));
    }
    if replayed.phase == Some(Phase::Done) {
        return Err(EngineError::State(format!(
            "run {run} is done: there is nothing to resume (`remold verify {run}` reads it again)"
        )));
    }
    let plan = plan_of(header.plan)?;
    let judge = Judge::new(&plan)?;
    // Whether its cursors are worth something yet is for the walk to find out.
    let start = journal.last_checkpoint()?;
    let begun = || Checkpoint { starts: header.starts.clone(), ..Checkpoint::default() };
    let start = start.unwrap_or_else(begun);
    let services = Services::open(&plan, &judge.endpoints())?;
    let services = services.as_ref();
    let options = &RunOptions { follow: options.follow.or(replayed.follow), ..options.clone() };
    let begun = Begun { plan: &plan, judge: &judge, address, options, control, services };
    let settled = Settled { seconds: start.seconds, ..replayed.settled };
    let unsettled =
        replayed.open.into_iter().map(|(frame, entries)| Unsettled::Batch { frame, entries });
    let unsettled =
        unsettled.chain([Unsettled::Keys(replayed.again.into_iter().collect())]).collect();
    let seen = Mutex::new(replayed.seen);
    let answers = replayed.answers;
    let found = Found { run, seen, start, settled, unsettled, answers };
    begun.carry_out(&runs.peek(run), Mutex::new(journal), found)
}

/// What a journal tells of the run so far.
#[derive(Default)]
struct Replayed {
    settled: Settled,
    seen: SeenKeys,
    /// Batches without marks.
    open: BTreeMap<u64, Vec<ImageEntry>>,
    /// Keys that were to go round again and do not stand in a later frame.
    again: HashSet<Key>,
    /// What services answered for keys that have no outcome yet.
    answers: KeptAnswers,
    phase: Option<Phase>,
    rolled_back: bool,
    /// How the run is to follow its writers, where it is.
    follow: Option<Follow>,
}

impl Replayed {
    fn take(&mut self, frame: u64, record: Record) {
        for key in record.keys() {
            self.seen.journalled(key, frame);
            self.again.remove(key);
        }
        match record {
            Record::Images(entries) => {
                self.open.insert(frame, entries);
            }
            Record::Marks { frame, marks } => {
                let entries = self.open.remove(&frame).unwrap_or_default();
                for (mark, entry) in marks.into_iter().zip(entries) {
                    match mark {
                        Mark::Settled(outcome) => {
                            self.settled.tally.count(outcome);
                            self.answers.forget(&entry.key);
                        }
                        // A rollback found that it never was written, or took it back before the
                        // run had come to know that it was.
                        Mark::Again
                        | Mark::Restored
                        | Mark::Overwritten
                        | Mark::Inverted
                        | Mark::Forwarded => {
                            self.again.insert(entry.key);
                        }
                    }
                }
            }
            Record::Outcomes(entries) => {
                for entry in entries {
                    self.settled.tally.count(entry.outcome);
                    self.answers.forget(&entry.key);
                    if let Ok(trouble) = serde_json::from_str::<Trouble>(&entry.reason) {
                        self.settled.troubles.note(&entry.key, entry.outcome, &trouble);
                        self.seen.tell(&entry.key, &entry.reason);
                    }
                }
            }
            Record::Answers(entries) => {
                for AnswerEntry { key, question, answer } in entries {
                    self.answers.keep(&key, question, Answer::Json(answer));
                }
            }
            Record::Note(Note::Phase { phase, .. }) => self.phase = Some(phase),
            Record::Note(Note::RollbackBegan { forward: false, .. }) => self.rolled_back = true,
            Record::Note(Note::RollbackEnded { forward: true, complete: true, .. }) => {
                self.rolled_back = false;
            }
            Record::Note(note) => self.follow = Follow::of(&note).or(self.follow),
            Record::Header(_) | Record::Undo(_) => {}
        }
    }
}
