//! Where a run stands.

use std::fmt;

use serde::{Deserialize, Serialize};

/// The phase of a run or of a rollback.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Phase {
    /// Connecting, opening the journal, counting.
    Preparing,
    /// Keys are scanned, transformed and written.
    Running,
    /// Every key was scanned, and documents that old writers still produce are migrated as they come.
    Following,
    /// An operator or a throttle holds the run; it goes on when told.
    Paused,
    /// The keys are read again and compared with what was meant to be written.
    Verifying,
    /// Every key has its outcome and verification agrees.
    Done,
    /// Ended before the end, with a checkpoint: resume is possible.
    Stopped,
    /// Cannot go on: an operating failure, or verification found a difference.
    Failed,
}

impl Phase {
    /// The name in JSON and on screens.
    pub fn name(self) -> &'static str {
        match self {
            Self::Preparing => "preparing",
            Self::Running => "running",
            Self::Following => "following",
            Self::Paused => "paused",
            Self::Verifying => "verifying",
            Self::Done => "done",
            Self::Stopped => "stopped",
            Self::Failed => "failed",
        }
    }

    /// Whether nothing more happens in this phase.
    pub fn is_final(self) -> bool {
        matches!(self, Self::Done | Self::Stopped | Self::Failed)
    }
}

impl fmt::Display for Phase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}
