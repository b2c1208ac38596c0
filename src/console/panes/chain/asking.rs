//! What the chain asks for: the plan of what is chosen and edited, from which the sample follows.

use crate::console::command::{Scope, Verb};
use crate::console::effect::{ChainRequest, Effect};
use crate::console::panes::chain::edits::{self, Edits};
use crate::console::panes::chain::rows::rows;
use crate::console::panes::chain::{Chain, Waiting};
use crate::console::shared::Shared;
use crate::schema::Version;

impl Chain {
    /// Plans and samples from the start.
    pub(super) fn ask(&mut self, shared: &mut Shared) -> Vec<Effect> {
        (self.previews, self.refused, self.last) = (None, None, None);
        self.pairs.clear();
        let choice = (&shared.choice.subject, &shared.choice.target);
        let (Some(subject), Some(target)) = choice else {
            let keymap = &shared.keymap;
            let text = if shared.setting.catalog.subjects.is_empty() {
                let (key, keys) = (keymap.first_key(Verb::InferKeys), keymap.pane(Scope::Keys));
                format!("there are no definitions yet: {key} in {keys} proposes the first schema")
            } else {
                let (key, pane) = (keymap.first_key(Verb::MakeChain), keymap.pane(Scope::Schemas));
                format!("no subject is chosen: go to {pane}, select a version, press {key}")
            };
            self.refused = Some(text);
            return Vec::new();
        };
        if !self.edits.contains_key(subject) {
            let edits = Edits::of(&shared.setting.catalog, subject);
            self.edits.insert(subject.clone(), edits);
        }
        let of_other = self.planned.as_ref().is_none_or(|(choice, _)| *choice != shared.choice);
        if of_other {
            self.path = None;
        }
        self.planned = Some((shared.choice.clone(), shared.marked_here()));
        let request = self.request(subject.clone(), target.clone());
        self.rows = rows(self.now(shared).migrations(), &[], None);
        self.tried = None;
        self.plan(request, shared)
    }

    /// Plans again what was edited, on the keys that are shown already.
    pub(super) fn ask_again(&mut self, shared: &mut Shared) -> Vec<Effect> {
        let (Some(subject), Some(target)) = (&shared.choice.subject, &shared.choice.target) else {
            return Vec::new();
        };
        let request = self.request(subject.clone(), target.clone());
        self.plan(request, shared)
    }

    fn request(&self, subject: String, target: Version) -> ChainRequest {
        let edited = || self.edits.get(&subject).and_then(Edits::definitions);
        let migrations = match &self.tried {
            Some((tried, _)) => Some(edits::definitions(tried)),
            None => edited(),
        };
        ChainRequest { migrations, path: self.path.clone(), subject, target }
    }

    /// The request for a plan to `target`, with what is edited and not saved.
    pub fn request_for(&self, subject: String, target: Version, shared: &Shared) -> ChainRequest {
        let shown = (Some(&subject), Some(&target));
        let is_shown = shown == (shared.choice.subject.as_ref(), shared.choice.target.as_ref());
        let migrations = self.edits.get(&subject).and_then(Edits::definitions);
        let path = self.path.clone().filter(|_| is_shown);
        ChainRequest { subject, target, path, migrations }
    }

    fn plan(&mut self, request: ChainRequest, shared: &mut Shared) -> Vec<Effect> {
        self.generation += 1;
        // A plan that does not say what is on screen must not be run.
        (shared.plan, shared.retry_of) = (None, None);
        self.back = None;
        self.waiting = Waiting::Plan;
        vec![Effect::Plan(self.generation, Box::new(request))]
    }
}
