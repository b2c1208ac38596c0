//! One rule of a schema that a document breaks, in words for an operator.

use std::fmt;

use jsonschema::error::{TypeKind, ValidationErrorKind as Kind};
use jsonschema::paths::LocationSegment;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::mistake::type_name;

/// Characters of a value that a message shows.
const SHOWN_CHARACTERS_MAX: usize = 60;

/// A broken rule. Grouping by `path` and `rule` gives what is wrong with many documents.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Violation {
    /// Where in the document: `address.city`, `items[0].price`; empty for the document itself. A
    /// missing field and one too many are named themselves.
    pub path: String,
    /// The keyword of JSON Schema that is broken: `required`, `type`, …
    pub rule: String,
    /// What stands there, as JSON text, shortened; `nothing` for a missing field.
    pub found: String,
    /// What the schema asks for.
    pub expected: String,
    /// The whole as a sentence.
    pub message: String,
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl Violation {
    /// A violation whose sentence says path, what was found and what was expected.
    pub fn new(path: String, rule: &str, found: String, expected: String) -> Self {
        let place = if path.is_empty() { "the document" } else { &path };
        let message = match rule {
            "required" => format!("{place} is missing; expected {expected}"),
            "additionalProperties" | "unevaluatedProperties" => {
                format!("{place} is not declared, and the schema allows no other fields")
            }
            _ => format!("{place} is {found}; expected {expected}"),
        };
        Self { path, rule: rule.to_owned(), found, expected, message }
    }
}

/// `value` as JSON text that fits into a sentence.
pub fn shown(value: &Value) -> String {
    let text = value.to_string();
    if text.chars().count() <= SHOWN_CHARACTERS_MAX {
        return text;
    }
    let cut: String = text.chars().take(SHOWN_CHARACTERS_MAX).collect();
    format!("{cut}… ({}, {} bytes)", type_name(value), text.len())
}

/// The violations that one error of the validator stands for: a list of fields too many becomes
/// one violation for each.
pub fn violations_of(error: &jsonschema::ValidationError<'_>, document: &Value) -> Vec<Violation> {
    let path = document_path(error.instance_path(), document);
    let instance = error.instance();
    let rule = error.kind().keyword();
    match error.kind() {
        Kind::Required { property } => {
            let name = property.as_str().map_or_else(|| property.to_string(), str::to_owned);
            let expected = "the field to stand (it is required)".to_owned();
            vec![Violation::new(joined(&path, &name), rule, "nothing".to_owned(), expected)]
        }
        Kind::AdditionalProperties { unexpected } | Kind::UnevaluatedProperties { unexpected } => {
            let one = |name: &String| {
                let found = instance.get(name).map_or_else(|| "a field".to_owned(), shown);
                Violation::new(joined(&path, name), rule, found, "no such field".to_owned())
            };
            unexpected.iter().map(one).collect()
        }
        kind => vec![Violation::new(path, rule, shown(instance), expected(kind, document))],
    }
}

/// What a rule asks for, in words.
fn expected(kind: &Kind, document: &Value) -> String {
    match kind {
        Kind::Type { kind: TypeKind::Single(json_type) } => json_type.to_string(),
        Kind::Type { kind: TypeKind::Multiple(types) } => {
            let names: Vec<String> = types.iter().map(|json_type| json_type.to_string()).collect();
            super::mistake::one_of(names.iter().map(String::as_str))
        }
        Kind::Enum { options } => {
            let options = options.as_array().map_or(&[][..], Vec::as_slice);
            let names: Vec<String> = options.iter().map(shown).collect();
            format!("one of {}", super::mistake::one_of(names.iter().map(String::as_str)))
        }
        Kind::Constant { expected_value } => shown(expected_value),
        Kind::Minimum { limit } => format!("{limit} or more"),
        Kind::Maximum { limit } => format!("{limit} or less"),
        Kind::ExclusiveMinimum { limit } => format!("more than {limit}"),
        Kind::ExclusiveMaximum { limit } => format!("less than {limit}"),
        Kind::MultipleOf { multiple_of } => format!("a multiple of {multiple_of}"),
        Kind::MinLength { limit } => limited(*limit, "character", "more"),
        Kind::MaxLength { limit } => limited(*limit, "character", "fewer"),
        Kind::MinItems { limit } => limited(*limit, "item", "more"),
        Kind::MaxItems { limit } => limited(*limit, "item", "fewer"),
        Kind::AdditionalItems { limit } => limited(*limit, "item", "fewer"),
        Kind::MinProperties { limit } => limited(*limit, "field", "more"),
        Kind::MaxProperties { limit } => limited(*limit, "field", "fewer"),
        Kind::Pattern { pattern } => format!("a match of /{pattern}/"),
        Kind::Format { format } => format!("the format {format}"),
        Kind::UniqueItems => "items that differ from each other".to_owned(),
        Kind::Contains => "an item that fits 'contains'".to_owned(),
        Kind::UnevaluatedItems { .. } => "no other items".to_owned(),
        Kind::FalseSchema => "nothing here".to_owned(),
        Kind::Not { schema } => format!("anything but what fits {}", shown(schema)),
        Kind::OneOfMultipleValid { .. } => {
            "exactly one of the alternatives, not several".to_owned()
        }
        Kind::AnyOf { context } | Kind::OneOfNotValid { context } => {
            alternatives(context, document)
        }
        Kind::PropertyNames { error } => format!("other field names: {error}"),
        other => format!("the rule '{}' to hold", other.keyword()),
    }
}

/// `1 item or fewer`: the limit of a size in words. `limit` is u64 or usize.
fn limited(limit: impl TryInto<u64>, what: &str, or: &str) -> String {
    let limit = limit.try_into().unwrap_or(u64::MAX);
    let plural = if limit == 1 { "" } else { "s" };
    format!("{limit} {what}{plural} or {or}")
}

/// Of several alternatives that all fail, the one whose failure lies deepest was most likely meant.
fn alternatives(context: &[Vec<jsonschema::ValidationError<'static>>], document: &Value) -> String {
    let depth = |errors: &&Vec<jsonschema::ValidationError<'static>>| {
        let deepest = errors.iter().map(|e| e.instance_path().iter().count()).max();
        (deepest.unwrap_or(0), usize::MAX - errors.len())
    };
    let nearest = context.iter().max_by_key(depth);
    let inner = nearest.and_then(|errors| errors.first());
    let all = format!("one of {} alternatives", context.len());
    match inner.map(|error| violations_of(error, document)) {
        Some(violations) if !violations.is_empty() => {
            format!("{all} (of the nearest: {})", violations[0].message)
        }
        _ => all,
    }
}

fn joined(path: &str, name: &str) -> String {
    let name = name.replace('\\', "\\\\").replace('.', "\\.").replace('[', "\\[");
    if path.is_empty() { name } else { format!("{path}.{name}") }
}

/// A location as a path of the document. The document tells a field named `0` from an item.
fn document_path(location: &jsonschema::paths::Location, document: &Value) -> String {
    let mut path = String::new();
    let mut at = Some(document);
    for segment in location {
        let name = match &segment {
            LocationSegment::Property(name) => name.to_string(),
            LocationSegment::Index(index) => index.to_string(),
        };
        match at {
            Some(Value::Array(items)) => {
                path.extend(["[", &name, "]"]);
                at = name.parse::<usize>().ok().and_then(|index| items.get(index));
            }
            other => {
                path = joined(&path, &name);
                at = other.and_then(|value| value.get(&name));
            }
        }
    }
    path
}
