//! The one thread that counts, journals and moves the checkpoint.
//!
//! The order never changes: before-images durable, then the write, then the marks, then the
//! checkpoint. So a crash at any point leaves either no write, or a write whose image is on disk.

mod follow;
mod progress;

use std::collections::{BTreeMap, HashMap};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use serde_json::json;

use super::busy::{Shares, Station};
use super::control::{Control, Gate};
use super::data_loss::Starts;
use super::error::EngineError;
use super::external::Services;
use super::follow::Followings;
use super::judge::Asked;
use super::pages::Pages;
use super::permits::Permits;
use super::pipeline::{Ended, Event, Expiries, Job, Order, WRITERS, Write, readers};
use super::progress::{Progress, Verb};
use super::report::{AskedTally, Meter, Report};
use super::task::{Questions, Task};
use super::trouble::{Trouble, Troubles};
use crate::journal::{
    Checkpoint, Journal, JournalError, Mark, OutcomeEntry, Record, ScanPlace, SeenKeys,
};
use crate::model::limits::PROGRESS_INTERVAL_MS;
use crate::model::{Key, Outcome, Phase, Tally};

/// The checkpoint moves at most this often.
const CHECKPOINT_INTERVAL: Duration = Duration::from_secs(2);
/// Batches whose images share one sync of the disk.
const GROUP_MAX: usize = 8;
/// How long batches under way may take to come in after a failure.
const DRAIN_MAX: Duration = Duration::from_secs(10);

/// What the keys of a run came to so far.
#[derive(Debug, Default)]
pub(super) struct Settled {
    pub tally: Tally,
    pub troubles: Troubles,
    pub seconds: f64,
}

pub(super) struct Settle<'s> {
    job: &'s Job<'s>,
    permits: &'s Permits,
    orders: Sender<Order>,
    questions: Sender<Questions>,
    /// Keys that a dry run did not ask for, though their chain would.
    would_ask: u64,
    tally: Tally,
    troubles: Troubles,
    progress: Progress,
    meter: Meter,
    shares: Shares,
    pages: Pages,
    checkpointed: Instant,
    sampled: Instant,
    /// Once the scan ended: whether it is complete, and how many pages it had.
    scanned: Option<(bool, u64)>,
    /// Pages of which every batch was sent, or no more will be.
    passed: u64,
    /// Whether keys were given up on their way: they have no outcome yet.
    abandoned: bool,
    failure: Option<(Instant, EngineError)>,
    /// Writes whose images are appended and not yet durable.
    waiting: Vec<Write>,
    /// The servers, as far as they were looked at.
    starts: Starts<'s>,
    /// Of a run that follows: the keys that are under way until they are marked, by frame.
    unmarked: HashMap<u64, Vec<Key>>,
}

impl<'s> Settle<'s> {
    pub fn new(
        job: &'s Job<'s>,
        permits: &'s Permits,
        orders: Sender<Order>,
        questions: Sender<Questions>,
    ) -> Self {
        let mut progress = Progress::new(Verb::Run, job.run.clone(), job.journal.is_none());
        let follows = job.followings.is_some();
        progress.phase = if follows { Phase::Following } else { Phase::Running };
        progress.stage = job.share.map(|share| format!("canary {share}"));
        if job.start.scan == ScanPlace::default() {
            progress.before = job.settled.tally.scanned;
        }
        Self {
            job,
            permits,
            orders,
            questions,
            would_ask: 0,
            tally: job.settled.tally,
            troubles: job.settled.troubles.clone(),
            progress,
            meter: Meter::new(job.settled.seconds, job.settled.tally.scanned),
            shares: Shares::of([1, readers(), readers(), 1, WRITERS]),
            pages: Pages::new(job.start.clone()),
            checkpointed: Instant::now(),
            sampled: Instant::now(),
            scanned: None,
            passed: 0,
            abandoned: false,
            failure: None,
            waiting: Vec::new(),
            starts: Starts::new(job.address, job.control, job.patience),
            unmarked: HashMap::new(),
        }
    }

    /// Works until the scan ended and every batch is settled.
    pub fn work(mut self, inbox: &Receiver<Event>) -> Result<Ended, EngineError> {
        self.begin_unsettled();
        self.report_progress(true);
        while !self.is_over() {
            let received = inbox.recv_timeout(Duration::from_millis(PROGRESS_INTERVAL_MS));
            let began = Instant::now();
            match received {
                Ok(event) => self.take(event)?,
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => break,
            }
            // Whatever came in meanwhile shares the sync that the next line pays for.
            while self.waiting.len() < GROUP_MAX {
                let Ok(event) = inbox.try_recv() else { break };
                self.take(event)?;
            }
            self.send_writes()?;
            self.keep_checkpoint(false)?;
            self.job.clocks.add(Station::Journal, began.elapsed());
            self.report_progress(false);
        }
        self.end()
    }

    fn is_over(&self) -> bool {
        match &self.failure {
            Some((since, error)) => {
                matches!(error, EngineError::Panicked)
                    || self.permits.all_free()
                    || since.elapsed() > DRAIN_MAX
            }
            None => {
                self.scanned.is_some_and(|(_, pages)| pages == self.passed)
                    && self.permits.all_free()
            }
        }
    }

    /// Whether every key was scanned, and none was given up on its way.
    fn is_complete(&self) -> bool {
        self.is_scanned() && !self.abandoned
    }

    fn is_scanned(&self) -> bool {
        self.scanned.is_some_and(|(complete, _)| complete)
    }

    /// Sends the batches an earlier session left unsettled to be read back first.
    fn begin_unsettled(&mut self) {
        for at in 0..self.job.unsettled.len() {
            self.permits.take();
            let _ = self.orders.send(Order::ReadBack(at));
        }
    }

    fn take(&mut self, event: Event) -> Result<(), EngineError> {
        match event {
            Event::Judged(task) => self.journal_task(task)?,
            Event::Answered(entries) => {
                self.append(&Record::Answers(entries));
                // From here on a killed process has not asked in vain; the disk has it, as all else,
                // before anything is written that depends on it.
                if let Some(journal) = self.job.journal {
                    lock(journal).flush()?;
                }
            }
            Event::Written { page, frame, marks, again, took } => {
                // Before the marks: they would say that what went to a server that is gone by now was
                // never written, and a resume on its data would take our own values for others'.
                if let Some(task) = &again {
                    self.missing_is_not_lost(task)?;
                }
                for mark in &marks {
                    if let Mark::Settled(outcome) = mark {
                        self.tally.count(*outcome);
                    }
                }
                self.let_go(frame, &marks);
                log_batch(self.job.control, frame, &marks, took);
                self.append(&Record::Marks { frame, marks });
                self.progress.batch_ms =
                    smoothed(self.progress.batch_ms, took.as_secs_f64() * 1000.0);
                match again {
                    Some(task) => self.journal_task(task)?,
                    None => self.finish_batch(page),
                }
            }
            Event::Page { page, place, fraction, batches } => {
                self.passed += 1;
                self.pages.announce(page, batches, place, fraction);
            }
            Event::PageLeft => {
                self.passed += 1;
                self.abandoned = true;
            }
            Event::Duplicates(count) => self.progress.duplicates += count,
            Event::Scanned { complete, pages } => self.scanned = Some((complete, pages)),
            Event::Held(reason) => self.progress.held = reason,
            Event::Abandoned => {
                self.abandoned = true;
                self.permits.release();
            }
            Event::Failed(error) => {
                // The others come to their end as after a stop; the first failure is the reason.
                self.job.control.stop();
                self.failure.get_or_insert((Instant::now(), error));
            }
        }
        Ok(())
    }

    /// Appends a task to the journal. Its writes wait for the sync.
    fn journal_task(&mut self, task: Task) -> Result<(), EngineError> {
        self.missing_is_not_lost(&task)?;
        let Task { page, attempt, mut outcomes, asks, edits, moved_to, images, expiries } = task;
        if self.job.followings.is_some() && attempt == 0 {
            outcomes
                .retain(|(key, outcome, trouble)| self.is_news(key, *outcome, trouble.as_ref()));
        }
        self.journal_outcomes(outcomes);
        self.send_questions(page, attempt, asks, &expiries);
        let (Some(journal), Some(images)) = (self.job.journal, images) else {
            let is_dry = self.job.journal.is_none();
            assert!(edits.is_empty() || is_dry, "edits come with their before-images");
            for _ in &edits {
                self.tally.count(Outcome::Migrated);
            }
            self.note_seen(edits.iter().map(|(key, ..)| key), 1);
            self.finish_batch(page);
            return Ok(());
        };
        let frame = lock(journal).append_packed(&images);
        let keys = edits.iter().map(|(key, ..)| key);
        if self.job.followings.is_some() {
            self.keep_under_way(frame, keys.cloned().collect(), &moved_to);
        } else {
            self.note_seen(keys.chain(&moved_to), frame);
        }
        self.waiting.push(Write { page, attempt, frame, items: edits });
        if self.waiting.len() >= GROUP_MAX {
            self.send_writes()?;
        }
        Ok(())
    }

    /// Before keys are counted as missing: an error where the server has lost its data.
    fn missing_is_not_lost(&mut self, task: &Task) -> Result<(), EngineError> {
        if task.outcomes.iter().all(|(_, outcome, _)| *outcome != Outcome::Missing) {
            return Ok(());
        }
        let (Some(journal), Some(run)) = (self.job.journal, &self.job.run) else { return Ok(()) };
        let (progress, control) = (&mut self.progress, self.job.control);
        let mut held = |reason| {
            progress.held = reason;
            control.report(progress.clone());
        };
        let known = &mut self.pages.covered.starts;
        self.starts.still_hold_what_was_written(journal, run, known, &mut held)
    }

    /// Hands documents that wait for an answer to the askers, in tasks of one call each. A dry run that
    /// asks nobody can only say that the chain came so far.
    fn send_questions(
        &mut self,
        page: u64,
        attempt: u32,
        asks: Vec<(Key, Box<Asked>)>,
        expiries: &Expiries,
    ) {
        if self.job.services.is_none() {
            assert!(self.job.journal.is_none() || asks.is_empty(), "a run that writes can ask");
            for (key, _) in asks {
                self.would_ask += 1;
                self.tally.count(Outcome::Migrated);
                self.note_seen([&key], 1);
            }
            return;
        }
        let documents = asks.first().and_then(|(_, asked)| asked.ask.endpoint.batch.as_ref());
        let documents = documents.map_or(1, |batch| batch.documents);
        let mut asks = asks.into_iter();
        while asks.len() > 0 {
            let asks: Vec<_> = asks.by_ref().take(documents).collect();
            let expiring = asks.iter().filter_map(|(key, _)| expiries.get_key_value(key));
            let expiries = expiring.map(|(key, expiry)| (key.clone(), *expiry)).collect();
            self.permits.take();
            self.pages.expect_another(page);
            if self.questions.send(Questions { page, attempt, asks, expiries }).is_err() {
                break;
            }
        }
    }

    fn journal_outcomes(&mut self, outcomes: Vec<(Key, Outcome, Option<Trouble>)>) {
        if outcomes.is_empty() {
            return;
        }
        let seen = self.job.seen;
        let entry = |(key, outcome, trouble): (Key, Outcome, Option<Trouble>)| OutcomeEntry {
            reason: trouble.map_or_else(String::new, |trouble| {
                self.troubles.note(&key, outcome, &trouble);
                let reason = trouble.to_json();
                lock_seen(seen).tell(&key, &reason);
                reason
            }),
            outcome,
            key,
        };
        let entries: Vec<OutcomeEntry> = outcomes.into_iter().map(entry).collect();
        for entry in &entries {
            self.tally.count(entry.outcome);
            self.job.forget_answers(&entry.key);
        }
        let budget = self.job.control.error_budget();
        if let Some(why) = budget.and_then(|budget| budget.exceeded_by(&self.tally)) {
            self.job.control.stop_because(why);
        }
        let mut counts: BTreeMap<&str, u64> = BTreeMap::new();
        for entry in &entries {
            *counts.entry(entry.outcome.name()).or_default() += 1;
        }
        let record = Record::Outcomes(entries);
        let frame = self.append(&record);
        self.job.control.log("info", "outcomes", || {
            let mut fields = json!(counts);
            fields["batch"] = frame.into();
            fields
        });
        self.note_seen(record.keys(), frame);
    }

    /// Appends to the journal; in a dry run there is none, and every key stands in "frame" 1.
    fn append(&mut self, record: &Record) -> u64 {
        self.job.journal.map_or(1, |journal| lock(journal).append(record))
    }

    fn note_seen<'k>(&self, keys: impl IntoIterator<Item = &'k Key>, frame: u64) {
        let mut seen = self.seen();
        for key in keys {
            // Of a run that follows, many keys stand in the journal already.
            if self.job.followings.is_some() && seen.knows(key) {
                seen.forget(key);
            } else {
                seen.journalled(key, frame);
            }
        }
    }

    fn seen(&self) -> MutexGuard<'_, SeenKeys> {
        lock_seen(self.job.seen)
    }

    /// Makes what was appended durable and only then lets it be written.
    fn send_writes(&mut self) -> Result<(), EngineError> {
        let Some(journal) = self.job.journal.filter(|_| !self.waiting.is_empty()) else {
            return Ok(());
        };
        while let Err(error) = lock(journal).sync_images() {
            self.wait_for_space(error)?;
        }
        for write in self.waiting.drain(..) {
            if self.orders.send(Order::Write(write)).is_err() {
                break;
            }
        }
        Ok(())
    }

    /// A full disk holds the run, which has written nothing beyond its images, until there is space.
    fn wait_for_space(&mut self, error: JournalError) -> Result<(), EngineError> {
        if !error.is_out_of_space() {
            return Err(error.into());
        }
        let said = error.to_string();
        self.progress.held = said.lines().next().map(str::to_owned);
        self.report_progress(true);
        if self.job.control.rest(Duration::from_secs(1)) == Gate::Stop {
            return Err(error.into());
        }
        self.progress.held = None;
        Ok(())
    }

    fn finish_batch(&mut self, page: u64) {
        self.permits.release();
        self.pages.finish_batch(page);
    }

    fn keep_checkpoint(&mut self, now: bool) -> Result<(), EngineError> {
        let Some(journal) = self.job.journal else { return Ok(()) };
        if !now && (self.checkpointed.elapsed() < CHECKPOINT_INTERVAL || !self.pages.moved) {
            return Ok(());
        }
        let checkpoint = Checkpoint {
            scanned_all: self.job.followings.is_some()
                || (self.is_complete() && self.permits.all_free()),
            seconds: self.meter.seconds(),
            ..self.pages.covered.clone()
        };
        while let Err(error) = lock(journal).checkpoint(&checkpoint) {
            self.wait_for_space(error)?;
        }
        self.pages.moved = false;
        self.checkpointed = Instant::now();
        Ok(())
    }

    fn end(mut self) -> Result<Ended, EngineError> {
        self.keep_checkpoint(true)?;
        if let Some((_, error)) = self.failure.take() {
            return Err(error);
        }
        assert!(self.tally.adds_up(), "each scanned key has exactly one outcome");
        self.progress.held = None;
        self.report_progress(true);
        let complete = self.is_complete();
        let report = Report {
            run: self.job.run.clone(),
            phase: if complete { Phase::Done } else { Phase::Stopped },
            dry_run: self.job.journal.is_none(),
            plan: self.job.plan.id(),
            tally: self.tally,
            seconds: self.meter.seconds(),
            duplicates: self.progress.duplicates,
            errors: self.troubles.groups(),
            followed: self.job.followings.map(Followings::followed),
            verification: None,
            rollback: None,
            stopped_because: self.job.control.stop_reason(),
            undelivered: Vec::new(),
            external: self.asked(),
            forward: false,
            changed_keys: Vec::new(),
            without_scripts: self.job.control.is_without_scripts(),
        };
        Ok(Ended { report, troubles: self.troubles })
    }
}

impl Settle<'_> {
    /// What was asked of services outside; `None` when the chains ask nobody.
    fn asked(&self) -> Option<AskedTally> {
        let (calls, retries) = self.job.services.map(Services::counts).unwrap_or_default();
        let asked = AskedTally { calls, retries, would_ask: self.would_ask };
        let asks = self.job.services.is_some_and(Services::are_outside);
        (asks || self.would_ask > 0).then_some(asked)
    }
}

fn lock(journal: &Mutex<Journal>) -> MutexGuard<'_, Journal> {
    journal.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Logs a batch that was written.
fn log_batch(control: &Control, frame: u64, marks: &[Mark], took: Duration) {
    control.log("info", "batch", || {
        let written = marks.iter().filter(|mark| matches!(mark, Mark::Settled(_))).count();
        json!({
            "batch": frame, "keys": marks.len(), "written": written,
            "again": marks.len() - written, "ms": took.as_secs_f64() * 1e3,
        })
    });
}

fn lock_seen(seen: &Mutex<SeenKeys>) -> MutexGuard<'_, SeenKeys> {
    seen.lock().unwrap_or_else(PoisonError::into_inner)
}

fn smoothed(old: f64, new: f64) -> f64 {
    if old == 0.0 { new } else { old * 0.9 + new * 0.1 }
}
