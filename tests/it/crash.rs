//! The real binary dies at every write point in turn. Afterwards a resume leaves the keyspace that an
//! undisturbed run leaves, with the same counts, and a rollback that dies anywhere and is called
//! again leaves the keyspace from before, byte for byte and expiry for expiry.

use std::path::{Path, PathBuf};

use serde_json::Value as Json;

use crate::harness::binary::{Remold, sample_catalog};
use crate::harness::{Snapshot, TestServer};
use crate::storages::Life;

/// Few keys in small batches: each write point is met, and a sweep takes seconds.
const KEYS: u64 = 150;
const BATCH: &str = "--batch 20";
/// More points than a run of this size has.
const POINTS_MAX: u32 = 400;

struct Sweep {
    server: TestServer,
    state: tempfile::TempDir,
    catalog: PathBuf,
    plan: PathBuf,
    /// What an undisturbed run exits with.
    code: i32,
}

impl Sweep {
    /// A filled server and a plan, which freezes the time, so that every run writes the same.
    fn of(subject: &str) -> Self {
        let server = TestServer::start();
        crate::sample_data::fill(&server, remold::demo::Recipe { keys: KEYS, seed: 5 });
        let state = tempfile::tempdir().expect("a temporary folder");
        // Some of the sample keys need eyes.
        Self::over(server, state, sample_catalog(), subject, 1)
    }

    /// The life of another test, before it begins.
    fn of_life(life: Life) -> Self {
        let catalog = life.catalog();
        Self::over(life.server, life.folder, catalog, "user", 0)
    }

    fn over(
        server: TestServer,
        state: tempfile::TempDir,
        catalog: PathBuf,
        subject: &str,
        code: i32,
    ) -> Self {
        let plan = state.path().join("plan.json");
        let sweep = Self { server, state, catalog, plan, code };
        let out = sweep.plan.display().to_string();
        sweep.remold().line(&format!("plan {subject} --to latest --out {out}")).run().exits(0);
        sweep
    }

    fn remold(&self) -> Remold {
        let remold = Remold::on(self.server.url()).env("REMOLD_CATALOG", &self.catalog);
        remold.state(self.state.path())
    }

    fn snapshot(&self) -> Snapshot {
        Snapshot::take(&mut self.server.connect())
    }

    fn plan(&self) -> &Path {
        &self.plan
    }

    fn run_line(&self) -> String {
        format!("run {} --execute --yes --json --no-lock {BATCH}", self.plan().display())
    }

    fn tally(json: &Json) -> Json {
        json["tally"].clone()
    }
}

fn every_point_of_a_run(sweep: &Sweep) {
    let code = sweep.code;
    let before = sweep.snapshot();
    let undisturbed = sweep.remold().line(&sweep.run_line()).run().exits(code).last_json();
    let after = sweep.snapshot();
    assert!(!before.differences(&after).is_empty(), "the run changes something");
    // Each run has the state directory to itself, so that `last` is the one that crashed.
    let forget = || {
        let runs = sweep.state.path().join("runs");
        std::fs::remove_dir_all(runs).expect("there was a run");
    };
    let rollback = || {
        sweep.remold().line("rollback last --execute --yes").run().exits(0);
        sweep.snapshot().assert_same(&before);
        forget();
    };
    rollback();
    for point in 1..POINTS_MAX {
        let crash = point.to_string();
        let said = sweep.remold().env("REMOLD_CRASH_AT", &crash).line(&sweep.run_line()).run();
        if said.code.is_some() {
            // The run came to its end before the point: every point was tried.
            sweep.snapshot().assert_same(&after);
            assert!(point > 12, "{point} points were met");
            return;
        }
        let resumed = sweep.remold().line(&format!("resume last --json {BATCH}")).run();
        let never_began = ["never started", "there is no run"];
        if resumed.code == Some(2) && never_began.iter().any(|why| resumed.stderr.contains(why)) {
            sweep.snapshot().assert_same(&before);
            forget();
            continue;
        }
        if !(resumed.code == Some(2) && resumed.stderr.contains("is done")) {
            let resumed = resumed.exits(code).last_json();
            assert_eq!(Sweep::tally(&resumed), Sweep::tally(&undisturbed), "point {point}");
            assert_eq!(resumed["phase"], "done", "point {point}");
        }
        sweep.snapshot().assert_same(&after);
        rollback();
    }
    panic!("the run never came to its end");
}

#[test]
fn a_run_over_strings_survives_a_crash_at_every_point() {
    every_point_of_a_run(&Sweep::of("user"));
}

#[test]
fn a_run_over_hashes_survives_a_crash_at_every_point() {
    every_point_of_a_run(&Sweep::of("order"));
}

#[test]
fn a_conversion_of_storage_survives_a_crash_at_every_point() {
    every_point_of_a_run(&Sweep::of_life(Life::of_conversion(60)));
}

#[test]
fn a_rename_of_keys_survives_a_crash_at_every_point() {
    every_point_of_a_run(&Sweep::of_life(Life::of_rename(60)));
}

#[test]
fn a_rollback_survives_a_crash_at_every_point() {
    every_point_of_a_rollback(&Sweep::of("user"));
}

#[test]
fn a_rollback_of_a_conversion_survives_a_crash_at_every_point() {
    every_point_of_a_rollback(&Sweep::of_life(Life::of_conversion(60)));
}

#[test]
fn a_rollback_of_a_rename_survives_a_crash_at_every_point() {
    every_point_of_a_rollback(&Sweep::of_life(Life::of_rename(60)));
}

fn every_point_of_a_rollback(sweep: &Sweep) {
    let before = sweep.snapshot();
    for point in 1..POINTS_MAX {
        sweep.remold().line(&sweep.run_line()).run().exits(sweep.code);
        let crash = point.to_string();
        let line = "rollback last --execute --yes";
        let said = sweep.remold().env("REMOLD_CRASH_AT", &crash).line(line).run();
        let crashed = said.code.is_none();
        if crashed {
            sweep.remold().line(line).run().exits(0);
        }
        sweep.snapshot().assert_same(&before);
        if !crashed {
            assert!(point > 5, "{point} points were met");
            return;
        }
    }
    panic!("the rollback never came to its end");
}
