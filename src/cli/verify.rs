//! `remold verify RUN`

use clap::Args;

use super::exit::{Exit, Failure};
use super::render::Output;
use super::watch::{exit_of, watch};
use crate::engine::{Control, Sample, VerifyOptions};
use crate::session::Session;

#[derive(Args, Debug)]
pub struct Arguments {
    /// The run, or last
    run: String,
    /// Only so many of its keys, or so many percent, spread evenly [default: all]
    #[arg(long, value_name = "N|P%")]
    sample: Option<Sample>,
}

/// Reads a run's keys again.
pub fn carry_out(
    arguments: &Arguments,
    session: &Session,
    output: Output,
) -> Result<Exit, Failure> {
    let run = session.find_run(&arguments.run)?;
    let (session, options) = (session.clone(), VerifyOptions { sample: arguments.sample });
    let report =
        watch(output, &Control::default(), move |control| session.verify(&run, &options, control))?;
    output.report(&report);
    // Keys that failed in the run are the run's news, not the verification's.
    Ok(match exit_of(&report) {
        Exit::Stopped => Exit::Stopped,
        _ if report.verification.is_some_and(|found| found.differing() > 0) => Exit::NeedsEyes,
        _ => Exit::Fine,
    })
}
