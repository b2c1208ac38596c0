//! One host's door: a limit on calls at once, and a breaker that opens after failures in a row, so
//! that a service which is down is asked by one call at a time, at growing intervals.

use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::{Silence, jittered};
use crate::engine::control::{Control, Gate};

/// Failures in a row after which a service counts as down.
const FAILURES_MAX: u32 = 8;
const OPEN_FIRST: Duration = Duration::from_millis(500);
const OPEN_MAX: Duration = Duration::from_secs(15);
/// How long a wait at the door lasts before it looks whether the run is to stop.
const LOOK: Duration = Duration::from_millis(50);

/// The door.
#[derive(Debug)]
pub(super) struct Breaker {
    slots: usize,
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct State {
    under_way: usize,
    /// Failures since the last answer.
    failures: u32,
    /// When the first of them was.
    failing_since: Option<Instant>,
    last: String,
    /// No call before this time, while the breaker is open.
    open_until: Option<Instant>,
    /// How often it opened since the last answer.
    opened: u32,
    /// Whether the one call that tries an open breaker is under way.
    probing: bool,
}

/// Leave for one call. Dropped without a word, it only frees its slot.
#[derive(Debug)]
pub(super) struct Pass<'b> {
    breaker: &'b Breaker,
    is_probe: bool,
}

impl Breaker {
    /// A door for this many calls at once.
    pub fn new(slots: usize) -> Self {
        Self { slots, state: Mutex::default(), changed: Condvar::new() }
    }

    /// Calls at once.
    pub fn slots(&self) -> usize {
        self.slots
    }

    /// Waits for leave to call.
    pub fn enter(
        &self,
        host: &str,
        control: &Control,
        patience: Duration,
        held: &mut dyn FnMut(Option<String>),
    ) -> Result<Pass<'_>, Silence> {
        let mut told = false;
        loop {
            // Also waits while the run is paused: a pause is for the service too.
            if control.rest(Duration::ZERO) == Gate::Stop {
                return Err(Silence::Stopped);
            }
            let mut state = self.state();
            let is_open = state.open_until.is_some();
            let is_due = state.open_until.is_none_or(|until| until <= Instant::now());
            if is_open
                && let Some(since) = state.failing_since
                && since.elapsed() >= patience
            {
                let (seconds, last) = (patience.as_secs(), &state.last);
                return Err(Silence::Down(format!(
                    "{host} gave no answer for {seconds} s (last: {last})"
                )));
            }
            if is_due && !(is_open && state.probing) && state.under_way < self.slots {
                state.under_way += 1;
                state.probing |= is_open;
                drop(state);
                if told {
                    held(None);
                }
                return Ok(Pass { breaker: self, is_probe: is_open });
            }
            if is_open && !told {
                told = true;
                held(Some(format!("{host} does not answer ({}), trying again", state.last)));
            }
            let waited = self.changed.wait_timeout(state, LOOK);
            drop(waited.unwrap_or_else(PoisonError::into_inner));
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // Counters and times: whoever panicked while it held them left them whole.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Pass<'_> {
    /// The service answered, be it with a refusal.
    pub fn succeeded(self) {
        let under_way = self.breaker.state().under_way;
        *self.breaker.state() = State { under_way, ..State::default() };
    }

    /// It did not. Answers whether it counts as down now.
    pub fn failed(self, reason: &str) -> bool {
        let mut state = self.breaker.state();
        reason.clone_into(&mut state.last);
        state.failures += 1;
        state.failing_since.get_or_insert_with(Instant::now);
        if self.is_probe || (state.failures >= FAILURES_MAX && state.open_until.is_none()) {
            let pause = (OPEN_FIRST * 2u32.pow(state.opened.min(8))).min(OPEN_MAX);
            state.open_until = Some(Instant::now() + jittered(pause));
            state.opened += 1;
        }
        state.open_until.is_some()
    }
}

impl Drop for Pass<'_> {
    fn drop(&mut self) {
        let mut state = self.breaker.state();
        state.under_way = state.under_way.saturating_sub(1);
        if self.is_probe {
            state.probing = false;
        }
        drop(state);
        self.breaker.changed.notify_all();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PATIENCE: Duration = Duration::from_secs(60);

    fn enter(breaker: &Breaker, patience: Duration) -> Result<Pass<'_>, Silence> {
        breaker.enter("https://x", &Control::default(), patience, &mut |_| {})
    }

    #[test]
    fn failures_in_a_row_open_it_and_one_answer_closes_it() {
        let breaker = Breaker::new(2);
        for number in 1..FAILURES_MAX {
            assert!(!enter(&breaker, PATIENCE).expect("closed").failed("503"), "{number}");
        }
        assert!(enter(&breaker, PATIENCE).expect("closed").failed("503"));
        assert!(matches!(enter(&breaker, Duration::ZERO), Err(Silence::Down(_))));
        // The next one waits for the pause and is the only one; its answer closes the breaker.
        let probe = enter(&breaker, PATIENCE).expect("after the pause");
        assert!(probe.is_probe && breaker.state().probing);
        probe.succeeded();
        assert!(!enter(&breaker, Duration::ZERO).expect("closed").is_probe);
        assert_eq!(breaker.state().under_way, 0);
    }

    #[test]
    fn a_stopped_run_does_not_wait() {
        let (breaker, control) = (Breaker::new(1), Control::default());
        let _pass = enter(&breaker, PATIENCE).expect("a slot");
        control.stop();
        let refused = breaker.enter("https://x", &control, PATIENCE, &mut |_| {});
        assert!(matches!(refused, Err(Silence::Stopped)));
    }
}
