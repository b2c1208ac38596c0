//! `remold diff A B`

use clap::{Args, ValueEnum};
use serde_json::Value as Json;
use unicode_width::UnicodeWidthStr;

use super::exit::{Exit, Failure};
use super::infer;
use super::render::{Output, Tone};
use super::wrap::cut;
use crate::schema::diff::modes::{advised, promised};
use crate::schema::diff::rows::{Row, rows, unified};
use crate::schema::diff::{
    Bump, Change, ChangeSet, DataWork, Evidence, OpenModel, Policy, RequiredDefault, Verdict, diff,
    examples,
};
use crate::schema::{Schema, Version};
use crate::session::{Sampled, Samples, Session};

/// Documents asked with --sample, and those that --live looks at.
const SAMPLE_DEFAULT: u64 = 1_000;
/// Columns between the two sides: the sign and a space on either side of it.
const BETWEEN_COLUMNS: usize = 3;

#[derive(Args, Debug)]
pub struct Arguments {
    /// The old schema: a file, user@1.0.0, or user for its newest
    old: String,
    /// The new schema; with --live what the stored documents look like
    #[arg(required_unless_present = "live")]
    new: Option<String>,
    /// Compare with what the stored documents really look like
    #[arg(long, conflicts_with = "new")]
    live: bool,
    /// Ask this many stored documents of the old schema's keys whether they fit the new one
    #[arg(long, value_name = "N", num_args = 0..=1, default_missing_value = "1000")]
    sample: Option<u64>,
    /// Both schemas in aligned columns
    #[arg(long)]
    side_by_side: bool,
    /// Both definitions as unified text
    #[arg(long, conflicts_with = "side_by_side")]
    unified: bool,
    /// Whether a field that one side does not declare may stand there with any value
    #[arg(long, value_enum, default_value_t = Open::ByForm)]
    open_model: Open,
    /// Whether new readers accept documents without a new required field that has a default
    #[arg(long, value_enum, default_value_t = Fill::Breaks)]
    required_default: Fill,
}

/// See [`OpenModel`].
#[derive(ValueEnum, Clone, Copy, Debug)]
enum Open {
    /// 'fields' as unused, a whole JSON Schema as strict
    ByForm,
    /// It may: declaring a field can break
    Strict,
    /// It does not; whether it does is a question to the data
    Unused,
}

/// See [`RequiredDefault`].
#[derive(ValueEnum, Clone, Copy, Debug)]
enum Fill {
    /// They refuse them
    Breaks,
    /// They fill the default in
    ReaderFills,
}

/// Compares two schemas. Exits 1 when readers of either side break.
pub fn carry_out(
    arguments: &Arguments,
    session: &Session,
    output: Output,
) -> Result<Exit, Failure> {
    let old = session.schema(&arguments.old)?;
    let new = match &arguments.new {
        Some(name) => session.schema(name)?,
        None => live(session, &old, arguments.sample.unwrap_or(SAMPLE_DEFAULT), output)?,
    };
    let policy = Policy {
        open_model: match arguments.open_model {
            Open::ByForm => OpenModel::ByForm,
            Open::Strict => OpenModel::Strict,
            Open::Unused => OpenModel::Unused,
        },
        required_default: match arguments.required_default {
            Fill::Breaks => RequiredDefault::Breaks,
            Fill::ReaderFills => RequiredDefault::ReaderFills,
        },
    };
    let mut set = diff(&old, &new, policy);
    if arguments.live {
        "what is stored".clone_into(&mut set.to);
    }
    if let (Some(most), false) = (arguments.sample, arguments.live) {
        set.observe(ask(session, &old, &new, most)?);
    }
    if output.json {
        output.json(&set);
    } else if arguments.unified {
        output.line(unified(&old, &new).trim_end());
    } else {
        if arguments.side_by_side {
            side_by_side(&rows(&old, &new, &set), &set, output);
        } else {
            for change in &set.changes {
                show(change, output);
            }
        }
        for line in summary(&set, &old, &new, policy) {
            output.hanging(Tone::Strong, "", &line);
        }
    }
    Ok(if set.is_breaking() { Exit::NeedsEyes } else { Exit::Fine })
}

/// What the stored documents look like, as a schema.
fn live(session: &Session, old: &Schema, most: u64, output: Output) -> Result<Schema, Failure> {
    let samples = Samples { pattern: &old.key_pattern, redis_type: None, most };
    let (profile, _) = infer::profile(samples, session, output)?;
    if profile.documents() == 0 {
        let pattern = &old.key_pattern;
        return Err(Failure::usage(format!("no document stands under '{pattern}'")));
    }
    output.talk(format!("{} documents looked at", profile.documents()));
    let mut definition = profile.propose(&old.subject, &old.key_pattern, &old.version.to_string());
    // Documents say nothing of it, so it is no difference.
    if let Some(description) = old.definition().get("description") {
        definition["description"] = description.clone();
    }
    Ok(session.made_schema(&definition)?)
}

/// Asks stored documents whether they fit the new schema: those that fit the old one, because only
/// they are its documents.
fn ask(session: &Session, old: &Schema, new: &Schema, most: u64) -> Result<Evidence, Failure> {
    let mut evidence = Evidence::default();
    session.each_sample(&old.key_pattern, most, &mut |key, sampled| {
        let Sampled::Document(document) = sampled else { return };
        if !old.validator().check(document).is_empty() {
            return;
        }
        evidence.sampled += 1;
        if let Some(violation) = new.validator().check(document).into_iter().next() {
            evidence.failing += 1;
            evidence.example.get_or_insert_with(|| format!("{key}: {}", violation.message));
        }
    })?;
    Ok(evidence)
}

/// One change: a sign, the kind, the words, and what it means.
fn show(change: &Change, output: Output) {
    let means = meaning(change);
    let (sign, tone) = if change.breaks() { ('!', Tone::Bad) } else { (' ', Tone::Strong) };
    let head = format!("{sign} {:<22} ", change.kind.name());
    let means = if means.is_empty() { means } else { format!(" ({means})") };
    output.hanging(tone, &head, &format!("{}{means}", change.message));
}

/// Whom a change breaks and what stored data needs.
fn meaning(change: &Change) -> String {
    let mut parts = Vec::new();
    for (verdict, who) in
        [(change.backward, "new readers of old data"), (change.forward, "old readers of new data")]
    {
        match verdict {
            Verdict::Yes => {}
            Verdict::No => parts.push(format!("breaks {who}")),
            Verdict::Unknown => parts.push(format!("may break {who}")),
        }
    }
    match change.data {
        DataWork::None => {}
        DataWork::Backfill => parts.push("data: fill it in".to_owned()),
        DataWork::Check => parts.push("data: check".to_owned()),
        DataWork::Rewrite => parts.push("data: rewrite".to_owned()),
    }
    parts.join("; ")
}

fn summary(set: &ChangeSet, old: &Schema, new: &Schema, policy: Policy) -> Vec<String> {
    if set.is_empty() {
        return vec![format!("{} and {} are the same", set.from, set.to)];
    }
    let breaking = set.changes.iter().filter(|change| change.breaks()).count();
    let changes = match set.changes.len() {
        1 => "1 change".to_owned(),
        count => format!("{count} changes"),
    };
    let mut lines = vec![
        String::new(),
        format!(
            "{} -> {}: {}, {changes}, {breaking} of them breaking",
            set.from,
            set.to,
            set.severity.name(),
        ),
        format!(
            "new readers accept old data: {}; old readers accept new data: {}; compatibility: {}",
            set.compat.backward,
            set.compat.forward,
            set.compat.name()
        ),
    ];
    lines.extend(set.compat.reason.iter().map(|reason| format!("why unknown: {reason}")));
    if set.is_breaking() {
        let found = examples(old, new, set, policy);
        let refused = |who: &str, document: &Json| format!("{who} refuse, for example: {document}");
        lines.extend(found.refused_by_new.iter().map(|document| refused("new readers", document)));
        lines.extend(found.refused_by_old.iter().map(|document| refused("old readers", document)));
    }
    if let Some(evidence) = &set.evidence {
        let Evidence { sampled, failing, example } = evidence;
        let in_theory = *failing == 0 && set.compat.backward.breaks();
        let theory = if in_theory { "breaking in theory; " } else { "" };
        lines.push(if *sampled == 0 {
            "no stored document that was looked at fits the old schema".to_owned()
        } else {
            format!("{theory}{failing} of {sampled} sampled documents fail under the new schema")
        });
        lines.extend(example.iter().map(|example| format!("  as {example}")));
    }
    lines.push(advice(set, &old.version, &new.version));
    lines
}

/// Which version number the changes ask for.
fn advice(set: &ChangeSet, old: &Version, new: &Version) -> String {
    let bump = set.bump.name();
    let least = advised(old, set.bump);
    if set.bump == Bump::None || new <= old {
        format!("version: a {bump} change, so the next is {least} or higher")
    } else if promised(old, new) >= set.bump {
        format!("version: a {bump} change, and {new} says so")
    } else {
        format!("version: a {bump} change, and {new} promises less: make it {least} or higher")
    }
}

/// Rows of two columns with a sign between them, each side as wide as it has to be and may be.
fn side_by_side(rows: &[Row], set: &ChangeSet, output: Output) {
    let most = output.half(BETWEEN_COLUMNS);
    let side = |text: &Option<String>, depth: usize| {
        let text = text.as_deref().map(|text| format!("{:1$}{text}", "", depth * 2));
        cut(&text.unwrap_or_default(), most)
    };
    let sides: Vec<(String, String)> =
        rows.iter().map(|row| (side(&row.left, row.depth), side(&row.right, row.depth))).collect();
    let width = sides.iter().map(|(left, _)| left.width()).max().unwrap_or(0);
    for (row, (left, right)) in rows.iter().zip(&sides) {
        let breaks = row.changes.iter().any(|index| set.changes[*index].breaks());
        let (sign, tone) = match (row.is_same(), breaks) {
            (_, true) => ("!", Tone::Bad),
            (true, false) => (" ", Tone::Faint),
            (false, false) => ("~", Tone::Odd),
        };
        let padding = width - left.width();
        let line = format!("{left}{:padding$} {} {right}", "", output.paint(tone, sign));
        output.line(line.trim_end());
    }
}
