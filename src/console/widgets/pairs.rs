//! Two texts side by side: equal lines stand opposite each other, changed words are marked.

use ratatui::layout::Rect;
use ratatui::text::{Line, Span};
use similar::{ChangeTag, DiffOp, TextDiff};

use crate::console::theme::Role;
use crate::console::widgets::{Canvas, text};

/// One row: what stands left, what stands right, and whether they differ.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct Pair {
    /// The left line's pieces; `None` where only the right has a line.
    pub left: Option<Vec<(Role, String)>>,
    /// The right line's pieces.
    pub right: Option<Vec<(Role, String)>>,
    /// Whether the two differ.
    pub changed: bool,
    /// The mark between the two, where it says more than that they differ.
    pub mark: Option<(Role, &'static str)>,
}

/// Pairs the lines of two texts.
pub fn pair(before: &str, after: &str) -> Vec<Pair> {
    let diff = TextDiff::from_lines(before, after);
    let mut pairs = Vec::new();
    for op in diff.ops() {
        match *op {
            DiffOp::Equal { old_index, new_index, len } => {
                for at in 0..len {
                    let side = |line: Option<&str>| {
                        Some(vec![(Role::Text, chomp(line.unwrap_or_default()))])
                    };
                    pairs.push(Pair {
                        left: side(diff.old_slice(old_index + at)),
                        right: side(diff.new_slice(new_index + at)),
                        ..Pair::default()
                    });
                }
            }
            _ => changed(&diff, op, &mut pairs),
        }
    }
    pairs
}

/// Rows of a block that differs: its old and new lines opposite each other, words marked.
fn changed(diff: &TextDiff<'_, '_, str>, op: &DiffOp, pairs: &mut Vec<Pair>) {
    let (mut lefts, mut rights) = (Vec::new(), Vec::new());
    for change in diff.iter_inline_changes(op) {
        let (plain, word) = match change.tag() {
            ChangeTag::Delete => (Role::Removed, Role::RemovedWord),
            ChangeTag::Insert => (Role::Added, Role::AddedWord),
            ChangeTag::Equal => (Role::Text, Role::Text),
        };
        let mut pieces: Vec<(Role, String)> = Vec::new();
        for (emphasised, piece) in change.iter_strings_lossy() {
            let piece = chomp(&piece);
            // A mark on an indent shows nothing but a coloured hole.
            let role = if emphasised && !piece.trim().is_empty() { word } else { plain };
            if !piece.is_empty() {
                pieces.push((role, piece));
            }
        }
        match change.tag() {
            ChangeTag::Delete => lefts.push(pieces),
            ChangeTag::Insert => rights.push(pieces),
            ChangeTag::Equal => {
                lefts.push(pieces.clone());
                rights.push(pieces);
            }
        }
    }
    let rows = lefts.len().max(rights.len());
    let (mut lefts, mut rights) = (lefts.into_iter(), rights.into_iter());
    pairs.extend((0..rows).map(|_| Pair {
        left: lefts.next(),
        right: rights.next(),
        changed: true,
        mark: None,
    }));
}

fn chomp(line: &str) -> String {
    line.trim_end_matches(['\n', '\r']).to_owned()
}

/// The first row after `from` where a changed block begins; `back` looks the other way. Goes round
/// at the end.
pub fn next_change(pairs: &[Pair], from: usize, back: bool) -> Option<usize> {
    let begins = |at: usize| pairs[at].changed && (at == 0 || !pairs[at - 1].changed);
    let starts: Vec<usize> = (0..pairs.len()).filter(|at| begins(*at)).collect();
    if back {
        starts.iter().rev().find(|at| **at < from).or(starts.last()).copied()
    } else {
        starts.iter().find(|at| **at > from).or(starts.first()).copied()
    }
}

/// One row as a line: the left half, a mark, the right half, each scrolled by `skip` cells.
pub fn line<'t>(canvas: &Canvas, pair: &Pair, room: u16, skip: usize) -> Line<'t> {
    let half = usize::from(room.saturating_sub(3)) / 2;
    let mut spans = side(canvas, pair.left.as_deref(), half, skip);
    let by_sides = match (&pair.left, &pair.right, pair.changed) {
        (_, _, false) => (Role::Border, " │ "),
        (Some(_), Some(_), _) => (Role::Changed, " ~ "),
        (None, _, _) => (Role::Added, " + "),
        (_, None, _) => (Role::Removed, " - "),
    };
    let mark = pair.mark.unwrap_or(by_sides);
    spans.push(canvas.span(mark.0, mark.1));
    spans.extend(side(canvas, pair.right.as_deref(), half, skip));
    Line::from(spans)
}

/// The pieces cut and filled to `cells` cells, after `skip` cells were left out.
fn side<'t>(
    canvas: &Canvas,
    pieces: Option<&[(Role, String)]>,
    cells: usize,
    skip: usize,
) -> Vec<Span<'t>> {
    let (mut used, mut skipped) = (0, 0);
    let mut spans = Vec::new();
    for (role, piece) in pieces.unwrap_or_default() {
        let mut rest = piece.as_str();
        while skipped < skip {
            let Some(character) = rest.chars().next() else { break };
            skipped += text::width(&rest[..character.len_utf8()]).max(1);
            rest = &rest[character.len_utf8()..];
        }
        let shown = text::cut(rest, cells.saturating_sub(used));
        used += text::width(&shown);
        let full = shown.len() < rest.len();
        spans.push(canvas.span(*role, shown));
        if full {
            break;
        }
    }
    spans.push(Span::raw(" ".repeat(cells.saturating_sub(used))));
    spans
}

/// Shows the selected row in full at the foot of `area` when a half is too narrow for it; returns
/// what is left above.
pub fn foot(canvas: &mut Canvas, area: Rect, selected: Option<&Pair>) -> Rect {
    const ROWS_MAX: u16 = 4;
    let Some(pair) = selected else { return area };
    let half = usize::from(area.width.saturating_sub(3)) / 2;
    let whole = |side: &Option<Vec<(Role, String)>>| -> String {
        side.iter().flatten().map(|(_, text)| text.as_str()).collect()
    };
    let (left, right) = (whole(&pair.left), whole(&pair.right));
    if (text::width(&left) <= half && text::width(&right) <= half) || area.height < 3 * ROWS_MAX {
        return area;
    }
    let foot = Rect { y: area.bottom() - ROWS_MAX, height: ROWS_MAX, ..area };
    let room = usize::from(area.width);
    let rule = Line::from(canvas.span(Role::Border, "─".repeat(room)));
    let rest = canvas.put_lines(foot, [rule]);
    let (left_role, right_role) =
        if pair.changed { (Role::Removed, Role::Added) } else { (Role::Text, Role::Text) };
    let rest = canvas.put_wrapped(rest, left_role, left.trim_start());
    if pair.changed || left.is_empty() {
        canvas.put_wrapped(rest, right_role, right.trim_start());
    }
    Rect { height: area.height - ROWS_MAX, ..area }
}

/// The headings above the two halves.
pub fn heading(canvas: &mut Canvas, area: Rect, left: &str, right: &str) {
    let pair = Pair {
        left: Some(vec![(Role::Title, left.to_owned())]),
        right: Some(vec![(Role::Title, right.to_owned())]),
        ..Pair::default()
    };
    let heading = line(canvas, &pair, area.width, 0);
    canvas.put(area, &heading);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn flat(side: Option<&Vec<(Role, String)>>) -> Option<String> {
        side.map(|pieces| pieces.iter().map(|(_, text)| text.as_str()).collect())
    }

    #[test]
    fn pairs_lines_and_marks_words() {
        let pairs = pair("a\nname: x\nz\n", "a\nname: y\nz\nnew\n");
        let rows: Vec<_> = pairs
            .iter()
            .map(|p| (flat(p.left.as_ref()), flat(p.right.as_ref()), p.changed))
            .collect();
        let text = |text: &str| Some(text.to_owned());
        assert_eq!(
            rows,
            [
                (text("a"), text("a"), false),
                (text("name: x"), text("name: y"), true),
                (text("z"), text("z"), false),
                (None, text("new"), true),
            ]
        );
        let left = pairs[1].left.as_ref().unwrap();
        assert!(left.contains(&(Role::RemovedWord, "x".to_owned())), "{left:?}");
        assert_eq!(next_change(&pairs, 0, false), Some(1));
        assert_eq!(next_change(&pairs, 1, false), Some(3));
        assert_eq!(next_change(&pairs, 3, false), Some(1));
        assert_eq!(next_change(&pairs, 1, true), Some(3));
        assert_eq!(next_change(&[], 0, false), None);
    }
}
