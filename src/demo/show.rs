//! The demo itself: a private server, filled, with the sample catalog beside it.

use std::path::PathBuf;
use std::time::Instant;

use super::{Kind, Made, Recipe, catalog, kind};
use crate::model::Key;
pub use crate::store::fingerprint::Fingerprint as Keyspace;
use crate::store::install::{self, InstallError};
use crate::store::local::{LocalError, LocalOptions, LocalServer};

/// A running demo. Dropping it takes everything away: server, data, catalog and run files.
#[derive(Debug)]
pub struct Demo {
    server: LocalServer,
    recipe: Recipe,
    made: Made,
    fill_seconds: f64,
}

/// Why there is no demo.
#[derive(Debug, thiserror::Error)]
pub enum DemoError {
    /// There is no server program, and it was not or could not be installed.
    #[error(transparent)]
    Install(#[from] InstallError),
    /// The private server.
    #[error(transparent)]
    Local(#[from] LocalError),
    /// The sample catalog could not be written.
    #[error("cannot write the sample catalog to {folder}: {source}; is the disk full?")]
    Catalog {
        /// Where to.
        folder: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
}

impl Demo {
    /// Starts a server, fills it, and writes the sample catalog. With `install`, a missing server
    /// program is installed first.
    pub fn start(recipe: Recipe, install: bool) -> Result<Self, DemoError> {
        let program = if install { install::find_or_install() } else { install::find() }?;
        let options = LocalOptions { program: Some(program), ..LocalOptions::default() };
        let server = LocalServer::start(&options)?;
        let folder = server.folder().join("catalog");
        catalog::write_below(&folder).map_err(|source| DemoError::Catalog { folder, source })?;
        let began = Instant::now();
        let mut made = Made::nothing();
        server.fill(recipe.keys().map(|(kind, key)| {
            made.add(kind, &key);
            key
        }))?;
        Ok(Self { server, recipe, made, fill_seconds: began.elapsed().as_secs_f64() })
    }

    /// The server's URL.
    pub fn url(&self) -> &str {
        self.server.url()
    }

    /// The server's program.
    pub fn program(&self) -> &str {
        self.server.program()
    }

    /// The folder with the sample catalog.
    pub fn catalog_dir(&self) -> PathBuf {
        self.server.folder().join("catalog")
    }

    /// A folder for run files that goes with the demo.
    pub fn state_dir(&self) -> PathBuf {
        self.server.folder().join("state")
    }

    /// What it was made from.
    pub fn recipe(&self) -> Recipe {
        self.recipe
    }

    /// What was made.
    pub fn made(&self) -> &Made {
        &self.made
    }

    /// How long the filling took.
    pub fn fill_seconds(&self) -> f64 {
        self.fill_seconds
    }

    /// What the keyspace holds now.
    pub fn keyspace(&self) -> Result<Keyspace, DemoError> {
        Ok(self.server.fingerprint()?)
    }

    /// One key of each kind of document that a subject has here.
    pub fn examples(&self, subject: &str) -> Vec<(Kind, Key)> {
        // The first keys are one of each kind.
        let first = self.recipe.keys().take(kind::ROWS.len());
        let wanted = |kind: Kind| kind.subject() == Some(subject) && kind.row().outcome.is_some();
        first.filter(|(kind, _)| wanted(*kind)).map(|(kind, new)| (kind, new.key)).collect()
    }
}
