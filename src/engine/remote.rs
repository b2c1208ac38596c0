//! Orders to a run at work from another process of the same user: one line of JSON words in, one
//! line of JSON out.

use std::io::{BufRead, BufReader, Read, Write};
use std::os::unix::net::UnixStream;
use std::path::Path;

use serde_json::{Value as Json, json};

use super::beside::{Ended, beside};
use super::callers::{self, CALL_BYTES_MAX, CALL_TIMEOUT};
use super::control::Control;
use super::throttle::{Levels, Signal};
use crate::journal::ControlSocket;

/// What can be ordered, for messages.
pub const ORDERS: &str =
    "status, pause, resume, step, stop, or set NAME=VALUE with rate or a limit of the throttle";

/// Does `work` while orders to the run in `folder` are taken.
pub(super) fn controlled<T>(folder: &Path, control: &Control, work: impl FnOnce() -> T) -> T {
    match ControlSocket::listen(folder) {
        Ok(socket) => beside("control", |ended| take_orders(&socket, control, ended), work),
        // A file system that has no sockets is no reason not to work.
        Err(_) => work(),
    }
}

/// Takes orders on `socket` until the verb has ended.
fn take_orders(socket: &ControlSocket, control: &Control, ended: &Ended) {
    let listener = &socket.listener;
    if listener.set_nonblocking(true).is_err() {
        return;
    }
    let accept = || listener.accept().map(|(caller, _)| caller);
    callers::answer_all(accept, ended, |caller| answer(caller, control));
}

fn answer(mut stream: UnixStream, control: &Control) -> std::io::Result<()> {
    let mut line = String::new();
    BufReader::new((&stream).take(CALL_BYTES_MAX)).read_line(&mut line)?;
    let answer = match serde_json::from_str::<Vec<String>>(&line) {
        Ok(words) => order(&words, control),
        Err(error) => Err(format!("not a list of words: {error}")),
    };
    let answer = match answer {
        Ok(()) => json!({"ok": true, "status": status(control)}),
        Err(why) => json!({"ok": false, "error": why}),
    };
    writeln!(stream, "{answer}")
}

fn order(words: &[String], control: &Control) -> Result<(), String> {
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    match words.as_slice() {
        ["status"] => {}
        ["pause"] => control.pause(),
        ["resume"] => control.resume(),
        ["step"] => control.step(),
        ["stop"] => {
            control.end(Some("ordered by `remold control`"));
        }
        ["set", pairs @ ..] if !pairs.is_empty() => {
            // All are read before any is set, so that a mistake in one changes nothing.
            let knobs: Vec<Knob> =
                pairs.iter().map(|pair| pair.parse()).collect::<Result<_, String>>()?;
            for knob in knobs {
                knob.set(control);
            }
        }
        _ => return Err(format!("'{}' is no order: expected {ORDERS}", words.join(" "))),
    }
    Ok(())
}

/// A knob of a run, with the value it is to have.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Knob {
    /// At most this many keys per second; `None` is as fast as it goes.
    Rate(Option<u32>),
    /// What a signal of the server may come to.
    Limit(Signal, Levels),
}

impl std::str::FromStr for Knob {
    type Err = String;

    /// Reads `rate=20000`, `rate=off`, `replica-lag=1:5:60`.
    fn from_str(text: &str) -> Result<Self, String> {
        let (name, value) =
            text.split_once('=').ok_or_else(|| format!("'{text}': expected NAME=VALUE"))?;
        if name == "rate" {
            if value == "off" {
                return Ok(Self::Rate(None));
            }
            return value
                .parse()
                .map(|rate| Self::Rate(Some(rate)))
                .map_err(|_| format!("'{value}' is no rate: expected keys per second, or off"));
        }
        let signal = Signal::of_knob(name).ok_or_else(|| {
            let known: Vec<&str> = Signal::ALL.iter().map(|signal| signal.knob()).collect();
            format!("there is no knob '{name}'; there are rate, {}", known.join(", "))
        })?;
        Ok(Self::Limit(signal, value.parse()?))
    }
}

impl Knob {
    /// Sets it.
    pub fn set(self, control: &Control) {
        match self {
            Self::Rate(rate) => control.set_rate(rate),
            Self::Limit(signal, levels) => control.set_limit(signal, levels),
        }
    }
}

/// Where a verb stands and what its knobs are.
fn status(control: &Control) -> Json {
    let progress = control.progress();
    let limits = control.limits();
    let mut knobs = serde_json::Map::new();
    knobs.insert("rate".into(), control.rate().map_or("off".into(), Into::into));
    for signal in Signal::ALL {
        knobs.insert(signal.knob().into(), limits.of(signal).to_string().into());
    }
    json!({"progress": progress, "knobs": knobs})
}

/// Sends an order to the run in `folder`; `None` when no process works on it.
pub fn send_order(folder: &Path, words: &[String]) -> Option<Result<Json, String>> {
    let mut stream = ControlSocket::connect(folder)?;
    let told = (|| {
        stream.set_read_timeout(Some(CALL_TIMEOUT))?;
        stream.set_write_timeout(Some(CALL_TIMEOUT))?;
        writeln!(stream, "{}", json!(words))?;
        let mut line = String::new();
        BufReader::new(&stream).read_line(&mut line)?;
        std::io::Result::Ok(line)
    })();
    let answer = match told {
        Ok(line) => serde_json::from_str::<Json>(&line).map_err(|error| error.to_string()),
        Err(error) => Err(format!("the run did not answer: {error}")),
    };
    Some(answer.and_then(|mut json| {
        if json["ok"] == true {
            Ok(json["status"].take())
        } else {
            Err(json["error"].as_str().unwrap_or("refused").to_owned())
        }
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_order_with_a_mistake_changes_nothing() {
        let control = Control::default();
        let words = |line: &str| line.split(' ').map(str::to_owned).collect::<Vec<_>>();
        order(&words("set rate=200 memory=80"), &control).expect("valid");
        assert_eq!(control.rate(), Some(200));
        assert_eq!(control.limits().of(Signal::Memory).soft, Some(80.0));
        for line in ["set rate=300 lag=1", "set", "halt", "set rate", "set memory=9:1"] {
            assert!(order(&words(line), &control).is_err(), "{line}");
        }
        assert_eq!(control.rate(), Some(200));
    }
}
