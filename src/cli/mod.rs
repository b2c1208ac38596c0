//! HEADLESS FACE: one file per subcommand, one place that prints, one that maps errors to exit codes.
//!
//! Standard output is data, standard error is talk; nothing prompts without a terminal.

mod census;
mod clock;
mod config;
mod control;
mod demo;
mod diff;
mod doctor;
mod draft;
mod exit;
mod graph;
mod infer;
mod keys;
mod log;
mod narrow;
mod options;
mod plan;
mod preview;
mod render;
mod report;
mod rollback;
mod run;
mod runs;
mod schema;
mod shell;
mod transform;
mod validate;
mod verify;
mod version;
mod watch;
mod wrap;

use std::ffi::OsString;
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;

use clap::{Parser, Subcommand};

pub use exit::Exit;
use exit::Failure;
use options::Global;
use render::Output;

use crate::demo::Demo;
use crate::session::Session;
use crate::session::config::Config;

const EXIT_CODES: &str = "\
Exit codes:
  0   all as wanted
  1   finished, and something needs eyes: failed, invalid or conflict keys, no key at all,
      a breaking difference, a verification that disagrees
  2   wrong use: unknown option, subject or version; a terminal is needed
  3   the server cannot be reached, or does not allow it
  4   definitions refused: the catalog has mistakes, or no migrations lead to the target
  5   stopped before the end; `remold resume` goes on
  70  a bug in remold";

/// The version with the facts of this build: `remold --version`; `-V` is the number alone.
fn long_version() -> &'static str {
    static TEXT: LazyLock<String> = LazyLock::new(version::line);
    &TEXT
}

/// Changes the shape of documents in Redis, in place and safely.
///
/// Without a verb, on a terminal: the console.
#[derive(Parser, Debug)]
#[command(name = "remold", version, long_version = long_version(), after_help = EXIT_CODES, disable_help_subcommand = true)]
struct Arguments {
    #[command(flatten)]
    global: Global,
    #[command(subcommand)]
    verb: Option<Verb>,
}

#[derive(Subcommand, Debug)]
enum Verb {
    /// List keys that match a pattern, or count the versions of their documents
    Keys(keys::Arguments),
    /// Draw up what a run would do, as data
    Plan(plan::Arguments),
    /// Show what the chain makes of sampled keys, step by step
    Preview(preview::Arguments),
    /// Migrate a subject's documents; a dry run unless --execute
    Run(Box<run::Arguments>),
    /// Go on with a run that was stopped
    Resume(run::ResumeArguments),
    /// Read a run's keys again and compare them with what was meant to be written
    Verify(verify::Arguments),
    /// Put back what a run changed; a dry run unless --execute
    Rollback(rollback::Arguments),
    /// List runs, or show one
    #[command(visible_alias = "status")]
    Runs(runs::Arguments),
    /// Tell the story of a run: text, JSON, Markdown, or a page with charts
    Report(report::Arguments),
    /// Tell a run at work to pause, go on, stop, or change its pace
    Control(control::Arguments),
    /// List, show, validate, infer, push and pull schemas
    Schema(schema::Arguments),
    /// Compare two schemas: whom the difference breaks, and what stored data needs
    Diff(diff::Arguments),
    /// Propose a schema from stored documents
    Infer(infer::Arguments),
    /// Show what was registered and what was run, by whom and when
    Log(log::Arguments),
    /// Show the versions of a subject and the migrations between them
    Graph(graph::Arguments),
    /// Apply a chain to one document from standard input, without Redis
    Transform(transform::Arguments),
    /// Look a server over before a run: what it is, how it fares, what the user may do
    Doctor(doctor::Arguments),
    /// Make, find or check the configuration file
    Config(config::Arguments),
    /// Print completions for a shell
    Completions(shell::Completions),
    /// Print the manual page of remold, or of one of its verbs
    Man(shell::Man),
    /// Print the version and the facts of this build
    Version,
    /// Try remold on a private server with sample data, gone at the end
    Demo(demo::Arguments),
}

/// What the binary is to do after the arguments were read.
pub enum Start {
    /// Open the console.
    Console(Box<Opening>),
    /// Nothing more: the verb was carried out.
    Ended(Exit),
}

/// What the console is opened on.
pub struct Opening {
    /// Server, catalog and state directory.
    pub session: Session,
    /// The demo whose server that is. It is gone when this is dropped, so the console comes first.
    pub demo: Option<Demo>,
    /// Whether colours were refused (`--no-color`).
    pub no_color: bool,
    /// The console's theme, as the configuration has it.
    pub theme: Option<String>,
    /// The console's keys, as the configuration has them.
    pub keys: toml::Table,
    /// Where the configuration is, whether or not it is there.
    pub config: Option<PathBuf>,
}

/// Tells why the console is not opened as the configuration wants it.
pub fn refuse(config: Option<&Path>, reason: &impl fmt::Display) -> Exit {
    let file = config.map_or_else(String::new, |file| format!("{}: ", file.display()));
    let failure = Failure::usage(format!("{file}{reason}"));
    render::failure(&failure);
    failure.exit
}

/// Reads the arguments and carries out the verb, unless it is the console.
pub fn start(arguments: impl IntoIterator<Item = OsString>) -> Start {
    let arguments = match Arguments::try_parse_from(arguments) {
        Ok(arguments) => arguments,
        Err(error) => {
            let exit = if error.use_stderr() { Exit::WrongUse } else { Exit::Fine };
            render::clap_error(&error);
            return Start::Ended(exit);
        }
    };
    let output = Output::new(&arguments.global);
    match carry_out(arguments, output) {
        Ok(start) => start,
        Err(failure) => {
            render::failure(&failure);
            Start::Ended(failure.exit)
        }
    }
}

fn carry_out(arguments: Arguments, output: Output) -> Result<Start, Failure> {
    let Arguments { global, verb } = arguments;
    let Some(verb) = verb else {
        if !render::is_terminal() {
            return Err(Failure::usage(
                "the console needs a terminal, and this is none\n  every verb works without one: \
                 see `remold --help`",
            ));
        }
        let Config { theme, keys, .. } = global.configuration()?;
        return Ok(Start::Console(Box::new(Opening {
            session: global.session()?,
            demo: None,
            no_color: global.no_color,
            theme,
            keys,
            config: global.config_place(),
        })));
    };
    let exit = match verb {
        Verb::Keys(arguments) => keys::carry_out(&arguments, &global.session()?, output),
        Verb::Plan(arguments) => plan::carry_out(&arguments, &global.session()?, output),
        Verb::Preview(arguments) => preview::carry_out(&arguments, &global.session()?, output),
        Verb::Run(arguments) => run::carry_out(&arguments, &global.session()?, output),
        Verb::Resume(arguments) => run::go_on(&arguments, &global.session()?, output),
        Verb::Verify(arguments) => verify::carry_out(&arguments, &global.session()?, output),
        Verb::Rollback(arguments) => rollback::carry_out(&arguments, &global.session()?, output),
        Verb::Runs(arguments) => runs::carry_out(&arguments, &global.session()?, output),
        Verb::Report(arguments) => report::carry_out(&arguments, &global.session()?, output),
        Verb::Control(arguments) => control::carry_out(&arguments, &global.session()?, output),
        Verb::Schema(arguments) => schema::carry_out(&arguments, &global.session()?, output),
        Verb::Diff(arguments) => diff::carry_out(&arguments, &global.session()?, output),
        Verb::Infer(arguments) => infer::carry_out(&arguments, &global.session()?, output),
        Verb::Log(arguments) => log::carry_out(&arguments, &global.session()?, output),
        Verb::Graph(arguments) => graph::carry_out(&arguments, &global.session()?, output),
        Verb::Transform(arguments) => transform::carry_out(&arguments, &global.session()?, output),
        Verb::Doctor(arguments) => doctor::carry_out(&arguments, &global, output),
        Verb::Config(arguments) => config::carry_out(&arguments, &global, output),
        Verb::Completions(arguments) => Ok(shell::completions(&arguments, output)),
        Verb::Man(arguments) => shell::man(&arguments, output),
        Verb::Version => Ok(version::carry_out(output)),
        Verb::Demo(arguments) => return demo::carry_out(&arguments, &global, output),
    };
    exit.map(Start::Ended)
}
