//! Subjects and their versions at the left; at the right, what differs between two of them.

use ratatui::layout::Rect;
use ratatui::text::Line;
use serde_json::Value;

use crate::console::command::Verb;
use crate::console::effect::Effect;
use crate::console::panes::Pane;
use crate::console::regions::Part;
use crate::console::shared::{Choice, Shared};
use crate::console::theme::Role;
use crate::console::widgets::list::{self, ListState};
use crate::console::widgets::pairs::{self, Pair};
use crate::console::widgets::{Canvas, above, below};
use crate::schema::{Schema, Version};

/// How many cells a step to the side scrolls.
const SIDE_STEP: usize = 8;

/// One row of the left side.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Row {
    subject: String,
    /// `None` is the subject's own row.
    version: Option<Version>,
}

/// The pane.
#[derive(Debug)]
pub struct Schemas {
    rows: Vec<Row>,
    at: ListState,
    /// The version that is compared with, where the operator chose one.
    base: Option<(String, Version)>,
    pairs: Vec<Pair>,
    /// What the difference means, one line per change.
    verdicts: Vec<Vec<(Role, String)>>,
    headings: (String, String),
    scroll: ListState,
    skip: usize,
}

impl Schemas {
    /// The pane on the definitions there are, at the newest version of the chosen subject.
    pub fn new(shared: &Shared) -> Self {
        let mut rows = Vec::new();
        for subject in shared.setting.catalog.subjects.values() {
            rows.push(Row { subject: subject.name.clone(), version: None });
            let versions = subject.schemas.keys().rev();
            rows.extend(versions.map(|version| Row {
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
            verdicts: Vec::new(),
            headings: (String::new(), String::new()),
            scroll: ListState::default(),
            skip: 0,
        };
        pane.compare(shared);
        pane
    }

    fn selected(&self) -> Option<&Row> {
        self.rows.get(self.at.selected)
    }

    /// Makes the right side anew for the selected row.
    fn compare(&mut self, shared: &Shared) {
        (self.scroll, self.skip) = (ListState::default(), 0);
        self.pairs.clear();
        self.verdicts.clear();
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
        let old = before.map_or(String::new(), outline);
        self.pairs = pairs::pair(&old, &outline(schema));
    }

    fn counts(&self) -> (usize, usize, usize) {
        let count = |wanted: fn(&Pair) -> bool| self.pairs.iter().filter(|p| wanted(p)).count();
        (
            count(|pair| pair.changed && pair.left.is_some() && pair.right.is_some()),
            count(|pair| pair.left.is_none()),
            count(|pair| pair.right.is_none()),
        )
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
        let (changed, added, removed) = self.counts();
        let summary = canvas.line([
            (Role::Changed, format!("~{changed} changed  ")),
            (Role::Added, format!("+{added} added  ")),
            (Role::Removed, format!("-{removed} removed")),
        ]);
        canvas.put(below(inside, 1), &summary);
        let room = below(inside, 2);
        // The verdicts take at most half of the room below the difference.
        let wanted = u16::try_from(self.verdicts.len() + 1).unwrap_or(u16::MAX);
        let foot = if self.verdicts.is_empty() { 0 } else { wanted.min(room.height / 2) };
        let body = Rect { height: room.height - foot, ..room };
        let body = pairs::foot(canvas, body, self.pairs.get(self.scroll.selected));
        let (length, skip) = (self.pairs.len(), self.skip);
        list::draw(canvas, body, Part::Right, self.scroll, length, focused, |canvas, at| {
            pairs::line(canvas, &self.pairs[at], body.width, skip)
        });
        let verdicts: Vec<Line> =
            self.verdicts.iter().map(|parts| canvas.line(parts.iter().cloned())).collect();
        canvas.put_lines(below(room, body.height + 1.min(foot)), verdicts);
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
                if let Some(Row { subject, version: Some(version) }) = self.selected() {
                    shared.choice =
                        Choice { subject: Some(subject.clone()), target: Some(version.clone()) };
                }
            }
            Verb::Copy => return vec![Effect::Copy(flat(&self.pairs))],
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

/// The right halves of the pairs as text.
fn flat(pairs: &[Pair]) -> String {
    let lines = pairs.iter().filter_map(|pair| pair.right.as_ref());
    lines
        .map(|pieces| pieces.iter().map(|(_, text)| text.as_str()).collect::<String>() + "\n")
        .collect()
}

/// A schema as text that compares well: one line per field, or the JSON Schema's own lines.
fn outline(schema: &Schema) -> String {
    let definition = schema.definition();
    let Some(fields) = definition.get("fields").and_then(Value::as_object) else {
        let whole = definition.get("jsonSchema").unwrap_or(definition);
        return serde_json::to_string_pretty(whole).expect("JSON prints") + "\n";
    };
    let mut out = String::new();
    for (name, field) in fields {
        outline_field(&mut out, name, field, 0);
    }
    for (key, value) in definition.as_object().into_iter().flatten() {
        if !matches!(key.as_str(), "fields" | "version" | "subject" | "$schema") {
            out.push_str(&format_line(key, &value.to_string(), "  "));
        }
    }
    out
}

fn format_line(key: &str, value: &str, lead: &str) -> String {
    format!("{lead}({key} {value})\n")
}

/// `name: string required minLength=1`, and nested fields below it, indented.
fn outline_field(out: &mut String, name: &str, field: &Value, depth: usize) {
    let indent = "  ".repeat(depth);
    let Some(map) = field.as_object() else {
        out.extend([&indent, name, ": ", &field.to_string(), "\n"]);
        return;
    };
    let kind = match map.get("type") {
        Some(Value::String(one)) => one.clone(),
        Some(Value::Array(several)) => {
            let names: Vec<&str> = several.iter().filter_map(Value::as_str).collect();
            names.join(" | ")
        }
        _ => "any".to_owned(),
    };
    let mut line = format!("{indent}{name}: {kind}");
    for (key, value) in map {
        match (key.as_str(), value) {
            ("type" | "fields" | "items", _) | ("required" | "nullable", Value::Bool(false)) => {}
            ("required" | "nullable", _) => line.extend([" ", key]),
            (_, Value::String(text)) => line.extend([" ", key, "=", text]),
            _ => line.extend([" ", key, "=", &value.to_string()]),
        }
    }
    out.push_str(&line);
    out.push('\n');
    if let Some(fields) = map.get("fields").and_then(Value::as_object) {
        for (name, field) in fields {
            outline_field(out, name, field, depth + 1);
        }
    }
    if let Some(items) = map.get("items") {
        outline_field(out, "[]", items, depth + 1);
    }
}
