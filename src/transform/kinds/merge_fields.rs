//! `mergeFields`: several values become one text.

use std::borrow::Cow;

use serde_json::{Value as Json, json};

use super::{Kind, ON_EXISTING, ON_MISSING, Parameter};
use crate::model::{Document, Object, Path, Storage, Value};
use crate::transform::text::{inside, scalar_inside, scalar_text};
use crate::transform::{Facts, OnExisting, OnMissing, Params, Place, Refusal, Transform};

pub(super) const KIND: Kind = Kind {
    name: "mergeFields",
    summary: "Joins texts, numbers and booleans with a separator into one text, which stands where \
              the first of them stood. Refuses a missing field, null, objects and arrays, and an \
              existing target.",
    parameters: &[
        Parameter {
            name: "from",
            form: "a list of at least two paths",
            optional: false,
            help: "the fields, in order",
        },
        Parameter { name: "to", form: "a path", optional: false, help: "the field for the text" },
        Parameter {
            name: "separator",
            form: "text",
            optional: true,
            help: "what to write between them; one space when left out",
        },
        Parameter {
            name: "keepSource",
            form: "true or false",
            optional: true,
            help: "whether the fields stay beside the text",
        },
        Parameter {
            help: "what happens when a field is absent: the document fails, or it is left out",
            ..ON_MISSING
        },
        ON_EXISTING,
    ],
    parse,
};

#[derive(Debug)]
struct MergeFields {
    from: Vec<Place>,
    to: Place,
    separator: String,
    keep_source: bool,
    on_missing: OnMissing,
    on_existing: OnExisting,
}

fn parse(params: &mut Params<'_>) -> Option<Box<dyn Transform>> {
    let (from, to) = (params.places("from", 2), params.place("to"));
    let separator = params.optional_text("separator").unwrap_or(" ").to_owned();
    let keep_source = params.flag("keepSource", false);
    let on_missing = params.on_missing(OnMissing::Fail);
    let on_existing = params.on_existing();
    let (from, to) = (from?, to?);
    params.same_scope("from", &from.iter().chain([&to]).collect::<Vec<_>>());
    Some(Box::new(MergeFields { from, to, separator, keep_source, on_missing, on_existing }))
}

impl MergeFields {
    fn merge(&self, object: &mut Object<'_>, storage: Storage) -> Result<(), Refusal> {
        // Written as in a JSON string, so that escapes stay; a hash holds the bare text.
        let is_hash = storage == Storage::Hash;
        let separator = if is_hash { self.separator.clone() } else { inside(&self.separator) };
        let mut texts = Vec::with_capacity(self.from.len());
        let mut first = None;
        for place in &self.from {
            let Some((parent, at)) = place.find_or(object, self.on_missing)? else { continue };
            let value = &parent.members()[at].value;
            let text = if is_hash {
                scalar_text(value).map(Cow::into_owned)
            } else {
                scalar_inside(value)
            };
            let found = value.json_type();
            texts.push(text.ok_or_else(|| {
                Refusal::new(place.path(), format!("the value is {found}, and text is needed"))
            })?);
            first.get_or_insert((place, at));
        }
        let Some((first, mut at)) = first else { return Ok(()) };
        let merged = texts.join(&separator);
        let value = if is_hash {
            Value::Plain(Cow::Owned(merged.into_bytes()))
        } else {
            Value::Raw(Cow::Owned(format!("\"{merged}\"")))
        };
        if !self.keep_source {
            for place in &self.from {
                if let Some((parent, stands)) = place.find(object)? {
                    parent.remove(stands);
                    if place.parents() == first.parents() && stands < at {
                        at -= 1;
                    }
                }
            }
        }
        let beside = first.parents() == self.to.parents();
        let at = if self.keep_source { at + 1 } else { at };
        self.to.put(object, beside.then_some(at), value, self.on_existing)?;
        Ok(())
    }
}

impl Transform for MergeFields {
    fn apply(&self, document: &mut Document<'_>, _: &Facts<'_>) -> Result<(), Refusal> {
        let storage = document.storage();
        self.to.each(document, self.on_missing, &mut |object| self.merge(object, storage))
    }

    fn inverse(&self) -> Option<Vec<Json>> {
        if self.keep_source {
            return Some(vec![json!({"type": "removeField", "field": self.to.path()})]);
        }
        if self.separator.is_empty() {
            return None;
        }
        let from: Vec<&Path> = self.from.iter().map(Place::path).collect();
        Some(vec![json!({"type": "splitField", "from": self.to.path(), "to": from,
                         "separator": self.separator})])
    }

    fn loss(&self) -> Option<String> {
        if self.on_existing == OnExisting::Overwrite {
            return Some(format!("a value that stands at '{}' is replaced", self.to.path()));
        }
        (!self.keep_source).then(|| {
            let fields: Vec<String> = self.from.iter().map(|p| format!("'{}'", p.path())).collect();
            format!(
                "where {} ended is not known when a value holds the separator '{}', and numbers \
                 become text",
                fields.join(", "),
                self.separator
            )
        })
    }

    fn touches(&self) -> Vec<Path> {
        self.from.iter().chain([&self.to]).map(|place| place.path().clone()).collect()
    }
}
