//! Jobs of the engine in the console: how one begins, gets on, is held and ends, and how one leaves
//! while it works.

use std::sync::Arc;

use crate::console::app::App;
use crate::console::command::{Scope, Verb};
use crate::console::effect::{Effect, Order, SaveTo, Work};
use crate::console::msg::{Answer, Generation};
use crate::console::overlays::{Choice, Intent, Item, Leave, LeaveChoice, Menu, Overlay};
use crate::console::panes::words;
use crate::console::regions::Part;
use crate::console::shared::{Job, JobKind};
use crate::console::theme::Role;
use crate::console::widgets::text;
use crate::engine::{OnChanged, Progress, Report};
use crate::model::RunId;
use crate::planner::Plan;

impl App {
    /// Does what a verb about whole runs asks, which is not disabled.
    pub(super) fn act_on_runs(&mut self, verb: Verb) -> Vec<Effect> {
        let no_run = "the verb is disabled without a run";
        match verb {
            Verb::Verify => {
                let run = self.history.selected_run().expect(no_run);
                self.begin(Work::Verify(run.clone()), JobKind::Verify, Some(run))
            }
            Verb::RetryOf => self.retry(self.history.selected_run().expect(no_run)),
            Verb::Retry => self.retry(self.run.retried(&self.shared).expect(no_run)),
            _ => {
                let plan = self.shared.plan.clone().expect("the verb is disabled without a plan");
                if verb == Verb::Execute {
                    let tried = self.run.dry_run_of(&plan);
                    let question = words::question(&plan, tried, &self.shared);
                    self.shared.overlays.push(Overlay::Confirm(question));
                    return Vec::new();
                }
                let by_step = self.shared.course.by_step;
                self.begin(Work::Run { plan, execute: false, by_step }, JobKind::DryRun, None)
            }
        }
    }

    /// A job came to its end.
    pub(super) fn ended(&mut self, answer: Result<Box<Report>, String>) -> Vec<Effect> {
        let Some(job) = self.shared.job.take() else { return Vec::new() };
        self.shared.frozen = false;
        let mut effects = vec![Effect::ListRuns, Effect::AskServer];
        let stopped_run = job.run.clone();
        if job.kind.writes() {
            self.chain.documents_changed();
            self.schemas.documents_changed(&self.shared);
        }
        self.run.ended(job, answer, &mut self.shared);
        if self.shared.leaving {
            effects.push(Effect::Exit);
        } else if std::mem::take(&mut self.roll_back_after)
            && let Some(run) = stopped_run
        {
            self.history.ask_to_roll_back(&run, OnChanged::Keep, &mut self.shared);
        }
        effects
    }

    /// What was asked about was confirmed.
    pub(super) fn confirmed(&mut self, intent: Intent) -> Vec<Effect> {
        if let Intent::Register(saving) = intent {
            return vec![Effect::Save(saving, SaveTo::Registry)];
        }
        if let Some(reason) = self.shared.busy() {
            self.shared.trouble(format!("not started: {reason}"));
            return Vec::new();
        }
        let (work, kind, run) = match intent {
            Intent::Register(_) => unreachable!("it is carried out above"),
            Intent::Execute(plan) => {
                let by_step = self.shared.course.by_step;
                (Work::Run { plan, execute: true, by_step }, JobKind::Run, None)
            }
            Intent::Rollback(run, changed) => {
                (Work::Rollback(run.clone(), changed), JobKind::Rollback, Some(run))
            }
            Intent::RollForward(run) => {
                (Work::RollForward(run.clone()), JobKind::RollForward, Some(run))
            }
            Intent::Resume(run) => (Work::Resume(run.clone()), JobKind::Resume, Some(run)),
        };
        self.begin(work, kind, run)
    }

    /// Begins a job and shows it.
    pub(super) fn begin(&mut self, work: Work, kind: JobKind, run: Option<RunId>) -> Vec<Effect> {
        self.shared.note(Role::Accent, format!("{} begins", kind.name()));
        self.shared.job = Some(Job::new(kind, run));
        self.run.begin();
        let mut effects = self.go(Scope::Run);
        self.shared.part = Part::Right;
        effects.push(Effect::Start(work));
        effects
    }

    /// The operator chose how to leave.
    pub(super) fn left(&mut self, choice: LeaveChoice) -> Vec<Effect> {
        match choice {
            LeaveChoice::Stay => return Vec::new(),
            LeaveChoice::StopAndLeave => self.shared.leaving = true,
            LeaveChoice::StopAndRollBack => self.roll_back_after = true,
        }
        match &mut self.shared.job {
            Some(job) => {
                job.stopping = true;
                vec![Effect::Order(Order::Stop)]
            }
            // It ended while the question stood.
            None if self.shared.leaving => vec![Effect::Exit],
            None => Vec::new(),
        }
    }

    /// Leaves at once when nothing is at work, and at a checkpoint when something is.
    pub(super) fn leave(&mut self) -> Vec<Effect> {
        match &mut self.shared.job {
            None => vec![Effect::Exit],
            // Asked a second time: the journal is on disk, the run can be resumed.
            Some(_) if self.shared.leaving => vec![Effect::Exit],
            Some(job) => {
                job.stopping = true;
                self.shared.leaving = true;
                self.shared.warn("stopping at a checkpoint; ctrl-c again leaves at once");
                vec![Effect::Order(Order::Stop)]
            }
        }
    }

    /// A job gets on.
    pub(super) fn progressed(&mut self, progress: Progress) {
        let Some(job) = &mut self.shared.job else { return };
        job.run = progress.run.clone().or(job.run.take());
        // A stage that is done asks also on a screen that is held still.
        let was_asked = std::mem::replace(&mut job.asked, progress.between_stages);
        if progress.between_stages && !was_asked {
            self.ask_to_go_on(&progress);
        }
        if !self.shared.frozen {
            self.run.progressed(&progress);
            if let Some(job) = &mut self.shared.job {
                job.progress = Some(progress);
            }
        }
    }

    /// A stage of a run is done and verified: goes on only when told to.
    fn ask_to_go_on(&mut self, progress: &Progress) {
        let stage = progress.stage.as_deref().unwrap_or("a stage");
        let eyes = progress.tally.needs_eyes();
        let need = if eyes == 1 { "needs" } else { "need" };
        let said = format!(
            "{} of {} migrated, {} {need} eyes",
            text::grouped(progress.tally.migrated),
            text::counted(progress.tally.scanned, "key"),
            text::grouped(eyes)
        );
        self.shared.note(Role::Accent, format!("{stage} is done and verified: {said}"));
        let keymap = &self.shared.keymap;
        let (key, run) = (keymap.first_key(Verb::PauseOrResume), keymap.pane(Scope::Run));
        let goes_on = format!("{key} in {run} goes on");
        let history = keymap.pane(Scope::History);
        // What is being typed elsewhere is not to answer the question.
        if !self.shared.overlays.is_empty() {
            self.shared.warn(format!("{stage} is done, the run waits: {goes_on}"));
            return;
        }
        let head = vec![
            (if eyes == 0 { Role::Good } else { Role::Warn }, format!("Verified: {said}.")),
            (Role::Text, String::new()),
        ];
        let items = vec![
            Item::new(Choice::Stay, "wait", format!("the run waits; look around, {goes_on}")),
            Item::new(Choice::GoOn, "go on", "over the next part of the keys"),
            Item::new(
                Choice::StopHere,
                "stop",
                format!("end with a checkpoint; {history} resumes or rolls back what is done"),
            ),
        ];
        let title = format!("{stage} is done");
        self.shared.overlays.push(Overlay::Menu(Menu::new(title, items).with_head(head)));
    }

    /// Asks for a plan for the keys of a run that need eyes.
    pub(super) fn retry(&mut self, run: RunId) -> Vec<Effect> {
        let ends = self.history.ends_of(&run).or_else(|| {
            let choice = &self.shared.choice;
            Some((choice.subject.clone()?, choice.target.clone()?))
        });
        let Some((subject, target)) = ends else { return Vec::new() };
        let request = self.chain.request_for(subject, target, &self.shared);
        self.run.ask_to_retry(run, request)
    }

    /// Takes a plan for the keys of a run that need eyes, and shows it.
    pub(super) fn retry_planned(
        &mut self,
        generation: Generation,
        run: RunId,
        answer: Answer<Arc<Plan>>,
    ) -> Vec<Effect> {
        if !self.run.waits_for_retry(generation) {
            return Vec::new();
        }
        let plan = match answer {
            Ok(plan) => plan,
            Err(reason) => {
                self.shared.trouble(reason);
                return Vec::new();
            }
        };
        let keys = plan.selection.keys.as_ref().map_or(0, Vec::len);
        let keys = text::counted(keys as u64, "key");
        let key = |verb| self.shared.keymap.first_key(verb);
        let (tries, executes) = (key(Verb::DryRun), key(Verb::Execute));
        let told =
            format!("the plan is for the {keys} alone: {tries} tries it, {executes} executes it");
        self.shared.tell(told);
        self.shared.choice.subject = Some(plan.subject.clone());
        self.shared.choice.target = Some(plan.target.clone());
        self.shared.take_plan(plan, Some(run));
        let effects = self.go(Scope::Run);
        self.shared.part = Part::Left;
        effects
    }

    /// Leaves, after a question where something would be lost.
    pub(super) fn quit(&mut self) -> Vec<Effect> {
        // Asked a second time, ctrl-c is the answer.
        if let Some(Overlay::Menu(menu)) = self.shared.overlays.last()
            && menu.asks_to_leave()
        {
            return vec![Effect::Exit];
        }
        let typed = self.shared.overlays.last().is_some_and(Overlay::is_unsaved);
        if self.shared.job.is_none() && typed {
            let items = vec![
                Item::new(Choice::Stay, "stay here", "ctrl-s takes what was typed"),
                Item::new(Choice::LeaveUnsaved, "leave", "what was typed is gone"),
            ];
            self.shared.overlays.push(Overlay::Menu(Menu::new("The text is not saved", items)));
            return Vec::new();
        }
        if self.shared.job.is_none() && self.chain.is_unsaved() {
            let keymap = &self.shared.keymap;
            let (key, chain) = (keymap.first_key(Verb::Save), keymap.pane(Scope::Chain));
            let saves = format!("{key} in {chain} saves what was edited");
            let items = vec![
                Item::new(Choice::Stay, "stay here", saves),
                Item::new(Choice::LeaveUnsaved, "leave", "what was edited and not saved is gone"),
            ];
            self.shared.overlays.push(Overlay::Menu(Menu::new("The chain is not saved", items)));
            return Vec::new();
        }
        let Some(job) = &self.shared.job else { return vec![Effect::Exit] };
        let dry_run = !job.kind.writes();
        let summary = format!("A {} is at {}.", job.kind.name(), job.percent());
        self.shared.overlays.push(Overlay::Leave(Leave::new(summary, dry_run)));
        Vec::new()
    }
}
