//! Bytes to and from one server: over TCP, TLS, or a Unix socket.

use std::io::{self, Read, Write};
use std::net::{TcpStream, ToSocketAddrs};
use std::os::unix::net::UnixStream;
use std::time::Duration;

use redis::ConnectionAddr;
use rustls::{ClientConnection, StreamOwned};

use super::address::Address;

/// An open way to one server.
pub(super) enum Stream {
    Tcp(TcpStream),
    Tls(Box<StreamOwned<ClientConnection, TcpStream>>),
    Unix(UnixStream),
}

impl Stream {
    /// Opens it, and has each later read and write take `time_max` at most.
    pub fn open(address: &Address, time_max: Duration) -> io::Result<Self> {
        let (host, port) = match address.place() {
            ConnectionAddr::Tcp(host, port) => (host, *port),
            ConnectionAddr::Unix(path) => {
                let stream = Self::Unix(UnixStream::connect(path)?);
                stream.answers_within(time_max)?;
                return Ok(stream);
            }
            other => return Err(io::Error::other(format!("there is no way to {other}"))),
        };
        let tcp = connect(host, port, time_max)?;
        tcp.set_nodelay(true)?;
        set_timeouts(&tcp, time_max)?;
        Ok(match address.handshake() {
            Some(handshake) => Self::Tls(Box::new(handshake.shake(host, tcp)?)),
            None => Self::Tcp(tcp),
        })
    }

    /// Has each read and write take no longer.
    pub fn answers_within(&self, time_max: Duration) -> io::Result<()> {
        match self {
            Self::Tcp(tcp) => set_timeouts(tcp, time_max),
            Self::Tls(tls) => set_timeouts(&tls.sock, time_max),
            Self::Unix(socket) => {
                socket.set_read_timeout(Some(time_max))?;
                socket.set_write_timeout(Some(time_max))
            }
        }
    }
}

fn set_timeouts(tcp: &TcpStream, time_max: Duration) -> io::Result<()> {
    tcp.set_read_timeout(Some(time_max))?;
    tcp.set_write_timeout(Some(time_max))
}

/// Tries the addresses of a name one after the other.
fn connect(host: &str, port: u16, time_max: Duration) -> io::Result<TcpStream> {
    let mut why = io::Error::other(format!("'{host}' leads to no address"));
    for at in (host, port).to_socket_addrs()? {
        match TcpStream::connect_timeout(&at, time_max) {
            Ok(tcp) => return Ok(tcp),
            Err(error) => why = error,
        }
    }
    Err(why)
}

impl Read for Stream {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::Tcp(tcp) => tcp.read(buffer),
            Self::Tls(tls) => tls.read(buffer),
            Self::Unix(socket) => socket.read(buffer),
        }
    }
}

impl Write for Stream {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Self::Tcp(tcp) => tcp.write(bytes),
            Self::Tls(tls) => tls.write(bytes),
            Self::Unix(socket) => socket.write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match self {
            Self::Tcp(tcp) => tcp.flush(),
            Self::Tls(tls) => tls.flush(),
            Self::Unix(socket) => socket.flush(),
        }
    }
}
