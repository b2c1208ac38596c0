//! Keys that move, on one server and between the slots of a cluster, and expiries that are set.

use serde_json::{Value as Json, json};

use crate::harness::life::{KEYS, LATER_MS, Life, named, set};
use crate::harness::snapshot::Content;
use crate::harness::{Remold, TestCluster, TestServer};

#[test]
fn keys_move_and_come_back() {
    let life = Life::of_rename(TestServer::start(), KEYS);
    let (before, after) = life.goes_through(KEYS);
    assert_eq!(before.keys.len(), after.keys.len());
    let entry = &after.keys[&b"u:3:profile"[..]];
    assert_eq!((entry.expires_at_ms, after.only("user:").keys.len()), (4_000_000_000_003, 0));
    let plan = life.remold().line("plan user --to latest").run().exits(0);
    assert!(plan.stdout.contains("keys move from user:* to u:*:profile"), "{}", plan.stdout);
}

fn scattering() -> Life {
    let transforms = json!([
        {"type": "renameField", "from": "userName", "to": "fullName"},
        {"type": "renameKey", "from": "user:{a}:*", "to": "u:${KEY.1}", "onExisting": "overwrite"}]);
    let pattern = |mut schema: Json, pattern: &str| {
        schema["keyPattern"] = json!(pattern);
        schema
    };
    let schemas = [
        pattern(named("userName", "string"), "user:{a}:*"),
        pattern(named("fullName", "string"), "u:*"),
    ];
    let life = Life::of(TestServer::start(), schemas, &transforms);
    let mut connection = life.connect();
    for n in 0..KEYS {
        let text = format!(r#"{{"userName":"Jo {n}"}}"#);
        let key = format!("user:{{a}}:{n}");
        set(&mut connection, &key, &text, (n % 3 == 0).then_some(LATER_MS + n));
    }
    set(&mut connection, "u:7", r#"{"fullName":"stood there"}"#, Some(LATER_MS + 70));
    life
}

#[test]
fn keys_move_between_the_slots_of_a_cluster() {
    let life = scattering();
    let cluster = TestCluster::start();
    crate::cluster::copy(&life.server, &cluster);
    let before = cluster.snapshot();
    let plan = life.folder.path().join("plan.json").display().to_string();
    life.remold().line(&format!("plan user --to latest --out {plan}")).run().exits(0);
    let run = format!("run {plan} --execute --yes --json --batch 100 --no-lock");
    let resume = "resume last --json --batch 100 --no-lock";
    let single = life.remold().line(&run).run().exits(0).last_json();
    let after = life.snapshot();
    let remold = || {
        let remold = Remold::on(cluster.url()).env("REMOLD_CATALOG", life.catalog());
        remold.state(&life.state().join("cluster"))
    };
    let done = remold().line(&run).run().exits(0).last_json();
    assert_eq!(done["tally"], single["tally"]);
    cluster.snapshot().assert_same(&after);
    let verified = remold().line("verify last --json").run().exits(0).last_json();
    assert_eq!(verified["verification"]["right"], KEYS);
    remold().line("rollback last --execute --yes").run().exits(0);
    cluster.snapshot().assert_same(&before);
    // A crash after the before-images are durable: the last point at which nothing is written yet ...
    let crashed = |point: u32| {
        let said = remold().env("REMOLD_CRASH_AT", point.to_string()).line(&run).run();
        assert_eq!(said.code, None, "{}", said.stderr);
        before.differences(&cluster.snapshot()).is_empty()
    };
    let first_written = (1..40).find(|point| !crashed(*point)).expect("some point is behind it");
    remold().line(resume).run().exits(0);
    cluster.snapshot().assert_same(&after);
    remold().line("rollback last --execute --yes").run().exits(0);
    cluster.snapshot().assert_same(&before);
    assert!(crashed(first_written - 1));
    // ... and then the copies that a crash between the steps leaves.
    let mut connection = cluster.connect();
    for n in (0..KEYS).step_by(2) {
        let key = format!("u:{n}");
        let entry = &after.keys[key.as_bytes()];
        let Content::Bytes(text) = &entry.content else { panic!("a string") };
        let mut copy = redis::cmd("SET");
        copy.arg(&key).arg(text);
        if entry.expires_at_ms > 0 {
            copy.arg("PXAT").arg(entry.expires_at_ms);
        }
        let _: redis::Value = connection.send(key.as_bytes(), &copy).expect("copied");
    }
    let resumed = remold().line(resume).run().exits(0).last_json();
    assert_eq!(resumed["tally"], single["tally"]);
    cluster.snapshot().assert_same(&after);
    remold().line("rollback last --execute --yes").run().exits(0);
    cluster.snapshot().assert_same(&before);
}

#[test]
fn a_pure_rename_of_hashes_tells_versions_by_their_keys() {
    let transforms = json!([{"type": "renameKey", "to": "u:${KEY.1}:profile"}]);
    let mut target = named("userName", "hash");
    target["keyPattern"] = json!("u:*:profile");
    let life = Life::of(TestServer::start(), [named("userName", "hash"), target], &transforms);
    let mut connection = life.connect();
    for n in 0..KEYS {
        let _: () = redis::cmd("HSET")
            .arg(format!("user:{n}"))
            .arg(&["userName", "Jo"])
            .query(&mut connection)
            .expect("set");
    }
    life.goes_through(KEYS);
}

#[test]
fn a_key_that_exists_is_kept_or_replaced_as_told() {
    for overwrite in [false, true] {
        let mut rename = json!({"type": "renameKey", "to": "u:${KEY.1}"});
        if overwrite {
            rename["onExisting"] = json!("overwrite");
        }
        let mut target = named("userName", "string");
        target["keyPattern"] = json!("u:*");
        let schemas = [named("userName", "string"), target];
        let life = Life::of(TestServer::start(), schemas, &json!([rename]));
        let mut connection = life.connect();
        for n in 0..KEYS {
            let text = format!(r#"{{"userName":"Jo {n}"}}"#);
            set(&mut connection, &format!("user:{n}"), &text, (n % 2 == 0).then_some(LATER_MS));
        }
        set(&mut connection, "u:7", r#"{"userName":"theirs"}"#, Some(LATER_MS + 7));
        let before = life.snapshot();
        let dry = life.remold().line("run user --to latest --json").run().last_json();
        let code = i32::from(!overwrite);
        let execute = "run user --to latest --execute --yes --json";
        let done = life.remold().line(execute).run().exits(code).last_json();
        assert_eq!(
            (&done["tally"]["failed"], dry["tally"]["failed"] == code),
            (&json!(code), true)
        );
        let after = life.snapshot();
        let stands = after.keys[&b"u:7"[..]].to_string();
        assert_eq!(stands.contains("theirs"), !overwrite, "{stands}");
        assert_eq!(after.keys.contains_key(&b"user:7"[..]), !overwrite);
        life.remold().line("rollback last --execute --yes").run().exits(0);
        life.snapshot().assert_same(&before);
    }
}

#[test]
fn a_later_write_to_a_key_that_moved_or_was_converted_is_not_inverted_but_left() {
    let lives: [(Life, &[&str], &str); 2] = [
        (Life::of_rename(TestServer::start(), KEYS), &["SET", "u:7:profile", "{}"], "u:7:profile"),
        (
            Life::of_conversion(TestServer::start(), KEYS),
            &["HSET", "user:7", "fullName", "later"],
            "user:7",
        ),
    ];
    for (life, write, key) in lives {
        let before = life.snapshot();
        life.remold().line("run user --to latest --execute --yes").run().exits(0);
        let mut later = redis::cmd(write[0]);
        later.arg(&write[1..]).exec(&mut life.connect()).expect("written");
        let stands = life.snapshot().keys[key.as_bytes()].clone();
        let line = "rollback last --changed invert --execute --yes --list-changed";
        let said = life.remold().line(line).run().exits(1);
        let why = "the run changed how or where the key is stored, which a chain does not invert";
        assert!(said.stdout.contains(why), "{}\n{}", said.stdout, said.stderr);
        let after = life.snapshot();
        assert_eq!(after.keys[key.as_bytes()], stands, "the later write lives on");
        // All others are back.
        after.without(key).assert_same(&before.without("user:7"));
    }
}

#[test]
fn a_scan_that_meets_moved_keys_counts_them_once() {
    const MANY: u64 = 4_000;
    let life = Life::of_rename(TestServer::start(), MANY);
    // Small batches: keys move while the scan goes on.
    let execute = "run user --to latest --execute --yes --json --batch 20";
    let done = life.remold().line(execute).run().exits(0).last_json();
    assert_eq!(
        (&done["tally"]["scanned"], &done["tally"]["migrated"]),
        (&json!(MANY), &json!(MANY))
    );
    assert_eq!(life.snapshot().only("u:").keys.len() as u64, MANY);
}

#[test]
fn expiries_go_from_fields_to_keys_and_away() {
    let of = |step: Json| {
        let transforms =
            json!([{"type": "renameField", "from": "userName", "to": "fullName"}, step]);
        let schemas = [named("userName", "hash"), named("fullName", "hash")];
        let life = Life::of(TestServer::start(), schemas, &transforms);
        let mut connection = life.connect();
        for n in 0..KEYS {
            let key = format!("user:{n}");
            let _: () = redis::cmd("HSET")
                .arg(&key)
                .arg(&["userName", "Jo", "n", "4000000123"])
                .query(&mut connection)
                .expect("set");
            if n % 2 == 0 {
                let mut expire = redis::cmd("PEXPIREAT");
                let _: () = expire.arg(&key).arg(LATER_MS + n).query(&mut connection).expect("set");
            }
        }
        let (_, after) = life.goes_through(KEYS);
        let at = |key: &str| after.keys[key.as_bytes()].expires_at_ms;
        [at("user:4"), at("user:5")]
    };
    let field = of(json!({"type": "setExpiry", "field": "n"}));
    assert_eq!(field, [4_000_000_123_000; 2]);
    let persisted = of(json!({"type": "setExpiry", "persist": true}));
    assert_eq!(persisted, [-1; 2]);
    let [first, other] = of(json!({"type": "setExpiry", "seconds": 1_000_000, "onlyIf": "any"}));
    assert!((1_700_000_000_000..4_000_000_000_000).contains(&first) && other == -1, "{first}");
}

#[test]
fn expiries_are_set_and_come_back() {
    let transforms = json!([{"type": "renameField", "from": "userName", "to": "fullName"},
                            {"type": "setExpiry", "at": "2100-01-01T00:00:00Z", "onlyIf": "none"}]);
    let schemas = [named("userName", "string"), named("fullName", "string")];
    let life = Life::of(TestServer::start(), schemas, &transforms);
    let mut connection = life.connect();
    for n in 0..KEYS {
        let text = format!(r#"{{"userName":"Jo {n}"}}"#);
        set(&mut connection, &format!("user:{n}"), &text, (n % 2 == 0).then_some(LATER_MS + n));
    }
    let (_, after) = life.goes_through(KEYS);
    assert_eq!(after.keys[&b"user:4"[..]].expires_at_ms, 4_000_000_000_004);
    assert_eq!(after.keys[&b"user:5"[..]].expires_at_ms, 4_102_444_800_000);
}
