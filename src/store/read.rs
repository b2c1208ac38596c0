//! Reading many documents in one round trip.

use redis::{Pipeline, Value};

use super::error::{Fault, StoreError};
use super::link::{Link, array, bytes, unexpected};
use super::wire::Reply;
use crate::model::{Content, Expiry, HashField, Key, RedisType, Storage};

/// Reckons what a server before 7.0 does not tell.
const EXPIRIES: &str = include_str!("expiries.lua");

/// What stands under a key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Found {
    /// A value of the storage that was asked for.
    Content(Content),
    /// A value of another type.
    OtherType(RedisType),
    /// No such key.
    Missing,
}

impl Link {
    /// Reads the values of `keys`, which are to be of one storage; answers in the same order.
    pub fn read(&mut self, storage: Storage, keys: &[Key]) -> Result<Vec<Found>, StoreError> {
        let mut found = match storage {
            Storage::String => self.read_strings(keys)?,
            Storage::Hash => self.read_hashes(keys)?,
            Storage::Json => self.read_json(keys)?,
        };
        // A null does not tell a missing key from one of another type.
        let unclear: Vec<usize> =
            (0..keys.len()).filter(|at| found[*at] == Found::Missing).collect();
        let types = self.types(unclear.iter().map(|at| &keys[*at]))?;
        for (at, redis_type) in unclear.into_iter().zip(types) {
            if let Some(redis_type) = redis_type
                && redis_type != storage.redis_type()
            {
                found[at] = Found::OtherType(redis_type);
            }
        }
        Ok(found)
    }

    fn read_strings(&mut self, keys: &[Key]) -> Result<Vec<Found>, StoreError> {
        if keys.is_empty() {
            return Ok(Vec::new());
        }
        let names = keys.iter().map(Key::as_bytes);
        let groups = self.in_groups("MGET", names, |group| {
            let mut command = redis::cmd("MGET");
            for at in group {
                command.arg(keys[*at].as_bytes());
            }
            command
        })?;
        let mut found = vec![Found::Missing; keys.len()];
        for (group, reply) in groups {
            let values = array("MGET", reply?)?;
            assert_eq!(values.len(), group.len(), "MGET answers one value for each key");
            for (at, value) in group.into_iter().zip(values) {
                if let Some(text) = bytes("MGET", value)? {
                    found[at] = Found::Content(Content::String(text));
                }
            }
        }
        Ok(found)
    }

    fn read_hashes(&mut self, keys: &[Key]) -> Result<Vec<Found>, StoreError> {
        let mut found = self.read_each("HGETALL", keys, &[], |value| {
            let mut fields = Vec::new();
            let mut items = array("HGETALL", value)?.into_iter();
            while let (Some(name), Some(value)) = (items.next(), items.next()) {
                let (Some(name), Some(value)) = (bytes("HGETALL", name)?, bytes("HGETALL", value)?)
                else {
                    return Err(unexpected("HGETALL", &Value::Nil));
                };
                fields.push(HashField::new(name, value));
            }
            Ok((!fields.is_empty()).then_some(Content::Hash(fields)))
        })?;
        if let Some(key) = keys.first()
            && self.has_field_expiry(key)?
        {
            self.read_field_expiries(keys, &mut found)?;
        }
        Ok(found)
    }

    /// Fills in when the fields of hashes expire.
    fn read_field_expiries(&mut self, keys: &[Key], found: &mut [Found]) -> Result<(), StoreError> {
        const NAME: &str = "HPEXPIRETIME";
        let mut pipeline = Pipeline::with_capacity(keys.len());
        for (key, found) in keys.iter().zip(&*found) {
            if let Found::Content(Content::Hash(fields)) = found {
                pipeline.cmd(NAME).arg(key.as_bytes()).arg("FIELDS").arg(fields.len());
                for field in fields {
                    pipeline.arg(field.name.as_slice());
                }
            }
        }
        let mut replies = self.pipeline(NAME, &pipeline)?.into_iter();
        for found in found {
            let Found::Content(Content::Hash(fields)) = found else { continue };
            let reply = replies.next().expect("a pipeline answers each of its commands");
            // Written over by another type since: the write will see that too.
            let Ok(Value::Array(expiries)) = reply else { continue };
            for (field, expiry) in fields.iter_mut().zip(expiries) {
                if let Value::Int(at) = expiry {
                    field.expires = Expiry::from_pexpiretime(at).unwrap_or(Expiry::Never);
                }
            }
        }
        Ok(())
    }

    /// Whether fields of hashes may have expiries of their own (Redis 7.4, Valkey 9); asked of any
    /// key, once.
    pub(super) fn has_field_expiry(&mut self, key: &Key) -> Result<bool, StoreError> {
        if let Some(known) = self.field_expiry {
            return Ok(known);
        }
        if !self.has_pexpiretime()? {
            self.field_expiry = Some(false);
            return Ok(false);
        }
        let mut command = redis::cmd("HPEXPIRETIME");
        command.arg(key.as_bytes()).arg("FIELDS").arg(1).arg("");
        let has = match self.call("HPEXPIRETIME", &command) {
            Ok(_) | Err(StoreError::Refused { fault: Fault::WrongType, .. }) => true,
            Err(error) if error.is_unknown_command() => false,
            Err(error) => return Err(error),
        };
        self.field_expiry = Some(has);
        Ok(has)
    }

    fn read_json(&mut self, keys: &[Key]) -> Result<Vec<Found>, StoreError> {
        let read = self.read_each("JSON.GET", keys, &["."], |value| {
            Ok(bytes("JSON.GET", value)?.map(Content::Json))
        });
        read.map_err(|error| {
            if error.is_unknown_command() {
                return StoreError::NoModule { address: self.address().to_string() };
            }
            error
        })
    }

    /// Reads the values of `keys`, which are to be of one of these storages, most likely of the first.
    /// Answers in the same order.
    pub fn read_stored(
        &mut self,
        storages: &[Storage],
        keys: &[Key],
    ) -> Result<Vec<Found>, StoreError> {
        let Some((likely, others)) = storages.split_first() else { return Ok(Vec::new()) };
        let mut found = self.read(*likely, keys)?;
        for storage in others {
            let is_of = |found: &Found| matches!(found, Found::OtherType(other) if other.storage() == Some(*storage));
            let at: Vec<usize> = (0..keys.len()).filter(|at| is_of(&found[*at])).collect();
            let these: Vec<Key> = at.iter().map(|at| keys[*at].clone()).collect();
            if these.is_empty() {
                continue;
            }
            for (at, again) in at.into_iter().zip(self.read(*storage, &these)?) {
                found[at] = again;
            }
        }
        Ok(found)
    }

    /// Sends `command key arguments...` for each key; a key of another type counts as missing.
    fn read_each(
        &mut self,
        command: &str,
        keys: &[Key],
        arguments: &[&str],
        read: impl Fn(Value) -> Result<Option<Content>, StoreError>,
    ) -> Result<Vec<Found>, StoreError> {
        let mut pipeline = Pipeline::with_capacity(keys.len());
        for key in keys {
            pipeline.cmd(command).arg(key.as_bytes());
            for argument in arguments {
                pipeline.arg(*argument);
            }
        }
        let found = |reply: Reply| match reply {
            Err(error) if error.is_wrong_type() => Ok(Found::Missing),
            Err(error) => Err(error),
            Ok(value) => Ok(read(value)?.map_or(Found::Missing, Found::Content)),
        };
        self.pipeline(command, &pipeline)?.into_iter().map(found).collect()
    }

    /// Asks for the types of keys; `None` for one that is missing.
    pub fn types<'k>(
        &mut self,
        keys: impl IntoIterator<Item = &'k Key>,
    ) -> Result<Vec<Option<RedisType>>, StoreError> {
        let mut pipeline = Pipeline::new();
        for key in keys {
            pipeline.cmd("TYPE").arg(key.as_bytes());
        }
        let read = |reply: Result<Value, StoreError>| match reply? {
            Value::SimpleString(name) => Ok(RedisType::from_name(&name)),
            other => Err(unexpected("TYPE", &other)),
        };
        self.pipeline("TYPE", &pipeline)?.into_iter().map(read).collect()
    }

    /// Asks when keys expire, to the millisecond; `None` for one that is missing.
    pub fn expiries(&mut self, keys: &[Key]) -> Result<Vec<Option<Expiry>>, StoreError> {
        if !self.has_pexpiretime()? {
            return self.expiries_by_script(keys);
        }
        let mut pipeline = Pipeline::with_capacity(keys.len());
        for key in keys {
            pipeline.cmd("PEXPIRETIME").arg(key.as_bytes());
        }
        let read = |reply: Result<Value, StoreError>| match reply? {
            Value::Int(answer) => Ok(Expiry::from_pexpiretime(answer)),
            other => Err(unexpected("PEXPIRETIME", &other)),
        };
        self.pipeline("PEXPIRETIME", &pipeline)?.into_iter().map(read).collect()
    }

    /// Whether the server tells expiries itself: Redis from 7.0 on, Valkey. Asked once, of a key of
    /// plain letters: a server that does not know a command quotes its arguments in the error, and
    /// bytes that are no text would make that error unreadable.
    fn has_pexpiretime(&mut self) -> Result<bool, StoreError> {
        if let Some(known) = self.pexpiretime {
            return Ok(known);
        }
        let has = match self.call("PEXPIRETIME", redis::cmd("PEXPIRETIME").arg("x")) {
            Err(error) if error.is_unknown_command() => false,
            Err(error) if error.is_transient() => return Err(error),
            // A key that the user may not see is no answer to whether there is such a command, and
            // the question about its own keys is one.
            Ok(_) | Err(_) => true,
        };
        self.pexpiretime = Some(has);
        Ok(has)
    }

    /// Reckons when keys expire from the time left, on a server before 7.0.
    fn expiries_by_script(&mut self, keys: &[Key]) -> Result<Vec<Option<Expiry>>, StoreError> {
        const NAME: &str = "EVAL (PTTL)";
        if keys.is_empty() {
            return Ok(Vec::new());
        }
        let names = keys.iter().map(Key::as_bytes);
        let groups = self.in_groups(NAME, names, |group| {
            let mut command = redis::cmd("EVAL");
            command.arg(EXPIRIES).arg(group.len());
            for at in group {
                command.arg(keys[*at].as_bytes());
            }
            command
        })?;
        let mut expiries = vec![None; keys.len()];
        for (group, reply) in groups {
            let answers = array(NAME, reply?)?;
            for (at, answer) in group.into_iter().zip(answers) {
                let Value::Int(answer) = answer else { return Err(unexpected(NAME, &answer)) };
                expiries[at] = Expiry::from_pexpiretime(answer);
            }
        }
        Ok(expiries)
    }
}
