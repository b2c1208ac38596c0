//! The run: what it will do in words, and how it gets on in figures.

use std::collections::BTreeSet;

use ratatui::layout::Rect;

use crate::console::command::Verb;
use crate::console::effect::{Effect, Order};
use crate::console::msg::Answer;
use crate::console::overlays::{Message, Overlay};
use crate::console::panes::Pane;
use crate::console::panes::chain::outcome_role;
use crate::console::panes::words::{command_line, plan_lines};
use crate::console::regions::Part;
use crate::console::shared::{Job, JobKind, Shared};
use crate::console::theme::Role;
use crate::console::widgets::chart::{self, Series};
use crate::console::widgets::list::{self, ListState};
use crate::console::widgets::{Canvas, above, below, gauge, text};
use crate::engine::{ErrorGroup, Progress, Report};
use crate::model::{Key, Outcome, Phase};

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
    rate_limit: Option<u32>,
    ended: Option<Ended>,
}

impl Run {
    /// A job begins.
    pub fn begin(&mut self) {
        self.rates.clear();
        self.errors_at = ListState::default();
        self.newest_rate = None;
        self.rate_limit = None;
        self.ended = None;
    }

    /// The job got on.
    pub fn progressed(&mut self, progress: &Progress) {
        let works = matches!(progress.phase, Phase::Running | Phase::Verifying);
        self.newest_rate = works.then_some(progress.rate);
        self.errors_at.clamp(progress.errors.len());
    }

    /// Time went by: a point for the chart.
    pub fn tick(&mut self, shared: &Shared) {
        let working = shared.job.is_some() && !shared.frozen;
        if working && shared.now.unix_ms - self.point_ms >= POINT_EVERY_MS {
            self.point_ms = shared.now.unix_ms;
            self.rates.push(self.newest_rate);
        }
    }

    /// The job came to its end.
    pub fn ended(&mut self, mut job: Job, answer: Answer<Box<Report>>, shared: &mut Shared) {
        let name = job.kind.name();
        self.rates.push(self.newest_rate);
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
            (outcome_role(group.outcome), format!("{} key(s) {}", group.count, group.outcome)),
            (Role::Text, format!("where: {}", group.step)),
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
        vec![Effect::Order(Order::Rate(self.rate_limit))]
    }

    fn view_plan(&self, shared: &Shared, canvas: &mut Canvas, area: Rect, focused: bool) {
        let inside = canvas.boxed(area, "Plan", focused);
        let Some(plan) = &shared.plan else {
            let text = "There is no plan yet. Go to Chain (3): it draws one up for the chosen \
                        subject and target.";
            canvas.put_wrapped(inside, Role::Dim, text);
            return;
        };
        let lines = plan_lines(plan, shared, usize::from(inside.width));
        list::draw(canvas, inside, Part::Left, self.plan_at, lines.len(), focused, |canvas, at| {
            canvas.line([lines[at].clone()])
        });
    }

    fn view_figures(&self, shared: &Shared, canvas: &mut Canvas, area: Rect, focused: bool) {
        let title = match self.shown(shared) {
            Some(job) => match &job.run {
                Some(run) => format!("{} {run}", job.kind.name()),
                None => job.kind.name().to_owned(),
            },
            None => "Figures".to_owned(),
        };
        let inside = canvas.boxed(area, &title, focused);
        let Some(job) = self.shown(shared) else {
            let text = "Nothing has run yet. d goes through every key and writes nothing; x runs it \
                        after you typed the key pattern.";
            canvas.put_wrapped(inside, Role::Dim, text);
            return;
        };
        let Some(progress) = &job.progress else {
            let text = match &self.ended {
                Some(Ended { answer: Err(reason), .. }) => (Role::Bad, reason.clone()),
                _ => (Role::Dim, format!("{} starting …", shared.spinner())),
            };
            canvas.put_wrapped(inside, text.0, &text.1);
            return;
        };
        let mut rest = view_state(canvas, inside, job, progress);
        if let Some(Ended { answer: Err(reason), .. }) = &self.ended {
            rest = canvas.put_wrapped(rest, Role::Bad, reason);
        } else if shared.job.is_none()
            && let Some(next) = next_step(job.kind, progress.phase)
        {
            rest = canvas.put_wrapped(rest, Role::Accent, next);
        }
        rest = below(Self::view_outcomes(canvas, rest, progress), 1);
        rest = self.view_chart(canvas, rest);
        self.view_errors(canvas, rest, progress, focused);
    }

    fn view_outcomes(canvas: &mut Canvas, area: Rect, progress: &Progress) -> Rect {
        use crate::engine::Verb as Work;
        let cell =
            |role, name: &str, count: u64| (role, format!("{name} {}", text::grouped(count)));
        let cells: Vec<(Role, String)> = match progress.verb {
            Work::Run => {
                let tally = &progress.tally;
                let mut cells = vec![cell(Role::Text, "scanned", tally.scanned)];
                cells.extend(Outcome::ALL.map(|outcome| {
                    let count = tally.of(outcome);
                    let role = if count == 0 { Role::Faint } else { outcome_role(outcome) };
                    cell(role, outcome.name(), count)
                }));
                cells
            }
            Work::Rollback => rollback_cells(progress, &cell),
            Work::Verify => verify_cells(progress, &cell),
        };
        canvas.put_flow(area, cells)
    }

    fn view_chart(&self, canvas: &mut Canvas, area: Rect) -> Rect {
        // The errors below have to keep room; on a low screen the chart goes first.
        let height = match area.height {
            0..8 => return area,
            8..14 => 3,
            14..24 => 5,
            _ => 8,
        };
        let peak = self.rates.peak(usize::from(area.width));
        #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // Not negative.
        let peak = text::grouped(peak as u64);
        let caption = canvas.line([
            (Role::Dim, format!("keys/s up to {peak}, a column is half a second, ")),
            (Role::ChartGap, "·".to_owned()),
            (Role::Dim, " is held".to_owned()),
        ]);
        canvas.put(area, &caption);
        let plot = above(below(area, 1), height);
        chart::draw(canvas, plot, &self.rates);
        below(area, height + 2)
    }

    fn view_errors(&self, canvas: &mut Canvas, area: Rect, progress: &Progress, focused: bool) {
        let errors = &progress.errors;
        if errors.is_empty() {
            let (role, text) = (Role::Dim, "no trouble with any key so far");
            canvas.put_wrapped(area, role, text);
            return;
        }
        let head = canvas.line([
            (Role::Title, "Trouble, by step, field and reason".to_owned()),
            (Role::Dim, "  enter opens one, i inspects its keys".to_owned()),
        ]);
        canvas.put(area, &head);
        let body = below(area, 1);
        list::draw(
            canvas,
            body,
            Part::Right,
            self.errors_at,
            errors.len(),
            focused,
            |canvas, at| {
                let group = &errors[at];
                let field = if group.field.is_empty() {
                    String::new()
                } else {
                    format!(" {}", group.field)
                };
                canvas.line([
                    (Role::Text, text::fit_right(&text::grouped(group.count), 9)),
                    (outcome_role(group.outcome), format!(" {:<9}", group.outcome)),
                    (Role::Accent, format!(" {}{field}", group.step)),
                    (Role::Text, format!(": {}", group.reason)),
                ])
            },
        );
    }
}

/// What an operator does next.
fn next_step(kind: JobKind, phase: Phase) -> Option<&'static str> {
    match (kind, phase) {
        (JobKind::DryRun, Phase::Done) => Some("Nothing was written. x executes it."),
        (JobKind::Run | JobKind::Resume, Phase::Done) => {
            Some("Next: History (5): v verifies again, b rolls back.")
        }
        (JobKind::Run | JobKind::Resume, _) => {
            Some("Next: History (5): e goes on from the checkpoint, b rolls back.")
        }
        _ => None,
    }
}

/// Puts what the report says at the end into the last snapshot.
fn conclude(progress: &mut Progress, report: &Report) {
    progress.phase = report.phase;
    progress.tally = report.tally;
    progress.seconds = report.seconds;
    progress.errors.clone_from(&report.errors);
    progress.verification = report.verification.unwrap_or(progress.verification);
    progress.rollback = report.rollback.unwrap_or(progress.rollback);
    if report.phase == Phase::Done {
        progress.fraction = 1.0;
    }
}

/// Phase, gauge, and the figures of time; returns what is left below.
fn view_state(canvas: &mut Canvas, area: Rect, job: &Job, progress: &Progress) -> Rect {
    let phase = match progress.phase {
        Phase::Done => Role::Good,
        Phase::Paused | Phase::Stopped => Role::Warn,
        Phase::Failed => Role::Bad,
        _ => Role::Accent,
    };
    let mut parts = vec![(phase, progress.phase.name().to_uppercase())];
    if !job.kind.writes() {
        parts.push((Role::Dim, "  writes nothing".to_owned()));
    }
    if job.stopping && !progress.phase.is_final() {
        parts.push((Role::Warn, "  stopping …".to_owned()));
    }
    if let Some(held) = &progress.held {
        parts.push((Role::Warn, format!("  {held}")));
    }
    let state = canvas.line(parts);
    canvas.put(area, &state);
    let total = match progress.total() {
        Some(total) if !progress.phase.is_final() => format!(" of about {}", text::grouped(total)),
        _ => String::new(),
    };
    let label = format!("{}  {} keys{total}", job.percent(), text::grouped(progress.done()));
    gauge::draw(canvas, below(area, 1), job.share(), &label);
    let eta = match progress.eta_seconds {
        _ if progress.phase.is_final() => "—".to_owned(),
        Some(seconds) => text::duration(seconds_of(seconds)),
        None => "N/A".to_owned(),
    };
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // A rate is not negative.
    let rate = text::grouped(progress.rate.max(0.0) as u64);
    let figures = vec![
        (Role::Text, format!("rate {rate} keys/s")),
        (Role::Text, format!("ETA {eta}")),
        (Role::Text, format!("elapsed {}", text::duration(seconds_of(progress.seconds)))),
        (Role::Dim, format!("batch {:.1} ms", progress.batch_ms)),
    ];
    canvas.put_flow(below(area, 2), figures)
}

fn seconds_of(seconds: f64) -> std::time::Duration {
    std::time::Duration::try_from_secs_f64(seconds.max(0.0)).unwrap_or_default()
}

fn rollback_cells(
    progress: &Progress,
    cell: &dyn Fn(Role, &str, u64) -> (Role, String),
) -> Vec<(Role, String)> {
    let tally = &progress.rollback;
    vec![
        cell(Role::Good, "restored", tally.restored),
        cell(
            if tally.changed > 0 { Role::Warn } else { Role::Faint },
            "changed since",
            tally.changed,
        ),
        cell(Role::Dim, "missing", tally.missing),
        cell(if tally.failed > 0 { Role::Bad } else { Role::Faint }, "failed", tally.failed),
    ]
}

fn verify_cells(
    progress: &Progress,
    cell: &dyn Fn(Role, &str, u64) -> (Role, String),
) -> Vec<(Role, String)> {
    let found = &progress.verification;
    vec![
        cell(Role::Text, "checked", found.checked),
        cell(Role::Good, "right", found.right),
        cell(
            if found.changed > 0 { Role::Warn } else { Role::Faint },
            "changed since",
            found.changed,
        ),
        cell(if found.wrong > 0 { Role::Bad } else { Role::Faint }, "wrong", found.wrong),
    ]
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
                if let Some(job) = &mut shared.job {
                    job.stopping = true;
                }
                shared.warn("stopping after the batch under way");
                return vec![Effect::Order(Order::Stop)];
            }
            Verb::Faster | Verb::Slower => return self.change_rate(verb == Verb::Faster, shared),
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
            Verb::PauseOrResume | Verb::Step | Verb::Stop | Verb::Faster | Verb::Slower
        );
        match verb {
            _ if held && shared.job.is_none() => Some("nothing is at work".to_owned()),
            _ if held && shared.job.as_ref().is_some_and(|job| job.stopping) => {
                Some("it is stopping already".to_owned())
            }
            Verb::DryRun | Verb::Execute => shared.busy().or_else(|| {
                let text = "there is no plan; Chain (3) draws one up";
                shared.plan.is_none().then(|| text.to_owned())
            }),
            Verb::Inspect if self.errors(shared).is_empty() => {
                Some("there is no trouble to inspect".to_owned())
            }
            Verb::CopyCommand if shared.plan.is_none() => Some("there is no plan".to_owned()),
            _ => None,
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
