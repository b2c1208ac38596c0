//! Documents of a key pattern: for inference, validation and a census.
//!
//! One thread reads pages ahead; others look at what came before, each at its own pages and into its own
//! account, so that looking costs no time as long as it keeps up with reading. A few pages are in
//! memory, however many keys there are.

use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread;

use super::{Session, SessionError};
use crate::model::limits::SCAN_COUNT;
use crate::model::{Content, Document, Key, RedisType, Storage};
use crate::planner::Plan;
use crate::planner::draft::Sample;
use crate::store::{Found, Link, Page, StoreError};

/// Pages that may wait for each thread that looks.
const PAGES_AHEAD: usize = 4;
/// Threads that look; more than the reader can feed would be idle.
const LOOKING_MAX: usize = 4;

/// What stands under a key.
#[derive(Clone, Copy, Debug)]
pub enum Sampled<'d> {
    /// A document.
    Document(&'d Document<'d>),
    /// Something else; why, in words.
    Other(&'d str),
}

/// A key with its value, or with a type that holds no document.
type Value = (Key, Result<Content, RedisType>);

/// Which keys to look at.
#[derive(Clone, Copy, Debug)]
pub struct Samples<'p> {
    /// The pattern.
    pub pattern: &'p str,
    /// Only keys of this type.
    pub redis_type: Option<&'p RedisType>,
    /// At most this many keys.
    pub most: u64,
}

/// How far a look over many keys is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Looked {
    /// Keys that were read.
    pub keys: u64,
    /// Keys of the database that were passed, about.
    pub passed: u64,
    /// Keys in the database.
    pub database: u64,
    /// Whether every key of the pattern was read.
    pub all: bool,
}

impl Session {
    /// Reads the keys of `pattern` and shows each to `visit`, until there are no more or `most` were
    /// shown; returns how many. A key that SCAN names twice far apart is shown twice; one that is
    /// gone by the time it is read is passed over.
    pub fn each_sample(
        &self,
        pattern: &str,
        most: u64,
        visit: &mut dyn FnMut(&Key, Sampled<'_>),
    ) -> Result<u64, SessionError> {
        let links = self.sampling_links()?;
        let samples = Samples { pattern, redis_type: None, most };
        let (send, receive) = sync_channel(PAGES_AHEAD);
        thread::scope(|scope| {
            let reader = scope.spawn(move || read_pages(links, samples, &[send], &mut |_| true));
            for (key, value) in receive.into_iter().flatten() {
                show(&key, value, visit);
            }
            Ok(reader.join().expect("reading pages does not panic")?.keys)
        })
    }

    /// The documents of these keys, as a plan's run would read them; what is none is left out.
    pub fn documents_of(&self, plan: &Plan, keys: &[Key]) -> Result<Vec<Sample>, SessionError> {
        let found = Link::open(&self.address)?.read_stored(&plan.storages(), keys)?;
        let documents = keys.iter().zip(found).filter_map(|(key, found)| match found {
            Found::Content(content) => Some(Sample { key: key.clone(), content }),
            Found::OtherType(_) | Found::Missing => None,
        });
        Ok(documents.collect())
    }

    /// One connection that scans and one that reads.
    fn sampling_links(&self) -> Result<[Link; 2], SessionError> {
        Ok([Link::open(&self.address)?, Link::open(&self.address)?])
    }

    /// Reads keys as [`Session::each_sample`] does, and has several threads look at them, each into an
    /// account of its own that `new` makes; answers the accounts. `progress` is told after each page,
    /// and ends the reading by answering false.
    pub fn look_at_samples<T: Send>(
        &self,
        samples: Samples<'_>,
        new: impl Fn() -> T + Sync,
        look: impl Fn(&mut T, &Key, Result<&Content, &RedisType>) + Sync,
        progress: &mut dyn FnMut(Looked) -> bool,
    ) -> Result<(Vec<T>, Looked), SessionError> {
        let links = self.sampling_links()?;
        let threads = thread::available_parallelism().map_or(1, usize::from).min(LOOKING_MAX);
        let (senders, receivers): (Vec<_>, Vec<Receiver<Vec<Value>>>) =
            (0..threads).map(|_| sync_channel(PAGES_AHEAD)).unzip();
        thread::scope(|scope| {
            let (new, look) = (&new, &look);
            let lookers: Vec<_> = receivers
                .into_iter()
                .map(|pages| {
                    scope.spawn(move || {
                        let mut account = new();
                        for (key, value) in pages.into_iter().flatten() {
                            look(&mut account, &key, value.as_ref());
                        }
                        account
                    })
                })
                .collect();
            let looked = read_pages(links, samples, &senders, progress);
            drop(senders);
            let joined = lookers.into_iter().map(|looker| match looker.join() {
                Ok(account) => account,
                Err(panic) => std::panic::resume_unwind(panic),
            });
            let accounts = joined.collect();
            Ok((accounts, looked?))
        })
    }
}

fn show(key: &Key, value: Result<Content, RedisType>, visit: &mut dyn FnMut(&Key, Sampled<'_>)) {
    match value {
        Err(redis_type) => visit(key, Sampled::Other(&no_document(&redis_type))),
        Ok(content) => match content.document() {
            Ok(document) => visit(key, Sampled::Document(&document)),
            Err(error) => visit(key, Sampled::Other(&error.to_string())),
        },
    }
}

/// Why a value of this type is no document.
pub fn no_document(redis_type: &RedisType) -> String {
    format!("a {redis_type} is no document")
}

/// Reads page after page until the keyspace ends, `most` keys were read, or nobody wants more, while
/// another connection scans ahead. The pages go round among the receivers, so that the same keyspace
/// is shared out alike.
fn read_pages(
    [mut scanning, mut reading]: [Link; 2],
    samples: Samples<'_>,
    send: &[SyncSender<Vec<Value>>],
    progress: &mut dyn FnMut(Looked) -> bool,
) -> Result<Looked, SessionError> {
    let looked = Looked { database: reading.key_count()?, ..Looked::default() };
    let (pages, scanned) = sync_channel(PAGES_AHEAD);
    thread::scope(|scope| {
        scope.spawn(move || scan_pages(&mut scanning, samples, &pages));
        // When this returns, nobody takes pages any more and the scan ends.
        read_scanned(&mut reading, samples.most, scanned, looked, send, progress)
    })
}

/// Scans until the keyspace ends or nobody takes the pages. A page names each of its keys once.
fn scan_pages(link: &mut Link, samples: Samples<'_>, pages: &SyncSender<Result<Page, StoreError>>) {
    let mut cursor = 0;
    loop {
        let mut page = link.scan(cursor, samples.pattern, samples.redis_type, SCAN_COUNT);
        if let Ok(page) = &mut page {
            page.keys.sort_unstable();
            page.keys.dedup();
        }
        cursor = page.as_ref().map_or(0, |page| page.cursor);
        if pages.send(page).is_err() || cursor == 0 {
            return;
        }
    }
}

fn read_scanned(
    link: &mut Link,
    most: u64,
    pages: Receiver<Result<Page, StoreError>>,
    mut looked: Looked,
    send: &[SyncSender<Vec<Value>>],
    progress: &mut dyn FnMut(Looked) -> bool,
) -> Result<Looked, SessionError> {
    let mut left = usize::try_from(most).unwrap_or(usize::MAX);
    let mut turn = 0;
    // Most keyspaces hold one storage: the one that was seen last is asked for first.
    let mut likely = Storage::String;
    for page in pages {
        let mut page = page?;
        let cut = page.keys.len() > left;
        page.keys.truncate(left);
        let values = read(link, page.keys, &mut likely)?;
        left -= values.len();
        looked.keys += values.len() as u64;
        looked.passed = (looked.passed + SCAN_COUNT as u64).min(looked.database);
        if !values.is_empty() {
            if send[turn % send.len()].send(values).is_err() {
                return Ok(looked);
            }
            turn += 1;
        }
        looked.all = page.cursor == 0 && !cut;
        if !progress(looked) || left == 0 {
            break;
        }
    }
    Ok(looked)
}

/// Reads keys of any storage, the likely one first.
fn read(link: &mut Link, keys: Vec<Key>, likely: &mut Storage) -> Result<Vec<Value>, SessionError> {
    let mut values = Vec::with_capacity(keys.len());
    if keys.is_empty() {
        return Ok(values);
    }
    let mut others: [Vec<Key>; 3] = Default::default();
    let found = link.read(*likely, &keys)?;
    for (key, found) in keys.into_iter().zip(found) {
        match found {
            Found::Content(content) => values.push((key, Ok(content))),
            Found::Missing => {}
            Found::OtherType(redis_type) => {
                let storage = redis_type.storage();
                match Storage::ALL.iter().position(|known| Some(*known) == storage) {
                    Some(at) => others[at].push(key),
                    None => values.push((key, Err(redis_type))),
                }
            }
        }
    }
    let as_expected = values.len();
    for (storage, keys) in Storage::ALL.into_iter().zip(others) {
        if keys.len() > as_expected {
            *likely = storage;
        }
        let found = link.read(storage, &keys)?;
        for (key, found) in keys.into_iter().zip(found) {
            if let Found::Content(content) = found {
                values.push((key, Ok(content)));
            }
        }
    }
    Ok(values)
}
