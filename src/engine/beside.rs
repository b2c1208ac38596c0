//! Threads that live as long as a verb is at work.

use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::thread;
use std::time::Duration;

/// Tells a thread beside a verb when the verb has ended.
pub(super) struct Ended(Receiver<()>);

impl Ended {
    /// Waits; `true` when the verb ended meanwhile.
    pub fn within(&self, time: Duration) -> bool {
        self.0.recv_timeout(time) != Err(RecvTimeoutError::Timeout)
    }
}

/// Does `work` while `body` runs on a thread beside it, which has to come to its end soon after
/// [`Ended`] says so.
pub(super) fn beside<T>(
    name: &str,
    body: impl FnOnce(&Ended) + Send,
    work: impl FnOnce() -> T,
) -> T {
    thread::scope(|scope| {
        let (alive, ended) = channel();
        let ended = Ended(ended);
        thread::Builder::new()
            .name(format!("remold-{name}"))
            .spawn_scoped(scope, move || body(&ended))
            .expect("the system lets a process have a few threads");
        let done = work();
        // Closing the channel ends the thread, wherever it waits.
        drop::<Sender<()>>(alive);
        done
    })
}
