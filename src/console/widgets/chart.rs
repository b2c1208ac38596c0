//! A chart of one figure over time, newest at the right; times without a figure show as gaps.

use std::collections::VecDeque;

use ratatui::layout::Rect;
use ratatui::text::{Line, Span};

use crate::console::theme::Role;
use crate::console::widgets::Canvas;

/// How many points are kept.
const POINTS_MAX: usize = 1024;
/// Eighths of a cell.
const STEPS: [&str; 9] = [" ", "▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"];

/// The figures, oldest first; `None` is a gap (nothing was to be measured, as in a pause).
#[derive(Clone, Debug, Default)]
pub struct Series {
    points: VecDeque<Option<f64>>,
}

impl Series {
    /// Adds the newest figure.
    pub fn push(&mut self, point: Option<f64>) {
        if self.points.len() == POINTS_MAX {
            self.points.pop_front();
        }
        self.points.push_back(point.filter(|value| value.is_finite() && *value >= 0.0));
    }

    /// Forgets everything.
    pub fn clear(&mut self) {
        self.points.clear();
    }

    /// The largest of the newest `count` figures.
    pub fn peak(&self, count: usize) -> f64 {
        self.points.iter().rev().take(count).flatten().copied().fold(0.0, f64::max)
    }

    /// Whether there is no figure yet.
    pub fn is_empty(&self) -> bool {
        self.points.is_empty()
    }
}

/// Draws the newest figures, one per column. Gaps are dots at the foot of the chart.
pub fn draw(canvas: &mut Canvas, area: Rect, series: &Series) {
    let width = usize::from(area.width);
    let peak = series.peak(width).max(1.0);
    let rows = f64::from(area.height);
    let start = series.points.len().saturating_sub(width);
    let shown: Vec<Option<f64>> = series.points.range(start..).copied().collect();
    for row in 0..area.height {
        // The row's foot, counted in rows from the foot of the chart.
        let foot = f64::from(area.height - 1 - row);
        let spans: Vec<Span> = shown
            .iter()
            .map(|point| match point {
                None if foot == 0.0 => canvas.span(Role::ChartGap, "·"),
                None => Span::raw(" "),
                Some(value) => {
                    let height = value / peak * rows - foot;
                    canvas.span(Role::Chart, STEPS[eighths(height, foot == 0.0 && *value > 0.0)])
                }
            })
            .collect();
        let lead = area.width.saturating_sub(u16::try_from(shown.len()).unwrap_or(area.width));
        let place = Rect { x: area.x + lead, y: area.y + row, width: area.width - lead, height: 1 };
        canvas.put(place, &Line::from(spans));
    }
}

/// How many eighths of a cell `height` (in cells) fills; something above zero shows at least one.
#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // Clamped to 0..=8 before.
fn eighths(height: f64, at_least_one: bool) -> usize {
    let filled = (height * 8.0).clamp(0.0, 8.0) as usize;
    if at_least_one { filled.max(1) } else { filled }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keeps_the_newest_points() {
        let mut series = Series::default();
        for point in 0..2000_u32 {
            series.push(Some(f64::from(point)));
        }
        assert_eq!(series.points.len(), POINTS_MAX);
        assert!((series.peak(10) - 1999.0).abs() < f64::EPSILON);
        series.push(Some(f64::NAN));
        assert_eq!(series.points.back(), Some(&None));
    }

    #[test]
    fn columns_fill_by_eighths() {
        assert_eq!(eighths(0.5, false), 4);
        assert_eq!(eighths(-1.0, false), 0);
        assert_eq!(eighths(0.01, true), 1);
        assert_eq!(eighths(7.0, false), 8);
    }
}
