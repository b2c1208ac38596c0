//! DOCUMENT IN, DOCUMENT OUT: declared steps on documents, pure.
//!
//! One file per kind of transform in `kinds/`; `kinds/mod.rs` is the table of them. A [`Step`] is one
//! declared transform, checked and compiled; a [`Chain`] is the steps of several migrations in order.

pub mod chain;
mod check;
mod condition;
pub mod external;
pub mod facts;
pub mod kinds;
mod optimise;
mod params;
mod place;
mod predicate;
mod script;
mod source;
mod step;
mod template;
mod text;

pub use chain::{Chain, Failure, Irreversible, Stage, StepAt};
pub use check::{Check, Checks, Rule, StepCheck};
pub use condition::Condition;
pub use facts::{Facts, Frozen};
pub use kinds::{KINDS, Kind, Parameter};
pub use optimise::{Fused, Optimised, optimise};
pub use params::{Params, nearest};
pub use place::{OnExisting, OnMissing, Place, Spot};
pub use script::{BigNumbers, Script, ScriptMistake};
pub use source::Source;
pub use step::{Grade, Loss, Refusal, Step, StepMistake, Transform};
pub use template::Template;
