//! What the fields around two fields say of whether these two go together: objects that have others in
//! common, and what is left over on both sides.

use super::candidates::{Candidate, Ground, types_meet};
use super::convert::{Conversion, types_seen};
use super::likeness::likeness;
use super::names::{alike, singular, words};
use super::side::{Leaf, Names};
use super::told;
use super::vocabulary::GENERIC;

impl Ground<'_> {
    /// How alike two fields' names are, and what their neighbours say.
    pub fn likeness(&self, from: usize, to: usize) -> f64 {
        let mut known = self.tried.likeness.borrow_mut();
        *known.entry((from, to)).or_insert_with(|| self.compared(from, to))
    }

    fn compared(&self, from: usize, to: usize) -> f64 {
        let (old, new) = (&self.old.leaves[from], &self.new.leaves[to]);
        let plain = likeness(old, new, &self.shifts);
        // What leads to a list says little about what its item holds.
        let lone =
            self.new.containers.iter().filter(|c| c.is_lone && new.path.starts_with(&c.path));
        let own = lone.map(|list| alike_in_item(old.path.last(), &list.path, &new.path));
        // `type` of `inputs` was `input_type`.
        let in_list = self.thing.as_ref().map_or(0.0, |thing| {
            let whole: Names =
                std::iter::once(thing.clone()).chain(new.path.iter().cloned()).collect();
            alike(&old.path[old.path.len() - 1..], &whole).min(0.95)
        });
        // The `hotel` of a hotel is its name.
        let is_thing = self.thing.as_ref() == old.path.last();
        let names_it =
            is_thing && new.path.last().is_some_and(|name| name == "name" || name == "title");
        let plain = plain.max(in_list).max(if names_it { 0.76 } else { 0.0 });
        let with_object = self.moves_with(&old.path, &new.path);
        plain.max(told::likeness(old, new)).max(own.fold(0.0, f64::max)).max(if with_object {
            0.93
        } else {
            0.0
        })
    }

    /// Whether two fields of the same name stand in objects that have several fields in common, or one
    /// with a name that says much, and that stand on one side only.
    fn moves_with(&self, old: &Names, new: &Names) -> bool {
        let (from, to) = (&old[..old.len() - 1], &new[..new.len() - 1]);
        if old.last() != new.last() || from.is_empty() || to.is_empty() {
            return false;
        }
        let is_apart = self.new.container(from).is_none() && self.old.container(to).is_none();
        let beside =
            self.old.leaves.iter().filter(|leaf| leaf.path.starts_with(from) && leaf.path != *old);
        let shared: Vec<&Leaf> = beside
            .filter(|leaf| {
                let wanted: Names = to.iter().chain(&leaf.path[from.len()..]).cloned().collect();
                self.new.leaf(&wanted).is_some()
            })
            .collect();
        let says =
            |leaf: &&Leaf| leaf.path.last().is_some_and(|name| !GENERIC.contains(&name.as_str()));
        is_apart && (shared.len() > 1 || shared.iter().any(says))
    }

    /// Whether an old field has values and no place in the new schema.
    fn is_left(&self, at: usize) -> bool {
        let old = &self.old.leaves[at];
        old.declared && self.new.leaf(&old.path).is_none() && (old.present > 0 || old.sampled == 0)
    }

    /// Whether a new field must stand, and nothing but an old field says with which value.
    fn needs(&self, at: usize) -> bool {
        let new = &self.new.leaves[at];
        let structure = &new.structure;
        self.old.leaf(&new.path).is_none()
            && new.required
            && structure.default.is_none()
            && structure.constant().is_none()
    }

    /// Whether a new field may stand, and nothing but an old field says with which value.
    fn wants(&self, at: usize) -> bool {
        let new = &self.new.leaves[at];
        let structure = &new.structure;
        self.old.leaf(&new.path).is_none()
            && structure.default.is_none()
            && structure.constant().is_none()
    }

    /// Whether all fields of a guess are left over: those it takes have no place otherwise, and those
    /// it makes no source.
    pub fn are_left_over(&self, guess: &Candidate) -> bool {
        let is_only = matches!((guess.reads.as_slice(), guess.writes.as_slice()), ([from], [to])
            if self.is_last(*from, *to));
        !guess.reads.is_empty()
            && guess.reads.iter().all(|at| self.is_left(*at))
            && (is_only || guess.writes.iter().all(|at| self.needs(*at)))
    }

    /// Whether they are the only old field with values and the only new field that must stand that are
    /// left over; or, in one object or where a new object came, the only ones at all.
    pub fn is_last(&self, from: usize, to: usize) -> bool {
        let (old, new) = (&self.old.leaves[from].path, &self.new.leaves[to].path);
        let parent = &new[..new.len() - 1];
        let is_new_object = !parent.is_empty() && self.old.container(parent).is_none();
        let are_beside = old[..old.len() - 1] == *parent || is_new_object;
        let is_alone = |is_wanted: &dyn Fn(usize) -> bool| {
            is_wanted(to) && self.open.iter().filter(|at| is_wanted(**at)).count() == 1
        };
        self.is_left(from)
            && self.free.iter().filter(|at| self.is_left(**at)).count() == 1
            && (is_alone(&|at| self.needs(at)) || are_beside && is_alone(&|at| self.wants(at)))
    }

    /// The old fields that are left over around `from` and the new ones that need something around `to`,
    /// when both stand between the same fields of both schemas, as far as these are known to be the same.
    /// Only what `is_open` of the new fields counts.
    fn gap(
        &self,
        (from, to): (usize, usize),
        is_open: &dyn Fn(usize) -> bool,
    ) -> Option<(Vec<usize>, Vec<usize>)> {
        let old = |at: usize| self.paired.iter().find(|(old, _)| *old == at).map(|(_, new)| *new);
        let is_new = |at: &usize| self.paired.iter().any(|(_, new)| new == at);
        let before = (0..from).rev().find_map(old);
        let after = (from + 1..self.old.leaves.len()).find_map(old);
        let ends = (0..to).rev().find(is_new);
        let next = (to + 1..self.new.leaves.len()).find(is_new);
        let is_anchored = before.is_some() || after.is_some();
        if !is_anchored || (ends, next) != (before, after) {
            return None;
        }
        let first = (0..from).rev().find(|at| old(*at).is_some()).map_or(0, |at| at + 1);
        let last = (from + 1..self.old.leaves.len()).find(|at| old(*at).is_some());
        let olds = first..last.unwrap_or(self.old.leaves.len());
        let news = ends.map_or(0, |at| at + 1)..next.unwrap_or(self.new.leaves.len());
        Some((
            olds.filter(|at| self.free.contains(at) && self.is_left(*at)).collect(),
            news.filter(|at| self.open.contains(at) && is_open(*at)).collect(),
        ))
    }

    /// What it says that two fields stand in the same place of both schemas: alone between the same
    /// neighbours, or as the same of several that go together by their types.
    pub fn place_evidence(&self, from: usize, to: usize) -> f64 {
        let needed = self.place_among(from, to, &|at| self.needs(at));
        if needed > 0.0 || self.needs(to) {
            return needed;
        }
        self.place_among(from, to, &|at| self.wants(at))
    }

    fn place_among(&self, from: usize, to: usize, is_open: &dyn Fn(usize) -> bool) -> f64 {
        let Some((olds, news)) = self.gap((from, to), is_open) else { return 0.0 };
        let place = |all: &[usize], at: usize| all.iter().position(|other| *other == at);
        if olds.len() != news.len() || place(&olds, from) != place(&news, to) {
            return 0.0;
        }
        let meets = |(from, to): (&usize, &usize)| {
            let (old, new) = (&self.old.leaves[*from], &self.new.leaves[*to]);
            self.ways(*from, *to).iter().any(|(way, fits)| {
                if fits.of > 0 { fits.are_all() } else { types_meet(old, new, way) }
            })
        };
        // Where types differ, another order would not fit.
        let types = |at: &usize| types_seen(&self.old.leaves[*at]);
        let are_mixed = olds.iter().any(|at| types(at) != types(&olds[0]));
        match olds.len() {
            1 => 0.3,
            2..=8 if !olds.iter().zip(&news).all(meets) => 0.0,
            2..=8 => {
                if are_mixed {
                    0.4
                } else {
                    0.25
                }
            }
            _ => 0.0,
        }
    }

    /// Whether both versions have the same text twice, plain and with marks, so that the one without a
    /// word for it may be the other: `description` and `description_html` became `description_text` and
    /// `description`.
    pub fn may_be_swapped(&self, from: usize, to: usize) -> bool {
        const PLAIN: [&str; 3] = ["text", "plain", "raw"];
        const MARKED: [&str; 4] = ["html", "markdown", "rendered", "rich"];
        let own = words(self.old.leaves[from].path.last().map_or("", String::as_str));
        let says = |leaf: &Leaf, of: &[&str]| {
            let name = words(leaf.path.last().map_or("", String::as_str));
            let (lead, last) = name.split_at(name.len().saturating_sub(1));
            lead == own && last.iter().all(|word| of.contains(&word.as_str()))
        };
        let is_same = own == words(self.new.leaves[to].path.last().map_or("", String::as_str));
        let had = |of: &[&str]| self.free.iter().any(|at| says(&self.old.leaves[*at], of));
        let has = |of: &[&str]| self.open.iter().any(|at| says(&self.new.leaves[*at], of));
        is_same && (had(&MARKED) && has(&PLAIN) || had(&PLAIN) && has(&MARKED))
    }

    /// The new fields that stand where a text stood, between the same neighbours; it alone is left over
    /// there.
    pub fn in_place_of(&self, from: usize) -> Option<Vec<usize>> {
        let all = self.open.iter().find_map(|to| {
            self.gap((from, *to), &|at| self.needs(at)).filter(|(_, news)| news.contains(to))
        });
        all.filter(|(olds, _)| olds == &[from]).map(|(_, news)| news)
    }

    /// Whether the objects around two fields have other fields in common, under another name of the
    /// object or the same.
    pub fn moved_together(&self, old: &Names, new: &Names) -> bool {
        let (from, to) = (&old[..old.len() - 1], &new[..new.len() - 1]);
        let inside =
            self.old.leaves.iter().filter(|leaf| leaf.path.starts_with(from) && leaf.path != *old);
        let same = |leaf: &&Leaf| {
            let wanted: Names = to.iter().chain(&leaf.path[from.len()..]).cloned().collect();
            self.new.leaf(&wanted).is_some()
        };
        let shared = inside.clone().filter(same).count();
        shared >= 1 && shared * 2 >= inside.count()
    }

    /// Whether, of what is left over on both sides, only these two go together by this way.
    pub fn is_exclusive_for(&self, from: usize, to: usize, way: &Conversion) -> bool {
        let could = |from: usize, to: usize| self.all_fit(from, to, way);
        self.free.contains(&from)
            && !self.free.iter().any(|&other| other != from && could(other, to))
            && !self.open.iter().any(|&other| other != to && could(from, other))
    }

    /// Whether no other old field could become the new one, nor this old one another.
    pub fn is_exclusive(&self, from: usize, to: usize) -> bool {
        self.could_be(from, to)
            && !self.free.iter().any(|&other| other != from && self.could_be(other, to))
            && !self.open.iter().any(|&other| other != to && self.could_be(from, other))
    }

    /// Whether the values of one field may stand in the other as they are.
    fn could_be(&self, from: usize, to: usize) -> bool {
        let mut known = self.tried.could.borrow_mut();
        *known.entry((from, to)).or_insert_with(|| {
            let (old, new) = (&self.old.leaves[from], &self.new.leaves[to]);
            types_meet(old, new, &Conversion::none())
                && (old.values.is_empty() || old.values.iter().any(|value| new.fits_outside(value)))
        })
    }
}

/// How alike the name of a field is to one in the only item of a list: to its name there, or to that of
/// one of the list's things.
fn alike_in_item(old: Option<&String>, list: &Names, new: &Names) -> f64 {
    let (Some(old), Some(name)) = (old, list.last()) else { return 0.0 };
    let inside = &new[list.len()..];
    let own = std::slice::from_ref(old);
    let says_little = inside.last().is_some_and(|name| GENERIC.contains(&name.as_str()));
    let there = alike(own, inside) * if says_little { 0.75 } else { 1.0 };
    let thing: Names = std::iter::once(singular(name)).chain(inside.iter().cloned()).collect();
    there.max(alike(own, &thing))
}
