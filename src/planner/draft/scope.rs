//! One draft over one kind of object: a document, or the items of a list. Everything is guessed here,
//! and chosen among the guesses.

use serde_json::Value as Json;

use super::candidates::{Candidate, Ground, How, Tried, fitting, types_meet};
use super::convert::Conversion;
use super::defaults;
use super::dropped::Dropped;
use super::enums;
use super::evidence::{Pairs, equal};
use super::hints::Hints;
use super::likeness::shifts;
use super::lone;
use super::looks;
use super::names::{singular, words};
use super::picking::chosen;
use super::question::Question;
use super::side::{Leaf, Names, Part, Side, value_at};
use crate::schema::FieldType;

/// From this confidence on a guess stands in the draft without being asked about.
pub const LIKELY: f64 = 0.75;
/// From this confidence on a guess stands in the draft, and is asked about.
pub const GUESS: f64 = 0.55;
/// From this confidence on a guess stands in the draft, and is asked about, where both fields are left
/// over: one has values and no place, the other must stand and has no source.
pub const LEFT_OVER: f64 = ASKED;
/// From this confidence on a guess is worth a question.
pub const ASKED: f64 = 0.25;

/// What one draft is made from.
#[derive(Clone, Debug)]
pub struct Scope<'s> {
    /// The old schema's node.
    pub old: Part<'s>,
    /// The new schema's node.
    pub new: Part<'s>,
    /// Sampled objects of the old version.
    pub samples: Vec<Json>,
    /// Sampled objects that have the new version already.
    pub arrived: Vec<Json>,
    /// Objects before and after.
    pub pairs: Pairs,
    /// What is known beforehand.
    pub hints: Hints,
    /// What one document is called: the subject.
    pub subject: String,
    /// The path of these objects in the document, for questions: empty, or `items[].`
    pub lead: String,
    /// The field that holds the version, which is stamped.
    pub stamped: Option<Names>,
}

/// What was chosen.
#[derive(Debug)]
pub struct Chosen {
    /// The old side.
    pub old: Side,
    /// The new side.
    pub new: Side,
    /// The guesses that stand in the draft.
    pub picks: Vec<Candidate>,
    /// The fields that go.
    pub dropped: Vec<Dropped>,
    /// What is to be asked.
    pub questions: Vec<Question>,
    /// Drafts for what is inside of lists and maps, by place in the new side.
    pub inside: Vec<(usize, Chosen)>,
    /// The path of these objects in the document, for questions.
    pub lead: String,
}

impl Scope<'_> {
    /// Guesses, chooses, and asks what cannot be known. What stands in `refused` (fields of the new
    /// version that a trial on samples showed to be wrong) is only asked about.
    pub fn choose(&self, refused: &[String]) -> Chosen {
        let mut lone = self.hinted_lone();
        loop {
            let chosen = self.choose_with(&lone, refused);
            let more = self.lone_lists(&chosen);
            let mut opened = lone.clone();
            opened.extend(more);
            if opened.len() == lone.len() {
                return chosen;
            }
            let mut tried = self.choose_with(&opened, refused);
            // A list in the only item of a list.
            loop {
                let mut inner = self.lone_lists(&tried);
                inner.retain(|list| opened.iter().any(|outer| list.starts_with(outer)));
                if inner.is_empty() {
                    break;
                }
                opened.extend(inner);
                tried = self.choose_with(&opened, refused);
            }
            opened.retain(|list| lone.contains(list) || tried.fills(list));
            if opened.len() == lone.len() {
                return chosen;
            }
            lone = opened;
        }
    }

    /// The same, with the lists of `lone` in the new schema taken for the one item they hold.
    fn choose_with(&self, lone: &[Names], refused: &[String]) -> Chosen {
        if lone.is_empty() || self.pairs.is_empty() && self.arrived.is_empty() {
            return self.choose_once(lone, refused);
        }
        let mut opened = self.clone();
        let shown = opened.pairs.shown.iter_mut().map(|(_, after)| after);
        for after in shown.chain(&mut opened.arrived) {
            lone::unwrap(after, lone);
        }
        opened.choose_once(lone, refused)
    }

    fn choose_once(&self, lone: &[Names], refused: &[String]) -> Chosen {
        let mut samples: Vec<&Json> = self.samples.iter().collect();
        samples.extend(self.pairs.shown.iter().map(|(before, _)| before));
        let after: Vec<&Json> =
            self.pairs.shown.iter().map(|(_, after)| after).chain(&self.arrived).collect();
        let old = Side::of(self.old, &samples, self.new, &[]);
        let mut new = Side::of(self.new, &[], self.old, lone);
        let known: Vec<Vec<Json>> =
            new.leaves.iter().map(|leaf| distinct(&after, &leaf.path)).collect();
        for (leaf, known) in new.leaves.iter_mut().zip(&known) {
            let seen = self.arrived.iter().filter(|at| value_at(at, &leaf.path).is_some()).count();
            let is_said = |leaf: &Leaf| {
                let becomes = |old: &Leaf| {
                    let are_others = old.values.iter().all(|value| !known.contains(value));
                    let way =
                        enums::maps(old, leaf).filter(|_| are_others && !old.values.is_empty());
                    way.is_some_and(|way| way.assumes.is_none())
                };
                old.leaves.iter().any(becomes)
            };
            leaf.list_seen(known, seen, &is_said);
        }
        let (kept, open) = self.kept(&old, &new);
        let free: Vec<usize> =
            (0..old.leaves.len()).filter(|at| !kept.iter().any(|(from, _)| from == at)).collect();
        let mut ground = Ground {
            old: &old,
            new: &new,
            pairs: &self.pairs,
            known,
            shifts: shifts(&old, &new, &free, &open),
            free,
            open,
            is_inside: !self.lead.is_empty(),
            thing: self.thing(),
            looks: old.leaves.iter().map(looks::of_values).collect(),
            paired: kept.clone(),
            tried: Tried::default(),
        };
        let (mut picks, unsure) = self.best(&mut ground);
        let mut questions: Vec<Question> = Vec::new();
        let is_refused = |pick: &Candidate| {
            let is_refused = |to: &usize| {
                let text = format!("{}{}", self.lead, new.leaves[*to].text());
                refused.iter().any(|path| lone::is_same(path, &text))
            };
            !pick.declared && pick.writes.iter().any(is_refused)
        };
        let (wrong, right): (Vec<_>, Vec<_>) = picks.into_iter().partition(is_refused);
        picks = right;
        for pick in &wrong {
            questions.push(Question::refused(pick, &old, &new));
        }
        let asked: Vec<usize> =
            wrong.iter().chain(&unsure).flat_map(|guess| guess.writes.clone()).collect();
        let open = without(&ground.open, &picks, |pick| &pick.writes);
        let left = without(&ground.free, &picks, |pick| &pick.reads);
        let filled = defaults::fill(self, &ground, &open, (&asked, &left), &mut questions);
        picks.extend(filled);
        picks.extend(defaults::mend(self, &ground, &kept, &picks, &mut questions));
        let unexplained = without(&open, &picks, |pick| &pick.writes);
        questions.extend(Question::unsure(&unsure, &unexplained, &picks, &ground));
        let dropped = self.dropped(&ground, &picks, &unexplained, &unsure);
        for pick in picks.iter().filter(|pick| pick.needs_asking()) {
            questions.push(Question::confirm(pick, &old, &new));
        }
        let inside = self.inside(&old, &new, &kept, &picks, refused);
        Chosen { old, new, picks, dropped, questions, inside, lead: self.lead.clone() }
    }

    /// What one of these objects is called: `input` of `inputs[].`, else the subject.
    fn thing(&self) -> Option<String> {
        let Some(list) = self.lead.strip_suffix("[].") else {
            return words(&self.subject).last().map(|word| singular(word));
        };
        let name = list.rsplit(['.', ']']).find(|name| !name.is_empty())?;
        Some(singular(name))
    }

    /// Facts, then guesses: what is sure goes first, and what is left over then speaks for what goes
    /// together. Answers what was taken, and what is only to be asked about.
    fn best(&self, ground: &mut Ground<'_>) -> (Vec<Candidate>, Vec<Candidate>) {
        let (free, open) = (ground.free.clone(), ground.open.clone());
        let mut picks = ground.declared(&self.hints.own());
        let kept = ground.paired.clone();
        let mut least = [LIKELY, GUESS, LEFT_OVER].into_iter();
        let mut current = least.next();
        let mut doubts = Vec::new();
        while let Some(at_least) = current {
            let (sure, unsure) = self.pass(ground, &picks, at_least);
            if sure.is_empty() {
                current = least.next();
            }
            picks.extend(sure);
            doubts = unsure;
            ground.free = without(&free, &picks, |pick| &pick.reads);
            ground.open = without(&open, &picks, |pick| &pick.writes);
            ground.paired.clone_from(&kept);
            ground.paired.extend(picks.iter().filter_map(Candidate::pair));
        }
        (ground.free, ground.open) = (free, open);
        (picks, doubts)
    }

    /// The fields that stand in their place and fit, by their places in both sides; and the new
    /// fields that need something.
    fn kept(&self, old: &Side, new: &Side) -> (Vec<(usize, usize)>, Vec<usize>) {
        let (mut kept, mut open) = (Vec::new(), Vec::new());
        for (to, leaf) in new.leaves.iter().enumerate() {
            if self.stamped.as_ref() == Some(&leaf.path) {
                continue;
            }
            match old.leaf(&leaf.path) {
                Some(from) if self.stays(&old.leaves[from], leaf) => kept.push((from, to)),
                _ => open.push(to),
            }
        }
        // An opaque new object holds whatever stood inside the old one, and an opaque old one what
        // the new one names: neither needs anything.
        open.retain(|to| {
            let path = &new.leaves[*to].path;
            let opaque = |leaf: &Leaf| path.starts_with(&leaf.path) && path.len() > leaf.path.len();
            let has_inside = old.container(path).is_some();
            let is_inside = old
                .leaves
                .iter()
                .any(|leaf| opaque(leaf) && leaf.structure.may_be(FieldType::Object));
            let is_object = new.leaves[*to].structure.is_only(FieldType::Object);
            !(has_inside && is_object || is_inside && !new.leaves[*to].required)
        });
        (kept, open)
    }

    /// Whether a field's values may stay as they are.
    fn stays(&self, old: &Leaf, new: &Leaf) -> bool {
        if let Some(hits) = self.pairs.keeps(&old.path)
            && hits.share() < 0.5
            && !new.is_nest()
        {
            return false;
        }
        // Only some samples have it and the old schema does not name it: versions are mixed.
        if !old.declared
            && old.present < old.sampled
            && self.samples.len() > old.present
            && new.required
        {
            return false;
        }
        if super::units::unit_of(old) != super::units::unit_of(new)
            && super::units::unit_of(old).is_some()
            && super::units::unit_of(new).is_some()
        {
            return false;
        }
        let none = Conversion::none();
        let fits = fitting(old, new, &none);
        if fits.of > 0 { fits.are_all() } else { types_meet(old, new, &none) && !narrows(old, new) }
    }

    /// One pass over what is still free and open: takes what is at least so sure.
    fn pass(
        &self,
        ground: &Ground<'_>,
        picks: &[Candidate],
        least: f64,
    ) -> (Vec<Candidate>, Vec<Candidate>) {
        let mut guesses = self.guesses(ground);
        let is_fact = |pick: &&Candidate| pick.declared;
        guesses.retain(|guess| !picks.iter().filter(is_fact).any(|fact| fact.clashes(guess)));
        let (mut all, unsure) = chosen(picks.to_vec(), guesses, ground, least);
        (all.split_off(picks.len()), unsure)
    }

    fn guesses(&self, ground: &Ground<'_>) -> Vec<Candidate> {
        let mut guesses = ground.moves();
        guesses.extend(ground.splits());
        guesses.extend(ground.merges());
        guesses.extend(ground.gathers());
        guesses.extend(ground.choices());
        guesses.extend(defaults::constants(self, ground));
        guesses
    }
}

impl Chosen {
    /// The new fields that guesses write, leaving aside those whose inside is drafted by itself.
    pub fn written(&self) -> Vec<Names> {
        let guessed = self
            .picks
            .iter()
            .filter(|pick| !pick.declared && !matches!(pick.how, How::Declared(_)));
        let fields = guessed.flat_map(|pick| pick.writes.iter());
        let plain = fields.filter(|to| !self.inside.iter().any(|(inside, _)| inside == *to));
        let is_now = |to: &&usize| {
            let placeholder = |pick: &&Candidate| matches!(&pick.how, How::Value(Json::String(text)) if text.contains("${"));
            self.picks.iter().filter(placeholder).any(|pick| pick.writes.contains(to))
        };
        plain.filter(|to| !is_now(to)).map(|to| self.new.leaves[*to].path.clone()).collect()
    }

    /// Whether a guess, and no fact, writes the new field at a path.
    pub fn has_written(&self, path: &str) -> bool {
        let own = self.picks.iter().filter(|pick| !pick.declared).any(|pick| {
            pick.writes.iter().any(|to| {
                lone::is_same(path, &format!("{}{}", self.lead, self.new.leaves[*to].text()))
            })
        });
        own || self.inside.iter().any(|(_, chosen)| chosen.has_written(path))
    }
}

impl Candidate {
    /// Whether a person has to look at it before a run.
    pub fn needs_asking(&self) -> bool {
        let is_sure = self.declared || self.is_shown();
        self.assumes.is_some() || (!is_sure && self.confidence < LIKELY)
    }
}

/// The fields that no guess has on the side that `ends` names.
fn without(
    fields: &[usize],
    picks: &[Candidate],
    ends: impl Fn(&Candidate) -> &Vec<usize>,
) -> Vec<usize> {
    let is_taken = |at: &usize| picks.iter().any(|pick| ends(pick).contains(at));
    fields.iter().copied().filter(|at| !is_taken(at)).collect()
}

/// Distinct values at a path.
fn distinct(documents: &[&Json], path: &[String]) -> Vec<Json> {
    const KEPT_MAX: usize = 60;
    let mut values: Vec<Json> = Vec::new();
    for value in documents.iter().filter_map(|document| value_at(document, path)) {
        if values.len() < KEPT_MAX && !values.iter().any(|known| equal(known, value)) {
            values.push(value.clone());
        }
    }
    values
}

/// Whether, by the schemas alone, values of the old field may be refused by the new one.
fn narrows(old: &Leaf, new: &Leaf) -> bool {
    let none_lost = |value: &Json| new.fits(value);
    match (&old.structure.listed, &new.structure.listed) {
        (Some(values), _) => !values.iter().all(none_lost),
        (None, Some(_)) => true,
        (None, None) => false,
    }
}
