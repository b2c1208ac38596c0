//! Moving values between keys on different slots of a cluster, which no script reaches together.
//!
//! In steps, each a compare-and-set of one key: the value is copied to where it goes, then taken away
//! from where it was, if it still stands there as it was copied; else the copy is taken back. A crash
//! between the steps leaves both, which is told by reading and brought to its end
//! (`Standing::Copied`).

use super::error::StoreError;
use super::link::Link;
use super::write::Written;
use crate::model::{Expiry, Kept, Key, Terms, Turn, Whole};

/// What happens under the key where the value goes, and under the one where it was.
struct Move {
    goes_to: (Key, Whole),
    takes_back: Whole,
    was_at: (Key, Whole),
    /// Whether the value stands already where it goes.
    is_copied: bool,
}

impl Link {
    pub(super) fn move_far(
        &mut self,
        changes: &[(&Key, &Whole)],
    ) -> Result<Vec<Written>, StoreError> {
        let holders: Vec<Key> = changes.iter().map(|(key, whole)| holder(key, whole)).collect();
        let expiries = self.expiries(&holders)?;
        let mut written = vec![Written::Differs; changes.len()];
        let mut moves = Vec::new();
        for (at, ((key, whole), expiry)) in changes.iter().zip(expiries).enumerate() {
            // A value that is gone differs from what was read.
            if let Some(expiry) = expiry {
                moves.push((at, in_steps(key, whole, expiry)));
            }
        }
        let copies: Vec<usize> = (0..moves.len()).filter(|at| !moves[*at].1.is_copied).collect();
        let calls: Vec<(&Key, &Whole)> =
            copies.iter().map(|at| pair(&moves[*at].1.goes_to)).collect();
        let mut is_there: Vec<bool> = moves.iter().map(|(_, it)| it.is_copied).collect();
        for (at, copied) in copies.into_iter().zip(self.call_wholes(&calls)?) {
            is_there[at] = copied == Written::Replaced;
        }
        let there: Vec<usize> = (0..moves.len()).filter(|at| is_there[*at]).collect();
        let calls: Vec<(&Key, &Whole)> =
            there.iter().map(|at| pair(&moves[*at].1.was_at)).collect();
        let mut back = Vec::new();
        for (at, taken) in there.into_iter().zip(self.call_wholes(&calls)?) {
            match taken {
                Written::Replaced => written[moves[at].0] = Written::Replaced,
                Written::Differs => back.push(at),
            }
        }
        let taken_back = |at: &usize| {
            let it = &moves[*at].1;
            (&it.goes_to.0, &it.takes_back)
        };
        let calls: Vec<(&Key, &Whole)> = back.iter().map(taken_back).collect();
        self.call_wholes(&calls)?;
        Ok(written)
    }
}

fn pair((key, whole): &(Key, Whole)) -> (&Key, &Whole) {
    (key, whole)
}

/// The key under which the value stands.
fn holder(key: &Key, whole: &Whole) -> Key {
    match &whole.there {
        Some((there, _)) if whole.here.before.is_none() => there.clone(),
        _ => key.clone(),
    }
}

fn in_steps(key: &Key, whole: &Whole, expiry: Expiry) -> Move {
    let (there, turn) = whole.there.as_ref().expect("only a move is far");
    let here = (key.clone(), whole.here.clone());
    let there = (there.clone(), turn.clone());
    let (was_at, goes_to) = if whole.here.before.is_none() { (there, here) } else { (here, there) };
    let is_copied = goes_to.1.before.is_some() && goes_to.1.before == goes_to.1.after;
    // The expiry that travels is told, for no script sees both keys: where the value was it has to be
    // the same still, else somebody changed it since.
    let told =
        |kept: Option<Kept>| kept.map(|kept| Kept { expiry: kept.expiry.or(Some(expiry)), ..kept });
    let one = |turn: Turn| Whole { here: turn, there: None, terms: Terms::default() };
    let copy = Turn { before: goes_to.1.before.clone(), after: told(goes_to.1.after) };
    let away = Turn { before: told(was_at.1.before), after: was_at.1.after };
    let back = Turn { before: copy.after.clone(), after: copy.before.clone() };
    Move {
        goes_to: (goes_to.0, one(copy)),
        takes_back: one(back),
        was_at: (was_at.0, one(away)),
        is_copied,
    }
}
