//! Loading and resolving, over definitions in memory and the examples of PRODUCT section 2.

use serde_json::json;

use super::*;

const SCHEMA: &str = r#"{"version": "1.0.0", "keyPattern": "user:*",
 "fields": {"name": {"type": "string", "required": true}, "age": {"type": "number"}, "preferences": {"type": "hash"}}}"#;
const MIGRATIONS: &str = r#"{"migrations": {
   "v1_to_v2": {"source": "1.0.0", "target": "2.0.0", "strategy": "direct",
     "transforms": [{"type": "renameField", "from": "userName", "to": "fullName"},
                    {"type": "addField", "field": "createdAt", "defaultValue": "${NOW}"}],
     "validation": {"required": ["fullName", "createdAt"]}},
   "v2_to_v3": {"source": "2.0.0", "target": "3.0.0", "strategy": "direct",
     "transforms": [{"type": "splitField", "from": "fullName", "to": ["firstName", "lastName"], "separator": " "}]}},
 "paths": {"1.0.0": {"3.0.0": ["v1_to_v2", "v2_to_v3"]}}}"#;

fn source(name: &str, text: &str) -> Source {
    Source { name: name.to_owned(), folders: Vec::new(), text: text.to_owned() }
}

fn version(text: &str) -> Version {
    text.parse().expect("a version")
}

fn names(route: &Route<'_>) -> Vec<String> {
    route.migrations.iter().map(|migration| migration.name.clone()).collect()
}

#[test]
fn the_two_example_files_load_as_they_stand() {
    let folder = tempfile::tempdir().expect("a folder");
    std::fs::create_dir(folder.path().join("any")).expect("a folder below");
    std::fs::write(folder.path().join("any/schema.json"), SCHEMA).expect("written");
    std::fs::write(folder.path().join("migrations.json"), MIGRATIONS).expect("written");
    let catalog = Catalog::load(folder.path()).unwrap_or_else(|mistakes| panic!("{mistakes}"));
    let user = catalog.subject("user").expect("the subject");
    assert_eq!(user.key_pattern, "user:*");
    assert_eq!(user.migrations["v1_to_v2"].transforms.len(), 2);
    assert_eq!(user.migrations["v1_to_v2"].validation.end.required.len(), 2);
    let route = graph::resolve(user, &version("1.0.0"), &version("3.0.0"), None).expect("a route");
    assert_eq!(names(&route), ["v1_to_v2", "v2_to_v3"]);
    let again = Source::from_value("again", &user.migrations_definition());
    let again = Catalog::from_definitions(&[source("s", SCHEMA), again]).expect("reads again");
    assert_eq!(again.subjects["user"].paths, user.paths);
}

#[test]
fn rules_look_at_what_a_migration_made() {
    let with = |rule: &str| {
        let rules = format!("\"validation\": {{\"rules\": [{rule}], \"required\"");
        let text = MIGRATIONS.replace("\"validation\": {\"required\"", &rules);
        Catalog::from_definitions(&[source("s.json", SCHEMA), source("m.json", &text)])
    };
    let rule = r##"{"expr": "#i.fullName > 3", "inputs": ["fullName"], "message": "too short"}"##;
    let catalog = with(rule).unwrap_or_else(|mistakes| panic!("{mistakes}"));
    let stage = catalog.subjects["user"].migrations["v1_to_v2"].stage();
    let chain = crate::transform::Chain { stages: vec![stage] };
    let made = |text: &str| {
        let key = crate::model::Key::from("user:1");
        let storage = crate::model::Storage::String;
        let document = crate::model::Document::from_json(text.as_bytes(), storage);
        let frozen = crate::transform::Frozen::default();
        chain.apply(&mut document.expect("a document"), &key, "user:*", &frozen, &mut |_, _, _| {})
    };
    made(r#"{"userName": "Ann Lee"}"#).expect("long enough");
    let failure = made(r#"{"userName": "Al"}"#).expect_err("refused");
    assert_eq!(failure.at.to_string(), "v1_to_v2 validation");
    assert_eq!(
        (failure.refusal.field.as_str(), failure.refusal.reason.as_str()),
        ("fullName", "too short")
    );
    let mistakes =
        with(r#"{"expr": "i.age >", "inputs": ["age"]}"#).expect_err("refused").to_string();
    assert!(mistakes.contains("'message' is missing"), "{mistakes}");
    assert!(mistakes.contains("validation.rules[0].expr"), "{mistakes}");
}

#[test]
fn checks_on_the_way_are_read_with_their_mistakes() {
    let with = |checks: &str| {
        let text = MIGRATIONS.replace(
            "\"validation\": {\"required\"",
            &format!("\"validation\": {{{checks}, \"required\""),
        );
        assert_ne!(text, MIGRATIONS);
        Catalog::from_definitions(&[source("s.json", SCHEMA), source("m.json", &text)])
    };
    let catalog = with(r#""before": true, "eachStep": {"after": 2, "required": ["fullName"]}"#);
    let catalog = catalog.unwrap_or_else(|mistakes| panic!("{mistakes}"));
    assert_eq!(
        catalog.subjects["user"].migrations["v1_to_v2"].validation.in_words(&version("1.0.0")),
        [
            "before the first step: the schema of 1.0.0",
            "after step 2: fullName is required",
            "after the last step: fullName is required; createdAt is required",
        ]
    );
    let told = |checks: &str| {
        let mistakes = with(checks).expect_err("refused");
        mistakes.0.iter().map(|m| format!("{}: {}", m.path, m.message)).collect::<Vec<_>>()
    };
    assert_eq!(
        told(
            r#""befor": true, "eachStep": [{"after": 3, "required": ["a"]}, {"after": 1}, {"afer": 1, "rules": []}]"#
        ),
        [
            "migrations.v1_to_v2.validation.befor: 'validation' has no key 'befor'",
            "migrations.v1_to_v2.validation.eachStep[0].after: the migration has no step 3",
            "migrations.v1_to_v2.validation.eachStep[1]: the check asks for nothing",
            "migrations.v1_to_v2.validation.eachStep[2]: the check asks for nothing",
            "migrations.v1_to_v2.validation.eachStep[2].afer: a check after steps has no key 'afer'",
        ]
    );
    assert_eq!(
        told(r#""before": {"schema": false}"#),
        ["migrations.v1_to_v2.validation.before: 'before' asks for nothing"]
    );
    let later = MIGRATIONS.replace(
        "\"source\": \"2.0.0\",",
        "\"source\": \"2.0.0\", \"validation\": {\"before\": true},",
    );
    let files = [source("s.json", SCHEMA), source("m.json", &later)];
    let mistakes = Catalog::from_definitions(&files).expect_err("refused").to_string();
    assert!(
        mistakes
            .contains("'before' asks for the schema of 2.0.0, and user has none of that version"),
        "{mistakes}"
    );
}

#[test]
fn mistakes_are_told_with_their_place() {
    let text = "{\"version\": \"1.0.0\", \"keyPattern\": \"user:*\",\n  \"fields\": {\"age\": {\"type\": \"nubmer\"}}}";
    let moved = MIGRATIONS
        .replace("\"separator\"", "\"seperator\"")
        .replace("\"2.0.0\", \"target\"", "\"2\", \"target\"");
    let mistakes = Catalog::from_definitions(&[
        source("a.json", text),
        source("b.json", &moved),
        source("c.json", "{\"a\": 1,}"),
    ])
    .expect_err("refused")
    .to_string();
    // Which parameters splitField has is its own matter.
    let mistakes: Vec<&str> =
        mistakes.lines().filter(|line| !line.contains("one of: from")).collect();
    insta::assert_snapshot!(mistakes.join("\n"), @r#"
    a.json:2:30: fields.age.type: 'nubmer' is no type
      2 |   "fields": {"age": {"type": "nubmer"}}}
        |                              ^
      expected: string, number, integer, boolean, object, hash, array, list, null or any
      did you mean: number

    b.json:6:27: migrations.v2_to_v3.source: '2' is no semantic version (unexpected end of input while parsing major version number)
      6 |    "v2_to_v3": {"source": "2", "target": "3.0.0", "strategy": "direct",
        |                           ^
      expected: three numbers, as in "1.0.0"

    b.json:7:21: migrations.v2_to_v3.transforms[0]: splitField needs the parameter 'separator' or 'regex'
      7 |      "transforms": [{"type": "splitField", "from": "fullName", "to": ["first…
        |                     ^
      expected: one of 'separator' and 'regex'

    b.json:7:110: migrations.v2_to_v3.transforms[0].seperator: splitField has no parameter 'seperator'; did you mean 'separator'?
      7 | …, "from": "fullName", "to": ["firstName", "lastName"], "seperator": " "}]}},
        |                                                                      ^

    c.json:1:9: the file is no JSON: trailing comma
      1 | {"a": 1,}
        |         ^
      expected: no comma after the last item

    5 mistakes in the definitions; nothing was loaded
    "#);
}

fn graph_of(edges: &[(&str, &str, &str, bool)]) -> Subject {
    let mut migrations = serde_json::Map::new();
    for (name, from, to, lossy) in edges {
        let step = match lossy {
            true => json!({"type": "removeField", "field": "x"}),
            false => json!({"type": "renameField", "from": "a", "to": "b"}),
        };
        let migration = json!({"source": from, "target": to, "transforms": [step]});
        migrations.insert((*name).to_owned(), migration);
    }
    let file = Source::from_value("m", &json!({"subject": "s", "migrations": migrations}));
    let catalog =
        Catalog::from_definitions(&[file]).unwrap_or_else(|mistakes| panic!("{mistakes}"));
    catalog.subjects["s"].clone()
}

#[test]
fn routes_are_lossless_first_then_short() {
    let subject = graph_of(&[
        ("short", "1.0.0", "3.0.0", true),
        ("a", "1.0.0", "2.0.0", false),
        ("b", "2.0.0", "3.0.0", false),
        ("c", "2.0.0", "4.0.0", false),
        ("d", "3.0.0", "4.0.0", false),
        ("twin", "3.0.0", "4.0.0", false),
    ]);
    let resolve = |from: &str, to: &str, forced: Option<&[String]>| {
        graph::resolve(&subject, &version(from), &version(to), forced).map(|route| names(&route))
    };
    assert_eq!(resolve("1.0.0", "3.0.0", None), Ok(vec!["a".to_owned(), "b".to_owned()]));
    assert_eq!(resolve("1.0.0", "4.0.0", None), Ok(vec!["a".to_owned(), "c".to_owned()]));
    assert_eq!(resolve("1.0.0", "1.0.0", None), Ok(vec![]));
    assert_eq!(
        resolve("1.0.0", "3.0.0", Some(&["short".to_owned()])),
        Ok(vec!["short".to_owned()])
    );
    let told = |result: Result<Vec<String>, RouteError>| result.expect_err("refused").to_string();
    assert_eq!(
        told(resolve("1.0.0", "9.0.0", None)),
        "s has no version 9.0.0; it has 1.0.0, 2.0.0, 3.0.0 and 4.0.0"
    );
    assert_eq!(
        told(resolve("4.0.0", "1.0.0", None)),
        "no migrations lead from 4.0.0 to 1.0.0 of s; from 4.0.0 they lead to nothing; to 1.0.0 they lead from nothing"
    );
    assert_eq!(
        told(resolve("1.0.0", "3.0.0", Some(&["shrt".to_owned()]))),
        "s has no migration 'shrt'; it has short, a, b, c, d or twin"
    );
    assert_eq!(
        told(resolve("1.0.0", "3.0.0", Some(&["b".to_owned()]))),
        "the forced path is at 1.0.0 before b (2.0.0 -> 3.0.0); its migrations must meet end to end from 1.0.0 to 3.0.0"
    );
    let tie = graph::Note::Tie { from: version("3.0.0"), to: version("4.0.0") };
    assert!(graph::notes(&subject).contains(&tie));
}

#[test]
fn a_strategy_is_a_template_with_parameters() {
    let file = json!({
        "strategies": {"splitName": {"parameters": {"from": {"type": "string"}, "by": {"type": "string", "default": " "}},
            "transforms": [{"type": "splitField", "from": "${from}", "to": ["first", "last"], "separator": "${by}"}]}},
        "subject": "user",
        "migrations": {"m": {"source": "1.0.0", "target": "2.0.0", "strategy": "splitName", "with": {"from": "fullName"}}}});
    let catalog = Catalog::from_definitions(&[Source::from_value("f", &file)]).expect("loads");
    let migration = &catalog.subjects["user"].migrations["m"];
    assert_eq!(migration.self_contained()["transforms"][0]["from"], "fullName");
    let mut wrong = file;
    wrong["migrations"]["m"]["with"] = json!({"form": 1});
    let told = Catalog::from_definitions(&[Source::from_value("f", &wrong)])
        .expect_err("refused")
        .to_string();
    assert!(told.contains("migrations.m.with.form: 'form' is no parameter"), "{told}");
    assert!(told.contains("the strategy 'splitName' needs 'from'"), "{told}");
}

#[test]
fn a_schema_may_refer_to_a_file_beside_it() {
    let shared = r#"{"$defs": {}, "type": "string", "pattern": "^[0-9]{5}$"}"#;
    let schema = r#"{"version": "1.0.0", "keyPattern": "user:*",
        "jsonSchema": {"properties": {"zip": {"$ref": "zip.json"}}}}"#;
    let files = [source("zip.json", shared), source("user.json", schema)];
    let catalog = Catalog::from_definitions(&files).unwrap_or_else(|mistakes| panic!("{mistakes}"));
    let schema = &catalog.subjects["user"].schemas[&version("1.0.0")];
    // The definition stands alone from here on.
    let schema = Schema::from_value(schema.definition(), None).expect("reads alone");
    assert!(schema.validator().is_valid(&json!({"zip": "12345"})));
    assert!(!schema.validator().is_valid(&json!({"zip": "1234"})));
}
