//! The shape of the tree is a test: the arrows between rooms, the fences for outside names, the head
//! and the length of every file, and that no test file is forgotten.
//!
//! It reads text, not syntax: comments are cut first, and a path `crate::room` counts wherever it
//! stands, in a `use` or in the middle of a line.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

const FILE_LINES_MAX: usize = 500;

/// Who may use whom: a room (a folder or a file at the top of `src/`), and the rooms it may name.
/// A new word here is a new arrow, and rare; `src/ARCHITECTURE.md` shows the same table.
const ARROWS: &[(&str, &[&str])] = &[
    ("model", &[]),
    ("schema", &["model"]),
    ("transform", &["model", "schema"]),
    ("catalog", &["model", "schema", "transform"]),
    ("planner", &["model", "schema", "transform", "catalog"]),
    ("store", &["model"]),
    ("journal", &["model"]),
    ("demo", &["model", "store"]),
    ("engine", &["model", "schema", "transform", "catalog", "planner", "store", "journal"]),
    (
        "session",
        &["model", "schema", "transform", "catalog", "planner", "store", "journal", "engine"],
    ),
    ("cli", &["model", "schema", "planner", "engine", "session", "demo"]),
    ("console", &["model", "schema", "planner", "engine", "session"]),
    ("lib", &[]),
    ("main", &["cli", "console"]),
];

/// Outside names, and the only places in `src/` that may speak them.
const FENCES: &[(&str, &[&str], &[&str])] = &[
    ("Redis", &["redis::"], &["store/"]),
    (
        "the terminal",
        &["ratatui::", "crossterm::", "tui_textarea::", "nucleo_matcher::"],
        &["console/"],
    ),
    ("the command line", &["clap::"], &["cli/"]),
    ("JSON Schema", &["jsonschema::"], &["schema/"]),
    ("Luau", &["mlua::"], &["transform/script/"]),
    ("HTTP", &["ureq::"], &["engine/external/"]),
    (
        "TLS",
        &["rustls::", "rustls_native_certs::"],
        &["store/tls.rs", "store/stream.rs", "engine/external/"],
    ),
    (
        "printing",
        &["println!", "print!", "eprintln!", "eprint!", "io::stdout", "stdout()"],
        // The console draws on the terminal that standard output is.
        &["cli/render.rs", "console/"],
    ),
    (
        "writing files",
        &[
            "fs::write",
            "fs::rename",
            "fs::copy",
            "fs::remove_",
            "fs::create_dir",
            "fs::hard_link",
            "File::create",
            "File::options",
            "OpenOptions",
            "tempfile::",
        ],
        // `store/local.rs` prepares the temporary folder of its own private server, and
        // `demo/catalog.rs` writes the sample catalog there; the files under `cli/` are those whose
        // command writes a file for the user.
        &["journal/", "store/local.rs", "demo/catalog.rs", "cli/plan.rs", "cli/schema.rs"],
    ),
];

#[test]
fn arrows_go_down() {
    let rooms: BTreeSet<_> = ARROWS.iter().map(|(room, _)| *room).collect();
    let mut wrong = Vec::new();
    for file in rust_files("src") {
        let name = relative(&file);
        let room = room_of(&name);
        let Some((_, allowed)) = ARROWS.iter().find(|(known, _)| *known == room) else {
            wrong.push(format!("src/{name}: the room '{room}' is not in the table of arrows"));
            continue;
        };
        for (line, text) in code_lines(&file) {
            for used in rooms_named(&text) {
                if used != room
                    && rooms.contains(used.as_str())
                    && !allowed.contains(&used.as_str())
                {
                    wrong.push(format!("src/{name}:{line}: {room} -> {used} is no arrow: {text}"));
                }
            }
            if text.contains("super::super") {
                wrong.push(format!("src/{name}:{line}: write crate::… in place of super::super"));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn the_map_shows_these_arrows() {
    let map = fs::read_to_string(root().join("src/ARCHITECTURE.md")).expect("the map is there");
    for (room, allowed) in ARROWS.iter().filter(|(room, _)| *room != "lib") {
        let names = if allowed.is_empty() { "-".to_owned() } else { allowed.join(" ") };
        let line = format!("{room:<10} -> {names}");
        assert!(map.lines().any(|it| it == line), "src/ARCHITECTURE.md has to say: {line}");
    }
}

#[test]
fn outside_names_stay_behind_their_fences() {
    let mut wrong = Vec::new();
    // Unit tests may write into temporary folders and print; they are no part of the program.
    let is_program = |file: &PathBuf| !file.ends_with("tests.rs");
    for file in rust_files("src").into_iter().filter(is_program) {
        let name = relative(&file);
        for (line, text) in without_tests(code_lines(&file)) {
            for (what, words, places) in FENCES {
                let inside = places.iter().any(|place| name.starts_with(place));
                if !inside && words.iter().any(|word| speaks(&text, word)) {
                    wrong.push(format!("src/{name}:{line}: {what} belongs to {places:?}: {text}"));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn every_file_says_why_it_exists_and_is_short() {
    let mut wrong = Vec::new();
    for file in rust_files("src").into_iter().chain(rust_files("tests")) {
        let text = fs::read_to_string(&file).expect("a source file is text");
        if !text.starts_with("//! ") {
            wrong.push(format!("{}: does not open with //! and why it exists", file.display()));
        }
        let lines = text.lines().count();
        if lines > FILE_LINES_MAX {
            wrong.push(format!("{}: {lines} lines, over {FILE_LINES_MAX}", file.display()));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// A file that no `mod` line names is not compiled, and its tests never run.
#[test]
fn no_file_is_forgotten() {
    let mut wrong = Vec::new();
    let targets = fs::read_to_string(root().join("Cargo.toml")).expect("the manifest");
    for file in rust_files("src").into_iter().chain(rust_files("tests")) {
        let path = file.strip_prefix(root()).expect("a file of the repository").display();
        if targets.contains(&format!("path = \"{path}\"")) {
            continue;
        }
        let stem =
            file.file_stem().and_then(|stem| stem.to_str()).expect("a plain name").to_owned();
        let folder = file.parent().expect("a file has a folder");
        let (name, parents) = match stem.as_str() {
            "mod" => {
                let name = folder.file_name().and_then(|name| name.to_str()).expect("plain");
                (name.to_owned(), parents_in(folder.parent().expect("not the root")))
            }
            _ => (stem, parents_in(folder)),
        };
        let declared =
            parents.iter().filter_map(|parent| fs::read_to_string(parent).ok()).any(|text| {
                text.lines().any(|line| {
                    let line = line.trim().trim_end_matches(['{', ' ']);
                    line.trim_end_matches(';').rsplit_once("mod ").is_some_and(|(_, it)| it == name)
                })
            });
        if !declared {
            wrong.push(format!("{}: no `mod {name};` names it", file.display()));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// The files that may declare the modules in `folder`.
fn parents_in(folder: &Path) -> Vec<PathBuf> {
    let mut parents: Vec<_> =
        ["mod.rs", "lib.rs", "main.rs"].iter().map(|name| folder.join(name)).collect();
    parents.push(folder.with_extension("rs"));
    parents
}

/// Every `.rs` file below a top-level folder, in order.
fn rust_files(top: &str) -> Vec<PathBuf> {
    let mut open = vec![root().join(top)];
    let mut found = Vec::new();
    while let Some(folder) = open.pop() {
        for entry in fs::read_dir(&folder).expect("a folder of the repository") {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                open.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                found.push(path);
            }
        }
    }
    found.sort();
    assert!(!found.is_empty(), "no source files below {top}");
    found
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// The path below `src/`.
fn relative(file: &Path) -> String {
    let below = file.strip_prefix(root().join("src")).expect("a file of src/");
    below.to_str().expect("a plain name").to_owned()
}

fn room_of(name: &str) -> String {
    name.split('/').next().unwrap_or(name).trim_end_matches(".rs").to_owned()
}

/// The lines with their numbers, without comments.
fn code_lines(file: &Path) -> Vec<(usize, String)> {
    let text = fs::read_to_string(file).expect("a source file is text");
    text.lines()
        .enumerate()
        .map(|(at, line)| {
            // A `//` inside a URL in a string has a colon before it.
            let cut = line.match_indices("//").find(|(at, _)| !line[..*at].ends_with(':'));
            (at + 1, line[..cut.map_or(line.len(), |(at, _)| at)].trim().to_owned())
        })
        .filter(|(_, text)| !text.is_empty())
        .collect()
}

/// The lines before the unit tests, which stand at a file's end.
fn without_tests(mut lines: Vec<(usize, String)>) -> Vec<(usize, String)> {
    let begin = lines.windows(2).position(|pair| {
        pair[0].1 == "#[cfg(test)]" && pair[1].1.starts_with("mod ") && pair[1].1.ends_with('{')
    });
    lines.truncate(begin.unwrap_or(lines.len()));
    lines
}

/// The rooms a line names after `crate::` or `remold::`; `use crate::{a, b}` names several.
fn rooms_named(text: &str) -> Vec<String> {
    let mut rooms = Vec::new();
    for head in ["crate::", "remold::"] {
        for (at, _) in text.match_indices(head) {
            let rest = &text[at + head.len()..];
            let names = match rest.strip_prefix('{') {
                Some(list) => list.trim_end_matches([';', '}']).split(',').collect(),
                None => vec![rest],
            };
            rooms.extend(names.into_iter().map(|name| first_word(name.trim())));
        }
    }
    rooms
}

fn first_word(text: &str) -> String {
    text.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect()
}

/// Whether the line speaks `word` as a name of its own: `print!` is not in `println!`, and
/// `remold::redis::` is not `redis::`.
fn speaks(text: &str, word: &str) -> bool {
    text.match_indices(word).any(|(at, _)| {
        let before = text[..at].chars().next_back();
        !before
            .is_some_and(|c| c.is_alphanumeric() || c == '_' || (c == ':' && word.ends_with("::")))
    })
}

#[test]
fn the_readers_read() {
    assert_eq!(rooms_named("use crate::{model, store::local};"), ["model", "store"]);
    assert_eq!(rooms_named("let x = crate::engine::run(remold::cli::y);"), ["engine", "cli"]);
    assert!(speaks("redis::cmd(\"x\")", "redis::"));
    assert!(!speaks("self::redis::cmd", "redis::"));
    assert!(speaks("std::fs::write(a, b)", "fs::write"));
    assert!(!speaks("my_println!(\"\")", "println!"));
}
