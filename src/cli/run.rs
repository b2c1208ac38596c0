//! `remold run SUBJECT --to VERSION`, `remold run PLAN.json`, `remold resume RUN`

use std::path::Path;
use std::time::Duration;

use clap::Args;

use super::exit::{Exit, Failure};
use super::plan::{self, Target};
use super::render::{self, Output};
use super::watch::{exit_of, watch};
use crate::engine::{Control, RunOptions};
use crate::model::limits::BATCH_KEYS_DEFAULT;
use crate::planner::Plan;
use crate::session::Session;

/// How a run is carried out.
#[derive(Args, Debug, Clone)]
pub struct Pace {
    /// Keys in one batch
    #[arg(long, default_value_t = BATCH_KEYS_DEFAULT, value_name = "N")]
    batch: usize,
    /// At most this many keys per second
    #[arg(long, value_name = "KEYS_PER_SECOND")]
    rate: Option<u32>,
    /// How many seconds to wait for a server that is away, before stopping with the checkpoint
    #[arg(long, default_value_t = 60, value_name = "SECONDS")]
    patience: u64,
}

impl Pace {
    fn options(&self, execute: bool) -> RunOptions {
        RunOptions { execute, batch_keys: self.batch, patience: Duration::from_secs(self.patience) }
    }

    fn control(&self) -> Control {
        let control = Control::default();
        control.set_rate(self.rate);
        control
    }
}

/// Whether to write, and whether somebody was asked.
#[derive(Args, Debug, Clone, Copy)]
pub struct Consent {
    /// Write to Redis; without it this is a dry run
    #[arg(long)]
    pub execute: bool,
    /// Do not ask for the typed confirmation
    #[arg(long, requires = "execute")]
    pub yes: bool,
    #[command(flatten)]
    pub locking: Locking,
}

/// Whether the subject is locked meanwhile.
#[derive(Args, Debug, Clone, Copy)]
pub struct Locking {
    /// Take no lock of the subject and leave no trace in the registry, for a server that does not let
    /// its keys be written
    #[arg(long)]
    no_lock: bool,
}

impl Locking {
    /// The session as a verb that writes is to use it.
    pub fn on(self, session: &Session, output: Output) -> Session {
        if self.no_lock {
            output.talk("no lock: nothing keeps another run from the same keys");
            session.clone().without_lock()
        } else {
            session.clone()
        }
    }
}

impl Consent {
    /// Asks for the typed confirmation where one is due. `question` says what, where and how many.
    pub fn ask(self, output: Output, question: &str, wanted: &str) -> Result<(), Failure> {
        if !self.execute || self.yes {
            return Ok(());
        }
        if !render::is_terminal() {
            return Err(Failure::usage(
                "--execute without a terminal needs --yes: nobody can be asked. Nothing was written",
            ));
        }
        if output.confirm(question, wanted) {
            Ok(())
        } else {
            Err(Failure::new(Exit::Stopped, "not confirmed: nothing was written"))
        }
    }
}

#[derive(Args, Debug)]
pub struct Arguments {
    /// The subject (user), or a plan file (plan.json)
    subject_or_plan: String,
    #[command(flatten)]
    target: Target,
    #[command(flatten)]
    consent: Consent,
    #[command(flatten)]
    pace: Pace,
}

/// Carries out a plan, or tries it.
pub fn carry_out(
    arguments: &Arguments,
    session: &Session,
    output: Output,
) -> Result<Exit, Failure> {
    let Arguments { subject_or_plan, target, consent, pace } = arguments;
    let plan = if target.to.is_none() && Path::new(subject_or_plan).is_file() {
        read_plan(Path::new(subject_or_plan), session)?
    } else {
        target.plan(subject_or_plan, session)?
    };
    for line in plan::text(&plan) {
        output.talk(line);
    }
    let question = format!(
        "This migrates the documents under {} at {} to {} {}. `remold rollback last` takes it back.",
        plan.selection.pattern,
        session.address(),
        plan.subject,
        plan.target
    );
    consent.ask(output, &question, &plan.selection.pattern)?;
    let run = session.new_run_id(&plan.subject);
    if consent.execute {
        output.talk(format!("run {run}"));
    }
    let session = consent.locking.on(session, output);
    let options = pace.options(consent.execute);
    let pattern = plan.selection.pattern.clone();
    let address = session.address().clone();
    let report =
        watch(output, &pace.control(), move |control| session.run(&run, &plan, &options, control))?;
    output.report(&report);
    if report.tally.scanned == 0 && exit_of(&report) == Exit::Fine {
        output.talk(format!(
            "no document was found under '{pattern}' at {address}: is this the right server, \
             database and pattern? `remold keys '{pattern}'` looks"
        ));
        return Ok(Exit::NeedsEyes);
    }
    if report.dry_run && exit_of(&report) != Exit::Stopped {
        output.talk("this was a dry run; --execute writes");
    }
    Ok(exit_of(&report))
}

fn read_plan(path: &Path, session: &Session) -> Result<Plan, Failure> {
    let text = session.read_file(path)?;
    let refuse =
        |reason: String| Failure::new(Exit::Definitions, format!("{}: {reason}", path.display()));
    let json = serde_json::from_str(&text).map_err(|error| refuse(error.to_string()))?;
    Plan::from_json(json).map_err(|error| refuse(error.to_string()))
}

#[derive(Args, Debug)]
pub struct ResumeArguments {
    /// The run, or last
    run: String,
    #[command(flatten)]
    pace: Pace,
    #[command(flatten)]
    locking: Locking,
}

/// Goes on with a run.
pub fn go_on(
    arguments: &ResumeArguments,
    session: &Session,
    output: Output,
) -> Result<Exit, Failure> {
    let run = session.find_run(&arguments.run)?;
    let (session, options) = (arguments.locking.on(session, output), arguments.pace.options(true));
    let report = watch(output, &arguments.pace.control(), move |control| {
        session.resume(&run, &options, control)
    })?;
    output.report(&report);
    Ok(exit_of(&report))
}
