//! One key's value as lines, for every type that Redis has.

use std::collections::BTreeSet;

use crate::console::panes::keys::expires_in;
use crate::console::shared::date;
use crate::console::theme::Role;
use crate::console::widgets::json::{self, JsonLine};
use crate::console::widgets::text;
use crate::model::Expiry;
use crate::model::key::printable;
use crate::session::{KeyDetail, KeyValue};

/// Bytes of a binary value that are shown as hex at most.
const HEX_BYTES_MAX: usize = 16 * 1024;
/// Lines of plain text shown at most.
const TEXT_LINES_MAX: usize = 10_000;
/// Cells that the names of a hash get at most.
const NAME_CELLS_MAX: usize = 28;

/// What is known about the key, as two groups of cells.
pub fn facts(detail: &KeyDetail, unix_ms: i64) -> Vec<Vec<(Role, String)>> {
    let view = &detail.view;
    let mut about = vec![(Role::Accent, view.redis_type.to_string())];
    let mut add = |text: String| about.push((Role::Dim, text));
    if let Some(encoding) = &view.encoding {
        add(encoding.clone());
    }
    if let Some(length) = view.length {
        add(text::counted(length, unit(&view.value)));
    }
    if let Some(bytes) = view.memory_bytes {
        add(format!("{} of memory", text::bytes(bytes)));
    }
    let expiry = match view.expiry {
        Expiry::Never => "does not expire".to_owned(),
        Expiry::AtMs(at) => {
            format!("expires in {} ({} UTC)", expires_in(view.expiry, unix_ms), date(at))
        }
    };
    let version = match &detail.version {
        None => (Role::Dim, "of no subject".to_owned()),
        Some((subject, detection)) => match detection.version() {
            Some(version) => (Role::Good, format!("{subject} {version}")),
            None => (Role::Warn, format!("{subject}, version {detection}")),
        },
    };
    vec![about, vec![version, (Role::Dim, expiry)]]
}

/// The value as lines.
pub fn lines(detail: &KeyDetail, folded: &BTreeSet<String>) -> Vec<JsonLine> {
    let view = &detail.view;
    let mut lines = match &view.value {
        KeyValue::String(bytes) | KeyValue::Json(bytes) => of_bytes(bytes, folded),
        KeyValue::Hash(fields) => of_pairs(fields),
        KeyValue::Elements(elements) => elements
            .iter()
            .enumerate()
            .map(|(at, element)| {
                plain_line([
                    (Role::Faint, format!("{at:>6}  ")),
                    (Role::Text, printable(element).into_owned()),
                ])
            })
            .collect(),
        KeyValue::Scored(members) => members
            .iter()
            .map(|(member, score)| {
                plain_line([
                    (Role::JsonNumber, text::fit_right(score, 14)),
                    (Role::Text, format!("  {}", printable(member))),
                ])
            })
            .collect(),
        KeyValue::Entries(entries) => entries
            .iter()
            .flat_map(|(id, fields)| {
                let head = plain_line([(Role::Accent, id.clone())]);
                std::iter::once(head).chain(fields.iter().map(|(name, value)| {
                    plain_line([
                        (Role::JsonName, format!("  {} ", printable(name))),
                        (Role::Text, printable(value).into_owned()),
                    ])
                }))
            })
            .collect(),
        KeyValue::Opaque => {
            vec![plain_line([(Role::Dim, "a module's own type: it cannot be shown".to_owned())])]
        }
    };
    if let (Some(length), Some(shown)) = (view.length, elements(&view.value))
        && length > shown as u64
    {
        let text = format!("… {} of {} shown", text::grouped(shown as u64), text::grouped(length));
        lines.push(plain_line([(Role::Warn, text)]));
    }
    lines
}

/// The value as text to copy.
pub fn plain(detail: &KeyDetail) -> String {
    match &detail.view.value {
        KeyValue::String(bytes) | KeyValue::Json(bytes) => printable_text(bytes),
        _ => lines(detail, &BTreeSet::new()).iter().map(|line| line.text() + "\n").collect(),
    }
}

fn printable_text(bytes: &[u8]) -> String {
    match std::str::from_utf8(bytes) {
        Ok(text) => text.to_owned(),
        Err(_) => printable(bytes).into_owned(),
    }
}

/// What a value's length counts.
fn unit(value: &KeyValue) -> &'static str {
    match value {
        KeyValue::String(_) => "byte",
        KeyValue::Hash(_) => "field",
        KeyValue::Scored(_) => "member",
        _ => "element",
    }
}

/// How many elements are shown, for a value that has elements.
fn elements(value: &KeyValue) -> Option<usize> {
    match value {
        KeyValue::Hash(fields) => Some(fields.len()),
        KeyValue::Elements(elements) => Some(elements.len()),
        KeyValue::Scored(members) => Some(members.len()),
        KeyValue::Entries(entries) => Some(entries.len()),
        KeyValue::String(_) | KeyValue::Json(_) | KeyValue::Opaque => None,
    }
}

fn plain_line(pieces: impl IntoIterator<Item = (Role, String)>) -> JsonLine {
    JsonLine { pieces: pieces.into_iter().collect(), folds: None }
}

/// A string: JSON, text, or bytes as hex.
fn of_bytes(bytes: &[u8], folded: &BTreeSet<String>) -> Vec<JsonLine> {
    let Ok(text) = std::str::from_utf8(bytes) else { return hex(bytes) };
    if let Some(lines) = json::lines(text, folded) {
        return lines;
    }
    if text.chars().any(|c| c.is_control() && !matches!(c, '\n' | '\r' | '\t')) {
        return hex(bytes);
    }
    let clean = |line: &str| line.trim_end_matches('\r').replace('\t', "    ");
    let mut lines: Vec<JsonLine> = text
        .lines()
        .take(TEXT_LINES_MAX)
        .map(|line| plain_line([(Role::Text, clean(line))]))
        .collect();
    if text.lines().nth(TEXT_LINES_MAX).is_some() {
        lines.push(plain_line([(Role::Warn, format!("… only {TEXT_LINES_MAX} lines shown"))]));
    }
    lines
}

/// Sixteen bytes a line: place, hex, and the characters that print.
fn hex(bytes: &[u8]) -> Vec<JsonLine> {
    let shown = &bytes[..bytes.len().min(HEX_BYTES_MAX)];
    let mut lines: Vec<JsonLine> = shown
        .chunks(16)
        .enumerate()
        .map(|(at, chunk)| {
            let digits: Vec<String> = chunk.iter().map(|byte| format!("{byte:02x}")).collect();
            let printed: String = chunk
                .iter()
                .map(|byte| match byte {
                    0x20..0x7f => char::from(*byte),
                    _ => '.',
                })
                .collect();
            plain_line([
                (Role::Faint, format!("{:08x}  ", at * 16)),
                (Role::Text, format!("{:<48} ", digits.join(" "))),
                (Role::JsonString, printed),
            ])
        })
        .collect();
    if shown.len() < bytes.len() {
        let text = format!(
            "… {} of {} bytes shown",
            text::grouped(shown.len() as u64),
            text::grouped(bytes.len() as u64)
        );
        lines.push(plain_line([(Role::Warn, text)]));
    }
    lines
}

fn of_pairs(fields: &[(Vec<u8>, Vec<u8>)]) -> Vec<JsonLine> {
    let widest = fields.iter().map(|(name, _)| text::width(&printable(name))).max().unwrap_or(0);
    let cells = widest.min(NAME_CELLS_MAX);
    fields
        .iter()
        .map(|(name, value)| {
            plain_line([
                (Role::JsonName, text::fit(&printable(name), cells)),
                (Role::JsonMark, " │ ".to_owned()),
                (Role::Text, printable(value).into_owned()),
            ])
        })
        .collect()
}
