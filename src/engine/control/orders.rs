//! What was ordered of a verb at work.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use super::{Deadline, Following, Throttled};
use crate::engine::budget::ErrorBudget;
use crate::engine::throttle::Limits;

#[derive(Debug, Default)]
pub(super) struct Orders {
    pub paused: bool,
    pub stopped: bool,
    /// Why it waits between two stages.
    pub hold: Option<String>,
    /// Whether the run follows its writers.
    pub following: Following,
    /// In step-by-step mode: how many batches may still begin.
    pub steps: Option<u64>,
    /// At most this many keys per second.
    pub rate: Option<u32>,
    /// What the run may cost the server.
    pub limits: Limits,
    /// What the throttle says, from how the server fares.
    pub throttled: Throttled,
    /// While this file is there, nothing begins.
    pub pause_file: Option<PathBuf>,
    /// When the verb has to have come to its end.
    pub deadline: Option<Deadline>,
    /// How many keys may need eyes.
    pub error_budget: Option<ErrorBudget>,
    /// Why an end was ordered, when it was not the operator.
    pub stop_reason: Option<String>,
    /// Keys that may begin now, under a rate; may be negative after a large batch.
    pub credit: f64,
    pub credited: Option<Instant>,
}

impl Orders {
    /// How long `keys` have to wait for the pace; `None` takes them off the credit.
    #[expect(clippy::cast_precision_loss, reason = "a batch's keys are few")]
    pub fn wait_for_rate(&mut self, keys: usize) -> Option<Duration> {
        let throttled = match self.throttled {
            Throttled::Slow(pace, _) => Some(pace),
            Throttled::No | Throttled::Hold(_) => None,
        };
        let rate = [self.rate.map(f64::from), throttled].into_iter().flatten().reduce(f64::min);
        let Some(rate) = rate else {
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
    fn a_pace_makes_the_next_batch_wait() {
        let mut orders = Orders { rate: Some(1000), ..Orders::default() };
        assert_eq!(orders.wait_for_rate(100), None);
        let wait = orders.wait_for_rate(100).expect("the credit is used up");
        assert!((90..=100).contains(&wait.as_millis()), "{wait:?}");
    }
}
