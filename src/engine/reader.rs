//! The reader: scans, leaves out what was seen, reads values.

mod follow;

use std::collections::{HashSet, VecDeque};
use std::mem;
use std::sync::PoisonError;
use std::sync::mpsc::Sender;
use std::time::{Duration, Instant};

use self::follow::Hearing;
use super::backoff::patiently;
use super::busy::Station;
use super::control::Gate;
use super::error::EngineError;
use super::pipeline::{Batch, Event, Expiries, Job, Permits, expiries};
use super::walk::Walk;
use crate::journal::{Begin, NodeScan, ScanPlace};
use crate::model::Key;
use crate::model::limits::{BATCH_BYTES_MAX, SCAN_COUNT};
use crate::store::{Found, Link, Page, StoreError};

/// Journal frames whose keys are kept, for scans that walk over ground that was covered before.
const FRAMES_KEPT: usize = 64;
/// The name under which a checkpoint says how far a list of keys was gone through.
const LIST: &str = "list";
/// Keys that are read in one go as long as the size of their values is not known.
const READ_KEYS_FIRST: usize = 20;
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
    /// The largest of the values that were read last; 0 when none was.
    largest_bytes: usize,
    /// What a reader that follows has heard.
    hearing: Option<Hearing>,
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
            largest_bytes: 0,
            hearing: None,
        }
    }

    /// Scans to the end, or follows until that is enough.
    pub fn work(mut self) -> Result<(), EngineError> {
        let complete = match self.job.followings {
            Some(followings) => match self.follow(followings) {
                Err(EngineError::Store(_)) if self.job.control.is_stopped() => false,
                ended => ended?,
            },
            None => self.job.start.scanned_all || self.scan()?,
        };
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
        let share = self.job.share;
        keys.retain(|key| {
            self.job.plan.selection.selects(key) && share.is_none_or(|share| share.holds(key))
        });
        if self.hearing.is_some() {
            let keys = self.begin_again(keys);
            return Ok(self.send_page(0, keys)?.is_some());
        }
        let keys = self.first_seen(keys)?;
        let Some(batches) = self.send_page(number, keys)? else { return Ok(false) };
        self.tell(Event::Page { page: number, place, fraction, batches });
        Ok(true)
    }

    /// Reads the keys of a page and sends them on; answers in how many batches, `None` when told to
    /// stop. Page 0 stands for keys that no checkpoint waits for.
    fn send_page(&mut self, number: u64, keys: Vec<Key>) -> Result<Option<usize>, EngineError> {
        self.keys_expire = self.job.journal.is_some()
            && !keys.is_empty()
            && self.patiently(Link::has_expiring_keys)?;
        self.send(number, keys)
    }

    /// The next page; `None` when the pass is over.
    fn page(&mut self, walk: &mut Walk) -> Result<Option<Page>, EngineError> {
        let Self { job, link, events, connections, looked, .. } = self;
        let is_due = |link: &Link, since| link.is_cluster() && since > LAYOUT_INTERVAL;
        let pattern = &job.plan.selection.scan_pattern();
        let mut held = |reason| {
            let _ = events.send(Event::Held(reason));
        };
        let began = Instant::now();
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
        job.clocks.add(Station::Scan, began.elapsed());
        Ok(page?)
    }

    /// The keys that this run has not dealt with; they are under way now.
    fn first_seen(&mut self, keys: Vec<Key>) -> Result<Vec<Key>, EngineError> {
        let mut first = Vec::with_capacity(keys.len());
        let mut duplicates = 0;
        let mut seen = self.job.seen.lock().unwrap_or_else(PoisonError::into_inner);
        for key in keys {
            if self.left == 0 {
                break;
            }
            let is_new = match seen.begin(&key) {
                Begin::First => true,
                Begin::UnderWay => false,
                Begin::Maybe(frames) => {
                    let is_new = !self.stands_in(&key, &frames)?;
                    if is_new {
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
        drop(seen);
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

    /// Reads the keys and sends them on in batches; answers how many, `None` when told to stop.
    fn send(&mut self, page: u64, keys: Vec<Key>) -> Result<Option<usize>, EngineError> {
        let mut batches = 0;
        let mut keys = keys.into_iter();
        let mut items = Vec::new();
        let mut expiring = Expiries::new();
        let mut bytes = 0;
        while keys.len() > 0 {
            let some: Vec<Key> = keys.by_ref().take(self.keys_at_once()).collect();
            let (found, expiries) = self.read(&some)?;
            expiring.extend(expiries);
            self.largest_bytes = found.iter().map(size_of).max().unwrap_or(0);
            for (key, found) in some.into_iter().zip(found) {
                if !self.belongs(&key, &found) {
                    continue;
                }
                let size = size_of(&found);
                let is_full = items.len() >= self.job.batch_size.keys();
                if is_full || (bytes + size > BATCH_BYTES_MAX && !items.is_empty()) {
                    if !self.send_batch(page, mem::take(&mut items), &mut expiring) {
                        return Ok(None);
                    }
                    (batches, bytes) = (batches + 1, 0);
                }
                bytes += size;
                items.push((key, found));
            }
        }
        if !items.is_empty() {
            if !self.send_batch(page, items, &mut expiring) {
                return Ok(None);
            }
            batches += 1;
        }
        Ok(Some(batches))
    }

    fn read(&mut self, keys: &[Key]) -> Result<(Vec<Found>, Expiries), EngineError> {
        let storages = self.job.plan.storages();
        let (keys_expire, job) = (self.keys_expire, self.job);
        job.clocks.time(Station::Read, || {
            self.patiently(|link| {
                let found = link.read_stored(&storages, keys)?;
                let expiring = if keys_expire { expiries(link, keys)? } else { Expiries::new() };
                Ok((found, expiring))
            })
        })
    }

    /// How many keys to read in one go: a page of small documents, fewer of large ones. At first
    /// nothing is known of them.
    fn keys_at_once(&self) -> usize {
        match self.largest_bytes {
            0 => READ_KEYS_FIRST,
            largest => (BATCH_BYTES_MAX / largest).clamp(1, SCAN_COUNT),
        }
    }

    /// Sends a batch on when it may begin, with those of `expiring` that are its own; `false` when
    /// told to stop.
    fn send_batch(&self, page: u64, items: Vec<(Key, Found)>, expiring: &mut Expiries) -> bool {
        let own = items.iter().filter_map(|(key, _)| expiring.remove_entry(key));
        let expiries = own.collect();
        self.job.control.gate(items.len()) == Gate::Open
            && self.permits.acquire(self.job.control)
            && self.batches.send(Batch { page, items, expiries }).is_ok()
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

/// Bytes of a value that was read; an absent one counts as one.
fn size_of(found: &Found) -> usize {
    match found {
        Found::Content(content) => content.bytes().max(1),
        Found::OtherType(_) | Found::Missing => 1,
    }
}
