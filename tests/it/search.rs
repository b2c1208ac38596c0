//! RediSearch: keys that a query selects, indexes that a run touches, and what is said where there is none.
//! On a real server with the real modules.

use std::sync::atomic::{AtomicBool, Ordering};

use redis::Connection;
use serde_json::{Value as Json, json};

use crate::harness::cluster_client::slot_of;
use crate::harness::life::{Life, named};
use crate::harness::{Remold, TestCluster, TestServer};

const USERS: u64 = 300;

/// Users with an age of 0 to 99 in a hash or in RedisJSON, and an index over them.
pub fn users(storage: &str) -> Life {
    let transforms = json!([{"type": "renameField", "from": "userName", "to": "fullName"}]);
    let schemas = [named("userName", storage), named("fullName", storage)];
    let life = Life::of(TestServer::with_search(), schemas, &transforms);
    let mut connection = life.connect();
    for n in 0..USERS {
        put(&mut connection, storage, &format!("user:{n}"), n % 100);
    }
    index(&mut connection, storage, "idx", "user:");
    life
}

fn put(connection: &mut Connection, storage: &str, key: &str, age: u64) {
    let set = if storage == "hash" {
        let fields = [("userName", "Jo".to_owned()), ("n", age.to_string())];
        redis::cmd("HSET").arg(key).arg(&fields).exec(connection)
    } else {
        let text = json!({"userName": "Jo", "n": age}).to_string();
        redis::cmd("JSON.SET").arg(key).arg("$").arg(text).exec(connection)
    };
    set.expect("set");
}

/// Makes an index, and waits until it holds what is there.
fn index(connection: &mut Connection, storage: &str, name: &str, prefix: &str) {
    let mut create = redis::cmd("FT.CREATE");
    create.arg(name).arg("ON").arg(storage.to_uppercase()).arg("PREFIX").arg(1).arg(prefix);
    create.arg("SCHEMA");
    if storage == "hash" {
        create.arg(&["userName", "TEXT", "n", "AS", "age", "NUMERIC"]);
    } else {
        create.arg(&["$.userName", "AS", "name", "TEXT", "$.n", "AS", "age", "NUMERIC"]);
    }
    create.exec(connection).expect("created");
    while is_building(connection, name) {
        std::thread::sleep(std::time::Duration::from_millis(10));
    }
}

fn is_building(connection: &mut Connection, name: &str) -> bool {
    let info: Vec<redis::Value> = redis::cmd("FT.INFO").arg(name).query(connection).expect("info");
    let at = info.iter().position(|it| *it == redis::Value::SimpleString("indexing".into()));
    let value = &info[at.expect("it says so") + 1];
    redis::from_redis_value::<f64>(value.clone()).expect("a number") > 0.0
}

/// A call with arguments that hold spaces.
fn call(life: &Life, words: &str, query: &str) -> crate::harness::Said {
    life.remold().line(words).args(["--query", query]).run()
}

#[track_caller]
fn selected_by_query(storage: &str) {
    let life = users(storage);
    let before = life.snapshot();
    let plan = life.folder.path().join("plan.json").display().to_string();
    let planned = format!("plan user --to latest --json --index idx --out {plan}");
    let said = call(&life, &planned, "@age:[30 40]").exits(0).json();
    let keys = said["selection"]["keys"].as_array().expect("a list");
    assert_eq!((keys.len(), &said["selection"]["query"]["index"]), (33, &json!("idx")), "{said}");
    // The index that is the only one over these keys need not be named.
    let previews = call(&life, "preview user --to latest --json --sample 50", "@age:[30 40]");
    assert_eq!(previews.exits(0).json().as_array().expect("a list").len(), 33);
    let dry = call(&life, "run user --to latest --json", "@age:[30 40]").exits(0).last_json();
    assert_eq!(dry["tally"]["migrated"], 33, "{dry}");
    before.assert_same(&life.snapshot());
    // Who comes into the answer after the plan was drawn up is not the plan's.
    put(&mut life.connect(), storage, "user:500", 35);
    let run = format!("run {plan} --execute --yes --json");
    let report = life.remold().line(&run).run().exits(0).last_json();
    assert_eq!(
        (&report["tally"]["scanned"], &report["tally"]["migrated"]),
        (&json!(33), &json!(33))
    );
    let changed = before.differences(&life.snapshot().filtered(|name| name != b"user:500"));
    assert_eq!(changed.len(), 33);
    life.remold().line("verify last").run().exits(0);
    life.remold().line("rollback last --execute --yes").run().exits(0);
    before.assert_same(&life.snapshot().filtered(|name| name != b"user:500"));
}

#[test]
fn a_query_selects_hashes() {
    selected_by_query("hash");
}

#[test]
fn a_query_selects_redis_json_documents() {
    selected_by_query("json");
}

/// The module alone indexes the keys of its own node; its clustered form, of which every node knows every
/// index, is not to be had for a test.
#[test]
fn in_a_cluster_an_index_of_one_node_is_refused() {
    let cluster = TestCluster::with_search();
    let owner = slot_of(b"idx") / 5_462;
    index(&mut cluster.node(owner), "hash", "idx", "user:");
    let transforms = json!([{"type": "renameField", "from": "userName", "to": "fullName"}]);
    let schemas = [named("userName", "hash"), named("fullName", "hash")];
    // For its definitions alone.
    let life = Life::of(TestServer::start(), schemas, &transforms);
    let remold = life.remold().env("REMOLD_URL", cluster.url());
    let said = remold.line("run user --to latest --index idx --query *").run().exits(2);
    assert!(said.stderr.contains("that every node knows"), "{}", said.stderr);
}

#[test]
fn an_answer_is_whole_although_documents_change_while_it_is_read() {
    let life = users("hash");
    let mut connection = life.connect();
    let mut pipeline = redis::Pipeline::new();
    for n in 1_000..13_000_u64 {
        pipeline.cmd("HSET").arg(format!("user:{n}")).arg(&["userName", "Jo", "n", "35"]).ignore();
    }
    pipeline.exec(&mut connection).expect("set");
    let done = AtomicBool::new(false);
    let answers = std::thread::scope(|scope| {
        // New numbers split the tree that the cursor walks, which ends it before its time.
        scope.spawn(|| {
            let mut connection = life.connect();
            let mut numbers = 0..;
            while !done.load(Ordering::Relaxed) {
                let n = numbers.next().expect("without an end");
                put(&mut connection, "hash", &format!("user:{}", n % 20), 1_000 + n);
            }
        });
        let answers: Vec<_> =
            (0..3).map(|_| call(&life, "plan user --to latest --json", "@age:[35 35]")).collect();
        // Before anything is asserted: the writer has to end.
        done.store(true, Ordering::Relaxed);
        answers
    });
    for said in answers {
        let said = said.exits(0).json();
        assert_eq!(said["selection"]["keys"].as_array().expect("a list").len(), 12_003);
    }
}

#[test]
fn indexes_that_name_a_changed_field_are_told_as_risks() {
    for (storage, field) in [("hash", "userName (TEXT)"), ("json", "$.userName AS name (TEXT)")] {
        let life = users(storage);
        index(&mut life.connect(), storage, "others", "order:");
        let said = life.remold().line("plan user --to latest --json").run().exits(0).json();
        let risks: Vec<&Json> = said["risks"]
            .as_array()
            .expect("a list")
            .iter()
            .filter(|risk| risk["grade"] == "index")
            .collect();
        let [risk] = risks.as_slice() else { panic!("{said:#}") };
        assert_eq!((&risk["migration"], &risk["step"]), (&json!("v1_to_v2"), &json!(1)));
        let loss = risk["loss"].as_str().expect("text");
        assert!(loss.contains(&format!("index idx finds documents by {field}")), "{loss}");
        assert!(loss.contains("not found by it any more"), "{loss}");
        let said = life.remold().line("run user --to latest").run().exits(0);
        assert!(said.stderr.contains("risk   index: v1_to_v2 step 1"), "{}", said.stderr);
    }
}

#[test]
fn documents_that_fall_out_of_an_index_are_told() {
    let transforms = json!([{"type": "convertStorage", "from": "hash", "to": "json"},
                            {"type": "renameKey", "from": "user:*", "to": "u:${KEY.1}"}]);
    let mut target = named("userName", "json");
    target["keyPattern"] = json!("u:*");
    let life =
        Life::of(TestServer::with_search(), [named("userName", "hash"), target], &transforms);
    let mut connection = life.connect();
    put(&mut connection, "hash", "user:1", 5);
    index(&mut connection, "hash", "idx", "user:");
    let said = life.remold().line("plan user --to latest").run().exits(0);
    let fallen = said.stdout.matches("documents fall out of the index idx").count();
    assert_eq!(fallen, 2, "{}", said.stdout);
    // Where keys of several kinds are the plan's, the query finds those that the index is over.
    let said = call(&life, "run user --to latest --json", "@age:[5 5]").exits(0).last_json();
    assert_eq!(said["tally"]["migrated"], 1, "{said}");
}

#[test]
fn a_query_that_no_index_can_answer_is_refused_with_what_would_help() {
    let life = users("hash");
    let mut connection = life.connect();
    index(&mut connection, "hash", "some", "user:1");
    index(&mut connection, "hash", "twin", "user:");
    let refused = |line: &str, query: &str, wanted: &[&str]| {
        let said = call(&life, line, query).exits(2);
        for words in wanted {
            assert!(said.stderr.contains(words), "'{words}' is not in: {}", said.stderr);
        }
    };
    let run = "run user --to latest --execute --yes";
    refused(run, "@age:[1 2]", &["name one with --index: idx, twin"]);
    refused(&format!("{run} --index some"), "@age:[1 2]", &["some is over user:1*", "--where"]);
    refused(
        &format!("{run} --index nope"),
        "*",
        &["no index 'nope'", "known indexes: idx, some, twin"],
    );
    let named = format!("{run} --index idx");
    refused(&named, "@age:[1", &["does not take the query", "Syntax error", "@age (NUMERIC)"]);
    refused(&format!("{run} --index idx --keys-from x"), "*", &["cannot be used with"]);
    // A narrower pattern is one that the index is over.
    let narrower = "run user --to latest --json --index some --pattern user:1*";
    call(&life, narrower, "@age:[15 15]").exits(0);
    // A list whose query was not answered is not taken for every key.
    let plan = life.folder.path().join("plan.json");
    let out = format!("plan user --to latest --index idx --out {}", plan.display());
    call(&life, &out, "@age:[1 2]").exits(0);
    let mut json: Json =
        serde_json::from_slice(&std::fs::read(&plan).expect("a file")).expect("JSON");
    json["selection"].as_object_mut().expect("an object").remove("keys");
    json.as_object_mut().expect("an object").remove("digest");
    std::fs::write(&plan, json.to_string()).expect("a file");
    let said = life.remold().line(&format!("run {}", plan.display())).run();
    assert!(said.stderr.contains("does not hold the keys"), "{}", said.stderr);
    assert_ne!(said.code, Some(0));
}

#[test]
fn without_the_module_or_for_strings_a_query_is_refused() {
    let plain = [named("userName", "hash"), named("fullName", "hash")];
    let transforms = json!([{"type": "renameField", "from": "userName", "to": "fullName"}]);
    let life = Life::of(TestServer::start(), plain, &transforms);
    let said = call(&life, "run user --to latest", "@age:[1 2]").exits(2);
    assert!(said.stderr.contains("has no RediSearch module"), "{}", said.stderr);
    assert!(said.stderr.contains("--where"), "{}", said.stderr);
    let strings = [named("userName", "string"), named("fullName", "string")];
    let life = Life::of(TestServer::with_search(), strings, &transforms);
    index(&mut life.connect(), "hash", "idx", "user:");
    let said = call(&life, "run user --to latest", "@age:[1 2]").exits(2);
    assert!(said.stderr.contains("idx is over hash, and these keys are stored as string"));
    let said = Remold::on(life.server.url()).line("preview user --to 2.0.0 --index idx").run();
    assert_eq!(said.code, Some(2), "an index without a query: {}", said.stderr);
}
