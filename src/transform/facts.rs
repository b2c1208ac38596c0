//! What a transform may know besides the document: frozen in the plan, or given by the key.

use std::collections::BTreeMap;

use semver::Version;
use serde::{Deserialize, Serialize};

use crate::model::Key;

/// What is decided once for a whole run and stands in its Plan.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Frozen {
    /// `${NOW}`: the time the plan was made, RFC 3339 in UTC with milliseconds.
    pub now: String,
    /// `${ENV}`: the name of the environment, when one was given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub environment: Option<String>,
    /// `${FLAG.x}`: the feature flags.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub flags: BTreeMap<String, serde_json::Value>,
    /// What `${UUID}` derives from, together with key and field.
    pub seed: String,
}

/// What a transform may know of the document it works on.
#[derive(Clone, Copy, Debug)]
pub struct Facts<'f> {
    /// The document's key.
    pub key: &'f Key,
    /// The subject's key pattern; what its wildcards match is `${KEY.1}`, `${KEY.2}`, ...
    pub pattern: &'f str,
    /// The version the migration at work leads to.
    pub version: &'f Version,
    /// What the plan froze.
    pub frozen: &'f Frozen,
}

impl Facts<'_> {
    /// What the `number`th (from 1) `*` of the key pattern matches in the key.
    pub fn capture(&self, number: usize) -> Option<String> {
        let key = self.key.to_string();
        let pieces: Vec<&str> = self.pattern.split('*').collect();
        let mut rest = key.strip_prefix(pieces[0])?;
        for (at, piece) in pieces.iter().enumerate().skip(1) {
            let is_last = at + 1 == pieces.len();
            let end = if is_last {
                rest.len().checked_sub(piece.len()).filter(|end| rest.ends_with(&rest[*end..]))?
            } else {
                rest.find(piece)?
            };
            if at == number {
                return rest.get(..end).map(str::to_owned);
            }
            rest = rest.get(end + piece.len()..)?;
        }
        None
    }

    /// A UUID (version 8, RFC 9562) that is the same whenever this plan meets this key and field.
    pub fn uuid(&self, field: &str) -> String {
        let mut hash = blake3::Hasher::new();
        for part in [self.frozen.seed.as_bytes(), self.key.as_bytes(), field.as_bytes()] {
            hash.update(&part.len().to_le_bytes());
            hash.update(part);
        }
        let mut bytes = [0; 16];
        hash.finalize_xof().fill(&mut bytes);
        bytes[6] = bytes[6] & 0x0f | 0x80;
        bytes[8] = bytes[8] & 0x3f | 0x80;
        let hex = format!("{:032x}", u128::from_be_bytes(bytes));
        format!("{}-{}-{}-{}-{}", &hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn capture(pattern: &str, key: &str, number: usize) -> Option<String> {
        let (key, version, frozen) = (Key::from(key), Version::new(1, 0, 0), Frozen::default());
        Facts { key: &key, pattern, version: &version, frozen: &frozen }.capture(number)
    }

    #[test]
    fn wildcards_are_numbered_from_one() {
        assert_eq!(capture("user:*", "user:42", 1).as_deref(), Some("42"));
        assert_eq!(capture("t:*:user:*", "t:acme:user:7:x", 1).as_deref(), Some("acme"));
        assert_eq!(capture("t:*:user:*", "t:acme:user:7:x", 2).as_deref(), Some("7:x"));
        assert_eq!(capture("user:*", "user:42", 2), None);
        assert_eq!(capture("user:*", "order:42", 1), None);
    }

    #[test]
    fn uuids_differ_by_key_and_field_and_repeat() {
        let (version, frozen) = (Version::new(1, 0, 0), Frozen::default());
        let keys = [Key::from("a"), Key::from("b")];
        let uuid = |key, field: &str| {
            Facts { key, pattern: "*", version: &version, frozen: &frozen }.uuid(field)
        };
        assert_eq!(uuid(&keys[0], "id"), uuid(&keys[0], "id"));
        assert_ne!(uuid(&keys[0], "id"), uuid(&keys[1], "id"));
        assert_ne!(uuid(&keys[0], "id"), uuid(&keys[0], "other"));
        assert_eq!(uuid(&keys[0], "id").len(), 36);
    }
}
