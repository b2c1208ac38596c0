//! Compare-and-set: a write replaces only what was read.
//!
//! Where the server has `SET` with `IFEQ` (Valkey 8.1, Redis 8.4), strings are set by a pipeline of
//! those, which cost it half of what a script does. Else a batch is one script call; in a cluster,
//! one for each slot. The script compares opaque bytes and sets opaque bytes; it never re-encodes a
//! document, because Lua's cjson changes numbers, order and escapes. No key expires while a script
//! runs, so what it compared is what it replaces, and `KEEPTTL` keeps the expiry.
//!
//! Where the user may run no scripts, transactions do the same (`transaction.rs`). For all others they
//! are no way, though `WATCH` costs a server less than a script that compares: a server keeps what is
//! watched in a table of its own under the same hashes as the keys, and keys that one scan finds one after
//! the other share their hashes' low bits, so they all lie in a few chains of it. Measured over a million
//! keys of Redis 7.0, a run that watched from reading to writing took 1.5 times as long.

use std::borrow::Cow;
use std::mem::discriminant;

use redis::{Cmd, Pipeline, Value};

use super::error::{Fault, StoreError};
use super::link::{Group, Link, bytes, unexpected};
use crate::model::{Edit, FieldChange, Key, redis_json};

/// What became of one compare-and-set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Written {
    /// What was read stood there still, and was replaced.
    Replaced,
    /// Something else stands there; nothing was written.
    Differs,
}

const STRINGS: &str = include_str!("strings.lua");
const HASHES: &str = include_str!("hashes.lua");
/// The same for hashes whose fields may expire.
const EXPIRING_HASHES: &str = include_str!("expiring_hashes.lua");
const JSON: &str = include_str!("json.lua");

impl Link {
    /// Replaces the values of keys, each only where what was read still stands. Answers in the same
    /// order.
    ///
    /// # Errors
    /// After an error it is not known which of the keys were written: read them back.
    pub fn compare_and_set(&mut self, edits: &[(&Key, &Edit)]) -> Result<Vec<Written>, StoreError> {
        let Some((_, first)) = edits.first() else { return Ok(Vec::new()) };
        let kind = discriminant(*first);
        if edits.iter().all(|(_, edit)| discriminant(*edit) == kind) {
            return self.set_alike(edits);
        }
        // One script call for each kind of edit.
        let mut written = vec![Written::Differs; edits.len()];
        let mut left: Vec<usize> = (0..edits.len()).collect();
        while let Some(first) = left.first() {
            let kind = discriminant(edits[*first].1);
            let (these, others): (Vec<usize>, Vec<usize>) =
                left.iter().partition(|at| discriminant(edits[**at].1) == kind);
            let alike: Vec<(&Key, &Edit)> = these.iter().map(|at| edits[*at]).collect();
            for (at, answer) in these.into_iter().zip(self.set_alike(&alike)?) {
                written[at] = answer;
            }
            left = others;
        }
        Ok(written)
    }

    /// Carries out edits of one kind.
    fn set_alike(&mut self, edits: &[(&Key, &Edit)]) -> Result<Vec<Written>, StoreError> {
        let (key, first) = edits[0];
        let script = match first {
            Edit::String { .. } => return self.set_strings(edits),
            Edit::Hash(_) if self.has_field_expiry(key)? => EXPIRING_HASHES,
            Edit::Hash(_) => HASHES,
            Edit::Json { .. } => JSON,
            Edit::Whole(_) => return self.change_wholes(edits),
        };
        self.set_by_script(script, edits)
    }

    /// Sets strings with the server's own compare-and-set, or else by script.
    fn set_strings(&mut self, edits: &[(&Key, &Edit)]) -> Result<Vec<Written>, StoreError> {
        let mut written = Vec::with_capacity(edits.len());
        if self.native_set.is_none() {
            // The first tells whether the server knows how.
            written.extend(self.set_natively(&edits[..1])?);
            self.native_set = Some(written[0].is_some());
        }
        if self.native_set == Some(true) {
            written.extend(self.set_natively(&edits[written.len()..])?);
        }
        written.resize(edits.len(), None);
        // In a cluster some nodes may be older than others.
        let left: Vec<usize> = (0..edits.len()).filter(|at| written[*at].is_none()).collect();
        let old: Vec<(&Key, &Edit)> = left.iter().map(|at| edits[*at]).collect();
        if !old.is_empty() {
            for (at, answer) in left.into_iter().zip(self.set_by_script(STRINGS, &old)?) {
                written[at] = Some(answer);
            }
        }
        Ok(written.into_iter().flatten().collect())
    }

    /// Sets strings by `SET` with `IFEQ`; `None` for one whose server does not know that.
    fn set_natively(
        &mut self,
        edits: &[(&Key, &Edit)],
    ) -> Result<Vec<Option<Written>>, StoreError> {
        const NAME: &str = "SET";
        let mut pipeline = Pipeline::with_capacity(edits.len());
        for (key, edit) in edits {
            let Edit::String { before, after } = edit else { unreachable!("all are strings") };
            pipeline.cmd(NAME).arg(key.as_bytes()).arg(after.as_slice());
            pipeline.arg("IFEQ").arg(before.as_slice()).arg("KEEPTTL");
        }
        let read = |reply| match reply {
            Ok(Value::Okay) => Ok(Some(Written::Replaced)),
            Ok(Value::Nil) | Err(StoreError::Refused { fault: Fault::WrongType, .. }) => {
                Ok(Some(Written::Differs))
            }
            Ok(other) => Err(unexpected(NAME, &other)),
            Err(error) if error.is_syntax_error() => Ok(None),
            Err(error) => Err(error),
        };
        self.pipeline(NAME, &pipeline)?.into_iter().map(read).collect()
    }

    fn set_by_script(
        &mut self,
        script: &'static str,
        edits: &[(&Key, &Edit)],
    ) -> Result<Vec<Written>, StoreError> {
        let expiring = script == EXPIRING_HASHES;
        if self.without_scripts {
            return self.set_watched(edits, expiring);
        }
        let groups = match self.run_script(script, edits) {
            // The script may be called, and not be given to the server.
            Err(error) if error.forbids_scripts() => {
                self.without_scripts = true;
                return self.set_watched(edits, expiring);
            }
            groups => groups?,
        };
        let mut written = vec![Written::Differs; edits.len()];
        for (group, reply) in groups {
            let name = "EVALSHA";
            if reply.as_ref().is_err_and(StoreError::forbids_scripts) {
                self.without_scripts = true;
                let these: Vec<(&Key, &Edit)> = group.iter().map(|at| edits[*at]).collect();
                for (at, answer) in group.into_iter().zip(self.set_watched(&these, expiring)?) {
                    written[at] = answer;
                }
                continue;
            }
            let marks = bytes(name, reply?)?.unwrap_or_default();
            if marks.len() != group.len() {
                return Err(unexpected(name, &Value::BulkString(marks)));
            }
            for (at, mark) in group.into_iter().zip(marks) {
                if mark == b'1' {
                    written[at] = Written::Replaced;
                }
            }
        }
        Ok(written)
    }

    /// Runs a script over all edits; in a cluster, once for each slot.
    fn run_script(
        &mut self,
        script: &'static str,
        edits: &[(&Key, &Edit)],
    ) -> Result<Vec<Group>, StoreError> {
        let digest = self.digest(script);
        let expiring = script == EXPIRING_HASHES;
        let run = |link: &mut Self, these: &[usize]| {
            let keys = these.iter().map(|at| edits[*at].0.as_bytes());
            link.in_groups("EVALSHA", keys, |group| {
                let group: Vec<_> = group.iter().map(|at| edits[these[*at]]).collect();
                script_call(&digest, &group, expiring)
            })
        };
        let all: Vec<usize> = (0..edits.len()).collect();
        let mut groups = run(self, &all)?;
        let is_unknown = |(_, reply): &mut Group| {
            matches!(reply, Err(StoreError::Refused { fault: Fault::NoScript, .. }))
        };
        // The cache was flushed, or this is another server by now. Nothing was written there yet.
        let unknown: Vec<usize> =
            groups.extract_if(.., is_unknown).flat_map(|(group, _)| group).collect();
        if !unknown.is_empty() {
            self.load(script)?;
            let again = run(self, &unknown)?.into_iter();
            groups.extend(
                again.map(|(group, reply)| {
                    (group.into_iter().map(|at| unknown[at]).collect(), reply)
                }),
            );
        }
        Ok(groups)
    }

    /// Gives a script to every node.
    pub(super) fn load(&mut self, script: &'static str) -> Result<(), StoreError> {
        let mut load = redis::cmd("SCRIPT");
        load.arg("LOAD").arg(script);
        self.each_node(&[("SCRIPT LOAD", &load)]).map(drop)
    }

    /// The digest by which a server knows a script.
    pub(super) fn digest(&mut self, script: &'static str) -> String {
        if let Some((_, digest)) = self.scripts.iter().find(|(known, _)| *known == script) {
            return digest.clone();
        }
        let digest = redis::Script::new(script).get_hash().to_owned();
        self.scripts.push((script, digest.clone()));
        digest
    }
}

fn script_call(digest: &str, edits: &[(&Key, &Edit)], expiring: bool) -> Cmd {
    let size: usize =
        edits.iter().map(|(key, edit)| key.as_bytes().len() + edit.bytes() + 48).sum();
    let mut command = Cmd::with_capacity(3 + 3 * edits.len(), size);
    command.arg("EVALSHA").arg(digest).arg(edits.len());
    for (key, _) in edits {
        command.arg(key.as_bytes());
    }
    for (_, edit) in edits {
        match edit {
            Edit::String { before, after } => {
                command.arg(before.as_slice()).arg(after.as_slice());
            }
            Edit::Json { before, after } => {
                command.arg(before.as_slice()).arg(settable(after).as_ref());
            }
            Edit::Hash(changes) if expiring => {
                command.arg(changes.len());
                for change in changes {
                    let FieldChange { name, before, before_expires, after, after_expires } = change;
                    command.arg(name.as_slice()).arg(marked(before.as_ref()));
                    command.arg(before_expires.to_pexpiretime()).arg(marked(after.as_ref()));
                    command.arg(after_expires.to_pexpiretime());
                }
            }
            Edit::Hash(changes) => {
                command.arg(shape(changes));
                for FieldChange { name, before, after, .. } in changes {
                    command.arg(name.as_slice());
                    for value in [before.as_ref(), after.as_ref().filter(|_| after != before)] {
                        command.arg(value.map(Vec::as_slice));
                    }
                }
            }
            Edit::Whole(_) => unreachable!("a whole key has a script of its own"),
        }
    }
    command
}

/// The marks of fields, as `hashes.lua` takes them.
fn shape(changes: &[FieldChange]) -> Vec<u8> {
    let mark = |value: &Option<Vec<u8>>| if value.is_some() { b'+' } else { b'-' };
    let marks = changes.iter().flat_map(|FieldChange { before, after, .. }| {
        [mark(before), if after == before { b'=' } else { mark(after) }]
    });
    marks.collect()
}

/// A field's value as the scripts for fields that expire take it: `+` and the bytes, or `-` when absent.
fn marked(value: Option<&Vec<u8>>) -> Vec<u8> {
    let mut out = Vec::with_capacity(value.map_or(0, Vec::len) + 1);
    out.push(if value.is_some() { b'+' } else { b'-' });
    out.extend_from_slice(value.map_or(&[][..], Vec::as_slice));
    out
}

/// The text to set for a RedisJSON value. One with a number that the module would round is set as it
/// is; the engine lets none come here.
pub(super) fn settable(text: &[u8]) -> Cow<'_, [u8]> {
    match std::str::from_utf8(text).map(redis_json::settable) {
        Ok(Ok(Cow::Owned(text))) => Cow::Owned(text.into_bytes()),
        _ => Cow::Borrowed(text),
    }
}
