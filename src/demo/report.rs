//! What the headless demo did and found, step by step, with the figures it had to find.

use std::fmt;

use serde::Serialize;

use crate::model::{Outcome, Tally};
use crate::store::fingerprint::Difference;

/// The whole demo.
#[derive(Clone, Debug, Serialize)]
pub struct Report {
    /// Keys that were made.
    pub keys: u64,
    /// The seed they were made from.
    pub seed: u64,
    /// The server program.
    pub server: String,
    /// The steps in the order in which they were done.
    pub steps: Vec<Step>,
    /// Whether every figure is the one it has to be.
    pub agrees: bool,
}

/// One step.
#[derive(Clone, Debug, Serialize)]
pub struct Step {
    /// Its name: `fill`, `browse`, `run`, …
    pub name: &'static str,
    /// What was done, in a line.
    pub what: String,
    /// How long it took.
    pub seconds: f64,
    /// What was counted.
    pub figures: Vec<Figure>,
    /// Whether every figure is the one it has to be.
    pub agrees: bool,
}

/// Something counted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Figure {
    /// What was counted.
    pub name: String,
    /// How many there were.
    pub found: u64,
    /// How many there had to be; `None` where no number is known beforehand.
    pub expected: Option<u64>,
}

impl Figure {
    /// A figure that has to be `expected`.
    pub fn expect(name: impl Into<String>, found: u64, expected: u64) -> Self {
        Self { name: name.into(), found, expected: Some(expected) }
    }

    /// A figure that is only told.
    pub fn tell(name: impl Into<String>, found: u64) -> Self {
        Self { name: name.into(), found, expected: None }
    }

    /// The figures of a tally that has to be another.
    pub fn tally(found: &Tally, expected: &Tally) -> Vec<Self> {
        let mut figures = vec![Self::expect("scanned", found.scanned, expected.scanned)];
        figures.extend(
            Outcome::ALL.into_iter().map(|outcome| {
                Self::expect(outcome.name(), found.of(outcome), expected.of(outcome))
            }),
        );
        figures
    }

    /// The figures of a comparison in which nothing may differ.
    pub fn no_difference(found: Difference, whose: &str) -> Vec<Self> {
        let counts = [
            ("appeared", found.appeared),
            ("vanished", found.vanished),
            ("other values", found.values),
            ("other expiries", found.expiries),
        ];
        counts.map(|(name, count)| Self::expect(format!("{whose} {name}"), count, 0)).into()
    }

    /// Whether it is what it has to be.
    pub fn agrees(&self) -> bool {
        self.expected.is_none_or(|expected| expected == self.found)
    }
}

impl Step {
    /// A step that is done.
    pub fn new(
        name: &'static str,
        what: impl Into<String>,
        seconds: f64,
        figures: Vec<Figure>,
    ) -> Self {
        let agrees = figures.iter().all(Figure::agrees);
        Self { name, what: what.into(), seconds, figures, agrees }
    }
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mark = if self.agrees { "ok  " } else { "BAD " };
        write!(f, "{mark} {:<10} {:>7.2} s  {}", self.name, self.seconds, self.what)?;
        for line in self.figures.chunks(4) {
            let figures: Vec<_> = line.iter().map(ToString::to_string).collect();
            write!(f, "\n{:27}{}", "", figures.join("  "))?;
        }
        Ok(())
    }
}

impl fmt::Display for Figure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.name, self.found)?;
        match self.expected {
            Some(expected) if expected != self.found => write!(f, " (EXPECTED {expected})"),
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_step_with_a_wrong_figure_does_not_agree() {
        let right = Figure::expect("scanned", 5, 5);
        let wrong = Figure::expect("migrated", 3, 4);
        assert!(Step::new("run", "", 0.0, vec![right.clone(), Figure::tell("x", 9)]).agrees);
        let step = Step::new("run", "users to 3.0.0", 0.5, vec![right, wrong]);
        assert!(!step.agrees);
        assert_eq!(
            step.to_string(),
            "BAD  run           0.50 s  users to 3.0.0\n                           \
             scanned 5  migrated 3 (EXPECTED 4)"
        );
    }
}
