//! `trim`: space at the ends of a text is dropped.

use serde_json::Value as Json;

use super::text_step::{ON_ERROR, Texts};
use super::{Kind, ON_MISSING, Parameter};
use crate::model::{Document, Path};
use crate::transform::text::{Text, text_like};
use crate::transform::{Facts, Loss, Params, Refusal, Transform};

pub(super) const KIND: Kind = Kind {
    name: "trim",
    summary: "Drops the space (as Unicode knows it) at the ends of a text, and by choice writes \
              every run of space inside it as one. Refuses a missing field and what is no text.",
    parameters: &[
        Parameter { name: "field", form: "a path", optional: false, help: "the text" },
        Parameter {
            name: "side",
            form: "both, start or end",
            optional: true,
            help: "which end is trimmed; both when left out",
        },
        Parameter {
            name: "collapse",
            form: "true or false",
            optional: true,
            help: "whether runs of space inside the text become one space",
        },
        ON_ERROR,
        ON_MISSING,
    ],
    parse,
};

#[derive(Debug)]
struct Trim {
    texts: Texts,
    start: bool,
    end: bool,
    collapse: bool,
}

fn parse(params: &mut Params<'_>) -> Option<Box<dyn Transform>> {
    let texts = Texts::read(params);
    let sides = [("both", (true, true)), ("start", (true, false)), ("end", (false, true))];
    let (start, end) = params.word("side", &sides, (true, true));
    let collapse = params.flag("collapse", false);
    Some(Box::new(Trim { texts: texts?, start, end, collapse }))
}

impl Transform for Trim {
    fn apply(&self, document: &mut Document<'_>, _: &Facts<'_>) -> Result<(), Refusal> {
        self.texts.rewrite(document, &|value, text| {
            let rest = if self.start { text.trim_start() } else { text };
            let begin = text.len() - rest.len();
            let rest = if self.end { rest.trim_end() } else { rest };
            if self.collapse {
                let collapsed = collapse(rest);
                return (collapsed != text).then(|| text_like(value, &collapsed));
            }
            if rest.len() == text.len() {
                return None;
            }
            // What stays keeps its escapes.
            let kept = Text::open(value).map(|opened| opened.slice(begin..begin + rest.len()));
            Some(kept.unwrap_or_else(|| text_like(value, rest)))
        })
    }

    fn inverse(&self) -> Option<Vec<Json>> {
        None
    }

    fn loss(&self) -> Option<Loss> {
        Some(Loss::values(format!("the space around '{}' is dropped", self.texts.field.path())))
    }

    fn touches(&self) -> Vec<Path> {
        vec![self.texts.field.path().clone()]
    }
}

/// Every run of white space as one space.
fn collapse(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut in_space = false;
    for character in text.chars() {
        if character.is_whitespace() {
            if !in_space {
                out.push(' ');
            }
            in_space = true;
        } else {
            out.push(character);
            in_space = false;
        }
    }
    out
}
