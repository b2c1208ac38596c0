//! `remold keys PATTERN --versions`: how many documents have which version.

use serde_json::{Map, Value as Json, json};

use super::exit::{Exit, Failure};
use super::render::{Output, Tone};
use crate::session::{Census, Counted, Looked, Samples, Session, Standing};

/// Counts the versions under a pattern. Without a key it exits 1, as a list does.
pub fn carry_out(samples: Samples<'_>, session: &Session, output: Output) -> Result<Exit, Failure> {
    let census = session.census(samples, &mut |looked| {
        output.live(Some(&progress(looked)));
        true
    })?;
    output.live(None);
    if output.json {
        output.json(&as_json(samples.pattern, &census));
    } else {
        for line in as_text(&census, output) {
            output.line(line);
        }
    }
    let Looked { keys, all, .. } = census.looked;
    if keys == 0 {
        output.talk(format!("no key matches '{}' at {}", samples.pattern, session.address()));
        return Ok(Exit::NeedsEyes);
    }
    output.talk(if all {
        format!("all {keys} keys of '{}' were looked at", samples.pattern)
    } else {
        format!("a sample of {keys} keys was looked at; --limit 0 looks at all")
    });
    Ok(Exit::Fine)
}

/// How far a look over keys is, in a few words.
pub fn progress(looked: Looked) -> String {
    let Looked { keys, passed, database, .. } = looked;
    let percent = (passed * 100).checked_div(database).unwrap_or(100);
    format!("{percent:>3} %  {keys} keys looked at")
}

fn name(subject: &str, standing: &Standing) -> (String, Tone) {
    match standing {
        Standing::Version { version } => (format!("{subject}@{version}"), Tone::Strong),
        Standing::Ambiguous { versions } => {
            let versions: Vec<String> = versions.iter().map(ToString::to_string).collect();
            (format!("{subject}, ambiguous: {}", versions.join(" or ")), Tone::Odd)
        }
        Standing::Unknown => (format!("{subject}, of no known version"), Tone::Odd),
        Standing::NoDocument => (format!("{subject}, no document"), Tone::Odd),
    }
}

fn as_text(census: &Census, output: Output) -> Vec<String> {
    let mut rows: Vec<((String, Tone), &Counted)> = census
        .lines
        .iter()
        .map(|((subject, standing), counted)| (name(subject, standing), counted))
        .collect();
    if census.no_subject.count > 0 {
        rows.push((("of no subject".to_owned(), Tone::Faint), &census.no_subject));
    }
    let width = rows.iter().map(|((name, _), _)| name.chars().count()).max().unwrap_or(0);
    let row = |((name, tone), counted): ((String, Tone), &Counted)| {
        let Counted { count, keys } = counted;
        let keys: Vec<String> = keys.iter().map(ToString::to_string).collect();
        let more = if *count > keys.len() as u64 { ", …" } else { "" };
        let keys = output.fit(&format!("{}{more}", keys.join(", ")), 12 + 9 + 2 + width + 2);
        let head = format!("{count:>12}  {:>5} %", percent(*count, census.looked.keys));
        let name = output.paint(tone, format!("{name:<width$}"));
        format!("{head}  {name}  {}", output.paint(Tone::Faint, keys))
    };
    rows.into_iter().map(row).collect()
}

/// A share in percent with one decimal; what is there at all is never 0.0.
fn percent(count: u64, whole: u64) -> String {
    #[expect(clippy::cast_precision_loss, reason = "a share to be read by people")]
    let percent = 100.0 * count as f64 / whole.max(1) as f64;
    if count > 0 && percent < 0.05 { "<0.1".to_owned() } else { format!("{percent:.1}") }
}

fn as_json(pattern: &str, census: &Census) -> Json {
    let mut subjects = Map::new();
    for ((subject, standing), counted) in &census.lines {
        let of = subjects.entry(subject.clone()).or_insert_with(|| {
            json!({"versions": {}, "ambiguous": [], "unknown": {"count": 0, "keys": []},
                "no_document": {"count": 0, "keys": []}})
        });
        match standing {
            Standing::Version { version } => of["versions"][version.to_string()] = json!(counted),
            Standing::Ambiguous { versions } => {
                let line =
                    json!({"versions": versions, "count": counted.count, "keys": counted.keys});
                of["ambiguous"].as_array_mut().expect("made as an array").push(line);
            }
            Standing::Unknown => of["unknown"] = json!(counted),
            Standing::NoDocument => of["no_document"] = json!(counted),
        }
    }
    json!({
        "pattern": pattern, "keys": census.looked.keys, "complete": census.looked.all,
        "subjects": subjects, "no_subject": census.no_subject,
    })
}
