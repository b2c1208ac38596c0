//! One try of one call over HTTP or HTTPS.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use ureq::tls::{Certificate, RootCerts, TlsConfig};
use ureq::{Agent, Body, Proxy};

use crate::transform::external::{Endpoint, HeaderValue};

/// What a service may answer in one call.
const ANSWER_BYTES_MAX: u64 = 32 << 20;
/// The longest wait that a service may ask for.
const AFTER_MAX: Duration = Duration::from_secs(300);
/// What may pass if it is tried again: too slow, too early, too many, and a server's passing troubles.
/// The others (501, 505 and all that blame the request) would come again.
const AGAIN: [u16; 7] = [408, 425, 429, 500, 502, 503, 504];

/// How long a post may take.
const POST_TIME_MAX: Duration = Duration::from_secs(10);

/// What came of a try.
pub(super) enum Tried {
    /// The body of a 2xx.
    Answered(String),
    /// An answer that would be the same again.
    Refused { reason: String, found: Option<String> },
    /// Nothing that could be used; after this time at the earliest it may be tried again.
    Again { reason: String, after: Option<Duration> },
}

/// Connections, kept open between calls.
pub(super) struct Client {
    agent: Agent,
    /// For services on this machine, which no proxy reaches.
    near: Agent,
}

impl Client {
    pub fn new() -> Self {
        let trusted = rustls_native_certs::load_native_certs().certs;
        let trusted =
            trusted.iter().map(|certificate| Certificate::from_der(certificate).to_owned());
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let tls = TlsConfig::builder()
            .root_certs(RootCerts::new_with_certs(&trusted.collect::<Vec<_>>()))
            .unversioned_rustls_crypto_provider(provider)
            .build();
        let agent = |proxy: Option<Proxy>| {
            Agent::config_builder()
                .tls_config(tls.clone())
                // A redirect could lead to a host that the plan does not name.
                .max_redirects(0)
                .max_redirects_will_error(false)
                .http_status_as_error(false)
                .user_agent(concat!("remold/", env!("CARGO_PKG_VERSION")))
                .proxy(proxy)
                .build()
                .new_agent()
        };
        Self { agent: agent(Proxy::try_from_env()), near: agent(None) }
    }

    /// Sends one request. `name` is the question's, which a service may know again.
    pub fn send(
        &self,
        endpoint: &Endpoint,
        url: &str,
        body: Option<&str>,
        name: &str,
        secrets: &BTreeMap<String, String>,
    ) -> Tried {
        let mut request = ureq::http::Request::builder().method(endpoint.method.name()).uri(url);
        request = request.header("accept", "application/json").header("idempotency-key", name);
        if body.is_some() {
            request = request.header("content-type", "application/json");
        }
        for (name, value) in &endpoint.headers {
            request = match value {
                HeaderValue::Text(text) => request.header(name, text),
                HeaderValue::Environment { name: variable, prefix } => {
                    request.header(name, format!("{prefix}{}", secrets[variable]))
                }
            };
        }
        let Ok(request) = request.body(body.unwrap_or_default().to_owned()) else {
            return refused("the request cannot be built", url);
        };
        let agent = if is_near(&endpoint.host) { &self.near } else { &self.agent };
        let request =
            agent.configure_request(request).timeout_global(Some(endpoint.timeout)).build();
        match agent.run(request) {
            Ok(response) => read(response),
            Err(error) => of_error(&error),
        }
    }
}

/// Posts JSON once, for an alert. What is answered is of no interest, but for a refusal.
pub(in crate::engine) fn post(url: &str, json: &str) -> Result<(), String> {
    let client = Client::new();
    let host = url.splitn(4, '/').take(3).collect::<Vec<_>>().join("/");
    let agent = if is_near(&host) { &client.near } else { &client.agent };
    let request = ureq::http::Request::builder()
        .method("POST")
        .uri(url)
        .header("content-type", "application/json")
        .body(json.to_owned())
        .map_err(|error| error.to_string())?;
    let request = agent.configure_request(request).timeout_global(Some(POST_TIME_MAX)).build();
    match agent.run(request) {
        Ok(response) if response.status().is_success() => Ok(()),
        Ok(response) => Err(format!("it answered {}", response.status())),
        Err(error) => Err(error.to_string()),
    }
}

fn read(mut response: ureq::http::Response<Body>) -> Tried {
    let status = response.status();
    let after = response.headers().get("retry-after").and_then(|value| value.to_str().ok());
    let after = after.and_then(retry_after);
    let body = response.body_mut().with_config().limit(ANSWER_BYTES_MAX).read_to_vec();
    if AGAIN.contains(&status.as_u16()) {
        return Tried::Again { reason: format!("status {status}"), after };
    }
    let body = match body {
        Ok(body) => body,
        Err(error) => return of_error(&error),
    };
    let text = String::from_utf8_lossy(&body);
    if !status.is_success() {
        return refused(format!("the service answers status {}", status.as_u16()), &text);
    }
    match String::from_utf8(body) {
        Ok(text) => Tried::Answered(text),
        Err(_) => refused("the answer is no JSON", "bytes that are no UTF-8"),
    }
}

fn refused(reason: impl Into<String>, found: &str) -> Tried {
    Tried::Refused { reason: reason.into(), found: Some(found.to_owned()) }
}

fn of_error(error: &ureq::Error) -> Tried {
    match error {
        ureq::Error::BodyExceedsLimit(_) => refused("the answer is too large", &error.to_string()),
        ureq::Error::BadUri(_) | ureq::Error::Http(_) => {
            refused("the request cannot be built", &error.to_string())
        }
        _ => Tried::Again { reason: error.to_string(), after: None },
    }
}

/// `Retry-After`: seconds or a date (RFC 9110, 10.2.3).
fn retry_after(text: &str) -> Option<Duration> {
    if let Ok(seconds) = text.trim().parse() {
        return Some(Duration::from_secs(seconds).min(AFTER_MAX));
    }
    let date = jiff::fmt::rfc2822::DateTimeParser::new().parse_timestamp(text.trim()).ok()?;
    let wait = date.duration_since(jiff::Timestamp::now());
    let wait = Duration::try_from(wait).unwrap_or_default();
    Some(wait.min(AFTER_MAX))
}

/// Whether a host is this machine.
fn is_near(host: &str) -> bool {
    let name = host.split_once("://").map_or(host, |(_, rest)| rest);
    name.starts_with("127.")
        || name.starts_with("[::1]")
        || name.split(':').next() == Some("localhost")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wait_is_read_as_seconds_or_a_date_and_is_bounded() {
        assert_eq!(retry_after("2"), Some(Duration::from_secs(2)));
        assert_eq!(retry_after("99999999"), Some(AFTER_MAX));
        assert_eq!(retry_after("Wed, 21 Oct 2015 07:28:00 GMT"), Some(Duration::ZERO));
        assert_eq!(retry_after("Fri, 31 Dec 2100 23:59:59 GMT"), Some(AFTER_MAX));
        assert_eq!(retry_after("soon"), None);
    }

    #[test]
    fn no_proxy_stands_before_this_machine() {
        assert!(is_near("http://127.0.0.1:80") && is_near("https://localhost:1"));
        assert!(!is_near("https://localhost.example.com"));
    }
}
