//! THE SERVER: the only room that speaks Redis.
//!
//! A [`Link`] is a dedicated connection whose methods block, or in a cluster one to each primary; the
//! engine gives each of its threads a link. Documents are opaque bytes here.

mod address;
mod cluster;
mod error;
mod far;
pub mod fill;
pub mod fingerprint;
pub mod inspect;
pub mod install;
mod layout;
mod link;
pub mod local;
pub mod notifications;
mod read;
pub mod registry;
mod rights;
mod scan;
mod search;
mod sentinel;
mod server;
mod slots;
mod stream;
pub mod subject_lock;
mod tls;
mod traffic;
mod transaction;
mod vitals;
mod whole;
mod whole_watched;
mod wire;
mod write;

pub use address::Address;
pub use error::{Fault, StoreError};
pub use layout::{Layout, Node};
pub use link::Link;
pub use notifications::{Notifications, Tells};
pub use read::Found;
pub use rights::{CLUSTER_TASK, Extra, Right, TASKS, Task};
pub use scan::Page;
pub use server::ServerInfo;
pub use tls::Tls;
pub use traffic::{Sent, Traffic};
pub use vitals::{Replica, Vitals};
pub use write::Written;
