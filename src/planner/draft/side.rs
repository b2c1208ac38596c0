//! The two sides of a draft as flat lists: every field of a document that holds a value, with its
//! structure and the values that samples have there. Arrays and maps are one field here; what is
//! inside of them is a draft of its own.

use serde_json::{Map, Value as Json};

use super::structure::{Structure, type_of, validator};
use crate::model::{Path, Segment};
use crate::schema::{FieldType, Validator};

/// How many distinct values of a field are kept.
const VALUES_MAX: usize = 120;

/// How deep objects are opened.
const DEPTH_MAX: usize = 12;

/// A field by the names that lead to it.
pub type Names = Vec<String>;

/// A field that holds a value.
#[derive(Debug)]
pub struct Leaf {
    /// Where it stands.
    pub path: Names,
    /// Its schema.
    pub node: Json,
    /// The schema's structure.
    pub structure: Structure,
    /// Whether it must stand in its object.
    pub required: bool,
    /// Whether it stands in every document by the schema: it and all objects around it must.
    pub always: bool,
    /// Whether the schema names it; else only samples do.
    pub declared: bool,
    /// Distinct values of the samples.
    pub values: Vec<Json>,
    /// In how many samples it stands.
    pub present: usize,
    /// How many samples there are.
    pub sampled: usize,
    /// The words that documents of this version were seen with, where the schema lists none.
    seen: Vec<Json>,
    /// The same, whether or not an old field becomes them.
    few: Vec<Json>,
    validator: Option<Validator>,
    /// Judges only what the value itself is: items and fields may be made right afterwards.
    shallow: Option<Validator>,
}

/// An object around fields.
#[derive(Clone, Debug)]
pub struct Container {
    /// Where it stands.
    pub path: Names,
    /// Whether it stands in every document by the schema.
    pub always: bool,
    /// Whether the schema names it.
    pub required: bool,
    /// Whether it is the only item of a list that stands there.
    pub is_lone: bool,
}

/// A node of a schema, with the whole schema its references point into.
#[derive(Clone, Copy, Debug)]
pub struct Part<'s> {
    /// The node.
    pub node: &'s Json,
    /// The whole schema.
    pub root: &'s Json,
}

/// What stays the same while one side is opened.
struct Opening<'s> {
    root: &'s Json,
    samples: &'s [&'s Json],
    other_root: &'s Json,
    lone: &'s [Names],
}

/// One side of a draft.
#[derive(Debug, Default)]
pub struct Side {
    /// The fields that hold values, in the schema's order; what only samples have follows.
    pub leaves: Vec<Leaf>,
    /// The objects around them, outer ones first.
    pub containers: Vec<Container>,
    /// Objects that may hold no other fields; the document itself has the empty path.
    pub closed: Vec<Names>,
}

impl Leaf {
    /// The path as transforms write it.
    pub fn text(&self) -> String {
        path_text(&self.path)
    }

    /// Takes the few words that documents of this version were seen with, again and again, for a list of
    /// words, where it `is_said` that an old field becomes them.
    pub fn list_seen(&mut self, words: &[Json], seen: usize, is_said: &dyn Fn(&Self) -> bool) {
        const LISTED_MAX: usize = 8;
        let are_words =
            words.iter().all(Json::is_string) && (2..=LISTED_MAX).contains(&words.len());
        let is_plain = self.structure.listed.is_none() && self.structure.is_only(FieldType::String);
        if !is_plain || !are_words || seen < words.len() * 3 {
            return;
        }
        self.structure.listed = Some(words.to_vec());
        if is_said(self) {
            self.seen = words.to_vec();
        } else {
            self.structure.listed = None;
        }
        self.few = words.to_vec();
    }

    /// Whether documents of this version were seen with few words, and the old field has none of them.
    pub fn is_seen_otherwise(&self, old: &Self) -> bool {
        let is_other = |value: &Json| !self.few.contains(value);
        !self.few.is_empty() && !old.values.is_empty() && old.values.iter().all(is_other)
    }

    /// Whether a value is one of the words seen, where such are known.
    pub fn is_seen(&self, value: &Json) -> bool {
        self.seen.is_empty() || self.seen.contains(value)
    }

    /// Whether a value fits this field's schema in full.
    pub fn fits(&self, value: &Json) -> bool {
        match &self.validator {
            // Words that differ from those seen say that they have to be mapped.
            _ if !self.is_seen(value) => false,
            Some(validator) => validator.is_valid(value),
            None => self.structure.may_be(type_of(value)),
        }
    }

    /// Whether a value fits, leaving aside what is inside of it.
    pub fn fits_outside(&self, value: &Json) -> bool {
        match &self.shallow {
            Some(validator) => validator.is_valid(value),
            None => self.fits(value),
        }
    }

    /// Whether items or values of a map are objects that may differ inside.
    pub fn is_nest(&self) -> bool {
        self.shallow.is_some()
    }

    /// Whether it was seen absent, or may be by the schema.
    pub fn may_be_absent(&self) -> bool {
        !self.always || self.present < self.sampled
    }
}

/// The path of names as transforms write it.
pub fn path_text(names: &[String]) -> String {
    let segments = names.iter().map(|name| Segment::Field(name.clone())).collect();
    Path::from_segments(segments).to_string()
}

/// The value at a path of names.
pub fn value_at<'v>(value: &'v Json, names: &[String]) -> Option<&'v Json> {
    names.iter().try_fold(value, |at, name| at.get(name))
}

impl Side {
    /// The fields of the object schema `part`, with the values of `samples`. `other` is the other
    /// side's schema: an object without declared fields is opened only where the other side names
    /// what is inside. The lists of `lone` are opened as if their only item stood in their place.
    pub fn of(part: Part<'_>, samples: &[&Json], other: Part<'_>, lone: &[Names]) -> Self {
        let mut side = Self::default();
        let opening = Opening { root: part.root, samples, other_root: other.root, lone };
        let other = Structure::of(other.node, other.root);
        side.open(&opening, part.node, &mut Vec::new(), Some(&other), (true, true));
        side
    }

    fn open(
        &mut self,
        opening: &Opening<'_>,
        node: &Json,
        path: &mut Names,
        other: Option<&Structure>,
        (always, declared): (bool, bool),
    ) {
        let Opening { root, samples, other_root, lone } = *opening;
        let structure = Structure::of(node, root);
        if structure.closed {
            self.closed.push(path.clone());
        }
        let mut names: Vec<(String, Json, bool)> = structure
            .fields
            .iter()
            .map(|(name, field)| (name.clone(), field.clone(), declared))
            .collect();
        for name in seen_names(samples, path) {
            if !names.iter().any(|(known, ..)| *known == name) {
                names.push((name, structure.values.clone().unwrap_or(Json::Bool(true)), false));
            }
        }
        for (name, field, declared) in names {
            let required = structure.required.contains(&name);
            path.push(name.clone());
            let mut inner = Structure::of(&field, root);
            let is_lone = lone.contains(path);
            let field = inner.items.clone().filter(|_| is_lone).unwrap_or(field);
            if is_lone {
                inner = Structure::of(&field, root);
            }
            let other_field = other.and_then(|other| other.fields.iter().find(|(n, _)| *n == name));
            let other_inner = other_field.map(|(_, field)| Structure::of(field, other_root));
            if path.len() < DEPTH_MAX && opens(&inner, other_inner.as_ref(), samples, path) {
                let (path_here, always) = (path.clone(), always && required);
                self.containers.push(Container { path: path_here, always, required, is_lone });
                let inside = (always, declared);
                self.open(opening, &field, path, other_inner.as_ref(), inside);
            } else {
                let leaf = leaf(path, field, inner, root, samples);
                self.leaves.push(Leaf { required, always: always && required, declared, ..leaf });
            }
            path.pop();
        }
    }

    /// The field at a path.
    pub fn leaf(&self, path: &[String]) -> Option<usize> {
        self.leaves.iter().position(|leaf| leaf.path == path)
    }

    /// The object at a path.
    pub fn container(&self, path: &[String]) -> Option<&Container> {
        self.containers.iter().find(|container| container.path == path)
    }

    /// Whether the field at `path` stands in the only item of a list.
    pub fn is_lone(&self, path: &[String]) -> bool {
        self.containers.iter().any(|at| at.is_lone && path.starts_with(&at.path))
    }

    /// Whether the object that holds the field at `path` may hold no undeclared ones.
    pub fn is_closed_around(&self, path: &[String]) -> bool {
        self.closed.iter().any(|closed| *closed == path[..path.len() - 1])
    }
}

/// Whether an object is opened into its fields.
fn opens(
    structure: &Structure,
    other: Option<&Structure>,
    samples: &[&Json],
    path: &[String],
) -> bool {
    if !structure.fields.is_empty() {
        return structure.is_only(FieldType::Object);
    }
    let is_plain = structure.values.is_none() && structure.may_be(FieldType::Object);
    let is_named = other.is_some_and(|other| !other.fields.is_empty());
    let mut seen = samples.iter().filter_map(|sample| value_at(sample, path)).peekable();
    is_plain && is_named && seen.peek().is_some() && seen.all(|v| v.is_object() || v.is_null())
}

/// The items of a list of scalars as one field.
pub fn item_leaf(list: &Leaf) -> Option<Leaf> {
    list.structure.items.as_ref().and_then(|_| value_leaf(list))
}

/// The items of a list of scalars, or the values of a map of them, as one field.
pub fn value_leaf(around: &Leaf) -> Option<Leaf> {
    let node = around.structure.items.as_ref().or(around.structure.values.as_ref())?.clone();
    let structure = Structure::of(&node, &node);
    let is_scalar = !structure.types.is_empty()
        && !structure.may_be(FieldType::Object)
        && !structure.may_be(FieldType::Array);
    let inside = |value: &Json| -> Vec<Json> {
        match value {
            Json::Array(items) => items.clone(),
            Json::Object(members) => members.values().cloned().collect(),
            _ => Vec::new(),
        }
    };
    let items = around.values.iter().flat_map(inside);
    let documents: Vec<Json> = items.map(|item| serde_json::json!({ "x": item })).collect();
    let samples: Vec<&Json> = documents.iter().collect();
    is_scalar.then(|| leaf(&vec!["x".to_owned()], node.clone(), structure, &node, &samples))
}

/// The names that samples have in the object at `path`, in the order in which they are met.
fn seen_names(samples: &[&Json], path: &[String]) -> Vec<String> {
    let mut names: Vec<String> = Vec::new();
    for sample in samples {
        for name in value_at(sample, path).and_then(Json::as_object).into_iter().flat_map(Map::keys)
        {
            if !names.contains(name) {
                names.push(name.clone());
            }
        }
    }
    names
}

fn leaf(path: &Names, node: Json, structure: Structure, root: &Json, samples: &[&Json]) -> Leaf {
    let mut values: Vec<Json> = Vec::new();
    let mut present = 0;
    for value in samples.iter().filter_map(|sample| value_at(sample, path)) {
        present += 1;
        if values.len() < VALUES_MAX && !values.contains(value) {
            values.push(value.clone());
        }
    }
    let validates = validator(&node, root);
    let inside = structure.items.as_ref().or(structure.values.as_ref());
    let nests = inside.is_some_and(|inside| {
        let inner = Structure::of(inside, root);
        !inner.fields.is_empty() || inner.types.contains(&FieldType::Object)
    });
    let shallow = nests.then(|| {
        let names = |structure: &Structure| -> Vec<&str> {
            structure.types.iter().map(|t| t.name()).collect()
        };
        let inner = inside.map(|inside| Structure::of(inside, root)).unwrap_or_default();
        let inner = match names(&inner) {
            any if any.is_empty() => Json::Bool(true),
            types => serde_json::json!({ "type": types }),
        };
        let key = if structure.items.is_some() { "items" } else { "additionalProperties" };
        validator(&serde_json::json!({"type": names(&structure), key: inner}), root)
    });
    Leaf {
        path: path.clone(),
        node,
        structure,
        required: false,
        always: false,
        declared: true,
        values,
        present,
        sampled: samples.len(),
        seen: Vec::new(),
        few: Vec::new(),
        validator: validates,
        shallow: shallow.flatten(),
    }
}
