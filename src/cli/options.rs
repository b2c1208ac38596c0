//! Options that every verb takes, before or after it.

use std::path::PathBuf;

use clap::Args;
use serde_json::Value as Json;

use super::exit::Failure;
use super::render::{self, Output};
use crate::session::config::{self, Config, TlsFiles};
use crate::session::{Session, Settings};

/// Options of every verb.
#[derive(Args, Debug, Clone)]
#[command(next_help_heading = "Options of every verb")]
#[expect(clippy::struct_excessive_bools, reason = "each is a switch of the command line")]
pub struct Global {
    /// The server: redis://, rediss://, unix://, sentinel://HOST,.../NAME, or a connection of the
    /// configuration [default: the configuration's, else redis://127.0.0.1:6379]
    #[arg(long, global = true, env = "REMOLD_URL", hide_env_values = true, value_name = "URL")]
    pub url: Option<String>,
    /// The ACL user
    #[arg(long, global = true, env = "REMOLD_USER", value_name = "NAME")]
    pub user: Option<String>,
    /// The file with the password, in its first line; $REMOLD_PASSWORD holds the password itself
    #[arg(long, global = true, value_name = "FILE")]
    pub password_file: Option<PathBuf>,
    /// Ask for the password on the terminal
    #[arg(long, global = true, conflicts_with = "password_file")]
    pub ask_password: bool,
    /// The certificate authority to trust, PEM [default: those of the system]
    #[arg(long, global = true, value_name = "FILE")]
    pub tls_ca: Option<PathBuf>,
    /// The client's certificate, PEM
    #[arg(long, global = true, value_name = "FILE")]
    pub tls_cert: Option<PathBuf>,
    /// The key of the client's certificate, PEM
    #[arg(long, global = true, value_name = "FILE")]
    pub tls_key: Option<PathBuf>,
    /// The name the server's certificate is for, where it is not the URL's: behind a tunnel or a load
    /// balancer, or for a cluster's nodes that go by number
    #[arg(long, global = true, value_name = "NAME")]
    pub tls_server_name: Option<String>,
    /// Believe any certificate: whoever is on the way can read and change everything
    #[arg(long, global = true)]
    pub insecure: bool,
    /// The configuration file [default: remold/config.toml in the XDG place]
    #[arg(long, global = true, env = "REMOLD_CONFIG", value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// The folder with schemas and migrations
    #[arg(long, global = true, env = "REMOLD_CATALOG", value_name = "DIR")]
    pub catalog: Option<PathBuf>,
    /// The folder for journals [default: the XDG state directory]
    #[arg(long, global = true, env = "REMOLD_STATE_DIR", value_name = "DIR")]
    pub state_dir: Option<PathBuf>,
    /// A log for machines, one JSON object a line, put aside when it is full [default: that of the
    /// configuration, else none]
    #[arg(long, global = true, env = "REMOLD_LOG_FILE", value_name = "FILE")]
    pub log_file: Option<PathBuf>,
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
        let session = Session::open(self.settings()?)?;
        if session.address().is_insecure() {
            Output::new(self).talk(format!(
                "WARNING: the certificate of {} is not checked (--insecure): whoever is on the way \
                 can read and change everything",
                session.address()
            ));
        }
        Ok(session)
    }

    /// Where the configuration file is, when there is a place for it.
    pub fn config_place(&self) -> Option<PathBuf> {
        self.config.clone().or_else(Config::place)
    }

    /// The settings these options ask for, with what the configuration says beside.
    pub fn settings(&self) -> Result<Settings, Failure> {
        if let Some(path) = self.config.as_ref().filter(|path| !path.is_file()) {
            return Err(Failure::usage(format!("there is no file {}", path.display())));
        }
        let configuration = self.configuration()?;
        let log = configuration.log_place(self.log_file.clone());
        Ok(configuration.complete(Settings { log, ..self.said()? })?)
    }

    /// The configuration file, read; one that is not there says nothing.
    pub fn configuration(&self) -> Result<Config, Failure> {
        let place = self.config_place();
        Ok(place.map_or_else(|| Ok(Config::default()), |path| Config::read(&path))?)
    }

    /// The settings as they stand on the command line and in the environment.
    fn said(&self) -> Result<Settings, Failure> {
        Ok(Settings {
            url: self.url.clone(),
            user: self.user.clone(),
            password: self.password()?,
            tls: TlsFiles {
                authority: self.tls_ca.clone(),
                certificate: self.tls_cert.clone(),
                key: self.tls_key.clone(),
                server_name: self.tls_server_name.clone(),
                insecure: self.insecure,
            },
            catalog: self.catalog.clone(),
            state_dir: self.state_dir.clone(),
            environment: self.environment.clone(),
            flags: self.flags.iter().cloned().collect(),
            registry_prefix: self.prefix.clone(),
            read_only: self.read_only,
            log: None,
        })
    }

    /// The password, from the terminal, a file or the environment; never from an argument, which
    /// other users of the machine can read.
    fn password(&self) -> Result<Option<String>, Failure> {
        if self.ask_password {
            return render::ask_password().map(Some);
        }
        if let Some(path) = &self.password_file {
            return Ok(Some(config::read_password(path)?));
        }
        Ok(std::env::var("REMOLD_PASSWORD").ok())
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
