//! OUR DISK: the only room that writes run files.
//!
//! A run has a folder of its own in the state directory:
//!
//! ```text
//! runs/20261123-075145123-user-3f2a/
//!   journal.log      frames, only ever appended: header, before-images, settlements, outcomes, notes
//!   checkpoint.json  where the scan stands, replaced atomically
//!   lock             held while a process works on the run
//!   control.sock     takes orders while a process works on the run
//! ```
//!
//! Frames of our own rather than an embedded database: a run appends and reads in order, and the only
//! question by key (was it settled?) is answered by [`SeenKeys`] in memory with the frame it stands
//! in. Measured beside redb 4.6 on the same disk: 828 k rows/s against 239 k.

mod checkpoint;
mod codec;
mod crash;
mod entry;
mod error;
mod folder;
mod frame;
mod image;
mod lines;
mod log;
mod pack;
mod record;
mod seen;
mod socket;
mod space;
mod undo;

pub use checkpoint::{Checkpoint, NodeScan, ScanPlace};
pub use crash::crash_point;
pub use error::JournalError;
pub use folder::{RunFolder, RunsFolder, save_file, with_text_file};
pub use lines::Lines;
pub use log::{Frame, Journal, Replay};
pub use pack::{Packed, compressed_length};
pub use record::{AnswerEntry, Header, ImageEntry, Mark, Note, OutcomeEntry, Record};
pub use seen::{Begin, SeenKeys};
pub use socket::ControlSocket;
pub use space::FREE_BYTES_MIN;
pub use undo::UndoEntry;
