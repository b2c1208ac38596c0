//! The chain: its migrations and steps at the left, to be edited; at the right the document before and
//! after each of them, for one sampled key after the other, worked out anew with every edit.

mod asking;
mod documents;
mod drafts;
pub mod edits;
mod editing;
pub mod graph;
mod rows;
mod view;
mod way_back;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use ratatui::layout::Rect;

use crate::console::command::{Scope, Verb};
use crate::console::effect::Effect;
use crate::console::msg::{Answer, Generation};
use crate::console::panes::Pane;
use crate::console::regions::Part;
use crate::console::shared::{Choice, Shared};
use crate::console::theme::Role;
use crate::console::widgets::list::ListState;
use crate::console::widgets::pairs::{self, Pair};
use crate::console::widgets::{Canvas, text};
use crate::engine::{Preview, Rehearsal};
use crate::model::{Key, Outcome};
use crate::planner::Plan;
use crate::planner::draft::Guess;
use documents::forms;
pub use documents::pretty;
use edits::{Edits, Migrations};
use rows::{Row, rows};

pub use view::outcome_role;

/// Sizes of the sample to choose from.
const SAMPLES: [usize; 4] = [10, 100, 1_000, 10_000];
/// How many cells a step to the side scrolls.
const SIDE_STEP: usize = 8;

/// What the pane waits for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Waiting {
    /// Nothing.
    #[default]
    No,
    /// The plan is drawn up.
    Plan,
    /// The sample is on its way.
    Sample,
}

/// The pane.
#[derive(Debug)]
pub struct Chain {
    waiting: Waiting,
    /// Why there is no plan or no sample.
    refused: Option<String>,
    /// The sampled keys, once there was an answer.
    previews: Option<Vec<Preview>>,
    generation: Generation,
    /// The plan that is shown.
    last: Option<Arc<Plan>>,
    /// The migrations with what is being written in them, and the row to go back to when it is not
    /// kept. What is planned then must not be run.
    tried: Option<(Migrations, usize)>,
    /// What the shown plan was made for.
    planned: Option<(Choice, BTreeSet<Key>)>,
    /// What is edited, by subject.
    edits: BTreeMap<String, Edits>,
    /// What speaks for the steps of drafts.
    guesses: Vec<Guess>,
    /// Which draft is waited for.
    drafting: Option<Generation>,
    /// The path the operator chose.
    path: Option<Vec<String>>,
    samples: usize,
    key: usize,
    rows: Vec<Row>,
    step: ListState,
    pairs: Vec<Pair>,
    /// What came of the sampled documents on their way there and back.
    back: Option<Answer<Box<Rehearsal>>>,
    scroll: ListState,
    skip: usize,
    /// Select the row of the first trouble when the sample has come.
    to_trouble: bool,
}

impl Default for Chain {
    fn default() -> Self {
        Self {
            waiting: Waiting::No,
            refused: None,
            previews: None,
            generation: 0,
            last: None,
            tried: None,
            planned: None,
            edits: BTreeMap::new(),
            guesses: Vec::new(),
            drafting: None,
            path: None,
            samples: 1,
            key: 0,
            rows: Vec::new(),
            step: ListState::default(),
            pairs: Vec::new(),
            back: None,
            scroll: ListState::default(),
            skip: 0,
            to_trouble: false,
        }
    }
}

impl Chain {
    /// Whether an answer is on its way.
    pub fn is_waiting(&self) -> bool {
        self.waiting != Waiting::No || self.drafting.is_some()
    }

    /// Documents were written: the sample is taken anew when one comes here again.
    pub fn documents_changed(&mut self) {
        self.planned = None;
    }

    /// When the sample has come, show what went wrong, and where.
    pub fn seek_trouble(&mut self) {
        self.to_trouble = true;
    }

    /// Takes the plan, and asks for the sample.
    pub fn planned(
        &mut self,
        generation: Generation,
        answer: Answer<Arc<Plan>>,
        shared: &mut Shared,
    ) -> Vec<Effect> {
        if generation != self.generation {
            return Vec::new();
        }
        match answer {
            Ok(plan) => {
                match self.tried {
                    None => shared.take_plan(plan.clone(), None),
                    Some(_) => shared.plan = None,
                }
                self.last = Some(plan.clone());
                self.waiting = Waiting::Sample;
                let shown = self.previews.iter().flatten().map(|preview| preview.key.clone());
                let keys: Vec<Key> = match shown.collect::<Vec<_>>() {
                    none if none.is_empty() => shared.marked_here().into_iter().collect(),
                    shown => shown,
                };
                vec![Effect::Preview(generation, plan, keys, SAMPLES[self.samples])]
            }
            Err(reason) => {
                self.waiting = Waiting::No;
                if self.previews.is_none() {
                    self.show_rows(shared);
                }
                let reason = without_verbs(&reason);
                Self::note_overlay(shared, vec![(Role::Bad, reason.clone())]);
                self.refused = Some(reason);
                Vec::new()
            }
        }
    }

    /// Takes the sample.
    pub fn previewed(
        &mut self,
        generation: Generation,
        answer: Answer<Vec<Preview>>,
        shared: &mut Shared,
    ) -> Vec<Effect> {
        if generation != self.generation {
            return Vec::new();
        }
        self.waiting = Waiting::No;
        match answer {
            Ok(previews) => {
                self.refused = None;
                let is_first = self.previews.is_none();
                if is_first {
                    self.key = first_key(&previews, shared.marked_here().is_empty());
                }
                self.key = self.key.min(previews.len().saturating_sub(1));
                self.previews = Some(previews);
                self.show_rows(shared);
                if std::mem::take(&mut self.to_trouble) {
                    self.select_trouble();
                }
                self.show_step(is_first);
                let note = self.note();
                Self::note_overlay(shared, note);
                self.ask_for_the_way_back()
            }
            Err(reason) => {
                Self::note_overlay(shared, vec![(Role::Bad, reason.clone())]);
                self.refused = Some(reason);
                Vec::new()
            }
        }
    }

    /// Tells a form or text field that lies above what came of it.
    fn note_overlay(shared: &mut Shared, note: Vec<(Role, String)>) {
        if let Some(overlay) = shared.overlays.last_mut() {
            overlay.set_note(note);
        }
    }

    fn previews(&self) -> &[Preview] {
        self.previews.as_deref().unwrap_or_default()
    }

    fn current(&self) -> Option<&Preview> {
        self.previews().get(self.key)
    }

    fn row(&self) -> &Row {
        self.rows.get(self.step.selected).unwrap_or(&Row::Whole)
    }

    /// The migrations of the chosen subject as they stand.
    fn now<'s>(&'s self, shared: &Shared) -> &'s Edits {
        static NONE: std::sync::LazyLock<Edits> = std::sync::LazyLock::new(Edits::default);
        let edits = shared.choice.subject.as_ref().and_then(|name| self.edits.get(name));
        edits.unwrap_or(&NONE)
    }

    /// The migrations to show: with what is being written in them.
    fn migrations<'s>(&'s self, shared: &Shared) -> &'s Migrations {
        self.tried.as_ref().map_or_else(|| self.now(shared).migrations(), |(tried, _)| tried)
    }

    /// The chain to show: that of the shown key's version, else the longest there is.
    fn chain_names(&self, shared: &Shared) -> Vec<String> {
        let Some(plan) = &self.last else {
            return self.migrations(shared).keys().cloned().collect();
        };
        let of_key = self.current().and_then(|preview| preview.from.as_ref());
        let of_key = of_key.and_then(|version| plan.chains.get(version)).filter(|c| !c.is_empty());
        let longest = || plan.chains.values().max_by_key(|names| names.len());
        of_key.or_else(longest).cloned().unwrap_or_default()
    }

    /// Makes the left side anew, with the selection where it was.
    fn show_rows(&mut self, shared: &Shared) {
        let names = self.chain_names(shared);
        self.rows = rows(self.migrations(shared), &names, self.current());
        self.step.clamp(self.rows.len());
    }

    /// Makes the right side anew for the selected key and step.
    fn show_step(&mut self, from_top: bool) {
        let Some(preview) = self.current() else {
            self.pairs.clear();
            return;
        };
        let (before, after) = forms(preview, &self.rows, self.step.selected);
        self.pairs = pairs::pair(&pretty(before), &pretty(after));
        if from_top {
            (self.scroll, self.skip) = (ListState::default(), 0);
            self.scroll.selected = self.pairs.iter().position(|pair| pair.changed).unwrap_or(0);
        }
        self.scroll.clamp(self.pairs.len());
    }

    fn show_key(&mut self, shared: &Shared) {
        self.show_rows(shared);
        self.show_step(true);
    }

    fn walk(&mut self, back: bool, shared: &Shared) {
        let count = self.previews().len();
        if count > 0 {
            let step = if back { count - 1 } else { 1 };
            self.key = (self.key + step) % count;
            self.show_key(shared);
        }
    }

    /// To the next key that needs eyes, and to the step at which it fails.
    fn next_trouble(&mut self, shared: &Shared) {
        let count = self.previews().len();
        let next = (1..=count)
            .map(|step| (self.key + step) % count)
            .find(|at| self.previews()[*at].outcome.needs_eyes());
        if let Some(at) = next {
            self.key = at;
            self.show_rows(shared);
            self.select_trouble();
            self.show_step(true);
        }
    }

    /// Selects the row at which the shown key fails.
    fn select_trouble(&mut self) {
        let trouble = self.current().and_then(|preview| preview.errors.first());
        if let Some(trouble) = trouble {
            let at = self.rows.iter().position(|row| rows::is_at(trouble, row));
            self.step = ListState { selected: at.unwrap_or(0), offset: 0 };
        }
    }

    fn next_target(shared: &mut Shared) {
        let catalog = Arc::clone(&shared.setting.catalog);
        let Some(subject) = shared.choice.subject.as_ref().and_then(|name| catalog.subject(name))
        else {
            return;
        };
        let versions: Vec<_> = subject.schemas.keys().collect();
        let at =
            versions.iter().position(|version| Some(*version) == shared.choice.target.as_ref());
        let next = versions.get(at.map_or(0, |at| at + 1)).or(versions.first());
        shared.choice.target = next.map(|version| (*version).clone());
    }

    fn change_samples(&mut self, more: bool, shared: &mut Shared) -> Vec<Effect> {
        self.samples = if more {
            (self.samples + 1).min(SAMPLES.len() - 1)
        } else {
            self.samples.saturating_sub(1)
        };
        shared.tell(format!("{} keys are sampled", text::grouped(SAMPLES[self.samples] as u64)));
        self.ask(shared)
    }
}

/// How many versions the chosen subject has.
fn versions_of(shared: &Shared) -> usize {
    let name = shared.choice.subject.as_ref();
    let subject = name.and_then(|name| shared.setting.catalog.subject(name));
    subject.map_or(0, |subject| subject.schemas.len())
}

/// A reason without the lines that name verbs of the command line: what to press here stands below it.
fn without_verbs(reason: &str) -> String {
    let lines: Vec<&str> =
        reason.lines().filter(|line| !line.trim_start().starts_with("`remold ")).collect();
    lines.join("\n")
}

/// The key to begin with: one that is migrated, else the first that goes wrong. Marked keys begin
/// with the first.
fn first_key(previews: &[Preview], sampled: bool) -> usize {
    if !sampled {
        return 0;
    }
    let worst = previews.iter().position(|preview| preview.outcome.needs_eyes());
    let migrated = previews.iter().position(|preview| preview.outcome == Outcome::Migrated);
    migrated.or(worst).unwrap_or(0)
}

impl Pane for Chain {
    fn enter(&mut self, shared: &mut Shared) -> Vec<Effect> {
        let wanted = (shared.choice.clone(), shared.marked_here());
        if self.planned.as_ref() != Some(&wanted) {
            return self.ask(shared);
        }
        // The plan for the keys of a retry gives its place back to the one that is shown here.
        if let (Some(_), Some(plan), None) = (&shared.retry_of, &self.last, &self.tried) {
            shared.take_plan(Arc::clone(plan), None);
        }
        Vec::new()
    }

    fn act(&mut self, verb: Verb, shared: &mut Shared) -> Vec<Effect> {
        let page = shared.regions.page(shared.part);
        match verb {
            Verb::Refresh => return self.ask(shared),
            Verb::NextKey => self.walk(false, shared),
            Verb::PreviousKey => self.walk(true, shared),
            Verb::NextTrouble => self.next_trouble(shared),
            Verb::NextTarget => {
                Self::next_target(shared);
                return self.ask(shared);
            }
            Verb::MoreSamples => return self.change_samples(true, shared),
            Verb::FewerSamples => return self.change_samples(false, shared),
            Verb::Left => self.skip = self.skip.saturating_sub(SIDE_STEP),
            Verb::Right => self.skip += SIDE_STEP,
            Verb::Open if shared.part == Part::Left => return self.open(shared),
            Verb::Back => shared.part = Part::Left,
            Verb::Copy => {
                if let Some(preview) = self.current() {
                    let (_, after) = forms(preview, &self.rows, self.step.selected);
                    return vec![Effect::Copy(after.to_owned())];
                }
            }
            Verb::AddStep
            | Verb::EditStep
            | Verb::EditAsText
            | Verb::SwitchStep
            | Verb::DuplicateStep
            | Verb::RemoveStep
            | Verb::StepUp
            | Verb::StepDown
            | Verb::Undo
            | Verb::Redo
            | Verb::NewMigration
            | Verb::DraftChain
            | Verb::Paths
            | Verb::Save => return self.edit(verb, shared),
            verb if shared.part == Part::Right => {
                self.scroll.step(verb, self.pairs.len(), page);
            }
            verb => {
                if self.step.step(verb, self.rows.len(), page) {
                    self.show_step(true);
                }
            }
        }
        Vec::new()
    }

    fn disabled(&self, verb: Verb, shared: &Shared) -> Option<String> {
        let troubles = || self.previews().iter().any(|preview| preview.outcome.needs_eyes());
        match verb {
            Verb::ToRun if shared.plan.is_none() => Some("there is no plan yet".to_owned()),
            Verb::NextKey | Verb::PreviousKey if self.previews().is_empty() => {
                Some("no keys are sampled".to_owned())
            }
            Verb::NextTrouble if !troubles() => Some("no sampled key has trouble".to_owned()),
            Verb::NextTarget if versions_of(shared) < 2 => {
                let keymap = &shared.keymap;
                let (key, pane) = (keymap.first_key(Verb::NewVersion), keymap.pane(Scope::Schemas));
                Some(format!("the subject has no other version: {key} in {pane} writes one"))
            }
            Verb::MoreSamples | Verb::FewerSamples if !shared.marked_here().is_empty() => {
                let keymap = &shared.keymap;
                let (key, keys) = (keymap.first_key(Verb::ClearMarks), keymap.pane(Scope::Keys));
                Some(format!("the sample is the marked keys; {key} in {keys} unmarks them"))
            }
            verb => self.edit_disabled(verb, shared),
        }
    }

    fn next(&self, shared: &Shared) -> Option<Verb> {
        Some(match () {
            () if self.refused.is_some() && !self.now(shared).is_changed() => Verb::DraftChain,
            () if self.refused.is_some() => Verb::Undo,
            () if self.now(shared).is_changed() => Verb::Save,
            () => Verb::ToRun,
        })
    }

    fn select(&mut self, part: Part, row: usize, shared: &mut Shared) -> Vec<Effect> {
        let page = shared.regions.page(part);
        match part {
            Part::Left => {
                self.step.select(row, self.rows.len(), page);
                self.show_step(true);
            }
            Part::Right => self.scroll.select(row, self.pairs.len(), page),
        }
        Vec::new()
    }

    fn view(&self, part: Part, shared: &Shared, canvas: &mut Canvas, area: Rect, focused: bool) {
        match part {
            Part::Left => self.view_steps(shared, canvas, area, focused),
            Part::Right => self.view_documents(canvas, area, focused),
        }
    }

    fn left_share(&self) -> u16 {
        40
    }
}
