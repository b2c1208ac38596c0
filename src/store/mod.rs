//! THE SERVER: the only room that speaks Redis.
//!
//! A [`Link`] is one dedicated connection whose methods block; the engine gives each of its threads
//! one. Documents are opaque bytes here.

mod address;
mod error;
pub mod fill;
pub mod fingerprint;
pub mod inspect;
pub mod install;
mod link;
pub mod local;
mod read;
pub mod registry;
mod scan;
mod server;
pub mod subject_lock;
mod vitals;
mod write;

pub use address::Address;
pub use error::{Fault, StoreError};
pub use link::Link;
pub use read::Found;
pub use scan::Page;
pub use server::ServerInfo;
pub use vitals::{Replica, Vitals};
pub use write::Written;
