//! What the rollback of the sampled documents came to: taken to the target, and back.

use std::sync::Arc;

use crate::console::effect::Effect;
use crate::console::msg::{Answer, Generation};
use crate::console::panes::chain::Chain;
use crate::console::theme::Role;
use crate::console::widgets::text;
use crate::engine::Rehearsal;
use crate::model::Key;

/// Reasons that are told.
const OBSTACLES_MAX: usize = 3;

impl Chain {
    /// Has the sampled documents taken there and back, once nothing is being written any more.
    pub(super) fn ask_for_the_way_back(&self) -> Vec<Effect> {
        let Some(plan) = self.last.as_ref().filter(|_| self.tried.is_none()) else {
            return Vec::new();
        };
        let keys: Vec<Key> = self.previews().iter().map(|preview| preview.key.clone()).collect();
        if keys.is_empty() {
            return Vec::new();
        }
        let count = keys.len();
        vec![Effect::Rehearse(self.generation, Arc::clone(plan), keys, count)]
    }

    /// Takes what came of the way there and back.
    pub fn rehearsed(&mut self, generation: Generation, answer: Answer<Box<Rehearsal>>) {
        if generation == self.generation {
            self.back = Some(answer);
        }
    }

    /// How many of the sample come back, in a line; `None` until it was tried.
    pub(super) fn way_back(&self) -> Option<(Role, String)> {
        match self.back.as_ref()? {
            Ok(found) => in_words(found),
            Err(reason) => Some((Role::Bad, format!("the way back could not be tried: {reason}"))),
        }
    }

    /// Why some do not come back by the inverse steps alone.
    pub(super) fn obstacles(&self) -> Vec<(Role, String)> {
        let Some(Ok(found)) = &self.back else { return Vec::new() };
        let line = |obstacle: &crate::engine::Obstacle| {
            let count = text::counted(obstacle.keys.len() as u64, "key");
            let is_lost = obstacle.step == "journal";
            let role = if is_lost { Role::Bad } else { Role::Dim };
            (role, format!("back, {count}: {}: {}", obstacle.step, obstacle.reason))
        };
        found.obstacles.iter().take(OBSTACLES_MAX).map(line).collect()
    }
}

fn in_words(found: &Rehearsal) -> Option<(Role, String)> {
    let Rehearsal { migrated, restored, need_journal, .. } = found;
    let all = text::grouped(*migrated);
    match (migrated, restored, need_journal) {
        (0, ..) => None,
        (migrated, restored, _) if restored < migrated => {
            let lost = text::grouped(migrated - restored);
            Some((Role::Bad, format!("rollback tried: {lost} of {all} do not come back")))
        }
        (.., 0) => {
            let words = format!("rollback tried: all {all} come back byte for byte");
            Some((Role::Good, words))
        }
        (.., by_journal) => {
            let by_journal = text::grouped(*by_journal);
            let words = format!(
                "rollback tried: all {all} come back byte for byte, {by_journal} only by the journal"
            );
            Some((Role::Good, words))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_lost_is_told_first() {
        let of = |migrated, restored, need_journal| {
            let found = Rehearsal { migrated, restored, need_journal, ..Rehearsal::default() };
            in_words(&found).map(|(role, words)| (role, words.replace("rollback tried: ", "")))
        };
        assert_eq!(of(0, 0, 0), None);
        assert_eq!(of(5, 5, 0), Some((Role::Good, "all 5 come back byte for byte".into())));
        assert_eq!(of(5, 4, 2), Some((Role::Bad, "1 of 5 do not come back".into())));
        let by_journal = "all 5 come back byte for byte, 2 only by the journal";
        assert_eq!(of(5, 5, 2), Some((Role::Good, by_journal.into())));
    }
}
