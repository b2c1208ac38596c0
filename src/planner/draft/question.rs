//! What cannot be known from schemas and samples, put as a question with its choices.

use serde::{Deserialize, Serialize};
use serde_json::{Value as Json, json};

use super::candidates::{Candidate, Ground, How, types_meet};
use super::convert::Conversion;
use super::side::{Leaf, Side};
use super::written::steps_of;
use crate::schema::FieldType;

/// A question to the operator.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Question {
    /// The paths it is about.
    pub about: Vec<String>,
    /// What is asked.
    pub asks: String,
    /// The answers there are. The first is what the draft does, or what is nearest.
    pub choices: Vec<Choice>,
}

/// One answer.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Choice {
    /// In words.
    pub label: String,
    /// The transforms it means; none when nothing is done.
    pub steps: Vec<Json>,
    /// What to write into a hints file to give this answer.
    pub hints: Json,
}

impl Choice {
    /// An answer that means these transforms.
    pub fn of(label: impl Into<String>, steps: Vec<Json>) -> Self {
        let hints = json!({"steps": steps});
        Self { label: label.into(), steps, hints }
    }

    /// An answer with a hint of its own kind.
    pub fn hinted(label: impl Into<String>, steps: Vec<Json>, hints: Json) -> Self {
        Self { label: label.into(), steps, hints }
    }
}

/// The field goes with its values.
fn drop_it(path: &str) -> Choice {
    let step = json!({"type": "removeField", "field": path});
    Choice::hinted(format!("drop {path} and its values"), vec![step], json!({"drop": [path]}))
}

fn keep_it(path: &str) -> Choice {
    Choice::hinted(format!("keep {path} as it is"), Vec::new(), json!({"keep": [path]}))
}

impl Question {
    /// Paths of a guess that nobody can confirm but a person.
    pub fn confirm(pick: &Candidate, old: &Side, new: &Side) -> Self {
        let what = match &pick.assumes {
            Some(assumed) => format!("{}. It is not known: {assumed}. Is it so?", pick.evidence),
            None => format!("{}. Is it so? (confidence {:.2})", pick.evidence, pick.confidence),
        };
        let mut choices = vec![Choice::of("yes, as drafted", steps_of(pick, old, new))];
        let others = pick.alternatives.iter();
        choices.extend(others.map(|(words, steps)| Choice::of(words.clone(), steps.clone())));
        let goes = |from: &&usize| new.leaf(&old.leaves[**from].path).is_none();
        for from in pick.reads.iter().filter(goes) {
            choices.push(drop_it(&old.leaves[*from].text()));
        }
        Self { about: paths(pick, old, new), asks: what, choices }
    }

    /// A guess that samples showed to be wrong.
    pub fn refused(pick: &Candidate, old: &Side, new: &Side) -> Self {
        let asks = format!(
            "{}, but sampled documents are refused by it or after it. What should be done?",
            pick.evidence
        );
        let choices = vec![Choice::of("as guessed", steps_of(pick, old, new))];
        Self { about: paths(pick, old, new), asks, choices }
    }

    /// What may have become of the same fields, when no guess is sure enough: one question for fields
    /// that hang together.
    pub fn unsure(
        unsure: &[Candidate],
        unexplained: &[usize],
        picks: &[Candidate],
        ground: &Ground<'_>,
    ) -> Vec<Self> {
        let mut questions: Vec<Self> = Vec::new();
        let mut answered: Vec<usize> = Vec::new();
        for guess in unsure {
            if guess.writes.iter().any(|to| answered.contains(to)) {
                continue;
            }
            answered.extend(&guess.writes);
            let same: Vec<&Candidate> =
                unsure.iter().filter(|other| other.clashes(guess)).collect();
            let mut choices: Vec<Choice> = Vec::new();
            let mut about: Vec<String> = Vec::new();
            for other in &same {
                choices.push(Choice::of(
                    other.evidence.clone(),
                    steps_of(other, ground.old, ground.new),
                ));
                about.extend(paths(other, ground.old, ground.new));
            }
            let mut reads: Vec<usize> = same.iter().flat_map(|other| other.reads.clone()).collect();
            reads.sort_unstable();
            reads.dedup();
            for from in reads.into_iter().filter(|from| ground.free.contains(from)) {
                let text = ground.old.leaves[from].text();
                choices.push(drop_it(&text));
                choices.push(keep_it(&text));
            }
            about.dedup();
            let new: Vec<String> =
                guess.writes.iter().map(|to| ground.new.leaves[*to].text()).collect();
            let asks = format!("where does {} come from?", new.join(" and "));
            questions.push(Self { about, asks, choices });
        }
        let taken = |from: usize| picks.iter().any(|pick| pick.reads.contains(&from));
        let free: Vec<usize> = ground.free.iter().copied().filter(|from| !taken(*from)).collect();
        questions.extend(Self::unexplained(unexplained, &answered, (unsure, &free), ground));
        questions
    }

    /// Old fields with values, and new ones without a source, between which nothing speaks.
    fn unexplained(
        open: &[usize],
        answered: &[usize],
        (unsure, free): (&[Candidate], &[usize]),
        ground: &Ground<'_>,
    ) -> Vec<Self> {
        let mut questions = Vec::new();
        for &from in free {
            let leaf = &ground.old.leaves[from];
            let is_named = unsure.iter().any(|guess| guess.reads.contains(&from));
            let could: Vec<&usize> = open
                .iter()
                .filter(|to| !answered.contains(to))
                .filter(|to| {
                    let new = &ground.new.leaves[**to];
                    leaf.values.iter().all(|value| new.fits_outside(value))
                        && types_meet(leaf, new, &Conversion::none())
                })
                .collect();
            let stands = ground.new.leaf(&leaf.path).is_some();
            if could.is_empty() || is_named || stands || !leaf.declared {
                continue;
            }
            let text = leaf.text();
            let mut choices: Vec<Choice> = could
                .iter()
                .map(|to| {
                    let new = ground.new.leaves[**to].text();
                    let step = json!({"type": "moveField", "from": text, "to": new});
                    Choice::hinted(
                        format!("{text} is {new} now"),
                        vec![step],
                        json!({"rename": {&text: &new}}),
                    )
                })
                .collect();
            choices.push(drop_it(&text));
            choices.push(keep_it(&text));
            let seen = format!("it has values in {} of {} samples", leaf.present, leaf.sampled);
            let asks = format!("{text} is not in the new schema, and {seen}: what becomes of it?");
            questions.push(Self { about: vec![text], asks, choices });
        }
        questions
    }

    /// A field whose values do not fit any more, and no conversion makes them fit.
    pub fn misfit(ground: &Ground<'_>, to: usize) -> Self {
        let new = &ground.new.leaves[to];
        let old = ground.old.leaf(&new.path).map(|at| &ground.old.leaves[at]);
        let text = new.text();
        let failing: Vec<String> = old
            .into_iter()
            .flat_map(|old| &old.values)
            .filter(|value| !new.fits(value))
            .take(3)
            .map(Json::to_string)
            .collect();
        let shown = if failing.is_empty() {
            String::new()
        } else {
            format!(" (as {})", failing.join(", "))
        };
        let mut choices = Vec::new();
        if let Some(old) = old.filter(|_| new.structure.is_only(FieldType::Boolean)) {
            choices.extend(super::flags::readings(old, new).into_iter().map(|pairs| {
                let mut step = super::enums::step(&pairs);
                step["field"] = text.as_str().into();
                Choice::of(super::enums::in_words(&pairs), vec![step])
            }));
        }
        if new.structure.listed.is_some() {
            choices.extend(old.map(|old| Self::table(old, new)));
        }
        choices.push(drop_it(&text));
        Self {
            about: vec![text.clone()],
            asks: format!(
                "values of {text}{shown} do not fit the new schema, and no conversion makes all of them fit: what do they become?"
            ),
            choices,
        }
    }

    /// The nearest words of the new list, for a person to edit.
    fn table(old: &Leaf, new: &Leaf) -> Choice {
        let text = new.text();
        let pairs = super::enums::best_effort(old, new);
        let table = super::enums::step(&pairs);
        let mut step = json!({"type": "mapValues", "field": text});
        for key in ["map", "pairs"] {
            if let Some(words) = table.get(key) {
                step[key] = words.clone();
            }
        }
        let label = format!("{} (edit the table)", super::enums::in_words(&pairs));
        match table.get("map") {
            Some(map) => Choice::hinted(label, vec![step], json!({"map": {&text: map}})),
            None => Choice::of(label, vec![step]),
        }
    }

    /// A new field that must stand, and nothing says with which value.
    pub fn value(lead: &str, new: &Leaf, guess: Option<Json>) -> Self {
        let text = new.text();
        let listed = new.structure.listed.iter().flatten().cloned();
        let values: Vec<Json> = guess.into_iter().chain(listed).take(6).collect();
        let mut choices: Vec<Choice> =
            values.into_iter().map(|value| write_value(&text, &value)).collect();
        if choices.is_empty() {
            let example = example_value(new);
            let mut choice = write_value(&text, &example);
            choice.label = format!("{} (write the value that is meant)", choice.label);
            choices.push(choice);
        }
        let asks = format!(
            "{lead}{text} must stand in every document, and no old field explains it: which value?"
        );
        Self { about: vec![text], asks, choices }
    }

    /// A field that must stand and does not in some documents.
    pub fn missing(lead: &str, old: &Leaf, new: &Leaf) -> Self {
        let text = new.text();
        let absent = old.sampled - old.present;
        let seen = if old.sampled > 0 {
            format!("{absent} of {} samples have none", old.sampled)
        } else {
            "the old schema does not require it".to_owned()
        };
        let mut choice = write_default(&text, &example_value(new));
        choice.label = format!("{} (write the value that is meant)", choice.label);
        let refuse =
            Choice::hinted("refuse documents without it", Vec::new(), json!({"keep": [text]}));
        let asks = format!("{lead}{text} must stand now, and {seen}: which value do they get?");
        Self { about: vec![text], asks, choices: vec![choice, refuse] }
    }

    /// Old fields that go with their values.
    pub fn destructive(text: &str, evidence: &str) -> Self {
        Self {
            about: vec![text.to_owned()],
            asks: format!(
                "{text} is not in the new schema ({evidence}). The draft drops it with its values: is that meant?"
            ),
            choices: vec![drop_it(text), keep_it(text)],
        }
    }

    /// The question with its paths as the whole document has them.
    #[must_use]
    pub fn within(mut self, lead: &str) -> Self {
        for path in &mut self.about {
            *path = format!("{lead}{path}");
        }
        for choice in &mut self.choices {
            lead_hints(&mut choice.hints, lead);
            choice.steps = choice.steps.iter().map(|step| lead_step(step, lead)).collect();
        }
        self
    }
}

/// The paths in hints as the whole document has them.
fn lead_hints(hints: &mut Json, lead: &str) {
    let Some(members) = hints.as_object_mut() else { return };
    for (key, value) in members {
        match value {
            Json::Array(items) if key == "steps" => {
                for item in items {
                    *item = lead_step(item, lead);
                }
            }
            Json::Array(items) => {
                for item in items {
                    *item = format!("{lead}{}", item.as_str().unwrap_or_default()).into();
                }
            }
            Json::Object(members) => {
                let moved = std::mem::take(members).into_iter().map(|(name, value)| {
                    let value = match value {
                        Json::String(path) if key == "rename" => format!("{lead}{path}").into(),
                        other => other,
                    };
                    (format!("{lead}{name}"), value)
                });
                *members = moved.collect();
            }
            _ => {}
        }
    }
}

/// A step with its paths as the whole document has them.
fn lead_step(step: &Json, lead: &str) -> Json {
    let mut step = step.clone();
    let kind = step["type"].as_str().unwrap_or_default().to_owned();
    let Some(members) = step.as_object_mut() else { return step };
    for key in ["field", "from", "to", "inputs", "outputs"] {
        if key == "to" && matches!(kind.as_str(), "convertType" | "case")
            || key == "from" && kind == "convertType"
        {
            continue;
        }
        match members.get_mut(key) {
            Some(Json::String(path)) => *path = format!("{lead}{path}"),
            Some(Json::Array(items)) => {
                for item in items {
                    *item = format!("{lead}{}", item.as_str().unwrap_or_default()).into();
                }
            }
            _ => {}
        }
    }
    step
}

fn write_value(path: &str, value: &Json) -> Choice {
    let step = json!({"type": "addField", "field": path, "defaultValue": value});
    Choice::hinted(
        format!("{path} = {value} in all"),
        vec![step],
        json!({"default": {path: value}}),
    )
}

fn write_default(path: &str, value: &Json) -> Choice {
    let step = json!({"type": "defaultIfMissing", "field": path, "defaultValue": value});
    Choice::of(format!("{path} = {value} where it is missing"), vec![step])
}

/// Some value of the field's type, for a person to replace.
fn example_value(leaf: &Leaf) -> Json {
    use crate::schema::FieldType as Type;
    match leaf.structure.types.iter().find(|t| **t != Type::Null) {
        Some(Type::Integer | Type::Number) => json!(0),
        Some(Type::Boolean) => json!(false),
        Some(Type::Array) => json!([]),
        Some(Type::Object) => json!({}),
        _ => json!(""),
    }
}

fn paths(guess: &Candidate, old: &Side, new: &Side) -> Vec<String> {
    let mut paths: Vec<String> = guess.reads.iter().map(|at| old.leaves[*at].text()).collect();
    if !matches!(guess.how, How::Declared(_)) {
        paths.extend(guess.writes.iter().map(|at| new.leaves[*at].text()));
    }
    paths.dedup();
    paths
}
