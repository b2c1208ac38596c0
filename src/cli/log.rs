//! `remold log`

use clap::Args;
use serde_json::{Map, Value as Json};

use super::exit::{Exit, Failure};
use super::render::{Output, Tone};
use crate::session::{Event, Session};

#[derive(Args, Debug)]
pub struct Arguments {
    /// At most this many of the newest events
    #[arg(long, default_value_t = 50, value_name = "N")]
    limit: usize,
    /// Wait for more, until interrupted
    #[arg(long, short)]
    follow: bool,
}

/// Shows what happened to the registry, and to the runs that it knows of.
pub fn carry_out(
    arguments: &Arguments,
    session: &Session,
    output: Output,
) -> Result<Exit, Failure> {
    let events = session.last_events(arguments.limit)?;
    for event in &events {
        show(event, output);
    }
    if arguments.follow {
        let after = events.last().map_or("0", |event| event.id.as_str());
        session.follow_events(after, &mut |event| {
            show(event, output);
            true
        })?;
    } else if events.is_empty() {
        output.talk(format!("nothing happened yet in the registry at {}", session.address()));
    }
    Ok(Exit::Fine)
}

fn show(event: &Event, output: Output) {
    if output.json {
        let mut object = Map::new();
        object.insert("id".to_owned(), event.id.as_str().into());
        let fields =
            event.fields.iter().map(|(name, value)| (name.clone(), Json::from(value.as_str())));
        object.extend(fields);
        output.json(&object);
        return;
    }
    let field = |name: &str| {
        let found = event.fields.iter().find(|(known, _)| known == name);
        found.map(|(_, value)| value.as_str()).unwrap_or_default()
    };
    let name = field("event");
    let tone = match name {
        "run.finished" | "run.rolled-back" => Tone::Good,
        "run.failed" => Tone::Bad,
        "run.stopped" | "lock.taken-over" => Tone::Odd,
        _ => Tone::Strong,
    };
    let head = format!("{}  {name:<20}  ", field("at"));
    output.hanging(tone, &head, &format!("{}  by {}", about(&field), field("by")));
}

/// What an event is about, in words.
fn about<'e>(field: &impl Fn(&str) -> &'e str) -> String {
    let (subject, name) = (field("subject"), field("name"));
    let digest: String = field("digest").chars().take(12).collect();
    match field("event") {
        "schema.registered" => format!("{subject}@{name}  {digest}"),
        "tag.registered" => {
            format!("{subject}@{name} is {subject}@{}", field("tags").trim_matches('"'))
        }
        "migration.registered" if name == ":paths" => format!("paths of {subject}  {digest}"),
        "migration.registered" => format!("{name} of {subject}  {digest}"),
        "lock.taken-over" => format!("{subject}, from {}", field("from")),
        event if event.starts_with("run.") => {
            let phase = match event {
                "run.phase" => format!(" {}", field("phase")),
                _ => String::new(),
            };
            let tally = match event {
                "run.started" => format!("plan {digest}"),
                _ => tally(field("tally")).unwrap_or_else(|| {
                    if event == "run.phase" { "no key yet" } else { "no key" }.to_owned()
                }),
            };
            format!("{}{phase} of {name}, {subject} to {}  {tally}", field("verb"), field("target"))
        }
        _ => format!("{name}  {digest}"),
    }
}

/// What there is of each outcome: `400 migrated, 3 invalid`; `None` when there is nothing.
fn tally(text: &str) -> Option<String> {
    let counts: Map<String, Json> = serde_json::from_str(text).unwrap_or_default();
    let counted = counts.iter().filter(|(_, count)| count.as_u64().is_some_and(|count| count > 0));
    let words: Vec<String> = counted.map(|(name, count)| format!("{count} {name}")).collect();
    (!words.is_empty()).then(|| words.join(", "))
}
