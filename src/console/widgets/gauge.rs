//! A bar that fills from left to right, with its figures written on it.

use ratatui::layout::Rect;
use ratatui::text::Line;

use crate::console::theme::Role;
use crate::console::widgets::{Canvas, text};

/// Draws `label` on a bar of which `share` (0 to 1) is full. Without a share the bar stays empty.
pub fn draw(canvas: &mut Canvas, area: Rect, share: Option<f64>, label: &str) {
    let row = Rect { height: area.height.min(1), ..area };
    let label = text::fit(&format!(" {label}"), usize::from(row.width));
    let line = Line::from(canvas.span(Role::GaugeRest, label));
    canvas.put(row, &line);
    let full = full_cells(row.width, share.unwrap_or(0.0));
    canvas.fill(Rect { width: full, ..row }, Role::Gauge);
}

/// How many of `width` cells are full: never all of them before the end, never none once begun.
#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // The product lies in 0..=width.
fn full_cells(width: u16, share: f64) -> u16 {
    if share >= 1.0 {
        width
    } else if share > 0.0 {
        ((f64::from(width) * share) as u16).clamp(1.min(width), width.saturating_sub(1))
    } else {
        0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_bar_is_full_only_at_the_end() {
        assert_eq!(full_cells(10, 0.0), 0);
        assert_eq!(full_cells(10, 0.001), 1);
        assert_eq!(full_cells(10, 0.999), 9);
        assert_eq!(full_cells(10, 1.0), 10);
        assert_eq!(full_cells(0, 0.5), 0);
        assert_eq!(full_cells(10, f64::NAN), 0);
    }
}
