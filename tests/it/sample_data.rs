//! The demo's keyspace on a real server: it is what its own figures say.

use remold::demo::{Kind, Made, Recipe};
use remold::store::fill::NewKey;

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

fn fill(server: &TestServer, recipe: Recipe) -> Made {
    let mut made = Made::nothing();
    let keys = recipe.keys().map(|(kind, key): (Kind, NewKey)| {
        made.add(kind, &key);
        key
    });
    let written = server.local().fill(keys).expect("a private server takes keys");
    assert_eq!(written, recipe.keys);
    made
}
