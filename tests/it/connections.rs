//! The ways to a server: TLS with certificates and an ACL user, a password that nobody can read,
//! sentinels through a failover. Each time the whole job is done.

use std::path::Path;
use std::time::{Duration, Instant};

use remold::store::local::{LocalOptions, free_port};

use crate::harness::binary::Remold;
use crate::harness::certificates::Certificates;
use crate::harness::{Snapshot, TestServer};

const KEYS: u64 = 2_000;

/// Plan, run, verify, roll back: as far as `remold` gets, and the keyspace is as it was before.
fn whole_job(server: &TestServer, remold: impl Fn() -> Remold) {
    crate::sample_data::fill(server, remold::demo::Recipe { keys: KEYS, seed: 11 });
    let before = Snapshot::take(&mut server.connect());
    let state = tempfile::tempdir().expect("a temporary folder");
    let call = |line: &str| remold().sample_catalog().state(state.path()).line(line).run();
    call("run user --to latest --json").exits(1);
    before.assert_same_as_now(server);
    let report = call("run user --to latest --execute --yes --json").exits(1).last_json();
    assert_eq!(report["phase"], "done", "{report}");
    assert_eq!(report["verification"]["wrong"], 0, "{report}");
    call("verify last --json").exits(0);
    call("rollback last --execute --yes --json").exits(0);
    before.assert_same_as_now(server);
    nothing_secret_in(state.path());
}

const PASSWORD: &str = "correct-horse";

fn nothing_secret_in(folder: &Path) {
    for entry in std::fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            nothing_secret_in(&path);
        } else if path.is_file() {
            let bytes = std::fs::read(&path).expect("a file");
            let found = bytes.windows(PASSWORD.len()).any(|part| part == PASSWORD.as_bytes());
            assert!(!found, "{} holds the password", path.display());
        }
    }
}

/// A server on a TLS port, with client certificates and a user, and its URL.
fn tls_server(certificates: &Certificates) -> (TestServer, String) {
    let port = free_port().expect("a free port");
    let file = |name: &str| certificates.file(name).display().to_string();
    let settings = vec![
        format!("tls-port {port}"),
        "bind 127.0.0.1".to_owned(),
        format!("tls-cert-file {}", file("server.pem")),
        format!("tls-key-file {}", file("server.key")),
        format!("tls-ca-cert-file {}", file("ca.pem")),
        "tls-auth-clients yes".to_owned(),
        format!("user app on >{PASSWORD} ~* &* +@all"),
    ];
    let server = TestServer::with(&LocalOptions { settings, ..LocalOptions::default() });
    (server, format!("rediss://127.0.0.1:{port}"))
}

#[test]
fn tls_with_certificates_and_an_acl_user() {
    let certificates = Certificates::make();
    let (server, url) = tls_server(&certificates);
    let file = |name: &str| certificates.file(name).display().to_string();
    let password = certificates.file("password");
    std::fs::write(&password, format!("{PASSWORD}\n")).expect("a file");
    let login = format!("--user app --password-file {}", password.display());
    let client = format!("--tls-cert {} --tls-key {}", file("client.pem"), file("client.key"));
    whole_job(&server, || {
        Remold::on(&url).line(&format!("--tls-ca {} {client} {login}", file("ca.pem")))
    });
    // What is wrong is named, each time another thing.
    let refused = |options: &str, wanted: &str| {
        let said = Remold::on(&url).line(&format!("keys user:* {options}")).run().exits(3);
        let stderr = said.stderr.to_lowercase();
        assert!(stderr.contains(wanted), "{options}: {stderr}");
    };
    refused(&format!("{client} {login}"), "unknownissuer");
    refused(&format!("--tls-ca {} {login}", file("ca.pem")), "certificate");
    let wrong = format!("--tls-ca {} {client} --user app", file("ca.pem"));
    let said = Remold::on(&url).env("REMOLD_PASSWORD", "wrong").line(&format!("keys u* {wrong}"));
    assert!(said.run().exits(3).stderr.contains("login"), "a wrong password");
    let said = Remold::on(&url).line(&format!("keys u* {wrong}")).run().exits(2);
    assert!(said.stderr.contains("user 'app' has no password"), "{}", said.stderr);
    let said = Remold::on(&url).line(&format!("keys user:1* --insecure {client} {login}")).run();
    assert!(said.exits(0).stderr.contains("WARNING: the certificate of rediss://app@127.0.0.1"));
    let half = format!("keys user:* --tls-cert {}", file("client.pem"));
    let said = Remold::on(&url).line(&half).run().exits(2);
    assert!(said.stderr.contains("needs its key"), "{}", said.stderr);
}

#[test]
fn a_named_connection_brings_password_environment_and_read_only() {
    let server = TestServer::with(&LocalOptions {
        password: Some(PASSWORD.to_owned()),
        ..LocalOptions::default()
    });
    let url = format!("unix://{}", server.local().socket().display());
    let folder = tempfile::tempdir().expect("a temporary folder");
    let config = folder.path().join("config.toml");
    let text = format!(
        "default = \"fine\"\n\
         [connections.fine]\nurl = \"{url}\"\npassword_command = \"echo {PASSWORD}\"\n\
         environment = \"staging\"\n\
         [connections.locked]\nurl = \"{url}\"\npassword_env = \"SECRET\"\nread_only = true\n"
    );
    std::fs::write(&config, text).expect("a file");
    let remold = || Remold::new().env("REMOLD_CONFIG", &config).env("SECRET", PASSWORD);
    whole_job(&server, remold);
    let said = remold().line("run user --to latest --execute --yes --url locked").sample_catalog();
    let said = said.run().exits(3);
    assert!(said.stderr.contains("read-only"), "{}", said.stderr);
    let said = remold().line("config check --connect").run().exits(0);
    assert!(said.stdout.contains("fine (default): unix://"), "{}", said.stdout);
    assert!(said.stdout.contains("redis ") || said.stdout.contains("valkey "), "{}", said.stdout);
    let said = remold().line("keys user:* --url nowhere").run().exits(2);
    assert!(said.stderr.contains("known connections: fine, locked"), "{}", said.stderr);
    // The environment's variable works beside, and the list of processes shows no password.
    Remold::on(&url).env("REMOLD_PASSWORD", PASSWORD).line("keys user:1*").run().exits(0);
    Remold::on(&url).line("keys user:1*").run().exits(3);
}

/// A sentinel process that watches a primary under the name `main`.
fn sentinel(primary: u16) -> (TestServer, u16) {
    let port = free_port().expect("a free port");
    let settings = vec![
        format!("port {port}"),
        "bind 127.0.0.1".to_owned(),
        format!("sentinel monitor main 127.0.0.1 {primary} 1"),
        "sentinel down-after-milliseconds main 1500".to_owned(),
        "sentinel failover-timeout main 10000".to_owned(),
    ];
    let server = TestServer::sentinel(settings);
    (server, port)
}

fn info(server: &TestServer, section: &str) -> String {
    redis::cmd("INFO").arg(section).query(&mut server.connect()).expect("answers")
}

#[test]
fn a_run_follows_a_failover_that_sentinels_make() {
    let primary = TestServer::on_port();
    let port = primary.local().port().expect("it has one");
    let settings = |of: u16| {
        vec![format!("replicaof 127.0.0.1 {of}"), "repl-diskless-sync-delay 0".to_owned()]
    };
    redis::cmd("CONFIG")
        .arg(&["SET", "repl-diskless-sync-delay", "0"])
        .exec(&mut primary.connect())
        .expect("set");
    crate::sample_data::fill(&primary, remold::demo::Recipe { keys: 4_000, seed: 11 });
    let before = Snapshot::take(&mut primary.connect());
    let replica = TestServer::with(&LocalOptions {
        tcp: true,
        settings: settings(port),
        ..LocalOptions::default()
    });
    let (watcher, sentinel_port) = sentinel(port);
    let until = |what: &str, wanted: &dyn Fn() -> bool| {
        let began = Instant::now();
        while !wanted() {
            assert!(began.elapsed() < Duration::from_secs(90), "never came: {what}");
            std::thread::sleep(Duration::from_millis(20));
        }
    };
    until("the replica is in step", &|| info(&primary, "replication").contains("state=online"));
    until("the sentinel knows the replica", &|| info(&watcher, "sentinel").contains("slaves=1"));
    let url = format!("sentinel://127.0.0.1:{sentinel_port}/main");
    let state = tempfile::tempdir().expect("a temporary folder");
    let remold = || Remold::on(&url).sample_catalog().state(state.path());
    let line = "run user --to latest --execute --yes --json --rate 800 --batch 20";
    let (child, _home) = remold().line(line).spawn();
    until("the run wrote something", &|| {
        let said = remold().line("control last status --json").run();
        said.code == Some(0) && said.json()["progress"]["tally"]["migrated"].as_u64() > Some(100)
    });
    drop(primary);
    let ended = child.wait_with_output().expect("it is ours");
    let stdout = String::from_utf8_lossy(&ended.stdout);
    let report: serde_json::Value =
        serde_json::from_str(stdout.lines().last().expect("a report")).expect("JSON");
    assert_eq!(report["phase"], "done", "{report}\n{}", String::from_utf8_lossy(&ended.stderr));
    assert!(info(&replica, "replication").contains("role:master"));
    remold().line("rollback last --execute --yes --json").run().exits(0);
    before.assert_same_as_now(&replica);
}
