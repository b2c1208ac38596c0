//! What the kinds that rewrite a text in its place (trim, case, replace) have in common.

use super::Parameter;
use crate::model::{Document, Value};
use crate::transform::{OnMissing, Params, Refusal, Spot};

/// The parameter that says what a value that is no text means.
pub(super) const ON_ERROR: Parameter = Parameter {
    name: "onError",
    form: "fail or keep",
    optional: true,
    help: "what happens to a value that is no text: the document fails (default), or it stays as \
           it is",
};

/// Where the texts stand, and what happens when there are none.
#[derive(Debug)]
pub(super) struct Texts {
    pub(super) field: Spot,
    keeps_others: bool,
    on_missing: OnMissing,
}

impl Texts {
    pub(super) fn read(params: &mut Params<'_>) -> Option<Self> {
        let field = params.spot("field");
        let keeps_others = params.word("onError", &[("fail", false), ("keep", true)], false);
        let on_missing = params.on_missing(OnMissing::Fail);
        Some(Self { field: field?, keeps_others, on_missing })
    }

    /// Gives every text to `act`, which answers the value to put in its place, if any.
    pub(super) fn rewrite<'a>(
        &self,
        document: &mut Document<'a>,
        act: &dyn Fn(&Value<'a>, &str) -> Option<Value<'a>>,
    ) -> Result<(), Refusal> {
        self.field.each(document, self.on_missing, &mut |value| {
            let rewritten = match value.as_str() {
                Some(text) => act(value, &text),
                None if self.keeps_others => None,
                None => {
                    let reason = format!("the value is {}, not text", value.json_type());
                    return Err(Refusal::new(self.field.path(), reason));
                }
            };
            if let Some(rewritten) = rewritten {
                *value = rewritten;
            }
            Ok(())
        })
    }
}
