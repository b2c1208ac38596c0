//! How a server fares while a run is at work: what a throttle looks at.

use std::collections::BTreeMap;
use std::time::Instant;

use super::error::StoreError;
use super::link::{Link, text as text_of};
use super::server::info_lines;

/// One look at a server, from `PING` and `INFO` (<https://redis.io/docs/latest/commands/info/>).
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Vitals {
    /// How long the server took to answer a `PING`, in milliseconds.
    pub probe_ms: f64,
    /// Bytes used, as the server counts them against its limit.
    pub memory_bytes: u64,
    /// `maxmemory` in bytes; 0 is no limit.
    pub memory_limit_bytes: u64,
    /// Keys evicted since the server's start.
    pub evicted_keys: u64,
    /// Clients that wait in a blocking command.
    pub blocked_clients: u64,
    /// CPU seconds used since the server's start, user and system.
    pub cpu_seconds: f64,
    /// Bytes of the replication stream so far.
    pub replication_offset: u64,
    /// The replicas that are connected.
    pub replicas: Vec<Replica>,
    /// Figures that nothing is decided by, under their names in `INFO`: memory, clients, commands and input per second.
    pub figures: BTreeMap<&'static str, f64>,
}

/// Figures of `INFO` that are sampled for reports.
pub const FIGURES: [&str; 4] =
    ["used_memory", "connected_clients", "instantaneous_ops_per_sec", "instantaneous_input_kbps"];

/// A replica, as its primary sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Replica {
    /// Its address.
    pub name: String,
    /// Bytes of the replication stream that it has acknowledged.
    pub offset: u64,
    /// Whether it follows the stream; one that is loading its first copy does not yet.
    pub online: bool,
    /// Whole seconds since it last acknowledged anything.
    pub silent_seconds: u64,
}

impl Link {
    /// Looks at the server once; in a cluster at each primary.
    pub fn vitals(&mut self) -> Result<Vec<Vitals>, StoreError> {
        let mut info = redis::cmd("INFO");
        info.arg("everything");
        let probes = self.probes()?;
        let texts = self.each_node(&[("INFO", &info)])?.into_iter().flatten();
        let look = |(text, probe_ms)| Ok(Vitals { probe_ms, ..read(&text_of("INFO", text)?) });
        texts.zip(probes).map(look).collect()
    }

    /// Asks only how fast the server answers, in a cluster each primary, in milliseconds.
    pub fn probes(&mut self) -> Result<Vec<f64>, StoreError> {
        let ping = redis::cmd("PING");
        let mut probes = Vec::new();
        loop {
            let asked = Instant::now();
            let Some((_, nodes)) = self.call_number(probes.len(), "PING", &ping)? else { break };
            probes.push(asked.elapsed().as_secs_f64() * 1000.0);
            if probes.len() >= nodes {
                break;
            }
        }
        Ok(probes)
    }
}

fn read(text: &str) -> Vitals {
    let lines = info_lines(text);
    let number = |name: &str| lines.get(name).and_then(|text| text.parse().ok()).unwrap_or(0);
    let seconds = |name: &str| lines.get(name).and_then(|text| text.parse().ok()).unwrap_or(0.0);
    let is_replica = |name: &str| {
        name.strip_prefix("slave")
            .is_some_and(|rest| rest.bytes().all(|byte| byte.is_ascii_digit()))
    };
    // What replicas have yet to be sent is not counted against the limit.
    let uncounted: u64 = number("mem_not_counted_for_evict");
    Vitals {
        probe_ms: 0.0,
        memory_bytes: number("used_memory").saturating_sub(uncounted),
        memory_limit_bytes: number("maxmemory"),
        evicted_keys: number("evicted_keys"),
        blocked_clients: number("blocked_clients"),
        cpu_seconds: seconds("used_cpu_user") + seconds("used_cpu_sys"),
        replication_offset: number("master_repl_offset"),
        replicas: lines
            .iter()
            .filter(|(name, _)| is_replica(name))
            .map(|(_, line)| replica(line))
            .collect(),
        figures: FIGURES
            .into_iter()
            .filter_map(|name| Some((name, lines.get(name)?.parse().ok()?)))
            .collect(),
    }
}

/// Reads `ip=127.0.0.1,port=6380,state=online,offset=14,lag=0`.
fn replica(line: &str) -> Replica {
    let part = |name: &str| {
        line.split(',').find_map(|part| part.strip_prefix(name)?.strip_prefix('=')).unwrap_or("")
    };
    Replica {
        name: format!("{}:{}", part("ip"), part("port")),
        offset: part("offset").parse().unwrap_or(0),
        online: part("state") == "online",
        silent_seconds: part("lag").parse().unwrap_or(0),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn replicas_are_read_from_their_lines() {
        let vitals = read(
            "# Memory\r\nused_memory:1000\r\nmaxmemory:4000\r\nmem_not_counted_for_evict:100\r\n\
             connected_clients:7\r\n# Replication\r\nmaster_repl_offset:900\r\nslave_repl_offset:7\r\n\
             slave0:ip=10.0.0.2,port=6380,state=online,offset=880,lag=1\r\n",
        );
        assert_eq!((vitals.memory_bytes, vitals.memory_limit_bytes), (900, 4000));
        let figures = BTreeMap::from([("used_memory", 1000.0), ("connected_clients", 7.0)]);
        assert_eq!(vitals.figures, figures);
        assert_eq!(
            vitals.replicas,
            [Replica {
                name: "10.0.0.2:6380".into(),
                offset: 880,
                online: true,
                silent_seconds: 1
            }]
        );
    }
}
