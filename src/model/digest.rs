//! A short name for exact bytes.

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::expiry::Expiry;
use super::redis_json;

/// The XXH3-128 of some bytes: tells whether a value is the one that was read or meant. It guards
/// against accidents, not against an adversary.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Digest(u128);

impl Digest {
    /// Stands for no key at all.
    pub const NOTHING: Self = Self(0);

    /// The digest of one piece of bytes.
    pub fn of(bytes: &[u8]) -> Self {
        Self(xxhash_rust::xxh3::xxh3_128(bytes))
    }

    /// The digest of name-value pairs in any order.
    pub fn of_pairs<'a>(pairs: impl IntoIterator<Item = (&'a [u8], Option<&'a [u8]>)>) -> Self {
        Self::of_fields(pairs.into_iter().map(|(name, value)| (name, value, Expiry::Never)))
    }

    /// The digest of the fields of a Redis hash, each with its value and expiry. The caller's order
    /// does not matter: fields are taken sorted by name, each part with its length before it.
    pub fn of_fields<'a>(
        fields: impl IntoIterator<Item = (&'a [u8], Option<&'a [u8]>, Expiry)>,
    ) -> Self {
        let mut sorted: Vec<_> = fields.into_iter().collect();
        sorted.sort_unstable_by_key(|(name, value, _)| (*name, *value));
        let mut hash = xxhash_rust::xxh3::Xxh3Default::new();
        for (name, value, expires) in sorted {
            hash.update(&name.len().to_le_bytes());
            hash.update(name);
            // An absent value and an empty one are different states of a field.
            hash.update(&value.map_or(usize::MAX, <[u8]>::len).to_le_bytes());
            hash.update(value.unwrap_or_default());
            if let Expiry::AtMs(at) = expires {
                hash.update(&at.to_le_bytes());
            }
        }
        Self(hash.digest128())
    }

    /// The digest of a RedisJSON value, equal for the text that was set and the text that the module
    /// prints of it.
    pub fn of_json(text: &[u8]) -> Self {
        match redis_json::canonical(text) {
            Some(canonical) => Self::of(canonical.as_bytes()),
            None => Self::of(text),
        }
    }

    /// The 16 bytes that stand in the journal.
    pub fn to_bytes(self) -> [u8; 16] {
        self.0.to_le_bytes()
    }

    /// Reads the 16 bytes of [`Digest::to_bytes`].
    pub fn from_bytes(bytes: [u8; 16]) -> Self {
        Self(u128::from_le_bytes(bytes))
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:032x}", self.0)
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Digest({self})")
    }
}

impl Serialize for Digest {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Digest {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        u128::from_str_radix(&text, 16).map(Self).map_err(serde::de::Error::custom)
    }
}
