//! Crash points: places at which the process dies on demand, so that tests can try each in turn.
//!
//! `REMOLD_CRASH_AT=n` ends a debug build, as `kill -9` would, at the n-th point it comes to. A
//! release build has none.

/// A place between two writes to disk or server.
pub fn crash_point() {
    #[cfg(debug_assertions)]
    {
        use std::sync::LazyLock;
        use std::sync::atomic::{AtomicI64, Ordering};

        static LEFT: LazyLock<AtomicI64> = LazyLock::new(|| {
            let asked = std::env::var("REMOLD_CRASH_AT").ok().and_then(|text| text.parse().ok());
            AtomicI64::new(asked.unwrap_or(i64::MAX))
        });
        if LEFT.fetch_sub(1, Ordering::SeqCst) == 1 {
            std::process::abort();
        }
    }
}
