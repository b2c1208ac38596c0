//! Pieces that any pane is made of. They know roles and rectangles, nothing of Redis.

pub mod chart;
pub mod gauge;
pub mod input;
pub mod json;
pub mod list;
pub mod pairs;
pub mod picker;
pub mod table;
pub mod text;

use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};
use ratatui::style::Style;
use ratatui::text::{Line, Span};
use ratatui::widgets::{Block, Widget as _};

use crate::console::regions::{Regions, Target};
use crate::console::theme::{Role, Theme};

/// What a view draws on, and where it notes which piece of screen means what.
pub struct Canvas<'a> {
    /// The cells.
    pub buffer: &'a mut Buffer,
    /// How roles look.
    pub theme: &'a Theme,
    /// What the next mouse event is looked up in.
    pub regions: &'a mut Regions,
    /// Where the terminal's cursor stands, while something is typed.
    pub cursor: Option<Position>,
}

impl Canvas<'_> {
    /// The style of a role.
    pub fn style(&self, role: Role) -> Style {
        self.theme.style(role)
    }

    /// Text in a role.
    pub fn span<'t>(&self, role: Role, text: impl Into<std::borrow::Cow<'t, str>>) -> Span<'t> {
        Span::styled(text, self.style(role))
    }

    /// A line of texts in roles.
    pub fn line<'t>(&self, parts: impl IntoIterator<Item = (Role, String)>) -> Line<'t> {
        let parts = parts.into_iter().map(|(role, text)| self.span(role, visible(text)));
        Line::from(parts.collect::<Vec<_>>())
    }

    /// Draws one line at the top of `area`; what is too long ends in `…` at the edge.
    pub fn put(&mut self, area: Rect, line: &Line) {
        let row = Rect { height: area.height.min(1), ..area }.intersection(self.buffer.area);
        line.render(row, self.buffer);
        if row.is_empty() || !is_longer(line, usize::from(row.width)) {
            return;
        }
        let last = row.right() - 1;
        // Half of a wide character is none.
        if last > row.x && text::width(self.buffer[(last - 1, row.y)].symbol()) > 1 {
            self.buffer[(last - 1, row.y)].set_symbol(" ");
        }
        self.buffer[(last, row.y)].set_symbol("…");
    }

    /// Draws lines from the top of `area`, as many as fit, and returns what is left below them.
    pub fn put_lines<'t>(&mut self, area: Rect, lines: impl IntoIterator<Item = Line<'t>>) -> Rect {
        let mut rest = area;
        for line in lines {
            if rest.height == 0 {
                break;
            }
            self.put(rest, &line);
            rest = below(rest, 1);
        }
        rest
    }

    /// Draws text that wraps at words, and returns what is left below it.
    pub fn put_wrapped(&mut self, area: Rect, role: Role, text: &str) -> Rect {
        let lines = text::wrap(text, usize::from(area.width));
        let style = self.style(role);
        self.put_lines(area, lines.into_iter().map(|line| Line::styled(visible(line), style)))
    }

    /// Draws cells beside each other, in as many lines as they need, and returns what is left below. A cell
    /// that is wider than the area wraps.
    pub fn put_flow(
        &mut self,
        area: Rect,
        cells: impl IntoIterator<Item = (Role, String)>,
    ) -> Rect {
        const GAP: usize = 3;
        let mut lines: Vec<Vec<(Role, String)>> = vec![Vec::new()];
        let mut used = 0;
        let room = usize::from(area.width);
        let pieces = cells.into_iter().flat_map(|(role, cell)| {
            let pieces =
                if text::width(&cell) > room { text::wrap(&cell, room) } else { vec![cell] };
            pieces.into_iter().map(move |piece| (role, piece))
        });
        for (role, cell) in pieces {
            let width = text::width(&cell);
            if used > 0 && used + width > room {
                lines.push(Vec::new());
                used = 0;
            }
            used += width + GAP;
            let cell = format!("{cell}{:GAP$}", "");
            lines.last_mut().expect("there is always a line").push((role, cell));
        }
        let lines: Vec<Line> = lines.into_iter().map(|parts| self.line(parts)).collect();
        self.put_lines(area, lines)
    }

    /// Fills `area` with a role's background.
    pub fn fill(&mut self, area: Rect, role: Role) {
        let style = self.style(role);
        let area = area.intersection(self.buffer.area);
        self.buffer.set_style(area, style);
    }

    /// Gives `area` a role's look, but for what has a background of its own: words that are marked
    /// stay readable in the selected row.
    pub fn underlay(&mut self, area: Rect, role: Role) {
        let (style, ground) = (self.style(role), self.style(Role::Text).bg.unwrap_or_default());
        for position in area.intersection(self.buffer.area).positions() {
            let cell = &mut self.buffer[position];
            if cell.bg == ground {
                cell.set_style(style);
            }
        }
    }

    /// Draws a frame with a title, and returns the inside.
    pub fn boxed(&mut self, area: Rect, title: &str, focused: bool) -> Rect {
        let (border, title_role) =
            if focused { (Role::BorderFocused, Role::Title) } else { (Role::Border, Role::Dim) };
        let block = Block::bordered()
            .border_style(self.style(border))
            .title(Span::styled(format!(" {title} "), self.style(title_role)));
        let area = area.intersection(self.buffer.area);
        let inside = block.inner(area);
        block.render(area, self.buffer);
        inside
    }

    /// Notes what a click on `area` means.
    pub fn note(&mut self, area: Rect, target: Target) {
        self.regions.push(area, target);
    }
}

/// `text` with a sign for the separators of lines and paragraphs, which count as a cell that most
/// terminals do not draw: what follows them would stand in the wrong place.
fn visible(text: String) -> String {
    const SEPARATORS: [char; 2] = ['\u{2028}', '\u{2029}'];
    if text.contains(SEPARATORS) { text.replace(SEPARATORS, "↵") } else { text }
}

/// Whether a line has more to show than fits into `cells` cells; blanks at its end are nothing to show.
fn is_longer(line: &Line, cells: usize) -> bool {
    let width = line.width();
    if width <= cells {
        return false;
    }
    let characters = line.spans.iter().rev().flat_map(|span| span.content.chars().rev());
    width - characters.take_while(|character| *character == ' ').count() > cells
}

/// What is left of `area` below its first `rows` rows.
pub fn below(area: Rect, rows: u16) -> Rect {
    let rows = rows.min(area.height);
    Rect { y: area.y + rows, height: area.height - rows, ..area }
}

/// The first `rows` rows of `area`.
pub fn above(area: Rect, rows: u16) -> Rect {
    Rect { height: rows.min(area.height), ..area }
}
