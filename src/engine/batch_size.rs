//! How many keys a batch has: as many as were allowed, and fewer while writing one takes longer than
//! other clients are to wait.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

/// A batch is not made smaller than this: by then it is not the batches that are slow.
const KEYS_MIN: usize = 10;

/// The keys of the next batch.
#[derive(Debug)]
pub(super) struct BatchSize {
    keys: AtomicUsize,
    most: usize,
    goal: Duration,
}

impl BatchSize {
    /// At most `most` keys, so that writing a batch takes no longer than `goal`.
    pub fn new(most: usize, goal: Duration) -> Self {
        Self { keys: AtomicUsize::new(most), most, goal }
    }

    pub fn keys(&self) -> usize {
        self.keys.load(Ordering::Relaxed)
    }

    /// Hears how long writing a batch took, less the way to the server. A batch with few keys tells
    /// nothing of full ones.
    pub fn hear(&self, batch: usize, took: Duration) {
        let keys = self.keys();
        let next = if took > self.goal && batch <= keys {
            (keys * 3 / 4).max(KEYS_MIN).min(self.most)
        } else if took < self.goal / 2 && batch * 2 > keys {
            (keys + keys / 8 + 1).min(self.most)
        } else {
            keys
        };
        // Another writer may have said so at the same time, which comes to the same.
        self.keys.store(next, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slow_batches_shrink_and_fast_ones_grow_back() {
        let size = BatchSize::new(100, Duration::from_millis(5));
        let slow = |size: &BatchSize| size.hear(size.keys(), Duration::from_millis(6));
        slow(&size);
        assert_eq!(size.keys(), 75);
        (0..20).for_each(|_| slow(&size));
        assert_eq!(size.keys(), KEYS_MIN);
        size.hear(10, Duration::from_millis(4));
        assert_eq!(size.keys(), KEYS_MIN, "within the goal, and not far below it");
        size.hear(1, Duration::from_millis(1));
        assert_eq!(size.keys(), KEYS_MIN, "one key tells nothing");
        (0..40).for_each(|_| size.hear(size.keys(), Duration::from_millis(1)));
        assert_eq!(size.keys(), 100);
    }

    #[test]
    fn a_small_limit_is_kept() {
        let size = BatchSize::new(3, Duration::from_millis(5));
        size.hear(3, Duration::from_secs(1));
        assert_eq!(size.keys(), 3);
    }
}
