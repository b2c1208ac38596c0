//! The log for machines: every line is an object with the fields that are documented, no line has a
//! password or a value, and a full file is put aside.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use serde_json::Value as Json;

use crate::harness::{Remold, TestServer};

const KEYS: u64 = 600;
const PASSWORD: &str = "pa55-w0rd";
const VALUE: &str = "Hidden-Value";

/// A server with a password, and documents with a value that no log may hold; one is broken.
fn server() -> TestServer {
    let server = TestServer::start();
    let mut pipeline = redis::pipe();
    for n in 0..KEYS {
        let document = format!(r#"{{"userName":"{VALUE} {n}","age":{}}}"#, n % 40);
        pipeline.set(format!("user:{n}"), document).ignore();
    }
    pipeline.set("user:broken", format!(r#"{{"userName": {VALUE}"#)).ignore();
    let () = pipeline.query(&mut server.connect()).expect("written");
    let mut acl = redis::cmd("ACL");
    acl.arg(&["SETUSER", "op", "on", "~*", "&*", "+@all"]).arg(format!(">{PASSWORD}"));
    acl.exec(&mut server.connect()).expect("made");
    server
}

fn lines(path: &Path) -> Vec<Json> {
    let text = fs::read_to_string(path).expect("there is a log");
    assert!(!text.contains(PASSWORD), "the password stands in {}", path.display());
    assert!(!text.contains(VALUE), "a value stands in {}", path.display());
    let lines = text
        .lines()
        .map(|line| serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}")));
    lines.collect()
}

fn of<'l>(lines: &'l [Json], verb: &'l str, event: &'l str) -> impl Iterator<Item = &'l Json> {
    lines.iter().filter(move |line| line["verb"] == verb && line["event"] == event)
}

#[test]
fn every_line_is_an_object_with_run_and_batch_and_no_secret() {
    let server = server();
    let folder = tempfile::tempdir().expect("a folder");
    let log = folder.path().join("remold.log");
    let remold = || {
        let remold = Remold::on(server.url()).sample_catalog().state(folder.path());
        let remold = remold.env("REMOLD_USER", "op").env("REMOLD_PASSWORD", PASSWORD);
        remold.env("REMOLD_LOG_FILE", &log)
    };
    remold().line("run user --to latest --json").run().exits(1);
    let report = remold().line("run user --to latest --execute --yes --json").run().exits(1);
    let run = report.last_json()["run"].clone();
    remold().line("verify last").run().exits(0);
    remold().line("rollback last --execute --yes").run().exits(0);
    let refused = remold().line("resume last").run();
    assert_ne!(refused.code, Some(0));
    let lines = lines(&log);
    let events: BTreeSet<&str> =
        lines.iter().map(|line| line["event"].as_str().expect("each line names one")).collect();
    let known =
        ["began", "phase", "batch", "outcomes", "held", "notice", "trouble", "ended", "failed"];
    assert!(events.iter().all(|event| known.contains(event)), "{events:?}");
    for line in &lines {
        let at = line["at"].as_str().expect("each line has its time");
        assert!(at.parse::<jiff::Timestamp>().is_ok(), "{line}");
        assert!(["info", "warn", "error"].iter().any(|level| line["level"] == *level), "{line}");
        assert_eq!(line["subject"], "user", "{line}");
        assert!(line["pid"].is_u64(), "{line}");
        assert!(line["run"] == run || line["run"].is_null(), "{line}");
    }
    let dry = of(&lines, "run", "began").next().expect("the dry run");
    assert!(dry["run"].is_null() && dry["dry_run"] == true, "{dry}");
    for verb in ["run", "rollback"] {
        let written: u64 = of(&lines, verb, "batch")
            .map(|line| {
                assert!(line["batch"].is_u64() && line["ms"].is_f64(), "{line}");
                line["written"].as_u64().expect("a count")
            })
            .sum();
        assert_eq!(written, KEYS, "{verb}");
    }
    let trouble = of(&lines, "run", "trouble").last().expect("the broken document");
    assert_eq!((&trouble["step"], &trouble["keys"]), (&"read".into(), &1.into()));
    let ended = of(&lines, "run", "ended").last().expect("it ended");
    assert_eq!(ended["tally"]["migrated"], KEYS, "{ended}");
    assert_eq!(of(&lines, "verify", "ended").count(), 1);
    assert_eq!(of(&lines, "resume", "failed").count(), 1);
}

#[test]
fn a_full_file_is_put_aside_and_the_oldest_goes() {
    const BYTES_MAX: u64 = 3_000;
    let server = server();
    let folder = tempfile::tempdir().expect("a folder");
    let log = folder.path().join("remold.log");
    let config = folder.path().join("config.toml");
    let text = format!("[log]\nfile = {log:?}\nmax_bytes = {BYTES_MAX}\nkeep = 2\n");
    fs::write(&config, text).expect("written");
    Remold::on(server.url())
        .sample_catalog()
        .env("REMOLD_CONFIG", &config)
        .line("run user --to latest --execute --yes --batch 10")
        .run()
        .exits(1);
    let mut files: Vec<_> = fs::read_dir(folder.path())
        .expect("there")
        .map(|entry| entry.expect("there").path())
        .filter(|path| path != &config)
        .collect();
    files.sort();
    assert_eq!(
        files,
        ["remold.log", "remold.log.1", "remold.log.2"].map(|n| folder.path().join(n))
    );
    for file in &files {
        assert!(fs::metadata(file).expect("there").len() <= BYTES_MAX, "{}", file.display());
        assert!(!lines(file).is_empty());
    }
    let last = lines(&log).pop().expect("a line");
    assert_eq!(last["event"], "ended", "the newest file has the end");
}
