//! A plan in words: what an operator reads before anything is written.

use std::sync::Arc;

use crate::console::command::{Scope, Verb};
use crate::console::overlays::{Confirm, Intent};
use crate::console::shared::Shared;
use crate::console::theme::Role;
use crate::console::widgets::text;
use crate::model::Tally;
use crate::planner::Plan;
use crate::schema::Version;

/// The question before a run that writes; `tried` is what a dry run of the plan came to.
pub fn question(plan: &Arc<Plan>, tried: Option<Tally>, shared: &Shared) -> Confirm {
    let risks = match plan.risks.len() {
        0 => {
            let text = "No step loses anything; before-images are kept, rollback is possible.";
            (Role::Good, text.to_owned())
        }
        count => {
            let text = format!(
                "{} may lose something, named in the plan; before-images are kept, rollback is \
                 possible.",
                text::counted(count as u64, "step")
            );
            (Role::Warn, text)
        }
    };
    let mut lines = vec![(Role::Text, format!("This changes keys on {}:", shared.setting.address))];
    if let Some(environment) = &shared.setting.environment {
        let role = if shared.setting.is_production() { Role::BadgeBad } else { Role::Warn };
        lines.push((role, format!("environment {environment}")));
    }
    lines.push((Role::Title, format!("{} → {}", plan.subject, plan.target)));
    lines.push((Role::Text, about(plan, shared)));
    lines.extend(tried.map(found));
    lines.extend(course(plan, shared));
    lines.extend(plan.moves().into_iter().map(|line| (Role::Warn, capitalised(&line))));
    lines.push(risks);
    lines.extend(calls(plan));
    lines.extend(plan.batches().into_iter().map(|line| (Role::Warn, format!("Batch: {line}"))));
    lines.push((Role::Dim, format!("plan {}", plan.id())));
    let phrase = plan.selection.pattern.clone();
    let intent = Intent::Execute(Arc::clone(plan));
    Confirm::new("Execute the run", lines, phrase, "Execute", intent)
}

/// What a dry run came to.
fn found(tally: Tally) -> (Role, String) {
    let eyes = match tally.needs_eyes() {
        0 => "none needs eyes".to_owned(),
        1 => "1 needs eyes and is left as it is".to_owned(),
        count => format!("{} need eyes and are left as they are", text::grouped(count)),
    };
    let words = format!(
        "The dry run found {} of them: {} would be migrated, {} are there already, {eyes}.",
        text::counted(tally.scanned, "key"),
        text::grouped(tally.migrated),
        text::grouped(tally.unchanged)
    );
    (if tally.needs_eyes() == 0 { Role::Good } else { Role::Warn }, words)
}

/// How the run goes over its keys, where that is not all at once.
fn course(plan: &Plan, shared: &Shared) -> Vec<(Role, String)> {
    let stages = plan.canary.as_ref().map(|stages| {
        format!("In stages of {stages} of the keys: each is verified, and asks before the next.")
    });
    let key = shared.keymap.first_key(Verb::Step);
    let step = format!("Step by step: one batch at a time, {key} does the next.");
    let course = stages.into_iter().chain(shared.course.by_step.then_some(step));
    course.map(|line| (Role::Accent, line)).collect()
}

/// Whom the run asks outside.
fn calls(plan: &Plan) -> impl Iterator<Item = (Role, String)> + '_ {
    plan.hosts
        .iter()
        .map(|host| (Role::Warn, format!("Fields of the documents are sent to {host}.")))
}

/// `keys matching user:* (strings), about 1,000 keys in the database`.
fn about(plan: &Plan, shared: &Shared) -> String {
    let keys = shared.link.info().map_or(String::new(), |info| {
        format!(", among {} of the database", text::counted(info.keys, "key"))
    });
    let only: Vec<String> =
        plan.selection.narrowed().iter().map(|words| format!("; only {words}")).collect();
    let only = only.concat();
    format!(
        "Keys matching {} (stored as {}){only}{keys}",
        plan.selection.patterns(),
        plan.stored_as()
    )
}

/// Where a trouble is, in the operator's words: the engine names what it was doing.
pub fn place(step: &str) -> &str {
    match step {
        "read" => "document",
        "detect" => "version",
        "where" => "condition",
        "validate" => "result",
        step => step,
    }
}

/// A line as a sentence of its own.
fn capitalised(line: &str) -> String {
    let mut rest = line.chars();
    let first = rest.next().map(|first| first.to_uppercase().to_string()).unwrap_or_default();
    format!("{first}{}.", rest.as_str())
}

/// The command line that does the same without the console.
pub fn command_line(plan: &Plan, shared: &Shared) -> String {
    let catalog = if shared.setting.has_folder {
        format!(" --catalog '{}'", shared.setting.catalog_source)
    } else {
        String::new()
    };
    let failed = shared.retry_of.as_ref().map(|run| format!(" --failed-of {run}"));
    let stages = plan.canary.as_ref().map(|stages| format!(" --canary {stages}"));
    let step = if shared.course.by_step { " --step" } else { "" };
    format!(
        "remold run {} --to {}{}{}{step} --url '{}'{catalog} --execute",
        plan.subject,
        plan.target,
        failed.unwrap_or_default(),
        stages.unwrap_or_default(),
        shared.setting.address,
    )
}

/// The steps and checks of each migration of a chain, numbered as troubles name them.
fn way(plan: &Plan, version: &Version, names: &[String]) -> Vec<(Role, String)> {
    let (steps, checks) = (plan.steps(version), plan.checks(version));
    let mut lines = Vec::new();
    for name in names {
        let of = |(migration, _): &&(String, String)| migration == name;
        if names.len() > 1 {
            lines.push((Role::Text, format!("  {name}")));
        }
        let numbered = steps.iter().filter(of).zip(1..);
        lines.extend(numbered.map(|((_, step), at)| (Role::Accent, format!("  {at}. {step}"))));
        let checks = checks.iter().filter(of);
        lines.extend(checks.map(|(_, check)| (Role::Text, format!("  Check {check}"))));
    }
    lines
}

/// The plan in words, wrapped.
pub fn plan_lines(plan: &Plan, shared: &Shared, width: usize) -> Vec<(Role, String)> {
    let mut lines: Vec<(Role, String)> = vec![
        (Role::Title, format!("{} → {}", plan.subject, plan.target)),
        (Role::Text, about(plan, shared)),
        (Role::Text, format!("On {}", shared.setting.address)),
    ];
    if let Some(environment) = &shared.setting.environment {
        lines.push((Role::Warn, format!("Environment: {environment}")));
    }
    lines.extend(course(plan, shared));
    for (version, names) in &plan.chains {
        lines.push((Role::Text, String::new()));
        if names.is_empty() {
            lines.push((Role::Title, format!("From {version}: nothing to do")));
            continue;
        }
        lines.push((Role::Title, format!("From {version}: {}", names.join(", then "))));
        lines.extend(way(plan, version, names));
    }
    for (version, reason) in &plan.unreachable {
        lines.push((Role::Text, String::new()));
        lines.push((Role::Warn, format!("From {version}: {reason}; counted as invalid")));
    }
    lines.push((Role::Text, String::new()));
    lines.extend(calls(plan));
    if plan.risks.is_empty() {
        lines.push((Role::Good, "No step loses anything.".to_owned()));
    }
    for risk in &plan.risks {
        let text = format!(
            "Risk: {} step {}, {}: {}",
            risk.migration, risk.step, risk.transform, risk.loss
        );
        lines.push((Role::Warn, text));
    }
    lines.push((
        Role::Dim,
        format!(
            "Each key's bytes are on disk before it is changed; {} rolls back.",
            shared.keymap.pane(Scope::History)
        ),
    ));
    lines.push((Role::Dim, format!("NOW is {}, plan {}", plan.frozen.now, plan.id())));
    lines.push((Role::Text, String::new()));
    let key = shared.keymap.first_key(Verb::CopyCommand);
    lines.push((Role::Dim, format!("The same without the console ({key} copies it):")));
    lines.push((Role::Text, command_line(plan, shared)));
    let wrapped = lines.into_iter().flat_map(|(role, line)| {
        let mut pieces = text::wrap(&line, width.max(10));
        if pieces.is_empty() {
            pieces.push(String::new());
        }
        pieces.into_iter().map(move |piece| (role, piece))
    });
    wrapped.collect()
}
