//! `remold report RUN`: what became of a run, for people who were not there.

mod chart;
mod html;
mod markdown;

use std::fmt;
use std::path::PathBuf;

use clap::{Args, ValueEnum};

use super::exit::{Exit, Failure};
use super::render::{Output, group_text, took};
use super::runs;
use crate::engine::{Moment, RunSummary, Story};
use crate::model::figures::grouped;
use crate::session::Session;

#[derive(Args, Debug)]
pub struct Arguments {
    /// The run, or last
    run: String,
    /// The form; --json is --format json
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
    /// Write it to a file
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Format {
    /// Lines for a terminal
    Text,
    /// Everything, for programs
    Json,
    /// For a ticket or a wiki
    Markdown,
    /// One page with charts that needs nothing beside it
    Html,
}

/// Tells the story of a run.
pub fn carry_out(
    arguments: &Arguments,
    session: &Session,
    output: Output,
) -> Result<Exit, Failure> {
    let run = session.find_run(&arguments.run)?;
    let story = session.story(&run)?;
    let format = if output.json { Format::Json } else { arguments.format };
    let text = match format {
        Format::Text => text(&story).join("\n"),
        Format::Json => serde_json::to_string(&story).expect("plain data prints as JSON"),
        Format::Markdown => markdown::page(&story),
        Format::Html => html::page(&story),
    };
    match &arguments.out {
        Some(path) => {
            session.save_file(path, &(text + "\n"))?;
            output.talk(format!("report of run {run} written to {}", path.display()));
        }
        None if format == Format::Text => output.sentences(text.lines().map(str::to_owned)),
        None => output.line(text),
    }
    Ok(Exit::Fine)
}

fn text(story: &Story) -> Vec<String> {
    let mut lines = runs::summary_text(&story.summary);
    for (at, phase) in &story.phases {
        lines.push(format!("  {at}  {phase}"));
    }
    let held = holds(&story.samples);
    lines.extend(held.iter().map(|hold| format!("  {hold}")));
    lines.extend(story.errors.iter().flat_map(group_text));
    lines
}

/// What following, verification and rollback came to, in a sentence each.
fn sentences(summary: &RunSummary) -> Vec<String> {
    let followed = summary.followed.map(|migrated| {
        format!("Followed its writers: {migrated} of them migrated since the scan.")
    });
    let verified = summary.verification.map(|found| {
        format!(
            "Verified {} keys: {} as written, {} changed since by other clients, {} lost by the server, {} wrong.",
            grouped(found.checked),
            grouped(found.right),
            grouped(found.changed),
            grouped(found.lost),
            grouped(found.wrong)
        )
    });
    let rolled_back = summary.rollback.map(|tally| {
        let among: Vec<String> = [
            (tally.overwritten, "over what other clients wrote since"),
            (tally.inverted, "with what other clients wrote since"),
        ]
        .into_iter()
        .filter(|(count, _)| *count > 0)
        .map(|(count, how)| format!("{count} {how}"))
        .collect();
        let among =
            if among.is_empty() { String::new() } else { format!(" ({})", among.join(", ")) };
        format!(
            "Rolled back: {} restored{among}, {} changed since, {} gone, {} failed.",
            tally.restored, tally.changed, tally.missing, tally.failed
        )
    });
    followed.into_iter().chain(verified).chain(rolled_back).collect()
}

/// A time in which it was held back.
struct Hold<'s> {
    /// Seconds of work, as far as the samples tell.
    from: f64,
    to: f64,
    /// Why, at last.
    reason: &'s str,
}

impl fmt::Display for Hold<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "held from {} to {}: {}", took(self.from), took(self.to), self.reason)
    }
}

/// When it was held back, and why: by other than the pace that was set.
fn holds(samples: &[Moment]) -> Vec<Hold<'_>> {
    let mut holds: Vec<Hold<'_>> = Vec::new();
    let mut is_held = false;
    for sample in samples {
        let why = sample.held.as_deref().filter(|why| !why.starts_with("pace "));
        match (why, holds.last_mut()) {
            (Some(reason), Some(hold)) if is_held => {
                hold.to = sample.seconds;
                // That it begins to go again is no reason.
                if !reason.ends_with("fares well again") {
                    hold.reason = reason;
                }
            }
            (Some(reason), _) => {
                holds.push(Hold { from: sample.seconds, to: sample.seconds, reason });
            }
            (None, _) => {}
        }
        is_held = why.is_some();
    }
    holds
}

/// The pace between two samples, in keys per second, beside the seconds of work; `None` while the run
/// was held.
fn pace(samples: &[Moment]) -> Vec<(f64, Option<f64>)> {
    let pairs = samples.windows(2);
    let pace = pairs.map(|pair| {
        let passed = pair[1].seconds - pair[0].seconds;
        #[expect(clippy::cast_precision_loss, reason = "counts of keys for a rate")]
        let done = pair[1].scanned.saturating_sub(pair[0].scanned) as f64;
        let stood = done == 0.0 && pair[1].held.is_some();
        (pair[1].seconds, (passed > 0.0 && !stood).then(|| done / passed))
    });
    pace.collect()
}
