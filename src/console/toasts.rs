//! Short messages that go away by themselves.

use std::time::{Duration, Instant};

use crate::console::theme::Role;

/// How long good news stays.
const NEWS_S: u64 = 4;
/// How long bad news stays: it has to be read.
const TROUBLE_S: u64 = 9;
/// Toasts kept on screen.
const TOASTS_MAX: usize = 3;

/// One message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Toast {
    /// How it looks: [`Role::Good`], [`Role::Warn`] or [`Role::Bad`].
    pub role: Role,
    /// What it says.
    pub text: String,
    until: Instant,
}

/// The messages on screen, oldest first.
#[derive(Clone, Debug, Default)]
pub struct Toasts {
    shown: Vec<Toast>,
}

impl Toasts {
    /// Shows a message from `now` on; one that says the same replaces it.
    pub fn show(&mut self, now: Instant, role: Role, text: impl Into<String>) {
        let seconds = if role == Role::Good { NEWS_S } else { TROUBLE_S };
        let toast = Toast { role, text: text.into(), until: now + Duration::from_secs(seconds) };
        self.shown.retain(|shown| shown.text != toast.text);
        if self.shown.len() == TOASTS_MAX {
            self.shown.remove(0);
        }
        self.shown.push(toast);
    }

    /// Takes away what has been there long enough. Returns whether something went.
    pub fn expire(&mut self, now: Instant) -> bool {
        let before = self.shown.len();
        self.shown.retain(|toast| toast.until > now);
        before != self.shown.len()
    }

    /// Takes all away.
    pub fn clear(&mut self) {
        self.shown.clear();
    }

    /// The messages, oldest first.
    pub fn shown(&self) -> &[Toast] {
        &self.shown
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn toasts_go_away() {
        let now = Instant::now();
        let mut toasts = Toasts::default();
        toasts.show(now, Role::Good, "copied");
        toasts.show(now, Role::Good, "copied");
        toasts.show(now, Role::Bad, "no connection");
        assert_eq!(toasts.shown().len(), 2);
        assert!(toasts.expire(now + Duration::from_secs(NEWS_S)));
        assert_eq!(toasts.shown().len(), 1);
        assert!(toasts.expire(now + Duration::from_secs(TROUBLE_S)));
        for text in ["a", "b", "c", "d"] {
            toasts.show(now, Role::Warn, text);
        }
        assert_eq!(toasts.shown()[0].text, "b");
    }
}
