//! An index of RediSearch: which keys it holds and by which fields they are found.

use super::storage::Storage;

/// An index, as `FT.INFO` tells of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SearchIndex {
    /// Its name.
    pub name: String,
    /// How the keys it holds store their documents: hash or RedisJSON.
    pub storage: Storage,
    /// It holds keys that begin with one of these; an empty one is every key.
    pub prefixes: Vec<String>,
    /// An expression that documents have to satisfy besides.
    pub filter: Option<String>,
    /// What it finds them by.
    pub fields: Vec<IndexedField>,
    /// Whether it is still being made, so that it does not find every document yet.
    pub is_building: bool,
    /// Documents that it could not take in and does not find.
    pub failures: u64,
}

/// A field in the schema of an index.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IndexedField {
    /// The field of a hash, or a JSON path: `$.address.city`.
    pub path: String,
    /// The name that queries use.
    pub alias: String,
    /// `TEXT`, `TAG`, `NUMERIC` and so on.
    pub kind: String,
}

impl SearchIndex {
    /// Whether it holds every key that a glob pattern can match, and that it can take in.
    pub fn covers(&self, pattern: &str) -> bool {
        let head = literal_head(pattern);
        self.prefixes.iter().any(|prefix| head.starts_with(prefix.as_str()))
    }

    /// Whether it may hold a key that a glob pattern matches.
    pub fn meets(&self, pattern: &str) -> bool {
        let head = literal_head(pattern);
        let near = |prefix: &String| head.starts_with(prefix.as_str()) || prefix.starts_with(head);
        self.prefixes.iter().any(near)
    }

    /// Its prefixes in words: `user:*, u:*`.
    pub fn patterns(&self) -> String {
        self.prefixes.iter().map(|prefix| format!("{prefix}*")).collect::<Vec<_>>().join(", ")
    }
}

impl IndexedField {
    /// The field in words: `$.name AS name (TEXT)`.
    pub fn in_words(&self) -> String {
        let Self { path, alias, kind } = self;
        if path == alias {
            format!("{path} ({kind})")
        } else {
            format!("{path} AS {alias} ({kind})")
        }
    }
}

/// What every key that a glob pattern matches begins with.
fn literal_head(pattern: &str) -> &str {
    pattern.split(['*', '?', '[', '\\']).next().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_index_covers_what_lies_under_its_prefixes() {
        let index = |prefixes: &[&str]| SearchIndex {
            name: "idx".into(),
            storage: Storage::Hash,
            prefixes: prefixes.iter().map(|prefix| (*prefix).to_owned()).collect(),
            filter: None,
            fields: Vec::new(),
            is_building: false,
            failures: 0,
        };
        let (users, some, all) = (index(&["user:", "u:"]), index(&["user:eu:"]), index(&[""]));
        assert!(users.covers("user:*") && users.covers("u:1") && users.covers("user:eu:*"));
        assert!(!users.covers("us*") && users.meets("us*") && !users.meets("order:*"));
        assert!(!some.covers("user:*") && some.meets("user:*") && some.covers("user:eu:[0-9]*"));
        assert!(all.covers("*") && all.meets("x") && !users.covers("*"));
    }
}
