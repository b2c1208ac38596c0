//! A verb that writes, at work under the lock of its subject.
//!
//! The lock is taken before the first key is read and given back at the end; a thread keeps it
//! meanwhile, tells the registry of each new phase, and stops the verb when the lock is another's.

use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::thread;
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};

use super::{Session, SessionError, random};
use crate::engine::{Control, EngineError, Progress, Report, RollbackTally};
use crate::model::{Phase, RunId, Tally};
use crate::planner::Plan;
use crate::store::subject_lock::{Beat, LOCK_EXPIRY_MS, RunNote, Taken};
use crate::store::{Fault, Link, StoreError};

pub use crate::store::subject_lock::Holder;

/// How often the lock is kept: two heartbeats may be lost before it runs out.
const HEARTBEAT: Duration = Duration::from_millis(LOCK_EXPIRY_MS / 3);
/// How often a new phase is looked for.
const LOOK: Duration = Duration::from_millis(200);

/// What the registry tells of a run, to every machine.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RegisteredRun {
    /// The run.
    pub run: RunId,
    /// Its subject.
    pub subject: String,
    /// The version every document is to have.
    pub target: String,
    /// The plan's digest.
    pub plan: String,
    /// The last verb on it: `run`, `resume` or `rollback`.
    pub verb: String,
    /// Who: `name@host`.
    pub by: String,
    /// When that verb began, RFC 3339 in UTC.
    pub started: String,
    /// When this was written.
    pub at: String,
    /// Where it stands, as of then.
    pub phase: Phase,
    /// The outcomes of the run, as of then.
    pub tally: Tally,
    /// What the rollback did, where there was one.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub rollback: Option<RollbackTally>,
}

/// A verb that writes.
pub(super) struct Work<'w> {
    pub verb: &'static str,
    pub run: &'w RunId,
    pub plan: &'w Plan,
    pub control: &'w Control,
}

impl Session {
    /// The same session, whose runs take no lock and leave no trace in the registry: for a server that
    /// does not let its keys be written.
    #[must_use]
    pub fn without_lock(self) -> Self {
        Self { locks: false, ..self }
    }

    /// Does a verb that writes, under the lock of its subject.
    pub(super) fn under_lock(
        &self,
        work: &Work<'_>,
        verb: impl FnOnce() -> Result<Report, EngineError>,
    ) -> Result<Report, SessionError> {
        if !self.locks {
            return Ok(verb()?);
        }
        let mut link = Link::open(&self.address)?;
        let told = self.lock(&mut link, work)?;
        let (ended, wait) = channel::<()>();
        thread::scope(|scope| {
            let keeper = scope.spawn(move || keep(link, told, work.control, &wait));
            let result = verb();
            drop(ended);
            let (mut link, mut told, lost) = keeper.join().expect("keeping a lock does not panic");
            match &result {
                Ok(report) => told.ended(report),
                Err(_) => told.entry.phase = Phase::Stopped,
            }
            // When this cannot be told the lock runs out by itself, and the journal knows the end.
            let note = told.note(Some(told.last_event()));
            if link.release_lock(&told.holder, &note).is_err() {
                let again = link.reconnect();
                let _ = again.and_then(|()| link.release_lock(&told.holder, &note));
            }
            match (result, lost) {
                (Ok(report), Some(holder)) if report.phase != Phase::Done => {
                    Err(SessionError::LockLost(Box::new(holder)))
                }
                (result, _) => Ok(result?),
            }
        })
    }

    /// Takes the lock, or tells who holds it. Whose it was is told when its owner did not give it back.
    fn lock(&self, link: &mut Link, work: &Work<'_>) -> Result<Told, SessionError> {
        let told = Told::new(work);
        let refused = |error| lock_refused(&work.plan.subject, self.address.registry(), error);
        let before =
            match link.take_lock(&told.holder, &told.note(Some("run.started"))).map_err(refused)? {
                Taken::Held(holder) => return Err(SessionError::Locked(Box::new(holder))),
                Taken::Ours(before) => before.filter(|before| before.run != told.holder.run),
            };
        if let Some(Holder { subject, run, verb, by, since, left_ms, .. }) = before {
            let ago = -left_ms / 1000;
            work.control.notify(format!(
                "the lock of {subject} was {by}'s ({verb} of {run}, since {since}) and ran out {ago} s \
                 ago: taken over"
            ));
            let mut note = told.note(Some("lock.taken-over"));
            note.event.push(("from", format!("{by} {run}")));
            link.keep_lock(&told.holder, &note).map_err(refused)?;
        }
        Ok(told)
    }

    /// Who works on a subject, from whatever machine; `None` when nobody holds its lock.
    pub fn lock_holder(&self, subject: &str) -> Result<Option<Holder>, SessionError> {
        Ok(Link::open(&self.address)?.lock_holder(subject)?.filter(|holder| holder.left_ms > 0))
    }

    /// The runs that the registry knows, oldest first, each with the holder of its subject's lock when
    /// that is at work on it.
    pub fn registered_runs(&self) -> Result<Vec<(RegisteredRun, Option<Holder>)>, SessionError> {
        let mut link = Link::open(&self.address)?;
        let mut runs = Vec::new();
        for (_, text) in link.registered_runs()? {
            // What another release of remold wrote may not read: it is left out.
            let Ok(run) = serde_json::from_str::<RegisteredRun>(&text) else { continue };
            let holder = link.lock_holder(&run.subject)?;
            runs.push((run.clone(), holder.filter(|holder| holder.run == run.run.as_str())));
        }
        Ok(runs)
    }
}

/// What is told of the work: to the lock, to the events, to the runs.
struct Told {
    holder: Holder,
    entry: RegisteredRun,
}

impl Told {
    fn new(work: &Work<'_>) -> Self {
        let at = super::registry::timestamp();
        let by = super::registry::who();
        let holder = Holder {
            subject: work.plan.subject.clone(),
            run: work.run.to_string(),
            verb: work.verb.to_owned(),
            by: by.clone(),
            process: std::process::id().to_string(),
            since: at.clone(),
            left_ms: 0,
            token: format!("{:016x}", random()),
        };
        let entry = RegisteredRun {
            run: work.run.clone(),
            subject: work.plan.subject.clone(),
            target: work.plan.target.to_string(),
            plan: work.plan.id().to_string(),
            verb: work.verb.to_owned(),
            by,
            started: at.clone(),
            at,
            phase: Phase::Preparing,
            tally: Tally::default(),
            rollback: None,
        };
        Self { holder, entry }
    }

    fn note(&self, event: Option<&'static str>) -> RunNote<'static> {
        let entry = RegisteredRun { at: super::registry::timestamp(), ..self.entry.clone() };
        let event = event.map_or_else(Vec::new, |event| {
            let mut words = vec![
                ("event", event.to_owned()),
                ("subject", entry.subject.clone()),
                ("name", entry.run.to_string()),
                ("verb", entry.verb.clone()),
                ("target", entry.target.clone()),
                ("phase", entry.phase.to_string()),
                ("digest", entry.plan.clone()),
                ("by", entry.by.clone()),
                ("at", entry.at.clone()),
            ];
            let tally = match &entry.rollback {
                Some(tally) => serde_json::to_string(tally),
                None => serde_json::to_string(&entry.tally),
            };
            words.push(("tally", tally.expect("plain data prints as JSON")));
            words
        });
        let entry = serde_json::to_string(&entry).expect("plain data prints as JSON");
        RunNote { event, entry }
    }

    fn progressed(&mut self, progress: &Progress) {
        self.entry.phase = progress.phase;
        self.entry.tally = progress.tally;
        self.entry.rollback = (self.entry.verb == "rollback").then_some(progress.rollback);
    }

    fn ended(&mut self, report: &Report) {
        self.entry.phase = report.phase;
        self.entry.tally = report.tally;
        self.entry.rollback = report.rollback;
    }

    fn last_event(&self) -> &'static str {
        match (self.entry.verb.as_str(), self.entry.phase) {
            ("rollback", Phase::Done) => "run.rolled-back",
            (_, Phase::Done) => "run.finished",
            (_, Phase::Failed) => "run.failed",
            _ => "run.stopped",
        }
    }
}

/// Keeps the lock until `wait` ends, and tells each phase. Answers who took it, when it was lost.
fn keep(
    mut link: Link,
    mut told: Told,
    control: &Control,
    wait: &Receiver<()>,
) -> (Link, Told, Option<Holder>) {
    let mut kept = Instant::now();
    let mut untold: Vec<Progress> = Vec::new();
    loop {
        let goes_on = wait.recv_timeout(LOOK) == Err(RecvTimeoutError::Timeout);
        // The last phase is told together with the end of the lock.
        let new = control.take_phases().into_iter().filter(|progress| !progress.phase.is_final());
        untold.extend(new);
        let mut notes = Vec::new();
        for progress in &untold {
            told.progressed(progress);
            notes.push(told.note(Some("run.phase")));
        }
        if notes.is_empty() && kept.elapsed() >= HEARTBEAT {
            told.progressed(&control.progress());
            notes.push(told.note(None));
        }
        for note in notes {
            match beat(&mut link, &told, &note) {
                Ok(None) => {
                    kept = Instant::now();
                    if !untold.is_empty() {
                        untold.remove(0);
                    }
                }
                Ok(Some(holder)) => {
                    control.stop();
                    return (link, told, Some(holder));
                }
                // A server that is away takes no lock from us either: try again at the next look.
                Err(_) => {
                    _ = link.reconnect();
                    break;
                }
            }
        }
        if !goes_on {
            return (link, told, None);
        }
    }
}

/// One heartbeat; the holder, when it is another.
fn beat(link: &mut Link, told: &Told, note: &RunNote<'_>) -> Result<Option<Holder>, StoreError> {
    match link.keep_lock(&told.holder, note)? {
        Beat::Ours => Ok(None),
        Beat::Lost(holder) => Ok(Some(holder)),
        Beat::Gone => match link
            .take_lock(&told.holder, &RunNote { event: Vec::new(), entry: note.entry.clone() })?
        {
            Taken::Ours(_) => Ok(None),
            Taken::Held(holder) => Ok(Some(holder)),
        },
    }
}

/// Only the server's own refusal is something that going on without a lock would cure.
fn lock_refused(subject: &str, prefix: &str, error: StoreError) -> SessionError {
    match error.fault() {
        Some(Fault::NoPermission | Fault::Other(_) | Fault::WrongType) => {
            SessionError::LockRefused {
                subject: subject.to_owned(),
                prefix: prefix.to_owned(),
                error: Box::new(error),
            }
        }
        _ => error.into(),
    }
}
