//! A JSON Schema that refers to other files of its catalog, made complete in itself.
//!
//! A definition travels alone, into the registry and into plans: what it refers to goes with it.
//! Nothing is fetched; a file that is not in the catalog is a mistake.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::Value;

/// What the address of a catalog's file begins with.
const BASE: &str = "catalog:///";

/// The files of a catalog by their path below it, as `common/address.json`.
pub type Files = Arc<BTreeMap<String, Value>>;

struct Shelf(Files);

impl jsonschema::Retrieve for Shelf {
    fn retrieve(
        &self,
        uri: &jsonschema::Uri<String>,
    ) -> Result<Value, Box<dyn std::error::Error + Send + Sync>> {
        let path = uri.as_str().strip_prefix(BASE).unwrap_or(uri.as_str());
        let in_catalog = uri.as_str().starts_with(BASE);
        let missing = || match in_catalog.then_some(path) {
            Some(path) => format!("there is no file {path} in the catalog"),
            None => "nothing is fetched from a network".to_owned(),
        };
        let found = self.0.get(path).ok_or_else(missing)?;
        // Of a schema's definition the JSON Schema is meant.
        Ok(found.get("jsonSchema").unwrap_or(found).clone())
    }
}

/// Whether a JSON Schema refers to files: to anything relative that is not inside itself.
pub fn refers_to_files(schema: &Value) -> bool {
    match schema {
        Value::Object(map) => map.iter().any(|(key, value)| {
            let is_file = |target: &str| {
                let document = target.split('#').next().unwrap_or_default();
                !document.is_empty() && !document.contains(':')
            };
            (key == "$ref" && value.as_str().is_some_and(is_file)) || refers_to_files(value)
        }),
        Value::Array(items) => items.iter().any(refers_to_files),
        _ => false,
    }
}

/// The JSON Schema of the file at `path` with what it refers to inside it.
pub fn bundle(schema: &Value, path: &str, files: &Files) -> Result<Value, String> {
    let mut schema = schema.clone();
    if let Some(map) = schema.as_object_mut()
        && !map.contains_key("$id")
    {
        // Relative references mean what they meant in the file, wherever the definition goes.
        map.insert("$id".to_owned(), format!("{BASE}{path}").into());
    }
    jsonschema::options()
        .with_retriever(Shelf(Arc::clone(files)))
        .bundle(&schema)
        .map_err(|error| error.to_string())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::schema::{Reading, Validator};

    #[test]
    fn a_schema_takes_what_it_refers_to_with_it() {
        let files: Files = Arc::new(BTreeMap::from([(
            "common/address.json".to_owned(),
            json!({"$defs": {"zip": {"type": "string"}},
                "type": "object", "properties": {"zip": {"$ref": "#/$defs/zip"}}}),
        )]));
        let schema = json!({"properties": {"home": {"$ref": "../common/address.json"},
            "zip": {"$ref": "../common/address.json#/$defs/zip"}}});
        assert!(refers_to_files(&schema));
        let bundled = bundle(&schema, "user/1.json", &files).expect("complete");
        let validator = Validator::new(&bundled, Reading::default()).expect("compiles alone");
        assert!(validator.is_valid(&json!({"home": {"zip": "1"}, "zip": "2"})));
        assert!(!validator.is_valid(&json!({"home": {"zip": 1}})));
        assert!(!validator.is_valid(&json!({"zip": 2})));
        let missing = json!({"$ref": "../common/adress.json"});
        let error = bundle(&missing, "user/1.json", &files).expect_err("refused");
        assert!(error.contains("there is no file common/adress.json in the catalog"), "{error}");
    }
}
