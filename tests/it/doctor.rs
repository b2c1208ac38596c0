//! The doctor: what it finds, and that the line it prints makes a user who can do the whole job and
//! nothing besides.

use redis::Connection;
use remold::store::local::LocalOptions;

use crate::harness::binary::Remold;
use crate::harness::{Snapshot, TestServer};

/// Pastes a line as an operator would into a client, where a selector in brackets is one word.
fn paste(connection: &mut Connection, line: &str) {
    let (line, selector) = match line.split_once(" (") {
        Some((line, rest)) => (line, Some(format!("({rest}"))),
        None => (line, None),
    };
    let mut words = line.split(' ');
    let mut command = redis::cmd(words.next().expect("a command"));
    for word in words {
        command.arg(word);
    }
    if let Some(selector) = selector {
        command.arg(selector);
    }
    command.exec(connection).expect(line);
}

#[test]
fn the_pasted_line_makes_a_user_for_the_whole_job_and_nothing_besides() {
    let server = TestServer::start();
    crate::sample_data::fill(&server, remold::demo::Recipe { keys: 2_000, seed: 3 });
    let mut connection = server.connect();
    let before = Snapshot::take(&mut connection);
    let said = Remold::on(server.url()).sample_catalog().line("doctor --json").run().exits(0);
    let checkup = said.json();
    let line = checkup["least_privilege"].as_str().expect("a line");
    assert_eq!(checkup["grant"], "", "the default user lacks nothing");
    paste(&mut connection, &line.replace(">PASSWORD", ">secret"));
    let state = tempfile::tempdir().expect("a temporary folder");
    let call = |line: &str| {
        let remold = Remold::on(server.url()).state(state.path());
        remold.env("REMOLD_USER", "remold").env("REMOLD_PASSWORD", "secret").line(line).run()
    };
    let catalog = crate::harness::binary::sample_catalog();
    let catalog = catalog.display();
    call(&format!("schema push --catalog {catalog} --force")).exits(0);
    // From here on the definitions come from the registry.
    call("schema list").exits(0);
    call("log").exits(0);
    call("keys user:* --limit 20 --versions").exits(0);
    call("preview user --to 3.0.0 --key user:0").exits(0);
    for subject in ["user", "order"] {
        call(&format!("run {subject} --to latest --json")).exits(1);
        let report = call(&format!("run {subject} --to latest --execute --yes --json"));
        assert_eq!(report.exits(1).last_json()["phase"], "done");
        call("verify last").exits(0);
        call("rollback last --execute --yes").exits(0);
    }
    call("runs").exits(0);
    let checkup = call("doctor --json").exits(0).json();
    assert_eq!(checkup["grant"], "", "{checkup}");
    before.assert_same(&Snapshot::take(&mut connection).without("{remold}"));
    // Nothing outside the subjects' keys.
    let mut user = server.connect();
    redis::cmd("AUTH").arg("remold").arg("secret").exec(&mut user).expect("it logs in");
    for words in [
        &["SET", "other:1", "x"][..],
        &["GET", "other:1"],
        &["FLUSHALL"],
        &["KEYS", "*"],
        &["CONFIG", "GET", "*"],
        &["DEL", "user:1"],
        &["ACL", "LIST"],
    ] {
        let mut command = redis::cmd(words[0]);
        command.arg(&words[1..]);
        let error = command.exec(&mut user).err();
        let code = error.as_ref().and_then(|error| error.code());
        assert_eq!(code, Some("NOPERM"), "{words:?}");
    }
}

#[test]
fn what_is_lacking_is_named_with_the_line_that_grants_it() {
    let server = TestServer::with(&LocalOptions {
        settings: vec!["maxmemory 1gb".to_owned(), "maxmemory-policy noeviction".to_owned()],
        ..LocalOptions::default()
    });
    let mut connection = server.connect();
    paste(
        &mut connection,
        "ACL SETUSER reader on >secret ~user:* -@all +@read +multi +discard +info",
    );
    let doctor = |line: &str| {
        Remold::on(server.url())
            .sample_catalog()
            .env("REMOLD_USER", "reader")
            .env("REMOLD_PASSWORD", "secret")
            .line(line)
            .run()
    };
    let said = doctor("doctor --pattern user:*").exits(3);
    assert!(said.stdout.contains("noeviction"), "{}", said.stdout);
    assert!(said.stdout.contains("LACK rights"), "{}", said.stdout);
    assert!(said.stdout.contains("evalsha"), "{}", said.stdout);
    let grant = doctor("doctor --pattern user:* --json").json()["grant"].clone();
    paste(&mut connection, grant.as_str().expect("a line"));
    let said = doctor("doctor --pattern user:*").exits(0);
    assert!(!said.stdout.contains("LACK"), "{}", said.stdout);
}
