//! The Plan: everything a run will do, as data. The confirm dialog, the dry run, the journal's header
//! and the report show this same value.

use std::collections::{BTreeMap, BTreeSet};

use semver::Version;
use serde::{Deserialize, Serialize};
use serde_json::Value as Json;

use super::moves;
use crate::catalog::{Catalog, Mistakes, Source};
use crate::model::{PlanId, Storage};
use crate::transform::{Chain, Frozen, Step, optimise};

use super::canary::Stages;
use super::draft::Question;
use super::selection::Selection;

/// The format of a Plan file. Another number is refused.
pub const PLAN_FORMAT: u32 = 1;

/// What a risk is about.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum RiskGrade {
    /// What an index of the server finds.
    Index,
    /// Knowledge of what a document had before: the inverse has to assume.
    Origin,
    /// Values: only a before-image brings them back. So it is in plans of before grades were told.
    #[default]
    Values,
}

impl RiskGrade {
    /// The grade in one word.
    pub fn name(self) -> &'static str {
        match self {
            Self::Index => "index",
            Self::Origin => "origin",
            Self::Values => "values",
        }
    }
}

/// Something an operator should know before the run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Risk {
    /// The migration it is about.
    pub migration: String,
    /// The number of the transform, from 1.
    pub step: usize,
    /// The transform, in one line.
    pub transform: String,
    /// What may be lost, or is not found any more.
    pub loss: String,
    /// What it is about.
    #[serde(default)]
    pub grade: RiskGrade,
}

/// What a run will cost, from samples.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Estimate {
    /// Keys of the selection.
    pub keys: u64,
    /// Whether they were counted; else they are scaled up from a part of the keyspace.
    pub exact: bool,
    /// Documents that were measured.
    pub measured: u64,
    /// Keys that will be migrated.
    pub to_migrate: u64,
    /// Bytes of all values.
    pub bytes: u64,
    /// Bytes the journal will take before it is compressed: the before-images.
    pub journal_bytes: u64,
    /// Milliseconds the chain and the validation take on this machine; reading and writing come on top.
    pub transform_ms: u64,
}

impl Estimate {
    /// About what the journal writes around a before-image: digests, lengths, settlement.
    pub const FRAME_BYTES: u64 = 64;
}

/// Everything a run will do.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Plan {
    /// The number of the format: a plan of another is refused.
    pub format: u32,
    /// The subject.
    pub subject: String,
    /// The version every document is to have.
    pub target: Version,
    /// How the keys store their documents.
    pub storage: Storage,
    /// How else, where versions differ in that or a chain converts.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub other_storages: Vec<Storage>,
    /// Which keys.
    pub selection: Selection,
    /// The stages in which it goes over them; `None` is all of them in one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub canary: Option<Stages>,
    /// For each version a document may have: the migrations to take, by name, in order. The target
    /// itself stands here with none.
    pub chains: BTreeMap<Version, Vec<String>>,
    /// For each version from which no migrations lead to the target: why.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub unreachable: BTreeMap<Version, String>,
    /// The services outside that its steps ask, as scheme and host. No other is ever called.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub hosts: BTreeSet<String>,
    /// What is decided once for the whole run.
    pub frozen: Frozen,
    /// What may be lost, by step.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub risks: Vec<Risk>,
    /// What is still open: no run carries out a plan with questions.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub questions: Vec<Question>,
    /// The subject's schemas, as written.
    pub schemas: Vec<Json>,
    /// The migrations of the chains, with their strategies written out.
    pub migrations: BTreeMap<String, Json>,
}

/// Why a text is no Plan.
#[derive(Debug, thiserror::Error)]
pub enum PlanFileError {
    /// It does not read as one.
    #[error(
        "this is no plan file: {0}\n  `remold plan SUBJECT --to VERSION --out FILE` writes one"
    )]
    NotAPlan(serde_json::Error),
    /// Its digest is not that of what it holds.
    #[error(
        "the plan was changed after it was drawn up: it says digest {digest}, and what it holds has {id}\n  draw it up anew, or take the \"digest\" line out to say that the change is meant"
    )]
    Edited {
        /// The digest that stands in it.
        digest: String,
        /// The digest it has.
        id: String,
    },
    /// It is of another format.
    #[error("the plan file is of format {found}, and this program knows format {PLAN_FORMAT}")]
    Format {
        /// Its format.
        found: u32,
    },
}

impl Plan {
    /// The plan's digest: equal for plans that do the same.
    pub fn id(&self) -> PlanId {
        PlanId::of(&serde_json::to_vec(self).expect("plain data prints as JSON"))
    }

    /// Every storage its documents may have, the likeliest first.
    pub fn storages(&self) -> Vec<Storage> {
        std::iter::once(self.storage).chain(self.other_storages.iter().copied()).collect()
    }

    /// Its storages in words: `string or hash`.
    pub fn stored_as(&self) -> String {
        self.storages().iter().map(|storage| storage.name()).collect::<Vec<_>>().join(" or ")
    }

    /// What its chains do to keys as a whole, in words: storages, names and expiries.
    pub fn moves(&self) -> Vec<String> {
        let mut lines = Vec::new();
        for version in self.chains.keys() {
            for (_, json) in self.transforms(version) {
                let line = moves::in_words(&json, self.pattern_of(version));
                lines.extend(line.filter(|line| !lines.contains(line)));
            }
        }
        lines
    }

    /// The key pattern of a version's schema, else the selection's.
    fn pattern_of(&self, version: &Version) -> &str {
        let version = version.to_string();
        let schema = self.schemas.iter().find(|schema| schema["version"] == version.as_str());
        let pattern = schema.and_then(|schema| schema["keyPattern"].as_str());
        pattern.unwrap_or(&self.selection.pattern)
    }

    fn transforms(&self, version: &Version) -> Vec<(String, Json)> {
        let names = self.chains.get(version).map_or(&[][..], Vec::as_slice);
        let transforms = names.iter().flat_map(|name| {
            let transforms = self.migrations[name]["transforms"].as_array();
            transforms.into_iter().flatten().map(move |json| (name.clone(), json.clone()))
        });
        transforms.collect()
    }

    /// The plan as JSON.
    pub fn to_json(&self) -> Json {
        serde_json::to_value(self).expect("plain data prints as JSON")
    }

    /// The plan as a plan file holds it: with its digest, and the questions that are still open.
    pub fn to_file(&self) -> Json {
        let mut json = self.to_json();
        json["digest"] = self.id().as_str().into();
        let fused = self.chains.keys().map(|version| (version.to_string(), self.fused(version)));
        let fused: BTreeMap<_, _> = fused.filter(|(_, lines)| !lines.is_empty()).collect();
        if !fused.is_empty() {
            json["fused"] = serde_json::to_value(fused).expect("plain data prints as JSON");
        }
        json["questions"] =
            serde_json::to_value(&self.questions).expect("plain data prints as JSON");
        json["risks"] = serde_json::to_value(&self.risks).expect("plain data prints as JSON");
        json
    }

    /// Reads a plan from a plan file or a journal. A digest that stands in it has to be the plan's:
    /// whoever edits a plan by hand has to take the digest out.
    pub fn from_json(mut json: Json) -> Result<Self, PlanFileError> {
        let members = json.as_object_mut();
        let digest = members.and_then(|members| {
            members.shift_remove("fused");
            members.shift_remove("estimate");
            members.shift_remove("draft");
            members.shift_remove("digest")
        });
        let plan: Self = serde_json::from_value(json).map_err(PlanFileError::NotAPlan)?;
        if plan.format != PLAN_FORMAT {
            return Err(PlanFileError::Format { found: plan.format });
        }
        let id = plan.id();
        match digest.as_ref().and_then(Json::as_str) {
            Some(digest) if digest != id.as_str() => {
                Err(PlanFileError::Edited { digest: digest.to_owned(), id: id.to_string() })
            }
            _ => Ok(plan),
        }
    }

    /// The definitions that stand in the plan, compiled: a catalog with the one subject.
    pub fn catalog(&self) -> Result<Catalog, Mistakes> {
        let name = |part: &str| format!("{part} in the plan of {}", self.subject);
        let mut sources: Vec<Source> =
            self.schemas.iter().map(|json| Source::from_value(name("schema"), json)).collect();
        let migrations = serde_json::json!({
            "subject": self.subject,
            "migrations": self.migrations,
        });
        sources.push(Source::from_value(name("migrations"), &migrations));
        Catalog::from_definitions(&sources)
    }

    /// The steps whose program gets many documents at once, in words: what it makes of one may depend on
    /// the others.
    pub fn batches(&self) -> Vec<String> {
        let Ok(catalog) = self.catalog() else { return Vec::new() };
        let subject = catalog.subject(&self.subject);
        let migrations = subject.into_iter().flat_map(|subject| subject.migrations.values());
        let steps = migrations.flat_map(|migration| {
            let numbered = migration.transforms.iter().zip(1..);
            numbered.map(move |(step, number)| (format!("{} step {number}", migration.name), step))
        });
        let lines = steps.filter_map(|(name, step)| {
            let endpoint = step.external()?.endpoint();
            let documents = endpoint.program.as_ref().and(endpoint.batch.as_ref())?.documents;
            Some(format!(
                "{name}: a program gets up to {documents} documents at once, and what it makes of one may depend \
                 on the others; the journal keeps what it answered"
            ))
        });
        lines.collect()
    }

    /// What became one step in the chain from `version`, in one line each.
    pub fn fused(&self, version: &Version) -> Vec<String> {
        let Ok(catalog) = self.catalog() else { return Vec::new() };
        let migrations = catalog.subject(&self.subject).map(|subject| &subject.migrations);
        let names = self.chains.get(version).into_iter().flatten();
        let stages = names.filter_map(|name| Some(migrations?.get(name)?.stage()));
        let optimised = optimise(&Chain { stages: stages.collect() });
        optimised
            .map(|chain| chain.fused.iter().map(ToString::to_string).collect())
            .unwrap_or_default()
    }

    /// What the migrations of the chain from `version` ask of documents on their way, in one line each,
    /// with the migration before it.
    pub fn checks(&self, version: &Version) -> Vec<(String, String)> {
        let Ok(catalog) = self.catalog() else { return Vec::new() };
        let migrations = catalog.subject(&self.subject).map(|subject| &subject.migrations);
        let names = self.chains.get(version).into_iter().flatten();
        let migrations = names.filter_map(|name| migrations?.get(name));
        let lines = migrations.flat_map(|migration| {
            let lines = migration.validation.in_words(&migration.source);
            lines.into_iter().map(|line| (migration.name.clone(), line))
        });
        lines.collect()
    }

    /// The steps of the chain from `version`, in one line each, with the migration before them.
    pub fn steps(&self, version: &Version) -> Vec<(String, String)> {
        let line =
            |json: &Json| Step::parse(json).map_or_else(|_| json.to_string(), |s| s.summary());
        let steps = self.transforms(version).into_iter();
        steps.map(|(migration, json)| (migration, line(&json))).collect()
    }
}
