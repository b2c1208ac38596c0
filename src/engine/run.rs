//! A run from its first key to its verification.

use std::fmt::Write;
use std::path::Path;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use super::batch_size::BatchSize;
use super::busy::Clocks;
use super::control::{Control, Gate};
use super::data_loss::{Starts, starts_of};
use super::error::EngineError;
use super::external::Services;
use super::follow::Follow;
use super::judge::Judge;
use super::observe::Observe;
use super::pipeline::{self, Ended, Job, KeptAnswers, Unsettled};
use super::report::{Report, now};
use super::settle::Settled;
use super::{remote, verify, watch};
use crate::journal::{Checkpoint, Header, Journal, Note, Record, RunsFolder, SeenKeys};
use crate::model::figures::grouped;
use crate::model::limits::{BATCH_KEYS_DEFAULT, BATCH_KEYS_MAX, LATENCY_GOAL_DEFAULT_MS};
use crate::model::{Phase, RunId};
use crate::planner::{Plan, Share, Stages};
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
    /// After how long a run in stages goes on to the next by itself; `None` is when it is told to.
    pub hold: Option<Duration>,
    /// Whether and how a run that writes follows its writers after the scan.
    pub follow: Option<Follow>,
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
            hold: None,
            follow: None,
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
    let mut link = Link::open(address)?;
    let start = Checkpoint::default();
    let seen = Mutex::new(SeenKeys::default());
    let endpoints = judge.endpoints();
    // What is a program of our own is asked in a dry run too: nobody outside hears of it.
    let calls = options.execute
        || options.call_external
        || endpoints.iter().all(|endpoint| endpoint.program.is_some());
    let services = if calls { Services::open(plan, &endpoints)? } else { None };
    let services = services.as_ref();
    let begun = Begun { plan, judge: &judge, address, options, control, services };
    if !options.execute {
        let (settled, answers) = (Settled::default(), KeptAnswers::default());
        let job = begun.job(None, &seen, start, settled, Vec::new(), &answers);
        return watch::beside(address, control, || Ok(pipeline::run(&job)?.report));
    }
    let header = Header {
        nodes: link.cluster_nodes()?,
        starts: starts_of(&link.layout()?),
        ..Header::new(run.clone(), now(), address.to_string(), plan.to_json())
    };
    drop(link);
    let start = Checkpoint { starts: header.starts.clone(), ..start };
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
            share: None,
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
            clocks: Clocks::default(),
            patience: self.options.patience,
            start,
            settled,
            unsettled,
            services: self.services,
            answers,
            followings: None,
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
        remote::controlled(folder, self.control, || {
            watch::beside(self.address, self.control, || self.work(journal, found))
        })
    }

    /// Goes over one stage after the other; without stages, over all keys in one.
    fn work(&self, mut journal: Mutex<Journal>, found: Found<'_>) -> Result<Report, EngineError> {
        let Found { run, seen, mut start, mut settled, mut unsettled, answers } = found;
        if let Some(follow) = self.options.follow {
            journal
                .get_mut()
                .unwrap_or_else(PoisonError::into_inner)
                .append(&Record::Note(follow.note()));
        }
        // Of what was before, the journal has its note.
        self.data_still_stands(&journal, run, &mut start.starts)?;
        let stages = self.plan.canary.as_ref().map_or(&[][..], Stages::shares);
        let mut duplicates = 0;
        loop {
            let at = start.stage;
            let mut starts = start.starts.clone();
            let share = stages.get(at).copied();
            let is_last = at + 1 >= stages.len();
            let begun = Some((&journal, run));
            let job = self.job(begun, &seen, start, settled, unsettled, &answers);
            let mut ended = self.pipe(&journal, &Job { share, ..job })?;
            if let Some(follow) = self.options.follow.filter(|_| is_last)
                && ended.report.phase == Phase::Done
            {
                ended = self.follow(
                    follow,
                    &journal,
                    (at, starts.clone()),
                    ended,
                    |start, settled| {
                        let job = self.job(begun, &seen, start, settled, Vec::new(), &answers);
                        Job { share, ..job }
                    },
                )?;
            }
            let Ended { mut report, troubles } = ended;
            report.duplicates += duplicates;
            if report.phase == Phase::Done {
                let lost = |_: &_| self.note_stopped(&journal);
                self.data_still_stands(&journal, run, &mut starts).inspect_err(lost)?;
                let open = journal.get_mut().unwrap_or_else(PoisonError::into_inner);
                self.verify(open, &mut report)?;
                // Also what was lost while it was read again.
                let lost = |_: &_| self.note_stopped(&journal);
                self.data_still_stands(&journal, run, &mut starts).inspect_err(lost)?;
            }
            let open = journal.get_mut().unwrap_or_else(PoisonError::into_inner);
            let share = share.filter(|_| report.phase == Phase::Done && !is_last);
            let Some(share) = share else { return self.conclude(open, report) };
            if self.hold(run, share, &report) == Gate::Stop {
                report.phase = Phase::Stopped;
                report.stopped_because = self.control.stop_reason();
                return self.conclude(open, report);
            }
            duplicates = report.duplicates;
            let seconds = report.seconds;
            start = Checkpoint { stage: at + 1, seconds, starts, ..Checkpoint::default() };
            open.checkpoint(&start)?;
            settled = Settled { tally: report.tally, troubles, seconds: report.seconds };
            unsettled = Vec::new();
        }
    }

    /// An error where the servers have lost what the run has written.
    fn data_still_stands(
        &self,
        journal: &Mutex<Journal>,
        run: &RunId,
        known: &mut Vec<String>,
    ) -> Result<(), EngineError> {
        let mut starts = Starts::new(self.address, self.control, self.options.patience);
        starts.still_hold_what_was_written(journal, run, known, &mut |_| {})
    }

    /// Notes that the run cannot go on.
    fn note_stopped(&self, journal: &Mutex<Journal>) {
        let progress = self.control.progress();
        let mut open = journal.lock().unwrap_or_else(PoisonError::into_inner);
        // The failure is what the operator has to hear of; the note is a convenience.
        let _ = note_phase(&mut open, Phase::Stopped, progress.seconds, &progress.tally);
    }

    /// Runs the pipeline. Where it cannot go on, the journal has a note of it.
    pub(super) fn pipe(
        &self,
        journal: &Mutex<Journal>,
        job: &Job<'_>,
    ) -> Result<Ended, EngineError> {
        pipeline::run(job).inspect_err(|_| self.note_stopped(journal))
    }

    /// Verifies what is done so far.
    fn verify(&self, journal: &mut Journal, report: &mut Report) -> Result<(), EngineError> {
        let extent = verify::Extent::default();
        let (address, judge, control) = (self.address, self.judge, self.control);
        let verified = verify::of_journal(address, journal, judge, extent, control)?;
        let verify::Verified { found, complete, troubles } = verified;
        report.verification = Some(found);
        report.errors.extend(troubles.groups());
        // "Done" is said only when every key has its outcome and verification agrees.
        report.phase = match (complete, found.differing()) {
            (false, _) => Phase::Stopped,
            (true, 0) => Phase::Done,
            (true, _) => Phase::Failed,
        };
        Ok(())
    }

    /// Waits after a stage until the run is told to go on. It goes on by itself after the time that
    /// was set for it, where no more keys need eyes than the error budget has room for.
    fn hold(&self, run: &RunId, share: Share, report: &Report) -> Gate {
        let eyes = report.tally.needs_eyes();
        let is_fine = eyes == 0 || self.control.error_budget().is_some();
        let time = self.options.hold.filter(|_| is_fine);
        let migrated = grouped(report.tally.migrated);
        let needs = if eyes == 1 { "needs" } else { "need" };
        let mut said = format!(
            "canary {share} done and verified: {migrated} migrated, {} {needs} eyes",
            grouped(eyes)
        );
        if time != Some(Duration::ZERO) {
            let _ = write!(said, "; go on with `remold control {run} resume`");
            let mut progress = self.control.progress();
            progress.phase = Phase::Paused;
            progress.held = Some(said.clone());
            progress.between_stages = true;
            self.control.report(progress);
        }
        self.control.notify(said.clone());
        self.control.hold(said, time)
    }

    /// Notes where the run stands at its end.
    fn conclude(&self, journal: &mut Journal, report: Report) -> Result<Report, EngineError> {
        note_phase(journal, report.phase, report.seconds, &report.tally)?;
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
