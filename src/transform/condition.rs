//! `when`: what has to hold for a step, or a whole migration, to be carried out.
//!
//! A condition is an object, and all of its parts have to hold:
//! `{"field": "age", "gte": 18, "lt": 65}`, `{"flag": "newNames"}`, `{"flag": "tier", "eq": "gold"}`,
//! `{"env": ["staging", "test"]}`, `{"version": ">=2.0.0"}`, `{"all": [...]}`, `{"any": [...]}`,
//! `{"not": {...}}`, and `{"expr": "i.age > i.limit", "inputs": ["age", "limit"]}` in Luau.

use semver::VersionReq;
use serde_json::{Map, Value as Json};

use super::facts::Facts;
use super::params::{below, nearest, type_of};
use super::place::Place;
use super::predicate::{OPERATORS, Predicate};
use super::script::Script;
use super::step::{Refusal, StepMistake};
use crate::model::{Object, Path, Segment, Value};

/// A condition, checked and compiled.
#[derive(Clone, Debug)]
pub struct Condition {
    test: Test,
    definition: Json,
}

#[derive(Clone, Debug)]
enum Test {
    All(Vec<Test>),
    Any(Vec<Test>),
    Not(Box<Test>),
    Field(Place, Vec<Predicate>),
    /// A flag; without predicates it has to be set to something that is neither false nor null.
    Flag(String, Vec<Predicate>),
    Environment(Vec<String>),
    Version(VersionReq),
    Expression(Script),
}

const KEYS: [&str; 9] = ["field", "flag", "env", "version", "all", "any", "not", "expr", "inputs"];

impl Condition {
    /// Reads a condition.
    ///
    /// # Errors
    /// Every mistake in it, with its place inside the condition.
    pub fn parse(definition: &Json) -> Result<Self, Vec<StepMistake>> {
        let mut mistakes = Vec::new();
        let test = read(definition, "", &mut mistakes);
        match test {
            Some(test) if mistakes.is_empty() => Ok(Self { test, definition: definition.clone() }),
            _ => {
                assert!(!mistakes.is_empty(), "a condition was refused without a mistake");
                Err(mistakes)
            }
        }
    }

    /// The condition, as written.
    pub fn definition(&self) -> &Json {
        &self.definition
    }

    /// Whether it holds for a document (or for one object of it, inside `forEach`).
    pub fn holds(&self, object: &mut Object<'_>, facts: &Facts<'_>) -> Result<bool, Refusal> {
        self.test.holds(object, facts)
    }

    /// Whether it asks only for what is the same for every document of a run: flags, environment,
    /// version.
    pub fn is_frozen(&self) -> bool {
        self.paths().is_empty()
    }

    /// Whether the answer may change with the version a migration leads to.
    pub fn asks_for_version(&self) -> bool {
        self.test.any(&|test| matches!(test, Test::Version(_)))
    }

    /// The fields it looks at.
    pub fn paths(&self) -> Vec<Path> {
        let mut paths = Vec::new();
        self.test.visit(&mut |test| match test {
            Test::Field(place, _) => paths.push(place.path().clone()),
            Test::Expression(script) => {
                paths.extend(script.inputs().map(|place| place.path().clone()));
            }
            _ => {}
        });
        paths
    }
}

impl Test {
    fn holds(&self, object: &mut Object<'_>, facts: &Facts<'_>) -> Result<bool, Refusal> {
        Ok(match self {
            Self::All(tests) => {
                for test in tests {
                    if !test.holds(object, facts)? {
                        return Ok(false);
                    }
                }
                true
            }
            Self::Any(tests) => {
                for test in tests {
                    if test.holds(object, facts)? {
                        return Ok(true);
                    }
                }
                false
            }
            Self::Not(test) => !test.holds(object, facts)?,
            Self::Field(place, predicates) => {
                let found = place.look(object)?;
                predicates.iter().all(|predicate| predicate.holds(found))
            }
            Self::Flag(name, predicates) => {
                let flag = facts.frozen.flags.get(name);
                if predicates.is_empty() {
                    !matches!(flag, None | Some(Json::Null | Json::Bool(false)))
                } else {
                    let value = flag.map(Value::from_json);
                    predicates.iter().all(|predicate| predicate.holds(value.as_ref()))
                }
            }
            Self::Environment(names) => {
                facts.frozen.environment.as_ref().is_some_and(|name| names.contains(name))
            }
            Self::Version(range) => range.matches(facts.version),
            Self::Expression(script) => {
                let answer = script.value(object, facts, "when")?;
                match answer.as_ref().map(Value::to_json).as_deref() {
                    Some("true") => true,
                    Some("false") => false,
                    found => {
                        let refusal = Refusal::new("when", "the expression is not true or false");
                        return Err(refusal.found(found.unwrap_or("nil")));
                    }
                }
            }
        })
    }

    fn visit<'t>(&'t self, see: &mut dyn FnMut(&'t Self)) {
        see(self);
        match self {
            Self::All(tests) | Self::Any(tests) => tests.iter().for_each(|test| test.visit(see)),
            Self::Not(test) => test.visit(see),
            _ => {}
        }
    }

    fn any(&self, fits: &dyn Fn(&Self) -> bool) -> bool {
        let mut found = false;
        self.visit(&mut |test| found |= fits(test));
        found
    }
}

/// Reads a condition that stands at `at` inside the whole one.
fn read(json: &Json, at: &str, mistakes: &mut Vec<StepMistake>) -> Option<Test> {
    let Json::Object(map) = json else {
        let message = format!("a condition is an object, and this is {}", type_of(json));
        let expected = r#"as in {"field": "age", "gte": 18}, {"flag": "name"} or {"any": [...]}"#;
        mistakes.push(StepMistake { path: at.to_owned(), message, expected: expected.to_owned() });
        return None;
    };
    let mut tests = Vec::new();
    let mut subject = None;
    for (key, value) in map {
        let at = &below(at, key);
        match key.as_str() {
            "all" => tests.extend(read_list(value, at, mistakes).map(Test::All)),
            "any" => tests.extend(read_list(value, at, mistakes).map(Test::Any)),
            "not" => {
                tests.extend(read(value, at, mistakes).map(|test| Test::Not(Box::new(test))));
            }
            "env" => tests.extend(read_environment(value, at, mistakes)),
            "version" => tests.extend(read_version(value, at, mistakes)),
            "field" | "flag" if subject.is_some() => {
                let message = "a condition asks for one field or one flag".to_owned();
                let expected = r#"{"all": [{"field": ...}, {"flag": ...}]}"#.to_owned();
                mistakes.push(StepMistake { path: at.to_owned(), message, expected });
            }
            "field" => subject = Some(read_field(value, at, mistakes)),
            "flag" => subject = Some(read_flag(value, at, mistakes)),
            "expr" => tests.extend(read_expression(map, value, at, mistakes)),
            "inputs" if map.contains_key("expr") => {}
            operator if OPERATORS.contains(&operator) => {}
            unknown => mistakes.push(unknown_key(unknown, at)),
        }
    }
    let predicates = read_predicates(map, at, mistakes);
    match subject {
        Some(Some(Test::Field(place, _))) => {
            // A field alone asks whether it is there.
            let predicates =
                if predicates.is_empty() { vec![Predicate::Exists(true)] } else { predicates };
            tests.push(Test::Field(place, predicates));
        }
        Some(Some(Test::Flag(name, _))) => tests.push(Test::Flag(name, predicates)),
        None if !predicates.is_empty() => mistakes.push(StepMistake {
            path: at.to_owned(),
            message: "the condition compares and names no 'field'".to_owned(),
            expected: r#"as in {"field": "age", "gte": 18}"#.to_owned(),
        }),
        None if map.is_empty() => mistakes.push(StepMistake {
            path: at.to_owned(),
            message: "the condition is empty".to_owned(),
            expected: format!("one of: {}", KEYS.join(", ")),
        }),
        // What is wrong with a field or a flag was told where it was read.
        _ => {}
    }
    if tests.len() == 1 { tests.pop() } else { Some(Test::All(tests)) }
}

fn unknown_key(key: &str, at: &str) -> StepMistake {
    let known = KEYS.iter().chain(&OPERATORS).copied();
    let hint = nearest(key, known.clone())
        .map(|near| format!("; did you mean '{near}'?"))
        .unwrap_or_default();
    StepMistake {
        path: at.to_owned(),
        message: format!("a condition has no '{key}'{hint}"),
        expected: format!("one of: {}", known.collect::<Vec<_>>().join(", ")),
    }
}

fn read_list(json: &Json, at: &str, mistakes: &mut Vec<StepMistake>) -> Option<Vec<Test>> {
    let Some(items) = json.as_array().filter(|items| !items.is_empty()) else {
        let message = format!("this is {}", type_of(json));
        let expected = "a list of at least one condition".to_owned();
        mistakes.push(StepMistake { path: at.to_owned(), message, expected });
        return None;
    };
    let numbered = items.iter().enumerate();
    numbered.map(|(index, item)| read(item, &format!("{at}[{index}]"), mistakes)).collect()
}

fn read_predicates(
    map: &Map<String, Json>,
    at: &str,
    mistakes: &mut Vec<StepMistake>,
) -> Vec<Predicate> {
    let mut predicates = Vec::new();
    for (key, operand) in map.iter().filter(|(key, _)| OPERATORS.contains(&key.as_str())) {
        match Predicate::parse(key, operand) {
            Ok(predicate) => predicates.push(predicate),
            Err(mut mistake) => {
                mistake.path = below(at, key);
                mistakes.push(mistake);
            }
        }
    }
    predicates
}

fn read_field(json: &Json, at: &str, mistakes: &mut Vec<StepMistake>) -> Option<Test> {
    let mut wrong = |message: String, expected: &str| {
        let (path, expected) = (at.to_owned(), expected.to_owned());
        mistakes.push(StepMistake { path, message, expected });
    };
    let Some(text) = json.as_str() else {
        wrong(format!("a path is text, and this is {}", type_of(json)), "a path");
        return None;
    };
    match text.parse::<Path>() {
        Ok(path) if path.segments().contains(&Segment::Each) => {
            let message = format!("'{text}' names many values, and a condition asks for one");
            wrong(message, "a path without '[]'; forEach asks in every item");
            None
        }
        Ok(path) => Some(Test::Field(Place::new(path), Vec::new())),
        Err(error) => {
            wrong(error.to_string(), "a path such as 'address.city'");
            None
        }
    }
}

fn read_expression(
    map: &Map<String, Json>,
    json: &Json,
    at: &str,
    mistakes: &mut Vec<StepMistake>,
) -> Option<Test> {
    let mut wrong = |message: String, expected: &str| {
        let (path, expected) = (at.to_owned(), expected.to_owned());
        mistakes.push(StepMistake { path, message, expected });
    };
    let inputs = match map.get("inputs") {
        None => Some(Vec::new()),
        Some(Json::Array(paths)) => paths
            .iter()
            .map(|path| path.as_str()?.parse().ok())
            .map(|path| path.filter(|path: &Path| !path.segments().contains(&Segment::Each)))
            .map(|path| path.map(Place::new))
            .collect::<Option<Vec<Place>>>(),
        Some(_) => None,
    };
    let (Some(text), Some(inputs)) = (json.as_str(), inputs) else {
        let expected = r#"{"expr": "i.age > 17", "inputs": ["age"]}"#;
        wrong(
            "an expression is text, and its inputs a list of paths without '[]'".into(),
            expected,
        );
        return None;
    };
    match Script::expression(text, &inputs) {
        Ok(script) => Some(Test::Expression(script)),
        Err(mistake) => {
            wrong(mistake.to_string(), "a Luau expression over 'inputs', as in i.age > 17");
            None
        }
    }
}

fn read_flag(json: &Json, at: &str, mistakes: &mut Vec<StepMistake>) -> Option<Test> {
    let name = json.as_str().filter(|name| !name.is_empty());
    if name.is_none() {
        let message = "a flag is named by text".to_owned();
        let expected = "the name of a flag".to_owned();
        mistakes.push(StepMistake { path: at.to_owned(), message, expected });
    }
    name.map(|name| Test::Flag(name.to_owned(), Vec::new()))
}

fn read_environment(json: &Json, at: &str, mistakes: &mut Vec<StepMistake>) -> Option<Test> {
    let names: Option<Vec<String>> = match json {
        Json::String(name) => Some(vec![name.clone()]),
        Json::Array(names) => names.iter().map(|name| name.as_str().map(str::to_owned)).collect(),
        _ => None,
    };
    let names = names.filter(|names| !names.is_empty());
    if names.is_none() {
        let message = format!("'env' is {json}");
        let expected = "the name of an environment, or a list of names".to_owned();
        mistakes.push(StepMistake { path: at.to_owned(), message, expected });
    }
    names.map(Test::Environment)
}

fn read_version(json: &Json, at: &str, mistakes: &mut Vec<StepMistake>) -> Option<Test> {
    let range = json.as_str().map(|text| {
        // A bare version means that version; semver alone would take it for a range.
        let exact = text.starts_with(|first: char| first.is_ascii_digit());
        VersionReq::parse(&if exact { format!("={text}") } else { text.to_owned() })
    });
    match range {
        Some(Ok(range)) => Some(Test::Version(range)),
        found => {
            let message = match found {
                Some(Err(error)) => error.to_string(),
                _ => format!("'version' is {}", type_of(json)),
            };
            let expected = "a range of versions as in '>=2.0.0, <3'".to_owned();
            mistakes.push(StepMistake { path: at.to_owned(), message, expected });
            None
        }
    }
}

#[cfg(test)]
mod tests {
    use semver::Version;
    use serde_json::json;

    use super::*;
    use crate::model::Key;
    use crate::transform::Frozen;

    fn holds(condition: &Json, object: &mut Object<'_>) -> Result<bool, String> {
        let condition = Condition::parse(condition)
            .map_err(|mistakes| format!("{}: {}", mistakes[0].path, mistakes[0].message))?;
        let frozen = Frozen {
            environment: Some("staging".into()),
            flags: [("on".into(), json!(true)), ("tier".into(), json!("gold"))].into(),
            ..Frozen::default()
        };
        let (key, version) = (Key::from("user:42"), Version::new(2, 1, 0));
        let facts = Facts { key: &key, pattern: "user:*", version: &version, frozen: &frozen };
        condition.holds(object, &facts).map_err(|refusal| refusal.to_string())
    }

    const TABLE: &str = r#"[
        [{"field": "n", "eq": 1.0}, true],
        [{"field": "n", "eq": "1"}, false],
        [{"field": "n", "gte": 1, "lt": 2}, true],
        [{"field": "big", "gt": 9007199254740992}, true],
        [{"field": "big", "eq": 9007199254740992}, false],
        [{"field": "s", "in": ["x", "active"]}, true],
        [{"field": "s", "gt": "aaa"}, true],
        [{"field": "s", "gt": 1}, false],
        [{"field": "s", "matches": "^act"}, true],
        [{"field": "in.ner", "type": "null"}, true],
        [{"field": "in.ner", "eq": null}, true],
        [{"field": "n", "type": ["integer", "string"]}, true],
        [{"field": "in", "eq": {"ner": null}}, true],
        [{"field": "list", "eq": [1, 2.0]}, true],
        [{"field": "gone"}, false],
        [{"field": "gone", "exists": false}, true],
        [{"field": "gone", "ne": 1}, true],
        [{"field": "n.x", "exists": false}, true],
        [{"flag": "on"}, true],
        [{"flag": "off"}, false],
        [{"flag": "tier", "eq": "gold"}, true],
        [{"env": ["staging", "test"]}, true],
        [{"env": "production"}, false],
        [{"version": ">=2, <3"}, true],
        [{"version": "2.0.0"}, false],
        [{"flag": "on", "env": "production"}, false],
        [{"any": [{"flag": "off"}, {"not": {"field": "gone"}}]}, true],
        [{"all": [{"flag": "on"}, {"field": "n", "eq": 2}]}, false],
        [{"expr": "i.n + 1 == 2 and #i.list == 2", "inputs": ["n", "list"]}, true],
        [{"expr": "facts.version == '2.1.0' and i.n == nil"}, true]
    ]"#;

    #[test]
    fn conditions_hold_as_the_table_says() {
        let text = r#"{"n":1,"big":9007199254740993,"s":"active","in":{"ner":null},"list":[1,2]}"#;
        let table: Vec<(Json, bool)> = serde_json::from_str(TABLE).expect("a table");
        for (condition, expected) in table {
            let mut object = Object::parse(text).expect("valid");
            assert_eq!(holds(&condition, &mut object), Ok(expected), "{condition}");
        }
    }

    #[test]
    fn a_hash_is_asked_by_what_its_text_spells() {
        let fields = [(&b"n"[..], &b"42"[..]), (b"ok", b"true"), (b"l", b"[1]")];
        for (condition, expected) in [
            (json!({"field": "n", "gt": 5}), true),
            (json!({"field": "n", "eq": "42"}), true),
            (json!({"field": "n", "type": "integer"}), true),
            (json!({"field": "ok", "eq": true}), true),
            (json!({"field": "l", "eq": [1]}), true),
            (json!({"field": "ok", "gt": 5}), false),
        ] {
            let mut object = Object::from_hash(fields);
            assert_eq!(holds(&condition, &mut object), Ok(expected), "{condition}");
        }
    }

    #[test]
    fn what_is_no_condition_says_where() {
        for (condition, mistake) in [
            (json!([]), ": a condition is an object, and this is a list"),
            (json!({}), ": the condition is empty"),
            (json!({"feld": "a"}), "feld: a condition has no 'feld'; did you mean 'field'?"),
            (
                json!({"any": [{"field": "a"}, {"gt": 1}]}),
                "any[1]: the condition compares and names no 'field'",
            ),
            (
                json!({"field": "a[].b", "eq": 1}),
                "field: 'a[].b' names many values, and a condition asks for one",
            ),
            (json!({"expr": "i.a >"}), "expr: line 1, column 6: the expression is not complete"),
            (json!({"expr": "1"}), "when: the expression is not true or false (found 1)"),
            (json!({"field": "a", "gt": true}), "gt: 'gt' is a boolean"),
            (json!({"field": "a", "matches": "("}), "matches: error: unclosed group"),
            (
                json!({"not": {"version": "new"}}),
                "not.version: unexpected character 'n' while parsing major version number",
            ),
        ] {
            let mut object = Object::default();
            assert_eq!(holds(&condition, &mut object), Err(mistake.to_owned()), "{condition}");
        }
    }
}
