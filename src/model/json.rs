//! JSON text cut into slices, without re-printing it.
//!
//! serde_json (1.0, `raw_value`) checks the grammar and finds where names and values begin; what lies
//! between them is taken from the text, so that the pieces put together again are the same bytes.

use std::borrow::Cow;
use std::cmp::Ordering;
use std::fmt;
use std::ops::Range;

use serde::de::{Deserializer as _, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;

use super::value::JsonType;

/// Where one member of an object stands in its text.
pub struct MemberSpan {
    /// The name with its quotes.
    pub name: Range<usize>,
    /// The value.
    pub value: Range<usize>,
}

/// Where the members of the object `text` stand. `text` has to begin with `{`.
pub fn members(text: &str) -> Result<Vec<MemberSpan>, serde_json::Error> {
    let mut reader = serde_json::Deserializer::from_str(text);
    let spans = reader.deserialize_map(Members { text })?;
    reader.end()?;
    Ok(spans)
}

/// Where the items of the array `text` stand. `text` has to begin with `[`.
pub fn items(text: &str) -> Result<Vec<Range<usize>>, serde_json::Error> {
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

/// The type of the JSON value `text`, which has been checked.
pub fn type_of(text: &str) -> JsonType {
    match text.as_bytes().first() {
        Some(b'{') => JsonType::Object,
        Some(b'[') => JsonType::Array,
        Some(b'"') => JsonType::String,
        Some(b't' | b'f') => JsonType::Boolean,
        Some(b'n') => JsonType::Null,
        _ => JsonType::Number,
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
    // Most names and values need no escape, and then no printer either.
    if text.bytes().any(|byte| byte < 0x20 || matches!(byte, b'"' | b'\\')) {
        return serde_json::Value::from(text).to_string();
    }
    let mut quoted = String::with_capacity(text.len() + 2);
    quoted.push('"');
    quoted.push_str(text);
    quoted.push('"');
    quoted
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

/// How two JSON numbers stand to each other, by their digits, so that nothing is rounded.
pub fn compare_numbers(a: &str, b: &str) -> Ordering {
    if let (Ok(a), Ok(b)) = (a.parse::<i64>(), b.parse::<i64>()) {
        return a.cmp(&b);
    }
    let (a, b) = (Decimal::read(a), Decimal::read(b));
    match (a.sign(), b.sign()) {
        (1, 1) => a.compare_size(&b),
        (-1, -1) => b.compare_size(&a),
        (a, b) => a.cmp(&b),
    }
}

/// A number as `0.digits * 10^exponent`, without zeros at either end of the digits.
struct Decimal {
    is_negative: bool,
    digits: String,
    exponent: i64,
}

impl Decimal {
    fn read(text: &str) -> Self {
        let (is_negative, text) = text.strip_prefix('-').map_or((false, text), |rest| (true, rest));
        let (mantissa, exponent) = text.split_once(['e', 'E']).unwrap_or((text, "0"));
        let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
        // An exponent beyond 64 bits is as good as the largest: such numbers are never near others.
        let far = if exponent.starts_with('-') { i64::MIN / 2 } else { i64::MAX / 2 };
        let exponent: i64 = exponent.parse().unwrap_or(far);
        let all = format!("{whole}{fraction}");
        let digits = all.trim_start_matches('0');
        let length = |text: &str| i64::try_from(text.len()).unwrap_or(i64::MAX);
        let point = length(whole) - (length(&all) - length(digits));
        let digits = digits.trim_end_matches('0').to_owned();
        Self { is_negative, digits, exponent: exponent.saturating_add(point) }
    }

    fn sign(&self) -> i8 {
        match (self.digits.is_empty(), self.is_negative) {
            (true, _) => 0,
            (false, true) => -1,
            (false, false) => 1,
        }
    }

    fn compare_size(&self, other: &Self) -> Ordering {
        self.exponent.cmp(&other.exponent).then_with(|| self.digits.cmp(&other.digits))
    }
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

    #[test]
    fn quoting_is_serde_jsons() {
        for text in ["", "plain é 😀", "a\"b", "a\\b", "\n", "\u{7f}\u{2028}", "\u{1}"] {
            assert_eq!(quote(text), serde_json::Value::from(text).to_string(), "{text:?}");
        }
    }

    #[test]
    fn numbers_are_compared_by_what_they_mean() {
        for (a, b, ordering) in [
            ("1", "1.0", Ordering::Equal),
            ("100", "1e2", Ordering::Equal),
            ("0", "-0.0", Ordering::Equal),
            ("9007199254740993", "9007199254740992.0", Ordering::Greater),
            ("12345678901234567890", "12345678901234567891", Ordering::Less),
            ("-2", "-10.5", Ordering::Greater),
            ("0.05", "0.5", Ordering::Less),
            ("-1.5", "0.1", Ordering::Less),
            ("1e400", "2e399", Ordering::Greater),
            ("0.12", "0.123", Ordering::Less),
        ] {
            assert_eq!(compare_numbers(a, b), ordering, "{a} {b}");
            assert_eq!(compare_numbers(b, a), ordering.reverse(), "{b} {a}");
        }
    }
}
