//! Filling a private server with whole keys, fast. Only a [`LocalServer`] can be filled: nothing of
//! this reaches a server that is somebody else's.

use redis::{Cmd, Pipeline};

use super::local::{LocalError, LocalServer};
use crate::model::Key;

/// Commands sent before their answers are read.
const PIPELINE_COMMANDS_MAX: usize = 2_000;

/// A key to write, whole.
#[derive(Clone, Debug, PartialEq)]
pub struct NewKey {
    /// Its name.
    pub key: Key,
    /// Its value.
    pub value: NewValue,
    /// Milliseconds until it expires, counted by the server from the write on; `None`: never.
    pub ttl_ms: Option<u64>,
}

/// A value of one of the types a plain server has. The collections are not empty.
#[derive(Clone, Debug, PartialEq)]
pub enum NewValue {
    /// A string.
    String(Vec<u8>),
    /// Fields and values of a hash.
    Hash(Vec<(Vec<u8>, Vec<u8>)>),
    /// Items of a list.
    List(Vec<Vec<u8>>),
    /// Members of a set.
    Set(Vec<Vec<u8>>),
    /// Members of a sorted set with their scores.
    SortedSet(Vec<(Vec<u8>, f64)>),
    /// Entries of a stream, each with one field; the ids are 1-1, 2-1 and so on.
    Stream(Vec<(Vec<u8>, Vec<u8>)>),
}

impl LocalServer {
    /// Writes the keys and answers how many there were.
    pub fn fill(&self, keys: impl IntoIterator<Item = NewKey>) -> Result<u64, LocalError> {
        let mut connection =
            redis::Client::open(self.url()).and_then(|client| client.get_connection())?;
        let mut written = 0;
        let mut pending = Pipeline::with_capacity(PIPELINE_COMMANDS_MAX);
        for key in keys {
            for command in commands(&key) {
                pending.add_command(command);
            }
            written += 1;
            if pending.len() >= PIPELINE_COMMANDS_MAX {
                pending.exec(&mut connection)?;
                pending.clear();
            }
        }
        if !pending.is_empty() {
            pending.exec(&mut connection)?;
        }
        Ok(written)
    }
}

/// The commands that write one key.
fn commands(new: &NewKey) -> Vec<Cmd> {
    let begin = |name: &str| {
        let mut command = redis::cmd(name);
        command.arg(new.key.as_bytes());
        command
    };
    let mut commands = match &new.value {
        NewValue::String(bytes) => vec![begin("SET").arg(bytes).to_owned()],
        NewValue::Hash(pairs) => vec![begin("HSET").arg(pairs).to_owned()],
        NewValue::List(items) => vec![begin("RPUSH").arg(items).to_owned()],
        NewValue::Set(members) => vec![begin("SADD").arg(members).to_owned()],
        NewValue::SortedSet(members) => {
            let mut command = begin("ZADD");
            for (member, score) in members {
                command.arg(*score).arg(member);
            }
            vec![command]
        }
        NewValue::Stream(entries) => {
            let numbered = (1..).zip(entries);
            numbered
                .map(|(at, (field, value))| {
                    begin("XADD").arg(format!("{at}-1")).arg(field).arg(value).to_owned()
                })
                .collect()
        }
    };
    if let Some(ttl_ms) = new.ttl_ms {
        commands.push(begin("PEXPIRE").arg(ttl_ms).to_owned());
    }
    commands
}
