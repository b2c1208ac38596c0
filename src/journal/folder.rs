//! The folders of runs, and the lock that lets one process at a time work on a run.

use std::fs::{self, DirBuilder, File, OpenOptions, TryLockError};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use super::checkpoint::Checkpoint;
use super::error::JournalError;
use super::space::free_bytes;
use crate::model::RunId;

/// The folder that holds every run's folder.
#[derive(Clone, Debug)]
pub struct RunsFolder {
    path: PathBuf,
}

impl RunsFolder {
    /// The runs of a state directory, which need not exist yet.
    pub fn of(state_dir: &Path) -> Self {
        Self { path: state_dir.join("runs") }
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Bytes that are free on its disk, which it may have yet to be made on.
    pub fn free_bytes(&self) -> Result<u64, JournalError> {
        let there = self.path.ancestors().find(|path| path.exists());
        free_bytes(there.unwrap_or(Path::new(".")))
    }

    /// The runs, oldest first.
    pub fn list(&self) -> Result<Vec<RunId>, JournalError> {
        let entries = match fs::read_dir(&self.path) {
            Ok(entries) => entries,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(error) => return Err(JournalError::io("read", &self.path)(error)),
        };
        let mut runs = Vec::new();
        for entry in entries {
            let entry = entry.map_err(JournalError::io("read", &self.path))?;
            if let Some(id) = entry.file_name().to_str().and_then(|name| name.parse().ok())
                && entry.path().join("journal.log").is_file()
            {
                runs.push(id);
            }
        }
        runs.sort();
        Ok(runs)
    }

    /// The run of this name; `last` is the newest.
    pub fn find(&self, name: &str) -> Result<RunId, JournalError> {
        let missing = || JournalError::NoSuchRun { run: name.to_owned(), path: self.path.clone() };
        let runs = self.list()?;
        if name == "last" {
            return runs.into_iter().next_back().ok_or_else(missing);
        }
        runs.into_iter().find(|run| run.as_str() == name).ok_or_else(missing)
    }

    /// Makes the folder of a new run and locks it.
    pub fn create(&self, run: &RunId) -> Result<RunFolder, JournalError> {
        let path = self.path.join(run.as_str());
        // Before-images are the operator's data: nobody else may read them.
        let mut builder = DirBuilder::new();
        builder.recursive(true).mode(0o700);
        builder.create(&path).map_err(JournalError::io("create", &path))?;
        RunFolder::lock(path, run)
    }

    /// Opens the folder of a run that exists, and locks it.
    pub fn open(&self, run: &RunId) -> Result<RunFolder, JournalError> {
        let path = self.path.join(run.as_str());
        if !path.is_dir() {
            return Err(JournalError::NoSuchRun { run: run.to_string(), path: self.path.clone() });
        }
        RunFolder::lock(path, run)
    }

    /// Where a run's files are, without taking its lock: only to read.
    pub fn peek(&self, run: &RunId) -> PathBuf {
        self.path.join(run.as_str())
    }

    /// Removes a run with its before-images: it can be rolled back no more.
    pub fn remove(&self, run: &RunId) -> Result<(), JournalError> {
        let folder = self.open(run)?;
        fs::remove_dir_all(&folder.path).map_err(JournalError::io("remove", &folder.path))
    }
}

/// The locked folder of one run. Dropping it unlocks.
#[derive(Debug)]
pub struct RunFolder {
    path: PathBuf,
    _lock: File,
}

impl RunFolder {
    fn lock(path: PathBuf, run: &RunId) -> Result<Self, JournalError> {
        let name = path.join("lock");
        let lock =
            private_file(&name, OpenOptions::new().create(true).truncate(false).write(true))?;
        match lock.try_lock() {
            Ok(()) => Ok(Self { path, _lock: lock }),
            Err(TryLockError::WouldBlock) => {
                Err(JournalError::Locked { run: run.to_string(), path: name })
            }
            Err(TryLockError::Error(error)) => Err(JournalError::io("lock", &name)(error)),
        }
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Where the scan stands; `None` before the first checkpoint.
    pub fn checkpoint(&self) -> Result<Option<Checkpoint>, JournalError> {
        Checkpoint::read(&self.path)
    }
}

/// Opens a file that only its owner may read.
pub(super) fn private_file(path: &Path, options: &mut OpenOptions) -> Result<File, JournalError> {
    options.mode(0o600).open(path).map_err(JournalError::io("open", path))
}

/// Puts `text` into a file of its own for as long as `work` has it, and returns what stands in it then.
pub fn with_text_file(
    text: &str,
    work: &mut dyn FnMut(&Path) -> std::io::Result<()>,
) -> Result<String, JournalError> {
    let place = std::env::temp_dir();
    let file = tempfile::Builder::new().prefix("remold-").suffix(".json").tempfile();
    let file = file.map_err(JournalError::io("make a file in", &place))?;
    let path = file.path();
    fs::write(path, text).map_err(JournalError::io("write", path))?;
    work(path).map_err(JournalError::io("open an editor on", path))?;
    fs::read_to_string(path).map_err(JournalError::io("read", path))
}

/// Writes a file an operator asked for: a plan, a report, a definition. Makes its folder.
pub fn save_file(path: &Path, text: &str) -> Result<(), JournalError> {
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder).map_err(JournalError::io("make the folder of", path))?;
    }
    fs::write(path, text).map_err(JournalError::io("write", path))
}
