//! Texts that are always put together in the same way: into which fields their parts may go.

use serde_json::Value as Json;

use super::candidates::{Candidate, Ground};
use super::looks::{self, Look};
use super::names::{alike, words};
use super::pairwise::SEPARATORS;
use super::side::Leaf;
use super::splits::part_fits;

/// The separators, those that part larger pieces first: `name-1.2` is cut at the hyphen.
const STRONGEST_FIRST: [&str; 13] =
    [" - ", ", ", "|", ";", " ", "/", "@", ":", ",", "-", "_", ".", "x"];

/// New fields for the parts of a text, and what speaks for them.
struct Takers {
    fields: Vec<usize>,
    confidence: f64,
}

impl Ground<'_> {
    /// Cuts of a text whose samples all have as many parts as there are fields that hang together.
    pub fn splits_by_shape(&self, from: usize) -> Vec<Candidate> {
        let old = &self.old.leaves[from];
        let texts: Vec<&str> = old.values.iter().filter_map(Json::as_str).collect();
        let mut found = Vec::new();
        if texts.len() < 3 {
            return found;
        }
        let mut cut: Vec<usize> = Vec::new();
        for separator in STRONGEST_FIRST {
            let count = texts[0].split(separator).count();
            let is_even = |text: &&str| {
                let parts = text.split(separator);
                parts.clone().count() == count && parts.clone().all(is_part)
            };
            // ", " rather than ",".
            let is_longer = |other: &&str| {
                other.len() > separator.len()
                    && other.contains(separator)
                    && texts.iter().all(|text| text.split(*other).count() == count)
            };
            let is_number = separator == "." && self.looks[from] == Some(Look::Decimal);
            let is_short = SEPARATORS.iter().any(is_longer) || is_number;
            if !(2..=4).contains(&count) || !texts.iter().all(is_even) || is_short {
                continue;
            }
            // What a stronger mark cuts in as many parts is not cut at this one.
            let is_cut = cut.contains(&count);
            for takers in self.takers(from, count) {
                let shaped = self.shaped(from, separator, &texts, &takers);
                cut.extend(shaped.as_ref().map(|_| count));
                found.extend(shaped.map(|guess| {
                    let confidence = guess.confidence * if is_cut { 0.7 } else { 1.0 };
                    Candidate { confidence, ..guess }
                }));
            }
        }
        found
    }

    /// The fields that the parts may go to: those of an object called like the text, or those whose
    /// names begin like the text's.
    fn takers(&self, from: usize, count: usize) -> Vec<Takers> {
        let old = &self.old.leaves[from];
        let mut found = Vec::new();
        let free = |at: &&usize| self.new.leaves[**at].structure.constant().is_none();
        for container in &self.new.containers {
            let beside = self.open.iter().filter(free).filter(|at| {
                let path = &self.new.leaves[**at].path;
                path.len() == container.path.len() + 1 && path.starts_with(&container.path)
            });
            let fields: Vec<usize> = beside.copied().collect();
            let likeness = alike(&old.path, &container.path);
            let are_needed = fields.iter().all(|at| self.new.leaves[*at].required);
            match likeness {
                _ if fields.len() != count => {}
                l if l >= 0.75 => found.push(Takers { fields, confidence: 0.86 }),
                l if l >= 0.4 && are_needed => found.push(Takers { fields, confidence: 0.66 }),
                _ => {}
            }
        }
        let last = |leaf: &Leaf| words(leaf.path.last().map_or("", String::as_str));
        let own = last(old);
        let begins = self.open.iter().filter(free).filter(|at| {
            let new = &self.new.leaves[**at];
            let name = last(new);
            new.path.len() == old.path.len() && name.len() > own.len() && name.starts_with(&own)
        });
        let fields: Vec<usize> = begins.copied().collect();
        if fields.len() == count {
            found.push(Takers { fields, confidence: 0.84 });
        }
        if let Some(fields) = self.in_place_of(from).filter(|fields| fields.len() == count) {
            found.push(Takers { fields, confidence: 0.72 });
        }
        // Nothing else is left that they could be made of.
        let is_left = |at: &&usize| {
            self.new.leaves[**at].required && self.new.leaves[**at].structure.default.is_none()
        };
        let fields: Vec<usize> = self.open.iter().filter(free).filter(is_left).copied().collect();
        let is_alone =
            self.free.iter().all(|other| *other == from || !self.old.leaves[*other].declared);
        if is_alone && fields.len() == count {
            found.push(Takers { fields, confidence: 0.7 });
        }
        found
    }

    /// The cut into these fields, in the order in which the values fit them. Where another order fits
    /// as well, the schema's is an assumption.
    fn shaped(
        &self,
        from: usize,
        separator: &str,
        texts: &[&str],
        takers: &Takers,
    ) -> Option<Candidate> {
        let count = takers.fields.len();
        let fits = |part: usize, to: usize| {
            let parts = texts.iter().filter_map(|text| text.split(separator).nth(part));
            parts.clone().count() == texts.len()
                && parts.clone().all(|part| part_fits(part, &self.new.leaves[to]))
        };
        let may: Vec<Vec<bool>> = (0..count)
            .map(|part| takers.fields.iter().map(|to| fits(part, *to)).collect())
            .collect();
        let orders: Vec<Vec<usize>> = orders(count)
            .into_iter()
            .filter(|order| order.iter().enumerate().all(|(part, to)| may[part][*to]))
            .collect();
        // Of two orders that fit, the one in which the parts look like what the names ask for.
        let told = |order: &Vec<usize>| -> i64 {
            let agrees = |(part, to): (usize, &usize)| -> i64 {
                let asked = looks::asked_of(&self.new.leaves[takers.fields[*to]]);
                let parts = texts.iter().filter_map(|text| text.split(separator).nth(part));
                parts.map(|part| i64::from(looks::agree(looks::of_text(part), asked))).sum()
            };
            order.iter().enumerate().map(agrees).sum()
        };
        let most = orders.iter().map(told).max()?;
        let mut nearest = orders.iter().filter(|order| told(order) == most);
        let order = nearest.next()?;
        let is_open = nearest.next().is_some();
        let to: Vec<usize> = order.iter().map(|at| takers.fields[*at]).collect();
        let mut candidate = self.split(from, to, separator, "last");
        candidate.confidence = takers.confidence;
        candidate.evidence =
            format!("{} in {n} of {n} sampled values", candidate.evidence, n = texts.len());
        if is_open {
            candidate.confidence *= 0.93;
            candidate.assumes =
                Some("that the parts stand in the order of the new fields".to_owned());
        }
        Some(candidate)
    }
}

/// Whether a piece of a text may stand by itself: it begins with no mark that joins.
fn is_part(part: &str) -> bool {
    let first = part.trim().chars().next();
    first.is_some_and(|c| c.is_alphanumeric() || matches!(c, '+' | '-' | '#' | '$' | '@' | '.'))
}

/// Every order of so many, the plain one first.
fn orders(count: usize) -> Vec<Vec<usize>> {
    let mut orders: Vec<Vec<usize>> = vec![Vec::new()];
    for _ in 0..count {
        let longer = orders.iter().flat_map(|order| {
            let more = (0..count).filter(|at| !order.contains(at));
            more.map(|at| order.iter().copied().chain([at]).collect()).collect::<Vec<Vec<usize>>>()
        });
        orders = longer.collect();
    }
    orders
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_plain_order_comes_first() {
        let orders = orders(3);
        assert_eq!((orders.len(), orders[0].as_slice()), (6, &[0, 1, 2][..]));
    }
}
