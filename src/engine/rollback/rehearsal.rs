//! A rollback rehearsed on sampled documents, without a server: there by the chain, back by the inverse
//! of each step, and back by the before-image that a run would keep. Pure.

use serde::Serialize;

use super::decide::changed;
use crate::engine::error::EngineError;
use crate::engine::inverse::{Inverse, Inverted};
use crate::engine::judge::{Judge, Judged, Way};
use crate::model::{
    BeforeImage, Branch, Content, Document, Edit, Expiry, HashField, Kept, Key, Now, Stands,
};
use crate::planner::Plan;
use crate::transform::{Chain, Stage};

/// What came of sampled documents that were taken to the target and back.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Rehearsal {
    /// Documents that were looked at.
    pub sampled: u64,
    /// Those that a run would change.
    pub migrated: u64,
    /// Those of them that came back byte for byte, be it by the journal.
    pub restored: u64,
    /// Those of the restored that the inverse steps alone do not bring back.
    pub need_journal: u64,
    /// Documents whose end is not known before a service is asked.
    pub unasked: u64,
    /// What stood in the way of the inverse steps, or of the journal too.
    pub obstacles: Vec<Obstacle>,
}

/// Why documents do not come back by the inverse steps.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Obstacle {
    /// The step: `v1_to_v2 step 2 splitField`; `journal` where even the before-image fails.
    pub step: String,
    /// Why.
    pub reason: String,
    /// The keys; empty text for documents of a file.
    pub keys: Vec<Key>,
}

/// A plan's chains and their inverses, compiled.
pub struct Rehearsing {
    judge: Judge,
    inverse: Inverse,
    /// What came of the documents so far.
    pub found: Rehearsal,
}

impl Rehearsing {
    /// Compiles a plan.
    ///
    /// # Errors
    /// A plan whose definitions do not stand in it.
    pub fn new(plan: &Plan) -> Result<Self, EngineError> {
        let (judge, inverse) = (Judge::new(plan)?, Inverse::new(plan)?);
        Ok(Self { judge, inverse, found: Rehearsal::default() })
    }

    /// Takes one document there and back, and counts what came of it.
    pub fn add(&mut self, key: &Key, content: &Content) {
        self.found.sampled += 1;
        let (way, edit) = match self.judge.judge(key, content) {
            Judged::Edit { way, edit } => (way, edit),
            Judged::Ask(_) => {
                self.found.unasked += 1;
                return;
            }
            Judged::Outcome(..) => return,
        };
        self.found.migrated += 1;
        if !comes_back(&edit, content) {
            let reason = "the before-image does not give the same bytes back";
            self.note("journal".to_owned(), reason.to_owned(), key);
            return;
        }
        self.found.restored += 1;
        let Err(why) = self.inverted(&way, key, content, &edit) else { return };
        self.found.need_journal += 1;
        let (step, reason) = self.obstacle(&way, key, content).unwrap_or(("inverse".into(), why));
        self.note(step, reason, key);
    }

    fn note(&mut self, step: String, reason: String, key: &Key) {
        let obstacles = &mut self.found.obstacles;
        match obstacles.iter_mut().find(|known| known.step == step && known.reason == reason) {
            Some(known) => known.keys.push(key.clone()),
            None => obstacles.push(Obstacle { step, reason, keys: vec![key.clone()] }),
        }
    }

    /// Whether the inverse steps give back what stood there; else why not.
    fn inverted(&self, way: &Way, key: &Key, content: &Content, edit: &Edit) -> Result<(), String> {
        if matches!(edit, Edit::Whole(_)) {
            return Err(MOVES.to_owned());
        }
        let written = made(content, edit.clone());
        let source = way.source.to_string();
        let back = match self.inverse.invert(key, &written, &source, &way.branch) {
            Inverted::Edit(edit) => made(&written, edit),
            Inverted::Stands => written,
            Inverted::Not(reason) => return Err(reason),
        };
        if is_same(&back, content) { Ok(()) } else { Err("other bytes come back".to_owned()) }
    }

    /// The last step whose own inverse does not give back the form that the document had before it.
    fn obstacle(&self, way: &Way, key: &Key, content: &Content) -> Option<(String, String)> {
        let chain = self.judge.chain(&way.source)?;
        let mut document = content.document().ok()?;
        let mut forms = vec![document.clone()];
        self.judge
            .apply(&way.source, key, &mut document, &mut |_, _, form| forms.push(form.clone()))
            .ok()?;
        let numbered =
            chain.stages.iter().flat_map(|stage| (0..stage.steps.len()).map(move |at| (stage, at)));
        let mut answers = way.branch.answers().iter().copied();
        let steps: Vec<(&Stage, usize, Branch)> = numbered
            .map(|(stage, at)| {
                let answer = stage.steps[at].when().and_then(|_| answers.next());
                (stage, at, answer.into_iter().collect())
            })
            .collect();
        let pairs = steps.into_iter().zip(forms.windows(2)).rev();
        pairs.into_iter().find_map(|((stage, at, branch), forms)| {
            let reason = self.way_back((stage, at, &branch), key, &forms[0], &forms[1])?;
            let step = format!("{} step {} {}", stage.migration, at + 1, stage.steps[at].kind());
            Some((step, reason))
        })
    }

    /// Why the inverse of one step does not lead from its form to the one before; `None` when it does.
    fn way_back(
        &self,
        (stage, at, branch): (&Stage, usize, &Branch),
        key: &Key,
        before: &Document<'_>,
        after: &Document<'_>,
    ) -> Option<String> {
        if before.storage() != after.storage() || before.home != after.home {
            return Some(MOVES.to_owned());
        }
        let alone = Stage { steps: vec![stage.steps[at].clone()], ..stage.clone() };
        let inverse = match (Chain { stages: vec![alone] }).inverse(branch) {
            Ok(inverse) => inverse,
            Err(irreversible) => return Some(irreversible.reason),
        };
        let mut back = after.clone();
        if let Err(failure) = self.inverse.undo(&inverse, &mut back, key) {
            return Some(format!("the way back refuses it: {}", failure.refusal.reason));
        }
        if back.to_json() == before.to_json() {
            return None;
        }
        let loss = stage.steps[at].loss();
        Some(loss.map_or_else(|| "its inverse gives other bytes".to_owned(), |loss| loss.what))
    }
}

const MOVES: &str = "the run changes how or where the key is stored, which a chain does not invert";

/// Whether the before-image of a change, over what the change writes, gives what stood there.
fn comes_back(edit: &Edit, content: &Content) -> bool {
    let image = BeforeImage::of(edit);
    let stands = |kept: Option<&Kept>| {
        kept.map_or(Stands::Nothing, |kept| {
            Stands::Value(kept.content.clone(), kept.expiry.unwrap_or(Expiry::Never))
        })
    };
    let now = match edit {
        Edit::Whole(whole) => Now {
            here: stands(whole.here.after.as_ref()),
            there: stands(whole.there.as_ref().and_then(|(_, turn)| turn.after.as_ref())),
        },
        edit => Now {
            here: Stands::Value(made(content, edit.clone()), Expiry::Never),
            there: Stands::Nothing,
        },
    };
    match image.restoring(&now) {
        Some(Edit::Whole(back)) => {
            back.here.after.as_ref().is_some_and(|kept| is_same(&kept.content, content))
        }
        Some(edit) => match &now.here {
            Stands::Value(written, _) => is_same(&made(written, edit), content),
            _ => false,
        },
        None => false,
    }
}

/// The value once a change of it is made.
fn made(content: &Content, edit: Edit) -> Content {
    match (edit, content) {
        (Edit::String { after, .. }, _) => Content::String(after),
        (Edit::Json { after, .. }, _) => Content::Json(after),
        (Edit::Hash(changes), Content::Hash(fields)) => Content::Hash(changed(fields, changes)),
        (Edit::Hash(_) | Edit::Whole(_), _) => unreachable!("a change of this value's own storage"),
    }
}

/// Whether two values are the same to Redis: the fields of a hash have no order.
fn is_same(a: &Content, b: &Content) -> bool {
    let sorted = |fields: &[HashField]| {
        let mut fields = fields.to_vec();
        fields.sort_by(|a, b| a.name.cmp(&b.name));
        fields
    };
    match (a, b) {
        (Content::Hash(a), Content::Hash(b)) => sorted(a) == sorted(b),
        (a, b) => a == b,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_before_image_of_other_bytes_does_not_count_as_restored() {
        let stood = Content::String(br#"{"a": 1}"#.to_vec());
        let edit = |before: &[u8]| Edit::String { before: before.to_vec(), after: b"{}".to_vec() };
        assert!(comes_back(&edit(br#"{"a": 1}"#), &stood));
        assert!(!comes_back(&edit(br#"{"a":1}"#), &stood));
    }
}
