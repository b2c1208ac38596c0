//! What other clients did between a run and its verification, or its rollback: each thing has its class,
//! and a later write lives on where that is asked for.

use std::path::Path;

use redis::Connection;
use serde_json::{Value as Json, json};

use crate::harness::{Remold, TestServer};

const KEYS: u64 = 100;

/// Documents in a string or a hash, migrated by a chain that can be inverted.
struct Stage {
    server: TestServer,
    folder: tempfile::TempDir,
    is_hash: bool,
}

impl Stage {
    fn migrated(storage: &str) -> Self {
        let stage = Self {
            server: TestServer::start(),
            folder: tempfile::tempdir().expect("a temporary folder"),
            is_hash: storage == "hash",
        };
        catalog(&stage.folder.path().join("catalog"), storage);
        let mut connection = stage.server.connect();
        for at in 0..KEYS {
            stage.put(
                &mut connection,
                at,
                &[("n", &at.to_string()), ("name", &format!("doc {at}"))],
            );
        }
        stage.call("run doc --to 2.0.0 --execute --yes").exits(0);
        stage
    }

    fn call(&self, line: &str) -> crate::harness::binary::Said {
        let catalog = self.folder.path().join("catalog");
        let remold = Remold::on(self.server.url()).env("REMOLD_CATALOG", catalog);
        remold.state(self.folder.path()).line(line).run()
    }

    /// Replaces the document under a key.
    fn put(&self, connection: &mut Connection, at: u64, fields: &[(&str, &str)]) {
        let key = format!("doc:{at}");
        if self.is_hash {
            redis::cmd("DEL").arg(&key).exec(connection).expect("removed");
            redis::cmd("HSET").arg(&key).arg(fields).exec(connection).expect("written");
        } else {
            redis::cmd("SET").arg(&key).arg(text(fields)).exec(connection).expect("written");
        }
    }

    #[track_caller]
    fn assert_holds(&self, connection: &mut Connection, at: u64, fields: &[(&str, &str)]) {
        let key = format!("doc:{at}");
        if self.is_hash {
            let found: std::collections::BTreeMap<String, String> =
                redis::cmd("HGETALL").arg(&key).query(connection).expect("a hash");
            let pairs = fields.iter().map(|(name, value)| ((*name).into(), (*value).into()));
            assert_eq!(found, pairs.collect(), "{key}");
        } else {
            let found: String = redis::cmd("GET").arg(&key).query(connection).expect("a string");
            assert_eq!(found, text(fields), "{key}");
        }
    }
}

/// The fields as JSON; `n` is a number.
fn text(fields: &[(&str, &str)]) -> String {
    let member = |(name, value): &(&str, &str)| match *name {
        "n" => format!(r#""n":{value}"#),
        name => format!(r#""{name}":"{value}""#),
    };
    format!("{{{}}}", fields.iter().map(member).collect::<Vec<_>>().join(","))
}

fn catalog(folder: &Path, storage: &str) {
    std::fs::create_dir_all(folder).expect("a folder");
    let schema = |version: &str, name: &str| {
        json!({"version": version, "keyPattern": "doc:*", "storage": storage,
            "fields": {"n": {"type": "integer", "required": true}, name: {"type": "string", "required": true}}})
    };
    let transforms = json!([{"type": "renameField", "from": "name", "to": "title"},
        {"type": "addField", "field": "mark", "defaultValue": "x"}]);
    let migrations = json!({"subject": "doc", "migrations": {"m": {"source": "1.0.0", "target": "2.0.0",
        "strategy": "direct", "transforms": transforms}}});
    let files =
        [("1", schema("1.0.0", "name")), ("2", schema("2.0.0", "title")), ("m", migrations)];
    for (name, json) in files {
        std::fs::write(folder.join(format!("{name}.json")), json.to_string()).expect("a file");
    }
}

#[track_caller]
fn assert_found(report: &Json, found: [u64; 6]) {
    let [checked, right, changed, lost, wrong, other_expiry] = found;
    let wanted = json!({"checked": checked, "right": right, "changed": changed, "lost": lost,
        "wrong": wrong, "other_expiry": other_expiry});
    assert_eq!(report["verification"], wanted, "{report}");
}

fn every_class(storage: &str) {
    let stage = Stage::migrated(storage);
    let mut connection = stage.server.connect();
    let verify = "verify last --json";
    assert_found(&stage.call(verify).exits(0).last_json(), [KEYS, KEYS, 0, 0, 0, 0]);

    // Another client's doing, all of it: nothing is wrong.
    stage.put(&mut connection, 1, &[("n", "1"), ("title", "another"), ("mark", "x")]);
    redis::cmd("DEL").arg("doc:2").exec(&mut connection).expect("removed");
    redis::cmd("EXPIRE").arg("doc:3").arg(5_000).exec(&mut connection).expect("it will expire");
    let report = stage.call(verify).exits(0).last_json();
    assert_found(&report, [KEYS, KEYS - 2, 2, 0, 0, 1]);
    assert_eq!(report["phase"], "done", "{report}");

    // A write of ours that is lost is nobody's later write.
    stage.put(&mut connection, 4, &[("n", "4"), ("name", "doc 4")]);
    let report = stage.call(verify).exits(1).last_json();
    assert_found(&report, [KEYS, KEYS - 3, 2, 1, 0, 1]);
    assert_eq!(report["phase"], "failed", "{report}");
    assert!(report["errors"].to_string().contains("lost it"), "{report}");
    assert!(report["errors"].to_string().contains("doc:4"), "{report}");
    let mut wrong = 0;
    if stage.is_hash {
        // What the run has no business with does not matter, and half of a write does.
        redis::cmd("HSET")
            .arg("doc:5")
            .arg("more")
            .arg("1")
            .exec(&mut connection)
            .expect("written");
        stage.put(&mut connection, 6, &[("n", "6"), ("name", "doc 6"), ("mark", "x")]);
        wrong = 1;
        let report = stage.call(verify).exits(1).last_json();
        assert_found(&report, [KEYS, KEYS - 4, 2, 1, 1, 1]);
        assert!(
            report["errors"].to_string().contains("only some of the hash's fields"),
            "{report}"
        );
    }

    // A sample is spread evenly; the whole as a sample finds what the whole finds.
    for (sample, checked) in [("10", 10), ("25%", 25), ("0", 0)] {
        let report = stage.call(&format!("verify last --sample {sample} --json")).last_json();
        assert_eq!(report["verification"]["checked"], checked, "{report}");
    }
    let report = stage.call("verify last --sample 100% --json").exits(1).last_json();
    assert_found(&report, [KEYS, KEYS - 3 - wrong, 2, 1, wrong, 1]);
    stage.call("verify last --sample 101%").exits(2);
}

#[test]
fn what_became_of_strings_since_the_run_has_its_class() {
    every_class("string");
}

#[test]
fn what_became_of_hashes_since_the_run_has_its_class() {
    every_class("hash");
}

fn a_later_write_lives_on(storage: &str) {
    let stage = Stage::migrated(storage);
    let mut connection = stage.server.connect();
    let later = [("n", "70"), ("title", "later"), ("mark", "x"), ("since", "today")];
    stage.put(&mut connection, 7, &later);
    // Of no version at all: nothing can be taken back here.
    stage.put(&mut connection, 8, &[("else", "entirely")]);
    redis::cmd("DEL").arg("doc:9").exec(&mut connection).expect("removed");
    let dry = stage.call("rollback last --changed invert --list-changed").exits(1);
    assert!(dry.stdout.contains("doc:7") && dry.stdout.contains("doc:8"), "{}", dry.stdout);
    stage.assert_holds(&mut connection, 7, &later);

    let line = "rollback last --changed invert --execute --yes --json";
    let report = stage.call(line).exits(1).last_json();
    let tally = &report["tally"];
    assert_eq!((&tally["restored"], &tally["inverted"]), (&json!(KEYS - 2), &json!(1)), "{report}");
    assert_eq!((&tally["changed"], &tally["missing"]), (&json!(1), &json!(1)), "{report}");
    stage.assert_holds(&mut connection, 0, &[("n", "0"), ("name", "doc 0")]);
    stage.assert_holds(&mut connection, 7, &[("n", "70"), ("name", "later"), ("since", "today")]);
    stage.assert_holds(&mut connection, 8, &[("else", "entirely")]);
    let report = stage.call("verify last --json").exits(0).last_json();
    assert_eq!(report["verification"]["wrong"], 0, "{report}");

    stage.call("rollback last --forward --execute --yes").exits(0);
    stage.assert_holds(&mut connection, 7, &later);
    let mark = [("n", "0"), ("title", "doc 0"), ("mark", "x")];
    stage.assert_holds(&mut connection, 0, &mark);
}

#[test]
fn a_later_write_to_a_string_lives_on_through_a_rollback() {
    a_later_write_lives_on("string");
}

#[test]
fn a_later_write_to_a_hash_lives_on_through_a_rollback() {
    a_later_write_lives_on("hash");
}
