//! What can go wrong with run files.

use std::io;
use std::path::{Path, PathBuf};

/// An operating failure of the disk, or run files that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum JournalError {
    /// The system refused an operation on a file.
    #[error("cannot {what} {}: {source}\n  Nothing was written to Redis after this; free space or mend the rights, then `remold resume`", path.display())]
    Io {
        /// `write`, `create`, ...
        what: &'static str,
        /// The file or folder.
        path: PathBuf,
        /// The system's error.
        source: io::Error,
    },
    /// The disk is all but full.
    #[error("only {} MiB are free on the disk of {}, less than {} MiB\n  Nothing is written to Redis until there is space again", free >> 20, path.display(), super::space::FREE_BYTES_MIN >> 20)]
    NoRoom {
        /// The run's folder.
        path: PathBuf,
        /// Bytes that are free.
        free: u64,
    },
    /// A file does not hold what it should.
    #[error("{} is damaged at byte {offset}: {reason}\n  Frames before it are whole; nothing was changed", path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// Where in it.
        offset: u64,
        /// What is wrong there.
        reason: String,
    },
    /// The journal is of a format this program does not know.
    #[error("{} was written by remold {version} in journal format {format}, and this program knows format {known}\n  resume it with that version", path.display())]
    Format {
        /// The file.
        path: PathBuf,
        /// Its format.
        format: u32,
        /// The format this program writes.
        known: u32,
        /// The version of the program that wrote it.
        version: String,
    },
    /// Another process works on the run.
    #[error("run {run} is being worked on by another process (lock {}): wait for it, or stop it first", path.display())]
    Locked {
        /// The run.
        run: String,
        /// The lock's file.
        path: PathBuf,
    },
    /// There is no such run.
    #[error("there is no run '{run}' in {}\n  `remold runs` lists them", path.display())]
    NoSuchRun {
        /// What was asked for.
        run: String,
        /// The folder with the runs.
        path: PathBuf,
    },
}

impl JournalError {
    /// An error of the system for `what` on `path`.
    pub(super) fn io(what: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Self {
        let path = path.to_owned();
        move |source| Self::Io { what, path, source }
    }

    /// Whether the disk is full, which an operator can mend while the run waits.
    pub fn is_out_of_space(&self) -> bool {
        matches!(self, Self::NoRoom { .. })
            || matches!(self, Self::Io { source, .. }
            if matches!(source.kind(), io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded))
    }
}
