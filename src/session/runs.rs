//! Runs: begun, gone on with, verified, rolled back, and told of.

use serde_json::Value as Json;

use super::error::SessionError;
use super::lock::Work;
use super::{Session, random};
use crate::engine::{
    self, Control, EngineError, Report, RollbackOptions, RunOptions, RunSummary, Story,
    VerifyOptions,
};
use crate::model::{Key, RunId};
use crate::planner::Plan;

impl Session {
    /// A name for a new run on `subject`.
    pub fn new_run_id(&self, subject: &str) -> RunId {
        let stamp = jiff::Timestamp::now().strftime("%Y%m%d-%H%M%S%3f").to_string();
        let tail = u16::try_from(random() & 0xffff).expect("sixteen bits");
        RunId::new(&stamp, subject, tail)
    }

    /// Carries out a plan under the name `run`. Blocks until the end.
    pub fn run(
        &self,
        run: &RunId,
        plan: &Plan,
        options: &RunOptions,
        control: &Control,
    ) -> Result<Report, SessionError> {
        self.may_write(options.execute, "a run")?;
        plan.settled()?;
        let about = ("run", Some(run), plan.subject.as_str());
        let verb = || {
            engine::observed(&options.observe, about, &self.address, control, || {
                engine::run(&self.address, &self.runs, run, plan, options, control)
            })
        };
        self.logged(("run", options.execute.then_some(run), plan), control, || {
            if !options.execute {
                return Ok(verb()?);
            }
            self.under_lock(&Work { verb: "run", run, plan, control }, verb)
        })
    }

    /// The keys of a run that failed, were invalid or in conflict, to run over them again by themselves.
    ///
    /// # Errors
    /// There is no such key, or there are too many for a list.
    pub fn failed_keys(&self, run: &RunId) -> Result<Vec<Key>, SessionError> {
        let keys = engine::failed_keys(&self.runs, run)?;
        let refused = match keys.len() {
            0 => {
                format!("no key of run {run} failed, was invalid or in conflict: nothing to retry")
            }
            count if count > engine::FAILED_KEYS_MAX => format!(
                "more than {} keys of run {run} need eyes: run over the whole selection again \
                 instead, which leaves alone what is migrated",
                engine::FAILED_KEYS_MAX
            ),
            _ => return Ok(keys),
        };
        Err(SessionError::Usage(refused))
    }

    /// Goes on with a run.
    pub fn resume(
        &self,
        run: &RunId,
        options: &RunOptions,
        control: &Control,
    ) -> Result<Report, SessionError> {
        self.may_write(true, "a resumed run")?;
        let plan = self.plan_of_idle(run)?;
        let work = Work { verb: "resume", run, plan: &plan, control };
        let about = ("resume", Some(run), plan.subject.as_str());
        self.logged(("resume", Some(run), &plan), control, || {
            self.under_lock(&work, || {
                engine::observed(&options.observe, about, &self.address, control, || {
                    engine::resume(&self.address, &self.runs, run, options, control)
                })
            })
        })
    }

    /// The plan of a run that no process is at work on: its journal's lock is free. With that the lock
    /// of its subject may be taken although the run holds it: whoever held it for the run is dead.
    fn plan_of_idle(&self, run: &RunId) -> Result<Plan, SessionError> {
        drop(self.runs.open(run)?);
        Ok(engine::plan_of_run(&self.runs, run)?)
    }

    /// Reads a run's keys again.
    pub fn verify(
        &self,
        run: &RunId,
        options: &VerifyOptions,
        control: &Control,
    ) -> Result<Report, SessionError> {
        let plan = engine::plan_of_run(&self.runs, run)?;
        self.logged(("verify", Some(run), &plan), control, || {
            Ok(engine::verify(&self.address, &self.runs, run, options, control)?)
        })
    }

    /// Rolls a run back.
    pub fn rollback(
        &self,
        run: &RunId,
        options: &RollbackOptions,
        control: &Control,
    ) -> Result<Report, SessionError> {
        self.may_write(options.execute, "a rollback")?;
        let plan = if options.execute {
            self.plan_of_idle(run)?
        } else {
            engine::plan_of_run(&self.runs, run)?
        };
        let about = ("rollback", Some(run), plan.subject.as_str());
        let verb = || {
            engine::observed(&options.observe, about, &self.address, control, || {
                engine::rollback(&self.address, &self.runs, run, options, control)
            })
        };
        self.logged(("rollback", options.execute.then_some(run), &plan), control, || {
            if !options.execute {
                return Ok(verb()?);
            }
            self.under_lock(&Work { verb: "rollback", run, plan: &plan, control }, verb)
        })
    }

    /// The run of this name; `last` is the newest.
    pub fn find_run(&self, name: &str) -> Result<RunId, SessionError> {
        Ok(self.runs.find(name)?)
    }

    /// Gives an order to a run that a process of this machine works on; answers where it stands.
    pub fn order_run(&self, run: &RunId, words: &[String]) -> Result<Json, SessionError> {
        match engine::send_order(&self.runs.peek(run), words) {
            Some(Ok(status)) => Ok(status),
            Some(Err(why)) => Err(SessionError::Usage(why)),
            None => Err(SessionError::Usage(format!(
                "no process works on run {run}: `remold runs show {run}` tells where it stands"
            ))),
        }
    }

    /// The runs in the state directory, oldest first, and what could not be read.
    pub fn runs(&self) -> Result<(Vec<RunSummary>, Vec<EngineError>), SessionError> {
        Ok(engine::summaries(&self.runs)?)
    }

    /// One run and its plan.
    pub fn run_summary(&self, run: &RunId) -> Result<(RunSummary, Plan), SessionError> {
        let summary = engine::summary(&self.runs, run)?;
        let plan = engine::plan_of_run(&self.runs, run)?;
        Ok((summary, plan))
    }

    /// The whole story of a run.
    pub fn story(&self, run: &RunId) -> Result<Story, SessionError> {
        Ok(engine::story(&self.runs, run)?)
    }

    pub(super) fn may_write(&self, writes: bool, verb: &'static str) -> Result<(), SessionError> {
        if writes && self.read_only { Err(SessionError::ReadOnly(verb)) } else { Ok(()) }
    }
}
