//! Cutting and joining the text of values without re-printing what they hold.

use std::borrow::Cow;

use crate::model::{JsonType, Value};

/// The text of a string value, as pieces that know how they were written.
///
/// A JSON string may write a character as an escape; a piece cut out of it keeps that writing.
#[derive(Debug)]
pub struct Text<'v> {
    /// The text itself.
    pub content: Cow<'v, str>,
    /// The JSON string's inside, when it writes escapes, and for each byte of `content` where its
    /// writing begins there.
    escaped: Option<(&'v str, Vec<usize>)>,
    plain: bool,
}

impl<'v> Text<'v> {
    /// Opens a string; `None` for another type and for bytes that are no UTF-8.
    pub fn open(value: &'v Value<'_>) -> Option<Self> {
        let content = value.as_str()?;
        let (plain, escaped) = match value {
            Value::Raw(raw) if raw.contains('\\') => {
                let inside = &raw[1..raw.len() - 1];
                (false, Some((inside, positions(inside, content.len())?)))
            }
            Value::Plain(_) => (true, None),
            _ => (false, None),
        };
        Some(Self { content, escaped, plain })
    }

    /// The part of the text in this range of bytes of `content`, written as it was.
    pub fn slice<'b>(&self, range: std::ops::Range<usize>) -> Value<'b> {
        if self.plain {
            return Value::Plain(Cow::Owned(self.content.as_bytes()[range].to_vec()));
        }
        let inside = match &self.escaped {
            Some((raw, at)) => &raw[at[range.start]..at[range.end]],
            None => &self.content[range],
        };
        Value::Raw(Cow::Owned(format!("\"{inside}\"")))
    }
}

/// `text` written like `value` is: as a hash's bytes, or as a JSON string.
pub fn text_like<'b>(value: &Value<'_>, text: &str) -> Value<'b> {
    match value {
        Value::Plain(_) => Value::Plain(Cow::Owned(text.as_bytes().to_vec())),
        _ => Value::string(text),
    }
}

/// For each byte of the decoded text (and its end) where its writing begins in `raw`. `None` when
/// the escapes do not decode to text of that length (a lone surrogate).
fn positions(raw: &str, decoded_length: usize) -> Option<Vec<usize>> {
    let mut at = Vec::with_capacity(decoded_length + 1);
    let mut position = 0;
    while position < raw.len() {
        let rest = &raw[position..];
        let (written, decoded) = if rest.starts_with("\\u") {
            let unit = u32::from_str_radix(rest.get(2..6)?, 16).ok()?;
            let is_pair = (0xd800..0xdc00).contains(&unit) && rest.get(6..8) == Some("\\u");
            if is_pair { (12, 4) } else { (6, char::from_u32(unit)?.len_utf8()) }
        } else if rest.starts_with('\\') {
            (2, 1)
        } else {
            let length = rest.chars().next()?.len_utf8();
            (length, length)
        };
        at.extend(std::iter::repeat_n(position, decoded));
        position += written;
    }
    at.push(position);
    (at.len() == decoded_length + 1).then_some(at)
}

/// The text a scalar stands for (a string's content, a number as written, `true`), and how it is
/// written inside a JSON string. `None` for null, objects, arrays.
pub fn scalar_text<'v>(value: &'v Value<'_>) -> Option<Cow<'v, str>> {
    match value.json_type() {
        JsonType::String => value.as_str(),
        JsonType::Number | JsonType::Boolean => Some(value.to_json()),
        _ => None,
    }
}

/// The inside of the JSON string that writes this scalar's text: escapes stay as they stand.
pub fn scalar_inside(value: &Value<'_>) -> Option<String> {
    match value {
        Value::Raw(raw) if raw.starts_with('"') => Some(raw[1..raw.len() - 1].to_owned()),
        _ => scalar_text(value).map(|text| inside(&text)),
    }
}

/// How `text` is written inside a JSON string.
pub fn inside(text: &str) -> String {
    let quoted = crate::model::json::quote(text);
    quoted[1..quoted.len() - 1].to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces_keep_their_escapes() {
        let value = Value::Raw(r#""Jos\u00e9 \ud83d\ude00\"x""#.into());
        let text = Text::open(&value).expect("a string");
        assert_eq!(text.content, "José 😀\"x");
        let space = text.content.find(' ').expect("one");
        assert_eq!(text.slice(0..space), Value::Raw(r#""Jos\u00e9""#.into()));
        assert_eq!(
            text.slice(space + 1..text.content.len()),
            Value::Raw(r#""\ud83d\ude00\"x""#.into())
        );
    }
}
