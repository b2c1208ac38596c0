//! The console's whole state, and the one way in which it changes.
//!
//! `update` is synchronous: no I/O, no clock, no task. What it wants done it returns.

use std::time::Duration;

use crossterm::event::KeyCode;

use crate::console::command::{Command, Scope, Verb, command};
use crate::console::editing::open_editor;
use crate::console::effect::Effect;
use crate::console::keymap::Press;
use crate::console::msg::Msg;
use crate::console::overlays::{Answer, Asked, Availability, CommandList, Log, Overlay, Place};
use crate::console::panes::Pane;
use crate::console::panes::chain::Chain;
use crate::console::panes::history::History;
use crate::console::panes::keys::Keys;
use crate::console::panes::run::Run;
use crate::console::panes::schemas::Schemas;
use crate::console::regions::{Part, Regions};
use crate::console::shared::{Link, Moment, Shared};
use crate::console::theme::Role;
use crate::session::{Sent, ServerInfo};

/// How often an open log hears what was sent.
const TRAFFIC_EVERY_MS: i64 = 300;

/// How often the server is asked about itself.
const SERVER_EVERY_MS: i64 = 2_000;

/// The whole state.
pub struct App {
    /// What every pane may know.
    pub shared: Shared,
    /// The key browser.
    pub keys: Keys,
    /// Subjects, versions and their difference.
    pub schemas: Schemas,
    /// The chain and its preview.
    pub chain: Chain,
    /// The run.
    pub run: Run,
    /// Past runs.
    pub history: History,
    asked_server_ms: i64,
    asked_traffic_ms: i64,
    /// Whether the divider is being dragged.
    pub(super) dragging: bool,
    /// Roll the run back as soon as it has stopped.
    pub(super) roll_back_after: bool,
}

impl App {
    /// The state at the start.
    pub fn new(shared: Shared) -> Self {
        Self {
            keys: Keys::default(),
            schemas: Schemas::new(&shared),
            chain: Chain::default(),
            run: Run::default(),
            history: History::default(),
            asked_server_ms: shared.now.unix_ms,
            asked_traffic_ms: shared.now.unix_ms,
            shared,
            dragging: false,
            roll_back_after: false,
        }
    }

    /// What to ask first.
    pub fn start(&mut self) -> Vec<Effect> {
        let mut effects = vec![Effect::AskServer, Effect::ListRuns];
        effects.extend(self.keys.enter(&mut self.shared));
        effects
    }

    /// How long until the next [`Msg::Tick`] is wanted: often only while something moves.
    pub fn tick_after(&self) -> Duration {
        let moving = self.shared.job.is_some()
            || !self.shared.toasts.shown().is_empty()
            || self.open_log().is_some()
            || self.keys.is_waiting()
            || self.chain.is_waiting()
            || self.schemas.is_waiting();
        Duration::from_millis(if moving { 100 } else { 1_000 })
    }

    /// Takes the pieces of the frame that was just drawn.
    pub fn drawn(&mut self, regions: Regions) {
        self.shared.regions = regions;
    }

    /// Takes one message, and returns what is to be done.
    pub fn update(&mut self, msg: Msg) -> Vec<Effect> {
        let shared = &mut self.shared;
        match msg {
            Msg::Press(press) => self.press(press),
            Msg::Paste(text) => self.paste(&text),
            Msg::Mouse(event) => self.mouse(event),
            Msg::Resized => Vec::new(),
            Msg::Tick(moment) => self.tick(moment),
            Msg::Terminate => self.leave(),
            Msg::Server(answer) => self.server(answer),
            Msg::Traffic(sent) => self.sent(&sent),
            Msg::Keys(generation, answer) => self.keys.loaded(generation, answer),
            Msg::Value(generation, key, answer) => {
                self.keys.value_loaded(generation, &key, answer);
                Vec::new()
            }
            Msg::Planned(generation, answer) => self.chain.planned(generation, answer, shared),
            Msg::Previewed(generation, answer) => self.chain.previewed(generation, answer, shared),
            Msg::Rehearsed(generation, answer) => {
                self.chain.rehearsed(generation, answer);
                Vec::new()
            }
            Msg::Retry(generation, run, answer) => self.retry_planned(generation, run, answer),
            Msg::RunRead(generation, answer) => {
                self.history.read(generation, answer);
                Vec::new()
            }
            Msg::Progress(progress) => {
                self.progressed(*progress);
                Vec::new()
            }
            Msg::Readings(readings) => {
                if let Some(job) = shared.job.as_mut().filter(|_| !shared.frozen) {
                    job.readings = readings;
                }
                Vec::new()
            }
            Msg::Ended(answer) => self.ended(answer),
            Msg::Saved(answer) => self.saved(answer),
            Msg::Drafted(generation, answer) => self.chain.drafted(generation, answer, shared),
            Msg::Changes(generation, answer) => {
                self.history.changes(generation, answer, shared);
                Vec::new()
            }
            Msg::Exported(answer) => {
                match answer {
                    Ok(path) => shared.tell(format!("written to {path}")),
                    Err(reason) => shared.trouble(reason),
                }
                Vec::new()
            }
            Msg::Inferred(generation, answer) => {
                self.schemas.inferred(generation, answer, shared);
                Vec::new()
            }
            Msg::Catalog(answer) => self.read_anew(answer),
            Msg::EditedOutside(answer) => self.edited_outside(answer),
            Msg::Background { is_light } => {
                shared.theme = shared.theme.fitting(is_light);
                Vec::new()
            }
            Msg::Runs(answer) => {
                self.history.loaded(answer);
                Vec::new()
            }
        }
    }

    fn tick(&mut self, moment: Moment) -> Vec<Effect> {
        self.shared.now = moment;
        self.shared.toasts.expire(moment.instant);
        self.run.tick(&self.shared);
        let mut effects = Vec::new();
        if self.open_log().is_some_and(Log::follows)
            && moment.unix_ms - self.asked_traffic_ms >= TRAFFIC_EVERY_MS
        {
            self.asked_traffic_ms = moment.unix_ms;
            effects.push(Effect::ReadTraffic);
        }
        if moment.unix_ms - self.asked_server_ms >= SERVER_EVERY_MS {
            self.asked_server_ms = moment.unix_ms;
            effects.push(Effect::AskServer);
        }
        effects
    }

    /// Shows an open log what was sent.
    fn sent(&mut self, sent: &[Sent]) -> Vec<Effect> {
        let events = self.shared.log();
        for overlay in &mut self.shared.overlays {
            if let Overlay::Log(log) = overlay {
                log.follow(events.clone(), sent.to_vec());
            }
        }
        Vec::new()
    }

    fn open_log(&self) -> Option<&Log> {
        self.shared.overlays.iter().find_map(|overlay| match overlay {
            Overlay::Log(log) => Some(log),
            _ => None,
        })
    }

    fn server(&mut self, answer: Result<ServerInfo, String>) -> Vec<Effect> {
        let was_down = matches!(self.shared.link, Link::Down { .. });
        match answer {
            Ok(info) => {
                self.shared.link = Link::Up(info);
                let mut effects = self.keys.link_is_up();
                if was_down {
                    self.shared.tell("the server answers again");
                    // Definitions in the registry could not be read, or are others by now.
                    effects
                        .extend((!self.shared.setting.has_folder).then_some(Effect::ReadCatalog));
                }
                return effects;
            }
            Err(reason) => {
                if !was_down {
                    self.shared.note(Role::Bad, format!("the server does not answer: {reason}"));
                }
                let last = self.shared.link.info().cloned();
                self.shared.link = Link::Down { reason, last };
            }
        }
        Vec::new()
    }

    pub(super) fn pane(&mut self, scope: Scope) -> (&mut dyn Pane, &mut Shared) {
        let pane: &mut dyn Pane = match scope {
            Scope::Keys | Scope::Everywhere => &mut self.keys,
            Scope::Schemas => &mut self.schemas,
            Scope::Chain => &mut self.chain,
            Scope::Run => &mut self.run,
            Scope::History => &mut self.history,
        };
        (pane, &mut self.shared)
    }

    /// The pane of a scope, to look at.
    pub fn pane_ref(&self, scope: Scope) -> &dyn Pane {
        match scope {
            Scope::Keys | Scope::Everywhere => &self.keys,
            Scope::Schemas => &self.schemas,
            Scope::Chain => &self.chain,
            Scope::Run => &self.run,
            Scope::History => &self.history,
        }
    }

    fn press(&mut self, press: Press) -> Vec<Effect> {
        // Ctrl-C works from anywhere, also out of a dialog or a line that is typed: it asks when
        // something is at work, a second one stops that and leaves, a third leaves at once.
        let interrupt = Press::parse("ctrl-c").expect("a key's name");
        if press == interrupt {
            let asks = matches!(self.shared.overlays.last(), Some(Overlay::Leave(_)));
            return if asks || self.shared.leaving { self.leave() } else { self.quit() };
        }
        if let Some(overlay) = self.shared.overlays.last_mut() {
            let answer = overlay.press(press, self.shared.regions.overlay_rows);
            return self.answered(answer);
        }
        let focus = self.shared.focus;
        let (pane, shared) = self.pane(focus);
        if pane.is_typing() {
            return pane.typed(press, shared);
        }
        if let Some(verb) = self.shared.keymap.verb(focus, press) {
            return self.act(verb);
        }
        if matches!(press.code, KeyCode::Char(_) | KeyCode::F(_)) {
            let text = self.elsewhere(press);
            self.shared.warn(text);
        }
        Vec::new()
    }

    /// What to say of a key that does nothing in the focused pane: where it does something.
    fn elsewhere(&self, press: Press) -> String {
        let keymap = &self.shared.keymap;
        let verbs = Scope::PANES.into_iter().zip(1..).filter_map(|(scope, tab)| {
            let hint = command(keymap.verb(scope, press)?).hint;
            Some(format!("{hint} in {} ({tab})", scope.name()))
        });
        let verbs: Vec<String> = verbs.collect();
        let help = keymap.first_key(Verb::Help);
        if verbs.is_empty() {
            return format!("{press} does nothing; {help} shows what does");
        }
        format!("{press} does nothing here: it is {}; {help} shows all keys", verbs.join(", "))
    }

    fn paste(&mut self, text: &str) -> Vec<Effect> {
        if let Some(overlay) = self.shared.overlays.last_mut() {
            let answer = overlay.paste(text);
            return self.answered(answer);
        }
        let (pane, shared) = self.pane(self.shared.focus);
        if pane.is_typing() { pane.pasted(text, shared) } else { Vec::new() }
    }

    /// What a key in the top overlay came to.
    pub(super) fn answered(&mut self, answer: Answer) -> Vec<Effect> {
        let stays = match &answer {
            Answer::Stay | Answer::Tried(_) | Answer::OutsideEditor(_) | Answer::Changes(..) => {
                true
            }
            // It could be refused, or not confirmed: the text must not be lost then.
            Answer::Written(edit) => matches!(edit.place, Place::Schema),
            _ => false,
        };
        let closed = if stays { None } else { self.shared.overlays.pop() };
        match answer {
            // What was tried out in it is not kept: the preview goes back to what stands.
            Answer::Close if closed.is_some_and(|overlay| overlay.is_beside()) => {
                self.chain.dropped(&mut self.shared)
            }
            Answer::Stay | Answer::Close => Vec::new(),
            Answer::Chosen(choice) => self.chosen(choice),
            Answer::Tried(edit) => self.tried(&edit),
            Answer::Written(edit) => self.written(&edit),
            Answer::AsText(edit) => {
                open_editor(edit, "As JSON", &mut self.shared);
                Vec::new()
            }
            Answer::OutsideEditor(text) => vec![Effect::EditOutside(text)],
            Answer::Changes(run, part) => self.history.ask_for_changes(run, part),
            Answer::Said(Asked::InferredKeys, pattern) => self.infer_keys(pattern),
            Answer::Said(asked, text) => self.run.said(asked, text, &mut self.shared),
            Answer::Run(verb) => {
                let scope = command(verb).scope;
                let mut effects = Vec::new();
                if scope != Scope::Everywhere && scope != self.shared.focus {
                    effects.extend(self.go(scope));
                }
                effects.extend(self.act(verb));
                effects
            }
            Answer::Confirmed(intent) => self.confirmed(intent),
            Answer::Leave(choice) => self.left(choice),
        }
    }

    /// Why a verb cannot be used now.
    pub fn disabled(&self, verb: Verb) -> Option<String> {
        if let Some(reason) = self.shared.disabled(verb) {
            return Some(reason);
        }
        let scope = command(verb).scope;
        let scope = if scope == Scope::Everywhere { self.shared.focus } else { scope };
        self.pane_ref(scope).disabled(verb, &self.shared)
    }

    pub(super) fn go(&mut self, scope: Scope) -> Vec<Effect> {
        if self.shared.focus != scope {
            self.shared.focus = scope;
            self.shared.part = Part::Left;
        }
        let (pane, shared) = self.pane(scope);
        pane.enter(shared)
    }

    /// Shows the schemas, and asks for the one that the documents of a pattern fit.
    fn infer_keys(&mut self, pattern: String) -> Vec<Effect> {
        let mut effects = self.go(Scope::Schemas);
        effects.extend(self.schemas.infer(pattern, None));
        effects
    }

    fn availability(&self, command: &Command) -> Availability {
        self.disabled(command.verb).map_or(Availability::Live, Availability::Disabled)
    }

    /// Does what a verb asks, or says why not.
    pub fn act(&mut self, verb: Verb) -> Vec<Effect> {
        if let Some(reason) = self.disabled(verb) {
            self.shared.warn(format!("{}: {reason}", command(verb).hint));
            return Vec::new();
        }
        let focus = self.shared.focus;
        match verb {
            Verb::Quit => return self.quit(),
            Verb::Help | Verb::Palette => self.open_commands(verb),
            Verb::GoKeys => return self.go(Scope::Keys),
            Verb::GoSchemas => return self.go(Scope::Schemas),
            Verb::GoChain => return self.go(Scope::Chain),
            Verb::GoRun | Verb::ToRun => return self.go(Scope::Run),
            Verb::GoHistory => return self.go(Scope::History),
            Verb::MakeChain => {
                self.schemas.act(verb, &mut self.shared);
                return self.go(Scope::Chain);
            }
            Verb::InferKeys => {
                let pattern = self.keys.pattern().to_owned();
                // A pattern of all keys is of no one subject.
                if pattern.starts_with(['*', '?', '[']) {
                    self.keys.ask_what_to_infer(&mut self.shared);
                    return Vec::new();
                }
                return self.infer_keys(pattern);
            }
            Verb::ChainOfKey => {
                self.keys.choose_subject(&mut self.shared);
                return self.go(Scope::Chain);
            }
            Verb::Inspect => {
                self.shared.marked = self.run.samples(&self.shared);
                self.chain.seek_trouble();
                return self.go(Scope::Chain);
            }
            Verb::OtherPart => self.shared.part = self.shared.part.other(),
            Verb::FullScreen => self.shared.full = !self.shared.full,
            Verb::Freeze => {
                self.shared.frozen = !self.shared.frozen;
                let held = if self.shared.frozen { "figures held still" } else { "figures move" };
                self.shared.tell(held);
            }
            Verb::NextTheme => {
                self.shared.theme = self.shared.theme.next();
                self.shared.tell(format!("theme: {}", self.shared.theme.name));
            }
            Verb::ShowLog => {
                let log = Log::new(&self.shared.keymap, self.shared.log());
                self.asked_traffic_ms = self.shared.now.unix_ms;
                self.shared.overlays.push(Overlay::Log(log));
                return vec![Effect::ReadTraffic];
            }
            Verb::Suspend => return vec![Effect::Suspend],
            Verb::Redraw => return vec![Effect::Redraw],
            Verb::DryRun | Verb::Execute | Verb::Retry | Verb::RetryOf | Verb::Verify => {
                return self.act_on_runs(verb);
            }
            _ => {
                let (pane, shared) = self.pane(focus);
                return pane.act(verb, shared);
            }
        }
        Vec::new()
    }

    fn open_commands(&mut self, verb: Verb) {
        let (keymap, focus) = (&self.shared.keymap, self.shared.focus);
        let availability = |command: &Command| self.availability(command);
        let list = if verb == Verb::Help {
            CommandList::help(keymap, focus, availability)
        } else {
            CommandList::palette(keymap, focus, availability)
        };
        self.shared.overlays.push(Overlay::Commands(list));
    }
}
