//! A group of keys that a rollback works off together, in rounds: read, decide, journal, write. Keys
//! that another client wrote between the read and the write go into the next round.

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, HashSet};
use std::time::Instant;

use serde_json::json;

use super::decide::{self, Decision, Rules};
use super::{Done, OnChanged, Rollback};
use crate::engine::backoff::patiently;
use crate::engine::error::EngineError;
use crate::engine::run::RunOptions;
use crate::engine::standing::read_now;
use crate::journal::{ImageEntry, Mark, Record, UndoEntry, crash_point};
use crate::model::limits::{BATCH_BYTES_MAX, BATCH_KEYS_DEFAULT, CONFLICT_TRIES_MAX};
use crate::model::{BeforeImage, Edit, Expiry, Key, Now, Outcome, Standing, Stands};
use crate::store::{Link, StoreError, Written};

/// One key that is to be taken back.
pub(super) struct Item {
    /// The frame whose image is put back, and which of its entries.
    frame: u64,
    at: usize,
    /// The entry of the run.
    pub entry: ImageEntry,
    /// What the rollback journalled before it wrote: in this call, or in the one that a roll-forward
    /// takes back.
    pub tried: Option<Tried>,
}

/// A write that stands in the journal.
pub(super) struct Tried {
    /// Where.
    frame: u64,
    at: usize,
    pub undo: UndoEntry,
}

impl Item {
    pub fn back(frame: u64, at: usize, entry: ImageEntry) -> Self {
        Self { frame, at, entry, tried: None }
    }

    pub fn forward(frame: u64, at: usize, undo: UndoEntry) -> Self {
        let tried = Some(Tried { frame, at, undo: undo.clone() });
        Self { frame: undo.frame, at: undo.at, entry: undo.entry, tried }
    }
}

/// Keys that are worked off together; each stands in it once.
#[derive(Default)]
pub(super) struct Group {
    items: Vec<Item>,
    keys: HashSet<Key>,
    bytes: usize,
}

impl Group {
    pub fn add(&mut self, item: Item) {
        self.keys.insert(item.entry.key.clone());
        self.bytes += item.entry.image.bytes();
        self.items.push(item);
    }

    pub fn holds(&self, key: &Key) -> bool {
        self.keys.contains(key)
    }

    pub fn len(&self) -> usize {
        self.items.len()
    }

    pub fn bytes(&self) -> usize {
        self.bytes
    }

    pub fn into_items(self) -> Vec<Item> {
        self.items
    }
}

/// New marks, by frame.
type Marks = BTreeMap<u64, Vec<Mark>>;

impl Rollback<'_> {
    /// Takes a group of keys back.
    pub(super) fn take_back(&mut self, mut items: Vec<Item>) -> Result<(), EngineError> {
        let mut marks = Marks::new();
        for _ in 0..CONFLICT_TRIES_MAX {
            let writes = self.decide(items, &mut marks)?;
            if writes.is_empty() || !self.options.execute {
                items = Vec::new();
                break;
            }
            items = self.write(writes, &mut marks)?;
        }
        for item in items {
            let reason = format!("other clients wrote it {CONFLICT_TRIES_MAX} times meanwhile");
            self.leave(&item, Done::Kept, &reason);
        }
        self.append_marks(marks);
        Ok(self.journal.flush()?)
    }

    fn append_marks(&mut self, marks: Marks) {
        if self.options.execute {
            for (frame, marks) in marks {
                self.journal.append(&Record::Marks { frame, marks });
            }
        }
    }

    /// Reads what stands under the keys and decides about each; answers what is to be written.
    fn decide(
        &mut self,
        items: Vec<Item>,
        marks: &mut Marks,
    ) -> Result<Vec<(Item, Mark, Edit)>, EngineError> {
        let entries: Vec<&ImageEntry> = items.iter().map(|item| &item.entry).collect();
        let needs_expiries = !self.options.forward && self.options.changed == OnChanged::Overwrite;
        let stands = self.read(&entries, needs_expiries)?;
        let now_ms = jiff::Timestamp::now().as_millisecond();
        let mut writes = Vec::new();
        for (item, now) in items.into_iter().zip(stands) {
            let decision = match &item.tried {
                Some(tried) if self.options.forward => decide::forward(&tried.undo, &now),
                _ => {
                    let (changed, inverse) = (self.options.changed, self.inverse.as_ref());
                    decide::back(&Rules { changed, inverse, now_ms }, &item, &now)
                }
            };
            match decision {
                Decision::Write(how, edit) if self.options.execute => {
                    writes.push((item, how, edit));
                }
                Decision::Stands(how) | Decision::Write(how, _) => {
                    self.settle(&item, how, marks)?;
                }
                Decision::Leave(done, reason) => self.leave(&item, done, &reason),
            }
        }
        Ok(writes)
    }

    /// Reads what stands now for entries of the journal.
    fn read(
        &mut self,
        entries: &[&ImageEntry],
        needs_expiries: bool,
    ) -> Result<Vec<Now>, EngineError> {
        let mut stands = self.patiently(|link| read_now(link, entries))?;
        if needs_expiries {
            let keys: Vec<Key> = entries.iter().map(|entry| entry.key.clone()).collect();
            let expiries = self.patiently(|link| link.expiries(&keys))?;
            for (now, known) in stands.iter_mut().zip(expiries) {
                if let Stands::Value(_, expires) = &mut now.here {
                    *expires = known.unwrap_or(Expiry::Never);
                }
            }
        }
        Ok(stands)
    }

    /// Journals what is about to be overwritten, writes, and answers the keys whose value was
    /// another by then.
    fn write(
        &mut self,
        mut writes: Vec<(Item, Mark, Edit)>,
        marks: &mut Marks,
    ) -> Result<Vec<Item>, EngineError> {
        // What a roll-forward overwrites stands in the journal already, as the run's images.
        if !self.options.forward {
            self.journal_images(&mut writes, marks)?;
        }
        let mut differing = Vec::new();
        while !writes.is_empty() {
            let rest = writes.split_off(cut(&writes));
            let pairs: Vec<(&Key, &Edit)> =
                writes.iter().map(|(item, _, edit)| (&item.entry.key, edit)).collect();
            // Doing it again is safe: what was written the first time differs from what was read,
            // and is recognised in the next round.
            crash_point();
            let began = Instant::now();
            let written = self.patiently(|link| link.compare_and_set(&pairs))?;
            if self.link.is_without_scripts() {
                self.control.note_without_scripts();
            }
            crash_point();
            self.log(&writes, &written, began);
            for ((item, how, _), written) in writes.into_iter().zip(written) {
                if written == Written::Replaced {
                    self.settle(&item, how, marks)?;
                } else {
                    differing.push(item);
                }
            }
            writes = rest;
        }
        Ok(differing)
    }

    /// Logs a batch that was written.
    fn log(&self, writes: &[(Item, Mark, Edit)], results: &[Written], began: Instant) {
        self.control.log("info", "batch", || {
            let batch = writes.first().and_then(|(item, ..)| Some(item.tried.as_ref()?.frame));
            let written = results.iter().filter(|result| **result == Written::Replaced).count();
            json!({
                "batch": batch, "keys": results.len(), "written": written,
                "again": results.len() - written, "ms": began.elapsed().as_secs_f64() * 1e3,
            })
        });
    }

    /// Makes what is about to be overwritten durable.
    fn journal_images(
        &mut self,
        writes: &mut [(Item, Mark, Edit)],
        marks: &mut Marks,
    ) -> Result<(), EngineError> {
        let undo = |(item, how, edit): &(Item, Mark, Edit)| {
            let entry = ImageEntry { image: BeforeImage::of(edit), ..item.entry.clone() };
            UndoEntry::of(item.frame, item.at, *how, entry, edit)
        };
        let record = Record::Undo(writes.iter().map(undo).collect());
        let frame = self.journal.append(&record);
        self.journal.sync_images()?;
        marks.insert(frame, vec![Mark::Again; writes.len()]);
        let Record::Undo(entries) = record else { unreachable!("made just above") };
        for (at, ((item, ..), undo)) in writes.iter_mut().zip(entries).enumerate() {
            item.tried = Some(Tried { frame, at, undo });
        }
        Ok(())
    }

    /// Settles what an earlier call journalled and did not come to mark: what it was about to write
    /// stands there, or was not written.
    pub(super) fn settle_left(&mut self, frames: u64) -> Result<(), EngineError> {
        if !self.options.execute {
            return Ok(());
        }
        for frame in 2..=frames {
            let Some(entries) = self.journal.undo(frame)? else { continue };
            if self.journal.marks(frame)?.is_some() {
                continue;
            }
            let read: Vec<&ImageEntry> = entries.iter().map(|undo| &undo.entry).collect();
            let stands = self.read(&read, false)?;
            let mut marks = Marks::from([(frame, vec![Mark::Again; entries.len()])]);
            for (at, (undo, now)) in entries.iter().zip(&stands).enumerate() {
                if undo.standing(now) == Standing::Ours {
                    self.mark(&mut marks, frame, at, undo.how)?;
                    self.mark(&mut marks, undo.frame, undo.at, undo.how)?;
                }
            }
            self.append_marks(marks);
        }
        Ok(self.journal.flush()?)
    }

    /// Counts and marks a key that is as it is to be.
    fn settle(&mut self, item: &Item, how: Mark, marks: &mut Marks) -> Result<(), EngineError> {
        self.tally.take_back(how);
        match how {
            Mark::Overwritten => self.tell(&item.entry.key, Done::Overwritten, ""),
            Mark::Inverted => self.tell(&item.entry.key, Done::Inverted, ""),
            _ => {}
        }
        if let Some(Tried { frame, at, .. }) = item.tried {
            self.mark(marks, frame, at, how)?;
        }
        let run_mark = match how {
            Mark::Forwarded => Mark::Settled(Outcome::Migrated),
            how => how,
        };
        self.mark(marks, item.frame, item.at, run_mark)
    }

    fn leave(&mut self, item: &Item, done: Done, reason: &str) {
        match done {
            Done::Gone => self.tally.missing += 1,
            _ => self.tally.changed += 1,
        }
        self.tell(&item.entry.key, done, reason);
    }

    /// Notes the new mark of one entry among those of its frame.
    fn mark(
        &mut self,
        marks: &mut Marks,
        frame: u64,
        at: usize,
        mark: Mark,
    ) -> Result<(), EngineError> {
        if !self.options.execute {
            return Ok(());
        }
        if let Entry::Vacant(vacant) = marks.entry(frame) {
            let known = if let Some(known) = self.journal.marks(frame)? {
                known
            } else {
                // Under way when the run ended: taken for written until it is known better.
                let entries = self.journal.images(frame)?.map_or(0, |entries| entries.len());
                vec![Mark::Settled(Outcome::Migrated); entries]
            };
            vacant.insert(known);
        }
        marks.get_mut(&frame).expect("inserted above")[at] = mark;
        Ok(())
    }

    fn patiently<T>(
        &mut self,
        attempt: impl FnMut(&mut Link) -> Result<T, StoreError>,
    ) -> Result<T, EngineError> {
        let patience = RunOptions::default().patience;
        Ok(patiently(self.control, &mut self.link, patience, &mut |_| {}, attempt)?)
    }
}

/// How many of the edits one batch may hold.
fn cut(edits: &[(Item, Mark, Edit)]) -> usize {
    let mut bytes = 0;
    let fits = edits.iter().take(BATCH_KEYS_DEFAULT).take_while(|(_, _, edit)| {
        let is_first = bytes == 0;
        bytes += edit.bytes();
        is_first || bytes <= BATCH_BYTES_MAX
    });
    fits.count()
}
