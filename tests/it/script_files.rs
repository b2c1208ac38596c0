//! A custom program in a file of its own, from the catalog's folder to the step.

use remold::catalog::Catalog;
use serde_json::json;

fn step(file: &str) -> String {
    json!({"subject": "user", "migrations": {"m": {"source": "1.0.0", "target": "2.0.0",
        "transforms": [{"type": "custom", "inputs": [], "outputs": ["n"], "file": file}]}}})
    .to_string()
}

#[test]
fn a_script_file_stands_in_the_definition_once_it_is_loaded() {
    let folder = tempfile::tempdir().expect("a folder");
    let write = |name: &str, text: &str| std::fs::write(folder.path().join(name), text);
    write("n.luau", "return function() return {n = 1} end").expect("written");
    write("m.json", &step("n.luau")).expect("written");
    let catalog = Catalog::load(folder.path()).unwrap_or_else(|mistakes| panic!("{mistakes}"));
    let definition = catalog.subjects["user"].migrations["m"].transforms[0].definition();
    assert_eq!(definition["script"], "return function() return {n = 1} end");
    assert_eq!(definition.get("file"), None);

    write("n.luau", "return function(i)\n  return {n = }\nend").expect("written");
    let mistakes = Catalog::load(folder.path()).expect_err("refused").to_string();
    assert!(mistakes.contains("line 2, column"), "{mistakes}");

    write("m.json", &step("gone.luau")).expect("written");
    let mistakes = Catalog::load(folder.path()).expect_err("refused").to_string();
    assert!(mistakes.contains("there is no script 'gone.luau'"), "{mistakes}");
}
