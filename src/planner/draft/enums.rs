//! Values that are words of a list: which of the old words is which of the new.

use serde_json::{Map, Value as Json, json};

use super::convert::Conversion;
use super::flags::by_name;
use super::meanings::mean_the_same;
use super::names::words;
use super::side::Leaf;
use super::styles;

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

impl Table {
    /// Words that are left over in two declared lists of the same length, in which those that are known
    /// stand in the same places: the others do as well.
    fn take_by_order(&mut self, from: &Leaf, targets: &[Json]) {
        let Some(olds) = &from.structure.listed else { return };
        let place = |all: &[Json], one: &Json| all.iter().position(|other| other == one);
        let agrees = |(old, new): &(Json, Json)| place(olds, old) == place(targets, new);
        if olds.len() != targets.len() || self.pairs.is_empty() || self.unknown.is_empty() {
            return;
        }
        let is_known = |old: &Json| place(olds, old).is_some();
        if self.pairs.iter().all(agrees) && self.unknown.iter().all(is_known) {
            let by_place = |old: Json| {
                let new = place(olds, &old).map(|at| targets[at].clone()).unwrap_or_default();
                (old, new)
            };
            self.pairs.extend(std::mem::take(&mut self.unknown).into_iter().map(by_place));
            self.by_elimination = true;
        }
    }
}

/// The conversion of a list's words, where every old word has a new one.
pub fn maps(from: &Leaf, to: &Leaf) -> Option<Conversion> {
    let mut table = table(from, to, &[])?;
    if !table.unknown.is_empty() || table.pairs.iter().all(|(old, new)| old == new) {
        return None;
    }
    let cost = match (table.by_elimination, table.by_meaning) {
        (true, _) => 0.16,
        (_, true) => 0.09,
        _ => 0.03,
    };
    let targets = to.structure.listed.as_deref().unwrap_or_default();
    let is_open = from.structure.listed.is_none() && from.values.iter().any(Json::is_string);
    if is_open {
        table.pairs.extend(styles::unseen(&table.pairs, targets));
    }
    let is_covered = targets.iter().all(|target| table.pairs.iter().any(|(_, new)| new == target));
    let conversion = Conversion::of(vec![step(&table.pairs)], cost, &in_words(&table.pairs));
    // A handful of samples need not have all words.
    let are_few = from.sampled < 3 * targets.len();
    Some(if is_open && !is_covered && are_few {
        conversion.assuming("what becomes of words that no sample has")
    } else if table.by_elimination {
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
    out.take_by_order(from, targets);
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
pub fn domain(from: &Leaf) -> Option<Vec<Json>> {
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
        let is_skeleton = old.len() >= 2
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
    let number = |value: &Json| value.as_i64().or_else(|| value.as_str()?.parse().ok());
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
    let meant: Vec<&&Json> = free
        .iter()
        .filter(|new| new.as_str().is_some_and(|new| mean_the_same(text, new)))
        .collect();
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
