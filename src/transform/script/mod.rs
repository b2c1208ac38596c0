//! Luau programs inside of steps and conditions: what a script may see, and for how long.
//!
//! A script is a function from declared inputs to a result. It gets a table of its inputs (`i.age`,
//! `i.address.city`) and a table of facts (`facts.key`, `facts.version`, `facts.environment`,
//! `facts.now`); there is no other way in or out of it: no files, no clock, no random numbers, no
//! state that outlives one document. `machine` holds the limits, `convert` the types.

mod convert;
mod machine;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use mlua::chunk::Compiler;

use super::facts::Facts;
use super::place::Place;
use super::step::Refusal;
use crate::model::{Digest, Object, Value};

/// A script, compiled. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Script {
    program: Arc<Program>,
}

impl PartialEq for Script {
    fn eq(&self, other: &Self) -> bool {
        let (one, other) = (&self.program, &other.program);
        let inputs = |program: &Arc<Program>| {
            program.inputs.iter().map(|input| input.place.clone()).collect::<Vec<_>>()
        };
        one.digest == other.digest
            && one.big_numbers == other.big_numbers
            && inputs(one) == inputs(other)
    }
}

impl Eq for Script {}

/// What a thread's machine needs to run a script.
#[derive(Debug)]
struct Program {
    /// The name of the compiled text in a machine's store.
    digest: Digest,
    bytecode: Vec<u8>,
    inputs: Vec<Input>,
    big_numbers: BigNumbers,
}

/// A declared input: where it stands, and the names under which the script finds it.
#[derive(Debug)]
struct Input {
    place: Place,
    names: Vec<String>,
}

/// What becomes of a number that a script's 64-bit floats cannot hold exactly.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BigNumbers {
    /// The document is refused.
    Fail,
    /// The script gets its digits as text.
    Text,
}

/// What is wrong with the text of a script.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ScriptMistake {
    /// The line in the script, from 1; 0 when the script as a whole is meant.
    pub line: usize,
    /// The column in the line, from 1.
    pub column: usize,
    /// What is wrong, in the compiler's words.
    pub message: String,
}

impl std::fmt::Display for ScriptMistake {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.line {
            0 => f.write_str(&self.message),
            line => write!(f, "line {line}, column {}: {}", self.column, self.message),
        }
    }
}

/// What an expression is wrapped in; it stands on the first line, so that lines are the writer's.
const EXPRESSION_HEAD: &str = "return function(i, facts) return (";

impl Script {
    /// Compiles a program: text that returns a function of inputs (and facts).
    ///
    /// # Errors
    /// The compiler's first mistake, with line and column; a program that returns no function.
    pub fn program(
        text: &str,
        inputs: &[Place],
        big_numbers: BigNumbers,
    ) -> Result<Self, ScriptMistake> {
        Self::compile(text, 0, inputs, big_numbers)
    }

    /// Compiles an expression over `i` and `facts`: `i.age + 1`.
    ///
    /// # Errors
    /// The compiler's first mistake, with line and column.
    pub fn expression(text: &str, inputs: &[Place]) -> Result<Self, ScriptMistake> {
        let whole = format!("{EXPRESSION_HEAD}{text}\n) end");
        Self::compile(&whole, EXPRESSION_HEAD.len(), inputs, BigNumbers::Fail)
    }

    fn compile(
        text: &str,
        head: usize,
        inputs: &[Place],
        big_numbers: BigNumbers,
    ) -> Result<Self, ScriptMistake> {
        let compiler = Compiler::new().set_optimization_level(2).set_debug_level(1);
        let bytecode = compiler.compile(text).map_err(|error| mistake_of(&error, text, head))?;
        let inputs = inputs
            .iter()
            .map(|place| {
                let mut names = place.parents().to_vec();
                names.push(place.name().to_owned());
                Input { place: place.clone(), names }
            })
            .collect();
        let digest = Digest::of(text.as_bytes());
        let program = Arc::new(Program { digest, bytecode, inputs, big_numbers });
        machine::check(&program).map_err(|message| ScriptMistake {
            line: 0,
            column: 0,
            message,
        })?;
        Ok(Self { program })
    }

    /// The name of its text: equal for equal programs.
    pub fn digest(&self) -> Digest {
        self.program.digest
    }

    /// Calls a program without declared inputs on a list of values and answers the values of the list
    /// that it returns, as JSON text.
    ///
    /// # Errors
    /// An error in the script, a limit, or a value that cannot cross over.
    pub fn list(&self, items: &[serde_json::Value]) -> Result<Vec<String>, String> {
        machine::call_list(&self.program, items)
    }

    /// The places of the inputs.
    pub fn inputs(&self) -> impl Iterator<Item = &Place> {
        self.program.inputs.iter().map(|input| &input.place)
    }

    /// Calls the script on one object; an absent input is nil. Answers one value: JSON text, or
    /// nothing for nil.
    ///
    /// # Errors
    /// A refusal of `field`: an error in the script, a limit, or a value that cannot cross over.
    pub fn value(
        &self,
        object: &mut Object<'_>,
        facts: &Facts<'_>,
        field: &str,
    ) -> Result<Option<Value<'static>>, Refusal> {
        machine::call(&self.program, object, facts, field, &|result| convert::to_json(&result))
    }

    /// Calls the script on one object and answers the members of the table it returns, by `outputs`;
    /// what it leaves out is `None`.
    ///
    /// # Errors
    /// As for [`Script::value`], and a result that is no table or has members of other names.
    pub fn members(
        &self,
        object: &mut Object<'_>,
        facts: &Facts<'_>,
        outputs: &[Place],
        field: &str,
    ) -> Result<Vec<Option<Value<'static>>>, Refusal> {
        machine::call(&self.program, object, facts, field, &|result| {
            convert::to_members(&result, outputs)
        })
    }
}

/// Cuts the compiler's message (`:3: Expected …, got 'x'`) into its parts. Luau names no column: the
/// place of the word it names on that line is taken for it. `head` is the length of what stands on
/// the first line before the writer's own text, and a line after that text means its end.
fn mistake_of(error: &mlua::Error, text: &str, head: usize) -> ScriptMistake {
    let message = match error {
        mlua::Error::SyntaxError { message, .. } => message.clone(),
        other => other.to_string(),
    };
    let cut = message.trim_start_matches(':').split_once(':');
    let cut = cut.and_then(|(line, words)| Some((line.parse::<usize>().ok()?, words.trim())));
    let Some((line, words)) = cut else {
        return ScriptMistake { line: 0, column: 0, message };
    };
    let own_lines = if head == 0 { usize::MAX } else { text.lines().count() - 1 };
    let is_beyond = line > own_lines;
    let line = line.min(own_lines);
    let shown = text.lines().nth(line - 1).unwrap_or_default();
    let own = shown.get(if line == 1 { head } else { 0 }..).unwrap_or_default();
    let word = words.rsplit_once("got '").and_then(|(_, rest)| rest.split('\'').next());
    let at = match word.and_then(|word| own.rfind(word)) {
        _ if is_beyond => own.len(),
        Some(at) => at,
        None => own.len() - own.trim_start().len(),
    };
    let column = own.get(..at).map_or(at, |before| before.chars().count()) + 1;
    let message =
        if is_beyond { "the expression is not complete".to_owned() } else { words.to_owned() };
    ScriptMistake { line, column, message }
}
