//! Documents in every storage through the life of a run: plan, dry run, run, verify, rollback, and the
//! run again.

use remold::model::{Edit, Key, redis_json};
use remold::store::local::LocalOptions;
use remold::store::{Address, Link, Written};
use serde_json::{Value as Json, json};

use crate::harness::TestServer;
use crate::harness::life::{KEYS, LATER_MS, Life, named, set};
use crate::harness::snapshot::Content;

fn rename_name() -> Json {
    json!([{"type": "renameField", "from": "userName", "to": "fullName"}])
}

#[test]
fn redis_json_documents_go_through_life() {
    let server = TestServer::with_json();
    let life =
        Life::of(server, [named("userName", "json"), named("fullName", "json")], &rename_name());
    let mut connection = life.connect();
    for n in 0..KEYS {
        // Many digits: RedisJSON misreads some of what it prints itself.
        let third = 0.1 + f64::from(u32::try_from(n).expect("small")) / 3.0;
        let text = format!(
            r#"{{"userName": "J\u00f6 {n}", "n": {n}.50, "third": {third}, "big": 12345678901234567890, "e": 1e2, "deep": {{"a": [1.0, null]}}}}"#
        );
        let key = format!("user:{n}");
        let _: () = redis::cmd("JSON.SET")
            .arg(&key)
            .arg("$")
            .arg(text)
            .query(&mut connection)
            .expect("set");
        if n % 3 == 0 {
            let _: () = redis::cmd("PEXPIREAT")
                .arg(&key)
                .arg(LATER_MS + n)
                .query(&mut connection)
                .expect("set");
        }
    }
    let (_, after) = life.goes_through(KEYS);
    let entry = &after.keys[&b"user:3"[..]];
    let expected = r#"{"fullName":"Jö 3","n":3.5,"third":1.1,"big":12345678901234567890,"e":100.0,"deep":{"a":[1.0,null]}}"#;
    assert_eq!(entry.content, Content::Bytes(expected.as_bytes().to_vec()));
    assert_eq!((entry.kind.as_str(), entry.expires_at_ms), ("ReJSON-RL", 4_000_000_000_003));
}

#[test]
fn a_number_that_redis_json_would_round_is_refused() {
    let server = TestServer::with_json();
    let transforms = json!([{"type": "convertType", "field": "n", "to": "number"}]);
    let schema = |kind: &str| {
        json!({"keyPattern": "user:*", "storage": "json",
                                     "fields": {"n": {"type": kind, "required": true}}})
    };
    let life = Life::of(server, [schema("string"), schema("number")], &transforms);
    let mut connection = life.connect();
    for (key, text) in [("user:1", "1.5"), ("user:2", "12345678901234567890123")] {
        let text = format!(r#"{{"n":"{text}"}}"#);
        let _: () =
            redis::cmd("JSON.SET").arg(key).arg("$").arg(text).query(&mut connection).expect("set");
    }
    let said = life.remold().line("run user --to latest --execute --yes --json").run().exits(1);
    let report = said.last_json();
    assert_eq!((&report["tally"]["migrated"], &report["tally"]["failed"]), (&json!(1), &json!(1)));
    assert!(
        report["errors"][0]["reason"].as_str().expect("text").contains("would round"),
        "{report}"
    );
}

#[test]
fn a_server_without_the_module_is_told_so() {
    let life = Life::of(
        TestServer::start(),
        [named("userName", "json"), named("fullName", "json")],
        &rename_name(),
    );
    let _: () = redis::cmd("SET").arg("user:1").arg("x").query(&mut life.connect()).expect("set");
    let said = life.remold().line("run user --to latest").run();
    assert!(said.stderr.contains("has no RedisJSON module"), "{}", said.stderr);
    assert_ne!(said.code, Some(0));
}

#[test]
fn strings_become_hashes_and_come_back() {
    let life = Life::of_conversion(TestServer::start(), KEYS);
    set(&mut life.connect(), "other:1", "x", None);
    let (_, after) = life.goes_through(KEYS);
    let entry = &after.keys[&b"user:3"[..]];
    assert_eq!(
        entry.to_string(),
        r#"hash expires 4000000000003 fullName=J\xc3\xb6 3 n=3.50 tags=["a", 1.0] "#
            .replace('"', "\\\"")
    );
}

#[test]
fn hashes_become_strings_with_the_types_of_their_schema() {
    let transforms = json!([{"type": "convertStorage", "from": "hash", "to": "string"},
                            {"type": "renameField", "from": "userName", "to": "fullName"}]);
    let schemas = [named("userName", "hash"), named("fullName", "string")];
    let life = Life::of(TestServer::start(), schemas, &transforms);
    let mut connection = life.connect();
    for n in 0..KEYS {
        let key = format!("user:{n}");
        let _: () = redis::cmd("HSET")
            .arg(&key)
            .arg(&["userName", "42", "n", "1.50"])
            .query(&mut connection)
            .expect("set");
        if n % 3 == 0 {
            let _: () = redis::cmd("PEXPIREAT")
                .arg(&key)
                .arg(LATER_MS)
                .query(&mut connection)
                .expect("set");
        }
    }
    let (_, after) = life.goes_through(KEYS);
    let Content::Bytes(text) = &after.keys[&b"user:3"[..]].content else { panic!("a string") };
    let text = String::from_utf8_lossy(text);
    assert!(text.contains(r#""fullName":"42""#) && text.contains(r#""n":1.50"#), "{text}");
}

#[test]
fn strings_become_redis_json_and_come_back() {
    let transforms = json!([{"type": "convertStorage", "to": "json"},
                            {"type": "renameField", "from": "userName", "to": "fullName"}]);
    let schemas = [named("userName", "string"), named("fullName", "json")];
    let life = Life::of(TestServer::with_json(), schemas, &transforms);
    let mut connection = life.connect();
    for n in 0..KEYS {
        let text = format!(r#"{{"userName": "J\u00f6 {n}", "n": {n}.50}}"#);
        set(&mut connection, &format!("user:{n}"), &text, (n % 3 == 0).then_some(LATER_MS + n));
    }
    let (_, after) = life.goes_through(KEYS);
    let entry = &after.keys[&b"user:3"[..]];
    assert_eq!((entry.kind.as_str(), entry.expires_at_ms), ("ReJSON-RL", 4_000_000_000_003));
}

/// Keys of one slot that are to move all over a cluster.
#[test]
fn redis_json_reads_what_is_set_as_what_it_says() {
    let server = TestServer::with_json();
    let mut connection = server.connect();
    let (mut told, mut refused) = (0, 0);
    for n in 1..3_000_u32 {
        let double = f64::from(n).ln() * 10_f64.powi(i32::try_from(n % 41).expect("small") - 20);
        let number = serde_json::Number::from_f64(double).expect("a finite number");
        let text = format!("[{number},-{number}]").replace("--", "");
        let Ok(set) = redis_json::settable(&text) else {
            refused += 1;
            continue;
        };
        told += u32::from(set != text);
        let _: () = redis::cmd("JSON.SET")
            .arg("k")
            .arg(".")
            .arg(&*set)
            .query(&mut connection)
            .expect("set");
        let printed: String =
            redis::cmd("JSON.GET").arg("k").arg(".").query(&mut connection).expect("printed");
        let read: Vec<f64> = serde_json::from_str(&printed).expect("numbers");
        let same =
            read.iter().map(|read| read.abs().to_bits()).all(|bits| bits == double.abs().to_bits());
        assert!(
            same && read[0].is_sign_negative() != read[1].is_sign_negative(),
            "{text} set as {set}"
        );
        let canonical = |text: &str| redis_json::canonical(text.as_bytes());
        assert_eq!(canonical(&printed), canonical(&text));
        // What the module printed can be put back too.
        assert!(redis_json::settable(&printed).is_ok(), "{printed}");
    }
    assert!(told > 100 && refused < 60, "{told} told otherwise, {refused} refused");
}

#[test]
fn expiries_of_hash_fields_stay_with_their_fields() {
    let server = TestServer::with_field_expiries();
    let transforms = json!([
        {"type": "renameField", "from": "userName", "to": "fullName"},
        {"type": "case", "field": "mail", "to": "lower"}]);
    let schema = |field: &str| {
        json!({"keyPattern": "user:*", "storage": "hash", "fields": {
        field: {"type": "string", "required": true}, "mail": {"type": "string"}}})
    };
    let life = Life::of(server, [schema("userName"), schema("fullName")], &transforms);
    let mut connection = life.connect();
    for n in 0..KEYS {
        let key = format!("user:{n}");
        let _: () = redis::cmd("HSET")
            .arg(&key)
            .arg(&["userName", "Jo", "mail", "JO@X.ORG", "other", "1"])
            .query(&mut connection)
            .expect("set");
        let names: &[&str] = match n % 3 {
            0 => &["userName", "mail"],
            1 => &["other"],
            _ => &[],
        };
        for name in names {
            let _: () = redis::cmd("HPEXPIREAT")
                .arg(&key)
                .arg(LATER_MS + n)
                .arg(&["FIELDS", "1", name])
                .query(&mut connection)
                .expect("set");
        }
    }
    let mut expiries = |key: &str| -> Vec<i64> {
        redis::cmd("HPEXPIRETIME")
            .arg(key)
            .arg(&["FIELDS", "4", "userName", "fullName", "mail", "other"])
            .query(&mut connection)
            .expect("asked")
    };
    let at = 4_000_000_000_003;
    assert_eq!(expiries("user:3"), [at, -2, at, -1]);
    life.goes_through(KEYS);
    assert_eq!(expiries("user:3"), [-2, at, at, -1]);
    assert_eq!(expiries("user:4"), [-2, -1, -1, at + 1]);
    life.remold().line("rollback last --execute --yes").run().exits(0);
    assert_eq!(expiries("user:3"), [at, -2, at, -1]);
    assert_eq!(expiries("user:4"), [-1, -2, -1, at + 1]);
}

/// How often the server carried `MSET` out.
fn msets(server: &TestServer) -> u64 {
    let text: String =
        redis::cmd("INFO").arg("commandstats").query(&mut server.connect()).expect("INFO");
    let line = text.lines().find_map(|line| line.strip_prefix("cmdstat_mset:calls="));
    line.map_or(0, |rest| rest.split(',').next().expect("a number").parse().expect("a number"))
}

#[test]
fn strings_are_set_by_one_command_only_where_no_key_expires() {
    const OTHERS: &str = "user few on >secret ~* &* +@all";
    let settings = ["-mset", "-info", ""].into_iter().enumerate();
    let settings = settings
        .map(|(nth, right)| format!("{} {right}", OTHERS.replace("few", &format!("few{nth}"))));
    let server =
        TestServer::with(&LocalOptions { settings: settings.collect(), ..LocalOptions::default() });
    let mut connection = server.connect();
    let keys: Vec<Key> = (0..20_u8).map(|n| Key::from(vec![b'k', n])).collect();
    let edits = |before: &str, after: &str| -> Vec<Edit> {
        let edit = |_: &Key| Edit::String { before: before.into(), after: after.into() };
        keys.iter().map(edit).collect()
    };
    let socket = server.local().socket().display().to_string();
    for (nth, is_one) in [(0, false), (1, false), (2, true)] {
        let url = format!("unix://{socket}?user=few{nth}&pass=secret");
        let mut link = Link::open(&Address::parse(&url).expect("a URL")).expect("a link");
        let mut change = |before: &str, after: &str| {
            let edits = edits(before, after);
            let edits: Vec<(&Key, &Edit)> = keys.iter().zip(&edits).collect();
            link.compare_and_set(&edits).expect("an answer")
        };
        for key in &keys {
            redis::cmd("SET").arg(key.as_bytes()).arg("a").exec(&mut connection).expect("set");
        }
        let count = msets(&server);
        assert_eq!(change("a", "b"), [Written::Replaced; 20]);
        assert_eq!(msets(&server) - count, u64::from(is_one), "few{nth}");
        redis::cmd("SET").arg(keys[3].as_bytes()).arg("other").exec(&mut connection).expect("set");
        redis::cmd("PEXPIREAT")
            .arg(keys[5].as_bytes())
            .arg(LATER_MS)
            .exec(&mut connection)
            .expect("set");
        let written = change("b", "c");
        let differs = |at: usize| if at == 3 { Written::Differs } else { Written::Replaced };
        assert_eq!(written, (0..20).map(differs).collect::<Vec<_>>());
        assert_eq!(msets(&server) - count, u64::from(is_one), "a key expires");
        let at: u64 = redis::cmd("PEXPIRETIME")
            .arg(keys[5].as_bytes())
            .query(&mut connection)
            .expect("asked");
        assert_eq!(at, LATER_MS);
        let text: String =
            redis::cmd("GET").arg(keys[3].as_bytes()).query(&mut connection).expect("read");
        assert_eq!(text, "other");
        redis::cmd("PERSIST").arg(keys[5].as_bytes()).exec(&mut connection).expect("set");
    }
}
