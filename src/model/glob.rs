//! Key patterns as Redis reads them.

/// Whether a key matches a pattern as Redis does: `*`, `?`, `[a-z]`, `[^a]`, `\x`
/// (<https://redis.io/docs/latest/commands/keys/>).
pub fn matches(pattern: &[u8], text: &[u8]) -> bool {
    match pattern.split_first() {
        None => text.is_empty(),
        Some((b'*', rest)) => (0..=text.len()).any(|at| matches(rest, &text[at..])),
        Some((b'?', rest)) => text.split_first().is_some_and(|(_, text)| matches(rest, text)),
        Some((b'[', rest)) => {
            let Some(end) = rest.iter().skip(1).position(|byte| *byte == b']') else {
                return text == pattern;
            };
            let (set, rest) = (&rest[..=end], &rest[end + 2..]);
            text.split_first().is_some_and(|(byte, text)| in_set(set, *byte) && matches(rest, text))
        }
        Some((b'\\', rest)) if !rest.is_empty() => {
            text.first() == rest.first() && matches(&rest[1..], &text[1..])
        }
        Some((byte, rest)) => text.first() == Some(byte) && matches(rest, &text[1..]),
    }
}

fn in_set(set: &[u8], byte: u8) -> bool {
    let (negated, set) = match set {
        [b'^', rest @ ..] => (true, rest),
        set => (false, set),
    };
    let mut at = 0;
    let mut found = false;
    while at < set.len() {
        if let [low, b'-', high, ..] = set[at..] {
            found |= (low.min(high)..=low.max(high)).contains(&byte);
            at += 3;
        } else {
            found |= set[at] == byte;
            at += 1;
        }
    }
    found != negated
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_match_as_in_redis() {
        for (pattern, text, expected) in [
            ("user:*", "user:42", true),
            ("user:*", "users:42", false),
            ("h?llo", "hallo", true),
            ("h[ae]llo", "hillo", false),
            ("h[^e]llo", "hallo", true),
            ("h[a-c]llo", "hbllo", true),
            (r"a\*b", "a*b", true),
            (r"a\*b", "axb", false),
            ("*:x:*", "a:x:", true),
        ] {
            assert_eq!(matches(pattern.as_bytes(), text.as_bytes()), expected, "{pattern} {text}");
        }
    }
}
