//! Colours by meaning: a view asks for a role, a theme file says how the role looks.

use std::path::{Path, PathBuf};

use ratatui::style::{Color, Modifier, Style};
use serde::Deserialize;

use crate::schema::mistake::nearest;

/// What a piece of text means. Theme files name these in snake case.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(rename_all = "snake_case")]
#[allow(missing_docs)] // The names are the documentation; `themes/dark.toml` shows each.
pub enum Role {
    Text,
    Dim,
    Faint,
    Title,
    Accent,
    Border,
    BorderFocused,
    Selected,
    SelectedIdle,
    Tab,
    TabActive,
    HintKey,
    HintText,
    Good,
    Warn,
    Bad,
    Added,
    Removed,
    Changed,
    AddedWord,
    RemovedWord,
    JsonName,
    JsonString,
    JsonNumber,
    JsonLiteral,
    JsonMark,
    Gauge,
    GaugeRest,
    Chart,
    ChartGap,
    Badge,
    BadgeWarn,
    BadgeBad,
}

/// How many roles there are.
const ROLES: usize = Role::BadgeBad as usize + 1;

/// One role in a theme file.
#[derive(Clone, Copy, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
#[allow(clippy::struct_excessive_bools)] // One switch per modifier is what a theme's author writes.
struct Look {
    fg: Option<Color>,
    bg: Option<Color>,
    bold: bool,
    dim: bool,
    italic: bool,
    underlined: bool,
    reversed: bool,
}

impl Look {
    fn style(self) -> Style {
        let modifiers = [
            (self.bold, Modifier::BOLD),
            (self.dim, Modifier::DIM),
            (self.italic, Modifier::ITALIC),
            (self.underlined, Modifier::UNDERLINED),
            (self.reversed, Modifier::REVERSED),
        ];
        let mut style = Style { fg: self.fg, bg: self.bg, ..Style::default() };
        for (on, modifier) in modifiers {
            if on {
                style = style.add_modifier(modifier);
            }
        }
        style
    }
}

/// Why a theme cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ThemeError {
    /// No built-in theme and no file of that name.
    #[error(
        "there is no theme '{name}': known are {known}, and files named '{name}.toml' in {folder}"
    )]
    Unknown {
        /// The name asked for.
        name: String,
        /// The built-in names.
        known: String,
        /// Where user themes are looked for.
        folder: String,
    },
    /// The file is no theme.
    #[error("theme {place}, line {line}: {reason}")]
    Misformed {
        /// The file's path, or the built-in name.
        place: String,
        /// Where, from 1.
        line: usize,
        /// What is wrong, and what is expected.
        reason: String,
    },
}

/// The built-in themes in the order in which the console goes through them.
pub const BUILT_IN: [(&str, &str); 4] = [
    ("dark", include_str!("../../themes/dark.toml")),
    ("light", include_str!("../../themes/light.toml")),
    ("high-contrast", include_str!("../../themes/high-contrast.toml")),
    ("mono", include_str!("../../themes/mono.toml")),
];

/// How each role looks.
#[derive(Clone, Debug)]
pub struct Theme {
    /// The name it was loaded by.
    pub name: String,
    /// Where the user's own themes lie.
    folder: Option<PathBuf>,
    styles: [Style; ROLES],
}

impl Theme {
    /// The theme that fits what the user and the terminal say: `NO_COLOR` (set and not empty) gives
    /// `mono`, else the name asked for, else `light` on a light background (as `COLORFGBG` tells it),
    /// else `dark`. The user's own themes are looked for in `folder`.
    pub fn choose(asked: Option<&str>, folder: Option<&Path>) -> Result<Self, ThemeError> {
        let set = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
        if set("NO_COLOR").is_some() {
            return Self::named("mono", folder);
        }
        if let Some(name) = asked {
            return Self::named(name, folder);
        }
        let light = set("COLORFGBG")
            .and_then(|value| value.rsplit(';').next().and_then(|bg| bg.parse::<u8>().ok()))
            .is_some_and(|background| background == 7 || background == 15);
        Self::named(if light { "light" } else { "dark" }, folder)
    }

    /// A theme by name: the user's file wins over the built-in one.
    pub fn named(name: &str, folder: Option<&Path>) -> Result<Self, ThemeError> {
        let path = folder.map(|folder| folder.join(format!("{name}.toml")));
        let text = path.as_ref().and_then(|path| std::fs::read_to_string(path).ok());
        let theme = match (path, text) {
            (Some(path), Some(text)) => Self::parse(name, &path.display().to_string(), &text)?,
            _ => Self::built_in(name).ok_or_else(|| ThemeError::Unknown {
                name: name.to_owned(),
                known: BUILT_IN.map(|(name, _)| name).join(", "),
                folder: folder.unwrap_or(Path::new("(no folder)")).display().to_string(),
            })?,
        };
        Ok(Self { folder: folder.map(Path::to_owned), ..theme })
    }

    /// A built-in theme.
    pub fn built_in(name: &str) -> Option<Self> {
        let (_, text) = BUILT_IN.iter().find(|(known, _)| *known == name)?;
        Some(Self::parse(name, name, text).expect("the built-in themes are tested"))
    }

    /// The theme for a background of this kind: `dark` and `light` stand for each other, another one was
    /// chosen and stays.
    #[must_use]
    pub fn fitting(&self, is_light: bool) -> Self {
        let name = if is_light { "light" } else { "dark" };
        if matches!(self.name.as_str(), "dark" | "light") {
            return Self::named(name, self.folder.as_deref()).unwrap_or_else(|_| self.clone());
        }
        self.clone()
    }

    /// The theme after this one; the user's file of its name wins, as at the start.
    #[must_use]
    pub fn next(&self) -> Self {
        let at = BUILT_IN.iter().position(|(name, _)| *name == self.name).unwrap_or(0);
        let (name, _) = BUILT_IN[(at + 1) % BUILT_IN.len()];
        // A file that became wrong meanwhile is no reason to stop.
        Self::named(name, self.folder.as_deref())
            .ok()
            .or_else(|| Self::built_in(name))
            .expect("the name is from the list of built-in themes")
    }

    /// The style of a role.
    pub fn style(&self, role: Role) -> Style {
        self.styles[role as usize]
    }

    /// Reads a theme file: an optional `base`, whose looks stand for the roles that are left out, and the
    /// roles.
    fn parse(name: &str, place: &str, text: &str) -> Result<Self, ThemeError> {
        let wrong = |line: usize, reason: String| {
            let place = place.to_owned();
            Err(ThemeError::Misformed { place, line, reason })
        };
        let mut file: toml::Table = match toml::from_str(text) {
            Ok(file) => file,
            Err(error) => {
                let at = error.span().map_or(0, |span| span.start.min(text.len()));
                return wrong(text[..at].matches('\n').count() + 1, error.message().to_owned());
            }
        };
        // A user's file rests on `base`, or on `dark`: never on itself.
        let base = file.remove("base").unwrap_or_else(|| "dark".into());
        let mut styles = match base.as_str() {
            Some(base) if base == name || place == name => [Style::default(); ROLES],
            base => {
                let Some(base) = base.and_then(Self::built_in) else {
                    let known = BUILT_IN.map(|(name, _)| name).join(", ");
                    return wrong(line_of("base", text), format!("base has to be one of {known}"));
                };
                base.styles
            }
        };
        for (role, look) in file {
            let Ok(known) = toml::Value::String(role.clone()).try_into::<Role>() else {
                let roles: toml::Table = toml::from_str(BUILT_IN[0].1).unwrap_or_default();
                let hint = nearest(&role, roles.keys().map(String::as_str))
                    .map(|near| format!(", did you mean '{near}'?"))
                    .unwrap_or_default();
                let names: Vec<&str> = roles.keys().map(String::as_str).collect();
                let names = names.join(", ");
                let reason = format!("there is no role '{role}'{hint}\n  roles are {names}");
                return wrong(line_of(&role, text), reason);
            };
            match look.try_into::<Look>() {
                Ok(look) => styles[known as usize] = look.style(),
                Err(error) => {
                    let said = error.message();
                    let reason = format!(
                        "{role}: {said}\n  a look is {{ fg = \"red\", bg = \"#303841\", bold = true }}, \
                         with dim, italic, underlined, reversed as well"
                    );
                    return wrong(line_of(&role, text), reason);
                }
            }
        }
        Ok(Self { name: name.to_owned(), folder: None, styles })
    }
}

/// The line, from 1, on which a name is set.
fn line_of(name: &str, text: &str) -> usize {
    let sets = |line: &str| {
        let line = line.trim_start().trim_start_matches('[');
        line.strip_prefix(name).is_some_and(|rest| rest.starts_with([' ', '=', '.', ']']))
    };
    text.lines().position(sets).unwrap_or(0) + 1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn built_in_themes_name_every_role() {
        for (name, text) in BUILT_IN {
            let file: toml::Table = toml::from_str(text).unwrap();
            assert_eq!(file.len(), ROLES, "{name}");
            assert!(!file.contains_key("base"));
        }
    }

    /// The relative luminance of a colour, by WCAG 2; of named colours as xterm shows them.
    fn luminance(colour: Color) -> f64 {
        let (r, g, b) = match colour {
            Color::Rgb(r, g, b) => (r, g, b),
            Color::Black => (0, 0, 0),
            Color::Red => (205, 0, 0),
            Color::Green => (0, 205, 0),
            Color::Yellow => (205, 205, 0),
            Color::Cyan => (0, 205, 205),
            Color::Gray => (229, 229, 229),
            Color::DarkGray => (127, 127, 127),
            Color::White => (255, 255, 255),
            Color::LightRed => (255, 0, 0),
            other => panic!("no theme uses {other:?} so far"),
        };
        let linear = |part: u8| {
            let part = f64::from(part) / 255.0;
            if part <= 0.03928 { part / 12.92 } else { ((part + 0.055) / 1.055).powf(2.4) }
        };
        0.2126 * linear(r) + 0.7152 * linear(g) + 0.0722 * linear(b)
    }

    fn contrast(one: Color, other: Color) -> f64 {
        let (one, other) = (luminance(one), luminance(other));
        (one.max(other) + 0.05) / (one.min(other) + 0.05)
    }

    /// Text is read at 4.5 to 1 (WCAG 2, level AA), also in a selected row.
    #[test]
    fn every_text_can_be_read_on_its_ground() {
        for (name, ink, ground) in
            [("dark", Color::White, Color::Black), ("light", Color::Black, Color::White)]
        {
            let theme = Theme::built_in(name).unwrap();
            let borders = [Role::Border as usize, Role::BorderFocused as usize];
            let texts = (0..ROLES).filter(|role| !borders.contains(role));
            for (at, style) in texts.map(|at| (at, theme.styles[at])) {
                let (fg, bg) = (style.fg.unwrap_or(ink), style.bg.unwrap_or(ground));
                assert!(contrast(fg, bg) >= 4.5, "{name}, role {at}: {:.1}", contrast(fg, bg));
                for row in [Role::Selected, Role::SelectedIdle] {
                    let row = theme.style(row);
                    let (fg, bg) = (row.fg.unwrap_or(fg), row.bg.unwrap_or(bg));
                    let found = contrast(fg, bg);
                    assert!(style.bg.is_some() || found >= 4.5, "{name}, role {at}: {found:.1}");
                }
            }
        }
    }

    #[test]
    fn mono_has_no_colour_and_shows_the_selection() {
        let mono = Theme::built_in("mono").unwrap();
        for style in mono.styles {
            assert_eq!((style.fg, style.bg), (None, None));
        }
        assert!(mono.style(Role::Selected).add_modifier.contains(Modifier::REVERSED));
    }

    #[test]
    fn a_user_file_rests_on_its_base() {
        let theme = Theme::parse("mine", "mine.toml", "base = \"mono\"\nbad = { fg = \"red\" }");
        let theme = theme.unwrap();
        assert_eq!(theme.style(Role::Bad).fg, Some(Color::Red));
        assert!(theme.style(Role::Selected).add_modifier.contains(Modifier::REVERSED));
    }

    #[test]
    fn a_mistake_is_told_with_its_file_line_and_way_out() {
        let error = |text: &str| Theme::parse("mine", "mine.toml", text).unwrap_err().to_string();
        let begins = |text: &str, wanted: &str| {
            let error = error(text);
            assert!(error.starts_with(&format!("theme mine.toml, {wanted}")), "{error}");
        };
        begins("\nbed = {}", "line 2: there is no role 'bed', did you mean 'bad'?");
        begins("base = \"mist\"", "line 1: base has to be one of dark, light");
        begins("\n\nbad = { fgg = 1 }", "line 3: bad: unknown field `fgg`");
        begins("bad = { fg = \"reddish\" }", "line 1: bad: ");
        begins("\n[bad", "line 2: ");
    }
}
