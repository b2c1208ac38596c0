//! `renameField`: another name in the same place.

use serde_json::{Value as Json, json};

use super::{Kind, ON_EXISTING, ON_MISSING, Parameter};
use crate::model::{Document, Path};
use crate::transform::{Facts, OnExisting, OnMissing, Params, Place, Refusal, Transform};

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
            let Some((parent, mut at)) = self.from.find_or(object, self.on_missing)? else {
                return Ok(());
            };
            if let Some(stands) = parent.position(self.to.name()) {
                match self.on_existing {
                    OnExisting::Fail => return Err(self.to.exists()),
                    // The target keeps its value, and the source its own: nothing is lost.
                    OnExisting::Keep => return Ok(()),
                    OnExisting::Overwrite => {
                        parent.remove(stands);
                        at -= usize::from(stands < at);
                    }
                }
            }
            parent.rename(at, self.to.name());
            Ok(())
        })
    }

    fn inverse(&self) -> Option<Vec<Json>> {
        let mut step =
            json!({"type": "renameField", "from": self.to.path(), "to": self.from.path()});
        if self.on_missing == OnMissing::Skip {
            step["onMissing"] = "skip".into();
        }
        Some(vec![step])
    }

    fn loss(&self) -> Option<String> {
        (self.on_existing == OnExisting::Overwrite)
            .then(|| format!("a value that stands at '{}' is replaced", self.to.path()))
    }

    fn touches(&self) -> Vec<Path> {
        vec![self.from.path().clone(), self.to.path().clone()]
    }
}
