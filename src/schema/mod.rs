//! SHAPES, pure: what a subject's documents look like at a version, and what that is compared with.
//!
//! A [`Schema`] is parsed from a definition, carries its compiled [`Validator`], and a [`Detector`]
//! tells by several of them which version a document has. `fields` are compiled to JSON Schema; the
//! `jsonschema` crate judges.

pub mod bundle;
pub mod compile;
pub mod definition;
pub mod detect;
pub mod diff;
pub mod field;
pub mod format;
mod glance;
#[cfg(test)]
mod glance_tests;
pub mod infer;
pub mod mistake;
pub mod reading;
pub mod validator;
pub mod violation;

pub use definition::{Schema, Shape};
pub use detect::{Detection, Detector};
pub use diff::{ChangeSet, Policy, diff};
pub use field::{Field, FieldType};
pub use mistake::DefinitionError;
pub use reading::{Reading, read_content, read_document};
pub use semver::Version;
pub use validator::{CompileError, Validator};
pub use violation::Violation;
