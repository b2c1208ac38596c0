//! The registry: definitions kept in Redis itself, and the stream in which each change is tracked.
//!
//! All keys share one hash tag and so one slot, and a push is one script: of two operators who push
//! different content under one name, one wins and the other is told. Definitions are opaque texts here,
//! each behind a head line with its digest, who put it there, and when.

use redis::Value;

use super::error::StoreError;
use super::link::{Link, array, bytes, unexpected};

/// What all keys of the registry begin with, unless said otherwise.
pub const PREFIX_DEFAULT: &str = "{remold}";
/// Events kept in the stream, about.
pub(super) const EVENTS_KEPT: usize = 100_000;

/// What a definition is of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// A schema; its name is its version. Never replaced.
    Schema,
    /// A migration.
    Migration,
    /// A strategy.
    Strategy,
    /// A feature flag.
    Flag,
    /// A name for a version.
    Tag,
}

impl Kind {
    /// Every kind, in the order in which they are read.
    pub const ALL: [Self; 5] =
        [Self::Schema, Self::Migration, Self::Strategy, Self::Flag, Self::Tag];

    /// The name in events.
    pub fn name(self) -> &'static str {
        match self {
            Self::Schema => "schema",
            Self::Migration => "migration",
            Self::Strategy => "strategy",
            Self::Flag => "flag",
            Self::Tag => "tag",
        }
    }

    /// The name of the hash that holds the definitions of this kind.
    fn key(self, subject: &str) -> String {
        match self {
            Self::Schema => format!("schemas:{subject}"),
            Self::Migration => format!("migrations:{subject}"),
            Self::Strategy => "strategies".to_owned(),
            Self::Flag => "flags".to_owned(),
            Self::Tag => format!("tags:{subject}"),
        }
    }
}

/// One definition to register.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// What it is of.
    pub kind: Kind,
    /// Its subject; empty for strategies and flags.
    pub subject: String,
    /// Its name in the subject; a schema's is its version.
    pub name: String,
    /// Equal digests mean equal content.
    pub digest: String,
    /// The definition.
    pub text: String,
}

/// One definition as it is registered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Registered {
    /// The definition.
    pub entry: Entry,
    /// Who registered it: `name@host`.
    pub by: String,
    /// When, RFC 3339 in UTC.
    pub at: String,
}

/// What became of a push.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Pushed {
    /// All is registered; so many definitions are new or replaced.
    Done(u64),
    /// Other content is registered under these names; nothing was written.
    Clash(Vec<Registered>),
}

/// One change, as the stream of events tells it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    /// The stream's id: milliseconds since 1970, a dash, a number.
    pub id: String,
    /// Names and values.
    pub fields: Vec<(String, String)>,
}

/// KEYS: the events, the set of subjects, then each definition's hash. ARGV: who, when, whether to
/// replace, the length of the stream; then for each definition kind, subject, name, digest, text.
const PUSH: &str = r"
local by, at, replace, kept = ARGV[1], ARGV[2], ARGV[3], ARGV[4]
local clashes, changed = {}, {}
for i = 3, #KEYS do
  local first = 5 + (i - 3) * 5
  local kind, name, digest = ARGV[first], ARGV[first + 2], ARGV[first + 3]
  local stands = redis.call('HGET', KEYS[i], name)
  if not stands or string.sub(stands, 1, #digest + 1) ~= digest .. ' ' then
    changed[#changed + 1] = i
    if stands and (kind == 'schema' or replace ~= '1') then
      clashes[#clashes + 1] = i - 3
      clashes[#clashes + 1] = stands
    end
  end
end
if #clashes > 0 then return clashes end
for _, i in ipairs(changed) do
  local first = 5 + (i - 3) * 5
  local kind, subject, name = ARGV[first], ARGV[first + 1], ARGV[first + 2]
  local digest, text = ARGV[first + 3], ARGV[first + 4]
  redis.call('HSET', KEYS[i], name, digest .. ' ' .. by .. ' ' .. at .. '\n' .. text)
  if subject ~= '' then redis.call('SADD', KEYS[2], subject) end
  local event = {'event', kind .. '.registered', 'subject', subject, 'name', name, 'digest', digest,
    'by', by, 'at', at}
  -- What a tag names is the news of it.
  if kind == 'tag' then event[#event + 1] = 'tags'; event[#event + 1] = text end
  redis.call('XADD', KEYS[1], 'MAXLEN', '~', kept, '*', unpack(event))
end
return #changed";

impl Link {
    /// The whole key of a part of the registry.
    pub(super) fn registry_key(&self, name: &str) -> String {
        format!("{}:{name}", self.address().registry())
    }

    /// Registers definitions, all or none. Equal content under a known name is no change. Other content
    /// clashes, unless `replace` is set; a schema is never replaced.
    pub fn push_definitions(
        &mut self,
        entries: &[Entry],
        by: &str,
        at: &str,
        replace: bool,
    ) -> Result<Pushed, StoreError> {
        let mut command = redis::cmd("EVAL");
        command.arg(PUSH).arg(entries.len() + 2);
        command.arg(self.registry_key("events")).arg(self.registry_key("subjects"));
        for entry in entries {
            command.arg(self.registry_key(&entry.kind.key(&entry.subject)));
        }
        command.arg(one_word(by)).arg(one_word(at)).arg(u8::from(replace)).arg(EVENTS_KEPT);
        for entry in entries {
            command.arg(entry.kind.name()).arg(&entry.subject).arg(&entry.name);
            command.arg(&entry.digest).arg(&entry.text);
        }
        match self.call("EVAL", &command)? {
            Value::Int(changed) => Ok(Pushed::Done(changed.unsigned_abs())),
            Value::Array(items) => {
                let mut clashes = Vec::new();
                for pair in items.chunks_exact(2) {
                    let [Value::Int(index), stands] = pair else { continue };
                    let entry = usize::try_from(*index).ok().and_then(|index| entries.get(index));
                    let stands = bytes("EVAL", stands.clone())?.unwrap_or_default();
                    if let Some(entry) = entry {
                        let Entry { kind, subject, name, .. } = entry;
                        clashes.push(registered(*kind, subject, name, &stands));
                    }
                }
                Ok(Pushed::Clash(clashes))
            }
            other => Err(unexpected("EVAL", &other)),
        }
    }

    /// Everything that is registered.
    pub fn pull_definitions(&mut self) -> Result<Vec<Registered>, StoreError> {
        let mut out = Vec::new();
        let key = self.registry_key("subjects");
        let subjects: Vec<String> = self.ask("SMEMBERS", redis::cmd("SMEMBERS").arg(key))?;
        for kind in Kind::ALL {
            let of_subjects = matches!(kind, Kind::Schema | Kind::Migration | Kind::Tag);
            let places = if of_subjects { subjects.clone() } else { vec![String::new()] };
            for subject in places {
                let key = self.registry_key(&kind.key(&subject));
                let answer = self.call("HGETALL", redis::cmd("HGETALL").arg(key))?;
                let mut values = array("HGETALL", answer)?.into_iter();
                while let (Some(name), Some(value)) = (values.next(), values.next()) {
                    let name = bytes("HGETALL", name)?.unwrap_or_default();
                    let value = bytes("HGETALL", value)?.unwrap_or_default();
                    let name = String::from_utf8_lossy(&name);
                    out.push(registered(kind, &subject, &name, &value));
                }
            }
        }
        let place = |r: &Registered| (r.entry.kind, r.entry.subject.clone(), r.entry.name.clone());
        out.sort_by_key(place);
        Ok(out)
    }

    /// Events after the one with the id `after` (`0` for the first), at most `most`. Waits up to
    /// `wait_ms` for one when there is none.
    pub fn events(
        &mut self,
        after: &str,
        most: usize,
        wait_ms: Option<u64>,
    ) -> Result<Vec<Event>, StoreError> {
        let mut command = redis::cmd("XREAD");
        command.arg("COUNT").arg(most);
        if let Some(wait_ms) = wait_ms {
            command.arg("BLOCK").arg(wait_ms);
        }
        command.arg("STREAMS").arg(self.registry_key("events")).arg(after);
        let answer = self.call("XREAD", &command)?;
        if matches!(answer, Value::Nil) {
            return Ok(Vec::new());
        }
        // One stream was asked for: its name, and its events.
        let mut streams = array("XREAD", answer)?.into_iter();
        let first = streams.next();
        let events = match (first, streams.next()) {
            (Some(Value::Array(pair)), None) => pair.into_iter().nth(1),
            (Some(_), events) => events,
            (None, _) => None,
        };
        array("XREAD", events.unwrap_or(Value::Array(Vec::new())))?.into_iter().map(event).collect()
    }

    /// The newest events, oldest first.
    pub fn last_events(&mut self, most: usize) -> Result<Vec<Event>, StoreError> {
        let mut command = redis::cmd("XREVRANGE");
        command.arg(self.registry_key("events")).arg("+").arg("-").arg("COUNT").arg(most);
        let answer = array("XREVRANGE", self.call("XREVRANGE", &command)?)?;
        answer.into_iter().rev().map(event).collect()
    }
}

/// Who and when stand in one line, cut at spaces.
fn one_word(text: &str) -> String {
    text.chars().map(|c| if c.is_whitespace() { '_' } else { c }).collect()
}

fn registered(kind: Kind, subject: &str, name: &str, value: &[u8]) -> Registered {
    let value = String::from_utf8_lossy(value);
    let (head, text) = value.split_once('\n').unwrap_or(("", &value));
    let mut words = head.split(' ').map(str::to_owned);
    let mut word = || words.next().unwrap_or_default();
    let (digest, by, at) = (word(), word(), word());
    let (subject, name, text) = (subject.to_owned(), name.to_owned(), text.to_owned());
    Registered { entry: Entry { kind, subject, name, digest, text }, by, at }
}

fn event(value: Value) -> Result<Event, StoreError> {
    let text = |value: Value| -> Result<String, StoreError> {
        let bytes = bytes("XREAD", value)?.unwrap_or_default();
        Ok(String::from_utf8_lossy(&bytes).into_owned())
    };
    let Ok([id, fields]) = <[Value; 2]>::try_from(array("XREAD", value)?) else {
        return Err(unexpected("XREAD", &Value::Nil));
    };
    let mut out = Event { id: text(id)?, fields: Vec::new() };
    let mut values = array("XREAD", fields)?.into_iter();
    while let (Some(name), Some(value)) = (values.next(), values.next()) {
        out.fields.push((text(name)?, text(value)?));
    }
    Ok(out)
}
