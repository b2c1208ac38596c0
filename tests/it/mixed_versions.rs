//! A keyspace of three versions told apart by their shape, with documents that fit none or several: each
//! takes its own chain in one run, and the counts are exact.

use serde_json::{Value as Json, json};

use crate::harness::binary::Remold;
use crate::harness::{Snapshot, TestServer};

const OF_EACH: usize = 130;

/// A document before the run, the same after it, and the reason should it stay.
const DOCUMENTS: [(&str, &str, &str); 5] = [
    (r#"{"first": "A", "n": 1.0}"#, r#"{"third": "A", "n": 1.0}"#, ""),
    (r#"{"second": "B", "n": 1.0}"#, r#"{"third": "B", "n": 1.0}"#, ""),
    (r#"{"third": "C"}"#, r#"{"third": "C"}"#, ""),
    (r#"{"other": "D"}"#, r#"{"other": "D"}"#, "fits no known version"),
    (
        r#"{"first": "E", "second": "E"}"#,
        r#"{"first": "E", "second": "E"}"#,
        "fits several versions",
    ),
];

fn catalog() -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    let write = |name: &str, json: &Json| {
        std::fs::write(folder.path().join(name), json.to_string()).expect("written");
    };
    for (version, field) in [("1.0.0", "first"), ("2.0.0", "second"), ("3.0.0", "third")] {
        write(
            &format!("{version}.json"),
            &json!({"subject": "doc", "version": version,
            "keyPattern": "doc:*", "fields": {field: {"type": "string", "required": true}}}),
        );
    }
    let rename = |source: &str, target: &str, from: &str, to: &str| {
        json!({"source": source, "target": target, "strategy": "direct",
            "transforms": [{"type": "renameField", "from": from, "to": to}]})
    };
    write(
        "m.json",
        &json!({"subject": "doc", "migrations": {
        "v1_to_v2": rename("1.0.0", "2.0.0", "first", "second"),
        "v2_to_v3": rename("2.0.0", "3.0.0", "second", "third")}}),
    );
    folder
}

#[test]
fn each_document_takes_its_own_chain_in_one_run() {
    let (server, catalog) = (TestServer::start(), catalog());
    let mut connection = server.connect();
    let mut pipeline = redis::Pipeline::new();
    for at in 0..OF_EACH * DOCUMENTS.len() {
        let (text, _, _) = DOCUMENTS[at % DOCUMENTS.len()];
        pipeline.cmd("SET").arg(format!("doc:{at}")).arg(text).ignore();
    }
    pipeline.exec(&mut connection).expect("filled");
    let before = Snapshot::take(&mut connection);
    let state = tempfile::tempdir().expect("a folder");
    let remold = |line: &str| {
        let call = Remold::on(server.url()).state(state.path());
        call.env("REMOLD_CATALOG", catalog.path()).line(line).run()
    };
    let census = remold("keys doc:* --versions --json").exits(0).json();
    let doc = &census["subjects"]["doc"];
    assert_eq!(
        (&doc["unknown"]["count"], &doc["ambiguous"][0]["count"]),
        (&json!(OF_EACH), &json!(OF_EACH)),
        "{census}"
    );

    let said = remold("run doc --to 3.0.0 --execute --yes --json").exits(1).last_json();
    assert_eq!(
        said["tally"],
        json!({"scanned": 5 * OF_EACH, "migrated": 2 * OF_EACH, "unchanged": OF_EACH,
        "conflict": 0, "missing": 0, "invalid": 2 * OF_EACH, "failed": 0}),
        "{said}"
    );
    for (_, _, reason) in DOCUMENTS.iter().filter(|(_, _, reason)| !reason.is_empty()) {
        let groups = said["errors"].as_array().expect("a list");
        let told = groups.iter().find(|group| group["reason"].to_string().contains(reason));
        assert_eq!(told.map(|group| &group["count"]), Some(&json!(OF_EACH)), "{reason}: {said}");
    }
    for at in 0..OF_EACH * DOCUMENTS.len() {
        let now: String =
            redis::cmd("GET").arg(format!("doc:{at}")).query(&mut connection).expect("a string");
        assert_eq!(now, DOCUMENTS[at % DOCUMENTS.len()].1, "doc:{at}");
    }
    remold("verify last --json").exits(0);
    remold("rollback last --execute --yes --json").exits(0);
    before.assert_same(&Snapshot::take(&mut connection));
}
