//! Whether the definitions of today are still those that a run was planned with, and the server the one
//! that it was begun on.

use serde_json::Value as Json;

use super::{Session, SessionError};
use crate::engine::{self, EngineError};
use crate::model::RunId;
use crate::store::Link;

/// Differences told before the rest is only counted.
const TOLD_MAX: usize = 20;

impl Session {
    /// Holds a run's plan against the catalog, the environment and the flags of this session. What
    /// the catalog has besides does not matter, and neither does a catalog without the subject.
    ///
    /// # Errors
    /// Every difference, with both sides.
    pub fn refuse_drift(&self, run: &RunId) -> Result<(), SessionError> {
        let plan = engine::plan_of_run(self.runs_folder(), run)?;
        let mut found = Vec::new();
        if let Some(subject) = self.catalog().subject(&plan.subject) {
            for schema in &plan.schemas {
                let version = schema["version"].as_str().unwrap_or_default();
                let known = version.parse().ok().and_then(|version| subject.schemas.get(&version));
                match known {
                    None => found.push(format!("schema {version}: is gone from the catalog")),
                    Some(known) => {
                        let place = format!("schema {version}");
                        compare(&place, schema, known.definition(), &mut found);
                    }
                }
            }
            for (name, migration) in &plan.migrations {
                let place = format!("migration {name}");
                match subject.migrations.get(name) {
                    None => found.push(format!("{place}: is gone from the catalog")),
                    Some(known) => {
                        compare(&place, migration, &known.self_contained(), &mut found);
                    }
                }
            }
        }
        let environment = plan.frozen.environment.as_deref();
        if self.environment().is_some() && self.environment() != environment {
            let said = self.environment().unwrap_or_default();
            let planned = environment.unwrap_or("none");
            found.push(format!("environment: planned with {planned}, now {said}"));
        }
        for (name, value) in &self.flags {
            let planned = plan.frozen.flags.get(name).unwrap_or(&Json::Null);
            if planned != value {
                found.push(format!("flag {name}: planned with {planned}, now {value}"));
            }
        }
        if found.is_empty() {
            return Ok(());
        }
        let more = found.len().saturating_sub(TOLD_MAX);
        found.truncate(TOLD_MAX);
        if more > 0 {
            found.push(format!("and {more} more"));
        }
        Err(EngineError::Plan(format!(
            "the definitions are not those that run {run} was planned with:\n  {}\n  nothing was \
             written. `remold resume {run} --as-planned` goes on with those of the plan; `remold \
             rollback {run}` takes back what was written",
            found.join("\n  ")
        ))
        .into())
    }
}

impl Session {
    /// Holds the server that a run was begun on against the one of this session, whoever logs in. A
    /// run that is resumed scans anew on a server it does not know, and would migrate what it finds.
    ///
    /// The same is: the same address; a cluster that has a node in common with the one of then, for
    /// a node keeps its id through failovers and restarts; sentinels of which one was named then too,
    /// asked for the same primary.
    ///
    /// # Errors
    /// Both addresses, when it is another server.
    pub fn refuse_other_server(&self, run: &RunId) -> Result<(), SessionError> {
        let (begun, nodes) = engine::server_of_run(self.runs_folder(), run)?;
        if self.address().leads_where(&begun) {
            return Ok(());
        }
        let mut why = String::new();
        if !nodes.is_empty() {
            let here = Link::open(self.address())?.cluster_nodes()?;
            if here.iter().any(|node| nodes.contains(node)) {
                return Ok(());
            }
            why.push_str(", which has no node of that cluster");
        }
        let here = self.address();
        Err(SessionError::Usage(format!(
            "run {run} was begun on {begun}, and this session is on {here}{why}\n  nothing was \
             written. `--url {begun}` goes on there; where the data itself has another address now \
             (by another name, or after a failover that neither a cluster nor sentinels made), \
             `remold resume {run} --moved` goes on here"
        )))
    }
}

/// Notes where two values differ, with the path.
fn compare(place: &str, planned: &Json, now: &Json, found: &mut Vec<String>) {
    match (planned, now) {
        (Json::Object(planned), Json::Object(now)) => {
            for (name, value) in planned {
                let other = now.get(name).unwrap_or(&Json::Null);
                compare(&format!("{place}/{name}"), value, other, found);
            }
            for (name, value) in now.iter().filter(|(name, _)| !planned.contains_key(*name)) {
                compare(&format!("{place}/{name}"), &Json::Null, value, found);
            }
        }
        (Json::Array(planned), Json::Array(now)) if planned.len() == now.len() => {
            for (at, (value, other)) in planned.iter().zip(now).enumerate() {
                compare(&format!("{place}/{at}"), value, other, found);
            }
        }
        _ if planned == now => {}
        _ => found.push(format!("{place}: planned with {planned}, now {now}")),
    }
}
