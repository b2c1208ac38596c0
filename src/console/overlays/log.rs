//! The log: what happened in the console, and which commands went to the server. Both go on while one
//! looks, unless they are held still.

use std::time::Duration;

use crossterm::event::KeyCode;
use ratatui::layout::Rect;
use ratatui::text::Line;

use crate::console::command::Scope;
use crate::console::keymap::{Keymap, Press};
use crate::console::overlays::{Answer, dialog};
use crate::console::shared::clock;
use crate::console::theme::Role;
use crate::console::widgets::list::ListState;
use crate::console::widgets::table::{self, Column};
use crate::console::widgets::{Canvas, above, below, list, text};
use crate::session::Sent;

/// The columns of the commands.
const COLUMNS: [Column; 6] = [
    Column::text("time (UTC)", 13),
    Column::text("command", 0),
    Column::figures("calls", 6),
    Column::figures("commands", 9),
    Column::figures("mean ms", 8),
    Column::figures("longest", 8),
];

/// Which part is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Shown {
    Events,
    Commands,
}

/// The log.
#[derive(Debug)]
pub struct Log {
    shown: Shown,
    /// What happened, newest first.
    events: Vec<(Role, String)>,
    /// What was sent, newest first; `None` before the first answer.
    commands: Option<Vec<Sent>>,
    held: bool,
    scroll: ListState,
    keymap: Keymap,
}

impl Log {
    /// The log, from its newest line. The keymap is for the keys that scroll it.
    pub fn new(keymap: &Keymap, events: Vec<(Role, String)>) -> Self {
        let shown = if events.is_empty() { Shown::Commands } else { Shown::Events };
        let (scroll, keymap) = (ListState::default(), keymap.clone());
        Self { shown, events, commands: None, held: false, scroll, keymap }
    }

    /// Whether it wants to hear what goes on.
    pub fn follows(&self) -> bool {
        !self.held
    }

    /// Takes the newest lines.
    pub fn follow(&mut self, events: Vec<(Role, String)>, commands: Vec<Sent>) {
        if self.held {
            return;
        }
        self.events = events;
        self.commands = Some(commands);
        self.scroll.clamp(self.length());
    }

    fn length(&self) -> usize {
        match self.shown {
            Shown::Events => self.events.len(),
            Shown::Commands => self.commands.as_ref().map_or(0, Vec::len),
        }
    }

    /// Takes a key: tab shows the other part, space holds it still, movement scrolls, anything else
    /// closes.
    pub fn press(&mut self, press: Press, page: usize) -> Answer {
        match press.code {
            KeyCode::Tab | KeyCode::BackTab => {
                let events = self.shown == Shown::Events;
                self.shown = if events { Shown::Commands } else { Shown::Events };
                self.scroll = ListState::default();
                Answer::Stay
            }
            KeyCode::Char(' ') => {
                self.held = !self.held;
                Answer::Stay
            }
            _ => match self.keymap.verb(Scope::Everywhere, press) {
                Some(verb) if self.scroll.step(verb, self.length(), page) => Answer::Stay,
                _ => Answer::Close,
            },
        }
    }

    /// Draws it.
    pub fn view(&self, canvas: &mut Canvas, area: Rect) {
        let (width, height) = (area.width.saturating_sub(8), area.height.saturating_sub(4));
        let inside = dialog(canvas, area, width.min(110), height, "Log, newest first (UTC)");
        let tab = |shown, name: &str| {
            let role = if shown == self.shown { Role::TabActive } else { Role::Tab };
            (role, format!(" {name} "))
        };
        let tabs = [
            tab(Shown::Events, "what happened"),
            (Role::Text, " ".to_owned()),
            tab(Shown::Commands, "Redis commands"),
            (Role::Warn, if self.held { "  held still".to_owned() } else { String::new() }),
        ];
        let tabs = canvas.line(tabs);
        canvas.put(inside, &tabs);
        let body = below(inside, 1);
        let body = Rect { height: body.height.saturating_sub(1), ..body };
        match self.shown {
            Shown::Events => self.view_events(canvas, body),
            Shown::Commands => self.view_commands(canvas, body),
        }
        let held = if self.held { "space go on" } else { "space hold still" };
        let hint = format!("tab other · {held} · ↑ ↓ scroll · esc close");
        let hint = canvas.line([(Role::Faint, hint)]);
        canvas.put(below(inside, inside.height.saturating_sub(1)), &hint);
    }

    fn view_events(&self, canvas: &mut Canvas, area: Rect) {
        let width = usize::from(area.width).saturating_sub(1).max(10);
        let wrapped: Vec<(Role, String)> = self
            .events
            .iter()
            .flat_map(|(role, line)| text::wrap(line, width).into_iter().map(|it| (*role, it)))
            .collect();
        if wrapped.is_empty() {
            canvas.put_wrapped(area, Role::Dim, "nothing happened yet");
            return;
        }
        self.view_lines(canvas, area, wrapped.len(), |canvas, at| {
            canvas.line([wrapped[at].clone()])
        });
    }

    fn view_commands(&self, canvas: &mut Canvas, area: Rect) {
        let Some(commands) = self.commands.as_ref().filter(|commands| !commands.is_empty()) else {
            canvas.put_wrapped(area, Role::Dim, "nothing was sent yet");
            return;
        };
        let width = usize::from(area.width.saturating_sub(1));
        let heading = table::heading(canvas, &COLUMNS, width);
        canvas.put(above(area, 1), &heading);
        self.view_lines(canvas, below(area, 1), commands.len(), |canvas, at| {
            table::row(canvas, &COLUMNS, width, cells(&commands[at]))
        });
    }

    fn view_lines<'t>(
        &self,
        canvas: &mut Canvas,
        area: Rect,
        length: usize,
        line: impl Fn(&Canvas, usize) -> Line<'t>,
    ) {
        let page = usize::from(area.height);
        canvas.regions.overlay_rows = page;
        let first = self.scroll.selected.min(length.saturating_sub(page));
        let shown: Vec<Line> = (first..length).take(page).map(|at| line(canvas, at)).collect();
        canvas.put_lines(area, shown);
        list::scrollbar(canvas, area, first, length);
    }
}

fn cells(sent: &Sent) -> [(Role, String); 6] {
    let calls = u32::try_from(sent.calls).unwrap_or(u32::MAX).max(1);
    let ms = |time: Duration| format!("{:.1}", time.as_secs_f64() * 1e3);
    let command = match &sent.error {
        Some(error) => (Role::Bad, format!("{} {error}", sent.command)),
        None => (Role::Accent, sent.command.clone()),
    };
    let time = format!("{}.{:03}", clock(sent.at_ms), sent.at_ms.rem_euclid(1_000));
    [
        (Role::Dim, time),
        command,
        (Role::Text, text::grouped(sent.calls)),
        (Role::Text, text::grouped(sent.commands)),
        (Role::Text, ms(sent.took / calls)),
        (Role::Dim, ms(sent.longest)),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sent(at_ms: i64) -> Sent {
        let (took, longest) = (Duration::from_millis(6), Duration::from_millis(4));
        let command = "MGET".to_owned();
        Sent { at_ms, command, calls: 3, commands: 300, took, longest, error: None }
    }

    #[test]
    fn it_is_held_still_and_goes_on() {
        let keymap = Keymap::standard().expect("the keys are good");
        let mut log = Log::new(&keymap, Vec::new());
        log.follow(Vec::new(), vec![sent(1)]);
        assert!(matches!(log.press(Press::plain(KeyCode::Char(' ')), 5), Answer::Stay));
        assert!(!log.follows());
        log.follow(Vec::new(), vec![sent(2), sent(1)]);
        assert_eq!(log.length(), 1);
        log.press(Press::plain(KeyCode::Char(' ')), 5);
        log.follow(Vec::new(), vec![sent(2), sent(1)]);
        assert_eq!(log.length(), 2);
        assert!(matches!(log.press(Press::plain(KeyCode::Down), 5), Answer::Stay));
        assert!(matches!(log.press(Press::plain(KeyCode::Esc), 5), Answer::Close));
    }

    #[test]
    fn the_mean_is_of_the_calls() {
        let texts = cells(&sent(50_645_007)).map(|(_, text)| text);
        assert_eq!(texts, ["14:04:05.007", "MGET", "3", "300", "2.0", "4.0"]);
    }
}
