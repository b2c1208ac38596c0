//! THE TERMINAL FACE: draws what the engine reports, sends orders.
//!
//! One direction: a key, an answer or a tick is a [`msg::Msg`]; [`app::App::update`] changes the state and
//! returns [`effect::Effect`]s; [`performer::Performer`] carries them out and sends messages; [`screen::view`]
//! draws the state.

pub mod app;
pub mod command;
mod editing;
pub mod effect;
pub mod event_loop;
mod jobs;
pub mod keyboard;
pub mod keymap;
mod mouse;
pub mod msg;
pub mod overlays;
pub mod panes;
pub mod performer;
pub mod regions;
pub mod screen;
pub mod shared;
pub mod terminal;
pub mod theme;
pub mod toasts;
pub mod widgets;

use std::io::{self, IsTerminal as _};
use std::path::PathBuf;
use std::sync::Arc;

use color_eyre::eyre::{WrapErr as _, bail};
use ratatui::Terminal;
use ratatui::backend::CrosstermBackend;

use crate::session::Session;
use app::App;
use event_loop::{RealHost, drive};
use keyboard::Keyboard;
use keymap::Keymap;
use shared::{Moment, Setting, Shared};
use theme::Theme;

/// What the operator wants of the console, as options and configuration have it.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// The theme asked for; else one that fits the terminal.
    pub theme: Option<String>,
    /// Where the operator's own themes lie.
    pub themes: Option<PathBuf>,
    /// The operator's own keys, as the configuration has them.
    pub keys: toml::Table,
    /// Leave the mouse to the terminal, so that its own selection of text works.
    pub no_mouse: bool,
}

/// How the console looks and which keys it takes.
#[derive(Debug)]
pub struct Looks {
    theme: Theme,
    /// Whether the theme follows the terminal's background.
    follows: bool,
    keymap: Keymap,
    mouse: bool,
}

/// Why the console cannot be opened as the configuration wants it.
#[derive(Debug, thiserror::Error)]
pub enum LooksError {
    /// The theme cannot be used.
    #[error(transparent)]
    Theme(#[from] theme::ThemeError),
    /// The keys cannot be used.
    #[error(transparent)]
    Keys(#[from] keymap::KeymapError),
}

impl Options {
    /// Reads the theme and the keys.
    ///
    /// # Errors
    /// One of them cannot be used.
    pub fn looks(&self) -> Result<Looks, LooksError> {
        Ok(Looks {
            theme: Theme::choose(self.theme.as_deref(), self.themes.as_deref())?,
            follows: self.theme.is_none(),
            keymap: Keymap::with(&self.keys)?,
            mouse: !self.no_mouse,
        })
    }
}

/// Opens the console on the terminal, and returns when the operator leaves it. A run that is at work
/// then has come to its checkpoint.
///
/// # Errors
/// There is no terminal, or it fails. It is given back in any case.
pub fn run(session: Session, looks: Looks) -> color_eyre::Result<()> {
    if !io::stdout().is_terminal() || !io::stdin().is_terminal() {
        bail!(
            "the console needs a terminal, and standard input or output is none; \
             `remold --help` lists the verbs that work without one"
        );
    }
    let app = open_with(&session, looks.theme, looks.keymap);
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .wrap_err("cannot start the console's threads")?;
    terminal::restore_on_panic();
    let left = {
        let guard = terminal::TerminalGuard::enter(looks.mouse)
            .wrap_err("cannot take over the terminal")?;
        let mut screen = Terminal::new(CrosstermBackend::new(io::stdout()))?;
        let keyboard = Keyboard::new();
        // Where the theme was not chosen, it follows the terminal's background.
        if looks.follows {
            guard.ask_for_background()?;
            keyboard.expect_background();
        }
        let mut host = RealHost::new(guard, keyboard.clone());
        runtime.block_on(drive(&mut screen, &mut host, app, keyboard, session))
    };
    // A question to a server that hangs must not keep the shell waiting.
    runtime.shutdown_background();
    left.wrap_err("the terminal failed")
}

/// The console's state at the start, on `session`.
///
/// # Errors
/// A key is bound twice.
pub fn open(session: &Session, theme: Theme) -> Result<App, keymap::KeymapError> {
    Ok(open_with(session, theme, Keymap::standard()?))
}

fn open_with(session: &Session, theme: Theme, keymap: Keymap) -> App {
    let catalog_source = session
        .catalog_dir()
        .map_or_else(|| "the registry".to_owned(), |folder| folder.display().to_string());
    let setting = Setting {
        address: session.address().to_string(),
        environment: session.environment().map(str::to_owned),
        read_only: session.is_read_only(),
        catalog: Arc::new(session.catalog().clone()),
        catalog_source,
        has_folder: session.catalog_dir().is_some(),
        state_dir: session.runs_folder().path().to_owned(),
    };
    App::new(Shared::new(setting, theme, keymap, Moment::now()))
}
