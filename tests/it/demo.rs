//! `remold demo`, by the real binary: the whole job without a terminal, and nothing left behind.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use crate::harness::Remold;

#[test]
fn the_whole_job_without_a_terminal() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let demo = Remold::new().env("TMPDIR", folder.path());
    let said = demo.line("demo --headless --keys 3000 --seed 5").run().exits(0);
    for step in ["browse", "diff", "plan", "preview", "dry run", "run", "verify", "roll back"] {
        assert!(said.stdout.contains(step), "'{step}' is not in:\n{}", said.stdout);
    }
    assert_eq!(left_in(folder.path()), Vec::<String>::new());
}

#[test]
fn the_report_as_json() {
    let said = Remold::new().line("demo --headless --keys 2000 --json").run().exits(0);
    let report = said.last_json();
    assert_eq!(report["agrees"], true, "{report:#}");
    assert_eq!(report["keys"], 2000);
    assert!(report["steps"].as_array().expect("a list").len() > 8, "{report:#}");
}

#[test]
fn nothing_is_left_however_it_is_ended() {
    for signal in ["-KILL", "-INT", "-TERM", "-HUP"] {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let demo = Remold::new().env("TMPDIR", folder.path());
        let mut demo = demo.line("demo --headless --keys 500000").spawn();
        wait_until(|| has_socket(folder.path()));
        let mut kill = Command::new("kill");
        kill.args([signal, &demo.child.id().to_string()]);
        assert!(kill.status().expect("kill runs").success());
        demo.child.wait().expect("it can be waited for");
        wait_until(|| left_in(folder.path()).is_empty());
    }
}

#[test]
fn without_a_server_the_install_command_is_told() {
    let programs = Programs::new();
    programs.write("apt-get", "exit 9");
    let said = Remold::new()
        .env("PATH", programs.path())
        .env("REMOLD_REDIS_SERVER", "")
        .line("demo --headless --keys 10")
        .run()
        .exits(3);
    let command = "apt-get install -y --no-install-recommends redis-server";
    for words in [command, "--install-server", "REMOLD_REDIS_SERVER"] {
        assert!(said.stderr.contains(words), "'{words}' is not in:\n{}", said.stderr);
    }
}

#[test]
fn install_server_runs_that_command_and_goes_on() {
    let programs = Programs::new();
    let server = remold::store::install::find().expect("the harness has one");
    // A package manager as far as remold can see: it notes what it was asked, and installs.
    programs.write("apt-get", &format!(
        "echo \"$@\" >>\"{0}/asked\"; [ \"$1\" = update ] || ln -s \"{1}\" \"{0}/redis-server\"",
        programs.path().display(),
        server.display(),
    ));
    programs.write("sudo", "[ \"$1\" = -n ] && shift; exec \"$@\"");
    Remold::new()
        .env("PATH", programs.path())
        .env("REMOLD_REDIS_SERVER", "")
        .line("demo --headless --keys 200 --install-server")
        .run()
        .exits(0);
    let asked = fs::read_to_string(programs.path().join("asked")).expect("it was asked");
    assert_eq!(asked, "update\ninstall -y --no-install-recommends redis-server\n");
}

#[test]
fn a_package_manager_that_fails_is_named() {
    let programs = Programs::new();
    programs.write("apt-get", "echo 'E: no network' >&2; exit 100");
    programs.write("sudo", "[ \"$1\" = -n ] && shift; exec \"$@\"");
    let said = Remold::new()
        .env("PATH", programs.path())
        .env("REMOLD_REDIS_SERVER", "")
        .line("demo --headless --keys 10 --install-server")
        .run()
        .exits(3);
    for words in ["E: no network", "apt-get update", "did not succeed"] {
        assert!(said.stderr.contains(words), "'{words}' is not in:\n{}", said.stderr);
    }
}

/// A folder to stand as the whole PATH, with the few programs that scripts need.
struct Programs(tempfile::TempDir);

impl Programs {
    fn new() -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        for name in ["rm", "id", "ln", "cat"] {
            let found = ["/bin", "/usr/bin"].iter().map(|place| Path::new(place).join(name));
            let program = found.into_iter().find(|path| path.exists()).expect(name);
            symlink(program, folder.path().join(name)).expect("a link in a new folder");
        }
        Self(folder)
    }

    fn path(&self) -> &Path {
        self.0.path()
    }

    /// Writes a script through another process: a file that this one had open for writing could not
    /// be run while a fork of a test beside it still holds it.
    fn write(&self, name: &str, script: &str) {
        let path = self.path().join(name);
        let text = format!("#!/bin/sh\n{script}\n");
        let write = "printf %s \"$1\" >\"$2\" && chmod 755 \"$2\"";
        let mut shell = Command::new("sh");
        shell.args(["-c", write, "sh", &text]).arg(&path);
        assert!(shell.status().expect("sh starts").success());
    }
}

fn left_in(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).expect("the folder is there");
    entries
        .map(|entry| entry.expect("an entry").file_name().to_string_lossy().into_owned())
        .collect()
}

fn has_socket(folder: &Path) -> bool {
    left_in(folder).iter().any(|name| folder.join(name).join("redis.sock").exists())
}

fn wait_until(happened: impl Fn() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(30);
    while !happened() {
        assert!(Instant::now() < deadline, "did not happen within 30 s");
        std::thread::sleep(Duration::from_millis(10));
    }
}
