//! What chains do to keys as a whole, in the words of a confirm question.

use serde_json::Value as Json;

/// One transform in words; `None` for one that changes only fields. `pattern` is that of the keys it
/// starts from.
pub(super) fn in_words(transform: &Json, pattern: &str) -> Option<String> {
    let text = |name: &str| transform[name].as_str();
    match text("type")? {
        "convertStorage" => {
            let from = text("from").map_or("values", plural);
            Some(format!("{from} become {}", plural(text("to")?)))
        }
        "renameKey" => {
            let from = text("from").unwrap_or(pattern);
            let replaced = match text("onExisting") {
                Some("overwrite") => ", replacing what stands there",
                _ => "",
            };
            Some(format!("keys move from {from} to {}{replaced}", with_wildcards(text("to")?)))
        }
        "setExpiry" => {
            let which = match text("onlyIf") {
                Some("none") => "keys without an expiry",
                Some("any") => "keys with an expiry",
                _ => "keys",
            };
            Some(if transform["persist"] == true {
                format!("{which} do not expire any more")
            } else if let Some(at) = text("at") {
                format!("{which} expire at {at}")
            } else if let Some(field) = text("field") {
                format!("{which} expire when their field '{field}' says")
            } else {
                format!("{which} expire {} seconds after the plan's time", transform["seconds"])
            })
        }
        _ => None,
    }
}

fn plural(storage: &str) -> &str {
    match storage {
        "string" => "strings",
        "hash" => "hashes",
        "json" => "RedisJSON values",
        other => other,
    }
}

/// A template of keys as the pattern of what it makes.
fn with_wildcards(template: &str) -> String {
    let mut out = String::new();
    let mut rest = template;
    while let Some((text, after)) = rest.split_once("${") {
        let Some((_, tail)) = after.split_once('}') else { break };
        out.push_str(text);
        out.push('*');
        rest = tail;
    }
    out.push_str(rest);
    out
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn whole_keys_are_told_in_words() {
        let words = |json| in_words(&json, "user:*");
        assert_eq!(
            words(json!({"type": "renameKey", "to": "u:${KEY.1}:profile"})).as_deref(),
            Some("keys move from user:* to u:*:profile")
        );
        assert_eq!(
            words(json!({"type": "convertStorage", "from": "string", "to": "hash"})).as_deref(),
            Some("strings become hashes")
        );
        assert_eq!(
            words(json!({"type": "setExpiry", "seconds": 60, "onlyIf": "none"})).as_deref(),
            Some("keys without an expiry expire 60 seconds after the plan's time")
        );
        assert_eq!(words(json!({"type": "trim", "field": "a"})), None);
    }
}
