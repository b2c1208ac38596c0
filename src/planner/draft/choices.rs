//! Flags and the list of those that hold: `has_wifi` and `has_pool` as `amenities: ["wifi", "pool"]`, and
//! a list of permissions as `canRead` and `canWrite`.

use serde_json::Value as Json;

use super::candidates::{Candidate, Ground, How};
use super::evidence::Hits;
use super::flags::says;
use super::names::words;
use super::side::{Leaf, item_leaf};
use crate::schema::FieldType;

impl Ground<'_> {
    /// Every guess between several flags and one list of words.
    pub fn choices(&self) -> Vec<Candidate> {
        let gathered = self.open.iter().filter_map(|to| self.flags_as_list(*to));
        let scattered = self.free.iter().filter_map(|from| self.list_as_flags(*from));
        gathered.chain(scattered).collect()
    }

    /// The words of those flags that are true as a list.
    fn flags_as_list(&self, to: usize) -> Option<Candidate> {
        let new = &self.new.leaves[to];
        let item = item_leaf(new).filter(|item| item.structure.may_be(FieldType::String))?;
        let listed = item.structure.listed.clone().unwrap_or_default();
        let is_flag = |leaf: &Leaf| {
            leaf.structure.is_only(FieldType::Boolean)
                || !leaf.values.is_empty() && leaf.values.iter().all(|value| says(value).is_some())
        };
        let word = |at: &usize| -> Option<(usize, String)> {
            let leaf = &self.old.leaves[*at];
            let text = listed.iter().filter_map(Json::as_str).find(|text| names(leaf, text))?;
            (is_flag(leaf) && self.new.leaf(&leaf.path).is_none()).then(|| (*at, text.to_owned()))
        };
        let flags: Vec<(usize, String)> = self.free.iter().filter_map(word).collect();
        if flags.len() < 2 {
            return None;
        }
        // Of booleans and words for them: `1`, `"yes"`.
        let puts = flags.iter().enumerate().map(|(number, (at, word))| {
            let leaf = &self.old.leaves[*at];
            let holding = leaf.values.iter().filter(|value| says(value) == Some(true));
            let on: Vec<String> = if leaf.structure.is_only(FieldType::Boolean) {
                vec!["true".to_owned()]
            } else {
                holding.map(Json::to_string).collect()
            };
            let tests = on.iter().map(|on| format!("@{} == {on}", number + 1));
            let tests: Vec<String> = tests.collect();
            format!(
                "if {} then table.insert(o, {}) end",
                tests.join(" or "),
                Json::from(word.as_str())
            )
        });
        let puts: Vec<String> = puts.collect();
        let texts: Vec<String> = flags.iter().map(|(at, _)| self.old.leaves[*at].text()).collect();
        let is_whole = flags.len() == listed.len();
        Some(Candidate {
            how: How::Compute(vec![format!(
                "(function() local o = array({{}}) {} return o end)()",
                puts.join(" ")
            )]),
            reads: flags.iter().map(|(at, _)| *at).collect(),
            writes: vec![to],
            confidence: if is_whole { 0.9 } else { 0.78 },
            hits: Hits::default(),
            declared: false,
            evidence: format!("{} lists which of {} hold", new.text(), texts.join(", ")),
            assumes: None,
            alternatives: Vec::new(),
        })
    }

    /// Whether each word stands in a list as flags.
    fn list_as_flags(&self, from: usize) -> Option<Candidate> {
        let old = &self.old.leaves[from];
        let item = item_leaf(old).filter(|_| old.structure.is_only(FieldType::Array))?;
        let mut texts = item.structure.listed.clone().unwrap_or_default();
        let more: Vec<Json> =
            item.values.iter().filter(|value| !texts.contains(value)).cloned().collect();
        texts.extend(more);
        let texts: Vec<&str> = texts.iter().map(Json::as_str).collect::<Option<_>>()?;
        let flag = |at: &usize| -> Option<(usize, &str)> {
            let leaf = &self.new.leaves[*at];
            let text = *texts.iter().find(|text| names(leaf, text))?;
            leaf.structure.is_only(FieldType::Boolean).then_some((*at, text))
        };
        let flags: Vec<(usize, &str)> = self.open.iter().filter_map(flag).collect();
        if flags.len() < 2 || texts.len() > flags.len() * 2 {
            return None;
        }
        let expr =
            |(_, text): &(usize, &str)| format!("(table.find(@1, {}) ~= nil)", Json::from(*text));
        let lost: Vec<&str> = texts
            .iter()
            .filter(|text| !flags.iter().any(|(_, word)| word == *text))
            .copied()
            .collect();
        let told: Vec<String> = flags.iter().map(|(at, _)| self.new.leaves[*at].text()).collect();
        Some(Candidate {
            how: How::Compute(flags.iter().map(expr).collect()),
            reads: vec![from],
            writes: flags.iter().map(|(at, _)| *at).collect(),
            confidence: if lost.is_empty() { 0.9 } else { 0.7 },
            hits: Hits::default(),
            declared: false,
            evidence: format!("{} say which words stand in {}", told.join(", "), old.text()),
            assumes: (!lost.is_empty()).then(|| format!("that {} may go", lost.join(", "))),
            alternatives: Vec::new(),
        })
    }
}

/// Whether a flag is called by a word: `has_wifi` and `wifiAvailable` by `wifi`.
fn names(leaf: &Leaf, text: &str) -> bool {
    const SAYING: [&str; 14] = [
        "has",
        "is",
        "can",
        "may",
        "with",
        "allow",
        "allows",
        "allowed",
        "enabled",
        "available",
        "includes",
        "supports",
        "on",
        "may",
    ];
    let mut own = words(leaf.path.last().map_or("", String::as_str));
    own.retain(|word| !SAYING.contains(&word.as_str()));
    let wanted = words(text);
    // `notify_email` by `email`: what stands before is said of all.
    !wanted.is_empty() && (own == wanted || own.len() == wanted.len() + 1 && own.ends_with(&wanted))
}
