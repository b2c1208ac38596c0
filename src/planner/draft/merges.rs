//! Fields that are joined to one text.

use serde_json::{Value as Json, json};

use super::candidates::{Candidate, Ground, How};
use super::composite::{COMPOSITES, Composite, pick};
use super::convert::Conversion;
use super::evidence::{Hits, certainty};
use super::names::{singular, words};
use super::side::{Side, item_leaf, value_at};
use crate::schema::FieldType;

impl Ground<'_> {
    /// Every guess that joins fields to one text.
    pub fn merges(&self) -> Vec<Candidate> {
        let mut found = Vec::new();
        for &to in &self.open {
            let new = &self.new.leaves[to];
            let is_list = new.structure.is_only(FieldType::Array);
            if is_list && self.pairs.after(&new.path).is_empty() {
                found.extend(self.merge_into_list(to));
            }
            if !new.structure.may_be(FieldType::String) {
                continue;
            }
            if self.pairs.after(&new.path).is_empty() {
                found.extend(self.merges_by_names(to));
                found.extend(self.merge_day_and_time(to));
                found.extend(self.merge_as_told(to));
            } else {
                found.extend(self.merge_by_pairs(to));
            }
        }
        found
    }

    fn merges_by_names(&self, to: usize) -> Vec<Candidate> {
        let new = &self.new.leaves[to];
        let own = words(new.path.last().map_or("", String::as_str));
        let mut found = Vec::new();
        for composite in
            COMPOSITES.iter().filter(|c| own.iter().any(|w| c.whole.contains(&w.as_str())))
        {
            let Some(from) = pick(composite.parts, &self.free, &self.old.leaves) else { continue };
            // `firstName` is a part itself.
            let is_part = |word: &String| {
                let names = |of: &&[&str]| of.contains(&word.as_str());
                !composite.whole.contains(&word.as_str()) && composite.parts.iter().any(names)
            };
            if own.iter().any(is_part) {
                continue;
            }
            // Parts that stand by themselves in the new version are not joined.
            let last = |path: &[String]| path.last().and_then(|name| words(name).pop());
            let stands = |from: &usize| {
                let name = last(&self.old.leaves[*from].path);
                self.open.iter().any(|at| *at != to && last(&self.new.leaves[*at].path) == name)
            };
            if from.iter().any(stands) {
                continue;
            }
            let strict = new.structure.pattern.is_some() || new.structure.format.is_some();
            let template: Vec<Piece> = from
                .iter()
                .enumerate()
                .flat_map(|(at, leaf)| {
                    let between = (at > 0).then(|| Piece::Text(composite.separator.to_owned()));
                    between.into_iter().chain([Piece::Field(*leaf)])
                })
                .collect();
            let mut candidate = self.merge(to, &template);
            candidate.confidence = if strict { 0.82 } else { 0.78 };
            candidate.evidence += ": their names say that they are its parts";
            if composite.separator != " " && !strict {
                candidate.assumes =
                    Some(format!("that '{}' stands between them", composite.separator));
            }
            found.push(candidate);
        }
        found
    }

    /// Two parts as the only text of a list: `host` and `port` as `hosts`.
    fn merge_into_list(&self, to: usize) -> Option<Candidate> {
        let new = &self.new.leaves[to];
        item_leaf(new).filter(|item| item.structure.is_only(FieldType::String))?;
        let own: Vec<String> = words(new.path.last()?).iter().map(|word| singular(word)).collect();
        let is_whole = |c: &&Composite| own.iter().any(|word| c.whole.contains(&word.as_str()));
        let composite = COMPOSITES.iter().find(|c| is_whole(c) && c.separator != " ")?;
        let from = pick(composite.parts, &self.free, &self.old.leaves)?;
        let mut template = Vec::new();
        for (at, leaf) in from.iter().enumerate() {
            template.extend((at > 0).then(|| Piece::Text(composite.separator.to_owned())));
            template.push(Piece::Field(*leaf));
        }
        let candidate = self.merge(to, &template);
        let wrap = json!({"type": "wrapField", "field": "@"});
        let How::Merge { params, .. } = candidate.how else { return None };
        let how = How::Merge { params, after: Conversion::of(vec![wrap], 0.0, "in a list") };
        let assumes = Some(format!("that '{}' stands between them", composite.separator));
        let evidence = format!("{}, in a list: their names say so", candidate.evidence);
        Some(Candidate { how, confidence: 0.88, assumes, evidence, ..candidate })
    }

    /// The template that the new field's description spells: `username#discriminator`.
    fn merge_as_told(&self, to: usize) -> Option<Candidate> {
        let new = &self.new.leaves[to];
        let text = new.structure.description.as_deref()?;
        let mut places: Vec<(usize, usize, usize)> = Vec::new();
        for from in &self.free {
            let name = self.old.leaves[*from].path.last()?;
            let is_edge = |c: Option<char>| c.is_none_or(|c| !c.is_alphanumeric());
            let stands = |at: &usize| {
                let (before, after) = (&text[..*at], &text[at + name.len()..]);
                is_edge(before.chars().next_back()) && is_edge(after.chars().next())
            };
            let at = text.match_indices(name.as_str()).map(|(at, _)| at).find(stands);
            places.extend(at.map(|at| (at, at + name.len(), *from)));
        }
        places.sort_unstable();
        let mut template: Vec<Piece> = Vec::new();
        for (at, (start, _, from)) in places.iter().enumerate() {
            if let Some((_, end, _)) = at.checked_sub(1).and_then(|before| places.get(before)) {
                let between = text.get(*end..*start)?;
                let is_mark = |c: char| !c.is_alphanumeric();
                if between.is_empty() || between.len() > 3 || !between.chars().all(is_mark) {
                    return None;
                }
                template.push(Piece::Text(between.to_owned()));
            }
            template.push(Piece::Field(*from));
        }
        let candidate = self.merge(to, &template);
        let evidence = format!("{}: as its description says", candidate.evidence);
        (places.len() > 1).then_some(Candidate { confidence: 0.86, evidence, ..candidate })
    }

    /// A day and a time of day as a moment; with several times of day, the one whose name is nearest.
    fn merge_day_and_time(&self, to: usize) -> Option<Candidate> {
        let is_moment =
            |at: &usize| self.new.leaves[*at].structure.format.as_deref() == Some("date-time");
        if !is_moment(&to) {
            return None;
        }
        let shaped = |from: &usize, shape: &str| {
            let texts = &self.old.leaves[*from].values;
            let is_like = |text: &str| {
                let same = |(a, b): (u8, u8)| if b == b'0' { a.is_ascii_digit() } else { a == b };
                text.len() == shape.len() && text.bytes().zip(shape.bytes()).all(same)
            };
            !texts.is_empty() && texts.iter().all(|value| value.as_str().is_some_and(is_like))
        };
        let of = |shapes: &[&str]| -> Vec<usize> {
            let is_one = |from: &&usize| shapes.iter().any(|shape| shaped(from, shape));
            self.free.iter().filter(is_one).copied().collect()
        };
        let (days, times) = (of(&["0000-00-00"]), of(&["00:00", "00:00:00"]));
        let moments: Vec<usize> = self.open.iter().copied().filter(is_moment).collect();
        let ([day], false) = (days.as_slice(), times.is_empty()) else { return None };
        let tail = |time: usize| if shaped(&time, "00:00") { ":00Z" } else { "Z" };
        let assumes = Some("that the times are in UTC".to_owned());
        if let [time] = times.as_slice() {
            let text = |text: &str| Piece::Text(text.to_owned());
            let template = [Piece::Field(*day), text("T"), Piece::Field(*time), text(tail(*time))];
            let candidate = self.merge(to, &template);
            return Some(Candidate { confidence: 0.82, assumes, ..candidate });
        }
        // The same day for all: one guess, made where the first of the moments stands.
        if moments.first() != Some(&to) || moments.len() != times.len() {
            return None;
        }
        let mut reads = vec![*day];
        let mut exprs = Vec::new();
        for moment in &moments {
            let left = times.iter().filter(|time| !reads.contains(time));
            let near = |a: &&usize, b: &&usize| {
                self.likeness(**a, *moment).total_cmp(&self.likeness(**b, *moment))
            };
            let time = *left.rev().max_by(near)?;
            reads.push(time);
            exprs.push(format!("@1 .. \"T\" .. @{} .. \"{}\"", reads.len(), tail(time)));
        }
        let names = |all: &[usize], side: &Side| -> String {
            all.iter().map(|at| side.leaves[*at].text()).collect::<Vec<_>>().join(" and ")
        };
        Some(Candidate {
            how: How::Compute(exprs),
            evidence: format!("{} = {}", names(&moments, self.new), names(&reads, self.old)),
            confidence: 0.8,
            assumes,
            ..self.merge(to, &[Piece::Field(reads[0]), Piece::Field(reads[1])])
        })
        .map(|guess| Candidate { reads, writes: moments, ..guess })
    }

    /// The template that the first pairs show, asked of all.
    fn merge_by_pairs(&self, to: usize) -> Option<Candidate> {
        const SHOWN_MAX: usize = 4;
        let new = &self.new.leaves[to];
        let mut best: Option<Candidate> = None;
        for (before, after) in self.pairs.shown.iter().take(SHOWN_MAX) {
            let Some(wanted) = value_at(after, &new.path).and_then(Json::as_str) else { continue };
            let Some(template) = self.template(before, wanted) else { continue };
            let make = |before: &Json| self.fill(&template, before).map(Json::from);
            let (hits, told) = self.pairs.tried(&new.path, &make);
            let confidence = hits.share() * certainty(told);
            if hits.share() >= 0.5 && best.as_ref().is_none_or(|best| best.confidence < confidence)
            {
                let mut candidate = self.merge(to, &template);
                candidate.evidence =
                    format!("{} in {} of {} pairs", candidate.evidence, hits.right, hits.of);
                best = Some(Candidate { confidence, hits, ..candidate });
            }
        }
        best
    }

    /// `wanted` written as fields of `before` and text between them; at least two fields.
    fn template(&self, before: &Json, wanted: &str) -> Option<Vec<Piece>> {
        let mut sources: Vec<(usize, String)> = Vec::new();
        for (at, leaf) in self.old.leaves.iter().enumerate() {
            let Some(value) = value_at(before, &leaf.path) else { continue };
            let text = text_of(value);
            if (value.is_string() || value.is_number())
                && !text.is_empty()
                && wanted.contains(&text)
            {
                sources.push((at, text));
            }
        }
        sources.sort_by_key(|(at, text)| (!self.free.contains(at), std::cmp::Reverse(text.len())));
        let mut places: Vec<(usize, usize, usize)> = Vec::new();
        for (leaf, text) in &sources {
            let is_free = |start: usize| {
                places.iter().all(|(from, to, _)| start + text.len() <= *from || start >= *to)
            };
            let bounded = |start: usize| {
                let outside = |c: Option<char>| c.is_none_or(|c| !c.is_alphanumeric());
                text.len() > 2
                    || outside(wanted[..start].chars().next_back())
                        && outside(wanted[start + text.len()..].chars().next())
            };
            let start = wanted
                .match_indices(text.as_str())
                .map(|(start, _)| start)
                .find(|s| is_free(*s) && bounded(*s));
            if let Some(start) = start {
                places.push((start, start + text.len(), *leaf));
            }
        }
        if places.len() < 2 {
            return None;
        }
        places.sort_unstable();
        let mut pieces = Vec::new();
        let mut at = 0;
        for (start, end, leaf) in places {
            if start > at {
                pieces.push(Piece::Text(wanted[at..start].to_owned()));
            }
            pieces.push(Piece::Field(leaf));
            at = end;
        }
        if at < wanted.len() {
            pieces.push(Piece::Text(wanted[at..].to_owned()));
        }
        let letters = |piece: &Piece| match piece {
            Piece::Text(text) => text.chars().filter(|c| c.is_alphanumeric()).count(),
            Piece::Field(_) => 0,
        };
        // A text that is mostly unexplained is no join of these fields.
        let unexplained: usize = pieces.iter().map(letters).sum();
        (unexplained * 2 <= wanted.len()).then_some(pieces)
    }

    fn fill(&self, template: &[Piece], before: &Json) -> Option<String> {
        template
            .iter()
            .map(|piece| match piece {
                Piece::Text(text) => Some(text.clone()),
                Piece::Field(leaf) => {
                    let value = value_at(before, &self.old.leaves[*leaf].path)?;
                    (!value.is_null()).then(|| text_of(value))
                }
            })
            .collect()
    }

    fn merge(&self, to: usize, template: &[Piece]) -> Candidate {
        let new = &self.new.leaves[to];
        let reads: Vec<usize> = template
            .iter()
            .filter_map(|piece| match piece {
                Piece::Field(leaf) => Some(*leaf),
                Piece::Text(_) => None,
            })
            .collect();
        let paths: Vec<String> = reads.iter().map(|leaf| self.old.leaves[*leaf].text()).collect();
        let mut params = json!({"type": "mergeFields", "from": paths, "to": new.text()});
        let between = separator(template);
        match &between {
            Some(separator) => params["separator"] = separator.as_str().into(),
            None => params["template"] = as_template(template).into(),
        }
        let absent = reads.iter().any(|leaf| self.old.leaves[*leaf].may_be_absent());
        if absent {
            params["onMissing"] = if between.is_some() { "omit" } else { "skip" }.into();
        }
        let shown: Vec<String> = template
            .iter()
            .map(|piece| match piece {
                Piece::Text(text) => format!("'{text}'"),
                Piece::Field(leaf) => self.old.leaves[*leaf].text(),
            })
            .collect();
        Candidate {
            how: How::Merge { params, after: Conversion::none() },
            reads,
            writes: vec![to],
            confidence: 0.0,
            hits: Hits::default(),
            declared: false,
            evidence: format!("{} = {}", new.text(), shown.join(" + ")),
            assumes: None,
            alternatives: Vec::new(),
        }
    }
}

/// A piece of a joined text.
#[derive(Clone, Debug, PartialEq)]
enum Piece {
    Text(String),
    Field(usize),
}

/// The text between all fields, when it is the same and nothing stands around them.
fn separator(template: &[Piece]) -> Option<String> {
    let mut between: Option<&str> = None;
    for (at, piece) in template.iter().enumerate() {
        match piece {
            Piece::Field(_) if at % 2 == 0 => {}
            Piece::Text(text)
                if at % 2 == 1 && at + 1 < template.len() && between.is_none_or(|b| b == text) =>
            {
                between = Some(text);
            }
            _ => return None,
        }
    }
    between.map(str::to_owned)
}

fn as_template(template: &[Piece]) -> String {
    let mut number = 0;
    template
        .iter()
        .map(|piece| match piece {
            Piece::Text(text) => text.replace('{', "{{"),
            Piece::Field(_) => {
                number += 1;
                format!("{{{number}}}")
            }
        })
        .collect()
}

/// The text of a value as joins write it.
pub fn text_of(value: &Json) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_template_is_a_separator_when_it_can_be() {
        let text = |text: &str| Piece::Text(text.to_owned());
        let simple = [Piece::Field(0), text(", "), Piece::Field(1)];
        assert_eq!(separator(&simple).as_deref(), Some(", "));
        let framed = [text("<"), Piece::Field(0), text(">"), Piece::Field(1)];
        assert_eq!(separator(&framed), None);
        assert_eq!(as_template(&framed), "<{1}>{2}");
    }
}
