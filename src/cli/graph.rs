//! `remold graph SUBJECT`

use std::fmt::Write as _;

use clap::{Args, ValueEnum};
use serde_json::json;

use super::exit::{Exit, Failure};
use super::render::Output;
use crate::session::{Session, Subject};

#[derive(Args, Debug)]
pub struct Arguments {
    /// The subject: user
    subject: String,
    /// The form
    #[arg(long, value_enum, default_value_t = Form::Text)]
    form: Form,
}

#[derive(ValueEnum, Clone, Copy, Debug, PartialEq, Eq)]
enum Form {
    /// Lines
    Text,
    /// Graphviz
    Dot,
    /// Mermaid
    Mermaid,
}

/// Shows versions and the migrations between them.
pub fn carry_out(
    arguments: &Arguments,
    session: &Session,
    output: Output,
) -> Result<Exit, Failure> {
    let subject: &Subject = session.subject(&arguments.subject)?;
    let notes = session.graph_notes(&arguments.subject)?;
    let versions: Vec<String> = subject.versions().iter().map(ToString::to_string).collect();
    if output.json {
        let migrations: Vec<_> = subject
            .migrations
            .values()
            .map(|m| {
                json!({"name": m.name, "source": m.source, "target": m.target,
                    "transforms": m.transforms.len(), "losses": m.losses().iter()
                        .map(|(number, loss)| format!("step {number}: {loss}")).collect::<Vec<_>>()})
            })
            .collect();
        output.json(&json!({"subject": arguments.subject, "versions": versions,
            "migrations": migrations, "paths": subject.paths, "notes": notes}));
        return Ok(Exit::Fine);
    }
    let text = match arguments.form {
        Form::Text => lines(subject, session),
        Form::Dot => dot(subject),
        Form::Mermaid => mermaid(subject),
    };
    match arguments.form {
        Form::Text => output.sentences(text.lines().map(str::to_owned)),
        _ => output.line(text.trim_end()),
    }
    for note in notes {
        output.talk(format!("note: {note}"));
    }
    Ok(Exit::Fine)
}

/// Each version with what leads on from it.
fn lines(subject: &Subject, session: &Session) -> String {
    let mut text = String::new();
    let newest = subject.versions().last().map(|version| (*version).clone());
    for version in subject.versions() {
        let schema = if subject.schemas.contains_key(version) { "" } else { " (no schema)" };
        let _ = writeln!(text, "{version}{schema}");
        for m in subject.migrations.values().filter(|m| m.source == *version) {
            let steps = match m.transforms.len() {
                1 => "1 step".to_owned(),
                count => format!("{count} steps"),
            };
            let lossy = if m.is_lossy() { ", may lose data" } else { "" };
            let _ = writeln!(text, "  -> {}  {} ({steps}{lossy})", m.target, m.name);
        }
        if let Some(newest) = newest.as_ref().filter(|newest| *newest != version)
            && let Ok((names, reason)) = session.route(&subject.name, version, newest)
        {
            let _ = writeln!(text, "  to {newest}: {} ({reason})", names.join(", "));
        }
    }
    text
}

/// Graphviz: `remold graph user --form dot | dot -Tsvg`.
fn dot(subject: &Subject) -> String {
    let quoted = |text: &dyn std::fmt::Display| {
        format!("\"{}\"", text.to_string().replace('\\', "\\\\").replace('"', "\\\""))
    };
    let mut text = format!("digraph {} {{\n", quoted(&subject.name));
    for version in subject.versions() {
        let _ = writeln!(text, "  {};", quoted(version));
    }
    for m in subject.migrations.values() {
        let (source, target, name) = (quoted(&m.source), quoted(&m.target), quoted(&m.name));
        let _ = writeln!(text, "  {source} -> {target} [label={name}];");
    }
    text + "}\n"
}

/// Mermaid, whose nodes have names of their own and whose texts know no quotation mark.
fn mermaid(subject: &Subject) -> String {
    let versions: Vec<_> = subject.versions().into_iter().collect();
    let node = |version: &semver::Version| {
        let at = versions.iter().position(|known| *known == version);
        format!("v{}", at.expect("a migration's ends are versions of the subject"))
    };
    let mut text = "graph LR\n".to_owned();
    for version in &versions {
        let _ = writeln!(text, "  {}[\"{version}\"]", node(version));
    }
    for m in subject.migrations.values() {
        let name = m.name.replace('"', "#quot;");
        let _ = writeln!(text, "  {} -->|\"{name}\"| {}", node(&m.source), node(&m.target));
    }
    text
}
