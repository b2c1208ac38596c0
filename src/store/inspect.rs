//! Looking at keys of any type, for people.

use redis::{Pipeline, Value};

use super::error::StoreError;
use super::link::{Link, array, bytes, unexpected};
use crate::model::{Expiry, Key, RedisType};

/// Elements of a list, set, sorted set or stream that are shown at most.
pub const ELEMENTS_SHOWN_MAX: usize = 200;

/// Names and values.
pub type Pairs = Vec<(Vec<u8>, Vec<u8>)>;

/// One line of a key list.
#[derive(Clone, Debug, PartialEq, serde::Serialize)]
pub struct KeyLine {
    /// The key.
    pub key: Key,
    /// Its type.
    #[serde(rename = "type")]
    pub redis_type: RedisType,
    /// When it expires.
    pub expiry: Expiry,
}

/// A key's value, by its type.
#[derive(Clone, Debug, PartialEq)]
pub enum KeyValue {
    /// A string's bytes.
    String(Vec<u8>),
    /// RedisJSON text.
    Json(Vec<u8>),
    /// A hash's fields.
    Hash(Pairs),
    /// A list's or set's elements, the first few.
    Elements(Vec<Vec<u8>>),
    /// A sorted set's members with their scores, the first few.
    Scored(Vec<(Vec<u8>, String)>),
    /// A stream's entries, the first few: id, fields.
    Entries(Vec<(String, Pairs)>),
    /// A type of a module that remold cannot show.
    Opaque,
}

/// All about one key.
#[derive(Clone, Debug, PartialEq)]
pub struct KeyView {
    /// The key.
    pub key: Key,
    /// Its type.
    pub redis_type: RedisType,
    /// When it expires.
    pub expiry: Expiry,
    /// `OBJECT ENCODING`.
    pub encoding: Option<String>,
    /// `MEMORY USAGE` in bytes, where the user may ask.
    pub memory_bytes: Option<u64>,
    /// The elements there are, where the value has any; only some are shown.
    pub length: Option<u64>,
    /// The value.
    pub value: KeyValue,
}

impl Link {
    /// Types and expiries of keys, in their order; keys that are gone are left out.
    pub fn key_lines(&mut self, keys: &[Key]) -> Result<Vec<KeyLine>, StoreError> {
        let types = self.types(keys)?;
        let expiries = self.expiries(keys)?;
        let lines = keys.iter().zip(types).zip(expiries);
        Ok(lines
            .filter_map(|((key, redis_type), expiry)| {
                Some(KeyLine { key: key.clone(), redis_type: redis_type?, expiry: expiry? })
            })
            .collect())
    }

    /// Everything about one key; `None` when it is gone.
    pub fn key_view(&mut self, key: &Key) -> Result<Option<KeyView>, StoreError> {
        let Some(line) = self.key_lines(std::slice::from_ref(key))?.pop() else { return Ok(None) };
        let mut about = Pipeline::new();
        about.cmd("OBJECT").arg("ENCODING").arg(key.as_bytes());
        about.cmd("MEMORY").arg("USAGE").arg(key.as_bytes());
        // A user who may not ask this sees the value all the same.
        let [encoding, memory] = <[_; 2]>::try_from(self.pipeline("OBJECT", &about)?)
            .expect("a pipeline answers each of its commands");
        let encoding = encoding.ok().and_then(|value| redis::from_redis_value(value).ok());
        let memory_bytes = memory.ok().and_then(|value| redis::from_redis_value(value).ok());
        let Some((length, value)) = self.value(key, &line.redis_type)? else { return Ok(None) };
        let KeyLine { key, redis_type, expiry } = line;
        Ok(Some(KeyView { key, redis_type, expiry, encoding, memory_bytes, length, value }))
    }

    fn value(
        &mut self,
        key: &Key,
        redis_type: &RedisType,
    ) -> Result<Option<(Option<u64>, KeyValue)>, StoreError> {
        let last = ELEMENTS_SHOWN_MAX - 1;
        let (count, name, arguments): (&str, &str, Vec<String>) = match redis_type {
            RedisType::String => ("STRLEN", "GET", vec![]),
            RedisType::Json => ("", "JSON.GET", vec![]),
            RedisType::Hash => ("HLEN", "HGETALL", vec![]),
            RedisType::List => ("LLEN", "LRANGE", vec!["0".into(), last.to_string()]),
            RedisType::Set => {
                ("SCARD", "SSCAN", vec!["0".into(), "COUNT".into(), last.to_string()])
            }
            RedisType::SortedSet => {
                ("ZCARD", "ZRANGE", vec!["0".into(), last.to_string(), "WITHSCORES".into()])
            }
            RedisType::Stream => (
                "XLEN",
                "XRANGE",
                vec!["-".into(), "+".into(), "COUNT".into(), ELEMENTS_SHOWN_MAX.to_string()],
            ),
            RedisType::Other(_) => return Ok(Some((None, KeyValue::Opaque))),
        };
        let length = if count.is_empty() {
            None
        } else {
            Some(self.ask(count, redis::cmd(count).arg(key.as_bytes()))?)
        };
        let mut command = redis::cmd(name);
        command.arg(key.as_bytes());
        for argument in arguments {
            command.arg(argument);
        }
        let answer = self.call(name, &command)?;
        Ok(read_value(name, redis_type, answer)?.map(|value| (length, value)))
    }
}

fn read_value(
    name: &str,
    redis_type: &RedisType,
    answer: Value,
) -> Result<Option<KeyValue>, StoreError> {
    Ok(Some(match redis_type {
        RedisType::String | RedisType::Json => {
            let Some(text) = bytes(name, answer)? else { return Ok(None) };
            if *redis_type == RedisType::Json {
                KeyValue::Json(text)
            } else {
                KeyValue::String(text)
            }
        }
        RedisType::Hash => KeyValue::Hash(pairs(name, answer)?),
        RedisType::List => KeyValue::Elements(texts(name, answer)?),
        RedisType::Set => {
            let members = array(name, answer)?.pop().unwrap_or(Value::Nil);
            let mut members = texts(name, members)?;
            members.sort();
            KeyValue::Elements(members)
        }
        RedisType::SortedSet => {
            let scored = pairs(name, answer)?.into_iter();
            let score = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
            KeyValue::Scored(scored.map(|(member, value)| (member, score(value))).collect())
        }
        RedisType::Stream => {
            let mut entries = Vec::new();
            for entry in array(name, answer)? {
                let mut parts = array(name, entry)?.into_iter();
                let (Some(id), Some(fields)) = (parts.next(), parts.next()) else {
                    return Err(unexpected(name, &Value::Nil));
                };
                let id = bytes(name, id)?.unwrap_or_default();
                entries.push((String::from_utf8_lossy(&id).into_owned(), pairs(name, fields)?));
            }
            KeyValue::Entries(entries)
        }
        RedisType::Other(_) => KeyValue::Opaque,
    }))
}

fn texts(name: &str, value: Value) -> Result<Vec<Vec<u8>>, StoreError> {
    array(name, value)?.into_iter().map(|item| Ok(bytes(name, item)?.unwrap_or_default())).collect()
}

fn pairs(name: &str, value: Value) -> Result<Pairs, StoreError> {
    let mut items = array(name, value)?;
    // From protocol 3 on, a member and its score stand in an array of their own.
    if items.iter().all(|item| matches!(item, Value::Array(_))) {
        let flat =
            items.into_iter().map(|item| array(name, item)).collect::<Result<Vec<_>, _>>()?;
        items = flat.into_iter().flatten().collect();
    }
    let mut items = texts(name, Value::Array(items))?.into_iter();
    let mut pairs = Vec::new();
    while let (Some(first), Some(second)) = (items.next(), items.next()) {
        pairs.push((first, second));
    }
    Ok(pairs)
}
