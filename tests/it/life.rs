//! Every kind of transform through its life on a real server, as a document in a string and as a hash:
//! plan, dry run, run, verify, rollback, roll forward, the run again, and a rollback of what another client
//! has written since, kept, overwritten and inverted. A kind without a row fails the test.

use std::collections::BTreeMap;
use std::path::Path;

use remold::transform::{Grade, KINDS, Step};
use serde_json::{Value as Json, json};

use crate::harness::service::{Reply, Service};
use crate::harness::{Remold, Said, Snapshot, TestServer};

/// Kinds whose life needs more than one document in one place, and the test that has it.
const ELSEWHERE: [(&str, &str); 3] = [
    ("convertStorage", "storages.rs"),
    ("renameKey", "whole_keys.rs"),
    ("setExpiry", "whole_keys.rs"),
];

/// One kind: a step, a document, what becomes of it, and a document that is refused.
struct Row {
    step: Json,
    before: &'static str,
    after: &'static str,
    refused: Option<&'static str>,
}

#[rustfmt::skip]
fn rows(service: &str) -> Vec<Row> {
    let row = |step: Json, before, after, refused: &'static str| {
        Row { step, before, after, refused: (!refused.is_empty()).then_some(refused) }
    };
    let script = "return function(i) return {cents = math.floor(i.price * 100 + 0.5)} end";
    vec![
        row(json!({"type": "renameField", "from": "a", "to": "b"}), r#"{"x": 1e2, "a":"\u00e9"}"#, r#"{"x": 1e2, "b":"\u00e9"}"#, r#"{"x":1}"#),
        row(json!({"type": "moveField", "from": "a", "to": "p.a"}), r#"{"a":"x","p":{"z":1.0}}"#, r#"{"p":{"z":1.0,"a":"x"}}"#, r#"{"a":1,"p":{"a":2}}"#),
        row(json!({"type": "copyField", "from": "a", "to": "b"}), r#"{"a":"x","z":1}"#, r#"{"a":"x","z":1,"b":"x"}"#, r#"{"a":1,"b":2}"#),
        row(json!({"type": "addField", "field": "b", "defaultValue": "${KEY.1}"}), r#"{"a":12345678901234567890}"#, r#"{"a":12345678901234567890,"b":"1"}"#, r#"{"b":1}"#),
        row(json!({"type": "setField", "field": "p.a", "value": "z"}), r#"{"p":{"a":1,"k":2.50}}"#, r#"{"p":{"a":"z","k":2.50}}"#, r#"{"p":"text"}"#),
        row(json!({"type": "defaultIfMissing", "field": "p.b", "defaultValue": 0}), r#"{"p":{"k":1}}"#, r#"{"p":{"k":1,"b":0}}"#, r#"{"p":"text"}"#),
        row(json!({"type": "removeField", "field": "a", "onMissing": "fail"}), r#"{"a":"x","c":"y"}"#, r#"{"c":"y"}"#, r#"{"c":"y"}"#),
        row(json!({"type": "keepFields", "fields": ["ver", "a"]}), r#"{"a":"x","c":"y","d":"z"}"#, r#"{"a":"x"}"#, ""),
        row(json!({"type": "splitField", "from": "a", "to": ["b", "c"], "separator": " "}), r#"{"a":"Ada L\u00f6v"}"#, r#"{"b":"Ada","c":"L\u00f6v"}"#, r#"{"a":"Cher"}"#),
        row(json!({"type": "mergeFields", "from": ["b", "c"], "to": "a", "separator": " "}), r#"{"b":"x","c":"y"}"#, r#"{"a":"x y"}"#, r#"{"b":"x"}"#),
        row(json!({"type": "pickFirst", "from": ["m", "p"], "to": "c"}), r#"{"p":"2","x":"1"}"#, r#"{"c":"2","x":"1"}"#, r#"{"x":"1"}"#),
        row(json!({"type": "trim", "field": "a"}), r#"{"a":" x\t "}"#, r#"{"a":"x"}"#, r#"{"x":"1"}"#),
        row(json!({"type": "case", "field": "a", "to": "upper"}), r#"{"a":"straße"}"#, r#"{"a":"STRASSE"}"#, r#"{"x":"1"}"#),
        row(json!({"type": "replace", "field": "a", "find": ".", "with": ","}), r#"{"a":"1.2.3"}"#, r#"{"a":"1,2,3"}"#, r#"{"x":"1"}"#),
        row(json!({"type": "convertType", "field": "a", "from": "dateTime", "to": "epochSeconds"}), r#"{"a":"2023-11-14T22:13:20Z"}"#, r#"{"a":1700000000}"#, r#"{"a":"soon"}"#),
        row(json!({"type": "mapValues", "field": "a", "map": {"A": "active", "I": "idle"}}), r#"{"a":"I"}"#, r#"{"a":"idle"}"#, r#"{"a":"Q"}"#),
        row(json!({"type": "parseJson", "field": "a"}), r#"{"a":"{\"k\":1.0}"}"#, r#"{"a":{"k":1.0}}"#, r#"{"a":"{k}"}"#),
        row(json!({"type": "stringifyJson", "field": "a"}), r#"{"a":{"k":[1,2]}}"#, r#"{"a":"{\"k\":[1,2]}"}"#, r#"{"x":"1"}"#),
        row(json!({"type": "nestFields", "from": ["a_x", "a_y"], "to": "a", "prefix": "a_"}), r#"{"a_x":"1","z":"9","a_y":"2"}"#, r#"{"a":{"x":"1","y":"2"},"z":"9"}"#, r#"{"a_x":"1"}"#),
        row(json!({"type": "flattenField", "field": "a", "prefix": "a_"}), r#"{"a":{"x":"1","y":"2"},"z":"9"}"#, r#"{"a_x":"1","a_y":"2","z":"9"}"#, r#"{"a":{"x":"1"},"a_x":"2"}"#),
        row(json!({"type": "wrapField", "field": "a"}), r#"{"a":"x"}"#, r#"{"a":["x"]}"#, r#"{"x":"1"}"#),
        row(json!({"type": "hoistField", "field": "a"}), r#"{"a":[{"b":1.0}]}"#, r#"{"a":{"b":1.0}}"#, r#"{"a":[1,2]}"#),
        row(json!({"type": "keyBy", "field": "l", "key": "id"}), r#"{"l":[{"id":"p","n":1.0},{"n":2,"id":"q"}]}"#, r#"{"l":{"p":{"n":1.0},"q":{"n":2}}}"#, r#"{"l":[{"id":"p"},{"id":"p"}]}"#),
        row(json!({"type": "entries", "field": "l", "key": "id"}), r#"{"l":{"p":{"n":1}}}"#, r#"{"l":[{"id":"p","n":1}]}"#, r#"{"x":"1"}"#),
        row(json!({"type": "forEach", "field": "l", "transforms": [{"type": "renameField", "from": "cost", "to": "price"}]}), r#"{"l":[{"cost":1.50},{"cost":2}]}"#, r#"{"l":[{"price":1.50},{"price":2}]}"#, r#"{"l":[{}]}"#),
        row(json!({"type": "stampVersion", "field": "shape"}), r#"{"a":"x","shape":"1.0.0"}"#, r#"{"a":"x","shape":"2.0.0"}"#, ""),
        row(json!({"type": "custom", "inputs": ["price"], "outputs": ["cents"], "script": script, "inverse": [{"type": "removeField", "field": "cents"}]}), r#"{"price":1.15}"#, r#"{"price":1.15,"cents":115}"#, r#"{"price":{}}"#),
        row(json!({"type": "batch", "inputs": ["price"], "outputs": ["cents"], "script": "return function(list) local out = {} for at, i in ipairs(list) do out[at] = {cents = math.floor(i.price * 100 + 0.5)} end return out end"}), r#"{"price":1.15}"#, r#"{"price":1.15,"cents":115}"#, r#"{"price":{}}"#),
        row(json!({"type": "external", "url": format!("{service}/"), "inputs": ["city"], "outputs": {"zip": "/zip"}}), r#"{"city":"Ulm"}"#, r#"{"city":"Ulm","zip":"89073"}"#, r#"{"x":"1"}"#),
    ]
}

/// The document with the version that a chain is to raise before its own fields.
fn with_version(text: &str, version: &str) -> String {
    let rest = text.strip_prefix('{').expect("an object");
    format!("{{\"ver\":\"{version}\",{rest}")
}

fn catalog(folder: &Path, rows: &[Row], storage: &str) {
    for row in rows {
        let kind = row.step["type"].as_str().expect("a type");
        let schema = |version: &str| {
            json!({"subject": kind, "version": version, "keyPattern": format!("{kind}:*"),
                "storage": storage, "versionField": "ver",
                "fields": {"ver": {"type": "string", "required": true}, "price": {"type": ["number", "object"]}}})
        };
        let stamp = json!({"type": "stampVersion", "field": "ver"});
        let migrations = json!({"subject": kind, "migrations": {"m": {"source": "1.0.0",
            "target": "2.0.0", "strategy": "direct", "transforms": [row.step, stamp]}}});
        for (name, json) in [("1", schema("1.0.0")), ("2", schema("2.0.0")), ("m", migrations)] {
            std::fs::write(folder.join(format!("{kind}-{name}.json")), json.to_string())
                .expect("written");
        }
    }
}

/// A hash's fields for a document: text as it is, other values as JSON text.
fn fields(text: &str) -> BTreeMap<String, String> {
    let json: BTreeMap<String, Json> = serde_json::from_str(text).expect("an object");
    let plain = |json: Json| json.as_str().map_or_else(|| json.to_string(), str::to_owned);
    json.into_iter().map(|(name, value)| (name, plain(value))).collect()
}

/// The document as another client writes it later: with one more field.
fn later(text: &str) -> String {
    let rest = text.strip_suffix('}').expect("an object");
    format!("{rest},\"late\":\"x\"}}")
}

/// The document under a key, with what of its texts is JSON read: a hash tells no more of its types.
fn read(connection: &mut redis::Connection, storage: &str, key: &str) -> Json {
    if storage == "string" {
        let text: String = redis::cmd("GET").arg(key).query(connection).expect("a string");
        return of_fields(fields(&text));
    }
    let fields = redis::cmd("HGETALL").arg(key).query(connection).expect("a hash");
    of_fields(fields)
}

fn of_fields(fields: BTreeMap<String, String>) -> Json {
    let value = |text: String| serde_json::from_str(&text).unwrap_or(Json::String(text));
    fields.into_iter().map(|(name, text)| (name, value(text))).collect()
}

fn put(connection: &mut redis::Connection, storage: &str, key: &str, text: &str) {
    redis::cmd("DEL").arg(key).query::<()>(connection).expect("deleted");
    let mut command = redis::cmd(if storage == "string" { "SET" } else { "HSET" });
    command.arg(key);
    if storage == "string" {
        command.arg(text);
    } else {
        command.arg(fields(text).into_iter().collect::<Vec<_>>());
    }
    command.query::<()>(connection).expect("written");
    redis::cmd("EXPIRE").arg(key).arg(5000).query::<()>(connection).expect("it will expire");
}

#[track_caller]
fn assert_holds(connection: &mut redis::Connection, storage: &str, key: &str, text: &str) {
    if storage == "string" {
        let found: String = redis::cmd("GET").arg(key).query(connection).expect("a string");
        assert_eq!(found, text, "{key}");
    } else {
        let found: BTreeMap<String, String> =
            redis::cmd("HGETALL").arg(key).query(connection).expect("a hash");
        assert_eq!(found, fields(text), "{key}");
    }
}

fn lives(storage: &str) {
    let service = Service::start(|_| Reply::ok(&json!({"zip": "89073"})));
    let rows = rows(service.url());
    let has_row = |name: &str| rows.iter().any(|row| row.step["type"] == name);
    for kind in KINDS {
        let elsewhere = ELSEWHERE.iter().any(|(name, _)| *name == kind.name);
        assert!(has_row(kind.name) || elsewhere, "{} has no row in the table of lives", kind.name);
    }
    let server = TestServer::start();
    let folder = tempfile::tempdir().expect("a temporary folder");
    catalog(folder.path(), &rows, storage);
    let mut connection = server.connect();
    for row in &rows {
        life(&server, &mut connection, folder.path(), row, storage);
    }
}

fn life(
    server: &TestServer,
    connection: &mut redis::Connection,
    catalog: &Path,
    row: &Row,
    storage: &str,
) {
    let kind = row.step["type"].as_str().expect("a type");
    let state = tempfile::tempdir().expect("a temporary folder");
    let remold = |line: &str| {
        Remold::on(server.url()).state(state.path()).env("REMOLD_CATALOG", catalog).line(line).run()
    };
    let key = |number: u8| format!("{kind}:{number}");
    put(connection, storage, &key(1), &with_version(row.before, "1.0.0"));
    put(connection, storage, &key(2), &with_version(row.after, "2.0.0"));
    if let Some(refused) = row.refused {
        put(connection, storage, &key(3), &with_version(refused, "1.0.0"));
    }
    let before = Snapshot::take(connection);
    let failed = u64::from(row.refused.is_some());
    let code = i32::from(row.refused.is_some());
    let tally = json!({"scanned": 2 + failed, "migrated": 1, "unchanged": 1, "conflict": 0,
        "missing": 0, "invalid": 0, "failed": failed});

    remold(&format!("plan {kind} --to 2.0.0")).exits(0);
    // A question to a service is not put by a dry run, so a document that it answers is not refused.
    let dry = remold(&format!("run {kind} --to 2.0.0 --json")).exits(code).last_json();
    assert_eq!(dry["tally"], tally, "{kind}: {dry}");
    before.assert_same(&Snapshot::take(connection));

    let run = format!("run {kind} --to 2.0.0 --execute --yes --json");
    let said = remold(&run).exits(code).last_json();
    assert_eq!(said["tally"], tally, "{kind}: {said}");
    assert_holds(connection, storage, &key(1), &with_version(row.after, "2.0.0"));
    assert_holds(connection, storage, &key(2), &with_version(row.after, "2.0.0"));
    if let Some(refused) = row.refused {
        assert_holds(connection, storage, &key(3), &with_version(refused, "1.0.0"));
    }
    let after = Snapshot::take(connection);
    remold("verify last --json").exits(0);
    remold("rollback last --execute --yes --json").exits(0);
    before.assert_same(&Snapshot::take(connection));
    remold("rollback last --forward --execute --yes").exits(0);
    after.assert_same(&Snapshot::take(connection));
    remold("rollback last --execute --yes").exits(0);
    before.assert_same(&Snapshot::take(connection));

    // Run again, which leaves the same, and there is nothing left to do.
    remold(&run).exits(code);
    after.assert_same(&Snapshot::take(connection));
    let said = remold("resume last").exits(2);
    assert!(said.stderr.contains("is done"), "{kind}: {}", said.stderr);
    let said = remold(&run).exits(code).last_json();
    assert_eq!((&said["tally"]["migrated"], &said["tally"]["unchanged"]), (&json!(0), &json!(2)));
    after.assert_same(&Snapshot::take(connection));
    for changed in ["keep", "overwrite", "invert"] {
        changed_since(&remold, connection, row, (storage, changed));
    }
}

/// Kinds whose inverse takes a later text in the fields they make back.
const TAKES_TEXT_BACK: [&str; 4] = ["renameField", "moveField", "splitField", "mergeFields"];

/// What another client writes later over what a step made: one more field, and in a hash, of which a run
/// compares only the fields that it changes, a text in one of those, where there is one. And whether the
/// run has to notice.
fn written_over(row: &Row, storage: &str) -> (String, bool) {
    if storage == "string" {
        return (later(row.after), true);
    }
    let (stood, stands) = (fields(row.before), fields(row.after));
    let mut after: Json = serde_json::from_str(row.after).expect("JSON");
    let members = after.as_object_mut().expect("an object");
    let made = members.iter_mut().find(|(name, value)| {
        value.is_string() && stood.get(*name) != stands.get(*name) && name.as_str() != "shape"
    });
    match made {
        Some((_, Json::String(text))) => {
            text.push('z');
            (later(&after.to_string()), true)
        }
        _ => (later(row.after), false),
    }
}

/// A run, a later write of another client, and a rollback that does with it as `changed` says.
fn changed_since(
    remold: &dyn Fn(&str) -> Said,
    connection: &mut redis::Connection,
    row: &Row,
    (storage, changed): (&str, &str),
) {
    let kind = row.step["type"].as_str().expect("a type");
    let key = &format!("{kind}:1");
    let (before, after) = (with_version(row.before, "1.0.0"), with_version(row.after, "2.0.0"));
    put(connection, storage, key, &before);
    let code = i32::from(row.refused.is_some());
    remold(&format!("run {kind} --to 2.0.0 --execute --yes")).exits(code);
    assert_holds(connection, storage, key, &after);
    let (text, is_noticed) = written_over(row, storage);
    put(connection, storage, key, &with_version(&text, "2.0.0"));
    let written = Snapshot::take(connection);
    let said = remold(&format!("rollback last --changed {changed} --execute --yes --json"));
    let tally = said.last_json()["rollback"].clone();
    let [restored, overwritten, inverted, kept] =
        ["restored", "overwritten", "inverted", "changed"].map(|name| tally[name] == 1);
    let is = format!("{kind} {changed}: {tally}");
    assert!(restored != kept, "{is}");
    // The later write gave the key another expiry too, which an overwriting rollback takes back.
    assert_eq!(overwritten, changed == "overwrite", "{is}");
    if is_noticed && changed != "overwrite" {
        let step = Step::parse(&row.step).expect("a step");
        let loss = step.loss().map_or(Grade::Form, |loss| loss.grade);
        let comes_back = step.inverse().is_some() && loss != Grade::Values;
        let has_to = comes_back && (storage == "string" || TAKES_TEXT_BACK.contains(&kind));
        assert_eq!(inverted, restored, "{is}");
        assert!(!inverted || (changed == "invert" && comes_back), "{is}");
        assert!(inverted || changed == "keep" || !has_to, "{is}");
        if inverted && storage == "string" && loss < Grade::Origin {
            let stands = read(connection, storage, key);
            assert_eq!(stands, of_fields(fields(&later(&before))), "{kind} comes back");
        }
    }
    let stands = read(connection, storage, key);
    if kept {
        written.assert_same(&Snapshot::take(connection));
    } else if inverted {
        assert_eq!((&stands["late"], &stands["ver"]), (&json!("x"), &json!("1.0.0")), "{is}");
    } else if storage == "string" {
        assert_holds(connection, storage, key, &before);
    } else {
        // Of a hash only the fields that the run changed are kept, and put back.
        assert_holds(connection, storage, key, &later(&before));
    }
    remold("rollback last --forward --execute --yes").exits(0);
    written.assert_same(&Snapshot::take(connection));
}

#[test]
fn every_kind_lives_on_strings() {
    lives("string");
}

#[test]
fn every_kind_lives_on_hashes() {
    lives("hash");
}
