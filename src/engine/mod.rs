//! THE VERBS: preview, run, resume, verify, rollback.
//!
//! A run is a pipeline of threads over bounded work (see `pipeline.rs` for the picture); it reports
//! through [`Control`] and takes its orders from there. The engine knows no face.

mod backoff;
mod control;
mod error;
mod judge;
mod pipeline;
mod preview;
mod progress;
mod reader;
mod report;
mod resume;
mod rollback;
mod run;
mod settle;
mod trouble;
mod verify;
mod writer;

pub use control::{Control, Gate};
pub use error::EngineError;
pub use judge::{Judge, Judged};
pub use preview::{Preview, PreviewStep, preview, preview_from};
pub use progress::{Progress, Verb};
pub use report::{
    Report, RollbackTally, RunSummary, Verification, now, plan_of_run, summaries, summary,
};
pub use resume::resume;
pub use rollback::{RollbackOptions, rollback};
pub use run::{RunOptions, run};
pub use trouble::{ErrorGroup, Trouble, Troubles};
pub use verify::verify;
