//! The log of a run: appended to while it works, read when it is resumed, verified or rolled back.

use std::fs::{File, OpenOptions};
use std::io::{BufReader, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use super::checkpoint::Checkpoint;
use super::crash::crash_point;
use super::error::JournalError;
use super::folder::{RunFolder, private_file};
use super::frame::{self, Next};
use super::pack::Packed;
use super::record::{FORMAT, Header, ImageEntry, Mark, Note, Record};
use super::space::has_room;
use super::undo::UndoEntry;

const NAME: &str = "journal.log";

/// The log of one run, open to be appended to. Frames are numbered from 1, which is the header.
#[derive(Debug)]
pub struct Journal {
    folder: RunFolder,
    path: PathBuf,
    file: File,
    index: Index,
    length: u64,
    pending: Vec<u8>,
}

/// Where things stand in the log: 17 bytes a frame, whatever the frames hold.
#[derive(Debug, Default)]
struct Index {
    /// Where each frame begins; frame `n` is at `offsets[n - 1]`.
    offsets: Vec<u64>,
    /// The newest frame with marks for frame `n` is `marks[n - 1]`; 0 when there is none.
    marks: Vec<u64>,
    /// What kind of frame each is.
    kinds: Vec<u8>,
    /// The frame that tells that the run began to follow its writers.
    followed_from: Option<u64>,
}

impl Index {
    /// Notes the next frame; answers its number.
    fn push(&mut self, offset: u64, kind: u8, payload: &[u8]) -> u64 {
        let marked = Record::marked(kind, payload);
        self.offsets.push(offset);
        self.kinds.push(kind);
        self.marks.push(0);
        let number = self.offsets.len() as u64;
        if let Some(slot) = marked.and_then(|frame| self.marks.get_mut(place(frame)?)) {
            *slot = number;
        }
        if self.followed_from.is_none() && Record::is_follow_began(kind, payload) {
            self.followed_from = Some(number);
        }
        number
    }
}

/// The index of a frame's number.
fn place(frame: u64) -> Option<usize> {
    usize::try_from(frame.checked_sub(1)?).ok()
}

impl Journal {
    /// Begins the log of a new run. The header is durable when this returns.
    pub fn create(folder: RunFolder, header: &Header) -> Result<Self, JournalError> {
        let path = folder.path().join(NAME);
        let mut options = OpenOptions::new();
        options.create_new(true).read(true).append(true);
        let file = private_file(&path, &mut options)?;
        let mut journal =
            Self { folder, path, file, index: Index::default(), length: 0, pending: Vec::new() };
        journal.append(&Record::Header(Box::new(header.clone())));
        journal.sync()?;
        let parent = journal.folder.path();
        let parent_file = File::open(parent).map_err(JournalError::io("open", parent))?;
        parent_file.sync_all().map_err(JournalError::io("sync", parent))?;
        Ok(journal)
    }

    /// Opens the log of a run to go on. A tail that a crash tore is cut before anything is appended;
    /// `visit` sees every whole frame after the header.
    pub fn open(
        folder: RunFolder,
        visit: &mut dyn FnMut(&Frame) -> Result<(), JournalError>,
    ) -> Result<(Self, Header), JournalError> {
        let path = folder.path().join(NAME);
        let mut replay = Replay::open(folder.path())?;
        let mut index = Index::default();
        index.push(0, Record::HEADER, &[]);
        let header = replay.header().clone();
        while let Some(frame) = replay.next()? {
            let number = index.push(frame.offset, frame.kind, &frame.payload);
            assert_eq!(number, frame.number, "frames are numbered in their order");
            visit(&frame)?;
        }
        let length = replay.position();
        let file = private_file(&path, OpenOptions::new().read(true).append(true))?;
        file.set_len(length).map_err(JournalError::io("cut the torn tail of", &path))?;
        file.sync_all().map_err(JournalError::io("sync", &path))?;
        Ok((Self { folder, path, file, index, length, pending: Vec::new() }, header))
    }

    /// Appends a record and answers its number. It is durable after the next [`Journal::sync`].
    pub fn append(&mut self, record: &Record) -> u64 {
        self.append_packed(&Packed::of(record))
    }

    /// Like [`Journal::append`], for a record that was encoded already.
    pub fn append_packed(&mut self, Packed { kind, payload }: &Packed) -> u64 {
        let number = self.index.push(self.length + self.pending.len() as u64, *kind, payload);
        frame::push(&mut self.pending, *kind, payload);
        number
    }

    /// Makes everything appended so far durable.
    pub fn sync(&mut self) -> Result<(), JournalError> {
        crash_point();
        self.flush()?;
        crash_point();
        self.file.sync_data().map_err(JournalError::io("sync", &self.path))
    }

    /// Like [`Journal::sync`], for before-images that are about to be written over: refuses while the
    /// disk is all but full.
    pub fn sync_images(&mut self) -> Result<(), JournalError> {
        has_room(self.folder.path())?;
        self.sync()
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
        let offset = self.index.offsets[place(number).expect("frame numbers begin at 1")];
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

    /// What became of the entries of a frame, as of its newest marks; `None` before the first.
    pub fn marks(&mut self, frame: u64) -> Result<Option<Vec<Mark>>, JournalError> {
        match place(frame).map_or(0, |at| self.index.marks[at]) {
            0 => Ok(None),
            number => match self.read(number)? {
                Record::Marks { marks, .. } => Ok(Some(marks)),
                _ => unreachable!("the index names frames of marks"),
            },
        }
    }

    /// The before-images in a frame; `None` when it is of another kind.
    pub fn images(&mut self, frame: u64) -> Result<Option<Vec<ImageEntry>>, JournalError> {
        if self.kind(frame) != Record::IMAGES {
            return Ok(None);
        }
        match self.read(frame)? {
            Record::Images(entries) => Ok(Some(entries)),
            _ => unreachable!("the index knows the kind"),
        }
    }

    /// What a rollback was about to write, in a frame; `None` when it is of another kind.
    pub fn undo(&mut self, frame: u64) -> Result<Option<Vec<UndoEntry>>, JournalError> {
        if self.kind(frame) != Record::UNDO {
            return Ok(None);
        }
        match self.read(frame)? {
            Record::Undo(entries) => Ok(Some(entries)),
            _ => unreachable!("the index knows the kind"),
        }
    }

    fn kind(&self, frame: u64) -> u8 {
        place(frame).map_or(0, |at| self.index.kinds[at])
    }

    /// The frame from which on a key may have an image that takes the place of an older one; `None` for
    /// a run that did not follow its writers.
    pub fn followed_from(&self) -> Option<u64> {
        self.index.followed_from
    }

    /// How many frames there are; the newest has this number.
    pub fn frames(&self) -> u64 {
        self.index.offsets.len() as u64
    }

    /// The log's size in bytes.
    pub fn bytes(&self) -> u64 {
        self.length + self.pending.len() as u64
    }
}

/// A whole frame, not decoded yet.
#[derive(Debug)]
pub struct Frame {
    /// Its number.
    pub number: u64,
    offset: u64,
    kind: u8,
    payload: Vec<u8>,
    path: PathBuf,
}

impl Frame {
    /// Decodes it.
    pub fn record(&self) -> Result<Record, JournalError> {
        Record::decode(self.kind, &self.payload).ok_or_else(|| JournalError::Damaged {
            path: self.path.clone(),
            offset: self.offset,
            reason: "the frame's content is not understood".to_owned(),
        })
    }

    /// Its note, when it is one.
    pub fn note(&self) -> Option<Note> {
        match (self.kind == Record::NOTE).then(|| Record::decode(self.kind, &self.payload)) {
            Some(Some(Record::Note(note))) => Some(note),
            _ => None,
        }
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

    /// The next frame; `None` at the end, and at a torn tail.
    #[expect(
        clippy::should_implement_trait,
        reason = "an iterator could not be asked for its position"
    )]
    pub fn next(&mut self) -> Result<Option<Frame>, JournalError> {
        let next =
            frame::read(self.reader.by_ref()).map_err(JournalError::io("read", &self.path))?;
        let Next::Frame { kind, payload } = next else { return Ok(None) };
        let offset = self.position;
        self.position += (frame::HEAD_BYTES + payload.len()) as u64;
        self.number += 1;
        Ok(Some(Frame { number: self.number, offset, kind, payload, path: self.path.clone() }))
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
        Record::Note(Note::RollbackBegan { at: number.to_string(), forward: false })
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
                Journal::open(runs.open(&header.run).expect("there"), &mut |_| {
                    seen += 1;
                    Ok(())
                })
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
