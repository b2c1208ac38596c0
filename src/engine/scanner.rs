//! The scanner: walks the keyspace and hands on the keys that the run has not dealt with.

mod follow;

use std::collections::{HashSet, VecDeque};
use std::sync::PoisonError;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::Sender;
use std::time::{Duration, Instant};

use self::follow::Hearing;
use super::busy::Station;
use super::error::EngineError;
use super::permits::Permits;
use super::pipeline::{Event, Job, Unread};
use super::walk::Walk;
use crate::journal::{Begin, NodeScan, ScanPlace};
use crate::model::Key;
use crate::model::limits::SCAN_COUNT;
use crate::store::{Link, Page, StoreError};

/// Journal frames whose keys are kept, for scans that walk over ground that was covered before.
const FRAMES_KEPT: usize = 64;
/// The name under which a checkpoint says how far a list of keys was gone through.
const LIST: &str = "list";
/// How often a scan over a cluster looks whether slots are on the move.
const LAYOUT_INTERVAL: Duration = Duration::from_secs(1);

pub(super) struct Scanner<'s> {
    job: &'s Job<'s>,
    link: Link,
    /// Batches that may be under way.
    permits: &'s Permits,
    /// Pages that may be on their way to the readers.
    ahead: &'s Permits,
    /// Keys that may still begin under the selection's limit.
    left: &'s AtomicU64,
    events: &'s Sender<Event>,
    unread: Sender<Unread>,
    /// Pages that were handed on.
    pages: u64,
    /// The connections for which the walk knows that the servers are those of its cursors.
    connections: u64,
    /// When the layout was looked at.
    looked: Instant,
    frames: VecDeque<(u64, HashSet<Key>)>,
    /// What a scanner that follows has heard.
    hearing: Option<Hearing>,
}

impl<'s> Scanner<'s> {
    pub fn new(
        job: &'s Job<'s>,
        link: Link,
        (permits, ahead): (&'s Permits, &'s Permits),
        left: &'s AtomicU64,
        events: &'s Sender<Event>,
        unread: Sender<Unread>,
    ) -> Self {
        Self {
            job,
            link,
            permits,
            ahead,
            left,
            events,
            unread,
            pages: 0,
            connections: 0,
            looked: Instant::now(),
            frames: VecDeque::new(),
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
        self.tell(Event::Scanned { complete, pages: self.pages });
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
        while self.is_more() {
            if self.job.control.is_stopped() {
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
            walk.advance(page.cursor);
            if !self.pass_on(page.keys, walk.place(), walk.fraction())? {
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
        while next < keys.len() && self.is_more() {
            if self.job.control.is_stopped() {
                return Ok(false);
            }
            let page = &keys[next..keys.len().min(next + SCAN_COUNT)];
            next += page.len();
            let fraction = next as f64 / keys.len() as f64;
            if !self.pass_on(page.to_vec(), place(next), fraction)? {
                return Ok(false);
            }
        }
        Ok(true)
    }

    fn is_more(&self) -> bool {
        self.left.load(Ordering::Relaxed) > 0
    }

    /// Hands on the keys of a page that are the run's to deal with; `false` when told to stop.
    fn pass_on(
        &mut self,
        mut keys: Vec<Key>,
        place: ScanPlace,
        fraction: f64,
    ) -> Result<bool, EngineError> {
        let selection = &self.job.plan.selection;
        let share = self.job.share;
        keys.retain(|key| selection.selects(key) && share.is_none_or(|share| share.holds(key)));
        if self.hearing.is_some() {
            let keys = self.begin_again(keys);
            return Ok(self.hand_on(0, keys, ScanPlace::default(), 0.0));
        }
        let keys = self.first_seen(keys)?;
        let page = self.pages + 1;
        if keys.is_empty() {
            self.pages = page;
            self.tell(Event::Page { page, place, fraction, batches: 0 });
            return Ok(true);
        }
        Ok(self.hand_on(page, keys, place, fraction))
    }

    /// Hands a page on to be read; `false` when told to stop. Page 0 stands for keys that no
    /// checkpoint waits for.
    fn hand_on(&mut self, page: u64, keys: Vec<Key>, place: ScanPlace, fraction: f64) -> bool {
        let control = self.job.control;
        if keys.is_empty() {
            return !control.is_stopped();
        }
        if !self.ahead.acquire(control) {
            return false;
        }
        self.pages += 1;
        let is_sent = self.unread.send(Unread { page, keys, place, fraction }).is_ok();
        // Under a limit, keys that turn out not to be documents make room for others.
        let waits = self.job.plan.selection.limit.is_some();
        is_sent && (!waits || self.ahead.wait_all_free(control))
    }

    /// The next page; `None` when the pass is over.
    fn page(&mut self, walk: &mut Walk) -> Result<Option<Page>, EngineError> {
        let Self { job, link, events, connections, looked, .. } = self;
        let is_due = |link: &Link, since| link.is_cluster() && since > LAYOUT_INTERVAL;
        let pattern = &job.plan.selection.scan_pattern();
        let began = Instant::now();
        let page = job.patiently(link, events, |link| {
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
        let left = self.left;
        let mut seen = self.job.seen.lock().unwrap_or_else(PoisonError::into_inner);
        for key in keys {
            if left.load(Ordering::Relaxed) == 0 {
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
                left.fetch_sub(1, Ordering::Relaxed);
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

    fn patiently<T>(
        &mut self,
        attempt: impl FnMut(&mut Link) -> Result<T, StoreError>,
    ) -> Result<T, EngineError> {
        Ok(self.job.patiently(&mut self.link, self.events, attempt)?)
    }

    fn tell(&self, event: Event) {
        // Nobody listens once the run is over.
        let _ = self.events.send(event);
    }
}
