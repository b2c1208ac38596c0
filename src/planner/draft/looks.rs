//! What values look like, whatever their field is called, and what a field's name asks for: a web
//! address is no domain, and only one of the fields that are left over holds mail addresses.

use serde_json::Value as Json;

use super::names::words;
use super::side::Leaf;
use super::structure::Structure;
use super::times;
use super::vocabulary::{canonical, is_known};
use crate::schema::FieldType;

/// What a text or a number is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Look {
    Email,
    Url,
    Uuid,
    Ip,
    Host,
    Phone,
    CurrencyCode,
    Zone,
    Person,
    Moment,
    Day,
    TimeOfDay,
    Version,
    Color,
    Digits,
    Decimal,
}

/// What values have to be for a look; the first that fits is taken.
const LOOKS: &[(Look, &str)] = &[
    (Look::Email, r"^[^@\s]+@[^@\s]+\.[A-Za-z]{2,}$"),
    (Look::Url, r"^[a-z][a-z0-9+.-]*://\S+$"),
    (Look::Uuid, r"^[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$"),
    (Look::Ip, r"^\d{1,3}(\.\d{1,3}){3}$"),
    (Look::Moment, r"^\d{4}-\d\d-\d\d[T ]\d\d:\d\d"),
    (Look::Day, r"^(\d{4}[-/.]\d\d[-/.]\d\d|\d\d?[-/.]\d\d?[-/.]\d{4})$"),
    (Look::TimeOfDay, r"^\d\d?:\d\d(:\d\d)?( ?[AaPp][Mm])?$"),
    (Look::Version, r"^v?\d+\.\d+\.\d+([-+]\S+)?$"),
    (Look::Color, r"^#[0-9a-fA-F]{3,8}$"),
    (Look::Phone, r"^(\+[\d ()/.-]{6,20}|\(?\d{2,5}\)?[ /-]\d{3,4}[ -]?\d{2,6})$"),
    (Look::Digits, r"^-?\d+$"),
    (Look::Decimal, r"^-?\d+\.\d+$"),
    (
        Look::CurrencyCode,
        r"^(EUR|USD|GBP|CHF|JPY|CAD|AUD|SEK|NOK|DKK|PLN|CZK|INR|CNY|BRL|MXN|eur|usd|gbp|chf|jpy|cad|aud)$",
    ),
    (
        Look::Zone,
        r"^(Africa|America|Asia|Atlantic|Australia|Europe|Indian|Pacific|Etc)/[A-Za-z_/+-]+\d*$|^UTC$",
    ),
    (Look::Host, r"^([a-z0-9-]+\.)+[a-z]{2,}$"),
    (Look::Person, r"^[A-Z][\w'’.-]*( [A-Z][\w'’.-]*){1,3}$|^[A-Z][\w'’-]+, [A-Z][\w'’. -]+$"),
];

/// Which looks a word of a field's name asks for; any of them is well.
const ASKED: &[(&[&str], &[Look])] = &[
    (&["email"], &[Look::Email]),
    (&["url"], &[Look::Url]),
    (&["uuid"], &[Look::Uuid]),
    (&["ip"], &[Look::Ip]),
    (&["domain", "host"], &[Look::Host, Look::Ip]),
    (&["phone", "fax"], &[Look::Phone, Look::Digits]),
    (&["currency"], &[Look::CurrencyCode]),
    (&["timezone"], &[Look::Zone]),
    (&["created", "updated", "expires", "birthday"], MOMENTS),
    (&["timestamp"], &[Look::Moment, Look::Day, Look::Digits, Look::TimeOfDay]),
    (&["version"], &[Look::Version, Look::Decimal, Look::Digits]),
    (&["surname", "forename", "name", "author"], &[Look::Person]),
    (&["street", "city", "country", "description", "note", "title"], &[]),
    (&["zip", "postal"], &[Look::Digits]),
];

/// Looks of a moment.
const MOMENTS: &[Look] = &[Look::Moment, Look::Day, Look::Digits];

/// Looks of values that are something of their own: a name that asks for another look does not mean
/// them.
fn is_own(look: Look) -> bool {
    !matches!(look, Look::Digits | Look::Decimal | Look::Person | Look::Host | Look::Phone)
}

thread_local! {
    static PATTERNS: Vec<(Look, regex::Regex)> = LOOKS
        .iter()
        .map(|(look, text)| (*look, regex::Regex::new(text).expect("a pattern of this file reads")))
        .collect();
}

/// What a text looks like.
pub fn of_text(text: &str) -> Option<Look> {
    PATTERNS.with(|patterns| {
        patterns.iter().find(|(_, pattern)| pattern.is_match(text)).map(|(look, _)| *look)
    })
}

/// What nearly all texts among a field's values look like.
pub fn of_values(leaf: &Leaf) -> Option<Look> {
    if times::epoch(leaf).is_some() {
        return Some(Look::Moment);
    }
    of(&leaf.values)
}

/// What nearly all of these look like.
pub fn of(values: &[Json]) -> Option<Look> {
    let values: Vec<&Json> = values.iter().filter(|value| !value.is_null()).collect();
    let texts: Vec<&str> =
        values.iter().filter_map(|value| value.as_str()).filter(|text| !text.is_empty()).collect();
    let first = of_text(texts.first()?)?;
    let alike = texts.iter().filter(|text| of_text(text) == Some(first)).count();
    (texts.len() == values.len() && alike * 10 >= texts.len() * 9).then_some(first)
}

/// What a new field's name and format ask for; `None` where they say nothing.
pub fn asked_of(leaf: &Leaf) -> Option<&'static [Look]> {
    let structure = &leaf.structure;
    let by_format: Option<&'static [Look]> = match structure.format.as_deref() {
        Some("email") => Some(&[Look::Email]),
        Some("uri") => Some(&[Look::Url]),
        Some("date" | "date-time") => Some(MOMENTS),
        Some("uuid") => Some(&[Look::Uuid]),
        Some("ipv4") => Some(&[Look::Ip]),
        Some("hostname") => Some(&[Look::Host]),
        _ => None,
    };
    by_format.or_else(|| by_name(leaf, structure))
}

fn by_name(leaf: &Leaf, structure: &Structure) -> Option<&'static [Look]> {
    let is_text = structure.may_be(FieldType::String) && structure.listed.is_none();
    let name = words(leaf.path.last()?);
    // `is_email` and `email_count` ask for no address.
    let last = name.last().filter(|_| is_text)?;
    let two = name[name.len().saturating_sub(2)..].concat();
    let says_little = matches!(last.as_str(), "code" | "address" | "number" | "value");
    let word = match name.len().checked_sub(2) {
        Some(_) if is_known(&two) => canonical(&two),
        Some(before) if says_little => canonical(&name[before]),
        _ => canonical(last),
    };
    let row = ASKED.iter().find(|(words, _)| words.contains(&word.as_str()));
    row.map(|(_, looks)| *looks)
}

/// What the looks of values say of a field as their new place: 1 where both say the same, -1 where they
/// say something else, 0 where one of them says nothing.
pub fn agree(values: Option<Look>, asked: Option<&[Look]>) -> i8 {
    match (values, asked) {
        (Some(look), Some(asked)) if asked.contains(&look) => 1,
        (Some(look), Some([])) if is_own(look) => -1,
        (Some(look), Some([asked, ..])) if is_own(look) || is_own(*asked) => -1,
        (
            None,
            Some(
                [
                    Look::Email
                    | Look::Url
                    | Look::Uuid
                    | Look::Ip
                    | Look::Color
                    | Look::CurrencyCode,
                ],
            ),
        ) => -1,
        _ => 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_look_like_what_they_are() {
        let looks = [
            ("ada@example.org", Look::Email),
            ("https://example.org/a", Look::Url),
            ("2024-01-02", Look::Day),
            ("Ada Lovelace", Look::Person),
            ("Lovelace, Ada", Look::Person),
            ("Europe/Berlin", Look::Zone),
            ("mastodon.social", Look::Host),
            ("12.50", Look::Decimal),
        ];
        for (text, look) in looks {
            assert_eq!(of_text(text), Some(look), "{text}");
        }
        assert_eq!(of_text("some words"), None);
    }

    #[test]
    fn a_web_address_is_no_domain() {
        assert_eq!(agree(Some(Look::Url), Some(&[Look::Host])), -1);
        assert_eq!(agree(Some(Look::Host), Some(&[Look::Host])), 1);
        assert_eq!(agree(Some(Look::Person), None), 0);
    }
}
