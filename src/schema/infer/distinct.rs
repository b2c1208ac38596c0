//! How many different values there are: counted exactly while they are few, then estimated.

use std::collections::BTreeSet;

use serde::Serialize;
use xxhash_rust::xxh3::xxh3_64;

/// Up to this many values the count is exact.
pub const EXACT_MAX: usize = 256;
/// Registers of the estimate (HyperLogLog): an error of 1.04 / sqrt(1024), about 3 %.
const REGISTERS: usize = 1_024;
const INDEX_BITS: u32 = REGISTERS.trailing_zeros();

/// The values seen so far, as hashes.
#[derive(Clone, Debug, PartialEq)]
enum Seen {
    Few(BTreeSet<u64>),
    /// For each register the longest run of leading zeros, plus one.
    Many(Vec<u8>),
}

/// A count of different values, in bounded memory, that can be merged.
#[derive(Clone, Debug, PartialEq)]
pub struct Distinct(Seen);

/// How many different values there are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct DistinctCount {
    /// The count.
    pub count: u64,
    /// Whether it is exact; else within about 3 %.
    pub exact: bool,
}

impl Default for Distinct {
    fn default() -> Self {
        Self(Seen::Few(BTreeSet::new()))
    }
}

impl Distinct {
    /// Takes in one value.
    pub fn add(&mut self, bytes: &[u8]) {
        self.add_hash(xxh3_64(bytes));
    }

    fn add_hash(&mut self, hash: u64) {
        match &mut self.0 {
            Seen::Few(hashes) => {
                hashes.insert(hash);
                if hashes.len() > EXACT_MAX {
                    let hashes = std::mem::take(hashes);
                    self.0 = Seen::Many(vec![0; REGISTERS]);
                    for hash in hashes {
                        self.add_hash(hash);
                    }
                }
            }
            Seen::Many(registers) => {
                let index = usize::try_from(hash >> (64 - INDEX_BITS)).unwrap_or_default();
                let zeros = (hash << INDEX_BITS).leading_zeros().min(64 - INDEX_BITS) + 1;
                let run = u8::try_from(zeros).unwrap_or(u8::MAX);
                registers[index] = registers[index].max(run);
            }
        }
    }

    /// Takes in what another count saw.
    pub fn merge(&mut self, other: &Self) {
        match (&mut self.0, &other.0) {
            (_, Seen::Few(hashes)) => hashes.iter().for_each(|hash| self.add_hash(*hash)),
            (Seen::Many(ours), Seen::Many(theirs)) => {
                for (our, their) in ours.iter_mut().zip(theirs) {
                    *our = (*our).max(*their);
                }
            }
            (Seen::Few(hashes), Seen::Many(_)) => {
                let hashes = std::mem::take(hashes);
                self.0 = other.0.clone();
                for hash in hashes {
                    self.add_hash(hash);
                }
            }
        }
    }

    /// The count.
    pub fn count(&self) -> DistinctCount {
        match &self.0 {
            Seen::Few(hashes) => DistinctCount { count: hashes.len() as u64, exact: true },
            Seen::Many(registers) => DistinctCount { count: estimate(registers), exact: false },
        }
    }
}

#[allow(clippy::cast_precision_loss, clippy::cast_possible_truncation, clippy::cast_sign_loss)]
fn estimate(registers: &[u8]) -> u64 {
    let m = registers.len() as f64;
    let sum: f64 = registers.iter().map(|run| (-f64::from(*run)).exp2()).sum();
    let raw = 0.7213 / (1.0 + 1.079 / m) * m * m / sum;
    let used = registers.iter().filter(|run| **run > 0).count() as f64;
    let empty = m - used;
    // Small counts are estimated better by how many registers are still empty.
    let estimate = if raw <= 2.5 * m && empty >= 1.0 { m * (m / empty).ln() } else { raw };
    estimate.round() as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_are_exact_and_then_near() {
        let mut whole = Distinct::default();
        let mut halves = [Distinct::default(), Distinct::default()];
        for number in 0..100_000_u32 {
            let bytes = number.to_le_bytes();
            whole.add(&bytes);
            halves[usize::from(number % 2 == 0)].add(&bytes);
            if number == 199 {
                assert_eq!(whole.count(), DistinctCount { count: 200, exact: true });
            }
        }
        let count = whole.count();
        assert!((90_000..110_000).contains(&count.count) && !count.exact, "{count:?}");
        let [mut left, right] = halves;
        left.merge(&right);
        assert_eq!(left.count(), count, "halves merged are the whole");
    }
}
