//! Time, processor time, memory and latency, and the table of them.

// Its numbers are its output.
#![allow(clippy::print_stdout)]
#![allow(clippy::cast_precision_loss)]

use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use redis::Connection;

use crate::contenders::Contender;
use crate::data::Data;

/// Connections of the foreign client, and how long each rests between two commands.
const FOREIGN_CONNECTIONS: usize = 4;
const FOREIGN_REST: Duration = Duration::from_millis(2);
/// Clock ticks of `/proc/self/stat` in a second, on every Linux there is.
const TICKS_PER_SECOND: f64 = 100.0;
/// The promise: 100 MiB and 16 bytes for each key.
const MEMORY_MIB_BASE: u64 = 100;
const MEMORY_BYTES_PER_KEY: u64 = 16;

pub fn connect(url: &str) -> Connection {
    redis::Client::open(url).expect("a URL").get_connection().expect("a connection")
}

/// The server's name and version.
pub fn version(connection: &mut Connection) -> String {
    let text: String = redis::cmd("INFO").arg("server").query(connection).expect("INFO");
    let of = |name: &str| text.lines().find_map(|line| line.strip_prefix(name)).map(str::trim);
    match (of("valkey_version:"), of("redis_version:")) {
        (Some(version), _) => format!("valkey {version}"),
        (_, version) => format!("redis {}", version.unwrap_or("?")),
    }
}

/// Seconds of processor time.
#[derive(Clone, Copy)]
pub struct Cost {
    client: f64,
    server: f64,
}

impl Cost {
    /// Of this process and its ended children, and of the server.
    pub fn so_far(connection: &mut Connection) -> Self {
        let text: String = redis::cmd("INFO").arg("cpu").query(connection).expect("INFO");
        let of = |name: &str| {
            let line = text.lines().find_map(|line| line.strip_prefix(name));
            line.and_then(|value| value.trim().parse::<f64>().ok()).unwrap_or(0.0)
        };
        let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
        let fields = stat.rsplit_once(") ").map_or("", |(_, fields)| fields);
        // utime, stime, cutime and cstime are the 14th to 17th of all fields, and the 12th from here.
        let ticks = fields.split(' ').skip(11).take(4).filter_map(|t| t.parse::<f64>().ok());
        Self {
            client: ticks.sum::<f64>() / TICKS_PER_SECOND,
            server: of("used_cpu_user:") + of("used_cpu_sys:"),
        }
    }

    pub fn since(self, before: Self) -> Self {
        Self { client: self.client - before.client, server: self.server - before.server }
    }
}

/// The figures of every round.
pub struct Table {
    title: String,
    keys: f64,
    rows: Vec<Row>,
    whole: Vec<f64>,
}

struct Row {
    contender: Contender,
    seconds: Vec<f64>,
    client: Vec<f64>,
    server: Vec<f64>,
}

impl Table {
    pub fn new(data: &Data, server: &str) -> Self {
        let title = format!("{}, {server}; medians", data.title());
        let row = |contender| Row {
            contender,
            seconds: Vec::new(),
            client: Vec::new(),
            server: Vec::new(),
        };
        let rows = Contender::ALL.map(row).into();
        Self { title, keys: data.keys as f64, rows, whole: Vec::new() }
    }

    pub fn note(&mut self, contender: Contender, seconds: f64, cost: Cost) {
        let row = self.rows.iter_mut().find(|row| row.contender == contender);
        let row = row.expect("there is a row for each");
        row.seconds.push(seconds);
        row.client.push(cost.client);
        row.server.push(cost.server);
    }

    /// Notes the seconds of a run with its verification, whose processor time stands in `run`.
    pub fn note_whole(&mut self, seconds: f64) {
        self.whole.push(seconds);
    }

    pub fn print(&self) {
        let seconds = |contender| {
            let row = self.rows.iter().find(|row| row.contender == contender);
            row.and_then(|row| median(&row.seconds))
        };
        let (floor, python) = (seconds(Contender::Floor), seconds(Contender::Python));
        println!("{}", self.title);
        println!(
            "{:<8} {:>10} {:>10} {:>10} {:>14} {:>14}",
            "what", "keys/s", "of floor", "of python", "client us/key", "server us/key"
        );
        let print = |name: &str, seconds: f64, client: String, server: String| {
            let of = |other: Option<f64>| {
                other.map_or("-".to_owned(), |other| format!("{:.2}", other / seconds))
            };
            let rate = self.keys / seconds;
            println!(
                "{name:<8} {rate:>10.0} {:>10} {:>10} {client:>14} {server:>14}",
                of(floor),
                of(python)
            );
        };
        for row in &self.rows {
            let each = |values| {
                let value = median(values).unwrap_or(0.0) * 1e6 / self.keys;
                format!("{value:.2}")
            };
            match median(&row.seconds) {
                None => println!("{:<8} {:>10}", row.contender.name(), "-"),
                Some(seconds) => {
                    print(row.contender.name(), seconds, each(&row.client), each(&row.server));
                }
            }
            if row.contender == Contender::Run {
                let whole = median(&self.whole).expect("a run was");
                print("whole", whole, "^".to_owned(), "^".to_owned());
            }
        }
        println!("client's peak memory: {} MiB", peak_memory_bytes() >> 20);
    }
}

fn median(values: &[f64]) -> Option<f64> {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    sorted.get(sorted.len() / 2).copied()
}

/// How long a light foreign client waited for its answers, sorted.
pub struct Latency(Vec<Duration>);

impl Latency {
    /// Sends a GET or a SET now and then, over connections of its own, while `work` goes on.
    pub fn beside(url: &str, work: impl FnOnce()) -> Self {
        let over = AtomicBool::new(false);
        let mut waited = thread::scope(|scope| {
            let foreign = |number: usize| {
                let over = &over;
                move || {
                    let mut connection = connect(url);
                    let mut waited = Vec::new();
                    while !over.load(Ordering::Relaxed) {
                        let key = format!("foreign:{number}:{}", waited.len() % 100);
                        let began = Instant::now();
                        if waited.len() % 2 == 0 {
                            redis::cmd("SET").arg(&key).arg("x").exec(&mut connection)
                        } else {
                            redis::cmd("GET").arg(&key).exec(&mut connection)
                        }
                        .expect("an answer");
                        waited.push(began.elapsed());
                        thread::sleep(FOREIGN_REST);
                    }
                    waited
                }
            };
            let clients: Vec<_> =
                (0..FOREIGN_CONNECTIONS).map(|number| scope.spawn(foreign(number))).collect();
            work();
            over.store(true, Ordering::Relaxed);
            clients
                .into_iter()
                .flat_map(|client| client.join().expect("no panic"))
                .collect::<Vec<_>>()
        });
        waited.sort_unstable();
        Self(waited)
    }

    pub fn print(&self, when: &str) {
        let at = |percent: usize| {
            let place = (self.0.len() * percent / 100).min(self.0.len().saturating_sub(1));
            self.0.get(place).map_or(0.0, |waited| waited.as_secs_f64() * 1000.0)
        };
        println!(
            "a foreign client {when}, {} commands: p50 {:.2} ms, p99 {:.2} ms, max {:.2} ms\n",
            self.0.len(),
            at(50),
            at(99),
            at(100)
        );
    }
}

/// Lets the peak begin anew from what is in use now.
pub fn forget_peak_memory() {
    // Where the system does not let us, the peak is of the whole program and so no smaller.
    let _ = std::fs::write("/proc/self/clear_refs", "5");
}

fn peak_memory_bytes() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let kib = line.and_then(|line| line.trim().trim_end_matches(" kB").parse::<u64>().ok());
    kib.unwrap_or(0) << 10
}

pub fn print_memory(keys: u64) {
    let (peak, most) =
        (peak_memory_bytes() >> 20, MEMORY_MIB_BASE + ((keys * MEMORY_BYTES_PER_KEY) >> 20));
    println!("{keys} keys: the client's peak memory was {peak} MiB, of at most {most} MiB");
    assert!(peak <= most, "a run keeps to {most} MiB");
}
