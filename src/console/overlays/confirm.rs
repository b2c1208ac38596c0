//! The question before anything is written: what, where, how many, and a phrase to type.
//!
//! The phrase is the subject's key pattern, which differs from job to job, so that no habit of the
//! fingers answers for the operator. Enter on an empty or wrong line never confirms.

use std::sync::Arc;

use crossterm::event::KeyCode;
use ratatui::layout::Rect;
use ratatui::text::Line;

use crate::console::effect::Saving;
use crate::console::keymap::Press;
use crate::console::overlays::{Answer, dialog};
use crate::console::regions::Target;
use crate::console::theme::Role;
use crate::console::widgets::input::Input;
use crate::console::widgets::{Canvas, above, below, text};
use crate::engine::OnChanged;
use crate::model::RunId;
use crate::planner::Plan;

/// What is done once confirmed: a value, so that what is done is what was asked about.
#[derive(Clone, Debug, PartialEq)]
pub enum Intent {
    /// Run this plan, writing.
    Execute(Arc<Plan>),
    /// Roll a run back; and what becomes of keys that were changed since.
    Rollback(RunId, OnChanged),
    /// Put back what the rollback of a run replaced.
    RollForward(RunId),
    /// Go on with a stopped run.
    Resume(RunId),
    /// Register definitions.
    Register(Saving),
}

/// The dialog.
#[derive(Debug)]
pub struct Confirm {
    title: String,
    lines: Vec<(Role, String)>,
    phrase: String,
    verb: &'static str,
    typed: Input,
    wrong: bool,
    intent: Intent,
}

impl Confirm {
    /// A question whose answer is to type `phrase`; `verb` is what the confirming button says.
    pub fn new(
        title: impl Into<String>,
        lines: Vec<(Role, String)>,
        phrase: impl Into<String>,
        verb: &'static str,
        intent: Intent,
    ) -> Self {
        let (title, phrase) = (title.into(), phrase.into());
        Self { title, lines, phrase, verb, typed: Input::default(), wrong: false, intent }
    }

    fn fits(&self) -> bool {
        self.typed.text() == self.phrase
    }

    /// Takes a key: Enter confirms when the phrase stands there, and cancels when nothing does.
    pub fn press(&mut self, press: Press) -> Answer {
        if press.code == KeyCode::Enter {
            if self.fits() {
                return Answer::Confirmed(self.intent.clone());
            }
            if self.typed.is_empty() {
                return Answer::Close;
            }
            self.wrong = true;
            return Answer::Stay;
        }
        self.wrong = false;
        self.typed.press(press);
        Answer::Stay
    }

    /// A click on a button: the first cancels, the second goes on when the phrase stands there.
    pub fn click(&mut self, button: usize) -> Answer {
        if button == 0 {
            return Answer::Close;
        }
        if self.typed.is_empty() {
            self.wrong = true;
            return Answer::Stay;
        }
        self.press(Press::plain(KeyCode::Enter))
    }

    /// Takes pasted text.
    pub fn paste(&mut self, text: &str) {
        self.wrong = false;
        self.typed.paste(text);
    }

    /// Draws it.
    pub fn view(&self, canvas: &mut Canvas, area: Rect) {
        let room = 76.min(area.width.saturating_sub(6));
        let wrapped: Vec<(Role, String)> = self
            .lines
            .iter()
            .flat_map(|(role, line)| {
                text::wrap(line, usize::from(room)).into_iter().map(|piece| (*role, piece))
            })
            .collect();
        let rows = u16::try_from(wrapped.len()).unwrap_or(u16::MAX);
        // A phrase that cannot be read whole cannot be typed.
        let ask_text = format!("Type {} to go on:", self.phrase);
        let asks = text::wrap(&ask_text, usize::from(room));
        let ask_rows = u16::try_from(asks.len()).unwrap_or(1).max(1);
        let height = rows.saturating_add(5 + ask_rows).min(area.height.saturating_sub(2));
        let inside = dialog(canvas, area, room, height, &self.title);
        // The question and the buttons are kept when the screen is too low for the whole text.
        let text_rows = inside.height.saturating_sub(4 + ask_rows);
        let fitting = usize::from(text_rows);
        let mut texts: Vec<Line> =
            wrapped.into_iter().map(|(role, line)| Line::from(canvas.span(role, line))).collect();
        if texts.len() > fitting && fitting > 0 {
            let more = text::counted((texts.len() - fitting + 1) as u64, "more line");
            texts.truncate(fitting - 1);
            texts.push(canvas.line([(Role::Warn, format!("… {more}: make the window higher"))]));
        }
        canvas.put_lines(above(inside, text_rows), texts);
        let ask = below(inside, text_rows + 1);
        let question = canvas.line([
            (Role::Text, "Type ".to_owned()),
            (Role::Title, self.phrase.clone()),
            (Role::Text, " to go on:".to_owned()),
        ]);
        if ask_rows == 1 {
            canvas.put(ask, &question);
        } else {
            canvas.put_wrapped(above(ask, ask_rows), Role::Title, &ask_text);
        }
        let entry = below(ask, ask_rows);
        let label = Line::from(canvas.span(Role::Accent, "> "));
        canvas.put(entry, &label);
        let lead = 2.min(entry.width);
        let field = Rect { x: entry.x + lead, width: entry.width - lead, ..entry };
        let role = if self.fits() { Role::Good } else { Role::Text };
        self.typed.draw(canvas, field, role, true);
        self.view_buttons(canvas, below(entry, 2));
    }

    fn view_buttons(&self, canvas: &mut Canvas, area: Rect) {
        let (cancel, go) =
            if self.fits() { (Role::Dim, Role::BadgeWarn) } else { (Role::Selected, Role::Faint) };
        let note = match (self.fits(), self.wrong, self.typed.is_empty()) {
            (true, _, _) => "  enter: go on · esc: cancel",
            (_, true, _) => "  that is not the pattern: nothing was done",
            (_, _, true) => "  enter or esc: cancel",
            _ => "  esc: cancel",
        };
        let line = canvas.line([
            (cancel, " Cancel ".to_owned()),
            (Role::Text, "  ".to_owned()),
            (go, format!(" {} ", self.verb)),
            (if self.wrong { Role::Bad } else { Role::Faint }, note.to_owned()),
        ]);
        canvas.put(area, &line);
        let button = |x: u16, name: &str| Rect {
            x: area.x.saturating_add(x),
            width: u16::try_from(text::width(name)).unwrap_or(0) + 2,
            height: area.height.min(1),
            ..area
        };
        let first = button(0, "Cancel");
        canvas.note(first, Target::OverlayRow(0));
        canvas.note(button(first.width + 2, self.verb), Target::OverlayRow(1));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn intent() -> Intent {
        Intent::Resume(RunId::new("20261123-075145", "user", 1))
    }

    fn ask() -> Confirm {
        Confirm::new("Run", Vec::new(), "user:*", "Resume", intent())
    }

    #[test]
    fn a_long_phrase_is_read_whole() {
        use crate::console::regions::Regions;
        use crate::console::theme::Theme;

        let phrase = format!("{}end:*", "part:".repeat(30));
        let confirm = Confirm::new("Run", Vec::new(), phrase, "Resume", intent());
        let area = Rect::new(0, 0, 60, 15);
        let mut buffer = ratatui::buffer::Buffer::empty(area);
        let theme = Theme::built_in("mono").unwrap();
        let mut regions = Regions::default();
        let (buffer_of, regions_of) = (&mut buffer, &mut regions);
        let mut canvas =
            Canvas { buffer: buffer_of, theme: &theme, regions: regions_of, cursor: None };
        confirm.view(&mut canvas, area);
        let text: String = buffer.content.iter().map(ratatui::buffer::Cell::symbol).collect();
        assert!(text.contains("end:* to go"), "{text}");
        assert!(text.contains("Cancel"), "{text}");
    }

    #[test]
    fn enter_alone_cancels_and_a_wrong_phrase_does_nothing() {
        let enter = Press::plain(KeyCode::Enter);
        assert!(matches!(ask().press(enter), Answer::Close));
        let mut confirm = ask();
        confirm.paste("user:");
        assert!(matches!(confirm.press(enter), Answer::Stay));
        assert!(confirm.wrong);
        confirm.press(Press::plain(KeyCode::Char('*')));
        assert!(matches!(confirm.click(0), Answer::Close));
        assert!(matches!(confirm.click(1), Answer::Confirmed(said) if said == intent()));
        assert!(matches!(ask().click(1), Answer::Stay));
        assert!(matches!(confirm.press(enter), Answer::Confirmed(said) if said == intent()));
    }
}
