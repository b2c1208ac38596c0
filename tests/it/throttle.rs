//! The throttle at work: each signal has a real cause, its reason is said, the run slows down or
//! stands still, and goes on once the cause is gone.

use std::io::Read;
use std::path::Path;
use std::process::Child;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use remold::store::local::LocalOptions;
use serde_json::Value as Json;

use crate::harness::TestServer;
use crate::harness::binary::Remold;

/// Keys of the sample data; at [`RATE`] a run over them takes much longer than a test does.
const KEYS: u64 = 30_000;
const RATE: f64 = 2_000.0;
const PATIENCE: Duration = Duration::from_secs(60);

/// A run of the real binary that another process gives orders to.
struct Run {
    child: Child,
    _home: tempfile::TempDir,
    state: tempfile::TempDir,
    url: String,
}

impl Run {
    fn start(server: &TestServer, options: &str) -> Self {
        let state = tempfile::tempdir().expect("a temporary folder");
        let line = format!("run user --to latest --execute --yes --json --batch 20 {options}");
        let (child, home) = Self::remold(server.url(), state.path()).line(&line).spawn();
        Self { child, _home: home, state, url: server.url().to_owned() }
    }

    fn remold(url: &str, state: &Path) -> Remold {
        Remold::on(url).sample_catalog().state(state)
    }

    fn order(&self, order: &str) -> Option<Json> {
        let line = format!("control last {order} --json");
        let said = Self::remold(&self.url, self.state.path()).line(&line).run();
        (said.code == Some(0)).then(|| said.json())
    }

    /// Waits until the status is as wanted.
    #[track_caller]
    fn until(&mut self, what: &str, wanted: impl Fn(&Json) -> bool) -> Json {
        let began = Instant::now();
        let mut last = None;
        while began.elapsed() < PATIENCE {
            if let Some(status) = self.order("status") {
                if wanted(&status) {
                    return status;
                }
                last = Some(status);
            }
            if let Some(code) = self.child.try_wait().expect("it is ours") {
                panic!("the run ended ({code}) before: {what}; last {last:?}");
            }
        }
        panic!("never came: {what}; last {last:?}");
    }

    #[track_caller]
    fn ends(mut self, code: i32) -> Json {
        let ended = self.child.wait().expect("it is ours");
        assert_eq!(ended.code(), Some(code));
        let mut said = String::new();
        let mut stdout = self.child.stdout.take().expect("piped");
        stdout.read_to_string(&mut said).expect("text");
        serde_json::from_str(said.lines().last().expect("a report")).expect("JSON")
    }
}

fn filled(settings: &[&str]) -> TestServer {
    let settings = settings.iter().map(ToString::to_string).collect();
    let server = TestServer::with(&LocalOptions { settings, ..LocalOptions::default() });
    crate::sample_data::fill(&server, remold::demo::Recipe { keys: KEYS, seed: 7 });
    server
}

fn held(status: &Json) -> &str {
    status["progress"]["held"].as_str().unwrap_or_default()
}

fn rate(status: &Json) -> f64 {
    status["progress"]["rate"].as_f64().unwrap_or_default()
}

#[test]
fn memory_near_its_limit_slows_pauses_and_stops_a_run() {
    let server = filled(&[]);
    let mut connection = server.connect();
    // Sets the limit so that what is used now is this part of it.
    let mut limit = |percent: u64| {
        let info: String =
            redis::cmd("INFO").arg("memory").query(&mut connection).expect("answers");
        let line = info.lines().find_map(|line| line.strip_prefix("used_memory:"));
        let used: u64 = line.expect("a line").trim().parse().expect("a number");
        // No part of it is no limit.
        let limit = (used * 100).checked_div(percent).unwrap_or(0);
        let mut command = redis::cmd("CONFIG");
        command.arg("SET").arg("maxmemory").arg(limit).exec(&mut connection).expect("a setting");
    };
    let options = format!("--rate {RATE} --throttle memory=80:90:99");
    let mut run = Run::start(&server, &options);
    run.until("the pace that was set", |status| rate(status) > RATE / 2.0);
    limit(86);
    let slow = run.until("slower for memory", |status| {
        held(status).contains("memory use")
            && held(status).contains("> 80 %")
            && rate(status) < RATE / 2.0
    });
    assert!(held(&slow).starts_with("throttled to"), "{slow}");
    limit(95);
    let paused = run.until("paused for memory", |status| {
        status["progress"]["phase"] == "paused" && held(status).contains("> 90 %")
    });
    assert!(held(&paused).starts_with("throttled: memory use"), "{paused}");
    limit(0);
    run.until("the pace that was set again", |status| rate(status) > RATE / 2.0);
    limit(110);
    let report = run.ends(5);
    let why = report["stopped_because"].as_str().expect("a reason");
    assert!(why.contains("memory use") && why.contains("> 99 %"), "{why}");
    assert_eq!(report["phase"], "stopped");
}

#[test]
fn a_slow_server_slows_a_run_down() {
    let server = filled(&["enable-debug-command yes"]);
    let mut run = Run::start(&server, &format!("--rate {RATE} --throttle latency=40:5000"));
    run.until("the pace that was set", |status| rate(status) > RATE / 2.0);
    let mut connection = server.connect();
    let stop = AtomicBool::new(false);
    let slow = std::thread::scope(|scope| {
        let asleep = scope.spawn({
            let stop = &stop;
            move || {
                while !stop.load(Ordering::Relaxed) {
                    redis::cmd("DEBUG").arg("SLEEP").arg(0.3).exec(&mut connection).expect("slept");
                }
            }
        });
        let slow = run.until("slower for latency", |status| {
            held(status).contains("probe latency") && rate(status) < RATE / 2.0
        });
        stop.store(true, Ordering::Relaxed);
        asleep.join().expect("it only slept");
        slow
    });
    assert!(held(&slow).contains("> 40 ms"), "{slow}");
    run.until("the pace that was set again", |status| rate(status) > RATE / 2.0);
    run.order("stop").expect("it is told");
    let report = run.ends(5);
    assert_eq!(report["stopped_because"], "ordered by `remold control`");
}

#[test]
fn a_replica_that_lags_pauses_a_run() {
    let server = filled(&[]);
    let folder = tempfile::tempdir().expect("a temporary folder");
    // A replica connects over TCP alone, so the primary listens there too, from now on.
    let port = std::net::TcpListener::bind("127.0.0.1:0")
        .and_then(|listener| listener.local_addr())
        .expect("a free port")
        .port();
    let mut connection = server.connect();
    for (name, value) in [("bind", "127.0.0.1"), ("port", &port.to_string())] {
        redis::cmd("CONFIG").arg("SET").arg(name).arg(value).exec(&mut connection).expect("set");
    }
    redis::cmd("CONFIG")
        .arg("SET")
        .arg("repl-diskless-sync-delay")
        .arg(0)
        .exec(&mut connection)
        .expect("set");
    let replica = TestServer::with(&LocalOptions {
        settings: vec![format!("replicaof 127.0.0.1 {port}")],
        folder: Some(folder.path().to_owned()),
        ..LocalOptions::default()
    });
    let began = Instant::now();
    loop {
        let info: String =
            redis::cmd("INFO").arg("replication").query(&mut connection).expect("answers");
        if info.contains("state=online") {
            break;
        }
        assert!(began.elapsed() < PATIENCE, "the replica never came online:\n{info}");
        std::thread::sleep(Duration::from_millis(20));
    }
    let pid: u32 = {
        let info: String =
            redis::cmd("INFO").arg("server").query(&mut replica.connect()).expect("answers");
        let line = info.lines().find_map(|line| line.strip_prefix("process_id:"));
        line.expect("a line").trim().parse().expect("a number")
    };
    let signal = |name: &str| {
        let sent = std::process::Command::new("kill").arg(name).arg(pid.to_string()).status();
        assert!(sent.expect("kill is there").success());
    };
    let mut run = Run::start(&server, &format!("--rate {RATE} --throttle replica-lag=0.5:2"));
    run.until("the pace that was set", |status| rate(status) > RATE / 2.0);
    signal("-STOP");
    run.until("paused for the lag", |status| {
        status["progress"]["phase"] == "paused"
            && held(status).starts_with("throttled: replica lag")
            && held(status).contains("> 2 s")
    });
    signal("-CONT");
    run.until("the pace that was set again", |status| rate(status) > RATE / 2.0);
    run.order("stop").expect("it is told");
    run.ends(5);
}

#[test]
fn a_flag_file_holds_a_run_and_orders_change_its_knobs() {
    let server = filled(&[]);
    let folder = tempfile::tempdir().expect("a temporary folder");
    let flag = folder.path().join("hold");
    let options = format!("--rate 500 --pause-file {}", flag.display());
    let mut run = Run::start(&server, &options);
    run.until("it scans", |status| status["progress"]["tally"]["scanned"].as_u64() > Some(0));
    std::fs::write(&flag, "").expect("a file");
    let paused = run.until("held by the file", |status| {
        status["progress"]["phase"] == "paused" && held(status).contains("flag file")
    });
    assert!(held(&paused).contains(&flag.display().to_string()), "{paused}");
    std::fs::remove_file(&flag).expect("it is there");
    run.until("it goes on", |status| rate(status) > 100.0);
    run.order("pause").expect("it is told");
    run.until("paused", |status| held(status) == "paused by the operator");
    let knobs = run.order("set rate=off cpu=1000 latency=off").expect("it is told");
    assert_eq!(knobs["knobs"]["rate"], "off");
    assert_eq!(knobs["knobs"]["cpu"], "1000");
    assert!(run.order("set speed=3").is_none(), "an unknown knob is refused");
    let before = run.order("step").expect("it is told")["progress"]["tally"]["scanned"].clone();
    run.until("one batch more", |status| status["progress"]["tally"]["scanned"] != before);
    run.until("waits again", |status| held(status).starts_with("step by step"));
    run.order("resume").expect("it is told");
    let report = run.ends(1);
    assert_eq!(report["phase"], "done");
}

#[test]
fn a_window_and_an_error_budget_end_a_run_with_a_checkpoint() {
    let server = filled(&[]);
    let report = Run::start(&server, "--rate 500 --for 3s").ends(5);
    assert_eq!(report["stopped_because"], "the window ends at 3s after the start");
    assert!(report["seconds"].as_f64() < Some(3.5), "{report}");
    let report = Run::start(&server, "--max-errors 3").ends(5);
    let why = report["stopped_because"].as_str().expect("a reason");
    assert!(why.starts_with("errors ") && why.ends_with("> 3"), "{why}");
}
