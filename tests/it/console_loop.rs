//! The real loop, with keys handed in and a real server behind: the whole main job by keys alone.

use std::io::{self, Write};
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use crossterm::event::{Event, KeyEvent};
use futures::channel::mpsc::{UnboundedSender, unbounded};
use ratatui::backend::CrosstermBackend;
use ratatui::layout::Rect;
use ratatui::{Terminal, TerminalOptions, Viewport};
use remold::console::event_loop::{Host, drive};
use remold::console::keymap::Press;
use remold::console::theme::Theme;
use remold::demo::Recipe;
use remold::session::{Session, Settings};

use crate::harness::{Proxy, Snapshot, TestServer};

/// How long something on screen is waited for.
const PATIENCE: Duration = Duration::from_secs(40);

/// A terminal in memory that understands what is written to it.
#[derive(Clone)]
struct Screen(Arc<Mutex<vt100::Parser>>);

impl Screen {
    fn text(&self) -> String {
        self.0.lock().expect("not poisoned").screen().contents()
    }
}

impl Write for Screen {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().expect("not poisoned").process(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn parser(rows: u16, columns: u16) -> vt100::Parser {
    let cells = |count| std::num::NonZero::new(count).expect("a screen has cells");
    vt100::Parser::new(cells(rows), cells(columns), 0)
}

/// Keeps what was copied.
#[derive(Clone, Default)]
struct Clipboard(Arc<Mutex<Vec<String>>>);

impl Host for Clipboard {
    fn copy(&mut self, text: &str) -> io::Result<()> {
        self.0.lock().expect("not poisoned").push(text.to_owned());
        Ok(())
    }

    fn suspend(&mut self) -> io::Result<()> {
        Ok(())
    }

    fn edit(&mut self, path: &Path) -> io::Result<()> {
        let text = std::fs::read_to_string(path)?;
        std::fs::write(path, text.replace("fullName", "wholeName"))
    }
}

/// The operator: types, and waits for what is on screen.
pub struct Operator {
    keys: UnboundedSender<io::Result<Event>>,
    screen: Screen,
    clipboard: Clipboard,
}

impl Operator {
    pub fn press(&self, keys: &str) {
        for key in keys.split(' ') {
            let press = Press::parse(key).expect("a key's name");
            let event = Event::Key(KeyEvent::new(press.code, press.modifiers));
            self.keys.unbounded_send(Ok(event)).expect("the loop listens");
        }
    }

    pub fn type_text(&self, text: &str) {
        for character in text.chars() {
            let event = KeyEvent::from(crossterm::event::KeyCode::Char(character));
            self.keys.unbounded_send(Ok(Event::Key(event))).expect("the loop listens");
        }
    }

    /// The screen as `look` sees it.
    pub fn screen<T>(&self, look: impl Fn(&vt100::Screen) -> T) -> T {
        look(self.screen.0.lock().expect("not poisoned").screen())
    }

    pub async fn sees(&self, wanted: &str) {
        let began = Instant::now();
        while !self.screen.text().contains(wanted) {
            assert!(
                began.elapsed() < PATIENCE,
                "'{wanted}' did not come on screen:\n{}",
                self.screen.text()
            );
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }
}

/// Opens the console on `url` and lets `job` work in it until it is done and the console has ended.
pub fn play<F: Future<Output = ()>>(url: &str, job: impl FnOnce(Operator) -> F) {
    let state = tempfile::tempdir().expect("a temporary folder");
    play_with(settings(url, state.path()), job);
}

fn settings(url: &str, state: &Path) -> Settings {
    Settings {
        url: Some(url.to_owned()),
        catalog: Some("sample-data/catalog".into()),
        state_dir: Some(state.to_owned()),
        ..Settings::default()
    }
}

fn play_with<F: Future<Output = ()>>(settings: Settings, job: impl FnOnce(Operator) -> F) {
    let session = Session::open(settings);
    let session = session.expect("the settings are good");
    let theme = Theme::built_in("dark").expect("a built-in theme");
    let app = remold::console::open(&session, theme).expect("the keys are good");
    let (keys, input) = unbounded();
    let screen = Screen(Arc::new(Mutex::new(parser(40, 120))));
    let viewport = Viewport::Fixed(Rect::new(0, 0, 120, 40));
    let backend = CrosstermBackend::new(screen.clone());
    let mut terminal = Terminal::with_options(backend, TerminalOptions { viewport })
        .expect("a terminal in memory");
    let clipboard = Clipboard::default();
    let mut host = clipboard.clone();
    let operator = Operator { keys, screen, clipboard };
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .expect("a runtime");
    runtime.block_on(async {
        let console = drive(&mut terminal, &mut host, app, input, session);
        let (ended, ()) = tokio::join!(console, job(operator));
        ended.expect("the loop ended well");
    });
}

pub fn filled(keys: u64) -> TestServer {
    let server = TestServer::start();
    let recipe = Recipe { keys, seed: 7 };
    server.local().fill(recipe.keys().map(|(_, key)| key)).expect("the sample keys are written");
    server
}

#[test]
fn the_whole_main_job_by_keys_alone() {
    let server = filled(3_000);
    let before = Snapshot::take(&mut server.connect());
    let after_run = Mutex::new(None);
    let picture = || Snapshot::take(&mut server.connect());
    let (before_run, seen) = (&before, &after_run);
    play(server.url(), |operator| async move {
        operator.sees("of about 3,000").await;
        operator.press("/ ctrl-u");
        operator.type_text("user:*");
        operator.press("enter tab");
        operator.sees("of memory").await;

        operator.press("2 j j j");
        operator.sees("user 2.0.0").await;
        operator.sees("BREAKING").await;
        operator.press("c");
        operator.sees("100 sampled").await;
        operator.sees("whole chain").await;
        operator.press("r");
        operator.sees("From 1.0.0: v1_to_v2, then v2_to_v3").await;

        operator.press("d");
        operator.sees("Nothing was written").await;
        before_run.assert_same(&picture());

        operator.press("x");
        operator.sees("Type user:* to go on").await;
        operator.type_text("user:*");
        operator.press("enter");
        operator.sees("the run is done").await;
        operator.sees("DONE").await;
        *seen.lock().expect("not poisoned") = Some(picture());

        operator.press("5");
        operator.sees("worked for").await;
        operator.press("v");
        operator.sees("the verification is done").await;
        operator.press("5 b");
        operator.sees("Type user:* to go on").await;
        operator.type_text("user:*");
        operator.press("enter");
        operator.sees("the rollback is done").await;
        operator.press("5");
        operator.sees("rolled back").await;
        operator.press("y");
        operator.sees("copied").await;
        assert!(operator.clipboard.0.lock().expect("not poisoned")[0].contains("-user-"));
        operator.press("q");
    });
    let after_run = after_run.into_inner().expect("not poisoned").expect("the run was seen");
    assert!(!after_run.differences(&before).is_empty(), "the run changed nothing");
    after_run.without("user:").assert_same(&before.without("user:"));
    before.assert_same(&Snapshot::take(&mut server.connect()));
}

#[test]
fn a_run_is_paused_stepped_stopped_and_resumed() {
    let server = filled(30_000);
    play(server.url(), |operator| async move {
        operator.sees("of about 30,000").await;
        operator.press("2 j j j c");
        operator.sees("100 sampled").await;
        operator.press("r x");
        operator.type_text("user:*");
        // Held before it begins: keys are taken in order.
        operator.press("enter o");
        operator.sees("step by step").await;
        operator.press("o");
        operator.sees("PAUSED").await;
        operator.press("s");
        operator.sees("was stopped").await;
        operator.press("5");
        operator.sees("worked for").await;
        operator.press("e");
        operator.sees("Type user:* to go on").await;
        operator.type_text("user:*");
        operator.press("enter");
        operator.sees("the resumed run is done").await;
        operator.press("q");
    });
}

#[test]
fn a_run_in_stages_its_failed_keys_and_its_rollback_taken_back() {
    let server = filled(5_000);
    let seen = Mutex::new(Vec::new());
    let picture = || Snapshot::take(&mut server.connect());
    let pictures = &seen;
    play(server.url(), |operator| async move {
        let see = || pictures.lock().expect("not poisoned").push(picture());
        operator.sees("of about 5,000").await;
        operator.press("2 j j j c");
        operator.sees("rollback tried: all").await;
        operator.press("r C ctrl-u");
        operator.type_text("5%,100%");
        operator.press("enter");
        operator.sees("In stages of 5%,100%").await;
        operator.press("x");
        operator.type_text("user:*");
        operator.press("enter");
        operator.sees("canary 5% is done").await;
        see();
        operator.press("down enter");
        operator.sees("the run is done").await;
        see();
        // The same keys fail again, and nothing else is looked at.
        operator.press("C ctrl-u");
        operator.type_text("off");
        operator.press("enter R");
        operator.sees("Plan: retry of").await;
        operator.press("d");
        operator.sees("Nothing was written").await;
        operator.sees("migrated 0   unchanged 0").await;
        operator.press("5 b");
        operator.sees("Type user:* to go on").await;
        operator.type_text("user:*");
        operator.press("enter");
        operator.sees("the rollback is done").await;
        see();
        operator.press("5");
        operator.sees("rolled back").await;
        operator.press("f");
        operator.sees("take the rollback of run").await;
        operator.type_text("user:*");
        operator.press("enter");
        operator.sees("the roll-forward is done").await;
        see();
        operator.press("q");
    });
    let seen = seen.into_inner().expect("not poisoned");
    let [first, all, back, forward] = &seen[..] else { panic!("four pictures") };
    let count = |one: &Snapshot| one.differences(back).len();
    assert!(count(first) > 0 && count(first) < count(all) / 4, "the first stage is a small part");
    all.assert_same(forward);
}

#[test]
fn definitions_and_environments_that_drifted_are_not_resumed() {
    let server = filled(30_000);
    let state = tempfile::tempdir().expect("a temporary folder");
    let here = || settings(server.url(), state.path());
    play_with(here(), |operator| async move {
        operator.sees("of about 30,000").await;
        operator.press("2 j j j c");
        operator.sees("100 sampled").await;
        // It waits after its first batch.
        operator.press("r O x");
        operator.type_text("user:*");
        operator.press("enter");
        operator.sees("PAUSED").await;
        operator.press("s");
        operator.sees("was stopped").await;
        operator.press("q");
    });
    let before = Snapshot::take(&mut server.connect());
    let environment = Some("staging".to_owned());
    play_with(Settings { environment, ..here() }, |operator| async move {
        operator.press("5");
        operator.sees("stopped").await;
        operator.press("e");
        operator.sees("Type user:* to go on").await;
        operator.type_text("user:*");
        operator.press("enter");
        operator.sees("planned with none, now staging").await;
        operator.press("q");
    });
    before.assert_same(&Snapshot::take(&mut server.connect()));
}

#[test]
fn a_server_that_goes_away_and_comes_back_is_told() {
    let server = filled(500);
    let proxy = Proxy::unix(&server.local().socket());
    play(proxy.url(), |operator| {
        let proxy = &proxy;
        async move {
            operator.sees("redis 7").await;
            proxy.refuse(true);
            proxy.cut();
            operator.sees("asking again").await;
            proxy.refuse(false);
            operator.sees("the server answers again").await;
            operator.press("q");
        }
    });
}

#[test]
fn the_log_shows_commands_and_no_value() {
    let server = filled(500);
    play(server.url(), |operator| async move {
        operator.sees("scanned").await;
        operator.press("L");
        operator.sees("SCAN").await;
        operator.sees("DBSIZE").await;
        assert!(
            !operator.screen.text().contains("user:"),
            "a key shows:\n{}",
            operator.screen.text()
        );
        operator.press("esc q");
    });
}

#[test]
fn the_end_of_the_input_ends_the_console() {
    let server = filled(100);
    play(server.url(), |operator| async move {
        operator.sees("Keys").await;
        drop(operator.keys);
    });
}
