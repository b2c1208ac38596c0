//! Hash slots: the 16,384 parts in which a cluster shares out its keys. Every key has one, on a single
//! server too
//! (<https://redis.io/docs/latest/operate/oss_and_stack/reference/cluster-spec/#key-distribution-model>).

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// Slots of every cluster.
pub const SLOTS: u16 = 16_384;

/// The slot of a key: of what stands between the first braces, where something does.
pub fn slot_of(key: &[u8]) -> u16 {
    let tag = key.iter().position(|byte| *byte == b'{').and_then(|open| {
        let tag = &key[open + 1..];
        let close = tag.iter().position(|byte| *byte == b'}')?;
        (close > 0).then(|| &tag[..close])
    });
    crc16(tag.unwrap_or(key)) % SLOTS
}

/// CRC16 of the XMODEM kind: polynomial 0x1021, beginning with 0.
fn crc16(bytes: &[u8]) -> u16 {
    bytes.iter().fold(0, |crc, byte| {
        (0..8).fold(crc ^ (u16::from(*byte) << 8), |crc, _| {
            if crc & 0x8000 == 0 { crc << 1 } else { (crc << 1) ^ 0x1021 }
        })
    })
}

/// Slots in a row, both ends included. As text: `0-5460`, or `7` for one slot.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SlotRange {
    first: u16,
    last: u16,
}

impl SlotRange {
    /// Whether a key is in one of its slots.
    pub fn holds(self, slot: u16) -> bool {
        (self.first..=self.last).contains(&slot)
    }
}

impl FromStr for SlotRange {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (first, last) = text.split_once('-').unwrap_or((text, text));
        let slot = |text: &str| text.trim().parse().ok().filter(|slot| *slot < SLOTS);
        match (slot(first), slot(last)) {
            (Some(first), Some(last)) if first <= last => Ok(Self { first, last }),
            _ => {
                Err(format!("'{text}' is no range of slots: expected 0-5460, up to {}", SLOTS - 1))
            }
        }
    }
}

impl fmt::Display for SlotRange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.first == self.last {
            write!(f, "{}", self.first)
        } else {
            write!(f, "{}-{}", self.first, self.last)
        }
    }
}

impl Serialize for SlotRange {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for SlotRange {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slots_are_those_of_the_specification() {
        assert_eq!(crc16(b"123456789"), 0x31c3);
        assert_eq!(slot_of(b"foo"), 12_182);
        assert_eq!(slot_of(b"{user1000}.following"), slot_of(b"{user1000}.followers"));
        assert_eq!(slot_of(b"foo{}{bar}"), crc16(b"foo{}{bar}") % SLOTS);
        assert_eq!(slot_of(b"foo{{bar}}zap"), slot_of(b"{bar"));
        assert_eq!(slot_of(b"foo{bar}{zap}"), slot_of(b"bar"));
        assert_eq!(slot_of(b"open{bar"), crc16(b"open{bar") % SLOTS);
    }

    #[test]
    fn a_range_reads_back_and_holds_both_ends() {
        for text in ["0-5460", "7", "16383"] {
            assert_eq!(text.parse::<SlotRange>().expect(text).to_string(), text);
        }
        for text in ["", "5-4", "16384", "0-16384", "-1", "a-b"] {
            assert!(text.parse::<SlotRange>().is_err(), "{text}");
        }
        let range: SlotRange = "5-7".parse().expect("a range");
        let held: Vec<u16> = (0..10).filter(|slot| range.holds(*slot)).collect();
        assert_eq!(held, [5, 6, 7]);
    }
}
