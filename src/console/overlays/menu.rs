//! A list of things to choose one of, found by a few letters: kinds of transforms, paths, places to
//! save in, ways to roll back.

use ratatui::layout::Rect;
use ratatui::text::Line;

use crate::console::keymap::Press;
use crate::console::overlays::{Answer, Choice, dialog};
use crate::console::theme::Role;
use crate::console::widgets::picker::{Picker, Words};
use crate::console::widgets::{Canvas, text};

/// Cells for the names in a menu.
const NAME_CELLS_MAX: usize = 34;

/// One thing to choose.
#[derive(Clone, Debug)]
pub struct Item {
    /// What is chosen.
    pub choice: Choice,
    /// Its name.
    pub name: String,
    /// What it means, in a sentence.
    pub detail: String,
}

impl Item {
    /// A row of the menu.
    pub fn new(choice: Choice, name: impl Into<String>, detail: impl Into<String>) -> Self {
        Self { choice, name: name.into(), detail: detail.into() }
    }
}

/// The list.
#[derive(Debug)]
pub struct Menu {
    title: String,
    /// What stands above the items.
    head: Vec<(Role, String)>,
    items: Vec<Item>,
    picker: Picker,
}

impl Menu {
    /// A menu with its first item selected.
    pub fn new(title: impl Into<String>, items: Vec<Item>) -> Self {
        let words = |item: &Item| Words {
            name: item.name.clone(),
            sentence: item.detail.clone(),
            exact: Vec::new(),
        };
        let picker = Picker::new(items.iter().map(words).collect());
        Self { title: title.into(), head: Vec::new(), items, picker }
    }

    /// The menu with lines above its items.
    #[must_use]
    pub fn with_head(self, head: Vec<(Role, String)>) -> Self {
        Self { head, ..self }
    }

    /// Whether it asks before something is lost by leaving.
    pub fn asks_to_leave(&self) -> bool {
        self.items.iter().any(|item| matches!(item.choice, Choice::LeaveUnsaved))
    }

    /// Takes a key: arrows move, Enter takes the item, the rest is typed into the filter.
    pub fn press(&mut self, press: Press, page: usize) -> Answer {
        let picked = self.picker.press(press, page);
        self.choose(picked)
    }

    /// Takes pasted text into the filter.
    pub fn paste(&mut self, text: &str) {
        self.picker.paste(text);
    }

    /// A click on a row selects it; a second one takes it.
    pub fn click(&mut self, row: usize) -> Answer {
        let picked = self.picker.click(row);
        self.choose(picked)
    }

    fn choose(&self, picked: Option<usize>) -> Answer {
        picked.map_or(Answer::Stay, |at| Answer::Chosen(self.items[at].choice.clone()))
    }

    /// Draws it.
    pub fn view(&self, canvas: &mut Canvas, area: Rect) {
        let width = 100.min(area.width.saturating_sub(6));
        let head: Vec<(Role, String)> = self
            .head
            .iter()
            .flat_map(|(role, line)| {
                let pieces = text::wrap(line, usize::from(width));
                let pieces = if pieces.is_empty() { vec![String::new()] } else { pieces };
                pieces.into_iter().map(|piece| (*role, piece))
            })
            .collect();
        let rows = u16::try_from(self.items.len() + head.len()).unwrap_or(u16::MAX);
        let height = rows.saturating_add(6).min(area.height.saturating_sub(4)).max(7);
        let inside = dialog(canvas, area, width, height, &self.title);
        // The items are what is chosen from: the head has to leave them room.
        let room = inside.height.saturating_sub(8);
        let lines: Vec<Line> = head
            .into_iter()
            .take(usize::from(room))
            .map(|(role, line)| Line::from(canvas.span(role, line)))
            .collect();
        let inside = canvas.put_lines(inside, lines);
        let names = self.items.iter().map(|item| text::width(&item.name));
        let cells = names.max().unwrap_or(0).min(NAME_CELLS_MAX) + 2;
        let hint = match self.picker.selected() {
            Some(_) => (Role::Faint, "type to filter · ↑ ↓ move · enter take it · esc close"),
            None => (Role::Warn, "nothing fits · backspace · esc close"),
        };
        let line = |canvas: &Canvas, at: usize| {
            let item = &self.items[at];
            let name = (Role::Text, text::fit(&item.name, cells));
            canvas.line([name, (Role::Dim, item.detail.clone())])
        };
        self.picker.view(canvas, inside, line, (hint.0, hint.1.to_owned()));
    }
}

#[cfg(test)]
mod tests {
    use crossterm::event::KeyCode;

    use super::*;

    #[test]
    fn a_few_letters_find_the_item() {
        let item = |name: &str| Item::new(Choice::Stay, name, "about it");
        let mut menu = Menu::new("Menu", vec![item("renameField"), item("splitField")]);
        for character in "split".chars() {
            menu.press(Press::plain(KeyCode::Char(character)), 5);
        }
        assert_eq!(menu.picker.selected(), Some(1));
        assert!(matches!(menu.press(Press::plain(KeyCode::Enter), 5), Answer::Chosen(_)));
        menu.paste("zzz");
        assert!(matches!(menu.press(Press::plain(KeyCode::Enter), 5), Answer::Stay));
    }
}
