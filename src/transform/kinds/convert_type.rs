//! `convertType`: the same value as another type.

use serde_json::{Value as Json, json};

use super::scalar::{self, Form, Reading};
use super::{Kind, ON_MISSING, Parameter};
use crate::model::{Document, Path, Value};
use crate::transform::{Facts, Loss, OnMissing, Params, Refusal, Spot, Template, Transform};

const FORMS: &str = "string, number, integer, boolean, null, array, date, dateTime, epochSeconds \
                     or epochMillis";

pub(super) const KIND: Kind = Kind {
    name: "convertType",
    summary: "Writes a value as another type: text, number, integer, boolean, array, null, a date, \
              a time or seconds since 1970. Never rounds and never guesses: a value that has no \
              exact form in the new type is refused.",
    parameters: &[
        Parameter { name: "field", form: "a path", optional: false, help: "the field" },
        Parameter {
            name: "from",
            form: FORMS,
            optional: true,
            help: "the type the values have; others are refused, and the inverse knows what to go \
                   back to. Numbers become dates only when this says which epoch they count from",
        },
        Parameter { name: "to", form: FORMS, optional: false, help: "the new type" },
        Parameter {
            name: "fromFormat",
            form: "a strftime pattern",
            optional: true,
            help: "how dates or times are written now, as in %d.%m.%Y; ISO 8601 when left out",
        },
        Parameter {
            name: "toFormat",
            form: "a strftime pattern",
            optional: true,
            help: "how dates or times are to be written; ISO 8601 when left out",
        },
        Parameter {
            name: "zone",
            form: "UTC or an offset as +02:00",
            optional: true,
            help: "the zone of times that are written without one; such times are refused when \
                   left out",
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
enum OnError {
    Fail,
    Default,
    Null,
    Keep,
}

#[derive(Debug)]
struct ConvertType {
    field: Spot,
    reading: Reading,
    on_error: OnError,
    default: Option<Template>,
    on_missing: OnMissing,
}

fn parse(params: &mut Params<'_>) -> Option<Box<dyn Transform>> {
    let field = params.spot("field");
    let from =
        params.optional("from").is_some().then(|| params.word("from", &Form::WORDS, Form::String));
    let to = params.required("to").is_some().then(|| params.word("to", &Form::WORDS, Form::String));
    let from_format = params.optional_text("fromFormat").map(str::to_owned);
    let to_format = params.optional_text("toFormat").map(str::to_owned);
    let zone = params.optional_text("zone").and_then(|text| {
        let zone = scalar::zone(text);
        if zone.is_none() {
            let message = format!("'zone' is '{text}'");
            params.refuse("zone", message, "UTC or an offset such as +02:00");
        }
        zone
    });
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
    let (field, to) = (field?, to?);
    for (name, given, form) in
        [("fromFormat", &from_format, from), ("toFormat", &to_format, Some(to))]
    {
        if given.is_some() && !form.is_some_and(Form::is_written_time) {
            let message = format!("'{name}' is given for what is no date and no dateTime");
            params.refuse(name, message, "'from' or 'to' with date or dateTime");
        }
    }
    if let Some(from) = from.filter(|from| to.is_time() && !from.may_be_time()) {
        let message = format!("'{}' does not say which moment a value means", from.name());
        params.refuse("from", message, "epochSeconds, epochMillis, date, dateTime or string");
        return None;
    }
    let reading = Reading { from, to, from_format, to_format, zone };
    Some(Box::new(ConvertType { field, reading, on_error, default, on_missing }))
}

impl Transform for ConvertType {
    fn apply(&self, document: &mut Document<'_>, facts: &Facts<'_>) -> Result<(), Refusal> {
        self.field.each(document, self.on_missing, &mut |value| {
            let converted = match (self.reading.convert(value), self.on_error) {
                (Some(converted), _) => converted,
                (None, OnError::Keep) => return Ok(()),
                (None, OnError::Null) => Value::NULL,
                (None, OnError::Default) => {
                    let template = self.default.as_ref().expect("parse asks for it");
                    template.render(&self.field.path().to_string(), facts)?
                }
                (None, OnError::Fail) => return Err(self.refuse(value)),
            };
            *value = converted;
            Ok(())
        })
    }

    fn inverse(&self) -> Option<Vec<Json>> {
        let Reading { from, to, from_format, to_format, zone: _ } = &self.reading;
        let field = self.field.path();
        // Without a declared type, text is by far the most common one, and the planner proves an
        // inverse on samples before anybody relies on it.
        let assumed = if *to == Form::String { Form::Number } else { Form::String };
        let mut step = match (from, to) {
            (Some(Form::Null), _) | (_, Form::Null) => return None,
            (_, Form::Array) => json!({"type": "hoistField", "field": field}),
            (Some(from), to) => {
                // A type that is no time goes back to the type a time is written in.
                let back = if to.is_time() { *from } else { from.plain() };
                json!({"type": "convertType", "field": field, "from": to.name(), "to": back.name()})
            }
            (None, _) => json!({"type": "convertType", "field": field, "to": assumed.name()}),
        };
        if let Some(format) = to_format {
            step["fromFormat"] = format.as_str().into();
        }
        if let Some(format) = from_format {
            step["toFormat"] = format.as_str().into();
        }
        if let Some(zone) = self.reading.zone_text() {
            step["zone"] = zone.into();
        }
        if self.on_missing == OnMissing::Skip {
            step["onMissing"] = "skip".into();
        }
        if self.on_error == OnError::Keep && *to != Form::Array {
            step["onError"] = "keep".into();
        }
        Some(vec![step])
    }

    fn loss(&self) -> Option<Loss> {
        let field = self.field.path();
        match (self.on_error, self.reading.from) {
            (OnError::Default | OnError::Null, _) => {
                let what = format!("values of '{field}' that do not convert are replaced");
                Some(Loss::values(what))
            }
            (OnError::Keep, _) | (OnError::Fail, None) => {
                let what = format!("which type a value of '{field}' had is not known afterwards");
                Some(Loss::origin(what))
            }
            (OnError::Fail, Some(from)) => {
                let what = self.reading.form_lost(from)?;
                Some(Loss::form(format!("{what} of '{field}' is not kept")))
            }
        }
    }

    fn touches(&self) -> Vec<Path> {
        vec![self.field.path().clone()]
    }
}

impl ConvertType {
    fn refuse(&self, value: &Value<'_>) -> Refusal {
        let to = self.reading.to.name();
        let reason = match self.reading.from {
            Some(from) if !scalar::is_of(value, from) => {
                format!("the value is not the {} that 'from' promises", from.name())
            }
            _ => format!("the value has no exact form as {to}"),
        };
        Refusal::new(self.field.path(), reason).found(value.to_json())
    }
}
