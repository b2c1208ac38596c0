//! A list to pick a row from, found by a few letters: a line to type in, the rows that fit, and at the foot
//! the selected row's sentence.

use std::cmp::Reverse;

use crossterm::event::KeyCode;
use nucleo_matcher::pattern::{CaseMatching, Normalization, Pattern};
use nucleo_matcher::{Config, Matcher, Utf32Str};
use ratatui::layout::Rect;
use ratatui::text::Line;

use crate::console::command::Verb;
use crate::console::keymap::Press;
use crate::console::regions::Target;
use crate::console::theme::Role;
use crate::console::widgets::input::Input;
use crate::console::widgets::list::{self, ListState};
use crate::console::widgets::{Canvas, below};

/// Rows at the foot: two for the sentence, one for the hint.
const FOOT_ROWS: u16 = 3;
/// How much more it counts that a name fits than that a sentence does.
const NAME_WEIGHT: u32 = 3;

/// What is looked for in a row.
#[derive(Clone, Debug, Default)]
pub struct Words {
    /// What the row is called.
    pub name: String,
    /// What it means.
    pub sentence: String,
    /// What finds it at once when it is typed as it stands: its keys.
    pub exact: Vec<String>,
}

/// The list. The rows themselves are the caller's.
#[derive(Debug)]
pub struct Picker {
    rows: Vec<Words>,
    /// Whether rows keep their order while one types, or the best come first.
    ordered: bool,
    shown: Vec<usize>,
    filter: Input,
    at: ListState,
}

impl Picker {
    /// A list with its first row selected; the rows that fit best come first.
    pub fn new(rows: Vec<Words>) -> Self {
        let shown = (0..rows.len()).collect();
        Self { rows, ordered: false, shown, filter: Input::default(), at: ListState::default() }
    }

    /// The list, with the rows in their order whatever is typed.
    #[must_use]
    pub fn in_order(self) -> Self {
        Self { ordered: true, ..self }
    }

    /// How many rows fit.
    pub fn fitting(&self) -> usize {
        self.shown.len()
    }

    /// The selected row, if any fits.
    pub fn selected(&self) -> Option<usize> {
        self.shown.get(self.at.selected).copied()
    }

    /// Takes a key: arrows move, Enter picks the selected row, the rest is typed.
    pub fn press(&mut self, press: Press, page: usize) -> Option<usize> {
        let verb = match press.code {
            KeyCode::Enter => return self.selected(),
            KeyCode::Up | KeyCode::BackTab => Verb::Up,
            KeyCode::Down | KeyCode::Tab => Verb::Down,
            KeyCode::PageUp => Verb::PageUp,
            KeyCode::PageDown => Verb::PageDown,
            _ => {
                if self.filter.press(press) {
                    self.refilter();
                }
                return None;
            }
        };
        self.at.step(verb, self.shown.len(), page);
        None
    }

    /// Takes pasted text into the line.
    pub fn paste(&mut self, text: &str) {
        self.filter.paste(text);
        self.refilter();
    }

    /// A click on a row selects it; a second one picks it.
    pub fn click(&mut self, row: usize) -> Option<usize> {
        if self.at.selected == row {
            return self.selected();
        }
        self.at.selected = row.min(self.shown.len().saturating_sub(1));
        None
    }

    fn refilter(&mut self) {
        let wanted = self.filter.text();
        let pattern = Pattern::parse(&wanted, CaseMatching::Ignore, Normalization::Smart);
        let mut matcher = Matcher::new(Config::DEFAULT);
        let mut letters = Vec::new();
        let mut score = |text: &str| pattern.score(Utf32Str::new(text, &mut letters), &mut matcher);
        let mut ranked: Vec<(u32, usize)> = Vec::new();
        for (at, row) in self.rows.iter().enumerate() {
            let found = if row.exact.contains(&wanted) {
                Some(u32::MAX)
            } else {
                let name = score(&row.name).map(|score| score * NAME_WEIGHT);
                name.max(score(&row.sentence))
            };
            ranked.extend(found.map(|score| (score, at)));
        }
        if !self.ordered && !wanted.is_empty() {
            ranked.sort_by_key(|(score, at)| (Reverse(*score), *at));
        }
        self.shown = ranked.into_iter().map(|(_, at)| at).collect();
        self.at = ListState::default();
    }

    /// Draws it: `row` gives the line of a row, `hint` what stands at the foot.
    pub fn view<'t>(
        &self,
        canvas: &mut Canvas,
        area: Rect,
        row: impl Fn(&Canvas, usize) -> Line<'t>,
        hint: (Role, String),
    ) {
        let prompt = "filter: ";
        let label = Line::from(canvas.span(Role::Dim, prompt));
        canvas.put(area, &label);
        let lead = u16::try_from(prompt.len()).unwrap_or(0).min(area.width);
        let typed = Rect { x: area.x + lead, width: area.width - lead, ..area };
        self.filter.draw(canvas, typed, Role::Accent, true);
        let rows = below(area, 1);
        let rows = Rect { height: rows.height.saturating_sub(FOOT_ROWS), ..rows };
        self.view_rows(canvas, rows, row);
        let foot = below(area, area.height.saturating_sub(FOOT_ROWS));
        // The row itself may be too narrow for its sentence.
        if let Some(at) = self.selected() {
            let place = Rect { height: foot.height.min(FOOT_ROWS - 1), ..foot };
            canvas.put_wrapped(place, Role::Accent, &self.rows[at].sentence);
        }
        let hint = canvas.line([hint]);
        canvas.put(below(foot, FOOT_ROWS - 1), &hint);
    }

    fn view_rows<'t>(
        &self,
        canvas: &mut Canvas,
        area: Rect,
        row: impl Fn(&Canvas, usize) -> Line<'t>,
    ) {
        let page = usize::from(area.height);
        canvas.regions.overlay_rows = page;
        let first = self.at.first_row(self.shown.len(), page);
        for (y, index) in (area.y..area.bottom()).zip(first..self.shown.len()) {
            let place = Rect { y, height: 1, width: area.width.saturating_sub(1), ..area };
            let line = row(canvas, self.shown[index]);
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

    fn picker(rows: &[(&str, &str, &str)]) -> Picker {
        let words = |(name, sentence, key): &(&str, &str, &str)| Words {
            name: (*name).to_owned(),
            sentence: (*sentence).to_owned(),
            exact: vec![(*key).to_owned()],
        };
        Picker::new(rows.iter().map(words).collect())
    }

    fn typed(picker: &mut Picker, text: &str) {
        for character in text.chars() {
            picker.press(Press::plain(KeyCode::Char(character)), 10);
        }
    }

    #[test]
    fn a_name_counts_more_than_a_sentence_and_a_key_most() {
        let rows = [
            ("stop", "End the dry run", "s"),
            ("dry run", "Go through every key", "d"),
            ("x", "Nothing of it", "z"),
        ];
        let mut list = picker(&rows);
        typed(&mut list, "dry");
        assert_eq!(list.shown, [1, 0]);
        assert_eq!(list.press(Press::plain(KeyCode::Enter), 10), Some(1));
        let mut ordered = picker(&rows).in_order();
        typed(&mut ordered, "dry");
        assert_eq!(ordered.shown, [0, 1]);
        let mut by_key = picker(&rows);
        typed(&mut by_key, "z");
        assert_eq!(by_key.selected(), Some(2));
        by_key.paste("qqq");
        assert_eq!(by_key.press(Press::plain(KeyCode::Enter), 10), None);
    }

    #[test]
    fn a_second_click_picks() {
        let mut list = picker(&[("a", "", ""), ("b", "", "")]);
        assert_eq!((list.click(1), list.click(1)), (None, Some(1)));
        assert_eq!(list.click(9), None);
    }
}
