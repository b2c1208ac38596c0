//! The conflict storm on one server (`cluster_storm.rs` has the one on a cluster): other clients change, expire, delete and re-create keys at
//! 5,000 operations a second while a run goes over 200,000 of them.

use std::sync::atomic::{AtomicBool, Ordering};

use crate::harness::{Remold, Snapshot, Storm, TestServer};

#[test]
fn in_a_storm_no_foreign_write_is_lost_and_no_document_is_transformed_twice() {
    let storm = Storm { keys: 200_000, ops_per_second: 5_000, writers: 4, seed: 1 };
    let server = TestServer::start();
    let catalog = tempfile::tempdir().expect("a temporary folder");
    Storm::catalog(catalog.path());
    storm.fill(&mut server.connect());
    let state = tempfile::tempdir().expect("a temporary folder");
    let remold =
        || Remold::on(server.url()).env("REMOLD_CATALOG", catalog.path()).state(state.path());
    let stop = AtomicBool::new(false);
    let (said, aftermath) = std::thread::scope(|scope| {
        let (stop, server) = (&stop, &server);
        let blowing = scope.spawn(move || storm.blow(&|| server.connect(), stop));
        let said = remold().line("run doc --to 2.0.0 --execute --yes --json").run();
        stop.store(true, Ordering::Relaxed);
        (said, blowing.join().expect("no panic"))
    });
    let code = said.code;
    let report = said.last_json();
    aftermath.wait_for_calm();
    let verdict = aftermath.judge(&Snapshot::take(&mut server.connect()));
    assert!(aftermath.wrong.is_empty(), "{:?}", aftermath.wrong);
    assert!(verdict.lost.is_empty(), "{} lost: {:?}", verdict.lost.len(), verdict.lost);
    assert_eq!(aftermath.unknown, 0, "no connection broke");
    assert!(aftermath.ops > 2_000, "{} operations are no storm", aftermath.ops);
    // A key that is gone is re-created at its next operation, and three operations in twenty take one
    // away: at any time more than eight in ten are there. How many of them a writer has brought back to
    // the old form since their turn depends on how long the run took.
    let tally = |name: &str| report["tally"][name].as_u64().expect("a count");
    assert!(tally("migrated") > storm.keys as u64 * 8 / 10, "{verdict:?} {report}");
    assert!(verdict.migrated > 0, "{verdict:?} {report}");
    assert!(tally("scanned") <= storm.keys as u64, "a key has one outcome: {report}");
    let settled = tally("migrated") + tally("missing") + tally("conflict");
    assert_eq!(tally("scanned"), settled, "{report}");
    assert_eq!(report["verification"]["wrong"], 0, "{report}");
    assert_eq!(code, Some(i32::from(tally("conflict") > 0)), "{report}");
}
