//! A JSON Schema that refers to other files of its catalog, made complete in itself.
//!
//! A definition travels alone, into the registry and into plans: what it refers to goes with it.
//! Nothing is fetched; a file that is not in the catalog is a mistake.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use serde_json::Value;

use super::mistake::{Mistake, Place, nearest};

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
///
/// # Errors
/// Every reference to what the catalog does not have, at its place in the schema.
pub fn bundle(schema: &Value, path: &str, files: &Files) -> Result<Value, Vec<Mistake>> {
    let mut search =
        Search { files, seen: BTreeSet::from([path.to_owned()]), mistakes: Vec::new() };
    search.look(schema, path, &mut Vec::new(), None);
    if !search.mistakes.is_empty() {
        return Err(search.mistakes);
    }
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
        .map_err(|error| vec![mistake(Vec::new(), error.to_string(), None)])
}

fn mistake(at: Vec<Place>, message: String, near: Option<String>) -> Mistake {
    let expected = "a path to another file of the catalog, from this one".to_owned();
    Mistake { at, on_key: false, message, expected, near }
}

/// Looks for references that lead nowhere, also in the files that are referred to.
struct Search<'f> {
    files: &'f Files,
    seen: BTreeSet<String>,
    mistakes: Vec<Mistake>,
}

impl Search<'_> {
    /// Looks through a schema of the file at `path`. What is wrong in another file than the one at hand
    /// is told at the reference that leads there, `through`.
    fn look(&mut self, schema: &Value, path: &str, at: &mut Vec<Place>, through: Option<&[Place]>) {
        let mut deeper = |place: Place, value: &Value| {
            at.push(place);
            if let (Some(Place::Key(key)), Some(target)) = (at.last(), value.as_str())
                && key == "$ref"
            {
                self.follow(target, path, through.unwrap_or(at));
            }
            self.look(value, path, at, through);
            at.pop();
        };
        match schema {
            Value::Object(map) => {
                map.iter().for_each(|(key, value)| deeper(Place::Key(key.clone()), value));
            }
            Value::Array(items) => {
                let items = items.iter().enumerate();
                items.for_each(|(index, value)| deeper(Place::Item(index), value));
            }
            _ => {}
        }
    }

    /// Looks at what one reference of the file at `path` means.
    fn follow(&mut self, target: &str, path: &str, told_at: &[Place]) {
        let (document, fragment) = target.split_once('#').unwrap_or((target, ""));
        if document.is_empty() || document.contains(':') {
            return;
        }
        let means = joined(path, document);
        let of = || format!("{path} refers to '{target}', which is the file {means}");
        let files = Arc::clone(self.files);
        let Some(file) = files.get(&means) else {
            let message = format!("{}, and the catalog has no such file", of());
            let near = near_file(&means, &files).map(|near| relative(path, near));
            self.mistakes.push(mistake(told_at.to_vec(), message, near));
            return;
        };
        let schema = file.get("jsonSchema").unwrap_or(file);
        if fragment.starts_with('/') && schema.pointer(fragment).is_none() {
            let message = format!("{}, and that has nothing at '#{fragment}'", of());
            let near = near_pointer(schema, fragment).map(|near| format!("{document}#{near}"));
            self.mistakes.push(mistake(told_at.to_vec(), message, near));
        }
        if self.seen.insert(means.clone()) {
            self.look(schema, &means, &mut Vec::new(), Some(told_at));
        }
    }
}

/// The path below the catalog that `reference` means in the file at `path`. What leads out of the
/// catalog ends at its top, as it does in a URL.
fn joined(path: &str, reference: &str) -> String {
    let mut parts: Vec<&str> = path.split('/').collect();
    parts.pop();
    if reference.starts_with('/') {
        parts.clear();
    }
    for part in reference.split('/') {
        match part {
            "" | "." => {}
            ".." => _ = parts.pop(),
            name => parts.push(name),
        }
    }
    parts.join("/")
}

/// How the file at `path` refers to the one at `other`.
fn relative(path: &str, other: &str) -> String {
    let folders = |path: &str| path.split('/').map(str::to_owned).collect::<Vec<_>>();
    let (from, to) = (folders(path), folders(other));
    let shared = from[..from.len() - 1].iter().zip(&to).take_while(|(a, b)| a == b).count();
    let up = std::iter::repeat_n("..", from.len() - 1 - shared);
    up.chain(to[shared..].iter().map(String::as_str)).collect::<Vec<_>>().join("/")
}

/// The file that was most likely meant: one of a like name, and of those the one at the likest place.
fn near_file<'f>(path: &str, files: &'f Files) -> Option<&'f str> {
    let name = |path: &'f str| {
        let name = path.rsplit('/').next().unwrap_or_default();
        name.strip_suffix(".json").unwrap_or(name)
    };
    let paths = || files.keys().map(String::as_str);
    let meant = path.rsplit('/').next().unwrap_or_default();
    let near = nearest(meant.strip_suffix(".json").unwrap_or(meant), paths().map(name))?;
    let named = || paths().filter(|other| name(other) == near);
    let nearest = nearest(path, named());
    named().find(|other| nearest.as_deref() == Some(other)).or_else(|| named().next())
}

/// The nearest name beside the last one of a JSON pointer that leads nowhere.
fn near_pointer(schema: &Value, pointer: &str) -> Option<String> {
    let (above, name) = pointer.rsplit_once('/')?;
    let names = schema.pointer(above)?.as_object()?.keys().map(String::as_str);
    Some(format!("{above}/{}", nearest(name, names)?))
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
    }

    #[test]
    fn a_reference_that_leads_nowhere_is_told_where_it_stands() {
        let files: Files = Arc::new(BTreeMap::from([
            ("common/address.json".to_owned(), json!({"$defs": {"zip": {"$ref": "zpi.json"}}})),
            ("common/zip.json".to_owned(), json!({"type": "string"})),
        ]));
        let told = |schema: Value| {
            let mistakes = bundle(&schema, "user/1.json", &files).expect_err("refused");
            mistakes.iter().map(ToString::to_string).collect::<Vec<_>>()
        };
        let expected = "expected a path to another file of the catalog, from this one";
        assert_eq!(
            told(json!({"properties": {"home": {"$ref": "adress.json"}}})),
            [format!(
                "properties.home.$ref: user/1.json refers to 'adress.json', which is the file user/adress.json, and \
                 the catalog has no such file; {expected} (did you mean '../common/address.json'?)"
            )]
        );
        assert_eq!(
            told(json!({"$ref": "../common/address.json#/$defs/zp"})),
            [
                format!(
                    "$ref: user/1.json refers to '../common/address.json#/$defs/zp', which is the file \
                     common/address.json, and that has nothing at '#/$defs/zp'; {expected} (did you mean \
                     '../common/address.json#/$defs/zip'?)"
                ),
                format!(
                    "$ref: common/address.json refers to 'zpi.json', which is the file common/zpi.json, and the \
                     catalog has no such file; {expected} (did you mean 'zip.json'?)"
                ),
            ]
        );
    }
}
