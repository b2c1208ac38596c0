//! What holds for every kind and any document: what a step does not touch keeps its bytes, and where
//! a step declares no loss, its inverse gives the same bytes, for JSON text and for hashes.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;
use semver::Version;

use super::random::{definition, document_json, fitting, hash_fields};

use crate::model::{Document, Key, Storage};
use crate::transform::{Facts, Frozen, Grade, Refusal, Step};

fn apply(step: &Step, document: &mut Document<'_>) -> Result<bool, Refusal> {
    let frozen = Frozen { now: "2026-11-23T00:00:00.000Z".into(), ..Frozen::default() };
    let (key, version) = (Key::from("user:42"), Version::new(2, 0, 0));
    let facts = Facts { key: &key, pattern: "user:*", version: &version, frozen: &frozen };
    step.apply(document, &facts)
}

fn apply_json(step: &Step, text: &str) -> Result<String, Refusal> {
    let mut document = Document::from_json(text.as_bytes(), Storage::String).expect("a document");
    apply(step, &mut document)?;
    Ok(document.to_json())
}

type Fields = BTreeMap<Vec<u8>, Vec<u8>>;

fn read_hash(fields: &Fields) -> Document<'_> {
    Document::from_hash(fields.iter().map(|(name, value)| (&name[..], &value[..])))
}

/// Applies a step and writes its delta; `None` when the step or the hash refuses the outcome.
fn apply_hash(step: &Step, fields: &Fields) -> Option<Fields> {
    let before = read_hash(fields);
    let mut after = before.clone();
    apply(step, &mut after).ok()?;
    let mut written = fields.clone();
    for change in after.hash_delta(&before).ok()? {
        assert_eq!(fields.get(&change.name), change.before.as_ref(), "what stood is told");
        match change.after {
            Some(value) => written.insert(change.name, value),
            None => written.remove(&change.name),
        };
    }
    Some(written)
}

fn inverse(step: &Step) -> Vec<Step> {
    let definitions = step.inverse().expect("what loses nothing has an inverse");
    definitions
        .iter()
        .map(|definition| Step::parse(definition).unwrap_or_else(|m| panic!("{definition}: {m:?}")))
        .collect()
}

/// The members of the top level outside of `touched`, as they are written.
fn untouched(document: &Document<'_>, touched: &BTreeSet<String>) -> Vec<(String, String)> {
    let members = document.root.members().iter();
    members
        .filter(|member| !touched.contains(member.name.text().as_ref()))
        .map(|member| (format!("{:?}", member.name), member.value.to_json().into_owned()))
        .collect()
}

/// Whether a step may change any field of the top level.
fn touches_all(step: &Step) -> bool {
    step.touches().iter().any(|path| path.root().is_none())
}

fn roots(step: &Step) -> BTreeSet<String> {
    step.touches().iter().filter_map(|path| path.root().map(str::to_owned)).collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1_500, ..ProptestConfig::default() })]

    #[test]
    fn what_is_not_touched_keeps_its_bytes(definition in definition(), text in document_json()) {
        let Ok(step) = Step::parse(&definition) else { return Ok(()) };
        let before = Document::from_json(text.as_bytes(), Storage::String).expect("a document");
        let mut after = before.clone();
        if apply(&step, &mut after).is_ok() && !touches_all(&step) {
            let touched = roots(&step);
            prop_assert_eq!(untouched(&before, &touched), untouched(&after, &touched));
            let printed = after.to_json();
            let read = Document::from_json(printed.as_bytes(), Storage::String);
            prop_assert!(read.is_ok(), "{printed} is JSON");
        }
    }

    #[test]
    fn what_loses_nothing_comes_back(definition in definition(), text in document_json()) {
        let Ok(step) = Step::parse(&definition) else { return Ok(()) };
        let loss = step.loss_without_record();
        if loss.as_ref().is_some_and(|loss| loss.grade != Grade::Form) {
            return Ok(());
        }
        if let Ok(mut now) = apply_json(&step, &text) {
            let forth = now.clone();
            for step in inverse(&step) {
                match apply_json(&step, &now) {
                    Ok(next) => now = next,
                    Err(refusal) => prop_assert!(false, "{forth}: {refusal}"),
                }
            }
            if loss.is_none() {
                prop_assert_eq!(&now, &text, "over {}", forth);
            }
        }
    }

    #[test]
    fn what_fits_and_loses_nothing_comes_back((definition, text) in fitting()) {
        let Ok(step) = Step::parse(&definition) else { return Ok(()) };
        if step.loss_without_record().is_some() {
            return Ok(());
        }
        if let Ok(mut now) = apply_json(&step, &text) {
            let forth = now.clone();
            for step in inverse(&step) {
                now = apply_json(&step, &now).map_err(|refusal| {
                    TestCaseError::fail(format!("{forth}: {refusal}"))
                })?;
            }
            prop_assert_eq!(&now, &text, "over {}", forth);
        }
    }

    #[test]
    fn a_hash_comes_back_too(definition in definition(), fields in hash_fields()) {
        let Ok(step) = Step::parse(&definition) else { return Ok(()) };
        if step.loss_without_record().is_some() {
            return Ok(());
        }
        if let Some(mut now) = apply_hash(&step, &fields) {
            let touched = roots(&step);
            for (name, value) in &fields {
                if !touched.contains(&String::from_utf8_lossy(name).into_owned()) {
                    prop_assert_eq!(now.get(name), Some(value));
                }
            }
            for step in inverse(&step) {
                now = apply_hash(&step, &now).expect("the inverse applies");
            }
            prop_assert_eq!(now, fields);
        }
    }
}
