//! The exact bytes of a document's value.

use std::borrow::Cow;

use super::digest::Digest;
use super::document::{Document, DocumentError, FieldChange};
use super::expiry::Expiry;
use super::storage::Storage;
use super::value::Value;

/// What a key holds, as it was read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Content {
    /// The text of a string.
    String(Vec<u8>),
    /// The fields of a hash, in the server's order.
    Hash(Vec<HashField>),
    /// A RedisJSON value as the text the module prints, which is never the text it was given.
    Json(Vec<u8>),
}

/// One field of a hash.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HashField {
    /// Its name.
    pub name: Vec<u8>,
    /// Its value.
    pub value: Vec<u8>,
    /// When the field expires; never, on a server without field expiries.
    pub expires: Expiry,
}

impl HashField {
    /// A field that does not expire.
    pub fn new(name: impl Into<Vec<u8>>, value: impl Into<Vec<u8>>) -> Self {
        Self { name: name.into(), value: value.into(), expires: Expiry::Never }
    }
}

impl Content {
    /// How the key stores it.
    pub fn storage(&self) -> Storage {
        match self {
            Self::String(_) => Storage::String,
            Self::Hash(_) => Storage::Hash,
            Self::Json(_) => Storage::Json,
        }
    }

    /// The size of the value in bytes, names of hash fields included.
    pub fn bytes(&self) -> usize {
        match self {
            Self::String(text) | Self::Json(text) => text.len(),
            Self::Hash(fields) => fields.iter().map(|f| f.name.len() + f.value.len()).sum(),
        }
    }

    /// The value seen as a document.
    pub fn document(&self) -> Result<Document<'_>, DocumentError> {
        match self {
            Self::String(text) | Self::Json(text) => Document::from_json(text, self.storage()),
            Self::Hash(fields) => Ok(Document::from_hash(
                fields.iter().map(|field| (field.name.as_slice(), field.value.as_slice())),
            )),
        }
    }

    /// The digest of the whole value.
    pub fn digest(&self) -> Digest {
        match self {
            Self::String(text) => Digest::of(text),
            Self::Json(text) => Digest::of_json(text),
            Self::Hash(fields) => Digest::of_fields(
                fields.iter().map(|f| (&f.name[..], Some(&f.value[..]), f.expires)),
            ),
        }
    }
}

/// Tells changes of a hash when its fields expire. A field that stays keeps its expiry, and one that
/// was only renamed takes it along; a field made from others has none.
pub fn carry_expiries(fields: &[HashField], after: &Document<'_>, changes: &mut [FieldChange]) {
    if fields.iter().all(|field| field.expires == Expiry::Never) {
        return;
    }
    for change in changes {
        if let Some(stood) = field(fields, &change.name) {
            change.before_expires = stood.expires;
        }
        if change.after.is_some() {
            change.after_expires = expiry_of(&change.name, fields, after);
        }
    }
}

/// Like [`carry_expiries`], for all fields of the hash as it is to be.
pub fn carry_all(fields: &[HashField], after: &Document<'_>, written: &mut [HashField]) {
    if fields.iter().any(|field| field.expires != Expiry::Never) {
        for field in written {
            field.expires = expiry_of(&field.name, fields, after);
        }
    }
}

/// When a field of `after` expires, which was made of `fields`.
fn expiry_of(name: &[u8], fields: &[HashField], after: &Document<'_>) -> Expiry {
    if let Some(stood) = field(fields, name) {
        return stood.expires;
    }
    let member =
        |name: &[u8]| after.root.members().iter().find(|member| *member.name.to_plain() == *name);
    let Some(Value::Plain(Cow::Borrowed(bytes))) = member(name).map(|member| &member.value) else {
        return Expiry::Never;
    };
    // The very bytes that were read, and not equal ones, are the field that was renamed.
    let is_origin = |field: &&HashField| {
        field.value == *bytes
            && (bytes.is_empty() || field.value.as_ptr() == bytes.as_ptr())
            && member(&field.name).is_none()
    };
    fields.iter().find(is_origin).map_or(Expiry::Never, |origin| origin.expires)
}

/// The field of this name.
pub(super) fn field<'f>(fields: &'f [HashField], name: &[u8]) -> Option<&'f HashField> {
    fields.iter().find(|field| field.name == name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_expiry_goes_with_its_field() {
        let expiring = |name: &str, value: &str, at| HashField {
            expires: Expiry::AtMs(at),
            ..HashField::new(name, value)
        };
        let content = Content::Hash(vec![
            expiring("a", "x", 1),
            expiring("b", "x", 2),
            HashField::new("c", "x"),
            expiring("d", "y", 4),
        ]);
        let Content::Hash(fields) = &content else { unreachable!("made just above") };
        let before = content.document().expect("a hash");
        let mut after = before.clone();
        after.root.rename(1, "B");
        after.root.push("made", Value::string("x"));
        after.root.remove(0);
        let mut changes = after.hash_delta(&before).expect("plain fields");
        carry_expiries(fields, &after, &mut changes);
        let shown: Vec<_> =
            changes.iter().map(|c| (&c.name[..], c.before_expires, c.after_expires)).collect();
        let expected: [(&[u8], _, _); 4] = [
            (b"B", Expiry::Never, Expiry::AtMs(2)),
            (b"made", Expiry::Never, Expiry::Never),
            (b"a", Expiry::AtMs(1), Expiry::Never),
            (b"b", Expiry::AtMs(2), Expiry::Never),
        ];
        assert_eq!(shown, expected);
    }
}
