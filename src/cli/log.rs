//! `remold log`

use clap::Args;
use serde_json::{Map, Value as Json};

use super::exit::{Exit, Failure};
use super::render::Output;
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

/// Shows what happened to the registry.
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
        output.talk(format!("nothing is registered at {}", session.address()));
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
    let digest: String = field("digest").chars().take(12).collect();
    output.line(format!(
        "{}  {:<22} {} {}  by {}  {digest}",
        field("at"),
        field("event"),
        field("subject"),
        field("name"),
        field("by"),
    ));
}
