//! Hashes of words and of sequences of them.
//!
//! A sequence is a polynomial over the hashes of its words, so that the hash with one word masked follows from the hash
//! of the whole in one step: what makes looking for masked positions linear. Equal input gives equal hashes on every
//! machine and in every run, since ids must not depend on either.

use std::hash::{BuildHasher, Hasher, RandomState};

use super::token::TOKENS;

const K: u64 = 0x9e37_79b9_7f4a_7c15;
const BASE: u64 = 0xd6e8_feb8_6659_fd93;

/// The hash that stands for a value, whatever it is.
pub(super) const VALUE: u64 = 0x2545_f491_4f6c_dd1d;

/// The hash of the template that no message is compared with.
pub(super) const OTHER: u64 = 0x1b87_3593_cc9e_2d51;

#[inline]
fn mix(a: u64) -> u64 {
    let wide = u128::from(a) * u128::from(K);
    #[expect(clippy::cast_possible_truncation, reason = "both halves are wanted")]
    let folded = (wide as u64) ^ ((wide >> 64) as u64);
    folded
}

/// Builds maps over hashes of ours.
///
/// Ours are the same everywhere, so that whoever writes a log could choose sequences that meet in one bucket; a secret
/// of this process keeps them apart, at a tenth of what a general hasher costs.
#[derive(Debug, Clone)]
pub(super) struct Spread(u64);

impl Default for Spread {
    fn default() -> Self {
        Self(RandomState::new().hash_one(K))
    }
}

impl BuildHasher for Spread {
    type Hasher = Spreading;

    fn build_hasher(&self) -> Spreading {
        Spreading(self.0)
    }
}

/// The hasher of [`Spread`].
#[derive(Debug)]
pub(super) struct Spreading(u64);

impl Hasher for Spreading {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        self.0 = mix(self.0 ^ word(bytes));
    }

    fn write_u32(&mut self, number: u32) {
        self.0 = mix(self.0 ^ u64::from(number));
    }

    fn write_u64(&mut self, number: u64) {
        self.0 = mix(self.0 ^ number);
    }
}

/// The hash of a word.
#[inline]
pub(super) fn word(text: &[u8]) -> u64 {
    let length = text.len();
    let seed = (length as u64).wrapping_mul(BASE);
    if let (Some(first), Some(last)) = (text.first_chunk::<8>(), text.last_chunk::<8>()) {
        let mut hash = mix(seed ^ u64::from_le_bytes(*last));
        if length > 8 {
            hash = mix(hash ^ u64::from_le_bytes(*first));
        }
        if length > 16 {
            for chunk in text[8..].chunks_exact(8) {
                let mut eight = [0; 8];
                eight.copy_from_slice(chunk);
                hash = mix(hash ^ u64::from_le_bytes(eight));
            }
        }
        return hash;
    }
    if let (Some(first), Some(last)) = (text.first_chunk::<4>(), text.last_chunk::<4>()) {
        let both = u64::from(u32::from_le_bytes(*first)) << 32 | u64::from(u32::from_le_bytes(*last));
        return mix(seed ^ both);
    }
    match text {
        [] => mix(seed),
        [first, .., last] => {
            let middle = text[length / 2];
            mix(seed ^ (u64::from(*first) << 16 | u64::from(middle) << 8 | u64::from(*last)))
        }
        [only] => mix(seed ^ u64::from(*only)),
    }
}

/// The hash of a word with digits, in which each run of digits counts alike.
#[inline]
pub(super) fn part(text: &[u8]) -> u64 {
    let mut hash = BASE;
    let mut digits = false;
    for byte in text {
        if byte.is_ascii_digit() {
            digits = true;
            continue;
        }
        if std::mem::take(&mut digits) {
            hash = (hash ^ 0xff).wrapping_mul(K);
        }
        hash = (hash ^ u64::from(*byte)).wrapping_mul(K).rotate_left(23);
    }
    mix(hash ^ u64::from(digits))
}

/// The hash of a sequence, one word longer.
#[inline]
pub(super) fn push(sequence: u64, word: u64) -> u64 {
    sequence.wrapping_mul(BASE).wrapping_add(word)
}

/// What a word at a distance from the end of the sequence adds to its hash.
pub(super) fn weight(distance: usize) -> u64 {
    WEIGHTS.get(distance).copied().unwrap_or_default()
}

/// The powers of the base; no sequence has more words.
static WEIGHTS: [u64; TOKENS] = {
    let mut weights = [1_u64; TOKENS];
    let mut at = 1;
    while at < TOKENS {
        weights[at] = weights[at - 1].wrapping_mul(BASE);
        at += 1;
    }
    weights
};
