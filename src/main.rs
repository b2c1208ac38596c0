//! The `remold` binary.

fn main() {}
