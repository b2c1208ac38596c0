//! `pickFirst`: the first of several fields that has a value.

use serde_json::{Value as Json, json};

use super::{Kind, ON_EXISTING, Parameter};
use crate::model::{Document, Object, Path};
use crate::transform::{Facts, Loss, OnExisting, OnMissing, Params, Place, Refusal, Transform};

pub(super) const KIND: Kind = Kind {
    name: "pickFirst",
    summary: "Takes the first of several fields that is there and not null, as one field where that \
              one stood; the others are dropped. Refuses a document that has none of them, and an \
              existing target.",
    parameters: &[
        Parameter {
            name: "from",
            form: "a list of paths",
            optional: false,
            help: "the fields, the preferred first",
        },
        Parameter { name: "to", form: "a path", optional: false, help: "the field for the value" },
        Parameter {
            name: "keepSource",
            form: "true or false",
            optional: true,
            help: "whether the fields stay beside the new one",
        },
        Parameter {
            name: "onMissing",
            form: "fail or skip",
            optional: true,
            help: "what happens when none of them has a value: the document fails (default), or the \
                   step is skipped",
        },
        ON_EXISTING,
    ],
    parse,
};

#[derive(Debug)]
struct PickFirst {
    from: Vec<Place>,
    to: Place,
    keep_source: bool,
    on_missing: OnMissing,
    on_existing: OnExisting,
}

fn parse(params: &mut Params<'_>) -> Option<Box<dyn Transform>> {
    let (from, to) = (params.places("from", 1), params.place("to"));
    let keep_source = params.flag("keepSource", false);
    let on_missing = params.on_missing(OnMissing::Fail);
    let on_existing = params.on_existing();
    let (from, to) = (from?, to?);
    params.same_scope("from", &from.iter().chain([&to]).collect::<Vec<_>>());
    Some(Box::new(PickFirst { from, to, keep_source, on_missing, on_existing }))
}

impl PickFirst {
    fn pick(&self, object: &mut Object<'_>) -> Result<(), Refusal> {
        let mut picked = None;
        for place in &self.from {
            let found = place.find(object)?;
            let value = found.map(|(parent, at)| &parent.members()[at].value);
            if value.is_some_and(|value| !value.is_null()) {
                picked = Some(place);
                break;
            }
        }
        let Some(picked) = picked else {
            let refusal = Refusal::new(self.to.path(), "none of the fields has a value");
            return if self.on_missing == OnMissing::Skip { Ok(()) } else { Err(refusal) };
        };
        let is_source = self.from.iter().any(|place| place.path() == self.to.path());
        if (self.keep_source || !is_source) && self.to.stands(object)? {
            match self.on_existing {
                OnExisting::Fail => return Err(self.to.exists()),
                OnExisting::Keep => return Ok(()),
                OnExisting::Overwrite => {}
            }
        }
        let (parent, at) = picked.find(object)?.expect("it was found before");
        let value = parent.members()[at].value.clone();
        let takes_over = !self.keep_source && picked.is_beside(&self.to);
        if !self.keep_source {
            for place in self.from.iter().filter(|place| !takes_over || *place != picked) {
                place.remove(object)?;
            }
        }
        if !takes_over {
            self.to.put(object, None, value, OnExisting::Overwrite)?;
        } else if picked.path() != self.to.path() {
            self.to.remove(object)?;
            let (parent, at) = picked.find(object)?.expect("it stays until it is renamed");
            parent.rename(at, self.to.name());
        }
        Ok(())
    }
}

impl Transform for PickFirst {
    fn apply(&self, document: &mut Document<'_>, _: &Facts<'_>) -> Result<(), Refusal> {
        self.to.each(document, self.on_missing, &mut |object| self.pick(object))
    }

    fn inverse(&self) -> Option<Vec<Json>> {
        self.keep_source.then(|| vec![json!({"type": "removeField", "field": self.to.path()})])
    }

    fn loss(&self) -> Option<Loss> {
        let to = self.to.path();
        if !self.keep_source {
            return Some(Loss::values("the values of the fields that are not picked are dropped"));
        }
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
        self.from.iter().chain([&self.to]).map(|place| place.path().clone()).collect()
    }
}
