//! `moveField`: a field goes to another object of the document.

use serde_json::{Value as Json, json};

use super::{Kind, ON_EXISTING, ON_MISSING, Parameter, tolerate};
use crate::model::{Document, Path};
use crate::transform::{Facts, Loss, OnExisting, OnMissing, Params, Place, Refusal, Transform};

pub(super) const KIND: Kind = Kind {
    name: "moveField",
    summary: "Moves a field to another path, at the end of the object there, making missing \
              parents. Refuses a missing field and an existing target.",
    parameters: &[
        Parameter { name: "from", form: "a path", optional: false, help: "the field" },
        Parameter { name: "to", form: "a path", optional: false, help: "its new path" },
        ON_MISSING,
        ON_EXISTING,
    ],
    parse,
};

#[derive(Debug)]
struct MoveField {
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
    if from.path() == to.path() || from.holds(&to) {
        let message = format!("'{}' lies in '{}'", to.path(), from.path());
        params.refuse("to", message, "a path outside of the field that moves");
        return None;
    }
    Some(Box::new(MoveField { from, to, on_missing, on_existing }))
}

impl Transform for MoveField {
    fn apply(&self, document: &mut Document<'_>, _: &Facts<'_>) -> Result<(), Refusal> {
        self.from.each(document, self.on_missing, &mut |object| {
            if self.from.find_or(object, self.on_missing)?.is_none() {
                return Ok(());
            }
            if self.on_existing != OnExisting::Overwrite && self.to.stands(object)? {
                let keep = self.on_existing == OnExisting::Keep;
                return if keep { Ok(()) } else { Err(self.to.exists()) };
            }
            let value = self.from.remove(object)?.expect("it was found before");
            self.to.put(object, None, value, OnExisting::Overwrite)?;
            Ok(())
        })
    }

    fn inverse(&self) -> Option<Vec<Json>> {
        let (from, to) = (self.from.path(), self.to.path());
        let mut step = json!({"type": "moveField", "from": to, "to": from});
        tolerate(&mut step, self.on_missing, self.on_existing);
        Some(vec![step])
    }

    fn loss(&self) -> Option<Loss> {
        let (from, to) = (self.from.path(), self.to.path());
        Some(if self.on_existing == OnExisting::Overwrite {
            Loss::values(format!("a value that stands at '{to}' is replaced"))
        } else if self.on_missing == OnMissing::Skip {
            Loss::origin(format!(
                "a document that had '{to}' and no '{from}' is not told apart afterwards"
            ))
        } else {
            Loss::form(format!("the place of '{from}' among the fields is not kept"))
        })
    }

    fn touches(&self) -> Vec<Path> {
        vec![self.from.path().clone(), self.to.path().clone()]
    }
}
