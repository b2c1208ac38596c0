//! The ordered migrations that bring one document to the target version.

use std::fmt;

use semver::Version;
use serde_json::Value as Json;

use super::check::Checks;
use super::condition::Condition;
use super::external::{Answers, Ask};
use super::facts::{Facts, Frozen};
use super::step::{Grade, Refusal, Step};
use crate::model::{Branch, Document, Key, Storage, Value, glob};
use crate::schema::Violation;
use crate::schema::reading::Reading;

/// One migration of a chain, compiled.
#[derive(Clone, Debug)]
pub struct Stage {
    /// The migration's name.
    pub migration: String,
    /// The version it starts from.
    pub source: Version,
    /// The version it leads to.
    pub target: Version,
    /// What has to hold for a document to be migrated.
    pub when: Option<Condition>,
    /// Its transforms.
    pub steps: Vec<Step>,
    /// `validation`: what has to hold before, between and after the steps.
    pub checks: Checks,
    /// The key pattern of the source's schema, which `${KEY.1}` counts the `*` of.
    pub pattern: Option<String>,
    /// How the source's schema reads the fields of a hash.
    pub reading: Reading,
}

/// Stages in order. An empty chain leaves every document as it is.
#[derive(Clone, Debug, Default)]
pub struct Chain {
    /// The stages.
    pub stages: Vec<Stage>,
}

/// A step of a chain: which migration, which of its steps.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct StepAt {
    /// The migration's name.
    pub migration: String,
    /// The step's number in the migration, from 1; 0 is a check before the first or after the last step.
    pub number: usize,
    /// The kind of the transform, `when`, `before` or `validation`.
    pub kind: &'static str,
}

impl fmt::Display for StepAt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.number {
            0 => write!(f, "{} {}", self.migration, self.kind),
            number => write!(f, "{} step {number} {}", self.migration, self.kind),
        }
    }
}

/// A document that a chain refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{at}: {refusal}")]
pub struct Failure {
    /// The step that refused it.
    pub at: StepAt,
    /// Why.
    pub refusal: Refusal,
    /// What of a migration's `validation` the document breaks, where it is that.
    pub violation: Option<Box<Violation>>,
    /// Whether a migration's `when` does not hold: the document is to be left as it was, and
    /// nothing is wrong with it.
    pub is_passed_over: bool,
    /// What has to be asked before the chain can go on; then nothing is wrong with the document.
    pub ask: Option<Box<Ask>>,
}

/// Why a chain cannot be taken back.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{at}: {reason}")]
pub struct Irreversible {
    /// The step that stands in the way.
    pub at: StepAt,
    /// Why.
    pub reason: String,
}

impl Chain {
    /// The chain that takes a document back from the target to the source: the inverse of each step that
    /// was carried out on it, last first. Where that is not known, an empty branch, a step's condition is
    /// asked again. A migration's `when` is not, for a document at the target was taken there by all of
    /// them.
    ///
    /// # Errors
    /// The first step, from the end, that has no inverse or that lost values: no inverse brings
    /// those back.
    pub fn inverse(&self, branch: &Branch) -> Result<Self, Irreversible> {
        let mut answers = branch.answers().iter().rev().copied();
        let stages = self.stages.iter().rev().map(|stage| stage.inverse(&mut answers));
        Ok(Self { stages: stages.collect::<Result<_, _>>()? })
    }

    /// How many steps all stages have together.
    pub fn steps(&self) -> usize {
        self.stages.iter().map(|stage| stage.steps.len()).sum()
    }

    /// Applies every step. After each, `watch` sees the document (a preview keeps every form). Answers
    /// which of the steps with a condition were carried out.
    pub fn apply<'a>(
        &self,
        document: &mut Document<'a>,
        key: &Key,
        pattern: &str,
        frozen: &Frozen,
        watch: &mut dyn FnMut(&Stage, usize, &Document<'a>),
    ) -> Result<Branch, Box<Failure>> {
        self.apply_with(document, key, pattern, frozen, &Answers::new(), watch)
    }

    /// Like [`Chain::apply`], with what services outside have answered for this document so far.
    pub fn apply_with<'a>(
        &self,
        document: &mut Document<'a>,
        key: &Key,
        pattern: &str,
        frozen: &Frozen,
        answers: &Answers,
        watch: &mut dyn FnMut(&Stage, usize, &Document<'a>),
    ) -> Result<Branch, Box<Failure>> {
        let mut branch = Branch::default();
        for stage in &self.stages {
            // After a rename, the key is the new one, as it would be in a run of its own.
            let renamed = document.home.key.clone();
            let key = renamed.as_ref().unwrap_or(key);
            let facts = Facts {
                key,
                pattern: stage.pattern_of(key, pattern),
                version: &stage.target,
                frozen,
            };
            if let Some(when) = &stage.when {
                let held = when.holds(&mut document.root, &facts);
                if !held.map_err(|refusal| Box::new(stage.failure(0, "when", refusal)))? {
                    let refusal = Refusal::new("", "the migration's 'when' does not hold");
                    let failure = stage.failure(0, "when", refusal);
                    return Err(Box::new(Failure { is_passed_over: true, ..failure }));
                }
            }
            let broken = stage.checks.before(document, &facts);
            stage.pass(0, "before", broken)?;
            for (index, step) in stage.steps.iter().enumerate() {
                let storage = document.storage();
                let asked = apply_step(step, document, &facts, answers, &mut branch);
                let asked =
                    asked.map_err(|refusal| stage.failure(index + 1, step.kind(), refusal))?;
                if let Some(ask) = asked {
                    let refusal =
                        Refusal::new("", format!("{} has to be asked", ask.endpoint.host));
                    let failure = stage.failure(index + 1, step.kind(), refusal);
                    return Err(Box::new(Failure { ask: Some(Box::new(ask)), ..failure }));
                }
                if storage == Storage::Hash && document.storage() != storage {
                    read_fields(document, &stage.reading);
                }
                watch(stage, index, document);
                let broken = stage.checks.after_step(index + 1, document, &facts);
                stage.pass(index + 1, "validation", broken)?;
            }
            let broken = stage.checks.end.broken(document, &facts);
            stage.pass(0, "validation", broken)?;
        }
        Ok(branch)
    }
}

/// A hash is read by its schema's types before it becomes a text: 42 is a number or a string.
fn read_fields(document: &mut Document<'_>, reading: &Reading) {
    for at in 0..document.root.len() {
        let member = &document.root.members()[at];
        if let Value::Plain(bytes) = &member.value {
            let read = match reading.read(&member.name.text(), bytes) {
                Json::String(text) => Value::string(&text),
                // The text of the field is the JSON text of the value.
                _ => Value::Raw(String::from_utf8_lossy(bytes).into_owned().into()),
            };
            *document.root.value_mut(at) = read;
        }
    }
}

impl Stage {
    /// The pattern whose wildcards the key fills: the source's, else `other`.
    fn pattern_of<'p>(&'p self, key: &Key, other: &'p str) -> &'p str {
        let own = self.pattern.as_deref();
        own.filter(|own| glob::matches(own.as_bytes(), key.as_bytes())).unwrap_or(other)
    }

    /// `answers` are those of its steps with a condition, the last one's first.
    fn inverse(&self, answers: &mut impl Iterator<Item = bool>) -> Result<Self, Irreversible> {
        let mut steps = Vec::new();
        for (index, step) in self.steps.iter().enumerate().rev() {
            let carried_out = step.when().and_then(|_| answers.next());
            if carried_out == Some(false) {
                continue;
            }
            let stop = |reason| Irreversible { at: self.at(index + 1, step.kind()), reason };
            if let Some(loss) = step.loss().filter(|loss| loss.grade == Grade::Values) {
                return Err(stop(loss.what));
            }
            let inverse = match carried_out {
                Some(_) => step.inverse_of_carried_out(),
                None => step.inverse(),
            };
            let inverse = inverse.ok_or_else(|| stop("the step has no inverse".into()))?;
            for definition in &inverse {
                let parsed = Step::parse(definition);
                steps.push(parsed.expect("a step's inverse is a step that can be read"));
            }
        }
        let migration = self.migration.clone();
        let (source, target) = (self.target.clone(), self.source.clone());
        let reading = self.reading.clone();
        Ok(Self {
            migration,
            source,
            target,
            when: None,
            steps,
            checks: Checks::default(),
            pattern: None,
            reading,
        })
    }

    fn at(&self, number: usize, kind: &'static str) -> StepAt {
        StepAt { migration: self.migration.clone(), number, kind }
    }

    fn failure(&self, number: usize, kind: &'static str, refusal: Refusal) -> Failure {
        let at = self.at(number, kind);
        Failure { at, refusal, violation: None, is_passed_over: false, ask: None }
    }

    /// Goes on where a check found nothing broken.
    fn pass(
        &self,
        number: usize,
        kind: &'static str,
        broken: Result<Option<Violation>, Refusal>,
    ) -> Result<(), Box<Failure>> {
        let violation = match broken {
            Ok(None) => return Ok(()),
            Ok(Some(violation)) => violation,
            Err(refusal) => return Err(Box::new(self.failure(number, kind, refusal))),
        };
        let refusal = Refusal::new(&violation.path, &violation.expected).found(&violation.found);
        let failure = self.failure(number, kind, refusal);
        Err(Box::new(Failure { violation: Some(Box::new(violation)), ..failure }))
    }
}

/// Carries out one step, where its condition holds; answers what has to be asked first, if anything.
fn apply_step(
    step: &Step,
    document: &mut Document<'_>,
    facts: &Facts<'_>,
    answers: &Answers,
    branch: &mut Branch,
) -> Result<Option<Ask>, Refusal> {
    if let Some(when) = step.when() {
        let holds = when.holds(&mut document.root, facts)?;
        branch.push(holds);
        if !holds {
            return Ok(None);
        }
    }
    let Some(external) = step.external() else {
        return step.carry_out(document, facts).map(|()| None);
    };
    let Some(ask) = external.ask(document, facts)? else { return Ok(None) };
    match answers.get(&ask.digest()) {
        Some(answer) => external.accept(document, answer).map(|()| None),
        None => Ok(Some(ask)),
    }
}
