//! A line over time as SVG, for the page.

use std::fmt::Write as _;

const WIDTH: f64 = 760.0;
const HEIGHT: f64 = 160.0;
const LEFT: f64 = 64.0;
const BOTTOM: f64 = 22.0;
const TOP: f64 = 10.0;

/// A chart of values over seconds; a gap where there is none. Empty when there is nothing to draw.
pub fn line(title: &str, unit: &str, points: &[(f64, Option<f64>)]) -> String {
    let values: Vec<f64> = points.iter().filter_map(|(_, value)| *value).collect();
    if values.len() < 2 {
        return String::new();
    }
    let most = values.iter().copied().fold(0.0, f64::max);
    if most <= 0.0 {
        return format!("<p class=\"unit\">{title}: none at any time</p>");
    }
    let (first, last) = (points[0].0, points[points.len() - 1].0);
    let span = (last - first).max(1e-9);
    let x = |seconds: f64| LEFT + (seconds - first) / span * (WIDTH - LEFT - 10.0);
    let y = |value: f64| TOP + (1.0 - value / most) * (HEIGHT - TOP - BOTTOM);
    let mut path = String::new();
    let mut pen_down = false;
    for (seconds, value) in points {
        match value {
            Some(value) => {
                let mark = if pen_down { 'L' } else { 'M' };
                let _ = write!(path, "{mark}{:.1} {:.1} ", x(*seconds), y(*value));
                pen_down = true;
            }
            None => pen_down = false,
        }
    }
    let mut out = String::new();
    let _ = write!(
        out,
        "<figure><figcaption>{title}</figcaption><svg viewBox=\"0 0 {WIDTH} {HEIGHT}\" role=\"img\" \
         aria-label=\"{title}\">"
    );
    for part in [0.0, 0.5, 1.0] {
        let (level, at) = (most * part, y(most * part));
        let _ = write!(
            out,
            "<line x1=\"{LEFT}\" x2=\"{WIDTH}\" y1=\"{at:.1}\" y2=\"{at:.1}\" class=\"grid\"/>\
             <text x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"end\">{}</text>",
            LEFT - 6.0,
            at + 4.0,
            short(level)
        );
    }
    let _ = write!(
        out,
        "<text x=\"{LEFT}\" y=\"{:.1}\">{first:.0} s</text>\
         <text x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"end\">{last:.0} s</text>\
         <path d=\"{path}\" class=\"line\"/></svg><p class=\"unit\">{unit}; at most {}</p></figure>",
        HEIGHT - 6.0,
        WIDTH - 10.0,
        HEIGHT - 6.0,
        short(most)
    );
    out
}

/// A number with few digits: `81.2 k`.
fn short(number: f64) -> String {
    match number {
        number if number >= 1e6 => format!("{:.1} M", number / 1e6),
        number if number >= 1e3 => format!("{:.1} k", number / 1e3),
        number if number >= 10.0 || number == 0.0 => format!("{number:.0}"),
        number => format!("{number:.1}"),
    }
}
