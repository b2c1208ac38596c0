//! `copyField`: the same value under one more path.

use serde_json::{Value as Json, json};

use super::{Kind, ON_EXISTING, ON_MISSING, Parameter};
use crate::model::{Document, Path};
use crate::transform::{Facts, Loss, OnExisting, OnMissing, Params, Place, Refusal, Transform};

pub(super) const KIND: Kind = Kind {
    name: "copyField",
    summary: "Writes a field's value under another path too, at the end of the object there, making \
              missing parents. Refuses a missing field and an existing target.",
    parameters: &[
        Parameter { name: "from", form: "a path", optional: false, help: "the field" },
        Parameter { name: "to", form: "a path", optional: false, help: "the path of the copy" },
        ON_MISSING,
        ON_EXISTING,
    ],
    parse,
};

#[derive(Debug)]
struct CopyField {
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
    params.same_scope("to", &[&from, &to]);
    if from.path() == to.path() || from.holds(&to) || to.holds(&from) {
        let message = format!("'{}' and '{}' overlap", from.path(), to.path());
        params.refuse("to", message, "a path of which neither lies inside the other");
        return None;
    }
    Some(Box::new(CopyField { from, to, on_missing, on_existing }))
}

impl Transform for CopyField {
    fn apply(&self, document: &mut Document<'_>, _: &Facts<'_>) -> Result<(), Refusal> {
        self.from.each(document, self.on_missing, &mut |object| {
            let Some((parent, at)) = self.from.find_or(object, self.on_missing)? else {
                return Ok(());
            };
            let value = parent.members()[at].value.clone();
            self.to.put(object, None, value, self.on_existing)?;
            Ok(())
        })
    }

    fn inverse(&self) -> Option<Vec<Json>> {
        Some(vec![json!({"type": "removeField", "field": self.to.path()})])
    }

    fn loss(&self) -> Option<Loss> {
        let to = self.to.path();
        match (self.on_existing, self.on_missing) {
            (OnExisting::Overwrite, _) => {
                Some(Loss::values(format!("a value that stands at '{to}' is replaced")))
            }
            (OnExisting::Fail, OnMissing::Fail) => self.to.made_parents(),
            _ => {
                let what = format!("which documents had '{to}' before is not known afterwards");
                Some(Loss::origin(what))
            }
        }
    }

    fn touches(&self) -> Vec<Path> {
        vec![self.from.path().clone(), self.to.path().clone()]
    }

    fn looks_at(&self) -> Vec<Path> {
        vec![self.from.path().clone()]
    }
}
