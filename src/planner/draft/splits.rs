//! Texts that are cut into several fields.

use serde_json::{Value as Json, json};

use super::candidates::{Candidate, Ground, How};
use super::composite::{COMPOSITES, Composite, pick};
use super::convert::{Conversion, is_padded, unpadded};
use super::evidence::{Hits, bits, certainty};
use super::looks::{self, Look};
use super::merges::text_of;
use super::names::{ratio, words};
use super::pairwise::SEPARATORS;
use super::side::{Leaf, value_at};
use crate::schema::FieldType;

/// Where parts beyond the fields go, as `splitField` names it.
const RESTS: [&str; 2] = ["last", "first"];

/// Cuts a text as `splitField` does; `None` when it has too few parts.
fn cut(text: &str, separator: &str, count: usize, rest: &str) -> Option<Vec<String>> {
    let parts: Vec<String> = if rest == "first" {
        let mut parts: Vec<String> = text.rsplitn(count, separator).map(str::to_owned).collect();
        parts.reverse();
        parts
    } else {
        text.splitn(count, separator).map(str::to_owned).collect()
    };
    (parts.len() == count).then_some(parts)
}

impl Ground<'_> {
    /// Every guess that cuts one text into several fields.
    pub fn splits(&self) -> Vec<Candidate> {
        let mut found = Vec::new();
        for from in 0..self.old.leaves.len() {
            let leaf = &self.old.leaves[from];
            if !leaf.structure.may_be(FieldType::String) {
                continue;
            }
            let is_free = self.free.contains(&from);
            let shown = self.splits_by_pairs(from);
            if shown.is_empty() {
                found.extend(self.splits_by_names(from, is_free));
            }
            if shown.is_empty() && is_free {
                found.extend(self.splits_by_shape(from));
                found.extend(self.splits_by_form(from));
                found.extend(self.splits_of_money(from));
            }
            found.extend(shown);
        }
        found
    }

    fn splits_by_pairs(&self, from: usize) -> Vec<Candidate> {
        let leaf = &self.old.leaves[from];
        let mut found: Vec<Candidate> = Vec::new();
        if self.pairs.is_empty() || self.open.len() < 2 {
            return found;
        }
        for separator in SEPARATORS {
            for count in 2..=4 {
                for rest in RESTS {
                    let part = |before: &Json, at: usize| {
                        let text = value_at(before, &leaf.path)?.as_str()?.to_owned();
                        cut(&text, separator, count, rest)?.into_iter().nth(at)
                    };
                    let Some(writes) = self.part_fields(count, &part) else { continue };
                    let all = |(before, after): &(Json, Json)| {
                        writes.iter().enumerate().all(|(at, to)| {
                            let wanted = value_at(after, &self.new.leaves[*to].path).map(text_of);
                            part(before, at).is_some_and(|made| wanted.as_deref() == Some(&made))
                        })
                    };
                    let told = self.pairs.shown.iter().filter(|pair| all(pair));
                    let bits: f64 =
                        told.clone().filter_map(|(b, _)| value_at(b, &leaf.path)).map(bits).sum();
                    let of = self
                        .pairs
                        .shown
                        .iter()
                        .filter(|(b, _)| value_at(b, &leaf.path).is_some())
                        .count();
                    let hits = Hits { right: told.count(), of };
                    let share = self.cut_share(from, &writes, separator, count, rest);
                    if hits.share() < 0.5 || share.of > 0 && share.share() < 0.5 {
                        continue;
                    }
                    let confidence = hits.share() * certainty(bits) * (0.9 + 0.1 * share.share());
                    let mut candidate = self.split(from, writes, separator, rest);
                    candidate.evidence =
                        format!("{} in {} of {} pairs", candidate.evidence, hits.right, hits.of);
                    found.push(Candidate { hits, confidence, assumes: None, ..candidate });
                }
            }
        }
        found.sort_by(|a, b| b.confidence.total_cmp(&a.confidence));
        self.settle_rest(found)
    }

    /// Where pairs do not tell which field takes what is left over, samples that have more parts make
    /// it a question.
    fn settle_rest(&self, mut found: Vec<Candidate>) -> Vec<Candidate> {
        let Some(best) = found.first().cloned() else { return found };
        found.retain(|other| {
            other.writes != best.writes
                || other.how == best.how
                || other.confidence < best.confidence - 0.001
        });
        let from = &self.old.leaves[best.reads[0]];
        let How::Split { params, .. } = &best.how else { return found };
        let separator = params["separator"].as_str().unwrap_or_default();
        let count = best.writes.len();
        let parts = |text: &str| text.split(separator).count();
        let more = |text: &str| parts(text) > count;
        let shown = self.pairs.shown.iter().any(|(before, _)| {
            value_at(before, &from.path).and_then(Json::as_str).is_some_and(more)
        });
        let sampled = from.values.iter().filter_map(Json::as_str).any(more);
        if sampled && !shown {
            found[0].assumes = Some("which field takes the parts that are left over".to_owned());
        }
        found
    }

    /// The fields that hold the first to the last part in most pairs.
    fn part_fields(
        &self,
        count: usize,
        part: &dyn Fn(&Json, usize) -> Option<String>,
    ) -> Option<Vec<usize>> {
        let mut fields = Vec::with_capacity(count);
        for at in 0..count {
            let right = |to: usize| {
                let path = &self.new.leaves[to].path;
                let holds = |(before, after): &&(Json, Json)| {
                    let made = part(before, at);
                    made.is_some() && made == value_at(after, path).map(text_of)
                };
                self.pairs.shown.iter().filter(holds).count()
            };
            let best = self
                .open
                .iter()
                .copied()
                .filter(|to| !fields.contains(to))
                .max_by_key(|to| (right(*to), std::cmp::Reverse(*to)))?;
            if right(best) == 0 {
                return None;
            }
            fields.push(best);
        }
        Some(fields)
    }

    /// How many sampled texts have exactly as many parts, each fitting its field.
    pub fn cut_share(
        &self,
        from: usize,
        to: &[usize],
        separator: &str,
        count: usize,
        rest: &str,
    ) -> Hits {
        let texts = self.old.leaves[from].values.iter().filter_map(Json::as_str);
        let mut hits = Hits::default();
        for text in texts {
            hits.of += 1;
            let parts = cut(text, separator, count, rest);
            let fits = parts.is_some_and(|parts| {
                parts.iter().zip(to).all(|(part, to)| {
                    let new = &self.new.leaves[*to];
                    let is_whole = !part.trim().ends_with([',', ';', ':']);
                    !part.is_empty() && is_whole && part_fits(part, new)
                })
            });
            hits.right += usize::from(fits);
        }
        hits
    }

    pub fn split(&self, from: usize, to: Vec<usize>, separator: &str, rest: &str) -> Candidate {
        let old = &self.old.leaves[from];
        let paths: Vec<String> = to.iter().map(|to| self.new.leaves[*to].text()).collect();
        let mut params =
            json!({"type": "splitField", "from": old.text(), "to": paths, "separator": separator});
        if rest == "first" {
            params["rest"] = "first".into();
        }
        let count = to.len();
        let has_padded = |at: usize| {
            let texts = old.values.iter().filter_map(Json::as_str);
            texts
                .filter_map(|text| cut(text, separator, count, rest))
                .any(|parts| is_padded(&parts[at]))
        };
        let way = |(at, to): (usize, &usize)| part_way(&self.new.leaves[*to], has_padded(at));
        let after = to.iter().enumerate().map(way).collect();
        let evidence = format!("{} = {} cut at '{separator}'", paths.join(" and "), old.text());
        Candidate {
            how: How::Split { params, after },
            reads: vec![from],
            writes: to,
            confidence: 0.0,
            hits: Hits::default(),
            declared: false,
            evidence,
            assumes: None,
            alternatives: Vec::new(),
        }
    }

    /// The best cut of one text into these fields, in order.
    pub fn split_into(&self, from: usize, to: &[usize]) -> Candidate {
        let old = &self.old.leaves[from];
        let count = to.len();
        let mut best = (-1.0, self.split(from, to.to_vec(), " ", "last"), Hits::default());
        for separator in SEPARATORS.into_iter().chain(["x"]) {
            for rest in RESTS {
                let right = |(before, after): &&(Json, Json)| {
                    let text = value_at(before, &old.path).and_then(Json::as_str);
                    let parts = text.and_then(|text| cut(text, separator, count, rest));
                    parts.is_some_and(|parts| {
                        let wanted =
                            |to: &usize| value_at(after, &self.new.leaves[*to].path).map(text_of);
                        parts.iter().zip(to).all(|(part, to)| wanted(to).as_ref() == Some(part))
                    })
                };
                let shown =
                    ratio(self.pairs.shown.iter().filter(right).count(), self.pairs.shown.len());
                let share = self.cut_share(from, to, separator, count, rest);
                let score = 10.0 * shown + share.share();
                if score > best.0 {
                    best = (score, self.split(from, to.to_vec(), separator, rest), share);
                }
            }
        }
        let (_, mut candidate, share) = best;
        candidate.evidence = format!(
            "{}: declared, {} of {} sampled values",
            candidate.evidence, share.right, share.of
        );
        if share.of == 0 && self.pairs.is_empty() {
            candidate.assumes = Some("which text stands between the parts".to_owned());
        }
        candidate
    }

    /// The parts whose names are known to make up the text. A text that stays where it is may be one of
    /// them: `host` becomes `host` and `port`.
    fn splits_by_names(&self, from: usize, is_free: bool) -> Vec<Candidate> {
        let old = &self.old.leaves[from];
        let own = words(old.path.last().map_or("", String::as_str));
        let mut found = Vec::new();
        let stays = self.new.leaf(&old.path).filter(|_| !is_free);
        if stays.is_none() && !is_free {
            return found;
        }
        let among: Vec<usize> = self.open.iter().copied().chain(stays).collect();
        let is_whole = |composite: &&Composite| {
            let is_named = |names: &&[&str]| own.iter().any(|word| names.contains(&word.as_str()));
            // `lat_lng` names its parts.
            own.iter().any(|word| composite.whole.contains(&word.as_str()))
                || composite.parts.iter().all(is_named)
                || composite.names_person() && self.looks[from] == Some(Look::Person)
        };
        for composite in COMPOSITES.iter().filter(is_whole) {
            let Some(mut to) = pick(composite.parts, &among, &self.new.leaves) else { continue };
            if stays.is_some_and(|stays| !to.contains(&stays)) {
                continue;
            }
            let count = to.len();
            let separators = std::iter::once(composite.separator).chain(SEPARATORS);
            let is_decimal = self.looks[from] == Some(Look::Decimal);
            let separators = separators.filter(|separator| !(is_decimal && *separator == "."));
            let tried = separators.map(|s| (s, self.cut_share(from, &to, s, count, "last")));
            // Of two that cut as well the longer one is meant: ", " rather than " ".
            let better =
                |a: (usize, usize), b: (usize, usize)| a.0 > b.0 || a.0 == b.0 && a.1 > b.1;
            let best = tried.fold((composite.separator, Hits::default()), |best, other| {
                let is_better =
                    better((other.1.right, other.0.len()), (best.1.right, best.0.len()));
                if is_better { other } else { best }
            });
            let (separator, share) = best;
            let has_values = old.values.iter().any(Json::is_string);
            if has_values && share.right == 0 || stays.is_some() && !share.are_all() {
                continue;
            }
            // "Lovelace, Ada": a comma says that the last name comes first.
            if separator.contains(',') && composite.separator == " " {
                to.reverse();
            }
            let texts = old.values.iter().filter_map(Json::as_str);
            let more = texts.clone().filter(|text| text.split(separator).count() > count).count();
            let mut candidate = self.split(from, to, separator, "last");
            if share.of == 0 {
                candidate.confidence = 0.6;
                candidate.assumes = Some(format!("that the parts stand around '{separator}'"));
            } else {
                // Parts that are numbers or have a form of their own are no chance.
                let is_strict = |to: &usize| {
                    let structure = &self.new.leaves[*to].structure;
                    !structure.may_be(FieldType::String) || structure.pattern.is_some()
                };
                let told = if candidate.writes.iter().any(is_strict) { 0.94 } else { 0.92 };
                candidate.confidence = told * share.share();
                candidate.evidence = format!(
                    "{} in {} of {} sampled values",
                    candidate.evidence, share.right, share.of
                );
                if more > 0 {
                    candidate.confidence *= 0.82;
                    candidate.assumes = Some(format!(
                        "which field takes the parts that are left over ({more} sampled values have more than {count})"
                    ));
                }
            }
            found.push(candidate);
        }
        found
    }
}

/// Whether a part of a text fits a field, once it has the field's type.
pub fn part_fits(part: &str, new: &Leaf) -> bool {
    let is_meant = looks::agree(looks::of_text(part), looks::asked_of(new)) >= 0;
    is_meant
        && part_way(new, is_padded(part))
            .apply(&Json::from(part))
            .is_some_and(|made| new.fits(&made))
}

/// How a part of a text becomes the field's type.
fn part_way(new: &Leaf, is_padded: bool) -> Conversion {
    let convert = |to: &str| {
        let step = json!({"type": "convertType", "field": "@", "from": "string", "to": to});
        let before = is_padded.then(unpadded);
        Conversion::of(before.into_iter().chain([step]).collect(), 0.0, to)
    };
    match () {
        () if new.structure.may_be(FieldType::String) => Conversion::none(),
        () if new.structure.types.contains(&FieldType::Integer) => convert("integer"),
        () if new.structure.types.contains(&FieldType::Number) => convert("number"),
        () => Conversion::none(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_cut_as_split_field_cuts_them() {
        let parts = |text, count, rest| cut(text, " ", count, rest);
        assert_eq!(parts("Ada Lovelace", 2, "last"), Some(vec!["Ada".into(), "Lovelace".into()]));
        assert_eq!(
            parts("Ada King Lovelace", 2, "last"),
            Some(vec!["Ada".into(), "King Lovelace".into()])
        );
        assert_eq!(
            parts("Ada King Lovelace", 2, "first"),
            Some(vec!["Ada King".into(), "Lovelace".into()])
        );
        assert_eq!(parts("Ada", 2, "last"), None);
    }
}
