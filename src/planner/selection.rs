//! Which keys a run looks at.

use semver::Version;
use serde::{Deserialize, Serialize};
use serde_json::Value as Json;

use crate::model::slot::{SlotRange, slot_of};
use crate::model::{Key, glob};

/// A query that an index of RediSearch answers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Query {
    /// The index; in a request, `None` is the only one that can answer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub index: Option<String>,
    /// The query, in the server's language: `@age:[30 40]`.
    pub text: String,
    /// Documents that the index could not take in, and so answers to no query.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub not_indexed: u64,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes references")]
fn is_zero(number: &u64) -> bool {
    *number == 0
}

/// Which keys a run looks at.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Selection {
    /// The glob pattern of the keys, as `SCAN … MATCH` takes it.
    pub pattern: String,
    /// The patterns of versions whose keys are named otherwise.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub other_patterns: Vec<String>,
    /// Only documents of these versions; others count as unchanged. Empty: of every version.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub versions: Vec<Version>,
    /// At most this many keys.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limit: Option<u64>,
    /// These keys alone, in place of a scan. One that is not there counts as missing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub keys: Option<Vec<Key>>,
    /// The query that found these keys when the plan was drawn up.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub query: Option<Query>,
    /// Only keys of these hash slots. Empty: of every slot.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub slots: Vec<SlotRange>,
    /// A condition as `when` takes it; documents for which it does not hold count as unchanged.
    #[serde(default, rename = "where", skip_serializing_if = "Option::is_none")]
    pub condition: Option<Json>,
}

/// What an operator narrows a selection to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Narrowed {
    /// At most this many keys.
    pub limit: Option<u64>,
    /// These keys alone.
    pub keys: Option<Vec<Key>>,
    /// The keys that this query finds alone.
    pub query: Option<Query>,
    /// Only keys of these hash slots.
    pub slots: Vec<SlotRange>,
    /// Only documents for which this condition holds.
    pub condition: Option<Json>,
}

impl Query {
    /// Where keys come from, in words.
    fn in_words(&self) -> String {
        let index = self.index.as_deref().unwrap_or_default();
        let lacking = match self.not_indexed {
            0 => String::new(),
            count => format!(" (without the {count} documents it could not take in)"),
        };
        format!("that the index {index} answered to '{}'{lacking}", self.text)
    }
}

impl Selection {
    /// One pattern that every selected key matches.
    pub fn scan_pattern(&self) -> String {
        if self.other_patterns.is_empty() {
            return self.pattern.clone();
        }
        let head = |pattern: &str| {
            pattern.split(['*', '?', '[', '\\']).next().unwrap_or_default().to_owned()
        };
        let mut common = head(&self.pattern);
        for pattern in &self.other_patterns {
            let other = head(pattern);
            let same = common.chars().zip(other.chars()).take_while(|(a, b)| a == b);
            common = same.map(|(character, _)| character).collect();
        }
        common.push('*');
        common
    }

    /// Whether a key that the scan named, or that stands in the list, is selected.
    pub fn selects(&self, key: &Key) -> bool {
        let is_named = (self.other_patterns.is_empty() && self.keys.is_none()) || self.matches(key);
        is_named && (self.slots.is_empty() || self.in_slots(key))
    }

    /// Whether a key matches one of the patterns.
    pub fn matches(&self, key: &Key) -> bool {
        self.every_pattern().any(|pattern| glob::matches(pattern.as_bytes(), key.as_bytes()))
    }

    fn in_slots(&self, key: &Key) -> bool {
        let slot = slot_of(key.as_bytes());
        self.slots.iter().any(|range| range.holds(slot))
    }

    /// Every pattern of the keys.
    pub fn every_pattern(&self) -> impl Iterator<Item = &str> {
        std::iter::once(&self.pattern).chain(&self.other_patterns).map(String::as_str)
    }

    /// The patterns in words: `user:*, u:*:profile`.
    pub fn patterns(&self) -> String {
        self.every_pattern().collect::<Vec<_>>().join(", ")
    }

    /// What it is narrowed to besides the patterns, in words; nothing for every key.
    pub fn narrowed(&self) -> Vec<String> {
        let list = |items: Vec<String>| items.join(", ");
        let mut words = Vec::new();
        if let Some(keys) = &self.keys {
            let s = if keys.len() == 1 { "" } else { "s" };
            let of = self.query.as_ref().map_or("of a list".to_owned(), Query::in_words);
            words.push(format!("the {} key{s} {of}, in place of a scan", keys.len()));
        }
        if !self.slots.is_empty() {
            let slots = self.slots.iter().map(ToString::to_string).collect();
            words.push(format!("keys of the hash slots {}", list(slots)));
        }
        if !self.versions.is_empty() {
            let versions = self.versions.iter().map(ToString::to_string).collect();
            words.push(format!("documents of version {}", list(versions)));
        }
        if let Some(condition) = &self.condition {
            words.push(format!("documents where {condition}"));
        }
        if let Some(limit) = self.limit {
            words.push(format!("at most {limit} keys"));
        }
        words
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slots_and_a_list_narrow_the_pattern() {
        let slots = vec!["0-5460".parse().expect("a range"), "12182".parse().expect("a slot")];
        let all = Selection { pattern: "*".into(), ..Selection::default() };
        let some = Selection { slots, ..all.clone() };
        let (foo, bar) = (Key::from("foo"), Key::from("bar"));
        assert_eq!((slot_of(b"foo"), slot_of(b"bar")), (12_182, 5_061));
        assert!(some.selects(&foo) && some.selects(&bar) && !some.selects(&Key::from("a")));
        assert!(all.selects(&Key::from("a")));
        let keys = Some(vec![foo.clone(), bar.clone()]);
        let listed = Selection { pattern: "f*".into(), keys, ..Selection::default() };
        assert!(listed.selects(&foo) && !listed.selects(&bar));
        assert_eq!(listed.narrowed(), ["the 2 keys of a list, in place of a scan"]);
        let json = serde_json::to_value(&some).expect("plain data");
        assert_eq!(json["slots"], serde_json::json!(["0-5460", "12182"]));
        assert_eq!(serde_json::from_value::<Selection>(json).expect("reads back"), some);
    }
}
