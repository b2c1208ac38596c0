//! Lists, maps and single values that become one another.

use std::collections::BTreeSet;

use serde_json::{Value as Json, json};

use super::convert::{Conversion, calculated};
use super::items::{is_alone, item_by_item, object_of, of_items, only_text_field, reshaped, takes};
use super::names::{singular, words};
use super::side::Leaf;
use super::structure::Structure;
use super::texts;
use super::vocabulary::canonical;
use crate::schema::FieldType;

/// The separators of a text that is a list.
const SEPARATORS: [&str; 12] =
    [", ", "; ", " | ", " > ", " / ", " :: ", " and ", ",", ";", "|", "\n", " "];

/// A value that becomes a list: of its own, or of its parts.
pub fn wrapped(from: &Leaf, to: &Leaf, found: &mut Vec<Conversion>) {
    let texts: Vec<&str> = from.values.iter().filter_map(Json::as_str).collect();
    let may_be_lists = parted(to, &texts, found);
    found.extend(texts::twos(from, to));
    // A map is no item that must have other fields.
    let item =
        to.structure.items.as_ref().map(|items| Structure::of(items, items)).unwrap_or_default();
    let lacks = |value: &Json| {
        value
            .as_object()
            .is_some_and(|map| item.required.iter().any(|name| !map.contains_key(name)))
    };
    let is_map = from.structure.fields.is_empty() && from.values.iter().any(lacks);
    if is_map {
        return;
    }
    let wrap = if texts.contains(&"") {
        let expr = "@i == \"\" and array({}) or array({ @i })";
        Conversion::of(vec![calculated(expr)], 0.06, "in a list of its own, none where it is empty")
    } else {
        let wrap = json!({"type": "wrapField", "field": "@"});
        Conversion::of(vec![wrap], 0.06, "in a list of its own")
    };
    // `tags` that is a text holds several, whatever few samples have.
    let name = from.path.last().map_or("", String::as_str);
    let last = words(name).last().cloned().unwrap_or_default();
    let is_many = singular(&last) != last || from.path.last() == to.path.last();
    let is_unseen = from.values.len() < 4 && is_many && !from.structure.is_only(FieldType::Integer);
    let doubt = "whether each text is one item of the list";
    found.push(if may_be_lists || is_unseen { wrap.assuming(doubt) } else { wrap });
    // An object with more fields may be put together of others as well.
    let takes_all = |name: &String| {
        let node = to.structure.items.as_ref();
        from.values.iter().all(|value| node.is_none_or(|node| takes(node, name, value)))
    };
    if let Some(node) = &to.structure.items
        && let Some(name) = only_text_field(node)
        && is_alone(&item, &name)
        && takes_all(&name)
    {
        let expr = format!("array({{ {} }})", object_of(node, &name, "@i"));
        let one = Conversion::of(vec![calculated(&expr)], 0.14, "in a list of one object");
        found.push(if may_be_lists || is_unseen { one.assuming(doubt) } else { one });
    }
}

/// A text that is the parts between separators; answers whether it may be.
fn parted(to: &Leaf, texts: &[&str], found: &mut Vec<Conversion>) -> bool {
    let mut may_be_lists = false;
    let only = to.structure.items.as_ref().and_then(|node| Some((node, only_text_field(node)?)));
    let only = only.filter(|(node, name)| takes(node, name, &Json::from("a part")));
    for separator in SEPARATORS {
        let holding = texts.iter().filter(|text| text.contains(separator)).count();
        let is_listed = holding * 4 >= texts.len() && holding > 0;
        // A space separates words of a sentence and names as well.
        let name = to.path.last().map(|name| canonical(name)).unwrap_or_default();
        let are_arguments = matches!(name.as_str(), "parameters" | "command");
        let is_sure = separator != " " || are_word_lists(texts) || are_arguments;
        if is_listed {
            // Words that begin with a capital letter are a name.
            let is_name = |text: &&str| text.chars().any(char::is_uppercase);
            may_be_lists |= separator != " " || !texts.iter().any(is_name);
            let split = format!("string.split(@i, {})", Json::from(separator));
            // Each part is an object where the list holds such with one field.
            let (split, words) = match &only {
                Some((node, name)) => (
                    of_items(&object_of(node, name, "e")).replace("in @i", &format!("in {split}")),
                    format!("objects with the parts between '{separator}' as '{name}'"),
                ),
                None => (split, format!("the parts between '{separator}'")),
            };
            let expr = format!("@i == \"\" and array({{}}) or {split}");
            let cost = if is_sure { 0.05 } else { 0.2 };
            let parts = Conversion::of(vec![calculated(&expr)], cost, &words);
            let doubt = format!("whether '{separator}' stands between items");
            found.push(if is_sure { parts } else { parts.assuming(doubt) });
        }
    }
    may_be_lists
}

/// Whether texts are lists of words: few and plain words that come again, more of them in one text than
/// in another.
fn are_word_lists(texts: &[&str]) -> bool {
    let counts: BTreeSet<usize> = texts.iter().map(|text| text.split(' ').count()).collect();
    let all: Vec<&str> = texts.iter().flat_map(|text| text.split(' ')).collect();
    let distinct: BTreeSet<&&str> = all.iter().collect();
    let is_plain = |word: &&str| {
        let mark = |c: char| matches!(c, '_' | '-' | ':' | '.' | '/' | '#');
        !word.is_empty() && word.chars().all(|c| c.is_lowercase() || c.is_ascii_digit() || mark(c))
    };
    counts.len() > 1 && distinct.len() * 2 <= all.len() && all.iter().all(is_plain)
}

/// What a list may become.
pub fn from_array(from: &Leaf, to: &Leaf, found: &mut Vec<Conversion>) {
    let structure = &to.structure;
    if structure.is_only(FieldType::Object) {
        to_map(from, to, found);
    }
    if structure.is_only(FieldType::Array) {
        reshaped(from, to, found);
        found.extend(item_by_item(from, to));
        found.extend(texts::items(from, to));
        found.extend(texts::twos(from, to));
        of_only_item(from, found);
        return;
    }
    of_only_item(from, found);
    let single = |value: &Json| value.as_array().is_some_and(|items| items.len() == 1);
    if !from.values.is_empty() && from.values.iter().all(single) {
        let hoist = json!({"type": "hoistField", "field": "@"});
        found.push(Conversion::of(vec![hoist], 0.06, "the only item of the list"));
    }
    // `email` of `emails`: one of them; `primaryCategory` of `categories`: the first.
    let name = |leaf: &Leaf| words(leaf.path.last().map_or("", String::as_str));
    let (had, wanted) = (name(from), name(to));
    let of_one: Vec<String> = had.iter().map(|word| singular(word)).collect();
    let says = |of: &[&str]| wanted.iter().any(|word| of.contains(&word.as_str()));
    let says_last = says(&["last", "latest", "newest"]);
    let is_one = had != wanted && of_one == wanted
        || says(&["first", "primary", "main", "default"])
        || says_last;
    if structure.may_be(FieldType::String) && texts_only(from) && !is_one {
        for separator in [",", ", ", " ", ";", "|", "\n"] {
            let expr = format!("table.concat(@i, {})", Json::from(separator));
            let words = format!("its items joined with '{separator}'");
            let joined = Conversion::of(vec![calculated(&expr)], 0.1, &words);
            found.push(joined.assuming("which text stands between the items"));
        }
    }
    if from.values.iter().any(|value| !single(value)) {
        for (many, words) in [("first", "its first item"), ("last", "its last item")] {
            let hoist =
                json!({"type": "hoistField", "field": "@", "onMany": many, "onEmpty": "null"});
            let is_told = is_one && says_last == (many == "last");
            let taken = Conversion::of(vec![hoist], if is_told { 0.08 } else { 0.2 }, words);
            found.push(taken.assuming("the other items are dropped"));
        }
    }
}

/// A field of the object that stands alone in a list.
fn of_only_item(from: &Leaf, found: &mut Vec<Conversion>) {
    let only = |value: &Json| -> Option<serde_json::Map<String, Json>> {
        value.as_array().filter(|items| items.len() == 1)?[0].as_object().cloned()
    };
    let items: Option<Vec<_>> = from.values.iter().map(only).collect();
    let Some(items) = items.filter(|items| !items.is_empty()) else { return };
    for name in items[0].keys().filter(|name| items.iter().all(|item| item.contains_key(*name))) {
        let expr = format!("@i[1][{}]", Json::from(name.as_str()));
        let words = format!("'{name}' of the only item");
        found.push(Conversion::of(vec![calculated(&expr)], 0.1, &words));
    }
}

fn texts_only(leaf: &Leaf) -> bool {
    let is_text = |value: &Json| value.is_string() || value.is_number();
    leaf.values.iter().filter_map(Json::as_array).flatten().all(is_text)
}

/// A list of objects becomes a map by one of their fields; `K=V` texts become a map.
fn to_map(from: &Leaf, to: &Leaf, found: &mut Vec<Conversion>) {
    let items: Vec<&Json> = from.values.iter().filter_map(Json::as_array).flatten().collect();
    let values = to.structure.values.as_ref();
    let kept = |name: &str| {
        values.and_then(|values| values.get("properties")).is_some_and(|p| p.get(name).is_some())
    };
    let holds_objects = values.is_some_and(|values| values.get("properties").is_some());
    let is_pairs = pair_names(&items).is_some() && !holds_objects;
    if items.iter().all(|item| item.is_object()) {
        for name in key_names(from, &items) {
            let mut step = json!({"type": "keyBy", "field": "@", "key": name});
            if kept(&name) {
                step["keepKey"] = true.into();
            }
            let words = format!("an object by the '{name}' of its items");
            let is_usual = matches!(name.as_str(), "name" | "key" | "id");
            // Of a name and one value the map usually holds the value itself.
            let cost = match (is_pairs, is_usual) {
                (true, _) => 0.22,
                (_, true) => 0.06,
                _ => 0.1,
            };
            let keyed = Conversion::of(vec![step], cost, &words);
            let doubt = "whether the object holds what else the items have, as it stands there";
            found.push(if values.is_some() { keyed } else { keyed.assuming(doubt) });
        }
        found.extend(of_two(from, to, &items));
        if let Some((key, value)) = pair_names(&items) {
            let step = json!({"type": "keyBy", "field": "@", "key": key, "value": value});
            let words = format!("an object from '{key}' to '{value}' of its items");
            found.push(Conversion::of(vec![step], 0.07, &words));
        }
    }
    found.extend(as_set(to, &items));
    for separator in ["=", ":"] {
        let is_pair = |item: &&Json| item.as_str().is_some_and(|text| text.contains(separator));
        if !items.is_empty() && items.iter().all(is_pair) {
            let expr = format!(
                "(function() local o = {{}} for _, e in @i do local at = string.find(e, {s}, 1, true) \
                 o[string.sub(e, 1, at - 1)] = string.sub(e, at + {n}) end return o end)()",
                s = Json::from(separator),
                n = separator.len()
            );
            let words =
                format!("an object from what stands before '{separator}' to what stands after it");
            found.push(Conversion::of(vec![calculated(&expr)], 0.06, &words));
        }
    }
}

/// An object from one field of the items to another, where their names leave open which is which, or
/// where the items have more than these two.
fn of_two(from: &Leaf, to: &Leaf, items: &[&Json]) -> Option<Conversion> {
    let first = items.first()?.as_object()?;
    let holds_objects = to.structure.values.as_ref().is_some_and(|v| v.get("properties").is_some());
    if holds_objects || pair_names(items).is_some() {
        return None;
    }
    let stands = |name: &&String| items.iter().all(|item| item.get(*name).is_some());
    let keys = key_names(from, items);
    let (key, value) = if first.len() == 2 {
        let key = keys.first().filter(|_| keys.len() == 1)?;
        (key, first.keys().find(|name| *name != key).filter(stands)?)
    } else {
        let is_value = |name: &&String| matches!(name.as_str(), "value" | "val");
        let is_key = |name: &&String| matches!(name.as_str(), "key" | "name" | "k");
        (keys.iter().find(is_key)?, first.keys().find(is_value).filter(stands)?)
    };
    let (step, doubt) = if first.len() == 2 {
        let step = json!({"type": "keyBy", "field": "@", "key": key, "value": value});
        (step, format!("that the object holds the '{value}' of each"))
    } else {
        let expr = format!(
            "(function() local o = {{}} for _, e in @i do o[e[{}]] = e[{}] end return o end)()",
            Json::from(key.as_str()),
            Json::from(value.as_str())
        );
        (calculated(&expr), "that what else the items have is dropped".to_owned())
    };
    let words = format!("an object from '{key}' to '{value}' of its items");
    Some(Conversion::of(vec![step], 0.08, &words).assuming(doubt))
}

/// Fields of items that can name them: text, in every item, never twice in one list.
fn key_names(from: &Leaf, items: &[&Json]) -> Vec<String> {
    let first = items.first().and_then(|item| item.as_object());
    let declared = from.structure.items.as_ref().and_then(|items| items.get("required"));
    let names: Vec<String> = match first {
        Some(first) => first.keys().cloned().collect(),
        None => declared
            .and_then(Json::as_array)
            .into_iter()
            .flatten()
            .filter_map(|name| name.as_str().map(str::to_owned))
            .filter(|name| matches!(name.as_str(), "name" | "key" | "id"))
            .collect(),
    };
    let fits = |name: &String| {
        from.values.iter().filter_map(Json::as_array).all(|list| {
            let mut seen = BTreeSet::new();
            list.iter().all(|item| {
                item.get(name).and_then(Json::as_str).is_some_and(|text| seen.insert(text))
            })
        })
    };
    names.into_iter().filter(fits).collect()
}

/// Items with a name and one value: `{"name": "A", "value": "1"}`.
fn pair_names(items: &[&Json]) -> Option<(String, String)> {
    let names: Vec<&String> = items.first()?.as_object()?.keys().collect();
    let ([a, b], true) = (
        names.as_slice(),
        items.iter().all(|item| item.as_object().is_some_and(|object| object.len() == 2)),
    ) else {
        return None;
    };
    let texts =
        |name: &String| items.iter().all(|item| item.get(name).is_some_and(Json::is_string));
    match (names_others(a, b) && texts(a), names_others(b, a) && texts(b)) {
        (true, false) => Some(((*a).clone(), (*b).clone())),
        (false, true) => Some(((*b).clone(), (*a).clone())),
        _ => None,
    }
}

/// Whether, of two fields, this one is the name and the other the value.
fn names_others(name: &str, value: &str) -> bool {
    let is_key = |name: &str| {
        matches!(
            name,
            "name" | "key" | "k" | "id" | "label" | "code" | "field" | "property" | "attribute"
        )
    };
    let is_value = |name: &str| matches!(name, "value" | "val" | "v" | "content" | "text");
    is_key(name) && !is_key(value) || is_value(value) && !is_value(name)
}

/// An object whose values only say whether: the names of those that are true.
fn names_that_hold(values: &[&Json]) -> Option<Conversion> {
    let expr = "(function() local o = array({}) for _, e in @i do if e.v == true then \
                table.insert(o, e.k) end end return o end)()";
    let entries = json!({"type": "entries", "field": "@", "key": "k", "value": "v"});
    let names = Conversion::of(vec![entries, calculated(expr)], 0.06, "the names that are true");
    (!values.is_empty() && values.iter().all(|value| value.is_boolean())).then_some(names)
}

/// A list of texts that becomes an object in which each of them is true.
fn as_set(to: &Leaf, items: &[&Json]) -> Option<Conversion> {
    let values = to.structure.values.as_ref().map(|node| Structure::of(node, node));
    let expr =
        "(function() local o = {} for _, e in @i do o[e] = true end return o end)()".to_owned();
    let set = Conversion::of(vec![calculated(&expr)], 0.08, "an object in which each item is true");
    let are_texts = !items.is_empty() && items.iter().all(|item| item.is_string());
    match values {
        _ if !are_texts => None,
        Some(values) => values.may_be(FieldType::Boolean).then_some(set),
        None => {
            Some(Conversion { cost: 0.3, ..set }.assuming("that each of the items is true there"))
        }
    }
}

/// What a map may become.
pub fn from_object(from: &Leaf, to: &Leaf, found: &mut Vec<Conversion>) {
    if to.structure.is_only(FieldType::String) {
        let step = json!({"type": "stringifyJson", "field": "@"});
        found.push(Conversion::of(vec![step], 0.15, "its JSON as text"));
        return;
    }
    if !to.structure.is_only(FieldType::Array) {
        return;
    }
    let values: Vec<&Json> =
        from.values.iter().filter_map(Json::as_object).flat_map(serde_json::Map::values).collect();
    let item =
        to.structure.items.as_ref().map(|items| Structure::of(items, items)).unwrap_or_default();
    let declared = from.structure.values.as_ref().map(|node| Structure::of(node, node));
    let is_objects = match declared {
        _ if !values.is_empty() => values.iter().all(|value| value.is_object()),
        Some(declared) => declared.is_only(FieldType::Object),
        None => false,
    };
    if is_objects {
        for name in item.fields.iter().map(|(name, _)| name) {
            let held = values.iter().any(|value| value.get(name).is_some());
            if item.required.contains(name) && !held {
                let step = json!({"type": "entries", "field": "@", "key": name});
                found.push(Conversion::of(
                    vec![step],
                    0.06,
                    &format!("a list with the names as '{name}'"),
                ));
            }
        }
    } else if item.is_only(FieldType::Object) {
        if let ([(a, _), (b, _)], Some(node)) = (item.fields.as_slice(), &to.structure.items) {
            let (a, b) = if names_others(b, a) { (b, a) } else { (a, b) };
            let holds = |value: &&Json| takes(node, b, value);
            if !takes(node, a, &Json::from("name")) || !values.iter().all(holds) {
                return;
            }
            let step = json!({"type": "entries", "field": "@", "key": a, "value": b});
            found.push(Conversion::of(vec![step], 0.08, &format!("a list of '{a}' and '{b}'")));
        }
    } else if item.is_only(FieldType::String) {
        found.extend(names_that_hold(&values));
        // The object is a list first: a program would see its members in no order.
        let entries = json!({"type": "entries", "field": "@", "key": "k", "value": "v"});
        for separator in ["=", ": ", ":"] {
            let made = format!("e.k .. {} .. tostring(e.v)", Json::from(separator));
            let steps = vec![entries.clone(), calculated(&of_items(&made))];
            let listed = Conversion::of(steps, 0.12, &format!("a list of name{separator}value"));
            found.push(listed.assuming("which text stands between name and value"));
        }
    }
}
