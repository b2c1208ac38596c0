//! What a registry asks of a new version: honest numbers, and a compatibility with earlier versions.

use std::fmt;

use semver::Version;
use serde::{Deserialize, Serialize};

use super::{Bump, ChangeSet, Compat, Policy, diff};
use crate::schema::definition::Schema;

/// How a new version has to be compatible with earlier ones. The transitive forms compare with all
/// earlier versions, the others with the newest of them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Mode {
    /// Not at all. The default: a migration tool exists for breaking changes.
    #[default]
    None,
    /// New readers accept old data: upgrade readers first.
    Backward,
    /// The same, for all earlier versions.
    BackwardTransitive,
    /// Old readers accept new data: upgrade writers first.
    Forward,
    /// The same, for all earlier versions.
    ForwardTransitive,
    /// Both: upgrade in any order.
    Full,
    /// The same, for all earlier versions.
    FullTransitive,
}

impl Mode {
    /// Every mode, with the name that registries use.
    pub const NAMES: [(Self, &'static str); 7] = [
        (Self::None, "none"),
        (Self::Backward, "backward"),
        (Self::BackwardTransitive, "backward_transitive"),
        (Self::Forward, "forward"),
        (Self::ForwardTransitive, "forward_transitive"),
        (Self::Full, "full"),
        (Self::FullTransitive, "full_transitive"),
    ];

    /// Reads a name, in any case and with `-` or `_`.
    pub fn from_name(name: &str) -> Option<Self> {
        let name = name.to_lowercase().replace('-', "_");
        Self::NAMES.into_iter().find(|(_, known)| *known == name).map(|(mode, _)| mode)
    }

    /// The name that registries use.
    pub fn name(self) -> &'static str {
        let found = Self::NAMES.into_iter().find(|(mode, _)| *mode == self);
        found.map_or("none", |(_, name)| name)
    }

    fn is_transitive(self) -> bool {
        matches!(self, Self::BackwardTransitive | Self::ForwardTransitive | Self::FullTransitive)
    }

    fn allows(self, compat: &Compat) -> bool {
        let (backward, forward) = (!compat.backward.breaks(), !compat.forward.breaks());
        match self {
            Self::None => true,
            Self::Backward | Self::BackwardTransitive => backward,
            Self::Forward | Self::ForwardTransitive => forward,
            Self::Full | Self::FullTransitive => backward && forward,
        }
    }

    /// The earlier versions that `new` is not compatible with in this mode, newest first.
    pub fn offences<'s>(
        self,
        new: &Schema,
        schemas: impl IntoIterator<Item = &'s Schema>,
        policy: Policy,
    ) -> Vec<ChangeSet> {
        let mut earlier: Vec<&Schema> =
            schemas.into_iter().filter(|schema| schema.version < new.version).collect();
        earlier.sort_by(|a, b| b.version.cmp(&a.version));
        if !self.is_transitive() {
            earlier.truncate(1);
        }
        let sets = earlier.into_iter().map(|old| diff(old, new, policy));
        sets.filter(|set| !self.allows(&set.compat)).collect()
    }
}

impl fmt::Display for Mode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// A version number that promises less than its changes.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "{new} promises a {promised} change of {old}, and the changes ask for a {needed} one \
     ({reason}): register it as {advised} or higher, or force it"
)]
pub struct Dishonest {
    /// The earlier version.
    pub old: Version,
    /// The version to be registered.
    pub new: Version,
    /// What its number says.
    pub promised: &'static str,
    /// What its changes ask for.
    pub needed: &'static str,
    /// The first change that asks for it.
    pub reason: String,
    /// The least honest number.
    pub advised: Version,
}

/// What the step from a version to a later one promises.
pub fn promised(old: &Version, new: &Version) -> Bump {
    if new.major != old.major {
        Bump::Major
    } else if new.minor != old.minor {
        // Below 1.0.0 a minor step may break (semver 2.0.0, section 4).
        if new.major == 0 { Bump::Major } else { Bump::Minor }
    } else if new.patch != old.patch {
        if new.major == 0 { Bump::Minor } else { Bump::Patch }
    } else {
        Bump::None
    }
}

/// The least version after `old` that promises `bump`.
pub fn advised(old: &Version, bump: Bump) -> Version {
    let before_one = old.major == 0;
    match bump {
        Bump::None => old.clone(),
        Bump::Major if !before_one => Version::new(old.major + 1, 0, 0),
        Bump::Major => Version::new(0, old.minor + 1, 0),
        Bump::Minor if !before_one => Version::new(old.major, old.minor + 1, 0),
        Bump::Minor | Bump::Patch => Version::new(old.major, old.minor, old.patch + 1),
    }
}

/// Whether the number of a later version promises at least what its changes ask for.
pub fn honest(old: &Version, new: &Version, set: &ChangeSet) -> Result<(), Box<Dishonest>> {
    let promised = promised(old, new);
    if promised >= set.bump {
        return Ok(());
    }
    let breaking = set.changes.iter().find(|change| change.breaks()).or(set.changes.first());
    Err(Box::new(Dishonest {
        old: old.clone(),
        new: new.clone(),
        promised: promised.name(),
        needed: set.bump.name(),
        reason: breaking.map(|change| change.message.clone()).unwrap_or_default(),
        advised: advised(old, set.bump),
    }))
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn schema(version: &str, fields: &Value) -> Schema {
        let definition = json!({"version": version, "keyPattern": "u:*", "fields": fields});
        Schema::from_value(&definition, None).unwrap_or_else(|error| panic!("{error}"))
    }

    #[test]
    fn a_number_must_not_promise_less_than_its_changes() {
        let old = schema("1.2.3", &json!({"a": {"type": "string"}}));
        let told = |version: &str, fields: &Value| {
            let new = schema(version, fields);
            honest(&old.version, &new.version, &diff(&old, &new, Policy::default())).err()
        };
        let number = json!({"a": {"type": "number"}});
        let refused = told("1.3.0", &number).expect("refused").to_string();
        assert_eq!(
            refused,
            "1.3.0 promises a minor change of 1.2.3, and the changes ask for a major one (a: type \
             \"string\" -> \"number\"): register it as 2.0.0 or higher, or force it"
        );
        assert_eq!(told("2.0.0", &number), None);
        assert_eq!(told("1.3.0", &json!({"a": {"type": "string"}, "b": {"type": "string"}})), None);
        assert_eq!(told("1.2.4", &json!({"a": {"type": "string", "description": "x"}})), None);
    }

    #[test]
    fn transitive_modes_look_at_all_earlier_versions() {
        let schemas = [
            schema("1.0.0", &json!({"a": {"type": "string"}})),
            schema("2.0.0", &json!({"a": {"type": "number"}})),
            schema("2.1.0", &json!({"a": {"type": "number"}, "b": {"type": "string"}})),
        ];
        let new = schema("2.2.0", &json!({"a": {"type": "number"}}));
        let offending = |mode: Mode| -> Vec<String> {
            mode.offences(&new, &schemas, Policy::default())
                .into_iter()
                .map(|set| set.from)
                .collect()
        };
        assert!(offending(Mode::Full).is_empty());
        assert_eq!(offending(Mode::BackwardTransitive), ["u@1.0.0"]);
        assert!(offending(Mode::None).is_empty());
        assert_eq!(Mode::from_name("FULL-transitive"), Some(Mode::FullTransitive));
    }
}
