//! DEFINITIONS: what a catalog's files say, checked as a whole, and the graph of its versions.
//!
//! Reads files and speaks no Redis; the registry hands the same definitions in from memory.

pub mod format;
pub mod graph;
pub mod library;
pub mod load;
pub mod migration;
pub mod mistakes;
mod scripts;
pub mod spans;
pub mod strategy;
pub mod typed;
#[cfg(test)]
mod tests;
pub mod validation;
pub mod versions;

use std::collections::{BTreeMap, BTreeSet};

use semver::Version;
use serde_json::Value;

pub use graph::{Route, RouteError};
pub use load::Source;
pub use migration::Migration;
pub use mistakes::{Mistake, Mistakes};
pub use strategy::Strategy;

use crate::schema::{Detector, Schema};

/// Migrations to take from a version to another, by name, where a definition says so.
pub type Overrides = BTreeMap<Version, BTreeMap<Version, Vec<String>>>;

/// Every definition there is.
#[derive(Clone, Debug, Default)]
pub struct Catalog {
    /// By name.
    pub subjects: BTreeMap<String, Subject>,
    /// By name.
    pub strategies: BTreeMap<String, Strategy>,
    /// Feature flags and their values.
    pub flags: BTreeMap<String, Value>,
}

/// A family of keys with one meaning.
#[derive(Clone, Debug, Default)]
pub struct Subject {
    /// The name.
    pub name: String,
    /// Which keys it has, as the newest schema says; `<name>:*` without schemas.
    pub key_pattern: String,
    /// By version.
    pub schemas: BTreeMap<Version, Schema>,
    /// By name.
    pub migrations: BTreeMap<String, Migration>,
    /// The `paths` overrides.
    pub paths: Overrides,
    /// Names for versions, such as `production`.
    pub tags: BTreeMap<String, Version>,
}

impl Catalog {
    /// The subject called `name`.
    pub fn subject(&self, name: &str) -> Option<&Subject> {
        self.subjects.get(name)
    }
}

impl Subject {
    /// Every version that a schema or a migration names, oldest first.
    pub fn versions(&self) -> BTreeSet<&Version> {
        let ends = self.migrations.values().flat_map(|m| [&m.source, &m.target]);
        self.schemas.keys().chain(ends).collect()
    }

    /// The newest version with a schema.
    pub fn latest(&self) -> Option<&Schema> {
        self.schemas.values().next_back()
    }

    /// The key patterns that its schemas name, newest first, each once.
    pub fn key_patterns(&self) -> Vec<&str> {
        let mut patterns: Vec<&str> = Vec::new();
        for schema in self.schemas.values().rev() {
            if !patterns.contains(&schema.key_pattern.as_str()) {
                patterns.push(&schema.key_pattern);
            }
        }
        if patterns.is_empty() {
            patterns.push(&self.key_pattern);
        }
        patterns
    }

    /// A detector over its schemas.
    pub fn detector(&self) -> Detector {
        Detector::new(self.schemas.values())
    }

    /// Its migrations, paths and tags as one definition file, each as written.
    pub fn migrations_definition(&self) -> Value {
        let migrations: serde_json::Map<String, Value> = self
            .migrations
            .iter()
            .map(|(name, m)| (name.clone(), m.definition().clone()))
            .collect();
        let mut out = serde_json::json!({"subject": self.name, "migrations": migrations});
        if !self.paths.is_empty() {
            let paths: serde_json::Map<String, Value> = self
                .paths
                .iter()
                .map(|(from, targets)| {
                    let targets =
                        targets.iter().map(|(to, names)| (to.to_string(), names.clone().into()));
                    (from.to_string(), Value::Object(targets.collect()))
                })
                .collect();
            out["paths"] = Value::Object(paths);
        }
        if !self.tags.is_empty() {
            let tags =
                self.tags.iter().map(|(tag, version)| (tag.clone(), version.to_string().into()));
            out["tags"] = Value::Object(tags.collect());
        }
        out
    }
}
