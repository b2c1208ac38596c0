//! Parameters of a transform as one line of text, and back. What a parameter's `form` says decides
//! how its text is read.

use serde_json::Value as Json;

/// How a parameter's text is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Reading {
    /// As it stands.
    Text,
    /// Texts with commas between them.
    Texts,
    /// `true` or `false`.
    Switch,
    /// JSON, and text where it is none.
    Value,
}

fn reading(form: &str) -> Reading {
    if form == "true or false" {
        return Reading::Switch;
    }
    let lists = ["a list of paths", "a list of at least two paths", "a list of names"];
    if lists.contains(&form)
        || form.starts_with("a list of field")
        || form.ends_with("in one object")
    {
        return Reading::Texts;
    }
    let values = ["a JSON value", "a whole number", "a list of", "an object", "a condition"];
    if values.iter().any(|start| form.starts_with(start)) { Reading::Value } else { Reading::Text }
}

/// The value as text for its line.
pub fn to_text(form: &str, value: &Json) -> String {
    match (reading(form), value) {
        (Reading::Text, Json::String(text)) if is_plain(text) => text.clone(),
        (Reading::Value, Json::String(text))
            if is_plain(text) && serde_json::from_str::<Json>(text).is_err() =>
        {
            text.clone()
        }
        (Reading::Texts, Json::Array(items)) => {
            let texts: Option<Vec<&str>> = items
                .iter()
                .map(|item| item.as_str().filter(|text| is_plain(text) && !text.contains(',')))
                .collect();
            texts.map_or_else(|| value.to_string(), |texts| texts.join(", "))
        }
        (_, value) => value.to_string(),
    }
}

/// Whether a text shows as it is: no blanks at its ends, and nothing that reads as a quoted text.
fn is_plain(text: &str) -> bool {
    !text.is_empty() && text.trim() == text && !text.starts_with('"')
}

/// The value that a line says.
pub fn from_text(form: &str, text: &str) -> Json {
    // A text in quotes says exactly what is in it: `" "` is one blank.
    if text.starts_with('"')
        && let Ok(quoted @ Json::String(_)) = serde_json::from_str(text)
    {
        return quoted;
    }
    let parsed = || serde_json::from_str::<Json>(text).ok();
    match reading(form) {
        Reading::Text => text.into(),
        Reading::Switch => match text.trim() {
            "true" => true.into(),
            "false" => false.into(),
            other => other.into(),
        },
        Reading::Texts if text.trim_start().starts_with('[') => {
            parsed().unwrap_or_else(|| text.into())
        }
        Reading::Texts => {
            let items = text.split(',').map(str::trim).filter(|item| !item.is_empty());
            items.map(Json::from).collect()
        }
        Reading::Value => parsed().unwrap_or_else(|| text.into()),
    }
}

/// What may be meant: the words that `form` lists, or the paths of the document.
pub fn suggestions(form: &str, paths: &[String]) -> Vec<String> {
    if form.starts_with("a path") || reading(form) == Reading::Texts {
        return paths.to_vec();
    }
    let words: Vec<String> =
        form.split(", ").flat_map(|part| part.split(" or ")).map(str::to_owned).collect();
    let are_words = words.len() > 1
        && words.iter().all(|word| !word.is_empty() && word.chars().all(char::is_alphanumeric));
    if are_words { words } else { Vec::new() }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_is_shown_reads_back() {
        for (form, value) in [
            ("text", json!(" ")),
            ("text", json!("\"")),
            ("text", json!("a b")),
            ("a JSON value", json!("12")),
            ("a JSON value", json!(12)),
            ("a JSON value", json!({"a": [1, null]})),
            ("a JSON value", json!("EUR")),
            ("a list of paths", json!(["a", "b.c"])),
            ("a list of paths", json!(["a,b", " c"])),
            ("true or false", json!(true)),
            ("a whole number", json!(3)),
        ] {
            assert_eq!(from_text(form, &to_text(form, &value)), value, "{form}");
        }
    }

    #[test]
    fn words_of_a_form_are_suggested() {
        assert_eq!(suggestions("fail, keep or overwrite", &[]), ["fail", "keep", "overwrite"]);
        assert_eq!(suggestions("a path", &["a".into()]), ["a"]);
        assert!(suggestions("UTC or an offset as +02:00", &[]).is_empty());
    }
}
