//! The pipeline of a run.
//!
//! ```text
//!             keys              judged            durable            marks
//!   scanner ───────> readers ───────────> settle ───────────> writers ────────┐
//!     (SCAN)      (MGET, then judge:        │ ^  (journal, sync)  (scripts)    │
//!                  pure, CPU) ── pages ─────┘ └─────────────────────────────────┘
//! ```
//!
//! A document whose chain has to ask a service outside goes from `settle` to the askers
//! (`external/asker.rs`) and comes back judged anew, while the others go on.
//!
//! `settle` alone owns the counts, appends to the journal and moves the checkpoint. A batch that is
//! under way holds a permit from its read to its last mark, which bounds memory.

use std::collections::HashMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::AtomicU64;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use super::backoff::{self, connect_patiently};
use super::batch_size::BatchSize;
use super::busy::Clocks;
use super::control::Control;
use super::error::EngineError;
use super::external::{self, Services};
use super::follow::Followings;
use super::judge::{Judge, Judged, Way};
use super::permits::Permits;
use super::reader::Reader;
use super::report::Report;
use super::scanner::Scanner;
use super::settle::{Settle, Settled};
use super::task::Task;
use super::trouble::Troubles;
use super::writer::Writer;
use crate::journal::{AnswerEntry, Checkpoint, ImageEntry, Journal, Mark, ScanPlace, SeenKeys};
use crate::model::limits::DOCUMENT_BYTES_MAX;
use crate::model::{Digest, Edit, Expiry, Key, RunId};
use crate::planner::{Plan, Share};
use crate::store::{Address, Found, Link, StoreError};
use crate::transform::external::{Answer, Answers};

/// Connections that write: while one batch is on its way, the server works on another. A third gains little
/// and costs other clients of a busy server their turn.
pub(super) const WRITERS: usize = 2;
/// Batches under way at once.
const BATCHES_MAX: i64 = 16;
/// Pages of keys that are read, or wait to be.
const PAGES_MAX: i64 = 6;
/// How often the way to the server is measured before a run.
const TRIP_PROBES: u32 = 5;

/// What a run is given.
pub(super) struct Job<'j> {
    pub plan: &'j Plan,
    /// The part of the keys that this stage is over; `None` is all of them.
    pub share: Option<Share>,
    pub judge: &'j Judge,
    pub address: &'j Address,
    pub control: &'j Control,
    /// The journal; `None` in a dry run, which writes nothing.
    pub journal: Option<&'j Mutex<Journal>>,
    pub seen: &'j Mutex<SeenKeys>,
    pub run: Option<RunId>,
    pub batch_size: BatchSize,
    pub clocks: Clocks,
    pub patience: Duration,
    /// Where to begin.
    pub start: Checkpoint,
    /// The services that the plan's steps ask; `None` when there are none, or none is to be called.
    pub services: Option<&'j Services>,
    /// What they have answered for keys without an outcome.
    pub answers: &'j KeptAnswers,
    /// What earlier sessions of the run came to.
    pub settled: Settled,
    /// Batches whose writes an earlier session left unsettled.
    pub unsettled: Vec<Unsettled>,
    /// Of a run that follows its writers, after its scan.
    pub followings: Option<&'j Followings>,
}

impl Job<'_> {
    /// Does `attempt` over again as [`backoff::patiently`] does, and tells of each wait.
    pub fn patiently<T>(
        &self,
        link: &mut Link,
        events: &Sender<Event>,
        attempt: impl FnMut(&mut Link) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        let mut held = |reason| {
            // Nobody listens once the run is over.
            let _ = events.send(Event::Held(reason));
        };
        backoff::patiently(self.control, link, self.patience, &mut held, attempt)
    }

    /// Forgets what services answered for a key that has its outcome.
    pub fn forget_answers(&self, key: &Key) {
        if self.services.is_some() {
            self.answers.forget(key);
        }
    }
}

/// What the pipeline came to.
pub(super) struct Ended {
    pub report: Report,
    /// The troubles behind the report's errors, for a stage that follows.
    pub troubles: Troubles,
}

/// Answers by key, kept until the key has its outcome.
#[derive(Debug, Default)]
pub(super) struct KeptAnswers(Mutex<HashMap<Key, Answers>>);

impl KeptAnswers {
    /// Those for one key.
    pub fn of(&self, key: &Key) -> Answers {
        self.lock().get(key).cloned().unwrap_or_default()
    }

    pub fn keep(&self, key: &Key, question: Digest, answer: Answer) {
        self.lock().entry(key.clone()).or_default().insert(question, answer);
    }

    /// Forgets those of a key that has its outcome.
    pub fn forget(&self, key: &Key) {
        self.lock().remove(key);
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<Key, Answers>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Keys that an earlier session left under way.
pub(super) enum Unsettled {
    /// A batch in the journal of which it is not known whether it was written.
    Batch { frame: u64, entries: Vec<ImageEntry> },
    /// Keys that were not written and had not come round again.
    Keys(Vec<Key>),
}

/// When keys expire; those that do not are left out.
pub(super) type Expiries = HashMap<Key, Expiry>;

/// A page of keys that are to be read.
pub(super) struct Unread {
    pub page: u64,
    pub keys: Vec<Key>,
    /// Where the scan stands after it.
    pub place: ScanPlace,
    pub fraction: f64,
}

/// A batch whose before-images are durable.
pub(super) struct Write {
    pub page: u64,
    pub attempt: u32,
    pub frame: u64,
    pub items: Vec<(Key, Way, Edit)>,
}

/// What `settle` tells the writers.
pub(super) enum Order {
    /// Write a batch.
    Write(Write),
    /// Read back the batch at this index of the job's unsettled ones.
    ReadBack(usize),
}

/// What the threads tell `settle`.
pub(super) enum Event {
    /// Every batch of a page was sent; this many.
    Page { page: u64, place: ScanPlace, fraction: f64, batches: usize },
    /// A page was not sent on to its end, for the run is to stop.
    PageLeft,
    /// Keys were judged.
    Judged(Task),
    /// Services answered.
    Answered(Vec<AnswerEntry>),
    /// A batch was written: a mark for each of its entries, and the keys that go round again.
    Written { page: u64, frame: u64, marks: Vec<Mark>, again: Option<Task>, took: Duration },
    /// A batch could not be written, and whether it was in part is not known.
    Abandoned,
    /// SCAN returned keys again.
    Duplicates(u64),
    /// The scan ended after so many pages; `complete` unless it was told to stop.
    Scanned { complete: bool, pages: u64 },
    /// A stage waits for the server, or goes on.
    Held(Option<String>),
    /// A stage cannot go on.
    Failed(EngineError),
}

/// Runs the pipeline to its end, or until it is told to stop.
pub(super) fn run(job: &Job<'_>) -> Result<Ended, EngineError> {
    let (permits, ahead) = (Permits::new(BATCHES_MAX), Permits::new(PAGES_MAX));
    let taken = job.settled.tally.scanned;
    let limit = job.plan.selection.limit;
    let left = AtomicU64::new(limit.map_or(u64::MAX, |limit| limit.saturating_sub(taken)));
    let (events, inbox) = channel();
    let (pages, unread) = channel();
    let (writes, unwritten) = channel();
    let (questions, unasked) = channel();
    let (unread, unwritten) = (Mutex::new(unread), Mutex::new(unwritten));
    let unasked = Mutex::new(unasked);
    let mut links = Links::open(job)?;
    let trip = trip(&mut links.scanner);
    thread::scope(|scope| {
        let (permits, ahead, left) = (&permits, &ahead, &left);
        for link in links.readers {
            let (events, unread) = (events.clone(), &unread);
            spawn(scope, "reader", events.clone(), move || {
                let events = &events;
                let largest_bytes = 0;
                Reader { job, link, permits, ahead, left, events, largest_bytes }.work(unread)
            });
        }
        for _ in 0..job.services.map_or(0, Services::threads) {
            let (events, unasked) = (events.clone(), &unasked);
            let services = job.services.expect("there are threads only for services");
            spawn(scope, "asker", events.clone(), move || {
                external::ask(job, services, unasked, &events);
                Ok(())
            });
        }
        for link in links.writers {
            let (events, unwritten) = (events.clone(), &unwritten);
            spawn(scope, "writer", events.clone(), move || {
                Writer { job, link, trip, events: &events }.work(unwritten)
            });
        }
        let (scanner, scanner_events) = (links.scanner, events.clone());
        spawn(scope, "scanner", events.clone(), move || {
            Scanner::new(job, scanner, (permits, ahead), left, &scanner_events, pages).work()
        });
        drop(events);
        // When this returns, its channels close and every thread comes to its end.
        let ended = Settle::new(job, permits, writes, questions).work(&inbox);
        if ended.is_err() {
            // Nobody settles any more, so a reader that waits for a permit would wait for ever.
            job.control.stop();
        }
        ended
    })
}

/// How many threads read and judge: one more than can be judging at a time, for it waits for the
/// server meanwhile.
pub(super) fn readers() -> usize {
    thread::available_parallelism().map_or(2, |cores| cores.get().clamp(1, 4)) + 1
}

struct Links {
    scanner: Link,
    readers: Vec<Link>,
    writers: Vec<Link>,
}

impl Links {
    /// Connects everything before anything begins; waits for a server that is away meanwhile.
    fn open(job: &Job<'_>) -> Result<Self, StoreError> {
        let open = |_| connect_patiently(job.control, job.address, job.patience);
        let writers = if job.journal.is_some() { WRITERS } else { 0 };
        Ok(Self {
            scanner: open(0)?,
            readers: (0..readers()).map(open).collect::<Result<_, _>>()?,
            writers: (0..writers).map(open).collect::<Result<_, _>>()?,
        })
    }
}

/// How long an answer takes that costs the server nothing: the shortest of a few. Zero when it does
/// not answer; whoever needs it waits for it.
fn trip(link: &mut Link) -> Duration {
    let probe = |_| link.probes().ok()?.into_iter().reduce(f64::max);
    let shortest = (0..TRIP_PROBES).filter_map(probe).reduce(f64::min);
    Duration::from_secs_f64(shortest.unwrap_or(0.0) / 1000.0)
}

/// Starts a thread whose failure, or panic, is told to `settle`.
fn spawn<'s>(
    scope: &'s thread::Scope<'s, '_>,
    name: &str,
    events: Sender<Event>,
    work: impl FnOnce() -> Result<(), EngineError> + Send + 's,
) {
    let body = move || {
        let ended = catch_unwind(AssertUnwindSafe(work));
        if let Err(error) = ended.unwrap_or(Err(EngineError::Panicked)) {
            // Nobody listens once the run is over, and then the error is of no consequence.
            let _ = events.send(Event::Failed(error));
        }
    };
    thread::Builder::new()
        .name(format!("remold-{name}"))
        .spawn_scoped(scope, body)
        .expect("the system lets a process have a few threads");
}

/// What is to become of what stands under a key.
pub(super) fn judge_found(job: &Job<'_>, key: &Key, found: &Found) -> Judged {
    use super::trouble::Trouble;
    use crate::model::Outcome;
    match found {
        Found::Content(content) if content.bytes() > DOCUMENT_BYTES_MAX => {
            let reason = format!("the document is larger than {} MiB", DOCUMENT_BYTES_MAX >> 20);
            Judged::Outcome(Outcome::Invalid, Some(Trouble::new("read", reason)))
        }
        Found::Content(content) if job.services.is_some() => {
            job.judge.judge_with(key, content, &job.answers.of(key))
        }
        Found::Content(content) => job.judge.judge(key, content),
        Found::Missing => Judged::Outcome(Outcome::Missing, None),
        Found::OtherType(redis_type) => {
            let storages = job.plan.stored_as();
            let reason = format!("the key holds a {redis_type}, and the subject's are {storages}");
            Judged::Outcome(Outcome::Invalid, Some(Trouble::new("read", reason)))
        }
    }
}

/// When `keys` expire.
pub(super) fn expiries(link: &mut Link, keys: &[Key]) -> Result<Expiries, StoreError> {
    let known = keys.iter().zip(link.expiries(keys)?);
    let expiring = known.filter_map(|(key, expiry)| match expiry {
        Some(expiry @ Expiry::AtMs(_)) => Some((key.clone(), expiry)),
        Some(Expiry::Never) | None => None,
    });
    Ok(expiring.collect())
}

/// The next of a shared queue; `None` when it is closed and empty.
pub(super) fn next<T>(queue: &Mutex<Receiver<T>>) -> Option<T> {
    queue.lock().unwrap_or_else(PoisonError::into_inner).recv().ok()
}
