//! Numbers in another unit: what names, descriptions and declarations say of units.

use serde_json::{Value as Json, json};

use super::convert::Conversion;
use super::names::words;
use super::side::Leaf;
use crate::schema::FieldType;

/// Units: the words for them, what they measure, and their size in the smallest of its kind.
const UNITS: &[(&[&str], &str, f64)] = &[
    (&["ns", "nanos", "nanosecond", "nanoseconds"], "time", 1.0),
    (&["us", "micros", "microsecond", "microseconds"], "time", 1e3),
    (&["ms", "milli", "millis", "millisecond", "milliseconds", "msec"], "time", 1e6),
    (&["s", "sec", "secs", "second", "seconds"], "time", 1e9),
    (&["min", "mins", "minute", "minutes"], "time", 60e9),
    (&["h", "hour", "hours", "hrs"], "time", 3_600e9),
    (&["d", "day", "days"], "time", 86_400e9),
    (&["w", "week", "weeks"], "time", 604_800e9),
    (&["cent", "cents", "minor", "pence", "pennies"], "money", 1.0),
    (
        &["dollar", "dollars", "euro", "euros", "eur", "usd", "gbp", "pounds", "major"],
        "money",
        100.0,
    ),
    (&["byte", "bytes"], "size", 1.0),
    (&["kb", "kib", "kilobytes", "kibibytes"], "size", 1_024.0),
    (&["mb", "mib", "megabytes", "mebibytes"], "size", 1_048_576.0),
    (&["gb", "gib", "gigabytes", "gibibytes"], "size", 1_073_741_824.0),
    (&["mm", "millimeter", "millimeters", "millimetres"], "length", 1.0),
    (&["cm", "centimeter", "centimeters", "centimetres"], "length", 10.0),
    (&["m", "meter", "meters", "metres"], "length", 1_000.0),
    (&["km", "kilometer", "kilometers", "kilometres"], "length", 1_000_000.0),
    (&["g", "gram", "grams"], "weight", 1.0),
    (&["kg", "kilogram", "kilograms"], "weight", 1_000.0),
    (&["percent", "pct", "percentage"], "share", 1.0),
    (&["ratio", "fraction"], "share", 100.0),
];

/// Factors that are tried on pairs when no unit is known.
pub const FACTORS: [f64; 9] =
    [10.0, 100.0, 1_000.0, 60.0, 3_600.0, 86_400.0, 1_440.0, 1_024.0, 1_000_000.0];

/// A unit: what it measures, and its size.
pub type Unit = (&'static str, f64);

/// The unit that a word names.
pub fn unit(word: &str) -> Option<Unit> {
    let word = word.to_lowercase();
    UNITS
        .iter()
        .find(|(names, ..)| names.contains(&word.as_str()))
        .map(|(_, kind, size)| (*kind, *size))
}

/// The unit a field is in: as its schema declares, as the last words of its name say, or as its
/// description says ("in seconds").
pub fn unit_of(leaf: &Leaf) -> Option<Unit> {
    if let Some(declared) = leaf.node.get("unit").and_then(Json::as_str) {
        return unit(declared);
    }
    let name = words(leaf.path.last()?);
    let by_name = if name.len() > 1 { name.last().and_then(|word| unit(word)) } else { None };
    by_name.or_else(|| {
        let description = leaf.structure.description.as_deref()?.to_lowercase();
        let words: Vec<&str> = description
            .split(|c: char| !c.is_alphanumeric())
            .filter(|word| !word.is_empty())
            .collect();
        words
            .windows(2)
            .find(|pair| pair[0] == "in" || pair[0] == "of")
            .and_then(|pair| unit(pair[1]))
    })
}

/// A name without the words that say its unit.
pub fn without_unit(name: &str) -> Vec<String> {
    let mut words = words(name);
    if words.len() > 1 && words.last().is_some_and(|word| unit(word).is_some()) {
        words.pop();
        if words.len() > 1 && words.last().is_some_and(|word| word == "in") {
            words.pop();
        }
    }
    words
}

/// Times or divided by a factor. Multiplied by a whole factor, what decimals make of floats is
/// rounded away.
pub fn by_factor(factor: f64, into_whole: bool) -> Vec<Json> {
    let expr = match (factor >= 1.0, into_whole) {
        (true, true) => format!("math.floor(tonumber(@i) * {factor} + 0.5)"),
        (true, false) => format!("tonumber(@i) * {factor}"),
        (false, _) => format!("tonumber(@i) / {}", (1.0 / factor).round()),
    };
    vec![
        json!({"type": "setField", "field": "@", "expr": expr, "inputs": ["@"], "onMissing": "skip"}),
    ]
}

/// What the units of both fields say.
pub fn scaled(from: &Leaf, to: &Leaf, found: &mut Vec<Conversion>) {
    let into_whole = to.structure.is_only(FieldType::Integer);
    match (unit_of(from), unit_of(to)) {
        (Some((kind, size)), Some((other, wanted))) if kind == other => {
            let factor = size / wanted;
            if (factor - 1.0).abs() > f64::EPSILON {
                let words = scaled_words(factor);
                found.insert(0, Conversion::of(by_factor(factor, into_whole), 0.03, &words));
            }
        }
        // An amount with decimals that becomes whole cents.
        (None, Some(("money", size)))
            if (size - 1.0).abs() < f64::EPSILON && has_decimals(from) =>
        {
            let amount = Conversion::of(by_factor(100.0, true), 0.06, &scaled_words(100.0));
            found.insert(0, amount);
        }
        (None, None) if into_whole && has_decimals(from) => {
            let amount = Conversion::of(by_factor(100.0, true), 0.15, &scaled_words(100.0));
            found.push(amount.assuming("that the whole numbers are hundredths"));
        }
        _ => {}
    }
}

/// Whether some values have decimals, and none more than two.
fn has_decimals(from: &Leaf) -> bool {
    let decimals = |value: &Json| {
        let text = value.as_number().map(|n| n.as_str().to_owned()).unwrap_or_default();
        text.split_once('.').map_or(0, |(_, decimals)| decimals.trim_end_matches('0').len())
    };
    from.values.iter().any(|value| decimals(value) > 0)
        && from.values.iter().all(|value| decimals(value) <= 2)
}

/// A factor in words.
pub fn scaled_words(factor: f64) -> String {
    if factor >= 1.0 {
        format!("times {factor}")
    } else {
        format!("divided by {}", (1.0 / factor).round())
    }
}

/// Whether the two fields may differ in their unit without saying so: one names a unit and the other
/// none, so the values alone cannot tell.
pub fn is_unclear(from: &Leaf, to: &Leaf) -> bool {
    match (unit_of(from), unit_of(to)) {
        (None, None) => false,
        (Some((kind, _)), Some((other, _))) => kind != other,
        (None, Some((kind, _))) => !(kind == "money" && has_decimals(from)),
        (Some(_), None) => true,
    }
}
