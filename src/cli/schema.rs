//! `remold schema list|show|validate|infer|push|pull|format`

use clap::{Args, Subcommand, ValueEnum};
use serde_json::json;

use super::exit::{Exit, Failure};
use super::render::Output;
use super::{infer, validate};
use crate::schema::format::schema_file;
use crate::session::{Clash, PushOutcome, Session};

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
}

#[derive(Args, Debug)]
struct PullArguments {
    /// The folder
    #[arg(value_name = "DIR")]
    folder: std::path::PathBuf,
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
        Verb::Push(arguments) => push(arguments.force, session, output),
        Verb::Pull(arguments) => {
            let files = session.pull(&arguments.folder)?;
            for file in &files {
                output.line(file.display().to_string());
            }
            let count = files.len();
            output.talk(format!("{count} files from the registry at {}", session.address()));
            Ok(if files.is_empty() { Exit::NeedsEyes } else { Exit::Fine })
        }
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
fn push(force: bool, session: &Session, output: Output) -> Result<Exit, Failure> {
    match session.push(force)? {
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

fn print(value: &serde_json::Value, output: Output) {
    if output.json {
        output.json(value);
    } else {
        output.line(serde_json::to_string_pretty(value).unwrap_or_default());
    }
}

fn list(session: &Session, output: Output) -> Exit {
    for (name, subject) in &session.catalog().subjects {
        let versions: Vec<String> = subject.schemas.keys().map(ToString::to_string).collect();
        if output.json {
            output.json(&json!({
                "subject": name, "key_pattern": subject.key_pattern, "versions": versions,
                "migrations": subject.migrations.keys().collect::<Vec<_>>(),
            }));
        } else {
            let migrations = subject.migrations.len();
            let versions = versions.join(" ");
            output.line(format!(
                "{name:<16} {:<20} {versions}  ({migrations} migrations)",
                subject.key_pattern
            ));
        }
    }
    if session.catalog().subjects.is_empty() {
        output.talk("there are no definitions: name a folder with --catalog");
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
