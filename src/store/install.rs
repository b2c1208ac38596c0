//! Finding a Redis server program on this machine, and installing one with the system's own package
//! manager when there is none.
//!
//! Package names differ: where a distribution has left Redis for Valkey, its fork with the same
//! protocol, the second name is tried after the first.

use std::ffi::OsStr;
use std::fmt;
use std::io::IsTerminal;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// The environment variable that names the server program to use.
pub const SERVER_VARIABLE: &str = "REMOLD_REDIS_SERVER";

/// The programs looked for on `PATH`, first found wins.
const PROGRAMS: [&str; 2] = ["redis-server", "valkey-server"];

/// Why there is no server program to start.
#[derive(Debug, thiserror::Error)]
pub enum InstallError {
    /// Neither the variable nor `PATH` names one.
    #[error(
        "there is no Redis server on this machine: neither redis-server nor valkey-server is on \
         PATH, and {SERVER_VARIABLE} is not set; {}",
        next_step(.install.as_deref())
    )]
    NotFound {
        /// The command that installs one here, if a package manager is known.
        install: Option<String>,
    },
    /// The variable names something that cannot be run.
    #[error(
        "{SERVER_VARIABLE} is '{0}', and that is no program that can be run: set it to the path of \
         a redis-server or valkey-server, or unset it to have PATH searched"
    )]
    NotAProgram(String),
    /// None of the package managers known here is on `PATH`.
    #[error(
        "cannot install a Redis server: none of apt-get, dnf, apk, pacman and brew is on PATH; \
         install redis-server or valkey-server by hand, or set {SERVER_VARIABLE} to its path"
    )]
    NoPackageManager,
    /// Installing needs the rights of root.
    #[error(
        "installing a Redis server needs root, and there is no sudo here: run `{0}` as root, then \
         start remold again"
    )]
    NeedsRoot(String),
    /// The package manager ran and did not succeed.
    #[error(
        "`{command}` did not succeed ({ending}), so there still is no Redis server; its own words \
         stand above. Run it by hand, or set {SERVER_VARIABLE} to a server's path"
    )]
    Refused {
        /// What was run.
        command: String,
        /// Its exit status, or why it did not start.
        ending: String,
    },
}

/// What the operator can do without a server.
fn next_step(install: Option<&str>) -> String {
    match install {
        Some(command) => {
            format!("install one with `{command}`, or let remold run that with --install-server")
        }
        None => "install redis-server or valkey-server, or name one in that variable".to_owned(),
    }
}

/// The server program: `$REMOLD_REDIS_SERVER`, else `redis-server` or `valkey-server` on `PATH`.
pub fn find() -> Result<PathBuf, InstallError> {
    if let Some(named) = std::env::var_os(SERVER_VARIABLE).filter(|named| !named.is_empty()) {
        return program(&named)
            .ok_or_else(|| InstallError::NotAProgram(named.to_string_lossy().into_owned()));
    }
    PROGRAMS.iter().find_map(|name| program(OsStr::new(name))).ok_or_else(|| {
        InstallError::NotFound { install: Installer::here().map(|here| here.to_string()) }
    })
}

/// [`find`], and where there is no server, installs one first.
pub fn find_or_install() -> Result<PathBuf, InstallError> {
    match find() {
        Err(InstallError::NotFound { .. }) => {
            Installer::here().ok_or(InstallError::NoPackageManager)?.run()?;
            find()
        }
        answer => answer,
    }
}

/// The file that `name` would run: itself if it is a path, else the first match on `PATH`.
fn program(name: &OsStr) -> Option<PathBuf> {
    if Path::new(name).components().count() > 1 {
        return Some(PathBuf::from(name)).filter(|path| is_program(path));
    }
    let folders = std::env::var_os("PATH")?;
    std::env::split_paths(&folders).map(|folder| folder.join(name)).find(|path| is_program(path))
}

fn is_program(path: &Path) -> bool {
    use std::os::unix::fs::PermissionsExt;
    path.metadata().is_ok_and(|file| file.is_file() && file.permissions().mode() & 0o111 != 0)
}

/// One package manager: how it is asked for a server.
struct Manager {
    program: &'static str,
    /// Brings the list of packages up to date; empty where installing does that itself.
    refresh: &'static [&'static str],
    install: &'static [&'static str],
    /// Names of the package, tried in turn.
    packages: &'static [&'static str],
    /// Homebrew refuses to run as root; all others need it.
    root: bool,
}

const MANAGERS: [Manager; 5] = [
    Manager {
        program: "apt-get",
        refresh: &["update"],
        install: &["install", "-y", "--no-install-recommends"],
        packages: &["redis-server", "valkey-server"],
        root: true,
    },
    Manager {
        program: "dnf",
        refresh: &[],
        install: &["install", "-y"],
        packages: &["redis", "valkey"],
        root: true,
    },
    Manager {
        program: "apk",
        refresh: &[],
        install: &["add", "--update-cache"],
        packages: &["redis", "valkey"],
        root: true,
    },
    Manager {
        program: "pacman",
        refresh: &[],
        install: &["-Sy", "--noconfirm", "--needed"],
        packages: &["valkey", "redis"],
        root: true,
    },
    Manager {
        program: "brew",
        refresh: &[],
        install: &["install"],
        packages: &["redis", "valkey"],
        root: false,
    },
];

/// The way to install a server on this system. Its text is the command for a shell.
pub struct Installer {
    manager: &'static Manager,
    /// Run as root, or without need of it.
    direct: bool,
    refresh_first: bool,
}

impl Installer {
    /// The installer for the package manager found here; `None` when none of the known ones is.
    pub fn here() -> Option<Self> {
        let manager = MANAGERS.iter().find(|it| program(OsStr::new(it.program)).is_some())?;
        Some(Self {
            manager,
            direct: !manager.root || is_root(),
            refresh_first: !manager.refresh.is_empty() && !knows_package(manager),
        })
    }

    /// Whether [`Installer::run`] can go on without asking anybody: as root, where no root is
    /// needed, or in a CI run (`CI` is set), where sudo asks no password.
    pub fn is_unattended(&self) -> bool {
        self.direct || std::env::var_os("CI").is_some_and(|value| !value.is_empty())
    }

    /// Installs the server. What the package manager says goes to standard error.
    pub fn run(&self) -> Result<(), InstallError> {
        if !self.direct && program(OsStr::new("sudo")).is_none() {
            return Err(InstallError::NeedsRoot(self.to_string()));
        }
        let mut refreshed = false;
        if self.refresh_first {
            self.execute(self.manager.refresh, None)?;
            refreshed = true;
        }
        let mut answer = self.try_packages();
        if answer.is_err() && !refreshed && !self.manager.refresh.is_empty() {
            // The list of packages may be too old: what it names is gone from the mirrors.
            self.execute(self.manager.refresh, None)?;
            answer = self.try_packages();
        }
        answer
    }

    /// Installs the first package that can be installed; the first refusal is the one told.
    fn try_packages(&self) -> Result<(), InstallError> {
        let mut first = None;
        for package in self.manager.packages {
            match self.execute(self.manager.install, Some(package)) {
                Ok(()) => return Ok(()),
                Err(refusal) => first = first.or(Some(refusal)),
            }
        }
        Err(first.expect("every manager names a package"))
    }

    fn execute(&self, verb: &[&str], package: Option<&str>) -> Result<(), InstallError> {
        let words = self.words(verb, package);
        let refused = |ending: String| InstallError::Refused { command: words.join(" "), ending };
        let mut command = Command::new(words[0]);
        command.args(&words[1..]).env("DEBIAN_FRONTEND", "noninteractive");
        // Standard output belongs to the data of the verb that asked for the server.
        command.stdin(Stdio::inherit()).stdout(std::io::stderr());
        let status = command.status().map_err(|error| refused(error.to_string()))?;
        if status.success() { Ok(()) } else { Err(refused(status.to_string())) }
    }

    /// The words of one command.
    fn words<'w>(&self, verb: &[&'w str], package: Option<&'w str>) -> Vec<&'w str> {
        let mut words = Vec::new();
        if !self.direct {
            words.push("sudo");
            if !std::io::stdin().is_terminal() {
                // Nobody can type a password: fail instead of waiting for one.
                words.push("-n");
            }
        }
        words.push(self.manager.program);
        words.extend_from_slice(verb);
        words.extend(package);
        words
    }
}

impl fmt::Display for Installer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sudo = if self.direct { "" } else { "sudo " };
        let program = self.manager.program;
        if self.refresh_first {
            write!(f, "{sudo}{program} {} && ", self.manager.refresh.join(" "))?;
        }
        write!(f, "{sudo}{program} {}", self.manager.install.join(" "))?;
        write!(f, " {}", self.manager.packages[0])
    }
}

/// Whether the list of packages at hand names a server. A fresh container image has an empty list.
fn knows_package(manager: &Manager) -> bool {
    manager.packages.iter().any(|package| {
        let mut command = Command::new("apt-cache");
        command.args(["show", package]).stdin(Stdio::null());
        command.stdout(Stdio::null()).stderr(Stdio::null());
        command.status().is_ok_and(|status| status.success())
    })
}

fn is_root() -> bool {
    let answer = Command::new("id").arg("-u").stdin(Stdio::null()).output();
    answer.is_ok_and(|answer| answer.stdout.trim_ascii() == b"0")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_is_one_for_a_shell() {
        let installer = |direct, refresh_first| {
            Installer { manager: &MANAGERS[0], direct, refresh_first }.to_string()
        };
        assert_eq!(
            installer(false, true),
            "sudo apt-get update && sudo apt-get install -y --no-install-recommends redis-server"
        );
        assert_eq!(
            installer(true, false),
            "apt-get install -y --no-install-recommends redis-server"
        );
    }

    #[test]
    fn a_missing_server_tells_how_to_get_one() {
        let error = InstallError::NotFound { install: Some("apk add redis".to_owned()) };
        assert!(error.to_string().contains("`apk add redis`"), "{error}");
        assert!(error.to_string().contains("--install-server"), "{error}");
    }

    #[test]
    fn a_folder_is_no_program() {
        assert!(program(OsStr::new("/bin")).is_none());
        assert!(program(OsStr::new("sh")).is_some());
        assert!(program(OsStr::new("remold-has-no-such-program")).is_none());
    }
}
