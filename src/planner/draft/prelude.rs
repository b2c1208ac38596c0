//! What is opened before anything is guessed: texts that spell a JSON object, and lists that always hold
//! one object, where the new schema has their fields and no such text or list. The guesses are then made
//! on the opened documents.

use std::collections::BTreeSet;

use serde_json::{Map, Value as Json, json};

use super::compile::{Guess, Tier};
use super::names::words;
use super::side::{Names, path_text, value_at};
use super::structure::{Structure, type_of};
use crate::schema::FieldType;

/// How a value is opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Opening {
    Parsed,
    Hoisted,
}

/// How many values have to agree.
const LEAST: usize = 3;

/// Opens what can be opened in the old schema and in all documents of its version, and answers the
/// steps that do the same.
pub fn open(old_root: &mut Json, new_root: &Json, documents: &mut [&mut Json]) -> Vec<Guess> {
    let mut found: Vec<(Names, Opening)> = Vec::new();
    look(old_root, old_root, new_root, &mut Vec::new(), documents, &mut found);
    let mut guesses = Vec::new();
    for (path, opening) in found {
        let seen = documents.iter().filter(|document| value_at(document, &path).is_some()).count();
        let nulls =
            documents.iter().filter(|d| value_at(d, &path).is_some_and(Json::is_null)).count();
        guesses.push(guess(&path, opening, seen, documents.len(), nulls));
        let mut objects: Vec<Json> = Vec::new();
        for document in documents.iter_mut() {
            let place = path.iter().try_fold(&mut **document, |at, name| at.get_mut(name));
            let Some(place) = place else { continue };
            if let Some(opened) = opened(place, opening) {
                *place = opened.clone();
                objects.push(opened);
            }
        }
        if let Some(node) = node_at(old_root, &path) {
            *node = shape(&objects, nulls > 0);
        }
    }
    guesses
}

fn guess(path: &Names, opening: Opening, seen: usize, of: usize, nulls: usize) -> Guess {
    let field = path_text(path);
    let (kind, what) = match opening {
        Opening::Parsed => ("parseJson", "spells a JSON object"),
        Opening::Hoisted => ("hoistField", "holds one object"),
    };
    let mut step = json!({"type": kind, "field": field});
    if seen < of {
        step["onMissing"] = "skip".into();
    }
    if nulls > 0 {
        step["when"] = json!({"not": {"field": field, "type": "null"}});
    }
    let right = seen - nulls;
    Guess {
        step,
        tier: Tier::Likely,
        confidence: 0.9,
        evidence: format!(
            "{field} {what} in {right} of {right} samples, and the new schema has its fields"
        ),
        alternatives: Vec::new(),
        destructive: false,
    }
}

/// The object that a text spells, or that stands alone in a list.
fn opened(value: &Json, opening: Opening) -> Option<Json> {
    let opened = match (value, opening) {
        (Json::String(text), Opening::Parsed) => serde_json::from_str(text).ok()?,
        (Json::Array(items), Opening::Hoisted) if items.len() == 1 => items[0].clone(),
        _ => return None,
    };
    opened.is_object().then_some(opened)
}

fn look(
    node: &Json,
    old_root: &Json,
    new_root: &Json,
    path: &mut Names,
    documents: &[&mut Json],
    found: &mut Vec<(Names, Opening)>,
) {
    let structure = Structure::of(node, old_root);
    for (name, field) in &structure.fields {
        path.push(name.clone());
        let inner = Structure::of(field, old_root);
        if inner.is_only(FieldType::Object) {
            look(field, old_root, new_root, path, documents, found);
        } else if let Some(opening) = opening(path, documents, new_root) {
            found.push((path.clone(), opening));
        }
        path.pop();
    }
}

/// How the values at a path are opened, when all of them can be and the new schema asks for it.
fn opening(path: &Names, documents: &[&mut Json], new_root: &Json) -> Option<Opening> {
    let values: Vec<&Json> = documents
        .iter()
        .filter_map(|document| value_at(document, path))
        .filter(|value| !value.is_null())
        .collect();
    let kinds = [(FieldType::String, Opening::Parsed), (FieldType::Array, Opening::Hoisted)];
    let (field_type, opening) = kinds.into_iter().find(|(field_type, _)| {
        values.first().is_some_and(|value| type_of(value) == *field_type)
    })?;
    let objects: Vec<Json> =
        values.iter().map(|value| opened(value, opening)).collect::<Option<_>>()?;
    if objects.len() < LEAST {
        return None;
    }
    let names: BTreeSet<&String> =
        objects.iter().filter_map(Json::as_object).flat_map(Map::keys).collect();
    let mut wanted: Vec<(Names, Structure)> = Vec::new();
    fields(new_root, new_root, &mut Vec::new(), &mut wanted);
    if wanted.iter().any(|(other, at)| other == path && at.may_be(field_type)) {
        return None;
    }
    // A list that goes on as a list keeps its items.
    let goes_on = wanted.iter().any(|(_, at)| {
        let items =
            at.items.as_ref().map(|items| Structure::of(items, new_root)).unwrap_or_default();
        field_type == FieldType::Array && items.fields.iter().any(|(name, _)| names.contains(name))
    });
    let ends = |name: &str| {
        let own = words(name);
        wanted.iter().any(|(other, at)| {
            let is_leaf = !at.is_only(FieldType::Object);
            is_leaf && other.last().is_some_and(|last| words(last).ends_with(&own))
        })
    };
    let known = names.iter().filter(|name| ends(name)).count();
    (!goes_on && known > 0 && known * 2 >= names.len()).then_some(opening)
}

/// Every field that a schema names, outer ones first.
fn fields(node: &Json, root: &Json, path: &mut Names, found: &mut Vec<(Names, Structure)>) {
    const DEPTH_MAX: usize = 8;
    if path.len() > DEPTH_MAX {
        return;
    }
    for (name, field) in Structure::of(node, root).fields {
        path.push(name);
        found.push((path.clone(), Structure::of(&field, root)));
        fields(&field, root, path, found);
        path.pop();
    }
}

/// The node of a schema at a path of plain fields.
fn node_at<'n>(root: &'n mut Json, path: &[String]) -> Option<&'n mut Json> {
    path.iter().try_fold(root, |at, name| at.get_mut("properties")?.get_mut(name))
}

/// A schema of the objects that were opened.
fn shape(objects: &[Json], is_nullable: bool) -> Json {
    let mut fields: Vec<(&String, BTreeSet<&str>, usize)> = Vec::new();
    for (name, value) in objects.iter().filter_map(Json::as_object).flatten() {
        let kind = type_of(value).name();
        match fields.iter_mut().find(|(known, ..)| *known == name) {
            Some((_, kinds, count)) => {
                kinds.insert(kind);
                *count += 1;
            }
            None => fields.push((name, BTreeSet::from([kind]), 1)),
        }
    }
    let properties: Map<String, Json> =
        fields.iter().map(|(name, kinds, _)| ((*name).clone(), json!({"type": kinds}))).collect();
    let always = fields.iter().filter(|(.., count)| *count == objects.len());
    let required: Vec<&String> = always.map(|(name, ..)| *name).collect();
    let kinds = if is_nullable { json!(["object", "null"]) } else { json!("object") };
    json!({"type": kinds, "properties": properties, "required": required})
}
