//! What the journal keeps of a key before it is changed.

use super::content::{Content, HashField, field};
use super::digest::Digest;
use super::document::FieldChange;
use super::edit::{Edit, Kept, Turn, Whole};
use super::expiry::Expiry;
use super::home::Terms;
use super::key::Key;
use super::storage::Storage;

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
    /// The compared fields of a hash.
    Hash(Vec<FieldWas>),
    /// A RedisJSON value, as the module printed it.
    Json(Vec<u8>),
    /// The whole key, which changed its storage, its name or its expiry.
    Whole(Box<WholeWas>),
}

/// One compared field of a hash.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FieldWas {
    /// Its name.
    pub name: Vec<u8>,
    /// Its value; `None` for an absent one.
    pub value: Option<Vec<u8>>,
    /// When it expired.
    pub expires: Expiry,
}

/// A whole key as it was.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WholeWas {
    /// What stood under it; `None` is no key, as a rollback finds it that makes the key again.
    pub here: Option<Kept>,
    /// The key it was to move to, and what stood there.
    pub there: Option<(Key, Option<Kept>)>,
}

/// What stands now where an image is from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Now {
    /// Under the key itself.
    pub here: Stands,
    /// Under the key it was to move to, where there is one.
    pub there: Stands,
}

/// What stands under one key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Stands {
    /// No key.
    Nothing,
    /// A value that can be a document. The expiry is known where the image asks for it.
    Value(Content, Expiry),
    /// A value of another type.
    Other,
}

/// What stands now, seen by the image.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// What was meant to be written.
    Ours,
    /// What stood before.
    Before,
    /// Both: the value was copied to its new key and not yet taken away from the old one.
    Copied,
    /// Neither.
    Changed,
    /// Nothing at all.
    Missing,
}

impl BeforeImage {
    /// The before-image of a change that is about to be made.
    pub fn of(edit: &Edit) -> Self {
        let was = match edit {
            Edit::String { before, .. } => Was::String(before.clone()),
            Edit::Json { before, .. } => Was::Json(before.clone()),
            Edit::Hash(changes) => {
                let field = |c: &FieldChange| FieldWas {
                    name: c.name.clone(),
                    value: c.before.clone(),
                    expires: c.before_expires,
                };
                Was::Hash(changes.iter().map(field).collect())
            }
            Edit::Whole(whole) => Was::Whole(Box::new(WholeWas {
                here: whole.here.before.clone(),
                there: whole.there.as_ref().map(|(key, turn)| (key.clone(), turn.before.clone())),
            })),
        };
        Self { was, before: edit.before_digest(), after: edit.after_digest() }
    }

    /// How the key stored the value.
    pub fn storage(&self) -> Storage {
        match &self.was {
            Was::String(_) => Storage::String,
            Was::Hash(_) => Storage::Hash,
            Was::Json(_) => Storage::Json,
            Was::Whole(was) => was.value().map_or(Storage::String, |kept| kept.content.storage()),
        }
    }

    /// The key the value was to move to.
    pub fn moved_to(&self) -> Option<&Key> {
        match &self.was {
            Was::Whole(was) => was.there.as_ref().map(|(key, _)| key),
            _ => None,
        }
    }

    /// Whether the image is of a whole key: then what stands is to be read with its expiry, under
    /// both keys, whatever the storage.
    pub fn is_whole(&self) -> bool {
        matches!(self.was, Was::Whole(_))
    }

    /// The value that stood there, where the image has all of it.
    pub fn content(&self) -> Option<Content> {
        match &self.was {
            Was::String(text) => Some(Content::String(text.clone())),
            Was::Json(text) => Some(Content::Json(text.clone())),
            Was::Whole(was) => was.here.as_ref().map(|kept| kept.content.clone()),
            // Of a hash only the changed fields are kept.
            Was::Hash(_) => None,
        }
    }

    /// What stands now.
    pub fn standing(&self, now: &Now) -> Standing {
        let Was::Whole(was) = &self.was else {
            let content = match &now.here {
                Stands::Nothing => return Standing::Missing,
                Stands::Other => return Standing::Changed,
                Stands::Value(content, _) => content,
            };
            return match self.digest_of(content) {
                Some(digest) if digest == self.after => Standing::Ours,
                Some(digest) if digest == self.before => Standing::Before,
                _ => Standing::Changed,
            };
        };
        let travels = was.travels();
        let here = digest(&now.here, travels);
        let Some((_, replaced)) = &was.there else {
            return match here {
                Some(here) if here == self.after => Standing::Ours,
                Some(here) if here == self.before => Standing::Before,
                None if now.here == Stands::Nothing => Standing::Missing,
                _ => Standing::Changed,
            };
        };
        let ours = digest(&now.there, travels) == Some(self.after);
        let restored = match replaced {
            None => now.there == Stands::Nothing,
            Some(kept) => digest(&now.there, kept.expiry.is_none()) == Some(kept.digest()),
        };
        match (&now.here, &now.there) {
            (Stands::Nothing, _) if ours => Standing::Ours,
            _ if here == Some(self.before) && ours => Standing::Copied,
            _ if here == Some(self.before) && restored => Standing::Before,
            (Stands::Nothing, Stands::Nothing) => Standing::Missing,
            _ => Standing::Changed,
        }
    }

    /// What stands now, where the image is of a whole key that became `after`.
    pub fn standing_of_whole(&self, after: &WholeWas, now: &Now) -> Standing {
        let Was::Whole(was) = &self.was else { return Standing::Changed };
        match (was.stands(now), after.stands(now)) {
            (_, true) => Standing::Ours,
            (true, _) => Standing::Before,
            _ if now.here == Stands::Nothing && now.there == Stands::Nothing => Standing::Missing,
            _ => Standing::Changed,
        }
    }

    /// The size in bytes of what is kept.
    pub fn bytes(&self) -> usize {
        match &self.was {
            Was::String(text) | Was::Json(text) => text.len(),
            Was::Hash(fields) => {
                fields.iter().map(|f| f.name.len() + f.value.as_ref().map_or(0, Vec::len)).sum()
            }
            Was::Whole(was) => was.value().map_or(0, |kept| kept.content.bytes()),
        }
    }

    /// The digest of what `now` holds of the bytes this image is about; `None` when the key is
    /// stored in another way by now.
    fn digest_of(&self, now: &Content) -> Option<Digest> {
        match (&self.was, now) {
            (Was::String(_), Content::String(text)) => Some(Digest::of(text)),
            (Was::Json(_), Content::Json(text)) => Some(Digest::of_json(text)),
            (Was::Hash(fields), Content::Hash(now)) => {
                Some(Digest::of_fields(fields.iter().map(|was| {
                    let stands = field(now, &was.name);
                    let expires = stands.map_or(Expiry::Never, |field| field.expires);
                    (was.name.as_slice(), stands.map(|field| field.value.as_slice()), expires)
                })))
            }
            _ => None,
        }
    }

    /// The change that ends a move that was cut short between its steps: the value stands under the
    /// new key already, and goes away from the old one where it still stands as it was.
    pub fn finishing(&self, now: &Now) -> Option<Edit> {
        let Was::Whole(was) = &self.was else { return None };
        let ((key, _), Stands::Value(content, expiry)) = (was.there.as_ref()?, &now.there) else {
            return None;
        };
        let copy = Some(Kept { content: content.clone(), expiry: Some(*expiry) });
        Some(Edit::Whole(Box::new(Whole {
            here: Turn { before: was.here.clone(), after: None },
            there: Some((key.clone(), Turn { before: copy.clone(), after: copy })),
            terms: Terms::default(),
        })))
    }

    /// The change that puts the image back over what stands now; `None` when that is stored in
    /// another way, of another type, or not there any more.
    pub fn restoring(&self, now: &Now) -> Option<Edit> {
        if let Was::Whole(was) = &self.was {
            return was.restoring(now).map(|whole| Edit::Whole(Box::new(whole)));
        }
        let Stands::Value(content, _) = &now.here else { return None };
        match (&self.was, content) {
            (Was::String(was), Content::String(text)) => {
                Some(Edit::String { before: text.clone(), after: was.clone() })
            }
            (Was::Json(was), Content::Json(text)) => {
                Some(Edit::Json { before: text.clone(), after: was.clone() })
            }
            (Was::Hash(fields), Content::Hash(now)) => {
                Some(Edit::Hash(fields.iter().map(|was| was.restoring(now)).collect()))
            }
            _ => None,
        }
    }
}

impl FieldWas {
    fn restoring(&self, now: &[HashField]) -> FieldChange {
        let stands = field(now, &self.name);
        FieldChange {
            name: self.name.clone(),
            before: stands.map(|field| field.value.clone()),
            before_expires: stands.map_or(Expiry::Never, |field| field.expires),
            after: self.value.clone(),
            after_expires: self.expires,
        }
    }
}

/// The digest of a value that stands there, without its expiry where that travels.
fn digest(stands: &Stands, travels: bool) -> Option<Digest> {
    match stands {
        Stands::Value(content, expiry) => {
            let expiry = (!travels).then_some(*expiry);
            Some(Kept { content: content.clone(), expiry }.digest())
        }
        _ => None,
    }
}

impl WholeWas {
    /// What stands once a change is made.
    pub fn after(whole: &Whole) -> Self {
        let there = whole.there.as_ref();
        Self {
            here: whole.here.after.clone(),
            there: there.map(|(key, turn)| (key.clone(), turn.after.clone())),
        }
    }

    /// Whether exactly this stands now.
    fn stands(&self, now: &Now) -> bool {
        let is = |kept: &Option<Kept>, stands: &Stands| match kept {
            None => *stands == Stands::Nothing,
            Some(kept) => digest(stands, kept.expiry.is_none()) == Some(kept.digest()),
        };
        is(&self.here, &now.here)
            && self.there.as_ref().is_none_or(|(_, kept)| is(kept, &now.there))
    }

    /// The value it is about.
    fn value(&self) -> Option<&Kept> {
        self.here.as_ref().or(self.there.as_ref().and_then(|(_, kept)| kept.as_ref()))
    }

    /// Whether the expiry goes with the value, whatever it is.
    fn travels(&self) -> bool {
        self.value().is_some_and(|kept| kept.expiry.is_none())
    }

    /// Puts the value back under its key, and under the other one what stood there.
    fn restoring(&self, now: &Now) -> Option<Whole> {
        let travels = self.travels();
        let stands = |stands: &Stands, travels: bool| match stands {
            Stands::Value(content, expiry) => {
                Some(Some(Kept { content: content.clone(), expiry: (!travels).then_some(*expiry) }))
            }
            Stands::Nothing => Some(None),
            Stands::Other => None,
        };
        let after = self.here.clone();
        let Some((key, replaced)) = &self.there else {
            let before = stands(&now.here, travels)??;
            let here = Turn { before: Some(before), after };
            return Some(Whole { here, there: None, terms: Terms::default() });
        };
        // Of two values only one can be the traveller: the one that comes back.
        let comes_back = matches!(now.there, Stands::Value(..));
        let here = stands(&now.here, travels && !comes_back)?;
        let there = stands(&now.there, travels)?;
        if here.is_none() && there.is_none() {
            return None;
        }
        Some(Whole {
            here: Turn { before: here, after },
            there: Some((key.clone(), Turn { before: there, after: replaced.clone() })),
            terms: Terms::default(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn change(name: &str, before: Option<&str>, after: Option<&str>) -> FieldChange {
        FieldChange::new(name.as_bytes(), before.map(Into::into), after.map(Into::into))
    }

    fn now(content: Content) -> Now {
        Now { here: Stands::Value(content, Expiry::Never), there: Stands::Nothing }
    }

    #[test]
    fn an_image_knows_our_value_and_puts_the_old_one_back() {
        let edit = Edit::Hash(vec![change("a", Some("1"), None), change("b", None, Some("1"))]);
        let image = BeforeImage::of(&edit);
        let ours = now(Content::Hash(vec![HashField::new("z", "other"), HashField::new("b", "1")]));
        assert_eq!(image.standing(&ours), Standing::Ours);
        assert_eq!(image.restoring(&ours), Some(edit.clone().reversed()));
        assert_eq!(edit.reversed().after_digest(), image.before);
        assert_eq!(image.standing(&now(Content::String(Vec::new()))), Standing::Changed);
    }

    #[test]
    fn a_field_expiry_is_part_of_the_field() {
        let mut set = change("a", Some("1"), Some("2"));
        set.before_expires = Expiry::AtMs(7);
        set.after_expires = Expiry::AtMs(7);
        let image = BeforeImage::of(&Edit::Hash(vec![set]));
        let with = |expires| {
            let field = HashField { name: b"a".to_vec(), value: b"2".to_vec(), expires };
            image.standing(&now(Content::Hash(vec![field])))
        };
        assert_eq!(with(Expiry::AtMs(7)), Standing::Ours);
        assert_eq!(with(Expiry::Never), Standing::Changed);
    }

    #[test]
    fn a_moved_value_is_told_by_both_keys() {
        let value = |text: &str| Content::String(text.as_bytes().to_vec());
        let kept = |text: &str| Kept { content: value(text), expiry: None };
        let stands = |text: &str| Stands::Value(value(text), Expiry::AtMs(9));
        let edit = Edit::Whole(Box::new(Whole {
            here: Turn { before: Some(kept("old")), after: None },
            there: Some((Key::from("new"), Turn { before: None, after: Some(kept("ours")) })),
            terms: Terms::default(),
        }));
        let image = BeforeImage::of(&edit);
        let standing = |here, there| image.standing(&Now { here, there });
        assert_eq!(standing(stands("old"), Stands::Nothing), Standing::Before);
        assert_eq!(standing(Stands::Nothing, stands("ours")), Standing::Ours);
        assert_eq!(standing(stands("old"), stands("ours")), Standing::Copied);
        assert_eq!(standing(Stands::Nothing, stands("theirs")), Standing::Changed);
        assert_eq!(standing(stands("theirs"), stands("ours")), Standing::Changed);
        assert_eq!(standing(Stands::Nothing, Stands::Nothing), Standing::Missing);
        let moved = Now { here: Stands::Nothing, there: stands("ours") };
        assert_eq!(image.restoring(&moved), Some(edit.reversed()));
    }
}
