//! Why a verb of the engine ended before its end.

use crate::catalog::Mistakes;
use crate::journal::JournalError;
use crate::model::RunId;
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
    /// The server has come back without what the run has written there.
    #[error(
        "{server} was started anew, or another server took its place, and it came back without the \
         data: of the last {looked_at} keys that the run wrote there, {gone} are gone\n  the run has \
         stopped: no key was counted as missing for this reason, and what stood before in every key \
         that it wrote is in its journal\n  bring the data back (a snapshot, an append-only file, a \
         replica that has it) and `remold resume {run}` goes on; if it does not come back, `remold \
         rollback {run} --changed overwrite --execute` makes the keys anew as they stood before the \
         run (not the hashes, of which it keeps only the fields it changed), and a new run takes up \
         whatever is there"
    )]
    DataLost {
        /// The server, or the cluster.
        server: String,
        /// The run.
        run: RunId,
        /// Keys that were looked at.
        looked_at: usize,
        /// Those of them that are gone.
        gone: usize,
    },
    /// A bug: a thread of the pipeline panicked.
    #[error(
        "a thread of the run panicked: this is a bug. What was written stands in the journal; `remold resume` goes on"
    )]
    Panicked,
}
