//! The main job, unattended, on every deployment that one machine can run: schemas pushed, planned, dry
//! run, run, verified, rolled back. Each ends with the keyspace as it was, bytes and expiries.

use std::cell::RefCell;
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::time::{Duration, Instant};

use remold::demo::Recipe;
use remold::store::local::{LocalOptions, free_port};
use serde_json::{Value as Json, json};

use crate::connections::{PASSWORD, tls_server};
use crate::harness::binary::sample_catalog;
use crate::harness::certificates::Certificates;
use crate::harness::life::{LATER_MS, Life, named};
use crate::harness::{Remold, Said, Snapshot, TestCluster, TestServer};

const RECIPE: Recipe = Recipe { keys: 2_000, seed: 11 };

/// A deployment with documents; what it is made of lives as long as the functions.
struct Place {
    /// The definitions, whose subject is `user`.
    catalog: PathBuf,
    /// A call that reaches it.
    remold: Box<dyn Fn() -> Remold>,
    /// The whole keyspace.
    snapshot: Box<dyn Fn() -> Snapshot>,
    /// What happens in the middle of the run.
    midway: Option<Box<dyn Fn()>>,
}

/// Does the whole job and puts everything back.
#[track_caller]
fn does_the_main_job(place: &Place) {
    let before = (place.snapshot)();
    let state = tempfile::tempdir().expect("a temporary folder");
    let plan = state.path().join("plan.json").display().to_string();
    let call = |line: &str| (place.remold)().state(state.path()).line(line).run();
    // From here on the definitions come from the registry.
    call(&format!("schema push --force --catalog {}", place.catalog.display())).exits(0);
    call(&format!("plan user --to latest --out {plan}")).exits(0);
    let dry = call(&format!("run {plan} --json"));
    let eyes = dry.code.expect("it ends by itself");
    let dry = dry.last_json();
    before.assert_same(&(place.snapshot)());
    let run = format!("run {plan} --execute --yes --json --rate 2000 --batch 20");
    let report = match &place.midway {
        None => call(&run).exits(eyes).last_json(),
        Some(midway) => disturbed(|| (place.remold)().state(state.path()), &run, midway),
    };
    assert_eq!(report["phase"], "done", "{report}");
    assert_eq!(report["tally"], dry["tally"], "the dry run told what would be");
    assert!(report["tally"]["migrated"].as_u64() > Some(0), "{report}");
    assert_eq!(report["verification"]["wrong"], 0, "{report}");
    assert!(!before.differences(&(place.snapshot)()).is_empty(), "the run changes something");
    call("verify last --json").exits(0);
    let back = call("rollback last --execute --yes --json").exits(0).last_json();
    assert_eq!(back["rollback"]["restored"], report["tally"]["migrated"], "{back}");
    before.assert_same(&(place.snapshot)());
    nothing_secret_in(state.path());
}

/// The report of a run in whose middle something happens.
fn disturbed(remold: impl Fn() -> Remold, run: &str, midway: &dyn Fn()) -> Json {
    let run = remold().line(run).spawn();
    until("the run wrote something", || {
        let said = remold().line("control last status --json").run();
        said.code == Some(0) && said.json()["progress"]["tally"]["migrated"].as_u64() > Some(100)
    });
    midway();
    let Said { stdout, stderr, .. } = run.ended();
    let report = serde_json::from_str(stdout.lines().last().unwrap_or_default());
    report.unwrap_or_else(|_| panic!("{stdout}\n{stderr}"))
}

fn until(what: &str, is_so: impl Fn() -> bool) {
    let began = Instant::now();
    while !is_so() {
        assert!(began.elapsed() < Duration::from_secs(90), "never came: {what}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

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

/// One server with the demo's documents, reached as `remold` does.
fn on_one(server: TestServer, remold: impl Fn() -> Remold + 'static) -> Place {
    crate::sample_data::fill(&server, RECIPE);
    let snapshot = Box::new(move || Snapshot::take(&mut server.connect()));
    Place { catalog: sample_catalog(), remold: Box::new(remold), snapshot, midway: None }
}

#[test]
fn a_single_server_on_a_port() {
    let server = TestServer::on_port();
    let url = server.url().to_owned();
    does_the_main_job(&on_one(server, move || Remold::on(&url)));
}

#[test]
fn a_single_server_over_protocol_3() {
    let server = TestServer::on_port();
    let url = format!("{}/?protocol=resp3", server.url());
    does_the_main_job(&on_one(server, move || Remold::on(&url)));
}

#[test]
fn tls_with_a_client_certificate_and_an_acl_user() {
    let certificates = Certificates::make();
    let (server, url) = tls_server(&certificates);
    let file = |name: &str| certificates.file(name).display().to_string();
    std::fs::write(file("password"), format!("{PASSWORD}\n")).expect("a file");
    let options = format!(
        "--tls-ca {} --tls-cert {} --tls-key {} --user app --password-file {}",
        file("ca.pem"),
        file("client.pem"),
        file("client.key"),
        file("password")
    );
    does_the_main_job(&on_one(server, move || Remold::on(&url).line(&options)));
}

#[test]
fn a_unix_socket_named_in_the_configuration() {
    let server = TestServer::with(&LocalOptions {
        password: Some(PASSWORD.to_owned()),
        ..LocalOptions::default()
    });
    let folder = tempfile::tempdir().expect("a temporary folder");
    let config = folder.path().join("config.toml");
    let url = format!("unix://{}", server.local().socket().display());
    let text = format!(
        "default = \"near\"\n[connections.near]\nurl = \"{url}\"\n\
         password_command = \"echo {PASSWORD}\"\nenvironment = \"staging\"\n"
    );
    std::fs::write(&config, text).expect("a file");
    does_the_main_job(&on_one(server, move || Remold::new().env("REMOLD_CONFIG", &config)));
}

#[test]
fn a_cluster_of_three_primaries_and_three_replicas() {
    let cluster = Rc::new(TestCluster::with_replicas());
    let single = TestServer::start();
    crate::sample_data::fill(&single, RECIPE);
    crate::cluster::copy(&single, &cluster);
    let url = cluster.url().to_owned();
    does_the_main_job(&Place {
        catalog: sample_catalog(),
        remold: Box::new(move || Remold::on(&url)),
        snapshot: Box::new(move || cluster.snapshot()),
        midway: None,
    });
}

#[test]
fn sentinels_that_make_a_failover_midway() {
    let settings = vec!["repl-diskless-sync-delay 0".to_owned()];
    let primary = LocalOptions { tcp: true, settings, ..LocalOptions::default() };
    let primary = TestServer::with(&primary);
    let port = primary.local().port().expect("it has one");
    crate::sample_data::fill(&primary, RECIPE);
    let settings = vec![format!("replicaof 127.0.0.1 {port}")];
    let replica = LocalOptions { tcp: true, settings, ..LocalOptions::default() };
    let replica = Rc::new(TestServer::with(&replica));
    let sentinel_port = free_port().expect("a free port");
    let watcher = TestServer::sentinel(vec![
        format!("port {sentinel_port}"),
        "bind 127.0.0.1".to_owned(),
        format!("sentinel monitor main 127.0.0.1 {port} 1"),
        "sentinel down-after-milliseconds main 1500".to_owned(),
        "sentinel failover-timeout main 10000".to_owned(),
    ]);
    until("the replica is in step", || info(&primary, "replication").contains("state=online"));
    until("the sentinel knows the replica", || info(&watcher, "sentinel").contains("slaves=1"));
    let primary = Rc::new(RefCell::new(Some(primary)));
    let (dying, heir) = (Rc::clone(&primary), Rc::clone(&replica));
    let replica_to_be = Rc::clone(&replica);
    does_the_main_job(&Place {
        catalog: sample_catalog(),
        remold: Box::new(move || Remold::on(&format!("sentinel://127.0.0.1:{sentinel_port}/main"))),
        snapshot: Box::new(move || {
            Snapshot::take(&mut primary.borrow().as_ref().unwrap_or(&replica).connect())
        }),
        midway: Some(Box::new(move || {
            let primary = dying.borrow_mut().take().expect("it lives yet");
            // Redis acknowledges before the replica has it, and would lose that with the primary: so
            // that nothing is lost, no more is acknowledged, and the replica has what was.
            let mut pause = redis::cmd("CLIENT");
            pause.arg(&["PAUSE", "60000", "WRITE"]).exec(&mut primary.connect()).expect("paused");
            until("the replica has everything", || {
                offset(&primary, "master_repl_offset:")
                    == offset(&replica_to_be, "slave_repl_offset:")
            });
        })),
    });
    assert!(info(&heir, "replication").contains("role:master"));
    // A run that is cut short goes on by way of another list of the same sentinels.
    let state = tempfile::tempdir().expect("a temporary folder");
    let others = format!("sentinel://127.0.0.1:1,127.0.0.1:{sentinel_port}/main");
    let call = |url: &str| Remold::on(url).sample_catalog().state(state.path());
    let begun = call(&format!("sentinel://127.0.0.1:{sentinel_port}/main"));
    let run = "run user --to latest --execute --yes --no-lock";
    assert_eq!(begun.env("REMOLD_CRASH_AT", "30").line(run).run().code, None);
    let resumed = call(&others).line("resume last --no-lock --json").run().exits(1).last_json();
    assert_eq!(resumed["phase"], "done", "{resumed}");
    drop(watcher);
}

/// How far a server's replication has come.
fn offset(server: &TestServer, name: &str) -> Option<u64> {
    info(server, "replication")
        .lines()
        .find_map(|line| line.strip_prefix(name)?.trim().parse().ok())
}

fn info(server: &TestServer, section: &str) -> String {
    redis::cmd("INFO").arg(section).query(&mut server.connect()).expect("answers")
}

#[test]
fn a_server_with_modules() {
    with_modules("");
}

#[test]
fn a_server_with_modules_over_protocol_3() {
    with_modules("?protocol=resp3");
}

fn with_modules(protocol: &str) {
    let rename = json!([{"type": "renameField", "from": "userName", "to": "fullName"}]);
    let schemas = [named("userName", "json"), named("fullName", "json")];
    let life = Life::of(TestServer::with_search(), schemas, &rename);
    let mut connection = life.connect();
    let create = "FT.CREATE idx ON JSON PREFIX 1 user: SCHEMA $.userName AS name TEXT";
    let mut words = create.split(' ');
    let mut create = redis::cmd(words.next().expect("a command"));
    words.for_each(|word| _ = create.arg(word));
    create.exec(&mut connection).expect("an index");
    for n in 0..300 {
        let (key, text) = (format!("user:{n}"), format!(r#"{{"userName":"Jo {n}","n":{n}}}"#));
        let set = redis::cmd("JSON.SET").arg(&key).arg("$").arg(text).exec(&mut connection);
        set.expect("set");
        if n % 3 == 0 {
            let until = redis::cmd("PEXPIREAT").arg(&key).arg(LATER_MS + n).exec(&mut connection);
            until.expect("set");
        }
    }
    let url = format!("{}{protocol}", life.server.url());
    does_the_main_job(&Place {
        catalog: life.catalog(),
        remold: Box::new(move || Remold::on(&url)),
        snapshot: Box::new(move || life.snapshot()),
        midway: None,
    });
}
