//! Schemas from the command line: inferred from a keyspace, registered as a file, validated, compared.

use serde_json::{Value as Json, json};

use crate::harness::TestServer;
use crate::harness::binary::{Remold, Said};

/// Documents of two storages, with what real ones have: lists of values, formats, what is optional.
fn fill(server: &TestServer, keys: u64) {
    let mut pipeline = redis::Pipeline::new();
    for at in 0..keys {
        let mut document = json!({
            "id": at, "mail": format!("u{at}@example.com"), "at": "2026-01-01T00:00:00Z",
            "status": if at % 3 == 0 { "new" } else { "paid" },
            "lines": [{"sku": format!("s{at}"), "price": 1.5}],
        });
        if at % 2 == 0 {
            document["note"] = Json::Null;
        }
        pipeline.cmd("SET").arg(format!("doc:{at}")).arg(document.to_string()).ignore();
        let zip = format!("{at:05}");
        pipeline.cmd("HSET").arg(format!("row:{at}")).arg("n").arg(at).arg("zip").arg(zip).ignore();
    }
    pipeline.exec(&mut server.connect()).expect("filled");
}

#[test]
fn what_is_inferred_is_accepted_and_fits_every_key() {
    let server = TestServer::start();
    fill(&server, 1_200);
    let catalog = tempfile::tempdir().expect("a folder");
    for (pattern, file) in [("doc:*", "doc.json"), ("row:*", "row.json")] {
        let path = catalog.path().join(file).display().to_string();
        let said = Remold::on(server.url())
            .args(["infer", pattern, "--all", "--out", &path, "--json"])
            .run()
            .exits(0);
        assert_eq!(said.json()["documents"], 1_200);
    }
    let folder = catalog.path().display().to_string();
    let with = |line: &str| Remold::on(server.url()).args(["--catalog", &folder]).line(line);
    for subject in ["doc", "row"] {
        let said = with(&format!("schema validate {subject} --json")).run().exits(0).json();
        assert_eq!((&said["valid"], &said["checked"]), (&json!(true), &json!(1_200)));
    }
    let shown = with("schema show row --json").run().exits(0).json();
    assert_eq!(shown["fields"]["n"]["type"], "integer");
    assert_eq!(shown["fields"]["zip"]["type"], "string", "a leading zero is kept");
    with("diff doc --live").run().exits(0);

    let mut connection = server.connect();
    let _: () = redis::cmd("SET")
        .arg("doc:odd")
        .arg("{\"id\": \"x\"}")
        .query(&mut connection)
        .expect("set");
    let said = with("schema validate doc@1.0.0 --json").run().exits(1).json();
    assert_eq!(said["invalid"], 1);
    let paths: Vec<&Json> =
        said["errors"].as_array().expect("errors").iter().map(|e| &e["path"]).collect();
    assert!(paths.contains(&&json!("id")) && paths.contains(&&json!("mail")), "{paths:?}");
}

#[test]
fn a_document_is_validated_from_a_file() {
    let folder = tempfile::tempdir().expect("a folder");
    let write = |name: &str, json: Json| {
        let path = folder.path().join(name);
        std::fs::write(&path, json.to_string()).expect("written");
        path.display().to_string()
    };
    let plain = write(
        "s.json",
        json!({"type": "object", "required": ["a"], "properties": {"b": {"type": "number"}}}),
    );
    let good = write("good.json", json!({"a": 1}));
    let bad = write("bad.json", json!({"b": "x"}));
    let validate = |document: &str| -> Said {
        Remold::new().args(["schema", "validate", "--schema", &plain, document, "--json"]).run()
    };
    assert_eq!(validate(&good).exits(0).json(), json!({"valid": true, "errors": []}));
    let said = validate(&bad).exits(1).json();
    let errors = said["errors"].as_array().expect("errors");
    let keys: Vec<&String> = errors[0].as_object().expect("an object").keys().collect();
    assert_eq!(keys, ["path", "rule", "found", "expected", "message"]);
    assert_eq!((said["valid"].clone(), errors.len()), (json!(false), 2));
}

#[test]
fn a_breaking_difference_exits_1() {
    let folder = tempfile::tempdir().expect("a folder");
    let write = |name: &str, json: Json| {
        let path = folder.path().join(name);
        std::fs::write(&path, json.to_string()).expect("written");
        path.display().to_string()
    };
    let old =
        write("old.json", json!({"type": "object", "properties": {"a": {"type": "integer"}}}));
    let wide = write(
        "wide.json",
        json!({"type": "object", "title": "t", "properties": {"a": {"type": "integer"}}}),
    );
    let other =
        write("other.json", json!({"type": "object", "properties": {"a": {"type": "string"}}}));
    let said = Remold::new().args(["diff", &old, &wide, "--json"]).run().exits(0).json();
    assert_eq!((&said["bump"], &said["compat"]["backward"]), (&json!("patch"), &json!("yes")));
    let said = Remold::new().args(["diff", &old, &other, "--json"]).run().exits(1).json();
    assert_eq!(said["changes"][0]["kind"], "type.changed");
    assert_eq!(said["changes"][0]["path"], "/properties/a/type");
    assert_eq!((&said["bump"], &said["severity"]), (&json!("major"), &json!("breaking")));
    for form in ["--unified", "--side-by-side"] {
        Remold::new().args(["diff", &old, &other, form]).run().exits(1);
    }
    Remold::new().sample_catalog().line("diff user@1.0.0 user@9.0.0").run().exits(2);
    let broken = write("broken.json", json!({"version": "1", "keyPattern": "a:*", "fields": {}}));
    Remold::new().args(["diff", &old, &broken]).run().exits(4);
}

#[test]
fn what_is_known_is_shown() {
    let sample = |line: &str| Remold::new().sample_catalog().line(line).run().exits(0);
    assert!(sample("schema list").stdout.contains("user:*"));
    assert!(sample("graph user").stdout.contains("v1_to_v2"));
    assert!(sample("graph user --form mermaid").stdout.starts_with("graph LR"));
    for format in ["schema", "migrations"] {
        let said = sample(&format!("schema format {format} --json")).json();
        assert_eq!(said["$schema"], "https://json-schema.org/draft/2020-12/schema");
    }
    let difference = sample("schema show user@2.0.0").stdout;
    assert!(difference.contains("\"renamedFrom\": \"userName\""), "{difference}");
}

#[test]
fn a_census_counts_the_documents_of_each_version() {
    let server = TestServer::start();
    let mut pipeline = redis::Pipeline::new();
    for at in 0..1_200 {
        let document = match at % 4 {
            0 => json!({"userName": "A B"}),
            1 => json!({"fullName": "A B", "createdAt": "2026-01-01T00:00:00Z"}),
            2 => json!({"name": "A B"}),
            _ => json!([]),
        };
        pipeline.cmd("SET").arg(format!("user:{at}")).arg(document.to_string()).ignore();
        pipeline.cmd("SET").arg(format!("none:{at}")).arg("{}").ignore();
    }
    pipeline.exec(&mut server.connect()).expect("filled");
    let keys = |line: &str| Remold::on(server.url()).sample_catalog().line(line).run();
    let said = keys("keys * --versions --json").exits(0).json();
    assert_eq!((&said["keys"], &said["complete"]), (&json!(2_400), &json!(true)));
    let user = &said["subjects"]["user"];
    for count in [
        &user["versions"]["1.0.0"]["count"],
        &user["versions"]["2.0.0"]["count"],
        &user["unknown"]["count"],
        &user["no_document"]["count"],
    ] {
        assert_eq!(count, 300, "{said}");
    }
    assert_eq!(user["versions"]["1.0.0"]["keys"].as_array().map(Vec::len), Some(3));
    assert_eq!(said["no_subject"]["count"], 1_200);
    let said = keys("keys user:* --versions --limit 100 --json").exits(0).json();
    assert_eq!((&said["keys"], &said["complete"]), (&json!(100), &json!(false)));
    assert!(keys("keys user:* --versions").exits(0).stdout.contains("25.0 %  user@1.0.0"));
    keys("keys nothing:* --versions").exits(1);
}
