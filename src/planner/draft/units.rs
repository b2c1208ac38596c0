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
    (&["lb", "lbs", "pound"], "weight", 453.592_37),
    (&["mg", "milligram", "milligrams"], "weight", 0.001),
    (&["mi", "mile", "miles"], "length", 1_609_344.0),
    (&["ft", "foot", "feet"], "length", 304.8),
    (&["inch", "inches"], "length", 25.4),
    (&["mv", "millivolt", "millivolts"], "voltage", 1.0),
    (&["volt", "volts"], "voltage", 1_000.0),
    (&["watt", "watts"], "power", 1.0),
    (&["kw", "kilowatt", "kilowatts"], "power", 1_000.0),
    (&["bps"], "throughput", 1.0),
    (&["kbps"], "throughput", 1_000.0),
    (&["mbps"], "throughput", 1_000_000.0),
    (&["hz", "hertz"], "rate", 1.0),
    (&["khz", "kilohertz"], "rate", 1_000.0),
    (&["mhz", "megahertz"], "rate", 1_000_000.0),
    (&["ml", "milliliter", "milliliters", "millilitres"], "volume", 1.0),
    (&["l", "liter", "liters", "litres"], "volume", 1_000.0),
];

/// Scales of temperature: the words for them, and degrees Celsius as a factor and what is added, of
/// theirs.
const SCALES: &[(&[&str], f64, f64)] = &[
    (&["c", "celsius", "centigrade"], 1.0, 0.0),
    (&["f", "fahrenheit"], 1.8, 32.0),
    (&["k", "kelvin"], 1.0, 273.15),
];

/// Factors that are tried on pairs when no unit is known.
pub const FACTORS: [f64; 9] =
    [10.0, 100.0, 1_000.0, 60.0, 3_600.0, 86_400.0, 1_440.0, 1_024.0, 1_000_000.0];

/// A unit: what it measures, and its size.
pub type Unit = (&'static str, f64);

/// The unit that a word names.
pub fn unit(word: &str) -> Option<Unit> {
    let word = word.to_lowercase();
    let scale = SCALES.iter().position(|(names, ..)| names.contains(&word.as_str()));
    let known = UNITS.iter().find(|(names, ..)| names.contains(&word.as_str()));
    known.map(|(_, kind, size)| (*kind, *size)).or_else(|| {
        // Scales have no size: a number tells them apart.
        let number = u32::try_from(scale?).ok()?;
        Some(("temperature", f64::from(number)))
    })
}

/// From one scale of temperature to another.
fn warmed(from: f64, to: f64) -> Vec<Json> {
    let scale = |at: f64| {
        SCALES
            .iter()
            .enumerate()
            .find(|(number, _)| {
                u32::try_from(*number).is_ok_and(|n| (f64::from(n) - at).abs() < 0.5)
            })
            .map(|(_, scale)| scale)
    };
    let (Some((_, factor, added)), Some((_, wanted, more))) = (scale(from), scale(to)) else {
        return Vec::new();
    };
    let celsius = match (*factor, *added) {
        (1.0, 0.0) => "@i".to_owned(),
        (1.0, added) => format!("(@i - {added})"),
        // Times before divided: whole degrees stay whole.
        (_, added) => format!("(@i - {added}) * 5 / 9"),
    };
    let expr = match (*wanted, *more) {
        (1.0, 0.0) => celsius,
        (1.0, more) => format!("{celsius} + {more}"),
        (_, more) => format!("{celsius} * 9 / 5 + {more}"),
    };
    vec![super::convert::calculated(&expr.replace("@i", "tonumber(@i)"))]
}

/// The unit a field is in: as its schema declares, as the last words of its name say, or as its
/// description says ("in seconds").
pub fn unit_of(leaf: &Leaf) -> Option<Unit> {
    if let Some(declared) = leaf.node.get("unit").and_then(Json::as_str) {
        return unit(declared);
    }
    let name = words(leaf.path.last()?);
    // `minutes` alone says a unit, `m` or `min` alone may be anything.
    let is_clear = |word: &str| {
        word.len() > 4
            || matches!(word, "km" | "kg" | "mm" | "cm" | "ms" | "kw" | "mb" | "gb" | "kb")
    };
    let is_said = |word: &&String| name.len() > 1 || is_clear(word);
    // `open_hour` is an hour of the day; hours are said as many.
    let is_one = |word: &str| matches!(word, "hour" | "minute" | "second" | "day" | "week");
    let by_name = name.last().filter(is_said).filter(|word| !is_one(word));
    // `pct_off` and `percentDone`.
    let is_share = |word: &&String| matches!(word.as_str(), "pct" | "percent" | "percentage");
    // `hoursSpent`: many of a unit, wherever the word stands.
    let is_many = |word: &&String| word.len() > 4 && word.ends_with('s') && unit(word).is_some();
    let by_name = by_name.and_then(|word| unit(word)).or_else(|| unit(name.iter().find(is_share)?));
    let by_name = by_name.or_else(|| unit(name.iter().find(is_many)?));
    let bound = |key: &str| leaf.node.get(key).and_then(Json::as_f64);
    // Between nothing and all.
    let by_bounds = match (bound("minimum"), bound("maximum")) {
        (Some(0.0), Some(1.0)) if !leaf.structure.is_only(FieldType::Integer) => unit("ratio"),
        _ => None,
    };
    by_name.or(by_bounds).or_else(|| {
        let description = leaf.structure.description.as_deref()?.to_lowercase();
        let words: Vec<&str> = description
            .split(|c: char| !c.is_alphanumeric())
            .filter(|word| !word.is_empty())
            .collect();
        let named = words
            .windows(2)
            .find(|pair| pair[0] == "in" || pair[0] == "of")
            .and_then(|pair| unit(pair[1]));
        // Bits per second are no seconds.
        let is_rate = words.contains(&"per");
        let last = words.last().filter(|word| word.len() > 4);
        named.or_else(|| last.and_then(|word| unit(word))).filter(|_| !is_rate)
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
        (Some(("temperature", from)), Some(("temperature", to)))
            if (from - to).abs() > f64::EPSILON =>
        {
            let words = "from one scale of temperature to the other";
            found.insert(0, Conversion::of(warmed(from, to), 0.03, words));
        }
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
        // Whole cents that become an amount with decimals.
        (Some(("money", size)), None)
            if (size - 1.0).abs() < f64::EPSILON
                && to.structure.may_be(FieldType::Number)
                && !into_whole =>
        {
            found.insert(0, Conversion::of(by_factor(0.01, false), 0.06, &scaled_words(0.01)));
        }
        (None, None) if into_whole && has_decimals(from) => {
            let amount = Conversion::of(by_factor(100.0, true), 0.15, &scaled_words(100.0));
            found.push(amount.assuming("that the whole numbers are hundredths"));
        }
        _ => {}
    }
}

/// Texts that say their unit, as `120ms` and `2.5 kg`, as numbers.
pub fn measured(from: &Leaf, to: &Leaf, found: &mut Vec<Conversion>) {
    let structure = &to.structure;
    let is_number = structure.types.contains(&FieldType::Integer)
        || structure.types.contains(&FieldType::Number);
    let texts: Vec<&str> = from.values.iter().filter_map(Json::as_str).collect();
    let Some(first) = texts.first().filter(|_| is_number) else { return };
    let is_digit = |c: char| c.is_ascii_digit() || matches!(c, '.' | '-' | '+');
    let tail = first.trim_start_matches(is_digit);
    let head_is_number =
        |text: &&str| text.strip_suffix(tail).is_some_and(|head| head.parse::<f64>().is_ok());
    if tail.is_empty() || tail.len() > 12 || !texts.iter().all(head_is_number) {
        return;
    }
    let kind = if structure.may_be(FieldType::Number) && !structure.is_only(FieldType::Integer) {
        "number"
    } else {
        "integer"
    };
    let mut steps = vec![
        json!({"type": "replace", "field": "@", "regex": format!("{}$", regex::escape(tail)), "with": ""}),
        json!({"type": "convertType", "field": "@", "from": "string", "to": kind}),
    ];
    let words = format!("the number before '{}'", tail.trim());
    let conversion = match (unit(tail.trim().trim_end_matches('.')), unit_of(to)) {
        (Some((a, size)), Some((b, wanted))) if a == b => {
            let factor = size / wanted;
            if (factor - 1.0).abs() > f64::EPSILON {
                // 7.5 kg are whole grams.
                if texts.iter().any(|text| text.contains('.')) {
                    steps[1]["to"] = "number".into();
                }
                steps.extend(by_factor(factor, kind == "integer"));
            }
            Conversion::of(steps, 0.04, &words)
        }
        (Some(_), Some(_)) => return,
        _ => Conversion::of(steps, 0.08, &words),
    };
    found.push(conversion);
}

/// Texts such as `1,234` as whole numbers.
pub fn in_thousands(from: &Leaf, to: &Leaf) -> Option<Conversion> {
    let texts: Vec<&str> = from.values.iter().filter_map(Json::as_str).collect();
    let is_whole = |mark: char| {
        let reads = |text: &&str| {
            let groups: Vec<&str> = text.trim_start_matches('-').split(mark).collect();
            let is_digits =
                |group: &&str| !group.is_empty() && group.bytes().all(|b| b.is_ascii_digit());
            groups.iter().all(is_digits)
                && groups[0].len() <= 3
                && groups[1..].iter().all(|group| group.len() == 3)
        };
        texts.iter().any(|text| text.contains(mark)) && texts.iter().all(reads)
    };
    let mark = [',', '.', ' ', '\''].into_iter().find(|mark| is_whole(*mark))?;
    let steps = vec![
        json!({"type": "replace", "field": "@", "find": mark.to_string(), "with": ""}),
        json!({"type": "convertType", "field": "@", "from": "string", "to": "integer"}),
    ];
    let is_number = !to.structure.types.is_empty() && !to.structure.may_be(FieldType::String);
    let words = format!("a whole number with '{mark}' at the thousands");
    (is_number && to.structure.may_be(FieldType::Integer))
        .then(|| Conversion::of(steps, 0.06, &words))
}

/// Texts such as `PT1H30M` (ISO 8601) as seconds or another unit of time.
fn spanned(texts: &[&str], factor: &dyn Fn(&str) -> String) -> Option<Conversion> {
    let is_span = |text: &&str| {
        let rest = text.strip_prefix('P').unwrap_or_default();
        !rest.is_empty() && rest.chars().all(|c| c.is_ascii_digit() || "DTHMS".contains(c))
    };
    let sum = "local t = 0 for n, u in string.gmatch(@i, \"(%d+)([DHMS])\") do \
               t = t + tonumber(n) * ({ D = 86400, H = 3600, M = 60, S = 1 })[u] end";
    let expr = format!("(function() {sum} return {} end)()", factor("t"));
    let way = Conversion::of(
        vec![super::convert::calculated(&expr)],
        0.05,
        "a duration of ISO 8601 as one number",
    );
    (!texts.is_empty() && texts.iter().all(is_span)).then_some(way)
}

/// Texts such as `01:30:00` as seconds or another unit of time.
pub fn clocked(from: &Leaf, to: &Leaf) -> Option<Conversion> {
    let (_, wanted) = unit_of(to).filter(|(kind, _)| *kind == "time")?;
    let texts: Vec<&str> = from.values.iter().filter_map(Json::as_str).collect();
    let is_number = !to.structure.types.is_empty() && to.structure.may_be(FieldType::Integer);
    let parts = |text: &str| {
        let parts: Vec<&str> = text.split(':').collect();
        let is_digits = |part: &&str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit());
        (parts.len() > 1 && parts.iter().all(is_digits)).then_some(parts.len())
    };
    let factor = |sum: &str| match 1e9 / wanted {
        f if f >= 1.0 => format!("({sum}) * {f}"),
        f => format!("({sum}) / {}", (1.0 / f).round()),
    };
    if let Some(span) = spanned(&texts, &factor).filter(|_| is_number) {
        return Some(span);
    }
    let count = parts(texts.first()?).filter(|count| *count < 4)?;
    if !is_number || !texts.iter().all(|text| parts(text) == Some(count)) {
        return None;
    }
    let sum = match count {
        3 => "tonumber(p[1]) * 3600 + tonumber(p[2]) * 60 + tonumber(p[3])",
        _ => "tonumber(p[1]) * 60 + tonumber(p[2])",
    };
    let sum = factor(sum);
    let expr = format!("(function() local p = string.split(@i, \":\") return {sum} end)()");
    let way = Conversion::of(
        vec![super::convert::calculated(&expr)],
        0.06,
        "hours, minutes and seconds as one number",
    );
    Some(if count == 3 { way } else { way.assuming("that it is minutes and seconds") })
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
    // A text that says its unit is clear.
    let says = |value: &Json| {
        value.as_str().is_some_and(|text| text.ends_with(|c: char| c.is_alphabetic() || c == '%'))
    };
    if !from.values.is_empty() && from.values.iter().all(says) {
        return false;
    }
    match (unit_of(from), unit_of(to)) {
        (None, None) => false,
        (Some((kind, _)), Some((other, _))) => kind != other,
        (None, Some((kind, _))) => !(kind == "money" && has_decimals(from)),
        // A percentage stays one as long as it is a whole number.
        (Some(("share", _)), None) if to.structure.is_only(FieldType::Integer) => false,
        (Some(_), None) => true,
    }
}
