//! The whole job of remold on the demo's keyspace, step by step, each figure compared with what the
//! sample data must give: browse, diff, plan, preview, dry run, run, verify, roll back, verify.
//!
//! It goes through the same session as every other verb; what it knows beforehand is only what the
//! generator says.

use std::collections::BTreeSet;
use std::time::Instant;

use semver::Version;

use crate::demo::report::{Figure, Report, Step};
use crate::demo::{Demo, DemoError, Keyspace, Kind};
use crate::engine::{
    Control, Report as RunReport, RollbackOptions, RunOptions, Verification, VerifyOptions,
};
use crate::model::{Key, Outcome, Phase, RunId};
use crate::planner::{Narrowed, Plan, PlanRequest};
use crate::schema::diff::{Policy, diff};
use crate::session::{Session, SessionError};

/// Keys asked for at once while browsing.
const BROWSE_KEYS: usize = 1_000;

/// Why the job ended before its end.
#[derive(Debug, thiserror::Error)]
pub enum JobError {
    /// The private server.
    #[error(transparent)]
    Demo(#[from] DemoError),
    /// A verb.
    #[error(transparent)]
    Session(#[from] SessionError),
}

/// Does the whole job. `told` hears of each step as it is done.
pub fn carry_out(
    demo: &Demo,
    session: &Session,
    told: &mut dyn FnMut(&Step),
) -> Result<Report, JobError> {
    let mut job = Job { demo, session, steps: Vec::new(), told };
    job.look_around()?;
    let before = demo.keyspace()?;
    let user = job.plan("user")?;
    let order = job.plan("order")?;
    job.preview(&user)?;
    job.preview(&order)?;
    job.dry_run(&user, &before)?;
    let user_run = job.run(&user)?;
    job.verify("verify", &user_run, migrated(demo, "user"))?;
    let order_run = job.run(&order)?;
    job.verify("verify", &order_run, migrated(demo, "order"))?;
    job.roll_back(&order_run, migrated(demo, "order"))?;
    job.roll_back(&user_run, migrated(demo, "user"))?;
    job.verify("verify", &user_run, migrated(demo, "user"))?;
    job.compare(&before)?;
    let agrees = job.steps.iter().all(|step| step.agrees);
    let recipe = demo.recipe();
    Ok(Report {
        keys: recipe.keys,
        seed: recipe.seed,
        server: demo.program().to_owned(),
        steps: job.steps,
        agrees,
    })
}

struct Job<'j> {
    demo: &'j Demo,
    session: &'j Session,
    steps: Vec<Step>,
    told: &'j mut dyn FnMut(&Step),
}

impl Job<'_> {
    fn done(&mut self, name: &'static str, what: String, seconds: f64, figures: Vec<Figure>) {
        let step = Step::new(name, what, seconds, figures);
        (self.told)(&step);
        self.steps.push(step);
    }

    /// What is there: fill, browse, diff.
    fn look_around(&mut self) -> Result<(), JobError> {
        let (demo, made) = (self.demo, self.demo.made());
        let server = self.session.server()?;
        let figures = vec![
            Figure::expect("keys", server.keys, made.keys()),
            Figure::tell("of them expiring", made.expiring()),
        ];
        let what = format!("{} {} on a private server", server.software, server.version);
        self.done("fill", what, demo.fill_seconds(), figures);
        for (subject, other) in [("user", Kind::UserOtherType), ("order", Kind::OrderOtherType)] {
            self.browse(subject, made.of(other))?;
        }
        self.diff("user", "1.0.0", "3.0.0")?;
        self.diff("order", "1.0.0", "2.0.0")
    }

    /// Walks all keys of a subject's pattern, page by page.
    fn browse(&mut self, subject: &str, of_other_types: u64) -> Result<(), JobError> {
        let began = Instant::now();
        let pattern = self.session.subject(subject)?.key_pattern.clone();
        let documents = self.demo.made().documents(subject);
        let (mut names, mut typed, mut expiring) = (BTreeSet::new(), 0, 0);
        let redis_type = self.storage_of(subject)?.redis_type();
        let mut cursor = 0;
        loop {
            let page = self.session.browse(&pattern, None, cursor, BROWSE_KEYS)?;
            for line in page.lines {
                let is_document = line.redis_type == redis_type;
                let expires = line.expiry != crate::model::Expiry::Never;
                // SCAN may name a key twice.
                if names.insert(line.key) {
                    typed += u64::from(is_document);
                    expiring += u64::from(expires);
                }
            }
            cursor = page.cursor;
            if cursor == 0 {
                break;
            }
        }
        let figures = vec![
            Figure::expect("keys", count(names.len()), documents + of_other_types),
            Figure::expect(format!("of type {}", redis_type.name()), typed, documents),
            Figure::tell("expiring", expiring),
        ];
        self.done("browse", pattern, seconds(began), figures);
        Ok(())
    }

    fn storage_of(&self, subject: &str) -> Result<crate::model::Storage, JobError> {
        let latest = self.session.subject(subject)?.latest();
        let storage = latest.and_then(|schema| schema.storage);
        Ok(storage.expect("the sample schemas say how they are stored"))
    }

    fn diff(&mut self, subject: &str, from: &str, to: &str) -> Result<(), JobError> {
        let began = Instant::now();
        let schemas = &self.session.subject(subject)?.schemas;
        let at =
            |version: &str| &schemas[&version.parse::<Version>().expect("it stands in the table")];
        let changes = diff(at(from), at(to), Policy::default());
        let breaking = changes.is_breaking();
        let figures = vec![
            Figure::tell("changes", count(changes.changes.len())),
            Figure::expect("breaking", u64::from(breaking), 1),
        ];
        self.done("diff", format!("{subject} {from} to {to}"), seconds(began), figures);
        Ok(())
    }

    /// Plans the way of every version of a subject to its newest.
    fn plan(&mut self, subject: &str) -> Result<Plan, JobError> {
        let began = Instant::now();
        let schemas = &self.session.subject(subject)?.schemas;
        let versions = count(schemas.len());
        let target = self.session.version(subject, "latest")?;
        let oldest = schemas.keys().next().expect("the sample catalog has schemas").clone();
        let request = PlanRequest {
            subject: subject.to_owned(),
            target: target.clone(),
            from: None,
            path: None,
            pattern: None,
            narrowed: Narrowed::default(),
            frozen: self.session.frozen(),
        };
        let plan = self.session.plan(request)?;
        let longest = plan.chains.get(&oldest).map_or(0, Vec::len);
        let figures = vec![
            Figure::expect("versions with a chain", count(plan.chains.len()), versions),
            Figure::expect(format!("migrations from {oldest}"), count(longest), versions - 1),
            Figure::tell("warnings", count(plan.risks.len())),
        ];
        let what = format!("{subject} to {target}, plan {}", plan.id());
        self.done("plan", what, seconds(began), figures);
        Ok(plan)
    }

    /// Previews one document of each kind: each has to come out as its kind does.
    fn preview(&mut self, plan: &Plan) -> Result<(), JobError> {
        let began = Instant::now();
        let examples = self.demo.examples(&plan.subject);
        let keys: Vec<Key> = examples.iter().map(|(_, key)| key.clone()).collect();
        let previews = self.session.preview(plan, &keys, keys.len())?;
        let as_expected = examples.iter().filter(|(kind, key)| {
            previews.iter().any(|preview| {
                let outcome = Some(preview.outcome) == kind.row().outcome;
                let version = preview.from.as_ref().map(ToString::to_string);
                preview.key == *key && outcome && version.as_deref() == kind.version()
            })
        });
        let as_expected = count(as_expected.count());
        let changed = previews.iter().filter(|preview| preview.outcome == Outcome::Migrated);
        let figures = vec![
            Figure::expect("previewed", count(previews.len()), count(examples.len())),
            Figure::expect("as expected", as_expected, count(examples.len())),
            Figure::tell("would be migrated", count(changed.count())),
        ];
        let what = format!("{}: one document of each kind", plan.subject);
        self.done("preview", what, seconds(began), figures);
        Ok(())
    }

    /// Counts as a run would, over all keys, and finds the keyspace as it was.
    fn dry_run(&mut self, plan: &Plan, before: &Keyspace) -> Result<(), JobError> {
        let began = Instant::now();
        let run = self.session.new_run_id(&plan.subject);
        let report = self.session.run(&run, plan, &RunOptions::default(), &Control::default())?;
        let time = seconds(began);
        let mut figures = self.tally(&report, &plan.subject);
        let difference = before.compare(&self.demo.keyspace()?, |_| true);
        figures.extend(Figure::no_difference(difference, "keys"));
        self.done("dry run", format!("{} to {}", plan.subject, plan.target), time, figures);
        Ok(())
    }

    /// Runs, and compares the keyspace with what it was: only documents of the subject changed, as
    /// many as were counted, and no expiry.
    fn run(&mut self, plan: &Plan) -> Result<RunId, JobError> {
        let before = self.demo.keyspace()?;
        let began = Instant::now();
        let run = self.session.new_run_id(&plan.subject);
        let options = RunOptions { execute: true, ..RunOptions::default() };
        let report = self.session.run(&run, plan, &options, &Control::default())?;
        let time = seconds(began);
        let mut figures = self.tally(&report, &plan.subject);
        figures.push(Figure::expect("done", u64::from(report.phase == Phase::Done), 1));
        let head = format!("{}:", plan.subject);
        let ours = |key: &Key| key.as_bytes().starts_with(head.as_bytes());
        let after = self.demo.keyspace()?;
        let changes = before.compare(&after, ours);
        figures.push(Figure::expect("values changed", changes.values, report.tally.migrated));
        figures.push(Figure::expect("expiries changed", changes.expiries, 0));
        let moved = changes.appeared + changes.vanished;
        figures.push(Figure::expect("keys come or gone", moved, 0));
        figures
            .extend(Figure::no_difference(before.compare(&after, |key| !ours(key)), "elsewhere:"));
        let what = format!("{} to {}, {run}", plan.subject, plan.target);
        self.done("run", what, time, figures);
        Ok(run)
    }

    /// Has remold read the run's keys again.
    fn verify(&mut self, name: &'static str, run: &RunId, keys: u64) -> Result<(), JobError> {
        let began = Instant::now();
        let report = self.session.verify(run, &VerifyOptions::default(), &Control::default())?;
        let found = report.verification.unwrap_or_default();
        let Verification { checked, right, changed, wrong, .. } = found;
        let figures = vec![
            Figure::expect("read again", checked, keys),
            Figure::expect("right", right, keys),
            Figure::expect("changed since", changed, 0),
            Figure::expect("wrong", wrong, 0),
        ];
        self.done(name, run.to_string(), seconds(began), figures);
        Ok(())
    }

    fn roll_back(&mut self, run: &RunId, keys: u64) -> Result<(), JobError> {
        let began = Instant::now();
        let options = RollbackOptions { execute: true, ..RollbackOptions::default() };
        let report = self.session.rollback(run, &options, &Control::default())?;
        let tally = report.rollback.unwrap_or_default();
        let figures = vec![
            Figure::expect("restored", tally.restored, keys),
            Figure::expect("changed since", tally.changed, 0),
            Figure::expect("missing", tally.missing, 0),
            Figure::expect("failed", tally.failed, 0),
        ];
        self.done("roll back", run.to_string(), seconds(began), figures);
        Ok(())
    }

    /// After all rollbacks every byte and every expiry is what it was.
    fn compare(&mut self, before: &Keyspace) -> Result<(), JobError> {
        let began = Instant::now();
        let difference = before.compare(&self.demo.keyspace()?, |_| true);
        let figures = Figure::no_difference(difference, "keys");
        let what = "the whole keyspace with what it was before".to_owned();
        self.done("compare", what, seconds(began), figures);
        Ok(())
    }

    fn tally(&self, report: &RunReport, subject: &str) -> Vec<Figure> {
        Figure::tally(&report.tally, &self.demo.made().tally(subject))
    }
}

fn migrated(demo: &Demo, subject: &str) -> u64 {
    demo.made().tally(subject).migrated
}

fn count(things: usize) -> u64 {
    u64::try_from(things).expect("things in memory")
}

fn seconds(since: Instant) -> f64 {
    since.elapsed().as_secs_f64()
}
