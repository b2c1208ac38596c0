//! Keys as a tree: what stands before each `:` is a group that opens and closes.

use std::collections::BTreeSet;

use ratatui::text::Line;

use crate::console::theme::Role;
use crate::console::widgets::{Canvas, text};

/// What parts the names of keys into levels.
const DELIMITER: char = ':';

/// One row of the tree.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TreeRow {
    /// Keys with a common beginning.
    Group {
        /// The beginning, with its delimiter.
        prefix: String,
        /// How deep it stands.
        depth: usize,
        /// How many loaded keys begin so.
        count: usize,
        /// Whether its rows are shown.
        open: bool,
    },
    /// A key, by its index among the loaded ones.
    Key {
        /// The index.
        at: usize,
        /// How deep it stands.
        depth: usize,
    },
}

/// The tree of the loaded keys.
#[derive(Debug, Default)]
pub struct Tree {
    /// Names in order, with their indices among the loaded keys.
    names: Vec<(String, usize)>,
    open: BTreeSet<String>,
    rows: Vec<TreeRow>,
}

impl Tree {
    /// Takes other keys; what was open stays open.
    pub fn fill(&mut self, names: impl Iterator<Item = String>) {
        self.names = names.enumerate().map(|(at, name)| (name, at)).collect();
        self.names.sort();
        self.list();
    }

    /// The rows to show.
    pub fn rows(&self) -> &[TreeRow] {
        &self.rows
    }

    /// Opens or closes a group; returns whether something changed.
    pub fn set_open(&mut self, prefix: &str, open: bool) -> bool {
        let changed =
            if open { self.open.insert(prefix.to_owned()) } else { self.open.remove(prefix) };
        if changed {
            self.list();
        }
        changed
    }

    fn list(&mut self) {
        let mut rows = Vec::new();
        walk(&self.names, "", 0, &self.open, &mut rows);
        self.rows = rows;
    }
}

/// A group of the tree in a line.
pub fn group_line<'t>(
    canvas: &Canvas,
    prefix: &str,
    depth: usize,
    count: usize,
    open: bool,
) -> Line<'t> {
    let mark = if open { "▾" } else { "▸" };
    canvas.line([
        (Role::Accent, format!("  {:indent$}{mark} {prefix}", "", indent = depth * 2)),
        (Role::Dim, format!("  {}", text::grouped(count as u64))),
    ])
}

/// Lists what stands below `prefix`. Of a closed group only the ends are looked for, so that a
/// million keys in it cost nothing.
fn walk(
    names: &[(String, usize)],
    prefix: &str,
    depth: usize,
    open: &BTreeSet<String>,
    rows: &mut Vec<TreeRow>,
) {
    let mut from = 0;
    while from < names.len() {
        let (name, at) = &names[from];
        let below = &name[prefix.len()..];
        let Some(cut) = below.find(DELIMITER) else {
            rows.push(TreeRow::Key { at: *at, depth });
            from += 1;
            continue;
        };
        let group = &name[..prefix.len() + cut + DELIMITER.len_utf8()];
        let count = names[from..].partition_point(|(name, _)| name.starts_with(group));
        let is_open = open.contains(group);
        rows.push(TreeRow::Group { prefix: group.to_owned(), depth, count, open: is_open });
        if is_open {
            walk(&names[from..from + count], group, depth + 1, open, rows);
        }
        from += count;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn groups_count_their_keys_and_open() {
        let mut tree = Tree::default();
        let names = ["user:2", "a", "user:1:cart", "order:1", "user:1"];
        tree.fill(names.into_iter().map(str::to_owned));
        let shown = |tree: &Tree| -> Vec<String> {
            let row = |row: &TreeRow| match row {
                TreeRow::Group { prefix, count, .. } => format!("{prefix} {count}"),
                TreeRow::Key { at, depth } => format!("{}{}", "-".repeat(*depth), names[*at]),
            };
            tree.rows().iter().map(row).collect()
        };
        assert_eq!(shown(&tree), ["a", "order: 1", "user: 3"]);
        assert!(tree.set_open("user:", true));
        assert_eq!(shown(&tree), ["a", "order: 1", "user: 3", "-user:1", "user:1: 1", "-user:2"]);
        assert!(!tree.set_open("user:", true) && tree.set_open("user:", false));
        assert_eq!(tree.rows().len(), 3);
    }
}
