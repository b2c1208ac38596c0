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
use super::lift::lift;
use super::patterns::Patterns;
use super::{structure, witness};

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
    fn is_decided(&self) -> bool {
        ![self.backward, self.forward].contains(&Verdict::Unknown)
    }

    /// Takes up verdicts where there was none.
    fn take_up(&mut self, backward: Verdict, forward: Verdict) {
        for (own, found) in [(&mut self.backward, backward), (&mut self.forward, forward)] {
            if *own == Verdict::Unknown {
                *own = found;
            }
        }
        if self.is_decided() {
            self.reason = None;
        }
    }

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
    if judgement.is_decided() {
        return judgement;
    }
    let patterns = Patterns::of(old, new);
    let spelled_out = (patterns.spelled_out(old), patterns.spelled_out(new));
    if !patterns.is_empty() {
        let seen = proven(&spelled_out.0, &spelled_out.1);
        // What was proven without them stands, with the values it could name.
        judgement.take_up(seen.backward, seen.forward);
        judgement.lost = judgement.lost.or(seen.lost);
    }
    let within = |inner, outer| {
        if structure::is_within(inner, outer) { Verdict::Yes } else { Verdict::Unknown }
    };
    if !judgement.is_decided() {
        let (old, new) = (&spelled_out.0, &spelled_out.1);
        judgement.take_up(within(old, new), within(new, old));
    }
    if !judgement.is_decided() {
        let found = witness::search(old, new, &patterns);
        let refuted = |witness: Option<Value>| match witness {
            Some(_) => Verdict::No,
            None => Verdict::Unknown,
        };
        judgement.take_up(refuted(found.refused_by_new), refuted(found.refused_by_old));
    }
    judgement
}

/// Whether the canonical form proves that `outer` accepts everything that `inner` accepts.
pub fn contains(outer: &Value, inner: &Value) -> bool {
    match (canonical(outer), canonical(inner)) {
        (Ok(outer), Ok(inner)) => covers(&outer, &inner).0 == Verdict::Yes,
        _ => false,
    }
}

fn canonical(schema: &Value) -> Result<CanonicalSchema, canonical::CanonicalizationError> {
    canonical::options().offline().should_validate_formats(true).canonicalize(schema)
}

fn proven(old: &Value, new: &Value) -> Judgement {
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

/// The two schemas in a form in which they can be compared: of one draft where both can be said in it,
/// and without a reference to the document's root, which means another thing in each.
fn comparable(old: &Value, new: &Value) -> (Value, Value) {
    let (mut old, mut new) = match (lift(old), lift(new)) {
        (Some(old), Some(new)) => (old, new),
        _ => (old.clone(), new.clone()),
    };
    if reads_root(&old) || reads_root(&new) {
        old = rooted(old);
        new = rooted(new);
    }
    (old, new)
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

    /// Schemas that differ in their draft, or in what only the open world of names shows.
    #[test]
    fn drafts_and_unlisted_names_are_seen_through() {
        use Verdict::{No, Yes};
        let draft = |number: &str, mut schema: Value| {
            schema["$schema"] = format!("http://json-schema.org/draft-0{number}/schema#").into();
            schema
        };
        let text = || json!({"type": "string"});
        for (old, new, expected) in [
            (
                draft("7", json!({"items": [text()], "additionalItems": false})),
                json!({"prefixItems": [text()], "items": false}),
                (Yes, Yes),
            ),
            (
                draft("4", json!({"minimum": 0, "exclusiveMinimum": true})),
                json!({"exclusiveMinimum": 0}),
                (Yes, Yes),
            ),
            (
                draft(
                    "7",
                    json!({"definitions": {"s": text()}, "$ref": "#/definitions/s", "maxLength": 3}),
                ),
                text(),
                (Yes, Yes),
            ),
            (
                draft("7", json!({"dependencies": {"a": ["b"]}})),
                json!({"dependentRequired": {"a": ["b"]}}),
                (Yes, Yes),
            ),
            (json!({"type": "string", "format": "made-up"}), text(), (Yes, Yes)),
            (
                json!({"required": ["zip"], "properties": {"zip": {"type": "string", "pattern": "^\\d{5}$"}}}),
                json!({"required": ["zip"], "properties": {"zip": {"type": "string", "pattern": "^\\d{5}(-\\d{4})?$"}}}),
                (Yes, No),
            ),
            (json!({"pattern": "^ab?$"}), json!({"pattern": "^(a|ab)$"}), (Yes, Yes)),
            (
                json!({"enum": ["a", "b"]}),
                json!({"type": "string", "pattern": "^[ab]$"}),
                (Yes, Yes),
            ),
            (json!({"minLength": 2}), json!({"pattern": "^.{2,}$"}), (No, Yes)),
            (
                json!({"patternProperties": {"^x": text()}}),
                json!({"patternProperties": {"^x-": text()}}),
                (Yes, No),
            ),
            (
                json!({"type": "object"}),
                json!({"type": "object", "propertyNames": {"pattern": "^[a-z]+$"}}),
                (No, Yes),
            ),
            (
                json!({"type": "object", "additionalProperties": {"type": "number"}}),
                json!({"type": "object", "additionalProperties": {"type": "integer"}}),
                (No, Yes),
            ),
            (
                json!({"type": "object"}),
                json!({"type": "object", "patternProperties": {"^x": text()}}),
                (No, Yes),
            ),
        ] {
            assert_eq!(verdicts(&old, &new), expected, "{old} -> {new}");
        }
        // 1.0 is no integer of draft 4, and one of every other draft.
        let integer = json!({"type": "integer"});
        assert_eq!(verdicts(&draft("4", integer.clone()), &integer).1, No);
        assert_eq!(verdicts(&integer, &draft("4", integer.clone())).0, No);
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
        assert_eq!(verdicts(&tree(0), &tree(1)), (Verdict::No, Verdict::Yes));
    }
}
