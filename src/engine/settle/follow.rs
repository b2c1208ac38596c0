//! What counts in a run that follows its writers, and what is under way there.

use super::Settle;
use crate::engine::trouble::Trouble;
use crate::journal::Mark;
use crate::model::{Key, Outcome};

impl Settle<'_> {
    /// Whether a key that was looked at again came to something that was not counted before. A key
    /// that is gone, or of the target version, has its outcome; and so has one that is known, with the
    /// same trouble as before.
    pub(super) fn is_news(&self, key: &Key, outcome: Outcome, trouble: Option<&Trouble>) -> bool {
        let mut seen = self.seen();
        let is_news = match (outcome, trouble) {
            (Outcome::Missing, _) => false,
            (_, Some(trouble)) => seen.tell(key, &trouble.to_json()),
            (_, None) => !seen.knows(key),
        };
        if !is_news {
            seen.forget(key);
            self.job.answers.forget(key);
        }
        is_news
    }

    /// Keeps keys from being looked at again until their write is marked: what is read of them before
    /// may be what it replaces.
    pub(super) fn keep_under_way(&mut self, frame: u64, keys: Vec<Key>, moved_to: &[Key]) {
        let mut seen = self.seen();
        for key in keys.iter().chain(moved_to) {
            if !seen.knows(key) {
                seen.journalled(key, frame);
            }
            seen.begin_again(key);
        }
        // Nothing marks the keys that values moved to.
        for key in moved_to {
            seen.forget(key);
        }
        drop(seen);
        self.unmarked.insert(frame, keys);
    }

    /// Lets go of keys that have their mark, but for those that go round again.
    pub(super) fn let_go(&mut self, frame: u64, marks: &[Mark]) {
        let keys = self.unmarked.remove(&frame).unwrap_or_default();
        let mut seen = self.seen();
        for (key, mark) in keys.iter().zip(marks) {
            if matches!(mark, Mark::Settled(_)) {
                seen.forget(key);
            }
        }
    }
}
