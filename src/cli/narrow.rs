//! What a plan's selection is narrowed to: `--limit`, `--keys-from`, `--failed-of`, `--query`, `--slots`,
//! `--where`.

use std::collections::{BTreeSet, HashSet};
use std::io::Read;
use std::path::{Path, PathBuf};

use clap::Args;
use serde_json::{Value as Json, json};

use super::exit::Failure;
use crate::model::limits::KEY_LIST_BYTES_MAX as LIST_BYTES_MAX;
use crate::model::{Key, SlotRange};
use crate::planner::{Narrowed, Query};
use crate::session::Session;

/// Only some of the keys.
#[derive(Args, Debug, Clone)]
pub struct Narrowing {
    /// At most this many keys
    #[arg(long, value_name = "N")]
    limit: Option<u64>,
    /// Only the keys that stand in this file, one a line, in place of a scan; - is standard input. One
    /// that is not there counts as missing
    #[arg(long, value_name = "FILE")]
    keys_from: Option<PathBuf>,
    /// Only the keys that failed, were invalid or in conflict in this run (or last)
    #[arg(long, value_name = "RUN", conflicts_with = "keys_from")]
    failed_of: Option<String>,
    /// Only the keys that an index of RediSearch finds: '@age:[30 40]', in place of a scan. It is asked
    /// once, when the plan is drawn up, and the plan holds the keys
    #[arg(long, value_name = "QUERY", conflicts_with_all = ["keys_from", "failed_of"])]
    query: Option<String>,
    /// The index that is to answer; without it, the only one over the subject's keys
    #[arg(long, value_name = "INDEX", requires = "query")]
    index: Option<String>,
    /// Only keys of these hash slots: 0-5460, or 0-99,200
    #[arg(long, value_name = "SLOTS", value_delimiter = ',')]
    slots: Vec<SlotRange>,
    /// Only documents for which this holds; others count as unchanged. A condition as 'when' takes it
    /// ({"field": "country", "eq": "DE"}), or an expression in Luau ('i.age > 17')
    #[arg(long = "where", value_name = "CONDITION", value_parser = condition)]
    condition: Option<Json>,
}

impl Narrowing {
    /// Reads the list, where there is one.
    pub fn read(&self, session: &Session) -> Result<Narrowed, Failure> {
        let failed = |name| session.failed_keys(&session.find_run(name)?);
        let keys = match (&self.keys_from, &self.failed_of) {
            (Some(path), _) => Some(read_keys(path)?),
            (None, name) => name.as_deref().map(failed).transpose()?,
        };
        Ok(Narrowed {
            limit: self.limit,
            keys,
            query: self.query.clone().map(|text| Query {
                index: self.index.clone(),
                text,
                not_indexed: 0,
            }),
            slots: self.slots.clone(),
            condition: self.condition.clone(),
        })
    }
}

/// Reads keys, one a line in their printable form; empty lines are passed over.
fn read_keys(path: &Path) -> Result<Vec<Key>, Failure> {
    let is_stdin = path == Path::new("-");
    let said = if is_stdin { "standard input".to_owned() } else { path.display().to_string() };
    let mut bytes = Vec::new();
    let read = if is_stdin {
        std::io::stdin().take(LIST_BYTES_MAX + 1).read_to_end(&mut bytes)
    } else {
        std::fs::File::open(path)
            .and_then(|file| file.take(LIST_BYTES_MAX + 1).read_to_end(&mut bytes))
    };
    read.map_err(|error| Failure::usage(format!("cannot read the keys of {said}: {error}")))?;
    if bytes.len() as u64 > LIST_BYTES_MAX {
        return Err(Failure::usage(format!(
            "{said} has more than {} MiB of keys: cut it in several lists, and run one after the other",
            LIST_BYTES_MAX >> 20
        )));
    }
    let keys = keys_of(&bytes);
    if keys.is_empty() {
        return Err(Failure::usage(format!("{said} names no key: expected one a line")));
    }
    Ok(keys)
}

/// The keys of a list, each once.
fn keys_of(bytes: &[u8]) -> Vec<Key> {
    let lines = bytes.split(|byte| *byte == b'\n');
    let lines = lines.map(|line| line.strip_suffix(b"\r").unwrap_or(line));
    let mut seen = HashSet::new();
    lines
        .filter(|line| !line.is_empty())
        // What is no text was not written in the printable form, but as it is.
        .map(|line| std::str::from_utf8(line).map_or_else(|_| Key::from(line), Key::from_text))
        .filter(|key| seen.insert(key.clone()))
        .collect()
}

/// Reads a condition as JSON, or as an expression that names its fields as `i.name`.
fn condition(text: &str) -> Result<Json, String> {
    if text.trim_start().starts_with('{') {
        return serde_json::from_str(text).map_err(|error| error.to_string());
    }
    let inputs = inputs_of(text);
    if inputs.is_empty() {
        return Err(format!(
            "'{text}' looks at no field: expected i.FIELD as in 'i.age > 17', or a condition as in \
             {{\"field\": \"age\", \"gt\": 17}}"
        ));
    }
    Ok(json!({"expr": text, "inputs": inputs}))
}

/// The fields an expression names: `i.address.city` is `address.city`.
fn inputs_of(text: &str) -> BTreeSet<&str> {
    let is_name = |c: char| c.is_alphanumeric() || c == '_';
    let mut inputs = BTreeSet::new();
    for (at, _) in text.match_indices("i.") {
        if text[..at].ends_with(|c| is_name(c) || c == '.') {
            continue;
        }
        let rest = &text[at + 2..];
        let end = rest.find(|c| !is_name(c) && c != '.').unwrap_or(rest.len());
        let path = rest[..end].trim_end_matches('.');
        if !path.is_empty() {
            inputs.insert(path);
        }
    }
    inputs
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_expression_names_its_fields() {
        let inputs = |text| inputs_of(text).into_iter().collect::<Vec<_>>();
        assert_eq!(inputs("i.age > i.limit_2 and hi.x == 1"), ["age", "limit_2"]);
        assert_eq!(inputs("i.address.city:lower() == 'x' .. i.a"), ["a", "address.city"]);
        assert_eq!(inputs("#i.tags[1]"), ["tags"]);
        assert!(condition("age > 17").is_err() && condition("{").is_err());
        assert_eq!(condition("i.a").expect("reads"), json!({"expr": "i.a", "inputs": ["a"]}));
    }

    #[test]
    fn a_list_is_read_line_by_line() {
        let keys = keys_of(b"user:1\r\n\nuser:\\x00\nuser:1\nuser:\xff");
        let expected = [&b"user:1"[..], b"user:\x00", b"user:\xff"].map(Key::from);
        assert_eq!(keys, expected);
    }
}
