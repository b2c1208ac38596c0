//! Room on the disk of the state directory.

use std::path::Path;

use super::error::JournalError;

/// Below this many free bytes no before-images are written any more: what is under way still has to
/// come to its marks and its checkpoint.
pub const FREE_BYTES_MIN: u64 = 64 << 20;

/// Whether there is room for more before-images on the disk of `folder`.
///
/// # Errors
/// [`JournalError::NoRoom`], which is out of space, with the figures.
pub(super) fn has_room(folder: &Path) -> Result<(), JournalError> {
    let free = free_bytes(folder)?;
    if free < FREE_BYTES_MIN {
        return Err(JournalError::NoRoom { path: folder.to_owned(), free });
    }
    Ok(())
}

/// What `statvfs` says is free for an ordinary user. A debug build takes the figure from the file
/// that `REMOLD_FREE_BYTES_FILE` names, so that a test can fill the disk and empty it.
pub(super) fn free_bytes(folder: &Path) -> Result<u64, JournalError> {
    #[cfg(debug_assertions)]
    if let Some(file) = std::env::var_os("REMOLD_FREE_BYTES_FILE") {
        let text = std::fs::read_to_string(file).unwrap_or_default();
        return Ok(text.trim().parse().unwrap_or(u64::MAX));
    }
    let disk = rustix::fs::statvfs(folder)
        .map_err(|error| JournalError::io("ask for the free space of", folder)(error.into()))?;
    Ok(disk.f_bavail.saturating_mul(disk.f_frsize))
}
