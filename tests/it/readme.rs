//! The README's tables are those of the program. `UPDATE_README=1 cargo test --test it readme --
//! --test-threads=1` writes them there.

use std::fmt::Write;
use std::fs;
use std::path::Path;

use remold::console::command::{COMMANDS, Danger, Scope};
use remold::transform::KINDS;

use crate::harness::Remold;

/// Asserts that `table` stands between the marks `<!-- name -->` and `<!-- /name -->`.
#[track_caller]
fn holds(name: &str, table: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("README.md");
    let readme = fs::read_to_string(&path).expect("the README is there");
    let (open, close) = (format!("<!-- {name} -->\n"), format!("<!-- /{name} -->"));
    let start = readme.find(&open).expect("the opening mark") + open.len();
    let end = readme.find(&close).expect("the closing mark");
    if readme[start..end].trim() == table.trim() {
        return;
    }
    assert!(
        std::env::var_os("UPDATE_README").is_some(),
        "README.md has another table '{name}' than the program: UPDATE_README=1 cargo test --test it \
         readme -- --test-threads=1"
    );
    let written = format!("{}{}\n{}", &readme[..start], table.trim(), &readme[end..]);
    fs::write(path, written).expect("the README can be written");
}

#[test]
fn keys_are_those_of_the_command_table() {
    let mut table = String::from("| pane | key | what it does |\n|---|---|---|\n");
    for scope in [Scope::Everywhere].into_iter().chain(Scope::PANES) {
        for command in COMMANDS.iter().filter(|command| command.scope == scope) {
            let keys: Vec<_> = command.keys.iter().map(|key| format!("`{key}`")).collect();
            let writes = if command.danger == Danger::Writes { " (writes to Redis)" } else { "" };
            let (pane, keys) = (scope.name(), keys.join(" "));
            writeln!(table, "| {pane} | {keys} | {}{writes} |", command.help).expect("a String");
        }
    }
    holds("keys", &table);
}

#[test]
fn transforms_are_those_of_the_table_of_kinds() {
    let mut table = String::from("| type | parameters | what it does |\n|---|---|---|\n");
    for kind in KINDS {
        let parameters: Vec<_> = kind
            .parameters
            .iter()
            .map(|it| format!("`{}`{}", it.name, if it.optional { "?" } else { "" }))
            .collect();
        writeln!(table, "| `{}` | {} | {} |", kind.name, parameters.join(", "), kind.summary)
            .expect("a String");
    }
    holds("transforms", &table);
}

#[test]
fn verbs_are_those_of_the_help() {
    let said = Remold::new().line("--help").run().exits(0);
    let (_, rest) = said.stdout.split_once("Commands:\n").expect("a list of verbs");
    let (list, _) = rest.split_once("\n\n").expect("something after the list");
    let mut table = String::from("| verb | what it does |\n|---|---|\n");
    for line in list.lines() {
        let (verb, what) = line.trim().split_once(' ').expect("a verb and what it does");
        writeln!(table, "| `remold {verb}` | {} |", what.trim()).expect("a String");
    }
    holds("verbs", &table);
}

#[test]
fn the_commands_of_the_readme_are_those_of_the_checks() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let readme = fs::read_to_string(root.join("README.md")).expect("the README is there");
    let commands: Vec<_> =
        readme.split("```sh\n").skip(1).filter_map(|block| block.lines().next()).take(2).collect();
    assert_eq!(commands, ["cargo run --release -- demo --install-server", "cargo test"]);
    let checks = fs::read_to_string(root.join(".ci/run")).expect("the checks are there");
    let twin = commands[0].replace("demo", "demo --headless");
    for command in [twin.as_str(), commands[1]] {
        assert!(checks.lines().any(|line| line == command), "'{command}' is not in .ci/run");
    }
}
