//! What a new value is made of: a JSON value with placeholders, or an expression.

use super::facts::Facts;
use super::params::Params;
use super::place::Place;
use super::script::Script;
use super::step::Refusal;
use super::template::Template;
use crate::model::{Object, Value};

/// The maker of a field's value.
#[derive(Clone, Debug)]
pub enum Source {
    /// A value with placeholders.
    Template(Template),
    /// A Luau expression over declared inputs.
    Expression(Script),
}

impl Source {
    /// Reads the parameter `value`, or `expr` with `inputs`, one of which has to be there. `field`
    /// is where the value goes, and what an expression gets when it declares no inputs.
    pub fn read(params: &mut Params<'_>, value: &'static str, field: &Place) -> Option<Self> {
        let inputs = params.optional("inputs").map(|_| params.places("inputs", 0));
        let Some(text) = params.optional_text("expr") else {
            if inputs.is_some() {
                params.refuse("inputs", "'inputs' is for an 'expr'", "an 'expr' that uses them");
            }
            return params.template(value).map(Self::Template);
        };
        if params.optional(value).is_some() {
            let message = format!("the step has both '{value}' and 'expr'");
            params.refuse("expr", message, "one of them");
            return None;
        }
        let inputs = match inputs {
            Some(inputs) => inputs?,
            None => vec![field.clone()],
        };
        params.same_scope("inputs", &inputs.iter().chain([field]).collect::<Vec<_>>());
        params.expression("expr", text, &inputs).map(Self::Expression)
    }

    /// The value for one object, to be put at `field`.
    pub fn make(
        &self,
        field: &Place,
        object: &mut Object<'_>,
        facts: &Facts<'_>,
    ) -> Result<Value<'static>, Refusal> {
        match self {
            Self::Template(template) => template.render(field.label(), facts),
            Self::Expression(script) => {
                let answer = script.value(object, facts, field.label())?;
                answer.ok_or_else(|| {
                    let reason = "the expression answers nil; null writes JSON's null";
                    Refusal::new(field.path(), reason)
                })
            }
        }
    }
}
