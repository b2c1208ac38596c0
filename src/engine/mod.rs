//! THE VERBS: preview, run, resume, verify, rollback.
//!
//! A run is a pipeline of threads over bounded work (see `pipeline.rs` for the picture); it reports
//! through [`Control`] and takes its orders from there. The engine knows no face.

mod alert;
mod backoff;
mod batch_size;
mod beside;
mod budget;
mod busy;
mod callers;
mod control;
mod data_loss;
mod error;
mod event_log;
mod external;
mod follow;
mod inverse;
mod judge;
mod metrics;
mod newest;
mod observe;
mod pages;
mod permits;
mod pipeline;
mod preview;
mod progress;
mod reader;
mod remote;
mod report;
mod resume;
mod rollback;
mod run;
mod sample;
mod scanner;
mod settle;
mod standing;
mod story;
mod task;
mod throttle;
mod trouble;
mod verify;
mod walk;
mod watch;
mod whole;
mod writer;

pub use alert::Alerts;
pub use budget::ErrorBudget;
pub use busy::{Busy, Station};
pub use control::{Control, Deadline, Gate};
pub use error::EngineError;
pub use event_log::EventLog;
pub use external::Services;
pub use follow::{Follow, Followed, FollowedBy};
pub use judge::{Asked, Judge, Judged};
pub use observe::{Observe, observed};
pub use preview::{Preview, PreviewStep, preview, preview_asking, preview_from};
pub use progress::{Progress, Verb};
pub use remote::{Knob, ORDERS, send_order};
pub use report::{
    AskedTally, Report, RollbackTally, RunSummary, Verification, now, plan_of_run, server_of_run,
    summaries, summary,
};
pub use resume::resume;
pub use rollback::{
    ChangedKey, Done, Obstacle, OnChanged, Rehearsal, Rehearsing, RollbackOptions, rollback,
};
pub use run::{RunOptions, run};
pub use sample::Sample;
pub use story::{FAILED_KEYS_MAX, Moment, Story, failed_keys, story};
pub use throttle::{Levels, Limits, Readings, Signal};
pub use trouble::{ErrorGroup, Trouble, Troubles};
pub use verify::{VerifyOptions, verify};
