//! The main job on a Redis Cluster: three primaries, real processes, slots that move and a primary
//! that dies.

use std::path::{Path, PathBuf};
use std::process::Command;

use redis::Value;
use remold::demo::{Made, Recipe};
use serde_json::Value as Json;

use crate::harness::{Remold, Snapshot, Spawned, TestCluster, TestServer};

/// The demo's keyspace on a cluster, and the same on a single server for comparison.
struct Both {
    cluster: TestCluster,
    single: TestServer,
    made: Made,
    state: tempfile::TempDir,
}

impl Both {
    fn filled(cluster: TestCluster, recipe: Recipe) -> Self {
        let single = TestServer::start();
        let made = crate::sample_data::fill(&single, recipe);
        copy(&single, &cluster);
        let state = tempfile::tempdir().expect("a temporary folder");
        Self { cluster, single, made, state }
    }

    fn remold(&self) -> Remold {
        Remold::on(self.cluster.url()).sample_catalog().state(self.state.path())
    }

    /// A plan in a file, which freezes the time, so that both servers come to the same bytes.
    fn plan(&self, subject: &str) -> PathBuf {
        let plan = self.state.path().join(format!("{subject}.json"));
        let out = plan.display().to_string();
        self.remold().line(&format!("plan {subject} --to latest --out {out}")).run().exits(0);
        plan
    }

    /// The keyspace that an undisturbed run on a single server leaves.
    fn expected(&self, plan: &Path) -> Snapshot {
        let line = format!("run {} --execute --yes --json", plan.display());
        let remold = Remold::on(self.single.url()).sample_catalog();
        remold.line(&line).run().exits(1);
        Snapshot::take(&mut self.single.connect())
    }

    #[track_caller]
    fn assert_tally(&self, report: &Json, subject: &str) {
        let expected = serde_json::to_value(self.made.tally(subject)).expect("plain data");
        assert_eq!(report["tally"], expected, "{report}");
        assert_eq!(report["phase"], "done", "{report}");
    }
}

/// Asserts that both are the same, after slots were migrated: `MIGRATE` carries the time left and not
/// the time, so an expiry is late by what the way took.
#[track_caller]
fn assert_same_after_moves(left: &Snapshot, right: &Snapshot) {
    const WAY_MS: i64 = 60_000;
    let mut left = left.clone();
    for (name, entry) in &mut left.keys {
        let other = right.keys.get(name).map_or(-1, |other| other.expires_at_ms);
        if entry.expires_at_ms > 0 && (entry.expires_at_ms - other).abs() < WAY_MS {
            entry.expires_at_ms = other;
        }
    }
    left.assert_same(right);
}

/// Copies every key, bytes and expiry.
pub fn copy(from: &TestServer, to: &TestCluster) {
    let (mut source, mut target) = (from.connect(), to.connect());
    let snapshot = Snapshot::take(&mut source);
    for (key, entry) in snapshot.keys {
        let dump: Vec<u8> = redis::cmd("DUMP").arg(&key).query(&mut source).expect("there");
        let at = entry.expires_at_ms.max(0);
        let mut restore = redis::cmd("RESTORE");
        restore.arg(&key).arg(at).arg(dump).arg("ABSTTL");
        let _: Value = target.send(&key, &restore).expect("restored");
    }
}

#[test]
fn the_main_job_there_and_back_on_three_primaries() {
    let both = Both::filled(TestCluster::start(), Recipe { keys: 5_000, seed: 31 });
    let before = both.cluster.snapshot();
    before.assert_same(&Snapshot::take(&mut both.single.connect()));
    let mut runs = Vec::new();
    for subject in ["user", "order"] {
        let plan = both.plan(subject);
        let at_first = both.cluster.snapshot();
        let dry = both.remold().line(&format!("run {} --json", plan.display())).run();
        both.assert_tally(&dry.exits(1).last_json(), subject);
        at_first.assert_same(&both.cluster.snapshot());
        let line = format!("run {} --execute --yes --json", plan.display());
        let report = both.remold().line(&line).run().exits(1).last_json();
        both.assert_tally(&report, subject);
        runs.push(report["run"].as_str().expect("a run has a name").to_owned());
        both.cluster.snapshot().assert_same(&both.expected(&plan));
        both.remold().line("verify last --json").run().exits(0);
    }
    for run in runs.iter().rev() {
        both.remold().line(&format!("rollback {run} --execute --yes")).run().exits(0);
    }
    both.cluster.snapshot().assert_same(&before);
}

#[test]
fn keys_and_registry_are_there_on_a_cluster() {
    let both = Both::filled(TestCluster::start(), Recipe { keys: 900, seed: 32 });
    let all = both.cluster.snapshot().keys.len();
    let said = both.remold().line("keys * --limit 0 --json").run().exits(0);
    assert_eq!(said.stdout.lines().count(), all, "{}", said.stderr);
    let catalog = crate::harness::binary::sample_catalog();
    let push = format!("schema push --catalog {}", catalog.display());
    Remold::on(both.cluster.url()).line(&push).run().exits(0);
    // From another node, and without a catalog: what was pushed is read from the registry.
    let preview = Remold::on(both.cluster.url_of(1)).line("run user --to latest --json").run();
    assert_eq!(preview.exits(1).last_json()["tally"]["migrated"], both.made.tally("user").migrated);
}

/// A run that is slow enough to be disturbed, and has written something.
struct Running {
    run: Spawned,
}

impl Running {
    fn start(both: &Both, plan: &Path, before: &Snapshot) -> Self {
        let pace = "--rate 500 --batch 20 --patience 120";
        let line = format!("run {} --execute --yes --json --no-lock {pace}", plan.display());
        let mut run = both.remold().line(&line).spawn();
        while both.cluster.snapshot().differences(before).len() < 100 {
            assert!(run.child.try_wait().expect("asked").is_none(), "the run ended by itself");
        }
        Self { run }
    }

    fn is_at_work(&mut self) -> bool {
        self.run.child.try_wait().expect("asked").is_none()
    }

    fn signal(mut self, name: &str) -> Option<i32> {
        let pid = self.run.child.id().to_string();
        let sent = Command::new("kill").args([name, &pid]).status();
        assert!(sent.expect("kill runs").success());
        self.run.child.wait().expect("ends").code()
    }

    /// Waits for its end.
    fn report(self, code: i32) -> Json {
        self.run.ended().exits(code).last_json()
    }
}

const SLOW: Recipe = Recipe { keys: 6_000, seed: 33 };

#[test]
fn a_run_that_is_stopped_goes_on_after_slots_have_moved() {
    let both = Both::filled(TestCluster::start(), SLOW);
    let before = both.cluster.snapshot();
    let plan = both.plan("user");
    assert_eq!(Running::start(&both, &plan, &before).signal("-TERM"), Some(5));
    both.cluster.migrate_slots(0..400, 0, 2);
    let resumed = both.remold().line("resume last --json").run().exits(1).last_json();
    both.assert_tally(&resumed, "user");
    assert_same_after_moves(&both.cluster.snapshot(), &both.expected(&plan));
    both.remold().line("rollback last --execute --yes").run().exits(0);
    assert_same_after_moves(&both.cluster.snapshot(), &before);
}

#[test]
fn a_run_that_was_killed_goes_on_where_it_was() {
    let both = Both::filled(TestCluster::start(), SLOW);
    let before = both.cluster.snapshot();
    let plan = both.plan("order");
    assert_eq!(Running::start(&both, &plan, &before).signal("-KILL"), None);
    let resumed = both.remold().line("resume last --json").run().exits(1).last_json();
    both.assert_tally(&resumed, "order");
    both.cluster.snapshot().assert_same(&both.expected(&plan));
}

#[test]
fn a_run_goes_on_at_another_node_after_a_failover() {
    let both = Both::filled(TestCluster::with_replicas(), SLOW);
    let before = both.cluster.snapshot();
    let plan = both.plan("user");
    assert_eq!(Running::start(&both, &plan, &before).signal("-KILL"), None);
    both.cluster.wait_for_replica(0);
    both.cluster.kill(0);
    both.cluster.wait_for_failover(0);
    let resume = |url: &str| {
        let remold = Remold::on(url).sample_catalog().state(both.state.path());
        remold.line("resume last --json").run()
    };
    // The node that the run was begun on is gone. Another cluster is not taken for its own ...
    let other = TestCluster::start();
    let said = resume(other.url()).exits(2);
    assert!(said.stderr.contains("which has no node of that cluster"), "{}", said.stderr);
    assert!(other.snapshot().keys.is_empty(), "nothing was written");
    // ... and any node of its own is, without a word.
    let resumed = resume(both.cluster.url_of(4)).exits(1).last_json();
    both.assert_tally(&resumed, "user");
    both.cluster.snapshot().assert_same(&both.expected(&plan));
}

#[test]
fn a_run_misses_no_key_while_slots_are_migrated() {
    let both = Both::filled(TestCluster::start(), SLOW);
    let before = both.cluster.snapshot();
    let plan = both.plan("user");
    let mut run = Running::start(&both, &plan, &before);
    // There and back between all of them: whichever was scanned first takes keys from one that was
    // not yet scanned.
    let mut moved = 0;
    for (from, to) in [(0, 1), (1, 2), (2, 0), (1, 0), (2, 1), (0, 2)] {
        if run.is_at_work() {
            let first = 5_462 * from;
            both.cluster.migrate_slots(first + moved..first + moved + 60, from, to);
            moved += 60;
        }
    }
    assert!(moved > 60, "slots were moved while the run was at work");
    let report = run.report(1);
    both.assert_tally(&report, "user");
    assert_ne!(report["duplicates"], 0, "a pass that may have missed keys is made again");
    assert_same_after_moves(&both.cluster.snapshot(), &both.expected(&plan));
    both.remold().line("rollback last --execute --yes").run().exits(0);
    assert_same_after_moves(&both.cluster.snapshot(), &before);
}

#[test]
fn a_run_does_not_end_while_a_slot_is_open() {
    let both = Both::filled(TestCluster::start(), Recipe { keys: 300, seed: 34 });
    both.cluster.open_slot(5, 0, 1);
    let line = "run user --to latest --execute --yes --json --no-lock --patience 2";
    let said = both.remold().line(line).run().exits(5);
    assert!(said.stderr.contains("slot 5 of the cluster is being migrated"), "{}", said.stderr);
    both.cluster.close_slot(5, 0, 1);
    let resumed = both.remold().line("resume last --json").run().exits(1).last_json();
    both.assert_tally(&resumed, "user");
}

#[test]
fn a_run_outlives_the_failover_of_a_primary() {
    let both = Both::filled(TestCluster::with_replicas(), SLOW);
    let before = both.cluster.snapshot();
    let plan = both.plan("user");
    let run = Running::start(&both, &plan, &before);
    // From here on Redis will lose what it acknowledges.
    both.cluster.cut_replica(0);
    let at_first = Snapshot::take(&mut both.cluster.node(0));
    both.cluster.wait("the run writes to the primary", |it| {
        Snapshot::take(&mut it.node(0)).differences(&at_first).len() > 20
    });
    // The very node that was named: the run knows the others by now.
    both.cluster.kill(0);
    both.cluster.wait_for_failover(0);
    let report = run.report(1);
    assert_eq!(report["tally"], serde_json::to_value(both.made.tally("user")).expect("plain data"));
    let after = both.cluster.snapshot();
    let expected = both.expected(&plan);
    // What Redis itself lost: acknowledged, and not with the replica. Verification counts it.
    let lost = report["verification"]["lost"].as_u64().expect("a count");
    assert!(lost > 20, "{report}");
    let differing = after.keys.iter().filter(|(name, entry)| expected.keys[*name] != **entry);
    let differing: Vec<_> =
        differing.map(|(name, entry)| (name, &before.keys[name], entry)).collect();
    assert_eq!(differing.len() as u64, lost, "{report}");
    assert!(differing.iter().all(|(_, before, after)| before == after), "{differing:?}");
    assert_eq!(after.keys.len(), expected.keys.len());
}
