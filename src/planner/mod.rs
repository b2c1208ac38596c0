//! FROM DIFF TO PLAN, pure: what a run will do, as data.

mod canary;
pub mod draft;
mod draw;
mod moves;
mod plan;
mod selection;

pub use crate::transform::Grade;
pub use canary::{Share, Stages};
pub use draw::{PlanError, PlanRequest, draw_up};
pub use plan::{Estimate, Plan, Risk};
pub use selection::{Narrowed, Selection};
