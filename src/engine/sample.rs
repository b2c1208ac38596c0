//! Which of a run's keys are verified, when not all are.

use std::str::FromStr;

/// Some of a run's keys, spread evenly over it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Sample {
    /// This many.
    Keys(u64),
    /// This part, in percent.
    Percent(f64),
}

impl FromStr for Sample {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let sample = match text.strip_suffix('%') {
            Some(percent) => percent
                .trim()
                .parse()
                .ok()
                .filter(|percent| (0.0..=100.0).contains(percent))
                .map(Self::Percent),
            None => text.parse().ok().map(Self::Keys),
        };
        sample.ok_or_else(|| "expected a number of keys, or a percentage as in 5%".to_owned())
    }
}

impl Sample {
    /// How many of `whole` keys.
    #[expect(
        clippy::cast_precision_loss,
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a percentage of a count of keys"
    )]
    pub(super) fn of(self, whole: u64) -> u64 {
        match self {
            Self::Keys(keys) => keys.min(whole),
            Self::Percent(percent) => (whole as f64 * percent / 100.0).ceil() as u64,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn samples_are_numbers_or_percentages() {
        assert_eq!("100".parse(), Ok(Sample::Keys(100)));
        assert_eq!("2.5%".parse(), Ok(Sample::Percent(2.5)));
        assert!("101%".parse::<Sample>().is_err());
        assert!("-1".parse::<Sample>().is_err());
        assert_eq!(Sample::Percent(2.5).of(1_001), 26);
        assert_eq!(Sample::Keys(10).of(3), 3);
    }
}
