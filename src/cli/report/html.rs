//! The story of a run as one page that needs nothing beside it.

use std::fmt::Write as _;

use super::chart::{self, Line};
use super::{holds, pace, sentences};
use crate::cli::render::took;
use crate::engine::{Moment, Story};
use crate::model::Outcome;
use crate::model::figures::grouped;

const STYLE: &str = "\
:root{color-scheme:light dark;--fg:#1c2330;--dim:#5b6575;--bg:#fff;--card:#f5f7fa;--line:#2563eb;--grid:#d8dee8;\
--good:#15803d;--bad:#b91c1c;--warn:#b45309}
@media(prefers-color-scheme:dark){:root{--fg:#e6eaf2;--dim:#9aa5b8;--bg:#12161f;--card:#1b2230;--line:#7aa2ff;\
--grid:#2c3547;--good:#4ade80;--bad:#f87171;--warn:#fbbf24}}
body{font:15px/1.5 system-ui,sans-serif;color:var(--fg);background:var(--bg);max-width:920px;margin:2rem auto;padding:0 1rem}
h1{font-size:1.4rem;margin:0;overflow-wrap:anywhere}h2{font-size:1.1rem;margin:2rem 0 .5rem}
code{font:13px ui-monospace,monospace;background:var(--card);padding:.1em .3em;border-radius:4px;overflow-wrap:anywhere}
.badge{display:inline-block;font-size:.9rem;vertical-align:middle;padding:.1em .7em;border-radius:1em;color:var(--bg);background:var(--dim)}
.badge.done{background:var(--good)}.badge.failed{background:var(--bad)}.badge.stopped{background:var(--warn)}
.dim,.unit{color:var(--dim)}.unit{font-size:13px;font-weight:400}.eyes{color:var(--bad)}
.tiles{display:grid;grid-template-columns:repeat(auto-fill,minmax(118px,1fr));gap:.6rem}
.tiles div{background:var(--card);border-radius:6px;padding:.5rem .7rem}
.tiles b{display:block;font-size:1.25rem;font-variant-numeric:tabular-nums}.tiles .none{color:var(--dim)}
.bar{display:flex;height:10px;border-radius:5px;overflow:hidden;background:var(--grid);margin:.8rem 0}
.bar .migrated{background:var(--good)}.bar .eyes{background:var(--bad)}.bar .other{background:var(--dim)}
table{border-collapse:collapse;width:100%}td,th{text-align:left;padding:.35rem .6rem;border-bottom:1px solid var(--grid);\
vertical-align:top}td.n,th.n{text-align:right;font-variant-numeric:tabular-nums}
.charts{display:grid;grid-template-columns:repeat(auto-fill,minmax(330px,1fr));gap:1rem}
figure{margin:0}figcaption{font-weight:600}svg{width:100%;height:auto;background:var(--card);border-radius:6px}
.grid{stroke:var(--grid)}svg text{fill:var(--dim);font-size:11px}.line{fill:none;stroke:var(--line);stroke-width:2}
.held{fill:var(--warn);opacity:.18}
.swatch{display:inline-block;width:1em;height:1em;vertical-align:-.15em;margin-right:.5em;border-radius:3px;background:var(--warn);opacity:.35}
@media(max-width:600px){.charts{grid-template-columns:1fr}.errors th{display:none}\
.errors tr{display:block;border-bottom:1px solid var(--grid);padding:.5rem 0}\
.errors td{display:block;border:0;padding:.1rem 0;text-align:left}.errors td.n::after{content:' keys'}}
";

/// The page.
pub fn page(story: &Story) -> String {
    let summary = &story.summary;
    let run = text(&summary.run.to_string());
    let mut out = format!(
        "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">\
         <meta name=\"viewport\" content=\"width=device-width\"><title>remold run {run}</title>\
         <style>{STYLE}</style></head><body>\n"
    );
    let _ = writeln!(
        out,
        "<h1>Run {run} <span class=\"badge {phase}\">{phase}</span>{rolled_back}</h1>\
         <p><code>{}</code> of <b>{}</b> to <b>{}</b> on <code>{}</code></p>\
         <p class=\"dim\">started {}, {} of work, plan <code>{}</code></p>",
        text(&story.plan.selection.pattern),
        text(&summary.subject),
        text(&summary.target),
        text(&summary.server),
        text(&when(&summary.started)),
        took(summary.seconds),
        summary.plan,
        phase = summary.phase,
        rolled_back = if summary.rollback.is_some() {
            " <span class=\"badge\">rolled back</span>"
        } else {
            ""
        },
    );
    outcomes(&mut out, story);
    errors(&mut out, story);
    charts(&mut out, "How it went", &story.samples);
    if !story.rollback_samples.is_empty() {
        charts(&mut out, "How the rollback went", &story.rollback_samples);
    }
    chains(&mut out, story);
    out.push_str("</body></html>");
    out
}

fn outcomes(out: &mut String, story: &Story) {
    let summary = &story.summary;
    let tally = &summary.tally;
    let tile = |class: &str, name: &str, count: u64| {
        let class = if count == 0 { "none" } else { class };
        format!("<div class=\"{class}\"><b>{}</b>{name}</div>", grouped(count))
    };
    out.push_str("<h2>Outcomes</h2><div class=\"tiles\">");
    out.push_str(&tile("", "scanned", tally.scanned));
    for outcome in Outcome::ALL {
        let class = if outcome.needs_eyes() { "eyes" } else { "" };
        out.push_str(&tile(class, &outcome.to_string(), tally.of(outcome)));
    }
    out.push_str("</div><div class=\"bar\">");
    let eyes = tally.needs_eyes();
    let other = tally.scanned - tally.migrated - eyes;
    for (class, count) in [("migrated", tally.migrated), ("other", other), ("eyes", eyes)] {
        if count > 0 {
            let _ = write!(out, "<div class=\"{class}\" style=\"flex:{count} 0 3px\"></div>");
        }
    }
    out.push_str("</div>\n");
    for sentence in sentences(summary) {
        let _ = writeln!(out, "<p>{sentence}</p>");
    }
}

/// What is drawn of the server: the name of the figure, the title, the unit, and by what it is divided.
const FIGURES: &[(&str, &str, &str, f64)] = &[
    ("latency", "PING", "milliseconds", 1.0),
    ("cpu", "CPU of the server", "percent of one core", 1.0),
    ("instantaneous_ops_per_sec", "Commands", "per second", 1.0),
    ("instantaneous_input_kbps", "Input", "KiB per second", 1.0),
    ("used_memory", "Memory", "MiB", 1_048_576.0),
    ("memory", "Memory", "percent of maxmemory", 1.0),
    ("evictions", "Evictions", "keys per second", 1.0),
    ("replica-lag", "Replica lag", "seconds", 1.0),
    ("blocked-clients", "Blocked clients", "clients", 1.0),
    ("connected_clients", "Clients", "connections", 1.0),
];

/// The charts of a run, or of its rollback.
fn charts(out: &mut String, title: &str, samples: &[Moment]) {
    let holds = holds(samples);
    let bands: Vec<(f64, f64)> = holds.iter().map(|hold| (hold.from, hold.to)).collect();
    let series = |value: &dyn Fn(&Moment) -> Option<f64>| -> Vec<(f64, Option<f64>)> {
        samples.iter().map(|sample| (sample.seconds, value(sample))).collect()
    };
    let mut drawn = vec![
        ("Pace", "keys per second", pace(samples)),
        ("Batches", "milliseconds to write one", series(&|sample| Some(sample.batch_ms))),
    ];
    for (name, title, unit, part) in FIGURES {
        let values = series(&|sample| sample.server.get(*name).map(|value| value / part));
        drawn.push((title, unit, values));
    }
    let charts: String = drawn
        .into_iter()
        .filter_map(|(title, unit, points)| {
            chart::line(&Line { title, unit, points, bands: &bands })
        })
        .collect();
    let _ = write!(out, "<h2>{title}</h2>");
    for hold in &holds {
        let _ = writeln!(
            out,
            "<p><span class=\"swatch\"></span>It was {}.</p>",
            text(&hold.to_string())
        );
    }
    if charts.is_empty() {
        out.push_str("<p class=\"dim\">It was too short for charts.</p>\n");
    } else {
        let _ = writeln!(out, "<div class=\"charts\">{charts}</div>");
    }
}

fn errors(out: &mut String, story: &Story) {
    if story.errors.is_empty() {
        return;
    }
    out.push_str(
        "<h2>What needs eyes</h2><table class=\"errors\"><tr><th class=\"n\">keys</th><th>outcome</th><th>where</th>\
         <th>why</th><th>such as</th></tr>",
    );
    for group in &story.errors {
        let keys: Vec<String> = group
            .samples
            .iter()
            .map(|key| format!("<code>{}</code>", text(&key.to_string())))
            .collect();
        let field = if group.field.is_empty() {
            String::new()
        } else {
            format!(" <code>{}</code>", text(&group.field))
        };
        let _ = write!(
            out,
            "<tr><td class=\"n\">{}</td><td>{}</td><td>{}{field}</td><td>{}</td><td>{}</td></tr>",
            group.count,
            group.outcome,
            text(&group.step),
            text(&group.reason),
            keys.join(" ")
        );
    }
    out.push_str("</table>\n");
}

fn chains(out: &mut String, story: &Story) {
    for version in story.plan.chains.keys().filter(|version| **version != story.plan.target) {
        let _ = write!(out, "<h2>Chain from {version}</h2><ol>");
        for (migration, step) in story.plan.steps(version) {
            let (step, migration) = (text(&step), text(&migration));
            let _ =
                write!(out, "<li><code>{step}</code> <span class=\"dim\">{migration}</span></li>");
        }
        out.push_str("</ol>\n");
        for (migration, check) in story.plan.checks(version) {
            let (check, migration) = (text(&check), text(&migration));
            let _ = write!(out, "<p>Check {check} <span class=\"dim\">{migration}</span></p>");
        }
    }
}

/// A moment of RFC 3339, for people: `2026-11-24 14:32:35 UTC`.
fn when(moment: &str) -> String {
    moment
        .parse::<jiff::Timestamp>()
        .map_or_else(|_| moment.to_owned(), |at| at.strftime("%F %T UTC").to_string())
}

/// Text as HTML shows it.
fn text(plain: &str) -> String {
    plain.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}
