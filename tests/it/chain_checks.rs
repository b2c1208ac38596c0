//! `validation` of a migration on a real server, for strings and for hashes: before the first step, after
//! each, at the end. What does not hold is invalid and stays as it was, told by step, path, rule, found and
//! expected.

use serde_json::{Value as Json, json};

use crate::harness::{Life, TestServer};

/// Documents by key, with the trouble of those that are refused: step, field, rule, found, expected.
const DOCUMENTS: [(&str, &str, Option<[&str; 5]>); 6] = [
    ("user:fine", r#"{"name":"Ada King","age":36}"#, None),
    (
        "user:young",
        r#"{"name":"Ada King","age":-3}"#,
        Some(["v1_to_v2 before", "age", "minimum", "-3", "0 or more"]),
    ),
    (
        "user:odd",
        r#"{"name":"Ada King","age":200}"#,
        Some(["v1_to_v2 before", "age", "rule", "200", "nobody is that old"]),
    ),
    (
        "user:short",
        r#"{"name":"Al K","age":36}"#,
        Some([
            "v1_to_v2 step 2 validation",
            "first",
            "rule",
            "\"Al\"",
            "first names have 3 letters",
        ]),
    ),
    (
        "user:ageless",
        r#"{"name":"Ada King","age":36,"secret":"x"}"#,
        Some([
            "v1_to_v2 step 3 validation",
            "age",
            "required",
            "nothing",
            "the field to stand (it is required)",
        ]),
    ),
    (
        "user:last",
        r#"{"name":"Ada Nobody","age":36}"#,
        Some(["v1_to_v2 validation", "last", "rule", "\"Nobody\"", "everybody has a name"]),
    ),
];

fn life(storage: &str) -> Life {
    let schema = |fields: Json| json!({"keyPattern": "user:*", "storage": storage, "versionField": "v", "fields": fields});
    let text = || json!({"type": "string"});
    let schemas = [
        schema(json!({"v": text(), "name": {"type": "string", "required": true},
                      "age": {"type": "integer", "minimum": 0}})),
        schema(json!({"v": text(), "first": text(), "last": text()})),
    ];
    let migration = json!({
        "transforms": [
            {"type": "stampVersion", "field": "v"},
            {"type": "splitField", "from": "name", "to": ["first", "last"], "separator": " "},
            {"type": "removeField", "field": "age", "when": {"field": "secret"}}],
        "validation": {
            "rules": [{"field": "last", "ne": "Nobody", "message": "everybody has a name"}],
            "before": {"rules": [{"field": "age", "lt": 150, "message": "nobody is that old"}]},
            "eachStep": [
                {"required": ["age"]},
                {"after": 2, "rules": [{"expr": "#i.first > 2", "inputs": ["first"],
                                        "message": "first names have 3 letters"}]}]}});
    let life = Life::of_migration(TestServer::start(), schemas, migration);
    let mut connection = life.connect();
    for (key, document, _) in DOCUMENTS {
        let document = document.replacen('{', r#"{"v":"1.0.0","#, 1);
        if storage == "hash" {
            let fields: serde_json::Map<String, Json> =
                serde_json::from_str(&document).expect("JSON");
            for (name, value) in fields {
                let value = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
                redis::cmd("HSET")
                    .arg(key)
                    .arg(name)
                    .arg(value)
                    .exec(&mut connection)
                    .expect("set");
            }
        } else {
            redis::cmd("SET").arg(key).arg(document).exec(&mut connection).expect("set");
        }
    }
    life
}

fn every_check(storage: &str) {
    let life = life(storage);
    let plan = life.remold().line("plan user --to 2.0.0").run().exits(0).stdout;
    for line in [
        "check  before the first step: the schema of 1.0.0; nobody is that old  (v1_to_v2)",
        "check  after each step: age is required  (v1_to_v2)",
        "check  after step 2: first names have 3 letters  (v1_to_v2)",
        "check  after the last step: everybody has a name  (v1_to_v2)",
    ] {
        assert!(plan.contains(line), "{line}\n{plan}");
    }
    let previews = life.remold().line("preview user --to 2.0.0 --sample 99 --json").run().exits(1);
    let previews = previews.json();
    for (key, _, trouble) in DOCUMENTS {
        let of_key = |preview: &&Json| preview["key"] == key;
        let preview = previews.as_array().expect("a list").iter().find(of_key).expect("a preview");
        match trouble {
            None => assert_eq!(preview["outcome"], "migrated", "{preview}"),
            Some(told) => {
                assert_eq!(preview["outcome"], "invalid", "{preview}");
                let error = &preview["errors"][0];
                // What stands in a field of a hash is text.
                let said = |name: &str| error[name].as_str().expect("a text").replace('"', "");
                let found = ["step", "field", "rule", "found", "expected"].map(said);
                assert_eq!(found, told.map(|word| word.replace('"', "")), "{preview}");
            }
        }
    }
    let before = life.snapshot();
    let said = life.remold().line("run user --to 2.0.0 --execute --yes --json").run().exits(1);
    let report = said.last_json();
    let tally = json!({"scanned": 6, "migrated": 1, "unchanged": 0, "conflict": 0, "missing": 0,
        "invalid": 5, "failed": 0});
    assert_eq!(report["tally"], tally, "{report}");
    let same = before.differences(&life.snapshot());
    assert_eq!(same.len(), 1, "only the document that passes is written: {same:?}");
    let errors = report["errors"].as_array().expect("groups");
    let group = errors.iter().find(|group| group["step"] == "v1_to_v2 step 3 validation");
    assert_eq!(group.expect("a group")["samples"], json!(["user:ageless"]), "{report}");
    life.remold().line("rollback last --execute --yes").run().exits(0);
    life.snapshot().assert_same(&before);
}

#[test]
fn strings_are_checked_on_their_way() {
    every_check("string");
}

#[test]
fn hashes_are_checked_on_their_way() {
    every_check("hash");
}
