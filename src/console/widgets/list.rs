//! A list with a selected row that scrolls: it draws what is visible and nothing else, so its length
//! does not matter.

use ratatui::layout::Rect;
use ratatui::text::Line;

use crate::console::command::Verb;
use crate::console::regions::{Part, Target};
use crate::console::theme::Role;
use crate::console::widgets::Canvas;

/// Which row is selected, and which is the first on screen.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ListState {
    /// The selected row.
    pub selected: usize,
    /// The first row on screen.
    pub offset: usize,
}

impl ListState {
    /// Moves as a movement verb asks, in a list of `length` rows of which `page` are on screen.
    /// Returns whether the verb was one of movement.
    pub fn step(&mut self, verb: Verb, length: usize, page: usize) -> bool {
        let last = length.saturating_sub(1);
        let jump = page.saturating_sub(1).max(1);
        self.selected = match verb {
            Verb::Up => self.selected.saturating_sub(1),
            Verb::Down => self.selected.saturating_add(1),
            Verb::PageUp => self.selected.saturating_sub(jump),
            Verb::PageDown => self.selected.saturating_add(jump),
            Verb::Top => 0,
            Verb::Bottom => last,
            _ => return false,
        }
        .min(last);
        self.offset = self.first_row(length, page);
        true
    }

    /// Selects a row.
    pub fn select(&mut self, row: usize, length: usize, page: usize) {
        self.selected = row.min(length.saturating_sub(1));
        self.offset = self.first_row(length, page);
    }

    /// Keeps the selection inside a list that became shorter.
    pub fn clamp(&mut self, length: usize) {
        self.selected = self.selected.min(length.saturating_sub(1));
        self.offset = self.offset.min(self.selected);
    }

    /// The first row to show, so that the selected one is among `page` rows.
    pub fn first_row(&self, length: usize, page: usize) -> usize {
        let page = page.max(1);
        let lowest = (self.selected + 1).saturating_sub(page);
        let highest = self.selected.min(length.saturating_sub(page).max(lowest));
        self.offset.clamp(lowest, highest.max(lowest))
    }
}

/// The cells of a row among `length` in `area`: the scroll bar takes one where there is one.
pub fn row_width(area: Rect, length: usize) -> usize {
    let scrolls = length > usize::from(area.height);
    usize::from(area.width.saturating_sub(u16::from(scrolls)))
}

/// Draws the visible rows. `row` gives the line of an index.
pub fn draw<'t>(
    canvas: &mut Canvas,
    area: Rect,
    part: Part,
    state: ListState,
    length: usize,
    focused: bool,
    row: impl Fn(&Canvas, usize) -> Line<'t>,
) {
    let page = usize::from(area.height);
    canvas.regions.rows[part as usize] = page;
    let first = state.first_row(length, page);
    let scrolls = length > page;
    let width = u16::try_from(row_width(area, length)).unwrap_or(area.width);
    for (y, index) in (area.y..area.bottom()).zip(first..length) {
        let line_area = Rect { y, height: 1, width, ..area };
        let line = row(canvas, index);
        canvas.put(line_area, &line);
        if index == state.selected {
            canvas.underlay(line_area, if focused { Role::Selected } else { Role::SelectedIdle });
        }
        canvas.note(line_area, Target::Row(part, index));
    }
    if scrolls {
        scrollbar(canvas, area, first, length);
    }
}

/// Draws a scroll bar at the right edge: where the visible rows stand among `length`.
pub fn scrollbar(canvas: &mut Canvas, area: Rect, first: usize, length: usize) {
    let page = usize::from(area.height);
    if page == 0 || area.width == 0 || length <= page {
        return;
    }
    let thumb = (page * page / length).clamp(1, page);
    let top = first * (page - thumb) / (length - page).max(1);
    for (row, y) in (area.y..area.bottom()).enumerate() {
        let inside = (top..top + thumb).contains(&row);
        let mark = if inside { "█" } else { "│" };
        let spot = Rect { x: area.right() - 1, y, width: 1, height: 1 };
        let line = Line::from(canvas.span(if inside { Role::Dim } else { Role::Border }, mark));
        canvas.put(spot, &line);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn moves_stay_inside() {
        let mut list = ListState::default();
        assert!(list.step(Verb::Bottom, 100, 10));
        assert_eq!((list.selected, list.offset), (99, 90));
        list.step(Verb::PageUp, 100, 10);
        assert_eq!((list.selected, list.offset), (90, 90));
        list.step(Verb::Up, 100, 10);
        assert_eq!((list.selected, list.offset), (89, 89));
        assert!(!list.step(Verb::Quit, 100, 10));
        list.step(Verb::Down, 0, 10);
        assert_eq!(list.selected, 0);
    }

    proptest! {
        #[test]
        fn the_selected_row_is_always_visible(
            moves in proptest::collection::vec((0usize..6, 0usize..40, 0usize..20), 0..60)
        ) {
            let verbs =
                [Verb::Up, Verb::Down, Verb::PageUp, Verb::PageDown, Verb::Top, Verb::Bottom];
            let mut list = ListState::default();
            for (verb, length, page) in moves {
                list.step(verbs[verb], length, page);
                let first = list.first_row(length, page);
                prop_assert!(list.selected <= length.saturating_sub(1));
                prop_assert!(first <= list.selected && list.selected < first + page.max(1));
            }
        }
    }
}
