//! Whether a document fits a schema: `jsonschema`, compiled once, never fetching anything.

use serde_json::Value;

use super::detect::Fit;
use super::glance::{Glance, Glanced, surely_readable};
use super::mistake::Place;
use super::reading::{Reading, read_content, read_document};
use super::violation::{Violation, violations_of};
use crate::model::{Content, Document, DocumentError};

/// A compiled schema. `is_valid` takes about 0.2 µs for a small document, `read` about 1 µs.
/// Integers are compared exactly in the range of i64 and u64; beyond it `const` and `enum` compare
/// as doubles (`jsonschema` 0.61 without its `arbitrary-precision` feature).
#[derive(Debug)]
pub struct Validator {
    inner: jsonschema::Validator,
    /// Its plain rules, for documents that need no closer look.
    glance: Option<Glance>,
    reading: Reading,
}

/// Why a JSON Schema does not compile.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct CompileError {
    /// Where in the JSON Schema.
    pub at: Vec<Place>,
    /// What is wrong.
    pub message: String,
}

impl Validator {
    /// Compiles a JSON Schema of draft 4 to 2020-12 (2020-12 unless `$schema` says otherwise).
    /// Formats are asserted under every draft. A `$ref` that leaves the document is an error.
    pub fn new(json_schema: &Value, reading: Reading) -> Result<Self, CompileError> {
        match build(json_schema) {
            Ok(inner) => Ok(Self { inner, glance: Glance::new(json_schema), reading }),
            Err(error) => {
                let mut at = Vec::new();
                let mut here = Some(json_schema);
                for segment in error.instance_path() {
                    let name = segment.to_string();
                    let item = here.and_then(Value::as_array).and(name.parse::<usize>().ok());
                    here = match item {
                        Some(index) => here.and_then(|value| value.get(index)),
                        None => here.and_then(|value| value.get(&name)),
                    };
                    at.push(item.map_or(Place::Key(name), Place::Item));
                }
                Err(CompileError { at, message: error.to_string() })
            }
        }
    }

    /// How this schema reads the fields of a hash.
    pub fn reading(&self) -> &Reading {
        &self.reading
    }

    /// The document as the value that this validator judges. For JSON text the value is the same
    /// for every validator.
    pub fn read(&self, document: &Document<'_>) -> Result<Value, DocumentError> {
        read_document(document, &self.reading)
    }

    /// Whether the document fits, as far as a glance can tell. What is known of its text tells
    /// whether it may be glanced at: [`super::glance::surely_readable`].
    pub(super) fn glance_at(&self, document: &Document<'_>) -> Glanced {
        self.glance.as_ref().map_or(Glanced::Unclear, |glance| glance.at(document, &self.reading))
    }

    /// How specific the schema is to a document that fits it, as far as a glance can tell.
    pub(super) fn glance_fit(&self, document: &Document<'_>) -> Option<Fit> {
        self.glance.as_ref()?.fit(document, &self.reading)
    }

    /// Every rule broken by a document whose JSON text is `text`; empty when it fits.
    pub fn violations_in(&self, document: &Document<'_>, text: &str) -> Vec<Violation> {
        if surely_readable(text.as_bytes()) && self.glance_at(document) == Glanced::Fits {
            return Vec::new();
        }
        match serde_json::from_str(text) {
            Ok(value) => self.violations(&value),
            Err(_) => self.check(document),
        }
    }

    /// Whether the value fits.
    pub fn is_valid(&self, value: &Value) -> bool {
        self.inner.is_valid(value)
    }

    /// Every rule the value breaks; empty when it fits.
    pub fn violations(&self, value: &Value) -> Vec<Violation> {
        if self.is_valid(value) {
            return Vec::new();
        }
        self.inner.iter_errors(value).flat_map(|error| violations_of(&error, value)).collect()
    }

    /// Reads the document and tells every rule it breaks. What cannot be read breaks the rule
    /// `document`.
    pub fn check(&self, document: &Document<'_>) -> Vec<Violation> {
        match self.read(document) {
            Ok(value) => self.violations(&value),
            Err(error) => vec![unreadable(&error)],
        }
    }

    /// [`Validator::check`] of the document in a stored value, which is parsed once at most.
    pub fn check_content(&self, content: &Content) -> Vec<Violation> {
        if let Content::String(text) | Content::Json(text) = content
            && surely_readable(text)
            && let Ok(document) = content.document()
            && self.glance_at(&document) == Glanced::Fits
        {
            return Vec::new();
        }
        match read_content(content, &self.reading) {
            Ok(value) => self.violations(&value),
            Err(error) => vec![unreadable(&error)],
        }
    }
}

/// What a value that does not read breaks.
pub fn unreadable(error: &DocumentError) -> Violation {
    Violation {
        path: String::new(),
        rule: "document".to_owned(),
        found: "bytes that do not read".to_owned(),
        expected: "a JSON object".to_owned(),
        message: error.to_string(),
    }
}

/// Compiles for `jsonschema`, which fetches nothing and asserts formats.
pub(super) fn build(
    json_schema: &Value,
) -> Result<jsonschema::Validator, jsonschema::ValidationError<'static>> {
    jsonschema::options().offline().should_validate_formats(true).build(json_schema)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn validator(schema: &Value) -> Validator {
        Validator::new(schema, Reading::of(schema)).expect("compiles")
    }

    fn told(schema: &Value, text: &str) -> Vec<String> {
        let value: Value = serde_json::from_str(text).expect("JSON");
        let tell = |v: Violation| format!("{} | {} | {} | {}", v.path, v.rule, v.found, v.expected);
        validator(schema).violations(&value).into_iter().map(tell).collect()
    }

    #[test]
    fn violations_name_path_rule_found_and_expected() {
        let schema = json!({"type": "object", "required": ["name"], "additionalProperties": false,
            "properties": {"name": {"type": "string"}, "age": {"type": ["number", "null"], "minimum": 0},
                "items": {"items": {"properties": {"price": {"type": "number"}}}}, "a.b": {"enum": ["x", 1]},
                "when": {"format": "date-time"}, "0": {"maxLength": 2}}});
        let text = r#"{"age": -1.50, "items": [{"price": "x"}], "a.b": 2, "z": 1, "when": "now", "0": "abc"}"#;
        let mut told = told(&schema, text);
        told.sort();
        assert_eq!(
            told,
            [
                "0 | maxLength | \"abc\" | 2 characters or fewer",
                "a\\.b | enum | 2 | one of \"x\" or 1",
                "age | minimum | -1.50 | 0 or more",
                "items[0].price | type | \"x\" | number",
                "name | required | nothing | the field to stand (it is required)",
                "when | format | \"now\" | the format date-time",
                "z | additionalProperties | 1 | no such field",
            ]
        );
    }

    #[test]
    fn alternatives_tell_the_nearest() {
        let schema = json!({"properties": {"a": {"anyOf": [
            {"type": "string"}, {"type": "object", "properties": {"b": {"type": "number"}}}]}}});
        let told = told(&schema, r#"{"a": {"b": "x"}}"#);
        assert_eq!(
            told,
            [
                "a | anyOf | {\"b\":\"x\"} | one of 2 alternatives (of the nearest: a.b is \"x\"; expected number)"
            ]
        );
    }

    #[test]
    fn big_and_odd_numbers_are_judged_exactly() {
        let fits = |schema: Value, number: &str| {
            let value: Value = serde_json::from_str(number).expect("JSON");
            validator(&schema).is_valid(&value)
        };
        let integer = json!({"type": "integer"});
        for number in ["12345678901234567890123", "1.0", "1e2", "9007199254740993"] {
            assert!(fits(integer.clone(), number), "{number} is an integer");
            assert!(fits(json!({"type": "number", "minimum": 0}), number), "{number} >= 0");
        }
        assert!(!fits(integer, "1.5"));
        assert!(!fits(json!({"maximum": 9_007_199_254_740_992_u64}), "9007199254740993"));
        let exact: Value =
            serde_json::from_str(r#"{"const": 18446744073709551615}"#).expect("JSON");
        assert!(fits(exact.clone(), "18446744073709551615"));
        assert!(!fits(exact, "18446744073709551614"));
        assert!(fits(json!({"type": "number"}), "1e400"));
        assert!(!fits(json!({"maximum": 5}), "1e400"));
        assert!(fits(json!({"multipleOf": 0.01}), "0.07"));
        assert!(fits(json!({"enum": [1]}), "1.0"), "JSON Schema compares numbers by value");
    }
}
