//! Dates and times that are written in another way.

use serde_json::{Value as Json, json};

use super::convert::Conversion;
use super::names::words;
use super::side::Leaf;
use crate::schema::FieldType;

/// Ways to write a moment or a day other than ISO 8601, each as a strftime pattern, and whether it says
/// the zone.
const WRITTEN: &[(&str, &str, bool)] = &[
    ("%a %b %d %H:%M:%S %z %Y", "dateTime", true),
    ("%a, %d %b %Y %H:%M:%S %z", "dateTime", true),
    ("%Y/%m/%d %H:%M:%S %z", "dateTime", true),
    ("%Y-%m-%d %H:%M:%S %z", "dateTime", true),
    ("%Y-%m-%d %H:%M:%S", "dateTime", false),
    ("%Y-%m-%d %H:%M", "dateTime", false),
    ("%Y/%m/%d %H:%M:%S", "dateTime", false),
    ("%d.%m.%Y %H:%M", "dateTime", false),
    ("%d.%m.%Y %H:%M:%S", "dateTime", false),
    ("%d/%m/%Y %H:%M", "dateTime", false),
    ("%m/%d/%Y %H:%M", "dateTime", false),
    ("%d/%m/%Y %H:%M:%S", "dateTime", false),
    ("%m/%d/%Y %H:%M:%S", "dateTime", false),
    ("%m/%d/%Y %I:%M %p", "dateTime", false),
    ("%d-%m-%Y %H:%M", "dateTime", false),
    ("%d/%b/%Y:%H:%M:%S %z", "dateTime", true),
    ("%Y%m%dT%H%M%SZ", "dateTime", false),
    ("%Y%m%d", "date", true),
    ("%Y/%m/%d", "date", true),
    ("%d.%m.%Y", "date", true),
    ("%d/%m/%Y", "date", true),
    ("%m/%d/%Y", "date", true),
    ("%d-%m-%Y", "date", true),
    ("%d %b %Y", "date", true),
    ("%B %d, %Y", "date", true),
    ("%b %d, %Y", "date", true),
];

/// Seconds since 1970 from 2001 to 2065; milliseconds are a thousand times that.
const SECONDS: std::ops::Range<f64> = 978_307_200.0..3_000_000_000.0;

fn is_moment(to: &Leaf) -> bool {
    to.structure.format.as_deref() == Some("date-time")
}

fn is_day(to: &Leaf) -> bool {
    to.structure.format.as_deref() == Some("date")
}

/// Which of the two epochs numbers count from; `None` when they are no moments of our time.
pub fn epoch(from: &Leaf) -> Option<&'static str> {
    let numbers: Vec<f64> = from.values.iter().filter_map(Json::as_f64).collect();
    let within = |scale: f64| {
        !numbers.is_empty()
            && numbers.iter().all(|n| (SECONDS.start * scale..SECONDS.end * scale).contains(n))
    };
    if within(1.0) {
        return Some("epochSeconds");
    }
    if within(1_000.0) {
        return Some("epochMillis");
    }
    None
}

/// Numbers that are moments.
pub fn from_number(from: &Leaf, to: &Leaf, found: &mut Vec<Conversion>) {
    let form = if is_moment(to) { "dateTime" } else { "date" };
    if !is_moment(to) && !is_day(to) {
        return;
    }
    let step =
        |epoch: &str| json!({"type": "convertType", "field": "@", "from": epoch, "to": form});
    let has_fraction = |value: &Json| value.as_f64().is_some_and(|number| number.fract() != 0.0);
    match epoch(from) {
        Some("epochSeconds") if from.values.iter().any(has_fraction) => {
            let millis = super::convert::calculated("math.floor(tonumber(@i) * 1000 + 0.5)");
            let words = "seconds since 1970 with a fraction as a time";
            found.push(Conversion::of(vec![millis, step("epochMillis")], 0.04, words));
        }
        Some(epoch) => {
            let unit = if epoch == "epochSeconds" { "seconds" } else { "milliseconds" };
            found.push(Conversion::of(
                vec![step(epoch)],
                0.03,
                &format!("{unit} since 1970 as a time"),
            ));
        }
        None if from.values.iter().all(Json::is_null) => {
            for epoch in ["epochSeconds", "epochMillis"] {
                let read = Conversion::of(vec![step(epoch)], 0.12, &format!("{epoch} as a time"));
                found.push(read.assuming("whether the numbers are seconds or milliseconds"));
            }
        }
        None => {}
    }
}

/// Texts that are moments or days.
pub fn from_text(from: &Leaf, to: &Leaf, found: &mut Vec<Conversion>) {
    let texts: Vec<&str> = from.values.iter().filter_map(Json::as_str).collect();
    let declared = from.structure.format.as_deref();
    if to.structure.is_only(FieldType::Integer) || to.structure.is_only(FieldType::Number) {
        to_epoch(from, to, declared, &texts, found);
        return;
    }
    let form = match () {
        () if is_moment(to) => "dateTime",
        () if is_day(to) => "date",
        () => return,
    };
    let is_iso_day = |text: &&str| text.len() == 10 && text.as_bytes()[4] == b'-';
    if form == "dateTime"
        && (declared == Some("date") || !texts.is_empty() && texts.iter().all(is_iso_day))
    {
        let step = json!({"type": "convertType", "field": "@", "from": "date", "to": "dateTime"});
        found.push(Conversion::of(vec![step], 0.06, "the day's beginning in UTC"));
    }
    if form == "date" && (declared == Some("date-time") || texts.iter().any(|t| t.contains('T'))) {
        let cut = json!({"type": "replace", "field": "@", "regex": "[T ].*$", "with": ""});
        found.push(
            Conversion::of(vec![cut], 0.08, "the day alone").assuming("the time of day is dropped"),
        );
    }
    if texts.is_empty() {
        return;
    }
    let all_digits = texts.iter().all(|text| text.bytes().all(|b| b.is_ascii_digit()));
    if all_digits && matches!(texts[0].len(), 10 | 13) {
        let epoch = if texts[0].len() == 10 { "epochSeconds" } else { "epochMillis" };
        let number =
            json!({"type": "convertType", "field": "@", "from": "string", "to": "integer"});
        let step = json!({"type": "convertType", "field": "@", "from": epoch, "to": form});
        found.push(Conversion::of(vec![number, step], 0.05, "digits since 1970 as a time"));
    }
    for (pattern, written, has_zone) in WRITTEN {
        let mut step = json!({"type": "convertType", "field": "@", "from": written, "to": form, "fromFormat": pattern});
        let needs_zone = !has_zone && form == "dateTime";
        if needs_zone {
            step["zone"] = "UTC".into();
        }
        let read =
            Conversion::of(vec![step], 0.06, &format!("a time that was written as {pattern}"));
        // Each is tried on every value, so only the right ones stay, unless all fit both orders.
        let is_either = pattern.starts_with("%d/%m") || pattern.starts_with("%m/%d");
        let read = if is_either && texts.iter().all(|text| is_either_order(text)) {
            read.assuming("whether the day or the month comes first")
        } else {
            read
        };
        found.push(if needs_zone { read.assuming("that the times are in UTC") } else { read });
    }
    if form == "dateTime" {
        let step = json!({"type": "convertType", "field": "@", "to": "dateTime", "zone": "UTC"});
        let read = Conversion::of(vec![step], 0.1, "a time of ISO 8601 without a zone");
        found.push(read.assuming("that the times are in UTC"));
    }
}

/// Whether the first two numbers of a date may change places.
fn is_either_order(text: &str) -> bool {
    let small = |part: &str| part.parse::<u8>().is_ok_and(|number| number <= 12);
    text.split('/').take(2).all(small)
}

fn to_epoch(
    from: &Leaf,
    to: &Leaf,
    declared: Option<&str>,
    texts: &[&str],
    found: &mut Vec<Conversion>,
) {
    let is_iso =
        |text: &&str| text.len() >= 10 && text.as_bytes()[4] == b'-' && text.as_bytes()[7] == b'-';
    let form = match declared {
        Some("date-time") => "dateTime",
        Some("date") => "date",
        _ if !texts.is_empty() && texts.iter().all(|t| is_iso(t) && t.len() == 10) => "date",
        _ if !texts.is_empty() && texts.iter().all(is_iso) => "dateTime",
        _ => return,
    };
    let words = words(to.path.last().map_or("", String::as_str));
    let says = |unit: &[&str]| words.iter().any(|word| unit.contains(&word.as_str()));
    let at_least = to.node.get("minimum").and_then(Json::as_f64).unwrap_or(0.0);
    let _ = from;
    let (millis, known) = match () {
        () if says(&["ms", "millis", "milliseconds"]) || at_least > SECONDS.end => (true, true),
        () if says(&["s", "sec", "secs", "seconds", "unix", "epoch"]) => (false, true),
        () => (false, false),
    };
    for (epoch, is_first) in [("epochSeconds", !millis), ("epochMillis", millis)] {
        if known && !is_first {
            continue;
        }
        let step = json!({"type": "convertType", "field": "@", "from": form, "to": epoch});
        let cost = if known { 0.04 } else { 0.12 };
        let read = Conversion::of(vec![step], cost, &format!("the time as {epoch}"));
        found.push(if known {
            read
        } else {
            read.assuming("whether seconds or milliseconds are wanted")
        });
    }
}
