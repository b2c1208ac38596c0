//! What a migration asks of documents on their way: before its first step, after its steps, at its end.

use semver::Version;

use super::condition::Condition;
use super::facts::Facts;
use super::place::Place;
use super::step::Refusal;
use crate::model::{Document, Path, Segment, Storage, Value};
use crate::schema::violation::shown;
use crate::schema::{Schema, Violation};

/// Everything that one migration's `validation` asks for.
#[derive(Clone, Debug, Default)]
pub struct Checks {
    /// Whether a document has to fit the schema of the source before the first step.
    pub fits_source: bool,
    /// That schema, where it is known: it stands in the catalog and not in the migration.
    pub source: Option<Schema>,
    /// What else has to hold before the first step.
    pub before: Check,
    /// What has to hold after steps.
    pub each_step: Vec<StepCheck>,
    /// What has to hold after the last step, besides the target's schema.
    pub end: Check,
}

/// A check after one step, or after each.
#[derive(Clone, Debug)]
pub struct StepCheck {
    /// The number of the step, from 1; `None` is each.
    pub after: Option<usize>,
    /// What has to hold then.
    pub check: Check,
}

/// What has to hold of a document at one point of a migration.
#[derive(Clone, Debug, Default)]
pub struct Check {
    /// Fields that have to be there.
    pub required: Vec<Path>,
    /// Conditions with a message each: `{"expr": "i.total >= 0", "inputs": ["total"], "message": "..."}`.
    pub rules: Vec<Rule>,
}

/// A condition on a document, with the words for one that does not meet it.
#[derive(Clone, Debug)]
pub struct Rule {
    /// What has to hold.
    pub condition: Condition,
    /// What is told when it does not.
    pub message: String,
}

impl Rule {
    /// What a [`Violation`] of such a condition is called.
    pub const NAME: &'static str = "rule";
}

impl Checks {
    /// The first thing asked for before the first step that does not hold.
    pub fn before(
        &self,
        document: &mut Document<'_>,
        facts: &Facts<'_>,
    ) -> Result<Option<Violation>, Refusal> {
        let broken = self.source.as_ref().filter(|_| self.fits_source).and_then(|schema| {
            let validator = schema.validator();
            let violations = match document.storage() {
                Storage::Hash => validator.check(document),
                _ => validator.violations_in(document, &document.to_json()),
            };
            violations.into_iter().next()
        });
        match broken {
            Some(violation) => Ok(Some(violation)),
            None => self.before.broken(document, facts),
        }
    }

    /// The first thing asked for after the step of this number, from 1, that does not hold.
    pub fn after_step(
        &self,
        number: usize,
        document: &mut Document<'_>,
        facts: &Facts<'_>,
    ) -> Result<Option<Violation>, Refusal> {
        for StepCheck { after, check } in &self.each_step {
            if after.is_none_or(|after| after == number)
                && let Some(violation) = check.broken(document, facts)?
            {
                return Ok(Some(violation));
            }
        }
        Ok(None)
    }

    /// The checks in a line each, in the order in which they are made.
    pub fn in_words(&self, source: &Version) -> Vec<String> {
        let mut lines = Vec::new();
        let mut before = self.before.in_words();
        if self.fits_source {
            before.insert(0, format!("the schema of {source}"));
        }
        let mut line = |when: String, what: Vec<String>| {
            if !what.is_empty() {
                lines.push(format!("{when}: {}", what.join("; ")));
            }
        };
        line("before the first step".to_owned(), before);
        for StepCheck { after, check } in &self.each_step {
            let when = after.map_or("after each step".to_owned(), |at| format!("after step {at}"));
            line(when, check.in_words());
        }
        line("after the last step".to_owned(), self.end.in_words());
        lines
    }
}

impl Check {
    /// Whether nothing is asked for.
    pub fn is_empty(&self) -> bool {
        self.required.is_empty() && self.rules.is_empty()
    }

    /// The first thing asked for that does not hold.
    ///
    /// # Errors
    /// A condition that cannot be answered for this document.
    pub fn broken(
        &self,
        document: &mut Document<'_>,
        facts: &Facts<'_>,
    ) -> Result<Option<Violation>, Refusal> {
        if let Some(missing) = self.required.iter().find(|path| !present(document, path)) {
            let expected = "the field to stand (it is required)".to_owned();
            let violation =
                Violation::new(missing.to_string(), "required", "nothing".to_owned(), expected);
            return Ok(Some(violation));
        }
        for rule in &self.rules {
            if !rule.condition.holds(&mut document.root, facts)? {
                return rule.violated(document).map(Some);
            }
        }
        Ok(None)
    }

    fn in_words(&self) -> Vec<String> {
        let required = self.required.iter().map(|path| format!("{path} is required"));
        required.chain(self.rules.iter().map(|rule| rule.message.clone())).collect()
    }
}

impl Rule {
    /// What is told of a document that does not meet it: of its first field, with the values of all.
    fn violated(&self, document: &mut Document<'_>) -> Result<Violation, Refusal> {
        let paths = self.condition.paths();
        let mut found = Vec::new();
        for path in &paths {
            let value = Place::new(path.clone()).look(&mut document.root)?.map(Value::to_json);
            let value = value.and_then(|text| serde_json::from_str(&text).ok());
            found.push(value.map_or_else(|| "nothing".to_owned(), |value| shown(&value)));
        }
        let found = match (found.as_slice(), paths.as_slice()) {
            ([], _) => "the document".to_owned(),
            ([one], _) => one.clone(),
            (several, paths) => {
                let named =
                    paths.iter().zip(several).map(|(path, found)| format!("{path} {found}"));
                named.collect::<Vec<_>>().join(", ")
            }
        };
        Ok(Violation {
            path: paths.first().map(Path::to_string).unwrap_or_default(),
            rule: Self::NAME.to_owned(),
            found,
            expected: self.message.clone(),
            message: self.message.clone(),
        })
    }
}

/// Whether something stands at `path`; with `[]`, whether it stands in every item.
fn present(document: &mut Document<'_>, path: &Path) -> bool {
    let Some((Segment::Field(name), rest)) = path.segments().split_first() else { return true };
    document.root.get_mut(name).is_some_and(|value| stands(value, rest))
}

fn stands(value: &mut Value<'_>, rest: &[Segment]) -> bool {
    match rest.split_first() {
        None => true,
        Some((Segment::Field(name), rest)) => value
            .object_mut()
            .and_then(|object| object.get_mut(name))
            .is_some_and(|value| stands(value, rest)),
        Some((Segment::Each, rest)) => {
            value.array_mut().is_some_and(|array| array.values_mut().all(|item| stands(item, rest)))
        }
    }
}
