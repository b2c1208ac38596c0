//! `setField`: a field gets a value, whatever stood there.

use serde_json::Value as Json;

use super::{EXPR, INPUTS, Kind, Parameter};
use crate::model::{Document, Path};
use crate::transform::{
    Facts, Loss, OnExisting, OnMissing, Params, Place, Refusal, Source, Transform,
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
            optional: true,
            help: "its value; strings may hold ${NOW}, ${UUID}, ${KEY}, ${KEY.1}, ${ENV}, \
                   ${VERSION}, ${FLAG.name}",
        },
        EXPR,
        INPUTS,
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
    value: Source,
    /// `None` adds the field.
    on_missing: Option<OnMissing>,
}

fn parse(params: &mut Params<'_>) -> Option<Box<dyn Transform>> {
    let field = params.place("field")?;
    let value = Source::read(params, "value", &field);
    let words = [("add", None), ("fail", Some(OnMissing::Fail)), ("skip", Some(OnMissing::Skip))];
    let on_missing = params.word("onMissing", &words, None);
    Some(Box::new(SetField { field, value: value?, on_missing }))
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
            let value = self.value.make(&self.field, object, facts)?;
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
