//! The reader: scans, leaves out what was seen, reads values.

use std::collections::{HashSet, VecDeque};
use std::sync::PoisonError;
use std::sync::mpsc::Sender;
use std::time::{Duration, Instant};

use super::backoff::patiently;
use super::control::Gate;
use super::error::EngineError;
use super::pipeline::{Batch, Event, Expiries, Job, Permits, expiries};
use super::walk::Walk;
use crate::journal::{Begin, NodeScan, ScanPlace};
use crate::model::Key;
use crate::model::limits::SCAN_COUNT;
use crate::store::{Found, Link, Page, StoreError};

/// Journal frames whose keys are kept, for scans that walk over ground that was covered before.
const FRAMES_KEPT: usize = 64;
/// The name under which a checkpoint says how far a list of keys was gone through.
const LIST: &str = "list";
/// How often a scan over a cluster looks whether slots are on the move.
const LAYOUT_INTERVAL: Duration = Duration::from_secs(1);

pub(super) struct Reader<'r> {
    job: &'r Job<'r>,
    link: Link,
    permits: &'r Permits,
    events: &'r Sender<Event>,
    batches: Sender<Batch>,
    /// The connections for which the walk knows that the servers are those of its cursors.
    connections: u64,
    /// When the layout was looked at.
    looked: Instant,
    frames: VecDeque<(u64, HashSet<Key>)>,
    /// Whether any key of the server expires, as of the page at hand.
    keys_expire: bool,
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
            connections: 0,
            looked: Instant::now(),
            frames: VecDeque::new(),
            keys_expire: false,
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
        let walked = match &self.job.plan.selection.keys {
            Some(keys) => self.go_through(keys),
            None => self.walk(),
        };
        match walked {
            Err(EngineError::Store(_)) if self.job.control.is_stopped() => Ok(false),
            ended => ended,
        }
    }

    /// Walks over all nodes until a pass counts.
    fn walk(&mut self) -> Result<bool, EngineError> {
        let layout = self.patiently(Link::layout)?;
        self.connections = self.link.connections();
        let mut walk = Walk::resume(layout, &self.job.start);
        let mut number = 0;
        while self.left > 0 {
            if self.job.control.gate(0) == Gate::Stop {
                return Ok(false);
            }
            let Some(page) = self.page(&mut walk)? else {
                if walk.is_complete(&self.patiently(Link::layout)?) {
                    break;
                }
                // Keys moved from node to node meanwhile, and may have passed us by. What is settled
                // is passed over quickly.
                walk = Walk::over(self.patiently(Link::settled_layout)?);
                self.connections = self.link.connections();
                continue;
            };
            number += 1;
            walk.advance(page.cursor);
            if !self.pass_on(number, page.keys, walk.place(), walk.fraction())? {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Goes through a list of keys, from where an earlier session came to.
    #[expect(clippy::cast_precision_loss, reason = "a fraction for a gauge")]
    fn go_through(&mut self, keys: &[Key]) -> Result<bool, EngineError> {
        let place = |next: usize| ScanPlace {
            layout: LIST.to_owned(),
            nodes: vec![NodeScan {
                node: LIST.to_owned(),
                run_id: String::new(),
                cursor: next as u64,
                done: next == keys.len(),
            }],
        };
        let start = &self.job.start.scan;
        let begun = start.nodes.first().filter(|_| start.layout == LIST);
        let mut next = begun.map_or(0, |scan| usize::try_from(scan.cursor).unwrap_or(usize::MAX));
        let mut number = 0;
        while next < keys.len() && self.left > 0 {
            if self.job.control.gate(0) == Gate::Stop {
                return Ok(false);
            }
            let page = &keys[next..keys.len().min(next + SCAN_COUNT)];
            next += page.len();
            number += 1;
            let fraction = next as f64 / keys.len() as f64;
            if !self.pass_on(number, page.to_vec(), place(next), fraction)? {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Sends the keys of a page that are the run's to deal with on; `false` when told to stop.
    fn pass_on(
        &mut self,
        number: u64,
        mut keys: Vec<Key>,
        place: ScanPlace,
        fraction: f64,
    ) -> Result<bool, EngineError> {
        keys.retain(|key| self.job.plan.selection.selects(key));
        let keys = self.first_seen(keys)?;
        self.keys_expire = self.job.journal.is_some()
            && !keys.is_empty()
            && self.patiently(Link::has_expiring_keys)?;
        let Some(batches) = self.send(number, &keys)? else { return Ok(false) };
        self.tell(Event::Page { page: number, place, fraction, batches });
        Ok(true)
    }

    /// The next page; `None` when the pass is over.
    fn page(&mut self, walk: &mut Walk) -> Result<Option<Page>, EngineError> {
        let Self { job, link, events, connections, looked, .. } = self;
        let is_due = |link: &Link, since| link.is_cluster() && since > LAYOUT_INTERVAL;
        let pattern = &job.plan.selection.scan_pattern();
        let mut held = |reason| {
            let _ = events.send(Event::Held(reason));
        };
        let page = patiently(job.control, link, job.patience, &mut held, |link| {
            loop {
                // A connection that was made anew, by this call or by a read since the last one, may
                // lead to another start of a server, where the cursor leads nowhere.
                // In a cluster, keys may also move while every connection stands.
                while *connections != link.connections() || is_due(link, looked.elapsed()) {
                    let made = link.connections();
                    walk.follow(link.layout()?);
                    (*connections, *looked) = (made, Instant::now());
                }
                let Some((node, cursor)) = walk.next() else { return Ok(None) };
                let page = link.scan_node(node, cursor, pattern, SCAN_COUNT)?;
                if *connections == link.connections() {
                    return Ok(Some(page));
                }
            }
        });
        Ok(page?)
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
            let storages = self.job.plan.storages();
            let keys_expire = self.keys_expire;
            let read = self.patiently(|link| {
                let found = link.read_stored(&storages, keys)?;
                let expiring = if keys_expire { expiries(link, keys)? } else { Expiries::new() };
                Ok((found, expiring))
            });
            let (found, expiries) = match read {
                Ok(read) => read,
                Err(error) => {
                    self.permits.release();
                    return if self.job.control.is_stopped() { Ok(None) } else { Err(error) };
                }
            };
            let mut items: Vec<_> = keys.iter().cloned().zip(found).collect();
            items.retain(|(key, found)| self.belongs(key, found));
            if self.batches.send(Batch { page, items, expiries }).is_err() {
                return Ok(None);
            }
            batches += 1;
        }
        Ok(Some(batches))
    }

    /// Whether a key is of the storage that was selected. One of another type never was a document
    /// of the run, so it is not one that went wrong, unless it was asked for by name.
    fn belongs(&mut self, key: &Key, found: &Found) -> bool {
        let is_named = self.job.plan.selection.keys.is_some();
        let belongs = is_named || !matches!(found, Found::OtherType(_));
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
