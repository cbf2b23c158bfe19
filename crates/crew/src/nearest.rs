//! What a mistyped word was probably meant to be.

/// How alike two words must be, from 0 to 1; the measure and the limit that the parser of flags has.
const ALIKE: f64 = 0.7;

/// The candidate that is most like a word, if any is alike enough.
pub fn nearest<T: AsRef<str>>(word: &str, candidates: impl IntoIterator<Item = T>) -> Option<T> {
    let scored = candidates.into_iter().map(|candidate| (strsim::jaro(word, candidate.as_ref()), candidate));
    let alike = scored.filter(|(score, _)| *score > ALIKE);
    alike.max_by(|one, other| one.0.total_cmp(&other.0)).map(|(_, candidate)| candidate)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slip_is_told_and_a_stranger_is_not() {
        let known = ["fix_bug", "verify_fix", "scan_logs"];
        assert_eq!(nearest("fix_bgu", known), Some("fix_bug"));
        assert_eq!(nearest("scanlogs", known), Some("scan_logs"));
        assert_eq!(nearest("paint", known), None);
        assert_eq!(nearest("", known), None);
    }
}
