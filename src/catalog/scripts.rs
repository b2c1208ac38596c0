//! Scripts in files of their own: `{"type": "custom", "file": "price.luau"}` is read as if the text
//! stood in the definition, so that a Plan and the registry hold all that a run needs.
//!
//! Only `*.luau` files below the catalog's folder can be named, by their path from the definition's
//! own folder.

use std::collections::BTreeMap;
use std::path::{Component, Path};

use serde_json::{Map, Value};

/// The text of every script, by its path below the catalog: `user/price.luau`.
pub(super) type Scripts = BTreeMap<String, String>;

/// Whether a file holds a script.
pub(super) fn is_script(path: &Path) -> bool {
    path.extension().is_some_and(|extension| extension == "luau")
}

/// The name of a script in [`Scripts`].
pub(super) fn name_of(below: &Path) -> String {
    let names = below.components().map(|part| part.as_os_str().to_string_lossy());
    names.collect::<Vec<_>>().join("/")
}

/// Puts the text of every script that `value` names by `file` in its place; a file that is not
/// there is left for the step to refuse.
pub(super) fn put_in(value: &mut Value, folders: &[String], scripts: &Scripts) {
    match value {
        Value::Array(items) => items.iter_mut().for_each(|item| put_in(item, folders, scripts)),
        Value::Object(map) => {
            let is = |key: &str, names: &[&str]| {
                map.get(key).and_then(Value::as_str).is_some_and(|name| names.contains(&name))
            };
            if is("type", &["custom", "batch"]) {
                put_script(map, folders, scripts);
            } else if is("strategy", &["batch"])
                && let Some(with) = map.get_mut("with").and_then(Value::as_object_mut)
            {
                put_script(with, folders, scripts);
            }
            map.values_mut().for_each(|value| put_in(value, folders, scripts));
        }
        _ => {}
    }
}

/// Puts the text of the script that `file` of a step names in its place.
fn put_script(step: &mut Map<String, Value>, folders: &[String], scripts: &Scripts) {
    let named = step.get("file").filter(|_| !step.contains_key("script")).and_then(Value::as_str);
    let Some(text) = named.and_then(|file| scripts.get(&resolved(folders, file)?)) else { return };
    let replaced = std::mem::take(step).into_iter().map(|(key, value)| match key.as_str() {
        "file" => ("script".to_owned(), text.as_str().into()),
        _ => (key, value),
    });
    *step = replaced.collect();
}

/// The path below the catalog that `file` means from inside of `folders`; `None` outside of it.
fn resolved(folders: &[String], file: &str) -> Option<String> {
    let mut parts: Vec<&str> = folders.iter().map(String::as_str).collect();
    for part in Path::new(file).components() {
        match part {
            Component::Normal(name) => parts.push(name.to_str()?),
            Component::ParentDir => _ = parts.pop()?,
            Component::CurDir => {}
            Component::RootDir | Component::Prefix(_) => return None,
        }
    }
    Some(parts.join("/"))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_file_is_found_from_its_definition() {
        let folders = ["user".to_owned()];
        assert_eq!(resolved(&folders, "a.luau").as_deref(), Some("user/a.luau"));
        assert_eq!(resolved(&folders, "../lib/a.luau").as_deref(), Some("lib/a.luau"));
        assert_eq!(resolved(&folders, "../../etc/a.luau"), None);
        assert_eq!(resolved(&folders, "/etc/a.luau"), None);
    }

    #[test]
    fn a_script_stands_in_the_definition() {
        let scripts = Scripts::from([("user/n.luau".to_owned(), "return 1".to_owned())]);
        let mut value = json!([{"type": "custom", "file": "n.luau", "outputs": ["n"]},
                               {"type": "custom", "file": "gone.luau"},
                               {"strategy": "batch", "with": {"file": "n.luau"}}]);
        put_in(&mut value, &["user".to_owned()], &scripts);
        let expected = json!([{"type": "custom", "script": "return 1", "outputs": ["n"]},
                              {"type": "custom", "file": "gone.luau"},
                              {"strategy": "batch", "with": {"script": "return 1"}}]);
        assert_eq!(value, expected);
    }
}
