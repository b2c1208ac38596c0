//! The key browser: keys by pattern and type at the left, the selected key's value at the right.
//!
//! It counts honestly: what is shown, what the server looked at, and about how much there is. The
//! pattern and the type are matched by the server; the filter works here, on what is loaded.

mod view;

use crossterm::event::KeyCode;
use ratatui::layout::Rect;

use crate::console::command::Verb;
use crate::console::effect::Effect;
use crate::console::keymap::Press;
use crate::console::msg::{Answer, Generation};
use crate::console::overlays::{Asked, Overlay, Prompt};
use crate::console::panes::Pane;
use crate::console::panes::loaded::LoadedKeys;
use crate::console::panes::tree::TreeRow;
use crate::console::panes::value_side::ValueSide;
use crate::console::regions::Part;
use crate::console::shared::{Choice, Shared};
use crate::console::theme::Role;
use crate::console::widgets::Canvas;
use crate::console::widgets::input::Input;
use crate::console::widgets::list::ListState;
use crate::model::{Key, RedisType};
use crate::session::{KeyDetail, KeyLine, Page};

pub use view::expires_in;

/// Keys asked for at the start and with a new pattern.
const FIRST_KEYS: usize = 500;
/// Keys asked for with each "scan more".
const MORE_KEYS: usize = 5_000;
/// Keys asked for at most when what is loaded is asked for again.
const AGAIN_KEYS_MAX: usize = 20_000;
/// Keys kept loaded at most; from there on a narrower pattern is the way.
const LOADED_KEYS_MAX: usize = 1_000_000;

/// The types that the filter goes through.
const TYPES: [Option<RedisType>; 8] = [
    None,
    Some(RedisType::String),
    Some(RedisType::Hash),
    Some(RedisType::List),
    Some(RedisType::Set),
    Some(RedisType::SortedSet),
    Some(RedisType::Stream),
    Some(RedisType::Json),
];

/// What is typed now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Typing {
    Pattern,
    Filter,
}

/// The pane.
#[derive(Debug)]
pub struct Keys {
    pattern: String,
    typed: Input,
    typing: Option<Typing>,
    type_at: usize,
    loaded: LoadedKeys,
    filter: Input,
    at: ListState,
    waiting: bool,
    error: Option<String>,
    generation: Generation,
    /// What is loaded was asked for again: the answer takes its place.
    again: bool,
    /// The key to go back to when it comes.
    back_to: Option<Key>,
    value: ValueSide,
}

impl Default for Keys {
    fn default() -> Self {
        Self {
            pattern: "*".to_owned(),
            typed: Input::default(),
            typing: None,
            type_at: 0,
            loaded: LoadedKeys::default(),
            filter: Input::default(),
            at: ListState::default(),
            waiting: false,
            error: None,
            generation: 0,
            again: false,
            back_to: None,
            value: ValueSide::default(),
        }
    }
}

impl Keys {
    /// Whether an answer is on its way.
    pub fn is_waiting(&self) -> bool {
        self.waiting
    }

    /// The pattern that the server matches.
    pub fn pattern(&self) -> &str {
        &self.pattern
    }

    /// Scans from the start.
    fn scan(&mut self) -> Vec<Effect> {
        self.loaded.clear();
        self.filter = Input::default();
        self.at = ListState::default();
        self.error = None;
        (self.again, self.back_to) = (false, None);
        self.generation += 1;
        self.ask(0, FIRST_KEYS)
    }

    /// Asks again for what is loaded. It stays on screen until the answer comes, and what was selected
    /// stays selected.
    fn scan_again(&mut self) -> Vec<Effect> {
        self.again = true;
        self.back_to = self.selected().map(|line| line.key.clone());
        self.generation += 1;
        self.ask(0, self.loaded.len().clamp(FIRST_KEYS, AGAIN_KEYS_MAX))
    }

    fn ask(&mut self, cursor: u64, want: usize) -> Vec<Effect> {
        self.waiting = true;
        let (pattern, redis_type) = (self.pattern.clone(), TYPES[self.type_at].clone());
        vec![Effect::Scan { generation: self.generation, pattern, redis_type, cursor, want }]
    }

    /// The server answers: what failed meanwhile is asked again.
    pub fn link_is_up(&mut self) -> Vec<Effect> {
        // What was loaded before is shown again; the operator scans on.
        let has_failed = self.error.take().is_some();
        if has_failed && self.loaded.cursor.is_none() { self.scan() } else { Vec::new() }
    }

    /// Takes a page.
    pub fn loaded(&mut self, generation: Generation, answer: Answer<Page>) -> Vec<Effect> {
        if generation != self.generation {
            return Vec::new();
        }
        self.waiting = false;
        match answer {
            Err(reason) => {
                (self.again, self.back_to) = (false, None);
                self.error = Some(reason);
                Vec::new()
            }
            Ok(page) => {
                self.error = None;
                if std::mem::take(&mut self.again) {
                    self.loaded.clear();
                }
                let is_first = self.loaded.cursor.is_none();
                self.loaded.add(page, &self.filter.text());
                let place = self.back_to.take().and_then(|key| self.loaded.place(&key));
                self.at.selected = place.unwrap_or(self.at.selected);
                self.at.clamp(self.loaded.shown());
                if is_first { self.read() } else { Vec::new() }
            }
        }
    }

    /// Takes one key's value.
    pub fn value_loaded(
        &mut self,
        generation: Generation,
        key: &Key,
        answer: Answer<Option<Box<KeyDetail>>>,
    ) {
        self.value.loaded(generation, key, answer);
    }

    /// Asks for the selected key's value.
    fn read(&mut self) -> Vec<Effect> {
        if let Some(key) = self.selected().map(|line| line.key.clone()) {
            return vec![self.value.ask(key)];
        }
        self.value.clear();
        Vec::new()
    }

    fn selected(&self) -> Option<&KeyLine> {
        self.loaded.row(self.at.selected)
    }

    /// Whether a group of the tree is selected.
    fn is_on_group(&self) -> bool {
        matches!(self.loaded.tree_row(self.at.selected), Some(TreeRow::Group { .. }))
    }

    fn refilter(&mut self) {
        self.loaded.filter(&self.filter.text());
        self.at.clamp(self.loaded.shown());
    }

    fn mark(&mut self, shared: &mut Shared) {
        let Some(key) = self.selected().map(|line| line.key.clone()) else { return };
        if !shared.marked.remove(&key) {
            shared.marked.insert(key);
        }
        let page = shared.regions.page(Part::Left);
        self.at.step(Verb::Down, self.loaded.shown(), page);
    }

    /// Asks which keys to look at for a schema: those that begin as the selected one does, if one says so.
    pub fn ask_what_to_infer(&self, shared: &mut Shared) {
        let lines = vec![(
            Role::Text,
            "A subject is a family of keys with one beginning. The pattern of the keys to look at:"
                .to_owned(),
        )];
        let guess = self.kin().unwrap_or_default();
        let prompt = Prompt::new("Infer a schema", lines, Asked::InferredKeys, &guess);
        shared.overlays.push(Overlay::Prompt(prompt));
    }

    /// The pattern of the keys that begin as the selected one does, up to the first `:`.
    fn kin(&self) -> Option<String> {
        let head = match self.loaded.tree_row(self.at.selected) {
            Some(TreeRow::Group { prefix, .. }) => prefix.trim_end_matches(':').to_owned(),
            _ => self.selected()?.key.to_string().split_once(':')?.0.to_owned(),
        };
        let is_plain = !head.contains(['*', '?', '[', '\\']);
        (is_plain && !head.is_empty()).then(|| format!("{head}:*"))
    }

    /// The subject of the key whose value is shown.
    fn subject(&self) -> Option<&str> {
        let version = self.value.detail()?.version.as_ref()?;
        Some(version.0.as_str())
    }

    /// Makes the shown key's subject the chosen one, and the key the sample when none is marked.
    pub fn choose_subject(&self, shared: &mut Shared) {
        let Some(name) = self.subject().map(str::to_owned) else { return };
        if shared.choice.subject.as_deref() != Some(&name) {
            let subject = shared.setting.catalog.subject(&name);
            let target = subject.and_then(|subject| subject.schemas.keys().next_back().cloned());
            shared.choice = Choice { subject: Some(name), target };
        }
        if shared.marked_here().is_empty() {
            shared.marked.extend(self.selected().map(|line| line.key.clone()));
        }
    }

    fn copy(&self, part: Part) -> Vec<Effect> {
        let value = if part == Part::Right { self.value.text() } else { None };
        let text = value.or_else(|| self.selected().map(|line| line.key.to_string()));
        text.map(Effect::Copy).into_iter().collect()
    }

    fn apply_typed(&mut self, typing: Typing) -> Vec<Effect> {
        self.typing = None;
        if typing == Typing::Filter {
            return Vec::new();
        }
        let pattern = self.typed.text();
        self.pattern = if pattern.is_empty() { "*".to_owned() } else { pattern };
        self.scan()
    }
}

/// The movement that a key asks for while one types a filter.
fn movement(code: KeyCode) -> Option<Verb> {
    Some(match code {
        KeyCode::Up => Verb::Up,
        KeyCode::Down => Verb::Down,
        KeyCode::PageUp => Verb::PageUp,
        KeyCode::PageDown => Verb::PageDown,
        _ => return None,
    })
}

impl Pane for Keys {
    fn enter(&mut self, _shared: &mut Shared) -> Vec<Effect> {
        match self.loaded.cursor {
            None if !self.waiting => self.scan(),
            None => Vec::new(),
            // A run, or new definitions, may have changed what is known of the key.
            Some(_) => self.read(),
        }
    }

    fn act(&mut self, verb: Verb, shared: &mut Shared) -> Vec<Effect> {
        let page = shared.regions.page(shared.part);
        match verb {
            Verb::Refresh => return self.scan_again(),
            Verb::EditPattern => {
                self.typed = Input::of(&self.pattern);
                self.typing = Some(Typing::Pattern);
                shared.part = Part::Left;
            }
            Verb::Filter => {
                self.typing = Some(Typing::Filter);
                shared.part = Part::Left;
            }
            Verb::NextType => {
                self.type_at = (self.type_at + 1) % TYPES.len();
                return self.scan();
            }
            Verb::ScanMore => {
                if let Some(cursor) = self.loaded.cursor {
                    return self.ask(cursor, MORE_KEYS);
                }
            }
            Verb::Mark => {
                self.mark(shared);
                return self.read();
            }
            Verb::ClearMarks => shared.marked.clear(),
            Verb::Copy => return self.copy(shared.part),
            Verb::Back if shared.part == Part::Right => shared.part = Part::Left,
            Verb::Back if !self.filter.is_empty() => {
                self.filter = Input::default();
                self.refilter();
                return self.read();
            }
            Verb::Left | Verb::Right | Verb::Open if shared.part == Part::Right => {
                if !self.value.fold(verb) && verb == Verb::Left {
                    shared.part = Part::Left;
                }
            }
            Verb::Tree => {
                self.loaded.turn_tree();
                self.at = ListState::default();
                return self.read();
            }
            Verb::Open | Verb::Right | Verb::Left if self.is_on_group() => {
                let wanted = match verb {
                    Verb::Right => Some(true),
                    Verb::Left => Some(false),
                    _ => None,
                };
                self.loaded.open_group(self.at.selected, wanted);
            }
            Verb::Open | Verb::Right => shared.part = Part::Right,
            verb if shared.part == Part::Right => {
                self.value.step(verb, page);
            }
            verb => {
                let before = self.at.selected;
                if self.at.step(verb, self.loaded.shown(), page) && self.at.selected != before {
                    return self.read();
                }
            }
        }
        Vec::new()
    }

    fn disabled(&self, verb: Verb, shared: &Shared) -> Option<String> {
        match verb {
            Verb::ScanMore if self.waiting => Some("a scan is on its way".to_owned()),
            Verb::ScanMore if self.loaded.cursor == Some(0) => {
                Some("everything is scanned; f5 scans again".to_owned())
            }
            Verb::ScanMore if self.loaded.len() >= LOADED_KEYS_MAX => {
                Some("a million keys are loaded; use a narrower pattern (/)".to_owned())
            }
            Verb::Mark if self.selected().is_none() => Some("no key is selected".to_owned()),
            Verb::ChainOfKey if self.subject().is_none() => {
                Some("this key is of no subject in the definitions".to_owned())
            }
            Verb::ClearMarks if shared.marked.is_empty() => Some("no key is marked".to_owned()),
            _ => None,
        }
    }

    fn next(&self, shared: &Shared) -> Option<Verb> {
        if self.loaded.is_empty() {
            return None;
        }
        let known = !shared.setting.catalog.subjects.is_empty() && self.subject().is_some();
        Some(if known { Verb::ChainOfKey } else { Verb::InferKeys })
    }

    fn select(&mut self, part: Part, row: usize, shared: &mut Shared) -> Vec<Effect> {
        let page = shared.regions.page(part);
        match part {
            Part::Left => {
                // A group that is selected already opens or closes.
                if self.at.selected == row {
                    self.loaded.open_group(row, None);
                }
                self.at.select(row, self.loaded.shown(), page);
                self.read()
            }
            Part::Right => {
                self.value.select(row, page);
                Vec::new()
            }
        }
    }

    fn view(&self, part: Part, shared: &Shared, canvas: &mut Canvas, area: Rect, focused: bool) {
        match part {
            Part::Left => self.view_list(shared, canvas, area, focused),
            Part::Right => self.value.view(shared, canvas, area, focused),
        }
    }

    fn left_share(&self) -> u16 {
        50
    }

    fn is_typing(&self) -> bool {
        self.typing.is_some()
    }

    fn typed(&mut self, press: Press, shared: &mut Shared) -> Vec<Effect> {
        let Some(typing) = self.typing else { return Vec::new() };
        match press.code {
            KeyCode::Enter => {
                let effects = self.apply_typed(typing);
                return if typing == Typing::Filter { self.read() } else { effects };
            }
            KeyCode::Esc => {
                self.typing = None;
                if typing == Typing::Filter {
                    self.filter = Input::default();
                    self.refilter();
                    return self.read();
                }
            }
            _ if typing == Typing::Pattern => {
                self.typed.press(press);
            }
            _ => {
                if let Some(verb) = movement(press.code) {
                    let page = shared.regions.page(Part::Left);
                    self.at.step(verb, self.loaded.shown(), page);
                    return self.read();
                }
                if self.filter.press(press) {
                    self.at = ListState::default();
                    self.refilter();
                    return self.read();
                }
            }
        }
        Vec::new()
    }

    fn pasted(&mut self, text: &str, _shared: &mut Shared) -> Vec<Effect> {
        match self.typing {
            Some(Typing::Pattern) => self.typed.paste(text),
            Some(Typing::Filter) => {
                self.filter.paste(text);
                self.at = ListState::default();
                self.refilter();
                return self.read();
            }
            None => {}
        }
        Vec::new()
    }
}
