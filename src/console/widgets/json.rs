//! JSON as coloured lines with parts that fold.
//!
//! The lines are made once, when the text or the folds change; a frame only picks the visible ones.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use ratatui::text::{Line, Span};
use serde_json::Value;

use crate::console::theme::Role;
use crate::console::widgets::Canvas;

/// Lines made at most; a longer document says that it goes on.
const LINES_MAX: usize = 20_000;

/// One line of the view.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JsonLine {
    /// Pieces of text with their roles, the indent first.
    pub pieces: Vec<(Role, String)>,
    /// The JSON pointer (RFC 6901) of the value on this line, when it is one that folds.
    pub folds: Option<String>,
}

impl JsonLine {
    /// The line to draw.
    pub fn line<'t>(&self, canvas: &Canvas) -> Line<'t> {
        let spans: Vec<Span> =
            self.pieces.iter().map(|(role, text)| canvas.span(*role, text.clone())).collect();
        Line::from(spans)
    }

    /// The line without its colours.
    pub fn text(&self) -> String {
        self.pieces.iter().map(|(_, text)| text.as_str()).collect()
    }
}

/// A JSON text as lines. What is no JSON gives `None`.
pub fn lines(text: &str, folded: &BTreeSet<String>) -> Option<Vec<JsonLine>> {
    let value: Value = serde_json::from_str(text).ok()?;
    Some(lines_of(&value, folded))
}

/// A JSON value as lines.
pub fn lines_of(value: &Value, folded: &BTreeSet<String>) -> Vec<JsonLine> {
    let mut printer = Printer { folded, lines: Vec::new(), current: Vec::new() };
    printer.value(value, "", 0, "");
    if !printer.current.is_empty() {
        printer.end_line(None);
    }
    if printer.lines.len() > LINES_MAX {
        printer.lines.truncate(LINES_MAX);
        let more = (Role::Warn, format!("… more than {LINES_MAX} lines: the rest is not shown"));
        printer.lines.push(JsonLine { pieces: vec![more], folds: None });
    }
    printer.lines
}

struct Printer<'a> {
    folded: &'a BTreeSet<String>,
    lines: Vec<JsonLine>,
    current: Vec<(Role, String)>,
}

impl Printer<'_> {
    fn end_line(&mut self, folds: Option<&str>) {
        let pieces = std::mem::take(&mut self.current);
        self.lines.push(JsonLine { pieces, folds: folds.map(str::to_owned) });
    }

    fn piece(&mut self, role: Role, text: impl Into<String>) {
        self.current.push((role, text.into()));
    }

    /// Prints a value that begins on the current line, and what follows it there.
    fn value(&mut self, value: &Value, pointer: &str, depth: usize, tail: &str) {
        match value {
            Value::Object(object) if !object.is_empty() => {
                let members = object.iter().map(|(name, value)| (Some(name.as_str()), value));
                self.container(('{', '}'), members, object.len(), pointer, depth, tail);
            }
            Value::Array(array) if !array.is_empty() => {
                let items = array.iter().map(|value| (None, value));
                self.container(('[', ']'), items, array.len(), pointer, depth, tail);
            }
            leaf => {
                let role = match leaf {
                    Value::String(_) => Role::JsonString,
                    Value::Number(_) => Role::JsonNumber,
                    Value::Bool(_) | Value::Null => Role::JsonLiteral,
                    _ => Role::JsonMark,
                };
                self.piece(role, printable(leaf));
                self.piece(Role::JsonMark, tail);
            }
        }
    }

    fn container<'v>(
        &mut self,
        (open, close): (char, char),
        members: impl Iterator<Item = (Option<&'v str>, &'v Value)>,
        count: usize,
        pointer: &str,
        depth: usize,
        tail: &str,
    ) {
        if self.folded.contains(pointer) {
            self.piece(Role::JsonMark, format!("{open}… {count} …{close}{tail}"));
            // The caller ends the line; it has to know that this value folds.
            self.end_line(Some(pointer));
            return;
        }
        self.piece(Role::JsonMark, open.to_string());
        self.end_line(Some(pointer));
        for (at, (name, value)) in members.enumerate() {
            if self.lines.len() > LINES_MAX {
                return;
            }
            let indent = "  ".repeat(depth + 1);
            self.piece(Role::JsonMark, indent);
            let token = match name {
                Some(name) => {
                    self.piece(Role::JsonName, printable(&Value::from(name)));
                    self.piece(Role::JsonMark, ": ");
                    name.replace('~', "~0").replace('/', "~1")
                }
                None => at.to_string(),
            };
            let comma = if at + 1 < count { "," } else { "" };
            self.value(value, &format!("{pointer}/{token}"), depth + 1, comma);
            if !self.current.is_empty() {
                self.end_line(None);
            }
        }
        let indent = "  ".repeat(depth);
        self.piece(Role::JsonMark, format!("{indent}{close}{tail}"));
    }
}

/// The value's JSON; characters that would move the terminal's cursor are written as escapes.
fn printable(value: &Value) -> String {
    let text = value.to_string();
    if !text.contains(|c: char| c.is_control() || is_invisible(c)) {
        return text;
    }
    text.chars().fold(String::new(), |mut out, character| {
        if character.is_control() || is_invisible(character) {
            let mut units = [0; 2];
            for unit in character.encode_utf16(&mut units) {
                write!(out, "\\u{unit:04x}").expect("writing to a String cannot fail");
            }
        } else {
            out.push(character);
        }
        out
    })
}

/// Marks that turn the direction of text or take no room: shown as escapes, so that nobody is fooled.
fn is_invisible(character: char) -> bool {
    matches!(character, '\u{200b}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(text: &str, folded: &[&str]) -> Vec<String> {
        let folded = folded.iter().map(|&fold| fold.to_owned()).collect();
        lines(text, &folded).unwrap().iter().map(JsonLine::text).collect()
    }

    #[test]
    fn prints_and_folds() {
        let text = r#"{"id":12345678901234567890,"tags":["a",{}],"a/b":{"c":null}}"#;
        assert_eq!(
            texts(text, &[]),
            [
                "{",
                "  \"id\": 12345678901234567890,",
                "  \"tags\": [",
                "    \"a\",",
                "    {}",
                "  ],",
                "  \"a/b\": {",
                "    \"c\": null",
                "  }",
                "}"
            ]
        );
        assert_eq!(
            texts(text, &["/tags", "/a~1b"]),
            ["{", "  \"id\": 12345678901234567890,", "  \"tags\": […2…],", "  \"a/b\": {…1…}", "}"]
                .map(|line| line.replace("[…2…]", "[… 2 …]").replace("{…1…}", "{… 1 …}"))
        );
        let folds: Vec<Option<String>> =
            lines(text, &BTreeSet::new()).unwrap().into_iter().map(|line| line.folds).collect();
        assert_eq!(folds[2].as_deref(), Some("/tags"));
        assert_eq!(folds[1], None);
    }

    #[test]
    fn a_folded_root_and_leaves() {
        assert_eq!(texts("[1,2]", &[""]), ["[… 2 …]"]);
        assert_eq!(texts("1.0", &[]), ["1.0"]);
        assert_eq!(texts("\"a\u{202e}b\"", &[]), ["\"a\\u202eb\""]);
        assert!(lines("{no json", &BTreeSet::new()).is_none());
    }
}
