//! The loop: takes what happens, updates the state, carries out effects, draws.
//!
//! It has no opinion of its own. Its input is a parameter, so that tests drive the real loop.

use std::io;
use std::path::Path;
use std::time::{Duration, Instant};

use crossterm::clipboard::CopyToClipboard;
use crossterm::event::{Event, KeyEventKind, MouseEventKind};
use crossterm::execute;
use futures::{Stream, StreamExt as _};
use ratatui::Terminal;
use ratatui::backend::Backend;
use tokio::sync::mpsc;

use crate::console::app::App;
use crate::console::effect::Effect;
use crate::console::keyboard::Keyboard;
use crate::console::keymap::Press;
use crate::console::msg::Msg;
use crate::console::performer::Performer;
use crate::console::screen;
use crate::console::shared::Moment;
use crate::console::terminal::TerminalGuard;
use crate::session::Session;

/// Frames are at least this far apart.
const FRAME_MS: u64 = 16;
/// The longest text that terminals take by OSC 52 (74,994 bytes of base64 is the common limit).
const COPY_BYTES_MAX: usize = 56_000;

/// What the loop asks of the terminal besides drawing.
pub trait Host {
    /// Puts text on the terminal's clipboard.
    fn copy(&mut self, text: &str) -> io::Result<()>;
    /// Hands the terminal to the shell until it says go on.
    fn suspend(&mut self) -> io::Result<()>;
    /// Hands the terminal to the operator's own editor until it ends.
    fn edit(&mut self, path: &Path) -> io::Result<()>;
    /// Whether the terminal's background is light, once, after the terminal told.
    fn background(&mut self) -> Option<bool> {
        None
    }
}

/// The terminal that standard output is.
pub struct RealHost {
    guard: TerminalGuard,
    keyboard: Keyboard,
}

impl RealHost {
    /// The terminal, taken over.
    pub fn new(guard: TerminalGuard, keyboard: Keyboard) -> Self {
        Self { guard, keyboard }
    }
}

impl Host for RealHost {
    fn copy(&mut self, text: &str) -> io::Result<()> {
        execute!(io::stdout(), CopyToClipboard::to_clipboard_from(text))
    }

    fn suspend(&mut self) -> io::Result<()> {
        self.guard.suspend()
    }

    fn edit(&mut self, path: &Path) -> io::Result<()> {
        // Two readers of one terminal would take each other's keys.
        self.keyboard.rest();
        let edited = self.guard.edit(path);
        self.keyboard.wake();
        edited
    }

    fn background(&mut self) -> Option<bool> {
        self.keyboard.take_background()
    }
}

/// Runs the console until the operator leaves, the input ends, or the system asks it to end.
///
/// # Errors
/// The terminal fails.
pub async fn drive<B, I>(
    terminal: &mut Terminal<B>,
    host: &mut impl Host,
    app: App,
    input: I,
    session: Session,
) -> io::Result<()>
where
    B: Backend<Error: Into<io::Error>>,
    I: Stream<Item = io::Result<Event>> + Unpin,
{
    let (sender, messages) = mpsc::unbounded_channel();
    let mut performer = Performer::new(session, sender);
    let left = turn(terminal, host, app, input, &mut performer, messages).await;
    // Also a terminal that failed leaves the run at a checkpoint.
    performer.finish().await;
    left
}

async fn turn<B, I>(
    terminal: &mut Terminal<B>,
    host: &mut impl Host,
    mut app: App,
    mut input: I,
    performer: &mut Performer,
    mut messages: mpsc::UnboundedReceiver<Msg>,
) -> io::Result<()>
where
    B: Backend<Error: Into<io::Error>>,
    I: Stream<Item = io::Result<Event>> + Unpin,
{
    let mut signals = Signals::new()?;
    let mut effects = app.start();
    let mut drawn_at: Option<Instant> = None;
    loop {
        match carry_out(effects, performer, host, terminal, &mut app)? {
            Next::Leave => return Ok(()),
            Next::Again(more) => effects = more,
        }
        if !effects.is_empty() {
            continue;
        }
        // Everything that waits is taken in before the next frame.
        let soon = drawn_at.is_some_and(|at| at.elapsed() < Duration::from_millis(FRAME_MS));
        if soon && let Ok(message) = messages.try_recv() {
            effects = app.update(message);
            continue;
        }
        draw(terminal, &mut app)?;
        drawn_at = Some(Instant::now());
        let message = tokio::select! {
            biased;
            () = signals.terminate() => Some(Msg::Terminate),
            event = input.next() => match event {
                Some(event) => message_of(event?),
                // Nobody can type any more: as if told to end.
                None => Some(Msg::Terminate),
            },
            message = messages.recv() => message,
            () = tokio::time::sleep(app.tick_after()) => Some(Msg::Tick(Moment::now())),
        };
        if let Some(is_light) = host.background() {
            effects = app.update(Msg::Background { is_light });
        }
        if let Some(message) = message {
            // Whatever happens happens now: messages carry no time of their own.
            effects.extend(app.update(Msg::Tick(Moment::now())));
            #[cfg(debug_assertions)]
            panic_point(&message);
            effects.extend(app.update(message));
        }
    }
}

/// In a debug build the key that `REMOLD_PANIC_KEY` names meets a bug, so that a test sees what then
/// becomes of the terminal and of the run.
#[cfg(debug_assertions)]
fn panic_point(message: &Msg) {
    if let Msg::Press(press) = message {
        let name = std::env::var("REMOLD_PANIC_KEY").ok();
        let asked = name.and_then(|name| Press::parse(&name));
        assert!(asked != Some(*press), "a test asked for a bug at this key");
    }
}

/// What comes after a round of effects.
enum Next {
    Again(Vec<Effect>),
    Leave,
}

fn carry_out<B: Backend<Error: Into<io::Error>>>(
    effects: Vec<Effect>,
    performer: &mut Performer,
    host: &mut impl Host,
    terminal: &mut Terminal<B>,
    app: &mut App,
) -> io::Result<Next> {
    let mut more = Vec::new();
    for effect in effects {
        match effect {
            Effect::Exit => return Ok(Next::Leave),
            Effect::Redraw => draw_anew(terminal)?,
            Effect::Suspend => {
                host.suspend()?;
                draw_anew(terminal)?;
            }
            Effect::EditOutside(text) => {
                let edited = performer.session().edit_outside(&text, &mut |path| host.edit(path));
                draw_anew(terminal)?;
                let answer = edited.map_err(|error| error.to_string());
                more.extend(app.update(Msg::EditedOutside(answer)));
            }
            Effect::Copy(text) if text.len() > COPY_BYTES_MAX => {
                let text = format!(
                    "not copied: {} bytes are more than terminals take ({COPY_BYTES_MAX})",
                    text.len()
                );
                app.shared.warn(text);
            }
            Effect::Copy(text) => {
                host.copy(&text)?;
                app.shared.tell(format!("copied {} characters", text.chars().count()));
            }
            other => performer.perform(other),
        }
    }
    Ok(Next::Again(more))
}

/// Makes the next frame draw every cell. `Terminal::clear` would ask the terminal where its cursor
/// is, and hang on one that does not answer; a change to the same size does the same without.
fn draw_anew<B: Backend<Error: Into<io::Error>>>(terminal: &mut Terminal<B>) -> io::Result<()> {
    let area = terminal.get_frame().area();
    terminal.resize(area).map_err(Into::into)
}

fn draw<B: Backend<Error: Into<io::Error>>>(
    terminal: &mut Terminal<B>,
    app: &mut App,
) -> io::Result<()> {
    let mut regions = None;
    terminal
        .draw(|frame| {
            let (pieces, cursor) = screen::view(app, frame.buffer_mut());
            if let Some(place) = cursor {
                frame.set_cursor_position(place);
            }
            regions = Some(pieces);
        })
        .map_err(Into::into)?;
    app.drawn(regions.expect("the frame was drawn"));
    Ok(())
}

/// The message of a terminal event; noise (moves of the mouse, key releases) is none.
fn message_of(event: Event) -> Option<Msg> {
    match event {
        Event::Key(key) if key.kind != KeyEventKind::Release => Some(Msg::Press(Press::from(key))),
        Event::Mouse(mouse) if mouse.kind != MouseEventKind::Moved => Some(Msg::Mouse(mouse)),
        Event::Paste(text) => Some(Msg::Paste(text)),
        Event::Resize(..) => Some(Msg::Resized),
        _ => None,
    }
}

/// The signals by which the system asks a process to end.
struct Signals {
    #[cfg(unix)]
    all: [tokio::signal::unix::Signal; 3],
}

impl Signals {
    fn new() -> io::Result<Self> {
        #[cfg(unix)]
        {
            use tokio::signal::unix::{SignalKind, signal};
            let kinds = [SignalKind::terminate(), SignalKind::hangup(), SignalKind::interrupt()];
            let [terminate, hangup, interrupt] = kinds.map(signal);
            Ok(Self { all: [terminate?, hangup?, interrupt?] })
        }
        #[cfg(not(unix))]
        Ok(Self {})
    }

    /// Waits for one of them.
    async fn terminate(&mut self) {
        #[cfg(unix)]
        {
            let [terminate, hangup, interrupt] = &mut self.all;
            tokio::select! {
                _ = terminate.recv() => {}
                _ = hangup.recv() => {}
                _ = interrupt.recv() => {}
            }
        }
        #[cfg(not(unix))]
        std::future::pending().await
    }
}
