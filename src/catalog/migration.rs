//! One migration: the named edge from a version to another.

use std::collections::BTreeMap;

use semver::Version;
use serde_json::{Map, Value, json};

use super::library;
use super::strategy::{BATCH, DIRECT, Strategy, place_of_use};
use super::validation::read_validation;
use crate::schema::Reading;
use crate::schema::definition::read_version;
use crate::schema::mistake::{Mistake, Place, Reader, places_of};
use crate::transform::{Checks, Condition, Grade, Stage, Step, StepMistake};

/// A named edge from one version to another.
#[derive(Clone, Debug)]
pub struct Migration {
    /// The name, unique in its subject.
    pub name: String,
    /// The version it starts from.
    pub source: Version,
    /// The version it leads to.
    pub target: Version,
    /// How it is carried out: `direct`, or the strategy its transforms were made by.
    pub strategy: String,
    /// What has to hold for a document to be migrated.
    pub when: Option<Condition>,
    /// The transforms in order, a strategy's before the migration's own.
    pub transforms: Vec<Step>,
    /// What has to hold of its documents, and when.
    pub validation: Checks,
    /// How dear it is where two paths are equally long; the number of its transforms unless said.
    pub cost: u64,
    /// A note for people.
    pub description: Option<String>,
    definition: Value,
}

/// The keys of a migration's definition.
pub const MIGRATION_KEYS: [&str; 9] = [
    "source",
    "target",
    "strategy",
    "with",
    "when",
    "transforms",
    "validation",
    "cost",
    "description",
];

impl Migration {
    /// Reads a definition and tells `reader` every mistake; `None` when it cannot be used.
    pub fn read(
        reader: &mut Reader,
        name: &str,
        value: &Value,
        strategies: &BTreeMap<String, Strategy>,
    ) -> Option<Self> {
        let map = reader.object(value, "a migration", &MIGRATION_KEYS)?;
        let before = reader.mistakes.len();
        let source = read_version(reader, map, "source");
        let target = read_version(reader, map, "target");
        if let (Some(source), Some(target)) = (&source, &target)
            && source == target
        {
            let message = format!("source and target are both {source}");
            reader.at_key("target", |r| r.wrong(message, "two versions that differ"));
        }
        let strategy = reader.text(map, "strategy").unwrap_or(DIRECT).to_owned();
        let told = reader.mistakes.len();
        let transforms = read_transforms(reader, map, &strategy, strategies);
        let steps = (reader.mistakes.len() == told).then_some(transforms.len());
        let when = read_when(reader, map);
        let validation = read_validation(reader, map, steps);
        let cost = reader.count(map, "cost").unwrap_or(transforms.len() as u64);
        let description = reader.text(map, "description").map(str::to_owned);
        if reader.mistakes.len() > before {
            return None;
        }
        Some(Self {
            name: name.to_owned(),
            source: source?,
            target: target?,
            strategy,
            when,
            transforms,
            validation,
            cost,
            description,
            definition: value.clone(),
        })
    }

    /// The definition as it was written.
    pub fn definition(&self) -> &Value {
        &self.definition
    }

    /// The definition with its strategy written out, so that it stands on its own, as in a Plan.
    pub fn self_contained(&self) -> Value {
        let mut definition = self.definition.clone();
        if let Some(map) = definition.as_object_mut() {
            map.insert("strategy".to_owned(), DIRECT.into());
            map.shift_remove("with");
            let steps: Vec<&Value> = self.transforms.iter().map(Step::definition).collect();
            map.insert("transforms".to_owned(), json!(steps));
        }
        definition
    }

    /// What its transforms may lose for good: the number of each (from 1) and the loss in words.
    pub fn losses(&self) -> Vec<(usize, String)> {
        let numbered = self.transforms.iter().enumerate();
        numbered.filter_map(|(at, step)| Some((at + 1, step.loss()?.to_string()))).collect()
    }

    /// Whether its inverse gives back less than the same data, be it in other notation.
    pub fn is_lossy(&self) -> bool {
        self.transforms.iter().filter_map(Step::loss).any(|loss| loss.grade > Grade::Form)
    }

    /// The migration as a stage of a chain, without what the source's schema says of keys and documents.
    pub fn stage(&self) -> Stage {
        Stage {
            migration: self.name.clone(),
            source: self.source.clone(),
            target: self.target.clone(),
            steps: self.transforms.clone(),
            checks: self.validation.clone(),
            when: self.when.clone(),
            pattern: None,
            reading: Reading::default(),
        }
    }

    /// `v1_to_v2 (1.0.0 -> 2.0.0)`.
    pub fn title(&self) -> String {
        format!("{} ({} -> {})", self.name, self.source, self.target)
    }
}

fn read_transforms(
    reader: &mut Reader,
    map: &Map<String, Value>,
    strategy: &str,
    strategies: &BTreeMap<String, Strategy>,
) -> Vec<Step> {
    let mut steps = Vec::new();
    if strategy == DIRECT {
        if map.contains_key("with") {
            reader.at_key("with", |reader| {
                reader.wrong("the strategy 'direct' takes no parameters", "no 'with'");
            });
        }
        if !map.contains_key("transforms") {
            reader.wrong("'transforms' is missing", "\"transforms\": [{\"type\": …}]");
        }
    } else if strategy == BATCH && !strategies.contains_key(BATCH) {
        steps.extend(batch_step(reader, map));
    } else {
        steps.extend(expanded(reader, map, strategy, strategies));
    }
    let Some(list) = reader.list(map, "transforms") else { return steps };
    reader.at_key("transforms", |reader| {
        for (at, definition) in list.iter().enumerate() {
            reader.within(Place::Item(at), |reader| match Step::parse(definition) {
                Ok(step) => steps.push(step),
                Err(mistakes) => adopt(reader, mistakes),
            });
        }
    });
    steps
}

fn read_when(reader: &mut Reader, map: &Map<String, Value>) -> Option<Condition> {
    let when = map.get("when")?;
    reader.at_key("when", |reader| {
        Condition::parse(when).map_err(|mistakes| adopt(reader, mistakes)).ok()
    })
}

/// Tells the mistakes of a step or a condition at the reader's place.
pub(super) fn adopt(reader: &mut Reader, mistakes: Vec<StepMistake>) {
    for mistake in mistakes {
        reader.adopt(Mistake {
            at: places_of(&mistake.path),
            on_key: false,
            message: mistake.message,
            expected: mistake.expected,
            near: None,
        });
    }
}

/// The one step of the strategy `batch`: its parameters are those of the transform.
fn batch_step(reader: &mut Reader, map: &Map<String, Value>) -> Option<Step> {
    let Some(with) = map.get("with") else {
        let expected =
            r#""with": {"inputs": […], "outputs": […], "script": "return function(list) … end"}"#;
        reader.wrong("the strategy 'batch' needs its program in 'with'", expected);
        return None;
    };
    reader.at_key("with", |reader| {
        let mut definition = Map::from_iter([("type".to_owned(), Value::from(BATCH))]);
        definition.extend(reader.any_object(with, "'with'")?.clone());
        let step = Step::parse(&Value::Object(definition));
        step.map_err(|mistakes| adopt(reader, mistakes)).ok()
    })
}

fn expanded(
    reader: &mut Reader,
    map: &Map<String, Value>,
    name: &str,
    strategies: &BTreeMap<String, Strategy>,
) -> Vec<Step> {
    let Some(strategy) = strategies.get(name).or_else(|| library::find(name)) else {
        let mut known = vec![DIRECT, BATCH];
        known.extend(strategies.keys().chain(library::all().keys()).map(String::as_str));
        reader.at_key("strategy", |reader| reader.unknown_name("strategy", name, &known));
        return Vec::new();
    };
    let with = map
        .get("with")
        .and_then(|value| reader.at_key("with", |reader| reader.any_object(value, "'with'")));
    let before = reader.mistakes.len();
    let definitions = strategy.expand(reader, with);
    let mut steps = Vec::new();
    if reader.mistakes.len() > before {
        return steps;
    }
    for (at, definition) in definitions.iter().enumerate() {
        match Step::parse(definition) {
            Ok(step) => steps.push(step),
            Err(mistakes) => reader.within(place_of_use(), |reader| {
                for mistake in mistakes {
                    let step = at + 1;
                    let message = format!("step {step} of '{name}': {}", mistake.message);
                    reader.wrong(message, mistake.expected);
                }
            }),
        }
    }
    steps
}
