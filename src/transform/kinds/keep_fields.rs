//! `keepFields`: every other field is dropped.

use serde_json::Value as Json;

use super::{Kind, Parameter};
use crate::model::{Document, Path};
use crate::transform::{Facts, Loss, Params, Refusal, Transform};

pub(super) const KIND: Kind = Kind {
    name: "keepFields",
    summary: "Drops every top-level field but those that are named. A named field that is absent is \
              no mistake. Loses the other values: only a before-image brings them back.",
    parameters: &[Parameter {
        name: "fields",
        form: "a list of field names",
        optional: false,
        help: "the fields that stay",
    }],
    parse,
};

#[derive(Debug)]
struct KeepFields {
    names: Vec<String>,
}

fn parse(params: &mut Params<'_>) -> Option<Box<dyn Transform>> {
    let places = params.places("fields", 1)?;
    if let Some(deep) = places.iter().find(|place| place.path().segments().len() > 1) {
        let message = format!("'{}' is no field of the top level", deep.path());
        params.refuse("fields", message, "names of top-level fields; forEach keeps inside objects");
        return None;
    }
    Some(Box::new(KeepFields { names: places.iter().map(|p| p.name().to_owned()).collect() }))
}

impl Transform for KeepFields {
    fn apply(&self, document: &mut Document<'_>, _: &Facts<'_>) -> Result<(), Refusal> {
        let root = &mut document.root;
        for at in (0..root.len()).rev() {
            if !self.names.iter().any(|name| root.members()[at].name.is(name)) {
                root.remove(at);
            }
        }
        Ok(())
    }

    fn inverse(&self) -> Option<Vec<Json>> {
        None
    }

    fn loss(&self) -> Option<Loss> {
        let kept = self.names.join("', '");
        Some(Loss::values(format!("the values of every field but '{kept}' are dropped")))
    }

    fn touches(&self) -> Vec<Path> {
        // The document as a whole.
        vec![Path::default()]
    }
}
