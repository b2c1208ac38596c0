//! Changes of a key as a whole: its storage, its name, its expiry; each one script call, or where the
//! user may run no scripts, a transaction (`whole_watched.rs`).

use redis::{Cmd, Pipeline};

use super::error::{Fault, StoreError};
use super::link::{Link, bytes};
use super::wire::Reply;
use super::write::{Written, settable};
use crate::model::slot::slot_of;
use crate::model::{Content, Edit, Kept, Key, Whole};

const SCRIPT: &str = include_str!("whole.lua");

impl Link {
    /// Carries out changes of whole keys, each only where what was read still stands. Answers in the
    /// same order. One whose two keys lie on different slots of a cluster is made in steps.
    pub(super) fn change_wholes(
        &mut self,
        edits: &[(&Key, &Edit)],
    ) -> Result<Vec<Written>, StoreError> {
        let is_cluster = self.is_cluster();
        let (mut near, mut far) = (Vec::new(), Vec::new());
        for (at, (key, edit)) in edits.iter().enumerate() {
            let Edit::Whole(whole) = edit else {
                unreachable!("only changes of whole keys come here")
            };
            let there = whole.there.as_ref().filter(|_| is_cluster);
            let is_far = there
                .is_some_and(|(other, _)| slot_of(other.as_bytes()) != slot_of(key.as_bytes()));
            if is_far { &mut far } else { &mut near }.push((at, (*key, &**whole)));
        }
        let mut written = vec![Written::Differs; edits.len()];
        for (these, are_far) in [(near, false), (far, true)] {
            let changes: Vec<(&Key, &Whole)> = these.iter().map(|(_, change)| *change).collect();
            let answers =
                if are_far { self.move_far(&changes)? } else { self.call_wholes(&changes)? };
            for ((at, _), answer) in these.into_iter().zip(answers) {
                written[at] = answer;
            }
        }
        Ok(written)
    }

    /// Calls the script once for each change.
    pub(super) fn call_wholes(
        &mut self,
        changes: &[(&Key, &Whole)],
    ) -> Result<Vec<Written>, StoreError> {
        let Some((any, _)) = changes.first() else { return Ok(Vec::new()) };
        let field_expiry = self.has_field_expiry(any)?;
        if self.without_scripts {
            return self.change_watched(changes, field_expiry);
        }
        let replies = match self.call_script(changes, field_expiry) {
            // The script may be called, and not be given to the server.
            Err(error) if error.forbids_scripts() => {
                self.without_scripts = true;
                return self.change_watched(changes, field_expiry);
            }
            replies => replies?,
        };
        let is_forbidden = |reply: &Reply| reply.as_ref().is_err_and(StoreError::forbids_scripts);
        let forbidden: Vec<usize> =
            (0..changes.len()).filter(|at| is_forbidden(&replies[*at])).collect();
        let mut watched = Vec::new();
        if !forbidden.is_empty() {
            self.without_scripts = true;
            let these: Vec<(&Key, &Whole)> = forbidden.iter().map(|at| changes[*at]).collect();
            watched = self.change_watched(&these, field_expiry)?;
        }
        let mut watched = forbidden.into_iter().zip(watched).peekable();
        let answer = |(at, reply): (usize, Reply)| {
            if let Some((_, written)) = watched.next_if(|(forbidden, _)| *forbidden == at) {
                return Ok(written);
            }
            match bytes("EVALSHA", reply?)?.as_deref() {
                Some(b"1") => Ok(Written::Replaced),
                _ => Ok(Written::Differs),
            }
        };
        replies.into_iter().enumerate().map(answer).collect()
    }

    fn call_script(
        &mut self,
        changes: &[(&Key, &Whole)],
        field_expiry: bool,
    ) -> Result<Vec<Reply>, StoreError> {
        let digest = self.digest(SCRIPT);
        let pipeline = |changes: &mut dyn Iterator<Item = &(&Key, &Whole)>| {
            let mut pipeline = Pipeline::new();
            for (key, whole) in changes {
                pipeline.add_command(script_call(&digest, key, whole, field_expiry));
            }
            pipeline
        };
        let mut replies = self.pipeline("EVALSHA", &pipeline(&mut changes.iter()))?;
        let is_unknown = |reply: &Reply| {
            matches!(reply, Err(StoreError::Refused { fault: Fault::NoScript, .. }))
        };
        // The cache was flushed, or this is another server by now. Nothing was written there yet.
        let unknown: Vec<usize> =
            (0..changes.len()).filter(|at| is_unknown(&replies[*at])).collect();
        if !unknown.is_empty() {
            self.load(SCRIPT)?;
            let again = pipeline(&mut unknown.iter().map(|at| &changes[*at]));
            for (at, reply) in unknown.into_iter().zip(self.pipeline("EVALSHA", &again)?) {
                replies[at] = reply;
            }
        }
        Ok(replies)
    }
}

fn script_call(digest: &str, key: &Key, whole: &Whole, field_expiry: bool) -> Cmd {
    let turns = || std::iter::once(&whole.here).chain(whole.there.as_ref().map(|(_, turn)| turn));
    let holder = if whole.here.before.is_some() { 1 } else { 2 };
    let value = turns().find_map(|turn| turn.before.as_ref()).map(|kept| &kept.content);
    let mut command = Cmd::new();
    command.arg("EVALSHA").arg(digest).arg(turns().count()).arg(key.as_bytes());
    if let Some((key, _)) = &whole.there {
        command.arg(key.as_bytes());
    }
    command.arg(i32::from(field_expiry)).arg(holder);
    for turn in turns() {
        push(&mut command, turn.before.as_ref(), None, false);
        push(&mut command, turn.after.as_ref(), value, true);
    }
    command
}

/// Appends a value as the script takes it; one that is `known` is only named.
fn push(command: &mut Cmd, kept: Option<&Kept>, known: Option<&Content>, writes: bool) {
    let Some(Kept { content, expiry }) = kept else {
        command.arg("-");
        return;
    };
    let kind = match content {
        content if Some(content) == known => "=",
        Content::String(_) => "s",
        Content::Json(_) => "j",
        Content::Hash(_) => "h",
    };
    command.arg(kind);
    match expiry {
        None => command.arg("t"),
        Some(expiry) => command.arg(expiry.to_pexpiretime()),
    };
    match content {
        _ if kind == "=" => {}
        // What is to be set, not what is compared.
        Content::Json(text) if writes => {
            command.arg(settable(text).as_ref());
        }
        Content::String(text) | Content::Json(text) => {
            command.arg(text.as_slice());
        }
        Content::Hash(fields) => {
            command.arg(fields.len());
            for field in fields {
                command.arg(field.name.as_slice()).arg(field.value.as_slice());
                command.arg(field.expires.to_pexpiretime());
            }
        }
    }
}
