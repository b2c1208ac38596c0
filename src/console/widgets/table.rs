//! Columns for a list's rows: widths that fit the room, a heading, and cells cut to them.

use ratatui::text::{Line, Span};

use crate::console::theme::Role;
use crate::console::widgets::{Canvas, text};

/// One column.
#[derive(Clone, Copy, Debug)]
pub struct Column {
    /// The heading.
    pub title: &'static str,
    /// The cells it wants; 0 shares what is left.
    pub cells: usize,
    /// Whether its text stands at the right edge, as figures do.
    pub right: bool,
}

impl Column {
    /// A column of text.
    pub const fn text(title: &'static str, cells: usize) -> Self {
        Self { title, cells, right: false }
    }

    /// A column of figures.
    pub const fn figures(title: &'static str, cells: usize) -> Self {
        Self { title, cells, right: true }
    }
}

/// The width of each column in a row of `room` cells; columns stand one blank apart. Where there is
/// no room, the columns at the right get none.
pub fn widths(columns: &[Column], room: usize) -> Vec<usize> {
    /// What a column that shares the rest gets at least.
    const SHARE_MIN: usize = 12;
    let wanted = |column: &Column| if column.cells == 0 { SHARE_MIN } else { column.cells };
    let mut kept = columns.len();
    while kept > 1 && columns[..kept].iter().map(wanted).sum::<usize>() + kept - 1 > room {
        kept -= 1;
    }
    let fixed: usize = columns[..kept].iter().map(|column| column.cells).sum();
    let sharing = columns[..kept].iter().filter(|column| column.cells == 0).count();
    let rest = room.saturating_sub(fixed + kept.saturating_sub(1));
    columns
        .iter()
        .enumerate()
        .map(|(at, column)| match (at < kept, column.cells) {
            (false, _) => 0,
            (true, 0) => rest / sharing,
            (true, cells) => cells.min(room),
        })
        .collect()
}

/// The heading.
pub fn heading<'t>(canvas: &Canvas, columns: &[Column], room: usize) -> Line<'t> {
    let cells = columns.iter().map(|column| (Role::Faint, column.title.to_owned()));
    row(canvas, columns, room, cells)
}

/// One row of cells, each in its role.
pub fn row<'t>(
    canvas: &Canvas,
    columns: &[Column],
    room: usize,
    cells: impl IntoIterator<Item = (Role, String)>,
) -> Line<'t> {
    let mut spans = Vec::with_capacity(columns.len() * 2);
    for ((column, width), (role, cell)) in
        columns.iter().zip(widths(columns, room)).zip(cells).filter(|((_, width), _)| *width > 0)
    {
        if !spans.is_empty() {
            spans.push(Span::raw(" "));
        }
        let cell =
            if column.right { text::fit_right(&cell, width) } else { text::fit(&cell, width) };
        spans.push(canvas.span(role, cell));
    }
    Line::from(spans)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn widths_fill_the_room_and_drop_columns_from_the_right() {
        let columns = [Column::text("key", 0), Column::text("type", 6), Column::figures("ttl", 8)];
        assert_eq!(widths(&columns, 40), [24, 6, 8]);
        assert_eq!(widths(&columns, 20), [13, 6, 0]);
        assert_eq!(widths(&columns, 10), [10, 0, 0]);
        assert_eq!(widths(&columns, 0), [0, 0, 0]);
    }
}
