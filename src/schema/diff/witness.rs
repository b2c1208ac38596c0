//! Looks for a document that one schema accepts and another refuses: the plainest proof there is.
//!
//! Where the canonical form cannot decide, boundary values of both schemas are put together to
//! documents, and the real validator is asked. What is found is certain; finding nothing says nothing.

use std::collections::{BTreeMap, HashSet};

use serde_json::{Map, Number, Value, json};

use super::patterns::Patterns;
use crate::schema::reading::{Reading, local_target};
use crate::schema::validator::Validator;

/// Values kept for one place in a document.
const VALUES_MAX: usize = 96;
/// Documents that are tried.
const DOCUMENTS_MAX: usize = 4_096;
/// Names tried that no schema lists, and values tried under each.
const UNLISTED_NAMES_MAX: usize = 12;
const UNLISTED_VALUES_MAX: usize = 24;
/// How deep documents are put together.
const DEPTH_MAX: usize = 5;
/// Characters of the longest text that is tried.
const TEXT_CHARACTERS_MAX: u64 = 4_096;

/// Documents that only one side accepts.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Witnesses {
    /// Accepted by the old schema, refused by the new one.
    pub refused_by_new: Option<Value>,
    /// Accepted by the new schema, refused by the old one.
    pub refused_by_old: Option<Value>,
}

/// Searches for witnesses in both directions. `patterns` are those of the two schemas.
pub fn search(old: &Value, new: &Value, patterns: &Patterns) -> Witnesses {
    let mut found = Witnesses::default();
    let compiled = |schema: &Value| Validator::new(schema, Reading::default()).ok();
    let (Some(old_validator), Some(new_validator)) = (compiled(old), compiled(new)) else {
        return found;
    };
    let search = Search { old_root: old, new_root: new, patterns };
    // The shortest document shows best what it is about.
    let mut values = search.values(old, new, 0);
    values.sort_by_cached_key(|value| value.to_string().len());
    for value in values {
        match (old_validator.is_valid(&value), new_validator.is_valid(&value)) {
            (true, false) if found.refused_by_new.is_none() => found.refused_by_new = Some(value),
            (false, true) if found.refused_by_old.is_none() => found.refused_by_old = Some(value),
            _ => {}
        }
    }
    found
}

struct Search<'s> {
    old_root: &'s Value,
    new_root: &'s Value,
    patterns: &'s Patterns,
}

/// What a node says of objects, with what `allOf` and `$ref` add.
#[derive(Default)]
struct ObjectView<'s> {
    properties: BTreeMap<&'s str, &'s Value>,
    required: Vec<&'s str>,
    /// What fields must be whose names are not listed.
    open: Vec<&'s Value>,
    /// Names that no list has: of them patterns and rules for names may speak.
    unlisted: Vec<String>,
}

const ANY: &Value = &Value::Bool(true);

impl<'s> Search<'s> {
    /// Values worth trying where `old` and `new` stand: boundaries of both, each once.
    fn values(&self, old: &'s Value, new: &'s Value, depth: usize) -> Vec<Value> {
        let mut values = Vec::new();
        let old_parts = parts(old, self.old_root);
        let new_parts = parts(new, self.new_root);
        for part in old_parts.iter().chain(&new_parts) {
            boundaries(part, &mut values);
            let pattern = part.get("pattern").and_then(Value::as_str).unwrap_or_default();
            values.extend(self.patterns.texts(pattern).iter().map(|text| json!(text)));
        }
        values.extend([json!(null), json!(true), json!(0), json!(1), json!(-1), json!(1.5)]);
        // No integer in draft 4, and one in every other.
        values.push(json!(1.0));
        values.extend([json!(""), json!("a"), json!("witness"), json!([]), json!({})]);
        if depth < DEPTH_MAX {
            self.arrays(&old_parts, &new_parts, depth, &mut values);
            self.objects(&old_parts, &new_parts, depth, &mut values);
        }
        // Of what goes into other values few suffice; the documents themselves are all tried.
        unique(values, if depth == 0 { DOCUMENTS_MAX } else { VALUES_MAX })
    }

    fn arrays(&self, old: &[&'s Value], new: &[&'s Value], depth: usize, out: &mut Vec<Value>) {
        let items =
            |parts: &[&'s Value]| parts.iter().find_map(|part| part.get("items")).unwrap_or(ANY);
        let says = |part: &&Value| {
            ["items", "minItems", "maxItems", "uniqueItems", "contains"]
                .iter()
                .any(|keyword| part.get(*keyword).is_some())
        };
        if !old.iter().chain(new).any(says) {
            out.push(json!([1]));
            return;
        }
        let inner = self.values(items(old), items(new), depth + 1);
        out.extend(inner.iter().map(|value| json!([value])));
        let lengths = old.iter().chain(new).flat_map(|part| {
            ["minItems", "maxItems"].into_iter().filter_map(|keyword| part.get(keyword)?.as_u64())
        });
        for length in lengths.flat_map(|n| [n.saturating_sub(1), n, n + 1]).chain([2]) {
            let length = usize::try_from(length.min(64)).unwrap_or(64);
            for fill in inner.iter().take(8) {
                out.push(Value::Array(vec![fill.clone(); length]));
            }
            // Items that differ, for `uniqueItems`.
            if inner.len() >= length {
                out.push(Value::Array(inner[..length].to_vec()));
            }
        }
    }

    fn objects(&self, old: &[&'s Value], new: &[&'s Value], depth: usize, out: &mut Vec<Value>) {
        let (before, after) = (view(old), view(new));
        let mut names: Vec<&str> = before.names().chain(after.names()).collect();
        names.sort_unstable();
        names.dedup();
        let mut tried: BTreeMap<&str, Vec<Value>> = BTreeMap::new();
        for name in &names {
            let part = |view: &ObjectView<'s>| view.properties.get(name).copied().unwrap_or(ANY);
            tried.insert(name, self.values(part(&before), part(&after), depth + 1));
        }
        let unlisted = first_of(before.unlisted.iter().chain(&after.unlisted), UNLISTED_NAMES_MAX);
        let mut open = vec![json!("a"), json!(1), json!(null)];
        open.extend(before.open.iter().flat_map(|part| self.values(part, ANY, depth + 1)));
        open.extend(after.open.iter().flat_map(|part| self.values(ANY, part, depth + 1)));
        let open = unique(open, UNLISTED_VALUES_MAX);
        for (view, root) in [(&before, self.old_root), (&after, self.new_root)] {
            let whole = filled(view, root, &tried);
            let needed: Map<String, Value> = whole
                .iter()
                .filter(|(name, _)| view.required.contains(&name.as_str()))
                .map(|(name, value)| (name.clone(), value.clone()))
                .collect();
            for base in [&needed, &whole] {
                out.push(Value::Object(base.clone()));
                for name in &names {
                    let mut without = base.clone();
                    if without.shift_remove(*name).is_some() {
                        out.push(Value::Object(without));
                    }
                    // Each place varies alone: the product of all would never end.
                    for value in tried.get(name).into_iter().flatten() {
                        let mut varied = base.clone();
                        varied.insert((*name).to_owned(), value.clone());
                        out.push(Value::Object(varied));
                    }
                }
                for name in &unlisted {
                    for value in &open {
                        let mut varied = base.clone();
                        varied.insert(name.clone(), value.clone());
                        out.push(Value::Object(varied));
                    }
                }
            }
        }
    }
}

impl<'s> ObjectView<'s> {
    fn names(&self) -> impl Iterator<Item = &'s str> {
        self.properties.keys().chain(&self.required).copied()
    }
}

/// An object with every declared and required field, each with a value its own schema accepts.
fn filled(
    view: &ObjectView<'_>,
    root: &Value,
    tried: &BTreeMap<&str, Vec<Value>>,
) -> Map<String, Value> {
    let mut out = Map::new();
    for name in view.names() {
        let Some(values) = tried.get(name) else { continue };
        let schema = view.properties.get(name).copied().unwrap_or(ANY);
        let schema = super::walk::standalone(schema, root);
        let Ok(validator) = Validator::new(&schema, Reading::default()) else { continue };
        if let Some(value) = values.iter().find(|value| validator.is_valid(value)) {
            out.insert(name.to_owned(), value.clone());
        }
    }
    out
}

fn view<'s>(parts: &[&'s Value]) -> ObjectView<'s> {
    let mut view = ObjectView::default();
    for part in parts {
        let properties = part.get("properties").and_then(Value::as_object).into_iter().flatten();
        for (name, property) in properties {
            view.properties.entry(name).or_insert(property);
        }
        let required = part.get("required").and_then(Value::as_array).into_iter().flatten();
        view.required.extend(required.filter_map(Value::as_str));
        let patterns = part.get("patternProperties").and_then(Value::as_object);
        for (pattern, property) in patterns.into_iter().flatten() {
            view.open.push(property);
            view.unlisted.extend(names_like(pattern));
        }
        let others = ["additionalProperties", "unevaluatedProperties"];
        let others = others.iter().filter_map(|key| part.get(key));
        view.open.extend(others.filter(|schema| schema.is_object()));
        if let Some(names) = part.get("propertyNames") {
            let mut values = Vec::new();
            boundaries(names, &mut values);
            let pattern = names.get("pattern").and_then(Value::as_str);
            view.unlisted.extend(pattern.into_iter().flat_map(names_like));
            view.unlisted.extend(values.iter().filter_map(Value::as_str).map(str::to_owned));
        }
    }
    view.unlisted.push("undeclared".to_owned());
    view
}

/// Names that a pattern may mean: its own plain characters, alone and with something behind them.
fn names_like(pattern: &str) -> [String; 3] {
    let plain: String = pattern
        .chars()
        .filter(|letter| letter.is_alphanumeric() || "_-".contains(*letter))
        .collect();
    let one: String = plain.chars().take(1).collect();
    [format!("{plain}z"), plain, one]
}

/// The first distinct ones.
fn first_of<'t>(texts: impl Iterator<Item = &'t String>, most: usize) -> Vec<String> {
    let mut seen = HashSet::new();
    texts.filter(|text| seen.insert(*text)).take(most).cloned().collect()
}

/// A node and the nodes that say something of the same place, through `$ref` and combined forms.
fn parts<'s>(schema: &'s Value, root: &'s Value) -> Vec<&'s Value> {
    let mut parts = vec![schema];
    let mut at = 0;
    while at < parts.len() && parts.len() < 32 {
        let part = parts[at];
        let lists = ["allOf", "anyOf", "oneOf"];
        parts.extend(lists.iter().filter_map(|key| part.get(key)?.as_array()).flatten());
        parts.extend(["not", "if", "then", "else"].iter().filter_map(|key| part.get(key)));
        parts.extend(local_target(part, root));
        at += 1;
    }
    parts
}

/// The values at the edges of what a node's own keywords allow.
fn boundaries(schema: &Value, out: &mut Vec<Value>) {
    out.extend(schema.get("const").cloned());
    for key in ["enum", "examples"] {
        out.extend(schema.get(key).and_then(Value::as_array).into_iter().flatten().cloned());
    }
    out.extend(schema.get("default").cloned());
    for key in ["minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf"] {
        let Some(number) = schema.get(key).and_then(Value::as_number) else { continue };
        out.push(Value::Number(number.clone()));
        if let Some(whole) = number.as_i64() {
            out.extend([whole.saturating_sub(1), whole.saturating_add(1)].map(Value::from));
        }
        let near = number.as_f64().map(|n| [n - 0.5, n + 0.5, n * 2.0]);
        out.extend(near.into_iter().flatten().filter_map(Number::from_f64).map(Value::Number));
    }
    for key in ["minLength", "maxLength"] {
        let Some(length) = schema.get(key).and_then(Value::as_u64) else { continue };
        for length in [length.saturating_sub(1), length, length + 1] {
            if length <= TEXT_CHARACTERS_MAX {
                out.push("a".repeat(usize::try_from(length).unwrap_or(0)).into());
            }
        }
    }
    if let Some(format) = schema.get("format").and_then(Value::as_str) {
        out.extend(of_format(format).map(Value::from));
    }
    if schema.get("pattern").is_some() {
        out.extend(["0", "A", "aa", "a-b", "a1", "2020", "abc def", "ä"].map(Value::from));
    }
}

fn of_format(format: &str) -> Option<&'static str> {
    Some(match format {
        "date" => "2020-01-01",
        "date-time" => "2020-01-01T00:00:00Z",
        "time" => "00:00:00Z",
        "duration" => "P1D",
        "email" => "a@example.com",
        "hostname" => "example.com",
        "ipv4" => "127.0.0.1",
        "ipv6" => "::1",
        "uuid" => "01234567-89ab-cdef-0123-456789abcdef",
        "uri" | "iri" | "uri-reference" | "iri-reference" => "https://example.com/a",
        _ => return None,
    })
}

/// Each value once, the first ones kept.
fn unique(values: Vec<Value>, most: usize) -> Vec<Value> {
    let mut seen = HashSet::new();
    let mut out = values;
    out.retain(|value| seen.insert(value.to_string()));
    out.truncate(most);
    out
}
