//! What a face sees of a verb at work.

use std::time::Duration;

use serde::Serialize;

use super::busy::Busy;
use super::follow::Followed;
use super::report::{RollbackTally, Verification};
use super::throttle::{Readings, Signal};
use super::trouble::ErrorGroup;
use crate::journal::Note;
use crate::model::{Phase, RunId, Tally};

/// How often the journal hears how a verb that writes and the server fare.
pub(super) const SAMPLE_INTERVAL: Duration = Duration::from_secs(2);

/// What is being done.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Verb {
    /// A run, or its dry run.
    Run,
    /// A verification.
    Verify,
    /// A rollback.
    Rollback,
}

/// A snapshot of a verb at work. Cheap enough to clone ten times a second.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Progress {
    /// What is being done.
    pub verb: Verb,
    /// The run.
    pub run: Option<RunId>,
    /// Whether nothing is written.
    pub dry_run: bool,
    /// Where it stands.
    pub phase: Phase,
    /// The stage of a run in stages: `canary 1%`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stage: Option<String>,
    /// How a run follows its writers, once it does.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub followed: Option<Followed>,
    /// The outcomes so far.
    pub tally: Tally,
    /// What a verification found so far.
    pub verification: Verification,
    /// What a rollback did so far.
    pub rollback: RollbackTally,
    /// Keys that had their outcome before the scan under way began: of earlier stages, or of another pass.
    #[serde(skip)]
    pub before: u64,
    /// How much of the keyspace was scanned (or of the journal worked off), from 0 to 1.
    pub fraction: f64,
    /// Keys per second over the last seconds.
    pub rate: f64,
    /// Seconds of work so far, over all resumes.
    pub seconds: f64,
    /// Seconds until the end, when that can be told.
    pub eta_seconds: Option<f64>,
    /// How long the last batches took to write, in milliseconds.
    pub batch_ms: f64,
    /// Keys that SCAN returned again.
    pub duplicates: u64,
    /// Why the verb is held up; `None` when it goes at full speed.
    pub held: Option<String>,
    /// How much of the time each station of a run is at work.
    pub busy: Busy,
    /// Whether a run in stages waits after one of them until it is told to go on.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub between_stages: bool,
    /// The troubles, most keys first.
    pub errors: Vec<ErrorGroup>,
}

impl Progress {
    /// A verb that begins.
    pub fn new(verb: Verb, run: Option<RunId>, dry_run: bool) -> Self {
        Self {
            verb,
            run,
            dry_run,
            phase: Phase::Preparing,
            stage: None,
            followed: None,
            tally: Tally::default(),
            verification: Verification::default(),
            rollback: RollbackTally::default(),
            before: 0,
            fraction: 0.0,
            rate: 0.0,
            seconds: 0.0,
            eta_seconds: None,
            batch_ms: 0.0,
            duplicates: 0,
            held: None,
            busy: Busy::default(),
            between_stages: false,
            errors: Vec::new(),
        }
    }

    /// Keys dealt with so far, whatever the verb.
    pub fn done(&self) -> u64 {
        match (self.verb, self.phase) {
            (Verb::Run, phase) if phase != Phase::Verifying => self.tally.scanned,
            (Verb::Rollback, _) => self.rollback.sum(),
            _ => self.verification.checked,
        }
    }

    /// What the journal keeps of this moment.
    pub(super) fn sample(&self, readings: &Readings) -> Note {
        let signals = Signal::ALL
            .into_iter()
            .filter_map(|signal| Some((signal.knob().to_owned(), readings.of(signal)?)));
        let figures = readings.figures.iter().map(|(name, figure)| ((*name).to_owned(), *figure));
        Note::Sample {
            seconds: self.seconds,
            scanned: self.done(),
            needs_eyes: match self.verb {
                Verb::Rollback => self.rollback.changed + self.rollback.failed,
                _ => self.tally.needs_eyes(),
            },
            batch_ms: self.batch_ms,
            server: signals.chain(figures).collect(),
            held: self.held.clone(),
        }
    }

    /// About how many keys there will be in the end, when that can be told.
    pub fn total(&self) -> Option<u64> {
        const TELLING: f64 = 0.001;
        #[expect(
            clippy::cast_precision_loss,
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "an estimate of a count"
        )]
        (self.fraction > TELLING).then(|| {
            // Keys of earlier stages came in no part of this scan.
            let before = self.before.min(self.done());
            let of_scan = (self.done() - before) as f64 / self.fraction;
            before + of_scan.round() as u64
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_of_earlier_stages_are_no_part_of_the_scan_under_way() {
        let mut progress = Progress::new(Verb::Run, None, false);
        (progress.before, progress.fraction) = (1_000, 0.1);
        progress.tally.scanned = 1_900;
        assert_eq!(progress.total(), Some(10_000));
        progress.fraction = 0.0;
        assert_eq!(progress.total(), None);
    }
}
