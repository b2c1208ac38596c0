//! `remold graph` in each of its forms, what it says of a graph that is not in order, and strategies that
//! come from the registry.

use serde_json::{Value as Json, json};

use crate::harness::TestServer;
use crate::harness::binary::{Remold, Said};

fn write(folder: &std::path::Path, name: &str, json: &Json) {
    std::fs::write(folder.join(name), json.to_string()).expect("written");
}

/// Two equal ways from 1 to 4, a forced longer one from 2 to 4, and 0.9 without a schema or a way on.
fn catalog() -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    for version in ["1.0.0", "2.0.0", "3.0.0", "4.0.0"] {
        let schema = json!({"subject": "doc", "version": version, "keyPattern": "doc:*",
            "versionField": "v", "fields": {"v": {"type": "string"}}});
        write(folder.path(), &format!("{version}.json"), &schema);
    }
    let step = |source: &str, target: &str| {
        json!({"source": source, "target": target, "strategy": "direct",
            "transforms": [{"type": "stampVersion", "field": "v"}]})
    };
    let migrations = json!({"subject": "doc", "migrations": {
        "a \"b\"": step("1.0.0", "2.0.0"), "left": step("1.0.0", "3.0.0"),
        "up2": step("2.0.0", "4.0.0"), "side": step("2.0.0", "3.0.0"), "up3": step("3.0.0", "4.0.0"),
        "down": step("1.0.0", "0.9.0")}, "paths": {"2.0.0": {"4.0.0": ["side", "up3"]}}});
    write(folder.path(), "migrations.json", &migrations);
    folder
}

fn graph(catalog: &tempfile::TempDir, line: &str) -> Said {
    let call = Remold::on("redis://127.0.0.1:1").env("REMOLD_CATALOG", catalog.path());
    call.line(line).run()
}

#[test]
fn every_form_shows_every_version_and_migration() {
    let catalog = catalog();
    let text = graph(&catalog, "graph doc").exits(0).stdout;
    for line in [
        "0.9.0 (no schema)",
        "  -> 4.0.0  up3 (1 step, may lose data)",
        "  to 4.0.0: side, up3 ('paths'",
    ] {
        assert!(text.lines().any(|shown| shown.starts_with(line)), "{line}: {text}");
    }
    let dot = graph(&catalog, "graph doc --form dot").exits(0).stdout;
    assert!(dot.starts_with("digraph \"doc\" {\n  \"0.9.0\";\n"), "{dot}");
    assert!(dot.contains("  \"1.0.0\" -> \"2.0.0\" [label=\"a \\\"b\\\"\"];"), "{dot}");
    assert!(dot.ends_with("}\n"), "{dot}");
    assert_eq!(dot.matches(" -> ").count(), 6);
    let mermaid = graph(&catalog, "graph doc --form mermaid").exits(0).stdout;
    assert!(mermaid.starts_with("graph LR\n  v0[\"0.9.0\"]\n  v1[\"1.0.0\"]\n"), "{mermaid}");
    assert!(mermaid.contains("  v1 -->|\"a #quot;b#quot;\"| v2\n"), "{mermaid}");
    assert_eq!(mermaid.matches(" -->|").count(), 6);
    let json = graph(&catalog, "graph doc --json").exits(0).json();
    assert_eq!(json["versions"], json!(["0.9.0", "1.0.0", "2.0.0", "3.0.0", "4.0.0"]));
    assert_eq!(json["migrations"].as_array().map(Vec::len), Some(6));
    assert_eq!(json["paths"], json!({"2.0.0": {"4.0.0": ["side", "up3"]}}));
}

#[test]
fn a_graph_that_is_not_in_order_is_told() {
    let catalog = catalog();
    let notes = [
        "version 0.9.0 has no schema",
        "no migrations lead from 0.9.0 to the newest version",
        "several paths from 1.0.0 to 4.0.0 are equally good",
        "'paths' takes another way from 2.0.0 to 4.0.0",
    ];
    let said = graph(&catalog, "graph doc").exits(0);
    let json = graph(&catalog, "graph doc --json").exits(0).json();
    assert_eq!(json["notes"].as_array().map(Vec::len), Some(notes.len()), "{json}");
    for note in notes {
        assert!(said.stderr.contains(note), "{note}: {}", said.stderr);
        assert!(json["notes"].to_string().contains(note), "{note}: {json}");
    }
    let unknown = graph(&catalog, "plan doc --to 9.0.0").exits(4);
    assert!(unknown.stderr.contains("9.0.0"), "{}", unknown.stderr);
    let cut = graph(&catalog, "plan doc --to 4.0.0 --from 0.9.0 --path up3").exits(4);
    assert!(cut.stderr.contains("0.9.0"), "{}", cut.stderr);
}

#[test]
fn a_strategy_of_the_registry_carries_out_a_run() {
    let server = TestServer::start();
    let folder = tempfile::tempdir().expect("a folder");
    for version in ["1.0.0", "2.0.0"] {
        let schema = json!({"subject": "doc", "version": version, "keyPattern": "doc:*",
            "versionField": "v", "fields": {"v": {"type": "string"}}});
        write(folder.path(), &format!("{version}.json"), &schema);
    }
    write(
        folder.path(),
        "strategies.json",
        &json!({"strategies": {"carryOver": {
        "parameters": {"from": {"type": "string"}, "to": {"type": "string"}},
        "transforms": [{"type": "renameField", "from": "${from}", "to": "${to}"}]}}}),
    );
    write(
        folder.path(),
        "migrations.json",
        &json!({"subject": "doc", "migrations": {"m": {
        "source": "1.0.0", "target": "2.0.0", "strategy": "carryOver", "with": {"from": "a", "to": "b"},
        "transforms": [{"type": "stampVersion", "field": "v"}]}}}),
    );
    let state = tempfile::tempdir().expect("a folder");
    let remold = |line: &str| Remold::on(server.url()).state(state.path()).line(line).run();
    let catalog = folder.path().display();
    remold(&format!("schema push --catalog {catalog}")).exits(0);
    let mut connection = server.connect();
    let held: Vec<(String, String)> =
        redis::cmd("HGETALL").arg("{remold}:strategies").query(&mut connection).expect("a hash");
    assert!(held.iter().any(|(name, _)| name == "carryOver"), "{held:?}");
    let set = redis::cmd("SET")
        .arg("doc:1")
        .arg(r#"{"v":"1.0.0","a": 1.0}"#)
        .query::<()>(&mut connection);
    set.expect("written");
    // No folder of definitions is named from here on.
    let plan = remold("plan doc --to 2.0.0").exits(0);
    assert!(plan.stdout.contains("renameField a -> b"), "{}", plan.stdout);
    let said = remold("run doc --to 2.0.0 --execute --yes --json").exits(0).last_json();
    assert_eq!(said["tally"]["migrated"], 1);
    let now: String = redis::cmd("GET").arg("doc:1").query(&mut connection).expect("a string");
    assert_eq!(now, r#"{"v":"2.0.0","b": 1.0}"#);
}
