//! The state directory: a disk that fills up, secrets, rights, and old runs.

use std::io::{BufRead, BufReader};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use remold::demo::Recipe;
use remold::store::local::LocalOptions;

use crate::crash::Sweep;
use crate::harness::{Remold, Snapshot, TestServer};

#[test]
fn a_run_waits_while_the_disk_is_full_and_goes_on_by_itself() {
    let sweep = Sweep::of("user");
    let before = sweep.snapshot();
    let free = sweep.state.path().join("free");
    std::fs::write(&free, "1000").expect("a file");
    let remold = sweep.remold().env("REMOLD_FREE_BYTES_FILE", &free);
    let mut run = remold.line(&format!("{} --force", sweep.run_line())).spawn_piped();
    let lines = BufReader::new(run.child.stdout.take().expect("piped")).lines();
    let mut lines = lines.map(|line| line.expect("text"));
    let held = lines.find(|line| line.contains("MiB are free")).expect("the run says why it waits");
    assert!(held.contains("0 MiB are free"), "{held}");
    sweep.snapshot().assert_same(&before);
    std::fs::write(&free, "1000000000").expect("a file");
    let last = lines.last().expect("a report");
    assert_eq!(run.child.wait().expect("ends").code(), Some(sweep.code), "{last}");
    let report: serde_json::Value = serde_json::from_str(&last).expect("a report");
    assert_eq!(report["phase"], "done", "{report}");
    sweep.take_back(&before);
}

#[test]
fn a_run_that_the_disk_has_no_room_for_does_not_begin() {
    let sweep = Sweep::of("user");
    let before = sweep.snapshot();
    let free = sweep.state.path().join("free");
    let run = || sweep.remold().env("REMOLD_FREE_BYTES_FILE", &free).line(&sweep.run_line()).run();
    let kept: u64 = 64 << 20;
    std::fs::write(&free, (kept + 500).to_string()).expect("a file");
    let said = run().exits(2);
    assert!(said.stderr.contains("64 MiB are free for the journal"), "{}", said.stderr);
    assert!(said.stderr.contains("surely too little"), "{}", said.stderr);
    sweep.snapshot().assert_same(&before);
    sweep.remold().line("runs show last").run().exits(2);
    // Some tens of thousands of bytes are to be kept, and compressed.
    std::fs::write(&free, (kept + 10_000).to_string()).expect("a file");
    let said = run().exits(sweep.code);
    assert!(said.stderr.contains("it may be too little"), "{}", said.stderr);
    sweep.take_back(&before);
    std::fs::write(&free, (kept * 2).to_string()).expect("a file");
    let said = run().exits(sweep.code);
    assert!(!said.stderr.contains("too little"), "{}", said.stderr);
    sweep.take_back(&before);
}

#[test]
fn a_run_is_not_resumed_on_another_server_unless_told() {
    let sweep = Sweep::of("user");
    let other = TestServer::start();
    crate::sample_data::fill(&other, Recipe { keys: 50, seed: 9 });
    let before = Snapshot::take(&mut other.connect());
    sweep.remold().env("REMOLD_CRASH_AT", "20").line(&sweep.run_line()).run();
    let resume = |url: &str, line: &str| {
        let remold = Remold::on(url).sample_catalog().state(sweep.state.path());
        remold.line(line).run()
    };
    let said = resume(other.url(), "resume last --no-lock").exits(2);
    let told = format!("begun on {}, and this session is on {}", sweep.server.url(), other.url());
    assert!(said.stderr.contains(&told), "{}", said.stderr);
    Snapshot::take(&mut other.connect()).assert_same(&before);
    // The same server by another name.
    let link = sweep.state.path().join("s");
    std::os::unix::fs::symlink(sweep.server.local().socket(), &link).expect("a link");
    let url = format!("unix://{}", link.display());
    resume(&url, "resume last --no-lock").exits(2);
    let report = resume(&url, "resume last --no-lock --moved --json").exits(sweep.code);
    assert_eq!(report.last_json()["phase"], "done");
}

#[test]
fn no_secret_comes_to_the_disk_and_nobody_else_reads_it() {
    const SECRET: &str = "tell-nobody-4711";
    let server = TestServer::with(&LocalOptions {
        tcp: true,
        password: Some(SECRET.to_owned()),
        ..LocalOptions::default()
    });
    crate::sample_data::fill(&server, Recipe { keys: 200, seed: 3 });
    let before = Snapshot::take(&mut server.connect());
    assert!(server.url().contains(SECRET), "the URL has the password in it");
    let state = tempfile::tempdir().expect("a temporary folder");
    let remold = || Remold::on(server.url()).sample_catalog().state(state.path());
    remold().line("run user --to 3.0.0 --execute --yes").run().exits(1);
    remold().line("verify last").run().exits(0);
    remold().line("rollback last --execute --yes").run().exits(0);
    Snapshot::take(&mut server.connect()).assert_same(&before);
    let runs = state.path().join("runs");
    assert_eq!(
        mode(&runs.read_dir().expect("runs").next().expect("one").expect("read").path()),
        0o700
    );
    let mut files = 0;
    let mut open = vec![state.path().to_owned()];
    while let Some(folder) = open.pop() {
        for entry in folder.read_dir().expect("a folder") {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                open.push(path);
                continue;
            }
            files += 1;
            let bytes = std::fs::read(&path).expect("a file");
            let found = bytes.windows(SECRET.len()).any(|window| window == SECRET.as_bytes());
            assert!(!found, "{} holds the password", path.display());
            assert_eq!(mode(&path) & 0o077, 0, "{}", path.display());
        }
    }
    assert!(files >= 3, "journal, checkpoint and lock: {files}");
}

fn mode(path: &Path) -> u32 {
    path.metadata().expect("there").permissions().mode() & 0o777
}

#[test]
fn old_runs_are_removed_and_those_that_can_be_resumed_stay() {
    let sweep = Sweep::of("user");
    let remold = || sweep.remold();
    remold().env("REMOLD_CRASH_AT", "20").line(&sweep.run_line()).run();
    remold().line("resume last --as-planned").run().exits(1);
    remold().line("rollback last --execute --yes").run().exits(0);
    remold().env("REMOLD_CRASH_AT", "20").line(&sweep.run_line()).run();
    let runs = || remold().line("runs --json").run().stdout.lines().count();
    assert_eq!(runs(), 2);
    let said = remold().line("runs prune --older-than 1h --execute").run().exits(0);
    assert_eq!((runs(), said.stdout.as_str()), (2, ""), "both are young");
    let said = remold().line("runs prune --keep 0").run().exits(0);
    assert!(said.stdout.starts_with("would remove"), "{}", said.stdout);
    assert!(said.stderr.contains("left alone, for it is stopped"), "{}", said.stderr);
    remold().line("runs prune --keep 0 --execute").run().exits(0);
    assert_eq!(runs(), 1);
    remold().line("runs prune --keep 0 --execute --force").run().exits(0);
    assert_eq!(runs(), 0);
}

#[test]
fn a_run_whose_rollback_was_cut_short_stays() {
    let sweep = Sweep::of("user");
    let before = sweep.snapshot();
    sweep.remold().line(&sweep.run_line()).run().exits(sweep.code);
    let prune = "runs prune --keep 0 --execute";
    for way in ["", " --forward"] {
        let line = format!("rollback last{way} --execute --yes");
        let crashed = sweep.remold().env("REMOLD_CRASH_AT", "4").line(&line).run();
        assert_eq!(crashed.code, None, "it died: {}", crashed.stderr);
        let said = sweep.remold().line(prune).run().exits(0);
        let why = "left alone, for its rollback was cut short";
        assert!(said.stderr.contains(why), "{way}: {}", said.stderr);
        let listed = sweep.remold().line("runs").run().exits(0).stdout;
        assert!(listed.contains("a rollback was cut short"), "{way}: {listed}");
        sweep.remold().line(&line).run().exits(0);
    }
    sweep.remold().line("rollback last --execute --yes").run().exits(0);
    sweep.snapshot().assert_same(&before);
    let said = sweep.remold().line(prune).run().exits(0);
    assert!(said.stdout.starts_with("removed"), "{}", said.stdout);
}

#[test]
fn a_run_is_not_resumed_with_other_definitions_unless_told() {
    let server = TestServer::start();
    let storm = crate::harness::Storm { keys: 500, ops_per_second: 1, writers: 1, seed: 1 };
    storm.fill(&mut server.connect());
    let folder = tempfile::tempdir().expect("a temporary folder");
    crate::harness::Storm::catalog(folder.path());
    let state = tempfile::tempdir().expect("a temporary folder");
    let remold =
        || Remold::on(server.url()).env("REMOLD_CATALOG", folder.path()).state(state.path());
    let line = "run doc --to 2.0.0 --execute --yes --batch 20";
    let crashed = remold().env("REMOLD_CRASH_AT", "20").line(line).run();
    assert_eq!(crashed.code, None, "it died");
    let part = Snapshot::take(&mut server.connect());
    let file = folder.path().join("migrations.json");
    let text = std::fs::read_to_string(&file).expect("written above");
    let other = text.replace(r#""separator":"-""#, r#""separator":"+""#);
    assert_ne!(text, other);
    std::fs::write(&file, other).expect("a file");
    let refused = remold().line("resume last").run().exits(4);
    let told = r#"migration grow/transforms/1/separator: planned with "-", now "+""#;
    assert!(refused.stderr.contains(told), "{}", refused.stderr);
    let flag = remold().line("resume last --as-planned --env x --flag y=1").run();
    Snapshot::take(&mut server.connect()).differences(&part);
    assert_eq!(flag.exits(0).code, Some(0));
}
