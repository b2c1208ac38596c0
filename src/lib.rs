//! remold changes the shape of data that already lives in Redis, in place and safely.
//!
//! The rooms, in reading order; `src/ARCHITECTURE.md` is the map, and `tests/it/tidy.rs` holds the
//! arrows between them.

pub mod catalog;
pub mod console;
pub mod demo;
pub mod engine;
pub mod journal;
pub mod model;
pub mod planner;
pub mod schema;
pub mod session;
pub mod store;
pub mod transform;
