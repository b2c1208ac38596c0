//! What can keep a session, or one of its verbs, from going on.

use super::{Holder, JournalError, StoreError};
use crate::catalog::Mistakes;
use crate::engine::EngineError;
use crate::planner::PlanError;

/// Why a session, or one of its verbs, cannot go on.
#[derive(Debug, thiserror::Error)]
pub enum SessionError {
    /// The server.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The definitions.
    #[error("{0}")]
    Definitions(#[from] Mistakes),
    /// No plan can be drawn up.
    #[error(transparent)]
    Plan(#[from] PlanError),
    /// The engine.
    #[error(transparent)]
    Engine(#[from] EngineError),
    /// The run files.
    #[error(transparent)]
    Journal(#[from] JournalError),
    /// The operator asked for what does not fit together.
    #[error("{0}")]
    Usage(String),
    /// Another run holds the lock of the subject.
    #[error(
        "{} is locked: {} is at work on it ({} of {}, process {}, since {})\n  nothing was written. Wait for its end, or, should it be dead, {} s until its lock runs out; `remold runs --registry` shows who works on what",
        .0.subject, .0.by, .0.verb, .0.run, .0.process, .0.since, .0.left_ms / 1000 + 1
    )]
    Locked(Box<Holder>),
    /// The lock ran out while the verb was cut off from the server, and another run took it.
    #[error(
        "stopped with a checkpoint: the lock of {} ran out while the server could not be reached, and {} took it ({} of {}, since {})\n  `remold resume` goes on once that has ended",
        .0.subject, .0.by, .0.verb, .0.run, .0.since
    )]
    LockLost(Box<Holder>),
    /// The server does not let the lock be written.
    #[error(
        "the lock of {subject} cannot be taken: {error}\n  nothing was written. Let this user write the keys {prefix}:* (in an ACL: ~{prefix}:*), or go on with --no-lock: then nothing keeps another run from the same keys, and the registry does not hear of this one"
    )]
    LockRefused {
        /// The subject.
        subject: String,
        /// What the registry's keys begin with.
        prefix: String,
        /// What the server said.
        error: Box<StoreError>,
    },
    /// A verb that writes, in a session that may not.
    #[error("this session is read-only: {0} would write. Leave out --read-only to allow it")]
    ReadOnly(&'static str),
}
