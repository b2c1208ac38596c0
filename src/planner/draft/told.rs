//! Tables that a schema tells in words: "0 queued, 1 ringing", "A = active; I = inactive".

use serde_json::Value as Json;

use super::convert::Conversion;
use super::enums;
use super::names::words;
use super::side::Leaf;
use super::vocabulary;
use crate::schema::FieldType;

/// The table that the description of either field gives, when it tells all old values.
pub fn table(from: &Leaf, to: &Leaf) -> Option<Conversion> {
    let olds = enums::domain(from).filter(|olds| olds.len() > 1)?;
    let told = [&from.structure.description, &to.structure.description].into_iter().flatten();
    let texts: Vec<&String> = told.collect();
    texts.into_iter().find_map(|text| {
        let pairs: Vec<(Json, Json)> = olds
            .iter()
            .map(|old| Some((old.clone(), meant(text, old, to)?)))
            .collect::<Option<_>>()?;
        let differ = pairs.iter().any(|(_, new)| *new != pairs[0].1);
        let way = Conversion::of(vec![enums::step(&pairs)], 0.03, &enums::in_words(&pairs));
        differ.then_some(way)
    })
}

/// How alike two fields are by what their descriptions say: that one names the other, or both say the
/// same.
pub fn likeness(from: &Leaf, to: &Leaf) -> f64 {
    let texts = (&from.structure.description, &to.structure.description);
    let name = |leaf: &Leaf| leaf.path.last().cloned().unwrap_or_default();
    if let (Some(a), Some(b)) = texts {
        let (a, b) = (words(a), words(b));
        let shared = a.iter().filter(|word| b.contains(word)).count();
        if a.len() >= 2 && shared * 4 >= a.len().max(b.len()) * 3 {
            return 0.88;
        }
    }
    let names_it = |text: &Option<String>, name: &str| {
        text.as_ref().is_some_and(|text| names_field(text, name))
    };
    if names_it(texts.1, &name(from)) || names_it(texts.0, &name(to)) { 0.93 } else { 0.0 }
}

/// Whether the description of one flag denies the name of the other: "did not finish" of `finished`.
pub fn denies(from: &Leaf, to: &Leaf) -> bool {
    let says_not = |leaf: &Leaf, other: &Leaf| {
        let said = leaf.structure.description.as_deref().map(words).unwrap_or_default();
        let name = other.path.last().map(|name| words(name)).unwrap_or_default();
        let begins = |a: &str, b: &str| a.len() > 3 && b.starts_with(a);
        let not = said.iter().position(|word| matches!(word.as_str(), "not" | "never" | "no"));
        not.is_some_and(|at| {
            said[at..]
                .iter()
                .any(|word| name.iter().any(|own| begins(word, own) || begins(own, word)))
        })
    };
    says_not(from, to) != says_not(to, from)
}

/// Whether a text names a field, and does not merely use its word: the name has several words, stands in
/// quotes, or follows a word such as "formerly".
fn names_field(text: &str, name: &str) -> bool {
    const CUES: [&str; 14] = [
        "was",
        "formerly",
        "previously",
        "renamed",
        "replaces",
        "replaced",
        "use",
        "called",
        "from",
        "field",
        "old",
        "new",
        "legacy",
        "see",
    ];
    let is_edge =
        |c: char| !(c.is_alphanumeric() || matches!(c, '_' | '-' | '.' | '\'' | '`' | '"'));
    let tokens: Vec<&str> =
        text.split(is_edge).map(|t| t.trim_matches('.')).filter(|t| !t.is_empty()).collect();
    let plain = |token: &str| token.trim_matches(['\'', '`', '"', '.']).to_owned();
    tokens.iter().enumerate().any(|(at, token)| {
        let is_quoted = token.len() > plain(token).len() + 1;
        let before = at.checked_sub(1).map(|at| tokens[at].to_lowercase());
        let is_cued = before
            .is_some_and(|word| CUES.contains(&word.as_str()) || word == "by" || word == "to");
        plain(token).rsplit('.').next() == Some(name)
            && (is_quoted || is_cued || words(name).len() > 1)
    })
}

/// The new value that a text tells for an old one: in the same clause, and the only one there.
fn meant(text: &str, old: &Json, to: &Leaf) -> Option<Json> {
    let old = old.as_str().map_or_else(|| old.to_string(), str::to_owned);
    let clauses =
        text.split([',', ';', '(', ')', '\n', '.', '|']).flat_map(|part| part.split(" and "));
    let clauses = clauses.flat_map(|part| part.split(" or "));
    let mut found: Vec<Json> = Vec::new();
    for clause in clauses {
        let tokens: Vec<&str> = clause
            .split(|c: char| {
                c.is_whitespace() || matches!(c, '=' | ':' | '>' | '"' | '\'' | '`' | '→')
            })
            .map(|token| token.trim_end_matches('-'))
            .filter(|token| !token.is_empty())
            .collect();
        if !tokens.contains(&old.as_str()) {
            continue;
        }
        let rest: Vec<&str> = tokens.into_iter().filter(|token| *token != old).collect();
        found.extend(target(&rest, to));
    }
    found.dedup();
    match found.as_slice() {
        [only] => Some(only.clone()),
        _ => None,
    }
}

/// The value of the new field that the other words of a clause name.
fn target(rest: &[&str], to: &Leaf) -> Option<Json> {
    let said: Vec<String> = rest.iter().flat_map(|token| words(token)).collect();
    if let Some(listed) = &to.structure.listed {
        let names = |value: &&Json| {
            let wanted = value.as_str().map(words).unwrap_or_default();
            !wanted.is_empty()
                && said.windows(wanted.len()).any(|words| {
                    let alike = |a: &String, b: &String| {
                        a == b || vocabulary::canonical(a) == vocabulary::canonical(b)
                    };
                    words.iter().zip(&wanted).all(|(a, b)| alike(a, b))
                })
        };
        let mut told = listed.iter().filter(names);
        return told.next().filter(|_| told.next().is_none()).cloned();
    }
    let is_flag = to.structure.is_only(FieldType::Boolean);
    let says = |of: &[&str]| said.iter().any(|word| of.contains(&word.as_str()));
    match () {
        () if !is_flag => None,
        () if says(&["true", "yes", "on", "enabled"]) => Some(true.into()),
        () if says(&["false", "no", "not", "off", "disabled"]) => Some(false.into()),
        () => None,
    }
}
