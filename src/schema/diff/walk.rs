//! Walks two JSON Schemas side by side and names what differs, through fields, items and `$ref`.

use serde_json::{Map, Value};

use super::align::{OpenModel, Policy, RequiredDefault, requires};
use super::change::{Change, ChangeKind as Kind, DataWork, Verdict};
use super::keywords::{Move, Spot, compare, escaped};
use super::oracle;
use crate::schema::reading::local_target;
use crate::schema::violation::shown;

/// How deep schemas are walked: as deep as JSON may nest.
const WALK_DEPTH_MAX: usize = crate::model::limits::JSON_DEPTH_MAX;

/// Keywords in which a part's verdict does not carry over to the whole: the whole is judged.
const COMBINED: [&str; 8] =
    ["allOf", "anyOf", "oneOf", "not", "if", "then", "else", "dependentSchemas"];

/// Walks from the roots of two schemas.
pub struct Walk<'s> {
    old_root: &'s Value,
    new_root: &'s Value,
    policy: Policy,
    /// Pairs of references that were entered, so that recursive schemas end.
    entered: Vec<(String, String)>,
    /// What was found.
    pub changes: Vec<Change>,
}

impl<'s> Walk<'s> {
    /// A walk that has not begun. `policy.open_model` is decided: not `ByForm`.
    pub fn new(old_root: &'s Value, new_root: &'s Value, policy: Policy) -> Self {
        Self { old_root, new_root, policy, entered: vec![root()], changes: Vec::new() }
    }

    /// Compares two nodes.
    pub fn node(&mut self, old: &'s Value, new: &'s Value, spot: &Spot, depth: usize) {
        if depth > WALK_DEPTH_MAX {
            return;
        }
        let reference = |schema: &Value| {
            schema.get("$ref").and_then(Value::as_str).unwrap_or_default().to_owned()
        };
        let pair = (reference(old), reference(new));
        let refers = !pair.0.is_empty() || !pair.1.is_empty();
        if refers {
            if self.entered.contains(&pair) {
                return;
            }
            self.entered.push(pair);
        }
        let old_target = resolved(old, self.old_root);
        let new_target = resolved(new, self.new_root);
        match (old_target.as_object(), new_target.as_object()) {
            (Some(a), Some(b)) => self.objects(a, b, spot, depth),
            _ if old_target == new_target => {}
            _ => self.booleans(old_target, new_target, spot),
        }
        if refers {
            self.entered.pop();
        }
    }

    /// At least one side is `true` or `false`.
    fn booleans(&mut self, old: &Value, new: &Value, spot: &Spot) {
        let place = if spot.field.is_empty() { "the document" } else { &spot.field };
        let message = format!("{place}: {} -> {}", shown(old), shown(new));
        let mut change = spot.change(Kind::SchemaChanged, "", None, message);
        self.judged(&mut change, old, new);
        if change.breaks() || change.data != DataWork::None {
            self.changes.push(change);
        }
    }

    fn objects(
        &mut self,
        old: &'s Map<String, Value>,
        new: &'s Map<String, Value>,
        spot: &Spot,
        depth: usize,
    ) {
        let mut own = compare(spot, old, new);
        let is_leaf = |map: &Map<String, Value>| {
            !["properties", "items", "required", "additionalProperties", "$ref"]
                .iter()
                .chain(&COMBINED)
                .any(|keyword| map.contains_key(*keyword))
        };
        // What a leaf accepts is known exactly, also where its keywords play together.
        if !own.is_empty() && is_leaf(old) && is_leaf(new) {
            let judgement = oracle::judge(&Value::Object(old.clone()), &Value::Object(new.clone()));
            settle(&mut own, judgement.backward, judgement.forward);
        }
        self.changes.append(&mut own);
        self.fields(old, new, spot, depth);
        self.model(old, new, spot, depth);
        self.items(old, new, spot, depth);
        for keyword in COMBINED {
            self.combined(old.get(keyword), new.get(keyword), keyword, spot);
        }
    }

    fn fields(
        &mut self,
        old: &'s Map<String, Value>,
        new: &'s Map<String, Value>,
        spot: &Spot,
        depth: usize,
    ) {
        let empty = Map::new();
        let properties =
            |map: &'s Map<String, Value>| map.get("properties").and_then(Value::as_object);
        let (before, after) = (properties(old), properties(new));
        let (old_value, new_value) = (Value::Object(old.clone()), Value::Object(new.clone()));
        for (name, property) in after.into_iter().flatten() {
            let inner = spot.inside("properties", name, requires(&old_value, name));
            match before.and_then(|before| before.get(name)) {
                Some(known) => {
                    self.requirement(&old_value, &new_value, name, &inner, property);
                    self.node(known, property, &inner, depth + 1);
                }
                None => self.added(old, property, requires(&new_value, name), &inner),
            }
        }
        for (name, property) in before.into_iter().flatten() {
            if after.is_none_or(|after| !after.contains_key(name)) {
                let inner = spot.inside("properties", name, requires(&old_value, name));
                self.removed(new, property, requires(&old_value, name), &inner);
            }
        }
        let declared = |name: &str| {
            after.unwrap_or(&empty).contains_key(name)
                || before.unwrap_or(&empty).contains_key(name)
        };
        for name in names(old).chain(names(new)).filter(|name| !declared(name)) {
            let inner = spot.inside("required", name, requires(&old_value, name));
            if !self.changes.iter().any(|change| change.path == inner.pointer) {
                self.requirement(&old_value, &new_value, name, &inner, &Value::Null);
            }
        }
    }

    fn requirement(&mut self, old: &Value, new: &Value, name: &str, spot: &Spot, property: &Value) {
        let (kind, moved, message) = match (requires(old, name), requires(new, name)) {
            (false, true) => (Kind::RequiredAdded, Move::Narrowed, "becomes required"),
            (true, false) => (Kind::RequiredRemoved, Move::Widened, "becomes optional"),
            _ => return,
        };
        let mut change = spot.change(kind, "", Some(moved), format!("{} {message}", spot.field));
        if kind == Kind::RequiredAdded {
            change.data = DataWork::Backfill;
            self.fill(&mut change, property);
        }
        self.changes.push(change);
    }

    /// New readers that fill a default in accept documents without the field.
    fn fill(&self, change: &mut Change, property: &Value) {
        let filled = self.policy.required_default == RequiredDefault::ReaderFills;
        if filled && property.get("default").is_some() {
            change.backward = Verdict::Yes;
        }
    }

    /// A field that only the new schema declares: until now it was whatever else was allowed.
    fn added(&mut self, old: &Map<String, Value>, property: &Value, required: bool, spot: &Spot) {
        let word = if required { "required" } else { "optional" };
        let message = format!("{} is new ({word})", spot.field);
        let mut change = spot.change(Kind::FieldAdded, "", None, message);
        change.to = Some(property.clone());
        let others = old.get("additionalProperties").cloned().unwrap_or(Value::Bool(true));
        self.declared(&mut change, &others, property);
        // Where clashes are taken as unused, only the data tells whether there are any.
        if others == Value::Bool(true) && !accepts_all(property) {
            change.data = DataWork::Check;
        }
        if required {
            change.backward = Verdict::No;
            change.data = DataWork::Backfill;
            self.fill(&mut change, property);
        }
        self.changes.push(change);
    }

    /// A field that only the old schema declares: from now on it is whatever else is allowed.
    fn removed(&mut self, new: &Map<String, Value>, property: &Value, required: bool, spot: &Spot) {
        let word = if required { "required" } else { "optional" };
        let message = format!("{} is gone (it was {word})", spot.field);
        let mut change = spot.change(Kind::FieldRemoved, "", None, message);
        change.from = Some(property.clone());
        let others = new.get("additionalProperties").cloned().unwrap_or(Value::Bool(true));
        self.declared(&mut change, property, &others);
        if required {
            change.forward = Verdict::No;
        }
        if others == Value::Bool(false) {
            change.data = DataWork::Rewrite;
        }
        self.changes.push(change);
    }

    /// Judges a field that one side does not declare, as the policy has it for open models.
    fn declared(&mut self, change: &mut Change, old: &Value, new: &Value) {
        let open = [old, new].into_iter().any(|schema| *schema == Value::Bool(true));
        if open && self.policy.open_model == OpenModel::Unused {
            return;
        }
        self.judged(change, old, new);
    }

    /// Gives a change the oracle's verdicts over two parts of the schemas.
    fn judged(&self, change: &mut Change, old: &Value, new: &Value) {
        let judgement =
            oracle::judge(&standalone(old, self.old_root), &standalone(new, self.new_root));
        (change.backward, change.forward) = (judgement.backward, judgement.forward);
        change.data = match (change.backward.breaks(), change.forward.breaks()) {
            (false, _) => DataWork::None,
            (true, false) => DataWork::Check,
            (true, true) => DataWork::Rewrite,
        };
    }

    /// What undeclared fields may be: `additionalProperties` and `patternProperties`.
    fn model(
        &mut self,
        old: &'s Map<String, Value>,
        new: &'s Map<String, Value>,
        spot: &Spot,
        depth: usize,
    ) {
        const OPEN: &Value = &Value::Bool(true);
        let keyword = "additionalProperties";
        let (before, after) = (old.get(keyword).unwrap_or(OPEN), new.get(keyword).unwrap_or(OPEN));
        let place = if spot.field.is_empty() { "the document" } else { &spot.field };
        match (before, after) {
            _ if before == after => {}
            (Value::Object(_), Value::Object(_)) => {
                let inner = Spot { pointer: format!("{}/{keyword}", spot.pointer), ..spot.any() };
                self.node(before, after, &inner, depth + 1);
            }
            _ => {
                let opened = *before == Value::Bool(false) || *after == Value::Bool(true);
                let (kind, moved, message) = if opened {
                    (Kind::ModelOpened, Move::Widened, "allows more undeclared fields")
                } else {
                    (Kind::ModelClosed, Move::Narrowed, "allows fewer undeclared fields")
                };
                let message = format!("{place} {message}");
                let change = spot.change(kind, keyword, Some(moved), message);
                let (from, to) = (old.get(keyword).cloned(), new.get(keyword).cloned());
                self.changes.push(Change { from, to, ..change });
            }
        }
        let keyword = "patternProperties";
        let patterns = |map: &'s Map<String, Value>| map.get(keyword).and_then(Value::as_object);
        let (before, after) = (patterns(old), patterns(new));
        for (pattern, property) in after.into_iter().flatten() {
            match before.and_then(|before| before.get(pattern)) {
                Some(known) => {
                    let pointer = format!("{}/{keyword}/{}", spot.pointer, escaped(pattern));
                    self.node(known, property, &Spot { pointer, ..spot.any() }, depth + 1);
                }
                None => self.combined(None, Some(property), &format!("{keyword}/{pattern}"), spot),
            }
        }
        for (pattern, property) in before.into_iter().flatten() {
            if after.is_none_or(|after| !after.contains_key(pattern)) {
                self.combined(Some(property), None, &format!("{keyword}/{pattern}"), spot);
            }
        }
    }

    fn items(
        &mut self,
        old: &'s Map<String, Value>,
        new: &'s Map<String, Value>,
        spot: &Spot,
        depth: usize,
    ) {
        const ANY: &Value = &Value::Bool(true);
        for keyword in ["items", "additionalItems"] {
            let (before, after) = (old.get(keyword), new.get(keyword));
            if before == after {
                continue;
            }
            let inner = Spot {
                pointer: format!("{}/{keyword}", spot.pointer),
                field: format!("{}[]", spot.field),
                relied_on: spot.relied_on,
            };
            match (before, after) {
                (Some(Value::Array(_)), _) | (_, Some(Value::Array(_))) => {
                    self.tuple(before, after, keyword, spot, depth);
                }
                _ => self.node(before.unwrap_or(ANY), after.unwrap_or(ANY), &inner, depth + 1),
            }
        }
        if old.get("prefixItems") != new.get("prefixItems") {
            self.tuple(old.get("prefixItems"), new.get("prefixItems"), "prefixItems", spot, depth);
        }
    }

    fn tuple(
        &mut self,
        old: Option<&'s Value>,
        new: Option<&'s Value>,
        keyword: &str,
        spot: &Spot,
        depth: usize,
    ) {
        match (old.and_then(Value::as_array), new.and_then(Value::as_array)) {
            (Some(before), Some(after)) if before.len() == after.len() => {
                for (index, (a, b)) in before.iter().zip(after).enumerate() {
                    let pointer = format!("{}/{keyword}/{index}", spot.pointer);
                    let field = format!("{}[{index}]", spot.field);
                    let inner = Spot { pointer, field, relied_on: spot.relied_on };
                    self.node(a, b, &inner, depth + 1);
                }
            }
            _ => self.combined(old, new, keyword, spot),
        }
    }

    /// A keyword whose parts do not stand alone: named as a whole, judged as a whole.
    fn combined(&mut self, old: Option<&Value>, new: Option<&Value>, keyword: &str, spot: &Spot) {
        if old == new {
            return;
        }
        let place = if spot.field.is_empty() { "the document" } else { &spot.field };
        let verb = match (old, new) {
            (None, _) => "is new",
            (_, None) => "is gone",
            _ => "changed",
        };
        let message = format!("{place}: {keyword} {verb}");
        let mut change = spot.change(Kind::CombinedChanged, "", None, message);
        change.path = format!("{}/{keyword}", spot.pointer);
        (change.from, change.to) = (old.cloned(), new.cloned());
        let whole = |part: Option<&Value>| {
            let mut map = Map::new();
            if let Some(part) = part {
                match keyword.split_once('/') {
                    Some((keyword, name)) => {
                        let inner = Map::from_iter([(name.to_owned(), part.clone())]);
                        map.insert(keyword.to_owned(), Value::Object(inner));
                    }
                    None => _ = map.insert(keyword.to_owned(), part.clone()),
                }
            }
            Value::Object(map)
        };
        self.judged(&mut change, &whole(old), &whole(new));
        self.changes.push(change);
    }
}

impl Spot {
    fn inside(&self, keyword: &str, name: &str, relied_on: bool) -> Self {
        let quoted = name.replace('\\', "\\\\").replace('.', "\\.").replace('[', "\\[");
        let field = match self.field.as_str() {
            "" => quoted,
            field => format!("{field}.{quoted}"),
        };
        let pointer = format!("{}/{keyword}/{}", self.pointer, escaped(name));
        Self { pointer, field, relied_on }
    }

    /// The same place with any name below it.
    fn any(&self) -> Self {
        let field = match self.field.as_str() {
            "" => "*".to_owned(),
            field => format!("{field}.*"),
        };
        Self { field, relied_on: false, pointer: self.pointer.clone() }
    }
}

/// Lets the verdicts over a whole correct those of its parts: where the whole is compatible, no part
/// breaks; where it is not and no part says so, the last is not proven.
pub fn settle(changes: &mut [Change], backward: Verdict, forward: Verdict) {
    if backward == Verdict::Yes {
        for change in changes.iter_mut().filter(|change| change.backward.breaks()) {
            change.backward = Verdict::Yes;
            change.data = DataWork::None;
        }
    } else if changes.iter().all(|change| change.backward != Verdict::No) {
        let last = changes.iter_mut().rfind(|change| change.kind != Kind::AnnotationChanged);
        if let Some(change) = last {
            change.backward = backward;
            change.data = DataWork::Check;
        }
    }
    if forward == Verdict::Yes {
        for change in changes.iter_mut() {
            change.forward = Verdict::Yes;
        }
    } else if changes.iter().all(|change| change.forward != Verdict::No) {
        let last = changes.iter_mut().rfind(|change| change.kind != Kind::AnnotationChanged);
        if let Some(change) = last {
            change.forward = forward;
        }
    }
}

/// The pair of references that stands for the two roots, where a walk begins.
fn root() -> (String, String) {
    ("#".to_owned(), "#".to_owned())
}

fn names(map: &Map<String, Value>) -> impl Iterator<Item = &str> {
    map.get("required").and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str)
}

fn accepts_all(schema: &Value) -> bool {
    *schema == Value::Bool(true) || schema.as_object().is_some_and(Map::is_empty)
}

/// The schema a reference leads to, through a few references in a row. A reference with siblings
/// stays as it is: both hold.
fn resolved<'s>(schema: &'s Value, root: &'s Value) -> &'s Value {
    let mut at = schema;
    for _ in 0..8 {
        let alone = at.as_object().is_some_and(|map| map.len() == 1);
        match local_target(at, root).filter(|_| alone) {
            Some(target) => at = target,
            None => break,
        }
    }
    at
}

/// A part of a schema with what its references need.
pub(super) fn standalone(part: &Value, root: &Value) -> Value {
    let Value::Object(map) = part else { return part.clone() };
    let mut out = map.clone();
    for keyword in ["$schema", "$defs", "definitions"] {
        if let Some(value) = root.get(keyword).filter(|_| !map.contains_key(keyword)) {
            out.insert(keyword.to_owned(), value.clone());
        }
    }
    Value::Object(out)
}
