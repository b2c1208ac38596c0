//! The same value in another form, exactly or not at all. Works on the digits and never on floats,
//! so that nothing is rounded at any size.

use std::borrow::Cow;

use jiff::Timestamp;
use jiff::civil::{Date, DateTime};
use jiff::fmt::strtime;
use jiff::tz::{Offset, TimeZone};

use crate::model::json::{is_integer, is_number};
use crate::model::{Array, JsonType, Value};

/// A form that a value can have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Form {
    String,
    Number,
    Integer,
    Boolean,
    Null,
    Array,
    /// A day: `2026-11-23`.
    Date,
    /// A moment as RFC 3339 writes it.
    DateTime,
    /// Whole seconds since 1970.
    EpochSeconds,
    /// Whole milliseconds since 1970.
    EpochMillis,
}

impl Form {
    pub(super) const WORDS: [(&'static str, Self); 10] = [
        ("string", Self::String),
        ("number", Self::Number),
        ("integer", Self::Integer),
        ("boolean", Self::Boolean),
        ("null", Self::Null),
        ("array", Self::Array),
        ("date", Self::Date),
        ("dateTime", Self::DateTime),
        ("epochSeconds", Self::EpochSeconds),
        ("epochMillis", Self::EpochMillis),
    ];

    pub(super) fn name(self) -> &'static str {
        Self::WORDS[self as usize].0
    }

    /// Whether this is a date or time that stands as text.
    pub(super) fn is_written_time(self) -> bool {
        matches!(self, Self::Date | Self::DateTime)
    }

    pub(super) fn is_time(self) -> bool {
        matches!(self, Self::Date | Self::DateTime | Self::EpochSeconds | Self::EpochMillis)
    }

    /// Whether values of this form can be read as times.
    pub(super) fn may_be_time(self) -> bool {
        self.is_time() || self == Self::String
    }

    /// The plain type a value of this form has.
    pub(super) fn plain(self) -> Self {
        match self {
            Self::Date | Self::DateTime => Self::String,
            Self::EpochSeconds | Self::EpochMillis => Self::Integer,
            other => other,
        }
    }
}

/// From what to what, and how times are written.
#[derive(Debug)]
pub(super) struct Reading {
    pub(super) from: Option<Form>,
    pub(super) to: Form,
    pub(super) from_format: Option<String>,
    pub(super) to_format: Option<String>,
    pub(super) zone: Option<Offset>,
}

/// Reads a zone: `UTC` or a fixed offset. Named zones are left out because their rules change with
/// the machine's database, and a transform gives the same bytes everywhere.
pub(super) fn zone(text: &str) -> Option<Offset> {
    if matches!(text, "UTC" | "Z") {
        return Some(Offset::UTC);
    }
    let (sign, rest) = match text.split_at_checked(1)? {
        ("+", rest) => (1, rest),
        ("-", rest) => (-1, rest),
        _ => return None,
    };
    let (hours, minutes) = rest.split_once(':')?;
    let number = |text: &str, most: i32| {
        let two = text.len() == 2 && text.bytes().all(|byte| byte.is_ascii_digit());
        two.then(|| text.parse::<i32>().ok())?.filter(|number| *number <= most)
    };
    Offset::from_seconds(sign * (number(hours, 23)? * 3600 + number(minutes, 59)? * 60)).ok()
}

fn raw<'a>(text: impl Into<String>) -> Value<'a> {
    Value::Raw(Cow::Owned(text.into()))
}

/// The type of a value, where a hash field's text counts as what it spells.
pub(super) fn is_of(value: &Value<'_>, form: Form) -> bool {
    let json_type = value.json_type();
    let spelled = match value {
        Value::Plain(bytes) => std::str::from_utf8(bytes).ok(),
        _ => None,
    };
    match form.plain() {
        Form::String => json_type == JsonType::String,
        Form::Number => match spelled {
            Some(text) => is_number(text),
            None => json_type == JsonType::Number,
        },
        Form::Integer => match spelled {
            Some(text) => is_integer(text),
            None => json_type == JsonType::Number && is_integer(&value.to_json()),
        },
        Form::Boolean => match spelled {
            Some(text) => matches!(text, "true" | "false"),
            None => json_type == JsonType::Boolean,
        },
        Form::Null => json_type == JsonType::Null,
        _ => match spelled {
            Some(text) => text.starts_with('['),
            None => json_type == JsonType::Array,
        },
    }
}

/// The text of a scalar: what a string says, a number as it is written, `true`.
fn spelling<'v>(value: &'v Value<'_>) -> Option<Cow<'v, str>> {
    crate::transform::text::scalar_text(value)
}

impl Reading {
    /// The value in the new form; `None` when it has no exact form there.
    pub(super) fn convert<'a>(&self, value: &Value<'a>) -> Option<Value<'a>> {
        if self.from.is_some_and(|from| !is_of(value, from)) {
            return None;
        }
        let read_as_time = self.to.is_time() || self.from.is_some_and(Form::is_written_time);
        if read_as_time && (self.to.is_time() || self.from_format.is_some()) {
            return self.convert_time(value);
        }
        match self.to {
            Form::Array if is_of(value, Form::Array) => Some(value.clone()),
            Form::Array if value.is_null() => None,
            Form::Array => {
                let item = match value {
                    // In a hash the array stands as JSON text.
                    Value::Plain(_) => raw(value.to_json()),
                    other => other.clone(),
                };
                Some(Value::Array(Box::new(Array::from_values([item]))))
            }
            to => match (value, self.from.map(Form::plain)) {
                // What a hash field spells is what it is said to be.
                (Value::Plain(_), Some(Form::Number | Form::Integer | Form::Boolean)) => {
                    convert_scalar(&raw(value.as_str()?), to)
                }
                _ => convert_scalar(value, to),
            },
        }
    }

    fn convert_time<'a>(&self, value: &Value<'a>) -> Option<Value<'a>> {
        let text = spelling(value)?;
        let from = match self.from {
            Some(from) => from.plain_time(),
            // Only text says by itself which moment it means.
            None if value.json_type() == JsonType::String => Form::DateTime,
            None => return None,
        };
        let moment = self.read_time(&text, from, self.from_format.as_deref())?;
        let to = self.to.plain_time();
        let written = self.write_time(moment, to, self.to_format.as_deref())?;
        // What was written has to mean the same moment: a pattern may leave the time of day out.
        if self.read_time(&written, to, self.to_format.as_deref())? != moment {
            return None;
        }
        Some(if to.plain() == Form::Integer { raw(written) } else { Value::string(&written) })
    }

    fn read_time(&self, text: &str, form: Form, format: Option<&str>) -> Option<Timestamp> {
        let whole = || text.parse::<i64>().ok().filter(|number| number.to_string() == text);
        let in_zone = |local: DateTime| {
            let zone = TimeZone::fixed(self.zone?);
            zone.to_timestamp(local).ok()
        };
        let midnight = |day: Date| {
            let zone = TimeZone::fixed(self.zone.unwrap_or(Offset::UTC));
            zone.to_timestamp(day.to_datetime(jiff::civil::Time::midnight())).ok()
        };
        if let Some(format) = format {
            let parts = strtime::parse(format, text).ok()?;
            return parts.to_timestamp().ok().or_else(|| match form {
                Form::Date => midnight(parts.to_date().ok()?),
                _ => in_zone(parts.to_datetime().ok()?),
            });
        }
        match form {
            Form::EpochSeconds => Timestamp::from_second(whole()?).ok(),
            Form::EpochMillis => Timestamp::from_millisecond(whole()?).ok(),
            Form::Date if text.len() == "2026-11-23".len() => midnight(text.parse().ok()?),
            Form::Date => None,
            _ if text.len() == "2026-11-23".len() && self.from.is_none() => {
                midnight(text.parse().ok()?)
            }
            _ => text.parse().ok().or_else(|| in_zone(text.parse().ok()?)),
        }
    }

    fn write_time(&self, moment: Timestamp, form: Form, format: Option<&str>) -> Option<String> {
        let zone = TimeZone::fixed(self.zone.unwrap_or(Offset::UTC));
        let local = moment.to_zoned(zone);
        if let Some(format) = format {
            return strtime::format(format, &local).ok();
        }
        Some(match form {
            Form::EpochSeconds => moment.as_second().to_string(),
            Form::EpochMillis => moment.as_millisecond().to_string(),
            Form::Date => local.date().to_string(),
            _ if self.zone.is_none_or(|zone| zone == Offset::UTC) => match digits(moment) {
                0 => moment.to_string(),
                digits => format!("{moment:.digits$}"),
            },
            _ => {
                let local = local.timestamp().display_with_offset(local.offset());
                match digits(moment) {
                    0 => local.to_string(),
                    digits => format!("{local:.digits$}"),
                }
            }
        })
    }

    /// The zone as a definition writes it.
    pub(super) fn zone_text(&self) -> Option<String> {
        let seconds = self.zone?.seconds();
        let sign = if seconds < 0 { '-' } else { '+' };
        let minutes = seconds.abs() / 60;
        Some(format!("{sign}{:02}:{:02}", minutes / 60, minutes % 60))
    }

    /// What the writing of a value loses on the way from `from`; `None` when the inverse gives back
    /// every byte.
    pub(super) fn form_lost(&self, from: Form) -> Option<&'static str> {
        let epoch = |form| matches!(form, Form::EpochSeconds | Form::EpochMillis);
        match (from, self.to) {
            (a, b) if a == b && !(self.from_format.is_some() || a == Form::DateTime) => None,
            (Form::String, Form::Boolean) => Some("the spelling of true and false"),
            (Form::Number, Form::Integer) => Some("the writing of a number"),
            (Form::Null, _) | (_, Form::Null) => Some("the null"),
            (Form::Array, Form::Array) => None,
            (a, _) if epoch(a) => None,
            (Form::Date, Form::DateTime | Form::EpochSeconds | Form::EpochMillis)
                if self.from_format.is_none() =>
            {
                None
            }
            (a, _) if a.is_written_time() => Some("the writing of a time (its offset, its digits)"),
            (_, b) if b.is_time() => Some("the writing of a time (its offset, its digits)"),
            _ => None,
        }
    }
}

impl Form {
    /// A form that can be read as a time; text is taken for a moment.
    fn plain_time(self) -> Self {
        if self.is_time() { self } else { Self::DateTime }
    }
}

fn convert_scalar<'a>(value: &Value<'a>, to: Form) -> Option<Value<'a>> {
    let found = value.json_type();
    match (to, found) {
        (Form::String, JsonType::String)
        | (Form::Number, JsonType::Number)
        | (Form::Boolean, JsonType::Boolean)
        | (Form::Null, JsonType::Null) => Some(value.clone()),
        (Form::String, JsonType::Number | JsonType::Boolean) => {
            Some(raw(format!("\"{}\"", value.to_json())))
        }
        (Form::Integer, JsonType::Number) => Some(raw(whole_number(&value.to_json())?)),
        (Form::Number, JsonType::String) => {
            let text = value.as_str()?;
            is_number(&text).then(|| raw(text))
        }
        (Form::Integer, JsonType::String) => {
            let text = value.as_str()?;
            is_integer(&text).then(|| raw(text))
        }
        (Form::Number | Form::Integer, JsonType::Boolean) => {
            Some(raw(if value.to_json() == "true" { "1" } else { "0" }))
        }
        (Form::Boolean, JsonType::Number | JsonType::String) => match spelling(value)?.as_ref() {
            "1" => Some(raw("true")),
            "0" => Some(raw("false")),
            word if word.eq_ignore_ascii_case("true") => Some(raw("true")),
            word if word.eq_ignore_ascii_case("false") => Some(raw("false")),
            _ => None,
        },
        (Form::Null, JsonType::String) => {
            matches!(value.as_str()?.as_ref(), "" | "null").then_some(Value::NULL)
        }
        _ => None,
    }
}

/// How many digits a moment's fraction of a second is written with: three, six or nine, as most programs
/// write it, or none.
fn digits(moment: Timestamp) -> usize {
    match moment.subsec_nanosecond().unsigned_abs() {
        0 => 0,
        nanos if nanos % 1_000_000 == 0 => 3,
        nanos if nanos % 1_000 == 0 => 6,
        _ => 9,
    }
}

/// The number `text` without fraction and exponent, when it is a whole number: `1.0` is `1`, `1e2`
/// is `100`.
fn whole_number(text: &str) -> Option<String> {
    const DIGITS_MAX: i64 = 400;
    if is_integer(text) {
        return Some(text.to_owned());
    }
    let (sign, text) = text.strip_prefix('-').map_or(("", text), |rest| ("-", rest));
    let (mantissa, exponent) = text.split_once(['e', 'E']).unwrap_or((text, "0"));
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let fraction = fraction.trim_end_matches('0');
    let digits = format!("{whole}{fraction}");
    if digits.bytes().all(|digit| digit == b'0') {
        return Some("0".to_owned());
    }
    let shift = exponent.parse::<i64>().ok()? - i64::try_from(fraction.len()).ok()?;
    let digits = if shift < 0 {
        let cut = digits.len().checked_sub(usize::try_from(-shift).ok()?)?;
        let (kept, dropped) = digits.split_at(cut);
        dropped.bytes().all(|digit| digit == b'0').then(|| kept.to_owned())?
    } else if shift <= DIGITS_MAX {
        digits + &"0".repeat(usize::try_from(shift).ok()?)
    } else {
        return None;
    };
    Some(format!("{sign}{}", digits.trim_start_matches('0')))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whole_numbers_are_exact_at_any_size() {
        for (text, whole) in [
            ("1.0", Some("1")),
            ("1e2", Some("100")),
            ("-0.0", Some("0")),
            ("12345678901234567890", Some("12345678901234567890")),
            ("1234567890123456789.5e1", Some("12345678901234567895")),
            ("100e-2", Some("1")),
            ("0e-5", Some("0")),
            ("1.5", None),
            ("1e-1", None),
            ("1e999999999", None),
        ] {
            assert_eq!(whole_number(text).as_deref(), whole, "{text}");
        }
    }

    #[test]
    fn zones_are_offsets() {
        assert_eq!(zone("UTC"), Some(Offset::UTC));
        assert_eq!(zone("+05:30").map(Offset::seconds), Some(19_800));
        assert_eq!(zone("Europe/Berlin"), None);
        assert_eq!(zone("+24:00"), None);
    }
}
