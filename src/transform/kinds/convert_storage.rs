//! `convertStorage`: the same document under the same key, kept in another way.

use std::collections::BTreeSet;

use serde_json::{Value as Json, json};

use super::{Kind, Parameter};
use crate::model::{Document, JsonType, Path, Storage, Value};
use crate::transform::{Facts, Loss, Params, Refusal, Transform};

pub(super) const KIND: Kind = Kind {
    name: "convertStorage",
    summary: "Keeps the document as JSON text in a string, as a hash, or as RedisJSON; the key and its \
              expiry stay. A hash's fields are read by the types of the source's schema. Refuses what a \
              hash cannot hold (null, objects, arrays, a name twice) unless told what becomes of it.",
    parameters: &[
        Parameter {
            name: "from",
            form: "string, hash or json",
            optional: true,
            help: "the storage to convert from; another one is refused. With it the step has an inverse",
        },
        Parameter {
            name: "to",
            form: "string, hash or json",
            optional: false,
            help: "the new storage; json is RedisJSON",
        },
        Parameter {
            name: "nested",
            form: "fail or json",
            optional: true,
            help: "what becomes of objects and arrays in a hash: the document fails (default), or the \
                   field holds their JSON text",
        },
        Parameter {
            name: "nulls",
            form: "fail or omit",
            optional: true,
            help: "what becomes of null in a hash: the document fails (default), or the field is left \
                   out",
        },
        Parameter {
            name: "fieldExpiries",
            form: "fail or drop",
            optional: true,
            help: "what becomes of a hash whose fields expire: the document fails (default), or the \
                   fields do not expire any more",
        },
    ],
    parse,
};

#[derive(Debug)]
struct ConvertStorage {
    from: Option<Storage>,
    to: Storage,
    nested_as_json: bool,
    omit_nulls: bool,
    drop_expiries: bool,
}

fn parse(params: &mut Params<'_>) -> Option<Box<dyn Transform>> {
    let storages = Storage::ALL.map(|storage| (storage.name(), Some(storage)));
    let from = params.word("from", &storages, None);
    let to = params.text("to");
    let words = |no: &'static str| [("fail", false), (no, true)];
    let nested_as_json = params.word("nested", &words("json"), false);
    let omit_nulls = params.word("nulls", &words("omit"), false);
    let drop_expiries = params.word("fieldExpiries", &words("drop"), false);
    let to = to?;
    let Some(to) = Storage::ALL.into_iter().find(|storage| storage.name() == to) else {
        params.refuse("to", format!("'to' is '{to}'"), "one of: string, hash, json");
        return None;
    };
    Some(Box::new(ConvertStorage { from, to, nested_as_json, omit_nulls, drop_expiries }))
}

impl Transform for ConvertStorage {
    fn apply(&self, document: &mut Document<'_>, _: &Facts<'_>) -> Result<(), Refusal> {
        if document.storage() == self.to {
            return Ok(());
        }
        if let Some(from) = self.from
            && from != document.storage()
        {
            let reason = format!("the document is not kept as {from}");
            return Err(Refusal::new("", reason).found(document.storage().name()));
        }
        if document.storage() == Storage::Hash {
            is_text(document)?;
            document.home.drops_field_expiries |= self.drop_expiries;
        }
        // A JSON text may hold a name twice; the others keep one.
        if self.to != Storage::String {
            names_stand_once(document)?;
        }
        if self.to == Storage::Hash {
            self.fit_into_hash(document)?;
        }
        document.keep_as(self.to);
        Ok(())
    }

    fn inverse(&self) -> Option<Vec<Json>> {
        let from = self.from?;
        let mut step = json!({"type": KIND.name, "from": self.to.name(), "to": from.name()});
        if from == Storage::Hash {
            step["nested"] = "json".into();
        }
        Some(vec![step])
    }

    fn loss(&self) -> Option<Loss> {
        if self.to == Storage::Hash && self.omit_nulls {
            return Some(Loss::values("which fields were null is lost"));
        }
        Some(match self.to {
            Storage::Hash => Loss::origin(
                "a hash keeps no spaces, escapes and types; the way back reads its fields by the schema",
            ),
            Storage::Json if self.from.is_none() => {
                Loss::origin("how the document was kept is not known afterwards")
            }
            Storage::Json => {
                Loss::form("RedisJSON writes spaces, escapes and numbers in its own way")
            }
            Storage::String if self.from == Some(Storage::Hash) => {
                Loss::form("the order of a hash's fields is the server's")
            }
            Storage::String => Loss::origin("how the document was kept is not known afterwards"),
        })
    }

    fn touches(&self) -> Vec<Path> {
        Vec::new()
    }
}

impl ConvertStorage {
    fn fit_into_hash(&self, document: &mut Document<'_>) -> Result<(), Refusal> {
        let root = &mut document.root;
        let mut at = 0;
        while at < root.len() {
            let name = root.members()[at].name.text().into_owned();
            match root.members()[at].value.json_type() {
                JsonType::Null if self.omit_nulls => {
                    root.remove(at);
                }
                JsonType::Null => {
                    return Err(Refusal::new(name, "the value is null, which a hash cannot hold"));
                }
                found @ (JsonType::Object | JsonType::Array) if !self.nested_as_json => {
                    let reason =
                        format!("the value is {found}, which a hash holds only as JSON text");
                    return Err(Refusal::new(name, reason));
                }
                _ => at += 1,
            }
        }
        Ok(())
    }
}

/// Refuses a hash with bytes that JSON cannot hold.
fn is_text(document: &Document<'_>) -> Result<(), Refusal> {
    for member in document.root.members() {
        let is_utf8 = |bytes: &[u8]| std::str::from_utf8(bytes).is_ok();
        let value_fits = match &member.value {
            Value::Plain(bytes) => is_utf8(bytes),
            other => !other.hides_bytes(),
        };
        if !value_fits || !is_utf8(&member.name.to_plain()) {
            let reason = "the field holds bytes that are no UTF-8, which JSON cannot hold";
            return Err(Refusal::new(member.name.text(), reason));
        }
    }
    Ok(())
}

fn names_stand_once(document: &Document<'_>) -> Result<(), Refusal> {
    let mut names = BTreeSet::new();
    for member in document.root.members() {
        if !names.insert(member.name.text().into_owned()) {
            return Err(Refusal::new(
                member.name.text(),
                "the name stands twice, and one would be lost",
            ));
        }
    }
    Ok(())
}
