//! Which keywords of draft 2020-12 hold schemas, and how: the one table of them.

/// How schemas stand under a keyword.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Inner {
    /// In an object, each under a name.
    Named,
    /// In a list.
    Listed,
    /// The value is one.
    One,
    /// There are none: data (`const`, `enum`, `default`), or a rule without schemas.
    None,
}

impl Inner {
    /// How they stand under this keyword.
    pub fn of(keyword: &str) -> Self {
        match keyword {
            "properties" | "patternProperties" | "$defs" | "definitions" | "dependentSchemas" => {
                Self::Named
            }
            "allOf" | "anyOf" | "oneOf" | "prefixItems" => Self::Listed,
            "not"
            | "if"
            | "then"
            | "else"
            | "items"
            | "contains"
            | "propertyNames"
            | "additionalProperties"
            | "unevaluatedProperties"
            | "unevaluatedItems" => Self::One,
            _ => Self::None,
        }
    }
}
