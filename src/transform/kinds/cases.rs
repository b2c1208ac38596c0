//! One line for each thing a kind does: the step, a document, what becomes of it or why it is
//! refused. Where the step has an inverse, the driver takes it back and compares with what the step
//! declares to lose.

use serde_json::{Value as Json, json};

use super::tests::apply;
use crate::transform::{Grade, Step};

/// Runs a table of `[step, before, after]`; `after` as text that begins with `!` is part of a
/// refusal.
fn run(table: &[(Json, &str, &str)]) {
    for (definition, before, after) in table {
        let step = Step::parse(definition).unwrap_or_else(|m| panic!("{definition}: {m:?}"));
        let found = apply(definition, before);
        if let Some(reason) = after.strip_prefix('!') {
            let refusal = found.expect_err(&format!("{definition} refuses {before}"));
            assert!(refusal.contains(reason), "{definition} on {before}: {refusal}");
            continue;
        }
        assert_eq!(found.as_deref(), Ok(*after), "{definition} on {before}");
        let loss = step.loss_without_record();
        let Some(back) = step.inverse() else {
            assert!(loss.is_some(), "{definition} has no inverse and says that nothing is lost");
            continue;
        };
        let undone = back.iter().try_fold((*after).to_owned(), |text, step| apply(step, &text));
        match loss.map(|loss| loss.grade) {
            None => assert_eq!(undone.as_deref(), Ok(*before), "{definition} there and back"),
            Some(Grade::Form) => {
                let same = |text: &str| serde_json::from_str::<Json>(text).expect("JSON");
                let undone = undone.unwrap_or_else(|why| panic!("{definition} back: {why}"));
                assert_eq!(same(&undone), same(before), "{definition} there and back");
            }
            Some(_) => {}
        }
    }
}

#[test]
fn fields() {
    let mv = json!({"type": "moveField", "from": "city", "to": "address.city"});
    let keep = json!({"type": "keepFields", "fields": ["a", "c"]});
    run(&[
        (
            mv.clone(),
            r#"{"address":{"zip":1},"city":"Ulm"}"#,
            r#"{"address":{"zip":1,"city":"Ulm"}}"#,
        ),
        (mv.clone(), r#"{"city":"Ulm","address":{"city":"x"}}"#, "!exists already"),
        (mv.clone(), r#"{"city":"Ulm","address":7}"#, "!'address' is number"),
        (mv, "{}", "!city: the field is missing"),
        (
            json!({"type": "moveField", "from": "a", "to": "a.value"}),
            r#"{"x":0,"a":1.0}"#,
            r#"{"x":0,"a":{"value":1.0}}"#,
        ),
        (
            json!({"type": "moveField", "from": "a.value", "to": "a"}),
            r#"{"a":{"value":1.0},"x":0}"#,
            r#"{"a":1.0,"x":0}"#,
        ),
        (
            json!({"type": "moveField", "from": "a.value", "to": "a"}),
            r#"{"a":{"value":1,"unit":"m"}}"#,
            "!exists already",
        ),
        (
            json!({"type": "moveField", "from": "a.b", "to": "b"}),
            r#"{"a":{"b":1.0,"c":2}}"#,
            r#"{"a":{"c":2},"b":1.0}"#,
        ),
        (
            json!({"type": "copyField", "from": "a", "to": "b"}),
            r#"{"a": {"x": 1e2}}"#,
            r#"{"a": {"x": 1e2}, "b": {"x": 1e2}}"#,
        ),
        (
            json!({"type": "setField", "field": "a", "value": "${KEY.1}"}),
            r#"{"a":1}"#,
            r#"{"a":"42"}"#,
        ),
        (json!({"type": "setField", "field": "a", "value": 2}), "{}", r#"{"a":2}"#),
        (json!({"type": "setField", "field": "a", "value": 2, "onMissing": "skip"}), "{}", "{}"),
        (keep, r#"{"a":1,"b":2,"c":{"b":3}}"#, r#"{"a":1,"c":{"b":3}}"#),
        (
            json!({"type": "defaultIfMissing", "field": "a", "defaultValue": 0}),
            r#"{"a":null}"#,
            r#"{"a":0}"#,
        ),
        (
            json!({"type": "defaultIfMissing", "field": "a", "defaultValue": 0, "replaceNull": false}),
            r#"{"a":null}"#,
            r#"{"a":null}"#,
        ),
        (
            json!({"type": "stampVersion", "field": "schemaVersion"}),
            r#"{"schemaVersion":"1.0.0"}"#,
            r#"{"schemaVersion":"2.0.0"}"#,
        ),
        (
            json!({"type": "pickFirst", "from": ["mobile", "phone"], "to": "contact"}),
            r#"{"x":1,"phone":"2","mobile":null,"y":2}"#,
            r#"{"x":1,"contact":"2","y":2}"#,
        ),
        (
            json!({"type": "pickFirst", "from": ["mobile", "phone"], "to": "contact"}),
            r#"{"mobile":null}"#,
            "!none of the fields has a value",
        ),
    ]);
}

#[test]
fn texts() {
    run(&[
        (json!({"type": "trim", "field": "a"}), r#"{"a":" \u00e9 x\t "}"#, r#"{"a":"\u00e9 x"}"#),
        (
            json!({"type": "trim", "field": "tags[]", "collapse": true}),
            r#"{"tags":["a  b "," c"]}"#,
            r#"{"tags":["a b","c"]}"#,
        ),
        (json!({"type": "trim", "field": "a", "side": "end"}), r#"{"a":" x "}"#, r#"{"a":" x"}"#),
        (json!({"type": "trim", "field": "a"}), r#"{"a":1}"#, "!the value is number, not text"),
        (
            json!({"type": "trim", "field": "a", "onError": "keep"}),
            r#"{"a":null}"#,
            r#"{"a":null}"#,
        ),
        (
            json!({"type": "case", "field": "a", "to": "upper"}),
            r#"{"a":"straße"}"#,
            r#"{"a":"STRASSE"}"#,
        ),
        (
            json!({"type": "case", "field": "a", "to": "lower"}),
            r#"{"a":"\u0061"}"#,
            r#"{"a":"\u0061"}"#,
        ),
        (
            json!({"type": "replace", "field": "a", "regex": "(\\d+)-(\\d+)", "with": "$2/$1"}),
            r#"{"a":"1-22 x"}"#,
            r#"{"a":"22/1 x"}"#,
        ),
        (
            json!({"type": "replace", "field": "a", "find": ".", "with": ","}),
            r#"{"a":"1.2.3"}"#,
            r#"{"a":"1,2,3"}"#,
        ),
        (
            json!({"type": "mergeFields", "from": ["a", "b"], "to": "c", "template": "{2}, {1} {{x}"}),
            r#"{"a":"1","b":"\u00e9"}"#,
            r#"{"c":"\u00e9, 1 {x}"}"#,
        ),
        (
            json!({"type": "mergeFields", "from": ["a", "b"], "to": "c", "onMissing": "omit"}),
            r#"{"b":"x"}"#,
            r#"{"c":"x"}"#,
        ),
        (
            json!({"type": "splitField", "from": "a", "to": ["b", "c"], "regex": "\\s*[,;]\\s*"}),
            r#"{"a":"x ; y"}"#,
            r#"{"b":"x","c":"y"}"#,
        ),
        (
            json!({"type": "splitField", "from": "a", "to": ["b", "c"], "separator": " ", "onShort": "omit"}),
            r#"{"a":"Cher"}"#,
            r#"{"b":"Cher"}"#,
        ),
        (
            json!({"type": "splitField", "from": "name", "to": ["name.first", "name.last"], "separator": " "}),
            r#"{"name":"Ada Lovelace"}"#,
            r#"{"name":{"first":"Ada","last":"Lovelace"}}"#,
        ),
    ]);
}

#[test]
fn values() {
    let status = json!({"type": "mapValues", "field": "s", "map": {"A": "active", "I": "idle"}});
    let time =
        |from: &str, to: &str| json!({"type": "convertType", "field": "t", "from": from, "to": to});
    run(&[
        (status.clone(), r#"{"s":"A"}"#, r#"{"s":"active"}"#),
        (status, r#"{"s":"B"}"#, "!not in the table (found \"B\")"),
        (
            json!({"type": "mapValues", "field": "s[]", "pairs": [[1, "one"], [null, "none"]], "else": "keep"}),
            r#"{"s":[1.0,null,2]}"#,
            r#"{"s":["one","none",2]}"#,
        ),
        (
            json!({"type": "mapValues", "field": "s", "map": {"a": 1}, "else": "default", "default": 0}),
            r#"{"s":"zzz"}"#,
            r#"{"s":0}"#,
        ),
        (
            time("epochSeconds", "dateTime"),
            r#"{"t":1700000000}"#,
            r#"{"t":"2023-11-14T22:13:20Z"}"#,
        ),
        (
            time("epochMillis", "dateTime"),
            r#"{"t":1700000000123}"#,
            r#"{"t":"2023-11-14T22:13:20.123Z"}"#,
        ),
        (
            time("epochMillis", "epochSeconds"),
            r#"{"t":1700000000123}"#,
            "!no exact form as epochSeconds",
        ),
        (time("epochSeconds", "epochMillis"), r#"{"t":-5}"#, r#"{"t":-5000}"#),
        (time("epochSeconds", "date"), r#"{"t":86400}"#, r#"{"t":"1970-01-02"}"#),
        (time("epochSeconds", "date"), r#"{"t":86401}"#, "!no exact form as date"),
        (time("date", "dateTime"), r#"{"t":"2026-11-23"}"#, r#"{"t":"2026-11-23T00:00:00Z"}"#),
        (time("dateTime", "epochSeconds"), r#"{"t":"1970-01-01T01:00:00"}"#, "!no exact form"),
        (time("string", "number"), r#"{"t":42}"#, "!not the string that 'from' promises"),
        (
            json!({"type": "convertType", "field": "t", "from": "date", "fromFormat": "%d.%m.%Y", "to": "date"}),
            r#"{"t":"23.11.2026"}"#,
            r#"{"t":"2026-11-23"}"#,
        ),
        (
            json!({"type": "convertType", "field": "t", "to": "epochSeconds", "zone": "+01:00"}),
            r#"{"t":"1970-01-01T01:00:00"}"#,
            r#"{"t":0}"#,
        ),
        (
            json!({"type": "convertType", "field": "t", "to": "array"}),
            r#"{"t":"x"}"#,
            r#"{"t":["x"]}"#,
        ),
        (
            json!({"type": "parseJson", "field": "a"}),
            r#"{"a":"{\"n\":1.0,\"big\":12345678901234567890}"}"#,
            r#"{"a":{"n":1.0,"big":12345678901234567890}}"#,
        ),
        (json!({"type": "parseJson", "field": "a"}), r#"{"a":"{n}"}"#, "!the text is no JSON"),
        (
            json!({"type": "stringifyJson", "field": "a"}),
            r#"{"a":[1, "é"]}"#,
            r#"{"a":"[1, \"é\"]"}"#,
        ),
    ]);
}

#[test]
fn names_and_values() {
    run(&[
        (
            json!({"type": "keyBy", "field": "l", "key": "k", "value": "v"}),
            r#"{"l":[{"k":"b","v":1.0},{"v":[2],"k":"a"}]}"#,
            r#"{"l":{"b":1.0,"a":[2]}}"#,
        ),
        (
            json!({"type": "keyBy", "field": "l", "key": "k", "value": "v"}),
            r#"{"l":[{"k":"b","v":1,"w":2}]}"#,
            "!an item has other fields than 'k' and 'v'",
        ),
        (
            json!({"type": "entries", "field": "l", "key": "k", "value": "v"}),
            r#"{"l":{"b":1.0,"a":[2]}}"#,
            r#"{"l":[{"k":"b","v":1.0},{"k":"a","v":[2]}]}"#,
        ),
    ]);
}

#[test]
fn shapes() {
    let nest = json!({"type": "nestFields", "from": ["a_x", "a_y"], "to": "a", "prefix": "a_"});
    let key_by = json!({"type": "keyBy", "field": "l", "key": "id"});
    run(&[
        (
            nest.clone(),
            r#"{"q":0,"a_x":1.0,"z":9,"a_y":2}"#,
            r#"{"q":0,"a":{"x":1.0,"y":2},"z":9}"#,
        ),
        (nest.clone(), r#"{"a_x":1}"#, "!a_y: the field is missing"),
        (nest, r#"{"a_x":1,"a_y":2,"a":3}"#, "!exists already"),
        (
            json!({"type": "flattenField", "field": "a", "prefix": "a_", "fields": ["x", "y"]}),
            r#"{"q":0,"a":{"x":1.0,"y":2},"z":9}"#,
            r#"{"q":0,"a_x":1.0,"a_y":2,"z":9}"#,
        ),
        (
            json!({"type": "flattenField", "field": "a"}),
            r#"{"a":{"x":1},"x":2}"#,
            "!the field 'x' exists",
        ),
        (json!({"type": "flattenField", "field": "a"}), r#"{"a":{"a":1}}"#, r#"{"a":1}"#),
        (json!({"type": "flattenField", "field": "a"}), r#"{"b":1,"a":{}}"#, r#"{"b":1}"#),
        (json!({"type": "wrapField", "field": "a"}), r#"{"a": "x"}"#, r#"{"a": ["x"]}"#),
        (json!({"type": "wrapField", "field": "a"}), r#"{"a":[1]}"#, "!an array already"),
        (json!({"type": "hoistField", "field": "a"}), r#"{"a":[ {"b": 1} ]}"#, r#"{"a":{"b": 1}}"#),
        (json!({"type": "hoistField", "field": "a"}), r#"{"a":[1,2]}"#, "!several items"),
        (
            json!({"type": "hoistField", "field": "a", "onMany": "last"}),
            r#"{"a":[1,2]}"#,
            r#"{"a":2}"#,
        ),
        (json!({"type": "hoistField", "field": "a"}), r#"{"a":[]}"#, "!no item"),
        (
            key_by.clone(),
            r#"{"l":[{"id":"p","n":1.0},{"n":2,"id":"q"}]}"#,
            r#"{"l":{"p":{"n":1.0},"q":{"n":2}}}"#,
        ),
        (key_by.clone(), r#"{"l":[{"id":"p"},{"id":"p"}]}"#, "!two items have the same 'id'"),
        (key_by, r#"{"l":[{"id":7}]}"#, "!no text"),
        (
            json!({"type": "entries", "field": "l", "key": "id"}),
            r#"{"l":{"p":{"n":1}}}"#,
            r#"{"l":[{"id":"p","n":1}]}"#,
        ),
        (
            json!({"type": "forEach", "field": "items", "transforms": [
                {"type": "renameField", "from": "cost", "to": "price", "when": {"field": "cost", "type": "number"}},
                {"type": "case", "field": "unit", "to": "lower"}]}),
            r#"{"items":[{"cost":1.50,"unit":"KG"},{"cost":"?","unit":"g"}]}"#,
            r#"{"items":[{"price":1.50,"unit":"kg"},{"cost":"?","unit":"g"}]}"#,
        ),
        (
            json!({"type": "forEach", "field": "by", "transforms": [
                {"type": "renameField", "from": "a", "to": "b"}]}),
            r#"{"by":{"x":{"a":1},"y":{"a":2}}}"#,
            r#"{"by":{"x":{"b":1},"y":{"b":2}}}"#,
        ),
        (
            json!({"type": "forEach", "field": "by", "transforms": [
                {"type": "renameField", "from": "a", "to": "b"}]}),
            r#"{"by":[{}]}"#,
            "!by[].a: the field is missing",
        ),
    ]);
}

#[test]
fn mistakes_inside_of_steps_have_their_place() {
    for (definition, path) in [
        (
            json!({"type": "forEach", "field": "a", "transforms": [{"type": "trim"}]}),
            "transforms[0]",
        ),
        (json!({"type": "trim", "field": "a", "when": {"fild": 1}}), "when.fild"),
        (json!({"type": "mapValues", "field": "a"}), ""),
        (json!({"type": "replace", "field": "a", "regex": "(", "with": ""}), "regex"),
        (json!({"type": "nestFields", "from": ["a", "b.c"], "to": "d"}), "from[1]"),
        (
            json!({"type": "mergeFields", "from": ["a", "b"], "to": "c", "template": "{1} {3}"}),
            "template",
        ),
        (json!({"type": "convertType", "field": "a", "from": "number", "to": "date"}), "from"),
        (
            json!({"type": "convertType", "field": "a", "to": "date", "zone": "Europe/Berlin"}),
            "zone",
        ),
        (json!({"type": "splitField", "from": "a", "to": ["b", "b.c"], "separator": " "}), "to[1]"),
    ] {
        let mistakes = Step::parse(&definition).expect_err("a mistake");
        assert_eq!(mistakes[0].path, path, "{definition}: {mistakes:?}");
    }
}

#[test]
fn whole_keys() {
    let hash = json!({"type": "convertStorage", "from": "string", "to": "hash"});
    run(&[
        (hash.clone(), r#"{"a":1.0,"b":"x"}"#, r#"{"a":1.0,"b":"x"}"#),
        (hash.clone(), r#"{"a":null}"#, "!a: the value is null"),
        (hash.clone(), r#"{"a":[1]}"#, "!a: the value is array"),
        (hash, r#"{"a":1,"a":2}"#, "!the name stands twice"),
        (
            json!({"type": "convertStorage", "to": "hash", "nested": "json", "nulls": "omit"}),
            r#"{"a":[1, 2],"b":null}"#,
            r#"{"a":[1, 2]}"#,
        ),
        (
            json!({"type": "convertStorage", "from": "json", "to": "hash"}),
            r#"{"a":1}"#,
            "!not kept as json (found string)",
        ),
        (json!({"type": "renameKey", "to": "u:${KEY.1}"}), r#"{"a":1}"#, r#"{"a":1}"#),
        (
            json!({"type": "renameKey", "from": "order:*", "to": "u:${KEY.1}"}),
            "{}",
            "!the pattern 'order:*' has no such '*'",
        ),
        (json!({"type": "setExpiry", "at": "2026-11-22T00:00:00Z"}), "{}", "!lie in the past"),
        (json!({"type": "setExpiry", "field": "t"}), r#"{"t":1800000000}"#, r#"{"t":1800000000}"#),
        (json!({"type": "setExpiry", "field": "t"}), r#"{"t":"soon"}"#, "!no time (found"),
        (json!({"type": "setExpiry", "field": "t", "onMissing": "skip"}), "{}", "{}"),
    ]);
    for (definition, path) in [
        (json!({"type": "setExpiry"}), ""),
        (json!({"type": "setExpiry", "seconds": 1, "persist": true}), ""),
        (json!({"type": "setExpiry", "at": "tomorrow"}), "at"),
        (json!({"type": "convertStorage", "to": "list"}), "to"),
        (json!({"type": "renameKey", "to": "${KAY.1}"}), "to"),
    ] {
        let mistakes = Step::parse(&definition).expect_err("a mistake");
        assert_eq!(mistakes[0].path, path, "{definition}: {mistakes:?}");
    }
}
