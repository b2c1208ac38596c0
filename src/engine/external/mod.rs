//! Calls to services outside, beside the pipeline. The chain says what to ask (`transform/external.rs`);
//! here it is asked: with a limit on calls at once, with retries where they may help, and with a
//! breaker that leaves a service alone which answers nobody.

mod asker;
mod breaker;
mod http;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use serde_json::Value as Json;
use serde_json::value::RawValue;

use self::breaker::Breaker;
use self::http::{Client, Tried};
use super::control::{Control, Gate};
use super::error::EngineError;
use crate::planner::Plan;
use crate::transform::external::{Answer, Ask, Endpoint, HeaderValue, answered};

pub(super) use self::asker::ask;
pub(super) use self::http::post;

/// The first pause between two tries; each further one may be twice as long.
const PAUSE_FIRST: Duration = Duration::from_millis(200);
/// The longest pause between two tries, unless the service asks for more.
const PAUSE_MAX: Duration = Duration::from_secs(10);
/// Threads that ask, however much the endpoints allow.
const THREADS_MAX: usize = 64;

/// The services of a plan, ready to be called. Calls may come from any number of threads.
pub struct Services {
    client: Client,
    hosts: BTreeMap<String, Breaker>,
    /// The content of the environment variables that headers name; never stored or shown.
    secrets: BTreeMap<String, String>,
    calls: AtomicU64,
    retries: AtomicU64,
}

/// Why a question got no answer and no refusal: the document has no outcome yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Silence {
    /// The operator ended the run.
    Stopped,
    /// The service answers nobody.
    Down(String),
}

impl Services {
    /// The services of the plan's endpoints; `None` when it has none.
    ///
    /// # Errors
    /// A host that the plan does not name, and an environment variable that is not set.
    pub fn open(plan: &Plan, endpoints: &[Arc<Endpoint>]) -> Result<Option<Self>, EngineError> {
        if endpoints.is_empty() {
            return Ok(None);
        }
        let mut slots: BTreeMap<String, usize> = BTreeMap::new();
        for endpoint in endpoints.iter().filter(|endpoint| endpoint.program.is_none()) {
            if !plan.hosts.contains(&endpoint.host) {
                let host = &endpoint.host;
                return Err(EngineError::Plan(format!(
                    "the plan's steps call {host}, which its \"hosts\" do not name: draw it up anew"
                )));
            }
            let slots = slots.entry(endpoint.host.clone()).or_insert(endpoint.concurrency);
            *slots = endpoint.concurrency.min(*slots);
        }
        let variables: BTreeSet<&String> = endpoints
            .iter()
            .flat_map(|endpoint| endpoint.headers.values())
            .filter_map(|value| match value {
                HeaderValue::Environment { name, .. } => Some(name),
                HeaderValue::Text(_) => None,
            })
            .collect();
        let secrets = variables.into_iter().map(|name| match std::env::var(name) {
            Ok(content) => Ok((name.clone(), content)),
            Err(_) => Err(EngineError::State(format!(
                "a header of an external step comes from the environment variable {name}, which is \
                 not set. Nothing was asked or written"
            ))),
        });
        let hosts = slots.into_iter().map(|(host, slots)| (host, Breaker::new(slots)));
        Ok(Some(Self {
            client: Client::new(),
            secrets: secrets.collect::<Result<_, _>>()?,
            hosts: hosts.collect(),
            calls: AtomicU64::new(0),
            retries: AtomicU64::new(0),
        }))
    }

    /// Whether any of them is outside; a program of our own is not.
    pub(super) fn are_outside(&self) -> bool {
        !self.hosts.is_empty()
    }

    /// Threads that can ask at once.
    pub(super) fn threads(&self) -> usize {
        self.hosts.values().map(Breaker::slots).sum::<usize>().clamp(1, THREADS_MAX)
    }

    /// Requests sent so far, and how many of them were further tries.
    pub(super) fn counts(&self) -> (u64, u64) {
        (self.calls.load(Ordering::Relaxed), self.retries.load(Ordering::Relaxed))
    }

    /// Puts questions to one endpoint, in one call when it takes several, and answers each.
    ///
    /// # Errors
    /// The service answers nobody for as long as `patience`, or the operator ended the run.
    pub(super) fn put(
        &self,
        asks: &[&Ask],
        control: &Control,
        patience: Duration,
        held: &mut dyn FnMut(Option<String>),
    ) -> Result<Vec<Answer>, Silence> {
        let first = asks.first().expect("somebody asks");
        let endpoint = &first.endpoint;
        let request = |ask: &&Ask| ask.request.clone().unwrap_or_default();
        if let Some(program) = &endpoint.program {
            return Ok(answered(program, &asks.iter().map(request).collect::<Vec<_>>()));
        }
        let body = match &endpoint.batch {
            Some(batch) => Some(batch.body(asks.iter().map(request).collect())),
            None => first.request.clone(),
        };
        let body = body.map(|body| body.to_string());
        let answer = match self.try_until(first, body.as_deref(), control, patience, held)? {
            Ok(text) => text,
            Err(refused) => return Ok(vec![refused; asks.len()]),
        };
        let Some(batch) = &endpoint.batch else {
            return Ok(vec![whole(&answer)]);
        };
        Ok(parts(&answer, &batch.answers, asks.len())
            .unwrap_or_else(|refused| vec![refused; asks.len()]))
    }

    /// Sends one request until it is answered, refused, or tried often enough.
    fn try_until(
        &self,
        ask: &Ask,
        body: Option<&str>,
        control: &Control,
        patience: Duration,
        held: &mut dyn FnMut(Option<String>),
    ) -> Result<Result<String, Answer>, Silence> {
        let endpoint = &ask.endpoint;
        let breaker = &self.hosts[&endpoint.host];
        let name = ask.digest().to_string();
        let mut tries = 0;
        loop {
            let pass = breaker.enter(&endpoint.host, control, patience, held)?;
            self.calls.fetch_add(1, Ordering::Relaxed);
            let came = self.client.send(endpoint, &ask.url, body, &name, &self.secrets);
            let (last, after) = match came {
                Tried::Answered(text) => {
                    pass.succeeded();
                    return Ok(Ok(text));
                }
                Tried::Refused { reason, found } => {
                    pass.succeeded();
                    return Ok(Err(Answer::Refused { reason, found }));
                }
                Tried::Again { reason, after } => (reason, after),
            };
            // While the service answers nobody, it is not this document that is at fault.
            let is_down = pass.failed(&last);
            if !is_down {
                if tries >= endpoint.retries {
                    let reason = format!("the service gave no answer in {} tries", tries + 1);
                    return Ok(Err(Answer::Refused { reason, found: Some(last) }));
                }
                tries += 1;
            }
            self.retries.fetch_add(1, Ordering::Relaxed);
            let pause = jittered((PAUSE_FIRST * 2u32.pow(tries.min(8))).min(PAUSE_MAX));
            if control.rest(pause.max(after.unwrap_or_default())) == Gate::Stop {
                return Err(Silence::Stopped);
            }
        }
    }
}

/// A whole answer, if it is JSON.
fn whole(text: &str) -> Answer {
    match serde_json::from_str::<&RawValue>(text) {
        Ok(raw) => Answer::Json(raw.get().to_owned()),
        Err(_) => no_json(text),
    }
}

fn no_json(text: &str) -> Answer {
    Answer::Refused { reason: "the answer is no JSON".to_owned(), found: Some(text.to_owned()) }
}

/// The answers for each document of a call, exactly as they stand in its response.
fn parts(text: &str, pointer: &str, count: usize) -> Result<Vec<Answer>, Answer> {
    let json: Json = serde_json::from_str(text).map_err(|_| no_json(text))?;
    let items = json.pointer(pointer).and_then(Json::as_array);
    match items {
        Some(items) if items.len() == count => {
            Ok(items.iter().map(|item| Answer::Json(item.to_string())).collect())
        }
        Some(items) => Err(Answer::Refused {
            reason: "the service answers another number of documents than were asked for"
                .to_owned(),
            found: Some(format!("{} for {count}", items.len())),
        }),
        None => Err(Answer::Refused {
            reason: format!("the answer has no array at '{pointer}'"),
            found: Some(text.to_owned()),
        }),
    }
}

/// A pause between half of `pause` and all of it, so that callers who failed together do not come
/// back together.
fn jittered(pause: Duration) -> Duration {
    use std::hash::{BuildHasher, Hasher};
    let random = std::collections::hash_map::RandomState::new().build_hasher().finish();
    let part = u32::try_from(random % 512).expect("below 512");
    pause / 2 + pause / 1024 * part
}

impl std::fmt::Debug for Services {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // The secrets stay out of it.
        f.debug_struct("Services").field("hosts", &self.hosts.keys()).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pause_is_at_least_half_and_never_longer() {
        let pause = Duration::from_secs(1);
        for _ in 0..200 {
            let jittered = jittered(pause);
            assert!(jittered >= pause / 2 && jittered <= pause, "{jittered:?}");
        }
    }

    #[test]
    fn an_answer_keeps_its_numbers() {
        let text = r#"{"r": [{"n": 12345678901234567890.10}, 1e2]}"#;
        let answers = parts(text, "/r", 2).expect("two");
        assert_eq!(answers[0], Answer::Json(r#"{"n":12345678901234567890.10}"#.to_owned()));
        assert!(parts(text, "/r", 3).is_err() && parts(text, "/x", 2).is_err());
        assert!(matches!(whole("<html>"), Answer::Refused { .. }));
        assert!(matches!(whole("{} {}"), Answer::Refused { .. }));
    }
}
