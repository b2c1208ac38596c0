//! The keys that are loaded, each once, and those of them that the filter lets through.

use std::collections::HashSet;

use nucleo_matcher::pattern::{CaseMatching, Normalization, Pattern};
use nucleo_matcher::{Config, Matcher, Utf32Str};

use crate::model::Key;
use crate::session::{KeyLine, Page};

/// The keys, and how far the scan is that brings them.
#[derive(Debug, Default)]
pub struct LoadedKeys {
    rows: Vec<KeyLine>,
    seen: HashSet<Key>,
    /// Indices of the rows that the filter lets through, best first; `None` without a filter.
    filtered: Option<Vec<usize>>,
    /// Where the next page begins, 0 after the last; `None` before the first answer.
    pub cursor: Option<u64>,
    /// About how many keys the server looked at.
    pub looked_at: u64,
    /// Keys in the whole database.
    pub in_database: u64,
}

impl LoadedKeys {
    /// Takes a page in. SCAN may return a key twice: it is kept once.
    pub fn add(&mut self, page: Page, filter: &str) {
        self.cursor = Some(page.cursor);
        self.in_database = page.database_keys;
        self.looked_at = if page.cursor == 0 {
            page.database_keys
        } else {
            (self.looked_at + page.looked_at).min(page.database_keys)
        };
        for line in page.lines {
            if self.seen.insert(line.key.clone()) {
                self.rows.push(line);
            }
        }
        self.filter(filter);
    }

    /// Lets through what fits `wanted` by fuzzy match, best first; all, when nothing is wanted.
    pub fn filter(&mut self, wanted: &str) {
        if wanted.is_empty() {
            self.filtered = None;
            return;
        }
        let mut matcher = Matcher::new(Config::DEFAULT.match_paths());
        let pattern = Pattern::parse(wanted, CaseMatching::Smart, Normalization::Smart);
        let mut buffer = Vec::new();
        let mut found: Vec<(u32, usize)> = Vec::new();
        for (at, row) in self.rows.iter().enumerate() {
            let name = row.key.to_string();
            let haystack = Utf32Str::new(&name, &mut buffer);
            if let Some(score) = pattern.score(haystack, &mut matcher) {
                found.push((score, at));
            }
        }
        found.sort_by_key(|(score, at)| (std::cmp::Reverse(*score), *at));
        self.filtered = Some(found.into_iter().map(|(_, at)| at).collect());
    }

    /// How many keys are shown.
    pub fn shown(&self) -> usize {
        self.filtered.as_ref().map_or(self.rows.len(), Vec::len)
    }

    /// How many keys are loaded.
    pub fn len(&self) -> usize {
        self.rows.len()
    }

    /// Whether no key is loaded.
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// The key in a row of what is shown.
    pub fn row(&self, at: usize) -> Option<&KeyLine> {
        match &self.filtered {
            Some(filtered) => self.rows.get(*filtered.get(at)?),
            None => self.rows.get(at),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Expiry, RedisType};

    fn page(keys: &[&str], cursor: u64) -> Page {
        let line = |key: &&str| KeyLine {
            key: Key::from(*key),
            redis_type: RedisType::String,
            expiry: Expiry::Never,
        };
        let lines = keys.iter().map(line).collect();
        Page { lines, cursor, looked_at: 500, database_keys: 700 }
    }

    #[test]
    fn keys_are_kept_once_and_counted_honestly() {
        let mut loaded = LoadedKeys::default();
        loaded.add(page(&["user:1", "user:2"], 17), "");
        loaded.add(page(&["user:2", "order:1"], 0), "");
        assert_eq!((loaded.len(), loaded.shown()), (3, 3));
        assert_eq!((loaded.looked_at, loaded.cursor), (700, Some(0)));
        loaded.filter("ord");
        assert_eq!(loaded.shown(), 1);
        assert_eq!(loaded.row(0).map(|line| line.key.to_string()).as_deref(), Some("order:1"));
        assert!(loaded.row(1).is_none());
    }
}
