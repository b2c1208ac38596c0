//! The terminal: taken over at the start, given back whatever happens.
//!
//! `ratatui::restore` leaves mouse capture and bracketed paste on (ratatui 0.30, `init.rs`), after which
//! the shell prints garbage at each move of the mouse; so entering and leaving are done here.

use std::io::{self, Stdout, Write as _};
use std::path::Path;
use std::process::Command;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, ThreadId};

use crossterm::cursor::Show;
use crossterm::event::{
    DisableBracketedPaste, DisableMouseCapture, EnableBracketedPaste, EnableMouseCapture,
};
use crossterm::execute;
use crossterm::terminal::{
    EnterAlternateScreen, LeaveAlternateScreen, disable_raw_mode, enable_raw_mode,
};
use ratatui::Terminal;
use ratatui::backend::CrosstermBackend;

/// Whether the terminal is ours now, so that giving it back twice does no harm.
static TAKEN: AtomicBool = AtomicBool::new(false);

/// The screen on standard output.
pub type Screen = Terminal<CrosstermBackend<Stdout>>;

/// The terminal while the console has it; dropping gives it back.
pub struct TerminalGuard {
    mouse: bool,
}

impl TerminalGuard {
    /// Takes the terminal over: raw mode, alternate screen, bracketed paste, and the mouse if wanted.
    pub fn enter(mouse: bool) -> io::Result<Self> {
        let guard = Self { mouse };
        guard.take()?;
        Ok(guard)
    }

    fn take(&self) -> io::Result<()> {
        enable_raw_mode()?;
        TAKEN.store(true, Ordering::SeqCst);
        execute!(io::stdout(), EnterAlternateScreen, EnableBracketedPaste)?;
        if self.mouse {
            execute!(io::stdout(), EnableMouseCapture)?;
        }
        Ok(())
    }

    /// Gives the terminal back, stops this process as Ctrl-Z does in a shell, and takes the terminal
    /// over again once the shell lets the process go on.
    #[cfg(unix)]
    pub fn suspend(&self) -> io::Result<()> {
        restore();
        // The whole foreground group stops, as with Ctrl-Z typed in a shell: a parent like
        // `cargo run` must not be left waiting in the foreground.
        rustix::process::kill_current_process_group(rustix::process::Signal::TSTP)?;
        self.take()
    }
}

impl TerminalGuard {
    /// Asks the terminal for its background (OSC 11); the keyboard picks the answer out.
    pub fn ask_for_background(&self) -> io::Result<()> {
        let mut out = io::stdout();
        out.write_all(b"\x1b]11;?\x07")?;
        out.flush()
    }

    /// Gives the terminal to the operator's editor (`$VISUAL`, `$EDITOR`, else `vi`) until it ends.
    pub fn edit(&self, path: &Path) -> io::Result<()> {
        let named = |name| std::env::var(name).ok().filter(|value: &String| !value.is_empty());
        let editor = named("VISUAL").or_else(|| named("EDITOR")).unwrap_or_else(|| "vi".to_owned());
        restore();
        // The variable may hold arguments, as in `code --wait`; the path stays one word.
        let script = format!("{editor} \"$1\"");
        let ended = Command::new("/bin/sh").args(["-c", &script, "sh"]).arg(path).status();
        self.take()?;
        match ended? {
            status if status.success() => Ok(()),
            status => Err(io::Error::other(format!("'{editor}' ended with {status}"))),
        }
    }
}

impl Drop for TerminalGuard {
    fn drop(&mut self) {
        restore();
    }
}

/// Gives the terminal back, if it is ours. Errors are of no use here: there may be no terminal left.
pub fn restore() {
    if TAKEN.swap(false, Ordering::SeqCst) {
        let _ = execute!(
            io::stdout(),
            DisableMouseCapture,
            DisableBracketedPaste,
            LeaveAlternateScreen,
            Show
        );
        let _ = disable_raw_mode();
        let _ = io::stdout().flush();
    }
}

/// From now on a panic of the calling thread gives the terminal back before it is reported. A panic
/// of another thread does not: the console lives on, and its effect tells what happened.
pub fn restore_on_panic() {
    let screen_thread: ThreadId = thread::current().id();
    let report = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |info| {
        if thread::current().id() == screen_thread {
            restore();
            report(info);
        } else if !TAKEN.load(Ordering::SeqCst) {
            report(info);
        }
    }));
}
