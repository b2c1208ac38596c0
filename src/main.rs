//! The `remold` binary: parse, hand to a face, map the result to an exit code.

use std::process::ExitCode;

use remold::cli::{self, Opening, Start};
use remold::console;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> color_eyre::Result<ExitCode> {
    color_eyre::install()?;
    match cli::start(std::env::args_os()) {
        Start::Ended(exit) => Ok(exit.into()),
        Start::Console(opening) => {
            let Opening { session, demo, no_color, theme, keys } = *opening;
            let theme = if no_color { Some("mono".to_owned()) } else { theme };
            let options = console::Options { theme, keys, ..console::Options::default() };
            let left = console::run(session, &options);
            // The demo's server outlives the console, and nothing else.
            drop(demo);
            left.map(|()| ExitCode::SUCCESS)
        }
    }
}
