//! The pages of the cookbook, run as they stand: files written, Redis commands sent, shell commands carried
//! out with the real binary, and what the page shows held against what came.
//!
//! A page is Markdown with fenced blocks: `json NAME` is a file, `redis` goes to the server, `sh` to a shell
//! (`sh exits 1` where the page says so), and `text` shows lines of what the block before it printed: white
//! space counts as one space, `…` is anything.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use redis::Value;
use regex::Regex;
use serde_json::json;

use crate::harness::TestServer;
use crate::harness::service::{Reply, Service};

const PAGES: [&str; 13] = [
    "drop-a-field",
    "epoch-to-iso-dates",
    "hash-to-redisjson",
    "look-something-up",
    "money-to-minor-units",
    "rename-a-field",
    "rename-keys",
    "roll-back-a-bad-deploy",
    "rolling-deploy",
    "select-by-query",
    "several-versions",
    "split-a-name",
    "unknown-keyspace",
];

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("sample-data/cookbook")
}

fn page(name: &str) -> String {
    fs::read_to_string(folder().join(format!("{name}.md"))).expect("the page is there")
}

struct Block {
    kind: String,
    /// What stands after the kind.
    rest: String,
    text: String,
}

fn blocks(page: &str) -> Vec<Block> {
    let mut blocks = Vec::new();
    let mut lines = page.lines();
    while let Some(line) = lines.next() {
        let Some(head) = line.strip_prefix("```").filter(|head| !head.is_empty()) else { continue };
        let (kind, rest) = head.split_once(' ').unwrap_or((head, ""));
        let text: Vec<&str> = lines.by_ref().take_while(|line| *line != "```").collect();
        let text = text.join("\n") + "\n";
        blocks.push(Block { kind: kind.to_owned(), rest: rest.to_owned(), text });
    }
    blocks
}

/// Does what a page says, on an empty server.
fn follow(name: &str, page: &str, server: &TestServer) {
    let folder = tempfile::tempdir().expect("a temporary folder");
    fs::create_dir(folder.path().join("catalog")).expect("a new folder");
    let mut connection = server.connect();
    let mut said = String::new();
    for block in blocks(page) {
        let Block { kind, rest, text } = &block;
        match kind.as_str() {
            "json" => {
                let file = folder.path().join(rest);
                fs::create_dir_all(file.parent().expect("below the folder")).expect("a folder");
                fs::write(file, text).expect("a file");
            }
            "redis" => {
                let replies = text.lines().map(|line| {
                    let reply = command(line).query(&mut connection);
                    shown(&reply.unwrap_or_else(|error| panic!("{name}: {line}: {error}")))
                });
                said = replies.collect::<Vec<_>>().join("\n");
            }
            "sh" => {
                let code =
                    rest.strip_prefix("exits ").map_or(0, |code| code.parse().expect("a code"));
                let ended = shell(text, folder.path(), server.url());
                said = ended.1;
                assert_eq!(ended.0, Some(code), "{name}:\n{text}\n{said}");
            }
            "text" => {
                for line in text.lines() {
                    assert!(shows(&said, line), "{name} shows\n{line}\nwhich is not in\n{said}");
                }
            }
            other => panic!("{name}: a block of an unknown kind: {other}"),
        }
    }
}

/// Runs lines with a shell that stops at the first failure; answers its exit code and what was printed.
fn shell(lines: &str, folder: &Path, url: &str) -> (Option<i32>, String) {
    let binary = Path::new(env!("CARGO_BIN_EXE_remold"));
    let programs = std::env::var("PATH").expect("there is one");
    let programs = format!("{}:{programs}", binary.parent().expect("a folder").display());
    let mut shell = Command::new("sh");
    shell.args(["-ec", lines]).current_dir(folder).env("HOME", folder).env("PATH", programs);
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with("REMOLD_") {
            shell.env_remove(name);
        }
    }
    shell.env("REMOLD_URL", url).env("REMOLD_CATALOG", "catalog").env("REMOLD_STATE_DIR", "state");
    let output = shell.output().expect("sh starts");
    let text =
        [output.stdout, output.stderr].map(|text| String::from_utf8_lossy(&text).into_owned());
    (output.status.code(), text.concat())
}

/// A line as it is typed into `redis-cli`: words apart by spaces, in single or double quotes.
fn command(line: &str) -> redis::Cmd {
    let mut words: Vec<String> = Vec::new();
    let mut characters = line.chars().peekable();
    while let Some(character) = characters.next() {
        let mut word = String::new();
        match character {
            ' ' => continue,
            '\'' => word.extend(characters.by_ref().take_while(|it| *it != '\'')),
            '"' => {
                while let Some(it) = characters.next().filter(|it| *it != '"') {
                    word.push(if it == '\\' { characters.next().expect("escaped") } else { it });
                }
            }
            first => {
                word.push(first);
                word.extend(std::iter::from_fn(|| characters.next_if(|it| *it != ' ')));
            }
        }
        words.push(word);
    }
    let mut command = redis::cmd(&words[0]);
    command.arg(&words[1..]);
    command
}

/// A reply about as `redis-cli` prints it, without escapes.
fn shown(reply: &Value) -> String {
    match reply {
        Value::BulkString(bytes) => format!("\"{}\"", String::from_utf8_lossy(bytes)),
        Value::SimpleString(text) => text.clone(),
        Value::Okay => "OK".to_owned(),
        Value::Int(number) => format!("(integer) {number}"),
        Value::Array(items) => {
            let items = items.iter().enumerate();
            items
                .map(|(at, item)| format!("{}) {}", at + 1, shown(item)))
                .collect::<Vec<_>>()
                .join("\n")
        }
        other => format!("{other:?}"),
    }
}

/// Whether a line of the page is part of a line of the output.
fn shows(said: &str, line: &str) -> bool {
    let plain = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
    let parts: Vec<String> = line.split('…').map(|part| regex::escape(&plain(part))).collect();
    let pattern = Regex::new(&parts.join(".*")).expect("an escaped text");
    said.lines().any(|it| pattern.is_match(&plain(it)))
}

#[test]
fn every_page_is_followed_and_listed() {
    let entries = fs::read_dir(folder()).expect("the cookbook is there");
    let names =
        entries.map(|entry| entry.expect("an entry").file_name().into_string().expect("plain"));
    let found: BTreeSet<String> = names.filter(|name| name != "README.md").collect();
    let known: BTreeSet<String> = PAGES.iter().map(|name| format!("{name}.md")).collect();
    assert_eq!(found, known);
    let index = fs::read_to_string(folder().join("README.md")).expect("an index");
    for name in known {
        assert!(index.contains(&format!("({name})")), "{name} is not in the index");
        let page = page(name.trim_end_matches(".md"));
        assert!(page.contains("**Back"), "{name} does not say how to get back");
        assert!(
            page.contains(" --execute --yes") || page.contains("schema push"),
            "{name} does nothing"
        );
    }
}

#[test]
fn what_a_page_shows_can_be_wrong() {
    assert!(shows("a\n   2000  migrated\n", "2000 migrated") && shows("x y z", "x … z"));
    assert!(!shows("2000  migrated", "200 migrated") && !shows("a\nb", "a b"));
    assert_eq!(blocks("x\n```sh exits 1\na\nb\n```\n").len(), 1);
    let packed = command(r#"SET 'a b' "c \"d\"" e"#).get_packed_command();
    assert_eq!(packed, b"*4\r\n$3\r\nSET\r\n$3\r\na b\r\n$5\r\nc \"d\"\r\n$1\r\ne\r\n");
}

fn on_a_plain_server(name: &str) {
    follow(name, &page(name), &TestServer::start());
}

#[test]
fn drop_a_field() {
    on_a_plain_server("drop-a-field");
}

#[test]
fn epoch_to_iso_dates() {
    on_a_plain_server("epoch-to-iso-dates");
}

#[test]
fn hash_to_redisjson() {
    follow("hash-to-redisjson", &page("hash-to-redisjson"), &TestServer::with_search());
}

#[test]
fn look_something_up() {
    let service = Service::start(|asked| {
        let city = if asked.target.ends_with("/89073") { "Ulm" } else { "Bonn" };
        Reply::ok(&json!({"city": city}))
    });
    let page = page("look-something-up").replace("http://places.internal:8080", service.url());
    follow("look-something-up", &page, &TestServer::start());
}

#[test]
fn money_to_minor_units() {
    on_a_plain_server("money-to-minor-units");
}

#[test]
fn rename_a_field() {
    on_a_plain_server("rename-a-field");
}

#[test]
fn rename_keys() {
    on_a_plain_server("rename-keys");
}

#[test]
fn roll_back_a_bad_deploy() {
    on_a_plain_server("roll-back-a-bad-deploy");
}

#[test]
fn rolling_deploy() {
    on_a_plain_server("rolling-deploy");
}

#[test]
fn select_by_query() {
    follow("select-by-query", &page("select-by-query"), &TestServer::with_search());
}

/// The README's own walk, from nothing to a finished run.
#[test]
fn readme() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("README.md");
    let readme = fs::read_to_string(path).expect("the README is there");
    let (_, walk) = readme.split_once("## From nothing to a finished run").expect("the section");
    let (walk, _) = walk.split_once("\n## ").expect("another section follows");
    follow("README", walk, &TestServer::start());
}

#[test]
fn several_versions() {
    on_a_plain_server("several-versions");
}

#[test]
fn split_a_name() {
    on_a_plain_server("split-a-name");
}

#[test]
fn unknown_keyspace() {
    on_a_plain_server("unknown-keyspace");
}
