//! `remold runs`, `remold runs show RUN`

use std::collections::BTreeMap;

use clap::{Args, Subcommand};
use jiff::SignedDuration;
use serde_json::json;

use super::exit::{Exit, Failure};
use super::plan;
use super::render::{Output, Tone, took};
use crate::engine::{Moment, RunSummary, Story};
use crate::model::{Outcome, Phase};
use crate::session::{Session, SessionError};

#[derive(Args, Debug)]
pub struct Arguments {
    #[command(subcommand)]
    verb: Option<Verb>,
    /// The runs that the registry knows, from every machine, and who is at work
    #[arg(long)]
    registry: bool,
}

#[derive(Subcommand, Debug)]
enum Verb {
    /// Show one run with its plan
    Show {
        /// The run, or last
        run: String,
    },
    /// Remove the journals of old runs, which can be rolled back no more then
    Prune {
        /// Keep this many of the newest
        #[arg(
            long,
            value_name = "N",
            required_unless_present = "older_than",
            default_value_t = 0,
            hide_default_value = true
        )]
        keep: usize,
        /// Only runs that began longer ago: 12h, 30d, 8w
        #[arg(long, value_name = "TIME", value_parser = age)]
        older_than: Option<SignedDuration>,
        /// Also runs that can still be resumed, and those whose rollback was cut short
        #[arg(long)]
        force: bool,
        /// Remove them; without it they are only listed
        #[arg(long)]
        execute: bool,
    },
}

/// Lists runs, or shows one.
pub fn carry_out(
    arguments: &Arguments,
    session: &Session,
    output: Output,
) -> Result<Exit, Failure> {
    match &arguments.verb {
        None if arguments.registry => registered(session, output),
        None => list(session, output),
        Some(Verb::Show { run }) => show(run, session, output),
        Some(Verb::Prune { keep, older_than, force, execute }) => {
            let old = Old { keep: *keep, older_than: *older_than, force: *force };
            prune(&old, *execute, session, output)
        }
    }
}

fn list(session: &Session, output: Output) -> Result<Exit, Failure> {
    let (runs, errors) = session.runs()?;
    for run in &runs {
        if output.json {
            output.json(run);
        } else {
            output.sentence(Tone::Plain, &line(run));
        }
    }
    for error in &errors {
        output.talk(error.to_string());
    }
    if runs.is_empty() {
        output.talk(format!("no runs in {}", session.runs_folder().path().display()));
    }
    Ok(if errors.is_empty() { Exit::Fine } else { Exit::NeedsEyes })
}

/// The runs of every machine.
fn registered(session: &Session, output: Output) -> Result<Exit, Failure> {
    let runs = session.registered_runs()?;
    for (run, holder) in &runs {
        if output.json {
            output.json(&json!({"run": run, "lock": holder}));
            continue;
        }
        let at_work = match holder {
            Some(holder) if holder.left_ms > 0 => {
                format!(
                    "at work: process {}, {} s of lock left",
                    holder.process,
                    holder.left_ms / 1000
                )
            }
            Some(holder) => format!("no sign of life for {} s", -holder.left_ms / 1000),
            None => format!("last heard {}", run.at),
        };
        let rolled_back = match run.rollback {
            Some(tally) => format!(", rolled back {}", tally.restored),
            None => String::new(),
        };
        let line = format!(
            "{}  {:<9} {} to {}  {} by {}  {} migrated, {} need eyes{rolled_back}  ({at_work})",
            run.run,
            run.phase,
            run.subject,
            run.target,
            run.verb,
            run.by,
            run.tally.migrated,
            run.tally.needs_eyes()
        );
        output.sentence(Tone::Plain, &line);
    }
    if runs.is_empty() {
        output.talk(format!("the registry at {} knows no run", session.address()));
    }
    Ok(Exit::Fine)
}

/// Which runs are old.
struct Old {
    keep: usize,
    older_than: Option<SignedDuration>,
    force: bool,
}

/// Reads how long ago: a number of hours, days or weeks.
fn age(text: &str) -> Result<SignedDuration, String> {
    let expected = || "expected a number with h, d or w, as in 30d".to_owned();
    let unit = text.chars().next_back().ok_or_else(expected)?;
    let hours = match unit {
        'h' => 1,
        'd' => 24,
        'w' => 24 * 7,
        _ => return Err(expected()),
    };
    let count: u32 = text[..text.len() - 1].parse().map_err(|_| expected())?;
    Ok(SignedDuration::from_hours(i64::from(count) * hours))
}

fn prune(old: &Old, execute: bool, session: &Session, output: Output) -> Result<Exit, Failure> {
    let (mut runs, errors) = session.runs()?;
    for error in &errors {
        output.talk(format!("left alone, for it cannot be read: {error}"));
    }
    runs.truncate(runs.len().saturating_sub(old.keep));
    let since = old.older_than.map(|age| jiff::Timestamp::now() - age);
    let is_old = |run: &RunSummary| match (since, run.started.parse::<jiff::Timestamp>()) {
        (None, _) => true,
        (Some(since), Ok(started)) => started < since,
        (Some(_), Err(_)) => false,
    };
    let mut removes = false;
    for summary in runs.iter().filter(|run| is_old(run)) {
        let run = &summary.run;
        if let Some(why) = unfinished(summary)
            && !old.force
        {
            output.talk(format!("left alone, for {why}: {run} (--force removes it too)"));
            continue;
        }
        if execute {
            session.runs_folder().remove(run).map_err(SessionError::from)?;
        }
        removes = true;
        if output.json {
            output.json(&json!({"run": run, "removed": execute}));
        } else {
            output.line(format!("{} {run}", if execute { "removed" } else { "would remove" }));
        }
    }
    if !execute && removes {
        output.talk("--execute removes them with their before-images: no rollback after that");
    }
    Ok(Exit::Fine)
}

/// Why a run's journal is needed yet.
fn unfinished(run: &RunSummary) -> Option<String> {
    if run.rollback_open {
        Some("its rollback was cut short".to_owned())
    } else if run.phase != Phase::Done && run.rollback.is_none() {
        Some(format!("it is {}", run.phase))
    } else {
        None
    }
}

fn line(run: &RunSummary) -> String {
    let rolled_back = match run.rollback {
        _ if run.rollback_open => ", a rollback was cut short".to_owned(),
        Some(tally) => format!(", rolled back {}", tally.restored),
        None => String::new(),
    };
    format!(
        "{}  {:<9} {} to {}  {} migrated, {} need eyes{rolled_back}",
        run.run,
        run.phase,
        run.subject,
        run.target,
        run.tally.migrated,
        run.tally.needs_eyes()
    )
}

/// A run in a few lines.
pub fn summary_text(summary: &RunSummary) -> Vec<String> {
    let mut lines = vec![
        line(summary),
        format!("  started {} on {}", summary.started, summary.server),
        format!("  {} of work, {} keys scanned", took(summary.seconds), summary.tally.scanned),
    ];
    for outcome in Outcome::ALL {
        lines.push(format!("{:>12}  {outcome}", summary.tally.of(outcome)));
    }
    if let Some(migrated) = summary.followed {
        lines.push(format!("  followed its writers: {migrated} of them migrated since the scan"));
    }
    if let Some(found) = summary.verification {
        lines.push(format!(
            "  verified {}: {} changed since, {} lost, {} wrong",
            found.checked, found.changed, found.lost, found.wrong
        ));
    }
    lines
}

/// How the server fared during something, from the lowest to the highest of each figure.
fn server_text(during: &str, samples: &[Moment]) -> Vec<String> {
    let mut figures: BTreeMap<&str, (f64, f64)> = BTreeMap::new();
    for (name, figure) in samples.iter().flat_map(|moment| &moment.server) {
        let range = figures.entry(name).or_insert((*figure, *figure));
        *range = (range.0.min(*figure), range.1.max(*figure));
    }
    let figures = figures.into_iter();
    let lines: Vec<String> =
        figures.map(|(name, (low, high))| format!("    {name}: {low:.1} to {high:.1}")).collect();
    let head = format!("  the server during the {during}, in {} samples:", samples.len());
    if lines.is_empty() { lines } else { std::iter::once(head).chain(lines).collect() }
}

fn show(name: &str, session: &Session, output: Output) -> Result<Exit, Failure> {
    let run = session.find_run(name)?;
    let story = session.story(&run)?;
    let Story { summary, plan, samples, rollback_samples, .. } = &story;
    if output.json {
        let json = json!({"summary": summary, "plan": plan.to_file(), "samples": samples,
                          "rollback_samples": rollback_samples});
        output.json(&json);
        return Ok(Exit::Fine);
    }
    output.sentences(summary_text(summary));
    output.sentences(server_text("run", samples));
    output.sentences(server_text("rollback", rollback_samples));
    output.sentences(plan::text(plan));
    Ok(Exit::Fine)
}
