//! Flags: words that say true or false, a flag that is a word of a list, and lists of which one word is
//! a flag.

use serde_json::Value as Json;

use super::convert::Conversion;
use super::enums::{domain, in_words, step};
use super::meanings::{are_opposite, mean_the_same};
use super::names::words;
use super::side::Leaf;
use crate::schema::FieldType;

/// Words that only say yes or no, each beside the one that says the other.
const PLAIN: (&[&str], &[&str]) = (
    &["yes", "y", "on", "true", "t", "1", "ja", "oui", "x", "si"],
    &["no", "n", "off", "false", "f", "0", "nein", "non", ""],
);

/// Words that say how something is, well or not.
const STATES: (&[&str], &[&str]) = (
    &[
        "enabled",
        "active",
        "ok",
        "up",
        "pass",
        "passed",
        "success",
        "succeeded",
        "alive",
        "online",
        "healthy",
        "good",
        "valid",
        "allow",
        "allowed",
        "available",
        "present",
        "running",
        "connected",
    ],
    &[
        "disabled",
        "inactive",
        "error",
        "down",
        "fail",
        "failed",
        "failure",
        "dead",
        "offline",
        "unhealthy",
        "bad",
        "invalid",
        "deny",
        "denied",
        "unavailable",
        "absent",
        "stopped",
        "ko",
        "disconnected",
    ],
);

/// Whether a value says yes or no: a boolean, a word for it, or 1 and 0.
pub fn says(value: &Json) -> Option<bool> {
    let text = match value {
        Json::Bool(flag) => return Some(*flag),
        Json::Number(number) => number.to_string(),
        other => other.as_str()?.trim().to_lowercase(),
    };
    let is_of = |words: &[&str]| words.contains(&text.as_str());
    (is_of(PLAIN.0) || is_of(PLAIN.1)).then(|| is_of(PLAIN.0))
}

/// Words that say true or false, as they are written here.
pub fn truth(from: &Leaf, to: &Leaf) -> Option<Conversion> {
    let olds = domain(from)?;
    let plain: Option<Vec<(Json, Json)>> =
        olds.iter().map(|old| Some((old.clone(), says(old)?.into()))).collect();
    // `x` or nothing alone is no answer.
    let has_text = olds.iter().any(|old| old.as_str().is_some_and(|text| !text.is_empty()));
    if let Some(mut pairs) = plain.filter(|_| has_text) {
        if pairs.len() == 1 && from.structure.listed.is_none() {
            pairs.extend(counterpart(&pairs[0].0));
        }
        return Some(Conversion::of(vec![step(&pairs)], 0.05, "words as true or false"));
    }
    let name = to.path.last().map_or("", String::as_str);
    let state = |old: &Json| -> Option<(Json, Json)> {
        let text = old.as_str()?.trim().to_lowercase();
        let is_of = |words: &[&str]| words.contains(&text.as_str());
        // Whether something failed is true when it does.
        let is_no = words(name).iter().any(|word| STATES.1.contains(&word.as_str()));
        (is_of(STATES.0) || is_of(STATES.1))
            .then(|| (old.clone(), (is_of(STATES.0) != is_no).into()))
    };
    let pairs: Vec<(Json, Json)> = olds.iter().map(state).collect::<Option<_>>()?;
    let differ = pairs.iter().any(|(_, flag)| *flag != pairs[0].1);
    let way = Conversion::of(vec![step(&pairs)], 0.06, &in_words(&pairs));
    differ.then_some(way)
}

/// The word that says the other of yes and no, written alike: `N` of `Y`.
fn counterpart(word: &Json) -> Option<(Json, Json)> {
    let text = word.as_str()?;
    let flag = says(word)?;
    let (own, others) = if flag { (PLAIN.0, PLAIN.1) } else { (PLAIN.1, PLAIN.0) };
    let at = own.iter().position(|known| *known == text.to_lowercase())?;
    let other = *others.get(at)?;
    let first = text.chars().next();
    let is_title = first.is_some_and(char::is_uppercase);
    let other = match () {
        () if is_title && text.chars().all(|c| !c.is_lowercase()) => other.to_uppercase(),
        () if is_title => {
            let mut rest = other.chars();
            rest.next().into_iter().flat_map(char::to_uppercase).chain(rest).collect()
        }
        () => other.to_owned(),
    };
    Some((other.into(), (!flag).into()))
}

/// Both ways to take two words for true and false: the word that denies the other is false first.
pub fn readings(from: &Leaf, to: &Leaf) -> Vec<Vec<(Json, Json)>> {
    let olds = domain(from).unwrap_or_default();
    let [a, b] = olds.as_slice() else { return Vec::new() };
    if !to.structure.is_only(FieldType::Boolean) {
        return Vec::new();
    }
    let read = |on: &Json, off: &Json| vec![(on.clone(), true.into()), (off.clone(), false.into())];
    if denies(a, b) { vec![read(b, a), read(a, b)] } else { vec![read(a, b), read(b, a)] }
}

/// Whether a word is another with a `not`, `un` or `in` before it.
fn denies(no: &Json, yes: &Json) -> bool {
    let plain = |value: &Json| value.as_str().map(|text| words(text).concat()).unwrap_or_default();
    let (no, yes) = (plain(no), plain(yes));
    let heads = ["not", "un", "in", "non", "no", "dis", "never", "im", "ir"];
    !yes.is_empty() && heads.iter().any(|head| no.strip_prefix(head) == Some(&yes))
}

/// A word and the one that denies it as true and false.
pub fn denied(from: &Leaf, to: &Leaf) -> Option<Conversion> {
    let olds = domain(from)?;
    let pairs = readings(from, to).into_iter().next()?;
    if !olds.iter().any(|a| olds.iter().any(|b| denies(a, b))) {
        return None;
    }
    let read = Conversion::of(vec![step(&pairs)], 0.1, &in_words(&pairs));
    // `paid` and `unpaid` of `paid` leave nothing open.
    let is_said = names_flag(&pairs[0].0, to);
    Some(if is_said { read } else { read.assuming(format!("that {} means true", pairs[0].0)) })
}

/// The words of a flag's name, without those that only say that it is one.
fn bare(name: &str) -> Vec<String> {
    let mut name = words(name);
    if name.len() > 1 && matches!(name[0].as_str(), "is" | "has" | "was" | "are") {
        name.remove(0);
    }
    name
}

/// `private: true` is `"private"` of a list; `false` is the other one, when there are two.
pub fn by_name(old: &Json, from: &Leaf, targets: &[Json]) -> Option<Json> {
    let flag = says(old).filter(|_| {
        domain(from)
            .is_some_and(|olds| olds.len() == 2 && olds.iter().all(|old| says(old).is_some()))
    })?;
    let name = bare(from.path.last()?);
    let says = |target: &Json| {
        let word = target.as_str().map(words).unwrap_or_default();
        word.concat() == name.concat() || mean_the_same(&word.join(" "), &name.join(" "))
    };
    // `dark_mode` of "dark" and "light": one word of the name, and no other word of the list.
    let is_part = |target: &&Json| {
        let word = target.as_str().map(words).unwrap_or_default();
        !word.is_empty() && word.iter().all(|word| word.len() > 2 && name.contains(word))
    };
    let parts: Vec<&Json> = targets.iter().filter(is_part).collect();
    let part = if let [only] = parts.as_slice() { Some(*only) } else { None };
    // `deleted` of "active" and "inactive": the word that says the opposite of another.
    let denied =
        |target: &&Json| target.as_str().is_some_and(|word| are_opposite(&name.join("_"), word));
    let opposite = targets.iter().find(denied);
    let named = match (targets.iter().find(|target| says(target)).or(part), opposite, targets) {
        (Some(named), ..) => named,
        (None, Some(no), [a, b]) => {
            if no == a {
                b
            } else {
                a
            }
        }
        _ => return None,
    };
    match (flag, targets) {
        (true, _) => Some(named.clone()),
        (false, [a, b]) => Some(if a == named { b.clone() } else { a.clone() }),
        (false, _) => targets.iter().find(|target| says_no(target, named)).cloned(),
    }
}

/// Whether a word says that another does not hold: `outofstock` and `instock`, `notFound` and `found`.
fn says_no(target: &Json, named: &Json) -> bool {
    let plain = |value: &Json| value.as_str().map(|text| words(text).concat()).unwrap_or_default();
    let (no, yes) = (plain(target), plain(named));
    let is_before = |lead: &str| no.strip_prefix(lead) == Some(&yes);
    let is_turned = |(from, to): (&str, &str)| match (yes.strip_prefix(from), no.strip_prefix(to)) {
        (Some(rest), Some(other)) => rest == other,
        _ => false,
    };
    !yes.is_empty()
        && (["un", "not", "non", "no", "in", "dis"].into_iter().any(is_before)
            || [("in", "outof"), ("in", "out"), ("on", "off")].into_iter().any(is_turned))
}

/// Whether a boolean field is called like a word of the new field's list.
pub fn names_a_word(from: &Leaf, to: &Leaf) -> bool {
    let targets = to.structure.listed.as_deref().unwrap_or_default();
    domain(from)
        .unwrap_or_default()
        .iter()
        .any(|old| says(old) == Some(true) && by_name(old, from, targets).is_some())
}

/// A word of a list that a flag is called by: `isPaused` of `"paused"`, and of no other word; or one of
/// two letters with which the flag's name begins: `P` and `F` of `passed`.
pub fn flag(from: &Leaf, to: &Leaf) -> Option<Conversion> {
    if !to.structure.is_only(FieldType::Boolean) {
        return None;
    }
    let olds = domain(from).filter(|olds| olds.len() > 1 && olds.iter().all(Json::is_string))?;
    let by = |says: &dyn Fn(&Json) -> bool| -> Option<Vec<(Json, Json)>> {
        let pairs: Vec<(Json, Json)> =
            olds.iter().map(|old| (old.clone(), Json::Bool(says(old)))).collect();
        (pairs.iter().filter(|(_, on)| *on == true).count() == 1).then_some(pairs)
    };
    let begins = |old: &Json| {
        let name = bare(to.path.last().map_or("", String::as_str)).concat();
        let text = old.as_str().unwrap_or_default().to_lowercase();
        olds.len() == 2 && !text.is_empty() && name.starts_with(&text)
    };
    // `fake` of `fakeTimers.enabled`.
    let around: Vec<String> = to.path.iter().flat_map(|name| words(name)).collect();
    let is_around = |old: &Json| {
        let word = old.as_str().map(words).unwrap_or_default();
        !word.is_empty() && word.iter().all(|word| word.len() > 2 && around.contains(word))
    };
    let pairs =
        by(&|old| names_flag(old, to)).or_else(|| by(&begins)).or_else(|| by(&is_around))?;
    let word = pairs.iter().find(|(_, on)| *on == true).map(|(word, _)| word.clone())?;
    let assumed = format!("that {word} alone makes {} true", to.text());
    Some(Conversion::of(vec![step(&pairs)], 0.1, &in_words(&pairs)).assuming(assumed))
}

/// Whether a flag is called by this word.
fn names_flag(word: &Json, to: &Leaf) -> bool {
    let word = word.as_str().map(words).unwrap_or_default();
    !word.is_empty() && word == bare(to.path.last().map_or("", String::as_str))
}

/// Whether a table makes a flag true for the word it is called by, and for no other.
pub fn says_flag(from: &Leaf, to: &Leaf, way: &Conversion) -> bool {
    let agrees = |value: &Json| way.apply(value) == Some(Json::Bool(names_flag(value, to)));
    from.values.iter().any(|value| names_flag(value, to)) && from.values.iter().all(agrees)
}
