//! One declared transform: parsed, checked, and ready to be applied.

use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::Value as Json;

use super::condition::Condition;
use super::facts::Facts;
use super::kinds::external::External;
use super::kinds::{self, Kind};
use super::params::Params;
use crate::model::{Document, Path};

/// What every kind of transform can do. A transform is pure: the same document and facts give the
/// same bytes, on another day and machine.
pub trait Transform: fmt::Debug + Send + Sync {
    /// Changes the document, or refuses it with the reason. A refused document is thrown away, so a
    /// transform may leave it half changed.
    fn apply(&self, document: &mut Document<'_>, facts: &Facts<'_>) -> Result<(), Refusal>;

    /// The definitions of the steps that undo this one, in order; `None` when nothing can.
    fn inverse(&self) -> Option<Vec<Json>>;

    /// What this step may lose; `None` when its inverse gives back every byte.
    fn loss(&self) -> Option<Loss>;

    /// The paths this step looks at or changes.
    fn touches(&self) -> Vec<Path>;

    /// Those of them that it only looks at.
    fn looks_at(&self) -> Vec<Path> {
        Vec::new()
    }

    /// The step as one that asks a service, for the chain that carries it out.
    fn external(&self) -> Option<&External> {
        None
    }
}

/// Why a transform refused a document.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{field}: {reason}{}", found.as_deref().map(|f| format!(" (found {f})")).unwrap_or_default())]
pub struct Refusal {
    /// The path of the field it is about.
    pub field: String,
    /// What is wrong, in words that are the same for every document with this trouble, so that
    /// errors can be grouped by them.
    pub reason: String,
    /// What stood there in this document, shortened.
    pub found: Option<String>,
}

impl Refusal {
    /// A refusal of `field` for `reason`.
    pub fn new(field: impl fmt::Display, reason: impl Into<String>) -> Self {
        Self { field: field.to_string(), reason: reason.into(), found: None }
    }

    /// With what was found there; long text is shortened.
    #[must_use]
    pub fn found(mut self, text: impl Into<String>) -> Self {
        const FOUND_CHARS_MAX: usize = 60;
        let text: String = text.into();
        let short: String = text.chars().take(FOUND_CHARS_MAX).collect();
        self.found = Some(if short.len() < text.len() { format!("{short}…") } else { short });
        self
    }
}

/// How much a step may lose, from the least.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Grade {
    /// Notation: the order of fields, the writing of a number, an object that was made to hold a
    /// field. The inverse gives the same data in other bytes.
    Form,
    /// Knowledge of what a document had before: no value is gone, and the inverse has to assume.
    Origin,
    /// Values: only a before-image brings them back.
    Values,
}

/// What a step may lose.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Loss {
    /// How much.
    pub grade: Grade,
    /// What, in words.
    pub what: String,
}

impl Loss {
    /// A loss of notation.
    pub fn form(what: impl Into<String>) -> Self {
        Self { grade: Grade::Form, what: what.into() }
    }

    /// A loss of knowledge.
    pub fn origin(what: impl Into<String>) -> Self {
        Self { grade: Grade::Origin, what: what.into() }
    }

    /// A loss of values.
    pub fn values(what: impl Into<String>) -> Self {
        Self { grade: Grade::Values, what: what.into() }
    }
}

impl fmt::Display for Loss {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.what)
    }
}

/// A mistake in the definition of a step.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StepMistake {
    /// Where inside the step's definition: `to[1]`, or empty for the step as a whole.
    pub path: String,
    /// What is wrong.
    pub message: String,
    /// What was expected instead.
    pub expected: String,
}

/// One declared transform, checked and compiled. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Step {
    kind: &'static Kind,
    definition: Json,
    transform: Arc<dyn Transform>,
    when: Option<Arc<Condition>>,
}

impl Step {
    /// Reads a step as it stands in a definition file: an object with `type` and parameters.
    ///
    /// # Errors
    /// Every mistake in it at once: unknown type or parameter (with the nearest known name), missing
    /// or wrong parameter.
    pub fn parse(definition: &Json) -> Result<Self, Vec<StepMistake>> {
        let (kind, mut params) = Params::open(definition)?;
        let transform = (kind.parse)(&mut params);
        let when = params.condition("when").map(Arc::new);
        let mistakes = params.finish();
        match transform {
            Some(transform) if mistakes.is_empty() => {
                let (definition, transform) = (definition.clone(), transform.into());
                Ok(Self { kind, definition, transform, when })
            }
            _ => {
                assert!(!mistakes.is_empty(), "{} was refused without a mistake", kind.name);
                Err(mistakes)
            }
        }
    }

    /// A step in place of several, of which `first` is one: an optimisation, which no definition says.
    pub(super) fn fused(first: &Self, transform: Box<dyn Transform>) -> Self {
        let (kind, definition) = (first.kind, first.definition.clone());
        Self { kind, definition, transform: transform.into(), when: None }
    }

    /// The definition, as written.
    pub fn definition(&self) -> &Json {
        &self.definition
    }

    /// The name of its kind: `renameField`.
    pub fn kind(&self) -> &'static str {
        self.kind.name
    }

    /// The condition under which the step is carried out.
    pub fn when(&self) -> Option<&Condition> {
        self.when.as_deref()
    }

    /// Changes the document, or refuses it. Answers whether the step was carried out: a step whose
    /// `when` does not hold leaves the document as it is.
    pub fn apply(&self, document: &mut Document<'_>, facts: &Facts<'_>) -> Result<bool, Refusal> {
        let is_wanted = match &self.when {
            Some(when) => when.holds(&mut document.root, facts)?,
            None => true,
        };
        if is_wanted {
            self.carry_out(document, facts)?;
        }
        Ok(is_wanted)
    }

    /// Changes the document, or refuses it, without asking its `when`.
    pub fn carry_out(&self, document: &mut Document<'_>, facts: &Facts<'_>) -> Result<(), Refusal> {
        self.transform.apply(document, facts)
    }

    /// The step as one that asks a service.
    pub fn external(&self) -> Option<&External> {
        self.transform.external()
    }

    /// The definitions of the steps that undo this one where it was carried out; `None` when nothing can.
    pub fn inverse_of_carried_out(&self) -> Option<Vec<Json>> {
        self.transform.inverse()
    }

    /// The definitions of the steps that undo this one where it is not known whether it was carried out:
    /// they ask its condition again. `None` when nothing can, or when the condition may answer otherwise
    /// by then.
    pub fn inverse(&self) -> Option<Vec<Json>> {
        let mut steps = self.transform.inverse()?;
        if let Some(when) = &self.when {
            if self.forgets_condition() {
                return None;
            }
            for step in &mut steps {
                step["when"] = when.definition().clone();
            }
        }
        Some(steps)
    }

    /// What this step may lose, where it is kept whether its `when` held, as the journal does. `None` is a
    /// promise: for every document the step accepts, its inverse gives back the same bytes. (One notation is not seen beforehand: where a text that is
    /// cut or converted writes plain characters as escapes, `\u0020` for a space, the inverse writes
    /// them plainly.)
    pub fn loss(&self) -> Option<Loss> {
        self.transform.loss()
    }

    /// Like [`Step::loss`], where nobody keeps whether its `when` held, as in the items of a `forEach`.
    pub fn loss_without_record(&self) -> Option<Loss> {
        let own = self.transform.loss();
        if own.as_ref().is_none_or(|loss| loss.grade < Grade::Origin) && self.forgets_condition() {
            return Some(Loss::origin("for which documents 'when' held is not known afterwards"));
        }
        own
    }

    /// Whether the condition may answer otherwise once the step is done.
    fn forgets_condition(&self) -> bool {
        let Some(when) = &self.when else { return false };
        let touched = self.transform.touches();
        let meet = |a: &Path, b: &Path| {
            a.segments().starts_with(b.segments()) || b.segments().starts_with(a.segments())
        };
        when.asks_for_version()
            || when.paths().iter().any(|path| touched.iter().any(|touched| meet(path, touched)))
    }

    /// The paths this step looks at or changes.
    pub fn touches(&self) -> Vec<Path> {
        let mut paths = self.transform.touches();
        paths.extend(self.when.iter().flat_map(|when| when.paths()));
        paths
    }

    /// The paths this step may change. The empty path is the document as a whole.
    pub fn changes(&self) -> Vec<Path> {
        let looked_at = self.transform.looks_at();
        self.transform.touches().into_iter().filter(|path| !looked_at.contains(path)).collect()
    }

    /// The step in one line: `renameField userName -> fullName`.
    pub fn summary(&self) -> String {
        kinds::summary(self.kind, &self.definition)
    }
}
