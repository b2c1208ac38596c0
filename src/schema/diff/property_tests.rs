//! Holds the diff to its definition: a document that one schema accepts and the other refuses must
//! never meet the verdict that there is none.

use std::cell::Cell;

use proptest::prelude::*;
use serde_json::{Value, json};

use super::lift::lift;
use super::{Policy, Verdict, diff};
use crate::schema::{Reading, Schema, Validator, Version};

/// Documents judged for each pair of schemas.
const DOCUMENTS: usize = 40;
/// Pairs: with [`DOCUMENTS`] 50,000 cases.
const PAIRS: u32 = 1_250;

fn scalar() -> impl Strategy<Value = Value> {
    prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        (-3i64..12).prop_map(Value::from),
        prop_oneof![Just(json!(0.5)), Just(json!(2.0)), Just(json!(-1.25))],
        prop_oneof![Just(""), Just("a"), Just("ab"), Just("abc"), Just("b-1"), Just("2020-01-01")]
            .prop_map(Value::from),
    ]
}

fn document() -> impl Strategy<Value = Value> {
    let value = scalar().prop_recursive(2, 8, 3, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..3).prop_map(Value::from),
            prop::collection::btree_map("[a-d]", inner, 0..4).prop_map(|map| json!(map)),
        ]
    });
    prop::collection::btree_map("[a-d]", value, 0..5).prop_map(|map| json!(map))
}

fn leaf() -> impl Strategy<Value = Value> {
    let types = prop::sample::select(vec![
        json!("string"),
        json!("number"),
        json!("integer"),
        json!("boolean"),
        json!("null"),
        json!(["string", "null"]),
        json!(["integer", "string"]),
        json!("object"),
        json!("array"),
    ]);
    let text = (
        prop::option::of(0u64..3),
        prop::option::of(1u64..4),
        prop::option::of(prop::sample::select(vec!["^a", "b$", "^[a-c]*$", "-"])),
    );
    let range = (
        prop::option::of(-2i64..5),
        prop::option::of(0i64..10),
        prop::option::of(prop::sample::select(vec![2, 3, 4])),
    );
    prop_oneof![
        2 => Just(json!({})),
        4 => types.prop_map(|t| json!({"type": t})),
        2 => text.prop_map(|(min, max, pattern)| with(json!({"type": "string"}), &[
            ("minLength", min.map(Value::from)), ("maxLength", max.map(Value::from)), ("pattern", pattern.map(Value::from))])),
        2 => range.prop_map(|(min, max, of)| with(json!({"type": "number"}), &[
            ("minimum", min.map(Value::from)), ("exclusiveMaximum", max.map(Value::from)), ("multipleOf", of.map(Value::from))])),
        2 => prop::collection::vec(scalar(), 1..4).prop_map(|mut values| {
            values.dedup();
            json!({"enum": values})
        }),
        1 => scalar().prop_map(|value| json!({"const": value})),
        1 => Just(json!({"type": "string", "format": "date"})),
    ]
}

fn with(mut schema: Value, keywords: &[(&str, Option<Value>)]) -> Value {
    for (keyword, value) in keywords {
        if let Some(value) = value {
            schema[*keyword] = value.clone();
        }
    }
    schema
}

fn schema() -> impl Strategy<Value = Value> {
    leaf().prop_recursive(2, 10, 4, |inner| {
        let object = (
            prop::collection::btree_map("[a-d]", inner.clone(), 0..4),
            prop::collection::btree_set("[a-d]", 0..3),
            prop::option::of(prop_oneof![Just(json!(false)), Just(json!(true)), inner.clone()]),
        );
        let list = || prop::collection::vec(inner.clone(), 1..3);
        prop_oneof![
            4 => object.prop_map(|(properties, required, others)| {
                let schema = json!({"type": "object", "properties": properties, "required": required});
                with(schema, &[("additionalProperties", others)])
            }),
            1 => (inner.clone(), prop::option::of(0u64..3), any::<bool>()).prop_map(|(items, least, unique)| {
                with(json!({"type": "array", "items": items, "uniqueItems": unique}), &[("minItems", least.map(Value::from))])
            }),
            1 => (list(), prop::option::of(inner.clone())).prop_map(|(parts, rest)| {
                with(json!({"type": "array", "prefixItems": parts}), &[("items", rest)])
            }),
            1 => (inner.clone(), prop::option::of(0u64..3)).prop_map(|(part, most)| {
                with(json!({"contains": part}), &[("maxContains", most.map(|n| json!(n + 1)))])
            }),
            1 => ("[a-d]", inner.clone(), prop::option::of(inner.clone())).prop_map(|(name, part, rest)| {
                let pattern = format!("^[{name}c]");
                with(json!({"patternProperties": {pattern: part}}), &[("additionalProperties", rest)])
            }),
            1 => ("[a-d]", "[a-d]").prop_map(|(one, other)| json!({"dependentRequired": {one: [other]}})),
            1 => ("[a-d]", inner.clone()).prop_map(|(name, part)| json!({"dependentSchemas": {name: part}})),
            1 => "[a-d]".prop_map(|name| json!({"propertyNames": {"pattern": format!("^[{name}-d]")}})),
            1 => (0u64..3, 1u64..4).prop_map(|(least, most)| json!({"minProperties": least, "maxProperties": most})),
            1 => (inner.clone(), inner.clone(), inner.clone())
                .prop_map(|(a, b, c)| json!({"if": a, "then": b, "else": c})),
            1 => list().prop_map(|parts| json!({"anyOf": parts})),
            1 => list().prop_map(|parts| json!({"allOf": parts})),
            1 => list().prop_map(|parts| json!({"oneOf": parts})),
            1 => inner.prop_map(|part| json!({"not": part})),
        ]
    })
}

/// A pair that is related, as two versions of one schema are, or not at all.
fn pair() -> impl Strategy<Value = (Value, Value)> {
    let shared = |part: Value| json!({"$defs": {"x": part}, "properties": {"a": {"$ref": "#/$defs/x"}, "b": {"items": {"$ref": "#/$defs/x"}}}});
    let root = |inner: Value| json!({"type": "object", "properties": {"a": inner}});
    prop_oneof![
        (schema(), schema()),
        (schema(), schema()).prop_map(move |(a, b)| (root(a), root(b))),
        (schema(), schema()).prop_map(move |(a, b)| (shared(a), shared(b))),
        (schema(), "[a-d]", schema()).prop_map(|(old, name, part)| {
            let mut new = old.clone();
            if let Some(Value::Object(properties)) = new.get_mut("properties") {
                properties.insert(name, part);
            }
            (old, new)
        }),
    ]
}

fn parsed(schema: &Value) -> Schema {
    Schema::from_json_schema(schema, "s", &Version::new(1, 0, 0)).expect("a generated schema")
}

fn holds(old: &Value, new: &Value, documents: &[Value]) -> Result<(), TestCaseError> {
    let (old_schema, new_schema) = (parsed(old), parsed(new));
    let set = diff(&old_schema, &new_schema, Policy::default());
    for document in documents {
        let before = old_schema.validator().is_valid(document);
        let after = new_schema.validator().is_valid(document);
        let told = || format!("{document}: {old} -> {new}: {:?}", set.compat);
        prop_assert!(!(before && !after && set.compat.backward == Verdict::Yes), "{}", told());
        prop_assert!(!(after && !before && set.compat.forward == Verdict::Yes), "{}", told());
    }
    // The parts never say more than the whole.
    for (whole, part) in [
        (set.compat.backward, set.changes.iter().map(|c| c.backward).max()),
        (set.compat.forward, set.changes.iter().map(|c| c.forward).max()),
    ] {
        let part = part.unwrap_or(Verdict::Yes);
        prop_assert_eq!(whole.breaks(), part.breaks(), "{} -> {}: {:?}", old, new, set.changes);
    }
    Ok(())
}

#[test]
fn no_verdict_is_refuted_by_a_document() {
    // The nightly form asks for more: `REMOLD_DIFF_PAIRS=25000` is a million cases.
    let pairs = std::env::var("REMOLD_DIFF_PAIRS").ok().and_then(|text| text.parse().ok());
    let config = ProptestConfig { cases: pairs.unwrap_or(PAIRS), ..ProptestConfig::default() };
    let documents = prop::collection::vec(document(), DOCUMENTS..=DOCUMENTS);
    proptest!(config, |((old, new) in pair(), documents in documents)| {
        holds(&old, &new, &documents)?;
    });
}

/// A schema in the words of draft 4, 6, 7 or 2019-09, with what only they read in their way.
fn older() -> impl Strategy<Value = Value> {
    let formats = ["date", "uuid", "hostname", "iri", "json-pointer", "made-up"];
    let leaf = prop_oneof![
        4 => leaf(),
        1 => prop::sample::select(formats.to_vec()).prop_map(|format| json!({"format": format})),
        1 => (-1i64..4, any::<bool>()).prop_map(|(n, out)| json!({"minimum": n, "exclusiveMinimum": out})),
        1 => (-1i64..4, any::<bool>()).prop_map(|(n, out)| json!({"maximum": n, "exclusiveMaximum": out})),
        1 => leaf().prop_map(|beside| with(beside, &[("$ref", Some(json!("#/definitions/x")))])),
    ];
    let inner = leaf.prop_recursive(2, 10, 4, |inner| {
        let list = || prop::collection::vec(inner.clone(), 1..3);
        prop_oneof![
            2 => (list(), prop::option::of(prop_oneof![Just(json!(false)), inner.clone()]))
                .prop_map(|(items, rest)| with(json!({"items": items}), &[("additionalItems", rest)])),
            1 => (inner.clone(), inner.clone()).prop_map(|(items, rest)| json!({"items": items, "additionalItems": rest})),
            1 => ("[a-d]", "[a-d]").prop_map(|(one, other)| json!({"dependencies": {one: [other]}})),
            1 => ("[a-d]", inner.clone()).prop_map(|(name, part)| json!({"dependencies": {name: part}})),
            3 => prop::collection::btree_map("[a-d]", inner.clone(), 0..4)
                .prop_map(|properties| json!({"type": "object", "properties": properties})),
            1 => inner.clone().prop_map(|part| json!({"contains": part})),
            1 => inner.clone().prop_map(|part| json!({"not": part})),
            1 => list().prop_map(|parts| json!({"anyOf": parts})),
        ]
    });
    let dialects = vec![
        "http://json-schema.org/draft-04/schema#",
        "http://json-schema.org/draft-06/schema#",
        "http://json-schema.org/draft-07/schema#",
        "https://json-schema.org/draft/2019-09/schema",
    ];
    let part = || inner.clone();
    (prop::sample::select(dialects), part(), part(), part()).prop_map(|(dialect, a, b, x)| {
        json!({"$schema": dialect, "definitions": {"x": x}, "properties": {"a": a, "b": b}})
    })
}

#[test]
fn a_lifted_schema_accepts_the_same_documents() {
    let documents = prop::collection::vec(document(), DOCUMENTS..=DOCUMENTS);
    let config = ProptestConfig { cases: 1_000, ..ProptestConfig::default() };
    let compared = Cell::new(0);
    proptest!(config, |(older in older(), documents in documents)| {
        let compiled = |schema: &Value| Validator::new(schema, Reading::default()).ok();
        // What a draft's own rules refuse is no schema of it.
        let (Some(before), Some(lifted)) = (compiled(&older), lift(&older)) else { return Ok(()) };
        compared.set(compared.get() + 1);
        let after = compiled(&lifted).expect("what is lifted compiles");
        for document in &documents {
            prop_assert_eq!(before.is_valid(document), after.is_valid(document), "{}: {} -> {}", document, older, lifted);
        }
    });
    assert!(compared.get() > 100, "only {} schemas were compared", compared.get());
}

#[test]
fn schemas_of_different_drafts_are_judged() {
    let documents = prop::collection::vec(document(), DOCUMENTS..=DOCUMENTS);
    let config = ProptestConfig { cases: 250, ..ProptestConfig::default() };
    let pair = (older(), prop_oneof![older(), schema()], any::<bool>());
    proptest!(config, |((one, other, turned) in pair, documents in documents)| {
        let compiles = |schema: &Value| Validator::new(schema, Reading::default()).is_ok();
        if compiles(&one) && compiles(&other) {
            let (old, new) = if turned { (other, one) } else { (one, other) };
            holds(&old, &new, &documents)?;
        }
    });
}

/// A field of the `fields` form, with others inside it.
fn field() -> impl Strategy<Value = Value> {
    let simple = prop_oneof![
        prop::sample::select(vec!["string", "number", "integer", "boolean", "any", "hash"])
            .prop_map(|name| json!({"type": name})),
        (0u64..2, 1u64..4)
            .prop_map(|(a, b)| json!({"type": "string", "minLength": a, "maxLength": b})),
        (-2i64..3, 0i64..9)
            .prop_map(|(a, b)| json!({"type": "number", "minimum": a.min(b), "maximum": b})),
        Just(json!({"type": "string", "enum": ["a", "ab"]})),
    ];
    let marked = |inner: BoxedStrategy<Value>| {
        (inner, any::<bool>(), prop::bool::weighted(0.2)).prop_map(
            |(mut field, required, nullable)| {
                field["required"] = required.into();
                field["nullable"] = nullable.into();
                field
            },
        )
    };
    let leaf = marked(simple.boxed()).boxed();
    let nested = prop_oneof![
        prop::collection::btree_map("[a-d]", leaf.clone(), 0..3)
            .prop_map(|map| json!({"fields": map})),
        leaf.clone().prop_map(|items| json!({"type": "list", "items": items})),
    ];
    prop_oneof![3 => leaf, 1 => marked(nested.boxed())]
}

/// Whether a document holds a field that only one of two definitions declares: what the policy for
/// open models takes as unused.
fn clashes(document: &Value, old: &Value, new: &Value) -> bool {
    let declared = |side: &Value, name: &str| side["fields"].get(name).cloned();
    match document {
        Value::Object(map) => map.iter().any(|(name, value)| {
            match (declared(old, name), declared(new, name)) {
                (Some(a), Some(b)) => clashes(value, &a, &b),
                (None, None) => false,
                // Names inside an object that only one side opens are as undeclared there.
                _ => old.get("fields").is_some() || new.get("fields").is_some(),
            }
        }),
        Value::Array(items) => items.iter().any(|item| clashes(item, &old["items"], &new["items"])),
        _ => false,
    }
}

#[test]
fn fields_are_judged_by_documents_that_use_no_other_names() {
    let schema = || {
        let fields = prop::collection::btree_map("[a-d]", field(), 0..4);
        (fields, prop::bool::weighted(0.8)).prop_map(|(fields, open)| {
            json!({"version": "1.0.0", "keyPattern": "s:*", "additionalFields": open, "fields": fields})
        })
    };
    let documents = prop::collection::vec(document(), DOCUMENTS..=DOCUMENTS);
    let config = ProptestConfig { cases: 500, ..ProptestConfig::default() };
    proptest!(config, |(old in schema(), new in schema(), documents in documents)| {
        let parsed = |definition: &Value| Schema::from_value(definition, None).expect("a definition");
        let (old_schema, new_schema) = (parsed(&old), parsed(&new));
        let set = diff(&old_schema, &new_schema, Policy::default());
        for document in documents.iter().filter(|document| !clashes(document, &old, &new)) {
            let before = old_schema.validator().is_valid(document);
            let after = new_schema.validator().is_valid(document);
            let told = || format!("{document}: {old} -> {new}: {:?}", set.compat);
            prop_assert!(!(before && !after && set.compat.backward == Verdict::Yes), "{}", told());
            prop_assert!(!(after && !before && set.compat.forward == Verdict::Yes), "{}", told());
        }
    });
}
