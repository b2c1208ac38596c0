//! The five panes: each file has a pane's state, what its verbs do, and how it looks.

pub mod chain;
pub mod history;
pub mod keys;
pub mod loaded;
pub mod run;
pub mod schemas;
pub mod tree;
pub mod value;
pub mod value_side;
pub mod words;

use ratatui::layout::Rect;

use crate::console::command::Verb;
use crate::console::effect::Effect;
use crate::console::keymap::Press;
use crate::console::regions::Part;
use crate::console::shared::Shared;
use crate::console::widgets::Canvas;

/// What the console asks of each pane. A pane has two sides: a list, and the details of what is
/// selected in it.
pub trait Pane {
    /// Called when the pane gets the focus.
    fn enter(&mut self, shared: &mut Shared) -> Vec<Effect>;

    /// Does what a verb asks.
    fn act(&mut self, verb: Verb, shared: &mut Shared) -> Vec<Effect>;

    /// Why a verb cannot be used now.
    fn disabled(&self, verb: Verb, shared: &Shared) -> Option<String>;

    /// What one does next here on the way from unknown keys to a run that is done: the footer begins with
    /// it, while it can be used.
    fn next(&self, shared: &Shared) -> Option<Verb>;

    /// Selects a row of a side's list.
    fn select(&mut self, part: Part, row: usize, shared: &mut Shared) -> Vec<Effect>;

    /// Draws one side.
    fn view(&self, part: Part, shared: &Shared, canvas: &mut Canvas, area: Rect, focused: bool);

    /// The left side's share of a wide screen, in percent.
    fn left_share(&self) -> u16;

    /// Whether keys are typed into a line of this pane.
    fn is_typing(&self) -> bool {
        false
    }

    /// Takes a key while [`Pane::is_typing`].
    fn typed(&mut self, _press: Press, _shared: &mut Shared) -> Vec<Effect> {
        Vec::new()
    }

    /// Takes pasted text while [`Pane::is_typing`].
    fn pasted(&mut self, _text: &str, _shared: &mut Shared) -> Vec<Effect> {
        Vec::new()
    }
}
