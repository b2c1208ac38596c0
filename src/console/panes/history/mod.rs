//! Past runs at the left, the selected one's figures at the right; verify, roll back, resume.

mod details;

use ratatui::layout::Rect;

use crate::console::command::Verb;
use crate::console::effect::Effect;
use crate::console::msg::{Answer, Generation};
use crate::console::overlays::{Choice, Compare, Confirm, Intent, Item, Menu, Overlay};
use crate::console::panes::Pane;
use crate::console::regions::Part;
use crate::console::shared::Shared;
use crate::console::theme::Role;
use crate::console::widgets::list::{self, ListState};
use crate::console::widgets::table::{self, Column};
use crate::console::widgets::{Canvas, above, below, text};
use crate::engine::{OnChanged, RunSummary, Story};
use crate::model::{Phase, RunId};
use crate::schema::Version;
use crate::session::Change;
use details::state_here;

/// The columns of the list.
const COLUMNS: [Column; 5] = [
    Column::text("started (UTC)", 16),
    Column::text("subject", 0),
    Column::text("state", 11),
    Column::figures("migrated", 10),
    Column::figures("trouble", 7),
];

/// The columns where there is less room: the year is left out.
const NARROW_COLUMNS: [Column; 5] =
    [Column::text("UTC", 11), COLUMNS[1], COLUMNS[2], COLUMNS[3], COLUMNS[4]];
/// The narrowest list that shows the year.
const YEAR_CELLS: usize = 64;

/// The pane.
#[derive(Debug, Default)]
pub struct History {
    /// Newest first; `None` before the first answer.
    runs: Option<Vec<RunSummary>>,
    /// Why the runs could not be listed.
    error: Option<String>,
    /// Why single journals could not be read.
    unreadable: Vec<String>,
    at: ListState,
    scroll: ListState,
    generation: Generation,
    /// The journal of a run that was opened, once it is read.
    story: Option<Answer<Box<Story>>>,
    /// The run that it is, or will be, of.
    story_of: Option<RunId>,
    reading: Generation,
}

impl History {
    /// Takes the list of runs.
    pub fn loaded(&mut self, answer: Answer<(Vec<RunSummary>, Vec<String>)>) {
        match answer {
            Ok((mut runs, unreadable)) => {
                self.unreadable = unreadable;
                let selected = self.selected().map(|summary| summary.run.clone());
                let newest =
                    self.runs.as_ref().and_then(|runs| runs.first()).map(|s| s.run.clone());
                // Ids begin with the time of the start.
                runs.sort_by(|a, b| b.run.cmp(&a.run));
                let is_new = runs.first().map(|summary| summary.run.clone()) != newest;
                // A new run takes the selection: it is what the operator comes for.
                let at = if is_new {
                    0
                } else {
                    runs.iter().position(|s| Some(&s.run) == selected.as_ref()).unwrap_or(0)
                };
                self.at = ListState { selected: at, offset: 0 };
                self.error = None;
                self.runs = Some(runs);
            }
            Err(reason) => self.error = Some(reason),
        }
    }

    fn selected(&self) -> Option<&RunSummary> {
        self.runs.as_ref()?.get(self.at.selected)
    }

    /// The selected run.
    pub fn selected_run(&self) -> Option<RunId> {
        self.selected().map(|summary| summary.run.clone())
    }

    fn find(&self, run: &RunId) -> Option<&RunSummary> {
        self.runs.as_ref()?.iter().find(|summary| summary.run == *run)
    }

    /// The subject of a run and the version it was to reach.
    pub fn ends_of(&self, run: &RunId) -> Option<(String, Version)> {
        let summary = self.find(run)?;
        Some((summary.subject.clone(), summary.target.parse().ok()?))
    }

    /// Asks for the whole journal of the selected run.
    fn read_selected(&mut self) -> Vec<Effect> {
        let Some(run) = self.selected_run() else { return Vec::new() };
        self.reading += 1;
        (self.story, self.story_of) = (None, Some(run.clone()));
        vec![Effect::ReadRun(self.reading, run)]
    }

    /// Takes the journal of a run.
    pub fn read(&mut self, generation: Generation, answer: Answer<Box<Story>>) {
        if generation == self.reading {
            self.story = Some(answer);
        }
    }

    /// Asks for keys of a run, of those with `part` in their names.
    pub fn ask_for_changes(&mut self, run: RunId, part: String) -> Vec<Effect> {
        self.generation += 1;
        vec![Effect::Changes(self.generation, run, part)]
    }

    /// Takes keys of a run.
    pub fn changes(
        &mut self,
        generation: Generation,
        answer: Answer<Vec<Change>>,
        shared: &mut Shared,
    ) {
        if generation != self.generation {
            return;
        }
        match (answer, shared.overlays.last_mut()) {
            (Ok(changes), Some(Overlay::Compare(compare))) => compare.loaded(changes),
            (Ok(_), _) => {}
            (Err(reason), _) => shared.trouble(reason),
        }
    }

    /// Opens the question before a rollback.
    pub fn ask_to_roll_back(&self, run: &RunId, changed: OnChanged, shared: &mut Shared) {
        let mut lines = vec![
            (Role::Text, format!("This changes keys on {}:", shared.setting.address)),
            (Role::Title, format!("roll back run {run}")),
        ];
        if let Some(summary) = self.find(run) {
            lines.extend(of_other_server(summary, shared));
            lines.push((
                Role::Text,
                format!(
                    "{} to {}: the bytes of {} are put back where our value still \
                     stands; {}.",
                    summary.subject,
                    summary.target,
                    text::counted(summary.tally.migrated, "migrated key"),
                    of_changed(changed),
                ),
            ));
        }
        // A run that is younger than the list has no summary yet; its subject is the chosen one.
        let subject =
            self.find(run).map_or(shared.choice.subject.clone(), |s| Some(s.subject.clone()));
        let phrase =
            subject.and_then(|name| pattern_of(&name, shared)).unwrap_or_else(|| run.to_string());
        let intent = Intent::Rollback(run.clone(), changed);
        let confirm = Confirm::new("Roll back", lines, phrase, "Roll back", intent);
        shared.overlays.push(Overlay::Confirm(confirm));
    }

    fn ask_to_roll_forward(&self, shared: &mut Shared) {
        let Some(summary) = self.selected() else { return };
        let restored = summary.rollback.map_or(0, |tally| tally.restored);
        let mut lines = vec![
            (Role::Text, format!("This changes keys on {}:", shared.setting.address)),
            (Role::Title, format!("take the rollback of run {} back", summary.run)),
        ];
        lines.extend(of_other_server(summary, shared));
        lines.extend([(
            Role::Text,
            format!(
                "{} to {}: the {} that the rollback put back get what they held before it, where \
                     they were not changed since.",
                summary.subject,
                summary.target,
                text::counted(restored, "key")
            ),
        )]);
        let phrase =
            pattern_of(&summary.subject, shared).unwrap_or_else(|| summary.run.to_string());
        let intent = Intent::RollForward(summary.run.clone());
        let confirm = Confirm::new("Roll forward", lines, phrase, "Roll forward", intent);
        shared.overlays.push(Overlay::Confirm(confirm));
    }

    fn ask_to_resume(&self, shared: &mut Shared) {
        let Some(summary) = self.selected() else { return };
        let mut lines = vec![
            (Role::Text, format!("This changes keys on {}:", shared.setting.address)),
            (Role::Title, format!("resume run {}", summary.run)),
        ];
        lines.extend(of_other_server(summary, shared));
        let (subject, target) = (&summary.subject, &summary.target);
        let settled = text::counted(summary.tally.scanned, "key");
        lines.push((
            Role::Text,
            format!(
                "{subject} to {target}: {settled} settled so far; the rest is scanned from the \
                 checkpoint."
            ),
        ));
        let phrase =
            pattern_of(&summary.subject, shared).unwrap_or_else(|| summary.run.to_string());
        let intent = Intent::Resume(summary.run.clone());
        let confirm = Confirm::new("Resume a run", lines, phrase, "Resume", intent);
        shared.overlays.push(Overlay::Confirm(confirm));
    }

    fn view_list(&self, shared: &Shared, canvas: &mut Canvas, area: Rect, focused: bool) {
        let inside = canvas.boxed(area, "Runs, newest first", focused);
        if let Some(reason) = &self.error {
            canvas.put_wrapped(inside, Role::Bad, reason);
            return;
        }
        let runs = match &self.runs {
            None => {
                let text = format!("{} reading the journals …", shared.spinner());
                canvas.put_wrapped(inside, Role::Dim, &text);
                return;
            }
            Some(runs) if runs.is_empty() => {
                let text = "No runs yet. A run that writes leaves its journal here; a dry run leaves \
                            nothing.";
                canvas.put_wrapped(inside, Role::Dim, text);
                return;
            }
            Some(runs) => runs,
        };
        let width = usize::from(inside.width.saturating_sub(2));
        let (columns, skip) = if width < YEAR_CELLS { (&NARROW_COLUMNS, 5) } else { (&COLUMNS, 0) };
        let heading = table::heading(canvas, columns, width);
        canvas.put(above(inside, 1), &heading);
        let mut body = below(inside, 1);
        for reason in &self.unreadable {
            body = canvas.put_wrapped(body, Role::Bad, reason);
        }
        list::draw(canvas, body, Part::Left, self.at, runs.len(), focused, |canvas, at| {
            let summary = &runs[at];
            let (role, state) = state_here(summary, shared);
            // A run of another server is not what one looks for here.
            let here = summary.server == shared.setting.address;
            let started_role = if here { Role::Text } else { Role::Faint };
            let trouble = summary.tally.needs_eyes();
            let started: String = summary.started.chars().take(16).skip(skip).collect();
            let cells = [
                (started_role, started.replace('T', " ")),
                (
                    if here { Role::Accent } else { Role::Faint },
                    format!("{} {}", summary.subject, summary.target),
                ),
                (role, state),
                (Role::Text, text::grouped(summary.tally.migrated)),
                (if trouble > 0 { Role::Warn } else { Role::Dim }, text::grouped(trouble)),
            ];
            table::row(canvas, columns, width, cells)
        });
    }
}

/// What to know of a run that was made on another address than this one.
fn of_other_server(summary: &RunSummary, shared: &Shared) -> Option<(Role, String)> {
    let words = format!("The run was made on {}: is this the same server?", summary.server);
    (summary.server != shared.setting.address).then_some((Role::BadgeWarn, words))
}

/// What becomes of keys that were changed since the run, in words.
fn of_changed(changed: OnChanged) -> &'static str {
    match changed {
        OnChanged::Keep => "what was changed since is left alone and reported",
        OnChanged::Overwrite => {
            "what was changed since is overwritten too: the later write is lost"
        }
        OnChanged::Invert => {
            "what was changed since goes back through the inverse chain, so that the later write lives on"
        }
    }
}

/// The ways to roll a run back.
fn choose_rollback(run: &RunId) -> Menu {
    let item = |name, changed| {
        Item::new(Choice::Rollback(run.clone(), changed), name, of_changed(changed))
    };
    let items = vec![
        item("keep", OnChanged::Keep),
        item("invert", OnChanged::Invert),
        item("overwrite", OnChanged::Overwrite),
    ];
    Menu::new("Keys that were changed since the run", items)
}

/// The key pattern of a subject, as the definitions name it.
fn pattern_of(subject: &str, shared: &Shared) -> Option<String> {
    shared.setting.catalog.subject(subject).map(|subject| subject.key_pattern.clone())
}

impl Pane for History {
    fn enter(&mut self, _shared: &mut Shared) -> Vec<Effect> {
        vec![Effect::ListRuns]
    }

    fn act(&mut self, verb: Verb, shared: &mut Shared) -> Vec<Effect> {
        let page = shared.regions.page(shared.part);
        match verb {
            Verb::Refresh => return vec![Effect::ListRuns],
            Verb::Rollback => {
                if let Some(run) = self.selected_run() {
                    self.ask_to_roll_back(&run, OnChanged::Keep, shared);
                }
            }
            Verb::RollbackOf => {
                if let Some(run) = self.selected_run() {
                    shared.overlays.push(Overlay::Menu(choose_rollback(&run)));
                }
            }
            Verb::ResumeRun => self.ask_to_resume(shared),
            Verb::RollForward => self.ask_to_roll_forward(shared),
            Verb::Changes => {
                if let Some(run) = self.selected_run() {
                    shared.overlays.push(Overlay::Compare(Compare::new(run.clone())));
                    return self.ask_for_changes(run, String::new());
                }
            }
            Verb::Open => {
                shared.part = Part::Right;
                return self.read_selected();
            }
            Verb::Back => shared.part = Part::Left,
            Verb::Copy => {
                if let Some(run) = self.selected_run() {
                    return vec![Effect::Copy(run.to_string())];
                }
            }
            verb if shared.part == Part::Right => {
                let length = self.details(shared).len();
                let last = length.saturating_sub(page) + 1;
                self.scroll.step(verb, last, page);
            }
            verb => {
                let length = self.runs.as_ref().map_or(0, Vec::len);
                if self.at.step(verb, length, page) {
                    self.scroll = ListState::default();
                }
            }
        }
        Vec::new()
    }

    fn disabled(&self, verb: Verb, shared: &Shared) -> Option<String> {
        let of_run = [
            Verb::Verify,
            Verb::Rollback,
            Verb::RollbackOf,
            Verb::RollForward,
            Verb::RetryOf,
            Verb::ResumeRun,
            Verb::Changes,
        ];
        if !of_run.contains(&verb) {
            return None;
        }
        let Some(summary) = self.selected() else { return Some("there is no run".to_owned()) };
        if verb == Verb::Changes {
            return None;
        }
        shared.busy().or(match verb {
            Verb::ResumeRun if summary.rollback.is_some() => {
                Some("the run was rolled back".to_owned())
            }
            Verb::RollForward if summary.rollback.is_none() => {
                Some("the run was not rolled back".to_owned())
            }
            Verb::RetryOf if summary.tally.needs_eyes() == 0 => {
                Some("no key of it needs eyes".to_owned())
            }
            Verb::ResumeRun if summary.phase == Phase::Done => Some("the run is done".to_owned()),
            _ => None,
        })
    }

    fn next(&self, _shared: &Shared) -> Option<Verb> {
        let summary = self.selected()?;
        Some(match (summary.phase, &summary.rollback) {
            (Phase::Done, _) | (_, Some(_)) => Verb::Verify,
            _ => Verb::ResumeRun,
        })
    }

    fn select(&mut self, part: Part, row: usize, shared: &mut Shared) -> Vec<Effect> {
        if part == Part::Left {
            let length = self.runs.as_ref().map_or(0, Vec::len);
            self.at.select(row, length, shared.regions.page(part));
            self.scroll = ListState::default();
        }
        Vec::new()
    }

    fn view(&self, part: Part, shared: &Shared, canvas: &mut Canvas, area: Rect, focused: bool) {
        match part {
            Part::Left => self.view_list(shared, canvas, area, focused),
            Part::Right => self.view_details(shared, canvas, area, focused),
        }
    }

    fn left_share(&self) -> u16 {
        55
    }
}
