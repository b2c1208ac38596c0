//! `removeField`: a field and its value are dropped.

use serde_json::Value as Json;

use super::{Kind, ON_MISSING, Parameter};
use crate::model::{Document, Path};
use crate::transform::{Facts, Loss, OnMissing, Params, Place, Refusal, Transform};

pub(super) const KIND: Kind = Kind {
    name: "removeField",
    summary: "Drops a field with its value. A missing field is as wanted, unless onMissing says \
              fail. Loses the value: only a before-image brings it back.",
    parameters: &[
        Parameter { name: "field", form: "a path", optional: false, help: "the field" },
        ON_MISSING,
    ],
    parse,
};

#[derive(Debug)]
struct RemoveField {
    field: Place,
    on_missing: OnMissing,
}

fn parse(params: &mut Params<'_>) -> Option<Box<dyn Transform>> {
    let field = params.place("field");
    let on_missing = params.on_missing(OnMissing::Skip);
    Some(Box::new(RemoveField { field: field?, on_missing }))
}

impl Transform for RemoveField {
    fn apply(&self, document: &mut Document<'_>, _: &Facts<'_>) -> Result<(), Refusal> {
        self.field.each(document, self.on_missing, &mut |object| {
            if let Some((parent, at)) = self.field.find_or(object, self.on_missing)? {
                parent.remove(at);
            }
            Ok(())
        })
    }

    fn inverse(&self) -> Option<Vec<Json>> {
        None
    }

    fn loss(&self) -> Option<Loss> {
        Some(Loss::values(format!("the values of '{}' are dropped", self.field.path())))
    }

    fn touches(&self) -> Vec<Path> {
        vec![self.field.path().clone()]
    }
}
