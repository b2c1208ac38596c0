//! THE SERVER: the only room that speaks Redis.

pub mod install;
pub mod local;
