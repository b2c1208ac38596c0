//! Hearing which keys other clients write, from the keyspace notifications of the server
//! (<https://redis.io/docs/latest/develop/pubsub/keyspace-notifications/>).
//!
//! They are fire and forget, and each node tells of its own keys alone: whoever loses one connection,
//! or comes late, has missed something and has to scan. Whether they are on is for the server's
//! operator to say; remold changes no setting of a server.

use redis::Value;

use super::error::{Fault, StoreError};
use super::link::Link;
use super::rights::setting;
use super::wire::Wire;
use crate::model::{Key, Storage};

/// The channels that name the key, and those that name what happened to it.
const BY_KEY: &str = "__keyspace@";
const BY_EVENT: &str = "__keyevent@";

/// Ears on every node of the keyspace.
pub struct Notifications {
    ears: Vec<Wire>,
}

/// What a server tells of, as far as the keys of a pattern go.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Tells {
    /// Of everything that is needed.
    Enough {
        /// The settings of its nodes.
        settings: String,
        /// Whether all have channels named after keys, of which those of a pattern can be heard alone.
        by_key: bool,
    },
    /// Not of enough, for this reason.
    TooLittle(String),
}

impl Link {
    /// Whether the server tells of writes to documents in these storages.
    pub fn tells(&mut self, storages: &[Storage]) -> Result<Tells, StoreError> {
        let mut get = redis::cmd("CONFIG");
        get.arg("GET").arg("notify-keyspace-events");
        let answers = match self.each_node(&[("CONFIG GET", &get)]) {
            // It may be forbidden, or renamed by whoever hosts the server.
            Err(StoreError::Refused { fault: Fault::NoPermission | Fault::Other(_), .. }) => {
                let reason = "the server does not say whether keyspace notifications are on";
                return Ok(Tells::TooLittle(reason.to_owned()));
            }
            answers => answers?,
        };
        let mut all: Vec<String> = Vec::new();
        for mut answer in answers {
            let setting = answer.pop().and_then(setting).unwrap_or_default();
            if setting.is_empty() {
                return Ok(Tells::TooLittle("keyspace notifications are off".to_owned()));
            }
            let lacking = lacking(&setting, storages);
            if !lacking.is_empty() {
                let reason = format!("keyspace notifications are '{setting}', without {lacking}");
                return Ok(Tells::TooLittle(reason));
            }
            if !all.contains(&setting) {
                all.push(setting);
            }
        }
        let by_key = all.iter().all(|setting| setting.contains('K'));
        Ok(Tells::Enough { settings: all.join(", "), by_key })
    }

    /// Listens to every node: to the channels of the keys of these patterns, or, without `by_key`, to
    /// those of all events. What is written from now on is heard. `None` where the user may not listen.
    pub fn listen(
        &mut self,
        patterns: &[&str],
        by_key: bool,
    ) -> Result<Option<Notifications>, StoreError> {
        let channels = channels(self.address().database(), patterns, by_key);
        let subscribe = redis::cmd("PSUBSCRIBE").arg(&channels).get_packed_command();
        let mut ears = self.wires()?;
        for ear in &mut ears {
            ear.send("PSUBSCRIBE", &subscribe)?;
            // Each channel is answered for; a refusal is one for all.
            for _ in &channels {
                match ear.hear("PSUBSCRIBE") {
                    Ok(_) => {}
                    Err(StoreError::Refused { fault: Fault::NoPermission, .. }) => return Ok(None),
                    Err(error) => return Err(error),
                }
            }
        }
        Ok(Some(Notifications { ears }))
    }
}

/// The channels on which is told of keys of these patterns; without `by_key`, of all keys.
pub fn channels(database: i64, patterns: &[&str], by_key: bool) -> Vec<String> {
    if by_key {
        patterns.iter().map(|pattern| format!("{BY_KEY}{database}__:{pattern}")).collect()
    } else {
        vec![format!("{BY_EVENT}{database}__:*")]
    }
}

impl Notifications {
    /// The keys that were written since the last call, some of them more than once. Everything that a
    /// node published before it answers here has been heard. After an error something may have been
    /// missed, and this is of no use any more.
    pub fn heard(&mut self) -> Result<Vec<Key>, StoreError> {
        let ping = redis::cmd("PING").get_packed_command();
        for ear in &mut self.ears {
            ear.send("PING", &ping)?;
        }
        let mut keys = Vec::new();
        for ear in &mut self.ears {
            loop {
                match message(ear.hear("PING")?) {
                    Message::Pong => break,
                    Message::Key(key) => keys.push(key),
                    Message::Other => {}
                }
            }
        }
        Ok(keys)
    }
}

/// What came over a connection that listens.
enum Message {
    Pong,
    Key(Key),
    /// Something else that nobody asked for.
    Other,
}

fn message(value: Value) -> Message {
    let parts = match value {
        Value::Array(parts) => parts,
        Value::Push { kind, data } => {
            let kind = Value::BulkString(kind.to_string().into_bytes());
            std::iter::once(kind).chain(data).collect()
        }
        _ => return Message::Pong,
    };
    let parts: Vec<Vec<u8>> = parts.into_iter().filter_map(bytes).collect();
    let [kind, rest @ ..] = parts.as_slice() else { return Message::Other };
    match (kind.as_slice(), rest) {
        (b"pong", _) => Message::Pong,
        (b"pmessage", [_, channel, payload]) => key_of(channel, payload),
        _ => Message::Other,
    }
}

fn key_of(channel: &[u8], payload: &[u8]) -> Message {
    let named = |prefix: &str| {
        let rest = channel.strip_prefix(prefix.as_bytes())?;
        let colon = rest.iter().position(|byte| *byte == b':')?;
        Some(&rest[colon + 1..])
    };
    if let Some(key) = named(BY_KEY) {
        return Message::Key(Key::from(key.to_vec()));
    }
    match named(BY_EVENT) {
        Some(_) => Message::Key(Key::from(payload.to_vec())),
        None => Message::Other,
    }
}

fn bytes(value: Value) -> Option<Vec<u8>> {
    match value {
        Value::BulkString(bytes) => Some(bytes),
        Value::SimpleString(text) => Some(text.into_bytes()),
        _ => None,
    }
}

/// What a setting lacks for documents in these storages, in words; empty when nothing.
fn lacking(setting: &str, storages: &[Storage]) -> String {
    let has = |flag: char| setting.contains(flag);
    let mut lacking = Vec::new();
    if !has('K') && !has('E') {
        lacking.push("K or E".to_owned());
    }
    // A key may be renamed, copied or restored into the place of a document.
    let classes = std::iter::once('g').chain(storages.iter().map(|storage| match storage {
        Storage::String => '$',
        Storage::Hash => 'h',
        Storage::Json => 'd',
    }));
    lacking.extend(classes.filter(|class| !has('A') && !has(*class)).map(String::from));
    lacking.join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_setting_has_channels_and_the_classes_of_the_storages() {
        assert_eq!(lacking("AKE", &[Storage::String, Storage::Hash, Storage::Json]), "");
        assert_eq!(lacking("Kg$", &[Storage::String]), "");
        assert_eq!(lacking("Eg$", &[Storage::String, Storage::Hash]), "h");
        assert_eq!(lacking("Khx", &[Storage::Json]), "g, d");
        assert_eq!(lacking("A", &[Storage::Hash]), "K or E");
    }

    #[test]
    fn both_kinds_of_channels_name_the_key() {
        let heard = |channel: &str, payload: &str| {
            let text = |text: &str| Value::BulkString(text.as_bytes().to_vec());
            let parts = vec![text("pmessage"), text("p"), text(channel), text(payload)];
            match message(Value::Array(parts)) {
                Message::Key(key) => Some(key.to_string()),
                _ => None,
            }
        };
        assert_eq!(heard("__keyspace@0__:user:7", "set").as_deref(), Some("user:7"));
        assert_eq!(heard("__keyevent@12__:hset", "user:8").as_deref(), Some("user:8"));
        assert_eq!(heard("news", "user:8"), None);
    }
}
