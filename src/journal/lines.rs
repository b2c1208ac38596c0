//! A file of lines that never grows beyond a limit: full, it is put aside and begun anew.
//!
//! `run.log` is the newest, `run.log.1` the one before, and so on. Several processes may write to the
//! same file: each line is written, and files are put aside, under a lock.

use std::fs::{self, File, OpenOptions};
use std::io::Write;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use super::error::JournalError;
use super::folder::private_file;

/// A file of lines.
#[derive(Debug)]
pub struct Lines {
    path: PathBuf,
    bytes_max: u64,
    keep: usize,
    file: File,
}

impl Lines {
    /// Opens the file at `path`, or makes it. It is put aside before a line would make it longer than
    /// `bytes_max`; `keep` older ones stay.
    pub fn open(path: &Path, bytes_max: u64, keep: usize) -> Result<Self, JournalError> {
        Ok(Self { path: path.to_owned(), bytes_max, keep, file: open(path)? })
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Appends a line.
    pub fn append(&mut self, line: &str) -> Result<(), JournalError> {
        let length = line.len() as u64 + 1;
        loop {
            self.file.lock().map_err(JournalError::io("lock", &self.path))?;
            let own = self.file.metadata().map_err(JournalError::io("look at", &self.path))?;
            // Another process may have put it aside since it was opened here.
            if !fs::metadata(&self.path).is_ok_and(|there| there.ino() == own.ino()) {
                self.file = open(&self.path)?;
                continue;
            }
            if own.len() == 0 || own.len() + length <= self.bytes_max {
                break;
            }
            self.put_aside()?;
            self.file = open(&self.path)?;
        }
        let written = self.file.write_all(format!("{line}\n").as_bytes());
        self.file.unlock().map_err(JournalError::io("unlock", &self.path))?;
        written.map_err(JournalError::io("write", &self.path))
    }

    fn put_aside(&self) -> Result<(), JournalError> {
        if self.keep == 0 {
            return fs::remove_file(&self.path).map_err(JournalError::io("remove", &self.path));
        }
        for number in (0..self.keep).rev() {
            let from = numbered(&self.path, number);
            if from.exists() {
                let to = numbered(&self.path, number + 1);
                fs::rename(&from, &to).map_err(JournalError::io("put aside", &from))?;
            }
        }
        Ok(())
    }
}

fn open(path: &Path) -> Result<File, JournalError> {
    private_file(path, OpenOptions::new().create(true).append(true))
}

fn numbered(path: &Path, number: usize) -> PathBuf {
    if number == 0 {
        return path.to_owned();
    }
    let mut name = path.as_os_str().to_owned();
    name.push(format!(".{number}"));
    PathBuf::from(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_writers_share_a_file_that_is_put_aside_when_it_is_full() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("run.log");
        let mut writers = [(); 2].map(|()| Lines::open(&path, 100, 2).expect("opens"));
        for number in 0..30 {
            writers[number % 2].append(&format!("line {number:04}")).expect("written");
        }
        let read = |number| fs::read_to_string(numbered(&path, number)).expect("there");
        let all: String = (0..3).rev().map(read).collect();
        // Ten lines of ten bytes fill a file.
        let wanted: Vec<String> = (0..30).map(|number| format!("line {number:04}")).collect();
        assert_eq!(all.lines().collect::<Vec<_>>(), wanted);
        writers[0].append("one more").expect("written");
        assert_eq!((read(0).as_str(), read(2).lines().next()), ("one more\n", Some("line 0010")));
        assert!(!numbered(&path, 3).exists());
    }
}
