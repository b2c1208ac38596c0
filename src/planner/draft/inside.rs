//! Drafts for what is inside of lists and maps.

use serde_json::Value as Json;

use super::candidates::{Candidate, How};
use super::convert::Conversion;
use super::evidence::Pairs;
use super::scope::{Chosen, Scope};
use super::side::{Leaf, Part, Side, value_at};
use super::structure::Structure;

impl Scope<'_> {
    /// Drafts for the items of lists and the values of maps that stand on both sides.
    pub fn inside(
        &self,
        old: &Side,
        new: &Side,
        kept: &[(usize, usize)],
        picks: &[Candidate],
        refused: &[String],
    ) -> Vec<(usize, Chosen)> {
        let stay = kept.iter().map(|(from, to)| (*from, *to, Conversion::none()));
        let moved = picks.iter().filter_map(|pick| {
            match (&pick.how, pick.reads.as_slice(), pick.writes.as_slice()) {
                (How::Move(way), [from], [to]) => Some((*from, *to, way.clone())),
                _ => None,
            }
        });
        let mut inside = Vec::new();
        for (from, to, way) in stay.chain(moved) {
            let (a, b) = (&old.leaves[from], &new.leaves[to]);
            if let Some(chosen) = self.inside_of(a, b, &way, refused) {
                inside.push((to, chosen));
            }
        }
        inside
    }

    fn inside_of(
        &self,
        old: &Leaf,
        new: &Leaf,
        way: &Conversion,
        refused: &[String],
    ) -> Option<Chosen> {
        let wanted = new.structure.items.as_ref().or(new.structure.values.as_ref())?;
        let target = Structure::of(wanted, self.new.root);
        let anything = Json::Bool(true);
        let keyed = way.steps.iter().any(|step| {
            (step["type"] == "keyBy" || step["type"] == "entries") && step.get("value").is_none()
        });
        let had = old.structure.items.as_ref().or(old.structure.values.as_ref());
        // What another conversion makes is known by its values alone.
        let had = had.filter(|_| way.is_none() || keyed).unwrap_or(&anything);
        let items = |value: &Json| -> Vec<Json> {
            match value {
                Json::Array(items) => items.clone(),
                Json::Object(members) => members.values().cloned().collect(),
                _ => Vec::new(),
            }
        };
        let samples: Vec<Json> = old
            .values
            .iter()
            .filter_map(|value| way.apply(value))
            .flat_map(|value| items(&value))
            .collect();
        let is_declared = !Structure::of(had, self.old.root).fields.is_empty();
        if target.fields.is_empty()
            || !samples.iter().all(Json::is_object)
            || (samples.is_empty() && !is_declared)
        {
            return None;
        }
        let shown = self.pairs.shown.iter().filter_map(|(before, after)| {
            let before = way.apply(value_at(before, &old.path)?)?;
            let (before, after) = (items(&before), items(value_at(after, &new.path)?));
            (before.len() == after.len()).then(|| before.into_iter().zip(after))
        });
        let pairs = Pairs {
            shown: shown.flatten().filter(|(a, b)| a.is_object() && b.is_object()).collect(),
        };
        let scope = Scope {
            old: Part { node: had, root: self.old.root },
            new: Part { node: wanted, root: self.new.root },
            samples,
            arrived: Vec::new(),
            pairs,
            hints: self.hints.inside(&new.text()),
            subject: self.subject.clone(),
            lead: format!("{}{}[].", self.lead, new.text()),
            stamped: None,
        };
        let chosen = scope.choose(refused);
        let is_idle = chosen.picks.is_empty()
            && chosen.dropped.is_empty()
            && chosen.questions.is_empty()
            && chosen.inside.is_empty();
        (!is_idle).then_some(chosen)
    }
}
