//! Texts that a strict field (one with a list, a pattern or a format) asks to be written otherwise.

use serde_json::{Value as Json, json};

use super::convert::Conversion;
use super::side::Leaf;

/// Whether a text field refuses most texts.
pub fn is_strict(to: &Leaf) -> bool {
    let structure = &to.structure;
    structure.listed.is_some() || structure.pattern.is_some() || structure.format.is_some()
}

/// Every other way to write a text; values tell which of them the field takes.
pub fn ways(from: &Leaf, found: &mut Vec<Conversion>) {
    let mut add = |steps, cost, words: &str| found.push(Conversion::of(steps, cost, words));
    let trim = || json!({"type": "trim", "field": "@"});
    let replaced = |regex: &str, with: &str| json!({"type": "replace", "field": "@", "regex": regex, "with": with});
    add(vec![trim()], 0.05, "without space around");
    for (case, words) in [("lower", "in lower case"), ("upper", "in upper case")] {
        let cased = json!({"type": "case", "field": "@", "to": case});
        add(vec![cased.clone()], 0.06, words);
        add(vec![trim(), cased], 0.08, words);
    }
    for (find, with) in [("_", "-"), ("-", "_"), (" ", "-"), (" ", "_"), (" ", ""), ("-", "")] {
        let step = json!({"type": "replace", "field": "@", "find": find, "with": with});
        add(vec![step], 0.08, &format!("with '{with}' for '{find}'"));
    }
    for prefix in ["#", "https://", "mailto:", "/", "+", "v"] {
        add(vec![replaced("^", prefix)], 0.12, &format!("with '{prefix}' before it"));
    }
    for head in ["^#", "^v", "^/", "^mailto:", "^https?://"] {
        add(vec![replaced(head, "")], 0.12, &format!("without what matches {head} "));
    }
    for (marks, words) in [("[^0-9+]", "its digits and plus"), ("[^0-9]", "its digits alone")] {
        add(vec![replaced(marks, "")], 0.12, words);
    }
    parts(from, found);
}

/// What stands before or after a mark.
fn parts(from: &Leaf, found: &mut Vec<Conversion>) {
    for mark in ["-", "_", ":", "/", " ", "@", "."] {
        let holds = |value: &Json| value.as_str().is_some_and(|text| text.contains(mark));
        if !from.values.iter().any(holds) {
            continue;
        }
        let plain = regex::escape(mark);
        for (regex, words) in [
            (format!("(?s){plain}.*$"), format!("what stands before the first '{mark}'")),
            (format!("(?s)^.*{plain}"), format!("what stands after the last '{mark}'")),
        ] {
            let cut = json!({"type": "replace", "field": "@", "regex": regex, "with": ""});
            let part = Conversion::of(vec![cut], 0.13, &words);
            found.push(part.assuming("that the rest of the text may go"));
        }
    }
}
