//! `remold rollback RUN`

use clap::Args;

use super::exit::{Exit, Failure};
use super::render::Output;
use super::run::Consent;
use super::watch::{exit_of, watch};
use crate::engine::{Control, RollbackOptions};
use crate::session::Session;

#[derive(Args, Debug)]
pub struct Arguments {
    /// The run, or last
    run: String,
    #[command(flatten)]
    consent: Consent,
}

/// Puts back what a run changed.
pub fn carry_out(
    arguments: &Arguments,
    session: &Session,
    output: Output,
) -> Result<Exit, Failure> {
    let run = session.find_run(&arguments.run)?;
    let (summary, plan) = session.run_summary(&run)?;
    let question = format!(
        "This puts {} documents under {} at {} back to what they were before run {run}, where our \
         value still stands.",
        summary.tally.migrated,
        plan.selection.pattern,
        session.address()
    );
    let execute = arguments.consent.execute;
    arguments.consent.ask(output, &question, &plan.selection.pattern)?;
    let session = arguments.consent.locking.on(session, output);
    let report = watch(output, &Control::default(), move |control| {
        session.rollback(&run, &RollbackOptions { execute }, control)
    })?;
    output.report(&report);
    if !execute {
        output.talk("this was a dry run; --execute writes");
    }
    Ok(exit_of(&report))
}
