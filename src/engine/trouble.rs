//! Why keys did not come through, grouped so that a million of them can be read.

use std::collections::HashMap;

use serde::{Deserialize, Serialize};

use crate::model::limits::{ERROR_GROUPS_MAX, ERRORS_KEPT_MAX, GROUP_SAMPLE_KEYS_MAX};
use crate::model::{Key, Outcome};

/// Why one key came to an outcome that needs eyes.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Trouble {
    /// Where in the chain: `v1_to_v2 step 2 addField`, `v1_to_v2 before`, `v1_to_v2 step 2 validation`,
    /// `read`, `detect`, `validate`, `write`.
    pub step: String,
    /// The field it is about; empty when it is the document as a whole.
    pub field: String,
    /// What is wrong, in words that are the same for every key with this trouble.
    pub reason: String,
    /// What stood there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub found: Option<String>,
    /// The rule that the document breaks, where it breaks one.
    #[serde(flatten)]
    pub broken: Option<Box<BrokenRule>>,
}

/// A rule that a document breaks.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct BrokenRule {
    /// Its name: `required`, `minimum`, …; `rule` for a condition of a migration's `validation`.
    pub rule: String,
    /// What it asks for.
    pub expected: String,
}

impl Trouble {
    /// A trouble with the document as a whole.
    pub fn new(step: &str, reason: impl Into<String>) -> Self {
        let (step, reason) = (step.to_owned(), reason.into());
        Self { step, field: String::new(), reason, found: None, broken: None }
    }

    /// As it stands in a journal.
    pub(super) fn to_json(&self) -> String {
        serde_json::to_string(self).expect("plain data prints as JSON")
    }

    /// A value that does not read as a document. The place at which reading failed differs from key
    /// to key, so it stands in `found`: in the reason it would make a group of each key.
    pub fn unreadable(said: &str) -> Self {
        let (reason, place) = match said.split_once(" at line ") {
            Some((reason, place)) => (reason.to_owned(), Some(format!("line {place}"))),
            None => match said.strip_suffix(" is no UTF-8").and_then(|s| s.rsplit_once("byte ")) {
                Some((head, at)) => {
                    (format!("{head}a byte is no UTF-8"), Some(format!("byte {at}")))
                }
                None => (said.to_owned(), None),
            },
        };
        Self { found: place, ..Self::new("read", reason) }
    }
}

/// Keys with the same outcome for the same reason.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ErrorGroup {
    /// Their outcome.
    pub outcome: Outcome,
    /// Where in the chain.
    pub step: String,
    /// The field it is about.
    pub field: String,
    /// What is wrong.
    pub reason: String,
    /// How many keys.
    pub count: u64,
    /// Some of them.
    pub samples: Vec<Key>,
}

/// The troubles of a run: exact counts by group, and the last few with their keys.
#[derive(Clone, Debug, Default)]
pub struct Troubles {
    groups: Vec<ErrorGroup>,
    by_trouble: HashMap<(Outcome, String, String, String), usize>,
    recent: std::collections::VecDeque<(Key, Outcome, Trouble)>,
}

impl Troubles {
    /// Counts one key.
    pub fn note(&mut self, key: &Key, outcome: Outcome, trouble: &Trouble) {
        if self.recent.len() == ERRORS_KEPT_MAX {
            self.recent.pop_front();
        }
        self.recent.push_back((key.clone(), outcome, trouble.clone()));
        let Trouble { step, field, reason, .. } = trouble;
        let mut name = (outcome, step.clone(), field.clone(), reason.clone());
        if !self.by_trouble.contains_key(&name) && self.groups.len() >= ERROR_GROUPS_MAX {
            let other = format!("other reasons, beyond the first {ERROR_GROUPS_MAX}");
            name = (outcome, "various".to_owned(), String::new(), other);
        }
        let at = *self.by_trouble.entry(name.clone()).or_insert_with(|| {
            let (outcome, step, field, reason) = name;
            self.groups.push(ErrorGroup {
                outcome,
                step,
                field,
                reason,
                count: 0,
                samples: Vec::new(),
            });
            self.groups.len() - 1
        });
        let group = &mut self.groups[at];
        group.count += 1;
        if group.samples.len() < GROUP_SAMPLE_KEYS_MAX {
            group.samples.push(key.clone());
        }
    }

    /// The groups, most keys first.
    pub fn groups(&self) -> Vec<ErrorGroup> {
        let mut groups = self.groups.clone();
        groups.sort_by(|a, b| b.count.cmp(&a.count).then_with(|| a.reason.cmp(&b.reason)));
        groups
    }

    /// The newest troubles with their keys, oldest of them first.
    pub fn recent(&self) -> impl Iterator<Item = &(Key, Outcome, Trouble)> {
        self.recent.iter()
    }
}
