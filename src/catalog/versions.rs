//! What a file says of its subject's versions: the paths to take between them, and their tags.

use std::collections::BTreeMap;

use semver::Version;
use serde_json::Value;

use super::{Overrides, Subject};
use crate::schema::mistake::{Place, Reader};

/// The word for a subject's newest version; no tag may take it.
pub const LATEST: &str = "latest";

/// Reads `paths`; migrations are looked up only in a subject that is `sound`.
pub(super) fn read_paths(
    reader: &mut Reader,
    value: &Value,
    subject: &Subject,
    sound: bool,
) -> Overrides {
    let mut overrides = Overrides::new();
    let Some(map) = reader.any_object(value, "'paths'") else { return overrides };
    for (from, targets) in map {
        reader.at_key(from, |reader| {
            let Some(from_version) = version_key(reader, from) else { return };
            let Some(targets) = reader.any_object(targets, "the paths from a version") else {
                return;
            };
            for to in targets.keys() {
                let to_version = reader.at_key(to, |reader| version_key(reader, to));
                let names = reader.texts(targets, to);
                let (Some(to_version), Some(names)) = (to_version, names) else { continue };
                let known = reader.at_key(to, |reader| {
                    !sound || check_path(reader, subject, &from_version, &to_version, &names)
                });
                if known {
                    overrides.entry(from_version.clone()).or_default().insert(to_version, names);
                }
            }
        });
    }
    overrides
}

fn version_key(reader: &mut Reader, text: &str) -> Option<Version> {
    let version = Version::parse(text);
    if let Err(error) = &version {
        let message = format!("'{text}' is no semantic version ({error})");
        reader.wrong(message, "three numbers, as in \"1.0.0\"");
    }
    version.ok()
}

/// Whether the migrations exist and lead from one version to the other.
fn check_path(
    reader: &mut Reader,
    subject: &Subject,
    from: &Version,
    to: &Version,
    names: &[String],
) -> bool {
    let before = reader.mistakes.len();
    let known: Vec<&str> = subject.migrations.keys().map(String::as_str).collect();
    let mut at = from;
    for (index, name) in names.iter().enumerate() {
        reader.within(Place::Item(index), |reader| match subject.migrations.get(name) {
            None => reader.unknown_name("migration", name, &known),
            Some(migration) => {
                if migration.source != *at {
                    let message = format!("the path is at {at}, and {} starts", migration.title());
                    reader.wrong(
                        format!("{message} from {}", migration.source),
                        format!("a migration from {at}"),
                    );
                }
                at = &migration.target;
            }
        });
    }
    if reader.mistakes.len() == before && at != to {
        reader.wrong(format!("the path ends at {at}"), format!("a path that ends at {to}"));
    }
    reader.mistakes.len() == before
}

/// Reads `tags`: a name for a version that has a schema.
pub(super) fn read_tags(
    reader: &mut Reader,
    value: &Value,
    subject: &Subject,
    sound: bool,
) -> BTreeMap<String, Version> {
    let mut tags = BTreeMap::new();
    let Some(map) = reader.any_object(value, "'tags'") else { return tags };
    for (tag, version) in map {
        reader.at_key(tag, |reader| {
            if !is_tag(tag) {
                return reader.wrong(format!("'{tag}' is no tag"), TAG_FORM);
            }
            let Some(text) = version.as_str() else {
                return reader.wrong(format!("a tag is {version}"), "a version, as in \"1.0.0\"");
            };
            let Some(version) = version_key(reader, text) else { return };
            let known: Vec<String> = subject.schemas.keys().map(ToString::to_string).collect();
            if sound && !subject.schemas.contains_key(&version) {
                let known: Vec<&str> = known.iter().map(String::as_str).collect();
                reader.unknown_name("version", text, &known);
            } else {
                tags.insert(tag.clone(), version);
            }
        });
    }
    tags
}

/// What a tag looks like, in words.
pub const TAG_FORM: &str =
    "a name that begins with a letter and holds letters, digits, '-' and '_', and is not 'latest'";

/// Whether a text may be a tag: nothing that reads as a version.
pub fn is_tag(text: &str) -> bool {
    text.starts_with(|c: char| c.is_ascii_alphabetic())
        && text.chars().all(|c| c.is_ascii_alphanumeric() || "-_".contains(c))
        && text != LATEST
}
