//! What every pane may know: the connection, the choice of subject and target, the job at work, and
//! the places where panes leave what they want shown.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Instant;

use crate::console::command::{Danger, Scope, Verb, command};
use crate::console::keymap::Keymap;
use crate::console::overlays::Overlay;
use crate::console::regions::{Part, Regions};
use crate::console::theme::{Role, Theme};
use crate::console::toasts::Toasts;
use crate::engine::{Progress, Readings};
use crate::model::{Key, RunId, glob};
use crate::planner::{Plan, Stages};
use crate::schema::Version;
use crate::session::{Catalog, ServerInfo};

/// Lines kept in the console's log.
const LOG_LINES_MAX: usize = 500;

/// A moment, handed in from outside so that the same messages give the same screen on any day.
#[derive(Clone, Copy, Debug)]
pub struct Moment {
    /// For spans of time.
    pub instant: Instant,
    /// For dates and expiries: milliseconds of Unix time.
    pub unix_ms: i64,
}

impl Moment {
    /// The moment now; only the loop asks for it.
    pub fn now() -> Self {
        Self { instant: Instant::now(), unix_ms: jiff::Timestamp::now().as_millisecond() }
    }
}

/// What does not change while the console is open.
#[derive(Clone, Debug)]
pub struct Setting {
    /// Where the server is, without its password.
    pub address: String,
    /// The environment's name, if it has one.
    pub environment: Option<String>,
    /// Whether verbs that write are taken away.
    pub read_only: bool,
    /// The definitions.
    pub catalog: Arc<Catalog>,
    /// Where the definitions come from, for people.
    pub catalog_source: String,
    /// Whether that is a folder in which definitions can be saved.
    pub has_folder: bool,
    /// Where run files lie, and what is exported unless said otherwise.
    pub state_dir: PathBuf,
}

impl Setting {
    /// Whether the environment's name says that real users depend on it.
    pub fn is_production(&self) -> bool {
        self.environment.as_deref().is_some_and(|name| name.to_lowercase().starts_with("prod"))
    }
}

/// Which verb of the engine is at work.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum JobKind {
    /// A run over the keys that writes nothing.
    DryRun,
    /// A run.
    Run,
    /// A stopped run that goes on.
    Resume,
    /// Reading back what was written.
    Verify,
    /// Putting back what was there.
    Rollback,
    /// Putting back what a rollback replaced.
    RollForward,
}

impl JobKind {
    /// The name on screen.
    pub fn name(self) -> &'static str {
        match self {
            Self::DryRun => "dry run",
            Self::Run => "run",
            Self::Resume => "resumed run",
            Self::Verify => "verification",
            Self::Rollback => "rollback",
            Self::RollForward => "roll-forward",
        }
    }

    /// Whether it changes keys.
    pub fn writes(self) -> bool {
        matches!(self, Self::Run | Self::Resume | Self::Rollback | Self::RollForward)
    }
}

/// The job at work: at most one at a time in one console.
#[derive(Clone, Debug)]
pub struct Job {
    /// What it is.
    pub kind: JobKind,
    /// The run it belongs to, once it is known.
    pub run: Option<RunId>,
    /// The newest report.
    pub progress: Option<Progress>,
    /// Whether it was told to end.
    pub stopping: bool,
    /// Whether it waits between two stages, and was asked about.
    pub asked: bool,
    /// How the server fares, as the job's throttle reads it.
    pub readings: Readings,
}

impl Job {
    /// A job that begins.
    pub fn new(kind: JobKind, run: Option<RunId>) -> Self {
        Self {
            kind,
            run,
            progress: None,
            stopping: false,
            asked: false,
            readings: Readings::default(),
        }
    }

    /// How far it is, from 0 to 1; `None` before the first report.
    pub fn share(&self) -> Option<f64> {
        self.progress.as_ref().map(|progress| progress.fraction)
    }

    /// `43 %`; never 100 before the end. A run in stages that waits between two of them says so.
    pub fn percent(&self) -> String {
        match self.share() {
            _ if self.asked => "waits".to_owned(),
            Some(share) => format!("{:.0} %", (share.clamp(0.0, 1.0) * 100.0).floor()),
            None => "starting".to_owned(),
        }
    }
}

/// What the server last said about itself.
#[derive(Clone, Debug, Default)]
pub enum Link {
    /// Not asked yet.
    #[default]
    Unknown,
    /// It answered.
    Up(ServerInfo),
    /// It does not answer; the last answer stays on screen.
    Down {
        /// Why.
        reason: String,
        /// What it said before.
        last: Option<ServerInfo>,
    },
}

impl Link {
    /// Whether the server is a replica, which takes no writes.
    pub fn is_replica(&self) -> bool {
        self.info().is_some_and(|info| info.role == "slave")
    }

    /// The newest answer there is.
    pub fn info(&self) -> Option<&ServerInfo> {
        match self {
            Self::Up(info) => Some(info),
            Self::Down { last, .. } => last.as_ref(),
            Self::Unknown => None,
        }
    }
}

/// The subject and the target that the panes are about.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Choice {
    /// The subject.
    pub subject: Option<String>,
    /// The version to reach.
    pub target: Option<Version>,
}

/// How a run goes over its keys.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Course {
    /// In these stages; `None` is over all keys at once.
    pub stages: Option<Stages>,
    /// Whether it waits for an order after each batch.
    pub by_step: bool,
}

/// What every pane may know and leave.
#[derive(Debug)]
pub struct Shared {
    /// What does not change.
    pub setting: Setting,
    /// How roles look.
    pub theme: Theme,
    /// Which key asks for which verb.
    pub keymap: Keymap,
    /// The newest moment.
    pub now: Moment,
    /// The pane with the focus.
    pub focus: Scope,
    /// The side of it with the focus.
    pub part: Part,
    /// Whether the focused side has the whole width.
    pub full: bool,
    /// The left side's share of the width in percent, in the panes where the operator moved the divider.
    pub dividers: BTreeMap<Scope, u16>,
    /// The connection.
    pub link: Link,
    /// Subject and target.
    pub choice: Choice,
    /// The plan for them, once it is drawn up: what is shown, dry-run and executed is this value.
    pub plan: Option<Arc<Plan>>,
    /// The run whose keys that need eyes the plan is for; `None` is a plan for all keys.
    pub retry_of: Option<RunId>,
    /// How the next run goes over its keys.
    pub course: Course,
    /// Keys marked as the sample.
    pub marked: BTreeSet<Key>,
    /// The job at work.
    pub job: Option<Job>,
    /// Whether figures stand still.
    pub frozen: bool,
    /// Whether the console ends as soon as the job has.
    pub leaving: bool,
    /// Overlays, the topmost last.
    pub overlays: Vec<Overlay>,
    /// Short messages.
    pub toasts: Toasts,
    /// The last frame's pieces.
    pub regions: Regions,
    log: VecDeque<(Role, String)>,
}

impl Shared {
    /// The state at the start.
    pub fn new(setting: Setting, theme: Theme, keymap: Keymap, now: Moment) -> Self {
        let mut choice = Choice::default();
        if let Some(subject) = setting.catalog.subjects.values().next() {
            choice.subject = Some(subject.name.clone());
            choice.target = subject.schemas.keys().next_back().cloned();
        }
        Self {
            setting,
            theme,
            keymap,
            now,
            focus: Scope::Keys,
            part: Part::Left,
            full: false,
            dividers: BTreeMap::new(),
            link: Link::Unknown,
            choice,
            plan: None,
            retry_of: None,
            course: Course::default(),
            marked: BTreeSet::new(),
            job: None,
            frozen: false,
            leaving: false,
            overlays: Vec::new(),
            toasts: Toasts::default(),
            regions: Regions::default(),
            log: VecDeque::new(),
        }
    }

    /// The marked keys that are of the chosen subject: the sample of its chain, where there are some.
    pub fn marked_here(&self) -> BTreeSet<Key> {
        let chosen = self.choice.subject.as_deref();
        let Some(subject) = chosen.and_then(|name| self.setting.catalog.subject(name)) else {
            return BTreeSet::new();
        };
        let is_of = |key: &&Key| {
            let mut schemas = subject.schemas.values();
            schemas.any(|schema| glob::matches(schema.key_pattern.as_bytes(), key.as_bytes()))
        };
        self.marked.iter().filter(is_of).cloned().collect()
    }

    /// Takes a plan to show and to run, in the stages that were chosen.
    pub fn take_plan(&mut self, mut plan: Arc<Plan>, retry_of: Option<RunId>) {
        if plan.canary != self.course.stages {
            Arc::make_mut(&mut plan).canary.clone_from(&self.course.stages);
        }
        self.plan = Some(plan);
        self.retry_of = retry_of;
    }

    /// Takes the stages of the next run.
    pub fn take_stages(&mut self, stages: Option<Stages>) {
        self.course.stages = stages;
        if let Some(plan) = self.plan.take() {
            let retry_of = self.retry_of.take();
            self.take_plan(plan, retry_of);
        }
    }

    /// Shows good news for a short while.
    pub fn tell(&mut self, text: impl Into<String>) {
        self.toasts.show(self.now.instant, Role::Good, text);
    }

    /// Shows something to know for a while.
    pub fn warn(&mut self, text: impl Into<String>) {
        self.toasts.show(self.now.instant, Role::Warn, text);
    }

    /// Shows trouble for a while, and keeps it in the log.
    pub fn trouble(&mut self, text: impl Into<String>) {
        let text = text.into();
        self.note(Role::Bad, text.clone());
        self.toasts.show(self.now.instant, Role::Bad, text);
    }

    /// Keeps a line in the log, with the time.
    pub fn note(&mut self, role: Role, text: impl Into<String>) {
        if self.log.len() == LOG_LINES_MAX {
            self.log.pop_front();
        }
        let time = clock(self.now.unix_ms);
        self.log.push_back((role, format!("{time}  {}", text.into())));
    }

    /// The log, newest first.
    pub fn log(&self) -> Vec<(Role, String)> {
        self.log.iter().rev().cloned().collect()
    }

    /// Why a verb cannot be used now for a reason that holds in every pane.
    pub fn disabled(&self, verb: Verb) -> Option<String> {
        if command(verb).danger == Danger::Writes && self.setting.read_only {
            return Some("the console is read-only (--read-only)".to_owned());
        }
        if command(verb).danger == Danger::Writes && self.link.is_replica() {
            return Some("this server is a replica: open the console on its primary".to_owned());
        }
        None
    }

    /// Why no other job can begin now.
    pub fn busy(&self) -> Option<String> {
        let job = self.job.as_ref()?;
        Some(format!("a {} is at work; wait for its end or stop it (4, then s)", job.kind.name()))
    }

    /// A mark that turns while something is waited for.
    pub fn spinner(&self) -> &'static str {
        const TURNS: [&str; 4] = ["◐", "◓", "◑", "◒"];
        let turn = self.now.unix_ms.rem_euclid(800) / 200;
        TURNS[usize::try_from(turn).expect("0 to 3")]
    }
}

/// The time of day in UTC, `14:03:59`.
pub fn clock(unix_ms: i64) -> String {
    let seconds = unix_ms.div_euclid(1000).rem_euclid(86_400);
    format!("{:02}:{:02}:{:02}", seconds / 3600, seconds / 60 % 60, seconds % 60)
}

/// Date and time in UTC, `2026-11-23 14:03:59`.
pub fn date(unix_ms: i64) -> String {
    jiff::Timestamp::from_millisecond(unix_ms)
        .map_or_else(|_| "?".to_owned(), |time| time.strftime("%Y-%m-%d %H:%M:%S").to_string())
}
