//! The story of a run in Markdown.

use std::fmt::Write as _;

use super::{holds, sentences};
use crate::cli::render::took;
use crate::engine::Story;
use crate::model::Outcome;

/// The page.
pub fn page(story: &Story) -> String {
    let summary = &story.summary;
    let mut out = format!("# Run {}\n\n", summary.run);
    let _ = writeln!(
        out,
        "**{}**: `{}` of `{}` to {} on `{}`, started {}, {} of work, plan `{}`.\n",
        summary.phase,
        story.plan.selection.pattern,
        summary.subject,
        summary.target,
        summary.server,
        summary.started,
        took(summary.seconds),
        summary.plan
    );
    out.push_str("| outcome | keys |\n|---|---:|\n");
    for outcome in Outcome::ALL {
        let _ = writeln!(out, "| {outcome} | {} |", summary.tally.of(outcome));
    }
    let _ = writeln!(out, "| **scanned** | **{}** |", summary.tally.scanned);
    for sentence in sentences(summary) {
        let _ = writeln!(out, "\n{sentence}");
    }
    for hold in holds(&story.samples) {
        let _ = writeln!(out, "\nIt was {hold}.");
    }
    if !story.errors.is_empty() {
        out.push_str(
            "\n## What needs eyes\n\n| keys | outcome | where | field | why | such as |\n",
        );
        out.push_str("|---:|---|---|---|---|---|\n");
        for group in &story.errors {
            let keys: Vec<String> = group.samples.iter().map(|key| format!("`{key}`")).collect();
            let _ = writeln!(
                out,
                "| {} | {} | {} | {} | {} | {} |",
                group.count,
                group.outcome,
                cell(&group.step),
                cell(&group.field),
                cell(&group.reason),
                cell(&keys.join(" "))
            );
        }
    }
    for version in story.plan.chains.keys().filter(|version| **version != story.plan.target) {
        let _ = writeln!(out, "\n## Chain from {version}\n");
        for (number, (migration, step)) in story.plan.steps(version).iter().enumerate() {
            let _ = writeln!(out, "{}. {step} ({migration})", number + 1);
        }
        for (migration, check) in story.plan.checks(version) {
            let _ = writeln!(out, "\nCheck {check} ({migration})");
        }
    }
    out.trim_end().to_owned()
}

/// Text for a cell of a table.
fn cell(text: &str) -> String {
    text.replace('|', "\\|").replace('\n', " ")
}
