//! The exact bytes of a document's value, and a change of them.

use super::digest::Digest;
use super::document::{Document, DocumentError, FieldChange};
use super::storage::Storage;

/// What a key holds, as it was read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Content {
    /// The text of a string.
    String(Vec<u8>),
    /// The fields of a hash, in the server's order.
    Hash(Vec<(Vec<u8>, Vec<u8>)>),
    /// A RedisJSON value as JSON text.
    Json(Vec<u8>),
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
            Self::Hash(fields) => fields.iter().map(|(n, v)| n.len() + v.len()).sum(),
        }
    }

    /// The value seen as a document.
    pub fn document(&self) -> Result<Document<'_>, DocumentError> {
        match self {
            Self::String(text) | Self::Json(text) => Document::from_json(text, self.storage()),
            Self::Hash(fields) => Ok(Document::from_hash(
                fields.iter().map(|(name, value)| (name.as_slice(), value.as_slice())),
            )),
        }
    }
}

/// A change of one key's value: what has to stand for it to be made, and what stands afterwards. The
/// store writes it only where `before` still stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Edit {
    /// The whole text of a string.
    String {
        /// The text that has to stand.
        before: Vec<u8>,
        /// The text to write.
        after: Vec<u8>,
    },
    /// Fields of a hash; other fields are neither compared nor touched. A field whose `before` and
    /// `after` are equal is only compared.
    Hash(Vec<FieldChange>),
}

impl Edit {
    /// How the key stores the value.
    pub fn storage(&self) -> Storage {
        match self {
            Self::String { .. } => Storage::String,
            Self::Hash(_) => Storage::Hash,
        }
    }

    /// The size in bytes of what is compared and written.
    pub fn bytes(&self) -> usize {
        let size = |value: &Option<Vec<u8>>| value.as_ref().map_or(0, Vec::len);
        match self {
            Self::String { before, after } => before.len() + after.len(),
            Self::Hash(changes) => {
                changes.iter().map(|c| c.name.len() + size(&c.before) + size(&c.after)).sum()
            }
        }
    }

    /// The change that takes this one back.
    #[must_use]
    pub fn reversed(self) -> Self {
        match self {
            Self::String { before, after } => Self::String { before: after, after: before },
            Self::Hash(changes) => {
                let turn =
                    |c: FieldChange| FieldChange { name: c.name, before: c.after, after: c.before };
                Self::Hash(changes.into_iter().map(turn).collect())
            }
        }
    }

    /// The digest of what has to stand.
    pub fn before_digest(&self) -> Digest {
        match self {
            Self::String { before, .. } => Digest::of(before),
            Self::Hash(changes) => {
                Digest::of_pairs(changes.iter().map(|c| (&c.name[..], c.before.as_deref())))
            }
        }
    }

    /// The digest of what stands afterwards.
    pub fn after_digest(&self) -> Digest {
        match self {
            Self::String { after, .. } => Digest::of(after),
            Self::Hash(changes) => {
                Digest::of_pairs(changes.iter().map(|c| (&c.name[..], c.after.as_deref())))
            }
        }
    }
}

/// What the journal keeps of a key before it is changed: exact bytes to put back, and digests of
/// what was read and of what was meant to be written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BeforeImage {
    /// What stood there.
    pub was: Was,
    /// The digest of `was`.
    pub before: Digest,
    /// The digest of what was to be written over it.
    pub after: Digest,
}

/// The bytes of a [`BeforeImage`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Was {
    /// The whole text of a string.
    String(Vec<u8>),
    /// The compared fields of a hash, each with its value or `None` for an absent one.
    Hash(Vec<(Vec<u8>, Option<Vec<u8>>)>),
}

impl BeforeImage {
    /// The before-image of a change that is about to be made.
    pub fn of(edit: &Edit) -> Self {
        let was = match edit {
            Edit::String { before, .. } => Was::String(before.clone()),
            Edit::Hash(changes) => {
                Was::Hash(changes.iter().map(|c| (c.name.clone(), c.before.clone())).collect())
            }
        };
        Self { was, before: edit.before_digest(), after: edit.after_digest() }
    }

    /// How the key stored the value.
    pub fn storage(&self) -> Storage {
        match self.was {
            Was::String(_) => Storage::String,
            Was::Hash(_) => Storage::Hash,
        }
    }

    /// The digest of what `now` holds of the bytes this image is about; `None` when the key is
    /// stored in another way by now.
    pub fn digest_of(&self, now: &Content) -> Option<Digest> {
        match (&self.was, now) {
            (Was::String(_), Content::String(text)) => Some(Digest::of(text)),
            (Was::Hash(fields), Content::Hash(now)) => {
                let names = fields.iter().map(|(name, _)| name.as_slice());
                Some(Digest::of_pairs(names.map(|name| (name, field(now, name)))))
            }
            _ => None,
        }
    }

    /// The change that puts the image back over what `now` holds; `None` when the key is stored in
    /// another way by now.
    pub fn restoring(&self, now: &Content) -> Option<Edit> {
        match (&self.was, now) {
            (Was::String(was), Content::String(text)) => {
                Some(Edit::String { before: text.clone(), after: was.clone() })
            }
            (Was::Hash(fields), Content::Hash(now)) => {
                let change = |(name, was): &(Vec<u8>, Option<Vec<u8>>)| FieldChange {
                    before: field(now, name).map(<[u8]>::to_vec),
                    after: was.clone(),
                    name: name.clone(),
                };
                Some(Edit::Hash(fields.iter().map(change).collect()))
            }
            _ => None,
        }
    }
}

fn field<'f>(fields: &'f [(Vec<u8>, Vec<u8>)], name: &[u8]) -> Option<&'f [u8]> {
    fields.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_slice())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_image_knows_our_value_and_puts_the_old_one_back() {
        let changes = vec![
            FieldChange { name: b"a".to_vec(), before: Some(b"1".to_vec()), after: None },
            FieldChange { name: b"b".to_vec(), before: None, after: Some(b"1".to_vec()) },
        ];
        let edit = Edit::Hash(changes);
        let image = BeforeImage::of(&edit);
        let now =
            Content::Hash(vec![(b"z".to_vec(), b"other".to_vec()), (b"b".to_vec(), b"1".to_vec())]);
        assert_eq!(image.digest_of(&now), Some(image.after));
        assert_eq!(image.restoring(&now), Some(edit.clone().reversed()));
        assert_eq!(edit.clone().reversed().after_digest(), image.before);
        assert_eq!(image.digest_of(&Content::String(Vec::new())), None);
    }
}
