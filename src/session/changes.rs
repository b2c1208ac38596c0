//! What a run did to single keys: their values before it, from the journal, beside what is stored now.

use serde_json::{Map, Value as Json};

use super::{Session, SessionError};
use crate::journal::{Record, Replay};
use crate::model::key::printable;
use crate::model::{BeforeImage, Content, Key, RunId, Storage, Was};
use crate::store::{Found, Link};

/// One key that a run was to write.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// The key.
    pub key: Key,
    /// Its value before the run; of a hash the fields that the run changed.
    pub before: String,
    /// The same of what is stored now; `None` when the key is gone or of another type.
    pub now: Option<String>,
}

impl Session {
    /// Up to `most` keys that a run wrote and whose name has `part` in it, each with its value before
    /// the run and now.
    pub fn changes(
        &self,
        run: &RunId,
        part: &str,
        most: usize,
    ) -> Result<Vec<Change>, SessionError> {
        let mut replay = Replay::open(&self.runs.peek(run))?;
        let mut images: Vec<(Key, BeforeImage)> = Vec::new();
        while let Some(frame) = replay.next()? {
            let Record::Images(entries) = frame.record()? else { continue };
            let fitting = entries.into_iter().filter(|entry| entry.key.to_string().contains(part));
            images.extend(fitting.map(|entry| (entry.key, entry.image)));
            if images.len() >= most {
                images.truncate(most);
                break;
            }
        }
        let mut link = Link::open(&self.address)?;
        let mut changes = Vec::with_capacity(images.len());
        for (key, image) in images {
            changes.push(change(&mut link, key, &image)?);
        }
        Ok(changes)
    }
}

fn change(link: &mut Link, key: Key, image: &BeforeImage) -> Result<Change, SessionError> {
    let (storage, before) = match &image.was {
        Was::String(text) => (Storage::String, printable_text(text)),
        Was::Json(text) => (Storage::Json, printable_text(text)),
        Was::Hash(fields) => {
            let had = fields.iter().filter_map(|f| Some((&f.name[..], f.value.as_deref()?)));
            (Storage::Hash, object(had))
        }
        Was::Whole(_) => {
            let before = "(the whole key was kept; roll back to see it)".to_owned();
            return Ok(Change { key, before, now: None });
        }
    };
    let found = link.read(storage, std::slice::from_ref(&key))?.into_iter().next();
    let now = match (found, &image.was) {
        (Some(Found::Content(Content::String(text) | Content::Json(text))), _) => {
            Some(printable_text(&text))
        }
        (Some(Found::Content(Content::Hash(fields))), Was::Hash(was)) => {
            let touched = |name: &[u8]| was.iter().any(|field| field.name == name);
            let now = fields.iter().map(|field| (&field.name[..], &field.value[..]));
            Some(object(now.filter(|(name, _)| touched(name))))
        }
        _ => None,
    };
    Ok(Change { key, before, now })
}

fn printable_text(bytes: &[u8]) -> String {
    std::str::from_utf8(bytes).map_or_else(|_| printable(bytes).into_owned(), str::to_owned)
}

/// Fields of a hash as a JSON object of texts.
fn object<'f>(fields: impl Iterator<Item = (&'f [u8], &'f [u8])>) -> String {
    let members: Map<String, Json> = fields
        .map(|(name, value)| (printable_text(name), Json::from(printable_text(value))))
        .collect();
    Json::Object(members).to_string()
}
