//! The keys of lines that were met lately.
//!
//! Errors come in floods of few forms, and the rules read a message many times over. No rule asks which digit stands
//! where, but for the zero of `0x`: a digit is masked with all that it belongs to. So lines that differ in nothing else
//! have the same keys, and those are kept for the forms met last. Texts are compared whole, so that no two forms can be
//! taken for one.

use std::cell::RefCell;

use memchr::memchr2_iter;

use crate::record::Record;

/// Forms that are kept; a power of two.
const FORMS: usize = 512;
/// Bytes of a logger and a message together beyond which they are not kept.
const LENGTH: usize = 1 << 10;
/// Stands between the logger and the message; no text holds it.
const BETWEEN: u8 = 0xff;

/// What names a record without a trace.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Keys {
    pub(super) key: String,
    pub(super) family: String,
    pub(super) older: Vec<String>,
}

#[derive(Default)]
struct Memo {
    forms: Vec<Option<(Box<[u8]>, Keys)>>,
    /// The form that is asked for; its room is used again.
    form: Vec<u8>,
}

thread_local! {
    static MEMO: RefCell<Memo> = RefCell::default();
}

/// The keys of a record without a trace, made by the rules where its form was not met lately.
pub(super) fn keys(record: &Record, by_rules: impl FnOnce(&Record) -> Keys) -> Keys {
    let logger = record.logger.as_deref().unwrap_or_default();
    if logger.len() + record.message.len() > LENGTH {
        return by_rules(record);
    }
    MEMO.with_borrow_mut(|memo| {
        memo.form.clear();
        add_form(logger, &mut memo.form);
        memo.form.push(BETWEEN);
        add_form(&record.message, &mut memo.form);
        memo.forms.resize_with(FORMS, || None);
        let place = &mut memo.forms[place(&memo.form)];
        match place {
            Some((form, keys)) if **form == *memo.form => keys.clone(),
            Some(_) | None => {
                let keys = by_rules(record);
                *place = Some((memo.form.as_slice().into(), keys.clone()));
                keys
            }
        }
    })
}

/// Adds the text with one digit for all.
fn add_form(text: &str, form: &mut Vec<u8>) {
    let start = form.len();
    form.extend(text.bytes().map(|byte| if byte.is_ascii_digit() { b'1' } else { byte }));
    let text = text.as_bytes();
    for at in memchr2_iter(b'x', b'X', text) {
        if at > 0 && text[at - 1] == b'0' {
            form[start + at - 1] = b'0';
        }
    }
}

/// Where a form is kept. That forms may be made to share a place costs those who do it a reading by the rules.
fn place(form: &[u8]) -> usize {
    const FACTOR: u64 = 0x9e37_79b9_7f4a_7c15;
    let mix = |hash: u64, word: u64| (hash ^ word).wrapping_mul(FACTOR).rotate_left(29);
    let (words, rest) = form.as_chunks::<8>();
    let hash = words.iter().fold(form.len() as u64, |hash, word| mix(hash, u64::from_le_bytes(*word)));
    let rest = rest.iter().fold(0, |word, byte| word << 8 | u64::from(*byte));
    let bits = FORMS.trailing_zeros();
    usize::try_from(mix(hash, rest).wrapping_mul(FACTOR) >> (u64::BITS - bits)).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::line_keys;
    use super::*;

    fn record(logger: &str, message: &str) -> Record {
        Record { logger: Some(logger.to_owned()), message: message.to_owned(), ..Record::empty() }
    }

    /// The text with each digit replaced by another one.
    fn other(text: &str, digits: &[u8]) -> String {
        let mut digits = digits.iter().cycle();
        let digit =
            |c: char| digits.next().filter(|_| c.is_ascii_digit()).map_or(c, |d| char::from(b'0' + d % 10));
        text.chars().map(digit).collect()
    }

    fn message() -> impl Strategy<Value = String> {
        let part = prop_oneof![
            "[a-z]{1,6}",
            "[0-9a-fA-F]{1,12}",
            "[0-9]{1,4}",
            "[ .,:;=/@+-]",
            "\\PC{0,3}",
            "['\"`(){}\\[\\]]",
            "[a-z\\\\é]{250,300}",
            "[0-9]{1,3}\\.[0-9]{1,3}\\.[0-9]{1,3}\\.[0-9]{1,3}(:[0-9]{1,5})?",
            "(user|file|host) [A-Za-z0-9]{1,6}",
            "[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}",
            "[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}",
            prop::sample::select(vec![
                "://",
                "0x",
                "0X",
                "1x",
                "C:\\",
                "[redacted:token:0a1b]",
                "~/a/b",
                "::1",
                " ",
                "\n",
                ": ",
                "key=",
                "Alice",
                "é0x1f",
                "10x2",
                "10.0.0.1",
                "<number>",
                "<12>",
            ])
            .prop_map(str::to_owned),
        ];
        prop::collection::vec(part, 0..16).prop_map(|parts| parts.concat())
    }

    proptest! {
        #[test]
        fn a_form_that_was_met_has_the_keys_that_the_rules_say(
            message in message(),
            logger in "[a-z0-9.]{0,8}",
            digits in prop::collection::vec(any::<u8>(), 1..30),
        ) {
            let once = record(&logger, &message);
            prop_assert_eq!(keys(&once, line_keys), line_keys(&once));
            for message in [other(&message, &digits), message.replace("0x", "1x"), message.replace('1', "0")] {
                let again = record(&other(&logger, &digits), &message);
                prop_assert_eq!(keys(&again, line_keys), line_keys(&again), "{}", message);
            }
        }
    }

    #[test]
    fn a_form_is_read_by_the_rules_once_whatever_its_digits() {
        let mut read = 0;
        for n in 0..100 {
            let count = |record: &Record| {
                read += 1;
                line_keys(record)
            };
            keys(&record("shop", &format!("order {} of 0x{} is lost", 100 + n, 100 + n)), count);
        }
        assert_eq!(read, 1);
    }
}
