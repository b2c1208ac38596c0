//! A glance: the plain rules of a schema (types, required, enum, bounds, nested fields and items)
//! held against the slices of a document, without parsing it into values.
//!
//! `jsonschema` stays the judge: what a glance leaves unclear is settled by it, a part of a schema
//! whose rules are not plain is asked from it for that value alone, and which rules a misfit breaks
//! is told by it. A property test holds the two to the same verdicts.

use std::borrow::Cow;
use std::cmp::Ordering;

use serde_json::{Map, Number, Value as Json};

use super::compile::DIALECT;
use super::detect::Fit;
use super::reading::{Reading, type_named};
use super::validator::build;
use crate::model::limits::JSON_DEPTH_MAX;
use crate::model::{Document, JsonType, Storage, Value, json};

/// How deep a schema may nest to be glanced at.
const DEPTH_MAX: usize = 16;
/// The most fields of an object that are glanced at.
const FIELDS_MAX: usize = u128::BITS as usize;

/// Keywords that rule nothing.
const NOTES: [&str; 6] = ["$schema", "$comment", "title", "description", "default", "examples"];

/// Keywords whose meaning depends on more than the place they stand at.
const FAR: [&str; 8] = [
    "$ref",
    "$dynamicRef",
    "$recursiveRef",
    "$id",
    "$anchor",
    "$dynamicAnchor",
    "$defs",
    "definitions",
];

/// What a glance told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Glanced {
    /// The document fits.
    Fits,
    /// It breaks a rule.
    Misfits,
    /// Only the validator can tell.
    Unclear,
}

/// The plain rules of a schema.
#[derive(Debug)]
pub(super) struct Glance {
    root: ObjectRules,
}

/// The rules for one value.
#[derive(Debug, Default)]
struct Rules {
    /// The types it may have; `None` for any.
    types: Option<Vec<JsonType>>,
    /// Whether a number has to be an integer.
    is_integer: bool,
    values: Option<Vec<Json>>,
    /// The fewest and the most characters of a text.
    length: (Option<u64>, Option<u64>),
    minimum: Option<Number>,
    maximum: Option<Number>,
    object: Option<ObjectRules>,
    items: Option<Box<Self>>,
    /// The rules, when they are not plain.
    asked: Option<Box<jsonschema::Validator>>,
}

#[derive(Debug, Default)]
struct ObjectRules {
    /// Declared and required fields, sorted by name.
    fields: Vec<FieldRules>,
    /// Whether fields are declared at all.
    declares: bool,
    is_closed: bool,
}

#[derive(Debug)]
struct FieldRules {
    name: String,
    is_declared: bool,
    is_required: bool,
    rules: Rules,
}

/// A value as the rules see it.
enum Seen<'v> {
    /// JSON text.
    Raw(Cow<'v, str>),
    /// A text that stands in a hash.
    Text(Cow<'v, str>),
}

/// Whether a parser surely reads this JSON text, which is grammatical: it does not nest too deep,
/// and holds neither a lone surrogate nor the names that serde_json keeps for itself.
pub(super) fn surely_readable(text: &[u8]) -> bool {
    let opened = text.iter().filter(|byte| matches!(byte, b'{' | b'[')).count();
    let no_surrogate =
        || !text.contains(&b'\\') || !text.windows(3).any(|w| matches!(w, b"\\ud" | b"\\uD"));
    let no_secret = || !text.contains(&b'$') || !text.windows(12).any(|w| w == b"$serde_json:");
    opened < JSON_DEPTH_MAX && no_surrogate() && no_secret()
}

impl Glance {
    /// The plain rules of a schema; `None` when a look would not be worth it.
    pub fn new(json_schema: &Json) -> Option<Self> {
        let dialect = json_schema.get("$schema").and_then(Json::as_str).unwrap_or(DIALECT);
        if dialect.trim_end_matches('#') != DIALECT || reaches_far(json_schema) {
            return None;
        }
        let rules = Rules::new(json_schema, 0)?;
        let is_of_object = rules.types.is_none_or(|types| types.contains(&JsonType::Object));
        let is_plain = is_of_object && rules.asked.is_none() && rules.values.is_none();
        is_plain.then(|| Self { root: rules.object.unwrap_or_default() })
    }

    /// Holds the rules against a document whose text is [`surely_readable`]. `reading` matters only
    /// for a hash.
    pub fn at(&self, document: &Document<'_>, reading: &Reading) -> Glanced {
        let required = || self.root.fields.iter().filter(|field| field.is_required);
        if required().any(|field| document.root.position(&field.name).is_none()) {
            return Glanced::Misfits;
        }
        let members = document.root.members().iter();
        let members = members.map(|member| (member.name.text(), &member.value));
        if document.storage() == Storage::Hash {
            self.root.over(members, |name, value| as_read(name, value, reading))
        } else {
            self.root.over(members, |_, value| Seen::Raw(value.to_json()))
        }
    }

    /// How specific the schema is to a document that fits it; `None` when that is unclear.
    pub fn fit(&self, document: &Document<'_>, reading: &Reading) -> Option<Fit> {
        let mut fit = Fit::default();
        let is_hash = document.storage() == Storage::Hash;
        let members = document.root.members().iter().map(|member| {
            let name = member.name.text();
            let seen = if is_hash {
                as_read(&name, &member.value, reading)
            } else {
                Seen::Raw(member.value.to_json())
            };
            (name, seen)
        });
        self.root.count(members.collect(), &mut fit)?;
        Some(fit)
    }
}

/// Whether a keyword stands anywhere that looks beyond its own place.
fn reaches_far(schema: &Json) -> bool {
    match schema {
        Json::Object(map) => {
            map.iter().any(|(key, value)| FAR.contains(&key.as_str()) || reaches_far(value))
        }
        Json::Array(items) => items.iter().any(reaches_far),
        _ => false,
    }
}

/// A hash's field as a schema reads it: as [`Reading::read`] does, without the value.
fn as_read<'v>(name: &str, value: &'v Value<'_>, reading: &Reading) -> Seen<'v> {
    // What a transform left is judged as it will be read back: as plain text.
    let Some(bytes) = value.to_plain() else { return Seen::Raw(Cow::Borrowed("null")) };
    if reading.reads_only_text(name)
        && let Cow::Borrowed(bytes) = bytes
    {
        return Seen::Text(String::from_utf8_lossy(bytes));
    }
    match reading.read(name, &bytes) {
        Json::String(text) => Seen::Text(Cow::Owned(text)),
        other => Seen::Raw(Cow::Owned(other.to_string())),
    }
}

impl Rules {
    /// `None` when they cannot be held against a value on their own.
    fn new(schema: &Json, depth: usize) -> Option<Self> {
        match schema {
            Json::Object(map) if depth < DEPTH_MAX => match Self::plain(map, depth) {
                Some(rules) => Some(rules),
                None => Self::asked(schema),
            },
            Json::Bool(true) => Some(Self::default()),
            _ => Self::asked(schema),
        }
    }

    fn asked(schema: &Json) -> Option<Self> {
        Some(Self { asked: Some(Box::new(build(schema).ok()?)), ..Self::default() })
    }

    /// `None` when a rule is not plain.
    fn plain(map: &Map<String, Json>, depth: usize) -> Option<Self> {
        let mut rules = Self::default();
        for (key, value) in map {
            match key.as_str() {
                "type" => rules.set_types(value)?,
                "enum" => rules.values = Some(value.as_array()?.clone()),
                "minLength" => rules.length.0 = Some(value.as_u64()?),
                "maxLength" => rules.length.1 = Some(value.as_u64()?),
                "minimum" => rules.minimum = Some(value.as_number()?.clone()),
                "maximum" => rules.maximum = Some(value.as_number()?.clone()),
                "items" => rules.items = Some(Box::new(Self::new(value, depth + 1)?)),
                "properties" | "required" | "additionalProperties" => {}
                key if NOTES.contains(&key) => {}
                _ => return None,
            }
        }
        rules.object = Some(ObjectRules::of(map, depth)?).filter(|object| !object.is_empty());
        Some(rules)
    }

    fn set_types(&mut self, value: &Json) -> Option<()> {
        let names: Vec<&str> = match value {
            Json::String(name) => vec![name],
            Json::Array(names) => names.iter().map(Json::as_str).collect::<Option<_>>()?,
            _ => return None,
        };
        self.is_integer = names.contains(&"integer") && !names.contains(&"number");
        self.types = Some(names.into_iter().map(type_named).collect::<Option<_>>()?);
        Some(())
    }

    fn at(&self, seen: &Seen<'_>) -> Glanced {
        if let Some(validator) = &self.asked {
            return ask(validator, seen);
        }
        let found = seen.json_type();
        if self.types.as_ref().is_some_and(|types| !types.contains(&found)) {
            return Glanced::Misfits;
        }
        let mut told = Glanced::Fits;
        if let Some(values) = &self.values {
            told = told.and(seen.is_one_of(values));
        }
        match (found, seen) {
            (JsonType::String, _) if self.length != (None, None) => {
                let length = seen.text().chars().count() as u64;
                let (least, most) = self.length;
                let fits = least.is_none_or(|least| length >= least)
                    && most.is_none_or(|most| length <= most);
                told.and(if fits { Glanced::Fits } else { Glanced::Misfits })
            }
            (JsonType::Number, Seen::Raw(text)) => told.and(self.at_number(text)),
            (JsonType::Object, Seen::Raw(text)) => match &self.object {
                Some(object) => told.and(object.at(text)),
                None => told,
            },
            (JsonType::Array, Seen::Raw(text)) => match &self.items {
                Some(items) => told.and(items.at_each(text)),
                None => told,
            },
            _ => told,
        }
    }

    fn at_number(&self, text: &str) -> Glanced {
        let mut told = Glanced::Fits;
        // A fraction may be zero, and an exponent may undo one.
        if self.is_integer && !json::is_integer(text) {
            told = Glanced::Unclear;
        }
        let within = |bound: &Number, wrong: Ordering| match compare(text, bound) {
            Some(ordering) if ordering == wrong => Glanced::Misfits,
            Some(_) => Glanced::Fits,
            None => Glanced::Unclear,
        };
        if let Some(minimum) = &self.minimum {
            told = told.and(within(minimum, Ordering::Less));
        }
        if let Some(maximum) = &self.maximum {
            told = told.and(within(maximum, Ordering::Greater));
        }
        told
    }

    fn at_each(&self, text: &str) -> Glanced {
        let Ok(spans) = json::items(text) else { return Glanced::Unclear };
        spans.into_iter().fold(Glanced::Fits, |told, span| {
            told.and(self.at(&Seen::Raw(Cow::Borrowed(&text[span]))))
        })
    }
}

/// How a number stands to a bound, where that is beyond doubt: two integers, or two that differ as
/// doubles (rounding never turns an order around).
fn compare(text: &str, bound: &Number) -> Option<Ordering> {
    if let (Ok(number), Some(bound)) = (text.parse::<i64>(), bound.as_i64()) {
        return Some(number.cmp(&bound));
    }
    let (number, bound) = (text.parse::<f64>().ok()?, bound.as_f64()?);
    let is_finite = number.is_finite() && bound.is_finite();
    number.partial_cmp(&bound).filter(|ordering| is_finite && *ordering != Ordering::Equal)
}

fn ask(validator: &jsonschema::Validator, seen: &Seen<'_>) -> Glanced {
    let value = match seen {
        Seen::Text(text) => Json::String(text.clone().into_owned()),
        Seen::Raw(text) => match serde_json::from_str(text) {
            Ok(value) => value,
            Err(_) => return Glanced::Unclear,
        },
    };
    if validator.is_valid(&value) { Glanced::Fits } else { Glanced::Misfits }
}

impl ObjectRules {
    /// The rules for an object in a schema; `None` when they are not plain.
    fn of(map: &Map<String, Json>, depth: usize) -> Option<Self> {
        let (properties, required) = (map.get("properties"), map.get("required"));
        let is_closed = match map.get("additionalProperties") {
            None | Some(Json::Bool(true)) => false,
            Some(Json::Bool(false)) => true,
            Some(_) => return None,
        };
        let mut rules = Self { declares: properties.is_some(), is_closed, ..Self::default() };
        for (name, schema) in properties.map_or(Some(&Map::new()), Json::as_object)? {
            let inner = Rules::new(schema, depth + 1)?;
            let name = name.clone();
            let field = FieldRules { name, is_declared: true, is_required: false, rules: inner };
            rules.fields.push(field);
        }
        for name in required.map_or(Some(&Vec::new()), Json::as_array)? {
            let name = name.as_str()?;
            match rules.fields.iter_mut().find(|field| field.name == name) {
                Some(field) => field.is_required = true,
                None => rules.fields.push(FieldRules {
                    name: name.to_owned(),
                    is_declared: false,
                    is_required: true,
                    rules: Rules::default(),
                }),
            }
        }
        rules.fields.sort_by(|a, b| a.name.cmp(&b.name));
        (rules.fields.len() <= FIELDS_MAX).then_some(rules)
    }

    fn is_empty(&self) -> bool {
        self.fields.is_empty() && !self.declares && !self.is_closed
    }

    fn place(&self, name: &str) -> Option<usize> {
        self.fields.binary_search_by(|field| field.name.as_str().cmp(name)).ok()
    }

    fn at(&self, text: &str) -> Glanced {
        let Ok(spans) = json::members(text) else { return Glanced::Unclear };
        let members = spans.iter().map(|span| (json::unquote(&text[span.name.clone()]), span));
        self.over(members, |_, span| Seen::Raw(Cow::Borrowed(&text[span.value.clone()])))
    }

    /// Holds the rules against members, whose values `see` shows.
    fn over<'n, V>(
        &self,
        members: impl Iterator<Item = (Cow<'n, str>, V)>,
        see: impl Fn(&str, V) -> Seen<'n>,
    ) -> Glanced {
        let mut present = 0_u128;
        let mut told = Glanced::Fits;
        for (name, value) in members {
            let at = self.place(&name);
            if let Some(at) = at {
                // Of a name that stands twice readers take the last; a glance does not go back.
                if present & 1 << at != 0 {
                    return Glanced::Unclear;
                }
                present |= 1 << at;
            }
            if told == Glanced::Misfits {
                continue;
            }
            match at.map(|at| &self.fields[at]) {
                Some(field) if field.is_declared => {
                    told = told.and(field.rules.at(&see(&name, value)));
                }
                _ if self.is_closed => told = Glanced::Misfits,
                _ => {}
            }
        }
        let missing =
            |(at, field): (usize, &FieldRules)| field.is_required && present & 1 << at == 0;
        if self.fields.iter().enumerate().any(missing) { Glanced::Misfits } else { told }
    }

    /// Counts which members the schema declares; `None` when that is unclear.
    fn count(&self, mut members: Vec<(Cow<'_, str>, Seen<'_>)>, fit: &mut Fit) -> Option<()> {
        members.sort_by(|a, b| a.0.cmp(&b.0));
        if members.windows(2).any(|pair| pair[0].0 == pair[1].0) {
            return None;
        }
        for (name, seen) in members {
            let field = self.place(&name).map(|at| &self.fields[at]);
            if field.is_some_and(|field| field.is_required) {
                fit.required_present += 1;
            }
            match field.filter(|field| field.is_declared) {
                Some(field) => {
                    fit.declared_present += 1;
                    if let (JsonType::Object, Seen::Raw(text)) = (seen.json_type(), &seen) {
                        field.rules.count(text, fit)?;
                    }
                }
                None if self.declares => fit.undeclared -= 1,
                None => {}
            }
        }
        Some(())
    }
}

impl Rules {
    fn count(&self, text: &str, fit: &mut Fit) -> Option<()> {
        if self.asked.is_some() {
            return None;
        }
        let Some(object) = &self.object else { return Some(()) };
        let spans = json::members(text).ok()?;
        let member = |span: &json::MemberSpan| {
            let name = json::unquote(&text[span.name.clone()]);
            (name, Seen::Raw(Cow::Borrowed(&text[span.value.clone()])))
        };
        object.count(spans.iter().map(member).collect(), fit)
    }
}

impl Glanced {
    fn and(self, other: Self) -> Self {
        match (self, other) {
            (Self::Misfits, _) | (_, Self::Misfits) => Self::Misfits,
            (Self::Unclear, _) | (_, Self::Unclear) => Self::Unclear,
            (Self::Fits, Self::Fits) => Self::Fits,
        }
    }
}

impl Seen<'_> {
    fn json_type(&self) -> JsonType {
        match self {
            Self::Text(_) => JsonType::String,
            Self::Raw(text) => json::type_of(text),
        }
    }

    /// The content of a text.
    fn text(&self) -> Cow<'_, str> {
        match self {
            Self::Text(text) => Cow::Borrowed(text),
            Self::Raw(text) => json::unquote(text),
        }
    }

    fn is_one_of(&self, values: &[Json]) -> Glanced {
        let told = |fits: bool| if fits { Glanced::Fits } else { Glanced::Misfits };
        match (self.json_type(), self) {
            (JsonType::String, _) => {
                let text = self.text();
                told(values.iter().any(|value| value.as_str() == Some(&text)))
            }
            (JsonType::Number, Self::Raw(text)) => {
                // Numbers are equal by value, however they are written.
                let are_integers = values.iter().all(|v| !v.is_number() || v.as_i64().is_some());
                match text.parse::<i64>() {
                    Ok(number) if are_integers => {
                        told(values.iter().any(|value| value.as_i64() == Some(number)))
                    }
                    _ => Glanced::Unclear,
                }
            }
            (JsonType::Null, _) => told(values.contains(&Json::Null)),
            (JsonType::Boolean, Self::Raw(text)) => {
                told(values.contains(&Json::Bool(text == "true")))
            }
            _ => Glanced::Unclear,
        }
    }
}
