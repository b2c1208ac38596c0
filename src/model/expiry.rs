//! When a key expires.

use serde::{Deserialize, Serialize};

/// A key's expiry, as `PEXPIRETIME` tells it (<https://redis.io/docs/latest/commands/pexpiretime/>).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Expiry {
    /// The key does not expire.
    Never,
    /// The key expires at this Unix time in milliseconds.
    AtMs(i64),
}

impl Expiry {
    /// Reads the answer of `PEXPIRETIME`: -1 is no expiry, -2 no such key (`None`).
    pub fn from_pexpiretime(answer: i64) -> Option<Self> {
        match answer {
            -2 => None,
            at if at < 0 => Some(Self::Never),
            at => Some(Self::AtMs(at)),
        }
    }

    /// The number `PEXPIRETIME` answers for it.
    pub fn to_pexpiretime(self) -> i64 {
        match self {
            Self::Never => -1,
            Self::AtMs(at) => at,
        }
    }
}
