//! `remold preview SUBJECT --to VERSION`

use clap::Args;
use serde_json::{Value as Json, json};

use super::exit::{Exit, Failure};
use super::plan::Target;
use super::render::Output;
use crate::engine::Preview;
use crate::model::Key;
use crate::session::Session;

#[derive(Args, Debug)]
pub struct Arguments {
    /// The subject: user
    subject: String,
    #[command(flatten)]
    target: Target,
    /// How many keys to sample
    #[arg(long, default_value_t = 5, value_name = "N")]
    sample: usize,
    /// A key to show instead of a sample (repeatable)
    #[arg(long, value_name = "KEY")]
    key: Vec<String>,
    /// Ask the services that external steps name; without it, only what would be asked is shown
    #[arg(long)]
    call_external: bool,
}

/// Shows what the chain makes of some keys.
pub fn carry_out(
    arguments: &Arguments,
    session: &Session,
    output: Output,
) -> Result<Exit, Failure> {
    let plan = arguments.target.plan(&arguments.subject, session)?;
    let keys: Vec<Key> = arguments.key.iter().map(|key| Key::from_text(key)).collect();
    let previews = session.preview_of(&plan, &keys, arguments.sample, arguments.call_external)?;
    if output.json {
        output.json(&previews.iter().map(as_json).collect::<Vec<_>>());
    } else {
        for preview in &previews {
            output.sentences(text(preview));
        }
    }
    if previews.is_empty() {
        let what = if keys.is_empty() { "no key matches" } else { "none of the keys exists under" };
        output.talk(format!(
            "{what} '{}' as {} at {}",
            plan.selection.patterns(),
            plan.stored_as(),
            session.address()
        ));
        return Ok(Exit::NeedsEyes);
    }
    let needs_eyes = previews.iter().any(|preview| preview.outcome.needs_eyes());
    Ok(if needs_eyes { Exit::NeedsEyes } else { Exit::Fine })
}

/// The contract's form: documents as JSON values, or as text where they are none.
fn as_json(preview: &Preview) -> Json {
    let document = |text: &String| {
        serde_json::from_str::<Json>(text).unwrap_or_else(|_| Json::String(text.clone()))
    };
    let steps = preview.steps.iter().map(|step| {
        json!({"migration": step.migration, "transform": step.transform,
               "after": document(&step.after), "changed": step.changed})
    });
    let mut json = json!({
        "key": preview.key, "from": preview.from, "to": preview.to,
        "before": document(&preview.before), "steps": steps.collect::<Vec<_>>(),
        "after": preview.after.as_ref().map(document), "outcome": preview.outcome,
        "errors": preview.errors, "would_ask": preview.would_ask,
    });
    let home = [
        ("new_key", preview.new_key.as_ref().map(|key| json!(key))),
        ("new_storage", preview.new_storage.map(|storage| json!(storage))),
        ("new_expiry", preview.new_expiry.map(|expiry| json!(expiry))),
    ];
    for (name, value) in home {
        if let Some(value) = value {
            json[name] = value;
        }
    }
    json
}

fn text(preview: &Preview) -> Vec<String> {
    let from = preview.from.as_ref().map_or_else(|| "?".to_owned(), ToString::to_string);
    let mut lines = vec![
        format!("{}  {from} -> {}  {}", preview.key, preview.to, preview.outcome),
        format!("    before  {}", preview.before),
    ];
    for (number, step) in preview.steps.iter().enumerate() {
        let shown = if step.changed { step.after.as_str() } else { "(no change)" };
        lines.push(format!("  {:>2} {}", number + 1, step.transform));
        lines.push(format!("            {shown}"));
    }
    if let Some(ask) = &preview.would_ask {
        lines.push(format!("  would ask  {ask}"));
        lines.push("             (--call-external asks)".to_owned());
    }
    lines.extend(preview.moves().into_iter().map(|line| format!("    the key {line}")));
    for error in &preview.errors {
        let field =
            if error.field.is_empty() { String::new() } else { format!(" {}:", error.field) };
        let found = error.found.as_deref().map(|f| format!(" (found {f})")).unwrap_or_default();
        lines.push(format!(
            "    {} at {}:{field} {}{found}",
            preview.outcome, error.step, error.reason
        ));
    }
    lines
}
