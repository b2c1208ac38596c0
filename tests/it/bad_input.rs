//! What is wrong from outside, and what remold says then: the place, the next step, and an exit code
//! of its own.

use std::fs;

use crate::harness::{Remold, TestServer};
use remold::store::local::LocalOptions;

/// Asserts the exit code, that nothing went to standard output, and every word in what was said.
#[track_caller]
fn says(remold: Remold, code: i32, words: &[&str]) {
    let said = remold.run().exits(code);
    assert_eq!(said.stdout, "", "standard output is data");
    for word in words {
        assert!(said.stderr.contains(word), "'{word}' is not in:\n{}", said.stderr);
    }
    assert!(!said.stderr.contains("panicked"), "{}", said.stderr);
}

#[test]
fn an_unreachable_server() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let url = format!("unix://{}/none.sock", folder.path().display());
    let keys = Remold::on(&url).line("keys user:*");
    says(keys, 3, &["cannot reach Redis", "none.sock", "is the server running"]);
    let run = Remold::on(&url).sample_catalog().line("run user --to 3.0.0");
    says(run, 3, &["cannot reach Redis"]);
}

#[test]
fn a_wrong_password() {
    let options = LocalOptions { password: Some("right".into()), tcp: true, ..Default::default() };
    let server = TestServer::with(&options);
    let port = server.local().port().expect("asked for");
    for url in
        [format!("redis://127.0.0.1:{port}"), format!("redis://:secret-wrong@127.0.0.1:{port}")]
    {
        let said = Remold::on(&url).line("keys user:*").run().exits(3);
        assert!(said.stderr.contains("password"), "{}", said.stderr);
        assert!(!said.stderr.contains("secret-wrong"), "the password was shown: {}", said.stderr);
    }
}

#[test]
fn a_url_that_is_none() {
    says(
        Remold::on("http://127.0.0.1:6379").line("keys *"),
        2,
        &["http://", "redis://", "unix://"],
    );
}

#[test]
fn a_broken_catalog() {
    let server = TestServer::start();
    let folder = tempfile::tempdir().expect("a temporary folder");
    fs::write(
        folder.path().join("user.json"),
        "{\"version\": \"1.0.0\", \"keyPattern\": \"user:*\",\n \"fields\": {\"name\": {\"typ\": \"string\"}}}",
    )
    .expect("written");
    fs::write(folder.path().join("torn.json"), "{\"migrations\": {\n").expect("written");
    let remold =
        Remold::on(server.url()).line("run user --to 1.0.0 --catalog").args([folder.path()]);
    // Both mistakes at once, each with its place and what was expected.
    says(remold, 4, &["user.json:2:", "typ", "type", "torn.json:"]);
}

#[test]
fn an_unknown_version_subject_or_catalog() {
    let server = TestServer::start();
    let remold = || Remold::on(server.url()).sample_catalog();
    says(remold().line("run user --to 9.0.0"), 2, &["9.0.0", "3.0.0"]);
    says(remold().line("run usr --to 3.0.0"), 2, &["usr", "user"]);
    says(remold().line("run user --to three"), 2, &["three"]);
    let nowhere = Remold::on(server.url()).line("run user --to 3.0.0 --catalog /nowhere/at-all");
    says(nowhere, 4, &["/nowhere/at-all"]);
}

#[test]
fn no_path_between_versions() {
    let server = TestServer::start();
    // Every migration leads upwards.
    let remold = Remold::on(server.url()).sample_catalog().line("run user --to 1.0.0 --from 3.0.0");
    says(remold, 4, &["no migrations lead from 3.0.0 to 1.0.0"]);
}

#[test]
fn a_pattern_without_keys() {
    let server = TestServer::start();
    let said = Remold::on(server.url()).line("keys nothing:*").run().exits(1);
    assert!(said.stderr.contains("nothing:*"), "{}", said.stderr);
    let run = Remold::on(server.url()).sample_catalog().line("run user --to 3.0.0 --json").run();
    let run = run.exits(1);
    assert_eq!(run.last_json()["tally"]["scanned"], 0);
    assert!(run.stderr.contains("user:*"), "{}", run.stderr);
}

#[test]
fn no_terminal() {
    let server = TestServer::start();
    says(Remold::on(server.url()), 2, &["terminal", "--help"]);
    says(Remold::new().line("demo --keys 100"), 2, &["terminal", "--headless"]);
    let run = Remold::on(server.url()).sample_catalog().line("run user --to 3.0.0 --execute");
    says(run, 2, &["--yes"]);
}

#[test]
fn a_run_that_does_not_exist() {
    let server = TestServer::start();
    says(Remold::on(server.url()).line("rollback 20200101-000000-user-0000"), 2, &["remold runs"]);
    says(Remold::on(server.url()).line("verify last"), 2, &["remold run"]);
}

#[test]
fn the_exit_codes_are_in_the_help() {
    let said = Remold::new().line("--help").run().exits(0);
    for code in ["0 ", "1 ", "2 ", "3 ", "4 ", "5 ", "70 "] {
        assert!(said.stdout.lines().any(|line| line.trim_start().starts_with(code)), "{code}");
    }
}
