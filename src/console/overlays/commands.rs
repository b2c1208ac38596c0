//! Help and palette: the command table as a list that filters while one types; Enter runs the row.

use crossterm::event::KeyCode;
use nucleo_matcher::pattern::{CaseMatching, Normalization, Pattern};
use nucleo_matcher::{Config, Matcher};
use ratatui::layout::Rect;
use ratatui::text::Line;

use crate::console::command::{COMMANDS, Command, Danger, Scope, Verb};
use crate::console::keymap::{Keymap, Press};
use crate::console::overlays::{Answer, dialog};
use crate::console::regions::Target;
use crate::console::theme::Role;
use crate::console::widgets::input::Input;
use crate::console::widgets::list::ListState;
use crate::console::widgets::{Canvas, below, list, text};

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
    shown: Vec<usize>,
    filter: Input,
    at: ListState,
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
        let shown = (0..rows.len()).collect();
        let (filter, at) = (Input::default(), ListState::default());
        Self { title, grouped, rows, shown, filter, at }
    }

    /// Takes a key: arrows move, Enter runs, the rest is typed into the filter.
    pub fn press(&mut self, press: Press, page: usize) -> Answer {
        let verb = match press.code {
            KeyCode::Enter => return self.choose(),
            KeyCode::Up => Verb::Up,
            KeyCode::Down => Verb::Down,
            KeyCode::PageUp => Verb::PageUp,
            KeyCode::PageDown => Verb::PageDown,
            _ => {
                if self.filter.press(press) {
                    self.refilter();
                }
                return Answer::Stay;
            }
        };
        self.at.step(verb, self.shown.len(), page);
        Answer::Stay
    }

    /// Takes pasted text into the filter.
    pub fn paste(&mut self, text: &str) {
        self.filter.paste(text);
        self.refilter();
    }

    /// A click on a row selects it; a second one runs it.
    pub fn click(&mut self, row: usize) -> Answer {
        if self.at.selected == row {
            return self.choose();
        }
        self.at.selected = row.min(self.shown.len().saturating_sub(1));
        Answer::Stay
    }

    fn choose(&self) -> Answer {
        match self.shown.get(self.at.selected).map(|at| &self.rows[*at]) {
            Some(Row { command, availability: Availability::Live, .. }) => {
                Answer::Run(command.verb)
            }
            _ => Answer::Stay,
        }
    }

    fn refilter(&mut self) {
        let mut matcher = Matcher::new(Config::DEFAULT);
        let wanted = self.filter.text();
        let pattern = Pattern::parse(&wanted, CaseMatching::Ignore, Normalization::Smart);
        let mut ranked: Vec<(u32, usize)> = Vec::new();
        for (at, row) in self.rows.iter().enumerate() {
            let names = format!("{} {}", row.command.hint, row.command.scope.name());
            let texts = [names.as_str(), row.command.help, row.keys.as_str()];
            // What the hint says counts more than what the sentence says.
            let scores = pattern.match_list(texts, &mut matcher);
            let best = scores
                .iter()
                .map(|(text, score)| if *text == names { score * 2 } else { *score })
                .max();
            let exact_key = row.keys.split(' ').any(|key| key == wanted);
            match best {
                _ if exact_key => ranked.push((u32::MAX, at)),
                Some(score) => ranked.push((score, at)),
                None => {}
            }
        }
        if !self.grouped && !wanted.is_empty() {
            ranked.sort_by_key(|(score, at)| (std::cmp::Reverse(*score), *at));
        }
        self.shown = ranked.into_iter().map(|(_, at)| at).collect();
        self.at = ListState::default();
    }

    /// Draws it.
    pub fn view(&self, canvas: &mut Canvas, area: Rect) {
        let height = u16::try_from(self.shown.len()).unwrap_or(u16::MAX).saturating_add(5);
        let height = height.clamp(12, area.height.saturating_sub(2).max(12));
        let width = if self.grouped { 108 } else { 76 };
        let inside = dialog(canvas, area, width, height, self.title);
        let prompt = "filter: ";
        let label = Line::from(canvas.span(Role::Dim, prompt));
        canvas.put(inside, &label);
        let lead = u16::try_from(prompt.len()).unwrap_or(0).min(inside.width);
        let typed = Rect { x: inside.x + lead, width: inside.width - lead, ..inside };
        self.filter.draw(canvas, typed, Role::Accent, true);
        let rows = below(inside, 1);
        let rows = Rect { height: rows.height.saturating_sub(3), ..rows };
        self.view_rows(canvas, rows);
        let selected = self.shown.get(self.at.selected).map(|at| &self.rows[*at]);
        let reason = selected.map(|row| &row.availability);
        // The row itself may be too narrow for its sentence.
        if let Some(row) = selected {
            let place = Rect { height: 2, ..below(inside, inside.height.saturating_sub(3)) };
            canvas.put_wrapped(place, Role::Accent, row.command.help);
        }
        let (role, hint) = match reason {
            Some(Availability::Disabled(reason)) => (Role::Warn, format!("not now: {reason}")),
            Some(Availability::Live) => {
                (Role::Faint, "type to filter · ↑ ↓ move · enter runs it · esc close".to_owned())
            }
            None => (Role::Faint, "nothing fits · backspace · esc close".to_owned()),
        };
        let foot = below(inside, inside.height.saturating_sub(1));
        let hint = Line::from(canvas.span(role, hint));
        canvas.put(foot, &hint);
    }

    fn view_rows(&self, canvas: &mut Canvas, area: Rect) {
        let page = usize::from(area.height);
        canvas.regions.overlay_rows = page;
        let first = self.at.first_row(self.shown.len(), page);
        for (y, index) in (area.y..area.bottom()).zip(first..self.shown.len()) {
            let place = Rect { y, height: 1, width: area.width.saturating_sub(1), ..area };
            let line = self.line(canvas, &self.rows[self.shown[index]]);
            canvas.put(place, &line);
            if index == self.at.selected {
                canvas.fill(place, Role::Selected);
            }
            canvas.note(place, Target::OverlayRow(index));
        }
        list::scrollbar(canvas, area, first, self.shown.len());
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
    use super::*;

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
        assert!(palette.shown.is_empty());
        assert!(matches!(palette.press(Press::plain(KeyCode::Enter), 10), Answer::Stay));
    }
}
