//! `setExpiry`: when the key expires.

use jiff::Timestamp;
use serde_json::Value as Json;

use super::{Kind, Parameter};
use crate::model::{Document, Expiry, JsonType, OnlyIf, Path, Value};
use crate::transform::{Facts, Loss, OnMissing, Params, Place, Refusal, Transform};

pub(super) const KIND: Kind = Kind {
    name: "setExpiry",
    summary: "Gives the key an expiry, or takes it away: so many seconds after the plan's ${NOW}, at a \
              time, at the time a field holds, or never. Refuses a time that is past. A rollback brings \
              back the expiry that stood.",
    parameters: &[
        Parameter {
            name: "seconds",
            form: "a whole number, 1 or more",
            optional: true,
            help: "how long after ${NOW}, which stands in the plan",
        },
        Parameter {
            name: "at",
            form: "a time: 2027-01-01T00:00:00Z",
            optional: true,
            help: "when",
        },
        Parameter {
            name: "field",
            form: "a path",
            optional: true,
            help: "the field that says when: a time as text, or a number since 1970",
        },
        Parameter {
            name: "unit",
            form: "seconds or milliseconds",
            optional: true,
            help: "what a number in the field counts; seconds unless said",
        },
        Parameter {
            name: "persist",
            form: "true",
            optional: true,
            help: "the key does not expire any more",
        },
        Parameter {
            name: "onlyIf",
            form: "none or any",
            optional: true,
            help: "only keys that have no expiry, or only those that have one",
        },
        super::ON_MISSING,
    ],
    parse,
};

#[derive(Debug)]
struct SetExpiry {
    when: When,
    only_if: OnlyIf,
    on_missing: OnMissing,
}

#[derive(Debug)]
enum When {
    After { seconds: usize },
    At(Expiry),
    Field { place: Place, unit_ms: i64 },
    Never,
}

fn parse(params: &mut Params<'_>) -> Option<Box<dyn Transform>> {
    const ONE_OF: &str = "one of: seconds, at, field, persist";
    let mut whens = Vec::new();
    whens.extend(params.count("seconds", 1).map(|seconds| When::After { seconds }));
    if let Some(text) = params.optional_text("at") {
        match text.parse::<Timestamp>() {
            Ok(time) => whens.push(When::At(Expiry::AtMs(time.as_millisecond()))),
            Err(error) => params.refuse("at", error.to_string(), "a time: 2027-01-01T00:00:00Z"),
        }
    }
    let unit_ms = params.word("unit", &[("seconds", 1000), ("milliseconds", 1)], 1000);
    if params.optional("field").is_some() {
        whens.extend(params.place("field").map(|place| When::Field { place, unit_ms }));
    }
    if params.flag("persist", false) {
        whens.push(When::Never);
    }
    let words = [("none", OnlyIf::NoExpiry), ("any", OnlyIf::AnyExpiry)];
    let only_if = params.word("onlyIf", &words, OnlyIf::Always);
    let on_missing = params.on_missing(OnMissing::Fail);
    match whens.len() {
        1 => Some(Box::new(SetExpiry { when: whens.remove(0), only_if, on_missing })),
        0 => {
            params.refuse("", "the step does not say when", ONE_OF);
            None
        }
        _ => {
            params.refuse("", "the step says in several ways when", ONE_OF);
            None
        }
    }
}

impl Transform for SetExpiry {
    fn apply(&self, document: &mut Document<'_>, facts: &Facts<'_>) -> Result<(), Refusal> {
        let now = facts.frozen.now.parse::<Timestamp>();
        let now = now.map_err(|error| Refusal::new("", format!("${{NOW}} is no time: {error}")))?;
        let now = now.as_millisecond();
        let expiry = match &self.when {
            When::Never => Expiry::Never,
            When::At(expiry) => *expiry,
            When::After { seconds } => {
                let ms = i64::try_from(*seconds).ok().and_then(|s| s.checked_mul(1000));
                let at = ms.and_then(|ms| now.checked_add(ms));
                Expiry::AtMs(at.ok_or_else(|| Refusal::new("", "the time is too far away"))?)
            }
            When::Field { place, unit_ms } => {
                let Some(at) = self.read(document, place, *unit_ms)? else { return Ok(()) };
                Expiry::AtMs(at)
            }
        };
        if matches!(expiry, Expiry::AtMs(at) if at <= now) {
            let field = match &self.when {
                When::Field { place, .. } => place.label(),
                _ => "",
            };
            return Err(Refusal::new(field, "the expiry would lie in the past"));
        }
        document.home.expiry = Some(expiry);
        document.home.terms.only_if = self.only_if;
        Ok(())
    }

    fn inverse(&self) -> Option<Vec<Json>> {
        None
    }

    fn loss(&self) -> Option<Loss> {
        Some(Loss::origin("the expiry that stood before is known to the before-image alone"))
    }

    fn touches(&self) -> Vec<Path> {
        match &self.when {
            When::Field { place, .. } => vec![place.path().clone()],
            _ => Vec::new(),
        }
    }

    fn looks_at(&self) -> Vec<Path> {
        self.touches()
    }
}

impl SetExpiry {
    /// The time a field holds, in Unix milliseconds; `None` when it is absent and may be.
    fn read(
        &self,
        document: &mut Document<'_>,
        place: &Place,
        unit_ms: i64,
    ) -> Result<Option<i64>, Refusal> {
        let mut read = None;
        place.each(document, self.on_missing, &mut |object| {
            if let Some((parent, at)) = place.find_or(object, self.on_missing)? {
                let value = parent.value_mut(at);
                let time = time_of(value, unit_ms);
                read = Some(time.ok_or_else(|| {
                    Refusal::new(place.path(), "the value is no time").found(value.to_json())
                })?);
            }
            Ok(())
        })?;
        Ok(read)
    }
}

fn time_of(value: &Value<'_>, unit_ms: i64) -> Option<i64> {
    let number = |text: &str| text.parse::<i64>().ok()?.checked_mul(unit_ms);
    if value.json_type() == JsonType::Number {
        return number(&value.to_json());
    }
    let text = value.as_str()?;
    let spelled = matches!(value, Value::Plain(_)).then(|| number(&text)).flatten();
    spelled.or_else(|| text.parse::<Timestamp>().ok().map(Timestamp::as_millisecond))
}
