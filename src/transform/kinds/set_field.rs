//! `setField`: a field gets a value, whatever stood there.

use serde_json::Value as Json;

use super::{Kind, Parameter};
use crate::model::{Document, Path};
use crate::transform::{
    Facts, Loss, OnExisting, OnMissing, Params, Place, Refusal, Template, Transform,
};

pub(super) const KIND: Kind = Kind {
    name: "setField",
    summary: "Gives a field a value in place of the one that stood there; a missing field is added \
              unless onMissing says otherwise. Loses the old value.",
    parameters: &[
        Parameter { name: "field", form: "a path", optional: false, help: "the field" },
        Parameter {
            name: "value",
            form: "a JSON value",
            optional: false,
            help: "its value; strings may hold ${NOW}, ${UUID}, ${KEY}, ${KEY.1}, ${ENV}, \
                   ${VERSION}, ${FLAG.name}",
        },
        Parameter {
            name: "onMissing",
            form: "add, fail or skip",
            optional: true,
            help: "what happens when the field is absent: it is added (default), the document \
                   fails, or the step is skipped",
        },
    ],
    parse,
};

#[derive(Debug)]
struct SetField {
    field: Place,
    value: Template,
    /// `None` adds the field.
    on_missing: Option<OnMissing>,
}

fn parse(params: &mut Params<'_>) -> Option<Box<dyn Transform>> {
    let (field, value) = (params.place("field"), params.template("value"));
    let words = [("add", None), ("fail", Some(OnMissing::Fail)), ("skip", Some(OnMissing::Skip))];
    let on_missing = params.word("onMissing", &words, None);
    Some(Box::new(SetField { field: field?, value: value?, on_missing }))
}

impl Transform for SetField {
    fn apply(&self, document: &mut Document<'_>, facts: &Facts<'_>) -> Result<(), Refusal> {
        let scope = self.on_missing.unwrap_or(OnMissing::Fail);
        self.field.each(document, scope, &mut |object| {
            if let Some(on_missing) = self.on_missing
                && self.field.find_or(object, on_missing)?.is_none()
            {
                return Ok(());
            }
            let value = self.value.render(&self.field.path().to_string(), facts)?;
            self.field.put(object, None, value, OnExisting::Overwrite)?;
            Ok(())
        })
    }

    fn inverse(&self) -> Option<Vec<Json>> {
        None
    }

    fn loss(&self) -> Option<Loss> {
        Some(Loss::values(format!("the values of '{}' are replaced", self.field.path())))
    }

    fn touches(&self) -> Vec<Path> {
        vec![self.field.path().clone()]
    }
}
