//! The server goes away in the middle of a run, and comes back; and a keyspace whose tables are
//! rebuilt while it is scanned.

use std::path::Path;
use std::process::Command;
use std::sync::atomic::{AtomicBool, Ordering};

use redis::Connection;
use remold::demo::Recipe;
use remold::store::local::LocalOptions;

use crate::harness::{Remold, Snapshot, Spawned, TestServer};

/// Starts a run that is slow enough to be disturbed, and waits until it has written something.
fn running(server: &TestServer, remold: Remold, before: &Snapshot) -> Spawned {
    let mut run = remold
        .line("run user --to 3.0.0 --execute --yes --json --rate 2500 --batch 25 --patience 60")
        .spawn();
    let mut connection = server.connect();
    while Snapshot::take(&mut connection).differences(before).len() < 100 {
        assert!(run.child.try_wait().expect("asked").is_none(), "the run ended by itself");
    }
    run
}

fn process_id(connection: &mut Connection) -> String {
    let info: String = redis::cmd("INFO").arg("server").query(connection).expect("INFO");
    let line = info.lines().find_map(|line| line.strip_prefix("process_id:"));
    line.expect("every server names its process").trim().to_owned()
}

/// A server for which what it acknowledged is on disk: nothing but our own doing can be missing.
fn durable(folder: &Path) -> LocalOptions {
    LocalOptions {
        append_only: true,
        settings: vec!["appendfsync always".to_owned()],
        folder: Some(folder.to_owned()),
        ..LocalOptions::default()
    }
}

#[test]
fn a_run_outlives_a_server_that_is_killed_and_comes_back() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let options = durable(folder.path());
    let first = TestServer::with(&options);
    let recipe = Recipe { keys: 6_000, seed: 21 };
    let expected = crate::sample_data::fill(&first, recipe).tally("user");
    let before = Snapshot::take(&mut first.connect());
    let state = tempfile::tempdir().expect("a temporary folder");
    let remold =
        |server: &TestServer| Remold::on(server.url()).sample_catalog().state(state.path());
    let run = running(&first, remold(&first), &before);
    kill(first);
    let second = TestServer::with(&options);
    // Some keys need eyes.
    let report = run.ended().exits(1).last_json();
    assert_eq!(report["phase"], "done", "{report}");
    assert_eq!(report["tally"], serde_json::to_value(expected).expect("a tally"), "{report}");
    remold(&second).line("rollback last --execute --yes").run().exits(0);
    Snapshot::take(&mut second.connect()).assert_same(&before);
}

#[test]
fn keys_that_a_scan_returns_again_are_migrated_once() {
    const CHURN: u64 = 60_000;
    let server = TestServer::start();
    let recipe = Recipe { keys: 6_000, seed: 22 };
    let mut connection = server.connect();
    let churn = |connection: &mut Connection, command: &str| {
        for start in (0..CHURN).step_by(5_000) {
            let mut pipeline = redis::Pipeline::new();
            for at in start..start + 5_000 {
                pipeline.cmd(command).arg(format!("churn:{at}"));
                if command == "SET" {
                    pipeline.arg("x");
                }
                pipeline.ignore();
            }
            pipeline.exec(connection).expect("churned");
        }
    };
    // A large table that shrinks while it is scanned makes SCAN walk ground it covered before.
    churn(&mut connection, "SET");
    let expected = crate::sample_data::fill(&server, recipe).tally("user");
    let before = Snapshot::take(&mut connection).only("user:");
    let stop = AtomicBool::new(false);
    let state = tempfile::tempdir().expect("a temporary folder");
    let report = std::thread::scope(|scope| {
        let (stop, churn, mut connection) = (&stop, &churn, server.connect());
        scope.spawn(move || {
            while !stop.load(Ordering::Relaxed) {
                churn(&mut connection, "DEL");
                churn(&mut connection, "SET");
            }
        });
        let said = Remold::on(server.url())
            .sample_catalog()
            .state(state.path())
            .line("run user --to 3.0.0 --execute --yes --json --rate 3000 --batch 50")
            .run();
        stop.store(true, Ordering::Relaxed);
        said.exits(1).last_json()
    });
    assert_eq!(report["tally"], serde_json::to_value(expected).expect("a tally"), "{report}");
    let rollback = Remold::on(server.url()).sample_catalog().state(state.path());
    rollback.line("rollback last --execute --yes").run().exits(0);
    Snapshot::take(&mut connection).only("user:").assert_same(&before);
}

#[test]
fn what_a_crash_of_the_server_lost_is_counted_apart() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let options =
        LocalOptions { folder: Some(folder.path().to_owned()), ..LocalOptions::default() };
    let first = TestServer::with(&options);
    let recipe = Recipe { keys: 600, seed: 23 };
    let migrated = crate::sample_data::fill(&first, recipe).tally("user").migrated;
    let before = Snapshot::take(&mut first.connect());
    // The last snapshot on its disk is from before the run.
    redis::cmd("SAVE").exec(&mut first.connect()).expect("saved");
    let state = tempfile::tempdir().expect("a temporary folder");
    let remold = |server: &TestServer, line: &str| {
        Remold::on(server.url()).sample_catalog().state(state.path()).line(line).run()
    };
    let done = remold(&first, "run user --to 3.0.0 --execute --yes --json").exits(1).last_json();
    assert_eq!(done["verification"]["lost"], 0, "{done}");
    kill(first);
    let second = TestServer::with(&options);
    Snapshot::take(&mut second.connect()).assert_same(&before);
    // One of them another client has written since: it is changed, and not lost.
    let name = before.keys.keys().find(|name| {
        name.starts_with(b"user:") && before.keys[*name].to_string().contains("userName")
    });
    let name = name.expect("a document of the first version");
    redis::cmd("SET").arg(name).arg("another's").exec(&mut second.connect()).expect("set");
    let said = remold(&second, "verify last --json").exits(1);
    let report = said.last_json();
    let found = &report["verification"];
    assert_eq!(found["lost"], migrated - 1, "{report}");
    assert_eq!((&found["changed"], &found["wrong"]), (&1.into(), &0.into()), "{report}");
    assert_eq!(report["errors"][0]["count"], migrated - 1, "{report}");
    let shown = remold(&second, "runs show last --json").json();
    assert_eq!(shown["summary"]["verification"], *found);
}

/// Kills the server as hard as can be.
fn kill(server: TestServer) {
    let pid = process_id(&mut server.connect());
    assert!(Command::new("kill").args(["-KILL", &pid]).status().expect("kill runs").success());
    drop(server);
}

#[test]
fn a_server_that_comes_back_without_its_data_stops_the_run_until_the_data_is_back() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let options = durable(folder.path());
    let first = TestServer::with(&options);
    let recipe = Recipe { keys: 6_000, seed: 24 };
    let expected = crate::sample_data::fill(&first, recipe).tally("user");
    let before = Snapshot::take(&mut first.connect());
    let state = tempfile::tempdir().expect("a temporary folder");
    let remold =
        |server: &TestServer| Remold::on(server.url()).sample_catalog().state(state.path());
    let run = running(&first, remold(&first), &before);
    kill(first);
    // The disk is lost with it.
    let (data, aside) = (folder.path().join("appendonlydir"), folder.path().join("aside"));
    std::fs::rename(&data, &aside).expect("set aside");
    let empty = TestServer::with(&options);
    let said = run.ended().exits(5);
    let word = "came back without the data: of the last ";
    assert!(said.stderr.contains(word), "{}", said.stderr);
    let shown = || remold(&empty).line("runs show last --json").run().exits(0).json();
    let stopped = shown();
    assert_eq!(stopped["summary"]["phase"], "stopped", "{stopped}");
    assert_eq!(stopped["summary"]["tally"]["missing"], 0, "{stopped}");
    let again = remold(&empty).line("resume last --json").run().exits(5);
    assert!(again.stderr.contains(word), "{}", again.stderr);
    assert_eq!(shown()["summary"]["tally"], stopped["summary"]["tally"]);
    kill(empty);
    std::fs::remove_dir_all(&data).expect("removed");
    std::fs::rename(&aside, &data).expect("brought back");
    let third = TestServer::with(&options);
    let report = remold(&third).line("resume last --json").run().exits(1).last_json();
    assert_eq!(report["phase"], "done", "{report}");
    assert_eq!(report["tally"], serde_json::to_value(expected).expect("a tally"), "{report}");
    remold(&third).line("rollback last --execute --yes").run().exits(0);
    Snapshot::take(&mut third.connect()).assert_same(&before);
}
