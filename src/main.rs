//! The `remold` binary: parse, hand to a face, map the result to an exit code.

use std::path::Path;
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
            let Opening { session, demo, no_color, theme, keys, config } = *opening;
            let theme = if no_color { Some("mono".to_owned()) } else { theme };
            // As the configuration's example says: themes lie beside it.
            let themes =
                config.as_deref().and_then(Path::parent).map(|folder| folder.join("themes"));
            let options = console::Options { theme, themes, keys, ..console::Options::default() };
            let left = match options.looks() {
                Ok(looks) => console::run(session, looks),
                Err(error) => return Ok(cli::refuse(config.as_deref(), &error).into()),
            };
            // The demo's server outlives the console, and nothing else.
            drop(demo);
            left.map(|()| ExitCode::SUCCESS)
        }
    }
}
