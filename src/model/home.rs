//! Where a document is kept, as far as a chain changes that.

use super::expiry::Expiry;
use super::key::Key;

/// What a chain wants changed besides the fields of a document. A new storage is told by the document
/// itself.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Home {
    /// The key to move to; `None`: the key stays.
    pub key: Option<Key>,
    /// The expiry to give; `None`: it stays, whatever it is.
    pub expiry: Option<Expiry>,
    /// On what terms.
    pub terms: Terms,
    /// Whether expiries of hash fields may go where the new storage has none.
    pub drops_field_expiries: bool,
}

/// On what terms a key is changed as a whole.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Terms {
    /// Whether what stands under the new key may be replaced.
    pub overwrite: bool,
    /// Which keys get the new expiry.
    pub only_if: OnlyIf,
}

/// Which keys get a new expiry.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum OnlyIf {
    /// Every key.
    #[default]
    Always,
    /// Keys that do not expire.
    NoExpiry,
    /// Keys that expire.
    AnyExpiry,
}

impl OnlyIf {
    /// Whether a key with this expiry gets the new one.
    pub fn holds(self, stands: Expiry) -> bool {
        match self {
            Self::Always => true,
            Self::NoExpiry => stands == Expiry::Never,
            Self::AnyExpiry => stands != Expiry::Never,
        }
    }
}
