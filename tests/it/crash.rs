//! The real binary dies at every write point in turn. Afterwards a resume leaves the keyspace that an
//! undisturbed run leaves, with the same counts, and a rollback, or a roll-forward, that dies
//! anywhere and is called again leaves the keyspace it has to, byte for byte and expiry for expiry.

use std::path::PathBuf;

use redis::{Commands, Connection};
use serde_json::Value as Json;

use crate::harness::Life;
use crate::harness::binary::{Remold, sample_catalog};
use crate::harness::{Snapshot, TestServer};

/// Few keys in small batches: each write point is met, and a sweep takes seconds.
const KEYS: u64 = 150;
const BATCH: &str = "--batch 20";
/// More points than a run of this size has.
pub const POINTS_MAX: u32 = 400;

/// A filled server, and a plan, which freezes the time, so that every run writes the same.
pub struct Sweep {
    pub server: TestServer,
    pub state: tempfile::TempDir,
    url: String,
    catalog: PathBuf,
    /// How its runs go about it: options of `run` alone, and those of `resume` too.
    pub options: (&'static str, &'static str),
    /// What an undisturbed run exits with.
    pub code: i32,
}

impl Sweep {
    pub fn of(subject: &str) -> Self {
        Self::on(TestServer::start(), subject, KEYS)
    }

    pub fn on(server: TestServer, subject: &str, keys: u64) -> Self {
        crate::sample_data::fill(&server, remold::demo::Recipe { keys, seed: 5 });
        let state = tempfile::tempdir().expect("a temporary folder");
        // Some of the sample keys need eyes.
        Self::over(server, state, sample_catalog(), subject, 1)
    }

    /// The life of another test, before it begins.
    pub fn of_life(life: Life) -> Self {
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
        let url = server.url().to_owned();
        let sweep = Self { server, state, url, catalog, options: ("", ""), code };
        let out = sweep.plan();
        sweep.remold().line(&format!("plan {subject} --to latest --out {out}")).run().exits(0);
        sweep
    }

    pub fn remold(&self) -> Remold {
        let remold = Remold::on(&self.url).env("REMOLD_CATALOG", &self.catalog);
        remold.state(self.state.path())
    }

    pub fn snapshot(&self) -> Snapshot {
        Snapshot::take(&mut self.server.connect())
    }

    fn plan(&self) -> String {
        self.state.path().join("plan.json").display().to_string()
    }

    pub fn run_line(&self) -> String {
        let (run, both) = self.options;
        format!("run {} --execute --yes --json --no-lock {BATCH} {run} {both}", self.plan())
    }

    pub fn tally(json: &Json) -> Json {
        json["tally"].clone()
    }

    /// Takes the last run back, which leaves `before`, and forgets it: each run has the state
    /// directory to itself, so that `last` is the one that crashed, and no dead run holds a lock.
    pub fn take_back(&self, before: &Snapshot) {
        self.remold().line("rollback last --execute --yes").run().exits(0);
        self.snapshot().assert_same(before);
        self.forget();
    }

    pub fn forget(&self) {
        let runs = self.state.path().join("runs");
        std::fs::remove_dir_all(runs).expect("there was a run");
        let mut connection = self.server.connect();
        let locks: Vec<String> = connection.keys("{remold}:lock:*").expect("KEYS");
        for lock in locks {
            let _: u64 = connection.del(lock).expect("DEL");
        }
    }
}

fn every_point_of_a_run(sweep: &Sweep) {
    let code = sweep.code;
    let before = sweep.snapshot();
    let undisturbed = sweep.remold().line(&sweep.run_line()).run().exits(code).last_json();
    let both = sweep.options.1;
    let after = sweep.snapshot();
    assert!(!before.differences(&after).is_empty(), "the run changes something");
    sweep.take_back(&before);
    for point in 1..POINTS_MAX {
        let crash = point.to_string();
        let said = sweep.remold().env("REMOLD_CRASH_AT", &crash).line(&sweep.run_line()).run();
        if said.code.is_some() {
            // The run came to its end before the point: every point was tried.
            sweep.snapshot().assert_same(&after);
            assert!(point > 12, "{point} points were met");
            return;
        }
        let resumed = sweep.remold().line(&format!("resume last --json {BATCH} {both}")).run();
        let never_began = ["never started", "there is no run"];
        if resumed.code == Some(2) && never_began.iter().any(|why| resumed.stderr.contains(why)) {
            sweep.snapshot().assert_same(&before);
            sweep.forget();
            continue;
        }
        if !(resumed.code == Some(2) && resumed.stderr.contains("is done")) {
            let resumed = resumed.exits(code).last_json();
            assert_eq!(Sweep::tally(&resumed), Sweep::tally(&undisturbed), "point {point}");
            assert_eq!(resumed["phase"], "done", "point {point}");
        }
        sweep.snapshot().assert_same(&after);
        sweep.take_back(&before);
    }
    panic!("the run never came to its end");
}

#[test]
fn a_run_in_stages_survives_a_crash_at_every_point() {
    let options = ("--canary 20%,60%,100%", "--hold 0s --max-errors 1000");
    every_point_of_a_run(&Sweep { options, ..Sweep::of("user") });
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
    every_point_of_a_run(&Sweep::of_life(Life::of_conversion(TestServer::start(), 60)));
}

#[test]
fn a_rename_of_keys_survives_a_crash_at_every_point() {
    every_point_of_a_run(&Sweep::of_life(Life::of_rename(TestServer::start(), 60)));
}

/// What applications do between a run and its rollback: they write some of the new documents, remove
/// some, give some another expiry or none.
fn disturb(connection: &mut Connection, migrated: &[Vec<u8>]) {
    const LATER: &str = "1893456000000";
    for (at, key) in migrated.iter().enumerate() {
        let mut command = redis::Cmd::new();
        match at % 7 {
            0 => {
                let text: Vec<u8> = connection.get(key).expect("a string");
                let head = text.iter().position(|byte| *byte == b'{').expect("an object");
                let text = [&text[..=head], br#""later": 1, "#, &text[head + 1..]].concat();
                command.arg("SET").arg(key).arg(text);
                if at % 2 == 0 {
                    command.arg("KEEPTTL");
                }
            }
            1 => drop(command.arg("UNLINK").arg(key)),
            2 => drop(command.arg("PEXPIREAT").arg(key).arg(LATER)),
            3 => drop(command.arg("PERSIST").arg(key)),
            _ => continue,
        }
        command.exec(connection).expect("an application's write");
    }
}

/// The keys a run changed.
fn changed(before: &Snapshot, after: &Snapshot) -> Vec<Vec<u8>> {
    let differs =
        |(key, entry): (&Vec<u8>, _)| (after.keys.get(key) != Some(entry)).then(|| key.clone());
    before.keys.iter().filter_map(differs).collect()
}

/// A rollback that dies at each point and is called again, and the roll-forward of it, likewise.
fn every_point_of_a_rollback(sweep: &Sweep, policy: &str, disturbed: bool) {
    let before = sweep.snapshot();
    let back = format!("rollback last --changed {policy} --execute --yes --json");
    let forward = "rollback last --forward --execute --yes --json";
    let mut expected = None;
    for point in 0..POINTS_MAX {
        sweep.remold().line(&sweep.run_line()).run().exits(sweep.code);
        if disturbed {
            disturb(&mut sweep.server.connect(), &changed(&before, &sweep.snapshot()));
        }
        let lived_on = sweep.snapshot();
        let crash = point.to_string();
        let called = |line: &str| {
            let said = sweep.remold().env("REMOLD_CRASH_AT", &crash).line(line).run();
            let crashed = said.code.is_none();
            let said = if crashed { sweep.remold().line(line).run() } else { said };
            // It may have died once all was done and noted.
            let over = said.stderr.contains("there is nothing to bring forward");
            assert!(over || matches!(said.code, Some(0 | 1)), "point {point}: {}", said.stderr);
            ((!over).then(|| said.last_json()), crashed)
        };
        let (report, back_crashed) = called(&back);
        let report = report.expect("a rollback may be called again and again");
        let back_to = sweep.snapshot();
        // The first call has no point 0 to die at, and tells what the others have to come to.
        let (expected_report, expected) = expected.get_or_insert((report.clone(), back_to.clone()));
        back_to.assert_same(expected);
        assert_eq!(Sweep::tally(&report), Sweep::tally(expected_report), "point {point}");
        if policy == "overwrite" {
            back_to.assert_same(&before);
            assert!(report["tally"]["overwritten"].as_u64() > Some(20), "{report}");
        }
        let (report, forward_crashed) = called(forward);
        sweep.snapshot().assert_same(&lived_on);
        let left = report.map(|report| report["tally"]["changed"].clone());
        assert_eq!(left.unwrap_or(0.into()), 0, "point {point}");
        let again = "rollback last --changed overwrite --execute --yes --json";
        let again = sweep.remold().line(again).run().exits(0).last_json();
        sweep.snapshot().assert_same(&before);
        assert_eq!(again["tally"]["changed"], 0, "point {point}: {again}");
        sweep.forget();
        if point > 0 && !back_crashed && !forward_crashed {
            assert!(point > 8, "{point} points were met");
            return;
        }
    }
    panic!("the rollback never came to its end");
}

#[test]
fn a_rollback_that_keeps_survives_a_crash_at_every_point() {
    every_point_of_a_rollback(&Sweep::of("user"), "keep", true);
}

#[test]
fn a_rollback_that_overwrites_survives_a_crash_at_every_point() {
    every_point_of_a_rollback(&Sweep::of("user"), "overwrite", true);
}

#[test]
fn a_rollback_that_inverts_survives_a_crash_at_every_point() {
    every_point_of_a_rollback(&Sweep::of("user"), "invert", true);
}

#[test]
fn a_rollback_of_hashes_survives_a_crash_at_every_point() {
    every_point_of_a_rollback(&Sweep::of("order"), "keep", false);
}

#[test]
fn a_rollback_of_a_conversion_survives_a_crash_at_every_point() {
    every_point_of_a_rollback(
        &Sweep::of_life(Life::of_conversion(TestServer::start(), 60)),
        "keep",
        false,
    );
}

#[test]
fn a_rollback_of_a_rename_survives_a_crash_at_every_point() {
    every_point_of_a_rollback(
        &Sweep::of_life(Life::of_rename(TestServer::start(), 60)),
        "keep",
        false,
    );
}
