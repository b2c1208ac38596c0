//! `remold control RUN ORDER`: orders to a run, or its rollback, that another process works on.

use clap::Args;

use super::exit::{Exit, Failure};
use super::render::Output;
use crate::session::Session;

#[derive(Args, Debug)]
#[command(after_help = "\
Orders:
  status                where the run stands, and its knobs
  pause | resume        hold it between two batches; let it go on
  step                  let one batch begin, then hold
  stop                  end it with a checkpoint; `remold resume` goes on (a rollback: call it again)
  set NAME=VALUE...     rate=20000 (keys per second) or rate=off; a limit of the throttle as
                        SOFT[:HARD[:CRITICAL]] or off: replica-lag=1:5:60, memory=90:95,
                        evictions, latency, blocked-clients, cpu")]
pub struct Arguments {
    /// The run, or last
    run: String,
    /// The order
    #[arg(required = true, value_name = "ORDER")]
    order: Vec<String>,
}

/// Hands the order over and shows where the run stands.
pub fn carry_out(
    arguments: &Arguments,
    session: &Session,
    output: Output,
) -> Result<Exit, Failure> {
    let run = session.find_run(&arguments.run)?;
    let status = session.order_run(&run, &arguments.order)?;
    if output.json {
        output.json(&status);
        return Ok(Exit::Fine);
    }
    let progress = &status["progress"];
    let text = |name: &str| progress[name].as_str().unwrap_or_default().to_owned();
    let held = progress["held"].as_str().map(|held| format!("  [{held}]")).unwrap_or_default();
    let done = match progress["verb"].as_str() {
        Some("rollback") => format!("{} keys taken back", progress["rollback"]["restored"]),
        _ => format!("{} keys scanned", progress["tally"]["scanned"]),
    };
    output.line(format!(
        "{run}: {}, {done}, {:.0} keys/s{held}",
        text("phase"),
        progress["rate"].as_f64().unwrap_or_default(),
    ));
    for (name, value) in status["knobs"].as_object().into_iter().flatten() {
        let value = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        output.line(format!("  {name:<16} {value}"));
    }
    Ok(Exit::Fine)
}
