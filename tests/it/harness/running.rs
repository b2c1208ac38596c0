//! A run of the real binary that another process looks at and gives orders to.

use std::io::Read;
use std::path::Path;
use std::process::Child;
use std::time::{Duration, Instant};

use serde_json::Value as Json;
use tempfile::TempDir;

use super::Remold;

/// How long something that has to come is waited for.
pub const PATIENCE: Duration = Duration::from_secs(120);

/// A run at work, on the sample catalog.
pub struct Running {
    child: Child,
    _home: TempDir,
    state: TempDir,
    url: String,
}

impl Running {
    /// Starts `line` on the server at `url`, with its runs in `state`.
    pub fn start(url: &str, state: TempDir, line: &str) -> Self {
        let (child, home) = remold(url, state.path()).line(line).spawn();
        Self { child, _home: home, state, url: url.to_owned() }
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
            if let Some(code) = self.child.try_wait().expect("it is ours") {
                let (stdout, stderr) = self.said();
                panic!("the run ended ({code}) before: {what}; last {last:?}\n{stdout}\n{stderr}");
            }
        }
        panic!("never came: {what}; last {last:?}");
    }

    /// Whether it has not ended yet.
    pub fn is_at_work(&mut self) -> bool {
        self.child.try_wait().expect("it is ours").is_none()
    }

    /// Waits for its end, with whatever code; answers its report.
    #[track_caller]
    pub fn report(mut self) -> Json {
        self.child.wait().expect("it is ours");
        let (stdout, stderr) = self.said();
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
    pub fn ends_saying(mut self, code: i32) -> (Json, String, TempDir) {
        let ended = self.child.wait().expect("it is ours");
        let (stdout, stderr) = self.said();
        assert_eq!(ended.code(), Some(code), "{stdout}\n{stderr}");
        // What failed leaves no report.
        let report = stdout.lines().last().map(serde_json::from_str);
        (report.and_then(Result::ok).unwrap_or_default(), stderr, self.state)
    }

    fn said(&mut self) -> (String, String) {
        let (mut stdout, mut stderr) = (String::new(), String::new());
        self.child.stdout.take().expect("piped").read_to_string(&mut stdout).expect("text");
        self.child.stderr.take().expect("piped").read_to_string(&mut stderr).expect("text");
        (stdout, stderr)
    }
}

fn remold(url: &str, state: &Path) -> Remold {
    Remold::on(url).sample_catalog().state(state)
}

/// Why a run waits or is slow, as its status says.
pub fn held(status: &Json) -> &str {
    status["progress"]["held"].as_str().unwrap_or_default()
}
