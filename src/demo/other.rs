//! What else lives in the keyspace: keys under other patterns and of other types, which no run of
//! the demo's subjects may touch.

use super::kind::Kind;
use super::random::Random;
use crate::store::fill::NewValue;

/// The key at `index`. The lookalikes come as near to the subjects' patterns as names can.
pub fn key(kind: Kind, index: u64, random: &mut Random) -> Vec<u8> {
    let head = match kind {
        Kind::OtherString => "session",
        Kind::OtherCounter => "counter",
        Kind::OtherLookalike => random.pick(&["users", "archive:user", "User", "user"]),
        Kind::OtherBinary => "cache",
        Kind::OtherHash => "cart",
        Kind::OtherList => "queue",
        Kind::OtherSet => "tags",
        Kind::OtherSortedSet => "leaderboard",
        _ => "events",
    };
    // `user-7` is not of `user:*`.
    let mark = if head == "user" { '-' } else { ':' };
    format!("{head}{mark}{index}").into_bytes()
}

/// The value of a key.
pub fn value(kind: Kind, index: u64, random: &mut Random) -> NewValue {
    let id = random.next();
    let text = |text: String| text.into_bytes();
    match kind {
        Kind::OtherString => NewValue::String(text(format!("token={id:016x};user={index}"))),
        Kind::OtherCounter => NewValue::String(text(random.below(1_000_000).to_string())),
        Kind::OtherLookalike => {
            NewValue::String(text(format!(r#"{{"userName":"Ada Lovelace","externalId":{index}}}"#)))
        }
        Kind::OtherBinary => {
            let mut bytes = vec![0x1f, 0x8b, 0x08, 0x00];
            for _ in 0..=random.below(12) {
                bytes.extend_from_slice(&random.next().to_le_bytes());
            }
            NewValue::String(bytes)
        }
        Kind::OtherHash => NewValue::Hash(vec![
            (text("userName".into()), text("Ada Lovelace".into())),
            (text(format!("sku-{id:x}")), text(random.below(9).to_string())),
        ]),
        Kind::OtherList => {
            NewValue::List((0..3).map(|at| text(format!("job-{id}-{at}"))).collect())
        }
        Kind::OtherSet => NewValue::Set((0..3).map(|at| text(format!("tag-{id}-{at}"))).collect()),
        Kind::OtherSortedSet => NewValue::SortedSet(vec![
            (text(format!("player-{id}")), 1.5),
            (text("player-0".into()), -2.0),
        ]),
        _ => NewValue::Stream(vec![
            (text("placed".into()), text(id.to_string())),
            (text("paid".into()), text(index.to_string())),
        ]),
    }
}
