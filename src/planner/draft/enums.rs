//! Values that are words of a list: which of the old words is which of the new.

use serde_json::{Map, Value as Json, json};

use super::convert::Conversion;
use super::names::{self, words};
use super::side::Leaf;

/// Words of lists that mean the same; seen in public APIs that renamed them.
const SAME: &[&[&str]] = &[
    &[
        "open",
        "opened",
        "new",
        "todo",
        "pending",
        "created",
        "draft",
        "queued",
        "waiting",
        "incomplete",
    ],
    &["active", "enabled", "on", "yes", "true", "live", "online", "up"],
    &["inactive", "disabled", "off", "no", "false", "offline", "down"],
    &[
        "closed",
        "done",
        "completed",
        "complete",
        "finished",
        "resolved",
        "success",
        "succeeded",
        "ok",
        "passed",
    ],
    &["failed", "failure", "error", "errored", "rejected", "declined", "fail"],
    &["cancelled", "canceled", "aborted", "cancel"],
    &[
        "running",
        "in progress",
        "inprogress",
        "progress",
        "started",
        "doing",
        "processing",
        "working",
    ],
    &["public", "open", "visible", "everyone", "world"],
    &["private", "hidden", "secret", "internal"],
    &["low", "minor", "l"],
    &["medium", "normal", "default", "moderate", "m"],
    &["high", "major", "important", "h"],
    &["critical", "urgent", "blocker", "highest", "severe"],
    &["warning", "warn"],
    &["error", "err", "e"],
    &["information", "info", "informational"],
    &["delivered", "received", "arrived"],
    &["shipped", "sent", "dispatched", "in transit"],
    &["male", "m", "man"],
    &["female", "f", "w", "woman"],
    &["paid", "settled", "captured"],
    &["always", "all", "every"],
    &["never", "none", "no"],
    &["banned", "blocked", "suspended"],
    &["admin", "administrator", "owner"],
    &["user", "member", "regular"],
];

/// The table from one list to another.
#[derive(Clone, Debug, Default)]
pub struct Table {
    /// Old value, new value.
    pub pairs: Vec<(Json, Json)>,
    /// Old values for which there is no likely new one.
    pub unknown: Vec<Json>,
    /// Whether a pair was found only because nothing else was left over.
    pub by_elimination: bool,
    /// Whether a pair was found by what words mean, not by how they are written.
    pub by_meaning: bool,
}

/// The conversion of a list's words, where every old word has a new one.
pub fn maps(from: &Leaf, to: &Leaf) -> Option<Conversion> {
    let table = table(from, to, &[])?;
    if !table.unknown.is_empty() || table.pairs.iter().all(|(old, new)| old == new) {
        return None;
    }
    let cost = match (table.by_elimination, table.by_meaning) {
        (true, _) => 0.16,
        (_, true) => 0.09,
        _ => 0.03,
    };
    let conversion = Conversion::of(vec![step(&table.pairs)], cost, &in_words(&table.pairs));
    Some(if table.by_elimination {
        conversion.assuming("the words that were left over on both sides mean the same")
    } else {
        conversion
    })
}

/// `mapValues` over these pairs.
pub fn step(pairs: &[(Json, Json)]) -> Json {
    let texts: Option<Map<String, Json>> =
        pairs.iter().map(|(old, new)| Some((old.as_str()?.to_owned(), new.clone()))).collect();
    if let Some(map) = texts {
        return json!({"type": "mapValues", "field": "@", "map": map});
    }
    let pairs: Vec<Json> = pairs.iter().map(|(old, new)| json!([old, new])).collect();
    json!({"type": "mapValues", "field": "@", "pairs": pairs})
}

/// The pairs in one line.
pub fn in_words(pairs: &[(Json, Json)]) -> String {
    let changed = pairs.iter().filter(|(old, new)| old != new);
    let shown: Vec<String> = changed.map(|(old, new)| format!("{old} is {new}")).collect();
    shown.join(", ")
}

/// The table, with what is `known` taken as given; `None` when the new field lists no values or the
/// old one has none that could be listed.
pub fn table(from: &Leaf, to: &Leaf, known: &[(Json, Json)]) -> Option<Table> {
    let targets = to.structure.listed.as_deref()?;
    let olds = domain(from)?;
    if targets.len() < 2 {
        return None;
    }
    let mut out = Table::default();
    let mut open: Vec<Json> = Vec::new();
    for old in olds {
        let given = known.iter().find(|(known, _)| *known == old).map(|(_, new)| new.clone());
        let exact = || targets.iter().find(|target| **target == old).cloned();
        let written = || targets.iter().find(|target| spelled_alike(&old, target)).cloned();
        match given.or_else(exact).or_else(written) {
            Some(new) => out.pairs.push((old, new)),
            None => open.push(old),
        }
    }
    for old in open {
        let taken = |target: &Json| out.pairs.iter().any(|(_, new)| new == target);
        let free: Vec<&Json> = targets.iter().filter(|target| !taken(target)).collect();
        match by_name(&old, from, targets).or_else(|| by_meaning(&old, &free)) {
            Some(new) => {
                out.by_meaning = true;
                out.pairs.push((old, new));
            }
            None => out.unknown.push(old),
        }
    }
    let free: Vec<Json> = targets
        .iter()
        .filter(|target| !out.pairs.iter().any(|(_, new)| new == *target))
        .cloned()
        .collect();
    if let ([old], [new], true) = (out.unknown.as_slice(), free.as_slice(), !out.pairs.is_empty()) {
        out.pairs.push((old.clone(), new.clone()));
        out.unknown.clear();
        out.by_elimination = true;
    }
    Some(out)
}

/// The values an old field can have, when they are few enough to be a list.
fn domain(from: &Leaf) -> Option<Vec<Json>> {
    const LISTED_MAX: usize = 40;
    let mut values = from.structure.listed.clone().unwrap_or_default();
    for value in &from.values {
        if !value.is_null() && !values.contains(value) {
            values.push(value.clone());
        }
    }
    let is_boolean = from.structure.is_only(crate::schema::FieldType::Boolean);
    if is_boolean {
        values = vec![Json::Bool(true), Json::Bool(false)];
    }
    let are_scalars = values.iter().all(|v| v.is_string() || v.is_number() || v.is_boolean());
    (are_scalars && !values.is_empty() && values.len() <= LISTED_MAX).then_some(values)
}

/// `IN_PROGRESS` and `in-progress`.
fn spelled_alike(old: &Json, new: &Json) -> bool {
    let (Some(old), Some(new)) = (old.as_str(), new.as_str()) else { return false };
    let plain = |text: &str| words(text).concat();
    !plain(old).is_empty() && plain(old) == plain(new)
}

/// `private: true` is `"private"` of a list; `false` is the other one, when there are two.
fn by_name(old: &Json, from: &Leaf, targets: &[Json]) -> Option<Json> {
    let flag = old.as_bool()?;
    let mut name: Vec<String> = words(from.path.last()?);
    if name.len() > 1 && matches!(name[0].as_str(), "is" | "has" | "was") {
        name.remove(0);
    }
    let says = |target: &Json| {
        let word = target.as_str().map(words).unwrap_or_default();
        word == name || same(&word.join(" "), &name.join(" "))
    };
    let named = targets.iter().find(|target| says(target))?;
    match (flag, targets) {
        (true, _) => Some(named.clone()),
        (false, [a, b]) => Some(if a == named { b.clone() } else { a.clone() }),
        _ => None,
    }
}

/// Whether a boolean field is called like a word of the new field's list.
pub fn names_a_word(from: &Leaf, to: &Leaf) -> bool {
    let targets = to.structure.listed.as_deref().unwrap_or_default();
    by_name(&Json::Bool(true), from, targets).is_some()
}

/// A word of a list that a flag is called by: `isPaused` of `"paused"`, and of no other word.
pub fn flag(from: &Leaf, to: &Leaf) -> Option<Conversion> {
    if !to.structure.is_only(crate::schema::FieldType::Boolean) {
        return None;
    }
    let olds = domain(from).filter(|olds| olds.len() > 1 && olds.iter().all(Json::is_string))?;
    let pairs: Vec<(Json, Json)> =
        olds.into_iter().map(|old| (old.clone(), Json::Bool(names_flag(&old, to)))).collect();
    let [(word, _)] = pairs.iter().filter(|(_, on)| *on == true).collect::<Vec<_>>()[..] else {
        return None;
    };
    let assumed = format!("that {word} alone makes {} true", to.text());
    Some(Conversion::of(vec![step(&pairs)], 0.1, &in_words(&pairs)).assuming(assumed))
}

/// Whether a flag is called by this word.
fn names_flag(word: &Json, to: &Leaf) -> bool {
    let word = word.as_str().map(words).unwrap_or_default();
    let mut name = to.path.last().map(|name| words(name)).unwrap_or_default();
    if name.len() > 1 && matches!(name[0].as_str(), "is" | "has" | "was") {
        name.remove(0);
    }
    !word.is_empty() && word == name
}

/// Whether a table makes a flag true for the word it is called by, and for no other.
pub fn says_flag(from: &Leaf, to: &Leaf, way: &Conversion) -> bool {
    let agrees = |value: &Json| way.apply(value) == Some(Json::Bool(names_flag(value, to)));
    from.values.iter().any(|value| names_flag(value, to)) && from.values.iter().all(agrees)
}

/// What a table is worth less for what it says: that a word of the new list is another of them now, or
/// that true is false.
pub fn contradicts(from: &Leaf, to: &Leaf, way: &Conversion) -> f64 {
    const DOUBT: f64 = 0.6;
    let targets = to.structure.listed.as_deref().unwrap_or_default();
    let is_flag = to.structure.is_only(crate::schema::FieldType::Boolean);
    let moves = |value: &Json| {
        let known = targets.contains(value) || is_flag && value.is_boolean();
        known && way.apply(value).is_some_and(|made| made != *value)
    };
    let doubtful = from.values.iter().any(moves);
    if doubtful { DOUBT } else { 1.0 }
}

/// Another word for the same; never one that another old word is nearer to.
fn by_meaning(old: &Json, free: &[&Json]) -> Option<Json> {
    let text = match old {
        Json::Bool(true) => "true",
        Json::Bool(false) => "false",
        other => other.as_str()?,
    };
    let meant: Vec<&&Json> =
        free.iter().filter(|new| new.as_str().is_some_and(|new| same(text, new))).collect();
    if let [only] = meant.as_slice() {
        return Some((**only).clone());
    }
    // `canceled_by_user` and `canceled`: the beginning alone is shared, and by one word only.
    let near = |new: &&&Json| {
        let (a, b) = (words(text).concat(), new.as_str().map(words).unwrap_or_default().concat());
        a.len() >= 4
            && b.len() >= 4
            && (a.starts_with(&b) || b.starts_with(&a) || strsim::jaro_winkler(&a, &b) >= 0.93)
    };
    let alike: Vec<&&Json> = free.iter().filter(near).collect();
    match alike.as_slice() {
        [only] => Some((**only).clone()),
        _ => None,
    }
}

fn same(a: &str, b: &str) -> bool {
    let plain = |text: &str| words(text).join(" ");
    let (a, b) = (plain(a), plain(b));
    a == b
        || SAME.iter().any(|row| row.contains(&a.as_str()) && row.contains(&b.as_str()))
        || (a.len() > 3 && names::canonical(&a) == names::canonical(&b))
}
