//! One line of typed text with a cursor.

use crossterm::event::{KeyCode, KeyModifiers};
use ratatui::layout::{Position, Rect};
use ratatui::text::Line;

use crate::console::keymap::Press;
use crate::console::theme::Role;
use crate::console::widgets::{Canvas, text};

/// The most characters a line takes; a big paste is cut there.
const CHARACTERS_MAX: usize = 4096;

/// The text and where the cursor stands in it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Input {
    characters: Vec<char>,
    cursor: usize,
}

impl Input {
    /// An input that holds `text`, with the cursor at its end.
    pub fn of(text: &str) -> Self {
        let characters: Vec<char> = text.chars().take(CHARACTERS_MAX).collect();
        Self { cursor: characters.len(), characters }
    }

    /// The text.
    pub fn text(&self) -> String {
        self.characters.iter().collect()
    }

    /// Whether nothing is typed.
    pub fn is_empty(&self) -> bool {
        self.characters.is_empty()
    }

    /// Takes a key. Returns whether it was one of editing.
    pub fn press(&mut self, press: Press) -> bool {
        if let Some(character) = press.character() {
            self.insert(character);
            return true;
        }
        let control = press.modifiers == KeyModifiers::CONTROL;
        match press.code {
            KeyCode::Backspace if self.cursor > 0 => {
                self.cursor -= 1;
                self.characters.remove(self.cursor);
            }
            KeyCode::Delete if self.cursor < self.characters.len() => {
                self.characters.remove(self.cursor);
            }
            KeyCode::Backspace | KeyCode::Delete => {}
            KeyCode::Left => self.cursor = self.cursor.saturating_sub(1),
            KeyCode::Right => self.cursor = (self.cursor + 1).min(self.characters.len()),
            KeyCode::Home => self.cursor = 0,
            KeyCode::End => self.cursor = self.characters.len(),
            KeyCode::Char('a') if control => self.cursor = 0,
            KeyCode::Char('e') if control => self.cursor = self.characters.len(),
            KeyCode::Char('u') if control => {
                self.characters.drain(..self.cursor);
                self.cursor = 0;
            }
            KeyCode::Char('w') if control => self.delete_word(),
            _ => return false,
        }
        true
    }

    /// Takes pasted text; line breaks and control characters are left out.
    pub fn paste(&mut self, pasted: &str) {
        pasted.chars().filter(|c| !c.is_control()).take(CHARACTERS_MAX).for_each(|character| {
            self.insert(character);
        });
    }

    fn insert(&mut self, character: char) {
        if self.characters.len() < CHARACTERS_MAX {
            self.characters.insert(self.cursor, character);
            self.cursor += 1;
        }
    }

    fn delete_word(&mut self) {
        let before = &self.characters[..self.cursor];
        let end = before.iter().rposition(|c| !c.is_whitespace()).map_or(0, |at| at + 1);
        let start = before[..end].iter().rposition(|c| c.is_whitespace()).map_or(0, |at| at + 1);
        self.characters.drain(start..self.cursor);
        self.cursor = start;
    }

    /// Draws the line, scrolled so that the cursor is inside `area`; `typing` puts the terminal's
    /// cursor there.
    pub fn draw(&self, canvas: &mut Canvas, area: Rect, role: Role, typing: bool) {
        if area.width == 0 || area.height == 0 {
            return;
        }
        let room = usize::from(area.width).saturating_sub(1);
        let mut start = 0;
        let ahead = |start: usize| -> usize {
            text::width(&self.characters[start..self.cursor].iter().collect::<String>())
        };
        while start < self.cursor && ahead(start) > room {
            start += 1;
        }
        let shown: String = self.characters[start..].iter().collect();
        let line = Line::from(canvas.span(role, shown));
        canvas.put(area, &line);
        if typing {
            let x = area.x + u16::try_from(ahead(start)).unwrap_or(0).min(area.width - 1);
            canvas.cursor = Some(Position::new(x, area.y));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn typed(input: &mut Input, keys: &[&str]) {
        for key in keys {
            input.press(Press::parse(key).unwrap());
        }
    }

    #[test]
    fn edits() {
        let mut input = Input::of("user:*");
        typed(&mut input, &["backspace", "4", "2", "home", "x", "del"]);
        assert_eq!(input.text(), "xser:42");
        typed(&mut input, &["end", "space", "a", "b", "ctrl-w"]);
        assert_eq!(input.text(), "xser:42 ");
        typed(&mut input, &["ctrl-w"]);
        assert_eq!(input.text(), "");
        input.paste("a\nb\u{1b}[31m");
        assert_eq!(input.text(), "ab[31m");
        assert!(!input.press(Press::parse("up").unwrap()));
    }
}
