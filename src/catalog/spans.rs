//! Where the values of a JSON text stand, so that a mistake can be told with line and column.

use std::collections::HashMap;

use crate::schema::mistake::Place;

/// Where one value stands, in bytes from the start of the text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Span {
    /// Its key, when it is a member.
    key: Option<usize>,
    value: usize,
}

/// The places of one JSON text.
#[derive(Debug)]
pub struct Spans {
    spans: HashMap<Vec<Place>, Span>,
    /// Keys that stand twice in one object: where the second stands.
    pub duplicates: Vec<(Vec<Place>, usize)>,
}

impl Spans {
    /// Indexes `text`, which has been parsed before and so is known to be JSON of bounded depth.
    pub fn of(text: &str) -> Self {
        let mut scan = Scan {
            bytes: text.as_bytes(),
            text,
            at: 0,
            places: Vec::new(),
            found: Self { spans: HashMap::new(), duplicates: Vec::new() },
        };
        scan.value(None);
        scan.found
    }

    /// Where `places` stands: its key or its value. What does not stand (a missing key) is told at
    /// the nearest place around it.
    pub fn offset(&self, places: &[Place], on_key: bool) -> usize {
        let known = |length: usize| self.spans.get(&places[..length]).map(|span| (length, span));
        match (0..=places.len()).rev().find_map(known) {
            Some((length, span)) if on_key && length == places.len() => {
                span.key.unwrap_or(span.value)
            }
            Some((_, span)) => span.value,
            None => 0,
        }
    }
}

/// Line and column of a byte, both from 1; columns count characters.
pub fn line_and_column(text: &str, offset: usize) -> (usize, usize) {
    let before = text.get(..offset).unwrap_or(text);
    let line_start = before.rfind('\n').map_or(0, |at| at + 1);
    (before.matches('\n').count() + 1, before[line_start..].chars().count() + 1)
}

struct Scan<'t> {
    bytes: &'t [u8],
    text: &'t str,
    at: usize,
    places: Vec<Place>,
    found: Spans,
}

impl Scan<'_> {
    fn peek(&self) -> u8 {
        self.bytes.get(self.at).copied().unwrap_or_default()
    }

    fn skip_space(&mut self) {
        while matches!(self.peek(), b' ' | b'\t' | b'\n' | b'\r') {
            self.at += 1;
        }
    }

    /// Steps over `byte` and the space after it, if it is what stands here.
    fn skip(&mut self, byte: u8) -> bool {
        let stands = self.peek() == byte;
        if stands {
            self.at += 1;
            self.skip_space();
        }
        stands
    }

    fn value(&mut self, key: Option<usize>) {
        self.skip_space();
        let span = Span { key, value: self.at };
        if self.found.spans.insert(self.places.clone(), span).is_some() {
            self.found.duplicates.push((self.places.clone(), key.unwrap_or(self.at)));
        }
        match self.peek() {
            b'{' => self.object(),
            b'[' => self.array(),
            b'"' => self.string(),
            _ => {
                while !matches!(self.peek(), b',' | b']' | b'}' | b' ' | b'\t' | b'\n' | b'\r' | 0)
                {
                    self.at += 1;
                }
            }
        }
        self.skip_space();
    }

    fn object(&mut self) {
        self.skip(b'{');
        while self.peek() == b'"' {
            let start = self.at;
            self.string();
            let raw = &self.text[start..self.at];
            let name = serde_json::from_str(raw).unwrap_or_else(|_| raw.to_owned());
            self.skip_space();
            self.skip(b':');
            self.places.push(Place::Key(name));
            self.value(Some(start));
            self.places.pop();
            self.skip(b',');
        }
        self.skip(b'}');
    }

    fn array(&mut self) {
        self.skip(b'[');
        let mut index = 0;
        while !matches!(self.peek(), b']' | 0) {
            self.places.push(Place::Item(index));
            self.value(None);
            self.places.pop();
            self.skip(b',');
            index += 1;
        }
        self.skip(b']');
    }

    fn string(&mut self) {
        self.at += 1;
        while !matches!(self.peek(), b'"' | 0) {
            self.at += if self.peek() == b'\\' { 2 } else { 1 };
        }
        self.at += 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::schema::mistake::places_of;

    #[test]
    fn every_value_is_found() {
        let text = "{\n  \"a\": [1, {\"b\\n\": \"x, ]\"}],\n \"ä\" : {\"c\":true}, \"a\": 2\n}";
        let spans = Spans::of(text);
        let found =
            |path: &str, on_key| line_and_column(text, spans.offset(&places_of(path), on_key));
        assert_eq!(found("", false), (1, 1));
        assert_eq!(found("a[1]", false), (2, 12));
        assert_eq!(found("a[1].b\n", false), (2, 20));
        assert_eq!(found("ä", true), (3, 2));
        assert_eq!(found("ä.c", false), (3, 13));
        assert_eq!(found("ä.missing.deep", false), (3, 8), "what is missing is told around it");
        assert_eq!(spans.duplicates.len(), 1);
    }
}
