//! `remold demo`: a private server with sample data, and the console on it, or the whole job without
//! a terminal.

mod job;

use clap::Args;
use serde_json::json;

use super::exit::{Exit, Failure};
use super::options::Global;
use super::render::{self, Output};
use super::{Opening, Start};
use crate::demo::{Demo, DemoError, KEYS_DEFAULT, Recipe, SEED_DEFAULT};
use crate::session::config::Config;
use crate::session::{Session, Settings};

#[derive(Args, Debug)]
pub struct Arguments {
    /// How many sample keys
    #[arg(long, default_value_t = KEYS_DEFAULT, value_name = "N")]
    keys: u64,
    /// Equal seeds give equal keys and values
    #[arg(long, default_value_t = SEED_DEFAULT, value_name = "S")]
    seed: u64,
    /// Do the whole job without a terminal and check every figure; exits 1 when one is wrong
    #[arg(long)]
    headless: bool,
    /// Install a Redis server with the system's package manager when there is none
    #[arg(long)]
    install_server: bool,
}

/// Starts the demo, and gives the console to open on it, or does the whole job.
pub fn carry_out(arguments: &Arguments, global: &Global, output: Output) -> Result<Start, Failure> {
    if !arguments.headless && !render::is_terminal() {
        return Err(Failure::usage(
            "the demo opens the console, which needs a terminal, and this is none\n  `remold demo \
             --headless` does the whole job without one",
        ));
    }
    let recipe = Recipe { keys: arguments.keys, seed: arguments.seed };
    let demo = Demo::start(recipe, arguments.install_server)?;
    output.talk(format!(
        "{} keys on a private {}, gone at the end; seed {}",
        recipe.keys,
        demo.program(),
        recipe.seed
    ));
    let session = Session::open(Settings {
        url: Some(demo.url().to_owned()),
        catalog: Some(demo.catalog_dir()),
        state_dir: Some(demo.state_dir()),
        ..global.settings()?
    })?;
    if !arguments.headless {
        let Config { theme, keys, .. } = global.configuration()?;
        let (demo, no_color) = (Some(demo), global.no_color);
        let config = global.config_place();
        let opening = Opening { session, demo, no_color, theme, keys, config };
        return Ok(Start::Console(Box::new(opening)));
    }
    headless(&demo, &session, output).map(Start::Ended)
}

fn headless(demo: &Demo, session: &Session, output: Output) -> Result<Exit, Failure> {
    let report = job::carry_out(demo, session, &mut |step| {
        if output.json {
            output.json(&json!({"event": "step", "step": step}));
        } else {
            output.line(step.to_string());
        }
    })?;
    let wrong = report.steps.iter().filter(|step| !step.agrees).count();
    if output.json {
        let mut json = serde_json::to_value(&report).expect("plain data prints as JSON");
        json["event"] = json!("report");
        output.json(&json);
    } else if report.agrees {
        output.line("every figure is what the sample data must give");
    } else {
        output.line(format!("{wrong} of {} steps disagree, marked BAD", report.steps.len()));
    }
    Ok(if report.agrees { Exit::Fine } else { Exit::NeedsEyes })
}

impl From<DemoError> for Failure {
    fn from(error: DemoError) -> Self {
        Self::new(Exit::NoServer, error)
    }
}

impl From<job::JobError> for Failure {
    fn from(error: job::JobError) -> Self {
        match error {
            job::JobError::Demo(error) => error.into(),
            job::JobError::Session(error) => error.into(),
        }
    }
}
