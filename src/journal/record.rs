//! What stands in a journal.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::codec::{Decoder, Encoder};
use super::entry::{decode_images, encode_images};
use super::pack::{compress, decompress};
use super::undo::{UndoEntry, decode_undo, encode_undo};
use crate::model::{BeforeImage, Branch, Digest, Expiry, Key, Outcome, Phase, RunId, Tally};

/// The format this program writes. Another number is refused.
pub(super) const FORMAT: u32 = 2;

/// The first frame: what the run is.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Header {
    /// The journal's format.
    pub format: u32,
    /// The version of the program that wrote it.
    pub program: String,
    /// The run.
    pub run: RunId,
    /// When it was started, RFC 3339.
    pub started: String,
    /// The server, without any password.
    pub server: String,
    /// The ids of the nodes, where the server is a cluster: they outlive addresses and failovers.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub nodes: Vec<String>,
    /// The ids of the starts of the servers when the run began.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub starts: Vec<String>,
    /// The Plan, whole: a resume, a verification and a rollback need nothing else.
    pub plan: serde_json::Value,
}

impl Header {
    /// The header of a run that starts now.
    pub fn new(run: RunId, started: String, server: String, plan: serde_json::Value) -> Self {
        let program = env!("CARGO_PKG_VERSION").to_owned();
        Self {
            format: FORMAT,
            program,
            run,
            started,
            server,
            nodes: Vec::new(),
            starts: Vec::new(),
            plan,
        }
    }
}

/// One key of a batch that is about to be written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ImageEntry {
    /// The key.
    pub key: Key,
    /// The version the document had.
    pub source: String,
    /// Which steps of its chain were carried out on it; empty where none has a condition.
    pub branch: Branch,
    /// What to put back.
    pub image: BeforeImage,
    /// When the key was to expire.
    pub expiry: Expiry,
}

/// What became of one [`ImageEntry`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mark {
    /// The key has its outcome.
    Settled(Outcome),
    /// Nothing was written, because the value differed; the key goes through the pipeline again and
    /// stands in a later batch.
    Again,
    /// A rollback put the image back where our value stood.
    Restored,
    /// A rollback put the image back over what another client had made of it.
    Overwritten,
    /// A rollback took what another client had made of it back through the inverse chain.
    Inverted,
    /// A rollback had written it, and a roll-forward took that back.
    Forwarded,
}

impl Mark {
    pub(super) fn to_byte(self) -> u8 {
        match self {
            Self::Settled(outcome) => outcome.to_byte(),
            Self::Again => b'a',
            Self::Restored => b'r',
            Self::Overwritten => b'o',
            Self::Inverted => b'v',
            Self::Forwarded => b'w',
        }
    }

    pub(super) fn from_byte(byte: u8) -> Option<Self> {
        match byte {
            b'a' => Some(Self::Again),
            b'r' => Some(Self::Restored),
            b'o' => Some(Self::Overwritten),
            b'v' => Some(Self::Inverted),
            b'w' => Some(Self::Forwarded),
            other => Outcome::from_byte(other).map(Self::Settled),
        }
    }
}

/// One key that came to its outcome without a write, or whose write did not come about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OutcomeEntry {
    /// The key.
    pub key: Key,
    /// Its outcome.
    pub outcome: Outcome,
    /// Why, as JSON; empty when there is nothing to tell.
    pub reason: String,
}

/// What a service outside answered for one key, so that a resumed run does not ask again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AnswerEntry {
    /// The key.
    pub key: Key,
    /// The question, which the answer belongs to.
    pub question: Digest,
    /// The answer, as JSON text.
    pub answer: String,
}

/// Something that happened to the run as a whole.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Note {
    /// The run came to a phase.
    Phase {
        /// The phase.
        phase: Phase,
        /// When, RFC 3339.
        at: String,
        /// Seconds of work so far, over all resumes.
        seconds: f64,
        /// The outcomes so far.
        tally: Tally,
    },
    /// How the run and the server fared at a moment; after a rollback began, how the rollback did.
    Sample {
        /// Seconds of work so far, over all resumes.
        seconds: f64,
        /// Keys scanned so far; of a rollback, those it is done with.
        scanned: u64,
        /// Keys that need eyes so far.
        needs_eyes: u64,
        /// How long the last batches took to write, in milliseconds.
        batch_ms: f64,
        /// What was read of the server, by the signal's name.
        server: BTreeMap<String, f64>,
        /// Why the run was held back; absent when it was not.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        held: Option<String>,
    },
    /// The run is to follow its writers after the scan, as a resume of it is too.
    ToFollow {
        /// Milliseconds between two scans, where the server does not tell of writes.
        every_ms: u64,
        /// After how many milliseconds without an old document it ends by itself.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        until_quiet_ms: Option<u64>,
    },
    /// It began to follow: from here on a key may have several images, of which the newest counts.
    FollowBegan {
        /// When, RFC 3339.
        at: String,
    },
    /// It followed until it was told that this is enough.
    FollowEnded {
        /// When, RFC 3339.
        at: String,
        /// Documents that were migrated meanwhile.
        migrated: u64,
        /// Scans over all keys meanwhile.
        scans: u64,
    },
    /// A verification ended.
    Verified {
        /// When, RFC 3339.
        at: String,
        /// Keys read again.
        checked: u64,
        /// Keys that another client changed since.
        changed: u64,
        /// Keys that hold again what stood before the acknowledged write.
        #[serde(default)]
        lost: u64,
        /// Keys that do not hold what was to be written.
        wrong: u64,
        /// Keys that are right, with another expiry than the run read.
        other_expiry: u64,
    },
    /// A rollback began, or a roll-forward.
    RollbackBegan {
        /// When, RFC 3339.
        at: String,
        /// Whether it takes a rollback back.
        forward: bool,
    },
    /// A rollback came to its end, or a roll-forward.
    RollbackEnded {
        /// When, RFC 3339.
        at: String,
        /// Whether it takes a rollback back.
        forward: bool,
        /// Keys that were taken back.
        restored: u64,
        /// Of those: over what another client had made of them.
        overwritten: u64,
        /// Of those: through the inverse chain, with what another client had made of them.
        inverted: u64,
        /// Keys that another client changed since, and that were left so.
        changed: u64,
        /// Keys that are gone.
        missing: u64,
        /// Keys that could not be put back.
        failed: u64,
        /// Whether every key was looked at.
        complete: bool,
    },
}

/// A frame, read.
#[derive(Clone, Debug, PartialEq)]
pub enum Record {
    /// What the run is.
    Header(Box<Header>),
    /// A batch that is about to be written.
    Images(Vec<ImageEntry>),
    /// Keys that a rollback is about to write.
    Undo(Vec<UndoEntry>),
    /// What became of the entries in an earlier frame.
    Marks {
        /// The number of that frame.
        frame: u64,
        /// One mark for each of its entries.
        marks: Vec<Mark>,
    },
    /// Keys that came to their outcome.
    Outcomes(Vec<OutcomeEntry>),
    /// What services outside answered.
    Answers(Vec<AnswerEntry>),
    /// Something that happened to the run.
    Note(Note),
}

impl Record {
    pub(super) const HEADER: u8 = 1;
    pub(super) const IMAGES: u8 = 2;
    const MARKS: u8 = 3;
    const OUTCOMES: u8 = 4;
    pub(super) const NOTE: u8 = 5;
    const ANSWERS: u8 = 6;
    pub(super) const UNDO: u8 = 7;

    /// The frame's kind and payload.
    pub(super) fn encode(&self) -> (u8, Vec<u8>) {
        match self {
            Self::Header(header) => (Self::HEADER, to_json(header)),
            Self::Note(note) => (Self::NOTE, to_json(note)),
            Self::Images(entries) => (Self::IMAGES, compress(&encode_images(entries))),
            Self::Undo(entries) => (Self::UNDO, compress(&encode_undo(entries))),
            Self::Outcomes(entries) => (Self::OUTCOMES, compress(&encode_outcomes(entries))),
            Self::Answers(entries) => (Self::ANSWERS, compress(&encode_answers(entries))),
            Self::Marks { frame, marks } => {
                let mut out = Encoder::default();
                out.number(*frame);
                let marks: Vec<u8> = marks.iter().map(|mark| mark.to_byte()).collect();
                out.raw(&marks);
                (Self::MARKS, out.finish())
            }
        }
    }

    /// The frame that a frame of this kind has marks for, when it has any.
    pub(super) fn marked(kind: u8, payload: &[u8]) -> Option<u64> {
        if kind == Self::MARKS { Decoder::new(payload).number() } else { None }
    }

    /// Whether a frame notes that the run began to follow its writers.
    pub(super) fn is_follow_began(kind: u8, payload: &[u8]) -> bool {
        // Notes are rare, but for samples, and those are told apart by their first word.
        kind == Self::NOTE
            && payload.starts_with(br#"{"followBegan""#)
            && matches!(Self::decode(kind, payload), Some(Self::Note(Note::FollowBegan { .. })))
    }

    /// Reads a frame; `None` when the payload is none of its kind.
    pub(super) fn decode(kind: u8, payload: &[u8]) -> Option<Self> {
        match kind {
            Self::HEADER => serde_json::from_slice(payload).ok().map(|h| Self::Header(Box::new(h))),
            Self::NOTE => serde_json::from_slice(payload).ok().map(Self::Note),
            Self::IMAGES => decode_images(&decompress(payload)?).map(Self::Images),
            Self::UNDO => decode_undo(&decompress(payload)?).map(Self::Undo),
            Self::OUTCOMES => decode_outcomes(&decompress(payload)?).map(Self::Outcomes),
            Self::ANSWERS => decode_answers(&decompress(payload)?).map(Self::Answers),
            Self::MARKS => {
                let mut decoder = Decoder::new(payload);
                let frame = decoder.number()?;
                let mut marks = Vec::new();
                while !decoder.is_at_end() {
                    marks.push(Mark::from_byte(decoder.raw(1)?[0])?);
                }
                Some(Self::Marks { frame, marks })
            }
            _ => None,
        }
    }

    /// The keys this record settles: also those that values were to move to, which a scan may
    /// name later in the same run.
    pub fn keys(&self) -> Box<dyn Iterator<Item = &Key> + '_> {
        match self {
            Self::Images(entries) => Box::new(
                entries
                    .iter()
                    .flat_map(|entry| [Some(&entry.key), entry.image.moved_to()])
                    .flatten(),
            ),
            Self::Outcomes(entries) => Box::new(entries.iter().map(|entry| &entry.key)),
            _ => Box::new(std::iter::empty()),
        }
    }
}

/// Prints a type of our own, which cannot fail.
fn to_json(value: &impl Serialize) -> Vec<u8> {
    serde_json::to_vec(value).expect("plain data prints as JSON")
}

fn encode_outcomes(entries: &[OutcomeEntry]) -> Vec<u8> {
    let mut out = Encoder::default();
    for OutcomeEntry { key, outcome, reason } in entries {
        out.bytes(key.as_bytes());
        out.raw(&[outcome.to_byte()]);
        out.bytes(reason.as_bytes());
    }
    out.finish()
}

fn decode_outcomes(payload: &[u8]) -> Option<Vec<OutcomeEntry>> {
    let mut decoder = Decoder::new(payload);
    let mut entries = Vec::new();
    while !decoder.is_at_end() {
        let key = Key::from(decoder.bytes()?);
        let outcome = Outcome::from_byte(decoder.raw(1)?[0])?;
        let reason = String::from_utf8(decoder.bytes()?.to_vec()).ok()?;
        entries.push(OutcomeEntry { key, outcome, reason });
    }
    Some(entries)
}

fn encode_answers(entries: &[AnswerEntry]) -> Vec<u8> {
    let mut out = Encoder::default();
    for AnswerEntry { key, question, answer } in entries {
        out.bytes(key.as_bytes());
        out.raw(&question.to_bytes());
        out.bytes(answer.as_bytes());
    }
    out.finish()
}

fn decode_answers(payload: &[u8]) -> Option<Vec<AnswerEntry>> {
    let mut decoder = Decoder::new(payload);
    let mut entries = Vec::new();
    while !decoder.is_at_end() {
        let key = Key::from(decoder.bytes()?);
        let question = Digest::from_bytes(decoder.raw(16)?.try_into().ok()?);
        let answer = String::from_utf8(decoder.bytes()?.to_vec()).ok()?;
        entries.push(AnswerEntry { key, question, answer });
    }
    Some(entries)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Content, Edit, Expiry, FieldChange, HashField, Kept, Terms, Turn, Whole};

    #[test]
    fn every_record_reads_back() {
        let expires = Expiry::AtMs(1_700_000_000_000);
        let field = HashField { name: b"n".to_vec(), value: b"\0".to_vec(), expires };
        let kept = |content, expiry| Some(Kept { content, expiry });
        let edits = [
            Edit::String { before: b"{}".to_vec(), after: b"{\"a\":1}".to_vec() },
            Edit::Json { before: b"{}".to_vec(), after: b"{\"a\":1}".to_vec() },
            Edit::Hash(vec![
                FieldChange::new(*b"\xff", None, Some(Vec::new())),
                FieldChange::new(*b"b", Some(Vec::new()), None),
                FieldChange { before_expires: expires, ..FieldChange::new(*b"c", None, None) },
            ]),
            Edit::Whole(Box::new(Whole {
                here: Turn {
                    before: kept(Content::Hash(vec![field]), Some(Expiry::Never)),
                    after: None,
                },
                there: Some((
                    Key::from("new"),
                    Turn {
                        before: kept(Content::Json(b"{}".to_vec()), Some(expires)),
                        after: kept(Content::String(b"{}".to_vec()), None),
                    },
                )),
                terms: Terms::default(),
            })),
        ];
        let image = |edit: &Edit| ImageEntry {
            key: Key::from("k"),
            source: "1.0.0".into(),
            branch: Branch::default(),
            image: BeforeImage::of(edit),
            expiry: expires,
        };
        let branched = |edit: &Edit| ImageEntry {
            branch: (0..11).map(|at| at % 2 == 0).collect(),
            ..image(edit)
        };
        let undo = |edit: &Edit| UndoEntry::of(7, 3, Mark::Overwritten, image(edit), edit);
        let made = Edit::Whole(Box::new(Whole {
            here: Turn { before: None, after: kept(Content::Json(b"1".to_vec()), Some(expires)) },
            there: None,
            terms: Terms::default(),
        }));
        let outcome =
            OutcomeEntry { key: Key::from("x"), outcome: Outcome::Failed, reason: "{}".into() };
        for record in [
            Record::Images(edits.iter().map(image).chain(edits.iter().map(branched)).collect()),
            Record::Undo(edits.iter().chain([&made]).map(undo).collect()),
            Record::Outcomes(vec![outcome]),
            Record::Answers(vec![AnswerEntry {
                key: Key::from("k"),
                question: Digest::of(b"?"),
                answer: "[1.0]".into(),
            }]),
            Record::Marks {
                frame: 300,
                marks: vec![
                    Mark::Settled(Outcome::Migrated),
                    Mark::Again,
                    Mark::Restored,
                    Mark::Overwritten,
                    Mark::Inverted,
                    Mark::Forwarded,
                ],
            },
            Record::Note(Note::RollbackBegan { at: "now".into(), forward: true }),
        ] {
            let (kind, payload) = record.encode();
            assert_eq!(Record::decode(kind, &payload), Some(record));
        }
    }
}
