//! What a preview costs: 200 documents of 2 KiB through 10 steps, with every form kept, as the console asks
//! for it at each edit. Beside it, in the same rounds, bare serde_json that parses and prints each of the
//! same forms once.
//!
//! `cargo bench --bench preview`

// Its numbers are its output.
#![allow(clippy::print_stdout)]

use std::hint::black_box;
use std::time::{Duration, Instant};

use remold::catalog::{Catalog, Source};
use remold::engine::{Judge, Preview, preview};
use remold::model::{Content, Key, Outcome, Storage};
use remold::planner::{Narrowed, Plan, PlanRequest, draw_up};
use remold::transform::Frozen;
use semver::Version;
use serde_json::{Value as Json, json};

const ROUNDS: usize = 41;
const DOCUMENTS: usize = 200;
const DOCUMENT_BYTES: usize = 2_048;
const TARGET: Version = Version::new(2, 0, 0);

fn main() {
    let plan = plan();
    let documents: Vec<(Key, Content)> = (0..DOCUMENTS).map(document).collect();
    let previews = all(&plan, &documents);
    assert!(previews.iter().all(|it| it.outcome == Outcome::Migrated && it.steps.len() == 10));
    let (mut ours, mut bare) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        ours.push(timed(|| _ = black_box(all(&plan, &documents))));
        bare.push(timed(|| previews.iter().for_each(parse_and_print)));
    }
    let (ours, bare) = (median_ms(ours), median_ms(bare));
    println!("{DOCUMENTS} documents of {DOCUMENT_BYTES} bytes through 10 steps, every form kept");
    println!("serde_json: parse + print of every form {bare:>8.2} ms");
    println!("preview, the plan compiled anew         {ours:>8.2} ms {:>6.2} x", ours / bare);
    println!("wanted: under 20 ms");
}

/// Compiles the plan, as after an edit, and previews every document.
fn all(plan: &Plan, documents: &[(Key, Content)]) -> Vec<Preview> {
    let judge = Judge::new(plan).expect("compiles");
    documents.iter().map(|(key, content)| preview(&judge, &TARGET, key, content)).collect()
}

fn parse_and_print(preview: &Preview) {
    let forms = preview.steps.iter().map(|step| &step.after).chain([&preview.before]);
    for form in forms {
        let json: Json = serde_json::from_str(black_box(form)).expect("JSON");
        black_box(serde_json::to_vec(&json).expect("printable"));
    }
}

/// A document of about 2 KiB: a person, an address, and orders.
fn document(number: usize) -> (Key, Content) {
    let mut orders = Vec::new();
    let make = |orders: &[Json]| {
        json!({"id": number, "userName": "Ada King Lovelace", "email": " Ada@Example.ORG ", "age": "36",
            "status": "A", "createdAt": 1_700_000_000, "active": true, "a_city": "London",
            "a_zip": "SW1A 1AA", "fax": "none", "orders": orders})
    };
    while make(&orders).to_string().len() < DOCUMENT_BYTES {
        let at = orders.len();
        orders.push(json!({"sku": format!("SKU-{at:05}"), "price": 19.90, "quantity": at, "tags": ["new", "sale"]}));
    }
    (
        Key::from(format!("user:{number}").as_str()),
        Content::String(make(&orders).to_string().into_bytes()),
    )
}

fn plan() -> Plan {
    let transforms = json!([
        {"type": "splitField", "from": "userName", "to": ["firstName", "middleName", "lastName"], "separator": " "},
        {"type": "trim", "field": "email"},
        {"type": "case", "field": "email", "to": "lower"},
        {"type": "convertType", "field": "age", "to": "integer"},
        {"type": "mapValues", "field": "status", "map": {"A": "active", "I": "idle"}},
        {"type": "convertType", "field": "createdAt", "from": "epochSeconds", "to": "dateTime"},
        {"type": "nestFields", "from": ["a_city", "a_zip"], "to": "address", "prefix": "a_"},
        {"type": "removeField", "field": "fax"},
        {"type": "renameField", "from": "orders[].price", "to": "orders[].amount"},
        {"type": "addField", "field": "schema", "defaultValue": 2}]);
    let schema = |version: &str, field: &str| {
        json!({"version": version, "keyPattern": "user:*", "storage": "string",
               "fields": {field: {"type": "string", "required": true}, "id": {"type": "integer"}}})
    };
    let migrations = json!({"subject": "user", "migrations": {"v1_to_v2": {"source": "1.0.0",
        "target": "2.0.0", "transforms": transforms}}});
    let sources = [
        Source::from_value("1.json", &schema("1.0.0", "userName")),
        Source::from_value("2.json", &schema("2.0.0", "firstName")),
        Source::from_value("m.json", &migrations),
    ];
    let catalog = Catalog::from_definitions(&sources).unwrap_or_else(|it| panic!("{it}"));
    let request = PlanRequest {
        subject: "user".to_owned(),
        target: TARGET,
        from: None,
        path: None,
        pattern: None,
        narrowed: Narrowed::default(),
        frozen: Frozen { now: "2026-01-01T00:00:00.000Z".to_owned(), ..Frozen::default() },
    };
    draw_up(&catalog, request, Storage::String).expect("a plan")
}

fn timed(work: impl FnOnce()) -> Duration {
    let began = Instant::now();
    work();
    began.elapsed()
}

fn median_ms(mut times: Vec<Duration>) -> f64 {
    times.sort_unstable();
    times[times.len() / 2].as_secs_f64() * 1e3
}
