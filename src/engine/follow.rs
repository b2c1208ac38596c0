//! Following: after its scan a run goes on with the documents that old writers still produce, until it
//! is told that this is enough.
//!
//! A document that is written over a key which has its outcome is a new document. It is counted,
//! journalled and written like any other, with a before-image of its own, so `scanned` counts
//! documents and stays the sum of the outcomes. What is found as it was left is not counted again:
//! a document of the target version under a key that is known, or the same trouble of the same key.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use serde::Serialize;

use super::control::Following;
use super::error::EngineError;
use super::pipeline::{Ended, Job};
use super::report::now;
use super::run::Begun;
use super::settle::Settled;
use crate::journal::{Checkpoint, Journal, Note, Record};
use crate::model::Phase;

/// How a run follows its writers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Follow {
    /// How long to wait between two scans, where the server does not tell of writes.
    pub every: Duration,
    /// After how long without an old document it has followed for long enough; `None` is when it is
    /// told so.
    pub until_quiet: Option<Duration>,
}

impl Default for Follow {
    fn default() -> Self {
        Self { every: Duration::from_secs(30), until_quiet: None }
    }
}

impl Follow {
    /// The journal's note of it.
    pub(super) fn note(self) -> Note {
        let ms = |time: Duration| u64::try_from(time.as_millis()).unwrap_or(u64::MAX);
        Note::ToFollow { every_ms: ms(self.every), until_quiet_ms: self.until_quiet.map(ms) }
    }

    /// What a note says, when it is one of it.
    pub(super) fn of(note: &Note) -> Option<Self> {
        match note {
            Note::ToFollow { every_ms, until_quiet_ms } => Some(Self {
                every: Duration::from_millis(*every_ms),
                until_quiet: until_quiet_ms.map(Duration::from_millis),
            }),
            _ => None,
        }
    }
}

/// By what a run hears of old documents.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum FollowedBy {
    /// Keyspace notifications of the server.
    Notifications,
    /// Scans over all keys, again and again.
    #[default]
    Scans,
}

/// How far a run has followed its writers.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Followed {
    /// By what it hears of old documents.
    pub by: FollowedBy,
    /// Why by that, in words.
    pub why: String,
    /// Seconds between two scans, where it hears by scans.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub every_seconds: Option<f64>,
    /// Scans over all keys since the first: one to begin with, and one whenever something may have
    /// been missed.
    pub scans: u64,
    /// Documents that were migrated since the first scan; they stand in the tally too.
    pub migrated: u64,
    /// Seconds since the last of them.
    pub quiet_seconds: f64,
}

impl Followed {
    /// In a few words: `by keyspace notifications`, `by a scan every 30 s`.
    pub fn how(&self) -> String {
        match self.every_seconds {
            None => "by keyspace notifications".to_owned(),
            Some(seconds) => format!("by a scan every {seconds} s"),
        }
    }
}

/// What the threads of a run that follows know of it.
#[derive(Debug)]
pub(super) struct Followings {
    pub follow: Follow,
    known: Mutex<Known>,
}

#[derive(Debug)]
struct Known {
    followed: Followed,
    found: Instant,
}

impl Followings {
    pub fn new(follow: Follow) -> Self {
        let known = Known { followed: Followed::default(), found: Instant::now() };
        Self { follow, known: Mutex::new(known) }
    }

    /// Notes by what is followed from now on; answers whether that is new.
    pub fn goes_by(&self, by: FollowedBy, why: &str) -> bool {
        let mut known = self.known();
        let every = (by == FollowedBy::Scans).then_some(self.follow.every.as_secs_f64());
        let is_new = known.followed.by != by || known.followed.why != why;
        (known.followed.by, known.followed.every_seconds) = (by, every);
        why.clone_into(&mut known.followed.why);
        is_new
    }

    /// Counts a scan over all keys that came to its end.
    pub fn scanned(&self) {
        self.known().followed.scans += 1;
    }

    /// Notes how many documents were migrated so far.
    pub fn migrated(&self, documents: u64) {
        let mut known = self.known();
        if known.followed.migrated != documents {
            (known.followed.migrated, known.found) = (documents, Instant::now());
        }
    }

    /// When the last old document was found.
    pub fn found(&self) -> Instant {
        self.known().found
    }

    /// Whether no old document was found for as long as that is to be enough.
    pub fn are_quiet(&self) -> bool {
        self.follow.until_quiet.is_some_and(|quiet| self.found().elapsed() >= quiet)
    }

    /// How far it has come.
    pub fn followed(&self) -> Followed {
        let known = self.known();
        Followed { quiet_seconds: known.found.elapsed().as_secs_f64(), ..known.followed.clone() }
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Begun<'_> {
    /// Follows the writers after the scan of the last stage, which came to `scanned`. `job` makes what
    /// the pipeline is given of where to begin and what the keys came to so far.
    pub(super) fn follow<'j>(
        &self,
        follow: Follow,
        journal: &Mutex<Journal>,
        (stage, starts): (usize, Vec<String>),
        scanned: Ended,
        job: impl FnOnce(Checkpoint, Settled) -> Job<'j>,
    ) -> Result<Ended, EngineError> {
        let Ended { report, troubles } = scanned;
        let note = |note: Note| {
            let mut open = journal.lock().unwrap_or_else(PoisonError::into_inner);
            open.append(&Record::Note(note));
            open.sync()
        };
        note(Note::FollowBegan { at: now() })?;
        let followings = Followings::new(follow);
        self.control.set_following(Following::Yes);
        let seconds = report.seconds;
        let start =
            Checkpoint { stage, scanned_all: true, seconds, starts, ..Checkpoint::default() };
        let settled = Settled { tally: report.tally, troubles, seconds };
        let job = Job { followings: Some(&followings), ..job(start, settled) };
        let mut ended = self.pipe(journal, &job)?;
        ended.report.duplicates += report.duplicates;
        let Followed { migrated, scans, .. } = followings.followed();
        note(Note::FollowEnded { at: now(), migrated, scans })?;
        self.control.set_following(Following::No);
        if ended.report.phase == Phase::Done {
            // What is left is to read: the window was for what writes.
            self.control.set_deadline(None);
        }
        Ok(ended)
    }
}
