//! Word to somebody who is not looking: a run failed, stands still, stopped by itself, or is done.

use std::io::Write;
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::{Value as Json, json};

use super::beside::Ended;
use super::control::Control;
use super::error::EngineError;
use super::external;
use super::report::{Report, now};
use crate::model::{Phase, RunId};

/// Where word goes.
#[derive(Clone, Debug)]
pub struct Alerts {
    /// URLs that take a POST of JSON.
    pub webhooks: Vec<String>,
    /// Commands for `/bin/sh`; the JSON is their standard input.
    pub commands: Vec<String>,
    /// A verb that gets nowhere for this long, without anybody's order, stands still.
    pub stall: Duration,
}

impl Default for Alerts {
    fn default() -> Self {
        Self { webhooks: Vec::new(), commands: Vec::new(), stall: Duration::from_secs(60) }
    }
}

const TRIES_MAX: u32 = 4;
const FIRST_PAUSE: Duration = Duration::from_millis(500);
const COMMAND_TIME_MAX: Duration = Duration::from_secs(30);
const LOOK_INTERVAL: Duration = Duration::from_millis(250);

/// Whom an alert is about.
pub(super) struct About<'a> {
    pub verb: &'a str,
    pub run: Option<&'a RunId>,
    pub subject: &'a str,
    pub server: String,
}

impl Alerts {
    /// Whether there is anybody to tell.
    pub fn is_empty(&self) -> bool {
        self.webhooks.is_empty() && self.commands.is_empty()
    }

    /// Tells what a verb came to. Answers what could not be delivered.
    pub(super) fn ended(
        &self,
        about: &About<'_>,
        ended: &Result<Report, EngineError>,
    ) -> Vec<String> {
        let (event, reason, report) = match ended {
            Err(error) => ("failed", error.to_string(), None),
            Ok(report) => {
                let event = match report.phase {
                    Phase::Failed => "failed",
                    Phase::Stopped => "stopped",
                    _ if report.needs_eyes() => "needs eyes",
                    _ => "done",
                };
                let why = report.stopped_because.clone().unwrap_or_default();
                (event, why, Some(report))
            }
        };
        self.tell(about, event, &reason, &json!(report))
    }

    /// Tells of a verb that stands still, once each time, until it has ended.
    pub(super) fn watch(&self, about: &About<'_>, control: &Control, ended: &Ended) {
        let mut before = 0;
        let mut since = Instant::now();
        let mut told = false;
        while !ended.within(LOOK_INTERVAL) {
            let progress = control.progress();
            let done = progress.done() + progress.verification.checked;
            let waits = control.is_paused() || progress.phase == Phase::Following;
            if done != before || waits {
                (before, since, told) = (done, Instant::now(), false);
            } else if !told && since.elapsed() >= self.stall {
                let held =
                    progress.held.clone().unwrap_or_else(|| "for no known reason".to_owned());
                let reason = format!("no key was done for {} s: {held}", self.stall.as_secs());
                self.tell(about, "stalled", &reason, &json!(progress));
                told = true;
            }
        }
    }

    fn tell(&self, about: &About<'_>, event: &str, reason: &str, details: &Json) -> Vec<String> {
        let word = json!({
            "event": event, "verb": about.verb, "run": about.run, "subject": about.subject,
            "server": about.server, "reason": reason, "at": now(), "details": details,
        })
        .to_string();
        let hooks = self.webhooks.iter().filter_map(|url| {
            let sent = patiently(|| external::post(url, &word));
            sent.err().map(|why| format!("alert '{event}' to {url}: {why}"))
        });
        let commands = self.commands.iter().filter_map(|command| {
            let ran = patiently(|| run(command, event, &word));
            ran.err().map(|why| format!("alert '{event}' by `{command}`: {why}"))
        });
        hooks.chain(commands).collect()
    }
}

/// Tries a few times, with growing pauses.
fn patiently(mut attempt: impl FnMut() -> Result<(), String>) -> Result<(), String> {
    let mut pause = FIRST_PAUSE;
    for _ in 1..TRIES_MAX {
        if attempt().is_ok() {
            return Ok(());
        }
        thread::sleep(pause);
        pause *= 2;
    }
    attempt()
}

fn run(command: &str, event: &str, word: &str) -> Result<(), String> {
    let mut child = Command::new("/bin/sh")
        .arg("-c")
        .arg(command)
        .env("REMOLD_EVENT", event)
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .map_err(|error| format!("cannot start /bin/sh: {error}"))?;
    if let Some(mut stdin) = child.stdin.take() {
        // A command that does not read has no use for it.
        let _ = stdin.write_all(word.as_bytes());
    }
    let began = Instant::now();
    loop {
        match child.try_wait() {
            Ok(Some(status)) if status.success() => return Ok(()),
            Ok(Some(status)) => return Err(format!("it ended with {status}")),
            Ok(None) if began.elapsed() > COMMAND_TIME_MAX => {
                let _ = child.kill();
                let _ = child.wait();
                return Err(format!("it took longer than {} s", COMMAND_TIME_MAX.as_secs()));
            }
            Ok(None) => thread::sleep(Duration::from_millis(20)),
            Err(error) => return Err(error.to_string()),
        }
    }
}
