//! Compare-and-set where the rights of the user forbid scripts: watch the keys, read and compare them
//! here, and write in a transaction that the server gives up when a watched key was touched meanwhile.
//!
//! One transaction for all keys of a batch on a single server, one for each slot in a cluster. When it
//! was given up, each key is tried alone; who is touched again and again differs from what was read.
//! During the migration of a slot nobody is asked twice: a key that has gone ahead is waited for.

use std::vec::IntoIter;

use redis::{Cmd, Pipeline, Value};

use super::error::{Fault, StoreError};
use super::link::{Link, array, bytes};
use super::wire::Reply;
use super::write::{Written, settable};
use crate::model::{Edit, FieldChange, Key};

/// How often one key is tried that others touch.
pub(super) const TRIES_MAX: usize = 3;

impl Link {
    /// Whether the server let no script of ours run, so that writes are transactions.
    pub fn is_without_scripts(&self) -> bool {
        self.without_scripts
    }

    /// Replaces values as [`Link::compare_and_set`] does, without a script. `expiring` says whether
    /// fields of hashes have expiries.
    pub(super) fn set_watched(
        &mut self,
        edits: &[(&Key, &Edit)],
        expiring: bool,
    ) -> Result<Vec<Written>, StoreError> {
        let mut written = vec![Written::Differs; edits.len()];
        for group in self.groups(edits.iter().map(|(key, _)| key.as_bytes())) {
            let these: Vec<(&Key, &Edit)> = group.iter().map(|at| edits[*at]).collect();
            let answers = if let Some(answers) = self.transact(&these, expiring)? {
                answers
            } else {
                let alone = these.iter().map(|edit| self.set_alone(*edit, expiring));
                alone.collect::<Result<_, _>>()?
            };
            for (at, answer) in group.into_iter().zip(answers) {
                written[at] = answer;
            }
        }
        Ok(written)
    }

    fn set_alone(&mut self, edit: (&Key, &Edit), expiring: bool) -> Result<Written, StoreError> {
        for _ in 0..TRIES_MAX {
            if let Some(answers) = self.transact(&[edit], expiring)? {
                return Ok(answers[0]);
            }
        }
        Ok(Written::Differs)
    }

    /// One transaction; `None` when a key was touched meanwhile and nothing was written.
    ///
    /// An error before its end leaves keys watched: that can only have the next transaction given up.
    fn transact(
        &mut self,
        edits: &[(&Key, &Edit)],
        expiring: bool,
    ) -> Result<Option<Vec<Written>>, StoreError> {
        let keys: Vec<&Key> = edits.iter().map(|(key, _)| *key).collect();
        let looks = edits.iter().flat_map(|(key, edit)| reads(key, edit, expiring));
        let mut replies = self.watch(&keys, looks)?;
        // Which edit each command of the transaction is for.
        let mut commands = Vec::new();
        for (at, (key, edit)) in edits.iter().enumerate() {
            if stands(edit, &mut replies, expiring)? {
                commands.extend(writes(key, edit, expiring).into_iter().map(|it| (at, it)));
            }
        }
        let Some(answers) = self.exec(keys[0], commands)? else { return Ok(None) };
        let mut written = vec![Written::Differs; edits.len()];
        for (at, answer) in answers {
            match answer {
                Value::ServerError(error) => return Err(StoreError::from_reply("EXEC", &error)),
                Value::Nil => written[at] = Written::Differs,
                _ => written[at] = Written::Replaced,
            }
        }
        Ok(Some(written))
    }

    /// Watches keys of one slot, and answers with the replies to `looks` at them.
    pub(super) fn watch(
        &mut self,
        keys: &[&Key],
        looks: impl Iterator<Item = Cmd>,
    ) -> Result<IntoIter<Reply>, StoreError> {
        let mut look = Pipeline::new();
        look.cmd("WATCH");
        for key in keys {
            look.arg(key.as_bytes());
        }
        for command in looks {
            look.add_command(command);
        }
        let mut replies = self.pipeline_of(keys[0].as_bytes(), "WATCH", &look)?.into_iter();
        replies.next().expect("a pipeline answers each of its commands")?;
        Ok(replies)
    }

    /// Carries out commands on watched keys, one of which is `any`, and lets them go. Answers each
    /// command's number with its reply; `None` when a key was touched and nothing was done.
    pub(super) fn exec(
        &mut self,
        any: &Key,
        commands: Vec<(usize, Cmd)>,
    ) -> Result<Option<Vec<(usize, Value)>>, StoreError> {
        let mut change = Pipeline::new();
        if commands.is_empty() {
            change.cmd("UNWATCH");
            self.pipeline_of(any.as_bytes(), "UNWATCH", &change)?;
            return Ok(Some(Vec::new()));
        }
        change.cmd("MULTI");
        let (of, commands): (Vec<usize>, Vec<Cmd>) = commands.into_iter().unzip();
        for command in commands {
            change.add_command(command);
        }
        change.cmd("EXEC");
        let mut replies = self.pipeline_of(any.as_bytes(), "EXEC", &change)?;
        let done = replies.pop().expect("a pipeline answers each of its commands");
        // Why a command was not taken says more than that the whole was given up for it.
        for reply in replies {
            reply?;
        }
        match done? {
            Value::Nil => Ok(None),
            answers => Ok(Some(of.into_iter().zip(array("EXEC", answers)?).collect())),
        }
    }
}

/// The commands that tell whether what was read stands still.
fn reads(key: &Key, edit: &Edit, expiring: bool) -> Vec<Cmd> {
    let command = |name: &str| {
        let mut command = redis::cmd(name);
        command.arg(key.as_bytes());
        command
    };
    match edit {
        Edit::String { .. } => vec![command("GET")],
        Edit::Json { .. } => {
            let mut get = command("JSON.GET");
            get.arg(".");
            vec![get]
        }
        Edit::Hash(changes) => {
            let (mut get, mut until) = (command("HMGET"), command("HPEXPIRETIME"));
            until.arg("FIELDS").arg(changes.len());
            for change in changes {
                get.arg(change.name.as_slice());
                until.arg(change.name.as_slice());
            }
            // A hash that is gone has no fields either, and is not made again.
            let mut all = vec![command("HLEN"), get];
            all.extend(expiring.then_some(until));
            all
        }
        Edit::Whole(_) => unreachable!("whole keys have transactions of their own"),
    }
}

/// Whether what was read stands still, from the replies to [`reads`], which are taken.
fn stands(
    edit: &Edit,
    replies: &mut impl Iterator<Item = Reply>,
    expiring: bool,
) -> Result<bool, StoreError> {
    let mut next = || match replies.next().expect("a pipeline answers each of its commands") {
        // Of another type by now.
        Err(error) if error.is_wrong_type() => Ok(Value::Nil),
        reply => reply,
    };
    match edit {
        Edit::String { before, .. } => Ok(bytes("GET", next()?)?.as_ref() == Some(before)),
        Edit::Json { before, .. } => Ok(bytes("JSON.GET", next()?)?.as_ref() == Some(before)),
        Edit::Hash(changes) => {
            let (length, values) = (next()?, next()?);
            let expiries = if expiring { next()? } else { Value::Nil };
            if !matches!(length, Value::Int(1..)) || values == Value::Nil {
                return Ok(false);
            }
            let values = array("HMGET", values)?;
            let expiries = if expiring { array("HPEXPIRETIME", expiries)? } else { Vec::new() };
            for (at, (change, value)) in changes.iter().zip(values).enumerate() {
                let value = bytes("HMGET", value)?;
                let until = expiries.get(at).filter(|_| value.is_some());
                let same_expiry = until
                    .is_none_or(|it| *it == Value::Int(change.before_expires.to_pexpiretime()));
                if value != change.before || !same_expiry {
                    return Ok(false);
                }
            }
            Ok(true)
        }
        Edit::Whole(_) => unreachable!("whole keys have transactions of their own"),
    }
}

/// The commands that write.
fn writes(key: &Key, edit: &Edit, expiring: bool) -> Vec<Cmd> {
    let command = |name: &str| {
        let mut command = redis::cmd(name);
        command.arg(key.as_bytes());
        command
    };
    match edit {
        Edit::String { after, .. } => {
            let mut set = command("SET");
            set.arg(after.as_slice()).arg("XX").arg("KEEPTTL");
            vec![set]
        }
        Edit::Json { after, .. } => {
            let mut set = command("JSON.SET");
            set.arg(".").arg(settable(after).as_ref());
            vec![set]
        }
        Edit::Hash(changes) => {
            let (mut set, mut gone, mut until) = (command("HSET"), command("HDEL"), Vec::new());
            let (mut sets, mut removes) = (false, false);
            for FieldChange { name, before, before_expires, after, after_expires } in changes {
                let other_expiry = expiring && before_expires != after_expires;
                match after {
                    None if before.is_some() => {
                        removes = true;
                        gone.arg(name.as_slice());
                    }
                    Some(value) if after != before || other_expiry => {
                        sets = true;
                        set.arg(name.as_slice()).arg(value.as_slice());
                        let at_ms = after_expires.to_pexpiretime();
                        if expiring && at_ms >= 0 {
                            let mut expire = command("HPEXPIREAT");
                            expire.arg(at_ms).arg("FIELDS").arg(1).arg(name.as_slice());
                            until.push(expire);
                        }
                    }
                    _ => {}
                }
            }
            // What is set first keeps the hash there while its other fields go.
            let mut all: Vec<Cmd> = sets.then_some(set).into_iter().collect();
            all.extend(until);
            all.extend(removes.then_some(gone));
            all
        }
        Edit::Whole(_) => unreachable!("whole keys have transactions of their own"),
    }
}

impl StoreError {
    /// Whether the user may run no script, or load none.
    pub(super) fn forbids_scripts(&self) -> bool {
        matches!(self, Self::Refused { fault: Fault::NoPermission, detail, .. }
            if detail.contains("'evalsha'") || detail.contains("'script"))
    }
}
