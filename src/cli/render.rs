//! The one place that prints.

use std::io::{self, IsTerminal, Write};
use std::process;

use serde::Serialize;
use serde_json::{Value as Json, json};
use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

use super::exit::{Exit, Failure};
use super::options::Global;
use crate::engine::{ChangedKey, ErrorGroup, Report, Verification};
use crate::model::{Outcome, Phase};

/// Where data and talk go, and in which form.
#[derive(Clone, Copy, Debug)]
#[expect(clippy::struct_excessive_bools, reason = "each is a switch of the command line")]
pub struct Output {
    /// Whether data is JSON.
    pub json: bool,
    quiet: bool,
    /// Whether talk may be redrawn.
    pub live: bool,
    /// Whether data may be coloured.
    colour: bool,
    /// Columns of the terminal, or what stands for them.
    pub columns: usize,
}

/// What a colour says; the words beside it say it too.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tone {
    /// As wanted.
    Good,
    /// Needs a look.
    Odd,
    /// Breaks something.
    Bad,
    /// What the eye looks for first.
    Strong,
    /// What it may pass over.
    Faint,
}

/// Columns where there is no terminal to ask.
const COLUMNS_DEFAULT: usize = 100;

impl Output {
    /// The output these options ask for.
    pub fn new(global: &Global) -> Self {
        let live = io::stderr().is_terminal() && !global.quiet;
        // https://no-color.org: any value but the empty one.
        let refused = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
        let dumb = std::env::var_os("TERM").is_some_and(|term| term == "dumb");
        let colour = io::stdout().is_terminal() && !(global.no_color || refused || dumb);
        let size = rustix::termios::tcgetwinsize(io::stdout()).ok();
        let columns = size.map(|size| usize::from(size.ws_col)).filter(|columns| *columns > 0);
        let columns = columns.unwrap_or(COLUMNS_DEFAULT);
        Self { json: global.json, quiet: global.quiet, live, colour, columns }
    }

    /// `text` in the colour of its tone, where colours are wanted.
    pub fn paint(self, tone: Tone, text: impl AsRef<str>) -> String {
        let text = text.as_ref();
        if !self.colour || text.is_empty() {
            return text.to_owned();
        }
        let code = match tone {
            Tone::Good => "32",
            Tone::Odd => "33",
            Tone::Bad => "31",
            Tone::Strong => "1",
            Tone::Faint => "2",
        };
        format!("\x1b[{code}m{text}\x1b[0m")
    }

    /// `text` cut to the columns that are left after `used`, with a sign that it was cut. Text that goes
    /// to no terminal is not cut.
    pub fn fit(self, text: &str, used: usize) -> String {
        if !io::stdout().is_terminal() {
            return text.to_owned();
        }
        cut(text, self.columns.saturating_sub(used))
    }

    /// Columns of a side of two that stand beside each other with so many columns between them; no limit
    /// where there is no terminal.
    pub fn half(self, between: usize) -> usize {
        if io::stdout().is_terminal() {
            self.columns.saturating_sub(between) / 2
        } else {
            usize::MAX
        }
    }

    /// A line of data whose text goes on below its own beginning where the terminal ends. `head` takes
    /// the colour; text that goes to no terminal stays one line.
    pub fn hanging(self, tone: Tone, head: &str, text: &str) {
        let indent = head.width();
        let room = if io::stdout().is_terminal() {
            // Where a head leaves next to nothing, the terminal's own wrapping is as good.
            self.columns.checked_sub(indent).filter(|room| *room >= 16).unwrap_or(usize::MAX)
        } else {
            usize::MAX
        };
        for (at, line) in wrapped(text, room).iter().enumerate() {
            let head = if at == 0 { self.paint(tone, head) } else { " ".repeat(indent) };
            self.line(format!("{head}{line}").trim_end());
        }
    }

    /// A line of data.
    #[expect(clippy::unused_self, reason = "data goes where the output says, as talk does")]
    pub fn line(self, text: impl AsRef<str>) {
        let mut out = io::stdout().lock();
        or_leave(writeln!(out, "{}", text.as_ref()));
    }

    /// A JSON value as one line of data.
    pub fn json(self, value: &impl Serialize) {
        self.line(serde_json::to_string(value).expect("plain data prints as JSON"));
    }

    /// A line of talk.
    pub fn talk(self, text: impl AsRef<str>) {
        if !self.quiet {
            or_leave(writeln!(io::stderr().lock(), "{}", text.as_ref()));
        }
    }

    /// A line of talk that replaces the one before it; `None` clears it. Only on a terminal.
    pub fn live(self, text: Option<&str>) {
        if self.live {
            let mut err = io::stderr().lock();
            or_leave(
                write!(err, "\r\x1b[2K{}", text.unwrap_or_default()).and_then(|()| err.flush()),
            );
        }
    }

    /// What a run, a verification or a rollback came to.
    pub fn report(self, report: &Report) {
        if self.json {
            self.json(&report_json(report));
        } else {
            for line in report_text(report) {
                self.line(line);
            }
        }
    }

    /// Asks for a text on the terminal and answers whether it was typed.
    #[expect(clippy::unused_self, reason = "talk goes where the output says")]
    pub fn confirm(self, question: &str, wanted: &str) -> bool {
        let mut err = io::stderr().lock();
        or_leave(write!(err, "{question}\nType {wanted} to go on: ").and_then(|()| err.flush()));
        let mut answer = String::new();
        io::stdin().read_line(&mut answer).is_ok()
            && answer.trim_end_matches(['\r', '\n']) == wanted
    }
}

/// Asks for a password on the terminal, without showing what is typed.
pub fn ask_password() -> Result<String, Failure> {
    if !is_terminal() {
        return Err(Failure::usage("--ask-password needs a terminal, and this is none"));
    }
    rpassword::prompt_password("Password: ")
        .map_err(|error| Failure::usage(format!("no password was read: {error}")))
}

/// `text` in at most so many columns, with `…` in the place of what was cut.
pub fn cut(text: &str, columns: usize) -> String {
    if text.width() <= columns {
        return text.to_owned();
    }
    let mut out = String::new();
    let mut used = 1;
    for character in text.chars() {
        used += character.width().unwrap_or(0);
        if used > columns {
            break;
        }
        out.push(character);
    }
    out + "…"
}

/// `text` in lines of at most so many columns, parted between words; a word that is longer is cut.
fn wrapped(text: &str, columns: usize) -> Vec<String> {
    let mut lines = vec![String::new()];
    let mut used = 0;
    for word in text.split_inclusive(' ') {
        if used > 0 && used + word.trim_end().width() > columns {
            lines.push(String::new());
            used = 0;
        }
        for character in word.chars() {
            let width = character.width().unwrap_or(0);
            if used + width > columns && character != ' ' {
                lines.push(String::new());
                used = 0;
            }
            used += width;
            lines.last_mut().expect("there is a line").push(character);
        }
    }
    lines.iter().map(|line| line.trim_end().to_owned()).collect()
}

/// Why a verb did not come to its end.
pub fn failure(failure: &Failure) {
    or_leave(writeln!(io::stderr().lock(), "remold: {}", failure.message));
    if failure.exit == Exit::Bug {
        or_leave(writeln!(io::stderr().lock(), "remold: please report this"));
    }
}

/// Whether somebody sits there who can be asked and shown a console.
pub fn is_terminal() -> bool {
    io::stdin().is_terminal() && io::stdout().is_terminal()
}

/// Prints what clap has to say: help, a version, or what is wrong with the arguments.
pub fn clap_error(error: &clap::Error) {
    or_leave(error.print());
}

/// A reader that went away (`remold keys | head`) is no error: nobody is left to hear of one.
fn or_leave(result: io::Result<()>) {
    if let Err(error) = result {
        process::exit(if error.kind() == io::ErrorKind::BrokenPipe { 0 } else { 70 });
    }
}

/// The object that is the last line of `run`, `resume`, `verify` and `rollback` under `--json`.
fn report_json(report: &Report) -> Json {
    let mut json = serde_json::to_value(report).expect("plain data prints as JSON");
    if let Some(tally) = report.rollback {
        json["run_tally"] = json["tally"].take();
        json["tally"] = serde_json::to_value(tally).expect("plain data prints as JSON");
    }
    json["event"] = json!("report");
    json
}

fn report_text(report: &Report) -> Vec<String> {
    let mut lines = Vec::new();
    let run = report.run.as_ref().map_or_else(|| "dry run".to_owned(), |run| format!("run {run}"));
    let dry = if report.dry_run { " (nothing was written)" } else { "" };
    let why = report.stopped_because.as_ref().map(|why| format!(" ({why})")).unwrap_or_default();
    lines.push(format!("{run}: {}{why}{dry}, {:.1} s", ended(report), report.seconds));
    if let Some(tally) = report.rollback {
        let done = match (report.forward, report.dry_run) {
            (false, true) => "would be restored",
            (false, false) => "restored",
            (true, true) => "would be brought forward",
            (true, false) => "brought forward",
        };
        for (name, count) in [
            (done, tally.restored),
            ("of them over what other clients wrote since", tally.overwritten),
            ("of them with what other clients wrote since", tally.inverted),
            ("changed since, left as they are", tally.changed),
            ("gone", tally.missing),
            ("failed", tally.failed),
        ] {
            if count > 0 || !name.starts_with("of them") {
                lines.push(format!("{count:>12}  {name}"));
            }
        }
        lines.extend(report.changed_keys.iter().map(changed_text));
        return lines;
    }
    lines.push(format!("{:>12}  scanned", report.tally.scanned));
    for outcome in Outcome::ALL {
        let name = match outcome {
            Outcome::Migrated if report.dry_run => "would be migrated",
            outcome => outcome.name(),
        };
        lines.push(format!("{:>12}  {name}", report.tally.of(outcome)));
    }
    if let Some(asked) = report.external {
        lines.push(format!("  outside calls: {}, {} of them again", asked.calls, asked.retries));
        if asked.would_ask > 0 {
            lines.push(format!(
                "  {} of the keys that would be migrated depend on answers that were not asked for \
                 (--call-external asks)",
                asked.would_ask
            ));
        }
    }
    if let Some(found) = report.verification {
        lines.push(verification_text(found));
    }
    lines.extend(report.errors.iter().flat_map(group_text));
    lines.extend(report.undelivered.iter().cloned());
    if let (Some(run), Phase::Stopped) = (&report.run, report.phase) {
        lines.push(format!("go on with: remold resume {run}"));
    }
    lines
}

fn ended(report: &Report) -> &'static str {
    match report.phase {
        Phase::Done => "done",
        Phase::Stopped => "stopped before the end",
        Phase::Failed => "failed: verification found differences",
        phase => phase.name(),
    }
}

/// A key that was changed since, in one line.
pub fn changed_text(changed: &ChangedKey) -> String {
    let ChangedKey { key, done, reason } = changed;
    let reason = if reason.is_empty() { String::new() } else { format!("  ({reason})") };
    format!("{:>12}  {key}{reason}", done.name())
}

fn verification_text(found: Verification) -> String {
    let Verification { checked, right, changed, lost, wrong, other_expiry } = found;
    let expiry = match other_expiry {
        0 => String::new(),
        keys => format!(" ({keys} with another expiry since)"),
    };
    format!(
        "verified {checked}: {right} as written{expiry}, {changed} changed since by other clients, \
         {lost} lost by the server, {wrong} wrong"
    )
}

/// A group of errors in two lines: what, and some of the keys.
pub fn group_text(group: &ErrorGroup) -> [String; 2] {
    let ErrorGroup { outcome, step, field, reason, count, samples } = group;
    let place = if field.is_empty() { String::new() } else { format!(" {field}:") };
    let keys: Vec<String> = samples.iter().map(ToString::to_string).collect();
    let more = if *count > samples.len() as u64 { ", ..." } else { "" };
    [
        format!("{count:>12}  {outcome} at {step}:{place} {reason}"),
        format!("              {}{more}", keys.join(", ")),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_parted_between_words() {
        assert_eq!(wrapped("new readers of old data", 11), ["new readers", "of old data"]);
        assert_eq!(wrapped("an {\"a\":123456}", 6), ["an", "{\"a\":1", "23456}"]);
        assert_eq!(wrapped("", 6), [""]);
        assert_eq!(wrapped("all of it", usize::MAX), ["all of it"]);
    }
}
