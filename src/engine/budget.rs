//! How many keys may need eyes before a run stops by itself.

use std::fmt;
use std::str::FromStr;

use crate::model::Tally;

/// The most keys that may come to nothing good (failed, invalid, conflict).
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum ErrorBudget {
    /// So many.
    Keys(u64),
    /// This part of the keys scanned, in percent; counted from a thousand keys on.
    Percent(f64),
}

/// A share of a handful of keys says nothing.
const SCANNED_MIN: u64 = 1_000;

impl ErrorBudget {
    /// Why a run has to stop; `None` while it is within the budget.
    #[expect(clippy::cast_precision_loss, reason = "counts for a share")]
    pub fn exceeded_by(self, tally: &Tally) -> Option<String> {
        let found = tally.needs_eyes();
        match self {
            Self::Keys(most) => (found > most).then(|| format!("errors {found} > {most}")),
            Self::Percent(most) => {
                let share = found as f64 * 100.0 / tally.scanned.max(1) as f64;
                (tally.scanned >= SCANNED_MIN && share > most)
                    .then(|| format!("errors {share:.2} % of {} keys > {most} %", tally.scanned))
            }
        }
    }
}

impl FromStr for ErrorBudget {
    type Err = String;

    /// Reads `100` or `0.1%`.
    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || format!("'{text}' is no error budget: expected a count as in 100, or 0.1%");
        match text.strip_suffix('%') {
            Some(share) => {
                let share: f64 = share.trim().parse().map_err(|_| wrong())?;
                if (0.0..=100.0).contains(&share) { Ok(Self::Percent(share)) } else { Err(wrong()) }
            }
            None => text.parse().map(Self::Keys).map_err(|_| wrong()),
        }
    }
}

impl fmt::Display for ErrorBudget {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Keys(most) => write!(f, "{most}"),
            Self::Percent(most) => write!(f, "{most}%"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Outcome;

    #[test]
    fn a_budget_is_exceeded_beyond_its_number() {
        let mut tally = Tally::default();
        for _ in 0..999 {
            tally.count(Outcome::Migrated);
        }
        tally.count(Outcome::Failed);
        let exceeded = |text: &str| text.parse::<ErrorBudget>().expect(text).exceeded_by(&tally);
        assert_eq!(exceeded("1"), None);
        assert_eq!(exceeded("0").as_deref(), Some("errors 1 > 0"));
        assert_eq!(exceeded("0.1%"), None);
        assert_eq!(exceeded("0.05%").as_deref(), Some("errors 0.10 % of 1000 keys > 0.05 %"));
        for text in ["", "-1", "101%", "x%"] {
            assert!(text.parse::<ErrorBudget>().is_err(), "{text}");
        }
    }
}
