//! Values for new fields that no old field explains, and for documents in which a field is missing
//! that must stand now.

use serde_json::{Value as Json, json};

use super::candidates::{Candidate, Ground, How};
use super::evidence::{Hits, equal};
use super::names::words;
use super::question::Question;
use super::scope::{GUESS, Scope};
use super::side::{Leaf, value_at};
use super::vocabulary::canonical;
use crate::schema::FieldType;

/// A value with what speaks for it.
struct Filling {
    value: Json,
    confidence: f64,
    why: String,
}

fn candidate(value: Json, to: usize, confidence: f64, evidence: String) -> Candidate {
    Candidate {
        how: How::Value(value),
        reads: Vec::new(),
        writes: vec![to],
        confidence,
        hits: Hits::default(),
        declared: false,
        evidence,
        assumes: None,
        alternatives: Vec::new(),
    }
}

/// New fields that may have one value only, or had one in every pair.
pub fn constants(scope: &Scope<'_>, ground: &Ground<'_>) -> Vec<Candidate> {
    let mut found = Vec::new();
    for &to in &ground.open {
        let leaf = &ground.new.leaves[to];
        let shown = scope.pairs.after(&leaf.path);
        if let Some(value) = leaf.structure.constant() {
            let is_shown = shown.iter().all(|after| equal(after, value));
            if leaf.required && is_shown {
                let evidence = format!("{} may only be {value}", leaf.text());
                found.push(candidate(value.clone(), to, 0.97, evidence));
            }
            continue;
        }
        let Some(first) = shown.first().filter(|first| shown.iter().all(|v| equal(v, first)))
        else {
            continue;
        };
        let everywhere = shown.len() == scope.pairs.shown.len();
        // One pair shows a value, not that all documents have it; a default says so.
        let is_default =
            leaf.structure.default.as_ref().is_some_and(|default| equal(default, first));
        let is_plain = matches!(first, Json::Bool(_) | Json::Null)
            || first.as_array().is_some_and(Vec::is_empty)
            || first.as_object().is_some_and(serde_json::Map::is_empty);
        // A word of a list may follow from an old field that these few pairs do not tell apart.
        let is_word = leaf.structure.listed.is_some() || leaf.structure.is_only(FieldType::Boolean);
        let could_follow = is_word
            && ground.free.iter().any(|from| {
                let old = &ground.old.leaves[*from];
                ground.new.leaf(&old.path).is_none()
                    && old.values.len() > 1
                    && old.values.len() <= 12
            });
        // Pairs that happen to have one value of an old field do not tell what another makes of it.
        let may_follow = |from: &usize| {
            let old = &ground.old.leaves[*from];
            let before: Vec<&Json> =
                scope.pairs.shown.iter().filter_map(|(b, _)| value_at(b, &old.path)).collect();
            let is_one = before.iter().all(|value| equal(value, before[0]));
            ground.new.leaf(&old.path).is_none()
                && is_one
                && old.values.len() > 1
                && first.is_number()
                && old.values.iter().any(Json::is_number)
        };
        let is_lonely = matches!(first, Json::Bool(_)) && shown.len() < 5;
        let could_follow = could_follow
            || is_lonely && ground.free.iter().any(|from| is_homeless(ground, *from))
            || ground.free.iter().any(may_follow);
        let confidence = match (is_default, shown.len(), is_plain) {
            _ if could_follow && (first.is_number() || shown.len() < 5) => 0.45,
            (true, ..) => 0.93,
            (_, 3.., _) => 0.86,
            (_, 2, _) => 0.76,
            (_, _, true) => 0.7,
            _ => 0.58,
        };
        if everywhere {
            let evidence = format!(
                "{} = {first} in {} of {} pairs",
                leaf.text(),
                shown.len(),
                scope.pairs.shown.len()
            );
            let hits = Hits { right: shown.len(), of: scope.pairs.shown.len() };
            let guess = candidate((*first).clone(), to, confidence, evidence);
            // Three equal values are no proof of a rule, so they never make it certain.
            let hits = if hits.of >= 5 { hits } else { Hits::default() };
            found.push(Candidate { hits, ..guess });
        }
    }
    found
}

/// Values for the fields that must stand and have no source. What cannot be known is asked.
pub fn fill(
    scope: &Scope<'_>,
    ground: &Ground<'_>,
    open: &[usize],
    (asked, left): (&[usize], &[usize]),
    questions: &mut Vec<Question>,
) -> Vec<Candidate> {
    let mut filled = Vec::new();
    for &to in open {
        let leaf = &ground.new.leaves[to];
        let stands = ground.old.leaf(&leaf.path).is_some();
        // Values that stay in their place and do not fit are asked about, whether they must stand or not.
        let misfits = ground.old.leaf(&leaf.path).is_some_and(|from| {
            let old = &ground.old.leaves[from];
            left.contains(&from) && old.values.iter().any(|value| !leaf.fits_outside(value))
        });
        let is_asked = leaf.required && is_needed(ground, leaf, open) || misfits;
        if !is_asked || asked.contains(&to) {
            continue;
        }
        if stands {
            questions.push(Question::misfit(ground, to));
            continue;
        }
        let is_empty = |value: &Json| {
            value.as_array().is_some_and(Vec::is_empty)
                || value.as_object().is_some_and(serde_json::Map::is_empty)
        };
        let is_left = |from: &usize| {
            let old = &ground.old.leaves[*from];
            ground.new.leaf(&old.path).is_none()
                && old.values.iter().any(|value| !is_empty(value) && leaf.fits_outside(value))
        };
        match filling(leaf, &scope.pairs) {
            // An old list or object without a place may be what belongs there.
            Some(filling) if is_empty(&filling.value) && left.iter().any(is_left) => {
                questions.push(Question::value(&scope.lead, leaf, Some(filling.value)));
            }
            Some(mut filling) if filling.confidence >= GUESS => {
                // While an old field with values has no place, that there is none is a guess.
                let is_none = is_empty(&filling.value)
                    || filling.value.is_null()
                    || filling.value.as_str().is_some_and(|text| text.contains("${"));
                if is_none && left.iter().any(|from| is_homeless(ground, *from)) {
                    filling.confidence = filling.confidence.min(0.6);
                }
                let evidence = format!("{} = {}: {}", leaf.text(), filling.value, filling.why);
                filled.push(candidate(filling.value, to, filling.confidence, evidence));
            }
            other => questions.push(Question::value(&scope.lead, leaf, other.map(|f| f.value))),
        }
    }
    filled
}

/// Whether an old field has values, and no place in the new schema.
fn is_homeless(ground: &Ground<'_>, from: usize) -> bool {
    let old = &ground.old.leaves[from];
    let may_stand = old.sampled == 0 || old.present > 0;
    old.declared && ground.new.leaf(&old.path).is_none() && may_stand
}

/// Whether the objects around a field stand in documents: then it must, too. Around an optional
/// object that nothing makes, it need not; what is `open` is not made.
fn is_needed(ground: &Ground<'_>, leaf: &Leaf, open: &[usize]) -> bool {
    let parent = &leaf.path[..leaf.path.len() - 1];
    if leaf.always || parent.is_empty() {
        return true;
    }
    let stood = ground.old.container(parent).is_some() || ground.old.leaf(parent).is_some();
    let required = (1..=parent.len())
        .all(|depth| ground.new.container(&parent[..depth]).is_some_and(|c| c.required));
    let is_made = ground
        .open
        .iter()
        .any(|at| !open.contains(at) && ground.new.leaves[*at].path.starts_with(parent));
    stood || required || is_made
}

fn filling(leaf: &Leaf, pairs: &super::evidence::Pairs) -> Option<Filling> {
    let of = |value: Json, confidence: f64, why: &str| {
        Some(Filling { value, confidence, why: why.to_owned() })
    };
    let structure = &leaf.structure;
    let name = words(leaf.path.last().map_or("", String::as_str));
    if let Some(value) = structure.constant() {
        return of(value.clone(), 0.97, "the only value that fits");
    }
    if let Some(default) = &structure.default {
        return of(default.clone(), 0.92, "the schema's default");
    }
    // Pairs have other values there: a constant would be wrong.
    if !pairs.after(&leaf.path).is_empty() {
        return None;
    }
    let is_stamp = name.iter().any(|word| {
        matches!(canonical(word).as_str(), "created" | "updated")
            || matches!(word.as_str(), "migrated" | "imported")
    });
    if structure.format.as_deref() == Some("date-time") && is_stamp {
        return of("${NOW}".into(), 0.78, "the time of the migration: no document says when");
    }
    if structure.format.as_deref() == Some("uuid")
        && name.last().is_some_and(|w| matches!(w.as_str(), "id" | "uuid"))
    {
        return of("${UUID}".into(), 0.66, "a new id for each document");
    }
    if structure.is_nullable() && !structure.types.is_empty() {
        return of(Json::Null, 0.76, "null fits, and says that there is none");
    }
    if structure.is_only(FieldType::Array) && leaf.fits(&json!([])) {
        return of(json!([]), 0.76, "an empty list says that there is none");
    }
    if structure.is_only(FieldType::Object) && leaf.fits(&json!({})) {
        return of(json!({}), 0.76, "an empty object says that there is none");
    }
    let neutral = structure.listed.as_ref().and_then(|listed| {
        listed.iter().find(|value| {
            matches!(value.as_str(), Some("unknown" | "none" | "other" | "unspecified" | "default"))
        })
    });
    neutral.and_then(|value| of(value.clone(), 0.6, "the word of the list that says nothing"))
}

/// The value that every pair has where the old document has null or nothing.
fn shown_for_none(scope: &Scope<'_>, old: &Leaf, new: &Leaf) -> Option<Filling> {
    let is_none = |before: &Json| value_at(before, &old.path).is_none_or(Json::is_null);
    let pairs = scope.pairs.shown.iter().filter(|(before, _)| is_none(before));
    let values: Option<Vec<&Json>> = pairs.map(|(_, after)| value_at(after, &new.path)).collect();
    let values = values.filter(|values| !values.is_empty())?;
    let (value, of) = (values[0], values.len());
    values.iter().all(|other| equal(other, value)).then(|| Filling {
        value: value.clone(),
        confidence: if of > 1 { 0.86 } else { 0.78 },
        why: format!("so it is in {of} of {of} pairs"),
    })
}

/// What is missing or null although it must stand now: given a value where one is known, dropped
/// where null said nothing, else asked about.
pub fn mend(
    scope: &Scope<'_>,
    ground: &Ground<'_>,
    kept: &[(usize, usize)],
    picks: &[Candidate],
    questions: &mut Vec<Question>,
) -> Vec<Candidate> {
    let moved = picks.iter().filter_map(|pick| {
        match (&pick.how, pick.reads.as_slice(), pick.writes.as_slice()) {
            (How::Move(_), [from], [to]) => Some((*from, *to)),
            _ => None,
        }
    });
    let mut mended = Vec::new();
    for (from, to) in kept.iter().copied().chain(moved) {
        let (old, new) = (&ground.old.leaves[from], &ground.new.leaves[to]);
        let null_fits = new.structure.is_nullable() || new.structure.types.is_empty();
        let has_nulls =
            !null_fits && (old.structure.is_nullable() || old.values.iter().any(Json::is_null));
        let was_required = old.required || (old.present == old.sampled && old.sampled > 0);
        let is_missing = new.required && !was_required;
        if !has_nulls && !is_missing {
            continue;
        }
        let hinted =
            scope.hints.default.contains_key(&new.text()) || scope.hints.keep.contains(&new.text());
        if hinted {
            continue;
        }
        let text = new.text();
        if !new.required {
            let step = json!({"type": "removeField", "field": text, "when": {"field": text, "type": "null"}});
            let evidence =
                format!("{text}: null no longer fits, and an absent field says the same");
            let guess = candidate(Json::Null, to, 0.85, evidence);
            mended.push(Candidate { how: How::Declared(vec![step]), ..guess });
            continue;
        }
        let shown = shown_for_none(scope, old, new);
        match shown.or_else(|| filling(new, &super::evidence::Pairs::default())) {
            Some(filling) if filling.confidence >= 0.7 && new.structure.constant().is_none() => {
                let step = json!({"type": "defaultIfMissing", "field": text, "defaultValue": filling.value});
                let evidence =
                    format!("{text} = {} where it is missing: {}", filling.value, filling.why);
                let guess = candidate(Json::Null, to, filling.confidence, evidence);
                mended.push(Candidate { how: How::Declared(vec![step]), ..guess });
            }
            _ => questions.push(Question::missing(&scope.lead, old, new)),
        }
    }
    mended
}
