//! What the RedisJSON module makes of a text: it parses the text and prints its own.
//!
//! Seen on RedisJSON 2.8: space goes, escapes become characters, of a name that stands twice the
//! last value stays, whole numbers of 64 bits stay exact, and every other number becomes a double
//! and is printed as the shortest text of that double. Reading is less exact than printing: of the
//! doubles that need 16 or 17 digits, one in six is read as its neighbour, so that a text which the
//! module printed itself would come back changed. Such a number is set in another way of writing it.

use std::borrow::Cow;
use std::fmt::Write;

use serde_json::Value;

use super::json;

/// The largest whole number up to which every one is a double.
const EXACT_MAX: f64 = 9_007_199_254_740_992.0;
/// The largest power of ten that is a double.
const POWER_MAX: i32 = 308;

/// The text in a form that is the same for what was set and what the module prints of it; `None`
/// when it is no JSON.
pub fn canonical(text: &[u8]) -> Option<String> {
    let value: Value = serde_json::from_slice(text).ok()?;
    let mut out = String::with_capacity(text.len());
    print(&value, &mut out);
    Some(out)
}

/// The text to set so that every number in it is read as what it says, which is the text itself but
/// for some doubles of 16 and 17 digits.
///
/// # Errors
/// The first number that cannot be stored as it is: the module would round it.
pub fn settable(text: &str) -> Result<Cow<'_, str>, String> {
    let mut out = String::new();
    let mut kept = 0;
    for (start, end) in numbers(text) {
        let number = &text[start..end];
        if whole(number).is_some() {
            continue;
        }
        let double = exact(number).ok_or_else(|| number.to_owned())?;
        if as_read(number) == Some(double) {
            continue;
        }
        let instead = other_text(double).ok_or_else(|| number.to_owned())?;
        out.push_str(&text[kept..start]);
        out.push_str(&instead);
        kept = end;
    }
    if kept == 0 {
        return Ok(Cow::Borrowed(text));
    }
    out.push_str(&text[kept..]);
    Ok(Cow::Owned(out))
}

/// Where the numbers of a JSON text begin and end.
fn numbers(text: &str) -> impl Iterator<Item = (usize, usize)> {
    let bytes = text.as_bytes();
    let mut at = 0;
    std::iter::from_fn(move || {
        while at < bytes.len() {
            match bytes[at] {
                b'"' => {
                    at += 1;
                    while at < bytes.len() && bytes[at] != b'"' {
                        at += if bytes[at] == b'\\' { 2 } else { 1 };
                    }
                    at += 1;
                }
                b'-' | b'0'..=b'9' => {
                    let is_part =
                        |b: &u8| matches!(b, b'0'..=b'9' | b'.' | b'e' | b'E' | b'+' | b'-');
                    let length = bytes[at..].iter().take_while(|b| is_part(b)).count();
                    at += length;
                    return Some((at - length, at));
                }
                _ => at += 1,
            }
        }
        None
    })
}

fn print(value: &Value, out: &mut String) {
    match value {
        Value::Number(number) => print_number(&number.to_string(), out),
        Value::String(text) => out.push_str(&json::quote(text)),
        Value::Array(items) => {
            out.push('[');
            for item in items {
                print(item, out);
                out.push(',');
            }
            out.push(']');
        }
        Value::Object(members) => {
            out.push('{');
            for (name, member) in members {
                out.push_str(&json::quote(name));
                out.push(':');
                print(member, out);
                out.push(',');
            }
            out.push('}');
        }
        Value::Null | Value::Bool(_) => {
            let _ = write!(out, "{value}");
        }
    }
}

fn print_number(text: &str, out: &mut String) {
    if whole(text).is_some() {
        out.push_str(if text == "-0" { "0" } else { text });
        return;
    }
    let double: f64 = text.parse().expect("a JSON number is a double, if a rounded one");
    let _ = if double.fract() == 0.0 && double.abs() <= EXACT_MAX {
        write!(out, "{}", if double == 0.0 { 0.0 } else { double })
    } else {
        write!(out, "{double:e}")
    };
}

/// A whole number of 64 bits, with or without sign.
fn whole(text: &str) -> Option<i128> {
    let number = text.parse::<i128>().ok()?;
    (i128::from(i64::MIN)..=i128::from(u64::MAX)).contains(&number).then_some(number)
}

/// The double that says exactly what a number says.
fn exact(text: &str) -> Option<f64> {
    let double = text.parse::<f64>().ok().filter(|double| double.is_finite())?;
    // Of two shortest texts the module and serde_json choose the same, which {:e} does not always.
    let printed = serde_json::Number::from_f64(double)?.to_string();
    (digits(text) == digits(&printed)).then_some(double)
}

/// The double that the module reads: it takes up to 64 bits of digits and multiplies with, or divides
/// by, a power of ten, which is not always the double nearest to the number.
fn as_read(text: &str) -> Option<f64> {
    let lower = text.trim_start_matches('-').to_ascii_lowercase();
    let (mantissa, power) = lower.split_once('e').unwrap_or((&lower, "0"));
    let (head, tail) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let (mut digits, mut exponent, mut is_full) = (0_u64, 0_i32, false);
    for (byte, is_tail) in head.bytes().map(|b| (b, false)).chain(tail.bytes().map(|b| (b, true))) {
        let more = digits.checked_mul(10).and_then(|d| d.checked_add(u64::from(byte - b'0')));
        if let Some(more) = more.filter(|_| !is_full) {
            digits = more;
            exponent -= i32::from(is_tail);
        } else {
            is_full = true;
            exponent += i32::from(!is_tail);
        }
    }
    exponent = exponent.checked_add(power.parse().ok()?)?;
    let sign = if text.starts_with('-') { -1.0 } else { 1.0 };
    Some(sign * scaled(digits, exponent)?)
}

#[expect(clippy::cast_precision_loss, reason = "the module rounds here too")]
fn scaled(digits: u64, mut exponent: i32) -> Option<f64> {
    let mut double = digits as f64;
    while exponent.abs() > POWER_MAX {
        if double == 0.0 {
            return Some(0.0);
        }
        if exponent > 0 {
            return None;
        }
        double /= power_of_ten(POWER_MAX);
        exponent += POWER_MAX;
    }
    let power = power_of_ten(exponent.abs());
    Some(if exponent < 0 { double / power } else { double * power }).filter(|d| d.is_finite())
}

fn power_of_ten(power: i32) -> f64 {
    format!("1e{power}").parse().expect("a power of ten within a double's range")
}

/// A text for a double that any parser reads as this double, the module's too. Nearly every double
/// has one: the decimals around it are tried, written with more digits than are needed.
fn other_text(double: f64) -> Option<String> {
    const STEPS: u64 = 40;
    let sign = if double < 0.0 { "-" } else { "" };
    for count in 16..=19_i32 {
        let precision = usize::try_from(count - 1).expect("a small number");
        let text = format!("{:.precision$e}", double.abs());
        let (mantissa, power) = text.split_once('e')?;
        let digits: u64 = mantissa.replace('.', "").parse().ok()?;
        let power = power.parse::<i32>().ok()? - (count - 1);
        // Closer ones are the same double before they are scaled.
        let step = (digits >> 54).max(1);
        for away in (0..STEPS).map(|n| n * step) {
            for digits in [digits.checked_add(away), digits.checked_sub(away)].into_iter().flatten()
            {
                let text = format!("{sign}{digits}e{power}");
                if text.parse() == Ok(double) && as_read(&text) == Some(double) {
                    return Some(text);
                }
            }
        }
    }
    None
}

/// The digits of a decimal number without zeros at either end, and the power of ten of the last.
fn digits(text: &str) -> (String, i64) {
    let text = text.trim_start_matches('-').to_ascii_lowercase();
    let (mantissa, power) = text.split_once('e').unwrap_or((&text, "0"));
    let (head, tail) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let mut power = power.parse::<i64>().unwrap_or(i64::MAX / 2);
    power -= i64::try_from(tail.len()).expect("a number's text is short");
    let all = format!("{head}{tail}");
    let all = all.trim_start_matches('0');
    let kept = all.trim_end_matches('0');
    if kept.is_empty() {
        return (String::new(), 0);
    }
    power += i64::try_from(all.len() - kept.len()).expect("a number's text is short");
    (kept.to_owned(), power)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_set_is_known_by_what_is_printed() {
        let set = r#"{"a": 1.0, "b":1e2,"c":12345678901234567890,"d":123456789012345670000,
            "e":"\u00e9\/\u0001","f":-0,"h":1.50,"j":123456789012345.678901,"a":2,"r":100000000000000000000.0}"#;
        let printed = r#"{"a":2,"b":100.0,"c":12345678901234567890,"d":1.2345678901234567e20,"e":"é/\u0001","f":-0.0,"h":1.5,"j":123456789012345.67,"r":1e20}"#;
        assert_eq!(canonical(set.as_bytes()), canonical(printed.as_bytes()));
        assert_ne!(canonical(b"{\"a\":1}"), canonical(b"{\"a\":2}"));
        assert_ne!(canonical(b"{\"a\":1,\"b\":1}"), canonical(b"{\"b\":1,\"a\":1}"));
        assert_eq!(canonical(b"{"), None);
    }

    #[test]
    fn numbers_that_would_be_rounded_are_told() {
        for exact in ["0", "-0", "1.0", "1e2", "0.1", "18446744073709551615", "1e300", "100e-2"] {
            assert_eq!(settable(&format!("[{exact}]")), Ok(format!("[{exact}]").into()));
        }
        for lossy in
            ["18446744073709551616", "0.12345678901234567891", "1e400", "9007199254740993.5"]
        {
            assert_eq!(settable(&format!("[1, {lossy}]")), Err(lossy.to_owned()));
        }
    }

    #[test]
    fn a_number_that_would_be_misread_is_written_otherwise() {
        // Seen: the module reads 0.47324254075203875 as a neighbour and has no better text for it.
        assert!(settable("0.47324254075203875").is_err());
        let mut others = 0;
        for n in 1..2_000_u32 {
            let double = f64::from(n).sqrt() / 7.0;
            let text = format!(r#"{{"\"1.5":{double},"b":[-{double}]}}"#);
            let Ok(set) = settable(&text) else { continue };
            others += usize::from(set != text);
            for (start, end) in numbers(&set) {
                assert_eq!(as_read(&set[start..end]).map(f64::abs), Some(double));
            }
            assert_eq!(canonical(set.as_bytes()), canonical(text.as_bytes()));
        }
        assert!(others > 50, "{others}");
    }
}
