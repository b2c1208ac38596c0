//! The reader: scans, leaves out what was seen, reads values.

use std::collections::{HashSet, VecDeque};
use std::sync::PoisonError;
use std::sync::mpsc::Sender;

use super::backoff::patiently;
use super::control::Gate;
use super::error::EngineError;
use super::pipeline::{Batch, Event, Job, Permits};
use crate::journal::Begin;
use crate::model::Key;
use crate::model::limits::SCAN_COUNT;
use crate::store::{Found, Link, Page, StoreError};

/// Journal frames whose keys are kept, for scans that walk over ground that was covered before.
const FRAMES_KEPT: usize = 64;

pub(super) struct Reader<'r> {
    job: &'r Job<'r>,
    link: Link,
    permits: &'r Permits,
    events: &'r Sender<Event>,
    batches: Sender<Batch>,
    /// The start of the server that gives the pages, and the connection on which it was asked for.
    server: String,
    connections: u64,
    frames: VecDeque<(u64, HashSet<Key>)>,
    /// Keys that may still begin under the selection's limit.
    left: u64,
}

impl<'r> Reader<'r> {
    pub fn new(
        job: &'r Job<'r>,
        link: Link,
        permits: &'r Permits,
        events: &'r Sender<Event>,
        batches: Sender<Batch>,
    ) -> Self {
        let taken = job.settled.tally.scanned;
        let left = job.plan.selection.limit.map_or(u64::MAX, |limit| limit.saturating_sub(taken));
        Self {
            job,
            link,
            permits,
            events,
            batches,
            server: String::new(),
            connections: 0,
            frames: VecDeque::new(),
            left,
        }
    }

    /// Scans to the end.
    pub fn work(mut self) -> Result<(), EngineError> {
        let complete = self.job.start.scanned_all || self.scan()?;
        self.tell(Event::Scanned { complete });
        Ok(())
    }

    /// Walks the keyspace; `false` when told to stop.
    fn scan(&mut self) -> Result<bool, EngineError> {
        self.server = self.patiently(Link::run_id)?;
        self.connections = self.link.connections();
        // A cursor means nothing to another start of the server: begin again, and pass over what is
        // settled.
        let resumable = self.server == self.job.start.server_run_id;
        let mut cursor = if resumable { self.job.start.cursor } else { 0 };
        let mut number = 0;
        while self.left > 0 {
            if self.job.control.gate(0) == Gate::Stop {
                return Ok(false);
            }
            let page = match self.page(cursor) {
                Ok(Some(page)) => page,
                Ok(None) => {
                    cursor = 0;
                    continue;
                }
                Err(_) if self.job.control.is_stopped() => return Ok(false),
                Err(error) => return Err(error),
            };
            number += 1;
            let keys = self.first_seen(page.keys)?;
            let Some(batches) = self.send(number, &keys)? else { return Ok(false) };
            self.tell(Event::Page { page: number, cursor: page.cursor, batches });
            cursor = page.cursor;
            if cursor == 0 {
                break;
            }
        }
        Ok(true)
    }

    /// One page; `None` when the server was started anew since the page before, so that the cursor
    /// led nowhere.
    fn page(&mut self, cursor: u64) -> Result<Option<Page>, EngineError> {
        let pattern = &self.job.plan.selection.pattern;
        let page = self.patiently(|link| link.scan(cursor, pattern, None, SCAN_COUNT))?;
        // The connection may have been made anew by this call, or by a read since the last one.
        while self.connections != self.link.connections() {
            self.connections = self.link.connections();
            let server = self.patiently(Link::run_id)?;
            if server != self.server {
                self.server = server;
                return Ok(None);
            }
        }
        Ok(Some(page))
    }

    /// The keys that this run has not dealt with; they are under way now.
    fn first_seen(&mut self, keys: Vec<Key>) -> Result<Vec<Key>, EngineError> {
        let mut first = Vec::with_capacity(keys.len());
        let mut duplicates = 0;
        for key in keys {
            if self.left == 0 {
                break;
            }
            let begin = self.job.seen.lock().unwrap_or_else(PoisonError::into_inner).begin(&key);
            let is_new = match begin {
                Begin::First => true,
                Begin::UnderWay => false,
                Begin::Maybe(frames) => {
                    let is_new = !self.stands_in(&key, &frames)?;
                    if is_new {
                        let mut seen = self.job.seen.lock().unwrap_or_else(PoisonError::into_inner);
                        seen.begin_anyway(&key);
                    }
                    is_new
                }
            };
            if is_new {
                first.push(key);
                self.left -= 1;
            } else {
                duplicates += 1;
            }
        }
        if duplicates > 0 {
            self.tell(Event::Duplicates(duplicates));
        }
        Ok(first)
    }

    /// Whether the key stands in one of these frames of the journal. Without a journal (a dry run)
    /// an equal hash is taken for an equal key: one in some hundred billion is wrong.
    fn stands_in(&mut self, key: &Key, frames: &[u64]) -> Result<bool, EngineError> {
        let Some(journal) = self.job.journal else { return Ok(true) };
        for frame in frames {
            if !self.frames.iter().any(|(known, _)| known == frame) {
                let record = journal.lock().unwrap_or_else(PoisonError::into_inner).read(*frame)?;
                if self.frames.len() == FRAMES_KEPT {
                    self.frames.pop_front();
                }
                self.frames.push_back((*frame, record.keys().cloned().collect()));
            }
            if self.frames.iter().any(|(known, keys)| known == frame && keys.contains(key)) {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Reads the keys in batches and sends them on; answers how many, `None` when told to stop.
    fn send(&mut self, page: u64, keys: &[Key]) -> Result<Option<usize>, EngineError> {
        let mut batches = 0;
        for keys in keys.chunks(self.job.batch_keys) {
            if self.job.control.gate(keys.len()) == Gate::Stop
                || !self.permits.acquire(self.job.control)
            {
                return Ok(None);
            }
            let storage = self.job.plan.storage;
            let found = match self.patiently(|link| link.read(storage, keys)) {
                Ok(found) => found,
                Err(error) => {
                    self.permits.release();
                    return if self.job.control.is_stopped() { Ok(None) } else { Err(error) };
                }
            };
            let mut items: Vec<_> = keys.iter().cloned().zip(found).collect();
            items.retain(|(key, found)| self.belongs(key, found));
            if self.batches.send(Batch { page, items }).is_err() {
                return Ok(None);
            }
            batches += 1;
        }
        Ok(Some(batches))
    }

    /// Whether a key is of the storage that was selected. One of another type never was a document
    /// of the run, so it is not one that went wrong.
    fn belongs(&mut self, key: &Key, found: &Found) -> bool {
        let belongs = !matches!(found, Found::OtherType(_));
        if !belongs {
            self.job.seen.lock().unwrap_or_else(PoisonError::into_inner).forget(key);
            self.left = self.left.saturating_add(1);
        }
        belongs
    }

    fn patiently<T>(
        &mut self,
        attempt: impl FnMut(&mut Link) -> Result<T, StoreError>,
    ) -> Result<T, EngineError> {
        let Self { job, link, events, .. } = self;
        let mut held = |reason| {
            let _ = events.send(Event::Held(reason));
        };
        Ok(patiently(job.control, link, job.patience, &mut held, attempt)?)
    }

    fn tell(&self, event: Event) {
        // Nobody listens once the run is over.
        let _ = self.events.send(event);
    }
}
