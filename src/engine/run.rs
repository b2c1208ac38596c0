//! A run from its first key to its verification.

use std::path::Path;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use super::batch_size::BatchSize;
use super::beside::{Ended, beside};
use super::control::Control;
use super::error::EngineError;
use super::external::Services;
use super::judge::Judge;
use super::observe::Observe;
use super::pipeline::{self, Job, KeptAnswers, Unsettled};
use super::report::{Report, now};
use super::settle::Settled;
use super::{remote, verify, watch};
use crate::journal::{
    Checkpoint, ControlSocket, Header, Journal, Note, Record, RunsFolder, SeenKeys,
};
use crate::model::limits::{BATCH_KEYS_DEFAULT, BATCH_KEYS_MAX, LATENCY_GOAL_DEFAULT_MS};
use crate::model::{Phase, RunId};
use crate::planner::Plan;
use crate::store::{Address, Link};

/// How a run is carried out; nothing here changes what it does to a document.
#[derive(Clone, Debug)]
pub struct RunOptions {
    /// Whether to write. Without it, a dry run reads everything and writes nothing.
    pub execute: bool,
    /// The most keys in one batch.
    pub batch_keys: usize,
    /// How long writing a batch may take beside the way to the server, as other clients feel it;
    /// longer ones become smaller.
    pub latency_goal: Duration,
    /// How long to wait for a server that is away or refuses, before the run stops with its
    /// checkpoint.
    pub patience: Duration,
    /// Whether a dry run asks the services that the plan's steps name; a run that writes does.
    pub call_external: bool,
    /// Who is to see and hear of it.
    pub observe: Observe,
}

impl Default for RunOptions {
    fn default() -> Self {
        Self {
            execute: false,
            batch_keys: BATCH_KEYS_DEFAULT,
            latency_goal: Duration::from_millis(LATENCY_GOAL_DEFAULT_MS),
            patience: Duration::from_secs(60),
            call_external: false,
            observe: Observe::default(),
        }
    }
}

/// Carries out a plan. Blocks until the run is done, or stopped with a checkpoint.
///
/// # Errors
/// An operating failure that patience did not cure. What was written until then stands in the
/// journal of `run`, and `resume` goes on from there.
pub fn run(
    address: &Address,
    runs: &RunsFolder,
    run: &RunId,
    plan: &Plan,
    options: &RunOptions,
    control: &Control,
) -> Result<Report, EngineError> {
    let judge = Judge::new(plan)?;
    // A server that is not there is a reason not to begin.
    Link::open(address)?;
    let start = Checkpoint::default();
    let seen = Mutex::new(SeenKeys::default());
    let calls = options.execute || options.call_external;
    let services = if calls { Services::open(plan, &judge.endpoints())? } else { None };
    let services = services.as_ref();
    let begun = Begun { plan, judge: &judge, address, options, control, services };
    if !options.execute {
        let (settled, answers) = (Settled::default(), KeptAnswers::default());
        let job = begun.job(None, &seen, start, settled, Vec::new(), &answers);
        return watch::beside(address, control, || pipeline::run(&job));
    }
    let header = Header::new(run.clone(), now(), address.to_string(), plan.to_json());
    let journal = Mutex::new(Journal::create(runs.create(run)?, &header)?);
    let found = Found {
        run,
        seen,
        start,
        settled: Settled::default(),
        unsettled: Vec::new(),
        answers: KeptAnswers::default(),
    };
    begun.carry_out(&runs.peek(run), journal, found)
}

/// What a run and a resume have in common.
pub(super) struct Begun<'b> {
    pub plan: &'b Plan,
    pub judge: &'b Judge,
    pub address: &'b Address,
    pub options: &'b RunOptions,
    pub control: &'b Control,
    pub services: Option<&'b Services>,
}

/// What an earlier session of the run left; nothing, for a new one.
pub(super) struct Found<'f> {
    pub run: &'f RunId,
    pub seen: Mutex<SeenKeys>,
    pub start: Checkpoint,
    pub settled: Settled,
    pub unsettled: Vec<Unsettled>,
    pub answers: KeptAnswers,
}

impl<'b> Begun<'b> {
    fn job<'j>(
        &'j self,
        journal: Option<(&'j Mutex<Journal>, &RunId)>,
        seen: &'j Mutex<SeenKeys>,
        start: Checkpoint,
        settled: Settled,
        unsettled: Vec<Unsettled>,
        answers: &'j KeptAnswers,
    ) -> Job<'j>
    where
        'b: 'j,
    {
        Job {
            plan: self.plan,
            judge: self.judge,
            address: self.address,
            control: self.control,
            run: journal.map(|(_, run)| run.clone()),
            journal: journal.map(|(journal, _)| journal),
            seen,
            batch_size: BatchSize::new(
                self.options.batch_keys.clamp(1, BATCH_KEYS_MAX),
                self.options.latency_goal,
            ),
            patience: self.options.patience,
            start,
            settled,
            unsettled,
            services: self.services,
            answers,
        }
    }

    /// Runs the pipeline with a journal, verifies, and notes the end. Watches the server and takes
    /// orders on the socket in `folder` meanwhile.
    pub(super) fn carry_out(
        &self,
        folder: &Path,
        journal: Mutex<Journal>,
        found: Found<'_>,
    ) -> Result<Report, EngineError> {
        let work = || watch::beside(self.address, self.control, || self.work(journal, found));
        // A file system that has no sockets is no reason not to run.
        match ControlSocket::listen(folder) {
            Ok(socket) => {
                let orders = |ended: &Ended| remote::take_orders(&socket, self.control, ended);
                beside("control", orders, work)
            }
            Err(_) => work(),
        }
    }

    fn work(&self, journal: Mutex<Journal>, found: Found<'_>) -> Result<Report, EngineError> {
        let Found { run, seen, start, settled, unsettled, answers } = found;
        let begun = Some((&journal, run));
        let piped = pipeline::run(&self.job(begun, &seen, start, settled, unsettled, &answers));
        let mut journal = journal.into_inner().unwrap_or_else(PoisonError::into_inner);
        let mut report = match piped {
            Ok(report) => report,
            Err(error) => {
                let progress = self.control.progress();
                // The failure is what the operator has to hear of; the note is a convenience.
                let _ = note_phase(&mut journal, Phase::Stopped, progress.seconds, &progress.tally);
                return Err(error);
            }
        };
        if report.phase == Phase::Done {
            let extent = verify::Extent::default();
            let (address, judge, control) = (self.address, self.judge, self.control);
            let verified = verify::of_journal(address, &mut journal, judge, extent, control)?;
            let verify::Verified { found, complete, troubles } = verified;
            report.verification = Some(found);
            report.errors.extend(troubles.groups());
            // "Done" is said only when every key has its outcome and verification agrees.
            report.phase = match (complete, found.differing()) {
                (false, _) => Phase::Stopped,
                (true, 0) => Phase::Done,
                (true, _) => Phase::Failed,
            };
        }
        note_phase(&mut journal, report.phase, report.seconds, &report.tally)?;
        let mut progress = self.control.progress();
        progress.phase = report.phase;
        progress.held = None;
        // From here on the figures are those of the whole run, not of its last seconds.
        progress.seconds = report.seconds;
        progress.rate = per_second(report.tally.scanned, report.seconds);
        progress.eta_seconds = None;
        self.control.report(progress);
        Ok(report)
    }
}

#[expect(clippy::cast_precision_loss, reason = "a count of keys for a rate")]
fn per_second(keys: u64, seconds: f64) -> f64 {
    if seconds > 0.0 { keys as f64 / seconds } else { 0.0 }
}

/// Notes where a run stands, durably.
pub(super) fn note_phase(
    journal: &mut Journal,
    phase: Phase,
    seconds: f64,
    tally: &crate::model::Tally,
) -> Result<(), EngineError> {
    journal.append(&Record::Note(Note::Phase { phase, at: now(), seconds, tally: *tally }));
    Ok(journal.sync()?)
}
