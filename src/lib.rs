//! remold changes the shape of data that already lives in Redis, in place and safely.
//!
//! The rooms, in reading order; `src/ARCHITECTURE.md` is the map, and `tests/it/tidy.rs` holds the
//! arrows between them.

// The nouns: plain data.
pub mod model;
// Shapes: validation, versions, differences, inference.
pub mod schema;
// Document in, document out.
pub mod transform;
// Definition files, version graph.
pub mod catalog;
// From a request to a Plan.
pub mod planner;
// The server: the only room that speaks Redis.
pub mod store;
// Our disk: the only room that writes run files.
pub mod journal;
// The verbs: preview, run, resume, verify, rollback.
pub mod engine;
// Settings, and the verbs as a face calls them.
pub mod session;
// A keyspace that looks like life.
pub mod demo;
// The headless face.
pub mod cli;
// The terminal face.
pub mod console;
