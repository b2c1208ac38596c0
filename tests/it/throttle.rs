//! The throttle at work: each signal has a real cause, its reason is said, the run slows down or
//! stands still, and goes on once the cause is gone.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use remold::store::local::LocalOptions;
use serde_json::Value as Json;

use crate::harness::running::{PATIENCE, held};
use crate::harness::{Proxy, Remold, Running, TestServer};

/// Keys of the sample data; at [`RATE`] a run over them takes much longer than a test does.
const KEYS: u64 = 30_000;
const RATE: f64 = 2_000.0;

fn start(server: &TestServer, options: &str) -> Running {
    let line = format!("run user --to latest --execute --yes --json --batch 20 {options}");
    Running::start(server.url(), tempfile::tempdir().expect("a temporary folder"), &line)
}

fn filled(settings: &[&str]) -> TestServer {
    let settings = settings.iter().map(ToString::to_string).collect();
    let server = TestServer::with(&LocalOptions { settings, ..LocalOptions::default() });
    crate::sample_data::fill(&server, remold::demo::Recipe { keys: KEYS, seed: 7 });
    server
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
    let mut run = start(&server, &options);
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
    let mut run = start(&server, &format!("--rate {RATE} --throttle latency=40:5000"));
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
    let mut run = start(&server, &format!("--rate {RATE} --throttle replica-lag=0.5:2"));
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

/// A run through a proxy, and what `cause` does so that the watch has no reading while those at work
/// reach the server: the run is held with the reason `why` until `cure`.
fn holds_without_a_reading(why: &str, cause: impl FnOnce(&Proxy), cure: impl FnOnce(&Proxy)) {
    let server = filled(&[]);
    let proxy = Proxy::unix(&server.local().socket());
    let line = format!("run user --to latest --execute --yes --json --batch 20 --rate {RATE}");
    let state = tempfile::tempdir().expect("a temporary folder");
    let mut run = Running::start(proxy.url(), state, &line);
    run.until("the pace that was set", |status| rate(status) > RATE / 2.0);
    cause(&proxy);
    let held_up = run.until("held without a reading", |status| {
        held(status).starts_with("throttled: no reading of the server for ")
            && held(status).contains(why)
    });
    assert_eq!(held_up["progress"]["phase"], "paused");
    // For as long as it lasts, and nothing begins meanwhile.
    let scanned = |status: &Json| status["progress"]["tally"]["scanned"].as_u64();
    let seconds = |status: &Json| {
        let rest = held(status).strip_prefix("throttled: no reading of the server for ")?;
        rest.split(' ').next()?.parse::<f64>().ok()
    };
    let before = run.until("what was under way is done", |status| seconds(status) > Some(6.0));
    let later = run.until("held for long", |status| seconds(status) > Some(9.0));
    assert_eq!(scanned(&later), scanned(&before), "{before} {later}");
    cure(&proxy);
    run.until("it goes on", |status| scanned(status) > scanned(&later));
    run.order("stop").expect("it is told");
    run.ends(5);
}

#[test]
fn a_run_is_held_while_the_watch_alone_has_no_answer() {
    // Only the watch says PING.
    let cause = |proxy: &Proxy| proxy.mute(Some("PING"));
    holds_without_a_reading("was lost", cause, |proxy: &Proxy| proxy.mute(None));
}

#[test]
fn a_run_is_held_while_the_watch_alone_cannot_connect() {
    // Connections that stand go on when the socket has another name.
    let names = |proxy: &Proxy| {
        let name = proxy.url().strip_prefix("unix://").expect("a socket").to_owned();
        (format!("{name}.away"), name)
    };
    let cause = |proxy: &Proxy| {
        let (away, name) = names(proxy);
        std::fs::rename(name, away).expect("it is there");
        proxy.mute(Some("PING"));
    };
    let cure = |proxy: &Proxy| {
        let (away, name) = names(proxy);
        std::fs::rename(away, name).expect("it is there");
        proxy.mute(None);
    };
    holds_without_a_reading("cannot reach Redis", cause, cure);
}

#[test]
fn a_flag_file_holds_a_run_and_orders_change_its_knobs() {
    let server = filled(&[]);
    let folder = tempfile::tempdir().expect("a temporary folder");
    let flag = folder.path().join("hold");
    let options = format!("--rate 500 --pause-file {}", flag.display());
    let mut run = start(&server, &options);
    run.until("it scans", |status| status["progress"]["tally"]["scanned"].as_u64() > Some(0));
    std::fs::write(&flag, "").expect("a file");
    let paused = run.until("held by the file", |status| {
        status["progress"]["phase"] == "paused" && held(status).contains("flag file")
    });
    assert!(held(&paused).contains(&flag.display().to_string()), "{paused}");
    std::fs::remove_file(&flag).expect("it is there");
    run.until("it goes on", |status| rate(status) > 100.0);
    run.order("pause").expect("it is told");
    let paused = run.until("paused", |status| held(status) == "paused by the operator");
    let knobs = run.order("set rate=off cpu=1000 latency=off").expect("it is told");
    assert_eq!(knobs["knobs"]["rate"], "off");
    assert_eq!(knobs["knobs"]["cpu"], "1000");
    assert!(run.order("set speed=3").is_none(), "an unknown knob is refused");
    // Not of the answer to the order: the step may be done by then.
    let before = &paused["progress"]["tally"]["scanned"];
    run.order("step").expect("it is told");
    run.until("one batch more", |status| status["progress"]["tally"]["scanned"] != *before);
    run.until("waits again", |status| held(status).starts_with("step by step"));
    run.order("resume").expect("it is told");
    let report = run.ends(1);
    assert_eq!(report["phase"], "done");
}

#[test]
fn a_rollback_is_held_by_a_flag_file_and_takes_orders() {
    let server = filled(&[]);
    let state = tempfile::tempdir().expect("a temporary folder");
    let flag = state.path().join("hold");
    let remold = || Remold::on(server.url()).sample_catalog().state(state.path());
    remold().line("run user --to latest --execute --yes --limit 4000").run();
    let line =
        format!("rollback last --execute --yes --json --rate 300 --pause-file {}", flag.display());
    let mut rollback = Running::start(server.url(), state, &line);
    let restored = |status: &Json| status["progress"]["rollback"]["restored"].as_u64();
    rollback.until("keys are restored", |status| restored(status) > Some(0));
    std::fs::write(&flag, "").expect("a file");
    let held_at = rollback.until("the flag holds it", |status| {
        status["progress"]["phase"] == "paused" && held(status).contains("flag file")
    });
    assert_eq!(held_at["progress"]["verb"], "rollback", "{held_at}");
    std::fs::remove_file(&flag).expect("removed");
    rollback.until("it goes on", |status| restored(status) > restored(&held_at));
    rollback.order("pause").expect("taken");
    rollback.until("it is paused", |status| status["progress"]["phase"] == "paused");
    rollback.order("set rate=off").expect("taken");
    rollback.order("resume").expect("taken");
    let report = rollback.ends(0);
    assert_eq!(report["phase"], "done", "{report}");
}

#[test]
fn a_window_and_an_error_budget_end_a_run_with_a_checkpoint() {
    let server = filled(&[]);
    let report = start(&server, "--rate 500 --for 3s").ends(5);
    assert_eq!(report["stopped_because"], "the window ends at 3s after the start");
    assert!(report["seconds"].as_f64() < Some(3.5), "{report}");
    let report = start(&server, "--max-errors 3").ends(5);
    let why = report["stopped_because"].as_str().expect("a reason");
    assert!(why.starts_with("errors ") && why.ends_with("> 3"), "{why}");
}
