//! A line over time as SVG, for the page.

use std::fmt::Write as _;

use crate::cli::render::took;

/// Narrow, so that its text can be read on a telephone and two stand side by side on a desk.
const WIDTH: f64 = 420.0;
const HEIGHT: f64 = 170.0;
const LEFT: f64 = 44.0;
const RIGHT: f64 = 10.0;
const BOTTOM: f64 = 24.0;
const TOP: f64 = 12.0;

/// What a chart is drawn of.
pub struct Line<'l> {
    pub title: &'l str,
    pub unit: &'l str,
    /// Values over seconds; a gap where there is none.
    pub points: Vec<(f64, Option<f64>)>,
    /// Times, from and to, that are marked.
    pub bands: &'l [(f64, f64)],
}

/// The chart; `None` where there is nothing to draw: too few values, or never one but zero.
pub fn line(drawn: &Line<'_>) -> Option<String> {
    let Line { title, unit, points, bands } = drawn;
    let values: Vec<f64> = points.iter().filter_map(|(_, value)| *value).collect();
    let most = values.iter().copied().fold(0.0, f64::max);
    if values.len() < 2 || most <= 0.0 {
        return None;
    }
    let top = round_above(most);
    let last = points[points.len() - 1].0.max(1e-9);
    let x = |seconds: f64| LEFT + seconds / last * (WIDTH - LEFT - RIGHT);
    let y = |value: f64| TOP + (1.0 - value / top) * (HEIGHT - TOP - BOTTOM);
    let mut out = format!(
        "<figure><figcaption>{title} <span class=\"unit\">{unit}, at most {}</span></figcaption>\
         <svg viewBox=\"0 0 {WIDTH} {HEIGHT}\" role=\"img\" aria-label=\"{title}\">",
        short(most)
    );
    for (from, to) in *bands {
        let (left, right) = (x(*from), x(*to));
        let _ = write!(
            out,
            "<rect x=\"{left:.1}\" y=\"{TOP}\" width=\"{:.1}\" height=\"{:.1}\" class=\"held\"/>",
            (right - left).max(2.0),
            HEIGHT - TOP - BOTTOM
        );
    }
    for part in [0.0, 0.5, 1.0] {
        let (level, at) = (top * part, y(top * part));
        let _ = write!(
            out,
            "<line x1=\"{LEFT}\" x2=\"{:.1}\" y1=\"{at:.1}\" y2=\"{at:.1}\" class=\"grid\"/>\
             <text x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"end\">{}</text>",
            WIDTH - RIGHT,
            LEFT - 6.0,
            at + 4.0,
            short(level)
        );
    }
    let _ = write!(
        out,
        "<text x=\"{LEFT}\" y=\"{:.1}\">0 s</text>\
         <text x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"end\">{}</text>\
         <path d=\"{}\" class=\"line\"/></svg></figure>",
        HEIGHT - 6.0,
        WIDTH - RIGHT,
        HEIGHT - 6.0,
        took(last),
        path(points, x, y)
    );
    Some(out)
}

fn path(points: &[(f64, Option<f64>)], x: impl Fn(f64) -> f64, y: impl Fn(f64) -> f64) -> String {
    let mut path = String::new();
    let mut pen_down = false;
    for (seconds, value) in points {
        if let Some(value) = value {
            let mark = if pen_down { 'L' } else { 'M' };
            let _ = write!(path, "{mark}{:.1} {:.1}", x(*seconds), y(*value));
        }
        pen_down = value.is_some();
    }
    path
}

/// The next number of one or two digits that is easily halved.
fn round_above(number: f64) -> f64 {
    let power = 10_f64.powf(number.log10().floor());
    let steps = [1.0, 1.5, 2.0, 3.0, 4.0, 5.0, 6.0, 8.0, 10.0];
    let step = steps.into_iter().find(|step| step * power >= number * 0.999).unwrap_or(10.0);
    step * power
}

/// A number with few digits: `81.2 k`.
fn short(number: f64) -> String {
    let (number, unit) = match number {
        number if number >= 1e6 => (number / 1e6, " M"),
        number if number >= 1e3 => (number / 1e3, " k"),
        number => (number, ""),
    };
    let digits = match number {
        _ if number > 0.0 && number < 0.1 => 2,
        // Nothing behind the point that is nothing.
        _ if number >= 100.0 || (number * 10.0).round() % 10.0 == 0.0 => 0,
        _ => 1,
    };
    format!("{number:.digits$}{unit}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn axes_end_at_numbers_for_people() {
        for (most, top) in [(0.7, 0.8), (1.0, 1.0), (2_481.0, 3_000.0), (14.6, 15.0), (9.4, 10.0)] {
            assert!((round_above(most) - top).abs() < 1e-9, "{most}: {}", round_above(most));
        }
        let shorts = [0.0, 0.05, 0.4, 8.0, 14.7, 564.0, 2_500.0, 3_000_000.0].map(short);
        assert_eq!(shorts, ["0", "0.05", "0.4", "8", "14.7", "564", "2.5 k", "3 M"]);
    }
}
