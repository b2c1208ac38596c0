//! `remold plan` where there is no migration: drafts from files and from a server, questions, hints,
//! examples, and the plan that comes of it.

use std::fs;
use std::path::Path;

use serde_json::{Value as Json, json};

use crate::harness::TestServer;
use crate::harness::binary::{Remold, Said};

fn write(folder: &Path, name: &str, text: &str) -> String {
    let path = folder.join(name);
    fs::write(&path, text).expect("written");
    path.display().to_string()
}

/// A catalog with two versions of a subject and no migration.
fn catalog(old: &Json, new: &Json) -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    for (version, fields) in [("1.0.0", old), ("2.0.0", new)] {
        let schema = json!({"keyPattern": "thing:*", "version": version, "fields": fields});
        write(folder.path(), &format!("{version}.json"), &schema.to_string());
    }
    folder
}

fn ndjson(documents: &[Json]) -> String {
    documents.iter().fold(String::new(), |text, document| text + &document.to_string() + "\n")
}

fn plan(catalog: &Path, arguments: &[&str]) -> Said {
    Remold::on("redis://127.0.0.1:1")
        .args([
            "plan",
            "thing",
            "--to",
            "2.0.0",
            "--catalog",
            &catalog.display().to_string(),
            "--json",
        ])
        .args(arguments)
        .run()
}

#[test]
fn a_draft_from_files_needs_no_server_and_loads_with_the_catalog() {
    let old = json!({"headline": {"type": "string", "required": true}, "created_at": {"type": "integer", "required": true}});
    let new = json!({"title": {"type": "string", "required": true}, "createdAt": {"type": "string", "format": "date-time", "required": true}});
    let catalog = catalog(&old, &new);
    let samples: Vec<Json> = (0..30)
        .map(|n| json!({"headline": format!("n{n}"), "created_at": 1_700_000_000 + n}))
        .collect();
    let files = tempfile::tempdir().expect("a folder");
    let samples = write(files.path(), "samples.ndjson", &ndjson(&samples));
    let drafted = files.path().join("draft.json").display().to_string();
    let said = plan(catalog.path(), &["--samples", &samples, "--draft", &drafted]).exits(0);
    let json = said.json();
    assert_eq!(json["questions"], json!([]), "{}", said.stdout);
    assert_eq!(json["draft"]["proof"]["valid"], 30);
    assert_eq!(json["estimate"]["toMigrate"], 30);
    fs::copy(&drafted, catalog.path().join("drafted.json")).expect("copied");
    let said = plan(catalog.path(), &["--samples", &samples]).exits(0);
    assert_eq!(said.json()["draft"], Json::Null, "the migration is there now");
}

#[test]
fn what_is_open_exits_4_and_hints_answer_it() {
    let old = json!({"nickname": {"type": "string", "required": true}, "fax": {"type": "string", "required": true}});
    let new = json!({"timezone": {"type": "string", "required": true}});
    let catalog = catalog(&old, &new);
    let documents: Vec<Json> =
        (0..30).map(|n| json!({"nickname": format!("n{n}"), "fax": format!("{n}")})).collect();
    let files = tempfile::tempdir().expect("a folder");
    let samples = write(files.path(), "samples.json", &Json::from(documents).to_string());
    let said = plan(catalog.path(), &["--samples", &samples]).exits(4);
    let json = said.json();
    assert!(!json["questions"].as_array().expect("a list").is_empty());
    assert!(json["draft"]["steps"].as_array().expect("a list").is_empty(), "{}", said.stdout);

    let hints = json!({"rename": {"nickname": "timezone"}, "drop": ["fax"]});
    let hints = write(files.path(), "hints.json", &hints.to_string());
    let out = files.path().join("plan.json").display().to_string();
    let said =
        plan(catalog.path(), &["--samples", &samples, "--hints", &hints, "--out", &out]).exits(0);
    let json = said.json();
    let steps: Vec<&str> = json["draft"]["steps"]
        .as_array()
        .expect("a list")
        .iter()
        .filter_map(|guess| guess["step"]["type"].as_str())
        .collect();
    assert_eq!(steps, ["renameField", "removeField"], "{}", said.stdout);
    let risks = json["risks"].as_array().expect("a list");
    assert!(risks.iter().any(|risk| risk["grade"] == "values"), "{}", said.stdout);

    let wrong = write(files.path(), "wrong.json", r#"{"renam": {}}"#);
    let said = plan(catalog.path(), &["--samples", &samples, "--hints", &wrong]).exits(4);
    assert!(said.stderr.contains("renam"), "{}", said.stderr);
}

#[test]
fn one_example_solves_a_change_of_unit() {
    let old = json!({"price": {"type": "integer", "required": true}});
    let new = json!({"amount": {"type": "integer", "required": true}});
    let catalog = catalog(&old, &new);
    let files = tempfile::tempdir().expect("a folder");
    let documents: Vec<Json> = (1..30).map(|n| json!({"price": n})).collect();
    let samples = write(files.path(), "samples.ndjson", &ndjson(&documents));
    let before = write(files.path(), "before.json", r#"{"price": 19}"#);
    let after = write(files.path(), "after.json", r#"{"amount": 1900}"#);
    let said = plan(catalog.path(), &["--samples", &samples, "--example", &before, &after]);
    let shown = said.json()["draft"]["proof"]["shown"].clone();
    assert_eq!(shown[4]["after"], r#"{"amount":500}"#, "{}", said.stdout);
    assert_eq!(shown.as_array().map(Vec::len), Some(10));
}

#[test]
fn a_plan_with_questions_is_not_run_and_one_without_is() {
    let server = TestServer::start();
    let old = json!({"name": {"type": "string", "required": true}, "legacy": {"type": "string"}});
    let new = json!({"fullName": {"type": "string", "required": true}});
    let catalog = catalog(&old, &new);
    let mut pipeline = redis::Pipeline::new();
    for at in 0..50 {
        let document = json!({"name": format!("Name {at}"), "legacy": "x"});
        pipeline.cmd("SET").arg(format!("thing:{at}")).arg(document.to_string()).ignore();
    }
    pipeline.exec(&mut server.connect()).expect("filled");
    let files = tempfile::tempdir().expect("a folder");
    let out = files.path().join("plan.json").display().to_string();
    let folder = catalog.path().display().to_string();
    let call = |arguments: &[&str]| {
        Remold::on(server.url()).args(["--catalog", &folder, "--json"]).args(arguments).run()
    };
    let said = call(&["plan", "thing", "--to", "2.0.0", "--out", &out]).exits(4);
    assert_eq!(said.json()["estimate"]["keys"], 50);
    let refused = call(&["run", &out, "--execute", "--yes"]).exits(4);
    assert!(refused.stderr.contains("fullName"), "{}", refused.stderr);

    let hints = json!({"rename": {"name": "fullName"}, "drop": ["legacy"]});
    let hints = write(files.path(), "hints.json", &hints.to_string());
    call(&["plan", "thing", "--to", "2.0.0", "--hints", &hints, "--out", &out]).exits(0);
    let done = call(&["run", &out, "--execute", "--yes"]).exits(0);
    assert_eq!(done.last_json()["tally"]["migrated"], 50);

    let live = call(&["plan", "thing", "--to", "1.0.0", "--live", "--hints", &hints]);
    assert!(live.stdout.contains("0.0.0-live"), "{} {}", live.stdout, live.stderr);
}
