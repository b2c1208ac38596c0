//! `remold config`: the configuration file.

use clap::{Args, Subcommand};

use super::exit::{Exit, Failure};
use super::options::Global;
use super::render::Output;
use crate::session::config::{Config, EXAMPLE};
use crate::session::{Session, SessionError, save_file};

#[derive(Args, Debug)]
pub struct Arguments {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Subcommand, Debug)]
enum Verb {
    /// Write a file that explains every setting; one that is there is kept
    Init,
    /// Print where the file is
    Path,
    /// Read the file and list its connections
    Check {
        /// Connect to each as well
        #[arg(long)]
        connect: bool,
    },
}

/// Shows, makes or checks the configuration.
pub fn carry_out(arguments: &Arguments, global: &Global, output: Output) -> Result<Exit, Failure> {
    let Some(path) = global.config_place() else {
        return Err(Failure::usage("this system names no place for configurations: use --config"));
    };
    match arguments.verb {
        Verb::Path => output.line(path.display().to_string()),
        Verb::Init => {
            if path.exists() {
                return Err(Failure::usage(format!("{} is there already", path.display())));
            }
            save_file(&path, EXAMPLE).map_err(SessionError::from)?;
            output.line(format!("wrote {}", path.display()));
        }
        Verb::Check { connect } => {
            if !path.exists() {
                output.talk(format!(
                    "there is no {}: `remold config init` makes one",
                    path.display()
                ));
            }
            return Ok(check(&Config::read(&path)?, connect, output));
        }
    }
    Ok(Exit::Fine)
}

fn check(config: &Config, connect: bool, output: Output) -> Exit {
    let mut exit = Exit::Fine;
    if config.connections.is_empty() {
        output.talk("the configuration names no connection");
    }
    for name in config.connections.keys() {
        let settings = crate::session::Settings { url: Some(name.clone()), ..Default::default() };
        let opened = config.complete(settings).and_then(Session::open);
        let found = opened.and_then(|session| {
            let place = session.address().to_string();
            let server = if connect { Some(session.server()?) } else { None };
            Ok((place, server))
        });
        let mark = if config.default.as_ref() == Some(name) { " (default)" } else { "" };
        match found {
            Ok((place, None)) => output.line(format!("{name}{mark}: {place}")),
            Ok((place, Some(server))) => {
                let (kind, version) = (server.software, server.version);
                output.line(format!("{name}{mark}: {place}, {kind} {version}, {}", server.role));
            }
            Err(error) => {
                output.line(format!("{name}{mark}: {error}"));
                exit = Exit::NoServer;
            }
        }
    }
    exit
}
