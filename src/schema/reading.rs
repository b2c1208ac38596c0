//! A document as one parsed value, which several validators can share.
//!
//! JSON text is parsed. The fields of a hash are only texts: each is read by the types its schema
//! declares, so the same hash may read differently under two schemas.

use std::collections::HashMap;

use regex::Regex;
use serde_json::{Map, Value};

use crate::model::content::HashField;
use crate::model::value::read_plain;
use crate::model::{Content, Document, DocumentError, JsonType, Storage};

/// How deep `$ref` and `allOf` are followed to find a field's types.
const FOLLOW_DEPTH_MAX: usize = 16;

/// Which types a schema declares for the top-level fields: how to read a hash.
#[derive(Clone, Debug, Default)]
pub struct Reading {
    fields: HashMap<String, Vec<JsonType>>,
    /// `patternProperties`.
    patterns: Vec<(Regex, Vec<JsonType>)>,
    /// `additionalProperties`.
    others: Vec<JsonType>,
}

impl PartialEq for Reading {
    fn eq(&self, other: &Self) -> bool {
        let pattern =
            |(regex, types): &(Regex, Vec<JsonType>)| (regex.as_str().to_owned(), types.clone());
        self.fields == other.fields
            && self.others == other.others
            && self.patterns.iter().map(pattern).eq(other.patterns.iter().map(pattern))
    }
}

impl Reading {
    /// The declared types in a JSON Schema, through `$ref` inside it and combined forms.
    pub fn of(json_schema: &Value) -> Self {
        let mut reading = Self::default();
        reading.gather(json_schema, json_schema, 0);
        reading
    }

    fn gather(&mut self, schema: &Value, root: &Value, depth: usize) {
        if depth > FOLLOW_DEPTH_MAX {
            return;
        }
        if let Some(properties) = schema.get("properties").and_then(Value::as_object) {
            for (name, property) in properties {
                let known = self.fields.entry(name.clone()).or_default();
                types_of(property, root, known, 0);
            }
        }
        if let Some(patterns) = schema.get("patternProperties").and_then(Value::as_object) {
            for (pattern, property) in patterns {
                let mut types = Vec::new();
                types_of(property, root, &mut types, 0);
                self.patterns.extend(Regex::new(pattern).ok().map(|regex| (regex, types)));
            }
        }
        if let Some(others) = schema.get("additionalProperties") {
            types_of(others, root, &mut self.others, 0);
        }
        for inner in inner_schemas(schema, root) {
            self.gather(inner, root, depth + 1);
        }
    }

    /// One field of a hash, read by its declared types: a text that reads as none of them stays a
    /// string, and so breaks a rule of the schema. Bytes that are no UTF-8 become U+FFFD.
    pub fn read(&self, name: &str, bytes: &[u8]) -> Value {
        let types = self.types(name);
        read_plain(bytes, types)
            .unwrap_or_else(|| Value::String(String::from_utf8_lossy(bytes).into_owned()))
    }

    /// Whether the field `name` of a hash is a string whatever stands in it.
    pub(super) fn reads_only_text(&self, name: &str) -> bool {
        self.types(name)
            .iter()
            .all(|json_type| matches!(json_type, JsonType::String | JsonType::Null))
    }

    fn types(&self, name: &str) -> &[JsonType] {
        if let Some(types) = self.fields.get(name) {
            return types;
        }
        let pattern = self.patterns.iter().find(|(regex, _)| regex.is_match(name));
        pattern.map_or(&self.others, |(_, types)| types)
    }
}

/// The schemas that hold at the same place as `schema` does.
fn inner_schemas<'s>(schema: &'s Value, root: &'s Value) -> Vec<&'s Value> {
    let lists = ["allOf", "anyOf", "oneOf"]
        .into_iter()
        .filter_map(|key| schema.get(key).and_then(Value::as_array))
        .flatten();
    let conditions = ["then", "else"].into_iter().filter_map(|key| schema.get(key));
    lists.chain(conditions).chain(local_target(schema, root)).collect()
}

/// What a `$ref` inside the document points at.
pub fn local_target<'s>(schema: &Value, root: &'s Value) -> Option<&'s Value> {
    let pointer = schema.get("$ref")?.as_str()?.strip_prefix('#')?;
    root.pointer(pointer)
}

fn types_of(schema: &Value, root: &Value, types: &mut Vec<JsonType>, depth: usize) {
    if depth > FOLLOW_DEPTH_MAX {
        return;
    }
    let mut add = |found: JsonType| {
        if !types.contains(&found) {
            types.push(found);
        }
    };
    match schema.get("type") {
        Some(Value::String(name)) => type_named(name).into_iter().for_each(&mut add),
        Some(Value::Array(names)) => {
            names.iter().filter_map(|name| type_named(name.as_str()?)).for_each(&mut add);
        }
        _ => {
            let values = schema.get("enum").and_then(Value::as_array).into_iter().flatten();
            values.chain(schema.get("const")).map(type_of).for_each(&mut add);
        }
    }
    for inner in inner_schemas(schema, root) {
        types_of(inner, root, types, depth + 1);
    }
}

pub(super) fn type_named(name: &str) -> Option<JsonType> {
    Some(match name {
        "string" => JsonType::String,
        "number" | "integer" => JsonType::Number,
        "boolean" => JsonType::Boolean,
        "object" => JsonType::Object,
        "array" => JsonType::Array,
        "null" => JsonType::Null,
        _ => return None,
    })
}

/// The JSON type of a parsed value.
pub fn type_of(value: &Value) -> JsonType {
    match value {
        Value::Null => JsonType::Null,
        Value::Bool(_) => JsonType::Boolean,
        Value::Number(_) => JsonType::Number,
        Value::String(_) => JsonType::String,
        Value::Array(_) => JsonType::Array,
        Value::Object(_) => JsonType::Object,
    }
}

/// The document as one value. `reading` matters only for a hash. Fails on JSON that nests deeper
/// than `JSON_DEPTH_MAX` or holds a lone surrogate, which no validator can see.
pub fn read_document(document: &Document<'_>, reading: &Reading) -> Result<Value, DocumentError> {
    let members = document.root.members();
    let mut fields = Map::with_capacity(members.len());
    for member in members {
        let name = member.name.text();
        let value = match document.storage() {
            // What a transform left is judged as it will be read back: as plain text.
            Storage::Hash => match member.value.to_plain() {
                Some(bytes) => reading.read(&name, &bytes),
                None => Value::Null,
            },
            Storage::String | Storage::Json => serde_json::from_str(&member.value.to_json())
                .map_err(|error| DocumentError::NotJson(format!("in field '{name}': {error}")))?,
        };
        fields.insert(name.into_owned(), value);
    }
    Ok(Value::Object(fields))
}

/// A stored value as one parsed value, in one pass over its text. The same as [`read_document`] of the
/// document in it.
pub fn read_content(content: &Content, reading: &Reading) -> Result<Value, DocumentError> {
    match content {
        Content::Hash(fields) => {
            let read = |field: &HashField| {
                let name = String::from_utf8_lossy(&field.name).into_owned();
                let value = reading.read(&name, &field.value);
                (name, value)
            };
            Ok(Value::Object(fields.iter().map(read).collect()))
        }
        Content::String(text) | Content::Json(text) => match serde_json::from_slice(text) {
            Ok(value @ Value::Object(_)) => Ok(value),
            // The slower way tells what is wrong, and in which field.
            _ => read_document(&content.document()?, reading),
        },
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_hash_is_read_by_the_declared_types() {
        let reading = Reading::of(&json!({
            "$defs": {"count": {"type": "integer"}},
            "properties": {"age": {"type": "number"}, "zip": {"type": "string"}, "on": {"type": "boolean"},
                "n": {"$ref": "#/$defs/count"}, "either": {"anyOf": [{"type": "null"}, {"type": "array"}]},
                "level": {"enum": [1, 2]}},
            "patternProperties": {"^x_": {"type": "number"}}
        }));
        let fields = [
            (&b"age"[..], &b"42"[..]),
            (b"zip", b"007"),
            (b"on", b"true"),
            (b"n", b"007"),
            (b"either", b"[1]"),
            (b"level", b"2"),
            (b"x_a", b"1.50"),
            (b"free", b"5"),
        ];
        let value = read_document(&Document::from_hash(fields), &reading).expect("reads");
        let expected = r#"{"age":42,"zip":"007","on":true,"n":"007","either":[1],"level":2,"x_a":1.50,"free":"5"}"#;
        assert_eq!(value.to_string(), expected);
    }

    #[test]
    fn a_stored_value_reads_as_its_document_does() {
        let reading = Reading::of(&json!({"properties": {"n": {"type": "number"}}}));
        let hash = vec![HashField::new("n", "1.50"), HashField::new(*b"\xff", *b"\xff")];
        let texts = [
            " {\"a\": 1.0, \"a\": [1e400]}\n",
            "[1]",
            "{\"a\":}",
            "\u{feff}{}",
            "{\"a\":\"\\ud800\"}",
        ];
        let contents = texts
            .iter()
            .map(|text| Content::String(text.as_bytes().to_vec()))
            .chain([Content::Hash(hash), Content::String(b"{\"a\":\"\xff\"}".to_vec())]);
        for content in contents {
            let expected =
                content.document().and_then(|document| read_document(&document, &reading));
            assert_eq!(read_content(&content, &reading), expected, "{content:?}");
        }
    }

    #[test]
    fn json_that_cannot_be_read_is_told_with_its_field() {
        let deep = format!("{{\"a\":{}1{}}}", "[".repeat(200), "]".repeat(200));
        let document = Document::from_json(deep.as_bytes(), Storage::String).expect("cut");
        let error = read_document(&document, &Reading::default()).expect_err("too deep");
        assert!(error.to_string().contains("in field 'a': recursion limit"), "{error}");
    }
}
