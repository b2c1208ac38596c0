//! A census: how many documents of each version stand under a pattern.

use std::collections::BTreeMap;

use serde::Serialize;

use super::samples::{Looked, Samples};
use super::{Session, SessionError};
use crate::model::{Key, glob};
use crate::schema::{Detection, Detector, Version};

/// Keys kept for each line of a census.
const SAMPLE_KEYS_MAX: usize = 3;

/// What a key is to the catalog.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case", tag = "is")]
pub enum Standing {
    /// A document of this version.
    Version {
        /// The version.
        version: Version,
    },
    /// A document that fits several versions equally well.
    Ambiguous {
        /// These.
        versions: Vec<Version>,
    },
    /// A document of no version that is known.
    Unknown,
    /// No document.
    NoDocument,
}

/// One line of a census.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Counted {
    /// How many keys.
    pub count: u64,
    /// A few of them.
    pub keys: Vec<Key>,
}

impl Counted {
    fn add(&mut self, key: &Key) {
        self.count += 1;
        if self.keys.len() < SAMPLE_KEYS_MAX {
            self.keys.push(key.clone());
        }
    }

    fn merge(&mut self, other: Self) {
        self.count += other.count;
        let room = SAMPLE_KEYS_MAX.saturating_sub(self.keys.len());
        self.keys.extend(other.keys.into_iter().take(room));
    }
}

/// How many keys of each kind there are.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Census {
    /// By subject and standing.
    pub lines: BTreeMap<(String, Standing), Counted>,
    /// Keys that belong to no subject.
    pub no_subject: Counted,
    /// How far it went.
    pub looked: Looked,
}

/// A subject as a census meets its keys.
struct Kin<'c> {
    name: &'c str,
    patterns: Vec<&'c str>,
    detector: Detector,
}

impl Session {
    /// Counts the keys of a pattern by the version of their documents. `progress` is told after each
    /// page, and ends the count by answering false.
    pub fn census(
        &self,
        samples: Samples<'_>,
        progress: &mut dyn FnMut(Looked) -> bool,
    ) -> Result<Census, SessionError> {
        if self.catalog().subjects.is_empty() {
            // Whatever keeps the registry from being read is the better answer.
            self.registry()?;
            let message = "a count of versions needs definitions: name their folder with --catalog, or \
                           register them with `remold schema push`";
            return Err(SessionError::Usage(message.to_owned()));
        }
        let kin: Vec<Kin<'_>> = self
            .catalog()
            .subjects
            .values()
            .map(|subject| Kin {
                name: &subject.name,
                patterns: subject.key_patterns(),
                detector: subject.detector(),
            })
            .collect();
        let (parts, looked) = self.look_at_samples(
            samples,
            || vec![BTreeMap::<Standing, Counted>::new(); kin.len() + 1],
            |counts, key, value| {
                let Some(at) = kin_of(&kin, key) else {
                    counts[kin.len()].entry(Standing::Unknown).or_default().add(key);
                    return;
                };
                let checked =
                    value.ok().and_then(|content| kin[at].detector.detect_content(content).ok());
                let standing = match checked {
                    None => Standing::NoDocument,
                    Some(Detection::Version(version)) => Standing::Version { version },
                    Some(Detection::Ambiguous(versions)) => Standing::Ambiguous { versions },
                    Some(Detection::Unknown) => Standing::Unknown,
                };
                counts[at].entry(standing).or_default().add(key);
            },
            progress,
        )?;
        let mut census = Census { looked, ..Census::default() };
        for part in parts {
            for (at, counts) in part.into_iter().enumerate() {
                for (standing, counted) in counts {
                    match kin.get(at) {
                        Some(kin) => {
                            let line = (kin.name.to_owned(), standing);
                            census.lines.entry(line).or_default().merge(counted);
                        }
                        None => census.no_subject.merge(counted),
                    }
                }
            }
        }
        Ok(census)
    }
}

/// The subject of a key: of those whose pattern it matches, the one with the longest.
fn kin_of(kin: &[Kin<'_>], key: &Key) -> Option<usize> {
    let matching = kin.iter().enumerate().flat_map(|(at, kin)| {
        let matches = |pattern: &&&str| glob::matches(pattern.as_bytes(), key.as_bytes());
        kin.patterns.iter().filter(matches).map(move |pattern| (pattern.len(), at))
    });
    matching.max_by_key(|(length, _)| *length).map(|(_, at)| at)
}
