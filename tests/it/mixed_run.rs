//! The main job at its full width: 200,000 mixed keys, the real binary, and the whole keyspace
//! compared before and after.

use std::collections::BTreeMap;

use remold::catalog::Catalog;
use remold::demo::{Made, Recipe};
use remold::model::{Document, Outcome, Storage};

use crate::harness::binary::sample_catalog;
use crate::harness::snapshot::{Content, Entry};
use crate::harness::{Remold, Snapshot, TestServer};

const RECIPE: Recipe = Recipe { keys: 200_000, seed: 42 };

#[test]
fn two_hundred_thousand_mixed_keys_there_and_back() {
    let server = TestServer::start();
    let made = RECIPE.count();
    server.local().fill(RECIPE.keys().map(|(_, key)| key)).expect("filled");
    let before = Snapshot::take(&mut server.connect());
    assert_eq!(before.keys.len() as u64, RECIPE.keys);
    let state = tempfile::tempdir().expect("a temporary folder");
    let remold =
        |line: &str| Remold::on(server.url()).state(state.path()).sample_catalog().line(line).run();

    // A dry run over the whole keyspace counts the same and writes nothing.
    let dry = remold("run user --to 3.0.0 --json").exits(1).last_json();
    assert_eq!(dry["dry_run"], true);
    assert_tally(&dry, &made, "user");
    before.assert_same(&Snapshot::take(&mut server.connect()));

    let run = remold("run user --to 3.0.0 --execute --yes --json").exits(1).last_json();
    assert_eq!(run["dry_run"], false);
    assert_eq!(run["phase"], "done");
    assert_tally(&run, &made, "user");
    let after = Snapshot::take(&mut server.connect());
    before.without("user:").assert_same(&after.without("user:"));
    assert_migrated(&before.only("user:"), &after.only("user:"), "user", &made);

    remold("verify last --json").exits(0);

    // Hashes beside them: the same for orders.
    let orders = remold("run order --to 2.0.0 --execute --yes --json").exits(1).last_json();
    assert_tally(&orders, &made, "order");
    let both = Snapshot::take(&mut server.connect());
    after.without("order:").assert_same(&both.without("order:"));
    assert_migrated(&after.only("order:"), &both.only("order:"), "order", &made);

    let (user, order) = (name(&run), name(&orders));
    remold(&format!("rollback {order} --execute --yes --json")).exits(0);
    after.assert_same(&Snapshot::take(&mut server.connect()));
    let rollback = remold(&format!("rollback {user} --execute --yes --json")).exits(0).last_json();
    assert_eq!(rollback["tally"]["restored"], made.tally("user").migrated);
    before.assert_same(&Snapshot::take(&mut server.connect()));
}

fn name(run: &serde_json::Value) -> String {
    run["run"].as_str().expect("a run has a name").to_owned()
}

/// The tally adds up and is what the sample data must give.
#[track_caller]
fn assert_tally(said: &serde_json::Value, made: &Made, subject: &str) {
    let expected = serde_json::to_value(made.tally(subject)).expect("numbers");
    assert_eq!(said["tally"], expected, "{said}");
    let tally: BTreeMap<String, u64> =
        serde_json::from_value(said["tally"].clone()).expect("numbers");
    let sum: u64 = Outcome::ALL.iter().map(|outcome| tally[outcome.name()]).sum();
    assert_eq!(tally["scanned"], sum);
}

/// As many keys changed as were counted; each of them validates against the newest schema, has the
/// type and the expiry it had; the others are byte for byte what they were.
fn assert_migrated(before: &Snapshot, after: &Snapshot, subject: &str, made: &Made) {
    let catalog = Catalog::load(&sample_catalog()).expect("the sample catalog is right");
    let subject = catalog.subject(subject).expect("it is there");
    let latest = subject.latest().expect("it has schemas");
    assert_eq!(before.keys.len(), after.keys.len());
    let mut changed = 0;
    for (name, now) in &after.keys {
        let shown = name.escape_ascii();
        let was = before.keys.get(name).unwrap_or_else(|| panic!("{shown} appeared"));
        assert_eq!(was.kind, now.kind, "{shown}");
        assert_eq!(was.expires_at_ms, now.expires_at_ms, "the expiry of {shown}");
        if was.content != now.content {
            changed += 1;
            let violations = latest.validator().check(&document(now));
            assert!(violations.is_empty(), "{shown}: {now}: {violations:?}");
        }
    }
    assert_eq!(changed, made.tally(&subject.name).migrated);
}

fn document(entry: &Entry) -> Document<'_> {
    match &entry.content {
        Content::Bytes(text) => Document::from_json(text, Storage::String).expect("a document"),
        Content::Pairs(pairs) => {
            Document::from_hash(pairs.iter().map(|(name, value)| (&name[..], &value[..])))
        }
        other => panic!("changed a value of another type: {other:?}"),
    }
}
