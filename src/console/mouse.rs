//! What the mouse does: a click takes the focus and acts, the wheel moves what is under the pointer, and
//! the divider is dragged. What lies where, the last frame said.

use crossterm::event::{KeyCode, MouseButton, MouseEvent, MouseEventKind};

use crate::console::app::App;
use crate::console::command::Verb;
use crate::console::effect::Effect;
use crate::console::keymap::Press;
use crate::console::regions::Target;

/// Rows that one turn of the wheel moves.
const WHEEL_ROWS: usize = 3;

impl App {
    /// Takes a mouse event.
    pub(super) fn mouse(&mut self, event: MouseEvent) -> Vec<Effect> {
        let target = self.shared.regions.at(event.column, event.row);
        match event.kind {
            MouseEventKind::Down(MouseButton::Left) => self.click(target, event),
            MouseEventKind::Drag(MouseButton::Left) if self.dragging => {
                let body = self.shared.regions.body;
                let share = u32::from(event.column.saturating_sub(body.x)) * 100
                    / u32::from(body.width.max(1));
                let share = u16::try_from(share.clamp(15, 85)).expect("at most 85");
                self.shared.dividers.insert(self.shared.focus, share);
                Vec::new()
            }
            MouseEventKind::Up(_) => {
                self.dragging = false;
                Vec::new()
            }
            MouseEventKind::ScrollDown => self.wheel(Verb::Down, event),
            MouseEventKind::ScrollUp => self.wheel(Verb::Up, event),
            _ => Vec::new(),
        }
    }

    fn click(&mut self, target: Option<Target>, event: MouseEvent) -> Vec<Effect> {
        if let Some(overlay) = self.shared.overlays.last_mut() {
            return match target {
                Some(Target::OverlayRow(row)) => {
                    let answer = overlay.click(row);
                    self.answered(answer)
                }
                _ => Vec::new(),
            };
        }
        match target {
            Some(Target::Tab(scope)) => self.go(scope),
            Some(Target::Verb(verb)) => self.act(verb),
            Some(Target::Divider) => {
                self.dragging = true;
                Vec::new()
            }
            Some(Target::Row(part, row)) => {
                self.shared.part = part;
                let (pane, shared) = self.pane(self.shared.focus);
                pane.select(part, row, shared)
            }
            _ => {
                self.shared.part = self
                    .shared
                    .regions
                    .part_at(event.column, event.row)
                    .unwrap_or(self.shared.part);
                Vec::new()
            }
        }
    }

    /// The wheel moves what is under the pointer, without taking the focus there.
    fn wheel(&mut self, verb: Verb, event: MouseEvent) -> Vec<Effect> {
        if let Some(overlay) = self.shared.overlays.last_mut() {
            let code = if verb == Verb::Up { KeyCode::Up } else { KeyCode::Down };
            for _ in 0..WHEEL_ROWS {
                overlay.press(Press::plain(code), self.shared.regions.overlay_rows);
            }
            return Vec::new();
        }
        let focused = self.shared.part;
        let under = self.shared.regions.part_at(event.column, event.row).unwrap_or(focused);
        self.shared.part = under;
        let (pane, shared) = self.pane(self.shared.focus);
        // Only the last place matters to what is loaded for it.
        let effects = (0..WHEEL_ROWS).map(|_| pane.act(verb, shared)).last().unwrap_or_default();
        self.shared.part = focused;
        effects
    }
}
