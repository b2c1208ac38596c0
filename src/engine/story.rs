//! The whole story of a run, as its journal tells it: for reports.

use std::collections::BTreeMap;

use serde::Serialize;

use super::error::EngineError;
use super::report::{RunSummary, plan_of_run, summary};
use super::trouble::{ErrorGroup, Trouble, Troubles};
use crate::journal::{Note, Record, Replay, RunsFolder};
use crate::model::{Key, Phase, RunId};
use crate::planner::Plan;

/// A run from its beginning to where it stands.
#[derive(Clone, Debug, Serialize)]
pub struct Story {
    /// Where it stands.
    pub summary: RunSummary,
    /// What it was to do.
    #[serde(skip)]
    pub plan: Plan,
    /// When it came to which phase: RFC 3339.
    pub phases: Vec<(String, Phase)>,
    /// Why keys did not come through, most keys first.
    pub errors: Vec<ErrorGroup>,
    /// How the run and the server fared.
    pub samples: Vec<Moment>,
    /// How its last rollback, or roll-forward, and the server fared.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub rollback_samples: Vec<Moment>,
}

/// How a run, or its rollback, and the server fared at a moment.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Moment {
    /// Seconds of work so far.
    pub seconds: f64,
    /// Keys scanned so far; of a rollback, those it is done with.
    pub scanned: u64,
    /// Keys that need eyes so far.
    pub needs_eyes: u64,
    /// Milliseconds for a batch, smoothed.
    pub batch_ms: f64,
    /// What was read of the server, by the signal's name.
    pub server: BTreeMap<String, f64>,
    /// Why the run was held back.
    pub held: Option<String>,
}

/// Reads the whole journal of a run.
pub fn story(runs: &RunsFolder, run: &RunId) -> Result<Story, EngineError> {
    let (summary, plan) = (summary(runs, run)?, plan_of_run(runs, run)?);
    let mut story = Story {
        summary,
        plan,
        phases: Vec::new(),
        errors: Vec::new(),
        samples: Vec::new(),
        rollback_samples: Vec::new(),
    };
    let mut is_rolling = false;
    let mut troubles = Troubles::default();
    let mut replay = Replay::open(&runs.peek(run))?;
    while let Some(frame) = replay.next()? {
        match frame.record()? {
            Record::Outcomes(entries) => {
                for entry in entries {
                    if let Ok(trouble) = serde_json::from_str::<Trouble>(&entry.reason) {
                        troubles.note(&entry.key, entry.outcome, &trouble);
                    }
                }
            }
            // A rollback that was cut short has no end; the run that is resumed after it has phases.
            Record::Note(Note::Phase { phase, at, .. }) => {
                is_rolling = false;
                story.phases.push((at, phase));
            }
            Record::Note(Note::Sample { seconds, scanned, needs_eyes, batch_ms, server, held }) => {
                let of = if is_rolling { &mut story.rollback_samples } else { &mut story.samples };
                of.push(Moment { seconds, scanned, needs_eyes, batch_ms, server, held });
            }
            Record::Note(Note::RollbackBegan { .. }) => {
                is_rolling = true;
                story.rollback_samples.clear();
            }
            Record::Note(Note::RollbackEnded { .. }) => is_rolling = false,
            _ => {}
        }
    }
    story.errors = troubles.groups();
    Ok(story)
}

/// The most keys that are run over again by themselves: they stand in the plan.
pub const FAILED_KEYS_MAX: usize = 1_000_000;

/// The keys of a run that need eyes, in the order in which they came to their outcome; no more than
/// [`FAILED_KEYS_MAX`] and one.
pub fn failed_keys(runs: &RunsFolder, run: &RunId) -> Result<Vec<Key>, EngineError> {
    let mut keys = Vec::new();
    let mut replay = Replay::open(&runs.peek(run))?;
    while let Some(frame) = replay.next()? {
        let Record::Outcomes(entries) = frame.record()? else { continue };
        let failed = entries.into_iter().filter(|entry| entry.outcome.needs_eyes());
        keys.extend(failed.map(|entry| entry.key));
        if keys.len() > FAILED_KEYS_MAX {
            keys.truncate(FAILED_KEYS_MAX + 1);
            break;
        }
    }
    Ok(keys)
}
