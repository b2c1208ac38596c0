//! Bytes in a payload: texts with their length before them, numbers as LEB128.

/// Writes the parts of a payload.
#[derive(Default)]
pub(super) struct Encoder {
    out: Vec<u8>,
}

impl Encoder {
    pub fn number(&mut self, mut number: u64) {
        while number >= 0x80 {
            self.out.push(u8::try_from(number & 0x7f).expect("seven bits") | 0x80);
            number >>= 7;
        }
        self.out.push(u8::try_from(number).expect("seven bits are left"));
    }

    pub fn bytes(&mut self, bytes: &[u8]) {
        self.number(bytes.len() as u64);
        self.out.extend_from_slice(bytes);
    }

    /// Bytes that may be absent: absent is 0, else the length plus one stands before them.
    pub fn optional(&mut self, bytes: Option<&[u8]>) {
        self.number(bytes.map_or(0, |bytes| bytes.len() as u64 + 1));
        self.out.extend_from_slice(bytes.unwrap_or_default());
    }

    pub fn raw(&mut self, bytes: &[u8]) {
        self.out.extend_from_slice(bytes);
    }

    pub fn flag(&mut self, flag: bool) {
        self.number(u64::from(flag));
    }

    pub fn finish(self) -> Vec<u8> {
        self.out
    }
}

/// Reads what an [`Encoder`] wrote. Every method answers `None` when the payload ends too soon.
pub(super) struct Decoder<'p> {
    rest: &'p [u8],
}

impl<'p> Decoder<'p> {
    pub fn new(payload: &'p [u8]) -> Self {
        Self { rest: payload }
    }

    pub fn number(&mut self) -> Option<u64> {
        let mut number = 0;
        for shift in (0..64).step_by(7) {
            let [byte] = *self.raw(1)? else { return None };
            number |= u64::from(byte & 0x7f) << shift;
            if byte < 0x80 {
                return Some(number);
            }
        }
        None
    }

    pub fn length(&mut self) -> Option<usize> {
        usize::try_from(self.number()?).ok()
    }

    pub fn bytes(&mut self) -> Option<&'p [u8]> {
        let length = self.length()?;
        self.raw(length)
    }

    /// Bytes that may be absent, which is `Some(None)`.
    #[expect(clippy::option_option, reason = "the payload may end, and the bytes may be absent")]
    pub fn optional(&mut self) -> Option<Option<&'p [u8]>> {
        match self.length()? {
            0 => Some(None),
            length => self.raw(length - 1).map(Some),
        }
    }

    pub fn raw(&mut self, length: usize) -> Option<&'p [u8]> {
        let (head, rest) = self.rest.split_at_checked(length)?;
        self.rest = rest;
        Some(head)
    }

    pub fn flag(&mut self) -> Option<bool> {
        self.number().map(|number| number != 0)
    }

    pub fn is_at_end(&self) -> bool {
        self.rest.is_empty()
    }
}
