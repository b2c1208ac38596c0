//! `remold run SUBJECT --to VERSION`, `remold run PLAN.json`, `remold resume RUN`

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::Args;

use super::clock;
use super::exit::{Exit, Failure};
use super::plan::{self, Target};
use super::render::{self, Output};
use super::watch::{exit_of, watch};
use crate::engine::{Alerts, Control, Deadline, ErrorBudget, Follow, Knob, Observe, RunOptions};
use crate::model::limits::{BATCH_KEYS_DEFAULT, LATENCY_GOAL_DEFAULT_MS};
use crate::planner::{Plan, Stages};
use crate::session::{Session, SessionError};

/// How a run is carried out.
#[derive(Args, Debug, Clone)]
pub struct Pace {
    /// The most keys in one batch
    #[arg(long, default_value_t = BATCH_KEYS_DEFAULT, value_name = "N")]
    batch: usize,
    /// Make batches smaller while writing one takes longer than this
    #[arg(long, default_value_t = LATENCY_GOAL_DEFAULT_MS, value_name = "MILLISECONDS")]
    latency_goal: u64,
    #[command(flatten)]
    throttling: Throttling,
    #[command(flatten)]
    window: Window,
    /// Stop once more keys than this failed, are invalid or in conflict: 100, or 0.1% of those scanned
    #[arg(long, value_name = "N|P%")]
    max_errors: Option<ErrorBudget>,
    /// Do one batch, then wait for `remold control RUN step` (or resume)
    #[arg(long)]
    step: bool,
    /// After how long a run with --canary goes on to its next stage by itself: 10m, or 0s for at once,
    /// as long as verification agrees and no key needs eyes (with --max-errors: no more than those).
    /// Without it, it waits for `remold control RUN resume`
    #[arg(long, value_name = "TIME", value_parser = clock::time)]
    hold: Option<Duration>,
    /// After the scan, go on migrating documents that old writers still produce, until it is told to
    /// stop (Ctrl-C, `remold control RUN stop`, --for, --deadline): then it verifies and is done. By
    /// keyspace notifications where the server has them on, else by scanning again and again
    #[arg(long)]
    follow: bool,
    /// Like --follow, until no old document was found for this long: 10m, 90s
    #[arg(long, value_name = "TIME", value_parser = clock::time)]
    follow_until_quiet: Option<Duration>,
    /// How long to wait between two scans while following without notifications
    #[arg(long, value_name = "TIME", default_value = "30s", value_parser = clock::time)]
    follow_every: Duration,
    #[command(flatten)]
    eyes: Eyes,
    /// How many seconds to wait for a server that is away, before stopping with the checkpoint
    #[arg(long, default_value_t = 60, value_name = "SECONDS")]
    patience: u64,
    /// Let a dry run ask the services that external steps name; a run that writes always does
    #[arg(long)]
    call_external: bool,
}

impl Pace {
    fn options(&self, execute: bool) -> RunOptions {
        RunOptions {
            execute,
            batch_keys: self.batch,
            latency_goal: Duration::from_millis(self.latency_goal),
            patience: Duration::from_secs(self.patience),
            hold: self.hold,
            follow: self.follows().then_some(Follow {
                every: self.follow_every,
                until_quiet: self.follow_until_quiet,
            }),
            observe: self.eyes.observe(),
            call_external: self.call_external,
        }
    }

    fn follows(&self) -> bool {
        self.follow || self.follow_until_quiet.is_some()
    }

    fn control(&self) -> Control {
        let control = self.throttling.control();
        control.set_deadline(self.window.end());
        control.set_error_budget(self.max_errors);
        if self.step {
            control.step();
        }
        control
    }
}

/// How fast a verb may work, and what holds it.
#[derive(Args, Debug, Clone)]
pub struct Throttling {
    /// At most this many keys per second
    #[arg(long, value_name = "KEYS_PER_SECOND")]
    rate: Option<u32>,
    /// What a signal of the server may come to: NAME=SOFT[:HARD[:CRITICAL]], as in replica-lag=1:5:60.
    /// Above soft the work slows down, above hard it pauses, above critical it stops with its
    /// checkpoint. Names: replica-lag (seconds), memory (% of maxmemory), evictions (per second),
    /// latency (ms of an own probe), blocked-clients, cpu (%). NAME=off lifts it
    #[arg(long, value_name = "NAME=LIMITS", value_parser = limit)]
    throttle: Vec<Knob>,
    /// Hold the work for as long as this file is there
    #[arg(long, value_name = "FILE")]
    pause_file: Option<PathBuf>,
}

impl Throttling {
    /// The control of a verb that begins so.
    pub fn control(&self) -> Control {
        let control = Control::default();
        control.set_rate(self.rate);
        for knob in &self.throttle {
            knob.set(&control);
        }
        control.set_pause_file(self.pause_file.clone());
        control
    }
}

/// The window in which a verb may work.
#[derive(Args, Debug, Clone)]
pub struct Window {
    /// Stop with a checkpoint in time for this moment: 04:30 (the next one, local time) or RFC 3339
    #[arg(long, value_name = "TIME", conflicts_with = "window", value_parser = clock::moment)]
    deadline: Option<Deadline>,
    /// Stop with a checkpoint after this time: 2h, 90m, 30s
    #[arg(long = "for", value_name = "TIME", value_parser = clock::span)]
    window: Option<Deadline>,
}

impl Window {
    /// Its end.
    pub fn end(&self) -> Option<Deadline> {
        self.deadline.clone().or_else(|| self.window.clone())
    }
}

/// Who is to see and hear of a verb at work.
#[derive(Args, Debug, Clone)]
pub struct Eyes {
    /// Serve figures for Prometheus here while it works: 127.0.0.1:9187 (path /metrics)
    #[arg(long, value_name = "ADDRESS:PORT")]
    metrics_addr: Option<SocketAddr>,
    /// POST JSON to this URL when it fails, stalls, stops by itself, needs eyes or is done (repeatable)
    #[arg(long, value_name = "URL")]
    alert_webhook: Vec<String>,
    /// Run this command then, with the JSON on its standard input (repeatable)
    #[arg(long, value_name = "COMMAND")]
    alert_command: Vec<String>,
    /// Seconds without a key done that count as a stall
    #[arg(long, default_value_t = 60, value_name = "SECONDS")]
    stall: u64,
}

impl Eyes {
    /// Whom they are.
    pub fn observe(&self) -> Observe {
        let (webhooks, commands) = (self.alert_webhook.clone(), self.alert_command.clone());
        let stall = Duration::from_secs(self.stall.max(1));
        Observe { metrics: self.metrics_addr, alerts: Alerts { webhooks, commands, stall } }
    }
}

/// A limit of the throttle; the rate has an option of its own.
fn limit(text: &str) -> Result<Knob, String> {
    match text.parse()? {
        Knob::Rate(_) => Err("the pace is set with --rate".to_owned()),
        knob @ Knob::Limit(..) => Ok(knob),
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
    /// Go over a part of the keys first, then over more of them: 1%,10%,100%. After each stage what is
    /// done is verified, and the run holds until it is told to go on
    #[arg(long, value_name = "STAGES")]
    canary: Option<Stages>,
    #[command(flatten)]
    consent: Consent,
    #[command(flatten)]
    pace: Pace,
    /// Begin although the disk has too little room for the journal
    #[arg(long)]
    force: bool,
}

/// Carries out a plan, or tries it.
pub fn carry_out(
    arguments: &Arguments,
    session: &Session,
    output: Output,
) -> Result<Exit, Failure> {
    let Arguments { subject_or_plan, target, canary, consent, pace, force } = arguments;
    let mut plan = if target.to.is_none() && Path::new(subject_or_plan).is_file() {
        read_plan(Path::new(subject_or_plan), session)?
    } else {
        target.plan(subject_or_plan, session)?
    };
    if canary.is_some() {
        plan.canary.clone_from(canary);
    }
    for line in plan::text(&plan) {
        output.talk(line);
    }
    if pace.follows() && plan.selection.limit.is_some() {
        return Err(Failure::usage(
            "--follow goes on for as long as old documents come, and --limit ends after some of them: \
             choose one",
        ));
    }
    if consent.execute {
        make_sure_of_room(&plan, *force, session, output)?;
    }
    let hosts: Vec<&str> = plan.hosts.iter().map(String::as_str).collect();
    let calls = match hosts.as_slice() {
        [] => String::new(),
        hosts => format!(" It sends fields of them to {}.", hosts.join(", ")),
    };
    let moves: Vec<String> = plan.moves().iter().map(|line| format!(" In it {line}.")).collect();
    let moves = moves.concat();
    let only: Vec<String> =
        plan.selection.narrowed().iter().map(|line| format!(" Only {line}.")).collect();
    let stages = plan.canary.as_ref().map(|stages| format!(" In stages of {stages} of the keys."));
    let only = only.concat() + stages.as_deref().unwrap_or_default();
    let question = format!(
        "This migrates the documents under {} at {} to {} {}.{only}{moves}{calls} `remold rollback last` takes \
         it back.",
        plan.selection.patterns(),
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
        let follows = if pace.follows() { "; it follows nobody" } else { "" };
        output.talk(format!("this was a dry run{follows}; --execute writes"));
    }
    Ok(exit_of(&report))
}

/// Refuses a run whose before-images surely do not fit the disk, and warns where they may not.
fn make_sure_of_room(
    plan: &Plan,
    force: bool,
    session: &Session,
    output: Output,
) -> Result<(), Failure> {
    let room = match session.room_for(plan) {
        Ok(room) => room,
        // Whether the server is there is for the run itself to find out.
        Err(SessionError::Store(error)) => {
            output.talk(format!("no estimate of the journal's size: {error}"));
            return Ok(());
        }
        Err(error) => return Err(error.into()),
    };
    if room.is_too_little() && !force {
        return Err(Failure::usage(format!(
            "{room}: surely too little\n  nothing was written. Free some space, choose another \
             --state-dir, or begin all the same with --force: the run waits where the disk is full"
        )));
    }
    if room.is_tight() {
        output.talk(format!(
            "{room}: it may be too little, and the run waits where the disk is full"
        ));
    }
    Ok(())
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
    /// Go on with the definitions of the plan although those of the catalog have changed since
    #[arg(long)]
    as_planned: bool,
    /// Go on at another address than the run was begun on: the data has moved there
    #[arg(long)]
    moved: bool,
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
    if !arguments.moved {
        session.refuse_other_server(&run)?;
    }
    if !arguments.as_planned {
        session.refuse_drift(&run)?;
    }
    let (session, options) = (arguments.locking.on(session, output), arguments.pace.options(true));
    let report = watch(output, &arguments.pace.control(), move |control| {
        session.resume(&run, &options, control)
    })?;
    output.report(&report);
    Ok(exit_of(&report))
}
