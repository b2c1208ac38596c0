//! The ways in which a value may become another: a fixed library of short lists of real transforms, tried
//! on values by carrying them out.

use std::cell::RefCell;
use std::collections::HashMap;

use serde_json::{Value as Json, json};

use super::affix;
use super::enums;
use super::flags;
use super::items;
use super::lists;
use super::meanings::are_opposite;
use super::money;
use super::side::{Leaf, path_text};
use super::spelling::{self, is_strict};
use super::structure::type_of;
use super::times;
use super::told;
use super::units;
use crate::model::{Document, Key, Storage};
use crate::schema::{FieldType, Version};
use crate::transform::{Facts, Frozen, Step};

/// A way to make one value of another. In its steps `@` stands for the field, and `@i` in an
/// expression for its value.
#[derive(Clone, Debug, PartialEq)]
pub struct Conversion {
    /// The transforms, in order; none when the value stays as it is.
    pub steps: Vec<Json>,
    /// How far-fetched it is, from 0.
    pub cost: f64,
    /// What it does, in words; empty when nothing.
    pub words: String,
    /// What only a person can confirm: an assumption behind it.
    pub assumes: Option<String>,
}

impl Conversion {
    /// The value stays as it is.
    pub fn none() -> Self {
        Self::of(Vec::new(), 0.0, "")
    }

    /// A conversion without an assumption.
    pub fn of(steps: Vec<Json>, cost: f64, words: &str) -> Self {
        Self { steps, cost, words: words.to_owned(), assumes: None }
    }

    /// The same, with what it assumes.
    #[must_use]
    pub fn assuming(mut self, what: impl Into<String>) -> Self {
        self.assumes = Some(what.into());
        self
    }

    /// Whether the value stays as it is.
    pub fn is_none(&self) -> bool {
        self.steps.is_empty()
    }

    /// Whether it reckons, and does not merely write otherwise.
    pub fn calculates(&self) -> bool {
        self.steps.iter().any(|step| step["type"] == "setField")
    }

    /// Whether it takes texts for something else.
    pub fn reads_text(&self) -> bool {
        self.steps.iter().any(|step| step["type"] == "convertType" || step["type"] == "wrapField")
    }

    /// The value it makes of another; `None` when a step refuses.
    pub fn apply(&self, value: &Json) -> Option<Json> {
        if self.steps.is_empty() {
            return Some(value.clone());
        }
        if value.is_null() {
            return Some(Json::Null);
        }
        let text = format!("{{\"x\":{value}}}");
        let mut document = Document::from_json(text.as_bytes(), Storage::String).ok()?;
        let (key, version, frozen) = (Key::from("x"), Version::new(1, 0, 0), Frozen::default());
        let facts = Facts { key: &key, pattern: "*", version: &version, frozen: &frozen };
        for step in &self.steps {
            parsed(&at_field(step, &["x".to_owned()]))?.apply(&mut document, &facts).ok()?;
        }
        let made: Json = serde_json::from_str(&document.to_json()).ok()?;
        made.get("x").cloned()
    }

    /// The steps for the field at `path`. Documents without the field are passed over when it may be
    /// absent, and null is left alone when it may be null.
    pub fn at(&self, path: &[String], may_be_absent: bool, may_be_null: bool) -> Vec<Json> {
        let mut steps: Vec<Json> = self.steps.iter().map(|step| at_field(step, path)).collect();
        for step in &mut steps {
            if may_be_absent {
                step["onMissing"] = "skip".into();
            }
            if may_be_null {
                step["when"] = json!({"not": {"field": path_text(path), "type": "null"}});
            }
        }
        steps
    }
}

thread_local! {
    static PARSED: RefCell<HashMap<String, Option<Step>>> = RefCell::default();
}

/// Steps are tried on thousands of values; each is read once.
fn parsed(definition: &Json) -> Option<Step> {
    const KEPT_MAX: usize = 4_000;
    PARSED.with_borrow_mut(|known| {
        if known.len() > KEPT_MAX {
            known.clear();
        }
        known.entry(definition.to_string()).or_insert_with(|| Step::parse(definition).ok()).clone()
    })
}

/// A step with the field in its place.
fn at_field(step: &Json, path: &[String]) -> Json {
    match step {
        Json::String(text) if text == "@" => path_text(path).into(),
        Json::String(text) if text.starts_with("@[]") => {
            format!("{}{}", path_text(path), &text[1..]).into()
        }
        Json::String(text) if text.contains("@i") => text.replace("@i", &accessor(path)).into(),
        Json::Array(items) => items.iter().map(|item| at_field(item, path)).collect(),
        Json::Object(members) => members
            .iter()
            .map(|(name, value)| (name.clone(), at_field(value, path)))
            .collect::<serde_json::Map<_, _>>()
            .into(),
        other => other.clone(),
    }
}

/// How an expression names the input at `path`.
pub fn accessor(path: &[String]) -> String {
    let plain = |name: &str| {
        !name.is_empty()
            && !name.starts_with(|c: char| c.is_ascii_digit())
            && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
            && !LUA_WORDS.contains(&name)
    };
    path.iter().fold("i".to_owned(), |at, name| {
        if plain(name) {
            format!("{at}.{name}")
        } else {
            format!("{at}[{}]", Json::from(name.as_str()))
        }
    })
}

const LUA_WORDS: [&str; 21] = [
    "and", "break", "do", "else", "elseif", "end", "false", "for", "function", "if", "in", "local",
    "nil", "not", "or", "repeat", "return", "then", "true", "until", "while",
];

/// A step that calculates the field's value anew.
pub fn calculated(expr: &str) -> Json {
    json!({"type": "setField", "field": "@", "expr": expr, "inputs": ["@"], "onMissing": "skip"})
}

/// The types a field's values have, as seen, else as declared.
pub fn types_seen(leaf: &Leaf) -> Vec<FieldType> {
    let mut types: Vec<FieldType> = if leaf.values.is_empty() {
        leaf.structure.types.iter().copied().collect()
    } else {
        leaf.values.iter().map(type_of).collect()
    };
    types.retain(|t| *t != FieldType::Null);
    types.sort_unstable();
    types.dedup();
    types
}

/// Every way from one field's values to another's worth trying, the plainest first.
pub fn library(from: &Leaf, to: &Leaf) -> Vec<Conversion> {
    let mut found = vec![Conversion::none()];
    found.extend(told::table(from, to));
    found.extend(enums::maps(from, to));
    found.extend(flags::flag(from, to));
    found.extend(enums::ordinals(from, to));
    found.extend(flags::denied(from, to));
    for source in types_seen(from) {
        match source {
            FieldType::String => from_text(from, to, &mut found),
            FieldType::Integer | FieldType::Number => from_number(from, to, source, &mut found),
            FieldType::Boolean => from_boolean(from, to, &mut found),
            FieldType::Array => lists::from_array(from, to, &mut found),
            FieldType::Object => lists::from_object(from, to, &mut found),
            FieldType::Null => {}
        }
        if source != FieldType::Array && to.structure.is_only(FieldType::Array) {
            lists::wrapped(from, to, &mut found);
        }
    }
    found.extend(items::one_by_one(from, to));
    found.dedup();
    found
}

fn convert(from: &str, to: &str) -> Json {
    json!({"type": "convertType", "field": "@", "from": from, "to": to})
}

/// Whether a number has zeros before it, as the month in `05/2019`.
pub fn is_padded(text: &str) -> bool {
    text.len() > 1 && text.starts_with('0') && text.bytes().all(|b| b.is_ascii_digit())
}

/// The step that takes leading zeros off.
pub fn unpadded() -> Json {
    json!({"type": "replace", "field": "@", "regex": "^0+([0-9])", "with": "$1"})
}

fn from_text(from: &Leaf, to: &Leaf, found: &mut Vec<Conversion>) {
    let structure = &to.structure;
    units::measured(from, to, found);
    found.extend(units::clocked(from, to));
    found.extend(units::in_thousands(from, to));
    money::from_text(from, to, found);
    affix::ways(from, to, found);
    let mut add = |steps, cost, words: &str| found.push(Conversion::of(steps, cost, words));
    if structure.types.contains(&FieldType::Integer) {
        add(vec![convert("string", "integer")], 0.03, "text as an integer");
        if from.values.iter().any(|value| value.as_str().is_some_and(is_padded)) {
            let steps = vec![unpadded(), convert("string", "integer")];
            add(steps, 0.06, "text as an integer, without leading zeros");
        }
    } else if structure.types.contains(&FieldType::Number) {
        add(vec![convert("string", "number")], 0.03, "text as a number");
    }
    let none = ["", "-", "--", "n/a", "na", "none", "null", "nil", "nan", "unknown", "?"];
    let says_none = |text: &&str| none.contains(&text.trim().to_lowercase().as_str());
    let texts: Vec<&str> = from.values.iter().filter_map(Json::as_str).collect();
    let nones = texts.iter().filter(|text| says_none(text)).count();
    let is_number = structure.types.contains(&FieldType::Integer)
        || structure.types.contains(&FieldType::Number);
    let are_all = texts.iter().all(|text| says_none(text) || text.trim().parse::<f64>().is_ok());
    if structure.is_nullable() && is_number && are_all && nones > 0 && nones < texts.len() {
        let kind = if structure.types.contains(&FieldType::Integer) { "integer" } else { "number" };
        let mut lenient = convert("string", kind);
        lenient["onError"] = "null".into();
        add(vec![lenient], 0.06, "text as a number, null where there is none");
    }
    if structure.types.contains(&FieldType::Boolean) {
        add(vec![convert("string", "boolean")], 0.03, "text as true or false");
        found.extend(flags::truth(from, to));
    }
    if structure.types.contains(&FieldType::String) && is_strict(to) {
        spelling::ways(from, found);
    }
    times::from_text(from, to, found);
    let spells_json = |value: &Json| value.as_str().is_some_and(|t| t.starts_with(['{', '[']));
    if (structure.is_only(FieldType::Object) || structure.is_only(FieldType::Array))
        && !from.values.is_empty()
        && from.values.iter().all(spells_json)
    {
        found.push(Conversion::of(
            vec![json!({"type": "parseJson", "field": "@"})],
            0.03,
            "the JSON that the text spells",
        ));
    }
}

/// Whether two flags are called the opposite of each other.
pub fn says_opposite(from: &Leaf, to: &Leaf) -> bool {
    let last = |leaf: &Leaf| leaf.path.last().cloned().unwrap_or_default();
    let are_flags =
        types_seen(from) == [FieldType::Boolean] && to.structure.is_only(FieldType::Boolean);
    are_flags && (are_opposite(&last(from), &last(to)) || told::denies(from, to))
}

fn from_number(from: &Leaf, to: &Leaf, source: FieldType, found: &mut Vec<Conversion>) {
    let structure = &to.structure;
    times::from_number(from, to, found);
    units::scaled(from, to, found);
    found.extend(money::as_text(from, to));
    affix::ways(from, to, found);
    let name = source.name();
    let takes = |field_type| structure.types.contains(&field_type);
    if takes(FieldType::Integer) && source == FieldType::Number {
        let whole = Conversion::of(vec![convert("number", "integer")], 0.04, "a whole number");
        found.push(whole);
    }
    let is_text = !takes(FieldType::Integer) && !takes(FieldType::Number) && !is_strict(to);
    if takes(FieldType::String) && is_text {
        found.push(Conversion::of(vec![convert(name, "string")], 0.03, "the number as text"));
    }
    if takes(FieldType::Boolean) {
        found.push(Conversion::of(
            vec![convert(name, "boolean")],
            0.03,
            "0 and 1 as false and true",
        ));
    }
}

fn from_boolean(from: &Leaf, to: &Leaf, found: &mut Vec<Conversion>) {
    if to.structure.may_be(FieldType::Boolean) && says_opposite(from, to) {
        let turned =
            json!({"type": "mapValues", "field": "@", "pairs": [[true, false], [false, true]]});
        found.push(Conversion::of(vec![turned], 0.05, "true is false, the name says the opposite"));
    }
    for (field_type, name) in [
        (FieldType::String, "string"),
        (FieldType::Integer, "integer"),
        (FieldType::Number, "number"),
    ] {
        if to.structure.types.contains(&field_type) && to.structure.listed.is_none() {
            let words = format!("true and false as {name}");
            found.push(Conversion::of(vec![convert("boolean", name)], 0.04, &words));
        }
    }
}
