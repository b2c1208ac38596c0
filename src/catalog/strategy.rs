//! Strategies: named, parameterised lists of transforms that migrations are written with.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use crate::schema::mistake::{Place, Reader, type_name};

/// The strategy of a program that sees a whole batch: one `batch` step, with its parameters in `with`.
pub const BATCH: &str = "batch";
/// The strategy that needs no template: the migration's own transforms.
pub const DIRECT: &str = "direct";

/// A template: transforms in which `${name}` stands for a parameter.
#[derive(Clone, Debug, PartialEq)]
pub struct Strategy {
    /// Its name.
    pub name: String,
    /// A note for people.
    pub description: Option<String>,
    /// The parameters by name; the value is the default, if there is one.
    pub parameters: BTreeMap<String, Parameter>,
    /// The transforms as written.
    pub transforms: Vec<Value>,
    /// The definition as written.
    pub definition: Value,
}

/// A parameter of a strategy.
#[derive(Clone, Debug, PartialEq)]
pub struct Parameter {
    /// The type its value must have, as JSON Schema names it; `None` for any.
    pub value_type: Option<String>,
    /// What it is when a migration does not say.
    pub default: Option<Value>,
}

const STRATEGY_KEYS: [&str; 3] = ["description", "parameters", "transforms"];
const PARAMETER_KEYS: [&str; 3] = ["type", "default", "description"];
const PARAMETER_TYPES: [&str; 5] = ["string", "number", "boolean", "array", "object"];

impl Strategy {
    /// Reads one strategy; `None` when it cannot be used.
    pub fn read(reader: &mut Reader, name: &str, value: &Value) -> Option<Self> {
        let map = reader.object(value, "a strategy", &STRATEGY_KEYS)?;
        if name == DIRECT {
            reader.wrong("'direct' is the strategy of plain transforms", "another name");
            return None;
        }
        let parameters = match map.get("parameters") {
            Some(value) => reader.at_key("parameters", |reader| read_parameters(reader, value)),
            None => BTreeMap::new(),
        };
        if !map.contains_key("transforms") {
            reader.wrong("'transforms' is missing", "a list of transforms");
        }
        let transforms = reader.list(map, "transforms")?.clone();
        let description = reader.text(map, "description").map(str::to_owned);
        let name = name.to_owned();
        Some(Self { name, description, parameters, transforms, definition: value.clone() })
    }

    /// The transforms with the parameters put in. `with` is what a migration gives; the reader
    /// stands at the migration.
    pub fn expand(&self, reader: &mut Reader, with: Option<&Map<String, Value>>) -> Vec<Value> {
        let known: Vec<&str> = self.parameters.keys().map(String::as_str).collect();
        let mut values = BTreeMap::new();
        for (name, value) in with.into_iter().flatten() {
            reader.at_key("with", |reader| match self.parameters.get(name) {
                None => reader.at_key(name, |r| r.unknown_name("parameter", name, &known)),
                Some(parameter) if !parameter.fits(value) => reader.at_key(name, |reader| {
                    let wanted = parameter.value_type.as_deref().unwrap_or_default();
                    reader
                        .wrong(format!("'{name}' is {}", type_name(value)), format!("a {wanted}"));
                }),
                Some(_) => {}
            });
            values.insert(name.as_str(), value);
        }
        for (name, parameter) in &self.parameters {
            match (&parameter.default, values.contains_key(name.as_str())) {
                (Some(default), false) => _ = values.insert(name, default),
                (None, false) => {
                    let message = format!("the strategy '{}' needs '{name}'", self.name);
                    reader.wrong(message, format!("\"with\": {{\"{name}\": …}}"));
                }
                (_, true) => {}
            }
        }
        self.transforms.iter().map(|transform| filled(transform, &values)).collect()
    }
}

impl Parameter {
    fn fits(&self, value: &Value) -> bool {
        match self.value_type.as_deref() {
            Some("string") => value.is_string(),
            Some("number") => value.is_number(),
            Some("boolean") => value.is_boolean(),
            Some("array") => value.is_array(),
            Some("object") => value.is_object(),
            _ => true,
        }
    }
}

fn read_parameters(reader: &mut Reader, value: &Value) -> BTreeMap<String, Parameter> {
    let mut parameters = BTreeMap::new();
    let Some(map) = reader.any_object(value, "'parameters'") else { return parameters };
    for (name, value) in map {
        reader.at_key(name, |reader| {
            let Some(map) = reader.object(value, "a parameter", &PARAMETER_KEYS) else { return };
            let value_type = reader.text(map, "type");
            if let Some(named) = value_type.filter(|named| !PARAMETER_TYPES.contains(named)) {
                reader.at_key("type", |r| r.unknown_name("type", named, &PARAMETER_TYPES));
            }
            let value_type = value_type.map(str::to_owned);
            let parameter = Parameter { value_type, default: map.get("default").cloned() };
            parameters.insert(name.clone(), parameter);
        });
    }
    parameters
}

/// `template` with `${name}` replaced: a text that is nothing else becomes the value itself.
fn filled(template: &Value, values: &BTreeMap<&str, &Value>) -> Value {
    match template {
        Value::Array(items) => items.iter().map(|item| filled(item, values)).collect(),
        Value::Object(map) => {
            map.iter().map(|(key, value)| (key.clone(), filled(value, values))).collect()
        }
        Value::String(text) => {
            let whole = text.strip_prefix("${").and_then(|rest| rest.strip_suffix('}'));
            if let Some(value) = whole.and_then(|name| values.get(name)) {
                return (*value).clone();
            }
            let mut text = text.clone();
            for (name, value) in values {
                let plain = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
                text = text.replace(&format!("${{{name}}}"), &plain);
            }
            Value::String(text)
        }
        other => other.clone(),
    }
}

/// Where a mistake in an expanded transform is told: at the strategy's use.
pub fn place_of_use() -> Place {
    Place::Key("strategy".to_owned())
}
