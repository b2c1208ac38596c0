//! The figures of a verb at work for Prometheus, in its text format
//! (<https://prometheus.io/docs/instrumenting/exposition_formats/>).

use std::fmt::Write as _;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};

use super::beside::Ended;
use super::callers::{self, CALL_BYTES_MAX};
use super::control::Control;
use super::error::EngineError;
use super::throttle::Signal;
use crate::model::Outcome;

/// Takes the address before the verb begins.
pub(super) fn listen(address: SocketAddr) -> Result<TcpListener, EngineError> {
    let refuse = |error: std::io::Error| {
        EngineError::State(format!("cannot serve metrics on {address}: {error}. Nothing was begun"))
    };
    let listener = TcpListener::bind(address).map_err(refuse)?;
    listener.set_nonblocking(true).map_err(refuse)?;
    Ok(listener)
}

/// Answers scrapes until the verb has ended.
pub(super) fn serve(listener: &TcpListener, subject: &str, control: &Control, ended: &Ended) {
    let accept = || listener.accept().map(|(caller, _)| caller);
    callers::answer_all(accept, ended, |caller| answer(caller, subject, control));
}

fn answer(mut stream: TcpStream, subject: &str, control: &Control) -> std::io::Result<()> {
    let mut lines = BufReader::new((&stream).take(CALL_BYTES_MAX)).lines();
    let request = lines.next().transpose()?.unwrap_or_default();
    for line in lines {
        if line?.is_empty() {
            break;
        }
    }
    let path = request.split(' ').nth(1).unwrap_or_default();
    let (status, body) = match path {
        "/metrics" => ("200 OK", text(subject, control)),
        _ => ("404 Not Found", "the figures are at /metrics\n".to_owned()),
    };
    write!(
        stream,
        "HTTP/1.1 {status}\r\ncontent-type: text/plain; version=0.0.4; charset=utf-8\r\n\
         content-length: {}\r\nconnection: close\r\n\r\n{body}",
        body.len()
    )
}

/// One family: its name, type, meaning, and its samples with their labels.
type Family<'f> = (&'f str, &'f str, &'f str, Vec<(String, f64)>);

#[expect(clippy::cast_precision_loss, reason = "Prometheus counts in floating point")]
fn text(subject: &str, control: &Control) -> String {
    let progress = control.progress();
    let run = progress.run.as_ref().map_or_else(|| "dry".to_owned(), ToString::to_string);
    let who = format!("run=\"{}\",subject=\"{}\"", escaped(&run), escaped(subject));
    let one = |value: f64| vec![(who.clone(), value)];
    let throttled = control.held().is_some() || progress.held.is_some();
    let outcomes = Outcome::ALL
        .into_iter()
        .map(|outcome| (format!("{who},outcome=\"{outcome}\""), progress.tally.of(outcome) as f64));
    let readings = control.readings();
    let server = Signal::ALL.into_iter().filter_map(|signal| {
        let reading = readings.of(signal)?;
        Some((format!("{who},signal=\"{}\"", signal.knob()), reading))
    });
    let phase = format!("{who},phase=\"{}\"", progress.phase);
    let families: [Family<'_>; 10] = [
        ("remold_run_info", "gauge", "What is at work; always 1.", vec![(phase, 1.0)]),
        (
            "remold_keys_scanned_total",
            "counter",
            "Keys that have an outcome.",
            one(progress.tally.scanned as f64),
        ),
        ("remold_keys_total", "counter", "Keys by their outcome.", outcomes.collect()),
        (
            "remold_duplicates_total",
            "counter",
            "Keys that SCAN returned again.",
            one(progress.duplicates as f64),
        ),
        (
            "remold_verified_keys_total",
            "counter",
            "Keys read again by the verification.",
            one(progress.verification.checked as f64),
        ),
        (
            "remold_restored_keys_total",
            "counter",
            "Keys that a rollback put back.",
            one(progress.rollback.restored as f64),
        ),
        ("remold_done_ratio", "gauge", "How much is done, from 0 to 1.", one(progress.fraction)),
        ("remold_keys_per_second", "gauge", "The pace of the last seconds.", one(progress.rate)),
        (
            "remold_held",
            "gauge",
            "1 while something holds the verb back.",
            one(f64::from(u8::from(throttled))),
        ),
        (
            "remold_server_reading",
            "gauge",
            "What the throttle reads of the server; the unit is the signal's.",
            server.collect(),
        ),
    ];
    let mut out = String::new();
    for (name, kind, help, samples) in families {
        let _ = writeln!(out, "# HELP {name} {help}\n# TYPE {name} {kind}");
        for (labels, value) in samples {
            let _ = writeln!(out, "{name}{{{labels}}} {value}");
        }
    }
    let (name, value) = ("remold_batch_milliseconds", progress.batch_ms);
    let _ = writeln!(
        out,
        "# HELP {name} How long a batch takes to write, smoothed.\n# TYPE {name} gauge\n\
         {name}{{{who}}} {value}"
    );
    out
}

/// A label's value, as the format writes it.
fn escaped(text: &str) -> String {
    text.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n")
}
