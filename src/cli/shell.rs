//! `remold completions SHELL` and `remold man`: what a package installs beside the program.

use clap::{Args, CommandFactory};
use clap_complete::Shell;

use super::exit::{Exit, Failure};
use super::render::Output;

#[derive(Args, Debug)]
pub struct Completions {
    /// The shell
    shell: Shell,
}

/// Prints the completions of one shell.
pub fn completions(arguments: &Completions, output: Output) -> Exit {
    let mut text = Vec::new();
    clap_complete::generate(arguments.shell, &mut super::Arguments::command(), "remold", &mut text);
    output.line(String::from_utf8_lossy(&text).trim_end());
    Exit::Fine
}

#[derive(Args, Debug)]
pub struct Man {
    /// The verb; the whole program when left out
    verb: Option<String>,
}

/// Prints a manual page.
pub fn man(arguments: &Man, output: Output) -> Result<Exit, Failure> {
    let mut command = super::Arguments::command();
    command.build();
    let command = match &arguments.verb {
        None => command,
        Some(verb) => {
            let found = command.find_subcommand(verb).cloned();
            let found =
                found.ok_or_else(|| Failure::usage(format!("there is no verb '{verb}'")))?;
            let name: &'static str = Box::leak(format!("remold-{verb}").into_boxed_str());
            found.name(name)
        }
    };
    let mut text = Vec::new();
    clap_mangen::Man::new(command)
        .render(&mut text)
        .map_err(|error| Failure::new(Exit::Bug, format!("the manual page: {error}")))?;
    output.line(String::from_utf8_lossy(&text).trim_end());
    Ok(Exit::Fine)
}
