//! Schemas as an operator names them: a file, `subject@version`, or a subject.

use std::path::Path;

use semver::Version;
use serde_json::Value as Json;

use super::{Session, SessionError};
use crate::catalog::{Catalog, Source, format, graph};
use crate::schema::Schema;

impl Session {
    /// The schema that `text` names: a file with a definition or with a plain JSON Schema,
    /// `user@2.0.0`, `user@latest`, or `user` for its newest.
    pub fn schema(&self, text: &str) -> Result<Schema, SessionError> {
        let path = Path::new(text);
        if path.is_file() {
            return self.schema_file(path);
        }
        let (subject, version) = text.split_once('@').unwrap_or((text, "latest"));
        if self.catalog().subject(subject).is_none()
            && text.contains(['/', '.'])
            && !text.contains('@')
        {
            return Err(SessionError::Usage(format!("there is no file {text}")));
        }
        let version = self.version(subject, version)?;
        let found = self.subject(subject)?;
        found.schemas.get(&version).cloned().ok_or_else(|| {
            let known: Vec<String> = found.schemas.keys().map(ToString::to_string).collect();
            let known = known.join(", ");
            SessionError::Usage(format!("{subject} has no schema {version}; it has {known}"))
        })
    }

    /// Reads a file with one schema.
    fn schema_file(&self, path: &Path) -> Result<Schema, SessionError> {
        let text = self.read_file(path)?;
        let name = path.display().to_string();
        let parsed = serde_json::from_str::<Json>(&text).ok();
        let is_definition = parsed.as_ref().and_then(Json::as_object).is_some_and(|map| {
            let has = |key: &str| map.contains_key(key);
            has("keyPattern")
                || has("fields")
                || has("jsonSchema")
                || (has("subject") && has("version"))
        });
        let stem =
            path.file_stem().map_or_else(|| name.clone(), |s| s.to_string_lossy().into_owned());
        // A plain JSON Schema is put into a definition; a file that is no JSON goes through the
        // catalog's reader for its message.
        let source = match parsed {
            Some(schema) if !is_definition => {
                let stem: String = stem
                    .chars()
                    .map(|c| if c == '@' || c.is_whitespace() { '_' } else { c })
                    .collect();
                let definition = serde_json::json!({
                    "subject": stem, "version": "0.0.0", "jsonSchema": schema,
                });
                Source::from_value(name, &definition)
            }
            _ => {
                let folder = path.parent().and_then(Path::file_name);
                let folders =
                    folder.map(|f| f.to_string_lossy().into_owned()).into_iter().collect();
                Source { name, folders, text }
            }
        };
        let catalog = Catalog::from_definitions(&[source])?;
        let schema = catalog.subjects.into_values().find_map(|s| s.schemas.into_values().next());
        schema.ok_or_else(|| {
            SessionError::Usage(format!("{} holds migrations, and no schema", path.display()))
        })
    }

    /// A schema from a definition that was made, not read.
    pub fn made_schema(&self, definition: &Json) -> Result<Schema, SessionError> {
        let catalog =
            Catalog::from_definitions(&[Source::from_value("the definition", definition)])?;
        let schema = catalog.subjects.into_values().find_map(|s| s.schemas.into_values().next());
        Ok(schema.expect("a definition that was accepted alone is the schema there is"))
    }

    /// The published format of migrations files.
    pub fn migrations_format(&self) -> Json {
        format::migrations_file()
    }

    /// What to know about the version graph of a subject.
    pub fn graph_notes(&self, subject: &str) -> Result<Vec<String>, SessionError> {
        Ok(graph::notes(self.subject(subject)?).iter().map(ToString::to_string).collect())
    }

    /// The names of the migrations from a version to another, and why these.
    pub fn route(
        &self,
        subject: &str,
        from: &Version,
        to: &Version,
    ) -> Result<(Vec<String>, String), SessionError> {
        let found = graph::resolve(self.subject(subject)?, from, to, None)
            .map_err(|error| SessionError::Usage(error.to_string()))?;
        let names = found.migrations.iter().map(|migration| migration.name.clone()).collect();
        Ok((names, found.reason))
    }
}
