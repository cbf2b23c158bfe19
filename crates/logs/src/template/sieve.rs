//! A set of hashes that may hold more than was put into it, never less.
//!
//! Most of what is asked for is not in it, which one look at a bit tells.

/// Bits of the set; a few thousand hashes fill a small part of them.
const BITS: usize = 1 << 18;

/// A set of hashes, by some of their bits.
#[derive(Debug, Default)]
pub(super) struct Sieve {
    words: Vec<u64>,
}

impl Sieve {
    pub(super) fn is_empty(&self) -> bool {
        self.words.is_empty()
    }

    pub(super) fn put(&mut self, hash: u64) {
        let bit = bit(hash);
        self.words.resize(BITS / 64, 0);
        if let Some(word) = self.words.get_mut(bit / 64) {
            *word |= 1 << (bit % 64);
        }
    }

    pub(super) fn holds(&self, hash: u64) -> bool {
        let bit = bit(hash);
        self.words.get(bit / 64).is_some_and(|word| word >> (bit % 64) & 1 == 1)
    }
}

fn bit(hash: u64) -> usize {
    (hash >> 40) as usize % BITS
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_put_in_is_held_and_most_else_is_not() {
        let mut sieve = Sieve::default();
        assert!(sieve.is_empty() && !sieve.holds(7));
        let hash = |number: u64| number.wrapping_mul(0x9e37_79b9_7f4a_7c15);
        (0..1000).for_each(|number| sieve.put(hash(number)));
        assert!(!sieve.is_empty() && (0..1000).all(|number| sieve.holds(hash(number))));
        assert!((1000..2000).filter(|number| sieve.holds(hash(*number))).count() < 50);
    }
}
