//! `remold infer PATTERN`

use clap::Args;
use comfy_table::{ContentArrangement, Table, presets};
use serde_json::json;

use super::census::progress;
use super::exit::{Exit, Failure};
use super::render::Output;
use crate::schema::infer::Profile;
use crate::schema::infer::report::{FieldReport, Share};
use crate::session::{Samples, Session};

/// Keys looked at unless told otherwise.
const SAMPLES_DEFAULT: u64 = 10_000;

#[derive(Args, Debug)]
pub struct Arguments {
    /// The keys to look at: user:*
    pattern: String,
    /// At most this many keys
    #[arg(long, default_value_t = SAMPLES_DEFAULT, value_name = "N", conflicts_with = "all")]
    samples: u64,
    /// Every key that matches
    #[arg(long)]
    all: bool,
    /// Print the proposed schema in place of the table
    #[arg(long)]
    schema: bool,
    /// Write the proposed schema to this file
    #[arg(long, value_name = "FILE")]
    out: Option<std::path::PathBuf>,
    /// The subject of the proposed schema; the pattern's literal head unless said
    #[arg(long, value_name = "NAME")]
    subject: Option<String>,
    /// The version of the proposed schema
    #[arg(long, default_value = "1.0.0", value_name = "VERSION")]
    version: crate::schema::Version,
}

/// Looks at stored documents and proposes the schema they fit. Exits 1 when there is no document.
pub fn carry_out(
    arguments: &Arguments,
    session: &Session,
    output: Output,
) -> Result<Exit, Failure> {
    let most = if arguments.all { u64::MAX } else { arguments.samples };
    let samples = Samples { pattern: &arguments.pattern, redis_type: None, most };
    let (profile, looked_at) = profile(samples, session, output)?;
    if profile.documents() == 0 {
        output.talk(format!(
            "no document stands under '{}' at {} ({looked_at} keys looked at)",
            arguments.pattern,
            session.address()
        ));
        return Ok(Exit::NeedsEyes);
    }
    let definition =
        profile.propose(&subject(arguments)?, &arguments.pattern, &arguments.version.to_string());
    // What is proposed has to be a definition that would be accepted.
    session.made_schema(&definition)?;
    let pretty = serde_json::to_string_pretty(&definition).unwrap_or_default();
    if let Some(path) = &arguments.out {
        session.save_file(path, &(pretty.clone() + "\n"))?;
        output.talk(format!("the proposed schema stands in {}", path.display()));
    }
    if output.json {
        output.json(&json!({
            "pattern": arguments.pattern, "documents": profile.documents(),
            "unreadable": profile.unreadable(),
            "storages": profile.storages().into_iter().collect::<std::collections::BTreeMap<_, _>>(),
            "blind_spot_percent": profile.blind_spot_percent(),
            "fields": profile.fields(), "schema": definition,
        }));
    } else if arguments.schema {
        output.line(pretty);
    } else {
        output.line(table(&profile.fields()));
        output.talk(heading(&profile));
    }
    Ok(Exit::Fine)
}

/// What the documents look like, and how many keys were looked at.
pub fn profile(
    samples: Samples<'_>,
    session: &Session,
    output: Output,
) -> Result<(Profile, u64), Failure> {
    let (parts, looked) = session.look_at_samples(
        samples,
        Profile::default,
        |profile, _, value| match value {
            // What does not read is counted by the profile itself.
            Ok(content) => _ = profile.add_content(content),
            Err(_) => profile.add_unreadable(),
        },
        &mut |looked| {
            output.live(Some(&progress(looked)));
            true
        },
    )?;
    output.live(None);
    let mut parts = parts.into_iter();
    let mut profile = parts.next().unwrap_or_default();
    parts.for_each(|part| profile.merge(&part));
    Ok((profile, looked.keys))
}

fn subject(arguments: &Arguments) -> Result<String, Failure> {
    let head = crate::schema::definition::literal_head(&arguments.pattern);
    arguments.subject.clone().or(head).ok_or_else(|| {
        let pattern = &arguments.pattern;
        Failure::usage(format!("'{pattern}' names no subject: name one with --subject"))
    })
}

fn heading(profile: &Profile) -> String {
    let storages: Vec<String> = profile
        .storages()
        .into_iter()
        .map(|(storage, count)| format!("{count} in a {storage}"))
        .collect();
    let others = match profile.unreadable() {
        0 => String::new(),
        1 => ", 1 key is no document".to_owned(),
        count => format!(", {count} keys are no documents"),
    };
    format!(
        "{} documents ({}){others}; a field in none of them may stand in up to {:.2} % of the keys",
        profile.documents(),
        storages.join(", "),
        profile.blind_spot_percent()
    )
}

fn table(fields: &[FieldReport]) -> String {
    let mut table = Table::new();
    table.load_style(presets::NOTHING).set_content_arrangement(ContentArrangement::Dynamic);
    if table.width().is_none() {
        table.set_width(100);
    }
    table.set_header(["field", "types", "present", "distinct", "range", "examples"]);
    for field in fields {
        let about = if field.distinct.exact { "" } else { "~" };
        let distinct = match field.distinct.count {
            0 => String::new(),
            count => format!("{about}{count}"),
        };
        table.add_row([
            field.path.clone(),
            types(field),
            format!("{} %", field.presence.percent),
            distinct,
            range(field),
            examples(field),
        ]);
    }
    let text = table.to_string();
    text.lines().map(str::trim_end).collect::<Vec<_>>().join("\n")
}

/// `string 99 %, null 1 %`, and what they look like.
fn types(field: &FieldReport) -> String {
    let share = |share: &Share, alone: bool| {
        if alone { share.name.clone() } else { format!("{} {} %", share.name, share.percent) }
    };
    let mut parts: Vec<String> =
        field.types.iter().map(|one| share(one, field.types.len() == 1)).collect();
    parts.extend(field.formats.iter().map(|format| match format.percent {
        100.0 => format.name.clone(),
        percent => format!("{} {percent} %", format.name),
    }));
    parts.extend(field.notes.iter().filter(|note| *note != "enum").cloned());
    parts.join(", ")
}

fn range(field: &FieldReport) -> String {
    match (&field.least, &field.most) {
        (Some(least), Some(most)) if least == most => least.clone(),
        (Some(least), Some(most)) => {
            // The unit stands once: `3 to 12 characters`.
            let least = least.split(' ').next().unwrap_or(least);
            format!("{least} to {most}")
        }
        _ => String::new(),
    }
}

fn examples(field: &FieldReport) -> String {
    if field.values.is_empty() {
        return field.examples.iter().take(2).cloned().collect::<Vec<_>>().join(", ");
    }
    let value = |share: &Share| format!("{} {} %", share.name, share.percent);
    let shown: Vec<String> = field.values.iter().take(4).map(value).collect();
    let more = if field.values.len() > 4 { ", …" } else { "" };
    format!("{}{more}", shown.join(", "))
}
