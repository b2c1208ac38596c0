//! `remold plan --test-rollback`: documents of a server and of a file, there and back.

use serde_json::{Value as Json, json};

use crate::harness::binary::Remold;
use crate::harness::{Snapshot, TestServer};

/// Times that are converted, of which every fourth is written in a way that no inverse knows.
fn document(n: u32) -> String {
    let time = if n.is_multiple_of(4) { "23:13:20+01:00" } else { "22:13:20Z" };
    format!(r#"{{"ver": "1.0.0",  "at": "2023-11-14T{time}", "n": {n}.50}}"#)
}

fn catalog(storages: [&str; 2], steps: &Json) -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    let write = |name: &str, json: &Json| {
        std::fs::write(folder.path().join(name), json.to_string()).expect("written");
    };
    for (version, storage) in ["1.0.0", "2.0.0"].into_iter().zip(storages) {
        let schema = json!({"subject": "visit", "version": version, "keyPattern": "visit:*",
            "storage": storage, "versionField": "ver", "fields": {"ver": {"type": "string", "required": true}}});
        write(&format!("{version}.json"), &schema);
    }
    let steps = steps.as_array().expect("a list").iter().cloned();
    let steps: Vec<Json> = steps.chain([json!({"type": "stampVersion", "field": "ver"})]).collect();
    write(
        "m.json",
        &json!({"subject": "visit", "migrations": {"v1_to_v2": {"source": "1.0.0",
        "target": "2.0.0", "strategy": "direct", "transforms": steps}}}),
    );
    folder
}

fn conversion() -> Json {
    json!([{"type": "renameField", "from": "at", "to": "visitedAt"},
        {"type": "convertType", "field": "visitedAt", "from": "dateTime", "to": "epochSeconds"}])
}

#[test]
fn stored_documents_there_and_back() {
    for storage in ["string", "hash"] {
        let server = TestServer::start();
        let mut connection = server.connect();
        for n in 0..1_200 {
            let key = format!("visit:{n}");
            if storage == "string" {
                redis::cmd("SET").arg(key).arg(document(n)).query::<()>(&mut connection)
            } else {
                let text = document(n);
                let fields: Json = serde_json::from_str(&text).expect("JSON");
                let (at, n) = (fields["at"].as_str(), fields["n"].to_string());
                redis::cmd("HSET")
                    .arg(key)
                    .arg(&[("ver", "1.0.0"), ("at", at.expect("text")), ("n", &n)])
                    .query::<()>(&mut connection)
            }
            .expect("written");
        }
        let catalog = catalog([storage; 2], &conversion());
        let before = Snapshot::take(&mut connection);
        let plan = |more: &str| {
            let line = format!("plan visit --to 2.0.0 --test-rollback {more}");
            Remold::on(server.url()).env("REMOLD_CATALOG", catalog.path()).line(&line).run()
        };
        let said = plan("").exits(0);
        assert!(
            said.stdout.contains("1,200 / 1,200 restored (300 need the journal); 1,200 sampled"),
            "{}",
            said.stdout
        );
        let json = plan("--json").exits(0).json();
        let found = &json["rollback_test"];
        assert_eq!((&found["restored"], &found["need_journal"]), (&json!(1_200), &json!(300)));
        let obstacles = found["obstacles"].as_array().expect("a list");
        assert_eq!(obstacles.len(), 1, "{found}");
        assert_eq!(obstacles[0]["step"], "v1_to_v2 step 2 convertType");
        let keys = obstacles[0]["keys"].as_array().expect("a list");
        assert_eq!(keys.len(), 300);
        for key in keys {
            let n: u32 = key.as_str().and_then(|key| key[6..].parse().ok()).expect("a number");
            assert_eq!(n % 4, 0, "{key}");
        }
        let few = plan("--json --sample 40").exits(0).json();
        assert_eq!(few["rollback_test"]["sampled"], 40);
        before.assert_same(&Snapshot::take(&mut connection));
    }
}

#[test]
fn documents_of_a_file_and_steps_that_lose() {
    let files = tempfile::tempdir().expect("a folder");
    let samples = files.path().join("samples.ndjson");
    let text: String = (0..8).map(|n| document(n) + "\n").collect();
    std::fs::write(&samples, text).expect("written");
    let found = |target: &str, steps: &Json| {
        let catalog = catalog(["string", target], steps);
        let line = "plan visit --to 2.0.0 --test-rollback --json --samples";
        let call = Remold::on("redis://127.0.0.1:1").env("REMOLD_CATALOG", catalog.path());
        call.line(line).args([&samples]).run().exits(0).json()["rollback_test"].clone()
    };
    let converted = found("string", &conversion());
    assert_eq!((&converted["migrated"], &converted["need_journal"]), (&json!(8), &json!(2)));
    let lost = found("string", &json!([{"type": "removeField", "field": "n"}]));
    assert_eq!((&lost["restored"], &lost["need_journal"]), (&json!(8), &json!(8)), "{lost}");
    assert_eq!(lost["obstacles"][0]["step"], "v1_to_v2 step 1 removeField");
    let moved = found("hash", &json!([{"type": "convertStorage", "to": "hash"}]));
    assert_eq!((&moved["restored"], &moved["need_journal"]), (&json!(8), &json!(8)), "{moved}");
    assert_eq!(moved["obstacles"][0]["step"], "v1_to_v2 step 1 convertStorage");
}
