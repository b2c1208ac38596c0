//! The lock of a subject: one run at a time touches its keys, from whatever machine.
//!
//! A hash below the registry's prefix, with its owner and the time until which it holds; each heartbeat
//! moves that time on. Only the server's clock counts. A lock that has run out stays readable, so that
//! whoever takes it over can say whose it was. Its key has no expiry of its own: where no key of a server
//! has one, runs need not ask for each. Beside the lock stand `runs`, what every
//! machine knows of a run, and the events. Each step is one script, so all three agree.

use std::collections::BTreeMap;

use redis::Value;
use serde::Serialize;

use super::error::StoreError;
use super::link::{Link, array, bytes, unexpected};
use super::registry::EVENTS_KEPT;

/// How long a lock holds after a heartbeat: a dead owner's lock is taken over after this.
pub const LOCK_EXPIRY_MS: u64 = 30_000;

/// Who holds a subject's lock, or held it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Holder {
    /// The subject.
    pub subject: String,
    /// The run that the owner works on.
    pub run: String,
    /// What it does: `run`, `resume` or `rollback`.
    pub verb: String,
    /// `name@host`.
    pub by: String,
    /// The owner's process on that host.
    pub process: String,
    /// When it was taken, RFC 3339 in UTC.
    pub since: String,
    /// Milliseconds until it runs out; 0 or less when it did.
    pub left_ms: i64,
    /// Tells this taking from every other.
    #[serde(skip)]
    pub token: String,
}

/// What came of reaching for a lock.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Taken {
    /// It is ours. Whose it was, when its owner had not given it back.
    Ours(Option<Holder>),
    /// Another owner holds it.
    Held(Holder),
}

/// What came of a heartbeat.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Beat {
    /// It is ours for [`LOCK_EXPIRY_MS`] from now.
    Ours,
    /// Another owner took it: ours had run out.
    Lost(Holder),
    /// The server knows of no lock: its data was lost or removed.
    Gone,
}

/// One change in the life of a run, for the events and for `runs`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RunNote<'n> {
    /// The event's names and values; none tells no event.
    pub event: Vec<(&'n str, String)>,
    /// What `runs` is to hold of the run: JSON.
    pub entry: String,
}

/// KEYS: lock, events, runs. ARGV: token, expiry in ms, run, entry, length of the stream, how
/// many event words, those, then the fields of the lock. The run's own lock may be taken again: its
/// journal is locked by one process at a time.
const TAKE: &str = r"
if redis.replicate_commands then redis.replicate_commands() end
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local stands, held = redis.call('HGETALL', KEYS[1]), {}
for i = 1, #stands, 2 do held[stands[i]] = stands[i + 1] end
local left = (tonumber(held.expires_ms) or 0) - now
stands[#stands + 1] = 'left_ms'
stands[#stands + 1] = string.format('%.0f', left)
if held.token and left > 0 and held.run ~= ARGV[3] then return {'held', stands} end
local words, event = tonumber(ARGV[6]), {}
for i = 1, words do event[i] = ARGV[6 + i] end
if words > 0 then redis.call('XADD', KEYS[2], 'MAXLEN', '~', ARGV[5], '*', unpack(event)) end
redis.call('HSET', KEYS[3], ARGV[3], ARGV[4])
redis.call('DEL', KEYS[1])
for i = 7 + words, #ARGV, 2 do redis.call('HSET', KEYS[1], ARGV[i], ARGV[i + 1]) end
redis.call('HSET', KEYS[1], 'token', ARGV[1], 'expires_ms', string.format('%.0f', now + ARGV[2]))
if held.token then return {'ours', stands} end
return {'ours'}";

/// KEYS: lock, events, runs. ARGV: token, expiry in ms (0 gives the lock back), run, entry,
/// length of the stream, how many event words, those.
const BEAT: &str = r"
if redis.replicate_commands then redis.replicate_commands() end
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local stands, held = redis.call('HGETALL', KEYS[1]), {}
for i = 1, #stands, 2 do held[stands[i]] = stands[i + 1] end
if held.token and held.token ~= ARGV[1] then
  stands[#stands + 1] = 'left_ms'
  stands[#stands + 1] = string.format('%.0f', (tonumber(held.expires_ms) or 0) - now)
  return {'lost', stands}
end
local words, event = tonumber(ARGV[6]), {}
for i = 1, words do event[i] = ARGV[6 + i] end
if words > 0 then redis.call('XADD', KEYS[2], 'MAXLEN', '~', ARGV[5], '*', unpack(event)) end
redis.call('HSET', KEYS[3], ARGV[3], ARGV[4])
if ARGV[2] == '0' then
  redis.call('DEL', KEYS[1])
  return {'ours'}
end
if not held.token then return {'gone'} end
redis.call('HSET', KEYS[1], 'expires_ms', string.format('%.0f', now + ARGV[2]))
return {'ours'}";

/// KEYS: lock. Answers its fields and how long it holds.
const LOOK: &str = r"
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local stands = redis.call('HGETALL', KEYS[1])
if #stands == 0 then return {} end
local expires = tonumber(redis.call('HGET', KEYS[1], 'expires_ms')) or 0
stands[#stands + 1] = 'left_ms'
stands[#stands + 1] = string.format('%.0f', expires - now)
return stands";

impl Link {
    /// Takes the lock of `holder.subject`, unless another run holds it; tells `note` when it is taken.
    pub fn take_lock(&mut self, holder: &Holder, note: &RunNote<'_>) -> Result<Taken, StoreError> {
        let mut command = self.step(TAKE, holder, note, LOCK_EXPIRY_MS);
        let Holder { subject, run, verb, by, process, since, .. } = holder;
        for (name, value) in [
            ("subject", subject),
            ("run", run),
            ("verb", verb),
            ("by", by),
            ("process", process),
            ("since", since),
        ] {
            command.arg(name).arg(value);
        }
        let (word, stands) = self.answer(&command)?;
        match (word.as_str(), stands) {
            ("ours", before) => Ok(Taken::Ours(before)),
            ("held", Some(holder)) => Ok(Taken::Held(holder)),
            _ => Err(unexpected("EVAL", &Value::SimpleString(word))),
        }
    }

    /// Keeps the lock for [`LOCK_EXPIRY_MS`] from now, and tells `note`.
    pub fn keep_lock(&mut self, holder: &Holder, note: &RunNote<'_>) -> Result<Beat, StoreError> {
        let command = self.step(BEAT, holder, note, LOCK_EXPIRY_MS);
        self.beat(&command)
    }

    /// Gives the lock back, and tells `note`.
    pub fn release_lock(
        &mut self,
        holder: &Holder,
        note: &RunNote<'_>,
    ) -> Result<Beat, StoreError> {
        let command = self.step(BEAT, holder, note, 0);
        self.beat(&command)
    }

    /// Who holds the lock of a subject, or held it last without giving it back.
    pub fn lock_holder(&mut self, subject: &str) -> Result<Option<Holder>, StoreError> {
        let key = self.registry_key(&format!("lock:{subject}"));
        let answer = self.call("EVAL", redis::cmd("EVAL").arg(LOOK).arg(1).arg(key))?;
        holder_of(answer)
    }

    /// What every machine knows of the runs: id and JSON, oldest first.
    pub fn registered_runs(&mut self) -> Result<Vec<(String, String)>, StoreError> {
        let key = self.registry_key("runs");
        let runs: BTreeMap<String, String> = self.ask("HGETALL", redis::cmd("HGETALL").arg(key))?;
        Ok(runs.into_iter().collect())
    }

    /// Takes runs out of what every machine knows.
    pub fn forget_runs(&mut self, runs: &[String]) -> Result<(), StoreError> {
        if runs.is_empty() {
            return Ok(());
        }
        let key = self.registry_key("runs");
        self.call("HDEL", redis::cmd("HDEL").arg(key).arg(runs)).map(drop)
    }

    fn step(
        &self,
        script: &str,
        holder: &Holder,
        note: &RunNote<'_>,
        expiry_ms: u64,
    ) -> redis::Cmd {
        let mut command = redis::cmd("EVAL");
        command.arg(script).arg(3);
        command.arg(self.registry_key(&format!("lock:{}", holder.subject)));
        command.arg(self.registry_key("events")).arg(self.registry_key("runs"));
        command.arg(&holder.token).arg(expiry_ms);
        command.arg(&holder.run).arg(&note.entry).arg(EVENTS_KEPT);
        command.arg(note.event.len() * 2);
        for (name, value) in &note.event {
            command.arg(*name).arg(value);
        }
        command
    }

    fn beat(&mut self, command: &redis::Cmd) -> Result<Beat, StoreError> {
        let (word, stands) = self.answer(command)?;
        match (word.as_str(), stands) {
            ("ours", _) => Ok(Beat::Ours),
            ("gone", _) => Ok(Beat::Gone),
            ("lost", Some(holder)) => Ok(Beat::Lost(holder)),
            _ => Err(unexpected("EVAL", &Value::SimpleString(word))),
        }
    }

    /// A script's word, and the lock that stood there.
    fn answer(&mut self, command: &redis::Cmd) -> Result<(String, Option<Holder>), StoreError> {
        let mut items = array("EVAL", self.call("EVAL", command)?)?.into_iter();
        let word = bytes("EVAL", items.next().unwrap_or(Value::Nil))?.unwrap_or_default();
        let holder = items.next().map_or(Ok(None), holder_of)?;
        Ok((String::from_utf8_lossy(&word).into_owned(), holder))
    }
}

/// A lock from its fields; `None` when there are none.
fn holder_of(fields: Value) -> Result<Option<Holder>, StoreError> {
    let mut values = array("EVAL", fields)?.into_iter();
    let text = |value| -> Result<String, StoreError> {
        let bytes = bytes("EVAL", value)?.unwrap_or_default();
        Ok(String::from_utf8_lossy(&bytes).into_owned())
    };
    let mut found = BTreeMap::new();
    while let (Some(name), Some(value)) = (values.next(), values.next()) {
        found.insert(text(name)?, text(value)?);
    }
    if !found.contains_key("token") {
        return Ok(None);
    }
    let mut take = |name: &str| found.remove(name).unwrap_or_default();
    Ok(Some(Holder {
        subject: take("subject"),
        run: take("run"),
        verb: take("verb"),
        by: take("by"),
        process: take("process"),
        since: take("since"),
        left_ms: take("left_ms").parse().unwrap_or(0),
        token: take("token"),
    }))
}
