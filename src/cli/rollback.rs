//! `remold rollback RUN`

use std::sync::mpsc::sync_channel;
use std::thread;

use clap::Args;
use serde_json::{Value as Json, json};

use super::exit::{Exit, Failure};
use super::render::{Output, Tone, changed_text};
use super::run::{Consent, Eyes, Throttling, Window};
use super::watch::{exit_of, watch};
use crate::engine::{ChangedKey, OnChanged, Report, RollbackOptions};
use crate::session::Session;

/// Lines that may wait for whoever reads standard output.
const LINES_WAITING_MAX: usize = 1_000;

#[derive(Args, Debug)]
pub struct Arguments {
    /// The run, or last
    run: String,
    /// What becomes of keys that another client changed since: keep them, overwrite them with what
    /// stood there before the run (a key that is gone is made again), or invert: take what stands
    /// there back through the inverse chain, so that the later write lives on
    #[arg(long, value_name = "keep|overwrite|invert", default_value = "keep")]
    changed: OnChanged,
    /// Take the rollback back: put back what it replaced, where that stands still
    #[arg(long, conflicts_with = "changed")]
    forward: bool,
    /// One line for each key that another client changed since (--json always has them)
    #[arg(long)]
    list_changed: bool,
    #[command(flatten)]
    throttling: Throttling,
    #[command(flatten)]
    window: Window,
    #[command(flatten)]
    eyes: Eyes,
    #[command(flatten)]
    consent: Consent,
}

/// Puts back what a run changed, or what its rollback changed.
pub fn carry_out(
    arguments: &Arguments,
    session: &Session,
    output: Output,
) -> Result<Exit, Failure> {
    let run = session.find_run(&arguments.run)?;
    let (summary, plan) = session.run_summary(&run)?;
    let question = format!(
        "This puts up to {} documents under {} at {} back to what they were before {} {run}{}.",
        summary.tally.migrated,
        plan.selection.pattern,
        session.address(),
        if arguments.forward { "the rollback of run" } else { "run" },
        match arguments.changed {
            OnChanged::Keep => ", where our value still stands",
            OnChanged::Overwrite => ", WHATEVER OTHER CLIENTS WROTE SINCE",
            OnChanged::Invert => "; what other clients wrote since is taken back through the chain",
        }
    );
    let execute = arguments.consent.execute;
    arguments.consent.ask(output, &question, &plan.selection.pattern)?;
    let session = arguments.consent.locking.on(session, output);
    let control = arguments.throttling.control();
    control.set_deadline(arguments.window.end());
    let report = listening(arguments, output, |options| {
        let session = session.clone();
        watch(output, &control, move |control| session.rollback(&run, &options, control))
    })?;
    output.report(&report);
    if !execute {
        output.talk("this was a dry run; --execute writes");
    }
    Ok(exit_of(&report))
}

/// Works while each changed key is printed as it is found, where that is asked for.
fn listening(
    arguments: &Arguments,
    output: Output,
    work: impl FnOnce(RollbackOptions) -> Result<Report, Failure>,
) -> Result<Report, Failure> {
    let Arguments { changed, forward, consent, .. } = *arguments;
    let observe = arguments.eyes.observe();
    let execute = consent.execute;
    let options = RollbackOptions { execute, changed, forward, observe, listener: None };
    if !arguments.list_changed && !output.json {
        return work(options);
    }
    let (listener, heard) = sync_channel(LINES_WAITING_MAX);
    // It ends when the last sender is dropped, which the work does at its end.
    let printer =
        thread::spawn(move || heard.into_iter().for_each(|changed| print(output, &changed)));
    let report = work(RollbackOptions { listener: Some(listener), ..options })?;
    let _ = printer.join();
    Ok(report)
}

fn print(output: Output, changed: &ChangedKey) {
    if output.json {
        let mut event = json!({"event": "changed"});
        if let (Some(event), Ok(Json::Object(fields))) =
            (event.as_object_mut(), serde_json::to_value(changed))
        {
            event.extend(fields);
        }
        output.json(&event);
    } else {
        output.sentence(Tone::Odd, &changed_text(changed));
    }
}
