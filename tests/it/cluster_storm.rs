//! The conflict storm on a cluster of three primaries: other clients change, expire, delete and
//! re-create keys while a run goes over them and slots move, or a primary dies.

use std::ops::Range;
use std::sync::atomic::{AtomicBool, Ordering};

use serde_json::Value as Json;

use crate::harness::witness::Witness;
use crate::harness::{Aftermath, Remold, Running, Storm, TestCluster, Verdict};

const STORM: Storm = Storm { keys: 24_000, ops_per_second: 5_000, writers: 4, seed: 2 };
const EXECUTE: &str = "--to 2.0.0 --execute --yes --json --no-lock";

/// Ends the storm on drop.
struct Calm<'s>(&'s AtomicBool);

impl Drop for Calm<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// A run in a storm, and `meanwhile` what happens to the cluster once it is at work.
fn run_in_a_storm(
    cluster: &TestCluster,
    dying: Option<&Range<u16>>,
    meanwhile: impl FnOnce(&mut Running),
) -> (Json, Aftermath) {
    let catalog = tempfile::tempdir().expect("a temporary folder");
    Storm::catalog(catalog.path());
    STORM.fill_each(&mut cluster.connect());
    let stop = AtomicBool::new(false);
    let (report, aftermath) = std::thread::scope(|scope| {
        let stop = &stop;
        // Also when something here panics: the scope waits for the writers.
        let calm = Calm(stop);
        let blowing = scope.spawn(move || STORM.blow_on(&|| cluster.connect(), stop, dying));
        let pace = "--rate 2000 --patience 120 --throttle replica-lag=off --throttle latency=off";
        let line = format!("run doc --catalog {} {EXECUTE} {pace}", catalog.path().display());
        let state = tempfile::tempdir().expect("a temporary folder");
        let mut run = Running::start(cluster.url(), state, &line);
        run.until("it writes", |status| migrated(status) > 100);
        meanwhile(&mut run);
        let report = run.report();
        drop(calm);
        (report, blowing.join().expect("no panic"))
    });
    assert!(aftermath.wrong.is_empty(), "{:?}", aftermath.wrong);
    assert!(aftermath.ops > 2_000, "{} operations are no storm", aftermath.ops);
    assert_eq!(report["verification"]["wrong"], 0, "{report}");
    let tally = |name: &str| report["tally"][name].as_u64().expect("a count");
    assert!(tally("scanned") <= STORM.keys as u64, "a key has one outcome: {report}");
    let settled = tally("migrated") + tally("missing") + tally("conflict");
    assert_eq!(tally("scanned"), settled, "{report}");
    // At any time more than eight keys in ten are there, see `storm.rs`.
    assert!(tally("migrated") > STORM.keys as u64 * 8 / 10, "the run wrote: {report}");
    aftermath.wait_for_calm();
    (report, aftermath)
}

/// Holds the keyspace against what the writers know, after the run, and after another that takes up
/// what they wrote in the old form, or what Redis lost.
fn judge(cluster: &TestCluster, url: &str, aftermath: &Aftermath, way_ms: i64) {
    let held = || {
        let verdict = aftermath.judge_late(&cluster.snapshot(), way_ms);
        assert!(verdict.lost.is_empty(), "{} lost: {:?}", verdict.lost.len(), verdict.lost);
        verdict
    };
    let verdict = held();
    assert!(verdict.migrated > 0, "some of it stands: {verdict:?}");
    let catalog = tempfile::tempdir().expect("a temporary folder");
    Storm::catalog(catalog.path());
    let again = Remold::on(url).env("REMOLD_CATALOG", catalog.path());
    let report = again.line(&format!("run doc {EXECUTE}")).run().exits(0).last_json();
    assert_eq!(report["tally"]["migrated"].as_u64(), Some(verdict.old as u64), "{report}");
    let Verdict { migrated, old, .. } = held();
    assert_eq!((migrated, old), (verdict.migrated + verdict.old, 0));
}

fn migrated(status: &Json) -> u64 {
    status["progress"]["tally"]["migrated"].as_u64().unwrap_or_default()
}

#[test]
fn while_slots_are_migrated_no_foreign_write_is_lost() {
    let cluster = TestCluster::start();
    let mut moved = 0;
    let (report, aftermath) = run_in_a_storm(&cluster, None, |run| {
        for (from, to) in [(0, 1), (1, 2), (2, 0), (1, 0), (2, 1), (0, 2)] {
            if run.is_at_work() {
                let first = TestCluster::slots_at_first(from).start + moved;
                cluster.migrate_slots(first..first + 40, from, to);
                moved += 40;
            }
        }
    });
    assert!(moved > 40, "slots were moved while the run was at work");
    assert_eq!(report["phase"], "done", "{report}");
    assert_eq!(report["verification"]["lost"], 0, "{report}");
    assert_eq!(aftermath.unknown, 0, "no connection broke");
    judge(&cluster, cluster.url(), &aftermath, 60_000);
}

#[test]
fn when_a_primary_dies_only_that_is_lost_which_redis_lost() {
    let cluster = TestCluster::with_replicas();
    let dying = TestCluster::slots_at_first(0);
    let (report, aftermath) = run_in_a_storm(&cluster, Some(&dying), |run| {
        // From here on Redis will lose what it acknowledges: of the writers, and of the run.
        cluster.cut_replica(0);
        let witnessed = || {
            let mut get = redis::cmd("GET");
            get.arg(Witness::key(&dying, 0));
            get.query::<Option<u64>>(&mut cluster.node(0)).expect("it lives yet")
        };
        let at_first = witnessed();
        let far = migrated(&run.order("status").expect("it is at work")) + 200;
        run.until("it writes", |status| migrated(status) > far);
        cluster.wait("the writers write", |_| witnessed() > at_first);
        assert!(run.is_at_work(), "it is at work when the primary dies");
        cluster.kill(0);
        cluster.wait_for_failover(0);
    });
    assert!(aftermath.lost_by_redis > 0, "{} operations", aftermath.ops);
    // What Redis lost of the run's own writes is counted too, where no writer came by since.
    let phase = if report["verification"]["lost"] == 0 { "done" } else { "failed" };
    assert_eq!(report["phase"], phase, "{report}");
    judge(&cluster, cluster.url_of(1), &aftermath, 0);
}
