//! Changes of a key as a whole: made by a chain, and completed by a look at what is on the server.

use std::sync::mpsc::Sender;

use super::error::EngineError;
use super::judge::{Judged, exact_in_json};
use super::pipeline::{Event, Job};
use super::trouble::Trouble;
use crate::model::{
    BeforeImage, Content, Document, Edit, Expiry, Kept, Key, OnlyIf, Outcome, Stands, Storage,
    Turn, Was, Whole, carry_all,
};
use crate::store::{Found, Link, StoreError};

/// The value a document is to be kept as.
pub(super) fn content_of(before: &Content, after: &Document<'_>) -> Result<Content, Trouble> {
    if let Content::Hash(fields) = before
        && after.storage() != Storage::Hash
        && !after.home.drops_field_expiries
        && fields.iter().any(|field| field.expires != Expiry::Never)
    {
        let reason = "a field of the hash expires, and the new storage has no such expiries \
                      (fieldExpiries: drop lets them go)";
        return Err(Trouble::new("write", reason));
    }
    match after.storage() {
        Storage::String => Ok(Content::String(after.to_json().into_bytes())),
        Storage::Json => {
            let text = after.to_json();
            exact_in_json(&text)?;
            Ok(Content::Json(text.into_bytes()))
        }
        Storage::Hash => {
            let written = after.to_fields();
            let mut written = written.map_err(|error| Trouble::new("write", error.to_string()))?;
            if written.is_empty() {
                let reason = "no field would be left, and Redis has no empty hash";
                return Err(Trouble::new("write", reason));
            }
            if let Content::Hash(fields) = before {
                carry_all(fields, after, &mut written);
            }
            Ok(Content::Hash(written))
        }
    }
}

/// The change that keeps `written` where the document's home says. Whether the new key is free and
/// which expiry stands is not known yet: [`look_around`] completes it.
pub(super) fn whole_edit(before: &Content, after: &Document<'_>, written: Content) -> Edit {
    let home = &after.home;
    // An expiry that is to be set is compared with the one that stands, which is not known yet.
    let stands = home.expiry.map(|_| Expiry::Never);
    let before = Some(Kept { content: before.clone(), expiry: stands });
    let written = Some(Kept { content: written, expiry: home.expiry });
    let terms = home.terms;
    Edit::Whole(Box::new(match &home.key {
        None => Whole { here: Turn { before, after: written }, there: None, terms },
        Some(key) => Whole {
            here: Turn { before, after: None },
            there: Some((key.clone(), Turn { before: None, after: written })),
            terms,
        },
    }))
}

/// Completes changes of whole keys for a thread without a link: one is made when the first comes.
#[derive(Default)]
pub(super) struct Look(Option<Link>);

impl Look {
    /// Waits for a server that is away as long as the job has patience.
    pub fn around(
        &mut self,
        job: &Job<'_>,
        items: &mut [(Key, Judged)],
        events: &Sender<Event>,
    ) -> Result<(), EngineError> {
        if !items.iter().any(|(_, judged)| whole_of(judged).is_some()) {
            return Ok(());
        }
        let link = match &mut self.0 {
            Some(link) => link,
            none => none.insert(Link::open(job.address)?),
        };
        Ok(job.patiently(link, events, |link| look_around(link, items))?)
    }
}

/// Completes changes of whole keys by what is on the server: what stands under the new keys, and when
/// the old ones expire. Asks nothing when there is none.
pub(super) fn look_around(link: &mut Link, items: &mut [(Key, Judged)]) -> Result<(), StoreError> {
    let at: Vec<usize> = (0..items.len()).filter(|at| whole_of(&items[*at].1).is_some()).collect();
    if at.is_empty() {
        return Ok(());
    }
    let keys: Vec<Key> = at.iter().map(|at| items[*at].0.clone()).collect();
    let expiries = link.expiries(&keys)?;
    let (moving, targets): (Vec<usize>, Vec<Key>) = at
        .iter()
        .filter_map(|at| {
            let (key, _) = whole_of(&items[*at].1)?.there.as_ref()?;
            Some((*at, key.clone()))
        })
        .unzip();
    let found = link.read_stored(&Storage::ALL, &targets)?;
    let target_expiries = link.expiries(&targets)?;
    let mut targets = found.into_iter().zip(target_expiries).map(|(found, expiry)| match found {
        Found::Content(content) => Stands::Value(content, expiry.unwrap_or(Expiry::Never)),
        Found::OtherType(_) => Stands::Other,
        Found::Missing => Stands::Nothing,
    });
    let now = link.now_ms()?;
    for (at, expiry) in at.into_iter().zip(expiries) {
        let target = moving.contains(&at).then(|| targets.next().expect("an answer for each key"));
        let Judged::Edit { edit: Edit::Whole(whole), .. } = &mut items[at].1 else { continue };
        let completed = complete(whole, expiry, target, now);
        if let Err(judged) = completed {
            items[at].1 = judged;
        }
    }
    Ok(())
}

/// A change that is judged anew from its before-image, on the terms of that image: where the expiry
/// was left as it stood, the terms for another one did not hold.
pub(super) fn as_imaged(mut edit: Edit, image: &BeforeImage) -> Edit {
    let (Edit::Whole(whole), Was::Whole(was)) = (&mut edit, &image.was) else { return edit };
    let was_left = was.here.as_ref().is_some_and(|kept| kept.expiry.is_none());
    if was_left && whole.terms.only_if != OnlyIf::Always {
        let Whole { here, there, .. } = &mut **whole;
        let written = there.as_mut().map(|(_, turn)| &mut turn.after);
        let both = [here.before.as_mut(), here.after.as_mut(), written.and_then(Option::as_mut)];
        for kept in both.into_iter().flatten() {
            kept.expiry = None;
        }
    }
    edit
}

fn whole_of(judged: &Judged) -> Option<&Whole> {
    match judged {
        Judged::Edit { edit: Edit::Whole(whole), .. } => Some(whole),
        _ => None,
    }
}

/// Completes one change, or says what becomes of the key instead.
fn complete(
    whole: &mut Whole,
    expiry: Option<Expiry>,
    target: Option<Stands>,
    now_ms: i64,
) -> Result<(), Judged> {
    let failed =
        |reason: String| Judged::Outcome(Outcome::Failed, Some(Trouble::new("write", reason)));
    let before = whole.here.before.as_mut().expect("a change begins under its key");
    let there = whole.there.as_mut();
    let is_moving = there.is_some();
    let after = match there {
        Some((_, turn)) => &mut turn.after,
        None => &mut whole.here.after,
    };
    let after = after.as_mut().expect("a change ends with a value");
    if before.expiry.is_some() {
        let Some(stands) = expiry else { return Err(Judged::Outcome(Outcome::Missing, None)) };
        if whole.terms.only_if.holds(stands) {
            before.expiry = Some(stands);
            if matches!(after.expiry, Some(Expiry::AtMs(at)) if at <= now_ms) {
                return Err(failed(
                    "the expiry would lie in the past by the server's clock".into(),
                ));
            }
        } else {
            (before.expiry, after.expiry) = (None, None);
        }
    }
    if !is_moving && before == after {
        return Err(Judged::Outcome(Outcome::Unchanged, None));
    }
    let Some((key, turn)) = &mut whole.there else { return Ok(()) };
    turn.before = match target {
        None | Some(Stands::Nothing) => None,
        Some(Stands::Value(content, expiry)) if whole.terms.overwrite => {
            Some(Kept { content, expiry: Some(expiry) })
        }
        Some(stands) => {
            let reason = if stands == Stands::Other && whole.terms.overwrite {
                "the new key holds another type, which a before-image cannot keep"
            } else {
                "the new key exists already (onExisting: overwrite replaces what stands there)"
            };
            let trouble = Trouble { found: Some(key.to_string()), ..Trouble::new("write", reason) };
            return Err(Judged::Outcome(Outcome::Failed, Some(trouble)));
        }
    };
    Ok(())
}
