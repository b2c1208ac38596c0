//! `remold schema list|show|validate|infer|push|pull|tag|format`

use clap::{Args, Subcommand, ValueEnum};
use serde_json::json;

use super::exit::{Exit, Failure};
use super::render::{Output, Tone};
use super::{infer, validate};
use crate::schema::Version;
use crate::schema::diff::Mode;
use crate::schema::format::schema_file;
use crate::session::{Clash, PushOutcome, Session, Subject};

#[derive(Args, Debug)]
pub struct Arguments {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Subcommand, Debug)]
enum Verb {
    /// List subjects and their versions
    List,
    /// Show a schema: user, user@1.0.0, or a file
    Show(ShowArguments),
    /// Validate documents, or the keys of a subject
    Validate(validate::Arguments),
    /// Propose a schema from stored documents
    Infer(infer::Arguments),
    /// Register the catalog's definitions in Redis
    Push(PushArguments),
    /// Write the registered definitions into a folder
    Pull(PullArguments),
    /// Name a registered version, as production or stable
    Tag(TagArguments),
    /// The format of definition files, as a JSON Schema for editors
    Format(FormatArguments),
}

#[derive(Args, Debug)]
struct ShowArguments {
    /// The schema: user, user@1.0.0, or a file
    schema: String,
    /// As the JSON Schema it compiles to
    #[arg(long)]
    json_schema: bool,
}

#[derive(Args, Debug)]
struct PushArguments {
    /// Replace migrations, strategies and flags, and accept version numbers that promise too little
    #[arg(long)]
    force: bool,
    /// What a new version has to be to earlier ones: none, backward, forward or full (to the newest of
    /// them), or backward-transitive, forward-transitive, full-transitive (to all)
    #[arg(long, value_name = "MODE", default_value = "none", value_parser = mode)]
    compat: Mode,
}

fn mode(text: &str) -> Result<Mode, String> {
    let names = || Mode::NAMES.map(|(_, name)| name.replace('_', "-")).join(", ");
    Mode::from_name(text).ok_or_else(|| format!("expected one of {}", names()))
}

#[derive(Args, Debug)]
struct PullArguments {
    /// The folder
    #[arg(value_name = "DIR")]
    folder: std::path::PathBuf,
}

#[derive(Args, Debug)]
struct TagArguments {
    /// The version: user@2.0.0
    #[arg(value_name = "SUBJECT@VERSION")]
    schema: String,
    /// The tag; what it named before it names no more
    tag: String,
}

#[derive(Args, Debug)]
struct FormatArguments {
    /// Which files
    #[arg(value_enum, default_value_t = Format::Schema)]
    format: Format,
}

#[derive(ValueEnum, Clone, Copy, Debug)]
enum Format {
    /// Files that define a schema
    Schema,
    /// Files with migrations, paths, strategies and flags
    Migrations,
}

/// Carries out one of the verbs on schemas.
pub fn carry_out(
    arguments: &Arguments,
    session: &Session,
    output: Output,
) -> Result<Exit, Failure> {
    match &arguments.verb {
        Verb::List => Ok(list(session, output)),
        Verb::Show(arguments) => show(arguments, session, output),
        Verb::Validate(arguments) => validate::carry_out(arguments, session, output),
        Verb::Infer(arguments) => infer::carry_out(arguments, session, output),
        Verb::Push(arguments) => push(arguments, session, output),
        Verb::Pull(arguments) => {
            let files = session.pull(&arguments.folder)?;
            for file in &files {
                output.line(file.display().to_string());
            }
            let count = files.len();
            output.talk(format!("{count} files from the registry at {}", session.address()));
            Ok(if files.is_empty() { Exit::NeedsEyes } else { Exit::Fine })
        }
        Verb::Tag(arguments) => tag(arguments, session, output),
        Verb::Format(arguments) => {
            let format = match arguments.format {
                Format::Schema => schema_file(),
                Format::Migrations => session.migrations_format(),
            };
            print(&format, output);
            Ok(Exit::Fine)
        }
    }
}

/// Registers the catalog. Exits 4 when other content is registered under a name.
fn push(arguments: &PushArguments, session: &Session, output: Output) -> Result<Exit, Failure> {
    match session.push(arguments.force, arguments.compat)? {
        PushOutcome::Done { all, changed } => {
            if output.json {
                output.json(&json!({"definitions": all, "changed": changed}));
            } else {
                output.line(format!(
                    "{all} definitions registered, {changed} of them new or changed"
                ));
            }
            Ok(Exit::Fine)
        }
        PushOutcome::Clash(clashes) => {
            for Clash { what, by, at, difference, replaceable } in clashes {
                let hint = if replaceable { "; --force replaces it" } else { "" };
                let text = format!("{what} is registered with other content by {by} at {at}{hint}");
                if output.json {
                    output.json(
                        &json!({"refused": what, "by": by, "at": at, "difference": difference}),
                    );
                } else {
                    output.line(format!("{text}\n{}", difference.trim_end()));
                }
            }
            Err(Failure::new(
                Exit::Definitions,
                "nothing was registered: a registered version never changes, give the new content a \
                 new version",
            ))
        }
    }
}

fn tag(arguments: &TagArguments, session: &Session, output: Output) -> Result<Exit, Failure> {
    let TagArguments { schema, tag } = arguments;
    let Some((subject, version)) = schema.split_once('@') else {
        return Err(Failure::usage(format!("'{schema}' names no version: expected user@2.0.0")));
    };
    let version = session.version(subject, version)?;
    let before = session.tag(subject, &version, tag)?;
    if output.json {
        output.json(&json!({"subject": subject, "tag": tag, "version": version, "before": before}));
    } else {
        let before = match before {
            Some(before) if before == version => ", as before".to_owned(),
            Some(before) => format!(", and was {subject}@{before}"),
            None => String::new(),
        };
        output.line(format!("{subject}@{tag} is {subject}@{version}{before}"));
    }
    Ok(Exit::Fine)
}

fn print(value: &serde_json::Value, output: Output) {
    if output.json {
        output.json(value);
    } else {
        output.line(serde_json::to_string_pretty(value).unwrap_or_default());
    }
}

/// `1.0.0, 2.0.0 (production)`.
fn versions_text(subject: &Subject) -> String {
    let tagged = |version: &Version| {
        let tags = subject.tags.iter().filter(|(_, tagged)| *tagged == version);
        let tags: Vec<&str> = tags.map(|(tag, _)| tag.as_str()).collect();
        if tags.is_empty() { String::new() } else { format!(" ({})", tags.join(", ")) }
    };
    let versions = subject.schemas.keys().map(|version| format!("{version}{}", tagged(version)));
    versions.collect::<Vec<_>>().join(", ")
}

fn list(session: &Session, output: Output) -> Exit {
    let subjects = &session.catalog().subjects;
    let width = |of: fn(&Subject) -> &str| {
        subjects.values().map(|subject| of(subject).chars().count()).max().unwrap_or(0)
    };
    let names = width(|subject| &subject.name);
    let patterns = width(|subject| &subject.key_pattern);
    let versions = subjects.values().map(|subject| versions_text(subject).chars().count()).max();
    let versions = versions.unwrap_or(0);
    for (name, subject) in subjects {
        if output.json {
            let versions: Vec<String> = subject.schemas.keys().map(ToString::to_string).collect();
            output.json(&json!({
                "subject": name, "key_pattern": subject.key_pattern, "versions": versions,
                "tags": subject.tags,
                "migrations": subject.migrations.keys().collect::<Vec<_>>(),
            }));
            continue;
        }
        let migrations = match subject.migrations.len() {
            1 => "1 migration".to_owned(),
            count => format!("{count} migrations"),
        };
        let name = output.paint(Tone::Strong, format!("{name:<names$}"));
        let pattern = format!("{:<patterns$}", subject.key_pattern);
        let migrations = output.paint(Tone::Faint, migrations);
        let listed = format!("{:<versions$}", versions_text(subject));
        output.line(format!("{name}  {pattern}  {listed}  {migrations}"));
    }
    if subjects.is_empty() {
        output.talk(format!(
            "there are no definitions: name a folder with --catalog, or register one at {} with \
             `remold schema push`",
            session.address()
        ));
        return Exit::NeedsEyes;
    }
    Exit::Fine
}

fn show(arguments: &ShowArguments, session: &Session, output: Output) -> Result<Exit, Failure> {
    let schema = session.schema(&arguments.schema)?;
    let shown = if arguments.json_schema { schema.json_schema() } else { schema.definition() };
    print(shown, output);
    Ok(Exit::Fine)
}
