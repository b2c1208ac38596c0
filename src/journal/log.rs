//! The log of a run: appended to while it works, read when it is resumed, verified or rolled back.

use std::fs::{File, OpenOptions};
use std::io::{BufReader, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use super::checkpoint::Checkpoint;
use super::crash::crash_point;
use super::error::JournalError;
use super::folder::{RunFolder, private_file};
use super::frame::{self, Next};
use super::record::{FORMAT, Header, Note, Record};

const NAME: &str = "journal.log";

/// The log of one run, open to be appended to. Frames are numbered from 1, which is the header.
#[derive(Debug)]
pub struct Journal {
    folder: RunFolder,
    path: PathBuf,
    file: File,
    /// Where each frame begins; frame `n` is at `offsets[n - 1]`.
    offsets: Vec<u64>,
    length: u64,
    pending: Vec<u8>,
}

impl Journal {
    /// Begins the log of a new run. The header is durable when this returns.
    pub fn create(folder: RunFolder, header: &Header) -> Result<Self, JournalError> {
        let path = folder.path().join(NAME);
        let mut options = OpenOptions::new();
        options.create_new(true).read(true).append(true);
        let file = private_file(&path, &mut options)?;
        let mut journal =
            Self { folder, path, file, offsets: Vec::new(), length: 0, pending: Vec::new() };
        journal.append(&Record::Header(Box::new(header.clone())));
        journal.sync()?;
        let parent = journal.folder.path();
        let parent_file = File::open(parent).map_err(JournalError::io("open", parent))?;
        parent_file.sync_all().map_err(JournalError::io("sync", parent))?;
        Ok(journal)
    }

    /// Opens the log of a run to go on. A tail that a crash tore is cut before anything is appended;
    /// `visit` sees every whole frame after the header with its number.
    pub fn open(
        folder: RunFolder,
        visit: &mut dyn FnMut(u64, Record),
    ) -> Result<(Self, Header), JournalError> {
        let path = folder.path().join(NAME);
        let mut replay = Replay::open(folder.path())?;
        let mut offsets = vec![0];
        let header = replay.header().clone();
        loop {
            let start = replay.position();
            let Some((number, record)) = replay.next()? else { break };
            offsets.push(start);
            visit(number, record);
        }
        let length = replay.position();
        let file = private_file(&path, OpenOptions::new().read(true).append(true))?;
        file.set_len(length).map_err(JournalError::io("cut the torn tail of", &path))?;
        file.sync_all().map_err(JournalError::io("sync", &path))?;
        Ok((Self { folder, path, file, offsets, length, pending: Vec::new() }, header))
    }

    /// Appends a record and answers its number. It is durable after the next [`Journal::sync`].
    pub fn append(&mut self, record: &Record) -> u64 {
        let (kind, payload) = record.encode();
        self.offsets.push(self.length + self.pending.len() as u64);
        frame::push(&mut self.pending, kind, &payload);
        self.offsets.len() as u64
    }

    /// Makes everything appended so far durable.
    pub fn sync(&mut self) -> Result<(), JournalError> {
        crash_point();
        self.flush()?;
        crash_point();
        self.file.sync_data().map_err(JournalError::io("sync", &self.path))
    }

    /// Hands what was appended to the system, without waiting for the disk.
    pub fn flush(&mut self) -> Result<(), JournalError> {
        if let Err(error) = self.file.write_all(&self.pending) {
            // Part of a frame may have been written: cut it, so that what follows is readable.
            let _ = self.file.set_len(self.length);
            return Err(JournalError::io("write", &self.path)(error));
        }
        self.length += self.pending.len() as u64;
        self.pending.clear();
        Ok(())
    }

    /// Makes the log durable and then replaces the checkpoint.
    pub fn checkpoint(&mut self, checkpoint: &Checkpoint) -> Result<(), JournalError> {
        self.sync()?;
        checkpoint.write(self.folder.path())
    }

    /// Where the scan stood when the run was left.
    pub fn last_checkpoint(&self) -> Result<Option<Checkpoint>, JournalError> {
        self.folder.checkpoint()
    }

    /// Reads one frame again.
    pub fn read(&mut self, number: u64) -> Result<Record, JournalError> {
        self.flush()?;
        let index = usize::try_from(number - 1).expect("frame numbers fit in memory");
        let offset = self.offsets[index];
        let mut file = &self.file;
        file.seek(SeekFrom::Start(offset)).map_err(JournalError::io("read", &self.path))?;
        let damaged = |reason: &str| JournalError::Damaged {
            path: self.path.clone(),
            offset,
            reason: reason.to_owned(),
        };
        match frame::read(&mut file).map_err(JournalError::io("read", &self.path))? {
            Next::Frame { kind, payload } => Record::decode(kind, &payload)
                .ok_or_else(|| damaged("the frame's content is not understood")),
            Next::End => Err(damaged("the file ends before this frame")),
            Next::Torn(reason) => Err(damaged(reason)),
        }
    }

    /// How many frames there are; the newest has this number.
    pub fn frames(&self) -> u64 {
        self.offsets.len() as u64
    }

    /// The log's size in bytes.
    pub fn bytes(&self) -> u64 {
        self.length + self.pending.len() as u64
    }
}

/// Reads a log from its beginning, without the run's lock. A torn tail ends it.
pub struct Replay {
    path: PathBuf,
    reader: BufReader<File>,
    header: Header,
    position: u64,
    number: u64,
}

impl Replay {
    /// Opens the log in a run's folder.
    pub fn open(folder: &Path) -> Result<Self, JournalError> {
        let path = folder.join(NAME);
        let file = File::open(&path).map_err(JournalError::io("open", &path))?;
        let mut reader = BufReader::with_capacity(1 << 20, file);
        let damaged = |reason: &str| JournalError::Damaged {
            path: path.clone(),
            offset: 0,
            reason: reason.to_owned(),
        };
        let next = frame::read(&mut reader).map_err(JournalError::io("read", &path))?;
        let Next::Frame { kind, payload } = next else {
            return Err(damaged("it does not begin with a header: the run never started"));
        };
        let Some(Record::Header(header)) = Record::decode(kind, &payload) else {
            return Err(damaged("its header is not understood"));
        };
        if header.format != FORMAT {
            return Err(JournalError::Format {
                path,
                format: header.format,
                known: FORMAT,
                version: header.program.clone(),
            });
        }
        let position = (frame::HEAD_BYTES + payload.len()) as u64;
        Ok(Self { path, reader, header: *header, position, number: 1 })
    }

    /// What the run is.
    pub fn header(&self) -> &Header {
        &self.header
    }

    /// The next frame with its number; `None` at the end, and at a torn tail.
    #[expect(
        clippy::should_implement_trait,
        reason = "an iterator could not be asked for its position"
    )]
    pub fn next(&mut self) -> Result<Option<(u64, Record)>, JournalError> {
        let next =
            frame::read(self.reader.by_ref()).map_err(JournalError::io("read", &self.path))?;
        let Next::Frame { kind, payload } = next else { return Ok(None) };
        let record = Record::decode(kind, &payload).ok_or_else(|| JournalError::Damaged {
            path: self.path.clone(),
            offset: self.position,
            reason: "the frame's content is not understood".to_owned(),
        })?;
        self.position += (frame::HEAD_BYTES + payload.len()) as u64;
        self.number += 1;
        Ok(Some((self.number, record)))
    }

    /// The next note, passing over every other frame without decoding it.
    pub fn next_note(&mut self) -> Result<Option<Note>, JournalError> {
        loop {
            let next =
                frame::read(self.reader.by_ref()).map_err(JournalError::io("read", &self.path))?;
            let Next::Frame { kind, payload } = next else { return Ok(None) };
            self.position += (frame::HEAD_BYTES + payload.len()) as u64;
            self.number += 1;
            if Record::is_note(kind)
                && let Some(Record::Note(note)) = Record::decode(kind, &payload)
            {
                return Ok(Some(note));
            }
        }
    }

    /// Bytes of whole frames read so far.
    pub fn position(&self) -> u64 {
        self.position
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::journal::RunsFolder;
    use crate::model::RunId;

    fn header() -> Header {
        let run = RunId::new("20261123-000000", "user", 1);
        Header::new(run, "now".into(), "redis://x".into(), serde_json::json!({"a": 1}))
    }

    fn note(number: u32) -> Record {
        Record::Note(Note::RollbackBegan { at: number.to_string() })
    }

    #[test]
    fn a_torn_tail_is_cut_at_every_byte() {
        let state = tempfile::tempdir().expect("a folder");
        let runs = RunsFolder::of(state.path());
        let header = header();
        let mut journal =
            Journal::create(runs.create(&header.run).expect("new"), &header).expect("created");
        let whole = journal.bytes();
        journal.append(&note(2));
        journal.sync().expect("synced");
        let full = journal.bytes();
        drop(journal);
        let path = runs.peek(&header.run).join(NAME);
        for length in (whole..full).rev() {
            let file = OpenOptions::new().write(true).open(&path).expect("opens");
            file.set_len(length).expect("cut");
            let mut seen = 0;
            let (mut journal, found) =
                Journal::open(runs.open(&header.run).expect("there"), &mut |_, _| seen += 1)
                    .expect("opens");
            assert_eq!((seen, &found, journal.bytes()), (0, &header, whole), "cut at {length}");
            let number = journal.append(&note(3));
            journal.sync().expect("synced");
            assert_eq!(journal.read(number).expect("reads"), note(3));
            file.set_len(length).expect("cut again");
        }
    }

    #[test]
    fn one_process_at_a_time_works_on_a_run() {
        let state = tempfile::tempdir().expect("a folder");
        let runs = RunsFolder::of(state.path());
        let header = header();
        let folder = runs.create(&header.run).expect("new");
        assert!(matches!(runs.open(&header.run), Err(JournalError::Locked { .. })));
        drop(folder);
        runs.open(&header.run).expect("free again");
    }
}
