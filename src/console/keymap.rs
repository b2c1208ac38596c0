//! Which key asks for which verb, in which scope; built from the command table and checked.

use std::collections::BTreeMap;
use std::fmt;

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};

use crate::console::command::{COMMANDS, Command, Scope, Verb};
use crate::schema::mistake::nearest;

/// A key as it is looked up: Shift is folded into the character it gives.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Press {
    /// The key.
    pub code: KeyCode,
    /// Ctrl and Alt; Shift only with keys that are no characters.
    pub modifiers: KeyModifiers,
}

impl Press {
    /// A key without modifiers.
    pub fn plain(code: KeyCode) -> Self {
        Self { code, modifiers: KeyModifiers::NONE }
    }

    /// Reads `q`, `G`, `ctrl-p`, `f5`, `pgup`, `space`, ...
    pub fn parse(text: &str) -> Option<Self> {
        let (modifiers, name) = match text.split_once('-') {
            Some(("ctrl", name)) if !name.is_empty() => (KeyModifiers::CONTROL, name),
            Some(("alt", name)) if !name.is_empty() => (KeyModifiers::ALT, name),
            _ => (KeyModifiers::NONE, text),
        };
        let mut characters = name.chars();
        let code = match (characters.next(), characters.next()) {
            (Some(only), None) => KeyCode::Char(only),
            _ => NAMED.iter().find(|(known, _)| *known == name).map(|(_, code)| *code).or_else(
                || Some(KeyCode::F(name.strip_prefix('f')?.parse().ok().filter(|n| *n <= 12)?)),
            )?,
        };
        Some(Self { code, modifiers })
    }

    /// The character this key types, if it types one.
    pub fn character(self) -> Option<char> {
        match self.code {
            KeyCode::Char(character) if self.modifiers.is_empty() => Some(character),
            _ => None,
        }
    }
}

/// Keys by name, in the words that footers and help show.
const NAMED: [(&str, KeyCode); 16] = [
    ("enter", KeyCode::Enter),
    ("esc", KeyCode::Esc),
    ("tab", KeyCode::Tab),
    ("backtab", KeyCode::BackTab),
    ("space", KeyCode::Char(' ')),
    ("up", KeyCode::Up),
    ("down", KeyCode::Down),
    ("left", KeyCode::Left),
    ("right", KeyCode::Right),
    ("pgup", KeyCode::PageUp),
    ("pgdn", KeyCode::PageDown),
    ("home", KeyCode::Home),
    ("end", KeyCode::End),
    ("del", KeyCode::Delete),
    ("ins", KeyCode::Insert),
    ("backspace", KeyCode::Backspace),
];

impl From<KeyEvent> for Press {
    fn from(event: KeyEvent) -> Self {
        let mut modifiers = event.modifiers & (KeyModifiers::CONTROL | KeyModifiers::ALT);
        if !matches!(event.code, KeyCode::Char(_) | KeyCode::BackTab) {
            modifiers |= event.modifiers & KeyModifiers::SHIFT;
        }
        Self { code: event.code, modifiers }
    }
}

impl fmt::Display for Press {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.modifiers.contains(KeyModifiers::CONTROL) {
            f.write_str("ctrl-")?;
        }
        if self.modifiers.contains(KeyModifiers::ALT) {
            f.write_str("alt-")?;
        }
        match (self.code, NAMED.iter().find(|(_, code)| *code == self.code)) {
            (KeyCode::Up, _) => f.write_str("↑"),
            (KeyCode::Down, _) => f.write_str("↓"),
            (KeyCode::Left, _) => f.write_str("←"),
            (KeyCode::Right, _) => f.write_str("→"),
            (_, Some((name, _))) => f.write_str(name),
            (KeyCode::Char(character), _) => write!(f, "{character}"),
            (KeyCode::F(number), _) => write!(f, "f{number}"),
            (other, _) => write!(f, "{other:?}"),
        }
    }
}

/// Why the keys cannot be used.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum KeymapError {
    /// Two verbs ask for one key where both are live.
    #[error(
        "key '{key}' is bound twice where both are live: to '{first}' ({first_scope}) and to '{second}' ({second_scope}); give one of them another key"
    )]
    Duplicate {
        /// The key.
        key: String,
        /// The verb that had it.
        first: &'static str,
        /// Its scope.
        first_scope: &'static str,
        /// The verb that wanted it too.
        second: &'static str,
        /// Its scope.
        second_scope: &'static str,
    },
    /// The configuration names a verb that there is none of.
    #[error("[keys] in the configuration: there is no verb '{name}'{hint}; verbs are {known}")]
    NoVerb {
        /// The name as written.
        name: String,
        /// The nearest one.
        hint: String,
        /// All of them.
        known: String,
    },
    /// The configuration gives a verb what is no key.
    #[error("[keys] in the configuration: '{name}' takes a key or a list of keys, as \"ctrl-p\"")]
    NoKeys {
        /// The verb.
        name: String,
    },
    /// A key's name is not known.
    #[error(
        "'{key}' is no key's name (in '{verb}'); write it like q, G, ctrl-p, f5, pgup, space or enter"
    )]
    Unknown {
        /// The name as written.
        key: String,
        /// The verb it stands at.
        verb: &'static str,
    },
}

/// A verb's name in the configuration: `scan_more`.
pub fn verb_name(verb: Verb) -> String {
    let mut name = String::new();
    for (at, character) in format!("{verb:?}").char_indices() {
        if character.is_uppercase() && at > 0 {
            name.push('_');
        }
        name.extend(character.to_lowercase());
    }
    name
}

/// The keys of every scope.
#[derive(Clone, Debug)]
pub struct Keymap {
    keys: Vec<(Scope, Press, Verb)>,
    of_verb: BTreeMap<Verb, Vec<Press>>,
}

impl Keymap {
    /// The keymap of the command table.
    pub fn standard() -> Result<Self, KeymapError> {
        Self::build(COMMANDS)
    }

    /// The keymap of the command table with the operator's own keys: verb to key or keys, which take
    /// the place of those the verb has.
    pub fn with(own: &toml::Table) -> Result<Self, KeymapError> {
        let mut keys: BTreeMap<Verb, Vec<String>> = BTreeMap::new();
        for (name, value) in own {
            let found = COMMANDS.iter().find(|command| verb_name(command.verb) == *name);
            let Some(command) = found else {
                let names: Vec<String> = COMMANDS.iter().map(|c| verb_name(c.verb)).collect();
                let near = nearest(name, names.iter().map(String::as_str));
                return Err(KeymapError::NoVerb {
                    name: name.clone(),
                    hint: near.map(|near| format!(", did you mean '{near}'?")).unwrap_or_default(),
                    known: names.join(", "),
                });
            };
            let texts: Option<Vec<String>> = match value {
                toml::Value::String(key) => Some(vec![key.clone()]),
                toml::Value::Array(keys) => {
                    keys.iter().map(|key| key.as_str().map(str::to_owned)).collect()
                }
                _ => None,
            };
            let texts = texts.ok_or_else(|| KeymapError::NoKeys { name: name.clone() })?;
            keys.insert(command.verb, texts);
        }
        Self::build_with(COMMANDS, &keys)
    }

    /// The keymap of `commands`. A pane's scope stands above `Everywhere`, and both are live at once,
    /// so a key may not stand in both either.
    pub fn build(commands: &[Command]) -> Result<Self, KeymapError> {
        Self::build_with(commands, &BTreeMap::new())
    }

    fn build_with(
        commands: &[Command],
        own: &BTreeMap<Verb, Vec<String>>,
    ) -> Result<Self, KeymapError> {
        let mut keys: Vec<(Scope, Press, Verb)> = Vec::new();
        let mut of_verb: BTreeMap<Verb, Vec<Press>> = BTreeMap::new();
        for command in commands {
            let standard = || command.keys.iter().map(|key| (*key).to_owned()).collect();
            let names = own.get(&command.verb).cloned().unwrap_or_else(standard);
            for name in names {
                let press = Press::parse(&name).ok_or_else(|| KeymapError::Unknown {
                    key: name.clone(),
                    verb: command.hint,
                })?;
                let rival = keys
                    .iter()
                    .find(|(scope, taken, _)| *taken == press && scope.meets(command.scope));
                if let Some((scope, _, verb)) = rival {
                    let rival = commands.iter().find(|c| c.verb == *verb);
                    return Err(KeymapError::Duplicate {
                        key: press.to_string(),
                        first: rival.map_or("", |c| c.hint),
                        first_scope: scope.name(),
                        second: command.hint,
                        second_scope: command.scope.name(),
                    });
                }
                keys.push((command.scope, press, command.verb));
                of_verb.entry(command.verb).or_default().push(press);
            }
        }
        Ok(Self { keys, of_verb })
    }

    /// The verb that `press` asks for while `scope` has the focus.
    pub fn verb(&self, scope: Scope, press: Press) -> Option<Verb> {
        self.keys
            .iter()
            .find(|(live, known, _)| *known == press && live.meets(scope))
            .map(|(_, _, verb)| *verb)
    }

    /// The first key of a verb, as footers show it; empty when it has none.
    pub fn first_key(&self, verb: Verb) -> String {
        self.of_verb.get(&verb).and_then(|all| all.first()).map_or(String::new(), Press::to_string)
    }

    /// A pane's name with the key that goes there: `History (5)`.
    pub fn pane(&self, scope: Scope) -> String {
        let verb = match scope {
            Scope::Everywhere => return scope.name().to_owned(),
            Scope::Keys => Verb::GoKeys,
            Scope::Schemas => Verb::GoSchemas,
            Scope::Chain => Verb::GoChain,
            Scope::Run => Verb::GoRun,
            Scope::History => Verb::GoHistory,
        };
        format!("{} ({})", scope.name(), self.first_key(verb))
    }

    /// All keys of a verb, as help shows them.
    pub fn all_keys(&self, verb: Verb) -> String {
        let keys = self.of_verb.get(&verb).map_or(&[][..], Vec::as_slice);
        keys.iter().map(Press::to_string).collect::<Vec<_>>().join(" ")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::console::command::Danger;

    #[test]
    fn the_table_has_no_key_twice() {
        Keymap::standard().unwrap();
    }

    #[test]
    fn a_key_bound_twice_names_both_verbs() {
        let row = |verb, scope, hint| Command {
            verb,
            scope,
            keys: &["x"],
            hint,
            help: "",
            danger: Danger::None,
            footer: false,
        };
        let rows =
            [row(Verb::Quit, Scope::Everywhere, "quit"), row(Verb::Execute, Scope::Run, "execute")];
        let error = Keymap::build(&rows).unwrap_err().to_string();
        assert!(error.contains("'quit'") && error.contains("'execute'"), "{error}");
        let apart =
            [row(Verb::ScanMore, Scope::Keys, "more"), row(Verb::Execute, Scope::Run, "execute")];
        Keymap::build(&apart).unwrap();
    }

    #[test]
    fn the_operators_own_keys_take_the_place_of_the_verbs() {
        let keymap = |text: &str| Keymap::with(&toml::from_str(text).unwrap());
        let own = keymap("scan_more = \"M\"\nquit = [\"Q\", \"ctrl-q\"]").unwrap();
        let press = |key: &str| Press::parse(key).unwrap();
        assert_eq!(own.verb(Scope::Keys, press("M")), Some(Verb::ScanMore));
        assert_eq!(own.verb(Scope::Keys, press("m")), None);
        assert_eq!(own.all_keys(Verb::Quit), "Q ctrl-q");
        let error = |text: &str| keymap(text).unwrap_err().to_string();
        assert!(error("scan_mor = \"M\"").contains("did you mean 'scan_more'?"));
        assert!(error("scan_more = \"f\"").contains("bound twice"));
        assert!(error("scan_more = 7").contains("takes a key"));
        assert!(error("scan_more = \"hyper-x\"").contains("no key's name"));
    }

    #[test]
    fn names_read_back() {
        for name in ["q", "G", "ctrl-p", "f5", "pgup", "space", "enter", "-", "?"] {
            assert_eq!(Press::parse(name).unwrap().to_string(), name);
        }
        assert_eq!(Press::parse("hyper-q"), None);
    }
}
