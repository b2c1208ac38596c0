//! How fast a run is beside what the server allows: ratios in one process, on one server, on the
//! same data, in interleaved rounds. These machines are noisy; a single figure means little.
//!
//! ```text
//! cargo bench --bench throughput -- [--keys N] [--rounds N]
//! ```
//!
//! * `run`    remold's run: journal, compare-and-set, validation and verification are on
//! * `write`  the same, timed without the verification that follows
//! * `floor`  unsafe: SCAN, pipelined MGET, the same transforms, pipelined SET KEEPTTL
//! * `lua`    a server-side script that decodes and encodes with cjson, 200 keys a call
//! * `python` what a user would write with redis-py (where python3 has it)

use std::process::Command;
use std::time::Instant;

use redis::{Connection, Pipeline, Value};
use remold::catalog::{Catalog, Source};
use remold::engine::{Control, Judge, Judged, RunOptions};
use remold::model::{Content, Edit, Key};
use remold::planner::{Plan, PlanRequest};
use remold::session::{Session, Settings};
use remold::store::local::{LocalOptions, LocalServer};
use serde_json::{Value as Json, json};

const LUA: &str = r"
for i = 1, #KEYS do
  local text = redis.call('GET', KEYS[i])
  if text then
    local doc = cjson.decode(text)
    doc.fullName = doc.userName
    doc.userName = nil
    local first, last = string.match(doc.fullName, '^(%S+) (.*)$')
    doc.firstName, doc.lastName, doc.fullName = first, last, nil
    redis.call('SET', KEYS[i], cjson.encode(doc), 'KEEPTTL')
  end
end
return #KEYS";

const PYTHON: &str = r"
import json, sys, redis
r = redis.Redis(unix_socket_path=sys.argv[1])
def flush(keys):
    pipe = r.pipeline(transaction=False)
    for key, text in zip(keys, r.mget(keys)):
        doc = json.loads(text)
        first, last = doc.pop('userName').split(' ', 1)
        doc['firstName'], doc['lastName'] = first, last
        pipe.set(key, json.dumps(doc), keepttl=True)
    pipe.execute()
keys = []
for key in r.scan_iter(match='user:*', count=1000):
    keys.append(key)
    if len(keys) == 1000:
        flush(keys); keys = []
if keys: flush(keys)
";

fn main() {
    let (keys, rounds) = (option("--keys", 200_000), option("--rounds", 5));
    let server = LocalServer::start(&LocalOptions::default()).expect("a redis-server");
    let state = tempfile::tempdir().expect("a temporary folder");
    let session = Session::open(Settings {
        url: Some(server.url().to_owned()),
        state_dir: Some(state.path().to_owned()),
        ..Settings::default()
    })
    .expect("settings")
    .with_catalog(catalog());
    let plan = session
        .plan(PlanRequest {
            subject: "user".into(),
            target: "3.0.0".parse().expect("a version"),
            from: None,
            path: None,
            pattern: None,
            limit: None,
            frozen: session.frozen(),
        })
        .expect("a plan");
    let mut connection = connect(server.url());
    let mut times: Vec<(&str, Vec<f64>, Vec<f64>)> = ["write", "run", "floor", "lua", "python"]
        .map(|name| (name, Vec::new(), Vec::new()))
        .into();
    for _ in 0..rounds {
        for (name, seconds, cpu) in &mut times {
            fill(&mut connection, keys);
            let before = cpu_seconds(&mut connection);
            let began = Instant::now();
            let mut took = None;
            let done = match *name {
                "write" => {
                    took = Some(run(&session, &plan, keys));
                    true
                }
                "run" => run(&session, &plan, keys) > 0.0,
                "floor" => floor(&mut connection, &plan, keys),
                "lua" => lua(&mut connection, keys),
                _ => python(server.url()),
            };
            if done {
                seconds.push(took.unwrap_or_else(|| began.elapsed().as_secs_f64()));
                cpu.push(cpu_seconds(&mut connection) - before);
            }
        }
    }
    print(keys, &mut times);
}

fn option(name: &str, default: u64) -> u64 {
    let mut arguments = std::env::args().skip_while(|argument| argument != name);
    arguments.nth(1).map_or(default, |text| text.parse().expect("a number"))
}

fn catalog() -> Catalog {
    let field = |required: bool| json!({"type": "string", "required": required});
    let schema = |version: &str, fields: Json| json!({"version": version, "keyPattern": "user:*", "storage": "string", "fields": fields});
    let one = schema("1.0.0", json!({"userName": field(true), "email": field(true)}));
    let two = schema(
        "3.0.0",
        json!({"firstName": field(true), "lastName": field(true), "email": field(true)}),
    );
    let migrations = json!({"subject": "user", "migrations": {"split": {
        "source": "1.0.0", "target": "3.0.0", "strategy": "direct",
        "transforms": [
            {"type": "renameField", "from": "userName", "to": "fullName"},
            {"type": "splitField", "from": "fullName", "to": ["firstName", "lastName"],
             "separator": " "}]}}});
    let sources = [("1", one), ("3", two), ("migrations", migrations)];
    let sources = sources.map(|(name, json)| Source::from_value(name, &json));
    Catalog::from_definitions(&sources).expect("right definitions")
}

fn connect(url: &str) -> Connection {
    redis::Client::open(url).expect("a URL").get_connection().expect("a connection")
}

fn fill(connection: &mut Connection, keys: u64) {
    redis::cmd("FLUSHALL").exec(connection).expect("flushed");
    for start in (0..keys).step_by(2_000) {
        let mut pipeline = Pipeline::new();
        for at in start..keys.min(start + 2_000) {
            let text = format!(
                r#"{{"userName":"Ada{at} Lovelace","email":"ada{at}@example.com","age":{},"score":1.50,"address":{{"city":"London","zip":"N{at}"}},"tags":["a","b","c"],"active":true,"note":"lorem ipsum dolor"}}"#,
                at % 90
            );
            pipeline.cmd("SET").arg(format!("user:{at}")).arg(text).ignore();
        }
        pipeline.exec(connection).expect("filled");
    }
}

fn cpu_seconds(connection: &mut Connection) -> f64 {
    let text: String = redis::cmd("INFO").arg("cpu").query(connection).expect("INFO");
    let of = |name: &str| {
        let line = text.lines().find_map(|line| line.strip_prefix(name));
        line.and_then(|value| value.trim().parse::<f64>().ok()).unwrap_or(0.0)
    };
    of("used_cpu_user:") + of("used_cpu_sys:")
}

/// Carries the plan out; answers the seconds before its verification began.
fn run(session: &Session, plan: &Plan, keys: u64) -> f64 {
    let run = session.new_run_id("user");
    let options = RunOptions { execute: true, ..RunOptions::default() };
    let report = session.run(&run, plan, &options, &Control::default()).expect("a run");
    assert_eq!(report.tally.migrated, keys, "{report:?}");
    report.seconds
}

fn floor(connection: &mut Connection, plan: &Plan, keys: u64) -> bool {
    let judge = Judge::new(plan).expect("compiles");
    let (mut cursor, mut done) = (0_u64, 0);
    loop {
        let (next, names): (u64, Vec<Vec<u8>>) = redis::cmd("SCAN")
            .arg(cursor)
            .arg("MATCH")
            .arg("user:*")
            .arg("COUNT")
            .arg(500)
            .query(connection)
            .expect("SCAN");
        if !names.is_empty() {
            let mut read = redis::cmd("MGET");
            for name in &names {
                read.arg(name);
            }
            let texts: Vec<Value> = read.query(connection).expect("MGET");
            let mut write = Pipeline::with_capacity(names.len());
            for (name, text) in names.into_iter().zip(texts) {
                let Value::BulkString(text) = text else { continue };
                let key = Key::from(name);
                if let Judged::Edit { edit: Edit::String { after, .. }, .. } =
                    judge.judge(&key, &Content::String(text))
                {
                    write.cmd("SET").arg(key.as_bytes()).arg(after).arg("KEEPTTL").ignore();
                    done += 1;
                }
            }
            write.exec(connection).expect("SET");
        }
        cursor = next;
        if cursor == 0 {
            break;
        }
    }
    assert_eq!(done, keys);
    true
}

fn lua(connection: &mut Connection, keys: u64) -> bool {
    let script = redis::Script::new(LUA);
    for start in (0..keys).step_by(200) {
        let mut call = script.prepare_invoke();
        for at in start..keys.min(start + 200) {
            call.key(format!("user:{at}"));
        }
        let _: u64 = call.invoke(connection).expect("the script runs");
    }
    true
}

fn python(url: &str) -> bool {
    let Some(socket) = url.strip_prefix("unix://") else { return false };
    let status = Command::new("python3").args(["-c", PYTHON, socket]).status();
    status.is_ok_and(|status| status.success())
}

#[expect(clippy::print_stdout, reason = "this is a program whose data is this table")]
#[expect(clippy::cast_precision_loss, reason = "a rate")]
fn print(keys: u64, times: &mut [(&str, Vec<f64>, Vec<f64>)]) {
    let median = |values: &mut Vec<f64>| {
        values.sort_by(f64::total_cmp);
        values.get(values.len() / 2).copied()
    };
    let floor = median(&mut times[2].1).expect("the floor always runs");
    println!("{keys} JSON strings of about 200 bytes; medians");
    println!("{:<8} {:>10} {:>10} {:>14}", "what", "keys/s", "of floor", "server us/key");
    for (name, seconds, cpu) in times {
        let (Some(seconds), Some(cpu)) = (median(seconds), median(cpu)) else {
            println!("{name:<8} {:>10}", "not here");
            continue;
        };
        println!(
            "{name:<8} {:>10.0} {:>10.2} {:>14.2}",
            keys as f64 / seconds,
            floor / seconds,
            cpu * 1e6 / keys as f64
        );
    }
    println!("client's peak memory: {} MiB", peak_memory_mib());
}

fn peak_memory_mib() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let kib = line.and_then(|line| line.trim().trim_end_matches(" kB").parse::<u64>().ok());
    kib.unwrap_or(0) / 1024
}
