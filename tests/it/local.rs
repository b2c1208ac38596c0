//! The private server: it answers, it keeps its password, and nothing of it is left behind.

use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use remold::store::local::{LocalError, LocalOptions, LocalServer};

use crate::harness::{Proxy, Snapshot, TestServer};

#[test]
fn a_server_answers_and_is_gone_after_drop() {
    for server in [TestServer::start(), TestServer::on_port()] {
        let pong: String = redis::cmd("PING").query(&mut server.connect()).expect("an answer");
        assert_eq!(pong, "PONG");
        let folder = server.local().folder().to_owned();
        assert!(folder.exists());
        let pid = server_pid(&mut server.connect());
        drop(server);
        assert!(!folder.exists(), "{} was left behind", folder.display());
        assert!(!is_alive(pid), "the server {pid} still runs");
    }
}

#[test]
fn a_password_is_asked_for_and_stands_in_the_url() {
    let password = "p@ss \"w\\rd&?";
    for tcp in [false, true] {
        let options =
            LocalOptions { password: Some(password.into()), tcp, ..LocalOptions::default() };
        let server = TestServer::with(&options);
        let keys: u64 = redis::cmd("DBSIZE").query(&mut server.connect()).expect("logged in");
        assert_eq!(keys, 0);
        let bare = format!("unix://{}", server.local().socket().display());
        let client = redis::Client::open(bare).expect("valid");
        let refused =
            redis::cmd("DBSIZE").query::<u64>(&mut client.get_connection().expect("open"));
        assert!(refused.expect_err("no password was given").to_string().contains("NOAUTH"));
    }
}

#[test]
fn an_append_only_server_brings_its_keys_back() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let options = LocalOptions {
        append_only: true,
        folder: Some(folder.path().to_owned()),
        settings: vec!["appendfsync always".into()],
        ..LocalOptions::default()
    };
    let server = TestServer::with(&options);
    let mut connection = server.connect();
    let () = redis::cmd("SET").arg("a").arg("1").query(&mut connection).expect("set");
    let before = Snapshot::take(&mut connection);
    drop(server);
    let server = TestServer::with(&options);
    before.assert_same(&Snapshot::take(&mut server.connect()));
    drop(server);
    assert!(folder.path().join("server.log").exists(), "a folder of the caller's stays");
}

#[test]
fn a_server_that_cannot_start_tells_its_last_words() {
    let options = LocalOptions { settings: vec!["no-such-setting 1".into()], ..Default::default() };
    match LocalServer::start(&options) {
        Err(LocalError::Ended { code, log, .. }) => {
            assert_eq!(code, "1");
            assert!(log.contains("no-such-setting"), "{log}");
        }
        other => panic!("started, or failed in another way: {other:?}"),
    }
}

/// The promise of the watchdog, played with a shell in remold's place: what holds the pipe is killed
/// with -9, and server and folder go.
#[test]
fn nothing_is_left_when_the_holder_is_killed() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let inner = folder.path().join("inner");
    std::fs::create_dir(&inner).expect("a folder in a new folder");
    let socket = inner.join("redis.sock");
    let program = remold::store::install::find().expect("the harness found one before");
    let watchdog = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/store/watchdog.sh");
    // `sleep` holds the write end of the pipe, as remold does.
    let mut holder = Command::new("sh")
        .args(["-c", "sleep 600 | sh \"$@\"", "holder"])
        .arg(&watchdog)
        .arg(&inner)
        .arg("remove")
        .arg(&program)
        .args(["--port", "0", "--save", "", "--unixsocket"])
        .arg(&socket)
        .stdin(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .expect("sh starts");
    let client = redis::Client::open(format!("unix://{}", socket.display())).expect("valid");
    let mut connection = within_seconds(20, || client.get_connection().ok());
    let pid = server_pid(&mut connection);
    assert!(is_alive(pid));
    kill_sleeping_child(holder.id());
    let _ = holder.wait();
    within_seconds(20, || (!inner.exists() && !is_alive(pid)).then_some(()));
}

#[test]
fn the_proxy_cuts_and_delays() {
    let server = TestServer::start();
    for proxy in [Proxy::unix(&server.local().socket()), Proxy::tcp(&server.local().socket())] {
        let client = redis::Client::open(proxy.url()).expect("valid");
        let mut connection = client.get_connection().expect("open");
        let ping =
            |connection: &mut redis::Connection| redis::cmd("PING").query::<String>(connection);
        assert!(ping(&mut connection).is_ok());
        proxy.delay(Duration::from_millis(30));
        let start = Instant::now();
        assert!(ping(&mut connection).is_ok());
        assert!(start.elapsed() >= Duration::from_millis(30));
        proxy.delay(Duration::ZERO);
        proxy.cut();
        assert!(ping(&mut connection).is_err());
        let mut connection = client.get_connection().expect("new ones are taken");
        proxy.cut_after(5);
        assert!(ping(&mut connection).is_err());
        assert!(client.get_connection().is_ok());
    }
}

#[test]
fn a_killed_server_is_started_again_at_once_in_the_same_folder() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let folder = Some(folder.path().to_owned());
    let options = LocalOptions { folder, ..LocalOptions::default() };
    let mut server = TestServer::with(&options);
    // What the shell of the one before leaves behind must not be taken for the end of the next.
    for _ in 0..20 {
        let pid = server_pid(&mut server.connect());
        assert!(
            Command::new("kill")
                .args(["-KILL", &pid.to_string()])
                .status()
                .expect("kill")
                .success()
        );
        while is_alive(pid) {}
        server = TestServer::with(&options);
    }
    drop(server);
}

fn server_pid(connection: &mut redis::Connection) -> u32 {
    let info: String = redis::cmd("INFO").arg("server").query(connection).expect("INFO");
    let line = info.lines().find_map(|line| line.strip_prefix("process_id:")).expect("a pid");
    line.trim().parse().expect("a number")
}

fn is_alive(pid: u32) -> bool {
    let answer = Command::new("ps").args(["-o", "stat=", "-p", &pid.to_string()]).output();
    let state = String::from_utf8(answer.expect("ps runs").stdout).expect("text");
    !state.trim().is_empty() && !state.trim().starts_with('Z')
}

/// Kills the `sleep` among the children of `parent` with -9.
fn kill_sleeping_child(parent: u32) {
    let list = Command::new("ps").args(["-A", "-o", "pid=,ppid=,comm="]).output().expect("ps runs");
    let list = String::from_utf8(list.stdout).expect("text");
    let pid = list
        .lines()
        .map(|line| line.split_whitespace().collect::<Vec<_>>())
        .find(|words| words[1] == parent.to_string() && words[2].ends_with("sleep"))
        .map(|words| words[0].to_owned())
        .expect("the holder sleeps");
    assert!(Command::new("kill").args(["-9", &pid]).status().expect("kill runs").success());
}

/// Waits for something that other processes do, at most this long.
fn within_seconds<T>(seconds: u64, mut ask: impl FnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + Duration::from_secs(seconds);
    loop {
        if let Some(answer) = ask() {
            return answer;
        }
        assert!(Instant::now() < deadline, "did not happen within {seconds} s");
        std::thread::sleep(Duration::from_millis(10));
    }
}
