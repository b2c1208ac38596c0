//! Running the real `remold` binary.

use std::ffi::OsStr;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

/// One call of the binary, in a folder and with a state directory of its own. Nothing of the
/// caller's environment that remold would read comes through.
pub struct Remold {
    command: Command,
    home: tempfile::TempDir,
}

/// What a call said and how it ended.
#[derive(Debug)]
pub struct Said {
    pub stdout: String,
    pub stderr: String,
    /// The exit code; `None` when a signal ended it.
    pub code: Option<i32>,
}

impl Remold {
    /// A call without arguments yet.
    pub fn new() -> Self {
        let home = tempfile::tempdir().expect("a temporary folder");
        let mut command = Command::new(env!("CARGO_BIN_EXE_remold"));
        for (name, _) in std::env::vars_os() {
            let ours = name.to_string_lossy().starts_with("REMOLD_");
            if (ours && name != "REMOLD_REDIS_SERVER") || name == "NO_COLOR" {
                command.env_remove(name);
            }
        }
        command.current_dir(home.path());
        command.env("HOME", home.path());
        for name in ["XDG_CONFIG_HOME", "XDG_STATE_HOME", "XDG_DATA_HOME", "XDG_CACHE_HOME"] {
            command.env(name, home.path().join(name));
        }
        command.env("REMOLD_STATE_DIR", home.path().join("state"));
        command.stdin(Stdio::null());
        Self { command, home }
    }

    /// A call on a server at `url`.
    pub fn on(url: &str) -> Self {
        Self::new().env("REMOLD_URL", url)
    }

    pub fn args<S: AsRef<OsStr>>(mut self, args: impl IntoIterator<Item = S>) -> Self {
        self.command.args(args);
        self
    }

    /// Adds arguments written as one line, cut at spaces.
    pub fn line(self, line: &str) -> Self {
        self.args(line.split_whitespace().map(str::to_owned).collect::<Vec<_>>())
    }

    pub fn env(mut self, name: &str, value: impl AsRef<OsStr>) -> Self {
        self.command.env(name, value);
        self
    }

    /// Reads standard input from `file`.
    pub fn stdin(mut self, file: File) -> Self {
        self.command.stdin(file);
        self
    }

    /// Keeps runs in `folder`, so that a later call finds them.
    pub fn state(self, folder: &Path) -> Self {
        self.env("REMOLD_STATE_DIR", folder)
    }

    /// Uses the sample catalog of the repository.
    pub fn sample_catalog(self) -> Self {
        let catalog = sample_catalog();
        self.env("REMOLD_CATALOG", catalog)
    }

    /// The folder the call runs in.
    pub fn home(&self) -> &Path {
        self.home.path()
    }

    /// Runs to the end.
    pub fn run(mut self) -> Said {
        let output = self.command.output().expect("the binary starts");
        Said {
            stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
            stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
            code: output.status.code(),
        }
    }

    /// Starts it, for tests that end it or talk with it meanwhile. What it says goes into files: nobody
    /// reads it before its end, and a pipe that nobody reads fills up and holds the process for ever.
    pub fn spawn(mut self) -> Spawned {
        let file = |name| File::create(self.home.path().join(name)).expect("a file");
        self.command.stdout(file(STDOUT)).stderr(file(STDERR));
        Spawned { child: self.command.spawn().expect("the binary starts"), home: self.home }
    }

    /// Starts it for a test that reads its standard output while it works.
    pub fn spawn_piped(mut self) -> Spawned {
        self.command.stdout(Stdio::piped()).stderr(Stdio::null());
        Spawned { child: self.command.spawn().expect("the binary starts"), home: self.home }
    }
}

const STDOUT: &str = "stdout";
const STDERR: &str = "stderr";

/// A call at work.
pub struct Spawned {
    pub child: Child,
    home: tempfile::TempDir,
}

impl Spawned {
    /// Waits for its end.
    pub fn ended(mut self) -> Said {
        let code = self.child.wait().expect("it is ours").code();
        self.said(code)
    }

    /// What it has said so far.
    pub fn said(&self, code: Option<i32>) -> Said {
        let read = |name| {
            let bytes = std::fs::read(self.home.path().join(name)).expect("a file");
            String::from_utf8_lossy(&bytes).into_owned()
        };
        Said { stdout: read(STDOUT), stderr: read(STDERR), code }
    }
}

impl Said {
    /// Asserts the exit code, showing everything that was said when it differs.
    #[track_caller]
    pub fn exits(self, code: i32) -> Self {
        assert_eq!(
            self.code,
            Some(code),
            "exit code\n--- stdout\n{}\n--- stderr\n{}",
            self.stdout,
            self.stderr
        );
        self
    }

    /// Standard output as one JSON value.
    #[track_caller]
    pub fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.stdout)
            .unwrap_or_else(|error| panic!("stdout is no JSON ({error}):\n{}", self.stdout))
    }

    /// The last line of standard output as JSON.
    #[track_caller]
    pub fn last_json(&self) -> serde_json::Value {
        let line = self.stdout.lines().last().unwrap_or_default();
        serde_json::from_str(line)
            .unwrap_or_else(|error| panic!("the last line is no JSON ({error}): {line}"))
    }
}

/// The folder of the sample catalog.
pub fn sample_catalog() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("sample-data/catalog")
}
