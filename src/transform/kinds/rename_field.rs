//! `renameField`: another name in the same place.

use serde_json::{Value as Json, json};

use super::{Kind, ON_EXISTING, ON_MISSING, Parameter, tolerate};
use crate::model::{Document, Path};
use crate::transform::{Facts, Loss, OnExisting, OnMissing, Params, Place, Refusal, Transform};

pub(super) const KIND: Kind = Kind {
    name: "renameField",
    summary: "Gives a field another name. Its value and its place among the fields stay. Refuses a \
              missing field and an existing target.",
    parameters: &[
        Parameter { name: "from", form: "a path", optional: false, help: "the field" },
        Parameter {
            name: "to",
            form: "a path",
            optional: false,
            help: "its path with the new name",
        },
        ON_MISSING,
        ON_EXISTING,
    ],
    parse,
};

#[derive(Debug)]
struct RenameField {
    from: Place,
    to: Place,
    on_missing: OnMissing,
    on_existing: OnExisting,
}

fn parse(params: &mut Params<'_>) -> Option<Box<dyn Transform>> {
    let (from, to) = (params.place("from"), params.place("to"));
    let on_missing = params.on_missing(OnMissing::Fail);
    let on_existing = params.on_existing();
    let (from, to) = (from?, to?);
    if (from.scope(), from.parents()) != (to.scope(), to.parents()) {
        let message = format!("'{}' and '{}' are not in the same object", from.path(), to.path());
        params.refuse("to", message, "the same path but for the last name; moveField moves");
        return None;
    }
    if from.name() == to.name() {
        params.refuse("to", "the new name is the old one", "another name");
        return None;
    }
    Some(Box::new(RenameField { from, to, on_missing, on_existing }))
}

impl Transform for RenameField {
    fn apply(&self, document: &mut Document<'_>, _: &Facts<'_>) -> Result<(), Refusal> {
        self.from.each(document, self.on_missing, &mut |object| {
            let stands = self.to.find(object)?.map(|(_, at)| at);
            let Some((parent, mut at)) = self.from.find_or(object, self.on_missing)? else {
                return Ok(());
            };
            match (stands, self.on_existing) {
                (None, _) => {}
                (Some(_), OnExisting::Fail) => return Err(self.to.exists()),
                (Some(_), OnExisting::Keep) => return Ok(()),
                (Some(stands), OnExisting::Overwrite) => {
                    parent.remove(stands);
                    at -= usize::from(stands < at);
                }
            }
            parent.rename(at, self.to.name());
            Ok(())
        })
    }

    fn inverse(&self) -> Option<Vec<Json>> {
        let (from, to) = (self.from.path(), self.to.path());
        let mut step = json!({"type": "renameField", "from": to, "to": from});
        tolerate(&mut step, self.on_missing, self.on_existing);
        Some(vec![step])
    }

    fn loss(&self) -> Option<Loss> {
        let (from, to) = (self.from.path(), self.to.path());
        if self.on_existing == OnExisting::Overwrite {
            return Some(Loss::values(format!("a value that stands at '{to}' is replaced")));
        }
        (self.on_missing == OnMissing::Skip).then(|| {
            Loss::origin(format!(
                "a document that had '{to}' and no '{from}' is not told apart afterwards"
            ))
        })
    }

    fn touches(&self) -> Vec<Path> {
        vec![self.from.path().clone(), self.to.path().clone()]
    }
}
