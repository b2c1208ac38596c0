//! What holds for every kind and any document: what a step does not touch keeps its bytes, and where
//! a step declares no loss, its inverse gives the same bytes, for JSON text and for hashes.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;
use semver::Version;
use serde_json::{Value as Json, json};

use crate::model::{Document, Key, Storage};
use crate::transform::{Facts, Frozen, Grade, Refusal, Step};

/// The fields that documents and steps draw from; few, so that they meet.
const NAMES: [&str; 6] = ["a", "a", "b", "c", "é", "x.y"];

fn space() -> impl Strategy<Value = &'static str> {
    prop_oneof![6 => Just(""), 3 => Just(" "), 1 => Just("\n  "), 1 => Just("\t")]
}

/// Text as JSON writes it; a character may stand as an escape, but never a space or a comma.
fn text_json() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        4 => "[a-z]{1,4}".prop_map(String::from),
        2 => Just(" ".to_owned()),
        1 => Just(",".to_owned()),
        1 => prop_oneof![Just("\\u00e9"), Just("é"), Just("\\/"), Just("\\n"), Just("\\ud83d\\ude00"), Just("\\\"")]
            .prop_map(String::from),
        1 => prop_oneof![Just("1"), Just("0"), Just("true"), Just("-7"), Just("1.50")].prop_map(String::from),
    ];
    prop_oneof![
        proptest::collection::vec(piece, 0..5)
            .prop_map(|pieces| format!("\"{}\"", pieces.concat())),
        "[a-z]{1,2} [a-z]{1,2}".prop_map(|text| format!("\"{text}\"")),
    ]
}

fn scalar_json() -> impl Strategy<Value = String> {
    prop_oneof![
        5 => text_json(),
        3 => prop_oneof![
            Just("0"), Just("1"), Just("-1"), Just("1.0"), Just("1e2"), Just("1.10"), Just("42"),
            Just("12345678901234567890"), Just("1700000000"), Just("1700000000123"), Just("-0"),
        ].prop_map(String::from),
        1 => prop_oneof![Just("true"), Just("false"), Just("null")].prop_map(String::from),
        1 => prop_oneof![
            Just("\"2026-11-23\""), Just("\"2026-11-23T01:02:03Z\""),
            Just("\"2026-11-23T01:02:03.5+02:00\""), Just("\"42\""), Just("\"true\""),
        ].prop_map(String::from),
    ]
}

fn value_json() -> impl Strategy<Value = String> {
    scalar_json().prop_recursive(3, 12, 4, |inner| {
        prop_oneof![
            object_json(inner.clone()),
            (proptest::collection::vec((space(), inner, space()), 0..4), space()).prop_map(
                |(items, hollow)| {
                    let items: Vec<String> =
                        items.into_iter().map(|(a, item, b)| format!("{a}{item}{b}")).collect();
                    if items.is_empty() {
                        format!("[{hollow}]")
                    } else {
                        format!("[{}]", items.join(","))
                    }
                }
            ),
        ]
    })
}

fn object_json(value: impl Strategy<Value = String>) -> impl Strategy<Value = String> {
    let member = (proptest::sample::select(&NAMES[..]), space(), space(), space(), value, space());
    (proptest::collection::vec(member, 0..7), space()).prop_map(|(members, close)| {
        let mut seen = BTreeSet::new();
        let members: Vec<String> = members
            .into_iter()
            .filter(|member| seen.insert(member.0))
            .map(|(name, lead, before, after, value, tail)| {
                format!("{lead}\"{name}\"{before}:{after}{value}{tail}")
            })
            .collect();
        format!("{{{}{close}}}", members.join(","))
    })
}

fn document_json() -> impl Strategy<Value = String> {
    (space(), object_json(value_json()), space())
        .prop_map(|(a, object, b)| format!("{a}{object}{b}"))
}

fn hash_fields() -> impl Strategy<Value = BTreeMap<Vec<u8>, Vec<u8>>> {
    let value = prop_oneof![
        6 => scalar_json().prop_map(|json| {
            json.strip_prefix('"')
                .and_then(|json| json.strip_suffix('"'))
                .unwrap_or(&json)
                .as_bytes()
                .to_vec()
        }),
        2 => value_json().prop_map(String::into_bytes),
        1 => Just(vec![0xff, 0x00]),
    ];
    let name = proptest::sample::select(&NAMES[..]).prop_map(|name| name.as_bytes().to_vec());
    proptest::collection::btree_map(name, value, 0..6)
}

fn path() -> impl Strategy<Value = String> {
    let name = || proptest::sample::select(&["a", "a", "a", "b", "b", "c", "é", r"x\.y"][..]);
    prop_oneof![
        6 => name().prop_map(String::from),
        2 => (name(), name()).prop_map(|(parent, name)| format!("{parent}.{name}")),
    ]
}

/// Mostly a field that no document has.
fn target() -> impl Strategy<Value = String> {
    prop_oneof![
        3 => proptest::sample::select(&["m", "n", "a.n", "m.n"][..]).prop_map(String::from),
        1 => path(),
    ]
}

/// The options that many kinds share.
fn options() -> impl Strategy<Value = Json> {
    let missing = proptest::option::of(proptest::sample::select(&["fail", "skip"][..]));
    let existing =
        proptest::option::of(proptest::sample::select(&["fail", "keep", "overwrite"][..]));
    (missing, existing, proptest::option::of(any::<bool>())).prop_map(
        |(missing, existing, keep)| {
            let mut options = json!({});
            if let Some(missing) = missing {
                options["onMissing"] = missing.into();
            }
            if let Some(existing) = existing {
                options["onExisting"] = existing.into();
            }
            if let Some(keep) = keep {
                options["keepSource"] = keep.into();
            }
            options
        },
    )
}

/// A definition with random parameters. Options that a kind does not know make it unreadable, and
/// such a definition is passed over.
fn definition() -> impl Strategy<Value = Json> {
    let form = || {
        let words = [
            "string",
            "number",
            "integer",
            "boolean",
            "date",
            "dateTime",
            "epochSeconds",
            "epochMillis",
        ];
        proptest::sample::select(words.to_vec())
    };
    let parameters = prop_oneof![
        (path(), target())
            .prop_map(|(from, to)| json!({"type": "renameField", "from": from, "to": to})),
        target().prop_map(
            |field| json!({"type": "addField", "field": field, "defaultValue": "${KEY}"})
        ),
        path().prop_map(|field| json!({"type": "removeField", "field": field})),
        (
            path(),
            target(),
            target(),
            proptest::sample::select(&[" ", ","][..]),
            proptest::sample::select(&["last", "first", "drop", "fail"][..]),
            proptest::sample::select(&["fail", "omit", "empty", "null"][..])
        )
            .prop_map(|(from, a, b, separator, rest, short)| {
                json!({"type": "splitField", "from": from, "to": [a, b], "separator": separator,
                       "rest": rest, "onShort": short})
            }),
        (path(), path(), target())
            .prop_map(|(a, b, to)| json!({"type": "mergeFields", "from": [a, b], "to": to})),
        (
            path(),
            form(),
            proptest::option::of(form()),
            proptest::sample::select(&["fail", "keep"][..])
        )
            .prop_map(|(field, to, from, on_error)| {
                let mut step = json!({"type": "convertType", "field": field, "to": to,
                                      "onError": on_error});
                if let Some(from) = from {
                    step["from"] = from.into();
                }
                step
            }),
    ];
    (parameters, options()).prop_map(|(mut definition, options)| {
        let kind = definition["type"].as_str().and_then(super::find).expect("a kind");
        for (name, value) in options.as_object().expect("an object") {
            if kind.parameters.iter().any(|parameter| parameter.name == name) {
                definition[name] = value.clone();
            }
        }
        definition
    })
}

/// A value that a definition is likely to accept.
fn fitting_value(definition: &Json) -> BoxedStrategy<String> {
    let one_of = |texts: &'static [&'static str]| proptest::sample::select(texts).boxed();
    let name = definition.get("from").and_then(Json::as_str);
    let texts = match (definition["type"].as_str(), name) {
        (Some("splitField"), _) => {
            one_of(&["\"ab cd\"", "\"ab,c\\u00e9\"", "\"a b c\"", "\"a,b,,\""])
        }
        (Some("convertType"), Some("number")) => one_of(&["1", "0", "1.0", "-0", "1e2", "7.10"]),
        (Some("convertType"), Some("integer")) => one_of(&["1", "0", "-0", "12345678901234567890"]),
        (Some("convertType"), Some("boolean")) => one_of(&["true", "false"]),
        (Some("convertType"), Some("date")) => one_of(&["\"2026-11-23\"", "\"1969-02-01\""]),
        (Some("convertType"), Some("dateTime")) => {
            one_of(&["\"2026-11-23T01:02:03Z\"", "\"2026-11-23T01:02:03.5+02:00\""])
        }
        (Some("convertType"), Some("epochSeconds")) => one_of(&["0", "1700000000", "-86400"]),
        (Some("convertType"), Some("epochMillis")) => one_of(&["0", "1700000000123", "86400000"]),
        (Some("convertType"), _) => one_of(&["\"1\"", "\"1.0\"", "\"true\"", "\"-5\""]),
        _ => return scalar_json().boxed(),
    };
    texts.prop_map(String::from).boxed()
}

/// A definition that reads `a` (and `b`), and a document in which they fit and stand among others.
fn fitting() -> impl Strategy<Value = (Json, String)> {
    definition().prop_flat_map(|mut definition| {
        let source = match definition["type"].as_str() {
            Some("mergeFields") => ("from", json!(["b", "a"])),
            Some("convertType" | "removeField") => ("field", json!("a")),
            Some("addField") => ("field", json!("m")),
            _ => ("from", json!("a")),
        };
        definition[source.0] = source.1;
        let fitting = || fitting_value(&definition);
        (fitting(), fitting(), value_json(), space(), space(), space()).prop_map(
            move |(a, b, other, s, t, u)| {
                let text = format!(
                    "{{{s}\"a\"{t}:{s}{a}{u},{t}\"é\":{other}{s},{u}\"b\" : {b},\"x.y\":{t}1{u}}}"
                );
                (definition.clone(), text)
            },
        )
    })
}

fn apply(step: &Step, document: &mut Document<'_>) -> Result<bool, Refusal> {
    let frozen = Frozen { now: "2026-11-23T00:00:00.000Z".into(), ..Frozen::default() };
    let (key, version) = (Key::from("user:42"), Version::new(2, 0, 0));
    let facts = Facts { key: &key, pattern: "user:*", version: &version, frozen: &frozen };
    step.apply(document, &facts)
}

fn apply_json(step: &Step, text: &str) -> Result<String, Refusal> {
    let mut document = Document::from_json(text.as_bytes(), Storage::String).expect("a document");
    apply(step, &mut document)?;
    Ok(document.to_json())
}

type Fields = BTreeMap<Vec<u8>, Vec<u8>>;

fn read_hash(fields: &Fields) -> Document<'_> {
    Document::from_hash(fields.iter().map(|(name, value)| (&name[..], &value[..])))
}

/// Applies a step and writes its delta; `None` when the step or the hash refuses the outcome.
fn apply_hash(step: &Step, fields: &Fields) -> Option<Fields> {
    let before = read_hash(fields);
    let mut after = before.clone();
    apply(step, &mut after).ok()?;
    let mut written = fields.clone();
    for change in after.hash_delta(&before).ok()? {
        assert_eq!(fields.get(&change.name), change.before.as_ref(), "what stood is told");
        match change.after {
            Some(value) => written.insert(change.name, value),
            None => written.remove(&change.name),
        };
    }
    Some(written)
}

fn inverse(step: &Step) -> Vec<Step> {
    let definitions = step.inverse().expect("what loses nothing has an inverse");
    definitions
        .iter()
        .map(|definition| Step::parse(definition).unwrap_or_else(|m| panic!("{definition}: {m:?}")))
        .collect()
}

/// The members of the top level outside of `touched`, as they are written.
fn untouched(document: &Document<'_>, touched: &BTreeSet<String>) -> Vec<(String, String)> {
    let members = document.root.members().iter();
    members
        .filter(|member| !touched.contains(member.name.text().as_ref()))
        .map(|member| (format!("{:?}", member.name), member.value.to_json().into_owned()))
        .collect()
}

fn roots(step: &Step) -> BTreeSet<String> {
    step.touches().iter().filter_map(|path| path.root().map(str::to_owned)).collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1_500, ..ProptestConfig::default() })]

    #[test]
    fn what_is_not_touched_keeps_its_bytes(definition in definition(), text in document_json()) {
        let Ok(step) = Step::parse(&definition) else { return Ok(()) };
        let before = Document::from_json(text.as_bytes(), Storage::String).expect("a document");
        let mut after = before.clone();
        if apply(&step, &mut after).is_ok() {
            let touched = roots(&step);
            prop_assert_eq!(untouched(&before, &touched), untouched(&after, &touched));
            let printed = after.to_json();
            let read = Document::from_json(printed.as_bytes(), Storage::String);
            prop_assert!(read.is_ok(), "{printed} is JSON");
        }
    }

    #[test]
    fn what_loses_nothing_comes_back(definition in definition(), text in document_json()) {
        let Ok(step) = Step::parse(&definition) else { return Ok(()) };
        let loss = step.loss();
        if loss.as_ref().is_some_and(|loss| loss.grade != Grade::Form) {
            return Ok(());
        }
        if let Ok(mut now) = apply_json(&step, &text) {
            let forth = now.clone();
            for step in inverse(&step) {
                match apply_json(&step, &now) {
                    Ok(next) => now = next,
                    Err(refusal) => prop_assert!(false, "{forth}: {refusal}"),
                }
            }
            if loss.is_none() {
                prop_assert_eq!(&now, &text, "over {}", forth);
            }
        }
    }

    #[test]
    fn what_fits_and_loses_nothing_comes_back((definition, text) in fitting()) {
        let Ok(step) = Step::parse(&definition) else { return Ok(()) };
        if step.loss().is_some() {
            return Ok(());
        }
        if let Ok(mut now) = apply_json(&step, &text) {
            let forth = now.clone();
            for step in inverse(&step) {
                now = apply_json(&step, &now).map_err(|refusal| {
                    TestCaseError::fail(format!("{forth}: {refusal}"))
                })?;
            }
            prop_assert_eq!(&now, &text, "over {}", forth);
        }
    }

    #[test]
    fn a_hash_comes_back_too(definition in definition(), fields in hash_fields()) {
        let Ok(step) = Step::parse(&definition) else { return Ok(()) };
        if step.loss().is_some() {
            return Ok(());
        }
        if let Some(mut now) = apply_hash(&step, &fields) {
            let touched = roots(&step);
            for (name, value) in &fields {
                if !touched.contains(&String::from_utf8_lossy(name).into_owned()) {
                    prop_assert_eq!(now.get(name), Some(value));
                }
            }
            for step in inverse(&step) {
                now = apply_hash(&step, &now).expect("the inverse applies");
            }
            prop_assert_eq!(now, fields);
        }
    }
}
