//! Which way a document took through the conditions of its chain.

/// Which steps with a `when` were carried out on one document: an answer for each such step of its
/// chain, in order. The journal keeps it, so that an inverse follows the same way, whatever has become
/// of the fields that the conditions asked for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Branch {
    answers: Vec<bool>,
}

impl Branch {
    /// Adds the answer of the next step.
    pub fn push(&mut self, is_carried_out: bool) {
        self.answers.push(is_carried_out);
    }

    /// The answers, the first step's first.
    pub fn answers(&self) -> &[bool] {
        &self.answers
    }

    /// Whether the chain has no step with a condition, or it is not known what they answered.
    pub fn is_empty(&self) -> bool {
        self.answers.is_empty()
    }

    /// The answers as bits, the first in the lowest of the first byte.
    pub fn to_bits(&self) -> Vec<u8> {
        let byte = |answers: &[bool]| {
            let bits = answers.iter().enumerate().map(|(at, answer)| u8::from(*answer) << at);
            bits.fold(0, |byte, bit| byte | bit)
        };
        self.answers.chunks(8).map(byte).collect()
    }

    /// Reads what [`Branch::to_bits`] wrote of `count` answers; `None` when it is not that many bytes.
    pub fn from_bits(count: usize, bits: &[u8]) -> Option<Self> {
        if bits.len() != count.div_ceil(8) {
            return None;
        }
        let answers = (0..count).map(|at| bits[at / 8] >> (at % 8) & 1 == 1).collect();
        Some(Self { answers })
    }
}

impl FromIterator<bool> for Branch {
    fn from_iter<I: IntoIterator<Item = bool>>(answers: I) -> Self {
        Self { answers: answers.into_iter().collect() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_come_back_from_their_bits() {
        for count in 0..20 {
            let branch: Branch = (0..count).map(|at| at % 3 == 1).collect();
            assert_eq!(Branch::from_bits(count, &branch.to_bits()), Some(branch));
        }
        assert_eq!(Branch::from_bits(9, &[0]), None);
    }
}
