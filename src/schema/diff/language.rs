//! The texts that a JSON Schema `pattern` accepts, as an automaton: whether one pattern accepts all that
//! another does can be decided, and where it does not, a text tells them apart.
//!
//! Patterns are those of ECMA-262 (<https://json-schema.org/draft/2020-12/json-schema-core#section-6.4>).
//! What no finite automaton knows (lookarounds, references to groups) has no language here.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::LazyLock;

use regex_automata::dfa::{Automaton, StartKind, dense};
use regex_automata::util::primitives::StateID;
use regex_automata::{Input, nfa::thompson};

/// Bytes that an automaton and its making may take; patterns of real schemas need a few thousand.
const AUTOMATON_BYTES_MAX: usize = 1 << 20;
/// Pairs of states that a comparison looks at.
const STATES_MAX: usize = 50_000;

/// The texts of one pattern.
#[derive(Debug)]
pub struct Language {
    automaton: dense::DFA<Vec<u32>>,
}

/// Every text there is.
static UNICODE: LazyLock<Option<Language>> = LazyLock::new(|| Language::of("^(?s:.)*$"));

/// What two languages, seen one against the other, come to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Beyond {
    /// Every text of the one is one of the other.
    Nothing,
    /// A shortest text of the one that is none of the other.
    Text(String),
    /// It would take too long to find out.
    Unknown,
}

/// Where a comparison stands in an automaton: `None` once the pattern has matched, for a pattern may
/// stand anywhere in a text.
type Place = Option<StateID>;

impl Language {
    /// The texts in which `pattern` matches somewhere; `None` where no automaton can tell.
    pub fn of_pattern(pattern: &str) -> Option<Self> {
        Self::of(&translated(pattern)?)
    }

    /// The texts of so many characters.
    pub fn of_lengths(least: u64, most: Option<u64>) -> Option<Self> {
        let most = most.map(|most| most.to_string()).unwrap_or_default();
        Self::of(&format!("^(?s:.){{{least},{most}}}$"))
    }

    /// These texts and no other.
    pub fn of_texts(texts: &[String]) -> Option<Self> {
        let texts: Vec<String> = texts.iter().map(|text| regex::escape(text)).collect();
        Self::of(&format!("^(?:{})$", texts.join("|")))
    }

    /// No text at all.
    pub fn nothing() -> Option<Self> {
        Self::of("[^\\x00-\\u{10FFFF}]")
    }

    fn of(expression: &str) -> Option<Self> {
        let config = dense::Config::new()
            .start_kind(StartKind::Unanchored)
            .dfa_size_limit(Some(AUTOMATON_BYTES_MAX))
            .determinize_size_limit(Some(AUTOMATON_BYTES_MAX));
        let automaton = dense::Builder::new()
            .configure(config)
            .thompson(thompson::Config::new().nfa_size_limit(Some(AUTOMATON_BYTES_MAX)))
            .build(expression)
            .ok()?;
        Some(Self { automaton })
    }

    /// What this language has beyond `other`.
    pub fn beyond(&self, other: &Self) -> Beyond {
        // Strings of JSON are Unicode: an automaton of bytes must not be told apart by other bytes.
        let Some(unicode) = UNICODE.as_ref() else { return Beyond::Unknown };
        let sides = [self, other, unicode];
        let bytes = sides.map(|side| side.automaton.byte_classes());
        let mut seen_classes = Vec::new();
        let mut alphabet: Vec<u8> = (0..=u8::MAX).collect();
        // Texts to be shown are of letters and digits where they can be.
        alphabet.sort_by_key(|byte| (!byte.is_ascii_alphanumeric(), !byte.is_ascii_graphic()));
        alphabet.retain(|byte| {
            let classes = bytes.each_ref().map(|classes| classes.get(*byte));
            let new = !seen_classes.contains(&classes);
            if new {
                seen_classes.push(classes);
            }
            new
        });
        search(sides, &alphabet)
    }

    fn start(&self) -> Option<Place> {
        let state = self.automaton.start_state_forward(&Input::new("")).ok()?;
        Some(self.place(state))
    }

    fn place(&self, state: StateID) -> Place {
        (!self.automaton.is_match_state(state)).then_some(state)
    }

    fn step(&self, place: Place, byte: u8) -> Place {
        place.and_then(|state| self.place(self.automaton.next_state(state, byte)))
    }

    fn accepts(&self, place: Place) -> bool {
        place
            .is_none_or(|state| self.automaton.is_match_state(self.automaton.next_eoi_state(state)))
    }

    fn is_lost(&self, place: Place) -> bool {
        place.is_some_and(|state| self.automaton.is_dead_state(state))
    }

    fn is_given_up(&self, place: Place) -> bool {
        place.is_some_and(|state| self.automaton.is_quit_state(state))
    }
}

/// Walks the three automatons side by side, shortest texts first, for one that the first and the third
/// accept and the second does not.
fn search(sides: [&Language; 3], alphabet: &[u8]) -> Beyond {
    let [inner, outer, unicode] = sides;
    let starts = sides.map(Language::start);
    let [Some(a), Some(b), Some(u)] = starts else { return Beyond::Unknown };
    let start = [a, b, u];
    let mut came_from = HashMap::from([(start, None)]);
    let mut queue = std::collections::VecDeque::from([start]);
    while let Some(at @ [a, b, u]) = queue.pop_front() {
        if inner.accepts(a) && unicode.accepts(u) && !outer.accepts(b) {
            return text_to(at, &came_from).map_or(Beyond::Unknown, Beyond::Text);
        }
        for byte in alphabet {
            let next = [inner.step(a, *byte), outer.step(b, *byte), unicode.step(u, *byte)];
            if sides.iter().zip(next).any(|(side, place)| side.is_given_up(place)) {
                return Beyond::Unknown;
            }
            // From here on the first never matches, or the second has matched, or this is no Unicode.
            if inner.is_lost(next[0]) || next[1].is_none() || unicode.is_lost(next[2]) {
                continue;
            }
            if let Entry::Vacant(place) = came_from.entry(next) {
                place.insert(Some((at, *byte)));
                queue.push_back(next);
            }
        }
        if came_from.len() > STATES_MAX {
            return Beyond::Unknown;
        }
    }
    Beyond::Nothing
}

fn text_to(
    end: [Place; 3],
    came_from: &HashMap<[Place; 3], Option<([Place; 3], u8)>>,
) -> Option<String> {
    let mut bytes = Vec::new();
    let mut at = end;
    while let Some(Some((before, byte))) = came_from.get(&at) {
        bytes.push(*byte);
        at = *before;
    }
    bytes.reverse();
    String::from_utf8(bytes).ok()
}

/// A pattern of ECMA-262 in the words of the regex crate; `None` where it says what that does not know,
/// or reads otherwise.
fn translated(pattern: &str) -> Option<String> {
    const SPACE: &str =
        r"\t\n\x0B\x0C\r \u00A0\u1680\u2000-\u200A\u2028\u2029\u202F\u205F\u3000\uFEFF";
    let mut out = String::with_capacity(pattern.len() + 16);
    let mut in_class = false;
    let mut letters = pattern.chars().peekable();
    while let Some(letter) = letters.next() {
        match letter {
            '\\' => match letters.next()? {
                'd' => out.push_str("[0-9]"),
                'D' => out.push_str("[^0-9]"),
                'w' => out.push_str("[A-Za-z0-9_]"),
                'W' => out.push_str("[^A-Za-z0-9_]"),
                's' => out.extend(["[", SPACE, "]"]),
                'S' => out.extend(["[^", SPACE, "]"]),
                escape @ ('n' | 'r' | 't' | 'f' | 'v' | 'x' | 'u') => out.extend(['\\', escape]),
                letter if letter.is_ascii_punctuation() => out.extend(['\\', letter]),
                // Borders of words, references, properties, control letters.
                _ => return None,
            },
            '[' if in_class => out.push_str("\\["),
            ']' if in_class => {
                in_class = false;
                out.push(']');
            }
            '&' | '~' if in_class => out.extend(['\\', letter]),
            '-' if in_class && letters.peek() == Some(&'-') => return None,
            '[' => {
                in_class = true;
                out.push('[');
                out.extend(letters.next_if_eq(&'^'));
                // The empty class and its opposite, which the regex crate reads as a class with `]` in it.
                if letters.peek() == Some(&']') {
                    return None;
                }
            }
            '.' if !in_class => out.push_str(r"[^\n\r\u2028\u2029]"),
            '(' if !in_class => {
                out.push('(');
                if letters.next_if_eq(&'?').is_some() {
                    match letters.next()? {
                        ':' => out.push_str("?:"),
                        _ => return None,
                    }
                }
            }
            '{' if !in_class && !letters.peek().is_some_and(char::is_ascii_digit) => return None,
            letter => out.push(letter),
        }
    }
    (!in_class).then_some(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn beyond(inner: &str, outer: &str) -> Beyond {
        let language = |pattern| Language::of_pattern(pattern).expect("a regular pattern");
        language(inner).beyond(&language(outer))
    }

    #[test]
    fn what_a_pattern_has_beyond_another_is_found() {
        let text = |text: &str| Beyond::Text(text.to_owned());
        for (inner, outer, expected) in [
            ("^[a-z]+$", "^[a-zA-Z]+$", Beyond::Nothing),
            ("^[a-zA-Z]+$", "^[a-z]+$", text("A")),
            ("^ab?$", "^(a|ab)$", Beyond::Nothing),
            (r"^\d{5}$", r"^\d{5}(-\d{4})?$", Beyond::Nothing),
            (r"^\d{5}(-\d{4})?$", r"^\d{5}$", text("00000-0000")),
            ("abc", "b", Beyond::Nothing),
            ("b", "abc", text("b")),
            ("^a", "", Beyond::Nothing),
            ("^.$", "^[^x]$", text("x")),
            ("^[^a-z]$", "^.$", text("\n")),
            ("é", "^.*é", text("\né")),
            ("^$", "^a*$", Beyond::Nothing),
        ] {
            assert_eq!(beyond(inner, outer), expected, "{inner} beyond {outer}");
        }
    }

    #[test]
    fn lengths_are_languages_too() {
        let two = Language::of_pattern("^[a-zä]{2}$").expect("a regular pattern");
        let lengths = |least, most| Language::of_lengths(least, most).expect("a regular pattern");
        assert_eq!(two.beyond(&lengths(2, Some(2))), Beyond::Nothing, "characters, not bytes");
        assert_eq!(two.beyond(&lengths(0, Some(1))), Beyond::Text("aa".to_owned()));
    }

    #[test]
    fn what_is_not_regular_has_no_language() {
        for pattern in [r"(a)\1", "(?=a)b", r"\bword", "a{,3}", "[]", "[a"] {
            assert!(Language::of_pattern(pattern).is_none(), "{pattern}");
        }
    }

    /// The translation, against the validator that reads patterns in earnest.
    #[test]
    fn a_language_is_what_the_validator_accepts() {
        let texts = ["", "a", "_", "-", "7", "[", "&", "é", " ", "\u{a0}", "\n", "\r", "a-b", "{"];
        for pattern in
            [r"^\w$", r"^\W$", r"^\s$", r"^\S$", r"^[\w-]+$", r"^[[&]$", r"^.$", r"^\D$", r"\{"]
        {
            let schema = serde_json::json!({ "pattern": pattern });
            let validator = crate::schema::validator::Validator::new(
                &schema,
                crate::schema::reading::Reading::default(),
            )
            .expect("valid");
            let language = Language::of_pattern(pattern).expect("a regular pattern");
            for text in texts {
                let only = Language::of_texts(&[text.to_owned()]).expect("plain text");
                let accepted = only.beyond(&language) == Beyond::Nothing;
                assert_eq!(accepted, validator.is_valid(&text.into()), "{pattern} on {text:?}");
            }
        }
    }
}
