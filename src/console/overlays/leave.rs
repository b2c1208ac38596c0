//! Leaving while a run goes on: stay, hold it for later, or take it back.

use crossterm::event::KeyCode;
use ratatui::layout::Rect;
use ratatui::text::Line;

use crate::console::keymap::Press;
use crate::console::overlays::{Answer, dialog};
use crate::console::regions::Target;
use crate::console::theme::Role;
use crate::console::widgets::{Canvas, below, text};

/// What the operator chose.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LeaveChoice {
    /// Stay; the run goes on.
    Stay,
    /// Stop after the current batch, with a checkpoint, and leave.
    StopAndLeave,
    /// Stop after the current batch, then roll back what was written; stay to watch.
    StopAndRollBack,
}

/// The dialog.
#[derive(Debug)]
pub struct Leave {
    summary: String,
    choices: Vec<(LeaveChoice, &'static str, &'static str)>,
    selected: usize,
}

impl Leave {
    /// Asks about a run of which `summary` tells how far it is. A dry run has nothing to roll back.
    pub fn new(summary: String, dry_run: bool) -> Self {
        let mut choices = vec![(LeaveChoice::Stay, "Stay here", "the work goes on")];
        if dry_run {
            choices.push((LeaveChoice::StopAndLeave, "Stop and leave", "nothing was written"));
        } else {
            choices.push((
                LeaveChoice::StopAndLeave,
                "Stop at a checkpoint and leave",
                "`remold resume last` goes on from there",
            ));
            choices.push((
                LeaveChoice::StopAndRollBack,
                "Stop and roll back",
                "asks again before it writes",
            ));
        }
        Self { summary, choices, selected: 0 }
    }

    /// Takes a key.
    pub fn press(&mut self, press: Press) -> Answer {
        match press.code {
            KeyCode::Up | KeyCode::Char('k') => self.selected = self.selected.saturating_sub(1),
            KeyCode::Down | KeyCode::Tab | KeyCode::Char('j') => {
                self.selected = (self.selected + 1).min(self.choices.len() - 1);
            }
            KeyCode::Enter => return self.choose(self.selected),
            _ => {}
        }
        Answer::Stay
    }

    /// A click on a choice takes it.
    pub fn click(&mut self, row: usize) -> Answer {
        self.choose(row)
    }

    fn choose(&self, row: usize) -> Answer {
        match self.choices.get(row) {
            Some((LeaveChoice::Stay, ..)) | None => Answer::Close,
            Some((choice, ..)) => Answer::Leave(*choice),
        }
    }

    /// Draws it.
    pub fn view(&self, canvas: &mut Canvas, area: Rect) {
        let room = 74.min(area.width.saturating_sub(6));
        let summary = text::wrap(&self.summary, usize::from(room));
        let rows = u16::try_from(summary.len() + self.choices.len()).unwrap_or(u16::MAX);
        let inside = dialog(canvas, area, room, rows.saturating_add(3), "Work is going on");
        let lines: Vec<Line> =
            summary.into_iter().map(|line| Line::from(canvas.span(Role::Text, line))).collect();
        let mut rest = below(canvas.put_lines(inside, lines), 1);
        for (row, (_, name, effect)) in self.choices.iter().enumerate() {
            let line =
                canvas.line([(Role::Text, text::fit(name, 32)), (Role::Dim, (*effect).to_owned())]);
            canvas.put(rest, &line);
            let place = Rect { height: rest.height.min(1), ..rest };
            if row == self.selected {
                canvas.fill(place, Role::Selected);
            }
            canvas.note(place, Target::OverlayRow(row));
            rest = below(rest, 1);
        }
        let hint = Line::from(canvas.span(Role::Faint, "↑ ↓ choose · enter take it · esc stay"));
        canvas.put(below(rest, 1), &hint);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_default_stays() {
        let mut leave = Leave::new("43 %".to_owned(), false);
        assert!(matches!(leave.press(Press::plain(KeyCode::Enter)), Answer::Close));
        leave.press(Press::plain(KeyCode::Down));
        let answer = leave.press(Press::plain(KeyCode::Enter));
        assert!(matches!(answer, Answer::Leave(LeaveChoice::StopAndLeave)));
        assert_eq!(Leave::new(String::new(), true).choices.len(), 2);
    }
}
