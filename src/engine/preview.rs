//! A preview: every form a document takes on its way to the target. Pure.

use semver::Version;
use serde::Serialize;

use super::control::Control;
use super::error::EngineError;
use super::external::{Services, Silence};
use super::judge::{Judge, Judged, Way, refused, trouble_of_violation};
use super::run::RunOptions;
use super::trouble::Trouble;
use crate::model::{Content, Expiry, Key, Outcome, Storage};
use crate::transform::external::{Answers, Ask};

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
    /// What the chain would ask a service outside before it goes on; then `after` is not known, and
    /// the outcome is the one with a good answer.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub would_ask: Option<String>,
    /// The key it would move to.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub new_key: Option<Key>,
    /// The storage it would be converted to.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub new_storage: Option<Storage>,
    /// The expiry its key would get.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub new_expiry: Option<Expiry>,
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

/// Like [`preview`], but asks the services that the chain names. Blocks until they answer.
///
/// # Errors
/// A service that answers nobody.
pub fn preview_asking(
    judge: &Judge,
    target: &Version,
    key: &Key,
    content: &Content,
    services: &Services,
) -> Result<Preview, EngineError> {
    let (mut answers, control) = (Answers::new(), Control::default());
    let patience = RunOptions::default().patience;
    loop {
        let (preview, ask) = preview_with(judge, target, key, content, None, &answers);
        let Some(ask) = ask else { return Ok(preview) };
        let answered = services.put(&[&ask], &control, patience, &mut |_| {});
        let answered = answered.map_err(|silence| match silence {
            Silence::Down(reason) => EngineError::Service(reason),
            Silence::Stopped => EngineError::State("the preview was stopped".to_owned()),
        })?;
        answers.extend(answered.into_iter().map(|answer| (ask.digest(), answer)));
    }
}

/// Like [`preview`], for a document that is taken to be of version `source` whatever its shape.
pub fn preview_from(
    judge: &Judge,
    target: &Version,
    key: &Key,
    content: &Content,
    source: Option<&Version>,
) -> Preview {
    let mut answers = Answers::new();
    loop {
        let (preview, ask) = preview_with(judge, target, key, content, source, &answers);
        // A program of our own answers here, for the one document.
        let Some(ask) = ask.filter(|ask| ask.endpoint.program.is_some()) else { return preview };
        answers.extend(ask.answered_alone());
    }
}

/// A preview, and what has to be asked to get on with it.
fn preview_with(
    judge: &Judge,
    target: &Version,
    key: &Key,
    content: &Content,
    source: Option<&Version>,
    answers: &Answers,
) -> (Preview, Option<Ask>) {
    let mut preview = Preview {
        key: key.clone(),
        from: None,
        to: target.clone(),
        before: raw_text(content),
        steps: Vec::new(),
        after: None,
        outcome: Outcome::Invalid,
        errors: Vec::new(),
        would_ask: None,
        new_key: None,
        new_storage: None,
        new_expiry: None,
    };
    let Ok(document) = content.document() else {
        preview.conclude(judge.judge(key, content));
        return (preview, None);
    };
    preview.before = document.to_json();
    let route = match source {
        Some(source) if judge.chain(source).is_some() => Ok(source.clone()),
        _ => judge.route(key, &document, content),
    };
    let source = match route {
        Ok(source) => source,
        Err(judged) => {
            if judged == Judged::Outcome(Outcome::Unchanged, None) {
                preview.after = Some(preview.before.clone());
            }
            preview.from = judge.version(key, &document, content);
            preview.conclude(judged);
            return (preview, None);
        }
    };
    let mut after = document.clone();
    let mut last = preview.before.clone();
    let steps = &mut preview.steps;
    let applied =
        judge.apply_with(&source, key, &mut after, answers, &mut |stage, index, document| {
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
    let branch = match applied {
        Ok(branch) => branch,
        Err(failure) => {
            let Some(ask) = failure.ask else {
                preview.conclude(refused(&failure));
                return (preview, None);
            };
            preview.outcome = Outcome::Migrated;
            preview.would_ask = Some(ask.to_string());
            return (preview, Some(*ask));
        }
    };
    preview.after = Some(after.to_json());
    preview.new_key.clone_from(&after.home.key);
    preview.new_storage = Some(after.storage()).filter(|storage| *storage != content.storage());
    preview.new_expiry = after.home.expiry;
    preview.errors = judge.violations(&after).iter().map(trouble_of_violation).collect();
    if preview.errors.is_empty() {
        preview.conclude(judge.finish(Way { source, branch }, content, &document, &after));
    }
    (preview, None)
}

impl Preview {
    /// What would become of the key besides its fields, in words.
    pub fn moves(&self) -> Vec<String> {
        let key = self.new_key.as_ref().map(|key| format!("moves to {key}"));
        let storage = self.new_storage.map(|storage| match storage {
            Storage::String => "becomes a string".to_owned(),
            Storage::Hash => "becomes a hash".to_owned(),
            Storage::Json => "becomes a RedisJSON value".to_owned(),
        });
        let expiry = self.new_expiry.map(|expiry| match expiry {
            Expiry::Never => "does not expire any more".to_owned(),
            Expiry::AtMs(at) => match jiff::Timestamp::from_millisecond(at) {
                Ok(time) => format!("expires at {time}"),
                Err(_) => format!("expires at {at} ms"),
            },
        });
        [key, storage, expiry].into_iter().flatten().collect()
    }

    fn conclude(&mut self, judged: Judged) {
        match judged {
            Judged::Edit { .. } | Judged::Ask(_) => self.outcome = Outcome::Migrated,
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
