//! Who calls while a verb is at work: `remold control` on a socket, a scraper of metrics. Each has little
//! time, so that none of them holds up the others.

use std::io;
use std::net::TcpStream;
use std::os::unix::net::UnixStream;
use std::time::Duration;

use super::beside::Ended;

const POLL_INTERVAL: Duration = Duration::from_millis(50);
/// How long a caller may take to say what it wants, and to take the answer.
pub(super) const CALL_TIMEOUT: Duration = Duration::from_secs(2);
/// What a caller wants is a few words.
pub(super) const CALL_BYTES_MAX: u64 = 16 << 10;

/// A connection that somebody made.
pub(super) trait Caller {
    /// Lets reads and writes wait, for so long.
    fn give_time(&self, time: Duration) -> io::Result<()>;
}

impl Caller for TcpStream {
    fn give_time(&self, time: Duration) -> io::Result<()> {
        self.set_nonblocking(false)?;
        self.set_read_timeout(Some(time))?;
        self.set_write_timeout(Some(time))
    }
}

impl Caller for UnixStream {
    fn give_time(&self, time: Duration) -> io::Result<()> {
        self.set_nonblocking(false)?;
        self.set_read_timeout(Some(time))?;
        self.set_write_timeout(Some(time))
    }
}

/// Answers callers until the verb has ended. `accept` takes the next one and does not wait for it.
pub(super) fn answer_all<C: Caller>(
    accept: impl Fn() -> io::Result<C>,
    ended: &Ended,
    answer: impl Fn(C) -> io::Result<()>,
) {
    while !ended.within(POLL_INTERVAL) {
        while let Ok(caller) = accept() {
            // One that went away has nothing to be told.
            let _ = caller.give_time(CALL_TIMEOUT).and_then(|()| answer(caller));
        }
    }
}
