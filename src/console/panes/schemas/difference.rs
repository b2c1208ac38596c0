//! A difference between two schemas in words and rows.

use serde_json::Value as Json;

use crate::console::theme::Role;
use crate::console::widgets::pairs::Pair;
use crate::console::widgets::text;
use crate::schema::Schema;
use crate::schema::diff::rows::{Row, Word, rows};
use crate::schema::diff::{Change, ChangeSet, DataWork, Policy, diff};
use crate::session::Catalog;
use crate::session::edit::check_schema;

/// What a schema that is being written means beside the version before it: for a text field.
pub fn advice(definition: &Json, catalog: &Catalog) -> Vec<(Role, String)> {
    let Ok(schema) = check_schema(&definition.to_string()) else { return Vec::new() };
    let subject = catalog.subject(&schema.subject);
    let known = subject.is_some_and(|subject| subject.schemas.contains_key(&schema.version));
    if known {
        let text = format!("{} is there already: give it a new number", schema.title());
        return vec![(Role::Warn, text)];
    }
    let before = subject.and_then(|s| s.schemas.range(..&schema.version).next_back());
    let Some((version, before)) = before else {
        return vec![(Role::Good, "the first version of its subject".to_owned())];
    };
    let set = diff(before, &schema, Policy::default());
    let mut cells = vec![(Role::Dim, format!("beside {version}:"))];
    cells.extend(summary(&set));
    cells
}

/// What the whole difference means.
pub fn summary(set: &ChangeSet) -> Vec<(Role, String)> {
    let severity = if set.severity.is_breaking() { Role::BadgeBad } else { Role::Badge };
    let compat = if set.compat.name() == "none" { Role::Bad } else { Role::Good };
    vec![
        (severity, format!(" {} ", set.severity.name().to_uppercase())),
        (compat, format!("compatible: {}", set.compat.name())),
        (Role::Text, format!("asks for a {} version", set.bump.name())),
        (Role::Dim, text::counted(set.changes.len() as u64, "change")),
    ]
}

/// The changes as text to copy, one per line.
pub fn flat(set: &ChangeSet) -> String {
    let lines = set.changes.iter().flat_map(|change| [place(change), ": ", &change.message, "\n"]);
    lines.collect()
}

/// The field a change is about, or the document.
fn place(change: &Change) -> &str {
    if change.field.is_empty() { "the document" } else { &change.field }
}

/// A row of the schema room as a pair: its words, and a mark that says whether it breaks anybody.
pub fn pair_of(row: &Row, set: &ChangeSet) -> Pair {
    let (left, right) = row.words();
    let indent = "  ".repeat(row.depth);
    let side = |words: Vec<Word>, there: bool, plain: Role, alone: Role| {
        there.then(|| {
            let both = row.left.is_some() && row.right.is_some();
            let role = |word: &Word| match (row.is_same(), both && word.alone) {
                (true, _) => Role::Text,
                (false, true) => alone,
                (false, false) => plain,
            };
            let words = words.into_iter().map(|word| (role(&word), word.text));
            std::iter::once((Role::Text, indent.clone())).chain(words).collect()
        })
    };
    let breaks = row.changes.iter().any(|at| set.changes[*at].breaks());
    Pair {
        left: side(left, row.left.is_some(), Role::Removed, Role::RemovedWord),
        right: side(right, row.right.is_some(), Role::Added, Role::AddedWord),
        changed: !row.is_same() || !row.changes.is_empty(),
        mark: breaks.then_some((Role::Bad, " ! ")),
    }
}

/// `backward` and `forward` of a change in words: who breaks.
fn broken(change: &Change) -> (Role, &'static str) {
    match (change.backward.breaks(), change.forward.breaks()) {
        (false, false) => (Role::Good, "breaks nobody"),
        (true, false) => (Role::Bad, "new readers refuse old data"),
        (false, true) => (Role::Warn, "old readers refuse new data"),
        (true, true) => (Role::Bad, "breaks both ways"),
    }
}

/// One change of the selected row: whom it breaks, what it is, and what stored data needs.
pub fn change_line(change: &Change) -> (Role, String) {
    let (role, who) = broken(change);
    let data = match change.data {
        DataWork::None => String::new(),
        work => format!("; stored data: {}", work.name()),
    };
    (role, format!("{who}: {}{data}", change.message))
}

/// A schema without one before it: all its fields.
pub fn alone(schema: &Schema) -> Vec<Pair> {
    let set = diff(schema, schema, Policy::default());
    let rows = rows(schema, schema, &set);
    rows.iter().map(|row| Pair { left: None, changed: false, ..pair_of(row, &set) }).collect()
}
