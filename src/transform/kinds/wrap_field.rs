//! `wrapField` and `hoistField`: one value becomes a list of one, and back.

use serde_json::{Value as Json, json};

use super::{Kind, ON_MISSING, Parameter};
use crate::model::{Array, Document, JsonType, Path, Value};
use crate::transform::{Facts, Loss, OnMissing, Params, Refusal, Spot, Transform};

const FIELD: Parameter =
    Parameter { name: "field", form: "a path", optional: false, help: "the field" };

pub(super) const WRAP: Kind = Kind {
    name: "wrapField",
    summary: "Puts a value into an array of its own. Refuses a missing field and a value that is an \
              array already.",
    parameters: &[
        FIELD,
        Parameter {
            name: "onArray",
            form: "fail, keep or wrap",
            optional: true,
            help: "what happens to a value that is an array already: the document fails (default), \
                   it stays as it is, or it is put into an array like any other",
        },
        ON_MISSING,
    ],
    parse: parse_wrap,
};

pub(super) const HOIST: Kind = Kind {
    name: "hoistField",
    summary: "Takes the only item out of an array. Refuses a missing field, what is no array, and \
              an array of none or several items (pickFirst chooses).",
    parameters: &[
        FIELD,
        Parameter {
            name: "onScalar",
            form: "fail or keep",
            optional: true,
            help: "what happens to a value that is no array: the document fails (default), or it \
                   stays as it is",
        },
        Parameter {
            name: "onEmpty",
            form: "fail or null",
            optional: true,
            help: "what an array without items becomes: the document fails (default), or null",
        },
        Parameter {
            name: "onMany",
            form: "fail, first or last",
            optional: true,
            help: "what an array of several items becomes: the document fails (default), or one \
                   item is taken and the others are lost",
        },
        ON_MISSING,
    ],
    parse: parse_hoist,
};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum OnArray {
    Fail,
    Keep,
    Wrap,
}

#[derive(Debug)]
struct Wrap {
    field: Spot,
    on_array: OnArray,
    on_missing: OnMissing,
}

fn parse_wrap(params: &mut Params<'_>) -> Option<Box<dyn Transform>> {
    let field = params.spot("field");
    let words = [("fail", OnArray::Fail), ("keep", OnArray::Keep), ("wrap", OnArray::Wrap)];
    let on_array = params.word("onArray", &words, OnArray::Fail);
    let on_missing = params.on_missing(OnMissing::Fail);
    Some(Box::new(Wrap { field: field?, on_array, on_missing }))
}

impl Transform for Wrap {
    fn apply(&self, document: &mut Document<'_>, _: &Facts<'_>) -> Result<(), Refusal> {
        self.field.each(document, self.on_missing, &mut |value| {
            let is_array = value.json_type() == JsonType::Array || value.array_mut().is_some();
            match self.on_array {
                OnArray::Fail if is_array => {
                    return Err(Refusal::new(self.field.path(), "the value is an array already"));
                }
                OnArray::Keep if is_array => return Ok(()),
                _ => {}
            }
            let item = std::mem::replace(value, Value::NULL);
            *value = Value::Array(Box::new(Array::from_values([item])));
            Ok(())
        })
    }

    fn inverse(&self) -> Option<Vec<Json>> {
        let mut step = json!({"type": HOIST.name, "field": self.field.path()});
        if self.on_missing == OnMissing::Skip {
            step["onMissing"] = "skip".into();
        }
        Some(vec![step])
    }

    fn loss(&self) -> Option<Loss> {
        (self.on_array == OnArray::Keep).then(|| {
            let field = self.field.path();
            Loss::origin(format!("which values of '{field}' were arrays is not known afterwards"))
        })
    }

    fn touches(&self) -> Vec<Path> {
        vec![self.field.path().clone()]
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum OnMany {
    Fail,
    First,
    Last,
}

#[derive(Debug)]
struct Hoist {
    field: Spot,
    keeps_scalars: bool,
    empty_is_null: bool,
    on_many: OnMany,
    on_missing: OnMissing,
}

fn parse_hoist(params: &mut Params<'_>) -> Option<Box<dyn Transform>> {
    let field = params.spot("field");
    let keeps_scalars = params.word("onScalar", &[("fail", false), ("keep", true)], false);
    let empty_is_null = params.word("onEmpty", &[("fail", false), ("null", true)], false);
    let many = [("fail", OnMany::Fail), ("first", OnMany::First), ("last", OnMany::Last)];
    let on_many = params.word("onMany", &many, OnMany::Fail);
    let on_missing = params.on_missing(OnMissing::Fail);
    Some(Box::new(Hoist { field: field?, keeps_scalars, empty_is_null, on_many, on_missing }))
}

impl Transform for Hoist {
    fn apply(&self, document: &mut Document<'_>, _: &Facts<'_>) -> Result<(), Refusal> {
        self.field.each(document, self.on_missing, &mut |value| {
            let refuse = |reason: String| Refusal::new(self.field.path(), reason);
            let found = value.json_type();
            let Some(array) = value.array_mut() else {
                let refusal = refuse(format!("the value is {found}, and an array is needed"));
                return if self.keeps_scalars { Ok(()) } else { Err(refusal) };
            };
            let mut items = std::mem::take(array).into_values();
            let item = match (items.len(), self.on_many) {
                (0, _) if self.empty_is_null => Some(Value::NULL),
                (0, _) => return Err(refuse("the array has no item".to_owned())),
                (2.., OnMany::Fail) => {
                    return Err(refuse("the array has several items".to_owned()));
                }
                (_, OnMany::Last) => items.last(),
                _ => items.next(),
            };
            *value = item.expect("the array has an item");
            Ok(())
        })
    }

    fn inverse(&self) -> Option<Vec<Json>> {
        if self.empty_is_null {
            return None;
        }
        let mut step = json!({"type": WRAP.name, "field": self.field.path(), "onArray": "wrap"});
        if self.on_missing == OnMissing::Skip {
            step["onMissing"] = "skip".into();
        }
        Some(vec![step])
    }

    fn loss(&self) -> Option<Loss> {
        let field = self.field.path();
        Some(if self.on_many != OnMany::Fail {
            Loss::values(format!("the other items of '{field}' are dropped"))
        } else if self.keeps_scalars || self.empty_is_null {
            Loss::origin(format!("which values of '{field}' were arrays is not known afterwards"))
        } else {
            Loss::form(format!("the space inside the arrays of '{field}' is not kept"))
        })
    }

    fn touches(&self) -> Vec<Path> {
        vec![self.field.path().clone()]
    }
}
