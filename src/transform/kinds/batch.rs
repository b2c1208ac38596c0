//! `batch`: a Luau program that gets the declared inputs of several documents at once.
//!
//! What it makes of a document may depend on the others it was given, so a chain treats it as a service:
//! it stops with the question, and the answer, once there is one, stands in the journal.

use super::external::External;
use super::{Kind, ON_EXISTING, ON_MISSING, Parameter};
use crate::transform::{Params, Transform};

/// Documents that a program gets at once unless its step says so.
const DOCUMENTS: usize = 100;

pub(super) const KIND: Kind = Kind {
    name: "batch",
    summary: "Calls a Luau function with a list of the declared inputs of many documents and writes what \
              it answers, a list of outputs in the same order. Walls and limits are those of 'custom', for \
              each call; when it fails, each document is asked alone, so that one does not take the others \
              with it. Which documents come together is chance, so the plan tells of it and the journal \
              keeps what was answered; a preview asks for one at a time. Refuses a missing input and an \
              existing output.",
    parameters: &[
        Parameter {
            name: "inputs",
            form: "a list of paths",
            optional: false,
            help: "the fields of each document that it gets: address.city is list[1].address.city",
        },
        Parameter {
            name: "outputs",
            form: "a list of paths, or an object of paths and JSON pointers",
            optional: false,
            help: "the fields it writes; each document's answer has all of them",
        },
        Parameter {
            name: "script",
            form: "a Luau program",
            optional: true,
            help: "return function(list) ... end, which answers a list of tables; null is JSON's null, and \
                   array(t) makes an empty table a list",
        },
        Parameter {
            name: "file",
            form: "the path of a .luau file",
            optional: true,
            help: "in place of 'script', a file below the catalog's folder that holds it",
        },
        Parameter {
            name: "documents",
            form: "a number",
            optional: true,
            help: "how many documents it gets at once, at most (100)",
        },
        ON_MISSING,
        ON_EXISTING,
    ],
    parse,
};

fn parse(params: &mut Params<'_>) -> Option<Box<dyn Transform>> {
    let text = super::custom::text(params);
    let documents = params.count("documents", 1).unwrap_or(DOCUMENTS);
    let step = External::of_program(params, text?, documents)?;
    Some(Box::new(step))
}
