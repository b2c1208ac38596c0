//! Records on their way to frames and back: compressed with contexts that each thread keeps, because
//! making one costs more than a frame.

use std::cell::RefCell;

use semver::Version;
use zstd::bulk::{Compressor, Decompressor};
use zstd::zstd_safe::get_frame_content_size;

use super::entry::encode_edits;
use super::record::Record;
use crate::model::{Branch, Edit, Expiry, Key};

/// One of zstd's fast levels: documents of a batch are alike, which it finds out as well as level 1 does,
/// in about half the time, and reads in a third.
const ZSTD_LEVEL: i32 = -2;
const IN_MEMORY: &str = "a context is a few hundred kilobytes of memory";

thread_local! {
    static COMPRESSOR: RefCell<Compressor<'static>> =
        RefCell::new(Compressor::new(ZSTD_LEVEL).expect(IN_MEMORY));
    static DECOMPRESSOR: RefCell<Decompressor<'static>> =
        RefCell::new(Decompressor::new().expect(IN_MEMORY));
}

/// A record, encoded: what a journal appends. So the work is done by whoever has the record, and not
/// by the one thread that appends.
#[derive(Debug)]
pub struct Packed {
    pub(super) kind: u8,
    pub(super) payload: Vec<u8>,
}

impl Packed {
    /// Encodes a record.
    pub fn of(record: &Record) -> Self {
        let (kind, payload) = record.encode();
        Self { kind, payload }
    }

    /// Encodes the before-images of edits that are about to be made, as [`Record::Images`] of entries
    /// of them does, without making those: of each edit the key, the version the document had, which of
    /// its chain's conditional steps were carried out, and when the key is to expire.
    pub fn images<'e>(
        edits: impl Iterator<Item = (&'e Key, &'e Version, &'e Branch, &'e Edit, Expiry)>,
    ) -> Self {
        Self { kind: Record::IMAGES, payload: compress(&encode_edits(edits)) }
    }
}

/// How many bytes are left of `bytes` when they are compressed as before-images are.
pub fn compressed_length(bytes: &[u8]) -> usize {
    compress(bytes).len()
}

pub(super) fn compress(bytes: &[u8]) -> Vec<u8> {
    let packed = COMPRESSOR.with_borrow_mut(|context| context.compress(bytes));
    packed.expect("writing to memory does not fail")
}

/// Reads what [`compress`] made; `None` when it did not.
pub(super) fn decompress(bytes: &[u8]) -> Option<Vec<u8>> {
    match get_frame_content_size(bytes).ok()? {
        Some(size) => {
            let size = usize::try_from(size).ok()?;
            DECOMPRESSOR.with_borrow_mut(|context| context.decompress(bytes, size).ok())
        }
        // Older journals do not say how much comes out.
        None => zstd::decode_all(bytes).ok(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::journal::ImageEntry;
    use crate::model::{BeforeImage, FieldChange};

    #[test]
    fn edits_are_encoded_as_the_entries_of_them() {
        let text = |text: &str| text.as_bytes().to_vec();
        let edits = [
            Edit::String { before: text("{}"), after: text("{\"a\":1}") },
            Edit::Json { before: text("[]"), after: text("[1]") },
            Edit::Hash(vec![FieldChange::new(text("f"), Some(text("1")), None)]),
        ];
        let (key, expiry) = (Key::from("k"), Expiry::AtMs(7));
        let branch: Branch = [true, false, true].into_iter().collect();
        let versions = [Version::new(1, 0, 0), Version::new(1, 0, 0), Version::new(2, 0, 0)];
        let entry = |(edit, source): (&Edit, &Version)| ImageEntry {
            key: key.clone(),
            source: source.to_string(),
            branch: branch.clone(),
            image: BeforeImage::of(edit),
            expiry,
        };
        let entries = edits.iter().zip(&versions).map(entry).collect();
        let edits =
            edits.iter().zip(&versions).map(|(edit, source)| (&key, source, &branch, edit, expiry));
        assert_eq!(Packed::images(edits).payload, Packed::of(&Record::Images(entries)).payload);
    }

    #[test]
    fn what_was_compressed_reads_back() {
        for bytes in [Vec::new(), b"a".to_vec(), b"abc".repeat(100_000)] {
            assert_eq!(decompress(&compress(&bytes)), Some(bytes.clone()));
            let without_size = zstd::encode_all(bytes.as_slice(), ZSTD_LEVEL).expect("in memory");
            assert_eq!(decompress(&without_size), Some(bytes));
        }
        assert_eq!(decompress(b"no frame"), None);
    }
}
