//! The published format of schema definitions, as a JSON Schema that editors complete and check by.

use serde_json::{Map, Value, json};

use super::compile::DIALECT;
use super::field::{FORMATS, TYPE_NAMES};
use crate::model::Storage;

/// Three numbers of semantic versioning, with the optional tails.
pub const VERSION_PATTERN: &str =
    r"^\d+\.\d+\.\d+(-[0-9A-Za-z-]+(\.[0-9A-Za-z-]+)*)?(\+[0-9A-Za-z-]+(\.[0-9A-Za-z-]+)*)?$";

/// The JSON Schema of a file that defines one schema.
pub fn schema_file() -> Value {
    json!({
        "$schema": DIALECT,
        "title": "remold schema definition",
        "description": "The shape of a subject's documents at one version.",
        "type": "object",
        "properties": schema_properties(),
        "required": ["version"],
        "anyOf": [{"required": ["keyPattern"]}, {"required": ["subject"]}],
        "oneOf": [{"required": ["fields"]}, {"required": ["jsonSchema"]}],
        "additionalProperties": false,
        "$defs": {"fields": fields(), "field": field()}
    })
}

fn schema_properties() -> Value {
    json!({
        "$schema": {"type": "string", "description": "Where this format is described."},
        "version": {"type": "string", "pattern": VERSION_PATTERN,
            "description": "The semantic version, as in 1.0.0."},
        "subject": {"type": "string", "pattern": "^[^@\\s]+$",
            "description": "The family of keys; the key pattern's literal head unless said."},
        "keyPattern": {"type": "string", "minLength": 1,
            "description": "Which keys hold such documents: a glob, as SCAN MATCH takes it."},
        "storage": {"enum": Storage::ALL.map(Storage::name),
            "description": "JSON in a string, a hash, or RedisJSON; any unless said."},
        "versionField": {"type": "string", "minLength": 1,
            "description": "The path of the document field that holds its version."},
        "additionalFields": {"type": "boolean", "default": true,
            "description": "Whether documents may have fields that are not declared."},
        "description": {"type": "string", "description": "A note for people."},
        "fields": {"$ref": "#/$defs/fields", "description": "The fields by name."},
        "jsonSchema": {"type": ["object", "boolean"],
            "description": "In place of 'fields': a JSON Schema of draft 4, 6, 7, 2019-09 or 2020-12."}
    })
}

fn fields() -> Value {
    json!({"type": "object", "additionalProperties": {"$ref": "#/$defs/field"}})
}

fn field() -> Value {
    let mut properties = Map::new();
    let mut add = |name: &str, description: &str, mut schema: Value| {
        schema["description"] = description.into();
        properties.insert(name.to_owned(), schema);
    };
    let names = json!({"enum": TYPE_NAMES});
    let types = json!({"anyOf": [names, {"type": "array", "minItems": 1, "items": names}]});
    add("type", "A type or a list of types; 'hash' is an object, 'list' an array.", types);
    add("required", "Whether the field must stand.", json!({"type": "boolean", "default": false}));
    add("nullable", "Whether null fits too.", json!({"type": "boolean", "default": false}));
    add("enum", "The values it may have.", json!({"type": "array", "minItems": 1}));
    add("default", "The value readers take when it is absent.", json!({}));
    add("format", "A format that texts must have.", json!({"enum": FORMATS}));
    add(
        "pattern",
        "A regular expression that texts must match.",
        json!({"type": "string", "format": "regex"}),
    );
    let count = || json!({"type": "integer", "minimum": 0});
    add("minLength", "The fewest characters.", count());
    add("maxLength", "The most characters.", count());
    add("minimum", "The least number.", json!({"type": "number"}));
    add("maximum", "The greatest number.", json!({"type": "number"}));
    add("fields", "The fields of an object.", json!({"$ref": "#/$defs/fields"}));
    add(
        "additionalFields",
        "Whether this object may have fields that are not declared.",
        json!({"type": "boolean"}),
    );
    add("items", "What each item of an array is.", json!({"$ref": "#/$defs/field"}));
    add("description", "A note for people.", json!({"type": "string"}));
    add("renamedFrom", "The name the field had in the version before.", json!({"type": "string"}));
    add("splitFrom", "The text this field is a part of.", json!({"type": "string"}));
    add(
        "mergedFrom",
        "The fields that were joined to this one, in order.",
        json!({"type": "array", "items": {"type": "string"}, "minItems": 2}),
    );
    add("unit", "The unit its number is in: seconds, cents.", json!({"type": "string"}));
    json!({"type": "object", "properties": properties, "additionalProperties": false})
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::schema::definition::SCHEMA_KEYS;
    use crate::schema::field::FIELD_KEYS;
    use crate::schema::{Reading, Validator};

    fn keys(value: &Value) -> Vec<&str> {
        let mut keys: Vec<&str> =
            value.as_object().expect("an object").keys().map(String::as_str).collect();
        keys.sort_unstable();
        keys
    }

    fn sorted(mut keys: Vec<&'static str>) -> Vec<&'static str> {
        keys.sort_unstable();
        keys
    }

    #[test]
    fn the_format_knows_the_keys_that_are_read() {
        let format = schema_file();
        assert_eq!(keys(&format["properties"]), sorted(SCHEMA_KEYS.to_vec()));
        assert_eq!(keys(&format["$defs"]["field"]["properties"]), sorted(FIELD_KEYS.to_vec()));
    }

    #[test]
    fn the_example_fits_and_a_slip_does_not() {
        let validator = Validator::new(&schema_file(), Reading::default()).expect("compiles");
        let mut example = json!({"version": "1.0.0", "keyPattern": "user:*",
            "fields": {"name": {"type": "string", "required": true}, "preferences": {"type": "hash"}}});
        assert_eq!(validator.violations(&example), vec![]);
        example["fields"]["name"]["requierd"] = true.into();
        assert_eq!(validator.violations(&example)[0].path, "fields.name.requierd");
    }
}
