//! What is wrong in a definition, and a reader that goes on after a mistake, so that all are listed.

use std::fmt;

use serde_json::{Map, Number, Value};

/// One step towards a place in a definition.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Place {
    /// The value of a key.
    Key(String),
    /// An item of a list.
    Item(usize),
}

/// Writes places as `fields.age.type`, `migrations.a.transforms[2]`; empty for the whole.
pub fn place_text(places: &[Place]) -> String {
    let mut out = String::new();
    for place in places {
        match place {
            Place::Item(at) => out.extend(["[", &at.to_string(), "]"]),
            Place::Key(name) => {
                if !out.is_empty() {
                    out.push('.');
                }
                out.push_str(&name.replace('.', "\\."));
            }
        }
    }
    out
}

/// Reads the text of [`place_text`], as transforms give it for a place inside a step.
pub fn places_of(text: &str) -> Vec<Place> {
    let mut places = Vec::new();
    let mut name = String::new();
    let flush = |name: &mut String, places: &mut Vec<Place>| {
        if !name.is_empty() {
            places.push(Place::Key(std::mem::take(name)));
        }
    };
    let mut characters = text.chars().peekable();
    while let Some(character) = characters.next() {
        match character {
            '\\' if characters.peek() == Some(&'.') => name.extend(characters.next()),
            '.' => flush(&mut name, &mut places),
            '[' => {
                flush(&mut name, &mut places);
                let digits: String = characters.by_ref().take_while(|c| *c != ']').collect();
                if let Ok(at) = digits.parse() {
                    places.push(Place::Item(at));
                }
            }
            character => name.push(character),
        }
    }
    flush(&mut name, &mut places);
    places
}

/// One mistake in a definition.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mistake {
    /// Where, from the definition's root.
    pub at: Vec<Place>,
    /// Whether the key itself is wrong, and not its value.
    pub on_key: bool,
    /// What is wrong.
    pub message: String,
    /// What was expected, or what to do.
    pub expected: String,
    /// The nearest known name, where a name is wrong.
    pub near: Option<String>,
}

impl fmt::Display for Mistake {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let place = place_text(&self.at);
        if !place.is_empty() {
            write!(f, "{place}: ")?;
        }
        write!(f, "{}; expected {}", self.message, self.expected)?;
        match &self.near {
            Some(near) => write!(f, " (did you mean '{near}'?)"),
            None => Ok(()),
        }
    }
}

/// Every mistake of one definition, for callers that have no file to point into.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub struct DefinitionError {
    /// What the definition is of, as in `schema user@1.0.0`.
    pub what: String,
    /// The mistakes, in the order of the definition.
    pub mistakes: Vec<Mistake>,
}

impl fmt::Display for DefinitionError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the definition of {} is refused:", self.what)?;
        for mistake in &self.mistakes {
            write!(f, "\n  {mistake}")?;
        }
        Ok(())
    }
}

/// The name among `known` that is near enough to `name` to be what was meant.
pub fn nearest<'k>(name: &str, known: impl IntoIterator<Item = &'k str>) -> Option<String> {
    let folded = name.to_lowercase().replace(['_', '-'], "");
    known
        .into_iter()
        .map(|candidate| {
            let plain = candidate.to_lowercase().replace(['_', '-'], "");
            let likeness = strsim::normalized_damerau_levenshtein(&folded, &plain);
            // A shortened name is meant, however much was left out: `int` for `integer`.
            let is_head = folded.len() >= 3 && plain.starts_with(&folded);
            (if is_head { likeness.max(0.9) } else { likeness }, candidate)
        })
        // Half of the letters right is where a suggestion stops to be a help.
        .filter(|(likeness, _)| *likeness >= 0.5)
        .max_by(|a, b| a.0.total_cmp(&b.0))
        .map(|(_, candidate)| candidate.to_owned())
}

/// The JSON type of `value` with its article, for messages.
pub fn type_name(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "a boolean",
        Value::Number(_) => "a number",
        Value::String(_) => "a string",
        Value::Array(_) => "a list",
        Value::Object(_) => "an object",
    }
}

/// Values in a row for a message: `a, b or c`.
pub fn one_of<'v>(names: impl IntoIterator<Item = &'v str>) -> String {
    let names: Vec<&str> = names.into_iter().collect();
    match names.as_slice() {
        [] => "nothing".to_owned(),
        [only] => (*only).to_owned(),
        [first @ .., last] => format!("{} or {last}", first.join(", ")),
    }
}

/// Reads a definition, remembers where it is, and collects mistakes.
#[derive(Debug, Default)]
pub struct Reader {
    at: Vec<Place>,
    /// The mistakes so far.
    pub mistakes: Vec<Mistake>,
}

impl Reader {
    /// Does `work` one step deeper.
    pub fn within<T>(&mut self, place: Place, work: impl FnOnce(&mut Self) -> T) -> T {
        self.at.push(place);
        let result = work(self);
        self.at.pop();
        result
    }

    /// Does `work` at the value of `key`.
    pub fn at_key<T>(&mut self, key: &str, work: impl FnOnce(&mut Self) -> T) -> T {
        self.within(Place::Key(key.to_owned()), work)
    }

    /// The value here is wrong.
    pub fn wrong(&mut self, message: impl Into<String>, expected: impl Into<String>) {
        self.add(false, message.into(), expected.into(), None);
    }

    /// A name that stands here as a value is not known.
    pub fn unknown_name(&mut self, what: &str, name: &str, known: &[&str]) {
        let near = nearest(name, known.iter().copied());
        self.add(false, format!("'{name}' is no {what}"), one_of(known.iter().copied()), near);
    }

    /// A mistake found by another reader, at a place inside the one here.
    pub fn adopt(&mut self, inner: Mistake) {
        let at = self.at.iter().cloned().chain(inner.at).collect();
        self.mistakes.push(Mistake { at, ..inner });
    }

    fn add(&mut self, on_key: bool, message: String, expected: String, near: Option<String>) {
        self.mistakes.push(Mistake { at: self.at.clone(), on_key, message, expected, near });
    }

    /// The object here; refuses keys that are not `known`.
    pub fn object<'v>(
        &mut self,
        value: &'v Value,
        what: &str,
        known: &[&str],
    ) -> Option<&'v Map<String, Value>> {
        let map = self.any_object(value, what)?;
        for key in map.keys().filter(|key| !known.contains(&key.as_str())) {
            let near = nearest(key, known.iter().copied().filter(|name| !map.contains_key(*name)));
            let message = format!("{what} has no key '{key}'");
            let expected = one_of(known.iter().copied());
            self.at_key(key, |reader| reader.add(true, message, expected, near));
        }
        Some(map)
    }

    /// The object here, with any keys.
    pub fn any_object<'v>(
        &mut self,
        value: &'v Value,
        what: &str,
    ) -> Option<&'v Map<String, Value>> {
        if value.as_object().is_none() {
            self.wrong(format!("{what} is {}", type_name(value)), "an object");
        }
        value.as_object()
    }

    /// The text under `key`, if it stands.
    pub fn text<'v>(&mut self, map: &'v Map<String, Value>, key: &str) -> Option<&'v str> {
        self.read(map, key, "a string", Value::as_str)
    }

    /// The text under `key`, which must stand and not be empty.
    pub fn needed_text<'v>(
        &mut self,
        map: &'v Map<String, Value>,
        key: &str,
        example: &str,
    ) -> Option<&'v str> {
        if !map.contains_key(key) {
            self.wrong(format!("'{key}' is missing"), format!("\"{key}\": \"{example}\""));
        }
        let text = self.text(map, key)?;
        if text.is_empty() {
            self.at_key(key, |reader| {
                let expected = format!("a text that is not empty, as in \"{example}\"");
                reader.wrong(format!("'{key}' is empty"), expected);
            });
            return None;
        }
        Some(text)
    }

    /// `true` or `false` under `key`, if it stands.
    pub fn flag(&mut self, map: &Map<String, Value>, key: &str) -> Option<bool> {
        self.read(map, key, "true or false", Value::as_bool)
    }

    /// The count under `key`, if it stands.
    pub fn count(&mut self, map: &Map<String, Value>, key: &str) -> Option<u64> {
        self.read(map, key, "a whole number of 0 or more", Value::as_u64)
    }

    /// The number under `key`, if it stands.
    pub fn number<'v>(&mut self, map: &'v Map<String, Value>, key: &str) -> Option<&'v Number> {
        self.read(map, key, "a number", Value::as_number)
    }

    /// The list under `key`, if it stands.
    pub fn list<'v>(&mut self, map: &'v Map<String, Value>, key: &str) -> Option<&'v Vec<Value>> {
        self.read(map, key, "a list", Value::as_array)
    }

    /// The list of texts under `key`, if it stands.
    pub fn texts(&mut self, map: &Map<String, Value>, key: &str) -> Option<Vec<String>> {
        let list = self.list(map, key)?;
        self.at_key(key, |reader| {
            let mut texts = Vec::with_capacity(list.len());
            for (at, item) in list.iter().enumerate() {
                match item.as_str() {
                    Some(text) => texts.push(text.to_owned()),
                    None => reader.within(Place::Item(at), |reader| {
                        reader.wrong(format!("this is {}", type_name(item)), "a string");
                    }),
                }
            }
            Some(texts)
        })
    }

    fn read<'v, T>(
        &mut self,
        map: &'v Map<String, Value>,
        key: &str,
        expected: &str,
        take: impl FnOnce(&'v Value) -> Option<T>,
    ) -> Option<T> {
        let value = map.get(key)?;
        let taken = take(value);
        if taken.is_none() {
            let shown = match value {
                Value::Object(_) | Value::Array(_) => type_name(value).to_owned(),
                scalar => scalar.to_string(),
            };
            self.at_key(key, |reader| reader.wrong(format!("'{key}' is {shown}"), expected));
        }
        taken
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_read_back_as_written() {
        for text in ["", "a", "a.b[2].c", r"a\.b[0][1]"] {
            assert_eq!(place_text(&places_of(text)), text);
        }
    }

    #[test]
    fn near_names_are_found_and_far_ones_are_not() {
        let known = ["defaultValue", "field", "type"];
        assert_eq!(nearest("default_value", known).as_deref(), Some("defaultValue"));
        assert_eq!(nearest("int", ["list", "integer"]).as_deref(), Some("integer"));
        assert_eq!(nearest("tpye", known).as_deref(), Some("type"));
        assert_eq!(nearest("xyz", known), None);
    }
}
