//! One key's value seen as fields.

use std::borrow::Cow;

use super::content::HashField;
use super::expiry::Expiry;
use super::home::Home;
use super::key::printable;
use super::object::{Member, Object};
use super::storage::Storage;

/// A document: an object, and how its key stores it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Document<'a> {
    /// The top-level fields.
    pub root: Object<'a>,
    storage: Storage,
    /// Space around the JSON text in a string.
    around: (&'a str, &'a str),
    /// What is to change besides the fields.
    pub home: Home,
}

/// Why a value is no document.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DocumentError {
    /// The bytes are no text.
    #[error("not a JSON document: byte {at} is no UTF-8")]
    NotText {
        /// Bytes before the first wrong one.
        at: usize,
    },
    /// The text is no JSON.
    #[error("not a JSON document: {0}")]
    NotJson(String),
    /// The text is JSON, but an array or a scalar.
    #[error("not a document: the JSON is {0}, and a document is an object")]
    NotObject(&'static str),
    /// A transform left something in a hash field that a hash cannot hold.
    #[error(
        "a hash cannot hold null, and field '{0}' is null: remove the field or give it a value"
    )]
    NullInHash(String),
    /// A transform put a hash field's bytes inside a JSON value.
    #[error(
        "JSON cannot hold bytes that are no UTF-8, and '{0}' would: leave that field a hash field"
    )]
    BytesInJson(String),
}

/// One field of a hash that has to change: exact bytes, `None` for an absent field.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FieldChange {
    /// The field's name.
    pub name: Vec<u8>,
    /// What stood there.
    pub before: Option<Vec<u8>>,
    /// When what stood there expires.
    pub before_expires: Expiry,
    /// What shall stand there.
    pub after: Option<Vec<u8>>,
    /// When what shall stand there expires.
    pub after_expires: Expiry,
}

impl FieldChange {
    /// A change of a field that expires neither before nor afterwards.
    pub fn new(name: impl Into<Vec<u8>>, before: Option<Vec<u8>>, after: Option<Vec<u8>>) -> Self {
        let (before_expires, after_expires) = (Expiry::Never, Expiry::Never);
        Self { name: name.into(), before, before_expires, after, after_expires }
    }
}

/// What has to be written to a hash to make it another document; empty when nothing.
pub type HashDelta = Vec<FieldChange>;

impl<'a> Document<'a> {
    /// Reads JSON text, from a Redis string or from RedisJSON.
    pub fn from_json(bytes: &'a [u8], storage: Storage) -> Result<Self, DocumentError> {
        let text = std::str::from_utf8(bytes)
            .map_err(|error| DocumentError::NotText { at: error.valid_up_to() })?;
        let space: &[char] = &[' ', '\t', '\n', '\r'];
        let body = text.trim_matches(space);
        let lead = text.len() - text.trim_start_matches(space).len();
        let around = (&text[..lead], &text[lead + body.len()..]);
        if !body.starts_with('{') {
            return Err(not_an_object(text));
        }
        let root = Object::parse(body).map_err(|error| not_json(&error))?;
        Ok(Self { root, storage, around, home: Home::default() })
    }

    /// Reads the fields of a Redis hash.
    pub fn from_hash(fields: impl IntoIterator<Item = (&'a [u8], &'a [u8])>) -> Self {
        Self::from_object(Object::from_hash(fields), Storage::Hash)
    }

    /// An object that stands inside another document, seen as one itself.
    pub fn from_object(root: Object<'a>, storage: Storage) -> Self {
        Self { root, storage, around: ("", ""), home: Home::default() }
    }

    /// How the key stores the document.
    pub fn storage(&self) -> Storage {
        self.storage
    }

    /// Keeps the document in another way from here on.
    pub fn keep_as(&mut self, storage: Storage) {
        self.storage = storage;
    }

    /// The fields as a hash holds them; none of them expires.
    pub fn to_fields(&self) -> Result<Vec<HashField>, DocumentError> {
        let field = |member: &Member<'_>| {
            let name = member.name.to_plain();
            if member.value.hides_bytes() {
                return Err(DocumentError::BytesInJson(printable(&name).into_owned()));
            }
            let value = member.value.to_plain();
            let value =
                value.ok_or_else(|| DocumentError::NullInHash(printable(&name).into_owned()))?;
            Ok(HashField::new(name, value))
        };
        self.root.members().iter().map(field).collect()
    }

    /// The document as JSON text: for a string or RedisJSON the bytes to write; for a hash a view of
    /// it with every field as a string.
    pub fn to_json(&self) -> String {
        let mut out = String::with_capacity(256);
        out.push_str(self.around.0);
        self.root.write_json(&mut out);
        out.push_str(self.around.1);
        out
    }

    /// What to write to turn the hash that was `before` into this document.
    pub fn hash_delta(&self, before: &Self) -> Result<HashDelta, DocumentError> {
        let mut delta = HashDelta::new();
        for member in self.root.members() {
            let name = member.name.to_plain();
            if member.value.hides_bytes() {
                return Err(DocumentError::BytesInJson(printable(&name).into_owned()));
            }
            let after = member
                .value
                .to_plain()
                .ok_or_else(|| DocumentError::NullInHash(printable(&name).into_owned()))?;
            let stood = field(before, &name);
            if stood.as_deref() != Some(after.as_ref()) {
                let (before, after) = (stood.map(Cow::into_owned), after.into_owned());
                delta.push(FieldChange::new(name, before, Some(after)));
            }
        }
        for member in before.root.members() {
            let name = member.name.to_plain();
            if field(self, &name).is_none() {
                let stood = member.value.to_plain().map(Cow::into_owned);
                delta.push(FieldChange::new(name, stood, None));
            }
        }
        Ok(delta)
    }
}

/// The bytes of the hash field `name`.
fn field<'d>(document: &'d Document<'_>, name: &[u8]) -> Option<Cow<'d, [u8]>> {
    let member = document.root.members().iter().find(|member| *member.name.to_plain() == *name)?;
    member.value.to_plain()
}

/// Why a text is no JSON, in words for people who do not read parsers.
fn not_json(error: &serde_json::Error) -> DocumentError {
    let said = error.to_string().replace("EOF while parsing", "it ends in the middle of");
    let said = said.replace("expected ident", "expected true, false or null");
    DocumentError::NotJson(
        said.replace("key must be a string", "a name has to be in double quotes"),
    )
}

/// Tells apart text that is no JSON from JSON that is no object.
fn not_an_object(text: &str) -> DocumentError {
    match serde_json::from_str::<serde_json::Value>(text) {
        Err(error) => not_json(&error),
        Ok(value) => DocumentError::NotObject(match value {
            serde_json::Value::Null => "null",
            serde_json::Value::Bool(_) => "a boolean",
            serde_json::Value::Number(_) => "a number",
            serde_json::Value::String(_) => "a string",
            serde_json::Value::Array(_) => "an array",
            serde_json::Value::Object(_) => unreachable!("an object begins with a brace"),
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Value;

    #[test]
    fn space_around_the_text_stays() {
        let text = " {\"a\": 1}\n";
        let document = Document::from_json(text.as_bytes(), Storage::String).expect("valid");
        assert_eq!(document.to_json(), text);
    }

    #[test]
    fn what_is_no_document_says_why() {
        let error = |text: &[u8]| {
            Document::from_json(text, Storage::String).expect_err("refused").to_string()
        };
        assert_eq!(error(b"\xff"), "not a JSON document: byte 0 is no UTF-8");
        assert_eq!(
            error(b"[1]"),
            "not a document: the JSON is an array, and a document is an object"
        );
        assert!(error(b"{\"a\":}").contains("line 1 column 6"));
        assert!(error(b"").starts_with("not a JSON document: it ends in the middle of a value"));
        assert!(error(b"{a: 1}").contains("a name has to be in double quotes"));
        assert!(error(b"{} x").starts_with("not a JSON document"));
    }

    #[test]
    fn a_hash_writes_only_what_changed() {
        let fields = [(&b"a"[..], &b"1"[..]), (b"b", b"\xff"), (b"c", b"x")];
        let before = Document::from_hash(fields);
        let mut after = before.clone();
        after.root.rename(0, "A");
        after.root.push("d", Value::string("new"));
        after.root.remove(2);
        let delta = after.hash_delta(&before).expect("no null");
        let shown: Vec<_> = delta
            .iter()
            .map(|change| (&change.name[..], change.before.as_deref(), change.after.as_deref()))
            .collect();
        let expected: [(&[u8], Option<&[u8]>, _); 4] = [
            (b"A", None, Some(&b"1"[..])),
            (b"d", None, Some(b"new")),
            (b"a", Some(b"1"), None),
            (b"c", Some(b"x"), None),
        ];
        assert_eq!(shown, expected);
    }
}
