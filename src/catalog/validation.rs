//! `validation` of a migration: what has to hold of its documents, and when.
//!
//! `{"required": […], "rules": […]}` is asked after the last step. `"before"` is asked before the first:
//! `true` for the schema of the source, or `{"schema": true, "required": […], "rules": […]}`. `"eachStep"` is
//! asked after each step, or with `"after": 2` after that one; it is one such object or a list of them.

use serde_json::{Map, Value};

use super::migration::adopt;
use crate::model::Path;
use crate::schema::mistake::{Place, Reader};
use crate::transform::{Check, Checks, Condition, Rule, StepCheck};

/// The keys of `validation`.
pub const VALIDATION_KEYS: [&str; 4] = ["required", "rules", "before", "eachStep"];
/// The keys of `validation.before`.
pub const BEFORE_KEYS: [&str; 3] = ["schema", "required", "rules"];
/// The keys of a check in `validation.eachStep`.
pub const EACH_STEP_KEYS: [&str; 3] = ["after", "required", "rules"];

/// Reads `validation` of a migration that has this many steps, where that is known.
pub(super) fn read_validation(
    reader: &mut Reader,
    map: &Map<String, Value>,
    steps: Option<usize>,
) -> Checks {
    let mut checks = Checks::default();
    let Some(value) = map.get("validation") else { return checks };
    reader.at_key("validation", |reader| {
        let Some(map) = reader.object(value, "'validation'", &VALIDATION_KEYS) else { return };
        checks.end = read_check(reader, map);
        if let Some(value) = map.get("before") {
            reader.at_key("before", |reader| read_before(reader, value, &mut checks));
        }
        if let Some(value) = map.get("eachStep") {
            reader.at_key("eachStep", |reader| {
                checks.each_step = read_each_step(reader, value, steps);
            });
        }
    });
    checks
}

fn read_before(reader: &mut Reader, value: &Value, checks: &mut Checks) {
    if let Some(flag) = value.as_bool() {
        checks.fits_source = flag;
        return;
    }
    if !value.is_object() {
        let expected = r#"true for the schema of the source, or {"schema": true, "required": […], "rules": […]}"#;
        reader.wrong("'before' is neither true nor an object", expected);
        return;
    }
    let Some(map) = reader.object(value, "'before'", &BEFORE_KEYS) else { return };
    checks.fits_source = reader.flag(map, "schema").unwrap_or(true);
    checks.before = read_check(reader, map);
    if !checks.fits_source && asks_for_nothing(map) {
        reader.wrong("'before' asks for nothing", "\"schema\": true, 'required' or 'rules'");
    }
}

fn read_each_step(reader: &mut Reader, value: &Value, steps: Option<usize>) -> Vec<StepCheck> {
    match value {
        Value::Array(list) => {
            let mut checks = Vec::new();
            for (at, value) in list.iter().enumerate() {
                let read = |reader: &mut Reader| read_step_check(reader, value, steps);
                checks.extend(reader.within(Place::Item(at), read));
            }
            checks
        }
        one => read_step_check(reader, one, steps).into_iter().collect(),
    }
}

fn read_step_check(reader: &mut Reader, value: &Value, steps: Option<usize>) -> Option<StepCheck> {
    let map = reader.object(value, "a check after steps", &EACH_STEP_KEYS)?;
    let after = reader.count(map, "after");
    let after = after.map(|number| usize::try_from(number).unwrap_or(usize::MAX));
    if let (Some(number), Some(steps)) = (after, steps)
        && !(1..=steps).contains(&number)
    {
        reader.at_key("after", |reader| {
            let expected = match steps {
                0 => "no check after steps".to_owned(),
                steps => format!("the number of a step, from 1 to {steps}"),
            };
            reader.wrong(format!("the migration has no step {number}"), expected);
        });
    }
    if asks_for_nothing(map) {
        reader.wrong("the check asks for nothing", "'required' or 'rules'");
    }
    Some(StepCheck { after, check: read_check(reader, map) })
}

/// Whether nothing is written of what a document has to meet.
fn asks_for_nothing(map: &Map<String, Value>) -> bool {
    let is_empty = |key: &str| map.get(key).is_none_or(|value| *value == Value::Array(Vec::new()));
    is_empty("required") && is_empty("rules")
}

fn read_check(reader: &mut Reader, map: &Map<String, Value>) -> Check {
    let mut check = Check::default();
    for (at, text) in reader.texts(map, "required").into_iter().flatten().enumerate() {
        match text.parse::<Path>() {
            Ok(path) => check.required.push(path),
            Err(error) => reader.at_key("required", |reader| {
                reader.within(Place::Item(at), |r| r.wrong(error.to_string(), "a field's path"));
            }),
        }
    }
    let rules = reader.list(map, "rules");
    reader.at_key("rules", |reader| {
        for (at, rule) in rules.into_iter().flatten().enumerate() {
            let rule = reader.within(Place::Item(at), |reader| read_rule(reader, rule));
            check.rules.extend(rule);
        }
    });
    check
}

/// A rule is a condition, as `when` takes it, with a message beside it.
fn read_rule(reader: &mut Reader, value: &Value) -> Option<Rule> {
    let mut condition = reader.any_object(value, "a rule")?.clone();
    condition.shift_remove("message");
    let message = reader.needed_text(value.as_object()?, "message", "a total is never negative");
    let condition = Condition::parse(&Value::Object(condition));
    let condition = condition.map_err(|mistakes| adopt(reader, mistakes)).ok();
    Some(Rule { condition: condition?, message: message?.to_owned() })
}
