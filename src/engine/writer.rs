//! The writers: compare-and-set, and what to make of its answers.

use std::sync::Mutex;
use std::sync::mpsc::{Receiver, Sender};
use std::time::{Duration, Instant};

use super::busy::Station;
use super::error::EngineError;
use super::judge::Judged;
use super::pipeline::{Event, Expiries, Job, Order, Unsettled, Write, expiries, judge_found, next};
use super::standing::read_now;
use super::task::{Task, image_entry};
use super::trouble::Trouble;
use super::whole::look_around;
use crate::journal::{ImageEntry, Mark, crash_point};
use crate::model::limits::CONFLICT_TRIES_MAX;
use crate::model::{Edit, Key, Now, Outcome, Standing, Stands};
use crate::store::{Found, Link, StoreError, Written};

pub(super) struct Writer<'w> {
    pub job: &'w Job<'w>,
    pub link: Link,
    /// How long the way to the server and back takes, which no other client feels.
    pub trip: Duration,
    pub events: &'w Sender<Event>,
}

impl Writer<'_> {
    /// Writes batches until there are no more.
    pub fn work(mut self, orders: &Mutex<Receiver<Order>>) -> Result<(), EngineError> {
        while let Some(order) = next(orders) {
            let began = Instant::now();
            let event = match &order {
                Order::Write(write) => self.write(write).map(|(marks, again)| {
                    let (page, frame) = (write.page, write.frame);
                    Event::Written { page, frame, marks, again, took: began.elapsed() }
                }),
                Order::ReadBack(at) => self.read_back(&self.job.unsettled[*at], began),
            };
            self.job.clocks.add(Station::Write, began.elapsed());
            match event {
                Ok(event) => {
                    if self.events.send(event).is_err() {
                        break;
                    }
                }
                Err(error) => {
                    let _ = self.events.send(Event::Abandoned);
                    // Who was told to stop while he waited has not failed; a resume reads back what
                    // became of the batch.
                    if !(error.is_transient() && self.job.control.is_stopped()) {
                        return Err(error.into());
                    }
                }
            }
        }
        Ok(())
    }

    /// Settles what an earlier session left.
    fn read_back(&mut self, left: &Unsettled, began: Instant) -> Result<Event, StoreError> {
        match left {
            Unsettled::Batch { frame, entries } => {
                let (marks, again) = self.settle_unknown(0, 0, entries)?;
                let took = began.elapsed();
                Ok(Event::Written { page: 0, frame: *frame, marks, again, took })
            }
            Unsettled::Keys(keys) => {
                let none = Task::new(self.job, (0, 0), Vec::new(), Expiries::new());
                Ok(Event::Judged(self.again(0, 0, keys.clone())?.unwrap_or(none)))
            }
        }
    }

    /// Writes one batch. Answers a mark for each entry and the keys that go round again.
    fn write(&mut self, write: &Write) -> Result<(Vec<Mark>, Option<Task>), StoreError> {
        let edits: Vec<(&Key, &Edit)> = write.items.iter().map(|(k, _, edit)| (k, edit)).collect();
        crash_point();
        let (mut tries, trip, size) = (0, self.trip, &self.job.batch_size);
        // Written again after each error that waiting cures: nothing is replaced twice, because our
        // own value is not what has to stand.
        let written = self.patiently(|link| {
            tries += 1;
            let began = Instant::now();
            let written = link.compare_and_set(&edits);
            size.hear(edits.len(), began.elapsed().saturating_sub(trip));
            written
        })?;
        self.say_how();
        crash_point();
        let differs = |at: &usize| written[*at] == Written::Differs;
        let differing: Vec<usize> = (0..written.len()).filter(differs).collect();
        let mut marks = vec![Mark::Settled(Outcome::Migrated); written.len()];
        let again = if tries == 1 {
            let keys = differing.iter().map(|at| write.items[*at].0.clone()).collect();
            for at in &differing {
                marks[*at] = Mark::Again;
            }
            self.again(write.page, write.attempt, keys)?
        } else {
            // An error from a write means unknown, not "not written": it may be our own value that
            // differs.
            // Only digests are asked for here; the expiries stand in the journal.
            let entry = |at: &usize| image_entry(&write.items[*at], &Expiries::new());
            let entries: Vec<_> = differing.iter().map(entry).collect();
            let (settled, again) = self.settle_unknown(write.page, write.attempt, &entries)?;
            for (at, mark) in differing.iter().zip(settled) {
                marks[*at] = mark;
            }
            again
        };
        for (mark, (key, ..)) in marks.iter().zip(&write.items) {
            if matches!(mark, Mark::Settled(_)) {
                self.job.forget_answers(key);
            }
        }
        Ok((marks, again))
    }

    /// Reads keys again whose value was not what had been read, and judges them again.
    fn again(
        &mut self,
        page: u64,
        attempt: u32,
        keys: Vec<Key>,
    ) -> Result<Option<Task>, StoreError> {
        if keys.is_empty() {
            return Ok(None);
        }
        let (found, expiries) = self.read(&keys)?;
        let judged = keys.into_iter().zip(found).map(|(key, found)| {
            let judged = judge_found(self.job, &key, &found);
            let judged = give_up(judged, attempt);
            (key, judged)
        });
        let mut items: Vec<_> = judged.collect();
        self.patiently(|link| look_around(link, &mut items))?;
        Ok(Some(Task::new(self.job, (page, attempt + 1), items, expiries)))
    }

    /// Settles a batch of which it is not known what was written, by reading it back against the
    /// digests: our value stands (written), or anything else does (judged anew: a document that
    /// still has its old version was not written by us, or was replaced by an old writer since).
    fn settle_unknown(
        &mut self,
        page: u64,
        attempt: u32,
        entries: &[ImageEntry],
    ) -> Result<(Vec<Mark>, Option<Task>), StoreError> {
        let entries_read: Vec<&ImageEntry> = entries.iter().collect();
        let mut stood = self.patiently(|link| read_now(link, &entries_read))?;
        if self.finish_moves(entries, &stood)? {
            stood = self.patiently(|link| read_now(link, &entries_read))?;
        }
        let keys: Vec<Key> = entries.iter().map(|entry| entry.key.clone()).collect();
        let (found, expiries) = self.read(&keys)?;
        let mut marks = Vec::with_capacity(entries.len());
        let mut items = Vec::new();
        for ((entry, now), found) in entries.iter().zip(stood).zip(found) {
            // A value that moved is ours also where another client has written it since.
            let has_moved = now.here == Stands::Nothing && matches!(now.there, Stands::Value(..));
            if has_moved || entry.image.standing(&now) == Standing::Ours {
                marks.push(Mark::Settled(Outcome::Migrated));
                continue;
            }
            let judged = match judge_found(self.job, &entry.key, &found) {
                // It is at the target without being byte for byte what we meant: ours was written,
                // and another client has written since.
                Judged::Outcome(Outcome::Unchanged, _) => {
                    marks.push(Mark::Settled(Outcome::Migrated));
                    continue;
                }
                judged => give_up(judged, attempt),
            };
            marks.push(Mark::Again);
            items.push((entry.key.clone(), judged));
        }
        for (_, entry) in marks.iter().zip(entries).filter(|(mark, _)| is_settled(**mark)) {
            self.job.forget_answers(&entry.key);
        }
        self.patiently(|link| look_around(link, &mut items))?;
        let again =
            (!items.is_empty()).then(|| Task::new(self.job, (page, attempt + 1), items, expiries));
        Ok((marks, again))
    }

    /// Ends moves between slots of a cluster that were cut short; answers whether there were any.
    fn finish_moves(&mut self, entries: &[ImageEntry], stood: &[Now]) -> Result<bool, StoreError> {
        let mut edits = Vec::new();
        for (entry, now) in entries.iter().zip(stood) {
            if entry.image.standing(now) == Standing::Copied {
                edits.extend(entry.image.finishing(now).map(|edit| (&entry.key, edit)));
            }
        }
        let edits: Vec<(&Key, &Edit)> = edits.iter().map(|(key, edit)| (*key, edit)).collect();
        self.patiently(|link| link.compare_and_set(&edits))?;
        Ok(!edits.is_empty())
    }

    fn say_how(&self) {
        if self.link.is_without_scripts() {
            self.job.control.note_without_scripts();
        }
    }

    fn read(&mut self, keys: &[Key]) -> Result<(Vec<Found>, Expiries), StoreError> {
        let storages = self.job.plan.storages();
        self.patiently(|link| Ok((link.read_stored(&storages, keys)?, expiries(link, keys)?)))
    }

    fn patiently<T>(
        &mut self,
        attempt: impl FnMut(&mut Link) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        self.job.patiently(&mut self.link, self.events, attempt)
    }
}

fn is_settled(mark: Mark) -> bool {
    matches!(mark, Mark::Settled(_))
}

/// Ends the tries for a key that other clients keep writing.
fn give_up(judged: Judged, attempt: u32) -> Judged {
    match judged {
        Judged::Edit { .. } | Judged::Ask(_) if attempt + 1 >= CONFLICT_TRIES_MAX => {
            let reason = format!(
                "other clients wrote the key between our read and our write, {CONFLICT_TRIES_MAX} \
                 times; their value stands"
            );
            Judged::Outcome(Outcome::Conflict, Some(Trouble::new("write", reason)))
        }
        judged => judged,
    }
}
