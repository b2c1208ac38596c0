//! Eyes on a run: figures for Prometheus, alerts for people, reports for who was not there.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

use remold::store::local::free_port;
use serde_json::Value as Json;

use crate::harness::TestServer;
use crate::harness::binary::Remold;

const PATIENCE: Duration = Duration::from_secs(60);

/// A web server that takes posts: refuses the first, and hands on what the others say.
fn webhook() -> (String, Receiver<Json>) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let url = format!("http://{}/hook", listener.local_addr().expect("an address"));
    let (told, word) = channel();
    std::thread::spawn(move || {
        for (number, stream) in listener.incoming().enumerate() {
            let mut stream = stream.expect("a connection");
            let body = read_post(&mut stream);
            let status = if number == 0 { "503 Service Unavailable" } else { "204 No Content" };
            let _ = write!(stream, "HTTP/1.1 {status}\r\nconnection: close\r\n\r\n");
            if number > 0 && told.send(serde_json::from_str(&body).expect("JSON")).is_err() {
                return;
            }
        }
    });
    (url, word)
}

fn read_post(stream: &mut TcpStream) -> String {
    let mut text = Vec::new();
    let mut part = [0; 4096];
    loop {
        let count = stream.read(&mut part).expect("a request");
        text.extend_from_slice(&part[..count]);
        let whole = String::from_utf8_lossy(&text).into_owned();
        if let Some((head, body)) = whole.split_once("\r\n\r\n") {
            let length = head.lines().find_map(|line| {
                let (name, value) = line.split_once(':')?;
                name.eq_ignore_ascii_case("content-length").then(|| value.trim().parse().ok())?
            });
            if body.len() >= length.unwrap_or(0) {
                return body.to_owned();
            }
        }
        assert!(count > 0, "the request ended too soon");
    }
}

#[test]
fn a_run_that_stops_by_itself_is_told_to_a_webhook_and_a_command() {
    let server = TestServer::start();
    crate::sample_data::fill(&server, remold::demo::Recipe { keys: 5_000, seed: 3 });
    let (url, word) = webhook();
    let folder = tempfile::tempdir().expect("a temporary folder");
    let heard = folder.path().join("heard");
    let remold = Remold::on(server.url()).sample_catalog().state(folder.path());
    let command = format!("cat > {}; echo $REMOLD_EVENT >> {0}.event", heard.display());
    let said = remold
        .line("run user --to latest --execute --yes --json --max-errors 2 --alert-webhook")
        .args([url.as_str(), "--alert-command", command.as_str()])
        .run();
    let report = said.exits(5).last_json();
    assert_eq!(report["undelivered"], Json::Null, "the second try was taken");
    let told = word.recv_timeout(PATIENCE).expect("word came");
    assert_eq!(told["event"], "stopped");
    assert_eq!(told["subject"], "user");
    assert!(told["reason"].as_str().expect("a reason").starts_with("errors "), "{told}");
    assert_eq!(told["details"]["tally"], report["tally"]);
    let by_command: Json =
        serde_json::from_str(&std::fs::read_to_string(&heard).expect("it ran")).expect("JSON");
    assert_eq!(by_command["run"], told["run"]);
    let event = std::fs::read_to_string(folder.path().join("heard.event")).expect("it ran");
    assert_eq!(event.trim(), "stopped");
}

#[test]
fn a_run_that_stands_still_is_told_and_what_nobody_takes_is_said() {
    let server = TestServer::start();
    crate::sample_data::fill(&server, remold::demo::Recipe { keys: 5_000, seed: 3 });
    let (url, word) = webhook();
    let state = tempfile::tempdir().expect("a temporary folder");
    let flag = state.path().join("hold");
    let line = format!(
        "run user --to latest --execute --yes --json --rate 2000 --pause-file {} --stall 1 \
         --alert-webhook {url}",
        flag.display()
    );
    std::fs::write(&flag, "").expect("a file");
    let remold = || Remold::on(server.url()).sample_catalog().state(state.path());
    let run = remold().line(&line).spawn();
    let told = word.recv_timeout(PATIENCE).expect("word came");
    assert_eq!(told["event"], "stalled");
    assert!(told["reason"].as_str().expect("a reason").contains("flag file"), "{told}");
    std::fs::remove_file(&flag).expect("it is there");
    // On a slow machine it may have stood still once more.
    let told = std::iter::repeat_with(|| word.recv_timeout(PATIENCE).expect("word came"))
        .find(|told| told["event"] != "stalled")
        .expect("it goes on for ever");
    assert_eq!(told["event"], "needs eyes");
    run.ended().exits(1);
    let nobody = free_port().expect("a free port");
    let line = format!(
        "run order --to latest --json --alert-webhook http://127.0.0.1:{nobody}/ --execute --yes"
    );
    let report = remold().line(&line).run().exits(1).last_json();
    let why = report["undelivered"][0].as_str().expect("a reason");
    assert!(why.contains(&format!("127.0.0.1:{nobody}")), "{why}");
}

#[test]
fn prometheus_reads_the_figures_of_a_run_at_work() {
    let server = TestServer::start();
    crate::sample_data::fill(&server, remold::demo::Recipe { keys: 5_000, seed: 3 });
    let state = tempfile::tempdir().expect("a temporary folder");
    let address = format!("127.0.0.1:{}", free_port().expect("a free port"));
    let line = format!(
        "run user --to latest --execute --yes --json --rate 1500 --batch 20 --metrics-addr {address}"
    );
    let mut run = Remold::on(server.url()).sample_catalog().state(state.path()).line(&line).spawn();
    let began = Instant::now();
    let (scrape, scanned) = loop {
        assert!(began.elapsed() < PATIENCE, "no figures came");
        let Ok(mut stream) = TcpStream::connect(&address) else { continue };
        write!(stream, "GET /metrics HTTP/1.1\r\nhost: x\r\n\r\n").expect("asked");
        let mut text = String::new();
        stream.read_to_string(&mut text).expect("text");
        let (head, body) = text.split_once("\r\n\r\n").expect("head and body");
        assert!(head.starts_with("HTTP/1.1 200 OK"), "{head}");
        let lines = body.lines().map(|line| Ok(line.to_owned()));
        let scrape = prometheus_parse::Scrape::parse(lines).expect("it reads");
        let scanned = scrape.samples.iter().find(|s| s.metric == "remold_keys_scanned_total");
        let scanned = scanned.expect("a sample").value.clone();
        if let prometheus_parse::Value::Counter(count) = scanned
            && count > 0.0
        {
            break (scrape, count);
        }
    };
    let of = |name: &str| scrape.samples.iter().filter(|s| s.metric == name).collect::<Vec<_>>();
    let outcomes: f64 = of("remold_keys_total")
        .iter()
        .map(|sample| match sample.value {
            prometheus_parse::Value::Counter(count) => count,
            _ => panic!("a counter"),
        })
        .sum();
    assert!((outcomes - scanned).abs() < 0.5, "{outcomes} of {scanned}");
    assert_eq!(of("remold_run_info")[0].labels.get("subject"), Some("user"));
    assert!(!of("remold_server_reading").is_empty());
    assert!(scrape.docs.contains_key("remold_keys_per_second"));
    run.child.kill().expect("it is ours");
    run.child.wait().expect("it is ours");
}

#[test]
fn a_report_tells_the_story_in_every_form() {
    let server = TestServer::start();
    crate::sample_data::fill(&server, remold::demo::Recipe { keys: 6_000, seed: 3 });
    let folder = tempfile::tempdir().expect("a temporary folder");
    let remold = || Remold::on(server.url()).sample_catalog().state(folder.path());
    let line = "run user --to latest --execute --yes --json --rate 600 --batch 50";
    let report = remold().line(line).run().exits(1).last_json();
    let story = remold().line("report last --json").run().exits(0).json();
    assert_eq!(story["summary"]["tally"], report["tally"]);
    assert_eq!(story["errors"], report["errors"]);
    assert!(story["samples"].as_array().map_or(0, Vec::len) >= 3, "{story}");
    let text = remold().line("report last").run().exits(0).stdout;
    assert!(text.contains("migrated") && text.contains("done"), "{text}");
    let markdown = remold().line("report last --format markdown").run().exits(0).stdout;
    assert!(markdown.starts_with("# Run ") && markdown.contains("| migrated |"), "{markdown}");
    let page = folder.path().join("report.html");
    let line = format!("report last --format html --out {}", page.display());
    remold().line(&line).run().exits(0);
    let html = std::fs::read_to_string(&page).expect("it is there");
    assert!(html.contains("<svg") && html.contains("class=\"badge done\""), "{html}");
    let outside = ["http://", "src=", "@import", "url("];
    assert!(outside.iter().all(|word| !html.contains(word)), "the page needs nothing beside it");
    assert!(!html.contains("None") && !html.contains("NaN"));
}

#[test]
fn a_rollback_has_a_window_and_alerts_and_figures_of_the_server_are_kept() {
    const KEYS: u64 = 20_000;
    let server = TestServer::start();
    let mut pipeline = redis::pipe();
    for n in 0..KEYS {
        pipeline.set(format!("user:{n}"), r#"{"userName":"Ada Lovelace","age":30}"#).ignore();
    }
    pipeline.exec(&mut server.connect()).expect("written");
    let state = tempfile::tempdir().expect("a folder");
    let remold = || Remold::on(server.url()).sample_catalog().state(state.path());
    // Slow enough to be sampled more than once.
    remold().line("run user --to latest --execute --yes --rate 5000").run().exits(0);
    let shown = remold().line("runs show last --json").run().exits(0).json();
    let sample = &shown["samples"][0]["server"];
    assert!(sample["used_memory"].as_f64() > Some(1e6), "{sample}");
    assert!(sample["connected_clients"].as_f64() >= Some(3.0), "{sample}");
    let text = remold().line("runs show last").run().exits(0).stdout;
    assert!(text.contains("instantaneous_ops_per_sec: "), "{text}");
    let heard = state.path().join("heard");
    let rollback = |window: &str| {
        remold()
            .line(&format!(
                "rollback last --execute --yes --json --metrics-addr 127.0.0.1:0 {window}"
            ))
            .args([
                "--alert-command".to_owned(),
                format!("cat >> {}; echo >> {0}", heard.display()),
            ])
            .run()
    };
    let stopped = rollback("--for 500ms").exits(5).last_json();
    let why = stopped["stopped_because"].as_str().expect("a reason");
    assert!(why.contains("the window ends at 500ms after the start"), "{why}");
    // As slow as the run was, and sampled like it.
    let ended = rollback("--for 2h --rate 5000").exits(0).last_json();
    assert_eq!(ended["tally"]["restored"], KEYS, "{ended}");
    let shown = remold().line("runs show last --json").run().exits(0).json();
    let sample = &shown["rollback_samples"][0];
    assert!(sample["scanned"].as_u64() > Some(0), "{shown}");
    assert!(sample["server"]["used_memory"].as_f64() > Some(1e6), "{sample}");
    let html = remold().line("report last --format html").run().exits(0).stdout;
    assert!(html.contains("How the rollback went"), "{html}");
    let words = std::fs::read_to_string(&heard).expect("two words");
    let words: Vec<Json> = words
        .lines()
        .filter(|line| !line.is_empty())
        .map(|line| serde_json::from_str(line).expect("JSON"))
        .collect();
    let told: Vec<_> =
        words.iter().map(|word| (word["verb"].clone(), word["event"].clone())).collect();
    let rollback = |event: &str| ("rollback".into(), event.into());
    assert_eq!(told, [rollback("stopped"), rollback("done")]);
}
