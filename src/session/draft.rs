//! Drafts: samples and examples from files or from the server, the planner's draft, and the Plan of it.

use std::path::Path;
use std::time::Instant;

use serde_json::Value as Json;

use super::samples::Sampled;
use super::{Session, SessionError};
use crate::catalog::{Catalog, Source, Subject, graph};
use crate::engine::{self, Judge, Rehearsal, Rehearsing};
use crate::model::{Content, Document, HashField, Key, Outcome, Storage};
use crate::planner::draft::{self, Draft, Hints, Sample};
use crate::planner::{Estimate, Plan, PlanError, PlanRequest, draw_up};
use crate::schema::infer::Profile;
use crate::schema::{Detection, Schema, Version};

/// How many keys a draft reads from the server.
const KEYS_SAMPLED: u64 = 2_000;

/// The version of a shape that was inferred from stored documents.
const LIVE: &str = "0.0.0-live";

/// What a draft is made from.
#[derive(Clone, Debug, Default)]
pub struct Ground {
    /// Documents of a file; the server is asked when there are none.
    pub samples: Option<Vec<Sample>>,
    /// Documents before and after.
    pub pairs: Vec<(Sample, Sample)>,
    /// What the operator says beforehand.
    pub hints: Hints,
    /// Whether the old shape is inferred from the samples.
    pub live: bool,
}

/// A draft and the plan of it.
#[derive(Clone, Debug)]
pub struct Drafted {
    /// The draft.
    pub draft: Draft,
    /// The plan, with the draft's questions.
    pub plan: Plan,
    /// Why there are no samples, where the server was to be asked for them.
    pub without_samples: Option<String>,
}

impl Session {
    /// Whether the definitions lead to what a request asks for.
    pub fn has_route(&self, request: &PlanRequest) -> bool {
        let Some(subject) = self.catalog().subject(&request.subject) else { return false };
        match &request.from {
            Some(from) => graph::resolve(subject, from, &request.target, None).is_ok(),
            None => !graph::reachable(subject, &request.target, true).is_empty(),
        }
    }

    /// Drafts the migration that a request lacks, and draws up the plan of it.
    pub fn draft(&self, request: PlanRequest, ground: &Ground) -> Result<Drafted, SessionError> {
        let subject = self.subject(&request.subject)?;
        let target =
            subject.schemas.get(&request.target).cloned().ok_or_else(|| PlanError::NoSchema {
                subject: subject.name.clone(),
                version: request.target.clone(),
                known: subject
                    .schemas
                    .keys()
                    .map(ToString::to_string)
                    .collect::<Vec<_>>()
                    .join(", "),
            })?;
        let mut without_samples = None;
        let samples = match &ground.samples {
            Some(samples) => samples.clone(),
            None => match self.sampled(&target.key_pattern, KEYS_SAMPLED) {
                Ok(samples) => match &request.from {
                    Some(from) => that_speak(subject, from, &request.target, samples),
                    None => samples,
                },
                // Two schemas are enough for a draft, unless the old one is to be inferred.
                Err(error @ SessionError::Store(_)) if !ground.live => {
                    without_samples = Some(error.to_string());
                    Vec::new()
                }
                Err(error) => return Err(error),
            },
        };
        let source = self.source_schema(&request, &target, &samples, ground)?;
        let draft = draft::draft(&source, &target, &samples, &ground.pairs, &ground.hints);
        let mut plan = self.plan_of(&draft, request, &source, &target, &samples, ground.live)?;
        plan.questions.clone_from(&draft.questions);
        if ground.samples.is_none() && without_samples.is_none() {
            plan = self.looked_up(plan)?;
        }
        Ok(Drafted { draft, plan, without_samples })
    }

    fn source_schema(
        &self,
        request: &PlanRequest,
        target: &Schema,
        samples: &[Sample],
        ground: &Ground,
    ) -> Result<Schema, SessionError> {
        let subject = self.subject(&request.subject)?;
        if ground.live {
            let mut profile = Profile::default();
            for document in samples.iter().filter_map(|sample| sample.content.document().ok()) {
                _ = profile.add(&document);
            }
            if profile.documents() == 0 {
                let pattern = &target.key_pattern;
                return Err(SessionError::Usage(format!(
                    "there is no document under '{pattern}' to infer the old shape from"
                )));
            }
            return self.made_schema(&profile.propose(&subject.name, &target.key_pattern, LIVE));
        }
        let from = if let Some(from) = &request.from {
            from.clone()
        } else {
            let before = subject.schemas.keys().rev().find(|version| **version < target.version);
            let other = || subject.schemas.keys().find(|version| **version != target.version);
            before.or_else(other).cloned().ok_or_else(|| {
                SessionError::Usage(format!(
                    "{} has the version {} alone: name a version to start from with --from, or infer \
                     it from stored documents with --live",
                    subject.name, target.version
                ))
            })?
        };
        subject.schemas.get(&from).cloned().ok_or_else(|| {
            SessionError::Usage(format!(
                "{} has no schema {from} to draft from; add one, or infer it with --live",
                subject.name
            ))
        })
    }

    /// The plan of a draft: the subject's definitions with the drafted migration in place of those
    /// between the same versions.
    fn plan_of(
        &self,
        draft: &Draft,
        mut request: PlanRequest,
        source: &Schema,
        target: &Schema,
        samples: &[Sample],
        live: bool,
    ) -> Result<Plan, SessionError> {
        let subject = self.subject(&request.subject)?;
        let mut sources = vec![Source::from_value("the draft", &draft.migration)];
        if live {
            sources.push(Source::from_value("the inferred schema", source.definition()));
            sources.push(Source::from_value("schema", target.definition()));
        } else {
            let schemas =
                subject.schemas.values().map(|s| Source::from_value("schema", s.definition()));
            sources.extend(schemas);
            let others: serde_json::Map<String, Json> = subject
                .migrations
                .values()
                .filter(|m| {
                    m.name != draft.name
                        && !(m.source == source.version && m.target == target.version)
                })
                .map(|m| (m.name.clone(), m.self_contained()))
                .collect();
            if !others.is_empty() {
                let file = serde_json::json!({"subject": subject.name, "migrations": others});
                sources.push(Source::from_value("migrations", &file));
            }
        }
        let mut catalog = Catalog::from_definitions(&sources)?;
        catalog.flags.clone_from(&self.catalog().flags);
        request.from = Some(source.version.clone());
        let seen = samples.first().map(|sample| sample.content.storage());
        let storage = target.storage.or(source.storage).or(seen).unwrap_or(Storage::String);
        let mut plan = draw_up(&catalog, request, storage)?;
        if live {
            // Every document that is not of the target version is of the inferred one.
            plan.selection.versions.clear();
        }
        Ok(plan)
    }

    /// Up to `most` documents of a pattern from the server.
    pub fn sampled(&self, pattern: &str, most: u64) -> Result<Vec<Sample>, SessionError> {
        let mut samples = Vec::new();
        self.each_sample(pattern, most, &mut |key, sampled| {
            if let Sampled::Document(document) = sampled {
                samples.push(Sample { key: key.clone(), content: content_of(document) });
            }
        })?;
        Ok(samples)
    }

    /// The documents of a file: one, a JSON array of them, or one in each line. Where the subject is
    /// stored in hashes, they are read as the fields of a hash.
    pub fn samples_file(&self, path: &Path, storage: Storage) -> Result<Vec<Sample>, SessionError> {
        let text = self.read_file(path)?;
        let wrong = |line: usize, error: &str| {
            SessionError::Usage(format!(
                "{}:{line}: {error}\n  a JSON array of documents is wanted, or one document in each line",
                path.display()
            ))
        };
        let documents: Vec<Json> = match serde_json::from_str::<Json>(&text) {
            Ok(Json::Array(documents)) => documents,
            Ok(one) => vec![one],
            Err(_) => text
                .lines()
                .enumerate()
                .filter(|(_, line)| !line.trim().is_empty())
                .map(|(at, line)| {
                    serde_json::from_str(line).map_err(|error| wrong(at + 1, &error.to_string()))
                })
                .collect::<Result<_, _>>()?,
        };
        if let Some(at) = documents.iter().position(|document| !document.is_object()) {
            return Err(wrong(at + 1, "this is no document: a document is an object"));
        }
        Ok(documents.iter().map(|document| sample_of(document, storage)).collect())
    }

    /// The pairs that two files, or two keys, hold. Files may hold several documents each, in the same
    /// order.
    pub fn example(
        &self,
        before: &str,
        after: &str,
        storage: Storage,
    ) -> Result<Vec<(Sample, Sample)>, SessionError> {
        let read = |name: &str| -> Result<Vec<Sample>, SessionError> {
            let path = Path::new(name);
            if path.is_file() {
                return self.samples_file(path, storage);
            }
            let found = self.sampled(&escaped(name), 1)?;
            if found.is_empty() {
                return Err(SessionError::Usage(format!(
                    "the example '{name}' is neither a file nor a key with a document"
                )));
            }
            Ok(found)
        };
        let (befores, afters) = (read(before)?, read(after)?);
        if befores.len() != afters.len() {
            return Err(SessionError::Usage(format!(
                "the example has {} documents before ({before}) and {} after ({after}): each one needs its other",
                befores.len(),
                afters.len()
            )));
        }
        Ok(befores.into_iter().zip(afters).collect())
    }

    /// Draws up a plan without asking the server how the keys are stored.
    pub fn plan_unasked(&self, request: PlanRequest) -> Result<Plan, SessionError> {
        if request.narrowed.query.is_some() {
            let text = "a query is answered by the server: leave --samples out, or --query";
            return Err(SessionError::Usage(text.to_owned()));
        }
        let storage = self.declared_storage(&request.subject).unwrap_or(Storage::String);
        Ok(draw_up(self.catalog(), request, storage)?)
    }

    /// How a subject's documents are stored before they are migrated, as its oldest schema says that
    /// says it.
    pub fn declared_storage(&self, subject: &str) -> Option<Storage> {
        let subject = self.catalog().subject(subject)?;
        subject.schemas.values().find_map(|schema| schema.storage)
    }

    /// Takes documents to the target and back, as a rollback would: those of `samples`, else up to
    /// `most` of the server. Writes nothing.
    pub fn rehearse_rollback(
        &self,
        plan: &Plan,
        samples: Option<&[Sample]>,
        most: u64,
    ) -> Result<Rehearsal, SessionError> {
        let mut rehearsing = Rehearsing::new(plan)?;
        let stored = match samples {
            Some(_) => Vec::new(),
            None => self.sampled(&plan.selection.scan_pattern(), most)?,
        };
        let samples = samples.unwrap_or(&stored).iter();
        let wanted =
            samples.filter(|sample| stored.is_empty() || plan.selection.selects(&sample.key));
        let most = usize::try_from(most).unwrap_or(usize::MAX);
        wanted.take(most).for_each(|sample| rehearsing.add(&sample.key, &sample.content));
        Ok(rehearsing.found)
    }

    /// What a run of a plan will cost, from `samples`; without any, from keys of the server. `None`
    /// when there is no document.
    pub fn estimate(
        &self,
        plan: &Plan,
        samples: Option<&[Sample]>,
    ) -> Result<Option<Estimate>, SessionError> {
        const MEASURED_MAX: usize = 1_000;
        let (samples, keys, exact) = if let Some(samples) = samples {
            (samples.to_vec(), samples.len() as u64, true)
        } else {
            let page = self.browse(&plan.selection.pattern, None, 0, MEASURED_MAX)?;
            let seen = page.lines.len() as u64;
            let exact = page.cursor == 0;
            let keys = if exact { seen } else { seen * page.database_keys / page.looked_at.max(1) };
            let samples = self.sampled(&plan.selection.pattern, MEASURED_MAX as u64)?;
            let (samples, keys) = narrowed(samples, keys, plan);
            (samples, keys, exact)
        };
        let measured: Vec<&Sample> = samples.iter().take(MEASURED_MAX).collect();
        if measured.is_empty() {
            return Ok(None);
        }
        let judge = Judge::new(plan)?;
        let begin = Instant::now();
        let (mut bytes, mut migrated, mut journal) = (0_u64, 0_u64, 0_u64);
        for sample in &measured {
            let preview = engine::preview(&judge, &plan.target, &sample.key, &sample.content);
            let size = sample.content.bytes() as u64;
            bytes += size;
            if preview.outcome == Outcome::Migrated {
                migrated += 1;
                journal += size + sample.key.as_bytes().len() as u64 + Estimate::FRAME_BYTES;
            }
        }
        let spent = begin.elapsed();
        let count = measured.len() as u64;
        let scaled = |part: u64| {
            u64::try_from(u128::from(part) * u128::from(keys) / u128::from(count))
                .unwrap_or(u64::MAX)
        };
        let nanos = u64::try_from(spent.as_nanos()).unwrap_or(u64::MAX);
        Ok(Some(Estimate {
            keys,
            exact,
            measured: count,
            to_migrate: scaled(migrated),
            bytes: scaled(bytes),
            journal_bytes: scaled(journal),
            transform_ms: scaled(nanos) / 1_000_000,
        }))
    }
}

/// The stored documents that can speak for the step between two versions: where several versions are
/// stored, those of others cannot, and where some have the source's, neither can those of none.
fn that_speak(
    subject: &Subject,
    from: &Version,
    to: &Version,
    samples: Vec<Sample>,
) -> Vec<Sample> {
    let detector = subject.detector();
    let version_of = |sample: &Sample| match detector.detect(&sample.content.document().ok()?) {
        Ok(Detection::Version(version)) => Some(version),
        _ => None,
    };
    let versions: Vec<Option<Version>> = samples.iter().map(version_of).collect();
    let has_source = versions.iter().flatten().any(|version| version == from);
    let speaks = |version: &Option<Version>| match version {
        Some(version) => version == from || version == to,
        None => !has_source,
    };
    let both = samples.into_iter().zip(&versions);
    both.filter(|(_, version)| speaks(version)).map(|(sample, _)| sample).collect()
}

/// Of samples of a pattern and of a count of its keys: what a plan selects.
fn narrowed(mut samples: Vec<Sample>, keys: u64, plan: &Plan) -> (Vec<Sample>, u64) {
    let selection = &plan.selection;
    if let Some(listed) = &selection.keys {
        let listed = listed.iter().filter(|key| selection.selects(key)).count() as u64;
        return (samples, listed.min(selection.limit.unwrap_or(u64::MAX)));
    }
    let all = samples.len() as u64;
    if !selection.slots.is_empty() {
        samples.retain(|sample| selection.selects(&sample.key));
    }
    let keys = (keys * samples.len() as u64).checked_div(all).unwrap_or(keys);
    (samples, keys.min(selection.limit.unwrap_or(u64::MAX)))
}

/// A document of a file as the subject stores it.
fn sample_of(document: &Json, storage: Storage) -> Sample {
    let content = match (storage, document.as_object()) {
        (Storage::Hash, Some(members)) => Content::Hash(
            members
                .iter()
                .filter(|(_, value)| !value.is_null())
                .map(|(name, value)| {
                    let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
                    HashField::new(name.as_str(), text)
                })
                .collect(),
        ),
        (Storage::Json, _) => Content::Json(document.to_string().into_bytes()),
        _ => Content::String(document.to_string().into_bytes()),
    };
    Sample { key: Key::from(""), content }
}

/// The value a document was read from.
fn content_of(document: &Document<'_>) -> Content {
    match document.storage() {
        Storage::Hash => {
            let members = document.root.members().iter();
            Content::Hash(
                members
                    .filter_map(|member| {
                        Some(HashField::new(member.name.to_plain(), member.value.to_plain()?))
                    })
                    .collect(),
            )
        }
        Storage::Json => Content::Json(document.to_json().into_bytes()),
        Storage::String => Content::String(document.to_json().into_bytes()),
    }
}

/// A key as a pattern that matches it alone.
fn escaped(key: &str) -> String {
    let mut out = String::with_capacity(key.len());
    for character in key.chars() {
        if matches!(character, '*' | '?' | '[' | ']' | '\\') {
            out.push('\\');
        }
        out.push(character);
    }
    out
}
