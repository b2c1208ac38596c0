//! The demo's keyspace on a real server: it is what its own figures say.

use remold::catalog::{Catalog, Subject, graph};
use remold::demo::{Kind, Made, Recipe};
use remold::model::{Document, Expiry, Key, Outcome, RedisType, Storage};
use remold::store::fill::{NewKey, NewValue};
use remold::store::fingerprint::{Difference, Fingerprint, Print};
use remold::transform::{Chain, Frozen, Stage};

use crate::harness::binary::sample_catalog;
use crate::harness::{Snapshot, TestServer};

#[test]
fn a_filled_server_holds_what_was_made() {
    let recipe = Recipe { keys: 3_000, seed: 11 };
    let (first, second) = (TestServer::start(), TestServer::start());
    let made = fill(&first, recipe);
    fill(&second, recipe);
    assert_eq!(made, recipe.count());
    let snapshot = Snapshot::take(&mut first.connect());
    assert_eq!(snapshot.keys.len() as u64, made.keys());
    let expiring = snapshot.keys.values().filter(|entry| entry.expires_at_ms > 0).count();
    assert_eq!(expiring as u64, made.expiring());
    let users = snapshot.only("user:").keys.len() as u64;
    assert_eq!(users, made.documents("user") + made.of(Kind::UserOtherType));
    // The same seed gives the same keyspace, but for the moment from which expiries count.
    let without_expiry = |mut snapshot: Snapshot| {
        for entry in snapshot.keys.values_mut() {
            entry.expires_at_ms = entry.expires_at_ms.signum();
        }
        snapshot
    };
    let again = Snapshot::take(&mut second.connect());
    without_expiry(snapshot).assert_same(&without_expiry(again));
}

#[test]
fn a_fingerprint_sees_every_change() {
    let server = TestServer::start();
    fill(&server, Recipe { keys: 1_000, seed: 3 });
    let take = || server.local().fingerprint().expect("a private server can be read");
    let before = take();
    assert_eq!(before.len(), 1_000);
    assert!(before.compare(&take(), |_| true).is_none());
    let mut connection = server.connect();
    let mut change = |line: &str| {
        let mut words = line.split(' ');
        let mut command = redis::cmd(words.next().expect("a name"));
        words.for_each(|word| {
            command.arg(word);
        });
        let _: redis::Value = command.query(&mut connection).expect(line);
    };
    change("SET new 1");
    let hash = key_of(&before, |print| print.redis_type == RedisType::Hash);
    change(&format!("HSET {hash} field value"));
    let lasting = key_of(&before, |print| {
        print.expiry == Expiry::Never && print.redis_type == RedisType::String
    });
    change(&format!("PEXPIRE {lasting} 100000"));
    let set = key_of(&before, |print| print.redis_type == RedisType::Set);
    change(&format!("DEL {set}"));
    let difference = before.compare(&take(), |_| true);
    assert_eq!(difference, Difference { appeared: 1, vanished: 1, values: 1, expiries: 1 });
}

/// The first key with a plain name that fits.
fn key_of(fingerprint: &Fingerprint, fits: impl Fn(&Print) -> bool) -> String {
    let plain = |key: &Key| key.as_bytes().iter().all(u8::is_ascii_graphic);
    let (key, _) = fingerprint.iter().find(|(key, print)| plain(key) && fits(print)).expect("one");
    key.to_string()
}

/// The generator says beforehand what a run makes of each kind; the definitions agree. No server and
/// no engine here: what fails in this test is a fault of the sample data.
#[test]
fn every_kind_comes_out_as_its_table_says() {
    let catalog = Catalog::load(&sample_catalog()).expect("the sample catalog is right");
    let mut wrong = Vec::new();
    for (kind, new) in (Recipe { keys: 20_000, seed: 5 }).keys() {
        let (Some(subject), Some(expected)) = (kind.subject(), kind.row().outcome) else {
            continue;
        };
        let subject = catalog.subject(subject).expect("the catalog has it");
        let (outcome, version, why) = outcome(subject, &new);
        if outcome != expected || version.as_deref() != kind.version() {
            wrong.push(format!("{kind:?} {}: {outcome}, {why}: {:?}", new.key, new.value));
        }
    }
    assert!(wrong.is_empty(), "{}\n{}", wrong.len(), wrong[..wrong.len().min(10)].join("\n"));
}

/// What the newest version's chain makes of a key, the version it has, and why.
fn outcome(subject: &Subject, new: &NewKey) -> (Outcome, Option<String>, String) {
    let document = match &new.value {
        NewValue::String(text) => Document::from_json(text, Storage::String),
        NewValue::Hash(pairs) => Ok(Document::from_hash(
            pairs.iter().map(|(name, value)| (name.as_slice(), value.as_slice())),
        )),
        other => panic!("{other:?} is no document, and its kind has no outcome"),
    };
    let mut document = match document {
        Ok(document) => document,
        Err(error) => return (Outcome::Invalid, None, error.to_string()),
    };
    let latest = subject.latest().expect("the subject has schemas");
    let detection = subject.detector().detect(&document).expect("it could be read above");
    let Some(version) = detection.version() else {
        return (Outcome::Invalid, None, detection.to_string());
    };
    let named = Some(version.to_string());
    if *version == latest.version {
        return (Outcome::Unchanged, named, String::new());
    }
    let chain = chain(subject, version);
    let frozen = Frozen { now: "2026-01-01T00:00:00.000Z".into(), ..Frozen::default() };
    let key: &Key = &new.key;
    match chain.apply(&mut document, key, &subject.key_pattern, &frozen, &mut |_, _, _| ()) {
        Err(failure) => (Outcome::Failed, named, failure.to_string()),
        Ok(_) => match latest.validator().check(&document).first() {
            Some(violation) => (Outcome::Invalid, named, format!("{violation:?}")),
            None => (Outcome::Migrated, named, String::new()),
        },
    }
}

fn chain(subject: &Subject, from: &semver::Version) -> Chain {
    let to = &subject.latest().expect("the subject has schemas").version;
    let route = graph::resolve(subject, from, to, None).expect("every version leads to the newest");
    let stage = |migration: &remold::catalog::Migration| Stage {
        pattern: None,
        reading: remold::schema::Reading::default(),
        migration: migration.name.clone(),
        source: migration.source.clone(),
        target: migration.target.clone(),
        when: migration.when.clone(),
        steps: migration.transforms.clone(),
        checks: migration.validation.clone(),
    };
    Chain { stages: route.migrations.into_iter().map(stage).collect() }
}

pub fn fill(server: &TestServer, recipe: Recipe) -> Made {
    let mut made = Made::nothing();
    let keys = recipe.keys().map(|(kind, key): (Kind, NewKey)| {
        made.add(kind, &key);
        key
    });
    let written = server.local().fill(keys).expect("a private server takes keys");
    assert_eq!(written, recipe.keys);
    made
}
