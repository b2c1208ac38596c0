//! A guess written as transforms.

use serde_json::{Value as Json, json};

use super::candidates::{Candidate, How};
use super::convert::accessor;
use super::order::overlap;
use super::side::{Names, Side, path_text};

/// What a field is called while its place is taken by another.
pub const ASIDE: &str = "__before";

/// The steps of a guess by itself, as a choice shows them.
pub fn steps_of(pick: &Candidate, old: &Side, new: &Side) -> Vec<Json> {
    let reads: Vec<Names> = pick.reads.iter().map(|at| old.leaves[*at].path.clone()).collect();
    let keeps: Vec<bool> = reads
        .iter()
        .map(|path| {
            new.leaf(path).is_some() && !pick.writes.iter().any(|w| new.leaves[*w].path == *path)
        })
        .collect();
    match &pick.how {
        How::Value(value) => {
            let text = new.leaves[pick.writes[0]].text();
            vec![json!({"type": "addField", "field": text, "defaultValue": value})]
        }
        _ => steps_at(pick, old, new, &reads, &keeps),
    }
}

/// The steps of a guess whose sources stand at `reads` by now; those of `keeps` stay there.
pub fn steps_at(
    pick: &Candidate,
    old: &Side,
    new: &Side,
    reads: &[Names],
    keeps: &[bool],
) -> Vec<Json> {
    let nullable = |at: usize| {
        let leaf = &old.leaves[at];
        leaf.structure.is_nullable() || leaf.values.iter().any(Json::is_null)
    };
    match &pick.how {
        How::Move(way) => {
            let (from, to) = (&old.leaves[pick.reads[0]], &new.leaves[pick.writes[0]]);
            let absent = from.may_be_absent();
            let mut steps = carry(&reads[0], &to.path, absent, keeps[0]);
            steps.extend(way.at(&to.path, absent, nullable(pick.reads[0])));
            steps
        }
        How::Split { params, after } => {
            let mut step = params.clone();
            let from = &old.leaves[pick.reads[0]];
            step["from"] = path_text(&reads[0]).into();
            if keeps[0] {
                step["keepSource"] = true.into();
            }
            if from.may_be_absent() {
                step["onMissing"] = "skip".into();
            }
            if nullable(pick.reads[0]) {
                step["when"] = json!({"field": step["from"], "type": "string"});
            }
            let short = step["onShort"].is_string();
            let mut steps = vec![step];
            for (way, to) in after.iter().zip(&pick.writes) {
                let absent = from.may_be_absent() || short;
                steps.extend(way.at(&new.leaves[*to].path, absent, nullable(pick.reads[0])));
            }
            steps
        }
        How::Merge { params, after } => {
            let mut step = params.clone();
            let paths: Vec<String> = reads.iter().map(|path| path_text(path)).collect();
            step["from"] = json!(paths);
            let mut steps = Vec::new();
            if keeps.iter().any(|keep| *keep) {
                step["keepSource"] = true.into();
            }
            let absent = pick.reads.iter().any(|at| old.leaves[*at].may_be_absent());
            steps.push(step);
            if keeps.iter().any(|keep| *keep) {
                let gone = reads.iter().zip(keeps).filter(|(_, keep)| !**keep);
                steps.extend(
                    gone.map(|(path, _)| json!({"type": "removeField", "field": path_text(path)})),
                );
            }
            steps.extend(after.at(&new.leaves[pick.writes[0]].path, absent, false));
            steps
        }
        How::Compute(exprs) => computed(exprs, pick, (old, new), reads, keeps),
        How::Declared(steps) => steps.clone(),
        How::Value(_) => Vec::new(),
    }
}

/// New fields calculated from old ones, which go afterwards. A text in whose place an object comes steps
/// aside first.
fn computed(
    exprs: &[String],
    pick: &Candidate,
    (old, new): (&Side, &Side),
    reads: &[Names],
    keeps: &[bool],
) -> Vec<Json> {
    let mut steps = Vec::new();
    let mut stand: Vec<Names> = Vec::new();
    for (path, keep) in reads.iter().zip(keeps) {
        let is_in_the_way = |to: &&usize| overlap(&new.leaves[**to].path, path);
        let mut place = path.clone();
        if pick.writes.iter().any(|to| is_in_the_way(&to)) {
            if let Some(last) = place.last_mut() {
                last.push_str(ASIDE);
            }
            steps.push(transport(path, &place, false, *keep));
        }
        stand.push(place);
    }
    let inputs: Vec<String> = stand.iter().map(|path| path_text(path)).collect();
    let absent = pick.reads.iter().any(|at| old.leaves[*at].may_be_absent());
    let all_stand: Vec<Json> =
        inputs.iter().map(|path| json!({"field": path, "exists": true})).collect();
    let makes = exprs.iter().zip(&pick.writes).map(|(expr, to)| {
        let expr = stand.iter().enumerate().fold(expr.clone(), |expr, (at, path)| {
            expr.replace(&format!("@{}", at + 1), &accessor(path))
        });
        let field = new.leaves[*to].text();
        let mut step = json!({"type": "addField", "field": field, "expr": expr, "inputs": inputs});
        if absent {
            step["when"] = json!({"all": all_stand});
        }
        step
    });
    steps.extend(makes);
    if absent {
        for step in steps.iter_mut().filter(|step| step["type"] == "renameField") {
            step["onMissing"] = "skip".into();
        }
    }
    let gone = stand.iter().zip(reads).zip(keeps);
    let gone = gone.filter(|((stand, read), keep)| stand != read || !**keep);
    steps.extend(
        gone.map(|((path, _), _)| json!({"type": "removeField", "field": path_text(path)})),
    );
    steps
}

/// A field's way from one path to another.
fn carry(from: &Names, to: &Names, absent: bool, keep: bool) -> Vec<Json> {
    if from == to {
        return Vec::new();
    }
    if !overlap(from, to) {
        return vec![transport(from, to, absent, keep)];
    }
    let mut aside = if to.starts_with(from) { from.clone() } else { to.clone() };
    if let Some(last) = aside.last_mut() {
        last.push_str(ASIDE);
    }
    let mut steps = vec![transport(from, &aside, absent, keep)];
    if from.starts_with(to) {
        // The object goes, and what was inside of it takes its place.
        steps.push(json!({"type": "removeField", "field": path_text(to)}));
    }
    steps.push(transport(&aside, to, absent, false));
    steps
}

/// The step from one path to another.
pub fn transport(from: &[String], to: &[String], absent: bool, keep: bool) -> Json {
    let beside = from[..from.len() - 1] == to[..to.len() - 1];
    let kind = match (keep, beside) {
        (true, _) => "copyField",
        (false, true) => "renameField",
        (false, false) => "moveField",
    };
    let mut step = json!({"type": kind, "from": path_text(from), "to": path_text(to)});
    if absent {
        step["onMissing"] = "skip".into();
    }
    step
}
