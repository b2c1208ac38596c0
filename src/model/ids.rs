//! Names of runs and plans.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// The digest of a Plan: the first 16 hex digits of the BLAKE3 of its canonical JSON. Equal ids mean
/// that a run would do the same.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct PlanId(String);

impl PlanId {
    /// The id of a plan whose canonical JSON is `bytes`.
    pub fn of(bytes: &[u8]) -> Self {
        Self(blake3::hash(bytes).to_hex().as_str()[..16].to_owned())
    }

    /// The hex digits.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for PlanId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

/// The name of a run: `20261123-075145123-user-3f2a`, so that names sort by start and can be typed. It
/// is also the name of the run's folder in the state directory.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct RunId(String);

impl RunId {
    /// Builds the name of a run on `subject`, from `stamp` (`YYYYMMDD-HHMMSS` and milliseconds) and a random `tail`.
    pub fn new(stamp: &str, subject: &str, tail: u16) -> Self {
        let subject: String =
            subject.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '_' }).collect();
        Self(format!("{stamp}-{subject}-{tail:04x}"))
    }

    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Why a text is no run id.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error(
    "'{0}' is no run id: it holds only letters, digits, '-' and '_' (see `remold runs` for the ids)"
)]
pub struct RunIdError(String);

impl FromStr for RunId {
    type Err = RunIdError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        // The name becomes a folder's name: nothing in it may leave the state directory.
        let fits = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
        if text.is_empty() || text.len() > 128 || !text.chars().all(fits) {
            return Err(RunIdError(text.to_owned()));
        }
        Ok(Self(text.to_owned()))
    }
}

impl TryFrom<String> for RunId {
    type Error = RunIdError;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

impl From<RunId> for String {
    fn from(id: RunId) -> Self {
        id.0
    }
}

impl fmt::Display for RunId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}
