//! Help and palette: the command table as a list that filters while one types; Enter runs the row.

use ratatui::layout::Rect;
use ratatui::text::Line;

use crate::console::command::{COMMANDS, Command, Danger, Scope};
use crate::console::keymap::{Keymap, Press};
use crate::console::overlays::{Answer, dialog};
use crate::console::theme::Role;
use crate::console::widgets::picker::{Picker, Words};
use crate::console::widgets::{Canvas, text};

/// Whether a row's verb can be used now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Availability {
    /// Enter runs it.
    Live,
    /// Not now, for this reason.
    Disabled(String),
}

#[derive(Debug)]
struct Row {
    command: &'static Command,
    keys: String,
    availability: Availability,
}

/// The list.
#[derive(Debug)]
pub struct CommandList {
    title: &'static str,
    /// Help groups by scope and shows sentences; the palette ranks.
    grouped: bool,
    rows: Vec<Row>,
    picker: Picker,
}

impl CommandList {
    /// All verbs by scope, those of `focus` first.
    pub fn help(
        keymap: &Keymap,
        focus: Scope,
        availability: impl Fn(&Command) -> Availability,
    ) -> Self {
        let mut order = vec![focus, Scope::Everywhere];
        order.extend(Scope::PANES.into_iter().filter(|scope| *scope != focus));
        Self::new("Help", true, keymap, &order, availability)
    }

    /// The verbs that are live in `focus`, to be found by a few letters.
    pub fn palette(
        keymap: &Keymap,
        focus: Scope,
        availability: impl Fn(&Command) -> Availability,
    ) -> Self {
        Self::new("Commands", false, keymap, &[focus, Scope::Everywhere], availability)
    }

    fn new(
        title: &'static str,
        grouped: bool,
        keymap: &Keymap,
        order: &[Scope],
        availability: impl Fn(&Command) -> Availability,
    ) -> Self {
        let rows: Vec<Row> = order
            .iter()
            .flat_map(|scope| COMMANDS.iter().filter(move |command| command.scope == *scope))
            .map(|command| Row {
                command,
                keys: keymap.all_keys(command.verb),
                availability: availability(command),
            })
            .collect();
        let words = |row: &Row| Words {
            name: format!("{} {}", row.command.hint, row.command.scope.name()),
            sentence: row.command.help.to_owned(),
            exact: row.keys.split(' ').map(str::to_owned).collect(),
        };
        let picker = Picker::new(rows.iter().map(words).collect());
        let picker = if grouped { picker.in_order() } else { picker };
        Self { title, grouped, rows, picker }
    }

    /// Takes a key: arrows move, Enter runs, the rest is typed into the filter.
    pub fn press(&mut self, press: Press, page: usize) -> Answer {
        let picked = self.picker.press(press, page);
        self.run(picked)
    }

    /// Takes pasted text into the filter.
    pub fn paste(&mut self, text: &str) {
        self.picker.paste(text);
    }

    /// A click on a row selects it; a second one runs it.
    pub fn click(&mut self, row: usize) -> Answer {
        let picked = self.picker.click(row);
        self.run(picked)
    }

    fn run(&self, picked: Option<usize>) -> Answer {
        match picked.map(|at| &self.rows[at]) {
            Some(Row { command, availability: Availability::Live, .. }) => {
                Answer::Run(command.verb)
            }
            _ => Answer::Stay,
        }
    }

    /// Draws it.
    pub fn view(&self, canvas: &mut Canvas, area: Rect) {
        let height = u16::try_from(self.picker.fitting()).unwrap_or(u16::MAX).saturating_add(5);
        let height = height.clamp(12, area.height.saturating_sub(2).max(12));
        let width = if self.grouped { 108 } else { 76 };
        let inside = dialog(canvas, area, width, height, self.title);
        let selected = self.picker.selected().map(|at| &self.rows[at].availability);
        let hint = match selected {
            Some(Availability::Disabled(reason)) => (Role::Warn, format!("not now: {reason}")),
            Some(Availability::Live) => {
                (Role::Faint, "type to filter · ↑ ↓ move · enter runs it · esc close".to_owned())
            }
            None => (Role::Faint, "nothing fits · backspace · esc close".to_owned()),
        };
        self.picker.view(canvas, inside, |canvas, at| self.line(canvas, &self.rows[at]), hint);
    }

    fn line<'t>(&self, canvas: &Canvas, row: &Row) -> Line<'t> {
        let live = row.availability == Availability::Live;
        let faded = |role| if live { role } else { Role::Faint };
        let scope = row.command.scope.name();
        let mut spans = Vec::new();
        if self.grouped {
            spans.push(canvas.span(Role::Faint, text::fit(scope, 11)));
        }
        spans.push(canvas.span(faded(Role::HintKey), text::fit(&row.keys, 13)));
        spans.push(canvas.span(faded(Role::Text), text::fit(row.command.hint, 16)));
        if row.command.danger == Danger::Writes {
            spans.push(canvas.span(faded(Role::Warn), "writes · "));
        }
        spans.push(canvas.span(faded(Role::Dim), row.command.help));
        Line::from(spans)
    }
}

#[cfg(test)]
mod tests {
    use crossterm::event::KeyCode;

    use super::*;
    use crate::console::command::Verb;

    fn typed(list: &mut CommandList, text: &str) {
        for character in text.chars() {
            list.press(Press::plain(KeyCode::Char(character)), 10);
        }
    }

    #[test]
    fn help_holds_every_row_once() {
        let keymap = Keymap::standard().unwrap();
        for focus in Scope::PANES {
            let help = CommandList::help(&keymap, focus, |_| Availability::Live);
            assert_eq!(help.rows.len(), COMMANDS.len());
            assert_eq!(help.rows[0].command.scope, focus);
        }
    }

    #[test]
    fn the_palette_finds_and_runs() {
        let keymap = Keymap::standard().unwrap();
        let mut palette = CommandList::palette(&keymap, Scope::Run, |_| Availability::Live);
        typed(&mut palette, "dry");
        let answer = palette.press(Press::plain(KeyCode::Enter), 10);
        assert!(matches!(answer, Answer::Run(Verb::DryRun)), "{answer:?}");
    }

    #[test]
    fn a_disabled_row_does_not_run() {
        let keymap = Keymap::standard().unwrap();
        let disabled = |_: &Command| Availability::Disabled("read-only".to_owned());
        let mut palette = CommandList::palette(&keymap, Scope::Run, disabled);
        assert!(matches!(palette.press(Press::plain(KeyCode::Enter), 10), Answer::Stay));
        typed(&mut palette, "zzzzqqq");
        assert_eq!(palette.picker.fitting(), 0);
        assert!(matches!(palette.press(Press::plain(KeyCode::Enter), 10), Answer::Stay));
    }
}
