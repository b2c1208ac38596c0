//! The story of a run as one page that needs nothing beside it.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use super::{chart, pace, sentences};
use crate::cli::render::took;
use crate::engine::{Moment, Story};
use crate::model::Outcome;

const STYLE: &str = "\
:root{color-scheme:light dark;--fg:#1c2330;--dim:#5b6575;--bg:#fff;--card:#f5f7fa;--line:#2563eb;--grid:#d8dee8;\
--good:#15803d;--bad:#b91c1c;--warn:#b45309}
@media(prefers-color-scheme:dark){:root{--fg:#e6eaf2;--dim:#9aa5b8;--bg:#12161f;--card:#1b2230;--line:#7aa2ff;\
--grid:#2c3547;--good:#4ade80;--bad:#f87171;--warn:#fbbf24}}
body{font:15px/1.5 system-ui,sans-serif;color:var(--fg);background:var(--bg);max-width:860px;margin:2rem auto;padding:0 1rem}
h1{font-size:1.4rem;margin:0}h2{font-size:1.1rem;margin:2rem 0 .5rem}
code{font:13px ui-monospace,monospace;background:var(--card);padding:.1em .3em;border-radius:4px;overflow-wrap:anywhere}
table{border-collapse:collapse;width:100%}td,th{text-align:left;padding:.35rem .6rem;border-bottom:1px solid var(--grid);\
vertical-align:top}td.n,th.n{text-align:right;font-variant-numeric:tabular-nums}
.badge{display:inline-block;font-size:.9rem;vertical-align:middle;padding:.1em .7em;border-radius:1em;color:var(--bg);background:var(--dim)}
.badge.done{background:var(--good)}.badge.failed{background:var(--bad)}.badge.stopped{background:var(--warn)}
.dim,.unit{color:var(--dim)}.unit{margin:0;font-size:13px}.eyes td:first-child,.eyes{color:var(--bad)}
figure{margin:1rem 0}figcaption{font-weight:600}svg{width:100%;height:auto;background:var(--card);border-radius:6px}
.grid{stroke:var(--grid)}svg text{fill:var(--dim);font-size:11px}.line{fill:none;stroke:var(--line);stroke-width:2}
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
        text(&summary.started),
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
    out.push_str("<h2>Outcomes</h2><table>");
    for outcome in Outcome::ALL {
        let count = summary.tally.of(outcome);
        let class = if outcome.needs_eyes() && count > 0 { " class=\"eyes\"" } else { "" };
        let _ = write!(out, "<tr{class}><td>{outcome}</td><td class=\"n\">{count}</td></tr>");
    }
    let scanned = summary.tally.scanned;
    let _ = writeln!(out, "<tr><th>scanned</th><th class=\"n\">{scanned}</th></tr></table>");
    for sentence in sentences(summary) {
        let _ = writeln!(out, "<p>{sentence}</p>");
    }
}

/// The charts of a run, or of its rollback.
fn charts(out: &mut String, title: &str, samples: &[Moment]) {
    let mut all = chart::line("Pace", "keys per second; a gap where it was held", &pace(samples));
    let series = |value: &dyn Fn(&Moment) -> Option<f64>| -> Vec<(f64, Option<f64>)> {
        samples.iter().map(|sample| (sample.seconds, value(sample))).collect()
    };
    if samples.iter().any(|sample| sample.batch_ms > 0.0) {
        let batches = series(&|sample| Some(sample.batch_ms));
        all.push_str(&chart::line("Batches", "milliseconds to write one", &batches));
    }
    let names: BTreeSet<&String> = samples.iter().flat_map(|sample| sample.server.keys()).collect();
    for name in names {
        let points = series(&|sample| sample.server.get(name).copied());
        let unit = match name.as_str() {
            "latency" => "milliseconds for a PING",
            "memory" => "percent of maxmemory",
            "evictions" => "keys per second",
            "replica-lag" => "seconds",
            "cpu" => "percent of one core",
            "used_memory" => "bytes",
            "instantaneous_ops_per_sec" => "commands per second",
            "instantaneous_input_kbps" => "KiB per second",
            _ => "count",
        };
        all.push_str(&chart::line(&format!("Server: {}", text(name)), unit, &points));
    }
    if all.is_empty() {
        all.push_str("<p class=\"dim\">It was too short for charts.</p>");
    }
    let _ = writeln!(out, "<h2>{title}</h2>{all}");
}

fn errors(out: &mut String, story: &Story) {
    if story.errors.is_empty() {
        return;
    }
    out.push_str(
        "<h2>What needs eyes</h2><table><tr><th class=\"n\">keys</th><th>outcome</th><th>where</th>\
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

/// Text as HTML shows it.
fn text(plain: &str) -> String {
    plain.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}
