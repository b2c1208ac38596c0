//! `remold version`: the facts of this build.

use std::fmt::Write as _;

use serde_json::json;

use super::exit::Exit;
use super::render::Output;

const NUMBER: &str = env!("CARGO_PKG_VERSION");
const TARGET: &str = env!("REMOLD_TARGET");
const RUSTC: &str = env!("REMOLD_RUSTC");
/// Empty in debug builds, and where the sources are no checkout.
const COMMIT: &str = env!("REMOLD_COMMIT");
const KIND: &str = if cfg!(debug_assertions) { "debug" } else { "release" };

/// In one line: `0.1.0 (release build for x86_64-unknown-linux-gnu, commit 0123456789ab, rustc 1.90.0)`.
pub fn line() -> String {
    let mut text = format!("{NUMBER} ({KIND} build for {TARGET}");
    if !COMMIT.is_empty() {
        let _ = write!(text, ", commit {COMMIT}");
    }
    if let Some(number) = RUSTC.split(' ').next().filter(|number| !number.is_empty()) {
        let _ = write!(text, ", rustc {number}");
    }
    text + ")"
}

/// Prints them.
pub fn carry_out(output: Output) -> Exit {
    if output.json {
        output.json(&json!({
            "version": NUMBER, "build": KIND, "target": TARGET, "rustc": RUSTC,
            "commit": (!COMMIT.is_empty()).then_some(COMMIT),
        }));
    } else {
        output.line(format!("remold {}", line()));
    }
    Exit::Fine
}
