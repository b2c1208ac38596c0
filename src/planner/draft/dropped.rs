//! Old fields that have no place in the new version.

use super::candidates::{Candidate, Ground, How, types_meet};
use super::convert::Conversion;
use super::scope::Scope;
use super::side::Leaf;

/// A field that goes.
#[derive(Clone, Debug)]
pub struct Dropped {
    /// Its place in the old side.
    pub leaf: usize,
    /// Whether it has values as far as is known.
    pub has_values: bool,
    /// Whether somebody said that it may go.
    pub is_settled: bool,
    /// What speaks for it.
    pub evidence: String,
}

impl Scope<'_> {
    /// Old fields that nothing takes and the new schema does not name.
    pub fn dropped(
        &self,
        ground: &Ground<'_>,
        picks: &[Candidate],
        unexplained: &[usize],
        unsure: &[Candidate],
    ) -> Vec<Dropped> {
        let mut dropped = Vec::new();
        for &at in &ground.free {
            let leaf = &ground.old.leaves[at];
            let is_taken = picks
                .iter()
                .any(|pick| pick.reads.contains(&at) && !matches!(pick.how, How::Value(_)));
            // A new field at the place of an object around this one keeps what stood there, unless it
            // is made of something else.
            let is_made = |new: &Leaf| {
                let makes = |to: &usize| ground.new.leaves[*to].path == new.path;
                picks
                    .iter()
                    .filter(|pick| !matches!(pick.how, How::Value(_) | How::Declared(_)))
                    .any(|pick| pick.writes.iter().any(makes))
            };
            let is_displaced =
                ground.new.leaves.iter().any(|new| new.path == leaf.path && is_made(new));
            let stands = ground.new.leaves.iter().any(|new| {
                let around = leaf.path.starts_with(&new.path);
                let is_replaced = around && is_made(new);
                (around || new.path.starts_with(&leaf.path)) && !is_replaced
            });
            if is_taken || stands || self.stamped.as_ref() == Some(&leaf.path) {
                continue;
            }
            let text = leaf.text();
            if self.hints.keep.contains(&text) {
                continue;
            }
            let must_go = ground.new.is_closed_around(&leaf.path);
            if !leaf.declared && !must_go {
                continue;
            }
            let shown = self.pairs.dropped(&leaf.path);
            if shown.of > 0 && shown.share() < 0.5 && !is_displaced {
                continue;
            }
            let may_be = |to: &usize| {
                let new = &ground.new.leaves[*to];
                leaf.values.iter().all(|value| new.fits_outside(value))
                    && types_meet(leaf, new, &Conversion::none())
            };
            let is_hinted = self.hints.drop.contains(&text);
            let is_unsure = unsure.iter().any(|guess| guess.reads.contains(&at));
            let is_needed = |to: &usize| ground.new.leaves[*to].required;
            let could_be = match shown.of {
                0 => unexplained.iter().any(may_be),
                _ => unexplained.iter().any(is_needed),
            };
            if !is_hinted && (is_unsure || could_be) {
                // It may be what a new field is made of: the question names it, and no line drops it.
                continue;
            }
            let has_values = leaf.present > 0 || (leaf.sampled == 0 && leaf.declared);
            let evidence = match shown.of {
                0 => format!("{text} has values in {} of {} samples", leaf.present, leaf.sampled),
                of if is_displaced => format!("{text} holds something else in {of} pairs"),
                of => format!("{text} is gone in {} of {of} pairs", shown.right),
            };
            let is_settled = is_hinted || shown.of > 0;
            dropped.push(Dropped { leaf: at, has_values, is_settled, evidence });
        }
        dropped
    }
}
