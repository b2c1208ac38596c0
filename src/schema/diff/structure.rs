//! Containment seen part by part: fields in fields, items in items, through references that lead back to
//! where they stand.
//!
//! The canonical form gives up on schemas that refer to themselves. Here a pair of nodes that is met again
//! deeper in the document is taken as proven: documents are finite, so what holds for the parts of each
//! document holds for the whole. Nodes without references are the canonical form's. Finding nothing says nothing.

use serde_json::{Map, Value};

use super::oracle;
use crate::schema::reading::local_target;

/// Pairs of nodes looked at.
const PAIRS_MAX: usize = 2_000;

/// What any value fits.
static ANY: Value = Value::Bool(true);

/// Keywords that say nothing about a value, or whose words are followed elsewhere.
const SILENT: [&str; 13] = [
    "$ref",
    "allOf",
    "$defs",
    "definitions",
    "title",
    "description",
    "default",
    "examples",
    "$comment",
    "deprecated",
    "readOnly",
    "writeOnly",
    "$id",
];
/// Keywords that are compared part by part.
const PARTS: [&str; 4] = ["properties", "additionalProperties", "items", "anyOf"];
/// Keywords under which a reference means another thing than a place in the same document.
const OTHER_REFERENCES: [&str; 6] =
    ["$anchor", "$dynamicRef", "$dynamicAnchor", "$recursiveRef", "$recursiveAnchor", "$schema"];

/// Whether every document of `inner` is one of `outer`, as far as it shows: `false` says nothing. Both are
/// of draft 2020-12.
pub fn is_within(inner: &Value, outer: &Value) -> bool {
    if [inner, outer].iter().any(|schema| has_other_references(schema, true)) {
        return false;
    }
    let mut proof = Proof { inner, outer, open: Vec::new(), proven: Vec::new(), left: PAIRS_MAX };
    proof.within(inner, outer, 0)
}

type Pair = (*const Value, *const Value);

struct Proof<'s> {
    inner: &'s Value,
    outer: &'s Value,
    /// Pairs that are being proven, with how deep in the document.
    open: Vec<(Pair, usize)>,
    /// Pairs that hold if those that are open do.
    proven: Vec<Pair>,
    /// Pairs that may yet be looked at.
    left: usize,
}

impl<'s> Proof<'s> {
    fn within(&mut self, inner: &'s Value, outer: &'s Value, depth: usize) -> bool {
        if accepts_all(outer) || *inner == Value::Bool(false) {
            return true;
        }
        let pair = (std::ptr::from_ref(inner), std::ptr::from_ref(outer));
        if self.proven.contains(&pair) {
            return true;
        }
        // Met again at the same depth, a reference only leads to itself and proves nothing.
        if let Some((_, began)) = self.open.iter().find(|(open, _)| *open == pair) {
            return *began < depth;
        }
        let Some(left) = self.left.checked_sub(1) else { return false };
        self.left = left;
        let mark = self.proven.len();
        self.open.push((pair, depth));
        let holds = self.node(inner, outer, depth);
        self.open.pop();
        if holds {
            self.proven.push(pair);
        } else {
            self.proven.truncate(mark);
        }
        holds
    }

    fn node(&mut self, inner: &'s Value, outer: &'s Value, depth: usize) -> bool {
        if !refers(inner) && !refers(outer) {
            return oracle::contains(outer, inner);
        }
        also(outer, self.outer).into_iter().all(|part| self.within(inner, part, depth))
            && self.own(inner, outer, depth, 0)
    }

    /// Whether what `inner` says, here or through what it refers to, implies what `outer` itself says here.
    fn own(&mut self, inner: &'s Value, outer: &'s Value, depth: usize, hops: usize) -> bool {
        const HOPS_MAX: usize = 16;
        if hops > HOPS_MAX {
            return false;
        }
        let alternatives = ["anyOf", "oneOf"]
            .iter()
            .filter_map(|key| inner.get(*key)?.as_array())
            .find(|list| !list.is_empty());
        self.plain(inner, outer, depth)
            || also(inner, self.inner)
                .into_iter()
                .any(|part| self.own(part, outer, depth, hops + 1))
            || alternatives
                .is_some_and(|list| list.iter().all(|one| self.own(one, outer, depth, hops + 1)))
    }

    /// The same, by the keywords that stand in the two nodes.
    fn plain(&mut self, inner: &'s Value, outer: &'s Value, depth: usize) -> bool {
        let Some(asked) = outer.as_object() else { return accepts_all(outer) };
        let nothing = Map::new();
        let given = inner.as_object();
        let leaf = |map: &Map<String, Value>| {
            let own =
                map.iter().filter(|(key, _)| !is_among(key, &SILENT) && !is_among(key, &PARTS));
            own.map(|(key, value)| (key.clone(), value.clone())).collect::<Map<_, _>>()
        };
        let wanted = leaf(asked);
        let about_names = ["unevaluatedProperties", "unevaluatedItems", "prefixItems"];
        if wanted.iter().any(|(key, value)| is_among(key, &about_names) || refers(value)) {
            return false;
        }
        let mut said = leaf(given.unwrap_or(&nothing));
        said.retain(|_, value| !refers(value));
        if !wanted.is_empty() && !oracle::contains(&Value::Object(wanted), &Value::Object(said)) {
            return false;
        }
        let may_be = |kind: &str| match inner.get("type") {
            Some(Value::String(name)) => name == kind,
            Some(Value::Array(names)) => names.iter().any(|name| name == kind),
            _ => true,
        };
        (!may_be("object") || self.fields(inner, outer, depth))
            && (!may_be("array") || self.items(inner, outer, depth))
            && self.alternatives(inner, outer, depth)
    }

    fn fields(&mut self, inner: &'s Value, outer: &'s Value, depth: usize) -> bool {
        let named = |schema: &'s Value| schema.get("properties").and_then(Value::as_object);
        let (given, asked) = (named(inner), named(outer));
        // Names that a pattern speaks of may be outside what holds for all others.
        let others = match inner.get("patternProperties") {
            None => inner.get("additionalProperties").unwrap_or(&ANY),
            Some(_) => &ANY,
        };
        for (name, wanted) in asked.into_iter().flatten() {
            let said = given.and_then(|given| given.get(name)).unwrap_or(others);
            if !self.within(said, wanted, depth + 1) {
                return false;
            }
        }
        let Some(wanted) = outer.get("additionalProperties") else { return true };
        let unlisted = given
            .into_iter()
            .flatten()
            .filter(|(name, _)| asked.is_none_or(|asked| !asked.contains_key(*name)));
        unlisted
            .map(|(_, said)| said)
            .chain([others])
            .all(|said| self.within(said, wanted, depth + 1))
    }

    fn items(&mut self, inner: &'s Value, outer: &'s Value, depth: usize) -> bool {
        let Some(wanted) = outer.get("items") else { return true };
        let said = match inner.get("prefixItems") {
            None => inner.get("items").unwrap_or(&ANY),
            Some(_) => &ANY,
        };
        self.within(said, wanted, depth + 1)
    }

    fn alternatives(&mut self, inner: &'s Value, outer: &'s Value, depth: usize) -> bool {
        let Some(list) = outer.get("anyOf").and_then(Value::as_array) else { return true };
        list.iter().any(|one| self.within(inner, one, depth))
    }
}

/// What a node says besides its own words: where it refers to, and the parts of `allOf`.
fn also<'s>(schema: &'s Value, root: &'s Value) -> Vec<&'s Value> {
    let all = schema.get("allOf").and_then(Value::as_array).into_iter().flatten();
    local_target(schema, root).into_iter().chain(all).collect()
}

fn is_among(key: &str, keys: &[&str]) -> bool {
    keys.contains(&key)
}

fn accepts_all(schema: &Value) -> bool {
    *schema == Value::Bool(true) || schema.as_object().is_some_and(Map::is_empty)
}

/// Whether a reference stands anywhere in it.
fn refers(schema: &Value) -> bool {
    match schema {
        Value::Object(map) => map.contains_key("$ref") || map.values().any(refers),
        Value::Array(items) => items.iter().any(refers),
        _ => false,
    }
}

fn has_other_references(schema: &Value, top: bool) -> bool {
    match schema {
        Value::Object(map) => map.iter().any(|(key, value)| {
            is_among(key, &OTHER_REFERENCES)
                || (key == "$id" && !top)
                || (key == "$ref" && !value.as_str().is_some_and(|target| target.starts_with('#')))
                || has_other_references(value, false)
        }),
        Value::Array(items) => items.iter().any(|item| has_other_references(item, false)),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn tree(value: &Value, more: &Value) -> Value {
        json!({"$ref": "#/$defs/node", "$defs": {"node": {
            "type": "object", "required": ["value"], "additionalProperties": more,
            "properties": {"value": value, "next": {"items": {"$ref": "#/$defs/node"}, "type": "array"}}}}})
    }

    #[test]
    fn trees_are_within_wider_trees() {
        let (whole, any) = (json!({"type": "integer"}), json!({"type": "number"}));
        assert!(is_within(&tree(&whole, &json!(true)), &tree(&any, &json!(true))));
        assert!(!is_within(&tree(&any, &json!(true)), &tree(&whole, &json!(true))));
        assert!(is_within(&tree(&whole, &json!(false)), &tree(&any, &any)));
        assert!(!is_within(&tree(&whole, &any), &tree(&any, &json!(false))));
    }

    #[test]
    fn two_names_of_one_tree_are_one() {
        let one = json!({"properties": {"next": {"$ref": "#"}}});
        let two = json!({"$ref": "#/$defs/a", "$defs": {
            "a": {"properties": {"next": {"$ref": "#/$defs/b"}}},
            "b": {"properties": {"next": {"anyOf": [{"$ref": "#/$defs/a"}, {"type": "null"}]}}}}});
        assert!(is_within(&one, &two));
        assert!(is_within(&one, &one));
    }

    /// A reference that only leads to itself says nothing, so nothing follows from it.
    #[test]
    fn a_circle_without_a_document_proves_nothing() {
        let circle =
            json!({"$ref": "#/$defs/a", "$defs": {"a": {"anyOf": [{"$ref": "#/$defs/a"}]}}});
        assert!(!is_within(&json!({"type": "string"}), &circle));
    }
}
