//! `remold runs`, `remold runs show RUN`

use clap::{Args, Subcommand};
use serde_json::json;

use super::exit::{Exit, Failure};
use super::plan;
use super::render::Output;
use crate::engine::RunSummary;
use crate::model::Outcome;
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
        #[arg(long, value_name = "N")]
        keep: usize,
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
        Some(Verb::Prune { keep, execute }) => prune(*keep, *execute, session, output),
    }
}

fn list(session: &Session, output: Output) -> Result<Exit, Failure> {
    let (runs, errors) = session.runs()?;
    for run in &runs {
        if output.json {
            output.json(run);
        } else {
            output.line(line(run));
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
        output.line(format!(
            "{}  {:<9} {} to {}  {} by {}  {} migrated, {} need eyes{rolled_back}  ({at_work})",
            run.run,
            run.phase,
            run.subject,
            run.target,
            run.verb,
            run.by,
            run.tally.migrated,
            run.tally.needs_eyes()
        ));
    }
    if runs.is_empty() {
        output.talk(format!("the registry at {} knows no run", session.address()));
    }
    Ok(Exit::Fine)
}

fn prune(keep: usize, execute: bool, session: &Session, output: Output) -> Result<Exit, Failure> {
    let mut runs = session.runs_folder().list().map_err(SessionError::from)?;
    runs.truncate(runs.len().saturating_sub(keep));
    for run in &runs {
        if execute {
            session.runs_folder().remove(run).map_err(SessionError::from)?;
        }
        if output.json {
            output.json(&json!({"run": run, "removed": execute}));
        } else {
            output.line(format!("{} {run}", if execute { "removed" } else { "would remove" }));
        }
    }
    if !execute && !runs.is_empty() {
        output.talk("--execute removes them with their before-images: no rollback after that");
    }
    Ok(Exit::Fine)
}

fn line(run: &RunSummary) -> String {
    let rolled_back = match run.rollback {
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
        format!("  {:.1} s of work, {} keys scanned", summary.seconds, summary.tally.scanned),
    ];
    for outcome in Outcome::ALL {
        lines.push(format!("{:>12}  {outcome}", summary.tally.of(outcome)));
    }
    if let Some(found) = summary.verification {
        lines.push(format!(
            "  verified {}: {} changed since, {} wrong",
            found.checked, found.changed, found.wrong
        ));
    }
    lines
}

fn show(name: &str, session: &Session, output: Output) -> Result<Exit, Failure> {
    let run = session.find_run(name)?;
    let (summary, plan) = session.run_summary(&run)?;
    if output.json {
        output.json(&json!({"summary": summary, "plan": plan.to_file()}));
        return Ok(Exit::Fine);
    }
    for line in summary_text(&summary) {
        output.line(line);
    }
    for line in plan::text(&plan) {
        output.line(line);
    }
    Ok(Exit::Fine)
}
