//! Conversions that only pairs of documents show: a table of words, a factor, a part of a text, text
//! around it.

use serde_json::{Value as Json, json};

use super::convert::{Conversion, calculated};
use super::enums;
use super::evidence::{Pairs, equal};
use super::side::{Leaf, value_at};
use super::structure::type_of;
use super::units::{FACTORS, by_factor, scaled_words};
use crate::schema::FieldType;

/// Separators at which texts are cut.
pub const SEPARATORS: [&str; 12] = [" ", ", ", ",", ":", "/", "-", "_", ".", "@", "|", ";", " - "];

/// Every conversion that the first pair with both fields allows. All pairs are asked afterwards.
pub fn conversions(from: &Leaf, to: &Leaf, pairs: &Pairs) -> Vec<Conversion> {
    let both: Vec<(&Json, &Json)> = pairs
        .shown
        .iter()
        .filter_map(|(before, after)| {
            Some((value_at(before, &from.path)?, value_at(after, &to.path)?))
        })
        .collect();
    let mut found = Vec::new();
    // An application may have edited a pair: the first few may each show the rule.
    for (before, after) in both.iter().take(4) {
        match (before, after) {
            // A word of a list comes from a table, not from cutting.
            (Json::String(_), Json::String(_)) if to.structure.listed.is_some() => {}
            (Json::String(text), Json::String(wanted)) => {
                found.extend(parts(text, wanted));
                found.extend(enclosed(text, wanted));
                found.extend(affixed(text, wanted));
            }
            (Json::Number(_), Json::Number(_)) => {
                found.extend(factors(before, after, to));
            }
            (Json::Number(number), Json::String(wanted)) => {
                let text = json!({"type": "convertType", "field": "@",
                    "from": type_of(before).name(), "to": "string"});
                for mut way in affixed(number.as_str(), wanted) {
                    way.steps.insert(0, text.clone());
                    found.push(way);
                }
            }
            (_, Json::Array(_) | Json::Object(_)) if before != after => {
                found.extend(written_around(before, after));
            }
            _ => {}
        }
    }
    found.extend(table(from, to, &both));
    found.dedup();
    found
}

/// The table of words that pairs show, and what the words themselves say of those no pair has.
fn table(from: &Leaf, to: &Leaf, both: &[(&Json, &Json)]) -> Option<Conversion> {
    let is_scalar = |v: &Json| !v.is_object() && !v.is_array() && !v.is_null();
    if both.is_empty() || !both.iter().all(|(a, b)| is_scalar(a) && is_scalar(b)) {
        return None;
    }
    let mut known: Vec<(Json, Json)> = Vec::new();
    for (old, new) in both {
        match known.iter().find(|(seen, _)| seen == *old) {
            // The same word became two: an edit, or no table. The majority decides.
            Some((_, other)) if !equal(other, new) => {
                let votes = |wanted: &Json| {
                    both.iter().filter(|(o, n)| o == old && equal(n, wanted)).count()
                };
                if votes(new) > votes(other) {
                    let new = (*new).clone();
                    known
                        .iter_mut()
                        .filter(|(seen, _)| seen == *old)
                        .for_each(|k| k.1 = new.clone());
                }
            }
            Some(_) => {}
            None => known.push(((*old).clone(), (*new).clone())),
        }
    }
    if known.iter().all(|(old, new)| old == new) {
        return None;
    }
    // All words becoming one is a constant, and no table.
    let words_differ = known.iter().any(|(_, new)| !equal(new, &known[0].1));
    if known.len() > 1 && !words_differ {
        return None;
    }
    let words = "word by word";
    if to.structure.listed.is_some() {
        let table = enums::table(from, to, &known)?;
        let conversion =
            Conversion::of(vec![enums::step(&table.pairs)], 0.05, &enums::in_words(&table.pairs));
        return Some(match table.unknown.as_slice() {
            [] if table.by_elimination => {
                conversion.assuming("what no pair shows: it was left over")
            }
            [] => conversion,
            open => conversion.assuming(format!("what becomes of {}", list(open))),
        });
    }
    // Without a list on the new side a table is meant only where words come again.
    let again = both.len() > known.len();
    let covered = from.values.iter().all(|v| v.is_null() || known.iter().any(|(old, _)| old == v));
    let is_short = from.values.len() <= 12;
    (covered && (again || is_short && from.values.len() > 1))
        .then(|| Conversion::of(vec![enums::step(&known)], 0.2, words))
}

fn list(values: &[Json]) -> String {
    values.iter().map(Json::to_string).collect::<Vec<_>>().join(", ")
}

/// `wanted` as the nth part of `text`, counted from either end.
fn parts(text: &str, wanted: &str) -> Vec<Conversion> {
    let mut found = Vec::new();
    for separator in SEPARATORS {
        let parts: Vec<&str> = text.split(separator).collect();
        if parts.len() < 2 || wanted.is_empty() {
            continue;
        }
        let s = regex::escape(separator);
        let cut = |regex: String, words: String| {
            let step = json!({"type": "replace", "field": "@", "regex": regex, "with": "$1"});
            Conversion::of(vec![step], 0.06, &words)
        };
        let (first, last) = (parts[0], parts[parts.len() - 1]);
        if first == wanted {
            found.push(cut(
                format!("(?s)^(.*?){s}.*$"),
                format!("what stands before the first '{separator}'"),
            ));
        }
        if last == wanted {
            found.push(cut(
                format!("(?s)^.*{s}(.*?)$"),
                format!("what stands after the last '{separator}'"),
            ));
        }
        if parts.len() > 2
            && text.strip_prefix(first).and_then(|r| r.strip_prefix(separator)) == Some(wanted)
        {
            found.push(cut(
                format!("(?s)^.*?{s}(.*)$"),
                format!("what stands after the first '{separator}'"),
            ));
        }
        if parts.len() > 2
            && text.strip_suffix(last).and_then(|r| r.strip_suffix(separator)) == Some(wanted)
        {
            found.push(cut(
                format!("(?s)^(.*){s}.*?$"),
                format!("what stands before the last '{separator}'"),
            ));
        }
    }
    found
}

/// `wanted` between marks: `ann@example.org` of `Ann <ann@example.org>`. The marks are what stands next
/// to it and is neither letter nor digit.
fn enclosed(text: &str, wanted: &str) -> Option<Conversion> {
    let at = text.find(wanted).filter(|_| !wanted.is_empty())?;
    let (head, tail) = (&text[..at], &text[at + wanted.len()..]);
    let is_mark = |c: &char| !c.is_alphanumeric();
    let before: Vec<char> = head.chars().rev().take_while(is_mark).collect();
    let before: String = before.into_iter().rev().collect();
    let after: String = tail.chars().take_while(is_mark).collect();
    let is_needed = |side: &str, mark: &str| side.is_empty() || !mark.is_empty();
    if !is_needed(head, &before) || !is_needed(tail, &after) || before.len() + after.len() < 2 {
        return None;
    }
    let lead =
        if head.is_empty() { "^".to_owned() } else { format!("^.*?{}", regex::escape(&before)) };
    let end =
        if tail.is_empty() { "$".to_owned() } else { format!("{}.*$", regex::escape(&after)) };
    let step = json!({"type": "replace", "field": "@", "regex": format!("(?s){lead}(.*?){end}"), "with": "$1"});
    let words = match (head, tail) {
        ("", _) => format!("what stands before '{after}'"),
        (_, "") => format!("what stands after '{before}'"),
        _ => format!("what stands between '{before}' and '{after}'"),
    };
    Some(Conversion::of(vec![step], 0.05, &words))
}

/// `wanted` as `text` with other text around it, or the other way round.
fn affixed(text: &str, wanted: &str) -> Vec<Conversion> {
    let mut found = Vec::new();
    let mut add = |regex: String, with: String, words: String| {
        let step = json!({"type": "replace", "field": "@", "regex": regex, "with": with});
        found.push(Conversion::of(vec![step], 0.08, &words));
    };
    if text == wanted || text.is_empty() || wanted.is_empty() {
        return found;
    }
    if let Some(at) = wanted.find(text) {
        let (head, tail) = (&wanted[..at], &wanted[at + text.len()..]);
        let plain = |text: &str| text.replace('$', "$$");
        let with = format!("{}${{0}}{}", plain(head), plain(tail));
        add("(?s)^.+$".to_owned(), with, format!("with '{head}' before and '{tail}' after it"));
    }
    if let Some(at) = text.find(wanted) {
        let (head, tail) = (&text[..at], &text[at + wanted.len()..]);
        let regex = match (head, tail) {
            (head, "") => format!("^{}", regex::escape(head)),
            ("", tail) => format!("{}$", regex::escape(tail)),
            (head, tail) => format!("^{}|{}$", regex::escape(head), regex::escape(tail)),
        };
        add(regex, String::new(), format!("without '{head}' before and '{tail}' after it"));
    }
    found
}

/// A value within lists and objects that are the same in every document.
fn written_around(value: &Json, wanted: &Json) -> Option<Conversion> {
    let (places, expr) = written(value, wanted, "@i");
    let words = format!("within {}", told(value, wanted));
    (places == 1).then(|| Conversion::of(vec![calculated(&expr)], 0.08, &words))
}

/// How often a value stands in another, and the other as an expression with the value's name in its
/// place.
fn written(value: &Json, wanted: &Json, name: &str) -> (usize, String) {
    if equal(value, wanted) {
        return (1, name.to_owned());
    }
    match wanted {
        Json::Array(items) => {
            let inner: Vec<_> = items.iter().map(|item| written(value, item, name)).collect();
            let texts: Vec<&str> = inner.iter().map(|(_, text)| text.as_str()).collect();
            let places = inner.iter().map(|(count, _)| count).sum();
            (places, format!("array({{ {} }})", texts.join(", ")))
        }
        Json::Object(members) => {
            let of = |(key, item): (&String, &Json)| {
                let (count, text) = written(value, item, name);
                (count, format!("[{}] = {text}", Json::from(key.as_str())))
            };
            let inner: Vec<(usize, String)> = members.iter().map(of).collect();
            let texts: Vec<&str> = inner.iter().map(|(_, text)| text.as_str()).collect();
            let places = inner.iter().map(|(count, _)| count).sum();
            (places, format!("{{ {} }}", texts.join(", ")))
        }
        Json::Null => (0, "null".to_owned()),
        Json::String(text) => within_text(value, text, name),
        scalar => (0, scalar.to_string()),
    }
}

/// A text in which a value stands once, as an expression.
fn within_text(value: &Json, text: &str, name: &str) -> (usize, String) {
    let plain = || (0, Json::from(text).to_string());
    let written = super::merges::text_of(value);
    let is_scalar = value.is_string() || value.is_number();
    if !is_scalar || written.len() < 2 || text.matches(&written).count() != 1 {
        return plain();
    }
    let Some((head, tail)) = text.split_once(&written) else { return plain() };
    let quoted = |text: &str| Json::from(text).to_string();
    let pieces = [(head, quoted(head)), ("@", format!("tostring({name})")), (tail, quoted(tail))];
    let pieces: Vec<String> =
        pieces.into_iter().filter(|(text, _)| !text.is_empty()).map(|(_, piece)| piece).collect();
    (1, pieces.join(" .. "))
}

/// The same for a person, with an ellipsis for the value.
fn told(value: &Json, wanted: &Json) -> String {
    wanted.to_string().replacen(&value.to_string(), "...", 1)
}

fn factors(before: &Json, after: &Json, to: &Leaf) -> Vec<Conversion> {
    let (Some(before), Some(after)) = (before.as_f64(), after.as_f64()) else { return Vec::new() };
    let whole = to.structure.is_only(FieldType::Integer) || after.fract() == 0.0;
    let mut found = Vec::new();
    for factor in FACTORS.into_iter().flat_map(|factor| [factor, 1.0 / factor]) {
        if before != 0.0 && (before * factor - after).abs() <= 1e-9 * after.abs().max(1.0) {
            let whole = whole && factor > 1.0;
            found.push(Conversion::of(by_factor(factor, whole), 0.05, &scaled_words(factor)));
        }
    }
    found
}
