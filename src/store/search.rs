//! RediSearch: the indexes there are, and the keys that one answers to a query
//! (<https://redis.io/docs/latest/commands/ft.aggregate/>).
//!
//! What was seen on RediSearch 2.10: a read that takes longer than the server's own limit ends early and
//! says so only from protocol 3 on, so every command here lifts the limit; and a cursor that is read while
//! documents change may end before its time, without a word, because the tree of numbers it walks was split.
//! So what a cursor brought is held against the count of the query before and after, and read again where
//! keys are wanting.

use std::collections::BTreeSet;

use redis::{Cmd, Value};

use super::error::{Fault, StoreError};
use super::link::{Link, array, bytes, text, unexpected};
use crate::model::search::{IndexedField, SearchIndex};
use crate::model::{Key, Storage};

/// Keys in one read of a cursor, at first: other clients wait meanwhile.
const CURSOR_KEYS: u64 = 1_000;
/// How many times as many the next pass reads at once, where keys were wanting: nothing changes within a read.
const CURSOR_GROWTH: u64 = 4;
/// As many as are read at once at most.
const CURSOR_KEYS_MAX: u64 = 256_000;
/// How long the server keeps a cursor that nobody reads.
const CURSOR_IDLE_MS: u64 = 60_000;
/// Times that an answer is read before it is given up as too restless.
const PASSES_MAX: usize = 8;

impl Link {
    /// Every index that the user may look at, by name; `None` without the module. In a cluster, those that every node knows: the
    /// module alone takes in the keys of its own node, and only its clustered form those of all.
    pub fn search_indexes(&mut self) -> Result<Option<Vec<SearchIndex>>, StoreError> {
        let mut common: Option<Vec<SearchIndex>> = None;
        for node in self.layout()?.nodes {
            let Some(names) = self.index_names(&node.name)? else { return Ok(None) };
            let mut indexes = Vec::with_capacity(names.len());
            for name in names {
                if common.as_ref().is_none_or(|known| known.iter().any(|it| it.name == name)) {
                    indexes.extend(self.index(&node.name, &name)?);
                }
            }
            if let Some(known) = common.take() {
                for index in &mut indexes {
                    let other = known.iter().find(|it| it.name == index.name);
                    let other =
                        other.expect("an index that is not on the nodes before was left out");
                    index.is_building |= other.is_building;
                    index.failures = index.failures.max(other.failures);
                }
            }
            common = Some(indexes);
        }
        Ok(common)
    }

    fn index_names(&mut self, node: &str) -> Result<Option<Vec<String>>, StoreError> {
        const NAME: &str = "FT._LIST";
        match self.call_node(node, NAME, &redis::cmd(NAME)) {
            Err(error) if error.is_unknown_command() => Ok(None),
            answer => {
                let mut names = texts(NAME, answer?)?;
                names.sort();
                Ok(Some(names))
            }
        }
    }

    /// One index; `None` when it is gone, or not for this user: its name counts as a key.
    fn index(&mut self, node: &str, name: &str) -> Result<Option<SearchIndex>, StoreError> {
        const NAME: &str = "FT.INFO";
        let mut command = redis::cmd(NAME);
        command.arg(name);
        match self.call_node(node, NAME, &command) {
            Err(error) if is_gone(&error) => Ok(None),
            Err(StoreError::Refused { fault: Fault::NoPermission, .. }) => Ok(None),
            answer => read_index(name, answer?),
        }
    }

    /// The keys that an index answers to a query, sorted. In a cluster, those of every node.
    ///
    /// # Errors
    /// A query that the index does not take, in the server's words; an answer that changes faster than it
    /// can be read.
    pub fn search_keys(&mut self, index: &str, query: &str) -> Result<Vec<Key>, StoreError> {
        let mut keys = BTreeSet::new();
        for node in self.layout()?.nodes {
            keys.append(&mut self.search_node(&node.name, index, query)?);
        }
        Ok(keys.into_iter().collect())
    }

    fn search_node(
        &mut self,
        node: &str,
        index: &str,
        query: &str,
    ) -> Result<BTreeSet<Key>, StoreError> {
        let mut keys = BTreeSet::new();
        let mut before = self.search_count(node, index, query)?;
        let mut at_once = CURSOR_KEYS;
        for _ in 0..PASSES_MAX {
            self.read_cursor(node, (index, query), at_once, &mut keys)?;
            at_once = (at_once * CURSOR_GROWTH).min(CURSOR_KEYS_MAX);
            let after = self.search_count(node, index, query)?;
            if keys.len() as u64 >= before.min(after) {
                return Ok(keys);
            }
            before = after;
        }
        Err(StoreError::Unsettled {
            reason: format!(
                "the index {index} answered {before} keys to '{query}', and after {PASSES_MAX} readings \
                 only {} of them were named: its documents change faster than a cursor is read",
                keys.len()
            ),
        })
    }

    /// How many documents a query finds.
    fn search_count(&mut self, node: &str, index: &str, query: &str) -> Result<u64, StoreError> {
        const NAME: &str = "FT.SEARCH";
        let mut command = redis::cmd(NAME);
        command.arg(index).arg(query).arg("NOCONTENT").arg(&["LIMIT", "0", "0", "TIMEOUT", "0"]);
        let count = match self.call_node(node, NAME, &command)? {
            Value::Array(items) => items.into_iter().next(),
            pairs @ Value::Map(_) => member(NAME, pairs, "total_results")?,
            other => Some(other),
        };
        number(NAME, &count.unwrap_or(Value::Nil))
    }

    /// Reads a cursor to its end. A cursor that the server has forgotten meanwhile is no error: the count
    /// tells what is wanting.
    fn read_cursor(
        &mut self,
        node: &str,
        (index, query): (&str, &str),
        at_once: u64,
        keys: &mut BTreeSet<Key>,
    ) -> Result<(), StoreError> {
        const NAME: &str = "FT.AGGREGATE";
        let mut command = redis::cmd(NAME);
        command.arg(index).arg(query).arg(&["LOAD", "1", "@__key", "TIMEOUT", "0"]);
        command.arg("WITHCURSOR").arg("COUNT").arg(at_once).arg("MAXIDLE").arg(CURSOR_IDLE_MS);
        let mut answer = self.call_node(node, NAME, &command)?;
        loop {
            let Ok([rows, cursor]) = <[Value; 2]>::try_from(array(NAME, answer)?) else {
                return Err(unexpected(NAME, &Value::Nil));
            };
            read_rows(NAME, rows, keys)?;
            let cursor = number(NAME, &cursor)?;
            if cursor == 0 {
                return Ok(());
            }
            let mut next: Cmd = redis::cmd("FT.CURSOR");
            next.arg("READ").arg(index).arg(cursor).arg("COUNT").arg(at_once);
            answer = match self.call_node(node, "FT.CURSOR", &next) {
                // "Cursor not found", "The index was dropped while the cursor was idle".
                Err(error) if says(&error, "cursor") => return Ok(()),
                answer => answer?,
            };
        }
    }
}

/// Whether there is no such index: "idx: no such index", "Unknown index name".
fn is_gone(error: &StoreError) -> bool {
    says(error, "no such index") || says(error, "unknown index")
}

/// Whether the server's own words hold these.
fn says(error: &StoreError, words: &str) -> bool {
    error.words().is_some_and(|said| said.to_lowercase().contains(words))
}

/// The value of a name in a list of pairs, or in a map from protocol 3 on.
fn member(command: &str, pairs: Value, name: &str) -> Result<Option<Value>, StoreError> {
    let mut items = array(command, pairs)?.into_iter();
    while let (Some(key), Some(value)) = (items.next(), items.next()) {
        if text(command, key)? == name {
            return Ok(Some(value));
        }
    }
    Ok(None)
}

fn number(command: &str, value: &Value) -> Result<u64, StoreError> {
    let read = match value {
        Value::Int(number) => u64::try_from(*number).ok(),
        // Some versions answer figures as text, others as doubles.
        Value::Double(number) => format!("{number:.0}").parse().ok(),
        Value::BulkString(_) | Value::SimpleString(_) => text(command, value.clone())?
            .parse::<f64>()
            .ok()
            .and_then(|it| format!("{it:.0}").parse().ok()),
        _ => None,
    };
    read.ok_or_else(|| unexpected(command, value))
}

/// Notes the keys of an answer: `[total, ["__key", key], …]`, or from protocol 3 on a map whose
/// `results` have `extra_attributes`.
fn read_rows(command: &str, rows: Value, keys: &mut BTreeSet<Key>) -> Result<(), StoreError> {
    let rows: Vec<Value> = if let Value::Map(_) = rows {
        let results = member(command, rows, "results")?.unwrap_or(Value::Array(Vec::new()));
        let attributes = array(command, results)?
            .into_iter()
            .map(|row| member(command, row, "extra_attributes"));
        attributes.filter_map(Result::transpose).collect::<Result<_, _>>()?
    } else {
        array(command, rows)?.into_iter().skip(1).collect()
    };
    for row in rows {
        // A document that is gone by now has an empty row.
        if let Some(key) = member(command, row, "__key")? {
            keys.extend(bytes(command, key)?.map(Key::from));
        }
    }
    Ok(())
}

/// Reads the answer of `FT.INFO`; `None` for an index of what is no document of ours.
fn read_index(name: &str, answer: Value) -> Result<Option<SearchIndex>, StoreError> {
    const NAME: &str = "FT.INFO";
    let (mut definition, mut fields) = (None, None);
    let (mut is_building, mut failures) = (false, 0);
    let mut items = array(NAME, answer)?.into_iter();
    while let (Some(key), Some(value)) = (items.next(), items.next()) {
        match text(NAME, key)?.as_str() {
            "index_definition" => definition = Some(value),
            "attributes" | "fields" => fields = Some(value),
            "indexing" => is_building = number(NAME, &value)? > 0,
            "hash_indexing_failures" => failures = number(NAME, &value)?,
            _ => {}
        }
    }
    let mut index = SearchIndex {
        name: name.to_owned(),
        storage: Storage::Hash,
        prefixes: Vec::new(),
        filter: None,
        fields: Vec::new(),
        is_building,
        failures,
    };
    let mut items = array(NAME, definition.unwrap_or(Value::Nil))?.into_iter();
    while let (Some(key), Some(value)) = (items.next(), items.next()) {
        match text(NAME, key)?.as_str() {
            "key_type" => match text(NAME, value)?.as_str() {
                "HASH" => index.storage = Storage::Hash,
                "JSON" => index.storage = Storage::Json,
                _ => return Ok(None),
            },
            "prefixes" => index.prefixes = texts(NAME, value)?,
            "filter" => index.filter = Some(text(NAME, value)?).filter(|filter| !filter.is_empty()),
            _ => {}
        }
    }
    for field in array(NAME, fields.unwrap_or(Value::Nil))? {
        let find = |name| -> Result<String, StoreError> {
            member(NAME, field.clone(), name)?.map_or(Ok(String::new()), |value| text(NAME, value))
        };
        let (path, alias, kind) = (find("identifier")?, find("attribute")?, find("type")?);
        index.fields.push(IndexedField { path, alias, kind });
    }
    Ok(Some(index))
}

fn texts(command: &str, value: Value) -> Result<Vec<String>, StoreError> {
    array(command, value)?.into_iter().map(|item| text(command, item)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn word(text: &str) -> Value {
        Value::BulkString(text.as_bytes().to_vec())
    }

    fn map(pairs: Vec<(&str, Value)>) -> Value {
        Value::Map(pairs.into_iter().map(|(name, value)| (word(name), value)).collect())
    }

    #[test]
    fn rows_are_read_in_both_protocols() {
        let keys = |rows| {
            let mut keys = BTreeSet::new();
            read_rows("FT.AGGREGATE", rows, &mut keys).expect("read");
            keys.into_iter().map(|key| key.to_string()).collect::<Vec<_>>()
        };
        let row = |key| Value::Array(vec![word("__key"), word(key)]);
        let gone = Value::Array(Vec::new());
        assert_eq!(keys(Value::Array(vec![Value::Int(1), row("b"), gone, row("a")])), ["a", "b"]);
        let row = |key| map(vec![("extra_attributes", map(vec![("__key", word(key))]))]);
        let results = Value::Array(vec![row("b"), row("a")]);
        let answer = map(vec![("total_results", Value::Int(1)), ("results", results)]);
        assert_eq!(keys(answer), ["a", "b"]);
    }

    #[test]
    fn an_index_is_read_in_both_protocols() {
        let field = |flat: bool| {
            let pairs =
                vec![("identifier", word("$.n")), ("attribute", word("n")), ("type", word("TAG"))];
            if flat {
                let flags = [word("SORTABLE")];
                let items = pairs.into_iter().flat_map(|(name, value)| [word(name), value]);
                Value::Array(items.chain(flags).collect())
            } else {
                map(pairs)
            }
        };
        for flat in [true, false] {
            let prefixes = Value::Array(vec![word("user:")]);
            let definition =
                vec![("key_type", word("JSON")), ("prefixes", prefixes), ("filter", word("@n==1"))];
            let answer = map(vec![
                ("index_definition", map(definition)),
                ("attributes", Value::Array(vec![field(flat)])),
                ("hash_indexing_failures", word("3")),
                ("indexing", Value::Double(0.0)),
            ]);
            let index = read_index("idx", answer).expect("read").expect("of documents");
            assert_eq!(index.fields[0].in_words(), "$.n AS n (TAG)");
            assert_eq!((index.storage, index.patterns().as_str()), (Storage::Json, "user:*"));
            assert_eq!((index.failures, index.is_building), (3, false));
            assert_eq!(index.filter.as_deref(), Some("@n==1"));
        }
    }
}
