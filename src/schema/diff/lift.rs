//! A schema of an older draft said in draft 2020-12, so that schemas of different drafts can be compared.
//!
//! Only what can be said exactly is said: the integers of draft 4 (of which 1.0 is none), references to
//! other resources and keywords that a draft does not know are left to the search for witnesses.

use serde_json::{Map, Value};

use super::inner::Inner;

/// The drafts that definitions may be written in, oldest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Draft {
    Four,
    Six,
    Seven,
    Of2019,
    Of2020,
}

/// Formats with the draft that first asserts them, as the validator reads them; any other is a note.
const FORMATS: [(&str, Draft); 19] = [
    ("date", Draft::Four),
    ("date-time", Draft::Four),
    ("email", Draft::Four),
    ("idn-email", Draft::Four),
    ("hostname", Draft::Four),
    ("ipv4", Draft::Four),
    ("ipv6", Draft::Four),
    ("regex", Draft::Four),
    ("time", Draft::Four),
    ("uri", Draft::Four),
    ("json-pointer", Draft::Six),
    ("uri-reference", Draft::Six),
    ("uri-template", Draft::Six),
    ("idn-hostname", Draft::Seven),
    ("iri", Draft::Seven),
    ("iri-reference", Draft::Seven),
    ("relative-json-pointer", Draft::Seven),
    ("duration", Draft::Of2019),
    ("uuid", Draft::Of2019),
];

/// The schema in draft 2020-12, without its `$schema` and without formats that nobody asserts. `None`
/// where the same cannot be said there.
pub fn lift(schema: &Value) -> Option<Value> {
    node(draft(schema)?, schema, true)
}

fn draft(schema: &Value) -> Option<Draft> {
    let Some(dialect) = schema.get("$schema") else { return Some(Draft::Of2020) };
    let address = dialect.as_str()?.trim_end_matches('#');
    Some(match address.split_once("://")?.1 {
        "json-schema.org/draft-04/schema" => Draft::Four,
        "json-schema.org/draft-06/schema" => Draft::Six,
        "json-schema.org/draft-07/schema" => Draft::Seven,
        "json-schema.org/draft/2019-09/schema" => Draft::Of2019,
        "json-schema.org/draft/2020-12/schema" => Draft::Of2020,
        _ => return None,
    })
}

fn node(draft: Draft, schema: &Value, top: bool) -> Option<Value> {
    let Value::Object(map) = schema else { return Some(schema.clone()) };
    // Up to draft 7 nothing counts beside a reference.
    let reference_alone = draft <= Draft::Seven && map.contains_key("$ref");
    let mut out = Map::new();
    for (key, value) in map {
        if reference_alone && !["$ref", "definitions", "$defs"].contains(&key.as_str()) {
            continue;
        }
        if key == "$schema" && top {
            continue;
        }
        if draft == Draft::Of2020 {
            latest(&mut out, key, value)?;
        } else if !is_told_apart(draft, key, value) {
            older(draft, &mut out, map, key, value, top)?;
        } else {
            return None;
        }
    }
    Some(Value::Object(out))
}

/// Keywords that the draft does not know, or reads in a way that 2020-12 cannot say.
fn is_told_apart(draft: Draft, key: &str, value: &Value) -> bool {
    match key {
        "$schema" | "$vocabulary" | "$anchor" | "$recursiveRef" | "$recursiveAnchor"
        | "$dynamicRef" | "$dynamicAnchor" | "prefixItems" | "unevaluatedItems" => true,
        "dependentRequired"
        | "dependentSchemas"
        | "unevaluatedProperties"
        | "minContains"
        | "maxContains" => draft <= Draft::Seven,
        "dependencies" => draft == Draft::Of2019,
        "if" | "then" | "else" => draft < Draft::Seven,
        "const" | "contains" | "propertyNames" => draft == Draft::Four,
        "contentEncoding" | "contentMediaType" => matches!(draft, Draft::Six | Draft::Seven),
        "format" => value == "hostname" && draft < Draft::Seven,
        "exclusiveMinimum" | "exclusiveMaximum" => value.is_boolean() != (draft == Draft::Four),
        "type" => {
            let integer = |value: &Value| value == "integer";
            draft == Draft::Four
                && (integer(value) || value.as_array().is_some_and(|list| list.iter().any(integer)))
        }
        "$ref" => !is_local(value),
        _ => false,
    }
}

/// A reference to the root, or to something named one step below it, which stays where it is.
fn is_local(target: &Value) -> bool {
    let Some(target) = target.as_str() else { return false };
    let below = ["#/definitions/", "#/$defs/", "#/properties/"];
    target == "#"
        || below.iter().any(|start| {
            target.strip_prefix(start).is_some_and(|name| !name.is_empty() && !name.contains('/'))
        })
}

/// One keyword of 2020-12, as it is, with what stands below it.
fn latest(out: &mut Map<String, Value>, key: &str, value: &Value) -> Option<()> {
    let draft = Draft::Of2020;
    match key {
        "format" if !is_asserted(draft, value) => {}
        _ => {
            out.insert(key.to_owned(), below(draft, key, value)?);
        }
    }
    Some(())
}

/// One keyword of an older draft, in the words of 2020-12.
fn older(
    draft: Draft,
    out: &mut Map<String, Value>,
    map: &Map<String, Value>,
    key: &str,
    value: &Value,
    top: bool,
) -> Option<()> {
    let is_list = map.get("items").is_some_and(Value::is_array);
    let mut put = |key: &str, value: Value| {
        out.insert(key.to_owned(), value);
    };
    match key {
        // Only the root's own address can go: every reference is local.
        "id" | "$id" => return top.then_some(()),
        "format" if !is_asserted(draft, value) => {}
        "items" if is_list => {
            let items = list(draft, value)?;
            if items.as_array().is_some_and(|items| !items.is_empty()) {
                put("prefixItems", items);
            }
        }
        "additionalItems" if is_list => put("items", node(draft, value, false)?),
        "additionalItems" => {}
        "dependencies" => {
            let (mut names, mut schemas) = (Map::new(), Map::new());
            for (name, needed) in value.as_object()? {
                if needed.is_array() {
                    names.insert(name.clone(), needed.clone());
                } else {
                    schemas.insert(name.clone(), node(draft, needed, false)?);
                }
            }
            put("dependentRequired", Value::Object(names));
            put("dependentSchemas", Value::Object(schemas));
        }
        // In draft 4 a flag says that the bound itself is out.
        "exclusiveMinimum" | "exclusiveMaximum" if draft == Draft::Four => {}
        "minimum" if map.get("exclusiveMinimum") == Some(&Value::Bool(true)) => {
            put("exclusiveMinimum", value.clone());
        }
        "maximum" if map.get("exclusiveMaximum") == Some(&Value::Bool(true)) => {
            put("exclusiveMaximum", value.clone());
        }
        _ => put(key, below(draft, key, value)?),
    }
    Some(())
}

/// The value of a keyword, with the schemas in it lifted.
fn below(draft: Draft, key: &str, value: &Value) -> Option<Value> {
    match Inner::of(key) {
        Inner::Named => {
            let Value::Object(map) = value else { return Some(value.clone()) };
            let lifted =
                map.iter().map(|(name, schema)| Some((name.clone(), node(draft, schema, false)?)));
            lifted.collect::<Option<Map<_, _>>>().map(Value::Object)
        }
        Inner::Listed => list(draft, value),
        Inner::One => node(draft, value, false),
        Inner::None => Some(value.clone()),
    }
}

fn list(draft: Draft, value: &Value) -> Option<Value> {
    let Value::Array(items) = value else { return Some(value.clone()) };
    let lifted = items.iter().map(|item| node(draft, item, false));
    lifted.collect::<Option<Vec<_>>>().map(Value::Array)
}

fn is_asserted(draft: Draft, format: &Value) -> bool {
    FORMATS.iter().any(|(name, since)| format == *name && draft >= *since)
}
