//! How quick the console is: the real binary on a pseudo terminal, on a private server.
//!
//! ```text
//! cargo bench --bench console -- [--keys N] [--rounds N]
//! ```
//!
//! * first frame after start: the process begins, until the tabs are on screen; and until the server's answer is
//! * key to frame, while a run goes at full speed: a key is sent, until the tab it asks for is on screen
//! * a run's own seconds with the console attached beside those of the same run without it

use std::io::{Read, Write};
use std::path::Path;
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::{Duration, Instant};

use portable_pty::{Child, CommandBuilder, MasterPty, PtySize, native_pty_system};
use remold::demo::Recipe;
use remold::session::{Session, Settings};
use remold::store::local::{LocalOptions, LocalServer};

const SCREEN: PtySize = PtySize { rows: 40, cols: 120, pixel_width: 0, pixel_height: 0 };
/// A run of the keys takes seconds; half a minute means that the screens have changed and this file has not.
const PATIENCE: Duration = Duration::from_secs(30);
const CATALOG: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/sample-data/catalog");

fn main() {
    let rounds = option("--rounds", 3);
    let recipe = Recipe { keys: option("--keys", 200_000), seed: 7 };
    let (mut starts, mut answers, mut frames) = (Vec::new(), Vec::new(), Vec::new());
    let (mut attached, mut headless) = (Vec::new(), Vec::new());
    for round in 1..=rounds {
        attached.push(on_fresh_keys(&recipe, |server, state| {
            for _ in 0..STARTS {
                let (console, drawn, answered) = Console::open(server.url(), state);
                starts.push(drawn);
                answers.push(answered);
                console.leave();
            }
            let (mut console, ..) = Console::open(server.url(), state);
            console.begin_run();
            console.measure_keys(&mut frames);
            console.leave();
        }));
        headless.push(on_fresh_keys(&recipe, run_headless));
        let (with, without) = (attached[attached.len() - 1], headless[headless.len() - 1]);
        say(&format!(
            "round {round} of {rounds}: a run of {with:.2} s with the console, of {without:.2} s without, {} keys typed",
            frames.len()
        ));
    }
    tell("first frame after start", &mut starts, "50 ms");
    tell("server's answer on screen after start", &mut answers, "soon");
    tell("key to frame beside a run", &mut frames, "16 ms at p99");
    let (with, without) = (median(&mut attached), median(&mut headless));
    say(&format!(
        "run with the console {with:.2} s, without {without:.2} s: {:.3} of the throughput (wanted: 0.95)",
        without / with
    ));
}

/// The same run as a subcommand.
fn run_headless(server: &LocalServer, state: &Path) {
    let line = ["run", "user", "--to", "3.0.0", "--execute", "--yes"];
    let status = std::process::Command::new(env!("CARGO_BIN_EXE_remold"))
        .args(line)
        .env("REMOLD_URL", server.url())
        .env("REMOLD_CATALOG", CATALOG)
        .env("REMOLD_STATE_DIR", state)
        .stdout(std::process::Stdio::null())
        .stderr(std::process::Stdio::null())
        .status();
    // Keys that do not fit end it with a code of their own; whether it ran tells its journal.
    status.expect("the binary starts");
}

/// Works on a new server with the sample keys; answers the seconds of the one run that stands in the
/// journal afterwards.
fn on_fresh_keys(recipe: &Recipe, work: impl FnOnce(&LocalServer, &Path)) -> f64 {
    let server = LocalServer::start(&LocalOptions::default()).expect("a redis-server");
    server.fill(recipe.keys().map(|(_, key)| key)).expect("the sample keys are written");
    let folder = tempfile::tempdir().expect("a temporary folder");
    work(&server, folder.path());
    let session = Session::open(Settings {
        url: Some(server.url().to_owned()),
        catalog: Some(CATALOG.into()),
        state_dir: Some(folder.path().to_owned()),
        ..Settings::default()
    });
    let (runs, _) = session.expect("good settings").runs().expect("the journals read");
    let [run] = &runs[..] else { panic!("one run was to be done: {runs:?}") };
    assert_eq!(run.phase, remold::model::Phase::Done, "{run:?}");
    run.seconds
}

/// How often the console is started and left in a round, besides the one that runs.
const STARTS: u64 = 5;

/// The console in a terminal of its own.
struct Console {
    child: Box<dyn Child + Send + Sync>,
    _master: Box<dyn MasterPty + Send>,
    writer: Box<dyn Write + Send>,
    output: Receiver<Vec<u8>>,
    parser: vt100::Parser,
}

impl Console {
    /// Opens it; tells how long the first frame took, and the one with the server's version.
    fn open(url: &str, state: &Path) -> (Self, Duration, Duration) {
        let pty = native_pty_system().openpty(SCREEN).expect("a pseudo terminal");
        let mut command = CommandBuilder::new(env!("CARGO_BIN_EXE_remold"));
        for (name, value) in [("TERM", "xterm-256color"), ("REMOLD_URL", url)] {
            command.env(name, value);
        }
        command.env("REMOLD_CATALOG", CATALOG);
        command.env("REMOLD_STATE_DIR", state);
        let mut reader = pty.master.try_clone_reader().expect("its output can be read");
        let (send, output) = channel();
        std::thread::spawn(move || {
            let mut buffer = vec![0; 65_536];
            while let Ok(count @ 1..) = reader.read(&mut buffer) {
                if send.send(buffer[..count].to_vec()).is_err() {
                    return;
                }
            }
        });
        let began = Instant::now();
        let child = pty.slave.spawn_command(command).expect("the binary starts");
        drop(pty.slave);
        let writer = pty.master.take_writer().expect("its input can be written");
        let cells = |count| std::num::NonZero::new(count).expect("a screen has cells");
        let parser = vt100::Parser::new(cells(SCREEN.rows), cells(SCREEN.cols), 0);
        let mut console = Self { child, _master: pty.master, writer, output, parser };
        console.sees("5 History");
        let drawn = began.elapsed();
        console.sees("primary");
        (console, drawn, began.elapsed())
    }

    fn types(&mut self, text: &str) {
        self.writer.write_all(text.as_bytes()).expect("the terminal takes keys");
        self.writer.flush().expect("the terminal takes keys");
    }

    fn shows(&self, wanted: &str) -> bool {
        self.parser.screen().contents().contains(wanted)
    }

    /// Takes output in until the screen shows a text.
    fn sees(&mut self, wanted: &str) {
        self.comes_to(wanted, |console| console.shows(wanted));
    }

    fn comes_to(&mut self, wanted: &str, is_there: impl Fn(&Self) -> bool) {
        let began = Instant::now();
        while !is_there(self) {
            assert!(
                began.elapsed() < PATIENCE,
                "no '{wanted}':\n{}",
                self.parser.screen().contents()
            );
            match self.output.recv_timeout(Duration::from_secs(1)) {
                Ok(bytes) => self.parser.process(&bytes),
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => panic!("the console ended"),
            }
        }
    }

    fn begin_run(&mut self) {
        self.types("2jjj");
        self.sees("3.0.0");
        self.types("c");
        self.sees("100 sampled");
        self.types("r");
        self.sees("From 1.0.0");
        self.types("x");
        self.sees("Type user:*");
        self.types("user:*\r");
        self.sees("RUNNING");
    }

    /// Goes to and fro between two tabs until the run is done.
    fn measure_keys(&mut self, frames: &mut Vec<Duration>) {
        let began = Instant::now();
        loop {
            const TABS: [(&str, &str); 2] = [("2", "Subjects and versions"), ("4", "elapsed")];
            for ((key, wanted), (_, other)) in [(TABS[0], TABS[1]), (TABS[1], TABS[0])] {
                let typed = Instant::now();
                self.types(key);
                // A frame may come in parts.
                self.comes_to(wanted, |console| console.shows(wanted) && !console.shows(other));
                frames.push(typed.elapsed());
            }
            if self.shows("DONE") {
                return;
            }
            assert!(
                began.elapsed() < PATIENCE,
                "the run does not end:\n{}",
                self.parser.screen().contents()
            );
            // As a quick typist; more keys would measure the typing.
            std::thread::sleep(Duration::from_millis(40));
        }
    }

    fn leave(mut self) {
        self.types("q");
        let began = Instant::now();
        while self.child.try_wait().expect("its state is known").is_none() {
            if let Ok(bytes) = self.output.recv_timeout(Duration::from_millis(5)) {
                self.parser.process(&bytes);
            }
            assert!(
                began.elapsed() < PATIENCE,
                "q does not end it:\n{}",
                self.parser.screen().contents()
            );
        }
    }
}

fn tell(what: &str, times: &mut [Duration], wanted: &str) {
    times.sort_unstable();
    let at =
        |part: usize| times[(times.len() * part / 100).min(times.len() - 1)].as_secs_f64() * 1e3;
    let (median, late, worst) = (at(50), at(99), at(100));
    say(&format!(
        "{what}: median {median:.1} ms, p99 {late:.1} ms, worst {worst:.1} ms of {} (wanted: {wanted})",
        times.len()
    ));
}

fn median(seconds: &mut [f64]) -> f64 {
    seconds.sort_unstable_by(f64::total_cmp);
    seconds[seconds.len() / 2]
}

#[expect(clippy::print_stdout, reason = "a bench prints what it measured")]
fn say(line: &str) {
    println!("{line}");
}

fn option(name: &str, default: u64) -> u64 {
    let text = std::env::args().skip_while(|argument| argument != name).nth(1);
    text.map_or(default, |text| text.parse().expect("a number"))
}
