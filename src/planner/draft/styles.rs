//! Words that no sample has: where all known old words are the new ones written in one style (the first
//! letter, three letters in capitals, all in lower case), the others are taken to be as well.

use serde_json::Value as Json;

use super::names::words;

/// A way in which old words are written after new ones.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Style {
    /// So many letters from the front; none for all.
    letters: Option<usize>,
    /// In capitals.
    is_upper: bool,
    /// With the marks between words.
    keeps_marks: bool,
}

impl Style {
    fn write(self, new: &str) -> String {
        let text = if self.keeps_marks { new.to_owned() } else { words(new).concat() };
        let text: String = text.chars().take(self.letters.unwrap_or(usize::MAX)).collect();
        if self.is_upper { text.to_uppercase() } else { text.to_lowercase() }
    }
}

/// The old words, with their new ones, for those of the new words that no old one is known for; none
/// where the style is not clear.
pub fn unseen(pairs: &[(Json, Json)], targets: &[Json]) -> Vec<(Json, Json)> {
    let known: Option<Vec<(&str, &str)>> =
        pairs.iter().map(|(old, new)| Some((old.as_str()?, new.as_str()?))).collect();
    let Some(known) = known.filter(|known| !known.is_empty()) else { return Vec::new() };
    let count = known[0].0.chars().count();
    let lengths = [None, Some(count)];
    let styles = lengths.into_iter().flat_map(|letters| {
        [(true, true), (true, false), (false, true), (false, false)]
            .map(|(is_upper, keeps_marks)| Style { letters, is_upper, keeps_marks })
    });
    let mut fitting =
        styles.filter(|style| known.iter().all(|(old, new)| style.write(new) == *old));
    let Some(style) = fitting.next() else { return Vec::new() };
    let is_open = |target: &&Json| !pairs.iter().any(|(_, new)| new == *target);
    let open = targets.iter().filter(is_open).filter_map(|target| target.as_str());
    let made: Vec<(String, &str)> = open.map(|target| (style.write(target), target)).collect();
    let is_twice = |(old, _): &(String, &str)| {
        known.iter().any(|(other, _)| other == old)
            || made.iter().filter(|(other, _)| other == old).count() > 1
    };
    if made.iter().any(is_twice) {
        return Vec::new();
    }
    made.into_iter().map(|(old, new)| (old.into(), new.into())).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_style_of_known_words_is_that_of_the_others() {
        let listed =
            |words: &[&str]| words.iter().map(|word| Json::from(*word)).collect::<Vec<_>>();
        let pairs = |pairs: &[(&str, &str)]| {
            pairs.iter().map(|(a, b)| (Json::from(*a), Json::from(*b))).collect::<Vec<_>>()
        };
        let targets = listed(&["active", "inactive", "deleted"]);
        assert_eq!(
            unseen(&pairs(&[("A", "active"), ("D", "deleted")]), &targets),
            pairs(&[("I", "inactive")])
        );
        let targets = listed(&["in-transit", "delivered"]);
        assert_eq!(
            unseen(&pairs(&[("DELIVERED", "delivered")]), &targets),
            pairs(&[("IN-TRANSIT", "in-transit")])
        );
        let targets = listed(&["paid", "pending", "sent"]);
        assert!(unseen(&pairs(&[("S", "sent")]), &targets).is_empty());
    }
}
