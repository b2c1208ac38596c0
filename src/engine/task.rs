//! Keys with what is to become of them, and what the journal is to hold of them.

use super::judge::{Asked, Judged, Way};
use super::pipeline::{Expiries, Job};
use super::trouble::Trouble;
use crate::journal::{ImageEntry, Packed};
use crate::model::{BeforeImage, Edit, Expiry, Key, Outcome};

/// Keys that were judged. Whoever judged them has also encoded their before-images, so that the one
/// thread that appends to the journal has little to do.
pub(super) struct Task {
    pub page: u64,
    /// How often the keys went through the pipeline before.
    pub attempt: u32,
    /// Keys that came to their outcome without a write.
    pub outcomes: Vec<(Key, Outcome, Option<Trouble>)>,
    /// Keys that wait for an answer.
    pub asks: Vec<(Key, Box<Asked>)>,
    /// Keys that are to be written, with the way they took.
    pub edits: Vec<(Key, Way, Edit)>,
    /// Keys that values are to move to.
    pub moved_to: Vec<Key>,
    /// The before-images of `edits`, in their order; `None` where there is no edit or no journal.
    pub images: Option<Packed>,
    pub expiries: Expiries,
}

/// Keys whose chains wait for an answer, as many as one call asks for.
pub(super) struct Questions {
    pub page: u64,
    pub attempt: u32,
    pub asks: Vec<(Key, Box<Asked>)>,
    pub expiries: Expiries,
}

impl Task {
    /// Sorts judged keys, and encodes the before-images where the job has a journal for them.
    pub fn new(
        job: &Job<'_>,
        (page, attempt): (u64, u32),
        items: Vec<(Key, Judged)>,
        expiries: Expiries,
    ) -> Self {
        let (mut outcomes, mut asks, mut edits) = (Vec::new(), Vec::new(), Vec::new());
        for (key, judged) in items {
            match judged {
                Judged::Ask(asked) => asks.push((key, asked)),
                Judged::Edit { way, edit } => edits.push((key, way, edit)),
                Judged::Outcome(outcome, trouble) => outcomes.push((key, outcome, trouble)),
            }
        }
        let (mut moved_to, mut images) = (Vec::new(), None);
        if job.journal.is_some() && !edits.is_empty() {
            moved_to.extend(edits.iter().filter_map(|(_, _, edit)| edit.moved_to().cloned()));
            let expiry = |key| expiries.get(key).copied().unwrap_or(Expiry::Never);
            let edits = edits
                .iter()
                .map(|(key, way, edit)| (key, &way.source, &way.branch, edit, expiry(key)));
            images = Some(Packed::images(edits));
        }
        Self { page, attempt, outcomes, asks, edits, moved_to, images, expiries }
    }
}

/// The journal's entry for an edit.
pub(super) fn image_entry((key, way, edit): &(Key, Way, Edit), expiries: &Expiries) -> ImageEntry {
    ImageEntry {
        key: key.clone(),
        source: way.source.to_string(),
        branch: way.branch.clone(),
        image: BeforeImage::of(edit),
        expiry: expiries.get(key).copied().unwrap_or(Expiry::Never),
    }
}
