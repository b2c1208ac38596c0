//! A before-image as bytes.
//!
//! A value's first byte tells its kind. A kind is only ever added, so older journals stay readable.

use super::codec::{Decoder, Encoder};
use crate::model::{
    BeforeImage, Content, Digest, Edit, Expiry, FieldWas, HashField, Kept, Key, Was, WholeWas,
};

const STRING: u8 = b's';
const JSON: u8 = b'j';
/// Fields of a hash, of which none expires.
const HASH: u8 = b'h';
/// Fields of a hash, each with its expiry.
const EXPIRING_HASH: u8 = b'e';
const WHOLE: u8 = b'w';

pub(super) fn encode_image(image: &BeforeImage, out: &mut Encoder) {
    out.raw(&image.before.to_bytes());
    out.raw(&image.after.to_bytes());
    match &image.was {
        Was::String(text) => {
            out.raw(&[STRING]);
            out.bytes(text);
        }
        Was::Json(text) => {
            out.raw(&[JSON]);
            out.bytes(text);
        }
        Was::Hash(fields) => {
            let expiring = fields.iter().any(|field| field.expires != Expiry::Never);
            out.raw(&[if expiring { EXPIRING_HASH } else { HASH }]);
            out.number(fields.len() as u64);
            for FieldWas { name, value, expires } in fields {
                out.bytes(name);
                out.optional(value.as_deref());
                if expiring {
                    encode_expiry(Some(*expires), out);
                }
            }
        }
        Was::Whole(was) => {
            out.raw(&[WHOLE]);
            encode_whole(was, out);
        }
    }
}

/// Encodes the before-image of an edit, without making it where it would copy a whole text.
pub(super) fn encode_edit(edit: &Edit, out: &mut Encoder) {
    let (kind, text) = match edit {
        Edit::String { before, .. } => (STRING, before),
        Edit::Json { before, .. } => (JSON, before),
        Edit::Hash(_) | Edit::Whole(_) => return encode_image(&BeforeImage::of(edit), out),
    };
    out.raw(&edit.before_digest().to_bytes());
    out.raw(&edit.after_digest().to_bytes());
    out.raw(&[kind]);
    out.bytes(text);
}

pub(super) fn decode_image(decoder: &mut Decoder<'_>) -> Option<BeforeImage> {
    let before = Digest::from_bytes(decoder.raw(16)?.try_into().ok()?);
    let after = Digest::from_bytes(decoder.raw(16)?.try_into().ok()?);
    let was = match decoder.raw(1)?[0] {
        STRING => Was::String(decoder.bytes()?.to_vec()),
        JSON => Was::Json(decoder.bytes()?.to_vec()),
        kind @ (HASH | EXPIRING_HASH) => {
            let mut fields = Vec::new();
            for _ in 0..decoder.number()? {
                let name = decoder.bytes()?.to_vec();
                let value = decoder.optional()?.map(<[u8]>::to_vec);
                let expires = match kind {
                    HASH => Expiry::Never,
                    _ => decode_expiry(decoder)??,
                };
                fields.push(FieldWas { name, value, expires });
            }
            Was::Hash(fields)
        }
        WHOLE => Was::Whole(Box::new(decode_whole(decoder)?)),
        _ => return None,
    };
    Some(BeforeImage { was, before, after })
}

pub(super) fn encode_whole(whole: &WholeWas, out: &mut Encoder) {
    encode_place(whole.here.as_ref(), out);
    out.flag(whole.there.is_some());
    if let Some((key, kept)) = &whole.there {
        out.bytes(key.as_bytes());
        encode_place(kept.as_ref(), out);
    }
}

pub(super) fn decode_whole(decoder: &mut Decoder<'_>) -> Option<WholeWas> {
    let here = decode_place(decoder)?;
    let there = if decoder.flag()? {
        let key = Key::from(decoder.bytes()?);
        Some((key, decode_place(decoder)?))
    } else {
        None
    };
    Some(WholeWas { here, there })
}

/// What stands under one key, or that nothing does.
fn encode_place(kept: Option<&Kept>, out: &mut Encoder) {
    out.flag(kept.is_some());
    if let Some(kept) = kept {
        encode_kept(kept, out);
    }
}

#[expect(clippy::option_option, reason = "the payload may end, and there may be no key")]
fn decode_place(decoder: &mut Decoder<'_>) -> Option<Option<Kept>> {
    if decoder.flag()? { decode_kept(decoder).map(Some) } else { Some(None) }
}

fn encode_kept(kept: &Kept, out: &mut Encoder) {
    encode_expiry(kept.expiry, out);
    match &kept.content {
        Content::String(text) => {
            out.raw(&[STRING]);
            out.bytes(text);
        }
        Content::Json(text) => {
            out.raw(&[JSON]);
            out.bytes(text);
        }
        Content::Hash(fields) => {
            out.raw(&[HASH]);
            out.number(fields.len() as u64);
            for HashField { name, value, expires } in fields {
                out.bytes(name);
                out.bytes(value);
                encode_expiry(Some(*expires), out);
            }
        }
    }
}

fn decode_kept(decoder: &mut Decoder<'_>) -> Option<Kept> {
    let expiry = decode_expiry(decoder)?;
    let content = match decoder.raw(1)?[0] {
        STRING => Content::String(decoder.bytes()?.to_vec()),
        JSON => Content::Json(decoder.bytes()?.to_vec()),
        HASH => {
            let mut fields = Vec::new();
            for _ in 0..decoder.number()? {
                let (name, value) = (decoder.bytes()?.to_vec(), decoder.bytes()?.to_vec());
                fields.push(HashField { name, value, expires: decode_expiry(decoder)?? });
            }
            Content::Hash(fields)
        }
        _ => return None,
    };
    Some(Kept { content, expiry })
}

/// 0 for an expiry that is not told, 1 for never, else the time plus two.
pub(super) fn encode_expiry(expiry: Option<Expiry>, out: &mut Encoder) {
    out.number(match expiry {
        None => 0,
        Some(Expiry::Never) => 1,
        Some(Expiry::AtMs(at)) => u64::try_from(at).unwrap_or(0).saturating_add(2),
    });
}

#[expect(clippy::option_option, reason = "the payload may end, and the expiry may not be told")]
pub(super) fn decode_expiry(decoder: &mut Decoder<'_>) -> Option<Option<Expiry>> {
    Some(match decoder.number()? {
        0 => None,
        1 => Some(Expiry::Never),
        at => Some(Expiry::AtMs(i64::try_from(at - 2).ok()?)),
    })
}
