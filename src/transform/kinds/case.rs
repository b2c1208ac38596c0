//! `case`: a text in lower or upper case.

use serde_json::Value as Json;

use super::text_step::{ON_ERROR, Texts};
use super::{Kind, ON_MISSING, Parameter};
use crate::model::{Document, Path};
use crate::transform::text::text_like;
use crate::transform::{Facts, Loss, Params, Refusal, Transform};

pub(super) const KIND: Kind = Kind {
    name: "case",
    summary: "Writes a text in lower or upper case, by Unicode's rules and no country's. Refuses a \
              missing field and what is no text.",
    parameters: &[
        Parameter { name: "field", form: "a path", optional: false, help: "the text" },
        Parameter { name: "to", form: "lower or upper", optional: false, help: "the case" },
        ON_ERROR,
        ON_MISSING,
    ],
    parse,
};

#[derive(Debug)]
struct Case {
    texts: Texts,
    upper: bool,
}

fn parse(params: &mut Params<'_>) -> Option<Box<dyn Transform>> {
    let texts = Texts::read(params);
    params.required("to")?;
    let upper = params.word("to", &[("lower", false), ("upper", true)], false);
    Some(Box::new(Case { texts: texts?, upper }))
}

impl Transform for Case {
    fn apply(&self, document: &mut Document<'_>, _: &Facts<'_>) -> Result<(), Refusal> {
        self.texts.rewrite(document, &|value, text| {
            let changed = if self.upper { text.to_uppercase() } else { text.to_lowercase() };
            (changed != text).then(|| text_like(value, &changed))
        })
    }

    fn inverse(&self) -> Option<Vec<Json>> {
        None
    }

    fn loss(&self) -> Option<Loss> {
        Some(Loss::values(format!("the case of '{}' is not kept", self.texts.field.path())))
    }

    fn touches(&self) -> Vec<Path> {
        vec![self.texts.field.path().clone()]
    }
}
