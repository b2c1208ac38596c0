//! The log for machines: one JSON object a line, of what a verb does and when.
//!
//! Every line has `at` (RFC 3339 in UTC), `level` (info, warn, error), `event`, `verb`, `run` (null in
//! a dry run), `subject` and `pid`. Beside them, by event:
//!
//! | event | fields |
//! |---|---|
//! | `began` | `server`, `plan`, `target`, `dry_run`, `version` of the program |
//! | `phase` | `phase`, `tally` |
//! | `batch` | `batch` (the frame of the run's journal with its before-images), `keys`, `written`, `again`, `ms` |
//! | `outcomes` | `batch` (the frame with the outcomes), and how many keys came to which without a write |
//! | `held` | `reason`; null when it goes on |
//! | `notice` | `text` |
//! | `trouble` | `outcome`, `step`, `field`, `keys`: at the end, for each group; reasons are in the report |
//! | `ended` | `phase`, `tally`, `rollback`, `verification`, `seconds`, `because` |
//! | `failed` | `error` |
//!
//! No line has a password, a value, or a part of a document; the reasons of troubles may quote one.

use std::sync::{Mutex, PoisonError};

use serde_json::{Map, Value as Json, json};

use super::report::{Report, now};
use crate::journal::{JournalError, Lines};
use crate::model::RunId;

/// The log of one verb.
#[derive(Debug)]
pub struct EventLog {
    lines: Mutex<Lines>,
    /// Who speaks.
    common: Map<String, Json>,
}

impl EventLog {
    /// A log in `lines` of `verb` on `run`.
    pub fn of(lines: Lines, verb: &str, run: Option<&RunId>, subject: &str) -> Self {
        let common =
            json!({"verb": verb, "run": run, "subject": subject, "pid": std::process::id()});
        let Json::Object(common) = common else { unreachable!("made just above") };
        Self { lines: Mutex::new(lines), common }
    }

    /// Writes one line.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn write(&self, level: &str, event: &str, fields: Json) -> Result<(), JournalError> {
        let mut line = Map::new();
        line.insert("at".into(), now().into());
        line.insert("level".into(), level.into());
        line.insert("event".into(), event.into());
        line.extend(self.common.clone());
        if let Json::Object(fields) = fields {
            line.extend(fields);
        }
        let line = Json::Object(line).to_string();
        self.lines.lock().unwrap_or_else(PoisonError::into_inner).append(&line)
    }

    /// Writes what a verb came to.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn ended(&self, report: &Report) -> Result<(), JournalError> {
        for group in &report.errors {
            let fields = json!({
                "outcome": group.outcome, "step": group.step, "field": group.field,
                "keys": group.count,
            });
            self.write("warn", "trouble", fields)?;
        }
        let level = if report.needs_eyes() { "warn" } else { "info" };
        let fields = json!({
            "phase": report.phase, "tally": report.tally, "rollback": report.rollback,
            "verification": report.verification, "seconds": report.seconds,
            "because": report.stopped_because,
        });
        self.write(level, "ended", fields)
    }
}
