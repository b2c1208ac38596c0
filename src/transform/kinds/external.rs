//! `external`: fields from an HTTP service. The step says what to ask and what to make of the answer;
//! the engine asks.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value as Json, json};

use super::endpoint::{DOCUMENTS_MAX, read_batch, read_headers, read_url};
use super::{Kind, ON_EXISTING, Parameter};
use crate::model::{Document, Path, Value};
use crate::transform::external::{Answer, Ask, Endpoint, Method};
use crate::transform::script::{BigNumbers, Script};
use crate::transform::template::{Piece, pieces};
use crate::transform::{
    Facts, Loss, OnExisting, OnMissing, Params, Place, Refusal, Step, Transform,
};

pub(super) const KIND: Kind = Kind {
    name: "external",
    summary: "Asks an HTTP service and writes its answer into declared outputs. The host stands in the \
              plan; a preview and a dry run only say what they would ask. Stands in a migration's own \
              list, not inside another transform. Refuses a missing input, an answer without an output, \
              and an existing output.",
    parameters: &[
        Parameter {
            name: "url",
            form: "an http or https URL",
            optional: false,
            help: "may hold ${path} of an input and ${KEY} after the host",
        },
        Parameter {
            name: "method",
            form: "GET, POST or PUT",
            optional: true,
            help: "POST unless said",
        },
        Parameter {
            name: "inputs",
            form: "a list of paths",
            optional: false,
            help: "the fields that leave the document, and no others",
        },
        Parameter {
            name: "request",
            form: "a JSON value",
            optional: true,
            help: "the body for one document; \"${path}\" stands for an input, ${KEY} for the key; an \
                   object of the inputs when left out",
        },
        Parameter {
            name: "outputs",
            form: "a list of paths, or an object of path to JSON pointer",
            optional: false,
            help: "the fields it writes, and where they stand in the answer: {\"geo.lat\": \
                   \"/result/0/lat\"}; a list takes them from the same path",
        },
        Parameter {
            name: "headers",
            form: "an object of texts or {\"env\": \"NAME\", \"prefix\": \"Bearer \"}",
            optional: true,
            help: "a secret comes from an environment variable, which is stored nowhere",
        },
        Parameter {
            name: "batch",
            form: "a number, or {\"documents\", \"envelope\", \"answers\"}",
            optional: true,
            help: "documents in one call: the body is an array of requests (in place of \"${BATCH}\" in \
                   the envelope), and the answer (at the pointer 'answers') an array as long",
        },
        Parameter {
            name: "timeoutMs",
            form: "milliseconds",
            optional: true,
            help: "how long one try may take; 5000 unless said",
        },
        Parameter {
            name: "retries",
            form: "a whole number",
            optional: true,
            help: "further tries after a timeout, a broken connection, 408, 425, 429, 500, 502, 503 or \
                   504; 4 unless said",
        },
        Parameter {
            name: "concurrency",
            form: "a whole number",
            optional: true,
            help: "calls under way at once; 4 unless said, 64 at most",
        },
        super::ON_MISSING,
        ON_EXISTING,
    ],
    parse,
};

/// Calls under way at once that a definition may ask for.
const CONCURRENCY_MAX: usize = 64;
/// The step, compiled.
#[derive(Debug)]
pub struct External {
    endpoint: Arc<Endpoint>,
    inputs: Vec<Place>,
    request: Option<Json>,
    outputs: Vec<(Place, String)>,
    on_missing: OnMissing,
    on_existing: OnExisting,
}

fn parse(params: &mut Params<'_>) -> Option<Box<dyn Transform>> {
    let inputs = params.places("inputs", 0).filter(|places| no_arrays(params, "inputs", places));
    let outputs = read_outputs(params);
    let methods = [("GET", Method::Get), ("POST", Method::Post), ("PUT", Method::Put)];
    let method = params.word("method", &methods, Method::Post);
    let batch = read_batch(params);
    let url = read_url(params);
    let headers = read_headers(params);
    let timeout = params.count("timeoutMs", 1).unwrap_or(5_000);
    let retries = params.count("retries", 0).unwrap_or(4);
    let concurrency = params.count("concurrency", 1).unwrap_or(4);
    let (on_missing, on_existing) = (params.on_missing(OnMissing::Fail), params.on_existing());
    let request = params.optional("request").cloned();
    let (inputs, outputs, (url, host)) = (inputs?, outputs?, url?);
    if concurrency > CONCURRENCY_MAX {
        let message = format!("'concurrency' is {concurrency}");
        params.refuse("concurrency", message, format!("1 to {CONCURRENCY_MAX}"));
        return None;
    }
    for (name, json) in [("url", Some(&Json::from(url.clone()))), ("request", request.as_ref())] {
        if let Some(unknown) = json.and_then(|json| unknown_placeholder(json, &inputs)) {
            let known = inputs.iter().map(Place::label).chain(["KEY"]).collect::<Vec<_>>();
            let message = format!("'${{{unknown}}}' is none of the inputs");
            params.refuse(name, message, format!("one of: {}", known.join(", ")));
            return None;
        }
    }
    let has_body = method != Method::Get;
    if !has_body && (request.is_some() || batch.is_some()) {
        let name = if request.is_some() { "request" } else { "batch" };
        params.refuse(name, "a GET has no body", "\"method\": \"POST\", or the inputs in the url");
        return None;
    }
    if batch.is_some() && url.contains("${") {
        params.refuse("url", "one call for several documents has one URL", "no placeholder in it");
        return None;
    }
    let timeout = Duration::from_millis(timeout as u64);
    let retries = u32::try_from(retries).unwrap_or(u32::MAX);
    let headers = headers?;
    let endpoint = Arc::new(Endpoint {
        method,
        url,
        host,
        headers,
        batch,
        timeout,
        retries,
        concurrency,
        program: None,
    });
    Some(Box::new(External { endpoint, inputs, request, outputs, on_missing, on_existing }))
}

/// A call is one document's, so its fields are not those of many items.
fn no_arrays(params: &mut Params<'_>, name: &str, places: &[Place]) -> bool {
    let Some(place) = places.iter().find(|place| !place.scope().is_empty()) else { return true };
    let message = format!("'{}' reaches into an array", place.path());
    params.refuse(name, message, "paths without '[]': a whole array can be an input");
    false
}

fn read_outputs(params: &mut Params<'_>) -> Option<Vec<(Place, String)>> {
    let Some(Json::Object(members)) = params.optional("outputs") else {
        let places = params.places("outputs", 1)?;
        let pointer = |place: &Place| {
            let names = place.parents().iter().map(String::as_str).chain([place.name()]);
            let escaped = names.map(|name| name.replace('~', "~0").replace('/', "~1"));
            escaped.fold(String::new(), |pointer, name| pointer + "/" + &name)
        };
        let outputs: Vec<_> = places.into_iter().map(|place| (pointer(&place), place)).collect();
        let outputs: Vec<_> =
            outputs.into_iter().map(|(pointer, place)| (place, pointer)).collect();
        return no_arrays_in(params, outputs);
    };
    let mut outputs = Vec::new();
    for (path, pointer) in members {
        let label = format!("outputs.{path}");
        let place = params.read_place(&label, &Json::from(path.as_str()))?;
        match pointer.as_str() {
            Some(text) if text.is_empty() || text.starts_with('/') => {
                outputs.push((place, text.to_owned()));
            }
            _ => {
                let message = format!("{pointer} is no JSON pointer");
                params.refuse(&label, message, "\"/result/0/name\", or \"\" for the whole answer");
                return None;
            }
        }
    }
    if outputs.is_empty() {
        params.refuse("outputs", "there are no outputs", "at least one");
        return None;
    }
    no_arrays_in(params, outputs)
}

fn no_arrays_in(
    params: &mut Params<'_>,
    outputs: Vec<(Place, String)>,
) -> Option<Vec<(Place, String)>> {
    let places: Vec<Place> = outputs.iter().map(|(place, _)| place.clone()).collect();
    no_arrays(params, "outputs", &places).then_some(outputs)
}

/// The first placeholder that names neither an input nor the key.
fn unknown_placeholder(json: &Json, inputs: &[Place]) -> Option<String> {
    match json {
        Json::String(text) => pieces(text).find_map(|piece| match piece {
            Piece::Placeholder(name)
                if name != "KEY" && !inputs.iter().any(|place| place.label() == name) =>
            {
                Some(name.to_owned())
            }
            _ => None,
        }),
        Json::Array(items) => items.iter().find_map(|item| unknown_placeholder(item, inputs)),
        Json::Object(map) => map.values().find_map(|value| unknown_placeholder(value, inputs)),
        _ => None,
    }
}

impl External {
    /// A step that asks a program of our own instead of a service.
    pub(super) fn of_program(
        params: &mut Params<'_>,
        text: &str,
        documents: usize,
    ) -> Option<Self> {
        let inputs =
            params.places("inputs", 1).filter(|places| no_arrays(params, "inputs", places));
        let outputs = read_outputs(params);
        let (on_missing, on_existing) = (params.on_missing(OnMissing::Fail), params.on_existing());
        if documents > DOCUMENTS_MAX {
            let message = format!("'documents' is {documents}");
            params.refuse("documents", message, format!("1 to {DOCUMENTS_MAX}"));
        }
        let program = match Script::program(text, &[], BigNumbers::Fail) {
            Ok(program) => program,
            Err(mistake) => {
                params.refuse("script", mistake.to_string(), "return function(list) ... end");
                return None;
            }
        };
        let endpoint = Arc::new(Endpoint::of_program(program, documents));
        let (inputs, outputs) = (inputs?, outputs?);
        Some(Self { endpoint, inputs, request: None, outputs, on_missing, on_existing })
    }

    /// Whom it asks.
    pub fn endpoint(&self) -> &Arc<Endpoint> {
        &self.endpoint
    }

    /// What this document asks; `None` when the step is to be skipped.
    pub fn ask(
        &self,
        document: &mut Document<'_>,
        facts: &Facts<'_>,
    ) -> Result<Option<Ask>, Refusal> {
        let mut values = BTreeMap::new();
        for place in &self.inputs {
            let Some((parent, at)) = place.find_or(&mut document.root, self.on_missing)? else {
                return Ok(None);
            };
            let text = parent.members()[at].value.to_json();
            let json = serde_json::from_str::<Json>(&text)
                .map_err(|error| Refusal::new(place.path(), error.to_string()))?;
            values.insert(place.label(), json);
        }
        // Asking for what could not be written would be asking in vain.
        if self.on_existing == OnExisting::Fail {
            for (place, _) in &self.outputs {
                if place.stands(&mut document.root)? {
                    return Err(place.exists());
                }
            }
        }
        let key = Json::from(facts.key.to_string());
        let value = |name: &str| if name == "KEY" { &key } else { &values[name] };
        let url = fill_text(&self.endpoint.url, &value, &percent_encoded);
        let request = match (&self.request, self.endpoint.method) {
            (_, Method::Get) => None,
            (Some(request), _) => Some(fill(request, &value)),
            (None, _) => Some(self.plain_request(&values)),
        };
        Ok(Some(Ask { endpoint: Arc::clone(&self.endpoint), url, request }))
    }

    /// The inputs as an object, each at its own path.
    fn plain_request(&self, values: &BTreeMap<&str, Json>) -> Json {
        let mut request = json!({});
        for place in &self.inputs {
            let mut at = &mut request;
            for name in place.parents() {
                at = &mut at[name.as_str()];
            }
            at[place.name()] = values[place.label()].clone();
        }
        request
    }

    /// Writes an answer into the document.
    pub fn accept(&self, document: &mut Document<'_>, answer: &Answer) -> Result<(), Refusal> {
        let field = self.outputs[0].0.path();
        let text = match answer {
            Answer::Json(text) => text,
            Answer::Refused { reason, found } => {
                let refusal = Refusal::new(field, reason);
                return Err(match found {
                    Some(found) => refusal.found(found),
                    None => refusal,
                });
            }
        };
        let json: Json = serde_json::from_str(text)
            .map_err(|_| Refusal::new(field, "the answer is no JSON").found(text))?;
        for (place, pointer) in &self.outputs {
            let value = json.pointer(pointer).ok_or_else(|| {
                let reason = format!("the answer has nothing at '{pointer}'");
                Refusal::new(place.path(), reason).found(text)
            })?;
            place.put(&mut document.root, None, Value::from_json(value), self.on_existing)?;
        }
        Ok(())
    }
}

fn fill<'v>(json: &Json, value: &dyn Fn(&str) -> &'v Json) -> Json {
    match json {
        Json::String(text) => {
            let all: Vec<Piece<'_>> = pieces(text).collect();
            if let [Piece::Placeholder(name)] = all[..] {
                return value(name).clone();
            }
            fill_text(text, value, &str::to_owned).into()
        }
        Json::Array(items) => items.iter().map(|item| fill(item, value)).collect(),
        Json::Object(members) => {
            members.iter().map(|(name, inner)| (name.clone(), fill(inner, value))).collect()
        }
        other => other.clone(),
    }
}

fn fill_text<'v>(
    text: &str,
    value: &dyn Fn(&str) -> &'v Json,
    encode: &dyn Fn(&str) -> String,
) -> String {
    let shown = |json: &Json| json.as_str().map_or_else(|| json.to_string(), str::to_owned);
    let piece = |piece: Piece<'_>| match piece {
        Piece::Text(plain) => plain.to_owned(),
        Piece::Placeholder(name) => encode(&shown(value(name))),
    };
    pieces(text).map(piece).collect()
}

/// A value as a part of a URL: everything but unreserved characters (RFC 3986, 2.3) is encoded.
fn percent_encoded(text: &str) -> String {
    let byte = |byte: u8| {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            char::from(byte).to_string()
        } else {
            format!("%{byte:02X}")
        }
    };
    text.bytes().map(byte).collect()
}

impl Transform for External {
    fn apply(&self, document: &mut Document<'_>, _: &Facts<'_>) -> Result<(), Refusal> {
        // A chain asks before it comes here, and the definitions keep the step out of any other place.
        let field = document.root.members().first().map(|member| member.name.text().into_owned());
        Err(Refusal::new(field.unwrap_or_default(), "an external step needs a chain that asks"))
    }

    fn inverse(&self) -> Option<Vec<Json>> {
        let remove = |(place, _): &(Place, String)| {
            let mut step = json!({"type": "removeField", "field": place.path()});
            if self.on_missing == OnMissing::Skip {
                step["onMissing"] = "skip".into();
            }
            step
        };
        Some(self.outputs.iter().rev().map(remove).collect())
    }

    fn loss(&self) -> Option<Loss> {
        let field = self.outputs[0].0.path();
        match (self.on_existing, self.on_missing) {
            (OnExisting::Overwrite, _) => {
                Some(Loss::values(format!("a value that stands at '{field}' is replaced")))
            }
            (OnExisting::Keep, _) | (_, OnMissing::Skip) => Some(Loss::origin(format!(
                "which documents had '{field}' before is not known afterwards"
            ))),
            _ => self.outputs.iter().find_map(|(place, _)| place.made_parents()),
        }
    }

    fn touches(&self) -> Vec<Path> {
        let outputs = self.outputs.iter().map(|(place, _)| place);
        self.inputs.iter().chain(outputs).map(|place| place.path().clone()).collect()
    }

    fn looks_at(&self) -> Vec<Path> {
        let is_output = |path: &Path| self.outputs.iter().any(|(output, _)| output.path() == path);
        let inputs = self.inputs.iter().map(|place| place.path().clone());
        inputs.filter(|path| !is_output(path)).collect()
    }

    fn external(&self) -> Option<&External> {
        Some(self)
    }
}

/// Notes a mistake for each step that asks, in a list that no chain carries out itself.
pub(in crate::transform) fn only_in_chains(params: &mut Params<'_>, name: &str, steps: &[Step]) {
    if let Some(step) = steps.iter().find(|step| step.external().is_some()) {
        let kind = step.kind();
        let message = format!("'{kind}' stands inside another transform");
        params.refuse(name, message, format!("'{kind}' in the migration's own list of transforms"));
    }
}
