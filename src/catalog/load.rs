//! Reads a catalog: a folder of JSON files, or definitions already in memory.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path as FilePath, PathBuf};
use std::sync::Arc;

use serde_json::{Map, Value};

use super::Catalog;
use super::migration::Migration;
use super::mistakes::{Mistake, Mistakes};
use super::scripts::{self, Scripts};
use super::spans::Spans;
use super::strategy::Strategy;
use super::versions::{read_paths, read_tags};
use crate::schema::Schema;
use crate::schema::bundle::{Files, bundle, refers_to_files};
use crate::schema::mistake::{Reader, nearest, one_of, type_name};

/// Folders below a catalog are read this deep; deeper is a loop of links.
const FOLDER_DEPTH_MAX: usize = 32;

/// The keys of a file with migrations, strategies or flags.
pub const FILE_KEYS: [&str; 8] =
    ["subject", "migrations", "paths", "tags", "strategies", "flags", "description", "$schema"];

/// One definition file, wherever it came from.
#[derive(Clone, Debug)]
pub struct Source {
    /// What it is called in messages: the path below the catalog, or a registry key.
    pub name: String,
    /// The folders it stands in, outermost first: they may name its subject.
    pub folders: Vec<String>,
    /// The JSON text.
    pub text: String,
}

impl Source {
    /// A definition from memory.
    pub fn from_value(name: impl Into<String>, value: &Value) -> Self {
        let text = serde_json::to_string_pretty(value).unwrap_or_else(|_| value.to_string());
        Self { name: name.into(), folders: Vec::new(), text }
    }

    /// Where it stands below the catalog: `user/1.0.0.json`.
    fn path(&self) -> String {
        let own = FilePath::new(&self.name).file_name();
        let own = own.map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        self.folders.iter().cloned().chain([own]).collect::<Vec<_>>().join("/")
    }

    /// The subject a file stands for when nothing else says: its folder's name, else its own.
    fn stem(&self) -> String {
        let own = FilePath::new(&self.name).file_stem().map(|s| s.to_string_lossy().into_owned());
        self.folders.last().cloned().or(own).unwrap_or_default()
    }
}

impl Catalog {
    /// Reads every `*.json` below `folder`. Files are known by their content; all mistakes of all
    /// files are told at once.
    pub fn load(folder: &FilePath) -> Result<Self, Mistakes> {
        let mut found = Mistakes::default();
        let mut paths = Vec::new();
        list_files(folder, 0, &mut paths, &mut found);
        paths.sort();
        let (mut sources, mut scripts) = (Vec::new(), Scripts::new());
        for path in paths {
            let below = path.strip_prefix(folder).unwrap_or(&path);
            let script = scripts::is_script(&path).then(|| scripts::name_of(below));
            let folders = below.parent().into_iter().flat_map(FilePath::components);
            let folders = folders.map(|c| c.as_os_str().to_string_lossy().into_owned()).collect();
            let name = path.display().to_string();
            match (std::fs::read_to_string(&path), script) {
                (Ok(text), Some(script)) => _ = scripts.insert(script, text),
                (Ok(text), None) => sources.push(Source { name, folders, text }),
                (Err(error), _) => found.0.push(Mistake::of_file(
                    &name,
                    format!("cannot be read: {error}"),
                    "a readable file of UTF-8 text",
                )),
            }
        }
        Self::assemble(&sources, scripts, found)
    }

    /// Reads definitions from memory, as the registry and a Plan hold them.
    pub fn from_definitions(sources: &[Source]) -> Result<Self, Mistakes> {
        Self::assemble(sources, Scripts::new(), Mistakes::default())
    }

    fn assemble(
        sources: &[Source],
        scripts: Scripts,
        mistakes: Mistakes,
    ) -> Result<Self, Mistakes> {
        let mut assembly = Assembly { mistakes, scripts, ..Assembly::default() };
        let parsed: Vec<Parsed<'_>> = sources.iter().filter_map(|s| assembly.parse(s)).collect();
        let values = parsed.iter().map(|file| (file.source.path(), file.value.clone()));
        let files: Files = Arc::new(values.collect());
        for file in &parsed {
            assembly.strategies_and_flags(file);
        }
        for file in &parsed {
            assembly.schema(file, &files);
        }
        for file in &parsed {
            assembly.migrations(file);
        }
        // Overrides name migrations, which may stand in another file of the subject.
        for file in &parsed {
            assembly.versions(file);
        }
        let Assembly { mut catalog, mut mistakes, .. } = assembly;
        if !mistakes.0.is_empty() {
            mistakes.sort();
            return Err(mistakes);
        }
        for (name, subject) in &mut catalog.subjects {
            subject.name.clone_from(name);
            let newest = subject.schemas.values().next_back();
            subject.key_pattern =
                newest.map_or_else(|| format!("{name}:*"), |schema| schema.key_pattern.clone());
        }
        Ok(catalog)
    }
}

fn list_files(folder: &FilePath, depth: usize, out: &mut Vec<PathBuf>, found: &mut Mistakes) {
    let refuse = |found: &mut Mistakes, message: String| {
        let expected = "a folder of definition files (*.json)";
        found.0.push(Mistake::of_file(&folder.display().to_string(), message, expected));
    };
    if depth > FOLDER_DEPTH_MAX {
        return refuse(found, format!("folders stand deeper than {FOLDER_DEPTH_MAX}"));
    }
    let entries = match std::fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) => return refuse(found, format!("cannot be read as a folder: {error}")),
    };
    for entry in entries.flatten() {
        let path = entry.path();
        let hidden = entry.file_name().to_string_lossy().starts_with('.');
        if hidden {
            continue;
        }
        if path.is_dir() {
            list_files(&path, depth + 1, out, found);
        } else if path.extension().is_some_and(|it| it == "json") || scripts::is_script(&path) {
            out.push(path);
        }
    }
}

/// A file whose text is JSON.
struct Parsed<'s> {
    source: &'s Source,
    value: Value,
    spans: Spans,
    kind: Kind,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Schema,
    Definitions,
    /// A plain JSON Schema, there to be referred to.
    Shared,
}

impl Parsed<'_> {
    fn map(&self) -> &Map<String, Value> {
        self.value.as_object().expect("only objects are kept by `parse`")
    }
}

#[derive(Default)]
struct Assembly {
    catalog: Catalog,
    mistakes: Mistakes,
    /// Which file defined a thing first, by its title.
    defined: BTreeMap<String, String>,
    /// Subjects that a schema was meant for, also when it is wrong: their migrations are not.
    subjects: BTreeSet<String>,
    scripts: Scripts,
}

impl Assembly {
    fn parse<'s>(&mut self, source: &'s Source) -> Option<Parsed<'s>> {
        let text = &source.text;
        let mut value: Value = match serde_json::from_str(text) {
            Ok(value) => value,
            Err(error) => {
                self.mistakes.0.push(not_json(source, &error));
                return None;
            }
        };
        scripts::put_in(&mut value, &source.folders, &self.scripts);
        let spans = Spans::of(text);
        for (places, offset) in &spans.duplicates {
            let mistake = Mistake {
                path: crate::schema::mistake::place_text(places),
                ..Mistake::of_file(
                    &source.name,
                    "the key stands twice in one object",
                    "each key once",
                )
            };
            self.mistakes.0.push(mistake.at(text, *offset));
        }
        let Some(map) = value.as_object() else {
            let message = format!("the file holds {}", type_name(&value));
            let expected = "one object: a schema, or migrations, strategies and flags";
            self.mistakes.0.push(Mistake::of_file(&source.name, message, expected).at(text, 0));
            return None;
        };
        let has = |keys: &[&str]| keys.iter().any(|key| map.contains_key(*key));
        let kind = if has(&["migrations", "strategies", "flags", "paths", "tags"]) {
            Kind::Definitions
        } else if has(&["version", "keyPattern", "subject", "fields", "jsonSchema"]) {
            Kind::Schema
        } else if has(&["$schema", "$id", "$defs", "definitions"]) {
            Kind::Shared
        } else {
            self.mistakes.0.push(unknown_file(source, map));
            return None;
        };
        Some(Parsed { source, value, spans, kind })
    }

    /// Moves a reader's mistakes into the file they are of.
    fn collect(&mut self, file: &Parsed<'_>, reader: Reader) {
        let place =
            |mistake| Mistake::in_text(&file.source.name, &file.source.text, &file.spans, mistake);
        self.mistakes.0.extend(reader.mistakes.into_iter().map(place));
    }

    /// Whether `title` is new; else told as defined twice.
    fn first(&mut self, reader: &mut Reader, title: &str, file: &Parsed<'_>) -> bool {
        if let Some(other) = self.defined.get(title) {
            reader.wrong(format!("{title} is defined in {other} too"), "one definition of it");
            return false;
        }
        self.defined.insert(title.to_owned(), file.source.name.clone());
        true
    }

    fn strategies_and_flags(&mut self, file: &Parsed<'_>) {
        if file.kind != Kind::Definitions {
            return;
        }
        let mut reader = Reader::default();
        reader.object(&file.value, "a file of migrations", &FILE_KEYS);
        if let Some(value) = file.map().get("strategies") {
            reader.at_key("strategies", |reader| {
                let Some(map) = reader.any_object(value, "'strategies'") else { return };
                for (name, value) in map {
                    reader.at_key(name, |reader| {
                        if self.first(reader, &format!("strategy {name}"), file)
                            && let Some(strategy) = Strategy::read(reader, name, value)
                        {
                            self.catalog.strategies.insert(name.clone(), strategy);
                        }
                    });
                }
            });
        }
        if let Some(value) = file.map().get("flags") {
            reader.at_key("flags", |reader| {
                let Some(map) = reader.any_object(value, "'flags'") else { return };
                for (name, value) in map {
                    reader.at_key(name, |reader| {
                        if value.is_object() || value.is_array() || value.is_null() {
                            let message = format!("a flag is {}", type_name(value));
                            reader.wrong(message, "true, false, a number or a text");
                        } else if self.first(reader, &format!("flag {name}"), file) {
                            self.catalog.flags.insert(name.clone(), value.clone());
                        }
                    });
                }
            });
        }
        self.collect(file, reader);
    }

    fn schema(&mut self, file: &Parsed<'_>, files: &Files) {
        if file.kind != Kind::Schema {
            return;
        }
        let mut reader = Reader::default();
        let folder = file.source.folders.last().map(String::as_str);
        let complete = complete(&mut reader, file, files);
        match Schema::read(&mut reader, &complete, folder) {
            Some(schema) => {
                self.subjects.insert(schema.subject.clone());
                if self.first(&mut reader, &format!("schema {}", schema.title()), file) {
                    let subject = self.catalog.subjects.entry(schema.subject.clone()).or_default();
                    subject.schemas.insert(schema.version.clone(), schema);
                }
            }
            None => self.subjects.extend(meant_subject(file.map(), folder)),
        }
        self.collect(file, reader);
    }

    /// The subject that a file of migrations belongs to (PRODUCT section 2).
    fn subject_of(&self, reader: &mut Reader, file: &Parsed<'_>) -> Option<String> {
        if file.map().contains_key("subject") {
            return reader.needed_text(file.map(), "subject", "user").map(str::to_owned);
        }
        let folders = &file.source.folders;
        if let Some(folder) = folders.iter().rev().find(|name| self.subjects.contains(*name)) {
            return Some(folder.clone());
        }
        let known: Vec<&str> = self.subjects.iter().map(String::as_str).collect();
        match known.as_slice() {
            [] => Some(file.source.stem()),
            [only] => Some((*only).to_owned()),
            several => {
                let message = format!(
                    "there are {} subjects ({}), and the file does not say whose it is",
                    several.len(),
                    one_of(several.iter().copied())
                );
                reader.wrong(message, format!("\"subject\": \"{}\"", several[0]));
                None
            }
        }
    }

    fn migrations(&mut self, file: &Parsed<'_>) {
        let Some(value) = file.map().get("migrations").filter(|_| file.kind == Kind::Definitions)
        else {
            return;
        };
        let mut reader = Reader::default();
        if let Some(subject) = self.subject_of(&mut reader, file) {
            let strategies = self.catalog.strategies.clone();
            reader.at_key("migrations", |reader| {
                let Some(map) = reader.any_object(value, "'migrations'") else { return };
                for (name, value) in map {
                    reader.at_key(name, |reader| {
                        let title = format!("migration {name} of {subject}");
                        let read = Migration::read(reader, name, value, &strategies);
                        if self.first(reader, &title, file)
                            && let Some(migration) = read
                        {
                            let is_sound = self.mistakes.0.is_empty();
                            let entry = self.catalog.subjects.entry(subject.clone()).or_default();
                            if is_sound && !entry.schemas.contains_key(&migration.source) {
                                refuse_unknown_source(reader, &subject, &migration);
                            }
                            entry.migrations.insert(name.clone(), migration);
                        }
                    });
                }
            });
        }
        self.collect(file, reader);
    }

    /// What a file says of versions beside its migrations: `paths` and `tags`.
    fn versions(&mut self, file: &Parsed<'_>) {
        let of = |key: &str| file.map().get(key).filter(|_| file.kind == Kind::Definitions);
        let (paths, tags) = (of("paths"), of("tags"));
        if paths.is_none() && tags.is_none() {
            return;
        }
        let mut reader = Reader::default();
        // A file whose subject is not clear has been told so by its migrations.
        let mut unheard = Reader::default();
        if let Some(name) = self.subject_of(&mut unheard, file) {
            // What was refused is missing here for its own mistakes, told already.
            let sound = self.mistakes.0.is_empty();
            let subject = self.catalog.subjects.entry(name).or_default();
            if let Some(value) = paths {
                let read = |reader: &mut Reader| read_paths(reader, value, subject, sound);
                for (from, targets) in reader.at_key("paths", read) {
                    subject.paths.entry(from).or_default().extend(targets);
                }
            }
            if let Some(value) = tags {
                let read = |reader: &mut Reader| read_tags(reader, value, subject, sound);
                let tags = reader.at_key("tags", read);
                subject.tags.extend(tags);
            }
        }
        self.collect(file, reader);
    }
}

/// A migration whose documents are checked against a schema needs that schema.
fn refuse_unknown_source(reader: &mut Reader, subject: &str, migration: &Migration) {
    if !migration.validation.fits_source {
        return;
    }
    let source = &migration.source;
    let message =
        format!("'before' asks for the schema of {source}, and {subject} has none of that version");
    let expected = format!("a schema of {source} in the catalog, or \"schema\": false");
    reader.at_key("validation", |r| r.at_key("before", |r| r.wrong(message, expected)));
}

/// The definition with the files that its JSON Schema refers to inside it.
fn complete<'f>(reader: &mut Reader, file: &'f Parsed<'_>, files: &Files) -> Cow<'f, Value> {
    let schema = file.value.get("jsonSchema").filter(|schema| refers_to_files(schema));
    let Some(schema) = schema else { return Cow::Borrowed(&file.value) };
    let mut definition = file.value.clone();
    match bundle(schema, &file.source.path(), files) {
        Ok(bundled) => definition["jsonSchema"] = bundled,
        Err(mistakes) => {
            reader.at_key("jsonSchema", |reader| {
                for mistake in mistakes {
                    reader.adopt(mistake);
                }
            });
            // The rest of the definition is still worth reading.
            definition["jsonSchema"] = Value::Bool(true);
        }
    }
    Cow::Owned(definition)
}

/// The subject that a wrong schema was most likely meant for.
fn meant_subject(map: &Map<String, Value>, folder: Option<&str>) -> Option<String> {
    let text = |key: &str| map.get(key).and_then(Value::as_str);
    let pattern = || text("keyPattern").and_then(crate::schema::definition::literal_head);
    text("subject").map(str::to_owned).or_else(pattern).or_else(|| folder.map(str::to_owned))
}

pub(super) fn not_json(source: &Source, error: &serde_json::Error) -> Mistake {
    let text = &source.text;
    let line_start = text.split_inclusive('\n').take(error.line().saturating_sub(1)).map(str::len);
    let offset = line_start.sum::<usize>() + error.column().saturating_sub(1);
    let message = error.to_string();
    let message = message.split(" at line ").next().unwrap_or(&message).to_owned();
    let expected = match message.as_str() {
        m if m.starts_with("trailing comma") => "no comma after the last item",
        m if m.starts_with("key must be a string") => "a key in double quotes",
        m if m.starts_with("EOF") => "the file to go on: a bracket, brace or quote is not closed",
        m if m.starts_with("trailing characters") => "one JSON value in a file",
        _ => "JSON (RFC 8259): double quotes, commas between items, no comments",
    };
    let message = message.replace("EOF while parsing", "it ends in the middle of");
    let offset = (0..=offset.min(text.len())).rev().find(|at| text.is_char_boundary(*at));
    Mistake::of_file(&source.name, format!("the file is no JSON: {message}"), expected)
        .at(text, offset.unwrap_or_default())
}

fn unknown_file(source: &Source, map: &Map<String, Value>) -> Mistake {
    let known = ["version", "keyPattern", "fields", "migrations", "strategies", "flags"];
    let near = map.keys().find_map(|key| Some((key, nearest(key, known)?)));
    let message = match &near {
        Some((key, near)) => format!("the file is no definition: it has '{key}' and no '{near}'"),
        None => "the file is no definition: its keys say nothing of a schema".to_owned(),
    };
    let expected =
        "'version' and 'keyPattern' (a schema), or 'migrations', 'strategies' or 'flags'";
    Mistake {
        near: near.map(|(_, near)| near),
        ..Mistake::of_file(&source.name, message, expected).at(&source.text, 0)
    }
}
