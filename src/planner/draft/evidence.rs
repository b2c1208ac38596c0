//! What values say: pairs of documents before and after, and how much it means that a value comes out
//! right.

use std::cmp::Ordering;

use serde_json::Value as Json;

use super::names::ratio;
use super::side::{Names, value_at};
use super::structure::type_of;
use crate::model::json::compare_numbers;

/// How many times a guess gave what stands in the document after.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Hits {
    /// Pairs in which it did.
    pub right: usize,
    /// Pairs that say something about it.
    pub of: usize,
}

impl Hits {
    /// Whether it never failed, and was tried.
    pub fn are_all(self) -> bool {
        self.right == self.of && self.of > 0
    }

    /// The share.
    pub fn share(self) -> f64 {
        ratio(self.right, self.of)
    }
}

/// Documents before and after, as operators show them or as samples have them.
#[derive(Clone, Debug, Default)]
pub struct Pairs {
    /// Before, after.
    pub shown: Vec<(Json, Json)>,
}

impl Pairs {
    /// Whether none were shown.
    pub fn is_empty(&self) -> bool {
        self.shown.is_empty()
    }

    /// How often `make` gives what stands at `to` afterwards, and the distinct values of the pairs in
    /// which it did. A pair in which nothing stands on either side says nothing.
    pub fn tried(&self, to: &[String], make: &dyn Fn(&Json) -> Option<Json>) -> (Hits, f64) {
        self.tried_as(to, make, &equal, &bits)
    }

    /// The same for a list or map whose items may differ inside: as many of them count as right, and
    /// say little.
    pub fn tried_outside(
        &self,
        to: &[String],
        make: &dyn Fn(&Json) -> Option<Json>,
    ) -> (Hits, f64) {
        let told = |value: &Json| bits(value).min(2.0);
        self.tried_as(to, make, &as_many, &told)
    }

    fn tried_as(
        &self,
        to: &[String],
        make: &dyn Fn(&Json) -> Option<Json>,
        same: &dyn Fn(&Json, &Json) -> bool,
        told: &dyn Fn(&Json) -> f64,
    ) -> (Hits, f64) {
        let mut hits = Hits::default();
        let mut right: Vec<&Json> = Vec::new();
        for (before, after) in &self.shown {
            let wanted = value_at(after, to);
            let got = make(before);
            match (wanted, got) {
                (None, None | Some(Json::Null)) => {}
                (Some(wanted), Some(got)) if same(wanted, &got) => {
                    hits.right += 1;
                    hits.of += 1;
                    if !right.iter().any(|known| equal(known, wanted)) {
                        right.push(wanted);
                    }
                }
                _ => hits.of += 1,
            }
        }
        (hits, right.into_iter().map(told).sum())
    }

    /// The values that stand at a path afterwards.
    pub fn after(&self, path: &[String]) -> Vec<&Json> {
        self.shown.iter().filter_map(|(_, after)| value_at(after, path)).collect()
    }

    /// Whether a field of the documents before stands unchanged in those after; `None` when no pair
    /// has it.
    pub fn keeps(&self, path: &Names) -> Option<Hits> {
        let (hits, _) = self.tried(path, &|before| value_at(before, path).cloned());
        (hits.of > 0).then_some(hits)
    }

    /// In how many pairs a field stands before and no longer afterwards.
    pub fn dropped(&self, path: &[String]) -> Hits {
        // That null is absent afterwards says nothing of values.
        let stands = |before: &Json| value_at(before, path).is_some_and(|value| !value.is_null());
        let standing = self.shown.iter().filter(|(before, _)| stands(before));
        let gone = standing.clone().filter(|(_, after)| value_at(after, path).is_none()).count();
        Hits { right: gone, of: standing.count() }
    }
}

/// Whether two values are the same; numbers by what they mean.
pub fn equal(a: &Json, b: &Json) -> bool {
    match (a, b) {
        (Json::Number(a), Json::Number(b)) => {
            compare_numbers(a.as_str(), b.as_str()) == Ordering::Equal
        }
        (Json::Array(a), Json::Array(b)) => {
            a.len() == b.len() && a.iter().zip(b).all(|(a, b)| equal(a, b))
        }
        (Json::Object(a), Json::Object(b)) => {
            a.len() == b.len() && a.iter().all(|(name, a)| b.get(name).is_some_and(|b| equal(a, b)))
        }
        _ => a == b,
    }
}

/// Whether two lists or maps have as many items of the same type.
fn as_many(a: &Json, b: &Json) -> bool {
    match (a, b) {
        (Json::Array(a), Json::Array(b)) => {
            let types = |items: &[Json]| items.iter().map(type_of).collect::<Vec<_>>();
            types(a) == types(b)
        }
        (Json::Object(a), Json::Object(b)) => a.len() == b.len(),
        _ => equal(a, b),
    }
}

/// About how much a value tells: that a text of ten letters comes out right is no chance, that a
/// `true` does is half of one.
pub fn bits(value: &Json) -> f64 {
    const MOST: f64 = 60.0;
    let length = |count: usize| f64::from(u32::try_from(count).unwrap_or(u32::MAX));
    let told = match value {
        Json::Null => 0.5,
        Json::Bool(_) => 1.0,
        Json::Number(number) => 3.0 * length(number.as_str().len()),
        Json::String(text) => 4.0 * length(text.chars().count()),
        Json::Array(items) => items.iter().map(bits).sum::<f64>() + 1.0,
        Json::Object(members) => members.values().map(bits).sum::<f64>() + 1.0,
    };
    told.min(MOST)
}

/// How sure so many bits make, when the one that came out right was looked for among many.
pub fn certainty(bits: f64) -> f64 {
    const LOOKED_FOR: f64 = 5.0;
    1.0 - (-(bits / LOOKED_FOR)).exp2().min(1.0)
}
