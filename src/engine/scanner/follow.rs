//! The scanner of a run that follows: hears of keys that were written, or scans for them.
//!
//! Notifications are fire and forget. So whenever something may have been missed (before anybody
//! listened, while a connection was down, while slots moved, while too much came at once) all keys
//! are scanned, with the ears open.

use std::collections::{HashMap, HashSet};
use std::sync::PoisonError;
use std::time::{Duration, Instant};

use super::Scanner;
use crate::engine::backoff::first_line;
use crate::engine::control::{Following, Gate};
use crate::engine::error::EngineError;
use crate::engine::follow::{FollowedBy, Followings};
use crate::journal::ScanPlace;
use crate::model::Key;
use crate::model::limits::SCAN_COUNT;
use crate::store::{Layout, Link, Notifications, Tells};

/// How often the ears are emptied.
const HEAR_INTERVAL: Duration = Duration::from_millis(100);
/// A writer that sets one field of a hash after the other has this long to end, before what stands
/// there is taken for a document.
const SETTLE_TIME: Duration = Duration::from_millis(200);
/// How often the server is asked whether it is still the one that was listened to.
const LOOK_INTERVAL: Duration = Duration::from_secs(1);
/// More keys than this are not kept: a scan finds them.
const PENDING_KEYS_MAX: usize = 1_000_000;

/// What a scanner that follows has heard.
#[derive(Default)]
pub(super) struct Hearing {
    ears: Option<Notifications>,
    /// Keys to look at, and since when.
    pending: HashMap<Key, Instant>,
    /// Why something may have been missed since the last scan began.
    missed: Option<String>,
    /// The keys of the plan's list, where it has one.
    listed: Option<HashSet<Key>>,
}

/// How a while of following ended.
enum End {
    /// It was followed for long enough.
    Enough,
    /// All keys are to be scanned again.
    Scan,
    /// The run is to stop.
    Stop,
}

impl Scanner<'_> {
    /// Follows until it is told that this is enough; `false` when told to stop.
    pub(super) fn follow(&mut self, followings: &Followings) -> Result<bool, EngineError> {
        let listed = self.job.plan.selection.keys.as_ref();
        let listed = listed.map(|keys| keys.iter().cloned().collect());
        self.hearing = Some(Hearing { listed, ..Hearing::default() });
        loop {
            self.listen(followings)?;
            let layout = self.patiently(Link::layout)?;
            let (began, told) = (Instant::now(), self.job.control.following());
            if told == Following::OutOfTime {
                return Ok(true);
            }
            if !self.scan()? {
                return Ok(false);
            }
            followings.scanned();
            let end = if self.hearing().ears.is_some() {
                self.hear(followings, &layout)?
            } else {
                self.wait(followings, began, told)
            };
            match end {
                End::Enough => return Ok(true),
                End::Stop => return Ok(false),
                End::Scan => {}
            }
        }
    }

    fn hearing(&mut self) -> &mut Hearing {
        self.hearing.as_mut().expect("a scanner that follows has its hearing")
    }

    /// Opens the ears, where the server tells of what is written and the user may listen.
    fn listen(&mut self, followings: &Followings) -> Result<(), EngineError> {
        let storages = self.job.plan.storages();
        let patterns: Vec<&str> = self.job.plan.selection.every_pattern().collect();
        let listened = self.patiently(|link| match link.tells(&storages)? {
            Tells::TooLittle(reason) => Ok((None, reason)),
            Tells::Enough { settings, by_key } => Ok(match link.listen(&patterns, by_key)? {
                None => (None, "this user may not listen to keyspace notifications".to_owned()),
                ears => (ears, format!("the server has them on ('{settings}')")),
            }),
        });
        let (ears, why) = listened?;
        let by = if ears.is_some() { FollowedBy::Notifications } else { FollowedBy::Scans };
        let missed = self.hearing().missed.take();
        if followings.goes_by(by, &why) || missed.is_some() {
            let how = followings.followed().how();
            let missed = missed.map(|why| format!("; all keys are scanned again, because {why}"));
            let missed = missed.unwrap_or_default();
            self.job.control.notify(format!("following {how}: {why}{missed}"));
        }
        self.hearing().ears = ears;
        Ok(())
    }

    /// Looks at what was written as it is told of, until something may have been missed.
    fn hear(&mut self, followings: &Followings, layout: &Layout) -> Result<End, EngineError> {
        let mut looked = Instant::now();
        loop {
            let told = self.job.control.following();
            // What was written before the order has been told of when this returns.
            self.listen_in();
            if let Some(end) = self.ends_by_order(told) {
                return Ok(end);
            }
            if self.hearing().missed.is_some() {
                return Ok(End::Scan);
            }
            if !self.look_at_pending(SETTLE_TIME) {
                return Ok(End::Stop);
            }
            if followings.are_quiet() && self.drain() {
                self.listen_in();
                if followings.are_quiet() && self.hearing().pending.is_empty() {
                    return Ok(End::Enough);
                }
            }
            if looked.elapsed() >= LOOK_INTERVAL {
                looked = Instant::now();
                self.look_for_changes(layout)?;
            }
            if self.job.control.rest(HEAR_INTERVAL) == Gate::Stop {
                return Ok(End::Stop);
            }
        }
    }

    /// Ends what was ordered to end, after everything that was heard is looked at.
    fn ends_by_order(&mut self, told: Following) -> Option<End> {
        if self.job.control.is_stopped() {
            return Some(End::Stop);
        }
        match told {
            Following::OutOfTime => return Some(End::Enough),
            Following::Enough if self.hearing().missed.is_some() => return Some(End::Scan),
            Following::Enough => {}
            Following::Yes | Following::No => return None,
        }
        Some(if self.drain() { End::Enough } else { End::Stop })
    }

    /// Looks at everything that was heard, and waits until it is settled; `false` when told to stop.
    fn drain(&mut self) -> bool {
        while !self.hearing().pending.is_empty() {
            if !self.look_at_pending(Duration::ZERO) || !self.settles() {
                return false;
            }
        }
        self.settles()
    }

    /// Waits for the next scan. `began` is when the last one began, `told` what was ordered then.
    fn wait(&mut self, followings: &Followings, began: Instant, told: Following) -> End {
        if !self.drain() {
            return End::Stop;
        }
        // A whole scan after the order has seen everything that was written before it.
        if told == Following::Enough {
            return End::Enough;
        }
        if followings.found() < began && followings.are_quiet() {
            return End::Enough;
        }
        let quiet = followings.follow.until_quiet.unwrap_or(Duration::MAX);
        let until = Instant::now() + followings.follow.every.min(quiet);
        while Instant::now() < until && self.job.control.following() == Following::Yes {
            let left = until.saturating_duration_since(Instant::now());
            if self.job.control.rest(left.min(HEAR_INTERVAL)) == Gate::Stop {
                return End::Stop;
            }
        }
        End::Scan
    }

    /// Waits until nothing is under way; `false` when told to stop.
    fn settles(&self) -> bool {
        // A page that was handed on has its permits for batches before it gives back its own.
        while !(self.ahead.all_free() && self.permits.all_free()) {
            if self.job.control.rest(Duration::from_millis(5)) == Gate::Stop {
                return false;
            }
        }
        true
    }

    /// Takes the keys that are to be looked at now, out of a page of a scan. Those that are under way
    /// are looked at when they are settled: what was read of them may be what stood there before.
    pub(super) fn begin_again(&mut self, keys: Vec<Key>) -> Vec<Key> {
        self.listen_in();
        let mut seen = self.job.seen.lock().unwrap_or_else(PoisonError::into_inner);
        let (begun, under_way): (Vec<Key>, Vec<Key>) =
            keys.into_iter().partition(|key| seen.begin_again(key));
        drop(seen);
        let now = Instant::now();
        self.hearing().pending.extend(under_way.into_iter().map(|key| (key, now)));
        begun
    }

    /// Empties the ears.
    fn listen_in(&mut self) {
        let (plan, share, now) = (self.job.plan, self.job.share, Instant::now());
        let hearing = self.hearing();
        let Some(ears) = &mut hearing.ears else { return };
        let keys = match ears.heard() {
            Ok(keys) => keys,
            Err(error) => {
                hearing.ears = None;
                hearing.missed = Some(first_line(&error));
                return;
            }
        };
        for key in keys {
            let is_listed = hearing.listed.as_ref().is_none_or(|listed| listed.contains(&key));
            let is_ours = is_listed
                && plan.selection.matches(&key)
                && plan.selection.selects(&key)
                && share.is_none_or(|share| share.holds(&key));
            if is_ours {
                hearing.pending.entry(key).or_insert(now);
            }
        }
        if hearing.pending.len() > PENDING_KEYS_MAX {
            hearing.pending.clear();
            hearing.missed =
                Some(format!("more than {PENDING_KEYS_MAX} keys were told of at once"));
        }
    }

    /// Sends keys on that were told of at least `age` ago; `false` when told to stop.
    fn look_at_pending(&mut self, age: Duration) -> bool {
        let hearing = self.hearing();
        let due = hearing.pending.iter().filter(|(_, since)| since.elapsed() >= age);
        let due: Vec<Key> = due.map(|(key, _)| key.clone()).take(SCAN_COUNT).collect();
        let mut seen = self.job.seen.lock().unwrap_or_else(PoisonError::into_inner);
        let keys: Vec<Key> = due.into_iter().filter(|key| seen.begin_again(key)).collect();
        drop(seen);
        for key in &keys {
            self.hearing().pending.remove(key);
        }
        if keys.is_empty() {
            return !self.job.control.is_stopped();
        }
        self.hand_on(0, keys, ScanPlace::default(), 0.0)
    }

    /// Notes when the server may be another than the one that was listened to, or tells no more.
    fn look_for_changes(&mut self, layout: &Layout) -> Result<(), EngineError> {
        let storages = self.job.plan.storages();
        let (now, tells) = self.patiently(|link| Ok((link.layout()?, link.tells(&storages)?)))?;
        let why = match tells {
            Tells::TooLittle(reason) => reason,
            Tells::Enough { .. } if now == *layout => return Ok(()),
            Tells::Enough { .. } => "the servers, or what they serve, have changed".to_owned(),
        };
        self.hearing().missed.get_or_insert(why);
        Ok(())
    }
}
