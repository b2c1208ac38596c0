//! Why a verb of the engine ended before its end.

use crate::catalog::Mistakes;
use crate::journal::JournalError;
use crate::store::StoreError;

/// An operating failure that ended a verb. What was written until then is in the journal.
#[derive(Debug, thiserror::Error)]
pub enum EngineError {
    /// The server.
    #[error("{0}")]
    Store(#[from] StoreError),
    /// The disk.
    #[error("{0}")]
    Journal(#[from] JournalError),
    /// The definitions in the plan.
    #[error("the plan's definitions cannot be used:\n{0}")]
    Definitions(#[from] Mistakes),
    /// A journal whose plan does not read.
    #[error("{0}")]
    Plan(String),
    /// The run is not in a state for this verb.
    #[error("{0}")]
    State(String),
    /// A service that the plan's steps ask answers nobody.
    #[error(
        "{0}\n  documents that asked it have no outcome yet; what was answered stands in the journal, \
         and `remold resume` goes on from there without asking for it again"
    )]
    Service(String),
    /// A bug: a thread of the pipeline panicked.
    #[error(
        "a thread of the run panicked: this is a bug. What was written stands in the journal; `remold resume` goes on"
    )]
    Panicked,
}
