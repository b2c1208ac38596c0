//! Fewer steps for the same result: adjacent transforms fused into one, or cancelled, where they are
//! provably equal.
//!
//! A fused step may refuse what the plain steps would have accepted, never the other way round: whoever
//! applies an optimised chain and meets a refusal applies the plain chain, whose refusal names the
//! operator's own step. So it is enough that what the fused step accepts comes out byte for byte as
//! from the plain ones, and that the plain ones accept it too.

use std::fmt;

use serde_json::{Value as Json, json};

use super::chain::{Chain, Stage};
use super::facts::Facts;
use super::place::Place;
use super::step::{Loss, Refusal, Step, Transform};
use super::template::Template;
use crate::model::json::quote;
use crate::model::object::Name;
use crate::model::{Document, Path};

/// A chain with the steps that could be spared left out.
#[derive(Clone, Debug)]
pub struct Optimised {
    /// The chain.
    pub chain: Chain,
    /// What became one step.
    pub fused: Vec<Fused>,
}

/// Several steps that became one, or none.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fused {
    /// The steps, as their operator knows them: `v1_to_v2 step 2`.
    pub steps: Vec<String>,
    /// What is done in their place; `None` when they cancel each other.
    pub into: Option<String>,
}

impl fmt::Display for Fused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.into {
            Some(into) => write!(f, "{} as one: {into}", self.steps.join(", ")),
            None => write!(f, "{} cancel each other", self.steps.join(", ")),
        }
    }
}

/// What has to hold of a document so that a fused step stands for the plain ones.
#[derive(Clone, Debug)]
enum Guard {
    /// A field is absent.
    Lacks(Place),
    /// A field is there, and its name is written without escapes that a renaming would drop.
    StandsPlainly(Place),
}

/// What stands for two steps.
struct Pair {
    guards: Vec<Guard>,
    step: Option<Json>,
}

/// One step of the chain to be: the plain ones it stands for, as (stage, step).
struct Op {
    covers: Vec<(usize, usize)>,
    guards: Vec<Guard>,
    step: Option<Step>,
}

/// Fuses and cancels what can be; `None` when nothing can.
pub fn optimise(chain: &Chain) -> Option<Optimised> {
    let mut ops: Vec<Op> = Vec::new();
    for (stage, steps) in chain.stages.iter().enumerate() {
        for (at, step) in steps.steps.iter().enumerate() {
            let here = (stage, at);
            let last = ops.last_mut();
            if !last.is_some_and(|last| last.takes(step, here, &chain.stages)) {
                ops.push(Op { covers: vec![here], guards: vec![], step: Some(step.clone()) });
            }
        }
    }
    if ops.iter().all(|op| op.covers.len() == 1) {
        return None;
    }
    let mut stages = chain.stages.clone();
    for stage in &mut stages {
        stage.steps.clear();
    }
    let mut fused = Vec::new();
    for Op { covers, guards, step } in ops {
        let (stage, _) = *covers.last().expect("an operation stands for a step");
        if let [(stage, at)] = covers[..] {
            stages[stage].steps.push(chain.stages[stage].steps[at].clone());
            continue;
        }
        let name = |&(stage, at): &(usize, usize)| {
            format!("{} step {}", chain.stages[stage].migration, at + 1)
        };
        fused.push(Fused {
            steps: covers.iter().map(name).collect(),
            into: step.as_ref().map(Step::summary),
        });
        let (first, at) = covers[0];
        let plain = &chain.stages[first].steps[at];
        stages[stage].steps.push(Step::fused(plain, Box::new(Guarded { guards, step })));
    }
    Some(Optimised { chain: Chain { stages }, fused })
}

impl Op {
    /// Takes the next step in, if the two are provably equal to one or none.
    fn takes(&mut self, next: &Step, here: (usize, usize), stages: &[Stage]) -> bool {
        let (stage, _) = *self.covers.last().expect("an operation stands for a step");
        if !(stage..here.0).all(|at| is_open(&stages[at], &stages[at + 1])) {
            return false;
        }
        // What is looked at after steps has to find their own forms.
        if !(stage..=here.0).all(|at| stages[at].checks.each_step.is_empty()) {
            return false;
        }
        let Some(step) = &self.step else { return false };
        let is_plain = |step: &Step| step.when().is_none() && step.external().is_none();
        if !is_plain(step) || !is_plain(next) {
            return false;
        }
        let Some(Pair { guards, step }) = pair(step.definition(), next.definition()) else {
            return false;
        };
        self.covers.push(here);
        self.guards.extend(guards);
        self.step = step.map(|json| Step::parse(&json).expect("the rules make valid steps"));
        true
    }
}

/// Whether nothing is looked at between two stages.
fn is_open(earlier: &Stage, later: &Stage) -> bool {
    // With another pattern, ${KEY.1} is another text.
    earlier.checks.end.is_empty()
        && !later.checks.fits_source
        && later.checks.before.is_empty()
        && later.when.is_none()
        && earlier.pattern == later.pattern
}

/// The rules. Each was thought through for what the two steps refuse, and is held to it by a property
/// test.
fn pair(first: &Json, second: &Json) -> Option<Pair> {
    let kinds = (first["type"].as_str()?, second["type"].as_str()?);
    match kinds {
        ("renameField", "renameField") => renamed_twice(first, second),
        ("addField", "removeField") => {
            let field = top(first, "field")?;
            let is_same = has_only(first, &["field", "defaultValue"])
                && has_only(second, &["field", "onMissing"])
                && second["field"] == first["field"];
            (is_same && is_fixed(&first["defaultValue"]))
                .then(|| Pair { guards: vec![Guard::Lacks(field)], step: None })
        }
        ("addField", "renameField") => {
            let is_same = has_only(first, &["field", "defaultValue"])
                && has_only(second, &["from", "to"])
                && second["from"] == first["field"];
            if !is_same || !is_fixed(&first["defaultValue"]) {
                return None;
            }
            let value = first["defaultValue"].clone();
            let step = json!({"type": "addField", "field": second["to"], "defaultValue": value});
            Some(Pair { guards: vec![Guard::Lacks(place(first, "field")?)], step: Some(step) })
        }
        ("setField" | "stampVersion", "setField" | "stampVersion") => {
            place(first, "field")?;
            let is_same = is_overwritten(first)
                && has_only(second, &["field", "value", "onMissing"])
                && first["field"] == second["field"]
                && first.get("onMissing") == second.get("onMissing");
            is_same.then(|| Pair { guards: vec![], step: Some(second.clone()) })
        }
        ("setField", "removeField") => {
            let field = top(first, "field")?;
            let is_same = is_overwritten(first)
                && first.get("onMissing").is_none()
                && has_only(second, &["field", "onMissing"])
                && first["field"] == second["field"];
            let step = json!({"type": "removeField", "field": field.path()});
            is_same.then_some(Pair { guards: vec![], step: Some(step) })
        }
        _ => None,
    }
}

fn renamed_twice(first: &Json, second: &Json) -> Option<Pair> {
    let is_chain = has_only(first, &["from", "to"])
        && has_only(second, &["from", "to"])
        && first["to"] == second["from"];
    let (from, between) = (place(first, "from")?, place(first, "to")?);
    if !is_chain {
        return None;
    }
    if first["from"] == second["to"] {
        let guards = vec![Guard::StandsPlainly(from), Guard::Lacks(between)];
        return Some(Pair { guards, step: None });
    }
    let step = json!({"type": "renameField", "from": first["from"], "to": second["to"]});
    Some(Pair { guards: vec![Guard::Lacks(between)], step: Some(step) })
}

/// Whether a step puts a value that no document can make it refuse, and that nothing remembers.
fn is_overwritten(step: &Json) -> bool {
    has_only(step, &["field", "value", "onMissing"])
        && (step["type"] == "stampVersion" || step.get("value").is_some_and(is_fixed))
}

/// Whether a definition says nothing beyond `names`, so that the rest is as by default.
fn has_only(step: &Json, names: &[&str]) -> bool {
    let known = |name: &String| {
        matches!(name.as_str(), "type" | "description") || names.contains(&name.as_str())
    };
    step.as_object().is_some_and(|members| members.keys().all(known))
}

/// Whether a value has no placeholders.
fn is_fixed(value: &Json) -> bool {
    Template::parse(value).is_ok_and(|template| template.is_fixed())
}

/// The place of a parameter that does not reach into an array.
fn place(step: &Json, name: &str) -> Option<Place> {
    let path: Path = step[name].as_str()?.parse().ok()?;
    let is_field = matches!(path.segments().last(), Some(crate::model::Segment::Field(_)));
    is_field.then(|| Place::new(path)).filter(|place| place.scope().is_empty())
}

/// The same, for a field of the document itself.
fn top(step: &Json, name: &str) -> Option<Place> {
    place(step, name).filter(|place| place.parents().is_empty())
}

/// A fused step: its guards, and what is left to do.
#[derive(Debug)]
struct Guarded {
    guards: Vec<Guard>,
    step: Option<Step>,
}

impl Transform for Guarded {
    fn apply(&self, document: &mut Document<'_>, facts: &Facts<'_>) -> Result<(), Refusal> {
        for guard in &self.guards {
            match guard {
                Guard::Lacks(place) if place.stands(&mut document.root)? => {
                    return Err(place.exists());
                }
                Guard::Lacks(_) => {}
                Guard::StandsPlainly(place) => {
                    let (parent, at) =
                        place.find(&mut document.root)?.ok_or_else(|| place.missing())?;
                    let is_plain = match &parent.members()[at].name {
                        Name::Plain(_) => true,
                        Name::Quoted(raw) => *raw == quote(place.name()),
                    };
                    if !is_plain {
                        return Err(Refusal::new(place.path(), "the name is written with escapes"));
                    }
                }
            }
        }
        self.step.as_ref().map_or(Ok(()), |step| step.apply(document, facts).map(|_| ()))
    }

    fn inverse(&self) -> Option<Vec<Json>> {
        None
    }

    fn loss(&self) -> Option<Loss> {
        Some(Loss::values("an optimised step is never taken back: the plain ones are"))
    }

    fn touches(&self) -> Vec<Path> {
        self.step.iter().flat_map(Step::touches).collect()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use semver::Version;

    use super::*;
    use crate::model::{Key, Storage};
    use crate::schema::Reading;
    use crate::transform::{Check, Checks, Failure, Frozen, StepCheck};

    fn chain(stages: &[Vec<Json>]) -> Chain {
        let stage = |(at, steps): (usize, &Vec<Json>)| Stage {
            migration: format!("m{at}"),
            source: Version::new(1 + at as u64, 0, 0),
            target: Version::new(2 + at as u64, 0, 0),
            steps: steps.iter().map(|json| Step::parse(json).expect("a step")).collect(),
            when: None,
            checks: Checks::default(),
            pattern: None,
            reading: Reading::default(),
        };
        Chain { stages: stages.iter().enumerate().map(stage).collect() }
    }

    fn apply(chain: &Chain, text: &str) -> Result<String, Box<Failure>> {
        let (key, frozen) = (Key::from("k:7"), Frozen::default());
        let mut document =
            Document::from_json(text.as_bytes(), Storage::String).expect("a document");
        chain.apply(&mut document, &key, "k:*", &frozen, &mut |_, _, _| {})?;
        Ok(document.to_json())
    }

    fn fused(stages: &[Vec<Json>]) -> Vec<String> {
        let optimised = optimise(&chain(stages)).expect("something is fused");
        optimised.fused.iter().map(Fused::to_string).collect()
    }

    #[test]
    fn it_says_what_became_one() {
        let rename = |from: &str, to: &str| json!({"type": "renameField", "from": from, "to": to});
        let stamp = json!({"type": "stampVersion", "field": "v"});
        let add = json!({"type": "addField", "field": "x", "defaultValue": 1});
        let remove = json!({"type": "removeField", "field": "x"});
        assert_eq!(
            fused(&[vec![rename("a", "b"), rename("b", "c")], vec![rename("c", "d"), add, remove]]),
            [
                "m0 step 1, m0 step 2, m1 step 1 as one: renameField a -> d",
                "m1 step 2, m1 step 3 cancel each other",
            ]
        );
        assert_eq!(
            fused(&[vec![stamp.clone()], vec![stamp.clone()]]),
            ["m0 step 1, m1 step 1 as one: stampVersion v"]
        );
        // What is looked at in between keeps them apart, and so does a step that is not plain.
        let twice = chain(&[vec![stamp.clone()], vec![stamp]]);
        let check = Check { required: vec!["v".parse().expect("a path")], ..Check::default() };
        let checked = |change: &dyn Fn(&mut Chain)| {
            let mut chain = twice.clone();
            change(&mut chain);
            optimise(&chain)
        };
        assert!(checked(&|_| {}).is_some());
        assert!(checked(&|chain| chain.stages[0].checks.end = check.clone()).is_none());
        assert!(checked(&|chain| chain.stages[1].checks.before = check.clone()).is_none());
        assert!(checked(&|chain| chain.stages[1].checks.fits_source = true).is_none());
        let after = StepCheck { after: Some(1), check: check.clone() };
        assert!(checked(&|chain| chain.stages[0].checks.each_step = vec![after.clone()]).is_none());
        let keep = json!({"type": "renameField", "from": "b", "to": "c", "onExisting": "keep"});
        assert!(optimise(&chain(&[vec![rename("a", "b"), keep]])).is_none());
    }

    /// Steps over few names, so that they meet.
    fn step() -> impl Strategy<Value = Json> {
        let field = prop::sample::select(vec!["a", "b", "c", "o.a", "o.b"]);
        let value = prop::sample::select(vec![
            json!(1),
            json!("x"),
            json!("${KEY.1}"),
            json!("${UUID}"),
            json!("${FLAG.none}"),
            json!({"k": 1}),
        ]);
        let missing = prop::sample::select(vec!["", "fail", "skip"]);
        let rule = prop::sample::select(vec!["rename", "add", "set", "remove", "stamp", "case"]);
        (rule, field.clone(), field, value, missing).prop_map(|(rule, a, b, value, missing)| {
            let mut step = match rule {
                "rename" => {
                    let name = |path: &'static str| path.rsplit('.').next().expect("a name");
                    let to =
                        if a.starts_with("o.") { format!("o.{}", name(b)) } else { name(b).into() };
                    if to == a {
                        return json!({"type": "removeField", "field": a});
                    }
                    json!({"type": "renameField", "from": a, "to": to})
                }
                "add" => return json!({"type": "addField", "field": a, "defaultValue": value}),
                "stamp" => return json!({"type": "stampVersion", "field": a}),
                "set" => json!({"type": "setField", "field": a, "value": value}),
                "case" => json!({"type": "case", "field": a, "to": "upper"}),
                _ => json!({"type": "removeField", "field": a}),
            };
            if !missing.is_empty() {
                step["onMissing"] = missing.into();
            }
            step
        })
    }

    fn document() -> impl Strategy<Value = String> {
        let name = prop::sample::select(vec!["a", "b", "c", "\\u0061", "v"]);
        let value = prop::sample::select(vec!["1.0", "\"\\u00e9\"", "null", "{\"a\": 1}", "{}"]);
        let inner = prop::collection::vec((name.clone(), value.clone()), 0..3);
        let outer = prop::collection::vec((name, value), 0..4);
        let spaces = prop::sample::select(vec!["", " ", "\n  "]);
        (outer, inner, prop::bool::ANY, spaces).prop_map(|(outer, inner, has_o, space)| {
            let object = |members: &[(&str, &str)], more: Option<String>| {
                let mut texts: Vec<String> =
                    members.iter().map(|(n, v)| format!("{space}\"{n}\":{space}{v}")).collect();
                texts.extend(more);
                format!("{{{}{space}}}", texts.join(","))
            };
            let o = has_o.then(|| format!("{space}\"o\": {}", object(&inner, None)));
            object(&outer, o)
        })
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(4096))]

        /// What an optimised chain accepts, the plain one accepts with the same bytes; and what it
        /// refuses is put to the plain one anyway.
        #[test]
        fn an_optimised_chain_is_the_plain_one(
            first in prop::collection::vec(step(), 1..5),
            second in prop::collection::vec(step(), 0..4),
            text in document(),
        ) {
            let plain = chain(&[first, second]);
            if let Some(optimised) = optimise(&plain)
                && let Ok(after) = apply(&optimised.chain, &text)
            {
                prop_assert_eq!(apply(&plain, &text), Ok(after));
            }
        }

        /// And it is worth it: a document without traps takes the short way.
        #[test]
        fn an_ordinary_document_takes_the_short_way(value in "[a-z]{0,5}") {
            let rename = |from: &str, to: &str| json!({"type": "renameField", "from": from, "to": to});
            let plain = chain(&[vec![rename("a", "b"), rename("b", "a")], vec![rename("a", "c")]]);
            let text = format!("{{\"a\": \"{value}\"}}");
            let optimised = optimise(&plain).expect("two steps cancel each other");
            prop_assert_eq!(apply(&optimised.chain, &text), Ok(format!("{{\"c\": \"{value}\"}}")));
        }
    }
}
