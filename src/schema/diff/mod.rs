//! What differs between two schemas, and whom it breaks.
//!
//! The structure is walked and names the changes; the verdict over the whole is the oracle's, a proof
//! over what the two schemas accept. Directions are PRODUCT's: *backward* means that new readers
//! accept old data, *forward* that old readers accept new data.

pub mod align;
pub mod change;
pub mod inner;
pub mod keywords;
pub mod language;
pub mod lift;
pub mod modes;
pub mod oracle;
pub mod patterns;
#[cfg(test)]
mod property_tests;
pub mod rows;
pub mod structure;
#[cfg(test)]
mod tests;
pub mod walk;
pub mod witness;

use serde::Serialize;
use serde_json::Value;

pub use align::{OpenModel, Policy, RequiredDefault};
pub use change::{Bump, Change, ChangeKind, Compat, DataWork, Severity, Verdict};
pub use modes::{Dishonest, Mode, honest};
pub use witness::Witnesses;

use self::keywords::{Move, Spot};
use self::patterns::Patterns;
use self::walk::{Walk, settle};
use super::definition::{Schema, Shape};
use super::field::Field;

/// Every difference between two schemas, and what they mean together.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ChangeSet {
    /// The old schema: `user@1.0.0`.
    pub from: String,
    /// The new schema.
    pub to: String,
    /// The verdicts over the whole.
    pub compat: Compat,
    /// How bad it is.
    pub severity: Severity,
    /// Which part of the version number has to grow.
    pub bump: Bump,
    /// The changes, in the order of the new schema; what is gone follows its neighbours.
    pub changes: Vec<Change>,
    /// What the old schema accepts and the new one refuses, as a JSON Schema, where it can be said.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub lost: Option<Value>,
    /// What the stored documents say, once they were asked.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub evidence: Option<Evidence>,
}

/// What sampled documents say of a change.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Evidence {
    /// Documents that were looked at.
    pub sampled: u64,
    /// Documents that the new schema refuses.
    pub failing: u64,
    /// The first of them: its key or place, and what it breaks.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub example: Option<String>,
}

impl ChangeSet {
    /// Whether nothing changed.
    pub fn is_empty(&self) -> bool {
        self.changes.is_empty()
    }

    /// Whether readers of either side break.
    pub fn is_breaking(&self) -> bool {
        self.severity.is_breaking()
    }

    /// Takes in what sampled documents say: a breaking change is confirmed or not observed.
    pub fn observe(&mut self, evidence: Evidence) {
        if self.compat.backward.breaks() && evidence.sampled > 0 {
            self.severity = match evidence.failing {
                0 => Severity::BreakingUnobserved,
                _ => Severity::BreakingConfirmed,
            };
        }
        self.evidence = Some(evidence);
    }
}

/// Compares two schemas under a policy.
pub fn diff(old: &Schema, new: &Schema, policy: Policy) -> ChangeSet {
    let policy = decided(policy, old, new);
    let (old_schema, new_schema) = (old.json_schema(), new.json_schema());
    let mut walk = Walk::new(old_schema, new_schema, policy);
    let root = Spot { pointer: String::new(), field: String::new(), relied_on: true };
    walk.node(old_schema, new_schema, &root, 0);
    let mut changes = walk.changes;

    let judgement = judged(old_schema, new_schema, policy);
    let mut compat = Compat {
        backward: judgement.backward,
        forward: judgement.forward,
        reason: judgement.reason,
    };
    settle(&mut changes, compat.backward, compat.forward);
    if changes.is_empty() && (compat.backward.breaks() || compat.forward.breaks()) {
        changes.push(unnamed(&root, &compat));
    }
    // What documents look like is settled; what is declared about them comes on top.
    renames(old, new, &mut changes);
    around(old, new, &mut changes);
    for change in changes.iter().filter(|change| is_declared(change.kind)) {
        compat.backward = compat.backward.and(change.backward);
        compat.forward = compat.forward.and(change.forward);
    }
    let severity = match (changes.is_empty(), compat.name()) {
        (true, _) => Severity::None,
        (false, "full") => Severity::NonBreaking,
        (false, _) => Severity::Breaking,
    };
    let bump = bump(&changes, &compat);
    let (from, to) = (old.title(), new.title());
    ChangeSet { from, to, compat, severity, bump, changes, lost: judgement.lost, evidence: None }
}

/// Documents that only one of the schemas accepts, where the verdicts say that there are any and one is
/// found.
pub fn examples(old: &Schema, new: &Schema, set: &ChangeSet, policy: Policy) -> Witnesses {
    let (before, after) = aligned(old.json_schema(), new.json_schema(), decided(policy, old, new));
    let mut found = witness::search(&before, &after, &Patterns::of(&before, &after));
    found.refused_by_new.take_if(|_| !set.compat.backward.breaks());
    found.refused_by_old.take_if(|_| !set.compat.forward.breaks());
    found
}

/// The policy with `ByForm` decided.
fn decided(policy: Policy, old: &Schema, new: &Schema) -> Policy {
    let both_fields = old.fields().is_some() && new.fields().is_some();
    let open_model = match policy.open_model {
        OpenModel::ByForm if both_fields => OpenModel::Unused,
        OpenModel::ByForm => OpenModel::Strict,
        chosen => chosen,
    };
    Policy { open_model, ..policy }
}

/// The two JSON Schemas with what the policy takes for granted.
fn aligned(old: &Value, new: &Value, policy: Policy) -> (Value, Value) {
    match policy.open_model {
        OpenModel::Unused => (align::with_declared(old, new), align::with_declared(new, old)),
        OpenModel::Strict | OpenModel::ByForm => (old.clone(), new.clone()),
    }
}

fn judged(old: &Value, new: &Value, policy: Policy) -> oracle::Judgement {
    let (before, after) = aligned(old, new, policy);
    let strict = oracle::judge(&before, &after);
    if policy.required_default == RequiredDefault::Breaks || strict.backward == Verdict::Yes {
        return strict;
    }
    let filled = oracle::judge(&before, &align::with_defaults_filled(&after, &before));
    oracle::Judgement { forward: strict.forward, ..filled }
}

/// The oracle saw a difference that no keyword shows.
fn unnamed(root: &Spot, compat: &Compat) -> Change {
    let message = "the schemas accept different documents".to_owned();
    let mut change = root.change(ChangeKind::SchemaChanged, "", None, message);
    (change.backward, change.forward) = (compat.backward, compat.forward);
    if compat.backward.breaks() {
        change.data = DataWork::Check;
    }
    change
}

/// Changes that are breaking because they are declared so, whatever documents look like.
fn is_declared(kind: ChangeKind) -> bool {
    use ChangeKind::{FieldRenamed, KeyPatternChanged, StorageChanged};
    matches!(kind, FieldRenamed | KeyPatternChanged | StorageChanged)
}

/// Puts a declared rename in the place of the two changes it consists of.
fn renames(old: &Schema, new: &Schema, changes: &mut Vec<Change>) {
    let (Shape::Fields(old_fields), Shape::Fields(new_fields)) = (&old.shape, &new.shape) else {
        return;
    };
    let mut declared = Vec::new();
    gather_renames(new_fields, "", &mut declared);
    for (to, from) in declared {
        if find(old_fields, &from).is_none() || find(old_fields, &to).is_some() {
            continue;
        }
        let of = |kind: ChangeKind, field: &str| {
            changes.iter().position(|change| change.kind == kind && change.field == field)
        };
        let Some(at) = of(ChangeKind::FieldAdded, &to) else { continue };
        let removed = of(ChangeKind::FieldRemoved, &from);
        let gone = removed.map(|index| changes[index].clone());
        let added = &mut changes[at];
        added.kind = ChangeKind::FieldRenamed;
        (added.backward, added.forward) = (Verdict::No, Verdict::No);
        added.data = DataWork::Rewrite;
        added.message = format!("{from} is renamed to {to}");
        added.relied_on = gone.is_some_and(|gone| gone.relied_on);
        added.from = Some(Value::from(from));
        added.to = Some(Value::from(to));
        if let Some(index) = removed {
            changes.remove(index);
        }
    }
}

/// The paths of new fields with the paths they had.
fn gather_renames(fields: &[Field], above: &str, out: &mut Vec<(String, String)>) {
    for field in fields {
        let path =
            if above.is_empty() { field.name.clone() } else { format!("{above}.{}", field.name) };
        if let Some(from) = &field.renamed_from {
            // A bare name means a neighbour; a path is taken from the root.
            let is_path = from.contains('.') || above.is_empty();
            let from = if is_path { from.clone() } else { format!("{above}.{from}") };
            out.push((path.clone(), from));
        }
        gather_renames(field.fields.as_deref().unwrap_or_default(), &path, out);
    }
}

fn find<'f>(fields: &'f [Field], path: &str) -> Option<&'f Field> {
    let (head, rest) = path.split_once('.').map_or((path, None), |(h, r)| (h, Some(r)));
    let field = fields.iter().find(|field| field.name == head)?;
    match rest {
        None => Some(field),
        Some(rest) => find(field.fields.as_deref()?, rest),
    }
}

/// What changed around the documents: where they stand and how.
fn around(old: &Schema, new: &Schema, changes: &mut Vec<Change>) {
    let root = Spot { pointer: String::new(), field: String::new(), relied_on: true };
    let mut add = |kind, what: &str, from: Option<String>, to: Option<String>, moved| {
        if from == to {
            return;
        }
        let text = |value: &Option<String>| value.clone().unwrap_or_else(|| "any".to_owned());
        let message = format!("{what}: {} -> {}", text(&from), text(&to));
        let mut change = root.change(kind, "", moved, message);
        change.path = format!("/{what}");
        (change.from, change.to) = (from.map(Value::from), to.map(Value::from));
        changes.push(change);
    };
    let both = Some(Move::Both);
    let pattern = |schema: &Schema| Some(schema.key_pattern.clone());
    // A plain JSON Schema file has no key pattern of its own.
    if old.definition().get("keyPattern").is_some() && new.definition().get("keyPattern").is_some()
    {
        add(ChangeKind::KeyPatternChanged, "keyPattern", pattern(old), pattern(new), both);
    }
    let storage = |schema: &Schema| schema.storage.map(|storage| storage.name().to_owned());
    if old.storage.is_some() && new.storage.is_some() {
        add(ChangeKind::StorageChanged, "storage", storage(old), storage(new), both);
    }
    let version = |schema: &Schema| schema.version_field.as_ref().map(ToString::to_string);
    add(ChangeKind::VersionFieldChanged, "versionField", version(old), version(new), None);
}

/// Major when new readers refuse old data, or old readers miss what they require; minor when readers
/// accept more or other documents; patch when only notes and defaults changed.
fn bump(changes: &[Change], compat: &Compat) -> Bump {
    let is_note = |change: &Change| {
        matches!(change.kind, ChangeKind::AnnotationChanged | ChangeKind::DefaultChanged)
    };
    if changes.is_empty() {
        Bump::None
    } else if compat.backward.breaks()
        || changes.iter().any(|change| change.forward.breaks() && change.relied_on)
    {
        Bump::Major
    } else if changes.iter().all(is_note) && !compat.forward.breaks() {
        Bump::Patch
    } else {
        Bump::Minor
    }
}
