//! Twenty files that are wrong, each in its own way: every mistake is told at once, with its place, so
//! that a stranger can act on it.

use remold::catalog::Catalog;

/// Name below the catalog, and what stands in the file.
const FILES: [(&str, &str); 22] = [
    (
        "a/01-comma.json",
        "{\n  \"version\": \"1.0.0\",\n  \"keyPattern\": \"a:*\",\n  \"fields\": {},\n}\n",
    ),
    ("a/02-open.json", "{\"version\": \"1.0.1\", \"fields\": {\"x\": {\"type\": \"string\"}"),
    ("a/03-list.json", "[1, 2]"),
    ("a/04-other.json", "{\"verison\": \"1.0.0\", \"name\": \"x\"}"),
    ("a/05-version.json", "{\"version\": \"v1\", \"keyPattern\": \"a:*\", \"fields\": {}}"),
    (
        "a/06-no-subject.json",
        "{\"version\": \"1.0.0\", \"keyPattern\": \"*\", \"fields\": {}, \"subject\": \"\"}",
    ),
    ("a/07-key.json", "{\"version\": \"1.1.0\", \"keypattern\": \"a:*\", \"fields\": {}}"),
    (
        "a/08-type.json",
        "{\"version\": \"1.2.0\", \"keyPattern\": \"a:*\",\n \"fields\": {\n  \"n\": {\"type\": \"int\"}}}",
    ),
    (
        "a/09-field.json",
        "{\"version\": \"1.3.0\", \"keyPattern\": \"a:*\", \"fields\": {\"n\": \"string\", \"m\": {\"requierd\": 1}}}",
    ),
    (
        "a/10-bounds.json",
        "{\"version\": \"1.4.0\", \"keyPattern\": \"a:*\", \"fields\": {\"n\": {\"type\": \"string\", \"minLength\": 5, \"maxLength\": 2, \"pattern\": \"[a\"}}}",
    ),
    (
        "a/11-default.json",
        "{\"version\": \"1.5.0\", \"keyPattern\": \"a:*\", \"fields\": {\"n\": {\"type\": \"integer\", \"default\": \"one\"}}}",
    ),
    (
        "a/12-both.json",
        "{\"version\": \"1.6.0\", \"keyPattern\": \"a:*\", \"fields\": {}, \"jsonSchema\": {}}",
    ),
    (
        "a/13-remote.json",
        "{\"version\": \"1.7.0\", \"keyPattern\": \"a:*\", \"jsonSchema\": {\"$ref\": \"https://example.com/a.json\"}}",
    ),
    (
        "a/14-keyword.json",
        "{\"version\": \"1.8.0\", \"keyPattern\": \"a:*\", \"jsonSchema\": {\"properties\": {\"n\": {\"minimum\": \"1\"}}}}",
    ),
    // Its neighbour says the same version again.
    (
        "a/15-good.json",
        "{\"version\": \"2.0.0\", \"keyPattern\": \"a:*\", \"storage\": \"string\", \"fields\": {}}",
    ),
    (
        "a/15-twice.json",
        "{\"version\": \"2.0.0\", \"keyPattern\": \"a:*\", \"storage\": \"sting\", \"versionField\": \"a..b\", \"fields\": {\"n\": {\"format\": \"datetime\"}, \"n\": {}}}",
    ),
    (
        "a/16-steps.json",
        "{\"migrations\": {\"m\": {\"source\": \"1.0.0\", \"target\": \"1.0.0\",\n  \"transforms\": [{\"type\": \"renameFeild\"}, {\"type\": \"renameField\", \"from\": \"x\"}]}}}",
    ),
    (
        "a/17-strategy.json",
        "{\"migrations\": {\"s\": {\"source\": \"1.0.0\", \"target\": \"2.0.0\", \"strategy\": \"drect\", \"transform\": []}}}",
    ),
    (
        "a/18-paths.json",
        "{\"subject\": \"b\", \"migrations\": {\"x\": {\"source\": \"1.0.0\", \"target\": \"2.0.0\", \"transforms\": []}},\n \"paths\": {\"1.0\": {}, \"1.0.0\": {\"3.0.0\": \"x\"}}}",
    ),
    (
        "a/19-flags.json",
        "{\"flags\": {\"new\": {}}, \"strategies\": {\"direct\": {\"transforms\": []}, \"t\": {\"parameters\": {\"p\": {\"type\": \"text\"}}}}}",
    ),
    (
        "a/20-refer.json",
        "{\"version\": \"1.9.0\", \"keyPattern\": \"a:*\", \"jsonSchema\": {\"properties\": {\"home\": {\"$ref\": \"common/adress.json\"}}}}",
    ),
    // What was meant.
    (
        "good/address.json",
        "{\"$schema\": \"https://json-schema.org/draft/2020-12/schema\", \"type\": \"object\"}",
    ),
];

#[test]
fn every_mistake_is_told_at_once() {
    let folder = tempfile::tempdir().expect("a folder");
    for (name, text) in FILES {
        let path = folder.path().join(name);
        std::fs::create_dir_all(path.parent().expect("a folder")).expect("made");
        std::fs::write(path, text).expect("written");
    }
    let mistakes = Catalog::load(folder.path()).expect_err("refused");
    let told = mistakes.to_string().replace(&folder.path().display().to_string(), "catalog");
    let broken = FILES.iter().filter(|(name, _)| !name.contains("good"));
    assert_eq!(broken.clone().count(), 20);
    for (name, _) in broken {
        assert!(told.contains(name), "nothing is said of {name}");
    }
    // Which transforms and strategies there are is not this test's matter.
    let told: Vec<String> = told
        .lines()
        .map(|line| {
            let lists = ["one of: renameField", "expected: direct"];
            let at = lists.iter().find_map(|list| Some((line.find(list)?, list)));
            at.map_or_else(|| line.to_owned(), |(at, list)| format!("{}{list}, …", &line[..at]))
        })
        .collect();
    insta::assert_snapshot!(told.join("\n"));
}
