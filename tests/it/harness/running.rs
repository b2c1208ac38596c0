//! A run of the real binary that another process looks at and gives orders to.

use std::path::Path;
use std::time::{Duration, Instant};

use serde_json::Value as Json;
use tempfile::TempDir;

use super::Remold;
use super::binary::{Said, Spawned};

/// How long something that has to come is waited for.
pub const PATIENCE: Duration = Duration::from_secs(120);

/// A run at work, on the sample catalog.
pub struct Running {
    run: Spawned,
    state: TempDir,
    url: String,
}

impl Running {
    /// Starts `line` on the server at `url`, with its runs in `state`.
    pub fn start(url: &str, state: TempDir, line: &str) -> Self {
        let run = remold(url, state.path()).line(line).spawn();
        Self { run, state, url: url.to_owned() }
    }

    /// Gives an order to the run at work; `None` when it was refused, or there is none yet.
    pub fn order(&self, order: &str) -> Option<Json> {
        let line = format!("control last {order} --json");
        let said = remold(&self.url, self.state.path()).line(&line).run();
        (said.code == Some(0)).then(|| said.json())
    }

    /// Waits until the status is as wanted.
    #[track_caller]
    pub fn until(&mut self, what: &str, wanted: impl Fn(&Json) -> bool) -> Json {
        let began = Instant::now();
        let mut last = None;
        while began.elapsed() < PATIENCE {
            if let Some(status) = self.order("status") {
                if wanted(&status) {
                    return status;
                }
                last = Some(status);
            }
            if let Some(code) = self.run.child.try_wait().expect("it is ours") {
                let Said { stdout, stderr, .. } = self.run.said(code.code());
                panic!("the run ended ({code}) before: {what}; last {last:?}\n{stdout}\n{stderr}");
            }
        }
        panic!("never came: {what}; last {last:?}");
    }

    /// Whether it has not ended yet.
    pub fn is_at_work(&mut self) -> bool {
        self.run.child.try_wait().expect("it is ours").is_none()
    }

    /// Waits for its end, with whatever code; answers its report.
    #[track_caller]
    pub fn report(self) -> Json {
        let Said { stdout, stderr, .. } = self.run.ended();
        let last = stdout.lines().last().unwrap_or_default();
        serde_json::from_str(last).unwrap_or_else(|_| panic!("no report\n{stdout}\n{stderr}"))
    }

    /// Waits for its end; answers its report.
    #[track_caller]
    pub fn ends(self, code: i32) -> Json {
        self.ends_saying(code).0
    }

    /// Waits for its end; answers its report, what it said beside, and where its runs are.
    #[track_caller]
    pub fn ends_saying(self, code: i32) -> (Json, String, TempDir) {
        let Said { stdout, stderr, .. } = self.run.ended().exits(code);
        // What failed leaves no report.
        let report = stdout.lines().last().map(serde_json::from_str);
        (report.and_then(Result::ok).unwrap_or_default(), stderr, self.state)
    }
}

fn remold(url: &str, state: &Path) -> Remold {
    Remold::on(url).sample_catalog().state(state)
}

/// Why a run waits or is slow, as its status says.
pub fn held(status: &Json) -> &str {
    status["progress"]["held"].as_str().unwrap_or_default()
}
