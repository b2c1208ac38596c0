//! A draft is carried out on every sample before it is offered: with the real transforms, and the
//! results are validated under the new schema.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value as Json;

use super::Sample;
use super::evidence::equal;
use super::hints::step_paths;
use super::side::{path_text, value_at};
use crate::schema::{Reading, Schema, Violation};
use crate::transform::{Chain, Checks, Frozen, Stage, Step};

/// What came of a draft on samples.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Proof {
    /// Samples it was carried out on.
    pub sampled: usize,
    /// Of these, how many are valid under the new schema afterwards.
    pub valid: usize,
    /// What goes wrong with the others, and for how many.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub failing: BTreeMap<String, usize>,
    /// Up to ten documents before and after, with their keys.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub shown: Vec<Shown>,
    /// How many of the pairs the draft gives exactly.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pairs: Option<PairsProof>,
    /// The fields of the new version that go wrong too often for their guess to stand.
    #[serde(skip)]
    pub refused: Vec<String>,
    /// How large the samples are.
    #[serde(skip)]
    pub bytes: Bytes,
}

/// How many pairs come out exactly as shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PairsProof {
    /// Those that do.
    pub exact: usize,
    /// All.
    pub of: usize,
}

/// Sizes that were measured on the way.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Bytes {
    /// Of all samples before.
    pub before: u64,
    /// Of all samples after.
    pub after: u64,
}

/// A document before and after.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Shown {
    /// Its key, where it has one.
    pub key: String,
    /// Before.
    pub before: String,
    /// After; what refused it otherwise.
    pub after: String,
    /// Whether it is valid under the new schema.
    pub valid: bool,
}

/// A guess that goes wrong in more than this share of the samples is only asked about.
const WRONG_MAX: f64 = 0.02;

/// How many documents are kept to be shown.
const SHOWN_MAX: usize = 10;

/// Carries steps out on samples.
pub fn prove(
    steps: &[Json],
    samples: &[&Sample],
    old: &Schema,
    new: &Schema,
    frozen: &Frozen,
) -> Proof {
    let chain = chain_of(steps, old, new);
    let mut proof = Proof { sampled: samples.len(), ..Proof::default() };
    let mut wrong: BTreeMap<String, usize> = BTreeMap::new();
    for sample in samples {
        let Ok(mut document) = sample.content.document() else { continue };
        let before = document.to_json();
        proof.bytes.before += before.len() as u64;
        let applied =
            chain.apply(&mut document, &sample.key, &old.key_pattern, frozen, &mut |_, _, _| {});
        let told: Vec<String> = if let Err(failure) = applied {
            let step = failure.at.number.checked_sub(1).map(|at| &steps[at]);
            count(
                &mut wrong,
                step.map(|step| made_by(step, &failure.refusal.field)).unwrap_or_default(),
            );
            vec![format!("step {}: {}", failure.at.number, failure.refusal.reason)]
        } else {
            proof.bytes.after += document.to_json().len() as u64;
            let violations = new.validator().check(&document);
            let mut paths: Vec<String> = violations.iter().map(|v| plain(&v.path)).collect();
            paths.dedup();
            count(&mut wrong, paths);
            let tell =
                |v: &Violation| format!("{} ({}: expected {})", plain(&v.path), v.rule, v.expected);
            violations.iter().map(tell).collect()
        };
        proof.valid += usize::from(told.is_empty());
        if proof.shown.len() < SHOWN_MAX {
            let after = if told.is_empty() { document.to_json() } else { told.join("; ") };
            proof.shown.push(Shown {
                key: sample.key.to_string(),
                before,
                after,
                valid: told.is_empty(),
            });
        }
        for what in told {
            *proof.failing.entry(what).or_default() += 1;
        }
    }
    let too_many = |count: &usize| super::names::ratio(*count, proof.sampled) > WRONG_MAX;
    proof.refused =
        wrong.into_iter().filter(|(_, count)| too_many(count)).map(|(path, _)| path).collect();
    proof
}

/// Carries steps out on pairs, and names the fields of the new version that come out otherwise in most
/// of them.
pub fn prove_pairs(
    steps: &[Json],
    pairs: &[(Sample, Sample)],
    fields: &[Vec<String>],
    (old, new): (&Schema, &Schema),
    frozen: &Frozen,
) -> (PairsProof, Vec<String>) {
    let chain = chain_of(steps, old, new);
    let mut wrong: BTreeMap<String, usize> = BTreeMap::new();
    let mut proof = PairsProof { exact: 0, of: pairs.len() };
    for (before, after) in pairs {
        let Ok(mut document) = before.content.document() else { continue };
        let wanted = after.content.document().ok().and_then(|d| new.validator().read(&d).ok());
        let applied =
            chain.apply(&mut document, &before.key, &old.key_pattern, frozen, &mut |_, _, _| {});
        let got = applied.ok().and_then(|_| new.validator().read(&document).ok());
        let (Some(wanted), Some(got)) = (wanted, got) else { continue };
        proof.exact += usize::from(equal(&wanted, &got));
        for path in fields {
            let same = match (value_at(&wanted, path), value_at(&got, path)) {
                (Some(a), Some(b)) => equal(a, b) || a.is_object() && b.is_object(),
                (None, None) => true,
                _ => false,
            };
            if !same {
                *wrong.entry(path_text(path)).or_default() += 1;
            }
        }
    }
    let most = wrong.into_iter().filter(|(_, count)| count * 2 > pairs.len()).map(|(path, _)| path);
    (proof, most.collect())
}

fn chain_of(steps: &[Json], old: &Schema, new: &Schema) -> Chain {
    let parsed: Vec<Step> = steps.iter().filter_map(|step| Step::parse(step).ok()).collect();
    debug_assert_eq!(parsed.len(), steps.len(), "a draft has only steps that are read: {steps:#?}");
    let stage = Stage {
        pattern: None,
        reading: Reading::default(),
        migration: "draft".to_owned(),
        source: old.version.clone(),
        target: new.version.clone(),
        when: None,
        steps: parsed,
        checks: Checks::default(),
    };
    Chain { stages: vec![stage] }
}

fn count(counts: &mut BTreeMap<String, usize>, of: Vec<String>) {
    for one in of {
        *counts.entry(one).or_default() += 1;
    }
}

/// The fields a step makes: those are wrong when it refuses.
fn made_by(step: &Json, refused: &str) -> Vec<String> {
    if step["type"] == "forEach" {
        let field = step["field"].as_str().unwrap_or_default();
        let inner = step["transforms"].as_array().into_iter().flatten();
        let touching = inner
            .filter(|inner| step_paths(inner).iter().any(|path| refused.ends_with(path.as_str())));
        return touching
            .flat_map(|inner| made_by(inner, refused))
            .map(|path| format!("{field}[].{path}"))
            .collect();
    }
    let to = match step["to"] {
        Json::String(_) | Json::Array(_)
            if step["type"] != "convertType" && step["type"] != "case" =>
        {
            step_paths(&serde_json::json!({"type": "x", "to": step["to"]}))
        }
        _ => step_paths(&serde_json::json!({"type": "x", "field": step["field"]})),
    };
    to.into_iter().map(|path| plain(&path)).collect()
}

/// `items[3].price` is `items[].price`.
fn plain(path: &str) -> String {
    let mut out = String::with_capacity(path.len());
    let mut inside = false;
    for character in path.chars() {
        match character {
            '[' => inside = true,
            ']' => {
                inside = false;
                out.push_str("[]");
            }
            character if !inside => out.push(character),
            _ => {}
        }
    }
    out
}
