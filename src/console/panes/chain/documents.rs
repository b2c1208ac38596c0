//! The right side: the document before and after the selected step, line by line.

use std::collections::BTreeSet;

use ratatui::layout::Rect;
use ratatui::text::Line;

use crate::console::panes::chain::Chain;
use crate::console::panes::chain::rows::{Row, StepRow};
use crate::console::regions::Part;
use crate::console::theme::Role;
use crate::console::widgets::json::{self, JsonLine};
use crate::console::widgets::{Canvas, above, below, list, pairs};
use crate::engine::Preview;
use crate::model::Outcome;

/// The two forms that a row compares: before and after it.
pub fn forms<'p>(preview: &'p Preview, rows: &[Row], at: usize) -> (&'p str, &'p str) {
    // The form after so many steps.
    let form = |steps: usize| match steps.min(preview.steps.len()) {
        0 => preview.before.as_str(),
        step => preview.steps[step - 1].after.as_str(),
    };
    let whole = || (form(0), preview.after.as_deref().unwrap_or(form(preview.steps.len())));
    match rows.get(at) {
        Some(Row::Step(StepRow { form: Some(index), .. })) => (form(*index), form(index + 1)),
        // Switched off, not reached, or passed over: nothing changes at it.
        Some(Row::Step(_)) => {
            let mut before = rows[..at].iter().filter_map(|row| match row {
                Row::Step(step) => step.form.map(|form| form + 1),
                _ => None,
            });
            let reached = before.next_back().unwrap_or(0);
            (form(reached), form(reached))
        }
        Some(Row::Migration(name)) => {
            let own = |step: &crate::engine::PreviewStep| step.migration == *name;
            match (preview.steps.iter().position(own), preview.steps.iter().rposition(own)) {
                (Some(first), Some(last)) => (form(first), form(last + 1)),
                _ => whole(),
            }
        }
        _ => whole(),
    }
}

/// JSON in lines, without the commas at their ends: whether another member follows is no change of
/// this one. Other text stays as it is.
pub fn pretty(text: &str) -> String {
    let lines = json::lines(text, &BTreeSet::new());
    lines.map_or_else(
        || text.to_owned(),
        |lines| {
            let text = |line: &JsonLine| line.text().trim_end_matches(',').to_owned() + "\n";
            lines.iter().map(text).collect()
        },
    )
}

impl Chain {
    pub(super) fn view_documents(&self, canvas: &mut Canvas, area: Rect, focused: bool) {
        let (what, left, right) = match self.row() {
            Row::Whole => {
                ("whole chain".to_owned(), "stored now".to_owned(), "after the chain".to_owned())
            }
            Row::Migration(name) => {
                (name.clone(), format!("before {name}"), format!("after {name}"))
            }
            Row::Step(StepRow {
                number: Some(number), number_in_migration: at, migration, ..
            }) => {
                let left = if *number == 1 {
                    "stored now".to_owned()
                } else {
                    format!("before step {at}")
                };
                (format!("{migration} step {at}"), left, format!("after step {at}"))
            }
            Row::Step(_) => {
                ("switched off".to_owned(), "as it stands".to_owned(), "as it stands".to_owned())
            }
        };
        let title = match self.current() {
            Some(preview) => format!("{}: {what}", preview.key),
            None => "Before and after".to_owned(),
        };
        let inside = canvas.boxed(area, &title, focused);
        let Some(preview) = self.current() else { return };
        pairs::heading(canvas, above(inside, 1), &left, &right);
        let body = below(inside, 1);
        let (length, skip) = (self.pairs.len(), self.skip);
        if !self.pairs.iter().any(|pair| pair.changed) {
            let note = Line::from(canvas.span(Role::Dim, self.why_nothing_changes(preview)));
            canvas.put(below(body, body.height.saturating_sub(1)), &note);
        }
        let body = Rect { height: body.height.saturating_sub(1), ..body };
        let body = pairs::foot(canvas, body, self.pairs.get(self.scroll.selected));
        list::draw(canvas, body, Part::Right, self.scroll, length, focused, |canvas, at| {
            pairs::line(canvas, &self.pairs[at], body.width, skip)
        });
    }

    fn why_nothing_changes(&self, preview: &Preview) -> &'static str {
        match self.row() {
            Row::Step(StepRow { number: None, .. }) => "this step is switched off",
            Row::Step(StepRow { form: None, .. }) if preview.outcome.needs_eyes() => {
                "the document does not come this far; the left side says why"
            }
            Row::Step(_) => "this step changes nothing in this document",
            _ if preview.outcome == Outcome::Unchanged => {
                "nothing to do: the document is at the target already"
            }
            _ if preview.outcome.needs_eyes() => {
                "the document stays as it is; the left side says why"
            }
            _ => "nothing changes in this document",
        }
    }
}
