//! The registry in Redis: who pushes what, who is refused, and what comes back.

use std::io::{BufRead, BufReader};

use serde_json::{Value as Json, json};

use crate::harness::{Remold, Spawned, TestCluster, TestServer};

/// A catalog of one schema and one migration in a folder.
fn small_catalog(fields: &Json) -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    let write = |name: &str, json: Json| {
        std::fs::write(folder.path().join(name), json.to_string()).expect("written");
    };
    write("1.json", json!({"version": "1.0.0", "keyPattern": "doc:*", "fields": fields}));
    write(
        "m.json",
        json!({"migrations": {"m": {"source": "1.0.0", "target": "2.0.0",
        "transforms": [{"type": "renameField", "from": "a", "to": "b"}]}},
        "paths": {"1.0.0": {"2.0.0": ["m"]}}, "flags": {"new": true}}),
    );
    folder
}

#[test]
fn the_registry_holds_a_catalog_and_gives_it_back() {
    let server = TestServer::start();
    holds_a_catalog(server.url(), &|| {
        let _: () = redis::cmd("FLUSHALL").query(&mut server.connect()).expect("flushed");
    });
}

#[test]
fn a_cluster_holds_the_registry_in_one_slot() {
    let cluster = TestCluster::start();
    holds_a_catalog(cluster.url(), &|| {
        for node in cluster.primaries() {
            let _: () = redis::cmd("FLUSHALL").query(&mut cluster.node(node)).expect("flushed");
        }
    });
    // Whichever node is asked, the same registry answers.
    for node in cluster.primaries() {
        let listed = Remold::on(cluster.url_of(node)).line("schema list --json").run().exits(0);
        assert_eq!(listed.json()["subject"], "doc");
        let keys: Vec<String> =
            redis::cmd("KEYS").arg("*").query(&mut cluster.node(node)).expect("keys");
        assert!(keys.iter().all(|key| key.starts_with("{remold}:")), "{keys:?}");
    }
    let holding = |node: &u16| {
        let count: u64 = redis::cmd("DBSIZE").query(&mut cluster.node(*node)).expect("a count");
        count > 0
    };
    assert_eq!(cluster.primaries().iter().filter(|node| holding(node)).count(), 1);
}

/// Pushes, refuses, tags, loses and restores a registry on the server or cluster at `url`.
fn holds_a_catalog(url: &str, flush: &dyn Fn()) {
    let catalog = small_catalog(&json!({"a": {"type": "string"}}));
    let folder = catalog.path().display().to_string();
    let on = |line: &str| Remold::on(url).line(line);
    let push = |folder: &str| {
        Remold::on(url).args(["--catalog", folder, "schema", "push", "--json"]).run()
    };
    assert_eq!(push(&folder).exits(0).json(), json!({"definitions": 4, "changed": 4}));
    assert_eq!(push(&folder).exits(0).json(), json!({"definitions": 4, "changed": 0}));
    let shown = on("schema list --json").run().exits(0).json();
    assert_eq!((&shown["subject"], &shown["versions"]), (&json!("doc"), &json!(["1.0.0"])));

    let changed = small_catalog(&json!({"a": {"type": "number"}}));
    let said = push(&changed.path().display().to_string()).exits(4);
    assert_eq!(said.json()["refused"], "schema doc@1.0.0");
    assert!(
        said.json()["difference"].as_str().expect("a text").contains("+      \"type\": \"number\"")
    );

    let pulled = tempfile::tempdir().expect("a folder");
    let target = pulled.path().join("new").display().to_string();
    let said = on("schema tag doc@1.0.0 production --json").run().exits(0).json();
    assert_eq!((&said["version"], &said["before"]), (&json!("1.0.0"), &Json::Null));
    on("schema tag doc@latest production").run().exits(0);
    on("schema tag doc@9.0.0 production").run().exits(2);
    on("schema tag doc@1.0.0 latest").run().exits(2);
    on("schema show doc@production").run().exits(0);
    on(&format!("schema pull {target}")).run().exits(0);
    flush();
    on("schema list").run().exits(1);
    push(&target).exits(0);
    let again = pulled.path().join("again").display().to_string();
    on(&format!("schema pull {again}")).run().exits(0);
    let read = |folder: &str| -> Vec<(String, String)> {
        let entries = std::fs::read_dir(folder).expect("a folder").flatten();
        let mut files: Vec<(String, String)> = entries
            .map(|entry| {
                let name = entry.file_name().to_string_lossy().into_owned();
                (name, std::fs::read_to_string(entry.path()).expect("a file"))
            })
            .collect();
        files.sort();
        files
    };
    assert_eq!(read(&target), read(&again));
    let log = on("log --json").run().exits(0).stdout;
    assert_eq!(log.lines().count(), 5, "three definitions, a flag and a tag");
    assert!(log.contains("schema.registered"), "{log}");
}

#[test]
fn of_two_who_push_different_content_one_wins() {
    let server = TestServer::start();
    let catalogs = [json!({"a": {"type": "string"}}), json!({"a": {"type": "number"}})]
        .map(|fields| small_catalog(&fields));
    for _ in 0..100 {
        let _: () = redis::cmd("FLUSHALL").query(&mut server.connect()).expect("flushed");
        let started: Vec<_> = catalogs
            .iter()
            .map(|catalog| {
                let folder = catalog.path().display().to_string();
                Remold::on(server.url()).args(["--catalog", &folder, "schema", "push"]).spawn()
            })
            .collect();
        let ended: Vec<_> = started.into_iter().map(Spawned::ended).collect();
        let lost: Vec<_> = ended.iter().filter(|said| said.code == Some(4)).collect();
        let won = ended.iter().filter(|said| said.code == Some(0)).count();
        assert_eq!((won, lost.len()), (1, 1), "{ended:?}");
        // The other is told by whom, when, and how it differs.
        let said = &lost[0].stdout;
        let by = "schema doc@1.0.0 is registered with other content by ";
        for word in [by, "@", " at 20", "-      \"type\": ", "+      \"type\": "] {
            assert!(said.contains(word), "{word}: {said}");
        }
    }
}

#[test]
fn a_number_that_promises_too_little_is_not_registered() {
    let server = TestServer::start();
    let catalog = small_catalog(&json!({"a": {"type": "string"}}));
    let next =
        json!({"version": "1.1.0", "keyPattern": "doc:*", "fields": {"a": {"type": "number"}}});
    std::fs::write(catalog.path().join("2.json"), next.to_string()).expect("written");
    let folder = catalog.path().display().to_string();
    let push = |more: &[&str]| {
        let push = Remold::on(server.url()).args(["--catalog", &folder, "schema", "push"]);
        push.args(more).run()
    };
    let said = push(&[]).exits(4);
    assert!(said.stderr.contains("doc@1.1.0: promises a minor change of 1.0.0"), "{}", said.stderr);
    assert!(said.stderr.contains("expected: 2.0.0 or higher, or --force"), "{}", said.stderr);
    push(&["--force"]).exits(0);
}

#[test]
fn a_new_version_may_have_to_be_compatible_with_all_earlier_ones() {
    let server = TestServer::start();
    let catalog = small_catalog(&json!({"a": {"type": "string"}}));
    let folder = catalog.path().display().to_string();
    let add = |version: &str, kind: &str| {
        let definition =
            json!({"version": version, "keyPattern": "doc:*", "fields": {"a": {"type": kind}}});
        let path = catalog.path().join(format!("{version}.json"));
        std::fs::write(path, definition.to_string()).expect("written");
    };
    let push = |mode: &str| {
        let push = Remold::on(server.url()).args(["--catalog", &folder, "schema", "push"]);
        push.args(["--compat", mode]).run()
    };
    push("full-transitive").exits(0);
    add("2.0.0", "number");
    let said = push("backward").exits(4);
    let told = "doc@2.0.0: is not backward compatible with doc@1.0.0 (a: type";
    assert!(said.stderr.contains(told), "{}", said.stderr);
    push("none").exits(0);
    add("2.0.1", "number");
    let said = push("backward_transitive").exits(4);
    assert!(said.stderr.contains("compatible with doc@1.0.0"), "{}", said.stderr);
    assert!(!said.stderr.contains("compatible with doc@2.0.0"), "{}", said.stderr);
    push("backward").exits(0);
    push("sideways").exits(2);
}

#[test]
fn the_log_is_followed() {
    let server = TestServer::start();
    let catalog = small_catalog(&json!({"a": {"type": "string"}}));
    let folder = catalog.path().display().to_string();
    let push = Remold::on(server.url()).args(["--catalog", &folder, "schema", "push"]);
    push.run().exits(0);
    let mut log = Remold::on(server.url()).line("log --follow --json").spawn_piped();
    let mut lines = BufReader::new(log.child.stdout.take().expect("piped")).lines();
    let mut next = || -> Json {
        serde_json::from_str(&lines.next().expect("a line").expect("text")).expect("JSON")
    };
    let first: Vec<Json> = (0..4).map(|_| next()).collect();
    assert!(first.iter().any(|event| event["event"] == "schema.registered"), "{first:?}");
    Remold::on(server.url()).line("schema tag doc@1.0.0 stable").run().exits(0);
    let event = next();
    assert_eq!((&event["event"], &event["name"]), (&json!("tag.registered"), &json!("stable")));
    assert!(event["by"].as_str().is_some_and(|by| by.contains('@')), "{event}");
    log.child.kill().expect("killed");
    log.child.wait().expect("ended");
}
