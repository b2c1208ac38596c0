//! THE SERVER: the only room that speaks Redis.

pub mod fill;
pub mod fingerprint;
pub mod install;
pub mod local;
