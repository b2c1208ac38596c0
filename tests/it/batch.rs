//! A program that sees a whole batch, on a real server: one document that makes it fail does not take the
//! others with it, and what it answered stands in the journal.

use serde_json::{Value as Json, json};

use crate::harness::life::{named, set};
use crate::harness::snapshot::Content;
use crate::harness::{Life, TestServer};

const KEYS: u64 = 40;
/// What a batch is for: a table that is made once for all of its documents.
const SCRIPT: &str = "return function(list)
  local words = {}
  for n = 0, 99 do words[n] = 'number ' .. n end
  local out = {}
  for at, i in ipairs(list) do out[at] = {words = assert(words[i.n], 'no word for it')} end
  return out
end";

/// Strings, and a migration by the strategy `batch`, whose program stands in a file.
fn life(script: &str) -> Life {
    let migration = json!({"strategy": "batch",
        "with": {"inputs": ["n"], "outputs": ["words"], "file": "words.luau", "documents": 7},
        "transforms": [{"type": "renameField", "from": "userName", "to": "fullName"}]});
    let schemas = [named("userName", "string"), named("fullName", "string")];
    let life = Life::of_migration(TestServer::start(), schemas, migration);
    std::fs::write(life.catalog().join("words.luau"), script).expect("written");
    let mut connection = life.connect();
    for n in 0..KEYS {
        set(
            &mut connection,
            &format!("user:{n}"),
            &format!(r#"{{"userName":"Jo","n":{n}}}"#),
            None,
        );
    }
    life
}

#[test]
fn a_program_sees_a_batch_and_lives_through_a_run() {
    let life = life(SCRIPT);
    let plan = life.remold().line("plan user --to 2.0.0").run().exits(0).stdout;
    let told = "v1_to_v2 step 1: a program gets up to 7 documents at once";
    assert!(plan.contains(told), "{plan}");
    let preview = life.remold().line("preview user --to 2.0.0 --key user:3 --json").run().exits(0);
    assert_eq!(preview.json()[0]["after"]["words"], "number 3");
    let (_, after) = life.goes_through(KEYS);
    let made = r#"{"fullName":"Jo","n":3,"words":"number 3"}"#;
    assert_eq!(after.keys[&b"user:3"[..]].content, Content::Bytes(made.as_bytes().to_vec()));
}

#[test]
fn a_document_that_fails_does_not_take_the_others_with_it() {
    let life = life(SCRIPT);
    let mut connection = life.connect();
    set(&mut connection, "user:odd", r#"{"userName":"Jo","n":1000}"#, None);
    let dry = life.remold().line("run user --to 2.0.0 --json").run().exits(1).last_json();
    let said = life.remold().line("run user --to 2.0.0 --execute --yes --json").run().exits(1);
    let report = said.last_json();
    let tally = json!({"scanned": KEYS + 1, "migrated": KEYS, "unchanged": 0, "conflict": 0,
        "missing": 0, "invalid": 0, "failed": 1});
    assert_eq!((&report["tally"], &dry["tally"]), (&tally, &tally), "{report}");
    let error = &report["errors"][0];
    assert_eq!(error["samples"], json!(["user:odd"]));
    assert!(error["reason"].as_str().expect("a text").contains("no word for it"), "{error}");
    assert_eq!(report["asked"], Json::Null, "nobody outside was asked: {report}");
}

#[test]
fn an_endless_program_is_stopped_and_the_run_goes_on() {
    let life = life(
        "return function(list) local out = {} for at, i in ipairs(list) do
           while i.n == 5 do end
           out[at] = {words = 'w'}
         end return out end",
    );
    let said = life.remold().line("run user --to 2.0.0 --execute --yes --json").run().exits(1);
    let report = said.last_json();
    assert_eq!(report["tally"]["migrated"], KEYS - 1, "{report}");
    let reason = report["errors"][0]["reason"].as_str().expect("a text");
    assert!(reason.contains("did not end within 250 ms"), "{report}");
}

#[test]
fn an_answer_of_another_length_is_refused() {
    let life = life("return function(list) return {} end");
    let said = life.remold().line("run user --to 2.0.0 --execute --yes --json").run().exits(1);
    let report = said.last_json();
    assert_eq!(report["tally"]["failed"], KEYS, "{report}");
    let reason = report["errors"][0]["reason"].as_str().expect("a text");
    assert!(reason.contains("another number of documents"), "{report}");
}
