//! Which keys of a run have been dealt with: exact, in about 12 bytes a key.
//!
//! A slot of 8 bytes holds 36 bits of a key's hash and the number of the journal frame in which the
//! key stands. Two keys may share a slot's bits, so a hit is only a candidate: whoever asks compares
//! the key with those in the frame. That read is paid for keys that SCAN returns twice, and on a
//! resume, not by the ordinary first visit.

use std::collections::HashSet;

use crate::model::Key;

/// Bits of a slot that hold the frame's number; frame numbers begin at 1, so no used slot is zero.
const FRAME_BITS: u32 = 28;
const FRAME_MAX: u64 = (1 << FRAME_BITS) - 1;
/// Tables grow one at a time, so that the growth of one never doubles the whole.
const TABLES: usize = 64;

/// The keys of a run that are under way or dealt with.
#[derive(Debug)]
pub struct SeenKeys {
    under_way: HashSet<Key>,
    tables: Vec<Table>,
    /// Digests of the troubles that were told, each with its key.
    told: HashSet<u64>,
}

#[derive(Debug, Default)]
struct Table {
    slots: Vec<u64>,
    used: usize,
}

impl Default for SeenKeys {
    fn default() -> Self {
        let tables = (0..TABLES).map(|_| Table::default()).collect();
        Self { under_way: HashSet::new(), tables, told: HashSet::new() }
    }
}

/// What [`SeenKeys::begin`] knows of a key.
#[derive(Debug, PartialEq, Eq)]
pub enum Begin {
    /// It was never seen; now it is under way.
    First,
    /// It is under way already.
    UnderWay,
    /// It may stand in one of these frames; if it stands in none, [`SeenKeys::begin_anyway`].
    Maybe(Vec<u64>),
}

impl SeenKeys {
    /// Asks for a key that a scan returned.
    pub fn begin(&mut self, key: &Key) -> Begin {
        if self.under_way.contains(key) {
            return Begin::UnderWay;
        }
        let (table, hash) = locate(key);
        let frames = self.tables[table].frames(hash);
        if !frames.is_empty() {
            return Begin::Maybe(frames);
        }
        self.under_way.insert(key.clone());
        Begin::First
    }

    /// Takes a key as first seen whose candidates turned out to be other keys.
    pub fn begin_anyway(&mut self, key: &Key) {
        self.under_way.insert(key.clone());
    }

    /// Lets go of a key that turned out not to belong to the run.
    pub fn forget(&mut self, key: &Key) {
        self.under_way.remove(key);
    }

    /// Notes that a key stands in the journal now.
    pub fn journalled(&mut self, key: &Key, frame: u64) {
        self.under_way.remove(key);
        let (table, hash) = locate(key);
        self.tables[table].insert(hash, frame);
    }

    /// Takes a key that is looked at again, whatever is known of it; `false` while it is under way.
    pub fn begin_again(&mut self, key: &Key) -> bool {
        self.under_way.insert(key.clone())
    }

    /// Whether a key, or one with the same bits of its hash, stands in the journal.
    pub fn knows(&self, key: &Key) -> bool {
        let (table, hash) = locate(key);
        !self.tables[table].frames(hash).is_empty()
    }

    /// Notes the trouble of a key; `false` when the same was told of it before.
    pub fn tell(&mut self, key: &Key, trouble: &str) -> bool {
        let digest = xxhash_rust::xxh3::xxh3_64_with_seed(
            trouble.as_bytes(),
            xxhash_rust::xxh3::xxh3_64(key.as_bytes()),
        );
        self.told.insert(digest)
    }

    /// Bytes of memory of the tables.
    pub fn bytes(&self) -> usize {
        self.tables.iter().map(|table| table.slots.capacity() * 8).sum()
    }
}

fn locate(key: &Key) -> (usize, u64) {
    let hash = xxhash_rust::xxh3::xxh3_64(key.as_bytes());
    let table = usize::try_from(hash & (TABLES as u64 - 1)).expect("less than the tables");
    // The low bits choose the table and the high bits the slot in it: were they the same bits, all of
    // a table's keys would crowd into one stretch of it.
    (table, hash)
}

impl Table {
    fn frames(&self, hash: u64) -> Vec<u64> {
        if self.slots.is_empty() {
            return Vec::new();
        }
        let mut frames = Vec::new();
        let mut at = self.home(hash);
        while self.slots[at] != 0 {
            if self.slots[at] & !FRAME_MAX == tag(hash) {
                frames.push(self.slots[at] & FRAME_MAX);
            }
            at = self.next(at);
        }
        frames
    }

    fn insert(&mut self, hash: u64, frame: u64) {
        assert!((1..=FRAME_MAX).contains(&frame), "a journal has fewer than 268 million frames");
        if (self.used + 1) * 20 > self.slots.len() * 17 {
            self.grow();
        }
        self.place(tag(hash) | frame, hash);
        self.used += 1;
    }

    fn place(&mut self, slot: u64, hash: u64) {
        let mut at = self.home(hash);
        while self.slots[at] != 0 {
            at = self.next(at);
        }
        self.slots[at] = slot;
    }

    fn grow(&mut self) {
        let size = (self.slots.len() * 3 / 2).max(16);
        let old = std::mem::replace(&mut self.slots, vec![0; size]);
        for slot in old.into_iter().filter(|slot| *slot != 0) {
            // The tag is the hash's high bits, and a home is reckoned from those alone.
            self.place(slot, slot & !FRAME_MAX);
        }
    }

    /// The slot a hash belongs to: its high bits, scaled to the table's length.
    fn home(&self, hash: u64) -> usize {
        let scaled = (u128::from(tag(hash)) * self.slots.len() as u128) >> 64;
        usize::try_from(scaled).expect("less than the length")
    }

    fn next(&self, at: usize) -> usize {
        if at + 1 == self.slots.len() { 0 } else { at + 1 }
    }
}

fn tag(hash: u64) -> u64 {
    hash & !FRAME_MAX
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_spread_over_their_table() {
        let mut seen = SeenKeys::default();
        for n in 0..100_000 {
            seen.journalled(&Key::from(format!("user:{n}").as_str()), 1);
        }
        for table in &seen.tables {
            // How far a search for any key of the table goes: a long way means crowding.
            let mut run = 0;
            let longest = table.slots.iter().map(|slot| {
                run = if *slot == 0 { 0 } else { run + 1 };
                run
            });
            let longest: usize = longest.max().unwrap_or(0);
            assert!(longest < table.slots.len() / 3, "{longest} of {}", table.slots.len());
        }
    }

    #[test]
    fn every_key_is_found_again_in_its_frame() {
        let mut seen = SeenKeys::default();
        let key = |n: u64| Key::from(format!("user:{n}").as_str());
        let count = 200_000;
        for n in 0..count {
            assert_eq!(seen.begin(&key(n)), Begin::First, "{n}");
            assert_eq!(seen.begin(&key(n)), Begin::UnderWay, "{n}");
            seen.journalled(&key(n), n / 100 + 1);
        }
        for n in 0..count {
            let Begin::Maybe(frames) = seen.begin(&key(n)) else { panic!("{n} was seen") };
            assert!(frames.contains(&(n / 100 + 1)), "{n}");
        }
        let per_key = seen.bytes() / usize::try_from(count).expect("small");
        assert!(per_key <= 16, "{per_key} bytes a key");
    }
}
