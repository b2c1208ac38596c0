//! `flattenField`: the members of an object go up beside it, and the object goes.

use serde_json::{Value as Json, json};

use super::{Kind, ON_EXISTING, ON_MISSING, Parameter};
use crate::model::{Document, Object, Path, Value};
use crate::transform::{Facts, Loss, OnExisting, OnMissing, Params, Place, Refusal, Transform};

pub(super) const KIND: Kind = Kind {
    name: "flattenField",
    summary: "Moves the members of an object up to where the object stood, by choice with a prefix \
              before their names. Refuses a missing field, what is no object, and existing targets.",
    parameters: &[
        Parameter { name: "field", form: "a path", optional: false, help: "the object" },
        Parameter {
            name: "prefix",
            form: "text",
            optional: true,
            help: "what to write before their names: address_ makes city to address_city",
        },
        Parameter {
            name: "fields",
            form: "a list of names",
            optional: true,
            help: "the members that are expected, in order; others, and absent ones, are refused. \
                   With this the inverse is known",
        },
        ON_MISSING,
        ON_EXISTING,
    ],
    parse,
};

#[derive(Debug)]
struct FlattenField {
    field: Place,
    prefix: String,
    fields: Option<Vec<String>>,
    on_missing: OnMissing,
    on_existing: OnExisting,
}

fn parse(params: &mut Params<'_>) -> Option<Box<dyn Transform>> {
    let field = params.place("field");
    let prefix = params.optional_text("prefix").unwrap_or_default().to_owned();
    let fields = params.optional("fields").and_then(|_| params.places("fields", 1));
    let fields: Option<Vec<String>> =
        fields.map(|places| places.iter().map(|place| place.name().to_owned()).collect());
    let on_missing = params.on_missing(OnMissing::Fail);
    let on_existing = params.on_existing();
    Some(Box::new(FlattenField { field: field?, prefix, fields, on_missing, on_existing }))
}

impl FlattenField {
    fn flatten(&self, object: &mut Object<'_>) -> Result<(), Refusal> {
        let Some((parent, at)) = self.field.find_or(object, self.on_missing)? else {
            return Ok(());
        };
        let refuse = |reason: String| Refusal::new(self.field.path(), reason);
        let found = parent.members()[at].value.json_type();
        let nested = parent
            .value_mut(at)
            .object_mut()
            .ok_or_else(|| refuse(format!("the value is {found}, and an object is needed")))?;
        if let Some(expected) = &self.fields {
            let names = nested.members().iter().map(|member| member.name.text());
            if !names.eq(expected.iter().map(String::as_str)) {
                let reason = "the object does not have the members that 'fields' names";
                return Err(refuse(reason.to_owned()));
            }
        }
        let names: Vec<String> = nested
            .members()
            .iter()
            .map(|member| format!("{}{}", self.prefix, member.name.text()))
            .collect();
        for (index, name) in names.iter().enumerate() {
            let is_own = name == self.field.name();
            if names[..index].contains(name) || (!is_own && parent.position(name).is_some()) {
                match self.on_existing {
                    OnExisting::Fail => return Err(refuse(format!("the field '{name}' exists"))),
                    OnExisting::Keep => return Ok(()),
                    OnExisting::Overwrite => {}
                }
            }
        }
        lift(parent, at, &names);
        Ok(())
    }
}

/// The first member takes the object's place over, so that nesting it again gives the same
/// bytes.
fn lift(parent: &mut Object<'_>, at: usize, names: &[String]) {
    let held = std::mem::replace(parent.value_mut(at), Value::NULL);
    let Value::Object(nested) = held else { unreachable!("it was opened before") };
    let mut at = at;
    let mut taken_over = false;
    for ((_, value), name) in nested.into_members().zip(names) {
        let stands = parent.position(name).filter(|stands| *stands != at || taken_over);
        if let Some(stands) = stands {
            *parent.value_mut(stands) = value;
        } else if taken_over {
            at += 1;
            parent.insert(at, name, value);
        } else {
            parent.rename(at, name);
            *parent.value_mut(at) = value;
            taken_over = true;
        }
    }
    if !taken_over {
        parent.remove(at);
    }
}

impl Transform for FlattenField {
    fn apply(&self, document: &mut Document<'_>, _: &Facts<'_>) -> Result<(), Refusal> {
        self.field.each(document, self.on_missing, &mut |object| self.flatten(object))
    }

    fn inverse(&self) -> Option<Vec<Json>> {
        let fields = self.fields.as_ref()?;
        let beside = |name: &String| {
            let mut segments = self.field.path().segments().to_vec();
            segments.pop();
            Path::from_segments(segments).join(&format!("{}{name}", self.prefix))
        };
        let from: Vec<Path> = fields.iter().map(beside).collect();
        let mut step = json!({"type": "nestFields", "from": from, "to": self.field.path()});
        if !self.prefix.is_empty() {
            step["prefix"] = self.prefix.as_str().into();
        }
        super::tolerate(&mut step, self.on_missing, self.on_existing);
        Some(vec![step])
    }

    fn loss(&self) -> Option<Loss> {
        let field = self.field.path();
        Some(if self.on_existing == OnExisting::Overwrite {
            Loss::values(
                "values that stand beside the object under its members' names are replaced",
            )
        } else if self.fields.is_none() || self.on_missing == OnMissing::Skip {
            Loss::origin(format!("which fields were members of '{field}' is not known afterwards"))
        } else {
            Loss::form(format!("the space between the members of '{field}' is not kept"))
        })
    }

    fn touches(&self) -> Vec<Path> {
        // The members' names are the document's own, so any field of the top level may be meant.
        if self.field.path().segments().len() == 1 && self.fields.is_none() {
            return vec![Path::default()];
        }
        let mut segments = self.field.path().segments().to_vec();
        segments.pop();
        let parent = Path::from_segments(segments);
        let names = self.fields.iter().flatten();
        let lifted = names.map(|name| parent.join(&format!("{}{name}", self.prefix)));
        let whole = if self.fields.is_none() { parent.clone() } else { self.field.path().clone() };
        std::iter::once(whole).chain(lifted).collect()
    }
}
