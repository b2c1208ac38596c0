//! Lists whose items become other items, and maps whose values become other values.

use serde_json::{Value as Json, json};

use super::convert::{Conversion, calculated, library, types_seen};
use super::enums;
use super::side::{Leaf, item_leaf, value_leaf};
use super::structure::{Structure, type_of};
use crate::schema::FieldType;

/// A list whose items become other items: one field of each, or objects around them.
pub fn reshaped(from: &Leaf, to: &Leaf, found: &mut Vec<Conversion>) {
    let items: Vec<&Json> = from.values.iter().filter_map(Json::as_array).flatten().collect();
    let Some(wanted) = to.structure.items.as_ref() else { return };
    let wanted_structure = Structure::of(wanted, wanted);
    let takes_text = wanted_structure.is_only(FieldType::String);
    if takes_text && !items.is_empty() && items.iter().all(|item| item.is_object()) {
        let in_all =
            |name: &&String| items.iter().all(|item| item.get(*name).is_some_and(Json::is_string));
        let names = items[0].as_object().into_iter().flat_map(serde_json::Map::keys);
        let names: Vec<&String> = names.filter(in_all).collect();
        for name in &names {
            let expr = of_items(&format!("e[{}]", Json::from(name.as_str())));
            let says = matches!(name.as_str(), "name" | "value");
            let is_one = names.len() == 1;
            let is_usual = says || is_one && name.as_str() == "id";
            let cost = match name.as_str() {
                _ if is_usual => 0.08,
                "id" => 0.18,
                _ => 0.14,
            };
            let words = format!("the '{name}' of its items");
            let of_each = Conversion::of(vec![calculated(&expr)], cost, &words);
            let doubt = "that of their fields this one is the item";
            found.push(if says || is_one { of_each } else { of_each.assuming(doubt) });
        }
    }
    let scalars = items.iter().all(|item| !item.is_object() && !item.is_array());
    if !items.is_empty()
        && scalars
        && let Some(name) = only_text_field(wanted)
        && items.iter().all(|item| takes(wanted, &name, item))
    {
        let expr = of_items(&object_of(wanted, &name, "e"));
        found.push(Conversion::of(
            vec![calculated(&expr)],
            0.08,
            &format!("objects with the items as '{name}'"),
        ));
    }
}

/// A list of scalars whose items become other scalars, each by the same table or conversion.
pub fn item_by_item(from: &Leaf, to: &Leaf) -> Option<Conversion> {
    let (old, new) = (item_leaf(from)?, item_leaf(to)?);
    let are_texts = old.values.iter().all(Json::is_string);
    if old.values.is_empty() || old.values.iter().all(|value| new.fits(value)) || !are_texts {
        return None;
    }
    if new.structure.is_only(FieldType::Integer) || new.structure.is_only(FieldType::Number) {
        let is_number =
            |value: &Json| value.as_str().is_some_and(|text| text.parse::<f64>().is_ok());
        let way = Conversion::of(
            vec![calculated(&of_items("tonumber(e)"))],
            0.06,
            "its items as numbers",
        );
        return old.values.iter().all(is_number).then_some(way);
    }
    let table = enums::maps(&old, &new)?;
    let map = table.steps.first()?.get("map")?.as_object()?.clone();
    let entries: Vec<String> =
        map.iter().map(|(word, new)| format!("[{}] = {new}", Json::from(word.as_str()))).collect();
    let make = format!("(({{ {} }})[e] or e)", entries.join(", "));
    let words = format!("in each item {}", table.words);
    Some(Conversion { steps: vec![calculated(&of_items(&make))], words, ..table })
}

/// A list of what `make` gives for each item `e` of a list.
pub fn of_items(make: &str) -> String {
    format!(
        "(function() local o = array({{}}) for _, e in @i do table.insert(o, {make}) end return o end)()"
    )
}

/// A list or map of single values of which each becomes another by the same steps.
pub fn one_by_one(from: &Leaf, to: &Leaf) -> Option<Conversion> {
    const IN_PLACE: [&str; 4] = ["convertType", "mapValues", "replace", "case"];
    let is_map = to.structure.is_only(FieldType::Object);
    let are_alike =
        |field_type| to.structure.is_only(field_type) && types_seen(from) == [field_type];
    if !are_alike(FieldType::Object) && !are_alike(FieldType::Array) {
        return None;
    }
    let (old, new) = (value_leaf(from)?, value_leaf(to)?);
    if old.values.is_empty() || old.values.iter().all(|value| new.fits(value)) {
        return None;
    }
    let stays_in_place = |way: &Conversion| {
        let is_known = |step: &Json| IN_PLACE.iter().any(|kind| step["type"] == *kind);
        !way.is_none() && way.steps.iter().all(is_known)
    };
    let makes = |way: &Conversion| {
        old.values.iter().all(|value| way.apply(value).is_some_and(|made| new.fits(&made)))
    };
    let ways = library(&old, &new).into_iter().filter(|way| stays_in_place(way) && makes(way));
    let way = ways.min_by(|a, b| a.cost.total_cmp(&b.cost))?;
    // The values of a map stand in a list for a while, in their order.
    let spot = if is_map { "@[].value" } else { "@[]" };
    let mut steps: Vec<Json> = way.steps.clone();
    for step in &mut steps {
        step["field"] = spot.into();
    }
    if is_map {
        let named =
            |kind: &str| json!({"type": kind, "field": "@", "key": "key", "value": "value"});
        steps.insert(0, named("entries"));
        steps.push(named("keyBy"));
    }
    let words = format!("each value: {}", way.words);
    Some(Conversion { steps, words, cost: way.cost + 0.02, ..way })
}

/// Whether a field of an object may hold a value of this type.
pub fn takes(object: &Json, name: &str, value: &Json) -> bool {
    let fields = Structure::of(object, object).fields;
    let field = fields.iter().find(|(known, _)| known == name);
    field.is_none_or(|(_, field)| Structure::of(field, object).may_be(type_of(value)))
}

/// The one field of an object that must stand, or that alone is declared; fields that may have one
/// value only are left aside.
pub fn only_text_field(node: &Json) -> Option<String> {
    let structure = Structure::of(node, node);
    let is_open = |name: &&String| !constants(&structure).iter().any(|(known, _)| known == *name);
    let required: Vec<&String> = structure.required.iter().filter(is_open).collect();
    match (required.as_slice(), structure.fields.as_slice()) {
        ([only], _) => Some((*only).clone()),
        ([], [(name, _)]) => Some(name.clone()),
        _ => None,
    }
}

/// Whether an object has no other field than this one and such as may have one value only.
pub fn is_alone(object: &Structure, name: &str) -> bool {
    let constants = constants(object);
    let is_known = |field: &str| field == name || constants.iter().any(|(known, _)| known == field);
    object.fields.iter().all(|(field, _)| is_known(field))
}

/// The fields that must stand and may have one value only.
fn constants(object: &Structure) -> Vec<(String, Json)> {
    let constant = |(name, field): &(String, Json)| {
        let value = Structure::of(field, field).constant()?.clone();
        object.required.contains(name).then(|| (name.clone(), value))
    };
    object.fields.iter().filter_map(constant).collect()
}

/// An expression for an object with the field `name` and all that may have one value only.
pub fn object_of(node: &Json, name: &str, value: &str) -> String {
    let constants = constants(&Structure::of(node, node));
    let scalars = constants.iter().filter(|(_, value)| !value.is_object() && !value.is_array());
    let others = scalars.filter(|(known, _)| known != name);
    let others = others.map(|(name, value)| format!(", [{}] = {value}", Json::from(name.as_str())));
    format!("{{ [{}] = {value}{} }}", Json::from(name), others.collect::<String>())
}
