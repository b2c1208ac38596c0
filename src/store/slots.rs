//! Which node of a cluster serves which key
//! (<https://redis.io/docs/latest/operate/oss_and_stack/reference/cluster-spec/#key-distribution-model>).

use redis::{Arg, Cmd, Value};

use super::error::StoreError;
use super::link::{array, bytes, unexpected};
use crate::model::slot::SLOTS;

/// The key by which a command finds its node; `None` for one that any node answers.
pub(super) fn key_of(command: &Cmd) -> Option<&[u8]> {
    let mut words = command.args_iter().filter_map(|word| match word {
        Arg::Simple(word) => Some(word),
        _ => None,
    });
    let name = words.next()?;
    match name {
        b"EVAL" | b"EVALSHA" => words.nth(2),
        b"OBJECT" | b"MEMORY" => words.nth(1),
        b"XREAD" => words.skip_while(|word| *word != b"STREAMS").nth(1),
        b"INFO" | b"DBSIZE" | b"SCAN" | b"SCRIPT" | b"CLUSTER" | b"PING" => None,
        _ => words.next(),
    }
}

/// A primary of a cluster and the slots it serves.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Primary {
    /// The node's id, which outlives restarts.
    pub id: String,
    /// Where it is.
    pub place: Place,
    /// Ranges of slots, both ends included.
    pub ranges: Vec<(u16, u16)>,
}

/// Host and port of a node.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) struct Place {
    /// Empty where a node does not know its own address: the one by which it was asked.
    pub host: String,
    pub port: u16,
}

/// The answer of `CLUSTER SLOTS` (<https://redis.io/docs/latest/commands/cluster-slots/>).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct SlotMap {
    /// The primaries, by id.
    pub primaries: Vec<Primary>,
    /// Replicas, which are only ever asked where the others are.
    pub replicas: Vec<Place>,
    /// For each slot its primary's index, or [`u16::MAX`].
    owners: Vec<u16>,
}

impl SlotMap {
    /// Reads an answer.
    pub fn read(answer: Value) -> Result<Self, StoreError> {
        const NAME: &str = "CLUSTER SLOTS";
        let mut map = Self::default();
        for range in array(NAME, answer)? {
            let mut parts = array(NAME, range)?.into_iter();
            let (Some(first), Some(last), Some(primary)) =
                (parts.next(), parts.next(), parts.next())
            else {
                return Err(unexpected(NAME, &Value::Nil));
            };
            let range = (number(&first)?, number(&last)?);
            if range.0 > range.1 || range.1 >= SLOTS {
                return Err(unexpected(NAME, &last));
            }
            let (id, place) = node(primary)?;
            match map.primaries.iter_mut().find(|known| known.id == id) {
                Some(known) => known.ranges.push(range),
                None => map.primaries.push(Primary { id, place, ranges: vec![range] }),
            }
            for replica in parts {
                map.replicas.push(node(replica)?.1);
            }
        }
        map.primaries.sort_by(|a, b| a.id.cmp(&b.id));
        map.replicas.sort();
        map.replicas.dedup();
        map.owners = vec![u16::MAX; usize::from(SLOTS)];
        for (at, primary) in map.primaries.iter().enumerate() {
            let at = u16::try_from(at).expect("a cluster has at most 16384 primaries");
            for (first, last) in &primary.ranges {
                map.owners[usize::from(*first)..=usize::from(*last)].fill(at);
            }
        }
        Ok(map)
    }

    /// A node that does not know its own host is where it was asked.
    pub fn name_hosts(&mut self, asked: &Place) {
        let primaries = self.primaries.iter_mut().map(|primary| &mut primary.place);
        for place in primaries.chain(&mut self.replicas) {
            if place.host.is_empty() {
                place.host.clone_from(&asked.host);
            }
        }
    }

    /// Where all nodes are, the primaries first.
    pub fn places(&self) -> Vec<(String, u16)> {
        let primaries = self.primaries.iter().map(|primary| &primary.place);
        let nodes = primaries.chain(&self.replicas);
        nodes.map(|Place { host, port }| (host.clone(), *port)).collect()
    }

    /// Where the node is that serves `slot`; `None` when none does.
    pub fn owner(&self, slot: u16) -> Option<&Place> {
        let at = self.owners.get(usize::from(slot))?;
        self.primaries.get(usize::from(*at)).map(|primary| &primary.place)
    }
}

/// One node of an answer: host, port, id, and what newer servers add.
fn node(value: Value) -> Result<(String, Place), StoreError> {
    const NAME: &str = "CLUSTER SLOTS";
    let mut parts = array(NAME, value)?.into_iter();
    let (Some(host), Some(port), Some(id)) = (parts.next(), parts.next(), parts.next()) else {
        return Err(unexpected(NAME, &Value::Nil));
    };
    let text =
        |bytes: Option<Vec<u8>>| String::from_utf8_lossy(&bytes.unwrap_or_default()).into_owned();
    let host = text(bytes(NAME, host)?);
    // A cluster told to announce names and missing one says `?`.
    let host = if host == "?" { String::new() } else { host };
    Ok((text(bytes(NAME, id)?), Place { host, port: number(&port)? }))
}

fn number(value: &Value) -> Result<u16, StoreError> {
    match value {
        Value::Int(number) => u16::try_from(*number).ok(),
        _ => None,
    }
    .ok_or_else(|| unexpected("CLUSTER SLOTS", value))
}

/// The slot and the node that a `MOVED` or `ASK` names: `3999 127.0.0.1:6381`.
pub(super) fn redirection(detail: &str) -> Option<(u16, Place)> {
    let (slot, place) = detail.trim().split_once(' ')?;
    let (host, port) = place.trim().rsplit_once(':')?;
    let place = Place { host: host.to_owned(), port: port.parse().ok()? };
    Some((slot.parse().ok()?, place))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_command_finds_its_node_by_its_key() {
        let key = |words: &[&str]| {
            let mut command = redis::cmd(words[0]);
            for word in &words[1..] {
                command.arg(*word);
            }
            key_of(&command).map(|key| String::from_utf8_lossy(key).into_owned())
        };
        assert_eq!(key(&["GET", "a"]).as_deref(), Some("a"));
        assert_eq!(key(&["EVALSHA", "digest", "2", "a", "b", "x"]).as_deref(), Some("a"));
        assert_eq!(key(&["MEMORY", "USAGE", "a"]).as_deref(), Some("a"));
        let read = ["XREAD", "COUNT", "9", "BLOCK", "1", "STREAMS", "a", "0"];
        assert_eq!(key(&read).as_deref(), Some("a"));
        assert_eq!(key(&["DBSIZE"]), None);
        assert_eq!(key(&["SCRIPT", "LOAD", "return 1"]), None);
    }

    #[test]
    fn an_answer_makes_a_map() {
        let text = |text: &str| Value::BulkString(text.as_bytes().to_vec());
        let node =
            |port, id: &str| Value::Array(vec![text("10.0.0.1"), Value::Int(port), text(id)]);
        let range = |first, last, nodes: Vec<Value>| {
            Value::Array([vec![Value::Int(first), Value::Int(last)], nodes].concat())
        };
        let answer = Value::Array(vec![
            range(0, 8_000, vec![node(1, "b"), node(3, "c")]),
            range(8_002, 16_383, vec![node(2, "a")]),
        ]);
        let map = SlotMap::read(answer).expect("reads");
        assert_eq!(map.owner(8_000).map(|place| place.port), Some(1));
        assert_eq!(map.owner(8_001), None);
        assert_eq!(map.owner(8_002).map(|place| place.port), Some(2));
        assert_eq!(map.replicas.len(), 1);
        assert!(SlotMap::read(Value::Array(vec![range(0, 16_384, vec![node(1, "b")])])).is_err());
        let moved = Place { host: "::1".to_owned(), port: 6381 };
        assert_eq!(redirection("3999 ::1:6381"), Some((3_999, moved)));
    }
}
