//! Trying again: what is worth waiting for is waited for, with growing pauses, until patience ends.

use std::time::{Duration, Instant};

use super::control::{Control, Gate};
use crate::store::{Address, Link, StoreError};

const FIRST: Duration = Duration::from_millis(20);
const LONGEST: Duration = Duration::from_secs(2);

/// Does `attempt` again and again while it fails with what waiting may cure, for as long as
/// `patience`. The connection is made anew when it was lost. `held` hears the reason of each wait.
///
/// `attempt` must be safe to be repeated after an error: a write whose effect is unknown is not.
pub(super) fn patiently<T>(
    control: &Control,
    link: &mut Link,
    patience: Duration,
    held: &mut dyn FnMut(Option<String>),
    mut attempt: impl FnMut(&mut Link) -> Result<T, StoreError>,
) -> Result<T, StoreError> {
    let began = Instant::now();
    let mut pause = FIRST;
    let mut waited = false;
    let mut result = attempt(link);
    loop {
        let error = match result {
            Ok(value) => {
                if waited {
                    held(None);
                }
                return Ok(value);
            }
            Err(error) => error,
        };
        if !error.is_transient() || began.elapsed() >= patience {
            return Err(error);
        }
        waited = true;
        held(Some(first_line(&error)));
        if control.rest(pause) == Gate::Stop {
            return Err(error);
        }
        pause = (pause * 2).min(LONGEST);
        result = if error.needs_reconnect() {
            link.reconnect().and_then(|()| attempt(link))
        } else {
            attempt(link)
        };
    }
}

/// Connects, and waits for a server that is away for as long as `patience`.
pub(super) fn connect_patiently(
    control: &Control,
    address: &Address,
    patience: Duration,
) -> Result<Link, StoreError> {
    let began = Instant::now();
    let mut pause = FIRST;
    loop {
        match Link::open(address) {
            Err(error) if error.is_transient() && began.elapsed() < patience => {
                if control.rest(pause) == Gate::Stop {
                    return Err(error);
                }
                pause = (pause * 2).min(LONGEST);
            }
            opened => return opened,
        }
    }
}

/// An error's first line: what happened, without the advice.
pub(super) fn first_line(error: &StoreError) -> String {
    error.to_string().lines().next().unwrap_or_default().to_owned()
}
