//! Each kind in small: what it does to which document, what it refuses, whether its inverse gives
//! back the same bytes.

use semver::Version;
use serde_json::{Value as Json, json};

use crate::model::{Document, Key, Storage};
use crate::transform::{Facts, Frozen, Step};

pub(super) fn apply(definition: &Json, text: &str) -> Result<String, String> {
    let step = Step::parse(definition).map_err(|mistakes| mistakes[0].message.clone())?;
    let frozen = Frozen { now: "2026-11-23T00:00:00.000Z".into(), ..Frozen::default() };
    let (key, version) = (Key::from("user:42"), Version::new(2, 0, 0));
    let facts = Facts { key: &key, pattern: "user:*", version: &version, frozen: &frozen };
    let mut document = Document::from_json(text.as_bytes(), Storage::String).expect("a document");
    step.apply(&mut document, &facts).map_err(|refusal| refusal.to_string())?;
    Ok(document.to_json())
}

/// Applies a step and then its inverse, and expects the text back.
fn there_and_back(definition: &Json, text: &str, expected: &str) {
    let mut now = apply(definition, text).expect("applies");
    assert_eq!(now, expected);
    for step in Step::parse(definition).expect("parses").inverse().expect("has an inverse") {
        now = apply(&step, &now).expect("the inverse applies");
    }
    assert_eq!(now, text);
}

#[test]
fn rename_keeps_place_and_bytes() {
    let step = json!({"type": "renameField", "from": "userName", "to": "fullName"});
    there_and_back(
        &step,
        r#"{"userName": "J\u00f6", "n": 1.0}"#,
        r#"{"fullName": "J\u00f6", "n": 1.0}"#,
    );
    assert_eq!(apply(&step, "{}"), Err("userName: the field is missing".into()));
    assert!(apply(&step, r#"{"userName":1,"fullName":2}"#).expect_err("target").contains("exists"));
    assert!(apply(&step, r#"{"userName":1,"userName":2}"#).expect_err("twice").contains("twice"));
}

#[test]
fn rename_works_inside_objects_and_every_item() {
    there_and_back(
        &json!({"type": "renameField", "from": "items[].cost", "to": "items[].price"}),
        r#"{"items":[{"cost":1},{"cost":2.50}],"cost":3}"#,
        r#"{"items":[{"price":1},{"price":2.50}],"cost":3}"#,
    );
    there_and_back(
        &json!({"type": "renameField", "from": "a.b", "to": "a.c"}),
        r#"{"a":{ "b":1e2 }}"#,
        r#"{"a":{ "c":1e2 }}"#,
    );
}

#[test]
fn add_fills_placeholders_and_makes_parents() {
    there_and_back(
        &json!({"type": "addField", "field": "createdAt", "defaultValue": "${NOW}"}),
        r#"{"a": 1}"#,
        r#"{"a": 1, "createdAt": "2026-11-23T00:00:00.000Z"}"#,
    );
    let nested = json!({"type": "addField", "field": "meta.id", "defaultValue": "${KEY.1}"});
    assert_eq!(apply(&nested, "{}").as_deref(), Ok(r#"{"meta":{"id":"42"}}"#));
}

#[test]
fn split_cuts_where_the_text_stood() {
    let step = json!({"type": "splitField", "from": "fullName", "to": ["firstName", "lastName"],
                      "separator": " "});
    there_and_back(
        &step,
        r#"{"id":1,"fullName":"Jos\u00e9 Mar\u00eda Paz","z":0}"#,
        r#"{"id":1,"firstName":"Jos\u00e9","lastName":"Mar\u00eda Paz","z":0}"#,
    );
    let refused = apply(&step, r#"{"fullName":"Cher"}"#).expect_err("one word");
    assert_eq!(refused, "fullName: the text has 1 part, and 2 are needed (found Cher)");
    assert!(apply(&step, r#"{"fullName":7}"#).expect_err("number").contains("number, not text"));
}

#[test]
fn split_takes_the_rest_as_told() {
    let split = |rest: &str| {
        let step = json!({"type": "splitField", "from": "n", "to": ["a", "b"], "separator": "-",
                          "rest": rest});
        apply(&step, r#"{"n":"1-2-3"}"#)
    };
    assert_eq!(split("last").as_deref(), Ok(r#"{"a":"1","b":"2-3"}"#));
    assert_eq!(split("first").as_deref(), Ok(r#"{"a":"1-2","b":"3"}"#));
    assert_eq!(split("drop").as_deref(), Ok(r#"{"a":"1","b":"2"}"#));
    assert!(split("fail").expect_err("three parts").contains("more than 2 parts"));
    assert!(split("middle").expect_err("unknown").contains("'rest' is 'middle'"));
}

#[test]
fn merge_joins_scalars_and_refuses_the_rest() {
    let step = json!({"type": "mergeFields", "from": ["a", "b"], "to": "c", "separator": ", "});
    there_and_back(
        &step,
        r#"{"x":0,"a":"\u00e9","b":"2","y":1}"#,
        r#"{"x":0,"c":"\u00e9, 2","y":1}"#,
    );
    assert_eq!(apply(&step, r#"{"a":1.0,"b":true}"#).as_deref(), Ok(r#"{"c":"1.0, true"}"#));
    assert!(apply(&step, r#"{"a":null,"b":"2"}"#).expect_err("null").contains("is null"));
    assert_eq!(apply(&step, r#"{"a":"1"}"#), Err("b: the field is missing".into()));
}

#[test]
fn convert_never_rounds() {
    let convert = |to: &str, value: &str| {
        let step = json!({"type": "convertType", "field": "v", "to": to});
        apply(&step, &format!(r#"{{"v":{value}}}"#))
    };
    for (to, value, expected) in [
        ("string", "12345678901234567890", r#"{"v":"12345678901234567890"}"#),
        ("string", "1.0", r#"{"v":"1.0"}"#),
        ("number", r#""1e2""#, r#"{"v":1e2}"#),
        ("integer", "1e2", r#"{"v":100}"#),
        ("integer", r#""42""#, r#"{"v":42}"#),
        ("boolean", r#""TRUE""#, r#"{"v":true}"#),
        ("boolean", "0", r#"{"v":false}"#),
        ("number", "true", r#"{"v":1}"#),
    ] {
        assert_eq!(convert(to, value).as_deref(), Ok(expected), "{value} to {to}");
    }
    for (to, value) in [
        ("number", r#""007""#),
        ("number", r#"" 1""#),
        ("integer", "1.5"),
        ("boolean", r#""yes""#),
        ("string", "null"),
        ("number", "[]"),
    ] {
        assert!(
            convert(to, value).expect_err("no exact form").contains("no exact form"),
            "{value}"
        );
    }
}

#[test]
fn what_does_not_convert_becomes_what_the_step_says() {
    let convert = |on_error: &str| {
        let step = json!({"type": "convertType", "field": "v", "to": "number",
                          "onError": on_error, "default": 0});
        apply(&step, r#"{"v":"n/a"}"#)
    };
    assert_eq!(convert("default").as_deref(), Ok(r#"{"v":0}"#));
    assert_eq!(convert("keep").as_deref(), Ok(r#"{"v":"n/a"}"#));
}

#[test]
fn remove_drops_and_a_missing_field_is_as_wanted() {
    let step = json!({"type": "removeField", "field": "a.b"});
    assert_eq!(apply(&step, r#"{"a":{"b":1,"c":2}}"#).as_deref(), Ok(r#"{"a":{"c":2}}"#));
    assert_eq!(apply(&step, "{}").as_deref(), Ok("{}"));
    let strict = json!({"type": "removeField", "field": "a", "onMissing": "fail"});
    assert_eq!(apply(&strict, "{}"), Err("a: the field is missing".into()));
}

#[test]
fn a_wrong_definition_lists_every_mistake() {
    let mistakes = Step::parse(&json!({"type": "renameField", "form": "a", "to": "x..y"}))
        .expect_err("three mistakes");
    let shown: Vec<_> = mistakes.iter().map(|m| (m.path.as_str(), m.message.as_str())).collect();
    assert_eq!(shown[0], ("", "renameField needs the parameter 'from'"));
    assert!(shown[1].1.contains("empty name"));
    assert_eq!(shown[2].0, "form");
    assert!(shown[2].1.contains("did you mean 'from'?"));
    let unknown = Step::parse(&json!({"type": "renamefield"})).expect_err("unknown");
    assert!(unknown[0].message.contains("did you mean 'renameField'?"));
}

#[test]
fn a_step_has_a_summary_in_one_line() {
    let step = json!({"type": "splitField", "from": "n", "to": ["a", "b"], "separator": " "});
    let step = Step::parse(&step).expect("parses");
    assert_eq!(step.summary(), "splitField n -> a, b separator=' '");
    let step = json!({"type": "removeField", "field": "a", "when": {"flag": "clean"}});
    let step = Step::parse(&step).expect("parses");
    assert_eq!(step.summary(), r#"removeField a when {"flag":"clean"}"#);
}

#[test]
fn a_step_whose_condition_does_not_hold_does_nothing() {
    let step =
        json!({"type": "renameField", "from": "a", "to": "b", "when": {"field": "v", "lt": 2}});
    there_and_back(&step, r#"{"v":1,"a":0}"#, r#"{"v":1,"b":0}"#);
    there_and_back(&step, r#"{"v":2,"a":0}"#, r#"{"v":2,"a":0}"#);
    assert_eq!(Step::parse(&step).expect("parses").loss_without_record(), None);

    // After the step, its own condition would answer otherwise.
    let blind = json!({"type": "renameField", "from": "a", "to": "b", "when": {"field": "a"}});
    let blind = Step::parse(&blind).expect("parses");
    assert_eq!((blind.inverse(), blind.loss()), (None, None));
    assert!(blind.inverse_of_carried_out().is_some());
    assert!(blind.loss_without_record().expect("some").to_string().contains("'when' held"));
}
