//! The doctor: what it finds, and that the line it prints makes a user who can do the whole job and
//! nothing besides.

use redis::Connection;
use remold::store::local::LocalOptions;

use crate::harness::binary::Remold;
use crate::harness::{Life, Said, Snapshot, TestCluster, TestServer, fetch};
use crate::search::users;

/// Pastes a line as an operator would into a client, which takes a selector in brackets apart.
fn paste(connection: &mut Connection, line: &str) {
    let mut words = line.split(' ');
    let mut command = redis::cmd(words.next().expect("a command"));
    for word in words {
        command.arg(word);
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

/// Makes the user of the doctor's line; answers a call as that user.
fn pasted(life: &Life, options: &str) -> impl Fn(&str) -> Said {
    let said = life.remold().line(&format!("doctor --json {options}")).run();
    let rules = said.json()["least_privilege"].as_str().expect("a line").to_owned();
    paste(&mut life.connect(), &rules.replace(">PASSWORD", ">secret"));
    |line| {
        let remold = life.remold().env("REMOLD_USER", "remold").env("REMOLD_PASSWORD", "secret");
        remold.line(line).run()
    }
}

#[test]
fn the_pasted_line_is_enough_to_convert_whole_keys_also_on_redis_6_2() {
    for program in [None, Some(fetch::redis_6_2())] {
        let options = LocalOptions { program, ..LocalOptions::default() };
        let life = Life::of_conversion(TestServer::with(&options), 40);
        let before = life.snapshot();
        let call = pasted(&life, "");
        let report = call("run user --to latest --execute --yes --json").exits(0).last_json();
        assert_eq!(report["tally"]["migrated"], 40, "{report}");
        call("verify last").exits(0);
        call("rollback last --execute --yes").exits(0);
        before.assert_same(&life.snapshot().without("{remold}"));
    }
}

#[test]
fn on_a_cluster_the_line_is_pasted_on_each_node() {
    let cluster = TestCluster::start();
    let life = Life::of_conversion(TestServer::start(), 40);
    crate::cluster::copy(&life.server, &cluster);
    let before = cluster.snapshot();
    let remold = || life.remold().env("REMOLD_URL", cluster.url());
    let said = remold().line("doctor --json").run().exits(0);
    let text = said.stdout.clone();
    assert!(text.contains("each node of a cluster has its own users"), "{text}");
    let rules = said.json()["least_privilege"].as_str().expect("a line").to_owned();
    for at in 0..3 {
        paste(&mut cluster.node(at), &rules.replace(">PASSWORD", ">secret"));
    }
    let call = |line: &str| {
        remold().env("REMOLD_USER", "remold").env("REMOLD_PASSWORD", "secret").line(line).run()
    };
    let report = call("run user --to latest --execute --yes --json").exits(0).last_json();
    assert_eq!(report["tally"]["migrated"], 40, "{report}");
    call("rollback last --execute --yes").exits(0);
    before.assert_same(&cluster.snapshot().without("{remold}"));
}

#[test]
fn what_following_and_queries_take_is_granted_when_asked_for() {
    let life = users("json");
    let mut connection = life.connect();
    redis::cmd("CONFIG")
        .arg(&["SET", "notify-keyspace-events", "KEA"])
        .exec(&mut connection)
        .expect("set");
    let follow = "run user --to latest --execute --yes --json --follow-until-quiet 1s";
    let query = "run user --to latest --json --index idx --query *";
    let call = pasted(&life, "");
    let followed = call(follow).exits(0).last_json();
    assert_eq!(followed["followed"]["by"], "scans", "{followed}");
    call("rollback last --execute --yes").exits(0);
    let refused = call(query);
    assert!(
        refused.code == Some(3) && refused.stderr.contains("FT._LIST with NOPERM"),
        "{}",
        refused.stderr
    );
    let said = call("doctor").exits(0);
    for wanted in
        ["be told of writes, with --follow: config|get, psubscribe denied", "--with query"]
    {
        assert!(said.stdout.contains(wanted), "{}", said.stdout);
    }
    let call = pasted(&life, "--with follow,query");
    let followed = call(follow).exits(0).last_json();
    assert_eq!(followed["followed"]["by"], "notifications", "{followed}");
    call("rollback last --execute --yes").exits(0);
    let found = call(query).exits(0).last_json();
    assert!(found["tally"]["migrated"].as_u64() > Some(0), "{found}");
    let checkup = call("doctor --with follow,query --json").exits(0).json();
    assert_eq!(checkup["grant"], "", "{checkup}");
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
