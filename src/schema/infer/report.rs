//! A profile as a list of fields, for tables and JSON.

use serde::Serialize;

use super::distinct::DistinctCount;
use super::node::{Node, Objects};

/// A share of something: how many, and in percent of the whole.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Share {
    /// What.
    pub name: String,
    /// How many.
    pub count: u64,
    /// Of a hundred, with one decimal.
    pub percent: f64,
}

impl Share {
    /// `count` of `whole`.
    pub fn of(name: &str, count: u64, whole: u64) -> Self {
        Self { name: name.to_owned(), count, percent: percent(count, whole) }
    }
}

/// `count` of `whole` in percent, with one decimal; 100 and 0 are only said when they are exact.
pub fn percent(count: u64, whole: u64) -> f64 {
    if whole == 0 {
        return 0.0;
    }
    #[allow(clippy::cast_precision_loss)]
    let exact = count as f64 * 100.0 / whole as f64;
    let rounded = (exact * 10.0).round() / 10.0;
    match count {
        0 => 0.0,
        count if count == whole => 100.0,
        _ => rounded.clamp(0.1, 99.9),
    }
}

/// What is known of one field.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct FieldReport {
    /// Its path: `address.city`, `tags[]`.
    pub path: String,
    /// How many of the objects it could stand in hold it; for `[]` how many items there are.
    pub presence: Share,
    /// Its types.
    pub types: Vec<Share>,
    /// How many different scalars.
    pub distinct: DistinctCount,
    /// The least value, or the fewest characters or items.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub least: Option<String>,
    /// The greatest value, or the most characters or items.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub most: Option<String>,
    /// Formats that texts have.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub formats: Vec<Share>,
    /// The values, when it looks like a list of values.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub values: Vec<Share>,
    /// Some values.
    pub examples: Vec<String>,
    /// What it looks like beyond its type: `enum`, `map`, `epoch-seconds`, `number in text`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<String>,
}

/// The fields of an object, with what is inside them after each.
pub fn fields(objects: &Objects, above: &str, out: &mut Vec<FieldReport>) {
    if objects.is_map() {
        return;
    }
    for (name, node) in &objects.fields {
        let name = name.replace('\\', "\\\\").replace('.', "\\.").replace('[', "\\[");
        let path = if above.is_empty() { name } else { format!("{above}.{name}") };
        one(&path, node, objects.count, out);
    }
}

fn one(path: &str, node: &Node, whole: u64, out: &mut Vec<FieldReport>) {
    let settled = node.settled();
    let shares = |types: Vec<(&'static str, u64)>| {
        types.into_iter().map(|(name, count)| Share::of(name, count, settled.count)).collect()
    };
    let (least, most) = bounds(settled);
    let texts = &settled.texts;
    let formats = texts.near_formats().into_iter();
    let list = texts.list();
    out.push(FieldReport {
        path: path.to_owned(),
        presence: Share::of("present", node.count, whole),
        types: shares(settled.types()),
        distinct: distinct(settled),
        least,
        most,
        formats: formats.map(|(name, count)| Share::of(name, count, texts.count)).collect(),
        values: list
            .into_iter()
            .flatten()
            .map(|(value, count)| Share::of(value, *count, texts.count))
            .collect(),
        examples: settled.examples.clone(),
        notes: notes(node),
    });
    fields(&settled.objects, path, out);
    if let Some(items) = &settled.arrays.items {
        one(&format!("{path}[]"), items, items.count, out);
    }
}

/// An estimate may exceed what it counts; there are no more different values than values.
fn distinct(node: &Node) -> DistinctCount {
    let found = node.distinct.count();
    DistinctCount { count: found.count.min(node.count), ..found }
}

/// The range of numbers, else of the lengths of texts, else of arrays.
fn bounds(node: &Node) -> (Option<String>, Option<String>) {
    if let Some((least, most)) = &node.numbers.range {
        return (Some(least.to_string()), Some(most.to_string()));
    }
    let lengths = |lengths: Option<(u64, u64)>, unit: &str| {
        let told = |count: u64| match count {
            1 => format!("1 {unit}"),
            count => format!("{count} {unit}s"),
        };
        lengths.map(|(least, most)| (told(least), told(most)))
    };
    let found = lengths(node.texts.lengths, "character").or(lengths(node.arrays.lengths, "item"));
    found.map_or((None, None), |(least, most)| (Some(least), Some(most)))
}

fn notes(node: &Node) -> Vec<String> {
    let mut notes = Vec::new();
    let settled = node.settled();
    if settled.texts.list().is_some() && settled.texts.count == settled.count - settled.nulls {
        notes.push("enum".to_owned());
    }
    if settled.objects.is_map() {
        notes.push("map".to_owned());
    }
    notes.extend(settled.numbers.epoch().map(str::to_owned));
    if let Some(read) = node.as_read.as_ref().filter(|read| read.count < node.count) {
        let share = percent(read.count, node.count);
        notes.push(format!("{share} % of the texts read as another type"));
    }
    notes
}
