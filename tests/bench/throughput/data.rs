//! What stands in the server before each round, and the definitions for it.

use redis::{Connection, Pipeline};
use remold::catalog::{Catalog, Source};
use serde_json::{Value as Json, json};

/// Keys sent in one go.
const PIPELINE_KEYS: u64 = 2_000;

/// How the documents are stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// JSON strings of about 200 bytes.
    Strings,
    /// Hashes of the same fields.
    Hashes,
    /// JSON strings of one field.
    Small,
}

/// The documents of a round.
pub struct Data {
    pub kind: Kind,
    pub keys: u64,
}

impl Data {
    pub fn title(&self) -> String {
        let kind = match self.kind {
            Kind::Strings => "JSON strings of about 200 bytes",
            Kind::Hashes => "hashes of eight fields",
            Kind::Small => "JSON strings of one field",
        };
        format!("{} {kind}", self.keys)
    }

    pub fn catalog(&self) -> Catalog {
        let storage = if self.kind == Kind::Hashes { "hash" } else { "string" };
        let schema = |version: &str, fields: &[&str]| {
            let fields: serde_json::Map<String, Json> = fields
                .iter()
                .map(|name| ((*name).to_owned(), json!({"type": "string", "required": true})))
                .collect();
            json!({"version": version, "keyPattern": "user:*", "storage": storage, "fields": fields})
        };
        let migrations = json!({"subject": "user", "migrations": {"split": {
            "source": "1.0.0", "target": "3.0.0", "strategy": "direct",
            "transforms": [
                {"type": "renameField", "from": "userName", "to": "fullName"},
                {"type": "splitField", "from": "fullName", "to": ["firstName", "lastName"],
                 "separator": " "}]}}});
        let sources = [
            ("1", schema("1.0.0", &["userName", "email"])),
            ("3", schema("3.0.0", &["firstName", "lastName", "email"])),
            ("migrations", migrations),
        ];
        let sources = sources.map(|(name, json)| Source::from_value(name, &json));
        Catalog::from_definitions(&sources).expect("right definitions")
    }

    /// Puts the documents into an empty server.
    pub fn fill(&self, connection: &mut Connection) {
        redis::cmd("FLUSHALL").exec(connection).expect("flushed");
        for start in (0..self.keys).step_by(2_000) {
            let mut pipeline = Pipeline::new();
            for at in start..self.keys.min(start + PIPELINE_KEYS) {
                self.put(&mut pipeline, at);
            }
            pipeline.exec(connection).expect("filled");
        }
    }

    fn put(&self, pipeline: &mut Pipeline, at: u64) {
        let (key, age) = (format!("user:{at}"), at % 90);
        match self.kind {
            Kind::Strings => pipeline.cmd("SET").arg(key).arg(format!(
                r#"{{"userName":"Ada{at} Lovelace","email":"ada{at}@example.com","age":{age},"score":1.50,"address":{{"city":"London","zip":"N{at}"}},"tags":["a","b","c"],"active":true,"note":"lorem ipsum dolor"}}"#
            )),
            Kind::Small => pipeline
                .cmd("SET")
                .arg(key)
                .arg(format!(r#"{{"userName":"A L{at}","email":"a@b.c"}}"#)),
            Kind::Hashes => pipeline
                .cmd("HSET")
                .arg(key)
                .arg(&[("userName", format!("Ada{at} Lovelace")), ("age", age.to_string())])
                .arg(&[("email", format!("ada{at}@example.com")), ("zip", format!("N{at}"))])
                .arg(&[("score", "1.50"), ("city", "London"), ("active", "true")])
                .arg(&[("note", "lorem ipsum dolor")]),
        }
        .ignore();
    }
}
