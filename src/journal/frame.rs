//! Frames: length, kind, checksum, payload. A frame that was torn by a crash is recognised and cut.

use std::io::{self, Read};

/// Bytes of a frame's head: length (4), kind (1), zero (3), XXH3-64 of kind and payload (8).
pub(super) const HEAD_BYTES: usize = 16;
/// The most a payload may have; a longer length is damage, not a frame.
const PAYLOAD_BYTES_MAX: usize = 1 << 30;

/// Appends a frame to `out`.
pub(super) fn push(out: &mut Vec<u8>, kind: u8, payload: &[u8]) {
    assert!(payload.len() <= PAYLOAD_BYTES_MAX, "a batch is cut long before this size");
    let length = u32::try_from(payload.len()).expect("checked above");
    out.extend_from_slice(&length.to_le_bytes());
    out.extend_from_slice(&[kind, 0, 0, 0]);
    out.extend_from_slice(&checksum(kind, payload).to_le_bytes());
    out.extend_from_slice(payload);
}

fn checksum(kind: u8, payload: &[u8]) -> u64 {
    xxhash_rust::xxh3::xxh3_64_with_seed(payload, u64::from(kind))
}

/// What stands where a frame was looked for.
pub(super) enum Next {
    /// A whole frame.
    Frame {
        /// Its kind.
        kind: u8,
        /// Its payload.
        payload: Vec<u8>,
    },
    /// The file ends here.
    End,
    /// The file ends within a frame, or the frame's checksum is wrong.
    Torn(&'static str),
}

/// Reads the next frame.
pub(super) fn read(reader: &mut impl Read) -> io::Result<Next> {
    let mut head = [0; HEAD_BYTES];
    match fill(reader, &mut head)? {
        0 => return Ok(Next::End),
        HEAD_BYTES => {}
        _ => return Ok(Next::Torn("the file ends within a frame's head")),
    }
    let [l0, l1, l2, l3, kind, ..] = head;
    let length = u32::from_le_bytes([l0, l1, l2, l3]) as usize;
    if length > PAYLOAD_BYTES_MAX {
        return Ok(Next::Torn("the frame's length is impossible"));
    }
    let mut payload = Vec::new();
    reader.by_ref().take(length as u64).read_to_end(&mut payload)?;
    if payload.len() < length {
        return Ok(Next::Torn("the file ends within a frame"));
    }
    let sum = u64::from_le_bytes(head[8..].try_into().expect("eight bytes are left of the head"));
    if sum != checksum(kind, &payload) {
        return Ok(Next::Torn("the frame's checksum is wrong"));
    }
    Ok(Next::Frame { kind, payload })
}

/// Reads until `buffer` is full or the file ends; answers how much came.
fn fill(reader: &mut impl Read, buffer: &mut [u8]) -> io::Result<usize> {
    let mut got = 0;
    while got < buffer.len() {
        match reader.read(&mut buffer[got..]) {
            Ok(0) => break,
            Ok(count) => got += count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(got)
}
