//! The chain at work: its steps at the left, at the right the document before and after each of them,
//! for one sampled key after the other.

use std::collections::BTreeSet;

use ratatui::layout::Rect;
use ratatui::text::Line;

use crate::console::command::Verb;
use crate::console::effect::Effect;
use crate::console::msg::{Answer, Generation};
use crate::console::panes::Pane;
use crate::console::regions::Part;
use crate::console::shared::{Choice, Shared};
use crate::console::theme::Role;
use crate::console::widgets::json::JsonLine;
use crate::console::widgets::list::{self, ListState};
use crate::console::widgets::pairs::{self, Pair};
use crate::console::widgets::{Canvas, above, below, json, text};
use crate::engine::{Preview, Trouble};
use crate::model::{Key, Outcome};
use crate::planner::Plan;
use crate::schema::Version;

/// Sizes of the sample to choose from.
const SAMPLES: [usize; 4] = [10, 100, 1_000, 10_000];
/// How many cells a step to the side scrolls.
const SIDE_STEP: usize = 8;

/// What the pane waits for or shows.
#[derive(Debug, Default)]
enum State {
    /// Nothing was asked yet.
    #[default]
    Idle,
    /// The plan is drawn up.
    Planning,
    /// The sample is on its way.
    Sampling,
    /// There is no plan or no sample, for this reason.
    Refused(String),
    /// The sampled keys.
    Ready(Vec<Preview>),
}

/// The pane.
#[derive(Debug, Default)]
pub struct Chain {
    state: State,
    generation: Generation,
    /// What the shown plan was made for.
    planned: Option<(Choice, BTreeSet<Key>)>,
    samples: usize,
    key: usize,
    step: ListState,
    pairs: Vec<Pair>,
    scroll: ListState,
    skip: usize,
}

impl Chain {
    /// Whether an answer is on its way.
    pub fn is_waiting(&self) -> bool {
        matches!(self.state, State::Planning | State::Sampling)
    }

    fn ask(&mut self, shared: &mut Shared) -> Vec<Effect> {
        let (Some(subject), Some(target)) = (&shared.choice.subject, &shared.choice.target) else {
            let text = "no subject is chosen: go to Schemas (2), select a version, press c";
            self.state = State::Refused(text.to_owned());
            return Vec::new();
        };
        self.planned = Some((shared.choice.clone(), shared.marked.clone()));
        self.generation += 1;
        self.state = State::Planning;
        shared.plan = None;
        vec![Effect::Plan(self.generation, subject.clone(), target.clone())]
    }

    /// Takes the plan, and asks for the sample.
    pub fn planned(
        &mut self,
        generation: Generation,
        answer: Answer<std::sync::Arc<Plan>>,
        shared: &mut Shared,
    ) -> Vec<Effect> {
        if generation != self.generation {
            return Vec::new();
        }
        match answer {
            Ok(plan) => {
                shared.plan = Some(plan.clone());
                self.state = State::Sampling;
                let keys: Vec<Key> = shared.marked.iter().cloned().collect();
                vec![Effect::Preview(generation, plan, keys, SAMPLES[self.samples])]
            }
            Err(reason) => {
                self.state = State::Refused(reason);
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
    ) {
        if generation != self.generation {
            return;
        }
        match answer {
            Ok(previews) => {
                // What goes wrong is what an operator came to see.
                let worst = previews.iter().position(|preview| preview.outcome.needs_eyes());
                let migrated =
                    previews.iter().position(|preview| preview.outcome == Outcome::Migrated);
                self.key = if shared.marked.is_empty() { migrated.or(worst) } else { Some(0) }
                    .unwrap_or(0);
                self.state = State::Ready(previews);
                self.show_key();
            }
            Err(reason) => self.state = State::Refused(reason),
        }
    }

    fn previews(&self) -> &[Preview] {
        match &self.state {
            State::Ready(previews) => previews,
            _ => &[],
        }
    }

    fn current(&self) -> Option<&Preview> {
        self.previews().get(self.key)
    }

    /// Rows of the left list: one per step, and the whole chain first.
    fn rows(&self) -> usize {
        self.current().map_or(0, |preview| preview.steps.len() + 1)
    }

    fn show_key(&mut self) {
        self.step = ListState::default();
        self.show_step();
    }

    /// Makes the right side anew for the selected key and step.
    fn show_step(&mut self) {
        (self.scroll, self.skip) = (ListState::default(), 0);
        let Some(preview) = self.current() else {
            self.pairs.clear();
            return;
        };
        let (before, after) = forms(preview, self.step.selected);
        self.pairs = pairs::pair(&pretty(before), &pretty(after));
        if let Some(row) = self.pairs.iter().position(|pair| pair.changed) {
            self.scroll.selected = row;
        }
    }

    fn walk(&mut self, back: bool) {
        let count = self.previews().len();
        if count > 0 {
            let step = if back { count - 1 } else { 1 };
            self.key = (self.key + step) % count;
            self.show_key();
        }
    }

    fn next_target(shared: &mut Shared) {
        let Some(subject) =
            shared.choice.subject.as_ref().and_then(|name| shared.setting.catalog.subject(name))
        else {
            return;
        };
        // A version that no migration leads to is nothing to aim at.
        let reachable = |version: &&Version| {
            subject.migrations.values().any(|migration| migration.target == **version)
        };
        let versions: Vec<_> = subject.schemas.keys().filter(reachable).collect();
        let at =
            versions.iter().position(|version| Some(*version) == shared.choice.target.as_ref());
        let next = versions.get(at.map_or(0, |at| at + 1)).or(versions.first());
        shared.choice.target = next.map(|version| (*version).clone());
    }

    fn view_steps(&self, shared: &Shared, canvas: &mut Canvas, area: Rect, focused: bool) {
        let title = match (&shared.choice.subject, &shared.choice.target) {
            (Some(subject), Some(target)) => format!("Chain of {subject} to {target}"),
            _ => "Chain".to_owned(),
        };
        let inside = canvas.boxed(area, &title, focused);
        match &self.state {
            State::Idle => {
                canvas.put_wrapped(inside, Role::Dim, "Nothing is planned yet.");
            }
            State::Planning | State::Sampling => {
                let what = if matches!(self.state, State::Planning) {
                    "drawing up the plan"
                } else {
                    "sampling keys"
                };
                let text = format!("{} {what} …", shared.spinner());
                canvas.put_wrapped(inside, Role::Dim, &text);
            }
            State::Refused(reason) => {
                let rest = canvas.put_wrapped(inside, Role::Bad, reason);
                let next =
                    "t takes the next version as target, f5 tries again, 2 shows the versions";
                canvas.put_wrapped(below(rest, 1), Role::Dim, next);
            }
            State::Ready(previews) => self.view_ready(shared, canvas, inside, previews, focused),
        }
    }

    fn view_ready(
        &self,
        shared: &Shared,
        canvas: &mut Canvas,
        area: Rect,
        previews: &[Preview],
        focused: bool,
    ) {
        let rest = canvas.put_flow(area, counts(previews));
        let Some(preview) = self.current() else {
            let text = "No key fits the subject's pattern: there is nothing to try the chain on.";
            canvas.put_wrapped(below(rest, 1), Role::Warn, text);
            return;
        };
        let source = if shared.marked.is_empty() { "sampled" } else { "marked" };
        let head = canvas.line([
            (Role::Dim, format!("key {} of {} {source}: ", self.key + 1, previews.len())),
            (Role::Accent, preview.key.to_string()),
        ]);
        let from = preview.from.as_ref().map_or_else(|| "unknown".to_owned(), ToString::to_string);
        let versions = canvas.line([
            (Role::Dim, "version ".to_owned()),
            (Role::Text, format!("{from} → {}", preview.to)),
            (Role::Dim, "  outcome ".to_owned()),
            (outcome_role(preview.outcome), preview.outcome.to_string()),
        ]);
        let mut rest = below(canvas.put_lines(rest, [head, versions]), 1);
        for error in &preview.errors {
            rest = canvas.put_wrapped(rest, Role::Bad, &format!("✗ {}", trouble_line(error)));
        }
        if !preview.errors.is_empty() {
            rest = below(rest, 1);
        }
        let width = usize::from(rest.width);
        list::draw(canvas, rest, Part::Left, self.step, self.rows(), focused, |canvas, at| {
            step_line(canvas, preview, at, width)
        });
    }

    fn view_documents(&self, canvas: &mut Canvas, area: Rect, focused: bool) {
        let title = match self.current() {
            Some(preview) if self.step.selected == 0 => format!("{}: whole chain", preview.key),
            Some(preview) => format!("{}: step {}", preview.key, self.step.selected),
            None => "Before and after".to_owned(),
        };
        let inside = canvas.boxed(area, &title, focused);
        let Some(preview) = self.current() else { return };
        let (left, right) = match self.step.selected {
            0 => ("stored now".to_owned(), "after the chain".to_owned()),
            1 => ("stored now".to_owned(), "after step 1".to_owned()),
            at => (format!("after step {}", at - 1), format!("after step {at}")),
        };
        pairs::heading(canvas, above(inside, 1), &left, &right);
        let body = below(inside, 1);
        let (length, skip) = (self.pairs.len(), self.skip);
        if !self.pairs.iter().any(|pair| pair.changed) {
            let text = if preview.outcome == Outcome::Unchanged {
                "nothing to do: the document is at the target already"
            } else if preview.outcome.needs_eyes() {
                "the document stays as it is; the left side says why"
            } else {
                "this step changes nothing in this document"
            };
            let note = Line::from(canvas.span(Role::Dim, text));
            canvas.put(below(body, body.height.saturating_sub(1)), &note);
        }
        let body = Rect { height: body.height.saturating_sub(1), ..body };
        let body = pairs::foot(canvas, body, self.pairs.get(self.scroll.selected));
        list::draw(canvas, body, Part::Right, self.scroll, length, focused, |canvas, at| {
            pairs::line(canvas, &self.pairs[at], body.width, skip)
        });
    }
}

/// How an outcome looks.
pub fn outcome_role(outcome: Outcome) -> Role {
    match outcome {
        Outcome::Migrated => Role::Good,
        Outcome::Unchanged => Role::Text,
        Outcome::Missing => Role::Dim,
        Outcome::Conflict => Role::Warn,
        Outcome::Invalid | Outcome::Failed => Role::Bad,
    }
}

/// `10 keys`, `7 migrated`, `2 unchanged`, `1 failed`.
fn counts(previews: &[Preview]) -> Vec<(Role, String)> {
    let mut cells = vec![(Role::Text, format!("{} keys", text::grouped(previews.len() as u64)))];
    for outcome in Outcome::ALL {
        let count = previews.iter().filter(|preview| preview.outcome == outcome).count();
        if count > 0 {
            cells.push((outcome_role(outcome), format!("{count} {outcome}")));
        }
    }
    cells
}

/// One row of the step list: number, mark, and the transform in a line.
fn step_line<'t>(canvas: &Canvas, preview: &Preview, at: usize, width: usize) -> Line<'t> {
    if at == 0 {
        let failed = preview.outcome.needs_eyes();
        let (role, mark) = if failed { (Role::Bad, "✗") } else { (Role::Good, "=") };
        return canvas.line([
            (role, format!("{mark}  ")),
            (Role::Title, text::cut("whole chain: stored now → target", width.saturating_sub(3))),
        ]);
    }
    let step = &preview.steps[at - 1];
    let (role, mark) = if step.changed { (Role::Changed, "~") } else { (Role::Faint, "·") };
    canvas.line([
        (role, format!("{mark} ")),
        (Role::Dim, format!("{at} ")),
        (Role::Text, text::cut(&step.transform, width.saturating_sub(5))),
    ])
}

/// The two forms that a row of the step list compares; row 0 is the whole chain.
fn forms(preview: &Preview, row: usize) -> (&str, &str) {
    let form = |step: usize| match step {
        0 => preview.before.as_str(),
        step => preview.steps[step - 1].after.as_str(),
    };
    match row {
        0 => (form(0), preview.after.as_deref().unwrap_or(form(preview.steps.len()))),
        step => (form(step - 1), form(step)),
    }
}

/// JSON in lines, without the commas at their ends: whether another member follows is no change of
/// this one. Other text stays as it is.
fn pretty(text: &str) -> String {
    let lines = json::lines(text, &BTreeSet::new());
    lines.map_or_else(
        || text.to_owned(),
        |lines| {
            let text = |line: &JsonLine| line.text().trim_end_matches(',').to_owned() + "\n";
            lines.iter().map(text).collect()
        },
    )
}

/// One trouble in a line.
fn trouble_line(trouble: &Trouble) -> String {
    let field = if trouble.field.is_empty() { "" } else { " " };
    let found = trouble.found.as_deref().map(|f| format!(" (found {f})")).unwrap_or_default();
    format!("{}{field}{}: {}{found}", trouble.step, trouble.field, trouble.reason)
}

impl Pane for Chain {
    fn enter(&mut self, shared: &mut Shared) -> Vec<Effect> {
        let wanted = (shared.choice.clone(), shared.marked.clone());
        if self.planned.as_ref() == Some(&wanted) { Vec::new() } else { self.ask(shared) }
    }

    fn act(&mut self, verb: Verb, shared: &mut Shared) -> Vec<Effect> {
        let page = shared.regions.page(shared.part);
        match verb {
            Verb::Refresh => return self.ask(shared),
            Verb::NextKey => self.walk(false),
            Verb::PreviousKey => self.walk(true),
            Verb::NextTrouble => {
                let count = self.previews().len();
                let next = (1..=count)
                    .map(|step| (self.key + step) % count)
                    .find(|at| self.previews()[*at].outcome.needs_eyes());
                if let Some(at) = next {
                    self.key = at;
                    self.show_key();
                }
            }
            Verb::NextTarget => {
                Self::next_target(shared);
                return self.ask(shared);
            }
            Verb::MoreSamples | Verb::FewerSamples => {
                self.samples = if verb == Verb::MoreSamples {
                    (self.samples + 1).min(SAMPLES.len() - 1)
                } else {
                    self.samples.saturating_sub(1)
                };
                shared.tell(format!(
                    "{} keys are sampled",
                    text::grouped(SAMPLES[self.samples] as u64)
                ));
                return self.ask(shared);
            }
            Verb::Left => self.skip = self.skip.saturating_sub(SIDE_STEP),
            Verb::Right => self.skip += SIDE_STEP,
            Verb::Open => shared.part = Part::Right,
            Verb::Back => shared.part = Part::Left,
            Verb::Copy => {
                if let Some(preview) = self.current() {
                    let (_, after) = forms(preview, self.step.selected);
                    return vec![Effect::Copy(after.to_owned())];
                }
            }
            verb if shared.part == Part::Right => {
                self.scroll.step(verb, self.pairs.len(), page);
            }
            verb => {
                if self.step.step(verb, self.rows(), page) {
                    self.show_step();
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
            Verb::MoreSamples | Verb::FewerSamples if !shared.marked.is_empty() => {
                Some("the sample is the marked keys; unmark them in Keys (1, then u)".to_owned())
            }
            _ => None,
        }
    }

    fn select(&mut self, part: Part, row: usize, shared: &mut Shared) -> Vec<Effect> {
        let page = shared.regions.page(part);
        match part {
            Part::Left => {
                self.step.select(row, self.rows(), page);
                self.show_step();
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
        36
    }
}
