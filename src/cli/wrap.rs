//! Text parted where a line ends.

use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

/// `text` in at most so many columns, with `…` in the place of what was cut.
pub fn cut(text: &str, columns: usize) -> String {
    if text.width() <= columns {
        return text.to_owned();
    }
    let mut out = String::new();
    let mut used = 1;
    for character in text.chars() {
        used += character.width().unwrap_or(0);
        if used > columns {
            break;
        }
        out.push(character);
    }
    out + "…"
}

/// `text` in lines of at most so many columns, parted between words; a word that is longer is cut.
fn wrapped(text: &str, columns: usize) -> Vec<String> {
    let mut lines = vec![String::new()];
    let mut used = 0;
    for word in text.split_inclusive(' ') {
        if used > 0 && used + word.trim_end().width() > columns {
            lines.push(String::new());
            used = 0;
        }
        for character in word.chars() {
            let width = character.width().unwrap_or(0);
            if used + width > columns && character != ' ' {
                lines.push(String::new());
                used = 0;
            }
            used += width;
            lines.last_mut().expect("there is a line").push(character);
        }
    }
    lines.iter().map(|line| line.trim_end().to_owned()).collect()
}

/// Bytes of what stands before a line's sentence: its indent, and a word or a number set apart from it by
/// two spaces or more. Beyond so many columns it is no head any more: the sentence would have no room.
pub fn head_of(line: &str) -> usize {
    const HEAD: usize = 24;
    let text = line.trim_start();
    let indent = line.len() - text.len();
    let mut head = indent;
    for (at, _) in text.match_indices("  ") {
        let end = indent + at + text[at..].len() - text[at..].trim_start().len();
        if line[..end].width() > HEAD {
            break;
        }
        head = end;
    }
    head
}

/// `text` in lines that fit behind a head of so many columns; all but the first begin with the room that
/// the head takes, or two columns where there is no head.
pub fn hung(head: usize, text: &str, columns: usize) -> Vec<String> {
    let indent = if head == 0 { 2 } else { head };
    // Where a head leaves next to nothing, the terminal's own wrapping is as good.
    let Some(room) = columns.checked_sub(indent).filter(|room| *room >= 16) else {
        return vec![text.to_owned()];
    };
    // Without a head the first line has the indent's two columns too; not worth a second width.
    let fits = text.width() <= columns - head;
    let lines = if fits { vec![text.to_owned()] } else { wrapped(text, room) };
    let below = |(at, line)| if at == 0 { line } else { format!("{:indent$}{line}", "") };
    lines.into_iter().enumerate().map(below).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_parted_between_words() {
        assert_eq!(wrapped("new readers of old data", 11), ["new readers", "of old data"]);
        assert_eq!(wrapped("an {\"a\":123456}", 6), ["an", "{\"a\":1", "23456}"]);
        assert_eq!(wrapped("", 6), [""]);
        assert_eq!(wrapped("all of it", usize::MAX), ["all of it"]);
    }

    #[test]
    fn a_head_is_what_stands_apart() {
        assert_eq!(head_of("  risk   values: the values  are dropped"), 9);
        assert_eq!(head_of("ok   latency        a PING takes"), 20);
        assert_eq!(head_of("plan 1f: user to 3.0.0"), 0);
        assert_eq!(head_of("     1. renameField a -> b  (v1_to_v2)"), 5);
        assert_eq!(head_of("20261124-102421179-order-21e4  done"), 0);
        assert_eq!(head_of(""), 0);
    }

    #[test]
    fn lines_below_begin_where_the_sentence_does() {
        let text = "the values of 'legacyCode' are dropped";
        assert_eq!(hung(9, text, 40), ["the values of 'legacyCode' are", "         dropped"]);
        assert_eq!(hung(0, text, 80), [text]);
        assert_eq!(hung(0, text, 30), ["the values of 'legacyCode'", "  are dropped"]);
        assert_eq!(hung(20, text, 30), [text], "too narrow: the terminal wraps");
    }
}
