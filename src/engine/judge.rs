//! What is to become of one document: pure, and the same for a preview, a dry run and a run.

use std::collections::BTreeMap;
use std::sync::Arc;

use semver::Version;

use super::error::EngineError;
use super::trouble::{BrokenRule, Trouble};
use super::whole::{content_of, whole_edit};
use crate::catalog::Subject;
use crate::model::{
    Branch, Content, Document, Edit, FieldChange, HashField, Home, Key, Outcome, Storage,
    carry_expiries, glob, redis_json,
};
use crate::planner::Plan;
use crate::schema::{Detection, Detector, Reading, Schema, Violation};
use crate::transform::external::{Answers, Ask, Endpoint};
use crate::transform::{
    Chain, Checks, Condition, Facts, Failure, Frozen, Refusal, Rule, Stage, optimise,
};

/// A Plan, compiled: knows for each document what is to become of it.
#[derive(Clone, Debug)]
pub struct Judge {
    target: Version,
    only: Vec<Version>,
    /// What has to hold for a document to be selected.
    condition: Option<Condition>,
    pattern: String,
    detector: Detector,
    schema: Schema,
    chains: BTreeMap<Version, Chain>,
    /// Shorter forms of chains that have one: what they accept comes out the same.
    short: BTreeMap<Version, Chain>,
    unreachable: BTreeMap<Version, String>,
    frozen: Frozen,
}

/// What is to become of one document.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Judged {
    /// It is to be changed.
    Edit {
        /// How it came about.
        way: Way,
        /// The change.
        edit: Edit,
    },
    /// A service outside has to be asked before it can be said.
    Ask(Box<Asked>),
    /// It came to its outcome without a change.
    Outcome(Outcome, Option<Trouble>),
}

/// The way a document takes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Way {
    /// The version it has.
    pub source: Version,
    /// Which of its chain's steps with a condition are carried out.
    pub branch: Branch,
}

/// A document that waits for an answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Asked {
    /// What was read.
    pub content: Content,
    /// The question.
    pub ask: Ask,
}

impl Judged {
    fn trouble(outcome: Outcome, trouble: Trouble) -> Self {
        Self::Outcome(outcome, Some(trouble))
    }
}

impl Judge {
    /// Compiles a plan.
    pub fn new(plan: &Plan) -> Result<Self, EngineError> {
        let catalog = plan.catalog()?;
        let subject = catalog.subject(&plan.subject).ok_or_else(|| {
            EngineError::Plan(format!("the plan has no definitions for {}", plan.subject))
        })?;
        let schema = subject.schemas.get(&plan.target).cloned().ok_or_else(|| {
            EngineError::Plan(format!("the plan has no schema for {}", plan.target))
        })?;
        let chains = plan.chains.iter().map(|(version, names)| {
            let stages = names.iter().map(|name| stage(subject, name));
            Ok((version.clone(), Chain { stages: stages.collect::<Result<_, EngineError>>()? }))
        });
        let chains = chains.collect::<Result<BTreeMap<_, _>, EngineError>>()?;
        let short = chains
            .iter()
            .filter_map(|(version, chain)| Some((version.clone(), optimise(chain)?.chain)));
        Ok(Self {
            target: plan.target.clone(),
            only: plan.selection.versions.clone(),
            condition: condition(plan)?,
            pattern: schema.key_pattern.clone(),
            detector: subject.detector(),
            short: short.collect(),
            chains,
            schema,
            unreachable: plan.unreachable.clone(),
            frozen: plan.frozen.clone(),
        })
    }

    /// The chain for documents of `version`.
    pub fn chain(&self, version: &Version) -> Option<&Chain> {
        self.chains.get(version)
    }

    /// Every service that its chains may ask.
    pub fn endpoints(&self) -> Vec<Arc<Endpoint>> {
        let stages = self.chains.values().flat_map(|chain| &chain.stages);
        let steps = stages.flat_map(|stage| &stage.steps);
        steps.filter_map(|step| step.external().map(|step| Arc::clone(step.endpoint()))).collect()
    }

    /// What is to become of the document under `key`, seen alone.
    pub fn judge(&self, key: &Key, content: &Content) -> Judged {
        let mut answers = Answers::new();
        loop {
            match self.judge_with(key, content, &answers) {
                // A program of our own answers here, for the one document.
                Judged::Ask(asked) if asked.ask.endpoint.program.is_some() => {
                    answers.extend(asked.ask.answered_alone());
                }
                judged => return judged,
            }
        }
    }

    /// Like [`Judge::judge`], with what services outside have answered for this document so far.
    pub fn judge_with(&self, key: &Key, content: &Content, answers: &Answers) -> Judged {
        let document = match content.document() {
            Ok(document) => document,
            Err(error) => {
                return Judged::trouble(Outcome::Invalid, Trouble::unreadable(&error.to_string()));
            }
        };
        let source = match self.route(key, &document, content) {
            Ok(source) => source,
            Err(judged) => return judged,
        };
        if let Some((after, branch)) = self.take_short_way(&source, key, &document, answers) {
            return self.finish(Way { source, branch }, content, &document, &after);
        }
        let mut after = document.clone();
        match self.apply_with(&source, key, &mut after, answers, &mut |_, _, _| {}) {
            Ok(branch) => self.finish(Way { source, branch }, content, &document, &after),
            Err(failure) => match failure.ask {
                Some(ask) => Judged::Ask(Box::new(Asked { content: content.clone(), ask: *ask })),
                None => refused(&failure),
            },
        }
    }

    /// The version of a document that has a chain to take; else what becomes of it without one.
    pub fn route(
        &self,
        key: &Key,
        document: &Document<'_>,
        content: &Content,
    ) -> Result<Version, Judged> {
        let detection = match self.detect(key, document, content) {
            Ok(detection) => detection,
            Err(reason) => {
                return Err(Judged::trouble(Outcome::Invalid, Trouble::unreadable(&reason)));
            }
        };
        if !self.is_selected(key, document, &detection)? {
            return Err(Judged::Outcome(Outcome::Unchanged, None));
        }
        let reason = match detection {
            Detection::Version(version) if version == self.target => {
                return Err(Judged::Outcome(Outcome::Unchanged, None));
            }
            Detection::Version(version)
                if !self.only.is_empty() && !self.only.contains(&version) =>
            {
                return Err(Judged::Outcome(Outcome::Unchanged, None));
            }
            Detection::Version(version) if self.chains.contains_key(&version) => {
                return Ok(version);
            }
            Detection::Version(version) => {
                self.unreachable.get(&version).cloned().unwrap_or_else(|| {
                    format!("the document is of version {version}, for which the plan has no chain")
                })
            }
            Detection::Unknown => "the document fits no known version".to_owned(),
            ambiguous @ Detection::Ambiguous(_) => {
                format!("the document fits several versions: {ambiguous}")
            }
        };
        Err(Judged::trouble(Outcome::Invalid, Trouble::new("detect", reason)))
    }

    /// Whether the selection's condition holds for a document. What it asks of the version, it asks of
    /// the one the document has; of the target, for a document of which it is not known.
    fn is_selected(
        &self,
        key: &Key,
        document: &Document<'_>,
        detection: &Detection,
    ) -> Result<bool, Judged> {
        let Some(condition) = &self.condition else { return Ok(true) };
        let facts = Facts {
            key,
            pattern: &self.pattern,
            version: detection.version().unwrap_or(&self.target),
            frozen: &self.frozen,
        };
        // A look at a field may read what was only sliced, so it is a look at a copy.
        let mut root = document.root.clone();
        condition.holds(&mut root, &facts).map_err(|refusal| {
            let Refusal { field, reason, found } = refusal;
            Judged::trouble(
                Outcome::Failed,
                Trouble { field, found, ..Trouble::new("where", reason) },
            )
        })
    }

    /// The version of a document, when it has exactly one that is known.
    pub fn version(
        &self,
        key: &Key,
        document: &Document<'_>,
        content: &Content,
    ) -> Option<Version> {
        self.detect(key, document, content).ok()?.version().cloned()
    }

    fn detect(
        &self,
        key: &Key,
        document: &Document<'_>,
        content: &Content,
    ) -> Result<Detection, String> {
        let detector = self.detector.at(key);
        match content {
            Content::String(text) | Content::Json(text) => detector.detect_in(document, text),
            Content::Hash(_) => detector.detect(document),
        }
        .map_err(|error| error.to_string())
    }

    /// Applies the chain for `source`; `watch` sees the document after each step.
    pub fn apply<'a>(
        &self,
        source: &Version,
        key: &Key,
        document: &mut Document<'a>,
        watch: &mut dyn FnMut(&Stage, usize, &Document<'a>),
    ) -> Result<Branch, Box<Failure>> {
        self.apply_with(source, key, document, &Answers::new(), watch)
    }

    /// Like [`Judge::apply`], with what services outside have answered for this document so far.
    pub fn apply_with<'a>(
        &self,
        source: &Version,
        key: &Key,
        document: &mut Document<'a>,
        answers: &Answers,
        watch: &mut dyn FnMut(&Stage, usize, &Document<'a>),
    ) -> Result<Branch, Box<Failure>> {
        let chain = self.chains.get(source).expect("route answers only versions with a chain");
        let branch =
            chain.apply_with(document, key, &self.pattern, &self.frozen, answers, watch)?;
        if document.home.key.as_ref() == Some(key) {
            document.home.key = None;
        }
        Ok(branch)
    }

    /// The document after the optimised chain, where there is one and it accepts the document. What it
    /// refuses, the plain chain may accept, or refuses naming the operator's own step.
    fn take_short_way<'a>(
        &self,
        source: &Version,
        key: &Key,
        document: &Document<'a>,
        answers: &Answers,
    ) -> Option<(Document<'a>, Branch)> {
        let chain = self.short.get(source)?;
        let mut after = document.clone();
        let (pattern, frozen) = (&self.pattern, &self.frozen);
        let taken = chain.apply_with(&mut after, key, pattern, frozen, answers, &mut |_, _, _| {});
        taken.ok().map(|branch| (after, branch))
    }

    /// What the target's schema finds wrong with a document.
    pub fn violations(&self, document: &Document<'_>) -> Vec<Violation> {
        self.schema.validator().check(document)
    }

    /// Validates the result and makes the change of it.
    pub(super) fn finish(
        &self,
        way: Way,
        content: &Content,
        before: &Document<'_>,
        after: &Document<'_>,
    ) -> Judged {
        if after.home != Home::default() || after.storage() != content.storage() {
            return match self.finish_whole(content, after) {
                Ok(edit) => Judged::Edit { way, edit },
                Err(judged) => judged,
            };
        }
        let made = match content {
            Content::Hash(fields) => fits(&self.violations(after)).and_then(|()| {
                hash_edit(fields, before, after).map_err(|t| Judged::trouble(Outcome::Failed, t))
            }),
            Content::String(text) | Content::Json(text) => {
                let written = after.to_json();
                let violations = self.schema.validator().violations_in(after, &written);
                fits(&violations).and_then(|()| {
                    text_edit(content.storage(), text, written)
                        .map_err(|t| Judged::trouble(Outcome::Failed, t))
                })
            }
        };
        match made {
            Err(judged) => judged,
            Ok(None) => Judged::Outcome(Outcome::Unchanged, None),
            Ok(Some(edit)) => Judged::Edit { way, edit },
        }
    }

    /// Like [`Judge::finish`], for a document that is to be kept in another way or place.
    fn finish_whole(&self, content: &Content, after: &Document<'_>) -> Result<Edit, Judged> {
        let failed = |trouble| Judged::trouble(Outcome::Failed, trouble);
        let refuse = |reason: String, found: &str| {
            let found = Some(found.to_owned());
            Err(failed(Trouble { found, ..Trouble::new("write", reason) }))
        };
        if let Some(storage) = self.schema.storage.filter(|wanted| *wanted != after.storage()) {
            let reason = format!("the target's documents are kept as {storage}");
            return refuse(reason, after.storage().name());
        }
        if let Some(key) = &after.home.key
            && !glob::matches(self.pattern.as_bytes(), key.as_bytes())
        {
            let pattern = &self.pattern;
            let reason = format!("the new key does not match the target's pattern '{pattern}'");
            return refuse(reason, &key.to_string());
        }
        fits(&self.violations(after))?;
        if let Content::Json(stands) = content {
            exact_in_json(&String::from_utf8_lossy(stands)).map_err(failed)?;
        }
        let written = content_of(content, after).map_err(failed)?;
        Ok(whole_edit(content, after, written))
    }
}

/// The condition that a plan selects documents by.
fn condition(plan: &Plan) -> Result<Option<Condition>, EngineError> {
    let parsed = plan.selection.condition.as_ref().map(Condition::parse).transpose();
    parsed.map_err(|mistakes| {
        let mistakes = mistakes.iter().map(|m| format!("{}: {}", m.path, m.message));
        let mistakes = mistakes.collect::<Vec<_>>().join("; ");
        EngineError::Plan(format!("'where' of the plan's selection is no condition: {mistakes}"))
    })
}

/// A result that breaks a rule of the target's schema is not written.
fn fits(violations: &[Violation]) -> Result<(), Judged> {
    violations.first().map_or(Ok(()), |violation| {
        Err(Judged::trouble(Outcome::Invalid, trouble_of_violation(violation)))
    })
}

/// What becomes of a document that the chain did not take to its end.
pub(super) fn refused(failure: &Failure) -> Judged {
    if failure.is_passed_over {
        return Judged::Outcome(Outcome::Unchanged, None);
    }
    match &failure.violation {
        Some(violation) => {
            let step = failure.at.to_string();
            let trouble = Trouble { step, ..trouble_of_violation(violation) };
            Judged::trouble(Outcome::Invalid, trouble)
        }
        None => Judged::trouble(Outcome::Failed, trouble_of(failure)),
    }
}

/// The trouble of a document that a step refused.
fn trouble_of(failure: &Failure) -> Trouble {
    let Refusal { field, reason, found } = failure.refusal.clone();
    Trouble { field, found, ..Trouble::new(&failure.at.to_string(), reason) }
}

/// The trouble of a document that breaks a rule: the target's schema's, unless its step says else.
pub(super) fn trouble_of_violation(violation: &Violation) -> Trouble {
    let Violation { path, rule, found, expected, .. } = violation.clone();
    // A migration's own rule comes with its own sentence.
    let reason = match rule.as_str() {
        Rule::NAME => expected.clone(),
        rule => format!("{rule}: expected {expected}"),
    };
    Trouble {
        field: path,
        found: Some(found),
        broken: Some(Box::new(BrokenRule { rule, expected })),
        ..Trouble::new("validate", reason)
    }
}

pub(super) fn stage(subject: &Subject, name: &str) -> Result<Stage, EngineError> {
    let migration = subject.migrations.get(name);
    let migration = migration
        .ok_or_else(|| EngineError::Plan(format!("the plan has no migration '{name}'")))?;
    let source = subject.schemas.get(&migration.source);
    let checks = Checks { source: source.cloned(), ..migration.validation.clone() };
    Ok(Stage {
        checks,
        pattern: source.map(|schema| schema.key_pattern.clone()),
        reading: source.map_or_else(Reading::default, |s| s.validator().reading().clone()),
        ..migration.stage()
    })
}

/// The change that makes one hash of another; `None` when there is none.
pub(super) fn hash_edit(
    fields: &[HashField],
    before: &Document<'_>,
    after: &Document<'_>,
) -> Result<Option<Edit>, Trouble> {
    let changes =
        after.hash_delta(before).map_err(|error| Trouble::new("write", error.to_string()))?;
    if changes.is_empty() {
        return Ok(None);
    }
    if after.root.is_empty() {
        let reason = "no field would be left, and Redis has no empty hash";
        return Err(Trouble::new("write", reason));
    }
    let mut changes = guarded(before, changes);
    carry_expiries(fields, after, &mut changes);
    Ok(Some(Edit::Hash(changes)))
}

/// The change that replaces a document's text; `None` when there is none.
pub(super) fn text_edit(
    storage: Storage,
    stands: &[u8],
    written: String,
) -> Result<Option<Edit>, Trouble> {
    if written.as_bytes() == stands {
        return Ok(None);
    }
    match storage {
        Storage::String => {
            Ok(Some(Edit::String { before: stands.to_vec(), after: written.into_bytes() }))
        }
        Storage::Json => {
            // What stands has to be settable too: a rollback puts it back.
            exact_in_json(&String::from_utf8_lossy(stands))?;
            exact_in_json(&written)?;
            Ok(Some(Edit::Json { before: stands.to_vec(), after: written.into_bytes() }))
        }
        Storage::Hash => unreachable!("a hash has no text"),
    }
}

/// RedisJSON keeps whole numbers of 64 bits and doubles; what it would round is not written.
pub(super) fn exact_in_json(text: &str) -> Result<(), Trouble> {
    redis_json::settable(text).map(|_| ()).map_err(|number| Trouble {
        found: Some(number),
        ..Trouble::new("write", "RedisJSON would round a number: keep it as a string")
    })
}

/// Adds a field that is only compared, when every compared field is absent before: a hash that was
/// deleted meanwhile would look just the same.
fn guarded(before: &Document<'_>, mut changes: Vec<FieldChange>) -> Vec<FieldChange> {
    if changes.iter().all(|change| change.before.is_none())
        && let Some(member) = before.root.members().first()
    {
        let value = member.value.to_plain().map(std::borrow::Cow::into_owned);
        changes.push(FieldChange::new(member.name.to_plain(), value.clone(), value));
    }
    changes
}
