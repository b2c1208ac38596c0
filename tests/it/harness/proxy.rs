//! A proxy between remold and a server that can cut and delay: what a bad network does.
//!
//! It listens on a Unix socket of its own in a temporary folder (or on a free loopback port) and
//! passes bytes to the server's socket.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

const CHUNK_BYTES: usize = 16 << 10;

/// A running proxy. Dropping it cuts every connection and takes no new ones.
pub struct Proxy {
    url: String,
    state: Arc<State>,
    // Removes the socket at the end.
    _folder: tempfile::TempDir,
}

struct State {
    server: PathBuf,
    open: Mutex<Vec<Ends>>,
    refusing: AtomicBool,
    delay_ms: AtomicU64,
    /// Bytes that may still go to the server before everything is cut.
    fuse_bytes: Mutex<Option<usize>>,
    accepted: AtomicU64,
    /// What goes no further once it was said.
    muted: Mutex<Option<Vec<u8>>>,
}

/// Both sides of one connection, kept for cutting it.
struct Ends {
    client: Stream,
    server: UnixStream,
}

enum Stream {
    Tcp(TcpStream),
    Unix(UnixStream),
}

impl Proxy {
    /// A proxy on a Unix socket before the server at the socket `server`.
    pub fn unix(server: &Path) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let socket = folder.path().join("proxy.sock");
        let listener = UnixListener::bind(&socket).expect("a socket in a new folder");
        let url = format!("unix://{}", socket.display());
        let state = State::new(server);
        let shared = Arc::clone(&state);
        thread::spawn(move || {
            while let Ok((stream, _)) = listener.accept() {
                shared.take(Stream::Unix(stream));
            }
        });
        Self { url, state, _folder: folder }
    }

    /// A proxy on a free port of 127.0.0.1 before the server at the socket `server`.
    pub fn tcp(server: &Path) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let listener = TcpListener::bind(("127.0.0.1", 0)).expect("a free port");
        let url = format!("redis://{}", listener.local_addr().expect("bound"));
        let state = State::new(server);
        let shared = Arc::clone(&state);
        thread::spawn(move || {
            while let Ok((stream, _)) = listener.accept() {
                shared.take(Stream::Tcp(stream));
            }
        });
        Self { url, state, _folder: folder }
    }

    pub fn url(&self) -> &str {
        &self.url
    }

    /// Cuts every open connection; new ones are taken.
    pub fn cut(&self) {
        self.state.cut();
    }

    /// Cuts everything after `bytes` more bytes went to the server, in the middle of a command if
    /// it so falls. New connections are taken and have no limit.
    pub fn cut_after(&self, bytes: usize) {
        *self.state.fuse_bytes.lock().expect("not poisoned") = Some(bytes);
    }

    /// While `true`, new connections are closed at once. Open ones go on.
    pub fn refuse(&self, refusing: bool) {
        self.state.refusing.store(refusing, Ordering::SeqCst);
    }

    /// Holds every chunk of the server's answers back for this long.
    pub fn delay(&self, delay: Duration) {
        let ms = u64::try_from(delay.as_millis()).expect("a short delay");
        self.state.delay_ms.store(ms, Ordering::SeqCst);
    }

    /// Passes nothing more of a connection on once it says `word`, so that it waits for its reply.
    /// The others are not touched. `None` lets new connections say everything again.
    pub fn mute(&self, word: Option<&str>) {
        let word = word.map(|word| word.as_bytes().to_vec());
        *self.state.muted.lock().expect("not poisoned") = word;
    }

    /// How many connections were taken so far.
    pub fn accepted(&self) -> u64 {
        self.state.accepted.load(Ordering::SeqCst)
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.refuse(true);
        self.cut();
    }
}

impl State {
    fn new(server: &Path) -> Arc<Self> {
        Arc::new(Self {
            server: server.to_owned(),
            open: Mutex::default(),
            refusing: AtomicBool::new(false),
            delay_ms: AtomicU64::new(0),
            fuse_bytes: Mutex::default(),
            accepted: AtomicU64::new(0),
            muted: Mutex::default(),
        })
    }

    /// Connects a new client to the server and passes bytes both ways.
    fn take(self: &Arc<Self>, client: Stream) {
        if self.refusing.load(Ordering::SeqCst) {
            return client.shutdown();
        }
        let Ok(server) = UnixStream::connect(&self.server) else {
            return client.shutdown();
        };
        self.accepted.fetch_add(1, Ordering::SeqCst);
        let (mut from_client, mut to_client) = (client.again(), client.again());
        let (mut from_server, mut to_server) =
            (server.try_clone().expect("a clone"), server.try_clone().expect("a clone"));
        self.open.lock().expect("not poisoned").push(Ends { client, server });
        let state = Arc::clone(self);
        thread::spawn(move || {
            let mut chunk = vec![0; CHUNK_BYTES];
            let mut is_mute = false;
            while let Ok(length @ 1..) = from_client.read(&mut chunk) {
                is_mute = is_mute || state.mutes(&chunk[..length]);
                if is_mute {
                    continue;
                }
                let (passing, burnt) = state.burn(length);
                let sent = to_server.write_all(&chunk[..passing]);
                if burnt {
                    state.cut();
                }
                if sent.is_err() || burnt {
                    break;
                }
            }
            let _ = to_server.shutdown(Shutdown::Write);
        });
        let state = Arc::clone(self);
        thread::spawn(move || {
            let mut chunk = vec![0; CHUNK_BYTES];
            while let Ok(length @ 1..) = from_server.read(&mut chunk) {
                let ms = state.delay_ms.load(Ordering::SeqCst);
                if ms > 0 {
                    thread::sleep(Duration::from_millis(ms));
                }
                if to_client.write_all(&chunk[..length]).is_err() {
                    break;
                }
            }
            to_client.shutdown();
        });
    }

    fn mutes(&self, said: &[u8]) -> bool {
        let muted = self.muted.lock().expect("not poisoned");
        muted.as_ref().is_some_and(|word| said.windows(word.len()).any(|part| part == word))
    }

    /// How many of `length` bytes may still pass, and whether that was the last of the fuse.
    fn burn(&self, length: usize) -> (usize, bool) {
        let mut fuse = self.fuse_bytes.lock().expect("not poisoned");
        let Some(left) = *fuse else { return (length, false) };
        let burnt = left <= length;
        // A burnt fuse is taken out, so that new connections pass.
        *fuse = if burnt { None } else { Some(left - length) };
        (left.min(length), burnt)
    }

    fn cut(&self) {
        for ends in self.open.lock().expect("not poisoned").drain(..) {
            ends.client.shutdown();
            let _ = ends.server.shutdown(Shutdown::Both);
        }
    }
}

impl Stream {
    fn again(&self) -> Self {
        match self {
            Self::Tcp(stream) => Self::Tcp(stream.try_clone().expect("a clone")),
            Self::Unix(stream) => Self::Unix(stream.try_clone().expect("a clone")),
        }
    }

    fn shutdown(&self) {
        let _ = match self {
            Self::Tcp(stream) => stream.shutdown(Shutdown::Both),
            Self::Unix(stream) => stream.shutdown(Shutdown::Both),
        };
    }
}

impl Read for Stream {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        match self {
            Self::Tcp(stream) => stream.read(buffer),
            Self::Unix(stream) => stream.read(buffer),
        }
    }
}

impl Write for Stream {
    fn write(&mut self, buffer: &[u8]) -> std::io::Result<usize> {
        match self {
            Self::Tcp(stream) => stream.write(buffer),
            Self::Unix(stream) => stream.write(buffer),
        }
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}
