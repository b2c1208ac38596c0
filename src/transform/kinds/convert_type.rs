//! `convertType`: the same value as another type.

use std::borrow::Cow;

use serde_json::{Value as Json, json};

use super::{Kind, ON_MISSING, Parameter};
use crate::model::json::{is_integer, is_number};
use crate::model::{Document, JsonType, Path, Value};
use crate::transform::{Facts, OnMissing, Params, Place, Refusal, Template, Transform};

pub(super) const KIND: Kind = Kind {
    name: "convertType",
    summary: "Writes a value as another type: text, number, integer or boolean. Never rounds and \
              never guesses: a value that has no exact form in the new type is refused.",
    parameters: &[
        Parameter { name: "field", form: "a path", optional: false, help: "the field" },
        Parameter {
            name: "to",
            form: "string, number, integer or boolean",
            optional: false,
            help: "the new type",
        },
        Parameter {
            name: "onError",
            form: "fail, default, null or keep",
            optional: true,
            help: "what a value that does not convert becomes: the document fails (default), the \
                   value of 'default', null, or it stays as it is",
        },
        Parameter {
            name: "default",
            form: "a JSON value",
            optional: true,
            help: "the value for onError: default",
        },
        ON_MISSING,
    ],
    parse,
};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum To {
    String,
    Number,
    Integer,
    Boolean,
}

impl To {
    const WORDS: [(&'static str, Self); 4] = [
        ("string", Self::String),
        ("number", Self::Number),
        ("integer", Self::Integer),
        ("boolean", Self::Boolean),
    ];

    fn name(self) -> &'static str {
        Self::WORDS[self as usize].0
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum OnError {
    Fail,
    Default,
    Null,
    Keep,
}

#[derive(Debug)]
struct ConvertType {
    field: Place,
    to: To,
    on_error: OnError,
    default: Option<Template>,
    on_missing: OnMissing,
}

fn parse(params: &mut Params<'_>) -> Option<Box<dyn Transform>> {
    let field = params.place("field");
    let to = params.required("to").is_some().then(|| params.word("to", &To::WORDS, To::String));
    let words = [
        ("fail", OnError::Fail),
        ("default", OnError::Default),
        ("null", OnError::Null),
        ("keep", OnError::Keep),
    ];
    let on_error = params.word("onError", &words, OnError::Fail);
    let default = match on_error {
        OnError::Default => Some(params.template("default")?),
        _ => params.optional("default").and(None),
    };
    let on_missing = params.on_missing(OnMissing::Fail);
    Some(Box::new(ConvertType { field: field?, to: to?, on_error, default, on_missing }))
}

impl ConvertType {
    fn convert<'a>(&self, value: &Value<'a>) -> Option<Value<'a>> {
        let found = value.json_type();
        let raw = |text: &str| Some(Value::Raw(Cow::Owned(text.to_owned())));
        match (self.to, found) {
            (To::String, JsonType::String)
            | (To::Number, JsonType::Number)
            | (To::Boolean, JsonType::Boolean) => Some(value.clone()),
            (To::String, JsonType::Number | JsonType::Boolean) => {
                raw(&format!("\"{}\"", value.to_json()))
            }
            (To::Number, JsonType::String) => {
                let text = value.as_str()?;
                is_number(&text).then(|| raw(&text))?
            }
            (To::Integer, JsonType::Number) => raw(&whole_number(&value.to_json())?),
            (To::Integer, JsonType::String) => {
                let text = value.as_str()?;
                is_integer(&text).then(|| raw(&text))?
            }
            (To::Number | To::Integer, JsonType::Boolean) => {
                raw(if value.to_json() == "true" { "1" } else { "0" })
            }
            (To::Boolean, JsonType::Number | JsonType::String) => {
                let text = value.as_str().unwrap_or_else(|| value.to_json());
                match text.as_ref() {
                    "1" => raw("true"),
                    "0" => raw("false"),
                    word if word.eq_ignore_ascii_case("true") => raw("true"),
                    word if word.eq_ignore_ascii_case("false") => raw("false"),
                    _ => None,
                }
            }
            _ => None,
        }
    }
}

/// The number `text` without fraction and exponent, when it is a whole number: `1.0` is `1`, `1e2`
/// is `100`. Works on the digits, so nothing is rounded at any size.
fn whole_number(text: &str) -> Option<String> {
    const DIGITS_MAX: i64 = 400;
    if is_integer(text) {
        return Some(text.to_owned());
    }
    let (sign, text) = text.strip_prefix('-').map_or(("", text), |rest| ("-", rest));
    let (mantissa, exponent) = text.split_once(['e', 'E']).unwrap_or((text, "0"));
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let fraction = fraction.trim_end_matches('0');
    let digits = format!("{whole}{fraction}");
    let shift = exponent.parse::<i64>().ok()? - i64::try_from(fraction.len()).ok()?;
    let digits = if shift < 0 {
        let cut = digits.len().checked_sub(usize::try_from(-shift).ok()?)?;
        let (kept, dropped) = digits.split_at(cut);
        dropped.bytes().all(|digit| digit == b'0').then(|| kept.to_owned())?
    } else if shift <= DIGITS_MAX {
        digits + &"0".repeat(usize::try_from(shift).ok()?)
    } else {
        return None;
    };
    let digits = digits.trim_start_matches('0');
    Some(if digits.is_empty() { "0".to_owned() } else { format!("{sign}{digits}") })
}

impl Transform for ConvertType {
    fn apply(&self, document: &mut Document<'_>, facts: &Facts<'_>) -> Result<(), Refusal> {
        self.field.each(document, self.on_missing, &mut |object| {
            let Some((parent, at)) = self.field.find_or(object, self.on_missing)? else {
                return Ok(());
            };
            let value = parent.value_mut(at);
            let converted = match (self.convert(value), self.on_error) {
                (Some(converted), _) => converted,
                (None, OnError::Keep) => return Ok(()),
                (None, OnError::Null) => Value::NULL,
                (None, OnError::Default) => {
                    let template = self.default.as_ref().expect("parse asks for it");
                    template.render(&self.field.path().to_string(), facts)?
                }
                (None, OnError::Fail) => {
                    let reason = format!("the value has no exact form as {}", self.to.name());
                    let shown = value.to_json().into_owned();
                    return Err(Refusal::new(self.field.path(), reason).found(shown));
                }
            };
            *value = converted;
            Ok(())
        })
    }

    fn inverse(&self) -> Option<Vec<Json>> {
        // What type the values had is not declared here: text is by far the most common source, and
        // the planner proves an inverse on samples before anybody relies on it.
        let back = if self.to == To::String { "number" } else { "string" };
        let mut step = json!({"type": "convertType", "field": self.field.path(), "to": back});
        if self.on_missing == OnMissing::Skip {
            step["onMissing"] = "skip".into();
        }
        Some(vec![step])
    }

    fn loss(&self) -> Option<String> {
        let field = self.field.path();
        match self.on_error {
            OnError::Default | OnError::Null => {
                Some(format!("values of '{field}' that do not convert are replaced"))
            }
            _ => Some(format!("which type a value of '{field}' had is not known afterwards")),
        }
    }

    fn touches(&self) -> Vec<Path> {
        vec![self.field.path().clone()]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whole_numbers_are_exact_at_any_size() {
        for (text, whole) in [
            ("1.0", Some("1")),
            ("1e2", Some("100")),
            ("-0.0", Some("0")),
            ("12345678901234567890", Some("12345678901234567890")),
            ("1234567890123456789.5e1", Some("12345678901234567895")),
            ("100e-2", Some("1")),
            ("1.5", None),
            ("1e-1", None),
            ("1e999999999", None),
        ] {
            assert_eq!(whole_number(text).as_deref(), whole, "{text}");
        }
    }
}
