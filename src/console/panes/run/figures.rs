//! The right side: how the job gets on, in figures, and what went wrong with keys.

use ratatui::layout::Rect;

use super::{Ended, Run};
use crate::console::command::{Scope, Verb as ConsoleVerb};
use crate::console::keymap::Keymap;
use crate::console::panes::chain::outcome_role;
use crate::console::panes::words::place;
use crate::console::regions::Part;
use crate::console::shared::{Job, JobKind, Link, Shared};
use crate::console::theme::Role;
use crate::console::widgets::{Canvas, above, below, chart, gauge, list, text};
use crate::engine::{Progress, Report, Station};
use crate::model::{Outcome, Phase};

impl Run {
    pub(super) fn view_figures(
        &self,
        shared: &Shared,
        canvas: &mut Canvas,
        area: Rect,
        focused: bool,
    ) {
        let title = match self.shown(shared) {
            Some(job) => match &job.run {
                Some(run) => format!("{} {run}", job.kind.name()),
                None => job.kind.name().to_owned(),
            },
            None => "Figures".to_owned(),
        };
        let inside = canvas.boxed(area, &title, focused);
        let Some(job) = self.shown(shared) else {
            let key = |verb| shared.keymap.first_key(verb);
            let text = format!(
                "Nothing has run yet. {} goes through every key and writes nothing; {} runs it \
                 after you typed the key pattern.",
                key(ConsoleVerb::DryRun),
                key(ConsoleVerb::Execute)
            );
            canvas.put_wrapped(inside, Role::Dim, &text);
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
        let mut rest = view_state(shared, canvas, inside, job, progress);
        if let Some(Ended { answer: Err(reason), .. }) = &self.ended {
            rest = canvas.put_wrapped(rest, Role::Bad, reason);
        } else if shared.job.is_none()
            && let Some(next) = next_step(job.kind, progress, &shared.keymap)
        {
            rest = canvas.put_wrapped(rest, Role::Accent, &next);
        }
        rest = Self::view_outcomes(canvas, rest, job.kind, progress);
        rest = below(view_verified(canvas, rest, progress), 1);
        if shared.job.is_some() {
            rest = canvas.put_flow(rest, stations(progress));
            rest = below(canvas.put_flow(rest, health(shared, job)), 1);
        }
        rest = self.view_chart(canvas, rest);
        self.view_errors(shared, canvas, rest, progress, focused);
    }

    fn view_outcomes(canvas: &mut Canvas, area: Rect, kind: JobKind, progress: &Progress) -> Rect {
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
                    let name = match outcome {
                        Outcome::Migrated if kind == JobKind::DryRun => "would be migrated",
                        outcome => outcome.name(),
                    };
                    cell(role, name, count)
                }));
                cells
            }
            Work::Rollback => rollback_cells(progress, &cell),
            Work::Verify => verify_cells(progress, &cell),
        };
        canvas.put_flow(area, cells)
    }

    fn view_chart(&self, canvas: &mut Canvas, area: Rect) -> Rect {
        // A job of less than half a second has no course to show.
        if self.rates.peak(usize::from(area.width)) <= 0.0 {
            return area;
        }
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

    fn view_errors(
        &self,
        shared: &Shared,
        canvas: &mut Canvas,
        area: Rect,
        progress: &Progress,
        focused: bool,
    ) {
        let errors = &progress.errors;
        if errors.is_empty() {
            let so_far = if progress.phase.is_final() { "" } else { " so far" };
            canvas.put_wrapped(area, Role::Dim, &format!("no trouble with any key{so_far}"));
            return;
        }
        let key = |verb| shared.keymap.first_key(verb);
        let head = canvas.line([
            (Role::Title, "Trouble, by step, field, reason".to_owned()),
            (
                Role::Dim,
                format!(
                    "  {} opens one, {} its keys",
                    key(ConsoleVerb::Open),
                    key(ConsoleVerb::Inspect)
                ),
            ),
        ]);
        canvas.put(area, &head);
        // The row may be too narrow for its reason.
        let selected = &errors[self.errors_at.selected.min(errors.len() - 1)];
        let foot = if area.height >= 6 { 2 } else { 0 };
        let body = Rect { height: area.height.saturating_sub(1 + foot), ..below(area, 1) };
        canvas.put_wrapped(below(area, 1 + body.height), Role::Bad, &selected.reason);
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
                    (Role::Accent, format!(" {}{field}", place(&group.step))),
                    (Role::Text, format!(": {}", group.reason)),
                ])
            },
        );
    }
}

/// What an operator does next.
fn next_step(kind: JobKind, progress: &Progress, keymap: &Keymap) -> Option<String> {
    let key = |verb| keymap.first_key(verb);
    let history = keymap.pane(Scope::History);
    let eyes = progress.tally.needs_eyes();
    let keys = text::counted(eyes, "key");
    let back = key(ConsoleVerb::Rollback);
    Some(match (kind, progress.phase) {
        (JobKind::DryRun, Phase::Done) if eyes > 0 => format!(
            "Nothing was written. {keys} would be left as they are, for the reasons below: {} \
             shows them in the chain. {} executes it.",
            key(ConsoleVerb::Inspect),
            key(ConsoleVerb::Execute)
        ),
        (JobKind::DryRun, Phase::Done) => {
            format!("Nothing was written. {} executes it.", key(ConsoleVerb::Execute))
        }
        (JobKind::Run | JobKind::Resume, Phase::Done) if eyes > 0 => format!(
            "Next: mend the chain ({}) for the {keys} below, then {} runs over those alone. \
             {history}: {back} rolls back.",
            key(ConsoleVerb::Inspect),
            key(ConsoleVerb::Retry)
        ),
        (JobKind::Run | JobKind::Resume | JobKind::RollForward, Phase::Done) => {
            let verify = key(ConsoleVerb::Verify);
            format!("Next: {history}: {verify} verifies again, {back} rolls back.")
        }
        (JobKind::Verify, Phase::Done) => format!("Next: {history}: {back} rolls back."),
        (JobKind::Rollback, Phase::Done) if progress.rollback.left() > 0 => format!(
            "{} of the run left as they are, the others are as before it. {history}: {} for what was \
             changed since.",
            text::counted(progress.rollback.left(), "key"),
            key(ConsoleVerb::RollbackOf)
        ),
        (JobKind::Rollback, Phase::Done) => format!(
            "The keys are as before the run. {history}: {} for what was changed since, {} takes \
             the rollback back.",
            key(ConsoleVerb::RollbackOf),
            key(ConsoleVerb::RollForward)
        ),
        (JobKind::Run | JobKind::Resume, _) => {
            let resume = key(ConsoleVerb::ResumeRun);
            format!("Next: {history}: {resume} goes on from the checkpoint, {back} rolls back.")
        }
        _ => return None,
    })
}

/// How much of the time each station of a run is at work, and which one the others wait for.
fn stations(progress: &Progress) -> Vec<(Role, String)> {
    if progress.verb != crate::engine::Verb::Run || progress.phase != Phase::Running {
        return Vec::new();
    }
    let bottleneck = progress.busy.bottleneck();
    let mut cells = vec![(Role::Dim, "at work".to_owned())];
    cells.extend(Station::ALL.map(|station| {
        let share = progress.busy.of(station) * 100.0;
        match bottleneck {
            Some(slowest) if slowest == station => {
                (Role::Accent, format!("{} {share:.0} % (the others wait)", station.name()))
            }
            _ => (Role::Text, format!("{} {share:.0} %", station.name())),
        }
    }));
    cells
}

/// Puts what the report says at the end into the last snapshot.
pub fn conclude(progress: &mut Progress, report: &Report) {
    progress.phase = report.phase;
    progress.tally = report.tally;
    progress.seconds = report.seconds;
    progress.errors.clone_from(&report.errors);
    progress.verification = report.verification.unwrap_or(progress.verification);
    progress.rollback = report.rollback.unwrap_or(progress.rollback);
    if report.phase == Phase::Done {
        progress.held = None;
        progress.fraction = 1.0;
    }
}

/// Phase, gauge, and the figures of time; returns what is left below.
fn view_state(
    shared: &Shared,
    canvas: &mut Canvas,
    area: Rect,
    job: &Job,
    progress: &Progress,
) -> Rect {
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
    if let Some(stage) = &progress.stage {
        parts.push((Role::Dim, format!("  {stage}")));
    }
    if let Some(followed) = progress.followed.as_ref().filter(|_| !progress.phase.is_final()) {
        let quiet = text::duration(seconds_of(followed.quiet_seconds));
        let migrated = text::grouped(followed.migrated);
        let how = followed.how();
        parts.push((Role::Dim, format!("  {how}: {migrated} migrated, quiet for {quiet}")));
    }
    let state = canvas.line(parts);
    canvas.put(area, &state);
    let mut rest = below(area, 1);
    // Why it stands still is read whole.
    if let Some(held) = &progress.held {
        // The verb it names is for who watches from elsewhere.
        let held = match held.split_once("; go on with `") {
            Some((what, _)) => {
                let key = shared.keymap.first_key(ConsoleVerb::PauseOrResume);
                format!("{what}: {key} goes on")
            }
            None => held.clone(),
        };
        rest = canvas.put_wrapped(rest, Role::Warn, &held);
    }
    // More keys than there are in the database will not come.
    let known = shared.link.info().map_or(u64::MAX, |info| info.keys.max(progress.done()));
    let total = match progress.total().map(|total| total.min(known)) {
        Some(total) if !progress.phase.is_final() => format!(" of about {}", text::grouped(total)),
        _ => String::new(),
    };
    let label = format!("{}  {}{total}", job.percent(), text::counted(progress.done(), "key"));
    gauge::draw(canvas, rest, job.share(), &label);
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // A rate is not negative.
    let rate = text::grouped(progress.rate.max(0.0) as u64);
    // What is held has no pace; the mean of the last seconds would only fade.
    let held = progress.phase == Phase::Paused;
    let mut figures = vec![
        (Role::Text, if held { "rate 0 keys/s".to_owned() } else { format!("rate {rate} keys/s") }),
        (Role::Text, format!("elapsed {}", text::duration(seconds_of(progress.seconds)))),
    ];
    if !progress.phase.is_final() {
        let eta = progress.eta_seconds.filter(|_| !held);
        let eta = eta.map_or("—".to_owned(), |seconds| text::duration(seconds_of(seconds)));
        figures.insert(1, (Role::Text, format!("ETA {eta}")));
        if progress.batch_ms > 0.0 {
            figures.push((Role::Dim, format!("batch {:.1} ms", progress.batch_ms)));
        }
    }
    canvas.put_flow(below(rest, 1), figures)
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

/// What reading the keys of a run again has found, below its outcomes.
fn view_verified(canvas: &mut Canvas, area: Rect, progress: &Progress) -> Rect {
    if progress.verb != crate::engine::Verb::Run || progress.verification.checked == 0 {
        return area;
    }
    let cell = |role, name: &str, count: u64| (role, format!("{name} {}", text::grouped(count)));
    let mut cells = vec![(Role::Dim, "read again:".to_owned())];
    cells.extend(verify_cells(progress, &cell));
    canvas.put_flow(area, cells)
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
        cell(if found.lost > 0 { Role::Bad } else { Role::Faint }, "lost", found.lost),
        cell(if found.wrong > 0 { Role::Bad } else { Role::Faint }, "wrong", found.wrong),
    ]
}

/// How the server is while a job works on it.
fn health(shared: &Shared, job: &Job) -> Vec<(Role, String)> {
    let Some(info) = shared.link.info() else { return Vec::new() };
    if matches!(shared.link, Link::Down { .. }) {
        return vec![(Role::Bad, "the server does not answer".to_owned())];
    }
    let mut cells = vec![(Role::Dim, "server".to_owned())];
    cells.push((Role::Text, format!("{} ops/s", text::grouped(info.ops_per_second))));
    let memory = text::bytes(info.memory_bytes);
    if info.memory_limit_bytes > 0 {
        let nearly_full = info.memory_bytes > info.memory_limit_bytes / 10 * 9;
        let role = if nearly_full { Role::Warn } else { Role::Text };
        cells.push((role, format!("{memory} of {}", text::bytes(info.memory_limit_bytes))));
    } else {
        cells.push((Role::Text, memory));
    }
    cells.push((Role::Text, text::counted(info.clients, "client")));
    let role = if info.evicted_keys > 0 { Role::Bad } else { Role::Text };
    cells.push((role, format!("{} evicted", text::grouped(info.evicted_keys))));
    let readings = &job.readings;
    let more = [
        readings.latency.map(|ms| format!("latency {ms:.1} ms")),
        readings.replica_lag.map(|seconds| format!("replica lag {seconds:.1} s")),
    ];
    cells.extend(more.into_iter().flatten().map(|words| (Role::Text, words)));
    cells
}
