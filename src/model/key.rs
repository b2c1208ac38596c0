//! A Redis key: any bytes, with one printable form that reads back to the same bytes.

use std::borrow::Cow;
use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A Redis key. Keys are binary safe, so this is bytes, not text.
///
/// The printable form ([`fmt::Display`], and the form in JSON) keeps printable UTF-8 as it is and
/// writes a backslash as `\\`, control characters, characters that only change how others look, and
/// bytes that are no UTF-8 as `\xHH`.
/// [`Key::from_text`] reads that form back to the same bytes.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
pub struct Key(Box<[u8]>);

impl Key {
    /// The key's bytes, as Redis holds them.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// Reads the printable form. Text without a backslash is taken as it stands, and so is a
    /// backslash that begins neither `\\` nor `\xHH`.
    pub fn from_text(text: &str) -> Self {
        let bytes = text.as_bytes();
        let mut out = Vec::with_capacity(bytes.len());
        let mut at = 0;
        while at < bytes.len() {
            if let Some((byte, length)) = escape_at(&bytes[at..]) {
                out.push(byte);
                at += length;
            } else {
                out.push(bytes[at]);
                at += 1;
            }
        }
        Self(out.into_boxed_slice())
    }
}

/// The byte an escape at the head of `bytes` stands for, and the escape's length.
fn escape_at(bytes: &[u8]) -> Option<(u8, usize)> {
    match bytes {
        [b'\\', b'\\', ..] => Some((b'\\', 2)),
        [b'\\', b'x', high, low, ..] => {
            let digit = |byte: u8| char::from(byte).to_digit(16).and_then(|d| u8::try_from(d).ok());
            Some((digit(*high)? << 4 | digit(*low)?, 4))
        }
        _ => None,
    }
}

/// Printable text for any bytes, in the form that [`Key`] describes. Borrowed when nothing needs an
/// escape.
pub fn printable(bytes: &[u8]) -> Cow<'_, str> {
    if let Ok(text) = std::str::from_utf8(bytes)
        && !text.chars().any(|c| c == '\\' || is_unseen(c))
    {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(bytes.len() + 8);
    for chunk in bytes.utf8_chunks() {
        for character in chunk.valid().chars() {
            match character {
                '\\' => out.push_str("\\\\"),
                c if is_unseen(c) => {
                    let mut buffer = [0; 4];
                    for byte in c.encode_utf8(&mut buffer).bytes() {
                        push_hex(&mut out, byte);
                    }
                }
                c => out.push(c),
            }
        }
        for byte in chunk.invalid() {
            push_hex(&mut out, *byte);
        }
    }
    Cow::Owned(out)
}

/// Whether a character cannot be seen, and would make two keys look alike or turn a line around: control
/// characters, marks of direction, blanks without width. Joiners stay: words and emoji are made with them.
fn is_unseen(character: char) -> bool {
    character.is_control()
        || matches!(
            character,
            '\u{200b}'
                | '\u{200e}'..='\u{200f}'
                | '\u{2028}'..='\u{202e}'
                | '\u{2060}'..='\u{2069}'
                | '\u{feff}'
        )
}

fn push_hex(out: &mut String, byte: u8) {
    out.push_str("\\x");
    for digit in [byte >> 4, byte & 15] {
        out.push(char::from_digit(u32::from(digit), 16).unwrap_or('0'));
    }
}

impl From<Vec<u8>> for Key {
    fn from(bytes: Vec<u8>) -> Self {
        Self(bytes.into_boxed_slice())
    }
}

impl From<&[u8]> for Key {
    fn from(bytes: &[u8]) -> Self {
        Self(bytes.into())
    }
}

impl From<&str> for Key {
    fn from(text: &str) -> Self {
        Self(text.as_bytes().into())
    }
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&printable(&self.0))
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Key({self})")
    }
}

impl Serialize for Key {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Key {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(Self::from_text(&Cow::<str>::deserialize(deserializer)?))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn printable_keeps_text_and_escapes_the_rest() {
        assert_eq!(Key::from("user:42").to_string(), "user:42");
        assert_eq!(Key::from("käse:🧀").to_string(), "käse:🧀");
        assert_eq!(Key::from("a\u{202e}b\u{200b}").to_string(), r"a\xe2\x80\xaeb\xe2\x80\x8b");
        assert_eq!(Key::from("👩\u{200d}👧").to_string(), "👩\u{200d}👧");
        assert_eq!(Key::from(&b"a\\b\xff\n"[..]).to_string(), r"a\\b\xff\x0a");
    }

    proptest! {
        #[test]
        fn printable_form_reads_back(bytes in proptest::collection::vec(any::<u8>(), 0..24)) {
            let key = Key::from(bytes);
            prop_assert_eq!(Key::from_text(&key.to_string()), key);
        }
    }
}
