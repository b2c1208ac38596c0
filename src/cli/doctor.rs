//! `remold doctor [URL]`

use clap::{Args, ValueEnum};

use super::exit::{Exit, Failure};
use super::options::Global;
use super::render::Output;
use crate::session::doctor::{Checkup, Extra, Level};

#[derive(Args, Debug)]
pub struct Arguments {
    /// The server, instead of --url
    #[arg(value_name = "URL")]
    server: Option<String>,
    /// Keys that are to be migrated, for the rights [default: the patterns of the catalog's subjects]
    #[arg(long = "pattern", value_name = "GLOB")]
    patterns: Vec<String>,
    /// What the rights are for beside the main job (repeatable)
    #[arg(long = "with", value_name = "WHAT", value_delimiter = ',')]
    with: Vec<With>,
}

/// What a user may do beside the main job.
#[derive(Clone, Copy, Debug, ValueEnum)]
enum With {
    /// Be told of what is written, for runs with --follow
    Follow,
    /// Put queries to RediSearch, for runs with --query
    Query,
}

impl From<With> for Extra {
    fn from(with: With) -> Self {
        match with {
            With::Follow => Self::Follow,
            With::Query => Self::Query,
        }
    }
}

/// Looks the server over.
pub fn carry_out(arguments: &Arguments, global: &Global, output: Output) -> Result<Exit, Failure> {
    let mut global = global.clone();
    global.url = arguments.server.clone().or(global.url);
    let extras: Vec<Extra> = arguments.with.iter().copied().map(Extra::from).collect();
    let checkup = global.session()?.check_up(&arguments.patterns, &extras)?;
    if output.json {
        output.json(&checkup);
    } else {
        output.sentences(text(&checkup));
        // Lines to be copied stay as long as they are.
        if !checkup.grant.is_empty() {
            output.line("to grant what is lacking:");
            output.line(format!("  {}", checkup.grant));
        }
        output.line("a user that may do all this on these keys, and nothing else (ACL SAVE, or CONFIG REWRITE, keeps it):");
        output.line(format!("  {}", checkup.least_privilege));
    }
    let worst = checkup.findings.iter().map(|finding| finding.level).max();
    Ok(match worst {
        Some(Level::Warning) => Exit::NeedsEyes,
        Some(Level::Lacking) => Exit::NoServer,
        _ => Exit::Fine,
    })
}

fn text(checkup: &Checkup) -> Vec<String> {
    let mut lines = vec![checkup.server.clone()];
    for finding in &checkup.findings {
        let mark = match finding.level {
            Level::Fine => "ok  ",
            Level::Note => "    ",
            Level::Warning => "WARN",
            Level::Lacking => "LACK",
        };
        lines.push(format!("{mark} {:<14} {}", finding.about, finding.found));
        if !finding.advice.is_empty() {
            lines.push(format!("{:20}{}", "", finding.advice));
        }
    }
    lines
}
