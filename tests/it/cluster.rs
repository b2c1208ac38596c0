//! The main job on a Redis Cluster: three primaries, real processes, slots that move and a primary
//! that dies.

use std::path::{Path, PathBuf};

use redis::Value;
use remold::demo::{Made, Recipe};
use serde_json::Value as Json;

use crate::harness::{Remold, Snapshot, TestCluster, TestServer};

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
