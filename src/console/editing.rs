//! Definitions that are edited: from the overlay in which they are written to the pane that tries them
//! out, and to where they are saved.

use std::sync::Arc;

use serde_json::Value as Json;

use crate::console::app::App;
use crate::console::command::Scope;
use crate::console::effect::{Effect, Order, SaveTo, Saving};
use crate::console::msg::{Answer, Saved};
use crate::console::overlays::{Choice, Confirm, Edit, Editor, Intent, Item, Menu, Overlay, Place};
use crate::console::panes::schemas;
use crate::console::shared::Shared;
use crate::console::theme::Role;
use crate::session::Catalog;

/// Opens the menu of places to save definitions in; `note` is what to know before.
pub fn choose_where_to_save(saving: Saving, title: &str, note: &str, shared: &mut Shared) {
    let mut items = Vec::new();
    if shared.setting.has_folder {
        let files = format!("write below {}{note}", shared.setting.catalog_source);
        let choice = Choice::Save(saving.clone(), SaveTo::Files);
        items.push(Item::new(choice, "to the catalog's files", files));
    }
    let registry = format!("register in Redis, for everybody who works there{note}");
    if items.is_empty() {
        // One place is no choice.
        return ask_to_register(saving, note, shared);
    }
    let choice = Choice::Save(saving, SaveTo::Registry);
    items.push(Item::new(choice, "to the registry", registry));
    shared.overlays.push(Overlay::Menu(Menu::new(title, items)));
}

/// Opens a text field with a step or a schema in it.
pub fn open_editor(edit: Edit, title: &str, shared: &mut Shared) {
    let editor = Editor::new(edit.place, title, &edit.value, &shared.theme);
    shared.overlays.push(Overlay::Editor(Box::new(editor)));
}

/// Opens the question before definitions are registered: others work by them. `note` is what to know
/// before.
pub fn ask_to_register(saving: Saving, note: &str, shared: &mut Shared) {
    if shared.setting.read_only {
        shared.warn("not registered: the console is read-only (--read-only)");
        return;
    }
    if shared.link.is_replica() {
        shared.warn("not registered: this server is a replica, open the console on its primary");
        return;
    }
    let (subject, what) = match &saving {
        Saving::Migrations(subject, edited) => {
            let names: Vec<&str> = edited.keys().map(String::as_str).collect();
            let migrations = if names.len() == 1 { "migration" } else { "migrations" };
            (subject.clone(), format!("the {migrations} {}{note}", names.join(", ")))
        }
        Saving::Schema(definition) => {
            let text = |key: &str| definition[key].as_str().unwrap_or_default().to_owned();
            (text("subject"), format!("the schema of version {}", text("version")))
        }
    };
    let address = &shared.setting.address;
    let mut lines = vec![(Role::Text, format!("This writes to the registry on {address}:"))];
    if let Some(environment) = &shared.setting.environment {
        let role = if shared.setting.is_production() { Role::BadgeBad } else { Role::Warn };
        lines.push((role, format!("environment {environment}")));
    }
    lines.push((Role::Title, format!("{subject}: {what}")));
    let after =
        "No document is changed. Everybody who plans from this registry plans with it then.";
    lines.push((Role::Text, after.to_owned()));
    let intent = Intent::Register(saving);
    let confirm = Confirm::new("Register", lines, subject, "Register", intent);
    shared.overlays.push(Overlay::Confirm(confirm));
}

/// Whether two catalogs define the same.
fn is_same(one: &Catalog, other: &Catalog) -> bool {
    let texts = |catalog: &Catalog| -> Vec<Json> {
        let subjects = catalog.subjects.values().flat_map(|subject| {
            let schemas = subject.schemas.values().map(|schema| schema.definition().clone());
            let name = Json::from(subject.name.as_str());
            std::iter::once(name).chain(schemas).chain([subject.migrations_definition()])
        });
        let strategies = catalog.strategies.values().map(|strategy| strategy.definition.clone());
        subjects.chain(strategies).collect()
    };
    texts(one) == texts(other) && one.flags == other.flags
}

impl App {
    /// What was chosen from a menu.
    pub(super) fn chosen(&mut self, choice: Choice) -> Vec<Effect> {
        match choice {
            Choice::Stay => Vec::new(),
            Choice::LeaveUnsaved => vec![Effect::Exit],
            Choice::GoOn => vec![Effect::Order(Order::Resume)],
            Choice::StopHere => {
                self.run.stop(&mut self.shared);
                vec![Effect::Order(Order::Stop)]
            }
            Choice::Template(kind) => self.chain.template(kind, &mut self.shared),
            Choice::Answer { migration, steps, instead_of } => {
                self.chain.answered(&migration, steps, &instead_of, &mut self.shared)
            }
            Choice::Rollback(run, changed) => {
                self.history.ask_to_roll_back(&run, changed, &mut self.shared);
                Vec::new()
            }
            Choice::Path(path) => self.chain.take_path(path, &mut self.shared),
            Choice::Save(saving, SaveTo::Files) => vec![Effect::Save(saving, SaveTo::Files)],
            Choice::Save(saving, SaveTo::Registry) => {
                ask_to_register(saving, "", &mut self.shared);
                Vec::new()
            }
        }
    }

    /// What is being written is sound so far.
    pub(super) fn tried(&mut self, edit: &Edit) -> Vec<Effect> {
        match edit.place {
            Place::Step { .. } => self.chain.tried(edit, &mut self.shared),
            Place::Schema => {
                let note = schemas::advice(&edit.value, &self.shared.setting.catalog);
                if let Some(overlay) = self.shared.overlays.last_mut() {
                    overlay.set_note(note);
                }
                Vec::new()
            }
        }
    }

    /// What was written is taken.
    pub(super) fn written(&mut self, edit: &Edit) -> Vec<Effect> {
        match edit.place {
            Place::Step { .. } => self.chain.written(edit, &mut self.shared),
            Place::Schema => {
                let saving = Saving::Schema(edit.value.clone());
                choose_where_to_save(saving, "Save the schema", "", &mut self.shared);
                Vec::new()
            }
        }
    }

    /// Definitions were saved: every pane goes on from what there is now.
    pub(super) fn saved(&mut self, answer: Answer<Saved>) -> Vec<Effect> {
        match answer {
            Ok(Saved { words, catalog }) => {
                self.shared.note(Role::Good, words.clone());
                self.shared.tell(words);
                // What was written stood below the questions until it was safe.
                self.shared.overlays.retain(|overlay| !overlay.writes_schema());
                self.shared.setting.catalog = Arc::clone(&catalog);
                self.schemas.catalog_changed(&mut self.shared);
                self.chain.catalog_changed(&mut self.shared)
            }
            Err(reason) => {
                let reason = format!("not saved: {reason}");
                if let Some(overlay) = self.shared.overlays.last_mut() {
                    overlay.set_note(vec![(Role::Bad, reason.clone())]);
                }
                self.shared.trouble(reason);
                Vec::new()
            }
        }
    }

    /// The definitions were read anew, because somebody else may have changed them. What is chosen stays
    /// chosen.
    pub(super) fn read_anew(&mut self, answer: Answer<Arc<Catalog>>) -> Vec<Effect> {
        let catalog = match answer {
            Ok(catalog) => catalog,
            Err(reason) => {
                self.shared.trouble(format!("the definitions could not be read anew: {reason}"));
                return Vec::new();
            }
        };
        if is_same(&self.shared.setting.catalog, &catalog) {
            if self.shared.focus == Scope::Schemas {
                self.shared.tell("the definitions are as before");
            }
            return Vec::new();
        }
        self.shared.note(Role::Accent, "other definitions were read");
        self.shared.tell("other definitions were read");
        self.shared.setting.catalog = Arc::clone(&catalog);
        let chosen = self.shared.choice.clone();
        self.schemas.catalog_changed(&mut self.shared);
        let subject = chosen.subject.as_ref().and_then(|name| catalog.subject(name));
        if subject.is_some_and(|it| chosen.target.iter().all(|v| it.schemas.contains_key(v))) {
            self.shared.choice = chosen;
        }
        self.chain.catalog_changed(&mut self.shared)
    }

    /// The operator's own editor gave a text back.
    pub(super) fn edited_outside(&mut self, answer: Answer<String>) -> Vec<Effect> {
        match (answer, self.shared.overlays.last_mut()) {
            (Ok(text), Some(Overlay::Editor(editor))) => {
                let answer = editor.replace(&text, &self.shared.theme);
                self.answered(answer)
            }
            (Ok(_), _) => Vec::new(),
            (Err(reason), overlay) => {
                // A short message would lie below the text field.
                if let Some(overlay) = overlay {
                    overlay.set_note(vec![(Role::Bad, reason.clone())]);
                }
                self.shared.trouble(reason);
                Vec::new()
            }
        }
    }
}
