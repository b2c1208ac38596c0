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

/// What a draft makes of the first sample, for fields that all must stand.
fn first_made(old: &Json, new: &Json, samples: &[Json]) -> Json {
    let all = |fields: &Json| -> Json {
        let mut fields = fields.clone();
        for field in fields.as_object_mut().expect("fields").values_mut() {
            field["required"] = true.into();
        }
        fields
    };
    let draft = drafted(&all(old), &all(new), samples, &[]);
    serde_json::from_str(&draft.proof.shown[0].after).unwrap_or_else(|_| panic!("{draft:#?}"))
}

#[test]
fn values_say_what_names_do_not() {
    let text = json!({"type": "string"});
    let made = first_made(
        &json!({"uri": text, "thumb": text}),
        &json!({"domain": text, "pictureUrl": {"type": "string", "format": "uri"}}),
        &[
            json!({"uri": "a.example", "thumb": "https://cdn.example/1.png"}),
            json!({"uri": "b.example", "thumb": "https://cdn.example/2.png"}),
        ],
    );
    assert_eq!(made, json!({"domain": "a.example", "pictureUrl": "https://cdn.example/1.png"}));
}

#[test]
fn descriptions_tell_tables_and_patterns_what_stands_around() {
    let made = first_made(
        &json!({"state": {"type": "integer", "enum": [0, 2], "description": "0 queued, 2 done"}, "ttl": {"type": "integer"}}),
        &json!({"state": {"type": "string", "enum": ["done", "queued"]}, "ttl": {"type": "string", "pattern": "^[0-9]+s$"}}),
        &[json!({"state": 0, "ttl": 60}), json!({"state": 2, "ttl": 5})],
    );
    assert_eq!(made, json!({"state": "queued", "ttl": "60s"}));
}

#[test]
fn texts_of_known_forms_are_taken_apart() {
    let text = json!({"type": "string", "required": true});
    let made = first_made(
        &json!({"maint": text, "price": text, "spent": text}),
        &json!({"maintainer": {"type": "object", "fields": {"name": text, "email": text}},
            "priceCents": {"type": "integer"}, "spentMinutes": {"type": "integer"}}),
        &[
            json!({"maint": "Ada King <ada@example.org>", "price": "$12.50", "spent": "01:30:00"}),
            json!({"maint": "Bo Li <bo@example.org>", "price": "$3.00", "spent": "00:10:00"}),
        ],
    );
    let person = json!({"name": "Ada King", "email": "ada@example.org"});
    assert_eq!(made, json!({"maintainer": person, "priceCents": 1250, "spentMinutes": 90}));
}

#[test]
fn flags_become_a_list_and_words_no_sample_has_are_mapped() {
    let flag = json!({"type": "boolean"});
    let old = json!({"has_wifi": flag, "has_pool": flag, "status": {"type": "string"}});
    let new = json!({"amenities": {"type": "array", "items": {"type": "string", "enum": ["pool", "wifi"]}},
        "status": {"type": "string", "enum": ["active", "inactive", "deleted"]}});
    let samples: Vec<Json> = (0..12)
        .map(|n| json!({"has_wifi": true, "has_pool": n % 2 == 1, "status": if n % 3 == 0 {"A"} else {"D"}}))
        .collect();
    let made = first_made(&old, &new, &samples);
    assert_eq!(made, json!({"amenities": ["wifi"], "status": "active"}));
    let draft = drafted(&old, &new, &samples, &[]);
    assert!(steps(&draft).join(" ").contains("\"I\":\"inactive\""), "{draft:#?}");
}

#[test]
fn documents_that_have_arrived_say_which_words_are_meant() {
    let required = json!({"type": "string", "required": true});
    let old = json!({"no": {"type": "integer", "required": true}, "status": required});
    let new = json!({"id": {"type": "integer", "required": true}, "status": required});
    let mut samples: Vec<Json> =
        (0..12).map(|n| json!({"no": n, "status": if n % 2 == 0 {"A"} else {"I"}})).collect();
    samples.extend(
        (20..32).map(|n| json!({"id": n, "status": if n % 2 == 0 {"active"} else {"inactive"}})),
    );
    let draft = drafted(&old, &new, &samples, &[]);
    let after: Json = serde_json::from_str(&draft.proof.shown[0].after).expect("JSON");
    assert_eq!(after, json!({"id": 0, "status": "active"}), "{draft:#?}");
}

#[test]
fn few_samples_leave_doubt() {
    let old = json!({"tags": {"type": "string", "required": true}});
    let new = json!({"tags": {"type": "array", "required": true, "items": {"type": "string"}}});
    for samples in [vec![], vec![json!({"tags": "red"})]] {
        let draft = drafted(&old, &new, &samples, &[]);
        assert_eq!(draft.steps[0].tier, Tier::Guess, "{draft:#?}");
        assert_eq!(draft.questions.len(), 1, "{draft:#?}");
    }
}

#[test]
fn the_subject_says_whose_name_it_is() {
    let text = json!({"type": "string"});
    let samples: Vec<Json> =
        (0..9).map(|n| json!({"thing": format!("T{n}"), "thing_code": format!("c{n}")})).collect();
    let made = first_made(
        &json!({"thing": text, "thing_code": text}),
        &json!({"name": text, "code": text}),
        &samples,
    );
    assert_eq!(made, json!({"name": "T0", "code": "c0"}));
}
