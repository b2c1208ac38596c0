//! The journal's entries of before-images as bytes: the key, the way its document took, its expiry, and the
//! image.

use semver::Version;

use super::codec::{Decoder, Encoder};
use super::image::{decode_expiry, decode_image, encode_edit, encode_expiry, encode_image};
use super::record::ImageEntry;
use crate::model::{Branch, Edit, Expiry, Key};

pub(super) fn encode_images(entries: &[ImageEntry]) -> Vec<u8> {
    let mut out = Encoder::default();
    for entry in entries {
        encode_entry(entry, &mut out);
    }
    out.finish()
}

/// Encodes edits as [`encode_images`] does the entries of them.
pub(super) fn encode_edits<'e>(
    edits: impl Iterator<Item = (&'e Key, &'e Version, &'e Branch, &'e Edit, Expiry)>,
) -> Vec<u8> {
    let mut out = Encoder::default();
    // Most documents of a batch have the same version.
    let mut said = (None, String::new());
    for (key, source, branch, edit, expiry) in edits {
        if said.0 != Some(source) {
            said = (Some(source), source.to_string());
        }
        encode_head(key, &said.1, branch, expiry, &mut out);
        encode_edit(edit, &mut out);
    }
    out.finish()
}

pub(super) fn decode_images(payload: &[u8]) -> Option<Vec<ImageEntry>> {
    let mut decoder = Decoder::new(payload);
    let mut entries = Vec::new();
    while !decoder.is_at_end() {
        entries.push(decode_entry(&mut decoder)?);
    }
    Some(entries)
}

pub(super) fn encode_entry(
    ImageEntry { key, source, branch, image, expiry }: &ImageEntry,
    out: &mut Encoder,
) {
    encode_head(key, source, branch, *expiry, out);
    encode_image(image, out);
}

/// What an entry tells of a key before its image.
fn encode_head(key: &Key, source: &str, branch: &Branch, expiry: Expiry, out: &mut Encoder) {
    out.bytes(key.as_bytes());
    out.bytes(source.as_bytes());
    if !branch.is_empty() {
        // An entry always tells its expiry, so one that is not told says that a branch stands first.
        encode_expiry(None, out);
        out.number(branch.answers().len() as u64);
        out.raw(&branch.to_bits());
    }
    encode_expiry(Some(expiry), out);
}

pub(super) fn decode_entry(decoder: &mut Decoder<'_>) -> Option<ImageEntry> {
    let key = Key::from(decoder.bytes()?);
    let source = String::from_utf8(decoder.bytes()?.to_vec()).ok()?;
    let (branch, expiry) = if let Some(expiry) = decode_expiry(decoder)? {
        (Branch::default(), expiry)
    } else {
        let count = decoder.length()?;
        let bits = decoder.raw(count.div_ceil(8))?;
        (Branch::from_bits(count, bits)?, decode_expiry(decoder)??)
    };
    Some(ImageEntry { key, source, branch, image: decode_image(decoder)?, expiry })
}
