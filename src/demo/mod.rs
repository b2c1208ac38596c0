//! A keyspace that looks like life, from a seed: what `remold demo` shows and what tests run on.
//!
//! Versions stand side by side, some keys expire, some documents fit no version, and keys of other
//! patterns and types stand between them. The same seed and number give the same keys and values;
//! expiries are counted from the moment of writing. Because it is known what every key is,
//! [`Made`] says beforehand what a run has to make of it.

pub mod catalog;
pub mod kind;
mod order;
mod other;
mod random;
pub mod report;
pub mod show;
mod user;
mod words;

pub use kind::Kind;
pub use show::{Demo, DemoError, Keyspace};

use random::Random;

use crate::model::{Key, Outcome, Tally};
use crate::store::fill::NewKey;

/// Keys of the demo unless the operator says otherwise.
pub const KEYS_DEFAULT: u64 = 20_000;
/// The seed of the demo unless the operator says otherwise.
pub const SEED_DEFAULT: u64 = 7;

const HOUR_MS: u64 = 60 * 60 * 1000;
/// No key expires while somebody looks at the demo.
const TTL_HOURS_MIN: u64 = 6;
const TTL_HOURS_MAX: u64 = 24 * 60;

/// What to make.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Recipe {
    /// How many keys, of all kinds together.
    pub keys: u64,
    /// Equal seeds give equal keyspaces.
    pub seed: u64,
}

/// What was made: how many keys of each kind.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Made {
    counts: [u64; kind::ROWS.len()],
    expiring: u64,
}

impl Default for Recipe {
    fn default() -> Self {
        Self { keys: KEYS_DEFAULT, seed: SEED_DEFAULT }
    }
}

impl Recipe {
    /// Every key with its kind, in no meaningful order.
    pub fn keys(self) -> impl Iterator<Item = (Kind, NewKey)> {
        (0..self.keys).map(move |index| one(self.seed, index))
    }

    /// The figures of this recipe, without writing anything.
    pub fn count(self) -> Made {
        let mut made = Made::nothing();
        for (kind, key) in self.keys() {
            made.add(kind, &key);
        }
        made
    }
}

impl Made {
    /// An empty keyspace, to count into while it is made.
    pub fn nothing() -> Self {
        Self { counts: [0; kind::ROWS.len()], expiring: 0 }
    }

    /// Counts one key.
    pub fn add(&mut self, kind: Kind, key: &NewKey) {
        self.counts[kind as usize] += 1;
        self.expiring += u64::from(key.ttl_ms.is_some());
    }

    /// Keys of one kind.
    pub fn of(&self, kind: Kind) -> u64 {
        self.counts[kind as usize]
    }

    /// All keys.
    pub fn keys(&self) -> u64 {
        self.counts.iter().sum()
    }

    /// Keys that expire some day.
    pub fn expiring(&self) -> u64 {
        self.expiring
    }

    /// Every kind that was made, with its number.
    pub fn kinds(&self) -> impl Iterator<Item = (Kind, u64)> {
        kind::ROWS.iter().map(|row| (row.kind, self.of(row.kind))).filter(|(_, count)| *count > 0)
    }

    /// Keys of a subject that hold a document or what should be one.
    pub fn documents(&self, subject: &str) -> u64 {
        self.tally(subject).scanned
    }

    /// Documents of a subject that have this version; `None` counts those that have none.
    pub fn at_version(&self, subject: &str, version: Option<&str>) -> u64 {
        let documents = self
            .kinds()
            .filter(|(kind, _)| kind.subject() == Some(subject) && kind.row().outcome.is_some());
        documents.filter(|(kind, _)| kind.version() == version).map(|(_, count)| count).sum()
    }

    /// What a run of `subject` to its newest version has to count.
    pub fn tally(&self, subject: &str) -> Tally {
        let mut tally = Tally::default();
        for (kind, count) in self.kinds().filter(|(kind, _)| kind.subject() == Some(subject)) {
            let Some(outcome) = kind.row().outcome else { continue };
            tally.scanned += count;
            match outcome {
                Outcome::Migrated => tally.migrated += count,
                Outcome::Unchanged => tally.unchanged += count,
                Outcome::Conflict => tally.conflict += count,
                Outcome::Missing => tally.missing += count,
                Outcome::Invalid => tally.invalid += count,
                Outcome::Failed => tally.failed += count,
            }
        }
        tally
    }
}

/// The key at `index`.
fn one(seed: u64, index: u64) -> (Kind, NewKey) {
    let mut random = Random::of(seed, index);
    let kind = Kind::of(index, random.next());
    let (key, value) = match kind.subject() {
        Some("user") => {
            (user::key(kind, index, &mut random), user::value(kind, index, &mut random))
        }
        Some(_) => (order::key(kind, index, &mut random), order::value(kind, index, &mut random)),
        None => (other::key(kind, index, &mut random), other::value(kind, index, &mut random)),
    };
    let expiring_percent = match kind {
        Kind::OtherString => 100,
        kind if kind.subject() == Some("user") => 30,
        _ => 10,
    };
    let ttl_ms = random.chance(expiring_percent).then(|| {
        let hours = TTL_HOURS_MIN + random.below(TTL_HOURS_MAX - TTL_HOURS_MIN);
        hours * HOUR_MS + random.below(HOUR_MS)
    });
    (kind, NewKey { key: Key::from(key), value, ttl_ms })
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn the_same_seed_gives_the_same_keys() {
        let recipe = Recipe { keys: 500, seed: 1 };
        assert!(recipe.keys().eq(recipe.keys()));
        assert!(!recipe.keys().eq(Recipe { seed: 2, ..recipe }.keys()));
        // A larger keyspace holds the smaller one.
        let larger = Recipe { keys: 600, ..recipe };
        assert!(recipe.keys().eq(larger.keys().take(500)));
    }

    #[test]
    fn no_key_is_made_twice_and_patterns_are_kept() {
        let mut names = BTreeSet::new();
        for (kind, key) in (Recipe { keys: 5_000, seed: 9 }).keys() {
            let subject = kind.subject();
            let bytes = key.key.as_bytes();
            assert_eq!(bytes.starts_with(b"user:"), subject == Some("user"), "{}", key.key);
            assert_eq!(bytes.starts_with(b"order:"), subject == Some("order"), "{}", key.key);
            assert!(names.insert(key.key));
        }
    }

    #[test]
    fn figures_add_up() {
        let made = Recipe { keys: 5_000, seed: 9 }.count();
        assert_eq!(made.keys(), 5_000);
        assert_eq!(made.kinds().count(), kind::ROWS.len());
        for subject in ["user", "order"] {
            let tally = made.tally(subject);
            assert!(tally.adds_up() && tally.migrated > 0 && tally.needs_eyes() > 0, "{tally:?}");
        }
        let versions = [None, Some("1.0.0"), Some("2.0.0"), Some("3.0.0")];
        let users: u64 = versions.map(|version| made.at_version("user", version)).iter().sum();
        assert_eq!(users, made.documents("user"));
        assert!(made.expiring() > 1_000);
    }
}
