//! The catalog in Redis: push, pull, and what happened to it.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use semver::Version;
use serde_json::{Map, Value as Json, json};

use super::{Session, SessionError};
use crate::catalog::versions::{TAG_FORM, is_tag};
use crate::catalog::{Catalog, Mistake, Mistakes, Source};
use crate::journal;
use crate::schema::Schema;
use crate::schema::definition::digest_of;
use crate::schema::diff::{Mode, Policy, diff, honest};
use crate::store::Link;
use crate::store::registry::{Entry, Kind, Pushed, Registered};

pub use crate::store::registry::Event;

/// The name under which a subject's path overrides stand among its migrations. No migration that an
/// operator writes begins with a colon.
const PATHS: &str = ":paths";

/// What became of a push.
#[derive(Clone, Debug, PartialEq)]
pub enum PushOutcome {
    /// All is registered: so many definitions, of which so many are new or replaced.
    Done {
        /// Definitions in the catalog.
        all: usize,
        /// New or replaced.
        changed: u64,
    },
    /// Other content is registered under these names; nothing was written.
    Clash(Vec<Clash>),
}

/// A definition that is registered with other content.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Clash {
    /// `schema user@1.0.0`, `migration v1_to_v2 of user`.
    pub what: String,
    /// Who registered it.
    pub by: String,
    /// When.
    pub at: String,
    /// How ours differs from it, as unified text.
    pub difference: String,
    /// Whether `force` would replace it.
    pub replaceable: bool,
}

impl Session {
    /// The catalog in the registry.
    pub fn registry(&self) -> Result<Catalog, SessionError> {
        catalog_of(&Link::open(&self.address)?.pull_definitions()?)
    }

    /// Registers the session's catalog. A schema is never replaced; other definitions are with
    /// `force`. A version that promises less than its changes is refused without `force`, one that is
    /// not to earlier ones what `mode` asks for is always.
    pub fn push(&self, force: bool, mode: Mode) -> Result<PushOutcome, SessionError> {
        self.may_write(true, "a push")?;
        if self.catalog_dir.is_none() {
            let message =
                "push needs the definitions to register: name their folder with --catalog";
            return Err(SessionError::Usage(message.to_owned()));
        }
        self.register(force, mode)
    }

    /// Registers the session's definitions, wherever they come from.
    pub(super) fn register(&self, force: bool, mode: Mode) -> Result<PushOutcome, SessionError> {
        self.may_write(true, "a push")?;
        let mut link = Link::open(&self.address)?;
        let known = link.pull_definitions()?;
        self.check_versions(&known, force, mode)?;
        let entries = entries(self.catalog());
        Ok(match link.push_definitions(&entries, &who(), &timestamp(), force)? {
            Pushed::Done(changed) => PushOutcome::Done { all: entries.len(), changed },
            Pushed::Clash(clashes) => {
                let ours = |theirs: &Registered| {
                    let same = |entry: &&Entry| {
                        let (a, b) = (*entry, &theirs.entry);
                        (a.kind, &a.subject, &a.name) == (b.kind, &b.subject, &b.name)
                    };
                    entries.iter().find(same).map(|entry| entry.text.clone()).unwrap_or_default()
                };
                let told = clashes.iter().map(|theirs| clash(theirs, &ours(theirs)));
                PushOutcome::Clash(told.collect())
            }
        })
    }

    /// New versions must promise what they change, measured against the newest earlier version, and be
    /// as compatible with earlier ones as `mode` asks.
    fn check_versions(
        &self,
        known: &[Registered],
        force: bool,
        mode: Mode,
    ) -> Result<(), SessionError> {
        let registered = catalog_of(known)?;
        let mut mistakes = Mistakes::default();
        for (name, subject) in &self.catalog().subjects {
            let before = registered.subject(name);
            let mut all: BTreeMap<&Version, &Schema> = BTreeMap::new();
            all.extend(before.into_iter().flat_map(|subject| &subject.schemas));
            all.extend(&subject.schemas);
            for (version, schema) in &subject.schemas {
                if before.is_some_and(|before| before.schemas.contains_key(version)) {
                    continue;
                }
                if let Some((_, earlier)) = all.range::<&Version, _>(..version).next_back()
                    && !force
                {
                    mistakes.0.extend(dishonest(earlier, schema));
                }
                for set in mode.offences(schema, all.values().copied(), Policy::default()) {
                    let breaking = set.changes.iter().find(|change| change.breaks());
                    let why = breaking.map(|change| change.message.as_str()).unwrap_or_default();
                    let message = format!("is not {mode} compatible with {} ({why})", set.from);
                    let expected = "a schema that is, or another --compat";
                    mistakes.0.push(Mistake::of_file(&schema.title(), message, expected));
                }
            }
        }
        if mistakes.0.is_empty() { Ok(()) } else { Err(mistakes.into()) }
    }

    /// Writes what is registered into a folder, as files that load as a catalog; returns them.
    pub fn pull(&self, folder: &Path) -> Result<Vec<PathBuf>, SessionError> {
        let known = Link::open(&self.address)?.pull_definitions()?;
        let mut written = Vec::new();
        for (name, definition) in files(&known) {
            let path = folder.join(name);
            let text = serde_json::to_string_pretty(&definition).unwrap_or_default() + "\n";
            journal::save_file(&path, &text)?;
            written.push(path);
        }
        Ok(written)
    }

    /// Names a registered version, in place of what the tag named before; answers that.
    pub fn tag(
        &self,
        subject: &str,
        version: &Version,
        tag: &str,
    ) -> Result<Option<Version>, SessionError> {
        self.may_write(true, "a tag")?;
        if !is_tag(tag) {
            return Err(SessionError::Usage(format!("'{tag}' is no tag: expected {TAG_FORM}")));
        }
        let mut link = Link::open(&self.address)?;
        let registered = catalog_of(&link.pull_definitions()?)?;
        let known = registered.subject(subject);
        if known.is_none_or(|known| !known.schemas.contains_key(version)) {
            let message = format!(
                "{subject}@{version} is not registered at {}: register it with `remold schema push`, \
                 then tag it",
                self.address
            );
            return Err(SessionError::Usage(message));
        }
        let definition = Json::from(version.to_string());
        let entry = Entry {
            kind: Kind::Tag,
            subject: subject.to_owned(),
            name: tag.to_owned(),
            digest: digest_of(&definition),
            text: definition.to_string(),
        };
        link.push_definitions(&[entry], &who(), &timestamp(), true)?;
        Ok(known.and_then(|known| known.tags.get(tag).cloned()))
    }

    /// The newest events, oldest first.
    pub fn last_events(&self, most: usize) -> Result<Vec<Event>, SessionError> {
        Ok(Link::open(&self.address)?.last_events(most)?)
    }

    /// Shows every event after `after` to `visit`, and waits for more, until `visit` answers false.
    pub fn follow_events(
        &self,
        after: &str,
        visit: &mut dyn FnMut(&Event) -> bool,
    ) -> Result<(), SessionError> {
        const WAIT_MS: u64 = 5_000;
        const MOST: usize = 100;
        let mut link = Link::open(&self.address)?;
        let mut after = after.to_owned();
        loop {
            for event in link.events(&after, MOST, Some(WAIT_MS))? {
                after.clone_from(&event.id);
                if !visit(&event) {
                    return Ok(());
                }
            }
        }
    }
}

/// What a version's number hides of its changes.
fn dishonest(earlier: &Schema, schema: &Schema) -> Option<Mistake> {
    let set = diff(earlier, schema, Policy::default());
    let error = honest(&earlier.version, &schema.version, &set).err()?;
    let message = format!(
        "promises a {} change of {}, and its changes ask for a {} one ({})",
        error.promised, error.old, error.needed, error.reason
    );
    let expected = format!("{} or higher, or --force", error.advised);
    Some(Mistake::of_file(&schema.title(), message, expected))
}

fn catalog_of(known: &[Registered]) -> Result<Catalog, SessionError> {
    let source = |(name, definition): (String, Json)| {
        Source::from_value(format!("registry: {name}"), &definition)
    };
    let sources: Vec<Source> = files(known).into_iter().map(source).collect();
    Ok(Catalog::from_definitions(&sources)?)
}

/// The definitions of a catalog, each on its own.
fn entries(catalog: &Catalog) -> Vec<Entry> {
    let mut out = Vec::new();
    let mut add = |kind, subject: &str, name: &str, definition: &Json| {
        out.push(Entry {
            kind,
            subject: subject.to_owned(),
            name: name.to_owned(),
            digest: digest_of(definition),
            text: definition.to_string(),
        });
    };
    for (name, subject) in &catalog.subjects {
        for (version, schema) in &subject.schemas {
            add(Kind::Schema, name, &version.to_string(), &with_subject(schema));
        }
        for (migration, definition) in &subject.migrations {
            add(Kind::Migration, name, migration, definition.definition());
        }
        if !subject.paths.is_empty() {
            add(Kind::Migration, name, PATHS, &subject.migrations_definition()["paths"]);
        }
        for (tag, version) in &subject.tags {
            add(Kind::Tag, name, tag, &version.to_string().into());
        }
    }
    for (name, strategy) in &catalog.strategies {
        add(Kind::Strategy, "", name, &strategy.definition);
    }
    for (name, value) in &catalog.flags {
        add(Kind::Flag, "", name, value);
    }
    out
}

/// The definition with its subject, when only its folder said so.
fn with_subject(schema: &Schema) -> Json {
    let mut definition = schema.definition().clone();
    let says = Schema::from_value(&definition, None).is_ok_and(|s| s.subject == schema.subject);
    if !says && let Some(map) = definition.as_object_mut() {
        map.insert("subject".to_owned(), schema.subject.as_str().into());
    }
    definition
}

/// What is registered as definition files: name and content.
fn files(known: &[Registered]) -> Vec<(String, Json)> {
    let mut files = Vec::new();
    let mut migrations: BTreeMap<&str, Json> = BTreeMap::new();
    let (mut strategies, mut flags) = (Map::new(), Map::new());
    for Registered { entry, .. } in known {
        let definition: Json = serde_json::from_str(&entry.text).unwrap_or(Json::Null);
        match entry.kind {
            Kind::Schema => {
                files.push((format!("{}.{}.json", plain(&entry.subject), entry.name), definition));
            }
            Kind::Migration | Kind::Tag => {
                let file = migrations
                    .entry(&entry.subject)
                    .or_insert_with(|| json!({"subject": entry.subject, "migrations": {}}));
                match entry.kind {
                    Kind::Tag => file["tags"][&entry.name] = definition,
                    _ if entry.name == PATHS => file["paths"] = definition,
                    _ => file["migrations"][&entry.name] = definition,
                }
            }
            Kind::Strategy => _ = strategies.insert(entry.name.clone(), definition),
            Kind::Flag => _ = flags.insert(entry.name.clone(), definition),
        }
    }
    let of_subject = |(subject, file)| (format!("{}.migrations.json", plain(subject)), file);
    files.extend(migrations.into_iter().map(of_subject));
    if !strategies.is_empty() {
        files.push(("strategies.json".to_owned(), json!({"strategies": strategies})));
    }
    if !flags.is_empty() {
        files.push(("flags.json".to_owned(), json!({"flags": flags})));
    }
    files
}

/// A subject's name as part of a file's name.
fn plain(subject: &str) -> String {
    let fits = |c: char| c.is_alphanumeric() || matches!(c, '-' | '_');
    subject.chars().map(|c| if fits(c) { c } else { '_' }).collect()
}

fn clash(theirs: &Registered, ours: &str) -> Clash {
    let Registered { entry, by, at } = theirs;
    let Entry { kind, subject, name, .. } = entry;
    let what = match kind {
        Kind::Schema => format!("schema {subject}@{name}"),
        Kind::Migration => format!("migration {name} of {subject}"),
        Kind::Tag => format!("tag {subject}@{name}"),
        Kind::Strategy | Kind::Flag => format!("{} {name}", kind.name()),
    };
    let pretty = |text: &str| {
        let value: Json = serde_json::from_str(text).unwrap_or(Json::Null);
        serde_json::to_string_pretty(&value).unwrap_or_default() + "\n"
    };
    let (before, after) = (pretty(&entry.text), pretty(ours));
    let difference = similar::TextDiff::from_lines(&before, &after)
        .unified_diff()
        .header("registered", "pushed")
        .to_string();
    let replaceable = *kind != Kind::Schema;
    Clash { what, by: by.clone(), at: at.clone(), difference, replaceable }
}

/// Now, as it stands in the registry.
pub(super) fn timestamp() -> String {
    jiff::Timestamp::now().strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}

/// Who works here: the system's user at the system's host.
pub(super) fn who() -> String {
    let variable = |names: [&str; 2]| {
        let mut set = names.into_iter().filter_map(|name| std::env::var(name).ok());
        set.find(|value| !value.is_empty())
    };
    // Services and containers often have no name in their environment; their number tells them apart.
    let user = variable(["USER", "LOGNAME"])
        .unwrap_or_else(|| format!("uid {}", rustix::process::getuid().as_raw()));
    let host = std::fs::read_to_string("/proc/sys/kernel/hostname").map_or_else(
        |_| variable(["HOSTNAME", "HOST"]).unwrap_or_else(|| "?".to_owned()),
        |name| name.trim().to_owned(),
    );
    format!("{user}@{host}")
}
