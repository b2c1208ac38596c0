//! Answers an operator gives beforehand: a hints file. What it says goes before every guess.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::{Value as Json, json};

use crate::model::Path;
use crate::transform::Step;

/// What is known without looking at data.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Hints {
    /// Old path to new path: the field was renamed or moved.
    pub rename: BTreeMap<String, String>,
    /// Old fields whose values may go.
    pub drop: Vec<String>,
    /// Old fields that stay although the new schema does not name them.
    pub keep: Vec<String>,
    /// New path to the value documents get that have none; placeholders as in `addField`.
    pub default: BTreeMap<String, Json>,
    /// Path to a table of words, old to new.
    pub map: BTreeMap<String, BTreeMap<String, Json>>,
    /// Any transforms, as a migration has them: the fields they name are settled by them.
    pub steps: Vec<Json>,
}

/// Why a text is no hints file.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct HintsError(String);

impl Hints {
    /// Reads a hints file: JSON with any of `rename`, `drop`, `keep`, `default`, `map`, `steps`.
    ///
    /// # Errors
    /// What does not read, an unknown key, a path or a transform that is none.
    pub fn parse(text: &str) -> Result<Self, HintsError> {
        let hints: Self =
            serde_json::from_str(text).map_err(|error| HintsError(error.to_string()))?;
        let paths = hints.rename.iter().flat_map(|(from, to)| [from, to]);
        let paths = paths.chain(&hints.drop).chain(&hints.keep).chain(hints.default.keys());
        for path in paths.chain(hints.map.keys()) {
            path.parse::<Path>().map_err(|error| HintsError(error.to_string()))?;
        }
        for (at, step) in hints.steps.iter().enumerate() {
            Step::parse(step).map_err(|mistakes| {
                let told: Vec<String> = mistakes
                    .iter()
                    .map(|mistake| format!("{} (expected {})", mistake.message, mistake.expected))
                    .collect();
                HintsError(format!("steps[{at}]: {}", told.join("; ")))
            })?;
        }
        Ok(hints)
    }

    /// The transforms that the table of words and the defaults come to.
    pub fn all_steps(&self) -> Vec<Json> {
        let maps = self.map.iter().map(|(field, map)| {
            json!({"type": "mapValues", "field": field, "map": map, "onMissing": "skip"})
        });
        self.steps.iter().cloned().chain(maps).collect()
    }

    /// The hints for what is inside of the items of `path`: `items[].price` is `price` there.
    #[must_use]
    pub fn inside(&self, path: &str) -> Self {
        let lead = format!("{path}[].");
        let cut = |text: &String| text.strip_prefix(&lead).map(str::to_owned);
        let inner_step = |step: &Json| -> Option<Json> {
            let mut step = step.clone();
            let members = step.as_object_mut()?;
            for key in ["field", "from", "to"] {
                match members.get_mut(key) {
                    Some(Json::String(text)) if key != "to" || text.contains("[]") => {
                        *text = cut(text)?;
                    }
                    Some(Json::Array(items)) => {
                        for item in items {
                            *item = cut(&item.as_str()?.to_owned())?.into();
                        }
                    }
                    _ => {}
                }
            }
            Some(step)
        };
        Self {
            rename: self.rename.iter().filter_map(|(a, b)| Some((cut(a)?, cut(b)?))).collect(),
            drop: self.drop.iter().filter_map(cut).collect(),
            keep: self.keep.iter().filter_map(cut).collect(),
            default: self.default.iter().filter_map(|(a, b)| Some((cut(a)?, b.clone()))).collect(),
            map: self.map.iter().filter_map(|(a, b)| Some((cut(a)?, b.clone()))).collect(),
            steps: self.steps.iter().filter_map(inner_step).collect(),
        }
    }

    /// The hints about this document's own fields, without those about what is inside of items.
    #[must_use]
    pub fn own(&self) -> Self {
        let is_own = |text: &String| !text.contains("[]");
        let mut own = self.clone();
        own.rename.retain(|from, to| is_own(from) && is_own(to));
        own.drop.retain(is_own);
        own.keep.retain(is_own);
        own.default.retain(|path, _| is_own(path));
        own.map.retain(|path, _| is_own(path));
        own.steps.retain(|step| !step_paths(step).iter().any(|path| path.contains("[]")));
        own
    }
}

/// The paths a transform's `field`, `from` and `to` name.
pub fn step_paths(step: &Json) -> Vec<String> {
    let texts = |key: &str| -> Vec<String> {
        match step.get(key) {
            Some(Json::String(text)) => vec![text.clone()],
            Some(Json::Array(items)) => {
                items.iter().filter_map(|item| item.as_str().map(str::to_owned)).collect()
            }
            _ => Vec::new(),
        }
    };
    let kind = step.get("type").and_then(Json::as_str).unwrap_or_default();
    // `to` is a type there, and no path.
    let keys: &[&str] = match kind {
        "convertType" | "case" => &["field"],
        _ => &["field", "from", "to", "outputs", "inputs"],
    };
    keys.iter().flat_map(|key| texts(key)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hints_are_checked_and_cut_to_what_is_inside() {
        let text = r#"{"rename": {"a": "b", "items[].x": "items[].y"}, "drop": ["items[].z"]}"#;
        let hints = Hints::parse(text).expect("reads");
        let inside = hints.inside("items");
        assert_eq!(inside.rename["x"], "y");
        assert_eq!(inside.drop, ["z"]);
        assert_eq!(hints.own().rename.len(), 1);
        for wrong in
            ["{\"renam\": {}}", "{\"drop\": [\"a..b\"]}", "{\"steps\": [{\"type\": \"x\"}]}"]
        {
            assert!(Hints::parse(wrong).is_err(), "{wrong}");
        }
    }
}
