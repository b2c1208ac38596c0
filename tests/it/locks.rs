//! One run at a time touches a subject, and the registry knows of every run.

use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use redis::{Connection, cmd};
use serde_json::{Value as Json, json};

use crate::harness::{Remold, Spawned, TestCluster, TestServer};

const KEYS: u64 = 300;
const LOCK: &str = "{remold}:lock:doc";

/// A server with documents of version 1, and the catalog that leads to version 2.
struct Stage {
    server: TestServer,
    catalog: tempfile::TempDir,
    state: tempfile::TempDir,
}

impl Stage {
    fn set() -> Self {
        let server = TestServer::start();
        let mut pipeline = redis::Pipeline::new();
        for at in 0..KEYS {
            let document = json!({"a": format!("x{at}")}).to_string();
            pipeline.cmd("SET").arg(format!("doc:{at}")).arg(document).ignore();
        }
        pipeline.exec(&mut server.connect()).expect("filled");
        let catalog = tempfile::tempdir().expect("a folder");
        let field = json!({"type": "string", "required": true});
        for (name, json) in [
            ("1.json", json!({"version": "1.0.0", "keyPattern": "doc:*", "fields": {"a": field}})),
            ("2.json", json!({"version": "2.0.0", "keyPattern": "doc:*", "fields": {"b": field}})),
            (
                "m.json",
                json!({"migrations": {"m": {"source": "1.0.0", "target": "2.0.0",
                    "transforms": [{"type": "renameField", "from": "a", "to": "b"}]}}}),
            ),
        ] {
            std::fs::write(catalog.path().join(name), json.to_string()).expect("written");
        }
        Self { server, catalog, state: tempfile::tempdir().expect("a folder") }
    }

    fn remold(&self, url: &str, state: &Path, line: &str) -> Remold {
        Remold::on(url).state(state).env("REMOLD_CATALOG", self.catalog.path()).line(line)
    }

    fn call(&self, line: &str) -> Remold {
        self.remold(self.server.url(), self.state.path(), line)
    }

    /// A run slow enough to be met at work.
    fn slow_run(&self) -> Spawned {
        let started = self.call("run doc --to 2.0.0 --execute --yes --batch 5 --rate 20").spawn();
        let mut connection = self.server.connect();
        wait_until("some documents are migrated", || {
            let runs: Vec<String> =
                cmd("HVALS").arg("{remold}:runs").query(&mut connection).expect("HVALS");
            runs.iter().any(|run| run.contains("\"running\"")) && migrated(&mut connection) > 0
        });
        started
    }

    fn events(&self) -> Vec<Json> {
        let log = self.call("log --json").run().exits(0).stdout;
        log.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect()
    }
}

/// Documents of version 2.
fn migrated(connection: &mut Connection) -> usize {
    let keys: Vec<String> = (0..KEYS).map(|at| format!("doc:{at}")).collect();
    let values: Vec<String> = cmd("MGET").arg(keys).query(connection).expect("MGET");
    values.iter().filter(|value| value.contains("\"b\"")).count()
}

fn wait_until(what: &str, mut holds: impl FnMut() -> bool) {
    let until = Instant::now() + Duration::from_secs(60);
    while !holds() {
        assert!(Instant::now() < until, "waited in vain until {what}");
        thread::sleep(Duration::from_millis(20));
    }
}

#[test]
fn a_second_run_is_refused_and_told_whose_the_lock_is() {
    let stage = Stage::set();
    let mut first = stage.slow_run();
    let elsewhere = tempfile::tempdir().expect("another machine's state directory");
    let other = |line: &str| stage.remold(stage.server.url(), elsewhere.path(), line);
    let said = other("run doc --to 2.0.0 --execute --yes").run().exits(3);
    for word in ["doc is locked", "run of ", "s until its lock runs out", "nothing was written"] {
        assert!(said.stderr.contains(word), "{word}: {}", said.stderr);
    }
    // A dry run reads only.
    other("run doc --to 2.0.0").run().exits(0);
    let runs = other("runs --registry --json").run().exits(0).json();
    assert_eq!(runs["run"]["phase"], "running");
    assert_eq!(runs["lock"]["process"], first.child.id().to_string());

    // The owner dies: its lock stands until it runs out, whoever asks.
    first.child.kill().expect("killed");
    first.child.wait().expect("ended");
    other("run doc --to 2.0.0 --execute --yes").run().exits(3);
    let mut connection = stage.server.connect();
    let _: () =
        cmd("HSET").arg(LOCK).arg("expires_ms").arg(1).query(&mut connection).expect("run out");
    let said = other("run doc --to 2.0.0 --execute --yes").run().exits(0);
    assert!(said.stderr.contains("the lock of doc was "), "{}", said.stderr);
    let exists: bool = cmd("EXISTS").arg(LOCK).query(&mut connection).expect("EXISTS");
    assert!(!exists, "the lock is given back");
    let events = stage.events();
    let names: Vec<&str> = events.iter().filter_map(|event| event["event"].as_str()).collect();
    assert!(names.contains(&"lock.taken-over"), "{names:?}");
    assert_eq!((names[0], names[names.len() - 1]), ("run.started", "run.finished"));
    assert_eq!(events[events.len() - 1]["digest"].as_str().map(str::len), Some(16));
}

/// The same on a cluster, where the lock stands in the registry's slot and the documents in all of them.
#[test]
fn on_a_cluster_one_run_at_a_time_touches_a_subject() {
    let stage = Stage::set();
    let cluster = TestCluster::start();
    let mut client = cluster.connect();
    for at in 0..KEYS {
        let key = format!("doc:{at}");
        let document = json!({"a": format!("x{at}")}).to_string();
        let _: () = client.send(key.as_bytes(), cmd("SET").arg(&key).arg(document)).expect("set");
    }
    let on = |line: &str| stage.remold(cluster.url(), stage.state.path(), line);
    let run = "run doc --to 2.0.0 --execute --yes";
    let mut first = on(&format!("{run} --batch 5 --rate 20")).spawn();
    wait_until("the run has the lock", || {
        client.send(LOCK.as_bytes(), cmd("EXISTS").arg(LOCK)).expect("EXISTS")
    });
    let elsewhere = tempfile::tempdir().expect("another machine's state directory");
    let other = |line: &str| stage.remold(cluster.url_of(1), elsewhere.path(), line);
    let said = other(run).run().exits(3);
    assert!(said.stderr.contains("doc is locked"), "{}", said.stderr);
    first.child.kill().expect("killed");
    first.child.wait().expect("ended");
    let run_out = cmd("HSET").arg(LOCK).arg("expires_ms").arg(1).clone();
    let _: () = client.send(LOCK.as_bytes(), &run_out).expect("run out");
    let said = other(&format!("{run} --json")).run().exits(0);
    assert!(said.stderr.contains("the lock of doc was "), "{}", said.stderr);
    assert_eq!(said.last_json()["tally"]["scanned"], KEYS);
    let log = other("log --json").run().exits(0).stdout;
    for event in ["run.started", "lock.taken-over", "run.finished"] {
        assert!(log.contains(event), "{event}: {log}");
    }
}

#[test]
fn a_dead_run_is_resumed_at_once_and_rolled_back() {
    let stage = Stage::set();
    let mut first = stage.slow_run();
    // While it is at work nobody else may go on with it.
    stage.call("resume last").run().exits(2);
    first.child.kill().expect("killed");
    first.child.wait().expect("ended");
    // Its journal tells that nobody is at work on it: the lock need not run out.
    stage.call("resume last").run().exits(0);
    stage.call("rollback last --execute --yes").run().exits(0);
    assert_eq!(migrated(&mut stage.server.connect()), 0);
    let events = stage.events();
    let last = events.last().expect("events");
    assert_eq!((&last["event"], &last["verb"]), (&json!("run.rolled-back"), &json!("rollback")));
    assert!(events.iter().any(|event| event["event"] == "run.phase"));
    let runs = stage.call("runs --registry --json").run().exits(0).json();
    assert_eq!(runs["run"]["rollback"]["restored"], KEYS);
}

#[test]
fn a_run_whose_lock_is_anothers_stops() {
    let stage = Stage::set();
    let first = stage.slow_run();
    let mut connection = stage.server.connect();
    let _: () = cmd("HSET").arg(LOCK).arg("token").arg("another").query(&mut connection).expect("");
    // The next heartbeat sees it; a new phase is told by one too, so the run's end would.
    let said = first.ended();
    if migrated(&mut connection) < usize::try_from(KEYS).expect("few") {
        let said = said.exits(5).stderr;
        assert!(said.contains("stopped with a checkpoint: the lock of doc ran out"), "{said}");
    }
    let held: String = cmd("HGET").arg(LOCK).arg("token").query(&mut connection).expect("HGET");
    assert_eq!(held, "another", "it is not given back by whom it does not belong to");
}

#[test]
fn where_the_registry_may_not_be_written_a_run_needs_leave() {
    let stage = Stage::set();
    let mut connection = stage.server.connect();
    let _: () = cmd("ACL")
        .arg(&["SETUSER", "app", "on", ">pw", "~doc:*", "+@all"])
        .query(&mut connection)
        .expect("a user");
    let path = stage.server.url().strip_prefix("unix://").expect("a socket").to_owned();
    let url = format!("unix://{path}?user=app&pass=pw");
    let run = |more: &str| {
        let line = format!("run doc --to 2.0.0 --execute --yes{more}");
        stage.remold(&url, stage.state.path(), &line).run()
    };
    let said = run("").exits(3);
    assert!(said.stderr.contains("the lock of doc cannot be taken"), "{}", said.stderr);
    assert!(said.stderr.contains("--no-lock"), "{}", said.stderr);
    assert_eq!(migrated(&mut connection), 0);
    let said = run(" --no-lock").exits(0);
    assert!(said.stderr.contains("no lock"), "{}", said.stderr);
    assert_eq!(migrated(&mut connection), usize::try_from(KEYS).expect("few"));
}

#[test]
fn the_registry_stands_below_the_prefix_that_was_named() {
    let stage = Stage::set();
    let team = |line: &str| stage.call(line).env("REMOLD_PREFIX", "team");
    team("schema push").run().exits(0);
    team("run doc --to 2.0.0 --execute --yes").run().exits(0);
    let mut connection = stage.server.connect();
    let mut keys: Vec<String> = cmd("KEYS").arg("{*").query(&mut connection).expect("KEYS");
    keys.sort();
    let parts = ["events", "migrations:doc", "runs", "schemas:doc", "subjects"];
    assert_eq!(keys, parts.map(|part| format!("{{team}}:{part}")));
    stage.call("schema push --prefix a*").run().exits(2);
    // The registry's own keys are no documents.
    let listed = team("keys *").args(["--limit", "0", "--json"]).run().exits(0).stdout;
    assert_eq!(listed.lines().count(), usize::try_from(KEYS).expect("few"));
}
