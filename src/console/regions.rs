//! Which piece of the last frame means what: a view returns this, the next mouse event looks in it.

use ratatui::layout::{Position, Rect};

use crate::console::command::{Scope, Verb};

/// Which side of a pane.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Part {
    /// The list.
    #[default]
    Left,
    /// The details.
    Right,
}

impl Part {
    /// The other side.
    #[must_use]
    pub fn other(self) -> Self {
        match self {
            Self::Left => Self::Right,
            Self::Right => Self::Left,
        }
    }
}

/// What a piece of screen means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Target {
    /// The tab of a pane.
    Tab(Scope),
    /// One side of the pane.
    Part(Part),
    /// A row of a side's list, by its index.
    Row(Part, usize),
    /// A verb in the footer.
    Verb(Verb),
    /// A row of the overlay's list, by its index.
    OverlayRow(usize),
    /// The border between the two sides.
    Divider,
}

/// The last frame's pieces, and how many rows each side's list could show.
#[derive(Clone, Debug, Default)]
pub struct Regions {
    pieces: Vec<(Rect, Target)>,
    /// Rows that the lists of the left and the right side have room for.
    pub rows: [usize; 2],
    /// Rows that the overlay's list has room for.
    pub overlay_rows: usize,
    /// Where the body is, for dragging the divider.
    pub body: Rect,
}

impl Regions {
    /// Notes a piece; later pieces lie above earlier ones.
    pub fn push(&mut self, area: Rect, target: Target) {
        self.pieces.push((area, target));
    }

    /// What lies topmost at a place.
    pub fn at(&self, column: u16, row: u16) -> Option<Target> {
        let place = Position::new(column, row);
        self.pieces.iter().rev().find(|(area, _)| area.contains(place)).map(|(_, target)| *target)
    }

    /// The side a place belongs to.
    pub fn part_at(&self, column: u16, row: u16) -> Option<Part> {
        let place = Position::new(column, row);
        self.pieces.iter().rev().find_map(|(area, target)| match target {
            Target::Part(part) if area.contains(place) => Some(*part),
            _ => None,
        })
    }

    /// Rows that a side's list has room for.
    pub fn page(&self, part: Part) -> usize {
        self.rows[part as usize]
    }
}
