//! What was sent to the server lately: which commands, how many, how long they took and how they were
//! refused. No key, no argument, no value and no word of an answer is kept, so nothing secret can be shown.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use super::error::StoreError;

/// Lines that are kept.
const LINES_MAX: usize = 500;
/// Calls of one command within this time share a line.
const SHARED_MS: i64 = 250;
/// How far back a line to share is looked for.
const LOOK_BACK_LINES: usize = 12;

/// Calls of one command at about one time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sent {
    /// When the first of them was answered: Unix milliseconds.
    pub at_ms: i64,
    /// The command's name.
    pub command: String,
    /// How often it was sent and waited for.
    pub calls: u64,
    /// How many commands went in those calls: a pipeline is one call of several.
    pub commands: u64,
    /// How long all calls took, the way included.
    pub took: Duration,
    /// How long the longest of them took.
    pub longest: Duration,
    /// The kind of the error, where one came: `NOPERM`, `lost`.
    pub error: Option<String>,
}

/// The newest lines, oldest first. Clones share them.
#[derive(Clone, Debug, Default)]
pub struct Traffic(Arc<Mutex<VecDeque<Sent>>>);

impl Traffic {
    /// The newest lines, newest first.
    pub fn newest(&self) -> Vec<Sent> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).iter().rev().cloned().collect()
    }

    /// Notes a call with so many commands in it.
    pub(super) fn note(
        &self,
        command: &str,
        commands: usize,
        took: Duration,
        error: Option<&StoreError>,
    ) {
        self.note_at(jiff::Timestamp::now().as_millisecond(), command, commands, took, error);
    }

    fn note_at(
        &self,
        at_ms: i64,
        command: &str,
        commands: usize,
        took: Duration,
        error: Option<&StoreError>,
    ) {
        let mut lines = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let commands = commands as u64;
        let error = error.map(StoreError::kind);
        let newest = lines.iter_mut().rev().take(LOOK_BACK_LINES);
        let shared = newest
            .filter(|line| at_ms - line.at_ms < SHARED_MS)
            .find(|line| line.command == command && line.error == error);
        if let Some(line) = shared {
            line.calls += 1;
            line.commands += commands;
            line.took += took;
            line.longest = line.longest.max(took);
            return;
        }
        if lines.len() == LINES_MAX {
            lines.pop_front();
        }
        let command = command.to_owned();
        lines.push_back(Sent { at_ms, command, calls: 1, commands, took, longest: took, error });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::Fault;

    #[test]
    fn calls_at_about_one_time_share_a_line_and_lines_are_bounded() {
        let traffic = Traffic::default();
        let ms = Duration::from_millis;
        traffic.note_at(0, "MGET", 100, ms(2), None);
        traffic.note_at(10, "EVALSHA", 1, ms(5), None);
        traffic.note_at(20, "MGET", 50, ms(6), None);
        let newest = traffic.newest();
        let names: Vec<&str> = newest.iter().map(|line| line.command.as_str()).collect();
        assert_eq!(names, ["EVALSHA", "MGET"]);
        let line = &newest[1];
        assert_eq!((line.calls, line.commands, line.took), (2, 150, ms(8)));
        assert_eq!(line.longest, ms(6));
        for at in 0..2_000 {
            traffic.note_at(at * SHARED_MS, "SCAN", 1, ms(1), None);
        }
        assert_eq!(traffic.newest().len(), LINES_MAX);
    }

    #[test]
    fn an_error_is_told_by_its_kind_and_never_by_its_words() {
        let traffic = Traffic::default();
        let refused = StoreError::Refused {
            command: "SET".into(),
            fault: Fault::Other("ERR".into()),
            detail: "unknown command, with args beginning with: 's3cret'".into(),
        };
        traffic.note_at(0, "SET", 1, Duration::ZERO, Some(&refused));
        traffic.note_at(1, "SET", 1, Duration::ZERO, None);
        let newest = traffic.newest();
        assert_eq!(newest.len(), 2, "what was refused stands alone");
        assert_eq!(newest[1].error.as_deref(), Some("ERR"));
        assert!(!format!("{newest:?}").contains("s3cret"));
    }
}
