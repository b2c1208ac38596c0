//! One line to type: a knob, a file, a name.

use crossterm::event::KeyCode;
use ratatui::layout::Rect;
use ratatui::text::Line;

use crate::console::keymap::Press;
use crate::console::overlays::{Answer, dialog};
use crate::console::theme::Role;
use crate::console::widgets::input::Input;
use crate::console::widgets::{Canvas, below, text};

/// What a line is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Asked {
    /// A knob of the job at work: `rate=5000`.
    Knob,
    /// The stages of the next run: `1%,10%,100%`.
    Stages,
    /// The pattern of the keys whose documents are looked at: `user:*`.
    InferredKeys,
    /// The file for the troubles of a job.
    ExportFile,
}

/// The line.
#[derive(Debug)]
pub struct Prompt {
    title: &'static str,
    lines: Vec<(Role, String)>,
    asked: Asked,
    typed: Input,
}

impl Prompt {
    /// Asks for a line that begins as `text`; `lines` say what may be typed.
    pub fn new(title: &'static str, lines: Vec<(Role, String)>, asked: Asked, text: &str) -> Self {
        Self { title, lines, asked, typed: Input::of(text) }
    }

    /// The same question, with what was typed and why it could not be taken.
    #[must_use]
    pub fn again(mut self, typed: &str, reason: impl Into<String>) -> Self {
        self.lines.push((Role::Bad, reason.into()));
        Self { typed: Input::of(typed), ..self }
    }

    /// Takes a key: Enter takes what is typed.
    pub fn press(&mut self, press: Press) -> Answer {
        match press.code {
            KeyCode::Enter if self.typed.is_empty() => Answer::Close,
            KeyCode::Enter => Answer::Said(self.asked, self.typed.text()),
            _ => {
                self.typed.press(press);
                Answer::Stay
            }
        }
    }

    /// Takes pasted text.
    pub fn paste(&mut self, pasted: &str) {
        self.typed.paste(pasted);
    }

    /// Draws it.
    pub fn view(&self, canvas: &mut Canvas, area: Rect) {
        let width = 76.min(area.width.saturating_sub(6));
        let wrapped: Vec<(Role, String)> = self
            .lines
            .iter()
            .flat_map(|(role, line)| {
                text::wrap(line, usize::from(width)).into_iter().map(|piece| (*role, piece))
            })
            .collect();
        let rows = u16::try_from(wrapped.len()).unwrap_or(u16::MAX);
        let height = rows.saturating_add(4).min(area.height.saturating_sub(2));
        let inside = dialog(canvas, area, width, height, self.title);
        let room = inside.height.saturating_sub(3);
        let lines: Vec<Line> = wrapped
            .into_iter()
            .take(usize::from(room))
            .map(|(role, line)| Line::from(canvas.span(role, line)))
            .collect();
        let rest = below(canvas.put_lines(inside, lines), 1);
        let label = Line::from(canvas.span(Role::Accent, "> "));
        canvas.put(rest, &label);
        let lead = 2.min(rest.width);
        let field = Rect { x: rest.x + lead, width: rest.width - lead, ..rest };
        self.typed.draw(canvas, field, Role::Text, true);
        let hint = Line::from(canvas.span(Role::Faint, "enter take it · esc leave it"));
        canvas.put(below(rest, 1), &hint);
    }
}
