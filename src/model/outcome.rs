//! What became of each key of a run, and the sums.

use std::fmt;

use serde::{Deserialize, Serialize};

/// What became of one key. Each scanned key has exactly one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Outcome {
    /// Our value was written (in a dry run: would be).
    Migrated,
    /// Nothing to do: the document is at the target already, or its chain changes nothing.
    Unchanged,
    /// Another client kept writing the key between our read and our write, until retries ran out;
    /// its value stands.
    Conflict,
    /// The key went away (deleted, expired) after the scan named it.
    Missing,
    /// The value is no document, fits no known version or several, or would not validate.
    Invalid,
    /// A transform refused the document.
    Failed,
}

impl Outcome {
    /// Every outcome, in the order in which reports list them.
    pub const ALL: [Self; 6] = [
        Self::Migrated,
        Self::Unchanged,
        Self::Conflict,
        Self::Missing,
        Self::Invalid,
        Self::Failed,
    ];

    /// The name in JSON and on screens.
    pub fn name(self) -> &'static str {
        match self {
            Self::Migrated => "migrated",
            Self::Unchanged => "unchanged",
            Self::Conflict => "conflict",
            Self::Missing => "missing",
            Self::Invalid => "invalid",
            Self::Failed => "failed",
        }
    }

    /// Whether somebody has to look at this key before the migration can be called complete.
    pub fn needs_eyes(self) -> bool {
        matches!(self, Self::Conflict | Self::Invalid | Self::Failed)
    }

    /// The byte that stands in the journal.
    pub fn to_byte(self) -> u8 {
        match self {
            Self::Migrated => b'm',
            Self::Unchanged => b'u',
            Self::Conflict => b'c',
            Self::Missing => b'x',
            Self::Invalid => b'i',
            Self::Failed => b'f',
        }
    }

    /// Reads the byte of [`Outcome::to_byte`].
    pub fn from_byte(byte: u8) -> Option<Self> {
        Self::ALL.into_iter().find(|outcome| outcome.to_byte() == byte)
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// How many keys came to each outcome. `scanned` is always their sum.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tally {
    /// Keys that have an outcome.
    pub scanned: u64,
    /// See [`Outcome::Migrated`].
    pub migrated: u64,
    /// See [`Outcome::Unchanged`].
    pub unchanged: u64,
    /// See [`Outcome::Conflict`].
    pub conflict: u64,
    /// See [`Outcome::Missing`].
    pub missing: u64,
    /// See [`Outcome::Invalid`].
    pub invalid: u64,
    /// See [`Outcome::Failed`].
    pub failed: u64,
}

impl Tally {
    /// Counts one key.
    pub fn count(&mut self, outcome: Outcome) {
        self.scanned += 1;
        *self.slot(outcome) += 1;
    }

    /// How many keys came to `outcome`.
    pub fn of(&self, outcome: Outcome) -> u64 {
        match outcome {
            Outcome::Migrated => self.migrated,
            Outcome::Unchanged => self.unchanged,
            Outcome::Conflict => self.conflict,
            Outcome::Missing => self.missing,
            Outcome::Invalid => self.invalid,
            Outcome::Failed => self.failed,
        }
    }

    /// Keys that somebody has to look at.
    pub fn needs_eyes(&self) -> u64 {
        self.conflict + self.invalid + self.failed
    }

    /// Whether `scanned` is the sum of the outcomes, as it must be.
    pub fn adds_up(&self) -> bool {
        Outcome::ALL.into_iter().map(|outcome| self.of(outcome)).sum::<u64>() == self.scanned
    }

    fn slot(&mut self, outcome: Outcome) -> &mut u64 {
        match outcome {
            Outcome::Migrated => &mut self.migrated,
            Outcome::Unchanged => &mut self.unchanged,
            Outcome::Conflict => &mut self.conflict,
            Outcome::Missing => &mut self.missing,
            Outcome::Invalid => &mut self.invalid,
            Outcome::Failed => &mut self.failed,
        }
    }
}
