//! Two schemas side by side as aligned rows, and as unified text: data for the faces to draw.

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::Value;
use similar::{ChangeTag, TextDiff};

use super::{Change, ChangeKind, ChangeSet};
use crate::schema::definition::{Schema, Shape};
use crate::schema::field::Field;
use crate::schema::violation::shown;

/// One row: what stands on either side at one place.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Row {
    /// The path of the field, or the JSON pointer of a keyword in a whole JSON Schema.
    pub path: String,
    /// How deep it stands, from 0.
    pub depth: usize,
    /// What the old schema says; `None` where it says nothing.
    pub left: Option<String>,
    /// What the new schema says.
    pub right: Option<String>,
    /// Where the changes that belong here are in the ChangeSet.
    pub changes: Vec<usize>,
}

impl Row {
    /// Whether both sides say the same.
    pub fn is_same(&self) -> bool {
        self.left == self.right
    }

    /// The words of both sides, each with whether it stands on this side alone: what a face
    /// emphasises.
    pub fn words(&self) -> (Vec<Word>, Vec<Word>) {
        let text = |side: &Option<String>| side.clone().unwrap_or_default();
        let (left, right) = (text(&self.left), text(&self.right));
        let mut sides = (Vec::new(), Vec::new());
        for change in TextDiff::from_words(&left, &right).iter_all_changes() {
            let word = |alone| Word { text: change.value().to_owned(), alone };
            match change.tag() {
                ChangeTag::Delete => sides.0.push(word(true)),
                ChangeTag::Insert => sides.1.push(word(true)),
                ChangeTag::Equal => {
                    sides.0.push(word(false));
                    sides.1.push(word(false));
                }
            }
        }
        sides
    }
}

/// A word of a row.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Word {
    /// The word, with the space after it.
    pub text: String,
    /// Whether it stands on this side alone.
    pub alone: bool,
}

/// The rows of two schemas. Fields stand in the order of the new schema; what is gone stands where it
/// stood among its neighbours.
pub fn rows(old: &Schema, new: &Schema, set: &ChangeSet) -> Vec<Row> {
    let (left, right) = (lines(old), lines(new));
    let order = merged(
        &left.iter().map(|line| line.0.as_str()).collect::<Vec<_>>(),
        &right.iter().map(|line| line.0.as_str()).collect::<Vec<_>>(),
    );
    let side = |lines: &[(String, usize, String)]| -> BTreeMap<String, (usize, String)> {
        lines.iter().map(|(path, depth, text)| (path.clone(), (*depth, text.clone()))).collect()
    };
    let (left, right) = (side(&left), side(&right));
    let mut rows: Vec<Row> = order
        .into_iter()
        .map(|path| {
            let (a, b) = (left.get(&path), right.get(&path));
            let depth = b.or(a).map_or(0, |(depth, _)| *depth);
            let text = |side: Option<&(usize, String)>| side.map(|(_, text)| text.clone());
            Row { left: text(a), right: text(b), depth, changes: Vec::new(), path }
        })
        .collect();
    join_renamed(&mut rows, set);
    for (index, change) in set.changes.iter().enumerate() {
        if let Some(row) = row_of(change, &mut rows) {
            row.changes.push(index);
        }
    }
    rows
}

/// Puts a renamed field on one row: what it was stands beside what it is.
fn join_renamed(rows: &mut Vec<Row>, set: &ChangeSet) {
    for change in set.changes.iter().filter(|change| change.kind == ChangeKind::FieldRenamed) {
        let from = change.from.as_ref().and_then(Value::as_str).unwrap_or_default();
        let at = |path: &str| rows.iter().position(|row| row.path == path);
        let (Some(old), Some(new)) = (at(from), at(&change.field)) else { continue };
        if rows[old].right.is_none() && rows[new].left.is_none() {
            rows[new].left = rows[old].left.take();
            rows.remove(old);
        }
    }
}

/// The row a change belongs to: its field's, else the nearest above it.
fn row_of<'r>(change: &Change, rows: &'r mut [Row]) -> Option<&'r mut Row> {
    let belongs = |row: &Row| {
        row.path == change.field
            || row.path == change.path
            || change.path.strip_prefix(&row.path).is_some_and(|rest| rest.starts_with('/'))
    };
    let mut best: Option<usize> = None;
    for (index, row) in rows.iter().enumerate() {
        let is_better = best.is_none_or(|known| row.path.len() > rows[known].path.len());
        if belongs(row) && is_better {
            best = Some(index);
        }
    }
    best.map(|index| &mut rows[index])
}

/// Path, depth and text of each row of one schema.
fn lines(schema: &Schema) -> Vec<(String, usize, String)> {
    let mut out = Vec::new();
    match &schema.shape {
        Shape::Fields(fields) => field_lines(fields, "", 0, &mut out),
        Shape::JsonSchema(value) => keyword_lines(value, "", 0, &mut out),
    }
    out
}

fn field_lines(
    fields: &[Field],
    above: &str,
    depth: usize,
    out: &mut Vec<(String, usize, String)>,
) {
    for field in fields {
        let name = field.name.replace('.', "\\.");
        let path = if above.is_empty() { name } else { format!("{above}.{name}") };
        out.push((path.clone(), depth, format!("{}: {}", field.name, described(field))));
        field_lines(field.fields.as_deref().unwrap_or_default(), &path, depth + 1, out);
        let mut items = field.items.as_deref();
        let mut path = path;
        let mut depth = depth;
        while let Some(item) = items {
            path.push_str("[]");
            depth += 1;
            out.push((path.clone(), depth, format!("[]: {}", described(item))));
            field_lines(item.fields.as_deref().unwrap_or_default(), &path, depth + 1, out);
            items = item.items.as_deref();
        }
    }
}

/// A field in one line: `string, required, 1 to 80 characters`.
pub fn described(field: &Field) -> String {
    let names: Vec<&str> = field.types.iter().map(|field_type| field_type.name()).collect();
    let mut parts = vec![if names.is_empty() { "any".to_owned() } else { names.join("|") }];
    if field.nullable {
        parts[0].push('?');
    }
    let mut add = |text: Option<String>| parts.extend(text);
    add(field.required.then(|| "required".to_owned()));
    add(field.format.clone());
    add(field.values.as_ref().map(|values| {
        let values: Vec<String> = values.iter().map(shown).collect();
        format!("one of {}", values.join(" "))
    }));
    add(field.pattern.as_ref().map(|pattern| format!("/{pattern}/")));
    add(range(field.min_length.map(|n| n.to_string()), field.max_length.map(|n| n.to_string()))
        .map(|text| format!("{text} character{}", if text.ends_with(" 1") { "" } else { "s" })));
    add(range(
        field.minimum.as_ref().map(ToString::to_string),
        field.maximum.as_ref().map(ToString::to_string),
    ));
    add(field.default.as_ref().map(|value| format!("default {}", shown(value))));
    add(field.renamed_from.as_ref().map(|name| format!("was {name}")));
    add(field.split_from.as_ref().map(|name| format!("part of {name}")));
    add(field.merged_from.as_ref().map(|names| format!("joined from {}", names.join(", "))));
    add(field.unit.as_ref().map(|unit| format!("in {unit}")));
    parts.join(", ")
}

fn range(least: Option<String>, most: Option<String>) -> Option<String> {
    match (least, most) {
        (Some(least), Some(most)) => Some(format!("{least} to {most}")),
        (Some(least), None) => Some(format!(">= {least}")),
        (None, Some(most)) => Some(format!("<= {most}")),
        (None, None) => None,
    }
}

/// A whole JSON Schema: a row for each keyword, objects opened.
fn keyword_lines(
    value: &Value,
    pointer: &str,
    depth: usize,
    out: &mut Vec<(String, usize, String)>,
) {
    let Value::Object(map) = value else { return };
    for (key, inner) in map {
        let pointer = format!("{pointer}/{}", super::keywords::escaped(key));
        if inner.as_object().is_some_and(|inner| !inner.is_empty()) {
            out.push((pointer.clone(), depth, format!("{key}:")));
            keyword_lines(inner, &pointer, depth + 1, out);
        } else {
            out.push((pointer, depth, format!("{key}: {inner}")));
        }
    }
}

/// Both orders as one: the right one, with what only the left has after its neighbour there.
fn merged(left: &[&str], right: &[&str]) -> Vec<String> {
    let mut out: Vec<String> = right.iter().map(|path| (*path).to_owned()).collect();
    let mut after: Option<usize> = None;
    for path in left {
        let known = out.iter().position(|known| known == path);
        let at = known.unwrap_or_else(|| {
            let at = after.map_or(0, |at| at + 1);
            out.insert(at, (*path).to_owned());
            at
        });
        after = Some(at);
    }
    out
}

/// The two definitions as unified text, with three lines around each change.
pub fn unified(old: &Schema, new: &Schema) -> String {
    let text = |schema: &Schema| {
        let text = serde_json::to_string_pretty(schema.definition());
        text.unwrap_or_default() + "\n"
    };
    let (before, after) = (text(old), text(new));
    let diff = TextDiff::from_lines(&before, &after);
    diff.unified_diff().header(&old.title(), &new.title()).to_string()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::schema::diff::{Policy, diff};

    #[test]
    fn rows_are_aligned_and_carry_their_changes() {
        let schema = |version: &str, fields: Value| {
            let definition = json!({"version": version, "keyPattern": "u:*", "fields": fields});
            Schema::from_value(&definition, None).unwrap_or_else(|error| panic!("{error}"))
        };
        let old = schema(
            "1.0.0",
            json!({"a": {"type": "string"}, "gone": {"type": "number"}, "z": {"fields": {"y": {"type": "integer", "minimum": 1}}}}),
        );
        let new = schema(
            "2.0.0",
            json!({"a": {"type": "string"}, "z": {"fields": {"y": {"type": "integer"}}}, "new": {"type": "array", "items": {"type": "string"}, "required": true}}),
        );
        let set = diff(&old, &new, Policy::default());
        let told: Vec<String> = rows(&old, &new, &set)
            .iter()
            .map(|row| {
                format!(
                    "{:<1$}{2:<24}| {3:<24}| {4:?}",
                    "",
                    row.depth,
                    row.left.clone().unwrap_or_default(),
                    row.right.clone().unwrap_or_default(),
                    row.changes
                )
            })
            .collect();
        insta::assert_snapshot!(told.join("\n"), @r"
        a: string               | a: string               | []
        gone: number            |                         | [2]
        z: object               | z: object               | []
         y: integer, >= 1        | y: integer              | [0]
                                | new: array, required    | [1]
                                 | []: string              | []
        ");
        assert!(unified(&old, &new).contains("-    \"gone\": {"));
    }
}
