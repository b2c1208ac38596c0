//! `splitField`: one text becomes several fields.

use std::ops::Range;

use regex::Regex;
use serde_json::{Value as Json, json};

use super::{Kind, ON_EXISTING, ON_MISSING, Parameter, tolerate};
use crate::model::{Document, Object, Path, Value};
use crate::transform::text::Text;
use crate::transform::{Facts, Loss, OnExisting, OnMissing, Params, Place, Refusal, Transform};

pub(super) const KIND: Kind = Kind {
    name: "splitField",
    summary: "Cuts a text at a separator into several fields, which stand where it stood. Refuses \
              a missing field, a value that is no text, text with too few parts, and existing \
              targets.",
    parameters: &[
        Parameter { name: "from", form: "a path", optional: false, help: "the text" },
        Parameter {
            name: "to",
            form: "a list of at least two paths",
            optional: false,
            help: "the fields for its parts, in order",
        },
        Parameter {
            name: "separator",
            form: "text",
            optional: true,
            help: "what stands between the parts; this or 'regex' has to be given",
        },
        Parameter {
            name: "regex",
            form: "a regular expression",
            optional: true,
            help: "what stands between the parts, as a pattern",
        },
        Parameter {
            name: "limit",
            form: "a whole number",
            optional: true,
            help: "the most parts to cut the text into; as many as there are fields when left out",
        },
        Parameter {
            name: "rest",
            form: "last, first, drop or fail",
            optional: true,
            help: "where more parts than fields go: all into the last field (default), all into the \
                   first, nowhere (they are lost), or the document fails",
        },
        Parameter {
            name: "onShort",
            form: "fail, omit, empty or null",
            optional: true,
            help: "what happens when the text has fewer parts than fields: the document fails \
                   (default), the last fields are left out, or they become empty text or null",
        },
        Parameter {
            name: "keepSource",
            form: "true or false",
            optional: true,
            help: "whether the text stays beside its parts",
        },
        ON_MISSING,
        ON_EXISTING,
    ],
    parse,
};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Rest {
    Last,
    First,
    Drop,
    Fail,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum OnShort {
    Fail,
    Omit,
    Empty,
    Null,
}

#[derive(Debug)]
enum Separator {
    Text(String),
    Regex(Regex),
}

impl Separator {
    /// Where it stands in `text`.
    fn find_in(&self, text: &str) -> Vec<Range<usize>> {
        match self {
            Self::Text(separator) => {
                text.match_indices(separator).map(|(at, hit)| at..at + hit.len()).collect()
            }
            // An empty match would cut between any two characters.
            Self::Regex(regex) => {
                regex.find_iter(text).filter(|hit| !hit.is_empty()).map(|hit| hit.range()).collect()
            }
        }
    }
}

#[derive(Debug)]
struct SplitField {
    from: Place,
    to: Vec<Place>,
    separator: Separator,
    parts_max: usize,
    rest: Rest,
    on_short: OnShort,
    keep_source: bool,
    on_missing: OnMissing,
    on_existing: OnExisting,
}

fn parse(params: &mut Params<'_>) -> Option<Box<dyn Transform>> {
    let (from, to) = (params.place("from"), params.places("to", 2));
    let separator = read_separator(params);
    let limit = params.count("limit", 1);
    let rests =
        [("last", Rest::Last), ("first", Rest::First), ("drop", Rest::Drop), ("fail", Rest::Fail)];
    let shorts = [
        ("fail", OnShort::Fail),
        ("omit", OnShort::Omit),
        ("empty", OnShort::Empty),
        ("null", OnShort::Null),
    ];
    let rest = params.word("rest", &rests, Rest::Last);
    let on_short = params.word("onShort", &shorts, OnShort::Fail);
    let keep_source = params.flag("keepSource", false);
    let on_missing = params.on_missing(OnMissing::Fail);
    let on_existing = params.on_existing();
    let (from, to) = (from?, to?);
    params.same_scope("to", &std::iter::once(&from).chain(&to).collect::<Vec<_>>());
    let parts_max = limit.unwrap_or(to.len()).min(to.len());
    let separator = separator?;
    Some(Box::new(SplitField {
        from,
        to,
        separator,
        parts_max,
        rest,
        on_short,
        keep_source,
        on_missing,
        on_existing,
    }))
}

fn read_separator(params: &mut Params<'_>) -> Option<Separator> {
    let (text, regex) = (params.optional_text("separator"), params.optional_regex("regex"));
    match (text, regex) {
        (Some(""), _) => {
            params.refuse("separator", "the separator is empty", "at least one character");
            None
        }
        (Some(text), None) => Some(Separator::Text(text.to_owned())),
        (None, Some(regex)) => regex.map(Separator::Regex),
        (found, _) => {
            let message = match found {
                Some(_) => "splitField has both 'separator' and 'regex'",
                None => "splitField needs the parameter 'separator' or 'regex'",
            };
            params.refuse("", message, "one of 'separator' and 'regex'");
            None
        }
    }
}

impl SplitField {
    /// The ranges of the parts in `text`: as many as there are fields, or fewer when `onShort`
    /// allows it.
    fn parts(&self, text: &str) -> Result<Vec<Range<usize>>, Refusal> {
        let mut cuts = self.separator.find_in(text);
        let (found, wanted, most) = (cuts.len() + 1, self.to.len(), self.parts_max);
        let refuse = |reason: String| Refusal::new(self.from.path(), reason).found(text);
        if found.min(most) < wanted && self.on_short == OnShort::Fail {
            let parts = if found == 1 { "1 part".to_owned() } else { format!("{found} parts") };
            return Err(refuse(format!("the text has {parts}, and {wanted} are needed")));
        }
        let mut end = text.len();
        if found > most {
            match self.rest {
                Rest::Fail => return Err(refuse(format!("the text has more than {most} parts"))),
                Rest::First => {
                    cuts.drain(..found - most);
                }
                Rest::Last => cuts.truncate(most - 1),
                Rest::Drop => {
                    end = cuts[most - 1].start;
                    cuts.truncate(most - 1);
                }
            }
        }
        let starts = std::iter::once(0).chain(cuts.iter().map(|cut| cut.end));
        let ends = cuts.iter().map(|cut| cut.start).chain(std::iter::once(end));
        Ok(starts.zip(ends).map(|(start, end)| start..end).collect())
    }

    fn split(&self, object: &mut Object<'_>) -> Result<(), Refusal> {
        if self.from.find_or(object, self.on_missing)?.is_none() {
            return Ok(());
        }
        if self.on_existing != OnExisting::Overwrite {
            for place in &self.to {
                let is_source = !self.keep_source && place.path() == self.from.path();
                let is_inside = !self.keep_source && self.from.holds(place);
                if !is_source && !is_inside && place.stands(object)? {
                    // Kept means that nothing is done: a part without a field would be lost.
                    let keep = self.on_existing == OnExisting::Keep;
                    return if keep { Ok(()) } else { Err(place.exists()) };
                }
            }
        }
        let Some((parent, at)) = self.from.find(object)? else { return Ok(()) };
        let value = &parent.members()[at].value;
        let found = value.json_type();
        let text = Text::open(value).ok_or_else(|| {
            Refusal::new(self.from.path(), format!("the value is {found}, not text"))
        })?;
        let mut pieces: Vec<Option<Value<'_>>> =
            self.parts(&text.content)?.into_iter().map(|range| Some(text.slice(range))).collect();
        pieces.resize_with(self.to.len(), || match self.on_short {
            OnShort::Fail | OnShort::Omit => None,
            OnShort::Empty => Some(Value::string("")),
            OnShort::Null => Some(Value::NULL),
        });
        self.place(object, pieces)
    }

    /// Puts the parts where the text stood: the first field beside it takes its member over, so that
    /// merging the parts again gives the same bytes.
    fn place<'a>(
        &self,
        object: &mut Object<'a>,
        mut pieces: Vec<Option<Value<'a>>>,
    ) -> Result<(), Refusal> {
        let is_beside = |place: &Place| place.is_beside(&self.from);
        let mut after = self.keep_source.then_some(&self.from);
        if !self.keep_source {
            let heir =
                (0..self.to.len()).find(|at| pieces[*at].is_some() && is_beside(&self.to[*at]));
            if let Some((heir, piece)) =
                heir.and_then(|at| Some((&self.to[at], pieces[at].take()?)))
            {
                if heir.path() != self.from.path() {
                    heir.remove(object)?;
                }
                let (parent, at) = self.from.find(object)?.expect("its text was read");
                parent.rename(at, heir.name());
                *parent.value_mut(at) = piece;
                after = Some(heir);
            } else {
                self.from.remove(object)?;
            }
        }
        for (place, piece) in self.to.iter().zip(pieces) {
            let Some(piece) = piece else { continue };
            let mut at = None;
            if is_beside(place)
                && let Some(before) = after.replace(place)
            {
                at = before.find(object)?.map(|(_, at)| at + 1);
            }
            place.put(object, at, piece, OnExisting::Overwrite)?;
        }
        Ok(())
    }
}

impl Transform for SplitField {
    fn apply(&self, document: &mut Document<'_>, _: &Facts<'_>) -> Result<(), Refusal> {
        self.from.each(document, self.on_missing, &mut |object| self.split(object))
    }

    fn inverse(&self) -> Option<Vec<Json>> {
        let to: Vec<&Path> = self.to.iter().map(Place::path).collect();
        if self.keep_source {
            let drop = |path: &&Path| json!({"type": "removeField", "field": path});
            return Some(to.iter().map(drop).collect());
        }
        let Separator::Text(separator) = &self.separator else { return None };
        let mut merge = json!({"type": "mergeFields", "from": to, "to": self.from.path(),
                               "separator": separator});
        tolerate(&mut merge, self.on_missing, self.on_existing);
        if self.on_short == OnShort::Omit {
            merge["onMissing"] = "omit".into();
        }
        Some(vec![merge])
    }

    fn loss(&self) -> Option<Loss> {
        let from = self.from.path();
        if self.on_existing == OnExisting::Overwrite {
            return Some(Loss::values("values that stand at the targets are replaced"));
        }
        if self.keep_source {
            if self.on_existing == OnExisting::Keep || self.on_missing == OnMissing::Skip {
                let what = "which documents had the parts before is not known afterwards";
                return Some(Loss::origin(what));
            }
            return self.to.iter().find_map(Place::made_parents);
        }
        if self.rest == Rest::Drop {
            let what = format!("parts of '{from}' beyond {} are dropped", self.parts_max);
            return Some(Loss::values(what));
        }
        if matches!(self.separator, Separator::Regex(_)) {
            return Some(Loss::values(format!("what stood between the parts of '{from}' is lost")));
        }
        let is_own_part = self.to.iter().any(|place| place.path() == self.from.path());
        let is_passed_over = self.on_missing == OnMissing::Skip
            || (self.on_existing == OnExisting::Keep && is_own_part);
        if self.on_short != OnShort::Fail || is_passed_over {
            return Some(Loss::origin(format!(
                "which of the parts come from a '{from}', and which stood before, is not known \
                 afterwards"
            )));
        }
        let elsewhere = self.to.iter().any(|place| !place.is_beside(&self.from));
        elsewhere.then(|| Loss::form(format!("the place of '{from}' among the fields is not kept")))
    }

    fn touches(&self) -> Vec<Path> {
        std::iter::once(&self.from).chain(&self.to).map(|place| place.path().clone()).collect()
    }
}
