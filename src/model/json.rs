//! JSON text cut into slices, without re-printing it.
//!
//! serde_json (1.0, `raw_value`) checks the grammar and finds where names and values begin; what lies
//! between them is taken from the text, so that the pieces put together again are the same bytes.

use std::borrow::Cow;
use std::fmt;
use std::ops::Range;

use serde::de::{Deserializer as _, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;

/// Where one member of an object stands in its text.
pub(super) struct MemberSpan {
    /// The name with its quotes.
    pub name: Range<usize>,
    /// The value.
    pub value: Range<usize>,
}

/// Where the members of the object `text` stand. `text` has to begin with `{`.
pub(super) fn members(text: &str) -> Result<Vec<MemberSpan>, serde_json::Error> {
    let mut reader = serde_json::Deserializer::from_str(text);
    let spans = reader.deserialize_map(Members { text })?;
    reader.end()?;
    Ok(spans)
}

/// Where the items of the array `text` stand. `text` has to begin with `[`.
pub(super) fn items(text: &str) -> Result<Vec<Range<usize>>, serde_json::Error> {
    let mut reader = serde_json::Deserializer::from_str(text);
    let spans = reader.deserialize_seq(Items { text })?;
    reader.end()?;
    Ok(spans)
}

/// The range of `part` in `text`, of which it is a slice.
fn range_in(text: &str, part: &RawValue) -> Range<usize> {
    let start = part.get().as_ptr() as usize - text.as_ptr() as usize;
    start..start + part.get().len()
}

struct Members<'t> {
    text: &'t str,
}

impl<'t> Visitor<'t> for Members<'t> {
    type Value = Vec<MemberSpan>;

    fn expecting(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str("a JSON object")
    }

    fn visit_map<A: MapAccess<'t>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut spans = Vec::with_capacity(16);
        while let Some((name, value)) = map.next_entry::<&'t RawValue, &'t RawValue>()? {
            spans.push(MemberSpan {
                name: range_in(self.text, name),
                value: range_in(self.text, value),
            });
        }
        Ok(spans)
    }
}

struct Items<'t> {
    text: &'t str,
}

impl<'t> Visitor<'t> for Items<'t> {
    type Value = Vec<Range<usize>>;

    fn expecting(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str("a JSON array")
    }

    fn visit_seq<A: SeqAccess<'t>>(self, mut seq: A) -> Result<Self::Value, A::Error> {
        let mut spans = Vec::new();
        while let Some(item) = seq.next_element::<&'t RawValue>()? {
            spans.push(range_in(self.text, item));
        }
        Ok(spans)
    }
}

/// The content of the JSON string `raw`, which stands with its quotes and has been checked.
pub fn unquote(raw: &str) -> Cow<'_, str> {
    let inner = raw.get(1..raw.len().saturating_sub(1)).unwrap_or_default();
    if inner.contains('\\') {
        // A lone surrogate (`\ud800`) is grammatical JSON but no text: it stays as written.
        serde_json::from_str(raw).map_or(Cow::Borrowed(inner), Cow::Owned)
    } else {
        Cow::Borrowed(inner)
    }
}

/// `text` as a JSON string, with quotes.
pub fn quote(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

/// Whether `text` is a JSON number, as RFC 8259 writes one.
pub fn is_number(text: &str) -> bool {
    let rest = text.strip_prefix('-').unwrap_or(text);
    let digits = |s: &str| s.bytes().take_while(u8::is_ascii_digit).count();
    let whole = digits(rest);
    if whole == 0 || (whole > 1 && rest.starts_with('0')) {
        return false;
    }
    let mut rest = &rest[whole..];
    if let Some(fraction) = rest.strip_prefix('.') {
        let length = digits(fraction);
        if length == 0 {
            return false;
        }
        rest = &fraction[length..];
    }
    if let Some(exponent) = rest.strip_prefix(['e', 'E']) {
        let exponent = exponent.strip_prefix(['+', '-']).unwrap_or(exponent);
        let length = digits(exponent);
        return length > 0 && length == exponent.len();
    }
    rest.is_empty()
}

/// Whether the JSON number `text` is written as an integer: no fraction, no exponent.
pub fn is_integer(text: &str) -> bool {
    is_number(text) && !text.contains(['.', 'e', 'E'])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_as_rfc_8259_writes_them() {
        for good in ["0", "-0", "42", "12345678901234567890", "1.0", "1e2", "-1.5E-3"] {
            assert!(is_number(good), "{good}");
        }
        for bad in ["", "-", "01", "1.", ".5", "+1", "1e", "0x1", "NaN", "1 ", "--1"] {
            assert!(!is_number(bad), "{bad}");
        }
        assert!(is_integer("42") && !is_integer("42.0") && !is_integer("1e2"));
    }
}
