//! How a server fares while a run is at work: what a throttle looks at.

use std::time::Instant;

use super::error::StoreError;
use super::link::{Link, text};
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
}

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
    /// Looks at the server once; at a cluster, at each of its primaries.
    pub fn vitals(&mut self) -> Result<Vitals, StoreError> {
        let probe_ms = self.probe()?;
        let mut info = redis::cmd("INFO");
        info.arg("everything");
        let mut nodes = Vec::new();
        for info in self.each_node(&[("INFO", &info)])?.into_iter().flatten() {
            nodes.push(read(&text("INFO", info)?));
        }
        Ok(Vitals { probe_ms, ..worst(nodes) })
    }

    /// Asks only how fast the server answers, in milliseconds; of a cluster, its slowest primary.
    pub fn probe(&mut self) -> Result<f64, StoreError> {
        let mut slowest = 0_f64;
        for number in 0.. {
            let asked = Instant::now();
            if self.call_number(number, "PING", &redis::cmd("PING"))?.is_none() {
                break;
            }
            slowest = slowest.max(asked.elapsed().as_secs_f64() * 1000.0);
        }
        Ok(slowest)
    }
}

/// The primaries of a cluster as one server to be careful with: the memory of the fullest, what
/// happened anywhere, the replicas of all, the processor time of one on average.
fn worst(nodes: Vec<Vitals>) -> Vitals {
    let count = nodes.len().max(1);
    // A replica's lag is the difference to its own primary's offset.
    let offset = nodes.iter().map(|node| node.replication_offset).max().unwrap_or(0);
    let mut whole = Vitals { replication_offset: offset, ..Vitals::default() };
    for node in nodes {
        let Vitals { memory_bytes, memory_limit_bytes, .. } = node;
        let is_fuller = u128::from(memory_bytes) * u128::from(whole.memory_limit_bytes)
            > u128::from(whole.memory_bytes) * u128::from(memory_limit_bytes);
        if is_fuller || whole.memory_limit_bytes == 0 {
            (whole.memory_bytes, whole.memory_limit_bytes) = (memory_bytes, memory_limit_bytes);
        }
        whole.evicted_keys += node.evicted_keys;
        whole.blocked_clients += node.blocked_clients;
        #[expect(clippy::cast_precision_loss, reason = "nodes are few")]
        let nodes = count as f64;
        whole.cpu_seconds += node.cpu_seconds / nodes;
        let ahead = offset - node.replication_offset;
        let shifted = node.replicas.into_iter().map(|r| Replica { offset: r.offset + ahead, ..r });
        whole.replicas.extend(shifted);
    }
    whole
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
    fn a_cluster_is_as_full_as_its_fullest_node_and_lags_by_each_nodes_own_offset() {
        let replica =
            |offset| Replica { name: String::new(), offset, online: true, silent_seconds: 0 };
        let node = |used, limit, offset, replica_offset| Vitals {
            memory_bytes: used,
            memory_limit_bytes: limit,
            cpu_seconds: 3.0,
            replication_offset: offset,
            replicas: vec![replica(replica_offset)],
            ..Vitals::default()
        };
        let whole =
            worst(vec![node(10, 0, 100, 90), node(90, 100, 1000, 999), node(50, 100, 5, 5)]);
        assert_eq!((whole.memory_bytes, whole.memory_limit_bytes), (90, 100));
        let lags: Vec<u64> =
            whole.replicas.iter().map(|r| whole.replication_offset - r.offset).collect();
        assert_eq!(lags, [10, 1, 0]);
        assert!((whole.cpu_seconds - 3.0).abs() < 1e-9);
    }

    #[test]
    fn replicas_are_read_from_their_lines() {
        let vitals = read(
            "# Memory\r\nused_memory:1000\r\nmaxmemory:4000\r\nmem_not_counted_for_evict:100\r\n\
             # Replication\r\nmaster_repl_offset:900\r\nslave_repl_offset:7\r\n\
             slave0:ip=10.0.0.2,port=6380,state=online,offset=880,lag=1\r\n",
        );
        assert_eq!((vitals.memory_bytes, vitals.memory_limit_bytes), (900, 4000));
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
