//! `mapValues`: each value becomes the one that a table gives for it.

use serde_json::{Value as Json, json};

use super::{Kind, ON_MISSING, Parameter};
use crate::model::{Document, Path, Value};
use crate::transform::predicate::equals;
use crate::transform::text::text_like;
use crate::transform::{Facts, Loss, OnMissing, Params, Refusal, Spot, Template, Transform};

pub(super) const KIND: Kind = Kind {
    name: "mapValues",
    summary: "Replaces each value by the one that a table gives for it, as when an enum's words \
              change. Refuses a missing field, and a value that is not in the table.",
    parameters: &[
        Parameter { name: "field", form: "a path", optional: false, help: "the field" },
        Parameter {
            name: "map",
            form: "an object: old text to new value",
            optional: true,
            help: "the table for texts; this or 'pairs' has to be given",
        },
        Parameter {
            name: "pairs",
            form: "a list of [old, new]",
            optional: true,
            help: "the table for values of any type; numbers are equal by what they mean",
        },
        Parameter {
            name: "else",
            form: "fail, keep, null or default",
            optional: true,
            help: "what a value becomes that is not in the table: the document fails (default), it \
                   stays, or it becomes null or the value of 'default'",
        },
        Parameter {
            name: "default",
            form: "a JSON value",
            optional: true,
            help: "the value for else: default",
        },
        ON_MISSING,
    ],
    parse,
};

#[derive(Debug)]
enum Else {
    Fail,
    Keep,
    Value(Template),
}

#[derive(Debug)]
struct MapValues {
    field: Spot,
    pairs: Vec<(Json, Json)>,
    otherwise: Else,
    on_missing: OnMissing,
}

fn parse(params: &mut Params<'_>) -> Option<Box<dyn Transform>> {
    let field = params.spot("field");
    let pairs = read_pairs(params);
    let words = ["fail", "keep", "null", "default"].map(|word| (word, word));
    let word = params.word("else", &words, "fail");
    let otherwise = match word {
        "fail" => Else::Fail,
        "keep" => Else::Keep,
        "null" => Else::Value(Template::parse(&Json::Null).expect("null has no placeholder")),
        _ => Else::Value(params.template("default")?),
    };
    if word != "default" {
        params.optional("default");
    }
    let on_missing = params.on_missing(OnMissing::Fail);
    Some(Box::new(MapValues { field: field?, pairs: pairs?, otherwise, on_missing }))
}

fn read_pairs(params: &mut Params<'_>) -> Option<Vec<(Json, Json)>> {
    let (map, list) = (params.optional("map"), params.optional("pairs"));
    let pairs: Option<Vec<(Json, Json)>> = match (map, list) {
        (Some(Json::Object(map)), None) => {
            Some(map.iter().map(|(old, new)| (old.as_str().into(), new.clone())).collect())
        }
        (None, Some(Json::Array(pairs))) => {
            let pair = |pair: &Json| match pair.as_array().map(Vec::as_slice) {
                Some([old, new]) => Some((old.clone(), new.clone())),
                _ => None,
            };
            pairs.iter().map(pair).collect()
        }
        _ => None,
    };
    let pairs = pairs.filter(|pairs| !pairs.is_empty());
    if pairs.is_none() {
        let expected = r#"{"map": {"old": "new"}} or {"pairs": [[1, "one"]]}"#;
        params.refuse("", "mapValues needs a table, in one of 'map' and 'pairs'", expected);
    }
    let pairs = pairs?;
    for (at, (old, _)) in pairs.iter().enumerate() {
        if pairs[..at].iter().any(|(earlier, _)| equals(&Value::from_json(earlier), old)) {
            params.refuse("pairs", format!("{old} stands twice in the table"), "each value once");
            return None;
        }
    }
    Some(pairs)
}

impl Transform for MapValues {
    fn apply(&self, document: &mut Document<'_>, facts: &Facts<'_>) -> Result<(), Refusal> {
        self.field.each(document, self.on_missing, &mut |value| {
            let known = self.pairs.iter().find(|(old, _)| equals(value, old));
            *value = match (known, &self.otherwise) {
                (Some((_, Json::String(new))), _) => text_like(value, new),
                (Some((_, new)), _) => Value::from_json(new),
                (None, Else::Keep) => return Ok(()),
                (None, Else::Value(template)) => {
                    template.render(&self.field.path().to_string(), facts)?
                }
                (None, Else::Fail) => {
                    let reason = "the value is not in the table";
                    return Err(Refusal::new(self.field.path(), reason).found(value.to_json()));
                }
            };
            Ok(())
        })
    }

    fn inverse(&self) -> Option<Vec<Json>> {
        if !self.is_one_to_one() || matches!(self.otherwise, Else::Value(_)) {
            return None;
        }
        let pairs: Vec<Json> = self.pairs.iter().map(|(old, new)| json!([new, old])).collect();
        let mut step = json!({"type": "mapValues", "field": self.field.path(), "pairs": pairs});
        if matches!(self.otherwise, Else::Keep) {
            step["else"] = "keep".into();
        }
        if self.on_missing == OnMissing::Skip {
            step["onMissing"] = "skip".into();
        }
        Some(vec![step])
    }

    fn loss(&self) -> Option<Loss> {
        let field = self.field.path();
        if matches!(self.otherwise, Else::Value(_)) {
            let what = format!("values of '{field}' that are not in the table are replaced");
            return Some(Loss::values(what));
        }
        if !self.is_one_to_one() {
            let what = format!("several values of '{field}' become the same one");
            return Some(Loss::values(what));
        }
        if matches!(self.otherwise, Else::Keep) {
            return Some(Loss::origin(format!(
                "whether a value of '{field}' was mapped or stood before is not known afterwards"
            )));
        }
        let is_exact = |(old, new): &(Json, Json)| old.is_string() && new.is_string();
        (!self.pairs.iter().all(is_exact))
            .then(|| Loss::form(format!("the writing of values of '{field}' is not kept")))
    }

    fn touches(&self) -> Vec<Path> {
        vec![self.field.path().clone()]
    }
}

impl MapValues {
    fn is_one_to_one(&self) -> bool {
        self.pairs.iter().enumerate().all(|(at, (_, new))| {
            // In a hash 1 and "1" are the same bytes.
            let plain = |json: &Json| json.as_str().map_or_else(|| json.to_string(), str::to_owned);
            let same =
                |other: &Json| plain(other) == plain(new) || equals(&Value::from_json(other), new);
            !self.pairs[..at].iter().any(|(_, earlier)| same(earlier))
        })
    }
}
