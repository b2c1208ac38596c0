//! Whether the disk of the state directory has room for the journal of a run.

use std::fmt;

use super::{Session, SessionError};
use crate::journal::{FREE_BYTES_MIN, compressed_length};
use crate::model::Content;
use crate::planner::Plan;

/// Documents that are compressed to see how well that goes.
const SQUEEZED_SAMPLES: u64 = 500;

/// What a journal will take and what there is, in bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Room {
    /// Free on the disk.
    pub free: u64,
    /// The before-images, not compressed, as estimated from samples.
    pub journal: u64,
    /// The same, compressed as well as the samples are.
    pub squeezed: u64,
}

impl Room {
    /// Whether it may not suffice.
    pub fn is_tight(self) -> bool {
        self.free < self.journal.saturating_add(FREE_BYTES_MIN)
    }

    /// Whether it does not suffice, even if the rest of the documents takes half of what the samples do.
    pub fn is_too_little(self) -> bool {
        self.free < (self.squeezed / 2).saturating_add(FREE_BYTES_MIN)
    }
}

impl fmt::Display for Room {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { free, journal, squeezed } = self;
        write!(
            f,
            "{} MiB are free for the journal, which takes about {} MiB ({} MiB before it is compressed), \
             and {} MiB stay free",
            free >> 20,
            squeezed.div_ceil(1 << 20),
            journal.div_ceil(1 << 20),
            FREE_BYTES_MIN >> 20
        )
    }
}

impl Session {
    /// Estimates from samples what the journal of a run will take, and looks what is free.
    pub fn room_for(&self, plan: &Plan) -> Result<Room, SessionError> {
        let free = self.runs_folder().free_bytes()?;
        let Some(estimate) = self.estimate(plan, None)? else {
            return Ok(Room { free, journal: 0, squeezed: 0 });
        };
        let keys = estimate.keys.max(1);
        let most = plan.selection.limit.unwrap_or(keys).min(keys);
        let journal = scaled(estimate.journal_bytes, most, keys);
        let samples = self.sampled(&plan.selection.pattern, SQUEEZED_SAMPLES)?;
        let mut bytes = Vec::new();
        for sample in &samples {
            bytes.extend_from_slice(sample.key.as_bytes());
            match &sample.content {
                Content::String(text) | Content::Json(text) => bytes.extend_from_slice(text),
                Content::Hash(fields) => {
                    let fields = fields.iter().flat_map(|field| [&field.name, &field.value]);
                    fields.for_each(|part| bytes.extend_from_slice(part));
                }
            }
        }
        let length = (bytes.len() as u64).max(1);
        let squeezed = scaled(journal, compressed_length(&bytes) as u64, length);
        Ok(Room { free, journal, squeezed: squeezed.min(journal) })
    }
}

fn scaled(figure: u64, part: u64, whole: u64) -> u64 {
    let scaled = u128::from(figure) * u128::from(part) / u128::from(whole);
    u64::try_from(scaled).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn room_is_judged_by_the_size_before_and_after_compression() {
        let room = |more| Room { free: FREE_BYTES_MIN + more, journal: 1_600, squeezed: 200 };
        let judged = |room: Room| (room.is_tight(), room.is_too_little());
        assert_eq!(judged(room(1_600)), (false, false));
        assert_eq!(judged(room(1_599)), (true, false));
        assert_eq!(judged(room(100)), (true, false));
        assert_eq!(judged(room(99)), (true, true));
    }
}
