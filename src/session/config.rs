//! The configuration file: named connections, and what the console likes.
//!
//! `$XDG_CONFIG_HOME/remold/config.toml`. What the command line or the environment says wins over it.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde::Deserialize;

use super::logged::{BYTES_MAX_DEFAULT, KEEP_DEFAULT, LogPlace};
use super::{SessionError, Settings};

/// A file with every setting, each explained, for `remold config init`.
pub const EXAMPLE: &str = include_str!("config.example.toml");

/// The configuration file, read.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// The connection to take when nobody names one.
    pub default: Option<String>,
    /// The console's theme.
    pub theme: Option<String>,
    /// Keys of the console that do something else than usual: verb to key.
    pub keys: toml::Table,
    /// The log for machines.
    pub log: Log,
    /// The connections, by name.
    pub connections: BTreeMap<String, Connection>,
}

/// The log for machines, see [`crate::engine::EventLog`].
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Log {
    /// The file; no log when left out.
    pub file: Option<PathBuf>,
    /// What it may grow to in bytes before it is put aside.
    pub max_bytes: Option<u64>,
    /// How many older files stay.
    pub keep: Option<usize>,
}

/// One named connection.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Connection {
    /// The server's URL, without a password.
    pub url: Option<String>,
    /// The ACL user.
    pub user: Option<String>,
    /// The environment variable that holds the password.
    pub password_env: Option<String>,
    /// The file that holds the password, in its first line.
    pub password_file: Option<PathBuf>,
    /// The command that prints the password, run by `/bin/sh`.
    pub password_command: Option<String>,
    /// The certificate authority to trust, PEM.
    pub tls_ca: Option<PathBuf>,
    /// The client's certificate, PEM.
    pub tls_cert: Option<PathBuf>,
    /// The key of the client's certificate, PEM.
    pub tls_key: Option<PathBuf>,
    /// The name the server's certificate is for, where it is not the URL's.
    pub tls_server_name: Option<String>,
    /// Whether to believe any certificate.
    pub insecure: bool,
    /// The environment's name, for the badge, `${ENV}` and `when`.
    pub environment: Option<String>,
    /// Whether nothing may be written.
    pub read_only: bool,
    /// The folder with the definitions.
    pub catalog: Option<PathBuf>,
    /// The folder for run files.
    pub state_dir: Option<PathBuf>,
    /// What all keys of the registry begin with.
    pub registry_prefix: Option<String>,
}

/// Where certificates are, PEM, and what is expected of the server's.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TlsFiles {
    /// The certificate authority to trust; `None`: those of the system.
    pub authority: Option<PathBuf>,
    /// The client's certificate.
    pub certificate: Option<PathBuf>,
    /// Its key.
    pub key: Option<PathBuf>,
    /// The name the server's certificate is for, where it is not the URL's.
    pub server_name: Option<String>,
    /// Whether to believe any certificate.
    pub insecure: bool,
}

impl Config {
    /// Where the file is, whether or not it is there.
    pub fn place() -> Option<PathBuf> {
        use etcetera::BaseStrategy;
        let places = etcetera::choose_base_strategy().ok()?;
        Some(places.config_dir().join("remold/config.toml"))
    }

    /// Reads the file at `path`. One that is not there says nothing.
    pub fn read(path: &Path) -> Result<Self, SessionError> {
        match std::fs::read_to_string(path) {
            Ok(text) => Self::parse(&text)
                .map_err(|error| SessionError::Usage(format!("{}: {error}", path.display()))),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(Self::default()),
            Err(error) => {
                Err(SessionError::Usage(format!("cannot read {}: {error}", path.display())))
            }
        }
    }

    /// Reads the text of a file.
    ///
    /// # Errors
    /// What is wrong, with line and column.
    pub fn parse(text: &str) -> Result<Self, String> {
        let config: Self = toml::from_str(text).map_err(|error| error.to_string())?;
        if let Some(name) = &config.default
            && !config.connections.contains_key(name)
        {
            return Err(format!("default = \"{name}\" names no connection; {}", config.known()));
        }
        for (name, connection) in &config.connections {
            if connection.url.is_none() {
                return Err(format!("[connections.{name}] has no url"));
            }
        }
        Ok(config)
    }

    fn known(&self) -> String {
        let names: Vec<&str> = self.connections.keys().map(String::as_str).collect();
        match names.as_slice() {
            [] => "the configuration has no [connections.NAME]".to_owned(),
            names => format!("known connections: {}", names.join(", ")),
        }
    }

    /// Where verbs are logged: in `file`, else in the one of the configuration.
    pub fn log_place(&self, file: Option<PathBuf>) -> Option<LogPlace> {
        Some(LogPlace {
            path: file.or_else(|| self.log.file.clone())?,
            bytes_max: self.log.max_bytes.unwrap_or(BYTES_MAX_DEFAULT),
            keep: self.log.keep.unwrap_or(KEEP_DEFAULT),
        })
    }

    /// Fills in what `settings` leave open: from the connection they name in place of a URL, or from
    /// the default one.
    pub fn complete(&self, mut settings: Settings) -> Result<Settings, SessionError> {
        let name = match &settings.url {
            Some(url) if url.contains("://") => return Ok(settings),
            Some(name) => name.clone(),
            None => match &self.default {
                Some(name) => name.clone(),
                None => return Ok(settings),
            },
        };
        let Some(known) = self.connections.get(&name) else {
            return Err(SessionError::Usage(format!(
                "'{name}' is neither a URL nor a connection; {}",
                self.known()
            )));
        };
        let known = known.clone();
        if settings.password.is_none() {
            settings.password = known.password()?;
        }
        settings.url = known.url;
        settings.user = settings.user.or(known.user);
        let tls = &mut settings.tls;
        tls.authority = tls.authority.take().or(known.tls_ca);
        tls.certificate = tls.certificate.take().or(known.tls_cert);
        tls.key = tls.key.take().or(known.tls_key);
        tls.server_name = tls.server_name.take().or(known.tls_server_name);
        tls.insecure |= known.insecure;
        settings.environment = settings.environment.or(known.environment);
        settings.read_only |= known.read_only;
        settings.catalog = settings.catalog.or(known.catalog);
        settings.state_dir = settings.state_dir.or(known.state_dir);
        settings.registry_prefix = settings.registry_prefix.or(known.registry_prefix);
        Ok(settings)
    }
}

impl Connection {
    /// The password, from where the connection says.
    fn password(&self) -> Result<Option<String>, SessionError> {
        if let Some(name) = &self.password_env {
            return std::env::var(name).map(Some).map_err(|_| {
                SessionError::Usage(format!("password_env: ${name} is not set, or is no text"))
            });
        }
        if let Some(path) = &self.password_file {
            return read_password(path).map(Some);
        }
        let Some(command) = &self.password_command else { return Ok(None) };
        let output = Command::new("/bin/sh").arg("-c").arg(command).output();
        match output {
            Ok(output) if output.status.success() => {
                Ok(Some(first_line(&String::from_utf8_lossy(&output.stdout))))
            }
            Ok(output) => Err(SessionError::Usage(format!(
                "password_command `{command}` ended with {}: {}",
                output.status,
                String::from_utf8_lossy(&output.stderr).trim()
            ))),
            Err(error) => Err(SessionError::Usage(format!("cannot run /bin/sh: {error}"))),
        }
    }
}

/// The password in the first line of a file.
pub fn read_password(path: &Path) -> Result<String, SessionError> {
    std::fs::read_to_string(path).map(|text| first_line(&text)).map_err(|error| {
        SessionError::Usage(format!("cannot read the password in {}: {error}", path.display()))
    })
}

fn first_line(text: &str) -> String {
    text.lines().next().unwrap_or_default().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_example_is_a_configuration() {
        let config = Config::parse(EXAMPLE).expect("the example reads");
        assert!(config.connections.is_empty(), "it only explains");
        // Each line that is commented out reads as well.
        let live: String = EXAMPLE
            .lines()
            .map(|line| line.strip_prefix("#: ").unwrap_or(line))
            .fold(String::new(), |all, line| all + line + "\n");
        let config = Config::parse(&live).expect("the example reads with its settings");
        assert_eq!(config.default.as_deref(), Some("local"));
        assert!(config.connections["production"].read_only);
    }

    #[test]
    fn a_name_stands_for_a_connection_and_options_win() {
        let text = "default = \"a\"\n[connections.a]\nurl = \"redis://a\"\nuser = \"app\"\n\
                    environment = \"staging\"\n[connections.b]\nurl = \"redis://b\"\n";
        let config = Config::parse(text).expect("reads");
        let of = |url: Option<&str>| {
            config.complete(Settings { url: url.map(str::to_owned), ..Settings::default() })
        };
        let settings = of(None).expect("the default");
        assert_eq!(settings.url.as_deref(), Some("redis://a"));
        assert_eq!(settings.environment.as_deref(), Some("staging"));
        assert_eq!(of(Some("b")).expect("named").url.as_deref(), Some("redis://b"));
        let settings = of(Some("redis://c")).expect("a URL");
        assert_eq!((settings.url.as_deref(), settings.user), (Some("redis://c"), None));
        let error = of(Some("c")).err().expect("unknown").to_string();
        assert!(error.contains("known connections: a, b"), "{error}");
    }

    #[test]
    fn mistakes_name_their_place() {
        for (text, wanted) in [
            ("defualt = \"a\"", "defualt"),
            ("default = \"a\"", "names no connection"),
            ("[connections.a]\nuser = \"x\"", "has no url"),
            ("[connections.a]\nurl = 3", "line 2"),
        ] {
            let error = Config::parse(text).expect_err(text);
            assert!(error.contains(wanted), "{text}: {error}");
        }
    }
}
