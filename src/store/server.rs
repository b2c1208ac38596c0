//! What kind of server this is and how it fares.

use std::collections::BTreeMap;

use serde::Serialize;

use super::error::StoreError;
use super::link::Link;

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
}

impl Link {
    /// Asks the server about itself.
    pub fn server_info(&mut self) -> Result<ServerInfo, StoreError> {
        let text: String = self.ask("INFO", redis::cmd("INFO").arg("everything"))?;
        let keys: u64 = self.ask("DBSIZE", &redis::cmd("DBSIZE"))?;
        Ok(ServerInfo { keys, ..read_info(&text) })
    }

    /// Asks how many keys the database has.
    pub fn key_count(&mut self) -> Result<u64, StoreError> {
        self.ask("DBSIZE", &redis::cmd("DBSIZE"))
    }

    /// Asks for the id of the server's current start.
    pub fn run_id(&mut self) -> Result<String, StoreError> {
        let text: String = self.ask("INFO", redis::cmd("INFO").arg("server"))?;
        Ok(read_info(&text).run_id)
    }
}

/// The lines of an `INFO` reply by their names.
pub(super) fn info_lines(text: &str) -> BTreeMap<&str, &str> {
    text.lines().filter_map(|line| line.trim_end().split_once(':')).collect()
}

fn read_info(text: &str) -> ServerInfo {
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
    }
}
