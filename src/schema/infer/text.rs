//! What texts have in common: lengths, formats, and whether they come from a short list.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use serde_json::{Value, json};

use crate::schema::reading::Reading;
use crate::schema::validator::Validator;

/// Different texts that are counted one by one, to see whether a field is a list of values.
pub const VALUES_MAX: usize = 32;
/// A text longer than this is no value of a list.
const VALUE_BYTES_MAX: usize = 64;

/// Formats that are looked for; the validator that will assert them decides.
pub const FORMATS: [&str; 8] =
    ["date-time", "date", "time", "uuid", "email", "uri", "ipv4", "ipv6"];

static VALIDATORS: LazyLock<Vec<Validator>> = LazyLock::new(|| {
    let compiled = |format| {
        Validator::new(&json!({ "format": format }), Reading::default())
            .expect("a schema of one format compiles")
    };
    FORMATS.into_iter().map(compiled).collect()
});

/// What is known of the texts at one place.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Texts {
    /// How many.
    pub count: u64,
    /// Characters of the shortest and the longest.
    pub lengths: Option<(u64, u64)>,
    /// How many have each of [`FORMATS`]; too few once more than [`tolerated`] lack it.
    formats: [u64; FORMATS.len()],
    /// How often each text stands; `None` once there were too many.
    pub values: Option<BTreeMap<String, u64>>,
    overflowed: bool,
}

impl Texts {
    /// Takes in one text, which `value` holds.
    pub fn add(&mut self, text: &str, value: &Value) {
        self.count += 1;
        let length = text.chars().count() as u64;
        let (least, most) = self.lengths.unwrap_or((length, length));
        self.lengths = Some((least.min(length), most.max(length)));
        for (index, validator) in VALIDATORS.iter().enumerate() {
            // A format that one text in a hundred lacks is not proposed: looking on is waste.
            let misses = self.count - 1 - self.formats[index];
            if misses <= self.count / 100 + 3
                && looks_like(FORMATS[index], text)
                && validator.is_valid(value)
            {
                self.formats[index] += 1;
            }
        }
        if self.overflowed {
            return;
        }
        let values = self.values.get_or_insert_default();
        if let Some(count) = values.get_mut(text) {
            *count += 1;
        } else if text.len() > VALUE_BYTES_MAX || values.len() >= VALUES_MAX {
            self.overflow();
        } else {
            values.insert(text.to_owned(), 1);
        }
    }

    fn overflow(&mut self) {
        self.overflowed = true;
        self.values = None;
    }

    /// Takes in what another profile saw.
    pub fn merge(&mut self, other: &Self) {
        self.count += other.count;
        self.lengths = match (self.lengths, other.lengths) {
            (Some(a), Some(b)) => Some((a.0.min(b.0), a.1.max(b.1))),
            (a, b) => a.or(b),
        };
        for (ours, theirs) in self.formats.iter_mut().zip(other.formats) {
            *ours += theirs;
        }
        if self.overflowed || other.overflowed {
            return self.overflow();
        }
        for (text, count) in other.values.iter().flatten() {
            *self.values.get_or_insert_default().entry(text.clone()).or_default() += count;
        }
        if self.values.as_ref().is_some_and(|values| values.len() > VALUES_MAX) {
            self.overflow();
        }
    }

    /// The formats that all texts have or nearly all, with how many have them.
    pub fn near_formats(&self) -> Vec<(&'static str, u64)> {
        let near = |hits: u64| hits > 0 && self.count - hits <= tolerated(self.count);
        let counted = FORMATS.into_iter().zip(self.formats);
        counted.filter(|(_, hits)| near(*hits)).collect()
    }

    /// The format that every text has, if there is one.
    pub fn format(&self) -> Option<&'static str> {
        let all = |index: &usize| self.count > 0 && self.formats[*index] == self.count;
        (0..FORMATS.len()).find(all).map(|index| FORMATS[index])
    }

    /// The values, when the texts look like a list of values: few, each often.
    pub fn list(&self) -> Option<&BTreeMap<String, u64>> {
        /// Each value has to stand this often on average.
        const TIMES_MIN: u64 = 20;
        self.values.as_ref().filter(|values| self.count >= TIMES_MIN * values.len() as u64)
    }
}

/// How many of so many texts may lack a format that is still looked for.
fn tolerated(count: u64) -> u64 {
    count / 20 + 3
}

/// A cheap look before the real check.
fn looks_like(format: &str, text: &str) -> bool {
    let bytes = text.as_bytes();
    let digit = bytes.first().is_some_and(u8::is_ascii_digit);
    match format {
        "date-time" => digit && bytes.len() >= 20,
        "date" => digit && bytes.len() == 10,
        "time" => digit && bytes.len() >= 9 && bytes.get(2) == Some(&b':'),
        "uuid" => bytes.len() == 36,
        "email" => text.contains('@'),
        "uri" => text.contains(':') && !digit,
        "ipv4" => digit && (7..=15).contains(&bytes.len()),
        _ => text.contains(':') && bytes.len() <= 45,
    }
}
