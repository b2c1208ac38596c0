//! What is taken for granted before two schemas are judged, where the field disagrees.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// An undeclared field of an open model may stand in documents with any value. Does declaring it, or
/// no longer declaring it, break readers?
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum OpenModel {
    /// As the form says: `fields` are read as [`OpenModel::Unused`], a whole JSON Schema as
    /// [`OpenModel::Strict`]. The default.
    #[default]
    ByForm,
    /// By the letter of JSON Schema: yes, because some document may hold another value there.
    Strict,
    /// No: a name that one side does not declare is taken as unused there. Whether stored documents
    /// hold it is a question to the data (`data: check`).
    Unused,
}

/// A new required field has a default. Do new readers accept documents without it?
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum RequiredDefault {
    /// No: a default does not make an omitted field valid. The default.
    #[default]
    Breaks,
    /// Yes: readers fill it in, as Avro's do.
    ReaderFills,
}

/// The choices that decide a verdict where the field disagrees.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Policy {
    /// See [`OpenModel`].
    pub open_model: OpenModel,
    /// See [`RequiredDefault`].
    pub required_default: RequiredDefault,
}

/// `schema` with the properties that only `other` declares, at every level: what an undeclared name
/// would be if it were used as the other side means it.
pub fn with_declared(schema: &Value, other: &Value) -> Value {
    let (Value::Object(map), Value::Object(other)) = (schema, other) else {
        return schema.clone();
    };
    let mut out = map.clone();
    let properties =
        |map: &Map<String, Value>| map.get("properties").and_then(Value::as_object).cloned();
    let is_open =
        !matches!(map.get("additionalProperties"), Some(Value::Bool(false) | Value::Object(_)));
    if let Some(theirs) = properties(other) {
        let mut ours = properties(map).unwrap_or_default();
        for (name, property) in theirs {
            match ours.get_mut(&name) {
                Some(known) => *known = with_declared(known, &property),
                None if is_open && is_object(map) => _ = ours.insert(name, property),
                None => {}
            }
        }
        if !ours.is_empty() {
            out.insert("properties".to_owned(), Value::Object(ours));
        }
    }
    if let (Some(items), Some(theirs)) = (map.get("items"), other.get("items")) {
        out.insert("items".to_owned(), with_declared(items, theirs));
    }
    Value::Object(out)
}

/// Whether the schema speaks of objects, so that properties mean something.
fn is_object(map: &Map<String, Value>) -> bool {
    match map.get("type") {
        Some(Value::String(name)) => name == "object",
        Some(Value::Array(names)) => names.iter().any(|name| name == "object"),
        _ => true,
    }
}

/// `new` without the requirement of fields that have a default and that `old` does not require.
pub fn with_defaults_filled(new: &Value, old: &Value) -> Value {
    let Value::Object(map) = new else { return new.clone() };
    let mut out = map.clone();
    if let Some(Value::Object(properties)) = map.get("properties") {
        let filled = |name: &Value| {
            let name = name.as_str().unwrap_or_default();
            properties.get(name).is_some_and(|property| property.get("default").is_some())
                && !requires(old, name)
        };
        if let Some(Value::Array(required)) = out.get_mut("required") {
            required.retain(|name| !filled(name));
        }
        let inner = properties.iter().map(|(name, property)| {
            let old = old.get("properties").and_then(|p| p.get(name)).unwrap_or(&Value::Null);
            (name.clone(), with_defaults_filled(property, old))
        });
        out.insert("properties".to_owned(), Value::Object(inner.collect()));
    }
    Value::Object(out)
}

/// Whether a schema requires the field `name`.
pub fn requires(schema: &Value, name: &str) -> bool {
    let required = schema.get("required").and_then(Value::as_array);
    required.is_some_and(|names| names.iter().any(|n| n == name))
}
