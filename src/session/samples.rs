//! Documents of a key pattern, one after another: for inference, validation and a census.

use super::{Session, SessionError};
use crate::model::limits::SCAN_COUNT;
use crate::model::{Document, Key, Storage};
use crate::store::{Found, Link};

/// What stands under a key.
#[derive(Clone, Copy, Debug)]
pub enum Sampled<'d> {
    /// A document.
    Document(&'d Document<'d>),
    /// Something else; why, in words.
    Other(&'d str),
}

impl Session {
    /// Reads the keys of `pattern` and shows each to `visit`, until there are no more or `most` were
    /// shown; returns how many. Memory stays flat: a key that SCAN names twice far apart is shown
    /// twice.
    pub fn each_sample(
        &self,
        pattern: &str,
        most: u64,
        visit: &mut dyn FnMut(&Key, Sampled<'_>),
    ) -> Result<u64, SessionError> {
        let mut link = Link::open(&self.address)?;
        let (mut cursor, mut shown) = (0, 0);
        loop {
            let mut page = link.scan(cursor, pattern, None, SCAN_COUNT)?;
            page.keys.sort();
            page.keys.dedup();
            let room = usize::try_from(most - shown).unwrap_or(usize::MAX);
            page.keys.truncate(room);
            shown += show(&mut link, &page.keys, visit)?;
            cursor = page.cursor;
            if cursor == 0 || shown >= most {
                return Ok(shown);
            }
        }
    }
}

/// Reads keys of any type and shows them; those that are gone are passed over.
fn show(
    link: &mut Link,
    keys: &[Key],
    visit: &mut dyn FnMut(&Key, Sampled<'_>),
) -> Result<u64, SessionError> {
    if keys.is_empty() {
        return Ok(0);
    }
    let mut shown = 0;
    let mut of_storage: [Vec<Key>; 3] = Default::default();
    for (key, redis_type) in keys.iter().zip(link.types(keys)?) {
        let Some(redis_type) = redis_type else { continue };
        let at = Storage::ALL.iter().position(|s| Some(*s) == redis_type.storage());
        if let Some(at) = at {
            of_storage[at].push(key.clone());
        } else {
            visit(key, Sampled::Other(&format!("a {redis_type} is no document")));
            shown += 1;
        }
    }
    for (storage, keys) in Storage::ALL.into_iter().zip(of_storage) {
        if keys.is_empty() {
            continue;
        }
        for (key, found) in keys.iter().zip(link.read(storage, &keys)?) {
            let Found::Content(content) = found else { continue };
            match content.document() {
                Ok(document) => visit(key, Sampled::Document(&document)),
                Err(error) => visit(key, Sampled::Other(&error.to_string())),
            }
            shown += 1;
        }
    }
    Ok(shown)
}
