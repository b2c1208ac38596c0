//! Everything that can happen to the console.

use std::sync::Arc;

use crossterm::event::MouseEvent;

use crate::console::keymap::Press;
use crate::console::shared::Moment;
use crate::engine::{Preview, Progress, Readings, Rehearsal, Report, RunSummary, Story};
use crate::model::{Key, RunId};
use crate::planner::Plan;
use crate::session::edit::Inferred;
use crate::session::{Catalog, Change, Drafted, KeyDetail, Page, Sent, ServerInfo};

/// The answer to a question: the value, or a sentence that says why there is none.
pub type Answer<T> = Result<T, String>;

/// A number that grows with each question, so that late answers to old ones are told apart.
pub type Generation = u64;

/// Definitions after they were saved.
#[derive(Clone, Debug)]
pub struct Saved {
    /// What was done, in words.
    pub words: String,
    /// All definitions, read anew.
    pub catalog: Arc<Catalog>,
}

/// Something that happened.
#[derive(Debug)]
pub enum Msg {
    /// A key.
    Press(Press),
    /// The mouse.
    Mouse(MouseEvent),
    /// Pasted text.
    Paste(String),
    /// The terminal has another size, or has to be drawn anew.
    Resized,
    /// Time went by.
    Tick(Moment),
    /// The system asks the process to end (SIGTERM, SIGHUP).
    Terminate,
    /// What the server says about itself.
    Server(Answer<ServerInfo>),
    /// A page of keys.
    Keys(Generation, Answer<Page>),
    /// One key's value; `None` when the key is gone.
    Value(Generation, Key, Answer<Option<Box<KeyDetail>>>),
    /// A plan.
    Planned(Generation, Answer<Arc<Plan>>),
    /// The chain at work on sampled keys.
    Previewed(Generation, Answer<Vec<Preview>>),
    /// Documents were taken to the target and back.
    Rehearsed(Generation, Answer<Box<Rehearsal>>),
    /// A plan for the keys of a run that need eyes.
    Retry(Generation, RunId, Answer<Arc<Plan>>),
    /// The whole journal of a run.
    RunRead(Generation, Answer<Box<Story>>),
    /// The commands that were sent lately, newest first.
    Traffic(Vec<Sent>),
    /// How a job gets on.
    Progress(Box<Progress>),
    /// How the server fares, as a job's throttle reads it.
    Readings(Readings),
    /// A job came to its end.
    Ended(Answer<Box<Report>>),
    /// The shape of stored documents.
    Inferred(Generation, Answer<Box<Inferred>>),
    /// A migration was drafted.
    Drafted(Generation, Answer<Box<Drafted>>),
    /// Keys of a run, before it and now.
    Changes(Generation, Answer<Vec<Change>>),
    /// A file was written, of this path.
    Exported(Answer<String>),
    /// Definitions were saved.
    Saved(Answer<Saved>),
    /// The definitions, read anew.
    Catalog(Answer<Arc<Catalog>>),
    /// The operator's own editor gave a text back.
    EditedOutside(Answer<String>),
    /// The terminal told of which kind its background is.
    Background {
        /// Whether it is light.
        is_light: bool,
    },
    /// The runs that journals know, and why some journals could not be read.
    Runs(Answer<(Vec<RunSummary>, Vec<String>)>),
}
