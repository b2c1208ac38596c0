//! The right side of the key browser: the selected key's value, with parts that fold.

use std::collections::BTreeSet;

use ratatui::layout::Rect;
use ratatui::text::Line;

use crate::console::command::Verb;
use crate::console::effect::Effect;
use crate::console::msg::{Answer, Generation};
use crate::console::panes::value;
use crate::console::regions::Part;
use crate::console::shared::Shared;
use crate::console::theme::Role;
use crate::console::widgets::json::JsonLine;
use crate::console::widgets::list::{self, ListState};
use crate::console::widgets::{Canvas, below, text};
use crate::model::Key;
use crate::session::KeyDetail;

/// The value, as it was last read.
#[derive(Debug, Default)]
pub struct ValueSide {
    generation: Generation,
    shown: Option<(Key, Answer<Option<Box<KeyDetail>>>)>,
    lines: Vec<JsonLine>,
    folded: BTreeSet<String>,
    at: ListState,
}

impl ValueSide {
    /// Asks for a key's value; until it comes, the last one stays.
    pub fn ask(&mut self, key: Key) -> Effect {
        self.generation += 1;
        Effect::Read(self.generation, key)
    }

    /// Takes a value, unless a newer one was asked for since.
    pub fn loaded(
        &mut self,
        generation: Generation,
        key: &Key,
        answer: Answer<Option<Box<KeyDetail>>>,
    ) {
        if generation != self.generation {
            return;
        }
        // Read again, a value keeps its folds and its place.
        if self.shown.as_ref().is_none_or(|(shown, _)| shown != key) {
            self.folded.clear();
            self.at = ListState::default();
        }
        self.shown = Some((key.clone(), answer));
        self.make_lines();
    }

    /// Shows nothing; an answer that is still on its way is dropped.
    pub fn clear(&mut self) {
        *self = Self { generation: self.generation + 1, ..Self::default() };
    }

    fn make_lines(&mut self) {
        self.lines =
            self.detail().map_or_else(Vec::new, |detail| value::lines(detail, &self.folded));
        self.at.clamp(self.lines.len());
    }

    /// The value, when there is one.
    pub fn detail(&self) -> Option<&KeyDetail> {
        match &self.shown {
            Some((_, Ok(Some(detail)))) => Some(detail),
            _ => None,
        }
    }

    /// The value as text to copy.
    pub fn text(&self) -> Option<String> {
        self.detail().map(value::plain)
    }

    /// Moves the selected line.
    pub fn step(&mut self, verb: Verb, page: usize) {
        self.at.step(verb, self.lines.len(), page);
    }

    /// Selects a line; one that is selected already is folded or unfolded.
    pub fn select(&mut self, row: usize, page: usize) {
        if self.at.selected == row {
            self.fold(Verb::Open);
        }
        self.at.select(row, self.lines.len(), page);
    }

    /// Folds (`Left`), unfolds (`Right`) or turns (`Open`) what begins on the selected line. Returns
    /// whether something changed.
    pub fn fold(&mut self, verb: Verb) -> bool {
        let line = self.lines.get(self.at.selected);
        let Some(pointer) = line.and_then(|line| line.folds.clone()) else { return false };
        match (verb, self.folded.contains(&pointer)) {
            (Verb::Left | Verb::Open, false) => {
                self.folded.insert(pointer);
            }
            (Verb::Right | Verb::Open, true) => {
                self.folded.remove(&pointer);
            }
            _ => return false,
        }
        self.make_lines();
        true
    }

    /// Shows the selected line whole at the foot of `area`, when it is wider; returns what is left above.
    fn view_whole_line(&self, canvas: &mut Canvas, area: Rect) -> Rect {
        let Some(line) = self.lines.get(self.at.selected) else { return area };
        let (whole, cells) = (line.text(), usize::from(area.width));
        // The scroll bar takes one.
        if text::width(&whole) < cells || area.height < 6 {
            return area;
        }
        let room = area.height / 3;
        let most = cells * usize::from(room);
        let mut pieces = text::wrap(&text::cut(whole.trim_start(), most), cells);
        pieces.truncate(usize::from(room));
        let rows = u16::try_from(pieces.len()).unwrap_or(room);
        let body = Rect { height: area.height - rows - 1, ..area };
        let border = Line::from(canvas.span(Role::Border, "─".repeat(cells)));
        let rest = canvas.put_lines(below(area, body.height), [border]);
        let lines: Vec<Line> =
            pieces.into_iter().map(|piece| canvas.line([(Role::Text, piece)])).collect();
        canvas.put_lines(rest, lines);
        body
    }

    /// Draws it.
    pub fn view(&self, shared: &Shared, canvas: &mut Canvas, area: Rect, focused: bool) {
        let title = match &self.shown {
            Some((key, _)) => key.to_string(),
            None => "Value".to_owned(),
        };
        let title = text::cut(&title, usize::from(area.width.saturating_sub(6)));
        let inside = canvas.boxed(area, &title, focused);
        match &self.shown {
            None => {
                canvas.put_wrapped(inside, Role::Dim, "Select a key at the left.");
            }
            Some((_, Err(reason))) => {
                canvas.put_wrapped(inside, Role::Bad, reason);
            }
            Some((_, Ok(None))) => {
                let text = "This key is gone: it was deleted, or it expired.";
                canvas.put_wrapped(inside, Role::Warn, text);
            }
            Some((_, Ok(Some(detail)))) => {
                let facts = value::facts(detail, shared.now.unix_ms);
                let mut body = inside;
                for parts in facts {
                    body = canvas.put_flow(body, parts);
                }
                let body = below(body, 1);
                let body = if focused { self.view_whole_line(canvas, body) } else { body };
                let length = self.lines.len();
                list::draw(canvas, body, Part::Right, self.at, length, focused, |canvas, at| {
                    self.lines[at].line(canvas)
                });
            }
        }
    }
}
