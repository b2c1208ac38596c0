//! The one place that prints.

use std::io::{self, IsTerminal, Write};
use std::os::fd::AsFd;
use std::process;

use serde::Serialize;
use serde_json::{Value as Json, json};
use unicode_width::UnicodeWidthStr;

use super::exit::{Exit, Failure};
use super::options::Global;
use super::wrap::{cut, head_of, hung};
use crate::engine::{ChangedKey, ErrorGroup, Followed, Report, Verification};
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
    /// Columns at which data is parted into lines; no limit where it goes to no terminal.
    room: usize,
    /// The same for talk.
    talk_room: usize,
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
    /// Neither.
    Plain,
    /// What the eye looks for first.
    Strong,
    /// What it may pass over.
    Faint,
}

impl Output {
    /// The output these options ask for.
    pub fn new(global: &Global) -> Self {
        let live = io::stderr().is_terminal() && !global.quiet;
        // https://no-color.org: any value but the empty one.
        let refused = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
        let dumb = std::env::var_os("TERM").is_some_and(|term| term == "dumb");
        let colour = io::stdout().is_terminal() && !(global.no_color || refused || dumb);
        Self {
            json: global.json,
            quiet: global.quiet,
            live,
            colour,
            room: columns_of(&io::stdout()).unwrap_or(usize::MAX),
            talk_room: columns_of(&io::stderr()).unwrap_or(usize::MAX),
        }
    }

    /// `text` in the colour of its tone, where colours are wanted.
    pub fn paint(self, tone: Tone, text: impl AsRef<str>) -> String {
        let text = text.as_ref();
        if !self.colour || tone == Tone::Plain || text.trim().is_empty() {
            return text.to_owned();
        }
        let code = match tone {
            Tone::Good => "32",
            Tone::Odd => "33",
            Tone::Bad => "31",
            Tone::Strong => "1",
            Tone::Faint => "2",
            Tone::Plain => unreachable!("plain text was answered above"),
        };
        format!("\x1b[{code}m{text}\x1b[0m")
    }

    /// `text` cut to the columns that are left after `used`, with a sign that it was cut. Text that goes
    /// to no terminal is not cut.
    pub fn fit(self, text: &str, used: usize) -> String {
        cut(text, self.room.saturating_sub(used))
    }

    /// Columns of a side of two that stand beside each other with so many columns between them; no limit
    /// where there is no terminal.
    pub fn half(self, between: usize) -> usize {
        if self.room == usize::MAX { self.room } else { self.room.saturating_sub(between) / 2 }
    }

    /// A line of data whose text goes on below its own beginning where the terminal ends. `head` takes
    /// the colour; text that goes to no terminal stays one line.
    pub fn hanging(self, tone: Tone, head: &str, text: &str) {
        // Without a head, it is the text itself that has something to say.
        let bare = head.trim().is_empty();
        for (at, line) in hung(head.width(), text, self.room).iter().enumerate() {
            let head = if at == 0 { self.paint(tone, head) } else { String::new() };
            let line = if bare { self.paint(tone, line) } else { line.clone() };
            self.line((head + &line).trim_end());
        }
    }

    /// A sentence or a row of data, parted between words where the terminal ends. What stands before the
    /// sentence (`  risk   `) takes the colour, and the lines below begin where the sentence does.
    pub fn sentence(self, tone: Tone, line: &str) {
        let (head, text) = line.split_at(head_of(line));
        self.hanging(tone, head, text);
    }

    /// Sentences of data, each in the colour of the word it begins with.
    pub fn sentences(self, lines: impl IntoIterator<Item = String>) {
        for line in lines {
            let tone = match line.split_whitespace().next() {
                Some("risk" | "WARN") => Tone::Odd,
                Some("FAILS" | "LACK") => Tone::Bad,
                Some("ok") => Tone::Good,
                Some("plan" | "draft") => Tone::Strong,
                _ => Tone::Plain,
            };
            self.sentence(tone, &line);
        }
    }

    /// What the columns below it are; only on a terminal, for a program that reads them knows.
    pub fn heading(self, text: &str) {
        if self.room < usize::MAX {
            self.line(self.paint(Tone::Faint, text));
        }
    }

    /// A line of data, as it is.
    #[expect(clippy::unused_self, reason = "data goes where the output says, as talk does")]
    pub fn line(self, text: impl AsRef<str>) {
        let mut out = io::stdout().lock();
        or_leave(writeln!(out, "{}", text.as_ref()));
    }

    /// A JSON value as one line of data.
    pub fn json(self, value: &impl Serialize) {
        self.line(serde_json::to_string(value).expect("plain data prints as JSON"));
    }

    /// Talk, parted between words where the terminal ends.
    pub fn talk(self, text: impl AsRef<str>) {
        if !self.quiet {
            say(text.as_ref(), self.talk_room);
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
            for (tone, line) in report_text(report) {
                self.sentence(tone, &line);
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

/// Columns of the terminal behind a stream; `None` where there is none.
fn columns_of(stream: &(impl IsTerminal + AsFd)) -> Option<usize> {
    let size = rustix::termios::tcgetwinsize(stream).ok().filter(|_| stream.is_terminal());
    size.map(|size| usize::from(size.ws_col)).filter(|columns| *columns > 0)
}

/// Prints talk in lines of at most so many columns.
fn say(text: &str, columns: usize) {
    let mut err = io::stderr().lock();
    for line in text.split('\n') {
        let (head, rest) = line.split_at(head_of(line));
        for (at, part) in hung(head.width(), rest, columns).iter().enumerate() {
            let head = if at == 0 { head } else { "" };
            or_leave(writeln!(err, "{}", format!("{head}{part}").trim_end()));
        }
    }
}

/// Why a verb did not come to its end.
pub fn failure(failure: &Failure) {
    let columns = columns_of(&io::stderr()).unwrap_or(usize::MAX);
    say(&format!("remold: {}", failure.message), columns);
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

fn report_text(report: &Report) -> Vec<(Tone, String)> {
    let mut lines = Vec::new();
    let run = report.run.as_ref().map_or_else(|| "dry run".to_owned(), |run| format!("run {run}"));
    let dry = if report.dry_run { " (nothing was written)" } else { "" };
    let why = report.stopped_because.as_ref().map(|why| format!(" ({why})")).unwrap_or_default();
    let tone = match report.phase {
        Phase::Done => Tone::Strong,
        Phase::Failed => Tone::Bad,
        _ => Tone::Odd,
    };
    lines.push((tone, format!("{run}: {}{why}{dry}, {}", ended(report), took(report.seconds))));
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
                let odd = ["changed since, left as they are", "failed"].contains(&name);
                lines.push((count_tone(odd, count), format!("{count:>12}  {name}")));
            }
        }
        lines.extend(report.changed_keys.iter().map(|key| (Tone::Odd, changed_text(key))));
        return lines;
    }
    lines.push((Tone::Plain, format!("{:>12}  scanned", report.tally.scanned)));
    for outcome in Outcome::ALL {
        let name = match outcome {
            Outcome::Migrated if report.dry_run => "would be migrated",
            outcome => outcome.name(),
        };
        let count = report.tally.of(outcome);
        lines.push((count_tone(outcome.needs_eyes(), count), format!("{count:>12}  {name}")));
    }
    lines.extend(report.followed.as_ref().map(|followed| (Tone::Plain, followed_text(followed))));
    if let Some(asked) = report.external {
        let calls = format!("  outside calls: {}, {} of them again", asked.calls, asked.retries);
        lines.push((Tone::Plain, calls));
        if asked.would_ask > 0 {
            let would_ask = format!(
                "  {} of the keys that would be migrated depend on answers that were not asked for \
                 (--call-external asks)",
                asked.would_ask
            );
            lines.push((Tone::Odd, would_ask));
        }
    }
    if let Some(found) = report.verification {
        let tone = if found.wrong + found.lost > 0 { Tone::Bad } else { Tone::Plain };
        lines.push((tone, verification_text(found)));
    }
    lines.extend(report.errors.iter().flat_map(|group| told_apart(group_text(group))));
    lines.extend(report.undelivered.iter().map(|text| (Tone::Odd, text.clone())));
    if let (Some(run), Phase::Stopped) = (&report.run, report.phase) {
        lines.push((Tone::Plain, format!("go on with: remold resume {run}")));
    }
    lines
}

fn followed_text(followed: &Followed) -> String {
    let Followed { migrated, scans, quiet_seconds, .. } = followed;
    let s = if *scans == 1 { "" } else { "s" };
    format!(
        "  followed {}: {migrated} of them migrated since the first scan, {scans} scan{s} more, quiet \
         for {}",
        followed.how(),
        took(*quiet_seconds)
    )
}

/// A count in the colour of what it says: none of what needs eyes is nothing to look at.
fn count_tone(needs_eyes: bool, count: u64) -> Tone {
    match (needs_eyes, count) {
        (_, 0) => Tone::Faint,
        (true, _) => Tone::Bad,
        (false, _) => Tone::Plain,
    }
}

/// The two lines of a group of errors with their colours.
fn told_apart([what, keys]: [String; 2]) -> [(Tone, String); 2] {
    [(Tone::Bad, what), (Tone::Faint, keys)]
}

/// How long something took: `25 ms`, `3.2 s`, `4m05s`, `3h25m`.
pub fn took(seconds: f64) -> String {
    match seconds {
        ..1.0 => format!("{:.0} ms", seconds * 1e3),
        1.0..60.0 => format!("{seconds:.1} s"),
        _ => duration(seconds),
    }
}

/// Seconds in whole ones: `42s`, `3m05s`, `2h07m`.
pub fn duration(seconds: f64) -> String {
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "whole seconds")]
    let whole = seconds.max(0.0).round() as u64;
    match whole {
        0..60 => format!("{whole}s"),
        60..3600 => format!("{}m{:02}s", whole / 60, whole % 60),
        _ => format!("{}h{:02}m", whole / 3600, whole % 3600 / 60),
    }
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
    let more = if *count > samples.len() as u64 { ", …" } else { "" };
    [
        format!("{count:>12}  {outcome} at {step}:{place} {reason}"),
        format!("              {}{more}", keys.join(", ")),
    ]
}
