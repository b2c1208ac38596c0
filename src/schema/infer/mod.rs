//! What documents look like when nobody has said it: a profile of samples, and the schema they fit.
//!
//! One pass, bounded memory, and profiles of parts can be merged. What is proposed holds for every
//! document that was seen: types, presence, formats and short lists of values. Ranges are reported and
//! never proposed, because the next document may lie outside.

pub mod distinct;
pub mod node;
pub mod report;
#[cfg(test)]
mod tests;
pub mod text;

use std::borrow::Cow;

use serde_json::{Map, Value};

use self::node::{NODES_MAX, Node};
use self::report::FieldReport;
use super::reading::{Reading, read_content, read_document};
use crate::model::content::HashField;
use crate::model::{Content, Document, DocumentError, Storage};

/// What is known of the sampled documents.
#[derive(Clone, Debug, PartialEq)]
pub struct Profile {
    /// Documents of each storage, in the order of [`Storage::ALL`].
    storages: [u64; 3],
    /// Values that were no documents.
    unreadable: u64,
    root: Node,
    /// How many more places may be told apart.
    room: usize,
}

impl Default for Profile {
    fn default() -> Self {
        Self { storages: [0; 3], unreadable: 0, root: Node::default(), room: NODES_MAX }
    }
}

impl Profile {
    /// Takes in one document. One that cannot be read is counted and returned as the error.
    pub fn add(&mut self, document: &Document<'_>) -> Result<(), DocumentError> {
        if document.storage() == Storage::Hash {
            let members = document.root.members().iter();
            self.add_hash(members.filter_map(|m| Some((m.name.text(), m.value.to_plain()?))));
        } else {
            match read_document(document, &Reading::default()) {
                Ok(value) => self.root.add(&value, 0, &mut self.room),
                Err(error) => {
                    self.unreadable += 1;
                    return Err(error);
                }
            }
        }
        self.storages[slot(document.storage())] += 1;
        Ok(())
    }

    /// Takes in the document in a stored value, which is parsed once. One that cannot be read is counted
    /// and returned as the error.
    pub fn add_content<'f>(&mut self, content: &'f Content) -> Result<(), DocumentError> {
        let Content::Hash(fields) = content else {
            return match read_content(content, &Reading::default()) {
                Ok(value) => {
                    self.add_value(&value, content.storage());
                    Ok(())
                }
                Err(error) => {
                    self.unreadable += 1;
                    Err(error)
                }
            };
        };
        let field = |field: &'f HashField| {
            (String::from_utf8_lossy(&field.name), field.value.as_slice().into())
        };
        self.add_hash(fields.iter().map(field));
        self.storages[slot(Storage::Hash)] += 1;
        Ok(())
    }

    /// Takes in a document that was parsed already; not the fields of a hash.
    pub fn add_value(&mut self, value: &Value, storage: Storage) {
        self.root.add(value, 0, &mut self.room);
        self.storages[slot(storage)] += 1;
    }

    /// Counts a value that is no document.
    pub fn add_unreadable(&mut self) {
        self.unreadable += 1;
    }

    fn add_hash<'f>(&mut self, fields: impl Iterator<Item = (Cow<'f, str>, Cow<'f, [u8]>)>) {
        self.root.count += 1;
        self.root.objects.count += 1;
        for (name, bytes) in fields {
            if let Some(node) = self.root.objects.field(&name, 0, &mut self.room) {
                node.add_plain(&bytes, 1, &mut self.room);
            }
        }
    }

    /// Takes in what another profile saw.
    pub fn merge(&mut self, other: &Self) {
        for (ours, theirs) in self.storages.iter_mut().zip(other.storages) {
            *ours += theirs;
        }
        self.unreadable += other.unreadable;
        self.root.merge(&other.root);
        self.room = self.room.min(other.room);
    }

    /// How many documents were taken in.
    pub fn documents(&self) -> u64 {
        self.root.count
    }

    /// How many values were no documents.
    pub fn unreadable(&self) -> u64 {
        self.unreadable
    }

    /// Documents of each storage, those that were seen.
    pub fn storages(&self) -> Vec<(Storage, u64)> {
        let counted = Storage::ALL.into_iter().zip(self.storages);
        counted.filter(|(_, count)| *count > 0).collect()
    }

    /// What is known of the values at the root.
    pub fn root(&self) -> &Node {
        &self.root
    }

    /// Every field with what is known of it.
    pub fn fields(&self) -> Vec<FieldReport> {
        let mut out = Vec::new();
        report::fields(&self.root.objects, "", &mut out);
        out
    }

    /// How often a field may stand in the whole keyspace and still be in none of the samples, in
    /// percent, at 95 % confidence (the rule of three).
    pub fn blind_spot_percent(&self) -> f64 {
        #[allow(clippy::cast_precision_loss)]
        let documents = self.documents().max(1) as f64;
        (300.0 / documents).min(100.0)
    }

    /// The definition of a schema that every document taken in fits.
    pub fn propose(&self, subject: &str, key_pattern: &str, version: &str) -> Value {
        let mut out = Map::new();
        out.insert("version".to_owned(), version.into());
        out.insert("subject".to_owned(), subject.into());
        out.insert("keyPattern".to_owned(), key_pattern.into());
        if let [(storage, _)] = self.storages().as_slice() {
            out.insert("storage".to_owned(), storage.name().into());
        }
        // Below the root a map stays without fields; a document always has the fields it has.
        out.insert("fields".to_owned(), self.root.objects.proposal());
        Value::Object(out)
    }
}

fn slot(storage: Storage) -> usize {
    match storage {
        Storage::String => 0,
        Storage::Hash => 1,
        Storage::Json => 2,
    }
}
