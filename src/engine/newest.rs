//! The newest before-image of each key that has several.
//!
//! Without following, a key has one image that was written. A run that follows makes another one for
//! each document that an old writer has put over ours; what the older image speaks of stands there no
//! more. So of a key only the newest image is verified, and put back.

use std::collections::HashMap;

use super::error::EngineError;
use crate::journal::Journal;
use crate::model::Key;

/// The newest frame with an image of each key that came while the run followed.
#[derive(Debug, Default)]
pub(super) struct Newest(HashMap<Key, u64>);

impl Newest {
    /// Reads the frames since the run began to follow.
    pub fn of(journal: &mut Journal) -> Result<Self, EngineError> {
        let mut newest = HashMap::new();
        let Some(first) = journal.followed_from() else { return Ok(Self(newest)) };
        for frame in first..=journal.frames() {
            for entry in journal.images(frame)?.unwrap_or_default() {
                newest.insert(entry.key, frame);
            }
        }
        Ok(Self(newest))
    }

    /// Whether a later frame has an image of the key.
    pub fn supersedes(&self, key: &Key, frame: u64) -> bool {
        self.0.get(key).is_some_and(|newest| *newest > frame)
    }
}
