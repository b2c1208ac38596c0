//! What Redis itself lost at the failover of a primary, told by a key that remold does not touch.
//!
//! A replica has what its primary was told up to some point. So after each write to the primary that
//! is to die a writer sets a key of its own there, outside the subject, to the number of that write.
//! After the failover that key says how far the new primary had come: what it names and all before it
//! must stand, and what was acknowledged later Redis has lost.

use std::ops::Range;
use std::time::{Duration, Instant};

use redis::ConnectionLike;

use super::cluster_client::slot_of;
use super::storm::States;

const RETRY_AFTER: Duration = Duration::from_millis(50);

/// The witness of one writer.
pub struct Witness {
    slots: Range<u16>,
    key: String,
    /// The writes to these slots, by their numbers.
    log: Vec<Logged>,
    /// When to ask how far the primary is, after an error.
    asks_at: Option<Instant>,
    /// Writes that were acknowledged and are behind what the new primary had.
    pub lost: u64,
}

struct Logged {
    number: u64,
    own: usize,
    before: States,
    is_acknowledged: bool,
}

impl Witness {
    /// For the writer of this number, and the slots of the primary that is to die.
    pub fn new(slots: Range<u16>, writer: usize) -> Self {
        let key = Self::key(&slots, writer);
        Self { slots, key, log: Vec::new(), asks_at: None, lost: 0 }
    }

    /// The key that is set.
    pub fn key(slots: &Range<u16>, writer: usize) -> String {
        let mut keys = (0..).map(|n| format!("witness:{{{n}}}:{writer}"));
        keys.find(|key| slots.contains(&slot_of(key.as_bytes()))).expect("some number fits")
    }

    /// Whether it looks after writes to this key.
    pub fn is_for(&self, key: &str) -> bool {
        self.slots.contains(&slot_of(key.as_bytes()))
    }

    /// Notes a write, which found `before`; `None` when it was not carried out.
    pub fn note(
        &mut self,
        connection: &mut impl ConnectionLike,
        write: Option<(u64, usize, States)>,
        is_acknowledged: bool,
    ) {
        let mut is_there = is_acknowledged;
        if let Some((number, own, before)) = write {
            self.log.push(Logged { number, own, before, is_acknowledged });
            let mut set = redis::cmd("SET");
            is_there &= set.arg(&self.key).arg(number).exec(connection).is_ok();
        }
        if !is_there {
            self.asks_at = Some(Instant::now());
        }
    }

    /// Whether the primary serves. After an error it is asked how far it is, and the keys whose later
    /// writes it does not have may be again what they were before.
    pub fn is_served(
        &mut self,
        connection: &mut impl ConnectionLike,
        states: &mut [States],
    ) -> bool {
        let Some(at) = self.asks_at else { return true };
        if Instant::now() < at {
            return false;
        }
        let Ok(far) = redis::cmd("GET").arg(&self.key).query::<Option<u64>>(connection) else {
            self.asks_at = Some(Instant::now() + RETRY_AFTER);
            return false;
        };
        self.asks_at = None;
        while let Some(last) = self.log.pop_if(|last| last.number > far.unwrap_or(0)) {
            self.lost += u64::from(last.is_acknowledged);
            for state in last.before {
                if !states[last.own].contains(&state) {
                    states[last.own].push(state);
                }
            }
        }
        true
    }
}
