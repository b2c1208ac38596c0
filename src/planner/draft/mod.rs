//! A migration drafted from two schemas, sampled documents, and pairs of documents before and after.
//!
//! Guesses are made field by field (`candidates`, `splits`, `merges`, `defaults`), facts go before them
//! (`declared`, `hints`), the surest that do not clash are chosen (`scope`), written as transforms in
//! an order that holds (`compile`), and carried out on every sample before anything is offered
//! (`prove`). What cannot be known becomes a question.

mod affix;
mod candidates;
mod choices;
mod compile;
mod composite;
mod convert;
mod declared;
mod defaults;
mod dropped;
mod enums;
mod evidence;
mod flags;
mod gather;
mod hints;
mod inside;
mod items;
mod likeness;
mod lists;
mod lone;
mod looks;
mod meanings;
mod merges;
mod money;
mod names;
mod neighbours;
mod order;
mod pairwise;
mod picking;
mod prelude;
mod prove;
mod question;
mod scope;
mod shapes;
mod side;
mod spelling;
mod splits;
mod structure;
mod styles;
#[cfg(test)]
mod tests;
mod texts;
mod times;
mod told;
mod units;
mod vocabulary;
mod written;

use serde_json::{Value as Json, json};

pub use compile::{Guess, Tier};
pub use hints::{Hints, HintsError};
pub use prove::{PairsProof, Proof, Shown};
pub use question::{Choice, Question};

use self::declared::annotated;
use self::evidence::Pairs;
use self::scope::Scope;
use self::side::{Names, Part};
use crate::model::{Content, Key, Segment};
use crate::schema::Schema;
use crate::transform::Frozen;

/// A stored document.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sample {
    /// Its key; empty where it has none.
    pub key: Key,
    /// Its value.
    pub content: Content,
}

impl Sample {
    /// A document of a file: JSON text in a string.
    pub fn of_json(value: &Json) -> Self {
        Self { key: Key::from(""), content: Content::String(value.to_string().into_bytes()) }
    }
}

/// A drafted migration.
#[derive(Clone, Debug, PartialEq)]
pub struct Draft {
    /// The name of the migration: `v1_to_v2`.
    pub name: String,
    /// A migrations file that holds it, to be edited.
    pub migration: Json,
    /// Its steps, with what speaks for each.
    pub steps: Vec<Guess>,
    /// What cannot be known.
    pub questions: Vec<Question>,
    /// What came of it on the samples.
    pub proof: Proof,
}

/// How many samples a draft looks at; more say no more.
pub const SAMPLES_MAX: usize = 5_000;

/// How often guesses that samples refuse are taken back before the draft is offered.
const ROUNDS_MAX: usize = 4;

/// Drafts the migration of `source`'s documents to `target`'s. `pairs` are documents before and
/// after.
pub fn draft(
    source: &Schema,
    target: &Schema,
    samples: &[Sample],
    pairs: &[(Sample, Sample)],
    hints: &Hints,
) -> Draft {
    let (mut old_root, new_root) = (annotated(source), annotated(target));
    let read = |schema: &Schema, sample: &Sample| -> Option<Json> {
        schema.validator().read(&sample.content.document().ok()?).ok()
    };
    let mut of_source: Vec<&Sample> = Vec::new();
    let (mut documents, mut arrived) = (Vec::new(), Vec::new());
    for sample in samples.iter().take(SAMPLES_MAX) {
        let (Some(before), Some(after)) = (read(source, sample), read(target, sample)) else {
            continue;
        };
        if target.validator().is_valid(&after) && !source.validator().is_valid(&before) {
            arrived.push(after);
        } else {
            of_source.push(sample);
            documents.push(before);
        }
    }
    let both = pairs.iter().filter_map(|(a, b)| Some((read(source, a)?, read(target, b)?)));
    let mut shown: Vec<(Json, Json)> = both.collect();
    let mut before: Vec<&mut Json> = documents.iter_mut().collect();
    before.extend(shown.iter_mut().map(|(before, _)| before));
    let prelude = prelude::open(&mut old_root, &new_root, &mut before);
    let scope = Scope {
        old: Part { node: &old_root, root: &old_root },
        new: Part { node: &new_root, root: &new_root },
        samples: documents,
        arrived,
        pairs: Pairs { shown },
        hints: hints.clone(),
        subject: source.subject.clone(),
        lead: String::new(),
        stamped: stamped(target),
    };
    let name = format!("v{}_to_v{}", short(source), short(target));
    let (mut refused, mut rounds): (Vec<String>, usize) = (Vec::new(), 0);
    loop {
        let chosen = scope.choose(&refused);
        let (steps, mut questions) = chosen.compile();
        let steps: Vec<Guess> = prelude.iter().cloned().chain(steps).chain(stamp(&scope)).collect();
        let definitions: Vec<Json> = steps.iter().map(|guess| guess.step.clone()).collect();
        let frozen = Frozen { now: NOW.to_owned(), ..Frozen::default() };
        let on: Vec<&Sample> = if of_source.is_empty() {
            pairs.iter().map(|(before, _)| before).collect()
        } else {
            of_source.clone()
        };
        let mut proof = prove::prove(&definitions, &on, source, target, &frozen);
        if !pairs.is_empty() {
            let (fields, schemas) = (chosen.written(), (source, target));
            let (shown, wrong) = prove::prove_pairs(&definitions, pairs, &fields, schemas, &frozen);
            proof.pairs = Some(shown);
            proof.refused.extend(wrong);
        }
        let again: Vec<String> = proof
            .refused
            .iter()
            .filter(|path| !refused.contains(path) && chosen.has_written(path))
            .cloned()
            .collect();
        rounds += 1;
        if !again.is_empty() && rounds < ROUNDS_MAX {
            refused.extend(again);
            continue;
        }
        questions.dedup();
        let migration = json!({"subject": target.subject, "migrations": {&name: {
            "source": source.version.to_string(), "target": target.version.to_string(),
            "strategy": "direct", "transforms": definitions}}});
        return Draft { name, migration, steps, questions, proof };
    }
}

/// Some time, for a trial: a draft's result keeps the placeholder.
const NOW: &str = "2000-01-01T00:00:00.000Z";

/// The field that holds the version, as names.
fn stamped(schema: &Schema) -> Option<Names> {
    let segments = schema.version_field.as_ref()?.segments().iter();
    segments
        .map(|segment| match segment {
            Segment::Field(name) => Some(name.clone()),
            Segment::Each => None,
        })
        .collect()
}

/// The step that writes the version.
fn stamp(scope: &Scope<'_>) -> Option<Guess> {
    let path = scope.stamped.as_ref()?;
    Some(Guess {
        step: json!({"type": "stampVersion", "field": side::path_text(path)}),
        tier: Tier::Certain,
        confidence: 1.0,
        evidence: "the schema's versionField".to_owned(),
        alternatives: Vec::new(),
        destructive: false,
    })
}

/// `1` for 1.0.0, `1_2` for 1.2.0.
fn short(schema: &Schema) -> String {
    let version = &schema.version;
    match (version.minor, version.patch) {
        (0, 0) => version.major.to_string(),
        (minor, 0) => format!("{}_{minor}", version.major),
        (minor, patch) => format!("{}_{minor}_{patch}", version.major),
    }
}
