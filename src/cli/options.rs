//! Options that every verb takes, before or after it.

use std::path::PathBuf;

use clap::Args;
use serde_json::Value as Json;

use super::exit::Failure;
use crate::session::{Session, Settings};

/// Options of every verb.
#[derive(Args, Debug, Clone)]
#[command(next_help_heading = "Options of every verb")]
#[expect(clippy::struct_excessive_bools, reason = "each is a switch of the command line")]
pub struct Global {
    /// The server: redis://, rediss://, unix:// [default: redis://127.0.0.1:6379]
    #[arg(long, global = true, env = "REMOLD_URL", hide_env_values = true, value_name = "URL")]
    pub url: Option<String>,
    /// The folder with schemas and migrations
    #[arg(long, global = true, env = "REMOLD_CATALOG", value_name = "DIR")]
    pub catalog: Option<PathBuf>,
    /// The folder for journals [default: the XDG state directory]
    #[arg(long, global = true, env = "REMOLD_STATE_DIR", value_name = "DIR")]
    pub state_dir: Option<PathBuf>,
    /// What all keys of the registry begin with [default: {remold}]
    #[arg(long, global = true, env = "REMOLD_PREFIX", value_name = "PREFIX")]
    pub prefix: Option<String>,
    /// The name of the environment, for ${ENV} and 'when'
    #[arg(long = "env", global = true, value_name = "NAME")]
    pub environment: Option<String>,
    /// A feature flag, for ${FLAG.name} and 'when'; VALUE is JSON or text (repeatable)
    #[arg(long = "flag", global = true, value_name = "NAME=VALUE", value_parser = flag)]
    pub flags: Vec<(String, Json)>,
    /// Data on standard output as JSON
    #[arg(long, global = true)]
    pub json: bool,
    /// No talk on standard error but errors
    #[arg(long, short, global = true)]
    pub quiet: bool,
    /// No colours
    #[arg(long, global = true)]
    pub no_color: bool,
    /// Refuse everything that writes to Redis
    #[arg(long, global = true)]
    pub read_only: bool,
}

impl Global {
    /// Opens the session these options ask for.
    pub fn session(&self) -> Result<Session, Failure> {
        Ok(Session::open(self.settings())?)
    }

    /// The settings these options ask for.
    pub fn settings(&self) -> Settings {
        Settings {
            url: self.url.clone(),
            catalog: self.catalog.clone(),
            state_dir: self.state_dir.clone(),
            environment: self.environment.clone(),
            flags: self.flags.iter().cloned().collect(),
            registry_prefix: self.prefix.clone(),
            read_only: self.read_only,
        }
    }
}

fn flag(text: &str) -> Result<(String, Json), String> {
    let (name, value) = text.split_once('=').unwrap_or((text, "true"));
    if name.is_empty() {
        return Err("expected NAME=VALUE, as in newNames=true".to_owned());
    }
    let value = serde_json::from_str(value).unwrap_or_else(|_| value.into());
    Ok((name.to_owned(), value))
}
