//! A client of a cluster, written apart from the code under test.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::time::Duration;

use redis::{Arg, Cmd, Connection, ConnectionLike, ErrorKind, FromRedisValue, RedisResult, Value};

use super::cluster::SLOTS;

/// The slot of a key, reckoned apart from the code under test.
pub fn slot_of(key: &[u8]) -> u16 {
    let text = String::from_utf8_lossy(key);
    let tag = text.split_once('{').and_then(|(_, rest)| rest.split_once('}'));
    let hashed = match tag {
        Some((tag, _)) if !tag.is_empty() => tag.as_bytes().to_vec(),
        _ => key.to_vec(),
    };
    let mut crc = 0_u32;
    for byte in hashed {
        crc ^= u32::from(byte) << 8;
        for _ in 0..8 {
            crc <<= 1;
            if crc & 0x1_0000 != 0 {
                crc ^= 0x1_1021;
            }
        }
    }
    u16::try_from(crc % u32::from(SLOTS)).expect("less than the slots")
}

/// A client that follows `MOVED` and `ASK`, one command at a time.
pub struct ClusterClient {
    ports: Vec<u16>,
    connections: BTreeMap<u16, Connection>,
    map: BTreeMap<u16, u16>,
}

impl ClusterClient {
    /// A client that knows these nodes, by their ports.
    pub fn of(ports: Vec<u16>) -> Self {
        Self { ports, connections: BTreeMap::new(), map: BTreeMap::new() }
    }

    /// Sends a command about `key`. After an error of kind `Io` the connection broke, and it is not
    /// known whether the command was carried out; after any other it was not.
    pub fn send<T: FromRedisValue>(&mut self, key: &[u8], command: &Cmd) -> RedisResult<T> {
        let slot = slot_of(key);
        let mut ask_at = None;
        for _ in 0..16 {
            let port = ask_at.unwrap_or_else(|| *self.map.get(&slot).unwrap_or(&self.ports[0]));
            let Ok(connection) = self.connection(port) else {
                // The node is gone: whoever is left knows better. Nothing was sent.
                self.forget(port);
                continue;
            };
            if ask_at.take().is_some() {
                redis::cmd("ASKING").exec(connection)?;
            }
            match command.query::<Value>(connection) {
                Ok(value) => return Ok(redis::from_redis_value(value)?),
                Err(error) if matches!(error.code(), Some("MOVED" | "ASK")) => {
                    let is_moved = error.code() == Some("MOVED");
                    let port = redirected(&error);
                    if is_moved {
                        self.map.insert(slot, port);
                    } else {
                        ask_at = Some(port);
                    }
                }
                Err(error) => {
                    if error.kind() == ErrorKind::Io {
                        self.forget(port);
                    }
                    return Err(error);
                }
            }
        }
        Err((ErrorKind::Client, "nobody serves the slot").into())
    }

    fn connection(&mut self, port: u16) -> RedisResult<&mut Connection> {
        match self.connections.entry(port) {
            Entry::Occupied(known) => Ok(known.into_mut()),
            Entry::Vacant(free) => {
                let client = redis::Client::open(format!("redis://127.0.0.1:{port}"))?;
                let connection = client.get_connection_with_timeout(Duration::from_secs(2))?;
                connection.set_read_timeout(Some(Duration::from_secs(5)))?;
                Ok(free.insert(connection))
            }
        }
    }

    fn forget(&mut self, port: u16) {
        self.connections.remove(&port);
        self.map.retain(|_, known| *known != port);
        self.ports.rotate_left(1);
    }
}

/// One command at a time, about the key it names.
impl ConnectionLike for ClusterClient {
    fn req_command(&mut self, command: &Cmd) -> RedisResult<Value> {
        let words: Vec<Arg<&[u8]>> = command.args_iter().collect();
        let at = if matches!(words[0], Arg::Simple(b"EVAL")) { 3 } else { 1 };
        let Some(Arg::Simple(key)) = words.get(at) else { panic!("the command names no key") };
        let key = key.to_vec();
        self.send(&key, command)
    }

    fn req_packed_command(&mut self, _: &[u8]) -> RedisResult<Value> {
        unreachable!("one command at a time")
    }

    fn req_packed_commands(&mut self, _: &[u8], _: usize, _: usize) -> RedisResult<Vec<Value>> {
        unreachable!("one command at a time")
    }

    fn get_db(&self) -> i64 {
        0
    }

    fn check_connection(&mut self) -> bool {
        true
    }

    fn is_open(&self) -> bool {
        true
    }
}

fn redirected(error: &redis::RedisError) -> u16 {
    let place = error.detail().and_then(|detail| detail.rsplit_once(':'));
    place.and_then(|(_, port)| port.parse().ok()).expect("a redirection names a port")
}
