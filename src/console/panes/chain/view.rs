//! The left side: what becomes of the sample, the shown key, and the chain with its steps.

use ratatui::layout::Rect;
use ratatui::text::Line;

use crate::console::command::{Scope, Verb};
use crate::console::panes::Pane as _;
use crate::console::panes::chain::rows::{Row, StepRow, counts, failing};
use crate::console::panes::chain::{Chain, Waiting};
use crate::console::panes::words::place;
use crate::console::regions::Part;
use crate::console::shared::Shared;
use crate::console::theme::Role;
use crate::console::widgets::{Canvas, above, below, list, text};
use crate::engine::Trouble;
use crate::model::Outcome;
use crate::session::edit::{step_loss, step_summary};

/// Rows at the foot for the selected step.
const FOOT_ROWS: u16 = 6;

/// Changed lines that a note shows.
const NOTE_LINES_MAX: usize = 3;

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

/// A line's pieces as text.
fn line_of(pieces: &[(Role, String)]) -> String {
    pieces.iter().map(|(_, text)| text.as_str()).collect::<String>().trim().to_owned()
}

/// One trouble in a line.
fn trouble_line(trouble: &Trouble) -> String {
    let field = if trouble.field.is_empty() { "" } else { " " };
    let found = trouble.found.as_deref().map(|f| format!(" (found {f})")).unwrap_or_default();
    format!("{}{field}{}: {}{found}", place(&trouble.step), trouble.field, trouble.reason)
}

impl Chain {
    pub(super) fn view_steps(
        &self,
        shared: &Shared,
        canvas: &mut Canvas,
        area: Rect,
        focused: bool,
    ) {
        let mut title = match (&shared.choice.subject, &shared.choice.target) {
            (Some(subject), Some(target)) => format!("Chain of {subject} to {target}"),
            _ => "Chain".to_owned(),
        };
        if self.now(shared).is_changed() {
            title.push_str(" · edited, not saved");
        }
        let inside = canvas.boxed(area, &title, focused);
        let mut rest = self.view_state(shared, canvas, inside);
        if let Some(preview) = self.current() {
            rest = self.view_key(shared, canvas, rest, preview);
        }
        if self.rows.len() < 2 {
            if self.waiting == Waiting::No && self.refused.is_none() {
                canvas.put_wrapped(rest, Role::Accent, &self.ways_on(shared));
            }
            return;
        }
        let foot = FOOT_ROWS.min(rest.height / 3);
        let body = Rect { height: rest.height - foot, ..rest };
        let width = list::row_width(body, self.rows.len());
        list::draw(canvas, body, Part::Left, self.step, self.rows.len(), focused, |canvas, at| {
            self.row_line(shared, canvas, &self.rows[at], width)
        });
        self.view_foot(shared, canvas, below(rest, body.height));
    }

    /// What is waited for, why there is nothing, and what becomes of the sample.
    fn view_state(&self, shared: &Shared, canvas: &mut Canvas, area: Rect) -> Rect {
        let mut rest = area;
        if let Some(reason) = &self.refused {
            rest = canvas.put_wrapped(rest, Role::Bad, reason);
            if shared.choice.subject.is_none() {
                return below(rest, 1);
            }
            return below(canvas.put_wrapped(rest, Role::Accent, &self.ways_on(shared)), 1);
        }
        match (&self.previews, self.waiting) {
            (None, Waiting::No) => {
                rest = canvas.put_wrapped(rest, Role::Dim, "Nothing is planned yet.");
            }
            (None, waiting) => {
                let what =
                    if waiting == Waiting::Plan { "drawing up the plan" } else { "sampling keys" };
                let text = format!("{} {what} …", shared.spinner());
                rest = canvas.put_wrapped(rest, Role::Dim, &text);
            }
            (Some(previews), waiting) => {
                let mut cells = Vec::new();
                if waiting != Waiting::No {
                    cells.push((Role::Accent, shared.spinner().to_owned()));
                }
                let are_marked = !shared.marked_here().is_empty();
                let source = if are_marked { "marked" } else { "sampled" };
                let keys = text::grouped(previews.len() as u64);
                cells.push((Role::Text, format!("{keys} {source}:")));
                cells.extend(self.counts());
                if are_marked {
                    let keymap = &shared.keymap;
                    let (key, keys) =
                        (keymap.first_key(Verb::ClearMarks), keymap.pane(Scope::Keys));
                    let words = format!("{key} in {keys} unmarks: others are sampled then");
                    cells.push((Role::Dim, words));
                }
                rest = canvas.put_flow(rest, cells);
                if let Some((role, words)) = self.way_back() {
                    rest = canvas.put_wrapped(rest, role, &words);
                }
                if previews.is_empty() {
                    let text =
                        "No key fits the subject's pattern: there is nothing to try the chain on.";
                    rest = canvas.put_wrapped(rest, Role::Warn, text);
                }
            }
        }
        rest
    }

    /// What can be done where no chain leads to the target, or it does not hold.
    fn ways_on(&self, shared: &Shared) -> String {
        let ways = if self.now(shared).is_changed() {
            [
                (Verb::Undo, "takes the last edit back"),
                (Verb::EditStep, "edits the selected step"),
                (Verb::DraftChain, "drafts the migration anew"),
            ]
        } else {
            [
                (Verb::DraftChain, "drafts a migration from the schemas and stored documents"),
                (Verb::NewMigration, "begins an empty one"),
                (Verb::NextTarget, "takes another version as the target"),
            ]
        };
        let live = ways.into_iter().filter(|(verb, _)| self.disabled(*verb, shared).is_none());
        let words: Vec<String> = live
            .map(|(verb, words)| format!("{} {words}", shared.keymap.first_key(verb)))
            .collect();
        if words.is_empty() {
            let keymap = &shared.keymap;
            let (key, pane) = (keymap.first_key(Verb::NewVersion), keymap.pane(Scope::Schemas));
            return format!(
                "There is nothing to come from: in {pane}, {key} writes the next version."
            );
        }
        format!("Next: {}.", words.join(", "))
    }

    fn counts(&self) -> Vec<(Role, String)> {
        let cells = counts(self.previews(), &self.rows);
        cells
            .into_iter()
            .map(|(good, text)| (if good { Role::Good } else { Role::Bad }, text))
            .collect()
    }

    fn view_key(
        &self,
        shared: &Shared,
        canvas: &mut Canvas,
        area: Rect,
        preview: &crate::engine::Preview,
    ) -> Rect {
        let next = shared.keymap.first_key(Verb::NextKey);
        let head = canvas.line([
            (Role::Dim, format!("key {} of {} ({next}): ", self.key + 1, self.previews().len())),
            (Role::Accent, preview.key.to_string()),
        ]);
        let from = preview.from.as_ref().map_or_else(|| "unknown".to_owned(), ToString::to_string);
        let versions = canvas.line([
            (Role::Dim, "version ".to_owned()),
            (Role::Text, format!("{from} → {}", preview.to)),
            (Role::Dim, "  outcome ".to_owned()),
            (outcome_role(preview.outcome), preview.outcome.to_string()),
        ]);
        let mut rest = canvas.put_lines(area, [head, versions]);
        if let Some(ask) = &preview.would_ask {
            rest = canvas.put_wrapped(rest, Role::Warn, &format!("? would ask {ask}"));
        }
        for line in preview.moves() {
            rest = canvas.put_wrapped(rest, Role::Warn, &format!("the key {line}"));
        }
        for error in &preview.errors {
            rest = canvas.put_wrapped(rest, Role::Bad, &format!("✗ {}", trouble_line(error)));
        }
        below(rest, 1)
    }

    /// One row: number, mark, and the step in a line; at the right how many keys fail at it.
    fn row_line<'t>(&self, shared: &Shared, canvas: &Canvas, row: &Row, width: usize) -> Line<'t> {
        let (failed, _) = failing(self.previews(), row);
        let tail = if failed > 0 { format!(" ✗{failed}") } else { String::new() };
        let room = width.saturating_sub(text::width(&tail));
        let migrations = self.migrations(shared);
        let mut parts = match row {
            Row::Whole => {
                let mark = if self.current().is_some_and(|p| p.outcome.needs_eyes()) {
                    (Role::Bad, "✗ ".to_owned())
                } else {
                    (Role::Good, "= ".to_owned())
                };
                let words = "whole chain: stored now → target";
                vec![mark, (Role::Title, text::fit(words, room.saturating_sub(2)))]
            }
            Row::Migration(name) => {
                let ends = migrations
                    .get(name)
                    .map_or(String::new(), |m| format!("  {} → {}", m.source, m.target));
                vec![(Role::Accent, text::fit(&format!("▸ {name}{ends}"), room))]
            }
            Row::Step(step) => self.step_parts(shared, step, room),
        };
        parts.push((Role::Bad, tail));
        canvas.line(parts)
    }

    fn step_parts(&self, shared: &Shared, step: &StepRow, room: usize) -> Vec<(Role, String)> {
        let found = self.migrations(shared).get(&step.migration);
        let Some(found) = found.and_then(|m| m.steps.get(step.index)) else { return Vec::new() };
        let summary = step_summary(&found.definition);
        if step.number.is_none() {
            let words = format!("  off {summary}");
            return vec![(Role::Faint, text::fit(&words, room))];
        }
        let changed = step.form.and_then(|form| self.current()?.steps.get(form)).map(|s| s.changed);
        let mark = match changed {
            Some(true) => (Role::Changed, "  ~ "),
            Some(false) => (Role::Faint, "  · "),
            None => (Role::Faint, "    "),
        };
        let lossy = if step_loss(&found.definition).is_some() { " ⚠" } else { "" };
        let number = format!("{} ", step.number_in_migration);
        let used = 4 + number.len() + text::width(lossy);
        vec![
            (mark.0, mark.1.to_owned()),
            (Role::Dim, number),
            (Role::Text, text::fit(&summary, room.saturating_sub(used))),
            (Role::Warn, lossy.to_owned()),
        ]
    }

    /// The selected row in full: the step, what it may lose, and why keys fail at it.
    fn view_foot(&self, shared: &Shared, canvas: &mut Canvas, area: Rect) {
        let border = Line::from(canvas.span(Role::Border, "─".repeat(usize::from(area.width))));
        canvas.put(above(area, 1), &border);
        let mut rest = below(area, 1);
        let row = self.row();
        if let Row::Step(step) = row
            && let Some(migration) = self.migrations(shared).get(&step.migration)
            && let Some(found) = migration.steps.get(step.index)
        {
            rest = canvas.put_wrapped(rest, Role::Text, &step_summary(&found.definition));
            if let Some(guess) = self.evidence(&found.definition) {
                let words = format!("drafted: {} ({:.2})", guess.evidence, guess.confidence);
                rest = canvas.put_wrapped(rest, Role::Dim, &words);
            }
            if let Some(loss) = step_loss(&found.definition) {
                rest = canvas.put_wrapped(rest, Role::Warn, &format!("⚠ loses: {loss}"));
            }
        }
        if let (count @ 1.., Some(trouble)) = failing(self.previews(), row) {
            let text = format!("✗ {count} of the sample: {}", trouble.reason);
            rest = canvas.put_wrapped(rest, Role::Bad, &text);
        }
        if matches!(row, Row::Whole) {
            for (role, words) in self.obstacles().into_iter().chain(self.risks()) {
                rest = canvas.put_wrapped(rest, role, &words);
            }
        }
    }

    /// What the whole chain may lose.
    fn risks(&self) -> Option<(Role, String)> {
        let plan = self.last.as_ref()?;
        if plan.risks.is_empty() {
            let words = "No step loses anything: the inverse gives all back.";
            // What was tried on the sample knows better.
            return self.obstacles().is_empty().then(|| (Role::Good, words.to_owned()));
        }
        let risks: Vec<String> = plan
            .risks
            .iter()
            .map(|risk| format!("{} step {}: {}", risk.migration, risk.step, risk.loss))
            .collect();
        Some((Role::Warn, format!("⚠ {}", risks.join("; "))))
    }

    /// What the chain does now, for a form or text field above it.
    pub(super) fn note(&self) -> Vec<(Role, String)> {
        let mut note = self.counts();
        if let Some(preview) = self.current() {
            note.push((
                outcome_role(preview.outcome),
                format!("{}: {}", preview.key, preview.outcome),
            ));
            let changed = self.pairs.iter().filter(|pair| pair.changed).take(NOTE_LINES_MAX);
            note.extend(changed.map(|pair| match (&pair.left, &pair.right) {
                (_, Some(right)) => (Role::Added, line_of(right)),
                (Some(left), None) => (Role::Removed, format!("gone: {}", line_of(left))),
                (None, None) => (Role::Text, String::new()),
            }));
            note.extend(preview.errors.first().map(|error| (Role::Bad, trouble_line(error))));
        }
        note
    }
}
