//! Users: JSON documents in strings under `user:*`, of three versions and of none.

use super::kind::Kind;
use super::random::Random;
use super::words::{
    CITIES, FIRST_NAMES, LAST_NAMES, Layout, NUMBERS, ODD_NAMES, ONE_WORD_NAMES, object, quoted,
};
use crate::store::fill::NewValue;

/// The key of the user at `index`.
pub fn key(kind: Kind, index: u64, random: &mut Random) -> Vec<u8> {
    if kind == Kind::UserOtherType {
        let about = random.pick(&["devices", "friends", "settings"]);
        return format!("user:{index}:{about}").into_bytes();
    }
    match random.below(100) {
        0 => [b"user:\xff\xfe\x00", index.to_string().as_bytes()].concat(),
        1 => format!("user:{index}:käse🧀").into_bytes(),
        2 => format!("user:{index} with space\r\n").into_bytes(),
        3 => format!("user:[{index}]*?\\").into_bytes(),
        4 => format!("user:{{{index}}}").into_bytes(),
        _ => format!("user:{index}").into_bytes(),
    }
}

/// The value of a user.
pub fn value(kind: Kind, index: u64, random: &mut Random) -> NewValue {
    let text = match kind {
        Kind::UserNotJson => {
            random.pick(&["", "not json", "{'userName': 'x'}", "{userName}"]).into()
        }
        Kind::UserArray => random.pick(&["[1,2,3]", "\"Ada\"", "42", "null", "[]"]).into(),
        Kind::UserBinary => return NewValue::String(binary(random)),
        Kind::UserOtherType => return other_type(random),
        Kind::UserTruncated => {
            let mut text = document(Kind::UserV1, index, random);
            // Cut before the closing brace and its white space, at a place that is ASCII.
            let length = text.trim_end().len();
            text.truncate(text[..length].rfind(',').expect("a document has several members"));
            text
        }
        _ => document(kind, index, random),
    };
    NewValue::String(text.into_bytes())
}

/// The text of a JSON document.
fn document(kind: Kind, index: u64, random: &mut Random) -> String {
    let mut members = vec![("externalId", external_id(index, random))];
    // The name stands first in some programs' documents and in the middle of others'.
    let at = usize::from(random.chance(50));
    for (offset, member) in names(kind, random).into_iter().enumerate() {
        members.insert(at + offset, member);
    }
    let escape = random.chance(10);
    let email = format!("\"user{index}@example.org\"");
    members.push(("email", if random.chance(5) { "null".into() } else { email }));
    members.push(("age", random.pick(&["31", "47.0", "1e2", "18", "64"]).into()));
    if random.chance(60) {
        members.push(("balance", random.pick(&NUMBERS).into()));
    }
    if random.chance(70) {
        members.push(("preferences", preferences(random)));
    }
    if random.chance(60) {
        members.push(("address", address(escape, random)));
    }
    if random.chance(30) {
        members.push(("tags", r#"["vip", "käse","\u2028"]"#.into()));
    }
    if random.chance(20) {
        members.push(("note", r#""line\nbreak, \"quotes\", a \/ and \u0000""#.into()));
    }
    if random.chance(15) {
        // A field that no schema declares.
        members.push(("_legacy", r#"{"a":[1, 2.50,{"b":null}],"": {}}"#.into()));
    }
    let layout = match random.below(10) {
        0 => Layout::Pretty,
        1..=3 => Layout::Spaced,
        _ => Layout::Compact,
    };
    object(&members, layout)
}

/// The members that tell the version.
fn names(kind: Kind, random: &mut Random) -> Vec<(&'static str, String)> {
    let escape = random.chance(15);
    let first = random.pick(&FIRST_NAMES);
    let last = random.pick(&LAST_NAMES);
    let whole = if random.chance(8) {
        format!("\"{}\"", random.pick(&ODD_NAMES))
    } else {
        quoted(&format!("{first} {last}"), escape)
    };
    let one_word = quoted(random.pick(&ONE_WORD_NAMES), escape);
    let created = created_at(random);
    match kind {
        Kind::UserV1 => vec![("userName", whole)],
        Kind::UserV2 => vec![("fullName", whole), ("createdAt", created)],
        Kind::UserV3 => vec![
            ("firstName", quoted(first, escape)),
            ("lastName", quoted(last, escape)),
            ("createdAt", created),
        ],
        Kind::UserV1OneWord => vec![("userName", one_word)],
        Kind::UserV2OneWord => vec![("fullName", one_word), ("createdAt", created)],
        Kind::UserV1Dated => vec![("userName", whole), ("createdAt", created)],
        Kind::UserV1HalfDone => vec![("userName", whole.clone()), ("fullName", whole)],
        Kind::UserV1NoFirst => vec![("userName", quoted(&format!(" {last}"), escape))],
        Kind::UserNumberName => vec![("userName", random.pick(&NUMBERS).into())],
        _ => Vec::new(),
    }
}

fn external_id(index: u64, random: &mut Random) -> String {
    match random.below(20) {
        0 => "12345678901234567890".into(),
        1 => "-9007199254740993".into(),
        _ => (1_000_000 + index).to_string(),
    }
}

fn created_at(random: &mut Random) -> String {
    let (month, day) = (1 + random.below(12), 1 + random.below(28));
    let (hour, minute) = (random.below(24), random.below(60));
    format!("\"20{}-{month:02}-{day:02}T{hour:02}:{minute:02}:00Z\"", 15 + random.below(10))
}

fn preferences(random: &mut Random) -> String {
    let theme = random.pick(&["light", "dark", "auto"]);
    let newsletter = random.chance(50);
    let volume = random.pick(&["1e1", "0.50", "11"]);
    format!(r#"{{"theme":"{theme}","newsletter":{newsletter},"sound":{{"volume":{volume}}}}}"#)
}

fn address(escape: bool, random: &mut Random) -> String {
    let city = quoted(random.pick(&CITIES), escape);
    let (lat, lon) = (random.below(90), random.below(180));
    let zip = random.below(100_000);
    format!(r#"{{"city": {city}, "zip":"{zip:05}","geo":{{"lat":{lat}.50,"lon":-{lon}.0e0}}}}"#)
}

/// Bytes that begin like nothing a JSON reader knows and are no UTF-8.
fn binary(random: &mut Random) -> Vec<u8> {
    let mut bytes = vec![0xff, 0x00];
    for _ in 0..4 {
        bytes.extend_from_slice(&random.next().to_le_bytes());
    }
    bytes
}

fn other_type(random: &mut Random) -> NewValue {
    let id = random.next();
    match random.below(3) {
        0 => NewValue::List(vec![b"phone".to_vec(), format!("tablet-{id}").into_bytes()]),
        1 => NewValue::Set(vec![b"user:1".to_vec(), format!("user:{id}").into_bytes()]),
        _ => NewValue::Hash(vec![(b"userName".to_vec(), b"not a document".to_vec())]),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn documents_are_json_exactly_when_they_should_be() {
        for index in 0..500 {
            let mut random = Random::of(3, index);
            for kind in [Kind::UserV1, Kind::UserV2, Kind::UserV3, Kind::UserNameless] {
                let NewValue::String(bytes) = value(kind, index, &mut random) else {
                    panic!("a user is a string")
                };
                let text = String::from_utf8(bytes).expect("text");
                serde_json::from_str::<serde_json::Value>(&text).expect(&text);
            }
            for kind in [Kind::UserTruncated, Kind::UserNotJson, Kind::UserBinary] {
                let NewValue::String(bytes) = value(kind, index, &mut random) else {
                    panic!("a string")
                };
                assert!(serde_json::from_slice::<serde_json::Value>(&bytes).is_err());
            }
        }
    }
}
