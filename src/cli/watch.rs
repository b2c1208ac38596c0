//! Carrying out a verb that takes its time: shows its progress, and lets Ctrl-C end it in order.

use std::time::Duration;

use serde_json::json;
use tokio::signal::unix::{SignalKind, signal};

use super::exit::{Exit, Failure};
use super::render::{Output, duration};
use crate::engine::{Control, Progress, Report, Station, Verb};
use crate::model::Phase;
use crate::session::SessionError;

/// Carries out `work` on a thread of its own. The first Ctrl-C or SIGTERM stops it with a checkpoint,
/// the second leaves at once.
pub fn watch(
    output: Output,
    control: &Control,
    work: impl FnOnce(&Control) -> Result<Report, SessionError> + Send + 'static,
) -> Result<Report, Failure> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| Failure::new(Exit::Bug, format!("no runtime for signals: {error}")))?;
    let ended = runtime.block_on(async {
        let worker = control.clone();
        let mut work = tokio::task::spawn_blocking(move || work(&worker));
        let no_signals = |error| Failure::new(Exit::Bug, format!("no signals: {error}"));
        let mut interrupt = signal(SignalKind::interrupt()).map_err(no_signals)?;
        let mut terminate = signal(SignalKind::terminate()).map_err(no_signals)?;
        let mut tick =
            tokio::time::interval(Duration::from_millis(if output.live { 200 } else { 1000 }));
        tick.tick().await;
        let result = loop {
            tokio::select! {
                result = &mut work => break result,
                _ = tick.tick() => show(output, control),
                _ = interrupt.recv() => stop_or_leave(output, control)?,
                _ = terminate.recv() => stop_or_leave(output, control)?,
            }
        };
        output.live(None);
        control.take_notices().into_iter().for_each(|notice| output.talk(notice));
        match result {
            Ok(report) => Ok(report?),
            Err(panic) => Err(Failure::new(Exit::Bug, panic)),
        }
    });
    // Whoever leaves at once does not wait for the batches under way.
    runtime.shutdown_background();
    ended
}

/// How the process ends after a report.
pub fn exit_of(report: &Report) -> Exit {
    match report.phase {
        Phase::Stopped | Phase::Paused => Exit::Stopped,
        _ if report.needs_eyes() => Exit::NeedsEyes,
        _ => Exit::Fine,
    }
}

fn stop_or_leave(output: Output, control: &Control) -> Result<(), Failure> {
    output.live(None);
    if control.is_stopped() {
        let message = "left at once; what was under way is settled by `remold resume last`";
        return Err(Failure::new(Exit::Stopped, message));
    }
    if control.end(None) {
        output.talk(
            "following ends with what was written so far; Ctrl-C again stops with a checkpoint",
        );
    } else {
        output.talk("stopping with a checkpoint; Ctrl-C again leaves at once");
    }
    Ok(())
}

fn show(output: Output, control: &Control) {
    for notice in control.take_notices() {
        output.live(None);
        output.talk(notice);
    }
    let progress = &control.progress();
    if output.json {
        let tally = match progress.verb {
            Verb::Rollback => json!(progress.rollback),
            _ => json!(progress.tally),
        };
        output.json(&json!({
            "event": "progress", "run": progress.run, "phase": progress.phase,
            "stage": progress.stage, "followed": progress.followed, "tally": tally,
            "fraction": progress.fraction, "rate": progress.rate, "seconds": progress.seconds,
            "eta_seconds": progress.eta_seconds, "held": progress.held,
            "bottleneck": progress.busy.bottleneck().map(Station::name),
        }));
    } else if output.live {
        output.live(Some(&line(progress)));
    } else {
        output.talk(line(progress));
    }
}

/// Progress in one line.
fn line(progress: &Progress) -> String {
    let eyes = match progress.verb {
        Verb::Run => progress.tally.needs_eyes(),
        Verb::Verify => progress.verification.differing(),
        Verb::Rollback => progress.rollback.changed + progress.rollback.failed,
    };
    let eta = progress.eta_seconds.map_or_else(|| "N/A".to_owned(), duration);
    let held = progress.held.as_deref().map(|reason| format!("  [{reason}]")).unwrap_or_default();
    let stage = progress.stage.as_deref().map(|stage| format!("{stage} ")).unwrap_or_default();
    if let (Phase::Following, Some(followed)) = (progress.phase, &progress.followed) {
        return format!(
            "following {}  {} migrated since the scan  quiet for {}  {} keys  need eyes {eyes}  elapsed {}{held}",
            followed.how(),
            followed.migrated,
            duration(followed.quiet_seconds),
            progress.done(),
            duration(progress.seconds),
        );
    }
    format!(
        "{stage}{} {:>3.0} %  {} keys  {:.0} keys/s  need eyes {eyes}  elapsed {}  ETA {eta}{held}",
        progress.phase,
        progress.fraction * 100.0,
        progress.done(),
        progress.rate,
        duration(progress.seconds),
    )
}
