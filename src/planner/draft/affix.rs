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
    found.extend(taken_off(from, to));
}

fn added(from: &Leaf, to: &Leaf) -> Option<Conversion> {
    let (head, tail) = around(to.structure.pattern.as_deref()?);
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
    let characters: Vec<char> = pattern.chars().collect();
    let is_plain = |c: char| c.is_alphanumeric() || "_-/:#@ ,=%&~!\"'".contains(c);
    let (mut head, mut tail) = (String::new(), String::new());
    let mut at = 1;
    while pattern.starts_with('^') && at < characters.len() {
        let (c, width) = match characters[at] {
            '\\' if characters.get(at + 1).is_some_and(|c| !c.is_alphanumeric()) => {
                (characters[at + 1], 2)
            }
            c if is_plain(c) => (c, 1),
            _ => break,
        };
        // `a?` and `a{2}` are no plain text.
        if characters.get(at + width).is_some_and(|next| "?*+{".contains(*next)) {
            break;
        }
        head.push(c);
        at += width;
    }
    if pattern.ends_with('$') && at < characters.len() {
        let end = characters.len() - 1;
        let from = characters[..end].iter().rposition(|c| !is_plain(*c)).map_or(0, |at| at + 1);
        // What stands behind a closed group or a repetition.
        let is_behind = from > 0 && ")]}+*".contains(characters[from - 1]);
        if is_behind && from >= at {
            tail = characters[from..end].iter().collect();
        }
    }
    // Choices between whole texts begin alike by chance only.
    if pattern.contains('|') && !pattern.contains('(') { Default::default() } else { (head, tail) }
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
        assert_eq!(of("^ab?c$"), "a|");
        assert_eq!(of("^a|b$"), "|");
        assert_eq!(of("[0-9]+"), "|");
    }
}
