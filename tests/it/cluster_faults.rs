//! What the nodes of a cluster answer while something is the matter with their slots. Each fault has
//! its real cause while a run is at work, each is met, and the run comes to its end as if nothing had
//! been.

use redis::Value;
use serde_json::Value as Json;

use crate::harness::cluster_client::slot_of;
use crate::harness::running::held;
use crate::harness::snapshot::Content;
use crate::harness::{Running, Storm, TestCluster};

const KEYS: usize = 3_000;
/// How many parts of the keys go ahead of their slot, one after the other.
const PARTS: usize = 8;
/// Slow enough to be disturbed.
const PACE: &str = "--rate 400 --batch 20 --patience 90 --throttle latency=off";

struct Ground {
    cluster: TestCluster,
    key: fn(usize) -> String,
    run: Running,
    _catalog: tempfile::TempDir,
}

/// Keys all over the cluster.
fn anywhere(n: usize) -> String {
    format!("doc:{n}")
}

/// Keys in one slot.
fn together(n: usize) -> String {
    format!("doc:{{0}}:{n}")
}

impl Ground {
    /// A run at work that has written something.
    fn new(key: fn(usize) -> String) -> Self {
        let cluster = TestCluster::start();
        let catalog = tempfile::tempdir().expect("a temporary folder");
        Storm::catalog(catalog.path());
        let mut connection = cluster.connect();
        for n in 0..KEYS {
            let text = format!(r#"{{"n":{n},"name":"doc"}}"#);
            let set = redis::cmd("SET").arg(key(n)).arg(text).to_owned();
            let _: Value = connection.send(key(n).as_bytes(), &set).expect("set");
        }
        let state = tempfile::tempdir().expect("a temporary folder");
        let folder = catalog.path().display();
        let line = format!("run doc --to 2.0.0 --catalog {folder} --execute --yes --json {PACE}");
        let mut run = Running::start(cluster.url(), state, &line);
        run.until("it writes", |status| migrated(status) > 50);
        Self { cluster, key, run, _catalog: catalog }
    }

    /// How often a node has answered with this error.
    fn answered(&self, at: u16, error: &str) -> u64 {
        let mut info = redis::cmd("INFO");
        info.arg("errorstats");
        let text: String = info.query(&mut self.cluster.node(at)).expect("answers");
        let line = text.lines().find_map(|line| line.strip_prefix(&format!("errorstat_{error}:")));
        let count = line.and_then(|line| line.strip_prefix("count="));
        count.map_or(0, |count| count.trim().parse().expect("a number"))
    }

    /// Waits for the end: every document is as the plan makes it, once.
    fn ends(self) {
        self.run.order("set rate=off").expect("it is told");
        let report = self.run.ends(0);
        assert_eq!(report["phase"], "done", "{report}");
        assert_eq!(report["tally"]["migrated"], KEYS, "{report}");
        assert_eq!(report["verification"]["right"], KEYS, "{report}");
        let after = self.cluster.snapshot();
        assert_eq!(after.keys.len(), KEYS);
        for n in 0..KEYS {
            let wanted = Content::Bytes(format!(r#"{{"n":{n},"title":"doc-x"}}"#).into_bytes());
            assert_eq!(after.keys[(self.key)(n).as_bytes()].content, wanted, "{n}");
        }
    }
}

fn migrated(status: &Json) -> u64 {
    status["progress"]["tally"]["migrated"].as_u64().unwrap_or_default()
}

#[test]
fn clusterdown_is_waited_for() {
    let mut ground = Ground::new(anywhere);
    // A slot is served by nobody: then none is.
    for at in 0..3 {
        ground.cluster.tell(at, &["CLUSTER", "DELSLOTS", "5"]);
    }
    ground.run.until("CLUSTERDOWN", |status| held(status).contains("CLUSTERDOWN"));
    assert!((0..3).any(|at| ground.answered(at, "CLUSTERDOWN") > 0));
    ground.cluster.tell(0, &["CLUSTER", "ADDSLOTS", "5"]);
    ground.ends();
}

#[test]
fn moved_is_followed() {
    let ground = Ground::new(anywhere);
    // The run knows the slots as they were: whoever is scanned later has keys of others by then.
    for from in 0..3 {
        let first = TestCluster::slots_at_first(from).start;
        ground.cluster.migrate_slots(first..first + 60, from, (from + 1) % 3);
    }
    let cluster = &ground.cluster;
    cluster.wait("MOVED was answered", |_| (0..3).any(|at| ground.answered(at, "MOVED") > 0));
    ground.ends();
}

#[test]
fn ask_and_tryagain_are_followed() {
    let mut ground = Ground::new(together);
    let slot = slot_of(together(0).as_bytes());
    let from = (0..3).find(|at| TestCluster::slots_at_first(*at).contains(&slot)).expect("one");
    let to = (from + 1) % 3;
    ground.cluster.open_slot(slot, from, to);
    let (mut give, port) = (ground.cluster.node(from), ground.cluster.port(to));
    let met = |ground: &Ground| {
        let met = |error: &str| (0..3).any(|at| ground.answered(at, error) > 0);
        met("ASK") && met("TRYAGAIN")
    };
    // Each time another part of the keys goes ahead of the slot, while the run stands still with keys
    // that a scan has named and that are not read yet: some of a batch are here and some are there.
    for part in 0..PARTS {
        ground.run.order("pause").expect("it is told");
        ground.run.until("it stands still", |status| held(status) == "paused by the operator");
        for n in (part..KEYS).step_by(PARTS) {
            let mut migrate = redis::cmd("MIGRATE");
            migrate.arg("127.0.0.1").arg(port).arg(together(n)).arg(0).arg(10_000);
            let _: Value = migrate.query(&mut give).expect("moved");
        }
        let status = ground.run.order("resume").expect("it is told");
        let far = migrated(&status) + 40;
        ground.run.until("it goes on", |status| migrated(status) > far);
        if met(&ground) {
            break;
        }
    }
    assert!(met(&ground), "both were answered");
    ground.cluster.migrate_slots(std::iter::once(slot), from, to);
    ground.ends();
}
