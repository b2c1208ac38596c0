//! Numbers that look random and are the same on every machine: splitmix64
//! (<https://prng.di.unimi.it/splitmix64.c>). Not for secrets.

/// A source of numbers. Equal seeds give equal numbers.
#[derive(Clone, Debug)]
pub struct Random(u64);

impl Random {
    /// The source for one thing of a family: `seed` names the family, `index` the thing. Each thing
    /// has numbers of its own, so that it does not depend on what was made before it.
    pub fn of(seed: u64, index: u64) -> Self {
        let mut random = Self(seed);
        let mixed = random.next();
        Self(mixed ^ index.wrapping_mul(0x9e37_79b9_7f4a_7c15))
    }

    /// The next number.
    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// A number below `limit`, which is at least 1. The bias at these small limits is of no matter
    /// for sample data.
    pub fn below(&mut self, limit: u64) -> u64 {
        self.next() % limit
    }

    /// Whether something happens that happens `percent` times in a hundred.
    pub fn chance(&mut self, percent: u64) -> bool {
        self.below(100) < percent
    }

    /// One of a list that is not empty.
    pub fn pick<'i, T: ?Sized>(&mut self, items: &[&'i T]) -> &'i T {
        let length = u64::try_from(items.len()).expect("a list in memory");
        let at = self.below(length);
        items[usize::try_from(at).expect("below the length")]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_those_of_splitmix64() {
        let mut random = Random(1_234_567);
        let expected = [6_457_827_717_110_365_317, 3_203_168_211_198_807_973];
        assert_eq!([random.next(), random.next()], expected);
    }

    #[test]
    fn each_thing_has_numbers_of_its_own() {
        assert_eq!(Random::of(7, 1).next(), Random::of(7, 1).next());
        assert_ne!(Random::of(7, 1).next(), Random::of(7, 2).next());
        assert_ne!(Random::of(7, 1).next(), Random::of(8, 1).next());
    }
}
