//! Several fields that become one list, and a list of a known length that becomes several fields.

use serde_json::Value as Json;

use super::candidates::{Candidate, Ground, How};
use super::evidence::{Hits, bits, certainty, equal};
use super::names::{singular, words};
use super::side::{Leaf, Names, value_at};
use super::structure::Structure;
use crate::schema::FieldType;

/// Names for the two halves of a place on earth, as words.
const LATITUDE: [&str; 3] = ["lat", "latitude", "y"];
const LONGITUDE: [&str; 5] = ["lon", "lng", "long", "longitude", "x"];
/// Names for a place on earth as a list: GeoJSON (RFC 7946) has the longitude first.
const PLACES: [&str; 9] = [
    "coordinates",
    "coords",
    "coordinate",
    "point",
    "position",
    "location",
    "loc",
    "geo",
    "lnglat",
];
/// Words that number fields.
const NUMBERS: [&[&str]; 4] = [
    &["a", "b", "c", "d", "e", "f", "g", "h"],
    &["1", "2", "3", "4", "5", "6", "7", "8", "9"],
    &["one", "two", "three", "four", "five", "six"],
    &["first", "second", "third", "fourth", "fifth"],
];
const ORDERS: [&[&str]; 2] = [&["primary", "secondary", "tertiary"], &["main", "alternate"]];

/// The object around numbered fields, and the words of their name but the number.
type Stem = (Names, Vec<String>);

impl Ground<'_> {
    /// Every guess between several fields and one list.
    pub fn gathers(&self) -> Vec<Candidate> {
        let mut found = Vec::new();
        for &to in &self.open {
            let new = &self.new.leaves[to];
            if !new.structure.is_only(FieldType::Array) || !holds_scalars(new) {
                continue;
            }
            if self.pairs.after(&new.path).is_empty() {
                found.extend(self.gather_places(to));
                found.extend(self.gather_numbered(to));
            } else {
                found.extend(self.gather_by_pairs(to));
            }
        }
        found.extend(self.scatter_places());
        found
    }

    /// `lat` and `lng` as `coordinates`.
    fn gather_places(&self, to: usize) -> Option<Candidate> {
        let name = words(self.new.leaves[to].path.last()?);
        let [lat, lon] = halves(&self.free, &self.old.leaves)?;
        let is_place = name.iter().any(|word| PLACES.contains(&word.as_str()));
        let mut candidate = self.gather(to, vec![lon, lat], 0.86).filter(|_| is_place)?;
        if !self.is_geo_json(&self.new.leaves[to].path) {
            candidate.assumes = Some("that the longitude comes first, as in GeoJSON".to_owned());
        }
        Some(candidate)
    }

    /// Whether a list stands in an object that says it is a point.
    fn is_geo_json(&self, path: &Names) -> bool {
        let mut beside = path.clone();
        beside.pop();
        beside.push("type".to_owned());
        let at = self.new.leaf(&beside);
        at.is_some_and(|at| self.new.leaves[at].fits(&Json::from("Point")))
    }

    /// `option_a`, `option_b` as `options`; `address1` and `address2` as `addresses`.
    fn gather_numbered(&self, to: usize) -> Option<Candidate> {
        let name = words(self.new.leaves[to].path.last()?);
        let mut rows: Vec<(Stem, Vec<(usize, usize)>)> = Vec::new();
        for &from in &self.free {
            let path = &self.old.leaves[from].path;
            let Some((stem, number)) = numbered(path.last()?) else { continue };
            let parent = path[..path.len() - 1].to_vec();
            match rows.iter_mut().find(|(known, _)| *known == (parent.clone(), stem.clone())) {
                Some((_, row)) => row.push((number, from)),
                None => rows.push(((parent, stem), vec![(number, from)])),
            }
        }
        let plain = |words: &[String]| words.iter().map(|word| singular(word)).collect::<Vec<_>>();
        let found = rows.into_iter().filter_map(|((_, stem), mut row)| {
            row.sort_unstable();
            let is_row = row.len() > 1 && row.windows(2).all(|two| two[0].0 + 1 == two[1].0);
            let is_same = plain(&stem) == plain(&name);
            let reads = row.into_iter().map(|(_, from)| from).collect();
            let confidence = if is_same { 0.93 } else { 0.6 };
            self.gather(to, reads, confidence).filter(|_| is_row)
        });
        found.max_by(|a, b| a.confidence.total_cmp(&b.confidence))
    }

    /// Each item of the lists that pairs show is one old field.
    fn gather_by_pairs(&self, to: usize) -> Option<Candidate> {
        let path = &self.new.leaves[to].path;
        let shown: Vec<(&Json, &Vec<Json>)> = self
            .pairs
            .shown
            .iter()
            .filter_map(|(before, after)| Some((before, value_at(after, path)?.as_array()?)))
            .collect();
        let count = shown.first()?.1.len();
        if count < 2 || shown.iter().any(|(_, items)| items.len() != count) {
            return None;
        }
        let mut reads: Vec<usize> = Vec::new();
        let mut told = 0.0;
        for at in 0..count {
            let holds = |from: &usize| {
                let old = &self.old.leaves[*from].path;
                shown.iter().all(|(before, items)| {
                    value_at(before, old).is_some_and(|value| equal(value, &items[at]))
                })
            };
            let all: Vec<usize> = (0..self.old.leaves.len()).collect();
            let mut fitting =
                all.iter().filter(|from| !reads.contains(from)).filter(|from| holds(from));
            let from = *fitting.next()?;
            let values: f64 = shown.iter().map(|(_, items)| bits(&items[at]).min(20.0)).sum();
            told += values;
            reads.push(from);
        }
        let hits = Hits { right: shown.len(), of: shown.len() };
        let candidate = self.gather(to, reads, certainty(told) * 0.95)?;
        let evidence = format!("{} in {n} of {n} pairs", candidate.evidence, n = shown.len());
        Some(Candidate { hits, evidence, ..candidate })
    }

    /// A list of these fields; `None` when their values are no items of it.
    fn gather(&self, to: usize, reads: Vec<usize>, confidence: f64) -> Option<Candidate> {
        let new = &self.new.leaves[to];
        let leaves: Vec<&Leaf> = reads.iter().map(|from| &self.old.leaves[*from]).collect();
        let fits = |leaf: &&Leaf| {
            let values = leaf.values.iter().filter(|value| !value.is_null());
            let mut lists = values.map(|value| Json::from(vec![value.clone(); leaves.len()]));
            lists.all(|list| new.fits(&list))
        };
        if !leaves.iter().all(fits) {
            return None;
        }
        let may_be_none = |leaf: &&Leaf| {
            leaf.may_be_absent()
                || leaf.structure.is_nullable()
                || leaf.values.contains(&Json::Null)
        };
        let names: Vec<String> = (1..=reads.len()).map(|number| format!("@{number}")).collect();
        let expr = if leaves.iter().any(may_be_none) {
            let puts = names.iter().map(|name| {
                format!("if {name} ~= nil and {name} ~= null then table.insert(o, {name}) end")
            });
            let puts: Vec<String> = puts.collect();
            format!("(function() local o = array({{}}) {} return o end)()", puts.join(" "))
        } else {
            format!("array({{ {} }})", names.join(", "))
        };
        let texts: Vec<String> = leaves.iter().map(|leaf| leaf.text()).collect();
        Some(Candidate {
            how: How::Compute(vec![expr]),
            reads,
            writes: vec![to],
            confidence,
            hits: Hits::default(),
            declared: false,
            evidence: format!("{} = the list of {}", new.text(), texts.join(" and ")),
            assumes: None,
            alternatives: Vec::new(),
        })
    }

    /// `coordinates` as `lng` and `lat`.
    fn scatter_places(&self) -> Option<Candidate> {
        let [lat, lon] = halves(&self.open, &self.new.leaves)?;
        let is_place = |from: &&usize| {
            let leaf = &self.old.leaves[**from];
            let name = words(leaf.path.last().map_or("", String::as_str));
            let is_pair = |value: &Json| {
                value
                    .as_array()
                    .is_some_and(|items| items.len() == 2 && items.iter().all(Json::is_number))
            };
            name.iter().any(|word| PLACES.contains(&word.as_str()))
                && !leaf.values.is_empty()
                && leaf.values.iter().all(is_pair)
                && !leaf.may_be_absent()
        };
        let from = *self.free.iter().find(is_place)?;
        let old = &self.old.leaves[from];
        let mut beside = old.path.clone();
        beside.pop();
        beside.push("type".to_owned());
        let says_point = self.old.leaf(&beside).is_some_and(|at| {
            let kind = &self.old.leaves[at];
            kind.structure.constant() == Some(&Json::from("Point"))
                || kind.values == [Json::from("Point")]
        });
        Some(Candidate {
            how: How::Compute(vec!["@1[1]".to_owned(), "@1[2]".to_owned()]),
            reads: vec![from],
            writes: vec![lon, lat],
            confidence: 0.86,
            hits: Hits::default(),
            declared: false,
            evidence: format!("{} holds the longitude and the latitude", old.text()),
            assumes: (!says_point)
                .then(|| "that the longitude comes first, as in GeoJSON".to_owned()),
            alternatives: Vec::new(),
        })
    }
}

/// The latitude and the longitude among fields, in one object.
fn halves(among: &[usize], leaves: &[Leaf]) -> Option<[usize; 2]> {
    let says = |at: &usize, of: &[&str]| {
        let name = words(leaves[*at].path.last().map_or("", String::as_str));
        name.last().is_some_and(|word| of.contains(&word.as_str()))
    };
    let lat = *among.iter().find(|at| says(at, &LATITUDE))?;
    let beside = |at: &&usize| {
        let (a, b) = (&leaves[**at].path, &leaves[lat].path);
        a[..a.len() - 1] == b[..b.len() - 1]
    };
    let lon = *among.iter().filter(beside).find(|at| says(at, &LONGITUDE))?;
    Some([lat, lon])
}

/// Whether the items of a list are no objects and no lists.
fn holds_scalars(leaf: &Leaf) -> bool {
    let items = leaf.structure.items.as_ref().map(|items| Structure::of(items, items));
    items.is_some_and(|items| {
        !items.types.is_empty()
            && !items.may_be(FieldType::Object)
            && !items.may_be(FieldType::Array)
    })
}

/// The stem and the number of a name: `option_b` is `option` and 1, `line2` is `line` and 1.
fn numbered(name: &str) -> Option<(Vec<String>, usize)> {
    let mut words = words(name);
    let last = words.last()?.clone();
    let place = |word: &str| {
        NUMBERS.iter().chain(&ORDERS).find_map(|row| row.iter().position(|known| *known == word))
    };
    if words.len() > 1 {
        if let Some(number) = place(&last) {
            words.pop();
            return Some((words, number));
        }
        if let Some(number) = place(&words[0]) {
            words.remove(0);
            return Some((words, number));
        }
    }
    let digits = last.trim_end_matches(|c: char| c.is_ascii_digit());
    let number = last[digits.len()..].parse::<usize>().ok()?;
    let stem = digits.to_owned();
    *words.last_mut()? = stem;
    (!digits.is_empty()).then_some((words, number))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_numbered_in_several_ways() {
        let stem = |text: &str| vec![text.to_owned()];
        assert_eq!(numbered("option_b"), Some((stem("option"), 1)));
        assert_eq!(numbered("line2"), Some((stem("line"), 2)));
        assert_eq!(numbered("secondaryEmail"), Some((stem("email"), 1)));
        assert_eq!(numbered("name"), None);
    }
}
