//! What lies above the panes. The top overlay gets every key, Esc always closes it, and none of them
//! does work: it answers with what the operator wants.

pub mod commands;
pub mod confirm;
pub mod leave;
pub mod message;

use crossterm::event::KeyCode;
use ratatui::layout::Rect;
use ratatui::widgets::{Clear, Widget as _};

use crate::console::command::Verb;
use crate::console::keymap::Press;
use crate::console::theme::Role;
use crate::console::widgets::Canvas;

pub use commands::{Availability, CommandList};
pub use confirm::{Confirm, Intent};
pub use leave::{Leave, LeaveChoice};
pub use message::Message;

/// One overlay.
#[derive(Debug)]
pub enum Overlay {
    /// Help or palette.
    Commands(CommandList),
    /// A text to read.
    Message(Message),
    /// A typed confirmation.
    Confirm(Confirm),
    /// Leaving while a run goes on.
    Leave(Leave),
}

/// What a key in an overlay comes to.
#[derive(Debug)]
pub enum Answer {
    /// The overlay stays.
    Stay,
    /// The overlay closes.
    Close,
    /// The overlay closes, and a verb is asked for.
    Run(Verb),
    /// The overlay closes, and what it asked about was confirmed.
    Confirmed(Intent),
    /// The overlay closes, and the operator chose how to leave.
    Leave(LeaveChoice),
}

impl Overlay {
    /// Takes a key; `page` is how many rows its list shows.
    pub fn press(&mut self, press: Press, page: usize) -> Answer {
        if press.code == KeyCode::Esc {
            return Answer::Close;
        }
        match self {
            Self::Commands(list) => list.press(press, page),
            Self::Message(message) => message.press(press, page),
            Self::Confirm(confirm) => confirm.press(press),
            Self::Leave(leave) => leave.press(press),
        }
    }

    /// Takes pasted text.
    pub fn paste(&mut self, text: &str) {
        match self {
            Self::Commands(list) => list.paste(text),
            Self::Confirm(confirm) => confirm.paste(text),
            Self::Message(_) | Self::Leave(_) => {}
        }
    }

    /// A click on a row of its list.
    pub fn click(&mut self, row: usize) -> Answer {
        match self {
            Self::Commands(list) => list.click(row),
            Self::Leave(leave) => leave.click(row),
            Self::Message(_) | Self::Confirm(_) => Answer::Stay,
        }
    }

    /// Draws it in the middle of `area`.
    pub fn view(&self, canvas: &mut Canvas, area: Rect) {
        match self {
            Self::Commands(list) => list.view(canvas, area),
            Self::Message(message) => message.view(canvas, area),
            Self::Confirm(confirm) => confirm.view(canvas, area),
            Self::Leave(leave) => leave.view(canvas, area),
        }
    }
}

/// Clears the middle of `area` for a dialog of the given inner size and frames it; returns the inside.
fn dialog(canvas: &mut Canvas, area: Rect, width: u16, height: u16, title: &str) -> Rect {
    let width = width.saturating_add(4).min(area.width);
    let height = height.saturating_add(2).min(area.height);
    let place = Rect {
        x: area.x + (area.width - width) / 2,
        y: area.y + (area.height - height) / 2,
        width,
        height,
    };
    Clear.render(place.intersection(canvas.buffer.area), canvas.buffer);
    canvas.fill(place, Role::Text);
    let inside = canvas.boxed(place, title, true);
    Rect { x: inside.x + 1.min(inside.width), width: inside.width.saturating_sub(2), ..inside }
}
