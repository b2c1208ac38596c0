//! What may have become of a field: every guess with what speaks for it.

use std::cell::RefCell;
use std::collections::HashMap;
use std::rc::Rc;

use serde_json::Value as Json;

use super::convert::{Conversion, library, says_opposite, types_seen};
use super::enums;
use super::evidence::{Hits, Pairs, certainty};
use super::flags;
use super::likeness::{Shift, likeness};
use super::looks::Look;
use super::names::alike;
use super::pairwise;
use super::side::{Leaf, Side, value_at};
use super::structure::Structure;
use super::units;
use crate::schema::FieldType;

/// What a guess does.
#[derive(Clone, Debug, PartialEq)]
pub enum How {
    /// The value of one field, by a conversion; in its place when it stands there already.
    Move(Conversion),
    /// One text becomes several fields: the parameters of `splitField`, then conversions by field.
    Split { params: Json, after: Vec<Conversion> },
    /// Several fields become one text: the parameters of `mergeFields`.
    Merge { params: Json, after: Conversion },
    /// Each new field by an expression in which `@1`, `@2` stand for the old fields.
    Compute(Vec<String>),
    /// A value that is the same for every document, or a placeholder.
    Value(Json),
    /// A transform as it was declared.
    Declared(Vec<Json>),
}

/// A guess.
#[derive(Clone, Debug)]
pub struct Candidate {
    /// What it does.
    pub how: How,
    /// The old fields it takes, by place in the side.
    pub reads: Vec<usize>,
    /// The new fields it makes.
    pub writes: Vec<usize>,
    /// How sure it is, from 0 to 1.
    pub confidence: f64,
    /// What pairs say.
    pub hits: Hits,
    /// Whether it was declared.
    pub declared: bool,
    /// What speaks for it, in words.
    pub evidence: String,
    /// What only a person can confirm.
    pub assumes: Option<String>,
    /// Other guesses for the same fields: in words, and as steps.
    pub alternatives: Vec<(String, Vec<Json>)>,
}

impl Candidate {
    /// Whether it and another cannot both be right.
    pub fn clashes(&self, other: &Self) -> bool {
        let shared = |a: &[usize], b: &[usize]| a.iter().any(|at| b.contains(at));
        shared(&self.writes, &other.writes) || shared(&self.reads, &other.reads)
    }

    /// The fields of a guess that takes one for another.
    pub fn pair(&self) -> Option<(usize, usize)> {
        match (&self.how, self.reads.as_slice(), self.writes.as_slice()) {
            (How::Move(_), [from], [to]) => Some((*from, *to)),
            _ => None,
        }
    }

    /// Whether pairs alone make it certain.
    pub fn is_shown(&self) -> bool {
        self.hits.are_all() && self.hits.of >= 3
    }
}

/// Ways from one field to another, with how many values fit.
pub type Ways = Rc<Vec<(Conversion, Hits)>>;

/// Ways and values that were tried already: each pass asks for them again.
#[derive(Debug, Default)]
pub struct Tried {
    pub ways: RefCell<HashMap<(usize, usize), Ways>>,
    pub fits: RefCell<HashMap<(usize, usize, String), bool>>,
    pub likeness: RefCell<HashMap<(usize, usize), f64>>,
    pub could: RefCell<HashMap<(usize, usize), bool>>,
}

/// What is known when fields are compared.
#[derive(Debug)]
pub struct Ground<'d> {
    /// The old side.
    pub old: &'d Side,
    /// The new side.
    pub new: &'d Side,
    /// Pairs of documents.
    pub pairs: &'d Pairs,
    /// Values that the new fields have where versions are mixed, by field of the new side.
    pub known: Vec<Vec<Json>>,
    /// Old fields whose place in documents is free: gone, or to be filled anew.
    pub free: Vec<usize>,
    /// New fields that need a source.
    pub open: Vec<usize>,
    /// Words that several names lost, got or changed in the same way.
    pub shifts: Vec<Shift>,
    /// Whether these are items of lists that go together already.
    pub is_inside: bool,
    /// What one of the objects is called: an item of a list, or the subject.
    pub thing: Option<String>,
    /// What the values of the old fields look like, by field of the old side.
    pub looks: Vec<Option<Look>>,
    /// Which old field is which new one, as far as it is settled.
    pub paired: Vec<(usize, usize)>,
    /// What was tried.
    pub tried: Tried,
}

impl Ground<'_> {
    /// Every guess that takes one field for another.
    pub fn moves(&self) -> Vec<Candidate> {
        let mut found = Vec::new();
        for &to in &self.open {
            for from in 0..self.old.leaves.len() {
                let is_free = self.free.contains(&from);
                if !is_free && self.pairs.is_empty() {
                    continue;
                }
                found.extend(self.best_move(from, to, is_free));
            }
        }
        found
    }

    /// Every way from one field to another, with how many values fit.
    pub fn ways(&self, from: usize, to: usize) -> Ways {
        let (old, new) = (&self.old.leaves[from], &self.new.leaves[to]);
        let mut known = self.tried.ways.borrow_mut();
        let ways = known.entry((from, to)).or_insert_with(|| {
            let judged = library(old, new).into_iter().map(|way| {
                let fits = fitting(old, new, &way);
                (way, fits)
            });
            Rc::new(judged.collect())
        });
        Rc::clone(ways)
    }

    /// Whether all values of an old field fit a new one by this way.
    pub fn all_fit(&self, from: usize, to: usize, way: &Conversion) -> bool {
        let (old, new) = (&self.old.leaves[from], &self.new.leaves[to]);
        let key = (from, to, format!("{} {}", way.words, way.steps.len()));
        let mut known = self.tried.fits.borrow_mut();
        *known
            .entry(key)
            .or_insert_with(|| !old.values.is_empty() && fitting(old, new, way).are_all())
    }

    /// The best way to make one field of another.
    fn best_move(&self, from: usize, to: usize, is_free: bool) -> Option<Candidate> {
        let (old, new) = (&self.old.leaves[from], &self.new.leaves[to]);
        let shown = !self.pairs.after(&new.path).is_empty();
        let mut ways = self.ways(from, to).as_ref().clone();
        if shown {
            let more = pairwise::conversions(old, new, self.pairs);
            ways.extend(more.into_iter().map(|way| (way, Hits::default())));
        }
        let mut best: Option<Candidate> = None;
        let is_opposite = says_opposite(old, new);
        for (way, fits) in ways {
            // Flags that say the opposite are no renames.
            if is_opposite && way.is_none() && !shown {
                continue;
            }
            let candidate = if shown {
                self.by_pairs(from, to, way)
            } else {
                self.by_names(from, to, way, fits)
            };
            let Some(mut candidate) = candidate else { continue };
            if !is_free {
                // A value that stays where it is and is copied as well is rare.
                candidate.confidence *= 0.8;
            }
            if best.as_ref().is_none_or(|best| candidate.confidence > best.confidence) {
                best = Some(candidate);
            }
        }
        best
    }

    /// The way from one field to another that pairs show, else that fits most values.
    pub fn best_way(&self, from: usize, to: usize) -> Option<Conversion> {
        let (old, new) = (&self.old.leaves[from], &self.new.leaves[to]);
        let mut ways = library(old, new);
        ways.extend(pairwise::conversions(old, new, self.pairs));
        let judged = ways.into_iter().map(|way| {
            let make = |before: &Json| way.apply(value_at(before, &old.path)?);
            let (hits, _) = self.pairs.tried(&new.path, &make);
            let fits = fitting(old, new, &way);
            let fits = if fits.of > 0 {
                fits.share()
            } else {
                f64::from(u8::from(types_meet(old, new, &way)))
            };
            (10.0 * hits.share() + fits - way.cost, way)
        });
        judged.max_by(|(a, _), (b, _)| a.total_cmp(b)).map(|(_, way)| way)
    }

    fn candidate(from: usize, to: usize, way: Conversion, confidence: f64) -> Candidate {
        Candidate {
            assumes: way.assumes.clone(),
            how: How::Move(way),
            reads: vec![from],
            writes: vec![to],
            confidence,
            hits: Hits::default(),
            declared: false,
            evidence: String::new(),
            alternatives: Vec::new(),
        }
    }

    fn by_pairs(&self, from: usize, to: usize, way: Conversion) -> Option<Candidate> {
        let (old, new) = (&self.old.leaves[from], &self.new.leaves[to]);
        let make = |before: &Json| way.apply(value_at(before, &old.path)?);
        let (hits, told) = if new.is_nest() {
            self.pairs.tried_outside(&new.path, &make)
        } else {
            self.pairs.tried(&new.path, &make)
        };
        if hits.right == 0 || hits.share() < 0.5 {
            return None;
        }
        // A table can be written for any two fields: only words that come again speak for it.
        let is_table = way.steps.first().is_some_and(|step| step["type"] == "mapValues");
        let told = if is_table { self.table_bits(from, to) } else { told };
        let doubt = if is_table { enums::contradicts(old, new, &way) } else { 1.0 };
        let fits = fitting(old, new, &way);
        if !old.values.is_empty() && (fits.share() < 0.5 || !changes_most(old, &way)) {
            return None;
        }
        let by_value = certainty(told);
        let by_name =
            prior(likeness(old, new, &self.shifts).min(0.9).max(alike(&old.path, &new.path)));
        let exclusive = if self.is_exclusive_for(from, to, &way) { 0.3 } else { 0.0 };
        let is_told = is_table && (same_lists(old, new) || flags::says_flag(old, new, &way));
        let by_list = if is_told { 0.6 } else { 0.0 };
        let both = 1.0 - (1.0 - by_value) * (1.0 - by_name) * (1.0 - exclusive) * (1.0 - by_list);
        let confidence = hits.share() * both * (1.0 - way.cost / 2.0) * doubt;
        let what = in_words(&old.text(), &new.text(), &way);
        let evidence = format!("{what} in {} of {} pairs", hits.right, hits.of);
        let mut candidate = Self::candidate(from, to, way, confidence);
        // Pairs answer what samples alone could not, but for words that none of them has.
        if !is_table {
            candidate.assumes = None;
        }
        Some(Candidate { hits, evidence, ..candidate })
    }

    fn by_names(&self, from: usize, to: usize, way: Conversion, fits: Hits) -> Option<Candidate> {
        let (old, new) = (&self.old.leaves[from], &self.new.leaves[to]);
        let compatible = if old.values.is_empty() {
            types_meet(old, new, &way)
        } else {
            fits.right > 0 && fits.share() >= 0.9
        };
        let units = (units::unit_of(old), units::unit_of(new));
        if let (true, (Some((kind, size)), Some((other, wanted)))) = (way.is_none(), units)
            && kind == other
            && (size - wanted).abs() > f64::EPSILON
        {
            return None;
        }
        if !compatible {
            return None;
        }
        let (similar, by_value) =
            (self.likeness(from, to), self.value_evidence(from, to, &way, fits));
        let by_name = prior(similar);
        let exclusive = match () {
            () if way.is_none() && !self.is_exclusive(from, to) => 0.0,
            () if !way.is_none() && !self.is_exclusive_for(from, to, &way) => 0.0,
            () if self.new.is_lone(&new.path) => 0.42,
            () if !way.is_none() => 0.0,
            () if old.path.len() != new.path.len() => 0.0,
            // Both stand in an object that moved with its other fields: what is left over in it
            // goes together.
            () if (old.path.len() > 1 || self.is_inside)
                && self.moved_together(&old.path, &new.path) =>
            {
                0.57
            }
            // The only flag, or the only number: both have to stand somewhere.
            () if new.required && old.required && !new.structure.may_be(FieldType::String) => 0.51,
            () => 0.38,
        };
        let by_look = self.look_evidence(from, to, &way);
        let by_place = self.place_evidence(from, to);
        let alone =
            1.0 - (1.0 - by_name) * (1.0 - by_value) * (1.0 - by_look.max(0.0)) * (1.0 - by_place);
        let mut confidence = 1.0 - (1.0 - alone) * (1.0 - exclusive);
        // That nothing else is left over makes no guess sure by itself.
        if self.is_last(from, to) {
            confidence = confidence.max((1.0 - (1.0 - alone) * 0.43).min(0.68));
        }
        // That nothing else is left makes no guess likely of which the names say nothing.
        if similar < 0.45 && by_value < 0.4 && by_look < 0.4 {
            confidence = confidence.min(0.68);
        }
        confidence *= 1.0 + by_look.min(0.0);
        confidence *= (1.0 - way.cost) * fits.share().max(f64::from(u8::from(fits.of == 0)));
        let mut candidate = Self::candidate(from, to, way, 0.0);
        let How::Move(way) = &candidate.how else { unreachable!("it was made as a move") };
        if let Some((doubt, left)) = doubted(old, new, way, fits) {
            candidate.assumes = Some(doubt.to_owned());
            confidence *= left;
        } else if self.may_be_swapped(from, to) {
            candidate.assumes = Some("which of both is the plain text".to_owned());
            confidence *= 0.7;
        } else if candidate.assumes.is_some() {
            confidence *= 0.85;
        }
        let what = in_words(&old.text(), &new.text(), way);
        let evidence = match (fits.of, similar) {
            (0, _) => {
                format!("{what}: the names are {:.0} % alike, the types meet", similar * 100.0)
            }
            (of, _) => format!(
                "{what}: the names are {:.0} % alike, {} of {of} sampled values fit the new field",
                similar * 100.0,
                fits.right
            ),
        };
        Some(Candidate { confidence, evidence, ..candidate })
    }
}

/// What neither names nor values say, and what is left of a guess's confidence for it.
fn doubted(old: &Leaf, new: &Leaf, way: &Conversion, fits: Hits) -> Option<(&'static str, f64)> {
    let is_unseen = fits.of == 0;
    match () {
        () if units::is_unclear(old, new) && !way.calculates() => {
            Some(("that both are in the same unit", 0.5))
        }
        () if way.is_none() && new.is_seen_otherwise(old) => {
            Some(("that its words stay as they are", 0.8))
        }
        () if is_unseen && way.reads_text() && types_seen(old) == [FieldType::String] => {
            Some(("that all texts read so: no sample shows one", 0.85))
        }
        () if is_unseen && way.is_none() && asks_more(old, new) => {
            Some(("that the values have the form the new schema asks for", 0.8))
        }
        () => None,
    }
}

/// What a likeness of names is worth by itself. From 136 renames of real projects: half of all score
/// below 0.6, and above 0.9 one in a hundred is chance.
pub fn prior(likeness: f64) -> f64 {
    match likeness {
        l if l >= 0.99 => 0.96,
        l if l >= 0.9 => 0.88,
        l if l >= 0.85 => 0.82,
        l if l >= 0.75 => 0.7,
        l if l >= 0.6 => 0.55,
        l if l >= 0.45 => 0.4,
        l if l >= 0.3 => 0.18,
        _ => 0.05,
    }
}

/// Whether the new field asks for a format or a pattern that the old one does not promise.
fn asks_more(old: &Leaf, new: &Leaf) -> bool {
    let (a, b) = (&old.structure, &new.structure);
    (b.format.is_some() && a.format != b.format) || (b.pattern.is_some() && a.pattern != b.pattern)
}

/// Whether a rewriting of texts does something to most values: one that a single pair shows, and that
/// leaves the other values as they are, is chance.
fn changes_most(old: &Leaf, way: &Conversion) -> bool {
    let rewrites = !way.is_none() && way.steps.iter().all(|step| step["type"] == "replace");
    let changed =
        old.values.iter().filter(|value| way.apply(value).is_some_and(|made| made != **value));
    !rewrites || changed.count() * 2 > old.values.len()
}

/// How many of the old field's values the new one accepts, once converted.
pub fn fitting(old: &Leaf, new: &Leaf, way: &Conversion) -> Hits {
    // A value that is listed may stand, whether a sample has it or not.
    let listed = old.structure.listed.iter().flatten().filter(|value| !old.values.contains(value));
    let listed = listed.filter(|_| !old.values.is_empty());
    let values: Vec<&Json> =
        old.values.iter().chain(listed).filter(|value| !value.is_null()).collect();
    let mut hits = Hits { right: 0, of: values.len() };
    for (tried, value) in values.into_iter().enumerate() {
        // What fits less than half of them is none.
        if (tried - hits.right) * 2 > hits.of {
            return Hits { right: 0, ..hits };
        }
        let fits = way.apply(value).is_some_and(|made| {
            if new.is_nest() { new.fits_outside(&made) } else { new.fits(&made) }
        });
        hits.right += usize::from(fits);
    }
    hits
}

/// Whether, without any values, the types say that the way can be gone.
pub fn types_meet(old: &Leaf, new: &Leaf, way: &Conversion) -> bool {
    let known = |leaf: &Leaf| -> Vec<FieldType> {
        leaf.structure.types.iter().copied().filter(|t| *t != FieldType::Null).collect()
    };
    let (from, to) = (known(old), known(new));
    let listed = |leaf: &Leaf| leaf.structure.listed.is_some();
    if from.is_empty() || to.is_empty() {
        return way.is_none();
    }
    let meets = from.iter().all(|t| new.structure.may_be(*t));
    match way.is_none() {
        true if listed(new) => {
            let old_words = old.structure.listed.as_deref().unwrap_or_default();
            !old_words.is_empty() && old_words.iter().all(|value| new.fits(value))
        }
        true => {
            let format = &new.structure.format;
            let same_format = format.is_none()
                || *format == old.structure.format
                || old.structure.format.is_none();
            meets && same_format
        }
        false if way.steps.iter().any(|step| step["type"] == "wrapField") => {
            let item = new.structure.items.as_ref().map(|node| Structure::of(node, node));
            let holds =
                |item: &Structure| from.iter().all(|t| *t != FieldType::Object && item.may_be(*t));
            item.is_none_or(|item| holds(&item))
        }
        false => {
            // Without values, only what the types ask for: no spelling, no splitting.
            let kinds = ["convertType", "mapValues", "wrapField", "keyBy", "entries", "setField"];
            let known_kinds = way.steps.iter().all(|s| kinds.iter().any(|kind| s["type"] == *kind));
            known_kinds
                && (!meets
                    || listed(new)
                    || units::unit_of(old) != units::unit_of(new)
                    || new.structure.format.is_some())
        }
    }
}

pub fn same_lists(old: &Leaf, new: &Leaf) -> bool {
    let (Some(a), Some(b)) = (&old.structure.listed, &new.structure.listed) else { return false };
    a.len() > 1 && a.iter().all(|value| b.contains(value)) || enums::maps(old, new).is_some()
}

/// `name = userName`, `createdAt = created, seconds since 1970 as a time`.
pub fn in_words(from: &str, to: &str, way: &Conversion) -> String {
    let what = if way.words.is_empty() { String::new() } else { format!(" ({})", way.words) };
    if from == to { format!("{to}{what}") } else { format!("{to} = {from}{what}") }
}
