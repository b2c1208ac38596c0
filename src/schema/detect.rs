//! Which version is a document? Told by its version field or by the schemas it fits, never guessed.

use std::borrow::Cow;
use std::cmp::Ordering;
use std::fmt;
use std::sync::Arc;

use semver::Version;
use serde_json::Value as Json;

use super::definition::Schema;
use super::glance::{Glanced, surely_readable};
use super::reading::{Reading, local_target, read_document};
use super::violation::Violation;
use crate::model::{Content, Document, DocumentError, Key, Path, Segment, Storage, Value, glob};

/// How deep declared fields are counted.
const COUNT_DEPTH_MAX: usize = 16;

/// The version of one document.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Detection {
    /// It is of this version.
    Version(Version),
    /// It fits these versions equally well; oldest first.
    Ambiguous(Vec<Version>),
    /// It fits no version, or names one that is not known.
    Unknown,
}

impl Detection {
    /// The version, when there is exactly one.
    pub fn version(&self) -> Option<&Version> {
        match self {
            Self::Version(version) => Some(version),
            Self::Ambiguous(_) | Self::Unknown => None,
        }
    }
}

impl fmt::Display for Detection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Version(version) => write!(f, "{version}"),
            Self::Unknown => f.write_str("unknown"),
            Self::Ambiguous(versions) => {
                let names: Vec<String> = versions.iter().map(Version::to_string).collect();
                write!(f, "ambiguous ({})", names.join(", "))
            }
        }
    }
}

/// Tells the version of documents of one subject.
#[derive(Clone, Debug)]
pub struct Detector {
    /// Oldest first.
    candidates: Vec<Candidate>,
    /// The version fields that any schema names, each once.
    version_fields: Vec<Path>,
}

#[derive(Clone, Debug)]
struct Candidate {
    version: Version,
    storage: Option<Storage>,
    version_field: Option<Path>,
    schema: Arc<Schema>,
    /// Candidates with equal numbers read a hash alike.
    reading: usize,
    /// Whether its keys are others than the one that is looked at.
    is_elsewhere: bool,
}

/// How specific a schema is to a document: more is more.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Fit {
    pub required_present: usize,
    pub declared_present: usize,
    /// Negative, so that fewer undeclared fields are more.
    pub undeclared: isize,
}

impl Detector {
    /// A detector over the schemas of one subject.
    pub fn new<'s>(schemas: impl IntoIterator<Item = &'s Schema>) -> Self {
        let mut candidates: Vec<Candidate> = Vec::new();
        let mut version_fields: Vec<Path> = Vec::new();
        for schema in schemas {
            let alike = |known: &&Candidate| {
                known.schema.validator().reading() == schema.validator().reading()
            };
            let reading = candidates.iter().find(alike).map_or(candidates.len(), |c| c.reading);
            if let Some(path) = &schema.version_field
                && !version_fields.contains(path)
            {
                version_fields.push(path.clone());
            }
            candidates.push(Candidate {
                version: schema.version.clone(),
                storage: schema.storage,
                version_field: schema.version_field.clone(),
                schema: Arc::new(schema.clone()),
                reading,
                is_elsewhere: false,
            });
        }
        candidates.sort_by(|a, b| a.version.cmp(&b.version));
        Self { candidates, version_fields }
    }

    /// The detector for documents under this key: where versions have key patterns of their own, only
    /// those are taken by their shape whose pattern the key matches.
    pub fn at(&self, key: &Key) -> Cow<'_, Self> {
        let first = self.candidates.first().map(|candidate| &candidate.schema.key_pattern);
        if self.candidates.iter().all(|candidate| Some(&candidate.schema.key_pattern) == first) {
            return Cow::Borrowed(self);
        }
        let is_here = |candidate: &Candidate| {
            glob::matches(candidate.schema.key_pattern.as_bytes(), key.as_bytes())
        };
        // A key that no pattern matches was named by hand.
        if !self.candidates.iter().any(is_here) {
            return Cow::Borrowed(self);
        }
        let mut here = self.clone();
        for candidate in &mut here.candidates {
            candidate.is_elsewhere = !is_here(candidate);
        }
        Cow::Owned(here)
    }

    /// The version of a document. Fails when it cannot be read at all.
    ///
    /// A document that holds a version field is of the version the field says, if a schema with that
    /// field has it, and else unknown. A schema without a version field is taken when the document
    /// fits it and holds no other schema's version field; of several, the most specific: most
    /// required fields present, then most declared fields, then fewest undeclared.
    pub fn detect(&self, document: &Document<'_>) -> Result<Detection, DocumentError> {
        if document.storage() != Storage::Hash {
            let value = read_document(document, &Reading::default())?;
            return Ok(self.detect_value(&value, document.storage()));
        }
        let fields = document.root.members();
        // A field's text may be read as JSON; what a hash holds besides is plain.
        let readable = |value: &Value<'_>| value.to_plain().is_none_or(|b| surely_readable(&b));
        if fields.iter().all(|member| readable(&member.value))
            && let Some(detection) = self.glance_at(document)
        {
            return Ok(detection);
        }
        let mut values: Vec<Option<Json>> = vec![None; self.candidates.len()];
        for candidate in &self.candidates {
            if values[candidate.reading].is_none() {
                let reading = candidate.schema.validator().reading();
                values[candidate.reading] = Some(read_document(document, reading)?);
            }
        }
        Ok(self.judge(Storage::Hash, |candidate| {
            values[candidate.reading].as_ref().expect("every reading was made just above")
        }))
    }

    /// Like [`Detector::detect`], for a document whose whole JSON text is `text`.
    pub fn detect_in(
        &self,
        document: &Document<'_>,
        text: &[u8],
    ) -> Result<Detection, DocumentError> {
        if surely_readable(text)
            && let Some(detection) = self.glance_at(document)
        {
            return Ok(detection);
        }
        let value = serde_json::from_slice(text)
            .map_err(|error| DocumentError::NotJson(error.to_string()))?;
        Ok(self.detect_value(&value, document.storage()))
    }

    /// [`Detector::detect`] of the document in a stored value.
    pub fn detect_content(&self, content: &Content) -> Result<Detection, DocumentError> {
        let document = content.document()?;
        match content {
            Content::Hash(_) => self.detect(&document),
            Content::String(text) | Content::Json(text) => self.detect_in(&document, text),
        }
    }

    /// The version of a stored value, and what breaks the schema of that version: nothing, unless the
    /// version was told by a version field.
    pub fn check(&self, content: &Content) -> Result<(Detection, Vec<Violation>), DocumentError> {
        let detection = self.detect_content(content)?;
        let violations = match &detection {
            Detection::Version(version) if !self.version_fields.is_empty() => {
                let candidate = self.candidates.iter().find(|c| c.version == *version);
                let check = |c: &Candidate| c.schema.validator().check_content(content);
                candidate.map(check).unwrap_or_default()
            }
            _ => Vec::new(),
        };
        Ok((detection, violations))
    }

    /// The version of a document that was parsed already; not for a hash, whose fields each schema
    /// reads in its own way.
    pub fn detect_value(&self, value: &Json, storage: Storage) -> Detection {
        self.judge(storage, |_| value)
    }

    /// What shows without parsing the document; `None` when that takes a closer look.
    fn glance_at(&self, document: &Document<'_>) -> Option<Detection> {
        let storage = document.storage();
        let said = |candidate: &Candidate, path: &Path| said_in(document, candidate, path);
        if let Some(detection) = self.by_version_field(storage, said) {
            return Some(detection);
        }
        let mut fitting = Vec::new();
        for candidate in self.candidates.iter().filter(|candidate| candidate.may_be(storage)) {
            match candidate.schema.validator().glance_at(document) {
                Glanced::Fits => fitting.push(candidate),
                Glanced::Misfits => {}
                Glanced::Unclear => return None,
            }
        }
        if let [only] = fitting.as_slice() {
            return Some(Detection::Version(only.version.clone()));
        }
        let fit = |candidate: &&Candidate| candidate.schema.validator().glance_fit(document);
        let fits = fitting.iter().map(fit).collect::<Option<Vec<Fit>>>()?;
        Some(most_specific(fitting.into_iter().zip(fits)))
    }

    fn judge<'v>(&self, storage: Storage, value: impl Fn(&Candidate) -> &'v Json) -> Detection {
        let said = |candidate: &Candidate, path: &Path| {
            at_segments(value(candidate), path.segments()).cloned()
        };
        if let Some(detection) = self.by_version_field(storage, said) {
            return detection;
        }
        let fits = |candidate: &&Candidate| {
            candidate.may_be(storage) && candidate.schema.validator().is_valid(value(candidate))
        };
        let fitting = self.candidates.iter().filter(fits).map(|candidate| {
            let mut fit = Fit::default();
            let json_schema = candidate.schema.json_schema();
            count(json_schema, json_schema, value(candidate), &mut fit, 0);
            (candidate, fit)
        });
        most_specific(fitting)
    }

    /// What the document itself says; `None` when it holds no version field.
    fn by_version_field(
        &self,
        storage: Storage,
        said: impl Fn(&Candidate, &Path) -> Option<Json>,
    ) -> Option<Detection> {
        for path in &self.version_fields {
            let having: Vec<&Candidate> = self
                .candidates
                .iter()
                .filter(|candidate| candidate.version_field.as_ref() == Some(path))
                .collect();
            let Some(said) = having.first().and_then(|first| said(first, path)) else {
                continue;
            };
            let known = having.iter().filter(|c| c.storage.is_none_or(|wanted| wanted == storage));
            let versions: Vec<&Version> = known.map(|candidate| &candidate.version).collect();
            return Some(match named_version(&said, &versions) {
                Some(version) => Detection::Version(version.clone()),
                None => Detection::Unknown,
            });
        }
        None
    }
}

impl Candidate {
    /// Whether a document without a version field may be of this version.
    fn may_be(&self, storage: Storage) -> bool {
        !self.is_elsewhere
            && self.version_field.is_none()
            && self.storage.is_none_or(|wanted| wanted == storage)
    }
}

fn at_segments<'v>(value: &'v Json, segments: &[Segment]) -> Option<&'v Json> {
    segments.iter().try_fold(value, |value, segment| match segment {
        Segment::Field(name) => value.get(name),
        Segment::Each => None,
    })
}

/// What stands at a path of a document, as the candidate reads it.
fn said_in(document: &Document<'_>, candidate: &Candidate, path: &Path) -> Option<Json> {
    let (Segment::Field(name), inner) = path.segments().split_first()? else { return None };
    let value = document.root.get(name)?;
    let value = match (document.storage(), value.to_plain()) {
        (Storage::Hash, None) => Json::Null,
        (Storage::Hash, Some(bytes)) => candidate.schema.validator().reading().read(name, &bytes),
        (Storage::String | Storage::Json, _) => serde_json::from_str(&value.to_json()).ok()?,
    };
    at_segments(&value, inner).cloned()
}

/// The version that a field's content names: the whole (`"2.0.0"`, `"v2.0.0"`), or its head
/// (`2`, `"2.1"`) where only one version begins so.
fn named_version<'v>(said: &Json, versions: &[&'v Version]) -> Option<&'v Version> {
    let text = match said {
        Json::String(text) => text.clone(),
        Json::Number(number) => number.to_string(),
        _ => return None,
    };
    let text = text.strip_prefix('v').unwrap_or(&text);
    if let Some(exact) = versions.iter().find(|version| version.to_string() == text) {
        return Some(exact);
    }
    let head = format!("{text}.");
    let mut begins = versions.iter().filter(|version| version.to_string().starts_with(&head));
    match (begins.next(), begins.next()) {
        (Some(only), None) if !text.is_empty() => Some(only),
        _ => None,
    }
}

fn most_specific<'c>(fitting: impl Iterator<Item = (&'c Candidate, Fit)>) -> Detection {
    let mut best: Vec<&Candidate> = Vec::new();
    let mut best_fit = Fit::default();
    for (candidate, fit) in fitting {
        match if best.is_empty() { Ordering::Greater } else { fit.cmp(&best_fit) } {
            Ordering::Greater => {
                best = vec![candidate];
                best_fit = fit;
            }
            Ordering::Equal => best.push(candidate),
            Ordering::Less => {}
        }
    }
    match best.as_slice() {
        [] => Detection::Unknown,
        [only] => Detection::Version(only.version.clone()),
        several => Detection::Ambiguous(several.iter().map(|c| c.version.clone()).collect()),
    }
}

/// Counts which fields of `value` the schema declares, through nested objects and `$ref`.
fn count(schema: &Json, root: &Json, value: &Json, fit: &mut Fit, depth: usize) {
    let Some(fields) = value.as_object().filter(|_| depth < COUNT_DEPTH_MAX) else { return };
    let schema = local_target(schema, root).unwrap_or(schema);
    let properties = schema.get("properties").and_then(Json::as_object);
    let required = schema.get("required").and_then(Json::as_array);
    for (name, inner) in fields {
        if required.is_some_and(|names| names.iter().any(|n| n == name.as_str())) {
            fit.required_present += 1;
        }
        match properties.and_then(|properties| properties.get(name)) {
            Some(property) => {
                fit.declared_present += 1;
                count(property, root, inner, fit, depth + 1);
            }
            // Inside an object whose fields nobody declares nothing is undeclared.
            None if properties.is_some() => fit.undeclared -= 1,
            None => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn schema(definition: Value) -> Schema {
        let mut definition = definition;
        definition["subject"] = json!("user");
        Schema::from_value(&definition, None).expect("a definition")
    }

    fn detected(detector: &Detector, text: &str) -> String {
        let document = Document::from_json(text.as_bytes(), Storage::String).expect("JSON");
        detector.detect(&document).expect("reads").to_string()
    }

    #[test]
    fn versions_are_told_by_what_fits() {
        let schemas = [
            schema(json!({"version": "1.0.0", "fields": {
                "userName": {"type": "string", "required": true}, "age": {"type": "number"}}})),
            schema(json!({"version": "2.0.0", "fields": {
                "fullName": {"type": "string", "required": true}, "age": {"type": "number"}}})),
            schema(
                json!({"version": "2.1.0", "fields": {"fullName": {"type": "string", "required": true},
                "age": {"type": "number"}, "mail": {"type": "string"}}}),
            ),
        ];
        let detector = Detector::new(&schemas);
        assert_eq!(detected(&detector, r#"{"userName":"A"}"#), "1.0.0");
        assert_eq!(detected(&detector, r#"{"fullName":"A","mail":"m"}"#), "2.1.0");
        assert_eq!(detected(&detector, r#"{"fullName":"A","age":1}"#), "ambiguous (2.0.0, 2.1.0)");
        assert_eq!(detected(&detector, r#"{"name":"A"}"#), "unknown");
        let both = r#"{"fullName":"A","userName":"A"}"#;
        assert_eq!(detected(&detector, both), "ambiguous (1.0.0, 2.0.0, 2.1.0)");
    }

    #[test]
    fn a_version_field_decides_alone() {
        let fields = json!({"n": {"type": "number"}});
        let schemas = [
            schema(json!({"version": "1.0.0", "fields": fields})),
            schema(json!({"version": "2.0.0", "versionField": "meta.v", "fields": fields})),
            schema(json!({"version": "3.0.0", "versionField": "meta.v", "fields": fields})),
        ];
        let detector = Detector::new(&schemas);
        assert_eq!(detected(&detector, r#"{"n":1}"#), "1.0.0");
        assert_eq!(detected(&detector, r#"{"n":1,"meta":{"v":"2.0.0"}}"#), "2.0.0");
        assert_eq!(detected(&detector, r#"{"n":1,"meta":{"v":3}}"#), "3.0.0");
        assert_eq!(detected(&detector, r#"{"n":1,"meta":{"v":"9.0.0"}}"#), "unknown");
    }

    #[test]
    fn a_hash_is_read_by_each_schema_in_its_way() {
        let schemas = [
            schema(
                json!({"version": "1.0.0", "fields": {"n": {"type": "string", "required": true, "pattern": "^[a-z]"}}}),
            ),
            schema(
                json!({"version": "2.0.0", "fields": {"n": {"type": "number", "required": true}}}),
            ),
        ];
        let detector = Detector::new(&schemas);
        let hash = |text: &'static [u8]| Document::from_hash([(&b"n"[..], text)]);
        assert_eq!(detector.detect(&hash(b"42")).expect("reads").to_string(), "2.0.0");
        assert_eq!(detector.detect(&hash(b"abc")).expect("reads").to_string(), "1.0.0");
        assert_eq!(detector.detect(&hash(b"007")).expect("reads"), Detection::Unknown);
    }
}
