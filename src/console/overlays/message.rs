//! A text to read, with scrolling.

use ratatui::layout::Rect;
use ratatui::text::Line;

use crate::console::command::Scope;
use crate::console::keymap::{Keymap, Press};
use crate::console::overlays::{Answer, dialog};
use crate::console::theme::Role;
use crate::console::widgets::list::ListState;
use crate::console::widgets::{Canvas, below, list, text};

/// A titled text.
#[derive(Debug)]
pub struct Message {
    title: String,
    lines: Vec<(Role, String)>,
    scroll: ListState,
    keymap: Keymap,
    /// What closing it leads to.
    close: &'static str,
}

impl Message {
    /// A text in its roles, shown from the top. The keymap is for the keys that scroll it.
    pub fn new(keymap: &Keymap, title: impl Into<String>, lines: Vec<(Role, String)>) -> Self {
        let scroll = ListState::default();
        let (title, keymap) = (title.into(), keymap.clone());
        Self { title, lines, scroll, keymap, close: "esc close" }
    }

    /// The text with something behind it: `close` says which key leads there.
    #[must_use]
    pub fn before(self, close: &'static str) -> Self {
        Self { close, ..self }
    }

    /// Takes a key: movement scrolls, anything else closes.
    pub fn press(&mut self, press: Press, page: usize) -> Answer {
        match self.keymap.verb(Scope::Everywhere, press) {
            Some(verb) if self.scroll.step(verb, self.lines.len(), page) => Answer::Stay,
            _ => Answer::Close,
        }
    }

    /// Draws it.
    pub fn view(&self, canvas: &mut Canvas, area: Rect) {
        let widest = self.lines.iter().map(|(_, line)| text::width(line)).max().unwrap_or(0);
        let room = u16::try_from(widest.clamp(40, 100)).unwrap_or(100);
        let room = room.min(area.width.saturating_sub(4));
        let wrapped: Vec<(Role, String)> = self
            .lines
            .iter()
            .flat_map(|(role, line)| {
                let mut pieces = text::wrap(line, usize::from(room));
                if pieces.is_empty() {
                    pieces.push(String::new());
                }
                pieces.into_iter().map(|piece| (*role, piece))
            })
            .collect();
        let rows = u16::try_from(wrapped.len()).unwrap_or(u16::MAX);
        let height = rows.saturating_add(2).min(area.height.saturating_sub(4));
        let inside = dialog(canvas, area, room, height, &self.title);
        let body = Rect { height: inside.height.saturating_sub(1), ..inside };
        let page = usize::from(body.height);
        canvas.regions.overlay_rows = page;
        // The selection of the scroll state is a place in the unwrapped text; it leads the view.
        let first = self.scroll.selected.min(wrapped.len().saturating_sub(page));
        let shown = wrapped.iter().skip(first).take(page);
        let lines: Vec<Line> =
            shown.map(|(role, line)| Line::from(canvas.span(*role, line.clone()))).collect();
        canvas.put_lines(body, lines);
        list::scrollbar(canvas, body, first, wrapped.len());
        let foot = below(inside, inside.height.saturating_sub(1));
        let scroll = if wrapped.len() > page { "↑ ↓ scroll · " } else { "" };
        let hint = format!("{scroll}{}", self.close);
        let hint = Line::from(canvas.span(Role::Faint, hint));
        canvas.put(foot, &hint);
    }
}
