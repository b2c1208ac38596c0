//! The table of transforms. A new kind is a new file and a new row.

mod add_field;
mod batch;
mod case;
#[cfg(test)]
mod cases;
mod convert_storage;
mod convert_type;
mod copy_field;
mod custom;
mod default_if_missing;
mod endpoint;
pub(super) mod external;
mod flatten_field;
mod for_each;
mod json_text;
mod keep_fields;
mod key_by;
mod map_values;
mod merge_fields;
mod move_field;
mod nest_fields;
mod pick_first;
#[cfg(test)]
mod properties;
#[cfg(test)]
mod random;
mod remove_field;
mod rename_field;
mod rename_key;
mod replace;
mod scalar;
mod set_expiry;
mod set_field;
mod split_field;
mod stamp_version;
#[cfg(test)]
mod tests;
mod text_step;
mod trim;
mod wrap_field;

use serde_json::Value as Json;

use super::params::Params;
use super::place::{OnExisting, OnMissing};
use super::step::Transform;

/// One kind of transform: its name in definitions, its words, and how its parameters are read.
#[derive(Debug)]
pub struct Kind {
    /// `renameField`
    pub name: &'static str,
    /// What it does, what it refuses, in one or two sentences.
    pub summary: &'static str,
    /// Its parameters, in the order in which forms ask for them.
    pub parameters: &'static [Parameter],
    /// Reads the parameters; `None` when one is wrong, which the params note.
    pub parse: fn(&mut Params<'_>) -> Option<Box<dyn Transform>>,
}

/// One parameter of a [`Kind`].
#[derive(Debug)]
pub struct Parameter {
    /// Its name in definitions.
    pub name: &'static str,
    /// What is to be written there: `a path`, `fail or skip`.
    pub form: &'static str,
    /// Whether it may be left out.
    pub optional: bool,
    /// What it means.
    pub help: &'static str,
}

impl Kind {
    /// What is to be written for the parameter `name`.
    pub fn form_of(&self, name: &str) -> &'static str {
        self.parameters.iter().find(|p| p.name == name).map_or("a value", |p| p.form)
    }
}

/// Every kind of transform.
pub static KINDS: &[Kind] = &[
    rename_field::KIND,
    move_field::KIND,
    copy_field::KIND,
    add_field::KIND,
    set_field::KIND,
    default_if_missing::KIND,
    remove_field::KIND,
    keep_fields::KIND,
    split_field::KIND,
    merge_fields::KIND,
    pick_first::KIND,
    trim::KIND,
    case::KIND,
    replace::KIND,
    convert_type::KIND,
    map_values::KIND,
    json_text::PARSE,
    json_text::STRINGIFY,
    nest_fields::KIND,
    flatten_field::KIND,
    wrap_field::WRAP,
    wrap_field::HOIST,
    key_by::KEY_BY,
    key_by::ENTRIES,
    for_each::KIND,
    convert_storage::KIND,
    rename_key::KIND,
    set_expiry::KIND,
    stamp_version::KIND,
    custom::KIND,
    batch::KIND,
    external::KIND,
];

/// The kind of this name.
pub fn find(name: &str) -> Option<&'static Kind> {
    KINDS.iter().find(|kind| kind.name == name)
}

/// The names of every kind, for messages.
pub fn names() -> String {
    KINDS.iter().map(|kind| kind.name).collect::<Vec<_>>().join(", ")
}

/// A step in one line: its kind and its parameters' values in the kind's order.
pub(super) fn summary(kind: &Kind, definition: &Json) -> String {
    let shown = |json: &Json| match json {
        Json::String(text) => text.clone(),
        Json::Array(items) => items
            .iter()
            .map(|item| item.as_str().map_or_else(|| item.to_string(), str::to_owned))
            .collect::<Vec<_>>()
            .join(", "),
        other => other.to_string(),
    };
    let part = |parameter: &Parameter| {
        let text = shown(definition.get(parameter.name)?);
        Some(match parameter.name {
            "to" => format!("-> {text}"),
            "from" | "field" => text,
            name if text.trim().len() < text.len() || text.is_empty() => format!("{name}='{text}'"),
            name => format!("{name}={text}"),
        })
    };
    let parts = kind.parameters.iter().filter_map(part);
    let when = definition.get("when").map(|when| format!("when {when}"));
    std::iter::once(kind.name.to_owned()).chain(parts).chain(when).collect::<Vec<_>>().join(" ")
}

/// The parameter that makes a value by calculation.
const EXPR: Parameter = Parameter {
    name: "expr",
    form: "a Luau expression",
    optional: true,
    help: "in place of a fixed value, what to calculate it from: i.price * 100",
};

/// The parameter that says what an expression may see.
const INPUTS: Parameter = Parameter {
    name: "inputs",
    form: "a list of paths",
    optional: true,
    help: "the fields the expression sees (an absent one is nil); the field itself when left out",
};

/// The parameter that says what a missing source means.
const ON_MISSING: Parameter = Parameter {
    name: "onMissing",
    form: "fail or skip",
    optional: true,
    help: "what happens when the field is absent: the document fails, or the step is skipped",
};

/// The parameter that says what an existing target means.
const ON_EXISTING: Parameter = Parameter {
    name: "onExisting",
    form: "fail, keep or overwrite",
    optional: true,
    help: "what happens when the target is there already: the document fails (default), the value \
           that stands is kept, or it is replaced",
};

/// Lets the inverse of a step pass over what the step itself passed over: documents without the
/// source, and documents whose target stood already.
fn tolerate(inverse: &mut Json, on_missing: OnMissing, on_existing: OnExisting) {
    if on_missing == OnMissing::Skip || on_existing == OnExisting::Keep {
        inverse["onMissing"] = "skip".into();
    }
    if on_existing == OnExisting::Keep {
        inverse["onExisting"] = "keep".into();
    }
}
