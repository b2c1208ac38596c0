//! Holds the glance to the validator: what it tells has to be what `jsonschema` tells.

use proptest::prelude::*;
use serde_json::{Value as Json, json};

use super::detect::Fit;
use super::glance::{Glanced, surely_readable};
use super::{Detector, Reading, Schema, Validator, read_document};
use crate::model::{Document, Storage};

/// JSON values as text, written in more ways than one.
fn scalar() -> impl Strategy<Value = String> {
    let texts = [
        "null",
        "true",
        "false",
        "0",
        "-0",
        "1",
        "2",
        "7",
        "-3",
        "1.0",
        "1e0",
        "0.5",
        "1.50",
        "100e-2",
        "9007199254740993",
        "12345678901234567890",
        "1e400",
        "\"\"",
        "\"a\"",
        "\"ab\"",
        "\"abc\"",
        "\"\\u0061\"",
        "\"\\n\"",
        "\"\\ud83d\\ude00\"",
        "\"käse\"",
        "\"2020-01-01\"",
        "\"\\ud800\"",
    ];
    prop::sample::select(texts.to_vec()).prop_map(str::to_owned)
}

fn object_of(value: impl Strategy<Value = String>) -> impl Strategy<Value = String> {
    let name = prop::sample::select(vec!["a", "b", "c", "d", "\\u0061"]);
    prop::collection::vec((name, value), 0..5).prop_map(|members| {
        let member = |(name, value): &(&str, String)| format!("\"{name}\": {value}");
        format!("{{{}}}", members.iter().map(member).collect::<Vec<_>>().join(", "))
    })
}

fn document() -> impl Strategy<Value = String> {
    let value = scalar().prop_recursive(2, 8, 3, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..3)
                .prop_map(|items| format!("[{}]", items.join(","))),
            object_of(inner),
        ]
    });
    object_of(value)
}

fn leaf() -> impl Strategy<Value = Json> {
    let types = prop::sample::select(vec![
        json!("string"),
        json!("number"),
        json!("integer"),
        json!("boolean"),
        json!("null"),
        json!(["string", "null"]),
        json!(["integer", "string"]),
        json!(["integer", "number"]),
    ]);
    let rule = prop::sample::select(vec![
        json!({"minLength": 2}),
        json!({"maxLength": 1}),
        json!({"minimum": 1}),
        json!({"maximum": 1.5}),
        json!({"minimum": 0, "maximum": 9_007_199_254_740_992_u64}),
        json!({"enum": ["a", 1, null]}),
        json!({"enum": [0.5, true]}),
        json!({"pattern": "^a"}),
        json!({"format": "date"}),
        json!({"const": 1}),
        json!({"description": "nothing"}),
        json!({"anyOf": [{"type": "object", "properties": {"a": {}}}, {"type": "string"}]}),
    ]);
    (prop::option::of(types), prop::option::of(rule)).prop_map(|(types, rule)| {
        let mut schema = rule.unwrap_or_else(|| json!({}));
        if let Some(types) = types {
            schema["type"] = types;
        }
        schema
    })
}

fn object_schema(inner: impl Strategy<Value = Json>) -> impl Strategy<Value = Json> {
    let fields = prop::collection::btree_map("[a-c]", inner, 0..4);
    let required = prop::collection::btree_set("[a-d]", 0..3);
    (fields, required, any::<bool>(), any::<bool>()).prop_map(|(fields, required, open, says)| {
        let mut schema = json!({"properties": fields, "required": required});
        if !open {
            schema["additionalProperties"] = json!(false);
        }
        if says {
            schema["type"] = json!("object");
        }
        schema
    })
}

fn schema() -> impl Strategy<Value = Json> {
    let value = leaf().prop_recursive(2, 8, 3, |inner| {
        prop_oneof![inner.clone().prop_map(|items| json!({"items": items})), object_schema(inner)]
    });
    object_schema(value)
}

fn versions(schemas: &[Json]) -> Vec<Schema> {
    let schema = |(at, schema): (usize, &Json)| {
        let definition =
            json!({"subject": "s", "version": format!("{}.0.0", at + 1), "jsonSchema": schema});
        Schema::from_value(&definition, None).expect("a definition")
    };
    schemas.iter().enumerate().map(schema).collect()
}

/// The fields of a hash that holds what a JSON object does.
fn as_hash(text: &str) -> Vec<(String, String)> {
    let value: serde_json::Map<String, Json> = serde_json::from_str(text).expect("an object");
    let plain = |value: Json| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    value.into_iter().map(|(name, value)| (name, plain(value))).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn a_glance_tells_what_the_validator_tells(schema in schema(), text in document()) {
        let validator = Validator::new(&schema, Reading::of(&schema)).expect("compiles");
        let document = Document::from_json(text.as_bytes(), Storage::String).expect("an object");
        if !surely_readable(text.as_bytes()) {
            return Ok(());
        }
        let value: Json = serde_json::from_str(&text).expect("readable");
        let told = match validator.glance_at(&document) {
            Glanced::Fits => true,
            Glanced::Misfits => false,
            Glanced::Unclear => return Ok(()),
        };
        prop_assert_eq!(told, validator.is_valid(&value), "{} {}", schema, text);
    }

    #[test]
    fn a_glance_at_a_hash_tells_what_the_validator_tells(schema in schema(), text in document()) {
        if !surely_readable(text.as_bytes()) {
            return Ok(());
        }
        let validator = Validator::new(&schema, Reading::of(&schema)).expect("compiles");
        let fields = as_hash(&text);
        let fields = fields.iter().map(|(name, value)| (name.as_bytes(), value.as_bytes()));
        let document = Document::from_hash(fields);
        let value = read_document(&document, validator.reading()).expect("reads");
        let told = match validator.glance_at(&document) {
            Glanced::Fits => true,
            Glanced::Misfits => false,
            Glanced::Unclear => return Ok(()),
        };
        prop_assert_eq!(told, validator.is_valid(&value), "{} {}", schema, value);
    }

    #[test]
    fn a_version_is_told_alike_with_and_without_a_glance(
        schemas in prop::collection::vec(schema(), 1..4), text in document(),
    ) {
        let detector = Detector::new(&versions(&schemas));
        let document = Document::from_json(text.as_bytes(), Storage::String).expect("an object");
        let told = detector.detect_in(&document, text.as_bytes());
        let closer = serde_json::from_str(&text).map(|v| detector.detect_value(&v, Storage::String));
        match (told, closer) {
            (Ok(told), Ok(closer)) => prop_assert_eq!(told, closer, "{:?} {}", schemas, text),
            (told, closer) => prop_assert!(told.is_err() && closer.is_err(), "{}", text),
        }
    }
}

#[test]
fn plain_documents_need_no_closer_look() {
    let schema = json!({"type": "object", "required": ["name"], "properties": {
        "name": {"type": "string", "minLength": 1}, "age": {"type": "integer", "minimum": 0},
        "mail": {"type": "string", "format": "email"}, "tags": {"items": {"type": "string"}},
        "level": {"enum": ["a", "b"]}, "address": {"properties": {"city": {"type": "string"}}}}});
    let validator = Validator::new(&schema, Reading::of(&schema)).expect("compiles");
    let glance = |text: &'static str| {
        let document = Document::from_json(text.as_bytes(), Storage::String).expect("an object");
        (validator.glance_at(&document), validator.glance_fit(&document))
    };
    let fits = r#"{"name":"A","age":3,"mail":"a@b.org","tags":["x"],"level":"b","address":{"city":"L","x":1}}"#;
    let fit = Fit { required_present: 1, declared_present: 7, undeclared: -1 };
    assert_eq!(glance(fits), (Glanced::Fits, Some(fit)));
    for misfit in ["{}", r#"{"name":""}"#, r#"{"name":"A","age":-1}"#, r#"{"name":"A","mail":"a"}"#]
    {
        assert_eq!(glance(misfit).0, Glanced::Misfits, "{misfit}");
    }
    assert_eq!(glance(r#"{"name":"A","name":"B"}"#).0, Glanced::Unclear);
}

#[test]
fn text_that_a_parser_may_refuse_is_not_glanced_at() {
    let deep = "[".repeat(200);
    for text in
        [deep.as_str(), r#""\ud800""#, r#""\uDfff""#, r#"{"$serde_json::private::Number":"1"}"#]
    {
        assert!(!surely_readable(text.as_bytes()), "{text}");
    }
    assert!(surely_readable(r#"{"a":"\u00e4 $ \\ {["}"#.as_bytes()));
}
