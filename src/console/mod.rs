//! THE TERMINAL FACE: draws what the engine reports, sends orders.

pub mod command;
pub mod keymap;
pub mod overlays;
pub mod regions;
pub mod terminal;
pub mod theme;
pub mod toasts;
pub mod widgets;
