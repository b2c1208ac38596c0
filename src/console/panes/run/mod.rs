//! The run: what it will do in words, and how it gets on in figures.

mod figures;

use std::collections::BTreeSet;

use ratatui::layout::Rect;
use serde_json::json;

use crate::console::command::{Scope, Verb};
use crate::console::effect::{ChainRequest, Effect, Order};
use crate::console::msg::{Answer, Generation};
use crate::console::overlays::{Asked, Message, Overlay, Prompt};
use crate::console::panes::Pane;
use crate::console::panes::chain::outcome_role;
use crate::console::panes::words::{command_line, place, plan_lines};
use crate::console::regions::Part;
use crate::console::shared::{Job, JobKind, Shared};
use crate::console::theme::Role;
use crate::console::widgets::chart::Series;
use crate::console::widgets::list::{self, ListState};
use crate::console::widgets::{Canvas, text};
use crate::engine::{ErrorGroup, Knob, Progress, Report, Signal};
use crate::model::{Key, Phase, RunId, Tally};
use crate::planner::Plan;
use figures::conclude;

/// A new point of the chart comes this often.
const POINT_EVERY_MS: i64 = 500;
/// The width for which the plan is wrapped when only its length is asked for.
const PLAN_WIDTH_GUESS: usize = 50;
/// The slowest pace that `-` sets, in keys per second.
const RATE_MIN: u32 = 100;

/// A job that ended.
#[derive(Debug)]
struct Ended {
    job: Job,
    answer: Answer<Box<Report>>,
}

/// The pane.
#[derive(Debug, Default)]
pub struct Run {
    plan_at: ListState,
    errors_at: ListState,
    rates: Series,
    point_ms: i64,
    /// The newest rate since the last point; `None` while the job is held.
    newest_rate: Option<f64>,
    /// Whether the job told its rate, or that it is held; before that the chart has no points.
    rates_known: bool,
    rate_limit: Option<u32>,
    ended: Option<Ended>,
    /// Which plan for a retry is waited for.
    retrying: Option<Generation>,
    generation: Generation,
}

impl Run {
    /// A job begins.
    pub fn begin(&mut self) {
        self.rates.clear();
        self.errors_at = ListState::default();
        self.newest_rate = None;
        self.rates_known = false;
        self.rate_limit = None;
        self.ended = None;
    }

    /// The job got on.
    pub fn progressed(&mut self, progress: &Progress) {
        let works = matches!(progress.phase, Phase::Running | Phase::Following | Phase::Verifying);
        if works || progress.held.is_some() {
            self.newest_rate = works.then_some(progress.rate);
            self.rates_known = true;
        }
        self.errors_at.clamp(progress.errors.len());
    }

    /// Time went by: a point for the chart.
    pub fn tick(&mut self, shared: &Shared) {
        let working = shared.job.is_some() && !shared.frozen;
        if working && self.rates_known && shared.now.unix_ms - self.point_ms >= POINT_EVERY_MS {
            self.point_ms = shared.now.unix_ms;
            self.rates.push(self.newest_rate);
        }
    }

    /// The job came to its end.
    pub fn ended(&mut self, mut job: Job, answer: Answer<Box<Report>>, shared: &mut Shared) {
        let name = job.kind.name();
        match &answer {
            Err(reason) => {
                if let Some(progress) = &mut job.progress {
                    progress.phase = Phase::Failed;
                }
                shared.trouble(format!("the {name} ended: {reason}"));
            }
            Ok(report) => {
                if let Some(progress) = &mut job.progress {
                    conclude(progress, report);
                }
                match report.phase {
                    Phase::Stopped => shared.warn(format!("the {name} was stopped")),
                    Phase::Failed => {
                        shared.trouble(format!("the {name} found differences: see its figures"));
                    }
                    _ => {
                        shared.note(Role::Good, format!("the {name} is done"));
                        shared.tell(format!("the {name} is done"));
                    }
                }
            }
        }
        self.ended = Some(Ended { job, answer });
    }

    /// What a dry run of this plan came to, where one was the last job.
    pub fn dry_run_of(&self, plan: &Plan) -> Option<Tally> {
        let ended = self.ended.as_ref().filter(|ended| ended.job.kind == JobKind::DryRun)?;
        let report = ended.answer.as_ref().ok()?;
        (report.phase == Phase::Done && report.plan == plan.id()).then_some(report.tally)
    }

    /// The run whose keys that need eyes can be run over again.
    pub fn retried(&self, shared: &Shared) -> Option<RunId> {
        let job = self.shown(shared)?;
        job.run.clone().filter(|_| job.kind != JobKind::DryRun)
    }

    /// Asks for a plan for the keys of a run that need eyes.
    pub fn ask_to_retry(&mut self, run: RunId, request: ChainRequest) -> Vec<Effect> {
        self.generation += 1;
        self.retrying = Some(self.generation);
        vec![Effect::Retry(self.generation, run, Box::new(request))]
    }

    /// Whether this is the answer that is waited for; it is no more then.
    pub fn waits_for_retry(&mut self, generation: Generation) -> bool {
        self.retrying.take_if(|wanted| *wanted == generation).is_some()
    }

    /// The job is to end.
    pub fn stop(&self, shared: &mut Shared) {
        if let Some(job) = &mut shared.job {
            job.stopping = true;
        }
        shared.warn("stopping after the batch under way");
    }

    /// The job to show: the one at work, else the last one.
    fn shown<'s>(&'s self, shared: &'s Shared) -> Option<&'s Job> {
        shared.job.as_ref().or(self.ended.as_ref().map(|ended| &ended.job))
    }

    fn errors<'s>(&'s self, shared: &'s Shared) -> &'s [ErrorGroup] {
        let progress = self.shown(shared).and_then(|job| job.progress.as_ref());
        progress.map_or(&[], |progress| progress.errors.as_slice())
    }

    /// The sample keys of the selected trouble.
    pub fn samples(&self, shared: &Shared) -> BTreeSet<Key> {
        let group = self.errors(shared).get(self.errors_at.selected);
        group.map(|group| group.samples.iter().cloned().collect()).unwrap_or_default()
    }

    fn open_error(&self, shared: &mut Shared) {
        let Some(group) = self.errors(shared).get(self.errors_at.selected) else { return };
        let mut lines = vec![
            (
                outcome_role(group.outcome),
                format!("{} {}", text::counted(group.count, "key"), group.outcome),
            ),
            (Role::Text, format!("where: {}", place(&group.step))),
        ];
        if !group.field.is_empty() {
            lines.push((Role::Text, format!("field: {}", group.field)));
        }
        lines.push((Role::Bad, group.reason.clone()));
        lines.push((Role::Text, String::new()));
        lines.push((Role::Dim, "some of the keys:".to_owned()));
        lines.extend(group.samples.iter().map(|key| (Role::Accent, format!("  {key}"))));
        let message = Message::new(&shared.keymap, "Keys with this trouble", lines);
        shared.overlays.push(Overlay::Message(message));
    }

    fn change_rate(&mut self, faster: bool, shared: &mut Shared) -> Vec<Effect> {
        let progress = shared.job.as_ref().and_then(|job| job.progress.as_ref());
        #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // A rate of keys fits.
        let now = progress.map_or(10_000, |progress| progress.rate.clamp(1.0, 4.0e9) as u32);
        self.rate_limit = match (self.rate_limit, faster) {
            (None, true) => None,
            // Lifted when the limit is far above what is reached anyway.
            (Some(limit), true) if limit / 2 > now => None,
            (Some(limit), true) => Some(limit.saturating_mul(2)),
            (limit, false) => Some((limit.unwrap_or(now) / 2).max(RATE_MIN)),
        };
        match self.rate_limit {
            Some(limit) => shared.tell(format!("at most {} keys/s", text::grouped(limit.into()))),
            None => shared.tell("no limit on keys/s"),
        }
        vec![Effect::Order(Order::Set(Knob::Rate(self.rate_limit)))]
    }

    /// The file that is proposed for an export.
    fn export_file(&self, shared: &Shared) -> String {
        let run = self.shown(shared).and_then(|job| job.run.as_ref());
        let name =
            run.map_or_else(|| "troubles.json".to_owned(), |run| format!("troubles-{run}.json"));
        shared.setting.state_dir.join(name).display().to_string()
    }

    /// A line was typed: a knob, or the file to export to.
    pub fn said(&mut self, asked: Asked, typed: String, shared: &mut Shared) -> Vec<Effect> {
        match asked {
            Asked::Knob => match typed.trim().parse::<Knob>() {
                Ok(knob) => {
                    if let Knob::Rate(rate) = knob {
                        self.rate_limit = rate;
                    }
                    shared.note(Role::Accent, format!("set {}", typed.trim()));
                    shared.tell(format!("set {}", typed.trim()));
                    vec![Effect::Order(Order::Set(knob))]
                }
                Err(reason) => {
                    let prompt = ask_for_knob(self.rate_limit).again(&typed, reason);
                    shared.overlays.push(Overlay::Prompt(prompt));
                    Vec::new()
                }
            },
            Asked::Stages => {
                let stages = match typed.trim() {
                    "" | "off" => Ok(None),
                    typed => typed.parse().map(Some),
                };
                match stages {
                    Ok(stages) => {
                        shared.take_stages(stages);
                        shared.tell(match &shared.course.stages {
                            Some(stages) => format!("the next run goes in stages of {stages}"),
                            None => "the next run goes over all keys at once".to_owned(),
                        });
                    }
                    Err(reason) => {
                        let prompt = ask_for_stages(shared).again(&typed, reason);
                        shared.overlays.push(Overlay::Prompt(prompt));
                    }
                }
                Vec::new()
            }
            Asked::InferredKeys => Vec::new(),
            Asked::ExportFile => {
                let progress = self.shown(shared).and_then(|job| job.progress.as_ref());
                let Some(progress) = progress else { return Vec::new() };
                let report = json!({
                    "run": progress.run, "tally": progress.tally, "troubles": progress.errors,
                });
                let text = serde_json::to_string_pretty(&report).unwrap_or_default() + "\n";
                vec![Effect::Export(typed, text)]
            }
        }
    }

    fn view_plan(&self, shared: &Shared, canvas: &mut Canvas, area: Rect, focused: bool) {
        let title = match &shared.retry_of {
            Some(run) => format!("Plan: retry of {run}"),
            None => "Plan".to_owned(),
        };
        let inside = canvas.boxed(area, &title, focused);
        let Some(plan) = &shared.plan else {
            let text = format!(
                "There is no plan yet. Go to {}: it draws one up for the chosen subject and target.",
                shared.keymap.pane(Scope::Chain)
            );
            canvas.put_wrapped(inside, Role::Dim, &text);
            return;
        };
        // The scroll bar takes a column where there is one; a word less on a line costs nothing.
        let lines = plan_lines(plan, shared, usize::from(inside.width).saturating_sub(1));
        list::draw(canvas, inside, Part::Left, self.plan_at, lines.len(), focused, |canvas, at| {
            canvas.line([lines[at].clone()])
        });
    }
}

/// Asks for the stages of the next run.
fn ask_for_stages(shared: &Shared) -> Prompt {
    let lines = vec![
        (
            Role::Text,
            "The parts of the keys to go over, each greater than the one before, the last one \
             100%. After each what is done is verified, and the run waits until you let it go on."
                .to_owned(),
        ),
        (Role::Dim, "off: all keys at once".to_owned()),
    ];
    let now =
        shared.course.stages.as_ref().map_or_else(|| "1%,10%,100%".to_owned(), ToString::to_string);
    Prompt::new("Run in stages", lines, Asked::Stages, &now)
}

/// Asks for a knob of the job at work.
fn ask_for_knob(rate: Option<u32>) -> Prompt {
    let knobs: Vec<&str> = Signal::ALL.iter().map(|signal| signal.knob()).collect();
    let lines = vec![
        (Role::Text, "rate=5000 is at most 5,000 keys a second, rate=off lifts that.".to_owned()),
        (
            Role::Text,
            format!(
                "A limit of the server's load, slow at : hold at : stop at, as replica-lag=1:5:60: {}.",
                knobs.join(", ")
            ),
        ),
    ];
    let now = rate.map_or_else(|| "rate=".to_owned(), |rate| format!("rate={rate}"));
    Prompt::new("Pace of the work", lines, Asked::Knob, &now)
}

impl Pane for Run {
    fn enter(&mut self, shared: &mut Shared) -> Vec<Effect> {
        // While something is at work, or just was, its figures are what one comes for.
        if shared.job.is_some() {
            shared.part = Part::Right;
        }
        Vec::new()
    }

    fn act(&mut self, verb: Verb, shared: &mut Shared) -> Vec<Effect> {
        let page = shared.regions.page(shared.part);
        match verb {
            Verb::PauseOrResume => {
                let paused = shared
                    .job
                    .as_ref()
                    .and_then(|job| job.progress.as_ref())
                    .is_some_and(|progress| progress.phase == Phase::Paused);
                return vec![Effect::Order(if paused { Order::Resume } else { Order::Pause })];
            }
            Verb::Step => return vec![Effect::Order(Order::Step)],
            Verb::Stop => {
                self.stop(shared);
                return vec![Effect::Order(Order::Stop)];
            }
            Verb::Faster | Verb::Slower => return self.change_rate(verb == Verb::Faster, shared),
            Verb::Knobs => {
                shared.overlays.push(Overlay::Prompt(ask_for_knob(self.rate_limit)));
            }
            Verb::InStages => shared.overlays.push(Overlay::Prompt(ask_for_stages(shared))),
            Verb::ByStep => {
                shared.course.by_step = !shared.course.by_step;
                let key = |verb| shared.keymap.first_key(verb);
                let (step, goes_on) = (key(Verb::Step), key(Verb::PauseOrResume));
                shared.tell(if shared.course.by_step {
                    format!(
                        "the next run does one batch at a time: {step} does the next, {goes_on} \
                         lets it go on"
                    )
                } else {
                    "the next run does not wait between batches".to_owned()
                });
            }
            Verb::Export => {
                let file = self.export_file(shared);
                let lines = vec![(Role::Text, "The file to write, as JSON:".to_owned())];
                let prompt = Prompt::new("Export", lines, Asked::ExportFile, &file);
                shared.overlays.push(Overlay::Prompt(prompt));
            }
            Verb::CopyCommand => {
                if let Some(plan) = &shared.plan {
                    return vec![Effect::Copy(command_line(plan, shared))];
                }
            }
            Verb::Copy => {
                if let Some(group) = self.errors(shared).get(self.errors_at.selected) {
                    let keys: Vec<String> = group.samples.iter().map(Key::to_string).collect();
                    return vec![Effect::Copy(keys.join("\n"))];
                }
            }
            Verb::Back => shared.part = Part::Left,
            Verb::Open if shared.part == Part::Left => shared.part = Part::Right,
            Verb::Open => self.open_error(shared),
            verb if shared.part == Part::Right => {
                let length = self.errors(shared).len();
                self.errors_at.step(verb, length, page);
            }
            verb => {
                // The plan wraps to the pane's width; the view knows how long it is.
                let length = shared
                    .plan
                    .as_ref()
                    .map_or(0, |plan| plan_lines(plan, shared, PLAN_WIDTH_GUESS).len());
                self.plan_at.step(verb, length, page);
            }
        }
        Vec::new()
    }

    fn disabled(&self, verb: Verb, shared: &Shared) -> Option<String> {
        let held = matches!(
            verb,
            Verb::PauseOrResume
                | Verb::Step
                | Verb::Stop
                | Verb::Faster
                | Verb::Slower
                | Verb::Knobs
        );
        match verb {
            _ if held && shared.job.is_none() => Some("nothing is at work".to_owned()),
            _ if held && shared.job.as_ref().is_some_and(|job| job.stopping) => {
                Some("it is stopping already".to_owned())
            }
            Verb::DryRun | Verb::Execute => shared.busy().or_else(|| {
                let chain = shared.keymap.pane(Scope::Chain);
                shared.plan.is_none().then(|| format!("there is no plan; {chain} draws one up"))
            }),
            Verb::Inspect | Verb::Export if self.errors(shared).is_empty() => {
                Some("there is no trouble".to_owned())
            }
            Verb::Retry => match self.shown(shared) {
                None => Some("nothing has run yet".to_owned()),
                Some(job) if job.kind == JobKind::DryRun => {
                    let key = shared.keymap.first_key(Verb::Inspect);
                    Some(format!("a dry run keeps no list of its keys; {key} shows some of them"))
                }
                Some(_) if shared.job.is_some() => shared.busy(),
                Some(job) if job.progress.as_ref().is_none_or(|it| it.tally.needs_eyes() == 0) => {
                    Some("no key needs eyes".to_owned())
                }
                Some(_) => None,
            },
            Verb::InStages | Verb::ByStep => shared.busy(),
            Verb::CopyCommand if shared.plan.is_none() => Some("there is no plan".to_owned()),
            _ => None,
        }
    }

    fn next(&self, shared: &Shared) -> Option<Verb> {
        let plan = shared.plan.as_ref();
        match (&shared.job, &self.ended) {
            (Some(_), _) => Some(Verb::PauseOrResume),
            (None, Some(ended)) if ended.job.kind == JobKind::DryRun => {
                let tried = plan.is_some_and(|plan| self.dry_run_of(plan).is_some());
                Some(if tried { Verb::Execute } else { Verb::DryRun })
            }
            (None, Some(_)) => Some(Verb::GoHistory),
            (None, None) => Some(Verb::DryRun),
        }
    }

    fn select(&mut self, part: Part, row: usize, shared: &mut Shared) -> Vec<Effect> {
        let page = shared.regions.page(part);
        if part == Part::Right {
            let length = self.errors(shared).len();
            if self.errors_at.selected == row {
                self.open_error(shared);
            }
            self.errors_at.select(row, length, page);
        }
        Vec::new()
    }

    fn view(&self, part: Part, shared: &Shared, canvas: &mut Canvas, area: Rect, focused: bool) {
        match part {
            Part::Left => self.view_plan(shared, canvas, area, focused),
            Part::Right => self.view_figures(shared, canvas, area, focused),
        }
    }

    fn left_share(&self) -> u16 {
        42
    }
}
