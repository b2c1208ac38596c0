//! What kind of server this is and how it fares.

use std::collections::BTreeMap;

use redis::Value;
use serde::Serialize;

use super::error::StoreError;
use super::link::{Link, text, unexpected};

/// What `INFO` says (<https://redis.io/docs/latest/commands/info/>), read once.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct ServerInfo {
    /// `redis` or `valkey`.
    pub software: String,
    /// The version of that software: `7.0.15`.
    pub version: String,
    /// `standalone`, `cluster` or `sentinel`.
    pub mode: String,
    /// `master` or `slave`, as the server says.
    pub role: String,
    /// Changes with each start of the server: a cursor of `SCAN` from before is worth nothing.
    pub run_id: String,
    /// Keys in the database that is selected.
    pub keys: u64,
    /// Commands processed per second, as the server reckons.
    pub ops_per_second: u64,
    /// Memory used by data, in bytes.
    pub memory_bytes: u64,
    /// `maxmemory` in bytes; 0 is no limit.
    pub memory_limit_bytes: u64,
    /// Clients connected.
    pub clients: u64,
    /// Keys evicted since the start.
    pub evicted_keys: u64,
    /// CPU seconds used by the server so far, user and system.
    pub cpu_seconds: f64,
    /// Primaries these figures are of: 1, unless it is a cluster.
    pub nodes: u64,
}

impl Link {
    /// Asks the server about itself. Of a cluster, the primaries' figures are added up; what is not
    /// a figure is the first one's.
    pub fn server_info(&mut self) -> Result<ServerInfo, StoreError> {
        let (mut info, size) = (redis::cmd("INFO"), redis::cmd("DBSIZE"));
        info.arg("everything");
        let mut whole: Option<ServerInfo> = None;
        for answers in self.each_node(&[("INFO", &info), ("DBSIZE", &size)])? {
            let [info, size] = <[Value; 2]>::try_from(answers).expect("two commands, two answers");
            let node = ServerInfo { keys: count(size)?, ..read_info(&text("INFO", info)?) };
            whole = Some(match whole {
                None => node,
                Some(whole) => whole.with(&node),
            });
        }
        Ok(whole.unwrap_or_default())
    }

    /// Asks what time the server has, in Unix milliseconds; of a cluster, the latest of its nodes.
    pub fn now_ms(&mut self) -> Result<i64, StoreError> {
        let mut latest = 0;
        for answer in self.each_node(&[("TIME", &redis::cmd("TIME"))])?.into_iter().flatten() {
            let (seconds, micros): (i64, i64) =
                redis::from_redis_value(answer).map_err(|error| StoreError::Answer {
                    command: "TIME".into(),
                    detail: error.to_string(),
                })?;
            latest = latest.max(seconds * 1000 + micros / 1000);
        }
        Ok(latest)
    }

    /// Asks whether any key expires; where none does, nobody need ask for each.
    pub fn has_expiring_keys(&mut self) -> Result<bool, StoreError> {
        let mut info = redis::cmd("INFO");
        info.arg("keyspace");
        for answer in self.each_node(&[("INFO", &info)])?.into_iter().flatten() {
            let databases = text("INFO", answer)?;
            if databases.lines().any(|it| it.contains("expires=") && !it.contains("expires=0,")) {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Asks how many keys the database has.
    pub fn key_count(&mut self) -> Result<u64, StoreError> {
        let answers = self.each_node(&[("DBSIZE", &redis::cmd("DBSIZE"))])?;
        answers.into_iter().flatten().map(count).sum()
    }
}

impl ServerInfo {
    /// The figures of two nodes of a cluster as those of one server.
    fn with(self, other: &Self) -> Self {
        Self {
            keys: self.keys + other.keys,
            ops_per_second: self.ops_per_second + other.ops_per_second,
            memory_bytes: self.memory_bytes + other.memory_bytes,
            memory_limit_bytes: self.memory_limit_bytes + other.memory_limit_bytes,
            // Each client that is busy everywhere has a connection to each node.
            clients: self.clients.max(other.clients),
            evicted_keys: self.evicted_keys + other.evicted_keys,
            cpu_seconds: self.cpu_seconds + other.cpu_seconds,
            nodes: self.nodes + other.nodes,
            ..self
        }
    }
}

fn count(answer: Value) -> Result<u64, StoreError> {
    match answer {
        Value::Int(count) => Ok(count.unsigned_abs()),
        other => Err(unexpected("DBSIZE", &other)),
    }
}

/// The lines of an `INFO` reply by their names.
pub(super) fn info_lines(text: &str) -> BTreeMap<&str, &str> {
    text.lines().filter_map(|line| line.trim_end().split_once(':')).collect()
}

pub(super) fn read_info(text: &str) -> ServerInfo {
    let lines = info_lines(text);
    let word = |name: &str| lines.get(name).copied().unwrap_or_default().to_owned();
    let number = |name: &str| lines.get(name).and_then(|text| text.parse().ok()).unwrap_or(0);
    let seconds = |name: &str| lines.get(name).and_then(|text| text.parse().ok()).unwrap_or(0.0);
    let is_valkey = lines.get("server_name") == Some(&"valkey");
    ServerInfo {
        software: if is_valkey { "valkey" } else { "redis" }.to_owned(),
        version: word(if is_valkey { "valkey_version" } else { "redis_version" }),
        mode: word(if is_valkey { "server_mode" } else { "redis_mode" }),
        role: word("role"),
        run_id: word("run_id"),
        keys: 0,
        ops_per_second: number("instantaneous_ops_per_sec"),
        memory_bytes: number("used_memory"),
        memory_limit_bytes: number("maxmemory"),
        clients: number("connected_clients"),
        evicted_keys: number("evicted_keys"),
        cpu_seconds: seconds("used_cpu_user") + seconds("used_cpu_sys"),
        nodes: 1,
    }
}
