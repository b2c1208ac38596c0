//! Programs that run away in a real run: each is stopped within its bound, its document is failed with
//! the reason, and the rest of the run goes on.

use serde_json::{Value as Json, json};

use crate::harness::TestServer;
use crate::harness::binary::Remold;

/// What a program does to a document of this kind, and what the reason says.
const KINDS: [(&str, &str); 6] = [
    ("while true do end", "did not end within 250 ms"),
    ("while true do pcall(function() while true do end end) end", "did not end within 250 ms"),
    (
        "return {b = string.find(string.rep('a', 40), string.rep('a-', 40) .. 'b')}",
        "did not end within 250 ms",
    ),
    (
        "local t = {} while true do t[#t + 1] = string.rep('x', 8000000) .. #t end",
        "more than 32 MiB of memory",
    ),
    ("local function down(n) return 1 + down(n + 1) end return {b = down(1)}", "stack overflow"),
    ("error('not for me')", "not for me"),
];
const KEYS: usize = 300;

#[test]
fn the_others_of_the_run_are_migrated() {
    let branch =
        |(kind, (text, _)): (usize, &(&str, &str))| format!("if i.kind == {kind} then {text} end");
    let branches = KINDS.iter().enumerate().map(branch).collect::<Vec<_>>().join("\n");
    let script = format!("return function(i)\n{branches}\nreturn {{b = i.kind}} end");
    let server = TestServer::start();
    let folder = tempfile::tempdir().expect("a folder");
    let write = |name: &str, json: &Json| {
        std::fs::write(folder.path().join(name), json.to_string()).expect("written");
    };
    for version in ["1.0.0", "2.0.0"] {
        write(
            &format!("{version}.json"),
            &json!({"subject": "doc", "version": version,
            "keyPattern": "doc:*", "versionField": "v", "fields": {"v": {"type": "string"}}}),
        );
    }
    write(
        "m.json",
        &json!({"subject": "doc", "migrations": {"m": {"source": "1.0.0", "target": "2.0.0",
        "strategy": "direct", "transforms": [
            {"type": "custom", "inputs": ["kind"], "outputs": ["b"], "script": script},
            {"type": "stampVersion", "field": "v"}]}}}),
    );
    let mut pipeline = redis::Pipeline::new();
    let text = |at: usize| format!(r#"{{"v":"1.0.0","kind": {at}}}"#);
    for at in 0..KEYS {
        pipeline.cmd("SET").arg(format!("doc:{at}")).arg(text(at)).ignore();
    }
    let mut connection = server.connect();
    pipeline.exec(&mut connection).expect("filled");
    let call = Remold::on(server.url()).env("REMOLD_CATALOG", folder.path());
    let said = call.line("run doc --to 2.0.0 --execute --yes --json").run().exits(1).last_json();
    let failed = KINDS.len();
    assert_eq!(
        said["tally"],
        json!({"scanned": KEYS, "migrated": KEYS - failed, "unchanged": 0,
        "conflict": 0, "missing": 0, "invalid": 0, "failed": failed})
    );
    let errors = said["errors"].as_array().expect("a list");
    for (kind, (_, reason)) in KINDS.iter().enumerate() {
        let key = json!(format!("doc:{kind}"));
        let told = errors.iter().any(|group| {
            group["reason"].as_str().is_some_and(|told| told.contains(reason))
                && group["samples"].as_array().is_some_and(|keys| keys.contains(&key))
        });
        assert!(told, "{key}: {reason}: {errors:#?}");
    }
    for at in 0..KEYS {
        let now: String =
            redis::cmd("GET").arg(format!("doc:{at}")).query(&mut connection).expect("a string");
        let migrated = format!(r#"{{"v":"2.0.0","kind": {at},"b": {at}}}"#);
        let expected = if at < failed { text(at) } else { migrated };
        assert_eq!(now.replace(": ", ":"), expected.replace(": ", ":"), "doc:{at}");
    }
}
