//! One subject from 1.0.0 to 2.0.0 through the life of a run: plan, dry run, run, verify, rollback, and
//! the run again.

use std::path::Path;

use redis::Connection;
use serde_json::{Value as Json, json};

use super::{Remold, Snapshot, TestServer};

pub const KEYS: u64 = 60;

/// A catalog of one subject in a folder of its own, with a state directory.
pub struct Life {
    pub server: TestServer,
    pub folder: tempfile::TempDir,
}

impl Life {
    /// The two schemas (without subject and version) and the transforms between them.
    pub fn of(server: TestServer, schemas: [Json; 2], transforms: &Json) -> Self {
        Self::of_migration(server, schemas, json!({"transforms": transforms}))
    }

    /// The two schemas (without subject and version) and the migration between them (without its ends).
    pub fn of_migration(server: TestServer, schemas: [Json; 2], mut migration: Json) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let catalog = folder.path().join("catalog");
        std::fs::create_dir(&catalog).expect("a new folder");
        let write = |name: &str, json: &Json| {
            std::fs::write(catalog.join(name), json.to_string()).expect("a new file");
        };
        for (mut schema, version) in schemas.into_iter().zip(["1.0.0", "2.0.0"]) {
            schema["subject"] = json!("user");
            schema["version"] = json!(version);
            write(&format!("{version}.json"), &schema);
        }
        migration["source"] = json!("1.0.0");
        migration["target"] = json!("2.0.0");
        let migrations = json!({"subject": "user", "migrations": {"v1_to_v2": migration}});
        write("migrations.json", &migrations);
        Self { server, folder }
    }

    /// Strings that are to become hashes, every third with an expiry.
    pub fn of_conversion(server: TestServer, keys: u64) -> Self {
        let transforms = json!([
            {"type": "renameField", "from": "userName", "to": "fullName"},
            {"type": "convertStorage", "from": "string", "to": "hash", "nested": "json", "nulls": "omit"}]);
        let schemas = [named("userName", "string"), named("fullName", "hash")];
        let life = Life::of(server, schemas, &transforms);
        let mut connection = life.connect();
        for n in 0..keys {
            let text = format!(
                r#" {{"userName": "J\u00f6 {n}", "n": {n}.50, "none": null, "tags": ["a", 1.0]}}"#
            );
            set(&mut connection, &format!("user:{n}"), &text, (n % 3 == 0).then_some(LATER_MS + n));
        }
        life
    }

    /// Strings that are to move to other keys, every third with an expiry.
    pub fn of_rename(server: TestServer, keys: u64) -> Self {
        let transforms = json!([
            {"type": "renameField", "from": "userName", "to": "fullName"},
            {"type": "renameKey", "from": "user:*", "to": "u:${KEY.1}:profile"}]);
        let mut target = named("fullName", "string");
        target["keyPattern"] = json!("u:*:profile");
        let life = Life::of(server, [named("userName", "string"), target], &transforms);
        let mut connection = life.connect();
        for n in 0..keys {
            let text = format!(r#"{{"userName": "Jo {n}"}}"#);
            set(&mut connection, &format!("user:{n}"), &text, (n % 3 == 0).then_some(LATER_MS + n));
        }
        life
    }

    pub fn catalog(&self) -> std::path::PathBuf {
        self.folder.path().join("catalog")
    }

    pub fn state(&self) -> &Path {
        self.folder.path()
    }

    pub fn remold(&self) -> Remold {
        Remold::on(self.server.url()).env("REMOLD_CATALOG", self.catalog()).state(self.state())
    }

    pub fn connect(&self) -> Connection {
        self.server.connect()
    }

    pub fn snapshot(&self) -> Snapshot {
        Snapshot::take(&mut self.connect())
    }

    /// Goes through the whole life; answers the keyspace before and after.
    #[track_caller]
    pub fn goes_through(&self, migrated: u64) -> (Snapshot, Snapshot) {
        let plan = self.folder.path().join("plan.json").display().to_string();
        self.remold().line(&format!("plan user --to latest --out {plan}")).run().exits(0);
        let before = self.snapshot();
        let dry = self.remold().line(&format!("run {plan} --json")).run().exits(0).last_json();
        self.snapshot().assert_same(&before);
        let run = format!("run {plan} --execute --yes --json --batch 7");
        let done = self.remold().line(&run).run().exits(0).last_json();
        assert_eq!(done["tally"], dry["tally"], "the dry run told what would be");
        assert_eq!(done["tally"]["migrated"], migrated);
        let after = self.snapshot();
        assert!(!before.differences(&after).is_empty(), "the run changes something");
        let verified = self.remold().line("verify last --json").run().exits(0).last_json();
        assert_eq!(verified["verification"]["right"], migrated);
        let back = self.remold().line("rollback last --execute --yes --json").run().exits(0);
        assert_eq!(back.last_json()["rollback"]["restored"], migrated);
        self.snapshot().assert_same(&before);
        let again = self.remold().line(&run).run().exits(0).last_json();
        assert_eq!(again["tally"], done["tally"]);
        self.snapshot().assert_same(&after);
        // What is at the target is left alone.
        let third = self.remold().line("run user --to latest --json").run();
        assert_eq!(third.exits(0).last_json()["tally"]["migrated"], 0);
        (before, after)
    }
}

pub fn named(field: &str, storage: &str) -> Json {
    json!({"keyPattern": "user:*", "storage": storage,
           "fields": {field: {"type": "string", "required": true}, "n": {"type": "number"}}})
}

/// A time far away that any server of today takes.
pub const LATER_MS: u64 = 4_000_000_000_000;

pub fn set(connection: &mut Connection, key: &str, text: &str, expires_at_ms: Option<u64>) {
    let mut command = redis::cmd("SET");
    command.arg(key).arg(text);
    if let Some(at) = expires_at_ms {
        command.arg("PXAT").arg(at);
    }
    let _: () = command.query(connection).expect("set");
}
