//! A private Redis server: started for the demo and for tests, in a folder of its own, reached over
//! a Unix socket or a free loopback port, and gone when remold is gone.
//!
//! Invariant: server and folder do not outlive remold, also when remold is killed. A small shell
//! script (`watchdog.sh`) holds the server; its standard input is a pipe from remold, and when that
//! pipe closes, for whatever reason, it ends the server and removes the folder. It runs in a process
//! group of its own, so that Ctrl-C on the terminal reaches remold alone.

use std::io::{ErrorKind, Read, Write};
use std::net::TcpListener;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::net::UnixStream;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::time::{Duration, Instant};

use tempfile::TempDir;

use crate::store::install::{self, InstallError};

const WATCHDOG: &str = include_str!("watchdog.sh");
/// A server is ready in well under a second; loading a large append-only file takes longer.
const READY_SECONDS_MAX: u64 = 60;
const READY_POLL_MS: u64 = 5;
/// `sockaddr_un` holds 104 bytes on macOS and 108 on Linux, with a closing zero.
const SOCKET_PATH_BYTES_MAX: usize = 103;
/// A free port can be taken by another process before the server binds it.
const PORT_ATTEMPTS_MAX: usize = 5;

/// Why a private server does not run.
#[derive(Debug, thiserror::Error)]
pub enum LocalError {
    /// There is no program to start.
    #[error(transparent)]
    Install(#[from] InstallError),
    /// The folder for its data, log and socket could not be made.
    #[error(
        "cannot prepare the folder {folder} for a private Redis server: {source}; is TMPDIR \
             a folder you may write to, with space left?"
    )]
    Folder {
        /// The folder.
        folder: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// No free port on the loopback interface.
    #[error("no free port on 127.0.0.1 for a private Redis server: {0}")]
    Port(std::io::Error),
    /// The shell that holds the server did not start.
    #[error("cannot start /bin/sh, which holds the private Redis server: {0}")]
    Shell(std::io::Error),
    /// The server ended before it answered.
    #[error("{program} ended at once (exit code {code}); its last words:\n{log}")]
    Ended {
        /// The server program.
        program: String,
        /// Its exit code, as the shell tells it.
        code: String,
        /// The end of its log.
        log: String,
    },
    /// The server refused a command, or went away meanwhile.
    #[error("the private Redis server did not do what it was asked: {0}")]
    Server(#[from] redis::RedisError),
    /// The server runs and does not answer.
    #[error("{program} did not answer within {READY_SECONDS_MAX} seconds; its last words:\n{log}")]
    Silent {
        /// The server program.
        program: String,
        /// The end of its log.
        log: String,
    },
}

/// How a private server is started. [`LocalOptions::default`] is a server that keeps nothing on disk
/// and listens on a Unix socket alone.
#[derive(Clone, Debug, Default)]
pub struct LocalOptions {
    /// The program; `None`: [`install::find`].
    pub program: Option<PathBuf>,
    /// Listen on a free port of 127.0.0.1 too, and name that in the URL.
    pub tcp: bool,
    /// The password of the default user.
    pub password: Option<String>,
    /// Keep an append-only file, so that the data is there after a restart in the same `folder`.
    pub append_only: bool,
    /// More lines of `redis.conf`, such as `maxmemory 64mb`.
    pub settings: Vec<String>,
    /// A folder of the caller's, left in place at the end; `None`: a new one, removed at the end.
    pub folder: Option<PathBuf>,
}

/// A running private server. Dropping it ends the server and removes its folder.
#[derive(Debug)]
pub struct LocalServer {
    watchdog: Child,
    /// The pipe whose closing ends the server; `None` only while dropping.
    leash: Option<ChildStdin>,
    program: String,
    folder: PathBuf,
    url: String,
    port: Option<u16>,
}

impl LocalServer {
    /// Starts a server and waits until it answers.
    pub fn start(options: &LocalOptions) -> Result<Self, LocalError> {
        let program = match &options.program {
            Some(program) => program.clone(),
            None => install::find()?,
        };
        let mut attempt = 1;
        loop {
            let port = if options.tcp { Some(free_port()?) } else { None };
            match Self::start_once(&program, port, options) {
                Err(LocalError::Ended { log, .. })
                    if port.is_some()
                        && attempt < PORT_ATTEMPTS_MAX
                        && log.contains("Address already in use") =>
                {
                    attempt += 1;
                }
                answer => return answer,
            }
        }
    }

    fn start_once(
        program: &Path,
        port: Option<u16>,
        options: &LocalOptions,
    ) -> Result<Self, LocalError> {
        let (folder, own) = make_folder(options.folder.as_deref())?;
        let configuration = folder.join("redis.conf");
        // A file and not an argument: the list of processes is for people to read.
        let script = folder.join("watchdog.sh");
        std::fs::write(&configuration, configuration_text(&folder, port, options))
            .and_then(|()| std::fs::write(&script, WATCHDOG))
            .map_err(|source| LocalError::Folder { folder: folder.clone(), source })?;
        let fate = if own.is_some() { "remove" } else { "keep" };
        let mut watchdog = Command::new("/bin/sh")
            .arg(&script)
            .arg(&folder)
            .arg(fate)
            .arg(program)
            .arg(&configuration)
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .process_group(0)
            .spawn()
            .map_err(LocalError::Shell)?;
        // From here on the watchdog removes the folder.
        let _ = own.map(TempDir::keep);
        let leash = watchdog.stdin.take();
        let url = url(&folder, port, options.password.as_deref());
        let program = program.display().to_string();
        let server = Self { watchdog, leash, program, folder, url, port };
        server.wait_until_ready()?;
        Ok(server)
    }

    /// Where it listens, with the password if it has one: `unix:///…/redis.sock` or
    /// `redis://127.0.0.1:PORT`.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// The folder with `redis.sock`, `redis.conf`, `server.log`, `watchdog.sh` and what the server
    /// itself writes.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// The Unix socket, which is open beside a port too.
    pub fn socket(&self) -> PathBuf {
        socket_in(&self.folder)
    }

    /// The port on 127.0.0.1, if one was asked for.
    pub fn port(&self) -> Option<u16> {
        self.port
    }

    /// The program that runs.
    pub fn program(&self) -> &str {
        &self.program
    }

    /// Waits for the first answer over the socket. The socket and not the port, because the socket
    /// lies in our folder: what answers there is our server and no other.
    fn wait_until_ready(&self) -> Result<(), LocalError> {
        let deadline = Instant::now() + Duration::from_secs(READY_SECONDS_MAX);
        let exit = self.folder.join(format!("exit.{}", self.watchdog.id()));
        loop {
            if let Ok(code) = std::fs::read_to_string(&exit)
                && !code.is_empty()
            {
                return Err(LocalError::Ended {
                    program: self.program.clone(),
                    code: code.trim().to_owned(),
                    log: self.last_words(),
                });
            }
            if answers(&self.socket()) {
                return Ok(());
            }
            if Instant::now() > deadline {
                return Err(LocalError::Silent {
                    program: self.program.clone(),
                    log: self.last_words(),
                });
            }
            std::thread::sleep(Duration::from_millis(READY_POLL_MS));
        }
    }

    /// The last lines of the server's log.
    fn last_words(&self) -> String {
        let log = std::fs::read(self.folder.join("server.log")).unwrap_or_default();
        let log = String::from_utf8_lossy(&log);
        let lines: Vec<_> = log.lines().filter(|line| !line.trim().is_empty()).collect();
        lines[lines.len().saturating_sub(8)..].join("\n")
    }
}

impl Drop for LocalServer {
    fn drop(&mut self) {
        drop(self.leash.take());
        // Waiting means that server and folder are gone when this returns; the watchdog always ends.
        let _ = self.watchdog.wait();
    }
}

/// A port of 127.0.0.1 that was free a moment ago.
pub fn free_port() -> Result<u16, LocalError> {
    let listener = TcpListener::bind(("127.0.0.1", 0)).map_err(LocalError::Port)?;
    Ok(listener.local_addr().map_err(LocalError::Port)?.port())
}

fn socket_in(folder: &Path) -> PathBuf {
    folder.join("redis.sock")
}

/// The folder to use: the caller's, or a new one that only this user may enter.
fn make_folder(chosen: Option<&Path>) -> Result<(PathBuf, Option<TempDir>), LocalError> {
    let failed = |folder: &Path, source| LocalError::Folder { folder: folder.to_owned(), source };
    let (folder, own) = if let Some(folder) = chosen {
        std::fs::create_dir_all(folder).map_err(|source| failed(folder, source))?;
        (folder.canonicalize().map_err(|source| failed(folder, source))?, None)
    } else {
        let mut parent = std::env::temp_dir();
        if !socket_fits(&parent.join("remold-server-XXXXXX")) {
            parent = PathBuf::from("/tmp");
        }
        let own = tempfile::Builder::new()
            .prefix("remold-server-")
            .tempdir_in(&parent)
            .map_err(|source| failed(&parent, source))?;
        (own.path().to_owned(), Some(own))
    };
    if !socket_fits(&folder) {
        let source = std::io::Error::new(
            ErrorKind::InvalidFilename,
            format!("its path is too long for a Unix socket ({SOCKET_PATH_BYTES_MAX} bytes)"),
        );
        return Err(failed(&folder, source));
    }
    Ok((folder, own))
}

fn socket_fits(folder: &Path) -> bool {
    socket_in(folder).as_os_str().as_bytes().len() <= SOCKET_PATH_BYTES_MAX
}

/// The text of `redis.conf`. A file and not arguments, because a password in arguments can be read
/// in the list of processes.
fn configuration_text(folder: &Path, port: Option<u16>, options: &LocalOptions) -> String {
    let mut lines = vec![
        "bind 127.0.0.1".to_owned(),
        format!("port {}", port.unwrap_or(0)),
        format!("unixsocket {}", quoted(&socket_in(folder).to_string_lossy())),
        "unixsocketperm 700".to_owned(),
        format!("dir {}", quoted(&folder.to_string_lossy())),
        "daemonize no".to_owned(),
        "save \"\"".to_owned(),
        format!("appendonly {}", if options.append_only { "yes" } else { "no" }),
    ];
    if let Some(password) = &options.password {
        lines.push(format!("requirepass {}", quoted(password)));
    }
    for setting in &options.settings {
        assert!(!setting.contains('\n'), "a setting is one line of redis.conf: {setting:?}");
        lines.push(setting.clone());
    }
    lines.push(String::new());
    lines.join("\n")
}

/// A word in quotes, as `redis.conf` takes it.
fn quoted(word: &str) -> String {
    let mut out = String::from("\"");
    for character in word.chars() {
        match character {
            '"' | '\\' => out.extend(['\\', character]),
            '\n' => out.push_str("\\n"),
            other => out.push(other),
        }
    }
    out.push('"');
    out
}

/// The URL of the server. What a URL cannot hold as it stands is written as `%HH`.
fn url(folder: &Path, port: Option<u16>, password: Option<&str>) -> String {
    let password = password.map(|password| percent_encoded(password.as_bytes(), b""));
    if let Some(port) = port {
        let login = password.map(|password| format!(":{password}@")).unwrap_or_default();
        format!("redis://{login}127.0.0.1:{port}")
    } else {
        let path = percent_encoded(socket_in(folder).as_os_str().as_bytes(), b"/");
        let login = password.map(|password| format!("?pass={password}")).unwrap_or_default();
        format!("unix://{path}{login}")
    }
}

fn percent_encoded(bytes: &[u8], also_plain: &[u8]) -> String {
    let mut out = String::with_capacity(bytes.len());
    for &byte in bytes {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) || also_plain.contains(&byte) {
            out.push(char::from(byte));
        } else {
            out.push('%');
            for digit in [byte >> 4, byte & 15] {
                let digit = char::from_digit(u32::from(digit), 16).expect("a digit below 16");
                out.push(digit.to_ascii_uppercase());
            }
        }
    }
    out
}

/// Whether a server answers there and is done with loading. A refusal for want of a password is an
/// answer too.
fn answers(socket: &Path) -> bool {
    let ask = || -> std::io::Result<String> {
        let mut stream = UnixStream::connect(socket)?;
        stream.set_read_timeout(Some(Duration::from_secs(1)))?;
        stream.write_all(b"PING\r\n")?;
        let mut answer = [0; 64];
        let length = stream.read(&mut answer)?;
        Ok(String::from_utf8_lossy(&answer[..length]).into_owned())
    };
    ask().is_ok_and(|answer| answer.starts_with("+PONG") || answer.starts_with("-NOAUTH"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls_hold_odd_passwords() {
        let folder = Path::new("/tmp/a b");
        assert_eq!(url(folder, None, None), "unix:///tmp/a%20b/redis.sock");
        assert_eq!(url(folder, None, Some("p&s")), "unix:///tmp/a%20b/redis.sock?pass=p%26s");
        assert_eq!(url(folder, Some(7), Some("a@b:c")), "redis://:a%40b%3Ac@127.0.0.1:7");
    }

    #[test]
    fn words_are_quoted_for_the_configuration() {
        assert_eq!(quoted(r#"a "b" \c"#), r#""a \"b\" \\c""#);
    }
}
