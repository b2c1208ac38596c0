//! The rows of the chain: the whole, its migrations, their steps; and what the sample says of each.

use crate::console::panes::chain::edits::{EditedStep, Migrations};
use crate::engine::{Preview, Trouble};
use crate::model::Outcome;

/// One row of the left side.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Row {
    /// From what is stored to the target.
    Whole,
    /// A migration's head.
    Migration(String),
    /// A step.
    Step(StepRow),
}

/// A step's row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StepRow {
    /// Its migration.
    pub migration: String,
    /// Its place among all steps of the migration, from 0.
    pub index: usize,
    /// Its number among those that are carried out in the chain, from 1; `None` when it is switched
    /// off.
    pub number: Option<usize>,
    /// Its number in the migration, as troubles name it.
    pub number_in_migration: usize,
    /// Which of the shown key's forms is the one after it.
    pub form: Option<usize>,
}

impl Row {
    /// The migration a row belongs to.
    pub fn migration(&self) -> Option<&str> {
        match self {
            Self::Whole => None,
            Self::Migration(name) => Some(name),
            Self::Step(step) => Some(&step.migration),
        }
    }
}

/// The rows of these migrations, in order.
pub fn rows(migrations: &Migrations, names: &[String], preview: Option<&Preview>) -> Vec<Row> {
    let mut rows = vec![Row::Whole];
    let (mut number, mut form) = (0, 0);
    for name in names {
        let Some(migration) = migrations.get(name) else { continue };
        rows.push(Row::Migration(name.clone()));
        let mut number_in_migration = 0;
        for (index, EditedStep { enabled, .. }) in migration.steps.iter().enumerate() {
            let mut row = StepRow {
                migration: name.clone(),
                index,
                number: None,
                number_in_migration,
                form: None,
            };
            if *enabled {
                number += 1;
                number_in_migration += 1;
                row.number = Some(number);
                row.number_in_migration = number_in_migration;
                let steps = preview.map_or(&[][..], |preview| preview.steps.as_slice());
                // A migration whose condition does not hold leaves no forms.
                if steps.get(form).is_some_and(|step| step.migration == *name) {
                    row.form = Some(form);
                    form += 1;
                }
            }
            rows.push(Row::Step(row));
        }
    }
    rows
}

/// Whether a trouble is of this row.
pub fn is_at(trouble: &Trouble, row: &Row) -> bool {
    match row {
        Row::Step(StepRow { migration, number_in_migration, number: Some(_), .. }) => {
            trouble.step.starts_with(&format!("{migration} step {number_in_migration} "))
        }
        // What is of no step is of the document as a whole: it does not read, or does not fit.
        Row::Whole => !trouble.step.contains(" step "),
        Row::Step(_) | Row::Migration(_) => false,
    }
}

/// How many keys of the sample fail at a row, and why the first does.
pub fn failing<'p>(previews: &'p [Preview], row: &Row) -> (usize, Option<&'p Trouble>) {
    let mut found = previews
        .iter()
        .filter(|preview| preview.outcome.needs_eyes())
        .filter_map(|preview| preview.errors.iter().find(|trouble| is_at(trouble, row)));
    let first = found.next();
    (found.count() + usize::from(first.is_some()), first)
}

/// Whether no chain is for a document: no version is known for it, or none leads on from its version.
fn is_stranger(preview: &Preview) -> bool {
    let first = preview.errors.first();
    preview.outcome.needs_eyes() && first.is_some_and(|trouble| trouble.step == "detect")
}

/// `998 ok`, `2 fail at step 3`: what becomes of the sample, in few words; whether each is good.
pub fn counts(previews: &[Preview], rows: &[Row]) -> Vec<(bool, String)> {
    let ok = previews
        .iter()
        .filter(|preview| matches!(preview.outcome, Outcome::Migrated | Outcome::Unchanged))
        .count();
    let mut cells = vec![(true, format!("{ok} ok"))];
    let migrations = rows.iter().filter(|row| matches!(row, Row::Migration(_))).count();
    let mut told = 0;
    for row in rows {
        let (count, _) = failing(previews, row);
        if count == 0 {
            continue;
        }
        told += count;
        let word = if count == 1 { "fails" } else { "fail" };
        if let Row::Step(StepRow { migration, number_in_migration: number, .. }) = row {
            // As troubles name it; where there is one migration, its name says nothing.
            let of = if migrations > 1 { format!("{migration} ") } else { String::new() };
            cells.push((false, format!("{count} {word} at {of}step {number}")));
            continue;
        }
        let (known, unknown): (Vec<&Preview>, Vec<&Preview>) = previews
            .iter()
            .filter(|preview| is_stranger(preview))
            .partition(|preview| preview.from.is_some());
        let invalid = count.saturating_sub(known.len() + unknown.len());
        let kinds = [
            (unknown.len(), "of no known version"),
            (known.len(), "of a version with no way there"),
            (invalid, "would not be valid"),
        ];
        let kinds = kinds.into_iter().filter(|(count, _)| *count > 0);
        cells.extend(kinds.map(|(count, what)| (false, format!("{count} {what}"))));
    }
    let bad = previews.iter().filter(|preview| preview.outcome.needs_eyes()).count();
    if bad > told {
        cells.push((false, format!("{} fail in another chain", bad - told)));
    }
    cells
}
