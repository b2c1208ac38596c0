//! How long a look over every key takes beside a bare pipelined read of the same keys: interleaved
//! rounds on one server, the real binary against a loop that reads and looks at nothing.
//!
//! ```text
//! cargo bench --bench keyspace -- [--keys N] [--rounds N]
//! ```
//!
//! * `read`     SCAN, then one pipeline of GET for each page: every value comes to the client
//! * `mget`     the same with one MGET for each page
//! * `census`   remold keys --versions
//! * `infer`    remold infer --all
//! * `validate` remold schema validate
//!
//! `of read` is the ratio that has to stay below 1.5 on a machine that does nothing else; `client us/key`
//! tells even on a busy one. Memory is the peak of the process, over all keys and over a tenth of them:
//! it is flat when the two are about the same.

use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use redis::{Connection, Pipeline, Value};
use remold::demo::Recipe;
use remold::store::local::{LocalOptions, LocalServer};

/// The verbs that look, with the arguments before the server.
const VERBS: [(&str, &[&str]); 3] = [
    ("census", &["keys", "user:*", "--versions"]),
    ("infer", &["infer", "user:*", "--all"]),
    ("validate", &["schema", "validate", "user"]),
];

/// What one round of one case cost.
#[derive(Clone, Copy)]
struct Cost {
    seconds: f64,
    client_seconds: f64,
    peak_mib: u64,
}

fn main() {
    let (keys, rounds) = (option("--keys", 1_000_000), option("--rounds", 3));
    let small = filled(keys / 10);
    let small_peaks: Vec<u64> =
        VERBS.iter().map(|(_, verb)| look(verb, small.url()).peak_mib).collect();
    drop(small);
    let server = filled(keys);
    let mut connection =
        redis::Client::open(server.url()).expect("a URL").get_connection().expect("a connection");
    let names = ["read", "mget", "census", "infer", "validate"];
    let mut costs = vec![Vec::new(); names.len()];
    for _ in 0..rounds {
        costs[0].push(read(&mut connection, keys, false));
        costs[1].push(read(&mut connection, keys, true));
        for (at, (_, verb)) in VERBS.iter().enumerate() {
            costs[2 + at].push(look(verb, server.url()));
        }
    }
    print(keys, &names, &mut costs, &small_peaks);
}

fn option(name: &str, default: u64) -> u64 {
    let mut arguments = std::env::args().skip_while(|argument| argument != name);
    arguments.nth(1).map_or(default, |text| text.parse().expect("a number"))
}

/// A server with so many documents of the demo's users, of all versions and none.
fn filled(keys: u64) -> LocalServer {
    let server = LocalServer::start(&LocalOptions::default()).expect("a redis-server");
    let recipe = Recipe { keys: keys * 4, seed: 1 };
    let users = recipe.keys().filter(|(kind, _)| kind.subject() == Some("user"));
    let count = usize::try_from(keys).expect("keys fit in memory");
    server.fill(users.map(|(_, key)| key).take(count)).expect("filled");
    server
}

/// Every value comes to the client, and nothing is done with it.
fn read(connection: &mut Connection, keys: u64, mget: bool) -> Cost {
    let (began, before) = (Instant::now(), cpu_seconds(Path::new("/proc/self/stat")));
    let (mut cursor, mut values) = (0_u64, 0);
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
            let found: Vec<Value> = if mget {
                redis::cmd("MGET").arg(&names).query(connection).expect("MGET")
            } else {
                let mut pipeline = Pipeline::with_capacity(names.len());
                for name in &names {
                    pipeline.cmd("GET").arg(name);
                }
                // A user's key may hold another type: that reply is an error, and no value.
                pipeline.ignore_errors().query(connection).expect("GET")
            };
            values += found.len() as u64;
        }
        cursor = next;
        if cursor == 0 {
            break;
        }
    }
    assert!(values >= keys, "{values} of {keys} values were read");
    Cost {
        seconds: began.elapsed().as_secs_f64(),
        client_seconds: cpu_seconds(Path::new("/proc/self/stat")) - before,
        peak_mib: 0,
    }
}

/// Runs the real binary, and watches what it takes.
fn look(verb: &[&str], url: &str) -> Cost {
    let began = Instant::now();
    let mut child = Command::new(env!("CARGO_BIN_EXE_remold"))
        .args(verb)
        .args(["--json", "--quiet", "--url", url])
        .env("REMOLD_CATALOG", "sample-data/catalog")
        .stdout(Stdio::null())
        .spawn()
        .expect("the binary starts");
    let folder = format!("/proc/{}", child.id());
    let folder = Path::new(&folder);
    let (mut client_seconds, mut peak_mib) = (0.0, 0);
    let status = loop {
        if let Some(status) = child.try_wait().expect("a child of ours") {
            break status;
        }
        // The last look before the end is a few milliseconds old at most.
        client_seconds = f64::max(client_seconds, cpu_seconds(&folder.join("stat")));
        peak_mib = peak_mib.max(peak_memory_mib(&folder.join("status")));
        std::thread::sleep(Duration::from_millis(5));
    };
    assert!(status.code().is_some_and(|code| code < 2), "{verb:?} ended with {status}");
    Cost { seconds: began.elapsed().as_secs_f64(), client_seconds, peak_mib }
}

/// User and system time of a process, at the usual 100 ticks a second.
fn cpu_seconds(stat: &Path) -> f64 {
    let text = std::fs::read_to_string(stat).unwrap_or_default();
    // The name in the second field may hold spaces; it ends with the last bracket.
    let fields = text.rsplit_once(')').map(|(_, rest)| rest).unwrap_or_default();
    let field = |at: usize| fields.split_whitespace().nth(at).and_then(|t| t.parse::<f64>().ok());
    (field(11).unwrap_or(0.0) + field(12).unwrap_or(0.0)) / 100.0
}

fn peak_memory_mib(status: &Path) -> u64 {
    let text = std::fs::read_to_string(status).unwrap_or_default();
    let line = text.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let kib = line.and_then(|line| line.trim().trim_end_matches(" kB").parse::<u64>().ok());
    kib.unwrap_or(0) / 1024
}

#[expect(clippy::print_stdout, reason = "this is a program whose data is this table")]
#[expect(clippy::cast_precision_loss, reason = "a rate")]
fn print(keys: u64, names: &[&str], costs: &mut [Vec<Cost>], small_peaks: &[u64]) {
    let median = |costs: &mut Vec<Cost>| {
        costs.sort_by(|a, b| a.seconds.total_cmp(&b.seconds));
        costs[costs.len() / 2]
    };
    let medians: Vec<Cost> = costs.iter_mut().map(median).collect();
    println!("{keys} JSON strings of the demo's users; medians");
    println!(
        "{:<9} {:>8} {:>9} {:>8} {:>14} {:>9} {:>10}",
        "what", "seconds", "keys/s", "of read", "client us/key", "peak MiB", "of a tenth"
    );
    for (at, (name, cost)) in names.iter().zip(&medians).enumerate() {
        let peaks = match at.checked_sub(2).map(|at| small_peaks[at]) {
            Some(small) => format!("{:>9} {small:>10}", cost.peak_mib),
            None => String::new(),
        };
        println!(
            "{name:<9} {:>8.2} {:>9.0} {:>8.2} {:>14.2} {peaks}",
            cost.seconds,
            keys as f64 / cost.seconds,
            cost.seconds / medians[0].seconds,
            cost.client_seconds * 1e6 / keys as f64,
        );
    }
}
