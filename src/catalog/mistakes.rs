//! All that is wrong in a catalog, each with its place in a file, in words for a stranger.

use std::fmt;

use super::spans::{Spans, line_and_column};
use crate::schema::mistake::{self, place_text};

/// Characters of a source line that are shown around a mistake.
const EXCERPT_CHARACTERS_MAX: usize = 76;

/// One mistake in one file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mistake {
    /// The file, or what the definition is called where it came from.
    pub file: String,
    /// Line and column, from 1; `None` when the file as a whole is meant.
    pub position: Option<(usize, usize)>,
    /// The place in the document: `fields.age.type`; empty for the document itself.
    pub path: String,
    /// What is wrong.
    pub message: String,
    /// What was expected, or what to do.
    pub expected: String,
    /// The nearest known name, where a name is wrong.
    pub near: Option<String>,
    /// The source line, shortened, and the column in it where the mistake stands, from 0.
    pub excerpt: Option<(String, usize)>,
}

impl Mistake {
    /// A mistake of a file as a whole.
    pub fn of_file(file: &str, message: impl Into<String>, expected: impl Into<String>) -> Self {
        Self {
            file: file.to_owned(),
            position: None,
            path: String::new(),
            message: message.into(),
            expected: expected.into(),
            near: None,
            excerpt: None,
        }
    }

    /// A mistake at a byte of a file's text.
    #[must_use]
    pub fn at(mut self, text: &str, offset: usize) -> Self {
        let (line, column) = line_and_column(text, offset);
        self.position = Some((line, column));
        self.excerpt = text.lines().nth(line - 1).map(|source| excerpt(source, column - 1));
        self
    }

    /// A mistake of a definition, placed in the file's text.
    pub fn in_text(file: &str, text: &str, spans: &Spans, mistake: mistake::Mistake) -> Self {
        let offset = spans.offset(&mistake.at, mistake.on_key);
        Self {
            path: place_text(&mistake.at),
            near: mistake.near,
            ..Self::of_file(file, mistake.message, mistake.expected)
        }
        .at(text, offset)
    }
}

/// The part of `line` around `column`, and where the column is in it.
fn excerpt(line: &str, column: usize) -> (String, usize) {
    let characters: Vec<char> = line.chars().map(|c| if c == '\t' { ' ' } else { c }).collect();
    if characters.len() <= EXCERPT_CHARACTERS_MAX {
        return (characters.into_iter().collect(), column);
    }
    let start = column.saturating_sub(EXCERPT_CHARACTERS_MAX / 2);
    let start = start.min(characters.len().saturating_sub(EXCERPT_CHARACTERS_MAX));
    let end = (start + EXCERPT_CHARACTERS_MAX).min(characters.len());
    let mut shown: String = characters[start..end].iter().collect();
    if end < characters.len() {
        shown.push('…');
    }
    if start == 0 { (shown, column) } else { (format!("…{shown}"), column - start + 1) }
}

impl fmt::Display for Mistake {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.file)?;
        if let Some((line, column)) = self.position {
            write!(f, ":{line}:{column}")?;
        }
        write!(f, ": ")?;
        if !self.path.is_empty() {
            write!(f, "{}: ", self.path)?;
        }
        writeln!(f, "{}", self.message)?;
        if let (Some((line, _)), Some((excerpt, column))) = (self.position, &self.excerpt) {
            let number = line.to_string();
            writeln!(f, "  {number} | {excerpt}")?;
            writeln!(f, "  {:number$} | {:column$}^", "", "", number = number.len())?;
        }
        write!(f, "  expected: {}", self.expected)?;
        match &self.near {
            Some(near) => write!(f, "\n  did you mean: {near}"),
            None => Ok(()),
        }
    }
}

/// Every mistake of a catalog, by file and place.
#[derive(Clone, Debug, PartialEq, Eq, Default, thiserror::Error)]
pub struct Mistakes(pub Vec<Mistake>);

impl Mistakes {
    /// Puts them in the order of files and places.
    pub fn sort(&mut self) {
        self.0.sort_by(|a, b| (&a.file, a.position).cmp(&(&b.file, b.position)));
    }
}

impl fmt::Display for Mistakes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for mistake in &self.0 {
            writeln!(f, "{mistake}\n")?;
        }
        match self.0.len() {
            1 => write!(f, "1 mistake in the definitions; nothing was loaded"),
            count => write!(f, "{count} mistakes in the definitions; nothing was loaded"),
        }
    }
}
