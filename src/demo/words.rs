//! Names and values as people and programs leave them in a keyspace.

use std::fmt::Write;

/// First names of one word.
pub const FIRST_NAMES: [&str; 20] = [
    "Ada",
    "Grace",
    "Alan",
    "Katherine",
    "Linus",
    "Barbara",
    "Edsger",
    "Radia",
    "José",
    "Zoë",
    "Søren",
    "Łukasz",
    "Зоя",
    "李",
    "美咲",
    "محمد",
    "Nguyễn",
    "Anne-Marie",
    "🦊",
    "Chidi",
];

/// What stands after the first space of a name; may have spaces of its own.
pub const LAST_NAMES: [&str; 20] = [
    "Lovelace",
    "Hopper",
    "Turing",
    "Johnson",
    "Torvalds",
    "Liskov",
    "Dijkstra",
    "Perlman",
    "García Márquez",
    "O'Neil",
    "Kierkegaard",
    "Wałęsa",
    "Космодемьянская",
    "小龙",
    "山田",
    "علي",
    "Thị Minh Khai",
    "van der Berg",
    "🚀",
    "Anagonye",
];

/// Whole names, as they stand inside JSON quotes: with escapes, surrogate pairs, quotes and odd
/// spaces. Each has a space that is not its first character.
pub const ODD_NAMES: [&str; 8] = [
    r"Jos\u00e9 Saramago",
    r"\ud83d\ude80 Rocket",
    r#"Miles \"Tails\" Prower"#,
    r"Back\\slash Jones",
    "Jean  Double",
    "Ada Lovelace ",
    r"Gabriel Garc\u00eda M\u00e1rquez",
    r"Tab\tbed Name\/Slash",
];

/// Names without a space to cut at. A no-break space is none.
pub const ONE_WORD_NAMES: [&str; 6] = ["Cher", "Madonna", "Pelé", "王", "🦄", "Jean\u{a0}Paul"];

/// Cities.
pub const CITIES: [&str; 8] =
    ["Berlin", "København", "São Paulo", "東京", "Reykjavík", "Ho Chi Minh City", "Łódź", "Oslo"];

/// Numbers as text that changes when a careless program parses and prints it again.
pub const NUMBERS: [&str; 10] = [
    "1.0",
    "1e2",
    "42",
    "-0.0",
    "19.90",
    "12345678901234567890",
    "0.1000000000000000055511",
    "1234567890.123456789012345678",
    "7E+2",
    "0",
];

/// The text as a JSON string. With `escape`, what is not ASCII is written as `\uXXXX`, as many
/// programs do.
pub fn quoted(text: &str, escape: bool) -> String {
    let plain = serde_json::Value::from(text).to_string();
    if !escape || plain.is_ascii() {
        return plain;
    }
    let mut out = String::with_capacity(plain.len() * 2);
    for character in plain.chars() {
        if character.is_ascii() {
            out.push(character);
            continue;
        }
        for unit in character.encode_utf16(&mut [0; 2]) {
            write!(out, "\\u{unit:04x}").expect("writing to a String does not fail");
        }
    }
    out
}

/// How a program lays out an object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Layout {
    /// `{"a":1,"b":2}`
    Compact,
    /// `{"a": 1, "b": 2}`
    Spaced,
    /// One member a line, with an end of line at the end.
    Pretty,
}

/// The text of an object whose members are given by name and JSON text.
pub fn object(members: &[(&str, String)], layout: Layout) -> String {
    let (open, colon, comma, close) = match layout {
        Layout::Compact => ("{", ":", ",", "}"),
        Layout::Spaced => ("{", ": ", ", ", "}"),
        Layout::Pretty => ("{\n  ", ": ", ",\n  ", "\n}\n"),
    };
    let mut out = String::with_capacity(384);
    out.push_str(open);
    for (at, (name, value)) in members.iter().enumerate() {
        if at > 0 {
            out.push_str(comma);
        }
        out.push('"');
        out.push_str(name);
        out.push('"');
        out.push_str(colon);
        out.push_str(value);
    }
    out.push_str(close);
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn escapes_are_those_of_json() {
        assert_eq!(quoted("é🚀\"", true), r#""\u00e9\ud83d\ude80\"""#);
        assert_eq!(quoted("é", false), "\"é\"");
    }

    #[test]
    fn names_can_be_cut_where_they_should() {
        for name in ODD_NAMES {
            let text: String = serde_json::from_str(&format!("\"{name}\"")).expect(name);
            assert!(text.find(' ').is_some_and(|at| at > 0), "{name}");
        }
        assert!(ONE_WORD_NAMES.iter().all(|name| !name.contains(' ')));
        assert!(FIRST_NAMES.iter().all(|name| !name.contains(' ')));
    }

    #[test]
    fn layouts_are_json() {
        for layout in [Layout::Compact, Layout::Spaced, Layout::Pretty] {
            let text = object(&[("a", "1".into()), ("b", "[]".into())], layout);
            let value: serde_json::Value = serde_json::from_str(&text).expect("JSON");
            assert_eq!(value, serde_json::json!({"a": 1, "b": []}));
        }
    }
}
