//! What can be asked of one value: equal, greater, one of, of a type, matching a pattern.
//!
//! Numbers are compared by their digits, so that 9007199254740993 and 9007199254740992 differ and
//! 1, 1.0 and 1e0 do not. A hash field's text is read as the type it is compared with.

use std::cmp::Ordering;

use regex::Regex;
use serde_json::Value as Json;

use super::params::type_of;
use super::step::StepMistake;
use crate::model::json::{compare_numbers, is_integer, is_number};
use crate::model::{JsonType, Value};

/// One question about a value that may be absent.
#[derive(Clone, Debug)]
pub(super) enum Predicate {
    Exists(bool),
    Equal(Json),
    NotEqual(Json),
    In(Vec<Json>),
    /// Compared with a number or a text; a value of another type does not hold.
    Compare(Comparison, Json),
    Type(Vec<Type>),
    Matches(Regex),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Comparison {
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
}

/// The types that `type` names: JSON's, and integer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Type {
    Json(JsonType),
    Integer,
}

/// The words of the predicates, for messages.
pub(super) const OPERATORS: [&str; 10] =
    ["eq", "ne", "lt", "lte", "gt", "gte", "in", "exists", "type", "matches"];

impl Predicate {
    /// Reads the predicate `operator`, which is one of [`OPERATORS`].
    pub(super) fn parse(operator: &str, operand: &Json) -> Result<Self, StepMistake> {
        let wrong = |expected: &str| StepMistake {
            path: operator.to_owned(),
            message: format!("'{operator}' is {}", type_of(operand)),
            expected: expected.to_owned(),
        };
        let compare = |comparison| {
            if operand.is_number() || operand.is_string() {
                Ok(Self::Compare(comparison, operand.clone()))
            } else {
                Err(wrong("a number or text"))
            }
        };
        match operator {
            "eq" => Ok(Self::Equal(operand.clone())),
            "ne" => Ok(Self::NotEqual(operand.clone())),
            "lt" => compare(Comparison::Less),
            "lte" => compare(Comparison::LessOrEqual),
            "gt" => compare(Comparison::Greater),
            "gte" => compare(Comparison::GreaterOrEqual),
            "in" => {
                operand.as_array().cloned().map(Self::In).ok_or_else(|| wrong("a list of values"))
            }
            "exists" => operand.as_bool().map(Self::Exists).ok_or_else(|| wrong("true or false")),
            "type" => {
                let names = match operand {
                    Json::Array(names) => names.clone(),
                    one => vec![one.clone()],
                };
                let types: Option<Vec<Type>> =
                    names.iter().map(|name| read_type(name.as_str()?)).collect();
                types.map(Self::Type).ok_or_else(|| {
                    wrong("string, number, integer, boolean, null, array or object, or a list")
                })
            }
            _ => {
                let pattern = operand.as_str().ok_or_else(|| wrong("a regular expression"))?;
                Regex::new(pattern).map(Self::Matches).map_err(|error| StepMistake {
                    path: operator.to_owned(),
                    message: regex_mistake(&error),
                    expected: "a regular expression (https://docs.rs/regex#syntax)".to_owned(),
                })
            }
        }
    }

    /// Whether it holds. An absent value equals nothing: only `ne` and `exists: false` hold.
    pub(super) fn holds(&self, value: Option<&Value<'_>>) -> bool {
        let Some(value) = value else {
            return matches!(self, Self::Exists(false) | Self::NotEqual(_));
        };
        match self {
            Self::Exists(wanted) => *wanted,
            Self::Equal(operand) => equals(value, operand),
            Self::NotEqual(operand) => !equals(value, operand),
            Self::In(operands) => operands.iter().any(|operand| equals(value, operand)),
            Self::Compare(comparison, operand) => {
                compare(value, operand).is_some_and(|ordering| comparison.fits(ordering))
            }
            Self::Type(types) => types.iter().any(|wanted| is_of_type(value, *wanted)),
            Self::Matches(regex) => value.as_str().is_some_and(|text| regex.is_match(&text)),
        }
    }
}

impl Comparison {
    fn fits(self, ordering: Ordering) -> bool {
        match self {
            Self::Less => ordering.is_lt(),
            Self::LessOrEqual => ordering.is_le(),
            Self::Greater => ordering.is_gt(),
            Self::GreaterOrEqual => ordering.is_ge(),
        }
    }
}

/// What regex says is wrong with a pattern: the last line of its message.
pub(super) fn regex_mistake(error: &regex::Error) -> String {
    error.to_string().lines().last().unwrap_or_default().to_owned()
}

fn read_type(name: &str) -> Option<Type> {
    Some(match name {
        "null" => Type::Json(JsonType::Null),
        "boolean" => Type::Json(JsonType::Boolean),
        "number" => Type::Json(JsonType::Number),
        "integer" => Type::Integer,
        "string" => Type::Json(JsonType::String),
        "array" => Type::Json(JsonType::Array),
        "object" => Type::Json(JsonType::Object),
        _ => return None,
    })
}

/// The text of a hash field, which means what it spells.
fn spelled<'v>(value: &'v Value<'_>) -> Option<&'v str> {
    match value {
        Value::Plain(bytes) => std::str::from_utf8(bytes).ok(),
        _ => None,
    }
}

fn is_of_type(value: &Value<'_>, wanted: Type) -> bool {
    if let Some(text) = spelled(value) {
        return match wanted {
            Type::Integer => is_integer(text),
            Type::Json(JsonType::Number) => is_number(text),
            Type::Json(JsonType::Boolean) => matches!(text, "true" | "false"),
            Type::Json(JsonType::String) => true,
            Type::Json(JsonType::Null) => false,
            Type::Json(JsonType::Object) => text.starts_with('{') && parsed(text).is_some(),
            Type::Json(JsonType::Array) => text.starts_with('[') && parsed(text).is_some(),
        };
    }
    match wanted {
        Type::Json(wanted) => value.json_type() == wanted,
        Type::Integer => value.json_type() == JsonType::Number && is_integer(&value.to_json()),
    }
}

fn parsed(text: &str) -> Option<Json> {
    serde_json::from_str(text).ok()
}

/// Whether a value is equal to `operand`, with numbers by what they mean.
pub(super) fn equals(value: &Value<'_>, operand: &Json) -> bool {
    match operand {
        Json::String(text) => value.as_str().is_some_and(|value| value == text.as_str()),
        Json::Number(_) => compare(value, operand) == Some(Ordering::Equal),
        Json::Null => value.is_null(),
        Json::Bool(wanted) => match spelled(value) {
            Some(text) => text == if *wanted { "true" } else { "false" },
            None => value.to_json() == if *wanted { "true" } else { "false" },
        },
        Json::Array(_) | Json::Object(_) => {
            let found = match spelled(value) {
                Some(text) => parsed(text),
                None => parsed(&value.to_json()),
            };
            found.is_some_and(|found| same(&found, operand))
        }
    }
}

fn same(a: &Json, b: &Json) -> bool {
    match (a, b) {
        (Json::Number(a), Json::Number(b)) => {
            compare_numbers(a.as_str(), b.as_str()) == Ordering::Equal
        }
        (Json::Array(a), Json::Array(b)) => {
            a.len() == b.len() && a.iter().zip(b).all(|(a, b)| same(a, b))
        }
        (Json::Object(a), Json::Object(b)) => {
            a.len() == b.len() && a.iter().all(|(name, a)| b.get(name).is_some_and(|b| same(a, b)))
        }
        (a, b) => a == b,
    }
}

/// How a value stands to a number or a text; `None` when they cannot be compared.
fn compare(value: &Value<'_>, operand: &Json) -> Option<Ordering> {
    match operand {
        Json::Number(operand) => match spelled(value) {
            Some(text) => is_number(text).then(|| compare_numbers(text, operand.as_str())),
            None => (value.json_type() == JsonType::Number)
                .then(|| compare_numbers(&value.to_json(), operand.as_str())),
        },
        Json::String(operand) => value.as_str().map(|text| text.as_ref().cmp(operand.as_str())),
        _ => None,
    }
}
