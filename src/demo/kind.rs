//! The kinds of keys the demo makes, as one table: how many of a thousand, and what a run to the
//! newest version has to make of each.

use crate::model::Outcome;

/// A kind of key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Kind {
    /// A user at 1.0.0.
    UserV1,
    /// A user at 2.0.0.
    UserV2,
    /// A user at 3.0.0.
    UserV3,
    /// 1.0.0, and the name is one word: the split has nothing to cut.
    UserV1OneWord,
    /// 2.0.0, and the name is one word.
    UserV2OneWord,
    /// 1.0.0 that has a `createdAt` already: adding it is refused.
    UserV1Dated,
    /// 1.0.0 that somebody began to rename by hand: `fullName` stands beside `userName`.
    UserV1HalfDone,
    /// 1.0.0, and the name begins with a space: the first name would be empty, which 3.0.0 forbids.
    UserV1NoFirst,
    /// An object without any name.
    UserNameless,
    /// An object whose name is a number.
    UserNumberName,
    /// JSON cut in the middle.
    UserTruncated,
    /// Text that is no JSON.
    UserNotJson,
    /// JSON that is no object.
    UserArray,
    /// Bytes that are no text.
    UserBinary,
    /// A key that matches `user:*` and is no string.
    UserOtherType,
    /// An order at 1.0.0.
    OrderV1,
    /// An order at 2.0.0.
    OrderV2,
    /// 1.0.0, and `paid` is neither yes nor no.
    OrderV1OddPaid,
    /// An order whose total is no number.
    OrderNoTotal,
    /// A key that matches `order:*` and is no hash.
    OrderOtherType,
    /// A string under another pattern.
    OtherString,
    /// A counter under another pattern.
    OtherCounter,
    /// A JSON document under another pattern that looks like a user.
    OtherLookalike,
    /// Binary bytes under another pattern.
    OtherBinary,
    /// A hash under another pattern.
    OtherHash,
    /// A list.
    OtherList,
    /// A set.
    OtherSet,
    /// A sorted set.
    OtherSortedSet,
    /// A stream.
    OtherStream,
}

/// One row of the table.
pub struct Row {
    /// The kind.
    pub kind: Kind,
    /// How many of a thousand keys.
    pub permille: u64,
    /// What a run of its subject to the newest version makes of it; `None` when no run may even look
    /// at it as a document.
    pub outcome: Option<Outcome>,
    /// A few words for the report.
    pub words: &'static str,
}

const fn row(kind: Kind, permille: u64, outcome: Option<Outcome>, words: &'static str) -> Row {
    Row { kind, permille, outcome, words }
}

const MIGRATED: Option<Outcome> = Some(Outcome::Migrated);
const UNCHANGED: Option<Outcome> = Some(Outcome::Unchanged);
const FAILED: Option<Outcome> = Some(Outcome::Failed);
const INVALID: Option<Outcome> = Some(Outcome::Invalid);

/// Every kind, in the order of [`Kind`].
pub const ROWS: [Row; 29] = [
    row(Kind::UserV1, 360, MIGRATED, "users at 1.0.0"),
    row(Kind::UserV2, 190, MIGRATED, "users at 2.0.0"),
    row(Kind::UserV3, 100, UNCHANGED, "users at 3.0.0"),
    row(Kind::UserV1OneWord, 8, FAILED, "users at 1.0.0 with a name of one word"),
    row(Kind::UserV2OneWord, 4, FAILED, "users at 2.0.0 with a name of one word"),
    row(Kind::UserV1Dated, 3, FAILED, "users at 1.0.0 that have a createdAt already"),
    row(Kind::UserV1HalfDone, 2, FAILED, "users at 1.0.0, half renamed by hand"),
    row(Kind::UserV1NoFirst, 2, INVALID, "users at 1.0.0 whose first name would be empty"),
    row(Kind::UserNameless, 3, INVALID, "users without a name"),
    row(Kind::UserNumberName, 2, INVALID, "users whose name is a number"),
    row(Kind::UserTruncated, 2, INVALID, "users whose JSON is cut off"),
    row(Kind::UserNotJson, 2, INVALID, "users that are no JSON"),
    row(Kind::UserArray, 1, INVALID, "users that are JSON, but no object"),
    row(Kind::UserBinary, 1, INVALID, "users that are binary"),
    row(Kind::UserOtherType, 5, None, "keys of other types below user:"),
    row(Kind::OrderV1, 130, MIGRATED, "orders at 1.0.0"),
    row(Kind::OrderV2, 40, UNCHANGED, "orders at 2.0.0"),
    row(Kind::OrderV1OddPaid, 3, FAILED, "orders whose paid is neither yes nor no"),
    row(Kind::OrderNoTotal, 3, INVALID, "orders whose total is no number"),
    row(Kind::OrderOtherType, 3, None, "keys of other types below order:"),
    row(Kind::OtherString, 40, None, "sessions"),
    row(Kind::OtherCounter, 20, None, "counters"),
    row(Kind::OtherLookalike, 20, None, "documents like users under other patterns"),
    row(Kind::OtherBinary, 10, None, "binary cache entries"),
    row(Kind::OtherHash, 16, None, "carts (hashes)"),
    row(Kind::OtherList, 10, None, "queues (lists)"),
    row(Kind::OtherSet, 10, None, "tags (sets)"),
    row(Kind::OtherSortedSet, 6, None, "leaderboards (sorted sets)"),
    row(Kind::OtherStream, 4, None, "event logs (streams)"),
];

impl Kind {
    /// The kind of the key at `index`, where `number` is any number. The first keys are one of each
    /// kind, so that a small keyspace has them all.
    pub fn of(index: u64, number: u64) -> Self {
        if let Some(row) = usize::try_from(index).ok().and_then(|at| ROWS.get(at)) {
            return row.kind;
        }
        let mut left = number % 1000;
        for row in &ROWS {
            if left < row.permille {
                return row.kind;
            }
            left -= row.permille;
        }
        unreachable!("the rows add up to a thousand")
    }

    /// The kind's row.
    pub fn row(self) -> &'static Row {
        &ROWS[self as usize]
    }

    /// The version its documents have; `None` when they fit none, or are no documents.
    pub fn version(self) -> Option<&'static str> {
        match self {
            Self::UserV1
            | Self::UserV1OneWord
            | Self::UserV1Dated
            | Self::UserV1HalfDone
            | Self::UserV1NoFirst
            | Self::OrderV1
            | Self::OrderV1OddPaid => Some("1.0.0"),
            Self::UserV2 | Self::UserV2OneWord | Self::OrderV2 => Some("2.0.0"),
            Self::UserV3 => Some("3.0.0"),
            _ => None,
        }
    }

    /// The subject whose pattern the key matches.
    pub fn subject(self) -> Option<&'static str> {
        match self {
            kind if kind <= Self::UserOtherType => Some("user"),
            kind if kind <= Self::OrderOtherType => Some("order"),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_whole() {
        assert_eq!(ROWS.iter().map(|row| row.permille).sum::<u64>(), 1000);
        for (at, row) in ROWS.iter().enumerate() {
            assert_eq!(row.kind as usize, at, "{:?} stands at its own place", row.kind);
        }
    }

    #[test]
    fn every_kind_comes_early_and_often() {
        let first: Vec<_> = (0..29).map(|at| Kind::of(at, 0)).collect();
        assert_eq!(first.len(), ROWS.len());
        assert_eq!(Kind::of(100, 999), Kind::OtherStream);
        assert_eq!(Kind::of(100, 0), Kind::UserV1);
    }
}
