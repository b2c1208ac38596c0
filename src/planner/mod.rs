//! FROM DIFF TO PLAN, pure: what a run will do, as data.

mod canary;
pub mod draft;
mod draw;
mod moves;
mod plan;
mod search;
mod selection;

pub use canary::{Share, Stages};
pub use draw::{PlanError, PlanRequest, draw_up};
pub use plan::{Estimate, Plan, Risk, RiskGrade};
pub use selection::{Narrowed, Query, Selection};
