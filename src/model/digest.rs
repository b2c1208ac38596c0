//! A short name for exact bytes.

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// The XXH3-128 of some bytes: tells whether a value is the one that was read or meant. It guards
/// against accidents, not against an adversary.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Digest(u128);

impl Digest {
    /// The digest of one piece of bytes.
    pub fn of(bytes: &[u8]) -> Self {
        Self(xxhash_rust::xxh3::xxh3_128(bytes))
    }

    /// The digest of name-value pairs in any order, as of a Redis hash. The caller's order does not
    /// matter: pairs are taken sorted by name, each with its length before it.
    pub fn of_pairs<'a>(pairs: impl IntoIterator<Item = (&'a [u8], Option<&'a [u8]>)>) -> Self {
        let mut sorted: Vec<_> = pairs.into_iter().collect();
        sorted.sort_unstable();
        let mut hash = xxhash_rust::xxh3::Xxh3Default::new();
        for (name, value) in sorted {
            hash.update(&name.len().to_le_bytes());
            hash.update(name);
            // An absent value and an empty one are different states of a field.
            hash.update(&value.map_or(usize::MAX, <[u8]>::len).to_le_bytes());
            hash.update(value.unwrap_or_default());
        }
        Self(hash.digest128())
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
