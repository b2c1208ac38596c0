//! Paths into a document: `address.city`, `items[].price`, and `\.` for a dot in a name.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// One step of a [`Path`].
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Segment {
    /// A member of an object.
    Field(String),
    /// Every item of an array: `[]`.
    Each,
}

/// Where something stands in a document. The empty path is the document itself; it is written as
/// the empty text and never parsed from a definition.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Default, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Path(Vec<Segment>);

/// Why a text is no path.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PathError {
    /// The text is empty.
    #[error("a path must name a field, and this one is empty")]
    Empty,
    /// Two dots in a row, or one at an end.
    #[error("the path '{0}' has an empty name in it: write 'a.b', and '\\.' for a dot in a name")]
    EmptyName(String),
    /// `[` that is not `[]` at a name's end.
    #[error("the path '{0}' has brackets that are not '[]' after a name, as in 'items[].price'")]
    Brackets(String),
}

impl Path {
    /// The path of a top-level field.
    pub fn field(name: &str) -> Self {
        Self(vec![Segment::Field(name.to_owned())])
    }

    /// A path of these segments.
    pub fn from_segments(segments: Vec<Segment>) -> Self {
        Self(segments)
    }

    /// The segments.
    pub fn segments(&self) -> &[Segment] {
        &self.0
    }

    /// The top-level field the path begins with.
    pub fn root(&self) -> Option<&str> {
        match self.0.first() {
            Some(Segment::Field(name)) => Some(name),
            _ => None,
        }
    }

    /// This path with one more field.
    #[must_use]
    pub fn join(&self, name: &str) -> Self {
        let mut segments = self.0.clone();
        segments.push(Segment::Field(name.to_owned()));
        Self(segments)
    }

    /// This path with `[]` after it.
    #[must_use]
    pub fn each(&self) -> Self {
        let mut segments = self.0.clone();
        segments.push(Segment::Each);
        Self(segments)
    }

    /// Splits after the last `[]`: the part that names every object to work in, and the field names
    /// inside each of them.
    pub fn split_scope(&self) -> (&[Segment], Vec<&str>) {
        let at = self.0.iter().rposition(|s| *s == Segment::Each).map_or(0, |at| at + 1);
        let (scope, rest) = self.0.split_at(at);
        let names = rest.iter().filter_map(|segment| match segment {
            Segment::Field(name) => Some(name.as_str()),
            Segment::Each => None,
        });
        (scope, names.collect())
    }
}

impl FromStr for Path {
    type Err = PathError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text.is_empty() {
            return Err(PathError::Empty);
        }
        let mut segments = Vec::new();
        let mut name = String::new();
        // Whether a `[]` closed the current name, so that only a dot, another `[]` or the end fits.
        let mut closed = false;
        let mut characters = text.chars().peekable();
        while let Some(character) = characters.next() {
            match character {
                '\\' if matches!(characters.peek(), Some('.' | '[' | '\\')) => {
                    name.extend(characters.next());
                }
                '[' => {
                    if characters.next() != Some(']') {
                        return Err(PathError::Brackets(text.to_owned()));
                    }
                    if !closed {
                        push_name(&mut segments, &mut name, text)?;
                    }
                    segments.push(Segment::Each);
                    closed = true;
                }
                '.' if closed => closed = false,
                '.' => push_name(&mut segments, &mut name, text)?,
                _ if closed => return Err(PathError::Brackets(text.to_owned())),
                character => name.push(character),
            }
        }
        if !closed {
            push_name(&mut segments, &mut name, text)?;
        }
        Ok(Self(segments))
    }
}

fn push_name(segments: &mut Vec<Segment>, name: &mut String, text: &str) -> Result<(), PathError> {
    if name.is_empty() {
        return Err(PathError::EmptyName(text.to_owned()));
    }
    segments.push(Segment::Field(std::mem::take(name)));
    Ok(())
}

impl fmt::Display for Path {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, segment) in self.0.iter().enumerate() {
            match segment {
                Segment::Each => f.write_str("[]")?,
                Segment::Field(name) => {
                    if at > 0 {
                        f.write_str(".")?;
                    }
                    for character in name.chars() {
                        if matches!(character, '.' | '[' | '\\') {
                            f.write_str("\\")?;
                        }
                        write!(f, "{character}")?;
                    }
                }
            }
        }
        Ok(())
    }
}

impl TryFrom<String> for Path {
    type Error = PathError;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

impl From<Path> for String {
    fn from(path: Path) -> Self {
        path.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_read_back_as_written() {
        for text in ["a", "a.b", "items[].price", "a[][].b", r"odd\.name.x", "items[]", r"a\[0]"] {
            assert_eq!(text.parse::<Path>().expect(text).to_string(), text);
        }
        let path: Path = r"a\.b.c".parse().expect("valid");
        assert_eq!(path.split_scope(), (&[][..], vec!["a.b", "c"]));
        let path: Path = "items[].price.net".parse().expect("valid");
        assert_eq!(path.split_scope().1, ["price", "net"]);
    }

    #[test]
    fn what_is_no_path_is_refused() {
        assert_eq!("".parse::<Path>(), Err(PathError::Empty));
        for text in ["a..b", ".a", "a.", "[]"] {
            assert!(matches!(text.parse::<Path>(), Err(PathError::EmptyName(_))), "{text}");
        }
        for text in ["a[0]", "a[]b", "a["] {
            assert!(matches!(text.parse::<Path>(), Err(PathError::Brackets(_))), "{text}");
        }
    }
}
