//! THE NOUNS: plain data that every other room speaks in.
//!
//! No I/O, no clock, no randomness here; a value of this room means the same on any day and machine.

pub mod branch;
pub mod content;
pub mod digest;
pub mod document;
pub mod edit;
pub mod expiry;
pub mod figures;
pub mod glob;
pub mod home;
pub mod ids;
pub mod image;
pub mod json;
pub mod key;
pub mod limits;
pub mod object;
pub mod outcome;
pub mod path;
pub mod phase;
pub mod redis_json;
pub mod search;
pub mod slot;
pub mod storage;
pub mod value;

pub use branch::Branch;
pub use content::{Content, HashField, carry_all, carry_expiries};
pub use digest::Digest;
pub use document::{Document, DocumentError, FieldChange, HashDelta};
pub use edit::{Edit, Kept, Turn, Whole};
pub use expiry::Expiry;
pub use home::{Home, OnlyIf, Terms};
pub use ids::{PlanId, RunId};
pub use image::{BeforeImage, FieldWas, Now, Standing, Stands, Was, WholeWas};
pub use key::Key;
pub use object::{Array, Member, Name, Object};
pub use outcome::{Outcome, Tally};
pub use path::{Path, PathError, Segment};
pub use phase::Phase;
pub use slot::SlotRange;
pub use storage::{RedisType, Storage};
pub use value::{JsonType, Value};
