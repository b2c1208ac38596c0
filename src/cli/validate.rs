//! `remold schema validate`: documents in files, or the keys of a subject.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::io::Read;
use std::path::Path;

use clap::Args;
use serde::Serialize;
use serde_json::{Value as Json, json};

use super::census::progress;
use super::exit::{Exit, Failure};
use super::render::{Output, Tone};
use crate::model::{Content, Key, glob};
use crate::schema::{Detection, Schema, Version, Violation};
use crate::session::{Samples, Session, no_document};

/// Keys shown for each broken rule.
const SAMPLE_KEYS_MAX: usize = 3;
/// Broken rules that are told apart.
const GROUPS_MAX: usize = 200;

#[derive(Args, Debug)]
pub struct Arguments {
    /// With --schema: documents, '-' for standard input. Else the subject: user, or user@1.0.0
    #[arg(required = true, value_name = "DOC or SUBJECT")]
    targets: Vec<String>,
    /// The schema to validate files against: a file, user, or user@1.0.0
    #[arg(long, value_name = "SCHEMA")]
    schema: Option<String>,
    /// At most this many keys of a subject; 0 looks at all
    #[arg(long, default_value_t = 0, value_name = "N")]
    limit: u64,
}

/// Validates. Exits 1 when something breaks a rule.
pub fn carry_out(
    arguments: &Arguments,
    session: &Session,
    output: Output,
) -> Result<Exit, Failure> {
    let named = match &arguments.schema {
        Some(name) => Some((session.schema(name)?, arguments.targets.as_slice())),
        // `validate user@1.0.0 doc.json` says the same.
        None if arguments.targets.len() > 1 => {
            Some((session.schema(&arguments.targets[0])?, &arguments.targets[1..]))
        }
        None => None,
    };
    match named {
        Some((schema, files)) => validate_files(&schema, files, session, output),
        None => validate_keys(&arguments.targets[0], arguments.limit, session, output),
    }
}

fn validate_files(
    schema: &Schema,
    files: &[String],
    session: &Session,
    output: Output,
) -> Result<Exit, Failure> {
    let mut exit = Exit::Fine;
    for file in files {
        let violations = match serde_json::from_str::<Json>(&text_of(file, session)?) {
            Ok(value) => schema.validator().violations(&value),
            Err(error) => vec![Violation {
                path: String::new(),
                rule: "document".to_owned(),
                found: "text that is no JSON".to_owned(),
                expected: "a JSON document".to_owned(),
                message: format!("the document is no JSON: {error}"),
            }],
        };
        if !violations.is_empty() {
            exit = Exit::NeedsEyes;
        }
        if output.json {
            let mut told = json!({"valid": violations.is_empty(), "errors": violations});
            if files.len() > 1 {
                told["file"] = file.as_str().into();
            }
            output.json(&told);
        } else if violations.is_empty() {
            output.line(format!("{file}: valid under {}", schema.title()));
        } else {
            for violation in violations {
                output.line(format!("{file}: {} ({})", violation.message, violation.rule));
            }
        }
    }
    Ok(exit)
}

fn text_of(file: &str, session: &Session) -> Result<String, Failure> {
    if file != "-" {
        return Ok(session.read_file(Path::new(file))?);
    }
    let mut text = String::new();
    std::io::stdin()
        .read_to_string(&mut text)
        .map_err(|error| Failure::usage(format!("standard input cannot be read: {error}")))?;
    Ok(text)
}

/// A broken rule of one version, over all keys that break it.
#[derive(Debug, Serialize)]
struct Group {
    version: Option<String>,
    path: String,
    rule: String,
    expected: String,
    message: String,
    count: u64,
    keys: Vec<Key>,
}

/// What was found over all keys.
#[derive(Debug, Default)]
struct Found {
    checked: u64,
    invalid: u64,
    versions: BTreeMap<String, u64>,
    groups: BTreeMap<(String, String, String), Group>,
    /// Broken rules that were not told apart.
    others: u64,
}

impl Found {
    fn add(&mut self, key: &Key, version: &str, violations: Vec<Violation>) {
        self.checked += 1;
        *self.versions.entry(version.to_owned()).or_default() += 1;
        self.invalid += u64::from(!violations.is_empty());
        for violation in violations {
            let path = without_numbers(&violation.path);
            let name = (version.to_owned(), path.clone(), violation.rule.clone());
            if self.groups.len() >= GROUPS_MAX && !self.groups.contains_key(&name) {
                self.others += 1;
                continue;
            }
            let group = self.groups.entry(name).or_insert_with(|| Group {
                version: Some(version.to_owned()),
                path,
                rule: violation.rule,
                expected: violation.expected,
                message: violation.message,
                count: 0,
                keys: Vec::new(),
            });
            group.count += 1;
            if group.keys.len() < SAMPLE_KEYS_MAX {
                group.keys.push(key.clone());
            }
        }
    }
}

impl Found {
    /// Takes in what was found over other keys.
    fn merge(&mut self, other: Self) {
        self.checked += other.checked;
        self.invalid += other.invalid;
        self.others += other.others;
        for (version, count) in other.versions {
            *self.versions.entry(version).or_default() += count;
        }
        for (name, group) in other.groups {
            match self.groups.entry(name) {
                Entry::Vacant(place) => _ = place.insert(group),
                Entry::Occupied(mut known) => {
                    let known = known.get_mut();
                    known.count += group.count;
                    let room = SAMPLE_KEYS_MAX.saturating_sub(known.keys.len());
                    known.keys.extend(group.keys.into_iter().take(room));
                }
            }
        }
    }
}

/// `items[3].price` as `items[].price`, so that errors of all items are one group.
fn without_numbers(path: &str) -> String {
    let mut out = String::with_capacity(path.len());
    let mut inside = false;
    let mut before = ' ';
    for character in path.chars() {
        match character {
            '[' if before != '\\' => inside = true,
            ']' if inside => inside = false,
            _ if inside => {
                before = character;
                continue;
            }
            _ => {}
        }
        out.push(character);
        before = character;
    }
    out
}

fn validate_keys(
    name: &str,
    limit: u64,
    session: &Session,
    output: Output,
) -> Result<Exit, Failure> {
    let (subject_name, wanted) = name.split_once('@').map_or((name, None), |(s, v)| (s, Some(v)));
    let subject = session.subject(subject_name)?;
    let one = wanted.map(|_| session.schema(name)).transpose()?;
    let detector = subject.detector();
    let check = |content: &Content| -> (String, Vec<Violation>) {
        if let Some(schema) = &one {
            return (schema.version.to_string(), schema.validator().check_content(content));
        }
        match detector.check(content) {
            Ok((Detection::Version(version), violations)) => (version.to_string(), violations),
            Ok((Detection::Ambiguous(versions), _)) => {
                let names: Vec<String> = versions.iter().map(ToString::to_string).collect();
                let found = format!("the document fits {}", names.join(" and "));
                ("ambiguous".to_owned(), vec![of_document("version", found, "one version")])
            }
            Ok((Detection::Unknown, _)) => {
                let found = "the document fits no version".to_owned();
                ("unknown".to_owned(), vec![of_document("version", found, "a known version")])
            }
            Err(error) => {
                ("unknown".to_owned(), vec![of_document("document", error.to_string(), "JSON")])
            }
        }
    };
    let mut found = Found::default();
    let mut most = if limit == 0 { u64::MAX } else { limit };
    let patterns = subject.key_patterns();
    for (at, pattern) in patterns.iter().enumerate() {
        let samples = Samples { pattern, redis_type: None, most };
        let (parts, looked) = session.look_at_samples(
            samples,
            Found::default,
            |found, key, value| {
                // Versions of one subject may have patterns that overlap.
                let met = |earlier: &&str| glob::matches(earlier.as_bytes(), key.as_bytes());
                if patterns[..at].iter().any(met) {
                    return;
                }
                match value.map(check) {
                    Ok((version, violations)) => found.add(key, &version, violations),
                    Err(redis_type) => {
                        let why = no_document(redis_type);
                        let violation = of_document("document", why, "a document");
                        found.add(key, "no document", vec![violation]);
                    }
                }
            },
            &mut |looked| {
                output.live(Some(&progress(looked)));
                true
            },
        )?;
        most -= looked.keys;
        for part in parts {
            found.merge(part);
        }
    }
    output.live(None);
    told(subject_name, &found, output);
    Ok(if found.invalid == 0 { Exit::Fine } else { Exit::NeedsEyes })
}

/// What is wrong with a document as a whole, in words.
fn of_document(rule: &str, message: String, expected: &str) -> Violation {
    Violation {
        path: String::new(),
        rule: rule.to_owned(),
        found: message.clone(),
        expected: expected.to_owned(),
        message,
    }
}

fn told(subject: &str, found: &Found, output: Output) {
    if output.json {
        output.json(&json!({
            "valid": found.invalid == 0, "subject": subject, "checked": found.checked,
            "invalid": found.invalid, "versions": found.versions,
            "errors": found.groups.values().collect::<Vec<_>>(), "other_errors": found.others,
        }));
        return;
    }
    for (version, count) in &found.versions {
        let is_version = version.parse::<Version>().is_ok();
        let name = if is_version { format!("{subject}@{version}") } else { version.clone() };
        output.line(format!("{count:>12}  {name}"));
    }
    for group in found.groups.values() {
        let keys: Vec<String> = group.keys.iter().map(ToString::to_string).collect();
        let more = if group.count > group.keys.len() as u64 { ", …" } else { "" };
        let Group { count, rule, message, .. } = group;
        output.hanging(Tone::Strong, &format!("{count:>12}  "), &format!("{rule}: {message}"));
        output.hanging(Tone::Faint, &" ".repeat(14), &format!("{}{more}", keys.join(", ")));
    }
    output.line(format!("{:>12}  checked, {} invalid", found.checked, found.invalid));
}
