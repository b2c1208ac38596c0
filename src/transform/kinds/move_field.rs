//! `moveField`: a field goes to another object of the document.

use serde_json::{Value as Json, json};

use super::{Kind, ON_EXISTING, ON_MISSING, Parameter, tolerate};
use crate::model::{Document, Object, Path};
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
    if from.path() == to.path() {
        params.refuse("to", "the new path is the old one", "another path");
        return None;
    }
    Some(Box::new(MoveField { from, to, on_missing, on_existing }))
}

impl MoveField {
    /// Whether the target is free once the field is gone: it is absent, lies inside of the field, or
    /// is an object that holds nothing but the field.
    fn is_free(&self, object: &mut Object<'_>) -> Result<bool, Refusal> {
        if self.from.holds(&self.to) {
            return Ok(true);
        }
        let Some((parent, at)) = self.to.find(object)? else { return Ok(true) };
        let is_child =
            self.to.holds(&self.from) && self.from.parents().len() == self.to.parents().len() + 1;
        let held = if is_child { parent.value_mut(at).object_mut() } else { None };
        Ok(held.is_some_and(|held| held.len() == 1))
    }
}

impl Transform for MoveField {
    fn apply(&self, document: &mut Document<'_>, _: &Facts<'_>) -> Result<(), Refusal> {
        self.from.each(document, self.on_missing, &mut |object| {
            if self.from.find_or(object, self.on_missing)?.is_none() {
                return Ok(());
            }
            if self.on_existing != OnExisting::Overwrite && !self.is_free(object)? {
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
