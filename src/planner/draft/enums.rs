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
    let short = abbreviated(&open, targets, &out.pairs);
    for old in open {
        if let Some((_, new)) = short.iter().find(|(known, _)| *known == old) {
            out.by_meaning = true;
            out.pairs.push((old, new.clone()));
            continue;
        }
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

/// Old words that are short forms of new ones, when all of them are, each of another word: `S` and `D`
/// of `shipped` and `delivered`, `HR` of `human-resources`, `gas` of `gasoline`.
fn abbreviated(open: &[Json], targets: &[Json], pairs: &[(Json, Json)]) -> Vec<(Json, Json)> {
    let is_short = |old: &str, new: &str| {
        let (old, new) = (words(old).concat(), words(new));
        let initials: String = new.iter().filter_map(|word| word.chars().next()).collect();
        let whole = new.concat();
        // `cncl` of `cancelled`: its letters in order, from the first on.
        let mut letters = whole.chars();
        let in_order = old.chars().all(|wanted| letters.any(|letter| letter == wanted));
        let is_skeleton = old.len() >= 3
            && in_order
            && whole.starts_with(&old[..old.chars().next().map_or(0, char::len_utf8)]);
        !old.is_empty()
            && old.len() < whole.len()
            && (whole.starts_with(&old) || initials == old && old.len() > 1 || is_skeleton)
    };
    let mut found: Vec<(Json, Json)> = Vec::new();
    for old in open {
        let Some(text) = old.as_str() else { return Vec::new() };
        let free = targets.iter().filter(|new| !pairs.iter().any(|(_, taken)| taken == *new));
        let fits: Vec<&Json> =
            free.filter(|new| new.as_str().is_some_and(|new| is_short(text, new))).collect();
        match fits.as_slice() {
            [only] if !found.iter().any(|(_, taken)| taken == *only) => {
                found.push((old.clone(), (*only).clone()));
            }
            // A letter that two words begin with says nothing, and a word that has two says as much.
            _ if text.chars().count() <= 2 => return Vec::new(),
            _ => {}
        }
    }
    found
}

/// Numbers that count the words of a list, in its order: an assumption, to be confirmed.
pub fn ordinals(from: &Leaf, to: &Leaf) -> Option<Conversion> {
    let targets = to.structure.listed.as_deref().filter(|targets| targets.len() > 1)?;
    let mut olds = domain(from)?;
    let number = |value: &Json| value.as_i64();
    olds.sort_by_key(|value| number(value));
    let first = number(olds.first()?)?;
    let in_row = olds.iter().all(|value| number(value).is_some())
        && (0..=1).contains(&first)
        && targets.iter().all(Json::is_string)
        && olds.last().and_then(number)? - first < i64::try_from(targets.len()).ok()?
        && (from.structure.listed.is_none() || olds.len() == targets.len());
    let word = |value: &Json| {
        let at = usize::try_from(number(value)? - first).ok()?;
        Some((value.clone(), targets.get(at)?.clone()))
    };
    let pairs: Vec<(Json, Json)> =
        olds.iter().map(word).collect::<Option<_>>().filter(|_| in_row)?;
    let conversion = Conversion::of(vec![step(&pairs)], 0.1, &in_words(&pairs));
    Some(conversion.assuming("that the numbers count the words in their order"))
}

/// Words that say true or false, as they are written here.
pub fn truth(from: &Leaf) -> Option<Conversion> {
    const TRUE: [&str; 8] = ["yes", "y", "on", "true", "t", "1", "enabled", "ja"];
    const FALSE: [&str; 8] = ["no", "n", "off", "false", "f", "0", "disabled", "nein"];
    let word = |value: &Json| -> Option<(Json, Json)> {
        let text = value.as_str()?.trim().to_lowercase();
        let is_true = TRUE.contains(&text.as_str());
        (is_true || FALSE.contains(&text.as_str())).then(|| (value.clone(), is_true.into()))
    };
    let pairs: Vec<(Json, Json)> = domain(from)?.iter().map(word).collect::<Option<_>>()?;
    (!pairs.is_empty()).then(|| Conversion::of(vec![step(&pairs)], 0.05, "words as true or false"))
}

/// Both ways to take two words for true and false: the word that denies the other is false first.
pub fn readings(from: &Leaf, to: &Leaf) -> Vec<Vec<(Json, Json)>> {
    let olds = domain(from).unwrap_or_default();
    let [a, b] = olds.as_slice() else { return Vec::new() };
    if !to.structure.is_only(crate::schema::FieldType::Boolean) {
        return Vec::new();
    }
    let read = |on: &Json, off: &Json| vec![(on.clone(), true.into()), (off.clone(), false.into())];
    if denies(a, b) { vec![read(b, a), read(a, b)] } else { vec![read(a, b), read(b, a)] }
}

/// Whether a word is another with a `not`, `un` or `in` before it.
fn denies(no: &Json, yes: &Json) -> bool {
    let plain = |value: &Json| value.as_str().map(|text| words(text).concat()).unwrap_or_default();
    let (no, yes) = (plain(no), plain(yes));
    let heads = ["not", "un", "in", "non", "no", "dis", "never"];
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
    Some(read.assuming(format!("that {} means true", pairs[0].0)))
}

/// The table as far as it is likely, and beyond that by what is left over, for a person to edit.
pub fn best_effort(from: &Leaf, to: &Leaf) -> Vec<(Json, Json)> {
    let Some(mut table) = table(from, to, &[]) else { return Vec::new() };
    let targets = to.structure.listed.as_deref().unwrap_or_default();
    for old in std::mem::take(&mut table.unknown) {
        let near = |new: &&Json| {
            let text =
                |value: &Json| value.as_str().map_or_else(|| value.to_string(), str::to_lowercase);
            let is_taken = table.pairs.iter().any(|(_, taken)| taken == *new);
            strsim::jaro_winkler(&text(&old), &text(new)) - if is_taken { 0.5 } else { 0.0 }
        };
        // Of equals the first one, in the schema's order.
        let best = targets.iter().rev().max_by(|a, b| near(a).total_cmp(&near(b)));
        let Some(best) = best.cloned() else { continue };
        table.pairs.push((old, best));
    }
    table.pairs
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
    // `dark_mode` of "dark" and "light": one word of the name, and no other word of the list.
    let is_part = |target: &&Json| {
        let word = target.as_str().map(words).unwrap_or_default();
        !word.is_empty() && word.iter().all(|word| word.len() > 2 && name.contains(word))
    };
    let parts: Vec<&Json> = targets.iter().filter(is_part).collect();
    let part = if let [only] = parts.as_slice() { Some(*only) } else { None };
    let named = targets.iter().find(|target| says(target)).or(part)?;
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
        let (own, other) = (words(text), new.as_str().map(words).unwrap_or_default());
        let ends = |long: &[String], short: &[String]| !short.is_empty() && long.ends_with(short);
        a.len() >= 4
            && b.len() >= 4
            && (a.starts_with(&b) || b.starts_with(&a) || strsim::jaro_winkler(&a, &b) >= 0.93)
            || a.len() >= 4 && (ends(&own, &other) || ends(&other, &own))
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
