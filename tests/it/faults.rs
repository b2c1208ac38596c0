//! Every fault by its name, on a real server: its cause is made while a run is at work, the run says
//! what holds it, the cause is taken away, and the keyspace comes to what an undisturbed run leaves,
//! with exact counts. The table is in `src/ARCHITECTURE.md`; CLUSTERDOWN, MOVED, ASK and TRYAGAIN are
//! in `cluster.rs`.

use std::time::Duration;

use redis::{Connection, RedisResult, Value};
use remold::demo::Recipe;
use remold::store::local::{LocalOptions, free_port};
use serde_json::Value as Json;

use crate::harness::certificates::Certificates;
use crate::harness::running::held;
use crate::harness::{Proxy, Remold, Running, Snapshot, TestServer};

const RECIPE: Recipe = Recipe { keys: 4_000, seed: 41 };
/// So slow that a run outlasts the making of any cause.
const PACE: &str = "--rate 250 --batch 10 --patience 120 --throttle memory=off";

/// A server with the sample keyspace, and what an undisturbed run leaves on it.
struct Ground {
    server: TestServer,
    url: String,
    /// What a run is told of the way besides.
    way: String,
    plan: tempfile::TempDir,
    after: Snapshot,
    tally: Json,
}

impl Ground {
    fn with(settings: &[&str]) -> Self {
        let settings = settings.iter().map(ToString::to_string).collect();
        let server = TestServer::with(&LocalOptions { settings, ..LocalOptions::default() });
        let made = crate::sample_data::fill(&server, RECIPE);
        let before = Snapshot::take(&mut server.connect());
        let plan = tempfile::tempdir().expect("a temporary folder");
        let url = server.url().to_owned();
        let after = before.clone();
        let tally = serde_json::to_value(made.tally("user")).expect("plain data");
        let mut ground = Self { server, url, way: String::new(), plan, after, tally };
        // A plan freezes the time, so that each run of it comes to the same bytes.
        let out = ground.file();
        ground.remold().line(&format!("plan user --to latest --out {out}")).run().exits(0);
        ground.remold().line(&format!("run {out} --execute --yes --json")).run().exits(1);
        ground.after = Snapshot::take(&mut ground.server.connect());
        ground.remold().line("rollback last --execute --yes").run().exits(0);
        Snapshot::take(&mut ground.server.connect()).assert_same(&before);
        ground
    }

    fn file(&self) -> String {
        self.plan.path().join("plan.json").display().to_string()
    }

    /// A call on the server itself, whatever way the run takes.
    fn remold(&self) -> Remold {
        Remold::on(self.server.url()).sample_catalog().state(self.plan.path())
    }

    /// A run at work that has written something.
    fn running(&self) -> Running {
        let state = tempfile::tempdir().expect("a temporary folder");
        let line = format!("run {} --execute --yes --json {PACE} {}", self.file(), self.way);
        let mut run = Running::start(&self.url, state, &line);
        run.until("it writes", |status| migrated(status) > 50);
        run
    }

    /// The run says `said` once `cause` is there, and goes on to its end after `cure`.
    fn outlives(&self, said: &str, cause: impl FnOnce(), cure: impl FnOnce()) {
        let mut run = self.running();
        cause();
        let status = run.until(said, |status| held(status).contains(said));
        cure();
        let far = migrated(&status) + 50;
        run.until("it goes on", |status| migrated(status) > far);
        run.order("set rate=off").expect("it is told");
        self.assert_done(&run.ends(1));
    }

    /// The run stops with `code`, saying `said`, once `cause` is there; after `cure` it is resumed.
    fn stops(&self, said: &str, code: i32, cause: impl FnOnce(), cure: impl FnOnce()) {
        let run = self.running();
        cause();
        let (_, stderr, state) = run.ends_saying(code);
        assert!(stderr.contains(said), "{stderr}");
        cure();
        let resume = Remold::on(&self.url).sample_catalog().state(state.path());
        self.assert_done(&resume.line("resume last --json").run().exits(1).last_json());
    }

    #[track_caller]
    fn assert_done(&self, report: &Json) {
        assert_eq!(report["phase"], "done", "{report}");
        assert_eq!(report["tally"], self.tally, "{report}");
        Snapshot::take(&mut self.server.connect()).assert_same(&self.after);
    }

    /// Tells the server something, over a connection of its own.
    fn tell(&self, line: &str) {
        tell(&mut self.server.connect(), line).unwrap_or_else(|error| panic!("{line}: {error}"));
    }
}

fn tell(connection: &mut Connection, line: &str) -> RedisResult<Value> {
    let mut words = line.split(' ');
    let mut command = redis::cmd(words.next().expect("a name"));
    words.for_each(|word| {
        command.arg(word);
    });
    command.query(connection)
}

fn migrated(status: &Json) -> u64 {
    status["progress"]["tally"]["migrated"].as_u64().unwrap_or_default()
}

#[test]
fn oom_is_waited_for() {
    let ground = Ground::with(&["maxmemory-policy noeviction"]);
    let limit = |bytes: &str| ground.tell(&format!("CONFIG SET maxmemory {bytes}"));
    ground.outlives("OOM", || limit("1"), || limit("0"));
}

#[test]
fn readonly_is_waited_for() {
    let ground = Ground::with(&[]);
    let nobody = free_port().expect("a free port");
    let follow = || ground.tell(&format!("REPLICAOF 127.0.0.1 {nobody}"));
    ground.outlives("READONLY", follow, || ground.tell("REPLICAOF NO ONE"));
}

#[test]
fn masterdown_is_waited_for() {
    let ground = Ground::with(&["replica-serve-stale-data no"]);
    let nobody = free_port().expect("a free port");
    let follow = || ground.tell(&format!("REPLICAOF 127.0.0.1 {nobody}"));
    ground.outlives("MASTERDOWN", follow, || ground.tell("REPLICAOF NO ONE"));
}

#[test]
fn noreplicas_is_waited_for() {
    let ground = Ground::with(&[]);
    let replicas = |count: u8| ground.tell(&format!("CONFIG SET min-replicas-to-write {count}"));
    ground.outlives("NOREPLICAS", || replicas(1), || replicas(0));
}

#[test]
fn misconf_is_waited_for() {
    let ground = Ground::with(&["enable-protected-configs yes", "save 86400 1000000"]);
    let folder = |path: &std::path::Path| {
        ground.tell(&format!("CONFIG SET dir {}", path.display()));
    };
    let save = |wanted: &str| {
        ground.tell("BGSAVE");
        loop {
            let mut connection = ground.server.connect();
            let info: String =
                redis::cmd("INFO").arg("persistence").query(&mut connection).expect("answers");
            if info.contains("rdb_bgsave_in_progress:0") {
                assert!(info.contains(&format!("rdb_last_bgsave_status:{wanted}")), "{info}");
                return;
            }
        }
    };
    let cause = || {
        let gone = tempfile::tempdir().expect("a temporary folder");
        folder(gone.path());
        drop(gone);
        save("err");
    };
    let cure = || {
        folder(ground.server.local().folder());
        save("ok");
    };
    ground.outlives("MISCONF", cause, cure);
}

#[test]
fn busy_is_waited_for() {
    let ground = Ground::with(&["busy-reply-threshold 20"]);
    let mut other = ground.server.connect();
    std::thread::scope(|scope| {
        let cause = || {
            scope.spawn(move || {
                let mut endless = redis::cmd("EVAL");
                endless.arg("while true do end").arg(0);
                let ended: RedisResult<Value> = endless.query(&mut other);
                assert!(ended.is_err(), "it was killed");
            });
        };
        ground.outlives("BUSY", cause, || ground.tell("SCRIPT KILL"));
    });
}

#[test]
fn loading_is_waited_for() {
    let ground = Ground::with(&[
        "enable-debug-command yes",
        // Others are answered while it loads.
        "loading-process-events-interval-bytes 1024",
    ]);
    let mut other = ground.server.connect();
    std::thread::scope(|scope| {
        let cause = || {
            // Microseconds for each key.
            ground.tell("CONFIG SET key-load-delay 1000");
            scope.spawn(move || tell(&mut other, "DEBUG RELOAD").expect("it has loaded"));
        };
        ground.outlives("LOADING", cause, || {});
    });
}

#[test]
fn noscript_is_loaded_again() {
    let ground = Ground::with(&[]);
    let mut run = ground.running();
    for _ in 0..5 {
        ground.tell("SCRIPT FLUSH");
        let far = migrated(&run.order("status").expect("it is at work")) + 30;
        run.until("it goes on", |status| migrated(status) > far);
    }
    run.order("set rate=off").expect("it is told");
    ground.assert_done(&run.ends(1));
}

#[test]
fn noperm_stops_a_run_that_is_resumed_when_it_is_granted() {
    let mut ground = Ground::with(&["user app on >secret ~* &* +@all"]);
    let socket = ground.server.local().socket();
    ground.url = format!("unix://{}?user=app&pass=secret", socket.display());
    let cause = || ground.tell("ACL SETUSER app resetkeys ~{remold}* %R~user:*");
    ground.stops("NOPERM", 5, cause, || ground.tell("ACL SETUSER app ~*"));
}

#[test]
fn noauth_stops_a_run_that_is_resumed_with_the_password() {
    let mut ground = Ground::with(&["user app on nopass ~* &* +@all"]);
    let socket = ground.server.local().socket();
    ground.url = format!("unix://{}?user=app&pass=old", socket.display());
    let cause = || {
        ground.tell("ACL SETUSER app resetpass >new");
        ground.tell("CLIENT KILL USER app");
    };
    let cure = || ground.tell("ACL SETUSER app resetpass >old");
    ground.stops("refuses the login", 3, cause, cure);
}

#[test]
fn a_reset_connection_is_made_again() {
    let mut ground = Ground::with(&[]);
    let proxy = Proxy::unix(&ground.server.local().socket());
    proxy.url().clone_into(&mut ground.url);
    let cause = || {
        // Each new one is closed at once.
        proxy.refuse(true);
        proxy.cut();
    };
    ground.outlives("was lost", cause, || proxy.refuse(false));
}

#[test]
fn a_certificate_that_is_refused_is_waited_for() {
    let certificates = Certificates::make();
    let file = |name: &str| certificates.file(name).display().to_string();
    let pair = |name: &str| format!("tls-cert-file {0}.pem tls-key-file {0}.key", file(name));
    let port = free_port().expect("a free port");
    let settings = [
        format!("tls-port {port}"),
        "tls-auth-clients no".to_owned(),
        format!("tls-ca-cert-file {}", file("ca.pem")),
        format!("tls-cert-file {}", file("server.pem")),
        format!("tls-key-file {}", file("server.key")),
    ];
    let mut ground = Ground::with(&settings.each_ref().map(String::as_str));
    ground.url = format!("rediss://127.0.0.1:{port}");
    ground.way = format!("--tls-ca {}", file("ca.pem"));
    let cause = || {
        ground.tell(&format!("CONFIG SET {}", pair("expired")));
        ground.tell("CLIENT KILL TYPE normal SKIPME yes");
    };
    let cure = || ground.tell(&format!("CONFIG SET {}", pair("server")));
    ground.outlives("certificate expired on 2020-02-29", cause, cure);
}

#[test]
fn connections_that_break_in_the_middle_of_a_command_are_made_again() {
    let mut ground = Ground::with(&[]);
    let proxy = Proxy::unix(&ground.server.local().socket());
    proxy.url().clone_into(&mut ground.url);
    let mut run = ground.running();
    for bytes in [700, 7_000, 3_000] {
        let far = migrated(&run.order("status").expect("it is at work")) + 30;
        proxy.cut_after(bytes);
        run.until("it goes on", |status| migrated(status) > far);
    }
    run.order("set rate=off").expect("it is told");
    ground.assert_done(&run.ends(1));
}

#[test]
fn a_reply_that_does_not_come_is_waited_for_no_longer() {
    let mut ground = Ground::with(&[]);
    let proxy = Proxy::unix(&ground.server.local().socket());
    proxy.url().clone_into(&mut ground.url);
    let slow = Duration::from_secs(2 * remold::model::limits::RESPONSE_TIMEOUT_S);
    ground.outlives("was lost", || proxy.delay(slow), || proxy.delay(Duration::ZERO));
}
