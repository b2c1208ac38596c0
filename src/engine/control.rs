//! Orders to a verb at work, and what it reports.

use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::watch;

use super::progress::{Progress, Verb};
use super::trouble::Trouble;
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
    notices: Mutex<Vec<String>>,
    phases: Mutex<Vec<Progress>>,
}

#[derive(Debug, Default)]
struct Orders {
    paused: bool,
    stopped: bool,
    /// In step-by-step mode: how many batches may still begin.
    steps: Option<u64>,
    /// At most this many keys per second.
    rate: Option<u32>,
    /// Keys that may begin now, under a rate; may be negative after a large batch.
    credit: f64,
    credited: Option<Instant>,
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
            notices: Mutex::default(),
            phases: Mutex::default(),
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
            orders.steps = None;
        });
    }

    /// Ends the verb after the batches that are under way, with a checkpoint.
    pub fn stop(&self) {
        self.order(|orders| orders.stopped = true);
    }

    /// Lets one more batch begin, and then waits.
    pub fn step(&self) {
        self.order(|orders| {
            orders.paused = false;
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
        orders.paused || orders.steps == Some(0)
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

    /// Tells the operator something that is no progress and no trouble of a key.
    pub fn notify(&self, notice: String) {
        self.shared.notices.lock().unwrap_or_else(PoisonError::into_inner).push(notice);
    }

    /// What the operator has not been told yet.
    pub fn take_notices(&self) -> Vec<String> {
        std::mem::take(&mut self.shared.notices.lock().unwrap_or_else(PoisonError::into_inner))
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
        // Where nobody takes them the first ones are enough.
        if before.phase != progress.phase && phases.len() < PHASES_MAX {
            phases.push(progress);
        }
    }

    /// Waits while the verb is held, and for the pace. `keys` are about to begin.
    pub(super) fn gate(&self, keys: usize) -> Gate {
        let mut orders = self.orders();
        loop {
            if orders.stopped {
                return Gate::Stop;
            }
            if orders.paused || orders.steps == Some(0) {
                orders = self.wait(orders, Duration::from_millis(PROGRESS_INTERVAL_MS));
                continue;
            }
            match orders.wait_for_rate(keys) {
                None => break,
                Some(wait) => orders = self.wait(orders, wait),
            }
        }
        if let Some(steps) = &mut orders.steps {
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

    /// Why the verb stands still by order, for the screen.
    pub(super) fn held(&self) -> Option<(Phase, String)> {
        let orders = self.orders();
        if orders.stopped {
            return Some((Phase::Running, "stopping after the batches under way".to_owned()));
        }
        if orders.paused {
            return Some((Phase::Paused, "paused by the operator".to_owned()));
        }
        if orders.steps == Some(0) {
            return Some((Phase::Paused, "step by step: waiting for the next step".to_owned()));
        }
        orders.rate.map(|rate| (Phase::Running, format!("pace {rate} keys/s, as set")))
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

impl Orders {
    /// How long `keys` have to wait for the pace; `None` takes them off the credit.
    #[expect(clippy::cast_precision_loss, reason = "a batch's keys are few")]
    fn wait_for_rate(&mut self, keys: usize) -> Option<Duration> {
        let Some(rate) = self.rate.map(f64::from) else {
            self.credited = None;
            return None;
        };
        let now = Instant::now();
        let passed = self.credited.map_or(0.0, |at| (now - at).as_secs_f64());
        // At most a tenth of a second's keys are saved up, so that a pause is not made up for.
        self.credit = (self.credit + passed * rate).min(rate / 10.0);
        self.credited = Some(now);
        if self.credit < 0.0 {
            return Some(Duration::from_secs_f64((-self.credit / rate).max(0.001)));
        }
        self.credit -= keys as f64;
        None
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
        control.stop();
        assert_eq!(control.gate(10), Gate::Stop);
        assert_eq!(control.rest(Duration::from_secs(60)), Gate::Stop);
    }

    #[test]
    fn a_pace_makes_the_next_batch_wait() {
        let mut orders = Orders { rate: Some(1000), ..Orders::default() };
        assert_eq!(orders.wait_for_rate(100), None);
        let wait = orders.wait_for_rate(100).expect("the credit is used up");
        assert!((90..=100).contains(&wait.as_millis()), "{wait:?}");
    }
}
