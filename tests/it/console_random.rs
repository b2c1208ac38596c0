//! Random keys on the real loop and a real server: nothing breaks, and nothing is written to Redis.

use std::io;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use crossterm::event::{Event, KeyEvent, KeyModifiers, MouseButton, MouseEvent, MouseEventKind};
use futures::StreamExt as _;
use ratatui::backend::CrosstermBackend;
use ratatui::layout::Rect;
use ratatui::{Terminal, TerminalOptions, Viewport};
use remold::console::event_loop::{Host, drive};
use remold::console::keymap::Press;
use remold::console::theme::Theme;
use remold::demo::Recipe;
use remold::session::{Session, Settings};

use crate::harness::{Snapshot, TestServer};

const EVENTS: usize = 20_000;
/// Events between two starts of the console, each at another size.
const EVENTS_PER_START: usize = 500;

const KEYS: &str = "1 2 3 4 5 1 2 3 4 5 up down left right pgup pgdn home end tab backtab enter enter enter esc esc \
     esc space backspace del a b c d e f g h i j k l m n o p r s t u v w x y z D E F G J K L M T U X \
     ? : / ! + - = * ctrl-p ctrl-u ctrl-d ctrl-n ctrl-o ctrl-s ctrl-l ctrl-r f5 f1 q ctrl-c ctrl-z";

/// Keys in an order that is the same on any day (xorshift).
struct Random(u64);

impl Random {
    fn below(&mut self, limit: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 % limit as u64).expect("below a usize")
    }

    fn event(&mut self, keys: &[Press], (width, height): (u16, u16)) -> Event {
        match self.below(20) {
            0 => {
                let kinds = [
                    MouseEventKind::Down(MouseButton::Left),
                    MouseEventKind::Up(MouseButton::Left),
                    MouseEventKind::Drag(MouseButton::Left),
                    MouseEventKind::ScrollUp,
                    MouseEventKind::ScrollDown,
                ];
                let place = |limit: u16, at: usize| u16::try_from(at).unwrap_or(0).min(limit);
                let (column, row) =
                    (self.below(usize::from(width)), self.below(usize::from(height)));
                Event::Mouse(MouseEvent {
                    kind: kinds[self.below(kinds.len())],
                    column: place(width, column),
                    row: place(height, row),
                    modifiers: KeyModifiers::NONE,
                })
            }
            1 => {
                let texts =
                    ["x", "a b", "日本語\u{301}", "{\"a\": [1,", "line\nline\u{1b}[31m", "*"];
                Event::Paste(texts[self.below(texts.len())].repeat(1 + self.below(50)))
            }
            2 => Event::Resize(width, height),
            _ => {
                let press = keys[self.below(keys.len())];
                Event::Key(KeyEvent::new(press.code, press.modifiers))
            }
        }
    }
}

struct Nobody;

impl Host for Nobody {
    fn copy(&mut self, _text: &str) -> io::Result<()> {
        Ok(())
    }

    fn suspend(&mut self) -> io::Result<()> {
        Ok(())
    }

    fn edit(&mut self, path: &Path) -> io::Result<()> {
        std::fs::write(path, "{\"type\": ")
    }
}

fn copy_catalog(to: &Path) {
    for subject in ["user", "order"] {
        std::fs::create_dir_all(to.join(subject)).expect("a folder");
        let from = Path::new("sample-data/catalog").join(subject);
        for entry in std::fs::read_dir(from).expect("the sample catalog") {
            let path = entry.expect("an entry").path();
            let name = path.file_name().expect("a file has a name");
            std::fs::copy(&path, to.join(subject).join(name)).expect("a copy");
        }
    }
}

#[test]
fn twenty_thousand_random_events_neither_break_it_nor_write() {
    let server = TestServer::start();
    let recipe = Recipe { keys: 300, seed: 7 };
    server.local().fill(recipe.keys().map(|(_, key)| key)).expect("the sample keys are written");
    let before = Snapshot::take(&mut server.connect());
    let folder = tempfile::tempdir().expect("a temporary folder");
    let catalog = folder.path().join("catalog");
    copy_catalog(&catalog);
    let keys: Vec<Press> =
        KEYS.split_whitespace().map(|key| Press::parse(key).expect("a key's name")).collect();
    let mut random = Random(0x5eed_0000_0000_0007);
    let sizes = [(1, 1), (20, 5), (59, 14), (60, 15), (80, 24), (120, 40), (200, 50)];
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .expect("a runtime");
    let sent = Arc::new(AtomicUsize::new(0));
    while sent.load(Ordering::Relaxed) < EVENTS {
        let size = sizes[random.below(sizes.len())];
        let events: Vec<Event> = (0..EVENTS_PER_START).map(|_| random.event(&keys, size)).collect();
        let session = Session::open(Settings {
            url: Some(server.url().to_owned()),
            catalog: Some(catalog.clone()),
            state_dir: Some(folder.path().join("state")),
            ..Settings::default()
        });
        let session = session.expect("what the console saved loads again");
        let theme = Theme::built_in("dark").expect("a built-in theme");
        let app = remold::console::open(&session, theme).expect("the keys are good");
        let viewport = Viewport::Fixed(Rect::new(0, 0, size.0, size.1));
        let backend = CrosstermBackend::new(io::sink());
        let mut terminal = Terminal::with_options(backend, TerminalOptions { viewport })
            .expect("a terminal in memory");
        let counted = Arc::clone(&sent);
        let input = futures::stream::iter(events).inspect(move |_| {
            counted.fetch_add(1, Ordering::Relaxed);
        });
        let mut host = Nobody;
        let console = drive(&mut terminal, &mut host, app, input.map(Ok).boxed(), session);
        runtime.block_on(console).expect("the loop ended well");
    }
    before.assert_same(&Snapshot::take(&mut server.connect()));
}
