//! Orders to a verb at work, and what it reports.

mod orders;

use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use serde_json::{Value as Json, json};
use tokio::sync::watch;

use self::orders::Orders;
use super::budget::ErrorBudget;
use super::event_log::EventLog;
use super::progress::{Progress, Verb};
use super::throttle::{Levels, Limits, Readings, Signal};
use super::trouble::Trouble;
use crate::journal::JournalError;
use crate::model::limits::PROGRESS_INTERVAL_MS;
use crate::model::{Key, Outcome, Phase};

/// A handle on a verb at work: pauses, resumes and stops it, changes its pace, and follows it. Clones
/// are the same handle. One handle serves one verb at a time.
#[derive(Clone, Debug)]
pub struct Control {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    orders: Mutex<Orders>,
    changed: Condvar,
    progress: watch::Sender<Progress>,
    recent: Mutex<Vec<(Key, Outcome, Trouble)>>,
    readings: Mutex<Readings>,
    notices: Mutex<Vec<String>>,
    without_scripts: AtomicBool,
    phases: Mutex<Vec<Progress>>,
    log: Mutex<Option<EventLog>>,
    log_failed: AtomicBool,
}

/// The end of the window in which a verb may work.
#[derive(Clone, Debug)]
pub struct Deadline {
    /// When it is.
    pub at: Instant,
    /// How the operator said it: `04:30`.
    pub said: String,
}

/// Whether a run follows its writers, and for how long.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Following {
    /// It does not.
    #[default]
    No,
    /// Until it is told that this is enough.
    Yes,
    /// It was told so: what was written until then is still looked at.
    Enough,
    /// Its window ends: nothing more is looked at.
    OutOfTime,
}

/// What the throttle makes of how the server fares.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) enum Throttled {
    /// Nothing is too much.
    #[default]
    No,
    /// At most this many keys per second, for this reason.
    Slow(f64, String),
    /// Nothing may begin, for this reason.
    Hold(String),
}

/// Whether a verb may go on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Gate {
    /// Go on.
    Open,
    /// Come to an end, with a checkpoint.
    Stop,
}

impl Default for Control {
    fn default() -> Self {
        let progress = watch::Sender::new(Progress::new(Verb::Run, None, true));
        let shared = Shared {
            orders: Mutex::default(),
            changed: Condvar::new(),
            progress,
            recent: Mutex::default(),
            readings: Mutex::default(),
            notices: Mutex::default(),
            without_scripts: AtomicBool::new(false),
            phases: Mutex::default(),
            log: Mutex::default(),
            log_failed: AtomicBool::new(false),
        };
        Self { shared: Arc::new(shared) }
    }
}

impl Control {
    /// Holds the verb before its next batch.
    pub fn pause(&self) {
        self.order(|orders| orders.paused = true);
    }

    /// Lets a held verb go on.
    pub fn resume(&self) {
        self.order(|orders| {
            orders.paused = false;
            orders.hold = None;
            orders.steps = None;
        });
    }

    /// Ends the verb as its operator wants it ended: a run that follows its writers has followed them
    /// for long enough, and comes to its end; anything else stops as by [`Control::stop`]. Answers
    /// whether it was the former.
    pub fn end(&self, reason: Option<&str>) -> bool {
        self.end_following(Following::Enough) || {
            match reason {
                Some(reason) => self.stop_because(reason),
                None => self.stop(),
            }
            false
        }
    }

    /// Ends following, in this way, where the run follows.
    pub(super) fn end_following(&self, how: Following) -> bool {
        let mut ended = false;
        self.order(|orders| {
            if orders.following == Following::Yes {
                (ended, orders.following) = (true, how);
                (orders.paused, orders.steps) = (false, None);
            }
        });
        ended
    }

    /// Whether the run follows its writers.
    pub(super) fn following(&self) -> Following {
        self.orders().following
    }

    /// Notes that the run follows its writers, or does so no more.
    pub(super) fn set_following(&self, following: Following) {
        self.order(|orders| orders.following = following);
    }

    /// Ends the verb after the batches that are under way, with a checkpoint.
    pub fn stop(&self) {
        self.order(|orders| orders.stopped = true);
    }

    /// Like [`Control::stop`], for a reason that stands in the report.
    pub fn stop_because(&self, reason: impl Into<String>) {
        self.order(|orders| {
            orders.stopped = true;
            orders.stop_reason.get_or_insert(reason.into());
        });
    }

    /// Why an end was ordered; `None` when nobody gave a reason.
    pub fn stop_reason(&self) -> Option<String> {
        self.orders().stop_reason.clone()
    }

    /// What the run may cost the server.
    pub fn limits(&self) -> Limits {
        self.orders().limits.clone()
    }

    /// Changes what the run may cost the server.
    pub fn set_limit(&self, signal: Signal, levels: Levels) {
        self.order(|orders| orders.limits.set(signal, levels));
    }

    /// Holds the verb for as long as a file is there.
    pub fn set_pause_file(&self, path: Option<PathBuf>) {
        self.order(|orders| orders.pause_file = path);
    }

    /// The file that holds the verb while it is there.
    pub fn pause_file(&self) -> Option<PathBuf> {
        self.orders().pause_file.clone()
    }

    /// Ends the verb with a checkpoint in time for the end of its window.
    pub fn set_deadline(&self, deadline: Option<Deadline>) {
        self.order(|orders| orders.deadline = deadline);
    }

    /// The end of the verb's window.
    pub fn deadline(&self) -> Option<Deadline> {
        self.orders().deadline.clone()
    }

    /// Ends the run once more keys need eyes than this.
    pub fn set_error_budget(&self, budget: Option<ErrorBudget>) {
        self.order(|orders| orders.error_budget = budget);
    }

    /// How many keys may need eyes.
    pub fn error_budget(&self) -> Option<ErrorBudget> {
        self.orders().error_budget
    }

    /// Lets one more batch begin, and then waits.
    pub fn step(&self) {
        self.order(|orders| {
            orders.paused = false;
            orders.hold = None;
            orders.steps = Some(orders.steps.unwrap_or(0) + 1);
        });
    }

    /// Sets the most keys per second; `None` is as fast as it goes.
    pub fn set_rate(&self, keys_per_second: Option<u32>) {
        self.order(|orders| orders.rate = keys_per_second.filter(|rate| *rate > 0));
    }

    /// The most keys per second.
    pub fn rate(&self) -> Option<u32> {
        self.orders().rate
    }

    /// Whether a pause was ordered.
    pub fn is_paused(&self) -> bool {
        let orders = self.orders();
        orders.paused || orders.hold.is_some() || orders.steps == Some(0)
    }

    /// Whether an end was ordered.
    pub fn is_stopped(&self) -> bool {
        self.orders().stopped
    }

    /// Follows the progress: the newest snapshot is always there, older ones are lost.
    pub fn subscribe(&self) -> watch::Receiver<Progress> {
        self.shared.progress.subscribe()
    }

    /// The newest snapshot.
    pub fn progress(&self) -> Progress {
        self.shared.progress.borrow().clone()
    }

    /// The newest troubles with their keys, at most as many as are kept in memory.
    pub fn recent_troubles(&self) -> Vec<(Key, Outcome, Trouble)> {
        self.shared.recent.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Has the verb be logged from now on.
    pub fn log_to(&self, log: EventLog) {
        *self.shared.log.lock().unwrap_or_else(PoisonError::into_inner) = Some(log);
    }

    /// Logs something, where there is a log.
    pub fn log(&self, level: &str, event: &str, fields: impl FnOnce() -> Json) {
        self.log_by(|log| log.write(level, event, fields()));
    }

    /// Logs by a function. That a log cannot be written is told, and keeps nobody from the work.
    pub fn log_by(&self, write: impl FnOnce(&EventLog) -> Result<(), JournalError>) {
        let log = self.shared.log.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(Err(error)) = log.as_ref().map(write)
            && !self.shared.log_failed.swap(true, Ordering::Relaxed)
        {
            self.tell(format!("the log is not complete: {error}"));
        }
    }

    /// Tells the operator something that is no progress and no trouble of a key.
    pub fn notify(&self, notice: String) {
        self.log("info", "notice", || json!({"text": notice}));
        self.tell(notice);
    }

    fn tell(&self, notice: String) {
        self.shared.notices.lock().unwrap_or_else(PoisonError::into_inner).push(notice);
    }

    /// The server lets the user run no scripts: told to the operator once.
    pub(super) fn note_without_scripts(&self) {
        if !self.shared.without_scripts.swap(true, Ordering::Relaxed) {
            self.notify(
                "this user may run no scripts (NOPERM): keys are written by WATCH, MULTI and EXEC \
                 instead, which is as safe, and slower"
                    .to_owned(),
            );
        }
    }

    /// Whether keys are written by transactions, because the user may run no scripts.
    pub fn is_without_scripts(&self) -> bool {
        self.shared.without_scripts.load(Ordering::Relaxed)
    }

    /// What the operator has not been told yet.
    pub fn take_notices(&self) -> Vec<String> {
        std::mem::take(&mut self.shared.notices.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// What the throttle read of the server last.
    pub fn readings(&self) -> Readings {
        self.shared.readings.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(super) fn set_readings(&self, readings: Readings) {
        *self.shared.readings.lock().unwrap_or_else(PoisonError::into_inner) = readings;
    }

    pub(super) fn set_recent(&self, troubles: Vec<(Key, Outcome, Trouble)>) {
        *self.shared.recent.lock().unwrap_or_else(PoisonError::into_inner) = troubles;
    }

    /// The first snapshot of each phase since the last call, oldest first: none is missed, however
    /// short it was.
    pub fn take_phases(&self) -> Vec<Progress> {
        std::mem::take(&mut self.shared.phases.lock().unwrap_or_else(PoisonError::into_inner))
    }

    pub(super) fn report(&self, progress: Progress) {
        const PHASES_MAX: usize = 64;
        let mut phases = self.shared.phases.lock().unwrap_or_else(PoisonError::into_inner);
        let before = self.shared.progress.send_replace(progress.clone());
        if before.phase != progress.phase {
            self.log("info", "phase", || json!({"phase": progress.phase, "tally": progress.tally}));
        }
        // The figures in a reason change all the time; that it is held begins and ends.
        if before.held.is_some() != progress.held.is_some() {
            let level = if progress.held.is_some() { "warn" } else { "info" };
            self.log(level, "held", || json!({"reason": progress.held}));
        }
        // Where nobody takes them the first ones are enough.
        if before.phase != progress.phase && phases.len() < PHASES_MAX {
            phases.push(progress);
        }
    }

    /// Waits while the verb is held, and for the pace. `keys` are about to begin, as a batch.
    pub(super) fn gate(&self, keys: usize) -> Gate {
        self.enter(keys, true, &mut || {})
    }

    /// The same for more keys of a batch that has begun: whatever holds the verb lets it end, and it
    /// is no step of its own.
    pub(super) fn gate_within(&self, keys: usize) -> Gate {
        self.enter(keys, false, &mut || {})
    }

    /// The same for whoever works alone, and tells of the wait meanwhile.
    pub(super) fn gate_telling(&self, keys: usize, tell: &mut dyn FnMut()) -> Gate {
        self.enter(keys, true, tell)
    }

    fn enter(&self, keys: usize, begins: bool, tell: &mut dyn FnMut()) -> Gate {
        const TELL_INTERVAL: Duration = Duration::from_millis(PROGRESS_INTERVAL_MS);
        let mut orders = self.orders();
        loop {
            if orders.stopped {
                return Gate::Stop;
            }
            let is_held = orders.paused
                || orders.steps == Some(0)
                || matches!(orders.throttled, Throttled::Hold(_));
            let is_held = is_held && begins;
            let wait = if is_held { Some(TELL_INTERVAL) } else { orders.wait_for_rate(keys) };
            let Some(wait) = wait else { break };
            drop(self.wait(orders, wait.min(TELL_INTERVAL)));
            tell();
            orders = self.orders();
        }
        if let Some(steps) = orders.steps.as_mut().filter(|_| begins) {
            *steps -= 1;
        }
        Gate::Open
    }

    /// Waits, but no longer than until the verb is to end.
    pub(super) fn rest(&self, time: Duration) -> Gate {
        let until = Instant::now() + time;
        let mut orders = self.orders();
        while !orders.stopped {
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Gate::Open;
            }
            orders = self.wait(orders, left);
        }
        Gate::Stop
    }

    /// Holds the verb between two stages until it is told to go on, or to end, or `time` has passed.
    pub(super) fn hold(&self, reason: String, time: Option<Duration>) -> Gate {
        let until = time.map(|time| Instant::now() + time);
        let mut orders = self.orders();
        orders.hold = Some(reason);
        while !orders.stopped && orders.hold.is_some() {
            let left = until.map(|until| until.saturating_duration_since(Instant::now()));
            if left.is_some_and(|left| left.is_zero()) {
                break;
            }
            let wait = Duration::from_millis(PROGRESS_INTERVAL_MS);
            orders = self.wait(orders, left.map_or(wait, |left| left.min(wait)));
        }
        orders.hold = None;
        if orders.stopped { Gate::Stop } else { Gate::Open }
    }

    /// Why the verb stands still by order, for the screen.
    pub(super) fn held(&self) -> Option<(Phase, String)> {
        let orders = self.orders();
        if orders.stopped {
            let why = orders.stop_reason.as_ref().map(|why| format!(": {why}")).unwrap_or_default();
            return Some((Phase::Running, format!("stopping after the batches under way{why}")));
        }
        if let Some(reason) = &orders.hold {
            return Some((Phase::Paused, reason.clone()));
        }
        if orders.paused {
            return Some((Phase::Paused, "paused by the operator".to_owned()));
        }
        if orders.steps == Some(0) {
            return Some((Phase::Paused, "step by step: waiting for the next step".to_owned()));
        }
        match &orders.throttled {
            Throttled::Hold(reason) => Some((Phase::Paused, format!("throttled: {reason}"))),
            Throttled::Slow(pace, reason) => {
                Some((Phase::Running, format!("throttled to {pace:.0} keys/s: {reason}")))
            }
            Throttled::No => {
                orders.rate.map(|rate| (Phase::Running, format!("pace {rate} keys/s, as set")))
            }
        }
    }

    /// Takes what the throttle says.
    pub(super) fn throttle(&self, throttled: Throttled) {
        if self.orders().throttled != throttled {
            self.order(|orders| orders.throttled = throttled);
        }
    }

    /// What the throttle said last.
    pub(super) fn throttled(&self) -> Throttled {
        self.orders().throttled.clone()
    }

    fn order(&self, change: impl FnOnce(&mut Orders)) {
        change(&mut self.orders());
        self.shared.changed.notify_all();
    }

    fn orders(&self) -> MutexGuard<'_, Orders> {
        // Orders are plain values: whoever panicked while it held them left them whole.
        self.shared.orders.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn wait<'g>(&self, orders: MutexGuard<'g, Orders>, time: Duration) -> MutexGuard<'g, Orders> {
        let waited = self.shared.changed.wait_timeout(orders, time);
        waited.unwrap_or_else(PoisonError::into_inner).0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steps_are_counted_and_a_stop_wins() {
        let control = Control::default();
        control.step();
        assert_eq!(control.gate(10), Gate::Open);
        assert!(control.is_paused());
        assert_eq!(control.gate_within(10), Gate::Open, "a batch that has begun comes to its end");
        control.stop();
        assert_eq!(control.gate(10), Gate::Stop);
        assert_eq!(control.gate_within(10), Gate::Stop);
        assert_eq!(control.rest(Duration::from_secs(60)), Gate::Stop);
    }
}
