//! Whether the servers still hold what the run has written there.
//!
//! A server that was started anew, or another that took its place, may come back without its data: it
//! has no persistence, or was an empty replica. To a reader every key is missing then, and a run that
//! counted them so would end well. So before keys are counted as missing, before a run goes on, and
//! before it says that it is done, each start of a server that the run does not know yet is held
//! against what the run wrote there last.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use super::backoff::{connect_patiently, patiently};
use super::control::Control;
use super::error::EngineError;
use super::standing::read_now;
use crate::journal::{ImageEntry, Journal, Mark};
use crate::model::{Expiry, Key, Outcome, RunId, Standing};
use crate::store::{Address, Layout, Link};

/// Keys that are looked at; with fewer than the least, nothing can be said.
const LOOKED_AT_MAX: usize = 200;
const LOOKED_AT_MIN: usize = 10;
/// Frames of the journal that are searched for them, newest first.
const FRAMES_SEARCHED_MAX: u64 = 2_000;

/// The starts of the nodes of a layout.
pub(super) fn starts_of(layout: &Layout) -> Vec<String> {
    layout.nodes.iter().map(|node| node.run_id.clone()).collect()
}

/// Asks which starts of servers are there; connects when it is first asked.
pub(super) struct Starts<'s> {
    address: &'s Address,
    control: &'s Control,
    patience: Duration,
    link: Option<Link>,
}

impl<'s> Starts<'s> {
    pub fn new(address: &'s Address, control: &'s Control, patience: Duration) -> Self {
        Self { address, control, patience, link: None }
    }

    /// An error where a start that is not `known` does not hold what the run wrote; else all that are
    /// there are known from now on. Other clients remove keys too, so it is lost only where more than
    /// half are gone, of those that do not expire.
    pub fn still_hold_what_was_written(
        &mut self,
        journal: &Mutex<Journal>,
        run: &RunId,
        known: &mut Vec<String>,
        held: &mut dyn FnMut(Option<String>),
    ) -> Result<(), EngineError> {
        let Self { address, control, patience, link } = self;
        let link = match link {
            Some(link) => link,
            none => none.insert(connect_patiently(control, address, *patience)?),
        };
        let layout = patiently(control, link, *patience, held, Link::layout)?;
        let strangers = layout.nodes.iter().filter(|node| !known.contains(&node.run_id));
        if strangers.clone().next().is_some() && !known.is_empty() {
            let is_there = |key: &Key| strangers.clone().any(|node| node.serves(key));
            let wrote = last_written(journal, is_there)?;
            let entries: Vec<&ImageEntry> = wrote.iter().collect();
            let read = |link: &mut Link| read_now(link, &entries);
            let now = patiently(control, link, *patience, held, read)?;
            let is_gone =
                |(entry, now): (&ImageEntry, _)| entry.image.standing(now) == Standing::Missing;
            let gone = wrote.iter().zip(&now).filter(|pair| is_gone(*pair)).count();
            if wrote.len() >= LOOKED_AT_MIN && gone * 2 > wrote.len() {
                let (server, looked_at) = (address.to_string(), wrote.len());
                return Err(EngineError::DataLost { server, run: run.clone(), looked_at, gone });
            }
        }
        *known = starts_of(&layout);
        Ok(())
    }
}

/// What the run wrote last, of the keys that `is_there` names and that do not expire.
fn last_written(
    journal: &Mutex<Journal>,
    is_there: impl Fn(&Key) -> bool,
) -> Result<Vec<ImageEntry>, EngineError> {
    let mut journal = journal.lock().unwrap_or_else(PoisonError::into_inner);
    let last = journal.frames();
    let mut wrote = Vec::new();
    for frame in (last.saturating_sub(FRAMES_SEARCHED_MAX)..=last).rev() {
        let Some(marks) = journal.marks(frame)? else { continue };
        let Some(entries) = journal.images(frame)? else { continue };
        let written = entries.into_iter().zip(marks).filter(|(entry, mark)| {
            // A step that changes a whole key may have given it an expiry.
            let stays = entry.expiry == Expiry::Never && !entry.image.is_whole();
            let is_ours = *mark == Mark::Settled(Outcome::Migrated);
            is_ours && stays && is_there(&entry.key)
        });
        wrote.extend(written.map(|(entry, _)| entry));
        if wrote.len() >= LOOKED_AT_MAX {
            wrote.truncate(LOOKED_AT_MAX);
            break;
        }
    }
    Ok(wrote)
}
