//! Drawing up a Plan from a catalog and a request.

use std::collections::{BTreeMap, BTreeSet};

use semver::Version;

use super::plan::{PLAN_FORMAT, Plan, Risk, RiskGrade};
use super::selection::{Narrowed, Selection};
use crate::catalog::graph::{self, RouteError};
use crate::catalog::{Catalog, Migration, Subject};
use crate::model::{Key, Storage};
use crate::transform::{Condition, Frozen, Grade, StepMistake};

/// What an operator asks for.
#[derive(Clone, Debug)]
pub struct PlanRequest {
    /// The subject.
    pub subject: String,
    /// The version every document is to have.
    pub target: Version,
    /// Only documents of this version.
    pub from: Option<Version>,
    /// The migrations to take, by name, instead of the route that would be found.
    pub path: Option<Vec<String>>,
    /// Another pattern than the subject's own.
    pub pattern: Option<String>,
    /// What the selection is narrowed to.
    pub narrowed: Narrowed,
    /// What is decided once for the whole run.
    pub frozen: Frozen,
}

/// Why no plan can be drawn up.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PlanError {
    /// The catalog has no such subject.
    #[error("there is no subject '{subject}'{}; known subjects: {known}", hint.as_deref().map(|h| format!(", did you mean '{h}'?")).unwrap_or_default())]
    UnknownSubject {
        /// What was asked for.
        subject: String,
        /// The subjects there are.
        known: String,
        /// The nearest of them.
        hint: Option<String>,
    },
    /// The target has no schema to validate against.
    #[error(
        "{subject} has no schema for version {version}; it has {known}\n  add a schema file for it to the catalog: nothing is migrated to a shape that cannot be checked"
    )]
    NoSchema {
        /// The subject.
        subject: String,
        /// The target.
        version: Version,
        /// The versions with a schema.
        known: String,
    },
    /// No migrations lead to the target.
    #[error("{0}")]
    Route(#[from] RouteError),
    /// A plan with open questions.
    #[error(
        "the plan has {} open: nothing is run before they are answered\n{}\n  answer them in a hints file and draft again with --hints FILE, or take them out of the plan file (with its digest) if the steps are as you want them",
        if .0.len() == 1 { "a question".to_owned() } else { format!("{} questions", .0.len()) },
        .0.iter().map(|question| format!("  - {question}")).collect::<Vec<_>>().join("\n")
    )]
    Open(Vec<String>),
    /// The list of keys names one that is none of the subject's.
    #[error(
        "the list of keys names {key}, which does not match {patterns}\n  nothing was done; take it out of the list, or name another --pattern"
    )]
    KeyOutside {
        /// The key.
        key: Key,
        /// The subject's patterns.
        patterns: String,
    },
    /// A plan whose query was not answered.
    #[error(
        "the plan selects by the query '{query}' and does not hold the keys that it found: nothing is run\n  draw it up anew with --query"
    )]
    Unanswered {
        /// The query.
        query: String,
    },
    /// The condition that documents are selected by is none.
    #[error("--where is no condition: {path}: {message}\n  expected {expected}")]
    Condition {
        /// Where in it.
        path: String,
        /// What is wrong.
        message: String,
        /// What would be right.
        expected: String,
    },
    /// No version leads to the target.
    #[error(
        "no migrations lead to {version} of {subject} from any version\n  `remold graph {subject}` shows which there are, `remold plan {subject} --to {version}` drafts one"
    )]
    Isolated {
        /// The subject.
        subject: String,
        /// The target.
        version: Version,
    },
}

impl Plan {
    /// Refuses a plan with open questions, or with a query without its answer.
    pub fn settled(&self) -> Result<(), PlanError> {
        if let (Some(query), None) = (&self.selection.query, &self.selection.keys) {
            return Err(PlanError::Unanswered { query: query.text.clone() });
        }
        if self.questions.is_empty() {
            return Ok(());
        }
        Err(PlanError::Open(self.questions.iter().map(|question| question.asks.clone()).collect()))
    }
}

/// Draws up the plan. `storage` is how the subject's keys are stored, as its schemas say or as was
/// seen on the server.
pub fn draw_up(
    catalog: &Catalog,
    request: PlanRequest,
    storage: Storage,
) -> Result<Plan, PlanError> {
    let subject = find_subject(catalog, &request.subject)?;
    let target = &request.target;
    if !subject.schemas.contains_key(target) {
        return Err(match graph::resolve(subject, target, target, None) {
            Err(unknown @ RouteError::UnknownVersion { .. }) => unknown.into(),
            _ => PlanError::NoSchema {
                subject: subject.name.clone(),
                version: target.clone(),
                known: list(subject.schemas.keys()),
            },
        });
    }
    let routes = Routes::find(subject, &request)?;
    let migrations: BTreeMap<String, _> =
        routes.used.values().map(|m| (m.name.clone(), m.self_contained())).collect();
    let newest = &subject.schemas[target];
    let mut frozen = request.frozen;
    for (name, value) in &catalog.flags {
        frozen.flags.entry(name.clone()).or_insert_with(|| value.clone());
    }
    let other_patterns = match &request.pattern {
        // Named by hand, it is the only one.
        Some(_) => Vec::new(),
        None => routes.other_patterns(subject, &newest.key_pattern),
    };
    let Narrowed { limit, keys, query, slots, condition } = request.narrowed;
    let selection = Selection {
        pattern: request.pattern.unwrap_or_else(|| newest.key_pattern.clone()),
        other_patterns,
        versions: request.from.into_iter().collect(),
        limit,
        keys,
        query,
        slots,
        condition,
    };
    check(&selection)?;
    Ok(Plan {
        format: PLAN_FORMAT,
        subject: subject.name.clone(),
        target: target.clone(),
        storage,
        other_storages: routes.other_storages(subject, storage),
        selection,
        canary: None,
        hosts: hosts(routes.used.values().copied()),
        chains: routes.chains,
        unreachable: routes.unreachable,
        frozen,
        risks: routes.used.values().flat_map(|migration| risks(migration)).collect(),
        questions: Vec::new(),
        schemas: subject.schemas.values().map(|schema| schema.definition().clone()).collect(),
        migrations,
    })
}

/// Refuses a selection that no run could keep to.
fn check(selection: &Selection) -> Result<(), PlanError> {
    let outside = selection.keys.iter().flatten().find(|key| !selection.matches(key));
    if let Some(key) = outside {
        let patterns = selection.patterns();
        return Err(PlanError::KeyOutside { key: key.clone(), patterns });
    }
    let Some(condition) = &selection.condition else { return Ok(()) };
    Condition::parse(condition).map(|_| ()).map_err(|mistakes| {
        let StepMistake { path, message, expected } =
            mistakes.into_iter().next().expect("a refusal has a mistake");
        PlanError::Condition { path, message, expected }
    })
}

fn find_subject<'c>(catalog: &'c Catalog, name: &str) -> Result<&'c Subject, PlanError> {
    catalog.subject(name).ok_or_else(|| PlanError::UnknownSubject {
        subject: name.to_owned(),
        known: list(catalog.subjects.keys()),
        hint: crate::transform::nearest(name, catalog.subjects.keys().map(String::as_str))
            .map(str::to_owned),
    })
}

/// The chain of each version.
struct Routes<'c> {
    chains: BTreeMap<Version, Vec<String>>,
    unreachable: BTreeMap<Version, String>,
    used: BTreeMap<&'c str, &'c Migration>,
}

impl<'c> Routes<'c> {
    fn find(subject: &'c Subject, request: &PlanRequest) -> Result<Self, PlanError> {
        let target = &request.target;
        let mut routes =
            Self { chains: BTreeMap::new(), unreachable: BTreeMap::new(), used: BTreeMap::new() };
        let asked: BTreeSet<&Version> = match (&request.from, &request.path) {
            (Some(from), _) => [from, target].into(),
            // A path given by hand says by its first migration which documents it is for.
            (None, Some(names)) => {
                let first = names.first().and_then(|name| subject.migrations.get(name));
                first.map(|migration| &migration.source).into_iter().chain([target]).collect()
            }
            (None, None) => subject.versions(),
        };
        for version in asked {
            let forced = request.path.as_deref().filter(|_| version != target);
            match graph::resolve(subject, version, target, forced) {
                Ok(route) => {
                    let names = route.migrations.iter().map(|m| m.name.clone()).collect();
                    routes.chains.insert(version.clone(), names);
                    routes.used.extend(route.migrations.iter().map(|m| (m.name.as_str(), *m)));
                }
                Err(RouteError::NoPath { .. }) if request.from.is_none() && forced.is_none() => {
                    let reason = format!("no migrations lead from {version} to {target}");
                    routes.unreachable.insert(version.clone(), reason);
                }
                Err(error) => return Err(error.into()),
            }
        }
        if routes.used.is_empty() {
            return Err(PlanError::Isolated {
                subject: subject.name.clone(),
                version: target.clone(),
            });
        }
        Ok(routes)
    }
}

/// The services that steps of these migrations ask.
fn hosts<'m>(migrations: impl Iterator<Item = &'m Migration>) -> BTreeSet<String> {
    let steps = migrations.flat_map(|migration| &migration.transforms);
    let services = steps.filter_map(|step| Some(step.external()?.endpoint()));
    services.filter(|it| it.program.is_none()).map(|service| service.host.clone()).collect()
}

impl Routes<'_> {
    /// The key patterns of versions with a chain, besides `known`.
    fn other_patterns(&self, subject: &Subject, known: &str) -> Vec<String> {
        let schemas = self.chains.keys().filter_map(|version| subject.schemas.get(version));
        let patterns: BTreeSet<&str> =
            schemas.map(|schema| schema.key_pattern.as_str()).filter(|p| *p != known).collect();
        patterns.into_iter().map(str::to_owned).collect()
    }

    /// The storages of versions with a chain, besides `known`. A version whose schema does not say, in
    /// a plan that converts, may be in any.
    fn other_storages(&self, subject: &Subject, known: Storage) -> Vec<Storage> {
        let converts = self
            .used
            .values()
            .flat_map(|migration| &migration.transforms)
            .any(|step| step.kind() == "convertStorage");
        let mut storages = BTreeSet::new();
        for version in self.chains.keys() {
            let declared = subject.schemas.get(version).and_then(|schema| schema.storage);
            match declared {
                Some(storage) => storages.extend([storage]),
                None if converts => storages.extend(Storage::ALL),
                None => {}
            }
        }
        storages.remove(&known);
        storages.into_iter().collect()
    }
}

/// The steps after which something is gone. Notation alone (the order of fields, the writing of a
/// number) is no risk.
fn risks(migration: &Migration) -> impl Iterator<Item = Risk> + '_ {
    migration.transforms.iter().enumerate().filter_map(|(at, step)| {
        let loss = step.loss().filter(|loss| loss.grade > Grade::Form)?;
        Some(Risk {
            migration: migration.name.clone(),
            step: at + 1,
            transform: step.summary(),
            loss: loss.what,
            grade: if loss.grade == Grade::Values { RiskGrade::Values } else { RiskGrade::Origin },
        })
    })
}

fn list<T: std::fmt::Display>(items: impl Iterator<Item = T>) -> String {
    let names: Vec<String> = items.map(|item| item.to_string()).collect();
    if names.is_empty() { "none".to_owned() } else { names.join(", ") }
}
