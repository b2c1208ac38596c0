//! What the verbs of editing do: each changes the migrations as they stand, and the preview follows.

use std::collections::BTreeSet;

use serde_json::{Value as Json, json};

use crate::console::command::{Scope, Verb};
use crate::console::editing::{choose_where_to_save, open_editor};
use crate::console::effect::{Effect, Saving};
use crate::console::overlays::{Choice, Edit, Form, Item, Menu, Overlay, Place};
use crate::console::panes::chain::Chain;
use crate::console::panes::chain::documents::forms;
use crate::console::panes::chain::edits::Edits;
use crate::console::panes::chain::graph;
use crate::console::panes::chain::rows::{Row, StepRow};
use crate::console::regions::Part;
use crate::console::shared::Shared;
use crate::schema::Version;
use crate::session::edit::{KINDS, Kind};

/// Paths of a document that forms suggest; a larger document has its first ones.
const SUGGESTED_PATHS_MAX: usize = 200;

impl Chain {
    /// Whether something was edited and is not saved, in any subject.
    pub fn is_unsaved(&self) -> bool {
        self.edits.values().any(Edits::is_changed)
    }

    /// The catalog was read anew: what it holds is no edit any more.
    pub fn catalog_changed(&mut self, shared: &mut Shared) -> Vec<Effect> {
        let catalog = std::sync::Arc::clone(&shared.setting.catalog);
        for (subject, edits) in &mut self.edits {
            let anew = Edits::of(&catalog, subject);
            if !edits.is_changed() || edits.definitions() == all_of(&catalog, subject) {
                *edits = anew;
            }
        }
        self.ask(shared)
    }

    pub(super) fn now_mut(&mut self, shared: &Shared) -> Option<&mut Edits> {
        self.edits.get_mut(shared.choice.subject.as_ref()?)
    }

    fn selected_step(&self) -> Option<StepRow> {
        match self.row() {
            Row::Step(step) => Some(step.clone()),
            _ => None,
        }
    }

    fn definition_of(&self, step: &StepRow, shared: &Shared) -> Option<Json> {
        let migration = self.now(shared).migrations().get(&step.migration)?;
        migration.steps.get(step.index).map(|step| step.definition.clone())
    }

    /// Enter: a step is edited, a migration or the whole is looked at.
    pub(super) fn open(&mut self, shared: &mut Shared) -> Vec<Effect> {
        if self.selected_step().is_some() {
            return self.edit(Verb::EditStep, shared);
        }
        shared.part = Part::Right;
        Vec::new()
    }

    /// Why a verb of editing cannot be used now.
    pub(super) fn edit_disabled(&self, verb: Verb, shared: &Shared) -> Option<String> {
        let edits = self.now(shared);
        let step = self.selected_step();
        match verb {
            Verb::EditStep
            | Verb::EditAsText
            | Verb::SwitchStep
            | Verb::DuplicateStep
            | Verb::StepUp
            | Verb::StepDown
                if step.is_none() =>
            {
                Some("select a step first".to_owned())
            }
            Verb::RemoveStep if matches!(self.row(), Row::Whole) => {
                Some("select a step or a migration first".to_owned())
            }
            Verb::Save if !edits.is_changed() => Some("nothing was edited".to_owned()),
            Verb::AddStep | Verb::NewMigration | Verb::DraftChain | Verb::Paths
                if shared.choice.subject.is_none() =>
            {
                let keymap = &shared.keymap;
                let (key, pane) = (keymap.first_key(Verb::MakeChain), keymap.pane(Scope::Schemas));
                Some(format!("no subject is chosen: {key} in {pane}"))
            }
            Verb::DraftChain if self.drafting.is_some() => Some("a draft is on its way".to_owned()),
            Verb::NewMigration | Verb::DraftChain if source_of(shared).is_none() => {
                Some("there is no version before the target to come from".to_owned())
            }
            Verb::Undo if !edits.can_undo() => Some("nothing to take back".to_owned()),
            Verb::Redo if !edits.can_redo() => Some("nothing was taken back".to_owned()),
            _ => None,
        }
    }

    pub(super) fn edit(&mut self, verb: Verb, shared: &mut Shared) -> Vec<Effect> {
        let step = self.selected_step();
        match (verb, step) {
            (Verb::AddStep, _) => Self::choose_template(shared),
            (Verb::NewMigration, _) => return self.new_migration(shared),
            (Verb::DraftChain, _) => return self.ask_for_draft(shared),
            (Verb::Paths, _) => self.choose_path(shared),
            (Verb::Save, _) => self.choose_where_to_save(shared),
            (Verb::Undo | Verb::Redo, _) => {
                if let Some(edits) = self.now_mut(shared) {
                    _ = if verb == Verb::Undo { edits.undo() } else { edits.redo() };
                }
                return self.edited_now(shared);
            }
            (Verb::EditStep, Some(step)) => self.open_form(&step, shared),
            (Verb::EditAsText, Some(step)) => {
                if let Some(value) = self.definition_of(&step, shared) {
                    let place = place_of(&step);
                    let title = format!("{}, step {}", step.migration, step.index + 1);
                    open_editor(Edit { place, value }, &title, shared);
                }
            }
            (Verb::RemoveStep, step) => {
                let migration = self.row().migration().map(str::to_owned);
                if let (Some(name), Some(edits)) = (migration, self.now_mut(shared)) {
                    edits.remove(&name, step.map(|step| step.index));
                    let undo = shared.keymap.first_key(Verb::Undo);
                    shared.tell(format!("taken out; {undo} takes that back"));
                }
                return self.edited_now(shared);
            }
            (Verb::SwitchStep | Verb::DuplicateStep, Some(step)) => {
                if let Some(edits) = self.now_mut(shared) {
                    if verb == Verb::SwitchStep {
                        edits.switch(&step.migration, step.index);
                    } else {
                        edits.duplicate(&step.migration, step.index);
                    }
                }
                return self.edited_now(shared);
            }
            (Verb::StepUp | Verb::StepDown, Some(step)) => {
                let down = verb == Verb::StepDown;
                let moved = self
                    .now_mut(shared)
                    .is_some_and(|edits| edits.shift(&step.migration, step.index, down));
                if !moved {
                    shared.warn("a step moves inside its migration only");
                    return Vec::new();
                }
                let by = if down { self.step.selected + 1 } else { self.step.selected - 1 };
                self.step.selected = by;
                return self.edited_now(shared);
            }
            _ => {}
        }
        Vec::new()
    }

    /// Something was edited: rows and preview follow.
    pub(super) fn edited_now(&mut self, shared: &mut Shared) -> Vec<Effect> {
        self.show_rows(shared);
        self.ask_again(shared)
    }

    /// What is being written is tried out, and not kept yet.
    pub fn tried(&mut self, edit: &Edit, shared: &mut Shared) -> Vec<Effect> {
        let before = self.tried.as_ref().map_or(self.step.selected, |(_, before)| *before);
        self.tried = Some((self.now(shared).with(edit), before));
        self.show_rows(shared);
        self.select_place(&edit.place, shared);
        self.ask_again(shared)
    }

    /// What was written is kept.
    pub fn written(&mut self, edit: &Edit, shared: &mut Shared) -> Vec<Effect> {
        self.tried = None;
        if let Some(edits) = self.now_mut(shared) {
            edits.put(edit);
        }
        self.show_rows(shared);
        self.select_place(&edit.place, shared);
        self.ask_again(shared)
    }

    /// A form or text field was closed without being taken: the preview goes back to what stands.
    pub fn dropped(&mut self, shared: &mut Shared) -> Vec<Effect> {
        let Some((_, before)) = self.tried.take() else { return Vec::new() };
        self.step.selected = before;
        self.edited_now(shared)
    }

    fn select_place(&mut self, place: &Place, shared: &Shared) {
        let Place::Step { migration, index, .. } = place else { return };
        let is_it = |row: &Row| matches!(row, Row::Step(step) if step.migration == *migration && step.index == *index);
        if let Some(at) = self.rows.iter().position(is_it) {
            self.step.select(at, self.rows.len(), shared.regions.page(Part::Left));
        }
    }

    fn choose_template(shared: &mut Shared) {
        let item = |kind: &'static Kind| Item::new(Choice::Template(kind), kind.name, kind.summary);
        let menu = Menu::new("Add a step", KINDS.iter().map(item).collect());
        shared.overlays.push(Overlay::Menu(menu));
    }

    /// A kind was chosen: its form opens, for a place behind the selected row.
    pub fn template(&mut self, kind: &'static Kind, shared: &mut Shared) -> Vec<Effect> {
        let place = match self.row() {
            Row::Step(step) => Some((step.migration.clone(), step.index + 1)),
            Row::Migration(name) => Some((name.clone(), 0)),
            Row::Whole => self.rows.iter().rev().find_map(Row::migration).map(|name| {
                let steps = self.now(shared).migrations().get(name).map_or(0, |m| m.steps.len());
                (name.to_owned(), steps)
            }),
        };
        let mut effects = Vec::new();
        let (migration, index) = place.unwrap_or_else(|| {
            effects = self.new_migration(shared);
            let name = self.rows.iter().rev().find_map(Row::migration);
            (name.unwrap_or_default().to_owned(), 0)
        });
        if migration.is_empty() {
            shared.warn("no migration leads to the target, and there is no version to come from");
            return effects;
        }
        let place = Place::Step { migration, index, is_new: true };
        let form = Form::new(place, kind, &json!({}), self.paths(true));
        shared.overlays.push(Overlay::Form(form));
        effects
    }

    fn open_form(&mut self, step: &StepRow, shared: &mut Shared) {
        let Some(definition) = self.definition_of(step, shared) else { return };
        let kind = KINDS.iter().find(|kind| Some(kind.name) == definition["type"].as_str());
        let Some(kind) = kind else { return };
        let mut form = Form::new(place_of(step), kind, &definition, self.paths(false));
        form.set_note(self.note());
        shared.overlays.push(Overlay::Form(form));
    }

    /// The paths of the shown document before the selected step (or after it).
    fn paths(&self, after: bool) -> Vec<String> {
        let Some(preview) = self.current() else { return Vec::new() };
        let (before, behind) = forms(preview, &self.rows, self.step.selected);
        let text = if after { behind } else { before };
        let mut paths = Vec::new();
        if let Ok(value) = serde_json::from_str::<Json>(text) {
            list_paths(&value, "", &mut paths);
        }
        paths
    }

    fn new_migration(&mut self, shared: &mut Shared) -> Vec<Effect> {
        let (Some(source), Some(target)) = (source_of(shared), shared.choice.target.clone()) else {
            return Vec::new();
        };
        let Some(edits) = self.now_mut(shared) else { return Vec::new() };
        let name = edits.add_migration(&source.to_string(), &target.to_string());
        let add = shared.keymap.first_key(Verb::AddStep);
        shared.tell(format!("{name} from {source} to {target}: {add} adds steps"));
        let row = Row::Migration(name);
        if !self.rows.contains(&row) {
            self.rows.push(row);
        }
        self.step.selected = self.rows.len() - 1;
        self.ask_again(shared)
    }

    fn choose_path(&mut self, shared: &mut Shared) {
        let Some(target) = shared.choice.target.clone() else { return };
        let migrations = self.now(shared).migrations();
        let schemas: BTreeSet<Version> = subject_versions(shared);
        let taken = self.chain_names(shared);
        let mut items = vec![Item::new(
            Choice::Path(None),
            "as found",
            "for every version the best path: lossless first, then fewest migrations",
        )];
        items.extend(graph::paths(migrations, &target).into_iter().map(|path| {
            let (name, detail) = graph::path_words(migrations, &path);
            Item::new(Choice::Path(Some(path)), name, detail)
        }));
        let drawn = graph::draw(migrations, &schemas, Some(&target), &taken);
        let menu = Menu::new("Versions and paths", items).with_head(drawn);
        shared.overlays.push(Overlay::Menu(menu));
    }

    /// A path was chosen.
    pub fn take_path(&mut self, path: Option<Vec<String>>, shared: &mut Shared) -> Vec<Effect> {
        self.path = path;
        self.ask_again(shared)
    }

    fn choose_where_to_save(&self, shared: &mut Shared) {
        let (Some(subject), Some(edited)) =
            (shared.choice.subject.clone(), self.now(shared).definitions())
        else {
            return;
        };
        let note = match self.now(shared).switched_off() {
            0 => String::new(),
            1 => "; 1 step is switched off and is left out".to_owned(),
            count => format!("; {count} steps are switched off and are left out"),
        };
        let saving = Saving::Migrations(subject, edited);
        choose_where_to_save(saving, "Save the edited migrations", &note, shared);
    }
}

/// All migrations of a subject as the catalog has them.
fn all_of(
    catalog: &crate::session::Catalog,
    subject: &str,
) -> Option<crate::session::edit::Edited> {
    let migrations = &catalog.subject(subject)?.migrations;
    Some(migrations.iter().map(|(name, m)| (name.clone(), m.definition().clone())).collect())
}

fn place_of(step: &StepRow) -> Place {
    Place::Step { migration: step.migration.clone(), index: step.index, is_new: false }
}

fn subject_versions(shared: &Shared) -> BTreeSet<Version> {
    let subject = shared.choice.subject.as_ref().and_then(|n| shared.setting.catalog.subject(n));
    subject.map(|subject| subject.schemas.keys().cloned().collect()).unwrap_or_default()
}

/// Where a new migration to the target starts: at the version before it.
pub(super) fn source_of(shared: &Shared) -> Option<Version> {
    let target = shared.choice.target.as_ref()?;
    subject_versions(shared).range(..target).next_back().cloned()
}

fn list_paths(value: &Json, above: &str, paths: &mut Vec<String>) {
    let Json::Object(members) = value else {
        if let Json::Array(items) = value
            && let Some(first) = items.first()
        {
            list_paths(first, &format!("{above}[]"), paths);
        }
        return;
    };
    for (name, member) in members {
        if paths.len() >= SUGGESTED_PATHS_MAX {
            return;
        }
        let name = name.replace('\\', "\\\\").replace('.', "\\.");
        let path = if above.is_empty() { name } else { format!("{above}.{name}") };
        paths.push(path.clone());
        list_paths(member, &path, paths);
    }
}
