//! `renameKey`: the document moves to another key.

use serde_json::{Value as Json, json};

use super::{Kind, Parameter};
use crate::model::{Document, Key, Path};
use crate::transform::{Facts, Loss, Params, Refusal, Template, Transform};

pub(super) const KIND: Kind = Kind {
    name: "renameKey",
    summary: "Moves the document to another key, with its expiry, in one step on the server. Refuses a \
              key that exists already, unless it may be overwritten; a rollback brings back both.",
    parameters: &[
        Parameter {
            name: "from",
            form: "a key pattern",
            optional: true,
            help: "what ${KEY.1}, ${KEY.2}, ... are the '*' of; the keyPattern of the source's schema \
                   when left out. With it the step has an inverse",
        },
        Parameter {
            name: "to",
            form: "a text with placeholders",
            optional: false,
            help: "the new key: u:${KEY.1}:profile",
        },
        Parameter {
            name: "onExisting",
            form: "fail or overwrite",
            optional: true,
            help: "what happens when the new key exists: the document fails (default), or what stands \
                   there is replaced",
        },
    ],
    parse,
};

#[derive(Debug)]
struct RenameKey {
    from: Option<String>,
    to: String,
    template: Template,
    overwrite: bool,
}

fn parse(params: &mut Params<'_>) -> Option<Box<dyn Transform>> {
    let from = params.optional_text("from").map(str::to_owned);
    let (to, template) = (params.text("to"), params.template("to"));
    let words = [("fail", false), ("overwrite", true)];
    let overwrite = params.word("onExisting", &words, false);
    let (to, template) = (to?.to_owned(), template?);
    Some(Box::new(RenameKey { from, to, template, overwrite }))
}

impl Transform for RenameKey {
    fn apply(&self, document: &mut Document<'_>, facts: &Facts<'_>) -> Result<(), Refusal> {
        let pattern = self.from.as_deref().unwrap_or(facts.pattern);
        let text = self.template.render("key", &Facts { pattern, ..*facts })?;
        let text = text.as_str().expect("a template of text makes a text").into_owned();
        let key = Key::from_text(&text);
        if key.as_bytes().is_empty() {
            return Err(Refusal::new("key", "the new key would be empty"));
        }
        document.home.terms.overwrite = self.overwrite;
        document.home.key = Some(key);
        Ok(())
    }

    fn inverse(&self) -> Option<Vec<Json>> {
        let from = self.from.as_deref()?;
        let (pattern, captures) = as_pattern(&self.to)?;
        // The n-th `*` of the old pattern is found in the new key at the place of its capture.
        let mut pieces = from.split('*');
        let mut back = pieces.next().unwrap_or_default().to_owned();
        let mut number = 0;
        for piece in pieces {
            number += 1;
            let place = captures.iter().position(|capture| *capture == number)? + 1;
            back.extend(["${KEY.", place.to_string().as_str(), "}", piece]);
        }
        (number == captures.len())
            .then(|| vec![json!({"type": KIND.name, "from": pattern, "to": back})])
    }

    fn loss(&self) -> Option<Loss> {
        if self.overwrite {
            return Some(Loss::values("what stood under the new key is replaced"));
        }
        self.inverse().is_none().then(|| {
            Loss::origin("the old key is not known afterwards; 'from' names the pattern it has")
        })
    }

    fn touches(&self) -> Vec<Path> {
        Vec::new()
    }
}

/// A template of text and captures as a pattern of the keys it makes, and the numbers of its captures
/// in order; `None` when it has other placeholders, a capture twice, or wildcards of its own.
fn as_pattern(template: &str) -> Option<(String, Vec<usize>)> {
    let (mut pattern, mut captures) = (String::new(), Vec::new());
    let mut rest = template;
    while let Some((text, after)) = rest.split_once("${") {
        let (name, tail) = after.split_once('}')?;
        let number: usize = name.strip_prefix("KEY.")?.parse().ok()?;
        if text.contains(['*', '?', '[', '\\', '$']) || captures.contains(&number) {
            return None;
        }
        pattern.push_str(text);
        pattern.push('*');
        captures.push(number);
        rest = tail;
    }
    if rest.contains(['*', '?', '[', '\\']) {
        return None;
    }
    pattern.push_str(rest);
    Some((pattern, captures))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::transform::Step;

    #[test]
    fn captures_make_the_way_back() {
        let inverse = |from: &str, to: &str| {
            let step = json!({"type": "renameKey", "from": from, "to": to});
            Step::parse(&step).expect("a step").inverse().map(|mut steps| steps.remove(0))
        };
        assert_eq!(
            inverse("user:*", "u:${KEY.1}:profile"),
            Some(json!({"type": "renameKey", "from": "u:*:profile", "to": "user:${KEY.1}"}))
        );
        assert_eq!(
            inverse("t:*:user:*", "user:${KEY.2}@${KEY.1}"),
            Some(
                json!({"type": "renameKey", "from": "user:*@*", "to": "t:${KEY.2}:user:${KEY.1}"})
            )
        );
        assert_eq!(inverse("t:*:user:*", "user:${KEY.2}"), None);
        assert_eq!(inverse("user:*", "user:${KEY.1}${KEY.1}"), None);
        assert_eq!(inverse("user:*", "${VERSION}:${KEY.1}"), None);
    }
}
