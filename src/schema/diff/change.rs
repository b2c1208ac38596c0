//! What a diff consists of: one Change for each difference, and what it means for readers and data.

use std::fmt;

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// Whether readers of one side accept the documents of the other.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Verdict {
    /// Proven: every document is accepted.
    Yes,
    /// It could not be proven or refuted; taken as breaking.
    Unknown,
    /// Some document is refused.
    No,
}

impl Verdict {
    /// `yes`, `unknown`, `no`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Yes => "yes",
            Self::Unknown => "unknown",
            Self::No => "no",
        }
    }

    /// Whether readers have to be taken for broken.
    pub fn breaks(self) -> bool {
        self != Self::Yes
    }

    /// Both have to hold: the worse one.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        self.max(other)
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// What a change is. The names in JSON are `noun.verb`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub enum ChangeKind {
    /// A note for people changed.
    #[serde(rename = "annotation.changed")]
    AnnotationChanged,
    /// A default changed, came or went.
    #[serde(rename = "default.changed")]
    DefaultChanged,
    /// A field that was not declared.
    #[serde(rename = "field.added")]
    FieldAdded,
    /// A field that is no longer declared.
    #[serde(rename = "field.removed")]
    FieldRemoved,
    /// Declared by `renamedFrom`.
    #[serde(rename = "field.renamed")]
    FieldRenamed,
    /// An optional field became required.
    #[serde(rename = "required.added")]
    RequiredAdded,
    /// A required field became optional.
    #[serde(rename = "required.removed")]
    RequiredRemoved,
    /// More types fit.
    #[serde(rename = "type.widened")]
    TypeWidened,
    /// Fewer types fit.
    #[serde(rename = "type.narrowed")]
    TypeNarrowed,
    /// Other types fit.
    #[serde(rename = "type.changed")]
    TypeChanged,
    /// `null` fits.
    #[serde(rename = "nullable.added")]
    NullableAdded,
    /// `null` no longer fits.
    #[serde(rename = "nullable.removed")]
    NullableRemoved,
    /// Free values became a list of values, or one.
    #[serde(rename = "enum.added")]
    EnumAdded,
    /// A list of values became free values.
    #[serde(rename = "enum.removed")]
    EnumRemoved,
    /// More values are allowed.
    #[serde(rename = "enum.valuesAdded")]
    EnumValuesAdded,
    /// Fewer values are allowed.
    #[serde(rename = "enum.valuesRemoved")]
    EnumValuesRemoved,
    /// Other values are allowed.
    #[serde(rename = "enum.changed")]
    EnumChanged,
    /// A bound or another rule came or became stricter.
    #[serde(rename = "constraint.tightened")]
    ConstraintTightened,
    /// A bound or another rule went or became laxer.
    #[serde(rename = "constraint.loosened")]
    ConstraintLoosened,
    /// A rule became another one.
    #[serde(rename = "constraint.changed")]
    ConstraintChanged,
    /// A text must match a pattern now.
    #[serde(rename = "pattern.added")]
    PatternAdded,
    /// A text need not match any more.
    #[serde(rename = "pattern.removed")]
    PatternRemoved,
    /// Another pattern.
    #[serde(rename = "pattern.changed")]
    PatternChanged,
    /// A text must have a format now.
    #[serde(rename = "format.added")]
    FormatAdded,
    /// A text need not have a format any more.
    #[serde(rename = "format.removed")]
    FormatRemoved,
    /// Another format.
    #[serde(rename = "format.changed")]
    FormatChanged,
    /// Undeclared fields are allowed.
    #[serde(rename = "model.opened")]
    ModelOpened,
    /// Undeclared fields are no longer allowed.
    #[serde(rename = "model.closed")]
    ModelClosed,
    /// `allOf`, `anyOf`, `oneOf`, `not`, a condition or a dependency changed.
    #[serde(rename = "combined.changed")]
    CombinedChanged,
    /// Documents stand under other keys.
    #[serde(rename = "keyPattern.changed")]
    KeyPatternChanged,
    /// Documents are stored in another way.
    #[serde(rename = "storage.changed")]
    StorageChanged,
    /// What the documents hold as their version changed.
    #[serde(rename = "versionField.changed")]
    VersionFieldChanged,
    /// The schemas differ in what they accept, and no single keyword says how.
    #[serde(rename = "schema.changed")]
    SchemaChanged,
}

impl ChangeKind {
    /// The name in JSON and on screens.
    pub fn name(self) -> String {
        let value = serde_json::to_value(self).unwrap_or_default();
        value.as_str().unwrap_or_default().to_owned()
    }
}

impl fmt::Display for ChangeKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.name())
    }
}

/// What has to become of stored data.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum DataWork {
    /// Nothing.
    None,
    /// Documents that lack a field get it.
    Backfill,
    /// Documents may break the new rule: look, and correct those that do.
    Check,
    /// Documents have to be rewritten.
    Rewrite,
}

impl DataWork {
    /// The name in JSON and on screens.
    pub fn name(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Backfill => "backfill",
            Self::Check => "check",
            Self::Rewrite => "rewrite",
        }
    }
}

/// One difference between two schemas.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Change {
    /// What it is.
    pub kind: ChangeKind,
    /// JSON pointer to where it stands in the JSON Schema: in the new one, or in the old one for what
    /// is gone. Empty for the schema as a whole.
    pub path: String,
    /// The path of the field in documents: `address.city`, `items[].price`; empty for the document.
    pub field: String,
    /// Whether new readers accept old data, as far as this change goes.
    pub backward: Verdict,
    /// Whether old readers accept new data, as far as this change goes.
    pub forward: Verdict,
    /// What stored data needs.
    pub data: DataWork,
    /// What stood there before.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub from: Option<Value>,
    /// What stands there now.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub to: Option<Value>,
    /// The change in words.
    pub message: String,
    /// Whether the old schema requires the field, so that its readers rely on it.
    #[serde(skip)]
    pub relied_on: bool,
}

impl Change {
    /// Whether readers of either side break.
    pub fn breaks(&self) -> bool {
        self.backward.breaks() || self.forward.breaks()
    }
}

/// The two verdicts over the whole.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Compat {
    /// New readers accept old data.
    pub backward: Verdict,
    /// Old readers accept new data.
    pub forward: Verdict,
    /// Why a verdict is unknown, or differs from what the changes say.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

impl Compat {
    /// `full`, `backward`, `forward` or `none`, as registries name it.
    pub fn name(&self) -> &'static str {
        match (self.backward, self.forward) {
            (Verdict::Yes, Verdict::Yes) => "full",
            (Verdict::Yes, _) => "backward",
            (_, Verdict::Yes) => "forward",
            _ => "none",
        }
    }
}

/// How bad a change is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Severity {
    /// No difference.
    None,
    /// Readers of either side accept the documents of the other.
    NonBreaking,
    /// Breaking in theory; no sampled document fails.
    BreakingUnobserved,
    /// Readers of a side refuse documents of the other.
    Breaking,
    /// Breaking, and sampled documents do fail.
    BreakingConfirmed,
}

impl Severity {
    /// The name in JSON and on screens.
    pub fn name(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::NonBreaking => "non-breaking",
            Self::BreakingUnobserved => "breaking-unobserved",
            Self::Breaking => "breaking",
            Self::BreakingConfirmed => "breaking-confirmed",
        }
    }

    /// Whether `remold diff` ends with 1.
    pub fn is_breaking(self) -> bool {
        self >= Self::BreakingUnobserved
    }
}

/// Which part of a version number a change asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Bump {
    /// No change.
    None,
    /// Only notes and defaults changed.
    Patch,
    /// New readers accept old data, and old readers miss nothing they require.
    Minor,
    /// Readers break.
    Major,
}

impl Bump {
    /// The name in JSON and on screens.
    pub fn name(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Patch => "patch",
            Self::Minor => "minor",
            Self::Major => "major",
        }
    }
}
