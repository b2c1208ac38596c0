//! The list: pattern and type, honest counting, and the keys themselves.

use ratatui::layout::Rect;

use super::{Keys, TYPES, Typing};
use crate::console::command::Verb;
use crate::console::panes::tree::{TreeRow, group_line};
use crate::console::regions::Part;
use crate::console::shared::Shared;
use crate::console::theme::Role;
use crate::console::widgets::table::{self, Column};
use crate::console::widgets::{Canvas, above, below, list, text};
use crate::model::{Expiry, RedisType};

const COLUMNS: [Column; 4] = [
    Column::text(" ", 1),
    Column::text("key", 0),
    Column::text("type", 6),
    Column::figures("expires in", 10),
];

impl Keys {
    pub(super) fn view_list(
        &self,
        shared: &Shared,
        canvas: &mut Canvas,
        area: Rect,
        focused: bool,
    ) {
        let inside = canvas.boxed(area, "Keys", focused);
        self.view_query(canvas, above(inside, 1));
        let count = canvas.line(self.count(shared));
        canvas.put(below(inside, 1), &count);
        let rest = below(inside, 2);
        let mut rest = rest;
        if let Some(reason) = &self.error {
            let again = format!("{} tries again", shared.keymap.first_key(Verb::Refresh));
            if self.loaded.is_empty() {
                rest = canvas.put_wrapped(rest, Role::Bad, reason);
                canvas.put_wrapped(below(rest, 1), Role::Dim, &again);
                return;
            }
            // What was loaded before stays to be looked at.
            let first = reason.lines().next().unwrap_or_default();
            rest = canvas.put_wrapped(rest, Role::Bad, &format!("{first}; {again}"));
        }
        if self.loaded.shown() == 0 {
            let key = |verb| shared.keymap.first_key(verb);
            let text = match (self.waiting, !self.filter.is_empty(), self.loaded.cursor) {
                (true, ..) => return,
                (_, true, _) => {
                    format!("No loaded key fits the filter: {} takes it away.", key(Verb::Back))
                }
                (.., Some(0)) if self.loaded.in_database == 0 => {
                    format!("The database is empty: {} looks again.", key(Verb::Refresh))
                }
                (.., Some(0)) => {
                    let (pattern, kind) = (key(Verb::EditPattern), key(Verb::NextType));
                    format!("No key fits: {pattern} changes the pattern, {kind} the type.")
                }
                _ => {
                    let more = key(Verb::ScanMore);
                    format!("No key found yet in what was scanned: {more} goes on scanning.")
                }
            };
            canvas.put_wrapped(rest, Role::Dim, &text);
            return;
        }
        let width = usize::from(rest.width.saturating_sub(2));
        let heading = table::heading(canvas, &COLUMNS, width);
        canvas.put(rest, &heading);
        let (length, body) = (self.loaded.shown(), below(rest, 1));
        list::draw(canvas, body, Part::Left, self.at, length, focused, |canvas, at| {
            let mut indent = 0;
            match self.loaded.tree_row(at) {
                Some(TreeRow::Group { prefix, depth, count, open }) => {
                    return group_line(canvas, prefix, *depth, *count, *open);
                }
                Some(TreeRow::Key { depth, .. }) => indent = depth * 2,
                None => {}
            }
            let Some(row) = self.loaded.row(at) else { return ratatui::text::Line::default() };
            let mark = if shared.marked.contains(&row.key) { "●" } else { " " };
            let cells = [
                (Role::Accent, mark.to_owned()),
                (Role::Text, format!("{:indent$}{}", "", row.key)),
                (Role::Dim, row.redis_type.to_string()),
                (Role::Dim, expires_in(row.expiry, shared.now.unix_ms)),
            ];
            table::row(canvas, &COLUMNS, width, cells)
        });
    }

    /// The line with pattern and type, or with what is typed.
    fn view_query(&self, canvas: &mut Canvas, area: Rect) {
        let (label, input) = match self.typing {
            Some(Typing::Pattern) => ("pattern (server): ", Some(&self.typed)),
            Some(Typing::Filter) => ("filter (here): ", Some(&self.filter)),
            None => ("pattern ", None),
        };
        let cells = u16::try_from(text::width(label)).unwrap_or(0).min(area.width);
        let line = canvas.line([(Role::Dim, label.to_owned())]);
        canvas.put(area, &line);
        let field = Rect { x: area.x + cells, width: area.width - cells, ..area };
        if let Some(input) = input {
            input.draw(canvas, field, Role::Accent, true);
            return;
        }
        let kind = TYPES[self.type_at].as_ref().map_or("any", RedisType::name);
        let mut parts = vec![
            (Role::Title, self.pattern.clone()),
            (Role::Dim, "  type ".to_owned()),
            (Role::Text, kind.to_owned()),
        ];
        if !self.filter.is_empty() {
            parts.push((Role::Dim, "  filter ".to_owned()));
            parts.push((Role::Title, self.filter.text()));
        }
        let line = canvas.line(parts);
        canvas.put(field, &line);
    }

    /// `412 shown, scanned 31,000 of about 1,000,000 · m scans on`.
    fn count(&self, shared: &Shared) -> Vec<(Role, String)> {
        let figure = |count: u64| text::grouped(count);
        let loaded = figure(self.loaded.len() as u64);
        let shown = if self.filter.is_empty() {
            format!("{loaded} shown")
        } else {
            format!("{} of {loaded} fit", figure(self.loaded.shown() as u64))
        };
        let mut parts = Vec::new();
        if self.waiting {
            parts.push((Role::Accent, format!("{} ", shared.spinner())));
        }
        match self.loaded.cursor {
            None if self.error.is_some() => parts.push((Role::Dim, "not scanned".to_owned())),
            None => parts.push((Role::Dim, "scanning …".to_owned())),
            Some(0) => parts.push((
                Role::Dim,
                format!("{shown}, scanned all {}", figure(self.loaded.in_database)),
            )),
            Some(_) => {
                parts.push((
                    Role::Dim,
                    format!(
                        "{shown}, scanned {} of about {}",
                        figure(self.loaded.looked_at),
                        figure(self.loaded.in_database)
                    ),
                ));
                let key = shared.keymap.first_key(Verb::ScanMore);
                parts.push((Role::Accent, format!(" · {key} scans on")));
            }
        }
        if !shared.marked.is_empty() {
            parts.push((Role::Accent, format!(" · {} marked", shared.marked.len())));
        }
        parts
    }
}

/// How long a key still lives.
pub fn expires_in(expiry: Expiry, unix_ms: i64) -> String {
    match expiry {
        Expiry::Never => "never".to_owned(),
        Expiry::AtMs(at) => match u64::try_from(at - unix_ms) {
            Ok(left) => text::duration(std::time::Duration::from_millis(left)),
            Err(_) => "expired".to_owned(),
        },
    }
}
