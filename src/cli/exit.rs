//! Exit codes, and which error has which.

use std::fmt;
use std::process::ExitCode;

use crate::engine::EngineError;
use crate::planner::PlanError;
use crate::session::{JournalError, SessionError, StoreError};

/// How the process ends. The codes are documented in `--help` and do not change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exit {
    /// All as wanted.
    Fine,
    /// Finished, and something needs eyes.
    NeedsEyes,
    /// Wrong use.
    WrongUse,
    /// The server cannot be reached, or does not allow it.
    NoServer,
    /// Definitions refused.
    Definitions,
    /// Stopped before the end; resume is possible.
    Stopped,
    /// A bug.
    Bug,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(match exit {
            Exit::Fine => 0,
            Exit::NeedsEyes => 1,
            Exit::WrongUse => 2,
            Exit::NoServer => 3,
            Exit::Definitions => 4,
            Exit::Stopped => 5,
            Exit::Bug => 70,
        })
    }
}

/// A verb that did not come to its end: what to say and how to exit.
#[derive(Debug)]
pub struct Failure {
    /// What to say.
    pub message: String,
    /// How to exit.
    pub exit: Exit,
}

impl Failure {
    /// Wrong use.
    pub fn usage(message: impl Into<String>) -> Self {
        Self { message: message.into(), exit: Exit::WrongUse }
    }

    /// Another failure.
    pub fn new(exit: Exit, message: impl fmt::Display) -> Self {
        Self { message: message.to_string(), exit }
    }
}

impl From<SessionError> for Failure {
    fn from(error: SessionError) -> Self {
        let exit = match &error {
            SessionError::Store(error) => of_store(error),
            SessionError::Definitions(_) => Exit::Definitions,
            SessionError::Plan(error) => of_plan(error),
            SessionError::Engine(error) => of_engine(error),
            SessionError::Journal(_) | SessionError::Usage(_) => Exit::WrongUse,
            SessionError::LockLost(_) => Exit::Stopped,
            SessionError::ReadOnly(_)
            | SessionError::Locked(_)
            | SessionError::LockRefused { .. } => Exit::NoServer,
        };
        Self::new(exit, error)
    }
}

fn of_store(error: &StoreError) -> Exit {
    match error {
        StoreError::Url { .. } | StoreError::Prefix { .. } => Exit::WrongUse,
        _ => Exit::NoServer,
    }
}

fn of_plan(error: &PlanError) -> Exit {
    match error {
        PlanError::UnknownSubject { .. } => Exit::WrongUse,
        PlanError::Route(route) if route.is_wrong_use() => Exit::WrongUse,
        _ => Exit::Definitions,
    }
}

fn of_engine(error: &EngineError) -> Exit {
    match error {
        // The engine connects before it begins, so a server that is lost is lost midway.
        EngineError::Store(
            StoreError::Lost { .. } | StoreError::Refused { .. } | StoreError::Unsettled { .. },
        )
        | EngineError::Journal(JournalError::Io { .. })
        | EngineError::Service(_)
        | EngineError::DataLost { .. } => Exit::Stopped,
        EngineError::Store(error) => of_store(error),
        EngineError::Definitions(_) | EngineError::Plan(_) => Exit::Definitions,
        EngineError::State(_) | EngineError::Journal(_) => Exit::WrongUse,
        EngineError::Panicked => Exit::Bug,
    }
}
