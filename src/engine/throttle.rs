//! The throttle: what an operator allows a run to cost the server, and what follows from how the
//! server fares.
//!
//! Each signal may have three limits. Above the soft one the run slows down until it is below again,
//! above the hard one it pauses, above the critical one it stops with its checkpoint. The reason is
//! always said in one form: `replica lag 3.2 s > 1 s`.

use std::collections::{BTreeMap, VecDeque};
use std::fmt;
use std::str::FromStr;
use std::time::{Duration, Instant};

use serde::Serialize;

use crate::store::Vitals;

/// Something about the server that can be too much.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Signal {
    /// How long the server takes to answer an own `PING`, smoothed, in milliseconds.
    Latency,
    /// Memory used, in percent of `maxmemory`; nothing without a limit.
    Memory,
    /// Keys evicted per second.
    Evictions,
    /// How far the slowest replica is behind, in seconds.
    ReplicaLag,
    /// Clients that wait in a blocking command.
    BlockedClients,
    /// CPU of the server, in percent of one core.
    Cpu,
}

impl Signal {
    /// Every signal, in the order in which they are looked at.
    pub const ALL: [Self; 6] = [
        Self::ReplicaLag,
        Self::Memory,
        Self::Evictions,
        Self::Latency,
        Self::BlockedClients,
        Self::Cpu,
    ];

    /// The name of its knob.
    pub fn knob(self) -> &'static str {
        match self {
            Self::Latency => "latency",
            Self::Memory => "memory",
            Self::Evictions => "evictions",
            Self::ReplicaLag => "replica-lag",
            Self::BlockedClients => "blocked-clients",
            Self::Cpu => "cpu",
        }
    }

    fn words(self) -> (&'static str, &'static str) {
        match self {
            Self::Latency => ("probe latency", " ms"),
            Self::Memory => ("memory use", " %"),
            Self::Evictions => ("evictions", "/s"),
            Self::ReplicaLag => ("replica lag", " s"),
            Self::BlockedClients => ("blocked clients", ""),
            Self::Cpu => ("server CPU", " %"),
        }
    }

    /// The signal of this knob.
    pub fn of_knob(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|signal| signal.knob() == name)
    }
}

/// The limits of one signal; `None` is none.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Levels {
    /// Above it the run slows down.
    pub soft: Option<f64>,
    /// Above it the run pauses.
    pub hard: Option<f64>,
    /// Above it the run stops with its checkpoint.
    pub critical: Option<f64>,
}

impl FromStr for Levels {
    type Err = String;

    /// Reads `SOFT[:HARD[:CRITICAL]]`, each a number or nothing; `off` is no limit.
    fn from_str(text: &str) -> Result<Self, String> {
        let expected = || {
            format!("'{text}' is no limit: expected SOFT[:HARD[:CRITICAL]] as in 1:5:60, or off")
        };
        if text == "off" {
            return Ok(Self::default());
        }
        let mut levels = [None; 3];
        let parts: Vec<&str> = text.split(':').collect();
        if parts.len() > levels.len() {
            return Err(expected());
        }
        for (level, part) in levels.iter_mut().zip(parts) {
            *level = match part {
                "" => None,
                part => Some(part.parse().map_err(|_| expected())?),
            };
        }
        let given: Vec<f64> = levels.iter().flatten().copied().collect();
        if given.is_empty() || given.iter().any(|level| !level.is_finite() || *level < 0.0) {
            return Err(expected());
        }
        if !given.is_sorted() {
            return Err(format!("'{text}': soft, hard and critical have to grow"));
        }
        let [soft, hard, critical] = levels;
        Ok(Self { soft, hard, critical })
    }
}

impl fmt::Display for Levels {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let shown: Vec<String> = [self.soft, self.hard, self.critical]
            .iter()
            .map(|level| level.map_or_else(String::new, |level| level.to_string()))
            .collect();
        let text = shown.join(":");
        let text = text.trim_end_matches(':');
        f.write_str(if text.is_empty() { "off" } else { text })
    }
}

/// What a run may cost the server.
#[derive(Clone, Debug, PartialEq)]
pub struct Limits {
    levels: Vec<(Signal, Levels)>,
}

impl Default for Limits {
    /// Limits that a healthy server does not come near during a run at full speed.
    fn default() -> Self {
        let of = |soft, hard, critical| Levels { soft, hard, critical };
        Self {
            levels: vec![
                (Signal::ReplicaLag, of(Some(2.0), Some(10.0), None)),
                (Signal::Memory, of(Some(90.0), Some(95.0), Some(99.5))),
                (Signal::Evictions, of(Some(1.0), Some(100.0), None)),
                (Signal::Latency, of(Some(25.0), Some(500.0), None)),
                (Signal::BlockedClients, Levels::default()),
                (Signal::Cpu, Levels::default()),
            ],
        }
    }
}

impl Limits {
    /// No limit at all.
    pub fn none() -> Self {
        Self { levels: Signal::ALL.map(|signal| (signal, Levels::default())).to_vec() }
    }

    /// The limits of one signal.
    pub fn of(&self, signal: Signal) -> Levels {
        self.levels.iter().find(|(known, _)| *known == signal).map_or_else(Levels::default, |l| l.1)
    }

    /// Sets the limits of one signal.
    pub fn set(&mut self, signal: Signal, levels: Levels) {
        self.levels.retain(|(known, _)| *known != signal);
        self.levels.push((signal, levels));
    }

    /// What follows from readings: the gravest, and of equals the first in [`Signal::ALL`].
    pub fn judge(&self, readings: &Readings) -> Verdict {
        let mut gravest = Verdict::Fine;
        for signal in Signal::ALL {
            let Some(found) = readings.of(signal) else { continue };
            let levels = self.of(signal);
            let reason = |limit: f64| Reason { signal, found, limit };
            let verdict = match levels {
                Levels { critical: Some(limit), .. } if found > limit => {
                    Verdict::Stop(reason(limit))
                }
                Levels { hard: Some(limit), .. } if found > limit => Verdict::Pause(reason(limit)),
                Levels { soft: Some(limit), .. } if found > limit => Verdict::Slow(reason(limit)),
                _ => Verdict::Fine,
            };
            if verdict.gravity() > gravest.gravity() {
                gravest = verdict;
            }
        }
        gravest
    }
}

/// What follows from how the server fares.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Verdict {
    /// Nothing is too much.
    Fine,
    /// The run has to slow down.
    Slow(Reason),
    /// The run has to pause.
    Pause(Reason),
    /// The run has to stop with its checkpoint.
    Stop(Reason),
}

impl Verdict {
    fn gravity(self) -> u8 {
        match self {
            Self::Fine => 0,
            Self::Slow(_) => 1,
            Self::Pause(_) => 2,
            Self::Stop(_) => 3,
        }
    }
}

/// What was found, and what it was above.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Reason {
    signal: Signal,
    found: f64,
    limit: f64,
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (name, unit) = self.signal.words();
        let (mut found, limit) = (short(self.found), short(self.limit));
        if found == limit {
            // Rounded up, for it is above.
            found = short(self.found + 0.1);
        }
        write!(f, "{name} {found}{unit} > {limit}{unit}")
    }
}

/// A number with one digit after the point, and none where it is whole.
fn short(number: f64) -> String {
    let text = format!("{number:.1}");
    text.strip_suffix(".0").map_or(text.clone(), str::to_owned)
}

/// What the last looks at the server give, smoothed.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Readings {
    /// Milliseconds.
    pub latency: Option<f64>,
    /// Percent of `maxmemory`.
    pub memory: Option<f64>,
    /// Keys per second.
    pub evictions: Option<f64>,
    /// Seconds.
    pub replica_lag: Option<f64>,
    /// Clients.
    pub blocked_clients: Option<f64>,
    /// Percent of one core.
    pub cpu: Option<f64>,
    /// Figures of `INFO` that nothing is decided by, under their names there; of a cluster their sums.
    pub figures: BTreeMap<&'static str, f64>,
}

impl Readings {
    /// The worse of the readings of two nodes of a cluster, signal by signal.
    #[must_use]
    pub fn worse(&self, other: &Self) -> Self {
        let mut figures = self.figures.clone();
        for (name, figure) in &other.figures {
            *figures.entry(name).or_default() += figure;
        }
        let worse =
            |one: Option<f64>, other: Option<f64>| one.into_iter().chain(other).reduce(f64::max);
        Self {
            latency: worse(self.latency, other.latency),
            memory: worse(self.memory, other.memory),
            evictions: worse(self.evictions, other.evictions),
            replica_lag: worse(self.replica_lag, other.replica_lag),
            blocked_clients: worse(self.blocked_clients, other.blocked_clients),
            cpu: worse(self.cpu, other.cpu),
            figures,
        }
    }

    /// The reading of a signal; `None` when the server has none.
    pub fn of(&self, signal: Signal) -> Option<f64> {
        match signal {
            Signal::Latency => self.latency,
            Signal::Memory => self.memory,
            Signal::Evictions => self.evictions,
            Signal::ReplicaLag => self.replica_lag,
            Signal::BlockedClients => self.blocked_clients,
            Signal::Cpu => self.cpu,
        }
    }
}

/// How much a new probe counts against those before it.
const LATENCY_WEIGHT: f64 = 0.4;
/// How far back the replication stream's positions are kept.
const HISTORY_MAX: usize = 4_096;

/// Makes readings of the looks at one server.
#[derive(Debug, Default)]
pub struct Gauge {
    readings: Readings,
    before: Option<(Instant, Vitals)>,
    /// When the replication stream had come to which byte.
    stream: VecDeque<(Instant, u64)>,
}

impl Gauge {
    /// Takes the time of one probe, in milliseconds.
    pub fn probe(&mut self, probe_ms: f64) {
        let smooth = |old: f64| old + LATENCY_WEIGHT * (probe_ms - old);
        self.readings.latency = Some(self.readings.latency.map_or(probe_ms, smooth));
    }

    /// Takes one look at the server.
    #[expect(clippy::cast_precision_loss, reason = "counts for shares and rates")]
    pub fn look(&mut self, now: Instant, vitals: Vitals) {
        self.probe(vitals.probe_ms);
        self.readings.memory = (vitals.memory_limit_bytes > 0)
            .then(|| vitals.memory_bytes as f64 * 100.0 / vitals.memory_limit_bytes as f64);
        self.readings.figures.clone_from(&vitals.figures);
        self.readings.blocked_clients = Some(vitals.blocked_clients as f64);
        if let Some((then, before)) = &self.before {
            let passed = (now - *then).as_secs_f64().max(0.001);
            let evicted = vitals.evicted_keys.saturating_sub(before.evicted_keys);
            self.readings.evictions = Some(evicted as f64 / passed);
            let worked = (vitals.cpu_seconds - before.cpu_seconds).max(0.0);
            self.readings.cpu = Some(worked * 100.0 / passed);
        }
        self.readings.replica_lag = self.lag(now, &vitals);
        self.before = Some((now, vitals));
    }

    /// What was read so far.
    pub fn readings(&self) -> &Readings {
        &self.readings
    }

    /// How long ago the stream was where the slowest replica is now; `None` without replicas.
    /// Replicas acknowledge once a second, so less than that is no lag.
    fn lag(&mut self, now: Instant, vitals: &Vitals) -> Option<f64> {
        const ACKNOWLEDGED_EVERY: Duration = Duration::from_secs(1);
        if vitals.replicas.is_empty() {
            self.stream.clear();
            return None;
        }
        if self.stream.back().is_some_and(|(_, offset)| *offset > vitals.replication_offset) {
            // Another primary, or another start of it.
            self.stream.clear();
        }
        self.stream.push_back((now, vitals.replication_offset));
        if self.stream.len() > HISTORY_MAX {
            self.stream.pop_front();
        }
        let behind = |offset: u64| {
            let reached = self.stream.iter().rev().find(|(_, stream)| *stream <= offset);
            let since = reached.or(self.stream.front()).map_or(now, |(at, _)| *at);
            now.saturating_duration_since(since).saturating_sub(ACKNOWLEDGED_EVERY).as_secs_f64()
        };
        let lags = vitals.replicas.iter().filter(|replica| replica.online).map(|replica| {
            if replica.offset >= vitals.replication_offset {
                return 0.0;
            }
            behind(replica.offset)
        });
        Some(lags.fold(0.0, f64::max))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::Replica;

    #[test]
    fn limits_read_as_written() {
        for text in ["1:5:60", "1", ":5", "::60", "off", "0.5:2"] {
            assert_eq!(text.parse::<Levels>().expect(text).to_string(), text);
        }
        for text in ["", "5:1", "a", "1:2:3:4", "-1", "nan", ":"] {
            assert!(text.parse::<Levels>().is_err(), "{text}");
        }
    }

    #[test]
    fn the_gravest_reading_decides_and_says_why() {
        let mut limits = Limits::none();
        limits.set(Signal::ReplicaLag, "1:5".parse().expect("limits"));
        limits.set(Signal::Memory, "90:95:99".parse().expect("limits"));
        let mut readings = Readings { replica_lag: Some(3.21), ..Readings::default() };
        let Verdict::Slow(reason) = limits.judge(&readings) else { panic!("soft") };
        assert_eq!(reason.to_string(), "replica lag 3.2 s > 1 s");
        readings.memory = Some(97.0);
        let Verdict::Pause(reason) = limits.judge(&readings) else { panic!("hard") };
        assert_eq!(reason.to_string(), "memory use 97 % > 95 %");
        readings.memory = Some(99.9);
        assert!(matches!(limits.judge(&readings), Verdict::Stop(_)));
        assert_eq!(limits.judge(&Readings::default()), Verdict::Fine);
    }

    #[test]
    fn a_replica_that_stands_still_lags_ever_more() {
        let mut gauge = Gauge::default();
        let start = Instant::now();
        let look = |second: u64, stream: u64, replica: u64| {
            let replica =
                Replica { name: "r".into(), offset: replica, online: true, silent_seconds: 0 };
            let vitals =
                Vitals { replication_offset: stream, replicas: vec![replica], ..Vitals::default() };
            (start + Duration::from_secs(second), vitals)
        };
        let mut lag = |second, stream, replica| {
            let (now, vitals) = look(second, stream, replica);
            gauge.look(now, vitals);
            gauge.readings().replica_lag.expect("there is a replica")
        };
        assert!(lag(0, 100, 100) < 0.01);
        assert!(lag(1, 200, 100) < 0.01, "not acknowledged yet");
        assert!((lag(6, 700, 100) - 5.0).abs() < 0.01);
        assert!(lag(7, 800, 800) < 0.01, "it caught up");
    }
}
