//! `custom`: a Luau program over declared fields.

use serde_json::Value as Json;

use super::{Kind, Parameter};
use crate::model::{Document, Object, Path, Value};
use crate::transform::predicate::equals;
use crate::transform::script::{BigNumbers, Script};
use crate::transform::{
    Facts, Loss, OnExisting, OnMissing, Params, Place, Refusal, Step, Transform,
};

pub(super) const KIND: Kind = Kind {
    name: "custom",
    summary: "Calls a Luau function with the declared inputs and writes its declared outputs, and \
              nothing else in the document can change. It has no files, clock or random numbers, \
              and 250 ms and 32 MiB at most. Refuses a missing input.",
    parameters: &[
        Parameter {
            name: "inputs",
            form: "a list of paths",
            optional: false,
            help: "the fields it gets: address.city is i.address.city",
        },
        Parameter {
            name: "outputs",
            form: "a list of paths",
            optional: false,
            help: "the fields it may write; what its result leaves out stays as it is",
        },
        Parameter {
            name: "script",
            form: "a Luau program",
            optional: true,
            help: "return function(i, facts) ... end, which answers a table of outputs; facts has \
                   key, version, environment and now; null is JSON's null, and array(t) makes an \
                   empty table a list",
        },
        Parameter {
            name: "file",
            form: "the path of a .luau file",
            optional: true,
            help: "in place of 'script', a file below the catalog's folder that holds it",
        },
        Parameter {
            name: "onMissing",
            form: "fail, skip or nil",
            optional: true,
            help: "what happens when an input is absent: the document fails (default), the step is \
                   skipped, or the function gets nil",
        },
        Parameter {
            name: "bigNumbers",
            form: "fail or text",
            optional: true,
            help: "what happens to a number beyond 53 bits: the document fails (default), or the \
                   function gets its digits as text",
        },
        Parameter {
            name: "inverse",
            form: "a list of transforms",
            optional: true,
            help: "what undoes it; without it the step cannot be undone",
        },
    ],
    parse,
};

#[derive(Debug)]
struct Custom {
    script: Script,
    outputs: Vec<Place>,
    /// `None` hands nil to the function.
    on_missing: Option<OnMissing>,
    inverse: Option<Vec<Step>>,
}

fn parse(params: &mut Params<'_>) -> Option<Box<dyn Transform>> {
    let (inputs, outputs) = (params.places("inputs", 0), params.places("outputs", 1));
    let text = text(params);
    let words = [("fail", Some(OnMissing::Fail)), ("skip", Some(OnMissing::Skip)), ("nil", None)];
    let on_missing = params.word("onMissing", &words, Some(OnMissing::Fail));
    let big = [("fail", BigNumbers::Fail), ("text", BigNumbers::Text)];
    let big_numbers = params.word("bigNumbers", &big, BigNumbers::Fail);
    let inverse = match params.optional("inverse") {
        Some(_) => Some(params.steps("inverse")?),
        None => None,
    };
    let (inputs, outputs) = (inputs?, outputs?);
    params.same_scope("outputs", &inputs.iter().chain(&outputs).collect::<Vec<_>>());
    match Script::program(text?, &inputs, big_numbers) {
        Ok(script) => Some(Box::new(Custom { script, outputs, on_missing, inverse })),
        Err(mistake) => {
            params.refuse("script", mistake.to_string(), "return function(i) ... end");
            None
        }
    }
}

/// The text of the program that a step names.
pub(super) fn text<'p>(params: &mut Params<'p>) -> Option<&'p str> {
    match params.optional("file") {
        // The catalog puts the text of a file in its place before steps are read.
        Some(file) => {
            let message = format!("there is no script '{}'", file.as_str().unwrap_or_default());
            params.refuse("file", message, "the path of a *.luau file below the catalog's folder");
            params.optional("script").and(None)
        }
        None => params.text("script"),
    }
}

impl Custom {
    fn run(&self, object: &mut Object<'_>, facts: &Facts<'_>) -> Result<(), Refusal> {
        if let Some(on_missing) = self.on_missing {
            for place in self.script.inputs() {
                if place.find_or(object, on_missing)?.is_none() {
                    return Ok(());
                }
            }
        }
        let field = self.outputs[0].path().to_string();
        let answers = self.script.members(object, facts, &self.outputs, &field)?;
        for (place, answer) in self.outputs.iter().zip(answers) {
            if let Some(answer) = answer {
                write(place, object, answer)?;
            }
        }
        Ok(())
    }
}

/// Writes a script's answer, unless what stands means the same: then its bytes stay.
pub(super) fn write(
    place: &Place,
    object: &mut Object<'_>,
    answer: Value<'static>,
) -> Result<(), Refusal> {
    if let Some((parent, at)) = place.find(object)? {
        let stands = &parent.members()[at].value;
        let is_same = match (stands, &answer) {
            (Value::Plain(bytes), answer) => {
                answer.to_plain().is_some_and(|answer| answer == *bytes)
            }
            (stands, answer) => serde_json::from_str::<Json>(&answer.to_json())
                .is_ok_and(|answer| equals(stands, &answer)),
        };
        if !is_same {
            *parent.value_mut(at) = answer;
        }
        return Ok(());
    }
    place.put(object, None, answer, OnExisting::Overwrite).map(|_| ())
}

impl Transform for Custom {
    fn apply(&self, document: &mut Document<'_>, facts: &Facts<'_>) -> Result<(), Refusal> {
        let scope = self.on_missing.unwrap_or(OnMissing::Skip);
        self.outputs[0].each(document, scope, &mut |object| self.run(object, facts))
    }

    fn inverse(&self) -> Option<Vec<Json>> {
        let steps = self.inverse.as_ref()?;
        Some(steps.iter().map(|step| step.definition().clone()).collect())
    }

    fn loss(&self) -> Option<Loss> {
        Some(match &self.inverse {
            None => Loss::values("the values that the script replaces are lost"),
            Some(_) => Loss::origin("whether its declared inverse fits the script is not proven"),
        })
    }

    fn touches(&self) -> Vec<Path> {
        self.script.inputs().chain(&self.outputs).map(|place| place.path().clone()).collect()
    }

    fn looks_at(&self) -> Vec<Path> {
        let is_output = |path: &Path| self.outputs.iter().any(|output| output.path() == path);
        let inputs = self.script.inputs().map(|place| place.path().clone());
        inputs.filter(|path| !is_output(path)).collect()
    }
}
