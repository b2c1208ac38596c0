//! The terminal's input: keys, mouse, pastes, sizes, and what the terminal answers about itself.
//!
//! Terminals answer the question for their background (OSC 11) on the same line on which keys come,
//! whenever they like; so nobody waits for the answer, and it is picked out here. Only an answer that was
//! asked for shortly before is taken out, and only whole: what begins like one and goes on otherwise was typed.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::io;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use crossterm::event::{Event, EventStream, KeyCode, KeyEvent, KeyModifiers};
use futures::Stream;

/// What an answer begins with, after ESC ].
const ANSWERS: [&str; 2] = ["11;rgb:", "11;rgba:"];
/// The longest answer: `11;rgba:ffff/ffff/ffff/ffff`, with room.
const ANSWER_CHARACTERS_MAX: usize = 40;
/// After this time nobody answers any more, over the slowest line.
const ANSWER_WITHIN: Duration = Duration::from_secs(3);

/// The input. Clones are the same.
#[derive(Clone)]
pub struct Keyboard {
    /// `None` while somebody else reads the terminal.
    events: Rc<RefCell<Option<EventStream>>>,
    answer: Rc<RefCell<Answer>>,
    is_light: Rc<Cell<Option<bool>>>,
}

impl Keyboard {
    /// The input of the terminal, which has to be in raw mode.
    #[expect(clippy::new_without_default, reason = "it takes the terminal's input")]
    pub fn new() -> Self {
        let events = Rc::new(RefCell::new(Some(EventStream::new())));
        Self { events, answer: Rc::default(), is_light: Rc::default() }
    }

    /// Stops reading.
    pub fn rest(&self) {
        self.events.replace(None);
    }

    /// Reads again.
    pub fn wake(&self) {
        self.events.replace(Some(EventStream::new()));
    }

    /// The terminal was asked for its background: an answer may come from now on.
    pub fn expect_background(&self) {
        self.answer.borrow_mut().until = Some(Instant::now() + ANSWER_WITHIN);
    }

    /// Whether the terminal's background is light, once, after it told.
    pub fn take_background(&self) -> Option<bool> {
        self.is_light.take()
    }
}

impl Stream for Keyboard {
    type Item = io::Result<Event>;

    fn poll_next(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        loop {
            let mut answer = self.answer.borrow_mut();
            if let Some(event) = answer.typed.pop_front() {
                return Poll::Ready(Some(Ok(event)));
            }
            let mut events = self.events.borrow_mut();
            let Some(events) = events.as_mut() else { return Poll::Pending };
            match Pin::new(events).poll_next(context) {
                Poll::Ready(Some(Ok(event))) => {
                    if let Some(is_light) = answer.sift(event, Instant::now()) {
                        self.is_light.set(Some(is_light));
                    }
                }
                other => return other,
            }
        }
    }
}

/// Tells what the terminal answers from what is typed.
#[derive(Default)]
struct Answer {
    /// Until when an answer may begin; `None` when none is expected.
    until: Option<Instant>,
    text: String,
    /// What may be an answer so far.
    held: VecDeque<Event>,
    /// What was typed, to be handed on.
    typed: VecDeque<Event>,
}

impl Answer {
    /// Takes an event in. Returns whether the background is light, when that was the end of the answer.
    fn sift(&mut self, event: Event, now: Instant) -> Option<bool> {
        let Event::Key(KeyEvent { code: KeyCode::Char(character), modifiers, .. }) = event else {
            // Whatever it is, it did not come out of an answer's middle as a key.
            if matches!(event, Event::Key(_)) {
                self.give_back();
            }
            self.typed.push_back(event);
            return None;
        };
        let alt = modifiers.contains(KeyModifiers::ALT);
        let control = modifiers.contains(KeyModifiers::CONTROL);
        if self.held.is_empty() {
            let begins = alt && character == ']' && self.until.is_some_and(|until| now < until);
            if begins { &mut self.held } else { &mut self.typed }.push_back(event);
            return None;
        }
        // It ends with BEL or ESC \.
        let ends = (control && character == 'g') || (alt && character == '\\');
        if let Some(is_light) = is_light(&self.text).filter(|_| ends) {
            *self = Self { typed: std::mem::take(&mut self.typed), ..Self::default() };
            return Some(is_light);
        }
        self.text.push(character);
        self.held.push_back(event);
        if control || alt || !may_be_answer(&self.text) {
            self.give_back();
        }
        None
    }

    /// What looked like an answer was typed.
    fn give_back(&mut self) {
        self.text.clear();
        self.typed.append(&mut self.held);
    }
}

/// Whether an answer can begin with `text`.
fn may_be_answer(text: &str) -> bool {
    let is_colour = |rest: &str| rest.chars().all(|c| c.is_ascii_hexdigit() || c == '/');
    let goes_on =
        |answer: &str| answer.starts_with(text) || text.strip_prefix(answer).is_some_and(is_colour);
    text.len() <= ANSWER_CHARACTERS_MAX && ANSWERS.into_iter().any(goes_on)
}

/// Whether the colour of an answer `11;rgb:RRRR/GGGG/BBBB` is light.
fn is_light(answer: &str) -> Option<bool> {
    let colour = ANSWERS.iter().find_map(|begin| answer.strip_prefix(begin))?;
    let mut parts = colour.split('/').map(|part| {
        let largest = 16_f64.powi(i32::try_from(part.len()).ok()?) - 1.0;
        let value = u32::from_str_radix(part, 16).ok().filter(|_| (1..=4).contains(&part.len()))?;
        Some(f64::from(value) / largest)
    });
    let mut next = || parts.next().flatten();
    let (red, green, blue) = (next()?, next()?, next()?);
    // How bright a colour is to the eye (ITU-R BT.709).
    Some(0.2126 * red + 0.7152 * green + 0.0722 * blue > 0.5)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn backgrounds_are_told_apart() {
        assert_eq!(is_light("11;rgb:ffff/ffff/ffff"), Some(true));
        assert_eq!(is_light("11;rgb:1e1e/1e1e/2e2e"), Some(false));
        assert_eq!(is_light("11;rgb:fd/f6/e3"), Some(true));
        assert_eq!(is_light("11;rgb:zz/00/00"), None);
        assert_eq!(is_light("4;1;rgb:00/00/00"), None);
    }

    fn keys(text: &str) -> Vec<Event> {
        let alt = |c| Event::Key(KeyEvent::new(KeyCode::Char(c), KeyModifiers::ALT));
        let plain = |c| Event::Key(KeyEvent::new(KeyCode::Char(c), KeyModifiers::NONE));
        let bell = Event::Key(KeyEvent::new(KeyCode::Char('g'), KeyModifiers::CONTROL));
        text.chars()
            .map(|character| match character {
                '⎋' => alt(']'),
                '⏎' => alt('\\'),
                '␇' => bell.clone(),
                character => plain(character),
            })
            .collect()
    }

    /// What is handed on of `text`, and what the terminal told.
    fn sifted(text: &str, until: Option<Duration>) -> (Vec<Event>, Option<bool>) {
        let now = Instant::now();
        let mut answer = Answer { until: until.map(|time| now + time), ..Answer::default() };
        let mut told = None;
        for event in keys(text) {
            told = answer.sift(event, now).or(told);
        }
        (answer.typed.into(), told)
    }

    #[test]
    fn an_answer_is_picked_out_of_what_is_typed() {
        let soon = Some(ANSWER_WITHIN);
        assert_eq!(sifted("j⎋11;rgb:ffff/ffff/ffff␇k", soon), (keys("jk"), Some(true)));
        assert_eq!(sifted("⎋11;rgba:0000/0000/0000/ffff⏎q", soon), (keys("q"), Some(false)));
    }

    #[test]
    fn no_key_is_eaten() {
        let soon = Some(ANSWER_WITHIN);
        for typed in ["⎋jq", "⎋11jkl", "⎋11;rgb:ff␇q", "⎋⎋x", "⎋11;rgb:12/zz"] {
            assert_eq!(sifted(typed, soon), (keys(typed), None), "{typed}");
        }
        // Nobody asked, or it was long ago; and an answer comes once.
        let answer = "⎋11;rgb:00/00/00␇";
        assert_eq!(sifted(answer, None), (keys(answer), None));
        assert_eq!(sifted(answer, Some(Duration::ZERO)), (keys(answer), None));
        let twice = format!("{answer}{answer}");
        assert_eq!(sifted(&twice, soon), (keys(answer), Some(false)));
    }
}
