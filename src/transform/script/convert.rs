//! JSON values into Luau and back, exactly or not at all.
//!
//! Luau's numbers are 64-bit floats. A number goes in when the float means the same (so 1.10 does and
//! 12345678901234567890 does not), and comes out when it is finite and, if whole, within 53 bits.
//! Arrays carry a mark, so that an empty one comes back as one; a table a script makes is an array
//! when it has items 1 to n and nothing else. Members of objects come out sorted by name.

use std::cmp::Ordering;

use mlua::{Lua, LuaSerdeExt, Table, Value as LuaValue};
use serde_json::Value as Json;

use super::{BigNumbers, Program};
use crate::model::json::{compare_numbers, quote};
use crate::model::limits::JSON_DEPTH_MAX;
use crate::model::{JsonType, Object, Value};
use crate::transform::{Place, Refusal};

/// What a script may answer for one document, as JSON text. A small table can hold itself so often
/// that its text has no end.
const RESULT_BYTES_MAX: usize = 16 << 20;

/// The table of a program's inputs.
pub(super) fn inputs(
    lua: &Lua,
    program: &Program,
    object: &mut Object<'_>,
) -> Result<Table, Refusal> {
    let machine = |error: mlua::Error| Refusal::new("", error.to_string());
    let table = lua.create_table_with_capacity(0, program.inputs.len()).map_err(machine)?;
    for input in &program.inputs {
        let Some(value) = input.place.look(object)? else { continue };
        let value = to_lua(lua, value, program.big_numbers)
            .map_err(|reason| Refusal::new(input.place.path(), reason).found(value.to_json()))?;
        set(lua, &table, &input.names, value).map_err(machine)?;
    }
    Ok(table)
}

fn set(lua: &Lua, table: &Table, names: &[String], value: LuaValue) -> mlua::Result<()> {
    match names {
        [] => Ok(()),
        [name] => table.raw_set(name.as_str(), value),
        [name, rest @ ..] => {
            let inner = if let LuaValue::Table(inner) = table.raw_get(name.as_str())? {
                inner
            } else {
                let inner = lua.create_table()?;
                table.raw_set(name.as_str(), &inner)?;
                inner
            };
            set(lua, &inner, rest, value)
        }
    }
}

fn to_lua(lua: &Lua, value: &Value<'_>, big: BigNumbers) -> Result<LuaValue, String> {
    let text = |bytes: &[u8]| lua.create_string(bytes).map(LuaValue::String);
    let made = match (value, value.json_type()) {
        (Value::Plain(bytes), _) => text(bytes),
        (_, JsonType::Null) => Ok(LuaValue::NULL),
        (_, JsonType::Boolean) => Ok(LuaValue::Boolean(value.to_json() == "true")),
        (_, JsonType::Number) => return number(lua, &value.to_json(), big),
        (_, JsonType::String) => text(value.as_str().unwrap_or_default().as_bytes()),
        (_, JsonType::Array | JsonType::Object) => {
            let json: Json = serde_json::from_str(&value.to_json())
                .map_err(|error| format!("the value cannot be read: {error}"))?;
            return json_to_lua(lua, &json, big);
        }
    };
    made.map_err(|error| error.to_string())
}

fn json_to_lua(lua: &Lua, json: &Json, big: BigNumbers) -> Result<LuaValue, String> {
    let failed = |error: mlua::Error| error.to_string();
    Ok(match json {
        Json::Null => LuaValue::NULL,
        Json::Bool(value) => LuaValue::Boolean(*value),
        Json::Number(value) => number(lua, value.as_str(), big)?,
        Json::String(text) => LuaValue::String(lua.create_string(text).map_err(failed)?),
        Json::Array(items) => {
            let table = lua.create_table_with_capacity(items.len(), 0).map_err(failed)?;
            for (at, item) in items.iter().enumerate() {
                table.raw_set(at + 1, json_to_lua(lua, item, big)?).map_err(failed)?;
            }
            table.set_metatable(Some(lua.array_metatable())).map_err(failed)?;
            LuaValue::Table(table)
        }
        Json::Object(members) => {
            let table = lua.create_table_with_capacity(0, members.len()).map_err(failed)?;
            for (name, member) in members {
                let member = json_to_lua(lua, member, big)?;
                table.raw_set(name.as_str(), member).map_err(failed)?;
            }
            LuaValue::Table(table)
        }
    })
}

/// A list of values.
pub(super) fn list(lua: &Lua, items: &[Json], big: BigNumbers) -> Result<LuaValue, String> {
    let table =
        lua.create_table_with_capacity(items.len(), 0).map_err(|error| error.to_string())?;
    for (at, item) in items.iter().enumerate() {
        let item = json_to_lua(lua, item, big)?;
        table.raw_set(at + 1, item).map_err(|error| error.to_string())?;
    }
    Ok(LuaValue::Table(table))
}

fn number(lua: &Lua, text: &str, big: BigNumbers) -> Result<LuaValue, String> {
    let float: f64 = text.parse().unwrap_or(f64::NAN);
    let is_exact = print(float).is_some_and(|back| compare_numbers(&back, text) == Ordering::Equal);
    match big {
        _ if is_exact => Ok(LuaValue::Number(float)),
        BigNumbers::Text => {
            lua.create_string(text).map(LuaValue::String).map_err(|error| error.to_string())
        }
        BigNumbers::Fail => Err("the number does not fit a script's numbers exactly \
                                 (\"bigNumbers\": \"text\" hands it over as text)"
            .to_owned()),
    }
}

/// The shortest JSON text that means this float; `None` when it is not finite or is a whole number
/// beyond 53 bits, of which the float does not know every digit.
fn print(float: f64) -> Option<String> {
    const WHOLE_MAX: f64 = 9_007_199_254_740_992.0;
    if !float.is_finite() {
        return None;
    }
    if float.fract() == 0.0 {
        return (float.abs() <= WHOLE_MAX).then(|| format!("{:.0}", float + 0.0));
    }
    Some(format!("{float:?}"))
}

/// A script's result as one value; nil is nothing.
pub(super) fn to_json(result: &LuaValue) -> Result<Option<Value<'static>>, String> {
    if result.is_nil() {
        return Ok(None);
    }
    let mut out = String::new();
    write(result, &mut out, 0)?;
    Ok(Some(Value::Raw(out.into())))
}

/// The items of a script's result, as JSON text.
pub(super) fn to_list(result: &LuaValue) -> Result<Vec<String>, String> {
    let LuaValue::Table(table) = result else {
        let found = result.type_name();
        return Err(format!("the script answers {found}, and a list is needed"));
    };
    let item = |at: usize| {
        let item: LuaValue = table.raw_get(at).map_err(|error| error.to_string())?;
        let mut out = String::new();
        write(&item, &mut out, 0)?;
        Ok(out)
    };
    (1..=table.raw_len()).map(item).collect()
}

/// The members of a script's result, by the places of the outputs.
pub(super) fn to_members(
    result: &LuaValue,
    outputs: &[Place],
) -> Result<Vec<Option<Value<'static>>>, String> {
    let LuaValue::Table(table) = result else {
        let found = result.type_name();
        return Err(format!("the script answers {found}, and a table of its outputs is needed"));
    };
    for pair in table.pairs::<LuaValue, LuaValue>() {
        let (name, _) = pair.map_err(|error| error.to_string())?;
        let name = match &name {
            LuaValue::String(name) => name.to_string_lossy(),
            other => format!("a {}", other.type_name()),
        };
        if !outputs.iter().any(|place| first_name(place) == name || place.label() == name) {
            return Err(format!("the script answers '{name}', which is none of its outputs"));
        }
    }
    outputs
        .iter()
        .map(|place| {
            // A nested output may stand under its whole path: ["address.city"] = ….
            let whole: LuaValue = table.raw_get(place.label()).map_err(|e| e.to_string())?;
            if !whole.is_nil() {
                return to_json(&whole);
            }
            let mut at = LuaValue::Table(table.clone());
            for name in place.parents().iter().map(String::as_str).chain([place.name()]) {
                at = match &at {
                    LuaValue::Table(table) => {
                        table.raw_get(name).map_err(|error| error.to_string())?
                    }
                    LuaValue::Nil => LuaValue::Nil,
                    _ => return Err(format!("the script answers no table around '{name}'")),
                };
            }
            to_json(&at)
        })
        .collect()
}

fn first_name(place: &Place) -> &str {
    place.parents().first().map_or(place.name(), String::as_str)
}

fn write(value: &LuaValue, out: &mut String, depth: usize) -> Result<(), String> {
    if depth > JSON_DEPTH_MAX || out.len() > RESULT_BYTES_MAX {
        return Err("the script answers a value that is too deep or too large".to_owned());
    }
    match value {
        LuaValue::Boolean(value) => out.push_str(if *value { "true" } else { "false" }),
        LuaValue::Integer(whole) => write_number(f64_of(*whole), out)?,
        LuaValue::Number(float) => write_number(*float, out)?,
        LuaValue::String(text) => {
            let text = text.to_str().map_err(|_| "the script answers bytes that are no UTF-8")?;
            out.push_str(&quote(&text));
        }
        LuaValue::Table(table) => write_table(table, out, depth)?,
        _ if value.is_null() => out.push_str("null"),
        other => {
            let found = other.type_name();
            return Err(format!("the script answers a {found}, which JSON does not have"));
        }
    }
    Ok(())
}

/// A whole number of the machine, which holds it as a float itself.
#[allow(clippy::cast_precision_loss)]
fn f64_of(whole: i64) -> f64 {
    whole as f64
}

fn write_number(float: f64, out: &mut String) -> Result<(), String> {
    let text = print(float);
    out.push_str(&text.ok_or("the script answers a number that is not exact (beyond 53 bits)")?);
    Ok(())
}

fn write_table(table: &Table, out: &mut String, depth: usize) -> Result<(), String> {
    let length = table.raw_len();
    let mut names: Vec<(String, LuaValue)> = Vec::new();
    let mut items = 0;
    for pair in table.pairs::<LuaValue, LuaValue>() {
        let (key, value) = pair.map_err(|error| error.to_string())?;
        match key {
            LuaValue::String(name) => {
                let name =
                    name.to_str().map_err(|_| "the script answers a name that is no UTF-8")?;
                names.push((name.to_owned(), value));
            }
            LuaValue::Integer(_) | LuaValue::Number(_) => items += 1,
            other => {
                return Err(format!("the script answers a name that is a {}", other.type_name()));
            }
        }
    }
    if !names.is_empty() && items > 0 {
        return Err("the script answers a table with names and numbered items".to_owned());
    }
    if items != length {
        return Err("the script answers a list with holes".to_owned());
    }
    if items > 0 || (names.is_empty() && table.metatable().is_some()) {
        out.push('[');
        for at in 1..=length {
            if at > 1 {
                out.push(',');
            }
            let item: LuaValue = table.raw_get(at).map_err(|error| error.to_string())?;
            write(&item, out, depth + 1)?;
        }
        out.push(']');
        return Ok(());
    }
    names.sort_by(|a, b| a.0.cmp(&b.0));
    out.push('{');
    for (at, (name, value)) in names.iter().enumerate() {
        if at > 0 {
            out.push(',');
        }
        out.push_str(&quote(name));
        out.push(':');
        write(value, out, depth + 1)?;
    }
    out.push('}');
    Ok(())
}
