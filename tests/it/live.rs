//! Runs beside other clients, and over connections that break.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use redis::{Commands, Connection};
use serde_json::{Value as Json, json};

use crate::harness::binary::Remold;
use crate::harness::{Proxy, Snapshot, TestServer};

/// Adds 1 to the counter in a document of either version, atomically and without touching anything
/// else. Answers 0 when there is no such document.
const COUNT: &str = r#"
local text = redis.call('GET', KEYS[1])
if not text then return 0 end
local head, count, tail = string.match(text, '^(.*"n":)(%d+)(.*)$')
if not head then return 0 end
redis.call('SET', KEYS[1], head .. string.format('%d', count + 1) .. tail, 'KEEPTTL')
return 1"#;

/// A catalog whose one migration cannot be applied twice without being seen: each time, the text
/// would grow.
fn catalog() -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let write = |name: &str, json: Json| {
        std::fs::write(folder.path().join(name), json.to_string()).expect("a file");
    };
    write(
        "1.json",
        json!({"version": "1.0.0", "keyPattern": "doc:*", "storage": "string",
               "fields": {"n": {"type": "integer", "required": true},
                          "name": {"type": "string", "required": true}}}),
    );
    write(
        "2.json",
        json!({"version": "2.0.0", "keyPattern": "doc:*", "storage": "string",
               "fields": {"n": {"type": "integer", "required": true},
                          "title": {"type": "string", "required": true}}}),
    );
    write(
        "migrations.json",
        json!({"subject": "doc", "migrations": {"grow": {
        "source": "1.0.0", "target": "2.0.0", "strategy": "direct",
        "transforms": [
            {"type": "addField", "field": "mark", "defaultValue": "x"},
            {"type": "mergeFields", "from": ["name", "mark"], "to": "title", "separator": "-"},
        ]}}}),
    );
    folder
}

fn fill(connection: &mut Connection, keys: u64) {
    let mut pipeline = redis::Pipeline::new();
    for at in 0..keys {
        let document = json!({"n": 0, "name": format!("doc {at}")}).to_string();
        pipeline.cmd("SET").arg(format!("doc:{at}")).arg(document).ignore();
        if at % 5 == 0 {
            pipeline.cmd("EXPIRE").arg(format!("doc:{at}")).arg(86_400).ignore();
        }
    }
    pipeline.exec(connection).expect("filled");
}

#[test]
fn no_write_of_another_client_is_lost_and_nothing_is_transformed_twice() {
    const KEYS: u64 = 5_000;
    let server = TestServer::start();
    let catalog = catalog();
    fill(&mut server.connect(), KEYS);
    let (stop, counted) = (AtomicBool::new(false), std::sync::Mutex::new(vec![0_u64; 5_000]));
    let report = std::thread::scope(|scope| {
        for writer in 0..2_u64 {
            let (stop, counted, mut connection) = (&stop, &counted, server.connect());
            scope.spawn(move || {
                let script = redis::Script::new(COUNT);
                let mut at = writer;
                while !stop.load(Ordering::Relaxed) {
                    // A walk that meets every key, in an order that SCAN does not have.
                    at = (at + 7_919) % KEYS;
                    let key = format!("doc:{at}");
                    let done: u64 =
                        script.key(key).invoke(&mut connection).expect("the script runs");
                    let index = usize::try_from(at).expect("small");
                    counted.lock().expect("whole")[index] += done;
                }
            });
        }
        let said = Remold::on(server.url())
            .env("REMOLD_CATALOG", catalog.path())
            .line("run doc --to 2.0.0 --execute --yes --json --rate 4000")
            .run();
        stop.store(true, Ordering::Relaxed);
        said.exits(0).last_json()
    });
    assert_eq!(report["tally"]["migrated"], KEYS, "{report}");
    let counted = counted.into_inner().expect("whole");
    let mut connection = server.connect();
    for (at, count) in counted.iter().enumerate() {
        let text: String = connection.get(format!("doc:{at}")).expect("there");
        let expected = format!(r#"{{"n":{count},"title":"doc {at}-x"}}"#);
        assert_eq!(text, expected, "doc:{at}");
    }
}

#[test]
fn keys_that_go_away_are_missing_and_stay_away() {
    let server = TestServer::start();
    let catalog = catalog();
    let mut connection = server.connect();
    fill(&mut connection, 2_000);
    let stop = AtomicBool::new(false);
    let (report, removed) = std::thread::scope(|scope| {
        let (stop, mut connection) = (&stop, server.connect());
        let remover = scope.spawn(move || {
            let mut removed = Vec::new();
            for at in (0..2_000).step_by(3) {
                if stop.load(Ordering::Relaxed) {
                    break;
                }
                let key = format!("doc:{at}");
                let gone: u64 = connection.del(&key).expect("deleted");
                assert_eq!(gone, 1);
                removed.push(key);
            }
            removed
        });
        let said = Remold::on(server.url())
            .env("REMOLD_CATALOG", catalog.path())
            .line("run doc --to 2.0.0 --execute --yes --json --rate 2000 --batch 50")
            .run();
        stop.store(true, Ordering::Relaxed);
        (said.exits(0).last_json(), remover.join().expect("no panic"))
    });
    let tally = &report["tally"];
    let sum: u64 =
        ["migrated", "missing"].map(|name| tally[name].as_u64().expect("a count")).iter().sum();
    assert_eq!(tally["scanned"], sum, "{report}");
    for key in removed {
        let exists: bool = connection.exists(&key).expect("answered");
        assert!(!exists, "{key} was resurrected");
    }
}

#[test]
fn a_connection_that_breaks_again_and_again_changes_nothing_of_the_result() {
    let server = TestServer::start();
    let catalog = catalog();
    fill(&mut server.connect(), 3_000);
    let proxy = Proxy::unix(&server.local().socket());
    let stop = AtomicBool::new(false);
    let report = std::thread::scope(|scope| {
        let (stop, proxy) = (&stop, &proxy);
        scope.spawn(move || {
            while !stop.load(Ordering::Relaxed) {
                std::thread::sleep(Duration::from_millis(40));
                // A run whose first connection fails never begins, which is another test.
                if proxy.accepted() >= 4 {
                    proxy.cut();
                }
            }
        });
        let said = Remold::on(proxy.url())
            .env("REMOLD_CATALOG", catalog.path())
            .line("run doc --to 2.0.0 --execute --yes --json --rate 3000 --batch 40")
            .run();
        stop.store(true, Ordering::Relaxed);
        said.exits(0).last_json()
    });
    assert_eq!(report["tally"]["migrated"], 3_000, "{report}");
    assert_eq!(report["verification"]["right"], 3_000, "{report}");
    assert!(proxy.accepted() > 10, "the connection was cut again and again");
}

#[test]
fn a_run_that_is_stopped_goes_on_with_exact_counts() {
    let server = TestServer::start();
    let catalog = catalog();
    fill(&mut server.connect(), 3_000);
    let before = Snapshot::take(&mut server.connect());
    let state = tempfile::tempdir().expect("a temporary folder");
    let remold =
        || Remold::on(server.url()).env("REMOLD_CATALOG", catalog.path()).state(state.path());
    let mut run =
        remold().line("run doc --to 2.0.0 --execute --yes --rate 1500 --batch 20").spawn();
    // Until something was written; the pace leaves it far from the end then.
    let mut connection = server.connect();
    while Snapshot::take(&mut connection).differences(&before).len() < 100 {
        assert!(run.child.try_wait().expect("asked").is_none(), "the run ended by itself");
    }
    let pid = run.child.id().to_string();
    let stopped = std::process::Command::new("kill").args(["-TERM", &pid]).status();
    assert!(stopped.expect("kill runs").success());
    let status = run.child.wait().expect("ends");
    assert_eq!(status.code(), Some(5), "stopped before the end; resume is possible");
    let part = remold().line("runs --json").run().exits(0).last_json();
    assert_eq!(part["phase"], "stopped", "{part}");
    let resumed = remold().line("resume last --json").run().exits(0).last_json();
    assert_eq!(resumed["tally"]["migrated"], 3_000, "{resumed}");
    remold().line("rollback last --execute --yes").run().exits(0);
    Snapshot::take(&mut server.connect()).assert_same(&before);
}

#[test]
fn large_documents_cut_their_batches_and_too_large_ones_are_told() {
    const MIB: usize = 1 << 20;
    let server = TestServer::start();
    let catalog = catalog();
    let mut connection = server.connect();
    fill(&mut connection, 600);
    let text = |bytes: usize| format!(r#"{{"n":0,"name":"a","fill":"{}"}}"#, "x".repeat(bytes));
    // Several that fill a batch alone, one at the limit of documents, and one beyond it.
    for (key, bytes) in [
        ("doc:3", 2 * MIB),
        ("doc:4", 3 * MIB),
        ("doc:5", 5 * MIB),
        ("doc:6", 64 * MIB - 60),
        ("doc:7", 64 * MIB),
    ] {
        let _: () = connection.set(key, text(bytes)).expect("set");
    }
    let said = Remold::on(server.url())
        .env("REMOLD_CATALOG", catalog.path())
        .line("run doc --to 2.0.0 --execute --yes --json")
        .run();
    let report = said.exits(1).last_json();
    assert_eq!(report["tally"]["migrated"], 599, "{report}");
    assert_eq!(report["tally"]["invalid"], 1, "{report}");
    assert_eq!(report["errors"][0]["reason"], "the document is larger than 64 MiB");
    assert_eq!(report["errors"][0]["samples"], json!(["doc:7"]));
    let largest: String = connection.get("doc:6").expect("there");
    assert!(largest.contains(r#""title":"a-x""#));
}
