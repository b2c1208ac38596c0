//! What a rollback does about one key, told by what stands there.

use super::round::Item;
use super::{Done, OnChanged};
use crate::engine::inverse::{Inverse, Inverted};
use crate::journal::{ImageEntry, Mark, UndoEntry};
use crate::model::{
    Content, Edit, Expiry, FieldChange, HashField, Kept, Now, Standing, Stands, Terms, Turn, Whole,
};

/// What is to be done about one key.
pub(super) enum Decision {
    /// It stands so already.
    Stands(Mark),
    /// It is to be written, and has this mark then.
    Write(Mark, Edit),
    /// It is left, for this reason.
    Leave(Done, String),
}

/// What becomes of keys that another client changed since.
pub(super) struct Rules<'r> {
    pub changed: OnChanged,
    pub inverse: Option<&'r Inverse>,
    pub now_ms: i64,
}

impl Rules<'_> {
    /// Whether an overwriting rollback puts the expiry of that time back too: another client has
    /// given the key another one since.
    fn give_expiry(&self, entry: &ImageEntry, now: &Now) -> bool {
        let Stands::Value(_, expires) = &now.here else { return false };
        self.changed == OnChanged::Overwrite
            && !entry.image.is_whole()
            && !self.is_past(entry.expiry)
            && *expires != entry.expiry
    }

    fn is_past(&self, expiry: Expiry) -> bool {
        matches!(expiry, Expiry::AtMs(at) if at <= self.now_ms)
    }
}

/// What a rollback does. `now` has to tell the expiry where keys are overwritten.
pub(super) fn back(rules: &Rules<'_>, item: &Item, now: &Now) -> Decision {
    if let Some(tried) = &item.tried
        && tried.undo.standing(now) == Standing::Ours
    {
        return Decision::Stands(tried.undo.how);
    }
    match item.entry.image.standing(now) {
        Standing::Ours | Standing::Copied | Standing::Before
            if rules.give_expiry(&item.entry, now) =>
        {
            overwrite(rules, &item.entry, now)
        }
        Standing::Ours | Standing::Copied => match item.entry.image.restoring(now) {
            Some(edit) => Decision::Write(Mark::Restored, edit),
            None => left(now),
        },
        Standing::Before => Decision::Stands(Mark::Restored),
        Standing::Changed | Standing::Missing => match rules.changed {
            OnChanged::Keep => left(now),
            OnChanged::Overwrite => overwrite(rules, &item.entry, now),
            OnChanged::Invert => invert(rules, &item.entry, now),
        },
    }
}

/// What a roll-forward does: puts back what stood there, where what the rollback left stands still.
pub(super) fn forward(undo: &UndoEntry, now: &Now) -> Decision {
    match undo.standing(now) {
        Standing::Before => Decision::Stands(Mark::Forwarded),
        Standing::Ours | Standing::Copied => match undo.entry.image.restoring(now) {
            Some(edit) => Decision::Write(Mark::Forwarded, edit),
            None => left(now),
        },
        Standing::Changed | Standing::Missing => left(now),
    }
}

fn left(now: &Now) -> Decision {
    let (done, reason) = match (&now.here, &now.there) {
        (Stands::Nothing, Stands::Nothing) => (Done::Gone, "the key is gone"),
        (Stands::Other, _) => (Done::Kept, "the key holds a value of another type by now"),
        _ => (Done::Kept, "another client wrote it since"),
    };
    Decision::Leave(done, reason.to_owned())
}

fn overwrite(rules: &Rules<'_>, entry: &ImageEntry, now: &Now) -> Decision {
    let gone = |reason: &str| Decision::Leave(Done::Gone, reason.to_owned());
    match (&now.here, entry.image.content()) {
        (Stands::Nothing, Some(_)) if rules.is_past(entry.expiry) => {
            gone("the key is gone, and would have expired by now")
        }
        (Stands::Nothing, Some(content)) if now.there == Stands::Nothing => {
            let made = Kept { content, expiry: Some(entry.expiry) };
            Decision::Write(Mark::Overwritten, whole(None, made))
        }
        (Stands::Nothing, None) => {
            gone("the key is gone, and of a hash only the fields that the run changed are kept")
        }
        _ => match entry.image.restoring(now) {
            Some(edit) => Decision::Write(Mark::Overwritten, with_expiry(rules, entry, now, edit)),
            None => left(now),
        },
    }
}

/// The edit, with the expiry of the before-image where the key has another one by now.
fn with_expiry(rules: &Rules<'_>, entry: &ImageEntry, now: &Now, edit: Edit) -> Edit {
    let Stands::Value(stands, expires) = &now.here else { return edit };
    if !rules.give_expiry(entry, now) {
        return edit;
    }
    let content = match (edit, stands) {
        (Edit::String { after, .. }, _) => Content::String(after),
        (Edit::Json { after, .. }, _) => Content::Json(after),
        (Edit::Hash(changes), Content::Hash(fields)) => Content::Hash(changed(fields, changes)),
        (edit, _) => return edit,
    };
    let before = Kept { content: stands.clone(), expiry: Some(*expires) };
    whole(Some(before), Kept { content, expiry: Some(entry.expiry) })
}

fn whole(before: Option<Kept>, after: Kept) -> Edit {
    let here = Turn { before, after: Some(after) };
    Edit::Whole(Box::new(Whole { here, there: None, terms: Terms::default() }))
}

/// The fields of a hash once they are changed.
pub(super) fn changed(fields: &[HashField], changes: Vec<FieldChange>) -> Vec<HashField> {
    let is_named = |field: &&HashField| changes.iter().any(|change| change.name == field.name);
    let mut after: Vec<HashField> =
        fields.iter().filter(|field| !is_named(field)).cloned().collect();
    after.extend(changes.into_iter().filter_map(|change| {
        let expires = change.after_expires;
        Some(HashField { name: change.name, value: change.after?, expires })
    }));
    after
}

fn invert(rules: &Rules<'_>, entry: &ImageEntry, now: &Now) -> Decision {
    let is_gone = (&now.here, &now.there) == (&Stands::Nothing, &Stands::Nothing);
    if entry.image.is_whole() && !is_gone {
        let reason = "another client wrote it since, and the run changed how or where the key is \
                      stored, which a chain does not invert (--changed overwrite puts back what \
                      stood before)";
        return Decision::Leave(Done::Kept, reason.to_owned());
    }
    let Stands::Value(content, _) = &now.here else { return left(now) };
    let inverse = rules.inverse.expect("compiled where it is asked for");
    match inverse.invert(&entry.key, content, &entry.source, &entry.branch) {
        Inverted::Edit(edit) => Decision::Write(Mark::Inverted, edit),
        Inverted::Stands => Decision::Stands(Mark::Inverted),
        Inverted::Not(reason) => Decision::Leave(Done::Kept, reason),
    }
}
