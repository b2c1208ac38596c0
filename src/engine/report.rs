//! What a verb came to, and how far it is while it works.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};

use super::error::EngineError;
use super::follow::Followed;
use super::progress::Progress;
use super::rollback::ChangedKey;
use super::trouble::ErrorGroup;
use crate::journal::{Mark, Note, Record, Replay, RunsFolder};
use crate::model::limits::PROGRESS_INTERVAL_MS;
use crate::model::{Phase, PlanId, RunId, Tally};
use crate::planner::Plan;

/// What a verb came to. As JSON it is the last line of `run`, `resume`, `verify` and `rollback`.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Report {
    /// The run; `None` for a dry run, which leaves nothing behind.
    pub run: Option<RunId>,
    /// Where it ended.
    pub phase: Phase,
    /// Whether nothing was written.
    pub dry_run: bool,
    /// The plan.
    pub plan: PlanId,
    /// The outcomes.
    pub tally: Tally,
    /// Seconds of work, over all resumes.
    pub seconds: f64,
    /// Keys that SCAN returned again, which were passed over.
    pub duplicates: u64,
    /// The troubles, most keys first.
    pub errors: Vec<ErrorGroup>,
    /// How it followed its writers, where it did.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub followed: Option<Followed>,
    /// What the verification found, where there was one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub verification: Option<Verification>,
    /// What the rollback did, where there was one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rollback: Option<RollbackTally>,
    /// Why it was stopped before its end, when that was not the operator's own doing.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stopped_because: Option<String>,
    /// What was asked of services outside, where the plan's steps ask any.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub external: Option<AskedTally>,
    /// Whether the rollback was one of a rollback: a roll-forward.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub forward: bool,
    /// Some of the keys that a rollback found changed since by other clients.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub changed_keys: Vec<ChangedKey>,
    /// Whether keys were written by transactions, because the user may run no scripts.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub without_scripts: bool,
    /// Alerts that could not be delivered, and why.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub undelivered: Vec<String>,
}

/// What a session of a run asked of services outside.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct AskedTally {
    /// Requests that were sent, further tries included.
    pub calls: u64,
    /// The further tries among them.
    pub retries: u64,
    /// Keys that a dry run counts as migrated because their chain came as far as a question.
    pub would_ask: u64,
}

impl Report {
    /// Whether somebody has to look at something.
    pub fn needs_eyes(&self) -> bool {
        let rolled_back = self.rollback.is_some_and(|tally| tally.changed + tally.failed > 0);
        let differs = self.verification.is_some_and(|found| found.differing() > 0);
        match self.rollback {
            Some(_) => rolled_back,
            None => differs || self.tally.needs_eyes() > 0 || self.phase == Phase::Failed,
        }
    }
}

/// What a verification found.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Verification {
    /// Keys read again.
    pub checked: u64,
    /// Keys that hold exactly what was meant to be written.
    pub right: u64,
    /// Keys that another client changed or removed since.
    pub changed: u64,
    /// Keys whose write the server acknowledged, and that hold again exactly what stood before it: the
    /// server lost the write (a failover, or a crash of a server that does not keep every write on
    /// disk), unless another client wrote those very bytes.
    pub lost: u64,
    /// Keys that do not hold what was written, though nobody is known to have changed them.
    pub wrong: u64,
    /// Of the right ones: keys that expire at another time than when the run read them, or no more,
    /// or only now. Other clients did that: remold leaves expiries as they are.
    pub other_expiry: u64,
}

impl Verification {
    /// Keys that are not as they have to be: lost and wrong.
    pub fn differing(&self) -> u64 {
        self.lost + self.wrong
    }
}

/// What a rollback did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RollbackTally {
    /// Keys that were taken back (in a dry run: would be).
    pub restored: u64,
    /// Of those: keys whose bytes were put back over what another client had made of them.
    pub overwritten: u64,
    /// Of those: keys taken back through the inverse chain, with what another client had made of them.
    pub inverted: u64,
    /// Keys that another client changed since, and that were left so.
    pub changed: u64,
    /// Keys that are gone.
    pub missing: u64,
    /// Keys that could not be put back.
    pub failed: u64,
}

impl RollbackTally {
    /// Keys of the run that are not as before it.
    pub fn left(&self) -> u64 {
        self.changed + self.missing + self.failed
    }

    /// Counts a key that has been taken back, or forward.
    pub(super) fn take_back(&mut self, how: Mark) {
        self.restored += 1;
        match how {
            Mark::Overwritten => self.overwritten += 1,
            Mark::Inverted => self.inverted += 1,
            _ => {}
        }
    }

    /// All keys it looked at.
    pub fn sum(&self) -> u64 {
        self.restored + self.left()
    }
}

/// A run, as its journal tells.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct RunSummary {
    /// The run.
    pub run: RunId,
    /// When it was started, RFC 3339.
    pub started: String,
    /// The server.
    pub server: String,
    /// The subject.
    pub subject: String,
    /// The version every document was to have.
    pub target: String,
    /// The plan.
    pub plan: PlanId,
    /// Where it stands.
    pub phase: Phase,
    /// The outcomes, as of the last note in the journal.
    pub tally: Tally,
    /// Seconds of work.
    pub seconds: f64,
    /// Documents that were migrated while it followed its writers, where it did.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub followed: Option<u64>,
    /// What the last verification found.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub verification: Option<Verification>,
    /// What the last rollback did.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rollback: Option<RollbackTally>,
    /// Whether a rollback or a roll-forward began and did not come to its end: it is to be called again.
    pub rollback_open: bool,
}

/// The runs in a state directory, oldest first. A journal that cannot be read is left out and its
/// error returned beside.
pub fn summaries(runs: &RunsFolder) -> Result<(Vec<RunSummary>, Vec<EngineError>), EngineError> {
    let mut found = Vec::new();
    let mut errors = Vec::new();
    for run in runs.list()? {
        match summary(runs, &run) {
            Ok(summary) => found.push(summary),
            Err(error) => errors.push(error),
        }
    }
    Ok((found, errors))
}

/// One run.
pub fn summary(runs: &RunsFolder, run: &RunId) -> Result<RunSummary, EngineError> {
    let mut replay = Replay::open(&runs.peek(run))?;
    let header = replay.header().clone();
    let plan = plan_of(header.plan)?;
    let mut summary = RunSummary {
        run: header.run,
        started: header.started,
        server: header.server,
        subject: plan.subject.clone(),
        target: plan.target.to_string(),
        plan: plan.id(),
        // A journal without a later note was left by a crash: it can be resumed.
        phase: Phase::Stopped,
        tally: Tally::default(),
        seconds: 0.0,
        followed: None,
        verification: None,
        rollback: None,
        rollback_open: false,
    };
    let mut has_phase = false;
    while let Some(frame) = replay.next()? {
        let Some(note) = frame.note() else { continue };
        has_phase |= matches!(note, Note::Phase { .. });
        summary.take(&note);
    }
    if !has_phase {
        summary.tally = counted(&mut Replay::open(&runs.peek(run))?)?;
    }
    Ok(summary)
}

impl RunSummary {
    /// Learns from a later note of the journal.
    fn take(&mut self, note: &Note) {
        match *note {
            Note::Phase { phase, seconds, tally, .. } => {
                self.phase = phase;
                self.seconds = seconds;
                self.tally = tally;
            }
            Note::Verified { checked, changed, lost, wrong, other_expiry, .. } => {
                let right = checked - changed - lost - wrong;
                let found = Verification { checked, right, changed, lost, wrong, other_expiry };
                self.verification = Some(found);
            }
            Note::RollbackBegan { forward, .. } => {
                self.rollback_open = true;
                if !forward {
                    self.rollback = Some(RollbackTally::default());
                }
            }
            Note::FollowBegan { .. } => {
                self.followed.get_or_insert(0);
            }
            Note::FollowEnded { migrated, .. } => {
                *self.followed.get_or_insert(0) += migrated;
            }
            // How it fared on the way is a story of its own.
            Note::Sample { .. } | Note::ToFollow { .. } => {}
            Note::RollbackEnded { forward: true, complete, .. } => {
                self.rollback_open = !complete;
                if complete {
                    self.rollback = None;
                }
            }
            Note::RollbackEnded {
                restored,
                overwritten,
                inverted,
                changed,
                missing,
                failed,
                complete,
                ..
            } => {
                self.rollback_open = !complete;
                let tally =
                    RollbackTally { restored, overwritten, inverted, changed, missing, failed };
                self.rollback = Some(tally);
            }
        }
    }
}

/// The outcomes in a journal that a crash left without a note of them.
fn counted(replay: &mut Replay) -> Result<Tally, EngineError> {
    let mut tally = Tally::default();
    while let Some(frame) = replay.next()? {
        match frame.record()? {
            Record::Marks { marks, .. } => {
                for mark in marks {
                    if let Mark::Settled(outcome) = mark {
                        tally.count(outcome);
                    }
                }
            }
            Record::Outcomes(entries) => {
                for entry in entries {
                    tally.count(entry.outcome);
                }
            }
            _ => {}
        }
    }
    Ok(tally)
}

/// The plan of a run.
pub fn plan_of_run(runs: &RunsFolder, run: &RunId) -> Result<Plan, EngineError> {
    plan_of(Replay::open(&runs.peek(run))?.header().plan.clone())
}

/// The server that a run was begun on: its address, and of a cluster the ids of its nodes.
pub fn server_of_run(runs: &RunsFolder, run: &RunId) -> Result<(String, Vec<String>), EngineError> {
    let replay = Replay::open(&runs.peek(run))?;
    let header = replay.header();
    Ok((header.server.clone(), header.nodes.clone()))
}

/// The plan in a journal's header.
pub(super) fn plan_of(json: serde_json::Value) -> Result<Plan, EngineError> {
    Plan::from_json(json).map_err(|error| EngineError::Plan(error.to_string()))
}

/// The time now, as it stands in plans and journals: RFC 3339 in UTC with milliseconds.
pub fn now() -> String {
    jiff::Timestamp::now().strftime("%Y-%m-%dT%H:%M:%S%.3fZ").to_string()
}

/// Measures pace and time.
#[derive(Debug)]
pub(super) struct Meter {
    began: Instant,
    before: f64,
    reported: Option<Instant>,
    /// When how many keys were done, over the last seconds.
    window: VecDeque<(Instant, u64)>,
    done_before: u64,
}

impl Meter {
    /// A meter of a verb that took `seconds` and did `done` keys in earlier sessions.
    pub fn new(seconds: f64, done: u64) -> Self {
        Self {
            began: Instant::now(),
            before: seconds,
            reported: None,
            window: VecDeque::new(),
            done_before: done,
        }
    }

    /// Seconds of work, earlier sessions included.
    pub fn seconds(&self) -> f64 {
        self.before + self.began.elapsed().as_secs_f64()
    }

    /// Whether a report is due.
    pub fn is_due(&mut self, now: bool) -> bool {
        let due = now
            || self
                .reported
                .is_none_or(|at| at.elapsed() >= Duration::from_millis(PROGRESS_INTERVAL_MS));
        if due {
            self.reported = Some(Instant::now());
        }
        due
    }

    /// Fills in pace, time and the estimated end.
    #[expect(clippy::cast_precision_loss, reason = "counts of keys for a rate")]
    pub fn measure(&mut self, progress: &mut Progress) {
        const WINDOW: Duration = Duration::from_secs(4);
        let (now, done) = (Instant::now(), progress.done());
        self.window.push_back((now, done));
        while self.window.len() > 2 && now - self.window[1].0 > WINDOW {
            self.window.pop_front();
        }
        let (since, from) = self.window[0];
        let passed = (now - since).as_secs_f64();
        let overall = self.began.elapsed().as_secs_f64().max(1e-6);
        progress.rate = if passed > 0.0 {
            done.saturating_sub(from) as f64 / passed
        } else {
            done.saturating_sub(self.done_before) as f64 / overall
        };
        progress.seconds = self.seconds();
        progress.eta_seconds = progress.total().and_then(|total| {
            let left = total.saturating_sub(done) as f64;
            (progress.rate > 0.0).then(|| left / progress.rate)
        });
    }
}
