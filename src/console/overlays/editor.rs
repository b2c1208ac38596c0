//! JSON in a text field: a step or a schema, with what is wrong shown at its line while one types.

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
use ratatui::layout::Rect;
use ratatui::text::Line;
use ratatui::widgets::Widget as _;
use serde_json::Value as Json;
use tui_textarea::{CursorMove, TextArea};

use crate::console::keymap::Press;
use crate::console::overlays::{Answer, Edit, Place, dialog};
use crate::console::theme::{Role, Theme};
use crate::console::widgets::{Canvas, below, text};
use crate::session::edit::{Mistake, check_schema, check_step};

/// Lines at the foot for mistakes and the result.
const FOOT_ROWS: u16 = 5;
/// The longest text that is taken; a longer one belongs into an editor of its own.
const TEXT_BYTES_MAX: usize = 1 << 20;

/// The text field.
#[derive(Debug)]
pub struct Editor {
    place: Place,
    title: String,
    area: TextArea<'static>,
    mistakes: Vec<Mistake>,
    note: Vec<(Role, String)>,
    changed: bool,
    /// Esc was pressed once while something was changed.
    warned: bool,
}

impl Editor {
    /// A text field with `value` in it.
    pub fn new(place: Place, title: impl Into<String>, value: &Json, theme: &Theme) -> Self {
        let text = serde_json::to_string_pretty(value).unwrap_or_default();
        let area = field(&text, theme);
        let mut editor = Self {
            place,
            title: title.into(),
            area,
            mistakes: Vec::new(),
            note: Vec::new(),
            changed: false,
            warned: false,
        };
        editor.check();
        editor
    }

    /// The text as it stands.
    pub fn text(&self) -> String {
        self.area.lines().join("\n")
    }

    /// Whether something was typed.
    pub fn is_changed(&self) -> bool {
        self.changed
    }

    /// Whether it is a schema that is written.
    pub fn writes_schema(&self) -> bool {
        matches!(self.place, Place::Schema)
    }

    /// Puts another text in, as an outside editor left it.
    pub fn replace(&mut self, text: &str, theme: &Theme) -> Answer {
        self.area = field(text, theme);
        self.typed()
    }

    fn check(&mut self) {
        let text = self.text();
        self.mistakes = match &self.place {
            Place::Step { .. } => check_step(&text).err(),
            Place::Schema => check_schema(&text).err(),
        }
        .unwrap_or_default();
    }

    /// What is said now, if it is sound.
    fn edit(&self) -> Option<Edit> {
        let value = serde_json::from_str(&self.text()).ok()?;
        self.mistakes.is_empty().then(|| Edit { place: self.place.clone(), value })
    }

    fn typed(&mut self) -> Answer {
        (self.changed, self.warned) = (true, false);
        self.note.clear();
        self.check();
        self.edit().map_or(Answer::Stay, Answer::Tried)
    }

    /// Shows what the chain makes of the text.
    pub fn set_note(&mut self, note: Vec<(Role, String)>) {
        self.note = note;
    }

    /// Takes a key.
    pub fn press(&mut self, press: Press) -> Answer {
        let control = press.modifiers == KeyModifiers::CONTROL;
        match press.code {
            KeyCode::Esc if self.changed && !self.warned => {
                self.warned = true;
                return Answer::Stay;
            }
            KeyCode::Esc => return Answer::Close,
            KeyCode::Char('s') if control => {
                return match (self.edit(), self.mistakes.first()) {
                    (Some(edit), _) => Answer::Written(edit),
                    (None, mistake) => {
                        // To the mistake: that is what keeps it from being taken.
                        if let Some((line, column)) = mistake.and_then(|m| m.position) {
                            let place = |at: usize| u16::try_from(at - 1).unwrap_or(u16::MAX);
                            self.area.move_cursor(CursorMove::Jump(place(line), place(column)));
                        }
                        Answer::Stay
                    }
                };
            }
            KeyCode::Char('o') if control => return Answer::OutsideEditor(self.text()),
            _ => {}
        }
        if self.area.input(KeyEvent::new(press.code, press.modifiers)) {
            return self.typed();
        }
        Answer::Stay
    }

    /// Takes pasted text.
    pub fn paste(&mut self, pasted: &str) -> Answer {
        if self.text().len() + pasted.len() > TEXT_BYTES_MAX {
            self.note = vec![(Role::Warn, "the paste is too long for this field".to_owned())];
            return Answer::Stay;
        }
        let clean: String = pasted
            .replace("\r\n", "\n")
            .chars()
            .map(|c| if c == '\r' { '\n' } else { c })
            .filter(|c| !c.is_control() || matches!(c, '\n' | '\t'))
            .collect();
        self.area.insert_str(clean);
        self.typed()
    }

    /// Draws it.
    pub fn view(&self, canvas: &mut Canvas, area: Rect) {
        let width = 90.min(area.width.saturating_sub(4));
        let lines = u16::try_from(self.area.lines().len()).unwrap_or(u16::MAX);
        let height = lines.saturating_add(FOOT_ROWS + 2).max(14).min(area.height.saturating_sub(2));
        let inside = dialog(canvas, area, width, height, &self.title);
        let body = Rect { height: inside.height.saturating_sub(FOOT_ROWS), ..inside };
        if body.height > 0 && body.width > 0 {
            (&self.area).render(body, canvas.buffer);
            self.mark_mistakes(canvas, body);
        }
        self.view_foot(canvas, below(inside, body.height));
    }

    /// Colours the lines on which something is wrong.
    fn mark_mistakes(&self, canvas: &mut Canvas, body: Rect) {
        let (top, _) = self.area.scroll_offset();
        for (line, _) in self.mistakes.iter().filter_map(|mistake| mistake.position) {
            let row = line.saturating_sub(1).checked_sub(usize::from(top));
            let row = row.and_then(|row| u16::try_from(row).ok()).filter(|row| *row < body.height);
            if let Some(row) = row {
                let place = Rect { y: body.y + row, height: 1, ..body };
                canvas.fill(place, Role::Removed);
            }
        }
    }

    fn view_foot(&self, canvas: &mut Canvas, area: Rect) {
        let border = Line::from(canvas.span(Role::Border, "─".repeat(usize::from(area.width))));
        canvas.put(area, &border);
        let result = Rect { height: area.height.saturating_sub(2), ..below(area, 1) };
        let mut rest = result;
        for mistake in &self.mistakes {
            let line = mistake.position.map_or(String::new(), |(line, _)| format!("line {line}: "));
            let path = if mistake.path.is_empty() { "" } else { ": " };
            let message = &mistake.message;
            let expected = &mistake.expected;
            let text = format!("✗ {line}{}{path}{message}; expected {expected}", mistake.path);
            rest = canvas.put_wrapped(rest, Role::Bad, &text);
        }
        if self.mistakes.is_empty() {
            let note = if self.note.is_empty() {
                vec![(Role::Good, "no mistakes".to_owned())]
            } else {
                self.note.clone()
            };
            canvas.put_flow(result, note);
        }
        let (role, hint) = if self.warned {
            (Role::Warn, "esc again drops what you typed · ctrl-s takes it")
        } else {
            (Role::Faint, "ctrl-s take it · ctrl-o in your $EDITOR · esc leave it")
        };
        let hint = Line::from(canvas.span(role, text::cut(hint, usize::from(area.width))));
        canvas.put(below(area, area.height.saturating_sub(1)), &hint);
    }
}

fn field(text: &str, theme: &Theme) -> TextArea<'static> {
    let mut area = TextArea::new(text.lines().map(str::to_owned).collect());
    area.set_style(theme.style(Role::Text));
    area.set_line_number_style(theme.style(Role::Faint));
    area.set_cursor_line_style(theme.style(Role::SelectedIdle));
    area.set_cursor_style(theme.style(Role::Selected));
    area.set_selection_style(theme.style(Role::Selected));
    area.set_tab_length(2);
    area
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn editor() -> Editor {
        let place = Place::Step { migration: "m".into(), index: 0, is_new: false };
        let step = json!({"type": "renameField", "from": "a", "to": "b"});
        Editor::new(place, "Step", &step, &Theme::built_in("dark").unwrap())
    }

    #[test]
    fn what_is_wrong_is_told_while_one_types_and_is_not_taken() {
        let mut editor = editor();
        let save = Press::parse("ctrl-s").unwrap();
        assert!(matches!(editor.press(save), Answer::Written(_)));
        assert!(matches!(editor.press(Press::plain(KeyCode::Char('x'))), Answer::Stay));
        assert_eq!(editor.mistakes[0].position.map(|(line, _)| line), Some(1));
        assert!(matches!(editor.press(save), Answer::Stay));
        let answer = editor.press(Press::plain(KeyCode::Delete));
        assert!(matches!(answer, Answer::Tried(_)), "{answer:?}");
    }

    #[test]
    fn esc_asks_once_before_it_drops_what_was_typed() {
        let mut editor = editor();
        let esc = Press::plain(KeyCode::Esc);
        assert!(matches!(editor.press(esc), Answer::Close));
        editor.paste("\r\n ");
        assert!(matches!(editor.press(esc), Answer::Stay));
        assert!(matches!(editor.press(esc), Answer::Close));
    }
}
