//! A migration drafted from the difference of two schemas: it comes as edits, each step with what speaks
//! for it, and what cannot be known as questions.

use serde_json::Value as Json;

use crate::console::command::Verb;
use crate::console::effect::Effect;
use crate::console::keymap::Keymap;
use crate::console::msg::{Answer, Generation};
use crate::console::overlays::{Choice, Item, Menu, Message, Overlay};
use crate::console::panes::chain::Chain;
use crate::console::panes::chain::editing::source_of;
use crate::console::panes::chain::rows::Row;
use crate::console::shared::Shared;
use crate::console::theme::Role;
use crate::console::widgets::text;
use crate::planner::draft::{self as planner, Draft, Guess, Question};
use crate::session::Drafted;
use crate::session::edit::step_summary;

impl Chain {
    pub(super) fn ask_for_draft(&mut self, shared: &mut Shared) -> Vec<Effect> {
        let (subject, target) = (shared.choice.subject.clone(), shared.choice.target.clone());
        let (Some(subject), Some(target), Some(source)) = (subject, target, source_of(shared))
        else {
            return Vec::new();
        };
        self.generation += 1;
        self.drafting = Some(self.generation);
        shared.tell(format!("drafting {subject} from {source} to {target}"));
        vec![Effect::Draft(self.generation, subject, source, target)]
    }

    /// Takes a draft: its steps stand in place of those between the same versions, and can be undone.
    pub fn drafted(
        &mut self,
        generation: Generation,
        answer: Answer<Box<Drafted>>,
        shared: &mut Shared,
    ) -> Vec<Effect> {
        if self.drafting != Some(generation) {
            return Vec::new();
        }
        self.drafting = None;
        let Drafted { draft, without_samples, .. } = match answer {
            Ok(drafted) => *drafted,
            Err(reason) => {
                shared.trouble(format!("no draft: {reason}"));
                return Vec::new();
            }
        };
        let definition = draft.migration["migrations"][&draft.name].clone();
        let ends = |key: &str| definition[key].as_str().unwrap_or_default().to_owned();
        let (source, target) = (ends("source"), ends("target"));
        let Some(edits) = self.now_mut(shared) else { return Vec::new() };
        let same = edits
            .migrations()
            .iter()
            .find(|(_, migration)| (&migration.source, &migration.target) == (&source, &target));
        let name = same.map_or_else(|| draft.name.clone(), |(name, _)| name.clone());
        edits.put_migration(&name, &definition);
        self.guesses.clone_from(&draft.steps);
        // The first question lies on top of the others, and what was drafted on top of them all.
        for question in draft.questions.iter().rev() {
            shared.overlays.push(Overlay::Menu(menu_of(question, &name)));
        }
        let told = Message::new(
            &shared.keymap,
            format!("Draft of {name}"),
            words(&draft, without_samples.as_deref(), &shared.keymap),
        );
        let told =
            if draft.questions.is_empty() { told } else { told.before("enter the question") };
        shared.overlays.push(Overlay::Message(told));
        let effects = self.edited_now(shared);
        let head = Row::Migration(name);
        self.step.selected = self.rows.iter().position(|row| *row == head).unwrap_or(0);
        effects
    }

    /// A question of a draft was answered: its steps are put in, those of the other answers come out.
    pub fn answered(
        &mut self,
        migration: &str,
        steps: Vec<Json>,
        instead_of: &[Json],
        shared: &mut Shared,
    ) -> Vec<Effect> {
        if let Some(edits) = self.now_mut(shared) {
            edits.answer(migration, steps, instead_of);
        }
        self.edited_now(shared)
    }

    /// What speaks for a step, when a draft made it.
    pub(super) fn evidence(&self, definition: &Json) -> Option<&Guess> {
        self.guesses.iter().find(|guess| guess.step == *definition)
    }
}

/// A question as a menu of its answers.
fn menu_of(question: &Question, migration: &str) -> Menu {
    let items = question.choices.iter().map(|choice| {
        let others = question.choices.iter().flat_map(|other| other.steps.clone());
        let answer = Choice::Answer {
            migration: migration.to_owned(),
            steps: choice.steps.clone(),
            instead_of: others.collect(),
        };
        Item::new(answer, choice.label.clone(), what_it_means(question, choice))
    });
    let head = vec![(Role::Warn, question.asks.clone())];
    Menu::new("The draft asks", items.collect()).with_head(head)
}

/// What the chain has after an answer.
fn what_it_means(question: &Question, choice: &planner::Choice) -> String {
    let steps: Vec<String> = choice.steps.iter().map(step_summary).collect();
    if !steps.is_empty() {
        return steps.join("; ");
    }
    let drafted = question.choices.first().is_some_and(|first| !first.steps.is_empty());
    if drafted && choice.hints == serde_json::json!({}) {
        return "takes the drafted step out; add the right one then".to_owned();
    }
    "no step".to_owned()
}

/// A draft in words: how it does on the samples, what speaks for each step, what is not known.
fn words(draft: &Draft, without_samples: Option<&str>, keymap: &Keymap) -> Vec<(Role, String)> {
    let proof = &draft.proof;
    let all = proof.valid == proof.sampled;
    let first = match without_samples {
        Some(reason) => (Role::Warn, format!("drafted from the schemas alone: {reason}")),
        None if proof.sampled == 0 => {
            let text =
                "drafted from the schemas alone: no document of the version before is stored";
            (Role::Warn, text.to_owned())
        }
        None => (
            if all { Role::Good } else { Role::Warn },
            format!(
                "{} of {} sampled documents come out right",
                text::grouped(proof.valid as u64),
                text::grouped(proof.sampled as u64)
            ),
        ),
    };
    let mut lines = vec![first];
    for (reason, count) in &proof.failing {
        lines.push((Role::Bad, format!("  {count}: {reason}")));
    }
    for guess in &draft.steps {
        lines.push((Role::Text, String::new()));
        let role = if guess.destructive { Role::Warn } else { Role::Title };
        lines.push((role, step_summary(&guess.step)));
        lines.push((
            Role::Dim,
            format!("  {} (confidence {:.2})", guess.evidence, guess.confidence),
        ));
        lines
            .extend(guess.alternatives.iter().map(|other| (Role::Faint, format!("  or: {other}"))));
    }
    lines.push((Role::Text, String::new()));
    let questions = draft.questions.len() as u64;
    if questions > 0 {
        let each = if questions == 1 { "" } else { ", one after the other" };
        let text =
            format!("Next: {}{each}; esc leaves it open.", text::counted(questions, "question"));
        lines.push((Role::Accent, text));
    }
    let key = |verb| keymap.first_key(verb);
    let next = format!(
        "The steps stand in the chain now, as edits: {} changes one, {} takes it out, {} takes all back.",
        key(Verb::EditStep),
        key(Verb::RemoveStep),
        key(Verb::Undo)
    );
    lines.push((Role::Accent, next));
    lines
}
