//! What scripts can do, and that each way to do harm ends within its bound and leaves the next
//! document alone.

use std::time::{Duration, Instant};

use semver::Version;
use serde_json::{Value as Json, json};

use crate::model::{Document, Key, Storage};
use crate::transform::{Facts, Frozen, Step};

/// Each call has 250 ms; the rest is for starting machines on a busy computer.
const BOUND: Duration = Duration::from_secs(2);

fn apply(definition: &Json, text: &str) -> Result<String, String> {
    let step = Step::parse(definition)
        .map_err(|mistakes| format!("{}: {}", mistakes[0].path, mistakes[0].message))?;
    let frozen = Frozen { now: "2026-11-23T00:00:00.000Z".into(), ..Frozen::default() };
    let (key, version) = (Key::from("user:42"), Version::new(2, 0, 0));
    let facts = Facts { key: &key, pattern: "user:*", version: &version, frozen: &frozen };
    let mut document = Document::from_json(text.as_bytes(), Storage::String).expect("a document");
    step.apply(&mut document, &facts).map_err(|refusal| refusal.to_string())?;
    Ok(document.to_json())
}

/// A step from `a` to `b` with this body of the function.
fn custom(body: &str) -> Json {
    json!({"type": "custom", "inputs": ["a"], "outputs": ["b"],
           "script": format!("return function(i, facts)\n{body}\nend")})
}

#[test]
fn only_outputs_change() {
    let step = json!({"type": "custom", "inputs": ["price", "meta.rate"], "outputs": ["cents", "meta.ok"],
        "script": "return function(i) return {cents = i.price * 100, meta = {ok = i.meta.rate > 1}} end"});
    assert_eq!(
        apply(&step, r#"{"price": 1.5, "meta":{"rate":2, "n":1.0}, "x": 1e2}"#).as_deref(),
        Ok(r#"{"price": 1.5, "meta":{"rate":2, "n":1.0, "ok":true}, "x": 1e2, "cents": 150}"#)
    );
    assert!(
        apply(&step, r#"{"price":1}"#).expect_err("missing").contains("meta.rate: the field is")
    );
    let stray = custom("return {b = 1, c = 2}");
    assert!(apply(&stray, r#"{"a":1}"#).expect_err("stray").contains("'c', which is none of its"));
    let each = json!({"type": "custom", "inputs": ["l[].n"], "outputs": ["l[].n"],
        "script": "return function(i) return {n = i.n + 1} end"});
    assert_eq!(
        apply(&each, r#"{"l":[{"n":1},{"n":2}]}"#).as_deref(),
        Ok(r#"{"l":[{"n":2},{"n":3}]}"#)
    );
}

#[test]
fn values_cross_exactly_or_not_at_all() {
    let copy = custom("return {b = i.a}");
    for value in [
        "1",
        "-0.5",
        "9007199254740991",
        "true",
        "null",
        "[]",
        "{}",
        r#"[1,[],{"x":null}]"#,
        r#""é\n""#,
        r#"{"a":1,"b":[2]}"#,
    ] {
        let text = format!(r#"{{"a":{value}}}"#);
        let copied = apply(&copy, &text).unwrap_or_else(|why| panic!("{value}: {why}"));
        let copied: Json = serde_json::from_str(&copied).expect("JSON");
        assert_eq!(copied["b"].to_string(), copied["a"].to_string(), "{value}");
    }
    for value in
        ["12345678901234567890", "1e100", "0.12345678901234567890123", "[9007199254740993]"]
    {
        let refusal = apply(&copy, &format!(r#"{{"a":{value}}}"#)).expect_err("not exact");
        assert!(refusal.contains("does not fit a script's numbers exactly"), "{refusal}");
    }
    let mut as_text = copy.clone();
    as_text["bigNumbers"] = "text".into();
    assert_eq!(
        apply(&as_text, r#"{"a":12345678901234567890}"#).as_deref(),
        Ok(r#"{"a":12345678901234567890,"b":"12345678901234567890"}"#)
    );
    for (body, why) in [
        ("return {b = 2^60}", "beyond 53 bits"),
        ("return {b = 0/0}", "not exact"),
        ("return {b = '\\255'}", "no UTF-8"),
        ("return {b = {1, nil, 3}}", "holes"),
        ("return {b = {1, x = 2}}", "names and numbered items"),
        ("return {b = print}", ""),
        ("return {b = tostring}", "function, which JSON does not have"),
        ("return 7", "a table of its outputs is needed"),
        ("local t = {}; t.t = t; return {b = t}", "too deep"),
        ("local t = 'xxxxxxxx'; for n = 1, 40 do t = {t, t} end; return {b = t}", "too large"),
    ] {
        if why.is_empty() {
            assert_eq!(apply(&custom(body), r#"{"a":1}"#).as_deref(), Ok(r#"{"a":1}"#), "{body}");
        } else {
            let refusal = apply(&custom(body), r#"{"a":1}"#).expect_err(body);
            assert!(refusal.contains(why), "{body}: {refusal}");
        }
    }
}

#[test]
fn what_means_the_same_keeps_its_bytes() {
    let same = json!({"type": "custom", "inputs": ["a"], "outputs": ["a"],
                      "script": "return function(i) return {a = i.a} end"});
    for text in [r#"{"a":1.0}"#, r#"{"a":"\u00e9"}"#, r#"{"a":{ "z":1, "b":2e0 }}"#, r#"{"a":[ ]}"#]
    {
        assert_eq!(apply(&same, text).as_deref(), Ok(text));
    }
}

#[test]
fn harm_ends_within_the_bound_and_the_next_document_works() {
    let good = custom("return {b = i.a + 1}");
    for (body, why) in [
        ("while true do end", "did not end within 250 ms"),
        ("while true do pcall(function() while true do end end) end", "did not end within 250 ms"),
        ("local t = {}; while true do t[#t + 1] = string.rep('x', 4000000) .. #t end", "memory"),
        ("return {b = string.rep('x', 2000000000)}", "too large"),
        ("return {b = string.rep('x', 500000000)}", "memory"),
        (
            "string.find(string.rep('a', 60), string.rep('a*', 30) .. 'b')",
            "did not end within 250 ms",
        ),
        ("local function f(n) return 1 + f(n + 1) end; return {b = f(0)}", "stack overflow"),
        ("local function f() return pcall(f) end; f()", ""),
        ("local t = {}; for n = 1, 1e9 do t[n] = n end", ""),
        ("table.concat(table.create(200000, string.rep('x', 100000)))", "memory"),
    ] {
        let started = Instant::now();
        let outcome = apply(&custom(body), r#"{"a":1}"#);
        assert!(started.elapsed() < BOUND, "{body} took {:?}", started.elapsed());
        let refusal = outcome.expect_err(body);
        assert!(refusal.contains(why), "{body}: {refusal}");
        assert_eq!(apply(&good, r#"{"a":1}"#).as_deref(), Ok(r#"{"a":1,"b":2}"#), "after {body}");
    }
}

#[test]
fn there_is_no_way_out_and_no_state() {
    for name in [
        "os",
        "io",
        "require",
        "loadstring",
        "collectgarbage",
        "print",
        "getfenv",
        "setfenv",
        "newproxy",
        "debug",
        "coroutine",
        "math.random",
        "_G",
        "gcinfo",
    ] {
        let step = custom(&format!("return {{b = {name} == nil}}"));
        assert_eq!(apply(&step, r#"{"a":1}"#).as_deref(), Ok(r#"{"a":1,"b":true}"#), "{name}");
    }
    for body in
        ["counter = 1", "string.rep = nil", "math.pi = 3", "getmetatable('').__index.rep = 1"]
    {
        apply(&custom(body), r#"{"a":1}"#).expect_err(body);
    }
    let kept = json!({"type": "custom", "inputs": [], "outputs": ["n"],
        "script": "local n = 0\nreturn function() n += 1 return {n = n} end"});
    assert_eq!(apply(&kept, "{}").as_deref(), Ok(r#"{"n":1}"#));
    assert_eq!(apply(&kept, "{}").as_deref(), Ok(r#"{"n":1}"#), "nothing outlives a document");
    let place = custom("return {b = tostring({})}");
    assert_eq!(apply(&place, r#"{"a":1}"#).as_deref(), Ok(r#"{"a":1,"b":"table"}"#));
}

#[test]
fn mistakes_have_line_and_column() {
    let mistake = |script: &str| {
        let step = json!({"type": "custom", "inputs": [], "outputs": ["b"], "script": script});
        apply(&step, "{}").expect_err("refused")
    };
    assert_eq!(
        mistake("return function(i)\n  local = 3\nend"),
        "script: line 2, column 9: Expected identifier when parsing variable name, got '='"
    );
    assert!(mistake("return 3").contains("and a function is needed"));
    assert!(
        mistake("return function(i) return i.x.y end").contains("attempt to index nil with 'y'")
    );
    let expr = json!({"type": "setField", "field": "a", "expr": "i.a + * 2"});
    assert!(apply(&expr, "{}").expect_err("refused").starts_with("expr: line 1, column 7"));
}

#[test]
fn expressions_make_values() {
    let cents = json!({"type": "addField", "field": "cents", "expr": "math.floor(i.price * 100 + 0.5)",
                       "inputs": ["price"]});
    assert_eq!(
        apply(&cents, r#"{"price":19.99}"#).as_deref(),
        Ok(r#"{"price":19.99,"cents":1999}"#)
    );
    let own = json!({"type": "setField", "field": "n", "expr": "i.n * 2"});
    assert_eq!(apply(&own, r#"{"n":4}"#).as_deref(), Ok(r#"{"n":8}"#));
    assert!(apply(&own, "{}").expect_err("nil").contains("attempt to perform arithmetic"));
    let key = json!({"type": "addField", "field": "k", "expr": "facts.key .. '@' .. facts.version", "inputs": []});
    assert_eq!(apply(&key, "{}").as_deref(), Ok(r#"{"k":"user:42@2.0.0"}"#));
    let nil = json!({"type": "addField", "field": "k", "expr": "nil", "inputs": []});
    assert!(apply(&nil, "{}").expect_err("nil").contains("answers nil"));
}
