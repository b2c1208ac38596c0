//! What the console asks of the world. `update` returns these; `performer.rs` carries them out.

use std::sync::Arc;

use serde_json::Value as Json;

use crate::console::msg::Generation;
use crate::engine::{Knob, OnChanged};
use crate::model::{Key, RedisType, RunId};
use crate::planner::Plan;
use crate::schema::Version;
use crate::session::edit::Edited;

/// An order to the job at work.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Order {
    /// Hold before the next batch.
    Pause,
    /// Go on.
    Resume,
    /// One batch, then hold.
    Step,
    /// Come to an end with a checkpoint.
    Stop,
    /// Set a knob.
    Set(Knob),
}

/// A job of the engine.
#[derive(Clone, Debug)]
pub enum Work {
    /// Go through the keys of a plan; writes only if `execute`.
    Run {
        /// The plan that was shown.
        plan: Arc<Plan>,
        /// Whether it writes.
        execute: bool,
        /// Whether it waits for an order after each batch.
        by_step: bool,
    },
    /// Go on with a stopped run.
    Resume(RunId),
    /// Read back what a run wrote.
    Verify(RunId),
    /// Put back what was there before a run.
    Rollback(RunId, OnChanged),
    /// Put back what a rollback replaced.
    RollForward(RunId),
}

/// What a chain is planned from.
#[derive(Clone, Debug, PartialEq)]
pub struct ChainRequest {
    /// The subject.
    pub subject: String,
    /// The version to reach.
    pub target: Version,
    /// The migrations to take, where the operator chose them.
    pub path: Option<Vec<String>>,
    /// The subject's migrations, where they are not those of the catalog.
    pub migrations: Option<Edited>,
}

/// Definitions to be saved.
#[derive(Clone, Debug, PartialEq)]
pub enum Saving {
    /// All migrations of a subject.
    Migrations(String, Edited),
    /// A schema.
    Schema(Json),
}

/// Where definitions are saved.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SaveTo {
    /// The catalog's files.
    Files,
    /// The registry in Redis.
    Registry,
}

/// Something asked of the world.
#[derive(Clone, Debug)]
pub enum Effect {
    /// Ask the server about itself.
    AskServer,
    /// Ask for keys.
    Scan {
        /// Which question this is.
        generation: Generation,
        /// Which keys, as a glob that the server matches.
        pattern: String,
        /// Only keys of this type.
        redis_type: Option<RedisType>,
        /// Where to go on; 0 is the start.
        cursor: u64,
        /// About how many.
        want: usize,
    },
    /// Ask for one key's value.
    Read(Generation, Key),
    /// Draw up a plan that brings a subject to a version.
    Plan(Generation, Box<ChainRequest>),
    /// Let a plan's chain work on these keys, or on so many of the selection when there are none.
    Preview(Generation, Arc<Plan>, Vec<Key>, usize),
    /// Take so many documents of the selection, or those of these keys, to a plan's target and back.
    Rehearse(Generation, Arc<Plan>, Vec<Key>, usize),
    /// Draw up the plan of a request for the keys of a run that need eyes.
    Retry(Generation, RunId, Box<ChainRequest>),
    /// Read the whole journal of a run.
    ReadRun(Generation, RunId),
    /// Ask which commands were sent lately.
    ReadTraffic,
    /// Begin a job.
    Start(Work),
    /// Tell the job something.
    Order(Order),
    /// Ask for the runs that journals know.
    ListRuns,
    /// Look at stored documents of a pattern, and propose the schema they fit, of this subject.
    Infer(Generation, String, Option<String>),
    /// Draft the migration of a subject between two versions.
    Draft(Generation, String, Version, Version),
    /// Ask for keys of a run, of those with a text in their names.
    Changes(Generation, RunId, String),
    /// Write a text into a file.
    Export(String, String),
    /// Save definitions, and read the catalog anew.
    Save(Saving, SaveTo),
    /// Read the definitions anew: others may have changed them.
    ReadCatalog,
    /// Open a text in the operator's own editor.
    EditOutside(String),
    /// Put text on the terminal's clipboard.
    Copy(String),
    /// Back to the shell until it says go on.
    Suspend,
    /// Draw everything anew.
    Redraw,
    /// Leave.
    Exit,
}
