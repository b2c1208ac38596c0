//! A list of things to choose one of, found by a few letters: kinds of transforms, paths, places to
//! save in, ways to roll back.

use crossterm::event::KeyCode;
use nucleo_matcher::pattern::{CaseMatching, Normalization, Pattern};
use nucleo_matcher::{Config, Matcher};
use ratatui::layout::Rect;
use ratatui::text::Line;

use crate::console::command::Verb;
use crate::console::keymap::Press;
use crate::console::overlays::{Answer, Choice, dialog};
use crate::console::regions::Target;
use crate::console::theme::Role;
use crate::console::widgets::input::Input;
use crate::console::widgets::list::{self, ListState};
use crate::console::widgets::{Canvas, below, text};

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
    shown: Vec<usize>,
    filter: Input,
    at: ListState,
}

impl Menu {
    /// A menu with its first item selected.
    pub fn new(title: impl Into<String>, items: Vec<Item>) -> Self {
        let shown = (0..items.len()).collect();
        let (filter, at) = (Input::default(), ListState::default());
        Self { title: title.into(), head: Vec::new(), items, shown, filter, at }
    }

    /// The menu with lines above its items.
    #[must_use]
    pub fn with_head(self, head: Vec<(Role, String)>) -> Self {
        Self { head, ..self }
    }

    /// Takes a key: arrows move, Enter takes the item, the rest is typed into the filter.
    pub fn press(&mut self, press: Press, page: usize) -> Answer {
        let verb = match press.code {
            KeyCode::Enter => return self.choose(),
            KeyCode::Up | KeyCode::BackTab => Verb::Up,
            KeyCode::Down | KeyCode::Tab => Verb::Down,
            KeyCode::PageUp => Verb::PageUp,
            KeyCode::PageDown => Verb::PageDown,
            _ => {
                if self.filter.press(press) {
                    self.refilter();
                }
                return Answer::Stay;
            }
        };
        self.at.step(verb, self.shown.len(), page);
        Answer::Stay
    }

    /// Takes pasted text into the filter.
    pub fn paste(&mut self, text: &str) {
        self.filter.paste(text);
        self.refilter();
    }

    /// A click on a row selects it; a second one takes it.
    pub fn click(&mut self, row: usize) -> Answer {
        if self.at.selected == row {
            return self.choose();
        }
        self.at.selected = row.min(self.shown.len().saturating_sub(1));
        Answer::Stay
    }

    fn choose(&self) -> Answer {
        let chosen = self.shown.get(self.at.selected).map(|at| &self.items[*at]);
        chosen.map_or(Answer::Stay, |item| Answer::Chosen(item.choice.clone()))
    }

    fn refilter(&mut self) {
        let mut matcher = Matcher::new(Config::DEFAULT);
        let wanted = self.filter.text();
        let pattern = Pattern::parse(&wanted, CaseMatching::Ignore, Normalization::Smart);
        let mut ranked: Vec<(u32, usize)> = Vec::new();
        for (at, item) in self.items.iter().enumerate() {
            // What the name says counts more than what the sentence says.
            let name = pattern.match_list([item.name.as_str()], &mut matcher);
            let detail = pattern.match_list([item.detail.as_str()], &mut matcher);
            let score = |found: &[(&str, u32)]| found.first().map(|(_, score)| *score);
            match (score(&name), score(&detail)) {
                (Some(score), _) => ranked.push((score * 3, at)),
                (None, Some(score)) => ranked.push((score, at)),
                (None, None) => {}
            }
        }
        if !wanted.is_empty() {
            ranked.sort_by_key(|(score, at)| (std::cmp::Reverse(*score), *at));
        }
        self.shown = ranked.into_iter().map(|(_, at)| at).collect();
        self.at = ListState::default();
    }

    /// Draws it.
    pub fn view(&self, canvas: &mut Canvas, area: Rect) {
        let rows = u16::try_from(self.items.len() + self.head.len()).unwrap_or(u16::MAX);
        let height = rows.saturating_add(6).min(area.height.saturating_sub(4)).max(7);
        let width = 100.min(area.width.saturating_sub(6));
        let inside = dialog(canvas, area, width, height, &self.title);
        // The items are what is chosen from: the head has to leave them room.
        let head = inside.height.saturating_sub(8);
        let lines: Vec<Line> = self
            .head
            .iter()
            .take(usize::from(head))
            .map(|(role, line)| Line::from(canvas.span(*role, line.clone())))
            .collect();
        let inside = canvas.put_lines(inside, lines);
        let prompt = "filter: ";
        let label = Line::from(canvas.span(Role::Dim, prompt));
        canvas.put(inside, &label);
        let lead = u16::try_from(prompt.len()).unwrap_or(0).min(inside.width);
        let typed = Rect { x: inside.x + lead, width: inside.width - lead, ..inside };
        self.filter.draw(canvas, typed, Role::Accent, true);
        let rows = below(inside, 1);
        let rows = Rect { height: rows.height.saturating_sub(3), ..rows };
        self.view_rows(canvas, rows);
        let foot = below(inside, inside.height.saturating_sub(3));
        match self.shown.get(self.at.selected).map(|at| &self.items[*at]) {
            // The row itself may be too narrow for its sentence.
            Some(item) => {
                let place = Rect { height: foot.height.min(2), ..foot };
                canvas.put_wrapped(place, Role::Accent, &item.detail);
            }
            None => _ = canvas.put_wrapped(foot, Role::Warn, "nothing fits"),
        }
        let hint = "type to filter · ↑ ↓ move · enter take it · esc close";
        let hint = Line::from(canvas.span(Role::Faint, hint));
        canvas.put(below(foot, 2), &hint);
    }

    fn view_rows(&self, canvas: &mut Canvas, area: Rect) {
        let page = usize::from(area.height);
        canvas.regions.overlay_rows = page;
        let names = self.items.iter().map(|item| text::width(&item.name));
        let cells = names.max().unwrap_or(0).min(NAME_CELLS_MAX) + 2;
        let first = self.at.first_row(self.shown.len(), page);
        for (y, index) in (area.y..area.bottom()).zip(first..self.shown.len()) {
            let place = Rect { y, height: 1, width: area.width.saturating_sub(1), ..area };
            let item = &self.items[self.shown[index]];
            let line = canvas.line([
                (Role::Text, text::fit(&item.name, cells)),
                (Role::Dim, item.detail.clone()),
            ]);
            canvas.put(place, &line);
            if index == self.at.selected {
                canvas.fill(place, Role::Selected);
            }
            canvas.note(place, Target::OverlayRow(index));
        }
        list::scrollbar(canvas, area, first, self.shown.len());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_few_letters_find_the_item() {
        let item = |name: &str| Item::new(Choice::Stay, name, "about it");
        let mut menu = Menu::new("Menu", vec![item("renameField"), item("splitField")]);
        for character in "split".chars() {
            menu.press(Press::plain(KeyCode::Char(character)), 5);
        }
        assert_eq!(menu.shown, [1]);
        assert!(matches!(menu.press(Press::plain(KeyCode::Enter), 5), Answer::Chosen(_)));
        menu.paste("zzz");
        assert!(matches!(menu.press(Press::plain(KeyCode::Enter), 5), Answer::Stay));
    }
}
