//! `remold graph SUBJECT`

use std::fmt::Write as _;

use clap::{Args, ValueEnum};
use serde_json::json;

use super::exit::{Exit, Failure};
use super::render::Output;
use crate::session::Session;

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
    let subject = session.subject(&arguments.subject)?;
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
    let mut text = String::new();
    let newest = subject.versions().last().map(|version| (*version).clone());
    match arguments.form {
        Form::Text => {
            for version in subject.versions() {
                let schema =
                    if subject.schemas.contains_key(version) { "" } else { " (no schema)" };
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
                    && let Ok((names, reason)) = session.route(&arguments.subject, version, newest)
                {
                    let _ = writeln!(text, "  to {newest}: {} ({reason})", names.join(", "));
                }
            }
        }
        Form::Dot => {
            let _ = writeln!(text, "digraph \"{}\" {{", arguments.subject);
            for m in subject.migrations.values() {
                let _ = writeln!(
                    text,
                    "  \"{}\" -> \"{}\" [label=\"{}\"];",
                    m.source, m.target, m.name
                );
            }
            text.push_str("}\n");
        }
        Form::Mermaid => {
            text.push_str("graph LR\n");
            for m in subject.migrations.values() {
                let _ =
                    writeln!(text, "  {}[\"{0}\"] -->|{}| {}[\"{2}\"]", m.source, m.name, m.target);
            }
        }
    }
    output.line(text.trim_end());
    for note in notes {
        output.talk(format!("note: {note}"));
    }
    Ok(Exit::Fine)
}
