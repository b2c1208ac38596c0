//! The server is killed at every write point of a run in turn, of a rollback and of a roll-forward,
//! and started again: what it acknowledged is on its disk (`appendfsync always`), and what it did not
//! is settled by reading back.

use std::process::{Child, Command};
use std::time::Duration;

use remold::store::local::LocalOptions;
use serde_json::Value as Json;

use crate::crash::{POINTS_MAX, Sweep};
use crate::harness::{Life, Said, Snapshot, TestServer};

const KEYS: u64 = 60;

struct Ground {
    sweep: Sweep,
    options: LocalOptions,
    _folder: tempfile::TempDir,
}

impl Ground {
    /// A server that does not forget, filled by `fill`.
    fn new(fill: impl FnOnce(TestServer) -> Sweep) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let options = LocalOptions {
            append_only: true,
            settings: vec!["appendfsync always".to_owned()],
            folder: Some(folder.path().to_owned()),
            ..LocalOptions::default()
        };
        let sweep = fill(TestServer::with(&options));
        Self { sweep, options, _folder: folder }
    }

    /// Carries out `line`, and has the server die at a point of it; `None` when it has fewer.
    fn call(&mut self, line: &str, point: u32) -> (Option<i32>, Json, bool) {
        let flag = self.sweep.state.path().join("pause");
        let remold = self.sweep.remold().env("REMOLD_PAUSE_AT", point.to_string());
        let mut call = remold.env("REMOLD_PAUSE_FILE", &flag).line(line).spawn();
        let paused = reaches(&mut call.child, &flag);
        if paused {
            self.restart();
            std::fs::remove_file(&flag).expect("the file the process waits for");
        }
        let Said { stdout, stderr, code } = call.ended();
        let last = stdout.lines().last().unwrap_or_default();
        let report = serde_json::from_str(last)
            .unwrap_or_else(|_| panic!("point {point} of {line}: no report\n{stdout}\n{stderr}"));
        (code, report, paused)
    }

    /// Kills the server as hard as can be, and starts it on the same folder.
    fn restart(&mut self) {
        let mut connection = self.sweep.server.connect();
        let info: String = redis::cmd("INFO").arg("server").query(&mut connection).expect("INFO");
        let line = info.lines().find_map(|line| line.strip_prefix("process_id:"));
        let pid = line.expect("every server names its process").trim().to_owned();
        assert!(Command::new("kill").args(["-KILL", &pid]).status().expect("kill").success());
        // Only once it is gone may another be started on its folder.
        while Command::new("kill").args(["-0", &pid]).output().expect("kill").status.success() {
            let state = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
            if state.contains(") Z ") {
                break;
            }
            std::thread::sleep(Duration::from_millis(2));
        }
        self.sweep.server = TestServer::with(&self.options);
    }
}

/// Whether the process comes to its point before its end.
fn reaches(child: &mut Child, flag: &std::path::Path) -> bool {
    loop {
        if flag.exists() {
            return true;
        }
        if child.try_wait().expect("asked").is_some() {
            return false;
        }
        std::thread::sleep(Duration::from_millis(2));
    }
}

fn every_point(fill: impl FnOnce(TestServer) -> Sweep) {
    let mut ground = Ground::new(fill);
    let before = ground.sweep.snapshot();
    let run = ground.sweep.run_line();
    let back = "rollback last --execute --yes --json --no-lock";
    let forward = "rollback last --forward --execute --yes --json --no-lock";
    let (_, undisturbed, _) = ground.call(&run, POINTS_MAX);
    let after = ground.sweep.snapshot();
    ground.sweep.take_back(&before);
    for point in 1..POINTS_MAX {
        let (_, report, paused) = ground.call(&run, point);
        assert_eq!(report["phase"], "done", "point {point}: {report}");
        assert_eq!(Sweep::tally(&report), Sweep::tally(&undisturbed), "point {point}");
        same(&ground, &after, point);
        let (code, report, back_paused) = ground.call(back, point);
        assert_eq!(code, Some(0), "point {point}: {report}");
        same(&ground, &before, point);
        let (code, report, forward_paused) = ground.call(forward, point);
        assert_eq!(code, Some(0), "point {point}: {report}");
        same(&ground, &after, point);
        ground.sweep.take_back(&before);
        if !paused && !back_paused && !forward_paused {
            assert!(point > 12, "{point} points were met");
            return;
        }
    }
    panic!("the run never came to its end");
}

fn same(ground: &Ground, wanted: &Snapshot, point: u32) {
    let differences = ground.sweep.snapshot().differences(wanted);
    assert!(differences.is_empty(), "point {point}: {differences:?}");
}

#[test]
fn strings_survive_a_server_that_dies_at_any_point() {
    every_point(|server| Sweep::on(server, "user", KEYS));
}

#[test]
fn hashes_survive_a_server_that_dies_at_any_point() {
    every_point(|server| Sweep::on(server, "order", KEYS));
}

#[test]
fn a_conversion_of_storage_survives_a_server_that_dies_at_any_point() {
    every_point(|server| Sweep::of_life(Life::of_conversion(server, KEYS)));
}

#[test]
fn a_rename_of_keys_survives_a_server_that_dies_at_any_point() {
    every_point(|server| Sweep::of_life(Life::of_rename(server, KEYS)));
}
