//! Definitions while they are edited: checked as they are typed, tried out, and saved.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde_json::{Value as Json, json};

use super::{PushOutcome, Sampled, Session, SessionError};
use crate::catalog::{Catalog, Migration, Mistakes, Source, Subject, typed};
use crate::journal;
use crate::schema::definition::literal_head;
use crate::schema::diff::Mode;
use crate::schema::infer::Profile;
use crate::schema::infer::report::FieldReport;
use crate::schema::{Detection, Schema, Version};

pub use crate::catalog::Mistake;
use crate::transform::{Grade, Step};
pub use crate::transform::{KINDS, Kind, Parameter};

/// Migrations by name, as edited.
pub type Edited = BTreeMap<String, Json>;

/// Reads one step as it is typed: its definition, or every mistake with line and column.
pub fn check_step(text: &str) -> Result<Json, Vec<Mistake>> {
    typed::step(text).map_err(|mistakes| mistakes.0)
}

/// Reads one schema definition as it is typed.
pub fn check_schema(text: &str) -> Result<Schema, Vec<Mistake>> {
    let source =
        Source { name: "the schema".to_owned(), folders: Vec::new(), text: text.to_owned() };
    let catalog = Catalog::from_definitions(&[source]).map_err(|mistakes| mistakes.0)?;
    let schema = catalog.subjects.into_values().find_map(|s| s.schemas.into_values().next());
    schema.ok_or_else(|| {
        let (message, expected) = ("it holds no schema", "'version' and 'keyPattern'");
        vec![Mistake::of_file("the schema", message, expected)]
    })
}

/// A step in one line: `renameField userName -> fullName`; its JSON when it is not sound.
pub fn step_summary(definition: &Json) -> String {
    Step::parse(definition).map_or_else(|_| definition.to_string(), |step| step.summary())
}

/// What a step may lose, in words; `None` when its inverse gives everything back.
pub fn step_loss(definition: &Json) -> Option<String> {
    Some(Step::parse(definition).ok()?.loss()?.to_string())
}

/// Whether its inverse gives back less than the same data, be it in other notation.
pub fn step_is_lossy(definition: &Json) -> bool {
    let step = Step::parse(definition).ok();
    step.and_then(|step| step.loss()).is_some_and(|loss| loss.grade > Grade::Form)
}

/// The shape of stored documents, as a schema that was not there before.
#[derive(Clone, Debug)]
pub struct Inferred {
    /// The schema that all of them fit.
    pub schema: Schema,
    /// Documents that were looked at.
    pub documents: u64,
    /// Keys that hold no document.
    pub others: u64,
    /// What is known of each field.
    pub fields: Vec<FieldReport>,
    /// How many of the documents have each version; those of none stand under `None`.
    pub versions: BTreeMap<Option<Version>, u64>,
}

impl Session {
    /// Looks at up to `most` keys of a pattern and proposes the schema that their documents fit; its
    /// subject is the pattern's literal head unless named, its version the one after the newest.
    pub fn infer(
        &self,
        pattern: &str,
        subject: Option<&str>,
        most: u64,
    ) -> Result<Inferred, SessionError> {
        let subject = subject.map(str::to_owned).or_else(|| literal_head(pattern));
        let subject = subject.ok_or_else(|| {
            SessionError::Usage(format!(
                "'{pattern}' names no subject: take a pattern with a plain beginning, as user:*"
            ))
        })?;
        let mut profile = Profile::default();
        let detector = self.catalog().subject(&subject).map(Subject::detector);
        let mut versions = BTreeMap::new();
        self.each_sample(pattern, most, &mut |_, sampled| match sampled {
            // What does not read is counted by the profile itself.
            Sampled::Document(document) => {
                let detection = detector.as_ref().and_then(|d| d.detect(document).ok());
                let version = match detection {
                    Some(Detection::Version(version)) => Some(version),
                    _ => None,
                };
                *versions.entry(version).or_default() += 1;
                _ = profile.add(document);
            }
            Sampled::Other(_) => profile.add_unreadable(),
        })?;
        if profile.documents() == 0 {
            return Err(SessionError::Usage(format!("no document stands under '{pattern}'")));
        }
        let newest = self.catalog().subject(&subject).and_then(|subject| subject.latest());
        let version = newest.map_or_else(
            || "1.0.0".to_owned(),
            |schema| format!("{}.0.0", schema.version.major + 1),
        );
        let schema = self.made_schema(&profile.propose(&subject, pattern, &version))?;
        let (documents, others) = (profile.documents(), profile.unreadable());
        Ok(Inferred { schema, documents, others, fields: profile.fields(), versions })
    }

    /// The same session with these migrations of a subject in place of those the catalog has.
    pub fn with_migrations(&self, subject: &str, edited: &Edited) -> Result<Self, SessionError> {
        let mut catalog = self.catalog().clone();
        let known = self.subject(subject)?;
        let with = read_migrations(&catalog, known, edited)?;
        catalog.subjects.insert(subject.to_owned(), with);
        Ok(self.clone().with_catalog(catalog))
    }

    /// The same session with one more schema, which takes the place of one of its version.
    #[must_use]
    pub fn with_schema(&self, schema: Schema) -> Self {
        let mut catalog = self.catalog().clone();
        let subject = catalog.subjects.entry(schema.subject.clone()).or_default();
        subject.name.clone_from(&schema.subject);
        subject.schemas.insert(schema.version.clone(), schema);
        if let Some(newest) = subject.schemas.values().next_back() {
            subject.key_pattern.clone_from(&newest.key_pattern);
        }
        self.clone().with_catalog(catalog)
    }

    /// Writes the migrations of a subject into the catalog's files: each where it stands, a new one
    /// into the subject's own file. Those that are no longer there are taken out. Returns the files
    /// that were written.
    pub fn save_migrations(
        &self,
        subject: &str,
        edited: &Edited,
    ) -> Result<Vec<PathBuf>, SessionError> {
        let folder = self.folder_to_save_in()?;
        // What is saved has to load again.
        self.with_migrations(subject, edited)?;
        let known = self.subject(subject)?;
        let mut left = edited.clone();
        let mut written = Vec::new();
        for path in json_files(folder) {
            let Ok(text) = std::fs::read_to_string(&path) else { continue };
            let Ok(mut file) = serde_json::from_str::<Json>(&text) else { continue };
            if !is_of_subject(&path, folder, &file, known) {
                continue;
            }
            let Some(migrations) = file.get_mut("migrations").and_then(Json::as_object_mut) else {
                continue;
            };
            let before = migrations.clone();
            migrations.retain(|name, _| edited.contains_key(name));
            for (name, definition) in migrations.iter_mut() {
                // What was not edited keeps its text: a program in a file of its own stays there.
                let as_loaded = known.migrations.get(name).map(Migration::definition);
                if let Some(newer) = left.remove(name).filter(|newer| Some(newer) != as_loaded) {
                    *definition = newer;
                }
            }
            if *migrations != before {
                self.save_file(&path, &pretty(&file))?;
                written.push(path);
            }
        }
        if !left.is_empty() {
            written.push(self.save_new_migrations(folder, subject, left)?);
        }
        Ok(written)
    }

    fn save_new_migrations(
        &self,
        folder: &Path,
        subject: &str,
        new: Edited,
    ) -> Result<PathBuf, SessionError> {
        let path = folder.join(subject).join("migrations.json");
        let mut file = match std::fs::read_to_string(&path) {
            Ok(text) => serde_json::from_str(&text).map_err(|error| {
                SessionError::Usage(format!("{} is no JSON: {error}", path.display()))
            })?,
            Err(_) => json!({"subject": subject, "migrations": {}}),
        };
        for (name, definition) in new {
            file["migrations"][&name] = definition;
        }
        self.save_file(&path, &pretty(&file))?;
        Ok(path)
    }

    /// Writes a schema into the catalog's files as a new file; another under its version is refused.
    pub fn save_schema(&self, definition: &Json) -> Result<PathBuf, SessionError> {
        let folder = self.folder_to_save_in()?;
        let schema = self.made_schema(definition)?;
        let path = folder.join(&schema.subject).join(format!("{}.json", schema.version));
        if path.exists() {
            let path = path.display();
            return Err(SessionError::Usage(format!(
                "{path} is there already: a version is not changed, give it a new number"
            )));
        }
        self.save_file(&path, &pretty(definition))?;
        Ok(path)
    }

    /// Registers the migrations of a subject, in place of those of their names; says what was done.
    pub fn register_migrations(
        &self,
        subject: &str,
        edited: &Edited,
    ) -> Result<String, SessionError> {
        told(self.with_migrations(subject, edited)?.register(true, Mode::None)?)
    }

    /// Registers a schema; refused when its number promises less than its changes.
    pub fn register_schema(&self, definition: &Json) -> Result<String, SessionError> {
        told(self.with_schema(self.made_schema(definition)?).register(false, Mode::None)?)
    }

    /// Lets the operator's own editor work on a text, and returns what it left.
    pub fn edit_outside(
        &self,
        text: &str,
        editor: &mut dyn FnMut(&Path) -> std::io::Result<()>,
    ) -> Result<String, SessionError> {
        Ok(journal::with_text_file(text, editor)?)
    }

    /// The session with its definitions read anew.
    pub fn reloaded(&self) -> Result<Self, SessionError> {
        let catalog = match self.catalog_dir() {
            Some(folder) => Catalog::load(folder)?,
            None => self.registry()?,
        };
        Ok(self.clone().with_catalog(catalog))
    }

    fn folder_to_save_in(&self) -> Result<&Path, SessionError> {
        self.catalog_dir().ok_or_else(|| {
            let message = "there is no folder to save in: open remold with --catalog DIR, or save to \
                           the registry";
            SessionError::Usage(message.to_owned())
        })
    }
}

/// What became of a registration, in words.
fn told(outcome: PushOutcome) -> Result<String, SessionError> {
    match outcome {
        PushOutcome::Done { changed: 0, .. } => Ok("the registry has all of it already".to_owned()),
        PushOutcome::Done { changed, .. } => {
            let definitions = if changed == 1 { "definition" } else { "definitions" };
            Ok(format!("{changed} {definitions} registered"))
        }
        PushOutcome::Clash(clashes) => {
            let names: Vec<String> = clashes
                .iter()
                .map(|clash| format!("{} (by {} at {})", clash.what, clash.by, clash.at))
                .collect();
            Err(SessionError::Usage(format!(
                "nothing was registered: other content stands under {}",
                names.join(", ")
            )))
        }
    }
}

/// The subject with other migrations; its schemas stay.
fn read_migrations(
    catalog: &Catalog,
    subject: &Subject,
    edited: &Edited,
) -> Result<Subject, Mistakes> {
    let name = &subject.name;
    let mut sources: Vec<Source> = subject
        .schemas
        .values()
        .map(|schema| {
            let mut definition = schema.definition().clone();
            definition["subject"] = name.as_str().into();
            Source::from_value(schema.title(), &definition)
        })
        .collect();
    let mut file = subject.migrations_definition();
    file["migrations"] = json!(edited);
    // A path over a migration that was taken out would be refused; the route is found anew.
    if subject.paths.values().flat_map(BTreeMap::values).flatten().any(|m| !edited.contains_key(m))
    {
        file.as_object_mut().map(|file| file.shift_remove("paths"));
    }
    let strategies: BTreeMap<&String, &Json> =
        catalog.strategies.iter().map(|(name, s)| (name, &s.definition)).collect();
    file["strategies"] = json!(strategies);
    sources.push(Source::from_value(format!("the edited chain of {name}"), &file));
    let read = Catalog::from_definitions(&sources)?;
    Ok(read.subjects.into_values().next().unwrap_or_else(|| subject.clone()))
}

/// Whether the migrations of a file are those of `subject`, by what it says, by its folder, or because
/// it holds one of them.
fn is_of_subject(path: &Path, folder: &Path, file: &Json, subject: &Subject) -> bool {
    if let Some(name) = file.get("subject").and_then(Json::as_str) {
        return name == subject.name;
    }
    let below = path.strip_prefix(folder).unwrap_or(path);
    let by_folder = below.parent().is_some_and(|parent| parent.ends_with(&subject.name));
    let holds = |migrations: &serde_json::Map<String, Json>| {
        migrations.iter().any(|(name, definition)| {
            subject.migrations.get(name).is_some_and(|known| known.definition() == definition)
        })
    };
    by_folder || file.get("migrations").and_then(Json::as_object).is_some_and(holds)
}

fn json_files(folder: &Path) -> Vec<PathBuf> {
    let (mut open, mut files) = (vec![folder.to_owned()], Vec::new());
    while let Some(folder) = open.pop() {
        let entries = std::fs::read_dir(&folder).into_iter().flatten().flatten();
        for path in entries.map(|entry| entry.path()) {
            let hidden = path.file_name().is_some_and(|n| n.to_string_lossy().starts_with('.'));
            match (hidden, path.is_dir()) {
                (true, _) => {}
                (_, true) => open.push(path),
                _ if path.extension().is_some_and(|it| it == "json") => files.push(path),
                _ => {}
            }
        }
    }
    files.sort();
    files
}

fn pretty(value: &Json) -> String {
    serde_json::to_string_pretty(value).unwrap_or_default() + "\n"
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::session::Settings;

    fn session(folder: &Path) -> Session {
        for name in ["1.0.0.json", "2.0.0.json", "3.0.0.json", "migrations.json"] {
            let from = Path::new("sample-data/catalog/user").join(name);
            let text = std::fs::read_to_string(from).unwrap();
            journal::save_file(&folder.join("user").join(name), &text).unwrap();
        }
        let catalog = Some(folder.to_owned());
        Session::open(Settings { catalog, ..Settings::default() }).unwrap()
    }

    fn definitions(session: &Session) -> Edited {
        let migrations = &session.subject("user").unwrap().migrations;
        migrations.iter().map(|(name, m)| (name.clone(), m.definition().clone())).collect()
    }

    #[test]
    fn what_is_saved_loads_as_it_was_edited() {
        let folder = tempfile::tempdir().unwrap();
        let session = session(folder.path());
        let mut edited = definitions(&session);
        edited.get_mut("v2_to_v3").unwrap()["transforms"][0]["separator"] = ", ".into();
        edited.insert(
            "back".to_owned(),
            json!({"source": "3.0.0", "target": "2.0.0", "transforms": []}),
        );
        let written = session.save_migrations("user", &edited).unwrap();
        assert_eq!(written.len(), 2, "{written:?}");
        assert_eq!(definitions(&session.reloaded().unwrap()), edited);
        edited.remove("back");
        let session = session.reloaded().unwrap();
        session.save_migrations("user", &edited).unwrap();
        assert_eq!(definitions(&session.reloaded().unwrap()), edited);
    }

    #[test]
    fn a_chain_that_would_not_load_is_not_saved() {
        let folder = tempfile::tempdir().unwrap();
        let session = session(folder.path());
        let mut edited = definitions(&session);
        edited.get_mut("v2_to_v3").unwrap()["transforms"][0]["separater"] = ", ".into();
        let error = session.save_migrations("user", &edited).unwrap_err().to_string();
        assert!(error.contains("separater"), "{error}");
    }

    #[test]
    fn a_version_that_is_there_is_not_replaced() {
        let folder = tempfile::tempdir().unwrap();
        let session = session(folder.path());
        let mut schema = session.schema("user@3.0.0").unwrap().definition().clone();
        schema["subject"] = "user".into();
        assert!(session.save_schema(&schema).is_err());
        schema["version"] = "3.1.0".into();
        session.save_schema(&schema).unwrap();
        assert!(session.reloaded().unwrap().schema("user@3.1.0").is_ok());
    }
}
