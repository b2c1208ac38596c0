//! The published format of migrations files, as a JSON Schema that editors complete and check by.

use serde_json::{Map, Value, json};

use crate::schema::compile::DIALECT;
use crate::schema::format::VERSION_PATTERN;
use crate::transform::kinds::{KINDS, Kind};

/// The JSON Schema of a file of migrations, paths, strategies and flags.
pub fn migrations_file() -> Value {
    let any_of = ["migrations", "strategies", "flags"].map(|key| json!({"required": [key]}));
    json!({
        "$schema": DIALECT,
        "title": "remold migrations",
        "description": "Named edges between the versions of a subject, and what belongs to them.",
        "type": "object",
        "properties": {
            "$schema": {"type": "string", "description": "Where this format is described."},
            "subject": {"type": "string", "minLength": 1,
                "description": "Whose migrations these are; else the folder's name, else the only subject there is."},
            "description": {"type": "string", "description": "A note for people."},
            "migrations": {"type": "object", "additionalProperties": {"$ref": "#/$defs/migration"},
                "description": "The migrations by name."},
            "paths": {"type": "object", "propertyNames": {"pattern": VERSION_PATTERN},
                "additionalProperties": {"type": "object", "propertyNames": {"pattern": VERSION_PATTERN},
                    "additionalProperties": {"type": "array", "items": {"type": "string"}}},
                "description": "From a version to a version: the migrations to take, in place of those that would be found."},
            "tags": {"type": "object", "propertyNames": {"pattern": "^[A-Za-z][A-Za-z0-9_-]*$", "not": {"const": "latest"}},
                "additionalProperties": {"$ref": "#/$defs/version"},
                "description": "Names for versions that have a schema, as in {\"production\": \"2.0.0\"}: user@production."},
            "strategies": {"type": "object", "additionalProperties": {"$ref": "#/$defs/strategy"},
                "description": "Templates of migrations by name."},
            "flags": {"type": "object", "additionalProperties": {"type": ["boolean", "number", "string"]},
                "description": "Feature flags and their values."}
        },
        "anyOf": any_of,
        "additionalProperties": false,
        "$defs": {
            "version": {"type": "string", "pattern": VERSION_PATTERN},
            "transforms": {"type": "array", "items": {"$ref": "#/$defs/transform"}},
            "migration": migration(),
            "validation": validation(),
            "strategy": strategy(),
            "transform": transform(),
            "rule": {"type": "object", "required": ["message"], "minProperties": 2,
                "properties": {"message": {"type": "string", "minLength": 1,
                    "description": "What is told of a document that does not meet it."}},
                "description": "A condition, as 'when' takes it, with a message beside it."},
            "when": {"type": "object", "description": "What has to hold of the document, the flags or the environment."}
        }
    })
}

fn migration() -> Value {
    json!({
        "type": "object",
        "properties": {
            "source": {"$ref": "#/$defs/version", "description": "The version it starts from."},
            "target": {"$ref": "#/$defs/version", "description": "The version it leads to."},
            "strategy": {"type": "string", "default": "direct",
                "description": "'direct', or the name of a strategy whose transforms come first."},
            "with": {"type": "object", "description": "The strategy's parameters."},
            "when": {"$ref": "#/$defs/when"},
            "transforms": {"$ref": "#/$defs/transforms", "description": "What is done to a document, in order."},
            "validation": {"$ref": "#/$defs/validation"},
            "cost": {"type": "integer", "minimum": 0,
                "description": "How dear it is where two paths are equally long; the number of transforms unless said."},
            "description": {"type": "string", "description": "A note for people."}
        },
        "required": ["source", "target"],
        "additionalProperties": false
    })
}

/// What has to hold of a migration's documents, and when.
fn validation() -> Value {
    let required = json!({"type": "array", "items": {"type": "string", "minLength": 1},
        "description": "Fields that have to be there."});
    let rules = json!({"type": "array", "items": {"$ref": "#/$defs/rule"},
        "description": "Conditions that have to hold."});
    let asks = json!([{"required": ["required"]}, {"required": ["rules"]}]);
    let step = json!({"type": "object", "additionalProperties": false, "anyOf": asks,
        "properties": {"after": {"type": "integer", "minimum": 1,
                "description": "The number of the transform, from 1, a strategy's counted first; each unless said."},
            "required": required, "rules": rules}});
    json!({
        "type": "object",
        "description": "'required' and 'rules' are asked after the last transform, besides the target's schema.",
        "properties": {
            "required": required,
            "rules": rules,
            "before": {
                "description": "What has to hold before the first transform: true for the schema of the source.",
                "anyOf": [{"type": "boolean"}, {"type": "object", "additionalProperties": false,
                    "properties": {"schema": {"type": "boolean", "default": true,
                            "description": "Whether the document has to fit the schema of the source."},
                        "required": required, "rules": rules}}]},
            "eachStep": {
                "description": "What has to hold after each transform, or after one of them.",
                "anyOf": [step, {"type": "array", "items": step}]}
        },
        "additionalProperties": false
    })
}

fn strategy() -> Value {
    json!({
        "type": "object",
        "properties": {
            "description": {"type": "string", "description": "A note for people."},
            "parameters": {"type": "object", "additionalProperties": {
                "type": "object",
                "properties": {
                    "type": {"enum": ["string", "number", "boolean", "array", "object"]},
                    "default": {},
                    "description": {"type": "string"}
                },
                "additionalProperties": false
            }},
            // A template may hold placeholders where a transform holds a value.
            "transforms": {"type": "array", "items": {"type": "object", "required": ["type"]}}
        },
        "required": ["transforms"],
        "additionalProperties": false
    })
}

/// The transform by its `type`, so that an editor offers the parameters of the chosen kind.
fn transform() -> Value {
    let names: Vec<&str> = KINDS.iter().map(|kind| kind.name).collect();
    let chosen: Vec<Value> = KINDS
        .iter()
        .map(|kind| {
            let is_this =
                json!({"properties": {"type": {"const": kind.name}}, "required": ["type"]});
            json!({"if": is_this, "then": of_kind(kind)})
        })
        .collect();
    json!({
        "type": "object",
        "properties": {"type": {"enum": names, "description": "The kind of transform."}},
        "required": ["type"],
        "allOf": chosen
    })
}

fn of_kind(kind: &Kind) -> Value {
    let mut properties = Map::new();
    properties.insert("type".to_owned(), json!({"description": kind.summary}));
    properties.insert("description".to_owned(), json!({"type": "string"}));
    properties.insert("when".to_owned(), json!({"$ref": "#/$defs/when"}));
    for parameter in kind.parameters {
        let description = format!("{} ({})", parameter.help, parameter.form);
        properties.insert(parameter.name.to_owned(), json!({ "description": description }));
    }
    let required: Vec<&str> =
        kind.parameters.iter().filter(|p| !p.optional).map(|p| p.name).collect();
    json!({"properties": properties, "required": required, "additionalProperties": false})
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalog::load::FILE_KEYS;
    use crate::catalog::migration::MIGRATION_KEYS;
    use crate::catalog::validation::{BEFORE_KEYS, EACH_STEP_KEYS, VALIDATION_KEYS};
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
        let format = migrations_file();
        assert_eq!(keys(&format["properties"]), sorted(FILE_KEYS.to_vec()));
        let migration = &format["$defs"]["migration"]["properties"];
        assert_eq!(keys(migration), sorted(MIGRATION_KEYS.to_vec()));
        let validation = &format["$defs"]["validation"]["properties"];
        assert_eq!(keys(validation), sorted(VALIDATION_KEYS.to_vec()));
        let second = |of: &str| &validation[of]["anyOf"][1];
        assert_eq!(keys(&second("before")["properties"]), sorted(BEFORE_KEYS.to_vec()));
        let step = &second("eachStep")["items"]["properties"];
        assert_eq!(keys(step), sorted(EACH_STEP_KEYS.to_vec()));
    }

    #[test]
    fn the_sample_catalog_fits_and_a_slip_does_not() {
        let validator = Validator::new(&migrations_file(), Reading::default()).expect("compiles");
        for text in [
            include_str!("../../sample-data/catalog/user/migrations.json"),
            include_str!("../../sample-data/catalog/order/migrations.json"),
        ] {
            let mut file: Value = serde_json::from_str(text).expect("JSON");
            assert_eq!(validator.violations(&file), vec![]);
            let migrations = file["migrations"].as_object_mut().expect("migrations");
            let first = migrations.values_mut().next().expect("one");
            first["transforms"][0]["fro"] = "x".into();
            assert!(!validator.is_valid(&file));
        }
    }
}
