//! The branch that a document took at a `when` stands in the journal: the inverse chain follows it, also
//! where the step, a later step or another client has changed what the condition asked for.

use serde_json::{Map, Value as Json, json};

use crate::harness::{Life, TestServer};

/// Documents before the run: those of kind `a` are renamed, those of kind `b` have a title of their own.
const DOCUMENTS: [(&str, &str); 3] = [
    ("user:renamed", r#"{"v":"1.0.0","kind":"a","name":"Ada","old":"x","n":1}"#),
    ("user:other", r#"{"v":"1.0.0","kind":"b","title":"Dr","new":"y","n":1}"#),
    ("user:half", r#"{"v":"1.0.0","kind":"b","title":"Dr","old":"z","n":1}"#),
];

fn put(connection: &mut redis::Connection, storage: &str, key: &str, text: &str) {
    if storage == "string" {
        redis::cmd("SET").arg(key).arg(text).exec(connection).expect("set");
        return;
    }
    redis::cmd("DEL").arg(key).exec(connection).expect("deleted");
    let fields: Map<String, Json> = serde_json::from_str(text).expect("JSON");
    for (name, value) in fields {
        let value = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        redis::cmd("HSET").arg(key).arg(name).arg(value).exec(connection).expect("set");
    }
}

fn life(storage: &str) -> Life {
    let schema = |field: &str| {
        json!({"keyPattern": "user:*", "storage": storage, "versionField": "v",
               "fields": {"v": {"type": "string"}, "n": {"type": "integer"}, field: {"type": "string"}}})
    };
    let transforms = json!([
        {"type": "renameField", "from": "name", "to": "title", "when": {"field": "kind", "eq": "a"}},
        {"type": "renameField", "from": "old", "to": "new", "when": {"field": "old"}},
        {"type": "mapValues", "field": "kind", "map": {"a": "A", "b": "B"}},
        {"type": "stampVersion", "field": "v"}]);
    let life = Life::of(TestServer::start(), [schema("name"), schema("title")], &transforms);
    let mut connection = life.connect();
    for (key, text) in DOCUMENTS {
        put(&mut connection, storage, key, text);
    }
    life
}

fn inverse_follows(storage: &str) {
    let life = life(storage);
    let plan =
        life.remold().line("plan user --to 2.0.0 --test-rollback --json").run().exits(0).json();
    let tried = &plan["rollback_test"];
    assert_eq!(
        (&tried["migrated"], &tried["restored"], &tried["need_journal"]),
        (&json!(3), &json!(3), &json!(0)),
        "{tried}"
    );
    let risks = plan["risks"].as_array().expect("a list");
    assert!(risks.iter().all(|risk| risk["transform"] == "stampVersion v"), "{plan}");
    life.remold().line("run user --to 2.0.0 --execute --yes").run().exits(0);

    // Another client writes each document, also what a condition asked for.
    let mut connection = life.connect();
    for (key, text) in [
        ("user:renamed", r#"{"v":"2.0.0","kind":"B","title":"Ada","new":"x","n":2}"#),
        ("user:other", r#"{"v":"2.0.0","kind":"A","title":"Dr","new":"y","n":2}"#),
        ("user:half", r#"{"v":"2.0.0","kind":"A","title":"Dr","new":"z","n":2}"#),
    ] {
        put(&mut connection, storage, key, text);
    }
    let back = life.remold().line("rollback last --changed invert --execute --yes --json").run();
    let back = back.exits(0).last_json();
    assert_eq!(back["rollback"]["inverted"], 3, "{back}");
    let left = life.snapshot();
    for (key, text) in DOCUMENTS {
        let text = text.replace(r#""n":1"#, r#""n":2"#);
        let text = match key {
            "user:renamed" => text.replace(r#""a""#, r#""b""#),
            _ => text.replace(r#""b""#, r#""a""#),
        };
        put(&mut connection, storage, key, &text);
    }
    left.assert_same(&life.snapshot());
    life.remold().line("rollback last --forward --execute --yes").run().exits(0);
}

#[test]
fn the_inverse_follows_the_branch_of_strings() {
    inverse_follows("string");
}

#[test]
fn the_inverse_follows_the_branch_of_hashes() {
    inverse_follows("hash");
}
