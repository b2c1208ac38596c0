//! The taxonomy, case by case.

use serde_json::json;

use super::*;

fn fields(fields: &Value) -> Schema {
    let definition = json!({"version": "1.0.0", "keyPattern": "user:*", "fields": fields});
    Schema::from_value(&definition, None).unwrap_or_else(|error| panic!("{error}"))
}

fn whole(schema: &Value) -> Schema {
    Schema::from_json_schema(schema, "user", &crate::schema::Version::new(1, 0, 0))
        .unwrap_or_else(|error| panic!("{error}"))
}

/// `kind path backward/forward data` for each change, and `backward/forward severity bump`.
fn told(set: &ChangeSet) -> Vec<String> {
    let mut lines: Vec<String> = set
        .changes
        .iter()
        .map(|c| format!("{} {} {}/{} {}", c.kind, c.path, c.backward, c.forward, c.data.name()))
        .collect();
    let (compat, severity) = (&set.compat, set.severity.name());
    lines.push(format!("{}/{} {severity} {}", compat.backward, compat.forward, set.bump.name()));
    lines
}

#[test]
fn fields_come_and_go() {
    let old = json!({"name": {"type": "string", "required": true}, "age": {"type": "number"}});
    let check = |new: Value, expected: &[&str]| {
        assert_eq!(told(&diff(&fields(&old), &fields(&new), Policy::default())), expected);
    };
    check(old.clone(), &["yes/yes none none"]);
    let mut new = old.clone();
    new["mail"] = json!({"type": "string"});
    check(
        new.clone(),
        &["field.added /properties/mail yes/yes check", "yes/yes non-breaking minor"],
    );
    new["mail"] = json!({"type": "string", "required": true, "default": "x"});
    check(new.clone(), &["field.added /properties/mail no/yes backfill", "no/yes breaking major"]);
    check(
        json!({"name": old["name"]}),
        &["field.removed /properties/age yes/yes none", "yes/yes non-breaking minor"],
    );
    check(
        json!({"age": old["age"]}),
        &["field.removed /properties/name yes/no none", "yes/no breaking major"],
    );
    check(
        json!({"name": {"type": "string"}, "age": {"type": "number", "required": true}}),
        &[
            "required.removed /properties/name yes/no none",
            "required.added /properties/age no/yes backfill",
            "no/no breaking major",
        ],
    );
    let full = json!({"fullName": {"type": "string", "required": true, "renamedFrom": "name"}, "age": {"type": "number"}});
    check(full, &["field.renamed /properties/fullName no/no rewrite", "no/no breaking major"]);
}

#[test]
fn policies_decide_where_the_field_disagrees() {
    let old = fields(&json!({"a": {"type": "string"}}));
    let new = fields(
        &json!({"a": {"type": "string"}, "b": {"type": "string", "required": true, "default": "x"}}),
    );
    let fills = Policy { required_default: RequiredDefault::ReaderFills, ..Policy::default() };
    assert_eq!(diff(&old, &new, fills).compat.name(), "full");
    let optional = fields(&json!({"a": {"type": "string"}, "b": {"type": "string"}}));
    let strict = Policy { open_model: OpenModel::Strict, ..Policy::default() };
    let set = diff(&old, &optional, strict);
    assert_eq!(told(&set), ["field.added /properties/b no/yes check", "no/yes breaking major"]);
    assert!(set.lost.is_some());
}

/// A field before and after, and the one change between them.
const RULES: &str = r#"
{"type": "integer"} | {"type": "number"} | type.widened /properties/x/type yes/no none
{"type": "number"} | {"type": "string"} | type.changed /properties/x/type no/no rewrite
{"type": "string"} | {"type": "string", "nullable": true} | nullable.added /properties/x/type yes/no none
{"enum": ["a", "b"]} | {"enum": ["a"]} | enum.valuesRemoved /properties/x/enum no/yes check
{"enum": ["a"]} | {"enum": ["b"]} | enum.changed /properties/x/enum no/no rewrite
{"type": "string"} | {"type": "string", "maxLength": 5} | constraint.tightened /properties/x/maxLength no/yes check
{"type": "number", "minimum": 5} | {"type": "number", "minimum": 1} | constraint.loosened /properties/x/minimum yes/no none
{"type": "string"} | {"type": "string", "format": "email"} | format.added /properties/x/format no/yes check
{"type": "string", "pattern": "^a"} | {"type": "string", "pattern": "^b"} | pattern.changed /properties/x/pattern no/no check
{"type": "string"} | {"type": "string", "description": "d"} | annotation.changed /properties/x/description yes/yes none
{"type": "string"} | {"type": "string", "default": "d"} | default.changed /properties/x/default yes/yes none
{"items": {"type": "integer"}} | {"items": {"type": "number"}} | type.widened /properties/x/items/type yes/no none
{"fields": {"y": {"type": "integer"}}} | {"fields": {"y": {"type": "string"}}} | type.changed /properties/x/properties/y/type no/no rewrite
{"enum": ["abc"], "minLength": 1} | {"enum": ["abc"], "minLength": 2} | constraint.tightened /properties/x/minLength yes/yes none
"#;

#[test]
fn rules_widen_and_narrow() {
    for line in RULES.trim().lines() {
        let parts: Vec<&str> = line.split(" | ").collect();
        let schema = |text: &str| {
            let field: Value = serde_json::from_str(text).expect("JSON");
            fields(&json!({"x": field}))
        };
        let set = diff(&schema(parts[0]), &schema(parts[1]), Policy::default());
        assert_eq!((told(&set)[0].as_str(), set.changes.len()), (parts[2], 1), "{line}");
    }
}

#[test]
fn whole_json_schemas_are_walked_and_judged_by_the_letter() {
    let check = |old: Value, new: Value, expected: &[&str]| {
        assert_eq!(
            told(&diff(&whole(&old), &whole(&new), Policy::default())),
            expected,
            "{old} -> {new}"
        );
    };
    check(
        json!({"properties": {"a": {"type": "string"}}}),
        json!({"properties": {"a": {"type": "string"}, "b": {"type": "string"}}}),
        &["field.added /properties/b no/yes check", "no/yes breaking major"],
    );
    check(
        json!({"type": "object", "additionalProperties": false, "properties": {"a": {}}}),
        json!({"type": "object", "additionalProperties": false, "properties": {"a": {}, "b": {}}}),
        &["field.added /properties/b yes/no none", "yes/no breaking minor"],
    );
    check(
        json!({"$defs": {"n": {"type": "integer"}}, "properties": {"a": {"$ref": "#/$defs/n"}}}),
        json!({"$defs": {"n": {"type": "number"}}, "properties": {"a": {"$ref": "#/$defs/n"}}}),
        &["type.widened /properties/a/type yes/no none", "yes/no breaking minor"],
    );
    check(
        json!({"properties": {"a": {"anyOf": [{"type": "string"}, {"type": "null"}]}}}),
        json!({"properties": {"a": {"type": ["string", "null"]}}}),
        &[
            "type.narrowed /properties/a/type yes/yes none",
            "combined.changed /properties/a/anyOf yes/yes none",
            "yes/yes non-breaking minor",
        ],
    );
    check(
        json!({"type": "object", "title": "A"}),
        json!({"type": "object", "title": "B"}),
        &["annotation.changed /title yes/yes none", "yes/yes non-breaking patch"],
    );
    check(
        json!({"properties": {"next": {"$ref": "#"}, "v": {"type": "string"}}}),
        json!({"properties": {"next": {"$ref": "#"}, "v": {"type": "string", "minLength": 1}}}),
        &["constraint.tightened /properties/v/minLength no/yes check", "no/yes breaking major"],
    );
}
