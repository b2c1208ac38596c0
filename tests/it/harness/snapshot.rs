//! A picture of a whole keyspace: every key with type, value and expiry, in comparable form.
//!
//! Written apart from the code under test, and slowly enough to be plainly right: values are held
//! whole, so that a difference can be shown.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use redis::{Cmd, Connection, Pipeline, Value};

const PAGE_KEYS: usize = 1_000;
const DIFFERENCES_SHOWN_MAX: usize = 20;

/// Every key of database 0.
#[derive(Clone, Debug, PartialEq)]
pub struct Snapshot {
    pub keys: BTreeMap<Vec<u8>, Entry>,
}

/// One key.
#[derive(Clone, Debug, PartialEq)]
pub struct Entry {
    pub kind: String,
    /// Unix time in milliseconds; -1 is no expiry.
    pub expires_at_ms: i64,
    pub content: Content,
}

/// A value, with what Redis keeps unordered in an order of its own.
#[derive(Clone, Debug, PartialEq)]
pub enum Content {
    Bytes(Vec<u8>),
    Pairs(BTreeMap<Vec<u8>, Vec<u8>>),
    List(Vec<Vec<u8>>),
    Set(BTreeSet<Vec<u8>>),
    /// Anything else, as the server's answer prints.
    Answer(String),
}

/// When a key expires; from the time left, where the server is older than 7.0. In the same
/// millisecond before and after, the sum is exact.
const EXPIRES: &str = "
local at = redis.pcall('PEXPIRETIME', KEYS[1])
if type(at) == 'number' then return at end
local function now()
  local time = redis.call('TIME')
  return time[1] * 1000 + math.floor(time[2] / 1000)
end
while true do
  local began, left = now(), redis.call('PTTL', KEYS[1])
  if left < 0 then return left end
  if began == now() then return began + left end
end";

impl Snapshot {
    /// Reads the whole keyspace, without the registry: runs leave their traces there.
    pub fn take(connection: &mut Connection) -> Self {
        let mut names: BTreeSet<Vec<u8>> = scan(connection);
        names.retain(|name| !name.starts_with(b"{remold}:"));
        let names: Vec<_> = names.into_iter().collect();
        let mut keys = BTreeMap::new();
        for page in names.chunks(PAGE_KEYS) {
            let mut ask = Pipeline::new();
            for name in page {
                ask.cmd("TYPE").arg(name).cmd("EVAL").arg(EXPIRES).arg(1).arg(name);
            }
            let facts: Vec<Value> = ask.query(connection).expect("TYPE and EVAL");
            let kinds: Vec<String> = facts.iter().step_by(2).map(text).collect();
            let mut ask = Pipeline::new();
            for (name, kind) in page.iter().zip(&kinds) {
                ask.add_command(read(name, kind));
            }
            let contents: Vec<Value> = ask.query(connection).expect("reading values");
            for (at, (name, content)) in page.iter().zip(contents).enumerate() {
                let kind = kinds[at].clone();
                // The key expired between the scan and here.
                if kind == "none" {
                    continue;
                }
                let expires_at_ms =
                    redis::from_redis_value(facts[2 * at + 1].clone()).expect("a number");
                let content = content_of(&kind, content);
                keys.insert(name.clone(), Entry { kind, expires_at_ms, content });
            }
        }
        Self { keys }
    }

    /// The keys whose name begins with `head`.
    pub fn only(&self, head: &str) -> Self {
        self.filtered(|name| name.starts_with(head.as_bytes()))
    }

    /// The keys whose name does not begin with `head`.
    pub fn without(&self, head: &str) -> Self {
        self.filtered(|name| !name.starts_with(head.as_bytes()))
    }

    /// The keys whose name is wanted.
    pub fn filtered(&self, keep: impl Fn(&[u8]) -> bool) -> Self {
        let kept = self.keys.iter().filter(|(name, _)| keep(name));
        Self { keys: kept.map(|(name, entry)| (name.clone(), entry.clone())).collect() }
    }

    /// Asserts that both are the same, showing what differs.
    #[track_caller]
    pub fn assert_same(&self, other: &Self) {
        let differences = self.differences(other);
        assert!(
            differences.is_empty(),
            "{} of {} keys differ:\n{}",
            differences.len(),
            self.keys.len().max(other.keys.len()),
            differences[..differences.len().min(DIFFERENCES_SHOWN_MAX)].join("\n")
        );
    }

    /// Asserts that a server holds just this.
    #[track_caller]
    pub fn assert_same_as_now(&self, server: &super::TestServer) {
        self.assert_same(&Self::take(&mut server.connect()));
    }

    /// Every key that differs, in words.
    pub fn differences(&self, other: &Self) -> Vec<String> {
        let names: BTreeSet<_> = self.keys.keys().chain(other.keys.keys()).collect();
        let differing =
            names.into_iter().filter(|name| self.keys.get(*name) != other.keys.get(*name));
        differing
            .map(|name| {
                let shown = |entry: Option<&Entry>| {
                    entry.map_or_else(|| "absent".to_owned(), ToString::to_string)
                };
                format!(
                    "{}\n   before {}\n   after  {}",
                    name.escape_ascii(),
                    shown(self.keys.get(name)),
                    shown(other.keys.get(name))
                )
            })
            .collect()
    }
}

impl fmt::Display for Entry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} expires {} ", self.kind, self.expires_at_ms)?;
        match &self.content {
            Content::Bytes(bytes) => write!(f, "{}", bytes.escape_ascii()),
            Content::Pairs(pairs) => pairs.iter().try_for_each(|(name, value)| {
                write!(f, "{}={} ", name.escape_ascii(), value.escape_ascii())
            }),
            other => write!(f, "{other:?}"),
        }
    }
}

fn scan(connection: &mut Connection) -> BTreeSet<Vec<u8>> {
    let mut names = BTreeSet::new();
    let mut cursor = 0_u64;
    loop {
        let (next, page): (u64, Vec<Vec<u8>>) = redis::cmd("SCAN")
            .arg(cursor)
            .arg("COUNT")
            .arg(PAGE_KEYS)
            .query(connection)
            .expect("SCAN");
        names.extend(page);
        if next == 0 {
            return names;
        }
        cursor = next;
    }
}

fn read(name: &[u8], kind: &str) -> Cmd {
    let mut command = match kind {
        // A key that is gone by now answers nil.
        "string" | "none" => redis::cmd("GET"),
        "hash" => redis::cmd("HGETALL"),
        "list" => redis::cmd("LRANGE"),
        "set" => redis::cmd("SMEMBERS"),
        "zset" => redis::cmd("ZRANGE"),
        "stream" => redis::cmd("XRANGE"),
        "ReJSON-RL" => redis::cmd("JSON.GET"),
        _ => redis::cmd("DUMP"),
    };
    command.arg(name);
    match kind {
        "list" => command.arg(0).arg(-1),
        "zset" => command.arg(0).arg(-1).arg("WITHSCORES"),
        "stream" => command.arg("-").arg("+"),
        _ => &mut command,
    };
    command
}

fn content_of(kind: &str, answer: Value) -> Content {
    let why = "the answer has the shape of the type";
    match kind {
        "string" | "ReJSON-RL" => Content::Bytes(redis::from_redis_value(answer).expect(why)),
        "hash" => Content::Pairs(redis::from_redis_value(answer).expect(why)),
        "list" | "zset" => Content::List(redis::from_redis_value(answer).expect(why)),
        "set" => Content::Set(redis::from_redis_value(answer).expect(why)),
        _ => Content::Answer(format!("{answer:?}")),
    }
}

fn text(value: &Value) -> String {
    redis::from_redis_value(value.clone()).expect("TYPE answers a name")
}
