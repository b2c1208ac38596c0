//! `mergeFields`: several values become one text.

use std::borrow::Cow;

use serde_json::{Value as Json, json};

use super::{Kind, ON_EXISTING, Parameter};
use crate::model::{Document, Object, Path, Storage, Value};
use crate::transform::text::{inside, scalar_inside, scalar_text};
use crate::transform::{Facts, Loss, OnExisting, OnMissing, Params, Place, Refusal, Transform};

pub(super) const KIND: Kind = Kind {
    name: "mergeFields",
    summary: "Joins texts, numbers and booleans with a separator (or as a template says) into one \
              text, which stands where the first of them stood. Refuses a missing field, null, \
              objects and arrays, and an existing target.",
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
            name: "template",
            form: "text with {1}, {2}, ...",
            optional: true,
            help: "the text to write in place of a separator: {1} is the first field, {2} the \
                   second; '{{' is a plain '{'",
        },
        Parameter {
            name: "keepSource",
            form: "true or false",
            optional: true,
            help: "whether the fields stay beside the text",
        },
        Parameter {
            name: "onMissing",
            form: "fail, skip or omit",
            optional: true,
            help: "what happens when a field is absent: the document fails (default), the step is \
                   skipped, or the text is made without that field",
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

/// What the text is made of.
#[derive(Debug)]
enum Layout {
    Separator(String),
    Template(Vec<Piece>),
}

#[derive(Debug)]
enum Piece {
    Text(String),
    Field(usize),
}

#[derive(Debug)]
struct MergeFields {
    from: Vec<Place>,
    to: Place,
    layout: Layout,
    keep_source: bool,
    absent: Absent,
    on_existing: OnExisting,
}

fn parse(params: &mut Params<'_>) -> Option<Box<dyn Transform>> {
    let (from, to) = (params.places("from", 2), params.place("to"));
    let (separator, template) =
        (params.optional_text("separator"), params.optional_text("template"));
    let keep_source = params.flag("keepSource", false);
    let words = [("fail", Absent::Fail), ("skip", Absent::Skip), ("omit", Absent::Omit)];
    let absent = params.word("onMissing", &words, Absent::Fail);
    let on_existing = params.on_existing();
    let (from, to) = (from?, to?);
    params.same_scope("from", &from.iter().chain([&to]).collect::<Vec<_>>());
    let layout = match template {
        None => Layout::Separator(separator.unwrap_or(" ").to_owned()),
        Some(_) if separator.is_some() => {
            let message = "mergeFields has both 'separator' and 'template'";
            params.refuse("template", message, "one of them");
            return None;
        }
        Some(text) => match read_template(text, from.len()) {
            Ok(pieces) => Layout::Template(pieces),
            Err(message) => {
                params.refuse("template", message, "text with {1}, {2}, ... for the fields");
                return None;
            }
        },
    };
    Some(Box::new(MergeFields { from, to, layout, keep_source, absent, on_existing }))
}

fn read_template(text: &str, fields: usize) -> Result<Vec<Piece>, String> {
    let mut pieces = Vec::new();
    let mut plain = String::new();
    let mut used = vec![false; fields];
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('{') {
        plain.push_str(before);
        if let Some(after) = after.strip_prefix('{') {
            plain.push('{');
            rest = after;
            continue;
        }
        let (number, after) = after.split_once('}').ok_or("a '{' has no '}'")?;
        let at = number.parse::<usize>().ok().filter(|at| (1..=fields).contains(at));
        let at = at.ok_or_else(|| format!("'{{{number}}}' is none of the {fields} fields"))? - 1;
        pieces.push(Piece::Text(std::mem::take(&mut plain)));
        pieces.push(Piece::Field(at));
        used[at] = true;
        rest = after;
    }
    plain.push_str(rest);
    pieces.push(Piece::Text(plain));
    match used.iter().position(|used| !used) {
        Some(unused) => Err(format!("the template does not use {{{}}}", unused + 1)),
        None => Ok(pieces),
    }
}

impl MergeFields {
    fn merge(&self, object: &mut Object<'_>, storage: Storage) -> Result<(), Refusal> {
        if !self.gives_way(object)? {
            match self.on_existing {
                OnExisting::Fail => return Err(self.to.exists()),
                // The sources stay too: nothing is lost.
                OnExisting::Keep => return Ok(()),
                OnExisting::Overwrite => {}
            }
        }
        // Written as in a JSON string, so that escapes stay; a hash holds the bare text.
        let is_hash = storage == Storage::Hash;
        let mut texts = Vec::with_capacity(self.from.len());
        for place in &self.from {
            let Some((parent, at)) = place.find(object)? else {
                match self.absent {
                    Absent::Fail => return Err(place.missing()),
                    Absent::Skip => return Ok(()),
                    Absent::Omit => {
                        texts.push(None);
                        continue;
                    }
                }
            };
            let value = &parent.members()[at].value;
            let text = if is_hash {
                scalar_text(value).map(Cow::into_owned)
            } else {
                scalar_inside(value)
            };
            let found = value.json_type();
            texts.push(Some(text.ok_or_else(|| {
                Refusal::new(place.path(), format!("the value is {found}, and text is needed"))
            })?));
        }
        let Some(lead) = texts.iter().position(Option::is_some) else { return Ok(()) };
        let merged = self.layout.join(&texts, is_hash);
        let value = if is_hash {
            Value::Plain(Cow::Owned(merged.into_bytes()))
        } else {
            Value::Raw(Cow::Owned(format!("\"{merged}\"")))
        };
        self.place(object, &self.from[lead], value)
    }

    /// Whether the target is free once the sources are gone: it is absent, one of them, or an object
    /// that holds nothing but them.
    fn gives_way(&self, object: &mut Object<'_>) -> Result<bool, Refusal> {
        let mut inside = 0;
        if !self.keep_source {
            for place in &self.from {
                if place.path() == self.to.path() {
                    return Ok(true);
                }
                let is_child = place.parents().len() == self.to.parents().len() + 1;
                let lies_inside = is_child && self.to.holds(place);
                inside += usize::from(lies_inside && place.stands(object)?);
            }
        }
        let Some((parent, at)) = self.to.find(object)? else { return Ok(true) };
        let held = if inside == 0 { None } else { parent.value_mut(at).object_mut() };
        Ok(held.is_some_and(|held| held.len() == inside))
    }

    /// Puts the text where its first part stood, whose member it takes over.
    fn place<'a>(
        &self,
        object: &mut Object<'a>,
        lead: &Place,
        value: Value<'a>,
    ) -> Result<(), Refusal> {
        // Sources go first, because the target may be an object that holds them.
        let takes_over = lead.is_beside(&self.to) && !self.keep_source;
        if !self.keep_source {
            for place in &self.from {
                let stays = if takes_over { lead.path() } else { self.to.path() };
                if place.path() != stays {
                    place.remove(object)?;
                }
            }
        }
        if !takes_over {
            let beside = lead.is_beside(&self.to).then_some(lead);
            let at = beside.map(|lead| lead.find(object)).transpose()?.flatten();
            let at = at.map(|(_, at)| at + 1);
            self.to.put(object, at, value, OnExisting::Overwrite)?;
            return Ok(());
        }
        if lead.path() != self.to.path() {
            self.to.remove(object)?;
        }
        let (parent, at) = lead.find(object)?.expect("its text was read");
        parent.rename(at, self.to.name());
        *parent.value_mut(at) = value;
        Ok(())
    }
}

impl Layout {
    fn join(&self, texts: &[Option<String>], is_hash: bool) -> String {
        let written = |text: &str| if is_hash { text.to_owned() } else { inside(text) };
        match self {
            Self::Separator(separator) => {
                let present: Vec<&str> = texts.iter().flatten().map(String::as_str).collect();
                present.join(&written(separator))
            }
            Self::Template(pieces) => pieces
                .iter()
                .map(|piece| match piece {
                    Piece::Text(text) => written(text),
                    Piece::Field(at) => texts[*at].clone().unwrap_or_default(),
                })
                .collect(),
        }
    }
}

impl Transform for MergeFields {
    fn apply(&self, document: &mut Document<'_>, _: &Facts<'_>) -> Result<(), Refusal> {
        let storage = document.storage();
        let scope = if self.absent == Absent::Fail { OnMissing::Fail } else { OnMissing::Skip };
        self.to.each(document, scope, &mut |object| self.merge(object, storage))
    }

    fn inverse(&self) -> Option<Vec<Json>> {
        if self.keep_source {
            return Some(vec![json!({"type": "removeField", "field": self.to.path()})]);
        }
        let separator = match &self.layout {
            Layout::Separator(separator) if !separator.is_empty() => separator,
            _ => return None,
        };
        let from: Vec<&Path> = self.from.iter().map(Place::path).collect();
        let mut split = json!({"type": "splitField", "from": self.to.path(), "to": from,
                               "separator": separator});
        if self.absent != Absent::Fail || self.on_existing == OnExisting::Keep {
            split["onMissing"] = "skip".into();
        }
        if self.absent == Absent::Omit {
            split["onShort"] = "omit".into();
        }
        if self.on_existing == OnExisting::Keep {
            split["onExisting"] = "keep".into();
        }
        Some(vec![split])
    }

    fn loss(&self) -> Option<Loss> {
        let to = self.to.path();
        if self.on_existing == OnExisting::Overwrite {
            return Some(Loss::values(format!("a value that stands at '{to}' is replaced")));
        }
        if !self.keep_source {
            let fields: Vec<String> = self.from.iter().map(|p| format!("'{}'", p.path())).collect();
            return Some(Loss::origin(format!(
                "where {} ended is not known when a value holds what is written between them, and \
                 numbers become text",
                fields.join(", ")
            )));
        }
        if self.on_existing == OnExisting::Keep || self.absent != Absent::Fail {
            let what = format!("which documents had '{to}' before is not known afterwards");
            return Some(Loss::origin(what));
        }
        self.to.made_parents()
    }

    fn touches(&self) -> Vec<Path> {
        self.from.iter().chain([&self.to]).map(|place| place.path().clone()).collect()
    }
}
