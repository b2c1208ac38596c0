//! From what was chosen to transforms in an order in which none destroys what another still needs.

use serde::{Deserialize, Serialize};
use serde_json::{Value as Json, json};

use super::candidates::{Candidate, How};
use super::order::{Op, ordered, overlap};
use super::question::Question;
use super::scope::{Chosen, LIKELY};
use super::side::{Leaf, Names, Side, path_text};
use super::written::{steps_at, transport};

/// How sure a step is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Tier {
    /// Offered, and asked about.
    Guess,
    /// Names and values speak for it.
    Likely,
    /// Declared, or exact in three pairs or more.
    Certain,
}

/// One step of a draft.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Guess {
    /// The transform, as a migration has it.
    pub step: Json,
    /// How sure it is.
    pub tier: Tier,
    /// The same as a number from 0 to 1.
    pub confidence: f64,
    /// What speaks for it.
    pub evidence: String,
    /// What else could be meant.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub alternatives: Vec<String>,
    /// Whether values that stand in documents go with it.
    #[serde(default)]
    pub destructive: bool,
}

impl Chosen {
    /// The steps, and the questions about fields that go.
    pub fn compile(&self) -> (Vec<Guess>, Vec<Question>) {
        let mut questions: Vec<Question> =
            self.questions.iter().cloned().map(|q| q.within(&self.lead)).collect();
        let lifts = self.lifts();
        let mut ops = self.ops(&lifts);
        let goers = self.goers();
        for (path, has_values, is_settled, evidence) in &goers {
            let evidence = evidence.clone();
            if *has_values && !is_settled {
                let question = Question::destructive(&path_text(path), &evidence);
                questions.push(question.within(&self.lead));
            }
            let removal = Some((*has_values, *is_settled, evidence));
            ops.push(Op {
                pick: None,
                reads: vec![lifted(&lifts, path)],
                writes: Vec::new(),
                removal,
                lifts: false,
            });
        }
        let ops = ordered(ops);
        let mut guesses = Vec::new();
        for (at, op) in ops.iter().enumerate() {
            let is_last =
                |path: &Names| !ops[at + 1..].iter().any(|later| later.reads.contains(path));
            guesses.extend(self.write(op, &is_last));
        }
        guesses.extend(self.emptied(&goers));
        for pick in self.picks.iter().filter(|pick| is_late(pick)) {
            guesses.extend(self.late(pick));
        }
        for (to, inside) in &self.inside {
            let (steps, more) = inside.compile();
            questions.extend(more);
            let mut each = for_each(&self.new.leaves[*to], &steps, &self.old);
            // What is inside of a guess is no surer than the guess.
            let around = self.picks.iter().find(|pick| pick.writes.contains(to)).map(sureness);
            if let (Some(each), Some((tier, confidence))) = (&mut each, around) {
                each.tier = each.tier.min(tier);
                each.confidence = each.confidence.min(confidence);
            }
            guesses.extend(each);
        }
        guesses.extend(self.wraps());
        (guesses, questions)
    }

    /// Objects that go to another place as a whole: most of what is taken from inside of one goes to
    /// the same place inside of the other, and the new place is free.
    fn lifts(&self) -> Vec<(Names, Names)> {
        let mut lifts: Vec<(Names, Names)> = Vec::new();
        let moves: Vec<(&Names, &Names)> =
            self.picks.iter().filter_map(|pick| self.ends(pick)).collect();
        for container in &self.old.containers {
            let old = &container.path;
            if self.new.container(old).is_some()
                || lifts.iter().any(|(from, _)| old.starts_with(from))
            {
                continue;
            }
            let taken: Vec<&(&Names, &Names)> =
                moves.iter().filter(|(from, _)| from.starts_with(old)).collect();
            let target = |(from, to): &(&Names, &Names)| -> Option<Names> {
                let rest = &from[old.len()..];
                (to.len() > rest.len() && to.ends_with(rest))
                    .then(|| to[..to.len() - rest.len()].to_vec())
            };
            let Some(new) = taken.first().and_then(|ends| target(ends)) else { continue };
            let same = taken.iter().filter(|ends| target(ends).as_ref() == Some(&new)).count();
            let is_free = !self.old.leaves.iter().any(|leaf| overlap(&leaf.path, &new));
            let is_container = self.new.container(&new).is_some();
            // Two objects cannot both become one: what the second holds goes field by field.
            let is_apart =
                !overlap(old, &new) && !lifts.iter().any(|(_, taken)| overlap(taken, &new));
            if taken.len() > 1 && same * 2 > taken.len() && is_free && is_container && is_apart {
                lifts.push((old.clone(), new));
            }
        }
        lifts
    }

    /// The two ends of a guess that takes one field for another.
    fn ends<'c>(&'c self, pick: &Candidate) -> Option<(&'c Names, &'c Names)> {
        match (&pick.how, pick.reads.as_slice(), pick.writes.as_slice()) {
            (How::Move(_), [from], [to]) => {
                Some((&self.old.leaves[*from].path, &self.new.leaves[*to].path))
            }
            _ => None,
        }
    }

    fn ops(&self, lifts: &[(Names, Names)]) -> Vec<Op<'_>> {
        let mut ops: Vec<Op<'_>> = lifts
            .iter()
            .map(|(from, to)| Op {
                pick: None,
                reads: vec![from.clone()],
                writes: vec![to.clone()],
                removal: None,
                lifts: true,
            })
            .collect();
        for pick in self.picks.iter().filter(|pick| !is_late(pick)) {
            let reads =
                pick.reads.iter().map(|at| lifted(lifts, &self.old.leaves[*at].path)).collect();
            let writes = pick.writes.iter().map(|at| self.new.leaves[*at].path.clone()).collect();
            ops.push(Op { pick: Some(pick), reads, writes, removal: None, lifts: false });
        }
        ops
    }

    /// The fields and whole objects that go: path, whether they have values, whether somebody said so,
    /// and what speaks for it.
    fn goers(&self) -> Vec<(Names, bool, bool, String)> {
        let mut goers: Vec<(Names, bool, bool, String)> = Vec::new();
        for container in &self.old.containers {
            let inside: Vec<usize> = (0..self.old.leaves.len())
                .filter(|at| self.old.leaves[*at].path.starts_with(&container.path))
                .collect();
            let going: Vec<&super::dropped::Dropped> =
                self.dropped.iter().filter(|dropped| inside.contains(&dropped.leaf)).collect();
            let stands = self.new.leaves.iter().any(|leaf| overlap(&leaf.path, &container.path));
            let is_inside = goers.iter().any(|(path, ..)| container.path.starts_with(path));
            if going.len() < inside.len() || going.is_empty() || stands || is_inside {
                continue;
            }
            let has_values = going.iter().any(|dropped| dropped.has_values);
            let is_settled = going.iter().all(|dropped| dropped.is_settled);
            let evidence = going.iter().map(|d| d.evidence.clone()).collect::<Vec<_>>().join("; ");
            goers.push((container.path.clone(), has_values, is_settled, evidence));
        }
        for dropped in &self.dropped {
            let path = &self.old.leaves[dropped.leaf].path;
            if !goers.iter().any(|(whole, ..)| path.starts_with(whole)) {
                goers.push((
                    path.clone(),
                    dropped.has_values,
                    dropped.is_settled,
                    dropped.evidence.clone(),
                ));
            }
        }
        goers
    }

    /// Objects of the old version that nothing is left in.
    fn emptied(&self, goers: &[(Names, bool, bool, String)]) -> Vec<Guess> {
        let lifts = self.lifts();
        let mut guesses = Vec::new();
        let mut emptied: Vec<&Names> = Vec::new();
        for container in &self.old.containers {
            let path = &container.path;
            let stands = self.new.leaves.iter().any(|leaf| overlap(&leaf.path, path))
                || self.new.container(path).is_some();
            let is_done = goers.iter().any(|(gone, ..)| path.starts_with(gone))
                || lifts.iter().any(|(from, _)| path.starts_with(from))
                || emptied.iter().any(|outer| path.starts_with(outer));
            let inside = |at: &usize| self.old.leaves[*at].path.starts_with(path);
            let is_empty = (0..self.old.leaves.len()).filter(inside).all(|at| {
                self.picks.iter().any(|pick| pick.reads.contains(&at))
                    || self.dropped.iter().any(|dropped| dropped.leaf == at)
            });
            if stands || is_done || !is_empty {
                continue;
            }
            emptied.push(path);
            guesses.push(Guess {
                step: json!({"type": "removeField", "field": path_text(path)}),
                tier: Tier::Likely,
                confidence: 0.9,
                evidence: format!(
                    "everything that {} is known to hold was taken out",
                    path_text(path)
                ),
                alternatives: Vec::new(),
                destructive: false,
            });
        }
        guesses
    }

    /// Whether the old field at this path stands in its place in the new version, too.
    fn stays(&self, path: &Names) -> bool {
        let Some(to) = self.new.leaf(path) else { return false };
        let Some(from) = self.old.leaf(path) else { return false };
        // A text that is cut leaves its place to one of its parts.
        let is_new =
            |pick: &Candidate| !pick.reads.contains(&from) || matches!(pick.how, How::Split { .. });
        !self.picks.iter().any(|pick| {
            pick.writes.contains(&to) && is_new(pick) && !matches!(pick.how, How::Value(_))
        })
    }

    fn write(&self, op: &Op<'_>, is_last: &dyn Fn(&Names) -> bool) -> Vec<Guess> {
        if let Some((has_values, is_settled, evidence)) = &op.removal {
            let field = path_text(&op.reads[0]);
            let is_sure = *is_settled || !has_values;
            let (tier, confidence) = if is_sure { (Tier::Likely, 0.9) } else { (Tier::Guess, 0.6) };
            let step = json!({"type": "removeField", "field": field});
            return vec![Guess {
                step,
                tier,
                confidence,
                evidence: evidence.clone(),
                alternatives: vec![format!("keep {field}")],
                destructive: *has_values,
            }];
        }
        if op.lifts {
            let may_be_absent = !self.old.container(&op.reads[0]).is_some_and(|c| c.always);
            let step = transport(&op.reads[0], &op.writes[0], may_be_absent, false);
            let evidence = format!(
                "what stands in {} stands in {} now",
                path_text(&op.reads[0]),
                path_text(&op.writes[0])
            );
            return vec![guess_of(step, Tier::Likely, 0.85, evidence)];
        }
        let Some(pick) = op.pick else { return Vec::new() };
        let keeps: Vec<bool> =
            op.reads.iter().map(|path| self.stays(path) || !is_last(path)).collect();
        let steps = steps_at(pick, &self.old, &self.new, &op.reads, &keeps);
        let (tier, confidence) = sureness(pick);
        let made = steps.into_iter().map(|step| Guess {
            alternatives: pick.alternatives.iter().map(|(words, _)| words.clone()).collect(),
            ..guess_of(step, tier, confidence, pick.evidence.clone())
        });
        made.collect()
    }

    /// Values, and what mends: they come when everything is in its place.
    fn late(&self, pick: &Candidate) -> Vec<Guess> {
        let (tier, confidence) = sureness(pick);
        let steps = match &pick.how {
            How::Value(value) => {
                let leaf = &self.new.leaves[pick.writes[0]];
                vec![self.value_step(leaf, value)]
            }
            How::Declared(steps) => steps.clone(),
            _ => Vec::new(),
        };
        steps
            .into_iter()
            .map(|step| Guess {
                alternatives: pick.alternatives.iter().map(|(words, _)| words.clone()).collect(),
                ..guess_of(step, tier, confidence, pick.evidence.clone())
            })
            .collect()
    }

    fn value_step(&self, leaf: &Leaf, value: &Json) -> Json {
        let text = leaf.text();
        let stood = self.old.leaf(&leaf.path).map(|at| &self.old.leaves[at]);
        let mut step = match stood {
            Some(_) if leaf.structure.constant().is_some() => {
                json!({"type": "setField", "field": text, "value": value})
            }
            Some(_) => json!({"type": "defaultIfMissing", "field": text, "defaultValue": value}),
            None => json!({"type": "addField", "field": text, "defaultValue": value}),
        };
        let parent = &leaf.path[..leaf.path.len() - 1];
        if !parent.is_empty() && !leaf.always {
            step["when"] = json!({"field": path_text(parent), "exists": true});
        }
        step
    }
}

/// Where a path leads once whole objects have moved.
fn lifted(lifts: &[(Names, Names)], path: &Names) -> Names {
    match lifts.iter().find(|(from, _)| path.starts_with(from)) {
        Some((from, to)) => to.iter().chain(&path[from.len()..]).cloned().collect(),
        None => path.clone(),
    }
}

/// Whether a guess comes when everything is in its place.
fn is_late(pick: &Candidate) -> bool {
    match &pick.how {
        How::Value(_) => true,
        How::Declared(_) => pick.reads.is_empty(),
        _ => false,
    }
}

/// How sure a guess is, and the number to it.
fn sureness(pick: &Candidate) -> (Tier, f64) {
    let confidence = (pick.confidence.min(0.97) * 100.0).round() / 100.0;
    match () {
        () if pick.declared => (Tier::Certain, 1.0),
        () if pick.is_shown() && pick.confidence >= LIKELY => (Tier::Certain, confidence.max(0.95)),
        () if pick.needs_asking() => (Tier::Guess, confidence.min(0.7)),
        () => (Tier::Likely, confidence.min(0.95)),
    }
}

fn guess_of(step: Json, tier: Tier, confidence: f64, evidence: String) -> Guess {
    Guess { step, tier, confidence, evidence, alternatives: Vec::new(), destructive: false }
}

/// Steps inside of a list or map.
fn for_each(leaf: &Leaf, steps: &[Guess], old: &Side) -> Option<Guess> {
    let first = steps.iter().map(|guess| (guess.tier, guess.confidence));
    let (tier, confidence) = first.min_by(|a, b| a.1.total_cmp(&b.1))?;
    let transforms: Vec<Json> = steps.iter().map(|guess| guess.step.clone()).collect();
    let mut step = json!({"type": "forEach", "field": leaf.text(), "transforms": transforms});
    let from = old.leaf(&leaf.path).map(|at| &old.leaves[at]);
    if from.is_none_or(Leaf::may_be_absent) {
        step["onMissing"] = "skip".into();
    }
    if from
        .is_some_and(|from| from.structure.is_nullable() || from.values.iter().any(Json::is_null))
    {
        step["when"] = json!({"not": {"field": leaf.text(), "type": "null"}});
    }
    let mut evidence: Vec<String> = steps.iter().map(|guess| guess.evidence.clone()).collect();
    evidence.dedup();
    Some(Guess {
        step,
        tier,
        confidence,
        evidence: format!("in each: {}", evidence.join("; ")),
        alternatives: Vec::new(),
        destructive: steps.iter().any(|guess| guess.destructive),
    })
}
