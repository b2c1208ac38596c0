//! `defaultIfMissing`: a value where there is none.

use serde_json::Value as Json;

use super::{EXPR, INPUTS, Kind, Parameter};
use crate::model::{Document, Path};
use crate::transform::{
    Facts, Loss, OnExisting, OnMissing, Params, Place, Refusal, Source, Transform,
};

pub(super) const KIND: Kind = Kind {
    name: "defaultIfMissing",
    summary: "Gives a field a value where it is absent, or null; a value that stands is kept.",
    parameters: &[
        Parameter { name: "field", form: "a path", optional: false, help: "the field" },
        Parameter {
            name: "defaultValue",
            form: "a JSON value",
            optional: true,
            help: "its value; strings may hold ${NOW}, ${UUID}, ${KEY}, ${KEY.1}, ${ENV}, \
                   ${VERSION}, ${FLAG.name}",
        },
        EXPR,
        INPUTS,
        Parameter {
            name: "replaceNull",
            form: "true or false",
            optional: true,
            help: "whether null counts as missing; true when left out",
        },
    ],
    parse,
};

#[derive(Debug)]
struct DefaultIfMissing {
    field: Place,
    value: Source,
    replaces_null: bool,
}

fn parse(params: &mut Params<'_>) -> Option<Box<dyn Transform>> {
    let field = params.place("field")?;
    let value = Source::read(params, "defaultValue", &field);
    let replaces_null = params.flag("replaceNull", true);
    Some(Box::new(DefaultIfMissing { field, value: value?, replaces_null }))
}

impl Transform for DefaultIfMissing {
    fn apply(&self, document: &mut Document<'_>, facts: &Facts<'_>) -> Result<(), Refusal> {
        self.field.each(document, OnMissing::Skip, &mut |object| {
            if let Some((parent, at)) = self.field.find(object)?
                && !(self.replaces_null && parent.members()[at].value.is_null())
            {
                return Ok(());
            }
            let value = self.value.make(&self.field, object, facts)?;
            self.field.put(object, None, value, OnExisting::Overwrite)?;
            Ok(())
        })
    }

    fn inverse(&self) -> Option<Vec<Json>> {
        // A value that is there does no harm to who takes its absence for the same.
        Some(Vec::new())
    }

    fn loss(&self) -> Option<Loss> {
        let field = self.field.path();
        Some(Loss::origin(format!("which documents had no '{field}' is not known afterwards")))
    }

    fn touches(&self) -> Vec<Path> {
        vec![self.field.path().clone()]
    }
}
