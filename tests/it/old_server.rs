//! Redis 6.2, the oldest server that remold works on: it has no PEXPIRETIME, and expiries are exact all
//! the same.

use remold::demo::Recipe;
use remold::store::local::LocalOptions;

use crate::harness::life::Life;
use crate::harness::{Remold, Snapshot, TestServer, fetch};

fn server() -> TestServer {
    let program = Some(fetch::redis_6_2());
    TestServer::with(&LocalOptions { program, ..LocalOptions::default() })
}

#[test]
fn the_main_job_goes_there_and_back_on_redis_6_2() {
    let server = server();
    let made = crate::sample_data::fill(&server, Recipe { keys: 4_000, seed: 11 });
    let snapshot = || Snapshot::take(&mut server.connect());
    let before = snapshot();
    let expiring = |keys: &Snapshot| keys.keys.values().filter(|k| k.expires_at_ms > 0).count();
    assert!(expiring(&before) > 100, "some keys expire");
    let state = tempfile::tempdir().expect("a temporary folder");
    let remold = || Remold::on(server.url()).sample_catalog().state(state.path());
    for subject in ["user", "order"] {
        let line = format!("run {subject} --to latest --execute --yes --json");
        let report = remold().line(&line).run().exits(1).last_json();
        assert_eq!(report["phase"], "done", "{report}");
        assert_eq!(report["tally"]["migrated"], made.tally(subject).migrated, "{report}");
        assert_eq!(report["verification"]["other_expiry"], 0, "{report}");
        let after = snapshot();
        assert_eq!(expiring(&after), expiring(&before));
        remold().line("verify last").run().exits(0);
        remold().line("rollback last --execute --yes").run().exits(0);
        snapshot().assert_same(&before);
    }
    let doctor = remold().line("doctor").run();
    assert!(doctor.stdout.contains("Redis 6.2"), "{}", doctor.stdout);
}

#[test]
fn whole_keys_are_converted_there_and_back_on_redis_6_2() {
    Life::of_conversion(server(), 60).goes_through(60);
}
