//! What a JSON Schema says of the structure of a value: types, fields, items, values of a map.
//! References are followed and combined forms put together as far as structure goes; what a value must
//! obey in full is the validator's matter.

use std::collections::BTreeSet;

use serde_json::{Map, Value as Json};

use crate::schema::field::FieldType;
use crate::schema::reading::local_target;
use crate::schema::{Reading, Validator};

/// How deep references and combined forms are followed.
const FOLLOW_DEPTH_MAX: usize = 12;

/// The structure of one node.
#[derive(Clone, Debug, Default)]
pub struct Structure {
    /// The types it may have; empty for any.
    pub types: BTreeSet<FieldType>,
    /// The declared fields, in order.
    pub fields: Vec<(String, Json)>,
    /// The names that must stand.
    pub required: BTreeSet<String>,
    /// Whether no other fields may stand.
    pub closed: bool,
    /// What the items of an array are.
    pub items: Option<Json>,
    /// What the values of a map are: an object without declared fields.
    pub values: Option<Json>,
    /// The values it may have, when they are listed.
    pub listed: Option<Vec<Json>>,
    /// A format.
    pub format: Option<String>,
    /// Whether a pattern holds for its text.
    pub pattern: Option<String>,
    /// The value readers take when it is absent.
    pub default: Option<Json>,
    /// A note for people.
    pub description: Option<String>,
}

impl Structure {
    /// The structure of `node`, a part of `root`.
    pub fn of(node: &Json, root: &Json) -> Self {
        let mut shape = Self::default();
        shape.take(node, root, 0);
        if shape.types.is_empty() {
            if !shape.fields.is_empty() || shape.values.is_some() {
                shape.types.insert(FieldType::Object);
            } else if shape.items.is_some() {
                shape.types.insert(FieldType::Array);
            }
        }
        shape
    }

    fn take(&mut self, node: &Json, root: &Json, depth: usize) {
        let Some(map) = node.as_object() else { return };
        if depth > FOLLOW_DEPTH_MAX {
            return;
        }
        if let Some(target) = local_target(node, root) {
            self.take(target, root, depth + 1);
        }
        for inner in map.get("allOf").and_then(Json::as_array).into_iter().flatten() {
            self.take(inner, root, depth + 1);
        }
        for key in ["anyOf", "oneOf"] {
            if let Some(forms) = map.get(key).and_then(Json::as_array) {
                self.take_one_of(forms, root, depth);
            }
        }
        self.take_types(map);
        self.take_object(map);
        if let Some(items) = map.get("items").filter(|items| items.is_object()) {
            self.items = Some(items.clone());
        }
        let text = |key: &str| map.get(key).and_then(Json::as_str).map(str::to_owned);
        self.format = text("format").or(self.format.take());
        self.pattern = text("pattern").or(self.pattern.take());
        self.description = text("description").or(self.description.take());
        if let Some(default) = map.get("default") {
            self.default = Some(default.clone());
        }
    }

    /// Of alternatives, everything that one of them declares may stand, and what all of them require
    /// must.
    fn take_one_of(&mut self, forms: &[Json], root: &Json, depth: usize) {
        let mut shapes: Vec<Self> = Vec::new();
        for form in forms {
            let mut shape = Self::default();
            shape.take(form, root, depth + 1);
            shapes.push(shape);
        }
        let mut required: Option<BTreeSet<String>> = None;
        for shape in shapes {
            self.types.extend(shape.types.iter().copied());
            if shape.types.iter().all(|t| *t == FieldType::Null) && !shape.types.is_empty() {
                continue;
            }
            for (name, field) in shape.fields {
                if !self.fields.iter().any(|(known, _)| *known == name) {
                    self.fields.push((name, field));
                }
            }
            required = Some(match required {
                None => shape.required,
                Some(known) => known.intersection(&shape.required).cloned().collect(),
            });
            self.items = self.items.take().or(shape.items);
            self.values = self.values.take().or(shape.values);
            self.format = self.format.take().or(shape.format);
            self.pattern = self.pattern.take().or(shape.pattern);
            if let Some(more) = shape.listed {
                self.listed.get_or_insert_default().extend(more);
            }
        }
        self.required.extend(required.unwrap_or_default());
    }

    fn take_types(&mut self, map: &Map<String, Json>) {
        let names: Vec<&str> = match map.get("type") {
            Some(Json::String(name)) => vec![name],
            Some(Json::Array(names)) => names.iter().filter_map(Json::as_str).collect(),
            _ => Vec::new(),
        };
        self.types.extend(names.into_iter().filter_map(FieldType::from_name));
        if map.get("nullable") == Some(&Json::Bool(true)) {
            self.types.insert(FieldType::Null);
        }
        let listed = map.get("enum").and_then(Json::as_array).cloned();
        if let Some(listed) = map.get("const").map(|one| vec![one.clone()]).or(listed) {
            if !map.contains_key("type") {
                self.types.extend(listed.iter().map(type_of));
            }
            self.listed = Some(listed.into_iter().filter(|value| !value.is_null()).collect());
        }
    }

    fn take_object(&mut self, map: &Map<String, Json>) {
        for (name, field) in map.get("properties").and_then(Json::as_object).into_iter().flatten() {
            match self.fields.iter_mut().find(|(known, _)| known == name) {
                Some((_, known)) => *known = field.clone(),
                None => self.fields.push((name.clone(), field.clone())),
            }
        }
        let required = map.get("required").and_then(Json::as_array).into_iter().flatten();
        self.required.extend(required.filter_map(Json::as_str).map(str::to_owned));
        let patterns = map.get("patternProperties").and_then(Json::as_object);
        match map.get("additionalProperties") {
            Some(Json::Bool(false)) if patterns.is_none() => self.closed = true,
            Some(values @ Json::Object(_)) => self.values = Some(values.clone()),
            _ => {}
        }
        if let Some(values) = patterns.and_then(|patterns| patterns.values().next()) {
            self.values = Some(values.clone());
        }
    }

    /// Whether values may be of this type, as far as is said.
    pub fn may_be(&self, field_type: FieldType) -> bool {
        self.types.is_empty()
            || self.types.contains(&field_type)
            || (field_type == FieldType::Integer && self.types.contains(&FieldType::Number))
    }

    /// Whether all values are of this type, or null.
    pub fn is_only(&self, field_type: FieldType) -> bool {
        self.types.contains(&field_type)
            && self.types.iter().all(|t| *t == field_type || *t == FieldType::Null)
    }

    /// Whether `null` fits.
    pub fn is_nullable(&self) -> bool {
        self.types.contains(&FieldType::Null)
    }

    /// The only value there is.
    pub fn constant(&self) -> Option<&Json> {
        self.listed.as_deref().and_then(|listed| match listed {
            [only] => Some(only),
            _ => None,
        })
    }
}

/// The type of a value: whole numbers are integers.
pub fn type_of(value: &Json) -> FieldType {
    match value {
        Json::Null => FieldType::Null,
        Json::Bool(_) => FieldType::Boolean,
        Json::Number(number) if crate::model::json::is_integer(number.as_str()) => {
            FieldType::Integer
        }
        Json::Number(_) => FieldType::Number,
        Json::String(_) => FieldType::String,
        Json::Array(_) => FieldType::Array,
        Json::Object(_) => FieldType::Object,
    }
}

/// A validator for one node of `root`; its references are resolved in the root's definitions.
pub fn validator(node: &Json, root: &Json) -> Option<Validator> {
    let mut schema = Map::new();
    for key in ["$schema", "$defs", "definitions", "components"] {
        if let Some(value) = root.get(key) {
            schema.insert(key.to_owned(), value.clone());
        }
    }
    schema.insert("allOf".to_owned(), Json::Array(vec![node.clone()]));
    Validator::new(&Json::Object(schema), Reading::default()).ok()
}
