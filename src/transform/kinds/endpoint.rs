//! Whom an `external` step asks, and in which manner: its parameters, read.

use std::collections::BTreeMap;

use serde_json::Value as Json;

use crate::transform::Params;
use crate::transform::external::{BATCH, Batching, HeaderValue};

/// Documents in one call that a definition may ask for.
pub(super) const DOCUMENTS_MAX: usize = 1_000;
/// Names of headers that hold secrets, in lower case.
const SECRET_HEADERS: [&str; 5] =
    ["authorization", "proxy-authorization", "cookie", "x-api-key", "api-key"];

/// The URL and its host; the host has no placeholder, so that a document cannot choose it.
pub(super) fn read_url(params: &mut Params<'_>) -> Option<(String, String)> {
    let url = params.text("url")?;
    let expected = "\"https://host/path\", with the host written out and no user in it";
    let scheme = ["https://", "http://"].into_iter().find(|scheme| url.starts_with(scheme));
    let host = scheme.and_then(|scheme| url[scheme.len()..].split(['/', '?', '#']).next());
    let host = host.filter(|host| !host.is_empty() && !host.contains(['@', '$', ' ', '\\']));
    let Some((scheme, host)) = scheme.zip(host) else {
        params.refuse("url", format!("'{url}' names no host to call"), expected);
        return None;
    };
    Some((url.to_owned(), format!("{scheme}{}", host.to_ascii_lowercase())))
}

pub(super) fn read_headers(params: &mut Params<'_>) -> Option<BTreeMap<String, HeaderValue>> {
    let mut headers = BTreeMap::new();
    let Some(json) = params.optional("headers") else { return Some(headers) };
    let expected =
        "{\"Name\": \"text\"} or {\"Name\": {\"env\": \"VARIABLE\", \"prefix\": \"Bearer \"}}";
    let Json::Object(members) = json else {
        params.refuse("headers", "'headers' is no object", expected);
        return None;
    };
    for (name, value) in members {
        let label = format!("headers.{name}");
        let is_token = !name.is_empty()
            && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte));
        if !is_token {
            params.refuse(
                &label,
                format!("'{name}' is no header's name"),
                "letters, digits and '-'",
            );
            return None;
        }
        let is_secret = SECRET_HEADERS.contains(&name.to_ascii_lowercase().as_str());
        let text = |name: &str| value.get(name).and_then(Json::as_str).map(str::to_owned);
        let known = value.as_object().is_some_and(|object| {
            object.keys().all(|key| matches!(key.as_str(), "env" | "prefix"))
        });
        let header = match (value, text("env")) {
            (Json::String(_), _) if is_secret => {
                let message = format!("'{name}' holds a secret, and definitions are stored");
                params.refuse(&label, message, "{\"env\": \"VARIABLE\"}");
                return None;
            }
            (Json::String(text), _) if !text.contains(['\r', '\n']) => {
                HeaderValue::Text(text.clone())
            }
            (Json::Object(_), Some(env)) if known => {
                HeaderValue::Environment { name: env, prefix: text("prefix").unwrap_or_default() }
            }
            _ => {
                params.refuse(&label, format!("{value} is no header's value"), expected);
                return None;
            }
        };
        headers.insert(name.clone(), header);
    }
    Some(headers)
}

pub(super) fn read_batch(params: &mut Params<'_>) -> Option<Batching> {
    let json = params.optional("batch")?;
    let number = match json {
        Json::Object(members) => members.get("documents"),
        other => Some(other),
    };
    let documents = number.and_then(Json::as_u64).and_then(|n| usize::try_from(n).ok());
    let documents = documents.filter(|count| (1..=DOCUMENTS_MAX).contains(count));
    let member = |name: &str| json.get(name);
    let envelope = member("envelope").cloned();
    let answers = match member("answers") {
        None => Some(String::new()),
        Some(Json::String(text)) if text.is_empty() || text.starts_with('/') => Some(text.clone()),
        Some(_) => None,
    };
    let known = json.as_object().is_none_or(|members| {
        members.keys().all(|key| matches!(key.as_str(), "documents" | "envelope" | "answers"))
    });
    let holds = envelope.as_ref().is_none_or(|outer| outer.to_string().contains(BATCH));
    match (documents, answers) {
        (Some(documents), Some(answers)) if known && holds => {
            Some(Batching { documents, envelope, answers })
        }
        _ => {
            let expected = format!(
                "a number from 1 to {DOCUMENTS_MAX}, or {{\"documents\": 50, \"envelope\": {{\"items\": \
                 \"{BATCH}\"}}, \"answers\": \"/results\"}}"
            );
            params.refuse("batch", format!("'batch' is {json}"), expected);
            None
        }
    }
}
