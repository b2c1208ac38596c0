//! How fast a run is beside what the server allows: ratios in one process, on one server, on the
//! same data, in interleaved rounds. Machines are noisy; a single figure means little.
//!
//! ```text
//! cargo bench --bench throughput -- [--keys N] [--hashes N] [--rounds N] [--only NAME,NAME] [--server PATH]
//! cargo bench --bench throughput -- --memory N [--server PATH]
//! ```
//!
//! * `run`    remold's run: journal, compare-and-set and validation are on, without the verification
//! * `whole`  the same with the verification that follows it
//! * `floor`  unsafe: pipelined reads, the same transforms, pipelined writes over two connections
//! * `lua`    a server-side script that decodes and encodes with cjson, 200 keys a call
//! * `python` what a user would write with redis-py (where python3 has it)
//!
//! Afterwards a run goes at full speed beside a light foreign client, whose latency is told.
//! `--memory N` fills N small keys instead and tells the client's peak memory.

mod contenders;
mod data;
mod measure;

use std::path::PathBuf;
use std::time::Instant;

use remold::engine::{Control, RunOptions};
use remold::planner::{Narrowed, Plan, PlanRequest};
use remold::session::{Session, Settings};
use remold::store::local::{LocalOptions, LocalServer};

use contenders::Contender;
use data::{Data, Kind};
use measure::{Cost, Latency, Table};

/// The program has the same.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// What every contender needs.
pub struct Arena {
    /// The server all work on.
    pub server: LocalServer,
    /// Settings, with the definitions.
    pub session: Session,
    /// What is to be done.
    pub plan: Plan,
    /// What stands in the server before each round.
    pub data: Data,
}

fn main() {
    let program = text_option("--server").map(PathBuf::from);
    if let Some(keys) = text_option("--memory") {
        memory(program, keys.parse().expect("a number of keys"));
        return;
    }
    let rounds = option("--rounds", 5);
    for (kind, keys) in
        [(Kind::Strings, option("--keys", 1_000_000)), (Kind::Hashes, option("--hashes", 200_000))]
    {
        if keys > 0 {
            compare(program.clone(), Data { kind, keys }, rounds);
        }
    }
}

fn text_option(name: &str) -> Option<String> {
    std::env::args().skip_while(|argument| argument != name).nth(1)
}

fn option(name: &str, default: u64) -> u64 {
    text_option(name).map_or(default, |text| text.parse().expect("a number"))
}

impl Arena {
    fn new(program: Option<PathBuf>, data: Data, state: &std::path::Path) -> Self {
        let options = LocalOptions { program, ..LocalOptions::default() };
        let server = LocalServer::start(&options).expect("a redis-server");
        let session = Session::open(Settings {
            url: Some(server.url().to_owned()),
            state_dir: Some(state.to_owned()),
            ..Settings::default()
        })
        .expect("settings")
        .with_catalog(data.catalog());
        let plan = session
            .plan(PlanRequest {
                subject: "user".into(),
                target: "3.0.0".parse().expect("a version"),
                from: None,
                path: None,
                pattern: None,
                narrowed: Narrowed::default(),
                frozen: session.frozen(),
            })
            .expect("a plan");
        Self { server, session, plan, data }
    }

    /// Carries the plan out; answers the seconds before its verification began.
    pub fn run(&self) -> f64 {
        let run = self.session.new_run_id("user");
        let options = RunOptions { execute: true, ..RunOptions::default() };
        let report =
            self.session.run(&run, &self.plan, &options, &Control::default()).expect("a run");
        assert_eq!(report.tally.migrated, self.data.keys, "{report:?}");
        let checked = report.verification.map(|found| (found.checked, found.differing()));
        assert_eq!(checked, Some((self.data.keys, 0)), "{report:?}");
        report.seconds
    }
}

fn compare(program: Option<PathBuf>, data: Data, rounds: u64) {
    let state = tempfile::tempdir().expect("a temporary folder");
    let arena = Arena::new(program, data, state.path());
    let mut connection = measure::connect(arena.server.url());
    let mut table = Table::new(&arena.data, &measure::version(&mut connection));
    let only = text_option("--only");
    let is_in = |contender: &Contender| {
        only.as_ref().is_none_or(|names| names.split(',').any(|name| name == contender.name()))
    };
    for _ in 0..rounds {
        for contender in Contender::ALL.into_iter().filter(is_in) {
            arena.data.fill(&mut connection);
            let before = Cost::so_far(&mut connection);
            let began = Instant::now();
            if let Some(seconds) = contender.work(&arena) {
                let cost = Cost::so_far(&mut connection).since(before);
                table.note(contender, seconds, cost);
            }
            if contender == Contender::Run {
                table.note_whole(began.elapsed().as_secs_f64());
            }
        }
    }
    table.print();
    arena.data.fill(&mut connection);
    let latency = Latency::beside(arena.server.url(), || {
        arena.run();
    });
    latency.print("beside a run at full speed");
}

/// Runs over many small keys; tells the client's peak memory.
fn memory(program: Option<PathBuf>, keys: u64) {
    let state = tempfile::tempdir().expect("a temporary folder");
    let arena = Arena::new(program, Data { kind: Kind::Small, keys }, state.path());
    let mut connection = measure::connect(arena.server.url());
    arena.data.fill(&mut connection);
    measure::forget_peak_memory();
    arena.run();
    measure::print_memory(keys);
}
