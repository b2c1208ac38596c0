//! Subjects and their versions at the left; at the right, what differs between two of them.

use ratatui::layout::Rect;
use ratatui::text::Line;

use crate::console::command::Verb;
use crate::console::effect::Effect;
use crate::console::panes::Pane;
use crate::console::regions::Part;
use crate::console::shared::{Choice, Shared};
use crate::console::theme::Role;
use crate::console::widgets::list::{self, ListState};
use crate::console::widgets::pairs::{self, Pair};
use crate::console::widgets::{Canvas, above, below};
use crate::schema::diff::rows::{Row, Word, rows};
use crate::schema::diff::{Change, ChangeSet, DataWork, Policy, diff};
use crate::schema::{Schema, Version};

/// How many cells a step to the side scrolls.
const SIDE_STEP: usize = 8;

/// Rows at the foot for the selected row's changes.
const FOOT_ROWS: u16 = 5;

/// One row of the left side.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Listed {
    subject: String,
    /// `None` is the subject's own row.
    version: Option<Version>,
}

/// The pane.
#[derive(Debug)]
pub struct Schemas {
    rows: Vec<Listed>,
    at: ListState,
    /// The version that is compared with, where the operator chose one.
    base: Option<(String, Version)>,
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
        let mut rows = Vec::new();
        for subject in shared.setting.catalog.subjects.values() {
            rows.push(Listed { subject: subject.name.clone(), version: None });
            let versions = subject.schemas.keys().rev();
            rows.extend(versions.map(|version| Listed {
                subject: subject.name.clone(),
                version: Some(version.clone()),
            }));
        }
        let selected = rows.iter().position(|row| row.version.is_some()).unwrap_or(0);
        let mut pane = Self {
            rows,
            at: ListState { selected, offset: 0 },
            base: None,
            pairs: Vec::new(),
            difference: None,
            headings: (String::new(), String::new()),
            scroll: ListState::default(),
            skip: 0,
        };
        pane.compare(shared);
        pane
    }

    /// The definitions are other ones now; what was selected stays selected where it still is.
    pub fn catalog_changed(&mut self, shared: &Shared) {
        let selected = self.selected().cloned();
        let anew = Self::new(shared);
        (self.rows, self.at) = (anew.rows, anew.at);
        if let Some(at) = self.rows.iter().position(|row| Some(row) == selected.as_ref()) {
            self.at = ListState { selected: at, offset: 0 };
        }
        self.compare(shared);
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
        let Some(subject) = shared.setting.catalog.subject(&row.subject) else { return };
        let newest = subject.schemas.keys().next_back();
        let Some(version) = row.version.as_ref().or(newest) else { return };
        let Some(schema) = subject.schemas.get(version) else { return };
        let chosen = self.base.as_ref().filter(|(name, _)| *name == row.subject);
        let before = match chosen {
            Some((_, base)) => subject.schemas.get(base),
            None => subject.schemas.range(..version).next_back().map(|(_, schema)| schema),
        };
        let name = |schema: &Schema| format!("{} {}", schema.subject, schema.version);
        self.headings =
            (before.map_or_else(|| "(no version before)".to_owned(), name), name(schema));
        let Some(before) = before else {
            self.pairs = alone(schema);
            return;
        };
        let set = diff(before, schema, Policy::default());
        let rows = rows(before, schema, &set);
        self.pairs = rows.iter().map(|row| pair_of(row, &set)).collect();
        self.difference = Some((set, rows.into_iter().map(|row| row.changes).collect()));
        self.scroll.selected = self.pairs.iter().position(|pair| pair.changed).unwrap_or(0);
    }

    fn view_list(&self, shared: &Shared, canvas: &mut Canvas, area: Rect, focused: bool) {
        let inside = canvas.boxed(area, "Subjects and versions", focused);
        if self.rows.is_empty() {
            let text = format!(
                "No subjects: {} has no schema definitions. Give a folder of definitions with \
                 --catalog DIR.",
                shared.setting.catalog_source
            );
            canvas.put_wrapped(inside, Role::Warn, &text);
            return;
        }
        list::draw(canvas, inside, Part::Left, self.at, self.rows.len(), focused, |canvas, at| {
            self.row(shared, canvas, at)
        });
    }

    fn row<'t>(&self, shared: &Shared, canvas: &Canvas, at: usize) -> Line<'t> {
        let row = &self.rows[at];
        let Some(subject) = shared.setting.catalog.subject(&row.subject) else {
            return Line::default();
        };
        let Some(version) = &row.version else {
            return canvas.line([
                (Role::Title, subject.name.clone()),
                (Role::Dim, format!("  {}", subject.key_pattern)),
            ]);
        };
        let is_base = self.base.as_ref() == Some(&(row.subject.clone(), version.clone()));
        let is_target = shared.choice.subject.as_deref() == Some(&row.subject)
            && shared.choice.target.as_ref() == Some(version);
        let mut parts =
            vec![(Role::Text, format!("  {version:<10}", version = version.to_string()))];
        let storage = subject.schemas[version].storage.map_or("any storage", |s| s.name());
        parts.push((Role::Dim, storage.to_owned()));
        if is_target {
            parts.push((Role::Good, " ◆ target".to_owned()));
        }
        if is_base {
            parts.push((Role::Accent, " ◇ base".to_owned()));
        }
        canvas.line(parts)
    }

    fn view_difference(&self, canvas: &mut Canvas, area: Rect, focused: bool) {
        let inside = canvas.boxed(area, "Difference", focused);
        if self.pairs.is_empty() {
            canvas.put_wrapped(inside, Role::Dim, "Select a version at the left.");
            return;
        }
        pairs::heading(canvas, above(inside, 1), &self.headings.0, &self.headings.1);
        let room = match &self.difference {
            Some((set, _)) => canvas.put_flow(below(inside, 1), summary(set)),
            None => {
                canvas.put_flow(below(inside, 1), [(Role::Dim, "the first version".to_owned())])
            }
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

    /// The changes of the selected row.
    fn selected_changes(&self) -> Vec<&Change> {
        let Some((set, by_row)) = &self.difference else { return Vec::new() };
        let of_row = by_row.get(self.scroll.selected).map_or(&[][..], Vec::as_slice);
        of_row.iter().map(|at| &set.changes[*at]).collect()
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
            Verb::NextChange | Verb::PreviousChange => {
                self.jump(verb == Verb::PreviousChange, shared);
            }
            Verb::Left => self.skip = self.skip.saturating_sub(SIDE_STEP),
            Verb::Right => self.skip += SIDE_STEP,
            Verb::Open => shared.part = Part::Right,
            Verb::Back => shared.part = Part::Left,
            Verb::SetBase => {
                let chosen = self.selected().and_then(|row| {
                    row.version.clone().map(|version| (row.subject.clone(), version))
                });
                self.base = if self.base == chosen { None } else { chosen };
                match &self.base {
                    Some((subject, version)) => {
                        shared.tell(format!("comparing with {subject} {version}"));
                    }
                    None => shared.tell("comparing with the version before"),
                }
                self.compare(shared);
            }
            Verb::MakeChain => {
                if let Some(Listed { subject, version: Some(version) }) = self.selected() {
                    shared.choice =
                        Choice { subject: Some(subject.clone()), target: Some(version.clone()) };
                }
            }
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

    fn disabled(&self, verb: Verb, _shared: &Shared) -> Option<String> {
        match verb {
            Verb::SetBase | Verb::MakeChain
                if self.selected().is_none_or(|row| row.version.is_none()) =>
            {
                Some("select a version first, not a subject".to_owned())
            }
            Verb::NextChange | Verb::PreviousChange
                if !self.pairs.iter().any(|pair| pair.changed) =>
            {
                Some("there is no change to jump to".to_owned())
            }
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
            Part::Right => self.view_difference(canvas, area, focused),
        }
    }

    fn left_share(&self) -> u16 {
        30
    }
}

/// What the whole difference means.
fn summary(set: &ChangeSet) -> Vec<(Role, String)> {
    let severity = if set.severity.is_breaking() { Role::BadgeBad } else { Role::Badge };
    let compat = if set.compat.name() == "none" { Role::Bad } else { Role::Good };
    vec![
        (severity, format!(" {} ", set.severity.name().to_uppercase())),
        (compat, format!("compatible: {}", set.compat.name())),
        (Role::Text, format!("asks for a {} version", set.bump.name())),
        (Role::Dim, format!("{} changes", set.changes.len())),
    ]
}

/// The changes as text to copy, one per line.
fn flat(set: &ChangeSet) -> String {
    let lines = set.changes.iter().flat_map(|change| [place(change), ": ", &change.message, "\n"]);
    lines.collect()
}

/// The field a change is about, or the document.
fn place(change: &Change) -> &str {
    if change.field.is_empty() { "the document" } else { &change.field }
}

/// A row of the schema room as a pair: its words, and a mark that says whether it breaks anybody.
fn pair_of(row: &Row, set: &ChangeSet) -> Pair {
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
fn change_line(change: &Change) -> (Role, String) {
    let (role, who) = broken(change);
    let data = match change.data {
        DataWork::None => String::new(),
        work => format!("; stored data: {}", work.name()),
    };
    (role, format!("{who}: {}{data}", change.message))
}

/// A schema without one before it: all its fields.
fn alone(schema: &Schema) -> Vec<Pair> {
    let set = diff(schema, schema, Policy::default());
    let rows = rows(schema, schema, &set);
    rows.iter().map(|row| Pair { left: None, changed: false, ..pair_of(row, &set) }).collect()
}
