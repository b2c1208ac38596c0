//! How alike the names of two fields are, in the light of what happened to the other names.

use serde_json::Value as Json;

use super::names::{alike, singular, words};
use super::side::{Leaf, Names, Side};
use super::structure::Structure;
use super::units;
use super::vocabulary::canonical;

/// What happened to a name: a word that went, one that came, or one in the place of another.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Shift {
    /// The word that went; empty where none did.
    gone: String,
    /// The word that came; empty where none did.
    come: String,
}

impl Shift {
    /// The one word in which two names of the same object differ.
    fn between(old: &Names, new: &Names) -> Option<Self> {
        if old.len() != new.len() || old[..old.len() - 1] != new[..new.len() - 1] {
            return None;
        }
        let (a, b) = (words(old.last()?), words(new.last()?));
        let at = a.iter().zip(&b).take_while(|(a, b)| a == b).count();
        let rest = |words: &[String], skipped: usize| words.get(at + skipped..).map(<[_]>::to_vec);
        let word = |words: &[String]| words.get(at).cloned();
        let is_long = a.len().min(b.len()) > 0;
        match () {
            () if !is_long => None,
            () if a.len() == b.len() + 1 && rest(&a, 1) == rest(&b, 0) => {
                Some(Self { gone: word(&a)?, come: String::new() })
            }
            () if b.len() == a.len() + 1 && rest(&b, 1) == rest(&a, 0) => {
                Some(Self { gone: String::new(), come: word(&b)? })
            }
            () if a.len() == b.len() && a.len() > 1 && rest(&a, 1) == rest(&b, 1) => {
                Some(Self { gone: word(&a)?, come: word(&b)? })
            }
            () => None,
        }
    }

    /// Whether it makes one name of the other.
    fn explains(&self, old: &Names, new: &Names) -> bool {
        Self::between(old, new).as_ref() == Some(self)
    }

    /// The likeness of two names that differ in it alone, when it befell several.
    fn worth(&self) -> f64 {
        // One word in the place of another may be another thing: a billing city is no shipping city.
        if self.gone.is_empty() || self.come.is_empty() { 0.92 } else { 0.78 }
    }
}

/// The shifts that befell two names or more: `ssh_host` and `ssh_port` are `host` and `port`.
pub fn shifts(old: &Side, new: &Side, free: &[usize], open: &[usize]) -> Vec<Shift> {
    let mut seen: Vec<(Shift, usize)> = Vec::new();
    for from in free {
        for to in open {
            let (from, to) = (&old.leaves[*from].path, &new.leaves[*to].path);
            let Some(shift) = Shift::between(from, to) else { continue };
            match seen.iter_mut().find(|(known, _)| *known == shift) {
                Some((_, count)) => *count += 1,
                None => seen.push((shift, 1)),
            }
        }
    }
    seen.into_iter().filter(|(_, count)| *count > 1).map(|(shift, _)| shift).collect()
}

/// How alike the names are, a word for a unit left aside.
pub fn likeness(old: &Leaf, new: &Leaf, shifts: &[Shift]) -> f64 {
    let plain = alike(&old.path, &new.path);
    let trimmed = |path: &Names| -> Names {
        let mut path = path.clone();
        if let Some(last) = path.last_mut() {
            *last = units::without_unit(last).join("_");
        }
        path
    };
    let without = alike(&trimmed(&old.path), &trimmed(&new.path));
    // `isActive` and `active`, `priceList` and `prices`: a word that only says the type.
    let bare = |path: &Names| -> Vec<String> {
        let words: Vec<String> = path.last().map(|name| words(name)).unwrap_or_default();
        let skipped =
            ["is", "has", "at", "on", "list", "date", "raw", "new", "old", "str", "string", "num"];
        words
            .into_iter()
            .filter(|word| !skipped.contains(&word.as_str()))
            .map(|word| canonical(&word))
            .collect()
    };
    let same_bare = bare(&old.path) == bare(&new.path) && !bare(&old.path).is_empty();
    let by_bare = match (same_bare, old.path.len() == new.path.len()) {
        (true, true) => 0.9,
        (true, false) => 0.8,
        (false, _) => 0.0,
    };
    let by_shift = shifts.iter().filter(|shift| shift.explains(&old.path, &new.path));
    let by_shift = by_shift.map(Shift::worth).fold(0.0, f64::max);
    let by_kind = if says_kind(old, new) { 0.8 } else { 0.0 };
    plain.max(without * 0.97).max(by_bare).max(by_shift).max(by_kind)
}

/// Whether every item of the new list says that it is one of the old list's: `teams` are `responders` of
/// the type `team`.
fn says_kind(old: &Leaf, new: &Leaf) -> bool {
    let Some(items) = &new.structure.items else { return false };
    let kind = old.path.last().map_or_else(String::new, |name| singular(name));
    let is_kind = |(_, field): &(String, Json)| {
        let constant = Structure::of(field, field).constant().cloned();
        constant.is_some_and(|value| value.as_str() == Some(&kind))
    };
    !kind.is_empty() && Structure::of(items, items).fields.iter().any(is_kind)
}
