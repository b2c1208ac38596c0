//! Plans and RediSearch. A query is answered once, when its plan is drawn up, and the keys stand in the
//! plan: a document that the run changes may leave the answer or come into it, and a resume, a rollback and
//! a second look have to mean the same keys. What a run does to indexes is told as risks.

use super::{Session, SessionError};
use crate::model::Storage;
use crate::model::limits::KEY_LIST_BYTES_MAX;
use crate::model::search::SearchIndex;
use crate::planner::Plan;
use crate::store::{Fault, Link};

impl Session {
    /// The plan with what only the server can tell: the keys that its query finds, and what becomes of
    /// indexes. Without a query, a server that cannot be asked is no reason to have no plan.
    ///
    /// # Errors
    /// A query that no index can answer, with the reason for each.
    pub(super) fn looked_up(&self, mut plan: Plan) -> Result<Plan, SessionError> {
        let is_asked = plan.selection.query.is_some();
        let may_be_indexed = plan.storages().iter().any(|storage| *storage != Storage::String);
        if !is_asked && !may_be_indexed {
            return Ok(plan);
        }
        let found = Link::open(&self.address).and_then(|mut link| {
            let indexes = link.search_indexes()?;
            Ok((link, indexes))
        });
        let (mut link, indexes) = match found {
            Err(_) if !is_asked => return Ok(plan),
            found => found?,
        };
        plan.risks.extend(plan.index_risks(indexes.as_deref().unwrap_or_default()));
        if is_asked {
            self.answer(&mut link, &mut plan, indexes)?;
        }
        Ok(plan)
    }

    /// Puts the keys that the plan's query finds into its selection.
    fn answer(
        &self,
        link: &mut Link,
        plan: &mut Plan,
        indexes: Option<Vec<SearchIndex>>,
    ) -> Result<(), SessionError> {
        let Some(query) = plan.selection.query.clone() else { return Ok(()) };
        let Some(indexes) = indexes else {
            return Err(refused(
                plan,
                &[format!("Redis at {} has no RediSearch module", self.address)],
            ));
        };
        let index = chosen(plan, query.index.as_deref(), &indexes)?;
        let keys =
            link.search_keys(&index.name, &query.text).map_err(|error| match error.words() {
                Some(words) if error.fault() != Some(&Fault::NoPermission) => {
                    SessionError::Usage(format!(
                        "the index {} does not take the query '{}': {words}\n  it knows {}",
                        index.name,
                        query.text,
                        list(
                            index
                                .fields
                                .iter()
                                .map(|field| format!("@{} ({})", field.alias, field.kind))
                        )
                    ))
                }
                _ => error.into(),
            })?;
        let keys: Vec<_> = keys.into_iter().filter(|key| plan.selection.selects(key)).collect();
        let bytes: u64 = keys.iter().map(|key| key.as_bytes().len() as u64 + 1).sum();
        if bytes > KEY_LIST_BYTES_MAX {
            return Err(SessionError::Usage(format!(
                "the index {} answers {} keys to '{}', more than {} MiB of names: a plan does not hold \
                 that many. Cut the query in several, or scan with --where",
                index.name,
                keys.len(),
                query.text,
                KEY_LIST_BYTES_MAX >> 20
            )));
        }
        let answered = plan.selection.query.as_mut().expect("it was there above");
        answered.index = Some(index.name.clone());
        answered.not_indexed = index.failures;
        plan.selection.keys = Some(keys);
        Ok(())
    }
}

/// The index of this name, or the only one that can answer.
fn chosen<'i>(
    plan: &Plan,
    name: Option<&str>,
    indexes: &'i [SearchIndex],
) -> Result<&'i SearchIndex, SessionError> {
    let asked: Vec<&SearchIndex> =
        indexes.iter().filter(|index| name.is_none_or(|name| index.name == name)).collect();
    if let (Some(name), []) = (name, asked.as_slice()) {
        let known = list(indexes.iter().map(|index| index.name.clone()));
        return Err(SessionError::Usage(format!(
            "there is no index '{name}' that this user may look at (in a cluster: and that every node knows); \
             known indexes: {known}"
        )));
    }
    let fitting: Vec<&SearchIndex> =
        asked.iter().copied().filter(|index| plan.misfit(index).is_none()).collect();
    match fitting.as_slice() {
        [index] => Ok(index),
        [] => {
            let mut reasons: Vec<String> =
                asked.iter().filter_map(|index| plan.misfit(index)).collect();
            if reasons.is_empty() {
                reasons.push("there is no index".to_owned());
            }
            Err(refused(plan, &reasons))
        }
        several => Err(SessionError::Usage(format!(
            "several indexes are over {}: name one with --index: {}",
            plan.selection.patterns(),
            list(several.iter().map(|index| index.name.clone()))
        ))),
    }
}

/// What is said where no index can answer.
fn refused(plan: &Plan, reasons: &[String]) -> SessionError {
    let query = plan.selection.query.as_ref().map(|query| query.text.as_str()).unwrap_or_default();
    SessionError::Usage(format!(
        "no index can answer '{query}' for {} ({}):\n  {}\n  a scan cannot answer a query: select with a \
         condition on the documents (--where), a narrower --pattern, or make an index over these keys",
        plan.selection.patterns(),
        plan.stored_as(),
        reasons.join("\n  ")
    ))
}

fn list(names: impl Iterator<Item = String>) -> String {
    let names: Vec<String> = names.collect();
    if names.is_empty() { "none".to_owned() } else { names.join(", ") }
}
