//! `parseJson` and `stringifyJson`: JSON inside a text, and back.

use serde_json::{Value as Json, json};

use super::{Kind, ON_MISSING, Parameter};
use crate::model::{Document, JsonType, Path, Value};
use crate::transform::{Facts, Loss, OnMissing, Params, Refusal, Spot, Transform};

const FIELD: Parameter =
    Parameter { name: "field", form: "a path", optional: false, help: "the field" };

pub(super) const PARSE: Kind = Kind {
    name: "parseJson",
    summary: "Turns a text that holds JSON into the value it spells, with its numbers and order as \
              they are written. Refuses a missing field, what is no text, and text that is no JSON.",
    parameters: &[FIELD, ON_MISSING],
    parse: |params| parse(params, false),
};

pub(super) const STRINGIFY: Kind = Kind {
    name: "stringifyJson",
    summary: "Turns a value into a text that holds its JSON, byte for byte as it stands. Refuses a \
              missing field.",
    parameters: &[FIELD, ON_MISSING],
    parse: |params| parse(params, true),
};

#[derive(Debug)]
struct JsonText {
    field: Spot,
    to_text: bool,
    on_missing: OnMissing,
}

fn parse(params: &mut Params<'_>, to_text: bool) -> Option<Box<dyn Transform>> {
    let field = params.spot("field");
    let on_missing = params.on_missing(OnMissing::Fail);
    Some(Box::new(JsonText { field: field?, to_text, on_missing }))
}

impl Transform for JsonText {
    fn apply(&self, document: &mut Document<'_>, _: &Facts<'_>) -> Result<(), Refusal> {
        self.field.each(document, self.on_missing, &mut |value| {
            if let Value::Plain(_) = value {
                // A hash holds JSON as text in any case: nothing is to be written otherwise.
                if value.object_mut().is_some() || value.array_mut().is_some() {
                    return Ok(());
                }
                let reason = "the hash field holds no JSON object and no array";
                return Err(Refusal::new(self.field.path(), reason).found(value.to_json()));
            }
            let written = if self.to_text {
                Value::string(&value.to_json())
            } else {
                self.parse_text(value)?
            };
            *value = written;
            Ok(())
        })
    }

    fn inverse(&self) -> Option<Vec<Json>> {
        let kind = if self.to_text { PARSE.name } else { STRINGIFY.name };
        let mut step = json!({"type": kind, "field": self.field.path()});
        if self.on_missing == OnMissing::Skip {
            step["onMissing"] = "skip".into();
        }
        Some(vec![step])
    }

    fn loss(&self) -> Option<Loss> {
        (!self.to_text).then(|| {
            let field = self.field.path();
            Loss::form(format!("how the text of '{field}' wrote escapes, and space around it"))
        })
    }

    fn touches(&self) -> Vec<Path> {
        vec![self.field.path().clone()]
    }
}

impl JsonText {
    fn parse_text<'a>(&self, value: &Value<'a>) -> Result<Value<'a>, Refusal> {
        let found = value.json_type();
        let refuse = |reason: String| Refusal::new(self.field.path(), reason);
        if found != JsonType::String {
            return Err(refuse(format!("the value is {found}, not text")));
        }
        let text = value.as_str().ok_or_else(|| refuse("the value is no UTF-8".to_owned()))?;
        let text = text.trim_matches([' ', '\t', '\n', '\r']);
        let is_json = serde_json::from_str::<&serde_json::value::RawValue>(text).is_ok();
        if !is_json {
            return Err(refuse("the text is no JSON".to_owned()).found(text));
        }
        Ok(Value::Raw(text.to_owned().into()))
    }
}
