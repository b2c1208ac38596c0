//! Texts of a form that everybody knows, with the names of their parts: web addresses, mail addresses
//! with a name before them. Each part is one pattern of Luau.

use serde_json::Value as Json;

use super::candidates::{Candidate, Ground, How};
use super::convert::{Conversion, calculated};
use super::evidence::Hits;
use super::items::of_items;
use super::names::words;
use super::side::Leaf;
use super::structure::Structure;
use super::vocabulary::canonical;
use crate::schema::FieldType;

/// A form of texts.
struct Form {
    /// What all texts of the form match.
    pattern: &'static str,
    /// The words by which a part goes, and an expression for it; `@1` is the text.
    parts: &'static [(&'static [&'static str], &'static str)],
}

const FORMS: &[Form] = &[
    Form {
        pattern: r"^[A-Za-z][A-Za-z0-9+.-]*://[^/?#\s]+\S*$",
        parts: &[
            (&["scheme", "protocol", "proto"], r#"string.match(@1, "^(%a[%w+.-]*)://")"#),
            (&["host", "domain", "hostname"], r#"string.match(@1, "^%a[%w+.-]*://([^/:?#]+)")"#),
            (&["port"], r#"tonumber(string.match(@1, "^%a[%w+.-]*://[^/:?#]+:(%d+)"))"#),
            (&["path", "pathname"], r#"string.match(@1, "^%a[%w+.-]*://[^/?#]*([^?#]*)")"#),
            (&["query", "search"], r#"string.match(@1, "%?([^#]*)")"#),
        ],
    },
    Form {
        pattern: r"^[^<>]+<[^<>\s]+@[^<>\s]+>$",
        parts: &[
            (&["name"], r#"string.match(@1, "^%s*(.-)%s*<")"#),
            (&["email", "address"], r#"string.match(@1, "<([^<>]+)>")"#),
        ],
    },
    Form {
        pattern: r"^.+, [A-Z]{2} \d{5}(-\d{4})?$",
        parts: &[
            (&["city"], r#"string.match(@1, "([^,]+), %u%u %d[%d-]*$")"#),
            (&["status", "province"], r#"string.match(@1, ", (%u%u) %d[%d-]*$")"#),
            (&["zip"], r#"string.match(@1, " (%d[%d-]*)$")"#),
        ],
    },
    Form {
        pattern: r"^[^,]+, \d{4,6} [^,\d]+$",
        parts: &[
            (&["street"], r#"string.match(@1, "^(.-), ")"#),
            (&["zip"], r#"string.match(@1, ", (%d+) ")"#),
            (&["city"], r#"string.match(@1, ", %d+ (.+)$")"#),
        ],
    },
    Form {
        pattern: r"^[A-Z]+ /\S*( HTTP/[\d.]+)?$",
        parts: &[
            (&["method", "verb"], r#"string.match(@1, "^(%u+) ")"#),
            (&["path", "url"], r#"string.match(@1, "^%u+ (%S+)")"#),
            (&["protocol", "version"], r#"string.match(@1, "(HTTP/[%d.]+)$")"#),
        ],
    },
];

thread_local! {
    static PATTERNS: Vec<regex::Regex> = FORMS
        .iter()
        .map(|form| regex::Regex::new(form.pattern).expect("a pattern of this file reads"))
        .collect();
}

/// The form that all of these texts have.
fn form_of(texts: &[&str]) -> Option<&'static Form> {
    PATTERNS.with(|patterns| {
        let are_all = |pattern: &regex::Regex| texts.iter().all(|text| pattern.is_match(text));
        let at = patterns.iter().position(|pattern| !texts.is_empty() && are_all(pattern));
        at.map(|at| &FORMS[at])
    })
}

/// The expression for the part that a name says.
fn part(form: &Form, name: &str) -> Option<&'static str> {
    let words = words(name);
    let two = words[words.len().saturating_sub(2)..].concat();
    let said = [canonical(&two), words.last().map(|word| canonical(word)).unwrap_or_default()];
    let raw = words.last().cloned().unwrap_or_default();
    let names = |part: &&(&[&str], &str)| {
        part.0.contains(&raw.as_str()) || said.iter().any(|word| part.0.contains(&word.as_str()))
    };
    form.parts.iter().find(names).map(|(_, expr)| *expr)
}

impl Ground<'_> {
    /// The parts of a text of a known form as fields of one object; at least two of them.
    pub fn splits_by_form(&self, from: usize) -> Option<Candidate> {
        let old = &self.old.leaves[from];
        let texts: Vec<&str> = old.values.iter().filter_map(Json::as_str).collect();
        let form = form_of(&texts).filter(|_| texts.len() >= 2)?;
        let wanted = |at: &usize| {
            let new = &self.new.leaves[*at];
            Some((*at, part(form, new.path.last()?)?))
        };
        let all: Vec<(usize, &str)> = self.open.iter().filter_map(wanted).collect();
        let parent = |at: usize| {
            let path = &self.new.leaves[at].path;
            &path[..path.len() - 1]
        };
        let of = |lead: &[String]| -> Vec<(usize, &str)> {
            all.iter().filter(|(at, _)| parent(*at) == lead).copied().collect()
        };
        let parts = all.iter().map(|(at, _)| of(parent(*at))).max_by_key(Vec::len)?;
        let twice = parts.iter().any(|(at, expr)| parts.iter().any(|(b, e)| b != at && e == expr));
        if parts.len() < 2 || twice {
            return None;
        }
        let writes: Vec<usize> = parts.iter().map(|(at, _)| *at).collect();
        let names: Vec<String> = writes.iter().map(|at| self.new.leaves[*at].text()).collect();
        Some(Candidate {
            how: How::Compute(parts.iter().map(|(_, expr)| (*expr).to_owned()).collect()),
            reads: vec![from],
            writes,
            confidence: 0.88,
            hits: Hits::default(),
            declared: false,
            evidence: format!(
                "{} = the parts of {} in {n} of {n} sampled values",
                names.join(" and "),
                old.text(),
                n = texts.len()
            ),
            assumes: None,
            alternatives: Vec::new(),
        })
    }
}

/// A list of texts of a known form as a list of objects with their parts.
pub fn items(from: &Leaf, to: &Leaf) -> Option<Conversion> {
    let texts: Vec<&str> = from
        .values
        .iter()
        .filter_map(Json::as_array)
        .flatten()
        .map(Json::as_str)
        .collect::<Option<_>>()?;
    let form = form_of(&texts)?;
    let wanted = Structure::of(to.structure.items.as_ref()?, to.structure.items.as_ref()?);
    if !wanted.is_only(FieldType::Object) {
        return None;
    }
    let made: Vec<String> = wanted
        .fields
        .iter()
        .filter_map(|(name, _)| {
            let expr = part(form, name)?.replace("@1", "e");
            Some(format!("[{}] = {expr}", Json::from(name.as_str())))
        })
        .collect();
    let way = calculated(&of_items(&format!("{{ {} }}", made.join(", "))));
    (made.len() > 1).then(|| Conversion::of(vec![way], 0.06, "the parts of each item"))
}

/// Texts, or one text with several of them, that are cut in two at the same mark, as objects with two
/// fields: `apple:2,pear:1`.
pub fn twos(from: &Leaf, to: &Leaf) -> Option<Conversion> {
    const INNER: [&str; 5] = [":", "=", "*", "/", " "];
    let node = to.structure.items.as_ref()?;
    let wanted = Structure::of(node, node);
    let [(first, one), (second, other)] = wanted.fields.as_slice() else { return None };
    let is_text = from.values.iter().all(Json::is_string);
    let outer = [",", ";", "|", "\n"].into_iter().find(|outer| {
        is_text && from.values.iter().filter_map(Json::as_str).any(|text| text.contains(outer))
    });
    let all: Vec<String> = from.values.iter().flat_map(|value| pieces(value, outer)).collect();
    let is_number = |node: &Json| {
        let structure = Structure::of(node, node);
        !structure.types.is_empty() && !structure.may_be(FieldType::String)
    };
    let fits = |part: &str, node: &Json| {
        !part.is_empty() && (!is_number(node) || part.trim().parse::<f64>().is_ok())
    };
    // One text is one pair only by chance, and two words are a pair only beside a number.
    if is_text && outer.is_none() {
        return None;
    }
    let marks = INNER.into_iter().filter(|mark| *mark != " " || is_number(one) || is_number(other));
    let mark = marks.into_iter().find(|mark| {
        let cuts = |text: &String| match text.split_once(mark) {
            Some((a, b)) => fits(a, one) && fits(b, other) && !b.contains(mark),
            None => false,
        };
        !all.is_empty() && all.iter().all(cuts)
    })?;
    let made = |at: usize, node: &Json| {
        if is_number(node) { format!("tonumber(p[{at}])") } else { format!("p[{at}]") }
    };
    let list = match outer {
        Some(outer) => format!("string.split(@i, {})", Json::from(outer)),
        None => "@i".to_owned(),
    };
    let expr = format!(
        "(function() local o = array({{}}) for _, e in {list} do local p = string.split(e, {}) \
         table.insert(o, {{ [{}] = {}, [{}] = {} }}) end return o end)()",
        Json::from(mark),
        Json::from(first.as_str()),
        made(1, one),
        Json::from(second.as_str()),
        made(2, other)
    );
    let words = format!("'{first}' and '{second}' around '{mark}'");
    wanted.is_only(FieldType::Object).then(|| Conversion::of(vec![calculated(&expr)], 0.1, &words))
}

/// The texts of a list, or of a text cut at a mark.
fn pieces(value: &Json, outer: Option<&str>) -> Vec<String> {
    match (value, outer) {
        (Json::String(text), Some(outer)) => text.split(outer).map(str::to_owned).collect(),
        (Json::String(text), None) => vec![text.clone()],
        (Json::Array(items), _) => {
            items.iter().map(|item| item.as_str().unwrap_or_default().to_owned()).collect()
        }
        _ => Vec::new(),
    }
}
