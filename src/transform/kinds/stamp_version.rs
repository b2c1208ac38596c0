//! `stampVersion`: the document says of which version it is.

use serde_json::{Value as Json, json};

use super::{Kind, Parameter};
use crate::model::{Document, Path, Value};
use crate::transform::{Facts, Loss, OnExisting, OnMissing, Params, Place, Refusal, Transform};

pub(super) const KIND: Kind = Kind {
    name: "stampVersion",
    summary: "Writes the version that the migration leads to into a field, adding it where it is \
              absent.",
    parameters: &[Parameter {
        name: "field",
        form: "a path",
        optional: false,
        help: "the field, as the schema's versionField names it",
    }],
    parse,
};

#[derive(Debug)]
struct StampVersion {
    field: Place,
}

fn parse(params: &mut Params<'_>) -> Option<Box<dyn Transform>> {
    Some(Box::new(StampVersion { field: params.place("field")? }))
}

impl Transform for StampVersion {
    fn apply(&self, document: &mut Document<'_>, facts: &Facts<'_>) -> Result<(), Refusal> {
        self.field.each(document, OnMissing::Fail, &mut |object| {
            let version = Value::string(&facts.version.to_string());
            self.field.put(object, None, version, OnExisting::Overwrite)?;
            Ok(())
        })
    }

    fn inverse(&self) -> Option<Vec<Json>> {
        // On the way back the migration leads to the version that stood there.
        Some(vec![json!({"type": KIND.name, "field": self.field.path()})])
    }

    fn loss(&self) -> Option<Loss> {
        let field = self.field.path();
        Some(Loss::origin(format!("what stood in '{field}' before is not known afterwards")))
    }

    fn touches(&self) -> Vec<Path> {
        vec![self.field.path().clone()]
    }
}
