//! `splitField`: one text becomes several fields.

use std::ops::Range;

use serde_json::{Value as Json, json};

use super::{Kind, ON_EXISTING, ON_MISSING, Parameter};
use crate::model::{Document, Object, Path};
use crate::transform::text::Text;
use crate::transform::{Facts, OnExisting, OnMissing, Params, Place, Refusal, Transform};

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
        Parameter { name: "separator", form: "text", optional: false, help: "what stands between" },
        Parameter {
            name: "rest",
            form: "last, first, drop or fail",
            optional: true,
            help: "where more parts than fields go: all into the last field (default), all into the \
                   first, nowhere (they are lost), or the document fails",
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

#[derive(Debug)]
struct SplitField {
    from: Place,
    to: Vec<Place>,
    separator: String,
    rest: Rest,
    keep_source: bool,
    on_missing: OnMissing,
    on_existing: OnExisting,
}

fn parse(params: &mut Params<'_>) -> Option<Box<dyn Transform>> {
    let (from, to) = (params.place("from"), params.places("to", 2));
    let separator = params.text("separator");
    let words =
        [("last", Rest::Last), ("first", Rest::First), ("drop", Rest::Drop), ("fail", Rest::Fail)];
    let rest = params.word("rest", &words, Rest::Last);
    let keep_source = params.flag("keepSource", false);
    let on_missing = params.on_missing(OnMissing::Fail);
    let on_existing = params.on_existing();
    let (from, to, separator) = (from?, to?, separator?.to_owned());
    if separator.is_empty() {
        params.refuse("separator", "the separator is empty", "at least one character");
        return None;
    }
    params.same_scope("to", &std::iter::once(&from).chain(&to).collect::<Vec<_>>());
    Some(Box::new(SplitField { from, to, separator, rest, keep_source, on_missing, on_existing }))
}

impl SplitField {
    /// The ranges of the parts in `text`, as many as there are fields.
    fn parts(&self, text: &str) -> Result<Vec<Range<usize>>, Refusal> {
        let wanted = self.to.len();
        let mut cuts: Vec<usize> = text.match_indices(&self.separator).map(|(at, _)| at).collect();
        let found = cuts.len() + 1;
        let count = |reason: String| Refusal::new(self.from.path(), reason).found(text);
        if found < wanted {
            let parts = if found == 1 { "1 part".to_owned() } else { format!("{found} parts") };
            return Err(count(format!("the text has {parts}, and {wanted} are needed")));
        }
        let mut end = text.len();
        match self.rest {
            Rest::Fail if found > wanted => {
                return Err(count(format!("the text has more than {wanted} parts")));
            }
            Rest::First => {
                cuts.drain(..found - wanted);
            }
            Rest::Drop if found > wanted => {
                end = cuts[wanted - 1];
                cuts.truncate(wanted - 1);
            }
            _ => cuts.truncate(wanted - 1),
        }
        let starts = std::iter::once(0).chain(cuts.iter().map(|cut| cut + self.separator.len()));
        let ends = cuts.iter().copied().chain(std::iter::once(end));
        Ok(starts.zip(ends).map(|(start, end)| start..end).collect())
    }

    fn split(&self, object: &mut Object<'_>) -> Result<(), Refusal> {
        let Some((parent, at)) = self.from.find_or(object, self.on_missing)? else { return Ok(()) };
        let value = &parent.members()[at].value;
        let found = value.json_type();
        let text = Text::open(value).ok_or_else(|| {
            Refusal::new(self.from.path(), format!("the value is {found}, not text"))
        })?;
        let parts = self.parts(&text.content)?;
        let pieces: Vec<_> = parts.into_iter().map(|range| text.slice(range)).collect();
        let mut next = at + 1;
        if !self.keep_source {
            // The parts stand where the text stood, so that merging them again gives the same bytes.
            parent.remove(at);
            next = at;
        }
        for (place, piece) in self.to.iter().zip(pieces) {
            let beside = place.parents() == self.from.parents();
            if place.put(object, beside.then_some(next), piece, self.on_existing)? && beside {
                next += 1;
            }
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
        let mut merge = json!({"type": "mergeFields", "from": to, "to": self.from.path(),
                               "separator": self.separator});
        if self.on_missing == OnMissing::Skip {
            merge["onMissing"] = "skip".into();
        }
        Some(vec![merge])
    }

    fn loss(&self) -> Option<String> {
        if self.on_existing == OnExisting::Overwrite {
            return Some("values that stand at the targets are replaced".into());
        }
        (self.rest == Rest::Drop && !self.keep_source).then(|| {
            format!("parts of '{}' beyond {} are dropped", self.from.path(), self.to.len())
        })
    }

    fn touches(&self) -> Vec<Path> {
        std::iter::once(&self.from).chain(&self.to).map(|place| place.path().clone()).collect()
    }
}
