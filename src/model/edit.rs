//! A change of one key's value: what has to stand for it to be made, and what stands afterwards.

use super::content::Content;
use super::digest::Digest;
use super::document::FieldChange;
use super::expiry::Expiry;
use super::home::Terms;
use super::key::Key;
use super::storage::Storage;

/// A change of one key's value. The store writes it only where what it was made from still stands.
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
    /// A RedisJSON value.
    Json {
        /// The text that the module has to print.
        before: Vec<u8>,
        /// The text to set. What the module prints afterwards may be written otherwise.
        after: Vec<u8>,
    },
    /// The key as a whole: its storage, its name, its expiry.
    Whole(Box<Whole>),
}

/// A change of a key as a whole. Either the value stays under its key (`there` is `None`), or it
/// moves to another one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Whole {
    /// What happens under the key itself.
    pub here: Turn,
    /// The key the value moves to, or in a rollback comes back from, and what happens there.
    pub there: Option<(Key, Turn)>,
    /// On what terms it was made.
    pub terms: Terms,
}

/// What stands under one key and what is to stand there; `None` is no key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Turn {
    /// What has to stand.
    pub before: Option<Kept>,
    /// What is to stand.
    pub after: Option<Kept>,
}

/// A value with its expiry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Kept {
    /// The value.
    pub content: Content,
    /// The expiry; `None` when it travels with the value, whatever it is: then it is not compared
    /// where the value stands, and is the same where it comes to.
    pub expiry: Option<Expiry>,
}

impl Kept {
    /// A short name for the value, its storage, and the expiry unless that travels.
    pub fn digest(&self) -> Digest {
        let mut bytes = self.content.storage().name().as_bytes().to_vec();
        bytes.extend_from_slice(&self.content.digest().to_bytes());
        if let Some(expiry) = self.expiry {
            bytes.extend_from_slice(&expiry.to_pexpiretime().to_le_bytes());
        }
        Digest::of(&bytes)
    }
}

impl Turn {
    fn bytes(&self) -> usize {
        [&self.before, &self.after].into_iter().flatten().map(|kept| kept.content.bytes()).sum()
    }

    fn reversed(self) -> Self {
        Self { before: self.after, after: self.before }
    }
}

impl Whole {
    /// What the change is about, before it: the value under the key, or under the one it comes from.
    fn read(&self) -> Option<&Kept> {
        let there = self.there.as_ref().and_then(|(_, turn)| turn.before.as_ref());
        self.here.before.as_ref().or(there)
    }

    /// The value afterwards.
    fn written(&self) -> Option<&Kept> {
        let there = self.there.as_ref().and_then(|(_, turn)| turn.after.as_ref());
        self.here.after.as_ref().or(there)
    }
}

impl Edit {
    /// The key the value moves to.
    pub fn moved_to(&self) -> Option<&Key> {
        match self {
            Self::Whole(whole) => whole.there.as_ref().map(|(key, _)| key),
            _ => None,
        }
    }

    /// How the key stores the value before the change.
    pub fn storage(&self) -> Storage {
        match self {
            Self::String { .. } => Storage::String,
            Self::Hash(_) => Storage::Hash,
            Self::Json { .. } => Storage::Json,
            Self::Whole(whole) => {
                let kept = whole.read().or(whole.written());
                kept.expect("a change is about a value").content.storage()
            }
        }
    }

    /// The size in bytes of what is compared and written.
    pub fn bytes(&self) -> usize {
        let size = |value: &Option<Vec<u8>>| value.as_ref().map_or(0, Vec::len);
        match self {
            Self::String { before, after } | Self::Json { before, after } => {
                before.len() + after.len()
            }
            Self::Hash(changes) => {
                changes.iter().map(|c| c.name.len() + size(&c.before) + size(&c.after)).sum()
            }
            Self::Whole(whole) => {
                let there = whole.there.as_ref();
                whole.here.bytes()
                    + there.map_or(0, |(key, turn)| key.as_bytes().len() + turn.bytes())
            }
        }
    }

    /// The change that takes this one back.
    #[must_use]
    pub fn reversed(self) -> Self {
        match self {
            Self::String { before, after } => Self::String { before: after, after: before },
            Self::Json { before, after } => Self::Json { before: after, after: before },
            Self::Hash(changes) => {
                let turn = |c: FieldChange| FieldChange {
                    name: c.name,
                    before: c.after,
                    before_expires: c.after_expires,
                    after: c.before,
                    after_expires: c.before_expires,
                };
                Self::Hash(changes.into_iter().map(turn).collect())
            }
            Self::Whole(whole) => Self::Whole(Box::new(Whole {
                here: whole.here.reversed(),
                there: whole.there.map(|(key, turn)| (key, turn.reversed())),
                terms: Terms::default(),
            })),
        }
    }

    /// The digest of what has to stand.
    pub fn before_digest(&self) -> Digest {
        match self {
            Self::String { before, .. } => Digest::of(before),
            Self::Json { before, .. } => Digest::of_json(before),
            Self::Hash(changes) => Digest::of_fields(
                changes.iter().map(|c| (&c.name[..], c.before.as_deref(), c.before_expires)),
            ),
            Self::Whole(whole) => whole.read().map_or(Digest::NOTHING, Kept::digest),
        }
    }

    /// The digest of what stands afterwards.
    pub fn after_digest(&self) -> Digest {
        match self {
            Self::String { after, .. } => Digest::of(after),
            Self::Json { after, .. } => Digest::of_json(after),
            Self::Hash(changes) => Digest::of_fields(
                changes.iter().map(|c| (&c.name[..], c.after.as_deref(), c.after_expires)),
            ),
            Self::Whole(whole) => whole.written().map_or(Digest::NOTHING, Kept::digest),
        }
    }
}
