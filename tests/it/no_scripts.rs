//! A user whose ACL forbids scripts: keys are written by transactions, on one server and on a cluster,
//! and it is said.

use std::sync::atomic::{AtomicBool, Ordering};

use remold::demo::Recipe;
use remold::store::local::LocalOptions;

use crate::harness::life::{KEYS, LATER_MS, Life, named, set};
use crate::harness::{Remold, Snapshot, Storm, TestCluster, TestServer};

const USER: &str = "on >secret ~* &* +@all -@scripting";

fn server() -> (TestServer, String) {
    let settings = vec![format!("user app {USER}")];
    let server = TestServer::with(&LocalOptions { settings, ..LocalOptions::default() });
    let url = format!("unix://{}?user=app&pass=secret", server.local().socket().display());
    (server, url)
}

#[test]
fn strings_and_hashes_are_written_by_transactions() {
    let (server, url) = server();
    let made = crate::sample_data::fill(&server, Recipe { keys: 2_500, seed: 51 });
    let state = tempfile::tempdir().expect("a temporary folder");
    let call = |url: &str, line: &str| {
        Remold::on(url).sample_catalog().state(state.path()).line(line).run()
    };
    let before = Snapshot::take(&mut server.connect());
    for subject in ["user", "order"] {
        let plan = state.path().join(format!("{subject}.json")).display().to_string();
        call(&url, &format!("plan {subject} --to latest --out {plan}")).exits(0);
        // Whoever may run scripts comes to the same.
        let run = format!("run {plan} --execute --yes --json --no-lock");
        let report = call(server.url(), &run).exits(1).last_json();
        assert!(report["without_scripts"].is_null(), "{report}");
        let after = Snapshot::take(&mut server.connect());
        call(server.url(), "rollback last --execute --yes").exits(0);
        let said = call(&url, &run).exits(1);
        let report = said.last_json();
        assert_eq!(report["tally"], serde_json::to_value(made.tally(subject)).expect("plain"));
        assert_eq!(report["without_scripts"], true, "{report}");
        assert_eq!(said.stderr.matches("WATCH, MULTI and EXEC").count(), 1, "{}", said.stderr);
        Snapshot::take(&mut server.connect()).assert_same(&after);
        let back = call(&url, "rollback last --execute --yes --json --no-lock").exits(0);
        assert_eq!(back.last_json()["without_scripts"], true, "{}", back.stdout);
        Snapshot::take(&mut server.connect()).assert_same(&before);
    }
}

/// A run over whole keys by a user without scripts leaves what it leaves by one with them, also over
/// keys that stood where others go, and is taken back.
fn whole_keys(fill: impl FnOnce(TestServer) -> Life) {
    let (server, url) = server();
    let life = fill(server);
    let plan = life.folder.path().join("plan.json").display().to_string();
    life.remold().line(&format!("plan user --to latest --out {plan}")).run().exits(0);
    let before = life.snapshot();
    let run = format!("run {plan} --execute --yes --json --no-lock --batch 20");
    let with_scripts = life.remold().line(&run).run().exits(0).last_json();
    let after = life.snapshot();
    let back = "rollback last --execute --yes --json --no-lock";
    life.remold().line(back).run().exits(0);
    life.snapshot().assert_same(&before);
    let call = |line: &str| {
        let remold = Remold::on(&url).env("REMOLD_CATALOG", life.catalog());
        remold.state(life.state()).line(line).run().exits(0).last_json()
    };
    let report = call(&run);
    assert_eq!(report["tally"]["migrated"], with_scripts["tally"]["migrated"], "{report}");
    assert_eq!(report["without_scripts"], true, "{report}");
    life.snapshot().assert_same(&after);
    assert_eq!(call("verify last --json")["verification"]["right"], KEYS);
    assert_eq!(call(back)["without_scripts"], true);
    life.snapshot().assert_same(&before);
}

#[test]
fn storages_are_converted_by_transactions() {
    whole_keys(|server| Life::of_conversion(server, KEYS));
}

#[test]
fn keys_move_by_transactions() {
    whole_keys(|server| Life::of_rename(server, KEYS));
}

#[test]
fn keys_move_over_others_and_become_hashes_by_transactions() {
    whole_keys(|server| {
        let transforms = serde_json::json!([
            {"type": "renameField", "from": "userName", "to": "fullName"},
            {"type": "convertStorage", "from": "string", "to": "hash", "nested": "json"},
            {"type": "renameKey", "from": "user:*", "to": "u:${KEY.1}", "onExisting": "overwrite"}]);
        let mut target = named("fullName", "hash");
        target["keyPattern"] = "u:*".into();
        let life = Life::of(server, [named("userName", "string"), target], &transforms);
        let mut connection = life.connect();
        for n in 0..KEYS {
            let text = format!(r#"{{"userName": "Jo {n}", "n": {n}}}"#);
            let expiry = (n % 3 == 0).then_some(LATER_MS + n);
            set(&mut connection, &format!("user:{n}"), &text, expiry);
            if n % 4 == 0 {
                let mut stood = redis::cmd("HSET");
                stood.arg(format!("u:{n}")).arg(&["fullName", "stood there"]);
                stood.exec(&mut connection).expect("set");
            }
        }
        life
    });
}

#[test]
fn the_slots_of_a_cluster_are_written_by_transactions() {
    let single = TestServer::start();
    let made = crate::sample_data::fill(&single, Recipe { keys: 900, seed: 52 });
    let cluster = TestCluster::start();
    crate::cluster::copy(&single, &cluster);
    for at in 0..3 {
        let mut set = redis::cmd("ACL");
        set.arg("SETUSER").arg("app").arg(USER.split(' ').collect::<Vec<_>>());
        set.exec(&mut cluster.node(at)).expect("set");
    }
    let url = cluster.url().replace("redis://", "redis://app:secret@");
    let state = tempfile::tempdir().expect("a temporary folder");
    let call = |line: &str| Remold::on(&url).sample_catalog().state(state.path()).line(line).run();
    let before = cluster.snapshot();
    let mut runs = Vec::new();
    for subject in ["user", "order"] {
        let line = format!("run {subject} --to latest --execute --yes --json --no-lock");
        let report = call(&line).exits(1).last_json();
        assert_eq!(report["tally"], serde_json::to_value(made.tally(subject)).expect("plain"));
        assert_eq!(report["without_scripts"], true, "{report}");
        runs.push(report["run"].as_str().expect("a run has a name").to_owned());
    }
    for run in runs.iter().rev() {
        call(&format!("rollback {run} --execute --yes --no-lock")).exits(0);
    }
    cluster.snapshot().assert_same(&before);
}

#[test]
fn no_foreign_write_is_lost_to_a_transaction() {
    let (server, url) = server();
    let storm = Storm { keys: 20_000, ops_per_second: 5_000, writers: 4, seed: 3 };
    let catalog = tempfile::tempdir().expect("a temporary folder");
    Storm::catalog(catalog.path());
    storm.fill(&mut server.connect());
    let stop = AtomicBool::new(false);
    let (said, aftermath) = std::thread::scope(|scope| {
        let (stop, server) = (&stop, &server);
        let blowing = scope.spawn(move || storm.blow(&|| server.connect(), stop));
        let line = "run doc --to 2.0.0 --execute --yes --json --no-lock --rate 4000";
        let said = Remold::on(&url).env("REMOLD_CATALOG", catalog.path()).line(line).run();
        stop.store(true, Ordering::Relaxed);
        (said, blowing.join().expect("no panic"))
    });
    let report = said.last_json();
    assert_eq!(report["phase"], "done", "{report}");
    assert_eq!(report["without_scripts"], true, "{report}");
    aftermath.wait_for_calm();
    let verdict = aftermath.judge(&Snapshot::take(&mut server.connect()));
    assert!(aftermath.wrong.is_empty(), "{:?}", aftermath.wrong);
    assert!(verdict.lost.is_empty(), "{} lost: {:?}", verdict.lost.len(), verdict.lost);
    assert!(aftermath.ops > 2_000, "{} operations are no storm", aftermath.ops);
}
