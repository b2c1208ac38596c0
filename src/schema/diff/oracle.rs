//! The verdict of semantics: does one JSON Schema accept everything that another accepts?
//!
//! `jsonschema`'s canonical form proves or refutes it. That API is experimental: the crate is pinned
//! to one version, and everything that knows it stands in this file, behind [`judge`].

use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use jsonschema::canonical::{self, CanonicalSchema, Containment, Satisfiability};
use serde_json::{Map, Value, json};

use super::change::Verdict;
use super::witness;

/// How long a proof may take. Most take microseconds; some schemas make it exponential.
pub const PROOF_TIME_MAX_MS: u64 = 2_000;

/// What the oracle says of a pair of schemas.
#[derive(Clone, Debug, PartialEq)]
pub struct Judgement {
    /// The new schema accepts everything the old one accepts.
    pub backward: Verdict,
    /// The old schema accepts everything the new one accepts.
    pub forward: Verdict,
    /// Why something is unknown.
    pub reason: Option<String>,
    /// What the old schema accepts and the new one refuses, as a JSON Schema, if it can be said.
    pub lost: Option<Value>,
}

impl Judgement {
    fn unknown(reason: impl Into<String>) -> Self {
        let (backward, forward) = (Verdict::Unknown, Verdict::Unknown);
        Self { backward, forward, reason: Some(reason.into()), lost: None }
    }
}

/// Judges a pair of JSON Schemas, within [`PROOF_TIME_MAX_MS`]. Schemas that cannot be judged are
/// unknown, never an error.
pub fn judge(old: &Value, new: &Value) -> Judgement {
    if old == new {
        let (backward, forward) = (Verdict::Yes, Verdict::Yes);
        return Judgement { backward, forward, reason: None, lost: None };
    }
    let (old, new) = comparable(old, new);
    let (send, receive) = mpsc::sync_channel(1);
    // A thread cannot be ended from outside: one that runs out of time goes on by itself until its
    // own bounds end it, and nobody waits for it.
    let spawned = thread::Builder::new().name("schema-proof".to_owned()).spawn(move || {
        // The receiver is gone when time ran out, and then nobody wants the answer.
        let _ = send.send(prove(&old, &new));
    });
    if let Err(error) = spawned {
        return Judgement::unknown(format!("no thread to prove it in: {error}"));
    }
    match receive.recv_timeout(Duration::from_millis(PROOF_TIME_MAX_MS)) {
        Ok(judgement) => judgement,
        Err(mpsc::RecvTimeoutError::Timeout) => Judgement::unknown(format!(
            "the proof took longer than {} s",
            Duration::from_millis(PROOF_TIME_MAX_MS).as_secs()
        )),
        Err(mpsc::RecvTimeoutError::Disconnected) => {
            Judgement::unknown("the proof failed on these schemas")
        }
    }
}

fn prove(old: &Value, new: &Value) -> Judgement {
    let mut judgement = proven(old, new);
    if [judgement.backward, judgement.forward].contains(&Verdict::Unknown) {
        let witnesses = witness::search(old, new);
        for (verdict, witness) in [
            (&mut judgement.backward, &witnesses.refused_by_new),
            (&mut judgement.forward, &witnesses.refused_by_old),
        ] {
            if witness.is_some() && *verdict == Verdict::Unknown {
                *verdict = Verdict::No;
            }
        }
        if ![judgement.backward, judgement.forward].contains(&Verdict::Unknown) {
            judgement.reason = None;
        }
    }
    judgement
}

fn proven(old: &Value, new: &Value) -> Judgement {
    let canonical = |schema: &Value| {
        canonical::options().offline().should_validate_formats(true).canonicalize(schema)
    };
    let (old, new) = match (canonical(old), canonical(new)) {
        (Ok(old), Ok(new)) => (old, new),
        (Err(error), _) | (_, Err(error)) => return Judgement::unknown(error.to_string()),
    };
    let (backward, why_backward) = covers(&new, &old);
    let (forward, why_forward) = covers(&old, &new);
    let lost = match backward {
        Verdict::No => lost(&old, &new),
        _ => None,
    };
    Judgement { backward, forward, reason: why_backward.or(why_forward), lost }
}

fn covers(outer: &CanonicalSchema, inner: &CanonicalSchema) -> (Verdict, Option<String>) {
    match outer.covers(inner) {
        Ok(Containment::Yes) => (Verdict::Yes, None),
        Ok(Containment::No) => (Verdict::No, None),
        Ok(Containment::Unknown) => {
            (Verdict::Unknown, Some("neither proven nor refuted; taken as breaking".to_owned()))
        }
        Err(error) => (Verdict::Unknown, Some(format!("{error}; taken as breaking"))),
    }
}

fn lost(old: &CanonicalSchema, new: &CanonicalSchema) -> Option<Value> {
    let difference = old.subtract(new).ok()?;
    if difference.satisfiability() == Satisfiability::No {
        return None;
    }
    let mut schema = difference.to_json_schema();
    schema.as_object_mut().map(|map| map.shift_remove("$schema"));
    Some(schema)
}

/// The two schemas in a form in which they can be compared: of one draft where the draft makes no
/// difference, and without a reference to the document's root, which means another thing in each.
fn comparable(old: &Value, new: &Value) -> (Value, Value) {
    let dialect = |schema: &Value| schema.get("$schema").and_then(Value::as_str).map(str::to_owned);
    let (mut old, mut new) = (old.clone(), new.clone());
    if dialect(&old) != dialect(&new) && means_the_same(&old) && means_the_same(&new) {
        for schema in [&mut old, &mut new] {
            schema.as_object_mut().map(|map| map.shift_remove("$schema"));
        }
    }
    if reads_root(&old) || reads_root(&new) {
        old = rooted(old);
        new = rooted(new);
    }
    (old, new)
}

/// Whether a schema uses nothing that drafts 6 to 2020-12 read in different ways.
fn means_the_same(schema: &Value) -> bool {
    match schema {
        Value::Object(map) => map.iter().all(|(key, value)| match key.as_str() {
            "items" => !value.is_array() && means_the_same(value),
            "exclusiveMinimum" | "exclusiveMaximum" => !value.is_boolean(),
            "$ref" => map.len() == 1,
            "id"
            | "$id"
            | "$anchor"
            | "$dynamicRef"
            | "$recursiveRef"
            | "dependencies"
            | "additionalItems"
            | "prefixItems"
            | "contains"
            | "format"
            | "dependentRequired"
            | "dependentSchemas"
            | "unevaluatedProperties"
            | "unevaluatedItems"
            | "if"
            | "const"
            | "propertyNames"
            | "minContains"
            | "maxContains" => false,
            _ => means_the_same(value),
        }),
        Value::Array(items) => items.iter().all(means_the_same),
        _ => true,
    }
}

fn reads_root(schema: &Value) -> bool {
    match schema {
        Value::Object(map) => {
            map.get("$ref").is_some_and(|target| target == "#") || map.values().any(reads_root)
        }
        Value::Array(items) => items.iter().any(reads_root),
        _ => false,
    }
}

/// The schema moved below `$defs`, and every reference in it with it.
fn rooted(mut schema: Value) -> Value {
    if schema.get("$id").or_else(|| schema.get("id")).is_some() {
        return schema;
    }
    let dialect = schema.as_object_mut().and_then(|map| map.shift_remove("$schema"));
    move_references(&mut schema);
    let mut out = Map::new();
    out.extend(dialect.map(|dialect| ("$schema".to_owned(), dialect)));
    out.insert("$defs".to_owned(), json!({ "Root": schema }));
    out.insert("$ref".to_owned(), "#/$defs/Root".into());
    Value::Object(out)
}

fn move_references(schema: &mut Value) {
    match schema {
        Value::Object(map) => {
            for (key, value) in map.iter_mut() {
                match value.as_str().and_then(|target| target.strip_prefix('#')) {
                    Some(rest) if key == "$ref" && (rest.is_empty() || rest.starts_with('/')) => {
                        *value = format!("#/$defs/Root{rest}").into();
                    }
                    _ => move_references(value),
                }
            }
        }
        Value::Array(items) => items.iter_mut().for_each(move_references),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn verdicts(old: &Value, new: &Value) -> (Verdict, Verdict) {
        let judgement = judge(old, new);
        (judgement.backward, judgement.forward)
    }

    #[test]
    fn semantics_decide() {
        use Verdict::{No, Yes};
        for (old, new, expected) in [
            (json!({"type": "integer"}), json!({"type": "number"}), (Yes, No)),
            (
                json!({"minimum": 1, "type": "integer"}),
                json!({"exclusiveMinimum": 0, "type": "integer"}),
                (Yes, Yes),
            ),
            (json!({"enum": ["a", "b"]}), json!({"enum": ["b", "a", "c"]}), (Yes, No)),
            (
                json!({"anyOf": [{"type": "string"}, {"type": "null"}]}),
                json!({"type": ["null", "string"]}),
                (Yes, Yes),
            ),
            (json!({"minimum": 0.1}), json!({"minimum": 0.2}), (No, Yes)),
            (
                json!({"$schema": "http://json-schema.org/draft-07/schema#", "type": "string"}),
                json!({"type": "string"}),
                (Yes, Yes),
            ),
        ] {
            assert_eq!(verdicts(&old, &new), expected, "{old} -> {new}");
        }
    }

    #[test]
    fn the_lost_values_are_told_as_a_schema() {
        let judgement =
            judge(&json!({"type": "string"}), &json!({"type": "string", "maxLength": 50}));
        assert_eq!(judgement.lost, Some(json!({"type": "string", "minLength": 51})));
    }

    #[test]
    fn a_schema_that_reads_its_own_root_is_judged() {
        let tree = |least: u32| json!({"type": "object", "properties": {"next": {"$ref": "#"}}, "minProperties": least});
        assert_eq!(verdicts(&tree(0), &tree(1)).0, Verdict::No);
    }
}
