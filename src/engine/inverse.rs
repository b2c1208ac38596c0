//! Taking a document back to the version it had before a run, whoever wrote it since.

use std::collections::BTreeMap;

use semver::Version;

use super::error::EngineError;
use super::judge::{hash_edit, stage, text_edit};
use super::trouble::Trouble;
use crate::model::{Branch, Content, Document, Edit, Key};
use crate::planner::Plan;
use crate::schema::{Detection, Detector, Schema};
use crate::transform::{Chain, Failure, Frozen, Irreversible};

/// The inverse chains of a plan, compiled.
pub(super) struct Inverse {
    target: Version,
    pattern: String,
    detector: Detector,
    schemas: BTreeMap<Version, Schema>,
    chains: BTreeMap<Version, Chain>,
    /// What takes documents back whose branch is not known.
    asking_again: BTreeMap<Version, Result<Chain, Irreversible>>,
    frozen: Frozen,
}

/// What the inverse chain makes of a document.
pub(super) enum Inverted {
    /// It is to be changed.
    Edit(Edit),
    /// It is of the old version already.
    Stands,
    /// It cannot be taken back, for this reason.
    Not(String),
}

impl Inverse {
    /// Compiles the inverse of a plan.
    pub fn new(plan: &Plan) -> Result<Self, EngineError> {
        let mut catalog = plan.catalog()?;
        let subject = catalog.subjects.remove(&plan.subject).ok_or_else(|| {
            EngineError::Plan(format!("the plan has no definitions for {}", plan.subject))
        })?;
        let chains = plan.chains.iter().map(|(version, names)| {
            let stages = names.iter().map(|name| stage(&subject, name));
            let chain = Chain { stages: stages.collect::<Result<_, EngineError>>()? };
            Ok((version.clone(), chain))
        });
        let chains = chains.collect::<Result<BTreeMap<_, _>, EngineError>>()?;
        let unknown = Branch::default();
        let asking_again =
            chains.iter().map(|(version, chain)| (version.clone(), chain.inverse(&unknown)));
        let schema = subject.schemas.get(&plan.target);
        Ok(Self {
            target: plan.target.clone(),
            pattern: schema.map(|schema| schema.key_pattern.clone()).unwrap_or_default(),
            detector: subject.detector(),
            asking_again: asking_again.collect(),
            chains,
            schemas: subject.schemas,
            frozen: plan.frozen.clone(),
        })
    }

    /// What becomes of the document under `key`, which was of version `source` before the run and took
    /// this branch.
    pub fn invert(&self, key: &Key, content: &Content, source: &str, branch: &Branch) -> Inverted {
        match self.try_invert(key, content, source, branch) {
            Ok(inverted) => inverted,
            Err(reason) => Inverted::Not(reason),
        }
    }

    fn try_invert(
        &self,
        key: &Key,
        content: &Content,
        source: &str,
        branch: &Branch,
    ) -> Result<Inverted, String> {
        let known = || format!("the plan does not know version {source}");
        let source: Version = source.parse().map_err(|_| known())?;
        let document = content.document().map_err(|error| error.to_string())?;
        let detected = self.detector.detect(&document).map_err(|error| error.to_string())?;
        match detected {
            Detection::Version(version) if version == source => return Ok(Inverted::Stands),
            Detection::Version(version) if version == self.target => {}
            other => return Err(format!("the document is of version {other} by now")),
        }
        let followed;
        let chain = if branch.is_empty() {
            self.asking_again.get(&source).ok_or_else(known)?
        } else {
            followed = self.chains.get(&source).ok_or_else(known)?.inverse(branch);
            &followed
        };
        let chain = chain.as_ref().map_err(ToString::to_string)?;
        let mut before = document.clone();
        self.undo(chain, &mut before, key)
            .map_err(|failure| format!("on the way back, {failure}"))?;
        if let Some(schema) = self.schemas.get(&source)
            && let Some(violation) = schema.validator().check(&before).first()
        {
            let reason = super::judge::trouble_of_violation(violation).reason;
            let field = &violation.path;
            return Err(format!("taken back, it breaks the schema of {source}: {field} {reason}"));
        }
        let edit = match content {
            Content::Hash(fields) => hash_edit(fields, &document, &before),
            Content::String(text) | Content::Json(text) => {
                text_edit(content.storage(), text, before.to_json())
            }
        };
        let edit = edit.map_err(|Trouble { reason, .. }| reason)?;
        Ok(edit.map_or(Inverted::Stands, Inverted::Edit))
    }

    /// Applies an inverse chain, or a part of one.
    pub fn undo(
        &self,
        chain: &Chain,
        document: &mut Document<'_>,
        key: &Key,
    ) -> Result<(), Box<Failure>> {
        chain.apply(document, key, &self.pattern, &self.frozen, &mut |_, _, _| {}).map(|_| ())
    }
}
