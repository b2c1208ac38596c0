//! The socket in a run's folder over which a run at work takes orders from its own user.

use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};

use super::error::JournalError;
use super::folder::save_file;

/// `sockaddr_un` holds 104 bytes on macOS and 108 on Linux, with a closing zero.
const SOCKET_PATH_BYTES_MAX: usize = 103;
const NAME: &str = "control.sock";
/// Names the socket when the run's folder has too long a path for one.
const POINTER: &str = "control.path";

/// A socket that listens, and is removed on drop.
#[derive(Debug)]
pub struct ControlSocket {
    /// Takes connections.
    pub listener: UnixListener,
    path: PathBuf,
    /// A folder with a short path that holds the socket, readable by its owner alone.
    _elsewhere: Option<tempfile::TempDir>,
}

impl ControlSocket {
    /// Listens for orders to the run in `folder`. What an earlier process left there is replaced:
    /// the caller holds the run's lock.
    pub fn listen(folder: &Path) -> Result<Self, JournalError> {
        let mut path = folder.join(NAME);
        let mut elsewhere = None;
        if path.as_os_str().as_bytes().len() > SOCKET_PATH_BYTES_MAX {
            let short = tempfile::Builder::new().prefix("remold-").tempdir();
            let short =
                short.map_err(JournalError::io("make a folder for the socket of", folder))?;
            path = short.path().join(NAME);
            save_file(&folder.join(POINTER), &path.display().to_string())?;
            elsewhere = Some(short);
        }
        let _ = fs::remove_file(&path);
        let listener = UnixListener::bind(&path).map_err(JournalError::io("listen on", &path))?;
        Ok(Self { listener, path, _elsewhere: elsewhere })
    }

    /// Connects to the run in `folder`; `None` when no process works on it.
    pub fn connect(folder: &Path) -> Option<UnixStream> {
        let near = folder.join(NAME);
        UnixStream::connect(near)
            .or_else(|_| UnixStream::connect(fs::read_to_string(folder.join(POINTER))?))
            .ok()
    }
}

impl Drop for ControlSocket {
    fn drop(&mut self) {
        // What stays behind is a name that nobody answers to; the next process replaces it.
        let _ = fs::remove_file(&self.path);
    }
}
