//! Which station of a run the others wait for: how much of the time each of them is at work.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use serde::{Serialize, Serializer};

/// A station of the pipeline of a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Station {
    /// Asking which keys there are.
    Scan,
    /// Reading their values.
    Read,
    /// Applying chains, and validating.
    Transform,
    /// Making before-images durable.
    Journal,
    /// Compare-and-set.
    Write,
}

impl Station {
    /// All of them, in the order in which a document passes them.
    pub const ALL: [Self; 5] =
        [Self::Scan, Self::Read, Self::Transform, Self::Journal, Self::Write];

    /// The name on screens and in reports.
    pub fn name(self) -> &'static str {
        match self {
            Self::Scan => "scan",
            Self::Read => "read",
            Self::Transform => "transform",
            Self::Journal => "journal",
            Self::Write => "write",
        }
    }
}

/// How much of the last second or so each station was at work, from 0 to 1.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Busy([f64; 5]);

impl Busy {
    /// The shares by station, in the order of [`Station::ALL`].
    pub fn new(shares: [f64; 5]) -> Self {
        Self(shares)
    }

    /// A station's share.
    pub fn of(&self, station: Station) -> f64 {
        self.0[station as usize]
    }

    /// The station that the others wait for: the one that rests least. `None` when all of them rest
    /// most of the time, because something holds the run back.
    pub fn bottleneck(&self) -> Option<Station> {
        const AT_WORK: f64 = 0.5;
        // The same threads read and transform: together they are what the others wait for.
        let readers = self.of(Station::Read) + self.of(Station::Transform);
        let is_read = self.of(Station::Read) > self.of(Station::Transform);
        let first = if is_read { Station::Read } else { Station::Transform };
        let rest = [Station::Scan, Station::Journal, Station::Write];
        let all = rest.into_iter().map(|station| (station, self.of(station)));
        let busiest = all.chain([(first, readers)]).max_by(|a, b| a.1.total_cmp(&b.1));
        busiest.filter(|(_, share)| *share >= AT_WORK).map(|(station, _)| station)
    }
}

impl Serialize for Busy {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let rounded = |share: f64| (share * 100.0).round() / 100.0;
        serializer.collect_map(Station::ALL.map(|it| (it.name(), rounded(self.of(it)))))
    }
}

/// Adds up how long the threads of each station were at work.
#[derive(Debug, Default)]
pub(super) struct Clocks([AtomicU64; 5]);

impl Clocks {
    pub fn add(&self, station: Station, time: Duration) {
        let nanoseconds = u64::try_from(time.as_nanos()).unwrap_or(u64::MAX);
        self.0[station as usize].fetch_add(nanoseconds, Ordering::Relaxed);
    }

    /// Times a piece of work of a station.
    pub fn time<T>(&self, station: Station, work: impl FnOnce() -> T) -> T {
        let began = Instant::now();
        let done = work();
        self.add(station, began.elapsed());
        done
    }
}

/// Makes shares of what the clocks add up.
#[derive(Debug)]
pub(super) struct Shares {
    looked: Instant,
    before: [u64; 5],
    threads: [usize; 5],
    busy: Busy,
}

impl Shares {
    /// Shares of stations with so many threads each, in the order of [`Station::ALL`].
    pub fn of(threads: [usize; 5]) -> Self {
        Self { looked: Instant::now(), before: [0; 5], threads, busy: Busy::default() }
    }

    /// Looks at the clocks again; smoothed, for a batch is longer than the time between two looks.
    #[expect(clippy::cast_precision_loss, reason = "nanoseconds for a share")]
    pub fn look(&mut self, clocks: &Clocks) -> Busy {
        const NEWEST: f64 = 0.2;
        let passed = self.looked.elapsed().as_nanos().max(1) as f64;
        self.looked = Instant::now();
        for station in Station::ALL {
            let at = station as usize;
            let now = clocks.0[at].load(Ordering::Relaxed);
            let worked = (now - self.before[at]) as f64 / self.threads[at].max(1) as f64;
            let share = (worked / passed).min(1.0);
            self.busy.0[at] += (share - self.busy.0[at]) * NEWEST;
            self.before[at] = now;
        }
        self.busy
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_bottleneck_is_who_rests_least() {
        let of = |shares| Busy::new(shares).bottleneck();
        assert_eq!(of([0.1, 0.6, 0.3, 0.2, 0.8]), Some(Station::Read));
        assert_eq!(of([0.1, 0.2, 0.1, 0.2, 0.8]), Some(Station::Write));
        assert_eq!(of([0.1, 0.1, 0.1, 0.1, 0.1]), None, "it is held back");
        let json = serde_json::to_string(&Busy::new([0.101, 0.0, 0.0, 0.0, 1.0]));
        let expected = r#"{"scan":0.1,"read":0.0,"transform":0.0,"journal":0.0,"write":1.0}"#;
        assert_eq!(json.expect("plain data"), expected);
    }

    #[test]
    fn shares_are_of_the_time_and_the_threads() {
        let clocks = Clocks::default();
        let mut shares = Shares::of([1, 1, 1, 1, 2]);
        clocks.add(Station::Write, Duration::from_secs(3_600));
        let busy = shares.look(&clocks);
        assert!((busy.of(Station::Write) - 0.2).abs() < 1e-9, "no share is above 1: {busy:?}");
        assert!(shares.look(&clocks).of(Station::Write) < 0.2);
        assert!(busy.of(Station::Scan).abs() < 1e-9);
    }
}
