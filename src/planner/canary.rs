//! The stages of a run: first over a small part of the keys, then over more of them.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::model::Key;

/// A whole, in the unit of shares: hundredths of a percent.
const WHOLE: u16 = 10_000;

/// A part of all keys, told by their hashes: the same keys each time, and those of a smaller part are
/// among those of a greater one. As text: `1%`, `0.5%`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Share(u16);

impl Share {
    /// Whether a key belongs to it.
    pub fn holds(self, key: &Key) -> bool {
        xxhash_rust::xxh3::xxh3_64(key.as_bytes()) % u64::from(WHOLE) < u64::from(self.0)
    }
}

impl FromStr for Share {
    type Err = String;

    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "between 1 and 10 000, as was checked"
    )]
    fn from_str(text: &str) -> Result<Self, String> {
        let wrong =
            || format!("'{text}' is no part of the keys: expected a percentage from 0.01% to 100%");
        let percent: f64 = text.trim().trim_end_matches('%').trim().parse().map_err(|_| wrong())?;
        let hundredths = (percent * 100.0).round();
        if (1.0..=f64::from(WHOLE)).contains(&hundredths) {
            Ok(Self(hundredths as u16))
        } else {
            Err(wrong())
        }
    }
}

impl fmt::Display for Share {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}%", f64::from(self.0) / 100.0)
    }
}

/// The stages of a run, each over a greater part of the keys than the one before; the last is over
/// all of them. As text: `1%,10%,100%`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stages(Vec<Share>);

impl Stages {
    /// The part that each stage is over, in order.
    pub fn shares(&self) -> &[Share] {
        &self.0
    }
}

impl FromStr for Stages {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let shares: Vec<Share> = text.split(',').map(str::parse).collect::<Result<_, _>>()?;
        if shares.last() != Some(&Share(WHOLE)) {
            return Err(format!("the last stage of '{text}' is not 100%: some keys would be left"));
        }
        if !shares.is_sorted_by(|one, next| one < next) {
            return Err(format!("each stage of '{text}' has to be greater than the one before"));
        }
        Ok(Self(shares))
    }
}

impl fmt::Display for Stages {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let shares: Vec<String> = self.0.iter().map(ToString::to_string).collect();
        f.write_str(&shares.join(","))
    }
}

impl Serialize for Stages {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Stages {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stages_grow_to_the_whole() {
        let stages: Stages = "0.5%,10,100%".parse().expect("stages");
        assert_eq!(stages.to_string(), "0.5%,10%,100%");
        for text in ["", "1%", "10%,1%,100%", "1%,1%,100%", "0%,100%", "1%,101%", "x,100%"] {
            assert!(text.parse::<Stages>().is_err(), "{text}");
        }
    }

    #[test]
    fn a_greater_share_holds_the_keys_of_a_smaller_one() {
        let shares = ["1%", "10%", "100%"].map(|text| text.parse::<Share>().expect(text));
        let mut counts = [0; 3];
        for n in 0..100_000 {
            let key = Key::from(format!("user:{n}").as_str());
            let held = shares.map(|share| share.holds(&key));
            assert!(held.is_sorted(), "{key}");
            for (count, held) in counts.iter_mut().zip(held) {
                *count += u32::from(held);
            }
        }
        assert!((900..1_100).contains(&counts[0]), "{counts:?}");
        assert!((9_500..10_500).contains(&counts[1]), "{counts:?}");
        assert_eq!(counts[2], 100_000);
    }
}
