//! The right side: where the selected run stands, its outcomes, and, once its journal was opened, its plan
//! and why keys did not come through.

use ratatui::layout::Rect;
use ratatui::text::Line;

use super::{History, of_other_server};
use crate::console::panes::chain::outcome_role;
use crate::console::regions::Part;
use crate::console::shared::{JobKind, Shared};
use crate::console::theme::Role;
use crate::console::widgets::{Canvas, list, text};
use crate::engine::{RunSummary, Story};
use crate::model::{Outcome, Phase};

impl History {
    /// The selected run in lines, to be wrapped.
    pub(super) fn details(&self, shared: &Shared) -> Vec<(Role, String)> {
        let Some(summary) = self.selected() else { return Vec::new() };
        let mut lines = figures(summary, shared);
        lines.extend(of_other_server(summary, shared));
        lines.push((Role::Text, String::new()));
        match self.story.as_ref().filter(|_| self.story_of.as_ref() == Some(&summary.run)) {
            Some(Ok(story)) => lines.extend(told(story)),
            Some(Err(reason)) => lines.push((Role::Bad, reason.clone())),
            None if self.story_of.as_ref() == Some(&summary.run) => {}
            None => {
                let words = "enter: its plan, and why keys did not come through";
                lines.push((Role::Dim, words.to_owned()));
            }
        }
        lines.push((Role::Dim, format!("remold report {}", summary.run)));
        lines
    }

    fn details_with(&self, shared: &Shared) -> Vec<(Role, String)> {
        let mut lines = self.details(shared);
        if self.story.is_none() && self.story_of.is_some() && self.story_of == self.selected_run() {
            lines.push((Role::Dim, format!("{} reading the journal …", shared.spinner())));
        }
        lines
    }

    pub(super) fn view_details(
        &self,
        shared: &Shared,
        canvas: &mut Canvas,
        area: Rect,
        focused: bool,
    ) {
        let inside = canvas.boxed(area, "The run", focused);
        let lines: Vec<(Role, String)> = self
            .details_with(shared)
            .into_iter()
            .flat_map(|(role, line)| {
                let mut pieces = text::wrap(&line, usize::from(inside.width.max(11) - 1));
                if pieces.is_empty() {
                    pieces.push(String::new());
                }
                pieces.into_iter().map(move |piece| (role, piece))
            })
            .collect();
        canvas.regions.rows[Part::Right as usize] = usize::from(inside.height);
        let first =
            self.scroll.selected.min(lines.len().saturating_sub(usize::from(inside.height)));
        let shown: Vec<Line> =
            lines.iter().skip(first).map(|line| canvas.line([line.clone()])).collect();
        canvas.put_lines(inside, shown);
        list::scrollbar(canvas, inside, first, lines.len());
    }
}

/// What a journal tells besides the figures.
fn told(story: &Story) -> Vec<(Role, String)> {
    let plan = &story.plan;
    let mut lines = vec![(Role::Title, "Plan".to_owned())];
    let keys = format!("  keys matching {}", plan.selection.patterns());
    lines.push((Role::Text, keys));
    let only = plan.selection.narrowed().into_iter().map(|it| (Role::Text, format!("  only {it}")));
    lines.extend(only);
    for (version, names) in plan.chains.iter().filter(|(_, names)| !names.is_empty()) {
        lines.push((Role::Text, format!("  from {version}: {}", names.join(", then "))));
    }
    lines.push((Role::Text, String::new()));
    if story.errors.is_empty() {
        lines.push((Role::Dim, "no trouble with any key".to_owned()));
    } else {
        lines.push((Role::Title, "Trouble (R retries these keys alone)".to_owned()));
    }
    for group in &story.errors {
        let field = if group.field.is_empty() { "" } else { " " };
        let count = text::grouped(group.count);
        let outcome = group.outcome;
        let head = format!("  {count} {outcome}: {}{field}{}: ", group.step, group.field);
        lines.push((outcome_role(outcome), head + &group.reason));
        let samples: Vec<String> = group.samples.iter().map(ToString::to_string).collect();
        lines.push((Role::Dim, format!("    {}", samples.join(", "))));
    }
    lines.push((Role::Text, String::new()));
    lines
}

/// Where a run stands, in a word: its journal does not know that it is at work in this console.
pub(super) fn state_here(summary: &RunSummary, shared: &Shared) -> (Role, String) {
    let job = shared.job.as_ref().filter(|job| job.run.as_ref() == Some(&summary.run));
    match job.map(|job| job.kind) {
        Some(JobKind::Run | JobKind::Resume) => (Role::Accent, "at work".to_owned()),
        _ => state(summary),
    }
}

/// Where a run stands, in a word.
fn state(summary: &RunSummary) -> (Role, String) {
    match (&summary.rollback, summary.phase) {
        // It is under way, or was cut short.
        _ if summary.rollback_open => (Role::Warn, "rolling back".to_owned()),
        (Some(tally), _) if tally.failed > 0 => (Role::Bad, "rolled back".to_owned()),
        (Some(_), _) => (Role::Accent, "rolled back".to_owned()),
        (None, Phase::Done) => (Role::Good, "done".to_owned()),
        (None, Phase::Failed) => (Role::Bad, "failed".to_owned()),
        (None, phase) => (Role::Warn, phase.name().to_owned()),
    }
}

fn figures(summary: &RunSummary, shared: &Shared) -> Vec<(Role, String)> {
    let (role, state) = state_here(summary, shared);
    let mut lines = vec![
        (Role::Title, summary.run.to_string()),
        (role, state),
        (Role::Text, format!("{} → {}", summary.subject, summary.target)),
        (Role::Text, format!("started {}", summary.started)),
        (Role::Text, format!("server {}", summary.server)),
        (Role::Dim, format!("plan {}", summary.plan)),
        (
            Role::Text,
            format!(
                "worked for {}",
                text::duration(
                    std::time::Duration::try_from_secs_f64(summary.seconds.max(0.0))
                        .unwrap_or_default()
                )
            ),
        ),
        (Role::Text, String::new()),
        (Role::Title, "Outcomes".to_owned()),
        (Role::Text, figure("scanned", summary.tally.scanned)),
    ];
    lines.extend(Outcome::ALL.map(|outcome| {
        let count = summary.tally.of(outcome);
        let role = if count == 0 { Role::Dim } else { outcome_role(outcome) };
        (role, figure(outcome.name(), count))
    }));
    if let Some(found) = &summary.verification {
        lines.push((Role::Text, String::new()));
        lines.push((Role::Title, "Last verification".to_owned()));
        lines.push((Role::Text, figure("checked", found.checked)));
        lines.push((Role::Good, figure("right", found.right)));
        lines.push((Role::Text, figure("changed since", found.changed)));
        for (name, count) in [("lost", found.lost), ("wrong", found.wrong)] {
            let role = if count > 0 { Role::Bad } else { Role::Text };
            lines.push((role, figure(name, count)));
        }
    }
    if let Some(tally) = &summary.rollback {
        lines.push((Role::Text, String::new()));
        lines.push((Role::Title, "Last rollback".to_owned()));
        lines.push((Role::Good, figure("restored", tally.restored)));
        lines.push((Role::Text, figure("changed since", tally.changed)));
        lines.push((Role::Text, figure("missing", tally.missing)));
        let role = if tally.failed > 0 { Role::Bad } else { Role::Text };
        lines.push((role, figure("failed", tally.failed)));
    }
    lines
}

fn figure(name: &str, count: u64) -> String {
    format!("  {}{}", text::fit(name, 16), text::fit_right(&text::grouped(count), 12))
}
