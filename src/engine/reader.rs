//! The readers: each reads the values of pages of keys over a connection of its own, cuts them into
//! batches and judges those.

use std::mem;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, Sender};
use std::sync::{Mutex, PoisonError};

use super::busy::Station;
use super::control::{Control, Gate};
use super::error::EngineError;
use super::permits::Permits;
use super::pipeline::{Event, Expiries, Job, Unread, expiries, judge_found, next};
use super::task::Task;
use super::whole::look_around;
use crate::model::Key;
use crate::model::limits::BATCH_BYTES_MAX;
use crate::store::{Found, Link, StoreError};

/// Keys that are read in one go as long as the size of their values is not known.
const READ_KEYS_FIRST: usize = 20;

pub(super) struct Reader<'r> {
    pub job: &'r Job<'r>,
    pub link: Link,
    /// Batches that may be under way.
    pub permits: &'r Permits,
    /// Pages that may be on their way to the readers.
    pub ahead: &'r Permits,
    /// Keys that may still begin under the selection's limit.
    pub left: &'r AtomicU64,
    pub events: &'r Sender<Event>,
    /// The largest of the values that were read last; 0 when none was.
    pub largest_bytes: usize,
}

impl Reader<'_> {
    /// Reads pages until there are no more.
    pub fn work(mut self, queue: &Mutex<Receiver<Unread>>) -> Result<(), EngineError> {
        while let Some(Unread { page, keys, place, fraction }) = next(queue) {
            let batches = match self.send(page, keys) {
                Err(EngineError::Store(_)) if self.job.control.is_stopped() => None,
                sent => sent?,
            };
            let event = match batches {
                Some(batches) => Event::Page { page, place, fraction, batches },
                None => Event::PageLeft,
            };
            let is_over = self.events.send(event).is_err();
            self.ahead.release();
            if is_over {
                break;
            }
        }
        Ok(())
    }

    /// Reads the keys and sends them on, judged, in batches; answers how many, `None` when told to
    /// stop.
    fn send(&mut self, page: u64, keys: Vec<Key>) -> Result<Option<usize>, EngineError> {
        let control = self.job.control;
        // In a dry run nothing is put back, so no expiry has to be known.
        let keys_expire = self.job.journal.is_some() && self.patiently(Link::has_expiring_keys)?;
        let mut batches = 0;
        let mut keys = keys.into_iter();
        let (mut items, mut expiring, mut bytes) = (Vec::new(), Expiries::new(), 0);
        // A batch that is begun holds its permit from before it is read: so that other clients have
        // little time between the read and the write.
        let mut is_begun = false;
        while keys.len() > 0 {
            let some: Vec<Key> = keys.by_ref().take(self.keys_at_once(items.len())).collect();
            let gate = if is_begun { Control::gate_within } else { Control::gate };
            let is_stopped = gate(control, some.len()) == Gate::Stop;
            is_begun = is_begun || (!is_stopped && self.permits.acquire(control));
            if is_stopped || !is_begun {
                is_begun.then(|| self.permits.release());
                return Ok(None);
            }
            let read = self.read(&some, keys_expire).inspect_err(|_| self.permits.release());
            let (found, expiries) = read?;
            expiring.extend(expiries);
            self.largest_bytes = found.iter().map(size_of).max().unwrap_or(0);
            for (key, found) in some.into_iter().zip(found) {
                if !self.belongs(&key, &found) {
                    continue;
                }
                let size = size_of(&found);
                if bytes + size > BATCH_BYTES_MAX && !items.is_empty() {
                    let batch = mem::take(&mut items);
                    if !self.send_batch(page, batch, &mut expiring)?
                        || !self.permits.acquire(control)
                    {
                        return Ok(None);
                    }
                    (batches, bytes) = (batches + 1, 0);
                }
                bytes += size;
                items.push((key, found));
            }
            if items.len() >= self.job.batch_size.keys() || (keys.len() == 0 && !items.is_empty()) {
                if !self.send_batch(page, mem::take(&mut items), &mut expiring)? {
                    return Ok(None);
                }
                (batches, bytes, is_begun) = (batches + 1, 0, false);
            }
        }
        // None of its keys was the run's.
        is_begun.then(|| self.permits.release());
        Ok(Some(batches))
    }

    fn read(
        &mut self,
        keys: &[Key],
        keys_expire: bool,
    ) -> Result<(Vec<Found>, Expiries), EngineError> {
        let storages = self.job.plan.storages();
        let job = self.job;
        job.clocks.time(Station::Read, || {
            self.patiently(|link| {
                let found = link.read_stored(&storages, keys)?;
                let expiring = if keys_expire { expiries(link, keys)? } else { Expiries::new() };
                Ok((found, expiring))
            })
        })
    }

    /// How many keys to read in one go: those that a batch with so many lacks, fewer when documents are
    /// large. At first nothing is known of them.
    fn keys_at_once(&self, begun: usize) -> usize {
        let most = match self.largest_bytes {
            0 => READ_KEYS_FIRST,
            largest => (BATCH_BYTES_MAX / largest).max(1),
        };
        self.job.batch_size.keys().saturating_sub(begun).clamp(1, most)
    }

    /// Judges a batch, with those of `expiring` that are its own, and sends it on; `false` when nobody
    /// listens any more.
    fn send_batch(
        &mut self,
        page: u64,
        items: Vec<(Key, Found)>,
        expiring: &mut Expiries,
    ) -> Result<bool, EngineError> {
        let job = self.job;
        let own = items.iter().filter_map(|(key, _)| expiring.remove_entry(key));
        let expiries = own.collect();
        let judged = items.into_iter().map(|(key, found)| {
            let judged = judge_found(job, &key, &found);
            (key, judged)
        });
        let mut items: Vec<_> = job.clocks.time(Station::Transform, || judged.collect());
        let looked = self.patiently(|link| look_around(link, &mut items));
        let event = match &looked {
            Ok(()) => Event::Judged(Task::new(job, (page, 0), items, expiries)),
            Err(_) => Event::Abandoned,
        };
        let is_sent = self.events.send(event).is_ok();
        looked?;
        Ok(is_sent)
    }

    /// Whether a key is of the storage that was selected. One of another type never was a document
    /// of the run, so it is not one that went wrong, unless it was asked for by name.
    fn belongs(&self, key: &Key, found: &Found) -> bool {
        let is_named = self.job.plan.selection.keys.is_some();
        let belongs = is_named || !matches!(found, Found::OtherType(_));
        if !belongs {
            self.job.seen.lock().unwrap_or_else(PoisonError::into_inner).forget(key);
            let more = |left: u64| Some(left.saturating_add(1));
            let _ = self.left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, more);
        }
        belongs
    }

    fn patiently<T>(
        &mut self,
        attempt: impl FnMut(&mut Link) -> Result<T, StoreError>,
    ) -> Result<T, EngineError> {
        Ok(self.job.patiently(&mut self.link, self.events, attempt)?)
    }
}

/// Bytes of a value that was read; an absent one counts as one.
fn size_of(found: &Found) -> usize {
    match found {
        Found::Content(content) => content.bytes().max(1),
        Found::OtherType(_) | Found::Missing => 1,
    }
}
