//! Subjects and their versions at the left; at the right, what differs between two of them.

mod difference;
mod versions;

use std::collections::{BTreeMap, BTreeSet};

use ratatui::layout::Rect;
use ratatui::text::Line;

use crate::console::command::{Scope, Verb};
use crate::console::editing::{ask_to_register, open_editor};
use crate::console::effect::{Effect, Saving};
use crate::console::msg::{Answer, Generation};
use crate::console::overlays::{Edit, Place};
use crate::console::panes::Pane;
use crate::console::regions::Part;
use crate::console::shared::{Choice, Shared};
use crate::console::theme::Role;
use crate::console::widgets::list::{self, ListState};
use crate::console::widgets::pairs::{self, Pair};
use crate::console::widgets::{Canvas, above, below, text};
use crate::schema::diff::rows::rows;
use crate::schema::diff::{Change, ChangeSet, Policy, diff};
use crate::schema::{Schema, Version};
use crate::session::edit::Inferred;
use difference::{alone, change_line, flat, pair_of, summary};

pub use difference::advice;

/// How many cells a step to the side scrolls.
const SIDE_STEP: usize = 8;

/// Rows at the foot for the selected row's changes.
const FOOT_ROWS: u16 = 5;

/// What a row of the left side is.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Entry {
    /// The subject itself.
    Subject,
    /// One of its versions.
    Version(Version),
    /// The shape of what is stored.
    Live,
}

/// One row of the left side.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Listed {
    subject: String,
    entry: Entry,
}

/// The pane.
#[derive(Debug)]
pub struct Schemas {
    rows: Vec<Listed>,
    at: ListState,
    /// The version that is compared with, where the operator chose one.
    base: Option<Listed>,
    /// Shapes of what is stored, by subject.
    live: BTreeMap<String, Inferred>,
    generation: Generation,
    /// The pattern whose documents are looked at.
    waiting: Option<String>,
    pairs: Vec<Pair>,
    /// What the rows differ in, and which changes belong to which row; `None` for a version alone.
    difference: Option<(ChangeSet, Vec<Vec<usize>>)>,
    headings: (String, String),
    scroll: ListState,
    skip: usize,
}

impl Schemas {
    /// The pane on the definitions there are, at the newest version of the chosen subject.
    pub fn new(shared: &Shared) -> Self {
        let mut pane = Self {
            rows: Vec::new(),
            at: ListState::default(),
            base: None,
            live: BTreeMap::new(),
            generation: 0,
            waiting: None,
            pairs: Vec::new(),
            difference: None,
            headings: (String::new(), String::new()),
            scroll: ListState::default(),
            skip: 0,
        };
        pane.list(shared);
        let is_version = |row: &Listed| matches!(row.entry, Entry::Version(_));
        pane.at.selected = pane.rows.iter().position(is_version).unwrap_or(0);
        pane.compare(shared);
        pane
    }

    /// Whether an answer is on its way.
    pub fn is_waiting(&self) -> bool {
        self.waiting.is_some()
    }

    /// Makes the rows of the left side anew; what was selected stays selected where it still is.
    fn list(&mut self, shared: &Shared) {
        let selected = self.selected().cloned();
        self.rows.clear();
        let known = shared.setting.catalog.subjects.keys();
        let names: BTreeSet<&String> = known.chain(self.live.keys()).collect();
        for name in names {
            let row = |entry| Listed { subject: name.clone(), entry };
            self.rows.push(row(Entry::Subject));
            if self.live.contains_key(name) {
                self.rows.push(row(Entry::Live));
            }
            let subject = shared.setting.catalog.subject(name);
            let versions = subject.into_iter().flat_map(|subject| subject.schemas.keys().rev());
            self.rows.extend(versions.map(|version| row(Entry::Version(version.clone()))));
        }
        let at = self.rows.iter().position(|row| Some(row) == selected.as_ref());
        self.at = ListState { selected: at.unwrap_or(0), offset: 0 };
    }

    /// The definitions are other ones now. A version that is new is selected.
    pub fn catalog_changed(&mut self, shared: &mut Shared) {
        let before = self.rows.clone();
        self.list(shared);
        let is_new =
            |row: &&Listed| matches!(row.entry, Entry::Version(_)) && !before.contains(row);
        if let Some(row) = self.rows.iter().find(is_new).cloned() {
            self.at.selected = self.rows.iter().position(|other| *other == row).unwrap_or(0);
            // What is stored is a version now.
            self.live.remove(&row.subject);
            self.list(shared);
            if let Entry::Version(version) = row.entry {
                shared.choice = Choice { subject: Some(row.subject), target: Some(version) };
            }
        }
        self.compare(shared);
    }

    /// Documents were written: what was seen of the stored ones holds no more. The shape of a subject that
    /// has no version yet is kept: no run can have changed it.
    pub fn documents_changed(&mut self, shared: &Shared) {
        self.live.retain(|subject, _| shared.setting.catalog.subject(subject).is_none());
        self.list(shared);
        self.compare(shared);
    }

    /// Asks for the shape of what is stored under a pattern.
    pub fn infer(&mut self, pattern: String, subject: Option<String>) -> Vec<Effect> {
        self.generation += 1;
        self.waiting = Some(pattern.clone());
        vec![Effect::Infer(self.generation, pattern, subject)]
    }

    /// Takes the shape of what is stored.
    pub fn inferred(
        &mut self,
        generation: Generation,
        answer: Answer<Box<Inferred>>,
        shared: &mut Shared,
    ) {
        if generation != self.generation {
            return;
        }
        self.waiting = None;
        match answer {
            Ok(inferred) => {
                let subject = inferred.schema.subject.clone();
                let documents = text::counted(inferred.documents, "document");
                let key = shared.keymap.first_key(Verb::Register);
                shared.tell(format!("{documents} looked at: {key} makes their shape a version"));
                self.live.insert(subject.clone(), *inferred);
                self.list(shared);
                let live = Listed { subject, entry: Entry::Live };
                self.at.selected = self.rows.iter().position(|row| *row == live).unwrap_or(0);
                self.compare(shared);
            }
            Err(reason) => shared.trouble(reason),
        }
    }

    /// The schema of a row; of a subject's own row its newest.
    fn schema<'s>(&'s self, row: &Listed, shared: &'s Shared) -> Option<&'s Schema> {
        let subject = shared.setting.catalog.subject(&row.subject);
        match &row.entry {
            Entry::Live => self.live.get(&row.subject).map(|live| &live.schema),
            Entry::Version(version) => subject?.schemas.get(version),
            Entry::Subject => {
                let stored = || self.live.get(&row.subject).map(|live| &live.schema);
                subject.and_then(|subject| subject.latest()).or_else(stored)
            }
        }
    }

    /// What a row is compared with: the base that was chosen, else the version before it; what is
    /// stored, with the newest version.
    fn before<'s>(&'s self, row: &Listed, shared: &'s Shared) -> Option<&'s Schema> {
        let chosen = self.base.as_ref().filter(|b| b.subject == row.subject && *b != row);
        if let Some(base) = chosen {
            return self.schema(base, shared);
        }
        let subject = shared.setting.catalog.subject(&row.subject)?;
        if row.entry == Entry::Live {
            return subject.latest();
        }
        let version = &self.schema(row, shared)?.version;
        subject.schemas.range(..version).next_back().map(|(_, schema)| schema)
    }

    /// The version that the selected row names as a target; a subject's own row names its newest.
    fn target(&self, shared: &Shared) -> Option<(String, Version)> {
        let row = self.selected()?;
        let version = match &row.entry {
            Entry::Version(version) => version.clone(),
            Entry::Subject => {
                shared.setting.catalog.subject(&row.subject)?.latest()?.version.clone()
            }
            Entry::Live => return None,
        };
        Some((row.subject.clone(), version))
    }

    fn selected(&self) -> Option<&Listed> {
        self.rows.get(self.at.selected)
    }

    /// Makes the right side anew for the selected row.
    fn compare(&mut self, shared: &Shared) {
        (self.scroll, self.skip) = (ListState::default(), 0);
        self.pairs.clear();
        self.difference = None;
        let Some(row) = self.selected().cloned() else { return };
        let Some(schema) = self.schema(&row, shared).cloned() else { return };
        let before = self.before(&row, shared).cloned();
        let name = |schema: &Schema| {
            let live = self.live.get(&schema.subject).map(|live| &live.schema.version);
            if live == Some(&schema.version) {
                return format!("{} as stored", schema.subject);
            }
            format!("{} {}", schema.subject, schema.version)
        };
        self.headings =
            (before.as_ref().map_or_else(|| "(nothing before)".to_owned(), name), name(&schema));
        let Some(before) = before else {
            self.pairs = alone(&schema);
            return;
        };
        let set = diff(&before, &schema, Policy::default());
        let rows = rows(&before, &schema, &set);
        self.pairs = rows.iter().map(|row| pair_of(row, &set)).collect();
        self.difference = Some((set, rows.into_iter().map(|row| row.changes).collect()));
        self.scroll.selected = self.pairs.iter().position(|pair| pair.changed).unwrap_or(0);
    }

    fn view_difference(&self, shared: &Shared, canvas: &mut Canvas, area: Rect, focused: bool) {
        let inside = canvas.boxed(area, "Difference", focused);
        if self.pairs.is_empty() {
            canvas.put_wrapped(inside, Role::Dim, "Select a version at the left.");
            return;
        }
        pairs::heading(canvas, above(inside, 1), &self.headings.0, &self.headings.1);
        let room = match &self.difference {
            Some((set, _)) => canvas.put_flow(below(inside, 1), summary(set)),
            None => canvas.put_wrapped(below(inside, 1), Role::Accent, &self.first_words(shared)),
        };
        let changes = self.selected_changes();
        let foot = if self.difference.is_some() { FOOT_ROWS.min(room.height / 3) } else { 0 };
        let body = Rect { height: room.height - foot, ..room };
        let (length, skip) = (self.pairs.len(), self.skip);
        list::draw(canvas, body, Part::Right, self.scroll, length, focused, |canvas, at| {
            pairs::line(canvas, &self.pairs[at], body.width, skip)
        });
        let border = Line::from(canvas.span(Role::Border, "─".repeat(usize::from(room.width))));
        let mut foot = canvas.put_lines(below(room, body.height), [border]);
        if changes.is_empty() && self.difference.is_some() {
            canvas.put_wrapped(foot, Role::Dim, "no change in this row; n jumps to the next one");
        }
        for change in changes {
            let (role, line) = change_line(change);
            foot = canvas.put_wrapped(foot, role, &line);
        }
    }

    /// What to do with a version that none stands before.
    fn first_words(&self, shared: &Shared) -> String {
        let key = |verb| shared.keymap.first_key(verb);
        if self.selected().is_some_and(|row| row.entry == Entry::Live) {
            return format!("not a version yet: {} makes it the first one", key(Verb::Register));
        }
        format!("the first version: {} writes the next one from it", key(Verb::NewVersion))
    }

    /// The changes of the selected row.
    fn selected_changes(&self) -> Vec<&Change> {
        let Some((set, by_row)) = &self.difference else { return Vec::new() };
        let of_row = by_row.get(self.scroll.selected).map_or(&[][..], Vec::as_slice);
        of_row.iter().map(|at| &set.changes[*at]).collect()
    }

    /// Opens a text field with the selected schema under the number that comes next.
    fn write_new_version(&self, shared: &mut Shared) {
        let Some(row) = self.selected() else { return };
        let Some(schema) = self.schema(row, shared) else { return };
        let mut definition = schema.definition().clone();
        definition["subject"] = row.subject.as_str().into();
        let newest = shared.setting.catalog.subject(&row.subject).and_then(|s| s.latest());
        if let Some(newest) = newest.filter(|_| row.entry != Entry::Live) {
            let next = Version::new(newest.version.major, newest.version.minor + 1, 0);
            definition["version"] = next.to_string().into();
        }
        let edit = Edit { place: Place::Schema, value: definition };
        open_editor(edit, "New version", shared);
    }

    /// Registers the selected version; what is stored becomes a version first.
    fn register(&self, shared: &mut Shared) {
        let Some(row) = self.selected() else { return };
        if row.entry == Entry::Live {
            self.write_new_version(shared);
            return;
        }
        let Some(schema) = self.schema(row, shared) else { return };
        let mut definition = schema.definition().clone();
        definition["subject"] = row.subject.as_str().into();
        ask_to_register(Saving::Schema(definition), "", shared);
    }

    /// Whether the selected row's subject has another one to compare it with.
    fn can_compare(&self) -> bool {
        let subject = self.selected().map(|row| &row.subject);
        let of_subject =
            |row: &&Listed| Some(&row.subject) == subject && row.entry != Entry::Subject;
        self.rows.iter().filter(of_subject).count() > 1
    }

    fn jump(&mut self, back: bool, shared: &mut Shared) {
        match pairs::next_change(&self.pairs, self.scroll.selected, back) {
            Some(row) => {
                let page = shared.regions.page(Part::Right);
                self.scroll.select(row, self.pairs.len(), page);
                shared.part = Part::Right;
            }
            None => shared.warn("the two versions do not differ"),
        }
    }
}

impl Pane for Schemas {
    fn enter(&mut self, shared: &mut Shared) -> Vec<Effect> {
        if self.pairs.is_empty() {
            self.compare(shared);
        }
        Vec::new()
    }

    fn act(&mut self, verb: Verb, shared: &mut Shared) -> Vec<Effect> {
        let page = shared.regions.page(shared.part);
        match verb {
            Verb::Refresh => return vec![Effect::ReadCatalog],
            Verb::NextChange | Verb::PreviousChange => {
                self.jump(verb == Verb::PreviousChange, shared);
            }
            Verb::Left => self.skip = self.skip.saturating_sub(SIDE_STEP),
            Verb::Right => self.skip += SIDE_STEP,
            Verb::Open => shared.part = Part::Right,
            Verb::Back => shared.part = Part::Left,
            Verb::SetBase => {
                let chosen = self.selected().cloned();
                self.base = if self.base == chosen { None } else { chosen };
                match self.base.as_ref().and_then(|base| self.schema(base, shared)) {
                    Some(schema) => shared.tell(format!("comparing with {}", schema.title())),
                    None => shared.tell("comparing with the version before"),
                }
                self.compare(shared);
            }
            Verb::MakeChain => {
                if let Some((subject, version)) = self.target(shared) {
                    shared.choice = Choice { subject: Some(subject), target: Some(version) };
                }
            }
            Verb::InferLive => {
                let Some(row) = self.selected().cloned() else { return Vec::new() };
                let Some(schema) = self.schema(&row, shared) else { return Vec::new() };
                let pattern = schema.key_pattern.clone();
                return self.infer(pattern, Some(row.subject));
            }
            Verb::NewVersion => self.write_new_version(shared),
            Verb::Register => self.register(shared),
            Verb::Copy => {
                if let Some((set, _)) = &self.difference {
                    return vec![Effect::Copy(flat(set))];
                }
            }
            verb if shared.part == Part::Right => {
                self.scroll.step(verb, self.pairs.len(), page);
            }
            verb => {
                if self.at.step(verb, self.rows.len(), page) {
                    self.compare(shared);
                }
            }
        }
        Vec::new()
    }

    fn disabled(&self, verb: Verb, shared: &Shared) -> Option<String> {
        match verb {
            Verb::MakeChain if self.target(shared).is_none() => {
                Some("select a version first".to_owned())
            }
            Verb::SetBase | Verb::Register
                if self.selected().is_none_or(|row| row.entry == Entry::Subject) =>
            {
                Some("select a version first, not a subject".to_owned())
            }
            Verb::SetBase if !self.can_compare() => {
                Some("the subject has no other version to compare with".to_owned())
            }
            Verb::NewVersion | Verb::InferLive if self.rows.is_empty() => {
                let keymap = &shared.keymap;
                let (key, keys) = (keymap.first_key(Verb::InferKeys), keymap.pane(Scope::Keys));
                Some(format!("there is no subject yet: {key} in {keys} proposes one"))
            }
            Verb::InferLive if self.waiting.is_some() => {
                Some("documents are being looked at".to_owned())
            }
            Verb::NextChange | Verb::PreviousChange
                if !self.pairs.iter().any(|pair| pair.changed) =>
            {
                Some("there is no change to jump to".to_owned())
            }
            _ => None,
        }
    }

    fn next(&self, shared: &Shared) -> Option<Verb> {
        let row = self.selected()?;
        let subject = shared.setting.catalog.subject(&row.subject);
        match (&row.entry, subject.map_or(0, |subject| subject.schemas.len())) {
            (Entry::Live, 0) => Some(Verb::Register),
            // A chain needs a version to come from.
            (_, 1) => Some(Verb::NewVersion),
            (Entry::Version(_), _) => Some(Verb::MakeChain),
            _ => None,
        }
    }

    fn select(&mut self, part: Part, row: usize, shared: &mut Shared) -> Vec<Effect> {
        let page = shared.regions.page(part);
        match part {
            Part::Left => {
                self.at.select(row, self.rows.len(), page);
                self.compare(shared);
            }
            Part::Right => self.scroll.select(row, self.pairs.len(), page),
        }
        Vec::new()
    }

    fn view(&self, part: Part, shared: &Shared, canvas: &mut Canvas, area: Rect, focused: bool) {
        match part {
            Part::Left => self.view_list(shared, canvas, area, focused),
            Part::Right => self.view_difference(shared, canvas, area, focused),
        }
    }

    fn left_share(&self) -> u16 {
        30
    }
}
