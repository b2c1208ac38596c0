//! Crash points: places at which the process dies on demand, so that tests can try each in turn, or
//! stands still, so that tests can have the server die there.
//!
//! `REMOLD_CRASH_AT=n` ends a debug build, as `kill -9` would, at the n-th point it comes to.
//! `REMOLD_PAUSE_AT=n` makes it write the file that `REMOLD_PAUSE_FILE` names there, and wait until
//! the file is gone. A release build has no such points.

/// A place between two writes to disk or server.
pub fn crash_point() {
    #[cfg(debug_assertions)]
    points::pass();
}

#[cfg(debug_assertions)]
mod points {
    use std::sync::LazyLock;
    use std::sync::atomic::{AtomicI64, Ordering};
    use std::time::Duration;

    static CRASH: LazyLock<AtomicI64> = LazyLock::new(|| asked("REMOLD_CRASH_AT"));
    static PAUSE: LazyLock<AtomicI64> = LazyLock::new(|| asked("REMOLD_PAUSE_AT"));

    fn asked(name: &str) -> AtomicI64 {
        let number = std::env::var(name).ok().and_then(|text| text.parse().ok());
        AtomicI64::new(number.unwrap_or(i64::MAX))
    }

    pub fn pass() {
        if CRASH.fetch_sub(1, Ordering::SeqCst) == 1 {
            std::process::abort();
        }
        if PAUSE.fetch_sub(1, Ordering::SeqCst) == 1 {
            let file = std::env::var_os("REMOLD_PAUSE_FILE").expect("a pause needs its file");
            std::fs::write(&file, "").expect("the test's folder can be written to");
            while std::path::Path::new(&file).exists() {
                std::thread::sleep(Duration::from_millis(1));
            }
        }
    }
}
