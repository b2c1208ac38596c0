//! What the fields around two fields say of whether these two go together: objects that have others in
//! common, and what is left over on both sides.

use super::candidates::{Ground, fitting, types_meet};
use super::convert::Conversion;
use super::likeness::likeness;
use super::names::{GENERIC, alike};
use super::side::{Leaf, Names};

impl Ground<'_> {
    /// How alike two fields' names are, and what their neighbours say.
    pub fn likeness(&self, from: usize, to: usize) -> f64 {
        let (old, new) = (&self.old.leaves[from], &self.new.leaves[to]);
        let plain = likeness(old, new, &self.shifts);
        // What leads to a list says little about what its item holds.
        let lone =
            self.new.containers.iter().filter(|c| c.is_lone && new.path.starts_with(&c.path));
        let own =
            lone.map(|list| alike(&old.path[old.path.len() - 1..], &new.path[list.path.len()..]));
        let with_object = self.moves_with(&old.path, &new.path);
        plain.max(own.fold(0.0, f64::max)).max(if with_object { 0.93 } else { 0.0 })
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

    /// Whether they are the only old field with values and the only new field that must stand that are
    /// left over.
    pub fn is_last(&self, from: usize, to: usize) -> bool {
        let is_left = |at: &usize| {
            let old = &self.old.leaves[*at];
            old.declared
                && self.new.leaf(&old.path).is_none()
                && (old.values.iter().any(|value| !value.is_null()) || old.sampled == 0)
        };
        let needs = |at: &usize| {
            let new = &self.new.leaves[*at];
            let stood = self.old.leaf(&new.path).is_some();
            !stood
                && new.required
                && new.structure.default.is_none()
                && new.structure.constant().is_none()
        };
        is_left(&from)
            && needs(&to)
            && self.free.iter().filter(|at| is_left(at)).count() == 1
            && self.open.iter().filter(|at| needs(at)).count() == 1
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
        let could = |from: usize, to: usize| {
            let (old, new) = (&self.old.leaves[from], &self.new.leaves[to]);
            !old.values.is_empty() && fitting(old, new, way).are_all()
        };
        self.free.contains(&from)
            && !self.free.iter().any(|&other| other != from && could(other, to))
            && !self.open.iter().any(|&other| other != to && could(from, other))
    }

    /// Whether no other old field could become the new one, nor this old one another.
    pub fn is_exclusive(&self, from: usize, to: usize) -> bool {
        let could = |from: usize, to: usize| {
            let (old, new) = (&self.old.leaves[from], &self.new.leaves[to]);
            types_meet(old, new, &Conversion::none())
                && (old.values.is_empty() || old.values.iter().any(|value| new.fits_outside(value)))
        };
        could(from, to)
            && !self.free.iter().any(|&other| other != from && could(other, to))
            && !self.open.iter().any(|&other| other != to && could(from, other))
    }
}
