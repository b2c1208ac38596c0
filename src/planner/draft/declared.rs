//! Facts that stand in the new schema or in the hints: they go before every guess.

use serde_json::{Map, Value as Json, json};

use super::candidates::{Candidate, Ground, How};
use super::convert::Conversion;
use super::evidence::Hits;
use super::hints::{Hints, step_paths};
use super::side::path_text;
use crate::schema::{Field, Schema};

/// The schema that validates, with the facts of its fields as keywords of their own, which validators
/// pass over.
pub fn annotated(schema: &Schema) -> Json {
    let mut json = schema.to_json_schema();
    if let Some(fields) = schema.fields() {
        annotate(&mut json, fields);
    }
    json
}

fn annotate(node: &mut Json, fields: &[Field]) {
    for field in fields {
        let Some(inner) = node.get_mut("properties").and_then(|p| p.get_mut(&field.name)) else {
            continue;
        };
        annotate_one(inner, field);
    }
}

fn annotate_one(node: &mut Json, field: &Field) {
    let Some(members) = node.as_object_mut() else { return };
    let mut put = |key: &str, value: Option<Json>| {
        if let Some(value) = value {
            members.insert(key.to_owned(), value);
        }
    };
    put("renamedFrom", field.renamed_from.clone().map(Json::from));
    put("splitFrom", field.split_from.clone().map(Json::from));
    put("mergedFrom", field.merged_from.clone().map(Json::from));
    put("unit", field.unit.clone().map(Json::from));
    annotate(node, field.fields.as_deref().unwrap_or_default());
    if let (Some(items), Some(inner)) = (&field.items, node.get_mut("items")) {
        annotate_one(inner, items);
    }
}

impl Ground<'_> {
    /// What the new schema and the hints say of the fields.
    pub fn declared(&self, hints: &Hints) -> Vec<Candidate> {
        let mut found = self.hinted_steps(hints);
        for to in 0..self.new.leaves.len() {
            let leaf = &self.new.leaves[to];
            let text = leaf.text();
            let hinted =
                hints.rename.iter().find(|(_, new)| **new == text).map(|(old, _)| old.clone());
            let declared = leaf.node.get("renamedFrom").and_then(Json::as_str).map(str::to_owned);
            let from = hinted.or(declared).and_then(|old| self.old_path(&old, &leaf.path));
            if let Some(from) = from.filter(|from| self.old.leaves[*from].path != leaf.path) {
                found.push(self.declared_move(from, to));
            }
            if let Some(value) = hints.default.get(&text) {
                let evidence = format!("{text} = {value}, as the hints say");
                found.push(fact(How::Value(value.clone()), Vec::new(), vec![to], evidence));
            }
            let merged: Vec<usize> = leaf
                .node
                .get("mergedFrom")
                .and_then(Json::as_array)
                .into_iter()
                .flatten()
                .filter_map(|old| self.old_path(old.as_str()?, &leaf.path))
                .collect();
            if merged.len() >= 2 {
                found.push(self.declared_merge(merged, to));
            }
        }
        found.extend(self.declared_splits());
        found
    }

    /// The old field of this name: a path, or a name in the object around `beside`.
    fn old_path(&self, text: &str, beside: &[String]) -> Option<usize> {
        let by_path = self.old.leaves.iter().position(|leaf| leaf.text() == text);
        by_path.or_else(|| {
            let mut path = beside[..beside.len() - 1].to_vec();
            path.push(text.to_owned());
            self.old.leaf(&path)
        })
    }

    fn declared_move(&self, from: usize, to: usize) -> Candidate {
        let (old, new) = (&self.old.leaves[from], &self.new.leaves[to]);
        let best = self.best_way(from, to).unwrap_or_else(Conversion::none);
        let assumes = best.assumes.clone();
        let evidence = format!("{} was {}: declared", new.text(), old.text());
        Candidate { assumes, ..fact(How::Move(best), vec![from], vec![to], evidence) }
    }

    fn declared_merge(&self, from: Vec<usize>, to: usize) -> Candidate {
        // The text between them is what a guess would have, else a space.
        let guessed =
            self.merges().into_iter().find(|guess| guess.writes == [to] && guess.reads == from);
        if let Some(guess) = guessed {
            return Candidate { confidence: 1.0, declared: true, assumes: None, ..guess };
        }
        let paths: Vec<String> = from.iter().map(|at| self.old.leaves[*at].text()).collect();
        let text = self.new.leaves[to].text();
        let mut params =
            json!({"type": "mergeFields", "from": paths, "to": text, "separator": " "});
        if from.iter().any(|at| self.old.leaves[*at].may_be_absent()) {
            params["onMissing"] = "omit".into();
        }
        let how = How::Merge { params, after: Conversion::none() };
        let evidence = format!("{text} is put together of {}: declared", paths.join(" and "));
        fact(how, from, vec![to], evidence)
    }

    /// Fields that name the same `splitFrom`, in the schema's order.
    fn declared_splits(&self) -> Vec<Candidate> {
        let mut groups: Map<String, Json> = Map::new();
        let mut found = Vec::new();
        for (to, leaf) in self.new.leaves.iter().enumerate() {
            if let Some(from) = leaf.node.get("splitFrom").and_then(Json::as_str) {
                let group = groups.entry(from.to_owned()).or_insert_with(|| json!([]));
                group.as_array_mut().expect("it was made as a list").push(json!(to));
            }
        }
        for (text, group) in groups {
            let to: Vec<usize> = group
                .as_array()
                .into_iter()
                .flatten()
                .filter_map(|at| usize::try_from(at.as_u64()?).ok())
                .collect();
            let Some(first) = to.first() else { continue };
            let Some(from) = self.old_path(&text, &self.new.leaves[*first].path) else { continue };
            if to.len() < 2 {
                found.push(self.declared_move(from, to[0]));
                continue;
            }
            let guess = self.split_into(from, &to);
            found.push(Candidate { confidence: 1.0, declared: true, ..guess });
        }
        found
    }

    /// Transforms of the hints: what they name is settled.
    fn hinted_steps(&self, hints: &Hints) -> Vec<Candidate> {
        let all = hints.all_steps().into_iter().map(|step| {
            let paths = step_paths(&step);
            let named = |leaf_path: &[String]| {
                let text = path_text(leaf_path);
                paths.iter().any(|path| *path == text || text.starts_with(&format!("{path}.")))
            };
            let at = |leaves: &[super::side::Leaf]| -> Vec<usize> {
                leaves
                    .iter()
                    .enumerate()
                    .filter(|(_, l)| named(&l.path))
                    .map(|(at, _)| at)
                    .collect()
            };
            let (reads, writes) = (at(&self.old.leaves), at(&self.new.leaves));
            fact(How::Declared(vec![step]), reads, writes, "as the hints say".to_owned())
        });
        all.collect()
    }
}

fn fact(how: How, reads: Vec<usize>, writes: Vec<usize>, evidence: String) -> Candidate {
    Candidate {
        how,
        reads,
        writes,
        confidence: 1.0,
        hits: Hits::default(),
        declared: true,
        evidence,
        assumes: None,
        alternatives: Vec::new(),
    }
}
