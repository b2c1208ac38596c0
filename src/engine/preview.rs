//! A preview: every form a document takes on its way to the target. Pure.

use semver::Version;
use serde::Serialize;

use super::judge::{Judge, Judged, refused, trouble_of_violation};
use super::trouble::Trouble;
use crate::model::{Content, Key, Outcome};

/// What the chain makes of one document.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Preview {
    /// The key.
    pub key: Key,
    /// The version the document has; `None` when it has none that is known.
    pub from: Option<Version>,
    /// The version it is to have.
    pub to: Version,
    /// The document as it stands: JSON text; for a hash its fields as an object of strings.
    pub before: String,
    /// Its form after each step.
    pub steps: Vec<PreviewStep>,
    /// Its form at the end; `None` when it was refused on the way.
    pub after: Option<String>,
    /// What would become of the key.
    pub outcome: Outcome,
    /// Why, when it needs eyes.
    pub errors: Vec<Trouble>,
}

/// One step of a [`Preview`].
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct PreviewStep {
    /// The migration.
    pub migration: String,
    /// The transform, in one line.
    pub transform: String,
    /// The document after it, as JSON text.
    pub after: String,
    /// Whether it changed anything.
    pub changed: bool,
}

/// Applies the chain to one document and keeps every form.
pub fn preview(judge: &Judge, target: &Version, key: &Key, content: &Content) -> Preview {
    preview_from(judge, target, key, content, None)
}

/// Like [`preview`], for a document that is taken to be of version `source` whatever its shape.
pub fn preview_from(
    judge: &Judge,
    target: &Version,
    key: &Key,
    content: &Content,
    source: Option<&Version>,
) -> Preview {
    let mut preview = Preview {
        key: key.clone(),
        from: None,
        to: target.clone(),
        before: raw_text(content),
        steps: Vec::new(),
        after: None,
        outcome: Outcome::Invalid,
        errors: Vec::new(),
    };
    let Ok(document) = content.document() else {
        preview.conclude(judge.judge(key, content));
        return preview;
    };
    preview.before = document.to_json();
    let route = match source {
        Some(source) if judge.chain(source).is_some() => Ok(source.clone()),
        _ => judge.route(&document, content),
    };
    let source = match route {
        Ok(source) => source,
        Err(judged) => {
            if judged == Judged::Outcome(Outcome::Unchanged, None) {
                preview.after = Some(preview.before.clone());
                preview.from = judge.version(&document, content);
            }
            preview.conclude(judged);
            return preview;
        }
    };
    let mut after = document.clone();
    let mut last = preview.before.clone();
    let steps = &mut preview.steps;
    let applied = judge.apply(&source, key, &mut after, &mut |stage, index, document| {
        let now = document.to_json();
        steps.push(PreviewStep {
            migration: stage.migration.clone(),
            transform: stage.steps[index].summary(),
            changed: now != last,
            after: now.clone(),
        });
        last = now;
    });
    preview.from = Some(source.clone());
    if let Err(failure) = applied {
        preview.conclude(refused(&failure));
        return preview;
    }
    preview.after = Some(after.to_json());
    preview.errors = judge.violations(&after).iter().map(trouble_of_violation).collect();
    if preview.errors.is_empty() {
        preview.conclude(judge.finish(source, content, &document, &after));
    }
    preview
}

impl Preview {
    fn conclude(&mut self, judged: Judged) {
        match judged {
            Judged::Edit { .. } => self.outcome = Outcome::Migrated,
            Judged::Outcome(outcome, trouble) => {
                self.outcome = outcome;
                self.errors.extend(trouble);
            }
        }
    }
}

/// What can be shown of a value that is no document.
fn raw_text(content: &Content) -> String {
    match content {
        Content::String(text) | Content::Json(text) => {
            crate::model::key::printable(text).into_owned()
        }
        Content::Hash(_) => String::new(),
    }
}
