//! Drafts of small pairs, each for one rule.

use serde_json::{Value as Json, json};

use super::*;

fn schema(version: &str, fields: &Json) -> Schema {
    let definition = json!({"subject": "thing", "version": version, "fields": fields});
    Schema::from_value(&definition, None).expect("a schema")
}

fn drafted(old: &Json, new: &Json, samples: &[Json], pairs: &[(Json, Json)]) -> Draft {
    let samples: Vec<Sample> = samples.iter().map(Sample::of_json).collect();
    let pairs: Vec<(Sample, Sample)> =
        pairs.iter().map(|(a, b)| (Sample::of_json(a), Sample::of_json(b))).collect();
    let (old, new) = (schema("1.0.0", old), schema("2.0.0", new));
    draft(&old, &new, &samples, &pairs, &Hints::default())
}

fn steps(draft: &Draft) -> Vec<String> {
    draft.steps.iter().map(|guess| guess.step.to_string()).collect()
}

#[test]
fn a_renamed_field_and_a_new_time() {
    let old = json!({"userName": {"type": "string", "required": true}, "age": {"type": "number"}});
    let new = json!({"fullName": {"type": "string", "required": true}, "age": {"type": "number"},
        "createdAt": {"type": "string", "format": "date-time", "required": true}});
    let samples: Vec<Json> =
        (0..20).map(|n| json!({"userName": format!("Name {n}"), "age": n})).collect();
    let draft = drafted(&old, &new, &samples, &[]);
    assert_eq!(
        steps(&draft),
        [
            r#"{"type":"renameField","from":"userName","to":"fullName"}"#,
            r#"{"type":"addField","field":"createdAt","defaultValue":"${NOW}"}"#
        ],
        "{draft:#?}"
    );
    assert_eq!((draft.proof.sampled, draft.proof.valid), (20, 20));
}

#[test]
fn a_name_is_cut_in_two() {
    let old = json!({"fullName": {"type": "string", "required": true}});
    let new = json!({"firstName": {"type": "string", "required": true}, "lastName": {"type": "string", "required": true}});
    let samples: Vec<Json> = ["Ada Lovelace", "Alan Turing", "Grace Hopper"]
        .iter()
        .map(|n| json!({"fullName": n}))
        .collect();
    let draft = drafted(&old, &new, &samples, &[]);
    assert_eq!(
        steps(&draft),
        [
            r#"{"type":"splitField","from":"fullName","to":["firstName","lastName"],"separator":" "}"#
        ],
        "{draft:#?}"
    );
    assert!(draft.questions.is_empty(), "{:#?}", draft.questions);
}

#[test]
fn what_nothing_speaks_for_is_asked_and_not_written() {
    let old = json!({"nickname": {"type": "string", "required": true}, "fax": {"type": "string"}});
    let new =
        json!({"timezone": {"type": "string", "required": true}, "motto": {"type": "string"}});
    let samples: Vec<Json> = (0..20)
        .map(|n| json!({"nickname": format!("nick{n}"), "fax": format!("{n}{n}{n}")}))
        .collect();
    let draft = drafted(&old, &new, &samples, &[]);
    assert!(draft.steps.is_empty(), "{draft:#?}");
    assert!(!draft.questions.is_empty());
}

#[test]
fn one_pair_solves_what_the_diff_could_only_ask() {
    let old = json!({"price": {"type": "number", "required": true}, "days": {"type": "integer", "required": true},
        "first": {"type": "string", "required": true}, "last": {"type": "string", "required": true},
        "state": {"type": "string", "required": true, "enum": ["a", "b"]}});
    let new = json!({"amount": {"type": "integer", "required": true}, "span": {"type": "integer", "required": true},
        "who": {"type": "string", "required": true},
        "phase": {"type": "string", "required": true, "enum": ["alpha", "beta"]}});
    let samples: Vec<Json> = (1..30)
        .map(|n| json!({"price": n, "days": n, "first": format!("F{n}x"), "last": format!("L{n}y"), "state": if n % 2 == 0 {"a"} else {"b"}}))
        .collect();
    let pairs = [(
        json!({"price": 12, "days": 3, "first": "Ada", "last": "Lovelace", "state": "a"}),
        json!({"amount": 1200, "span": 4320, "who": "Lovelace, Ada", "phase": "alpha"}),
    )];
    let draft = drafted(&old, &new, &samples, &pairs);
    assert_eq!(draft.proof.valid, 29, "{draft:#?}");
    let text = steps(&draft).join("\n");
    assert!(text.contains("* 100"), "{text}");
    assert!(text.contains("* 1440"), "{text}");
    assert!(text.contains("\"from\":[\"last\",\"first\"]"), "{text}");
}

#[test]
fn fields_change_places_and_go_into_objects() {
    let old = json!({"a": {"type": "string", "required": true, "renamedFrom": "x"}, "b": {"type": "string", "required": true},
        "author": {"type": "string", "required": true}, "city": {"type": "string", "required": true}, "zip": {"type": "string"}});
    let new = json!({"a": {"type": "string", "required": true, "renamedFrom": "b"}, "b": {"type": "string", "required": true, "renamedFrom": "a"},
        "author": {"type": "object", "required": true, "fields": {"name": {"type": "string", "required": true}}},
        "address": {"type": "object", "required": true, "fields": {"city": {"type": "string", "required": true}, "zip": {"type": "string"}}}});
    let samples: Vec<Json> = (0..20)
        .map(|n| json!({"a": format!("A{n}"), "b": format!("B{n}"), "author": format!("W{n}"), "city": format!("C{n}"), "zip": format!("{n}")}))
        .collect();
    let draft = drafted(&old, &new, &samples, &[]);
    assert_eq!(draft.proof.valid, 20, "{draft:#?}");
    let after: Json = serde_json::from_str(&draft.proof.shown[3].after).expect("JSON");
    assert_eq!(
        after,
        json!({"a": "B3", "b": "A3", "author": {"name": "W3"}, "address": {"city": "C3", "zip": "3"}}),
        "{draft:#?}"
    );
}

#[test]
fn items_of_lists_are_drafted_like_documents() {
    let old = json!({"items": {"type": "array", "required": true, "items": {"type": "object", "fields": {
        "sku_code": {"type": "string", "required": true}, "qty": {"type": "string", "required": true}}}}});
    let new = json!({"items": {"type": "array", "required": true, "items": {"type": "object", "fields": {
        "skuCode": {"type": "string", "required": true}, "quantity": {"type": "integer", "required": true}}}}});
    let samples: Vec<Json> = (1..20)
        .map(|n| json!({"items": [{"sku_code": format!("S{n}"), "qty": format!("{n}")}]}))
        .collect();
    let draft = drafted(&old, &new, &samples, &[]);
    let after: Json = serde_json::from_str(&draft.proof.shown[3].after).expect("JSON");
    assert_eq!(after, json!({"items": [{"skuCode": "S4", "quantity": 4}]}), "{draft:#?}");
}

#[test]
fn a_field_with_values_is_never_dropped_unasked() {
    let old = json!({"keep": {"type": "string"}, "legacy": {"type": "string"}});
    let new = json!({"keep": {"type": "string"}});
    let samples: Vec<Json> =
        (0..20).map(|n| json!({"keep": "k", "legacy": format!("{n}")})).collect();
    let draft = drafted(&old, &new, &samples, &[]);
    assert!(draft.steps[0].destructive, "{draft:#?}");
    assert_eq!(draft.questions.len(), 1);
}
