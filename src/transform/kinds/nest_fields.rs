//! `nestFields`: fields that stand beside each other go into an object of their own.

use serde_json::{Value as Json, json};

use super::{Kind, ON_EXISTING, Parameter};
use crate::model::{Document, Object, Path, Value};
use crate::transform::{Facts, Loss, OnExisting, OnMissing, Params, Place, Refusal, Transform};

pub(super) const KIND: Kind = Kind {
    name: "nestFields",
    summary: "Moves fields into a new object, which stands where the first of them stood; by choice \
              a prefix of their names is dropped. Refuses a missing field and an existing target.",
    parameters: &[
        Parameter {
            name: "from",
            form: "a list of paths in one object",
            optional: false,
            help: "the fields",
        },
        Parameter {
            name: "to",
            form: "a path",
            optional: false,
            help: "the new object, beside them",
        },
        Parameter {
            name: "prefix",
            form: "text",
            optional: true,
            help: "what to drop at the head of their names: address_ makes address_city to city",
        },
        Parameter {
            name: "onMissing",
            form: "fail, skip or omit",
            optional: true,
            help: "what happens when a field is absent: the document fails (default), the step is \
                   skipped, or the object is made of the others",
        },
        ON_EXISTING,
    ],
    parse,
};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Absent {
    Fail,
    Skip,
    Omit,
}

#[derive(Debug)]
struct NestFields {
    from: Vec<Place>,
    /// The names inside the object, in the order of `from`.
    names: Vec<String>,
    to: Place,
    prefix: String,
    absent: Absent,
    on_existing: OnExisting,
}

fn parse(params: &mut Params<'_>) -> Option<Box<dyn Transform>> {
    let (from, to) = (params.places("from", 1), params.place("to"));
    let prefix = params.optional_text("prefix").unwrap_or_default().to_owned();
    let words = [("fail", Absent::Fail), ("skip", Absent::Skip), ("omit", Absent::Omit)];
    let absent = params.word("onMissing", &words, Absent::Fail);
    let on_existing = params.on_existing();
    let (from, to) = (from?, to?);
    let mut names = Vec::with_capacity(from.len());
    for (at, place) in from.iter().enumerate() {
        if !place.is_beside(&to) {
            let message = format!("'{}' does not stand beside '{}'", place.path(), to.path());
            params.refuse(&format!("from[{at}]"), message, "fields of one object");
            return None;
        }
        match place.name().strip_prefix(&prefix) {
            Some(name) if !name.is_empty() => names.push(name.to_owned()),
            _ => {
                let message = format!("'{}' does not begin with '{prefix}'", place.name());
                params.refuse("prefix", message, "a prefix that every field has");
                return None;
            }
        }
    }
    Some(Box::new(NestFields { from, names, to, prefix, absent, on_existing }))
}

impl NestFields {
    fn nest(&self, object: &mut Object<'_>) -> Result<(), Refusal> {
        let mut present = Vec::with_capacity(self.from.len());
        for (place, name) in self.from.iter().zip(&self.names) {
            match (place.stands(object)?, self.absent) {
                (true, _) => present.push((place, name)),
                (false, Absent::Fail) => return Err(place.missing()),
                (false, Absent::Skip) => return Ok(()),
                (false, Absent::Omit) => {}
            }
        }
        let Some((first, _)) = present.first().copied() else { return Ok(()) };
        let is_source = self.from.iter().any(|place| place.path() == self.to.path());
        if !is_source && self.to.stands(object)? {
            match self.on_existing {
                OnExisting::Fail => return Err(self.to.exists()),
                OnExisting::Keep => return Ok(()),
                OnExisting::Overwrite => _ = self.to.remove(object)?,
            }
        }
        let mut nested = Object::default();
        for (place, name) in &present {
            let (parent, at) = place.find(object)?.expect("it was found before");
            let value = std::mem::replace(parent.value_mut(at), Value::NULL);
            nested.push(name, value);
        }
        for (place, _) in present.iter().skip(1) {
            place.remove(object)?;
        }
        let (parent, at) = first.find(object)?.expect("it was found before");
        parent.rename(at, self.to.name());
        *parent.value_mut(at) = Value::Object(Box::new(nested));
        Ok(())
    }
}

impl Transform for NestFields {
    fn apply(&self, document: &mut Document<'_>, _: &Facts<'_>) -> Result<(), Refusal> {
        let scope = if self.absent == Absent::Fail { OnMissing::Fail } else { OnMissing::Skip };
        self.to.each(document, scope, &mut |object| self.nest(object))
    }

    fn inverse(&self) -> Option<Vec<Json>> {
        let mut step = json!({"type": "flattenField", "field": self.to.path()});
        if !self.prefix.is_empty() {
            step["prefix"] = self.prefix.as_str().into();
        }
        if self.absent != Absent::Fail || self.on_existing == OnExisting::Keep {
            step["onMissing"] = "skip".into();
        }
        if self.on_existing == OnExisting::Keep {
            step["onExisting"] = "keep".into();
        }
        Some(vec![step])
    }

    fn loss(&self) -> Option<Loss> {
        let to = self.to.path();
        Some(if self.on_existing == OnExisting::Overwrite {
            Loss::values(format!("a value that stands at '{to}' is replaced"))
        } else if self.absent != Absent::Fail || self.on_existing == OnExisting::Keep {
            Loss::origin(format!("which documents had '{to}' before is not known afterwards"))
        } else {
            Loss::form(format!("the places of the fields that go into '{to}' are not kept"))
        })
    }

    fn touches(&self) -> Vec<Path> {
        self.from.iter().chain([&self.to]).map(|place| place.path().clone()).collect()
    }
}
