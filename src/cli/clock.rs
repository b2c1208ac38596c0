//! Times as operators type them, made moments of this process's clock.

use std::time::{Duration, Instant};

use jiff::{SignedDuration, Timestamp, Zoned, civil};

use crate::engine::Deadline;

/// Reads `04:30` (the next one on this machine's clock) or a moment as RFC 3339 writes it.
pub fn moment(text: &str) -> Result<Deadline, String> {
    moment_from(text, &Zoned::now())
}

fn moment_from(text: &str, now: &Zoned) -> Result<Deadline, String> {
    let wrong = || {
        format!("'{text}' is no time: expected 04:30, or a moment as in 2026-11-24T04:30:00+01:00")
    };
    let left = if let Ok(at) = text.parse::<Timestamp>() {
        at.duration_since(now.timestamp())
    } else {
        let time: civil::Time = text.parse().map_err(|_| wrong())?;
        let today = now.date().to_datetime(time).to_zoned(now.time_zone().clone());
        let today = today.map_err(|error| error.to_string())?;
        let next = if &today > now {
            today
        } else {
            let tomorrow = now.date().tomorrow().map_err(|error| error.to_string())?;
            let next = tomorrow.to_datetime(time).to_zoned(now.time_zone().clone());
            next.map_err(|error| error.to_string())?
        };
        next.timestamp().duration_since(now.timestamp())
    };
    if left <= SignedDuration::ZERO {
        return Err(format!("'{text}' has passed"));
    }
    Ok(Deadline { at: Instant::now() + left.unsigned_abs(), said: text.to_owned() })
}

/// Reads `2h`, `90m`, `30s`, `1h30m`.
pub fn span(text: &str) -> Result<Deadline, String> {
    let span: SignedDuration = text
        .parse()
        .map_err(|_| format!("'{text}' is no span of time: expected 2h, 90m, 30s or 1h30m"))?;
    if span <= SignedDuration::ZERO {
        return Err(format!("'{text}' is no time at all"));
    }
    let span: Duration = span.unsigned_abs();
    Ok(Deadline { at: Instant::now() + span, said: format!("{text} after the start") })
}

/// Reads a length of time that may be none at all: `10m`, `0s`.
pub fn time(text: &str) -> Result<Duration, String> {
    let span: Result<SignedDuration, _> = text.parse();
    span.ok()
        .and_then(|span| Duration::try_from(span).ok())
        .ok_or_else(|| format!("'{text}' is no span of time: expected 10m, 1h30m or 0s"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn left(text: &str, now: &str) -> u64 {
        let now: Zoned = now.parse().expect("a moment");
        let at = moment_from(text, &now).expect(text).at;
        // The clock went on a little since.
        at.saturating_duration_since(Instant::now()).as_secs().next_multiple_of(60)
    }

    #[test]
    fn a_time_of_day_is_the_next_one() {
        let now = "2026-11-24T03:00:00+00:00[UTC]";
        assert_eq!(left("04:30", now), 90 * 60);
        assert_eq!(left("02:30", now), (23 * 60 + 30) * 60);
        assert_eq!(left("2026-11-24T05:00:00+01:00", now), 3600);
        let now: Zoned = now.parse().expect("a moment");
        for text in ["2026-11-24T02:00:00Z", "soon", "25:00", ""] {
            assert!(moment_from(text, &now).is_err(), "{text}");
        }
    }

    #[test]
    fn spans_are_read() {
        assert!(span("2h").expect("valid").at > Instant::now() + Duration::from_secs(7000));
        assert!(span("1h30m").is_ok());
        for text in ["", "0s", "-1h", "3 bananas"] {
            assert!(span(text).is_err(), "{text}");
        }
    }
}
