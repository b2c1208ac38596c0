//! Questions to services outside, as data: what would be asked, and what was answered. Nothing here
//! calls anybody: a chain that needs an answer it was not given stops with the [`Ask`], and is
//! applied again from the start once there is one. So the same answers give the same bytes.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use serde_json::Value as Json;

use super::script::Script;
use crate::model::Digest;

/// How a request is sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Method {
    /// No body; the inputs stand in the URL.
    Get,
    /// A JSON body.
    Post,
    /// A JSON body.
    Put,
}

impl Method {
    /// `POST`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Get => "GET",
            Self::Post => "POST",
            Self::Put => "PUT",
        }
    }
}

/// What a header is sent with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum HeaderValue {
    /// This text.
    Text(String),
    /// The content of an environment variable, which is read when a run begins and stored nowhere.
    Environment {
        /// The variable.
        name: String,
        /// What stands before its content: `Bearer `.
        prefix: String,
    },
}

/// A service, and the manners in which it is called.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Endpoint {
    /// How.
    pub method: Method,
    /// The URL as declared, with its placeholders.
    pub url: String,
    /// `https://geo.example.com:8443`: what a plan names, so that nothing else is ever called.
    pub host: String,
    /// Headers by name.
    pub headers: BTreeMap<String, HeaderValue>,
    /// Documents in one call, when the service takes several.
    pub batch: Option<Batching>,
    /// How long one try may take.
    pub timeout: Duration,
    /// How often a call is tried again.
    pub retries: u32,
    /// Calls under way at once.
    pub concurrency: usize,
    /// A program of our own that answers in place of a service; then nothing is sent anywhere.
    pub program: Option<Script>,
}

impl Endpoint {
    /// A program that gets so many documents at once.
    pub fn of_program(program: Script, documents: usize) -> Self {
        Self {
            method: Method::Post,
            url: format!("luau:{}", program.digest()),
            host: "the program".to_owned(),
            headers: BTreeMap::new(),
            batch: Some(Batching { documents, envelope: None, answers: String::new() }),
            timeout: Duration::ZERO,
            retries: 0,
            concurrency: 1,
            program: Some(program),
        }
    }
}

/// What a program answers to the requests of several documents. Where it fails, or answers no list of
/// as many, each is asked alone: a document that makes it fail does not take the others with it.
pub fn answered(program: &Script, requests: &[Json]) -> Vec<Answer> {
    match program.list(requests) {
        Ok(answers) if answers.len() == requests.len() => {
            answers.into_iter().map(Answer::Json).collect()
        }
        Ok(answers) if requests.len() == 1 => vec![Answer::Refused {
            reason: "the script answers for another number of documents than it was given"
                .to_owned(),
            found: Some(format!("{} for 1", answers.len())),
        }],
        Err(reason) if requests.len() == 1 => vec![Answer::Refused { reason, found: None }],
        _ => requests.iter().flat_map(|one| answered(program, std::slice::from_ref(one))).collect(),
    }
}

/// Several documents in one call: their requests are a JSON array, and so are the answers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Batching {
    /// At most this many documents.
    pub documents: usize,
    /// What the array of requests stands in, where the text `${BATCH}` is; the array alone if `None`.
    pub envelope: Option<Json>,
    /// The JSON pointer of the array of answers.
    pub answers: String,
}

/// The placeholder of an envelope.
pub const BATCH: &str = "${BATCH}";

impl Batching {
    /// The body of one call.
    pub fn body(&self, requests: Vec<Json>) -> Json {
        fn fill(envelope: &Json, requests: &Json) -> Json {
            match envelope {
                Json::String(text) if text == BATCH => requests.clone(),
                Json::Array(items) => items.iter().map(|item| fill(item, requests)).collect(),
                Json::Object(members) => members
                    .iter()
                    .map(|(name, value)| (name.clone(), fill(value, requests)))
                    .collect(),
                other => other.clone(),
            }
        }
        let requests = Json::Array(requests);
        self.envelope.as_ref().map_or_else(|| requests.clone(), |outer| fill(outer, &requests))
    }
}

/// What one document asks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ask {
    /// Whom.
    pub endpoint: Arc<Endpoint>,
    /// The URL, its placeholders filled.
    pub url: String,
    /// The document's request; `None` for a GET.
    pub request: Option<Json>,
}

impl Ask {
    /// The question's name: equal for equal questions. An answer belongs to a question, so a
    /// document that was changed meanwhile asks anew, and one that was not does not.
    pub fn digest(&self) -> Digest {
        let request = self.request.as_ref().map(Json::to_string).unwrap_or_default();
        Digest::of(format!("{} {}\n{request}", self.endpoint.method.name(), self.url).as_bytes())
    }
}

impl Ask {
    /// What a program of our own answers when it is asked for this document alone; nothing where a
    /// service has to be asked.
    pub fn answered_alone(&self) -> Option<(Digest, Answer)> {
        let program = self.endpoint.program.as_ref()?;
        let request = self.request.clone().unwrap_or_default();
        Some((self.digest(), answered(program, &[request]).pop()?))
    }
}

impl std::fmt::Display for Ask {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match &self.endpoint.program {
            Some(_) => f.write_str("the batch's program")?,
            None => write!(f, "{} {}", self.endpoint.method.name(), self.url)?,
        }
        self.request.as_ref().map_or(Ok(()), |request| write!(f, " {request}"))
    }
}

/// What came of a question.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// JSON text: the part of the response that is this document's.
    Json(String),
    /// The service will not answer, or not usefully; the document is refused with this reason.
    Refused {
        /// In words that are the same for every document with this trouble.
        reason: String,
        /// What came instead.
        found: Option<String>,
    },
}

/// The answers for one document, by question.
pub type Answers = BTreeMap<Digest, Answer>;
