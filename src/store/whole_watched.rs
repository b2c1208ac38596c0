//! Changes of whole keys where the user may run no scripts: as `whole.lua` makes them, by transactions.

use std::collections::HashSet;

use redis::{Cmd, Value};

use super::error::StoreError;
use super::link::{Link, array, bytes, text};
use super::transaction::TRIES_MAX;
use super::wire::Reply;
use super::write::{Written, settable};
use crate::model::{Content, Expiry, Kept, Key, Turn, Whole};

impl Link {
    /// Carries out changes whose keys lie on one slot each, where what was read still stands.
    pub(super) fn change_watched(
        &mut self,
        changes: &[(&Key, &Whole)],
        field_expiry: bool,
    ) -> Result<Vec<Written>, StoreError> {
        let mut written = vec![Written::Differs; changes.len()];
        for group in self.groups(changes.iter().map(|(key, _)| key.as_bytes())) {
            // What one change writes another may compare: each key stands once in a transaction.
            let mut named = HashSet::new();
            let (first, then): (Vec<usize>, Vec<usize>) = group.into_iter().partition(|at| {
                let keys: Vec<&Key> = turns(changes[*at]).map(|(key, _)| key).collect();
                keys.iter().all(|key| !named.contains(*key)) && {
                    named.extend(keys);
                    true
                }
            });
            let together: Vec<(&Key, &Whole)> = first.iter().map(|at| changes[*at]).collect();
            let mut alone = then;
            match self.transact_wholes(&together, field_expiry)? {
                Some(answers) => {
                    first.into_iter().zip(answers).for_each(|(at, it)| written[at] = it);
                }
                None => alone.extend(first),
            }
            for at in alone {
                for _ in 0..TRIES_MAX {
                    if let Some(answers) = self.transact_wholes(&changes[at..=at], field_expiry)? {
                        written[at] = answers[0];
                        break;
                    }
                }
            }
        }
        Ok(written)
    }

    /// One transaction; `None` when a key was touched meanwhile and nothing was written.
    fn transact_wholes(
        &mut self,
        changes: &[(&Key, &Whole)],
        field_expiry: bool,
    ) -> Result<Option<Vec<Written>>, StoreError> {
        let keys: Vec<&Key> = changes.iter().flat_map(|it| turns(*it)).map(|it| it.0).collect();
        let looks = changes.iter().flat_map(|change| {
            turns(*change).flat_map(|(key, turn)| reads(key, turn.before.as_ref(), field_expiry))
        });
        let mut replies = self.watch(&keys, looks)?;
        let mut commands = Vec::new();
        let mut written = vec![Written::Differs; changes.len()];
        for (at, change) in changes.iter().enumerate() {
            let stood = turns(*change)
                .map(|(_, turn)| stands(turn.before.as_ref(), &mut replies, field_expiry))
                .collect::<Result<Vec<Stood>, _>>()?;
            if stood.iter().all(|stood| stood.is_as_read) {
                let expiries: Vec<Expiry> = stood.iter().map(|stood| stood.expiry).collect();
                commands.extend(writes(*change, &expiries).into_iter().map(|it| (at, it)));
                written[at] = Written::Replaced;
            }
        }
        let Some(answers) = self.exec(keys[0], commands)? else { return Ok(None) };
        for (at, answer) in answers {
            if let Value::ServerError(error) = answer {
                // The other commands of the transaction were carried out.
                self.put_back(changes[at])?;
                return Err(StoreError::from_reply("EXEC", &error));
            }
        }
        Ok(Some(written))
    }

    /// Puts back what stood before a change of which a command failed, where nothing stands now.
    fn put_back(&mut self, change: (&Key, &Whole)) -> Result<(), StoreError> {
        for (key, turn) in turns(change) {
            let Some(Kept { content, expiry }) = &turn.before else { continue };
            let mut replies = self.watch(&[key], reads(key, None, false).into_iter())?;
            let is_gone = stands(None, &mut replies, false)?.is_as_read;
            let expiry = expiry.unwrap_or(Expiry::Never);
            let commands = if is_gone { put(key, content, expiry) } else { Vec::new() };
            self.exec(key, commands.into_iter().map(|it| (0, it)).collect())?;
        }
        Ok(())
    }
}

/// The keys of a change, with what happens under each.
fn turns<'c>((key, whole): (&'c Key, &'c Whole)) -> impl Iterator<Item = (&'c Key, &'c Turn)> {
    let there = whole.there.as_ref().map(|(key, turn)| (key, turn));
    std::iter::once((key, &whole.here)).chain(there)
}

fn command(name: &str, key: &Key) -> Cmd {
    let mut command = redis::cmd(name);
    command.arg(key.as_bytes());
    command
}

/// The commands that tell whether what was read stands still.
fn reads(key: &Key, before: Option<&Kept>, field_expiry: bool) -> Vec<Cmd> {
    let mut looks = vec![command("TYPE", key), command("PEXPIRETIME", key)];
    match before.map(|kept| &kept.content) {
        None => {}
        Some(Content::String(_)) => looks.push(command("GET", key)),
        Some(Content::Json(_)) => {
            let mut get = command("JSON.GET", key);
            get.arg(".");
            looks.push(get);
        }
        Some(Content::Hash(fields)) => {
            let (mut get, mut until) = (command("HMGET", key), command("HPEXPIRETIME", key));
            until.arg("FIELDS").arg(fields.len());
            for field in fields {
                get.arg(field.name.as_slice());
                until.arg(field.name.as_slice());
            }
            looks.extend([command("HLEN", key), get]);
            looks.extend(field_expiry.then_some(until));
        }
    }
    looks
}

/// What was found under a key.
struct Stood {
    is_as_read: bool,
    expiry: Expiry,
}

/// Whether what was read stands still, from the replies to [`reads`], which are taken.
fn stands(
    before: Option<&Kept>,
    replies: &mut impl Iterator<Item = Reply>,
    field_expiry: bool,
) -> Result<Stood, StoreError> {
    let mut next = || match replies.next().expect("a pipeline answers each of its commands") {
        // Of another type by now.
        Err(error) if error.is_wrong_type() => Ok(Value::Nil),
        reply => reply,
    };
    let kind = text("TYPE", next()?)?;
    let expires_at = match next()? {
        Value::Int(at_ms) => Expiry::from_pexpiretime(at_ms),
        _ => None,
    };
    let expiry = expires_at.unwrap_or(Expiry::Never);
    let Some(Kept { content, expiry: wanted }) = before else {
        return Ok(Stood { is_as_read: kind == "none", expiry });
    };
    let is_same = match content {
        Content::String(before) => bytes("GET", next()?)?.as_ref() == Some(before),
        Content::Json(before) => {
            // A value of another type has no text, and the module says so in its own words.
            let printed = if kind == "ReJSON-RL" { next()? } else { next().unwrap_or(Value::Nil) };
            bytes("JSON.GET", printed)?.as_ref() == Some(before)
        }
        Content::Hash(fields) => {
            let (length, values) = (next()?, next()?);
            let expiries = if field_expiry { next()? } else { Value::Nil };
            let is_whole =
                matches!(length, Value::Int(count) if usize::try_from(count) == Ok(fields.len()));
            let list = |name, value| match value {
                Value::Nil => Ok(Vec::new()),
                value => array(name, value),
            };
            let (values, expiries) = (list("HMGET", values)?, list("HPEXPIRETIME", expiries)?);
            is_whole
                && values.len() == fields.len()
                && fields.iter().zip(&values).enumerate().all(|(at, (field, value))| {
                    let until = Value::Int(field.expires.to_pexpiretime());
                    matches!(value, Value::BulkString(value) if *value == field.value)
                        && expiries.get(at).is_none_or(|it| *it == until)
                })
        }
    };
    let is_as_read = is_same && kind != "none" && wanted.is_none_or(|wanted| wanted == expiry);
    Ok(Stood { is_as_read, expiry })
}

/// The commands that write. `stood` are the expiries of the keys.
fn writes(change: (&Key, &Whole), stood: &[Expiry]) -> Vec<Cmd> {
    let turns: Vec<(&Key, &Turn)> = turns(change).collect();
    let holder = usize::from(turns[0].1.before.is_none());
    let value = turns.get(holder).and_then(|it| it.1.before.as_ref()).map(|kept| &kept.content);
    let travelling = stood.get(holder).copied().unwrap_or(Expiry::Never);
    let expiry_of = |kept: &Kept| kept.expiry.unwrap_or(travelling);
    let is_itself = |turn: &Turn| turn.after.as_ref().is_some_and(|it| Some(&it.content) == value);
    let mut all = Vec::new();
    let mut is_gone = false;
    // The value itself first: what it moves over goes away, and where it was is free then.
    for (at, (key, turn)) in turns.iter().enumerate().filter(|(_, (_, turn))| is_itself(turn)) {
        if at != holder {
            let mut rename = command("RENAME", turns[holder].0);
            rename.arg(key.as_bytes());
            all.push(rename);
            is_gone = true;
        }
        let after = turn.after.as_ref().expect("the value itself is one");
        all.push(until(key, expiry_of(after)).unwrap_or_else(|| command("PERSIST", key)));
    }
    for (at, (key, turn)) in turns.iter().enumerate().filter(|(_, (_, turn))| !is_itself(turn)) {
        if turn.before.is_some() && !(is_gone && at == holder) {
            all.push(command("UNLINK", key));
        }
        if let Some(after) = &turn.after {
            all.extend(put(key, &after.content, expiry_of(after)));
        }
    }
    all
}

/// The commands that make a key.
fn put(key: &Key, content: &Content, expiry: Expiry) -> Vec<Cmd> {
    let mut all = Vec::new();
    match content {
        Content::String(text) => {
            let mut set = command("SET", key);
            set.arg(text.as_slice());
            all.push(set);
        }
        Content::Json(text) => {
            let mut set = command("JSON.SET", key);
            set.arg(".").arg(settable(text).as_ref());
            all.push(set);
        }
        Content::Hash(fields) => {
            let mut set = command("HSET", key);
            for field in fields {
                set.arg(field.name.as_slice()).arg(field.value.as_slice());
            }
            all.push(set);
            for field in fields.iter().filter(|field| field.expires != Expiry::Never) {
                let mut until = command("HPEXPIREAT", key);
                until.arg(field.expires.to_pexpiretime()).arg("FIELDS").arg(1);
                until.arg(field.name.as_slice());
                all.push(until);
            }
        }
    }
    all.extend(until(key, expiry));
    all
}

/// The command that sets an expiry; `None` for none.
fn until(key: &Key, expiry: Expiry) -> Option<Cmd> {
    (expiry != Expiry::Never).then(|| {
        let mut until = command("PEXPIREAT", key);
        until.arg(expiry.to_pexpiretime());
        until
    })
}
