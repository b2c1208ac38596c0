//! Documents of a key pattern, one after another: for inference, validation and a census.
//!
//! One thread reads pages ahead while the caller looks at what came before, so that looking costs no
//! time as long as it is faster than reading. A few pages are in memory, however many keys there are.

use std::sync::mpsc::{SyncSender, sync_channel};
use std::thread;

use super::{Session, SessionError};
use crate::model::limits::SCAN_COUNT;
use crate::model::{Content, Document, Key, RedisType, Storage};
use crate::store::{Found, Link};

/// Pages that may wait to be looked at.
const PAGES_AHEAD: usize = 4;

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
        let mut link = Link::open(&self.address)?;
        let (send, receive) = sync_channel(PAGES_AHEAD);
        thread::scope(|scope| {
            let reader = scope.spawn(move || read_pages(&mut link, pattern, most, &send));
            let mut shown = 0;
            for (key, value) in receive.into_iter().flatten() {
                show(&key, value, visit);
                shown += 1;
            }
            reader.join().expect("reading pages does not panic")?;
            Ok(shown)
        })
    }
}

fn show(key: &Key, value: Result<Content, RedisType>, visit: &mut dyn FnMut(&Key, Sampled<'_>)) {
    match value {
        Err(redis_type) => visit(key, Sampled::Other(&format!("a {redis_type} is no document"))),
        Ok(content) => match content.document() {
            Ok(document) => visit(key, Sampled::Document(&document)),
            Err(error) => visit(key, Sampled::Other(&error.to_string())),
        },
    }
}

/// Reads page after page until the keyspace ends, `most` keys were read, or nobody listens.
fn read_pages(
    link: &mut Link,
    pattern: &str,
    most: u64,
    send: &SyncSender<Vec<Value>>,
) -> Result<(), SessionError> {
    let (mut cursor, mut left) = (0, usize::try_from(most).unwrap_or(usize::MAX));
    // Most keyspaces hold one storage: the one that was seen last is asked for first.
    let mut likely = Storage::String;
    loop {
        let mut page = link.scan(cursor, pattern, None, SCAN_COUNT)?;
        page.keys.sort();
        page.keys.dedup();
        page.keys.truncate(left);
        let values = read(link, page.keys, &mut likely)?;
        left -= values.len();
        if !values.is_empty() && send.send(values).is_err() {
            return Ok(());
        }
        cursor = page.cursor;
        if cursor == 0 || left == 0 {
            return Ok(());
        }
    }
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
