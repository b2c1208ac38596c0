//! What a rollback keeps of a key before it writes it.

use super::codec::{Decoder, Encoder};
use super::entry::{decode_entry, encode_entry};
use super::image::{decode_whole, encode_whole};
use super::record::{ImageEntry, Mark};
use crate::model::{Edit, Now, Standing, WholeWas};

/// One key that a rollback is about to write, with what stands there before.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UndoEntry {
    /// The frame of the run whose entry is taken back.
    pub frame: u64,
    /// Which of that frame's entries.
    pub at: usize,
    /// What the entry's mark is once this is written.
    pub how: Mark,
    /// What a roll-forward puts back.
    pub entry: ImageEntry,
    /// What stands there once this is written, where that is told of a whole key.
    became: Option<Box<WholeWas>>,
}

impl UndoEntry {
    /// The entry for `edit`, which is about to be made; `entry` holds the image of it.
    pub fn of(frame: u64, at: usize, how: Mark, entry: ImageEntry, edit: &Edit) -> Self {
        let became = match edit {
            Edit::Whole(whole) => Some(Box::new(WholeWas::after(whole))),
            _ => None,
        };
        Self { frame, at, how, entry, became }
    }

    /// What stands now: ours is what the rollback wrote, before is what it replaced.
    pub fn standing(&self, now: &Now) -> Standing {
        match &self.became {
            None => self.entry.image.standing(now),
            Some(became) => self.entry.image.standing_of_whole(became, now),
        }
    }
}

pub(super) fn encode_undo(entries: &[UndoEntry]) -> Vec<u8> {
    let mut out = Encoder::default();
    for UndoEntry { frame, at, how, entry, became } in entries {
        out.number(*frame);
        out.number(*at as u64);
        out.raw(&[how.to_byte()]);
        encode_entry(entry, &mut out);
        out.flag(became.is_some());
        if let Some(became) = became {
            encode_whole(became, &mut out);
        }
    }
    out.finish()
}

pub(super) fn decode_undo(payload: &[u8]) -> Option<Vec<UndoEntry>> {
    let mut decoder = Decoder::new(payload);
    let mut entries = Vec::new();
    while !decoder.is_at_end() {
        let (frame, at) = (decoder.number()?, decoder.length()?);
        let how = Mark::from_byte(decoder.raw(1)?[0])?;
        let entry = decode_entry(&mut decoder)?;
        let became =
            if decoder.flag()? { Some(Box::new(decode_whole(&mut decoder)?)) } else { None };
        entries.push(UndoEntry { frame, at, how, entry, became });
    }
    Some(entries)
}
