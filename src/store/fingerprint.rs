//! What a whole private keyspace holds, short enough to keep and to compare: of each key its type,
//! its expiry and a digest of its value. This is how the demo proves that a rollback brought back
//! every byte, and that nothing outside the run's pattern moved.

use std::collections::BTreeMap;

use redis::{Cmd, Connection, Pipeline, Value};

use super::local::{LocalError, LocalServer};
use super::registry::PREFIX_DEFAULT;
use crate::model::{Digest, Expiry, Key, RedisType};

const PAGE_KEYS: usize = 1_000;

/// One key of a fingerprint.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Print {
    /// Its type.
    pub redis_type: RedisType,
    /// When it expires.
    pub expiry: Expiry,
    /// Of its value; what Redis keeps without order is digested without order.
    pub digest: Digest,
}

/// Every key of a private server.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Fingerprint {
    keys: BTreeMap<Key, Print>,
}

/// What differs between two fingerprints, each key once, in the order of this list.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Difference {
    /// Keys that only the later one has.
    pub appeared: u64,
    /// Keys that only the earlier one has.
    pub vanished: u64,
    /// Keys whose value or type differs.
    pub values: u64,
    /// Keys whose value is the same and whose expiry differs.
    pub expiries: u64,
}

impl Difference {
    /// Whether nothing differs.
    pub fn is_none(self) -> bool {
        self == Self::default()
    }
}

impl Fingerprint {
    /// How many keys there are.
    pub fn len(&self) -> usize {
        self.keys.len()
    }

    /// Whether there is no key.
    pub fn is_empty(&self) -> bool {
        self.keys.is_empty()
    }

    /// Every key, in the order of their bytes.
    pub fn iter(&self) -> impl Iterator<Item = (&Key, &Print)> {
        self.keys.iter()
    }

    /// How a later fingerprint differs from this one, in the keys that `count` accepts.
    pub fn compare(&self, later: &Self, count: impl Fn(&Key) -> bool) -> Difference {
        let mut difference = Difference::default();
        for (key, print) in self.keys.iter().filter(|(key, _)| count(key)) {
            match later.keys.get(key) {
                None => difference.vanished += 1,
                Some(other)
                    if (&other.redis_type, other.digest) != (&print.redis_type, print.digest) =>
                {
                    difference.values += 1;
                }
                Some(other) if other.expiry != print.expiry => difference.expiries += 1,
                Some(_) => {}
            }
        }
        let new = later.keys.keys().filter(|key| count(key) && !self.keys.contains_key(*key));
        difference.appeared = u64::try_from(new.count()).expect("keys fit in memory");
        difference
    }
}

impl LocalServer {
    /// Reads the whole keyspace of this server, without the registry: a run leaves its traces there. No
    /// other client may write meanwhile.
    pub fn fingerprint(&self) -> Result<Fingerprint, LocalError> {
        let mut connection =
            redis::Client::open(self.url()).and_then(|client| client.get_connection())?;
        let mut keys = BTreeMap::new();
        let mut cursor = 0_u64;
        loop {
            let (next, mut names): (u64, Vec<Vec<u8>>) = redis::cmd("SCAN")
                .arg(cursor)
                .arg("COUNT")
                .arg(PAGE_KEYS)
                .query(&mut connection)?;
            names.retain(|name| !name.starts_with(PREFIX_DEFAULT.as_bytes()));
            // A page may be empty while the cursor lives on.
            if !names.is_empty() {
                read_page(&mut connection, names, &mut keys)?;
            }
            if next == 0 {
                return Ok(Fingerprint { keys });
            }
            cursor = next;
        }
    }
}

fn read_page(
    connection: &mut Connection,
    names: Vec<Vec<u8>>,
    keys: &mut BTreeMap<Key, Print>,
) -> Result<(), LocalError> {
    let mut ask = Pipeline::with_capacity(2 * names.len());
    for name in &names {
        ask.cmd("TYPE").arg(name).cmd("PEXPIRETIME").arg(name);
    }
    let facts: Vec<(String, i64)> = ask.query(connection)?;
    let mut ask = Pipeline::with_capacity(names.len());
    for (name, (type_name, _)) in names.iter().zip(&facts) {
        ask.add_command(read(name, RedisType::from_name(type_name).as_ref()));
    }
    let values: Vec<Value> = ask.query(connection)?;
    for ((name, (type_name, expires_at)), value) in names.into_iter().zip(facts).zip(values) {
        let redis_type = RedisType::from_name(&type_name);
        let expiry = Expiry::from_pexpiretime(expires_at);
        // A key without a type or an expiry is gone since the page was made.
        if let (Some(redis_type), Some(expiry)) = (redis_type, expiry) {
            let digest = digest(&redis_type, value)?;
            keys.insert(Key::from(name), Print { redis_type, expiry, digest });
        }
    }
    Ok(())
}

/// The command that reads a whole value.
fn read(name: &[u8], redis_type: Option<&RedisType>) -> Cmd {
    let begin = |command: &str| {
        let mut command = redis::cmd(command);
        command.arg(name);
        command
    };
    match redis_type {
        None | Some(RedisType::String) => begin("GET"),
        Some(RedisType::Hash) => begin("HGETALL"),
        Some(RedisType::List) => begin("LRANGE").arg(0).arg(-1).to_owned(),
        Some(RedisType::Set) => begin("SMEMBERS"),
        Some(RedisType::SortedSet) => begin("ZRANGE").arg(0).arg(-1).arg("WITHSCORES").to_owned(),
        Some(RedisType::Stream) => begin("XRANGE").arg("-").arg("+").to_owned(),
        // A module's value: nothing here writes one, so that its DUMP stays the same.
        Some(RedisType::Json | RedisType::Other(_)) => begin("DUMP"),
    }
}

fn digest(redis_type: &RedisType, value: Value) -> Result<Digest, LocalError> {
    let failed = redis::RedisError::from;
    Ok(match redis_type {
        RedisType::Hash => {
            let pairs: Vec<(Vec<u8>, Vec<u8>)> = redis::from_redis_value(value).map_err(failed)?;
            Digest::of_pairs(pairs.iter().map(|(name, value)| (&name[..], Some(&value[..]))))
        }
        RedisType::Set => {
            let members: Vec<Vec<u8>> = redis::from_redis_value(value).map_err(failed)?;
            Digest::of_pairs(members.iter().map(|member| (&member[..], None)))
        }
        RedisType::String => {
            Digest::of(&redis::from_redis_value::<Vec<u8>>(value).map_err(failed)?)
        }
        // Lists, sorted sets and streams come in an order of their own.
        _ => Digest::of(format!("{value:?}").as_bytes()),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn print(value: &str, expiry: Expiry) -> Print {
        Print { redis_type: RedisType::String, expiry, digest: Digest::of(value.as_bytes()) }
    }

    #[test]
    fn every_difference_is_counted_once() {
        let of = |keys: &[(&str, Print)]| Fingerprint {
            keys: keys.iter().map(|(key, print)| (Key::from(*key), print.clone())).collect(),
        };
        let never = Expiry::Never;
        let before = of(&[
            ("a", print("1", never)),
            ("b", print("1", never)),
            ("c", print("1", never)),
            ("d", print("1", never)),
        ]);
        let after = of(&[
            ("a", print("1", never)),
            ("b", print("2", Expiry::AtMs(5))),
            ("c", print("1", Expiry::AtMs(5))),
            ("e", print("1", never)),
        ]);
        let expected = Difference { appeared: 1, vanished: 1, values: 1, expiries: 1 };
        assert_eq!(before.compare(&after, |_| true), expected);
        assert!(before.compare(&after, |key| key.as_bytes() == b"a").is_none());
        assert!(before.compare(&before, |_| true).is_none());
    }
}
