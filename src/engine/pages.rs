//! The pages of a scan that are under way, and how far the checkpoint may go.

use std::collections::BTreeMap;

use crate::journal::{Checkpoint, ScanPlace};

/// Which pages of the scan are settled: the checkpoint may only cover those.
pub(super) struct Pages {
    open: BTreeMap<u64, OpenPage>,
    pub covered: Checkpoint,
    /// Whether it covers more than at the last checkpoint.
    pub moved: bool,
    /// How much of the keyspace is covered. A pass that begins again does not take back what the
    /// one before has settled.
    pub fraction: f64,
}

#[derive(Default)]
struct OpenPage {
    finished: usize,
    /// Batches that came of the page's own: keys that waited for an answer.
    more: usize,
    /// The batches there are, once a reader has sent them all.
    announced: Option<usize>,
    /// Where the scan stands after the page.
    place: ScanPlace,
    fraction: f64,
}

impl Pages {
    pub fn new(covered: Checkpoint) -> Self {
        Self { open: BTreeMap::new(), covered, moved: true, fraction: 0.0 }
    }

    pub fn announce(&mut self, page: u64, batches: usize, place: ScanPlace, fraction: f64) {
        // Page 0 stands for keys that no checkpoint waits for.
        if page > 0 {
            let open = self.open.entry(page).or_default();
            (open.announced, open.place, open.fraction) = (Some(batches), place, fraction);
            self.advance();
        }
    }

    pub fn expect_another(&mut self, page: u64) {
        if page > 0 {
            self.open.entry(page).or_default().more += 1;
        }
    }

    pub fn finish_batch(&mut self, page: u64) {
        // Page 0 stands for batches of an earlier session.
        if page > 0 {
            self.open.entry(page).or_default().finished += 1;
            self.advance();
        }
    }

    fn advance(&mut self) {
        while let Some(first) = self.open.first_entry() {
            let OpenPage { announced, finished, more, .. } = first.get();
            if announced.is_none_or(|batches| *finished < batches + more) {
                break;
            }
            let OpenPage { place, fraction, .. } = first.remove();
            self.covered.scan = place;
            self.fraction = self.fraction.max(fraction);
            self.moved = true;
        }
    }
}
