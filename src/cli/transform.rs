//! `remold transform --subject S --from A --to B < doc.json`

use std::io::Read;

use clap::Args;

use super::exit::{Exit, Failure};
use super::render::Output;
use crate::model::{Content, Key};
use crate::planner::{Narrowed, PlanRequest};
use crate::session::Session;

#[derive(Args, Debug)]
pub struct Arguments {
    /// The subject: user
    #[arg(long)]
    subject: String,
    /// The version the document has; told by its shape when left out
    #[arg(long, value_name = "VERSION")]
    from: Option<String>,
    /// The version it is to have
    #[arg(long, value_name = "VERSION")]
    to: String,
    /// The key it stands under, for ${KEY}
    #[arg(long, default_value = "", value_name = "KEY")]
    key: String,
}

/// Applies a chain to one document. Needs no server.
pub fn carry_out(
    arguments: &Arguments,
    session: &Session,
    output: Output,
) -> Result<Exit, Failure> {
    let mut text = Vec::new();
    std::io::stdin()
        .read_to_end(&mut text)
        .map_err(|error| Failure::usage(format!("standard input cannot be read: {error}")))?;
    if text.last() == Some(&b'\n') {
        text.pop();
    }
    let subject = arguments.subject.as_str();
    let from = arguments.from.as_deref().map(|from| session.version(subject, from)).transpose()?;
    let request = PlanRequest {
        subject: subject.to_owned(),
        target: session.version(subject, &arguments.to)?,
        from: from.clone(),
        path: None,
        pattern: None,
        narrowed: Narrowed::default(),
        frozen: session.frozen(),
    };
    let key = Key::from_text(&arguments.key);
    let preview = session.apply(request, &key, &Content::String(text), from.as_ref())?;
    match &preview.after {
        Some(after) if preview.errors.is_empty() => {
            output.line(after);
            Ok(Exit::Fine)
        }
        _ => {
            for error in &preview.errors {
                let field = if error.field.is_empty() { "" } else { ": " };
                output.talk(format!(
                    "{} at {}{field}{}: {}",
                    preview.outcome, error.step, error.field, error.reason
                ));
            }
            Ok(Exit::NeedsEyes)
        }
    }
}
