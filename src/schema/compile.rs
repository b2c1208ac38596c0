//! The `fields` form written as JSON Schema 2020-12, which is what validates.

use serde_json::{Map, Value, json};

use super::field::{Field, FieldType};

/// The dialect that `fields` compiles to.
pub const DIALECT: &str = "https://json-schema.org/draft/2020-12/schema";

/// The whole JSON Schema of a document with these fields.
pub fn document(fields: &[Field], additional_fields: bool, description: Option<&str>) -> Value {
    let mut out = Map::new();
    out.insert("$schema".to_owned(), DIALECT.into());
    if let Some(description) = description {
        out.insert("description".to_owned(), description.into());
    }
    out.insert("type".to_owned(), "object".into());
    object(&mut out, fields, additional_fields);
    Value::Object(out)
}

fn object(out: &mut Map<String, Value>, fields: &[Field], additional_fields: bool) {
    let properties: Map<String, Value> = fields
        .iter()
        .map(|field| (field.name.clone(), compile(field, additional_fields)))
        .collect();
    out.insert("properties".to_owned(), Value::Object(properties));
    let required: Vec<&str> =
        fields.iter().filter(|field| field.required).map(|field| field.name.as_str()).collect();
    if !required.is_empty() {
        out.insert("required".to_owned(), json!(required));
    }
    if !additional_fields {
        out.insert("additionalProperties".to_owned(), Value::Bool(false));
    }
}

/// The JSON Schema of one field. `additional_fields` is what the schema says where the field is
/// silent.
pub fn compile(field: &Field, additional_fields: bool) -> Value {
    let mut out = Map::new();
    if let Some(description) = &field.description {
        out.insert("description".to_owned(), description.as_str().into());
    }
    if let Some(types) = types(field) {
        out.insert("type".to_owned(), types);
    }
    if let Some(values) = &field.values {
        let mut values = values.clone();
        if field.nullable && !values.contains(&Value::Null) {
            values.push(Value::Null);
        }
        out.insert("enum".to_owned(), Value::Array(values));
    }
    let mut put = |key: &str, value: Option<Value>| {
        if let Some(value) = value {
            out.insert(key.to_owned(), value);
        }
    };
    put("format", field.format.clone().map(Value::from));
    put("pattern", field.pattern.clone().map(Value::from));
    put("minLength", field.min_length.map(Value::from));
    put("maxLength", field.max_length.map(Value::from));
    put("minimum", field.minimum.clone().map(Value::Number));
    put("maximum", field.maximum.clone().map(Value::Number));
    put("items", field.items.as_deref().map(|items| compile(items, additional_fields)));
    put("default", field.default.clone());
    if let Some(fields) = &field.fields {
        object(&mut out, fields, field.additional_fields.unwrap_or(additional_fields));
    } else if field.additional_fields == Some(false) {
        out.insert("additionalProperties".to_owned(), Value::Bool(false));
    }
    Value::Object(out)
}

fn types(field: &Field) -> Option<Value> {
    let mut types = field.types.clone();
    if types.is_empty() {
        return None;
    }
    if field.nullable && !types.contains(&FieldType::Null) {
        types.push(FieldType::Null);
    }
    let names: Vec<&str> = types.iter().map(|field_type| field_type.name()).collect();
    Some(match names.as_slice() {
        [only] => Value::from(*only),
        several => json!(several),
    })
}
