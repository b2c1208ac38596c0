//! One schema, parsed from its definition (PRODUCT section 2).

use std::sync::Arc;

use semver::Version;
use serde_json::{Map, Value};

use super::compile;
use super::field::{Field, read_fields};
use super::mistake::{DefinitionError, Place, Reader, nearest};
use super::reading::Reading;
use super::validator::Validator;
use crate::model::{Path, Storage};

/// What a schema says of its documents.
#[derive(Clone, Debug, PartialEq)]
pub enum Shape {
    /// The `fields` form.
    Fields(Vec<Field>),
    /// A whole JSON Schema of any draft.
    JsonSchema(Value),
}

/// The shape of a subject's documents at one version.
#[derive(Clone, Debug)]
pub struct Schema {
    /// The subject: as the definition says, else the key pattern's literal head.
    pub subject: String,
    /// The version.
    pub version: Version,
    /// Which keys hold such documents, as a glob of `SCAN … MATCH`.
    pub key_pattern: String,
    /// How the documents are stored; `None` when any storage fits.
    pub storage: Option<Storage>,
    /// The field of a document that holds its version.
    pub version_field: Option<Path>,
    /// Whether documents may have fields that are not declared.
    pub additional_fields: bool,
    /// A note for people.
    pub description: Option<String>,
    /// The fields, or the JSON Schema.
    pub shape: Shape,
    definition: Value,
    compiled: Value,
    validator: Arc<Validator>,
}

/// The keys of a schema's definition.
pub const SCHEMA_KEYS: [&str; 10] = [
    "version",
    "subject",
    "keyPattern",
    "storage",
    "versionField",
    "additionalFields",
    "fields",
    "jsonSchema",
    "description",
    "$schema",
];

impl Schema {
    /// Reads a definition. `default_subject` names the subject when neither the definition nor its
    /// key pattern does.
    pub fn from_value(
        value: &Value,
        default_subject: Option<&str>,
    ) -> Result<Self, DefinitionError> {
        let mut reader = Reader::default();
        match Self::read(&mut reader, value, default_subject) {
            Some(schema) if reader.mistakes.is_empty() => Ok(schema),
            _ => Err(DefinitionError { what: named(value), mistakes: reader.mistakes }),
        }
    }

    /// Reads a definition and tells `reader` every mistake; `None` when it cannot be used.
    pub fn read(reader: &mut Reader, value: &Value, default_subject: Option<&str>) -> Option<Self> {
        let map = reader.object(value, "a schema", &SCHEMA_KEYS)?;
        let before = reader.mistakes.len();
        let version = read_version(reader, map, "version");
        let subject = read_subject(reader, map, default_subject);
        let key_pattern = read_pattern(reader, map, subject.as_deref());
        let additional_fields = reader.flag(map, "additionalFields").unwrap_or(true);
        let storage = read_storage(reader, map);
        let version_field = read_version_field(reader, map);
        let description = reader.text(map, "description").map(str::to_owned);
        let shape = read_shape(reader, map)?;
        let json_schema = match &shape {
            Shape::Fields(fields) => {
                compile::document(fields, additional_fields, description.as_deref())
            }
            Shape::JsonSchema(schema) => schema.clone(),
        };
        if reader.mistakes.len() > before {
            return None;
        }
        let validator = compiled(reader, &json_schema, &shape)?;
        if let Shape::Fields(fields) = &shape {
            reader.at_key("fields", |reader| check_defaults(reader, fields, additional_fields));
        }
        Some(Self {
            subject: subject?,
            version: version?,
            key_pattern: key_pattern?,
            storage,
            version_field,
            additional_fields,
            description,
            shape,
            definition: value.clone(),
            compiled: json_schema,
            validator: Arc::new(validator),
        })
    }

    /// A schema for one file that is a plain JSON Schema and no definition, as `diff` and
    /// `validate` take it.
    pub fn from_json_schema(
        schema: &Value,
        subject: &str,
        version: &Version,
    ) -> Result<Self, DefinitionError> {
        let definition = serde_json::json!({
            "subject": subject, "version": version.to_string(), "jsonSchema": schema,
        });
        Self::from_value(&definition, None)
    }

    /// The definition as it was written.
    pub fn definition(&self) -> &Value {
        &self.definition
    }

    /// The JSON Schema that validates its documents.
    pub fn json_schema(&self) -> &Value {
        &self.compiled
    }

    /// The same, to keep.
    pub fn to_json_schema(&self) -> Value {
        self.compiled.clone()
    }

    /// The validator, compiled once.
    pub fn validator(&self) -> &Validator {
        &self.validator
    }

    /// The declared fields of the `fields` form.
    pub fn fields(&self) -> Option<&[Field]> {
        match &self.shape {
            Shape::Fields(fields) => Some(fields),
            Shape::JsonSchema(_) => None,
        }
    }

    /// The digest of the definition: equal digests mean the same definition, however it was laid
    /// out.
    pub fn digest(&self) -> String {
        digest_of(&self.definition)
    }

    /// `user@1.0.0`.
    pub fn title(&self) -> String {
        format!("{}@{}", self.subject, self.version)
    }
}

/// Hex of the BLAKE3 of a definition with its keys sorted.
pub fn digest_of(definition: &Value) -> String {
    let mut sorted = definition.clone();
    sorted.sort_all_objects();
    blake3::hash(sorted.to_string().as_bytes()).to_hex().to_string()
}

/// What a definition is of, as far as it says.
fn named(value: &Value) -> String {
    let text = |key: &str| value.get(key).and_then(Value::as_str);
    match (text("subject").or_else(|| text("keyPattern")), text("version")) {
        (Some(subject), Some(version)) => format!("schema {subject}@{version}"),
        (Some(subject), None) => format!("a schema of {subject}"),
        _ => "a schema".to_owned(),
    }
}

/// Reads the semver version under `key`, which must stand.
pub fn read_version(reader: &mut Reader, map: &Map<String, Value>, key: &str) -> Option<Version> {
    let text = reader.needed_text(map, key, "1.0.0")?;
    let version = Version::parse(text);
    if let Err(error) = &version {
        let message = format!("'{text}' is no semantic version ({error})");
        reader.at_key(key, |reader| reader.wrong(message, "three numbers, as in \"1.0.0\""));
    }
    version.ok()
}

/// The part of a key pattern before its first wildcard, without separators and hash-tag braces.
pub fn literal_head(pattern: &str) -> Option<String> {
    let end = pattern.find(['*', '?', '[', '\\']).unwrap_or(pattern.len());
    let head = pattern[..end].trim_end_matches([':', '.', '/', '-', '_', '|', '#', '{', '}']);
    let head = head.replace(['{', '}'], "");
    (!head.is_empty()).then_some(head)
}

fn read_subject(
    reader: &mut Reader,
    map: &Map<String, Value>,
    default_subject: Option<&str>,
) -> Option<String> {
    if map.contains_key("subject") {
        let subject = reader.needed_text(map, "subject", "user")?;
        if subject.contains('@') || subject.chars().any(char::is_whitespace) {
            reader.at_key("subject", |reader| {
                reader
                    .wrong(format!("the name '{subject}' has a space or an '@' in it"), "\"user\"");
            });
            return None;
        }
        return Some(subject.to_owned());
    }
    let pattern = map.get("keyPattern").and_then(Value::as_str);
    let found = pattern.and_then(literal_head).or_else(|| default_subject.map(str::to_owned));
    if found.is_none() {
        let message = match pattern {
            Some(pattern) => format!("the key pattern '{pattern}' names no subject"),
            None => "neither 'keyPattern' nor 'subject' stands".to_owned(),
        };
        reader.wrong(message, "\"subject\": \"user\", or \"keyPattern\": \"user:*\"");
    }
    found
}

fn read_pattern(
    reader: &mut Reader,
    map: &Map<String, Value>,
    subject: Option<&str>,
) -> Option<String> {
    if map.contains_key("keyPattern") {
        return reader.needed_text(map, "keyPattern", "user:*").map(str::to_owned);
    }
    subject.map(|subject| format!("{subject}:*"))
}

fn read_storage(reader: &mut Reader, map: &Map<String, Value>) -> Option<Storage> {
    let name = reader.text(map, "storage")?;
    let storage = Storage::ALL.into_iter().find(|storage| storage.name() == name);
    if storage.is_none() {
        let known = Storage::ALL.map(Storage::name);
        reader.at_key("storage", |reader| reader.unknown_name("storage", name, &known));
    }
    storage
}

fn read_version_field(reader: &mut Reader, map: &Map<String, Value>) -> Option<Path> {
    let text = reader.text(map, "versionField")?;
    match text.parse::<Path>() {
        Ok(path) if !text.contains("[]") => Some(path),
        Ok(_) => {
            reader.at_key("versionField", |reader| {
                reader.wrong(
                    format!("'{text}' names many places"),
                    "one field, as in \"meta.version\"",
                );
            });
            None
        }
        Err(error) => {
            reader.at_key("versionField", |r| {
                r.wrong(error.to_string(), "one field, as in \"schemaVersion\"");
            });
            None
        }
    }
}

fn read_shape(reader: &mut Reader, map: &Map<String, Value>) -> Option<Shape> {
    match (map.get("fields"), map.get("jsonSchema")) {
        (Some(_), Some(_)) => {
            reader.at_key("jsonSchema", |reader| {
                reader.wrong(
                    "'fields' and 'jsonSchema' both stand",
                    "either 'fields' or 'jsonSchema'",
                );
            });
            None
        }
        (Some(fields), None) => {
            Some(Shape::Fields(reader.at_key("fields", |reader| read_fields(reader, fields))))
        }
        (None, Some(schema)) if schema.is_object() || schema.is_boolean() => {
            Some(Shape::JsonSchema(schema.clone()))
        }
        (None, Some(schema)) => {
            let message = format!("'jsonSchema' is {}", super::mistake::type_name(schema));
            reader
                .at_key("jsonSchema", |reader| reader.wrong(message, "a JSON Schema (an object)"));
            None
        }
        (None, None) => {
            let near = map.keys().find_map(|key| {
                nearest(key, ["fields", "jsonSchema"])
                    .map(|name| format!(" (is '{key}' meant as '{name}'?)"))
            });
            let message = "the schema has neither 'fields' nor 'jsonSchema'".to_owned();
            reader.wrong(
                message + &near.unwrap_or_default(),
                "\"fields\": {\"name\": {\"type\": \"string\"}}",
            );
            None
        }
    }
}

/// Compiles the JSON Schema; what its meta-schema refuses is told with the place inside it.
fn compiled(reader: &mut Reader, json_schema: &Value, shape: &Shape) -> Option<Validator> {
    match Validator::new(json_schema, Reading::of(json_schema)) {
        Ok(validator) => Some(validator),
        Err(error) => {
            let places = error.at.iter().cloned();
            let whole = match shape {
                Shape::JsonSchema(_) => Place::Key("jsonSchema".to_owned()),
                Shape::Fields(_) => Place::Key("fields".to_owned()),
            };
            let at = std::iter::once(whole).chain(places).collect();
            let (message, expected) = told(error.message);
            reader.adopt(super::mistake::Mistake {
                at,
                on_key: false,
                message,
                expected: expected.to_owned(),
                near: None,
            });
            None
        }
    }
}

/// What a JSON Schema's mistake is in a reader's words, and what was expected.
fn told(message: String) -> (String, &'static str) {
    let resource = message.strip_prefix("Resource '").and_then(|rest| rest.split('\'').next());
    match resource {
        Some(resource) => (
            format!("'{resource}' is not in this document, and nothing is fetched from a network"),
            "a $ref to a place inside (#/$defs/NAME) or to a file of the catalog (common/NAME.json)",
        ),
        None => (message, "a JSON Schema of draft 4, 6, 7, 2019-09 or 2020-12"),
    }
}

/// A default that does not fit its own field would make documents invalid when it is written.
fn check_defaults(reader: &mut Reader, fields: &[Field], additional_fields: bool) {
    for field in fields {
        reader.at_key(&field.name, |reader| {
            check_default(reader, field, additional_fields);
            if let Some(inner) = &field.fields {
                reader.at_key("fields", |reader| check_defaults(reader, inner, additional_fields));
            }
        });
    }
}

fn check_default(reader: &mut Reader, field: &Field, additional_fields: bool) {
    let Some(default) = &field.default else { return };
    // A placeholder such as `${NOW}` has its value only in a plan.
    if default.as_str().is_some_and(|text| text.contains("${")) {
        return;
    }
    let schema = compile::compile(field, additional_fields);
    let Ok(validator) = Validator::new(&schema, Reading::default()) else { return };
    if let Some(violation) = validator.violations(default).into_iter().next() {
        reader.at_key("default", |reader| {
            reader.wrong(
                format!("the default {default} does not fit its own field"),
                match violation.path.as_str() {
                    "" => violation.expected,
                    path => format!("{} at {path}", violation.expected),
                },
            );
        });
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn refused(definition: &Value) -> String {
        Schema::from_value(definition, None).expect_err("refused").to_string()
    }

    #[test]
    fn the_example_loads_as_it_stands() {
        let schema = Schema::from_value(
            &json!({"version": "1.0.0", "keyPattern": "user:*",
                "fields": {"name": {"type": "string", "required": true},
                           "age": {"type": "number"}, "preferences": {"type": "hash"}}}),
            None,
        )
        .expect("loads");
        assert_eq!(
            (schema.title().as_str(), schema.key_pattern.as_str()),
            ("user@1.0.0", "user:*")
        );
        assert_eq!(
            schema.to_json_schema(),
            json!({"$schema": compile::DIALECT, "type": "object", "properties": {
                "name": {"type": "string"}, "age": {"type": "number"}, "preferences": {"type": "object"}},
                "required": ["name"]})
        );
        let again = Schema::from_value(schema.definition(), None).expect("reads again");
        assert_eq!(again.digest(), schema.digest());
    }

    #[test]
    fn all_mistakes_are_told_at_once() {
        let text = refused(&json!({"version": "1.0", "keyPatern": "user:*", "fields": {
            "name": {"type": "strnig", "requierd": true}, "age": {"type": "number", "default": "x"},
            "mail": {"type": "string", "format": "datetime", "pattern": "("}}}));
        for part in [
            "version: '1.0' is no semantic version",
            "keyPatern: a schema has no key 'keyPatern'",
            "(did you mean 'keyPattern'?)",
            "fields.name.type: 'strnig' is no type",
            "(did you mean 'required'?)",
            "fields.mail.format: 'datetime' is no format",
            "(did you mean 'date-time'?)",
            "fields.mail.pattern: '(' is no regular expression",
        ] {
            assert!(text.contains(part), "{part} in {text}");
        }
        let text = refused(&json!({"version": "1.0.0", "subject": "user", "fields": {
            "age": {"type": "number", "default": "x"}}}));
        assert!(text.contains("fields.age.default: the default \"x\" does not fit"), "{text}");
    }

    #[test]
    fn a_json_schema_is_checked_and_never_fetched() {
        let base =
            |schema: Value| json!({"version": "1.0.0", "subject": "u", "jsonSchema": schema});
        let text = refused(&base(json!({"properties": {"a": {"type": "nubmer"}}})));
        assert!(text.contains("jsonSchema.properties.a.type"), "{text}");
        let text = refused(&base(json!({"$ref": "https://example.com/schema.json"})));
        assert!(text.contains("https://example.com/schema.json"), "{text}");
        for draft in
            ["http://json-schema.org/draft-04/schema#", "http://json-schema.org/draft-07/schema#"]
        {
            Schema::from_value(&base(json!({"$schema": draft, "type": "object"})), None)
                .expect(draft);
        }
    }

    #[test]
    fn heads_of_patterns() {
        for (pattern, head) in [
            ("user:*", Some("user")),
            ("app:user:*", Some("app:user")),
            ("{user}:*", Some("user")),
            ("*:user", None),
            ("session", Some("session")),
        ] {
            assert_eq!(literal_head(pattern).as_deref(), head, "{pattern}");
        }
    }
}
