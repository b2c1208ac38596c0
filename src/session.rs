//! Settings become a catalog, a server and a state directory; the verbs are handed to a face.
//!
//! Every method that speaks to the server blocks.

mod browse;
mod census;
pub mod config;
mod changes;
mod definitions;
mod drift;
pub mod doctor;
mod draft;
mod error;
mod lock;
mod logged;
pub mod edit;
mod registry;
mod room;
mod runs;
mod samples;
mod search;
mod settings;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

use semver::Version;
use serde_json::Value as Json;

use crate::catalog::versions::LATEST;
use crate::engine::{self, EngineError, Judge, Preview, Services};
use crate::journal::RunsFolder;
use crate::model::{Content, Key, Storage};
use crate::planner::{Plan, PlanRequest, draw_up};
use crate::store::{Found, Link};
use crate::transform::Frozen;

pub use self::browse::{KeyDetail, Page};
pub use self::census::{Census, Counted, Standing};
pub use self::changes::Change;
pub use self::draft::{Drafted, Ground};
pub use self::error::SessionError;
pub use self::lock::{Holder, RegisteredRun};
pub use self::logged::LogPlace;
pub use self::registry::{Clash, Event, PushOutcome};
pub use self::room::Room;
pub use self::samples::{Looked, Sampled, Samples, no_document};
pub use self::settings::{Settings, URL_DEFAULT};
pub use crate::catalog::{Catalog, Subject};
pub use crate::journal::{JournalError, save_file};
pub use crate::store::inspect::{KeyLine, KeyValue, KeyView};
pub use crate::store::{Address, Sent, ServerInfo, StoreError};

/// A server, a catalog and a state directory. Clones share them.
#[derive(Clone, Debug)]
pub struct Session {
    address: Address,
    /// Read from the registry when first asked for, unless a folder was named.
    catalog: Arc<OnceLock<Catalog>>,
    catalog_dir: Option<PathBuf>,
    runs: RunsFolder,
    environment: Option<String>,
    flags: BTreeMap<String, Json>,
    read_only: bool,
    /// Whether runs take the lock of their subject.
    locks: bool,
    /// Where verbs are logged, where they are.
    log: Option<LogPlace>,
}

impl Session {
    /// Reads settings and catalog. Does not connect yet.
    pub fn open(settings: Settings) -> Result<Self, SessionError> {
        let address = settings.address()?;
        let catalog = match &settings.catalog {
            Some(folder) => OnceLock::from(Catalog::load(folder)?),
            None => OnceLock::new(),
        };
        let state_dir = settings.state_dir.map_or_else(settings::default_state_dir, Ok)?;
        Ok(Self {
            address,
            catalog: Arc::new(catalog),
            catalog_dir: settings.catalog,
            runs: RunsFolder::of(&state_dir),
            environment: settings.environment,
            flags: settings.flags,
            read_only: settings.read_only,
            locks: true,
            log: settings.log,
        })
    }

    /// The same session with other definitions.
    #[must_use]
    pub fn with_catalog(mut self, catalog: Catalog) -> Self {
        self.catalog = Arc::new(OnceLock::from(catalog));
        self
    }

    /// The server's address, printed without a password.
    pub fn address(&self) -> &Address {
        &self.address
    }

    /// The definitions: of the folder, else of the registry. A registry that cannot be read counts
    /// as empty here; [`Session::subject`] tells why.
    pub fn catalog(&self) -> &Catalog {
        self.catalog.get_or_init(|| self.registry().unwrap_or_default())
    }

    /// The folder the definitions came from.
    pub fn catalog_dir(&self) -> Option<&Path> {
        self.catalog_dir.as_deref()
    }

    /// What was sent to the server lately, newest first.
    pub fn sent(&self) -> Vec<Sent> {
        self.address.traffic().newest()
    }

    /// The name of the environment.
    pub fn environment(&self) -> Option<&str> {
        self.environment.as_deref()
    }

    /// Whether nothing may be written.
    pub fn is_read_only(&self) -> bool {
        self.read_only
    }

    /// The run files.
    pub fn runs_folder(&self) -> &RunsFolder {
        &self.runs
    }

    /// The subject of this name.
    pub fn subject(&self, name: &str) -> Result<&Subject, SessionError> {
        if let Some(subject) = self.catalog().subject(name) {
            return Ok(subject);
        }
        let known: Vec<&str> = self.catalog().subjects.keys().map(String::as_str).collect();
        let known = match (known.as_slice(), &self.catalog_dir) {
            ([], Some(folder)) => format!("{} holds no definitions", folder.display()),
            ([], None) => {
                // Whatever keeps the registry from being read is the better answer.
                self.registry()?;
                let address = &self.address;
                format!("no --catalog was named, and nothing is registered at {address}")
            }
            (known, _) => {
                let near = crate::transform::nearest(name, known.iter().copied());
                let hint = near.map(|near| format!("did you mean '{near}'? ")).unwrap_or_default();
                format!("{hint}known subjects: {}", known.join(", "))
            }
        };
        Err(SessionError::Usage(format!("there is no subject '{name}'; {known}")))
    }

    /// Asks the server about itself.
    pub fn server(&self) -> Result<ServerInfo, SessionError> {
        Ok(Link::open(&self.address)?.server_info()?)
    }

    /// What a plan freezes, as of now.
    pub fn frozen(&self) -> Frozen {
        Frozen {
            now: engine::now(),
            environment: self.environment.clone(),
            flags: self.flags.clone(),
            seed: format!("{:016x}", random()),
        }
    }

    /// Draws up a plan. Asks the server how the keys are stored where no schema says it, for the keys of
    /// a query, and for indexes that the run touches.
    pub fn plan(&self, request: PlanRequest) -> Result<Plan, SessionError> {
        self.looked_up(self.drawn_up(request)?)
    }

    fn drawn_up(&self, request: PlanRequest) -> Result<Plan, SessionError> {
        let declared = self.catalog().subject(&request.subject).and_then(|subject| {
            subject
                .schemas
                .get(&request.target)
                .and_then(|schema| schema.storage)
                .or_else(|| subject.schemas.values().rev().find_map(|schema| schema.storage))
        });
        if let Some(storage) = declared {
            return Ok(draw_up(self.catalog(), request, storage)?);
        }
        // Mistakes in the request come before a question to the server.
        let plan = draw_up(self.catalog(), request.clone(), Storage::String)?;
        match self.seen_storage(&plan.selection.scan_pattern())? {
            None | Some(Storage::String) => Ok(plan),
            Some(storage) => Ok(draw_up(self.catalog(), request, storage)?),
        }
    }

    /// How most of the first keys of a pattern are stored; `None` when there is none.
    fn seen_storage(&self, pattern: &str) -> Result<Option<Storage>, SessionError> {
        let page = self.browse(pattern, None, 0, 200)?;
        let mut counts: BTreeMap<Storage, usize> = BTreeMap::new();
        for storage in page.lines.iter().filter_map(|line| line.redis_type.storage()) {
            *counts.entry(storage).or_default() += 1;
        }
        Ok(counts.into_iter().max_by_key(|(_, count)| *count).map(|(storage, _)| storage))
    }

    /// Applies a plan's chain to these keys, or to the first `count` of the selection when there are
    /// none, and keeps every form.
    pub fn preview(
        &self,
        plan: &Plan,
        keys: &[Key],
        count: usize,
    ) -> Result<Vec<Preview>, SessionError> {
        self.preview_of(plan, keys, count, false)
    }

    /// Like [`Session::preview`]; with `asking`, services that external steps name are asked.
    pub fn preview_of(
        &self,
        plan: &Plan,
        keys: &[Key],
        count: usize,
        asking: bool,
    ) -> Result<Vec<Preview>, SessionError> {
        let judge = Judge::new(plan)?;
        let services = if asking { Services::open(plan, &judge.endpoints())? } else { None };
        let mut link = Link::open(&self.address)?;
        let keys = if keys.is_empty() && plan.selection.keys.is_some() {
            let listed = plan.selection.keys.iter().flatten();
            listed.filter(|key| plan.selection.selects(key)).take(count).cloned().collect()
        } else if keys.is_empty() {
            let redis_type = plan.other_storages.is_empty().then(|| plan.storage.redis_type());
            let pattern = plan.selection.scan_pattern();
            let page = self.browse(&pattern, redis_type.as_ref(), 0, count)?;
            let keys = page.lines.into_iter().map(|line| line.key);
            keys.filter(|key| plan.selection.selects(key)).take(count).collect()
        } else {
            keys.to_vec()
        };
        let found = link.read_stored(&plan.storages(), &keys)?;
        let previews = keys.iter().zip(found).filter_map(|(key, found)| match (found, &services) {
            (Found::Content(content), Some(services)) => {
                Some(engine::preview_asking(&judge, &plan.target, key, &content, services))
            }
            (Found::Content(content), None) => {
                Some(Ok(engine::preview(&judge, &plan.target, key, &content)))
            }
            (Found::OtherType(_) | Found::Missing, _) => None,
        });
        Ok(previews.collect::<Result<_, EngineError>>()?)
    }

    /// Applies the chain a request asks for to one document, without a server. `source` is the
    /// version it is taken for; told by its shape when there is none.
    pub fn apply(
        &self,
        request: PlanRequest,
        key: &Key,
        content: &Content,
        source: Option<&Version>,
    ) -> Result<Preview, SessionError> {
        let plan = draw_up(self.catalog(), request, content.storage())?;
        Ok(engine::preview_from(&Judge::new(&plan)?, &plan.target, key, content, source))
    }

    /// Writes a file an operator asked for.
    pub fn save_file(&self, path: &Path, text: &str) -> Result<(), SessionError> {
        Ok(save_file(path, text)?)
    }

    /// Reads a file an operator named.
    pub fn read_file(&self, path: &Path) -> Result<String, SessionError> {
        std::fs::read_to_string(path).map_err(|error| {
            SessionError::Usage(format!("cannot read {}: {error}", path.display()))
        })
    }

    /// The version a text names: `3.0.0`, a tag, or `latest` for a subject's newest.
    pub fn version(&self, subject: &str, text: &str) -> Result<Version, SessionError> {
        let known = self.subject(subject)?;
        if text == LATEST {
            return known.latest().map(|schema| schema.version.clone()).ok_or_else(|| {
                SessionError::Usage(format!("{subject} has no schema yet, so it has no latest"))
            });
        }
        if let Some(version) = known.tags.get(text) {
            return Ok(version.clone());
        }
        text.parse().map_err(|_| {
            let versions = known.versions().into_iter().map(ToString::to_string);
            let names: Vec<String> = versions.chain(known.tags.keys().cloned()).collect();
            SessionError::Usage(format!(
                "'{text}' is no version: expected three numbers as in 1.0.0, a tag, or 'latest'; \
                 {subject} has {}",
                names.join(", ")
            ))
        })
    }
}

/// A number nobody can foresee; std's hasher is seeded by the system.
fn random() -> u64 {
    use std::hash::{BuildHasher, Hasher};
    std::collections::hash_map::RandomState::new().build_hasher().finish()
}
