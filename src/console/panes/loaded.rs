//! The keys that are loaded, each once, and those of them that the filter lets through.

use std::collections::HashSet;

use nucleo_matcher::pattern::{CaseMatching, Normalization, Pattern};
use nucleo_matcher::{Config, Matcher, Utf32Str};

use crate::console::panes::tree::{Tree, TreeRow};
use crate::model::Key;
use crate::session::{KeyLine, Page};

/// The keys, and how far the scan is that brings them.
#[derive(Debug, Default)]
pub struct LoadedKeys {
    rows: Vec<KeyLine>,
    seen: HashSet<Key>,
    /// Indices of the rows that the filter lets through, best first; `None` without a filter.
    filtered: Option<Vec<usize>>,
    /// The keys as a tree, when they are shown so.
    tree: Option<Tree>,
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
        let looked_at = self.looked_at + page.looked_at;
        for line in page.lines {
            if self.seen.insert(line.key.clone()) {
                self.rows.push(line);
            }
        }
        self.looked_at = if page.cursor == 0 {
            page.database_keys
        } else {
            // A step of SCAN may look at some more than it was asked for: at least at what it returned.
            looked_at.max(self.rows.len() as u64).min(page.database_keys)
        };
        self.filter(filter);
        self.fill_tree();
    }

    /// Shows the keys as a tree, or as a list again.
    pub fn turn_tree(&mut self) {
        self.tree = if self.tree.is_some() { None } else { Some(Tree::default()) };
        self.fill_tree();
    }

    /// Whether the keys are shown as a tree.
    pub fn is_tree(&self) -> bool {
        self.tree.is_some()
    }

    fn fill_tree(&mut self) {
        if let Some(tree) = &mut self.tree {
            tree.fill(self.rows.iter().map(|row| row.key.to_string()));
        }
    }

    /// No key, shown as before; groups of a tree stay open.
    pub fn clear(&mut self) {
        *self = Self { tree: self.tree.take(), ..Self::default() };
        self.fill_tree();
    }

    /// The place of a key in what is shown.
    pub fn place(&self, key: &Key) -> Option<usize> {
        (0..self.shown()).find(|at| self.row(*at).is_some_and(|line| line.key == *key))
    }

    /// The tree, while it is what is shown: a filter ranks, and shows a list.
    fn shown_tree(&self) -> Option<&Tree> {
        self.tree.as_ref().filter(|_| self.filtered.is_none())
    }

    /// The row of the tree at a place of what is shown.
    pub fn tree_row(&self, at: usize) -> Option<&TreeRow> {
        self.shown_tree()?.rows().get(at)
    }

    /// Opens (`Some(true)`), closes or turns the group at a row; returns whether something changed.
    pub fn open_group(&mut self, at: usize, wanted: Option<bool>) -> bool {
        let Some(TreeRow::Group { prefix, open, .. }) = self.tree_row(at).cloned() else {
            return false;
        };
        let wanted = wanted.unwrap_or(!open);
        self.tree.as_mut().is_some_and(|tree| tree.set_open(&prefix, wanted))
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
        if let Some(tree) = self.shown_tree() {
            return tree.rows().len();
        }
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

    /// The key in a row of what is shown; a group of the tree is none.
    pub fn row(&self, at: usize) -> Option<&KeyLine> {
        match self.tree_row(at) {
            Some(TreeRow::Key { at, .. }) => return self.rows.get(*at),
            Some(TreeRow::Group { .. }) => return None,
            None => {}
        }
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
