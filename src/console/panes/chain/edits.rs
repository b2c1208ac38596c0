//! The migrations of a subject while they are edited, with undo.
//!
//! Nothing here touches the catalog: what is edited is planned, previewed and run as it stands, and
//! becomes part of the catalog when it is saved.

use std::collections::BTreeMap;

use serde_json::{Value as Json, json};

use crate::console::overlays::{Edit, Place};
use crate::session::Catalog;
use crate::session::edit::Edited;

/// Undo goes back this far.
const UNDO_MAX: usize = 200;

/// One step of a migration.
#[derive(Clone, Debug, PartialEq)]
pub struct EditedStep {
    /// Its definition.
    pub definition: Json,
    /// Whether it is carried out; a step that is switched off is not saved.
    pub enabled: bool,
    /// Its number in the definition as it was read, from 1, by which `validation` names it; `None` for
    /// a new one.
    number: Option<usize>,
}

impl EditedStep {
    fn new(definition: Json) -> Self {
        Self { definition, enabled: true, number: None }
    }
}

/// One migration.
#[derive(Clone, Debug, PartialEq)]
pub struct EditedMigration {
    /// The version it starts from.
    pub source: String,
    /// The version it leads to.
    pub target: String,
    /// Its steps, a strategy's written out.
    pub steps: Vec<EditedStep>,
    /// The definition as it was written, and the steps it says.
    written: Option<(Json, Vec<EditedStep>)>,
    /// The definition without its steps.
    rest: Json,
}

impl EditedMigration {
    /// A migration from its definition, as written (`written`) and with its strategy written out.
    fn of(written: Option<&Json>, self_contained: &Json) -> Self {
        let text = |key: &str| self_contained[key].as_str().unwrap_or_default().to_owned();
        let steps = self_contained["transforms"].as_array().cloned().unwrap_or_default();
        let numbered = steps.into_iter().zip(1..);
        let steps: Vec<EditedStep> = numbered
            .map(|(step, number)| EditedStep { number: Some(number), ..EditedStep::new(step) })
            .collect();
        Self {
            source: text("source"),
            target: text("target"),
            written: written.map(|written| (written.clone(), steps.clone())),
            steps,
            rest: self_contained.clone(),
        }
    }

    /// The definition: as it was written when its steps were not changed.
    fn definition(&self) -> Json {
        if let Some((written, steps)) = &self.written
            && *steps == self.steps
        {
            return written.clone();
        }
        let mut definition = self.rest.clone();
        let steps: Vec<&EditedStep> = self.steps.iter().filter(|step| step.enabled).collect();
        definition["transforms"] = steps.iter().map(|step| step.definition.clone()).collect();
        renumber(&mut definition, &steps);
        definition
    }
}

/// Lets the checks of `validation.eachStep` follow their steps; one whose step is gone goes too.
fn renumber(definition: &mut Json, steps: &[&EditedStep]) {
    let Some(checks) = definition.pointer_mut("/validation/eachStep") else { return };
    let follow = |check: &mut Json| {
        let Some(after) = check.get("after").and_then(Json::as_u64) else { return true };
        let is_own =
            |step: &&EditedStep| step.number.and_then(|n| u64::try_from(n).ok()) == Some(after);
        let now = steps.iter().position(is_own);
        if let Some(at) = now {
            check["after"] = json!(at + 1);
        }
        now.is_some()
    };
    match checks {
        Json::Array(checks) => checks.retain_mut(follow),
        one => {
            if !follow(one) {
                *one = json!([]);
            }
        }
    }
}

/// Migrations by name.
pub type Migrations = BTreeMap<String, EditedMigration>;

/// The migrations of one subject, and what they were before.
#[derive(Clone, Debug, Default)]
pub struct Edits {
    now: Migrations,
    saved: Migrations,
    undo: Vec<Migrations>,
    redo: Vec<Migrations>,
}

impl Edits {
    /// The migrations as the catalog has them.
    pub fn of(catalog: &Catalog, subject: &str) -> Self {
        let migrations = catalog.subject(subject).into_iter().flat_map(|s| s.migrations.values());
        let now: Migrations = migrations
            .map(|migration| {
                let edited =
                    EditedMigration::of(Some(migration.definition()), &migration.self_contained());
                (migration.name.clone(), edited)
            })
            .collect();
        Self { saved: now.clone(), now, ..Self::default() }
    }

    /// The migrations as they stand.
    pub fn migrations(&self) -> &Migrations {
        &self.now
    }

    /// Whether something is not saved.
    pub fn is_changed(&self) -> bool {
        self.now != self.saved
    }

    /// How many steps are switched off; they would not be saved.
    pub fn switched_off(&self) -> usize {
        self.now.values().flat_map(|m| &m.steps).filter(|step| !step.enabled).count()
    }

    /// The definitions, when they are not those of the catalog.
    pub fn definitions(&self) -> Option<Edited> {
        self.is_changed().then(|| definitions(&self.now))
    }

    /// The migrations with one edit in them that is not made yet.
    pub fn with(&self, edit: &Edit) -> Migrations {
        let mut tried = self.now.clone();
        put(&mut tried, edit);
        tried
    }

    fn change(&mut self, change: impl FnOnce(&mut Migrations)) {
        let before = self.now.clone();
        change(&mut self.now);
        if before != self.now {
            if self.undo.len() == UNDO_MAX {
                self.undo.remove(0);
            }
            self.undo.push(before);
            self.redo.clear();
        }
    }

    /// Takes an edit of a step.
    pub fn put(&mut self, edit: &Edit) {
        self.change(|now| put(now, edit));
    }

    /// Takes a whole migration, in place of one of its name.
    pub fn put_migration(&mut self, name: &str, definition: &Json) {
        self.change(|now| _ = now.insert(name.to_owned(), EditedMigration::of(None, definition)));
    }

    /// Adds a migration without steps between two versions and returns its name.
    pub fn add_migration(&mut self, source: &str, target: &str) -> String {
        let name = self.free_name(source, target);
        let definition =
            json!({"source": source, "target": target, "strategy": "direct", "transforms": []});
        self.put_migration(&name, &definition);
        name
    }

    /// `v1_to_v2`, and longer where that is taken.
    fn free_name(&self, source: &str, target: &str) -> String {
        let major = |version: &str| version.split('.').next().unwrap_or_default().to_owned();
        let short = format!("v{}_to_v{}", major(source), major(target));
        let long = format!("v{source}_to_v{target}").replace(['.', '-', '+'], "_");
        let numbered = (2..).map(|at| format!("{long}_{at}"));
        let names = (major(source) != major(target)).then_some(short).into_iter();
        let mut names = names.chain([long.clone()]).chain(numbered);
        names.find(|name| !self.now.contains_key(name)).expect("there is always another number")
    }

    /// Puts steps at the end of a migration, except those it has already, and takes those out that
    /// they stand instead of.
    pub fn answer(&mut self, migration: &str, steps: Vec<Json>, instead_of: &[Json]) {
        self.change(|now| {
            let Some(found) = now.get_mut(migration) else { return };
            found.steps.retain(|step| {
                steps.contains(&step.definition) || !instead_of.contains(&step.definition)
            });
            for definition in steps {
                if found.steps.iter().all(|step| step.definition != definition) {
                    found.steps.push(EditedStep::new(definition));
                }
            }
        });
    }

    /// Takes a step, or a whole migration, out.
    pub fn remove(&mut self, migration: &str, step: Option<usize>) {
        self.change(|now| match step {
            None => _ = now.remove(migration),
            Some(at) => {
                if let Some(found) = now.get_mut(migration).filter(|m| at < m.steps.len()) {
                    found.steps.remove(at);
                }
            }
        });
    }

    /// Switches a step off, or on again.
    pub fn switch(&mut self, migration: &str, at: usize) {
        self.change(|now| {
            if let Some(step) = now.get_mut(migration).and_then(|m| m.steps.get_mut(at)) {
                step.enabled = !step.enabled;
            }
        });
    }

    /// Puts a copy of a step behind it.
    pub fn duplicate(&mut self, migration: &str, at: usize) {
        self.change(|now| {
            let Some(found) = now.get_mut(migration) else { return };
            if let Some(step) = found.steps.get(at).cloned() {
                found.steps.insert(at + 1, EditedStep { number: None, ..step });
            }
        });
    }

    /// Moves a step one place up or down inside its migration; returns whether it moved.
    pub fn shift(&mut self, migration: &str, at: usize, down: bool) -> bool {
        let length = self.now.get(migration).map_or(0, |m| m.steps.len());
        let other = if down { at + 1 } else { at.wrapping_sub(1) };
        if at >= length || other >= length {
            return false;
        }
        self.change(|now| {
            if let Some(found) = now.get_mut(migration) {
                found.steps.swap(at, other);
            }
        });
        true
    }

    /// Whether there is a change to take back.
    pub fn can_undo(&self) -> bool {
        !self.undo.is_empty()
    }

    /// Whether a change was taken back.
    pub fn can_redo(&self) -> bool {
        !self.redo.is_empty()
    }

    /// Takes the last change back.
    pub fn undo(&mut self) -> bool {
        let Some(before) = self.undo.pop() else { return false };
        self.redo.push(std::mem::replace(&mut self.now, before));
        true
    }

    /// Makes the change that was taken back again.
    pub fn redo(&mut self) -> bool {
        let Some(after) = self.redo.pop() else { return false };
        self.undo.push(std::mem::replace(&mut self.now, after));
        true
    }
}

/// Migrations as their definitions.
pub fn definitions(migrations: &Migrations) -> Edited {
    migrations.iter().map(|(name, m)| (name.clone(), m.definition())).collect()
}

fn put(migrations: &mut Migrations, edit: &Edit) {
    let Place::Step { migration, index, is_new } = &edit.place else { return };
    let Some(found) = migrations.get_mut(migration) else { return };
    let definition = edit.value.clone();
    if *is_new {
        let at = (*index).min(found.steps.len());
        found.steps.insert(at, EditedStep::new(definition));
    } else if let Some(step) = found.steps.get_mut(*index) {
        step.definition = definition;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::session::{Session, Settings};

    fn edits() -> Edits {
        let catalog = Some("sample-data/catalog".into());
        let session = Session::open(Settings { catalog, ..Settings::default() }).unwrap();
        Edits::of(session.catalog(), "user")
    }

    fn steps(edits: &Edits) -> Vec<String> {
        let steps = &edits.migrations()["v1_to_v2"].steps;
        steps.iter().map(|step| step.definition["type"].as_str().unwrap().to_owned()).collect()
    }

    #[test]
    fn every_change_is_undone_and_done_again() {
        let mut edits = edits();
        let before = edits.now.clone();
        let trim = json!({"type": "trim", "field": "fullName"});
        let place = Place::Step { migration: "v1_to_v2".into(), index: 1, is_new: true };
        edits.put(&Edit { place, value: trim });
        assert_eq!(steps(&edits), ["renameField", "trim", "addField"]);
        assert!(edits.shift("v1_to_v2", 1, true) && !edits.shift("v1_to_v2", 0, false));
        edits.duplicate("v1_to_v2", 0);
        edits.switch("v1_to_v2", 0);
        edits.remove("v1_to_v2", Some(3));
        edits.remove("v2_to_v3", None);
        let after = edits.now.clone();
        assert!(edits.is_changed());
        while edits.undo() {}
        assert_eq!(edits.now, before);
        assert!(!edits.is_changed() && edits.definitions().is_none());
        while edits.redo() {}
        assert_eq!(edits.now, after);
    }

    #[test]
    fn what_is_switched_off_is_not_in_the_definition() {
        let mut edits = edits();
        edits.switch("v1_to_v2", 0);
        let definitions = edits.definitions().unwrap();
        assert_eq!(definitions["v1_to_v2"]["transforms"].as_array().unwrap().len(), 1);
        assert_eq!(edits.switched_off(), 1);
        edits.switch("v1_to_v2", 0);
        assert!(edits.definitions().is_none());
    }

    #[test]
    fn checks_follow_their_steps() {
        let step = |name: &str| json!({"type": "removeField", "field": name});
        let check = |after: u64| json!({"after": after, "required": ["x"]});
        let checks = json!([{"required": ["id"]}, check(1), check(2), check(3)]);
        let definition = json!({"source": "1.0.0", "target": "2.0.0",
            "transforms": [step("a"), step("b"), step("c")], "validation": {"eachStep": checks}});
        let mut edits = Edits::default();
        let edited = EditedMigration::of(Some(&definition), &definition);
        edits.now.insert("m".to_owned(), edited);
        edits.duplicate("m", 0);
        edits.shift("m", 3, false);
        edits.switch("m", 3);
        let definition = &edits.definitions().unwrap()["m"];
        assert_eq!(definition["transforms"], json!([step("a"), step("a"), step("c")]));
        let checks = json!([{"required": ["id"]}, check(1), check(3)]);
        assert_eq!(definition["validation"]["eachStep"], checks);
    }

    #[test]
    fn new_migrations_get_names_that_are_free() {
        let mut edits = edits();
        assert_eq!(edits.add_migration("3.0.0", "2.0.0"), "v3_to_v2");
        assert_eq!(edits.add_migration("1.0.0", "2.0.0"), "v1_0_0_to_v2_0_0");
        assert_eq!(edits.add_migration("1.0.0", "2.0.0"), "v1_0_0_to_v2_0_0_2");
        assert_eq!(edits.add_migration("1.0.0", "1.1.0"), "v1_0_0_to_v1_1_0");
    }
}
