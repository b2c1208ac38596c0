//! What a session is opened with: the server, the login, the places of files.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde_json::Value as Json;

use super::SessionError;
use super::config::TlsFiles;
use super::logged::LogPlace;
use crate::store::{Address, Tls};

/// The server when nobody names one.
pub const URL_DEFAULT: &str = "redis://127.0.0.1:6379";

/// What a session is opened with.
#[derive(Clone, Default)]
pub struct Settings {
    /// The server's URL.
    pub url: Option<String>,
    /// The ACL user, when the URL names none.
    pub user: Option<String>,
    /// The password, when the URL has none.
    pub password: Option<String>,
    /// Where certificates are.
    pub tls: TlsFiles,
    /// The folder with the definitions.
    pub catalog: Option<PathBuf>,
    /// The folder for run files.
    pub state_dir: Option<PathBuf>,
    /// The name of the environment, for `${ENV}`.
    pub environment: Option<String>,
    /// Feature flags, for `${FLAG.x}`; they win over those in the catalog.
    pub flags: BTreeMap<String, Json>,
    /// What all keys of the registry begin with; `{remold}` unless said.
    pub registry_prefix: Option<String>,
    /// Whether nothing may be written.
    pub read_only: bool,
    /// Where verbs are logged for machines; `None` is nowhere.
    pub log: Option<LogPlace>,
}

impl Settings {
    /// The server's address with its login, its certificates and the place of the registry.
    pub(super) fn address(&self) -> Result<Address, SessionError> {
        let mut address = Address::parse(self.url.as_deref().unwrap_or(URL_DEFAULT))?;
        address = address.with_login(self.user.as_deref(), self.password.as_deref());
        if let (Some(user), true) = (address.user(), address.lacks_password()) {
            return Err(SessionError::Usage(format!(
                "user '{user}' has no password: give it in REMOLD_PASSWORD, with --password-file or \
                 --ask-password, or in the configuration (an empty one for a user without)"
            )));
        }
        if self.tls != TlsFiles::default() {
            address = address.with_tls(&read_tls(&self.tls)?)?;
        }
        if let Some(prefix) = &self.registry_prefix {
            address = address.with_registry(prefix)?;
        }
        Ok(address)
    }
}

/// Reads the certificates.
fn read_tls(files: &TlsFiles) -> Result<Tls, SessionError> {
    let read = |path: &Path| {
        std::fs::read(path).map_err(|error| {
            SessionError::Usage(format!("cannot read {}: {error}", path.display()))
        })
    };
    let client = match (&files.certificate, &files.key) {
        (Some(certificate), Some(key)) => Some((read(certificate)?, read(key)?)),
        (None, None) => None,
        _ => {
            let why = "a client certificate needs its key, and a key its certificate: name both";
            return Err(SessionError::Usage(why.to_owned()));
        }
    };
    let authority = files.authority.as_deref().map(read).transpose()?;
    Ok(Tls { authority, client, server_name: files.server_name.clone(), insecure: files.insecure })
}

/// `$XDG_STATE_HOME/remold`, or what stands for it on this system.
pub(super) fn default_state_dir() -> Result<PathBuf, SessionError> {
    use etcetera::BaseStrategy;
    let places = etcetera::choose_base_strategy().map_err(|error| {
        SessionError::Usage(format!("no place for run files: {error}; name one with --state-dir"))
    })?;
    Ok(places.state_dir().unwrap_or_else(|| places.data_dir()).join("remold"))
}
