//! Runs that follow their writers: beside a writer that keeps producing old documents, in the end no
//! old document is left, and no write is lost.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use redis::Commands;
use serde_json::Value as Json;

use crate::harness::running::{PATIENCE, Running};
use crate::harness::{ClusterClient, Remold, Snapshot, TestCluster, TestServer};

const KEYS: u64 = 400;

fn key(n: u64) -> String {
    format!("user:{n}")
}

/// A document of the oldest version.
fn old(n: u64, write: u64) -> String {
    format!(r#"{{"userName":"Ada {write}","age":{},"n":{write}}}"#, n % 40)
}

/// A client of a server or of a cluster.
trait Client: Send {
    fn write(&mut self, key: &str, text: &str);
    fn read(&mut self, key: &str) -> Option<String>;
}

impl Client for redis::Connection {
    fn write(&mut self, key: &str, text: &str) {
        let () = self.set(key, text).expect("written");
    }

    fn read(&mut self, key: &str) -> Option<String> {
        self.get(key).expect("answered")
    }
}

impl Client for ClusterClient {
    fn write(&mut self, key: &str, text: &str) {
        self.send::<()>(key.as_bytes(), redis::cmd("SET").arg(key).arg(text)).expect("written");
    }

    fn read(&mut self, key: &str) -> Option<String> {
        self.send(key.as_bytes(), redis::cmd("GET").arg(key)).expect("answered")
    }
}

fn fill(client: &mut impl Client) {
    for n in 0..KEYS {
        client.write(&key(n), &old(n, 0));
    }
}

/// A writer of the old version: writes whole documents over whatever stands there, and new ones beside.
/// Answers the number of the last write to each key.
fn write_old(client: &mut impl Client, stop: &AtomicBool) -> Vec<u64> {
    let mut last = vec![0; usize::try_from(KEYS * 2).expect("few")];
    let mut write = 0;
    while !stop.load(Ordering::Relaxed) {
        write += 1;
        let n = write * 7_919 % (KEYS * 2);
        client.write(&key(n), &old(n, write));
        last[usize::try_from(n).expect("few")] = write;
        // Far slower than a run, as a fleet that is being replaced is.
        std::thread::sleep(Duration::from_millis(1));
    }
    last
}

/// That every key has the last write that was made to it, at the target version.
#[track_caller]
fn assert_all_new(client: &mut impl Client, last: &[u64]) {
    let mut keys = 0;
    for (n, write) in last.iter().enumerate() {
        let Some(text) = client.read(&format!("user:{n}")) else {
            assert!(*write == 0 && n as u64 >= KEYS, "user:{n} is gone");
            continue;
        };
        let document: Json = serde_json::from_str(&text).expect("JSON");
        assert!(document.get("userName").is_none(), "user:{n} is old: {text}");
        assert_eq!(document["n"], *write, "a write to user:{n} was lost: {text}");
        keys += 1;
    }
    assert!(keys > KEYS, "the writer made new keys too");
}

fn followed(status: &Json) -> &Json {
    &status["progress"]["followed"]
}

fn is_following(status: &Json) -> bool {
    status["progress"]["phase"] == "following"
}

const LINE: &str = "run user --to latest --execute --yes --json --follow --follow-every 1s";

/// A run beside an old writer, which ends some time after the run began to follow; then the run is told
/// that this is enough. Answers its report.
fn beside_a_writer<C: Client>(url: &str, mut connect: impl FnMut() -> C, by: &str) -> Json {
    fill(&mut connect());
    let state = tempfile::tempdir().expect("a temporary folder");
    let stop = AtomicBool::new(false);
    let (mut connection, mut reader) = (connect(), connect());
    let (report, last) = std::thread::scope(|scope| {
        let writer = scope.spawn(|| write_old(&mut connection, &stop));
        let mut running = Running::start(url, state, LINE);
        let status = running.until("documents migrated while following", |status| {
            is_following(status) && followed(status)["migrated"].as_u64() > Some(300)
        });
        assert_eq!(followed(&status)["by"], by, "{status}");
        stop.store(true, Ordering::Relaxed);
        let last = writer.join().expect("no panic");
        // What was written before the order is looked at, also without anybody's waiting.
        running.order("stop").expect("taken");
        (running.ends(0), last)
    });
    assert_all_new(&mut reader, &last);
    let tally = &report["tally"];
    let outcomes = ["migrated", "unchanged", "conflict", "missing", "invalid", "failed"];
    let sum: u64 = outcomes.iter().map(|name| tally[name].as_u64().expect("a count")).sum();
    assert_eq!(tally["scanned"], sum, "{report}");
    assert_eq!(report["phase"], "done", "{report}");
    assert_eq!(report["verification"]["wrong"], 0, "{report}");
    assert!(tally["migrated"].as_u64() > Some(KEYS + 300), "{report}");
    report
}

fn with_notifications(flags: &str) -> TestServer {
    let server = TestServer::start();
    redis::cmd("CONFIG")
        .arg(&["SET", "notify-keyspace-events", flags])
        .exec(&mut server.connect())
        .expect("set");
    server
}

#[test]
fn by_notifications_no_old_document_is_left_and_no_write_lost() {
    for flags in ["Kg$", "EA"] {
        let server = with_notifications(flags);
        let report = beside_a_writer(server.url(), || server.connect(), "notifications");
        assert_eq!(report["followed"]["by"], "notifications");
    }
}

#[test]
fn by_scans_no_old_document_is_left_and_no_write_lost() {
    let server = TestServer::start();
    let report = beside_a_writer(server.url(), || server.connect(), "scans");
    assert_eq!(report["followed"]["why"], "keyspace notifications are off");
    assert_eq!(report["followed"]["every_seconds"], 1.0);
    let setting: Vec<String> = redis::cmd("CONFIG")
        .arg(&["GET", "notify-keyspace-events"])
        .query(&mut server.connect())
        .expect("answered");
    assert_eq!(setting[1], "", "the server's setting stays");
}

#[test]
fn on_a_cluster_every_node_is_listened_to() {
    let cluster = TestCluster::start();
    for node in 0..3 {
        redis::cmd("CONFIG")
            .arg(&["SET", "notify-keyspace-events", "Kg$"])
            .exec(&mut cluster.node(node))
            .expect("set");
    }
    beside_a_writer(cluster.url(), || cluster.connect(), "notifications");
}

#[test]
fn a_lost_ear_means_that_all_keys_are_scanned() {
    let server = with_notifications("Kg$");
    let mut connection = server.connect();
    fill(&mut connection);
    let state = tempfile::tempdir().expect("a temporary folder");
    let mut running = Running::start(server.url(), state, LINE);
    running.until("following", |status| {
        is_following(status) && followed(status)["scans"].as_u64() >= Some(1)
    });
    for n in 0..20 {
        let () = redis::cmd("CLIENT")
            .arg(&["KILL", "TYPE", "pubsub"])
            .exec(&mut connection)
            .expect("killed");
        let () = connection.set(key(n), old(n, 1)).expect("written");
    }
    // Turned off, nothing is told of any more, and no connection breaks.
    let () = redis::cmd("CONFIG")
        .arg(&["SET", "notify-keyspace-events", ""])
        .exec(&mut connection)
        .expect("set");
    let () = connection.set(key(30), old(30, 1)).expect("written");
    let status = running.until("scans instead", |status| {
        followed(status)["by"] == "scans" && followed(status)["migrated"].as_u64() >= Some(21)
    });
    assert!(followed(&status)["scans"].as_u64() >= Some(2), "{status}");
    running.order("stop").expect("taken");
    let (report, said, _) = running.ends_saying(0);
    assert_eq!(report["tally"]["migrated"], KEYS + 21, "{report}");
    assert!(said.contains("all keys are scanned again, because"), "{said}");
}

/// Kills a run that follows at once, writes old documents meanwhile, and resumes it.
#[test]
fn a_killed_follower_goes_on_with_exact_counts_and_all_of_it_is_taken_back() {
    let server = with_notifications("KEA");
    let mut connection = server.connect();
    fill(&mut connection);
    let state = tempfile::tempdir().expect("a temporary folder");
    let remold = || Remold::on(server.url()).sample_catalog().state(state.path());
    let mut run = remold().line(LINE).spawn();
    let status = |wanted: &dyn Fn(&Json) -> bool| {
        let began = Instant::now();
        while began.elapsed() < PATIENCE {
            let said = remold().line("control last status --json").run();
            if said.code == Some(0) && wanted(&said.json()) {
                return;
            }
        }
        panic!("never came");
    };
    status(&|status| is_following(status) && followed(status)["scans"].as_u64() >= Some(1));
    for n in 0..100 {
        let () = connection.set(key(n), old(n, 1)).expect("written");
    }
    status(&|status| followed(status)["migrated"].as_u64() >= Some(100));
    let () = connection.set(key(0), old(0, 2)).expect("written");
    for n in 100..150 {
        let () = connection.set(key(n), old(n, 1)).expect("written");
    }
    status(&|status| followed(status)["migrated"].as_u64() > Some(100));
    run.child.kill().expect("killed");
    run.child.wait().expect("ended");
    let () = connection.set(key(200), old(200, 2)).expect("written");
    let resumed = remold()
        .line("resume last --json --no-lock --follow-until-quiet 1s")
        .run()
        .exits(0)
        .last_json();
    assert_eq!(resumed["tally"]["migrated"], KEYS + 152, "{resumed}");
    assert_eq!(resumed["tally"]["scanned"], KEYS + 152, "{resumed}");
    assert_eq!(resumed["verification"]["checked"], KEYS, "{resumed}");
    assert_eq!(resumed["verification"]["right"], KEYS, "{resumed}");
    let shown = remold().line("runs show last --json").run().exits(0).last_json();
    assert!(shown["summary"]["followed"].as_u64() >= Some(1), "{shown}");
    // Another client's write since: it is changed, and stays.
    let () = connection.set(key(1), "{}").expect("written");
    let verified = remold().line("verify last --json").run().exits(0).last_json();
    assert_eq!(verified["verification"]["changed"], 1, "{verified}");
    let rolled =
        remold().line("rollback last --execute --yes --json --no-lock").run().exits(1).last_json();
    assert_eq!(rolled["tally"]["restored"], KEYS - 1, "{rolled}");
    assert_eq!(rolled["tally"]["changed"], 1, "{rolled}");
    // What was put back is what the last old writer wrote, not what stood there before the run.
    let write = |n| match n {
        0 | 200 => 2,
        0..150 => 1,
        _ => 0,
    };
    for n in (0..KEYS).filter(|n| *n != 1) {
        let text: String = connection.get(key(n)).expect("there");
        assert_eq!(text, old(n, write(n)), "user:{n}");
    }
    let before = Snapshot::take(&mut connection);
    let forward = remold()
        .line("rollback last --forward --execute --yes --json --no-lock")
        .run()
        .exits(0)
        .last_json();
    assert_eq!(forward["tally"]["restored"], KEYS - 1, "{forward}");
    assert_eq!(Snapshot::take(&mut connection).differences(&before).len() as u64, KEYS - 1);
}

#[test]
fn unattended_it_ends_when_it_is_quiet_and_a_broken_document_is_told_of_once() {
    let server = TestServer::start();
    let mut connection = server.connect();
    fill(&mut connection);
    let () = connection.set("user:broken", "{").expect("written");
    let remold = Remold::on(server.url()).sample_catalog();
    let report = remold
        .line("run user --to latest --execute --yes --json --follow-until-quiet 1s")
        .line("--follow-every 100ms")
        .run()
        .exits(1)
        .last_json();
    assert_eq!(report["phase"], "done", "{report}");
    assert_eq!(report["tally"]["invalid"], 1, "{report}");
    assert_eq!(report["tally"]["scanned"], KEYS + 1, "{report}");
    assert!(report["followed"]["scans"].as_u64() > Some(1), "{report}");
}

#[test]
fn a_window_ends_following_and_a_dry_run_follows_nobody() {
    let server = with_notifications("KEA");
    fill(&mut server.connect());
    let remold = || Remold::on(server.url()).sample_catalog();
    let dry = remold().line("run user --to latest --follow").run().exits(0);
    assert!(dry.stderr.contains("it follows nobody"), "{}", dry.stderr);
    let said = remold().line("run user --to latest --follow --limit 3").run().exits(2);
    assert!(said.stderr.contains("choose one"), "{}", said.stderr);
    let line = "run user --to latest --execute --yes --json --follow --for 20s";
    let report = remold().line(line).run().exits(0).last_json();
    assert_eq!(report["phase"], "done", "{report}");
    assert_eq!(report["verification"]["right"], KEYS, "{report}");
}
