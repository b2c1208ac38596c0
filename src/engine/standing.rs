//! Reading what stands now where entries of the journal wrote.

use crate::journal::ImageEntry;
use crate::model::{Expiry, Key, Now, Stands, Storage};
use crate::store::{Found, Link, StoreError};

/// Reads what stands now for each entry, in their order.
pub(super) fn read_now(link: &mut Link, entries: &[&ImageEntry]) -> Result<Vec<Now>, StoreError> {
    let mut now = vec![Now { here: Stands::Nothing, there: Stands::Nothing }; entries.len()];
    for storage in Storage::ALL {
        let is_of =
            |entry: &ImageEntry| !entry.image.is_whole() && entry.image.storage() == storage;
        let at: Vec<usize> = (0..entries.len()).filter(|at| is_of(entries[*at])).collect();
        if at.is_empty() {
            continue;
        }
        let keys: Vec<Key> = at.iter().map(|at| entries[*at].key.clone()).collect();
        for (at, found) in at.into_iter().zip(link.read(storage, &keys)?) {
            now[at].here = stands(found, None);
        }
    }
    let whole: Vec<usize> = (0..entries.len()).filter(|at| entries[*at].image.is_whole()).collect();
    let mut keys: Vec<Key> = whole.iter().map(|at| entries[*at].key.clone()).collect();
    let moved = |at: &usize| entries[*at].image.moved_to().map(|key| (*at, key.clone()));
    let (there, moved): (Vec<usize>, Vec<Key>) = whole.iter().filter_map(moved).unzip();
    keys.extend(moved);
    if keys.is_empty() {
        return Ok(now);
    }
    let found = link.read_stored(&Storage::ALL, &keys)?;
    let expiries = link.expiries(&keys)?;
    let mut stood = found.into_iter().zip(expiries).map(|(found, expiry)| stands(found, expiry));
    for at in whole {
        now[at].here = stood.next().expect("a key has an answer");
    }
    for at in there {
        now[at].there = stood.next().expect("a key has an answer");
    }
    Ok(now)
}

fn stands(found: Found, expiry: Option<Expiry>) -> Stands {
    match found {
        Found::Content(content) => Stands::Value(content, expiry.unwrap_or(Expiry::Never)),
        Found::OtherType(_) => Stands::Other,
        Found::Missing => Stands::Nothing,
    }
}
