//! Runs over a part of the keys, and runs in stages.

use std::collections::BTreeSet;
use std::fs::File;
use std::path::Path;
use std::time::{Duration, Instant};

use redis::Commands;
use serde_json::Value as Json;

use crate::harness::cluster_client::slot_of;
use crate::harness::{Remold, Said, Snapshot, TestServer};

const KEYS: u64 = 2_000;
const PATIENCE: Duration = Duration::from_secs(90);

/// A server with documents of the oldest version, and a folder for runs.
struct Stage {
    server: TestServer,
    state: tempfile::TempDir,
    before: Snapshot,
}

impl Stage {
    fn set() -> Self {
        let server = TestServer::start();
        let mut pipeline = redis::pipe();
        for n in 0..KEYS {
            pipeline.set(key(n), document(n)).ignore();
        }
        pipeline.exec(&mut server.connect()).expect("written");
        let state = tempfile::tempdir().expect("a temporary folder");
        let before = Snapshot::take(&mut server.connect());
        Self { server, state, before }
    }

    fn remold(&self) -> Remold {
        Remold::on(self.server.url()).sample_catalog().state(self.state.path())
    }

    fn run(&self, options: &[&str]) -> Said {
        self.remold().line("run user --to latest --json").args(options).run()
    }

    fn execute(&self, options: &[&str]) -> Said {
        self.remold().line("run user --to latest --json --execute --yes").args(options).run()
    }

    /// The keys whose values differ from those before.
    fn changed(&self) -> BTreeSet<String> {
        let now = Snapshot::take(&mut self.server.connect());
        let changed = self.before.keys.iter().filter(|(key, was)| now.keys.get(*key) != Some(was));
        changed.map(|(key, _)| String::from_utf8_lossy(key).into_owned()).collect()
    }

    /// Waits until the run at work is held for this reason; its status then.
    #[track_caller]
    fn until_held(&self, reason: &str) -> Json {
        let began = Instant::now();
        let mut last = String::new();
        while began.elapsed() < PATIENCE {
            let said = self.remold().line("control last status --json").run();
            if said.code == Some(0) {
                let status = said.json();
                let progress = &status["progress"];
                let is_held = progress["held"].as_str().is_some_and(|held| held.contains(reason));
                if is_held && progress["phase"] == "paused" {
                    return status;
                }
            }
            last = format!("{said:?}");
        }
        panic!("never held for: {reason}; last {last}");
    }

    fn list(&self, text: &str) -> File {
        let path = self.state.path().join("list");
        std::fs::write(&path, text).expect("written");
        File::open(path).expect("it is there")
    }
}

fn key(n: u64) -> String {
    format!("user:{n}")
}

fn document(n: u64) -> String {
    format!(r#"{{"userName":"Ada Lovelace","age":{},"address":{{"city":"Bath"}}}}"#, n % 40)
}

fn count(report: &Json, outcome: &str) -> u64 {
    report["tally"][outcome].as_u64().expect("a count")
}

#[test]
fn a_run_over_some_slots_changes_their_keys_alone() {
    let stage = Stage::set();
    let wanted: BTreeSet<String> =
        (0..KEYS).map(key).filter(|key| slot_of(key.as_bytes()) <= 5_460).collect();
    assert!(wanted.len() > 300 && wanted.len() < 1_000, "{}", wanted.len());
    let report = stage.execute(&["--slots", "0-5460"]).exits(0).last_json();
    assert_eq!(count(&report, "scanned"), wanted.len() as u64);
    assert_eq!(count(&report, "migrated"), wanted.len() as u64);
    assert_eq!(stage.changed(), wanted);
    // The others, named as two ranges.
    let report = stage.execute(&["--slots", "5461-9999,10000-16383"]).exits(0).last_json();
    assert_eq!(count(&report, "migrated"), KEYS - wanted.len() as u64);
    assert_eq!(stage.changed().len() as u64, KEYS);
    let said = stage.run(&["--slots", "0-16384"]).exits(2);
    assert!(said.stderr.contains("is no range of slots"), "{}", said.stderr);
}

#[test]
fn a_run_over_a_list_of_keys_changes_those_and_misses_those_that_are_gone() {
    let stage = Stage::set();
    let () = stage.server.connect().rpush("user:list", "x").expect("written");
    let list = "user:7\nuser:8\nuser:gone\n\nuser:7\nuser:list\n";
    let path = stage.state.path().join("list").display().to_string();
    stage.list(list);
    let report = stage.execute(&["--keys-from", &path]).exits(1).last_json();
    assert_eq!(count(&report, "scanned"), 4);
    assert_eq!(count(&report, "migrated"), 2);
    assert_eq!(count(&report, "missing"), 1);
    assert_eq!(count(&report, "invalid"), 1);
    assert_eq!(stage.changed(), ["user:7", "user:8"].map(str::to_owned).into());
    // The same from standard input, which also narrows what a limit and slots say.
    let list = stage.list("user:9\nuser:10\nuser:11\n");
    let line = "run user --to latest --json --execute --yes --keys-from - --limit 2";
    let report = stage.remold().line(line).stdin(list).run().exits(0).last_json();
    assert_eq!(count(&report, "migrated"), 2);
    assert_eq!(stage.changed().len(), 4);
    // What is none of the subject's is refused before anything is done.
    stage.list("user:12\norder:1\n");
    let said = stage.execute(&["--keys-from", &path]);
    assert_ne!(said.code, Some(0));
    assert!(said.stderr.contains("order:1, which does not match user:*"), "{}", said.stderr);
    assert_eq!(stage.changed().len(), 4);
}

#[test]
fn a_run_stopped_within_a_list_goes_on_where_it_was() {
    let stage = Stage::set();
    let path = stage.state.path().join("list").display().to_string();
    let wanted: BTreeSet<String> = (0..KEYS).step_by(2).map(key).collect();
    let lines: Vec<&str> = wanted.iter().map(String::as_str).collect();
    stage.list(&lines.join("\n"));
    let point = ("REMOLD_CRASH_AT", "9");
    let line = "run user --to latest --json --execute --yes --batch 50";
    let died = stage.remold().line(line).args(["--keys-from", &path]).env(point.0, point.1).run();
    assert_ne!(died.code, Some(0), "{died:?}");
    // The list stands in the plan: nobody has to name it again.
    std::fs::remove_file(Path::new(&path)).expect("it is there");
    let report = stage.remold().line("resume last --json").run().exits(0).last_json();
    assert_eq!(count(&report, "scanned"), 1_000);
    assert_eq!(count(&report, "migrated"), 1_000);
    assert_eq!(stage.changed(), wanted);
}

#[test]
fn the_keys_of_a_run_that_failed_are_run_over_alone() {
    let stage = Stage::set();
    for n in [3, 4] {
        let () = stage.server.connect().set(key(n), r#"{"odd":1}"#).expect("written");
    }
    let report = stage.execute(&[]).exits(1).last_json();
    assert_eq!(count(&report, "invalid"), 2);
    // One of them was mended meanwhile.
    let () = stage.server.connect().set(key(4), document(4)).expect("written");
    let report = stage.execute(&["--failed-of", "last"]).exits(1).last_json();
    assert_eq!(count(&report, "scanned"), 2);
    assert_eq!(count(&report, "migrated"), 1);
    assert_eq!(count(&report, "invalid"), 1);
    let () = stage.server.connect().set(key(3), document(3)).expect("written");
    let report = stage.execute(&["--failed-of", "last"]).exits(0).last_json();
    assert_eq!(count(&report, "migrated"), 1);
    let said = stage.execute(&["--failed-of", "last"]).exits(2);
    assert!(said.stderr.contains("nothing to retry"), "{}", said.stderr);
}

#[test]
fn a_run_with_a_condition_leaves_other_documents_unchanged() {
    let stage = Stage::set();
    let grown: BTreeSet<String> = (0..KEYS).filter(|n| n % 40 > 17).map(key).collect();
    // A document of no known shape is none of this run's, either.
    let () = stage.server.connect().set("user:odd", r#"{"odd":1}"#).expect("written");
    for condition in [r#"{"field": "age", "gt": 17}"#, "i.age ~= nil and i.age > 17"] {
        let dry = stage.run(&["--where", condition]).exits(0);
        assert!(dry.stderr.contains("only   documents where"), "{}", dry.stderr);
        let report = dry.last_json();
        assert_eq!(count(&report, "migrated"), grown.len() as u64, "{condition}");
        assert_eq!(count(&report, "unchanged"), KEYS + 1 - grown.len() as u64, "{condition}");
    }
    stage.execute(&["--where", r#"{"field": "age", "gt": 17}"#]).exits(0);
    assert_eq!(stage.changed(), grown);
    let said = stage.run(&["--where", r#"{"feld": "age"}"#]);
    assert!(said.stderr.contains("did you mean 'field'?"), "{}", said.stderr);
    stage.run(&["--where", "age > 17"]).exits(2);
}

#[test]
fn a_canary_run_holds_after_each_stage_until_told() {
    let stage = Stage::set();
    let line = "run user --to latest --json --execute --yes --canary 5%,30%,100%";
    let mut run = stage.remold().line(line).spawn();
    let first = stage.until_held("canary 5% done and verified");
    let small = stage.changed();
    assert!(small.len() > 50 && small.len() < 200, "{}", small.len());
    assert_eq!(count(&first["progress"], "migrated"), small.len() as u64);
    let told = first["progress"]["held"].as_str().expect("a reason");
    assert!(told.contains("0 need eyes; go on with `remold control "), "{told}");
    stage.remold().line("control last resume --json").run().exits(0);
    stage.until_held("canary 30% done and verified");
    let greater = stage.changed();
    assert!(greater.is_superset(&small), "the same keys each time");
    assert!(greater.len() > 450 && greater.len() < 750, "{}", greater.len());
    // Killed while it waits: a resume waits at the same place, and nothing was done twice.
    run.child.kill().expect("it is ours");
    run.child.wait().expect("it is ours");
    let run = stage.remold().line("resume last --json").spawn();
    let again = stage.until_held("canary 30% done and verified");
    assert_eq!(count(&again["progress"], "scanned"), greater.len() as u64);
    assert_eq!(stage.changed(), greater);
    stage.remold().line("control last resume --json").run().exits(0);
    let report = run.ended().last_json();
    assert_eq!(report["phase"], "done", "{report}");
    assert_eq!(count(&report, "scanned"), KEYS);
    assert_eq!(count(&report, "migrated"), KEYS);
    assert_eq!(report["verification"]["checked"], KEYS);
    assert_eq!(stage.changed().len() as u64, KEYS);
    stage.remold().line("rollback last --execute --yes --json").run().exits(0);
    stage.before.assert_same_as_now(&stage.server);
}

#[test]
fn a_canary_run_without_a_hold_goes_on_only_while_no_key_needs_eyes() {
    let stage = Stage::set();
    let report = stage.execute(&["--canary", "1%,100%", "--hold", "0s"]).exits(0).last_json();
    assert_eq!(report["phase"], "done");
    assert_eq!(count(&report, "migrated"), KEYS);
    let odd = Stage::set();
    // Every key of the first stage, whichever those are, needs eyes.
    for n in 0..KEYS {
        let () = odd.server.connect().set(key(n), r#"{"odd":1}"#).expect("written");
    }
    let line = "run user --to latest --json --execute --yes --canary 1%,100% --hold 0s";
    let run = odd.remold().line(line).spawn();
    odd.until_held("need eyes; go on with");
    odd.remold().line("control last stop --json").run().exits(0);
    run.ended().exits(5);
    // With an error budget, it is that which judges.
    let options = ["--canary", "1%,100%", "--hold", "0s", "--max-errors", "100000"];
    let report = odd.execute(&options).exits(1).last_json();
    assert_eq!(count(&report, "invalid"), KEYS);
    for wrong in ["1%,10%", "10%,1%,100%", "0%,100%"] {
        odd.execute(&["--canary", wrong]).exits(2);
    }
}
