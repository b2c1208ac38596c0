//! `replace`: parts of a text are written otherwise.

use regex::Regex;
use serde_json::Value as Json;

use super::text_step::{ON_ERROR, Texts};
use super::{Kind, ON_MISSING, Parameter};
use crate::model::{Document, Path};
use crate::transform::text::text_like;
use crate::transform::{Facts, Loss, Params, Refusal, Transform};

pub(super) const KIND: Kind = Kind {
    name: "replace",
    summary: "Replaces every occurrence of a text, or of what a regular expression matches, in a \
              text. Refuses a missing field and what is no text.",
    parameters: &[
        Parameter { name: "field", form: "a path", optional: false, help: "the text" },
        Parameter {
            name: "find",
            form: "text",
            optional: true,
            help: "what is replaced; this or 'regex' has to be given",
        },
        Parameter {
            name: "regex",
            form: "a regular expression",
            optional: true,
            help: "what is replaced, as a pattern",
        },
        Parameter {
            name: "with",
            form: "text",
            optional: false,
            help: "what stands in its place; for a regular expression $1 or ${name} is a group, and \
                   $$ a plain $",
        },
        ON_ERROR,
        ON_MISSING,
    ],
    parse,
};

#[derive(Debug)]
enum Find {
    Text(String),
    Regex(Regex),
}

#[derive(Debug)]
struct Replace {
    texts: Texts,
    find: Find,
    with: String,
}

fn parse(params: &mut Params<'_>) -> Option<Box<dyn Transform>> {
    let texts = Texts::read(params);
    let (text, regex) = (params.optional_text("find"), params.optional_regex("regex"));
    let with = params.text("with").map(str::to_owned);
    let find = match (text, regex) {
        (Some(text), None) if !text.is_empty() => Find::Text(text.to_owned()),
        (None, Some(regex)) => Find::Regex(regex?),
        _ => {
            let message = "replace needs one of 'find' and 'regex'";
            params.refuse("", message, "a text that is not empty, or a regular expression");
            return None;
        }
    };
    Some(Box::new(Replace { texts: texts?, find, with: with? }))
}

impl Transform for Replace {
    fn apply(&self, document: &mut Document<'_>, _: &Facts<'_>) -> Result<(), Refusal> {
        self.texts.rewrite(document, &|value, text| {
            let replaced = match &self.find {
                Find::Text(find) => text.replace(find, &self.with),
                Find::Regex(regex) => regex.replace_all(text, &self.with).into_owned(),
            };
            (replaced != text).then(|| text_like(value, &replaced))
        })
    }

    fn inverse(&self) -> Option<Vec<Json>> {
        None
    }

    fn loss(&self) -> Option<Loss> {
        let field = self.texts.field.path();
        Some(Loss::values(format!("what is replaced in '{field}' is lost")))
    }

    fn touches(&self) -> Vec<Path> {
        vec![self.texts.field.path().clone()]
    }
}
