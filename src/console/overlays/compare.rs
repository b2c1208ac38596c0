//! Keys of a run: each with its value before the run beside what is stored now.

use crossterm::event::KeyCode;
use ratatui::layout::Rect;
use ratatui::text::Line;

use crate::console::command::Verb;
use crate::console::keymap::Press;
use crate::console::overlays::{Answer, dialog};
use crate::console::panes::chain::pretty;
use crate::console::regions::Part;
use crate::console::theme::Role;
use crate::console::widgets::input::Input;
use crate::console::widgets::list::{self, ListState};
use crate::console::widgets::pairs::{self, Pair};
use crate::console::widgets::{Canvas, above, below, text};
use crate::model::RunId;
use crate::session::Change;

/// Keys that are read at most; a part of the name finds the others.
pub const CHANGES_MAX: usize = 1_000;

/// How many keys there are to walk through, and whether they are all.
fn of(count: usize) -> String {
    let first = if count < CHANGES_MAX { "" } else { "the first " };
    format!("{first}{}", figure(count))
}

fn figure(count: usize) -> String {
    text::grouped(count as u64)
}

/// The keys, one of them shown.
#[derive(Debug)]
pub struct Compare {
    run: RunId,
    part: Input,
    /// `None` while the journal is read.
    changes: Option<Vec<Change>>,
    key: usize,
    pairs: Vec<Pair>,
    scroll: ListState,
}

impl Compare {
    /// The keys of a run, which are still to come.
    pub fn new(run: RunId) -> Self {
        let (part, scroll) = (Input::default(), ListState::default());
        Self { run, part, changes: None, key: 0, pairs: Vec::new(), scroll }
    }

    /// Takes the keys.
    pub fn loaded(&mut self, changes: Vec<Change>) {
        self.changes = Some(changes);
        self.key = 0;
        self.show();
    }

    fn show(&mut self) {
        let changes = self.changes.as_deref().unwrap_or_default();
        self.pairs = changes.get(self.key).map_or_else(Vec::new, |change| {
            let now = change.now.as_deref().unwrap_or("(gone, or of another type)");
            pairs::pair(&pretty(&change.before), &pretty(now))
        });
        let first = self.pairs.iter().position(|pair| pair.changed).unwrap_or(0);
        self.scroll = ListState { selected: first, offset: 0 };
    }

    /// Takes a key: left and right walk, up and down scroll, the rest is a part of a key's name.
    pub fn press(&mut self, press: Press, page: usize) -> Answer {
        let count = self.changes.as_ref().map_or(0, Vec::len);
        let verb = match press.code {
            KeyCode::Enter => {
                self.changes = None;
                return Answer::Changes(self.run.clone(), self.part.text());
            }
            KeyCode::Right | KeyCode::Tab if count > 0 => {
                self.key = (self.key + 1) % count;
                self.show();
                return Answer::Stay;
            }
            KeyCode::Left | KeyCode::BackTab if count > 0 => {
                self.key = (self.key + count - 1) % count;
                self.show();
                return Answer::Stay;
            }
            KeyCode::Up => Verb::Up,
            KeyCode::Down => Verb::Down,
            KeyCode::PageUp => Verb::PageUp,
            KeyCode::PageDown => Verb::PageDown,
            _ => {
                self.part.press(press);
                return Answer::Stay;
            }
        };
        self.scroll.step(verb, self.pairs.len(), page);
        Answer::Stay
    }

    /// Takes pasted text as a part of a key's name.
    pub fn paste(&mut self, text: &str) {
        self.part.paste(text);
    }

    /// Draws it.
    pub fn view(&self, canvas: &mut Canvas, area: Rect) {
        let (width, height) = (area.width.saturating_sub(4), area.height.saturating_sub(4));
        let title = format!("Keys of {}", self.run);
        let inside = dialog(canvas, area, width.min(140), height, &title);
        let prompt = "part of the name: ";
        let label = Line::from(canvas.span(Role::Dim, prompt));
        canvas.put(inside, &label);
        let lead = u16::try_from(prompt.len()).unwrap_or(0).min(inside.width);
        let typed = Rect { x: inside.x + lead, width: inside.width - lead, ..inside };
        self.part.draw(canvas, typed, Role::Accent, true);
        let rest = below(inside, 1);
        let foot = below(inside, inside.height.saturating_sub(1));
        let hint = "← → key · ↑ ↓ scroll · enter finds the name · esc close";
        let hint = Line::from(canvas.span(Role::Faint, hint));
        canvas.put(foot, &hint);
        let body = Rect { height: rest.height.saturating_sub(1), ..rest };
        let Some(changes) = &self.changes else {
            canvas.put_wrapped(body, Role::Dim, "reading the journal …");
            return;
        };
        let Some(change) = changes.get(self.key) else {
            canvas.put_wrapped(body, Role::Warn, "the run wrote no key with that in its name");
            return;
        };
        let head = canvas.line([
            (Role::Dim, format!("key {} of {}: ", figure(self.key + 1), of(changes.len()))),
            (Role::Accent, change.key.to_string()),
        ]);
        canvas.put(body, &head);
        let body = below(body, 1);
        pairs::heading(canvas, above(body, 1), "before the run", "stored now");
        let body = below(body, 1);
        canvas.regions.overlay_rows = usize::from(body.height);
        let length = self.pairs.len();
        list::draw(canvas, body, Part::Right, self.scroll, length, true, |canvas, at| {
            pairs::line(canvas, &self.pairs[at], body.width, 0)
        });
    }
}
