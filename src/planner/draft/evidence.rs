//! What values say: pairs of documents before and after, and how much it means that a value comes out
//! right.

use std::cmp::Ordering;

use serde_json::Value as Json;

use super::candidates::{Ground, same_lists};
use super::convert::{Conversion, says_opposite};
use super::flags;
use super::looks::{self, Look};
use super::names::ratio;
use super::side::{Leaf, Names, value_at};
use super::structure::{Structure, type_of};
use super::units;
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

impl Ground<'_> {
    /// What values say beyond "it fits": a new field that refuses most values accepts these, or has
    /// been seen with the same ones.
    pub fn value_evidence(&self, from: usize, to: usize, way: &Conversion, fits: Hits) -> f64 {
        let (old, new) = (&self.old.leaves[from], &self.new.leaves[to]);
        if fits.of == 0 {
            return if same_lists(old, new) { 0.6 } else { 0.0 };
        }
        // `active: true` is the word "active" of a list.
        let is_table = way.steps.first().is_some_and(|step| step["type"] == "mapValues");
        if is_table && says_opposite(old, new) {
            return 0.85;
        }
        if is_table && (flags::names_a_word(old, new) || flags::says_flag(old, new, way)) {
            return 0.85;
        }
        let known = &self.known[to];
        if known.len() >= 3 {
            let made: Vec<Json> = old.values.iter().filter_map(|value| way.apply(value)).collect();
            let shared = made.iter().filter(|value| known.iter().any(|k| equal(k, value))).count();
            let overlap = ratio(shared, made.len().min(known.len()));
            if overlap >= 0.5 && made.len() >= 2 {
                return 0.85 * overlap;
            }
        }
        let structure = &new.structure;
        let is_strict = structure.listed.as_ref().is_some_and(|listed| listed.len() > 1);
        let others_fit = self.free.iter().any(|&other| {
            let other = &self.old.leaves[other];
            other.path != old.path
                && !other.values.is_empty()
                && other.values.iter().all(|v| new.fits(v))
        });
        let weight = match () {
            () if others_fit => 0.1,
            () if is_strict => 0.6,
            () if structure.pattern.is_some() || structure.format.is_some() => 0.4,
            () if inside_alike(old, new) => 0.5,
            () if new.is_nest() && !way.is_none() => 0.45,
            () => 0.05,
        };
        weight * fits.share()
    }

    /// What the looks of values say beyond their type, from -1 to 1: that the name asks for just these,
    /// and no other old field that is left has them; or that it asks for something else.
    pub fn look_evidence(&self, from: usize, to: usize, way: &Conversion) -> f64 {
        let (old, new) = (&self.old.leaves[from], &self.new.leaves[to]);
        if old.values.iter().all(Json::is_null) || old.path == new.path {
            return 0.0;
        }
        let seen = looks::of(&self.known[to]).map(|look| [look]);
        let asked = seen.as_ref().map(<[Look; 1]>::as_slice).or_else(|| looks::asked_of(new));
        let is_like = |at: usize| looks::agree(self.looks[at], asked) > 0;
        // The only field in such a unit on either side.
        let (unit, wanted) = (units::unit_of(old), units::unit_of(new));
        if let (Some((kind, _)), Some((other, _))) = (unit, wanted)
            && kind == other
            && self.free.iter().filter(|at| is_in(&self.old.leaves[**at], kind)).count() == 1
            && self.open.iter().filter(|at| is_in(&self.new.leaves[**at], kind)).count() == 1
        {
            return 0.5;
        }
        let others = self.free.iter().filter(|at| **at != from && is_like(**at)).count();
        match looks::agree(self.looks[from], asked) {
            1 if others == 0 => 0.45,
            1 => 0.1,
            -1 if !way.is_none() => 0.0,
            -1 if self.looks[from].is_some() => -0.7,
            -1 => -0.4,
            _ => 0.0,
        }
    }

    /// How much pairs tell of a table of words: each old word beyond the first, and each that comes
    /// again.
    pub fn table_bits(&self, from: usize, to: usize) -> f64 {
        let (old, new) = (&self.old.leaves[from], &self.new.leaves[to]);
        let mut seen: Vec<(&Json, &Json)> = Vec::new();
        let mut told = 0.0_f64;
        for (before, after) in &self.pairs.shown {
            let (Some(a), Some(b)) = (value_at(before, &old.path), value_at(after, &new.path))
            else {
                continue;
            };
            match seen.iter().find(|(known, _)| equal(known, a)) {
                Some((_, other)) if equal(other, b) => told += 1.0,
                Some(_) => told -= 2.0,
                None => {
                    let is_new = !seen.is_empty() && !seen.iter().any(|(_, other)| equal(other, b));
                    told += if is_new { 3.0 } else { 0.0 };
                    seen.push((a, b));
                }
            }
        }
        let outputs = seen.iter().any(|(_, b)| !equal(b, seen[0].1));
        if outputs { told.max(0.0) } else { 0.0 }
    }
}

/// Whether a field is in a unit of this kind.
fn is_in(leaf: &Leaf, kind: &str) -> bool {
    units::unit_of(leaf).is_some_and(|(known, _)| known == kind)
}

/// Whether items, or values of a map, have mostly the same fields on both sides.
fn inside_alike(old: &Leaf, new: &Leaf) -> bool {
    let fields = |leaf: &Leaf| -> Vec<String> {
        let inside = leaf.structure.items.as_ref().or(leaf.structure.values.as_ref());
        inside
            .map(|node| {
                Structure::of(node, node).fields.into_iter().map(|(name, _)| name).collect()
            })
            .unwrap_or_default()
    };
    let (a, b) = (fields(old), fields(new));
    let shared = a.iter().filter(|name| b.contains(name)).count();
    (shared > 1 && ratio(2 * shared, a.len() + b.len()) >= 0.6) || (shared == 1 && a == b)
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
