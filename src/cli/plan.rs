//! `remold plan SUBJECT --to VERSION`

use std::path::PathBuf;

use clap::Args;
use serde_json::json;

use super::draft::{self, Drafting};
use super::exit::{Exit, Failure};
use super::narrow::Narrowing;
use super::render::Output;
use crate::engine::Rehearsal;
use crate::model::figures::grouped;
use crate::planner::draft::Sample;
use crate::planner::{Estimate, Plan, PlanRequest};
use crate::session::{Drafted, Session, SessionError};

/// What is to be migrated where; shared by `plan`, `preview` and `run`.
#[derive(Args, Debug, Clone)]
pub struct Target {
    /// The version every document is to have: 3.0.0, or latest
    #[arg(long, value_name = "VERSION")]
    pub to: Option<String>,
    /// Only documents of this version
    #[arg(long, value_name = "VERSION")]
    pub from: Option<String>,
    /// The migrations to take, by name, instead of the route that would be found
    #[arg(long, value_name = "NAME,...", value_delimiter = ',')]
    pub path: Option<Vec<String>>,
    /// Another key pattern than the subject's own
    #[arg(long, value_name = "GLOB")]
    pub pattern: Option<String>,
    #[command(flatten)]
    narrowing: Narrowing,
}

impl Target {
    /// Draws up the plan for `subject`.
    pub fn plan(&self, subject: &str, session: &Session) -> Result<Plan, Failure> {
        Ok(session.plan(self.request(subject, session)?)?)
    }

    /// What is asked for.
    pub fn request(&self, subject: &str, session: &Session) -> Result<PlanRequest, Failure> {
        let Some(to) = &self.to else {
            return Err(Failure::usage(format!(
                "which version of {subject}? Name it with --to VERSION, or --to latest"
            )));
        };
        Ok(PlanRequest {
            subject: subject.to_owned(),
            target: session.version(subject, to)?,
            from: self.from.as_deref().map(|from| session.version(subject, from)).transpose()?,
            path: self.path.clone(),
            pattern: self.pattern.clone(),
            narrowed: self.narrowing.read(session)?,
            frozen: session.frozen(),
        })
    }
}

#[derive(Args, Debug)]
pub struct Arguments {
    /// The subject: user
    subject: String,
    #[command(flatten)]
    target: Target,
    #[command(flatten)]
    draft: Drafting,
    /// Write the plan to a file, for `remold run FILE`
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// Say why this path was taken, and what else each drafted step could be
    #[arg(long)]
    explain: bool,
    /// Take sampled documents to the target and back, and tell which come back byte for byte
    #[arg(long)]
    test_rollback: bool,
    /// How many documents --test-rollback takes there and back
    #[arg(long, value_name = "N", default_value_t = 5_000, requires = "test_rollback")]
    sample: u64,
}

/// Draws up a plan and shows it. Where no migrations lead there, one is drafted.
pub fn carry_out(
    arguments: &Arguments,
    session: &Session,
    output: Output,
) -> Result<Exit, Failure> {
    let Arguments { subject, target, draft, out, explain, .. } = arguments;
    let request = target.request(subject, session)?;
    let samples = draft.samples(subject, session)?;
    let drafted = if draft.is_wanted(session, &request) {
        Some(draft.carry_out(subject, session, request, samples.as_deref(), output)?)
    } else {
        None
    };
    let plan = match (&drafted, &samples) {
        (Some(drafted), _) => drafted.plan.clone(),
        (None, Some(_)) => session.plan_unasked(target.request(subject, session)?)?,
        (None, None) => session.plan(target.request(subject, session)?)?,
    };
    let estimate = estimate(session, &plan, drafted.as_ref(), samples.as_deref(), output)?;
    let mut file = plan.to_file();
    file["estimate"] = json!(estimate);
    if let Some(drafted) = &drafted {
        file["draft"] = draft::as_json(drafted);
    }
    let rehearsal = arguments
        .test_rollback
        .then(|| session.rehearse_rollback(&plan, samples.as_deref(), arguments.sample))
        .transpose()?;
    let exit = exit_of(&plan, rehearsal.as_ref());
    if let Some(path) = out {
        let text = serde_json::to_string_pretty(&file).expect("plain data prints as JSON");
        session.save_file(path, &(text + "\n"))?;
        output.talk(format!("plan {} written to {}", plan.id(), path.display()));
    }
    if output.json {
        if let Some(rehearsal) = &rehearsal {
            file["rollback_test"] = json!(rehearsal);
        }
        output.json(&file);
        return Ok(exit);
    }
    output.sentences(text(&plan));
    if *explain {
        output.sentences(explained(&plan, session));
    }
    output.sentences(estimate.iter().map(estimate_text));
    let draft_text = |drafted| draft::text(drafted, *explain, draft.by_example());
    output.sentences(drafted.iter().flat_map(draft_text));
    output.sentences(rehearsal.iter().flat_map(rehearsal_text));
    Ok(exit)
}

/// Questions that are open keep a plan from being run; what not even the journal brings back needs eyes.
fn exit_of(plan: &Plan, rehearsal: Option<&Rehearsal>) -> Exit {
    if !plan.questions.is_empty() {
        Exit::Definitions
    } else if rehearsal.is_some_and(|tried| tried.restored < tried.migrated) {
        Exit::NeedsEyes
    } else {
        Exit::Fine
    }
}

/// What came of documents that were taken there and back, with some keys of each obstacle.
fn rehearsal_text(rehearsal: &Rehearsal) -> Vec<String> {
    const KEYS_SHOWN_MAX: usize = 5;
    let Rehearsal { sampled, migrated, restored, need_journal, unasked, obstacles } = rehearsal;
    let mut lines = vec![format!(
        "  back   {} / {} restored ({} need the journal); {} sampled",
        grouped(*restored),
        grouped(*migrated),
        grouped(*need_journal),
        grouped(*sampled)
    )];
    if *unasked > 0 {
        lines.push(format!(
            "         {} wait for a service and were not taken there",
            grouped(*unasked)
        ));
    }
    for obstacle in obstacles {
        let count = grouped(obstacle.keys.len() as u64);
        lines.push(format!("         {count}: {}: {}", obstacle.step, obstacle.reason));
        let named = obstacle.keys.iter().filter(|key| !key.as_bytes().is_empty());
        let shown: Vec<String> = named.take(KEYS_SHOWN_MAX).map(ToString::to_string).collect();
        if !shown.is_empty() {
            let more = if obstacle.keys.len() > shown.len() { ", …" } else { "" };
            lines.push(format!("           {}{more}", shown.join(", ")));
        }
    }
    lines
}

/// What a run will cost; nothing where no server is there to tell.
fn estimate(
    session: &Session,
    plan: &Plan,
    drafted: Option<&Drafted>,
    samples: Option<&[Sample]>,
    output: Output,
) -> Result<Option<Estimate>, Failure> {
    if drafted.is_some_and(|drafted| drafted.without_samples.is_some()) {
        return Ok(None);
    }
    match session.estimate(plan, samples) {
        Ok(estimate) => Ok(estimate),
        Err(SessionError::Store(error)) => {
            output.talk(format!("no estimate: {error}"));
            Ok(None)
        }
        Err(error) => Err(error.into()),
    }
}

fn estimate_text(estimate: &Estimate) -> String {
    let about = if estimate.exact { "" } else { "about " };
    format!(
        "  size   {about}{} keys, {} to migrate, {} of values; journal {}; chain {} ms, reading and writing on top ({} documents measured)",
        estimate.keys,
        estimate.to_migrate,
        size(estimate.bytes),
        size(estimate.journal_bytes),
        estimate.transform_ms,
        estimate.measured
    )
}

fn size(bytes: u64) -> String {
    match bytes {
        0..10_240 => format!("{bytes} B"),
        10_240..10_485_760 => format!("{} KiB", bytes >> 10),
        _ => format!("{} MiB", bytes >> 20),
    }
}

/// Why each path was taken.
fn explained(plan: &Plan, session: &Session) -> Vec<String> {
    let versions = plan.chains.keys().filter(|version| **version != plan.target);
    versions
        .map(|version| match session.route(&plan.subject, version, &plan.target) {
            Ok((names, reason)) if plan.chains[version] == names => {
                format!("  path   from {version}: {} ({reason})", names.join(", "))
            }
            _ => format!("  path   from {version}: {}", plan.chains[version].join(", ")),
        })
        .collect()
}

/// A plan in words.
pub fn text(plan: &Plan) -> Vec<String> {
    let mut lines = vec![
        format!("plan {}: {} to {}", plan.id(), plan.subject, plan.target),
        format!("  keys   {} (stored as {})", plan.selection.patterns(), plan.stored_as()),
        format!("  now    {}", plan.frozen.now),
    ];
    lines.extend(plan.selection.narrowed().into_iter().map(|line| format!("  only   {line}")));
    if let Some(stages) = &plan.canary {
        lines.push(format!("  stages {stages} of the keys, each verified before the next"));
    }
    lines.extend(plan.moves().into_iter().map(|line| format!("  moves  {line}")));
    for version in plan.chains.keys().filter(|version| **version != plan.target) {
        lines.push(format!("  from {version}"));
        let steps = plan.steps(version);
        for (number, (migration, step)) in steps.iter().enumerate() {
            lines.push(format!("    {:>2}. {step}  ({migration})", number + 1));
        }
        let checks = plan.checks(version).into_iter();
        lines.extend(checks.map(|(migration, check)| format!("    check  {check}  ({migration})")));
        lines.extend(plan.fused(version).iter().map(|fused| format!("    fused  {fused}")));
    }
    for (version, reason) in &plan.unreachable {
        lines.push(format!("  not from {version}: {reason}; such documents count as invalid"));
    }
    lines.extend(plan.batches().into_iter().map(|line| format!("  batch  {line}")));
    for host in &plan.hosts {
        lines.push(format!("  calls  {host}: its answers become part of the documents"));
    }
    for risk in &plan.risks {
        let grade = risk.grade.name();
        lines.push(format!(
            "  risk   {grade}: {} step {} ({}): {}",
            risk.migration, risk.step, risk.transform, risk.loss
        ));
    }
    lines
}
