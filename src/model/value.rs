//! One value inside a document, kept as the bytes that were read until somebody looks inside.

use std::borrow::Cow;
use std::fmt;

use serde::{Deserialize, Serialize};

use super::json;
use super::object::{Array, Object};

/// The types a JSON value can have.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum JsonType {
    /// `null`
    Null,
    /// `true`, `false`
    Boolean,
    /// Any number.
    Number,
    /// Text.
    String,
    /// A list of values.
    Array,
    /// Members by name.
    Object,
}

impl JsonType {
    /// The name JSON Schema uses.
    pub fn name(self) -> &'static str {
        match self {
            Self::Null => "null",
            Self::Boolean => "boolean",
            Self::Number => "number",
            Self::String => "string",
            Self::Array => "array",
            Self::Object => "object",
        }
    }
}

impl fmt::Display for JsonType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// A value of a document. What nobody touches keeps its bytes: number text, escapes, order, spaces.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Value<'a> {
    /// Text of one complete JSON value, exactly as it stands, without surrounding space.
    Raw(Cow<'a, str>),
    /// A field of a Redis hash: bytes, which mean a string, or what a schema's type reads in them.
    Plain(Cow<'a, [u8]>),
    /// An object that was opened.
    Object(Box<Object<'a>>),
    /// An array that was opened.
    Array(Box<Array<'a>>),
}

impl<'a> Value<'a> {
    /// The JSON value `null`.
    pub const NULL: Self = Self::Raw(Cow::Borrowed("null"));

    /// A JSON string with this content.
    pub fn string(text: &str) -> Self {
        Self::Raw(Cow::Owned(json::quote(text)))
    }

    /// A parsed JSON value, printed compactly.
    pub fn from_json(value: &serde_json::Value) -> Self {
        Self::Raw(Cow::Owned(value.to_string()))
    }

    /// The JSON type. A hash field is a string.
    pub fn json_type(&self) -> JsonType {
        match self {
            Self::Plain(_) => JsonType::String,
            Self::Object(_) => JsonType::Object,
            Self::Array(_) => JsonType::Array,
            Self::Raw(text) => json::type_of(text),
        }
    }

    /// The content of a string; `None` for another type and for a hash field that is no UTF-8.
    pub fn as_str(&self) -> Option<Cow<'_, str>> {
        match self {
            Self::Plain(bytes) => std::str::from_utf8(bytes).ok().map(Cow::Borrowed),
            Self::Raw(text) if text.starts_with('"') => Some(json::unquote(text)),
            _ => None,
        }
    }

    /// Whether this is `null`.
    pub fn is_null(&self) -> bool {
        self.json_type() == JsonType::Null
    }

    /// Opens an object, so that its members can be reached; `None` for another type. A hash field
    /// that holds the text of a JSON object is opened too.
    pub fn object_mut(&mut self) -> Option<&mut Object<'a>> {
        let opened = match self {
            Self::Raw(Cow::Borrowed(text)) => Object::parse(text).ok(),
            Self::Raw(Cow::Owned(text)) => Object::parse(text).ok().map(Object::into_owned),
            Self::Plain(Cow::Borrowed(bytes)) => Object::parse_bytes(bytes),
            Self::Plain(Cow::Owned(bytes)) => Object::parse_bytes(bytes).map(Object::into_owned),
            Self::Object(_) | Self::Array(_) => None,
        };
        if let Some(object) = opened {
            *self = Self::Object(Box::new(object));
        }
        match self {
            Self::Object(object) => Some(object),
            _ => None,
        }
    }

    /// Opens an array, so that its items can be reached; `None` for another type. A hash field that
    /// holds the text of a JSON array is opened too.
    pub fn array_mut(&mut self) -> Option<&mut Array<'a>> {
        let opened = match self {
            Self::Raw(Cow::Borrowed(text)) => Array::parse(text).ok(),
            Self::Raw(Cow::Owned(text)) => Array::parse(text).ok().map(Array::into_owned),
            Self::Plain(Cow::Borrowed(bytes)) => Array::parse_bytes(bytes),
            Self::Plain(Cow::Owned(bytes)) => Array::parse_bytes(bytes).map(Array::into_owned),
            Self::Object(_) | Self::Array(_) => None,
        };
        if let Some(array) = opened {
            *self = Self::Array(Box::new(array));
        }
        match self {
            Self::Array(array) => Some(array),
            _ => None,
        }
    }

    /// Appends the value as JSON text. A hash field becomes a JSON string; bytes in it that are no
    /// UTF-8 become U+FFFD, which is why hashes are written field by field and never from this.
    pub fn write_json(&self, out: &mut String) {
        match self {
            Self::Raw(text) => out.push_str(text),
            Self::Plain(bytes) => out.push_str(&json::quote(&String::from_utf8_lossy(bytes))),
            Self::Object(object) => object.write_json(out),
            Self::Array(array) => array.write_json(out),
        }
    }

    /// The value as JSON text.
    pub fn to_json(&self) -> Cow<'_, str> {
        if let Self::Raw(text) = self {
            return Cow::Borrowed(text);
        }
        let mut out = String::new();
        self.write_json(&mut out);
        Cow::Owned(out)
    }

    /// The bytes a Redis hash holds for this value: a string's content, other values as JSON text.
    /// `None` for `null`, which a hash cannot hold.
    pub fn to_plain(&self) -> Option<Cow<'_, [u8]>> {
        Some(match self {
            Self::Plain(bytes) => Cow::Borrowed(bytes),
            _ if self.is_null() => return None,
            Self::Raw(text) if text.starts_with('"') => match json::unquote(text) {
                Cow::Borrowed(text) => Cow::Borrowed(text.as_bytes()),
                Cow::Owned(text) => Cow::Owned(text.into_bytes()),
            },
            _ => match self.to_json() {
                Cow::Borrowed(text) => Cow::Borrowed(text.as_bytes()),
                Cow::Owned(text) => Cow::Owned(text.into_bytes()),
            },
        })
    }

    /// Whether this is an opened object or array with a hash field's bytes inside that are no UTF-8,
    /// and so cannot be written as JSON.
    pub fn hides_bytes(&self) -> bool {
        let is_bytes = |value: &Self| match value {
            Self::Plain(bytes) => std::str::from_utf8(bytes).is_err(),
            other => other.hides_bytes(),
        };
        match self {
            Self::Raw(_) | Self::Plain(_) => false,
            Self::Object(object) => object.members().iter().any(|member| is_bytes(&member.value)),
            Self::Array(array) => array.values().any(is_bytes),
        }
    }

    /// The same value, holding no borrowed text.
    pub fn into_owned<'b>(self) -> Value<'b> {
        match self {
            Self::Raw(text) => Value::Raw(Cow::Owned(text.into_owned())),
            Self::Plain(bytes) => Value::Plain(Cow::Owned(bytes.into_owned())),
            Self::Object(object) => Value::Object(Box::new(object.into_owned())),
            Self::Array(array) => Value::Array(Box::new(array.into_owned())),
        }
    }
}

/// Reads a hash field as one of `types`, when its text is the plain form of that type: `42` as a
/// number, `true` as a boolean, `{"a":1}` as an object. `None` when it reads as none of them but a
/// string (or is no UTF-8). Writing the result back with [`Value::to_plain`] gives the same bytes.
pub fn read_plain(bytes: &[u8], types: &[JsonType]) -> Option<serde_json::Value> {
    let text = std::str::from_utf8(bytes).ok()?;
    types.iter().find_map(|json_type| match json_type {
        JsonType::Number if json::is_number(text) => serde_json::from_str(text).ok(),
        JsonType::Boolean if matches!(text, "true" | "false") => Some((text == "true").into()),
        JsonType::Object if text.starts_with('{') => serde_json::from_str(text).ok(),
        JsonType::Array if text.starts_with('[') => serde_json::from_str(text).ok(),
        _ => None,
    })
}
