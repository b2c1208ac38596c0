//! How much may be under way at once.

use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::control::Control;

/// How often whoever waits looks whether the run is to stop.
const STOP_INTERVAL: Duration = Duration::from_millis(50);

/// Permits for so many batches, or pages, to be under way.
pub(super) struct Permits {
    most: i64,
    /// Below zero while more is under way than may begin.
    free: Mutex<i64>,
    changed: Condvar,
}

impl Permits {
    pub fn new(most: i64) -> Self {
        Self { most, free: Mutex::new(most), changed: Condvar::new() }
    }

    /// Waits for a permit; `false` when the run is to stop.
    pub fn acquire(&self, control: &Control) -> bool {
        let Some(mut free) = self.wait(control, |free| free > 0) else { return false };
        *free -= 1;
        true
    }

    /// Takes a permit whether or not one is free: for what an earlier session left, and for keys
    /// that wait for an answer.
    pub fn take(&self) {
        *self.free() -= 1;
    }

    pub fn release(&self) {
        let mut free = self.free();
        *free += 1;
        assert!(*free <= self.most, "a permit is released once");
        self.changed.notify_one();
    }

    pub fn all_free(&self) -> bool {
        *self.free() == self.most
    }

    /// Waits until nothing is under way; `false` when the run is to stop.
    pub fn wait_all_free(&self, control: &Control) -> bool {
        self.wait(control, |free| free == self.most).is_some()
    }

    fn wait(&self, control: &Control, is_so: impl Fn(i64) -> bool) -> Option<MutexGuard<'_, i64>> {
        let mut free = self.free();
        while !is_so(*free) {
            if control.is_stopped() {
                return None;
            }
            let waited = self.changed.wait_timeout(free, STOP_INTERVAL);
            free = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
        Some(free)
    }

    fn free(&self) -> MutexGuard<'_, i64> {
        self.free.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
