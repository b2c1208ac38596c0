//! One draft over one kind of object: a document, or the items of a list. Everything is guessed here,
//! and chosen among the guesses.

use serde_json::Value as Json;

use super::candidates::{Candidate, Ground, How, fitting, types_meet};
use super::convert::Conversion;
use super::defaults;
use super::evidence::{Pairs, equal};
use super::hints::Hints;
use super::question::Question;
use super::side::{Leaf, Names, Part, Side, value_at};
use super::structure::Structure;
use crate::schema::FieldType;

/// From this confidence on a guess stands in the draft without being asked about.
pub const LIKELY: f64 = 0.75;
/// From this confidence on a guess stands in the draft, and is asked about.
pub const GUESS: f64 = 0.55;
/// A guess that another one comes so near to is only asked about.
const MARGIN: f64 = 0.15;

/// What one draft is made from.
#[derive(Debug)]
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
    /// The path of these objects in the document, for questions: empty, or `items[].`
    pub lead: String,
    /// The field that holds the version, which is stamped.
    pub stamped: Option<Names>,
}

/// A field that goes.
#[derive(Clone, Debug)]
pub struct Dropped {
    /// Its place in the old side.
    pub leaf: usize,
    /// Whether it has values as far as is known.
    pub has_values: bool,
    /// Whether somebody said that it may go.
    pub is_settled: bool,
    /// What speaks for it.
    pub evidence: String,
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
        let mut samples: Vec<&Json> = self.samples.iter().collect();
        samples.extend(self.pairs.shown.iter().map(|(before, _)| before));
        let after: Vec<&Json> =
            self.pairs.shown.iter().map(|(_, after)| after).chain(&self.arrived).collect();
        let old = Side::of(self.old, &samples, self.new);
        let new = Side::of(self.new, &[], self.old);
        let known: Vec<Vec<Json>> =
            new.leaves.iter().map(|leaf| distinct(&after, &leaf.path)).collect();
        let (kept, open) = self.kept(&old, &new);
        let free =
            (0..old.leaves.len()).filter(|at| !kept.iter().any(|(from, _)| from == at)).collect();
        let mut ground = Ground { old: &old, new: &new, pairs: &self.pairs, known, free, open };
        let whole = (ground.free.clone(), ground.open.clone());
        let mut picks = ground.declared(&self.hints.own());
        // What is sure goes first; what is left over then speaks for what goes together.
        let unsure = loop {
            let before = picks.len();
            let (sure, unsure) = self.pass(&ground, &picks, LIKELY);
            picks.extend(sure);
            ground.free = whole
                .0
                .iter()
                .copied()
                .filter(|at| !picks.iter().any(|p| p.reads.contains(at)))
                .collect();
            ground.open = whole
                .1
                .iter()
                .copied()
                .filter(|at| !picks.iter().any(|p| p.writes.contains(at)))
                .collect();
            if picks.len() == before {
                let (rest, unsure) = self.pass(&ground, &picks, GUESS);
                picks.extend(rest);
                break unsure;
            }
            drop(unsure);
        };
        (ground.free, ground.open) = whole;
        let mut questions: Vec<Question> = Vec::new();
        let is_refused = |pick: &Candidate| {
            let is_refused =
                |to: &usize| refused.contains(&format!("{}{}", self.lead, new.leaves[*to].text()));
            !pick.declared && pick.writes.iter().any(is_refused)
        };
        let (wrong, right): (Vec<_>, Vec<_>) = picks.into_iter().partition(is_refused);
        picks = right;
        for pick in &wrong {
            questions.push(Question::refused(pick, &old, &new));
        }
        let asked: Vec<usize> =
            wrong.iter().chain(&unsure).flat_map(|guess| guess.writes.clone()).collect();
        let mut open = ground.open.clone();
        open.retain(|to| !picks.iter().any(|pick| pick.writes.contains(to)));
        let left: Vec<usize> = ground
            .free
            .iter()
            .copied()
            .filter(|at| !picks.iter().any(|pick| pick.reads.contains(at)))
            .collect();
        let filled = defaults::fill(self, &ground, &open, (&asked, &left), &mut questions);
        picks.extend(filled);
        picks.extend(defaults::mend(self, &ground, &kept, &picks, &mut questions));
        let unexplained: Vec<usize> = open
            .iter()
            .copied()
            .filter(|to| !picks.iter().any(|p| p.writes.contains(to)))
            .collect();
        questions.extend(Question::unsure(&unsure, &unexplained, &picks, &ground));
        let dropped = self.dropped(&ground, &picks, &unexplained, &unsure);
        for pick in picks.iter().filter(|pick| pick.needs_asking()) {
            questions.push(Question::confirm(pick, &old, &new));
        }
        let inside = self.inside(&old, &new, &kept, &picks, refused);
        Chosen { old, new, picks, dropped, questions, inside, lead: self.lead.clone() }
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
        guesses.extend(defaults::constants(self, ground));
        guesses
    }

    /// Old fields that nothing takes and the new schema does not name.
    fn dropped(
        &self,
        ground: &Ground<'_>,
        picks: &[Candidate],
        unexplained: &[usize],
        unsure: &[Candidate],
    ) -> Vec<Dropped> {
        let mut dropped = Vec::new();
        for &at in &ground.free {
            let leaf = &ground.old.leaves[at];
            let is_taken = picks
                .iter()
                .any(|pick| pick.reads.contains(&at) && !matches!(pick.how, How::Value(_)));
            let stands =
                ground.new.leaves.iter().any(|new| {
                    leaf.path.starts_with(&new.path) || new.path.starts_with(&leaf.path)
                });
            if is_taken || stands || self.stamped.as_ref() == Some(&leaf.path) {
                continue;
            }
            let text = leaf.text();
            if self.hints.keep.contains(&text) {
                continue;
            }
            let must_go = ground.new.is_closed_around(&leaf.path);
            if !leaf.declared && !must_go {
                continue;
            }
            let shown = self.pairs.dropped(&leaf.path);
            if shown.of > 0 && shown.share() < 0.5 {
                continue;
            }
            let may_be = |to: &usize| {
                let new = &ground.new.leaves[*to];
                leaf.values.iter().all(|value| new.fits_outside(value))
                    && types_meet(leaf, new, &Conversion::none())
            };
            let is_hinted = self.hints.drop.contains(&text);
            let is_unsure = unsure.iter().any(|guess| guess.reads.contains(&at));
            if !is_hinted && shown.of == 0 && (is_unsure || unexplained.iter().any(may_be)) {
                // It may be what a new field is made of: the question names it, and no line drops it.
                continue;
            }
            let has_values = leaf.present > 0 || (leaf.sampled == 0 && leaf.declared);
            let evidence = match shown.of {
                0 => format!("{text} has values in {} of {} samples", leaf.present, leaf.sampled),
                of => format!("{text} is gone in {} of {of} pairs", shown.right),
            };
            let is_settled = is_hinted || shown.of > 0;
            dropped.push(Dropped { leaf: at, has_values, is_settled, evidence });
        }
        dropped
    }

    /// Drafts for the items of lists and the values of maps that stand on both sides.
    fn inside(
        &self,
        old: &Side,
        new: &Side,
        kept: &[(usize, usize)],
        picks: &[Candidate],
        refused: &[String],
    ) -> Vec<(usize, Chosen)> {
        let stay = kept.iter().map(|(from, to)| (*from, *to, Conversion::none()));
        let moved = picks.iter().filter_map(|pick| {
            match (&pick.how, pick.reads.as_slice(), pick.writes.as_slice()) {
                (How::Move(way), [from], [to]) => Some((*from, *to, way.clone())),
                _ => None,
            }
        });
        let mut inside = Vec::new();
        for (from, to, way) in stay.chain(moved) {
            let (a, b) = (&old.leaves[from], &new.leaves[to]);
            if let Some(chosen) = self.inside_of(a, b, &way, refused) {
                inside.push((to, chosen));
            }
        }
        inside
    }

    fn inside_of(
        &self,
        old: &Leaf,
        new: &Leaf,
        way: &Conversion,
        refused: &[String],
    ) -> Option<Chosen> {
        let wanted = new.structure.items.as_ref().or(new.structure.values.as_ref())?;
        let target = Structure::of(wanted, self.new.root);
        let anything = Json::Bool(true);
        let keyed =
            way.steps.iter().any(|step| step["type"] == "keyBy" || step["type"] == "entries");
        let had = old.structure.items.as_ref().or(old.structure.values.as_ref());
        // What another conversion makes is known by its values alone.
        let had = had.filter(|_| way.is_none() || keyed).unwrap_or(&anything);
        let items = |value: &Json| -> Vec<Json> {
            match value {
                Json::Array(items) => items.clone(),
                Json::Object(members) => members.values().cloned().collect(),
                _ => Vec::new(),
            }
        };
        let samples: Vec<Json> = old
            .values
            .iter()
            .filter_map(|value| way.apply(value))
            .flat_map(|value| items(&value))
            .collect();
        let is_declared = !Structure::of(had, self.old.root).fields.is_empty();
        if target.fields.is_empty()
            || !samples.iter().all(Json::is_object)
            || (samples.is_empty() && !is_declared)
        {
            return None;
        }
        let shown = self.pairs.shown.iter().filter_map(|(before, after)| {
            let before = way.apply(value_at(before, &old.path)?)?;
            let (before, after) = (items(&before), items(value_at(after, &new.path)?));
            (before.len() == after.len()).then(|| before.into_iter().zip(after))
        });
        let pairs = Pairs {
            shown: shown.flatten().filter(|(a, b)| a.is_object() && b.is_object()).collect(),
        };
        let scope = Scope {
            old: Part { node: had, root: self.old.root },
            new: Part { node: wanted, root: self.new.root },
            samples,
            arrived: Vec::new(),
            pairs,
            hints: self.hints.inside(&new.text()),
            lead: format!("{}{}[].", self.lead, new.text()),
            stamped: None,
        };
        let chosen = scope.choose(refused);
        let is_idle = chosen.picks.is_empty()
            && chosen.dropped.is_empty()
            && chosen.questions.is_empty()
            && chosen.inside.is_empty();
        (!is_idle).then_some(chosen)
    }
}

impl Chosen {
    /// Whether a guess, and no fact, writes the new field at a path.
    pub fn has_written(&self, path: &str) -> bool {
        let own = self.picks.iter().filter(|pick| !pick.declared).any(|pick| {
            pick.writes
                .iter()
                .any(|to| format!("{}{}", self.lead, self.new.leaves[*to].text()) == path)
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

/// Takes the surest guess, and the next that does not clash, until none is sure enough. Answers what
/// was taken, and what is only to be asked about.
fn chosen(
    declared: Vec<Candidate>,
    mut guesses: Vec<Candidate>,
    ground: &Ground<'_>,
    least: f64,
) -> (Vec<Candidate>, Vec<Candidate>) {
    guesses.sort_by(|a, b| b.confidence.total_cmp(&a.confidence).then(a.writes.cmp(&b.writes)));
    let mut picks = declared;
    let mut unsure: Vec<Candidate> = Vec::new();
    let reads_twice = |a: &Candidate, b: &Candidate| {
        // Shown by pairs, one old field may make several new ones.
        a.hits.right > 0 && b.hits.right > 0 && !a.writes.iter().any(|w| b.writes.contains(w))
    };
    let collide = |a: &Candidate, b: &Candidate| a.clashes(b) && !reads_twice(a, b);
    for at in 0..guesses.len() {
        let guess = guesses[at].clone();
        if picks.iter().any(|pick| collide(pick, &guess)) {
            continue;
        }
        let rivals: Vec<&Candidate> = guesses[at + 1..]
            .iter()
            .filter(|other| {
                collide(other, &guess) && !picks.iter().any(|pick| collide(pick, other))
            })
            .collect();
        let nearest = rivals.first().map_or(0.0, |rival| rival.confidence);
        let is_close =
            nearest >= 0.4 && guess.confidence - nearest < MARGIN && guess.confidence < 0.95;
        let is_close = is_close && !is_obvious(&guess, ground);
        let mut guess = guess.clone();
        guess.alternatives = rivals.iter().take(3).map(|rival| rival.evidence.clone()).collect();
        if guess.confidence < least || is_close {
            if guess.confidence >= 0.25 {
                unsure.push(guess);
            }
            continue;
        }
        picks.push(guess);
    }
    unsure.retain(|guess| {
        !guess.writes.iter().any(|to| picks.iter().any(|pick| pick.writes.contains(to)))
    });
    (picks, unsure)
}

/// Whether a guess leaves a field in its place: another field that could fill it as well does not
/// make that doubtful.
fn is_obvious(guess: &Candidate, ground: &Ground<'_>) -> bool {
    matches!((guess.reads.as_slice(), guess.writes.as_slice()), ([from], [to])
        if ground.old.leaves[*from].path == ground.new.leaves[*to].path)
}
