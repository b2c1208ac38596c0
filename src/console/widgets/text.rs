//! Text that has to fit: cutting and wrapping by width on screen, and figures for people.

use std::time::Duration;

pub use crate::model::figures::grouped;
use unicode_width::{UnicodeWidthChar as _, UnicodeWidthStr as _};

/// The width of `text` on screen, in cells.
pub fn width(text: &str) -> usize {
    text.width()
}

/// `text` cut to `cells` cells, with `…` where something is missing.
pub fn cut(text: &str, cells: usize) -> String {
    if text.width() <= cells {
        return text.to_owned();
    }
    let mut out = String::new();
    let mut used = 0;
    for character in text.chars() {
        let wide = character.width().unwrap_or(0);
        if used + wide + 1 > cells {
            break;
        }
        used += wide;
        out.push(character);
    }
    if cells > 0 {
        out.push('…');
    }
    out
}

/// `text` cut or filled with blanks to exactly `cells` cells.
pub fn fit(text: &str, cells: usize) -> String {
    let mut out = cut(text, cells);
    out.extend(std::iter::repeat_n(' ', cells.saturating_sub(out.width())));
    out
}

/// Like [`fit`], with the text at the right edge.
pub fn fit_right(text: &str, cells: usize) -> String {
    let cut = cut(text, cells);
    let mut out = " ".repeat(cells.saturating_sub(cut.width()));
    out.push_str(&cut);
    out
}

/// Lines of at most `cells` cells, broken at blanks; a longer word is cut into pieces. The indent of
/// a line is kept on those it is broken into.
pub fn wrap(text: &str, cells: usize) -> Vec<String> {
    let mut lines = Vec::new();
    if cells == 0 {
        return lines;
    }
    for paragraph in text.lines() {
        let content = paragraph.trim_start_matches(' ');
        let indent = (paragraph.len() - content.len()).min(cells / 2);
        let room = cells - indent;
        let mut line = String::new();
        for word in content.split(' ') {
            let mut word = word;
            if !line.is_empty() && line.width() + 1 + word.width() > room {
                lines.push(indented(indent, &std::mem::take(&mut line)));
            } else if !line.is_empty() {
                line.push(' ');
            }
            while word.width() > room && word.chars().nth(1).is_some() {
                let at = first_cells(word, room);
                lines.push(indented(indent, &word[..at]));
                word = &word[at..];
            }
            line.push_str(word);
        }
        lines.push(indented(indent, &line));
    }
    lines
}

fn indented(indent: usize, line: &str) -> String {
    format!("{:indent$}{line}", "")
}

/// How many bytes of `text` fit into `cells` cells; the first character always does.
fn first_cells(text: &str, cells: usize) -> usize {
    let mut used = 0;
    for (at, character) in text.char_indices() {
        used += character.width().unwrap_or(0);
        if used > cells && at > 0 {
            return at;
        }
    }
    text.len()
}

/// `1 client`, `1,234 clients`.
pub fn counted(number: u64, noun: &str) -> String {
    format!("{} {noun}{}", grouped(number), if number == 1 { "" } else { "s" })
}

/// Bytes in the unit that leaves one to three digits.
pub fn bytes(count: u64) -> String {
    const UNITS: [&str; 5] = ["B", "KiB", "MiB", "GiB", "TiB"];
    let mut unit = 0;
    let mut whole = count;
    let mut tenths = 0;
    while whole >= 1024 && unit + 1 < UNITS.len() {
        tenths = whole % 1024 * 10 / 1024;
        whole /= 1024;
        unit += 1;
    }
    if unit == 0 { format!("{whole} B") } else { format!("{whole}.{tenths} {}", UNITS[unit]) }
}

/// A span of time in its two largest units: `1d 3h`, `2h 05m`, `4m 07s`, `12.3s`.
pub fn duration(span: Duration) -> String {
    let seconds = span.as_secs();
    match seconds {
        0..60 => format!("{}.{}s", seconds, span.subsec_millis() / 100),
        60..3600 => format!("{}m {:02}s", seconds / 60, seconds % 60),
        3600..86400 => format!("{}h {:02}m", seconds / 3600, seconds % 3600 / 60),
        _ => format!("{}d {}h", seconds / 86400, seconds % 86400 / 3600),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cutting_counts_cells_and_not_characters() {
        assert_eq!(cut("user:42", 7), "user:42");
        assert_eq!(cut("user:42", 5), "user…");
        assert_eq!(cut("日本語", 5), "日本…");
        assert_eq!(fit("日本語", 4), "日… ");
        assert_eq!(fit_right("42", 4), "  42");
        assert_eq!(cut("x", 0), "");
    }

    #[test]
    fn wrapping_loses_nothing() {
        assert_eq!(wrap("one two three", 7), ["one two", "three"]);
        assert_eq!(wrap("abcdefghij", 4), ["abcd", "efgh", "ij"]);
        assert_eq!(wrap("a\n\nb", 4), ["a", "", "b"]);
        assert_eq!(wrap("日本", 1), ["日", "本"]);
        assert_eq!(wrap("  a bc", 4), ["  a", "  bc"]);
    }

    #[test]
    fn figures() {
        assert_eq!(grouped(0), "0");
        assert_eq!(grouped(1_234_567), "1,234,567");
        assert_eq!(bytes(1023), "1023 B");
        assert_eq!(bytes(1536), "1.5 KiB");
        assert_eq!(duration(Duration::from_millis(12_345)), "12.3s");
        assert_eq!(duration(Duration::from_secs(247)), "4m 07s");
    }
}
