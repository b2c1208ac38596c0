//! The `fields` form of a schema: one field, read from its definition.

use serde_json::{Map, Number, Value};

use super::mistake::{Place, Reader, type_name};

/// A type a field may have.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum FieldType {
    /// Text.
    String,
    /// Any number.
    Number,
    /// A number without a fraction.
    Integer,
    /// `true` or `false`.
    Boolean,
    /// An object; `hash` is another name for it.
    Object,
    /// An array; `list` is another name for it.
    Array,
    /// `null`.
    Null,
}

/// The names a definition may write for a type, with `any`.
pub const TYPE_NAMES: [&str; 10] =
    ["string", "number", "integer", "boolean", "object", "hash", "array", "list", "null", "any"];

impl FieldType {
    /// The name JSON Schema uses.
    pub fn name(self) -> &'static str {
        match self {
            Self::String => "string",
            Self::Number => "number",
            Self::Integer => "integer",
            Self::Boolean => "boolean",
            Self::Object => "object",
            Self::Array => "array",
            Self::Null => "null",
        }
    }

    /// Reads a name of JSON Schema, or one of the two other names; `any` is no type but all.
    pub fn from_name(name: &str) -> Option<Self> {
        Some(match name {
            "string" => Self::String,
            "number" => Self::Number,
            "integer" => Self::Integer,
            "boolean" => Self::Boolean,
            "object" | "hash" => Self::Object,
            "array" | "list" => Self::Array,
            "null" => Self::Null,
            _ => return None,
        })
    }
}

/// The formats that are asserted; another name is refused, because it would be asserted silently
/// never. They are what `jsonschema` 0.61 checks under draft 2020-12 without its `idna` feature.
pub const FORMATS: [&str; 17] = [
    "date",
    "date-time",
    "duration",
    "email",
    "hostname",
    "ipv4",
    "ipv6",
    "iri",
    "iri-reference",
    "json-pointer",
    "regex",
    "relative-json-pointer",
    "time",
    "uri",
    "uri-reference",
    "uri-template",
    "uuid",
];

/// One declared field. The keys are PRODUCT's: everything but the type is optional.
#[derive(Clone, Debug, PartialEq)]
pub struct Field {
    /// The name.
    pub name: String,
    /// The types it may have; empty for any.
    pub types: Vec<FieldType>,
    /// Whether it must stand.
    pub required: bool,
    /// Whether `null` fits too.
    pub nullable: bool,
    /// The values it may have.
    pub values: Option<Vec<Value>>,
    /// The value readers take when it is absent, and the planner writes.
    pub default: Option<Value>,
    /// A format of JSON Schema, asserted.
    pub format: Option<String>,
    /// A regular expression (ECMA 262) that a text must match somewhere.
    pub pattern: Option<String>,
    /// The fewest characters of a text.
    pub min_length: Option<u64>,
    /// The most characters of a text.
    pub max_length: Option<u64>,
    /// The least number.
    pub minimum: Option<Number>,
    /// The greatest number.
    pub maximum: Option<Number>,
    /// The fields of an object.
    pub fields: Option<Vec<Self>>,
    /// Whether an object may have other fields; as the schema says when not said here.
    pub additional_fields: Option<bool>,
    /// What each item of an array is. Its name is empty.
    pub items: Option<Box<Self>>,
    /// A note for people.
    pub description: Option<String>,
    /// The path the field had in the version before.
    pub renamed_from: Option<String>,
    /// The path of the text of which this field is a part.
    pub split_from: Option<String>,
    /// The paths of the fields that were joined to this one.
    pub merged_from: Option<Vec<String>>,
    /// The unit its number is in: `seconds`, `cents`.
    pub unit: Option<String>,
}

/// The keys of a field's definition.
pub const FIELD_KEYS: [&str; 19] = [
    "type",
    "required",
    "nullable",
    "enum",
    "default",
    "format",
    "pattern",
    "minLength",
    "maxLength",
    "minimum",
    "maximum",
    "fields",
    "additionalFields",
    "items",
    "description",
    "renamedFrom",
    "splitFrom",
    "mergedFrom",
    "unit",
];

/// Reads the object `fields`.
pub fn read_fields(reader: &mut Reader, value: &Value) -> Vec<Field> {
    let Some(map) = reader.any_object(value, "'fields'") else { return Vec::new() };
    map.iter().map(|(name, field)| reader.at_key(name, |r| read_field(r, name, field))).collect()
}

/// Reads one field. What is wrong is told to the reader, and left out of the result.
pub fn read_field(reader: &mut Reader, name: &str, value: &Value) -> Field {
    let empty = Map::new();
    if !value.is_object() {
        let message = format!("the field is {value}");
        reader.wrong(message, "an object, as in {\"type\": \"string\"}");
    }
    let map = value.as_object().and_then(|_| reader.object(value, "a field", &FIELD_KEYS));
    let map = map.unwrap_or(&empty);
    let fields = map.get("fields").map(|v| reader.at_key("fields", |r| read_fields(r, v)));
    let items =
        map.get("items").map(|v| reader.at_key("items", |r| Box::new(read_field(r, "", v))));
    let mut field = Field {
        name: name.to_owned(),
        types: read_types(reader, map),
        required: reader.flag(map, "required").unwrap_or(false),
        nullable: reader.flag(map, "nullable").unwrap_or(false),
        values: read_enum(reader, map),
        default: map.get("default").cloned(),
        format: read_format(reader, map),
        pattern: read_pattern(reader, map),
        min_length: reader.count(map, "minLength"),
        max_length: reader.count(map, "maxLength"),
        minimum: reader.number(map, "minimum").cloned(),
        maximum: reader.number(map, "maximum").cloned(),
        fields,
        additional_fields: reader.flag(map, "additionalFields"),
        items,
        description: reader.text(map, "description").map(str::to_owned),
        renamed_from: reader.text(map, "renamedFrom").map(str::to_owned),
        split_from: reader.text(map, "splitFrom").map(str::to_owned),
        merged_from: reader.texts(map, "mergedFrom"),
        unit: reader.text(map, "unit").map(str::to_owned),
    };
    check_inside(reader, map, &mut field);
    check_bounds(reader, &field);
    field
}

fn read_types(reader: &mut Reader, map: &Map<String, Value>) -> Vec<FieldType> {
    let Some(value) = map.get("type") else { return Vec::new() };
    let mut types = Vec::new();
    reader.at_key("type", |reader| match value {
        Value::String(name) => read_type(reader, name, &mut types),
        Value::Array(names) if names.is_empty() => {
            reader.wrong("the list of types is empty", "one type or more, or \"any\"");
        }
        Value::Array(names) => {
            for (at, name) in names.iter().enumerate() {
                reader.within(Place::Item(at), |reader| match name.as_str() {
                    Some(name) => read_type(reader, name, &mut types),
                    None => reader.wrong(format!("a type is {}", type_name(name)), "a type's name"),
                });
            }
            if names.iter().any(|name| name == "any") {
                types.clear();
            }
        }
        other => reader.wrong(
            format!("'type' is {}", type_name(other)),
            "a type's name, or a list of such names",
        ),
    });
    types.dedup();
    types
}

fn read_type(reader: &mut Reader, name: &str, types: &mut Vec<FieldType>) {
    match FieldType::from_name(name) {
        Some(field_type) => types.push(field_type),
        None if name == "any" => {}
        None => reader.unknown_name("type", name, &TYPE_NAMES),
    }
}

fn read_enum(reader: &mut Reader, map: &Map<String, Value>) -> Option<Vec<Value>> {
    let values = reader.list(map, "enum")?;
    if values.is_empty() {
        reader
            .at_key("enum", |r| r.wrong("the list of allowed values is empty", "a value or more"));
        return None;
    }
    Some(values.clone())
}

fn read_format(reader: &mut Reader, map: &Map<String, Value>) -> Option<String> {
    let format = reader.text(map, "format")?;
    if !FORMATS.contains(&format) {
        reader.at_key("format", |reader| reader.unknown_name("format", format, &FORMATS));
        return None;
    }
    Some(format.to_owned())
}

fn read_pattern(reader: &mut Reader, map: &Map<String, Value>) -> Option<String> {
    let pattern = reader.text(map, "pattern")?;
    // The validator's own engine decides, because it is the one that will match.
    if jsonschema::options().offline().build(&serde_json::json!({"pattern": pattern})).is_err() {
        reader.at_key("pattern", |reader| {
            let message = format!("'{pattern}' is no regular expression");
            reader.wrong(
                message,
                "a regular expression as in ECMA 262, with its backslashes doubled",
            );
        });
        return None;
    }
    Some(pattern.to_owned())
}

/// `fields` and `items` say what is inside an object or an array, and imply that type.
fn check_inside(reader: &mut Reader, map: &Map<String, Value>, field: &mut Field) {
    for (key, inside) in [("fields", FieldType::Object), ("items", FieldType::Array)] {
        if !map.contains_key(key) {
            continue;
        }
        if !map.contains_key("type") {
            field.types.push(inside);
        } else if !field.types.is_empty() && !field.types.contains(&inside) {
            reader.at_key(key, |reader| {
                let has = map["type"].to_string();
                let message = format!("'{key}' stands in a field whose type is {has}");
                reader.wrong(message, format!("\"type\": \"{}\"", inside.name()));
            });
        }
    }
}

fn check_bounds(reader: &mut Reader, field: &Field) {
    if let (Some(min), Some(max)) = (field.min_length, field.max_length)
        && min > max
    {
        reader.at_key("maxLength", |reader| {
            let message = format!("maxLength {max} is less than minLength {min}");
            reader.wrong(message, format!("{min} or more"));
        });
    }
    let number = |number: &Option<Number>| number.as_ref().and_then(Number::as_f64);
    if let (Some(min), Some(max)) = (number(&field.minimum), number(&field.maximum))
        && min > max
    {
        reader.at_key("maximum", |reader| {
            let message = format!("maximum {max} is less than minimum {min}");
            reader.wrong(message, format!("{min} or more"));
        });
    }
}
