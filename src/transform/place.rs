//! A field's place in a document: finding, taking and putting values there.

use crate::model::object::Twice;
use crate::model::{Document, Object, Path, Segment, Value};

use super::step::{Loss, Refusal};

/// What happens when the field a step works on is absent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OnMissing {
    /// The document is refused.
    Fail,
    /// The step does nothing.
    Skip,
}

/// What happens when the field a step would write is there already.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OnExisting {
    /// The document is refused.
    Fail,
    /// The value that stands is kept, and the step does nothing: no value is lost.
    Keep,
    /// The value that stands is replaced.
    Overwrite,
}

/// The path of a field, cut into the scope (every object to work in, up to the last `[]`) and the
/// names inside of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    path: Path,
    /// The path as it is written.
    label: String,
    scope: Vec<Segment>,
    parents: Vec<String>,
    name: String,
}

impl Place {
    /// The place a path names; the path has to end in a field.
    pub fn new(path: Path) -> Self {
        let (scope, names) = path.split_scope();
        let mut parents: Vec<String> = names.into_iter().map(str::to_owned).collect();
        let name = parents.pop().expect("params refuse a path that ends in '[]'");
        let (scope, label) = (scope.to_vec(), path.to_string());
        Self { path, label, scope, parents, name }
    }

    /// The path.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The path as it is written.
    pub fn label(&self) -> &str {
        &self.label
    }

    /// The part up to the last `[]`.
    pub fn scope(&self) -> &[Segment] {
        &self.scope
    }

    /// The names between the scope and the field.
    pub fn parents(&self) -> &[String] {
        &self.parents
    }

    /// The field's own name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Whether the field stands in the same object as that of `other`.
    pub fn is_beside(&self, other: &Self) -> bool {
        self.parents == other.parents && self.scope == other.scope
    }

    /// Whether the field of `other` lies inside the value of this one.
    pub fn holds(&self, other: &Self) -> bool {
        let (own, others) = (self.path.segments(), other.path.segments());
        others.len() > own.len() && others.starts_with(own)
    }

    /// What writing here loses: the objects that have to be made for a nested field stay behind when
    /// the field is taken out again.
    pub fn made_parents(&self) -> Option<Loss> {
        let parent = self.parents.last()?;
        let what = format!("an object '{parent}' that is made for '{}' stays", self.path);
        Some(Loss::form(what))
    }

    /// Works in every object the scope names: the document itself, or each item of an array. A
    /// missing array counts as having no items when `on_missing` says skip.
    pub fn each<'a>(
        &self,
        document: &mut Document<'a>,
        on_missing: OnMissing,
        act: &mut dyn FnMut(&mut Object<'a>) -> Result<(), Refusal>,
    ) -> Result<(), Refusal> {
        self.each_in(&mut document.root, &self.scope, on_missing, act)
    }

    fn each_in<'a>(
        &self,
        object: &mut Object<'a>,
        scope: &[Segment],
        on_missing: OnMissing,
        act: &mut dyn FnMut(&mut Object<'a>) -> Result<(), Refusal>,
    ) -> Result<(), Refusal> {
        let Some((Segment::Field(name), rest)) = scope.split_first() else { return act(object) };
        match object.get_mut(name) {
            None if on_missing == OnMissing::Skip => Ok(()),
            None => Err(Refusal::new(&self.path, format!("'{name}' is missing"))),
            Some(value) => self.each_of(name, value, rest, on_missing, act),
        }
    }

    fn each_of<'a>(
        &self,
        name: &str,
        value: &mut Value<'a>,
        scope: &[Segment],
        on_missing: OnMissing,
        act: &mut dyn FnMut(&mut Object<'a>) -> Result<(), Refusal>,
    ) -> Result<(), Refusal> {
        let found = value.json_type();
        let wrong = |wanted: &str| {
            Refusal::new(&self.path, format!("'{name}' is {found}, and {wanted} is needed"))
        };
        if let Some((Segment::Each, rest)) = scope.split_first() {
            let array = value.array_mut().ok_or_else(|| wrong("an array"))?;
            return array
                .values_mut()
                .try_for_each(|item| self.each_of(name, item, rest, on_missing, act));
        }
        let object = value.object_mut().ok_or_else(|| wrong("an object"))?;
        self.each_in(object, scope, on_missing, act)
    }

    /// The object that holds the field, inside an object of the scope; `None` when a parent is
    /// missing.
    fn parent<'o, 'a>(
        &self,
        object: &'o mut Object<'a>,
    ) -> Result<Option<&'o mut Object<'a>>, Refusal> {
        let mut parent = object;
        for name in &self.parents {
            let Some(value) = parent.get_mut(name) else { return Ok(None) };
            let found = value.json_type();
            parent = value.object_mut().ok_or_else(|| self.not_an_object(name, found))?;
        }
        Ok(Some(parent))
    }

    /// Where the field stands in its parent; `None` when it (or a parent) is missing.
    pub fn find<'o, 'a>(
        &self,
        object: &'o mut Object<'a>,
    ) -> Result<Option<(&'o mut Object<'a>, usize)>, Refusal> {
        let Some(parent) = self.parent(object)? else { return Ok(None) };
        match parent.only(&self.name) {
            Ok(at) => Ok(at.map(|at| (parent, at))),
            Err(Twice) => Err(self.twice()),
        }
    }

    /// The value at the place, if there is one; a parent that is no object counts as absent.
    pub fn look<'o, 'a>(
        &self,
        object: &'o mut Object<'a>,
    ) -> Result<Option<&'o Value<'a>>, Refusal> {
        let mut parent = object;
        for name in &self.parents {
            let Some(inner) = parent.get_mut(name).and_then(Value::object_mut) else {
                return Ok(None);
            };
            parent = inner;
        }
        match parent.only(&self.name) {
            Ok(at) => Ok(at.map(|at| &parent.members()[at].value)),
            Err(Twice) => Err(self.twice()),
        }
    }

    /// Whether the field is there.
    pub fn stands(&self, object: &mut Object<'_>) -> Result<bool, Refusal> {
        Ok(self.find(object)?.is_some())
    }

    /// Takes the field out; `None` when it is not there.
    pub fn remove<'a>(&self, object: &mut Object<'a>) -> Result<Option<Value<'a>>, Refusal> {
        Ok(self.find(object)?.map(|(parent, at)| parent.remove(at)))
    }

    /// Like [`Place::find`], but a missing field is a refusal, or `None` when it is to be skipped.
    pub fn find_or<'o, 'a>(
        &self,
        object: &'o mut Object<'a>,
        on_missing: OnMissing,
    ) -> Result<Option<(&'o mut Object<'a>, usize)>, Refusal> {
        match self.find(object)? {
            None if on_missing == OnMissing::Fail => Err(self.missing()),
            found => Ok(found),
        }
    }

    /// The refusal for a name that stands twice: readers disagree on which of the two counts, so
    /// neither is safe to take or drop.
    fn twice(&self) -> Refusal {
        Refusal::new(&self.path, "the name stands twice in the document")
    }

    /// The refusal for a missing field.
    pub fn missing(&self) -> Refusal {
        Refusal::new(&self.path, "the field is missing")
    }

    /// The refusal for a field that is there already.
    pub fn exists(&self) -> Refusal {
        Refusal::new(&self.path, "the field exists already (onExisting: keep or overwrite)")
    }

    fn not_an_object(&self, name: &str, found: impl std::fmt::Display) -> Refusal {
        Refusal::new(&self.path, format!("'{name}' is {found}, and an object is needed"))
    }

    /// Puts a value at the place: at index `at` of the parent when one is given, else at its end.
    /// Missing parents are made. Answers whether the value was written.
    pub fn put<'a>(
        &self,
        object: &mut Object<'a>,
        at: Option<usize>,
        value: Value<'a>,
        on_existing: OnExisting,
    ) -> Result<bool, Refusal> {
        let mut parent = object;
        for name in &self.parents {
            if parent.position(name).is_none() {
                parent.push(name, Value::Object(Box::default()));
            }
            let held = parent.get_mut(name).expect("it was put there if it was missing");
            let found = held.json_type();
            parent = held.object_mut().ok_or_else(|| self.not_an_object(name, found))?;
        }
        match (parent.position(&self.name), on_existing) {
            (None, _) => parent.insert(at.unwrap_or(parent.len()), &self.name, value),
            (Some(_), OnExisting::Fail) => return Err(self.exists()),
            (Some(_), OnExisting::Keep) => return Ok(false),
            (Some(stands), OnExisting::Overwrite) => *parent.value_mut(stands) = value,
        }
        Ok(true)
    }
}

/// Where values stand: a field, or every item of the array in it (`tags[]`).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Spot {
    path: Path,
    field: Place,
    /// How many `[]` follow the field.
    depth: usize,
}

impl Spot {
    /// The spot a path names; the path has to begin with a field.
    pub fn new(path: Path) -> Self {
        let segments = path.segments();
        let depth = segments.iter().rev().take_while(|s| **s == Segment::Each).count();
        let field = Path::from_segments(segments[..segments.len() - depth].to_vec());
        Self { field: Place::new(field), depth, path }
    }

    /// The path.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Works on every value at the spot.
    pub fn each<'a>(
        &self,
        document: &mut Document<'a>,
        on_missing: OnMissing,
        act: &mut dyn FnMut(&mut Value<'a>) -> Result<(), Refusal>,
    ) -> Result<(), Refusal> {
        self.field.each(document, on_missing, &mut |object| match self
            .field
            .find_or(object, on_missing)?
        {
            Some((parent, at)) => self.descend(parent.value_mut(at), self.depth, act),
            None => Ok(()),
        })
    }

    fn descend<'a>(
        &self,
        value: &mut Value<'a>,
        depth: usize,
        act: &mut dyn FnMut(&mut Value<'a>) -> Result<(), Refusal>,
    ) -> Result<(), Refusal> {
        if depth == 0 {
            return act(value);
        }
        let found = value.json_type();
        let array = value.array_mut().ok_or_else(|| {
            let reason = format!("'{}' is {found}, and an array is needed", self.field.name());
            Refusal::new(&self.path, reason)
        })?;
        array.values_mut().try_for_each(|item| self.descend(item, depth - 1, act))
    }
}
