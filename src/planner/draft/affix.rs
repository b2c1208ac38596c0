//! Text that stands before or after every value on one side only: `gid://shop/Customer/` before a
//! number, `s` after one, `INV-` before all.

use serde_json::{Value as Json, json};

use super::convert::Conversion;
use super::side::Leaf;
use super::structure::type_of;
use crate::schema::FieldType;

/// Every way that adds what the new field's pattern asks for around a value, or takes off what all old
/// values have.
pub fn ways(from: &Leaf, to: &Leaf, found: &mut Vec<Conversion>) {
    found.extend(added(from, to));
    let without = taken_off(from, to);
    if let (Some(off), Some(on)) = (&without, added(from, to)) {
        let steps = off.steps.iter().chain(&on.steps).cloned().collect();
        found.push(Conversion::of(steps, 0.1, &format!("{}, {}", off.words, on.words)));
    }
    found.extend(without);
}

fn added(from: &Leaf, to: &Leaf) -> Option<Conversion> {
    let (mut head, tail) = around(to.structure.pattern.as_deref()?);
    // `//cdn.example.org` lacks but a part of `https://`.
    let begins = |part: &str| {
        from.values.iter().all(|value| value.as_str().is_some_and(|text| text.starts_with(part)))
    };
    let has =
        (1..head.len()).filter(|at| head.is_char_boundary(*at)).find(|at| begins(&head[*at..]));
    head.truncate(has.unwrap_or(head.len()));
    let first = from.values.iter().find(|value| !value.is_null())?;
    if head.is_empty() && tail.is_empty() || first.is_array() || first.is_object() {
        return None;
    }
    let mut steps = Vec::new();
    if !first.is_string() {
        let kind = type_of(first).name();
        steps.push(json!({"type": "convertType", "field": "@", "from": kind, "to": "string"}));
    }
    let plain = |text: &str| text.replace('$', "$$");
    let with = format!("{}${{0}}{}", plain(&head), plain(&tail));
    steps.push(json!({"type": "replace", "field": "@", "regex": "(?s)^.+$", "with": with}));
    let words = match (head.as_str(), tail.as_str()) {
        (head, "") => format!("with '{head}' before it"),
        ("", tail) => format!("with '{tail}' after it"),
        (head, tail) => format!("with '{head}' before and '{tail}' after it"),
    };
    Some(Conversion::of(steps, 0.07, &words))
}

/// The plain text with which all texts of a pattern begin, and that with which they end.
fn around(pattern: &str) -> (String, String) {
    let Some(inner) = pattern.strip_prefix('^').and_then(|rest| rest.strip_suffix('$')) else {
        return Default::default();
    };
    let Some(pieces) = pieces(inner).filter(|pieces| pieces.iter().any(Option::is_none)) else {
        return Default::default();
    };
    let head = pieces.iter().map_while(|piece| *piece).collect();
    let tail: Vec<char> = pieces.iter().rev().map_while(|piece| *piece).collect();
    (head, tail.into_iter().rev().collect())
}

/// A pattern's characters, each where it stands for itself; `None` for what may differ. No pieces where
/// whole texts are choices.
fn pieces(pattern: &str) -> Option<Vec<Option<char>>> {
    let mut pieces: Vec<Option<char>> = Vec::new();
    let mut characters = pattern.chars().peekable();
    let mut depth = 0;
    while let Some(c) = characters.next() {
        match c {
            '\\' => {
                let next = characters.next()?;
                pieces.push((depth == 0 && !next.is_alphanumeric()).then_some(next));
            }
            '[' => {
                characters.by_ref().find(|c| *c == ']');
                pieces.push(None);
            }
            '(' => depth += 1,
            ')' => {
                depth -= 1;
                pieces.push(None);
            }
            '{' => {
                characters.by_ref().find(|c| *c == '}');
                *pieces.last_mut()? = None;
            }
            '?' | '*' | '+' => *pieces.last_mut()? = None,
            '|' if depth == 0 => return None,
            '.' | '^' | '$' => pieces.push(None),
            c => pieces.push((depth == 0).then_some(c)),
        }
    }
    Some(pieces)
}

/// What all values begin with, up to the last mark or letter before digits, taken off.
fn taken_off(from: &Leaf, to: &Leaf) -> Option<Conversion> {
    let texts: Vec<&str> = from.values.iter().filter_map(Json::as_str).collect();
    let structure = &to.structure;
    let is_number = structure.is_only(FieldType::Integer) || structure.is_only(FieldType::Number);
    let is_strict = structure.pattern.is_some() || structure.listed.is_some();
    if texts.len() < 2 || texts.len() < from.values.len() || !(is_number || is_strict) {
        return None;
    }
    let mut shared = texts[0].to_owned();
    for text in &texts {
        while !text.starts_with(&shared) {
            shared.pop();
        }
    }
    let cut = if is_number {
        shared.trim_end_matches(|c: char| c.is_ascii_digit() || matches!(c, '.' | '-')).len()
    } else {
        shared.rfind(|c: char| !c.is_alphanumeric()).map_or(0, |at| at + 1)
    };
    let head = shared.get(..cut).filter(|head| !head.is_empty())?;
    let head = if is_number && texts.iter().all(|text| text[head.len()..].starts_with('-')) {
        format!("{head}-")
    } else {
        head.to_owned()
    };
    let regex = format!("^{}", regex::escape(&head));
    let mut steps = vec![json!({"type": "replace", "field": "@", "regex": regex, "with": ""})];
    if is_number {
        let kind = if structure.may_be(FieldType::Number) && !structure.is_only(FieldType::Integer)
        {
            "number"
        } else {
            "integer"
        };
        steps.push(json!({"type": "convertType", "field": "@", "from": "string", "to": kind}));
    }
    Some(Conversion::of(steps, 0.09, &format!("without '{head}' before it")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pattern_says_what_stands_around() {
        let of = |pattern| {
            let (head, tail) = around(pattern);
            format!("{head}|{tail}")
        };
        assert_eq!(of("^gid://shop/Customer/[0-9]+$"), "gid://shop/Customer/|");
        assert_eq!(of("^[0-9]+s$"), "|s");
        assert_eq!(of("^#[0-9a-f]{6}$"), "#|");
        assert_eq!(of(r"^v\d+\.\d+$"), "v|");
        assert_eq!(of("^ab?c$"), "a|c");
        assert_eq!(of("^a|b$"), "|");
        assert_eq!(of("[0-9]+"), "|");
        assert_eq!(of(r"^Host\(`.+`\)$"), "Host(`|`)");
        assert_eq!(of("^(a|b)-x$"), "|-x");
    }
}
