//! Lists that hold one item which is put together of fields of the document: the item is drafted as an
//! object in the list's place, and wrapped at the end.

use serde_json::{Value as Json, json};

use super::candidates::How;
use super::compile::{Guess, Tier};
use super::hints::step_paths;
use super::scope::{Chosen, Scope};
use super::side::{Leaf, Names, Side, path_text};
use super::structure::Structure;
use crate::schema::FieldType;

impl Scope<'_> {
    /// The lists of the new schema whose items are objects, and that nothing of the old documents
    /// became as it is.
    pub fn lone_lists(&self, chosen: &Chosen) -> Vec<Names> {
        let is_lone = |to: &usize| {
            let leaf = &chosen.new.leaves[*to];
            let holds_one = |after: &&Json| after.as_array().is_some_and(|items| items.len() == 1);
            let stood = chosen.old.leaf(&leaf.path).is_some();
            let made = chosen
                .picks
                .iter()
                .any(|pick| pick.writes.contains(to) && (!pick.reads.is_empty() || pick.declared));
            !stood
                && !made
                && holds_objects(leaf, self)
                && self.pairs.after(&leaf.path).iter().all(holds_one)
        };
        let lone = (0..chosen.new.leaves.len()).filter(is_lone);
        lone.map(|to| chosen.new.leaves[to].path.clone()).collect()
    }

    /// The lists that hints reach into as if they were objects.
    pub fn hinted_lone(&self) -> Vec<Names> {
        let new = Side::of(self.new, &[], self.old, &[]);
        let steps = self.hints.steps.iter().flat_map(step_paths);
        let named: Vec<String> = self
            .hints
            .rename
            .values()
            .chain(self.hints.default.keys())
            .cloned()
            .chain(steps)
            .collect();
        let lists = new.leaves.iter().filter(|leaf| holds_objects(leaf, self));
        let reached = lists.filter(|leaf| {
            let lead = format!("{}.", leaf.text());
            named.iter().any(|path| path.starts_with(&lead))
        });
        reached.map(|leaf| leaf.path.clone()).collect()
    }
}

fn holds_objects(leaf: &Leaf, scope: &Scope<'_>) -> bool {
    let items = leaf.structure.items.as_ref().map(|items| Structure::of(items, scope.new.root));
    let least = leaf.node.get("minItems").and_then(Json::as_u64).unwrap_or(0);
    leaf.structure.is_only(FieldType::Array)
        && least <= 1
        && items.is_some_and(|items| !items.fields.is_empty() && items.is_only(FieldType::Object))
}

impl Chosen {
    /// Whether something of the old documents goes into the item of a list.
    pub fn fills(&self, list: &Names) -> bool {
        let inside = |to: &usize| self.new.leaves[*to].path.starts_with(list);
        self.picks.iter().any(|pick| {
            !matches!(pick.how, How::Value(_))
                && !pick.reads.is_empty()
                && pick.writes.iter().any(inside)
        })
    }

    /// The steps that put each item into its list, inner lists first.
    pub fn wraps(&self) -> Vec<Guess> {
        let lone = self.new.containers.iter().rev().filter(|container| container.is_lone);
        let wrap = lone.map(|container| {
            let field = path_text(&container.path);
            let mut step = json!({"type": "wrapField", "field": field});
            if !container.always {
                step["onMissing"] = "skip".into();
            }
            let inside = self.picks.iter().filter(|pick| {
                pick.writes.iter().any(|to| self.new.leaves[*to].path.starts_with(&container.path))
            });
            let least = inside.map(|pick| pick.confidence).fold(0.85, f64::min);
            Guess {
                step,
                tier: if least < super::scope::LIKELY { Tier::Guess } else { Tier::Likely },
                confidence: (least * 100.0).round() / 100.0,
                evidence: format!("{field} is a list: what was put together is its only item"),
                alternatives: Vec::new(),
                destructive: false,
            }
        });
        wrap.collect()
    }
}

/// Puts the only item of each of these lists in the list's place.
pub fn unwrap(document: &mut Json, lone: &[Names]) {
    for list in lone {
        let place = list.iter().try_fold(&mut *document, |at, name| at.get_mut(name));
        let Some(Json::Array(items)) = place.as_deref() else { continue };
        if let [item] = items.as_slice() {
            let item = item.clone();
            *place.expect("it was just read") = item;
        }
    }
}

/// Whether two paths are the same when the marks of lists are left aside.
pub fn is_same(path: &str, other: &str) -> bool {
    path == other || path.replace("[]", "") == other.replace("[]", "")
}
