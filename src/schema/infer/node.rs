//! What is known of the values at one place of the sampled documents.

use std::cmp::Ordering;

use serde_json::{Map, Number, Value, json};

use super::distinct::Distinct;
use super::text::Texts;
use crate::model::json::is_integer;
use crate::model::value::read_plain;
use crate::model::{JsonType, limits::JSON_DEPTH_MAX};
use crate::schema::violation::shown;

/// Fields that one object's profile tells apart; more are keys and no field names.
pub const FIELDS_MAX: usize = 512;
/// Places that a whole profile tells apart.
pub const NODES_MAX: usize = 20_000;
/// Examples kept for each place.
const EXAMPLES_MAX: usize = 5;

/// Numbers at one place.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Numbers {
    /// How many.
    pub count: u64,
    /// How many of them are whole.
    pub whole: u64,
    /// The least and the greatest.
    pub range: Option<(Number, Number)>,
}

/// Objects at one place.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Objects {
    /// How many.
    pub count: u64,
    /// The fields in the order in which they were first seen.
    pub fields: Vec<(String, Node)>,
    /// Fields that are not told apart, because there were too many.
    pub untold: u64,
}

/// Arrays at one place.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Arrays {
    /// How many.
    pub count: u64,
    /// Items of the shortest and the longest.
    pub lengths: Option<(u64, u64)>,
    /// All items together.
    pub items: Option<Box<Node>>,
}

/// The values at one place.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Node {
    /// How many values.
    pub count: u64,
    /// How many are `null`.
    pub nulls: u64,
    /// How many are `true` or `false`.
    pub booleans: u64,
    /// The numbers.
    pub numbers: Numbers,
    /// The texts.
    pub texts: Texts,
    /// The objects.
    pub objects: Objects,
    /// The arrays.
    pub arrays: Arrays,
    /// How many different scalars.
    pub distinct: Distinct,
    /// A few different values, shortened.
    pub examples: Vec<String>,
    /// The texts of hash fields, as they read when their text is the plain form of another type.
    pub as_read: Option<Box<Node>>,
}

const ALL_TYPES: [JsonType; 4] =
    [JsonType::Number, JsonType::Boolean, JsonType::Object, JsonType::Array];

impl Node {
    /// Takes in one value. `room` is how many more places may be told apart.
    pub fn add(&mut self, value: &Value, depth: usize, room: &mut usize) {
        self.count += 1;
        match value {
            Value::Null => self.nulls += 1,
            Value::Bool(_) => self.booleans += 1,
            Value::Number(number) => self.numbers.add(number),
            Value::String(text) => self.texts.add(text, value),
            Value::Array(items) => self.arrays.add(items, depth, room),
            Value::Object(fields) => {
                self.objects.add_fields(fields, depth, room);
            }
        }
        if !matches!(value, Value::Object(_) | Value::Array(_) | Value::Null) {
            self.scalar(value);
        }
    }

    fn scalar(&mut self, value: &Value) {
        match value {
            Value::String(text) => self.distinct.add(text.as_bytes()),
            Value::Number(number) => self.distinct.add(number.as_str().as_bytes()),
            other => self.distinct.add(other.to_string().as_bytes()),
        }
        if self.examples.len() < EXAMPLES_MAX {
            let example = shown(value);
            if !self.examples.contains(&example) {
                self.examples.push(example);
            }
        }
    }

    /// Takes in the text of a hash field.
    pub fn add_plain(&mut self, bytes: &[u8], depth: usize, room: &mut usize) {
        let text = Value::String(String::from_utf8_lossy(bytes).into_owned());
        self.add(&text, depth, room);
        if let Some(read) = read_plain(bytes, &ALL_TYPES) {
            self.as_read.get_or_insert_default().add(&read, depth, room);
        }
    }

    /// What the values are: the reading of hash fields when every text reads so.
    pub fn settled(&self) -> &Self {
        match &self.as_read {
            Some(read) if read.count == self.count => read,
            _ => self,
        }
    }

    /// Takes in what another profile saw at the same place.
    pub fn merge(&mut self, other: &Self) {
        self.count += other.count;
        self.nulls += other.nulls;
        self.booleans += other.booleans;
        self.numbers.merge(&other.numbers);
        self.texts.merge(&other.texts);
        self.objects.merge(&other.objects);
        self.arrays.merge(&other.arrays);
        self.distinct.merge(&other.distinct);
        for example in &other.examples {
            if self.examples.len() < EXAMPLES_MAX && !self.examples.contains(example) {
                self.examples.push(example.clone());
            }
        }
        if let Some(read) = &other.as_read {
            self.as_read.get_or_insert_default().merge(read);
        }
    }

    /// The types with how many values have each, most first; whole numbers are `integer` when all
    /// numbers are whole.
    pub fn types(&self) -> Vec<(&'static str, u64)> {
        let number = if self.numbers.whole == self.numbers.count { "integer" } else { "number" };
        let mut types = vec![
            ("string", self.texts.count),
            (number, self.numbers.count),
            ("boolean", self.booleans),
            ("object", self.objects.count),
            ("array", self.arrays.count),
            ("null", self.nulls),
        ];
        types.retain(|(_, count)| *count > 0);
        types.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
        types
    }

    /// The field definition that every value seen fits.
    pub fn proposal(&self, required: bool) -> Value {
        let node = self.settled();
        let mut names: Vec<&str> = node.types().into_iter().map(|(name, _)| name).collect();
        let mut out = Map::new();
        if names.len() > 1 && node.nulls > 0 {
            names.retain(|name| *name != "null");
            out.insert("nullable".to_owned(), true.into());
        }
        let types = match names.as_slice() {
            [] => json!("any"),
            [only] => json!(only),
            several => json!(several),
        };
        out.shift_insert(0, "type".to_owned(), types);
        if required {
            out.shift_insert(1, "required".to_owned(), true.into());
        }
        let texts_alone = names == ["string"];
        if let Some(format) = node.texts.format() {
            out.insert("format".to_owned(), format.into());
        } else if let Some(values) = node.texts.list().filter(|_| texts_alone) {
            out.insert("enum".to_owned(), values.keys().cloned().collect());
        }
        if !node.objects.fields.is_empty() && !node.objects.is_map() {
            out.insert("fields".to_owned(), node.objects.proposal());
        }
        if let Some(items) = &node.arrays.items {
            out.insert("items".to_owned(), items.proposal(false));
        }
        Value::Object(out)
    }
}

impl Numbers {
    fn add(&mut self, number: &Number) {
        self.count += 1;
        let is_whole = is_integer(number.as_str())
            || number.as_f64().is_some_and(|double| double.fract() == 0.0);
        self.whole += u64::from(is_whole);
        self.widen(number);
    }

    fn widen(&mut self, number: &Number) {
        match &mut self.range {
            None => self.range = Some((number.clone(), number.clone())),
            Some((least, most)) => {
                if order(number, least).is_lt() {
                    *least = number.clone();
                }
                if order(number, most).is_gt() {
                    *most = number.clone();
                }
            }
        }
    }

    fn merge(&mut self, other: &Self) {
        self.count += other.count;
        self.whole += other.whole;
        for number in other.range.iter().flat_map(|(least, most)| [least, most]) {
            self.widen(number);
        }
    }

    /// Whether the numbers are likely times: whole, and in the range of Unix times of 2001 to 2128, in
    /// seconds or milliseconds.
    pub fn epoch(&self) -> Option<&'static str> {
        let (least, most) = self.range.as_ref()?;
        let (least, most) = (least.as_i64()?, most.as_i64()?);
        let within = |from: i64, to: i64| least >= from && most < to;
        if self.whole != self.count {
            None
        } else if within(1_000_000_000, 5_000_000_000) {
            Some("epoch-seconds")
        } else if within(1_000_000_000_000, 5_000_000_000_000) {
            Some("epoch-milliseconds")
        } else {
            None
        }
    }
}

/// Numbers by value: exactly where both are 64-bit integers, else as doubles.
fn order(a: &Number, b: &Number) -> Ordering {
    if let (Some(a), Some(b)) = (a.as_i64(), b.as_i64()) {
        return a.cmp(&b);
    }
    let double = |number: &Number| number.as_f64().unwrap_or(f64::INFINITY);
    double(a).total_cmp(&double(b))
}

impl Objects {
    fn add_fields(&mut self, fields: &Map<String, Value>, depth: usize, room: &mut usize) {
        self.count += 1;
        for (name, value) in fields {
            if let Some(node) = self.field(name, depth, room) {
                node.add(value, depth + 1, room);
            }
        }
    }

    /// The place of a field; `None` when there is no room to tell it apart.
    pub fn field(&mut self, name: &str, depth: usize, room: &mut usize) -> Option<&mut Node> {
        if let Some(at) = self.fields.iter().position(|(known, _)| known == name) {
            return Some(&mut self.fields[at].1);
        }
        // A field that was not told apart once must not be later: its counts would be wrong.
        let is_full = self.fields.len() >= FIELDS_MAX || *room == 0 || depth >= JSON_DEPTH_MAX / 4;
        if is_full || self.untold > 0 {
            self.untold += 1;
            return None;
        }
        *room -= 1;
        self.fields.push((name.to_owned(), Node::default()));
        self.fields.last_mut().map(|(_, node)| node)
    }

    fn merge(&mut self, other: &Self) {
        let either_untold = (self.untold > 0, other.untold > 0);
        // What one side could not tell apart has no right count on the other.
        if either_untold.1 {
            self.fields.retain(|(name, _)| other.fields.iter().any(|(known, _)| known == name));
        }
        for (name, node) in &other.fields {
            match self.fields.iter_mut().find(|(known, _)| known == name) {
                Some((_, known)) => known.merge(node),
                None if either_untold.0 || either_untold.1 => self.untold += node.count,
                None => self.fields.push((name.clone(), node.clone())),
            }
        }
        self.count += other.count;
        self.untold += other.untold;
    }

    /// Whether the names are keys of a map rather than fields: many, each in few objects.
    pub fn is_map(&self) -> bool {
        const KEYS_MIN: usize = 64;
        let held: u64 = self.fields.iter().map(|(_, node)| node.count).sum();
        let names = self.fields.len() as u64;
        self.untold > 0 || (self.fields.len() >= KEYS_MIN && held * 4 < names * self.count)
    }

    /// The `fields` of a definition.
    pub fn proposal(&self) -> Value {
        let field =
            |(name, node): &(String, Node)| (name.clone(), node.proposal(node.count == self.count));
        Value::Object(self.fields.iter().map(field).collect())
    }
}

impl Arrays {
    fn add(&mut self, items: &[Value], depth: usize, room: &mut usize) {
        self.count += 1;
        let length = items.len() as u64;
        let (least, most) = self.lengths.unwrap_or((length, length));
        self.lengths = Some((least.min(length), most.max(length)));
        if depth >= JSON_DEPTH_MAX / 4 {
            return;
        }
        for item in items {
            self.items.get_or_insert_default().add(item, depth + 1, room);
        }
    }

    fn merge(&mut self, other: &Self) {
        self.count += other.count;
        self.lengths = match (self.lengths, other.lengths) {
            (Some(a), Some(b)) => Some((a.0.min(b.0), a.1.max(b.1))),
            (a, b) => a.or(b),
        };
        if let Some(items) = &other.items {
            self.items.get_or_insert_default().merge(items);
        }
    }
}
