//! What the indexes of RediSearch have to do with a plan: which of them can answer its query, and what of
//! them its steps touch.

use serde_json::Value as Json;

use super::plan::{Plan, Risk, RiskGrade};
use crate::model::search::{IndexedField, SearchIndex};
use crate::model::{Path, Segment, Storage};
use crate::transform::Step;

impl Plan {
    /// Why an index cannot say which of the plan's keys a query finds; `None` when it can.
    pub fn misfit(&self, index: &SearchIndex) -> Option<String> {
        let name = &index.name;
        let selection = &self.selection;
        if !self.storages().contains(&index.storage) {
            let holds = index.storage.name();
            Some(format!(
                "{name} is over {holds}, and these keys are stored as {}",
                self.stored_as()
            ))
        } else if !selection.every_pattern().any(|pattern| index.covers(pattern)) {
            let (holds, wanted) = (index.patterns(), selection.patterns());
            Some(format!("{name} is over {holds}, and these keys are {wanted}"))
        } else if index.is_building {
            Some(format!("{name} is still being made, and does not find every document yet"))
        } else {
            None
        }
    }

    /// What becomes of indexes when the plan is run, step by step.
    pub fn index_risks(&self, indexes: &[SearchIndex]) -> Vec<Risk> {
        let over = |index: &&SearchIndex| {
            self.storages().contains(&index.storage)
                && self.selection.every_pattern().any(|pattern| index.meets(pattern))
        };
        let over: Vec<&SearchIndex> = indexes.iter().filter(over).collect();
        let mut risks = Vec::new();
        for (migration, definition) in &self.migrations {
            let transforms = definition["transforms"].as_array().into_iter().flatten();
            for (at, json) in transforms.enumerate() {
                let step = Step::parse(json).expect("a plan holds steps that were read before");
                let touched = over.iter().flat_map(|index| self.touched(index, &step));
                risks.extend(touched.map(|loss| Risk {
                    migration: migration.clone(),
                    step: at + 1,
                    transform: step.summary(),
                    loss,
                    grade: RiskGrade::Index,
                }));
            }
        }
        risks
    }

    /// What a step does to an index, in words.
    fn touched(&self, index: &SearchIndex, step: &Step) -> Vec<String> {
        let name = &index.name;
        let text = |parameter: &str| step.definition()[parameter].as_str().unwrap_or_default();
        match step.kind() {
            "convertStorage" if text("to") != index.storage.name() => {
                let holds = index.storage.name();
                return vec![format!(
                    "documents fall out of the index {name}, which is over {holds}"
                )];
            }
            "renameKey" if !index.covers(text("to").split("${").next().unwrap_or_default()) => {
                let holds = index.patterns();
                return vec![format!(
                    "documents fall out of the index {name}, which is over {holds}"
                )];
            }
            _ => {}
        }
        let changes = step.changes();
        let named = index.fields.iter().filter(|field| {
            let place = Place::of(field, index.storage);
            changes.iter().any(|path| place.meets(path))
        });
        named.map(|field| self.what_becomes_of(index, field)).collect()
    }

    fn what_becomes_of(&self, index: &SearchIndex, field: &IndexedField) -> String {
        let (name, known, target) = (&index.name, field.in_words(), &self.target);
        if self.target_has(&Place::of(field, index.storage)) {
            format!(
                "the index {name} finds documents by {known}: it takes each one in anew as it is written, \
                 and finds it by its new value from then on"
            )
        } else {
            format!(
                "the index {name} finds documents by {known}, which {target} does not have: once \
                 migrated they are not found by it any more. Teach it the new field before the run \
                 (FT.ALTER {name} SCHEMA ADD …), or make a second index"
            )
        }
    }

    /// Whether the target's schema declares a field.
    fn target_has(&self, place: &Place) -> bool {
        let target = self.target.to_string();
        let schema = self.schemas.iter().find(|schema| schema["version"] == target.as_str());
        let Some(mut schema) = schema else { return false };
        if let Some(own @ Json::Object(_)) = schema.get("jsonSchema") {
            schema = own;
        }
        place.names.iter().all(|name| {
            let inner = schema.get("items").unwrap_or(schema);
            let fields = inner.get("fields").or_else(|| inner.get("properties"));
            match fields.and_then(|fields| fields.get(name)) {
                Some(field) => {
                    schema = field;
                    true
                }
                None => false,
            }
        })
    }
}

/// Where the values lie that an index looks at.
struct Place {
    /// Names of members from the top on, through lists.
    names: Vec<String>,
    /// Whether the last of them may lie at any depth: `$..name`.
    anywhere: bool,
}

impl Place {
    fn of(field: &IndexedField, storage: Storage) -> Self {
        match storage {
            Storage::Json => Self::of_path(&field.path),
            _ => Self { names: vec![field.path.clone()], anywhere: false },
        }
    }

    /// Reads the names of a JSON path (<https://www.rfc-editor.org/rfc/rfc9535>) as far as it has names:
    /// `$.a.b[*].c`, `$['a b']`, `$..name`.
    fn of_path(path: &str) -> Self {
        let mut rest = path.strip_prefix('$').unwrap_or(path);
        let mut place = Self { names: Vec::new(), anywhere: false };
        while !rest.is_empty() {
            if let Some(inner) = rest.strip_prefix('[') {
                let Some((inside, after)) = inner.split_once(']') else { break };
                let quoted = inside.trim_matches(['"', '\'']);
                if quoted.len() < inside.len() {
                    place.names.push(quoted.to_owned());
                }
                rest = after;
                continue;
            }
            if let Some(deep) = rest.strip_prefix("..") {
                place = Self { names: Vec::new(), anywhere: true };
                rest = deep;
            }
            rest = rest.strip_prefix('.').unwrap_or(rest);
            let end = rest.find(['.', '[']).unwrap_or(rest.len());
            let (name, after) = rest.split_at(end);
            if name != "*" && !name.is_empty() {
                place.names.push(name.to_owned());
            } else if name == "*" {
                break;
            }
            rest = after;
        }
        place
    }

    /// Whether a change at `path` can change what lies here.
    fn meets(&self, path: &Path) -> bool {
        let names: Vec<&str> = path
            .segments()
            .iter()
            .filter_map(|segment| match segment {
                Segment::Field(name) => Some(name.as_str()),
                Segment::Each => None,
            })
            .collect();
        if self.anywhere {
            return names.is_empty()
                || self.names.iter().any(|name| names.contains(&name.as_str()));
        }
        self.names.iter().zip(&names).all(|(own, other)| own == other)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_paths_of_an_index_are_read() {
        let names = |path: &str| Place::of_path(path).names.join("/");
        assert_eq!(names("$.a.b"), "a/b");
        assert_eq!(names("$.items[*].price"), "items/price");
        assert_eq!(names(r#"$["a b"].c"#), "a b/c");
        assert_eq!(names("$.items[0:2].x"), "items/x");
        assert_eq!(names("$.a.*"), "a");
        assert_eq!((names("$.a..id"), Place::of_path("$..id").anywhere), ("id".into(), true));
        assert_eq!(names("name"), "name");
    }

    #[test]
    fn a_change_meets_what_lies_above_and_below() {
        let meets =
            |place: &str, path: &str| Place::of_path(place).meets(&path.parse().expect("a path"));
        assert!(meets("$.a.b", "a") && meets("$.a.b", "a.b") && meets("$.a.b", "a.b.c"));
        assert!(!meets("$.a.b", "a.c") && !meets("$.a", "b"));
        assert!(meets("$.items[*].price", "items[].price") && meets("$..id", "x.id"));
        assert!(!meets("$..id", "x.ids"));
        assert!(Place::of_path("$.a").meets(&Path::default()), "the document as a whole");
    }
}
