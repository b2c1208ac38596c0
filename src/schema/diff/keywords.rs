//! The keywords that stand alone: types, values, bounds, patterns, formats and notes.

use serde_json::{Map, Value};

use super::change::{Change, ChangeKind as Kind, DataWork, Verdict};
use crate::schema::violation::shown;

/// Which way a rule moved.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Move {
    /// Fewer values fit.
    Narrowed,
    /// More values fit.
    Widened,
    /// Others fit.
    Both,
}

impl Move {
    /// New readers accept old data; old readers accept new data.
    fn verdicts(self) -> (Verdict, Verdict) {
        match self {
            Self::Narrowed => (Verdict::No, Verdict::Yes),
            Self::Widened => (Verdict::Yes, Verdict::No),
            Self::Both => (Verdict::No, Verdict::No),
        }
    }

    fn data(self) -> DataWork {
        match self {
            Self::Narrowed => DataWork::Check,
            Self::Widened => DataWork::None,
            Self::Both => DataWork::Rewrite,
        }
    }

    fn of(lost: bool, gained: bool) -> Option<Self> {
        match (lost, gained) {
            (true, true) => Some(Self::Both),
            (true, false) => Some(Self::Narrowed),
            (false, true) => Some(Self::Widened),
            (false, false) => None,
        }
    }
}

/// Where changes are found: the node's pointer and its field, to make them with.
#[derive(Clone, Debug)]
pub struct Spot {
    /// JSON pointer of the node.
    pub pointer: String,
    /// Path in documents.
    pub field: String,
    /// Whether the old schema requires the field.
    pub relied_on: bool,
}

impl Spot {
    /// A change of this node; the verdicts follow from the move, or are yes without one.
    pub fn change(
        &self,
        kind: Kind,
        keyword: &str,
        moved: Option<Move>,
        message: String,
    ) -> Change {
        let (backward, forward) = moved.map_or((Verdict::Yes, Verdict::Yes), Move::verdicts);
        let path = match keyword {
            "" => self.pointer.clone(),
            keyword => format!("{}/{}", self.pointer, escaped(keyword)),
        };
        Change {
            kind,
            path,
            field: self.field.clone(),
            backward,
            forward,
            data: moved.map_or(DataWork::None, Move::data),
            from: None,
            to: None,
            message,
            relied_on: self.relied_on,
        }
    }

    /// A change of a keyword's value.
    fn of_keyword(
        &self,
        kind: Kind,
        keyword: &str,
        moved: Option<Move>,
        (old, new): (Option<&Value>, Option<&Value>),
    ) -> Change {
        let place = if self.field.is_empty() { "the document" } else { &self.field };
        let message = match (old, new) {
            (Some(old), Some(new)) => {
                format!("{place}: {keyword} {} -> {}", shown(old), shown(new))
            }
            (None, Some(new)) => format!("{place}: {keyword} {} is new", shown(new)),
            (Some(old), None) => format!("{place}: {keyword} {} is gone", shown(old)),
            (None, None) => format!("{place}: {keyword}"),
        };
        let change = self.change(kind, keyword, moved, message);
        Change { from: old.cloned(), to: new.cloned(), ..change }
    }
}

/// A name as one step of a JSON pointer (RFC 6901).
pub fn escaped(name: &str) -> String {
    name.replace('~', "~0").replace('/', "~1")
}

/// Every change of the keywords that stand alone.
pub fn compare(spot: &Spot, old: &Map<String, Value>, new: &Map<String, Value>) -> Vec<Change> {
    let mut changes = Vec::new();
    types(spot, old, new, &mut changes);
    values(spot, old, new, &mut changes);
    for (keyword, grows) in BOUNDS {
        bound(spot, old, new, keyword, grows, &mut changes);
    }
    texts(spot, old, new, &mut changes);
    rules(spot, old, new, &mut changes);
    notes(spot, old, new, &mut changes);
    changes
}

/// Bounds, and whether a greater value lets fewer documents pass.
const BOUNDS: [(&str, bool); 14] = [
    ("minimum", true),
    ("exclusiveMinimum", true),
    ("maximum", false),
    ("exclusiveMaximum", false),
    ("minLength", true),
    ("maxLength", false),
    ("minItems", true),
    ("maxItems", false),
    ("minProperties", true),
    ("maxProperties", false),
    ("minContains", true),
    ("maxContains", false),
    ("multipleOf", true),
    ("uniqueItems", true),
];

fn bound(
    spot: &Spot,
    old: &Map<String, Value>,
    new: &Map<String, Value>,
    keyword: &str,
    grows: bool,
    changes: &mut Vec<Change>,
) {
    // `uniqueItems: false` is the same as no keyword.
    let value = |map: &'_ Map<String, Value>| {
        map.get(keyword).filter(|value| **value != Value::Bool(false)).cloned()
    };
    let (before, after) = (value(old), value(new));
    let moved = match (&before, &after) {
        (None, None) => return,
        (None, Some(_)) => Move::Narrowed,
        (Some(_), None) => Move::Widened,
        (Some(before), Some(after)) => match (number(before), number(after)) {
            _ if before == after => return,
            (Some(a), Some(b)) if keyword == "multipleOf" => {
                match Move::of(!divides(b, a), !divides(a, b)) {
                    Some(moved) => moved,
                    None => return,
                }
            }
            (Some(a), Some(b)) if (b > a) == grows => Move::Narrowed,
            (Some(_), Some(_)) => Move::Widened,
            // Draft 4 has boolean `exclusiveMinimum`.
            _ => Move::Both,
        },
    };
    let kind = match moved {
        Move::Narrowed => Kind::ConstraintTightened,
        Move::Widened => Kind::ConstraintLoosened,
        Move::Both => Kind::ConstraintChanged,
    };
    changes.push(spot.of_keyword(kind, keyword, Some(moved), (before.as_ref(), after.as_ref())));
}

fn number(value: &Value) -> Option<f64> {
    value.as_f64()
}

/// Whether every multiple of `b` is one of `a`, within what a double can tell.
fn divides(a: f64, b: f64) -> bool {
    let quotient = b / a;
    (quotient - quotient.round()).abs() < 1e-9
}

/// The types a node allows, `integer` and `number` apart; `None` when it does not say.
fn type_set(map: &Map<String, Value>) -> Option<Vec<&str>> {
    match map.get("type")? {
        Value::String(name) => Some(vec![name]),
        Value::Array(names) => Some(names.iter().filter_map(Value::as_str).collect()),
        _ => None,
    }
}

fn types(spot: &Spot, old: &Map<String, Value>, new: &Map<String, Value>, out: &mut Vec<Change>) {
    const ALL: [&str; 6] = ["null", "boolean", "number", "string", "array", "object"];
    let (before, after) = (type_set(old), type_set(new));
    let all = || ALL.to_vec();
    let (a, b) = (before.clone().unwrap_or_else(all), after.clone().unwrap_or_else(all));
    let holds = |set: &[&str], name: &str| {
        set.contains(&name) || (name == "integer" && set.contains(&"number"))
    };
    let lost: Vec<&str> = a.iter().copied().filter(|name| !holds(&b, name)).collect();
    let gained: Vec<&str> = b.iter().copied().filter(|name| !holds(&a, name)).collect();
    let Some(moved) = Move::of(!lost.is_empty(), !gained.is_empty()) else { return };
    let kind = match moved {
        Move::Widened if gained == ["null"] => Kind::NullableAdded,
        Move::Narrowed if lost == ["null"] => Kind::NullableRemoved,
        Move::Widened => Kind::TypeWidened,
        Move::Narrowed => Kind::TypeNarrowed,
        Move::Both => Kind::TypeChanged,
    };
    out.push(spot.of_keyword(kind, "type", Some(moved), (old.get("type"), new.get("type"))));
}

/// The values a node lists, from `enum` or `const`, and the keyword.
fn listed(map: &Map<String, Value>) -> Option<(&'static str, Vec<&Value>)> {
    if let Some(value) = map.get("const") {
        return Some(("const", vec![value]));
    }
    map.get("enum").and_then(Value::as_array).map(|values| ("enum", values.iter().collect()))
}

fn values(spot: &Spot, old: &Map<String, Value>, new: &Map<String, Value>, out: &mut Vec<Change>) {
    let (before, after) = (listed(old), listed(new));
    let (kind, keyword, moved) = match (&before, &after) {
        (None, None) => return,
        (None, Some((keyword, _))) => (Kind::EnumAdded, *keyword, Move::Narrowed),
        (Some((keyword, _)), None) => (Kind::EnumRemoved, *keyword, Move::Widened),
        (Some((_, a)), Some((keyword, b))) => {
            let lost = a.iter().any(|value| !b.contains(value));
            let gained = b.iter().any(|value| !a.contains(value));
            match Move::of(lost, gained) {
                None => return,
                Some(Move::Narrowed) => (Kind::EnumValuesRemoved, *keyword, Move::Narrowed),
                Some(Move::Widened) => (Kind::EnumValuesAdded, *keyword, Move::Widened),
                Some(Move::Both) => (Kind::EnumChanged, *keyword, Move::Both),
            }
        }
    };
    let value = |map: &Map<String, Value>| map.get("const").or_else(|| map.get("enum")).cloned();
    let (before, after) = (value(old), value(new));
    out.push(spot.of_keyword(kind, keyword, Some(moved), (before.as_ref(), after.as_ref())));
}

fn texts(spot: &Spot, old: &Map<String, Value>, new: &Map<String, Value>, out: &mut Vec<Change>) {
    for (keyword, kinds) in [
        ("pattern", [Kind::PatternAdded, Kind::PatternRemoved, Kind::PatternChanged]),
        ("format", [Kind::FormatAdded, Kind::FormatRemoved, Kind::FormatChanged]),
    ] {
        let (before, after) = (old.get(keyword), new.get(keyword));
        let (kind, moved) = match (before, after) {
            _ if before == after => continue,
            (None, _) => (kinds[0], Move::Narrowed),
            (_, None) => (kinds[1], Move::Widened),
            _ => (kinds[2], Move::Both),
        };
        let mut change = spot.of_keyword(kind, keyword, Some(moved), (before, after));
        if moved == Move::Both {
            // Which texts two patterns share nobody can see from here; stored texts tell.
            change.data = DataWork::Check;
            (change.backward, change.forward) = (Verdict::Unknown, Verdict::Unknown);
        }
        out.push(change);
    }
}

/// Rules that are lists of names or schemas of their own: whether one came, went or changed is all
/// that can be said here; the oracle says the rest.
fn rules(spot: &Spot, old: &Map<String, Value>, new: &Map<String, Value>, out: &mut Vec<Change>) {
    for keyword in [
        "contains",
        "propertyNames",
        "dependentRequired",
        "dependencies",
        "unevaluatedProperties",
        "unevaluatedItems",
        "contentEncoding",
        "contentMediaType",
    ] {
        let (before, after) = (old.get(keyword), new.get(keyword));
        let (kind, moved) = match (before, after) {
            _ if before == after => continue,
            (None, _) => (Kind::ConstraintTightened, Move::Narrowed),
            (_, None) => (Kind::ConstraintLoosened, Move::Widened),
            _ => (Kind::ConstraintChanged, Move::Both),
        };
        out.push(spot.of_keyword(kind, keyword, Some(moved), (before, after)));
    }
}

/// Keywords that no validator looks at.
const NOTES: [&str; 8] = [
    "title",
    "description",
    "examples",
    "$comment",
    "deprecated",
    "readOnly",
    "writeOnly",
    "contentSchema",
];

fn notes(spot: &Spot, old: &Map<String, Value>, new: &Map<String, Value>, out: &mut Vec<Change>) {
    for keyword in NOTES {
        if old.get(keyword) != new.get(keyword) {
            let pair = (old.get(keyword), new.get(keyword));
            out.push(spot.of_keyword(Kind::AnnotationChanged, keyword, None, pair));
        }
    }
    if old.get("default") != new.get("default") {
        let pair = (old.get("default"), new.get("default"));
        out.push(spot.of_keyword(Kind::DefaultChanged, "default", None, pair));
    }
}
