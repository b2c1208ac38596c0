//! Watching the server while a verb is at work, over a connection of its own, and holding the verb to
//! its limits.

use std::time::{Duration, Instant};

use super::beside::Ended;
use super::control::{Control, Following, Throttled};
use super::throttle::{Gauge, Readings, Verdict};
use crate::store::{Address, Link, StoreError};

/// How often the server is probed.
const PROBE_INTERVAL: Duration = Duration::from_millis(100);
/// How often everything about it is asked for.
const LOOK_INTERVAL: Duration = Duration::from_millis(500);
/// Without a reading for this long, nobody knows how the server fares, and the verb is held. No reply
/// is waited for longer.
const STALE_AFTER: Duration = Duration::from_secs(3);
/// A step down keeps this part of the pace; a step up undoes a step down.
const STEP: f64 = 0.7;
/// What is under way when the window ends needs this long to settle.
const DRAIN_TIME: Duration = Duration::from_secs(1);
/// The pace never falls below this many keys per second: what should stand still has a hard limit.
const PACE_MIN: f64 = 50.0;
/// The reason while the pace grows again.
const RECOVERING: &str = "the server fares well again";

/// Does `work` while a thread beside it watches the server.
pub(super) fn beside<T>(address: &Address, control: &Control, work: impl FnOnce() -> T) -> T {
    super::beside::beside("watch", |ended| Watch::new(address, control).work(ended), work)
}

struct Watch<'w> {
    address: Address,
    control: &'w Control,
    link: Option<Link>,
    /// One for each node, in the order of the link.
    gauges: Vec<Gauge>,
    looked: Option<Instant>,
    read: Instant,
    /// Keys that were done when the server could not be reached for a reading any more.
    done_unread: Option<u64>,
    /// Keys per second while nothing held the verb back.
    unhindered: f64,
    /// When the pace was changed.
    paced: Instant,
}

impl<'w> Watch<'w> {
    fn new(address: &Address, control: &'w Control) -> Self {
        let now = Instant::now();
        Self {
            address: address.clone().answering_within(STALE_AFTER),
            control,
            link: None,
            gauges: Vec::new(),
            looked: None,
            read: now,
            done_unread: None,
            unhindered: PACE_MIN,
            paced: now,
        }
    }

    fn work(mut self, ended: &Ended) {
        loop {
            self.heed_deadline();
            match self.look() {
                Ok(()) => {
                    (self.read, self.done_unread) = (Instant::now(), None);
                    self.decide();
                }
                Err(error) => {
                    self.go_without(&error);
                    // In a cluster the node that was named may be the one that is lost, and another
                    // knows who has taken over.
                    self.link.take_if(|link| link.reconnect().is_err());
                }
            }
            if ended.within(PROBE_INTERVAL) {
                self.control.throttle(Throttled::No);
                return;
            }
        }
    }

    /// Makes an order of there being no reading.
    fn go_without(&mut self, error: &StoreError) {
        let since = self.read.elapsed();
        if matches!(error, StoreError::Unreachable { .. }) && !self.is_reached_by_others(since) {
            // Nothing is there that could be spared: those at work find out themselves, and have the
            // patience they were given.
            self.control.throttle(Throttled::No);
        } else if since > STALE_AFTER {
            self.control.throttle(Throttled::Hold(format!(
                "no reading of the server for {:.1} s > {} s ({})",
                since.as_secs_f64(),
                STALE_AFTER.as_secs(),
                super::backoff::first_line(error)
            )));
        }
    }

    /// Whether those at work reach the server although the watch does not, as where it takes no more
    /// clients: keys were done since the last reading is stale. Of a cluster that tells nothing, for
    /// they may be another node's.
    fn is_reached_by_others(&mut self, since: Duration) -> bool {
        let done = self.control.progress().done();
        let is_one = self.gauges.len() <= 1;
        is_one && since > STALE_AFTER && done > *self.done_unread.get_or_insert(done)
    }

    /// The worst of all nodes.
    fn readings(&self) -> Readings {
        let none = Readings::default();
        self.gauges.iter().fold(none, |worst, gauge| worst.worse(gauge.readings()))
    }

    fn heed_deadline(&self) {
        let Some(deadline) = self.control.deadline() else { return };
        let left = deadline.at.saturating_duration_since(Instant::now());
        if left >= DRAIN_TIME || self.control.is_stopped() {
            return;
        }
        // What is under way of a run that follows may end in its own time, but not take longer.
        let follows = self.control.end_following(Following::OutOfTime)
            || (self.control.following() != Following::No && !left.is_zero());
        if !follows {
            self.control.stop_because(format!("the window ends at {}", deadline.said));
        }
    }

    fn look(&mut self) -> Result<(), StoreError> {
        let link = match &mut self.link {
            Some(link) => link,
            none => none.insert(Link::open(&self.address)?),
        };
        let due = self.looked.is_none_or(|at| at.elapsed() >= LOOK_INTERVAL);
        if due {
            let vitals = link.vitals()?;
            if vitals.len() != self.gauges.len() {
                // Another layout: what was read of each node says nothing of the new ones.
                self.gauges = vitals.iter().map(|_| Gauge::default()).collect();
            }
            for (gauge, vitals) in self.gauges.iter_mut().zip(vitals) {
                gauge.look(Instant::now(), vitals);
            }
            self.looked = Some(Instant::now());
        } else {
            for (gauge, probe_ms) in self.gauges.iter_mut().zip(link.probes()?) {
                gauge.probe(probe_ms);
            }
        }
        Ok(())
    }

    /// Makes an order of the readings. The pace changes with each look at the whole server, so that
    /// one change shows its effect before the next.
    fn decide(&mut self) {
        let before = self.control.throttled();
        let rate = self.control.progress().rate;
        if before == Throttled::No {
            self.unhindered = rate.max(PACE_MIN);
        }
        let pace = |throttled: &Throttled| match throttled {
            Throttled::Slow(pace, _) => Some(*pace),
            _ => None,
        };
        let pace_before = pace(&before);
        let flag = self.control.pause_file().filter(|path| path.exists());
        let readings = self.readings();
        let verdict = self.control.limits().judge(&readings);
        self.control.set_readings(readings);
        let next = match (flag, verdict) {
            (Some(path), _) => Throttled::Hold(format!("flag file {} exists", path.display())),
            (None, verdict) => self.follow(verdict, before),
        };
        if pace(&next) != pace_before {
            self.paced = Instant::now();
        }
        self.control.throttle(next);
    }

    fn follow(&self, verdict: Verdict, before: Throttled) -> Throttled {
        match verdict {
            Verdict::Pause(reason) => Throttled::Hold(reason.to_string()),
            Verdict::Stop(reason) => {
                self.control.stop_because(reason.to_string());
                Throttled::Hold(reason.to_string())
            }
            Verdict::Slow(reason) => {
                let pace = match before {
                    Throttled::Slow(pace, _) if self.paced.elapsed() < LOOK_INTERVAL => pace,
                    Throttled::Slow(pace, _) => pace * STEP,
                    Throttled::No | Throttled::Hold(_) => self.unhindered * STEP,
                };
                Throttled::Slow(pace.max(PACE_MIN), reason.to_string())
            }
            Verdict::Fine => match before {
                Throttled::No => Throttled::No,
                Throttled::Slow(pace, _) if pace > self.unhindered => Throttled::No,
                Throttled::Slow(pace, reason) if self.paced.elapsed() < LOOK_INTERVAL => {
                    Throttled::Slow(pace, reason)
                }
                Throttled::Slow(pace, _) => Throttled::Slow(pace / STEP, RECOVERING.to_owned()),
                // What had to stand still begins again slowly.
                Throttled::Hold(_) => {
                    Throttled::Slow(self.unhindered * STEP * STEP, RECOVERING.to_owned())
                }
            },
        }
    }
}
