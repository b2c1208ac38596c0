//! `addField`: a new field with a value.

use serde_json::{Value as Json, json};

use super::{EXPR, INPUTS, Kind, ON_EXISTING, Parameter};
use crate::model::{Document, Path};
use crate::transform::{
    Facts, Loss, OnExisting, OnMissing, Params, Place, Refusal, Source, Transform,
};

pub(super) const KIND: Kind = Kind {
    name: "addField",
    summary: "Adds a field at the end of its object, making missing parents. Refuses an existing \
              field.",
    parameters: &[
        Parameter { name: "field", form: "a path", optional: false, help: "the new field" },
        Parameter {
            name: "defaultValue",
            form: "a JSON value",
            optional: true,
            help: "its value; strings may hold ${NOW}, ${UUID}, ${KEY}, ${KEY.1}, ${ENV}, \
                   ${VERSION}, ${FLAG.name}",
        },
        EXPR,
        INPUTS,
        ON_EXISTING,
    ],
    parse,
};

#[derive(Debug)]
struct AddField {
    field: Place,
    value: Source,
    on_existing: OnExisting,
}

fn parse(params: &mut Params<'_>) -> Option<Box<dyn Transform>> {
    let field = params.place("field")?;
    let value = Source::read(params, "defaultValue", &field);
    let on_existing = params.on_existing();
    Some(Box::new(AddField { field, value: value?, on_existing }))
}

impl Transform for AddField {
    fn apply(&self, document: &mut Document<'_>, facts: &Facts<'_>) -> Result<(), Refusal> {
        self.field.each(document, OnMissing::Fail, &mut |object| {
            let value = self.value.make(&self.field, object, facts)?;
            self.field.put(object, None, value, self.on_existing)?;
            Ok(())
        })
    }

    fn inverse(&self) -> Option<Vec<Json>> {
        Some(vec![json!({"type": "removeField", "field": self.field.path()})])
    }

    fn loss(&self) -> Option<Loss> {
        let field = self.field.path();
        match self.on_existing {
            OnExisting::Fail => self.field.made_parents(),
            OnExisting::Keep => Some(Loss::origin(format!(
                "which documents had '{field}' before is not known afterwards"
            ))),
            OnExisting::Overwrite => {
                Some(Loss::values(format!("a value that stands at '{field}' is replaced")))
            }
        }
    }

    fn touches(&self) -> Vec<Path> {
        vec![self.field.path().clone()]
    }
}
