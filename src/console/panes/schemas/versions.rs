//! The left side: the subjects, their versions, and how many of the stored documents have which.

use ratatui::layout::Rect;
use ratatui::text::Line;

use super::{Entry, Listed, Schemas};
use crate::console::command::{Scope, Verb};
use crate::console::regions::Part;
use crate::console::shared::{Link, Shared};
use crate::console::theme::Role;
use crate::console::widgets::{Canvas, below, list, text};

impl Schemas {
    pub(super) fn view_list(
        &self,
        shared: &Shared,
        canvas: &mut Canvas,
        area: Rect,
        focused: bool,
    ) {
        let mut inside = canvas.boxed(area, "Subjects and versions", focused);
        if let Some(pattern) = &self.waiting {
            let text = format!("{} looking at the documents of {pattern} …", shared.spinner());
            inside = canvas.put_wrapped(inside, Role::Accent, &text);
        }
        if self.rows.is_empty() {
            let source = &shared.setting.catalog_source;
            let text = match &shared.link {
                Link::Down { .. } if !shared.setting.has_folder => {
                    format!("No subjects: {source} is on the server, which does not answer.")
                }
                _ => format!("No subjects: there are no definitions in {source}."),
            };
            let rest = canvas.put_wrapped(inside, Role::Warn, &text);
            let key = |verb| shared.keymap.first_key(verb);
            let next = format!(
                "Go to {}, type a pattern ({}), and press {}: remold looks at the documents and \
                 proposes the first schema. Or open it with --catalog DIR. {} reads the \
                 definitions again.",
                shared.keymap.pane(Scope::Keys),
                key(Verb::EditPattern),
                key(Verb::InferKeys),
                key(Verb::Refresh)
            );
            canvas.put_wrapped(below(rest, 1), Role::Text, &next);
            return;
        }
        list::draw(canvas, inside, Part::Left, self.at, self.rows.len(), focused, |canvas, at| {
            self.row(shared, canvas, at)
        });
    }

    fn row<'t>(&self, shared: &Shared, canvas: &Canvas, at: usize) -> Line<'t> {
        let row = &self.rows[at];
        let Some(schema) = self.schema(row, shared) else { return Line::default() };
        let name = match &row.entry {
            Entry::Subject => {
                let none = self.live.get(&row.subject).and_then(|live| live.versions.get(&None));
                // Where there is no version yet, that is no news.
                let none = none.filter(|_| shared.setting.catalog.subject(&row.subject).is_some());
                let none = none.map_or(String::new(), |count| {
                    format!("  {} of no version", text::grouped(*count))
                });
                return canvas.line([
                    (Role::Title, row.subject.clone()),
                    (Role::Dim, format!("  {}", schema.key_pattern)),
                    (Role::Warn, none),
                ]);
            }
            Entry::Live => "as stored".to_owned(),
            Entry::Version(version) => version.to_string(),
        };
        let is_base = self.base.as_ref() == Some(row);
        let is_target = shared.choice.subject.as_deref() == Some(&row.subject)
            && row.entry != Entry::Live
            && shared.choice.target.as_ref() == Some(&schema.version);
        let mut parts = vec![(Role::Text, format!("  {name:<10}"))];
        let about = match self.live.get(&row.subject).filter(|_| row.entry == Entry::Live) {
            Some(live) => text::counted(live.documents, "document"),
            None => schema.storage.map_or("any storage", |s| s.name()).to_owned(),
        };
        match self.census(row) {
            Some(bar) => parts.extend(bar),
            None => parts.push((Role::Dim, about)),
        }
        if is_target {
            parts.push((Role::Good, " ◆ target".to_owned()));
        }
        if is_base {
            parts.push((Role::Accent, " ◇ base".to_owned()));
        }
        canvas.line(parts)
    }

    /// How many of the documents that were looked at have the version of a row, as a bar.
    fn census(&self, row: &Listed) -> Option<[(Role, String); 3]> {
        const CELLS: u64 = 8;
        let live = self.live.get(&row.subject)?;
        let Entry::Version(version) = &row.entry else { return None };
        let count = live.versions.get(&Some(version.clone())).copied().unwrap_or(0);
        let full = usize::try_from((count * CELLS).div_ceil(live.documents.max(1))).unwrap_or(0);
        let rest = usize::try_from(CELLS).unwrap_or(0).saturating_sub(full);
        Some([
            (Role::Chart, "█".repeat(full)),
            (Role::Faint, "·".repeat(rest)),
            (Role::Text, format!(" {}", text::grouped(count))),
        ])
    }
}
