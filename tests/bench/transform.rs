//! What a native chain costs per document, as a ratio to bare serde_json on the same bytes in the
//! same run: rounds of both are interleaved, and the median of the rounds counts.
//!
//! `cargo bench --bench transform`

// Its numbers are its output.
#![allow(clippy::print_stdout)]

use std::hint::black_box;
use std::time::{Duration, Instant};

use remold::model::{Document, Key, Storage};
use remold::schema::Reading;
use remold::transform::{Chain, Checks, Frozen, Stage, Step};
use semver::Version;
use serde_json::{Value as Json, json};

const ROUNDS: usize = 41;
const CALLS_PER_ROUND: u32 = 20_000;

/// About 200 bytes, as an application would write them.
const DOCUMENT: &str = r#"{"id":12345678,"userName":"Ada King Lovelace","email":"ada@example.org","age":"36","balance":1234.50,"active":true,"tags":["math","poetry"],"address":{"city":"London","zip":"SW1A 1AA"}}"#;

/// What is measured, and its name.
type Case<'c> = (&'c str, Box<dyn FnMut() + 'c>);

fn main() {
    let transforms = [
        json!({"type": "renameField", "from": "email", "to": "mail"}),
        json!({"type": "splitField", "from": "userName", "to": ["firstName", "lastName"],
               "separator": " "}),
        json!({"type": "convertType", "field": "age", "to": "integer"}),
    ];
    let native = chain(&transforms);
    let script = chain(&[json!({"type": "custom", "inputs": ["age"], "outputs": ["age", "adult"],
        "script": "return function(i) local n = tonumber(i.age) return {age = n, adult = n > 17} end"})]);
    let after = run(&native);
    println!("{} bytes: {DOCUMENT}\n{} bytes: {after}\n", DOCUMENT.len(), after.len());
    let mut cases: Vec<Case<'_>> = vec![
        ("serde_json: parse + print", Box::new(bare)),
        ("read + print, nothing done", Box::new(|| _ = black_box(run(&Chain::default())))),
        ("native: rename, split, convert", Box::new(|| _ = black_box(run(&native)))),
        ("custom: 1 input, 2 outputs", Box::new(|| _ = black_box(run(&script)))),
    ];
    let mut times: Vec<Vec<Duration>> = vec![Vec::new(); cases.len()];
    for _ in 0..ROUNDS {
        for ((_, case), times) in cases.iter_mut().zip(&mut times) {
            let started = Instant::now();
            (0..CALLS_PER_ROUND).for_each(|_| case());
            times.push(started.elapsed() / CALLS_PER_ROUND);
        }
    }
    let medians: Vec<f64> = times.into_iter().map(median_ns).collect();
    for ((name, _), median) in cases.iter().zip(&medians) {
        println!("{name:<32} {median:>8.0} ns {:>8.2} x", median / medians[0]);
    }
}

fn bare() {
    let json: Json = serde_json::from_slice(black_box(DOCUMENT.as_bytes())).expect("JSON");
    black_box(serde_json::to_vec(&json).expect("printable"));
}

fn run(chain: &Chain) -> String {
    let bytes = black_box(DOCUMENT.as_bytes());
    let mut document = Document::from_json(bytes, Storage::String).expect("a document");
    let frozen = Frozen::default();
    let key = Key::from("user:42");
    chain.apply(&mut document, &key, "user:*", &frozen, &mut |_, _, _| {}).expect("it fits");
    document.to_json()
}

fn chain(transforms: &[Json]) -> Chain {
    let steps = transforms.iter().map(|step| Step::parse(step).expect("a step")).collect();
    let stage = Stage {
        pattern: None,
        reading: Reading::default(),
        migration: "bench".to_owned(),
        source: Version::new(1, 0, 0),
        target: Version::new(2, 0, 0),
        when: None,
        steps,
        checks: Checks::default(),
    };
    Chain { stages: vec![stage] }
}

fn median_ns(mut times: Vec<Duration>) -> f64 {
    times.sort_unstable();
    times[times.len() / 2].as_secs_f64() * 1e9
}
