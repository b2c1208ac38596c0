//! Reading the parameters of a step, with every mistake noted instead of only the first.

use std::collections::BTreeSet;

use regex::Regex;
use serde_json::{Map, Value as Json};

use super::condition::Condition;
use super::kinds::external::only_in_chains;
use super::kinds::{self, Kind};
use super::place::{OnExisting, OnMissing, Place, Spot};
use super::predicate::regex_mistake;
use super::script::Script;
use super::step::{Step, StepMistake};
use super::template::Template;
use crate::model::{Path, Segment};

/// The parameters of one step while they are read. Each getter notes a mistake and answers `None`
/// when the parameter is missing or wrong.
#[derive(Debug)]
pub struct Params<'j> {
    kind: &'static Kind,
    members: &'j Map<String, Json>,
    asked: BTreeSet<&'static str>,
    mistakes: Vec<StepMistake>,
}

impl<'j> Params<'j> {
    /// Finds the kind of a step's definition.
    pub(super) fn open(definition: &'j Json) -> Result<(&'static Kind, Self), Vec<StepMistake>> {
        let mistake = |path: &str, message: String, expected: String| {
            vec![StepMistake { path: path.into(), message, expected }]
        };
        let Json::Object(members) = definition else {
            let message = format!("a transform is an object, and this is {}", type_of(definition));
            return Err(mistake("", message, r#"{"type": "renameField", ...}"#.into()));
        };
        let Some(Json::String(name)) = members.get("type") else {
            let message = "the transform has no 'type'".to_owned();
            return Err(mistake("", message, format!("\"type\" with one of: {}", kinds::names())));
        };
        let Some(kind) = kinds::find(name) else {
            let hint = nearest(name, kinds::KINDS.iter().map(|kind| kind.name))
                .map(|near| format!("; did you mean '{near}'?"))
                .unwrap_or_default();
            let message = format!("there is no transform '{name}'{hint}");
            return Err(mistake("type", message, format!("one of: {}", kinds::names())));
        };
        let asked = BTreeSet::from(["type", "description", "when"]);
        Ok((kind, Self { kind, members, asked, mistakes: Vec::new() }))
    }

    /// Ends the reading: notes every parameter nobody asked for.
    pub(super) fn finish(mut self) -> Vec<StepMistake> {
        for name in self.members.keys() {
            if self.asked.contains(name.as_str()) {
                continue;
            }
            let hint = nearest(name, self.asked.iter().copied())
                .map(|near| format!("; did you mean '{near}'?"))
                .unwrap_or_default();
            let known: Vec<&str> = self.kind.parameters.iter().map(|p| p.name).collect();
            self.mistakes.push(StepMistake {
                path: name.clone(),
                message: format!("{} has no parameter '{name}'{hint}", self.kind.name),
                expected: format!("one of: {}", known.join(", ")),
            });
        }
        self.mistakes
    }

    /// Notes a mistake.
    pub fn refuse(&mut self, path: &str, message: impl Into<String>, expected: impl Into<String>) {
        let (message, expected) = (message.into(), expected.into());
        self.mistakes.push(StepMistake { path: path.to_owned(), message, expected });
    }

    /// A parameter that may be missing.
    pub fn optional(&mut self, name: &'static str) -> Option<&'j Json> {
        self.asked.insert(name);
        self.members.get(name)
    }

    /// A parameter that has to be there.
    pub fn required(&mut self, name: &'static str) -> Option<&'j Json> {
        let found = self.optional(name);
        if found.is_none() {
            let expected = self.kind.form_of(name);
            self.refuse("", format!("{} needs the parameter '{name}'", self.kind.name), expected);
        }
        found
    }

    /// A field's path.
    pub fn place(&mut self, name: &'static str) -> Option<Place> {
        let json = self.required(name)?;
        self.read_place(name, json)
    }

    /// The path of a field, or of every item of an array (`tags[]`).
    pub fn spot(&mut self, name: &'static str) -> Option<Spot> {
        let json = self.required(name)?;
        self.read_path(name, json).map(Spot::new)
    }

    /// A list of fields' paths, at least `least` of them, no path twice.
    pub fn places(&mut self, name: &'static str, least: usize) -> Option<Vec<Place>> {
        let json = self.required(name)?;
        let Json::Array(items) = json else {
            let message = format!("'{name}' is {}", type_of(json));
            self.refuse(name, message, "a list of field paths");
            return None;
        };
        if items.len() < least {
            let message = format!("'{name}' has {} paths", items.len());
            self.refuse(name, message, format!("at least {least}"));
            return None;
        }
        let mut places: Vec<Place> = Vec::with_capacity(items.len());
        for (at, item) in items.iter().enumerate() {
            let label = format!("{name}[{at}]");
            let place = self.read_place(&label, item)?;
            if places.iter().any(|earlier| earlier.path() == place.path()) {
                self.refuse(&label, format!("'{}' stands twice", place.path()), "each path once");
                return None;
            }
            let nests = |earlier: &&Place| earlier.holds(&place) || place.holds(earlier);
            if let Some(earlier) = places.iter().find(nests) {
                let message = format!("'{}' and '{}' overlap", earlier.path(), place.path());
                self.refuse(&label, message, "paths of which none lies inside another");
                return None;
            }
            places.push(place);
        }
        Some(places)
    }

    /// The path of a field that stands at `label`.
    pub fn read_place(&mut self, label: &str, json: &Json) -> Option<Place> {
        let path = self.read_path(label, json)?;
        if path.segments().last() == Some(&Segment::Each) {
            let message = format!("'{path}' ends in '[]' and names no field");
            self.refuse(label, message, "a path that ends in a field: 'items[].price'");
            return None;
        }
        Some(Place::new(path))
    }

    fn read_path(&mut self, label: &str, json: &Json) -> Option<Path> {
        let Json::String(text) = json else {
            self.refuse(label, format!("a path is text, and this is {}", type_of(json)), "a path");
            return None;
        };
        match text.parse::<Path>() {
            Ok(path) => Some(path),
            Err(error) => {
                self.refuse(label, error.to_string(), "a path such as 'address.city'");
                None
            }
        }
    }

    /// A list of steps, at least one.
    pub fn steps(&mut self, name: &'static str) -> Option<Vec<Step>> {
        let json = self.required(name)?;
        let Some(items) = json.as_array().filter(|items| !items.is_empty()) else {
            let message = format!("'{name}' is {}", type_of(json));
            self.refuse(name, message, "a list of at least one transform");
            return None;
        };
        let before = self.mistakes.len();
        let mut steps = Vec::with_capacity(items.len());
        for (at, item) in items.iter().enumerate() {
            match Step::parse(item) {
                Ok(step) => steps.push(step),
                Err(mistakes) => self.adopt(&format!("{name}[{at}]"), mistakes),
            }
        }
        only_in_chains(self, name, &steps);
        (self.mistakes.len() == before).then_some(steps)
    }

    /// Notes mistakes that were found inside of the parameter `name`.
    fn adopt(&mut self, name: &str, mistakes: Vec<StepMistake>) {
        let inside = mistakes
            .into_iter()
            .map(|mistake| StepMistake { path: below(name, &mistake.path), ..mistake });
        self.mistakes.extend(inside);
    }

    /// Text that has to be there.
    pub fn text(&mut self, name: &'static str) -> Option<&'j str> {
        let json = self.required(name)?;
        self.read_text(name, json)
    }

    /// Text that may be missing.
    pub fn optional_text(&mut self, name: &'static str) -> Option<&'j str> {
        let json = self.optional(name)?;
        self.read_text(name, json)
    }

    fn read_text(&mut self, name: &'static str, json: &'j Json) -> Option<&'j str> {
        if let Json::String(text) = json {
            return Some(text);
        }
        let expected = self.kind.form_of(name);
        self.refuse(name, format!("'{name}' is {}", type_of(json)), expected);
        None
    }

    /// One of a few words; `default` when missing.
    pub fn word<T: Copy>(&mut self, name: &'static str, words: &[(&str, T)], default: T) -> T {
        let Some(text) = self.optional_text(name) else { return default };
        if let Some((_, value)) = words.iter().find(|(word, _)| *word == text) {
            return *value;
        }
        let known: Vec<&str> = words.iter().map(|(word, _)| *word).collect();
        let message = format!("'{name}' is '{text}'");
        self.refuse(name, message, format!("one of: {}", known.join(", ")));
        default
    }

    /// A whole number that may be missing, `least` or more.
    pub fn count(&mut self, name: &'static str, least: usize) -> Option<usize> {
        let json = self.optional(name)?;
        let count = json.as_u64().and_then(|count| usize::try_from(count).ok());
        let count = count.filter(|count| *count >= least);
        if count.is_none() {
            let message = format!("'{name}' is {json}");
            self.refuse(name, message, format!("a whole number, {least} or more"));
        }
        count
    }

    /// A regular expression that may be missing; `Some(None)` when it is wrong.
    pub fn optional_regex(&mut self, name: &'static str) -> Option<Option<Regex>> {
        let text = self.optional_text(name)?;
        let compiled = Regex::new(text).map_err(|error| {
            let message = regex_mistake(&error);
            self.refuse(name, message, "a regular expression (https://docs.rs/regex#syntax)");
        });
        Some(compiled.ok())
    }

    /// `true` or `false`; `default` when missing.
    pub fn flag(&mut self, name: &'static str, default: bool) -> bool {
        match self.optional(name) {
            None => default,
            Some(Json::Bool(value)) => *value,
            Some(other) => {
                self.refuse(name, format!("'{name}' is {}", type_of(other)), "true or false");
                default
            }
        }
    }

    /// A value with placeholders.
    pub fn template(&mut self, name: &'static str) -> Option<Template> {
        let json = self.required(name)?;
        Template::parse(json).map_err(|message| self.refuse(name, message, "a JSON value")).ok()
    }

    /// The expression `text`, which stands at `name`.
    pub fn expression(&mut self, name: &str, text: &str, inputs: &[Place]) -> Option<Script> {
        let script = Script::expression(text, inputs);
        let expected = "a Luau expression over 'inputs', as in i.price * 100";
        script.map_err(|mistake| self.refuse(name, mistake.to_string(), expected)).ok()
    }

    /// A condition that may be missing.
    pub fn condition(&mut self, name: &'static str) -> Option<Condition> {
        let json = self.optional(name)?;
        match Condition::parse(json) {
            Ok(condition) => Some(condition),
            Err(mistakes) => {
                self.adopt(name, mistakes);
                None
            }
        }
    }

    /// `onMissing`: what happens when the source field is absent.
    pub fn on_missing(&mut self, default: OnMissing) -> OnMissing {
        let words = [("fail", OnMissing::Fail), ("skip", OnMissing::Skip)];
        self.word("onMissing", &words, default)
    }

    /// `onExisting`: what happens when the target field is there already.
    pub fn on_existing(&mut self) -> OnExisting {
        let words = [
            ("fail", OnExisting::Fail),
            ("keep", OnExisting::Keep),
            ("overwrite", OnExisting::Overwrite),
        ];
        self.word("onExisting", &words, OnExisting::Fail)
    }

    /// Notes a mistake unless all places work inside the items of the same array (or all outside
    /// of any array).
    pub fn same_scope(&mut self, name: &'static str, places: &[&Place]) {
        if places.windows(2).any(|pair| pair[0].scope() != pair[1].scope()) {
            let message = "the paths reach into different arrays";
            self.refuse(name, message, "the same part up to the last '[]' in every path");
        }
    }
}

/// The path of `inner` inside of `outer`.
pub(super) fn below(outer: &str, inner: &str) -> String {
    let is_name = !outer.is_empty() && !inner.is_empty() && !inner.starts_with('[');
    let dot = if is_name { "." } else { "" };
    format!("{outer}{dot}{inner}")
}

/// The known name that is nearest to `name`, when one is near.
pub fn nearest<'n>(name: &str, known: impl Iterator<Item = &'n str>) -> Option<&'n str> {
    const NEAR: f64 = 0.75;
    known
        .map(|candidate| {
            (strsim::jaro_winkler(&name.to_lowercase(), &candidate.to_lowercase()), candidate)
        })
        .filter(|(score, _)| *score >= NEAR)
        .max_by(|a, b| a.0.total_cmp(&b.0))
        .map(|(_, candidate)| candidate)
}

/// The type of a JSON value, with its article.
pub fn type_of(json: &Json) -> &'static str {
    match json {
        Json::Null => "null",
        Json::Bool(_) => "a boolean",
        Json::Number(_) => "a number",
        Json::String(_) => "a string",
        Json::Array(_) => "a list",
        Json::Object(_) => "an object",
    }
}
