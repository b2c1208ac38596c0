//! Where the scan stands, in a file of its own that is replaced atomically.

use std::fs::{self, File, OpenOptions};
use std::io::Write;
use std::path::Path;

use serde::{Deserialize, Serialize};

use super::crash::crash_point;
use super::error::JournalError;
use super::folder::private_file;

/// Where a resumed run goes on. It covers only keys whose outcomes are durable in the journal.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Checkpoint {
    /// How far each node was scanned.
    #[serde(default)]
    pub scan: ScanPlace,
    /// The stage of the run, from 0.
    #[serde(default)]
    pub stage: usize,
    /// Whether the scan of the stage came to its end.
    pub scanned_all: bool,
    /// Seconds of work so far.
    pub seconds: f64,
    /// The starts of the servers on which the run wrote what it has written; see `engine/data_loss.rs`.
    #[serde(default)]
    pub starts: Vec<String>,
}

/// How far the nodes of a keyspace were scanned.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ScanPlace {
    /// The digest of the layout when the pass began: under another one, keys may have moved.
    pub layout: String,
    /// The nodes; one for a single server.
    pub nodes: Vec<NodeScan>,
}

/// How far one node was scanned.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct NodeScan {
    /// The node's name in the layout.
    pub node: String,
    /// The id of its start: a cursor of another start of the server is worth nothing.
    pub run_id: String,
    /// The cursor of the next `SCAN`; 0 before the first.
    pub cursor: u64,
    /// Whether the scan came to its end here.
    pub done: bool,
}

const NAME: &str = "checkpoint.json";

impl Checkpoint {
    /// Replaces the checkpoint in `folder`: a crash leaves the old one or the new one.
    pub(super) fn write(&self, folder: &Path) -> Result<(), JournalError> {
        let path = folder.join(NAME);
        let draft = folder.join("checkpoint.tmp");
        let text = serde_json::to_vec(self).expect("plain data prints as JSON");
        let mut options = OpenOptions::new();
        let mut file = private_file(&draft, options.create(true).truncate(true).write(true))?;
        file.write_all(&text).map_err(JournalError::io("write", &draft))?;
        file.sync_all().map_err(JournalError::io("sync", &draft))?;
        crash_point();
        fs::rename(&draft, &path).map_err(JournalError::io("replace", &path))?;
        crash_point();
        // The new name has to be durable too, or a crash could bring the old file back.
        let folder_file = File::open(folder).map_err(JournalError::io("open", folder))?;
        folder_file.sync_all().map_err(JournalError::io("sync", folder))
    }

    /// Reads the checkpoint in `folder`; `None` when there is none yet.
    pub(super) fn read(folder: &Path) -> Result<Option<Self>, JournalError> {
        let path = folder.join(NAME);
        let text = match fs::read(&path) {
            Ok(text) => text,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(JournalError::io("read", &path)(error)),
        };
        serde_json::from_slice(&text).map(Some).map_err(|error| JournalError::Damaged {
            path,
            offset: 0,
            reason: error.to_string(),
        })
    }
}
