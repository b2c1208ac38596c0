//! The real binary on a real terminal: it starts, does the main job, survives sizes and signals, and
//! gives the terminal back as it was.

use std::io::{Read, Write};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use portable_pty::{Child, CommandBuilder, ExitStatus, MasterPty, PtySize, native_pty_system};
use remold::demo::Recipe;

use crate::harness::binary::sample_catalog;
use crate::harness::{Snapshot, TestServer};

const PATIENCE: Duration = Duration::from_secs(40);

/// The binary in a terminal of its own.
struct Console {
    child: Box<dyn Child + Send + Sync>,
    master: Box<dyn MasterPty + Send>,
    writer: Box<dyn Write + Send>,
    output: Arc<Mutex<Output>>,
    home: tempfile::TempDir,
}

struct Output {
    bytes: Vec<u8>,
    parser: vt100::Parser,
}

fn size(columns: u16, rows: u16) -> PtySize {
    PtySize { rows, cols: columns, pixel_width: 0, pixel_height: 0 }
}

fn parser(columns: u16, rows: u16) -> vt100::Parser {
    let cells = |count| std::num::NonZero::new(count).expect("a screen has cells");
    vt100::Parser::new(cells(rows), cells(columns), 0)
}

impl Console {
    fn open(url: &str, (columns, rows): (u16, u16), environment: &[(&str, &str)]) -> Self {
        let home = tempfile::tempdir().expect("a temporary folder");
        let pty = native_pty_system().openpty(size(columns, rows)).expect("a pseudo terminal");
        let mut command = CommandBuilder::new(env!("CARGO_BIN_EXE_remold"));
        for name in ["NO_COLOR", "COLORFGBG", "REMOLD_CONFIG", "XDG_CONFIG_HOME"] {
            command.env_remove(name);
        }
        command.env("TERM", "xterm-256color");
        command.env("HOME", home.path());
        command.env("REMOLD_URL", url);
        command.env("REMOLD_CATALOG", sample_catalog());
        command.env("REMOLD_STATE_DIR", home.path().join("state"));
        for (name, value) in environment {
            command.env(name, value);
        }
        let child = pty.slave.spawn_command(command).expect("the binary starts");
        drop(pty.slave);
        let output =
            Arc::new(Mutex::new(Output { bytes: Vec::new(), parser: parser(columns, rows) }));
        let mut reader = pty.master.try_clone_reader().expect("its output can be read");
        let writer = pty.master.take_writer().expect("its input can be written");
        let kept = Arc::clone(&output);
        std::thread::spawn(move || {
            let mut buffer = [0; 4096];
            while let Ok(count @ 1..) = reader.read(&mut buffer) {
                let mut output = kept.lock().expect("not poisoned");
                output.bytes.extend_from_slice(&buffer[..count]);
                output.parser.process(&buffer[..count]);
            }
        });
        Self { child, master: pty.master, writer, output, home }
    }

    fn types(&mut self, text: &str) {
        self.writer.write_all(text.as_bytes()).expect("the terminal takes keys");
        self.writer.flush().expect("the terminal takes keys");
    }

    fn screen(&self) -> String {
        self.output.lock().expect("not poisoned").parser.screen().contents()
    }

    fn sees(&self, wanted: &str) {
        let began = Instant::now();
        while !self.screen().contains(wanted) {
            let screen = self.screen();
            assert!(began.elapsed() < PATIENCE, "'{wanted}' did not come on screen:\n{screen}");
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    fn resize(&mut self, columns: u16, rows: u16) {
        let mut output = self.output.lock().expect("not poisoned");
        output.parser = parser(columns, rows);
        drop(output);
        self.master.resize(size(columns, rows)).expect("a terminal has any size");
    }

    fn signal(&self, name: &str) {
        let id = self.child.process_id().expect("it runs").to_string();
        let sent = std::process::Command::new("kill").args([name, &id]).status();
        assert!(sent.expect("kill is there").success());
    }

    /// Its folder, which else goes with it.
    fn keeps_its_home(&mut self) -> tempfile::TempDir {
        std::mem::replace(&mut self.home, tempfile::tempdir().expect("a temporary folder"))
    }

    /// Waits for a good end, and checks that the terminal was given back.
    fn ends(self) -> Vec<u8> {
        let (status, bytes) = self.ends_somehow();
        assert!(status.success(), "{status:?}\n{}", String::from_utf8_lossy(&bytes));
        bytes
    }

    /// Waits for the end, however it is, and checks that the terminal was given back.
    fn ends_somehow(mut self) -> (ExitStatus, Vec<u8>) {
        let began = Instant::now();
        let status = loop {
            if let Some(status) = self.child.try_wait().expect("the child can be asked") {
                break status;
            }
            assert!(began.elapsed() < PATIENCE, "it does not end:\n{}", self.screen());
            std::thread::sleep(Duration::from_millis(10));
        };
        let given_back = [
            ("the alternate screen", "\x1b[?1049l"),
            ("mouse capture", "\x1b[?1000l"),
            ("bracketed paste", "\x1b[?2004l"),
            ("the cursor", "\x1b[?25h"),
        ];
        loop {
            let bytes = self.output.lock().expect("not poisoned").bytes.clone();
            let text = String::from_utf8_lossy(&bytes).into_owned();
            let missing = given_back.iter().find(|(_, sequence)| !text.contains(sequence));
            match missing {
                None => return (status, bytes),
                Some((what, _)) => {
                    assert!(began.elapsed() < PATIENCE, "{what} was not given back");
                    std::thread::sleep(Duration::from_millis(10));
                }
            }
        }
    }
}

fn filled(keys: u64) -> TestServer {
    let server = TestServer::start();
    let recipe = Recipe { keys, seed: 7 };
    server.local().fill(recipe.keys().map(|(_, key)| key)).expect("the sample keys are written");
    server
}

#[test]
fn the_main_job_at_80_by_24() {
    let server = filled(2_000);
    let before = Snapshot::take(&mut server.connect());
    let mut console = Console::open(server.url(), (80, 24), &[]);
    console.sees("of about 2,000");
    console.types("2jjj");
    console.sees("3.0.0");
    console.types("c");
    console.sees("100 sampled");
    console.types("r");
    console.sees("From 1.0.0: v1_to_v2");
    console.types("x");
    console.sees("Type user:* to go on");
    console.types("user:*\r");
    console.sees("the run is done");
    assert!(!before.differences(&Snapshot::take(&mut server.connect())).is_empty());
    console.types("5");
    console.sees("newest first");
    console.sees("done");
    console.types("b");
    console.sees("Type user:* to go on");
    console.types("user:*\r");
    console.sees("the rollback is done");
    console.types("q");
    console.ends();
    before.assert_same(&Snapshot::take(&mut server.connect()));
}

#[test]
fn a_storm_of_sizes_and_then_a_signal() {
    let server = filled(500);
    let mut console = Console::open(server.url(), (120, 40), &[]);
    console.sees("Keys");
    for (columns, rows) in [(1, 1), (300, 90), (20, 5), (59, 14), (60, 15), (2, 80), (200, 3)] {
        console.resize(columns, rows);
        console.types("1234512345");
    }
    console.resize(120, 40);
    console.types("\x0c1");
    console.sees("expires in");
    console.signal("-TERM");
    console.ends();
}

#[test]
fn a_signal_during_a_run_keeps_its_checkpoint() {
    let server = filled(20_000);
    let mut console = held_in_a_run(&server, &[]);
    console.signal("-TERM");
    let home = console.keeps_its_home();
    console.ends();
    assert_stopped(&server, &home);
}

#[test]
fn a_bug_during_a_run_keeps_its_checkpoint_and_gives_the_terminal_back() {
    let server = filled(20_000);
    let mut console = held_in_a_run(&server, &[("REMOLD_PANIC_KEY", "ctrl-x")]);
    console.types("\x18");
    let home = console.keeps_its_home();
    let (status, bytes) = console.ends_somehow();
    assert!(!status.success(), "a bug is no good end");
    let text = String::from_utf8_lossy(&bytes).into_owned();
    let left = text.rfind("\x1b[?1049l").expect("the alternate screen was left");
    assert!(text[left..].contains("a test asked for a bug"), "the report can be read: {text}");
    assert_stopped(&server, &home);
}

/// A console whose run is held after its first batch, so that what comes meets a run at work.
fn held_in_a_run(server: &TestServer, environment: &[(&str, &str)]) -> Console {
    let mut console = Console::open(server.url(), (120, 40), environment);
    console.sees("of about 20,000");
    console.types("2jjjc");
    console.sees("100 sampled");
    console.types("rx");
    console.sees("Type user:* to go on");
    console.types("user:*\ro");
    console.sees("PAUSED");
    console
}

/// The one run of a console is stopped, and can be resumed.
fn assert_stopped(server: &TestServer, home: &tempfile::TempDir) {
    let session = remold::session::Session::open(remold::session::Settings {
        url: Some(server.url().to_owned()),
        catalog: Some(sample_catalog()),
        state_dir: Some(home.path().join("state")),
        ..Default::default()
    });
    let (runs, unreadable) = session.expect("good settings").runs().expect("the journals read");
    assert!(unreadable.is_empty());
    assert_eq!(runs.len(), 1);
    assert_eq!(runs[0].phase, remold::model::Phase::Stopped);
}

#[test]
fn no_color_sends_no_colour() {
    let server = filled(200);
    let mut console = Console::open(server.url(), (80, 24), &[("NO_COLOR", "1")]);
    console.sees("expires in");
    console.types("jj?");
    console.sees("filter:");
    // Escape and a key at once would be that key with Alt.
    console.types("\x1b");
    console.sees("expires in");
    console.types("q");
    let text = String::from_utf8_lossy(&console.ends()).into_owned();
    for colour in ["\x1b[38;", "\x1b[48;", "\x1b[;m", "\x1b[31m"] {
        assert!(!text.contains(colour), "{colour:?} was sent");
    }
    assert!(text.contains("\x1b[7m"), "the selection is not reversed");
}

#[test]
fn an_unreachable_server_is_a_banner_and_not_the_end() {
    let mut console = Console::open("redis://127.0.0.1:1", (120, 40), &[]);
    console.sees("asking again");
    console.types("2");
    console.sees("BREAKING");
    console.types("q");
    console.ends();
}
