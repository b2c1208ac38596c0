//! `keyBy` and `entries`: a list of objects becomes an object by one of their fields, and back.

use serde_json::{Value as Json, json};

use super::{Kind, ON_MISSING, Parameter};
use crate::model::{Array, Document, Object, Path, Value};
use crate::transform::{Facts, Loss, OnMissing, Params, Refusal, Spot, Transform};

const KEY: Parameter = Parameter {
    name: "key",
    form: "the name of a field",
    optional: false,
    help: "the field of each item that holds its name",
};

const VALUE: Parameter = Parameter {
    name: "value",
    form: "the name of a field",
    optional: true,
    help: "the field of each item that holds its value, when the items have these two fields and the \
           object goes from the one to the other",
};

pub(super) const KEY_BY: Kind = Kind {
    name: "keyBy",
    summary: "Turns an array of objects into an object whose names are one field of each. Refuses a \
              missing field, items that are no objects, and names that are absent, no text, or \
              stand twice; with a value, items with other fields.",
    parameters: &[
        Parameter { name: "field", form: "a path", optional: false, help: "the array" },
        KEY,
        VALUE,
        Parameter {
            name: "keepKey",
            form: "true or false",
            optional: true,
            help: "whether the items keep that field",
        },
        ON_MISSING,
    ],
    parse: |params| parse(params, true),
};

pub(super) const ENTRIES: Kind = Kind {
    name: "entries",
    summary: "Turns an object of objects into an array of them, each with its name in a field; with a \
              value, any object into an array of names and values. Refuses a missing field, members \
              that are no objects, and members that have that field.",
    parameters: &[
        Parameter { name: "field", form: "a path", optional: false, help: "the object" },
        KEY,
        VALUE,
        Parameter {
            name: "keepKey",
            form: "true or false",
            optional: true,
            help: "whether the members have that field already, as keyBy with keepKey leaves them",
        },
        ON_MISSING,
    ],
    parse: |params| parse(params, false),
};

#[derive(Debug)]
struct KeyBy {
    field: Spot,
    key: String,
    value: Option<String>,
    keep_key: bool,
    to_object: bool,
    on_missing: OnMissing,
}

fn parse(params: &mut Params<'_>, to_object: bool) -> Option<Box<dyn Transform>> {
    let (field, key) = (params.spot("field"), params.text("key"));
    let value = params.optional_text("value").map(str::to_owned);
    let keep_key = params.flag("keepKey", false);
    let on_missing = params.on_missing(OnMissing::Fail);
    let key = key?.to_owned();
    if keep_key && value.is_some() {
        params.refuse("keepKey", "with a value the items keep nothing", "one of the two");
        return None;
    }
    if value.as_ref() == Some(&key) {
        params.refuse("value", format!("'{key}' is the key"), "the name of another field");
        return None;
    }
    Some(Box::new(KeyBy { field: field?, key, value, keep_key, to_object, on_missing }))
}

impl KeyBy {
    fn refuse(&self, reason: impl Into<String>) -> Refusal {
        Refusal::new(self.field.path(), reason)
    }

    fn key_by<'a>(&self, array: Array<'a>) -> Result<Value<'a>, Refusal> {
        let key = &self.key;
        let mut object = Object::default();
        for mut item in array.into_values() {
            let found = item.json_type();
            let inner = item
                .object_mut()
                .ok_or_else(|| self.refuse(format!("an item is {found}, and not an object")))?;
            let at = inner.position(key);
            let at = at.ok_or_else(|| self.refuse(format!("an item has no '{key}'")))?;
            let name = inner.members()[at].value.as_str().map(std::borrow::Cow::into_owned);
            let name =
                name.ok_or_else(|| self.refuse(format!("the '{key}' of an item is no text")))?;
            if object.position(&name).is_some() {
                let refusal = self.refuse(format!("two items have the same '{key}'"));
                return Err(refusal.found(name));
            }
            if !self.keep_key {
                inner.remove(at);
            }
            match &self.value {
                None => object.push(&name, item),
                Some(value) => {
                    let only = inner.position(value).filter(|_| inner.len() == 1);
                    let wanted = format!("an item has other fields than '{key}' and '{value}'");
                    let at = only.ok_or_else(|| self.refuse(wanted))?;
                    let value = inner.remove(at);
                    object.push(&name, value);
                }
            }
        }
        Ok(Value::Object(Box::new(object)))
    }

    fn entries<'a>(&self, object: Object<'a>) -> Result<Value<'a>, Refusal> {
        let key = &self.key;
        let items = object.into_members().map(|(name, mut item)| {
            if let Some(value) = &self.value {
                let mut pair = Object::default();
                pair.push(key, Value::string(&name));
                pair.push(value, item);
                return Ok(Value::Object(Box::new(pair)));
            }
            let found = item.json_type();
            let inner = item
                .object_mut()
                .ok_or_else(|| self.refuse(format!("'{name}' is {found}, and not an object")))?;
            match (inner.get(key), self.keep_key) {
                (None, _) => inner.insert(0, key, Value::string(&name)),
                (Some(stands), true) if stands.as_str().is_some_and(|text| text == name) => {}
                (Some(_), _) => {
                    let refusal = self.refuse(format!("a member has a '{key}' of its own"));
                    return Err(refusal.found(name));
                }
            }
            Ok(item)
        });
        let items: Vec<Value<'a>> = items.collect::<Result<_, Refusal>>()?;
        Ok(Value::Array(Box::new(Array::from_values(items))))
    }
}

impl Transform for KeyBy {
    fn apply(&self, document: &mut Document<'_>, _: &Facts<'_>) -> Result<(), Refusal> {
        self.field.each(document, self.on_missing, &mut |value| {
            let found = value.json_type();
            let wrong =
                |wanted| self.refuse(format!("the value is {found}, and {wanted} is needed"));
            *value = if self.to_object {
                let array = value.array_mut().ok_or_else(|| wrong("an array"))?;
                self.key_by(std::mem::take(array))?
            } else {
                let object = value.object_mut().ok_or_else(|| wrong("an object"))?;
                self.entries(std::mem::take(object))?
            };
            Ok(())
        })
    }

    fn inverse(&self) -> Option<Vec<Json>> {
        let kind = if self.to_object { ENTRIES.name } else { KEY_BY.name };
        let mut step = json!({"type": kind, "field": self.field.path(), "key": self.key});
        if self.keep_key {
            step["keepKey"] = true.into();
        }
        if let Some(value) = &self.value {
            step["value"] = value.as_str().into();
        }
        if self.on_missing == OnMissing::Skip {
            step["onMissing"] = "skip".into();
        }
        Some(vec![step])
    }

    fn loss(&self) -> Option<Loss> {
        let (field, key) = (self.field.path(), &self.key);
        let what =
            format!("the place of '{key}' in the items of '{field}', and space, is not kept");
        Some(Loss::form(what))
    }

    fn touches(&self) -> Vec<Path> {
        vec![self.field.path().clone()]
    }
}
