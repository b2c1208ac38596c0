//! The terminal's input: keys, mouse, pastes, sizes, and what the terminal answers about itself.
//!
//! Terminals answer the question for their background (OSC 11) on the same line on which keys come,
//! whenever they like; so nobody waits for the answer, and it is picked out here.

use std::cell::{Cell, RefCell};
use std::io;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};

use crossterm::event::{Event, EventStream, KeyCode, KeyEvent, KeyModifiers};
use futures::Stream;

/// The longest answer that is picked out: `11;rgb:ffff/ffff/ffff`, with room.
const ANSWER_CHARACTERS_MAX: usize = 64;

/// The input. Clones are the same.
#[derive(Clone)]
pub struct Keyboard {
    /// `None` while somebody else reads the terminal.
    events: Rc<RefCell<Option<EventStream>>>,
    answer: Rc<RefCell<Option<String>>>,
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

    /// Whether the terminal's background is light, once, after it told.
    pub fn take_background(&self) -> Option<bool> {
        self.is_light.take()
    }

    /// Takes an event out of the line when it belongs to an answer of the terminal.
    fn is_answer(&self, event: &Event) -> bool {
        let Event::Key(KeyEvent { code: KeyCode::Char(character), modifiers, .. }) = event else {
            return false;
        };
        let mut answer = self.answer.borrow_mut();
        let alt = modifiers.contains(KeyModifiers::ALT);
        let control = modifiers.contains(KeyModifiers::CONTROL);
        match answer.as_mut() {
            None if alt && *character == ']' => *answer = Some(String::new()),
            None => return false,
            // It ends with BEL or ESC \.
            Some(text) if (control && *character == 'g') || (alt && *character == '\\') => {
                self.is_light.set(is_light(text));
                *answer = None;
            }
            Some(text) if text.len() < ANSWER_CHARACTERS_MAX => text.push(*character),
            Some(_) => *answer = None,
        }
        true
    }
}

impl Stream for Keyboard {
    type Item = io::Result<Event>;

    fn poll_next(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        loop {
            let mut events = self.events.borrow_mut();
            let Some(events) = events.as_mut() else { return Poll::Pending };
            match Pin::new(events).poll_next(context) {
                Poll::Ready(Some(Ok(event))) if self.is_answer(&event) => {}
                other => return other,
            }
        }
    }
}

/// Whether the colour of an answer `11;rgb:RRRR/GGGG/BBBB` is light.
fn is_light(answer: &str) -> Option<bool> {
    let colour = answer.strip_prefix("11;")?.strip_prefix("rgb:")?;
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
}
