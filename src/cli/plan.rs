//! `remold plan SUBJECT --to VERSION`

use std::path::PathBuf;

use clap::Args;

use super::exit::{Exit, Failure};
use super::render::Output;
use crate::planner::{Plan, PlanRequest};
use crate::session::Session;

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
    /// At most this many keys
    #[arg(long, value_name = "N")]
    pub limit: Option<u64>,
}

impl Target {
    /// Draws up the plan for `subject`.
    pub fn plan(&self, subject: &str, session: &Session) -> Result<Plan, Failure> {
        let Some(to) = &self.to else {
            return Err(Failure::usage(format!(
                "which version of {subject}? Name it with --to VERSION, or --to latest"
            )));
        };
        let request = PlanRequest {
            subject: subject.to_owned(),
            target: session.version(subject, to)?,
            from: self.from.as_deref().map(|from| session.version(subject, from)).transpose()?,
            path: self.path.clone(),
            pattern: self.pattern.clone(),
            limit: self.limit,
            frozen: session.frozen(),
        };
        Ok(session.plan(request)?)
    }
}

#[derive(Args, Debug)]
pub struct Arguments {
    /// The subject: user
    subject: String,
    #[command(flatten)]
    target: Target,
    /// Write the plan to a file, for `remold run FILE`
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
}

/// Draws up a plan and shows it.
pub fn carry_out(
    arguments: &Arguments,
    session: &Session,
    output: Output,
) -> Result<Exit, Failure> {
    let plan = arguments.target.plan(&arguments.subject, session)?;
    if let Some(path) = &arguments.out {
        let text =
            serde_json::to_string_pretty(&plan.to_file()).expect("plain data prints as JSON");
        session.save_file(path, &(text + "\n"))?;
        output.talk(format!("plan {} written to {}", plan.id(), path.display()));
    }
    if output.json {
        output.json(&plan.to_file());
    } else {
        for line in text(&plan) {
            output.line(line);
        }
    }
    Ok(Exit::Fine)
}

/// A plan in words.
pub fn text(plan: &Plan) -> Vec<String> {
    let mut lines = vec![
        format!("plan {}: {} to {}", plan.id(), plan.subject, plan.target),
        format!("  keys   {} (stored as {})", plan.selection.patterns(), plan.stored_as()),
        format!("  now    {}", plan.frozen.now),
    ];
    lines.extend(plan.moves().into_iter().map(|line| format!("  moves  {line}")));
    for version in plan.chains.keys().filter(|version| **version != plan.target) {
        lines.push(format!("  from {version}"));
        let steps = plan.steps(version);
        for (number, (migration, step)) in steps.iter().enumerate() {
            lines.push(format!("    {:>2}. {step}  ({migration})", number + 1));
        }
        lines.extend(plan.fused(version).iter().map(|fused| format!("    fused  {fused}")));
    }
    for (version, reason) in &plan.unreachable {
        lines.push(format!("  not from {version}: {reason}; such documents count as invalid"));
    }
    for host in &plan.hosts {
        lines.push(format!("  calls  {host}: its answers become part of the documents"));
    }
    for risk in &plan.risks {
        lines.push(format!(
            "  risk   {} step {} ({}): {}",
            risk.migration, risk.step, risk.transform, risk.loss
        ));
    }
    lines
}
