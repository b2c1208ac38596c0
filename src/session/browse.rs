//! Keys looked at, in pages and one by one.

use super::error::SessionError;
use super::{Session, Subject};
use crate::model::limits::SCAN_COUNT;
use crate::model::{Key, RedisType, Storage, glob};
use crate::schema::Detection;
use crate::store::inspect::{KeyLine, KeyView};
use crate::store::{Found, Link, StoreError};

/// A page of a key list.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Page {
    /// The keys, sorted.
    pub lines: Vec<KeyLine>,
    /// Where the next page begins; 0 when there is none.
    pub cursor: u64,
    /// About how many keys the server looked at for this page.
    pub looked_at: u64,
    /// Keys in the whole database.
    pub database_keys: u64,
}

/// A key with the version its document has.
#[derive(Clone, Debug, PartialEq)]
pub struct KeyDetail {
    /// All about the key.
    pub view: KeyView,
    /// The subject whose pattern it matches, and the document's version.
    pub version: Option<(String, Detection)>,
}

impl Session {
    /// Lists keys from `cursor` on until about `want` are found, the keyspace ends, or a bounded
    /// part of it was looked at.
    pub fn browse(
        &self,
        pattern: &str,
        redis_type: Option<&RedisType>,
        cursor: u64,
        want: usize,
    ) -> Result<Page, SessionError> {
        const CALLS_MAX: u64 = 50;
        let mut link = Link::open(&self.address)?;
        let mut page = Page { cursor, database_keys: link.key_count()?, ..Page::default() };
        let mut keys = Vec::new();
        for _ in 0..CALLS_MAX {
            let scanned = link.scan(page.cursor, pattern, redis_type, SCAN_COUNT)?;
            keys.extend(scanned.keys);
            page.cursor = scanned.cursor;
            page.looked_at += SCAN_COUNT as u64;
            if page.cursor == 0 || keys.len() >= want {
                break;
            }
        }
        keys.sort();
        keys.dedup();
        page.looked_at = page.looked_at.min(page.database_keys);
        page.lines = link.key_lines(&keys)?;
        Ok(page)
    }

    /// Looks at one key; `None` when it is gone.
    pub fn key(&self, key: &Key) -> Result<Option<KeyDetail>, SessionError> {
        let mut link = Link::open(&self.address)?;
        let Some(view) = link.key_view(key)? else { return Ok(None) };
        let version = match (self.subject_of(key), view.redis_type.storage()) {
            (Some(subject), Some(storage)) => match read_one(&mut link, storage, key)? {
                Found::Content(content) => {
                    let detection = content
                        .document()
                        .and_then(|document| subject.detector().at(key).detect(&document))
                        .unwrap_or(Detection::Unknown);
                    Some((subject.name.clone(), detection))
                }
                _ => None,
            },
            _ => None,
        };
        Ok(Some(KeyDetail { view, version }))
    }

    /// The subject whose key pattern a key matches; the longest pattern wins.
    pub fn subject_of(&self, key: &Key) -> Option<&Subject> {
        let matching = self.catalog().subjects.values().flat_map(|subject| {
            subject.key_patterns().into_iter().map(move |pattern| (pattern, subject))
        });
        matching
            .filter(|(pattern, _)| glob::matches(pattern.as_bytes(), key.as_bytes()))
            .max_by_key(|(pattern, _)| pattern.len())
            .map(|(_, subject)| subject)
    }
}

fn read_one(link: &mut Link, storage: Storage, key: &Key) -> Result<Found, StoreError> {
    let found = link.read(storage, std::slice::from_ref(key))?;
    Ok(found.into_iter().next().unwrap_or(Found::Missing))
}
