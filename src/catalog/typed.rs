//! A step of a chain while it is typed: what is wrong in its text, at line and column.

use serde_json::Value;

use super::load::{Source, not_json};
use super::mistakes::{Mistake, Mistakes};
use super::spans::Spans;
use crate::schema::mistake::{self, places_of};
use crate::transform::Step;

/// What the text is called in messages.
const NAME: &str = "the step";

/// Reads one step as it stands in a definition file: its definition, or every mistake in it.
pub fn step(text: &str) -> Result<Value, Mistakes> {
    let source = Source { name: NAME.to_owned(), folders: Vec::new(), text: text.to_owned() };
    let value: Value =
        serde_json::from_str(text).map_err(|error| Mistakes(vec![not_json(&source, &error)]))?;
    let Err(found) = Step::parse(&value) else { return Ok(value) };
    let spans = Spans::of(text);
    let place = |found: crate::transform::StepMistake| {
        let mistake = mistake::Mistake {
            at: places_of(&found.path),
            on_key: false,
            message: found.message,
            expected: found.expected,
            near: None,
        };
        Mistake::in_text(NAME, text, &spans, mistake)
    };
    let mut mistakes = Mistakes(found.into_iter().map(place).collect());
    mistakes.sort();
    Err(mistakes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mistake_stands_at_its_line() {
        let text = "{\n  \"type\": \"renameField\",\n  \"from\": 7,\n  \"to\": \"a\"\n}";
        let mistakes = step(text).unwrap_err();
        assert_eq!(mistakes.0[0].position, Some((3, 11)), "{mistakes}");
        let mistakes = step("{\n \"type\": ").unwrap_err();
        assert!(mistakes.0[0].position.is_some());
        step(r#"{"type": "renameField", "from": "b", "to": "a"}"#).unwrap();
    }
}
