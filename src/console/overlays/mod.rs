//! What lies above the panes. The top overlay gets every key, Esc always closes it, and none of them
//! does work: it answers with what the operator wants.

pub mod commands;
pub mod compare;
pub mod confirm;
pub mod editor;
pub mod form;
pub mod leave;
pub mod log;
pub mod menu;
pub mod message;
pub mod prompt;
mod values;

use crossterm::event::KeyCode;
use ratatui::layout::Rect;
use ratatui::widgets::{Clear, Widget as _};
use serde_json::Value as Json;

use crate::console::command::Verb;
use crate::console::effect::{SaveTo, Saving};
use crate::console::keymap::Press;
use crate::console::theme::Role;
use crate::console::widgets::Canvas;
use crate::engine::OnChanged;
use crate::model::RunId;
use crate::session::edit::Kind;

pub use commands::{Availability, CommandList};
pub use compare::{CHANGES_MAX, Compare};
pub use confirm::{Confirm, Intent};
pub use editor::Editor;
pub use form::Form;
pub use leave::{Leave, LeaveChoice};
pub use log::Log;
pub use menu::{Item, Menu};
pub use message::Message;
pub use prompt::{Asked, Prompt};

/// Where something that is written in a form or a text field belongs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Place {
    /// A step of a chain.
    Step {
        /// Its migration.
        migration: String,
        /// Its place among the migration's steps.
        index: usize,
        /// Whether it is put in there, or takes the place of the one that is there.
        is_new: bool,
    },
    /// A schema of a new version.
    Schema,
}

/// Something that was written: sound by itself, and where it belongs.
#[derive(Clone, Debug, PartialEq)]
pub struct Edit {
    /// Where it belongs.
    pub place: Place,
    /// The definition.
    pub value: Json,
}

/// What can be chosen from a menu.
#[derive(Clone, Debug)]
pub enum Choice {
    /// A step of this kind.
    Template(&'static Kind),
    /// The answer to a question about a migration.
    Answer {
        /// The migration.
        migration: String,
        /// The steps that the answer means.
        steps: Vec<Json>,
        /// The steps of the other answers.
        instead_of: Vec<Json>,
    },
    /// Roll this run back, with this for keys that were changed since.
    Rollback(RunId, OnChanged),
    /// These migrations as the path; `None` is the one that is found.
    Path(Option<Vec<String>>),
    /// Save these definitions there.
    Save(Saving, SaveTo),
    /// Let a run that waits between two stages go on.
    GoOn,
    /// End the run that is at work, with a checkpoint.
    StopHere,
    /// Nothing: stay.
    Stay,
    /// Leave, and drop what is not saved.
    LeaveUnsaved,
}

/// One overlay.
#[derive(Debug)]
pub enum Overlay {
    /// Help or palette.
    Commands(CommandList),
    /// A text to read.
    Message(Message),
    /// What happened, and what was sent.
    Log(Log),
    /// A typed confirmation.
    Confirm(Confirm),
    /// Leaving while a run goes on.
    Leave(Leave),
    /// Things to choose one of.
    Menu(Menu),
    /// A transform as a form.
    Form(Form),
    /// One line to type.
    Prompt(Prompt),
    /// Keys of a run before it and now.
    Compare(Compare),
    /// JSON in a text field.
    Editor(Box<Editor>),
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
    /// The overlay closes, and this was chosen.
    Chosen(Choice),
    /// The overlay stays, and what is written in it is sound so far: it can be tried out.
    Tried(Edit),
    /// The overlay closes, and what was written is taken; a schema's stays until it is saved.
    Written(Edit),
    /// The overlay closes, and a text field takes its place.
    AsText(Edit),
    /// The overlay closes, and this was typed.
    Said(Asked, String),
    /// The overlay stays, and wants the keys of a run with this in their names.
    Changes(RunId, String),
    /// The overlay stays, and its text is to be opened in the operator's own editor.
    OutsideEditor(String),
}

impl Overlay {
    /// Takes a key; `page` is how many rows its list shows.
    pub fn press(&mut self, press: Press, page: usize) -> Answer {
        match self {
            // A text that was worked on is not dropped by one key.
            Self::Editor(editor) => return editor.press(press),
            _ if press.code == KeyCode::Esc => return Answer::Close,
            _ => {}
        }
        match self {
            Self::Commands(list) => list.press(press, page),
            Self::Message(message) => message.press(press, page),
            Self::Log(log) => log.press(press, page),
            Self::Confirm(confirm) => confirm.press(press),
            Self::Leave(leave) => leave.press(press),
            Self::Menu(menu) => menu.press(press, page),
            Self::Form(form) => form.press(press),
            Self::Prompt(prompt) => prompt.press(press),
            Self::Compare(compare) => compare.press(press, page),
            Self::Editor(editor) => editor.press(press),
        }
    }

    /// Takes pasted text.
    pub fn paste(&mut self, text: &str) -> Answer {
        match self {
            Self::Commands(list) => list.paste(text),
            Self::Confirm(confirm) => confirm.paste(text),
            Self::Menu(menu) => menu.paste(text),
            Self::Prompt(prompt) => prompt.paste(text),
            Self::Compare(compare) => compare.paste(text),
            Self::Form(form) => return form.paste(text),
            Self::Editor(editor) => return editor.paste(text),
            Self::Message(_) | Self::Log(_) | Self::Leave(_) => {}
        }
        Answer::Stay
    }

    /// Shows what the chain makes of what is written.
    pub fn set_note(&mut self, note: Vec<(Role, String)>) {
        match self {
            Self::Form(form) => form.set_note(note),
            Self::Editor(editor) => editor.set_note(note),
            _ => {}
        }
    }

    /// Whether what it changes is seen in the pane below it while one types.
    pub fn is_beside(&self) -> bool {
        matches!(self, Self::Form(_) | Self::Editor(_))
    }

    /// Whether a text that was worked on would be lost with it.
    pub fn is_unsaved(&self) -> bool {
        matches!(self, Self::Editor(editor) if editor.is_changed())
    }

    /// Whether a schema is written in it.
    pub fn writes_schema(&self) -> bool {
        matches!(self, Self::Editor(editor) if editor.writes_schema())
    }

    /// A click on a row of its list.
    pub fn click(&mut self, row: usize) -> Answer {
        match self {
            Self::Commands(list) => list.click(row),
            Self::Leave(leave) => leave.click(row),
            Self::Menu(menu) => menu.click(row),
            Self::Form(form) => {
                form.click(row);
                Answer::Stay
            }
            Self::Confirm(confirm) => confirm.click(row),
            Self::Message(_)
            | Self::Log(_)
            | Self::Prompt(_)
            | Self::Compare(_)
            | Self::Editor(_) => Answer::Stay,
        }
    }

    /// Draws it in the middle of `area`.
    pub fn view(&self, canvas: &mut Canvas, area: Rect) {
        match self {
            Self::Commands(list) => list.view(canvas, area),
            Self::Message(message) => message.view(canvas, area),
            Self::Log(log) => log.view(canvas, area),
            Self::Confirm(confirm) => confirm.view(canvas, area),
            Self::Leave(leave) => leave.view(canvas, area),
            Self::Menu(menu) => menu.view(canvas, area),
            Self::Form(form) => form.view(canvas, area),
            Self::Prompt(prompt) => prompt.view(canvas, area),
            Self::Compare(compare) => compare.view(canvas, area),
            Self::Editor(editor) => editor.view(canvas, area),
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
