//! The log for machines, of whatever verb is at work.

use std::path::PathBuf;

use serde_json::json;

use super::{Session, SessionError};
use crate::engine::{Control, EventLog, Report};
use crate::journal::Lines;
use crate::model::RunId;
use crate::planner::Plan;

/// Where the log is, and how much of it is kept.
#[derive(Clone, Debug)]
pub struct LogPlace {
    /// The newest file; older ones have `.1`, `.2` and so on behind the name.
    pub path: PathBuf,
    /// A file does not grow beyond this.
    pub bytes_max: u64,
    /// How many older files stay.
    pub keep: usize,
}

/// What a file may grow to, unless the configuration says otherwise.
pub(super) const BYTES_MAX_DEFAULT: u64 = 10 << 20;
/// How many older files stay, unless the configuration says otherwise.
pub(super) const KEEP_DEFAULT: usize = 5;

impl Session {
    /// Does a verb and logs it, where a log is wanted. `run` is none for a dry run, which has no name.
    pub(super) fn logged(
        &self,
        (verb, run, plan): (&str, Option<&RunId>, &Plan),
        control: &Control,
        work: impl FnOnce() -> Result<Report, SessionError>,
    ) -> Result<Report, SessionError> {
        if let Some(LogPlace { path, bytes_max, keep }) = &self.log {
            let lines = Lines::open(path, *bytes_max, *keep)?;
            control.log_to(EventLog::of(lines, verb, run, &plan.subject));
        }
        control.log("info", "began", || {
            json!({
                "server": self.address.to_string(), "plan": plan.id(), "target": plan.target,
                "dry_run": run.is_none(), "version": env!("CARGO_PKG_VERSION"),
            })
        });
        let ended = work();
        match &ended {
            Ok(report) => control.log_by(|log| log.ended(report)),
            Err(error) => {
                control.log("error", "failed", || json!({"error": error.to_string()}));
            }
        }
        ended
    }
}
