//! Documents that ask a service outside: it is slow, it fails, it answers nonsense, it dies in the
//! middle; remold is killed meanwhile. No document is lost, none is asked for again once its answer is
//! known, and no more calls are under way than the definition allows.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use serde_json::{Value as Json, json};

use crate::harness::service::{Reply, Request, Service};
use crate::harness::{Remold, Said, TestServer};

/// A server with `place:*` documents, a catalog whose migration asks, and a state directory.
struct Stage {
    server: TestServer,
    folder: tempfile::TempDir,
}

const SECRET: &str = "s3cr3t-of-the-test";

impl Stage {
    /// `step` is added to what every step here has.
    fn new(service: &str, keys: usize, step: &Json) -> Self {
        let server = TestServer::start();
        let mut pipe = redis::pipe();
        for at in 0..keys {
            let document = format!("{{\"v\": 1, \"city\": \"c{at}\", \"n\": 1.0}}");
            pipe.set(format!("place:{at}"), document).ignore();
        }
        pipe.query::<()>(&mut server.connect()).expect("filled");
        let folder = tempfile::tempdir().expect("a temporary folder");
        let stage = Self { server, folder };
        stage.define(service, step);
        stage
    }

    fn define(&self, service: &str, step: &Json) {
        let mut external = json!({"type": "external", "url": format!("{service}/score"),
            "inputs": ["city"], "outputs": ["score"],
            "headers": {"Authorization": {"env": "TEST_TOKEN", "prefix": "Bearer "}}});
        for (name, value) in step.as_object().expect("an object") {
            external[name] = value.clone();
        }
        let schema = |version: &str, number: u8, more: Json| {
            let mut fields = json!({"v": {"type": "integer", "enum": [number], "required": true},
                "city": {"type": "string", "required": true}, "n": {"type": "number"}});
            for (name, value) in more.as_object().expect("an object") {
                fields[name] = value.clone();
            }
            json!({"version": version, "keyPattern": "place:*", "storage": "string", "fields": fields})
        };
        let score = json!({"score": {"type": "integer", "required": true}});
        let migrations = json!({"subject": "place", "migrations": {"score": {
            "source": "1.0.0", "target": "2.0.0", "strategy": "direct",
            "transforms": [external, {"type": "setField", "field": "v", "value": 2}]}}});
        let catalog = self.catalog();
        std::fs::create_dir_all(&catalog).expect("a folder");
        for (name, json) in [
            ("one.json", schema("1.0.0", 1, json!({}))),
            ("two.json", schema("2.0.0", 2, score)),
            ("migrations.json", migrations),
        ] {
            std::fs::write(catalog.join(name), json.to_string()).expect("written");
        }
    }

    fn catalog(&self) -> PathBuf {
        self.folder.path().join("catalog")
    }

    fn remold(&self, line: &str) -> Remold {
        Remold::on(self.server.url())
            .state(&self.folder.path().join("state"))
            .env("REMOLD_CATALOG", self.catalog())
            .env("TEST_TOKEN", SECRET)
            .line(line)
    }

    fn run(&self) -> Said {
        self.remold("run place --to 2.0.0 --execute --yes --json --batch 20").run()
    }

    fn document(&self, at: usize) -> String {
        redis::cmd("GET")
            .arg(format!("place:{at}"))
            .query(&mut self.server.connect())
            .expect("there")
    }

    /// Every document went through, and its own answer stands in it.
    fn assert_all_scored(&self, keys: usize) {
        for at in 0..keys {
            let expected = format!(
                "{{\"v\": 2, \"city\": \"c{at}\", \"n\": 1.0, \"score\": {}}}",
                score(&format!("c{at}"))
            );
            assert_eq!(self.document(at), expected);
        }
    }
}

/// What the service says of a city.
fn score(city: &str) -> usize {
    city[1..].parse::<usize>().expect("a number") * 7 + 1
}

fn good(request: &Request) -> Reply {
    let city = request.json()["city"].as_str().expect("a city").to_owned();
    Reply::ok(&json!({"score": score(&city)}))
}

/// How often each document was asked for.
fn asked(service: &Service) -> BTreeMap<String, usize> {
    let mut counts = BTreeMap::new();
    for request in service.requests() {
        let json = request.json();
        let one = [json.clone()];
        for item in json.as_array().map_or(&one[..], Vec::as_slice) {
            *counts.entry(item["city"].as_str().unwrap_or_default().to_owned()).or_default() += 1;
        }
    }
    counts
}

#[test]
fn one_call_for_each_document_never_more_at_once_than_allowed() {
    let service = Service::start(|request| {
        thread::sleep(Duration::from_millis(5));
        good(request)
    });
    let stage = Stage::new(service.url(), 120, &json!({"concurrency": 3}));
    let said = stage.run().exits(0).last_json();
    assert_eq!(said["tally"]["migrated"], 120, "{said}");
    assert_eq!(said["external"]["calls"], 120);
    stage.assert_all_scored(120);
    assert!(asked(&service).values().all(|count| *count == 1));
    assert!((2..=3).contains(&service.most()), "{}", service.most());
    let first = &service.requests()[0];
    assert_eq!(first.header("authorization"), Some(format!("Bearer {SECRET}").as_str()));
    assert_eq!(first.json().as_object().map(serde_json::Map::len), Some(1), "{}", first.body);
    // The secret is nowhere on the disk.
    for file in walk(stage.folder.path()) {
        let bytes = std::fs::read(&file).expect("readable");
        let secret = SECRET.as_bytes();
        assert!(!bytes.windows(secret.len()).any(|part| part == secret), "{}", file.display());
    }
    // There and back, byte for byte.
    stage.remold("verify last").run().exits(0);
    stage.remold("rollback last --execute --yes").run().exits(0);
    assert_eq!(stage.document(3), "{\"v\": 1, \"city\": \"c3\", \"n\": 1.0}");
}

fn walk(folder: &std::path::Path) -> Vec<PathBuf> {
    let entries =
        std::fs::read_dir(folder).expect("a folder").map(|entry| entry.expect("entry").path());
    entries.flat_map(|path| if path.is_dir() { walk(&path) } else { vec![path] }).collect()
}

#[test]
fn a_batch_is_one_call() {
    let service = Service::start(|request| {
        let json = request.json();
        let items = json["items"].as_array().expect("items").iter();
        let answers: Vec<Json> =
            items.map(|item| json!({"s": score(item.as_str().expect("a city"))})).collect();
        Reply::ok(&json!({"results": answers}))
    });
    let step = json!({"request": "${city}", "outputs": {"score": "/s"}, "batch":
        {"documents": 10, "envelope": {"items": "${BATCH}"}, "answers": "/results"}});
    let stage = Stage::new(service.url(), 60, &step);
    let said = stage.run().exits(0).last_json();
    assert_eq!((&said["tally"]["migrated"], &said["external"]["calls"]), (&json!(60), &json!(6)));
    stage.assert_all_scored(60);
}

#[test]
fn what_may_pass_is_tried_again_and_nothing_else_is() {
    let service = Service::start(|request| {
        let tries = request.number;
        match request.json()["city"].as_str() {
            Some("c1") => Reply::status(501),
            Some("c2") => Reply::status(404),
            Some("c3") => Reply::Whole { status: 200, headers: "", body: "<html>".into() },
            Some("c4") => Reply::ok(&json!({"other": 1})),
            Some("c5") => {
                Reply::Whole { status: 302, headers: "location: /x\r\n", body: String::new() }
            }
            _ if tries % 4 == 1 => Reply::Torn,
            _ if tries % 4 == 2 => {
                Reply::Whole { status: 429, headers: "retry-after: 0\r\n", body: String::new() }
            }
            _ if tries % 16 == 7 => Reply::Nothing,
            _ => good(request),
        }
    });
    let stage = Stage::new(service.url(), 40, &json!({"retries": 30, "concurrency": 2}));
    let said = stage.run().exits(1).last_json();
    assert_eq!((&said["tally"]["migrated"], &said["tally"]["failed"]), (&json!(35), &json!(5)));
    let counts = asked(&service);
    for at in 1..=5 {
        assert_eq!(counts[&format!("c{at}")], 1, "c{at} is not asked for again");
        assert_eq!(stage.document(at), format!("{{\"v\": 1, \"city\": \"c{at}\", \"n\": 1.0}}"));
    }
    let reasons: Vec<&str> = said["errors"]
        .as_array()
        .expect("groups")
        .iter()
        .filter_map(|g| g["reason"].as_str())
        .collect();
    for expected in ["status 501", "status 404", "no JSON", "nothing at '/score'", "status 302"] {
        assert!(reasons.iter().any(|reason| reason.contains(expected)), "{expected}: {reasons:?}");
    }
}

#[test]
fn a_service_that_is_down_stops_the_run_which_then_goes_on() {
    let is_up = Arc::new(AtomicBool::new(false));
    let up = Arc::clone(&is_up);
    let service = Service::start(move |request| {
        let is_down = request.number >= 25 && !up.load(Ordering::SeqCst);
        if is_down { Reply::status(503) } else { good(request) }
    });
    let stage = Stage::new(service.url(), 60, &json!({"retries": 1, "concurrency": 2}));
    let line = "run place --to 2.0.0 --execute --yes --json --batch 20 --patience 1";
    let said = stage.remold(line).run().exits(5);
    assert!(
        said.stderr.contains("gave no answer") && said.stderr.contains("remold resume"),
        "{}",
        said.stderr
    );
    let before = asked(&service);
    assert!(before.len() >= 25);
    // It is still down: nothing changes, and nothing is lost.
    stage.remold("resume last --json --patience 1").run().exits(5);
    // It comes up again.
    is_up.store(true, Ordering::SeqCst);
    let said = stage.remold("resume last --json").run().last_json();
    assert_eq!((&said["phase"], &said["tally"]["scanned"]), (&json!("done"), &json!(60)), "{said}");
    let failed = said["tally"]["failed"].as_u64().expect("a count");
    assert!(failed <= 8, "few documents use up their tries before the service counts as down");
    let scored = (0..60).filter(|at| stage.document(*at).contains("score")).count() as u64;
    assert_eq!(scored + failed, 60);
    // The first 25 were answered, and not asked for again.
    let first: Vec<String> = service.requests()[..25]
        .iter()
        .map(|request| request.json()["city"].as_str().expect("a city").to_owned())
        .collect();
    let counts = asked(&service);
    assert!(first.iter().all(|city| counts[city] == 1), "{counts:?}");
}

#[test]
fn a_killed_run_goes_on_without_asking_for_what_was_answered() {
    let service = Service::start(|request| {
        thread::sleep(Duration::from_millis(3));
        good(request)
    });
    let stage = Stage::new(service.url(), 300, &json!({"concurrency": 4}));
    for point in [20, 90, 170, 250] {
        let line = if point == 20 {
            "run place --to 2.0.0 --execute --yes --json --batch 20"
        } else {
            "resume last --json --batch 20"
        };
        let mut run = stage.remold(line).spawn();
        service.wait_for(point);
        run.child.kill().expect("it is still at work");
        run.child.wait().expect("it ended");
    }
    let said = stage.remold("resume last --json").run().exits(0).last_json();
    assert_eq!(said["tally"]["migrated"], 300, "{said}");
    assert_eq!(said["tally"]["scanned"], 300);
    stage.assert_all_scored(300);
    // Only what was under way when it was killed may have been asked for twice: four calls at most
    // at a time, and their answers on the way to the journal.
    let again: usize = asked(&service).values().map(|count| count - 1).sum();
    assert!(again <= 4 * 8, "{again} were asked for again");
    assert!(service.most() <= 8, "{}", service.most());
    stage.remold("verify last").run().exits(0);
}

#[test]
fn nobody_is_asked_before_the_run_and_the_plan_names_the_host() {
    let service = Service::start(good);
    let stage = Stage::new(service.url(), 30, &json!({}));
    let plan = stage.remold("plan place --to 2.0.0").run().exits(0);
    assert!(plan.stdout.contains(service.url()), "{}", plan.stdout);
    let preview =
        stage.remold("preview place --to 2.0.0 --json --key place:4").run().exits(0).json();
    assert!(preview[0]["would_ask"].as_str().is_some_and(|ask| ask.contains("c4")), "{preview}");
    assert_eq!(preview[0]["after"], Json::Null);
    let dry = stage.remold("run place --to 2.0.0 --json").run().exits(0).last_json();
    assert_eq!(
        (&dry["tally"]["migrated"], &dry["external"]["would_ask"]),
        (&json!(30), &json!(30))
    );
    assert!(service.requests().is_empty());
    let line = "preview place --to 2.0.0 --json --key place:4 --call-external";
    let preview = stage.remold(line).run().exits(0).json();
    assert_eq!(preview[0]["after"]["score"], score("c4"), "{preview}");
    let dry =
        stage.remold("run place --to 2.0.0 --json --call-external").run().exits(0).last_json();
    assert_eq!(dry["external"], json!({"calls": 30, "retries": 0, "would_ask": 0}));
    assert_eq!(stage.document(4), "{\"v\": 1, \"city\": \"c4\", \"n\": 1.0}");
    // A plan that was edited to call elsewhere is not carried out.
    let out = stage.folder.path().join("plan.json");
    stage.remold(&format!("plan place --to 2.0.0 --out {}", out.display())).run().exits(0);
    let text = std::fs::read_to_string(&out).expect("written");
    let mut plan: Json = serde_json::from_str(&text).expect("JSON");
    plan.as_object_mut().expect("an object").remove("digest");
    plan["hosts"] = json!(["https://elsewhere.example"]);
    std::fs::write(&out, plan.to_string()).expect("written");
    let said = stage.remold(&format!("run {} --execute --yes", out.display())).run().exits(4);
    assert!(said.stderr.contains("do not name"), "{}", said.stderr);
    // Without its variable nothing begins.
    let line = "run place --to 2.0.0 --execute --yes";
    let said = stage.remold(line).env("TEST_TOKEN_ELSE", "x");
    stage
        .define(service.url(), &json!({"headers": {"Authorization": {"env": "NOT_SET_ANYWHERE"}}}));
    let said = said.run().exits(2);
    assert!(said.stderr.contains("NOT_SET_ANYWHERE"), "{}", said.stderr);
}
