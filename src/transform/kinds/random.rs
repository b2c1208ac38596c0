//! Random documents and random steps for the properties, drawn so that they often meet.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;
use serde_json::{Value as Json, json};

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

pub(super) fn document_json() -> impl Strategy<Value = String> {
    (space(), object_json(value_json()), space())
        .prop_map(|(a, object, b)| format!("{a}{object}{b}"))
}

pub(super) fn hash_fields() -> impl Strategy<Value = BTreeMap<Vec<u8>, Vec<u8>>> {
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

/// Kinds that work on one field, without it.
fn of_one() -> impl Strategy<Value = Json> {
    proptest::sample::select(vec![
        json!({"type": "trim", "collapse": true}),
        json!({"type": "case", "to": "upper"}),
        json!({"type": "replace", "regex": "[a-m]", "with": ","}),
        json!({"type": "mapValues", "map": {"42": "x", "true": "y"}, "else": "keep"}),
        json!({"type": "mapValues", "map": {"42": "x", "true": "y"}}),
        json!({"type": "parseJson"}),
        json!({"type": "stringifyJson"}),
        json!({"type": "wrapField"}),
        json!({"type": "hoistField"}),
        json!({"type": "flattenField"}),
        json!({"type": "keyBy", "key": "a"}),
        json!({"type": "entries", "key": "m"}),
        json!({"type": "keyBy", "key": "a", "value": "b"}),
        json!({"type": "entries", "key": "m", "value": "n"}),
        json!({"type": "setField", "value": [1.0]}),
        json!({"type": "defaultIfMissing", "defaultValue": "x"}),
        json!({"type": "stampVersion"}),
        json!({"type": "removeField"}),
        json!({"type": "forEach", "transforms": [{"type": "wrapField", "field": "a"}]}),
    ])
}

/// Kinds that bring one field elsewhere, without their paths.
fn of_two() -> impl Strategy<Value = Json> {
    proptest::sample::select(vec![
        json!({"type": "renameField"}),
        json!({"type": "moveField"}),
        json!({"type": "copyField"}),
    ])
}

/// Kinds that make one field of two, without their paths.
fn of_three() -> impl Strategy<Value = Json> {
    proptest::sample::select(vec![
        json!({"type": "mergeFields"}),
        json!({"type": "pickFirst"}),
        json!({"type": "nestFields"}),
    ])
}

/// Mostly no condition.
fn when() -> impl Strategy<Value = Option<Json>> {
    prop_oneof![
        7 => Just(None),
        1 => path().prop_map(|field| Some(json!({"field": field}))),
        1 => path().prop_map(|field| Some(json!({"not": {"field": field, "type": "string"}}))),
        1 => (path(), path()).prop_map(|(a, b)| {
            Some(json!({"any": [{"field": a, "gt": 1}, {"field": b, "in": ["1", true, null]}]}))
        }),
    ]
}

/// A definition with random parameters. Options that a kind does not know make it unreadable, and
/// such a definition is passed over.
pub(super) fn definition() -> impl Strategy<Value = Json> {
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
        2 => (of_two(), path(), target()).prop_map(|(mut step, from, to)| {
            (step["from"], step["to"]) = (from.into(), to.into());
            step
        }),
        4 => (of_one(), path()).prop_map(|(mut step, field)| {
            step["field"] = field.into();
            step
        }),
        2 => (of_three(), path(), path(), target()).prop_map(|(mut step, a, b, to)| {
            (step["from"], step["to"]) = (json!([a, b]), to.into());
            step
        }),
        1 => target().prop_map(
            |field| json!({"type": "addField", "field": field, "defaultValue": "${KEY}"})
        ),
        2 => (
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
        3 => (
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
    (parameters, options(), when()).prop_map(|(mut definition, options, when)| {
        if let Some(when) = when {
            definition["when"] = when;
        }
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
pub(super) fn fitting() -> impl Strategy<Value = (Json, String)> {
    definition().prop_flat_map(|mut definition| {
        let is_conversion = definition["type"] == "convertType";
        match definition.get("from") {
            Some(Json::Array(_)) => definition["from"] = json!(["b", "a"]),
            Some(_) if !is_conversion => definition["from"] = json!("a"),
            _ if definition["type"] == "addField" => definition["field"] = json!("m"),
            _ => definition["field"] = json!("a"),
        }
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
