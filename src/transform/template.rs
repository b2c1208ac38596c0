//! Placeholders in the values of a definition: `${NOW}`, `${UUID}`, `${KEY}`, `${KEY.1}`, `${ENV}`,
//! `${VERSION}`, `${FLAG.x}`; `$${` stands for a plain `${`.

use serde_json::Value as Json;

use super::facts::Facts;
use super::step::Refusal;
use crate::model::Value;

/// A JSON value of a definition, with its placeholders found.
#[derive(Clone, Debug)]
pub struct Template {
    source: Json,
    /// The value as JSON text, when no string in it holds a placeholder.
    fixed: Option<String>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Placeholder {
    Now,
    Uuid,
    Key,
    Capture(usize),
    Environment,
    Version,
    Flag(String),
}

const KNOWN: &str = "${NOW}, ${UUID}, ${KEY}, ${KEY.1}, ${ENV}, ${VERSION} or ${FLAG.name}; a plain '${' is written '$${'";

impl Template {
    /// Finds the placeholders of `source`.
    ///
    /// # Errors
    /// An unknown placeholder, in words.
    pub fn parse(source: &Json) -> Result<Self, String> {
        let has_placeholder = check(source)?;
        let fixed = (!has_placeholder).then(|| source.to_string());
        Ok(Self { source: source.clone(), fixed })
    }

    /// Whether it has no placeholders.
    pub fn is_fixed(&self) -> bool {
        self.fixed.is_some()
    }

    /// The value for one document; `field` is where it goes, which `${UUID}` derives from.
    pub fn render(&self, field: &str, facts: &Facts<'_>) -> Result<Value<'static>, Refusal> {
        if let Some(text) = &self.fixed {
            return Ok(Value::Raw(text.clone().into()));
        }
        fill(&self.source, field, facts).map(|json| Value::from_json(&json))
    }
}

/// Whether any string in `json` holds `$` and a brace; an error when a placeholder is unknown.
fn check(json: &Json) -> Result<bool, String> {
    let mut any = false;
    match json {
        Json::String(text) => {
            for piece in pieces(text) {
                any |= !matches!(piece, Piece::Text(plain) if plain == text);
                if let Piece::Placeholder(name) = piece {
                    parse_placeholder(name)
                        .ok_or_else(|| format!("'${{{name}}}' is no placeholder: use {KNOWN}"))?;
                }
            }
        }
        Json::Array(items) => {
            for item in items {
                any |= check(item)?;
            }
        }
        Json::Object(members) => {
            for value in members.values() {
                any |= check(value)?;
            }
        }
        _ => {}
    }
    Ok(any)
}

fn fill(json: &Json, field: &str, facts: &Facts<'_>) -> Result<Json, Refusal> {
    Ok(match json {
        Json::String(text) => fill_text(text, field, facts)?,
        Json::Array(items) => Json::Array(
            items.iter().map(|item| fill(item, field, facts)).collect::<Result<_, _>>()?,
        ),
        Json::Object(members) => {
            let filled = members.iter().map(|(name, value)| {
                Ok((name.clone(), fill(value, &format!("{field}.{name}"), facts)?))
            });
            Json::Object(filled.collect::<Result<_, Refusal>>()?)
        }
        other => other.clone(),
    })
}

fn fill_text(text: &str, field: &str, facts: &Facts<'_>) -> Result<Json, Refusal> {
    let pieces: Vec<Piece<'_>> = pieces(text).collect();
    if let [Piece::Placeholder(name)] = pieces[..] {
        return value_of(name, field, facts);
    }
    let mut out = String::new();
    for piece in pieces {
        match piece {
            Piece::Text(plain) => out.push_str(plain),
            Piece::Placeholder(name) => match value_of(name, field, facts)? {
                Json::String(value) => out.push_str(&value),
                other => out.push_str(&other.to_string()),
            },
        }
    }
    Ok(out.into())
}

fn value_of(name: &str, field: &str, facts: &Facts<'_>) -> Result<Json, Refusal> {
    let missing = |what: String| Refusal::new(field, format!("${{{name}}} has no value: {what}"));
    let placeholder = parse_placeholder(name).expect("the template was checked when it was parsed");
    Ok(match placeholder {
        Placeholder::Now => facts.frozen.now.clone().into(),
        Placeholder::Uuid => facts.uuid(field).into(),
        Placeholder::Key => facts.key.to_string().into(),
        Placeholder::Version => facts.version.to_string().into(),
        Placeholder::Capture(number) => facts
            .capture(number)
            .ok_or_else(|| missing(format!("the pattern '{}' has no such '*'", facts.pattern)))?
            .into(),
        Placeholder::Environment => facts
            .frozen
            .environment
            .clone()
            .ok_or_else(|| missing("no environment was given (--env NAME)".into()))?
            .into(),
        Placeholder::Flag(flag) => facts
            .frozen
            .flags
            .get(&flag)
            .cloned()
            .ok_or_else(|| missing(format!("the flag is not set (--flag {flag}=VALUE)")))?,
    })
}

fn parse_placeholder(name: &str) -> Option<Placeholder> {
    Some(match name {
        "NOW" => Placeholder::Now,
        "UUID" => Placeholder::Uuid,
        "KEY" => Placeholder::Key,
        "ENV" => Placeholder::Environment,
        "VERSION" => Placeholder::Version,
        _ => {
            if let Some(flag) = name.strip_prefix("FLAG.").filter(|flag| !flag.is_empty()) {
                Placeholder::Flag(flag.to_owned())
            } else {
                let number =
                    name.strip_prefix("KEY.")?.parse().ok().filter(|number| *number > 0)?;
                Placeholder::Capture(number)
            }
        }
    })
}

/// A part of a text with placeholders.
#[derive(Clone, Copy)]
pub(super) enum Piece<'t> {
    Text(&'t str),
    Placeholder(&'t str),
}

/// Cuts text at its placeholders. An escaped `$${` becomes the text `${`.
pub(super) fn pieces(text: &str) -> impl Iterator<Item = Piece<'_>> {
    let mut rest = text;
    std::iter::from_fn(move || {
        if rest.is_empty() {
            return None;
        }
        if let Some(after) = rest.strip_prefix("$${") {
            rest = after;
            return Some(Piece::Text("${"));
        }
        if let Some(after) = rest.strip_prefix("${")
            && let Some((name, after)) = after.split_once('}')
        {
            rest = after;
            return Some(Piece::Placeholder(name));
        }
        let next = rest.char_indices().skip(1).find(|(_, character)| *character == '$');
        let (plain, after) = rest.split_at(next.map_or(rest.len(), |(at, _)| at));
        rest = after;
        Some(Piece::Text(plain))
    })
}

#[cfg(test)]
mod tests {
    use semver::Version;
    use serde_json::json;

    use super::*;
    use crate::model::Key;
    use crate::transform::Frozen;

    fn render(source: &Json) -> Result<String, String> {
        let template = Template::parse(source)?;
        let frozen = Frozen {
            now: "2026-11-23T00:00:00.000Z".into(),
            flags: [("beta".to_owned(), json!(true))].into(),
            ..Frozen::default()
        };
        let (key, version) = (Key::from("user:42"), Version::new(2, 0, 0));
        let facts = Facts { key: &key, pattern: "user:*", version: &version, frozen: &frozen };
        let value = template.render("f", &facts).map_err(|refusal| refusal.to_string())?;
        Ok(value.to_json().into_owned())
    }

    #[test]
    fn placeholders_are_filled_and_types_kept() {
        assert_eq!(render(&json!("${NOW}")).as_deref(), Ok("\"2026-11-23T00:00:00.000Z\""));
        assert_eq!(render(&json!("${FLAG.beta}")).as_deref(), Ok("true"));
        assert_eq!(render(&json!("é ${KEY.1}/v${VERSION}")).as_deref(), Ok("\"é 42/v2.0.0\""));
        assert_eq!(
            render(&json!({"a": ["${KEY}"], "n": 1})).as_deref(),
            Ok(r#"{"a":["user:42"],"n":1}"#)
        );
        assert_eq!(render(&json!("costs $${KEY} $5")).as_deref(), Ok("\"costs ${KEY} $5\""));
        assert!(render(&json!("${ENV}")).expect_err("not set").contains("--env NAME"));
        assert!(render(&json!("${USER}")).expect_err("unknown").contains("is no placeholder"));
    }
}
